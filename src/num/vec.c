/* SPDX-License-Identifier: Apache-2.0
 * vec.c - functions of one binary64 number, the same bits on every machine.
 *
 * All are ours: glibc's change bits with the processor's FMA, and MPFR's, which the tests hold
 * them against, end the process where memory ends. */
#include "num/vec.h"

#include <math.h>
#include <string.h>

double onus_fold16(const double lane[16])
{
    double l[16];
    memcpy(l, lane, sizeof l);
    for (int step = 8; step > 0; step /= 2)
        for (int j = 0; j < step; j++) l[j] = l[j] + l[j + step];
    return l[0];
}

double onus_sum64(const double *x, int64_t n)
{
    double lane[16] = {0};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) lane[j] = lane[j] + x[i + j];
    for (int j = 0; i + j < n; j++) lane[j] = lane[j] + x[i + j];
    return onus_fold16(lane);
}

/* ---- exp, log ---------------------------------------------------------------------------- */

static const double ln2_high = 0x1.62e42fefa3800p-1, ln2_low = 0x1.ef35793c76730p-45;

/* e^r - 1 - r for |r| <= ln 2 / 2, Taylor to r^14 (remainder below 4e-19). */
static double exp_tail(double r)
{
    static const double c[] = {1.0 / 87178291200.0,
                               1.0 / 6227020800.0,
                               1.0 / 479001600.0,
                               1.0 / 39916800.0,
                               1.0 / 3628800.0,
                               1.0 / 362880.0,
                               1.0 / 40320.0,
                               1.0 / 5040.0,
                               1.0 / 720.0,
                               1.0 / 120.0,
                               1.0 / 24.0,
                               1.0 / 6.0,
                               0.5};
    double p = c[0];
    for (int i = 1; i < 13; i++) p = fma(p, r, c[i]);
    return p * r * r;
}

double onus_exp64(double x)
{
    if (x != x) return x;
    if (x > 709.782712893384) return INFINITY;
    if (x < -745.2) return 0;
    const double n = rint(x * 0x1.71547652b82fep0);
    const double high = fma(-n, ln2_high, x), low = n * ln2_low, r = high - low;
    /* what rounding took from r comes back at the end */
    const double lost = (high - r) - low;
    return ldexp(1.0 + (r + (exp_tail(r) + lost)), (int)n);
}

double onus_expm1_64(double x)
{
    if (fabs(x) <= 0.34) return x == 0 ? x : x + exp_tail(x);
    if (x > 709) return INFINITY;
    if (x < -50) return -1;
    const double n = rint(x * 0x1.71547652b82fep0);
    const double r = fma(-n, ln2_high, x) - n * ln2_low;
    const double scale = ldexp(1.0, (int)n);
    return fma(scale, r + exp_tail(r), scale - 1.0);
}

/* log of 1 + f, f from -0.3 to 0.42: s = f / (2 + f), series to s^23. */
static double log_near_one(double f)
{
    const double s = f / (2.0 + f), z = s * s;
    double p = 1.0 / 23.0;
    for (int k = 21; k >= 3; k -= 2) p = fma(p, z, 1.0 / (double)k);
    /* log(1 + f) = f - f^2/2 + s (f^2/2 + 2 z p): the leading terms are exact */
    const double half = 0.5 * f * f;
    return f - (half - s * (half + 2.0 * z * p));
}

double onus_log64(double x)
{
    if (x != x || x == INFINITY) return x;
    if (x < 0) return NAN;
    if (x == 0) return -INFINITY;
    int e;
    double m = frexp(x, &e);
    if (m < 0x1.6a09e667f3bcdp-1) {
        m *= 2;
        e--;
    }
    const double l = log_near_one(m - 1.0);
    return fma((double)e, ln2_high, fma((double)e, ln2_low, l));
}

double onus_log1p_64(double x)
{
    if (x > -0.29 && x < 0.41) return log_near_one(x);
    return onus_log64(1.0 + x);
}

double onus_pow64(double x, int64_t n)
{
    double r = 1, square = x;
    for (uint64_t k = n < 0 ? 0 - (uint64_t)n : (uint64_t)n; k > 0; k /= 2) {
        if (k & 1) r *= square;
        square *= square;
    }
    return n < 0 ? 1 / r : r;
}

