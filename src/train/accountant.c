/* SPDX-License-Identifier: Apache-2.0
 * accountant.c - what is claimed of a private run.
 *
 * The ideal mechanism adds real normals; it is (epsilon, delta0) private by rdp.h or pld.h,
 * whichever gives less. The computed one draws n pairs of normals by a sampler whose cells have
 * probabilities within e^(+-kappa) of the ideal ones, but for a mass tau of what goes wrong (a
 * pair outside its bound, a sample with more rows than there is room for). The log-ratio of all
 * n pairs' laws is a sum of n terms, each at most kappa in size and of mean at most kappa
 * (e^kappa - 1), so that by Azuma it exceeds
 *     eta = n kappa (e^kappa - 1) + kappa sqrt(2 n log(1 / delta1))
 * with probability delta1 at most, in either direction. It is about the noise alone: what is
 * made of it, adaptively, is post-processing. Passing from computed to ideal, to the
 * neighbour's ideal, and back to computed, the computed mechanism is (epsilon + 2 eta, e^eta
 * delta0 + (1 + e^(eta + epsilon)) (delta1 + tau)) private. delta1 is ours to choose: its part
 * of delta is made 2^-10 of it, since eta hardly depends on it. No more than half of delta may
 * go to all of this; else it is refused. */
#include "train/accountant.h"

#include <math.h>

#include "base/fail.h"
#include "num/vec.h"
#include "train/pld.h"
#include "train/rdp.h"

static const double up = 1 + 0x1p-40;
/* sigma is found to this, relatively: bounds that depend on a unit are no smoother */
static const double sigma_close = 3e-4;

double onus_sample_log2_tail(int64_t rows, double q, int64_t most)
{
    if (most >= rows) return -INFINITY;
    const double n = (double)rows, p = (double)(most + 1) / n;
    if (!(p > q)) return 0;
    double kl = p * onus_log64(p / q);
    if (p < 1) kl += (1 - p) * onus_log64((1 - p) / (1 - q));
    kl -= (p * fabs(onus_log64(p / q)) + 1) * 0x1p-48;
    return kl > 0 ? -n * kl * 0x1.71547652b82fep0 : 0;
}

/* ---- what computing adds ----------------------------------------------------------------- */

typedef struct {
    double eta, delta_ideal;
} addition;

/* For an ideal epsilon of at most that. False: it takes more than half of delta. */
static bool add_computing(const onus_mechanism *m, double epsilon, addition *a)
{
    const double pairs = m->draws / 2 * (double)m->steps, kappa = m->cell;
    const double tail =
        m->sample_most >= m->rows ? 0 : onus_exp64(m->log2_sample_tail * 0x1.62e42fefa39efp-1);
    const double tau = (pairs * ONUS_BAD_PAIR + (double)m->steps * tail) * up;
    const double log_delta1 = onus_log64(m->delta) - 10 * 0x1.62e42fefa39efp-1 - epsilon - 1;
    const bool exact = !(pairs > 0 && kappa > 0);
    *a = (addition){0, m->delta};
    if (exact && tau == 0) return true;
    if (!exact)
        a->eta =
            (pairs * kappa * onus_expm1_64(kappa) + kappa * sqrt(-2 * pairs * log_delta1)) * up;
    const double wrong = tau + (exact ? 0 : onus_exp64(log_delta1) * up);
    const double wasted = (1 + onus_exp64(a->eta + epsilon) * up) * wrong * up;
    a->delta_ideal = (m->delta - wasted) * onus_exp64(-a->eta) * (1 - 0x1p-40);
    return a->delta_ideal >= m->delta / 2;
}

/* ---- epsilon ----------------------------------------------------------------------------- */

/* At half of delta, which is what the ideal mechanism has at least: an upper bound of its
 * epsilon, and with it what computing adds. Renyi's bound first, it is quick. */
