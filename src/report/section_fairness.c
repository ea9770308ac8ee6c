/* SPDX-License-Identifier: Apache-2.0
 * section_fairness.c - groups of protected attributes: rates with intervals, gaps with theirs,
 * and what is undefined because a group has nobody to count. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

enum { GROUPS_MAX = 100, DRAWN_MAX = 24, ROW = 44 };

onus_fairness_about onus_fairness_of(onus_page *p, const onus_entry *e)
{
    const char *key;
    json_t *v;
    onus_fairness_about none = {"", "", NULL};
    json_object_foreach(e->claim, key, v)
    {
        const char *inner = onus_name_in_label(key);
        const size_t n = strncmp(inner, "fairness.", 9) == 0 ? strcspn(inner + 9, ".") : 0,
                     before = (size_t)(inner - key);
        if (n == 0 || strncmp(inner + 9 + n, ".group", 6) != 0) continue;
        const onus_fairness_about about = {
            onus_arena_printf(&p->arena, "%.*s", (int)(before + 9 + n), key),
            onus_arena_printf(&p->arena, "%.*s", (int)n, inner + 9),
            before ? onus_arena_printf(&p->arena, "%.*s", (int)before - 7, key + 6) : NULL};
        if (about.name && about.attribute && (about.label || !before)) return about;
        p->st = ONUS_NO_MEM;
        return none;
    }
    return none;
}

typedef struct {
    const onus_entry *e;
    onus_fairness_about of;
    onus_parts groups; /* those that the ledger tells of */
} fairness;

static onus_fact of_group(const fairness *f, int64_t g, const char *what)
{
    return onus_entry_fact(f->e, "%s.group.%s.%s", f->of.name, f->groups.name[g], what);
}

static bool is_intersection(const fairness *f)
{
    return strchr(f->of.attribute, '+') != NULL;
}

static void read_groups(onus_page *p, const onus_entry *e, fairness *f)
{
    *f = (fairness){.e = e, .of = onus_fairness_of(p, e)};
    f->groups =
        onus_page_name_parts(p, onus_entry_fact(e, "%s.groups", f->of.name), GROUPS_MAX);
}

/* ---- rates ------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    onus_text text;
    bool share; /* between 0 and 1 */
    bool drawn; /* has a chart, where there is room */
} rate;

static const rate rates[] = {
    {"selection_rate", ONUS_TEXT_SELECTION_RATE, true, true},
    {"tpr", ONUS_TEXT_TPR, true, true},
    {"fpr", ONUS_TEXT_FPR, true, true},
    {"ppv", ONUS_TEXT_PPV, true, false},
    {"accuracy", ONUS_TEXT_ACCURACY, true, true},
    {"mean_prediction", ONUS_TEXT_MEAN_PREDICTION, false, true},
    {"mean_error", ONUS_TEXT_MEAN_ERROR, false, true},
    {"mae", ONUS_TEXT_MAE, false, true},
};
enum { N_RATES = sizeof rates / sizeof *rates, CHARTS_MAX = 3 };

static bool has_rate(const fairness *f, const rate *r)
{
    return f->groups.n > 0 && of_group(f, 0, r->name).event != 0;
}

static double bound(const fairness *f, int64_t g, const char *name, const char *end)
{
    char full[64];
    double v;
    snprintf(full, sizeof full, "%s%s", name, end);
    return onus_fact_real(of_group(f, g, full), &v) ? v : NAN;
}

/* ---- charts of groups -------------------------------------------------------------------- */

static onus_axis axis_of(const fairness *f, const rate *r, int64_t n)
{
    double lo = INFINITY, hi = -INFINITY;
    if (r->share) return onus_axis_of(0, 1, 4);
    for (int64_t g = 0; g < n; g++) {
        onus_range_widen(bound(f, g, r->name, ""), &lo, &hi);
        onus_range_widen(bound(f, g, r->name, ".lower"), &lo, &hi);
        onus_range_widen(bound(f, g, r->name, ".upper"), &lo, &hi);
    }
    return onus_axis_of(lo, hi, 3);
}

static void chart_row(onus_chart *c, const fairness *f, const rate *r, int64_t g, bool first)
{
    const double y = (double)(g * ROW), v = bound(f, g, r->name, "");
    onus_chart_text_open(c, "cat", ONUS_ANCHOR_START, 0, y + 16);
    onus_page_part(c->p, f->groups.name[g]);
    if (first) {
        onus_page_raw(c->p, "<tspan class=\"sub\" dx=\"9\">n = ");
        onus_page_count(c->p, of_group(f, g, "n"));
        onus_page_raw(c->p, "</tspan>");
    }
    onus_chart_text_close(c);
    if (!isfinite(v)) {
        onus_chart_text_open(c, "sub", ONUS_ANCHOR_END, 1, y + 16);
        onus_page_say(c->p, ONUS_TEXT_UNDEFINED);
        onus_chart_text_close(c);
        return;
    }
    onus_chart_number(c, "val", ONUS_ANCHOR_END, 1, y + 16, v, 2);
    onus_chart_span(c, "ci", bound(f, g, r->name, ".lower"), y + 29,
                    bound(f, g, r->name, ".upper"), y + 29);
    onus_chart_dot(c, "dot", v, y + 29, 5.5);
}

