/* SPDX-License-Identifier: Apache-2.0
 * pld.c - epsilon by privacy loss distributions. Removing and adding a row are each a pair of
 * distributions that dominate every step (Zhu, Dong, Wang 2022, arXiv:2106.08567), and so their
 * T-fold products dominate T adaptive steps. delta(epsilon) = E (1 - e^(epsilon - L))+, L the
 * sum of T losses.
 *
 * One step's losses are put on whole multiples of a unit (losses.c); their T-fold convolution
 * is one Fourier transform, a power, and one back (convolve.c). Its rounding errors are of the
 * size of the largest probability, and delta is far out in the tail. So losses are tilted
 * first: with p e^(theta l) / M in the place of p, theta such that the sum's mean lies near
 * epsilon, the tail becomes the middle, and what is taken back after, M^T e^(-theta l), is
 * small where delta is. The bound of the transform's error costs parts in a million then.
 *
 * The transform is circular: what lies outside the window of N multiples comes in at its other
 * end. That only adds, but for what lies above the window and is not counted where it should
 * be: at most M(theta')^T e^(-theta' end), for any theta', which is added to delta.
 *
 * Plans (theta, window, unit) decide how close the result is, never whether it is true. */
#include "train/pld.h"

#include <math.h>

#include "base/fail.h"
#include "num/vec.h"
#include "train/tilted.h"

enum { N_LEAST = 1 << 12, N_MOST = 1 << 19, ROOM = 8 };
static const double ulps = 0x1p-50; /* as in losses.c */
/* A unit half as large is tried until it gives less than this, relatively: what is left is a
 * third of it, since errors fall with the unit's square. */
static const double slack = 3e-3;

typedef struct {
    onus_loss loss;
    double steps, delta;
    int64_t T;
    double theta;                 /* the tilt */
    double low, high, theta_high; /* window; the tilt that bounds what lies above */
} plan;

/* ---- plan -------------------------------------------------------------------------------- */

/* Chernoff: the sum of losses is above this with probability `tail` at most. */
static double chernoff(const plan *p, double tail, double theta)
{
    return (p->steps * onus_loss_tilt(&p->loss, theta).log_mean - onus_log64(tail)) / theta;
}

/* The theta from low to high for which that is least (it falls, then rises), to a hundredth: by
 * golden sections of its logarithm. */
static double best_theta(const plan *p, double tail, double low, double high, double *least)
{
    const double golden = 0x1.3c6ef372fe950p-1;
    double a = onus_log64(low), b = onus_log64(high);
    double x = b - golden * (b - a), y = a + golden * (b - a);
    double fx = chernoff(p, tail, onus_exp64(x)), fy = chernoff(p, tail, onus_exp64(y));
    while (b - a > 0.01) {
        if (fx <= fy) {
            b = y, y = x, fy = fx;
            x = b - golden * (b - a);
            fx = chernoff(p, tail, onus_exp64(x));
        } else {
            a = x, x = y, fx = fy;
            y = a + golden * (b - a);
            fy = chernoff(p, tail, onus_exp64(y));
        }
    }
    *least = fx < fy ? fx : fy;
    return onus_exp64(fx < fy ? x : y);
}

/* The tilt under which the sum's mean is epsilon: below the one that Chernoff's bound wants. */
static double saddle(const plan *p, double epsilon)
{
    double a = onus_log64(p->theta / 64), b = onus_log64(p->theta * 2);
    while (b - a > 0.02) {
        const double mid = (a + b) / 2;
        if (p->steps * onus_loss_tilt(&p->loss, onus_exp64(mid)).mean < epsilon)
            a = mid;
        else
            b = mid;
    }
    return onus_exp64(b);
}

/* log of M(theta)^T */
static double log_moment(const plan *p, double theta)
{
    return p->steps * onus_loss_tilt(&p->loss, theta).log_mean;
}

/* What is tilted lies above this but for e^log_part, by Chernoff's bound. */
static double window_low(const plan *p, double log_part)
{
    double best = -INFINITY;
    const double here = log_moment(p, p->theta);
    for (double part = 0.1; part < 0.95; part += 0.1) {
        const double there = log_moment(p, part * p->theta);
        const double low = (here - there + log_part) / ((1 - part) * p->theta);
        if (low > best) best = low;
    }
    return best;
}

/* So wide that what lies above epsilon + width, which comes in above epsilon and is not tilted
 * back by as much as it was tilted, adds no more than e^log_part to delta. */
static double window_width(const plan *p, double epsilon, double log_part)
{
    double best = INFINITY;
    for (double at = 1.1; at < 20; at *= 1.15) {
        const double theta = at * p->theta;
        const double width =
            (log_moment(p, theta) - theta * epsilon - log_part) / (theta - p->theta);
        if (width < best) best = width;
    }
    return best;
}

/* epsilon: the first guess; 0: none yet. Of the tilt that has its mean there a part is taken:
 * less comes in from above then, and errors of the transform grow by no more than e^3.5. */
