# src/train/private.c, refuted by halved: half the noise
s/t->sigma \* t->privacy->clip/0.5 * &/
