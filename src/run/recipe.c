/* SPDX-License-Identifier: Apache-2.0
 * recipe.c - a recipe: read by its schema, given its defaults, and checked for what no single
 * field can know: shares that add up, keys that have no place beside others. */
#include "run/recipe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit/carbon.h"
#include "base/fail.h"
#include "base/file.h"
#include "run/schema.h"

static void set_defaults(onus_recipe *r)
{
    r->region = "WORLD";
    r->data.text.context = 128;
    r->data.mask = 0.15;
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
    r->explain = (onus_explain_spec){.shapley = true,
                                     .rows = -1,
                                     .background = 100,
                                     .exact_columns = -1,
                                     .permutations = -1,
                                     .output = -1};
}

/* An error about what stands at a dotted path, or at the nearest mapping around it. */
static onus_status wrong_at(onus_yaml *y, const char *path, onus_err *err, const char *fmt, ...)
    ONUS_PRINTF(4, 5);
static onus_status wrong_at(onus_yaml *y, const char *path, onus_err *err, const char *fmt, ...)
{
    char text[700], around[100];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    snprintf(around, sizeof around, "%s", path);
    yaml_node_t *node = onus_yaml_find(y, around);
    while (!node) {
        char *dot = strrchr(around, '.');
        *(dot ? dot : around) = '\0';
        node = onus_yaml_find(y, around);
    }
    return onus_yaml_fail(y, node, err, "%s: %s", path, text);
}

static onus_status check_name(onus_yaml *y, const onus_recipe *r, onus_err *err)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (strlen(r->name) > 100 || r->name[strspn(r->name, allowed)] || r->name[0] == '.')
        return wrong_at(y, "name", err,
                        "'%.100s' must be 1 to 100 letters, digits, '-', '_' or '.', not "
                        "starting with '.'",
                        r->name);
    return ONUS_OK;
}

static onus_status check_split(onus_yaml *y, onus_recipe *r, onus_err *err)
{
    onus_data_spec *d = &r->data;
    if (d->train == 0 && d->valid == 0 && d->test == 0) {
        d->valid = 0.1;
        d->test = d->test_source ? 0 : 0.2;
        d->train = 1 - d->valid - d->test;
    }
    const double sum = d->train + d->valid + d->test;
    if (!(sum > 1 - 1e-9 && sum < 1 + 1e-9) || d->train <= 0)
        return wrong_at(y, "data.split", err,
                        "train + valid + test = %g, expected 1 with train > 0", sum);
    if (d->test_source && d->test > 0)
        return wrong_at(y, "data.split.test", err,
                        "is %g, but data.test names a file of its own", d->test);
    if (!d->test_source && d->test <= 0)
        return wrong_at(y, "data.split", err,
                        "no test part; a model that is never tested proves nothing");
    if (r->train.keep == ONUS_KEEP_BEST && d->valid <= 0)
        return wrong_at(y, "train.keep", err,
                        "best needs data.split.valid > 0 (or say keep: last)");
    return ONUS_OK;
}

/* Keys that have no place where the data is of the other kind. */
static onus_status check_places(onus_yaml *y, const char *const *keys, const char *kind,
                                onus_err *err)
{
    for (; *keys; keys++) {
        if (onus_yaml_find(y, *keys))
            return wrong_at(y, *keys, err, "has no place where the data is %s", kind);
    }
    return ONUS_OK;
}

static onus_status check_images(onus_yaml *y, const onus_data_spec *d, onus_err *err)
{
    static const char *const keys[] = {
        "data.delimiter",      "data.trim",           "data.comment",
        "data.names",          "data.missing",        "data.columns",
        "data.clean",          "data.scale",          "data.label.column",
        "data.label.positive", "data.label.type",     "data.label.strip",
        "data.label.scale",    "data.label.bounds",   "data.label.columns",
        "data.label.missing",  "data.split.stratify", NULL};
    if (!d->labels)
        return wrong_at(y, "data.labels", err, "is missing: the IDX file of labels");
    if (!d->test_source != !d->test_labels)
        return wrong_at(y, d->test_source ? "data.test" : "data.test_labels", err,
                        "test and test_labels go together");
    if (d->n_protected)
        return wrong_at(y, "data.protected", err, "images have no columns, expected none");
    if (d->label)
        return wrong_at(y, "data.label", err, "images have no columns, expected {values: ..}");
    return check_places(y, keys, "images", err);
}

static onus_status check_long_text(onus_yaml *y, const onus_data_spec *d, onus_err *err)
{
    static const char *const keys[] = {"data.delimiter",      "data.trim",
                                       "data.comment",        "data.names",
                                       "data.missing",        "data.columns",
                                       "data.clean",          "data.scale",
                                       "data.labels",         "data.label",
                                       "data.test_labels",    "data.augment",
                                       "data.split.stratify", NULL};
    if (d->predict == ONUS_PREDICT_LABEL)
        return wrong_at(y, "data.predict", err,
                        "is missing: one long text wants next or masked");
    if (d->n_protected)
        return wrong_at(y, "data.protected", err, "a long text has no columns, expected none");
    return check_places(y, keys, "one long text", err);
}

/* A file says what kind a tokenizer is. */
static onus_status check_tokenizer(onus_yaml *y, const onus_data_spec *d, onus_err *err)
{
    static const char *const keys[] = {"data.tokenizer.kind", "data.tokenizer.vocabulary",
                                       "data.tokenizer.lower", NULL};
    for (int i = 0; d->text.file && keys[i]; i++)
        if (onus_yaml_find(y, keys[i]))
            return wrong_at(y, keys[i], err, "is said by the file already");
    if (onus_yaml_find(y, "data.mask") && d->predict != ONUS_PREDICT_MASKED)
        return wrong_at(y, "data.mask", err, "has its place where data.predict is masked");
    return ONUS_OK;
}

