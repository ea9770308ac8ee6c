/* SPDX-License-Identifier: Apache-2.0
 * model.c - from a flat list of layers to a net, and model files, which hold that list:
 * planning, training, explanation and files see nodes only. */
#include "net/model.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "net/family.h"
#include "net/graph.h"

static const struct {
    const char *name, *prediction, *loss;
} heads[ONUS_HEAD_COUNT] = {
    [ONUS_HEAD_BINARY] = {"binary", "sigmoid", "logistic_loss"},
    [ONUS_HEAD_CLASSES] = {"classes", "softmax", "softmax_cross_entropy"},
    [ONUS_HEAD_VALUE] = {"value", "affine", "squared_error"},
    [ONUS_HEAD_LABELS] = {"labels", "sigmoid", "logistic_loss"},
    [ONUS_HEAD_TOKENS] = {"tokens", "softmax", "softmax_cross_entropy"},
};

const char *onus_head_name(onus_head head)
{
    return heads[head].name;
}

int64_t onus_model_outputs_of(const onus_model_io *io)
{
    switch (io->head) {
    case ONUS_HEAD_CLASSES:
    case ONUS_HEAD_LABELS: return io->classes;
    case ONUS_HEAD_TOKENS: return io->vocabulary;
    default: return 1;
    }
}

/* What goes beside the layers: input, head, and what undoes a scaled label. */
typedef struct {
    onus_model_io io;
    double smoothing, label_shift, label_scale;
} ending;

onus_status onus_model_check(const onus_model_spec *spec, const onus_allocator *mem,
                             onus_err *err)
{
    onus_arena arena;
    onus_layers layers = {0};
    onus_arena_init(&arena, mem);
    const onus_status st = onus_family_expand(spec, NULL, &arena, &layers, err);
    onus_arena_release(&arena);
    return st;
}

/* ---- the graph --------------------------------------------------------------------------- */

static int find_node(const onus_net *net, const char *name)
{
    for (int i = net->n_nodes - 1; i >= 0; i--)
        if (strcmp(net->nodes[i].name, name) == 0) return i;
    return -1;
}

static int find_param(const onus_node *node, const char *name)
{
    for (int k = 0; k < node->n_params; k++)
        if (strcmp(node->param[k].name, name) == 0) return k;
    return -1;
}

/* Names of a layer's parameters, and which of them are another's. */
static onus_status name_params(onus_net *net, int node, const onus_layer *l, onus_err *err)
{
    onus_status st = ONUS_OK;
    for (int i = 0; i < l->n_names; i++) {
        const int k = find_param(&net->nodes[node], l->names[i].param);
        const char *owner = l->names[i].owner;
        if (k < 0)
            return onus_fail(err, ONUS_BAD_INPUT, "%s: %s has no parameter '%.40s'", l->name,
                             l->op, l->names[i].param);
        if (owner && find_node(net, owner) < 1)
            return onus_fail(err, ONUS_BAD_INPUT, "%s: there is no layer '%.80s' to share with",
                             l->name, owner);
        if (owner)
            ONUS_TRY(onus_net_tie(net, node, k, find_node(net, owner), err));
        else
            ONUS_TRY(onus_net_name_param(net, node, k, l->names[i].name, err));
    }
done:
    return st;
}

static onus_status add_layer(onus_net *net, const onus_layer *l, onus_err *err)
{
    int in[ONUS_IN_MAX], node;
    for (int i = 0; i < l->n_in; i++) {
        in[i] = find_node(net, l->in[i]);
        if (in[i] < 0)
            return onus_fail(err, ONUS_BAD_INPUT, "%s: there is no layer '%.80s' to read",
                             l->name, l->in[i]);
    }
    if (find_node(net, l->name) >= 0)
        return onus_fail(err, ONUS_BAD_INPUT, "two layers are called '%.80s'", l->name);
    const onus_status st =
        onus_net_add(net, l->op, l->name, in, l->n_in, l->attrs, l->n_attrs, &node, err);
    return st == ONUS_OK ? name_params(net, node, l, err) : st;
}

