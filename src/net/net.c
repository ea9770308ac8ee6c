/* SPDX-License-Identifier: Apache-2.0
 * net.c - building the graph and its block of parameters. */
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/fp.h"
#include "base/hash.h"
#include "net/graph.h"
#include "num/philox.h"

/* Is the number of elements at most that? Dimensions may come from a file. */
static bool small_enough(const onus_shape *s, int64_t most)
{
    int64_t n = 1;
    for (int i = 0; i < s->n; i++) {
        if (s->d[i] < 0 || s->d[i] > most) return false;
        n *= s->d[i];
        if (n > most) return false;
    }
    return true;
}

static onus_status fail_large(onus_err *err, const char *what, const onus_shape *s)
{
    char text[128];
    onus_shape_text(s, text, sizeof text);
    return onus_fail(err, ONUS_BAD_INPUT, "%s: too large: shape %s", what, text);
}

onus_status onus_net_create(onus_net **out, const onus_shape *input, const onus_allocator *mem,
                            onus_err *err)
{
    if (!small_enough(input, ONUS_NODE_FLOATS_MAX)) return fail_large(err, "input", input);
    onus_net *net = onus_alloc(mem, 1, sizeof *net);
    if (!net) return onus_fail_mem(err, "net");
    net->mem = mem;
    onus_arena_init(&net->arena, mem);
    net->nodes = onus_alloc(mem, ONUS_NODES_MAX, sizeof *net->nodes);
    if (!net->nodes) {
        onus_net_destroy(net);
        return onus_fail_mem(err, "net");
    }
    net->nodes[0] = (onus_node){.name = "input", .shape = *input};
    net->n_nodes = 1;
    net->description = "net";
    *out = net;
    return ONUS_OK;
}

void onus_net_destroy(onus_net *net)
{
    if (!net) return;
    onus_free(net->mem, net->nodes);
    onus_arena_release(&net->arena);
    onus_free(net->mem, net);
}

void onus_node_inputs(const onus_net *net, const onus_node *node, onus_shape in[ONUS_IN_MAX])
{
    for (int i = 0; i < ONUS_IN_MAX; i++)
        in[i] = i < node->n_in ? net->nodes[node->in[i]].shape : (onus_shape){.n = 0};
}

/* Standard values, then what was said, each within its range. */
static onus_status set_attrs(onus_node *node, const onus_attr_value *attrs, int n_attrs,
                             onus_err *err)
{
    const onus_op *op = node->op;
    for (int k = 0; k < op->n_attrs; k++)
        node->attr[k] =
            (onus_attr){.i = (int64_t)op->attrs[k].standard, .r = op->attrs[k].standard};
    for (int a = 0; a < n_attrs; a++) {
        int k = 0;
        while (k < op->n_attrs && strcmp(op->attrs[k].name, attrs[a].name) != 0) k++;
        if (k == op->n_attrs)
            return onus_fail(err, ONUS_BAD_INPUT, "%s: operation %s has no attribute '%s'",
                             node->name, op->name, attrs[a].name);
        const onus_attr_def *def = &op->attrs[k];
        const double v = attrs[a].value;
        const bool whole = def->kind == ONUS_ATTR_REAL || v == rint(v);
        if (!(v >= def->lower && v <= def->upper) || !whole)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s: %s of %s is %g, expected %s from %g to %g", node->name,
                             def->name, op->name, v,
                             def->kind == ONUS_ATTR_INT ? "a whole number" : "a number",
                             def->lower, def->upper);
        node->attr[k] = (onus_attr){.i = (int64_t)v, .r = v};
    }
    return ONUS_OK;
}

