/* SPDX-License-Identifier: Apache-2.0
 * grid_template.h - the fast exact outer product, written once for vectors of any width and
 * included by one file an instruction set, and by the tests, which run it on plain arrays.
 *
 * It needs no order of its terms (num/grid.h), so that blocks are cut as the caches like it.
 * Both operands are packed: numbers become binary64 on the way, d's take their weights and
 * their odd bit. A tile of GRID_MR numbers x 2 vectors lives in registers; for each row it
 * takes two vectors of one operand, from panels, and broadcasts GRID_MR numbers of the other,
 * from strips. Lanes run over x or, swapped, over d, whichever fills vectors better. A block of
 * the sum stays in the second-level cache while all rows go by, since its numbers are twice as
 * wide as its factors': it comes from memory once.
 *
 * The including file defines, before:
 *
 * - VW, the lanes of a vector: 2, 4 or 8;
 *
 * - GRID_MR, the height of a tile, and GRID_HEIGHTS(X): X(1) ... X(GRID_MR);
 *
 * - GRID_TILE_NAME, the function to define;
 *
 * - vec, vec_load(p), vec_store(p, v), vec_all(x), vec_fma(a, b, c), vec_add, vec_sub, vec_mul,
 * all of binary64; vec_of(p), the first VW floats as such, and vec_of_n(p, n), the first n < VW
 * and zeros; vec_odd(v), onus_grid_odd by lanes;
 *
 * - vec_num, what vec_set1(p) makes of a number and vec_fma takes as its first factor: a vector
 * of it where a broadcast is free with a load, the number where a multiply-add broadcasts. */
#include <stdbool.h>
#include <stdint.h>
#include "num/grid.h"
#include "num/grid_kernels.h"

#define NR     (2 * VW)
#define INLINE static inline __attribute__((always_inline))

/* Where a register tile goes: element (i, j) is c[i * c_row + j * c_col]. */
typedef struct {
    double start; /* of every chain */
    double *c;
    int64_t c_row, c_col;
    int n; /* columns that exist, 1 .. NR */
} tile_out;

/* Adds a finished tile, rows of NR, where columns are missing or the sum lies across. */
static __attribute__((noinline)) void out_edge(const double *t, int mr, const tile_out *o)
{
    for (int i = 0; i < mr; i++, t += NR)
        for (int j = 0; j < o->n; j++) o->c[i * o->c_row + j * o->c_col] += t[j];
}

/* Adds a finished tile: a chain less its start is exact, and so is every sum of such. */
INLINE void out(const int mr, const int nv, vec acc[GRID_MR][2], const tile_out *o)
{
    const vec start = vec_all(o->start);
    if (o->n == nv * VW && o->c_col == 1) {
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++)
            for (int v = 0; v < nv; v++) {
                double *c = o->c + i * o->c_row + v * VW;
                vec_store(c, vec_add(vec_load(c), vec_sub(acc[i][v], start)));
            }
        return;
    }
    double t[GRID_MR * NR];
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
        for (int v = 0; v < nv; v++) vec_store(t + i * NR + v * VW, vec_sub(acc[i][v], start));
    out_edge(t, mr, o);
}

/* One register tile over k rows: mr numbers a row in a, nv vectors in b. The sum's lines are
 * fetched meanwhile, a row at a time. */
INLINE void tile(const int mr, const int nv, const double *a, const double *b, int64_t k,
                 const tile_out *o)
{
    vec acc[GRID_MR][2];
    const double *c = o->c;
    const int64_t chunk = (k + mr - 1) / mr;
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++) acc[i][0] = acc[i][1] = vec_all(o->start);
    while (k > 0) {
        const int64_t n = k < chunk ? k : chunk;
        __builtin_prefetch(c, 1);
        __builtin_prefetch(c + (o->n - 1) * o->c_col, 1);
        c += o->c_row;
        for (int64_t r = 0; r < n; r++, a += mr, b += NR) {
            const vec x0 = vec_load(b), x1 = nv > 1 ? vec_load(b + VW) : x0;
#pragma GCC unroll 16
            for (int i = 0; i < mr; i++) {
                const vec_num y = vec_set1(a + i);
                acc[i][0] = vec_fma(y, x0, acc[i][0]);
                if (nv > 1) acc[i][1] = vec_fma(y, x1, acc[i][1]);
            }
        }
        k -= n;
    }
    out(mr, nv, acc, o);
}

typedef void tile_fn(const double *a, const double *b, int64_t k, const tile_out *o);

#define TILE_FN(name, mr, nv)                                                        \
    static void name(const double *a, const double *b, int64_t k, const tile_out *o) \
    {                                                                                \
        tile(mr, nv, a, b, k, o);                                                    \
    }
