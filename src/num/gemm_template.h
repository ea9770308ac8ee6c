/* SPDX-License-Identifier: Apache-2.0
 * gemm_template.h - the fast matrix product, written once for vectors of any width and included
 * by one file an instruction set (gemm_avx2.c, gemm_avx512.c, and the tests, which run the wide
 * form on plain arrays).
 *
 * How it keeps the contract (item 3): vectors run over outputs, so that a lane is one output's
 * fmaf chain; the block of k is the contract's segment, so that a register tile starts at +0
 * and is added to C when its segment ends; the first segment is stored instead of added.
 * Nothing else touches the values: packing copies them.
 *
 * Shape of the work: a tile of GEMM_MR rows x 2 vectors lives in registers. For each k it takes
 * two vectors of B and broadcasts GEMM_MR numbers of A. B panels (2 vectors wide) are read by
 * every tile of rows and stay in L1; a block of A (GEMM_MC rows) is read once a panel and stays
 * in L2. Packing costs a few instructions a number and pays once enough tiles read it again;
 * below that, operands are read where they stand.
 *
 * The including file defines, before:
 *   VW                          lanes of a vector, 8 or 16
 *   GEMM_MR, GEMM_HEIGHTS(X)    rows of a tile, and X(1) ... X(GEMM_MR)
 *   GEMM_TILE_NAME              the function to define
 *   vec and vec_zero, vec_load(p), vec_load_n(p, n), vec_store(p, v), vec_store_n(p, v, n),
 * vec_set1(p), vec_fma(a, b, c), vec_add(a, b); the _n forms touch n < VW lanes only, others
 * read as +0 transpose8(src, ld, rows, cols, dst, dst_ld): dst[c*dst_ld + r] = src[r*ld + c]
 * for r < rows <= 8 and c < cols <= 8; touches nothing else */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include "num/gemm_kernels.h"
#include "num/gemm_plan.h"

#define NR     (2 * VW)
#define INLINE static inline __attribute__((always_inline))

/* Where a register tile goes. */
typedef struct {
    float *c;
    int64_t ldc;
    int n;             /* columns that exist, 1 .. NR */
    bool first;        /* the first segment starts the total */
    const float *bias; /* added after the last segment; else NULL */
} tile_out;

INLINE void out_vec(const tile_out *o, float *c, int v, vec x)
{
    const int left = o->n - v * VW;
    if (left >= VW) {
        if (!o->first) x = vec_add(vec_load(c + v * VW), x);
        if (o->bias) x = vec_add(x, vec_load(o->bias + v * VW));
        vec_store(c + v * VW, x);
    } else if (left > 0) {
        if (!o->first) x = vec_add(vec_load_n(c + v * VW, left), x);
        if (o->bias) x = vec_add(x, vec_load_n(o->bias + v * VW, left));
        vec_store_n(c + v * VW, x, left);
    }
}

/* One register tile over one segment: mr rows, nv vectors, kb terms. by_rows: A's rows are
 * a_step apart and k is contiguous; else A's columns (all k) are a_step apart and rows are
 * contiguous, as in packed blocks. */
INLINE void tile(const int mr, const int nv, const bool by_rows, const float *a, int64_t a_step,
                 const float *b, int64_t b_step, int64_t kb, const tile_out *o)
{
    vec acc[GEMM_MR][2];
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) acc[i][v] = vec_zero();
    for (int64_t k = 0; k < kb; k++, b += b_step) {
        vec x[2];
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) x[v] = vec_load(b + v * VW);
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++) {
            const vec y = vec_set1(by_rows ? a + i * a_step + k : a + i);
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++) acc[i][v] = vec_fma(y, x[v], acc[i][v]);
        }
        if (!by_rows) a += a_step;
    }
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) out_vec(o, o->c + i * o->ldc, v, acc[i][v]);
}

typedef void tile_fn(const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t kb,
                     const tile_out *o);

