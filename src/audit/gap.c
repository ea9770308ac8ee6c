/* SPDX-License-Identifier: Apache-2.0
 * gap.c - differences and ratios between groups, from Newcombe's interval of the difference and
 * MOVER's of the ratio of every pair.
 *
 * The true gap is that of one pair, whichever: it lies below that pair's upper bound, and so
 * below the largest upper bound of all pairs; no allowance for many pairs is needed on that
 * side. The largest of many lower bounds is another matter: of enough equal groups two will
 * seem to differ. There the 5% are shared among all pairs (Bonferroni), and, where the worse of
 * two rates is asked for, among the pairs of both. */
#include "audit/gap.h"

#include <math.h>

#include "base/buf.h"
#include "base/fail.h"

int64_t onus_rates_pairs(const onus_rates *r)
{
    int64_t groups = 0;
    for (int64_t g = 0; g < r->n; g++) groups += r->share[g].n > 0;
    return groups * (groups - 1) / 2;
}

enum { REASON_MAX = 600 };

/* "left out, no positives: a, b", then why others are withheld; NULL where nobody is left out.
 */
static onus_status name_left_out(const onus_rates *r, const char **out, onus_arena *arena,
                                 onus_err *err)
{
    onus_buf text;
    onus_buf_init(&text, arena->mem, 1 << 20);
    int64_t left_out = 0, named = 0;
    for (int64_t g = 0; g < r->n; g++) {
        if (r->share[g].n > 0) continue;
        left_out++;
        if (text.len > REASON_MAX) continue;
        if (named++ == 0)
            onus_buf_printf(&text, "left out, no %s: ", r->missing);
        else
            onus_buf_str(&text, ", ");
        onus_buf_str(&text, r->name[g]);
    }
    if (left_out > named)
        onus_buf_printf(&text, " and %lld more", (long long)(left_out - named));
    if (r->withheld)
        onus_buf_printf(&text, "%sgroups %s", left_out ? "; left out, " : "left out, ",
                        r->withheld);
    onus_status st = onus_buf_status(&text, "fairness", err);
    if (st == ONUS_OK && text.len > 0) {
        *out = onus_arena_strdup(arena, text.data);
        if (!*out) st = onus_fail_mem(err, "fairness");
    }
    onus_buf_release(&text);
    return st;
}

/* Lowest and highest rate; what the gap rests on. */
static void find_ends(onus_gap *out, const onus_rates *r, onus_share *low, onus_share *high)
{
    *low = *high = (onus_share){0, 0};
    for (int64_t g = 0; g < r->n; g++) {
        const onus_share s = r->share[g];
        if (!(s.n > 0)) continue;
        out->m.n += (int64_t)s.n;
        if (out->n_min == 0 || (int64_t)s.n < out->n_min) out->n_min = (int64_t)s.n;
        if (!out->lowest || onus_share_rate(s) < onus_share_rate(*low)) {
            *low = s;
            out->lowest = r->name[g];
        }
        if (!out->highest || onus_share_rate(s) > onus_share_rate(*high)) {
            *high = s;
            out->highest = r->name[g];
        }
    }
}

static onus_status begin_gap(onus_gap *out, const onus_rates *r, onus_share *low,
                             onus_share *high, onus_arena *arena, onus_err *err)
{
    *out = (onus_gap){.m = {.value = NAN, .ci = {NAN, NAN}}};
    onus_status st = name_left_out(r, &out->m.reason, arena, err);
    if (st != ONUS_OK) return st;
    find_ends(out, r, low, high);
    if (onus_rates_pairs(r) > 0) return ONUS_OK;
    out->lowest = out->highest = NULL;
    out->m.reason =
        onus_arena_printf(arena, "fewer than two groups have %s%s%s", r->missing,
                          out->m.reason ? "; " : "", out->m.reason ? out->m.reason : "");
    return out->m.reason ? ONUS_OK : onus_fail_mem(err, "fairness");
}

/* Of |a - b|. */
static onus_interval newcombe_folded(onus_share a, onus_share b, double z)
{
    return onus_interval_fold(onus_interval_newcombe(a, b, z));
}

onus_status onus_gap_difference(onus_gap *out, const onus_rates *r, int64_t statements,
                                onus_arena *arena, onus_err *err)
{
    onus_share low, high;
    onus_status st = begin_gap(out, r, &low, &high, arena, err);
    if (st != ONUS_OK || !out->lowest) return st;
    const double one = onus_z(1), all = onus_z(statements);
    out->m.value = onus_share_rate(high) - onus_share_rate(low);
    out->m.method = statements > 1 ? "newcombe; lower: bonferroni over pairs" : "newcombe";
    out->m.ci = (onus_interval){0, 0};
    for (int64_t g = 0; g < r->n; g++) {
        for (int64_t h = g + 1; h < r->n; h++) {
            if (!(r->share[g].n > 0) || !(r->share[h].n > 0)) continue;
            const onus_interval u = newcombe_folded(r->share[g], r->share[h], one),
                                l = newcombe_folded(r->share[g], r->share[h], all);
            out->m.ci.lower = onus_larger(out->m.ci.lower, l.lower);
            out->m.ci.upper = onus_larger(out->m.ci.upper, u.upper);
        }
    }
    if (out->m.reason) out->m.ci.upper = NAN; /* a group left out may lie anywhere */
    return ONUS_OK;
}

/* Of min(a / b, b / a). */
static onus_interval ratio_folded(onus_share a, onus_share b, double z)
{
    const onus_interval i = onus_interval_ratio(a, b, z);
    if (i.upper <= 1) return i;
    if (i.lower >= 1) return (onus_interval){1 / i.upper, 1 / i.lower};
    return (onus_interval){onus_smaller(i.lower, 1 / i.upper), 1};
}

onus_status onus_gap_ratio(onus_gap *out, const onus_rates *r, int64_t statements,
                           onus_arena *arena, onus_err *err)
{
    onus_share low, high;
    onus_status st = begin_gap(out, r, &low, &high, arena, err);
    if (st != ONUS_OK || !out->lowest) return st;
    if (high.k == 0) {
        out->lowest = out->highest = NULL;
        out->m.reason = "zero in every group: 0 / 0";
        return ONUS_OK;
    }
    const double one = onus_z(1), all = onus_z(statements);
    out->m.value = onus_share_rate(low) / onus_share_rate(high);
    out->m.method = statements > 1 ? "mover; upper: bonferroni over pairs" : "mover";
    out->m.ci = (onus_interval){1, 1};
    for (int64_t g = 0; g < r->n; g++) {
        for (int64_t h = g + 1; h < r->n; h++) {
            if (!(r->share[g].n > 0) || !(r->share[h].n > 0)) continue;
            const onus_interval l = ratio_folded(r->share[g], r->share[h], one),
                                u = ratio_folded(r->share[g], r->share[h], all);
            out->m.ci.lower = onus_smaller(out->m.ci.lower, l.lower);
            out->m.ci.upper = onus_smaller(out->m.ci.upper, u.upper);
        }
    }
    if (out->m.reason) out->m.ci.lower = NAN; /* a group left out may lie anywhere */
    return ONUS_OK;
}
