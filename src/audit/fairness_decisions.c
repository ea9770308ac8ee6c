/* SPDX-License-Identifier: Apache-2.0
 * fairness_decisions.c - rates by group and the gaps between groups, of decisions.
 *
 * Definitions (Hardt, Price and Srebro 2016; Bellamy et al. 2018): demographic parity compares
 * selection rates; equal opportunity true positive rates; equalized odds takes the worse of the
 * gaps in true and in false positive rates; average odds their mean, with signs (which can
 * cancel) and without. */
#include <math.h>
#include <string.h>

#include "audit/fairness.h"
#include "audit/gap.h"
#include "base/fail.h"

typedef onus_group_tally tally;

static tally *count(const onus_predictions *p, const onus_partition *g, onus_arena *arena)
{
    tally *t = onus_arena_alloc(arena, (size_t)g->n_groups + 1, sizeof *t);
    for (int64_t i = 0; t && i < p->n; i++) {
        if (g->group[i] < 0) continue;
        tally *of = &t[g->group[i]];
        const int64_t y = (int64_t)p->label[i], d = p->decision[i];
        of->n += 1;
        of->positives += y == 1;
        of->selected += d == 1;
        of->true_positives += y == 1 && d == 1;
        of->right += y == d;
    }
    return t;
}

/* ---- by group ---------------------------------------------------------------------------- */

typedef enum { SELECTION, TPR, FPR, PPV, ACCURACY, N_RATES } rate;

static onus_share share_of(const tally *t, rate r)
{
    switch (r) {
    case SELECTION: return (onus_share){t->selected, t->n};
    case TPR: return (onus_share){t->true_positives, t->positives};
    case FPR: return (onus_share){t->selected - t->true_positives, t->n - t->positives};
    case PPV: return (onus_share){t->true_positives, t->selected};
    default: return (onus_share){t->right, t->n};
    }
}

static const struct {
    const char *name, *missing, *empty;
} rates[N_RATES] = {
    [SELECTION] = {"selection_rate", "rows", "nobody in this group"},
    [TPR] = {"tpr", "positives", "no label in this group is positive"},
    [FPR] = {"fpr", "negatives", "no label in this group is negative"},
    [PPV] = {"ppv", "positive decisions", "no decision in this group is positive"},
    [ACCURACY] = {"accuracy", "rows", "nobody in this group"},
};

static void put_rate(onus_event_builder *b, const onus_partition *g, int64_t i, const tally *t,
                     rate r)
{
    const onus_measure m = onus_measure_rate(share_of(t, r), rates[r].empty);
    onus_measure_put(b, &m, "fairness.%s.group.%s.%s", g->name, g->groups[i], rates[r].name);
}

/* One rate of all groups. */
static onus_status collect(onus_rates *out, const tally *t, const onus_partition *g, rate r,
                           onus_arena *arena, onus_err *err)
{
    onus_share *s = onus_arena_alloc(arena, (size_t)g->n_groups + 1, sizeof *s);
    if (!s) return onus_fail_mem(err, "fairness");
    for (int64_t i = 0; i < g->n_groups; i++) s[i] = share_of(&t[i], r);
    *out = (onus_rates){.share = s,
                        .name = g->groups,
                        .n = g->n_groups,
                        .missing = rates[r].missing,
                        .withheld = g->withholds ? ONUS_WITHHELD : NULL};
    return ONUS_OK;
}

/* ---- gaps -------------------------------------------------------------------------------- */

static void put_gap(onus_event_builder *b, const onus_partition *g, const onus_gap *gap,
                    const char *name)
{
    onus_measure_put(b, &gap->m, "fairness.%s.%s", g->name, name);
    if (gap->n_min > 0) onus_event_int(b, gap->n_min, "fairness.%s.%s.n.min", g->name, name);
    if (!gap->lowest) return;
    onus_event_text(b, gap->lowest, "fairness.%s.%s.lowest", g->name, name);
    onus_event_text(b, gap->highest, "fairness.%s.%s.highest", g->name, name);
}

