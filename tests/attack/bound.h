/* SPDX-License-Identifier: Apache-2.0
 * bound.h - from counts to a lower bound of epsilon.
 *
 * If training is (epsilon, delta)-DP, then P(event | D) <= e^epsilon P(event | D') + delta for
 * every event and all neighbours. So an event that k1 of n runs on D and k0 of n runs on D'
 * show proves, at confidence 1 - alpha, epsilon >= log((low(k1) - delta) / high(k0)), where low
 * and high are Clopper and Pearson's one-sided limits at alpha / 2 each (Biometrika 26, 1934).
 * They are exact: no run is too few for them to hold. */
#ifndef ONUS_TESTS_ATTACK_BOUND_H
#define ONUS_TESTS_ATTACK_BOUND_H
#include <math.h>
#include <stdint.h>

/* Continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz's
 * method: x < (a + 1) / (a + b + 2), else it is slow. */
static inline double beta_fraction(double a, double b, double x)
{
    double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), h = d;
    for (int m = 1; m < 100000; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                     odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / (1 + even * d);
        c = 1 + even / c;
        h *= c * d;
        d = 1 / (1 + odd * d);
        c = 1 + odd / c;
        h *= c * d;
        if (fabs(c * d - 1) < 1e-15) break;
    }
    return h;
}

/* P(Binomial(n, p) >= k) = I_p(k, n - k + 1), 1 <= k <= n. */
static inline double binomial_from(int64_t n, int64_t k, double p)
{
    const double a = (double)k, b = (double)(n - k + 1);
    const double front =
        exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(p) + b * log1p(-p));
    if (p < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, p) / a;
    return 1 - front * beta_fraction(b, a, 1 - p) / b;
}

/* The largest p of which k or more of n are seen with probability alpha at most. */
static inline double binomial_low(int64_t n, int64_t k, double alpha)
{
    double low = 0, high = (double)k / (double)n;
    if (k == 0) return 0;
    for (int i = 0; i < 60; i++) {
        const double middle = low + (high - low) / 2;
        if (binomial_from(n, k, middle) <= alpha)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static inline double binomial_high(int64_t n, int64_t k, double alpha)
{
    return 1 - binomial_low(n, n - k, alpha);
}

/* What k1 of n against k0 of n prove; 0 where that is nothing. */
static inline double epsilon_bound(int64_t n, int64_t k1, int64_t k0, double delta,
                                   double alpha)
{
    const double p1 = binomial_low(n, k1, alpha / 2) - delta,
                 p0 = binomial_high(n, k0, alpha / 2);
    return p1 > p0 ? log(p1 / p0) : 0;
}
#endif
