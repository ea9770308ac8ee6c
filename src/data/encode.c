/* SPDX-License-Identifier: Apache-2.0
 * encode.c - what is fitted on the training part (means, deviations, categories, fill-ins), and
 * rows as numbers.
 *
 * A number x becomes (float)((x - shift) / scale); a category a run of features of which one
 * is 1. What the recipe says (bounds, closed lists) is not fitted, which is what private
 * training wants. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/parts.h"
#include "num/vec.h"

/* Adds a line to the list of what was fitted on people. */
static bool note_fit(onus_dataset *d, const char *what, const char *column)
{
    d->fitted[d->n_fitted] = onus_arena_printf(&d->arena, "%s of %s", what, column);
    return d->fitted[d->n_fitted++] != NULL;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Most frequent of sorted values, the smallest of equals. */
static double mode_of(const double *sorted, int64_t n)
{
    double best = sorted[0];
    for (int64_t i = 0, most = 0; i < n;) {
        int64_t k = i;
        while (k < n && sorted[k] == sorted[i]) k++;
        if (k - i > most) {
            most = k - i;
            best = sorted[i];
        }
        i = k;
    }
    return best;
}

static onus_status fill_number(onus_dataset *d, const onus_data_column *col,
                               onus_encoded_column *e, double *v, int64_t n, onus_err *err)
{
    if (col->missing == ONUS_MISSING_CATEGORY && col->n_missing)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: column '%.80s' holds numbers; missing: category is for words, "
                         "use mean or median",
                         d->csv[0].path, col->name);
    e->has_fill = col->missing == ONUS_MISSING_MEAN || col->missing == ONUS_MISSING_MEDIAN ||
                  col->missing == ONUS_MISSING_MODE;
    if (!e->has_fill || n == 0) return ONUS_OK;
    qsort(v, (size_t)n, sizeof *v, by_value);
    e->fill = col->missing == ONUS_MISSING_MEAN     ? onus_sum64(v, n) / (double)n
              : col->missing == ONUS_MISSING_MEDIAN ? (v[(n - 1) / 2] + v[n / 2]) / 2
                                                    : mode_of(v, n);
    return note_fit(d, "fill-in", col->name) ? ONUS_OK : onus_fail_mem(err, "data");
}

static double clamped(const onus_encoded_column *e, double v)
{
    return !e->clamp ? v : v < e->lower ? e->lower : v > e->upper ? e->upper : v;
}

/* The training values of a column that are there. */
static int64_t training_values(const onus_dataset *d, const onus_data_column *col,
                               const onus_encoded_column *e, double *v)
{
    const int64_t *rows = d->part[ONUS_PART_TRAIN];
    int64_t n = 0;
    for (int64_t i = 0; i < d->n_part[ONUS_PART_TRAIN]; i++) {
        const double x = col->number[rows[i]];
        if (x == x) v[n++] = clamped(e, x);
    }
    return n;
}

/* Mean and deviation of v[n], which is written over. */
static bool fit_standard(onus_dataset *d, const char *name, onus_encoded_column *e, double *v,
                         int64_t n)
{
    e->shift = onus_sum64(v, n) / (double)n;
    for (int64_t i = 0; i < n; i++) v[i] = (v[i] - e->shift) * (v[i] - e->shift);
    const double var = onus_sum64(v, n) / (double)n;
    e->scale = var > 0 ? sqrt(var) : 1;
    return note_fit(d, "mean and deviation", name);
}

static bool fit_minmax(onus_dataset *d, const char *name, onus_encoded_column *e, double low,
                       double high)
{
    e->shift = low;
    e->scale = high > low ? high - low : 1;
    return note_fit(d, "smallest and largest value", name);
}

