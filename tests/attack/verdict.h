/* SPDX-License-Identifier: Apache-2.0
 * verdict.h - which event tells two tables apart, and what it proves.
 *
 * Three sets of runs, none used twice: a few that say in which direction the traces differ; as
 * many again as will be judged, on which statistic, threshold and side are chosen, as freely as
 * one likes; and those that are judged, on which one event, fixed by then, is counted. So the
 * choice needs no correction. That several scenes are judged does: each has its share of ALPHA
 * (Bonferroni; a program says before it includes this how many are JUDGED_MOST), and the
 * largest bound of all holds at confidence 1 - ALPHA. */
#ifndef ONUS_TESTS_ATTACK_VERDICT_H
#define ONUS_TESTS_ATTACK_VERDICT_H
#include "bound.h"
#include "stage.h"

#define ALPHA 0.01

/* ---- statistics -------------------------------------------------------------------------- */

typedef enum {
    ALONG,     /* the trace along the difference of means, by each place's variance */
    STRONGEST, /* the place of the trace that differs most */
    CHANGE,    /* how far the parameters went, squared */
    LARGEST,   /* the largest change of one */
    FINEST,    /* the lowest bit of all parameters: some fell off another table's grid */
    FINE,      /* how many fell off it */
    FINEST_M,  /* the same of the gradients that m and v leave open */
    FINEST_V,
    ZEROS, /* parameters that did not change */
    OWN,   /* the scene's */
    STATISTICS
} statistic;
static const char *const statistic_names[STATISTICS] = {
    "along the difference", "strongest place", "length of the change", "largest change",
    "lowest bit",           "fine parameters", "lowest bit behind m",  "lowest bit behind v",
    "unchanged parameters", "the scene's own"};

typedef struct {
    double *weight; /* (F): ALONG */
    int64_t strongest;
    float *trace; /* (F) */
} lens;

/* e of the lowest bit 2^e of a number that is not 0. */
static inline int lowest_bit(double x)
{
    int e;
    const double m = fabs(frexp(x, &e)) * 0x1p53;
    return e - 53 + __builtin_ctzll((uint64_t)m);
}

/* Adam's first averages of a gradient g (onus_opt_step: m = (1 - beta1) g, v = ((1 - beta2) g)
 * g, rounded to binary32 each time). */
static inline float average(const onus_train_spec *t, bool second, float g)
{
    const float scaled = (float)(second ? 1 - t->beta2 : 1 - t->beta1) * g;
    return second ? scaled * g : scaled;
}

/* The coarsest grid 2^e of which a multiple has this average; 0 of an average of 0. */
static inline int lowest_bit_behind(const onus_train_spec *t, bool second, float x)
{
    const double about =
        second ? sqrt(fabs((double)x) / (1 - t->beta2)) : (double)x / (1 - t->beta1);
    int e;
    if (x == 0.0f) return 0;
    (void)frexp(about, &e);
    for (int bit = e; bit > e - 26; bit--) {
        const double j = nearbyint(ldexp(about, -bit));
        for (double k = j - 1; k <= j + 1; k++)
            if (average(t, second, (float)ldexp(k, bit)) == x) return bit;
    }
    return e - 26;
}

/* Place i of the trace: of parameters, how far they went, since variances are taken of it. */
static inline double went(const stage *s, const lens *l, int64_t i)
{
    const bool parameter = i / s->P % s->blocks == 0;
    return (double)l->trace[i] - (parameter ? (double)s->first[i % s->P] : 0);
}

static inline void look(const stage *s, const lens *l, double out[STATISTICS])
{
    const float *last = l->trace + (s->steps - 1) * s->blocks * s->P;
    memset(out, 0, STATISTICS * sizeof *out);
    for (int64_t i = 0; i < s->F; i++)
        if (l->weight[i] != 0) out[ALONG] += l->weight[i] * went(s, l, i);
    out[STRONGEST] = went(s, l, l->strongest);
    if (s->scene->own) out[OWN] = s->scene->own(s, l->trace);
    for (int64_t i = 0; i < s->P; i++) {
        const double change = (double)last[i] - (double)s->first[i];
        out[CHANGE] += change * change;
        out[LARGEST] = fmax(out[LARGEST], fabs(change));
        out[ZEROS] += change == 0;
        /* what the row does not move is as fine on either table */
        if (l->weight[last - l->trace + i] == 0) continue;
        if (last[i] == 0.0f || !isfinite(last[i])) continue;
        const int bit = lowest_bit((double)last[i]);
        out[FINEST] = fmin(out[FINEST], bit);
        out[FINE] += bit < -28;
        if (s->steps > 1 || s->blocks < 3) continue;
        out[FINEST_M] =
            fmin(out[FINEST_M], lowest_bit_behind(&s->scene->train, false, last[s->P + i]));
        out[FINEST_V] =
            fmin(out[FINEST_V], lowest_bit_behind(&s->scene->train, true, last[2 * s->P + i]));
    }
}

/* Where the row moves the trace: the mean difference of n runs of both tables under the same
 * keys, in which the noise falls out (whoever knows all rows but one can compute it), over the
 * variance that each place has. */
