/* SPDX-License-Identifier: Apache-2.0
 * section_explain.c - what the score depends on: mean absolute Shapley values and relevance by
 * column, a map of them by place in a picture, and where in texts they lie. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

enum { SHOWN = 12, ROW = 34 };

/* One explanation. */
typedef struct {
    const char
        *by; /* what the names of its facts begin with: "explain", "label.NAME.relevance" */
    bool relevance;
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
    w.value = onus_page_fact(p, "%s.%s.mean_abs", x->by, part);
    w.se = onus_page_fact(p, "%s.%s.mean_abs.se", x->by, part);
    return w;
}

/* The heaviest of a list of columns, whatever its order; NULL column: none has a weight. */
static weight heaviest_of(onus_page *p, const explained *x)
{
    double most = -1, v;
    weight found = {.column = NULL};
    for (int64_t i = 0; i < (int64_t)onus_fact_size(x->columns); i++) {
        const weight w = weight_of(p, x, x->columns, i);
        if (!onus_fact_real(w.value, &v) || v <= most) continue;
        most = v;
        found = w;
    }
    return found;
}

bool onus_heaviest(onus_page *p, const char *by, char full[2048], char column[2048],
                   const char **label)
{
    const onus_parts labels = onus_page_labels(p);
    double most = -1, v;
    *label = NULL;
    for (int64_t l = 0; l < labels.n || l == 0; l++) {
        char name[1100];
        snprintf(name, sizeof name, "%s%s%s%s", labels.n ? "label." : "",
                 labels.n ? labels.name[l] : "", labels.n ? "." : "", by);
        const explained x = {.by = name, .columns = onus_page_fact(p, "%s.columns", name)};
        const weight w = heaviest_of(p, &x);
        if (!w.column || !onus_fact_real(w.value, &v) || v <= most ||
            onus_name_part(column, 2048, w.column, NULL) != ONUS_OK)
            continue;
        most = v;
        snprintf(full, 2048, "%s", w.value.name);
        *label = labels.n ? labels.name[l] : NULL;
    }
    return most >= 0;
}

