/* SPDX-License-Identifier: Apache-2.0
 * peak.c - fused multiply-adds on registers, what memory gives, and how long a word takes from
 * core to core. */
#include "peak.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/mem.h"

double bench_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the floor --------------------------------------------------------------------------- */

#define PEAK_STEPS 20000
#if defined(__x86_64__)
/* Twelve chains in registers: the latency of four cycles times two units, and some over. */
#define TWELVE(X)     X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define AVX2_START(i) __m256 x##i = _mm256_set1_ps(i);
#define AVX2_STEP(i)  x##i = _mm256_fmadd_ps(x##i, a, b);
#define AVX2_KEEP(i)  __asm__ volatile("" ::"x"(x##i)); /* else the chains would be removed */
__attribute__((target("avx2,fma"))) static void chains_avx2(void)
{
    TWELVE(AVX2_START)
    const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
    for (int k = 0; k < PEAK_STEPS; k++) {
        TWELVE(AVX2_STEP)
    }
    TWELVE(AVX2_KEEP)
}

#define AVX512_START(i) __m512 x##i = _mm512_set1_ps(i);
#define AVX512_STEP(i)  x##i = _mm512_fmadd_ps(x##i, a, b);
#define AVX512_KEEP(i)  __asm__ volatile("" ::"v"(x##i));
__attribute__((target("avx512f"))) static void chains_avx512(void)
{
    TWELVE(AVX512_START)
    const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
    for (int k = 0; k < PEAK_STEPS; k++) {
        TWELVE(AVX512_STEP)
    }
    TWELVE(AVX512_KEEP)
}

static double chain_flops(onus_isa isa)
{
    const int lanes = isa == ONUS_ISA_AVX512 ? 16 : isa == ONUS_ISA_AVX2 ? 8 : 0;
    return 2.0 * 12 * lanes * PEAK_STEPS;
}

static void chains(onus_isa isa)
{
    if (isa == ONUS_ISA_AVX512) chains_avx512();
    if (isa == ONUS_ISA_AVX2) chains_avx2();
}
#else
static double chain_flops(onus_isa isa)
{
    (void)isa;
    return 0.0;
}

static void chains(onus_isa isa)
{
    (void)isa;
}
#endif

static void peak_part(void *ctx, int part, int n_parts)
{
    (void)part, (void)n_parts;
    chains(*(const onus_isa *)ctx);
}

double bench_peak_gflops(onus_pool *pool, onus_isa isa)
{
    double best_s = 1e9;
    for (int i = 0; i < 300; i++) {
        const double t = bench_now_s();
        onus_pool_run(pool, peak_part, &isa);
        const double s = bench_now_s() - t;
        if (s < best_s) best_s = s;
    }
    return chain_flops(isa) * onus_pool_size(pool) / best_s * 1e-9;
}

/* ---- memory ------------------------------------------------------------------------------ */

enum { BLOCK_FLOATS = 64 << 20, BLOCKS = 4 };

static void pass_part(void *ctx, int part, int n_parts)
{
    float *const *block = ctx;
    float *restrict p = block[0], *restrict m = block[1], *restrict v = block[2];
    const float *restrict g = block[3];
    int64_t begin, end;
    onus_split(BLOCK_FLOATS, 16, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        p[i] += g[i];
        m[i] += g[i];
        v[i] += g[i];
    }
}

double bench_memory_gb_s(onus_pool *pool)
{
    float *block[BLOCKS];
    double best_s = INFINITY;
    bool all = true;
    for (int k = 0; k < BLOCKS; k++)
        all = (block[k] = onus_alloc(NULL, BLOCK_FLOATS, sizeof(float))) && all;
    if (all) memset(block[3], 0, BLOCK_FLOATS * sizeof(float)); /* no page of it is shared */
    for (int turn = 0; all && turn < 4; turn++) { /* the first one meets new pages */
        const double t = bench_now_s();
        onus_pool_run(pool, pass_part, block);
        const double s = bench_now_s() - t;
        if (turn > 0 && s < best_s) best_s = s;
    }
    for (int k = 0; k < BLOCKS; k++) onus_free(NULL, block[k]);
    return all ? 7.0 * sizeof(float) * BLOCK_FLOATS / best_s * 1e-9 : 0.0;
}

/* ---- how far apart two cores are ----------------------------------------------------------
 */

typedef struct {
    _Alignas(64) atomic_int ball;
    _Alignas(64) atomic_bool end;
} court;

static void *opponent(void *arg)
{
    court *c = arg;
    while (!atomic_load(&c->end)) {
        int odd = atomic_load_explicit(&c->ball, memory_order_acquire);
        if (odd % 2) atomic_store_explicit(&c->ball, odd + 1, memory_order_release);
    }
    return NULL;
}

double bench_round_trip_s(void)
{
    enum { ROUNDS = 300, BALLS = 50 };
    static court c;
    pthread_t thread;
    double best_s = INFINITY;
    if (pthread_create(&thread, NULL, opponent, &c) != 0) return INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
        const double t = bench_now_s();
        for (int i = 0; i < BALLS; i++) {
            const int back = atomic_load(&c.ball) + 2;
            atomic_store_explicit(&c.ball, back - 1, memory_order_release);
            while (atomic_load_explicit(&c.ball, memory_order_acquire) != back) {}
        }
        const double s = (bench_now_s() - t) / BALLS;
        if (s < best_s) best_s = s;
    }
    atomic_store(&c.end, true);
    pthread_join(thread, NULL);
    return best_s;
}
