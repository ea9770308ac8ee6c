/* SPDX-License-Identifier: Apache-2.0
 * label.c - what is predicted: a column of the table, or several that are yes or no each; their
 * classes; the number of every row. Several columns have two classes each, {other, positive},
 * and stand one after the other: class c of label l is classes[l * n_classes + c], row r's
 * label l is y[r * n_labels + l]. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "data/parts.h"

/* ---- columns ----------------------------------------------------------------------------- */

static void strip(onus_dataset *d, int64_t col, char mark)
{
    for (int64_t r = 0; mark && r < d->n_raw; r++) { /* in the table's own bytes */
        char *cell = (char *)onus_cell(d, r, col);
        const size_t n = strlen(cell);
        if (n && cell[n - 1] == mark) cell[n - 1] = '\0';
    }
}

/* Finds the columns; *lacks: the first that is not there, n_labels where all are. */
static onus_status find_labels(onus_dataset *d, int64_t *n_found, int64_t *lacks, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    if (s->n_label_columns > ONUS_LABELS_MAX)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: data.label.columns: %lld columns, expected at most %d",
                         s->recipe ? s->recipe : "data", s->label_line,
                         (long long)s->n_label_columns, ONUS_LABELS_MAX);
    d->n_labels = s->n_label_columns ? s->n_label_columns : 1;
    d->labels = s->n_label_columns ? s->label_columns : &s->label;
    if (d->given && d->given->n_labels != d->n_labels)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: %lld labels, the model predicts %lld",
                         s->recipe ? s->recipe : "data", (long long)d->n_labels,
                         (long long)d->given->n_labels);
    d->label_cols = onus_arena_alloc(&d->arena, (size_t)d->n_labels, sizeof *d->label_cols);
    if (!d->label_cols) return onus_fail_mem(err, "data");
    *lacks = d->n_labels;
    for (int64_t l = 0; l < d->n_labels; l++) {
        d->label_cols[l] = onus_find_col(d, d->labels[l]);
        *n_found += d->label_cols[l] >= 0;
        if (d->label_cols[l] < 0 && *lacks == d->n_labels) *lacks = l;
    }
    return ONUS_OK;
}

onus_status onus_assign_labels(onus_dataset *d, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    int64_t n_found = 0, lacks = 0;
    if (s->predict != ONUS_PREDICT_LABEL) { /* the text is its own label */
        d->has_labels = true;
        return ONUS_OK;
    }
    onus_status st = find_labels(d, &n_found, &lacks, err);
    if (st != ONUS_OK) return st;
    d->has_labels = n_found == d->n_labels;
    if (!d->has_labels) /* a table to predict on may lack them, all of them */
        return d->given && n_found == 0
                   ? ONUS_OK
                   : onus_no_column(d, s->label_line,
                                    d->n_labels > 1 ? "data.label.columns" : "data.label",
                                    d->labels[lacks], err);
    for (int64_t l = 0; l < d->n_labels; l++) {
        onus_data_column *col = &d->cols[d->label_cols[l]];
        col->is_label = true;
        col->is_feature = false;
        if (s->label_missing == ONUS_LABEL_MISSING_ERROR) col->missing = ONUS_MISSING_ERROR;
        if (s->label_missing == ONUS_LABEL_MISSING_DROP) col->missing = ONUS_MISSING_DROP;
        strip(d, d->label_cols[l], s->label_strip);
    }
    return ONUS_OK;
}

/* ---- classes ----------------------------------------------------------------------------- */

static int64_t place_in(const char *const *list, int64_t n, const char *text)
{
    int64_t i = 0;
    while (i < n && strcmp(list[i], text) != 0) i++;
    return i < n ? i : -1;
}

static const char *label_cell(const onus_dataset *d, int64_t row, int64_t l)
{
    return onus_cell(d, row, d->label_cols[l]);
}

static const char **classes_of(const onus_dataset *d, int64_t l)
{
    return d->classes + l * d->n_classes;
}

/* A label that is none of the classes; one that would be, but for its last character, is the
 * usual case. */
static onus_status bad_label(const onus_dataset *d, int64_t row, int64_t l,
                             const char *expected, onus_err *err)
{
    char place[512], cut[100];
    const char *cell = label_cell(d, row, l);
    const size_t n = strlen(cell);
    onus_row_place(d, row, place);
    const onus_status st =
        onus_fail(err, ONUS_BAD_INPUT, "%s: label '%.80s' is '%.80s', expected %s", place,
                  d->labels[l], cell, expected);
    if (n < 2 || n >= sizeof cut || d->task == ONUS_TASK_REGRESSION) return st;
    memcpy(cut, cell, n - 1);
    cut[n - 1] = '\0';
    return place_in(classes_of(d, l), d->n_classes, cut) < 0
               ? st
               : onus_hint(err, st, "data: {label: {strip: '%c'}} cuts that character off",
                           cell[n - 1]);
}

