/* SPDX-License-Identifier: Apache-2.0
 * encoder_json.c - the encoder as canonical JSON inside a model file, and back; what is read is
 * checked. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "data/parts.h"

enum { LIST_MAX = 1 << 20 };

static json_t *texts_json(const char *const *texts, int64_t n)
{
    json_t *list = json_array();
    for (int64_t i = 0; list && i < n; i++) {
        if (json_array_append_new(list, json_string(texts[i])) == 0) continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *column_json(const onus_encoded_column *c)
{
    json_t *v = json_pack("{s:s, s:b}", "name", c->pub.name, "protected", c->pub.is_protected);
    bool good = v != NULL;
    if (good && c->pub.category) {
        good = json_object_set_new(v, "values", texts_json(c->pub.values, c->pub.n)) == 0 &&
               json_object_set_new(v, "closed", json_boolean(c->closed)) == 0;
        if (good && c->has_fill)
            good = json_object_set_new(v, "fill", json_integer(c->fill_value)) == 0;
    } else if (good) {
        good = json_object_set_new(v, "shift", json_real(c->shift)) == 0 &&
               json_object_set_new(v, "scale", json_real(c->scale)) == 0;
        if (good && c->has_fill) good = json_object_set_new(v, "fill", json_real(c->fill)) == 0;
        if (good && c->clamp)
            good =
                json_object_set_new(v, "bounds", json_pack("[f,f]", c->lower, c->upper)) == 0;
    }
    if (good) return v;
    json_decref(v);
    return NULL;
}

/* {"column", "context", "tokenizer"}: the tokenizer as its own file has it. */
static onus_status add_text(const onus_encoder *e, json_t *all, onus_err *err)
{
    json_t *tokenizer = NULL;
    onus_buf json;
    onus_buf_init(&json, e->mem, ONUS_TOKENIZER_JSON_MAX);
    onus_status st = onus_tokenizer_write(e->tokenizer, &json, err);
    if (st == ONUS_OK) st = onus_json_parse(&tokenizer, json.data, json.len, "tokenizer", err);
    onus_buf_release(&json);
    if (st != ONUS_OK) return st;
    json_t *text =
        json_pack("{s:s, s:I, s:o}", "column", e->n_columns ? e->columns[0].pub.name : "",
                  "context", (json_int_t)e->context, "tokenizer", tokenizer);
    return text && json_object_set_new(all, "text", text) == 0
               ? ONUS_OK
               : onus_fail(err, ONUS_NO_MEM,
                           "encoder: out of memory, or a name that is not UTF-8");
}

onus_status onus_encoder_write(const onus_encoder *e, onus_buf *out, onus_err *err)
{
    json_t *columns = json_array(), *all = NULL;
    bool good = columns != NULL;
    for (int64_t k = 0; good && !e->pixels && !e->tokenizer && k < e->n_columns; k++)
        good = json_array_append_new(columns, column_json(&e->columns[k])) == 0;
    if (good)
        all = json_pack(
            "{s:s, s:o, s:o, s:O}", "task", onus_task_names[e->task], "label",
            e->n_labels > 1 ? texts_json(e->labels, e->n_labels) : json_string(e->labels[0]),
            "classes", texts_json(e->classes, e->n_labels * e->n_classes), "columns", columns);
    if (all && e->pixels &&
        json_object_set_new(all, "image",
                            json_pack("[I,I,I]", (json_int_t)e->image.d[0],
                                      (json_int_t)e->image.d[1], (json_int_t)e->image.d[2])) !=
            0) {
        json_decref(all);
        all = NULL;
    }
    json_decref(columns);
    if (all && e->tokenizer) {
        const onus_status st = add_text(e, all, err);
        if (st != ONUS_OK) {
            json_decref(all);
            return st;
        }
    }
    if (!all)
        return onus_fail(err, ONUS_NO_MEM,
                         "encoder: out of memory, or a name that is not UTF-8");
    onus_json_canonical(out, all);
    json_decref(all);
    return onus_buf_status(out, "encoder", err);
}

