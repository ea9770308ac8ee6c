/* SPDX-License-Identifier: Apache-2.0
 * section_fairness.c - groups of protected attributes: rates with intervals, gaps with theirs,
 * and what is undefined because a group has nobody to count. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

enum { GROUPS_MAX = 64, ROW = 46 };

const char *onus_fairness_attribute(onus_page *p, const onus_entry *e)
{
    const char *key;
    json_t *v;
    json_object_foreach(e->claim, key, v)
    {
        if (strncmp(key, "fairness.", 9) != 0) continue;
        const char *name =
            onus_arena_printf(&p->arena, "%.*s", (int)strcspn(key + 9, "."), key + 9);
        if (!name) p->st = ONUS_NO_MEM;
        return name ? name : "";
    }
    return "";
}

typedef struct {
    const onus_entry *e;
    const char *attribute;
    onus_parts groups;
    const char *rate; /* what the chart shows: selection_rate, else accuracy */
    bool hide[GROUPS_MAX];
} fairness;

static onus_fact of_group(const fairness *f, int64_t g, const char *what)
{
    return onus_entry_fact(f->e, "fairness.%s.group.%s.%s", f->attribute, f->groups.name[g],
                           what);
}

static fairness fairness_of(onus_page *p, const onus_entry *e)
{
    fairness f = {.e = e, .attribute = onus_fairness_attribute(p, e)};
    char prefix[2048];
    onus_fact counts[GROUPS_MAX];
    snprintf(prefix, sizeof prefix, "fairness.%s.group.", f.attribute);
    f.groups = onus_page_list(p, onus_entry_fact(e, "fairness.%s.groups", f.attribute), e,
                              prefix, ".n");
    if (f.groups.n > GROUPS_MAX) f.groups.n = GROUPS_MAX;
    f.rate = f.groups.n > 0 && of_group(&f, 0, "selection_rate").event ? "selection_rate"
                                                                       : "accuracy";
    bool small = false;
    for (int64_t g = 0; g < f.groups.n; g++) {
        counts[g] = of_group(&f, g, "n");
        small = small || onus_fact_small(counts[g]);
    }
    onus_hide_complement(counts, f.groups.n, f.hide);
    /* Sums of an intersection over either of its attributes are printed elsewhere: one small
     * cell of it hides them all. */
    for (int64_t g = 0; g < f.groups.n && small && strchr(f.attribute, '+'); g++)
        f.hide[g] = !onus_fact_small(counts[g]);
    return f;
}

static void people(onus_page *p, const fairness *f, int64_t g)
{
    if (f->hide[g])
        onus_page_people_hidden(p, of_group(f, g, "n"));
    else
        onus_page_people(p, of_group(f, g, "n"));
}

/* "female+<25" reads "female · <25". */
static void group_name(onus_page *p, const char *name)
{
    while (*name) {
        char part[1024];
        const size_t n = strcspn(name, "+");
        snprintf(part, sizeof part, "%.*s", (int)n, name);
        onus_page_part(p, part);
        name += n;
        if (*name == '+') {
            onus_page_raw(p, " \xc2\xb7 ");
            name++;
        }
    }
}

/* ---- the chart of groups --------------------------------------------------------------------
 */

static void chart_row(onus_chart *c, const fairness *f, int64_t g)
{
    const double y = (double)(g * ROW);
    double v, lo, hi;
    const bool small = onus_fact_small(of_group(f, g, "n"));
    const bool drawn = !small && onus_fact_real(of_group(f, g, f->rate), &v);
    char name[64];
    onus_chart_text_open(c, "cat", ONUS_ANCHOR_START, 0, y + 16);
    group_name(c->p, f->groups.name[g]);
    onus_page_raw(c->p, "<tspan class=\"sub\" dx=\"8\">");
    onus_page_raw(c->p, "n = ");
    people(c->p, f, g);
    onus_page_raw(c->p, "</tspan>");
    onus_chart_text_close(c);
    if (!drawn) {
        onus_chart_text_open(c, "sub", ONUS_ANCHOR_END, 1, y + 16);
        onus_page_say(c->p, small ? ONUS_TEXT_TOO_FEW : ONUS_TEXT_UNDEFINED);
        onus_chart_text_close(c);
        return;
    }
    onus_chart_number(c, "val", ONUS_ANCHOR_END, 1, y + 16, v, 2);
    snprintf(name, sizeof name, "%s.lower", f->rate);
    const bool has = onus_fact_real(of_group(f, g, name), &lo);
    snprintf(name, sizeof name, "%s.upper", f->rate);
    if (has && onus_fact_real(of_group(f, g, name), &hi))
        onus_chart_span(c, "ci", lo, y + 29, hi, y + 29);
    onus_chart_dot(c, "dot", v, y + 29, 5.5);
}

