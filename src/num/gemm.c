/* SPDX-License-Identifier: Apache-2.0
 * gemm.c - matrix products over threads. A plan says how many parts the outputs are cut into;
 * each part is one gemm_tile with packing scratch of its own. Where outputs are too few for the
 * threads, the segments of k are shared out instead: each is computed alone, and they are added
 * ascending, as contract item 3 has it. */
#include "num/gemm.h"
#include <string.h>
#include "num/gemm_kernels.h"
#include "num/gemm_plan.h"
#include "num/kernels.h"

/* Below this many multiply-adds a product runs on the calling thread: waking a worker costs
 * about a microsecond, in which one core does some 40,000 of them. */
#define MACS_ALONE 50000

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t min_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* For either way: a block of A, C's transpose, panels of B. */
size_t onus_gemm_pack_bytes(int64_t M, int64_t N, int64_t K)
{
    const int64_t most = ONUS_GEMM_PANEL_FLOATS;
    const int64_t straight = onus_gemm_panels_of(N, ONUS_GEMM_NC_MAX) * K,
                  swapped = onus_gemm_panels_of(M, ONUS_GEMM_SWAPPED_NC) * K;
    const int64_t panels = straight > swapped ? straight : swapped;
    return (size_t)(ONUS_GEMM_A_FLOATS + ONUS_GEMM_T_FLOATS(N, M) + min_of(panels, most) + 32) *
           sizeof(float);
}

/* Segments that K terms from place k_at on lie in. */
static int64_t segments_of(int64_t K, int64_t k_at)
{
    return ceil_div(K + k_at % ONUS_GEMM_SEGMENT, ONUS_GEMM_SEGMENT);
}

/* How one product is shared out. Either the outputs are cut into rows x cols parts, or (share >
 * 1) whole segments of k are, `share` of them at a time. */
typedef struct {
    int rows, cols, share;
    size_t pack_bytes; /* a part */
} plan;

/* Lanes of a vector, and columns of B at a time, of a table's kernels: half a panel. */
static int lanes_of(const onus_kernels *k)
{
    return k->gemm_panel > 0 ? k->gemm_panel / 2 : 16;
}

/* Time of a part on either way. */
static double part_cost(const onus_kernels *k, const onus_gemm_sizes *s)
{
    const int lanes = lanes_of(k);
    const double straight = onus_gemm_cost_straight(s, lanes, lanes * 48),
                 swapped = onus_gemm_cost_swapped(s, lanes);
    return straight < swapped ? straight : swapped;
}

/* Columns that parts begin at multiples of. */
static int64_t grain_of(int64_t N)
{
    return N < 16 * ONUS_GEMM_PANEL_MAX ? 16 : ONUS_GEMM_PANEL_MAX;
}

/* Few outputs: their segments fit a scratch of SHARE_MAX at a time. */
#define SHARE_OUTPUTS_MAX 16384
#define SHARE_MAX         64

static plan plan_of(const onus_exec *ex, onus_gemm_form form, int64_t M, int64_t N, int64_t K)
{
    const int n_threads = onus_pool_size(ex->pool);
    const int64_t grain = grain_of(N), units = ceil_div(N, grain);
    plan p = {.rows = 1, .cols = 1, .share = 1};
    if (n_threads > 1 && (double)M * (double)N * (double)K >= MACS_ALONE) {
        const bool ta = form == ONUS_GEMM_TN || form == ONUS_GEMM_TT,
                   tb = form == ONUS_GEMM_NT || form == ONUS_GEMM_TT;
        const onus_gemm_sizes whole = {M, N, K, ta, tb};
        double best = part_cost(ex->k, &whole);
        for (int rows = 1; rows <= n_threads; rows++) {
            const int cols = n_threads / rows;
            const onus_gemm_sizes part = {ceil_div(M, rows), ceil_div(units, cols) * grain, K,
                                          ta, tb};
            const double cost = part_cost(ex->k, &part);
            if (cost >= best) continue;
            best = cost;
            p.rows = rows;
            p.cols = cols;
        }
        const int64_t n_segments = segments_of(K, 0);
        const int64_t rounds = ceil_div(n_segments, n_threads);
        const double shared = part_cost(ex->k, &whole) * (double)rounds / (double)n_segments;
        if (n_segments > 1 && M * N <= SHARE_OUTPUTS_MAX && shared < 0.75 * best) {
            p.rows = p.cols = 1;
            p.share = n_segments < SHARE_MAX ? (int)n_segments : SHARE_MAX;
        }
    }
    p.pack_bytes =
        onus_gemm_pack_bytes(ceil_div(M, p.rows), ceil_div(units, p.cols) * grain, K);
    p.pack_bytes = (p.pack_bytes + 63) / 64 * 64;
    return p;
}

