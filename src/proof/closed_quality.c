/* SPDX-License-Identifier: Apache-2.0
 * closed_quality.c - decisions: from the confusion matrix everything in their event follows,
 * and of several labels most of what is said of all together.
 *
 * Cells may be left out of an event that has no room for them, and of more than 1,000 classes
 * not all are listed: then the accuracy alone is recomputed. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "audit/quality.h"
#include "base/fail.h"
#include "data/dataset.h"
#include "proof/closed_parts.h"

/* ---- one confusion matrix ---------------------------------------------------------------- */

typedef struct {
    int64_t *cell;    /* (classes, classes) */
    double sum, hits; /* of all cells, listed classes or not */
    bool known;       /* all classes are listed */
} matrix;

static void read_cells(const onus_closed *c, const onus_vocabulary *v, matrix *m)
{
    char begin[2100];
    const int len = snprintf(begin, sizeof begin, "%sconfusion.", c->prefix);
    m->known = true;
    for (int64_t i = 0; i < c->e->n_fields; i++) {
        const onus_field *f = &c->e->fields[i];
        if (strncmp(f->name, begin, (size_t)len) != 0) continue;
        const char *row = f->name + len, *dot = strchr(row, '.');
        if (!dot) continue; /* confusion.reason */
        const size_t size = (size_t)(dot - row);
        const double n = onus_field_number(f);
        const int64_t y = onus_vocabulary_find(v, row, size),
                      d = onus_vocabulary_find(v, dot + 1, strlen(dot + 1));
        m->sum += n;
        if (strncmp(row, dot + 1, size) == 0 && dot[1 + size] == '\0') m->hits += n;
        if (y >= 0 && d >= 0)
            m->cell[y * v->n + d] = (int64_t)n;
        else
            m->known = false;
    }
}

/* Of several labels a row may lack one. */
static onus_status check_rows(const onus_closed *c, double sum, onus_err *err)
{
    const bool at_most = c->given->scope->labels.n > 0;
    const double rows = onus_closed_fact(c, "data.test.rows");
    if (at_most ? sum <= rows : sum == rows) return ONUS_OK;
    return onus_fail(
        err, ONUS_TAMPER,
        "cells of '%.200sconfusion' add up to %.17g, expected %s%.17g: rows of the "
        "test split",
        c->prefix, sum, at_most ? "at most " : "", rows);
}

/* Cells of a label are its rows in the test split. */
static onus_status check_labels(const onus_closed *c, const onus_vocabulary *v,
                                const int64_t *cell, onus_err *err)
{
    const onus_scope *s = c->given->scope;
    for (int64_t y = 0; y < v->n; y++) {
        double sum = 0;
        for (int64_t d = 0; d < v->n; d++) sum += (double)cell[y * v->n + d];
        const double rows = s->labels.n
                                ? onus_closed_fact(c, "data.label.%s.%s.test",
                                                   s->labels.order[c->label], v->order[y])
                                : onus_closed_fact(c, "data.label.%s.test", v->order[y]);
        if (isnan(rows) || sum == rows) continue;
        return onus_fail(err, ONUS_TAMPER,
                         "cells of '%.200sconfusion.%.200s' add up to %.17g, expected %.17g: "
                         "rows of the class in data.sheet",
                         c->prefix, v->order[y], sum, rows);
    }
    return ONUS_OK;
}

/* hits NAN: the cells are not told, and any number of people will do. */
static onus_status check_accuracy(const onus_closed *c, double hits, onus_err *err)
{
    const double n = onus_closed_number(c, "accuracy.n");
    if (isnan(hits)) hits = rint(onus_closed_number(c, "accuracy") * n);
    const onus_measure m =
        onus_measure_rate((onus_share){isnan(hits) ? 0 : hits, n}, "no rows");
    onus_event_builder b;
    onus_closed_begin(c, &b);
    onus_measure_put(&b, &m, "accuracy");
    onus_status st = check_rows(c, n, err);
    if (st == ONUS_OK)
        st = onus_closed_same(c, &b, ONUS_SAME_BESIDE, "a share of its rows", err);
    onus_event_release(&b);
    return st;
}

/* Cells are left out where they have no room: not where all that could be would have. */
static onus_status check_no_cells(const onus_closed *c, const onus_vocabulary *v, onus_err *err)
{
    const double rows = onus_closed_fact(c, "data.test.rows"), all = (double)(v->n * v->n),
                 cells = v->n > ONUS_CELLS_SHOWN && rows < all ? rows : all;
    if (v->n < ONUS_CLASSES_LISTED && onus_cells_fit(v->order, v->n, (int64_t)cells))
        return onus_fail(err, ONUS_TAMPER, "'%.200sconfusion.reason' is there, and cells fit",
                         c->prefix);
    return check_accuracy(c, NAN, err);
}