#define TILE_FN(name, mr, nv, by_rows)                                                         \
    static void name(const float *a, int64_t a_step, const float *b, int64_t b_step,           \
                     int64_t kb, const tile_out *o)                                            \
    {                                                                                          \
        tile(mr, nv, by_rows, a, a_step, b, b_step, kb, o);                                    \
    }
#define TILE_FNS(mr)                                                                           \
    TILE_FN(tile_cols_##mr##_1, mr, 1, false)                                                  \
    TILE_FN(tile_cols_##mr##_2, mr, 2, false)                                                  \
    TILE_FN(tile_rows_##mr##_1, mr, 1, true)                                                   \
    TILE_FN(tile_rows_##mr##_2, mr, 2, true)
GEMM_HEIGHTS(TILE_FNS)

#define TILE_ROW(mr)                                                                           \
    {{tile_cols_##mr##_1, tile_cols_##mr##_2}, {tile_rows_##mr##_1, tile_rows_##mr##_2}},
/* [rows - 1][by_rows][vectors - 1] */
static tile_fn *const tiles[GEMM_MR][2][2] = {GEMM_HEIGHTS(TILE_ROW)};

/* Rows or columns [*begin, *begin + count) of tile t when n is cut evenly into tiles of at most
 * size max: an even cut, because a tile of one row has too few chains to keep the multipliers
 * busy. */
INLINE int64_t cut(int64_t n, int64_t max, int64_t t, int64_t *count)
{
    const int64_t n_tiles = (n + max - 1) / max, base = n / n_tiles, more = n % n_tiles;
    *count = base + (t < more);
    return t * base + (t < more ? t : more);
}

/* ---- packing ----------------------------------------------------------------------- */

INLINE void copy_n(float *dst, const float *src, int64_t n)
{
    for (; n >= VW; n -= VW, dst += VW, src += VW) vec_store(dst, vec_load(src));
    if (n > 0) vec_store_n(dst, vec_load_n(src, (int)n), (int)n);
}

/* dst[c*dst_ld + r] = src[r*ld + c] for all r < rows, c < cols. */
static void transpose(const float *src, int64_t ld, int64_t rows, int64_t cols, float *dst,
                      int64_t dst_ld)
{
    for (int64_t r = 0; r < rows; r += 8)
        for (int64_t c = 0; c < cols; c += 8) {
            const float *s = src + r * ld + c;
            float *d = dst + c * dst_ld + r;
            if (rows - r >= 8 && cols - c >= 8)
                transpose8(s, ld, 8, 8, d, dst_ld);
            else
                transpose8(s, ld, rows - r < 8 ? (int)(rows - r) : 8,
                           cols - c < 8 ? (int)(cols - c) : 8, d, dst_ld);
        }
}

/* Columns [0, n) of B, kb terms, into panels of NR columns; columns that do not exist are +0.
 */
static void pack_b(float *dst, const float *b, int64_t b_row, int64_t b_col, int64_t n,
                   int64_t kb)
{
    const int64_t whole = n / NR * NR;
    if (whole < n) memset(dst + whole * kb, 0, (size_t)(NR * kb) * sizeof *dst);
    if (b_col == 1) {
        for (int64_t k = 0; k < kb; k++, b += b_row)
            for (int64_t j = 0; j < n; j += NR)
                copy_n(dst + j * kb + k * NR, b + j, n - j < NR ? n - j : NR);
    } else {
        for (int64_t j = 0; j < n; j += NR)
            transpose(b + j * b_col, b_col, n - j < NR ? n - j : NR, kb, dst + j * kb, NR);
    }
}

/* Rows [0, m) of A, kb terms, into the tiles of `cut`, each stored by columns. */
static void pack_a(float *dst, const float *a, int64_t a_row, int64_t a_col, int64_t m,
                   int64_t kb)
{
    const int64_t n_tiles = (m + GEMM_MR - 1) / GEMM_MR;
    int64_t h;
    if (a_col == 1) {
        for (int64_t t = 0; t < n_tiles; t++) {
            const int64_t i = cut(m, GEMM_MR, t, &h);
            transpose(a + i * a_row, a_row, h, kb, dst + i * kb, h);
        }
    } else {
        for (int64_t k = 0; k < kb; k++)
            for (int64_t t = 0; t < n_tiles; t++) {
                const int64_t i = cut(m, GEMM_MR, t, &h);
                copy_n(dst + i * kb + k * h, a + k * a_col + i, h);
            }
    }
}

/* ---- loops ------------------------------------------------------------------------- */

/* A block of one operand over one segment, packed or where it stands. */
typedef struct {
    const float *p;
    int64_t row, col; /* strides where it stands; row = 0: packed */
} operand;

/* Rows [0, m) x columns [0, n) of C over one segment. */
static void block(const operand *a, const operand *b, int64_t m, int64_t n, int64_t kb,
                  const tile_out *o)
{
    const int64_t n_tiles = (m + GEMM_MR - 1) / GEMM_MR;
    for (int64_t j = 0; j < n; j += NR) {
        const float *bp = b->row ? b->p + j : b->p + j * kb;
        const int64_t b_step = b->row ? b->row : NR;
        tile_out t = {.ldc = o->ldc, .first = o->first};
        t.n = n - j < NR ? (int)(n - j) : NR;
        t.bias = o->bias ? o->bias + j : NULL;
        for (int64_t i = 0; i < n_tiles; i++) {
            int64_t h;
            const int64_t i0 = cut(m, GEMM_MR, i, &h);
            const bool by_rows = a->row && a->col == 1;
            const float *ap = a->row ? a->p + i0 * a->row : a->p + i0 * kb;
            const int64_t a_step = !a->row ? h : by_rows ? a->row : a->col;
            t.c = o->c + i0 * o->ldc + j;
            tiles[h - 1][by_rows][t.n > VW](ap, a_step, bp, b_step, kb, &t);
        }
    }
}

static void no_terms(float *C, int64_t ldc, int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                     const float *bias)
{
    for (int64_t i = m0; i < m1; i++)
        for (int64_t j = n0; j < n1; j++) C[i * ldc + j] = bias ? 0.0f + bias[j] : 0.0f;
}

void GEMM_TILE_NAME(ONUS_GEMM_TILE_ARGS)
{
    const int64_t m = m1 - m0;
    const int64_t n_blocks = (m + ONUS_GEMM_MC - 1) / ONUS_GEMM_MC;
    const int64_t kb_max = K < ONUS_GEMM_SEGMENT ? K : ONUS_GEMM_SEGMENT;
    float *pack_pa = pack;
    float *pack_pb = pack_pa + ((m < ONUS_GEMM_MC ? m : ONUS_GEMM_MC) * kb_max + 15) / 16 * 16;
    if (K == 0) no_terms(C, ldc, m0, m1, n0, n1, bias);
    for (int64_t k0 = 0; k0 < K; k0 += ONUS_GEMM_SEGMENT) {
        const int64_t kb = K - k0 < ONUS_GEMM_SEGMENT ? K - k0 : ONUS_GEMM_SEGMENT;
        for (int64_t j = n0; j < n1; j += ONUS_GEMM_NC) {
            const int64_t nb = n1 - j < ONUS_GEMM_NC ? n1 - j : ONUS_GEMM_NC;
            pack_b(pack_pb, B + k0 * b_row + j * b_col, b_row, b_col, nb, kb);
            const operand b = {pack_pb, 0, 0};
            for (int64_t t = 0; t < n_blocks; t++) {
                int64_t mb;
                const int64_t i = m0 + cut(m, ONUS_GEMM_MC, t, &mb);
                if (j == n0 || n_blocks > 1)
                    pack_a(pack_pa, A + i * a_row + k0 * a_col, a_row, a_col, mb, kb);
                const operand a = {pack_pa, 0, 0};
                const tile_out o = {.c = C + i * ldc + j,
                                    .ldc = ldc,
                                    .first = k0 == 0,
                                    .bias = bias && k0 + kb == K ? bias + j : NULL};
                block(&a, &b, mb, nb, kb, &o);
            }
        }
    }
}
