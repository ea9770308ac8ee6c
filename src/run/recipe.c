/* SPDX-License-Identifier: Apache-2.0
 * recipe.c - the schema of a recipe: one table a mapping, each field with its kind, range and
 * place in the layers' own structs. What a table cannot say (two shapes of one value) is a
 * reader of its own below.
 *
 * CHECKLIST: a new field in a layer's spec wants a row here and a line in docs/RECIPE.md. */
#include "run/recipe.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "run/yaml.h"

#define AT(type, member)    .offset = offsetof(type, member)
#define COUNT(type, member) .count_offset = offsetof(type, member)
#define REAL(type, member, lo, hi) \
    .kind = ONUS_YAML_REAL, AT(type, member), .lower = (lo), .upper = (hi)
#define INT(type, member, lo, hi) \
    .kind = ONUS_YAML_INT, AT(type, member), .lower = (lo), .upper = (hi)
#define TEXT(type, member)       .kind = ONUS_YAML_TEXT, AT(type, member), .lower = 1
#define ENUM(type, member, list) .kind = ONUS_YAML_ENUM, AT(type, member), .words = (list)
#define BOOL(type, member)       .kind = ONUS_YAML_BOOL, AT(type, member)

/* ---- data -------------------------------------------------------------------------------- */

static const char *const roles[] = {"-",      "number", "category", "identifier",
                                    "weight", "drop",   NULL};
static const char *const missing_ways[] = {"-",      "error", "drop",     "mean",
                                           "median", "mode",  "category", NULL};
static const char *const scales[] = {"-", "standard", "minmax", "none", NULL};
static const char *const formats[] = {"csv", "idx", NULL};
static const char *const keep_or_drop[] = {"keep", "drop", NULL};

static onus_status read_bounds(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                               void *at, onus_err *err)
{
    onus_column_spec *c = at;
    struct {
        const double *v;
        int64_t n;
    } list = {0};
    const onus_yaml_field pair = {.key = f->key,
                                  .kind = ONUS_YAML_REALS,
                                  .count_offset = 8,
                                  .lower = -DBL_MAX,
                                  .upper = DBL_MAX};
    onus_status st = onus_yaml_value(y, &pair, "data.columns", node, &list, err);
    if (st != ONUS_OK) return st;
    if (list.n != 2 || !(list.v[0] < list.v[1]))
        return onus_yaml_fail(
            y, node, err, "data.columns: bounds: expected [lower, upper] with lower < upper");
    c->has_bounds = true;
    c->lower = list.v[0];
    c->upper = list.v[1];
    return ONUS_OK;
}

static const onus_yaml_field column_fields[] = {
    {.key = "type", ENUM(onus_column_spec, role, roles)},
    {.key = "missing", ENUM(onus_column_spec, missing, missing_ways)},
    {.key = "scale", ENUM(onus_column_spec, scale, scales)},
    {.key = "bounds", .kind = ONUS_YAML_CUSTOM, .read = read_bounds},
    {.key = "values",
     .kind = ONUS_YAML_TEXTS,
     AT(onus_column_spec, values),
     COUNT(onus_column_spec, n_values)},
    {0},
};

typedef struct {
    onus_column_spec *list;
    int64_t n;
} column_list;

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
    return onus_yaml_fill(y, value, c->name, column_fields, c, err);
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
            st = onus_yaml_fail(y, node, err, "data.protected: bins of '%s' must ascend",
                                p->column);
    }
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
    if (n < 1 || n > 8)
        return onus_yaml_fail(y, node, err,
                              "data.protected: %d columns, expected 1 to 8, or none", (int)n);
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
    const char *column, *positive;
    const char *const *values;
    int64_t n_values;
    int type;
    char strip;
} label_form;

static const char *const label_types[] = {"category", "number", NULL};
static const onus_yaml_field label_fields[] = {
    {.key = "column", TEXT(label_form, column)},
    {.key = "positive", TEXT(label_form, positive)},
    {.key = "values",
     .kind = ONUS_YAML_TEXTS,
     AT(label_form, values),
     COUNT(label_form, n_values)},
    {.key = "type", ENUM(label_form, type, label_types)},
    {.key = "strip", .kind = ONUS_YAML_CHAR, AT(label_form, strip)},
    {0},
};