static void chart(onus_page *p, const fairness *f, const rate *r, bool first)
{
    const int64_t n = f->groups.n < DRAWN_MAX ? f->groups.n : DRAWN_MAX;
    const onus_axis axis = axis_of(f, r, n);
    const double bottom = (double)(n * ROW);
    onus_chart c;
    onus_page_raw(p, "<figure>");
    onus_page_tag(p, "<h4>", r->text);
    onus_chart_open(&c, p, "rows ok", bottom + 24);
    ONUS_FILL(p, ONUS_TEXT_RATE_BY, ONUS_SAY(r->text), ONUS_PART(f->of.attribute));
    onus_chart_desc(&c);
    onus_page_say(p, ONUS_TEXT_GROUPS_DESC);
    onus_chart_body(&c, 0, bottom, &axis, NULL);
    onus_chart_ticks_x(&c, &axis);
    for (int64_t g = 0; g < n; g++) chart_row(&c, f, r, g, first);
    onus_chart_close(&c);
    onus_page_raw(p, "</figure>\n");
}

static void charts(onus_page *p, const fairness *f)
{
    int n = 0;
    onus_page_raw(p, "<div class=\"multiples\">");
    for (int i = 0; i < N_RATES && n < CHARTS_MAX; i++) {
        if (!rates[i].drawn || !has_rate(f, &rates[i])) continue;
        chart(p, f, &rates[i], n == 0);
        n++;
    }
    onus_page_raw(p, "</div>\n");
    if (f->groups.n > DRAWN_MAX) onus_page_tag(p, "<p class=\"note\">", ONUS_TEXT_SOME_DRAWN);
}

/* ---- gaps -------------------------------------------------------------------------------- */

static void gap_table(onus_page *p, const fairness *f)
{
    char name[2048];
    onus_measure_table_open(p, ONUS_TEXT_GAP);
    size_t n;
    const onus_gap_measure *gaps = onus_gap_measures(p, &n);
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s.%s", f->of.name, gaps[i].suffix);
        const onus_fact v = onus_page_fact(p, "%s", name);
        if (!v.event || (onus_fact_undefined(v) && !onus_gap_applies(p, name))) continue;
        onus_page_raw(p, "<tr>");
        onus_page_tag(p, "<th scope=\"row\">", gaps[i].text);
        onus_measure_cells(p, name, gaps[i].lo, gaps[i].hi, (onus_fact){0});
        onus_page_raw(p, "</tr>\n");
    }
    onus_table_close(p);
}

/* ---- all numbers ------------------------------------------------------------------------- */

