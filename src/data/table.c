/* SPDX-License-Identifier: Apache-2.0
 * table.c - from files to typed columns: roles, cleaning, types, classes, groups. Every
 * complaint names the recipe's line or the table's. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/hash.h"
#include "data/parts.h"

bool onus_is_missing(const onus_data_spec *s, const char *cell)
{
    if (!*cell) return true;
    for (int64_t i = 0; i < s->n_missing_tokens; i++) {
        if (strcmp(cell, s->missing_tokens[i]) == 0) return true;
    }
    return false;
}

void onus_row_place(const onus_dataset *d, int64_t row, char out[512])
{
    const int64_t r = d->raw ? d->raw[row] : row, n0 = d->csv[0].n_rows;
    const onus_csv *t = r < n0 ? &d->csv[0] : &d->csv[1];
    snprintf(out, 512, "%.480s:%d", t->path, t->line[r < n0 ? r : r - n0]);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int64_t onus_distinct(const char **texts, int64_t n)
{
    qsort(texts, (size_t)n, sizeof *texts, by_text);
    int64_t k = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(texts[i], texts[k - 1]) != 0) texts[k++] = texts[i];
    }
    return k;
}

int64_t onus_text_place(const char *const *sorted, int64_t n, const char *text)
{
    const char *const *at =
        n ? bsearch(&text, sorted, (size_t)n, sizeof *sorted, by_text) : NULL;
    return at ? at - sorted : -1;
}

/* ---- files ---------------------------------------------------------------------------------
 */

static onus_status read_table(onus_dataset *d, int k, const char *name, const onus_sink *sink,
                              onus_err *err)
{
    char path[ONUS_PATH_MAX];
    const onus_data_spec *s = d->spec;
    const onus_csv_dialect dialect = {.delimiter = s->delimiter,
                                      .trim = s->trim,
                                      .comment = s->comment,
                                      .names = s->names,
                                      .n_names = s->n_names};
    onus_status st =
        onus_path_join(path, sizeof path, s->base_dir ? s->base_dir : ".", name, err);
    if (st != ONUS_OK) return st;
    const char *kept = onus_arena_strdup(&d->arena, path);
    if (!kept) return onus_fail_mem(err, path);
    st = onus_csv_read(&d->csv[k], kept, &dialect, d->file_sha[k], d->mem, err);
    if (st == ONUS_OK && d->csv[k].n_rows == 0)
        st = onus_fail(err, ONUS_BAD_INPUT, "%s: no rows", path);
    return st == ONUS_OK
               ? onus_emit_read(kept, d->file_sha[k], d->csv[k].n_rows, k, d->mem, sink, err)
               : st;
}

onus_status onus_read_tables(onus_dataset *d, const onus_sink *sink, onus_err *err)
{
    onus_status st = read_table(d, 0, d->spec->source, sink, err);
    if (st == ONUS_OK && d->spec->test_source) {
        st = read_table(d, 1, d->spec->test_source, sink, err);
        if (st != ONUS_OK) return st;
        if (d->csv[1].n_columns != d->csv[0].n_columns)
            return onus_fail(err, ONUS_BAD_INPUT, "%s has %lld columns, %s has %lld",
                             d->csv[1].path, (long long)d->csv[1].n_columns, d->csv[0].path,
                             (long long)d->csv[0].n_columns);
        for (int64_t c = 0; c < d->csv[0].n_columns; c++) {
            if (strcmp(d->csv[0].columns[c], d->csv[1].columns[c]) != 0)
                return onus_fail(err, ONUS_BAD_INPUT,
                                 "%s: column %lld is '%.80s', in %s it is '%.80s'",
                                 d->csv[1].path, (long long)c + 1, d->csv[1].columns[c],
                                 d->csv[0].path, d->csv[0].columns[c]);
        }
    }
    d->n_raw = d->csv[0].n_rows + d->csv[1].n_rows;
    return st;
}

/* ---- roles ------------------------------------------------------------------------------- */

static int64_t find_col(const onus_dataset *d, const char *name)
{
    for (int64_t c = 0; c < d->n_cols; c++) {
        if (strcmp(d->cols[c].name, name) == 0) return c;
    }
    return -1;
}

static onus_status no_column(const onus_dataset *d, int line, const char *what,
                             const char *name, onus_err *err)
{
    char known[300] = "";
    for (int64_t c = 0; c < d->n_cols && strlen(known) < 240; c++) {
        const size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%.40s", n ? ", " : "", d->cols[c].name);
    }
    return onus_fail(err, ONUS_BAD_INPUT, "%s:%d: %s: '%.80s' is no column of %s, which has %s",
                     d->spec->recipe ? d->spec->recipe : "recipe", line, what, name,
                     d->csv[0].path, known);
}

