/* SPDX-License-Identifier: Apache-2.0
 * gaussian.c - the analytic Gaussian mechanism: what T steps cost where every row takes part in
 * each of them. Source: Balle and Wang 2018 (arXiv:1805.06530), theorem 8; T of them are one of
 * mu = sqrt(T) / sigma (Dong, Roth, Su 2022, corollary 3.3). */
#include <math.h>

#include "num/vec.h"
#include "train/pld.h"

/* Phi(mu / 2 - epsilon / mu) - e^epsilon Phi(-mu / 2 - epsilon / mu), rounded up: of erfc, its
 * argument (a difference, off by 2^-52 of its parts, which erfc multiplies by |z| or so) and
 * the exponential 2^-50 each. */
double onus_gaussian_delta(double epsilon, double mu)
{
    const double root_half = 0x1.6a09e667f3bcdp-1, ulps = 0x1p-50;
    const double z = epsilon / mu - mu / 2, w = epsilon / mu + mu / 2;
    const double a = 0.5 * onus_erfc64(z * root_half), off = (fabs(z) * w + 40) * ulps;
    double b = 0;
    if (epsilon < 700)
        b = onus_exp64(epsilon) * 0.5 * onus_erfc64(w * root_half) *
            (1 - (w * w + epsilon + 40) * ulps);
    return a * (1 + off) - (b > 0 ? b : 0) + 1e-300;
}

double onus_gaussian_epsilon(double mu, double delta)
{
    double low = 0, high = 1;
    if (onus_gaussian_delta(0, mu) <= delta) return 0;
    while (high < 1e18 && onus_gaussian_delta(high, mu) > delta) high *= 2;
    if (!(onus_gaussian_delta(high, mu) <= delta)) return INFINITY;
    for (int i = 0; i < 200 && high - low > 1e-13 * high; i++) {
        const double mid = (low + high) / 2;
        if (onus_gaussian_delta(mid, mu) <= delta)
            high = mid;
        else
            low = mid;
    }
    return high;
}