/* The logits must be what the head wants, else the loss would name shapes that nobody knows. */
static onus_status check_logits(const onus_net *net, int last, const ending *e, onus_err *err)
{
    const onus_shape *s = &net->nodes[last].shape;
    onus_shape want = {.n = 1, .d = {onus_model_outputs_of(&e->io)}};
    if (e->io.head == ONUS_HEAD_TOKENS)
        want = (onus_shape){.n = 2, .d = {e->io.input.d[0], e->io.vocabulary}};
    if (onus_shape_same(s, &want)) return ONUS_OK;
    char mine[96], theirs[96];
    onus_shape_text(s, mine, sizeof mine);
    onus_shape_text(&want, theirs, sizeof theirs);
    return onus_fail(err, ONUS_BAD_INPUT,
                     "model: the last layer, '%.80s', gives %s, a label of %s wants %s",
                     net->nodes[last].name, mine, heads[e->io.head].name, theirs);
}

static bool has_attr(const onus_node *node, const char *name, int64_t value)
{
    for (int k = 0; k < node->op->n_attrs; k++)
        if (strcmp(node->op->attrs[k].name, name) == 0) return node->attr[k].i == value;
    return false;
}

/* A net that is asked for the next token must not be shown it: it would be right for nothing.
 * One that is asked for a hidden token is to see both sides: attention that looks back only
 * learns another task than it is named for. */
static onus_status check_order(const onus_net *net, const onus_model_io *io, onus_err *err)
{
    for (int i = 1; i < net->n_nodes; i++) {
        const onus_node *node = &net->nodes[i];
        const bool ahead = has_attr(node, "causal", 0), back = has_attr(node, "reverse", 1);
        if (io->next && (ahead || back))
            return onus_fail(
                err, ONUS_BAD_INPUT,
                "model: '%.80s' sees the tokens that follow (%s), the label is the "
                "next token",
                node->name, ahead ? "causal: 0" : "reverse: 1");
        if (io->masked && has_attr(node, "causal", 1))
            return onus_fail(
                err, ONUS_BAD_INPUT,
                "model: '%.80s' sees only the tokens before (causal: 1), the label "
                "is a masked token, which those on both sides tell",
                node->name);
    }
    return ONUS_OK;
}

/* Layers, then what the head adds. A net of numbers is trained on the scaled label (its logit),
 * and predicts in the label's own unit: whoever has the net cannot forget it. */
static onus_status make_nodes(onus_net *net, const onus_layers *l, const ending *e,
                              onus_err *err)
{
    const double factor = e->label_scale == 0 ? 1 : e->label_scale;
    const onus_attr_value unit[] = {{"factor", factor}, {"shift", e->label_shift}};
    const onus_attr_value smoothing = {"smoothing", e->smoothing};
    const onus_head head = e->io.head;
    onus_status st = ONUS_OK;
    int prediction = 0, loss = 0;
    for (int i = 0; i < l->n; i++) ONUS_TRY(add_layer(net, &l->list[i], err));
    const int last = net->n_nodes - 1;
    ONUS_TRY(check_logits(net, last, e, err));
    ONUS_TRY(check_order(net, &e->io, err));
    if (e->smoothing != 0 && head != ONUS_HEAD_CLASSES && head != ONUS_HEAD_TOKENS) {
        st = onus_fail(err, ONUS_BAD_INPUT,
                       "train.label_smoothing is for classes and tokens, the label is '%s'",
                       heads[head].name);
        goto done;
    }
    ONUS_TRY(onus_net_add(net, heads[head].prediction, "prediction", &last, 1, unit,
                          head == ONUS_HEAD_VALUE ? 2 : 0, &prediction, err));
    ONUS_TRY(onus_net_add(net, heads[head].loss, "loss", &last, 1, &smoothing,
                          e->smoothing != 0 ? 1 : 0, &loss, err));
    ONUS_TRY(onus_net_seal(net, last, prediction, loss, err));
done:
    return st;
}

/* Where a list comes from, a recipe or a file, nobody calls the net: what it refuses as a call
 * is the list's fault. */