/* COLUMN, or {column, positive | values | type: number, strip} */
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
    if (st != ONUS_OK) return st;
    if (l.type == 1 && (l.positive || l.n_values))
        return onus_yaml_fail(y, node, err,
                              "data.label: a number has no positive and no values");
    d->label = l.column;
    d->positive = l.positive;
    d->label_values = l.values;
    d->n_label_values = l.n_values;
    d->label_number = l.type == 1;
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
     COUNT(onus_data_spec, n_stratify)},
    {0},
};
static const onus_yaml_field data_fields[] = {
    {.key = "format", ENUM(onus_data_spec, format, formats)},
    {.key = "source", TEXT(onus_data_spec, source), .required = true},
    {.key = "test", TEXT(onus_data_spec, test_source)},
    {.key = "labels", TEXT(onus_data_spec, labels)},
    {.key = "test_labels", TEXT(onus_data_spec, test_labels)},
    {.key = "licence", TEXT(onus_data_spec, licence)},
    {.key = "origin", TEXT(onus_data_spec, origin)},
    {.key = "description", TEXT(onus_data_spec, description)},
    {.key = "delimiter", .kind = ONUS_YAML_CHAR, AT(onus_data_spec, delimiter)},
    {.key = "trim", BOOL(onus_data_spec, trim)},
    {.key = "comment", .kind = ONUS_YAML_CHAR, AT(onus_data_spec, comment)},
    {.key = "names",
     .kind = ONUS_YAML_TEXTS,
     AT(onus_data_spec, names),
     COUNT(onus_data_spec, n_names)},
    {.key = "missing",
     .kind = ONUS_YAML_TEXTS,
     AT(onus_data_spec, missing_tokens),
     COUNT(onus_data_spec, n_missing_tokens)},
    {.key = "label", .kind = ONUS_YAML_CUSTOM, .read = read_label},
    {.key = "protected", .kind = ONUS_YAML_CUSTOM, .read = read_protected, .required = true},
    {.key = "columns", .kind = ONUS_YAML_CUSTOM, .read = read_columns},
    {.key = "clean", .kind = ONUS_YAML_MAP, .sub = clean_fields},
    {.key = "scale", ENUM(onus_data_spec, scale, scales)},
    {.key = "split", .kind = ONUS_YAML_MAP, .sub = split_fields},
    {0},
};

/* ---- model, training, privacy ------------------------------------------------------------ */

static const char *const optimisers[] = {"adam", "adamw", "sgd", "momentum", NULL};
static const char *const schedules[] = {"constant", "step", "exponential", "cosine", NULL};
static const char *const keeps[] = {"best", "last", NULL};

static const onus_yaml_field model_fields[] = {
    {.key = "kind", TEXT(onus_model_spec, kind), .required = true},
    {.key = "hidden",
     .kind = ONUS_YAML_INTS,
     AT(onus_model_spec, hidden),
     COUNT(onus_model_spec, n_hidden),
     .lower = 1,
     .upper = 1 << 20},
    {.key = "activation", TEXT(onus_model_spec, activation)},
    {.key = "dropout", REAL(onus_model_spec, dropout, 0, 0.99)},
    {0},
};

/* none, balanced, or a list of weights in the order of classes */
static onus_status read_class_weights(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                                      void *at, onus_err *err)
{
    onus_train_spec *t = at;
    const char *text = onus_yaml_scalar(node);
    if (text && !strcmp(text, "none")) return ONUS_OK;
    if (text && !strcmp(text, "balanced")) {
        t->class_weights = ONUS_CLASS_WEIGHTS_BALANCED;
        return ONUS_OK;
    }
    if (text)
        return onus_yaml_fail(
            y, node, err, "train.class_weights: '%.60s' is not none, balanced or a list", text);
    const onus_yaml_field list = {.key = f->key,
                                  .kind = ONUS_YAML_REALS,
                                  AT(onus_train_spec, class_weight),
                                  COUNT(onus_train_spec, n_class_weight),
                                  .lower = 0,
                                  .upper = 1e6};
    t->class_weights = ONUS_CLASS_WEIGHTS_GIVEN;
    return onus_yaml_value(y, &list, "train", node, t, err);
}

