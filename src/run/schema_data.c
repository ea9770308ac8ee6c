/* SPDX-License-Identifier: Apache-2.0
 * schema_data.c - what a recipe's `data` may hold: where it comes from, its columns, labels and
 * protected attributes, how it is cleaned, scaled and split.
 *
 * CHECKLIST: as in schema.c. */
#include <float.h>
#include <string.h>

#include "base/fail.h"
#include "run/schema_parts.h"

enum { BINS_MAX = 199 };
static const char *const roles[] = {"-",      "number", "category", "identifier",
                                    "weight", "drop",   "text",     NULL};
static const char *const missing_ways[] = {"-",      "error", "drop",     "mean",
                                           "median", "mode",  "category", NULL};
static const char *const scales[] = {"-", "standard", "minmax", "none", NULL};
static const char *const formats[] = {"csv", "idx", "jsonl", "text", NULL};
static const char *const predictables[] = {"label", "next", "masked", NULL};
static const char *const tokenizers[] = {"character", "word", "bpe", NULL};
static const char *const keep_or_drop[] = {"keep", "drop", NULL};

static onus_status read_pair(onus_yaml *y, const onus_yaml_field *f, const char *where,
                             yaml_node_t *node, double *lower, double *upper, onus_err *err)
{
    struct {
        const double *v;
        int64_t n;
    } list = {0};
    const onus_yaml_field pair = {.key = f->key,
                                  .kind = ONUS_YAML_REALS,
                                  .count_offset = 8,
                                  .lower = -DBL_MAX,
                                  .upper = DBL_MAX};
    onus_status st = onus_yaml_value(y, &pair, where, node, &list, err);
    if (st != ONUS_OK) return st;
    if (list.n != 2 || !(list.v[0] < list.v[1]))
        return onus_yaml_fail(y, node, err,
                              "%s: bounds: expected [lower, upper] with lower < upper", where);
    *lower = list.v[0];
    *upper = list.v[1];
    return ONUS_OK;
}

static onus_status read_bounds(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                               void *at, onus_err *err)
{
    onus_column_spec *c = at;
    c->has_bounds = true;
    return read_pair(y, f, "data.columns", node, &c->lower, &c->upper, err);
}

static const onus_yaml_field column_fields[] = {
    {.key = "type", ENUM(onus_column_spec, role, roles)},
    {.key = "missing", ENUM(onus_column_spec, missing, missing_ways)},
    {.key = "scale", ENUM(onus_column_spec, scale, scales)},
    {.key = "bounds", .kind = ONUS_YAML_CUSTOM, .read = read_bounds},
    {.key = "values",
     .kind = ONUS_YAML_TEXTS,
     AT(onus_column_spec, values),
     COUNT(onus_column_spec, n_values),
     .lower = 1},
    {0},
};

typedef struct {
    onus_column_spec *list;
    int64_t n;
} column_list;

/* What is said of a column fits its type, and gives it one where none is said. */
static onus_status check_column(const onus_yaml *y, const yaml_node_t *node,
                                onus_column_spec *c, onus_err *err)
{
    const char *wrong = NULL;
    if (c->has_bounds && c->n_values)
        wrong = "bounds are for numbers, values for categories";
    else if (c->has_bounds && c->role != ONUS_ROLE_AUTO && c->role != ONUS_ROLE_NUMBER)
        wrong = "bounds are for numbers";
    else if (c->n_values && c->role != ONUS_ROLE_AUTO && c->role != ONUS_ROLE_CATEGORY)
        wrong = "values are for categories";
    if (c->has_bounds) c->role = ONUS_ROLE_NUMBER;
    if (c->n_values) c->role = ONUS_ROLE_CATEGORY;
    if (wrong) return onus_yaml_fail(y, node, err, "data.columns: %.80s: %s", c->name, wrong);
    if (c->scale != ONUS_SCALE_UNSAID && c->has_bounds)
        wrong = "bounds say how it is scaled";
    else if (c->scale != ONUS_SCALE_UNSAID && c->role != ONUS_ROLE_AUTO &&
             c->role != ONUS_ROLE_NUMBER)
        wrong = "scale is for numbers";
    else if (c->role == ONUS_ROLE_CATEGORY &&
             (c->missing == ONUS_MISSING_MEAN || c->missing == ONUS_MISSING_MEDIAN))
        wrong = "missing: mean and median are for numbers";
    else if (c->role == ONUS_ROLE_NUMBER && c->missing == ONUS_MISSING_CATEGORY)
        wrong = "missing: category is for categories";
    if (wrong) return onus_yaml_fail(y, node, err, "data.columns: %.80s: %s", c->name, wrong);
    return ONUS_OK;
}

