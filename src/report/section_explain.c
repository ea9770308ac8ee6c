/* SPDX-License-Identifier: Apache-2.0
 * section_explain.c - what the score depends on: mean absolute Shapley values by column. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

enum { SHOWN = 12, ROW = 34 };

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

static weight weight_of(onus_page *p, onus_fact columns, onus_fact prot, int64_t i)
{
    char part[2048];
    weight w = {.column = onus_fact_item_text(columns, (size_t)i)};
    w.is_protected = listed(prot, w.column);
    if (onus_name_part(part, sizeof part, w.column, NULL) != ONUS_OK) return w;
    w.value = onus_page_fact(p, "explain.%s.mean_abs", part);
    w.se = onus_page_fact(p, "explain.%s.mean_abs.se", part);
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

static void chart(onus_page *p, onus_fact columns, onus_fact prot, int64_t n)
{
    double top = 0, v, se;
    for (int64_t i = 0; i < n; i++) {
        const weight w = weight_of(p, columns, prot, i);
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
        const weight w = weight_of(p, columns, prot, i);
        chart_row(&c, &w, i);
    }
    onus_chart_close(&c);
    onus_page_raw(p, "<figcaption>");
    ONUS_FILL(p, ONUS_TEXT_EXPLAIN_CAPTION, ONUS_PEOPLE(onus_page_fact(p, "explain.rows")),
              ONUS_PEOPLE(onus_page_fact(p, "explain.background")));
    onus_page_raw(p, "</figcaption></figure>\n");
}

static void all_numbers(onus_page *p, onus_fact columns, onus_fact prot)
{
    static const onus_heading heads[] = {
        {ONUS_TEXT_COLUMN, ""}, {ONUS_TEXT_MEAN_ABS, "num"}, {ONUS_TEXT_STANDARD_ERROR, "num"}};
    onus_details_open(p, ONUS_TEXT_NUMBERS);
    onus_table_open(p, "small", heads, sizeof heads / sizeof *heads);
    for (int64_t i = 0; i < (int64_t)onus_fact_size(columns); i++) {
        const weight w = weight_of(p, columns, prot, i);
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

static void words(onus_page *p, onus_fact columns, onus_fact prot)
{
    const weight w = weight_of(p, columns, prot, 0);
    double exact = 0;
    const onus_fact share = onus_page_fact(p, "explain.exact");
    onus_page_raw(p, "<div><p>");
    ONUS_FILL(p, ONUS_TEXT_EXPLAIN_TOP, ONUS_ANY(w.column), ONUS_NUMBER(w.value, 3));
    onus_page_raw(p, "</p><p>");
    for (size_t i = 0; i < onus_fact_size(prot); i++) {
        const weight of = weight_of(p, prot, prot, (int64_t)i);
        onus_page_raw(p, i ? " " : "");
        ONUS_FILL(p, ONUS_TEXT_EXPLAIN_PROTECTED, ONUS_ANY(of.column),
                  ONUS_NUMBER(of.value, 3));
    }
    if (onus_fact_size(prot) > 0) onus_page_say(p, ONUS_TEXT_EXPLAIN_PROXY);
    onus_page_raw(p, "</p><p class=\"note\">");
    ONUS_FILL(p, ONUS_TEXT_EXPLAIN_METHOD, ONUS_WORD(onus_page_fact(p, "explain.method")),
              ONUS_NUMBER(onus_page_fact(p, "explain.residual"), 3));
    if (onus_fact_real(share, &exact) && exact < 1)
        ONUS_FILL(p, ONUS_TEXT_EXPLAIN_ERROR, ONUS_NUMBER(share, 3),
                  ONUS_NUMBER(onus_page_fact(p, "explain.std_error.max"), 4));
    onus_page_raw(p, "</p></div>");
}

void onus_section_explain(onus_page *p)
{
    const onus_fact columns = onus_page_fact(p, "explain.columns"),
                    prot = onus_page_fact(p, "explain.protected");
    const int64_t n = (int64_t)onus_fact_size(columns);
    onus_section_open(p, "explanation", ONUS_TEXT_EXPLANATION);
    if (n == 0) {
        onus_paragraph(p, onus_fact_is(onus_page_fact(p, "run.explain"), "off")
                              ? ONUS_TEXT_EXPLAIN_OFF
                              : ONUS_TEXT_EXPLAIN_ABSENT);
    } else {
        onus_paragraph(p, ONUS_TEXT_EXPLAIN_INTRO);
        onus_page_raw(p, "<div class=\"two\">");
        chart(p, columns, prot, n < SHOWN ? n : SHOWN);
        words(p, columns, prot);
        onus_page_raw(p, "</div>");
        all_numbers(p, columns, prot);
    }
    onus_section_close(p);
}