static onus_status settle(const onus_mechanism *m, const onus_allocator *mem, double *epsilon,
                          addition *a, bool *served, onus_err *err)
{
    double order;
    *epsilon = onus_rdp_epsilon(m->sigma, m->q, m->steps, m->delta / 2, &order);
    *served = add_computing(m, *epsilon, a);
    if (*served) return ONUS_OK;
    double closer;
    const onus_status st =
        onus_pld_epsilon(m->sigma, m->q, m->steps, m->delta / 2, order, mem, &closer, err);
    if (st != ONUS_OK) return st;
    if (closer < *epsilon) *epsilon = closer;
    *served = add_computing(m, *epsilon, a);
    return ONUS_OK;
}

/* A delta above 1 / rows is no offer. */
static onus_status refuse(double delta, const onus_mechanism *m, onus_err *err)
{
    if (!(delta < 0.5) || (m->rows > 0 && delta * (double)m->rows >= 1))
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "privacy.noise: with so little (%.4g) no epsilon can be proven of "
            "computed numbers at a delta below 1 / rows: epsilon would be too large "
            "for any purpose",
            m->sigma);
    return onus_fail(
        err, ONUS_BAD_INPUT,
        "privacy.delta: %g is less than can be proven of computed numbers; %.2g can "
        "be",
        m->delta, delta);
}
static onus_status refuse_delta(onus_mechanism m, onus_err *err)
{
    const onus_mechanism asked = m;
    addition a;
    for (m.delta *= 2; m.delta < 0.5; m.delta *= 2) {
        const double e = onus_rdp_epsilon(m.sigma, m.q, m.steps, m.delta / 2, NULL);
        if (add_computing(&m, e, &a)) return refuse(1.05 * m.delta, &asked, err);
    }
    return refuse(1, &asked, err);
}

onus_status onus_account(const onus_mechanism *m, const onus_allocator *mem,
                         onus_spent_privacy *out, onus_err *err)
{
    double most = INFINITY;
    addition a;
    bool served = true;
    if (!(m->sigma > 0 && m->q > 0 && m->q <= 1 && m->delta > 0 && m->delta < 1 &&
          m->steps >= 0))
        return onus_fail(err, ONUS_BAD_ARG, "accountant: sigma %g, q %g, delta %g, steps %lld",
                         m->sigma, m->q, m->delta, (long long)m->steps);
    onus_status st = ONUS_OK;
    if (!add_computing(m, 0, &a) || a.delta_ideal < m->delta)
        st = settle(m, mem, &most, &a, &served, err);
    if (st != ONUS_OK) return st;
    if (!served) return refuse_delta(*m, err);
    onus_spent_privacy s = {.numerical = 2 * a.eta, .delta_ideal = a.delta_ideal};
    s.rdp = onus_rdp_epsilon(m->sigma, m->q, m->steps, a.delta_ideal, &s.order);
    s.order_is_last = onus_rdp_order_is_last(s.order);
    st = onus_pld_epsilon(m->sigma, m->q, m->steps, a.delta_ideal, s.order, mem, &s.pld, err);
    if (st != ONUS_OK) return st;
    if (s.pld > most) s.pld = most; /* which holds at half of delta, and so here */
    s.rdp += s.numerical;
    s.pld += s.numerical;
    s.epsilon = s.pld < s.rdp ? s.pld : s.rdp;
    *out = s;
    return ONUS_OK;
}

/* ---- noise for an epsilon ---------------------------------------------------------------- */

typedef struct {
    double sigma, off; /* off: log of epsilon over the target; <= 0 holds */
} point;

/* Between a point that holds and one that does not, by interpolated logarithms. */
static double between(point holds, point fails)
{
    const double a = onus_log64(holds.sigma), b = onus_log64(fails.sigma);
    double part = -holds.off / (fails.off - holds.off);
    part = part < 0.05 ? 0.05 : part > 0.95 ? 0.95 : part;
    return onus_exp64(a + part * (b - a));
}

/* Less noise to try where none has failed yet: by what epsilon leaves, and a half at most. */
static double lower(point holds)
{
    const double by = 1.02 * holds.off - 1e-3;
    return holds.sigma * onus_exp64(by < -0.7 ? -0.7 : by);
}

