/* SPDX-License-Identifier: Apache-2.0
 * speed.c - a large product and a long pass, timed. */
#include "num/speed.h"

#include "base/clock.h"
#include "base/fail.h"
#include "base/mem.h"
#include "num/gemm.h"
#include "num/kernels.h"

#define TRY_S 0.1 /* seconds for each of the two */

static double product_s(const onus_exec *ex, float *block, void *scratch)
{
    const int64_t n = ONUS_SPEED_SIDE;
    const onus_gemm_args g = {.form = ONUS_GEMM_NN,
                              .M = n,
                              .N = n,
                              .K = n,
                              .A = block,
                              .lda = n,
                              .B = block + n * n,
                              .ldb = n,
                              .C = block + 2 * n * n,
                              .ldc = n};
    const double start = onus_clock_s();
    onus_gemm(ex, &g, scratch);
    return onus_clock_s() - start;
}

typedef struct {
    const onus_kernels *k;
    float *x;
    int64_t n;
} pass;

static void pass_part(void *ctx, int part, int n_parts)
{
    const pass *p = ctx;
    int64_t begin, end;
    onus_split(p->n, 16, part, n_parts, &begin, &end);
    p->k->scale(1.0f, p->x + begin, p->x + begin, end - begin);
}

static double pass_s(const onus_exec *ex, float *block)
{
    pass p = {.k = ex->k, .x = block, .n = ONUS_SPEED_BYTES / (int64_t)sizeof(float)};
    const double start = onus_clock_s();
    onus_pool_run(ex->pool, pass_part, &p);
    return onus_clock_s() - start;
}

onus_status onus_speed_measure(const onus_exec *ex, onus_speed *out, const onus_allocator *mem,
                               onus_err *err)
{
    const int64_t n = ONUS_SPEED_SIDE;
    double product = 1e9, over = 1e9;
    onus_status st = ONUS_OK;
    onus_arena arena;
    onus_arena_init(&arena, mem);
    float *block = onus_arena_alloc(&arena, ONUS_SPEED_BYTES, 1);
    void *scratch = onus_arena_alloc(&arena, onus_gemm_scratch_bytes(ex, n, n, n), 1);
    if (!block || !scratch) {
        st = onus_fail_mem(err, "profile");
        goto done;
    }
    (void)pass_s(ex, block); /* the pages are there from now on */
    for (double began = onus_clock_s(); onus_clock_s() - began < TRY_S;) {
        const double s = pass_s(ex, block);
        over = s < over ? s : over;
    }
    for (double began = onus_clock_s(); onus_clock_s() - began < TRY_S;) {
        const double s = product_s(ex, block, scratch);
        product = s < product ? s : product;
    }
    *out = (onus_speed){.flops = 2.0 * (double)(n * n * n) / product,
                        .bytes = 2.0 * ONUS_SPEED_BYTES / over};
done:
    onus_arena_release(&arena);
    return st;
}