static const onus_yaml_field train_fields[] = {
    {.key = "epochs", INT(onus_train_spec, epochs, 1, 1000000)},
    {.key = "batch", INT(onus_train_spec, batch, 1, 1 << 24)},
    {.key = "shards", INT(onus_train_spec, shards, 1, 1 << 16)},
    {.key = "optimiser", ENUM(onus_train_spec, optimiser, optimisers)},
    {.key = "lr", REAL(onus_train_spec, lr, 0, 1e6)},
    {.key = "momentum", REAL(onus_train_spec, momentum, 0, 0.9999)},
    {.key = "beta1", REAL(onus_train_spec, beta1, 0, 0.999999)},
    {.key = "beta2", REAL(onus_train_spec, beta2, 0, 0.999999)},
    {.key = "eps", REAL(onus_train_spec, eps, 1e-30, 1)},
    {.key = "weight_decay", REAL(onus_train_spec, weight_decay, 0, 1e3)},
    {.key = "l1", REAL(onus_train_spec, l1, 0, 1e6)},
    {.key = "l2", REAL(onus_train_spec, l2, 0, 1e6)},
    {.key = "schedule", ENUM(onus_train_spec, schedule, schedules)},
    {.key = "warmup", INT(onus_train_spec, warmup, 0, 1e9)},
    {.key = "step_epochs", INT(onus_train_spec, step_epochs, 1, 1000000)},
    {.key = "gamma", REAL(onus_train_spec, gamma, 0, 1)},
    {.key = "class_weights", .kind = ONUS_YAML_CUSTOM, .read = read_class_weights},
    {.key = "patience", INT(onus_train_spec, patience, 0, 1000000)},
    {.key = "keep", ENUM(onus_train_spec, keep, keeps)},
    {.key = "checkpoint", INT(onus_train_spec, checkpoint_epochs, -1, 1000000)},
    {0},
};

static const onus_yaml_field privacy_fields[] = {
    {.key = "epsilon", REAL(onus_privacy_spec, epsilon, 1e-3, 1e3)},
    {.key = "delta", REAL(onus_privacy_spec, delta, 1e-30, 0.5), .required = true},
    {.key = "clip", REAL(onus_privacy_spec, clip, 1e-9, 1e9), .required = true},
    {.key = "noise", REAL(onus_privacy_spec, noise_multiplier, 1e-3, 1e4)},
    {0},
};

/* off, said aloud, or {epsilon | noise, delta, clip} */
static onus_status read_privacy(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                                void *at, onus_err *err)
{
    (void)f;
    onus_privacy_spec *p = at;
    p->line = onus_yaml_line(node);
    const char *text = onus_yaml_scalar(node);
    if (text && !strcmp(text, "off")) {
        p->off = true;
        return ONUS_OK;
    }
    if (text)
        return onus_yaml_fail(y, node, err,
                              "privacy: '%.60s' is not off or {epsilon, delta, clip}", text);
    onus_status st = onus_yaml_fill(y, node, "privacy", privacy_fields, p, err);
    if (st != ONUS_OK) return st;
    if ((p->epsilon > 0) == (p->noise_multiplier > 0))
        return onus_yaml_fail(
            y, node, err,
            "privacy: expected either epsilon or noise, so that the other follows");
    return ONUS_OK;
}

/* ---- explanation, energy, policy --------------------------------------------------------- */

static const char *const methods[] = {"shap", NULL};
static const onus_yaml_field explain_fields[] = {
    {.key = "rows", INT(onus_explain_spec, rows, 1, 1000000)},
    {.key = "background", INT(onus_explain_spec, background, 1, 100000)},
    {.key = "exact_columns", INT(onus_explain_spec, exact_columns, 0, 16)},
    {.key = "permutations", INT(onus_explain_spec, permutations, 1, 1000000)},
    {.key = "method",
     .kind = ONUS_YAML_ENUM,
     .offset = sizeof(onus_explain_spec),
     .words = methods},
    {0},
};

static onus_status read_explain(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                                void *at, onus_err *err)
{
    (void)f;
    onus_explain_spec *e = at;
    const char *text = onus_yaml_scalar(node);
    if (text && !strcmp(text, "off")) {
        e->off = true;
        return ONUS_OK;
    }
    struct {
        onus_explain_spec spec;
        int method;
    } form = {.spec = *e};
    form.spec.line = onus_yaml_line(node);
    onus_status st = onus_yaml_fill(y, node, "explain", explain_fields, &form, err);
    if (st == ONUS_OK) *e = form.spec;
    return st;
}

static const onus_yaml_field energy_fields[] = {
    {.key = "region", TEXT(onus_recipe, region)},
    {0},
};

/* Names what this version does not have, instead of passing over it. */
static onus_status refuse_mitigation(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                                     void *at, onus_err *err)
{
    (void)at;
    const char *text = onus_yaml_scalar(node);
    if (text && !strcmp(text, "none")) return ONUS_OK;
    return onus_yaml_fail(y, node, err,
                          "fairness.%s: '%.60s' is not in this version, only none is", f->key,
                          text ? text : "(list)");
}
static const onus_yaml_field fairness_fields[] = {
    {.key = "mitigate", .kind = ONUS_YAML_CUSTOM, .read = refuse_mitigation},
    {0},
};

