/* SPDX-License-Identifier: Apache-2.0
 * section_policy.c - what the recipe demanded before training, and what was found. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

/* The measure that a policy's name is about: accuracy of accuracy.lower. */
static void base_name(char out[1024], const char *name)
{
    static const char *const ends[] = {".lower", ".upper"};
    snprintf(out, 1024, "%s", name);
    const size_t n = strlen(out);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const size_t m = strlen(ends[i]);
        if (n > m && strcmp(out + n - m, ends[i]) == 0) out[n - m] = '\0';
    }
}

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

static void row(onus_page *p, long long i)
{
    const onus_fact demand = onus_page_fact(p, "policy.%lld.demand", i),
                    verdict = onus_page_fact(p, "policy.%lld.verdict", i),
                    bound = onus_page_fact(p, "policy.%lld.bound", i);
    const char *name = onus_fact_text(onus_page_fact(p, "policy.%lld.name", i));
    const bool met = onus_fact_is(verdict, "met"),
               judged = met || onus_fact_is(verdict, "not met");
    const char *style = met ? "ok" : judged ? "warn" : "none";
    char base[1024];
    base_name(base, name ? name : "");
    onus_page_raw(p, "<tr><th scope=\"row\"><code>");
    onus_page_word(p, demand);
    onus_page_raw(p, "</code></th><td class=\"num\">");
    if (name && onus_name_counts_people(name))
        onus_page_people(p, onus_page_fact(p, "policy.%lld.found", i));
    else
        onus_page_number(p, onus_page_fact(p, "policy.%lld.found", i), 3);
    onus_page_raw(p, "</td><td class=\"num dim\">");
    onus_page_interval(p, base, 3);
    onus_page_raw(p, "</td><td class=\"draw\">");
    draw(p, base, bound, style);
    onus_page_printf(p, "</td><td><span class=\"chip %s\">", style);
    if (judged)
        onus_page_say(p, met ? ONUS_TEXT_MET : ONUS_TEXT_NOT_MET);
    else
        onus_page_say(p, onus_fact_is(verdict, "undefined") ? ONUS_TEXT_NOT_MET_UNDEFINED
                                                            : ONUS_TEXT_NOT_MET_ABSENT);
    onus_page_raw(p, "</span></td></tr>\n");
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
        onus_paragraph(p, onus_page_fact(p, "policy.count").event ? ONUS_TEXT_POLICY_NONE_LONG
                                                                  : ONUS_TEXT_NOT_JUDGED_LONG);
    } else {
        onus_paragraph(p, ONUS_TEXT_POLICY_INTRO);
        onus_table_open(p, "policy", heads, sizeof heads / sizeof *heads);
        for (int64_t i = 1; i <= n; i++) row(p, (long long)i);
        onus_table_close(p);
    }
    onus_section_close(p);
}
