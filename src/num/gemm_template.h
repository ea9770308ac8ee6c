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
 * two vectors of B and broadcasts GEMM_MR numbers of A. B lies in panels, 2 vectors wide, of
 * which one segment's share (GEMM_NC columns) fits the second-level cache; tiles of rows go
 * round all panels, so that A comes from memory once and B's panels stream from that cache.
 * A is read where it stands; the next tile's rows are fetched meanwhile, a few cache lines at a
 * time, as are the rows of C (all at once they would hold up A and B; measured, 4%).
 *
 * Packing costs a few instructions a number. Lanes may run over the columns of C or, swapped,
 * over its rows: C's transpose = B's times A's, made a block at a time and turned around at the
 * end. num/gemm_plan.h says which of the two packs less: the weights of a layer, stored by
 * outputs, are never packed when a batch is smaller than they are.
 *
 * The including file defines, before:
 *
 * - VW, the lanes of a vector: 4, 8 or 16;
 *
 * - GEMM_MR, the rows of a tile, and GEMM_HEIGHTS(X): X(1) ... X(GEMM_MR);
 *
 * - GEMM_NC, the columns of B whose panels share the second-level cache with blocks of A, C;
 *
 * - GEMM_TILE_NAME, the function to define;
 *
 * - vec, vec_zero(), vec_load(p), vec_load_n(p, n), vec_store(p, v), vec_store_n(p, v, n),
 * vec_fma(a, b, c), vec_add(a, b); the _n forms touch the first n < VW lanes only;
 *
 * - vec_num, what vec_set1(p) makes of a number and vec_fma takes as its first factor: a vector
 * of it where a broadcast is free with a load, the number where a multiply-add broadcasts;
 *
 * - transpose8(row, at, cols, dst, dst_ld): dst[c*dst_ld + r] = row[r][at + c] for r < 8 and c
 * < cols <= 8, in order of c. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include "num/gemm_kernels.h"
#include "num/gemm_plan.h"

#define NR     (2 * VW)
#define MASKS  (VW == 16) /* vec_load_n, vec_store_n cost no more than whole vectors */
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
    int64_t chunk;     /* terms between two fetches; as many as there are: C's rows at once */
    const float
        *next; /* what will be wanted soon: `lines` cache lines a chunk, line_step apart */
    int64_t next_step, line_step, lines;
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
    if (MASKS && o->n != nv * VW) {
        const int n = o->n - (nv - 1) * VW; /* columns of the last vector */
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++)
            for (int v = 0; v < nv; v++) {
                const int w = v < nv - 1 ? VW : n;
                float *c = o->c + i * o->ldc + v * VW;
                vec t = acc[i][v];
                if (!o->first) t = vec_add(vec_load_n(c, w), t);
                if (o->bias) t = vec_add(t, vec_load_n(o->bias + v * VW, w));
                vec_store_n(c, t, w);
            }
        return;
    }
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

/* Rows of A go in threes from one pointer: x86 adds a register once or twice to an address, and
 * fourteen offsets would not fit the registers. The compiler is told nothing of how the
 * pointers hang together, else it would make offsets of them again. */
#define ROW_THREES ((GEMM_MR + 2) / 3)
#if defined(__x86_64__)
#define OPAQUE(p) __asm__("" : "+r"(p))
#else
#define OPAQUE(p) (void)(p)
#endif

/* One register tile over one segment: mr rows, nv vectors, kb terms. by_rows: A's rows are
 * a_step apart and k is contiguous; else A's columns (all k) are a_step apart and rows are
 * contiguous, as in packed blocks. */