/* Shift and scale from v[n], which is written over, or from the bounds. */
static bool fit_scale(onus_dataset *d, const char *name, onus_scale scale,
                      onus_encoded_column *e, double *v, int64_t n, double low, double high)
{
    e->shift = e->clamp ? e->lower : 0;
    e->scale = e->clamp ? e->upper - e->lower : 1;
    if (n == 0 || e->clamp || scale == ONUS_SCALE_NONE) return true;
    return scale == ONUS_SCALE_MINMAX ? fit_minmax(d, name, e, low, high)
                                      : fit_standard(d, name, e, v, n);
}

static void find_range(const double *v, int64_t n, double *low, double *high)
{
    *low = *high = n ? v[0] : 0;
    for (int64_t i = 1; i < n; i++) {
        *low = v[i] < *low ? v[i] : *low;
        *high = v[i] > *high ? v[i] : *high;
    }
}

/* Shift and scale from the training values; v has room for them. */
static onus_status fit_number(onus_dataset *d, onus_data_column *col, onus_encoded_column *e,
                              double *v, onus_err *err)
{
    const onus_column_spec *s = col->spec;
    const onus_scale scale = s && s->scale != ONUS_SCALE_UNSAID    ? s->scale
                             : d->spec->scale != ONUS_SCALE_UNSAID ? d->spec->scale
                                                                   : ONUS_SCALE_STANDARD;
    e->clamp = s && s->has_bounds;
    e->lower = e->clamp ? s->lower : 0;
    e->upper = e->clamp ? s->upper : 0;
    const int64_t n = training_values(d, col, e, v);
    onus_status st = fill_number(d, col, e, v, n, err);
    if (st != ONUS_OK) return st;
    double low, high;
    find_range(v, n, &low, &high);
    col->constant = low == high && (!e->clamp || n == 0);
    e->pub.n = n > 0; /* nothing to learn from, and no fill-in, where all are missing */
    if (!fit_scale(d, col->name, scale, e, v, n, low, high)) return onus_fail_mem(err, "data");
    if (!(e->scale > 0 && e->shift - e->shift == 0 && e->scale - e->scale == 0))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: column '%.80s' reaches from %g to %g: too far for binary64 to "
                         "scale",
                         d->csv[0].path, col->name, low, high);
    return ONUS_OK;
}

static const char missing_name[] = "(missing)";

/* The most frequent value of the training part, the first of equals. */
static onus_status fit_mode(onus_dataset *d, int64_t c, const char *const *values, int64_t n,
                            onus_encoded_column *e, onus_err *err)
{
    int64_t *count = onus_alloc(d->mem, (size_t)n, sizeof *count), most = 0;
    if (!count) return onus_fail_mem(err, "data");
    for (int64_t i = 0; i < d->n_part[ONUS_PART_TRAIN]; i++) {
        const char *cell = onus_cell(d, d->part[ONUS_PART_TRAIN][i], c);
        const int64_t k =
            onus_is_missing(d->spec, cell) ? -1 : onus_text_place(values, n, cell);
        if (k >= 0 && ++count[k] > most) most = count[k];
    }
    while (count[e->fill_value] != most) e->fill_value++;
    onus_free(d->mem, count);
    return note_fit(d, "fill-in", d->cols[c].name) ? ONUS_OK : onus_fail_mem(err, "data");
}

/* The recipe's list, or the texts of the training part, sorted; *n_missing of its rows. */
static int64_t category_values(const onus_dataset *d, int64_t c, const char **values,
                               int64_t *n_missing)
{
    const onus_column_spec *s = d->cols[c].spec;
    const bool closed = s && s->n_values > 0;
    int64_t n = 0;
    *n_missing = 0;
    for (int64_t i = 0; closed && i < s->n_values; i++) values[n++] = s->values[i];
    for (int64_t i = 0; i < d->n_part[ONUS_PART_TRAIN]; i++) {
        const char *cell = onus_cell(d, d->part[ONUS_PART_TRAIN][i], c);
        if (onus_is_missing(d->spec, cell))
            ++*n_missing;
        else if (!closed)
            values[n++] = cell;
    }
    return onus_distinct(values, n);
}

