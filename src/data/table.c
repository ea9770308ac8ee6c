/* SPDX-License-Identifier: Apache-2.0
 * table.c - from files to typed columns: roles, cleaning, types, groups; label.c has what is
 * predicted. Every complaint names the recipe's line or the table's. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
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

/* ---- files ------------------------------------------------------------------------------- */

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
    st = s->format == ONUS_FORMAT_JSONL
             ? onus_jsonl_read(&d->csv[k], kept, d->file_sha[k], d->mem, err)
             : onus_csv_read(&d->csv[k], kept, &dialect, d->file_sha[k], d->mem, err);
    if (st == ONUS_OK && d->csv[k].n_rows == 0)
        st = onus_fail(err, ONUS_BAD_INPUT, "%s: no rows", path);
    return st == ONUS_OK
               ? onus_emit_read(d, kept, d->file_sha[k], d->csv[k].n_rows, k, sink, err)
               : onus_unread(d, st, kept, d->file_sha[k], k, sink, err);
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

typedef struct {
    const char *name;
    int64_t col;
} named;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

/* Wide tables have tens of thousands of columns: they are found by halving. */
static onus_status index_columns(onus_dataset *d, onus_err *err)
{
    named *list = onus_alloc(d->mem, (size_t)d->n_cols, sizeof *list);
    d->by_name = onus_arena_alloc(&d->arena, (size_t)d->n_cols, sizeof *d->by_name);
    if (!list || !d->by_name) {
        onus_free(d->mem, list);
        return onus_fail_mem(err, "data");
    }
    for (int64_t c = 0; c < d->n_cols; c++) list[c] = (named){d->cols[c].name, c};
    qsort(list, (size_t)d->n_cols, sizeof *list, by_name);
    for (int64_t c = 0; c < d->n_cols; c++) d->by_name[c] = list[c].col;
    onus_free(d->mem, list);
    return ONUS_OK;
}