/* NAME: role, or NAME: {type: role, bounds: [..], ...} */
static onus_status read_column(onus_yaml *y, void *ctx, yaml_node_t *key, yaml_node_t *value,
                               onus_err *err)
{
    column_list *l = ctx;
    onus_column_spec *c = &l->list[l->n++];
    c->line = onus_yaml_line(key);
    c->name = onus_arena_strdup(y->arena, onus_yaml_scalar(key));
    if (!c->name) return onus_fail_mem(err, y->path);
    const onus_yaml_field role = {.key = c->name,
                                  .kind = ONUS_YAML_ENUM,
                                  .words = roles,
                                  .offset = offsetof(onus_column_spec, role)};
    if (value->type == YAML_SCALAR_NODE)
        return onus_yaml_value(y, &role, "data.columns", value, c, err);
    onus_status st = onus_yaml_fill(y, value, c->name, column_fields, c, err);
    return st == ONUS_OK ? check_column(y, value, c, err) : st;
}

static onus_status read_columns(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                                void *at, onus_err *err)
{
    (void)f;
    onus_data_spec *d = at;
    const int64_t n = node->type == YAML_MAPPING_NODE
                          ? node->data.mapping.pairs.top - node->data.mapping.pairs.start
                          : 0;
    column_list l = {.list = onus_arena_alloc(y->arena, (size_t)n + 1, sizeof *l.list)};
    if (!l.list) return onus_fail_mem(err, y->path);
    onus_status st = onus_yaml_pairs(y, node, "data.columns", read_column, &l, err);
    d->columns = l.list;
    d->n_columns = l.n;
    return st;
}

static const onus_yaml_field protected_fields[] = {
    {.key = "column", TEXT(onus_protected_spec, column), .required = true},
    {.key = "bins",
     .kind = ONUS_YAML_REALS,
     AT(onus_protected_spec, bins),
     COUNT(onus_protected_spec, n_bins),
     .lower = -DBL_MAX,
     .upper = DBL_MAX},
    {0},
};

static onus_status read_protected_item(onus_yaml *y, yaml_node_t *node, onus_protected_spec *p,
                                       onus_err *err)
{
    p->line = onus_yaml_line(node);
    if (node->type == YAML_SCALAR_NODE) {
        p->column = onus_arena_strdup(y->arena, onus_yaml_scalar(node));
        return p->column ? ONUS_OK : onus_fail_mem(err, y->path);
    }
    onus_status st = onus_yaml_fill(y, node, "data.protected", protected_fields, p, err);
    for (int64_t i = 1; st == ONUS_OK && i < p->n_bins; i++) {
        if (!(p->bins[i - 1] < p->bins[i]))
            st = onus_yaml_fail(y, node, err, "data.protected: bins of '%.80s' must ascend",
                                p->column);
    }
    if (st == ONUS_OK && p->n_bins > BINS_MAX)
        st = onus_yaml_fail(y, node, err, "data.protected: %lld bins of '%.80s', at most %d",
                            (long long)p->n_bins, p->column, BINS_MAX);
    return st;
}

/* none, or a list of columns: what protects people has no silent default */
static onus_status read_protected(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                                  void *at, onus_err *err)
{
    (void)f;
    onus_data_spec *d = at;
    const char *text = onus_yaml_scalar(node);
    if (text && !strcmp(text, "none")) {
        d->protected_none = true;
        return ONUS_OK;
    }
    if (node->type != YAML_SEQUENCE_NODE)
        return onus_yaml_fail(y, node, err,
                              "data.protected: expected a list of columns, or none");
    const int64_t n = node->data.sequence.items.top - node->data.sequence.items.start;
    if (n < 1 || n > ONUS_PROTECTED_MAX)
        return onus_yaml_fail(y, node, err,
                              "data.protected: %lld columns, expected 1 to %d, or none",
                              (long long)n, ONUS_PROTECTED_MAX);
    onus_protected_spec *list = onus_arena_alloc(y->arena, (size_t)n, sizeof *list);
    if (!list) return onus_fail_mem(err, y->path);
    onus_status st = ONUS_OK;
    for (int64_t i = 0; i < n && st == ONUS_OK; i++) {
        yaml_node_t *item = yaml_document_get_node(&y->doc, node->data.sequence.items.start[i]);
        st = read_protected_item(y, item, &list[i], err);
        for (int64_t j = 0; st == ONUS_OK && j < i; j++) {
            if (!strcmp(list[i].column, list[j].column))
                st = onus_yaml_fail(y, item, err, "data.protected: '%s' is named twice",
                                    list[i].column);
        }
    }
    d->protected_ = list;
    d->n_protected = n;
    return st;
}