/* "3,14", as many countries write it. */
static bool has_decimal_comma(const char *text)
{
    char point[64];
    double v;
    const size_t at = strcspn(text, ","), n = strlen(text);
    if (at == n || n >= sizeof point) return false;
    memcpy(point, text, n + 1);
    point[at] = '.';
    return onus_parse_number(point, &v);
}

/* A text that nearly every row has to itself names people: it would stand in the model file. */
static onus_status check_values(const onus_dataset *d, int64_t c, const char *const *values,
                                int64_t n, onus_err *err)
{
    enum { VALUES_MAX = 10000, NAMES_MIN = 30 };
    const onus_data_column *col = &d->cols[c];
    const int64_t n_rows = d->n_part[ONUS_PART_TRAIN];
    const bool said = col->spec && col->spec->role == ONUS_ROLE_CATEGORY;
    if (n <= (said ? VALUES_MAX : n_rows / 2) || n <= NAMES_MIN || d->given) return ONUS_OK;
    if (has_decimal_comma(values[0]))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: column '%.80s' holds '%.40s': write numbers with a decimal point",
                         d->csv[0].path, col->name, values[0]);
    return onus_fail(err, ONUS_BAD_INPUT,
                     "%s: column '%.80s' has %lld different texts in %lld rows, so it names "
                     "them; say columns: {%.80s: identifier}%s",
                     d->csv[0].path, col->name, (long long)n, (long long)n_rows, col->name,
                     said ? "" : ", drop or category");
}

/* The values of a category, and what stands for a missing one. */
static onus_status fit_category(onus_dataset *d, int64_t c, onus_encoded_column *e,
                                const char **values, onus_err *err)
{
    onus_data_column *col = &d->cols[c];
    const bool closed = col->spec && col->spec->n_values > 0;
    onus_status st = ONUS_OK;
    int64_t n_missing, n = category_values(d, c, values, &n_missing);
    if (!closed) st = check_values(d, c, values, n, err);
    if (st != ONUS_OK) return st;
    col->constant = n + (n_missing > 0 && col->missing == ONUS_MISSING_CATEGORY) < 2 && !closed;
    if (col->missing == ONUS_MISSING_CATEGORY) {
        if (n_missing) values[n++] = missing_name;
        n = onus_distinct(values, n);
        e->has_fill = true;
        e->fill_value = n_missing ? onus_text_place(values, n, missing_name) : -1;
    } else if (col->missing == ONUS_MISSING_MODE && n) {
        e->has_fill = true;
        st = fit_mode(d, c, values, n, e, err);
    } else if (col->n_missing && n && col->missing >= ONUS_MISSING_MEAN) {
        st = onus_fail(err, ONUS_BAD_INPUT,
                       "%s: column '%.80s' holds words; missing: mean and median are for "
                       "numbers, use mode or category",
                       d->csv[0].path, col->name);
    }
    if (st != ONUS_OK) return st;
    const char **own = onus_arena_alloc(&d->encoder->arena, (size_t)n + 1, sizeof *own);
    for (int64_t i = 0; own && i < n; i++) {
        own[i] = onus_arena_strdup(&d->encoder->arena, values[i]);
        if (!own[i]) own = NULL;
    }
    if (!own || (!closed && !note_fit(d, "categories", col->name)))
        return onus_fail_mem(err, "data");
    e->pub.values = own;
    e->pub.n = n;
    e->closed = closed;
    return ONUS_OK;
}