static onus_status add_nodes(onus_net *net, const onus_layers *l, const ending *e,
                             onus_err *err)
{
    onus_err why = {.code = ONUS_OK};
    const onus_status st = make_nodes(net, l, e, &why);
    if (st == ONUS_OK) return st;
    return onus_fail(err, st == ONUS_BAD_ARG ? ONUS_BAD_INPUT : st, "%s", why.msg);
}

/* "MLP 61-64-32-1": {dense} becomes the widths of a row of dense layers. */
static onus_status describe(onus_net *net, const char *title, onus_err *err)
{
    onus_buf text;
    onus_buf_init(&text, net->mem, 1 << 16);
    const char *dense = strstr(title, "{dense}");
    onus_buf_printf(&text, "%.*s", dense ? (int)(dense - title) : 400, title);
    if (dense) onus_buf_printf(&text, "%lld", (long long)onus_net_inputs(net));
    for (int i = 1; dense && i < net->n_nodes; i++) {
        if (net->nodes[i].op == &onus_op_dense)
            onus_buf_printf(&text, "-%lld", (long long)onus_shape_numel(&net->nodes[i].shape));
    }
    net->description = text.data ? onus_arena_strdup(&net->arena, text.data) : NULL;
    onus_buf_release(&text);
    return net->description ? ONUS_OK : onus_fail_mem(err, "model");
}

/* ---- the list as JSON -------------------------------------------------------------------- */