/* Label, protected, columns: by name. A table to predict on may lack the label. */
onus_status onus_assign_roles(onus_dataset *d, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    d->n_cols = d->csv[0].n_columns;
    d->cols = onus_arena_alloc(&d->arena, (size_t)d->n_cols, sizeof *d->cols);
    if (!d->cols) return onus_fail_mem(err, "data");
    for (int64_t c = 0; c < d->n_cols; c++)
        d->cols[c] = (onus_data_column){
            .name = d->csv[0].columns[c], .missing = s->missing, .is_feature = true};
    d->label_col = find_col(d, s->label);
    d->weight_col = -1;
    if (d->label_col < 0 && !d->given)
        return no_column(d, s->line, "data.label", s->label, err);
    d->has_labels = d->label_col >= 0;
    if (d->has_labels)
        d->cols[d->label_col].is_label = true, d->cols[d->label_col].is_feature = false;
    for (int64_t i = 0; i < s->n_protected; i++) {
        const int64_t c = find_col(d, s->protected_[i].column);
        if (c < 0)
            return no_column(d, s->protected_[i].line, "data.protected",
                             s->protected_[i].column, err);
        if (c == d->label_col)
            return onus_fail(err, ONUS_BAD_INPUT, "%s:%d: data.protected: '%s' is the label",
                             s->recipe, s->protected_[i].line, s->label);
        d->cols[c].is_protected = true;
    }
    for (int64_t i = 0; i < s->n_columns; i++) {
        const onus_column_spec *cs = &s->columns[i];
        const int64_t c = find_col(d, cs->name);
        if (c < 0 && d->given) continue;
        if (c < 0) return no_column(d, cs->line, "data.columns", cs->name, err);
        onus_data_column *col = &d->cols[c];
        if (col->is_label)
            return onus_fail(err, ONUS_BAD_INPUT, "%s:%d: data.columns: '%s' is the label",
                             s->recipe, cs->line, cs->name);
        col->spec = cs;
        col->role = cs->role;
        if (cs->missing != ONUS_MISSING_UNSAID) col->missing = cs->missing;
        if (cs->role == ONUS_ROLE_DROP || cs->role == ONUS_ROLE_IDENTIFIER ||
            cs->role == ONUS_ROLE_WEIGHT)
            col->is_feature = false;
        if (cs->role == ONUS_ROLE_WEIGHT && d->weight_col >= 0)
            return onus_fail(err, ONUS_BAD_INPUT, "%s:%d: data.columns: a second weight, '%s'",
                             s->recipe, cs->line, cs->name);
        if (cs->role == ONUS_ROLE_WEIGHT) d->weight_col = c;
    }
    for (int64_t c = 0; d->given && c < d->n_cols;
         c++) { /* only what the model reads is a feature */
        bool used = false;
        for (int64_t k = 0; k < d->given->n_columns; k++)
            used = used || strcmp(d->given->columns[k].pub.name, d->cols[c].name) == 0;
        d->cols[c].is_feature = used;
    }
    return ONUS_OK;
}

/* ---- cleaning ---------------------------------------------------------------------------- */

static bool is_used(const onus_data_column *c)
{
    return c->is_feature || c->is_label || c->is_protected || c->role == ONUS_ROLE_WEIGHT;
}

/* Does this raw row stay? An error where a missing value was not provided for. */
static onus_status keep_row(onus_dataset *d, int64_t r, bool *keep, onus_err *err)
{
    *keep = true;
    for (int64_t c = 0; c < d->n_cols; c++) {
        onus_data_column *col = &d->cols[c];
        const char *cell = onus_cell(d, r, c);
        if (!is_used(col) || !onus_is_missing(d->spec, cell)) continue;
        col->n_missing++;
        const bool fillable = col->is_feature && col->missing >= ONUS_MISSING_MEAN;
        if (col->missing == ONUS_MISSING_DROP ||
            (!fillable && col->missing >= ONUS_MISSING_MEAN)) {
            *keep = false;
        } else if (!fillable) {
            char place[512];
            onus_row_place(d, r, place);
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s: column '%.80s' is missing ('%.20s'); say clean: {missing: "
                             "drop, mean, median, mode or category}",
                             place, col->name, cell);
        }
    }
    return ONUS_OK;
}

