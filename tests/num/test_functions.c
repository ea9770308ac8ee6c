/* SPDX-License-Identifier: Apache-2.0
 * Functions of the contract against MPFR: exp, log, tanh, erf in binary32 within 2 ulp over the
 * whole range (every 4,099th value; every one with ONUS_SLOW=1) and at the edges; their
 * binary64 twins; every instruction set against the plain reference, bit for bit. */
#include <math.h>
#include <mpfr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

#include "base/hash.h"
#include "base/pool.h"
#include "num/noise.h"
#include "num/philox.h"
#include "num/tables.h"
#include "num/vec.h"

typedef int (*exact_fn)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);

static float from_bits(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static uint32_t to_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* |y - exact| in units of the last place of binary32 at exact. */
static double ulps(float y, mpfr_t exact)
{
    const double e = mpfr_get_d(exact, MPFR_RNDN);
    if (!isfinite(y) || fabs(e) > (double)__FLT_MAX__)
        return (double)y == e || (isinf(y) && fabs(e) > 0x1.fffffefp127 && (y > 0) == (e > 0))
                   ? 0
                   : 1e9;
    int exponent;
    frexp(e, &exponent);
    const double unit = ldexp(1, exponent - 24 < -149 ? -149 : exponent - 24);
    return fabs((double)y - e) / unit;
}

typedef void (*kernel)(const float *, float *, int64_t);

static void check_function(const char *name, kernel f, exact_fn exact)
{
    const uint32_t stride = getenv("ONUS_SLOW") ? 1 : 40093;
    enum { N = 4096 };
    static float x[N], y[N];
    double worst = 0;
    float at = 0;
    mpfr_t v;
    mpfr_init2(v, 80);
    for (uint64_t u = 0; u < UINT64_C(1) << 32;) {
        int n = 0;
        for (; n < N && u < UINT64_C(1) << 32; u += stride) {
            const float c = from_bits((uint32_t)u);
            if (c == c) x[n++] = c;
        }
        f(x, y, n);
        for (int i = 0; i < n; i++) {
            mpfr_set_d(v, (double)x[i], MPFR_RNDN);
            exact(v, v, MPFR_RNDN);
            if (mpfr_nan_p(v)) {
                assert_int_equal(to_bits(y[i]), 0x7fc00000);
                continue;
            }
            const double e = ulps(y[i], v);
            if (e > worst) {
                worst = e;
                at = x[i];
            }
        }
    }
    mpfr_clear(v);
    print_message("%s: at most %.4f ulp (at %a)\n", name, worst, (double)at);
    assert_true(worst <= 2);
}

static void functions_are_exact(void **state)
{
    (void)state;
    const onus_kernels *k = onus_kernels_of(onus_isa_best());
    check_function("exp", k->exp, mpfr_exp);
    check_function("log", k->log, mpfr_log);
    check_function("tanh", k->tanh, mpfr_tanh);
    check_function("erf", k->erf, mpfr_erf);
}

/* Goal: the edges that a stride may miss. Expected: IEEE 754 and C11 annex F. */
static void functions_at_edges(void **state)
{
    (void)state;
    const onus_kernels *k = onus_kernels_of(onus_isa_best());
    const float in[] = {0.0f, -0.0f,        INFINITY,      -INFINITY,
                        NAN,  from_bits(1), -from_bits(1), from_bits(0xffc00001)};
    const struct {
        kernel f;
        float out[8];
    } rows[] = {
        {k->exp, {1, 1, INFINITY, 0, NAN, 1, 1, NAN}},
        {k->tanh, {0, -0.0f, 1, -1, NAN, from_bits(1), -from_bits(1), NAN}},
        {k->erf, {0, -0.0f, 1, -1, NAN, from_bits(1), -from_bits(1), NAN}},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        float y[8];
        rows[r].f(in, y, 8);
        for (int i = 0; i < 8; i++) {
            const uint32_t want =
                rows[r].out[i] != rows[r].out[i] ? 0x7fc00000 : to_bits(rows[r].out[i]);
            assert_int_equal(to_bits(y[i]), want);
        }
    }
    float logs[5];
    const float log_in[] = {0.0f, -0.0f, -1.0f, 1.0f, INFINITY};
    k->log(log_in, logs, 5);
    assert_true(logs[0] == -INFINITY && logs[1] == -INFINITY && logs[3] == 0 &&
                logs[4] == INFINITY);
    assert_int_equal(to_bits(logs[2]), 0x7fc00000);
}

/* Equal bits, any NaN being one NaN: which payload survives an operation on two is the
 * processor's affair (item 2 makes it 7fc00000 where it is stored). */
static void same(const float *a, const float *b, int n)
{
    for (int i = 0; i < n; i++) {
        if (a[i] != a[i] && b[i] != b[i]) continue;
        assert_int_equal(to_bits(a[i]), to_bits(b[i]));
    }
}

static void sums_agree(const onus_kernels *r, const onus_kernels *k, const float *y, int n)
{
    const float s1 = r->sum(y, n), s2 = k->sum(y, n), d1 = r->dot(y, y, n),
                d2 = k->dot(y, y, n);
    const double n1 = r->norm2(y, n), n2 = k->norm2(y, n);
    assert_memory_equal(&s1, &s2, 4);
    assert_memory_equal(&d1, &d2, 4);
    assert_memory_equal(&n1, &n2, 8);
    assert_true(r->max(y, n) == k->max(y, n));
}

/* Optimisers with and without penalties, from the same start. */
static void optimisers_agree(const onus_kernels *r, const onus_kernels *k, const float *start,
                             const float *g, int w)
{
    enum { N = 1027 };
    static float p[2][N], m[2][N], v[2][N];
    for (int l = 0; l < 2; l++) {
        const onus_opt_step o = {.lr = 1e-3f,
                                 .beta1 = 0.9f,
                                 .one_minus_beta1 = 0.1f,
                                 .beta2 = 0.999f,
                                 .one_minus_beta2 = 1e-3f,
                                 .c = 0.7f,
                                 .eps = 1e-8f,
                                 .momentum = 0.9f,
                                 .decay = 0.99f,
                                 .l1 = l ? 0.01f : 0,
                                 .l2 = l ? 0.1f : 0};
        for (int q = 0; q < 2; q++) {
            const onus_kernels *t = q ? k : r;
            memcpy(p[q], start, (size_t)w * sizeof *start);
            memset(m[q], 0, sizeof m[q]);
            memset(v[q], 0, sizeof v[q]);
            t->adam(&o, p[q], g, m[q], v[q], w);
            t->momentum(&o, p[q], g, m[q], w);
            t->sgd(&o, p[q], g, w);
        }
        assert_memory_equal(p[0], p[1], sizeof p[0]);
        assert_memory_equal(m[0], m[1], sizeof m[0]);
        assert_memory_equal(v[0], v[1], sizeof v[0]);
    }
}

/* Goal: one set of bits. Method: the plain reference against every table of this machine, over
 * values of all kinds and lengths around the lanes' 16. */
static void tables_agree(void **state)
{
    (void)state;
    enum { N = 1027 };
    static float x[N], y[N], a[N], b[N];
    static uint8_t bytes[N];
    static uint64_t words[2 * N];
    static float noise[2][2 * N];
    const onus_stream s = {.seed = 5, .purpose = ONUS_DRAW_INIT};
    onus_stream_normal(&s, 0, N, 0, 3, x);
    onus_stream_normal(&s, 5000, N, 0, 1, y);
    for (int i = 0; i < 40; i++) x[i] = from_bits((uint32_t)i * 0x06600001u);
    for (int i = 0; i < N; i++) bytes[i] = (uint8_t)(i * 7);
    for (int i = 0; i < 2 * N; i++) words[i] = onus_stream_draw64(&s, (uint64_t)i);
    const onus_kernels *tables[3] = {&onus_kernels_fma, onus_kernels_of(ONUS_ISA_AVX2),
                                     onus_kernels_of(ONUS_ISA_AVX512)};
    const onus_kernels *r = &onus_kernels_ref;
    for (int t = 0; t < 3; t++) {
        const onus_kernels *k = tables[t];
        if (!k) {
            print_message("%s: not proven on this machine\n", t == 1 ? "avx2" : "avx512");
            continue;
        }
        for (int n = 0; n < N; n = n < 70 ? n + 1 : n + 239) {
#define ONE(f)         \
    do {               \
        r->f(x, a, n); \
        k->f(x, b, n); \
        same(a, b, n); \
    } while (0)
#define TWO(f)            \
    do {                  \
        r->f(x, y, a, n); \
        k->f(x, y, b, n); \
        same(a, b, n);    \
    } while (0)
            ONE(exp);
            ONE(log);
            ONE(tanh);
            ONE(erf);
            ONE(sigmoid);
            ONE(relu);
            ONE(gelu);
            TWO(relu_back);
            TWO(sigmoid_back);
            TWO(tanh_back);
            TWO(gelu_back);
            TWO(add);
            TWO(mul);
            r->scale(0.3f, x, a, n);
            k->scale(0.3f, x, b, n);
            same(a, b, n);
            r->bytes_scale(bytes, 255, a, n);
            k->bytes_scale(bytes, 255, b, n);
            same(a, b, n);
            sums_agree(r, k, y, n);
            if (n >= 1) {
                r->col_sum(y, 1, n, 0, n, a);
                k->col_sum(y, 1, n, 0, n, b);
                same(a, b, n);
            }
            if (n > 0) {
                r->noise(words, n, 1.5, noise[0]);
                k->noise(words, n, 1.5, noise[1]);
                assert_memory_equal(noise[0], noise[1], (size_t)n * 8);
            }
            optimisers_agree(r, k, x + 40, y, n < N - 40 ? n : N - 40);
        }
    }
}

static void twin(const char *name, double (*f)(double), exact_fn exact, double low, double high,
                 double relative)
{
    mpfr_t v;
    mpfr_init2(v, 120);
    double worst = 0;
    for (int i = 0; i <= 20000; i++) {
        const double x = low + (high - low) * i / 20000;
        mpfr_set_d(v, x, MPFR_RNDN);
        exact(v, v, MPFR_RNDN);
        const double e = mpfr_get_d(v, MPFR_RNDN);
        const double error = e == 0 ? fabs(f(x)) : fabs(f(x) - e) / fabs(e);
        if (isfinite(e) && error > worst) worst = error;
    }
    mpfr_clear(v);
    print_message("%s: relative error at most %.2e\n", name, worst);
    assert_true(worst <= relative);
}

static int log_erfc_exact(mpfr_ptr y, mpfr_srcptr x, mpfr_rnd_t r)
{
    mpfr_erfc(y, x, r);
    return mpfr_log(y, y, r);
}

static void twins_are_exact(void **state)
{
    (void)state;
    twin("exp64", onus_exp64, mpfr_exp, -700, 700, 4.5e-16);
    twin("exp64 near 0", onus_exp64, mpfr_exp, -0.5, 0.5, 3.4e-16);
    twin("expm1", onus_expm1_64, mpfr_expm1, -2, 2, 6e-16);
    twin("log64", onus_log64, mpfr_log, 1e-300, 5, 4.5e-16);
    twin("log64 large", onus_log64, mpfr_log, 1, 1e300, 3.4e-16);
    twin("log1p", onus_log1p_64, mpfr_log1p, -0.9, 3, 1e-15);
    twin("cos64", onus_cos64, mpfr_cos, -7, 7, 1e-15);
    twin("cos64 far", onus_cos64, mpfr_cos, -0x1p20, 0x1p20, 1e-15);
    twin("erfc64", onus_erfc64, mpfr_erfc, -6, 26, 4e-15);
    twin("lgamma64", onus_lgamma64, mpfr_lngamma, 3, 1e6, 4e-15);
    twin("lgamma64 small", onus_lgamma64, mpfr_lngamma, 1e-9, 0.5, 2e-14);
    twin("log_erfc", onus_log_erfc64, log_erfc_exact, -3.001, 40, 1e-15);
    assert_true(onus_exp64(-INFINITY) == 0 && onus_exp64(INFINITY) == INFINITY &&
                onus_log64(0) == -INFINITY);
    assert_true(onus_exp64(NAN) != onus_exp64(NAN) && onus_log64(-1) != onus_log64(-1));
    /* standard normal quantiles: 97.5% and 99.9% (NIST handbook 1.3.6.7.1), the tail at 1e-10
     * (R 4: qnorm(1e-10)) */
    assert_float_equal(onus_normal_quantile64(0.975), 1.959963984540054, 1e-13);
    assert_float_equal(onus_normal_quantile64(0.001), -3.090232306167813, 1e-12);
    assert_float_equal(onus_normal_quantile64(1e-10), -6.361340902404056, 1e-11);
    /* I_x(a, b): I_0.5(2, 3) = 11/16 by hand (a binomial tail), symmetry */
    assert_float_equal(onus_beta_inc64(2, 3, 0.5), 0.6875, 1e-14);
    assert_float_equal(onus_beta_inc64(7, 2.5, 0.3) + onus_beta_inc64(2.5, 7, 0.7), 1, 1e-14);
    assert_float_equal(onus_pow64(1.1, 10), 2.5937424601, 1e-13);
    assert_float_equal(onus_pow64(0.5, -3), 8, 0);
    /* near a multiple of pi / 2 the last digits of pi decide; beyond 2^20 there is no answer */
    assert_float_equal(onus_cos64(0x1.921fb54442d18p0), 0x1.1a62633145c07p-54, 1e-32);
    assert_true(onus_cos64(0) == 1 && onus_cos64(0x1.8p20) != onus_cos64(0x1.8p20));
    assert_true(onus_erfc64(INFINITY) == 0 && onus_erfc64(-INFINITY) == 2 &&
                onus_erfc64(0) == 1);
    assert_true(fabs(onus_lgamma64(1)) < 1e-14 && fabs(onus_lgamma64(2)) < 1e-14);
}

/* Known answers: Random123's kat_vectors, philox4x32 with 10 rounds. */
static void philox_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t ctr[4], key[2], out[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t out[4];
        onus_philox(rows[i].key, rows[i].ctr, out);
        assert_memory_equal(out, rows[i].out, sizeof out);
    }
}