static inline void grind(const stage *s, lens *l, int n)
{
    const size_t F = (size_t)s->F;
    double *mean[2], *square = calloc(3 * F, sizeof *square), most = 0;
    assert_non_null(square);
    mean[0] = square + F;
    mean[1] = square + 2 * F;
    for (int i = 0; i < n; i++) {
        onus_noise_key key;
        onus_noise_key_new(&key);
        for (int side = 0; side < 2; side++) {
            run_side(s, side, &key, l->trace);
            for (size_t k = 0; k < F; k++) {
                const double x = went(s, l, (int64_t)k);
                mean[side][k] += x / n;
                square[k] += x * x / n;
            }
        }
    }
    for (size_t k = 0; k < F; k++) {
        const double a = mean[0][k], b = mean[1][k], variance = square[k] - a * a - b * b,
                     far = variance > 0 ? fabs(a - b) / sqrt(variance) : 0;
        l->weight[k] = isfinite(far) && variance > 0 ? (a - b) / variance : 0;
        if (isfinite(far) && far > most) l->strongest = (int64_t)k;
        if (isfinite(far) && far > most) most = far;
    }
    free(square);
}

/* ---- events ------------------------------------------------------------------------------ */

/* statistic >= threshold (above) or < it; likelier of `side`. */
typedef struct {
    statistic of;
    double threshold, worth;
    bool above;
    int side;
} event_of;

typedef struct {
    double value;
    int side;
} seen;

static inline int by_seen(const void *a, const void *b)
{
    const double x = ((const seen *)a)->value, y = ((const seen *)b)->value;
    return (x > y) - (x < y);
}

/* Wilson's limits: fast, and good enough to choose by at what ALPHA / JUDGED_MOST comes to. */
enum { DEVIATIONS = 4 };
static inline double wilson(double k, double n, double z)
{
    const double p = k / n, middle = p + z * z / (2 * n),
                 half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return (z > 0 ? middle + half : middle - half) / (1 + z * z / n);
}

static inline void consider(event_of *best, event_of e, int64_t k1, int64_t k0, int64_t n,
                            double delta)
{
    const double low = (wilson((double)k1, (double)n, -DEVIATIONS)) - delta,
                 high = wilson((double)k0, (double)n, DEVIATIONS);
    e.worth = low > 0 ? log(low / high) : -INFINITY;
    if (e.worth > best->worth) *best = e;
}

/* Every threshold of one statistic over n runs a side; list is sorted in place. */
static inline void choose(event_of *best, statistic of, seen *list, int64_t n, double delta)
{
    int64_t below[2] = {0, 0};
    qsort(list, (size_t)(2 * n), sizeof *list, by_seen);
    for (int64_t i = 0; i < 2 * n; i++) {
        if (i > 0 && list[i].value > list[i - 1].value)
            for (int side = 0; side < 2; side++) {
                event_of e = {.of = of, .side = side};
                e.threshold = list[i - 1].value + (list[i].value - list[i - 1].value) / 2;
                consider(best, e, below[side], below[!side], n, delta);
                e.above = true;
                consider(best, e, n - below[side], n - below[!side], n, delta);
            }
        below[list[i].side]++;
    }
}

static inline event_of choose_event(const stage *s, const lens *l, int64_t n)
{
    event_of best = {.worth = -INFINITY};
    seen *list = calloc((size_t)(2 * n * STATISTICS), sizeof *list);
    assert_non_null(list);
    for (int64_t i = 0; i < 2 * n; i++) {
        double value[STATISTICS];
        run_side(s, (int)(i % 2), NULL, l->trace);
        look(s, l, value);
        for (int k = 0; k < STATISTICS; k++)
            list[k * 2 * n + i] = (seen){value[k], (int)(i % 2)};
    }
    for (int k = 0; k < STATISTICS; k++)
        choose(&best, (statistic)k, list + k * 2 * n, n, s->scene->privacy.delta);
    free(list);
    return best;
}

/* ---- the verdict ------------------------------------------------------------------------- */

static struct {
    double bound, claim;
    char name[64];
} largest;

/* n runs a side are judged. Returns the bound. */
static inline double attack(const stage *s, int64_t n)
{
    lens l = {.weight = calloc((size_t)s->F, sizeof(double)),
              .trace = calloc((size_t)s->F, sizeof(float))};
    int64_t count[2] = {0, 0};
    assert_true(l.weight && l.trace);
    grind(s, &l, 50);
    const event_of e = choose_event(s, &l, n);
    for (int64_t i = 0; i < 2 * n; i++) {
        double value[STATISTICS];
        run_side(s, (int)(i % 2), NULL, l.trace);
        look(s, &l, value);
        count[i % 2] += (value[e.of] >= e.threshold) == e.above;
    }
    const double bound = epsilon_bound(n, count[e.side], count[!e.side],
                                       s->scene->privacy.delta, ALPHA / JUDGED_MOST);
    printf(
        "%-24s epsilon >= %.3f, claimed %.3f at %.0e: %s %s %.9g, %lld against %lld of %lld\n",
        s->scene->name, bound, s->claim, s->scene->privacy.delta, statistic_names[e.of],
        e.above ? ">=" : "<", e.threshold, (long long)count[e.side], (long long)count[!e.side],
        (long long)n);
    if (bound - s->claim > largest.bound - largest.claim || !*largest.name) {
        largest.bound = bound;
        largest.claim = s->claim;
        snprintf(largest.name, sizeof largest.name, "%s", s->scene->name);
    }
    free(l.weight);
    free(l.trace);
    return bound;
}
#endif