static onus_status rebuild(const onus_closed *c, const onus_vocabulary *v, const int64_t *cell,
                           onus_err *err)
{
    const onus_cells cells = {.n_classes = v->n,
                              .class_names = v->order,
                              .cell = cell,
                              .by_class = c->given->scope->is & ONUS_IF_CLASSES};
    onus_event_builder b;
    onus_closed_begin(c, &b);
    onus_status st = onus_quality_cells(&cells, &b, c->arena, err);
    if (st == ONUS_OK)
        st = onus_closed_same(c, &b, ONUS_SAME_ALL, "by the confusion matrix", err);
    onus_event_release(&b);
    return st;
}

/* ---- several labels ---------------------------------------------------------------------- */

/* A cell of any label: of this event, or remembered. */
static double cell_of(const onus_closed *c, int64_t l, int y, int d)
{
    const onus_scope *s = c->given->scope;
    const char *const *name = s->classes[l].order;
    return l == c->label ? onus_closed_number(c, "confusion.%s.%s", name[y], name[d])
                         : onus_closed_fact(c, "label.%s.confusion.%s.%s", s->labels.order[l],
                                            name[y], name[d]);
}

static onus_status add_up(const onus_closed *c, onus_labels_sums *out, onus_err *err)
{
    const onus_scope *s = c->given->scope;
    onus_label_tally *of = onus_arena_alloc(c->arena, (size_t)s->labels.n, sizeof *of);
    const char **names = onus_arena_alloc(c->arena, (size_t)s->labels.n, sizeof *names);
    if (!of || !names) return onus_fail_mem(err, "ledger");
    *out = (onus_labels_sums){.n = (int64_t)onus_closed_fact(c, "data.test.rows"),
                              .n_labels = s->labels.n,
                              .names = names,
                              .of = of};
    for (int64_t l = 0; l < s->labels.n; l++) {
        if (s->classes[l].n != 2)
            return onus_fail(err, ONUS_TAMPER, "'data.classes.%.200s' are not two",
                             s->labels.order[l]);
        const double nn = cell_of(c, l, 0, 0), ny = cell_of(c, l, 0, 1),
                     yn = cell_of(c, l, 1, 0), yy = cell_of(c, l, 1, 1);
        of[l] = (onus_label_tally){.known = nn + ny + yn + yy,
                                   .positive = yn + yy,
                                   .decided = ny + yy,
                                   .hit = yy,
                                   .right = nn + yy};
        out->all.known += of[l].known;
        out->all.positive += of[l].positive;
        out->all.decided += of[l].decided;
        out->all.hit += of[l].hit;
        out->all.right += of[l].right;
        if (!(names[l] = onus_closed_plain(c, s->labels.order[l])))
            return onus_fail_mem(err, "ledger");
    }
    return ONUS_OK;
}

/* A ratio over labels; its own interval where rows decide it is the logit's. */
static onus_status check_ratio(const onus_closed *c, const onus_labels_sums *s,
                               onus_labels_ratio r, bool macro, onus_err *err)
{
    static const char *const by_rows = "delta method over rows, logit scale";
    onus_measure m;
    char name[64], method[80];
    snprintf(name, sizeof name, "%s%s", onus_labels_ratio_names[r],
             r == ONUS_LABELS_WRONG ? ""
             : macro                ? ".macro"
                                    : ".micro");
    snprintf(method, sizeof method, "%s.method", name);
    onus_status st = onus_labels_measure(&m, s, r, macro, c->arena, err);
    if (st != ONUS_OK) return st;
    const bool rows = m.value > 0 && m.value < 1 && onus_closed_says(c, method, by_rows);
    if (rows) {
        m.ci = (onus_interval){onus_closed_number(c, "%s.lower", name),
                               onus_closed_number(c, "%s.upper", name)};
        m.method = by_rows;
    }
    onus_event_builder b;
    onus_event_init(&b, c->arena->mem);
    onus_event_begin(&b, "metric");
    onus_measure_put(&b, &m, "%s", name);
    st = onus_closed_same(c, &b, ONUS_SAME_BESIDE, "by the labels' confusion matrices", err);
    onus_event_release(&b);
    return st == ONUS_OK && rows ? onus_closed_logit(c, name, err) : st;
}