static bool same_cells(const onus_dataset *d, int64_t i, int64_t j)
{
    for (int64_t c = 0; c < d->n_cols; c++) {
        if (strcmp(onus_cell(d, i, c), onus_cell(d, j, c)) != 0) return false;
    }
    return true;
}

/* FNV-1a over a row's cells, their ends included. */
static uint64_t hash_cells(const onus_dataset *d, int64_t i)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (int64_t c = 0; c < d->n_cols; c++) {
        const unsigned char *t = (const unsigned char *)onus_cell(d, i, c);
        do h = (h ^ *t) * UINT64_C(1099511628211);
        while (*t++);
    }
    return h;
}

/* Of rows whose cells are all the same, the first stays. Rows are found by an open-addressing
 * table of their hashes. */
static onus_status drop_duplicates(onus_dataset *d, int64_t *rows, int64_t *n, onus_err *err)
{
    int64_t n_slots = 16, k = 0;
    while (n_slots < 2 * *n) n_slots *= 2;
    int64_t *slots = onus_alloc(d->mem, (size_t)n_slots, sizeof *slots); /* row + 1 */
    if (!slots) return onus_fail_mem(err, "data");
    for (int64_t i = 0; i < *n; i++) {
        int64_t s = (int64_t)(hash_cells(d, rows[i]) & (uint64_t)(n_slots - 1));
        while (slots[s] && !same_cells(d, slots[s] - 1, rows[i])) s = (s + 1) & (n_slots - 1);
        if (slots[s]) {
            d->dropped_duplicates++;
        } else {
            slots[s] = rows[i] + 1;
            rows[k++] = rows[i];
        }
    }
    *n = k;
    onus_free(d->mem, slots);
    return ONUS_OK;
}

onus_status onus_clean_rows(onus_dataset *d, onus_err *err)
{
    int64_t *rows = onus_arena_alloc(&d->arena, (size_t)d->n_raw + 1, sizeof *rows), n = 0;
    if (!rows) return onus_fail_mem(err, "data");
    for (int64_t r = 0; r < d->n_raw; r++) {
        bool keep;
        onus_status st = keep_row(d, r, &keep, err);
        if (st != ONUS_OK) return st;
        if (keep)
            rows[n++] = r;
        else
            d->dropped_missing++;
    }
    if (d->spec->drop_duplicates && !d->given) {
        onus_status st = drop_duplicates(d, rows, &n, err);
        if (st != ONUS_OK) return st;
    }
    if (n == 0)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: cleaning left no rows", d->csv[0].path);
    d->raw = rows;
    d->n_rows = n;
    return ONUS_OK;
}

/* ---- types ------------------------------------------------------------------------------- */

/* Numbers of a column; how many cells are none, and the first of these rows. */
static void parse_numbers(onus_dataset *d, int64_t c, double *out, int64_t *n_words,
                          int64_t *first_word, int64_t *n_values)
{
    *n_words = *n_values = 0;
    *first_word = -1;
    for (int64_t r = 0; r < d->n_rows; r++) {
        const char *cell = onus_cell(d, r, c);
        out[r] = NAN;
        if (onus_is_missing(d->spec, cell)) continue;
        ++*n_values;
        if (onus_parse_number(cell, &out[r])) continue;
        if (++*n_words == 1) *first_word = r;
    }
}

static onus_status stray_word(const onus_dataset *d, int64_t c, int64_t row, const char *why,
                              onus_err *err)
{
    char place[512];
    onus_row_place(d, row, place);
    return onus_fail(err, ONUS_BAD_INPUT, "%s: column '%.80s': '%.80s' is not a number%s",
                     place, d->cols[c].name, onus_cell(d, row, c), why);
}

/* A column of numbers with a stray word is an error, not a category: at least nine tenths of
 * its values being numbers makes it one. */
static onus_status type_column(onus_dataset *d, int64_t c, bool must_be_number, onus_err *err)
{
    onus_data_column *col = &d->cols[c];
    double *v = onus_arena_alloc(&d->arena, (size_t)d->n_rows, sizeof *v);
    if (!v) return onus_fail_mem(err, "data");
    int64_t n_words, first, n;
    parse_numbers(d, c, v, &n_words, &first, &n);
    if (must_be_number && n_words) return stray_word(d, c, first, "", err);
    if (!must_be_number && n_words && 10 * n_words <= n) {
        char why[300];
        snprintf(why, sizeof why,
                 ", %lld other values are; correct it, or say columns: {%.80s: category}",
                 (long long)(n - n_words), col->name);
        return stray_word(d, c, first, why, err);
    }
    col->role = n_words || n == 0             ? ONUS_ROLE_CATEGORY
                : col->role == ONUS_ROLE_AUTO ? ONUS_ROLE_NUMBER
                                              : col->role;
    if (!n_words) col->number = v;
    return ONUS_OK;
}