static onus_status bad(const char *what, const char *why, onus_err *err)
{
    return onus_fail(err, ONUS_BAD_INPUT, "%s: its encoder is malformed: %s", what, why);
}

static onus_status read_texts(onus_encoder *e, const json_t *list, const char ***out,
                              int64_t *n, const char *what, onus_err *err)
{
    *n = (int64_t)json_array_size(list);
    if (!json_is_array(list) || *n > LIST_MAX)
        return bad(what, "a list of texts is missing", err);
    *out = onus_arena_alloc(&e->arena, (size_t)*n + 1, sizeof **out);
    if (!*out) return onus_fail_mem(err, what);
    for (int64_t i = 0; i < *n; i++) {
        const char *text = json_string_value(json_array_get(list, (size_t)i));
        if (!text) return bad(what, "a text is missing", err);
        if (!((*out)[i] = onus_arena_strdup(&e->arena, text))) return onus_fail_mem(err, what);
    }
    return ONUS_OK;
}

static onus_status read_number(const json_t *v, onus_encoded_column *c, const char *what,
                               onus_err *err)
{
    const json_t *shift = json_object_get(v, "shift"), *scale = json_object_get(v, "scale"),
                 *fill = json_object_get(v, "fill");
    const json_t *bounds = json_object_get(v, "bounds");
    c->shift = json_number_value(shift);
    c->scale = json_number_value(scale);
    if (!json_is_number(shift) || !json_is_number(scale) || !(c->scale > 0))
        return bad(what, "a number without shift and scale", err);
    c->has_fill = json_is_number(fill);
    c->fill = json_number_value(fill);
    c->clamp = json_array_size(bounds) == 2;
    c->lower = json_number_value(json_array_get(bounds, 0));
    c->upper = json_number_value(json_array_get(bounds, 1));
    c->pub.n = 1;
    return c->clamp && !(c->lower < c->upper) ? bad(what, "bounds that are none", err)
                                              : ONUS_OK;
}

static onus_status read_category(onus_encoder *e, const json_t *v, onus_encoded_column *c,
                                 const char *what, onus_err *err)
{
    const char **values;
    onus_status st = read_texts(e, json_object_get(v, "values"), &values, &c->pub.n, what, err);
    if (st != ONUS_OK) return st;
    for (int64_t i = 1; i < c->pub.n; i++) {
        if (strcmp(values[i - 1], values[i]) >= 0)
            return bad(what, "categories out of order", err);
    }
    const json_t *fill = json_object_get(v, "fill");
    c->pub.category = true;
    c->pub.values = values;
    c->closed = json_is_true(json_object_get(v, "closed"));
    c->has_fill = json_is_integer(fill);
    c->fill_value = json_integer_value(fill);
    return c->pub.n == 0 || (c->has_fill && (c->fill_value < -1 || c->fill_value >= c->pub.n))
               ? bad(what, "a fill-in that is no category, or none to choose from", err)
               : ONUS_OK;
}

/* A row is given by names: no two columns share one. */
static onus_status check_names(onus_encoder *e, const char *what, onus_err *err)
{
    const char **names = onus_alloc(e->mem, (size_t)e->n_columns + 1, sizeof *names);
    if (!names) return onus_fail_mem(err, what);
    for (int64_t k = 0; k < e->n_columns; k++) names[k] = e->columns[k].pub.name;
    const bool twice = onus_distinct(names, e->n_columns) < e->n_columns;
    onus_free(e->mem, names);
    return twice ? bad(what, "two columns of one name", err) : ONUS_OK;
}

