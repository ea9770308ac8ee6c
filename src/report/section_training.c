/* SPDX-License-Identifier: Apache-2.0
 * section_training.c - how the model was fitted: settings, curves by epoch, which epoch was
 * kept. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

enum { POINTS_MAX = 400, ROWS_MAX = 40, HEIGHT = 260, TOP = 22, BOTTOM = 224 };

typedef struct {
    const onus_page *p;
    int64_t *entry; /* (n) the place of every epoch in the ledger */
    int64_t n;
    double *epoch, *train, *valid; /* (n_points), thinned for the drawing */
    int64_t n_points;
    double kept; /* epoch whose parameters are the model, NAN: not known */
} curve;

static double real_of(const onus_entry *e, const char *name)
{
    double v;
    return onus_fact_real(onus_entry_fact(e, "%s", name), &v) ? v : NAN;
}

/* The k-th of n epochs spread over all: only those are parsed. */
static const onus_entry *thinned(const curve *c, int64_t k, int64_t n)
{
    return onus_log_at(c->p->log, c->entry[n > 1 ? k * (c->n - 1) / (n - 1) : 0]);
}

static bool collect(onus_page *p, curve *c)
{
    int64_t n = 0, i = 0;
    for (; (i = onus_page_next(p, "train.epoch", i)) >= 0; i++) n++;
    *c = (curve){.p = p, .kept = NAN};
    const int64_t points = n < POINTS_MAX ? n : POINTS_MAX;
    c->entry = onus_arena_alloc(&p->arena, (size_t)n + 1, sizeof *c->entry);
    c->epoch = onus_arena_alloc(&p->arena, (size_t)points + 1, sizeof *c->epoch);
    c->train = onus_arena_alloc(&p->arena, (size_t)points + 1, sizeof *c->train);
    c->valid = onus_arena_alloc(&p->arena, (size_t)points + 1, sizeof *c->valid);
    if (!c->entry || !c->epoch || !c->train || !c->valid) {
        p->st = ONUS_NO_MEM;
        return false;
    }
    for (i = 0; (i = onus_page_next(p, "train.epoch", i)) >= 0; i++) c->entry[c->n++] = i;
    c->n_points = points;
    for (i = 0; i < points; i++) {
        const onus_entry *e = thinned(c, i, points);
        c->epoch[i] = real_of(e, "train.epoch");
        c->train[i] = real_of(e, "train.loss");
        c->valid[i] = real_of(e, "train.valid_loss");
    }
    (void)onus_fact_real(onus_page_fact(p, "train.kept_epoch"), &c->kept);
    return n > 0;
}

/* The last finite value, where a line's name stands. */
static double last_of(const double *v, int64_t n)
{
    while (n > 0 && !isfinite(v[n - 1])) n--;
    return n > 0 ? v[n - 1] : NAN;
}

static void line_name(onus_chart *d, const char *style, onus_text t, double y, bool above)
{
    if (!isfinite(y)) return;
    const double share = (y - d->y0) / (d->y1 - d->y0);
    onus_chart_text_open(d, style, ONUS_ANCHOR_END, 1,
                         d->bottom - share * (d->bottom - d->top) + (above ? -9 : 19));
    onus_page_say(d->p, t);
    onus_chart_text_close(d);
}

static void draw(onus_chart *d, const curve *c)
{
    const double train = last_of(c->train, c->n_points), valid = last_of(c->valid, c->n_points);
    char kept[96], number[32];
    onus_chart_line(d, "line a", c->epoch, c->train, c->n_points);
    onus_chart_line(d, "line b", c->epoch, c->valid, c->n_points);
    line_name(d, "name a", ONUS_TEXT_TRAIN, train, !(train < valid));
    line_name(d, "name b", ONUS_TEXT_VALID, valid, !(valid <= train));
    if (!isfinite(c->kept)) return;
    onus_plain_number(number, c->kept, 0);
    snprintf(kept, sizeof kept, "%s %s", onus_text_of(ONUS_TEXT_KEPT_EPOCH, d->p->language),
             number);
    onus_chart_ref_x(d, c->kept, kept);
}