/* Of several labels each is yes or no: where one of them has a third value first. */
static onus_status third_value(const onus_dataset *d, int64_t l, onus_err *err)
{
    const char *seen[2] = {NULL, NULL};
    int n = 0;
    for (int64_t r = 0; r < d->n_rows; r++) {
        const char *cell = label_cell(d, r, l);
        if (onus_is_missing(d->spec, cell) || d->raw[r] >= d->csv[0].n_rows ||
            place_in(seen, n, cell) >= 0)
            continue;
        if (n < 2) {
            seen[n++] = cell;
            continue;
        }
        char place[512];
        onus_row_place(d, r, place);
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: label '%.80s' is '%.80s', a third value beside '%.40s' and "
                         "'%.40s'; of several labels each is yes or no",
                         place, d->labels[l], cell, seen[0], seen[1]);
    }
    return onus_fail(err, ONUS_BAD_INPUT,
                     "%s:%d: data.label.values: of several labels each is yes or no",
                     d->spec->recipe ? d->spec->recipe : "data", d->spec->label_line);
}

static onus_status check_values(const onus_dataset *d, int64_t l, const char *const *values,
                                int64_t n, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    const char *name = d->labels[l], *positive = s->positives ? s->positives[l] : s->positive;
    if (n < 2)
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "%s: label '%s' has one class only ('%.80s'); there is nothing to learn",
            d->csv[0].path, name, n ? values[0] : "");
    if (d->n_labels > 1 && n > 2) return third_value(d, l, err);
    if (n > 10000)
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "%s: label '%s' has %lld classes; say label: {type: number} for regression",
            d->csv[0].path, name, (long long)n);
    if (positive && place_in(values, n, positive) < 0)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: data.label.positive: '%.80s' is no value of '%s', which has "
                         "'%.40s', '%.40s'%s",
                         s->recipe, s->label_line, positive, name, values[0], values[1],
                         n > 2 ? ", ..." : "");
    if (positive && n > 2)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: label '%s' has %lld values ('%.40s', '%.40s', '%.40s'...); "
                         "positive is for two",
                         d->csv[0].path, name, (long long)n, values[0], values[1], values[2]);
    return ONUS_OK;
}

/* Two classes are {other, positive}; more are in the order of the recipe's list or of their
 * texts (numbers by value). */
static onus_status name_classes(onus_dataset *d, int64_t l, const char *const *values,
                                int64_t n, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    const char *positive = s->positives ? s->positives[l] : s->positive;
    onus_status st = check_values(d, l, values, n, err);
    if (st != ONUS_OK) return st;
    if (l == 0) {
        d->task = d->n_labels > 1 ? ONUS_TASK_LABELS
                  : n == 2        ? ONUS_TASK_BINARY
                                  : ONUS_TASK_CLASSES;
        d->n_classes = n;
        d->classes = onus_arena_alloc(&d->arena, (size_t)(d->n_labels * n), sizeof *d->classes);
        if (!d->classes) return onus_fail_mem(err, "data");
    }
    const bool turned = positive && strcmp(values[0], positive) == 0;
    for (int64_t c = 0; c < n; c++) classes_of(d, l)[c] = values[turned ? 1 - c : c];
    return ONUS_OK;
}

/* By value where all are numbers, so that 10 comes after 9; texts that are one number keep
 * their order. */
static int by_number(const void *a, const void *b)
{
    double x = 0, y = 0;
    (void)onus_parse_number(*(const char *const *)a, &x);
    (void)onus_parse_number(*(const char *const *)b, &y);
    return x != y ? (x > y) - (x < y) : onus_text_order(a, b);
}

/* A label that hardly repeats itself is a measured number, or a name: as classes it would teach
 * nothing, and its texts would stand in the model file. */
static onus_status check_classes(const onus_dataset *d, int64_t l, int64_t k, int64_t n,
                                 bool numbers, bool whole, onus_err *err)
{
    enum { CLASSES_FEW = 20, ROWS_LEAST = 4 };
    if (k <= CLASSES_FEW || (whole && k <= n / ROWS_LEAST)) return ONUS_OK;
    return onus_fail(err, ONUS_BAD_INPUT,
                     "%s: label '%.80s' has %lld different %s in %lld rows; say label: {%s",
                     d->csv[0].path, d->labels[l], (long long)k, numbers ? "numbers" : "texts",
                     (long long)n,
                     numbers ? "type: number} for regression, or {values: [..]} for classes"
                             : "values: [..]} if they are classes");
}