static onus_status read_policy(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                               void *at, onus_err *err)
{
    (void)f;
    onus_recipe *r = at;
    const char *none = onus_yaml_scalar(node);
    if (none && !strcmp(none, "none")) return ONUS_OK;
    if (node->type != YAML_SEQUENCE_NODE)
        return onus_yaml_fail(
            y, node, err,
            "policy: expected a list of demands such as 'auc.lower >= 0.65', or none");
    const int64_t n = node->data.sequence.items.top - node->data.sequence.items.start;
    onus_policy *list = onus_arena_alloc(y->arena, (size_t)n + 1, sizeof *list);
    if (!list) return onus_fail_mem(err, y->path);
    for (int64_t i = 0; i < n; i++) {
        yaml_node_t *item = yaml_document_get_node(&y->doc, node->data.sequence.items.start[i]);
        const char *text = onus_yaml_scalar(item);
        if (!text)
            return onus_yaml_fail(y, item, err,
                                  "policy: a demand is one line, such as 'auc.lower >= 0.65'");
        char *copy = onus_arena_strdup(y->arena, text);
        if (!copy) return onus_fail_mem(err, y->path);
        onus_status st = onus_policy_parse(&list[i], copy, y->path, onus_yaml_line(item), err);
        if (st != ONUS_OK) return st;
    }
    r->policies = list;
    r->n_policies = n;
    return ONUS_OK;
}

/* ---- the whole --------------------------------------------------------------------------- */

static onus_status read_version(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                                void *at, onus_err *err)
{
    (void)f;
    (void)at;
    const char *text = onus_yaml_scalar(node);
    if (text && !strcmp(text, "1")) return ONUS_OK;
    return onus_yaml_fail(
        y, node, err, "onus: '%.40s' is not 1, the only form of recipe that this version reads",
        text ? text : "(not a number)");
}

static const onus_yaml_field recipe_fields[] = {
    {.key = "onus", .kind = ONUS_YAML_CUSTOM, .read = read_version, .required = true},
    {.key = "name", TEXT(onus_recipe, name), .required = true},
    {.key = "purpose", TEXT(onus_recipe, purpose)},
    {.key = "seed", .kind = ONUS_YAML_SEED, AT(onus_recipe, seed), .required = true},
    {.key = "data",
     .kind = ONUS_YAML_MAP,
     AT(onus_recipe, data),
     .sub = data_fields,
     .required = true},
    {.key = "model",
     .kind = ONUS_YAML_MAP,
     AT(onus_recipe, model),
     .sub = model_fields,
     .required = true},
    {.key = "train", .kind = ONUS_YAML_MAP, AT(onus_recipe, train), .sub = train_fields},
    {.key = "privacy",
     .kind = ONUS_YAML_CUSTOM,
     AT(onus_recipe, privacy),
     .read = read_privacy,
     .required = true},
    {.key = "fairness", .kind = ONUS_YAML_MAP, .sub = fairness_fields},
    {.key = "explain",
     .kind = ONUS_YAML_CUSTOM,
     AT(onus_recipe, explain),
     .read = read_explain},
    {.key = "energy", .kind = ONUS_YAML_MAP, .sub = energy_fields},
    {.key = "policy", .kind = ONUS_YAML_CUSTOM, .read = read_policy},
    {0},
};

static void set_defaults(onus_recipe *r)
{
    r->region = "WORLD";
    r->model.activation = "relu";
    r->train = (onus_train_spec){.epochs = 10,
                                 .batch = 64,
                                 .shards = 1,
                                 .lr = 1e-3,
                                 .momentum = 0.9,
                                 .beta1 = 0.9,
                                 .beta2 = 0.999,
                                 .eps = 1e-8,
                                 .weight_decay = 0.01,
                                 .gamma = -1,
                                 .step_epochs = 10};
    r->explain = (onus_explain_spec){
        .rows = 200, .background = 100, .exact_columns = 16, .permutations = 1, .output = -1};
}

static onus_status check_name(const onus_yaml *y, const onus_recipe *r, onus_err *err)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (strlen(r->name) > 100 || r->name[strspn(r->name, allowed)] || r->name[0] == '.')
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: name: '%.100s' must be 1 to 100 letters, digits, '-', '_' or "
                         "'.', not starting with '.'",
                         y->path, r->name);
    return ONUS_OK;
}

