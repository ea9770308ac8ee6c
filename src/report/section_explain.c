/* SPDX-License-Identifier: Apache-2.0
 * section_explain.c - what the score depends on: mean absolute Shapley values by column; of
 * several labels, each one's. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

enum { SHOWN = 12, ROW = 34 };

/* One explanation. */
typedef struct {
    const char *at; /* what the names of its facts begin with: "", "label.NAME." */
    onus_fact columns, prot;
} explained;

typedef struct {
    onus_fact value, se;
    const char *column;
    bool is_protected;
} weight;

static bool listed(onus_fact list, const char *name)
{
    for (size_t i = 0; i < onus_fact_size(list); i++) {
        if (strcmp(onus_fact_item_text(list, i), name) == 0) return true;
    }
    return false;
}

static weight weight_of(onus_page *p, const explained *x, onus_fact columns, int64_t i)
{
    char part[2048];
    weight w = {.column = onus_fact_item_text(columns, (size_t)i)};
    w.is_protected = listed(x->prot, w.column);
    if (onus_name_part(part, sizeof part, w.column, NULL) != ONUS_OK) return w;
    w.value = onus_page_fact(p, "%sexplain.%s.mean_abs", x->at, part);
    w.se = onus_page_fact(p, "%sexplain.%s.mean_abs.se", x->at, part);
    return w;
}

static void chart_row(onus_chart *c, const weight *w, int64_t i)
{
    const double y = (double)(i * ROW);
    double v, se = 0;
    if (!onus_fact_real(w->value, &v)) return;
    onus_chart_text_open(c, "cat", ONUS_ANCHOR_START, 0, y + 13);
    onus_page_text_cut(c->p, w->column, 36);
    if (w->is_protected) {
        onus_page_raw(c->p, "<tspan class=\"sub\" dx=\"8\">");
        onus_page_say(c->p, ONUS_TEXT_PROTECTED);
        onus_page_raw(c->p, "</tspan>");
    }
    onus_chart_text_close(c);
    onus_chart_number(c, "val", ONUS_ANCHOR_END, 1, y + 13, v, 3);
    onus_chart_bar(c, w->is_protected ? "bar prot" : "bar", 0, v, y + 23, 9);
    if (onus_fact_real(w->se, &se) && se > 0)
        onus_chart_span(c, "err", v - se, y + 23, v + se, y + 23);
}

static void chart(onus_page *p, const explained *x, int64_t n)
{
    double top = 0, v, se;
    for (int64_t i = 0; i < n; i++) {
        const weight w = weight_of(p, x, x->columns, i);
        if (!onus_fact_real(w.value, &v)) continue;
        if (onus_fact_real(w.se, &se)) v += se;
        if (v > top) top = v;
    }
    onus_axis axis = onus_axis_of(0, top, 4);
    if (axis.lo < 0) axis = onus_axis_of(0, 1, 4);
    const double bottom = (double)(n * ROW) + 4;
    onus_chart c;
    onus_page_raw(p, "<figure>");
    onus_chart_open(&c, p, "rows ok", bottom + 24);
    onus_page_say(p, ONUS_TEXT_EXPLANATION);
    onus_chart_desc(&c);
    onus_page_say(p, ONUS_TEXT_EXPLAIN_DESC);
    onus_chart_body(&c, 0, bottom, &axis, NULL);
    onus_chart_ticks_x(&c, &axis);
    for (int64_t i = 0; i < n; i++) {
        const weight w = weight_of(p, x, x->columns, i);
        chart_row(&c, &w, i);
    }
    onus_chart_close(&c);
    onus_page_raw(p, "<figcaption>");
    ONUS_FILL(p, ONUS_TEXT_EXPLAIN_CAPTION,
              ONUS_PEOPLE(onus_page_fact(p, "%sexplain.rows", x->at)),
              ONUS_PEOPLE(onus_page_fact(p, "%sexplain.background", x->at)));
    onus_page_raw(p, "</figcaption></figure>\n");
}

