/* SPDX-License-Identifier: Apache-2.0
 * conv_template.h - what convolutions do beside the products, in plain loops; included by one
 * file an instruction set, which differ in compiler flags only. */
#include <math.h>
#include <string.h>

#include "num/conv_kernels.h"
#include "num/gemm_kernels.h"

#define JOINED(a, b) a##_##b
#define JOIN(a, b)   JOINED(a, b)
#define NAME(x)      JOIN(x, ISA)
#define INLINE       static inline __attribute__((always_inline))

/* ---- copying ----------------------------------------------------------------------------- */

/* n pieces of `unit` numbers in every row; both are constants where the caller says so. */
INLINE void copy_rows(const float *src, const int64_t *row_at, int64_t rows,
                      const onus_piece *piece, const int64_t n, const int unit, float *dst,
                      int64_t dst_ld)
{
    for (int64_t i = 0; i < rows; i++) {
        const float *s = src + row_at[i];
        float *d = dst + i * dst_ld;
        for (int64_t p = 0; p < n; p++) {
            float x[16]; /* a register: the two may not be told apart otherwise */
            memcpy(x, s + piece[p].from, (size_t)unit * sizeof *x);
            memcpy(d + piece[p].to, x, (size_t)unit * sizeof *x);
        }
    }
}

INLINE void copy_unit(const float *src, const int64_t *row_at, int64_t rows,
                      const onus_piece *piece, int64_t n, const int unit, float *dst,
                      int64_t dst_ld)
{
    onus_piece few[8]; /* on the stack alone: kept in registers */
    if (n <= 8) memcpy(few, piece, (size_t)n * sizeof *few);
    switch (n) {
    case 1: copy_rows(src, row_at, rows, few, 1, unit, dst, dst_ld); return;
    case 2: copy_rows(src, row_at, rows, few, 2, unit, dst, dst_ld); return;
    case 4: copy_rows(src, row_at, rows, few, 4, unit, dst, dst_ld); return;
    case 8: copy_rows(src, row_at, rows, few, 8, unit, dst, dst_ld); return;
    default: copy_rows(src, row_at, rows, piece, n, unit, dst, dst_ld);
    }
}

void NAME(onus_copy_pieces)(const float *src, const int64_t *row_at, int64_t rows,
                            const onus_piece *piece, int64_t n_pieces, int unit, float *dst,
                            int64_t dst_ld)
{
    switch (unit) {
    case 4: copy_unit(src, row_at, rows, piece, n_pieces, 4, dst, dst_ld); break;
    case 8: copy_unit(src, row_at, rows, piece, n_pieces, 8, dst, dst_ld); break;
    default: copy_unit(src, row_at, rows, piece, n_pieces, 16, dst, dst_ld);
    }
}

/* ---- padding ----------------------------------------------------------------------------- */

/* n numbers, `step` apart, side by side. Sixteen at a time: rows are short. */
INLINE void gather(const float *src, const int64_t step, int64_t n, float *out)
{
    enum { AT_ONCE = 16 };
    for (; n >= AT_ONCE; n -= AT_ONCE, src += AT_ONCE * step, out += AT_ONCE) {
        float x[AT_ONCE];
        for (int i = 0; i < AT_ONCE; i++) x[i] = src[i * step];
        memcpy(out, x, sizeof x);
    }
    for (int64_t i = 0; i < n; i++) {
        out[i] = src[i * step];
        __asm__("" ::: "memory"); /* no vectors, whose overhead is more than the rest */
    }
}