typedef struct {
    const char *column;
    const char *const *columns, *const *positive, *const *values;
    int64_t n_columns, n_positive, n_values;
    int missing;
    int type;
    onus_scale scale;
    bool has_bounds;
    double lower, upper;
    char strip;
} label_form;

static onus_status read_label_bounds(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                                     void *at, onus_err *err)
{
    label_form *l = at;
    l->has_bounds = true;
    return read_pair(y, f, "data.label", node, &l->lower, &l->upper, err);
}

/* One value, or one for each column, which may be the same. */
static onus_status read_positive(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                                 void *at, onus_err *err)
{
    label_form *l = at;
    const onus_yaml_field text = {.key = f->key, .kind = ONUS_YAML_TEXT, .lower = 1};
    const bool list = node->type == YAML_SEQUENCE_NODE;
    const yaml_node_item_t *items = list ? node->data.sequence.items.start : NULL;
    l->n_positive = list ? node->data.sequence.items.top - items : 1;
    if (l->n_positive == 0)
        return onus_yaml_fail(y, node, err, "data.label.positive: an empty list says nothing");
    const char **out = onus_arena_alloc(y->arena, (size_t)l->n_positive + 1, sizeof *out);
    if (!out) return onus_fail_mem(err, y->path);
    l->positive = out;
    onus_status st = ONUS_OK;
    for (int64_t i = 0; st == ONUS_OK && i < l->n_positive; i++)
        st = onus_yaml_value(y, &text, "data.label",
                             list ? yaml_document_get_node(&y->doc, items[i]) : node, &out[i],
                             err);
    return st;
}

static const char *const label_missing_ways[] = {"-", "error", "drop", "ignore", NULL};
enum { LABEL_UNSAID, LABEL_CATEGORY, LABEL_NUMBER };
static const char *const label_types[] = {"-", "category", "number", NULL};
static const onus_yaml_field label_fields[] = {
    {.key = "column", TEXT(label_form, column)},
    {.key = "columns",
     .kind = ONUS_YAML_TEXTS,
     AT(label_form, columns),
     COUNT(label_form, n_columns),
     .lower = 1},
    {.key = "positive", .kind = ONUS_YAML_CUSTOM, .read = read_positive},
    {.key = "values",
     .kind = ONUS_YAML_TEXTS,
     AT(label_form, values),
     COUNT(label_form, n_values),
     .lower = 1},
    {.key = "type", ENUM(label_form, type, label_types)},
    {.key = "scale", ENUM(label_form, scale, scales)},
    {.key = "bounds", .kind = ONUS_YAML_CUSTOM, .read = read_label_bounds},
    {.key = "strip", .kind = ONUS_YAML_CHAR, AT(label_form, strip)},
    {.key = "missing", ENUM(label_form, missing, label_missing_ways)},
    {0},
};

/* What is said of a label fits its type, and gives it one where none is said. */
static onus_status check_label(const onus_yaml *y, const yaml_node_t *node, label_form *l,
                               onus_err *err)
{
    const bool scaled = l->has_bounds || l->scale != ONUS_SCALE_UNSAID;
    if (scaled && l->type == LABEL_CATEGORY)
        return onus_yaml_fail(y, node, err, "data.label: scale and bounds are for numbers");
    if (scaled) l->type = LABEL_NUMBER;
    if (l->type == LABEL_NUMBER && (l->positive || l->n_values))
        return onus_yaml_fail(y, node, err,
                              "data.label: a number has no positive and no values");
    if (l->has_bounds && l->scale != ONUS_SCALE_UNSAID)
        return onus_yaml_fail(y, node, err, "data.label: bounds say how it is scaled");
    for (int64_t i = 0; l->n_values && i < l->n_positive; i++) {
        int64_t place = 0;
        while (place < l->n_values && strcmp(l->values[place], l->positive[i]) != 0) place++;
        if (place == l->n_values || l->n_values != 2)
            return onus_yaml_fail(y, node, err,
                                  "data.label: positive '%.80s' must be one of two values",
                                  l->positive[i]);
    }
    if (l->n_values == 1)
        return onus_yaml_fail(y, node, err, "data.label: one value; there is nothing to learn");
    return ONUS_OK;
}