/* Agresti and Min's interval lies about the gain of two rows more. */
static onus_status check_gain(const onus_closed *c, const onus_labels_sums *s, double wrong,
                              onus_err *err)
{
    const double gain = onus_labels_gain(s), n = (double)s->n,
                 upper = onus_closed_number(c, "hamming_loss.gain.upper"),
                 middle = gain * n / (n + 2), low = middle - (upper - middle);
    onus_status st = ONUS_OK;
    ONUS_TRY(onus_closed_expect(c, "hamming_loss.gain", gain, "by the labels' matrices", err));
    ONUS_TRY(onus_closed_expect(c, "hamming_loss.baseline", wrong + gain,
                                "loss and gain together", err));
    ONUS_TRY(onus_closed_expect(c, "hamming_loss.gain.n", isnan(gain) ? 0 : n,
                                "rows of the test split", err));
    if (isnan(gain))
        return onus_closed_expect(c, "hamming_loss.gain.upper", NAN, "there is no gain", err);
    if (!onus_closed_says(c, "hamming_loss.gain.method", "Agresti and Min, paired by row"))
        return onus_fail(err, ONUS_TAMPER, "'hamming_loss.gain.method' is another");
    if (upper == 1) /* cut there */
        return onus_closed_within(c, "hamming_loss.gain.lower", -1, 2 * middle - 1, 0x1p-48,
                                  "as far below as the upper bound above", err);
    ONUS_TRY(onus_closed_near(c, "hamming_loss.gain.lower", low < -1 ? -1 : low, 0x1p-48,
                              "as far below as the upper bound above", err));
done:
    return st;
}

/* Rows whose labels are all right: no more than the rightest label allows, where every row has
 * all. */
static onus_status check_subset(const onus_closed *c, const onus_labels_sums *s, onus_err *err)
{
    const double n = onus_closed_number(c, "subset_accuracy.n"),
                 v = onus_closed_number(c, "subset_accuracy");
    double least_known = (double)s->n, most = (double)s->n;
    for (int64_t l = 0; l < s->n_labels; l++) {
        least_known = onus_smaller(least_known, s->of[l].known);
        most = onus_smaller(most, s->of[l].right);
    }
    onus_status st = onus_closed_within(
        c, "subset_accuracy.n", (double)s->n - ((double)(s->n_labels * s->n) - s->all.known),
        least_known, 0, "rows that have all labels", err);
    if (st != ONUS_OK) return st;
    const double hits = n > 0 ? rint(v * n) : 0;
    if (hits > most || hits < n - (s->all.known - s->all.right))
        return onus_fail(err, ONUS_TAMPER,
                         "'subset_accuracy' is %.17g, which the labels' matrices do not allow",
                         v);
    const onus_measure m = onus_measure_rate((onus_share){hits, n}, "no row has all labels");
    onus_event_builder b;
    onus_event_init(&b, c->arena->mem);
    onus_event_begin(&b, "metric");
    onus_measure_put(&b, &m, "subset_accuracy");
    st = onus_closed_same(c, &b, ONUS_SAME_BESIDE, "a share of its rows", err);
    onus_event_release(&b);
    return st;
}

/* With the last label's matrix all are known; the event of all labels came before them. */
static onus_status check_together(const onus_closed *last, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_labels_sums s;
    ONUS_TRY(add_up(last, &s, err));
    onus_closed c = *last;
    c.prefix = "";
    c.earlier = true;
    onus_measure wrong;
    ONUS_TRY(check_ratio(&c, &s, ONUS_LABELS_WRONG, false, err));
    for (onus_labels_ratio r = ONUS_LABELS_PRECISION; r <= ONUS_LABELS_F1; r++) {
        ONUS_TRY(check_ratio(&c, &s, r, false, err));
        ONUS_TRY(check_ratio(&c, &s, r, true, err));
    }
    ONUS_TRY(onus_labels_measure(&wrong, &s, ONUS_LABELS_WRONG, false, c.arena, err));
    ONUS_TRY(check_gain(&c, &s, wrong.value, err));
    ONUS_TRY(check_subset(&c, &s, err));
done:
    return st;
}

onus_status onus_closed_quality(const onus_closed *c, onus_err *err)
{
    const onus_scope *s = c->given->scope;
    const onus_vocabulary *v = &s->classes[c->label];
    const size_t k = (size_t)v->n;
    matrix m = {.cell = NULL};
    if (k < 2) return onus_fail(err, ONUS_TAMPER, "fewer than two classes are listed");
    m.cell = onus_arena_alloc(c->arena, k * k, sizeof *m.cell);
    if (!m.cell) return onus_fail_mem(err, "ledger");
    read_cells(c, v, &m);
    if (onus_closed_field(c, "confusion.reason")) return check_no_cells(c, v, err);
    onus_status st = check_rows(c, m.sum, err);
    if (st == ONUS_OK && !m.known) return check_accuracy(c, m.hits, err);
    if (st == ONUS_OK) st = check_labels(c, v, m.cell, err);
    if (st == ONUS_OK) st = rebuild(c, v, m.cell, err);
    if (st == ONUS_OK && s->labels.n > 0 && c->label == s->labels.n - 1)
        st = check_together(c, err);
    return st;
}
