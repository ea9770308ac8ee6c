/* SPDX-License-Identifier: Apache-2.0
 * gemm_ref.c - the specification of matrix products (contract, item 3) in plain loops: k is cut
 * at multiples of 256; a segment is one fmaf chain from +0, k ascending; segments are added
 * ascending, and the first one starts the total. Written to be checked by reading. Eight
 * columns go side by side, because a chain alone waits for itself at every step (built a second
 * time by gemm_fma.c, with the processor's scalar fmaf, this is what ONUS_ISA=ref runs). */
#include <math.h>
#include "num/gemm_kernels.h"

enum { SIDE = 8 };

/* Terms [k0, k1) of eight dots that share a; column c of B starts at b[c]. */
static void segment(const float *a, int64_t a_col, const float *const b[SIDE], int64_t b_row,
                    int64_t k0, int64_t k1, float chain[SIDE])
{
    float x[SIDE] = {0.0f};
    for (int64_t k = k0; k < k1; k++)
        for (int c = 0; c < SIDE; c++) x[c] = fmaf(a[k * a_col], b[c][k * b_row], x[c]);
    for (int c = 0; c < SIDE; c++) chain[c] = x[c];
}

/* Eight dots from all segments; total goes in with what stands in C where the task goes on. */
static void dots(const onus_gemm_task *g, const float *a, const float *const b[SIDE],
                 int64_t b_row, float total[SIDE])
{
    float part[SIDE];
    for (int64_t k = 0, n; k < g->K; k += n) {
        n = onus_gemm_segment_terms(g, k);
        segment(a, g->a_col, b, b_row, k, k + n, part);
        const bool starts = k == 0 && !g->goes_on;
        for (int c = 0; c < SIDE; c++) total[c] = starts ? part[c] : total[c] + part[c];
    }
}

/* Where column j of B starts. */
static const float *column(const onus_gemm_task *g, int64_t j)
{
    enum { PANEL = ONUS_GEMM_PANEL_ref };
    return g->panels ? g->panels + j / PANEL * PANEL * g->panel_terms + j % PANEL
                     : g->B + j * g->b_col;
}

void onus_gemm_tile_ref(ONUS_GEMM_TILE_ARGS)
{
    (void)pack;
    for (int64_t i = m0; i < m1; i++) {
        for (int64_t j = n0; j < n1; j += SIDE) {
            const int width = n1 - j < SIDE ? (int)(n1 - j) : SIDE;
            float *C = g->C + i * g->ldc + j;
            const float *b[SIDE];
            float total[SIDE] = {0.0f}; /* no term: +0 */
            for (int c = 0; c < SIDE; c++) b[c] = column(g, j + (c < width ? c : 0));
            for (int c = 0; c < width && g->goes_on; c++) total[c] = C[c];
            dots(g, g->A + i * g->a_row, b, g->panels ? ONUS_GEMM_PANEL_ref : g->b_row, total);
            for (int c = 0; c < width; c++)
                C[c] = g->bias ? total[c] + g->bias[j + c] : total[c];
        }
    }
}

void onus_gemm_panels_ref(ONUS_GEMM_PANELS_ARGS)
{
    enum { PANEL = ONUS_GEMM_PANEL_ref };
    for (int64_t j = 0; j < n; j += PANEL) {
        const float *b = panels + j * kb;
        const int width = n - j < PANEL ? (int)(n - j) : PANEL;
        for (int64_t i = 0; i < m; i++) {
            float chain[PANEL] = {0.0f}, *c = C + i * ldc + j;
            for (int64_t k = 0; k < kb; k++)
                for (int x = 0; x < width; x++)
                    chain[x] = fmaf(A[i * lda + k], b[k * PANEL + x], chain[x]);
            for (int x = 0; x < width; x++) c[x] = first ? chain[x] : c[x] + chain[x];
        }
    }
}

void onus_gemm_transpose_ref(ONUS_GEMM_TRANSPOSE_ARGS)
{
    for (int64_t c = 0; c < cols; c++)
        for (int64_t r = 0; r < rows; r++) dst[c * dst_ld + r] = src[r * ld + c];
}

void onus_gemm_listed_ref(ONUS_GEMM_LISTED_ARGS)
{
    enum { LANES = ONUS_GEMM_PANEL_ref / 2 };
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) {
            float chain[LANES] = {0.0f}, *c = l->c + i * l->c_row + v * l->c_next;
            const float *a = l->a + i / 3 * l->a_three + i % 3 * l->a_row, *b = l->b + v * l->b_next;
            for (int64_t k = 0; k < l->n; k++)
                for (int x = 0; x < LANES; x++)
                    chain[x] = fmaf(a[l->list[k].a], b[l->list[k].b + x], chain[x]);
            for (int x = 0; x < LANES; x++) c[x] = l->first ? chain[x] : c[x] + chain[x];
        }
}