onus_status onus_net_add(onus_net *net, const char *op_name, const char *name,
                         const int *inputs, int n_in, const onus_attr_value *attrs, int n_attrs,
                         int *out, onus_err *err)
{
    const onus_op *op = onus_op_find(op_name);
    if (!op)
        return onus_fail(err, ONUS_BAD_INPUT, "%s: there is no operation '%s'", name, op_name);
    if (net->sealed || net->n_nodes == ONUS_NODES_MAX)
        return onus_fail(err, ONUS_BAD_ARG, "%s: the net is sealed or has %d nodes", name,
                         ONUS_NODES_MAX);
    if (n_in < op->n_in_min || n_in > op->n_in_max)
        return onus_fail(err, ONUS_BAD_ARG, "%s: %s takes %s%d input%s, got %d", name, op_name,
                         n_in < op->n_in_min ? "at least " : "at most ",
                         n_in < op->n_in_min ? op->n_in_min : op->n_in_max,
                         (n_in < op->n_in_min ? op->n_in_min : op->n_in_max) == 1 ? "" : "s",
                         n_in);
    onus_node *node = &net->nodes[net->n_nodes];
    *node = (onus_node){.op = op, .n_in = n_in, .name = onus_arena_strdup(&net->arena, name)};
    if (!node->name) return onus_fail_mem(err, "net");
    for (int i = 0; i < n_in; i++) {
        if (inputs[i] < 0 || inputs[i] >= net->n_nodes)
            return onus_fail(err, ONUS_BAD_ARG, "%s: input %d is no node", name, inputs[i]);
        const onus_node *from = &net->nodes[inputs[i]];
        if (from->op && from->op->flags & ONUS_OP_LOSS)
            return onus_fail(err, ONUS_BAD_ARG, "%s: reads the loss '%s', which ends a net",
                             name, from->name);
        node->in[i] = inputs[i];
    }
    onus_shape in[ONUS_IN_MAX];
    onus_status st = set_attrs(node, attrs, n_attrs, err);
    if (st != ONUS_OK) return st;
    onus_node_inputs(net, node, in);
    onus_err inner = {.code = ONUS_OK};
    st = op->shape(node->attr, in, n_in, &node->shape, &inner);
    if (st != ONUS_OK) return onus_fail(err, st, "%s: %s", name, inner.msg);
    if (!small_enough(&node->shape, ONUS_NODE_FLOATS_MAX))
        return fail_large(err, name, &node->shape);
    node->n_params = op->params(node->attr, in, node->param);
    *out = net->n_nodes++;
    return ONUS_OK;
}

onus_status onus_net_name_param(onus_net *net, int node, int k, const char *name, onus_err *err)
{
    if (net->sealed || node < 1 || node >= net->n_nodes || k < 0 ||
        k >= net->nodes[node].n_params)
        return onus_fail(err, ONUS_BAD_ARG, "%s: the net has no such parameter to name", name);
    net->nodes[node].full_name[k] = onus_arena_strdup(&net->arena, name);
    return net->nodes[node].full_name[k] ? ONUS_OK : onus_fail_mem(err, "net");
}

/* A dense layer whose weight stands as (units, in): what can share a table, whose cross terms
 * op/terms.h knows. */
static bool is_plain_dense(const onus_node *node)
{
    if (node->op != &onus_op_dense) return false;
    for (int k = 0; k < node->op->n_attrs; k++)
        if (strcmp(node->op->attrs[k].name, "transposed") == 0 && node->attr[k].i) return false;
    return true;
}

onus_status onus_net_tie(onus_net *net, int node, int k, int owner, onus_err *err)
{
    char mine[96], theirs[96];
    if (net->sealed || owner < 1 || owner >= node || node >= net->n_nodes || k < 0 ||
        k >= net->nodes[node].n_params || net->nodes[owner].n_params < 1 ||
        net->nodes[owner].owner[0])
        return onus_fail(err, ONUS_BAD_ARG, "net: no such parameters to tie");
    const onus_node *to = &net->nodes[owner];
    if (!(to->op->flags & ONUS_OP_ADDS))
        return onus_fail(err, ONUS_BAD_INPUT, "%s: the parameter of '%s' (%s) cannot be shared",
                         net->nodes[node].name, to->name, to->op->name);
    if (!is_plain_dense(&net->nodes[node]) || k != 0)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: only the weight of a dense layer, not transposed, can be that of "
                         "'%s' (%s)",
                         net->nodes[node].name, to->name, to->op->name);
    if (to->param[0].buffer || net->nodes[node].param[k].buffer)
        return onus_fail(err, ONUS_BAD_ARG, "net: a buffer cannot be shared");
    for (int i = 1; i < net->n_nodes; i++)
        for (int j = 0; j < net->nodes[i].n_params; j++)
            if (net->nodes[i].owner[j] == owner)
                return onus_fail(err, ONUS_BAD_INPUT,
                                 "%s: the parameter of '%s' is shared already, with '%s'",
                                 net->nodes[node].name, to->name, net->nodes[i].name);
    if (!onus_shape_same(&to->param[0].shape, &net->nodes[node].param[k].shape)) {
        onus_shape_text(&net->nodes[node].param[k].shape, mine, sizeof mine);
        onus_shape_text(&to->param[0].shape, theirs, sizeof theirs);
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: its %s of shape %s cannot be the %s of '%s', of shape %s",
                         net->nodes[node].name, net->nodes[node].param[k].name, mine,
                         to->param[0].name, to->name, theirs);
    }
    net->nodes[node].owner[k] = owner;
    return ONUS_OK;
}