/* Several columns are yes or no each; what is for one alone has no place beside them. */
static onus_status check_label_columns(const onus_yaml *y, const yaml_node_t *node,
                                       const label_form *l, onus_err *err)
{
    const int64_t n = l->n_columns;
    if (n == 0 && l->n_positive > 1)
        return onus_yaml_fail(y, node, err,
                              "data.label.positive: %d values; one column has one",
                              (int)l->n_positive);
    if (n == 0 && l->missing == ONUS_LABEL_MISSING_IGNORE)
        return onus_yaml_fail(
            y, node, err, "data.label.missing: ignore is for several columns, drop for one");
    if (n == 0) return ONUS_OK;
    if (l->column)
        return onus_yaml_fail(y, node, err, "data.label: column or columns, not both");
    if (n == 1)
        return onus_yaml_fail(y, node, err, "data.label.columns: one column; say column: %.80s",
                              l->columns[0]);
    if (n > ONUS_LABELS_MAX)
        return onus_yaml_fail(y, node, err,
                              "data.label.columns: %lld columns, expected 2 to %d",
                              (long long)n, ONUS_LABELS_MAX);
    if (l->type == LABEL_NUMBER)
        return onus_yaml_fail(y, node, err,
                              "data.label: several columns are yes or no each, none a number");
    if (l->n_values && l->n_values != 2)
        return onus_yaml_fail(y, node, err,
                              "data.label.values: %lld values; several columns are yes or no "
                              "each",
                              (long long)l->n_values);
    if (l->n_positive > 1 && l->n_positive != n)
        return onus_yaml_fail(y, node, err,
                              "data.label.positive: %lld values for %lld columns, expected one "
                              "for all or one for each",
                              (long long)l->n_positive, (long long)n);
    return ONUS_OK;
}

/* COLUMN, or {column | columns, positive | values | type: number, scale | bounds, strip} */
static onus_status read_label(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                              void *at, onus_err *err)
{
    (void)f;
    onus_data_spec *d = at;
    label_form l = {0};
    if (node->type == YAML_SCALAR_NODE) {
        const onus_yaml_field column = {.key = "label", TEXT(label_form, column)};
        onus_status st = onus_yaml_value(y, &column, "data", node, &l, err);
        d->label = l.column;
        return st;
    }
    onus_status st = onus_yaml_fill(y, node, "data.label", label_fields, &l, err);
    if (st == ONUS_OK) st = check_label(y, node, &l, err);
    if (st == ONUS_OK) st = check_label_columns(y, node, &l, err);
    if (st != ONUS_OK) return st;
    d->label = l.column;
    d->label_columns = l.columns;
    d->n_label_columns = l.n_columns;
    d->positive = l.n_positive == 1 ? l.positive[0] : NULL;
    d->positives = l.n_positive > 1 ? l.positive : NULL;
    d->label_missing = (onus_label_missing)l.missing;
    d->label_values = l.values;
    d->n_label_values = l.n_values;
    d->label_number = l.type == LABEL_NUMBER;
    d->label_scale = l.scale;
    d->label_has_bounds = l.has_bounds;
    d->label_lower = l.lower;
    d->label_upper = l.upper;
    d->label_strip = l.strip;
    return ONUS_OK;
}

/* keep or drop, into the bool that says the unusual one: drop_duplicates, keep_constant */
static onus_status read_keep_drop(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                                  void *at, onus_err *err)
{
    const bool says_drop = !strcmp(f->key, "duplicates");
    int way = 0;
    const onus_yaml_field word = {.key = f->key, .kind = ONUS_YAML_ENUM, .words = keep_or_drop};
    onus_status st = onus_yaml_value(y, &word, "data.clean", node, &way, err);
    if (st == ONUS_OK) *(bool *)at = (way == 1) == says_drop;
    return st;
}

