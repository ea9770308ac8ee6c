/* SPDX-License-Identifier: Apache-2.0
 * encode.c - what is fitted on the training part (means, deviations, categories, fill-ins), and
 * rows as numbers.
 *
 * A number x becomes (float)((x - shift) / scale); a category a run of features of which one
 * is 1. What the recipe says (bounds, closed lists) is not fitted, which is what private
 * training wants. */
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

/* Shift and scale from the training values v[n]. */
static onus_status fit_number(onus_dataset *d, onus_data_column *col, onus_encoded_column *e,
                              double *v, onus_err *err)
{
    const int64_t *rows = d->part[ONUS_PART_TRAIN], n_rows = d->n_part[ONUS_PART_TRAIN];
    const onus_column_spec *s = col->spec;
    onus_scale scale = s && s->scale != ONUS_SCALE_UNSAID    ? s->scale
                       : d->spec->scale != ONUS_SCALE_UNSAID ? d->spec->scale
                                                             : ONUS_SCALE_STANDARD;
    int64_t n = 0;
    e->clamp = s && s->has_bounds;
    e->lower = e->clamp ? s->lower : 0;
    e->upper = e->clamp ? s->upper : 0;
    for (int64_t i = 0; i < n_rows; i++) {
        double x = col->number[rows[i]];
        if (x != x) continue;
        if (e->clamp) x = x < e->lower ? e->lower : x > e->upper ? e->upper : x;
        v[n++] = x;
    }
    e->shift = 0;
    e->scale = 1;
    onus_status st = fill_number(d, col, e, v, n, err);
    if (st != ONUS_OK || n == 0) return st;
    double low = v[0], high = v[0];
    for (int64_t i = 1; i < n; i++)
        low = v[i] < low ? v[i] : low, high = v[i] > high ? v[i] : high;
    col->constant = low == high && !e->clamp;
    if (e->clamp) {
        e->shift = e->lower;
        e->scale = e->upper - e->lower;
    } else if (scale == ONUS_SCALE_MINMAX) {
        e->shift = low;
        e->scale = high > low ? high - low : 1;
        if (!note_fit(d, "smallest and largest value", col->name))
            return onus_fail_mem(err, "data");
    } else if (scale == ONUS_SCALE_STANDARD) {
        e->shift = onus_sum64(v, n) / (double)n;
        for (int64_t i = 0; i < n; i++) v[i] = (v[i] - e->shift) * (v[i] - e->shift);
        const double var = onus_sum64(v, n) / (double)n;
        e->scale = var > 0 ? sqrt(var) : 1;
        if (!note_fit(d, "mean and deviation", col->name)) return onus_fail_mem(err, "data");
    }
    return ONUS_OK;
}

static const char missing_name[] = "(missing)";

/* The values of a category: the recipe's list, or those of the training part. */
static onus_status fit_category(onus_dataset *d, int64_t c, onus_encoded_column *e,
                                onus_err *err)
{
    enum { VALUES_MAX = 10000 };
    onus_data_column *col = &d->cols[c];
    const int64_t *rows = d->part[ONUS_PART_TRAIN], n_rows = d->n_part[ONUS_PART_TRAIN];
    const bool closed = col->spec && col->spec->n_values > 0,
               own = col->missing == ONUS_MISSING_CATEGORY;
    const char **values =
        onus_arena_alloc(&d->encoder->arena,
                         (size_t)((closed ? col->spec->n_values : n_rows) + 1), sizeof *values);
    if (!values) return onus_fail_mem(err, "data");
    int64_t n = 0;
    for (int64_t i = 0; closed && i < col->spec->n_values; i++)
        values[n++] = col->spec->values[i];
    for (int64_t i = 0; !closed && i < n_rows; i++) {
        const char *cell = onus_cell(d, rows[i], c);
        if (!onus_is_missing(d->spec, cell)) values[n++] = cell;
    }
    n = onus_distinct(values, n);
    col->constant = n < 2 && !closed && !(own && col->n_missing);
    if (own && col->n_missing) {
        values[n++] = missing_name;
        n = onus_distinct(values, n);
        e->has_fill = true;
        e->fill_value = onus_text_place(values, n, missing_name);
    } else if (col->missing == ONUS_MISSING_MODE && n) {
        int64_t *count = onus_alloc(d->mem, (size_t)n, sizeof *count), most = 0;
        if (!count) return onus_fail_mem(err, "data");
        for (int64_t i = 0; i < n_rows; i++) {
            const int64_t k = onus_text_place(values, n, onus_cell(d, rows[i], c));
            if (k >= 0 && ++count[k] > most) most = count[k];
        }
        while (count[e->fill_value] != most) e->fill_value++;
        e->has_fill = true;
        onus_free(d->mem, count);
    } else if (col->n_missing && col->missing >= ONUS_MISSING_MEAN) {
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: column '%.80s' holds words; missing: mean and median are for "
                         "numbers, use mode or category",
                         d->csv[0].path, col->name);
    }
    if (n > VALUES_MAX)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: column '%.80s' has %lld different texts; say columns: {%.80s: "
                         "identifier} or drop",
                         d->csv[0].path, col->name, (long long)n, col->name);
    for (int64_t i = 0; i < n; i++) {
        values[i] = onus_arena_strdup(&d->encoder->arena, values[i]);
        if (!values[i]) return onus_fail_mem(err, "data");
    }
    e->pub.values = values;
    e->pub.n = n;
    e->closed = closed;
    return closed || note_fit(d, "categories", col->name) ? ONUS_OK
                                                          : onus_fail_mem(err, "data");
}

