/* SPDX-License-Identifier: Apache-2.0
 * terms.c - bounds and exact sums of single examples' gradients, from their terms alone.
 *
 * A bound may use any arithmetic whose error is known. u = 2^-24, and g(m) = m u / (1 - m u) is
 * the relative error of a chain of m multiply-adds in binary32 (Higham 2002, section 3.1);
 * under the contract (item 3) a dot of n terms is at most min(n, 256) + ceil(n / 256) of them
 * long. With A = sum over rows |x_t| |d_t|:
 *
 * - pairs: |G|^2 = sum over t, s of <x_t, x_s> <d_t, d_s> (Li et al. 2022, arXiv:2110.05679).
 *   Dots are in binary32, each off by g(n) |x_t| |x_s| at most, their products and sums in
 *   binary64: together off by (g(n) + g(u) + g(n) g(u) + T^2 2^-52) A^2. Terms may cancel; what
 *   is added does not.
 * - the gradient itself, in binary32: each element is off by g(T) sum |x| |d|, all of it by
 *   g(T) A at most.
 * - a row alone: |x|^2 |d|^2 (Goodfellow 2015, arXiv:1510.01799), binary64.
 *
 * Where binary32 underflows, a multiply-add is off by 2^-150 more: `tiny` holds that. All that
 * is in binary64 is off by far less than what SLACK and UP add, for up to 2^30 numbers. */
#include "op/terms.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "num/gemm.h"
#include "num/grid.h"
#include "num/kernels.h"
#include "num/vec.h"

#define SLACK 0x1p-40 /* of A^2, for cancellation in binary64 */
#define UP    (1 + 0x1p-20)

enum { TILE = 64 }; /* rows that are paired with all from them on */