static onus_role role_given(const onus_dataset *d, const char *name)
{
    for (int64_t k = 0; k < d->given->n_columns; k++) {
        if (strcmp(d->given->columns[k].pub.name, name) == 0)
            return d->given->columns[k].pub.category ? ONUS_ROLE_CATEGORY : ONUS_ROLE_NUMBER;
    }
    return ONUS_ROLE_AUTO;
}

onus_status onus_type_columns(onus_dataset *d, onus_err *err)
{
    for (int64_t c = 0; c < d->n_cols; c++) {
        onus_data_column *col = &d->cols[c];
        const bool number_label =
            col->is_label &&
            (d->given ? d->given->task == ONUS_TASK_REGRESSION : d->spec->label_number);
        if (d->given && col->is_feature) col->role = role_given(d, col->name);
        const bool must =
            col->role == ONUS_ROLE_NUMBER || col->role == ONUS_ROLE_WEIGHT || number_label;
        if (!is_used(col) || col->role == ONUS_ROLE_CATEGORY ||
            (col->is_label && !number_label))
            continue;
        if (!must && col->role != ONUS_ROLE_AUTO && !col->is_protected) continue;
        onus_status st = type_column(d, c, must, err);
        if (st != ONUS_OK) return st;
        for (int64_t r = 0; col->role == ONUS_ROLE_WEIGHT && r < d->n_rows; r++) {
            if (col->number[r] >= 0) continue;
            char place[512];
            onus_row_place(d, r, place);
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s: weight '%.80s' is %g, expected a number of at least 0", place,
                             col->name, col->number[r]);
        }
    }
    return ONUS_OK;
}

/* ---- classes ----------------------------------------------------------------------------- */

/* The label as classes see it: without the character that the recipe strips from its end. */
static const char *label_text(onus_dataset *d, int64_t row)
{
    const char *cell = onus_cell(d, row, d->label_col);
    const size_t n = strlen(cell);
    if (!d->spec->label_strip || n == 0 || cell[n - 1] != d->spec->label_strip) return cell;
    char *cut = (char *)cell; /* the table's own bytes */
    cut[n - 1] = '\0';
    return cut;
}

static onus_status bad_label(const onus_dataset *d, int64_t row, const char *expected,
                             onus_err *err)
{
    char place[512];
    onus_row_place(d, row, place);
    return onus_fail(err, ONUS_BAD_INPUT, "%s: label '%.80s' is '%.80s', expected %s", place,
                     d->spec->label, onus_cell(d, row, d->label_col), expected);
}

/* Two classes are {other, positive}; more are in the order of the recipe's list or of their
 * texts (numbers by value). */
static onus_status name_classes(onus_dataset *d, const char **values, int64_t n, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    if (n < 2)
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "%s: label '%s' has one class only ('%.80s'); there is nothing to learn",
            d->csv[0].path, s->label, n ? values[0] : "");
    if (s->positive && onus_text_place(values, n, s->positive) < 0)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: data.label.positive: '%.80s' is no value of '%s'", s->recipe,
                         s->line, s->positive, s->label);
    if (s->positive && n > 2)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: label '%s' has %lld values ('%.40s', '%.40s', '%.40s'...); "
                         "positive is for two",
                         d->csv[0].path, s->label, (long long)n, values[0], values[1],
                         values[2]);
    if (n > 10000)
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "%s: label '%s' has %lld classes; say label: {type: number} for regression",
            d->csv[0].path, s->label, (long long)n);
    d->task = n == 2 ? ONUS_TASK_BINARY : ONUS_TASK_CLASSES;
    d->classes = values;
    d->n_classes = n;
    if (s->positive && strcmp(values[0], s->positive) == 0) {
        values[0] = values[1];
        values[1] = s->positive;
    }
    return ONUS_OK;
}

static onus_status class_list(onus_dataset *d, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    const int64_t n = s->n_label_values ? s->n_label_values : d->n_rows;
    const char **values = onus_arena_alloc(&d->arena, (size_t)n + 1, sizeof *values);
    if (!values) return onus_fail_mem(err, "data");
    for (int64_t r = 0; r < n; r++)
        values[r] = s->n_label_values ? s->label_values[r] : label_text(d, r);
    const int64_t k = onus_distinct(values, n);
    if (s->n_label_values && k == n)
        memcpy(values, s->label_values, (size_t)n * sizeof *values); /* its own order */
    return name_classes(d, values, k, err);
}

