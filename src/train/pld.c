/* SPDX-License-Identifier: Apache-2.0
 * pld.c - epsilon by privacy loss distributions. Removing and adding a row are each a pair of
 * distributions that dominate every step (Zhu, Dong, Wang 2022, arXiv:2106.08567), and so their
 * T-fold products dominate T adaptive steps. delta(epsilon) = E (1 - e^(epsilon - L))+, L the
 * sum of T losses.
 *
 * One step's losses are put on whole multiples of a unit (losses.c); their T-fold convolution is
 * one Fourier transform, a power, and one back (convolve.c). Its rounding errors are of the
 * size of the largest probability, and delta is far out in the tail. So losses are tilted first:
 * with p e^(theta l) / M in the place of p, theta such that the sum's mean lies near epsilon,
 * the tail becomes the middle, and what is taken back after, M^T e^(-theta l), is small where
 * delta is. The bound of the transform's error costs parts in a million then.
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
/* How far the unit may put epsilon up, where N suffices. */
static const double slack = 2e-3;

typedef struct {
    onus_loss loss;
    double steps, delta;
    int64_t T;
    double theta, rough;          /* the tilt; epsilon by Chernoff's bound */
    double low, high, theta_high; /* window; the tilt that bounds what lies above */
    double log_mean;              /* of one step at theta, not discrete */
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

static bool make_plan(plan *p, double order)
{
    double least;
    const double begin = order > 1.1 ? order - 1 : 0.1;
    p->theta = best_theta(p, p->delta, begin / 8, begin * (p->loss.adds ? 64 : 8), &p->rough);
    const onus_tilt t = onus_loss_tilt(&p->loss, p->theta);
    p->log_mean = t.log_mean;
    p->low = p->steps * t.mean - 7 * sqrt(p->steps * t.variance);
    p->theta_high = best_theta(p, p->delta * 0x1p-13, p->theta, p->theta * 32, &p->high);
    least = p->rough + (p->rough - p->low) * 0.1; /* never a window of nothing */
    if (p->high < least) p->high = least;
    if (p->low > 0.5 * p->rough) p->low = 0.5 * p->rough;
    return isfinite(p->low) && isfinite(p->high) && p->high > p->low && p->rough > 0;
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

/* Losses in units so small that epsilon suffers little, or that N may become no larger. */
static onus_status discretise(line *s, onus_arena *a, onus_err *err)
{
    const plan *p = &s->p;
    const double tail = fmax(p->delta / p->steps * 0x1p-24, 1e-290);
    for (s->N = N_LEAST;; s->N *= 2) {
        onus_arena_reset(a);
        s->d.mass = onus_arena_alloc(a, (size_t)(ROOM * s->N + 1), sizeof *s->d.mass);
        if (!s->d.mass) return onus_fail_mem(err, "accountant");
        double unit = rounded_up((p->high - p->low) / (double)s->N);
        int tries = 0;
        while (!onus_losses_of(&p->loss, unit, p->high, tail, ROOM * s->N, &s->d)) {
            if (++tries > 60) return onus_fail(err, ONUS_BAD_ARG, "accountant: no losses");
            unit *= 2;
        }
        s->log_mean = onus_losses_log_mean(&s->d, p->theta);
        const double more = p->steps * (s->log_mean - p->log_mean) / p->theta;
        if (more <= slack * p->rough || s->N == N_MOST) return ONUS_OK;
    }
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
        s->weight[j] = less > 700 ? 0
                                  : -onus_expm1_64(-above) * onus_exp64(-less) *
                                        (1 + (less + 16) * ulps);
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
    const double delta = s->p.delta, unit = s->d.unit,
                 off = s->p.steps * s->d.off * (1 + ulps);
    int64_t a = s->first > 0 ? s->first : 0, b = s->first + s->N - 1;
    double at_a = delta_at(s, a), at_b = delta_at(s, b);
    if (at_a <= delta) return a == 0 ? 0 : (double)a * unit + off;
    if (!(at_b <= delta)) return INFINITY;
    while (b - a > 1) {
        const int64_t mid = a + (b - a) / 2;
        const double at = delta_at(s, mid);
        if (at <= delta)
            b = mid, at_b = at;
        else
            a = mid, at_a = at;
    }
    const double part = fmin(1, (at_a - delta) / (at_a - at_b) + 0x1p-20);
    return (double)a * unit + onus_log1p_64(part * onus_expm1_64(unit)) * (1 + 0x1p-20) + off;
}

static onus_status epsilon_of(onus_loss loss, int64_t T, double delta, double order,
                              onus_arena *a, double *epsilon, onus_err *err)
{
    line s = {.p = {.loss = loss, .steps = (double)T, .T = T, .delta = delta}};
    *epsilon = INFINITY;
    if (!make_plan(&s.p, order)) return ONUS_OK;
    onus_status st = discretise(&s, a, err);
    if (st == ONUS_BAD_ARG) return ONUS_OK; /* out of range: nothing is proven */
    if (st == ONUS_OK) st = convolve(&s, a, err);
    if (st == ONUS_OK) *epsilon = solve(&s);
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
    if (q == 1) {
        *epsilon = onus_gaussian_epsilon(sqrt((double)T) / sigma, delta);
        return ONUS_OK;
    }
    double removes, adds = 0;
    onus_arena a;
    onus_arena_init(&a, mem);
    onus_status st =
        epsilon_of((onus_loss){sigma, q, false}, T, delta, order, &a, &removes, err);
    if (st == ONUS_OK)
        st = epsilon_of((onus_loss){sigma, q, true}, T, delta, order, &a, &adds, err);
    onus_arena_release(&a);
    if (st == ONUS_OK) *epsilon = removes > adds ? removes : adds;
    return st;
}
