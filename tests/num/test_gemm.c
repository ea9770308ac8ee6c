/* SPDX-License-Identifier: Apache-2.0
 * Goal: matrix products obey contract item 3 and nothing else decides their bits: not the form,
 * the shape of a block, the strides, the instruction set, the number of threads. Method: every
 * kernel, alone and through onus_gemm, against a triple loop written here from the contract's
 * words. Where this machine lacks an instruction set the test says "not proven on this
 * machine"; the template in its shape is then still run, on plain arrays: AVX-512's here,
 * NEON's by test_gemm_lanes4.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "num/gemm.h"
#include "num/gemm_kernels.h"
#include "num/kernels.h"

/* ---- the template on plain arrays -------------------------------------------------------- */

#ifndef LANES
#define LANES      16 /* AVX-512 */
#define TALL       14
#define HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#endif

typedef struct {
    float x[LANES];
} vec, vec_num;

static vec vec_zero(void)
{
    return (vec){{0.0f}};
}

static vec vec_load_n(const float *p, int n)
{
    vec v = {{0.0f}};
    memcpy(v.x, p, (size_t)n * sizeof *p);
    return v;
}

static void vec_store_n(float *p, vec v, int n)
{
    memcpy(p, v.x, (size_t)n * sizeof *p);
}

static vec vec_set1(const float *p)
{
    vec v;
    for (int i = 0; i < LANES; i++) v.x[i] = *p;
    return v;
}

static vec vec_fma(vec a, vec b, vec c)
{
    for (int i = 0; i < LANES; i++) c.x[i] = fmaf(a.x[i], b.x[i], c.x[i]);
    return c;
}

static vec vec_add(vec a, vec b)
{
    for (int i = 0; i < LANES; i++) a.x[i] += b.x[i];
    return a;
}

static void transpose8(const float *const row[8], int64_t at, int cols, float *dst,
                       int64_t dst_ld)
{
    for (int c = 0; c < cols; c++)
        for (int r = 0; r < 8; r++) dst[c * dst_ld + r] = row[r][at + c];
}

#define vec_load(p)     vec_load_n(p, LANES)
#define vec_store(p, v) vec_store_n(p, v, LANES)
#define VW              LANES
#define GEMM_MR         TALL
#define GEMM_HEIGHTS(X) HEIGHTS(X)
#define GEMM_NC         (32 * LANES)
#define GEMM_TILE_NAME  gemm_tile_arrays
static void gemm_tile_arrays(ONUS_GEMM_TILE_ARGS);
#include "num/gemm_template.h"

/* ---- kernels under test ------------------------------------------------------------------ */

typedef void gemm_tile_fn(ONUS_GEMM_TILE_ARGS);
typedef struct {
    const char *name;
    gemm_tile_fn *fn; /* NULL: not in this build */
    int panel;
    bool here; /* the machine has it */
    bool slow; /* small shapes only */
} kernel;

#if defined(__x86_64__)
#define X86(fn)      fn
#define ARM(fn)      NULL
#define HAS(feature) (__builtin_cpu_supports(feature) != 0)
#else
#define X86(fn)      NULL
#define ARM(fn)      fn
#define HAS(feature) false
#endif

#if LANES == 16
#define N_KERNELS 6
static void kernels_here(kernel out[N_KERNELS])
{
    const bool fma = HAS("fma"), avx2 = fma && HAS("avx2");
    const bool avx512 =
        avx2 && HAS("avx512f") && HAS("avx512bw") && HAS("avx512dq") && HAS("avx512vl");
#if defined(__x86_64__)
    const bool arm = false;
#else
    const bool arm = true;
#endif
    const kernel all[N_KERNELS] = {
        {"ref", onus_gemm_tile_ref, 16, true, true},
        {"fma", onus_gemm_tile_fma, 16, fma || arm, true},
        {"avx2", X86(onus_gemm_tile_avx2), 16, avx2, false},
        {"avx512", X86(onus_gemm_tile_avx512), 32, avx512, false},
        {"neon", ARM(onus_gemm_tile_neon), 8, arm, false},
        {"avx512's template on arrays", gemm_tile_arrays, 32, true, true},
    };
    memcpy(out, all, sizeof all);
}
#else
#define N_KERNELS 1
static void kernels_here(kernel out[N_KERNELS])
{
    out[0] = (kernel){"neon's template on arrays", gemm_tile_arrays, 2 * LANES, true, false};
}
#endif

