/* SPDX-License-Identifier: Apache-2.0
 * import.c - weights from a file that need not be ours: another run's, or a base model's under
 * the names of the library that wrote it. What fits is taken; what the file lacks, and a last
 * layer of other classes, keeps its values; what the net lacks (masks, counters) is
 * left. */
#include <string.h>

#include "base/fail.h"
#include "net/graph.h"
#include "net/model.h"

/* "transformer.wte.weight" in a file of the bare model is "wte.weight". */
static const onus_tensor_view *find(const onus_safetensors *file, const char *name)
{
    const onus_tensor_view *v = onus_safetensors_find(file, name);
    const char *dot = strchr(name, '.');
    return v || !dot ? v : onus_safetensors_find(file, dot + 1);
}

/* Is v the last layer's tensor for another number of outputs? */
static bool is_other_task(const onus_net *net, const onus_tensor *x, const onus_tensor_view *v)
{
    onus_shape shape = v->shape;
    if (x->node != net->logits || shape.n < 1 || shape.d[0] == x->shape.d[0]) return false;
    shape.d[0] = x->shape.d[0];
    return onus_shape_same(&shape, &x->shape);
}

/* What the file has for a tensor. Of another task's last layer the net keeps its own. */
static const onus_tensor_view *taken(const onus_net *net, const onus_safetensors *file,
                                     const onus_tensor *x)
{
    const onus_tensor_view *v = find(file, x->name);
    return v && is_other_task(net, x, v) ? NULL : v;
}

static onus_status check(const onus_tensor *x, const onus_tensor_view *v, const char *what,
                         onus_err *err)
{
    char mine[96], theirs[96];
    if (!onus_tensor_is_float(v))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: tensor '%.80s' has dtype %.16s, weights are F32, F16 or BF16",
                         what, v->name, v->dtype);
    if (onus_shape_same(&v->shape, &x->shape)) return ONUS_OK;
    onus_shape_text(&x->shape, mine, sizeof mine);
    onus_shape_text(&v->shape, theirs, sizeof theirs);
    return onus_fail(err, ONUS_BAD_INPUT,
                     "%s: tensor '%.80s' has shape %s, the model's '%.80s' has %s", what,
                     v->name, theirs, x->name, mine);
}

/* Names are asked before shapes: a table and a head may be called alike in any architecture. */
static onus_status fail_stranger(const onus_net *net, const onus_safetensors *file,
                                 const char *what, const onus_import *found, onus_err *err)
{
    const int64_t n = onus_safetensors_count(file);
    const onus_tensor_view *v = find(file, found->missing);
    if (found->loaded == 0 && v) /* nothing but a last layer */
        return check(&net->tensors[0], v, what, err);
    const char *lacks = found->missing; /* rather one that is not there at all */
    for (int t = net->n_tensors - 1; t >= 0; t--)
        if (!find(file, net->tensors[t].name)) lacks = net->tensors[t].name;
    if (found->loaded > 0)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: another architecture's weights: it has %lld of the model's %d "
                         "tensors, and lacks '%.80s'",
                         what, (long long)found->loaded, net->n_tensors, lacks);
    return onus_fail(err, ONUS_BAD_INPUT,
                     "%s: another architecture's weights: of its %lld tensors (the first is "
                     "'%.80s') none is one of the model's (the first is '%.80s')",
                     what, (long long)n, n ? onus_safetensors_at(file, 0)->name : "",
                     found->missing);
}

onus_status onus_model_import(onus_net *net, const onus_safetensors *file, const char *what,
                              onus_import *out, uint8_t sha256[32], onus_err *err)
{
    *out = (onus_import){0};
    for (int t = 0; t < net->n_tensors; t++) {
        const char *name = net->tensors[t].name;
        const bool there = taken(net, file, &net->tensors[t]) != NULL;
        out->loaded += there;
        out->initial += !there;
        if (!there && !out->missing) out->missing = name;
    }
    if (out->loaded < out->initial) return fail_stranger(net, file, what, out, err);
    for (int t = 0; t < net->n_tensors; t++) {
        const onus_tensor *x = &net->tensors[t];
        const onus_tensor_view *v = taken(net, file, x);
        const onus_status st = v ? check(x, v, what, err) : ONUS_OK;
        if (st != ONUS_OK) return st;
    }
    out->unused = onus_safetensors_count(file) - out->loaded;
    onus_tensor_place *place = onus_alloc(net->mem, (size_t)out->loaded + 1, sizeof *place);
    int64_t n = 0;
    if (!place) return onus_fail_mem(err, what);
    for (int t = 0; t < net->n_tensors; t++) {
        const onus_tensor *x = &net->tensors[t];
        const onus_tensor_view *v = taken(net, file, x);
        if (v) place[n++] = (onus_tensor_place){v, net->params + x->offset};
    }
    const onus_status st = onus_safetensors_take(file, place, n, sha256, err);
    onus_free(net->mem, place);
    return st;
}