/* Columns of texts that name nearly every row are no features. */
static onus_status new_encoder(onus_dataset *d, onus_err *err)
{
    onus_encoder *e = onus_alloc(d->mem, 1, sizeof *e);
    if (!e) return onus_fail_mem(err, "data");
    d->encoder = e;
    e->mem = d->mem;
    onus_arena_init(&e->arena, d->mem);
    e->task = d->task;
    e->n_classes = d->n_classes;
    e->classes = onus_arena_alloc(&e->arena, (size_t)d->n_classes + 1, sizeof *e->classes);
    e->columns = onus_arena_alloc(&e->arena, (size_t)d->n_cols + 1, sizeof *e->columns);
    e->label = d->spec->label ? onus_arena_strdup(&e->arena, d->spec->label) : "";
    if (!e->classes || !e->columns || !e->label) return onus_fail_mem(err, "data");
    for (int64_t i = 0; i < d->n_classes; i++) {
        if (!(e->classes[i] = onus_arena_strdup(&e->arena, d->classes[i])))
            return onus_fail_mem(err, "data");
    }
    return ONUS_OK;
}

onus_status onus_fit_encoder(onus_dataset *d, onus_err *err)
{
    onus_status st = new_encoder(d, err);
    if (st != ONUS_OK) return st;
    onus_encoder *e = d->encoder;
    d->fitted = onus_arena_alloc(&d->arena, (size_t)(2 * d->n_cols) + 2, sizeof *d->fitted);
    double *v = onus_alloc(d->mem, (size_t)d->n_part[ONUS_PART_TRAIN] + 1, sizeof *v);
    if (!v || !d->fitted) st = onus_fail_mem(err, "data");
    for (int64_t c = 0; st == ONUS_OK && c < d->n_cols; c++) {
        onus_data_column *col = &d->cols[c];
        if (!col->is_feature) continue;
        onus_encoded_column *x = &e->columns[e->n_columns];
        *x = (onus_encoded_column){.pub = {.category = col->role == ONUS_ROLE_CATEGORY,
                                           .is_protected = col->is_protected,
                                           .n = 1}};
        if (!(x->pub.name = onus_arena_strdup(&e->arena, col->name))) {
            st = onus_fail_mem(err, "data");
            break;
        }
        st = x->pub.category ? fit_category(d, c, x, err) : fit_number(d, col, x, v, err);
        if (st != ONUS_OK || (col->constant && !d->spec->keep_constant)) continue;
        x->pub.first = e->n_features;
        e->n_features += x->pub.n;
        e->n_columns++;
    }
    onus_free(d->mem, v);
    if (st == ONUS_OK && e->n_features == 0)
        st = onus_fail(err, ONUS_BAD_INPUT, "%s: no column is left to learn from",
                       d->csv[0].path);
    return st;
}

/* ---- rows as numbers --------------------------------------------------------------------- */

