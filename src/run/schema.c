/* SPDX-License-Identifier: Apache-2.0
 * schema.c - the schema of a recipe: one table a mapping, each field with its kind, range and
 * place in the layers' own structs. What a table cannot say (two shapes of one value) is a
 * reader of its own.
 *
 * CHECKLIST: a new field in a layer's spec wants a row here and a line in docs/RECIPE.md. */
#include "run/schema.h"

#include <string.h>

#include "base/fail.h"
#include "run/schema_parts.h"

/* ---- model, training, privacy ------------------------------------------------------------ */

static const char *const optimisers[] = {"adam", "adamw", "sgd", "momentum", NULL};
static const char *const schedules[] = {"constant", "step", "exponential", "cosine", NULL};
static const char *const keeps[] = {"best", "last", NULL};

/* {kind, name, and the family's settings}: which there are is net/'s to say. */
static onus_status read_model(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                              void *at, onus_err *err)
{
    (void)f;
    onus_model_spec *m = at;
    json_t *all = NULL;
    onus_buf text;
    onus_buf_init(&text, y->arena->mem, 1 << 20);
    onus_status st =
        node->type == YAML_MAPPING_NODE
            ? onus_yaml_json(y, node, "model", &all, err)
            : onus_yaml_fail(y, node, err, "model: expected a mapping (key: value)");
    if (st != ONUS_OK) goto done;
    const json_t *kind = json_object_get(all, "kind"), *name = json_object_get(all, "name");
    if (!json_is_string(kind) || (name && !json_is_string(name))) {
        st = onus_yaml_fail(y, node, err,
                            "model: `kind` is missing, or it or `name` is no word");
        goto done;
    }
    m->kind = onus_arena_strdup(y->arena, json_string_value(kind));
    m->name = name ? onus_arena_strdup(y->arena, json_string_value(name)) : NULL;
    json_object_del(all, "kind");
    json_object_del(all, "name");
    onus_json_canonical(&text, all);
    if (text.st == ONUS_OK) m->settings = onus_arena_strdup(y->arena, text.data);
    if (!m->kind || !m->settings || (name && !m->name)) st = onus_fail_mem(err, y->path);
done:
    json_decref(all);
    onus_buf_release(&text);
    return st;
}

/* What docs/RECIPE.md lists; the settings of each family stand in docs/MODELS.md. */
static const onus_yaml_field model_fields[] = {
    {.key = "kind", TEXT(onus_model_spec, kind), .required = true},
    {.key = "name", TEXT(onus_model_spec, name)},
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
    {.key = "micro_batches", INT(onus_train_spec, micro_batches, 0, 1 << 16)},
    {.key = "optimiser", ENUM(onus_train_spec, optimiser, optimisers)},
    {.key = "lr", REAL(onus_train_spec, lr, 0, 1e6)},
    {.key = "momentum", REAL(onus_train_spec, momentum, 0, 0.9999)},
    {.key = "beta1", REAL(onus_train_spec, beta1, 0, 0.999999)},
    {.key = "beta2", REAL(onus_train_spec, beta2, 0, 0.999999)},
    {.key = "eps", REAL(onus_train_spec, eps, 1e-30, 1)},
    {.key = "weight_decay", REAL(onus_train_spec, weight_decay, 0, 1e3)},
    {.key = "l1", REAL(onus_train_spec, l1, 0, 1e6)},
    {.key = "l2", REAL(onus_train_spec, l2, 0, 1e6)},
    {.key = "clip_norm", REAL(onus_train_spec, clip_norm, 0, 1e9)},
    {.key = "freeze",
     .kind = ONUS_YAML_TEXTS,
     AT(onus_train_spec, freeze),
     COUNT(onus_train_spec, n_freeze),
     .lower = 1},
    {.key = "from", TEXT(onus_train_spec, from)},
    {.key = "label_smoothing", REAL(onus_train_spec, label_smoothing, 0, 0.9)},
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
    {.key = "sampling_rate", REAL(onus_privacy_spec, sampling_rate, 1e-9, 1)},
    {0},
};

/* off, said aloud, or {epsilon | noise, delta, clip} */
static onus_status read_privacy(onus_yaml *y, const onus_yaml_field *f, yaml_node_t *node,
                                void *at, onus_err *err)
{
    (void)f;
    onus_privacy_spec *p = at;
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

static const char *const methods[] = {"shap", "relevance", "both", NULL};
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
        int method; /* as in `methods` */
    } form = {.spec = *e};
    onus_status st = onus_yaml_fill(y, node, "explain", explain_fields, &form, err);
    if (st != ONUS_OK) return st;
    *e = form.spec;
    e->shapley = form.method != 1;
    e->relevance = form.method != 0;
    return ONUS_OK;
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

const onus_yaml_field onus_recipe_fields[] = {
    {.key = "onus", .kind = ONUS_YAML_CUSTOM, .read = read_version, .required = true},
    {.key = "name", TEXT(onus_recipe, name), .required = true},
    {.key = "purpose", TEXT(onus_recipe, purpose)},
    {.key = "seed", .kind = ONUS_YAML_SEED, AT(onus_recipe, seed), .required = true},
    {.key = "data",
     .kind = ONUS_YAML_MAP,
     AT(onus_recipe, data),
     .sub = onus_recipe_data_fields,
     .required = true},
    {.key = "model",
     .kind = ONUS_YAML_CUSTOM,
     AT(onus_recipe, model),
     .read = read_model,
     .sub = model_fields,
     .required = true},
    {.key = "train", .kind = ONUS_YAML_MAP, AT(onus_recipe, train), .sub = train_fields},
    {.key = "privacy",
     .kind = ONUS_YAML_CUSTOM,
     AT(onus_recipe, privacy),
     .read = read_privacy,
     .sub = privacy_fields,
     .required = true},
    {.key = "fairness", .kind = ONUS_YAML_MAP, .sub = fairness_fields},
    {.key = "explain",
     .kind = ONUS_YAML_CUSTOM,
     AT(onus_recipe, explain),
     .read = read_explain,
     .sub = explain_fields},
    {.key = "energy", .kind = ONUS_YAML_MAP, .sub = energy_fields},
    {.key = "policy", .kind = ONUS_YAML_CUSTOM, .read = read_policy},
    {0},
};
