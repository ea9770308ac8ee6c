/* SPDX-License-Identifier: Apache-2.0
 * Functions of the contract against MPFR: exp, log, tanh, erf, sin, cos in binary32 within 2
 * ulp over the whole range and at the edges (all instruction sets give the same bits:
 * test_kernels.c); their binary64 twins; distributions against MPFR and published values. */
#include <math.h>
#include <mpfr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "num/kernels.h"
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

/* Binary32 numbers as integers in the order of their values. */
static int64_t place(float x)
{
    const uint32_t u = to_bits(x);
    return u >> 31 ? -(int64_t)(u & 0x7fffffff) : (int64_t)u;
}

typedef struct {
    const char *name;
    kernel f;
    exact_fn exact;         /* MPFR */
    double (*near)(double); /* the C library's, better than 1e-15 */
    double worst;
    float at;
} function;

static void check_exactly(function *f, float x, float y, mpfr_t v)
{
    mpfr_set_d(v, (double)x, MPFR_RNDN);
    f->exact(v, v, MPFR_RNDN);
    if (mpfr_nan_p(v)) {
        assert_int_equal(to_bits(y), 0x7fc00000);
        return;
    }
    const double e = ulps(y, v);
    if (e > f->worst) {
        f->worst = e;
        f->at = x;
    }
}

/* Every stride-th number that is looked at goes against MPFR. All (every 1,009th of 2^32, or
 * with ONUS_SLOW=1 every one) must be the binary32 nearest to the C library's binary64, or its
 * neighbour: at most 1.5 ulp; what is not goes to MPFR. */
static void check_function(function f)
{
    enum { N = 4096 };
    const uint32_t step = getenv("ONUS_SLOW") ? 1 : 1009,
                   stride = getenv("ONUS_SLOW") ? 40093 : 397;
    static float x[N], y[N];
    uint64_t count = 0;
    mpfr_t v;
    mpfr_init2(v, 80);
    for (uint64_t u = 0; u < UINT64_C(1) << 32;) {
        int n = 0;
        for (; n < N && u < UINT64_C(1) << 32; u += step) {
            const float c = from_bits((uint32_t)u);
            if (c == c) x[n++] = c;
        }
        f.f(x, y, n);
        for (int i = 0; i < n; i++) {
            const float near_ = (float)f.near((double)x[i]);
            if (near_ != near_) assert_int_equal(to_bits(y[i]), 0x7fc00000);
            const bool far_ = near_ == near_ && llabs(place(y[i]) - place(near_)) > 1;
            if (far_ || count++ % stride == 0) check_exactly(&f, x[i], y[i], v);
        }
    }
    mpfr_clear(v);
    print_message("%s: at most %.4f ulp (at %a)\n", f.name, f.worst, (double)f.at);
    assert_true(f.worst <= 2);
}

/* Beyond 2^20 there is no sine (contract, item 6). */
static bool turns(double v)
{
    return fabs(v) <= 0x1p20;
}

static double near_sin(double v)
{
    return turns(v) ? sin(v) : NAN;
}

static double near_cos(double v)
{
    return turns(v) ? cos(v) : NAN;
}

static int exact_sin(mpfr_ptr r, mpfr_srcptr v, mpfr_rnd_t round)
{
    if (turns(mpfr_get_d(v, MPFR_RNDN))) return mpfr_sin(r, v, round);
    mpfr_set_nan(r);
    return 0;
}

static int exact_cos(mpfr_ptr r, mpfr_srcptr v, mpfr_rnd_t round)
{
    if (turns(mpfr_get_d(v, MPFR_RNDN))) return mpfr_cos(r, v, round);
    mpfr_set_nan(r);
    return 0;
}