/* The least noise whose losses keep the target, from Renyi's on downward: epsilon falls about
 * as fast as the noise grows. */
static onus_status shrink(const onus_mechanism *m, double epsilon, double delta,
                          const onus_allocator *mem, double *sigma, onus_err *err)
{
    point holds = {.sigma = *sigma, .off = 0}, fails = {0};
    double at = *sigma;
    for (int i = 0; i < 24; i++) {
        double order, found;
        (void)onus_rdp_epsilon(at, m->q, m->steps, delta, &order);
        const onus_status st =
            onus_pld_epsilon(at, m->q, m->steps, delta, order, mem, &found, err);
        if (st != ONUS_OK) return st;
        const double off = found > 0 ? onus_log64(found / epsilon) : -1;
        if (off <= 0)
            holds = (point){at, off};
        else if (i == 0)
            break; /* Renyi's is the better one here */
        else
            fails = (point){at, off};
        if (holds.sigma - fails.sigma < sigma_close * holds.sigma ||
            (off <= 0 && off > -sigma_close))
            break;
        at = fails.sigma > 0 ? between(holds, fails) : lower(holds);
    }
    *sigma = holds.sigma;
    return ONUS_OK;
}

static onus_status no_noise(const onus_mechanism *m, double epsilon, onus_err *err)
{
    return onus_fail(
        err, ONUS_BAD_INPUT,
        "privacy.epsilon: no noise up to 1e4 times the clipping norm keeps epsilon "
        "%g at delta %g over %lld steps",
        epsilon, m->delta, (long long)m->steps);
}

/* Noise that is enough: Renyi's, or where it finds none the most that there is, by losses. */
static onus_status bracket(const onus_mechanism *m, double epsilon, double delta,
                           const onus_allocator *mem, double *sigma, onus_err *err)
{
    double found, order;
    if (onus_rdp_sigma(epsilon, delta, m->q, m->steps, sigma, NULL) == ONUS_OK) return ONUS_OK;
    *sigma = 1e4;
    (void)onus_rdp_epsilon(*sigma, m->q, m->steps, delta, &order);
    const onus_status st =
        onus_pld_epsilon(*sigma, m->q, m->steps, delta, order, mem, &found, err);
    return st != ONUS_OK || found <= epsilon ? st : no_noise(m, epsilon, err);
}

onus_status onus_account_sigma(double epsilon, const onus_mechanism *given,
                               const onus_allocator *mem, double *sigma, onus_err *err)
{
    onus_mechanism m = *given;
    addition a;
    double found;
    bool served = add_computing(&m, epsilon, &a);
    for (double delta = 2 * m.delta; !served && delta * (double)m.rows < 1; delta *= 2) {
        m.delta = delta;
        if (add_computing(&m, epsilon, &a)) return refuse(1.05 * delta, given, err);
    }
    if (!served)
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "privacy.epsilon: %g cannot be proven of computed numbers at any delta "
            "below 1 / rows; ask for less",
            epsilon);
    const double ideal = epsilon - 2 * a.eta;
    if (!(ideal > 0))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "privacy.epsilon: %g is less than what computing adds, %.3g", epsilon,
                         2 * a.eta);
    onus_status st = bracket(&m, ideal, a.delta_ideal, mem, &found, err);
    if (st == ONUS_OK) st = shrink(&m, ideal, a.delta_ideal, mem, &found, err);
    onus_spent_privacy spent = {.epsilon = INFINITY};
    for (m.sigma = found; st == ONUS_OK; m.sigma *= 1 + sigma_close / 2) {
        st = onus_account(&m, mem, &spent, err); /* it has the last word */
        if (spent.epsilon <= epsilon) break;
        if (m.sigma > 1.1 * found && st == ONUS_OK) st = no_noise(&m, epsilon, err);
    }
    if (st == ONUS_OK) *sigma = m.sigma;
    return st;
}
