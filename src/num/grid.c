/* SPDX-License-Identifier: Apache-2.0
 * grid.c - exact outer products over threads. The sum is cut into parts, each one grid_tile
 * with packing scratch of its own; where it is too small for the threads, rows are shared out
 * instead, and every thread's own sum is added at the end: sums on a grid have one value
 * whatever the order (num/grid.h). */
#include "num/grid.h"
#include "num/grid_kernels.h"
#include "num/kernels.h"

/* Below this many multiply-adds the calling thread works alone: waking another costs about a
 * microsecond, in which one core does some 20,000 of them. */
#define MACS_ALONE        25000
/* Sums of at most so many elements may be made by each thread for some of the rows. */
#define SHARE_OUTPUTS_MAX 8192

static int64_t min_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* ---- scratch ----------------------------------------------------------------------------- */

/* Doubles of packed strips and panels where the sides are so long (template: work). The lowest
 * tile's height is 6 strips' worth of slack at most. */
static int64_t packed(int64_t tall, int64_t wide)
{
    const int64_t m = min_of(tall, ONUS_GRID_TALL);
    return ONUS_GRID_ROWS * (m + onus_grid_panels_of(wide)) + (m / 6 + 2) * ONUS_GRID_SLACK;
}

static int64_t pack_doubles(int64_t u, int64_t n)
{
    const int64_t straight = packed(u, n), swapped = packed(n, u);
    return ((straight > swapped ? straight : swapped) + 7) / 8 * 8;
}

size_t onus_grid_outer_serial_bytes(int64_t u, int64_t n)
{
    return (size_t)pack_doubles(u, n) * sizeof(double);
}

/* A thread's own sum, in whole cache lines. */
static int64_t own_doubles(int64_t u, int64_t n)
{
    return u * n <= SHARE_OUTPUTS_MAX ? (u * n + 7) / 8 * 8 : 0;
}

/* Whatever is shared out: a smaller sum than (u, n) may be cut where this is not. */
size_t onus_grid_outer_bytes(const onus_exec *ex, int64_t u, int64_t n)
{
    const int64_t threads = onus_pool_size(ex->pool);
    const int64_t own = threads > 1 ? min_of((u * n + 7) / 8 * 8, SHARE_OUTPUTS_MAX) : 0;
    return (size_t)(threads * (pack_doubles(u, n) + own)) * sizeof(double);
}

/* ---- how a sum is shared out ------------------------------------------------------------- */

typedef struct {
    int rows, cols; /* parts of the sum; 1 x 1: one thread, unless: */
    bool by_rows;   /* the rows are shared out, a part for every thread */
} plan;

/* Time of a row over (u, n), in multiply-adds of eight lanes: on either side the numbers that
 * do not fill a vector cost a whole one; packing costs about two for a vector of x, three of d
 * (Sapphire Rapids). */
static double row_cost(int64_t u, int64_t n)
{
    const double straight = (double)u * (double)ceil_div(n, 8),
                 swapped = 1.125 * (double)n * (double)ceil_div(u, 8);
    return (straight < swapped ? straight : swapped) + 0.25 * (double)n + 0.375 * (double)u;
}

static plan plan_of(const onus_exec *ex, const onus_grid_outer_args *a)
{
    const int n_threads = onus_pool_size(ex->pool);
    plan p = {.rows = 1, .cols = 1};
    if (n_threads == 1 || (double)a->rows * (double)a->u * (double)a->n < MACS_ALONE) return p;
    const double alone = row_cost(a->u, a->n);
    double best = alone;
    for (int rows = 1; rows <= n_threads; rows++) {
        const int cols = n_threads / rows;
        const double cost =
            row_cost(ceil_div(a->u, rows), ceil_div(ceil_div(a->n, 16), cols) * 16);
        if (cost >= best) continue;
        best = cost;
        p.rows = rows;
        p.cols = cols;
    }
    /* each thread's own sum is cleared and added: as much as two rows' work, or so */
    const double outputs = (double)a->u * (double)a->n / 4.0,
                 shared = alone / n_threads + outputs * n_threads / (double)a->rows;
    p.by_rows = own_doubles(a->u, a->n) > 0 && shared < 0.9 * best;
    return p;
}

typedef struct {
    const onus_exec *ex;
    const onus_grid_outer_args *a;
    plan p;
    double *scratch;
    int64_t pack; /* doubles of a part */
} job;

static void run_part(void *ctx, int part, int n_parts)
{
    const job *j = ctx;
    const onus_grid_outer_args *a = j->a;
    for (int t = part; t < j->p.rows * j->p.cols; t += n_parts) {
        onus_grid_part g = {.r1 = a->rows};
        onus_split(a->u, 1, t / j->p.cols, j->p.rows, &g.i0, &g.i1);
        onus_split(a->n, 16, t % j->p.cols, j->p.cols, &g.j0, &g.j1);
        if (g.i0 < g.i1 && g.j0 < g.j1) j->ex->k->grid_tile(a, &g, j->scratch + t * j->pack);
    }
}

static void run_rows(void *ctx, int part, int n_parts)
{
    const job *j = ctx;
    const int64_t own = own_doubles(j->a->u, j->a->n);
    onus_grid_part g = {.i1 = j->a->u, .j1 = j->a->n};
    onus_grid_outer_args a = *j->a;
    a.sum = j->scratch + n_parts * j->pack + part * own;
    a.ld = a.n;
    memset(a.sum, 0, (size_t)(a.u * a.n) * sizeof *a.sum);
    onus_split(a.rows, 1, part, n_parts, &g.r0, &g.r1);
    j->ex->k->grid_tile(&a, &g, j->scratch + part * j->pack);
}

static void add_own(const job *j, int n_parts)
{
    const onus_grid_outer_args *a = j->a;
    const int64_t own = own_doubles(a->u, a->n);
    for (int part = 0; part < n_parts; part++) {
        const double *sum = j->scratch + n_parts * j->pack + part * own;
        for (int64_t i = 0; i < a->u; i++)
            for (int64_t c = 0; c < a->n; c++) a->sum[i * a->ld + c] += sum[i * a->n + c];
    }
}

void onus_grid_outer(const onus_exec *ex, const onus_grid_outer_args *a, void *scratch)
{
    if (a->u <= 0 || a->n <= 0 || a->rows <= 0) return;
    job j = {.ex = ex,
             .a = a,
             .p = plan_of(ex, a),
             .scratch = scratch,
             .pack = pack_doubles(a->u, a->n)};
    if (j.p.by_rows) {
        onus_pool_run(ex->pool, run_rows, &j);
        add_own(&j, onus_pool_size(ex->pool));
    } else if (j.p.rows * j.p.cols > 1) {
        onus_pool_run(ex->pool, run_part, &j);
    } else {
        run_part(&j, 0, 1);
    }
}

void onus_grid_outer_serial(const onus_exec *ex, const onus_grid_outer_args *a, void *scratch)
{
    const onus_grid_part all = {.r1 = a->rows, .i1 = a->u, .j1 = a->n};
    if (a->u > 0 && a->n > 0) ex->k->grid_tile(a, &all, scratch);
}

/* ---- one factor -------------------------------------------------------------------------- */

/* v + M is rounded to a multiple of grid, v being no tie; less M it is that multiple, which
 * goes to the sum exactly. */
void onus_grid_add(double grid, double w, const float *d, double *sum, int64_t n)
{
    const double start = onus_grid_start(grid);
    for (int64_t j = 0; j < n; j++) sum[j] += (onus_grid_odd(w * (double)d[j]) + start) - start;
}