static void chart(onus_page *p, const fairness *f)
{
    const onus_axis axis = onus_axis_of(0, 1, 4);
    const double bottom = (double)(f->groups.n * ROW);
    onus_chart c;
    onus_page_raw(p, "<figure>");
    onus_chart_open(&c, p, "rows ok", bottom + 24);
    ONUS_FILL(p, ONUS_TEXT_RATE_BY,
              ONUS_SAY(f->rate[0] == 's' ? ONUS_TEXT_SELECTION_RATE : ONUS_TEXT_ACCURACY),
              ONUS_PART(f->attribute));
    onus_chart_desc(&c);
    onus_page_say(p, ONUS_TEXT_GROUPS_DESC);
    onus_chart_body(&c, 0, bottom, &axis, NULL);
    onus_chart_ticks_x(&c, &axis);
    for (int64_t g = 0; g < f->groups.n; g++) chart_row(&c, f, g);
    onus_chart_close(&c);
    onus_page_raw(p, "<figcaption>");
    ONUS_FILL(p, ONUS_TEXT_GROUPS_CAPTION,
              ONUS_SAY(f->rate[0] == 's' ? ONUS_TEXT_SELECTION_RATE : ONUS_TEXT_ACCURACY));
    onus_page_raw(p, "</figcaption></figure>\n");
}

/* ---- gaps
 * ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    onus_text text;
    double lo;
} gaps[] = {
    {"demographic_parity_difference", ONUS_TEXT_DP_DIFFERENCE, 0},
    {"demographic_parity_ratio", ONUS_TEXT_DP_RATIO, 0},
    {"equalized_odds_difference", ONUS_TEXT_EO_DIFFERENCE, 0},
    {"equalized_odds_ratio", ONUS_TEXT_EO_RATIO, 0},
    {"equal_opportunity_difference", ONUS_TEXT_OPP_DIFFERENCE, 0},
    {"equal_opportunity_ratio", ONUS_TEXT_OPP_RATIO, 0},
    {"average_odds_difference", ONUS_TEXT_ODDS_DIFFERENCE, -1},
    {"average_absolute_odds_difference", ONUS_TEXT_ABSOLUTE_ODDS, 0},
    {"accuracy_difference", ONUS_TEXT_ACCURACY_DIFFERENCE, 0},
    {"accuracy_ratio", ONUS_TEXT_ACCURACY_RATIO, 0},
};

static void gap_table(onus_page *p, const fairness *f)
{
    static const onus_heading heads[] = {{ONUS_TEXT_GAP, ""},
                                         {ONUS_TEXT_VALUE, "num"},
                                         {ONUS_TEXT_INTERVAL_95, "num"},
                                         {ONUS_TEXT_EMPTY, "draw"}};
    char name[2048];
    onus_table_open(p, "gaps", heads, sizeof heads / sizeof *heads);
    for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
        snprintf(name, sizeof name, "fairness.%s.%s", f->attribute, gaps[i].name);
        const onus_fact v = onus_page_fact(p, "%s", name);
        if (!v.event) continue;
        onus_page_raw(p, "<tr>");
        onus_page_tag(p, "<th scope=\"row\">", gaps[i].text);
        onus_page_raw(p, "<td class=\"num\">");
        onus_page_number(p, v, 3);
        onus_page_raw(p, "</td><td class=\"num dim\">");
        onus_page_interval(p, name, 3);
        onus_page_raw(p, "</td><td class=\"draw\">");
        onus_mini_interval(p, "ok", name, gaps[i].lo, 1, (onus_fact){0});
        onus_page_raw(p, "</td></tr>\n");
    }
    onus_table_close(p);
}

/* ---- all numbers
 * ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    onus_text text;
} rates[] = {{"selection_rate", ONUS_TEXT_SELECTION_RATE},
             {"tpr", ONUS_TEXT_TPR},
             {"fpr", ONUS_TEXT_FPR},
             {"ppv", ONUS_TEXT_PPV},
             {"accuracy", ONUS_TEXT_ACCURACY}};
enum { N_RATES = sizeof rates / sizeof *rates };

/* A rate over fewer than ten people would tell their number, and says little besides. */
static void rate_cell(onus_page *p, const fairness *f, int64_t g, const char *name)
{
    char support[64], full[3072];
    snprintf(support, sizeof support, "%s.n", name);
    snprintf(full, sizeof full, "fairness.%s.group.%s.%s", f->attribute, f->groups.name[g],
             name);
    const onus_fact v = of_group(f, g, name), n = of_group(f, g, support);
    onus_page_raw(p, "<td class=\"num\">");
    if (onus_fact_small(n) || onus_fact_small(of_group(f, g, "n"))) {
        onus_page_people(p, onus_fact_small(n) ? n : of_group(f, g, "n"));
        onus_page_raw(p, "</td>");
        return;
    }
    onus_page_number(p, v, 3);
    double value;
    if (onus_fact_real(v, &value)) {
        onus_page_raw(p, "<span class=\"sub\">");
        onus_page_interval(p, full, 2);
        onus_page_raw(p, "</span>");
    }
    onus_page_raw(p, "</td>");
}