static onus_status read_columns(onus_encoder *e, const json_t *list, const char *what,
                                onus_err *err)
{
    const int64_t n = (int64_t)json_array_size(list);
    if (!json_is_array(list) || n > LIST_MAX) return bad(what, "columns are missing", err);
    e->columns = onus_arena_alloc(&e->arena, (size_t)n + 1, sizeof *e->columns);
    if (!e->columns) return onus_fail_mem(err, what);
    for (int64_t k = 0; k < n; k++) {
        const json_t *v = json_array_get(list, (size_t)k);
        onus_encoded_column *c = &e->columns[k];
        const char *name = json_string_value(json_object_get(v, "name"));
        if (!name) return bad(what, "a column without a name", err);
        if (!(c->pub.name = onus_arena_strdup(&e->arena, name)))
            return onus_fail_mem(err, what);
        c->pub.is_protected = json_is_true(json_object_get(v, "protected"));
        onus_status st = json_object_get(v, "values") ? read_category(e, v, c, what, err)
                                                      : read_number(v, c, what, err);
        if (st != ONUS_OK) return st;
        c->pub.first = e->n_features;
        e->n_features += c->pub.n;
        e->n_columns++;
        if (e->n_features > ONUS_FEATURES_MAX) return bad(what, "more than 2^24 features", err);
    }
    return check_names(e, what, err);
}

/* Names for pixels, so that a picture's columns can be spoken of. */
onus_status onus_encoder_image(onus_encoder *e, const onus_shape *image, onus_err *err)
{
    const int64_t n = onus_shape_numel(image);
    e->columns = onus_arena_alloc(&e->arena, (size_t)n + 1, sizeof *e->columns);
    if (!e->columns) return onus_fail_mem(err, "encoder");
    e->image = *image;
    e->pixels = e->n_features = e->n_columns = n;
    for (int64_t k = 0; k < n; k++) {
        e->columns[k] = (onus_encoded_column){.pub = {.first = k, .n = 1}, .scale = 255};
        if (!(e->columns[k].pub.name =
                  onus_arena_printf(&e->arena, "pixel_%lld", (long long)k)))
            return onus_fail_mem(err, "encoder");
    }
    return ONUS_OK;
}

static bool read_image(const json_t *list, onus_shape *image)
{
    *image = (onus_shape){.n = 3};
    int64_t n = 1;
    if (json_array_size(list) != 3) return false;
    for (int i = 0; i < 3; i++) {
        image->d[i] = json_integer_value(json_array_get(list, (size_t)i));
        if (image->d[i] < 1 || image->d[i] > ONUS_FEATURES_MAX) return false;
        n *= image->d[i];
        if (n > ONUS_FEATURES_MAX) return false;
    }
    return n > 1;
}

static onus_status read_text(onus_encoder *e, const json_t *text, const char *what,
                             onus_err *err)
{
    enum { CONTEXT_MAX = 1 << 20 };
    onus_buf json;
    const char *column = json_string_value(json_object_get(text, "column"));
    e->context = json_integer_value(json_object_get(text, "context"));
    if (!column || e->context < 1 || e->context > CONTEXT_MAX ||
        !json_is_object(json_object_get(text, "tokenizer")))
        return bad(what, "a text without column, context or tokenizer", err);
    onus_buf_init(&json, e->mem, ONUS_TOKENIZER_JSON_MAX);
    onus_json_canonical(&json, json_object_get(text, "tokenizer"));
    onus_status st = onus_buf_status(&json, what, err);
    if (st == ONUS_OK)
        st = onus_tokenizer_read(&e->tokenizer, json.data, json.len, what, e->mem, err);
    onus_buf_release(&json);
    if (st != ONUS_OK) return st;
    e->n_features = e->context;
    e->n_columns = *column != '\0';
    e->columns = onus_arena_alloc(&e->arena, 1, sizeof *e->columns);
    if (!e->columns) return onus_fail_mem(err, what);
    e->columns[0] = (onus_encoded_column){.pub = {.n = e->context}, .scale = 1};
    e->columns[0].pub.name = onus_arena_strdup(&e->arena, column);
    return e->columns[0].pub.name ? ONUS_OK : onus_fail_mem(err, what);
}

/* {"task", "label": a name, or a list of several, "classes": those of one label after the
 * other's}. */