int onus_net_other_use(const onus_net *net, int node)
{
    for (int i = node + 1; i < net->n_nodes; i++)
        for (int k = 0; k < net->nodes[i].n_params; k++)
            if (net->nodes[i].owner[k] == node) return i;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const onus_tensor *)a)->name, ((const onus_tensor *)b)->name);
}

/* All parameters, in the order of the graph. */
static onus_status list_params(onus_net *net, onus_err *err)
{
    int n = 0;
    for (int i = 0; i < net->n_nodes; i++) n += net->nodes[i].n_params;
    net->tensors = onus_arena_alloc(&net->arena, (size_t)n + 1, sizeof *net->tensors);
    if (!net->tensors) return onus_fail_mem(err, "net");
    net->n_tensors = 0;
    for (int i = 0; i < net->n_nodes; i++) {
        for (int k = 0; k < net->nodes[i].n_params; k++) {
            const onus_param_def *def = &net->nodes[i].param[k];
            if (net->nodes[i].owner[k]) continue;
            onus_tensor *t = &net->tensors[net->n_tensors++];
            *t = (onus_tensor){.shape = def->shape, .def = *def, .node = i};
            t->name =
                net->nodes[i].full_name[k]
                    ? net->nodes[i].full_name[k]
                    : onus_arena_printf(&net->arena, "%s.%s", net->nodes[i].name, def->name);
            if (!t->name) return onus_fail_mem(err, "net");
            if (!small_enough(&t->shape, ONUS_PARAM_FLOATS_MAX))
                return fail_large(err, t->name, &t->shape);
            t->n = onus_shape_numel(&t->shape);
        }
    }
    return ONUS_OK;
}

/* Sorted by name, each at a multiple of 64 bytes. */
static onus_status lay_out_params(onus_net *net, onus_err *err)
{
    qsort(net->tensors, (size_t)net->n_tensors, sizeof *net->tensors, by_name);
    net->floats = net->count = 0;
    for (int t = 0; t < net->n_tensors; t++) {
        onus_tensor *x = &net->tensors[t];
        if (t && strcmp(x->name, x[-1].name) == 0)
            return onus_fail(err, ONUS_BAD_INPUT, "two parameters are called '%s'", x->name);
        x->offset = net->floats;
        net->count += x->n;
        net->floats += (x->n + 15) / 16 * 16;
        if (net->count_max && net->count > net->count_max)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s: the model has more than the file's %lld parameters", x->name,
                             (long long)net->count_max);
        onus_node *node = &net->nodes[x->node];
        for (int k = 0; k < node->n_params; k++) {
            if (!node->owner[k] && strcmp(node->param[k].name, x->def.name) == 0)
                node->tensor[k] = t;
        }
    }
    for (int i = 1; i < net->n_nodes; i++)
        for (int k = 0; k < net->nodes[i].n_params; k++)
            if (net->nodes[i].owner[k])
                net->nodes[i].tensor[k] = net->nodes[net->nodes[i].owner[k]].tensor[0];
    return ONUS_OK;
}

bool onus_node_trains(const onus_net *net, const onus_node *node)
{
    for (int k = 0; k < node->n_params; k++)
        if (!node->param[k].buffer && !(net->sealed && net->tensors[node->tensor[k]].frozen))
            return true;
    return false;
}

void onus_net_mark(const onus_net *net, bool predicts, bool *runs, bool *needs)
{
    memset(runs, 0, (size_t)net->n_nodes * sizeof *runs);
    runs[predicts ? net->prediction : net->loss] = true;
    for (int i = net->n_nodes - 1; i > 0; i--)
        for (int k = 0; runs[i] && k < net->nodes[i].n_in; k++)
            runs[net->nodes[i].in[k]] = true;
    for (int i = 0; i < net->n_nodes; i++) {
        needs[i] = onus_node_trains(net, &net->nodes[i]);
        for (int k = 0; k < net->nodes[i].n_in; k++)
            needs[i] = needs[i] || needs[net->nodes[i].in[k]];
    }
}

/* The loss must depend on every parameter, else its gradient would be nobody's; and logits must
 * lie before both ends. */
