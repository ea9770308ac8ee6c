/* SPDX-License-Identifier: Apache-2.0
 * model.c - families as data. A family turns its settings into a list of layers; everything
 * after that (graph, planning, training, explanation, files) sees the list's nodes only.
 *
 * CHECKLIST: a new family is a row in `families` and a function that writes layers; nothing
 * else asks for its name. */
#include "net/model.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "net/graph.h"

enum { LAYERS_MAX = 1024, HIDDEN_MAX = 256 };

typedef struct {
    const char *op, *name;
    onus_attr_value attrs[2];
    int n_attrs;
} layer;

typedef struct {
    layer list[LAYERS_MAX];
    int n;
    onus_arena *arena;
} layers;

static onus_status add(layers *l, const char *op, const char *name, onus_attr_value attr,
                       onus_err *err)
{
    if (l->n == LAYERS_MAX)
        return onus_fail(err, ONUS_BAD_INPUT, "model: more than %d layers", LAYERS_MAX);
    if (!name) return onus_fail_mem(err, "model");
    l->list[l->n++] =
        (layer){.op = op, .name = name, .attrs = {attr}, .n_attrs = attr.name ? 1 : 0};
    return ONUS_OK;
}

/* dense, activation, dropout for every hidden width; dense for the outputs. Names follow a
 * PyTorch Sequential's places of dense layers. */
static onus_status mlp_layers(const onus_model_spec *s, int64_t n_out, layers *l, onus_err *err)
{
    onus_status st = ONUS_OK;
    if (s->n_hidden > HIDDEN_MAX)
        return onus_fail(err, ONUS_BAD_INPUT, "model.hidden: %d layers, at most %d",
                         (int)s->n_hidden, HIDDEN_MAX);
    const char *activation = s->activation ? s->activation : "relu";
    static const char *const known[] = {"relu", "tanh", "sigmoid", "gelu", "none"};
    bool found = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        found = found || strcmp(activation, known[i]) == 0;
    if (!found)
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "model.activation: '%.40s' is not one of relu, tanh, sigmoid, gelu, none",
            activation);
    for (int64_t i = 0; i < s->n_hidden; i++) {
        ONUS_TRY(add(l, "dense", onus_arena_printf(l->arena, "layers.%d", (int)i),
                     (onus_attr_value){"units", (double)s->hidden[i]}, err));
        if (strcmp(activation, "none") != 0)
            ONUS_TRY(add(l, activation, onus_arena_printf(l->arena, "activation.%d", (int)i),
                         (onus_attr_value){0}, err));
        if (s->dropout != 0)
            ONUS_TRY(add(l, "dropout", onus_arena_printf(l->arena, "dropout.%d", (int)i),
                         (onus_attr_value){"rate", s->dropout}, err));
    }
    ONUS_TRY(add(l, "dense", onus_arena_printf(l->arena, "layers.%d", (int)s->n_hidden),
                 (onus_attr_value){"units", (double)n_out}, err));
done:
    return st;
}

/* Regressions are the MLP without hidden layers. */
static onus_status flat_layers(const onus_model_spec *s, int64_t n_out, layers *l,
                               onus_err *err)
{
    if (s->n_hidden)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "model.hidden: %s has no hidden layers (use kind: mlp)", s->kind);
    return mlp_layers(s, n_out, l, err);
}

static const struct family {
    const char *kind, *title;
    unsigned heads; /* bit of every ONUS_HEAD it can end in */
    onus_status (*layers)(const onus_model_spec *s, int64_t n_out, layers *l, onus_err *err);
} families[] = {
    {"mlp", "MLP", 1u << ONUS_HEAD_BINARY | 1u << ONUS_HEAD_CLASSES | 1u << ONUS_HEAD_VALUE,
     mlp_layers},
    {"linear", "linear regression", 1u << ONUS_HEAD_VALUE, flat_layers},
    {"logistic", "logistic regression", 1u << ONUS_HEAD_BINARY, flat_layers},
    {"softmax", "softmax regression", 1u << ONUS_HEAD_CLASSES, flat_layers},
};
static const char *const head_names[] = {"binary", "classes", "value"};

