/* SPDX-License-Identifier: Apache-2.0
 * section_policy.c - what the recipe demanded before training, and what was found. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

static void widen(onus_fact f, double *lo, double *hi)
{
    double v;
    if (onus_fact_real(f, &v)) onus_range_widen(v, lo, hi);
}

/* Rates are drawn from 0 to 1; what does not fit there, from 0, so that lengths tell how near
 * the demand was; what may be negative, over its own range. */
static void draw(onus_page *p, const char *name, onus_fact bound, const char *style)
{
    double lo = INFINITY, hi = -INFINITY;
    widen(onus_page_fact(p, "%s", name), &lo, &hi);
    widen(onus_page_fact(p, "%s.lower", name), &lo, &hi);
    widen(onus_page_fact(p, "%s.upper", name), &lo, &hi);
    widen(bound, &lo, &hi);
    if (!(lo <= hi)) return;
    if (lo >= 0 && hi <= 1) {
        lo = 0;
        hi = 1;
    } else {
        const bool from_zero = lo >= 0;
        if (from_zero) lo = 0;
        const double room = hi > lo ? (hi - lo) * 0.15 : 1;
        lo -= from_zero ? 0 : room;
        hi += room;
    }
    onus_mini_interval(p, style, name, lo, hi, bound);
}

/* What a demand that is met does not exclude: where it was on the value, or on the bound that
 * looks away, the interval may well reach beyond it. */
static void left_open(onus_page *p, const onus_judgement *j, const char *base)
{
    double far;
    const onus_gap_measure *gap = onus_gap_measure_of(p, base);
    const onus_fact lower = onus_page_fact(p, "%s.lower", base),
                    upper = onus_page_fact(p, "%s.upper", base);
    const onus_policy_op op = j->policy.op;
    const bool small = op == ONUS_OP_LT || op == ONUS_OP_LE,
               large = op == ONUS_OP_GT || op == ONUS_OP_GE;
    const onus_fact end = small ? upper : lower;
    if (!lower.event && !upper.event) return; /* what has no interval is exact */
    onus_page_raw(p, "<span class=\"sub\"");
    if ((!small && !large) || (gap && gap->has_sign)) {
        onus_page_says(p, base, "open");
        onus_page_raw(p, ">");
        ONUS_FILL(p, ONUS_TEXT_OPEN_BETWEEN, ONUS_NUMBER(lower, 3), ONUS_NUMBER(upper, 3));
    } else if (!onus_fact_real(end, &far)) {
        onus_page_says(p, base, "open-undefined");
        onus_page_raw(p, ">");
        onus_page_say(p, small ? ONUS_TEXT_OPEN_UP_UNKNOWN : ONUS_TEXT_OPEN_DOWN_UNKNOWN);
    } else if (onus_policy_holds(&j->policy, far)) {
        onus_page_says(p, base, "closed");
        onus_page_raw(p, ">");
        onus_page_say(p, ONUS_TEXT_OPEN_NOTHING);
    } else {
        const bool ratio = gap && onus_gap_is_ratio(gap);
        onus_page_says(p, base, small ? "open-up" : "open-down");
        onus_page_raw(p, ">");
        ONUS_FILL(p,
                  small   ? gap && !ratio ? ONUS_TEXT_OPEN_GAP_UP : ONUS_TEXT_OPEN_UP
                  : ratio ? ONUS_TEXT_OPEN_RATIO_DOWN
                          : ONUS_TEXT_OPEN_DOWN,
                  ONUS_APART(end, 3, j->policy.bound));
    }
    onus_page_raw(p, "</span>");
}

static void row(onus_page *p, long long i)
{
    static const onus_text words[] = {
        [ONUS_JUDGED_NONE] = ONUS_TEXT_NOT_JUDGED_SHORT,
        [ONUS_JUDGED_MET] = ONUS_TEXT_MET,
        [ONUS_JUDGED_SEEN] = ONUS_TEXT_MET_SEEN,
        [ONUS_JUDGED_OPEN] = ONUS_TEXT_NOT_JUDGED_SHORT,
        [ONUS_JUDGED_UNDEFINED] = ONUS_TEXT_NOT_MET_UNDEFINED,
        [ONUS_JUDGED_ABSENT] = ONUS_TEXT_NOT_MET_ABSENT,
        [ONUS_JUDGED_DOUBTED] = ONUS_TEXT_NOT_MET_DOUBTED,
        [ONUS_JUDGED_NOT_MET] = ONUS_TEXT_NOT_MET,
    };
    const onus_judgement j = onus_page_judgement(p, i);
    const char *style = onus_judged_style(j.is), *name = j.parsed ? j.policy.name : j.name;
    char base[1024];
    onus_measure_name(base, name);
    onus_page_raw(p, "<tr><th scope=\"row\"><code>");
    onus_page_word(p, j.demand);
    onus_page_raw(p, "</code></th><td class=\"num\">");
    if (onus_name_counts_people(name))
        onus_page_people(p, j.found);
    else
        onus_page_number_apart(p, j.found, 3, j.parsed ? j.policy.bound : NAN);
    onus_page_raw(p, "</td><td class=\"num dim\">");
    onus_page_interval(p, base, 3);
    onus_page_raw(p, "</td><td class=\"draw\">");
    draw(p, base, j.bound, style);
    onus_page_printf(p, "</td><td><span class=\"chip %s\"", style);
    onus_page_says(p, name, onus_judged_says(j.is));
    onus_page_raw(p, ">");
    const bool said = j.is == ONUS_JUDGED_SEEN && onus_policy_rests_on_said(&j.policy);
    onus_page_say(p, said ? ONUS_TEXT_MET_SAID : words[j.is]);
    onus_page_raw(p, "</span>");
    if (j.is == ONUS_JUDGED_MET || j.is == ONUS_JUDGED_SEEN) left_open(p, &j, base);
    onus_page_raw(p, "</td></tr>\n");
}

void onus_section_policy(onus_page *p)
{
    static const onus_heading heads[] = {{ONUS_TEXT_DEMAND, ""},
                                         {ONUS_TEXT_FOUND, "num"},
                                         {ONUS_TEXT_INTERVAL_95, "num"},
                                         {ONUS_TEXT_EMPTY, "draw"},
                                         {ONUS_TEXT_VERDICT, ""}};
    const int64_t n = onus_policy_count(p);
    onus_section_open(p, "policy", ONUS_TEXT_POLICY);
    if (n == 0) {
        onus_paragraph(p, onus_no_policy(p) ? ONUS_TEXT_POLICY_NONE_LONG
                                            : ONUS_TEXT_NOT_JUDGED_LONG);
    } else {
        onus_paragraph(p, ONUS_TEXT_POLICY_INTRO);
        onus_table_open(p, "policy", heads, sizeof heads / sizeof *heads);
        for (int64_t i = 1; i <= n; i++) row(p, (long long)i);
        onus_table_close(p);
    }
    onus_section_close(p);
}