static onus_status check_split(const onus_yaml *y, onus_recipe *r, onus_err *err)
{
    onus_data_spec *d = &r->data;
    if (d->train == 0 && d->valid == 0 && d->test == 0) {
        d->valid = 0.1;
        d->test = d->test_source ? 0 : 0.2;
        d->train = 1 - d->valid - d->test;
    }
    const double sum = d->train + d->valid + d->test;
    if (!(sum > 1 - 1e-9 && sum < 1 + 1e-9) || d->train <= 0)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: data.split: train + valid + test = %g, expected 1 with train > 0",
                         y->path, sum);
    if (d->test_source && d->test > 0)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: data.split: test is %g, but data.test names a file of its own",
                         y->path, d->test);
    if (!d->test_source && d->test <= 0)
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "%s: data.split: no test part; a model that is never tested proves nothing",
            y->path);
    if (r->train.keep == ONUS_KEEP_BEST && d->valid <= 0)
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "%s: train.keep is best, which needs data.split.valid > 0 (or say keep: last)",
            y->path);
    return ONUS_OK;
}

static onus_status check_recipe(const onus_yaml *y, onus_recipe *r, onus_err *err)
{
    onus_status st = check_name(y, r, err);
    if (st == ONUS_OK) st = check_split(y, r, err);
    if (st != ONUS_OK) return st;
    onus_train_spec *t = &r->train;
    if (t->gamma < 0) t->gamma = t->schedule == ONUS_RATE_STEP ? 0.1 : 0.95;
    if (t->shards & (t->shards - 1) || t->shards > t->batch)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: train.shards: %d is not a power of two up to the batch (%d)",
                         y->path, (int)t->shards, (int)t->batch);
    if (r->data.format == ONUS_FORMAT_CSV && !r->data.label)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: data.label is missing: the column to predict", y->path);
    if (r->data.format == ONUS_FORMAT_IDX && !r->data.labels)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: data.labels is missing: the IDX file of labels", y->path);
    return ONUS_OK;
}

static onus_status fill_recipe(onus_recipe *r, onus_yaml *y, const char *dir, onus_err *err)
{
    char own_dir[ONUS_PATH_MAX];
    onus_status st = onus_path_dir(own_dir, sizeof own_dir, y->path, err);
    if (st != ONUS_OK) return st;
    set_defaults(r);
    r->path = onus_arena_strdup(&r->arena, y->path);
    r->dir = onus_arena_strdup(&r->arena, dir ? dir : own_dir);
    if (!r->path || !r->dir) return onus_fail_mem(err, y->path);
    r->data.recipe = r->path;
    r->data.base_dir = r->dir;
    st = onus_yaml_fill(y, onus_yaml_root(y), "", recipe_fields, r, err);
    return st == ONUS_OK ? check_recipe(y, r, err) : st;
}

onus_status onus_recipe_parse(onus_recipe **out, const char *path, const char *dir,
                              const char *text, size_t len, const onus_allocator *mem,
                              onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_yaml y = {0};
    onus_recipe *r = onus_alloc(mem, 1, sizeof *r);
    if (!r) return onus_fail_mem(err, path);
    onus_arena_init(&r->arena, mem);
    onus_buf_init(&r->bytes, mem, 1 << 20);
    onus_buf_add(&r->bytes, text, len);
    ONUS_TRY(onus_buf_status(&r->bytes, path, err));
    ONUS_TRY(onus_yaml_parse(&y, path, r->bytes.data, r->bytes.len, &r->arena, err));
    ONUS_TRY(fill_recipe(r, &y, dir, err));
    *out = r;
    r = NULL;
done:
    onus_yaml_release(&y);
    onus_recipe_close(r);
    return st;
}

onus_status onus_recipe_open(onus_recipe **out, const char *path, const char *dir,
                             const onus_allocator *mem, onus_err *err)
{
    onus_buf bytes;
    onus_buf_init(&bytes, mem, 1 << 20);
    onus_status st = onus_file_read(path, &bytes, err);
    if (st == ONUS_OK) st = onus_recipe_parse(out, path, dir, bytes.data, bytes.len, mem, err);
    onus_buf_release(&bytes);
    return st;
}

void onus_recipe_close(onus_recipe *r)
{
    if (!r) return;
    const onus_allocator *mem = r->arena.mem;
    onus_buf_release(&r->bytes);
    onus_arena_release(&r->arena);
    onus_free(mem, r);
}
