/* SPDX-License-Identifier: Apache-2.0
 * section_training.c - how the model was fitted: settings, curves by epoch, which epoch was
 * kept. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

enum { POINTS_MAX = 400, ROWS_MAX = 40, HEIGHT = 260, TOP = 22, BOTTOM = 224 };

typedef struct {
    const onus_entry **entry; /* (n) every epoch */
    int64_t n;
    double *epoch, *train, *valid; /* (n_points), thinned for the drawing */
    int64_t n_points;
    double best; /* kept epoch, NAN */
} curve;

static double real_of(const onus_entry *e, const char *name)
{
    double v;
    return onus_fact_real(onus_entry_fact(e, "%s", name), &v) ? v : NAN;
}

static bool collect(onus_page *p, curve *c)
{
    int64_t n = 0;
    for (const onus_entry *e = NULL; (e = onus_page_entry(p, "train.epoch", e)) != NULL;) n++;
    *c = (curve){.best = NAN};
    const int64_t points = n < POINTS_MAX ? n : POINTS_MAX;
    c->entry = onus_arena_alloc(&p->arena, (size_t)n + 1, sizeof *c->entry);
    c->epoch = onus_arena_alloc(&p->arena, (size_t)points + 1, sizeof *c->epoch);
    c->train = onus_arena_alloc(&p->arena, (size_t)points + 1, sizeof *c->train);
    c->valid = onus_arena_alloc(&p->arena, (size_t)points + 1, sizeof *c->valid);
    if (!c->entry || !c->epoch || !c->train || !c->valid) {
        p->st = ONUS_NO_MEM;
        return false;
    }
    for (const onus_entry *e = NULL; (e = onus_page_entry(p, "train.epoch", e)) != NULL;)
        c->entry[c->n++] = e;
    c->n_points = points;
    for (int64_t i = 0; i < points; i++) {
        const onus_entry *e = c->entry[points > 1 ? i * (n - 1) / (points - 1) : 0];
        c->epoch[i] = real_of(e, "train.epoch");
        c->train[i] = real_of(e, "train.loss");
        c->valid[i] = real_of(e, "valid.loss");
    }
    (void)onus_fact_real(onus_page_fact(p, "train.best_epoch"), &c->best);
    return n > 0;
}

static void widen(const double *v, int64_t n, double *lo, double *hi)
{
    for (int64_t i = 0; i < n; i++) {
        if (isfinite(v[i]) && v[i] < *lo) *lo = v[i];
        if (isfinite(v[i]) && v[i] > *hi) *hi = v[i];
    }
}

/* Name of a line at its end, as far from the other one's as reading wants. */
static void line_name(onus_chart *c, const char *style, onus_text t, double y, double px)
{
    (void)y;
    onus_chart_text_open(c, style, ONUS_ANCHOR_END, 1, px);
    onus_page_say(c->p, t);
    onus_chart_text_close(c);
}

static void chart(onus_page *p, const curve *c)
{
    double lo = INFINITY, hi = -INFINITY;
    widen(c->train, c->n_points, &lo, &hi);
    widen(c->valid, c->n_points, &lo, &hi);
    if (!(lo <= hi)) return;
    const onus_axis y = onus_axis_of(lo, hi, 5);
    const onus_axis x = {.lo = c->epoch[0],
                         .hi = c->n_points > 1 ? c->epoch[c->n_points - 1] : c->epoch[0] + 1,
                         .step = 0,
                         .decimals = 0};
    onus_chart d;
    char kept[64] = "";
    onus_page_raw(p, "<figure>");
    onus_chart_open(&d, p, "plot", HEIGHT);
    onus_page_say(p, ONUS_TEXT_LOSS_BY_EPOCH);
    onus_chart_desc(&d);
    onus_page_say(p, ONUS_TEXT_LOSS_DESC);
    onus_chart_body(&d, TOP, BOTTOM, &x, &y);
    onus_chart_ticks_y(&d, &y);
    onus_chart_number(&d, "tick", ONUS_ANCHOR_START, 0, BOTTOM + 17, x.lo, 0);
    onus_chart_number(&d, "tick", ONUS_ANCHOR_END, 1, BOTTOM + 17, x.hi, 0);
    onus_chart_line(&d, "line a", c->epoch, c->train, c->n_points);
    onus_chart_line(&d, "line b", c->epoch, c->valid, c->n_points);
    if (isfinite(c->best)) {
        snprintf(kept, sizeof kept, "%s %lld", onus_text_of(ONUS_TEXT_KEPT_EPOCH, p->language),
                 (long long)c->best);
        onus_chart_ref_x(&d, c->best, kept);
    }
    onus_chart_close(&d);
    onus_page_raw(p, "<figcaption>");
    const bool has_train = isfinite(c->train[0]);
    if (has_train) onus_page_tag(p, "<span class=\"key a\">", ONUS_TEXT_TRAIN);
    if (isfinite(c->valid[0])) onus_page_tag(p, "<span class=\"key b\">", ONUS_TEXT_VALID);
    onus_page_say(p, has_train ? ONUS_TEXT_LOSS_BY_EPOCH : ONUS_TEXT_LOSS_PRIVATE);
    onus_page_raw(p, "</figcaption></figure>\n");
    (void)line_name;
}