static size_t aligned(size_t bytes)
{
    return (bytes + ONUS_ALIGN - 1) & ~(size_t)(ONUS_ALIGN - 1);
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* g(m) of a dot of n terms. */
static double chain_error(int64_t n)
{
    const double m = (double)(smaller(n, 256) + (n + 255) / 256) * 0x1p-24;
    return m / (1 - m);
}

/* Are the products of pairs of rows less work than the gradient? */
static bool by_pairs(const onus_terms *t)
{
    const double u = (double)t->u, n = (double)t->n, T = (double)t->rows;
    return T * T * (u + n + 1) < (T + 1) * u * n;
}

double onus_bound_norm(const onus_bound *b)
{
    return sqrt((b->norm2 + SLACK * b->reach2) * UP);
}

double onus_bound_reach(const onus_bound *b)
{
    return sqrt(b->reach2 * UP);
}

/* Rounding a product, and setting its last bit, moves it by less than 2^-51 of itself. */
double onus_bound_weight(const onus_bound *b, double clip)
{
    const double reach = onus_bound_reach(b), norm = onus_bound_norm(b) + 0x1p-51 * reach;
    if (!(isfinite(norm) && isfinite(reach))) return 0;
    double w = 1;
    if (norm > clip) w = clip / norm * (1 - 0x1p-50);
    if (w * reach > ONUS_REACH * clip) w = ONUS_REACH * clip / reach * (1 - 0x1p-50);
    return w;
}

/* ---- scratch ----------------------------------------------------------------------------- */

/* Of a thread: two tiles of products and their packing, or a gradient and its packing; or the
 * order of an example's places, and a row's sum; or products with a tile of another use's. */
static size_t part_bytes(const onus_terms *t)
{
    const int64_t T = t->rows, tile = smaller(T, TILE);
    if (t->kind == ONUS_TERM_SUM) return 0;
    if (t->kind == ONUS_TERM_PICK)
        return aligned((size_t)T * sizeof(int32_t)) + aligned((size_t)t->u * sizeof(double)) +
               aligned((size_t)(T * TILE) * sizeof(float)) +
               aligned(onus_gemm_pack_bytes(TILE, T, t->u));
    if (by_pairs(t))
        return 2 * aligned((size_t)(tile * T) * sizeof(float)) +
               aligned(onus_gemm_pack_bytes(tile, T, t->u > t->n ? t->u : t->n));
    return aligned((size_t)(t->u * t->n) * sizeof(float)) +
           aligned(onus_gemm_pack_bytes(t->u, t->n, T));
}

size_t onus_terms_bytes(const onus_exec *ex, const onus_terms_step *shape)
{
    const size_t threads = (size_t)onus_pool_size(ex->pool);
    size_t most = 0;
    for (int i = 0; i < shape->n_blocks; i++) {
        const onus_terms *t = &shape->block[i];
        const size_t bound = threads * part_bytes(t),
                     sum =
                         t->kind == ONUS_TERM_OUTER ? onus_grid_outer_bytes(ex, t->u, t->n) : 0;
        most = bound > most ? bound : most;
        most = sum > most ? sum : most;
    }
    return most;
}

/* ---- bounds ------------------------------------------------------------------------------ */

static const float *row_d(const onus_terms *t, int64_t example, int64_t row)
{
    return t->d + (example * t->rows + row) * t->ldd;
}

static const float *row_x(const onus_terms *t, int64_t example, int64_t row)
{
    return t->x + (example * t->rows + row) * t->ldx;
}

/* Where binary32 overflowed on the way to the norm, the reach bounds it, too. */
static void add(onus_bound *b, double norm2, double reach2)
{
    b->norm2 += isfinite(norm2) ? norm2 : reach2;
    b->reach2 += reach2;
}

/* Products of rows [t0, t0 + m) of X (T, n) with rows [t0, T), into C. */
static void pair_products(const onus_kernels *k, const float *X, int64_t ld, int64_t n,
                          int64_t T, int64_t t0, int64_t m, float *C, void *pack)
{
    const onus_gemm_args g = {.form = ONUS_GEMM_NT,
                              .M = m,
                              .N = T - t0,
                              .K = n,
                              .A = X + t0 * ld,
                              .lda = ld,
                              .B = X + t0 * ld,
                              .ldb = ld,
                              .C = C,
                              .ldc = T - t0};
    onus_gemm_serial(k, &g, pack);
}

/* Tiles of rows with all rows from their first on; a pair of two tiles counts twice. */
static double pairs_norm2(const onus_kernels *k, const onus_terms *t, int64_t example, char *at)
{
    const int64_t T = t->rows, tile = smaller(T, TILE);
    const size_t block = aligned((size_t)(tile * T) * sizeof(float));
    float *xx = (float *)(void *)at, *dd = (float *)(void *)(at + block);
    double lane[16] = {0};
    for (int64_t t0 = 0; t0 < T; t0 += tile) {
        const int64_t m = smaller(T - t0, tile), N = T - t0;
        pair_products(k, row_x(t, example, 0), t->ldx, t->n, T, t0, m, xx, at + 2 * block);
        pair_products(k, row_d(t, example, 0), t->ldd, t->u, T, t0, m, dd, at + 2 * block);
        for (int64_t i = 0; i < m * N; i++) {
            const double times = i % N < m ? 1 : 2;
            lane[i % 16] = fma(times * (double)xx[i], (double)dd[i], lane[i % 16]);
        }
    }
    return onus_fold16(lane);
}

/* Of the gradient as binary32 makes it. */
static double made_norm(const onus_kernels *k, const onus_terms *t, int64_t example, char *at)
{
    float *g = (float *)(void *)at;
    const onus_gemm_args product = {.form = ONUS_GEMM_TN,
                                    .M = t->u,
                                    .N = t->n,
                                    .K = t->rows,
                                    .A = row_d(t, example, 0),
                                    .lda = t->ldd,
                                    .B = row_x(t, example, 0),
                                    .ldb = t->ldx,
                                    .C = g,
                                    .ldc = t->n};
    onus_gemm_serial(k, &product, at + aligned((size_t)(t->u * t->n) * sizeof *g));
    return sqrt(k->norm2(g, t->u * t->n));
}

static void bound_outer(const onus_kernels *k, const onus_terms *t, int64_t example, char *at,
                        onus_bound *b)
{
    const double T = (double)t->rows, n = (double)t->n, u = (double)t->u;
    double reach = 0, sum_x = 0, sum_d = 0;
    for (int64_t i = 0; i < t->rows; i++) {
        const double x = sqrt(k->norm2(row_x(t, example, i), t->n)),
                     d = sqrt(k->norm2(row_d(t, example, i), t->u));
        reach += x * d;
        sum_x += x;
        sum_d += d;
    }
    if (t->rows == 1) {
        add(b, reach * reach, reach * reach);
        return;
    }
    const double tiny = 0x1p-148; /* a multiply-add that underflows, twice that of it */
    if (by_pairs(t)) {
        const double of_n = chain_error(t->n), of_u = chain_error(t->u);
        const double off = of_n + of_u + of_n * of_u + T * T * 0x1p-52;
        const double under =
            tiny * (n * sum_d * sum_d + u * sum_x * sum_x) + tiny * tiny * T * T * n * u;
        add(b, pairs_norm2(k, t, example, at) + off * reach * reach + under, reach * reach);
        return;
    }
    const double norm = made_norm(k, t, example, at) * UP + chain_error(t->rows) * reach +
                        tiny * T * sqrt(n * u);
    add(b, norm * norm, reach * reach);
}

/* Places of an example by token, absent ones left out; how many. */
static int64_t sort_places(const onus_terms *t, int64_t example, int32_t *order)
{
    int64_t count = 0;
    for (int64_t i = 0; i < t->rows; i++) {
        const float token = *row_x(t, example, i);
        if (!(token >= 0.0f)) continue;
        int64_t k = count++;
        for (; k > 0 && *row_x(t, example, order[k - 1]) > token; k--) order[k] = order[k - 1];
        order[k] = (int32_t)i;
    }
    return count;
}

/* Rows of equal tokens add before they are squared. */
static void bound_pick(const onus_kernels *k, const onus_terms *t, int64_t example, char *at,
                       onus_bound *b)
{
    int32_t *order = (int32_t *)(void *)at;
    double *sum = (double *)(void *)(at + aligned((size_t)t->rows * sizeof *order));
    const int64_t count = sort_places(t, example, order);
    double norm2 = 0, reach = 0;
    for (int64_t i = 0, end; i < count; i = end) {
        const float token = *row_x(t, example, order[i]);
        memset(sum, 0, (size_t)t->u * sizeof *sum);
        for (end = i; end < count && *row_x(t, example, order[end]) == token; end++) {
            const float *d = row_d(t, example, order[end]);
            reach += sqrt(k->norm2(d, t->u));
            for (int64_t j = 0; j < t->u; j++) sum[j] += (double)d[j];
        }
        for (int64_t j = 0; j < t->u; j++) norm2 += sum[j] * sum[j];
    }
    add(b, norm2 + (double)t->rows * 0x1p-50 * reach * reach, reach * reach);
}

typedef struct {
    const onus_exec *ex;
    const onus_terms_step *step;
    const onus_terms *other; /* of a parameter's second use */
    unsigned trains;
    char *room;
    size_t part_bytes;
    onus_bound *bound;
} bound_job;

static void bound_part(void *ctx, int part, int n_parts)
{
    const bound_job *j = ctx;
    const onus_kernels *k = j->ex->k;
    char *at = j->room + (size_t)part * j->part_bytes;
    for (int64_t e = part; e < j->step->n; e += n_parts)
        for (int i = 0; i < j->step->n_blocks; i++) {
            const onus_terms *t = &j->step->block[i];
            onus_bound *b = &j->bound[j->step->first + e];
            if (!(j->trains >> t->param & 1)) continue;
            if (t->kind == ONUS_TERM_SUM) {
                const double norm2 = k->norm2(row_d(t, e, 0), t->u);
                add(b, norm2, norm2);
            } else if (t->kind == ONUS_TERM_PICK) {
                bound_pick(k, t, e, at, b);
            } else {
                bound_outer(k, t, e, at, b);
            }
        }
}

static size_t largest_part(const onus_terms_step *step)
{
    size_t most = 0;
    for (int i = 0; i < step->n_blocks; i++) {
        const size_t bytes = part_bytes(&step->block[i]);
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* On all threads where there is work for them. */
static void share(const onus_exec *ex, int64_t n, int64_t cost, onus_pool_fn fn, void *job)
{
    if (n < 2 || n * cost < 32768)
        fn(job, 0, 1);
    else
        onus_pool_run(ex->pool, fn, job);
}

static int64_t numbers_of(const onus_terms_step *s)
{
    int64_t sum = 0;
    for (int i = 0; i < s->n_blocks; i++)
        sum += s->block[i].rows * (s->block[i].u + s->block[i].n);
    return sum;
}

void onus_terms_bound(const onus_op *op, onus_call *c, void *room, onus_bound *bound)
{
    onus_terms_step s;
    for (int64_t step = 0; op->terms.fn(c, step, &s); step++) {
        bound_job j = {.ex = c->ex,
                       .step = &s,
                       .trains = c->trains,
                       .room = room,
                       .part_bytes = largest_part(&s),
                       .bound = bound};
        share(c->ex, s.n, numbers_of(&s), bound_part, &j);
    }
}

/* ---- a parameter with two uses ----------------------------------------------------------- */

/* <G, H> of one example: the sum over places t of the table's use and s of the other's of
 * d_s[token t] <dy_t, x_s>. Each dot is off by g(u) |dy_t| |x_s|, so all of it by g(u) times
 * the product of both reaches. */
static void bound_tied(const onus_kernels *k, const onus_terms *pick, const onus_terms *outer,
                       int64_t example, char *at, onus_bound *b)
{
    const int64_t T = pick->rows, S = outer->rows, n = pick->u;
    float *products = (float *)(void *)at; /* (places of a tile, T) */
    void *pack = at + aligned((size_t)(T * TILE) * sizeof *products);
    double lane[16] = {0}, reach_g = 0, reach_h = 0, sum_d = 0;
    for (int64_t t = 0; t < T; t++) reach_g += sqrt(k->norm2(row_d(pick, example, t), n));
    for (int64_t s = 0; s < S; s++) {
        const double d = sqrt(k->norm2(row_d(outer, example, s), outer->u));
        reach_h += d * sqrt(k->norm2(row_x(outer, example, s), n));
        sum_d += d;
    }
    for (int64_t s0 = 0; s0 < S; s0 += TILE) {
        const int64_t m = smaller(S - s0, TILE);
        const onus_gemm_args g = {.form = ONUS_GEMM_NT,
                                  .M = m,
                                  .N = T,
                                  .K = n,
                                  .A = row_x(outer, example, s0),
                                  .lda = outer->ldx,
                                  .B = row_d(pick, example, 0),
                                  .ldb = pick->ldd,
                                  .C = products,
                                  .ldc = T};
        onus_gemm_serial(k, &g, pack);
        for (int64_t i = 0; i < m * T; i++) {
            const float token = *row_x(pick, example, i % T);
            if (token >= 0.0f)
                lane[i % 16] = fma((double)products[i],
                                   (double)row_d(outer, example, s0 + i / T)[(int64_t)token],
                                   lane[i % 16]);
        }
    }
    const double off = chain_error(n) + (double)(T * S) * 0x1p-52;
    add(b,
        2 * (onus_fold16(lane) + off * reach_g * reach_h +
             0x1p-148 * (double)n * (double)T * sum_d),
        2 * reach_g * reach_h);
}

static void tied_part(void *ctx, int part, int n_parts)
{
    const bound_job *j = ctx;
    char *at = j->room + (size_t)part * j->part_bytes;
    for (int64_t e = part; e < j->step->n; e += n_parts)
        bound_tied(j->ex->k, &j->step->block[0], j->other, e, at, &j->bound[e]);
}

void onus_terms_bound_tied(const onus_op *op, onus_call *c, const onus_op *other_op,
                           onus_call *other, void *room, onus_bound *bound)
{
    onus_terms_step s, o;
    const unsigned trains = other->trains;
    if (!(c->trains & 1)) return;
    other->trains = 1; /* what else it has would stand in scratch, over this one's */
    const bool made = other_op->terms.fn(other, 0, &o) && op->terms.fn(c, 0, &s);
    other->trains = trains;
    assert(made && s.n == o.n && s.block[0].kind == ONUS_TERM_PICK &&
           o.block[0].kind == ONUS_TERM_OUTER && s.block[0].u == o.block[0].n);
    bound_job j = {.ex = c->ex,
                   .step = &s,
                   .other = &o.block[0],
                   .room = room,
                   .part_bytes = largest_part(&s),
                   .bound = bound};
    if (made) share(c->ex, s.n, numbers_of(&s) + numbers_of(&o), tied_part, &j);
}

/* ---- sums -------------------------------------------------------------------------------- */

typedef struct {
    const onus_terms *t;
    const double *w;
    double grid;
    double *sum;
    int64_t n; /* examples */
} sum_job;

/* Columns of all examples' rows. */
static void sum_part(void *ctx, int part, int n_parts)
{
    const sum_job *j = ctx;
    const onus_terms *t = j->t;
    int64_t begin, end;
    onus_split(t->u, 16, part, n_parts, &begin, &end);
    for (int64_t e = 0; begin < end && e < j->n; e++)
        for (int64_t i = 0; j->w[e] > 0 && i < t->rows; i++) {
            const float row = t->kind == ONUS_TERM_PICK ? *row_x(t, e, i) : 0.0f;
            if (row >= 0.0f)
                onus_grid_add(j->grid, j->w[e], row_d(t, e, i) + begin,
                              j->sum + (int64_t)row * t->u + begin, end - begin);
        }
}

/* Examples [begin, end), none of which is left out. */
static void sum_outer(const onus_exec *ex, const sum_job *j, int64_t begin, int64_t end,
                      void *room)
{
    const onus_terms *t = j->t;
    const onus_grid_outer_args a = {.grid = j->grid,
                                    .rows = (end - begin) * t->rows,
                                    .u = t->u,
                                    .n = t->n,
                                    .d = row_d(t, begin, 0),
                                    .ldd = t->ldd,
                                    .x = row_x(t, begin, 0),
                                    .ldx = t->ldx,
                                    .weight = j->w + begin,
                                    .rows_per_weight = t->rows,
                                    .sum = j->sum,
                                    .ld = t->n};
    onus_grid_outer(ex, &a, room);
}

static void sum_block(const onus_exec *ex, const sum_job *j, void *room)
{
    const onus_terms *t = j->t;
    if (t->kind != ONUS_TERM_OUTER) {
        sum_job columns = *j;
        share(ex, t->u, j->n * t->rows, sum_part, &columns);
        return;
    }
    for (int64_t begin = 0, end; begin < j->n; begin = end + 1) {
        for (end = begin; end < j->n && j->w[end] > 0;) end++;
        if (begin < end) sum_outer(ex, j, begin, end, room);
    }
}

void onus_terms_sum(const onus_op *op, onus_call *c, void *room, const double *w, double grid,
                    double *const sum[ONUS_PARAM_MAX])
{
    onus_terms_step s;
    for (int64_t step = 0; op->terms.fn(c, step, &s); step++)
        for (int i = 0; i < s.n_blocks; i++) {
            const onus_terms *t = &s.block[i];
            if (!(c->trains >> t->param & 1) || !sum[t->param]) continue;
            const sum_job j = {.t = t,
                               .w = w + s.first,
                               .grid = grid,
                               .sum = sum[t->param] + t->first,
                               .n = s.n};
            sum_block(c->ex, &j, room);
        }
}

/* ---- sizes ------------------------------------------------------------------------------- */

double onus_terms_rounding(const onus_terms_step *shape, int k)
{
    double sum = 0;
    for (int i = 0; i < shape->n_blocks; i++) {
        const onus_terms *t = &shape->block[i];
        const double T = (double)t->rows, n = t->kind == ONUS_TERM_OUTER ? (double)t->n : 1,
                     copies = t->copies > 0 ? (double)t->copies : 1;
        if (t->param == k) sum += copies * T * T * (double)t->u * n;
    }
    return sqrt(sum);
}

/* Multiply-adds of a block's bound for one example. */
static double bound_work(const onus_terms *t)
{
    const double T = (double)t->rows, u = (double)t->u, n = (double)t->n, tile = TILE;
    if (t->kind == ONUS_TERM_SUM) return u;
    if (t->kind == ONUS_TERM_PICK) return 3 * T * u; /* its length, the sum, its square */
    if (t->rows == 1) return u + n;
    if (!by_pairs(t)) return T * (u + n) + T * u * n + u * n;
    const double full = floor(T / tile), rest = T - full * tile;
    const double pairs = tile * tile * full * (full + 1) / 2 + full * tile * rest + rest * rest;
    return T * (u + n) + pairs * (u + n + 1);
}

onus_cost onus_terms_cost(const onus_terms_step *shape, int64_t B)
{
    onus_cost cost = {0};
    for (int i = 0; i < shape->n_blocks; i++) {
        const onus_terms *t = &shape->block[i];
        const double copies = (double)B * (t->copies > 0 ? (double)t->copies : 1);
        cost.multiply_adds += copies * bound_work(t);
        cost.bytes += copies * 4 * (double)t->rows * (double)(t->u + t->n);
    }
    return cost;
}
