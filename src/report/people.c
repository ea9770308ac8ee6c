/* SPDX-License-Identifier: Apache-2.0
 * people.c - the page about single people, for private/: why the model scored each of them as
 * it did. It holds what the report never may: values of rows. */
#include <math.h>
#include <stdio.h>

#include "base/fail.h"
#include "report/report.h"
#include "report/rows.h"
#include "report/sections.h"

enum { STEPS_MAX = 12, ROW = 36, TOP = 22 };

typedef struct {
    const onus_explanation *x, *other; /* other: a second column of numbers, or NULL */
    const onus_dataset *d;
    int64_t i; /* which of the explained rows */
    int64_t *order;
} person;

static double value_of(const person *w, int64_t column)
{
    return w->x->values[w->i * w->x->n_columns + column];
}

/* One bar from where the last one ended, and the thread down to the next. */
static void step_bar(onus_chart *c, int64_t k, double from, double v, bool last)
{
    const double y = TOP + (double)(k * ROW);
    char text[32];
    onus_plain_number(text, v, 3);
    onus_chart_text_open(c, "val", ONUS_ANCHOR_END, 1, y + 14);
    onus_page_raw(c->p, v > 0 ? "+" : "");
    onus_page_raw(c->p, text);
    onus_chart_text_close(c);
    onus_chart_bar(c, v < 0 ? "bar down" : "bar", from, from + v, y + 25, 10);
    if (!last) onus_chart_span(c, "join", from + v, y + 30, from + v, y + 20 + ROW);
}

static void step(onus_chart *c, const person *w, int64_t k, double from, bool last)
{
    const int64_t column = w->order[k];
    onus_chart_text_open(c, "cat", ONUS_ANCHOR_START, 0, TOP + (double)(k * ROW) + 14);
    onus_page_text_cut(c->p, onus_dataset_column(w->d, column)->name, 30);
    onus_page_raw(c->p, "<tspan class=\"sub\" dx=\"8\">");
    onus_page_text_cut(c->p, onus_dataset_text(w->d, w->x->rows[w->i], column), 24);
    onus_page_raw(c->p, "</tspan>");
    onus_chart_text_close(c);
    step_bar(c, k, from, value_of(w, column), last);
}

static void rest(onus_chart *c, const person *w, int64_t k, double from)
{
    char n[24];
    double sum = 0;
    for (int64_t i = k; i < w->x->n_columns; i++) sum += value_of(w, w->order[i]);
    snprintf(n, sizeof n, "%lld", (long long)(w->x->n_columns - k));
    onus_chart_text_open(c, "cat", ONUS_ANCHOR_START, 0, TOP + (double)(k * ROW) + 14);
    ONUS_FILL(c->p, ONUS_TEXT_OTHER_COLUMNS, ONUS_ANY(n));
    onus_chart_text_close(c);
    step_bar(c, k, from, sum, true);
}

/* The axis holds every step of the way from base to score. */
static onus_axis axis_of(const person *w)
{
    double at = w->x->base[w->i], lo = at, hi = at;
    for (int64_t k = 0; k < w->x->n_columns; k++) {
        at += value_of(w, w->order[k]);
        lo = at < lo ? at : lo;
        hi = at > hi ? at : hi;
    }
    return onus_axis_of(lo, hi, 4);
}

static void base_line(onus_chart *c, const person *w)
{
    char value[32], text[96];
    onus_plain_number(value, w->x->base[w->i], 3);
    snprintf(text, sizeof text, "%s %s", onus_text_of(ONUS_TEXT_BASE_SHORT, c->p->language),
             value);
    onus_chart_ref_x(c, w->x->base[w->i], text);
}