/* Difference and ratio of one rate. */
static onus_status put_gaps(onus_event_builder *b, const onus_partition *g, const onus_rates *r,
                            const char *difference, const char *ratio, onus_arena *arena,
                            onus_err *err)
{
    onus_gap d, q;
    const int64_t pairs = onus_rates_pairs(r);
    onus_status st = onus_gap_difference(&d, r, pairs, arena, err);
    if (st == ONUS_OK) st = onus_gap_ratio(&q, r, pairs, arena, err);
    if (st != ONUS_OK) return st;
    put_gap(b, g, &d, difference);
    put_gap(b, g, &q, ratio);
    return ONUS_OK;
}

/* The bounds of the worse of two gaps, and of their mean, are the worse and the mean of their
 * bounds. (The mean's are wider than need be: they add up noise that is independent.)
 *
 * Two gaps as one: `value` and bounds are the caller's, support and reasons come from both. */
static onus_status join(onus_gap *out, const onus_gap *t, const onus_gap *f, double value,
                        onus_interval ci, const char *method, onus_arena *arena, onus_err *err)
{
    const char *reason = t->m.reason ? t->m.reason : f->m.reason;
    if (t->m.reason && f->m.reason && strcmp(t->m.reason, f->m.reason) != 0) {
        reason = onus_arena_printf(arena, "%s; %s", t->m.reason, f->m.reason);
        if (!reason) return onus_fail_mem(err, "fairness");
    }
    *out = (onus_gap){.m = {.value = value,
                            .ci = ci,
                            .n = t->m.n + f->m.n,
                            .method = method,
                            .reason = reason},
                      .n_min = t->n_min < f->n_min ? t->n_min : f->n_min};
    return ONUS_OK;
}

static onus_status put_odds(onus_event_builder *b, const onus_partition *g,
                            const onus_rates *tpr, const onus_rates *fpr, onus_arena *arena,
                            onus_err *err)
{
    onus_gap t, f, tq, fq, odds, ratio, mean;
    const int64_t pairs = onus_rates_pairs(tpr) + onus_rates_pairs(fpr);
    onus_status st = ONUS_OK;
    ONUS_TRY(onus_gap_difference(&t, tpr, pairs, arena, err));
    ONUS_TRY(onus_gap_difference(&f, fpr, pairs, arena, err));
    ONUS_TRY(onus_gap_ratio(&tq, tpr, pairs, arena, err));
    ONUS_TRY(onus_gap_ratio(&fq, fpr, pairs, arena, err));
    const onus_interval a = t.m.ci, c = f.m.ci, d = tq.m.ci, e = fq.m.ci;
    ONUS_TRY(join(&odds, &t, &f, onus_larger(t.m.value, f.m.value),
                  (onus_interval){onus_larger(a.lower, c.lower), onus_larger(a.upper, c.upper)},
                  "newcombe; lower: bonferroni over pairs and both rates", arena, err));
    ONUS_TRY(
        join(&ratio, &tq, &fq, onus_smaller(tq.m.value, fq.m.value),
             (onus_interval){onus_smaller(d.lower, e.lower), onus_smaller(d.upper, e.upper)},
             "mover; upper: bonferroni over pairs and both rates", arena, err));
    ONUS_TRY(join(&mean, &t, &f, (t.m.value + f.m.value) / 2,
                  (onus_interval){(a.lower + c.lower) / 2, (a.upper + c.upper) / 2},
                  "newcombe; lower: bonferroni over pairs and both rates", arena, err));
    put_gap(b, g, &odds, "equalized_odds_difference");
    put_gap(b, g, &ratio, "equalized_odds_ratio");
    put_gap(b, g, &mean, "average_absolute_odds_difference");
done:
    return st;
}

/* Mean of the differences in true and in false positive rate, first group minus second: with a
 * sign, hence between two groups only. All four rates are independent. */