/* ---- cos --------------------------------------------------------------------------------- */

/* sin and cos of t + lost, |t| <= pi / 4, by Taylor to t^17 and t^16 (remainders below
 * 1e-17). */
static double sin_near(double t, double lost)
{
    static const double c[] = {
        1.0 / 355687428096000.0, -1.0 / 1307674368000.0, 1.0 / 6227020800.0, -1.0 / 39916800.0,
        1.0 / 362880.0,          -1.0 / 5040.0,          1.0 / 120.0,        -1.0 / 6.0};
    const double z = t * t;
    double p = c[0];
    for (int i = 1; i < 8; i++) p = fma(p, z, c[i]);
    return t + fma(p, z * t, lost);
}

static double cos_near(double t, double lost)
{
    static const double c[] = {
        1.0 / 20922789888000.0, -1.0 / 87178291200.0, 1.0 / 479001600.0, -1.0 / 3628800.0,
        1.0 / 40320.0,          -1.0 / 720.0,         1.0 / 24.0};
    const double z = t * t, half = 0.5 * z, one = 1 - half;
    double p = c[0];
    for (int i = 1; i < 7; i++) p = fma(p, z, c[i]);
    return one + (((1 - one) - half) + fma(p, z * z, -t * lost));
}

/* x less k quarter turns, pi / 2 in three parts: the first fma is exact where |k| < 2^20, what
 * the second rounds away is kept. */
double onus_cos64(double x)
{
    if (!(fabs(x) <= 0x1p20)) return NAN;
    const double k = rint(x * 0x1.45f306dc9c883p-1);
    const double a = fma(-k, 0x1.921fb54442d18p0, x), t = fma(-k, 0x1.1a62633145c07p-54, a);
    const double lost = fma(-k, 0x1.1a62633145c07p-54, a - t) + k * 0x1.f1976b7ed8fbcp-110;
    const int quarter = (int)k & 3;
    const double v = quarter & 1 ? sin_near(t, lost) : cos_near(t, lost);
    return quarter == 1 || quarter == 2 ? -v : v;
}

/* ---- erfc, log erfc, lgamma -------------------------------------------------------------- */

/* (1 + 2 x) e^(x^2) erfc(x), x >= 0: it runs from 1 to 2 / sqrt(pi), and in t = (x - 3.75) / (x
 * + 3.75) its Chebyshev series is short (Shepherd and Laframboise 1981, Math. Comp. 36); the
 * coefficients were computed in 60 digits. */
static double scaled_erfc(double x)
{
    static const double c[] = {
        0x1.2d75d0246cee8p+0,   -0x1.2cd0564f8c1b7p-8,  -0x1.59159e8868995p-4,
        0x1.e50c3e7c7dccep-5,   -0x1.b4c68f4569326p-6,  0x1.295e991a7d82dp-7,
        -0x1.3c4c54f8d419dp-9,  0x1.014ed1572209ap-11,  -0x1.221e6f70130b5p-14,
        0x1.15c3f597f0492p-18,  0x1.9f8f03ca86fc1p-21,  -0x1.d601c320c8f9cp-23,
        0x1.71e1efca86cf9p-27,  0x1.36bf2885524c9p-28,  -0x1.aa4d7b1cdf20ap-31,
        -0x1.15df59ca6082bp-34, 0x1.f8af0a9aa6d31p-36,  0x1.b61b723941781p-43,
        -0x1.0fc16c00b50f2p-40, 0x1.24f6a772cbc36p-45,  0x1.2d8b49ab5f72bp-45,
        -0x1.0cb63a80de2c5p-49, -0x1.6884628ace07ap-50, 0x1.561b105822235p-54,
        0x1.d3744857e262bp-55};
    const double t = (x - 3.75) / (x + 3.75);
    double a = 0, b = 0; /* Clenshaw's recurrence */
    for (int i = (int)(sizeof c / sizeof *c) - 1; i > 0; i--) {
        const double next = fma(2 * t, a, c[i] - b);
        b = a;
        a = next;
    }
    return fma(t, a, c[0] - b);
}