static onus_status check_paths(const onus_net *net, onus_err *err)
{
    bool runs[ONUS_NODES_MAX], needs[ONUS_NODES_MAX];
    onus_net_mark(net, true, runs, needs);
    const bool predicted = runs[net->logits];
    onus_net_mark(net, false, runs, needs);
    if (!predicted || !runs[net->logits])
        return onus_fail(err, ONUS_BAD_ARG,
                         "net: prediction and loss must depend on the logits, '%s'",
                         net->nodes[net->logits].name);
    for (int i = 0; i < net->n_nodes; i++) {
        if (net->nodes[i].n_params > 0 && !runs[i])
            return onus_fail(err, ONUS_BAD_ARG, "net: the loss does not depend on '%s'",
                             net->nodes[i].name);
    }
    return ONUS_OK;
}

onus_status onus_net_seal(onus_net *net, int logits, int prediction, int loss, onus_err *err)
{
    if (net->sealed) return onus_fail(err, ONUS_BAD_ARG, "net: it is sealed");
    if (logits < 1 || prediction < 1 || loss < 1 || logits >= net->n_nodes ||
        prediction >= net->n_nodes || loss >= net->n_nodes ||
        !(net->nodes[loss].op->flags & ONUS_OP_LOSS) ||
        net->nodes[logits].op->flags & ONUS_OP_LOSS ||
        net->nodes[prediction].op->flags & ONUS_OP_LOSS)
        return onus_fail(
            err, ONUS_BAD_ARG,
            "net: logits, prediction and loss must be nodes, and loss alone a loss");
    net->logits = logits;
    net->prediction = prediction;
    net->loss = loss;
    onus_status st = check_paths(net, err);
    if (st == ONUS_OK) st = list_params(net, err);
    if (st == ONUS_OK) st = lay_out_params(net, err);
    if (st != ONUS_OK) return st;
    net->params = onus_arena_alloc(&net->arena, (size_t)net->floats, sizeof *net->params);
    if (!net->params)
        return onus_fail(err, ONUS_NO_MEM, "net: out of memory for %lld parameters",
                         (long long)net->count);
    net->sealed = true;
    return ONUS_OK;
}

void onus_net_init(onus_net *net, uint64_t seed)
{
    for (int t = 0; t < net->n_tensors; t++) {
        const onus_tensor *x = &net->tensors[t];
        float *p = net->params + x->offset;
        const onus_stream s = {.seed = seed, .node = (uint32_t)t, .purpose = ONUS_DRAW_INIT};
        const double fan_in = (double)(x->def.fan_in > 0 ? x->def.fan_in : 1);
        switch (x->def.init) {
        case ONUS_INIT_ZERO: memset(p, 0, (size_t)x->n * sizeof *p); break;
        case ONUS_INIT_ONE:
            for (int64_t i = 0; i < x->n; i++) p[i] = 1.0f;
            break;
        case ONUS_INIT_NORMAL: onus_stream_normal(&s, 0, x->n, 0, x->def.std, p); break;
        case ONUS_INIT_HE_UNIFORM:
        case ONUS_INIT_LINEAR: {
            const float bound =
                (float)(x->def.init == ONUS_INIT_LINEAR ? 1 / sqrt(fan_in) : sqrt(6 / fan_in));
            onus_stream_uniform(&s, 0, x->n, p);
            for (int64_t i = 0; i < x->n; i++) {
                const float centred = 2.0f * p[i] - 1.0f; /* exact: u is a multiple of 2^-24 */
                p[i] = centred * bound;
            }
            break;
        }
        }
    }
}

onus_status onus_net_freeze(onus_net *net, const char *pattern, int64_t *n, onus_err *err)
{
    *n = 0;
    for (int t = 0; t < net->n_tensors; t++) {
        if (fnmatch(pattern, net->tensors[t].name, 0) != 0) continue;
        net->tensors[t].frozen = true;
        ++*n;
    }
    if (*n) return ONUS_OK;
    return onus_fail(err, ONUS_BAD_INPUT,
                     "'%.200s' fits none of the model's %d parameters (the first is '%s')",
                     pattern, net->n_tensors, net->n_tensors ? net->tensors[0].name : "");
}

int onus_net_nodes(const onus_net *net)
{
    return net->n_nodes;
}

const char *onus_net_node_name(const onus_net *net, int i)
{
    return net->nodes[i].name;
}

const char *onus_net_node_op(const onus_net *net, int i)
{
    return net->nodes[i].op->name;
}

