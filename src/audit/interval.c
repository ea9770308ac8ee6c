/* SPDX-License-Identifier: Apache-2.0
 * interval.c - 95% intervals in closed form. They are preferred to resampling wherever they
 * exist: the same bits without a seed, no time, and no collapse to a point where every one of
 * few people was judged rightly. */
#include "audit/interval.h"

#include <math.h>

#include "num/vec.h"

static const onus_interval none = {NAN, NAN};

double onus_share_rate(onus_share s)
{
    return s.n > 0 ? s.k / s.n : NAN;
}

double onus_z(int64_t statements)
{
    return onus_normal_quantile64(1 - 0.025 / (double)statements);
}

onus_interval onus_interval_wilson(onus_share s, double z)
{
    if (!(s.n > 0)) return none;
    const double z2 = z * z, middle = (s.k + z2 / 2) / (s.n + z2);
    const double half = z * sqrt(s.k * (s.n - s.k) / s.n + z2 / 4) / (s.n + z2);
    /* the ends are exact where rounding would miss them by a bit */
    return (onus_interval){s.k == 0 ? 0 : onus_larger(0, middle - half),
                           s.k == s.n ? 1 : onus_smaller(1, middle + half)};
}

onus_interval onus_interval_mix(const double *c, const onus_share *s, int64_t n, double z)
{
    double value = 0, down = 0, up = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!(s[i].n > 0)) return none;
        const double p = onus_share_rate(s[i]);
        const onus_interval w = onus_interval_wilson(s[i], z);
        const double below = c[i] * (c[i] > 0 ? p - w.lower : p - w.upper),
                     above = c[i] * (c[i] > 0 ? w.upper - p : w.lower - p);
        value = fma(c[i], p, value);
        down = fma(below, below, down);
        up = fma(above, above, up);
    }
    return (onus_interval){value - sqrt(down), value + sqrt(up)};
}

onus_interval onus_interval_newcombe(onus_share a, onus_share b, double z)
{
    static const double difference[] = {1, -1};
    const onus_share both[] = {a, b};
    return onus_interval_mix(difference, both, 2, z);
}

onus_interval onus_interval_ratio(onus_share a, onus_share b, double z)
{
    if (!(a.n > 0) || !(b.n > 0)) return none;
    const double p = onus_share_rate(a), q = onus_share_rate(b), pq = p * q;
    const onus_interval i = onus_interval_wilson(a, z), j = onus_interval_wilson(b, z);
    /* roots of a quadratic; what is under them cannot be below zero but by rounding */
    const double low = j.upper * (2 * q - j.upper), high = j.lower * (2 * q - j.lower);
    const double under = onus_larger(0, pq * pq - i.lower * (2 * p - i.lower) * low),
                 over = onus_larger(0, pq * pq - i.upper * (2 * p - i.upper) * high);
    onus_interval r = {.lower = 0, .upper = INFINITY};
    if (low != 0) r.lower = onus_larger(0, (pq - sqrt(under)) / low);
    if (high > 0) r.upper = (pq + sqrt(over)) / high;
    return r;
}

onus_interval onus_interval_fold(onus_interval i)
{
    if (i.lower >= 0) return i;
    if (i.upper <= 0) return (onus_interval){-i.upper, -i.lower};
    return (onus_interval){i.lower <= 0 ? 0 : NAN, onus_larger(-i.lower, i.upper)};
}

/* P(T <= t) = 1 - I_{df / (df + t^2)}(df / 2, 1 / 2) / 2 for t > 0, a concave function:
 * Newton's steps from the normal quantile, which lies below, climb to the root and never pass
 * it. */
double onus_t_quantile(double p, double df)
{
    const double half_log_pi = 0x1.250d048e7a1bdp-1;
    const double log_top =
        onus_lgamma64((df + 1) / 2) - onus_lgamma64(df / 2) - onus_log64(df) / 2 - half_log_pi;
    double t = onus_normal_quantile64(p);
    for (int k = 0; k < 100; k++) {
        const double tail = onus_beta_inc64(df / 2, 0.5, df / (df + t * t)) / 2;
        const double slope = onus_exp64(log_top - (df + 1) / 2 * onus_log1p_64(t * t / df));
        const double step = (p - (1 - tail)) / slope;
        t += step;
        if (!(step > 1e-14 * t)) break;
    }
    return t;
}

onus_interval onus_interval_mean(double mean, double std_error, double df, int64_t statements)
{
    if (!(df >= 1) || !isfinite(std_error)) return none;
    const double half = onus_t_quantile(1 - 0.025 / (double)statements, df) * std_error;
    return (onus_interval){mean - half, mean + half};
}

onus_interval onus_interval_logit(double estimate, double std_error, double z)
{
    if (!(estimate > 0 && estimate < 1)) return none;
    const double at = onus_log64(estimate / (1 - estimate)),
                 half = z * std_error / (estimate * (1 - estimate));
    return (onus_interval){1 / (1 + onus_exp64(half - at)), 1 / (1 + onus_exp64(-half - at))};
}