static void functions_are_exact(void **state)
{
    (void)state;
    const onus_kernels *k = onus_kernels_of(onus_isa_best());
    check_function((function){"exp", k->exp, mpfr_exp, exp, 0, 0});
    check_function((function){"log", k->log, mpfr_log, log, 0, 0});
    check_function((function){"tanh", k->tanh, mpfr_tanh, tanh, 0, 0});
    check_function((function){"erf", k->erf, mpfr_erf, erf, 0, 0});
    check_function((function){"sin", k->sin, exact_sin, near_sin, 0, 0});
    check_function((function){"cos", k->cos, exact_cos, near_cos, 0, 0});
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
        {k->sin, {0, -0.0f, NAN, NAN, NAN, from_bits(1), -from_bits(1), NAN}},
        {k->cos, {1, 1, NAN, NAN, NAN, 1, 1, NAN}},
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

/* Goal: sine and cosine keep their digits next to multiples of pi / 2, where the last digits of
 * pi decide. Method: the numbers next to k pi / 2 for all k below 2^20 / (pi / 2), against
 * MPFR.
 */
static void turns_at_their_zeros(void **state)
{
    (void)state;
    const onus_kernels *k = onus_kernels_of(onus_isa_best());
    function f[2] = {{"sin", k->sin, exact_sin, near_sin, 0, 0},
                     {"cos", k->cos, exact_cos, near_cos, 0, 0}};
    const int step = getenv("ONUS_SLOW") ? 1 : 53;
    mpfr_t v;
    mpfr_init2(v, 120);
    for (int i = 1; i < 667544; i += step) {
        const float x = (float)(i * 0x1.921fb54442d18p0);
        for (int way = 0; way < 2; way++) {
            float y;
            f[way].f(&x, &y, 1);
            check_exactly(&f[way], x, y, v);
        }
    }
    mpfr_clear(v);
    for (int way = 0; way < 2; way++) {
        print_message("%s at its zeros: at most %.4f ulp (at %a)\n", f[way].name, f[way].worst,
                      (double)f[way].at);
        assert_true(f[way].worst <= 2);
    }
    const float edge[2] = {0x1p20f, 0x1.000002p20f};
    float y[2];
    k->sin(edge, y, 2);
    assert_true(fabsf(y[0]) <= 1 && y[1] != y[1]);
}

static void twin(const char *name, double (*f)(double), exact_fn exact, double low, double high,
                 double relative)
{
    mpfr_t v;
    mpfr_init2(v, 120);
    double worst = 0;
    const int n = getenv("ONUS_SLOW") ? 50000 : 5000;
    for (int i = 0; i <= n; i++) {
        const double x = low + (high - low) * i / n;
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

/* Quantiles: the distribution function of MPFR takes them back to p, from 1e-300 to 1 - 1e-16.
 * The error of p is that of z times density / p, about z^2 in the tail. */
static void quantiles_invert_the_distribution(void **state)
{
    (void)state;
    mpfr_t v, root;
    mpfr_init2(v, 200);
    mpfr_init2(root, 200);
    mpfr_sqrt_ui(root, 2, MPFR_RNDN);
    for (int i = -300; i < 0; i++)
        for (int upper = 0; upper < 2; upper++) {
            const double tail = 0.7 * pow(10, i), p = upper ? 1 - tail : tail;
            if (p == 1 || (upper && i > -1)) continue;
            const double z = onus_normal_quantile64(p), kept = upper ? 1 - p : p;
            mpfr_set_d(v, upper ? z : -z, MPFR_RNDN); /* the tail beyond z */
            mpfr_div(v, v, root, MPFR_RNDN);
            mpfr_erfc(v, v, MPFR_RNDN);
            mpfr_div_ui(v, v, 2, MPFR_RNDN);
            const double back = mpfr_get_d(v, MPFR_RNDN);
            assert_true(fabs(back / kept - 1) < 1e-15 * (4 + z * z));
        }
    mpfr_clear(v);
    mpfr_clear(root);
    assert_true(onus_normal_quantile64(0.5) == 0 || fabs(onus_normal_quantile64(0.5)) < 1e-16);
    assert_true(onus_normal_quantile64(0) == -INFINITY &&
                onus_normal_quantile64(1) == INFINITY);
    static const double bad[] = {-1e-300, 1.0000001, NAN, INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(isnan(onus_normal_quantile64(bad[i])));
}

/* Expected: mpmath 1.3 with 40 digits (betainc; for large a and b its integral by quadrature).
 * The relative error grows with lgamma's of large arguments. */
static void incomplete_beta(void **state)
{
    (void)state;
    static const struct {
        double a, b, x, want, relative;
    } rows[] = {
        {1, 1, 0.3, 0.3, 1e-14},
        {2, 3, 0.5, 0.6875, 1e-14}, /* 11/16, by hand: a binomial tail */
        {0.5, 0.5, 0.25, 1.0 / 3, 1e-14},
        {10, 10, 0.5, 0.5, 1e-14},
        {500, 1, 0.99, 0.0065704830424146035, 1e-12},
        {1, 500, 0.002, 0.6324887451428411, 1e-12},
        {30, 70, 0.25, 0.13581490428342744, 1e-12},
        {1000, 2000, 0.32, 0.059911027855426423, 1e-11},
        {1000, 2000, 0.35, 0.97290450431688492, 1e-11},
        {200, 1, 0.999, 0.81864882947863556, 1e-12},
        {5e4, 5e4, 0.499, 0.26354493829704145, 1e-9},
        {5e4, 3e5, 0.1435, 0.86140369712722838, 1e-9},
        {1e6, 1e6, 0.5005, 0.92135042241907533, 1e-8},
        {0.1, 0.2, 0.9, 0.78048803200244669, 1e-12},
        {0.01, 3, 0.5, 0.99931173718971034, 1e-12},
        {3, 0.01, 0.5, 0.00068826281028966115, 1e-12},
        {8, 10, 0.99, 0.99999999999999982, 1e-12},
        {8, 10, 1e-05, 2.4308055270011331e-36, 1e-12},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const double got = onus_beta_inc64(rows[i].a, rows[i].b, rows[i].x),
                     other = onus_beta_inc64(rows[i].b, rows[i].a, 1 - rows[i].x);
        if (!(fabs(got / rows[i].want - 1) <= rows[i].relative))
            fail_msg("I_%g(%g, %g) = %.17g, expected %.17g", rows[i].x, rows[i].a, rows[i].b,
                     got, rows[i].want);
        assert_true(fabs(got + other - 1) < 1e-8); /* 1 - x is rounded */
    }
    assert_true(onus_beta_inc64(2, 3, 0) == 0 && onus_beta_inc64(2, 3, 1) == 1);
    assert_true(onus_beta_inc64(2, 3, -1) == 0 && onus_beta_inc64(2, 3, 2) == 1);
    assert_true(isnan(onus_beta_inc64(0, 3, 0.5)) && isnan(onus_beta_inc64(2, -1, 0.5)) &&
                isnan(onus_beta_inc64(2, 3, NAN)) && isnan(onus_beta_inc64(NAN, 3, 0.5)));
}

/* By hand: (1 + i) for i < n in lanes; a sum that one chain would get wrong. */
static void sums_of_reports(void **state)
{
    (void)state;
    double x[100], lane[16];
    for (int n = 0; n <= 100; n++) {
        for (int i = 0; i < n; i++) x[i] = 1 + i;
        assert_true(onus_sum64(x, n) == n * (n + 1) / 2.0);
    }
    for (int j = 0; j < 16; j++) lane[j] = j == 0 ? 0x1p53 : 1;
    /* folds: 2^53 + 1 -> 2^53 (even), then + 2, + 4, + 8 */
    assert_true(onus_fold16(lane) == 0x1p53 + 14);
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
    assert_true(onus_exp64(-INFINITY) == 0 && onus_exp64(INFINITY) == INFINITY &&
                onus_log64(0) == -INFINITY);
    assert_true(onus_exp64(NAN) != onus_exp64(NAN) && onus_log64(-1) != onus_log64(-1));
    /* standard normal quantiles: 97.5% and 99.9% (NIST handbook 1.3.6.7.1), the tail at 1e-10
     * (R 4: qnorm(1e-10)) */
    assert_float_equal(onus_normal_quantile64(0.975), 1.959963984540054, 1e-13);
    assert_float_equal(onus_normal_quantile64(0.001), -3.090232306167813, 1e-12);
    assert_float_equal(onus_normal_quantile64(1e-10), -6.361340902404056, 1e-11);
    assert_float_equal(onus_pow64(1.1, 10), 2.5937424601, 1e-13);
    assert_float_equal(onus_pow64(0.5, -3), 8, 0);
    /* near a multiple of pi / 2 the last digits of pi decide; beyond 2^20 there is no answer */
    assert_float_equal(onus_cos64(0x1.921fb54442d18p0), 0x1.1a62633145c07p-54, 1e-32);
    assert_true(onus_cos64(0) == 1 && onus_cos64(0x1.8p20) != onus_cos64(0x1.8p20));
    assert_true(onus_erfc64(INFINITY) == 0 && onus_erfc64(-INFINITY) == 2 &&
                onus_erfc64(0) == 1);
    assert_true(fabs(onus_lgamma64(1)) < 1e-14 && fabs(onus_lgamma64(2)) < 1e-14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_exact),
        cmocka_unit_test(functions_at_edges),
        cmocka_unit_test(turns_at_their_zeros),
        cmocka_unit_test(twins_are_exact),
        cmocka_unit_test(quantiles_invert_the_distribution),
        cmocka_unit_test(incomplete_beta),
        cmocka_unit_test(sums_of_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
