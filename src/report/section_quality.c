/* SPDX-License-Identifier: Apache-2.0
 * section_quality.c - what was measured on the test part: measures with intervals, the ROC
 * curve, calibration, the confusion matrix. `at` is what the names of facts begin with: "", or
 * "label.NAME." for one of several labels. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proof/names.h"
#include "report/sections.h"

enum { CURVE_HEIGHT = 300, CURVE_TOP = 12, CURVE_BOTTOM = 262, TABLE_POINTS = 21 };

/* ---- measures ---------------------------------------------------------------------------- */

/* The words that go with a measure's own: "ACCURACY_IS"; of means over classes and over labels
 * one text says what they are. */
static onus_text meaning_of(onus_page *p, const onus_name_row *row)
{
    const onus_text own = onus_text_find(row->text, "_IS");
    if (own != ONUS_TEXT_COUNT) return own;
    if (!strstr(row->pattern, ".macro")) return ONUS_TEXT_MICRO_IS;
    return onus_page_fact(p, "hamming_loss").event ? ONUS_TEXT_MACRO_OF_LABELS
                                                   : ONUS_TEXT_MACRO_IS;
}

/* Drawn from 0 to 1. (A Brier score over several classes may reach 2, and R2 lie below 0.) */
static bool is_share(const onus_name_row *row)
{
    return row->ranged && row->hi <= 2 && row->lo != -1;
}

static void measure_row(onus_page *p, const char *at, const onus_name_row *row)
{
    char name[1024];
    snprintf(name, sizeof name, "%s%s", at, row->pattern);
    const bool macro = strstr(row->pattern, ".macro") != NULL;
    /* Of two classes the positive one says it: macro means repeat it. */
    if (!onus_page_fact(p, "%s", name).event ||
        (macro && onus_page_fact(p, "%sprecision", at).event))
        return;
    const onus_fact baseline = onus_page_fact(p, "%s.baseline", name);
    onus_page_raw(p, "<tr><th scope=\"row\">");
    onus_page_say(p, onus_text_find(row->text, ""));
    onus_page_raw(p, " <span class=\"sub\">");
    onus_page_say(p, meaning_of(p, row));
    if (baseline.event) {
        onus_page_raw(p, "; ");
        ONUS_FILL(p, onus_text_find(row->text, "_BASELINE"), ONUS_NUMBER(baseline, 3));
    }
    onus_page_raw(p, "</span></th>");
    onus_measure_cells(p, name, 0, is_share(row) ? 1 : 0, baseline);
    onus_page_raw(p, "</tr>\n");
}

/* Does the event hold measures of this task; of several labels those of all of them together,
 * or of the one that `at` names? */
static bool is_of_task(onus_page *p, const char *at, const onus_event_row *e)
{
    const bool labels = onus_page_fact(p, "hamming_loss").event != 0;
    const unsigned task = at[0] ? ONUS_IF_BINARY : onus_page_task(p);
    if (strcmp(e->type, "metric") != 0) return false;
    if (labels && (e->block != 0) != (at[0] != 0)) return false;
    if (!labels && (e->when & ONUS_IF_LABELS) && !e->block) return false;
    return task == 0 || onus_names_apply(e->when, task | ONUS_IF_REPORTED);
}

/* The registry's measures that have words, in its order. */
static void measure_table(onus_page *p, const char *at)
{
    onus_measure_table_open(p, ONUS_TEXT_MEASURE);
    for (int e = 0; e < onus_n_event_rows; e++) {
        if (!is_of_task(p, at, onus_event_rows[e])) continue;
        for (int i = 0; i < onus_event_rows[e]->n_names; i++) {
            const onus_name_row *row = &onus_event_rows[e]->names[i];
            if (row->text) measure_row(p, at, row);
        }
    }
    onus_table_close(p);
}

/* ---- arrays ------------------------------------------------------------------------------ */