static onus_status new_encoder(onus_dataset *d, onus_err *err)
{
    onus_encoder *e = onus_alloc(d->mem, 1, sizeof *e);
    if (!e) return onus_fail_mem(err, "data");
    d->encoder = e;
    e->mem = d->mem;
    onus_arena_init(&e->arena, d->mem);
    e->task = d->task;
    e->n_labels = d->n_labels;
    e->n_classes = d->n_classes;
    const int64_t n_names = d->n_labels * d->n_classes;
    e->labels = onus_arena_alloc(&e->arena, (size_t)d->n_labels, sizeof *e->labels);
    e->classes = onus_arena_alloc(&e->arena, (size_t)n_names + 1, sizeof *e->classes);
    e->columns = onus_arena_alloc(&e->arena, (size_t)d->n_cols + 1, sizeof *e->columns);
    if (!e->labels || !e->classes || !e->columns) return onus_fail_mem(err, "data");
    for (int64_t l = 0; l < d->n_labels; l++) { /* tokens have no column of labels */
        e->labels[l] = d->label_cols ? onus_arena_strdup(&e->arena, d->labels[l]) : "";
        if (!e->labels[l]) return onus_fail_mem(err, "data");
    }
    for (int64_t i = 0; i < n_names; i++) {
        if (!(e->classes[i] = onus_arena_strdup(&e->arena, d->classes[i])))
            return onus_fail_mem(err, "data");
    }
    return ONUS_OK;
}

/* Room for the values of the longest column: its training rows, or the recipe's list. */
static size_t most_values(const onus_dataset *d)
{
    int64_t n = d->n_part[ONUS_PART_TRAIN];
    for (int64_t i = 0; i < d->spec->n_columns; i++)
        n = d->spec->columns[i].n_values > n ? d->spec->columns[i].n_values : n;
    return (size_t)n + 2;
}

/* One column: fitted, and kept unless it says the same of everybody. */
static onus_status fit_column(onus_dataset *d, int64_t c, void *room, onus_err *err)
{
    onus_encoder *e = d->encoder;
    onus_data_column *col = &d->cols[c];
    onus_encoded_column *x = &e->columns[e->n_columns];
    *x = (onus_encoded_column){.pub = {.category = col->role == ONUS_ROLE_CATEGORY,
                                       .is_protected = col->is_protected,
                                       .n = 1}};
    if (!(x->pub.name = onus_arena_strdup(&e->arena, col->name)))
        return onus_fail_mem(err, "data");
    onus_status st =
        x->pub.category ? fit_category(d, c, x, room, err) : fit_number(d, col, x, room, err);
    if (st != ONUS_OK || x->pub.n == 0 || (col->constant && !d->spec->keep_constant)) return st;
    x->pub.first = e->n_features;
    e->n_features += x->pub.n;
    if (e->n_features > ONUS_FEATURES_MAX)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: more than %d features, at column '%.80s'",
                         d->csv[0].path, ONUS_FEATURES_MAX, col->name);
    d->input_col[e->n_columns++] = c;
    return ONUS_OK;
}

static float clean_number(const onus_encoded_column *e, double v)
{
    if (v != v && e->has_fill) v = e->fill;
    return (float)((clamped(e, v) - e->shift) / e->scale);
}

/* A number to predict: scaled for training as inputs are, by the training part or the recipe's
 * bounds. Evaluation never sees it. */
static onus_status fit_label(onus_dataset *d, double *v, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    const onus_data_column *col = &d->cols[d->label_cols[0]];
    onus_encoded_column e = {
        .clamp = s->label_has_bounds, .lower = s->label_lower, .upper = s->label_upper};
    double low, high;
    const int64_t n = training_values(d, col, &e, v);
    find_range(v, n, &low, &high);
    d->target = onus_arena_alloc(&d->arena, (size_t)d->n_rows, sizeof *d->target);
    if (!d->target || !fit_scale(d, col->name, s->label_scale, &e, v, n, low, high))
        return onus_fail_mem(err, "data");
    if (!(e.scale >= (double)FLT_MIN && e.scale <= (double)FLT_MAX &&
          fabs(e.shift) <= (double)FLT_MAX))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: label '%.80s' reaches from %g to %g: too far, or too near, for "
                         "binary32 to scale",
                         d->csv[0].path, col->name, e.clamp ? e.lower : low,
                         e.clamp ? e.upper : high);
    for (int64_t r = 0; r < d->n_rows; r++) d->target[r] = clean_number(&e, col->number[r]);
    d->label_shift = e.shift;
    d->label_scale = e.scale;
    return ONUS_OK;
}

