/* SPDX-License-Identifier: Apache-2.0
 * gemm.c - matrix products over threads. A plan says how many parts the outputs are cut into;
 * each part is one gemm_tile with packing scratch of its own. Where outputs are too few for the
 * threads, the segments of k are shared out instead: each is computed alone, and they are added
 * ascending, as contract item 3 has it. */
#include "num/gemm.h"
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

/* Time of a part in multiply-adds of a vector of 8 for each k: tiles are 16 columns wide, and a
 * packed number costs about what four multiply-adds of it cost. */
static double part_cost(int64_t rows, int64_t cols)
{
    const int64_t wide = ceil_div(cols, 16) * 16;
    return (double)rows * (double)wide / 8.0 + 0.5 * (double)(rows + wide);
}

/* Few outputs: their segments fit a scratch of SHARE_MAX at a time. */
#define SHARE_OUTPUTS_MAX 16384
#define SHARE_MAX         64

static plan plan_of(const onus_exec *ex, int64_t M, int64_t N, int64_t K)
{
    const int n_threads = onus_pool_size(ex->pool);
    plan p = {.rows = 1, .cols = 1, .share = 1};
    if (n_threads > 1 && (double)M * (double)N * (double)K >= MACS_ALONE) {
        double best = part_cost(M, N);
        for (int rows = 1; rows <= n_threads; rows++) {
            const int cols = n_threads / rows;
            const double cost =
                part_cost(ceil_div(M, rows), ceil_div(ceil_div(N, 16), cols) * 16);
            if (cost >= best) continue;
            best = cost;
            p.rows = rows;
            p.cols = cols;
        }
        const int64_t n_segments = segments_of(K, 0);
        const int64_t rounds = ceil_div(n_segments, n_threads);
        const double shared = part_cost(M, N) * (double)rounds / (double)n_segments;
        if (n_segments > 1 && M * N <= SHARE_OUTPUTS_MAX && shared < 0.75 * best) {
            p.rows = p.cols = 1;
            p.share = n_segments < SHARE_MAX ? (int)n_segments : SHARE_MAX;
        }
    }
    p.pack_bytes =
        onus_gemm_pack_bytes(ceil_div(M, p.rows), ceil_div(ceil_div(N, 16), p.cols) * 16, K);
    return p;
}

size_t onus_gemm_scratch_bytes(const onus_exec *ex, onus_gemm_form form, int64_t M, int64_t N,
                               int64_t K)
{
    (void)form;
    const plan p = plan_of(ex, M, N, K);
    if (p.share == 1) return (size_t)p.rows * (size_t)p.cols * p.pack_bytes;
    return (size_t)onus_pool_size(ex->pool) * p.pack_bytes +
           (size_t)p.share * (size_t)(M * N) * sizeof(float);
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
        onus_split(g->N, 16, t % g->p.cols, g->p.cols, &n0, &n1);
        if (m0 >= m1 || n0 >= n1) continue;
        g->ex->k->gemm_tile(&g->t, m0, m1, n0, n1, g->pack + (size_t)t * g->p.pack_bytes);
    }
}

static void run_segments(void *ctx, int part, int n_parts)
{
    const product *g = ctx;
    for (int64_t s = g->s0 + part; s < g->s1; s += n_parts) {
        const int64_t at = g->t.k_at % ONUS_GEMM_SEGMENT;
        const int64_t k = s == 0 ? 0 : s * ONUS_GEMM_SEGMENT - at;
        const onus_gemm_task one = {.A = g->t.A + k * g->t.a_col,
                                    .a_row = g->t.a_row,
                                    .a_col = g->t.a_col,
                                    .B = g->t.B + k * g->t.b_row,
                                    .b_row = g->t.b_row,
                                    .b_col = g->t.b_col,
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
                 .p = plan_of(ex, args->M, args->N, args->K),
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