/* ---- the contract, as loops -------------------------------------------------------------- */

typedef struct {
    onus_gemm_form form;
    int64_t M, N, K, lda, ldb, ldc, k_at;
    onus_gemm_start start;
    float *A, *B, *C, *want, *bias; /* bias may be NULL */
    size_t c_len;
} problem;

/* Segments are cut by the term's place in the whole dot; the first one starts the total unless
 * the sum goes on from C. */
static float contract_dot(const problem *p, int64_t i, int64_t j)
{
    bool starts = p->start == ONUS_GEMM_STARTS;
    float total = starts ? 0.0f : p->C[i * p->ldc + j];
    for (int64_t k = 0; k < p->K;) {
        float chain = 0.0f;
        do {
            const bool ta = p->form == ONUS_GEMM_TN || p->form == ONUS_GEMM_TT;
            const bool tb = p->form == ONUS_GEMM_NT || p->form == ONUS_GEMM_TT;
            const float a = ta ? p->A[k * p->lda + i] : p->A[i * p->lda + k];
            const float b = tb ? p->B[j * p->ldb + k] : p->B[k * p->ldb + j];
            chain = fmaf(a, b, chain);
            k++;
        } while (k < p->K && (p->k_at + k) % 256 != 0);
        if (starts)
            total = chain;
        else
            total += chain;
        starts = false;
    }
    return p->bias ? total + p->bias[j] : total;
}

/* xorshift64*, Marsaglia 2003 / Vigna 2016: the test's own numbers. */
static uint64_t next_word(uint64_t *s)
{
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return *s * 2685821657736338717u;
}

static float number(uint64_t *s, bool awkward)
{
    static const float odd[] = {-0.0f,  0.0f,     1e-40f, -1e-42f, 3e38f,
                                -3e38f, INFINITY, 1e-30f, -1e-25f};
    const uint64_t w = next_word(s);
    if (awkward && w % 4 == 0) {
        const float v = odd[(w >> 8) % (sizeof odd / sizeof *odd)];
        /* One infinity in a long row makes most sums NaN, which proves little: they are
         * rare. */
        return isinf(v) && (w >> 16) % 64 ? -0.0f : v;
    }
    return (float)((int64_t)(w >> 40) - (1 << 23)) * 0x1p-23f;
}

static float *numbers(uint64_t *s, size_t n, bool awkward)
{
    float *p = aligned_alloc(64, (n * sizeof *p + 127) / 64 * 64);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++) p[i] = number(s, awkward);
    return p;
}

/* Strides are larger than the sizes by 0 .. 4, and C is followed by a guard; what lies between
 * rows stays. */
static void problem_strides(problem *p, uint64_t *s, onus_gemm_form form, int64_t M, int64_t N,
                            int64_t K, int64_t stride, bool bias, bool awkward)
{
    const bool ta = form == ONUS_GEMM_TN || form == ONUS_GEMM_TT;
    const bool tb = form == ONUS_GEMM_NT || form == ONUS_GEMM_TT;
    *p = (problem){.form = form, .M = M, .N = N, .K = K};
    p->start = next_word(s) % 3 == 0 ? ONUS_GEMM_GOES_ON : ONUS_GEMM_STARTS;
    p->k_at = next_word(s) % 3 == 0 ? (int64_t)(next_word(s) % 700) : 0;
    p->lda = stride ? stride : (ta ? M : K) + (int64_t)(next_word(s) % 5) + (K == 0);
    p->ldb = stride ? stride : (tb ? K : N) + (int64_t)(next_word(s) % 5) + (K == 0);
    p->ldc = stride ? stride : N + (int64_t)(next_word(s) % 5);
    /* exactly as long as the last element needs, so that a sanitizer sees an overrun */
    p->A = numbers(s, K ? (size_t)(((ta ? K : M) - 1) * p->lda + (ta ? M : K)) : 1, awkward);
    p->B = numbers(s, K ? (size_t)(((tb ? N : K) - 1) * p->ldb + (tb ? K : N)) : 1, awkward);
    p->c_len = (size_t)(M * p->ldc) + 32;
    p->C = numbers(s, p->c_len, awkward);
    p->want = malloc(p->c_len * sizeof *p->want);
    assert_non_null(p->want);
    p->bias = bias ? numbers(s, (size_t)N, awkward) : NULL;
    memcpy(p->want, p->C, p->c_len * sizeof *p->want);
    for (int64_t i = 0; i < M; i++)
        for (int64_t j = 0; j < N; j++) p->want[i * p->ldc + j] = contract_dot(p, i, j);
}