/* erf's series for |x| <= 0.5: 2 / sqrt(pi) times the sum of (-1)^n x^(2n+1) / (n! (2n+1)). */
static double erf_small(double x)
{
    static const double c[] = {
        1.0 / 918086400.0, -1.0 / 76204800.0, 1.0 / 6894720.0, -1.0 / 685440.0, 1.0 / 75600.0,
        -1.0 / 9360.0,     1.0 / 1320.0,      -1.0 / 216.0,    1.0 / 42.0,      -0.1,
        1.0 / 3.0};
    const double z = x * x;
    double p = c[0];
    for (int i = 1; i < 11; i++) p = fma(p, z, c[i]);
    return 0x1.20dd750429b6dp+0 * (x - x * z * p);
}

double onus_erfc64(double x)
{
    if (x != x) return x;
    if (x < 0) return x > -0.5 ? 1 + erf_small(-x) : 2 - onus_erfc64(-x);
    if (x < 0.5) return 1 - erf_small(x);
    if (x > 28) return 0;
    const double square = x * x, lost = fma(x, x, -square);
    return scaled_erfc(x) / (1 + 2 * x) * onus_exp64(-square) * (1 - lost);
}

/* Stirling's series (DLMF 5.11.1) from 10 on, with eight terms (the ninth is below 2e-18);
 * below, x is raised by steps and their product taken off. */
double onus_lgamma64(double x)
{
    static const double c[] = {-3617.0 / 122400.0, 1.0 / 156.0,   -691.0 / 360360.0,
                               1.0 / 1188.0,       -1.0 / 1680.0, 1.0 / 1260.0,
                               -1.0 / 360.0,       1.0 / 12.0};
    if (!(x > 0) || x == INFINITY) return x == INFINITY ? x : NAN;
    double product = 1;
    for (; x < 10; x += 1) product *= x;
    const double z = 1 / (x * x);
    double p = c[0];
    for (int i = 1; i < 8; i++) p = fma(p, z, c[i]);
    const double log_x = onus_log64(x);
    const double stirling = fma(x - 0.5, log_x, -x) + 0x1.d67f1c864beb5p-1 + p / x;
    return product == 1 ? stirling : stirling - onus_log64(product);
}

/* ---- distributions ----------------------------------------------------------------------- */

/* Newton's method on log of the tail from a start of two digits (Abramowitz and
 * Stegun 26.2.23); the tail is erfc's, so that small p keep their digits. */
double onus_normal_quantile64(double p)
{
    if (!(p > 0 && p < 1)) return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
    const double tail = p < 0.5 ? p : 1 - p;
    const double t = sqrt(-2 * onus_log64(tail));
    double z = t - (2.515517 + 0.802853 * t + 0.010328 * t * t) /
                       (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t);
    for (int i = 0; i < 8; i++) {
        const double q = 0.5 * onus_erfc64(z * 0x1.6a09e667f3bcdp-1);
        const double density = 0x1.988453364260ap-2 * onus_exp64(-0.5 * z * z);
        const double step = (q - tail) / density;
        z += step / (1 - 0.5 * z * step); /* Halley */
        if (fabs(step) <= 1e-15 * (1 + fabs(z))) break;
    }
    return p < 0.5 ? -z : z;
}

/* Lentz's evaluation of the continued fraction (DLMF 8.17.22), on the side where it converges
 * fast. */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= 20000; m++) {
        const double k = (double)m;
        const double even = k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k));
        d = 1 + even * d;
        c = 1 + even / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        const double odd = -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1));
        d = 1 + odd * d;
        c = 1 + odd / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        const double factor = d * c;
        h *= factor;
        if (fabs(factor - 1) < 1e-15) break;
    }
    return h;
}

double onus_beta_inc64(double a, double b, double x)
{
    if (!(a > 0 && b > 0) || x != x) return NAN;
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    const double front = onus_exp64(onus_lgamma64(a + b) - onus_lgamma64(a) - onus_lgamma64(b) +
                                    a * onus_log64(x) + b * onus_log1p_64(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                     : 1 - front * beta_fraction(b, a, 1 - x) / b;
}
