/* SPDX-License-Identifier: Apache-2.0
 * losses.c - one step's privacy loss in whole multiples of a unit, never too small.
 *
 * The line of x is cut where the loss passes multiples of the unit; a cell's mass goes to the
 * two multiples beside it in the shares that keep its mass under both distributions
 * (Doroshenko, Ghazi, Kamath, Kumar, Manurangsi 2022, arXiv:2207.04380: "connect the dots"),
 * which dominates: delta as a function of e^epsilon is replaced by its chord between multiples,
 * and it is convex. What is rounded up in place of that would be off by half a unit a step,
 * this is off by a unit's square.
 *
 * "As computed": a cut is wherever its computed x lies. The true loss there is evaluated again,
 * and how far it may miss its multiple (miss) moves mass upward and enters `off`, which the
 * caller adds for every step. Masses are rounded up, by bounds of what onus_erfc64 and
 * onus_exp64 are off (6.1e-16 and less, docs/NUMERICS.md, measured; 2^-50 is allowed). */
#include <math.h>

#include "num/vec.h"
#include "train/tilted.h"

static const double ulps = 0x1p-50; /* of one function of num/vec.h, and an operation or two */

double onus_loss_at(const onus_loss *l, double x)
{
    const double t = (2 * x - 1) / (2 * l->sigma * l->sigma);
    if (l->q == 1) return t;
    if (t < -0.5) return onus_log64((1 - l->q) + l->q * onus_exp64(t));
    if (t > 700) return onus_log64(l->q) + t;
    return onus_log1p_64(l->q * onus_expm1_64(t));
}

/* t is off by 3 u |t|, and the loss moves less than t; what follows adds a few u of 1 + |t|. */
double onus_loss_off(const onus_loss *l, double x)
{
    return (fabs((2 * x - 1) / (2 * l->sigma * l->sigma)) + 2) * 2 * ulps;
}

/* Where removing has this loss; -INFINITY: it is less nowhere. */
static double cut_at(const onus_loss *l, double loss)
{
    const double q = l->q;
    double t = loss;
    if (q < 1 && loss >= 0) {
        t = loss + onus_log1p_64((1 - q) * -onus_expm1_64(-loss) / q);
    } else if (q < 1) {
        const double v =
            loss > -0.5 ? 1 + onus_expm1_64(loss) / q : (onus_exp64(loss) - (1 - q)) / q;
        if (!(v > 0)) return -INFINITY;
        t = v > 0.5 && loss > -0.5 ? onus_log1p_64(onus_expm1_64(loss) / q) : onus_log64(v);
    }
    return l->sigma * l->sigma * t + 0.5;
}

/* ---- masses of cells --------------------------------------------------------------------- */

/* A cut: mass beyond it on its own side of each centre, 0 and 1, and how far that may be off.
 */
typedef struct {
    double x, z[2], tail[2], tail_off[2], miss;
} cut;

static cut cut_of(const onus_loss *l, double x, double loss)
{
    cut c = {.x = x};
    for (int k = 0; k < 2; k++) {
        c.z[k] = (x - k) / l->sigma;
        if (isinf(x)) continue;
        c.tail[k] = 0.5 * onus_erfc64(fabs(c.z[k]) * 0x1.6a09e667f3bcdp-1);
        c.tail_off[k] = c.tail[k] * (c.z[k] * c.z[k] + 40) * ulps + 1e-300;
    }
    if (x == -INFINITY) { /* losses end at log(1 - q) */
        const double least = l->q < 1 ? onus_log1p_64(-l->q) : -INFINITY;
        c.miss = onus_larger(0, loss - least) + (fabs(least) + 2) * ulps;
    } else {
        c.miss = fabs(onus_loss_at(l, x) - loss) + onus_loss_off(l, x);
    }
    return c;
}

typedef struct {
    double mass, off;
} amount;

