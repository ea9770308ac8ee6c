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
 *
 * - VW, the lanes of a vector: 8 or 16;
 *
 * - GEMM_MR, the rows of a tile, and GEMM_HEIGHTS(X): X(1) ... X(GEMM_MR);
 *
 * - GEMM_TILE_NAME, the function to define;
 *
 * - vec, vec_zero(), vec_load(p), vec_load_n(p, n), vec_store(p, v), vec_store_n(p, v, n),
 * vec_set1(p), vec_fma(a, b, c), vec_add(a, b); the _n forms touch the first n < VW lanes only;
 *
 * - transpose8(row, at, cols, dst, dst_ld): dst[c*dst_ld + r] = row[r][at + c] for r < 8 and c
 * < cols <= 8, in order of c. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include "num/gemm_kernels.h"
#include "num/gemm_plan.h"

#define NR     (2 * VW)
#define INLINE static inline __attribute__((always_inline))

INLINE vec vec_get(const float *p, int n)
{
    return n < VW ? vec_load_n(p, n) : vec_load(p);
}

INLINE void vec_put(float *p, vec v, int n)
{
    if (n < VW)
        vec_store_n(p, v, n);
    else
        vec_store(p, v);
}

/* Where a register tile goes. */
typedef struct {
    float *c;
    int64_t ldc;
    int n;             /* columns that exist, 1 .. NR */
    bool first;        /* the first segment starts the total */
    const float *bias; /* added after the last segment; else NULL */
    int ahead;         /* numbers: how far ahead of its use A is fetched */
} tile_out;

/* Adds a finished tile to C where columns are missing on the right: x holds rows of NR. */
static __attribute__((noinline)) void out_edge(const float *x, int mr, const tile_out *o)
{
    for (int i = 0; i < mr; i++, x += NR) {
        float *c = o->c + i * o->ldc;
        for (int j = 0; j < o->n; j += VW) {
            const int n = o->n - j < VW ? o->n - j : VW;
            vec t = vec_load(x + j);
            if (!o->first) t = vec_add(vec_get(c + j, n), t);
            if (o->bias) t = vec_add(t, vec_get(o->bias + j, n));
            vec_put(c + j, t, n);
        }
    }
}

/* Adds a finished tile to C: the first segment starts the total, the bias follows the last. */
INLINE void out(const int mr, const int nv, vec acc[GEMM_MR][2], const tile_out *o)
{
    if (o->n != nv * VW) {
        float x[GEMM_MR * NR];
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++)
            for (int v = 0; v < nv; v++) vec_store(x + i * NR + v * VW, acc[i][v]);
        out_edge(x, mr, o);
        return;
    }
    if (!o->first) {
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++)
            for (int v = 0; v < nv; v++)
                acc[i][v] = vec_add(vec_load(o->c + i * o->ldc + v * VW), acc[i][v]);
    }
    if (o->bias) {
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++)
            for (int v = 0; v < nv; v++)
                acc[i][v] = vec_add(acc[i][v], vec_load(o->bias + v * VW));
    }
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
        for (int v = 0; v < nv; v++) vec_store(o->c + i * o->ldc + v * VW, acc[i][v]);
}

/* One register tile over one segment: mr rows, nv vectors, kb terms. by_rows: A's rows are
 * a_step apart and k is contiguous; else A's columns (all k) are a_step apart and rows are
 * contiguous, as in packed blocks. */
INLINE void tile(const int mr, const int nv, const bool by_rows, const float *a, int64_t a_step,
                 const float *b, int64_t b_step, int64_t kb, const tile_out *o)
{
    vec acc[GEMM_MR][2];
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++) {
        acc[i][0] = acc[i][1] = vec_zero();
        /* C is needed when the segment ends: both ends of a row, which may lie in two cache
         * lines */
        __builtin_prefetch(o->c + i * o->ldc, 1);
        __builtin_prefetch(o->c + i * o->ldc + o->n - 1, 1);
    }