onus_status onus_find_classes(onus_dataset *d, onus_err *err)
{
    onus_status st = ONUS_OK;
    d->y = onus_arena_alloc(&d->arena, (size_t)d->n_rows, sizeof *d->y);
    if (!d->y) return onus_fail_mem(err, "data");
    if (d->given) {
        d->task = d->given->task;
        d->classes = d->given->classes;
        d->n_classes = d->given->n_classes;
    } else if (d->spec->label_number) {
        d->task = ONUS_TASK_REGRESSION;
    } else {
        st = class_list(d, err);
    }
    for (int64_t r = 0; st == ONUS_OK && d->has_labels && r < d->n_rows; r++) {
        if (d->task == ONUS_TASK_REGRESSION) {
            d->y[r] = (float)d->cols[d->label_col].number[r];
            continue;
        }
        const char *text = label_text(d, r);
        int64_t k = 0;
        while (k < d->n_classes && strcmp(d->classes[k], text) != 0) k++;
        if (k == d->n_classes)
            st = bad_label(
                d, r, d->given ? "a class of the model" : "a value of data.label.values", err);
        d->y[r] = (float)k;
    }
    return st;
}

/* ---- protected groups -------------------------------------------------------------------- */

static onus_status bin_groups(onus_dataset *d, const onus_protected_spec *p, int64_t c,
                              onus_data_attribute *a, onus_err *err)
{
    const double *v = d->cols[c].number;
    if (!v)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: data.protected: bins need numbers, '%s' holds words",
                         d->spec->recipe, p->line, p->column);
    a->n_groups = p->n_bins + 1;
    a->groups = onus_arena_alloc(&d->arena, (size_t)a->n_groups, sizeof *a->groups);
    if (!a->groups) return onus_fail_mem(err, "data");
    for (int64_t g = 0; g < a->n_groups; g++) {
        a->groups[g] = g == 0 ? onus_arena_printf(&d->arena, "<%g", p->bins[0])
                       : g == p->n_bins
                           ? onus_arena_printf(&d->arena, ">=%g", p->bins[g - 1])
                           : onus_arena_printf(&d->arena, "%g-%g", p->bins[g - 1], p->bins[g]);
        if (!a->groups[g]) return onus_fail_mem(err, "data");
    }
    for (int64_t r = 0; r < d->n_rows; r++) {
        int32_t g = 0;
        while (g < p->n_bins && v[r] >= p->bins[g]) g++;
        a->group[r] = v[r] != v[r] ? -1 : g;
    }
    return ONUS_OK;
}

static onus_status value_groups(onus_dataset *d, const onus_protected_spec *p, int64_t c,
                                onus_data_attribute *a, onus_err *err)
{
    enum { GROUPS_MAX = 200 };
    int64_t n = 0;
    const char **values = onus_arena_alloc(&d->arena, (size_t)d->n_rows + 1, sizeof *values);
    if (!values) return onus_fail_mem(err, "data");
    for (int64_t r = 0; r < d->n_rows; r++) {
        if (!onus_is_missing(d->spec, onus_cell(d, r, c))) values[n++] = onus_cell(d, r, c);
    }
    a->n_groups = onus_distinct(values, n);
    a->groups = values;
    if (a->n_groups > GROUPS_MAX)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: data.protected: '%s' has %lld values; give bins: [..]",
                         d->spec->recipe, p->line, p->column, (long long)a->n_groups);
    for (int64_t r = 0; r < d->n_rows; r++)
        a->group[r] = (int32_t)onus_text_place(values, a->n_groups, onus_cell(d, r, c));
    return ONUS_OK;
}

onus_status onus_find_groups(onus_dataset *d, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    d->n_attributes = s->n_protected;
    d->attributes =
        onus_arena_alloc(&d->arena, (size_t)s->n_protected + 1, sizeof *d->attributes);
    if (!d->attributes) return onus_fail_mem(err, "data");
    for (int64_t i = 0; i < s->n_protected; i++) {
        onus_data_attribute *a = &d->attributes[i];
        const int64_t c = find_col(d, s->protected_[i].column);
        a->name = s->protected_[i].column;
        a->group = onus_arena_alloc(&d->arena, (size_t)d->n_rows, sizeof *a->group);
        if (!a->group) return onus_fail_mem(err, "data");
        onus_status st = s->protected_[i].n_bins
                             ? bin_groups(d, &s->protected_[i], c, a, err)
                             : value_groups(d, &s->protected_[i], c, a, err);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}
