/* SPDX-License-Identifier: Apache-2.0
 * Goal: a recipe means one thing, every key of the schema lands where its layer looks for it,
 * and a recipe that is wrong is refused in one line with file, line, column, value and what was
 * expected. Method: the recipe of the design with everything said, then the same with one piece
 * replaced, once for every way to be wrong; allocation failures; every prefix and every flipped
 * byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_mem.h"
#include "run/recipe.h"

static const char full[] =
    "onus: 1\n"                                                              /* 1 */
    "name: german-credit\n"                                                  /* 2 */
    "purpose: who repays\n"                                                  /* 3 */
    "seed: 18446744073709551615\n"                                           /* 4 */
    "data:\n"                                                                /* 5 */
    "  source: a.csv\n"                                                      /* 6 */
    "  licence: CC-BY-4.0\n"                                                 /* 7 */
    "  origin: UCI\n"                                                        /* 8 */
    "  description: applicants\n"                                            /* 9 */
    "  delimiter: ;\n"                                                       /* 10 */
    "  trim: true\n"                                                         /* 11 */
    "  comment: '|'\n"                                                       /* 12 */
    "  names: [sex, age, pay, who, w, y]\n"                                  /* 13 */
    "  missing: ['?', NA]\n"                                                 /* 14 */
    "  label: {column: y, positive: good, values: [bad, good], strip: .}\n"  /* 15 */
    "  protected: [sex, {column: age, bins: [25, 40.5]}]\n"                  /* 16 */
    "  columns:\n"                                                           /* 17 */
    "    who: identifier\n"                                                  /* 18 */
    "    w: weight\n"                                                        /* 19 */
    "    pay: {type: number, bounds: [-1, 2e3], missing: median}\n"          /* 20 */
    "    sex: {values: [f, m]}\n"                                            /* 21 */
    "  clean: {missing: mode, duplicates: drop, constant: keep}\n"           /* 22 */
    "  scale: minmax\n"                                                      /* 23 */
    "  split: {train: 0.7, valid: 0.1, test: 0.2, stratify: [y, sex]}\n"     /* 24 */
    "model: {kind: mlp, hidden: [64, 32], activation: tanh, dropout: 0.1}\n" /* 25 */
    "train:\n"                                                               /* 26 */
    "  {epochs: 3, batch: 32, shards: 4, optimiser: momentum, lr: 1e-2,\n"   /* 27 */
    "   momentum: 0.8, beta1: 0.7, beta2: 0.6, eps: 1e-6, weight_decay: 0.2,\n"
    "   l1: 0.1, l2: 0.3, schedule: step, warmup: 5, step_epochs: 2, gamma: 0.5,\n"
    "   class_weights: [1, 2.5], patience: 4, keep: last, checkpoint: 2}\n" /* 30 */
    "privacy: {epsilon: 8, delta: 1e-5, clip: 1.5}\n"                       /* 31 */
    "fairness: {mitigate: none}\n"                                          /* 32 */
    "explain: {method: shap, rows: 20, background: 10, exact_columns: 3, permutations: 2}\n"
    "energy: {region: DE}\n"                    /* 34 */
    "policy:\n"                                 /* 35 */
    "  - auc.lower >= 0.65\n"                   /* 36 */
    "  - privacy.epsilon <= 8   # a comment\n"; /* 37 */

