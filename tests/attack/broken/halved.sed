# src/train/private.c, refuted by halved: half the noise
s/t->sigma \* t->grid.sensitivity, t->grid.grid/0.5 * &/