static const onus_yaml_field tokenizer_fields[] = {
    {.key = "file", TEXT(onus_text_spec, file)},
    {.key = "kind", ENUM(onus_text_spec, kind, tokenizers)},
    {.key = "vocabulary", INT(onus_text_spec, vocabulary, 2, 1 << 20)},
    {.key = "lower", BOOL(onus_text_spec, lower)},
    {0},
};
static const onus_yaml_field augment_fields[] = {
    {.key = "flip", ENUM(onus_augment_spec, flip, onus_flip_names)},
    {.key = "shift", INT(onus_augment_spec, shift, 0, 4096)},
    {.key = "crop", INT(onus_augment_spec, crop, 0, 4096)},
    {.key = "turn", BOOL(onus_augment_spec, turn)},
    {0},
};
static const onus_yaml_field clean_fields[] = {
    {.key = "missing", ENUM(onus_data_spec, missing, missing_ways)},
    {.key = "duplicates",
     .kind = ONUS_YAML_CUSTOM,
     AT(onus_data_spec, drop_duplicates),
     .read = read_keep_drop},
    {.key = "constant",
     .kind = ONUS_YAML_CUSTOM,
     AT(onus_data_spec, keep_constant),
     .read = read_keep_drop},
    {0},
};
static const onus_yaml_field split_fields[] = {
    {.key = "train", REAL(onus_data_spec, train, 0, 1)},
    {.key = "valid", REAL(onus_data_spec, valid, 0, 1)},
    {.key = "test", REAL(onus_data_spec, test, 0, 1)},
    {.key = "stratify",
     .kind = ONUS_YAML_TEXTS,
     AT(onus_data_spec, stratify),
     COUNT(onus_data_spec, n_stratify),
     .lower = 1},
    {0},
};
const onus_yaml_field onus_recipe_data_fields[] = {
    {.key = "format", ENUM(onus_data_spec, format, formats)},
    {.key = "source", TEXT(onus_data_spec, source), .required = true},
    {.key = "test", TEXT(onus_data_spec, test_source)},
    {.key = "labels", TEXT(onus_data_spec, labels)},
    {.key = "test_labels", TEXT(onus_data_spec, test_labels)},
    {.key = "augment",
     .kind = ONUS_YAML_MAP,
     AT(onus_data_spec, augment),
     .sub = augment_fields},
    {.key = "licence", TEXT(onus_data_spec, licence)},
    {.key = "origin", TEXT(onus_data_spec, origin)},
    {.key = "description", TEXT(onus_data_spec, description)},
    {.key = "delimiter", .kind = ONUS_YAML_CHAR, AT(onus_data_spec, delimiter)},
    {.key = "trim", BOOL(onus_data_spec, trim)},
    {.key = "comment", .kind = ONUS_YAML_CHAR, AT(onus_data_spec, comment)},
    {.key = "names",
     .kind = ONUS_YAML_TEXTS,
     AT(onus_data_spec, names),
     COUNT(onus_data_spec, n_names),
     .lower = 1},
    {.key = "missing",
     .kind = ONUS_YAML_TEXTS,
     AT(onus_data_spec, missing_tokens),
     COUNT(onus_data_spec, n_missing_tokens),
     .lower = 1},
    {.key = "label", .kind = ONUS_YAML_CUSTOM, .read = read_label, .sub = label_fields},
    {.key = "protected",
     .kind = ONUS_YAML_CUSTOM,
     .read = read_protected,
     .sub = protected_fields,
     .required = true},
    {.key = "predict", ENUM(onus_data_spec, predict, predictables)},
    {.key = "mask", REAL(onus_data_spec, mask, 0.01, 0.9)},
    {.key = "tokenizer",
     .kind = ONUS_YAML_MAP,
     AT(onus_data_spec, text),
     .sub = tokenizer_fields},
    {.key = "context", INT(onus_data_spec, text.context, 1, 1 << 16)},
    {.key = "columns", .kind = ONUS_YAML_CUSTOM, .read = read_columns, .sub = column_fields},
    {.key = "clean", .kind = ONUS_YAML_MAP, .sub = clean_fields},
    {.key = "scale", ENUM(onus_data_spec, scale, scales)},
    {.key = "split", .kind = ONUS_YAML_MAP, .sub = split_fields},
    {0},
};