static void epoch_table(onus_page *p, const curve *c)
{
    static const onus_heading heads[] = {
        {ONUS_TEXT_EPOCH, "num"}, {ONUS_TEXT_TRAIN_LOSS, "num"}, {ONUS_TEXT_VALID_LOSS, "num"}};
    const int64_t rows = c->n < ROWS_MAX ? c->n : ROWS_MAX;
    onus_details_open(p, c->n > ROWS_MAX ? ONUS_TEXT_NUMBERS_SOME : ONUS_TEXT_NUMBERS);
    onus_table_open(p, "small", heads, sizeof heads / sizeof *heads);
    for (int64_t k = 0; k < rows; k++) {
        const onus_entry *e = c->entry[rows > 1 ? k * (c->n - 1) / (rows - 1) : 0];
        const onus_fact train = onus_entry_fact(e, "train.loss"),
                        valid = onus_entry_fact(e, "valid.loss");
        onus_page_raw(p, "<tr><td class=\"num\">");
        onus_page_count(p, onus_entry_fact(e, "train.epoch"));
        onus_page_raw(p, "</td><td class=\"num\">");
        if (train.event) onus_page_number(p, train, 4);
        onus_page_raw(p, train.event ? "" : "\xe2\x80\x93");
        onus_page_raw(p, "</td><td class=\"num\">");
        if (valid.event) onus_page_number(p, valid, 4);
        onus_page_raw(p, valid.event ? "" : "\xe2\x80\x93");
        onus_page_raw(p, "</td></tr>\n");
    }
    onus_table_close(p);
    onus_details_close(p);
}

/* Everything that train.begin says, by its own names. */
static void settings(onus_page *p)
{
    const onus_entry *e = onus_page_entry(p, "train.begin", NULL);
    const char *key;
    json_t *v;
    if (!e) return;
    onus_page_raw(p, "<dl class=\"terms\">");
    json_object_foreach(e->claim, key, v)
    {
        const onus_fact f = {v, key, e->n};
        if (json_is_array(v)) continue;
        onus_page_raw(p, "<div><dt>");
        onus_page_text(p, strncmp(key, "train.", 6) == 0 ? key + 6 : key);
        onus_page_raw(p, "</dt><dd>");
        if (json_is_integer(v))
            onus_page_count(p, f);
        else if (json_is_number(v))
            onus_page_number(p, f, 4);
        else
            onus_page_word(p, f);
        onus_page_raw(p, "</dd></div>");
    }
    onus_page_raw(p, "</dl>\n");
}

void onus_section_training(onus_page *p)
{
    curve c;
    onus_section_open(p, "training", ONUS_TEXT_TRAINING);
    if (!collect(p, &c)) {
        onus_paragraph(p, ONUS_TEXT_TRAINING_ABSENT);
    } else {
        onus_paragraph(p, ONUS_TEXT_TRAINING_INTRO);
        onus_page_raw(p, "<div class=\"two\"><div>");
        chart(p, &c);
        epoch_table(p, &c);
        onus_page_raw(p, "</div><div>");
        settings(p);
        onus_page_raw(p, "</div></div>");
    }
    onus_section_close(p);
}