static void chart_row(onus_chart *c, const weight *w, int64_t i)
{
    const double y = (double)(i * ROW);
    double v = 0, se = 0;
    const bool known = onus_fact_real(w->value, &v);
    onus_chart_text_open(c, "cat", ONUS_ANCHOR_START, 0, y + 13);
    onus_page_text_cut(c->p, w->column, 36);
    if (w->is_protected) {
        onus_page_raw(c->p, "<tspan class=\"sub\" dx=\"8\">");
        onus_page_say(c->p, ONUS_TEXT_PROTECTED);
        onus_page_raw(c->p, "</tspan>");
    }
    if (!known) {
        onus_page_raw(c->p, "<tspan class=\"sub\" dx=\"8\">");
        onus_page_say(c->p, ONUS_TEXT_UNDEFINED);
        onus_page_raw(c->p, "</tspan>");
    }
    onus_chart_text_close(c);
    if (!known) return;
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
    onus_page_say(p, x->relevance ? ONUS_TEXT_RELEVANCE_DESC : ONUS_TEXT_EXPLAIN_DESC);
    onus_chart_body(&c, 0, bottom, &axis, NULL);
    onus_chart_ticks_x(&c, &axis);
    for (int64_t i = 0; i < n; i++) {
        const weight w = weight_of(p, x, x->columns, i);
        chart_row(&c, &w, i);
    }
    onus_chart_close(&c);
    onus_page_raw(p, "<figcaption>");
    ONUS_FILL(p, x->relevance ? ONUS_TEXT_RELEVANCE_CAPTION : ONUS_TEXT_EXPLAIN_CAPTION,
              ONUS_PEOPLE(onus_page_fact(p, "%s.rows", x->by)),
              ONUS_PEOPLE(onus_page_fact(p, "%s.background", x->by)));
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

static void shapley_method(onus_page *p, const explained *x)
{
    double exact = 0;
    const onus_fact share = onus_page_fact(p, "%s.exact", x->by);
    onus_page_raw(p, "<p class=\"note\">");
    ONUS_FILL(p, ONUS_TEXT_EXPLAIN_METHOD, ONUS_WORD(onus_page_fact(p, "%s.method", x->by)),
              ONUS_NUMBER(onus_page_fact(p, "%s.residual", x->by), 3));
    if (onus_fact_real(share, &exact) && exact < 1)
        ONUS_FILL(p, ONUS_TEXT_EXPLAIN_ERROR, ONUS_NUMBER(share, 3),
                  ONUS_NUMBER(onus_page_fact(p, "%s.std_error.max", x->by), 4));
    onus_page_raw(p, "</p>");
}

static void relevance_method(onus_page *p, const explained *x)
{
    const onus_fact agrees = onus_page_fact(p, "%s.agreement", x->by);
    onus_page_raw(p, "<p class=\"note\">");
    ONUS_FILL(p, ONUS_TEXT_RELEVANCE_INTRO, ONUS_WORD(onus_page_fact(p, "%s.of", x->by)),
              ONUS_WORD(onus_page_fact(p, "%s.reference", x->by)));
    onus_page_raw(p, "</p><p class=\"note\">");
    ONUS_FILL(p, ONUS_TEXT_RELEVANCE_RESIDUAL,
              ONUS_NUMBER(onus_page_fact(p, "%s.residual", x->by), 3),
              ONUS_NUMBER(onus_page_fact(p, "%s.shared.mean", x->by), 3));
    if (agrees.event)
        ONUS_FILL(p, ONUS_TEXT_RELEVANCE_AGREES, ONUS_NUMBER(agrees, 3),
                  ONUS_PEOPLE(onus_page_fact(p, "%s.agreement.n", x->by)));
    onus_page_raw(p, "</p>");
}

static void method(onus_page *p, const explained *x)
{
    if (x->relevance)
        relevance_method(p, x);
    else
        shapley_method(p, x);
}

static void words(onus_page *p, const explained *x)
{
    const weight w = heaviest_of(p, x);
    const bool some = onus_page_fact(p, "%s.withheld", x->by).event != 0;
    double most = 0;
    onus_page_raw(p, "<div><p>");
    if (!w.column || !onus_fact_real(w.value, &most))
        onus_page_say(p, ONUS_TEXT_EXPLAIN_NO_WEIGHT);
    else if (most > 0)
        ONUS_FILL(p, some ? ONUS_TEXT_EXPLAIN_TOP_TOLD : ONUS_TEXT_EXPLAIN_TOP,
                  ONUS_ANY(w.column), ONUS_NUMBER(w.value, 3));
    else
        onus_page_say(p, some ? ONUS_TEXT_EXPLAIN_ALL_ZERO_TOLD : ONUS_TEXT_EXPLAIN_ALL_ZERO);
    onus_page_raw(p, some ? " " : "");
    if (some) onus_page_say(p, ONUS_TEXT_EXPLAIN_WITHHELD);
    onus_page_raw(p, "</p><p>");
    for (size_t i = 0; i < onus_fact_size(x->prot); i++) {
        const weight of = weight_of(p, x, x->prot, (int64_t)i);
        onus_page_raw(p, i ? " " : "");
        ONUS_FILL(p, ONUS_TEXT_EXPLAIN_PROTECTED, ONUS_ANY(of.column),
                  ONUS_NUMBER(of.value, 3));
    }
    if (onus_fact_size(x->prot) > 0) onus_page_say(p, ONUS_TEXT_EXPLAIN_PROXY);
    onus_page_raw(p, "</p>");
    method(p, x);
    onus_page_raw(p, "</div>");
}

/* ---- pictures ---------------------------------------------------------------------------- */

/* Cells of a map, four steps of shade. */
static void map(onus_page *p, const explained *x)
{
    enum { STEPS = 4 };
    const onus_fact cells = onus_page_fact(p, "%s.map", x->by);
    double cols = 0, top = 0, v;
    if (!onus_fact_real(onus_page_fact(p, "%s.map.columns", x->by), &cols) || cols < 1) return;
    const size_t n = onus_fact_size(cells), w = (size_t)cols;
    for (size_t i = 0; i < n; i++)
        if (onus_fact_item(cells, i, &v) && v > top) top = v;
    char largest[32];
    onus_plain_number(largest, top, 3);
    onus_page_raw(p, "<figure>");
    onus_page_tag(p, "<h3>", ONUS_TEXT_MAP_HEADING);
    onus_page_printf(p,
                     "<svg class=\"heat\" viewBox=\"0 0 %d %d\" width=\"224\" "
                     "height=\"224\" role=\"img\"><title>",
                     (int)w, (int)(n / w));
    onus_page_say(p, ONUS_TEXT_MAP_HEADING);
    onus_page_raw(p, "</title><desc>");
    onus_page_say(p, ONUS_TEXT_MAP_DESC);
    onus_page_raw(p, "</desc>");
    for (size_t i = 0; i < n; i++) {
        if (!onus_fact_item(cells, i, &v) || !(top > 0)) continue;
        const int step = (int)ceil(v / top * STEPS), x0 = (int)(i % w), y0 = (int)(i / w);
        if (step > 0)
            onus_page_printf(p, "<path class=\"up t%d\" d=\"M%d %d L%d %d L%d %d L%d %d\"/>",
                             step, x0, y0, x0 + 1, y0, x0 + 1, y0 + 1, x0, y0 + 1);
    }
    onus_page_raw(p, "</svg><figcaption>");
    ONUS_FILL(p, ONUS_TEXT_MAP_CAPTION, ONUS_PEOPLE(onus_page_fact(p, "%s.rows", x->by)),
              ONUS_ANY(largest));
    onus_page_raw(p, "</figcaption></figure>\n");
}

/* ---- texts ------------------------------------------------------------------------------- */

/* The shares of both ways side by side; either may be NULL. */
static void text_rows(onus_page *p, const explained *shapley, const explained *relevance)
{
    static const struct {
        const char *name;
        onus_text text;
    } rows[] = {{"place.1.share", ONUS_TEXT_SHARES_PLACE_1},
                {"place.2.share", ONUS_TEXT_SHARES_PLACE_2},
                {"place.3.share", ONUS_TEXT_SHARES_PLACE_3},
                {"place.4.share", ONUS_TEXT_SHARES_PLACE_4},
                {"unknown.share", ONUS_TEXT_SHARES_UNKNOWN},
                {"largest.share", ONUS_TEXT_SHARES_LARGEST},
                {"largest_three.share", ONUS_TEXT_SHARES_LARGEST_3}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        onus_page_raw(p, "<tr><th scope=\"row\">");
        onus_page_say(p, rows[i].text);
        onus_page_raw(p, "</th>");
        for (int way = 0; way < 2; way++) {
            const explained *x = way ? relevance : shapley;
            if (!x) continue;
            onus_page_raw(p, "<td class=\"num\">");
            onus_page_percent(p, onus_page_fact(p, "%s.%s", x->by, rows[i].name));
            onus_page_raw(p, "</td>");
        }
        onus_page_raw(p, "</tr>\n");
    }
}

static void texts(onus_page *p, const explained *shapley, const explained *relevance)
{
    const char *by = (shapley ? shapley : relevance)->by;
    onus_heading heads[3] = {{ONUS_TEXT_SHARES_HEAD, ""}};
    size_t n = 1;
    if (shapley) heads[n++] = (onus_heading){ONUS_TEXT_SHAPLEY, "num"};
    if (relevance) heads[n++] = (onus_heading){ONUS_TEXT_RELEVANCE, "num"};
    onus_page_raw(p, "<p>");
    ONUS_FILL(p, ONUS_TEXT_SHARES_INTRO, ONUS_PEOPLE(onus_page_fact(p, "%s.texts", by)),
              ONUS_NUMBER(onus_page_fact(p, "%s.tokens", by), 1));
    onus_page_raw(p, " ");
    onus_page_say(p, ONUS_TEXT_SHARES_ELSEWHERE);
    onus_page_raw(p, "</p><div class=\"two\"><div>");
    onus_table_open(p, "small", heads, n);
    text_rows(p, shapley, relevance);
    onus_table_close(p);
    onus_page_raw(p, "</div><div><p class=\"note\">");
    ONUS_FILL(p, ONUS_TEXT_SHARES_UNKNOWN_TOKENS,
              ONUS_PERCENT(onus_page_fact(p, "%s.unknown.tokens", by)));
    onus_page_raw(p, "</p>");
    if (shapley) method(p, shapley);
    if (relevance) method(p, relevance);
    onus_page_raw(p, "</div></div>");
}

/* ---- the section ------------------------------------------------------------------------- */

static void columns(onus_page *p, const explained *x)
{
    const int64_t n = (int64_t)onus_fact_size(x->columns);
    if (x->relevance) onus_page_tag(p, "<h3>", ONUS_TEXT_RELEVANCE_HEADING);
    onus_page_raw(p, "<div class=\"two\">");
    if (onus_page_fact(p, "%s.map", x->by).event) { /* a pixel's name says nothing */
        map(p, x);
        onus_page_raw(p, "<div>");
        method(p, x);
        onus_page_raw(p, "</div></div>");
        return;
    }
    chart(p, x, n < SHOWN ? n : SHOWN);
    words(p, x);
    onus_page_raw(p, "</div>");
    all_numbers(p, x);
}

/* The explanations of one label, or of what there is where `at` is "". */
static bool one(onus_page *p, const char *at, const char *label)
{
    char by[2][1100];
    explained of[2];
    bool there[2];
    for (int way = 0; way < 2; way++) {
        snprintf(by[way], sizeof by[way], "%s%s", at, way ? "relevance" : "explain");
        of[way] = (explained){.by = by[way],
                              .relevance = way,
                              .columns = onus_page_fact(p, "%s.columns", by[way]),
                              .prot = onus_page_fact(p, "%s.protected", by[way])};
        there[way] = onus_page_fact(p, "%s.method", by[way]).event;
    }
    if (!there[0] && !there[1]) return false;
    if (label) {
        onus_page_raw(p, "<h3>");
        onus_page_part(p, label);
        onus_page_raw(p, "</h3>");
    }
    if (onus_page_fact(p, "%s.texts", by[there[0] ? 0 : 1]).event) {
        texts(p, there[0] ? &of[0] : NULL, there[1] ? &of[1] : NULL);
        return true;
    }
    for (int way = 0; way < 2; way++)
        if (there[way]) columns(p, &of[way]);
    return true;
}

void onus_section_explain(onus_page *p)
{
    bool any = false;
    const onus_parts labels = onus_page_labels(p);
    onus_section_open(p, "explanation", ONUS_TEXT_EXPLANATION);
    if (onus_page_entry(p, "explain", NULL) || onus_page_entry(p, "relevance", NULL))
        onus_paragraph(p, ONUS_TEXT_EXPLAIN_INTRO);
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