static onus_status find_family(const onus_model_spec *s, const struct family **out,
                               onus_err *err)
{
    char known[120] = "";
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        const size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", families[i].kind);
        if (strcmp(s->kind, families[i].kind) != 0) continue;
        *out = &families[i];
        return ONUS_OK;
    }
    return onus_fail(err, ONUS_BAD_INPUT,
                     "model.kind: '%.40s' is not in this version, which has %s", s->kind,
                     known);
}

static onus_status check_head(const struct family *f, onus_head head, onus_err *err)
{
    if (f->heads & 1u << head) return ONUS_OK;
    return onus_fail(err, ONUS_BAD_INPUT, "model.kind: %s does not fit a label of %s", f->kind,
                     head == ONUS_HEAD_VALUE    ? "numbers"
                     : head == ONUS_HEAD_BINARY ? "two classes"
                                                : "several classes");
}

onus_status onus_model_check(const onus_model_spec *spec, const onus_allocator *mem,
                             onus_err *err)
{
    const struct family *f = NULL;
    onus_arena arena;
    onus_arena_init(&arena, mem);
    layers *l = onus_arena_alloc(&arena, 1, sizeof *l);
    onus_status st = l ? find_family(spec, &f, err) : onus_fail_mem(err, "model");
    if (st == ONUS_OK) {
        l->arena = &arena;
        st = f->layers(spec, 1, l, err);
    }
    onus_arena_release(&arena);
    return st;
}

/* Layers in a row, then what the head adds. A net of numbers is trained on the scaled label
 * (its logit), and predicts in the label's own unit: whoever has the net cannot forget it. */
static onus_status add_nodes(onus_net *net, const layers *l, const onus_model_spec *s,
                             onus_head head, onus_err *err)
{
    const double factor = s->label_scale == 0 ? 1 : s->label_scale;
    const onus_attr_value unit[] = {{"factor", factor}, {"shift", s->label_shift}};
    static const struct {
        const char *prediction, *loss;
    } ends[] = {
        [ONUS_HEAD_BINARY] = {"sigmoid", "logistic_loss"},
        [ONUS_HEAD_CLASSES] = {"softmax", "softmax_cross_entropy"},
        [ONUS_HEAD_VALUE] = {"affine", "squared_error"},
    };
    onus_status st = ONUS_OK;
    int last = 0, prediction = 0, loss = 0;
    for (int i = 0; i < l->n; i++) {
        const layer *x = &l->list[i];
        ONUS_TRY(onus_net_add(net, x->op, x->name, &last, 1, x->attrs, x->n_attrs, &last, err));
    }
    ONUS_TRY(onus_net_add(net, ends[head].prediction, "prediction", &last, 1, unit,
                          head == ONUS_HEAD_VALUE ? 2 : 0, &prediction, err));
    ONUS_TRY(onus_net_add(net, ends[head].loss, "loss", &last, 1, NULL, 0, &loss, err));
    ONUS_TRY(onus_net_seal(net, last, prediction, loss, err));
done:
    return st;
}

/* "MLP 61-64-32-1" */
static onus_status describe(onus_net *net, const struct family *f, int64_t n_features,
                            onus_err *err)
{
    onus_buf text;
    onus_buf_init(&text, net->mem, 1 << 16);
    onus_buf_printf(&text, "%s %lld", f->title, (long long)n_features);
    for (int i = 1; i < net->n_nodes; i++) {
        if (net->nodes[i].op == &onus_op_dense)
            onus_buf_printf(&text, "-%lld", (long long)net->nodes[i].shape.d[0]);
    }
    net->description = text.data ? onus_arena_strdup(&net->arena, text.data) : NULL;
    onus_buf_release(&text);
    return net->description ? ONUS_OK : onus_fail_mem(err, "model");
}