/* An array of the ledger as numbers; null becomes NAN. */
static double *numbers(onus_page *p, onus_fact f, int64_t *n)
{
    *n = (int64_t)onus_fact_size(f);
    double *v = onus_arena_alloc(&p->arena, (size_t)*n + 1, sizeof *v);
    if (!v) {
        p->st = ONUS_NO_MEM;
        *n = 0;
        return NULL;
    }
    for (int64_t i = 0; i < *n; i++) {
        if (!onus_fact_item(f, (size_t)i, &v[i])) v[i] = NAN;
    }
    return v;
}

static void item_cell(onus_page *p, onus_fact list, int64_t i, int decimals)
{
    const onus_fact item = {
        .v = json_array_get(list.v, (size_t)i), .name = list.name, .event = list.event};
    onus_page_raw(p, "<td class=\"num\">");
    onus_page_number(p, item, decimals);
    onus_page_raw(p, "</td>");
}

/* ---- ROC --------------------------------------------------------------------------------- */

static void roc_table(onus_page *p, onus_fact fpr, onus_fact tpr, int64_t n)
{
    static const onus_heading heads[] = {{ONUS_TEXT_FPR, "num"}, {ONUS_TEXT_TPR, "num"}};
    const int64_t rows = n < TABLE_POINTS ? n : TABLE_POINTS;
    onus_details_open(p, ONUS_TEXT_NUMBERS);
    onus_table_open(p, "small", heads, 2);
    for (int64_t k = 0; k < rows; k++) {
        const int64_t i = rows > 1 ? k * (n - 1) / (rows - 1) : 0;
        onus_page_raw(p, "<tr>");
        item_cell(p, fpr, i, 3);
        item_cell(p, tpr, i, 3);
        onus_page_raw(p, "</tr>");
    }
    onus_table_close(p);
    onus_details_close(p);
}

static void roc(onus_page *p, const char *at)
{
    const onus_fact fpr = onus_page_fact(p, "%sroc.fpr", at),
                    tpr = onus_page_fact(p, "%sroc.tpr", at);
    int64_t n, m;
    const double *x = numbers(p, fpr, &n), *y = numbers(p, tpr, &m);
    if (n < 2 || n != m) return;
    const onus_axis axis = onus_axis_of(0, 1, 4);
    const double corner[] = {0, 1};
    onus_chart c;
    onus_page_raw(p, "<figure>");
    onus_page_tag(p, "<h3>", ONUS_TEXT_ROC);
    onus_chart_open(&c, p, "plot", CURVE_HEIGHT);
    onus_page_say(p, ONUS_TEXT_ROC);
    onus_chart_desc(&c);
    ONUS_FILL(p, ONUS_TEXT_ROC_DESC, ONUS_NUMBER(onus_page_fact(p, "%sauc", at), 3));
    onus_chart_body(&c, CURVE_TOP, CURVE_BOTTOM, &axis, &axis);
    onus_chart_ticks_x(&c, &axis);
    onus_chart_ticks_y(&c, &axis);
    onus_chart_line(&c, "ref", corner, corner, 2);
    onus_chart_line(&c, "line a", x, y, n);
    onus_chart_text_open(&c, "axis", ONUS_ANCHOR_MIDDLE, 0.5, CURVE_HEIGHT - 4);
    onus_page_say(p, ONUS_TEXT_FPR);
    onus_chart_text_close(&c);
    onus_chart_close(&c);
    onus_page_raw(p, "<figcaption>");
    ONUS_FILL(p, ONUS_TEXT_ROC_CAPTION, ONUS_NUMBER(onus_page_fact(p, "%sauc", at), 3));
    onus_page_raw(p, "</figcaption>");
    roc_table(p, fpr, tpr, n);
    onus_page_raw(p, "</figure>\n");
}

/* ---- calibration ------------------------------------------------------------------------- */

typedef struct {
    onus_fact predicted, seen, lower, upper, count;
    int64_t n;
} bins;

static bool bin_is_small(const bins *b, int64_t i)
{
    double v;
    return onus_fact_item(b->count, (size_t)i, &v) && v < ONUS_PEOPLE_MIN;
}