static void waterfall(onus_page *p, const person *w)
{
    const int64_t n = w->x->n_columns, shown = n <= STEPS_MAX ? n : STEPS_MAX - 1;
    const onus_axis axis = axis_of(w);
    const double bottom = TOP + (double)((n > shown ? shown + 1 : shown) * ROW) + 4;
    double at = w->x->base[w->i];
    onus_chart c;
    onus_page_raw(p, "<figure class=\"waterfall\">");
    onus_chart_open(&c, p, "rows", bottom + 24);
    onus_page_say(p, ONUS_TEXT_WATERFALL);
    onus_chart_desc(&c);
    onus_page_say(p, w->x->relevance ? ONUS_TEXT_RELEVANCE_WATERFALL_DESC
                                     : ONUS_TEXT_WATERFALL_DESC);
    onus_chart_body(&c, TOP, bottom, &axis, NULL);
    onus_chart_ticks_x(&c, &axis);
    base_line(&c, w);
    for (int64_t k = 0; k < shown; k++) {
        step(&c, w, k, at, k + 1 == n);
        at += value_of(w, w->order[k]);
    }
    if (n > shown) rest(&c, w, shown, at);
    onus_chart_close(&c);
    onus_page_raw(p, "</figure>\n");
}

void onus_row_number(onus_page *p, double v, int decimals)
{
    char text[32];
    onus_plain_number(text, v, decimals);
    if (isfinite(v))
        onus_page_raw(p, text);
    else
        onus_page_tag(p, "<span class=\"lack\">", ONUS_TEXT_UNDEFINED);
}

static void all_values(onus_page *p, const person *w)
{
    onus_heading heads[5] = {{ONUS_TEXT_COLUMN, ""}, {ONUS_TEXT_ROW_VALUE, ""}};
    size_t n_heads = 2;
    if (!w->x->relevance) {
        heads[n_heads++] = (onus_heading){ONUS_TEXT_SHAPLEY, "num"};
        heads[n_heads++] = (onus_heading){ONUS_TEXT_STANDARD_ERROR, "num"};
    }
    if (w->x->relevance || w->other)
        heads[n_heads++] = (onus_heading){ONUS_TEXT_RELEVANCE, "num"};
    onus_details_open(p, ONUS_TEXT_NUMBERS);
    onus_table_open(p, "small", heads, n_heads);
    for (int64_t k = 0; k < w->x->n_columns; k++) {
        const int64_t c = w->order[k];
        onus_page_raw(p, "<tr><th scope=\"row\">");
        onus_page_text(p, onus_dataset_column(w->d, c)->name);
        onus_page_raw(p, "</th><td>");
        onus_page_text(p, onus_dataset_text(w->d, w->x->rows[w->i], c));
        onus_page_raw(p, "</td><td class=\"num\">");
        onus_row_number(p, value_of(w, c), 4);
        if (!w->x->relevance) {
            onus_page_raw(p, "</td><td class=\"num\">");
            onus_row_number(p, w->x->std_error[w->i * w->x->n_columns + c], 4);
        }
        if (w->other) {
            onus_page_raw(p, "</td><td class=\"num\">");
            onus_row_number(p, w->other->values[w->i * w->x->n_columns + c], 4);
        }
        onus_page_raw(p, "</td></tr>\n");
    }
    onus_table_close(p);
    onus_details_close(p);
}

/* Which of several labels is explained, else 0. */
static int64_t label_of(const onus_explanation *x, const onus_dataset *d)
{
    return onus_dataset_task(d) == ONUS_TASK_LABELS ? x->output : 0;
}

void onus_row_label(onus_page *p, const onus_explanation *x, int64_t i, const onus_dataset *d)
{
    float of[ONUS_LABELS_MAX] = {0};
    char text[32];
    const int64_t row = x->rows[i], l = label_of(x, d);
    if (onus_dataset_has_labels(d)) onus_dataset_fetch(d, &row, 1, NULL, of, NULL);
    const float y = of[l];
    if (!onus_dataset_has_labels(d) ||
        (y < 0 && onus_dataset_task(d) != ONUS_TASK_REGRESSION)) {
        onus_page_say(p, ONUS_TEXT_NOT_SAID);
    } else if (onus_dataset_task(d) == ONUS_TASK_REGRESSION) {
        onus_plain_number(text, (double)y, 3);
        onus_page_raw(p, text);
    } else {
        onus_page_text(p, onus_dataset_class_name(d, l * onus_dataset_classes(d) + (int64_t)y));
    }
}