onus_status onus_fit_encoder(onus_dataset *d, const onus_sink *sink, onus_err *err)
{
    onus_status st = new_encoder(d, err);
    if (st != ONUS_OK) return st;
    const size_t n_cols = (size_t)d->n_cols;
    d->fitted = onus_arena_alloc(&d->arena, 2 * n_cols + 2, sizeof *d->fitted);
    d->input_col = onus_arena_alloc(&d->arena, n_cols + 1, sizeof *d->input_col);
    void *room = onus_alloc(d->mem, most_values(d), 8);
    if (!room || !d->fitted || !d->input_col) st = onus_fail_mem(err, "data");
    if (st == ONUS_OK && d->text.any) st = onus_fit_text_column(d, sink, err);
    for (int64_t c = 0; st == ONUS_OK && !d->text.any && c < d->n_cols; c++) {
        if (d->cols[c].is_feature) st = fit_column(d, c, room, err);
    }
    if (st == ONUS_OK && d->task == ONUS_TASK_REGRESSION) st = fit_label(d, room, err);
    onus_free(d->mem, room);
    if (st == ONUS_OK && d->encoder->n_features == 0)
        st = onus_fail(err, ONUS_BAD_INPUT, "%s: no column is left to learn from",
                       d->csv[0].path);
    return st;
}

/* ---- rows as numbers --------------------------------------------------------------------- */

/* What a cell becomes, into out (n features of the column); *unseen: a category that training
 * did not have, all zeros. */
static onus_status encode_cell(const onus_dataset *d, const onus_encoded_column *x, int64_t r,
                               int64_t c, float *out, bool *unseen, onus_err *err)
{
    char place[512];
    const char *cell = onus_cell(d, r, c);
    const bool missing = onus_is_missing(d->spec, cell);
    if (missing && !x->has_fill) {
        onus_row_place(d, r, place);
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: column '%.80s' is missing, and the model has no fill-in for it",
                         place, x->pub.name);
    }
    if (!x->pub.category) {
        out[0] = clean_number(x, d->cols[c].number[r]);
        if (out[0] - out[0] == 0) return ONUS_OK;
        onus_row_place(d, r, place);
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: column '%.80s': '%.80s' is too large once it is scaled", place,
                         x->pub.name, cell);
    }
    const int64_t v = missing ? x->fill_value : onus_text_place(x->pub.values, x->pub.n, cell);
    *unseen = v < 0;
    if (v >= 0) out[v] = 1.0f;
    if (v >= 0 || !x->closed || missing) return ONUS_OK;
    onus_row_place(d, r, place);
    return onus_fail(
        err, ONUS_BAD_INPUT,
        "%s: column '%.80s' is '%.80s', which the recipe's list of values does not hold", place,
        x->pub.name, cell);
}

/* Where the columns that a given encoder reads stand in this table. */
static onus_status find_inputs(onus_dataset *d, onus_err *err)
{
    const onus_encoder *e = d->encoder;
    d->input_col = onus_arena_alloc(&d->arena, (size_t)e->n_columns + 1, sizeof *d->input_col);
    if (!d->input_col) return onus_fail_mem(err, "data");
    for (int64_t k = 0; k < e->n_columns; k++) {
        d->input_col[k] = onus_find_col(d, e->columns[k].pub.name);
        if (d->input_col[k] < 0 || !d->cols[d->input_col[k]].is_feature)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s lacks the column '%.80s', which the model reads",
                             d->csv[0].path, e->columns[k].pub.name);
    }
    return ONUS_OK;
}