static void calibration_table(onus_page *p, const bins *b)
{
    static const onus_heading heads[] = {{ONUS_TEXT_PREDICTED, "num"},
                                         {ONUS_TEXT_SEEN, "num"},
                                         {ONUS_TEXT_LOWER, "num"},
                                         {ONUS_TEXT_UPPER, "num"}};
    onus_details_open(p, ONUS_TEXT_NUMBERS);
    onus_table_open(p, "small", heads, sizeof heads / sizeof *heads);
    for (int64_t i = 0; i < b->n; i++) {
        if (bin_is_small(b, i)) continue;
        onus_page_raw(p, "<tr>");
        item_cell(p, b->predicted, i, 3);
        item_cell(p, b->seen, i, 3);
        item_cell(p, b->lower, i, 3);
        item_cell(p, b->upper, i, 3);
        onus_page_raw(p, "</tr>");
    }
    onus_table_close(p);
    onus_details_close(p);
}

static void calibration_marks(onus_chart *c, const bins *b)
{
    for (int64_t i = 0; i < b->n; i++) {
        double x, y, lo, hi;
        if (bin_is_small(b, i) || !onus_fact_item(b->predicted, (size_t)i, &x) ||
            !onus_fact_item(b->seen, (size_t)i, &y))
            continue;
        if (onus_fact_item(b->lower, (size_t)i, &lo) &&
            onus_fact_item(b->upper, (size_t)i, &hi))
            onus_chart_span(c, "ci", x, lo, x, hi);
        onus_chart_dot(c, "dot", x, y, 4.5);
    }
}

static void calibration(onus_page *p, const char *at)
{
    const bins b = {
        .predicted = onus_page_fact(p, "%scalibration.predicted", at),
        .seen = onus_page_fact(p, "%scalibration.observed", at),
        .lower = onus_page_fact(p, "%scalibration.lower", at),
        .upper = onus_page_fact(p, "%scalibration.upper", at),
        .count = onus_page_fact(p, "%scalibration.n", at),
        .n = (int64_t)onus_fact_size(onus_page_fact(p, "%scalibration.predicted", at))};
    if (b.n == 0 || onus_fact_size(b.seen) != (size_t)b.n) return;
    const onus_axis axis = onus_axis_of(0, 1, 4);
    const double corner[] = {0, 1};
    onus_chart c;
    onus_page_raw(p, "<figure>");
    onus_page_tag(p, "<h3>", ONUS_TEXT_CALIBRATION);
    onus_chart_open(&c, p, "plot ok", CURVE_HEIGHT);
    onus_page_say(p, ONUS_TEXT_CALIBRATION);
    onus_chart_desc(&c);
    onus_page_say(p, ONUS_TEXT_CALIBRATION_DESC);
    onus_chart_body(&c, CURVE_TOP, CURVE_BOTTOM, &axis, &axis);
    onus_chart_ticks_x(&c, &axis);
    onus_chart_ticks_y(&c, &axis);
    onus_chart_line(&c, "ref", corner, corner, 2);
    calibration_marks(&c, &b);
    onus_chart_text_open(&c, "axis", ONUS_ANCHOR_MIDDLE, 0.5, CURVE_HEIGHT - 4);
    onus_page_say(p, ONUS_TEXT_PREDICTED);
    onus_chart_text_close(&c);
    onus_chart_close(&c);
    onus_page_raw(p, "<figcaption>");
    ONUS_FILL(p, ONUS_TEXT_CALIBRATION_CAPTION,
              ONUS_WORD(onus_page_fact(p, "%scalibration.of", at)),
              ONUS_NUMBER(onus_page_fact(p, "%scalibration_error", at), 3));
    onus_page_raw(p, "</figcaption>");
    calibration_table(p, &b);
    onus_page_raw(p, "</figure>\n");
}

/* ---- confusion --------------------------------------------------------------------------- */

/* Six steps of shade: the share of the row, too coarse to count people by. */
static int shade(onus_fact cell, double row_total)
{
    double v;
    if (onus_fact_small(cell) || !onus_fact_real(cell, &v) || row_total <= 0) return 0;
    const double share = v / row_total;
    return share > 0 && share <= 1 ? (int)floor(share * 5 + 0.5) : 0;
}