static json_t *names_json(const onus_layer *l, bool owners)
{
    json_t *all = json_object();
    for (int i = 0; all && i < l->n_names; i++) {
        const char *value = owners ? l->names[i].owner : l->names[i].name;
        if (value && json_object_set_new(all, l->names[i].param, json_string(value)) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

static json_t *layer_json(const onus_layer *l)
{
    json_t *in = json_array(), *attrs = json_object();
    bool good = in && attrs;
    for (int i = 0; good && i < l->n_in; i++)
        good = json_array_append_new(in, json_string(l->in[i])) == 0;
    for (int i = 0; good && i < l->n_attrs; i++)
        good = json_object_set_new(attrs, l->attrs[i].name, json_real(l->attrs[i].value)) == 0;
    json_t *out = good ? json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "op", l->op, "name",
                                   l->name, "in", in, "attrs", attrs, "params",
                                   names_json(l, false), "tie", names_json(l, true))
                       : NULL;
    if (!good) {
        json_decref(in);
        json_decref(attrs);
    }
    return out;
}

static json_t *layers_json(const onus_layers *l)
{
    json_t *list = json_array();
    for (int i = 0; list && i < l->n; i++) {
        if (json_array_append_new(list, layer_json(&l->list[i])) == 0) continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

static json_t *shape_json(const onus_shape *s)
{
    json_t *d = json_array();
    for (int i = 0; d && i < s->n; i++) {
        if (json_array_append_new(d, json_integer(s->d[i])) == 0) continue;
        json_decref(d);
        d = NULL;
    }
    return d;
}

/* Everything that the net is made of, as canonical JSON, for the model file. */
static onus_status keep_spec(onus_net *net, const onus_layers *l, const ending *e,
                             onus_err *err)
{
    onus_status st = ONUS_NO_MEM;
    onus_buf text;
    onus_buf_init(&text, net->mem, 16 << 20);
    json_t *all = json_pack("{s:s, s:b, s:o, s:I, s:I, s:s, s:f, s:i, s:o}", "title", l->title,
                            "flat", l->flat, "input", shape_json(&e->io.input), "vocabulary",
                            (json_int_t)e->io.vocabulary, "classes", (json_int_t)e->io.classes,
                            "head", heads[e->io.head].name, "smoothing", e->smoothing,
                            "numerics", ONUS_NUMERICS_VERSION, "layers", layers_json(l));
    if (!all) goto done;
    if (e->io.head == ONUS_HEAD_VALUE &&
        json_object_set_new(all, "label",
                            json_pack("{s:f, s:f}", "shift", e->label_shift, "scale",
                                      e->label_scale == 0 ? 1 : e->label_scale)) != 0)
        goto done;
    onus_json_canonical(&text, all);
    st = text.st;
    if (st == ONUS_OK && !(net->spec_json = onus_arena_strdup(&net->arena, text.data)))
        st = ONUS_NO_MEM;
done:
    json_decref(all);
    onus_buf_release(&text);
    return st == ONUS_OK ? ONUS_OK
                         : onus_fail(err, st, "model: the settings cannot be written");
}

/* A table is read by tokens of the input alone, and has a row for each: a file that says
 * otherwise would make it read beyond its end. */
static onus_status check_tables(const onus_net *net, onus_err *err)
{
    for (int i = 1; i < net->n_nodes; i++) {
        const onus_node *node = &net->nodes[i];
        if (node->op != &onus_op_embedding) continue;
        if (node->in[0] != 0 || net->vocabulary == 0)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s: embedding reads tokens, which only the "
                             "input of a model of text holds",
                             node->name);
        if (node->param[0].shape.d[0] < net->vocabulary)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s: a table of %lld rows, the text has %lld tokens", node->name,
                             (long long)node->param[0].shape.d[0], (long long)net->vocabulary);
    }
    return ONUS_OK;
}

/* count_max: more parameters are refused before they are allocated; 0: any number. */
static onus_status build(onus_net **out, const onus_layers *l, const ending *e,
                         int64_t count_max, const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_net *net = NULL;
    const onus_shape flat = {.n = 1, .d = {onus_shape_numel(&e->io.input)}};
    ONUS_TRY(onus_net_create(&net, l->flat ? &flat : &e->io.input, mem, err));
    net->count_max = count_max;
    net->vocabulary = e->io.vocabulary;
    ONUS_TRY(add_nodes(net, l, e, err));
    ONUS_TRY(check_tables(net, err));
    ONUS_TRY(describe(net, l->title, err));
    ONUS_TRY(keep_spec(net, l, e, err));
    *out = net;
    net = NULL;
done:
    onus_net_destroy(net);
    return st;
}

onus_status onus_model_build(onus_net **out, const onus_model_spec *spec,
                             const onus_model_io *io, const onus_allocator *mem, onus_err *err)
{
    onus_layers layers = {0};
    onus_arena arena;
    onus_arena_init(&arena, mem);
    const ending e = {*io, spec->smoothing, spec->label_shift, spec->label_scale};
    onus_status st = onus_family_expand(spec, io, &arena, &layers, err);
    if (st == ONUS_OK) st = build(out, &layers, &e, 0, mem, err);
    onus_arena_release(&arena);
    return st;
}

/* ---- model files ------------------------------------------------------------------------- */

onus_status onus_model_write(const onus_out *out, const onus_net *net, const onus_meta *extra,
                             int64_t n_extra, onus_err *err)
{
    onus_meta meta[16];
    if (n_extra > 14)
        return onus_fail(err, ONUS_BAD_ARG, "model: %d entries of metadata, at most 14",
                         (int)n_extra);
    meta[0] = (onus_meta){"onus.model", net->spec_json};
    /* transformers before 5 refuses a file with metadata that does not say so */
    meta[1] = (onus_meta){"format", "pt"};
    for (int64_t i = 0; i < n_extra; i++) meta[i + 2] = extra[i];
    onus_tensor_view *views = onus_alloc(net->mem, (size_t)net->n_tensors + 1, sizeof *views);
    if (!views) return onus_fail_mem(err, "model");
    for (int t = 0; t < net->n_tensors; t++)
        views[t] = (onus_tensor_view){net->tensors[t].name, net->tensors[t].shape,
                                      net->params + net->tensors[t].offset};
    onus_status st = onus_safetensors_write(out, views, net->n_tensors, meta, n_extra + 2, err);
    onus_free(net->mem, views);
    return st;
}

static onus_status not_ours(onus_err *err)
{
    return onus_fail(err, ONUS_BAD_INPUT, "metadata 'onus.model' is not a model of Onus");
}

/* A mapping of texts: names of a layer's parameters. */
static bool read_names(const json_t *map, bool owners, onus_layer *l)
{
    const char *key;
    json_t *value;
    if (!json_is_object(map)) return false;
    json_object_foreach((json_t *)map, key, value)
    {
        if (l->n_names == ONUS_PARAM_MAX || !json_is_string(value)) return false;
        l->names[l->n_names].param = key;
        *(owners ? &l->names[l->n_names].owner : &l->names[l->n_names].name) =
            json_string_value(value);
        l->n_names++;
    }
    return true;
}

/* One layer; texts live as long as json. */
static bool read_layer(const json_t *json, onus_layer *l)
{
    const char *key;
    json_t *value;
    const json_t *in = json_object_get(json, "in"), *attrs = json_object_get(json, "attrs");
    *l = (onus_layer){.op = json_string_value(json_object_get(json, "op")),
                      .name = json_string_value(json_object_get(json, "name"))};
    if (!l->op || !l->name || !json_is_array(in) || json_array_size(in) < 1 ||
        json_array_size(in) > ONUS_IN_MAX || !json_is_object(attrs))
        return false;
    for (size_t i = 0; i < json_array_size(in); i++) {
        l->in[l->n_in] = json_string_value(json_array_get(in, i));
        if (!l->in[l->n_in++]) return false;
    }
    json_object_foreach((json_t *)attrs, key, value)
    {
        if (l->n_attrs == ONUS_ATTR_MAX || !json_is_number(value)) return false;
        l->attrs[l->n_attrs++] = (onus_attr_value){key, json_number_value(value)};
    }
    return read_names(json_object_get(json, "params"), false, l) &&
           read_names(json_object_get(json, "tie"), true, l);
}

static onus_status read_layers(const json_t *json, onus_arena *arena, onus_layers *out,
                               onus_err *err)
{
    const json_t *list = json_object_get(json, "layers");
    const size_t n = json_array_size(list);
    out->title = json_string_value(json_object_get(json, "title"));
    out->flat = json_is_true(json_object_get(json, "flat"));
    if (!json_is_array(list) || n < 1 || n > ONUS_NODES_MAX - 3 || !out->title ||
        strlen(out->title) > 400)
        return not_ours(err);
    if (!(out->list = onus_arena_alloc(arena, n, sizeof *out->list)))
        return onus_fail_mem(err, "model");
    for (size_t i = 0; i < n; i++)
        if (!read_layer(json_array_get(list, i), &out->list[i])) return not_ours(err);
    out->n = (int)n;
    return ONUS_OK;
}

static bool read_shape(const json_t *list, onus_shape *s)
{
    *s = (onus_shape){.n = (int)json_array_size(list)};
    if (!json_is_array(list) || s->n < 1 || json_array_size(list) > ONUS_DIM_MAX) return false;
    for (int i = 0; i < s->n; i++) {
        s->d[i] = json_integer_value(json_array_get(list, (size_t)i));
        if (s->d[i] < 1 || s->d[i] > 1 << 24) return false;
    }
    return true;
}

/* The first numerics contract whose predictions have the bits of this one. */
enum { PREDICTS_SINCE = 2 };

static onus_status read_ending(const json_t *json, ending *e, onus_err *err)
{
    const char *head = json_string_value(json_object_get(json, "head"));
    const json_t *label = json_object_get(json, "label"),
                 *shift = json_object_get(label, "shift"),
                 *scale = json_object_get(label, "scale");
    *e = (ending){.smoothing = json_number_value(json_object_get(json, "smoothing")),
                  .label_shift = json_number_value(shift),
                  .label_scale = json_number_value(scale)};
    e->io.vocabulary = json_integer_value(json_object_get(json, "vocabulary"));
    e->io.classes = json_integer_value(json_object_get(json, "classes"));
    int h = 0;
    while (head && h < ONUS_HEAD_COUNT && strcmp(heads[h].name, head) != 0) h++;
    e->io.head = (onus_head)h;
    const bool several = e->io.head == ONUS_HEAD_CLASSES || e->io.head == ONUS_HEAD_LABELS;
    if (!head || h == ONUS_HEAD_COUNT ||
        !read_shape(json_object_get(json, "input"), &e->io.input) || e->io.vocabulary < 0 ||
        e->io.vocabulary > 1 << 24 || e->io.classes < 0 || e->io.classes > 1 << 24 ||
        (e->io.head == ONUS_HEAD_CLASSES && e->io.classes < 2) ||
        (several && e->io.classes < 1) ||
        (e->io.head == ONUS_HEAD_TOKENS && (e->io.vocabulary < 2 || e->io.input.n != 1)) ||
        (e->io.head == ONUS_HEAD_VALUE &&
         (!json_is_number(shift) || !(e->label_scale >= (double)FLT_MIN))) ||
        !(e->smoothing >= 0 && e->smoothing < 1))
        return not_ours(err);
    const json_int_t numerics = json_integer_value(json_object_get(json, "numerics"));
    if (numerics < PREDICTS_SINCE || numerics > ONUS_NUMERICS_VERSION)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "the model was made under another numerics contract than %d to %d",
                         PREDICTS_SINCE, ONUS_NUMERICS_VERSION);
    return ONUS_OK;
}

/* Numbers in a file's tensors: what its settings may ask memory for. At least 1, for 0 is no
 * limit. */
static int64_t count_floats(const onus_safetensors *file)
{
    int64_t n = 0;
    for (int64_t i = 0; i < onus_safetensors_count(file); i++)
        n += onus_shape_numel(&onus_safetensors_at(file, i)->shape);
    return n > 0 ? n : 1;
}

onus_status onus_model_read(onus_net **out, const onus_safetensors *file,
                            const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    json_t *json = NULL;
    onus_net *net = NULL;
    onus_layers layers = {0};
    ending e;
    onus_arena arena;
    onus_arena_init(&arena, mem);
    const char *text = onus_safetensors_meta(file, "onus.model");
    if (!text) {
        st = onus_fail(err, ONUS_BAD_INPUT,
                       "no metadata 'onus.model', which describes the model");
        goto done;
    }
    ONUS_TRY(onus_json_parse(&json, text, strlen(text), "metadata 'onus.model'", err));
    ONUS_TRY(read_ending(json, &e, err));
    ONUS_TRY(read_layers(json, &arena, &layers, err));
    ONUS_TRY(build(&net, &layers, &e, count_floats(file), mem, err));
    ONUS_TRY(onus_model_load(net, file, err));
    *out = net;
    net = NULL;
done:
    json_decref(json);
    onus_net_destroy(net);
    onus_arena_release(&arena);
    return st;
}

onus_status onus_model_load(onus_net *net, const onus_safetensors *file, onus_err *err)
{
    if (onus_safetensors_count(file) != net->n_tensors)
        return onus_fail(err, ONUS_BAD_INPUT, "the file has %lld tensors, the model %d",
                         (long long)onus_safetensors_count(file), net->n_tensors);
    for (int t = 0; t < net->n_tensors; t++) {
        const onus_tensor *x = &net->tensors[t];
        const onus_tensor_view *v = onus_safetensors_find(file, x->name);
        char mine[96], theirs[96];
        if (!v)
            return onus_fail(err, ONUS_BAD_INPUT, "the file lacks the tensor '%s'", x->name);
        if (!onus_tensor_is_float(v))
            return onus_fail(err, ONUS_BAD_INPUT, "tensor '%s': dtype %.16s, expected F32",
                             x->name, v->dtype);
        if (!onus_shape_same(&v->shape, &x->shape)) {
            onus_shape_text(&x->shape, mine, sizeof mine);
            onus_shape_text(&v->shape, theirs, sizeof theirs);
            return onus_fail(err, ONUS_BAD_INPUT,
                             "tensor '%s': the file has shape %s, the model %s", x->name,
                             theirs, mine);
        }
    }
    onus_tensor_place *place = onus_alloc(net->mem, (size_t)net->n_tensors + 1, sizeof *place);
    if (!place) return onus_fail_mem(err, "model");
    for (int t = 0; t < net->n_tensors; t++) {
        const onus_tensor *x = &net->tensors[t];
        place[t] =
            (onus_tensor_place){onus_safetensors_find(file, x->name), net->params + x->offset};
    }
    const onus_status st = onus_safetensors_take(file, place, net->n_tensors, NULL, err);
    onus_free(net->mem, place);
    return st;
}