/* A smaller product may be cut in other ways: by segments, or into parts whose sides are
 * longer. So this is what any cut of at most M x N x K takes, not what plan_of chooses for
 * these. */
size_t onus_gemm_scratch_bytes(const onus_exec *ex, int64_t M, int64_t N, int64_t K)
{
    const int64_t units = ceil_div(N, ONUS_GEMM_PANEL_MAX), n_segments = segments_of(K, 0);
    const size_t n_threads = (size_t)onus_pool_size(ex->pool),
                 pack = onus_gemm_pack_bytes(M, units * ONUS_GEMM_PANEL_MAX, K),
                 all = n_threads * ((pack + 63) / 64 * 64);
    if (n_threads == 1 || n_segments == 1) return all;
    return all + (size_t)min_of(n_segments, SHARE_MAX) *
                     (size_t)min_of(M * N, SHARE_OUTPUTS_MAX) * sizeof(float);
}

typedef struct {
    const onus_exec *ex;
    plan p;
    int64_t M, N;
    onus_gemm_task t;
    char *pack;
    float *parts;   /* (share, M, N): one segment each */
    int64_t s0, s1; /* segments of this round */
} product;

static void run_part(void *ctx, int part, int n_parts)
{
    const product *g = ctx;
    const int n = g->p.rows * g->p.cols;
    for (int t = part; t < n; t += n_parts) {
        int64_t m0, m1, n0, n1;
        onus_split(g->M, 1, t / g->p.cols, g->p.rows, &m0, &m1);
        onus_split(g->N, g->t.panels ? ONUS_GEMM_PANEL_MAX : grain_of(g->N), t % g->p.cols,
                   g->p.cols, &n0, &n1);
        if (m0 >= m1 || n0 >= n1) continue;
        g->ex->k->gemm_tile(&g->t, m0, m1, n0, n1, g->pack + (size_t)t * g->p.pack_bytes);
    }
}

static void run_segments(void *ctx, int part, int n_parts)
{
    const product *g = ctx;
    const int64_t panel = g->ex->k->gemm_panel;
    for (int64_t s = g->s0 + part; s < g->s1; s += n_parts) {
        const int64_t at = g->t.k_at % ONUS_GEMM_SEGMENT;
        const int64_t k = s == 0 ? 0 : s * ONUS_GEMM_SEGMENT - at;
        const onus_gemm_task one = {.A = g->t.A + k * g->t.a_col,
                                    .a_row = g->t.a_row,
                                    .a_col = g->t.a_col,
                                    .B = g->t.panels ? NULL : g->t.B + k * g->t.b_row,
                                    .b_row = g->t.b_row,
                                    .b_col = g->t.b_col,
                                    .panels = g->t.panels ? g->t.panels + k * panel : NULL,
                                    .panel_terms = g->t.panel_terms,
                                    .C = g->parts + (s - g->s0) * g->M * g->N,
                                    .ldc = g->N,
                                    .K = onus_gemm_segment_terms(&g->t, k)};
        g->ex->k->gemm_tile(&one, 0, g->M, 0, g->N, g->pack + (size_t)part * g->p.pack_bytes);
    }
}

/* Adds this round's segments to C, ascending; the first of all starts the total. */
static void add_segments(const product *g)
{
    for (int64_t s = g->s0; s < g->s1; s++) {
        const float *part = g->parts + (s - g->s0) * g->M * g->N;
        const bool starts = s == 0 && !g->t.goes_on;
        for (int64_t i = 0; i < g->M; i++)
            for (int64_t j = 0; j < g->N; j++) {
                float *c = g->t.C + i * g->t.ldc + j;
                *c = starts ? part[i * g->N + j] : *c + part[i * g->N + j];
            }
    }
}