static bool make_plan(plan *p, double order, double epsilon)
{
    const double begin = order > 1.1 ? order - 1 : 0.1;
    const double log_small = onus_log64(p->delta) - 9;
    double middle = epsilon;
    p->theta = epsilon > 0 ? saddle(p, epsilon)
                           : best_theta(p, p->delta, begin / 8, begin * 64, &middle);
    p->theta_high = best_theta(p, p->delta * 0x1p-13, p->theta, p->theta * 64, &p->high);
    p->theta *= 1 - onus_smaller(0.5, sqrt(3.5 / -onus_log64(p->delta)));
    p->low = window_low(
        p, onus_smaller(-7, log_small + p->theta * p->high - log_moment(p, p->theta)));
    p->low = onus_smaller(p->low, middle - 0.2 * (p->high - middle));
    p->high = onus_larger(p->high, p->low + window_width(p, middle, log_small));
    return isfinite(p->low) && isfinite(p->high) && p->high > p->low && p->high > 0;
}

/* ---- one direction ----------------------------------------------------------------------- */

typedef struct {
    plan p;
    onus_losses d;
    int64_t N, first; /* multiples first .. first + N - 1 are the window */
    double log_mean;  /* of what is discrete, at theta */
    double *re, *im, *cos_, *sin_, *weight;
    double off, lost; /* of the convolution times the weights' norm; above the window and at
                         infinity */
} line;

/* 20 bits: its multiples are exact. */
static double rounded_up(double v)
{
    int e;
    const double m = frexp(v, &e);
    return ldexp(ceil(ldexp(m, 20)), e - 20);
}

/* Losses in N units, or more where one step's do not fit. */
static onus_status discretise(line *s, onus_arena *a, onus_err *err)
{
    const plan *p = &s->p;
    s->d.mass = onus_arena_alloc(a, (size_t)(ROOM * s->N + 1), sizeof *s->d.mass);
    if (!s->d.mass) return onus_fail_mem(err, "accountant");
    double unit = rounded_up((p->high - p->low) / (double)s->N);
    for (int tries = 0; tries < 60; tries++, unit *= 2) {
        if (!onus_losses_of(&p->loss, unit, p->high, ROOM * s->N, &s->d)) continue;
        s->log_mean = onus_losses_log_mean(&s->d, p->theta);
        return ONUS_OK;
    }
    return onus_fail(err, ONUS_BAD_ARG, "accountant: losses out of range");
}

static int64_t place(const line *s, int64_t multiple)
{
    return (int64_t)((uint64_t)multiple & (uint64_t)(s->N - 1)); /* also of negative ones */
}

/* What delta counts of a loss that is j units above epsilon, tilted back: (1 - e^-ju) e^(-theta
 * j u). Returns the norm. */
static double fill_weights(line *s)
{
    double square = 0;
    for (int64_t j = 0; j < s->N; j++) {
        const double above = (double)j * s->d.unit, less = s->p.theta * above;
        s->weight[j] =
            less > 700 ? 0
                       : -onus_expm1_64(-above) * onus_exp64(-less) * (1 + (less + 16) * ulps);
        square += s->weight[j] * s->weight[j];
    }
    return sqrt(square) * (1 + 0x1p-20) + 1e-290;
}

static onus_status convolve(line *s, onus_arena *a, onus_err *err)
{
    const plan *p = &s->p;
    const size_t n = (size_t)s->N;
    s->re = onus_arena_alloc(a, n, sizeof *s->re);
    s->im = onus_arena_alloc(a, n, sizeof *s->im);
    s->cos_ = onus_arena_alloc(a, n / 2, sizeof *s->cos_);
    s->sin_ = onus_arena_alloc(a, n / 2, sizeof *s->sin_);
    s->weight = onus_arena_alloc(a, n, sizeof *s->weight);
    if (!s->re || !s->im || !s->cos_ || !s->sin_ || !s->weight)
        return onus_fail_mem(err, "accountant");
    if (!(fabs(p->low / s->d.unit) < 0x1p32)) /* its multiples would not be exact */
        return onus_fail(err, ONUS_BAD_ARG, "accountant: losses out of range");
    s->first = (int64_t)floor(p->low / s->d.unit);
    double all = 0;
    for (int64_t i = 0; i < s->d.n; i++) {
        const double at = p->theta * ((double)(s->d.first + i) * s->d.unit);
        const double tilted = s->d.mass[i] * onus_exp64(at - s->log_mean);
        s->re[place(s, s->d.first + i)] +=
            tilted * (1 + (fabs(at) + fabs(s->log_mean) + 16 + ROOM) * ulps);
        all += s->d.mass[i];
    }
    all += (double)s->d.n * 0x1p-52;
    const double end = (double)(s->first + s->N) * s->d.unit;
    const double high = p->steps * onus_losses_log_mean(&s->d, p->theta_high);
    s->lost = onus_exp64(high - p->theta_high * end + (high + p->theta_high * end) * ulps) +
              p->steps * s->d.infinite * onus_exp64(all > 1 ? p->steps * (all - 1) : 0);
    s->off = onus_convolve_power(s->re, s->im, s->cos_, s->sin_, s->N, p->T) * fill_weights(s);
    return ONUS_OK;
}