static void one(onus_page *p, const person *w)
{
    char line[24];
    double sum = w->x->base[w->i];
    for (int64_t c = 0; c < w->x->n_columns; c++) sum += value_of(w, c);
    snprintf(line, sizeof line, "%lld", (long long)onus_dataset_line(w->d, w->x->rows[w->i]));
    onus_page_raw(p, "<section><h2>");
    ONUS_FILL(p, ONUS_TEXT_PERSON, ONUS_ANY(line));
    onus_page_raw(p, "</h2><dl class=\"meta\">");
    onus_term_open(p, ONUS_TEXT_SCORE);
    onus_row_number(p, w->x->score[w->i], 4);
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_BASE);
    onus_row_number(p, w->x->base[w->i], 4);
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_LABEL);
    onus_row_label(p, w->x, w->i, w->d);
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_ADDITIVITY);
    onus_row_number(p, sum - w->x->score[w->i], 3);
    onus_term_close(p);
    onus_page_raw(p, "</dl>");
    waterfall(p, w);
    all_values(p, w);
    onus_section_close(p);
}

onus_status onus_report_people(const onus_explanation *e, const onus_explanation *other,
                               const onus_dataset *d, const char *run_name, const int64_t *show,
                               int64_t n_show, onus_buf *out, const onus_allocator *mem,
                               onus_err *err)
{
    onus_page p = {.out = out, .language = ONUS_ENGLISH};
    onus_arena_init(&p.arena, mem);
    int64_t *order = onus_alloc(mem, (size_t)e->n_columns + 1, sizeof *order);
    if (!order) return onus_fail_mem(err, "explanations");
    onus_document_open(&p, ONUS_TEXT_PEOPLE_TITLE, run_name);
    onus_page_raw(&p, "<header>");
    onus_page_tag(&p, "<p class=\"eyebrow\">", ONUS_TEXT_PEOPLE_TITLE);
    onus_page_raw(&p, "<h1>");
    onus_page_text(&p, run_name);
    onus_page_raw(&p, "</h1>");
    onus_page_tag(&p, "<p class=\"alarm\">", ONUS_TEXT_PEOPLE_WARNING);
    onus_page_raw(&p, "<p class=\"lead\">");
    onus_page_say(&p, ONUS_TEXT_PEOPLE_LEAD);
    if (onus_dataset_task(d) == ONUS_TASK_BINARY)
        ONUS_FILL(&p, e->relevance ? ONUS_TEXT_SCORE_IS_ODDS : ONUS_TEXT_SCORE_IS,
                  ONUS_ANY(onus_dataset_class_name(d, 1)));
    if (onus_dataset_task(d) == ONUS_TASK_LABELS)
        ONUS_FILL(&p, e->relevance ? ONUS_TEXT_SCORE_IS_ODDS : ONUS_TEXT_SCORE_IS,
                  ONUS_ANY(onus_dataset_label_name(d, label_of(e, d))));
    onus_page_raw(&p, "</p></header><main>\n");
    onus_status st = ONUS_OK;
    for (int64_t k = 0; st == ONUS_OK && k < n_show; k++) {
        const person w = {.x = e, .other = other, .d = d, .i = show[k], .order = order};
        st = onus_explain_order(e->values + w.i * e->n_columns, e->n_columns, order, mem, err);
        if (st == ONUS_OK) one(&p, &w);
    }
    onus_page_raw(&p, "</main>");
    onus_document_close(&p);
    onus_free(mem, order);
    onus_arena_release(&p.arena);
    if (st != ONUS_OK) return st;
    if (p.st == ONUS_NO_MEM) return onus_fail_mem(err, "explanations");
    if (p.st != ONUS_OK)
        return onus_fail(err, p.st, "explanations: a text of the table is broken");
    return onus_buf_status(out, "explanations", err);
}
