/* SPDX-License-Identifier: Apache-2.0
 * grid.h - sums that are exact: whole multiples of a public grid g = 2^e, so that neither order
 * nor blocks, threads, instruction sets or a neighbour in the sum can change them. Private
 * training adds up gradients so (docs/PRIVACY.md): taking one example away changes the sum by
 * exactly that example's own share.
 *
 * A term is a product x d' of a binary32 x and a binary64 d'. It is rounded to the nearest
 * multiple of g by the fused multiply-add that adds it: a chain starts at M = 1.5 2^52 g, and
 * as long as it stays between 2^52 g and 2^53 g, where neighbouring numbers are g apart,
 * fma(x, d', chain) = chain + (the multiple of g nearest to x d').
 *
 * Were x d' half-way between two multiples, the even sum would win, and the chain so far would
 * decide what is added. That cannot be: d' is made odd (its lowest bit is set). With d' = D
 * 2^a, D odd and above 2^52, and x = X 2^b, X odd, the odd part X D of the product is above
 * 2^52, while an odd multiple of g / 2 below 2^51 g has an odd part below 2^52. */
#ifndef ONUS_NUM_GRID_H
#define ONUS_NUM_GRID_H
#include <stddef.h>
#include <string.h>
#include "num/exec.h"

/* The lowest bit of v's mantissa set; 0 stays 0. Only where |v| >= 2^-1022 does that leave a
 * mantissa of 53 bits; below, x v is far less than half of any grid used. */
static inline double onus_grid_odd(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits |= (uint64_t)(v != 0.0); /* not for 0: a subnormal costs a multiply-add 150 cycles */
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* sum (u, n) += for each row r the multiple of grid nearest to x[r][j] odd(w d[r][i]), w =
 * weight[r / rows_per_weight], w d rounded to binary64 first.
 *
 * - grid: a power of two, 2^-800 .. 2^800;
 *
 * - d, x: row-major, row strides ldd, ldx (floats); finite, also where the weight is 0;
 *
 * - weight: in [0, 1], one for every rows_per_weight rows, from row 0 on;
 *
 * - sum: row-major, row stride ld; whole multiples of grid; overlaps nothing.
 *
 * For every element, |sum| and the magnitudes of what is added must come to at most 2^50 grid
 * together: the caller's bound, which this does not check. */
typedef struct {
    double grid;
    int64_t rows, u, n;
    const float *d;
    int64_t ldd;
    const float *x;
    int64_t ldx;
    const double *weight;
    int64_t rows_per_weight;
    double *sum;
    int64_t ld;
} onus_grid_outer_args;

/* Bytes of scratch on this executor for (u, n) or less, and any number of rows; bounded but for
 * a factor of threads (below 4 MiB each). */
size_t onus_grid_outer_bytes(const onus_exec *ex, int64_t u, int64_t n);
/* On ex's threads. scratch: onus_grid_outer_bytes, 64-byte aligned. */
void onus_grid_outer(const onus_exec *ex, const onus_grid_outer_args *a, void *scratch);

size_t onus_grid_outer_serial_bytes(int64_t u, int64_t n);
/* The same on the calling thread alone. scratch: onus_grid_outer_serial_bytes, 64-byte aligned.
 */
void onus_grid_outer_serial(const onus_exec *ex, const onus_grid_outer_args *a, void *scratch);

/* sum[j] += the multiple of grid nearest to odd(w d[j]), j < n. The bounds are those above. */
void onus_grid_add(double grid, double w, const float *d, double *sum, int64_t n);
#endif