static void problem_make(problem *p, uint64_t *s, onus_gemm_form form, int64_t M, int64_t N,
                         int64_t K, bool bias, bool awkward)
{
    problem_strides(p, s, form, M, N, K, 0, bias, awkward);
}

static void problem_release(problem *p)
{
    free(p->A);
    free(p->B);
    free(p->C);
    free(p->want);
    free(p->bias);
}

/* Bits equal; a NaN equals any NaN, whose canonical form is made above the products. */
static void same_bits(const problem *p, const float *got, const char *who, int threads)
{
    static const char *const form[] = {"NN", "NT", "TN", "TT"};
    for (size_t i = 0; i < p->c_len; i++) {
        uint32_t g, w;
        memcpy(&g, got + i, sizeof g);
        memcpy(&w, p->want + i, sizeof w);
        if (g == w || (isnan(got[i]) && isnan(p->want[i]))) continue;
        fail_msg("%s, %d threads, %s M %lld N %lld K %lld from %lld lda %lld ldb %lld ldc "
                 "%lld%s%s: element %zu is %a, the contract says %a",
                 who, threads, form[p->form], (long long)p->M, (long long)p->N, (long long)p->K,
                 (long long)p->k_at, (long long)p->lda, (long long)p->ldb, (long long)p->ldc,
                 p->bias ? " bias" : "", p->start == ONUS_GEMM_GOES_ON ? " goes on" : "", i,
                 (double)got[i], (double)p->want[i]);
    }
}

typedef struct {
    kernel kernels[N_KERNELS];
    onus_pool *pools[4]; /* by number of threads; [1] is NULL, the calling thread */
} fixture;

static onus_gemm_args args_of(const problem *p, float *C)
{
    return (onus_gemm_args){.form = p->form,
                            .M = p->M,
                            .N = p->N,
                            .K = p->K,
                            .A = p->A,
                            .lda = p->lda,
                            .B = p->B,
                            .ldb = p->ldb,
                            .C = C,
                            .ldc = p->ldc,
                            .bias = p->bias,
                            .start = p->start,
                            .k_at = p->k_at};
}

/* threads = 0: the serial form. once: from a B that is packed once, and not read then. */
static void check_with(const problem *p, const onus_exec *ex, int threads, bool once, float *C)
{
    onus_gemm_args args = args_of(p, C);
    float *panels = NULL;
    if (once) {
        const size_t n = onus_gemm_panels_bytes(ex->k, p->N, p->K);
        panels = aligned_alloc(64, (n + 63) / 64 * 64 + 64);
        assert_non_null(panels);
        memset((char *)panels + n, 0x5a, 64);
        onus_gemm_panels_make(ex, p->form, p->N, p->K, p->B, p->ldb, panels);
        for (int b = 0; b < 64; b++) assert_int_equal(((char *)panels)[n + (size_t)b], 0x5a);
        args.panels = panels;
        args.B = NULL;
    }
    const size_t bytes = threads ? onus_gemm_scratch_bytes(ex, p->M, p->N, p->K)
                                 : onus_gemm_pack_bytes(p->M, p->N, p->K);
    char *scratch = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
    assert_non_null(scratch);
    memset(scratch + bytes, 0x5a, 64);
    memcpy(C, p->C, p->c_len * sizeof *C);
    if (threads)
        onus_gemm(ex, &args, scratch);
    else
        onus_gemm_serial(ex->k, &args, scratch);
    same_bits(p, C, ex->k->name, threads);
    for (int b = 0; b < 64; b++) assert_int_equal(scratch[bytes + (size_t)b], 0x5a);
    free(scratch);
    free(panels);
}

static void check(const fixture *f, const problem *p, bool slow_too)
{
    float *C = malloc(p->c_len * sizeof *C);
    assert_non_null(C);
    const int step = getenv("ONUS_SHORT") ? 3 : 1;
    for (int t = 0; t <= 3; t += step)
        for (int i = 0; i < N_KERNELS; i++) {
            const kernel *k = &f->kernels[i];
            if (!k->here || !k->fn || (k->slow && !slow_too)) continue;
            const onus_kernels table = {.name = f->kernels[i].name,
                                        .gemm_tile = f->kernels[i].fn,
                                        .gemm_panel = f->kernels[i].panel,
                                        .gemm_transpose = onus_gemm_transpose_ref};
            const onus_exec ex = {.k = &table, .pool = f->pools[t]};
            check_with(p, &ex, t, false, C);
            if (p->K > 0) check_with(p, &ex, t, true, C);
        }
    free(C);
}

