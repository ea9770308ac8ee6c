/* SPDX-License-Identifier: Apache-2.0
 * grid_bench.c - exact outer products of private training (num/grid.h) beside the binary32
 * products that they stand in for; one JSON object a line.
 *
 * usage: grid_bench [SECONDS-A-CASE [PART-OF-A-NAME]]   (default 0.6; all cases)
 *
 * Method: for every shape and number of threads the two take turns, and each side's best time
 * counts, because other work on the machine can only add some. The peer of a row is half the
 * rate of our own product of the same shape: a vector holds half as many numbers of twice the
 * width. The floor is half of what binary32 multiply-adds on registers alone reach.
 *
 * Exit status: 0, or 1 where something could not be measured (a line on stderr says what). */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/pool.h"
#include "num/gemm.h"
#include "num/grid.h"
#include "peak.h"

#define GOAL        "0.9" /* of half the binary32 product's rate */
#define OUTPUTS_MIN 16384 /* with fewer, packing is most of the work: reported only */

typedef struct {
    int rows, u, n;
    const char *of;
} shape;

static const shape shapes[] = {
    {256, 512, 784, "MLP"},      {256, 10, 512, "MLP"},      {256, 512, 1, "one feature"},
    {256, 1, 64, "one output"},  {16, 512, 784, "few rows"}, {50000, 16, 27, "convolution"},
    {1024, 3072, 768, "GPT-2"},  {1024, 768, 3072, "GPT-2"}, {1024, 768, 768, "GPT-2"},
    {1024, 50257, 768, "GPT-2"},
};

typedef struct {
    const shape *s;
    onus_exec ex;
    float *d, *x, *C;
    double *weight, *sum;
    void *scratch, *gemm_scratch;
} bench;

static void *memory(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!p) {
        fprintf(stderr, "grid_bench: out of memory\n");
        exit(1);
    }
    memset(p, 0, (bytes + 63) / 64 * 64);
    return p;
}

static float *numbers(size_t n, uint32_t seed)
{
    float *p = memory(n * sizeof *p);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u; /* Numerical Recipes': any numbers will do */
        p[i] = (float)(int32_t)seed * 0x1p-31f;
    }
    return p;
}

/* Grid 2^-30: 2^17 terms below 1 stay far below 2^50 of them, over all calls as well. */
static void call_grid(const bench *b)
{
    const shape *s = b->s;
    const onus_grid_outer_args a = {.grid = 0x1p-30,
                                    .rows = s->rows,
                                    .u = s->u,
                                    .n = s->n,
                                    .d = b->d,
                                    .ldd = s->u,
                                    .x = b->x,
                                    .ldx = s->n,
                                    .weight = b->weight,
                                    .rows_per_weight = 1,
                                    .sum = b->sum,
                                    .ld = s->n};
    onus_grid_outer(&b->ex, &a, b->scratch);
}

static void call_gemm(const bench *b)
{
    const shape *s = b->s;
    const onus_gemm_args g = {.form = ONUS_GEMM_TN,
                              .M = s->u,
                              .N = s->n,
                              .K = s->rows,
                              .A = b->d,
                              .lda = s->u,
                              .B = b->x,
                              .ldb = s->n,
                              .C = b->C,
                              .ldc = s->n,
                              .start = ONUS_GEMM_GOES_ON};
    onus_gemm(&b->ex, &g, b->gemm_scratch);
}

/* Warms up, then short batches; the best time of one call enters *best_s. */
static void turn(const bench *b, void (*call)(const bench *), double *best_s)
{
    const double flops = 2.0 * b->s->rows * b->s->u * b->s->n;
    const int calls = flops < 4e6 ? (int)(4e6 / flops) + 1 : 1;
    const double start = bench_now_s(), warm_s = 2e-3;
    do call(b);
    while (bench_now_s() - start < warm_s);
    for (int batch = 0; batch < 2 || bench_now_s() - start < 4 * warm_s; batch++) {
        const double t = bench_now_s();
        for (int i = 0; i < calls; i++) call(b);
        const double s = (bench_now_s() - t) / calls;
        if (s < *best_s) *best_s = s;
    }
}

static void run_case(const shape *s, int threads, onus_exec ex, double floor, double seconds)
{
    const size_t un = (size_t)s->u * (size_t)s->n;
    bench b = {.s = s, .ex = ex};
    b.d = numbers((size_t)s->rows * (size_t)s->u, 1);
    b.x = numbers((size_t)s->rows * (size_t)s->n, 2);
    b.C = memory(un * sizeof *b.C);
    b.sum = memory(un * sizeof *b.sum);
    b.weight = memory((size_t)s->rows * sizeof *b.weight);
    for (int i = 0; i < s->rows; i++) b.weight[i] = 1.0 / (1.0 + i % 7);
    b.scratch = memory(onus_grid_outer_bytes(&ex, s->u, s->n));
    b.gemm_scratch = memory(onus_gemm_scratch_bytes(&ex, s->u, s->n, s->rows));
    double grid_s = INFINITY, gemm_s = INFINITY;
    const double start = bench_now_s(), work = 2e-9 * s->rows * s->u * s->n;
    for (int round = 0; round < 3 || bench_now_s() - start < seconds; round++) {
        turn(&b, call_gemm, &gemm_s);
        turn(&b, call_grid, &grid_s);
    }
    const char *goal = un >= OUTPUTS_MIN ? GOAL : "null";
    printf("{\"name\": \"grid %dx%dx%d, %s, %d thread%s\", \"unit\": \"GFLOP/s\", ", s->rows,
           s->u, s->n, s->of, threads, threads > 1 ? "s" : "");
    printf(
        "\"onus\": %.4g, \"peer\": %.4g, \"peer_version\": \"half of our binary32 product\", ",
        work / grid_s, work / gemm_s / 2);
    printf(
        "\"peer_settings\": \"threads=%d\", \"ratio\": %.3f, \"goal\": %s, \"floor\": %.4g}\n",
        threads, 2 * gemm_s / grid_s, goal, floor);
    fflush(stdout);
    free(b.d);
    free(b.x);
    free(b.C);
    free(b.sum);
    free(b.weight);
    free(b.scratch);
    free(b.gemm_scratch);
}

int main(int argc, char **argv)
{
    const double seconds = argc > 1 ? atof(argv[1]) : 0.6;
    onus_err err;
    onus_isa isa;
    if (!(seconds > 0.0) || onus_isa_default(&isa, &err) != ONUS_OK) {
        fprintf(stderr, "grid_bench: %s\n", seconds > 0.0 ? err.msg : "no time in seconds");
        return 1;
    }
    for (int threads = 1; threads <= 2; threads++) {
        onus_exec ex = {.k = onus_kernels_of(isa)};
        if (threads > 1 && onus_pool_create(&ex.pool, threads, NULL, NULL) != ONUS_OK) return 1;
        const double floor = bench_peak_gflops(ex.pool, isa) / 2;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            if (argc < 3 || strstr(shapes[i].of, argv[2]))
                run_case(&shapes[i], threads, ex, floor, seconds);
        onus_pool_destroy(ex.pool);
    }
    return 0;
}