/* The settings as canonical JSON, for the model file. */
static onus_status keep_spec(onus_net *net, const onus_model_spec *s, int64_t n_features,
                             onus_head head, int64_t n_classes, onus_err *err)
{
    onus_status st = ONUS_NO_MEM;
    onus_buf text;
    onus_buf_init(&text, net->mem, 1 << 16);
    json_t *hidden = json_array();
    for (int64_t i = 0; hidden && i < s->n_hidden; i++) {
        if (json_array_append_new(hidden, json_integer(s->hidden[i])) != 0) goto done;
    }
    json_t *all =
        json_pack("{s:s, s:s, s:f, s:I, s:I, s:s, s:i, s:O}", "kind", s->kind, "activation",
                  s->activation ? s->activation : "relu", "dropout", s->dropout, "features",
                  (json_int_t)n_features, "classes", (json_int_t)n_classes, "head",
                  head_names[head], "numerics", ONUS_NUMERICS_VERSION, "hidden", hidden);
    if (!all) goto done;
    if (head != ONUS_HEAD_VALUE ||
        json_object_set_new(all, "label",
                            json_pack("{s:f, s:f}", "shift", s->label_shift, "scale",
                                      s->label_scale == 0 ? 1 : s->label_scale)) == 0)
        onus_json_canonical(&text, all);
    json_decref(all);
    if (text.st == ONUS_OK && text.data &&
        (net->spec_json = onus_arena_strdup(&net->arena, text.data)) != NULL)
        st = ONUS_OK;
done:
    json_decref(hidden);
    onus_buf_release(&text);
    return st == ONUS_OK ? ONUS_OK : onus_fail_mem(err, "model");
}

/* count_max: more parameters are refused before they are allocated; 0: any number. */
static onus_status build(onus_net **out, const onus_model_spec *spec, int64_t n_features,
                         onus_head head, int64_t n_classes, int64_t count_max,
                         const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    const struct family *f = NULL;
    onus_net *net = NULL;
    onus_arena arena;
    onus_arena_init(&arena, mem);
    const int64_t n_out = head == ONUS_HEAD_CLASSES ? n_classes : 1;
    const onus_shape input = {.n = 1, .d = {n_features}};
    layers *l = onus_arena_alloc(&arena, 1, sizeof *l);
    if (!l) {
        st = onus_fail_mem(err, "model");
        goto done;
    }
    l->arena = &arena;
    ONUS_TRY(find_family(spec, &f, err));
    ONUS_TRY(check_head(f, head, err));
    ONUS_TRY(f->layers(spec, n_out, l, err));
    ONUS_TRY(onus_net_create(&net, &input, mem, err));
    net->count_max = count_max;
    ONUS_TRY(add_nodes(net, l, spec, head, err));
    ONUS_TRY(describe(net, f, n_features, err));
    ONUS_TRY(keep_spec(net, spec, n_features, head, n_classes, err));
    *out = net;
    net = NULL;
done:
    onus_net_destroy(net);
    onus_arena_release(&arena);
    return st;
}

onus_status onus_model_build(onus_net **out, const onus_model_spec *spec, int64_t n_features,
                             onus_head head, int64_t n_classes, const onus_allocator *mem,
                             onus_err *err)
{
    return build(out, spec, n_features, head, n_classes, 0, mem, err);
}

/* ---- model files ------------------------------------------------------------------------- */

onus_status onus_model_write(onus_buf *out, const onus_net *net, const onus_meta *extra,
                             int64_t n_extra, onus_err *err)
{
    onus_meta meta[16];
    if (n_extra > 15)
        return onus_fail(err, ONUS_BAD_ARG, "model: %d entries of metadata, at most 15",
                         (int)n_extra);
    meta[0] = (onus_meta){"onus.model", net->spec_json};
    for (int64_t i = 0; i < n_extra; i++) meta[i + 1] = extra[i];
    onus_tensor_view *views = onus_alloc(net->mem, (size_t)net->n_tensors + 1, sizeof *views);
    if (!views) return onus_fail_mem(err, "model");
    for (int t = 0; t < net->n_tensors; t++)
        views[t] = (onus_tensor_view){net->tensors[t].name, net->tensors[t].shape,
                                      net->params + net->tensors[t].offset};
    onus_status st = onus_safetensors_write(out, views, net->n_tensors, meta, n_extra + 1, err);
    onus_free(net->mem, views);
    return st;
}