static void one(const fixture *f, uint64_t *s, int64_t M, int64_t N, int64_t K, bool slow_too)
{
    for (int form = 0; form < 4; form++) {
        problem p;
        const uint64_t w = next_word(s);
        problem_make(&p, s, (onus_gemm_form)form, M, N, K, w & 1, w & 2);
        check(f, &p, slow_too);
        problem_release(&p);
    }
}

static int64_t below(uint64_t *s, int64_t n)
{
    return 1 + (int64_t)(next_word(s) % (uint64_t)n);
}

/* ---- tests ------------------------------------------------------------------------------- */

static void small_shapes(void **state)
{
    uint64_t s = 20240517;
    for (int i = 0; i < 120; i++)
        one(*state, &s, below(&s, 70), below(&s, 70), below(&s, 70), true);
}

/* Every height and width of a register tile, and one more. */
static void every_edge(void **state)
{
    uint64_t s = 7;
    for (int64_t M = 1; M <= 16; M++)
        for (int64_t N = 1; N <= 34; N++) {
            problem p;
            problem_make(&p, &s, (onus_gemm_form)((M + N) % 4), M, N, 9, true, true);
            check(*state, &p, true);
            problem_release(&p);
        }
}

static void segment_edges(void **state)
{
    static const int64_t K[] = {0, 1, 2, 255, 256, 257, 511, 512, 513, 1003};
    uint64_t s = 99;
    for (size_t i = 0; i < sizeof K / sizeof *K; i++) {
        one(*state, &s, below(&s, 40), below(&s, 40), K[i], true);
        one(*state, &s, 1, below(&s, 20), K[i], true);
        one(*state, &s, below(&s, 20), 1, K[i], true);
        one(*state, &s, 2, 3, K[i], true); /* few outputs: threads share the segments */
    }
}

/* Beyond one block of rows, of columns and of both. */
static void blocks(void **state)
{
    static const int64_t shape[][3] = {{64, 64, 784},   {64, 10, 64},    {513, 70, 300},
                                       {70, 1100, 270}, {300, 1040, 20}, {1000, 35, 33},
                                       {6, 5, 20000}};
    uint64_t s = 5;
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        one(*state, &s, shape[i][0], shape[i][1], shape[i][2], false);
}

/* Strides of whole pages, which the kernels treat apart: around the sizes from which operands
 * are packed there. */
static void page_strides(void **state)
{
    static const int64_t shape[][3] = {{23, 63, 300}, {24, 64, 257}, {130, 255, 30},
                                       {40, 256, 20}, {33, 5, 513},  {65, 12, 70}};
    uint64_t s = 31;
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        for (int form = 0; form < 4; form++) {
            problem p;
            problem_strides(&p, &s, (onus_gemm_form)form, shape[i][0], shape[i][1], shape[i][2],
                            1024, form & 1, form & 2);
            check(*state, &p, false);
            problem_release(&p);
        }
}

/* No rows or no columns: nothing is written, whatever the rest. */
static void nothing_to_do(void **state)
{
    static const int64_t shape[][3] = {{0, 5, 7}, {5, 0, 7}, {0, 0, 0}, {0, 700, 3000}};
    const fixture *f = *state;
    for (int t = 1; t <= 3; t++)
        for (int i = 0; i < N_KERNELS; i++)
            for (size_t k = 0; k < sizeof shape / sizeof *shape; k++) {
                if (!f->kernels[i].here || !f->kernels[i].fn) continue;
                const onus_kernels table = {.gemm_tile = f->kernels[i].fn};
                const onus_exec ex = {.k = &table, .pool = f->pools[t]};
                const int64_t M = shape[k][0], N = shape[k][1], K = shape[k][2];
                float x[1] = {5};
                char *scratch =
                    aligned_alloc(64, (onus_gemm_scratch_bytes(&ex, M, N, K) + 127) / 64 * 64);
                for (int form = 0; form < 4; form++) {
                    const onus_gemm_args none = {.form = (onus_gemm_form)form,
                                                 .M = M,
                                                 .N = N,
                                                 .K = K,
                                                 .A = x,
                                                 .lda = 4096,
                                                 .B = x,
                                                 .ldb = 4096,
                                                 .C = x,
                                                 .ldc = 4096,
                                                 .bias = x};
                    onus_gemm(&ex, &none, scratch);
                    onus_gemm_serial(ex.k, &none, scratch);
                }
                assert_true(x[0] == 5);
                free(scratch);
            }
}