/* An upper bound of delta at epsilon = multiple times unit. */
static double delta_at(const line *s, int64_t multiple)
{
    const plan *p = &s->p;
    double sum = 0;
    for (int64_t j = 1; multiple + j < s->first + s->N; j++)
        sum += s->weight[j] * s->re[place(s, multiple + j)];
    const double grown = p->steps * s->log_mean,
                 less = p->theta * ((double)multiple * s->d.unit);
    const double back =
        onus_exp64(grown - less) * (1 + (fabs(grown) + fabs(less) + 16) * ulps) + 1e-300;
    sum = (sum > 0 ? sum : 0) * (1 + (double)s->N * 0x1p-51) + s->off * (1 + 0x1p-20);
    return (back * sum + s->lost) * (1 + 4 * ulps);
}

/* The least epsilon >= 0 in the window: between two multiples delta is a chord in e^epsilon. */
static double solve(const line *s)
{
    const double delta = s->p.delta, unit = s->d.unit, off = s->p.steps * s->d.off * (1 + ulps);
    int64_t a = s->first > 0 ? s->first : 0, b = s->first + s->N - 1;
    double at_a = delta_at(s, a), at_b = delta_at(s, b);
    if (at_a <= delta) return (double)a * unit + off;
    if (!(at_b <= delta)) return INFINITY;
    while (b - a > 1) {
        const int64_t mid = a + (b - a) / 2;
        const double at = delta_at(s, mid);
        if (at <= delta)
            b = mid, at_b = at;
        else
            a = mid, at_a = at;
    }
    const double part = onus_smaller(1, (at_a - delta) / (at_a - at_b) + 0x1p-20);
    return (double)a * unit + onus_log1p_64(part * onus_expm1_64(unit)) * (1 + 0x1p-20) + off;
}

/* INFINITY where losses are out of range: nothing is proven then. */
static onus_status solve_in(line *s, int64_t N, onus_arena *a, double *epsilon, onus_err *err)
{
    s->N = N;
    onus_arena_reset(a);
    *epsilon = INFINITY;
    onus_status st = discretise(s, a, err);
    if (st == ONUS_OK) st = convolve(s, a, err);
    if (st == ONUS_BAD_ARG) return ONUS_OK;
    if (st != ONUS_OK) return st;
    const double found = solve(s);
    if (found >= 0) *epsilon = found; /* it may be a NaN where numbers leave their range */
    return ONUS_OK;
}

/* Every solution is an upper bound: the least is kept. Below `enough` nothing is gained. */
static onus_status epsilon_of(onus_loss loss, int64_t T, double delta, double order,
                              double enough, onus_arena *a, double *epsilon, onus_err *err)
{
    line s = {.p = {.loss = loss, .steps = (double)T, .T = T, .delta = delta}};
    /* beyond z deviations lies less than e^(-z^2 / 2): 2^-24 of delta in all steps */
    s.p.loss.reach = sqrt(-2 * onus_log64(onus_larger(delta / (double)T * 0x1p-24, 1e-290)));
    *epsilon = INFINITY;
    if (!make_plan(&s.p, order, 0)) return ONUS_OK;
    onus_status st = solve_in(&s, N_LEAST, a, epsilon, err);
    if (st != ONUS_OK || *epsilon <= enough) return st;
    if (isfinite(*epsilon) && !make_plan(&s.p, order, *epsilon)) return ONUS_OK;
    double next, last = INFINITY;
    for (int64_t N = N_LEAST; st == ONUS_OK && N <= N_MOST; N *= 2) {
        st = solve_in(&s, N, a, &next, err);
        if (st == ONUS_OK && next < *epsilon) *epsilon = next;
        if (next > last * (1 - slack) || *epsilon <= enough) break;
        last = next;
    }
    return st;
}

onus_status onus_pld_epsilon(double sigma, double q, int64_t T, double delta, double order,
                             const onus_allocator *mem, double *epsilon, onus_err *err)
{
    *epsilon = INFINITY;
    if (!(sigma > 0 && q > 0 && q <= 1 && delta > 0 && delta < 1 && T >= 0)) return ONUS_OK;
    if (T == 0) {
        *epsilon = 0;
        return ONUS_OK;
    }
    /* A sample hides a row: both directions are dominated by q = 1 (joint convexity). Where
     * there is hardly any noise nothing else is computed: plans take 1 / sigma^2 steps. */
    const double whole = onus_gaussian_epsilon(sqrt((double)T) / sigma, delta);
    if (q == 1 || !(sigma >= 0.05)) {
        *epsilon = whole;
        return ONUS_OK;
    }
    double removes, adds = 0;
    onus_arena a;
    onus_arena_init(&a, mem);
    onus_status st =
        epsilon_of((onus_loss){.sigma = sigma, .q = q}, T, delta, order, 0, &a, &removes, err);
    if (st == ONUS_OK)
        st = epsilon_of((onus_loss){.sigma = sigma, .q = q, .adds = true}, T, delta, order,
                        removes, &a, &adds, err);
    onus_arena_release(&a);
    if (st == ONUS_OK) *epsilon = onus_smaller(whole, removes > adds ? removes : adds);
    return st;
}