INLINE void tile(const int mr, const int nv, const bool by_rows, const float *a, int64_t a_step,
                 const float *b, int64_t b_step, int64_t kb, const tile_out *o)
{
    vec acc[GEMM_MR][2];
    const float *next = o->next, *c = o->c, *row[ROW_THREES];
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++) acc[i][0] = acc[i][1] = vec_zero();
#pragma GCC unroll 16
    for (int i = 0; i < (mr + 2) / 3; i++) row[i] = a + i * 3 * a_step;
    const bool at_once = o->chunk >= kb;
    if (at_once) {
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++) {
            /* both ends of a row of C, which may lie in two cache lines */
            __builtin_prefetch(c + i * o->ldc, 1);
            __builtin_prefetch(c + i * o->ldc + o->n - 1, 1);
        }
    }
    for (int64_t k = 0; k < kb;) {
        const int64_t end = kb - k < o->chunk ? kb : k + o->chunk;
        if (!at_once) {
            __builtin_prefetch(c, 1);
            __builtin_prefetch(c + o->n - 1, 1);
            c += o->ldc;
        }
        for (int64_t l = 0; l < o->lines; l++)
            __builtin_prefetch(next + l * o->line_step, 0, 2);
        next += o->next_step;
        for (; k < end; k++, b += b_step) {
            const vec x0 = vec_load(b), x1 = nv > 1 ? vec_load(b + VW) : x0;
#pragma GCC unroll 16
            for (int i = 0; i < mr; i++) {
                if (by_rows && i % 3 == 0) OPAQUE(row[i / 3]);
                const vec_num y = vec_set1(by_rows ? row[i / 3] + i % 3 * a_step : a + i);
                acc[i][0] = vec_fma(y, x0, acc[i][0]);
                if (nv > 1) acc[i][1] = vec_fma(y, x1, acc[i][1]);
                if (by_rows && (i % 3 == 2 || i == mr - 1)) row[i / 3]++;
            }
            if (!by_rows) a += a_step;
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

/* Rows of a panel or of a tile, in whole eights. */
#define ROWS_MAX (NR > GEMM_MR ? NR : (GEMM_MR + 7) / 8 * 8)

/* dst[c*dst_ld + r] = src[r*ld + c] for all r < rows <= ROWS_MAX, c < cols. Rows are taken by
 * eights: what is written beyond the last, up to 7 numbers, is overwritten by a later column
 * (hence the order) or lies after the end of dst. */
static void transpose(const float *src, int64_t ld, int64_t rows, int64_t cols, float *dst,
                      int64_t dst_ld)
{
    const float *row[ROWS_MAX];
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

/* Four whole panels of a B that is stored by rows: a row's share is long enough to be worth
 * fetching, and rows are fetched ahead, since their stride is beyond what processors foresee.
 */
INLINE void copy_panels(float *dst, const float *b, int64_t b_row, int64_t kb,
                        int64_t panel_terms, const int n_panels)
{
    enum { AHEAD = 6 };
    for (int64_t k = 0; k < kb; k++, b += b_row, dst += NR) {
        for (int i = 0; i < n_panels * NR; i += 16) __builtin_prefetch(b + AHEAD * b_row + i);
#pragma GCC unroll 4
        for (int p = 0; p < n_panels; p++) {
            vec_store(dst + p * NR * panel_terms, vec_load(b + p * NR));
            vec_store(dst + p * NR * panel_terms + VW, vec_load(b + p * NR + VW));
        }
    }
}

/* Columns [0, n) of B, kb terms, into panels of NR columns, panel_terms long; in the last one,
 * columns that do not exist hold zeros or another column's numbers. */
static void pack_b(float *dst, const float *b, int64_t b_row, int64_t b_col, int64_t n,
                   int64_t kb, int64_t panel_terms)
{
    int64_t j = 0;
    if (b_col == 1) {
        for (; j + 4 * NR <= n; j += 4 * NR)
            copy_panels(dst + j * panel_terms, b + j, b_row, kb, panel_terms, 4);
        for (; j + NR <= n; j += NR)
            copy_panels(dst + j * panel_terms, b + j, b_row, kb, panel_terms, 1);
    }
    for (; j < n; j += NR) {
        const int64_t width = n - j < NR ? n - j : NR;
        float *d = dst + j * panel_terms;
        /* lanes that take part without a column: transposing fills eights */
        if (width % VW && (b_col == 1 || (width + 7) / 8 * 8 % VW))
            memset(d, 0, (size_t)(NR * kb) * sizeof *d);
        if (b_col != 1)
            transpose(b + j * b_col, b_col, width, kb, d, NR);
        else
            for (int64_t k = 0; k < kb; k++) copy_n(d + k * NR, b + j + k * b_row, width);
    }
}

/* One tile of A, m <= GEMM_MR rows, stored by columns; up to 7 numbers of waste after it. */
static void pack_a(float *dst, const float *a, int64_t a_row, int64_t a_col, int64_t m,
                   int64_t kb)
{
    if (a_col == 1) {
        transpose(a, a_row, m, kb, dst, m);
        return;
    }
    int64_t k = 0;
    if (VW >= GEMM_MR && m > VW / 2) /* the next k overwrites what is too much */
        for (; k + VW < kb; k++, a += a_col, dst += m) vec_store(dst, vec_load_n(a, (int)m));
    for (; k < kb; k++, a += a_col, dst += m) copy_n(dst, a, m);
}

/* ---- loops ------------------------------------------------------------------------------- */

/* A block of one operand over one segment: A(i,k) is p[i * row + k * col]; B(k,j) of the panel
 * that begins with column j is p[k * row + j * col]. */
typedef struct {
    const float *p;
    int64_t row, col;
} operand;

/* What to fetch while `n_panels` tiles of one row of tiles are computed: the lines of the next
 * tile of A, m rows, kb terms, shared out evenly over tiles and their chunks. */
INLINE void plan_fetch(tile_out *t, const operand *a, int64_t m, int64_t kb, int64_t n_panels)
{
    const int64_t chunks = (kb + t->chunk - 1) / t->chunk;
    if (a->col == 1) { /* a row a chunk, some of its lines a panel */
        const int64_t all = (kb + 15) / 16 < 16 ? (kb + 15) / 16 : 16;
        t->lines = (all + n_panels - 1) / n_panels;
        t->line_step = 16;
        t->next_step = chunks >= m ? a->row : 0;
    } else { /* some terms a chunk */
        t->lines = (kb + n_panels * chunks - 1) / (n_panels * chunks);
        t->line_step = a->col;
        t->next_step = t->lines * a->col;
    }
}

/* Rows [0, m) x columns [0, n) of C over one segment. pack: where a tile of A is packed, or
 * NULL (in place). whole: C has room for whole vectors. after: the rows of A that will be
 * wanted next, or NULL. */
static void block(const operand *a, const operand *b, int64_t m, int64_t n, int64_t kb,
                  const tile_out *o, float *pack, bool whole, const float *after)
{
    const cut c = cut_of(m, GEMM_MR);
    const bool by_rows = !pack && a->col == 1;
    tile_out t = *o;
    t.chunk = kb < 128 ? kb : (kb + c.base - 1) / c.base;
    t.lines = 0;
    if (kb >= 64 && (after || c.n_pieces > 1)) plan_fetch(&t, a, c.base, kb, (n + NR - 1) / NR);
    const int64_t lines = t.lines, chunks = lines ? (kb + t.chunk - 1) / t.chunk : 0;
    for (int64_t i = 0, i0 = 0; i < c.n_pieces; i0 += cut_size(&c, i++)) {
        const int64_t h = cut_size(&c, i);
        const float *ap = a->p + i0 * a->row;
        const float *next = i + 1 < c.n_pieces ? ap + h * a->row : after;
        int64_t a_step = by_rows ? a->row : a->col;
        if (pack) {
            pack_a(pack, ap, a->row, a->col, h, kb);
            ap = pack;
            a_step = h;
        }
        const int64_t panel_lines = a->col == 1 ? lines * 16 : t.next_step * chunks;
        t.lines = next ? lines : 0;
        for (int64_t j = 0, l = 0; j < n; j += NR, l += panel_lines) {
            t.n = n - j < NR ? (int)(n - j) : NR;
            if (whole) t.n = t.n > VW ? NR : VW;
            t.c = o->c + i0 * o->ldc + j;
            t.bias = o->bias ? o->bias + j : NULL;
            t.next = next + l;
            tiles[h - 1][by_rows][t.n > VW](ap, a_step, b->p + j * b->col, b->row, kb, &t);
        }
    }
}

/* A stride of whole pages puts all rows of a tile into the same few sets of the caches. */
INLINE bool collides(int64_t stride)
{
    return stride % 1024 == 0;
}

INLINE bool pays_pack_a(int64_t n, int64_t a_row, int64_t a_col)
{
    if (a_col == 1) return n >= (collides(a_row) ? 64 : 256);
    return n >= (collides(a_col) ? 64 : 128);
}

INLINE bool pays_pack_b(int64_t m, int64_t b_row, int64_t b_col)
{
    return b_col != 1 || m >= (collides(b_row) ? 24 : 128);
}

/* One block of columns [j, j + n), terms [k, k + terms), and how it is worked on. */
typedef struct {
    const onus_gemm_task *g; /* swapped: with A and B exchanged */
    bool swapped, pack_b;
    float *pa, *pb, *t; /* packed A, or NULL; packed B; C's transpose */
    int64_t m1, j, n, k, terms;
} work;

/* Packs what is to be packed of B: everything, or the columns that fill no panel, so that no
 * tile reads beyond them. */
static void pack_columns(const work *w)
{
    const onus_gemm_task *g = w->g;
    if (g->panels) return;
    const int64_t from = w->pack_b ? 0 : w->n / NR * NR;
    if (from == w->n) return;
    float *dst = w->pb;
    for (int64_t k = w->k, kb; k < w->k + w->terms; k += kb) {
        kb = onus_gemm_segment_terms(g, k);
        pack_b(dst, g->B + k * g->b_row + (w->j + from) * g->b_col, g->b_row, g->b_col,
               w->n - from, kb, kb);
        dst += (w->n - from + NR - 1) / NR * NR * kb;
    }
}

/* Rows [i, i + m) of the block over the segment of kb terms from k on. */
static void segment(const work *w, int64_t i, int64_t m, int64_t k, int64_t kb,
                    const tile_out *o)
{
    const onus_gemm_task *g = w->g;
    const float *A = g->A + i * g->a_row + k * g->a_col, *after = NULL;
    const operand a = {A, g->a_row, g->a_col};
    if (k + kb < w->k + w->terms)
        after = A + kb * g->a_col;
    else if (i + m < w->m1)
        after = A + m * g->a_row + (w->k - k) * g->a_col;
    if (g->panels) {
        const operand b = {g->panels + w->j * g->panel_terms + k * NR, NR, g->panel_terms};
        block(&a, &b, m, w->n, kb, o, w->pa, w->swapped, after);
        return;
    }
    const int64_t whole = w->pack_b ? 0 : w->n / NR * NR, rest = w->n - whole;
    if (whole) {
        const operand b = {g->B + k * g->b_row + w->j, g->b_row, 1};
        block(&a, &b, m, whole, kb, o, w->pa, w->swapped, after);
    }
    if (rest) {
        const operand b = {w->pb + (k - w->k) * ((rest + NR - 1) / NR * NR), NR, kb};
        tile_out t = *o;
        t.c += whole;
        if (t.bias) t.bias += whole;
        block(&a, &b, m, rest, kb, &t, w->pa, w->swapped, after);
    }
}

/* t(j, i) for rows [i0, i0 + m), columns [j0, j0 + n) of C; t's rows are ld apart, with room
 * for whole vectors. */
static void get_transposed(const onus_gemm_task *g, float *t, int64_t ld, int64_t i0, int64_t m,
                           int64_t j0, int64_t n)
{
    const float *row[8];
    for (int64_t i = 0; i < m; i += 8) {
        for (int64_t r = 0; r < 8; r++)
            row[r] = g->C + (i0 + (i + r < m ? i + r : m - 1)) * g->ldc + j0;
        for (int64_t j = 0; j < n; j += 8)
            transpose8(row, j, n - j < 8 ? (int)(n - j) : 8, t + j * ld + i, ld);
    }
}

/* The way back; then + bias where it is not NULL. */
static void put_transposed(const onus_gemm_task *g, const float *t, int64_t ld, int64_t i0,
                           int64_t m, int64_t j0, int64_t n, const float *bias)
{
    for (int64_t i = 0; i < m; i += 8) {
        const int rows = m - i < 8 ? (int)(m - i) : 8;
        float *C = g->C + (i0 + i) * g->ldc + j0;
        for (int64_t j = 0; j < n; j += 8) {
            const float *row[8];
            float x[64];
            for (int64_t r = 0; r < 8; r++) row[r] = t + (j + r < n ? j + r : n - 1) * ld + i;
            if (n - j >= 8) {
                transpose8(row, 0, rows, C + j, g->ldc);
                continue;
            }
            transpose8(row, 0, rows, x, 8);
            for (int r = 0; r < rows; r++)
                for (int64_t q = 0; q < n - j; q++) C[r * g->ldc + j + q] = x[r * 8 + q];
        }
        for (int r = 0; bias && r < rows; r++)
            for (int64_t j = 0; j < n; j += VW) {
                float *c = C + r * g->ldc + j;
                const int v = n - j < VW ? (int)(n - j) : VW;
                vec_put(c, vec_add(vec_get(c, v), vec_get(bias + j, v)), v);
            }
    }
}

/* Rows [i, i + m) of the block over all its segments. */
static void rows(const work *w, int64_t i, int64_t m)
{
    const onus_gemm_task *g = w->g;
    const int64_t ld = (w->n + NR - 1) / NR * NR, end = w->k + w->terms;
    const bool starts = w->k == 0 && !g->goes_on;
    tile_out o = {.c = g->C + i * g->ldc + w->j, .ldc = g->ldc};
    if (w->swapped) {
        o.c = w->t;
        o.ldc = ld;
        if (!starts) get_transposed(g, w->t, ld, w->j, w->n, i, m);
    }
    for (int64_t k = w->k, kb; k < end; k += kb) {
        kb = onus_gemm_segment_terms(g, k);
        o.first = k == w->k && starts;
        o.bias = g->bias && !w->swapped && k + kb == g->K ? g->bias + w->j : NULL;
        segment(w, i, m, k, kb, &o);
    }
    if (w->swapped)
        put_transposed(g, w->t, ld, w->j, w->n, i, m,
                       g->bias && end == g->K ? g->bias + i : NULL);
}

/* Terms of the longest run of segments from k on whose panels of n columns fit the scratch. */
INLINE int64_t terms_that_fit(const onus_gemm_task *g, int64_t k, int64_t n)
{
    const int64_t most = ONUS_GEMM_PANEL_FLOATS / ((n + NR - 1) / NR * NR);
    int64_t terms = onus_gemm_segment_terms(g, k);
    while (k + terms < g->K) {
        const int64_t more = onus_gemm_segment_terms(g, k + terms);
        if (terms + more > most) break;
        terms += more;
    }
    return terms;
}

/* Rows [m0, m1) x columns [n0, n1) of the task's product (of the transpose where swapped). */
static void product(const onus_gemm_task *g, bool swapped, int64_t m0, int64_t m1, int64_t n0,
                    int64_t n1, float *pack)
{
    work w = {.g = g, .swapped = swapped, .m1 = m1};
    const cut panels =
        cut_of((n1 - n0 + NR - 1) / NR, (swapped ? ONUS_GEMM_SWAPPED_NC : GEMM_NC) / NR);
    w.pack_b = pays_pack_b(m1 - m0, g->b_row, g->b_col);
    w.pa = pays_pack_a(n1 - n0, g->a_row, g->a_col) ? pack : NULL;
    w.t = pack + (w.pa ? ONUS_GEMM_A_FLOATS : 0);
    w.pb = w.t + (swapped ? ONUS_GEMM_T_FLOATS(m1 - m0, n1 - n0) : 0);
    w.j = n0;
    for (int64_t p = 0; p < panels.n_pieces; p++, w.j += w.n) {
        const int64_t nc = cut_size(&panels, p) * NR;
        w.n = n1 - w.j < nc ? n1 - w.j : nc;
        for (w.k = 0; w.k < g->K; w.k += w.terms) {
            w.terms = swapped ? terms_that_fit(g, w.k, w.n) : onus_gemm_segment_terms(g, w.k);
            pack_columns(&w);
            for (int64_t i = m0; i < m1; i += ONUS_GEMM_MB)
                rows(&w, i, m1 - i < ONUS_GEMM_MB ? m1 - i : ONUS_GEMM_MB);
        }
    }
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

void GEMM_TILE_NAME(ONUS_GEMM_TILE_ARGS)
{
    const onus_gemm_sizes size = {m1 - m0, n1 - n0, g->K, g->a_col != 1, g->b_col != 1};
    if (g->K == 0) {
        no_terms(g, m0, m1, n0, n1);
    } else if (g->panels || !onus_gemm_pays_swapped(&size, VW, GEMM_NC)) {
        product(g, false, m0, m1, n0, n1, pack);
    } else {
        onus_gemm_task s = *g;
        s.A = g->B;
        s.a_row = g->b_col;
        s.a_col = g->b_row;
        s.B = g->A;
        s.b_row = g->a_col;
        s.b_col = g->a_row;
        product(&s, true, n0, n1, m0, m1, pack);
    }
}

/* Pieces of products that are not matrices' own: convolutions (num/conv.c). */
#ifdef GEMM_PANELS_NAME
void GEMM_PANELS_NAME(ONUS_GEMM_PANELS_ARGS)
{
    _Alignas(64) float pack[ONUS_GEMM_A_FLOATS];
    const operand a = {A, lda, 1}, b = {panels, NR, kb};
    const tile_out o = {.c = C, .ldc = ldc, .first = first};
    if (m > 0) block(&a, &b, m, n, kb, &o, pays_pack_a(n, lda, 1) ? pack : NULL, false, NULL);
}

void GEMM_TRANSPOSE_NAME(ONUS_GEMM_TRANSPOSE_ARGS)
{
    transpose(src, ld, rows, cols, dst, dst_ld);
}

/* A register tile whose terms are listed. step: rows of A are apart, else next to each other. C
 * is asked for first: fetches in the loop, or a loop of their own in it, whose end would be
 * mispredicted each time, cost 5% (Sapphire Rapids). */
INLINE void listed(const int mr, const int nv, const bool step, const onus_listed *l)
{
    vec acc[GEMM_MR][2];
    const float *row[ROW_THREES];
    const int64_t a_row = step ? l->a_row : 1, b_next = l->b_next;
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++) acc[i][0] = acc[i][1] = vec_zero();
#pragma GCC unroll 16
    for (int i = 0; i < (mr + 2) / 3; i++) row[i] = l->a + i * l->a_three;
    for (int i = 0; !l->first && i < mr; i++)
        for (int v = 0; v < nv; v++) __builtin_prefetch(l->c + i * l->c_row + v * l->c_next, 1);
    for (int64_t k = 0; k < l->n; k++) {
        const onus_term t = l->list[k];
        const float *b = l->b + t.b;
        const vec x0 = vec_load(b), x1 = nv > 1 ? vec_load(b + b_next) : x0;
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++) {
            const vec_num w =
                vec_set1(step ? row[i / 3] + t.a + i % 3 * a_row : l->a + t.a + i);
            acc[i][0] = vec_fma(w, x0, acc[i][0]);
            if (nv > 1) acc[i][1] = vec_fma(w, x1, acc[i][1]);
        }
    }
    /* all loads before the stores: rows whole pages apart would wait for each other */
    if (!l->first) {
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++)
            for (int v = 0; v < nv; v++)
                acc[i][v] = vec_add(vec_load(l->c + i * l->c_row + v * l->c_next), acc[i][v]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
        for (int v = 0; v < nv; v++) vec_store(l->c + i * l->c_row + v * l->c_next, acc[i][v]);
}

#define LISTED_FN(mr)                                  \
    static void listed_##mr##_1(const onus_listed *l)  \
    {                                                  \
        listed(mr, 1, false, l);                       \
    }                                                  \
    static void listed_##mr##_2(const onus_listed *l)  \
    {                                                  \
        listed(mr, 2, false, l);                       \
    }                                                  \
    static void stepped_##mr##_1(const onus_listed *l) \
    {                                                  \
        listed(mr, 1, true, l);                        \
    }                                                  \
    static void stepped_##mr##_2(const onus_listed *l) \
    {                                                  \
        listed(mr, 2, true, l);                        \
    }
GEMM_HEIGHTS(LISTED_FN)

#define LISTED_ROW(mr) \
    {{listed_##mr##_1, listed_##mr##_2}, {stepped_##mr##_1, stepped_##mr##_2}},
void GEMM_LISTED_NAME(ONUS_GEMM_LISTED_ARGS)
{
    /* [rows - 1][apart][vectors - 1] */
    static void (*const fns[GEMM_MR][2][2])(const onus_listed *) = {GEMM_HEIGHTS(LISTED_ROW)};
    fns[rows - 1][l->a_row != 1 || l->a_three != 3][vectors - 1](l);
}
#endif