#define TILE_FNS(mr)              \
    TILE_FN(tile_##mr##_1, mr, 1) \
    TILE_FN(tile_##mr##_2, mr, 2)
GRID_HEIGHTS(TILE_FNS)

#define TILE_ROW(mr) {tile_##mr##_1, tile_##mr##_2},
static tile_fn *const tiles[GRID_MR][2] = {GRID_HEIGHTS(TILE_ROW)}; /* [height - 1][nv - 1] */

/* m cut evenly into strips of at most GRID_MR: the first `more` have base + 1, the others base.
 * Evenly, because a tile of one number has too few chains to keep the multipliers busy. */
typedef struct {
    int64_t n_strips, base, more;
} cut;

INLINE cut cut_of(int64_t m)
{
    const int64_t n = (m + GRID_MR - 1) / GRID_MR;
    return (cut){n, m / n, m % n};
}

INLINE int64_t cut_size(const cut *c, int64_t s)
{
    return c->base + (s < c->more);
}

/* ---- packing ----------------------------------------------------------------------------- */

/* One of the two operands: d with its weights, or x (weight NULL). */
typedef struct {
    const float *p;
    int64_t ld;
    const double *weight;
    int64_t rows_per_weight;
} operand;

/* Rows are far apart, and their share of a block is too short for a processor to foresee the
 * next: it is asked for so many rows ahead. */
#define AHEAD 8

INLINE void fetch(const float *src, int64_t n)
{
    for (int64_t i = 0; i < n; i += 16) __builtin_prefetch(src + i);
}

/* n numbers of a row, in whole vectors: beyond n stand zeros. */
INLINE void convert(const float *src, int64_t n, const bool weighted, vec w, double *dst)
{
    int64_t i = 0;
    for (; i + VW <= n; i += VW) {
        const vec v = vec_of(src + i);
        vec_store(dst + i, weighted ? vec_odd(vec_mul(w, v)) : v);
    }
    if (i < n) {
        const vec v = vec_of_n(src + i, (int)(n - i));
        vec_store(dst + i, weighted ? vec_odd(vec_mul(w, v)) : v);
    }
}

/* Numbers [at, at + m) of rows [r, r + k) as strips, row by row in each. A row's waste, up to a
 * vector less one, is overwritten by the next one's numbers or lies in the slack. */
INLINE void pack_strips(const operand *s, const bool weighted, int64_t at, int64_t m, int64_t r,
                        int64_t k, double *dst)
{
    const cut c = cut_of(m);
    for (int64_t t = 0; t < k; t++) {
        const float *src = s->p + (r + t) * s->ld + at;
        const vec w = vec_all(weighted ? s->weight[(r + t) / s->rows_per_weight] : 1.0);
        double *strip = dst;
        if (t + AHEAD < k) fetch(src + AHEAD * s->ld, m);
        for (int64_t i = 0, h; i < c.n_strips; i++, src += h) {
            h = cut_size(&c, i);
            convert(src, h, weighted, w, strip + t * h);
            strip += k * h + ONUS_GRID_SLACK;
        }
    }
}

/* Numbers [at, at + n) of rows [r, r + k) as panels of NR; numbers that do not exist are zeros
 * up to a whole vector, and anything beyond. */
INLINE void pack_panels(const operand *s, const bool weighted, int64_t at, int64_t n, int64_t r,
                        int64_t k, double *dst)
{
    for (int64_t t = 0; t < k; t++, dst += NR) {
        const float *src = s->p + (r + t) * s->ld + at;
        const vec w = vec_all(weighted ? s->weight[(r + t) / s->rows_per_weight] : 1.0);
        int64_t j = 0;
        if (t + AHEAD < k) fetch(src + AHEAD * s->ld, n);
        for (; j + NR <= n; j += NR) convert(src + j, NR, weighted, w, dst + j * k);
        if (j < n) convert(src + j, n - j, weighted, w, dst + j * k);
    }
}

/* ---- loops ------------------------------------------------------------------------------- */

typedef struct {
    int64_t at, row;
} place;

/* A tall operand, in strips, times a wide one, in panels: the sum's element of number i of the
 * one and j of the other is sum[i * c_row + j * c_col]. */
typedef struct {
    operand tall, wide;
    int64_t t0, t1, w0, w1; /* numbers of each */
    int64_t c_row, c_col;
    int64_t tall_max; /* numbers in strips at a time */
    double *strips, *panels;
    place tall_held, wide_held; /* where what is packed now begins */
} work;

/* A block of the sum: m numbers of the tall operand from i on, n of the wide one from j on. */
typedef struct {
    int64_t i, m, j, n;
} block_at;

/* Where one side is a few tiles, what is packed of the other is used as few times: it goes so
 * few tiles at a time, which stay in the first-level cache. */
#define FEW  2
/* Tall numbers of the sum that are worked on until the rows are through. */
#define KEPT (4 * ONUS_GRID_TALL)

/* n in even blocks of at most max, in whole grains but for the last. */
INLINE int64_t block_size(int64_t n, int64_t max, int64_t grain)
{
    const int64_t blocks = (n + max - 1) / max, even = (n + blocks - 1) / blocks;
    return (even + grain - 1) / grain * grain;
}

static void block(const work *w, double start, double *sum, int64_t m, int64_t n, int64_t k)
{
    const cut c = cut_of(m);
    const double *strip = w->strips;
    tile_out o = {.start = start, .c_row = w->c_row, .c_col = w->c_col};
    for (int64_t s = 0, h; s < c.n_strips; s++, sum += h * w->c_row) {
        h = cut_size(&c, s);
        for (int64_t j = 0; j < n; j += NR) {
            o.n = n - j < NR ? (int)(n - j) : NR;
            o.c = sum + j * w->c_col;
            tiles[h - 1][o.n > VW](strip, w->panels + j * k, k, &o);
        }
        strip += k * h + ONUS_GRID_SLACK;
    }
}

/* Moves to another place; false where it is there already. */
INLINE bool moves(place *p, int64_t at, int64_t row)
{
    const bool there = p->at == at && p->row == row;
    *p = (place){at, row};
    return !there;
}

static void pack_tall(work *w, int64_t i, int64_t m, int64_t r, int64_t k)
{
    if (!moves(&w->tall_held, i, r)) return;
    if (w->tall.weight)
        pack_strips(&w->tall, true, i, m, r, k, w->strips);
    else
        pack_strips(&w->tall, false, i, m, r, k, w->strips);
}

static void pack_wide(work *w, int64_t j, int64_t n, int64_t r, int64_t k)
{
    if (!moves(&w->wide_held, j, r)) return;
    if (w->wide.weight)
        pack_panels(&w->wide, true, j, n, r, k, w->panels);
    else
        pack_panels(&w->wide, false, j, n, r, k, w->panels);
}

/* A block of the sum over rows [r0, r1): panels are packed for the whole of it, strips as they
 * are needed. */
static void rows_of(work *w, const onus_grid_outer_args *a, const block_at *b, int64_t r0,
                    int64_t r1)
{
    const double start = onus_grid_start(a->grid);
    const int64_t rows = block_size(r1 - r0, ONUS_GRID_ROWS, 1);
    for (int64_t r = r0, k; r < r1; r += k) {
        k = r1 - r < rows ? r1 - r : rows;
        pack_wide(w, b->j, b->n, r, k);
        for (int64_t i = b->i, m; i < b->i + b->m; i += m) {
            m = b->i + b->m - i < w->tall_max ? b->i + b->m - i : w->tall_max;
            pack_tall(w, i, m, r, k);
            block(w, start, a->sum + i * w->c_row + b->j * w->c_col, m, b->n, k);
        }
    }
}

static void blocks(work *w, const onus_grid_outer_args *a, int64_t r0, int64_t r1,
                   int64_t n_max)
{
    const int64_t n_block = block_size(w->w1 - w->w0, n_max, NR),
                  m_block = block_size(w->t1 - w->t0, KEPT, GRID_MR);
    block_at b;
    for (b.j = w->w0; b.j < w->w1; b.j += b.n) {
        b.n = w->w1 - b.j < n_block ? w->w1 - b.j : n_block;
        for (b.i = w->t0; b.i < w->t1; b.i += b.m) {
            b.m = w->t1 - b.i < m_block ? w->t1 - b.i : m_block;
            rows_of(w, a, &b, r0, r1);
        }
    }
}

void GRID_TILE_NAME(ONUS_GRID_TILE_ARGS)
{
    const operand d = {a->d, a->ldd, a->weight, a->rows_per_weight},
                  x = {a->x, a->ldx, NULL, 1};
    const int64_t u = p->i1 - p->i0, n = p->j1 - p->j0;
    if (u <= 0 || n <= 0) return;
    const int64_t straight = u * ((n + VW - 1) / VW), swapped = n * ((u + VW - 1) / VW);
    const bool swap = swapped + swapped / 8 < straight; /* adding across costs something */
    work w = {.tall = d,
              .wide = x,
              .t0 = p->i0,
              .t1 = p->i1,
              .w0 = p->j0,
              .w1 = p->j1,
              .c_row = a->ld,
              .c_col = 1};
    if (swap)
        w = (work){.tall = x,
                   .wide = d,
                   .t0 = p->j0,
                   .t1 = p->j1,
                   .w0 = p->i0,
                   .w1 = p->i1,
                   .c_row = 1,
                   .c_col = a->ld};
    w.tall_max = w.w1 - w.w0 <= FEW * NR ? FEW * GRID_MR : ONUS_GRID_TALL;
    w.tall_held = w.wide_held = (place){-1, -1};
    w.panels = pack;
    w.strips = pack + ONUS_GRID_ROWS * onus_grid_panels_of(w.w1 - w.w0);
    if (w.t1 - w.t0 > FEW * GRID_MR) {
        blocks(&w, a, p->r0, p->r1, ONUS_GRID_WIDE);
        return;
    }
    for (int64_t r = p->r0, k; r < p->r1; r += k) {
        k = p->r1 - r < ONUS_GRID_ROWS ? p->r1 - r : ONUS_GRID_ROWS;
        blocks(&w, a, r, r + k, FEW * NR);
    }
}