int64_t onus_find_col(const onus_dataset *d, const char *name)
{
    int64_t low = 0, high = d->n_cols;
    while (low < high) {
        const int64_t mid = low + (high - low) / 2;
        const int order = strcmp(d->cols[d->by_name[mid]].name, name);
        if (order == 0) return d->by_name[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return -1;
}

/* A number, perhaps with blanks around it. */
static bool is_number(const char *text, bool trim, double *v)
{
    char room[64];
    if (!trim) return onus_parse_number(text, v);
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t", text[n - 1])) n--;
    if (n >= sizeof room) return false;
    memcpy(room, text, n);
    room[n] = '\0';
    return onus_parse_number(room, v);
}

onus_status onus_no_column(const onus_dataset *d, int line, const char *what, const char *name,
                           onus_err *err)
{
    char known[300] = "";
    for (int64_t c = 0; c < d->n_cols && strlen(known) < 240; c++) {
        const size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%.40s", n ? ", " : "", d->cols[c].name);
    }
    const onus_status st = onus_fail(
        err, ONUS_BAD_INPUT, "%s:%d: %s: '%.80s' is no column of %s, which has %s",
        d->spec->recipe ? d->spec->recipe : "recipe", line, what, name, d->csv[0].path, known);
    double v;
    bool number = false;
    for (int64_t c = 0; c < d->n_cols; c++)
        number = number || is_number(d->cols[c].name, true, &v);
    return number
               ? onus_hint(err, st, "a table without a line of names needs data: {names: [..]}")
               : st;
}

static onus_status assign_protected(onus_dataset *d, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    for (int64_t i = 0; i < s->n_protected; i++) {
        const int64_t c = onus_find_col(d, s->protected_[i].column);
        if (c < 0)
            return onus_no_column(d, s->protected_[i].line, "data.protected",
                                  s->protected_[i].column, err);
        if (d->cols[c].is_label)
            return onus_fail(err, ONUS_BAD_INPUT, "%s:%d: data.protected: '%s' is %s label",
                             s->recipe, s->protected_[i].line, s->protected_[i].column,
                             d->n_labels > 1 ? "a" : "the");
        d->cols[c].is_protected = true;
        d->cols[c].has_bins = s->protected_[i].n_bins > 0;
    }
    return ONUS_OK;
}

static onus_status assign_column(onus_dataset *d, const onus_column_spec *cs, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    const int64_t c = onus_find_col(d, cs->name);
    if (c < 0 && d->given) return ONUS_OK;
    if (c < 0) return onus_no_column(d, cs->line, "data.columns", cs->name, err);
    onus_data_column *col = &d->cols[c];
    if (col->is_label)
        return onus_fail(err, ONUS_BAD_INPUT, "%s:%d: data.columns: '%s' is %s label",
                         s->recipe, cs->line, cs->name, d->n_labels > 1 ? "a" : "the");
    col->spec = cs;
    col->role = cs->role;
    if (cs->missing != ONUS_MISSING_UNSAID) col->missing = cs->missing;
    col->is_feature = cs->role != ONUS_ROLE_DROP && cs->role != ONUS_ROLE_IDENTIFIER &&
                      cs->role != ONUS_ROLE_WEIGHT;
    if (cs->role != ONUS_ROLE_WEIGHT) return ONUS_OK;
    if (d->weight_col >= 0)
        return onus_fail(err, ONUS_BAD_INPUT, "%s:%d: data.columns: a second weight, '%s'",
                         s->recipe, cs->line, cs->name);
    d->weight_col = c;
    return ONUS_OK;
}

/* Labels, protected, columns: by name. A table to predict on may lack the label; of its columns
 * only those that the model reads are features. */
onus_status onus_assign_roles(onus_dataset *d, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    d->n_cols = d->csv[0].n_columns;
    d->cols = onus_arena_alloc(&d->arena, (size_t)d->n_cols, sizeof *d->cols);
    if (!d->cols) return onus_fail_mem(err, "data");
    for (int64_t c = 0; c < d->n_cols; c++)
        d->cols[c] = (onus_data_column){
            .name = d->csv[0].columns[c],
            .missing = s->missing,
            /* numbers of rows, unless the recipe says what they are */
            .role = d->csv[0].unnamed[c] ? ONUS_ROLE_IDENTIFIER : ONUS_ROLE_AUTO,
            .is_feature = !d->csv[0].unnamed[c]};
    d->weight_col = -1;
    onus_status st = index_columns(d, err);
    if (st == ONUS_OK) st = onus_assign_labels(d, err);
    if (st == ONUS_OK) st = assign_protected(d, err);
    for (int64_t i = 0; st == ONUS_OK && i < s->n_columns; i++)
        st = assign_column(d, &s->columns[i], err);
    if (st != ONUS_OK || !d->given) return st;
    for (int64_t c = 0; c < d->n_cols; c++) d->cols[c].is_feature = false;
    for (int64_t k = 0; k < d->given->n_columns; k++) {
        const onus_input_column *column = &d->given->columns[k].pub;
        const int64_t c = onus_find_col(d, column->name);
        if (c < 0 || d->cols[c].is_label) continue;
        d->cols[c].is_feature = true;
        d->cols[c].role = d->given->tokenizer ? ONUS_ROLE_TEXT
                          : column->category  ? ONUS_ROLE_CATEGORY
                                              : ONUS_ROLE_NUMBER;
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
    int64_t unknown = 0; /* labels that may be */
    *keep = true;
    for (int64_t c = 0; c < d->n_cols; c++) {
        onus_data_column *col = &d->cols[c];
        const char *cell = onus_cell(d, r, c);
        if (!is_used(col) || !onus_is_missing(d->spec, cell)) continue;
        col->n_missing++;
        if (col->is_label && d->spec->label_missing == ONUS_LABEL_MISSING_IGNORE) {
            if (++unknown == d->n_labels) *keep = false; /* none is left to learn from */
            continue;
        }
        /* who is of no known group stays, in none; labels and weights are not made up */
        const bool fillable =
            (col->is_feature || col->is_protected) && col->missing >= ONUS_MISSING_MEAN;
        if (col->missing == ONUS_MISSING_DROP ||
            (!fillable && col->missing >= ONUS_MISSING_MEAN)) {
            *keep = false;
        } else if (!fillable) {
            char place[512];
            onus_row_place(d, r, place);
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s: column '%.80s' is missing ('%.20s'); say %s", place,
                             col->name, cell,
                             !col->is_label    ? "clean: {missing: drop, mean, median, mode or "
                                                 "category}"
                             : d->n_labels > 1 ? "label: {missing: drop or ignore}"
                                               : "label: {missing: drop}");
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

/* Names the column to blame: the one where most is missing. */
static onus_status no_rows(const onus_dataset *d, onus_err *err)
{
    int64_t worst = 0;
    for (int64_t c = 1; c < d->n_cols; c++) {
        if (d->cols[c].n_missing > d->cols[worst].n_missing) worst = c;
    }
    return onus_fail(err, ONUS_BAD_INPUT,
                     "%s: cleaning left no rows: column '%.80s' is missing in %lld of %lld",
                     d->csv[0].path, d->cols[worst].name, (long long)d->cols[worst].n_missing,
                     (long long)d->n_raw);
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
    if (n == 0) return no_rows(d, err);
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

/* What people write where nothing is known. */
static bool is_usual_gap(const char *cell)
{
    static const char *const gaps[] = {"?",    "-",    ".",   "NA",   "N/A",  "n/a",
                                       "#N/A", "na",   "NaN", "nan",  "null", "NULL",
                                       "None", "none", "inf", "-inf", "Inf",  "missing"};
    for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
        if (strcmp(cell, gaps[i]) == 0) return true;
    }
    return strspn(cell, " \t") == strlen(cell);
}

static bool only_gaps(const onus_dataset *d, int64_t c, const double *v)
{
    for (int64_t r = 0; r < d->n_rows; r++) {
        const char *cell = onus_cell(d, r, c);
        if (v[r] != v[r] && !onus_is_missing(d->spec, cell) && !is_usual_gap(cell))
            return false;
    }
    return true;
}

/* A column of numbers with a stray word is an error, not a category: at least nine tenths of
 * its values being numbers makes it one, or all its words being ways to say "unknown". */
static onus_status type_column(onus_dataset *d, int64_t c, bool must_be_number, onus_err *err)
{
    onus_data_column *col = &d->cols[c];
    double *v = onus_arena_alloc(&d->arena, (size_t)d->n_rows, sizeof *v);
    if (!v) return onus_fail_mem(err, "data");
    int64_t n_words, first, n;
    parse_numbers(d, c, v, &n_words, &first, &n);
    const char *word = n_words ? onus_cell(d, first, c) : "";
    double trimmed;
    const bool gap = n_words && is_usual_gap(word),
               blanks = n_words && !gap && is_number(word, true, &trimmed),
               few = n_words < n && (10 * n_words <= n || (gap && only_gaps(d, c, v)));
    if (n_words && (must_be_number || few || blanks)) {
        char why[400] = "";
        if (blanks)
            snprintf(why, sizeof why, " with the blanks around it; say data: {trim: true}");
        else if (gap)
            snprintf(why, sizeof why,
                     "; if it stands for what is not known, say data: {missing: ['%.20s']}",
                     word);
        else if (!must_be_number)
            snprintf(why, sizeof why,
                     ", %lld other values are; correct it, or say columns: {%.80s: category}",
                     (long long)(n - n_words), col->name);
        return stray_word(d, c, first, why, err);
    }
    if (n_words == 0) col->number = v;
    if (col->role == ONUS_ROLE_AUTO)
        col->role = n_words || n == 0 ? ONUS_ROLE_CATEGORY : ONUS_ROLE_NUMBER;
    return ONUS_OK;
}

static onus_status check_weights(const onus_dataset *d, int64_t c, onus_err *err)
{
    for (int64_t r = 0; r < d->n_rows; r++) {
        if (d->cols[c].number[r] >= 0 && (double)(float)d->cols[c].number[r] <= 3e38) continue;
        char place[512];
        onus_row_place(d, r, place);
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: weight '%.80s' is '%.40s', expected a number from 0 to 3e38",
                         place, d->cols[c].name, onus_cell(d, r, c));
    }
    return ONUS_OK;
}

onus_status onus_type_columns(onus_dataset *d, onus_err *err)
{
    for (int64_t c = 0; c < d->n_cols; c++) {
        onus_data_column *col = &d->cols[c];
        const bool number_label =
            col->is_label &&
            (d->given ? d->given->task == ONUS_TASK_REGRESSION : d->spec->label_number);
        const bool must = col->role == ONUS_ROLE_NUMBER || col->role == ONUS_ROLE_WEIGHT ||
                          number_label || col->has_bins;
        if (!must && !(col->is_feature && col->role == ONUS_ROLE_AUTO)) continue;
        onus_status st = type_column(d, c, must, err);
        if (st == ONUS_OK && col->role == ONUS_ROLE_WEIGHT) st = check_weights(d, c, err);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

/* ---- protected groups -------------------------------------------------------------------- */

/* "<25", "25-40", ">=40": cut points as canonical JSON writes numbers, whatever the locale. */
static onus_status name_bins(onus_dataset *d, const onus_protected_spec *p,
                             onus_data_attribute *a, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_buf name;
    onus_buf_init(&name, d->mem, 256);
    for (int64_t g = 0; st == ONUS_OK && g < a->n_groups; g++) {
        onus_buf_clear(&name);
        if (g == 0) onus_buf_str(&name, "<");
        if (g == p->n_bins) onus_buf_str(&name, ">=");
        onus_json_number(&name, p->bins[g ? g - 1 : 0]);
        if (g > 0 && g < p->n_bins) {
            onus_buf_str(&name, "-");
            onus_json_number(&name, p->bins[g]);
        }
        st = onus_buf_status(&name, "data.protected", err);
        if (st == ONUS_OK && !(a->groups[g] = onus_arena_strdup(&d->arena, name.data)))
            st = onus_fail_mem(err, "data");
    }
    onus_buf_release(&name);
    return st;
}

static onus_status bin_groups(onus_dataset *d, const onus_protected_spec *p, int64_t c,
                              onus_data_attribute *a, onus_err *err)
{
    const double *v = d->cols[c].number;
    a->n_groups = p->n_bins + 1;
    a->groups = onus_arena_alloc(&d->arena, (size_t)a->n_groups, sizeof *a->groups);
    if (!a->groups) return onus_fail_mem(err, "data");
    for (int64_t r = 0; r < d->n_rows; r++) {
        int32_t g = 0;
        while (g < p->n_bins && v[r] >= p->bins[g]) g++;
        a->group[r] = v[r] != v[r] ? -1 : g;
    }
    return name_bins(d, p, a, err);
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
    if (n == 0 && !d->given)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: data.protected: '%s' is missing in every row, so there are no "
                         "groups",
                         d->spec->recipe, p->line, p->column);
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
        const int64_t c = onus_find_col(d, s->protected_[i].column);
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
