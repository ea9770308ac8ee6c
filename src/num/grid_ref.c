/* SPDX-License-Identifier: Apache-2.0
 * grid_ref.c - the specification of exact outer products in plain loops, to be checked by
 * reading (num/grid.h says why it is exact). Eight chains go side by side, because one alone
 * waits for itself at every step. */
#include <math.h>
#include "num/grid.h"
#include "num/grid_kernels.h"

enum { SIDE = 8 };

/* odd(w d[r][i]) of the rows [r, r + n) */
static void weigh(const onus_grid_outer_args *a, int64_t i, int64_t r, int64_t n, double *out)
{
    for (int64_t k = 0; k < n; k++) {
        const double w = a->weight[(r + k) / a->rows_per_weight];
        out[k] = onus_grid_odd(w * (double)a->d[(r + k) * a->ldd + i]);
    }
}

void onus_grid_tile_ref(ONUS_GRID_TILE_ARGS)
{
    (void)pack;
    const double start = onus_grid_start(a->grid);
    double d[ONUS_GRID_ROWS];
    for (int64_t i = p->i0; i < p->i1; i++)
        for (int64_t r = p->r0, n; r < p->r1; r += n) {
            n = p->r1 - r < ONUS_GRID_ROWS ? p->r1 - r : ONUS_GRID_ROWS;
            weigh(a, i, r, n, d);
            for (int64_t j = p->j0; j < p->j1; j += SIDE) {
                const int width = p->j1 - j < SIDE ? (int)(p->j1 - j) : SIDE;
                const float *x = a->x + r * a->ldx + j;
                double chain[SIDE];
                for (int c = 0; c < SIDE; c++) chain[c] = start;
                for (int64_t k = 0; k < n; k++)
                    for (int c = 0; c < width; c++)
                        chain[c] = fma((double)x[k * a->ldx + c], d[k], chain[c]);
                for (int c = 0; c < width; c++) a->sum[i * a->ld + j + c] += chain[c] - start;
            }
        }
}
