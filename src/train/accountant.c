/* SPDX-License-Identifier: Apache-2.0
 * accountant.c - RDP of the Poisson-subsampled Gaussian. Source: Mironov, Talwar, Zhang 2019
 * (arXiv:1908.10530), section 3.3: for integer alpha a finite binomial sum, for fractional
 * alpha the two series over generalised binomials, whose terms alternate in sign once k >
 * alpha: the sign must be kept (dropping it overstates the first orders; measured in another
 * library: 6.7058e-4 for 6.50071e-4).
 *
 * All sums are in logarithms. Bits are the same everywhere: only num/vec.h's functions. */
#include "train/accountant.h"

#include <math.h>

#include "base/fail.h"
#include "num/vec.h"

enum { TERMS_MAX = 5000 };

/* log(e^a + sign e^b), a >= b where sign is -1. */
static double log_add(double a, double b, int sign)
{
    if (a < b) {
        const double t = a;
        a = b;
        b = t;
    }
    if (b == -INFINITY) return a;
    return a + onus_log1p_64(sign * onus_exp64(b - a));
}

/* A sum of signed terms: positive and negative parts apart, subtracted at the end. */
typedef struct {
    double plus, minus;
} signed_sum;

static void add_term(signed_sum *s, double log_size, int sign)
{
    double *part = sign > 0 ? &s->plus : &s->minus;
    *part = *part == -INFINITY ? log_size : log_add(*part, log_size, 1);
}

/* log A for integer alpha: sum over k of C(alpha, k) (1-q)^(alpha-k) q^k exp((k^2 - k) / (2
 * sigma^2)) */
static double log_a_integer(double q, double sigma, int alpha)
{
    double total = -INFINITY, log_choose = 0;
    const double log_q = onus_log64(q), log_rest = onus_log1p_64(-q);
    for (int k = 0; k <= alpha; k++) {
        const double term = log_choose + k * log_q + (alpha - k) * log_rest +
                            (double)(k * k - k) / (2 * sigma * sigma);
        total = total == -INFINITY ? term : log_add(total, term, 1);
        if (k < alpha) log_choose += onus_log64((double)(alpha - k) / (double)(k + 1));
    }
    return total;
}

/* log A for fractional alpha. With z0 = sigma^2 log(1/q - 1) + 1/2, term k of the two series is
 * C(alpha, k) times (1-q)^(alpha-k) q^k     e^((k^2-k)/(2 s^2))               erfc((k - z0) /
 * (sqrt 2 s)) / 2 (1-q)^k q^(alpha-k)     e^(((alpha-k)^2-(alpha-k))/(2 s^2)) erfc((z0 - alpha
 * + k) / (sqrt 2 s)) / 2 */
static double log_a_fractional(double q, double sigma, double alpha)
{
    signed_sum s = {-INFINITY, -INFINITY};
    const double z0 = sigma * sigma * onus_log64(1 / q - 1) + 0.5,
                 root = 0x1.6a09e667f3bcdp0 * sigma;
    const double log_q = onus_log64(q), log_rest = onus_log1p_64(-q),
                 log_half = onus_log64(0.5);
    double log_choose = 0;
    int sign = 1;
    for (int k = 0; k < TERMS_MAX; k++) {
        const double j = alpha - k;
        const double a = log_choose + k * log_q + j * log_rest +
                         ((double)k * k - k) / (2 * sigma * sigma) + log_half +
                         onus_log_erfc64((k - z0) / root);
        const double b = log_choose + j * log_q + k * log_rest +
                         (j * j - j) / (2 * sigma * sigma) + log_half +
                         onus_log_erfc64((z0 - j) / root);
        add_term(&s, a, sign);
        add_term(&s, b, sign);
        const double largest = a > b ? a : b, total = s.plus;
        if (k > alpha && largest < total - 40) break;
        const double ratio = (alpha - k) / (double)(k + 1);
        log_choose += onus_log64(fabs(ratio));
        if (ratio < 0) sign = -sign;
    }
    if (s.minus == -INFINITY) return s.plus;
    return s.minus < s.plus ? log_add(s.plus, s.minus, -1) : -INFINITY;
}

double onus_rdp_step(double sigma, double q, double alpha)
{
    if (!(sigma > 0) || !(q > 0 && q <= 1) || !(alpha > 1)) return INFINITY;
    if (q == 1) return alpha / (2 * sigma * sigma);
    const double whole = rint(alpha);
    const double log_a = whole == alpha && alpha < 10000 ? log_a_integer(q, sigma, (int)alpha)
                                                         : log_a_fractional(q, sigma, alpha);
    const double rdp = log_a / (alpha - 1);
    return rdp != rdp ? INFINITY : rdp < 0 ? 0 : rdp;
}

/* Order i of 1.1, 1.2 ... 10.9, 12, 13 ... 63. */
enum { N_FRACTIONAL = 99, N_ORDERS = 99 + 52 };

static double order_at(int i)
{
    return i < N_FRACTIONAL ? (double)(11 + i) / 10 : (double)(12 + i - N_FRACTIONAL);
}

/* Canonne, Kamath, Steinke 2020, proposition 12: epsilon = rho + log((alpha-1)/alpha) - (log
 * delta + log alpha) / (alpha - 1). */
static double epsilon_at(double sigma, double q, int64_t T, double delta, double alpha)
{
    const double rdp = onus_rdp_step(sigma, q, alpha) * (double)T;
    const double epsilon =
        rdp + onus_log1p_64(-1 / alpha) - (onus_log64(delta) + onus_log64(alpha)) / (alpha - 1);
    return epsilon < 0 ? 0 : epsilon;
}

double onus_rdp_epsilon(double sigma, double q, int64_t T, double delta, double *order)
{
    double best = INFINITY;
    for (int i = 0; i < N_ORDERS; i++) {
        const double e = epsilon_at(sigma, q, T, delta, order_at(i));
        if (!(e < best)) continue;
        best = e;
        if (order) *order = order_at(i);
    }
    return best;
}

/* The minimum over orders near `at`, which moves with it: epsilon is unimodal in the order. */
static double epsilon_near(double sigma, double q, int64_t T, double delta, int *at)
{
    double here = epsilon_at(sigma, q, T, delta, order_at(*at));
    for (int step = -1; step <= 1; step += 2) {
        while (*at + step >= 0 && *at + step < N_ORDERS) {
            const double next = epsilon_at(sigma, q, T, delta, order_at(*at + step));
            if (!(next < here)) break;
            here = next;
            *at += step;
        }
    }
    return here;
}

onus_status onus_rdp_sigma(double epsilon, double delta, double q, int64_t T, double *sigma,
                           onus_err *err)
{
    double low = 0.05, high = 1;
    int at = N_FRACTIONAL;
    while (high < 1e4 && epsilon_near(high, q, T, delta, &at) > epsilon) {
        low = high;
        high *= 2;
    }
    if (!(epsilon_near(high, q, T, delta, &at) <= epsilon))
        return onus_fail(err, ONUS_BAD_ARG,
                         "privacy: no noise up to 1e4 times the clipping norm keeps epsilon %g "
                         "at delta %g over %lld steps",
                         epsilon, delta, (long long)T);
    while (high - low > 1e-4 * high) {
        const double mid = (low + high) / 2;
        if (epsilon_near(mid, q, T, delta, &at) <= epsilon)
            high = mid;
        else
            low = mid;
    }
    while (onus_rdp_epsilon(high, q, T, delta, NULL) > epsilon)
        high *= 1 + 1e-5; /* all orders have the last word */
    *sigma = high;
    return ONUS_OK;
}