static void put_average_odds(onus_event_builder *b, const onus_partition *g, const tally *t)
{
    static const double weight[] = {0.5, -0.5, 0.5, -0.5};
    onus_measure m = {.value = NAN, .ci = {NAN, NAN}};
    if (g->n_groups != 2 || g->withholds) {
        m.reason = g->withholds ? ONUS_WITHHELD : "it has a sign, which compares two groups";
        onus_measure_put(b, &m, "fairness.%s.average_odds_difference", g->name);
        return;
    }
    const onus_share s[] = {share_of(&t[0], TPR), share_of(&t[1], TPR), share_of(&t[0], FPR),
                            share_of(&t[1], FPR)};
    m.n = (int64_t)(t[0].n + t[1].n);
    m.value = (onus_share_rate(s[0]) - onus_share_rate(s[1]) + onus_share_rate(s[2]) -
               onus_share_rate(s[3])) /
              2;
    m.ci = onus_interval_mix(weight, s, 4, onus_z(1));
    m.method = "newcombe (MOVER)";
    if (isnan(m.value)) m.reason = "a group has no positives or no negatives";
    onus_measure_put(b, &m, "fairness.%s.average_odds_difference", g->name);
    onus_event_text(b, g->groups[0], "fairness.%s.average_odds_difference.first", g->name);
    onus_event_text(b, g->groups[1], "fairness.%s.average_odds_difference.second", g->name);
}

/* ---- the two tasks ----------------------------------------------------------------------- */

onus_status onus_fairness_two(const tally *t, const onus_partition *g, onus_event_builder *b,
                              onus_arena *arena, onus_err *err)
{
    onus_rates selection, tpr, fpr;
    onus_status st = ONUS_OK;
    for (int64_t i = 0; i < g->n_groups; i++) {
        onus_event_int(b, (int64_t)t[i].n, "fairness.%s.group.%s.n", g->name, g->groups[i]);
        onus_event_int(b, (int64_t)t[i].positives, "fairness.%s.group.%s.positives", g->name,
                       g->groups[i]);
        onus_event_int(b, (int64_t)t[i].selected, "fairness.%s.group.%s.selected", g->name,
                       g->groups[i]);
        for (rate r = 0; r < N_RATES; r++) put_rate(b, g, i, &t[i], r);
    }
    onus_fairness_withheld(b, g, "positives");
    onus_fairness_withheld(b, g, "selected");
    for (rate r = 0; r < N_RATES; r++) onus_fairness_withheld(b, g, rates[r].name);
    ONUS_TRY(collect(&selection, t, g, SELECTION, arena, err));
    ONUS_TRY(collect(&tpr, t, g, TPR, arena, err));
    ONUS_TRY(collect(&fpr, t, g, FPR, arena, err));
    ONUS_TRY(put_gaps(b, g, &selection, "demographic_parity_difference",
                      "demographic_parity_ratio", arena, err));
    ONUS_TRY(put_gaps(b, g, &tpr, "equal_opportunity_difference", "equal_opportunity_ratio",
                      arena, err));
    ONUS_TRY(put_odds(b, g, &tpr, &fpr, arena, err));
    put_average_odds(b, g, t);
done:
    return st;
}

onus_status onus_fairness_more(const tally *t, const onus_partition *g, onus_event_builder *b,
                               onus_arena *arena, onus_err *err)
{
    onus_rates accuracy;
    for (int64_t i = 0; i < g->n_groups; i++) {
        onus_event_int(b, (int64_t)t[i].n, "fairness.%s.group.%s.n", g->name, g->groups[i]);
        put_rate(b, g, i, &t[i], ACCURACY);
    }
    onus_fairness_withheld(b, g, rates[ACCURACY].name);
    onus_status st = collect(&accuracy, t, g, ACCURACY, arena, err);
    if (st == ONUS_OK)
        st = put_gaps(b, g, &accuracy, "accuracy_difference", "accuracy_ratio", arena, err);
    if (st == ONUS_OK)
        onus_fairness_undefined(b, g, "defined for decisions between two classes");
    return st;
}

onus_status onus_fairness_binary(const onus_predictions *p, const onus_partition *g,
                                 onus_event_builder *b, onus_arena *arena, onus_err *err)
{
    const tally *t = count(p, g, arena);
    return t ? onus_fairness_two(t, g, b, arena, err) : onus_fail_mem(err, "fairness");
}

onus_status onus_fairness_classes(const onus_predictions *p, const onus_partition *g,
                                  onus_event_builder *b, onus_arena *arena, onus_err *err)
{
    const tally *t = count(p, g, arena);
    return t ? onus_fairness_more(t, g, b, arena, err) : onus_fail_mem(err, "fairness");
}