static onus_recipe *parse(const char *text)
{
    onus_recipe *r = NULL;
    onus_err err;
    if (onus_recipe_parse(&r, "d/r.yaml", NULL, text, strlen(text), NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    return r;
}

static void data_lands(void **state)
{
    (void)state;
    onus_recipe *r = parse(full);
    const onus_data_spec *d = &r->data;
    assert_string_equal(r->name, "german-credit");
    assert_string_equal(r->purpose, "who repays");
    assert_true(r->seed == UINT64_MAX);
    assert_string_equal(r->dir, "d");
    assert_string_equal(r->path, "d/r.yaml");
    assert_int_equal(r->bytes.len, sizeof full - 1);
    assert_int_equal(d->format, ONUS_FORMAT_CSV);
    assert_string_equal(d->source, "a.csv");
    assert_string_equal(d->base_dir, "d");
    assert_string_equal(d->licence, "CC-BY-4.0");
    assert_string_equal(d->origin, "UCI");
    assert_string_equal(d->description, "applicants");
    assert_true(d->delimiter == ';' && d->trim && d->comment == '|' && d->label_strip == '.');
    assert_int_equal(d->n_names, 6);
    assert_string_equal(d->names[5], "y");
    assert_int_equal(d->n_missing_tokens, 2);
    assert_string_equal(d->missing_tokens[0], "?");
    assert_string_equal(d->label, "y");
    assert_string_equal(d->positive, "good");
    assert_int_equal(d->n_label_values, 2);
    assert_string_equal(d->label_values[0], "bad");
    assert_false(d->label_number || d->protected_none);
    assert_int_equal(d->n_protected, 2);
    assert_string_equal(d->protected_[1].column, "age");
    assert_int_equal(d->protected_[1].n_bins, 2);
    assert_true(d->protected_[1].bins[1] == 40.5);
    assert_int_equal(d->n_columns, 4);
    assert_int_equal(d->columns[0].role, ONUS_ROLE_IDENTIFIER);
    assert_int_equal(d->columns[1].role, ONUS_ROLE_WEIGHT);
    const onus_column_spec *pay = &d->columns[2], *sex = &d->columns[3];
    assert_true(pay->has_bounds && pay->lower == -1 && pay->upper == 2000);
    assert_int_equal(pay->missing, ONUS_MISSING_MEDIAN);
    assert_int_equal(pay->line, 20);
    assert_int_equal(sex->role, ONUS_ROLE_CATEGORY); /* values make it one */
    assert_string_equal(sex->values[1], "m");
    assert_int_equal(d->missing, ONUS_MISSING_MODE);
    assert_true(d->drop_duplicates && d->keep_constant);
    assert_int_equal(d->scale, ONUS_SCALE_MINMAX);
    assert_true(d->train == 0.7 && d->valid == 0.1 && d->test == 0.2);
    assert_int_equal(d->n_stratify, 2);
    assert_int_equal(d->line, 6); /* where its first key stands */
    assert_int_equal(d->label_line, 15);
    assert_int_equal(d->split_line, 24);
    onus_recipe_close(r);
}

static void the_rest_lands(void **state)
{
    (void)state;
    onus_recipe *r = parse(full);
    const onus_train_spec *t = &r->train;
    assert_string_equal(r->model.kind, "mlp");
    assert_string_equal(r->model.settings,
                        "{\"activation\":\"tanh\",\"dropout\":0.1,\"hidden\":[64,32]}");
    assert_true(t->epochs == 3 && t->batch == 32 && t->shards == 4 && t->warmup == 5);
    assert_int_equal(t->optimiser, ONUS_OPT_MOMENTUM);
    assert_true(t->lr == 1e-2 && t->momentum == 0.8 && t->beta1 == 0.7 && t->beta2 == 0.6);
    assert_true(t->eps == 1e-6 && t->weight_decay == 0.2 && t->l1 == 0.1 && t->l2 == 0.3);
    assert_int_equal(t->schedule, ONUS_RATE_STEP);
    assert_true(t->step_epochs == 2 && t->gamma == 0.5 && t->patience == 4);
    assert_int_equal(t->class_weights, ONUS_CLASS_WEIGHTS_GIVEN);
    assert_true(t->n_class_weight == 2 && t->class_weight[1] == 2.5);
    assert_int_equal(t->keep, ONUS_KEEP_LAST);
    assert_int_equal(t->checkpoint_epochs, 2);
    assert_true(!r->privacy.off && r->privacy.epsilon == 8 && r->privacy.delta == 1e-5 &&
                r->privacy.clip == 1.5 && r->privacy.noise_multiplier == 0);
    assert_true(!r->explain.off && r->explain.rows == 20 && r->explain.background == 10 &&
                r->explain.exact_columns == 3 && r->explain.permutations == 2);
    assert_string_equal(r->region, "DE");
    assert_int_equal(r->n_policies, 2);
    assert_string_equal(r->policies[1].text, "privacy.epsilon <= 8");
    onus_recipe_close(r);
}

static void explanations_by_kind_of_data(void **state)
{
    (void)state;
    /* a text's coalitions cost more, and its words are compared with less of themselves */
    onus_recipe *r =
        parse("onus: 1\nname: n\nseed: 0\ndata: {source: s, label: y, protected: none, "
              "columns: {x: text}}\nmodel: {kind: lstm}\nprivacy: off\n"
              "explain: {method: both, permutations: 5}\n");
    assert_true(r->explain.shapley && r->explain.relevance && r->explain.rows == 20 &&
                r->explain.exact_columns == 8 && r->explain.permutations == 5);
    onus_recipe_close(r);
    r = parse("onus: 1\nname: n\nseed: 0\ndata: {source: s, label: y, protected: none}\n"
              "model: {kind: mlp}\nprivacy: off\nexplain: {method: relevance}\n");
    assert_true(!r->explain.shapley && r->explain.relevance);
    onus_recipe_close(r);
}

/* What need not be said, and the short forms. */
static void defaults(void **state)
{
    (void)state;
    onus_recipe *r =
        parse("onus: 1\nname: n\nseed: 0\ndata: {source: s, label: y, protected: none}\n"
              "model: {kind: logistic}\nprivacy: off\n");
    assert_true(r->privacy.off && r->data.protected_none && r->data.n_protected == 0);
    assert_string_equal(r->data.label, "y");
    assert_int_equal(r->data.missing, ONUS_MISSING_UNSAID);
    assert_true(r->data.valid == 0.1 && r->data.test == 0.2);
    assert_true(r->data.train + r->data.valid + r->data.test == 1);
    assert_true(r->train.epochs == 10 && r->train.batch == 64 && r->train.shards == 1);
    assert_int_equal(r->train.optimiser, ONUS_OPT_ADAM);
    assert_true(r->train.lr == 1e-3 && r->train.beta1 == 0.9 && r->train.beta2 == 0.999);
    assert_true(r->train.gamma == 0.95 && r->train.keep == ONUS_KEEP_BEST);
    assert_true(r->explain.rows == 200 && r->explain.background == 100 &&
                r->explain.exact_columns == 16 && r->explain.permutations == 2);
    assert_true(r->explain.shapley && !r->explain.relevance && !r->explain.off);
    assert_string_equal(r->region, "WORLD");
    assert_string_equal(r->model.settings, "{}");
    assert_int_equal(r->n_policies, 0);
    assert_null(r->purpose);
    onus_recipe_close(r);

    r = parse("onus: 1\nname: n\nseed: 7\n"
              "data: {format: idx, source: i, labels: l, test: ti, test_labels: tl, protected: "
              "none,\n"
              "  label: {values: [a, b, c]}, split: {train: 0.9, valid: 0.1}}\n"
              "model: {kind: mlp, hidden: 64}\nprivacy: {noise: 1.1, delta: 1e-5, clip: 1}\n"
              "explain: off\npolicy: none\ntrain: {class_weights: balanced, schedule: step}\n");
    assert_int_equal(r->data.format, ONUS_FORMAT_IDX);
    assert_string_equal(r->data.test_labels, "tl");
    assert_int_equal(r->data.n_label_values, 3);
    assert_string_equal(r->model.settings, "{\"hidden\":64}"); /* one is a list of one */
    assert_true(r->privacy.noise_multiplier == 1.1 && r->privacy.epsilon == 0);
    assert_true(r->explain.off);
    assert_int_equal(r->train.class_weights, ONUS_CLASS_WEIGHTS_BALANCED);
    assert_true(r->train.gamma == 0.1);
    onus_recipe_close(r);

    r = parse("onus: 1\nname: n\nseed: 7\n"
              "data: {source: s, test: t, label: {column: y, type: number}, protected: none}\n"
              "model: {kind: linear}\nprivacy: off\ntrain: {class_weights: none}\n");
    assert_true(r->data.label_number && r->data.test == 0 && r->data.train == 0.9);
    assert_true(r->data.label_scale == ONUS_SCALE_UNSAID && !r->data.label_has_bounds);
    onus_recipe_close(r);

    /* what only numbers have makes a label a number */
    r = parse("onus: 1\nname: n\nseed: 7\n"
              "data: {source: s, label: {column: y, bounds: [-5, 2e4]}, protected: none}\n"
              "model: {kind: linear}\nprivacy: off\n");
    assert_true(r->data.label_number && r->data.label_has_bounds);
    assert_true(r->data.label_lower == -5 && r->data.label_upper == 2e4);
    onus_recipe_close(r);
    r = parse("onus: 1\nname: n\nseed: 7\n"
              "data: {source: s, label: {column: y, scale: none}, protected: none}\n"
              "model: {kind: linear}\nprivacy: off\n");
    assert_true(r->data.label_number && r->data.label_scale == ONUS_SCALE_NONE);
    onus_recipe_close(r);
}

static void several_labels(void **state)
{
    (void)state;
    onus_recipe *r = parse("onus: 1\nname: n\nseed: 7\n"
                           "data: {source: s, protected: none, label: {columns: [a, b, c], "
                           "positive: '1', missing: ignore}}\n"
                           "model: {kind: mlp}\nprivacy: off\n");
    assert_null(r->data.label);
    assert_int_equal(r->data.n_label_columns, 3);
    assert_string_equal(r->data.label_columns[2], "c");
    assert_string_equal(r->data.positive, "1");
    assert_null(r->data.positives);
    assert_int_equal(r->data.label_missing, ONUS_LABEL_MISSING_IGNORE);
    onus_recipe_close(r);
    r = parse("onus: 1\nname: n\nseed: 7\n"
              "data: {source: s, protected: none, label: {columns: [a, b, c], values: [0, 1], "
              "positive: [1, 0, 1], missing: drop}}\n"
              "model: {kind: mlp}\nprivacy: off\n");
    assert_null(r->data.positive);
    assert_string_equal(r->data.positives[1], "0");
    assert_int_equal(r->data.n_label_values, 2);
    assert_int_equal(r->data.label_missing, ONUS_LABEL_MISSING_DROP);
    onus_recipe_close(r);
    for (int n = 256; n <= 257; n++) { /* the most, and one more */
        char text[8192];
        onus_err err = {.msg = ""};
        int len = snprintf(text, sizeof text,
                           "onus: 1\nname: n\nseed: 7\nmodel: {kind: mlp}\nprivacy: off\n"
                           "data: {source: s, protected: none, label: {columns: [");
        for (int i = 0; i < n; i++)
            len += snprintf(text + len, sizeof text - (size_t)len, "%sc%d", i ? ", " : "", i);
        snprintf(text + len, sizeof text - (size_t)len, "]}}\n");
        const onus_status st =
            onus_recipe_parse(&r, "r.yaml", NULL, text, strlen(text), NULL, &err);
        assert_int_equal(st, n == 256 ? ONUS_OK : ONUS_BAD_INPUT);
        if (st == ONUS_OK) onus_recipe_close(r);
        if (n == 257)
            assert_non_null(
                strstr(err.msg, "data.label.columns: 257 columns, expected 2 to 256"));
    }
}

/* full with `old` replaced by `new_`. */
static char *with(const char *old, const char *new_)
{
    const char *at = strstr(full, old);
    if (!at) fail_msg("the recipe has no '%s'", old);
    char *text = malloc(sizeof full + strlen(new_) + 1);
    assert_non_null(text);
    const size_t before = (size_t)(at - full);
    memcpy(text, full, before);
    strcpy(text + before, new_);
    strcat(text, at + strlen(old));
    return text;
}

typedef struct {
    const char *old, *new_, *message;
} change;

static void refuse(const change *c)
{
    char *text = with(c->old, c->new_);
    onus_recipe *r = NULL;
    onus_err err = {.msg = ""};
    const onus_status st =
        onus_recipe_parse(&r, "r.yaml", NULL, text, strlen(text), NULL, &err);
    if (st != ONUS_BAD_INPUT) fail_msg("'%s' for '%s': status %d", c->new_, c->old, (int)st);
    assert_null(r);
    if (!strstr(err.msg, c->message) || strncmp(err.msg, "r.yaml:", 7) != 0)
        fail_msg("'%s' does not hold '%s'", err.msg, c->message);
    free(text);
}

static void wrong_keys(void **state)
{
    (void)state;
    static const change rows[] = {
        {"purpose:", "purpos:", "r.yaml:3:1: unknown key 'purpos', did you mean 'purpose'?"},
        {"purpose:", "metrics:",
         "r.yaml:3:1: unknown key 'metrics', expected one of onus, name"},
        {"epochs: 3", "epocs: 3",
         "r.yaml:27:4: unknown key 'train.epocs', did you mean 'epochs'?"},
        {"clip: 1.5", "clip: 1.5, sigma: 2", "r.yaml:31:47: unknown key 'privacy.sigma'"},
        {"bins: [25, 40.5]", "bin: [25]",
         "r.yaml:16:34: unknown key 'data.protected.bin', did you"},
        {"type: number,", "kind: number,",
         "r.yaml:20:11: unknown key 'pay.kind', expected one of type"},
        {"kind: mlp", "kind: mlp, kind: mlp", "r.yaml:25:20: model.kind is said twice"},
        {"seed:", "name: x\nseed:", "r.yaml:4:1: name is said twice"},
        {"    w: weight", "    who: drop", "r.yaml:19:5: data.columns.who is said twice"},
        {"onus: 1\n", "", "r.yaml:1:1: 'onus' is missing"},
        {"seed: 18446744073709551615\n", "", "'seed' is missing"},
        {"  source: a.csv\n", "", "r.yaml:6:3: data: 'source' is missing"},
        {"  protected: [sex, {column: age, bins: [25, 40.5]}]\n", "",
         "data: 'protected' is missing"},
        {"kind: mlp, ", "", "r.yaml:25:8: model: `kind` is missing"},
        {"privacy: {epsilon: 8, delta: 1e-5, clip: 1.5}\n", "", "'privacy' is missing"},
        {", clip: 1.5", "", "r.yaml:31:10: privacy: 'clip' is missing"},
        {"delta: 1e-5, ", "", "privacy: 'delta' is missing"},
        {"column: age, ", "", "r.yaml:16:20: data.protected: 'column' is missing"},
        {"column: y, ", "",
         "r.yaml:15:10: data.label.column: is missing: the column to predict"},
        {"  label: {column: y, positive: good, values: [bad, good], strip: .}\n", "",
         "r.yaml:6:3: data.label: is missing: the column to predict"},
        {"{mitigate: none}", "{mitigate: reweighing}",
         "r.yaml:32:22: fairness.mitigate: 'reweighing' is not in this version, only none is"},
        {"method: shap", "method: lime",
         "r.yaml:33:19: explain.method: 'lime' is not one of shap, relevance, both"},
        {"region: DE", "region: XX", "r.yaml:34:18: energy.region: 'XX' is not in the table"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) refuse(&rows[i]);
}

static const change bad_values[] = {
    {"onus: 1", "onus: 2", "r.yaml:1:7: onus: '2' is not 1"},
    {"onus: 1", "onus: [1]", "onus: '(not a number)' is not 1"},
    {"german-credit", "../up", "r.yaml:2:7: name: '../up' must be 1 to 100 letters"},
    {"german-credit", ".hidden", "name: '.hidden' must be"},
    {"german-credit", "a b", "name: 'a b' must be"},
    {"german-credit", "''", "r.yaml:2:7: name: '' is not a text"},
    {"german-credit", "[a]", "name: a list, expected a text"},
    {"18446744073709551615", "18446744073709551616",
     "r.yaml:4:7: seed: '18446744073709551616' is not a "
     "whole number from 0 to 2^64 - 1"},
    {"18446744073709551615", "-1", "seed: '-1' is not"},
    {"18446744073709551615", "1.0", "seed: '1.0' is not"},
    {"18446744073709551615", "0x10", "seed: '0x10' is not"},
    {"delimiter: ;", "delimiter: ';;'",
     "r.yaml:10:14: data.delimiter: ';;' is not one character"},
    {"delimiter: ;", "delimiter: '\"'", "r.yaml:10:14: data.delimiter: a quote or a line end"},
    {"delimiter: ;", "delimiter: \"\\n\"", "data.delimiter: a quote or a line end"},
    {"delimiter: ;", "delimiter: \xc2\xa7", "is not one character"},
    {"comment: '|'", "comment: ';'",
     "r.yaml:12:12: data.comment: a quote, a line end or the delimiter"},
    {"trim: true", "trim: maybe", "r.yaml:11:9: data.trim: 'maybe' is not true or false"},
    {"[sex, age, pay, who, w, y]", "[sex, age, sex]",
     "r.yaml:13:21: data.names: 'sex' is said twice"},
    {"[sex, age, pay, who, w, y]", "[sex, '']", "data.names: '' is not a text"},
    {"[sex, age, pay, who, w, y]", "[]",
     "r.yaml:13:10: data.names: an empty list says nothing"},
    {"[sex, age, pay, who, w, y]", "{a: b}", "data.names: a mapping, expected a list"},
    {"['?', NA]", "['?', [NA]]", "data.missing: a list, expected a text"},
    {"strip: .", "type: number",
     "r.yaml:15:10: data.label: a number has no positive and no values"},
    {"strip: .", "scale: minmax", "data.label: a number has no positive and no values"},
    {"strip: .", "bounds: [0, 1]", "data.label: a number has no positive and no values"},
    {"strip: .", "type: category, scale: none", "data.label: scale and bounds are for numbers"},
    {"strip: .", "scale: log", "data.label.scale: 'log' is not one of standard, minmax, none"},
    {"strip: .", "bounds: [1, 0]", "data.label: bounds: expected [lower, upper]"},
    {"positive: good, values: [bad, good], strip: .", "scale: none, bounds: [0, 1]",
     "r.yaml:15:10: data.label: bounds say how it is scaled"},
    {"values: [bad, good]", "values: [bad, ugly]",
     "data.label: positive 'good' must be one of two values"},
    {"values: [bad, good]", "values: [bad, good, ugly]", "must be one of two values"},
    {"positive: good, values: [bad, good]", "values: [bad]",
     "data.label: one value; there is nothing"},
    {"strip: .", "strip: ..", "data.label.strip: '..' is not one character"},
    {"column: y", "column: y, columns: [y, w]",
     "r.yaml:15:10: data.label: column or columns, not both"},
    {"column: y", "columns: [y]",
     "r.yaml:15:10: data.label.columns: one column; say column: y"},
    {"column: y", "columns: y", "data.label.columns: one column; say column: y"},
    {"column: y", "columns: [y, w, y]", "r.yaml:15:27: data.label.columns: 'y' is said twice"},
    {"column: y", "columns: [y, '']", "data.label.columns: '' is not a text"},
    {"column: y, positive: good, values: [bad, good]", "columns: [y, w], type: number",
     "data.label: several columns are yes or no each, none a number"},
    {"column: y, positive: good, values: [bad, good]", "columns: [y, w], bounds: [0, 1]",
     "data.label: several columns are yes or no each, none a number"},
    {"column: y, positive: good, values: [bad, good]", "columns: [y, w], values: [a, b, c]",
     "data.label.values: 3 values; several columns are yes or no each"},
    {"column: y, positive: good", "columns: [y, w], positive: [good, ugly]",
     "data.label: positive 'ugly' must be one of two values"},
    {"column: y, positive: good", "columns: [y, w], positive: [good, good, bad]",
     "data.label.positive: 3 values for 2 columns, expected one for all or one for each"},
    {"positive: good", "positive: [good, good]",
     "data.label.positive: 2 values; one column has one"},
    {"positive: good", "positive: []", "data.label.positive: an empty list says nothing"},
    {"positive: good", "positive: [[good]]", "data.label.positive: a list, expected a text"},
    {"strip: .", "missing: ignore",
     "data.label.missing: ignore is for several columns, drop for one"},
    {"strip: .", "missing: mean",
     "data.label.missing: 'mean' is not one of error, drop, ignore"},
    {"[sex, {column: age, bins: [25, 40.5]}]", "all",
     "r.yaml:16:14: data.protected: expected a list of columns, "
     "or none"},
    {"[sex, {column: age, bins: [25, 40.5]}]", "[]",
     "data.protected: 0 columns, expected 1 to 8, or none"},
    {"[sex, {column: age, bins: [25, 40.5]}]", "[a, b, c, d, e, f, g, h, i]",
     "9 columns, expected 1 to 8"},
    {"[sex, {column: age, bins: [25, 40.5]}]", "[sex, sex]",
     "r.yaml:16:20: data.protected: 'sex' is named twice"},
    {"[25, 40.5]", "[40.5, 25]", "r.yaml:16:20: data.protected: bins of 'age' must ascend"},
    {"[25, 40.5]", "[25, 25]", "bins of 'age' must ascend"},
    {"[25, 40.5]", "[]", "data.protected.bins: an empty list"},
    {"[25, 40.5]", "[young]", "r.yaml:16:41: data.protected.bins: 'young' is not a number"},
    {"[25, 40.5]", "[nan]", "'nan' is not a number"},
    {"who: identifier", "who: id",
     "r.yaml:18:10: data.columns.who: 'id' is not one of number, category, "
     "identifier, weight, drop"},
    {"who: identifier", "who: '-'", "'-' is not one of"},
    {"who: identifier", "who: [drop]", "who: expected a mapping"},
    {"bounds: [-1, 2e3]", "bounds: [2, 1]",
     "r.yaml:20:33: data.columns: bounds: expected [lower, upper]"},
    {"bounds: [-1, 2e3]", "bounds: [1]", "bounds: expected [lower, upper]"},
    {"bounds: [-1, 2e3]", "bounds: [1, 1e999]", "data.columns.bounds: '1e999' is not a number"},
    {"type: number, bounds", "type: category, bounds",
     "data.columns: pay: bounds are for numbers"},
    {"bounds: [-1, 2e3]", "values: [a]", "data.columns: pay: values are for categories"},
    {"bounds: [-1, 2e3]", "bounds: [1, 2], values: [a]",
     "pay: bounds are for numbers, values for categories"},
    {"bounds: [-1, 2e3]", "bounds: [1, 2], scale: standard",
     "pay: bounds say how it is scaled"},
    {"missing: median}", "missing: category}", "pay: missing: category is for categories"},
    {"{values: [f, m]}", "{values: [f, m], scale: none}", "sex: scale is for numbers"},
    {"{values: [f, m]}", "{values: [f, m], missing: mean}",
     "sex: missing: mean and median are for numbers"},
    {"{values: [f, m]}", "{values: [f, f]}", "sex.values: 'f' is said twice"},
    {"missing: mode", "missing: guess",
     "r.yaml:22:20: data.clean.missing: 'guess' is not one of error, drop"},
    {"duplicates: drop", "duplicates: yes",
     "data.clean.duplicates: 'yes' is not one of keep, drop"},
    {"scale: minmax", "scale: log",
     "r.yaml:23:10: data.scale: 'log' is not one of standard, minmax, none"},
    {"train: 0.7", "train: 0.8",
     "r.yaml:24:10: data.split: train + valid + test = 1.1, expected 1 with train > 0"},
    {"train: 0.7", "train: 1.7", "data.split.train: '1.7' is not a number from 0 to 1"},
    {"train: 0.7, valid: 0.1, test: 0.2", "train: 0.8, valid: 0.2, test: 0",
     "data.split: no test part"},
    {"  source: a.csv\n", "  source: a.csv\n  test: b.csv\n",
     "data.split.test: is 0.2, but data.test names a file"},
    {"train: 0.7, valid: 0.1, test: 0.2", "train: 0, valid: 0.5, test: 0.5",
     "expected 1 with train > 0"},
    {"[y, sex]", "[y, y]", "data.split.stratify: 'y' is said twice"},
    {"  source: a.csv\n", "  source: a.csv\n  labels: l\n",
     "r.yaml:7:11: data.labels: has no place where the data "
     "is a table"},
    {"  source: a.csv\n", "  source: a.csv\n  format: idx\n",
     "data.labels: is missing: the IDX file of labels"},
    {"  source: a.csv\n", "  source: a.csv\n  augment: {flip: both}\n",
     "r.yaml:7:12: data.augment: has no place where the data is a table"},
};

static void wrong_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_values / sizeof *bad_values; i++) refuse(&bad_values[i]);
}

static void wrong_training(void **state)
{
    (void)state;
    static const change rows[] = {
        {"kind: mlp", "kind: transformer",
         "r.yaml:25:15: model.kind: 'transformer' is not in this version, which has cnn, "},
        {"kind: mlp", "kind: logistic",
         "r.yaml:25:55: model.activation: logistic has no such setting"},
        {"activation: tanh", "activation: swish",
         "r.yaml:25:50: model.activation: 'swish' is not one of"},
        {"[64, 32]", "[64, 0]",
         "r.yaml:25:28: model.hidden: '0' is not a whole number from 1 to 1048576"},
        {"[64, 32]", "[64, 1.5]", "model.hidden: '1.5' is not a whole number"},
        {"[64, 32]", "[99999999999999999999]", "'1e+20' is not a whole number"},
        {"dropout: 0.1", "dropout: 1", "model.dropout: '1' is not a number from 0 to 0.99"},
        {"epochs: 3", "epochs: 0",
         "r.yaml:27:12: train.epochs: '0' is not a whole number from 1 to 1000000"},
        {"epochs: 3", "epochs: three", "train.epochs: 'three' is not a whole number"},
        {"epochs: 3", "epochs: 3.0", "train.epochs: '3.0' is not a whole number"},
        {"epochs: 3", "epochs: ''", "train.epochs: '' is not a whole number"},
        {"shards: 4", "shards: 3",
         "r.yaml:27:34: train.shards: 3 is not a power of two up to the batch (32)"},
        {"shards: 4", "shards: 64", "train.shards: 64 is not a power of two up to the batch"},
        {"optimiser: momentum", "optimiser: lion",
         "train.optimiser: 'lion' is not one of adam, adamw, sgd, momentum"},
        {"lr: 1e-2", "lr: 1e-2abc", "train.lr: '1e-2abc' is not a number"},
        {"lr: 1e-2", "lr: -1", "train.lr: '-1' is not a number from 0"},
        {"lr: 1e-2", "lr: nan", "train.lr: 'nan' is not a number"},
        {"class_weights: [1, 2.5]", "class_weights: fair",
         "train.class_weights: 'fair' is not none, balanced or a list"},
        {"class_weights: [1, 2.5]", "class_weights: [1, -2]",
         "train.class_weights: '-2' is not a number from 0"},
        {"keep: last", "keep: first", "train.keep: 'first' is not one of best, last"},
        {"privacy: {epsilon: 8, delta: 1e-5, clip: 1.5}", "privacy: on",
         "r.yaml:31:10: privacy: 'on' is not off or {epsilon"},
        {"privacy: {epsilon: 8, delta: 1e-5, clip: 1.5}", "privacy: [off]",
         "privacy: expected a mapping"},
        {"epsilon: 8, ", "", "r.yaml:31:10: privacy: expected either epsilon or noise"},
        {"epsilon: 8", "epsilon: 8, noise: 1", "privacy: expected either epsilon or noise"},
        {"epsilon: 8", "epsilon: 0", "privacy.epsilon: '0' is not a number from 0.001"},
        {"epsilon: 8", "epsilon: inf", "privacy.epsilon: 'inf' is not a number"},
        {"delta: 1e-5", "delta: 0", "privacy.delta: '0' is not a number from 1e-30"},
        {"clip: 1.5", "clip: 0", "privacy.clip: '0' is not a number"},
        {"rows: 20", "rows: 0", "explain.rows: '0' is not a whole number from 1"},
        {"exact_columns: 3", "exact_columns: 17",
         "explain.exact_columns: '17' is not a whole number from 0 to 16"},
        {"  - auc.lower >= 0.65", "  - auc.lower => 0.65",
         "r.yaml:36: policy 'auc.lower => 0.65': character 11: expected one of"},
        {"  - auc.lower >= 0.65", "  - [auc]", "r.yaml:36:5: policy: a demand is one line"},
        {"  - auc.lower >= 0.65\n  - privacy.epsilon <= 8   # a comment\n", "  auc >= 1\n",
         "r.yaml:36:3: policy: expected a list of demands"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) refuse(&rows[i]);
}

/* Keys of tables have no place beside images; one error each. */
static void wrong_for_images(void **state)
{
    (void)state;
    static const struct {
        const char *more, *message;
    } rows[] = {
        {"names: [a]", "data.names: has no place where the data is images"},
        {"columns: {a: drop}", "data.columns: has no place"},
        {"clean: {missing: drop}", "data.clean: has no place"},
        {"scale: none", "data.scale: has no place"},
        {"label: {positive: a}", "data.label.positive: has no place"},
        {"label: y", "data.label: images have no columns"},
        {"label: {columns: [a, b]}", "data.label.columns: has no place"},
        {"split: {train: 0.7, valid: 0.1, test: 0.2, stratify: y}",
         "data.split.stratify: has no place"},
        {"augment: {flip: sideways}",
         "data.augment.flip: 'sideways' is not one of none, horizontal, vertical, both"},
        {"augment: {crop: -1}", "data.augment.crop: '-1' is not a whole number from 0 to 4096"},
        {"augment: {zoom: 2}", "zoom"},
        {"test: t", "data.test: test and test_labels go together"},
        {"test_labels: t", "data.test_labels: test and test_labels go together"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[500];
        onus_recipe *r = NULL;
        onus_err err;
        snprintf(text, sizeof text,
                 "onus: 1\nname: n\nseed: 1\ndata: {format: idx, source: i, labels: l, "
                 "protected: none, %s}\n"
                 "model: {kind: mlp}\nprivacy: off\n",
                 rows[i].more);
        assert_int_equal(onus_recipe_parse(&r, "r.yaml", NULL, text, strlen(text), NULL, &err),
                         ONUS_BAD_INPUT);
        if (!strstr(err.msg, rows[i].message) || !strstr(err.msg, "r.yaml:4:"))
            fail_msg("'%s' does not hold '%s'", err.msg, rows[i].message);
    }
}

/* A recipe means one thing: no aliases, anchors, tags, merges, second documents. */
static void not_plain_yaml(void **state)
{
    (void)state;
    static const change rows[] = {
        {"seed: 18446744073709551615", "seed: &s 1",
         "r.yaml:4:7: a recipe may not hold an anchor (&name)"},
        {"model: {kind", "model: *m", "a recipe may not hold an alias (*name)"},
        {"model: {kind", "model: &m {kind", "r.yaml:25:8: a recipe may not hold an anchor"},
        {"names: [sex", "names: &n [sex", "a recipe may not hold an anchor"},
        {"seed: 18446744073709551615", "seed: !!int 1", "a recipe may not hold a tag (!name)"},
        {"names: [sex", "names: !set [sex", "a recipe may not hold a tag"},
        {"model: {kind", "model: !map {kind", "a recipe may not hold a tag"},
        {"policy:\n", "<<: {seed: 1}\npolicy:\n", "unknown key '<<'"},
        {"policy:\n", "---\npolicy:\n", "r.yaml:35:1: a recipe may not hold a second document"},
        {"policy:\n", "...\npolicy:\n", "r.yaml:36:1: "},
        {"policy:\n", "? [a]\n: b\npolicy:\n", "r.yaml:35:3: a key must be a text"},
        {"model: {kind", "model: {{kind", "not YAML"},
        {"model: {kind", "\tmodel: {kind", "not YAML"},
        {"who repays", "who \x01 repays", "r.yaml:"},
        {"who repays", "who \xff repays", "not YAML"},
        {"who repays", "\"who \\0 repays\"",
         "r.yaml:3:10: a recipe may not hold a NUL character"},
        {"purpose: who", "purpose: [[[[[[[[[[[[[[[[[[[[[[[[ who",
         "nesting deeper than 16 levels"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) refuse(&rows[i]);
    static const char *const whole[] = {"",           "# nothing\n",
                                        "---\n...\n", "just a text\n",
                                        "- a\n- b\n", "%YAML 9.9\n---\na: b\n"};
    static const char *const messages[] = {
        "empty, expected a recipe",   "empty, expected a recipe",   "expected a mapping",
        "recipe: expected a mapping", "recipe: expected a mapping", "not YAML"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        onus_recipe *r = NULL;
        onus_err err;
        assert_int_equal(
            onus_recipe_parse(&r, "r.yaml", NULL, whole[i], strlen(whole[i]), NULL, &err),
            ONUS_BAD_INPUT);
        if (!strstr(err.msg, messages[i]))
            fail_msg("'%s' does not hold '%s'", err.msg, messages[i]);
    }
}

/* A mebibyte is read, a byte more is not; a hundred thousand keys are refused quickly. */
static void at_the_limits(void **state)
{
    (void)state;
    enum { LIMIT = 1 << 20 };
    char *text = malloc(LIMIT + 2);
    assert_non_null(text);
    onus_recipe *r = NULL;
    onus_err err;
    strcpy(text, full);
    memset(text + sizeof full - 1, '#', LIMIT + 1 - sizeof full);
    assert_int_equal(onus_recipe_parse(&r, "r.yaml", NULL, text, LIMIT, NULL, &err), ONUS_OK);
    onus_recipe_close(r);
    assert_int_equal(onus_recipe_parse(&r, "r.yaml", NULL, text, LIMIT + 1, NULL, &err),
                     ONUS_BAD_INPUT);
    size_t n = (size_t)sprintf(
        text, "onus: 1\nname: n\nseed: 1\nmodel: {kind: mlp}\nprivacy: off\n"
              "data:\n  source: s\n  label: y\n  protected: none\n  columns:\n");
    const size_t head = n;
    for (int i = 0; n < LIMIT - 40; i++) n += (size_t)sprintf(text + n, "    c%d: drop\n", i);
    assert_int_equal(onus_recipe_parse(&r, "r.yaml", NULL, text, n, NULL, &err), ONUS_OK);
    assert_true(r->data.n_columns > 50000);
    onus_recipe_close(r);
    n = head;
    for (int i = 0; i < 70001; i++) n += (size_t)sprintf(text + n, "    %x: \n", i);
    assert_int_equal(onus_recipe_parse(&r, "r.yaml", NULL, text, n, NULL, &err),
                     ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "data.columns: 70001 keys, at most 70000"));
    free(text);
}

/* Every prefix and every flipped bit: an error of one line, or a recipe. */
static void mangled(void **state)
{
    (void)state;
    char text[sizeof full];
    for (size_t i = 0; i < sizeof full - 1; i++) {
        for (int bit = -1; bit < 8; bit++) {
            onus_recipe *r = NULL;
            onus_err err = {.msg = ""};
            strcpy(text, full);
            if (bit >= 0) text[i] = (char)(text[i] ^ 1 << bit);
            const size_t len = bit < 0 ? i : sizeof full - 1;
            const onus_status st = onus_recipe_parse(&r, "r.yaml", NULL, text, len, NULL, &err);
            if (st == ONUS_OK) {
                onus_recipe_close(r);
                continue;
            }
            assert_int_equal(st, ONUS_BAD_INPUT);
            assert_true(strncmp(err.msg, "r.yaml:", 7) == 0);
            for (const char *c = err.msg; *c; c++) assert_true((unsigned char)*c >= 0x20);
        }
    }
}

static onus_status parse_once(const onus_allocator *mem, void *ctx, onus_err *err)
{
    onus_recipe *r = NULL;
    const onus_status st = onus_recipe_parse(&r, "r.yaml", NULL, ctx, strlen(ctx), mem, err);
    onus_recipe_close(r);
    return st;
}

static void memory_ends(void **state)
{
    (void)state;
    assert_true(failing_mem_walk("recipe", parse_once, (void *)full) > 5);
}

static void files(void **state)
{
    (void)state;
    onus_recipe *r = NULL;
    onus_err err;
    assert_int_equal(onus_recipe_open(&r, "/nowhere/r.yaml", NULL, NULL, &err), ONUS_IO);
    assert_non_null(strstr(err.msg, "/nowhere/r.yaml"));
    assert_int_equal(onus_recipe_open(&r, "/", NULL, NULL, &err), ONUS_IO);
    assert_int_equal(
        onus_recipe_parse(&r, "r.yaml", "elsewhere", full, strlen(full), NULL, &err), ONUS_OK);
    assert_string_equal(r->data.base_dir, "elsewhere");
    onus_recipe_close(r);
    onus_recipe_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_lands),       cmocka_unit_test(the_rest_lands),
        cmocka_unit_test(defaults),         cmocka_unit_test(explanations_by_kind_of_data),
        cmocka_unit_test(wrong_keys),       cmocka_unit_test(several_labels),
        cmocka_unit_test(wrong_values),     cmocka_unit_test(wrong_training),
        cmocka_unit_test(wrong_for_images), cmocka_unit_test(not_plain_yaml),
        cmocka_unit_test(at_the_limits),    cmocka_unit_test(mangled),
        cmocka_unit_test(memory_ends),      cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