/* Classes of label l: the recipe's list, or what its column holds; values has room for all. */
static onus_status find_values(onus_dataset *d, int64_t l, const char **values, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    for (int64_t i = 0; i < s->n_label_values; i++) values[i] = s->label_values[i];
    if (s->n_label_values) return name_classes(d, l, values, s->n_label_values, err);
    int64_t n = 0; /* a test file of its own makes no classes */
    for (int64_t r = 0; r < d->n_rows; r++) {
        const char *cell = label_cell(d, r, l);
        if (d->raw[r] < d->csv[0].n_rows && !onus_is_missing(s, cell)) values[n++] = cell;
    }
    const int64_t k = onus_distinct(values, n);
    bool numbers = true, whole = true;
    double v = 0;
    for (int64_t i = 0; i < k; i++) {
        numbers = numbers && onus_parse_number(values[i], &v);
        whole = whole && (!numbers || v == trunc(v));
    }
    onus_status st =
        ONUS_OK; /* of several labels none is a number: a third value says enough */
    if (d->n_labels == 1) st = check_classes(d, l, k, n, numbers, whole, err);
    if (st != ONUS_OK) return st;
    if (numbers) qsort(values, (size_t)k, sizeof *values, by_number);
    return name_classes(d, l, values, k, err);
}

static onus_status class_lists(onus_dataset *d, onus_err *err)
{
    const int64_t most = d->spec->n_label_values ? d->spec->n_label_values : d->n_rows;
    const char **values = onus_alloc(d->mem, (size_t)most + 1, sizeof *values);
    onus_status st = values ? ONUS_OK : onus_fail_mem(err, "data");
    for (int64_t l = 0; st == ONUS_OK && l < d->n_labels; l++)
        st = find_values(d, l, values, err);
    onus_free(d->mem, values);
    return st;
}

/* ---- rows -------------------------------------------------------------------------------- */

/* The class of a text: rows of the same class tend to follow each other. */
static int64_t class_of(const onus_dataset *d, int64_t l, const char *text, int64_t guess)
{
    if (guess >= 0 && strcmp(classes_of(d, l)[guess], text) == 0) return guess;
    return place_in(classes_of(d, l), d->n_classes, text);
}

/* Label l of all rows; one that is missing and may be is below 0, which losses and audits pass
 * over. */
static onus_status read_label(onus_dataset *d, int64_t l, onus_err *err)
{
    onus_status st = ONUS_OK;
    for (int64_t r = 0, k = -1; st == ONUS_OK && r < d->n_rows; r++) {
        float *y = &d->y[r * d->n_labels + l];
        const char *cell = label_cell(d, r, l);
        if (d->task == ONUS_TASK_REGRESSION) {
            *y = (float)d->cols[d->label_cols[l]].number[r];
            if (*y - *y != 0) st = bad_label(d, r, l, "a number that binary32 holds", err);
            continue;
        }
        if (onus_is_missing(d->spec, cell)) { /* else cleaning had dropped the row */
            *y = -1;
            continue;
        }
        k = class_of(d, l, cell, k);
        if (k < 0)
            st = bad_label(d, r, l,
                           d->given                  ? "a class of the model"
                           : d->spec->n_label_values ? "a value of data.label.values"
                                                     : "a class of the file that it trains on",
                           err);
        *y = (float)k;
    }
    return st;
}

onus_status onus_find_classes(onus_dataset *d, onus_err *err)
{
    onus_status st = ONUS_OK;
    d->y = onus_arena_alloc(&d->arena, (size_t)d->n_rows * (size_t)d->n_labels, sizeof *d->y);
    if (!d->y) return onus_fail_mem(err, "data");
    if (d->spec->predict != ONUS_PREDICT_LABEL) {
        d->task = ONUS_TASK_TOKENS;
        return ONUS_OK;
    }
    if (d->given) {
        d->task = d->given->task;
        d->classes = d->given->classes;
        d->n_classes = d->given->n_classes;
    } else if (d->spec->label_number) {
        d->task = ONUS_TASK_REGRESSION;
    } else {
        st = class_lists(d, err);
    }
    for (int64_t l = 0; st == ONUS_OK && d->has_labels && l < d->n_labels; l++)
        st = read_label(d, l, err);
    return st;
}