static double clean_number(const onus_encoded_column *e, double v)
{
    if (v != v && e->has_fill) v = e->fill;
    if (e->clamp) v = v < e->lower ? e->lower : v > e->upper ? e->upper : v;
    return (v - e->shift) / e->scale;
}

static onus_status encode_column(onus_dataset *d, int64_t k, int64_t c, onus_err *err)
{
    const onus_encoder *e = d->encoder;
    const onus_encoded_column *x = &e->columns[k];
    char place[512];
    for (int64_t r = 0; r < d->n_rows; r++) {
        float *out = d->x + r * e->n_features + x->pub.first;
        const char *cell = onus_cell(d, r, c);
        const bool missing = onus_is_missing(d->spec, cell);
        if (missing && !x->has_fill) {
            onus_row_place(d, r, place);
            return onus_fail(
                err, ONUS_BAD_INPUT,
                "%s: column '%.80s' is missing, and the model has no fill-in for it", place,
                x->pub.name);
        }
        if (!x->pub.category) {
            out[0] = (float)clean_number(x, d->cols[c].number[r]);
            continue;
        }
        const int64_t v =
            missing ? x->fill_value : onus_text_place(x->pub.values, x->pub.n, cell);
        if (v >= 0) {
            out[v] = 1.0f;
        } else if (x->closed) {
            onus_row_place(d, r, place);
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s: column '%.80s' is '%.80s', which the recipe's list of values "
                             "does not hold",
                             place, x->pub.name, cell);
        } else {
            d->unseen[k]++; /* all zeros; the data sheet counts them */
        }
    }
    return ONUS_OK;
}

onus_status onus_encode_rows(onus_dataset *d, onus_err *err)
{
    const onus_encoder *e = d->encoder;
    d->x = onus_arena_alloc(&d->arena, (size_t)d->n_rows * (size_t)e->n_features, sizeof *d->x);
    d->unseen = onus_arena_alloc(&d->arena, (size_t)e->n_columns + 1, sizeof *d->unseen);
    if (!d->x || !d->unseen) return onus_fail_mem(err, "data");
    for (int64_t k = 0; k < e->n_columns; k++) {
        int64_t c = 0;
        while (c < d->n_cols && strcmp(d->cols[c].name, e->columns[k].pub.name) != 0) c++;
        if (c == d->n_cols)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s lacks the column '%.80s', which the model reads",
                             d->csv[0].path, e->columns[k].pub.name);
        if (!e->columns[k].pub.category && !d->cols[c].number)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s: column '%.80s' holds words, the model reads numbers",
                             d->csv[0].path, e->columns[k].pub.name);
        onus_status st = encode_column(d, k, c, err);
        if (st != ONUS_OK) return st;
    }
    if (d->weight_col < 0) return ONUS_OK;
    d->w = onus_arena_alloc(&d->arena, (size_t)d->n_rows, sizeof *d->w);
    if (!d->w) return onus_fail_mem(err, "data");
    for (int64_t r = 0; r < d->n_rows; r++) d->w[r] = (float)d->cols[d->weight_col].number[r];
    return ONUS_OK;
}

/* ---- one row, given as texts ------------------------------------------------------------- */

onus_status onus_encoder_encode(const onus_encoder *e, const char *const *names,
                                const char *const *values, int64_t n, float *x, onus_err *err)
{
    if (e->pixels)
        return onus_fail(err, ONUS_BAD_ARG, "predict: the model reads images, not columns");
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
        if (!c->pub.category) {
            if ((*values[i] || !c->has_fill) && !onus_parse_number(values[i], &v))
                return onus_fail(err, ONUS_BAD_INPUT, "predict: %.80s is '%.80s', not a number",
                                 c->pub.name, values[i]);
            out[0] = (float)clean_number(c, v);
            continue;
        }
        const int64_t place = !*values[i] && c->has_fill
                                  ? c->fill_value
                                  : onus_text_place(c->pub.values, c->pub.n, values[i]);
        if (place < 0)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "predict: %.80s is '%.80s', a value that the model has never seen",
                             c->pub.name, values[i]);
        memset(out, 0, (size_t)c->pub.n * sizeof *out);
        out[place] = 1.0f;
    }
    return ONUS_OK;
}