static void chart(onus_page *p, const curve *c)
{
    double lo = INFINITY, hi = -INFINITY;
    for (int64_t i = 0; i < c->n_points; i++) {
        onus_range_widen(c->train[i], &lo, &hi);
        onus_range_widen(c->valid[i], &lo, &hi);
    }
    if (!(lo <= hi)) return;
    const onus_axis y = onus_axis_of(lo, hi, 5);
    double first = INFINITY, last = -INFINITY;
    for (int64_t i = 0; i < c->n_points; i++) onus_range_widen(c->epoch[i], &first, &last);
    if (!(first <= last)) return;
    const onus_axis x = {.lo = first, .hi = first < last ? last : first + 1};
    onus_chart d;
    onus_page_raw(p, "<figure>");
    onus_chart_open(&d, p, "plot", HEIGHT);
    onus_page_say(p, ONUS_TEXT_LOSS_BY_EPOCH);
    onus_chart_desc(&d);
    onus_page_say(p, ONUS_TEXT_LOSS_DESC);
    onus_chart_body(&d, TOP, BOTTOM, &x, &y);
    onus_chart_ticks_y(&d, &y);
    onus_chart_number(&d, "tick", ONUS_ANCHOR_START, 0, BOTTOM + 17, x.lo, 0);
    onus_chart_number(&d, "tick", ONUS_ANCHOR_END, 1, BOTTOM + 17, x.hi, 0);
    draw(&d, c);
    onus_chart_text_open(&d, "tick", ONUS_ANCHOR_MIDDLE, 0.5, BOTTOM + 17);
    onus_page_say(p, ONUS_TEXT_EPOCH_AXIS);
    onus_chart_text_close(&d);
    onus_chart_close(&d);
    onus_page_raw(p, "<figcaption>");
    onus_page_say(p, onus_page_fact(p, "train.loss").event ? ONUS_TEXT_LOSS_CAPTION
                     : onus_fact_is(onus_page_fact(p, "run.privacy"), "on")
                         ? ONUS_TEXT_LOSS_PRIVATE
                         : ONUS_TEXT_LOSS_NONE);
    const onus_fact unit = onus_page_fact(p, "data.target.scale");
    double scale;
    if (onus_fact_real(unit, &scale)) {
        onus_page_raw(p, " ");
        ONUS_FILL(p, ONUS_TEXT_LOSS_SCALED, ONUS_NUMBER(unit, 3));
    }
    onus_page_raw(p, "</figcaption></figure>\n");
}

static void cell(onus_page *p, const onus_entry *e, const char *name, int decimals)
{
    const onus_fact f = onus_entry_fact(e, "%s", name);
    onus_page_raw(p, "<td class=\"num\">");
    if (f.event)
        onus_page_number(p, f, decimals);
    else
        onus_page_raw(p, "\xe2\x80\x93");
    onus_page_raw(p, "</td>");
}

static void epoch_table(onus_page *p, const curve *c)
{
    static const onus_heading heads[] = {{ONUS_TEXT_EPOCH, "num"},
                                         {ONUS_TEXT_TRAIN_LOSS, "num"},
                                         {ONUS_TEXT_VALID_LOSS, "num"},
                                         {ONUS_TEXT_VALID_METRIC, "num"},
                                         {ONUS_TEXT_RATE, "num"}};
    const int64_t rows = c->n < ROWS_MAX ? c->n : ROWS_MAX;
    onus_details_open(p, c->n > ROWS_MAX ? ONUS_TEXT_NUMBERS_SOME : ONUS_TEXT_NUMBERS);
    onus_table_open(p, "small", heads, sizeof heads / sizeof *heads);
    for (int64_t k = 0; k < rows; k++) {
        const onus_entry *e = thinned(c, k, rows);
        onus_page_raw(p, "<tr>");
        cell(p, e, "train.epoch", 0);
        cell(p, e, "train.loss", 4);
        cell(p, e, "train.valid_loss", 4);
        cell(p, e, "train.valid_metric", 4);
        cell(p, e, "train.rate", 6);
        onus_page_raw(p, "</tr>\n");
    }
    onus_table_close(p);
    onus_details_close(p);
}

/* What was asked for and what was done. A setting of zero switches its part off and is left
 * out. */
static void settings(onus_page *p)
{
    static const struct {
        const char *name;
        onus_text text;
    } rows[] = {
        {"train.optimiser", ONUS_TEXT_OPTIMISER},
        {"train.lr", ONUS_TEXT_RATE},
        {"train.schedule", ONUS_TEXT_SCHEDULE},
        {"train.warmup", ONUS_TEXT_WARMUP},
        {"train.batch", ONUS_TEXT_BATCH},
        {"train.sampling", ONUS_TEXT_SAMPLING},
        {"train.epochs_run", ONUS_TEXT_EPOCHS_RUN},
        {"train.ended", ONUS_TEXT_ENDED},
        {"train.kept_epoch", ONUS_TEXT_KEPT},
        {"train.steps", ONUS_TEXT_STEPS},
        {"train.weight_decay", ONUS_TEXT_WEIGHT_DECAY},
        {"train.l1", ONUS_TEXT_L1},
        {"train.l2", ONUS_TEXT_L2},
        {"train.class_weights", ONUS_TEXT_CLASS_WEIGHTS},
        {"train.patience", ONUS_TEXT_PATIENCE},
    };
    onus_page_raw(p, "<dl class=\"terms\">");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double v = 1;
        const onus_fact f = onus_page_fact(p, "%s", rows[i].name);
        if (!f.event || (onus_fact_real(f, &v) && v == 0)) continue;
        onus_term_open(p, rows[i].text);
        if (json_is_integer(f.v))
            onus_page_count(p, f);
        else if (json_is_number(f.v))
            onus_page_number(p, f, 4);
        else
            onus_page_word(p, f);
        onus_term_close(p);
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
