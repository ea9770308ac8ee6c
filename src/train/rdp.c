/* SPDX-License-Identifier: Apache-2.0
 * rdp.c - RDP of the Poisson-subsampled Gaussian. Source: Mironov, Talwar, Zhang 2019
 * (arXiv:1908.10530), section 3: log A / (alpha - 1), where A is the mean of
 * ((1 - q) + q e^t)^alpha, t = (2 z - 1) / (2 sigma^2), over z of deviation sigma around 0.
 *
 * For whole alpha A is a finite binomial sum, taken in logarithms. For fractional alpha the
 * paper gives two series whose terms alternate in sign and fall off as slowly as k^-(alpha+1)
 * (libraries that drop the signs, or stop early, get the first orders wrong: 6.7058e-4 for
 * 6.50071e-4); here A's integral is taken by the trapezoid rule, which converges geometrically
 * for what is analytic in a strip (Trefethen and Weideman 2014, SIAM Review 56(3), theorem
 * 5.1). A - 1 is summed, not A, so that divergences of 1e-12 keep their digits.
 *
 * Bits are the same everywhere: only num/vec.h's functions. */
#include "train/rdp.h"

#include <math.h>

#include "base/fail.h"
#include "num/vec.h"

enum { ORDER_MOST = 32768 };

/* log(e^a + e^b) */
static double log_add(double a, double b)
{
    const double high = a > b ? a : b, low = a > b ? b : a;
    return low == -INFINITY ? high : high + onus_log1p_64(onus_exp64(low - high));
}

/* log A for integer alpha: A - 1 is the sum over k >= 2 of C(alpha, k) (1-q)^(alpha-k) q^k
 * (exp((k^2 - k) / (2 sigma^2)) - 1), all of one sign, since without the last factor the terms
 * of a whole binomial add up to 1 and those of k = 0 and 1 are 0. */
static double log_a_integer(double q, double sigma, int alpha)
{
    double total = -INFINITY, log_choose = 0;
    const double log_q = onus_log64(q), log_rest = onus_log1p_64(-q);
    for (int k = 1; k <= alpha; k++) {
        log_choose += onus_log64((double)(alpha - k + 1) / (double)k);
        if (k == 1) continue;
        const double power = (double)k * (double)(k - 1) / (2 * sigma * sigma);
        const double log_moved =
            power < 36 ? onus_log64(onus_expm1_64(power)) : power; /* -1 is lost there */
        total = log_add(total, log_choose + k * log_q + (alpha - k) * log_rest + log_moved);
    }
    return log_add(0, total);
}

/* What z adds to A - 1, but for the normal density's constant: (e^(alpha L) - 1) e^(-z^2 / (2
 * sigma^2)), L = log((1 - q) + q e^t). */
static double excess(double q, double sigma, double alpha, double z)
{
    const double t = (2 * z - 1) / (2 * sigma * sigma), g = z * z / (2 * sigma * sigma);
    const double e =
        alpha * (t > 700 ? onus_log64(q) + t : onus_log1p_64(q * onus_expm1_64(t)));
    if (e - g > 700) return INFINITY;
    return e > 0.5 ? onus_exp64(e - g) - onus_exp64(-g) : onus_expm1_64(e) * onus_exp64(-g);
}

/* The mass lies around 0 and around alpha, sigma wide: ten deviations beyond leave e^-50. The
 * integrand is analytic for |Im z| < pi sigma^2, so steps of sigma / 6, and of sigma^2 / 2
 * where that is less, leave an error of e^-39 or less. */
static double log_a_fractional(double q, double sigma, double alpha)
{
    const double h = sigma < 1.0 / 3 ? sigma * sigma / 2 : sigma / 6;
    const double low = -10 * sigma, n = ceil((alpha + 20 * sigma) / h);
    double sum = 0;
    for (double i = 0; i <= n; i++) sum += excess(q, sigma, alpha, low + i * h);
    const double density = 0x1.9884533d43651p-2 / sigma; /* 1 / (sqrt(2 pi) sigma) */
    return sum == INFINITY ? sum : onus_log1p_64(sum * h * density);
}

/* log A is convex in alpha (Hoelder), and A(1) = 1. */
static double log_a_chord(double q, double sigma, double alpha)
{
    const double low = floor(alpha), part = alpha - low;
    return (1 - part) * (low > 1 ? log_a_integer(q, sigma, (int)low) : 0) +
           part * log_a_integer(q, sigma, (int)low + 1);
}

double onus_rdp_step(double sigma, double q, double alpha)
{
    if (!(sigma > 0) || !(q > 0 && q <= 1) || !(alpha > 1)) return INFINITY;
    if (q == 1) return alpha / (2 * sigma * sigma);
    double log_a;
    if (rint(alpha) == alpha && alpha <= ORDER_MOST)
        log_a = log_a_integer(q, sigma, (int)alpha);
    else if ((sigma < 0.05 || q < 1e-4) && alpha <= ORDER_MOST)
        /* integrals take 1 / sigma^2 steps, and their summands, of size q, cancel to q^2 */
        log_a = log_a_chord(q, sigma, alpha);
    else
        log_a = log_a_fractional(q, sigma, alpha);
    const double rdp = log_a / (alpha - 1);
    return rdp != rdp ? INFINITY : rdp < 0 ? 0 : rdp;
}

/* Order i of 1.1, 1.2 .. 10.9, 12, 13 .. 63, and then half a power of two apart: a small
 * epsilon wants orders of about 2 log(1 / delta) / epsilon. */
enum { N_FRACTIONAL = 99, N_CLOSE = N_FRACTIONAL + 52, N_ORDERS = N_CLOSE + 21 };

static double order_at(int i)
{
    static const double far[N_ORDERS - N_CLOSE] = {
        64,  80,   96,   128,  160,  192,  256,  320,  384,   512,       640,
        768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 16384, ORDER_MOST};
    if (i >= N_CLOSE) return far[i - N_CLOSE];
    return i < N_FRACTIONAL ? (double)(11 + i) / 10 : (double)(12 + i - N_FRACTIONAL);
}

bool onus_rdp_order_is_last(double order)
{
    return order >= ORDER_MOST;
}

/* Canonne, Kamath, Steinke 2020, proposition 12: epsilon = rho + log((alpha-1)/alpha) - (log
 * delta + log alpha) / (alpha - 1). Roundings: log_choose collects alpha of them, of up to
 * alpha log 2 each, so that A - 1 is off by alpha^2 2^-51 of itself and less; integrals, and
 * the other terms, by less than 2^-40. They are added. */
static double epsilon_at(double sigma, double q, int64_t T, double delta, double alpha)
{
    const double rdp = onus_rdp_step(sigma, q, alpha) * (double)T;
    const double close = (onus_log64(delta) + onus_log64(alpha)) / (alpha - 1);
    const double off = rdp * (alpha * alpha * 0x1p-50 + 0x1p-40) + fabs(close) * 0x1p-50;
    const double epsilon = rdp + onus_log1p_64(-1 / alpha) - close + off;
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
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "privacy.epsilon: no noise up to 1e4 times the clipping norm keeps epsilon %g "
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