int onus_net_tensors(const onus_net *net)
{
    return net->n_tensors;
}

const onus_tensor *onus_net_tensor(const onus_net *net, int i)
{
    return &net->tensors[i];
}

int64_t onus_net_param_floats(const onus_net *net)
{
    return net->floats;
}

int64_t onus_net_param_count(const onus_net *net)
{
    return net->count;
}

float *onus_net_params(onus_net *net)
{
    return net->params;
}

int64_t onus_net_inputs(const onus_net *net)
{
    return onus_shape_numel(&net->nodes[0].shape);
}

const onus_shape *onus_net_input_shape(const onus_net *net)
{
    return &net->nodes[0].shape;
}

int64_t onus_net_vocabulary(const onus_net *net)
{
    return net->vocabulary;
}

int64_t onus_net_labels(const onus_net *net)
{
    return onus_shape_numel(&net->nodes[net->loss].shape);
}

int64_t onus_net_label_count(const onus_net *net, const float *label, int64_t n)
{
    if (!(net->nodes[net->loss].op->flags & ONUS_OP_IGNORES)) return n;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) count += label[i] >= 0.0f;
    return count;
}

int64_t onus_net_piece(const onus_net *net)
{
    enum { SEGMENT = 256 };
    int64_t most = 1;
    for (int i = 1; i < net->n_nodes; i++) {
        onus_shape in[ONUS_IN_MAX];
        if (net->nodes[i].n_params == 0) continue;
        onus_node_inputs(net, &net->nodes[i], in);
        const int64_t rows = net->nodes[i].op->rows(net->nodes[i].attr, in);
        /* 256 / gcd(256, rows): a power of two, so that the largest serves all */
        int64_t piece = SEGMENT;
        while (piece > 1 && rows % (2 * SEGMENT / piece) == 0) piece /= 2;
        most = piece > most ? piece : most;
    }
    return most;
}

int64_t onus_net_cut(const onus_net *net, int64_t n)
{
    const int64_t piece = onus_net_piece(net);
    if (onus_net_coupled(net)) return n > 0 ? n : 1;
    return n > 2 * piece ? piece : n > 0 ? n : 1;
}

int64_t onus_net_logits(const onus_net *net)
{
    return onus_shape_numel(&net->nodes[net->logits].shape);
}

bool onus_net_coupled(const onus_net *net)
{
    for (int i = 1; i < net->n_nodes; i++)
        if (net->nodes[i].op->flags & ONUS_OP_COUPLED) return true;
    return false;
}

int64_t onus_net_outputs(const onus_net *net)
{
    return onus_shape_numel(&net->nodes[net->prediction].shape);
}

const char *onus_net_describe(const onus_net *net)
{
    return net->description;
}

onus_status onus_net_can_private(const onus_net *net, onus_err *err)
{
    for (int i = 1; i < net->n_nodes; i++) {
        const onus_op *op = net->nodes[i].op;
        const char *why = op->terms.refused;
        if (why)
            return onus_fail(err, ONUS_REFUSED, "%s (%s) cannot be trained privately: %s",
                             net->nodes[i].name, op->name, why);
    }
    return ONUS_OK;
}

onus_status onus_net_can_relevance(const onus_net *net, onus_share_of of, onus_err *err)
{
    bool runs[ONUS_NODES_MAX] = {false};
    const int end = of == ONUS_SHARE_PREDICTION ? net->prediction : net->logits;
    runs[end] = true;
    for (int i = end; i > 0; i--)
        for (int k = 0; runs[i] && k < net->nodes[i].n_in; k++)
            runs[net->nodes[i].in[k]] = true;
    for (int i = 1; i <= end; i++) {
        const onus_op *op = net->nodes[i].op;
        if (runs[i] && op->relevance.refused)
            return onus_fail(err, ONUS_REFUSED, "%s (%s) cannot be explained by relevance: %s",
                             net->nodes[i].name, op->name, op->relevance.refused);
    }
    return ONUS_OK;
}

/* Floats as the contract hashes them, in pieces. */
static void hash_floats(onus_sha256 *h, const float *x, int64_t n)
{
    enum { PIECE = 1024 };
    float stored[PIECE];
    for (int64_t i = 0; i < n; i += PIECE) {
        const int64_t m = n - i < PIECE ? n - i : PIECE;
        onus_fp_store(x + i, m, stored);
        onus_sha256_add(h, stored, (size_t)m * sizeof *stored);
    }
}