static void confusion_row(onus_page *p, const char *at, const onus_parts *classes, int64_t t,
                          onus_fact *cells, bool *hide)
{
    double total = 0, v;
    for (int64_t c = 0; c < classes->n; c++) {
        cells[c] =
            onus_page_fact(p, "%sconfusion.%s.%s", at, classes->name[t], classes->name[c]);
        if (onus_fact_real(cells[c], &v)) total += v;
    }
    onus_hide_complement(cells, classes->n, 0, hide);
    onus_page_raw(p, "<tr><th scope=\"row\">");
    onus_page_part(p, classes->name[t]);
    onus_page_raw(p, "</th>");
    for (int64_t c = 0; c < classes->n; c++) {
        const bool zero = onus_fact_real(cells[c], &v) && v == 0;
        onus_page_printf(p, "<td class=\"num s%d%s%s\">", shade(cells[c], total),
                         c == t ? " hit" : "", zero ? " zero" : "");
        if (hide[c])
            onus_page_people_hidden(p, cells[c]);
        else
            onus_page_people(p, cells[c]);
        onus_page_raw(p, "</td>");
    }
    onus_page_raw(p, "</tr>\n");
}

static void confusion(onus_page *p, const char *at, const char *label)
{
    enum { CLASSES_MAX = 40 };
    const onus_parts classes = onus_page_classes(p, label);
    if (classes.n < 2 || classes.n > CLASSES_MAX ||
        !onus_page_fact(p, "%sconfusion.%s.%s", at, classes.name[0], classes.name[0]).event)
        return;
    onus_fact cells[CLASSES_MAX];
    bool hide[CLASSES_MAX];
    onus_page_printf(p, "<figure class=\"%s\">", classes.n > 4 ? "wide" : "");
    onus_page_tag(p, "<h3>", ONUS_TEXT_CONFUSION);
    onus_page_raw(p, "<div class=\"scroll\"><table class=\"confusion\"><thead><tr><td></td>");
    for (int64_t c = 0; c < classes.n; c++) {
        onus_page_raw(p, "<th scope=\"col\" class=\"num\">");
        onus_page_part(p, classes.name[c]);
        onus_page_raw(p, "</th>");
    }
    onus_page_raw(p, "</tr></thead><tbody>\n");
    for (int64_t t = 0; t < classes.n; t++) confusion_row(p, at, &classes, t, cells, hide);
    onus_table_close(p);
    onus_page_tag(p, "<figcaption>", ONUS_TEXT_CONFUSION_CAPTION);
    onus_page_raw(p, "</figure>\n");
}

/* ---- classes and labels, a row each ------------------------------------------------------ */

/* A table of what is measured of each, the last with its interval. */
typedef struct {
    const char *kind; /* of names: "class.NAME.recall" */
    onus_text head;
    struct {
        const char *name;
        onus_text text;
    } cells[4], last;
    int64_t most; /* rows that are shown */
} each;

static const each of_classes = {"class",
                                ONUS_TEXT_CLASS,
                                {{"precision", ONUS_TEXT_PRECISION}, {"f1", ONUS_TEXT_F1}},
                                {"recall", ONUS_TEXT_RECALL},
                                100};
static const each of_labels = {"label",
                               ONUS_TEXT_LABEL_NAME,
                               {{"accuracy", ONUS_TEXT_ACCURACY},
                                {"precision", ONUS_TEXT_PRECISION},
                                {"recall", ONUS_TEXT_RECALL},
                                {"auc", ONUS_TEXT_AUC}},
                               {"f1", ONUS_TEXT_F1},
                               1000};