static onus_status check_table(onus_yaml *y, const onus_data_spec *d, onus_err *err)
{
    static const char *const keys[] = {"data.labels", "data.test_labels", "data.augment", NULL};
    static const char never[] = "\"\r\n";
    const bool labelled = d->label || d->n_label_columns;
    if (labelled && d->predict != ONUS_PREDICT_LABEL)
        return wrong_at(y, "data.predict", err, "a table has a label or tokens to predict");
    if (!labelled && d->predict == ONUS_PREDICT_LABEL)
        return wrong_at(y, onus_yaml_find(y, "data.label") ? "data.label.column" : "data.label",
                        err, "is missing: the column to predict");
    if (d->delimiter && strchr(never, d->delimiter))
        return wrong_at(y, "data.delimiter", err, "a quote or a line end delimits nothing");
    const char delimiter = d->delimiter ? d->delimiter : ',';
    if (d->comment && (strchr(never, d->comment) || d->comment == delimiter))
        return wrong_at(y, "data.comment", err,
                        "a quote, a line end or the delimiter begins no comment");
    return check_places(y, keys, "a table", err);
}

static onus_status check_model(onus_yaml *y, const onus_recipe *r, onus_err *err)
{
    onus_err why = {.code = ONUS_OK};
    const onus_status st = onus_model_check(&r->model, r->arena.mem, &why);
    if (st == ONUS_OK) return ONUS_OK;
    if (st == ONUS_NO_MEM) return onus_fail_mem(err, y->path);
    char path[40]; /* the message begins with it: "model.kind: ..." */
    snprintf(path, sizeof path, "%.*s", (int)strcspn(why.msg, ":"), why.msg);
    const char *text = why.msg + strlen(path);
    return wrong_at(y, path, err, "%s", text + strspn(text, ": "));
}

/* A text has its tokens to share a score among; a model of tokens has no one score. What was
 * not said depends on the data: a text's coalitions each cost a pass over its tokens. */
static onus_status check_explain(onus_yaml *y, onus_recipe *r, onus_err *err)
{
    static const char *const keys[] = {"explain.background", NULL};
    onus_explain_spec *e = &r->explain;
    bool text = false;
    for (int64_t i = 0; i < r->data.n_columns; i++)
        text = text || r->data.columns[i].role == ONUS_ROLE_TEXT;
    if (r->data.predict != ONUS_PREDICT_LABEL && !e->off)
        return wrong_at(y, "explain", err,
                        "a model of tokens has a score for every token at every place and no "
                        "one decision to explain: say off");
    if (e->rows < 0) e->rows = text ? 20 : 200;
    if (e->exact_columns < 0) e->exact_columns = text ? 8 : 16;
    if (e->permutations < 0) e->permutations = text ? 8 : 2;
    return text ? check_places(y, keys, "text, whose rows are compared with less of themselves",
                               err)
                : ONUS_OK;
}

static onus_status check_region(onus_yaml *y, const onus_recipe *r, onus_err *err)
{
    const onus_grid *grid = NULL;
    onus_err why = {.code = ONUS_OK};
    if (onus_grid_find(&grid, r->region, &why) == ONUS_OK) return ONUS_OK;
    const onus_status st =
        wrong_at(y, "energy.region", err,
                 "'%.40s' is not in the table of carbon intensities, expected "
                 "a country's two letters, such as DE, or WORLD",
                 r->region);
    return onus_hint(err, st, "%s", why.hint);
}

static onus_status check_recipe(onus_yaml *y, onus_recipe *r, onus_err *err)
{
    onus_train_spec *t = &r->train;
    onus_status st = check_name(y, r, err);
    if (st == ONUS_OK)
        st = r->data.format == ONUS_FORMAT_IDX    ? check_images(y, &r->data, err)
             : r->data.format == ONUS_FORMAT_TEXT ? check_long_text(y, &r->data, err)
                                                  : check_table(y, &r->data, err);
    if (st == ONUS_OK) st = check_tokenizer(y, &r->data, err);
    if (st == ONUS_OK) st = check_split(y, r, err);
    if (st == ONUS_OK) st = check_model(y, r, err);
    if (st == ONUS_OK) st = check_explain(y, r, err);
    if (st != ONUS_OK) return st;
    if (t->gamma < 0) t->gamma = t->schedule == ONUS_RATE_STEP ? 0.1 : 0.95;
    if (t->shards & (t->shards - 1) || t->shards > t->batch)
        return wrong_at(y, "train.shards", err, "%d is not a power of two up to the batch (%d)",
                        (int)t->shards, (int)t->batch);
    return check_region(y, r, err);
}

/* Lines that later complaints point at. */
static void keep_lines(onus_yaml *y, onus_recipe *r)
{
    const struct {
        const char *path;
        int *line;
    } places[] = {{"data", &r->data.line},
                  {"data.label", &r->data.label_line},
                  {"data.split", &r->data.split_line},
                  {"data.tokenizer", &r->data.text.line},
                  {"data.augment", &r->data.augment.line}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const yaml_node_t *node = onus_yaml_find(y, places[i].path);
        if (!node) node = onus_yaml_find(y, "data");
        *places[i].line = onus_yaml_line(node);
    }
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
    st = onus_yaml_fill(y, onus_yaml_root(y), "", onus_recipe_fields, r, err);
    if (st != ONUS_OK) return st;
    keep_lines(y, r);
    return check_recipe(y, r, err);
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
