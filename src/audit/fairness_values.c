/* SPDX-License-Identifier: Apache-2.0
 * fairness_values.c - predicted numbers by group: what is predicted on average, how far off on
 * average and in which direction. Intervals: Student's t by group, Welch's between two groups;
 * of more groups the worst pair's, as in gap.c. */
#include <math.h>

#include "audit/fairness.h"
#include "audit/quality.h"
#include "base/fail.h"

typedef onus_group_moments moments;

typedef enum { PREDICTION, ERROR, SIZE, N_VALUES } value;

const onus_fairness_value onus_fairness_value_names[ONUS_FAIRNESS_VALUES] = {
    [PREDICTION] = {"mean_prediction", "mean_prediction_difference", -INFINITY},
    [ERROR] = {"mean_error", "mean_error_difference", -INFINITY},
    [SIZE] = {"mae", "mae_difference", 0},
};

static double value_of(const onus_predictions *p, int64_t i, value v)
{
    const double s = (double)p->score[i], gap = s - (double)p->label[i];
    return v == PREDICTION ? s : v == ERROR ? gap : fabs(gap);
}

/* Two-sided interval of a.mean - b.mean, unequal variances (Welch 1947). */
static onus_interval welch(const moments *a, const moments *b, int64_t statements)
{
    const double va = a->square / (a->n - 1) / a->n, vb = b->square / (b->n - 1) / b->n,
                 v = va + vb;
    if (v == 0) return (onus_interval){a->mean - b->mean, a->mean - b->mean};
    const double df = v * v / (va * va / (a->n - 1) + vb * vb / (b->n - 1));
    return onus_interval_mean(a->mean - b->mean, sqrt(v), df, statements);
}

onus_measure onus_fairness_value_gap(const moments *m, int64_t n_groups, bool withholds)
{
    onus_measure d = {.value = NAN, .ci = {NAN, NAN}};
    double low = INFINITY, high = -INFINITY;
    int64_t groups = 0;
    for (int64_t g = 0; g < n_groups; g++) {
        if (m[g].n < 2) continue;
        groups++;
        d.n += (int64_t)m[g].n;
        low = onus_smaller(low, m[g].mean);
        high = onus_larger(high, m[g].mean);
    }
    if (groups < 2) {
        d.reason = withholds ? "fewer than two groups have two rows; left out, "
                               "groups " ONUS_WITHHELD
                             : "fewer than two groups have two rows";
        return d;
    }
    d.value = high - low;
    d.ci = (onus_interval){0, 0};
    d.method = groups > 2 ? "welch; lower: bonferroni over pairs" : "welch";
    for (int64_t g = 0; g < n_groups; g++) {
        for (int64_t h = g + 1; h < n_groups; h++) {
            if (m[g].n < 2 || m[h].n < 2) continue;
            const int64_t pairs = groups * (groups - 1) / 2; /* see gap.c */
            d.ci.lower =
                onus_larger(d.ci.lower, onus_interval_fold(welch(&m[g], &m[h], pairs)).lower);
            d.ci.upper =
                onus_larger(d.ci.upper, onus_interval_fold(welch(&m[g], &m[h], 1)).upper);
        }
    }
    if (groups == n_groups && !withholds) return d;
    d.reason = withholds ? "left out, groups " ONUS_WITHHELD
                         : "groups of fewer than two rows are left out";
    d.ci.upper = NAN; /* they may lie anywhere */
    return d;
}

static onus_status put_value(const onus_predictions *p, const onus_partition *g, value v,
                             onus_event_builder *b, onus_arena *arena, onus_err *err)
{
    const onus_fairness_value *of_value = &onus_fairness_value_names[v];
    moments *m = onus_arena_alloc(arena, (size_t)g->n_groups + 1, sizeof *m);
    double *of = onus_arena_alloc(arena, (size_t)p->n + 1, sizeof *of);
    if (!m || !of) return onus_fail_mem(err, "fairness");
    for (int64_t k = 0; k < g->n_groups; k++) {
        int64_t n = 0;
        for (int64_t i = 0; i < p->n; i++) {
            if (g->group[i] == k) of[n++] = value_of(p, i, v);
        }
        const onus_measure mean = onus_measure_mean(of, n, of_value->least);
        m[k] = (moments){
            .n = (double)n, .mean = mean.value, .square = onus_squares64(of, n, mean.value)};
        onus_measure_put(b, &mean, "fairness.%s.group.%s.%s", g->name, g->groups[k],
                         of_value->name);
    }
    const onus_measure gap = onus_fairness_value_gap(m, g->n_groups, g->withholds);
    onus_measure_put(b, &gap, "fairness.%s.%s", g->name, of_value->difference);
    onus_fairness_withheld(b, g, of_value->name);
    return ONUS_OK;
}

onus_status onus_fairness_values(const onus_predictions *p, const onus_partition *g,
                                 onus_event_builder *b, onus_arena *arena, onus_err *err)
{
    for (int64_t k = 0; k < g->n_groups; k++) {
        int64_t n = 0;
        for (int64_t i = 0; i < p->n; i++) n += g->group[i] == k;
        onus_event_int(b, n, "fairness.%s.group.%s.n", g->name, g->groups[k]);
    }
    for (value v = 0; v < N_VALUES; v++) {
        onus_status st = put_value(p, g, v, b, arena, err);
        if (st != ONUS_OK) return st;
    }
    onus_fairness_undefined(b, g, "defined for decisions between two classes");
    return ONUS_OK;
}