void onus_net_sha256(const onus_net *net, uint8_t out[32])
{
    onus_sha256 h;
    onus_sha256_init(&h);
    for (int t = 0; t < net->n_tensors; t++) {
        const onus_tensor *x = &net->tensors[t];
        char shape[128];
        onus_shape_text(&x->shape, shape, sizeof shape);
        onus_sha256_add(&h, x->name, strlen(x->name) + 1);
        onus_sha256_add(&h, shape, strlen(shape) + 1);
        hash_floats(&h, net->params + x->offset, x->n);
    }
    onus_sha256_end(&h, out);
}

void onus_node_terms(const onus_net *net, const onus_node *node, onus_terms_step *out)
{
    onus_call c = {.attr = node->attr, .out_shape = node->shape, .n_in = node->n_in};
    onus_node_inputs(net, node, c.in_shape);
    (void)node->op->terms.fn(&c, -1, out);
}

onus_cost onus_node_cost(const onus_net *net, const onus_node *node, int64_t B, int pass)
{
    onus_shape in[ONUS_IN_MAX];
    onus_terms_step shape;
    if (pass == ONUS_PASS_BOUND) {
        onus_node_terms(net, node, &shape);
        return onus_terms_cost(&shape, B);
    }
    onus_node_inputs(net, node, in);
    return node->op->cost.fn(node->attr, in, B, (onus_pass)pass);
}

/* Two uses of a tensor add to the same elements: what each moves them by adds, too. */
double onus_net_rounding(const onus_net *net)
{
    double sum = 0;
    for (int t = 0; t < net->n_tensors; t++) {
        const onus_tensor *x = &net->tensors[t];
        double of_uses = 0;
        if (x->frozen || x->def.buffer) continue;
        for (int i = x->node; i < net->n_nodes; i++) {
            const onus_node *node = &net->nodes[i];
            onus_terms_step shape;
            for (int k = 0; k < node->n_params; k++) {
                if (node->tensor[k] != t) continue;
                onus_node_terms(net, node, &shape);
                of_uses += onus_terms_rounding(&shape, k);
            }
        }
        sum += of_uses * of_uses;
    }
    return sqrt(sum);
}

int64_t onus_net_trained(const onus_net *net)
{
    int64_t n = 0;
    for (int t = 0; t < net->n_tensors; t++)
        if (!net->tensors[t].frozen && !net->tensors[t].def.buffer) n += net->tensors[t].n;
    return n;
}

onus_cost onus_net_cost(const onus_net *net, int64_t B, bool training, bool private_)
{
    bool runs[ONUS_NODES_MAX], needs[ONUS_NODES_MAX];
    onus_cost sum = {0};
    onus_net_mark(net, !training, runs, needs);
    for (int i = 0; i < net->n_nodes; i++) {
        const onus_node *node = &net->nodes[i];
        if (!node->op || !runs[i]) continue;
        bool back = false;
        for (int k = 0; k < node->n_in; k++) back = back || needs[node->in[k]];
        const struct {
            int pass;
            bool runs;
        } passes[] = {{ONUS_PASS_FORWARD, true},
                      {ONUS_PASS_BACKWARD, training && back},
                      {ONUS_PASS_GRAD, training && onus_node_trains(net, node)},
                      {ONUS_PASS_BOUND, training && private_ && onus_node_trains(net, node)}};
        for (int p = 0; p < 4; p++) {
            if (!passes[p].runs) continue;
            const onus_cost c = onus_node_cost(net, node, B, passes[p].pass);
            sum.multiply_adds += c.multiply_adds;
            sum.bytes += c.bytes;
        }
    }
    return sum;
}

void onus_net_first_dense(const onus_net *net, const float **W, const float **bias,
                          int64_t *n_out)
{
    const onus_node *first = net->n_nodes > 1 ? &net->nodes[1] : NULL;
    int users = 0;
    for (int i = 1; i < net->n_nodes; i++)
        for (int k = 0; k < net->nodes[i].n_in; k++) users += net->nodes[i].in[k] == 0;
    *W = *bias = NULL;
    *n_out = 0;
    if (!first || first->op != &onus_op_dense || first->in[0] != 0 || users != 1) return;
    *W = net->params + net->tensors[first->tensor[0]].offset;
    if (first->n_params > 1) *bias = net->params + net->tensors[first->tensor[1]].offset;
    *n_out = first->shape.d[0];
}