static void group_table(onus_page *p, const fairness *f)
{
    onus_heading heads[N_RATES + 2] = {{ONUS_TEXT_GROUP, ""}, {ONUS_TEXT_PEOPLE, "num"}};
    size_t n = 2;
    bool shown[N_RATES];
    for (size_t r = 0; r < N_RATES; r++) {
        shown[r] = of_group(f, 0, rates[r].name).event != 0;
        if (shown[r]) heads[n++] = (onus_heading){rates[r].text, "num"};
    }
    onus_details_open(p, ONUS_TEXT_NUMBERS_BY_GROUP);
    onus_table_open(p, "groups", heads, n);
    for (int64_t g = 0; g < f->groups.n; g++) {
        onus_page_raw(p, "<tr><th scope=\"row\">");
        group_name(p, f->groups.name[g]);
        onus_page_raw(p, "</th><td class=\"num\">");
        people(p, f, g);
        onus_page_raw(p, "</td>");
        for (size_t r = 0; r < N_RATES; r++) {
            if (shown[r]) rate_cell(p, f, g, rates[r].name);
        }
        onus_page_raw(p, "</tr>\n");
    }
    onus_table_close(p);
    onus_details_close(p);
}

static void one(onus_page *p, const onus_entry *e)
{
    const fairness f = fairness_of(p, e);
    if (f.groups.n == 0) return;
    onus_page_raw(p, "<h3>");
    group_name(p, f.attribute);
    onus_page_raw(p, "</h3><div class=\"two\">");
    chart(p, &f);
    onus_page_raw(p, "<div>");
    gap_table(p, &f);
    onus_page_raw(p, "</div></div>");
    group_table(p, &f);
}

void onus_section_fairness(onus_page *p)
{
    double asked = 1;
    const onus_entry *e = onus_page_entry(p, "fairness", NULL);
    onus_section_open(p, "fairness", ONUS_TEXT_FAIRNESS);
    if (e) {
        onus_paragraph(p, ONUS_TEXT_FAIRNESS_INTRO);
        for (; e; e = onus_page_entry(p, "fairness", e)) one(p, e);
        onus_page_tag(p, "<p class=\"note\">", ONUS_TEXT_FAIRNESS_NOTE);
    } else if (onus_fact_real(onus_page_fact(p, "run.protected"), &asked) && asked == 0) {
        onus_paragraph(p, ONUS_TEXT_PROTECTED_NONE);
    } else {
        onus_paragraph(p, ONUS_TEXT_FAIRNESS_ABSENT);
    }
    onus_section_close(p);
}