/* The first segment starts the total, and a chain can end at -0: +0 + -0 would be +0. By hand:
 * the product of 2^-149 and -2^-10 is below half the smallest subnormal, so the chain from +0
 * ends at -0. */
static void minus_zero_survives(void **state)
{
    const fixture *f = *state;
    const float a[1] = {0x1p-149f}, b[1] = {-0x1p-10f};
    for (int i = 0; i < N_KERNELS; i++) {
        if (!f->kernels[i].here || !f->kernels[i].fn) continue;
        _Alignas(64) static char pack[32768];
        float c = 1.0f;
        assert_true(onus_gemm_pack_bytes(1, 1, 1) <= sizeof pack);
        const onus_gemm_task t = {
            .A = a, .a_row = 1, .a_col = 1, .B = b, .b_row = 1, .b_col = 1, .C = &c, .K = 1};
        f->kernels[i].fn(&t, 0, 1, 0, 1, pack);
        assert_true(c == 0.0f && signbit(c));
    }
}

/* By hand: 1 + 2^-24 in one chain rounds to 1 each time; cut after 256 terms the small ones
 * survive. Row of A: 1, then 511 times 2^-24; B ones. One chain: 1. Two segments: 1 + (256 *
 * 2^-24) = 1 + 2^-16. */
static void segments_by_hand(void **state)
{
    const fixture *f = *state;
    float a[512], b[512];
    for (int k = 0; k < 512; k++) {
        a[k] = k ? 0x1p-24f : 1.0f;
        b[k] = 1.0f;
    }
    for (int i = 0; i < N_KERNELS; i++) {
        if (!f->kernels[i].here || !f->kernels[i].fn) continue;
        float *pack = aligned_alloc(64, onus_gemm_pack_bytes(1, 1, 512));
        float c = 0.0f;
        const onus_gemm_task t = {.A = a,
                                  .a_row = 512,
                                  .a_col = 1,
                                  .B = b,
                                  .b_row = 1,
                                  .b_col = 1,
                                  .C = &c,
                                  .K = 512};
        f->kernels[i].fn(&t, 0, 1, 0, 1, pack);
        assert_true(c == 1.0f + 0x1p-16f);
        free(pack);
    }
}

/* A plan asks for scratch once, for its longest batch: a product of fewer rows, terms or
 * columns, which may be shared out in another way, writes nothing behind it. */
static void smaller_products_fit(void **state)
{
    enum { M = 256, N = 512, K = 2048 };
    static const int64_t less[] = {1, 16, 32, 64, 100, 128, 192};
    const fixture *f = *state;
    float *x = calloc((size_t)K * N, sizeof *x), *C = malloc((size_t)N * N * sizeof *C);
    assert_true(x && C);
    for (int t = 1; t <= 3; t++)
        for (int i = 0; i < N_KERNELS; i++) {
            const kernel *k = &f->kernels[i];
            if (!k->here || !k->fn || k->slow) continue;
            const onus_kernels table = {.gemm_tile = k->fn, .gemm_panel = k->panel};
            const onus_exec ex = {.k = &table, .pool = f->pools[t]};
            const size_t bytes = onus_gemm_scratch_bytes(&ex, M, N, K);
            char *scratch = aligned_alloc(64, (bytes + 63) / 64 * 64 + (1 << 22));
            assert_non_null(scratch);
            memset(scratch + bytes, 0x5a, 1 << 22);
            for (size_t l = 0; l < 3 * sizeof less / sizeof *less; l++) {
                const int64_t s = less[l / 3];
                const onus_gemm_args g = {.form = ONUS_GEMM_NT,
                                          .M = l % 3 == 0 ? s : M,
                                          .N = l % 3 == 1 ? s : N,
                                          .K = l % 3 == 2 ? s : K,
                                          .A = x,
                                          .lda = K,
                                          .B = x,
                                          .ldb = K,
                                          .C = C,
                                          .ldc = N};
                onus_gemm(&ex, &g, scratch);
            }
            for (int b = 0; b < 1 << 22; b++)
                assert_int_equal(scratch[bytes + (size_t)b], 0x5a);
            free(scratch);
        }
    free(x);
    free(C);
}