static void all_numbers(onus_page *p, const explained *x)
{
    static const onus_heading heads[] = {
        {ONUS_TEXT_COLUMN, ""}, {ONUS_TEXT_MEAN_ABS, "num"}, {ONUS_TEXT_STANDARD_ERROR, "num"}};
    onus_details_open(p, ONUS_TEXT_NUMBERS);
    onus_table_open(p, "small", heads, sizeof heads / sizeof *heads);
    for (int64_t i = 0; i < (int64_t)onus_fact_size(x->columns); i++) {
        const weight w = weight_of(p, x, x->columns, i);
        onus_page_raw(p, "<tr><th scope=\"row\">");
        onus_page_text(p, w.column);
        onus_page_raw(p, "</th><td class=\"num\">");
        onus_page_number(p, w.value, 4);
        onus_page_raw(p, "</td><td class=\"num\">");
        onus_page_number(p, w.se, 4);
        onus_page_raw(p, "</td></tr>\n");
    }
    onus_table_close(p);
    onus_details_close(p);
}

static void words(onus_page *p, const explained *x)
{
    const weight w = weight_of(p, x, x->columns, 0);
    double exact = 0;
    const onus_fact share = onus_page_fact(p, "%sexplain.exact", x->at);
    onus_page_raw(p, "<div><p>");
    ONUS_FILL(p, ONUS_TEXT_EXPLAIN_TOP, ONUS_ANY(w.column), ONUS_NUMBER(w.value, 3));
    onus_page_raw(p, "</p><p>");
    for (size_t i = 0; i < onus_fact_size(x->prot); i++) {
        const weight of = weight_of(p, x, x->prot, (int64_t)i);
        onus_page_raw(p, i ? " " : "");
        ONUS_FILL(p, ONUS_TEXT_EXPLAIN_PROTECTED, ONUS_ANY(of.column),
                  ONUS_NUMBER(of.value, 3));
    }
    if (onus_fact_size(x->prot) > 0) onus_page_say(p, ONUS_TEXT_EXPLAIN_PROXY);
    onus_page_raw(p, "</p><p class=\"note\">");
    ONUS_FILL(p, ONUS_TEXT_EXPLAIN_METHOD,
              ONUS_WORD(onus_page_fact(p, "%sexplain.method", x->at)),
              ONUS_NUMBER(onus_page_fact(p, "%sexplain.residual", x->at), 3));
    if (onus_fact_real(share, &exact) && exact < 1)
        ONUS_FILL(p, ONUS_TEXT_EXPLAIN_ERROR, ONUS_NUMBER(share, 3),
                  ONUS_NUMBER(onus_page_fact(p, "%sexplain.std_error.max", x->at), 4));
    onus_page_raw(p, "</p></div>");
}

static bool one(onus_page *p, const char *at, const char *label)
{
    const explained of = {.at = at,
                          .columns = onus_page_fact(p, "%sexplain.columns", at),
                          .prot = onus_page_fact(p, "%sexplain.protected", at)},
                    *x = &of;
    const int64_t n = (int64_t)onus_fact_size(x->columns);
    if (n == 0) return false;
    if (label) {
        onus_page_raw(p, "<h3>");
        onus_page_part(p, label);
        onus_page_raw(p, "</h3>");
    }
    onus_page_raw(p, "<div class=\"two\">");
    chart(p, x, n < SHOWN ? n : SHOWN);
    words(p, x);
    onus_page_raw(p, "</div>");
    all_numbers(p, x);
    return true;
}

void onus_section_explain(onus_page *p)
{
    bool any = false;
    const onus_parts labels = onus_page_labels(p);
    onus_section_open(p, "explanation", ONUS_TEXT_EXPLANATION);
    if (onus_page_entry(p, "explain", NULL)) onus_paragraph(p, ONUS_TEXT_EXPLAIN_INTRO);
    for (int64_t l = 0; l < labels.n || l == 0; l++) {
        char at[1024] = "";
        if (labels.n) snprintf(at, sizeof at, "label.%s.", labels.name[l]);
        any = one(p, at, labels.n ? labels.name[l] : NULL) || any;
    }
    if (!any)
        onus_paragraph(p, onus_fact_is(onus_page_fact(p, "run.explain"), "off")
                              ? ONUS_TEXT_EXPLAIN_OFF
                              : ONUS_TEXT_EXPLAIN_ABSENT);
    onus_section_close(p);
}