static onus_status read_labels(onus_encoder *e, const json_t *all, const char *what,
                               onus_err *err)
{
    const char *task = json_string_value(json_object_get(all, "task"));
    const json_t *label = json_object_get(all, "label");
    int t = 0;
    while (t < ONUS_TASK_COUNT && !(task && strcmp(task, onus_task_names[t]) == 0)) t++;
    if (t == ONUS_TASK_COUNT || (!json_is_string(label) && !json_is_array(label)))
        return bad(what, "task or label is missing", err);
    e->task = (onus_task)t;
    onus_status st =
        read_texts(e, json_object_get(all, "classes"), &e->classes, &e->n_classes, what, err);
    if (st != ONUS_OK) return st;
    if (e->task == ONUS_TASK_LABELS) {
        st = read_texts(e, label, &e->labels, &e->n_labels, what, err);
        if (st != ONUS_OK) return st;
        if (e->n_labels < 2 || e->n_labels > ONUS_LABELS_MAX || e->n_classes != 2 * e->n_labels)
            return bad(what, "labels without two classes each, or too few or many", err);
        e->n_classes = 2;
        return ONUS_OK;
    }
    e->n_labels = 1;
    e->labels = onus_arena_alloc(&e->arena, 1, sizeof *e->labels);
    if (!e->labels) return onus_fail_mem(err, what);
    if (!json_is_string(label)) return bad(what, "several labels, and another task", err);
    if (!(e->labels[0] = onus_arena_strdup(&e->arena, json_string_value(label))))
        return onus_fail_mem(err, what);
    return (t == ONUS_TASK_BINARY && e->n_classes != 2) ||
                   (t == ONUS_TASK_CLASSES && e->n_classes < 2) ||
                   (t >= ONUS_TASK_REGRESSION && e->n_classes != 0)
               ? bad(what, "classes that do not fit the task", err)
               : ONUS_OK;
}

onus_status onus_encoder_read(onus_encoder **out, const char *json, size_t len,
                              const char *what, const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    json_t *all = NULL;
    onus_encoder *e = onus_alloc(mem, 1, sizeof *e);
    if (!e) return onus_fail_mem(err, what);
    e->mem = mem;
    onus_arena_init(&e->arena, mem);
    ONUS_TRY(onus_json_parse(&all, json, len, what, err));
    ONUS_TRY(read_labels(e, all, what, err));
    onus_shape image;
    const json_t *shape = json_object_get(all, "image");
    if (shape && !read_image(shape, &image)) {
        st = bad(what, "image is no shape (channels, height, width)", err);
        goto done;
    }
    const json_t *text = json_object_get(all, "text");
    st = text    ? read_text(e, text, what, err)
         : shape ? onus_encoder_image(e, &image, err)
                 : read_columns(e, json_object_get(all, "columns"), what, err);
    if (st != ONUS_OK) goto done;
    if (e->n_features == 0) {
        st = bad(what, "no features", err);
        goto done;
    }
    *out = e;
    e = NULL;
done:
    json_decref(all);
    onus_encoder_destroy(e);
    return st;
}

void onus_encoder_destroy(onus_encoder *e)
{
    if (!e) return;
    onus_tokenizer_destroy(e->tokenizer);
    onus_arena_release(&e->arena);
    onus_free(e->mem, e);
}

onus_task onus_encoder_task(const onus_encoder *e)
{
    return e->task;
}

int64_t onus_encoder_features(const onus_encoder *e)
{
    return e->n_features;
}

int64_t onus_encoder_vocabulary(const onus_encoder *e)
{
    return e->tokenizer ? onus_tokenizer_size(e->tokenizer) : 0;
}

int64_t onus_encoder_labels(const onus_encoder *e)
{
    return e->n_labels;
}

const char *onus_encoder_label_name(const onus_encoder *e, int64_t l)
{
    return e->labels[l];
}

int64_t onus_encoder_classes(const onus_encoder *e)
{
    return e->n_classes;
}

const char *onus_encoder_class_name(const onus_encoder *e, int64_t c)
{
    return c >= 0 && c < e->n_labels * e->n_classes ? e->classes[c] : NULL;
}

int64_t onus_encoder_columns(const onus_encoder *e)
{
    return e->n_columns;
}

const onus_input_column *onus_encoder_column(const onus_encoder *e, int64_t i)
{
    return &e->columns[i].pub;
}