/* Training divides by the sum of the weights. */
static onus_status check_weight_sum(const onus_dataset *d, onus_err *err)
{
    double sum = 0;
    for (int64_t i = 0; i < d->n_part[ONUS_PART_TRAIN]; i++)
        sum += (double)d->w[d->part[ONUS_PART_TRAIN][i]];
    if (d->given || sum > 0) return ONUS_OK;
    return onus_fail(err, ONUS_BAD_INPUT,
                     "%s: the weights '%.80s' of the training part are all 0", d->csv[0].path,
                     d->cols[d->weight_col].name);
}

onus_status onus_encode_rows(onus_dataset *d, onus_err *err)
{
    const onus_encoder *e = d->encoder;
    onus_status st = d->given ? find_inputs(d, err) : ONUS_OK;
    if (st != ONUS_OK) return st;
    if (d->text.any) st = onus_encode_texts(d, err);
    if (st != ONUS_OK) return st;
    if (!d->text.any)
        d->x = onus_arena_alloc(&d->arena, (size_t)d->n_rows * (size_t)e->n_features,
                                sizeof *d->x);
    d->unseen = onus_arena_alloc(&d->arena, (size_t)e->n_columns + 1, sizeof *d->unseen);
    if ((!d->x && !d->text.any) || !d->unseen) return onus_fail_mem(err, "data");
    for (int64_t k = 0; !d->text.any && k < e->n_columns; k++) {
        for (int64_t r = 0; r < d->n_rows; r++) {
            bool unseen = false;
            st = encode_cell(d, &e->columns[k], r, d->input_col[k],
                             d->x + r * e->n_features + e->columns[k].pub.first, &unseen, err);
            if (st != ONUS_OK) return st;
            d->unseen[k] += unseen; /* the data sheet counts them */
        }
    }
    if (d->weight_col < 0) return ONUS_OK;
    d->w = onus_arena_alloc(&d->arena, (size_t)d->n_rows, sizeof *d->w);
    if (!d->w) return onus_fail_mem(err, "data");
    for (int64_t r = 0; r < d->n_rows; r++) d->w[r] = (float)d->cols[d->weight_col].number[r];
    return check_weight_sum(d, err);
}

/* ---- one row, given as texts ------------------------------------------------------------- */

onus_status onus_encoder_encode(const onus_encoder *e, const char *const *names,
                                const char *const *values, int64_t n, float *x, onus_err *err)
{
    if (e->pixels || e->tokenizer)
        return onus_fail(err, ONUS_BAD_ARG, "predict: the model reads %s, not columns",
                         e->pixels ? "images" : "text");
    if (n != e->n_columns)
        return onus_fail(err, ONUS_BAD_INPUT, "predict: %lld columns, the model reads %lld",
                         (long long)n, (long long)e->n_columns);
    for (int64_t k = 0; k < e->n_columns; k++) {
        const onus_encoded_column *c = &e->columns[k];
        int64_t i = 0;
        while (i < n && strcmp(names[i], c->pub.name) != 0) i++;
        if (i == n)
            return onus_fail(err, ONUS_BAD_INPUT, "predict: the column '%.80s' is not given",
                             c->pub.name);
        float *out = x + c->pub.first;
        double v = NAN;
        const bool missing = !*values[i] && c->has_fill;
        if (!c->pub.category) {
            if (!missing && !onus_parse_number(values[i], &v))
                return onus_fail(err, ONUS_BAD_INPUT, "predict: %.80s is '%.80s', not a number",
                                 c->pub.name, values[i]);
            out[0] = clean_number(c, v);
            if (out[0] - out[0] == 0) continue;
            return onus_fail(err, ONUS_BAD_INPUT,
                             "predict: %.80s is '%.80s', too large once it is scaled",
                             c->pub.name, values[i]);
        }
        const int64_t place =
            missing ? c->fill_value : onus_text_place(c->pub.values, c->pub.n, values[i]);
        if (place < 0 && !missing)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "predict: %.80s is '%.80s', a value that the model has never seen",
                             c->pub.name, values[i]);
        memset(out, 0, (size_t)c->pub.n * sizeof *out);
        if (place >= 0) out[place] = 1.0f;
    }
    return ONUS_OK;
}