/* The step is a constant where the caller says so. */
INLINE void pad_planes(const onus_frame *f, const int64_t step, const float *src,
                       int64_t planes, float *out)
{
    const int64_t len = f->cols * f->parts;
    for (int64_t p = 0; p < planes; p++, src += f->H * f->W, out += f->rows * len) {
        memset(out, 0, (size_t)(f->rows * len) * sizeof *out);
        for (int64_t q = 0; q < f->parts; q++) {
            const int64_t at = q - f->left; /* column c of this remainder is c step + at */
            const int64_t from = at < 0 ? (-at + step - 1) / step : 0;
            int64_t end = f->W > at ? (f->W - at + step - 1) / step : 0;
            if (end > f->cols) end = f->cols;
            for (int64_t r = 0; r < f->rows; r++) {
                const int64_t y = r - f->top;
                if (y < 0 || y >= f->H || end <= from) continue;
                gather(src + y * f->W + from * step + at, step, end - from,
                       out + r * len + q * f->cols + from);
            }
        }
    }
}

void NAME(onus_pad)(const onus_frame *f, const float *src, int64_t planes, float *out)
{
    switch (f->step) {
    case 1: pad_planes(f, 1, src, planes, out); break;
    case 2: pad_planes(f, 2, src, planes, out); break;
    default: pad_planes(f, f->step, src, planes, out);
    }
}

/* ---- products with absent terms ---------------------------------------------------------- */

enum { SIDE = 4, LANES = 8 };

/* Chains of `rows` rows of A over eight columns. */
INLINE void chains(const int rows, const float *A, int64_t lda, const float *b,
                   const float *mask, int64_t ldb, int64_t kb, float chain[SIDE][LANES])
{
    for (int64_t k = 0; k < kb; k++, b += ldb, mask += ldb)
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < LANES; j++) {
                const float with = fmaf(A[i * lda + k], b[j], chain[i][j]);
                chain[i][j] = mask[j] != 0.0f ? with : chain[i][j];
            }
}

/* Up to eight columns of one panel. any: the column has a term in this segment. */
static void skip_columns(const float *A, int64_t lda, const float *b, const float *mask,
                         int64_t ldb, int64_t m, int64_t n, int64_t kb, float *C, int64_t ldc,
                         float *started)
{
    float any[LANES] = {0};
    for (int64_t k = 0; k < kb; k++)
        for (int j = 0; j < LANES; j++) any[j] = mask[k * ldb + j] != 0.0f ? 1.0f : any[j];
    for (int64_t i = 0; i < m; i += SIDE) {
        const int rows = m - i < SIDE ? (int)(m - i) : SIDE;
        float chain[SIDE][LANES] = {{0}};
        if (rows == SIDE)
            chains(SIDE, A + i * lda, lda, b, mask, ldb, kb, chain);
        else
            chains(rows, A + i * lda, lda, b, mask, ldb, kb, chain);
        for (int r = 0; r < rows; r++)
            for (int64_t j = 0; j < n; j++) {
                float *c = C + (i + r) * ldc + j;
                if (any[j] == 0.0f) continue;
                *c = started[j] != 0.0f ? *c + chain[r][j] : chain[r][j];
            }
    }
    for (int64_t j = 0; j < n; j++)
        if (any[j] != 0.0f) started[j] = 1.0f;
}

void NAME(onus_skip_panels)(const float *A, int64_t lda, const float *panels, const float *mask,
                            int64_t m, int64_t n, int64_t kb, float *C, int64_t ldc,
                            float *started)
{
    const int64_t panel = NAME(ONUS_GEMM_PANEL);
    for (int64_t j = 0; j < n; j += LANES) {
        const int64_t at = j / panel * panel * kb + j % panel,
                      wide = n - j < LANES ? n - j : LANES;
        skip_columns(A, lda, panels + at, mask + at, panel, m, wide, kb, C + j, ldc,
                     started + j);
    }
}

/* ---- ranges ------------------------------------------------------------------------------ */

uint32_t NAME(onus_least)(const float *x, int64_t n, uint32_t *most)
{
    uint32_t low = UINT32_MAX, high = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, x + i, sizeof u);
        u &= 0x7fffffffu;
        high = u > high ? u : high;
        u -= 1; /* a zero comes last */
        low = u < low ? u : low;
    }
    *most = high;
    return low;
}