/* The settings of a model file; texts live as long as json. */
static onus_status read_spec(const json_t *json, onus_model_spec *spec,
                             int64_t hidden[HIDDEN_MAX], int64_t *features, int64_t *classes,
                             onus_head *head, onus_err *err)
{
    const char *kind = json_string_value(json_object_get(json, "kind")),
               *activation = json_string_value(json_object_get(json, "activation"));
    const char *head_name = json_string_value(json_object_get(json, "head"));
    const json_t *list = json_object_get(json, "hidden");
    const size_t n = json_array_size(list);
    *features = json_integer_value(json_object_get(json, "features"));
    *classes = json_integer_value(json_object_get(json, "classes"));
    *head = ONUS_HEAD_VALUE;
    bool good = kind && activation && head_name && json_is_array(list) && n <= HIDDEN_MAX &&
                *features >= 1 && *features <= 1 << 24 && *classes >= 0 && *classes <= 1 << 24;
    for (size_t i = 0; good && i < n; i++) {
        hidden[i] = json_integer_value(json_array_get(list, i));
        good = hidden[i] >= 1 && hidden[i] <= 1 << 24;
    }
    bool known = false;
    for (int h = 0; good && h < 3; h++) {
        if (strcmp(head_names[h], head_name) != 0) continue;
        *head = (onus_head)h;
        known = true;
    }
    const double dropout = json_number_value(json_object_get(json, "dropout"));
    const json_t *shift = json_object_get(json_object_get(json, "label"), "shift"),
                 *scale = json_object_get(json_object_get(json, "label"), "scale");
    const bool unit = *head != ONUS_HEAD_VALUE ||
                      (json_is_number(shift) && json_number_value(scale) >= (double)FLT_MIN);
    if (!good || !known || !unit || !(dropout >= 0 && dropout < 1) ||
        (*head == ONUS_HEAD_CLASSES && *classes < 2))
        return onus_fail(err, ONUS_BAD_INPUT, "metadata 'onus.model' is not a model of Onus");
    if (json_integer_value(json_object_get(json, "numerics")) != ONUS_NUMERICS_VERSION)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "the model was made under another numerics contract than %d",
                         ONUS_NUMERICS_VERSION);
    *spec = (onus_model_spec){.kind = kind,
                              .activation = activation,
                              .hidden = hidden,
                              .n_hidden = (int64_t)n,
                              .dropout = dropout,
                              .label_shift = json_number_value(shift),
                              .label_scale = json_number_value(scale)};
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
    onus_model_spec spec;
    int64_t hidden[HIDDEN_MAX], features, classes;
    onus_head head;
    const char *text = onus_safetensors_meta(file, "onus.model");
    if (!text)
        return onus_fail(err, ONUS_BAD_INPUT, "the model file has no metadata 'onus.model'");
    ONUS_TRY(onus_json_parse(&json, text, strlen(text), "metadata 'onus.model'", err));
    ONUS_TRY(read_spec(json, &spec, hidden, &features, &classes, &head, err));
    ONUS_TRY(build(&net, &spec, features, head, classes, count_floats(file), mem, err));
    ONUS_TRY(onus_model_load(net, file, err));
    *out = net;
    net = NULL;
done:
    json_decref(json);
    onus_net_destroy(net);
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
        if (!onus_shape_same(&v->shape, &x->shape)) {
            onus_shape_text(&x->shape, mine, sizeof mine);
            onus_shape_text(&v->shape, theirs, sizeof theirs);
            return onus_fail(err, ONUS_BAD_INPUT,
                             "tensor '%s': the file has shape %s, the model %s", x->name,
                             theirs, mine);
        }
    }
    for (int t = 0; t < net->n_tensors; t++) {
        const onus_tensor *x = &net->tensors[t];
        memcpy(net->params + x->offset, onus_safetensors_find(file, x->name)->data,
               (size_t)x->n * sizeof(float));
    }
    return ONUS_OK;
}