#ifdef KU
#pragma GCC unroll 4
#endif
    for (int64_t k = 0; k < kb; k++, b += b_step) {
        const vec x0 = vec_load(b), x1 = nv > 1 ? vec_load(b + VW) : x0;
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++) {
            const vec y = vec_set1(by_rows ? a + i * a_step + k : a + i);
            acc[i][0] = vec_fma(y, x0, acc[i][0]);
            if (nv > 1) acc[i][1] = vec_fma(y, x1, acc[i][1]);
        }
        if (!by_rows) {
            __builtin_prefetch(a + o->ahead);
            a += a_step;
        }
    }
    out(mr, nv, acc, o);
}

typedef void tile_fn(const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t kb,
                     const tile_out *o);

#define TILE_FN(name, mr, nv, by_rows)                                               \
    static void name(const float *a, int64_t a_step, const float *b, int64_t b_step, \
                     int64_t kb, const tile_out *o)                                  \
    {                                                                                \
        tile(mr, nv, by_rows, a, a_step, b, b_step, kb, o);                          \
    }
#define TILE_FNS(mr)                          \
    TILE_FN(tile_cols_##mr##_1, mr, 1, false) \
    TILE_FN(tile_cols_##mr##_2, mr, 2, false) \
    TILE_FN(tile_rows_##mr##_1, mr, 1, true)  \
    TILE_FN(tile_rows_##mr##_2, mr, 2, true)
GEMM_HEIGHTS(TILE_FNS)

#define TILE_ROW(mr) \
    {{tile_cols_##mr##_1, tile_cols_##mr##_2}, {tile_rows_##mr##_1, tile_rows_##mr##_2}},
/* [rows - 1][by_rows][vectors - 1] */
static tile_fn *const tiles[GEMM_MR][2][2] = {GEMM_HEIGHTS(TILE_ROW)};

/* n cut evenly into pieces of at most max: the first `more` have base + 1, the others base.
 * Evenly, because a tile of one row has too few chains to keep the multipliers busy. */
typedef struct {
    int64_t n_pieces, base, more;
} cut;

INLINE cut cut_of(int64_t n, int64_t max)
{
    const int64_t n_pieces = (n + max - 1) / max;
    return (cut){n_pieces, n / n_pieces, n % n_pieces};
}

INLINE int64_t cut_size(const cut *c, int64_t i)
{
    return c->base + (i < c->more);
}

/* ---- packing ----------------------------------------------------------------------------- */

INLINE void copy_n(float *dst, const float *src, int64_t n)
{
    for (; n >= VW; n -= VW, dst += VW, src += VW) vec_store(dst, vec_load(src));
    if (n > 0) vec_store_n(dst, vec_load_n(src, (int)n), (int)n);
}

/* dst[c*dst_ld + r] = src[r*ld + c] for all r < rows <= NR, c < cols. Rows are taken by eights:
 * what is written beyond the last, up to 7 numbers, is overwritten by a later column (hence the
 * order) or lies after the end of dst. */
static void transpose(const float *src, int64_t ld, int64_t rows, int64_t cols, float *dst,
                      int64_t dst_ld)
{
    const float *row[NR];
    const int64_t last = (rows - 1) / 8 * 8;
    for (int64_t r = 0; r < last + 8; r++) row[r] = src + (r < rows ? r : rows - 1) * ld;
    int64_t c = 0;
    for (; c + 8 <= cols; c += 8)
        for (int64_t r = last; r >= 0; r -= 8)
            transpose8(row + r, c, 8, dst + c * dst_ld + r, dst_ld);
    if (c < cols)
        for (int64_t r = last; r >= 0; r -= 8)
            transpose8(row + r, c, (int)(cols - c), dst + c * dst_ld + r, dst_ld);
}

/* Columns [0, n) of B, kb terms, into panels of NR columns; columns that do not exist hold
 * anything. */
static void pack_b(float *dst, const float *b, int64_t b_row, int64_t b_col, int64_t n,
                   int64_t kb)
{
    if (b_col != 1) {
        for (int64_t j = 0; j < n; j += NR)
            transpose(b + j * b_col, b_col, n - j < NR ? n - j : NR, kb, dst + j * kb, NR);
        return;
    }
    const int64_t whole = n / NR * NR;
    const int v = (int)(n - whole) / VW * VW, rest = (int)(n - whole) - v;
    for (int64_t k = 0; k < kb; k++, b += b_row, dst += NR) {
        for (int64_t j = 0; j < whole; j += NR) {
            vec_store(dst + j * kb, vec_load(b + j));
            vec_store(dst + j * kb + VW, vec_load(b + j + VW));
        }
        if (v) vec_store(dst + whole * kb, vec_load(b + whole));
        if (rest) vec_store(dst + whole * kb + v, vec_load_n(b + whole + v, rest));
    }
}

/* Rows [0, m) of A, kb terms, and up to 7 numbers of waste after them: into evenly cut tiles,
 * each stored by columns. */
static void pack_a(float *dst, const float *a, int64_t a_row, int64_t a_col, int64_t m,
                   int64_t kb)
{
    const cut c = cut_of(m, GEMM_MR);
    if (a_col == 1) {
        for (int64_t t = 0, i = 0; t < c.n_pieces; i += cut_size(&c, t++))
            transpose(a + i * a_row, a_row, cut_size(&c, t), kb, dst + i * kb, cut_size(&c, t));
    } else {
        for (int64_t t = 0, i = 0; t < c.n_pieces; i += cut_size(&c, t++)) {
            const int64_t h = cut_size(&c, t);
            float *d = dst + i * kb;
            int64_t k = 0;
            if (i + VW <= m) /* the next k overwrites what is too much */
                for (; k + 1 < kb; k++, d += h) vec_store(d, vec_load(a + k * a_col + i));
            for (; k < kb; k++, d += h) copy_n(d, a + k * a_col + i, h);
        }
    }
}

/* ---- loops ------------------------------------------------------------------------------- */

/* A block of one operand over one segment: packed, or where it stands. */
typedef struct {
    const float *p;
    int64_t row, col; /* strides where it stands; row = 0: packed */
} operand;

/* Rows [0, m) x columns [0, n) of C over one segment. */
static void block(const operand *a, const operand *b, int64_t m, int64_t n, int64_t kb,
                  const tile_out *o)
{
    const cut c = cut_of(m, GEMM_MR);
    const bool by_rows = a->row && a->col == 1;
    for (int64_t j = 0; j < n; j += NR) {
        const float *bp = b->row ? b->p + j : b->p + j * kb;
        const int64_t b_step = b->row ? b->row : NR;
        tile_out t = {.ldc = o->ldc, .first = o->first, .ahead = o->ahead};
        t.n = n - j < NR ? (int)(n - j) : NR;
        t.bias = o->bias ? o->bias + j : NULL;
        for (int64_t i = 0, i0 = 0; i < c.n_pieces; i0 += cut_size(&c, i++)) {
            const int64_t h = cut_size(&c, i);
            const float *ap = a->row ? a->p + i0 * a->row : a->p + i0 * kb;
            const int64_t a_step = !a->row ? h : by_rows ? a->row : a->col;
            t.c = o->c + i0 * o->ldc + j;
            tiles[h - 1][by_rows][t.n > VW](ap, a_step, bp, b_step, kb, &t);
        }
    }
}

/* A stride of whole pages puts all rows of a block into the same few sets of the caches. */
INLINE bool collides(int64_t stride)
{
    return stride % 1024 == 0;
}

/* Below: measured on a Zen 3 (shapes of the benchmark, and rows and columns around each
 * bound). */
INLINE bool pays_pack_a(int64_t n, int64_t a_row, int64_t a_col)
{
    if (a_col == 1) return n >= (collides(a_row) ? 256 : 1024);
    return n >= (collides(a_col) ? 64 : 256);
}

INLINE bool pays_pack_b(int64_t m, int64_t b_row, int64_t b_col)
{
    return b_col != 1 || m >= (collides(b_row) ? 24 : 128);
}

/* K = 0: +0, or what stands in C; then + bias. */
static void no_terms(const onus_gemm_task *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1)
{
    for (int64_t i = m0; i < m1; i++) {
        float *C = g->C + i * g->ldc;
        for (int64_t j = n0; j < n1; j++) {
            const float total = g->goes_on ? C[j] : 0.0f;
            C[j] = g->bias ? total + g->bias[j] : total;
        }
    }
}

/* One block of B over one segment: columns [0, n), packed or in place; columns in place that
 * fill no panel are packed all the same, so that no tile reads beyond them. */
INLINE void columns(const operand *a, const operand *b, int64_t m, int64_t n, int64_t kb,
                    const tile_out *o, const float *edge)
{
    const int64_t whole = b->row ? n / NR * NR : n;
    if (whole) block(a, b, m, whole, kb, o);
    if (whole == n) return;
    const operand e = {edge, 0, 0};
    tile_out t = *o;
    t.c += whole;
    if (t.bias) t.bias += whole;
    block(a, &e, m, n - whole, kb, &t);
}

/* Any product: lanes run over the columns of C. */
static void wide(ONUS_GEMM_TILE_ARGS)
{
    const int64_t kb_max = g->K < ONUS_GEMM_SEGMENT ? g->K : ONUS_GEMM_SEGMENT;
    const cut rows = cut_of(m1 - m0, ONUS_GEMM_MC);
    const bool pack_as = pays_pack_a(n1 - n0, g->a_row, g->a_col),
               pack_bs = pays_pack_b(m1 - m0, g->b_row, g->b_col);
    float *pa = pack, *pb = pa + (cut_size(&rows, 0) * kb_max + 7 + 15) / 16 * 16;
    /* A transposed A in place is read across its rows, in pieces too short for the processor's
     * own fetching ahead; the next cache line of each row is wanted soon. Where A fits the
     * caches this only displaces B. */
    const int ahead = !pack_as && g->a_col != 1 && (m1 - m0) * g->K > 1 << 20 ? 16 : 0;
    for (int64_t k = 0, kb; k < g->K; k += kb) {
        kb = onus_gemm_segment_terms(g, k);
        for (int64_t j = n0; j < n1; j += ONUS_GEMM_NC) {
            const int64_t n = n1 - j < ONUS_GEMM_NC ? n1 - j : ONUS_GEMM_NC,
                          from = pack_bs ? 0 : n / NR * NR;
            operand b = {g->B + k * g->b_row + j * g->b_col, g->b_row, g->b_col};
            if (from < n) pack_b(pb, b.p + from * b.col, b.row, b.col, n - from, kb);
            if (pack_bs) b = (operand){pb, 0, 0};
            for (int64_t t = 0, i = m0; t < rows.n_pieces; i += cut_size(&rows, t++)) {
                const int64_t m = cut_size(&rows, t);
                operand a = {g->A + i * g->a_row + k * g->a_col, g->a_row, g->a_col};
                if (pack_as && (j == n0 || rows.n_pieces > 1))
                    pack_a(pa, a.p, a.row, a.col, m, kb);
                if (pack_as) a = (operand){pa, 0, 0};
                const tile_out o = {.c = g->C + i * g->ldc + j,
                                    .ldc = g->ldc,
                                    .first = k == 0 && !g->goes_on,
                                    .ahead = ahead,
                                    .bias = g->bias && k + kb == g->K ? g->bias + j : NULL};
                columns(&a, &b, m, n, kb, &o, pb);
            }
        }
    }
}

/* Rows [i0, i0 + m), columns [n0, n0 + n) of C = the transpose of t (n, m), n <= NR; then +
 * bias. */
static void put_transposed(const onus_gemm_task *g, const float *t, int64_t i0, int64_t m,
                           int64_t n0, int64_t n)
{
    float x[8 * NR];
    for (int64_t i = 0; i < m; i += 8) {
        const int64_t rows = m - i < 8 ? m - i : 8;
        const tile_out o = {.c = g->C + (i0 + i) * g->ldc + n0,
                            .ldc = g->ldc,
                            .n = (int)n,
                            .first = true,
                            .bias = g->bias ? g->bias + n0 : NULL};
        transpose(t + i, m, n, rows, x, NR);
        out_edge(x, (int)rows, &o);
    }
}

/* t (n, m) = the transpose of rows [i0, i0 + m), columns [n0, n0 + n) of C. */
static void get_transposed(const onus_gemm_task *g, float *t, int64_t i0, int64_t m, int64_t n0,
                           int64_t n)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) t[j * m + i] = g->C[(i0 + i) * g->ldc + n0 + j];
}

/* Whether C's transpose is the faster way, the lanes that idle against the cost of transposing
 * A (none in TN) and C; measured on a Zen 3 for n from 1 to 16. */
INLINE bool pays_narrow(int64_t m, int64_t n, int64_t K, int64_t a_col)
{
    if (m < 2 * NR) return false;
    if (a_col != 1) return n < VW || (n > VW && n < NR - 3);
    return n <= VW / 2 || (n > VW && n <= VW + 4 && K >= ONUS_GEMM_SEGMENT);
}

/* The same for few columns, which would leave most lanes of a tile idle: C's transpose = B's
 * times A's, whose lanes run over the rows of C. The factors of each product swap, which does
 * not change it. */
static void narrow(ONUS_GEMM_TILE_ARGS)
{
    const int64_t n = n1 - n0;
    const int64_t m_max = m1 - m0 < ONUS_GEMM_NARROW_ROWS ? m1 - m0 : ONUS_GEMM_NARROW_ROWS;
    float *t = pack, *pa = t + (m_max + 15) / 16 * 16 * NR;
    for (int64_t i = m0; i < m1; i += ONUS_GEMM_NARROW_ROWS) {
        const int64_t m = m1 - i < ONUS_GEMM_NARROW_ROWS ? m1 - i : ONUS_GEMM_NARROW_ROWS;
        const int64_t from = pays_pack_b(n, g->a_col, g->a_row) ? 0 : m / NR * NR;
        if (g->goes_on) get_transposed(g, t, i, m, n0, n);
        for (int64_t k = 0, kb; k < g->K; k += kb) {
            kb = onus_gemm_segment_terms(g, k);
            const operand a = {g->B + n0 * g->b_col + k * g->b_row, g->b_col, g->b_row};
            operand b = {g->A + i * g->a_row + k * g->a_col, g->a_col, g->a_row};
            if (from < m) pack_b(pa, b.p + from * b.col, b.row, b.col, m - from, kb);
            if (from == 0) b = (operand){pa, 0, 0};
            const tile_out o = {.c = t, .ldc = m, .first = k == 0 && !g->goes_on};
            columns(&a, &b, n, m, kb, &o, pa);
        }
        put_transposed(g, t, i, m, n0, n);
    }
}

void GEMM_TILE_NAME(ONUS_GEMM_TILE_ARGS)
{
    if (g->K == 0)
        no_terms(g, m0, m1, n0, n1);
    else if (pays_narrow(m1 - m0, n1 - n0, g->K, g->a_col))
        narrow(g, m0, m1, n0, n1, pack);
    else
        wide(g, m0, m1, n0, n1, pack);
}

/* Pieces of products that are not matrices' own: convolutions (num/conv.c). */
#ifdef GEMM_PANELS_NAME
void GEMM_PANELS_NAME(ONUS_GEMM_PANELS_ARGS)
{
    const operand b = {panels, 0, 0};
    const cut rows = cut_of(m, ONUS_GEMM_MC);
    for (int64_t t = 0, i = 0; t < rows.n_pieces; i += cut_size(&rows, t++)) {
        const operand a = {A + i * lda, lda, 1};
        const tile_out o = {.c = C + i * ldc, .ldc = ldc, .first = first};
        block(&a, &b, cut_size(&rows, t), n, kb, &o);
    }
}

void GEMM_TRANSPOSE_NAME(ONUS_GEMM_TRANSPOSE_ARGS)
{
    transpose(src, ld, rows, cols, dst, dst_ld);
}
#endif