/* Under N(k, sigma^2), between two cuts. */
static amount between(const cut *a, const cut *b, int k)
{
    amount m = {.off = a->tail_off[k] + b->tail_off[k]};
    if (a->z[k] >= 0)
        m.mass = a->tail[k] - b->tail[k];
    else if (b->z[k] <= 0)
        m.mass = b->tail[k] - a->tail[k];
    else
        m.mass = (1 - a->tail[k]) - b->tail[k], m.off += ulps;
    if (m.mass < 0) m.mass = 0;
    m.off += m.mass * ulps;
    return m;
}

/* Under the mixture, or (plain) without a row's part. */
static amount mixed(const onus_loss *l, bool plain, amount zero, amount one)
{
    if (plain) return zero;
    return (amount){(1 - l->q) * zero.mass + l->q * one.mass,
                    ((1 - l->q) * zero.off + l->q * one.off) * (1 + ulps) +
                        ((1 - l->q) * zero.mass + l->q * one.mass) * ulps};
}

static amount cell(const onus_loss *l, bool plain, const cut *a, const cut *b)
{
    return mixed(l, plain, between(a, b, 0), between(a, b, 1));
}

/* All that lies beyond a cut, rounded up. */
static double beyond(const onus_loss *l, bool plain, const cut *c, bool above)
{
    amount m[2];
    for (int k = 0; k < 2; k++) {
        const bool far = above == (c->z[k] >= 0);
        m[k] = (amount){far ? c->tail[k] : 1 - c->tail[k], c->tail_off[k] + (far ? 0 : ulps)};
    }
    const amount all = mixed(l, plain, m[0], m[1]);
    return (all.mass + all.off) * (1 + ulps);
}

/* ---- one step ---------------------------------------------------------------------------- */

/* Of a cell whose losses lie between low and low + unit: the mass that goes to the upper end.
 * share e^-low + rest e^-(low + unit) = under, share + rest = over; rounded up, as far as a
 * miss of the cuts, too, could have made it too small. */
static double upper_share(double over, amount under, double low, double unit, double miss)
{
    const double left = onus_larger(0, under.mass - under.off) * onus_exp64(low) *
                        (1 - (fabs(low) + 8) * ulps - miss);
    const double share =
        (over - onus_larger(0, left)) / -onus_expm1_64(-unit) * (1 + 4 * ulps) + over * ulps;
    return share < 0 ? 0 : share > over ? over : share;
}

/* Cell from multiple g to g + 1 of the loss of removing. */
static void put_cell(const onus_loss *l, const cut *a, const cut *b, int64_t g, onus_losses *d)
{
    const amount over = cell(l, l->adds, a, b), under = cell(l, !l->adds, a, b);
    const double all = (over.mass + over.off) * (1 + ulps);
    const int64_t low = l->adds ? -g - 1 : g;
    const double miss = onus_larger(a->miss, b->miss);
    const double up = upper_share(all, under, (double)low * d->unit, d->unit, miss);
    d->mass[low - d->first] += all - up;
    d->mass[low + 1 - d->first] += up;
    d->off = onus_larger(d->off, miss);
}

/* The first and last cut, as multiples of the unit. */
static void span(const onus_loss *l, double unit, double most, double *bottom, double *top)
{
    const double z = l->reach;
    const double end = l->q < 1 ? floor(onus_log1p_64(-l->q) / unit) : -INFINITY;
    *bottom = floor(onus_loss_at(l, -z * l->sigma) / unit);
    if (end >= *bottom - 2) *bottom = end;
    *top = ceil(onus_loss_at(l, (l->adds ? 0 : 1) + z * l->sigma) / unit);
    const double last = ceil(most / unit);
    if (l->adds && -*bottom > last) *bottom = -last;
    if (!l->adds && *top > last) *top = last;
}