static void each_table(onus_page *p, const each *t, const onus_parts *names)
{
    enum { CELLS = 4 };
    onus_heading heads[CELLS + 5] = {{t->head, ""}};
    size_t n = 1;
    for (int k = 0; k < CELLS && t->cells[k].name; k++)
        heads[n++] = (onus_heading){t->cells[k].text, "num"};
    heads[n++] = (onus_heading){t->last.text, "num"};
    heads[n++] = (onus_heading){ONUS_TEXT_INTERVAL_95, "num"};
    heads[n++] = (onus_heading){ONUS_TEXT_ZERO_TO_ONE, "draw"};
    heads[n++] = (onus_heading){ONUS_TEXT_METHOD, "how"};
    onus_table_open(p, "measures", heads, n);
    for (int64_t i = 0; i < names->n && i < t->most; i++) {
        char last[2048];
        snprintf(last, sizeof last, "%s.%s.%s", t->kind, names->name[i], t->last.name);
        onus_page_raw(p, "<tr><th scope=\"row\">");
        onus_page_part(p, names->name[i]);
        onus_page_raw(p, "</th>");
        for (int k = 0; k < CELLS && t->cells[k].name; k++) {
            onus_page_raw(p, "<td class=\"num\">");
            onus_page_number(
                p, onus_page_fact(p, "%s.%s.%s", t->kind, names->name[i], t->cells[k].name), 3);
            onus_page_raw(p, "</td>");
        }
        onus_measure_cells(p, last, 0, 1, (onus_fact){0});
        onus_page_raw(p, "</tr>\n");
    }
    onus_table_close(p);
}

static void class_table(onus_page *p)
{
    const onus_parts classes = onus_page_classes(p, NULL);
    if (classes.n == 0 || !onus_page_fact(p, "class.%s.recall", classes.name[0]).event) return;
    onus_page_tag(p, "<h3>", ONUS_TEXT_BY_CLASS);
    each_table(p, &of_classes, &classes);
}

static void figures(onus_page *p, const char *at, const char *label)
{
    char confused[1024];
    snprintf(confused, sizeof confused, "%sconfusion", at);
    onus_page_raw(p, "<div class=\"figures\">");
    roc(p, at);
    calibration(p, at);
    confusion(p, at, label);
    onus_page_reason(p, confused);
    onus_page_raw(p, "</div>");
}

/* All labels in one table; what else is known of each, folded up. */
static void label_tables(onus_page *p)
{
    const onus_parts labels = onus_page_labels(p);
    if (labels.n == 0) return;
    onus_page_tag(p, "<h3>", ONUS_TEXT_BY_LABEL_NAME);
    each_table(p, &of_labels, &labels);
    onus_paragraph(p, ONUS_TEXT_LABELS_NOTE);
    for (int64_t l = 0; l < labels.n; l++) {
        char at[1024];
        snprintf(at, sizeof at, "label.%s.", labels.name[l]);
        onus_page_raw(p, "<details><summary>");
        onus_page_part(p, labels.name[l]);
        onus_page_raw(p, "</summary>");
        measure_table(p, at);
        figures(p, at, labels.name[l]);
        onus_details_close(p);
    }
}

/* An event without a measure is none. */
static bool any_measure(onus_page *p)
{
    for (int e = 0; e < onus_n_event_rows; e++) {
        const onus_event_row *row = onus_event_rows[e];
        for (int i = 0; strcmp(row->type, "metric") == 0 && i < row->n_names; i++)
            if (row->names[i].text && onus_page_fact(p, "%s", row->names[i].pattern).event)
                return true;
    }
    return false;
}

void onus_section_quality(onus_page *p)
{
    onus_section_open(p, "quality", ONUS_TEXT_QUALITY);
    if (!onus_page_entry(p, "metric", NULL) || !any_measure(p)) {
        onus_paragraph(p, ONUS_TEXT_NOT_EVALUATED_LONG);
    } else {
        onus_page_raw(p, "<p>");
        ONUS_FILL(p, ONUS_TEXT_QUALITY_INTRO, ONUS_PEOPLE(onus_page_fact(p, "data.test.rows")));
        onus_page_raw(p, "</p>");
        measure_table(p, "");
        figures(p, "", NULL);
        class_table(p);
        label_tables(p);
    }
    onus_section_close(p);
}