/* Goal: a shuffle is a permutation that depends on (seed, step) only, sorted by (draw, index).
 */
static void shuffle_sorts_by_draw(void **state)
{
    (void)state;
    for (int64_t n = 1; n < 3000; n = n * 3 + 1) {
        int64_t *idx = malloc((size_t)n * sizeof *idx);
        void *tmp = malloc(ONUS_SHUFFLE_TMP_BYTES((size_t)n));
        bool *seen = calloc((size_t)n, 1);
        const onus_stream s = {.seed = 99, .step = 3, .purpose = ONUS_DRAW_SHUFFLE};
        for (int64_t i = 0; i < n; i++) idx[i] = n - 1 - i;
        onus_stream_shuffle(&s, idx, n, tmp);
        for (int64_t i = 0; i < n; i++) {
            assert_false(seen[idx[i]]);
            seen[idx[i]] = true;
            if (i)
                assert_true(onus_stream_draw64(&s, (uint64_t)idx[i - 1]) <
                            onus_stream_draw64(&s, (uint64_t)idx[i]));
        }
        free(idx);
        free(tmp);
        free(seen);
    }
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Goal: the sealed stream is ChaCha20. Method: the block of RFC 8439, 2.3.2, and libsodium's
 * stream, from every table of this machine. */
static void stream_is_chacha20(void **state)
{
    (void)state;
    enum { BLOCKS = 48 };
    static const uint8_t rfc[16] = {0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15,
                                    0x50, 0x0f, 0xdd, 0x1f, 0xa3, 0x20, 0x71, 0xc4};
    static uint32_t mine[16 * BLOCKS];
    static uint8_t theirs[64 * BLOCKS], key[32];
    const uint8_t nonce[12] = {0, 0, 0, 9, 0, 0, 0, 0x4a};
    uint32_t s[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (int i = 0; i < 32; i++) key[i] = (uint8_t)i;
    memcpy(s + 4, key, sizeof key);
    memcpy(s + 13, nonce, sizeof nonce);
    assert_true(onus_crypto_start());
    assert_int_equal(crypto_stream_chacha20_ietf(theirs, sizeof theirs, nonce, key), 0);
    const onus_kernels *tables[4] = {&onus_kernels_ref, &onus_kernels_fma,
                                     onus_kernels_of(ONUS_ISA_AVX2),
                                     onus_kernels_of(ONUS_ISA_AVX512)};
    for (int t = 0; t < 4; t++) {
        if (!tables[t]) continue;
        memset(mine, 0, sizeof mine);
        tables[t]->chacha20(s, BLOCKS, mine);
        assert_memory_equal(mine, theirs, sizeof mine);
        assert_memory_equal(mine + 16, rfc, sizeof rfc); /* its counter is 1 */
    }
}

/* Goal: the noise that protects people is N(0, std^2), independent of threads. Method:
 * Kolmogorov-Smirnov against the exact distribution (1% critical value 1.63 / sqrt n), moments,
 * the far tail made by hand, 1 thread against 3. */
static void noise_is_normal(void **state)
{
    (void)state;
    enum { N = 200001 };
    float *z = calloc(N, sizeof *z), *w = calloc(N, sizeof *w);
    onus_noise_key key;
    for (int i = 0; i < 32; i++)
        key.key[i] = (uint8_t)(i * 7 + 1); /* fixed, so that the test is */
    const onus_exec one = {.k = onus_kernels_of(onus_isa_best())};
    onus_exec three = one;
    assert_int_equal(onus_pool_create(&three.pool, 3, NULL, NULL), ONUS_OK);
    onus_noise_add(&one, &key, 4, 2, 2.0, z, N);
    onus_noise_add(&three, &key, 4, 2, 2.0, w, N);
    assert_memory_equal(z, w, N * sizeof *z);
    memset(w, 0, N * sizeof *w);
    onus_noise_add(&one, &key, 5, 2, 2.0, w, N);
    double sum = 0, square = 0, cross = 0;
    for (int i = 0; i < N; i++) {
        sum += (double)z[i];
        square += (double)z[i] * (double)z[i];
        cross += (double)z[i] * (double)w[i];
    }
    assert_true(fabs(sum / N) < 4 * 2 / sqrt(N));
    assert_true(fabs(square / N - 4) < 4 * 4 * sqrt(2.0 / N));
    assert_true(fabs(cross / N) < 4 * 4 / sqrt(N));
    qsort(z, N, sizeof *z, by_value);
    double worst = 0;
    for (int i = 0; i < N; i++) {
        const double f = 0.5 * onus_erfc64(-(double)z[i] / 2 * M_SQRT1_2);
        worst = fmax(worst, fmax(fabs(f - (double)i / N), fabs(f - (double)(i + 1) / N)));
    }
    assert_true(worst < 1.63 / sqrt(N));
    float far_[2];
    const uint64_t tail[2] = {
        0, 0}; /* u0 = 2^-53: sqrt(-2 log 2^-53) = 8.5716, beyond the 5.8 of 24 bits; angle 0 */
    one.k->noise(tail, 1, 1.0, far_);
    assert_float_equal(far_[0], 8.571674348652905, 1e-6);
    assert_float_equal(far_[1], 0, 1e-12);
    onus_pool_destroy(three.pool);
    free(z);
    free(w);
}

/* Goal: every row enters a Poisson sample with probability q, independently. Method: counts of
 * rows and of sizes over many steps against the binomial's mean and variance; q = 1 takes all.
 */
static void sample_is_poisson(void **state)
{
    (void)state;
    enum { N = 500, STEPS = 4000 };
    static int64_t out[N];
    static int count[N];
    const onus_noise_key key = {.key = {3, 1, 4, 1, 5}};
    const onus_exec one = {.k = onus_kernels_of(onus_isa_best())};
    const double q = 0.07;
    double sum = 0, square = 0;
    int neighbours = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        const int64_t n = onus_noise_sample(&one, &key, step, q, N, out, N);
        for (int64_t i = 0; i < n; i++) {
            assert_true(out[i] >= 0 && out[i] < N && (i == 0 || out[i] > out[i - 1]));
            count[out[i]]++;
            neighbours += i > 0 && out[i] == out[i - 1] + 1;
        }
        sum += (double)n;
        square += (double)n * (double)n;
    }
    const double mean = sum / STEPS, var = square / STEPS - mean * mean, want = N * q * (1 - q);
    assert_true(fabs(mean - N * q) < 4 * sqrt(want / STEPS));
    assert_true(fabs(var - want) < 5 * want * sqrt(2.0 / STEPS));
    double chi = 0;
    for (int i = 0; i < N; i++)
        chi += (count[i] - STEPS * q) * (count[i] - STEPS * q) / (STEPS * q * (1 - q));
    assert_true(chi > N - 5 * sqrt(2.0 * N) && chi < N + 5 * sqrt(2.0 * N));
    const double pairs = (double)STEPS * (N - 1) * q * q; /* independence of neighbours */
    assert_true(fabs(neighbours - pairs) < 5 * sqrt(pairs));
    assert_int_equal(onus_noise_sample(&one, &key, 0, 1.0, N, out, N), N);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_exact),  cmocka_unit_test(functions_at_edges),
        cmocka_unit_test(tables_agree),         cmocka_unit_test(twins_are_exact),
        cmocka_unit_test(philox_known_answers), cmocka_unit_test(shuffle_sorts_by_draw),
        cmocka_unit_test(stream_is_chacha20),   cmocka_unit_test(noise_is_normal),
        cmocka_unit_test(sample_is_poisson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