static void rate_cell(onus_page *p, const fairness *f, int64_t g, const rate *r)
{
    char full[3072];
    double v;
    snprintf(full, sizeof full, "%s.group.%s.%s", f->of.name, f->groups.name[g], r->name);
    onus_page_raw(p, "<td class=\"num\">");
    const onus_fact value = of_group(f, g, r->name);
    onus_page_number(p, value, 3);
    if (onus_fact_real(value, &v)) {
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
    for (int r = 0; r < N_RATES; r++) {
        if (has_rate(f, &rates[r])) heads[n++] = (onus_heading){rates[r].text, "num"};
    }
    onus_table_open(p, "groups", heads, n);
    for (int64_t g = 0; g < f->groups.n; g++) {
        onus_page_raw(p, "<tr><th scope=\"row\">");
        onus_page_part(p, f->groups.name[g]);
        onus_page_raw(p, "</th><td class=\"num\">");
        onus_page_count(p, of_group(f, g, "n"));
        onus_page_raw(p, "</td>");
        for (int r = 0; r < N_RATES; r++) {
            if (has_rate(f, &rates[r])) rate_cell(p, f, g, &rates[r]);
        }
        onus_page_raw(p, "</tr>\n");
    }
    onus_table_close(p);
}

/* ---- words ------------------------------------------------------------------------------- */

/* The gap in selection (else in accuracy, else in the mean error) as a sentence: who, how far,
 * and whether chance would do it. */
static void words(onus_page *p, const fairness *f)
{
    static const struct {
        const char *name;
        onus_text rate, proven, open;
    } rows[] = {
        {"demographic_parity_difference", ONUS_TEXT_SELECTION_RATE, ONUS_TEXT_SELECTION_PROVEN,
         ONUS_TEXT_SELECTION_OPEN},
        {"accuracy_difference", ONUS_TEXT_ACCURACY, ONUS_TEXT_ACCURACY_PROVEN,
         ONUS_TEXT_ACCURACY_OPEN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double gap, least = 0;
        const char *name = rows[i].name;
        const onus_fact v = onus_entry_fact(f->e, "%s.%s", f->of.name, name),
                        lo = onus_entry_fact(f->e, "%s.%s.lower", f->of.name, name),
                        hi = onus_entry_fact(f->e, "%s.%s.upper", f->of.name, name);
        const char *lowest =
            onus_fact_text(onus_entry_fact(f->e, "%s.%s.lowest", f->of.name, name));
        const char *highest =
            onus_fact_text(onus_entry_fact(f->e, "%s.%s.highest", f->of.name, name));
        if (!onus_fact_real(v, &gap) || !lowest || !highest) continue;
        const bool proven = onus_fact_real(lo, &least) && least > 0;
        onus_page_raw(p, "<p");
        onus_page_says(p, v.name, proven ? "proven" : "not-proven");
        onus_page_raw(p, ">");
        if (gap == 0 && !proven)
            ONUS_FILL(p, ONUS_TEXT_NO_GAP, ONUS_SAY(rows[i].rate), ONUS_NUMBER(lo, 3),
                      ONUS_NUMBER(hi, 3));
        else
            ONUS_FILL(p, proven ? rows[i].proven : rows[i].open, ONUS_PART(lowest),
                      ONUS_PART(highest), ONUS_NUMBER(v, 3), ONUS_NUMBER(lo, 3),
                      ONUS_NUMBER(hi, 3));
        onus_page_raw(p, "</p>");
        return;
    }
}

static void in_no_group(onus_page *p, const fairness *f)
{
    double v;
    const onus_fact n = onus_entry_fact(f->e, "%s.missing", f->of.name);
    if (!onus_fact_real(n, &v) || v <= 0) return;
    onus_page_raw(p, "<p>");
    ONUS_FILL(p, ONUS_TEXT_IN_NO_GROUP, ONUS_PEOPLE(n));
    onus_page_raw(p, "</p>");
}

static void one(onus_page *p, const onus_entry *e)
{
    fairness f;
    read_groups(p, e, &f);
    onus_page_raw(p, "<div class=\"block\"><h3>");
    if (f.of.label) {
        onus_page_part(p, f.of.label);
        onus_page_raw(p, ": ");
    }
    ONUS_FILL(p, ONUS_TEXT_BY, ONUS_PART(f.of.attribute));
    onus_page_raw(p, "</h3>");
    const bool withholds = onus_entry_fact(e, "%s.withheld", f.of.name).event != 0;
    if (withholds) onus_paragraph(p, ONUS_TEXT_GROUPS_WITHHELD);
    if (f.groups.n == 0) {
        onus_page_raw(p, "<p>");
        if (!withholds) onus_page_word(p, onus_entry_fact(e, "%s.reason", f.of.name));
        onus_page_raw(p, "</p></div>\n");
        return;
    }
    words(p, &f);
    in_no_group(p, &f);
    charts(p, &f);
    if (!is_intersection(&f)) gap_table(p, &f);
    onus_details_open(p, ONUS_TEXT_NUMBERS_BY_GROUP);
    if (is_intersection(&f)) gap_table(p, &f);
    group_table(p, &f);
    onus_details_close(p);
    onus_page_raw(p, "</div>\n");
}

void onus_section_fairness(onus_page *p)
{
    double asked = 1;
    const onus_entry *e = onus_page_entry(p, "fairness", NULL);
    const onus_fact classes = onus_page_fact(p, "data.classes");
    onus_section_open(p, "fairness", ONUS_TEXT_FAIRNESS);
    if (e) {
        onus_page_raw(p, "<p>");
        onus_page_say(p, ONUS_TEXT_FAIRNESS_INTRO);
        if (onus_fact_size(classes) == 2 &&
            onus_fact_is(onus_page_fact(p, "data.task"), "binary"))
            ONUS_FILL(p, ONUS_TEXT_SELECTED_MEANS, ONUS_ANY(onus_fact_item_text(classes, 1)));
        if (onus_page_fact(p, "data.labels").event)
            onus_page_say(p, ONUS_TEXT_SELECTED_FOR_LABEL);
        onus_page_raw(p, "</p>");
        onus_gap_list(p);
        for (; e; e = onus_page_entry(p, "fairness", e)) one(p, e);
        onus_page_tag(p, "<p class=\"note\">", ONUS_TEXT_FAIRNESS_NOTE);
    } else if (onus_fact_real(onus_page_fact(p, "run.protected"), &asked) && asked == 0) {
        onus_paragraph(p, ONUS_TEXT_PROTECTED_NONE);
    } else {
        onus_paragraph(p, ONUS_TEXT_FAIRNESS_ABSENT);
    }
    onus_section_close(p);
}