/* p's product in pieces of some segments each; the bias comes with the last. */
static void run_pieces(const problem *p, const onus_exec *ex, uint64_t *s, float *C)
{
    const bool ta = p->form == ONUS_GEMM_TN || p->form == ONUS_GEMM_TT;
    const bool tb = p->form == ONUS_GEMM_NT || p->form == ONUS_GEMM_TT;
    for (int64_t k = 0, K; k < p->K; k += K) {
        K = k == 0 ? 512 : 256 * below(s, 4);
        if (K > p->K - k) K = p->K - k;
        onus_gemm_args piece = args_of(p, C);
        piece.A += ta ? k * p->lda : k;
        piece.B += tb ? k : k * p->ldb;
        piece.K = K;
        piece.start = k ? ONUS_GEMM_GOES_ON : ONUS_GEMM_STARTS;
        if (k + K < p->K) piece.bias = NULL;
        const size_t bytes = onus_gemm_scratch_bytes(ex, p->M, p->N, K);
        void *scratch = aligned_alloc(64, (bytes + 63) / 64 * 64);
        assert_non_null(scratch);
        onus_gemm(ex, &piece, scratch);
        free(scratch);
    }
}

/* A dot that is cut at multiples of 256 and goes on has the bits of the whole; the last shapes
 * have so few outputs that threads share the segments of every piece. */
static void pieces_make_the_whole(void **state)
{
    static const int64_t shape[][3] = {
        {33, 40, 1300}, {64, 10, 900}, {96, 1, 1024}, {2, 3, 3000}, {5, 4, 20000}};
    const fixture *f = *state;
    uint64_t s = 77;
    for (size_t i = 0; i < sizeof shape / sizeof *shape * 4; i++) {
        const int64_t *d = shape[i / 4];
        problem p;
        problem_make(&p, &s, (onus_gemm_form)(i % 4), d[0], d[1], d[2], true, i & 4);
        p.k_at -= p.k_at % 256; /* so that multiples of 256 are cuts */
        p.start = ONUS_GEMM_STARTS;
        for (int64_t r = 0; r < p.M; r++)
            for (int64_t c = 0; c < p.N; c++) p.want[r * p.ldc + c] = contract_dot(&p, r, c);
        float *C = malloc(p.c_len * sizeof *C);
        assert_non_null(C);
        for (int t = 1; t <= 3; t++)
            for (int n = 0; n < N_KERNELS; n++) {
                if (!f->kernels[n].here || !f->kernels[n].fn) continue;
                const onus_kernels table = {.gemm_tile = f->kernels[n].fn};
                const onus_exec ex = {.k = &table, .pool = f->pools[t]};
                memcpy(C, p.C, p.c_len * sizeof *C);
                run_pieces(&p, &ex, &s, C);
                same_bits(&p, C, f->kernels[n].name, t);
            }
        free(C);
        problem_release(&p);
    }
}

static int setup(void **state)
{
    static const int here = 1;
    fixture *f = calloc((size_t)here, sizeof *f);
    if (!f) return -1;
    kernels_here(f->kernels);
    for (int i = 0; i < N_KERNELS; i++)
        if (!f->kernels[i].here)
            printf("gemm %s: not proven on this machine\n", f->kernels[i].name);
        else
            printf("gemm %s: runs\n", f->kernels[i].name);
    for (int t = 2; t <= 3; t++)
        if (onus_pool_create(&f->pools[t], t, NULL, NULL) != ONUS_OK) return -1;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    for (int t = 2; t <= 3; t++) onus_pool_destroy(f->pools[t]);
    free(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_shapes),          cmocka_unit_test(every_edge),
        cmocka_unit_test(segment_edges),         cmocka_unit_test(blocks),
        cmocka_unit_test(page_strides),          cmocka_unit_test(nothing_to_do),
        cmocka_unit_test(minus_zero_survives),   cmocka_unit_test(segments_by_hand),
        cmocka_unit_test(pieces_make_the_whole), cmocka_unit_test(smaller_products_fit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