static void share_segments(product *g)
{
    const int64_t n_segments = segments_of(g->t.K, g->t.k_at);
    for (g->s0 = 0; g->s0 < n_segments; g->s0 = g->s1) {
        g->s1 = g->s0 + g->p.share < n_segments ? g->s0 + g->p.share : n_segments;
        onus_pool_run(g->ex->pool, run_segments, g);
        add_segments(g);
    }
    if (!g->t.bias) return;
    for (int64_t i = 0; i < g->M; i++)
        for (int64_t j = 0; j < g->N; j++) g->t.C[i * g->t.ldc + j] += g->t.bias[j];
}

static onus_gemm_task task_of(const onus_gemm_args *g)
{
    const bool ta = g->form == ONUS_GEMM_TN || g->form == ONUS_GEMM_TT;
    const bool tb = g->form == ONUS_GEMM_NT || g->form == ONUS_GEMM_TT;
    return (onus_gemm_task){.A = g->A,
                            .a_row = ta ? 1 : g->lda,
                            .a_col = ta ? g->lda : 1,
                            .B = g->B,
                            .b_row = tb ? 1 : g->ldb,
                            .b_col = tb ? g->ldb : 1,
                            .panels = g->panels,
                            .panel_terms = g->K,
                            .C = g->C,
                            .ldc = g->ldc,
                            .K = g->K,
                            .k_at = g->k_at,
                            .goes_on = g->start == ONUS_GEMM_GOES_ON,
                            .bias = g->bias};
}

void onus_gemm(const onus_exec *ex, const onus_gemm_args *args, void *scratch)
{
    product g = {.ex = ex,
                 .p = plan_of(ex, args->form, args->M, args->N, args->K),
                 .M = args->M,
                 .N = args->N,
                 .t = task_of(args),
                 .pack = scratch};
    if (g.p.share > 1) {
        g.parts = (float *)(g.pack + (size_t)onus_pool_size(ex->pool) * g.p.pack_bytes);
        share_segments(&g);
    } else if (g.p.rows * g.p.cols == 1) {
        run_part(&g, 0, 1);
    } else {
        onus_pool_run(ex->pool, run_part, &g);
    }
}

void onus_gemm_serial(const onus_kernels *k, const onus_gemm_args *args, void *pack)
{
    const onus_gemm_task t = task_of(args);
    if (args->M > 0 && args->N > 0) k->gemm_tile(&t, 0, args->M, 0, args->N, pack);
}

/* ---- a B that is packed once ------------------------------------------------------------- */

size_t onus_gemm_panels_bytes(const onus_kernels *k, int64_t N, int64_t K)
{
    return (size_t)(ceil_div(N, k->gemm_panel) * k->gemm_panel) * (size_t)K * sizeof(float);
}

typedef struct {
    const onus_kernels *k;
    int64_t N, K, b_row, b_col;
    const float *B;
    float *panels;
} packing;

static void make_panels(void *ctx, int part, int n_parts)
{
    const packing *p = ctx;
    const int64_t panel = p->k->gemm_panel;
    int64_t n0, n1;
    onus_split(p->N, panel, part, n_parts, &n0, &n1);
    for (int64_t j = n0; j < n1; j += panel) {
        const int64_t width = p->N - j < panel ? p->N - j : panel;
        const float *B = p->B + j * p->b_col;
        float *dst = p->panels + j * p->K;
        if (width < panel) memset(dst, 0, (size_t)(panel * p->K) * sizeof *dst);
        if (p->b_col != 1)
            p->k->gemm_transpose(B, p->b_col, width, p->K, dst, panel);
        else
            for (int64_t k = 0; k < p->K; k++)
                memcpy(dst + k * panel, B + k * p->b_row, (size_t)width * sizeof *dst);
    }
}

void onus_gemm_panels_make(const onus_exec *ex, onus_gemm_form form, int64_t N, int64_t K,
                           const float *B, int64_t ldb, float *panels)
{
    const bool tb = form == ONUS_GEMM_NT || form == ONUS_GEMM_TT;
    packing p = {ex->k, N, K, tb ? 1 : ldb, tb ? ldb : 1, B, panels};
    if (N > 0 && K > 0) onus_pool_run(ex->pool, make_panels, &p);
}