bool onus_losses_of(const onus_loss *l, double unit, double most, int64_t room,
                    onus_losses *out)
{
    double bottom, top;
    span(l, unit, most, &bottom, &top);
    if (!(top - bottom >= 1 && top - bottom < (double)room && fabs(bottom) < 0x1p30 &&
          fabs(top) < 0x1p30))
        return false;
    const int64_t g0 = (int64_t)bottom, n = (int64_t)(top - bottom);
    out->first = l->adds ? -(int64_t)top : g0;
    out->n = n + 1;
    out->unit = unit;
    out->off = 0;
    for (int64_t i = 0; i <= n; i++) out->mass[i] = 0;
    const cut first = cut_of(l, cut_at(l, bottom * unit), bottom * unit);
    cut a = first;
    for (int64_t g = g0; g < g0 + n; g++) {
        const double loss = (double)(g + 1) * unit;
        const cut b = cut_of(l, onus_larger(a.x, cut_at(l, loss)), loss);
        put_cell(l, &a, &b, g, out);
        a = b;
    }
    /* small losses are rounded up to the least multiple, large ones to infinity */
    const double below = beyond(l, l->adds, &first, false),
                 above = beyond(l, l->adds, &a, true);
    out->mass[0] += l->adds ? above : below;
    out->infinite = l->adds ? below : above;
    for (int64_t i = 0; i <= n; i++) out->mass[i] *= 1 + 4 * ulps; /* of the additions */
    return true;
}

double onus_losses_log_mean(const onus_losses *d, double theta)
{
    double most = 0, sum = 0;
    for (int64_t end = 0; end < 2; end++) {
        const double at = theta * (double)(d->first + end * (d->n - 1)) * d->unit;
        if (at > most) most = at;
    }
    for (int64_t i = 0; i < d->n; i++) {
        const double at = theta * ((double)(d->first + i) * d->unit);
        if (d->mass[i] > 0 && at - most > -740)
            sum += d->mass[i] * onus_exp64(at - most) * (1 + (fabs(at) + most + 8) * ulps);
    }
    /* additions of positive terms, and what was left out */
    return most + onus_log64(sum * (1 + (double)d->n * 0x1p-52) + 1e-300) + (most + 4) * ulps;
}

/* ---- plans ------------------------------------------------------------------------------- */

/* The tilted density is e^(-x^2 / (2 sigma^2) + k log((1-q) + q e^t)), k = theta + 1 or -theta:
 * around 0 and up to k where rows are removed; down to -theta times a row's largest share where
 * they are added (its logarithm's derivative is 0 there). */
onus_tilt onus_loss_tilt(const onus_loss *l, double theta)
{
    const double s = l->sigma, k = l->adds ? -theta : theta + 1;
    const double odds = l->q * onus_exp64(-1 / (2 * s * s)), at_0 = odds / (1 - l->q + odds);
    const double low = onus_larger(l->adds ? -theta * at_0 - 8 * s : -8 * s, -l->reach * s),
                 high = onus_smaller(l->adds ? 8 * s : k + 8 * s,
                                     (l->adds ? 0 : 1) + l->reach * s);
    const double h = s < 0.5 ? s * s / 2 : s / 4;
    double peak = -INFINITY, sum = 0, mean = 0, square = 0;
    for (int64_t i = 0; i <= (int64_t)((high - low) / h); i++) {
        const double x = low + (double)i * h, loss = onus_loss_at(l, x);
        const double e = k * loss - x * x / (2 * s * s);
        if (e > peak) { /* sums are in units of e^peak */
            const double less = onus_exp64(peak - e);
            sum *= less, mean *= less, square *= less;
            peak = e;
        }
        const double w = onus_exp64(e - peak);
        sum += w, mean += w * loss, square += w * loss * loss;
    }
    mean /= sum;
    onus_tilt out = {.log_mean = peak + onus_log64(sum * h * 0x1.9884533d43651p-2 / s),
                     .mean = l->adds ? -mean : mean,
                     .variance = onus_larger(0, square / sum - mean * mean)};
    return out;
}
