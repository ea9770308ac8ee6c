/* SPDX-License-Identifier: Apache-2.0
 * relevance.c - a net at an input and at a reference, and multipliers back through it.
 *
 * Not a plan's mode: both sides' values of every node are wanted at once, and of few examples
 * at a time, so nothing is shared between nodes but scratch. Nodes run in order of the graph
 * and back; where several read one output their multipliers add, later readers first. */
#include "net/relevance.h"

#include <assert.h>
#include <string.h>

#include "base/fail.h"
#include "net/graph.h"
#include "num/kernels.h"

struct onus_relevance {
    onus_net *net;
    int64_t B_max, B, shares;
    int end;                   /* the node whose numbers are explained */
    bool tokens;               /* shares are those of embeddings' outputs */
    bool *runs;                /* (nodes) the end depends on it */
    bool *wants;               /* (nodes) multipliers of its output are wanted */
    onus_call *call[2];        /* (nodes) of the input, of the reference */
    float *input[2];           /* (B_max, inputs) */
    float **m;                 /* (nodes) multipliers of the output, (B_max, floats) */
    float *extra[ONUS_IN_MAX]; /* multipliers of inputs on their way to be added */
    onus_arena arena;
};

static int64_t floats_of(const onus_net *net, int i)
{
    return onus_shape_numel(&net->nodes[i].shape);
}

/* Does node i look tokens up? Its output then is where shares are taken. */
static bool is_entry(const onus_net *net, int i)
{
    const onus_node *node = &net->nodes[i];
    return i > 0 && node->op == &onus_op_embedding && node->in[0] == 0;
}

/* Which nodes the end depends on; which lie behind an entry. */
static void mark(onus_relevance *r)
{
    const onus_net *net = r->net;
    r->runs[r->end] = true;
    for (int i = r->end; i > 0; i--)
        for (int k = 0; r->runs[i] && k < net->nodes[i].n_in; k++)
            r->runs[net->nodes[i].in[k]] = true;
    for (int i = 1; i <= r->end; i++) r->tokens |= r->runs[i] && is_entry(net, i);
    r->wants[0] = !r->tokens;
    for (int i = 1; i <= r->end; i++) {
        r->wants[i] = r->tokens && is_entry(net, i);
        for (int k = 0; k < net->nodes[i].n_in; k++)
            r->wants[i] = r->wants[i] || r->wants[net->nodes[i].in[k]];
        r->wants[i] = r->wants[i] && r->runs[i];
    }
    r->shares = onus_shape_numel(&net->nodes[0].shape);
}

/* Whether the way back passes through the node's rule; entries are where it ends. */
static bool is_passed(const onus_relevance *r, int i)
{
    return r->wants[i] && i > 0 && !(r->tokens && is_entry(r->net, i));
}

/* ---- memory ------------------------------------------------------------------------------ */

/* Output, multipliers and what is kept, of one node on both sides. */
static onus_status allocate_node(onus_relevance *r, int i, const onus_shape in[], onus_err *err)
{
    const onus_node *node = &r->net->nodes[i];
    const size_t floats = (size_t)(r->B_max * floats_of(r->net, i));
    const size_t saved = node->op->saved(node->attr, in, r->B_max);
    for (int side = 0; side < 2; side++) {
        onus_call *c = &r->call[side][i];
        c->out = onus_arena_alloc(&r->arena, floats, sizeof *c->out);
        c->saved = onus_arena_alloc(&r->arena, saved + 1, 1);
        if (!c->out || !c->saved) return onus_fail_mem(err, node->name);
    }
    r->m[i] = onus_arena_alloc(&r->arena, r->wants[i] ? floats : 1, sizeof **r->m);
    return r->m[i] ? ONUS_OK : onus_fail_mem(err, node->name);
}

static void set_pointers(onus_relevance *r, int i, const onus_exec *ex, void *scratch)
{
    const onus_net *net = r->net;
    const onus_node *node = &net->nodes[i];
    for (int side = 0; side < 2; side++) {
        onus_call *c = &r->call[side][i];
        c->ex = ex;
        c->attr = node->attr;
        c->n_in = node->n_in;
        c->out_shape = node->shape;
        c->scratch = scratch;
        c->node = (uint32_t)i;
        onus_node_inputs(net, node, c->in_shape);
        for (int k = 0; k < node->n_in; k++) {
            const int from = node->in[k];
            /* which tokens are there is one thing, what they say another */
            const bool said = !r->tokens || is_entry(net, i);
            c->in[k] = from ? r->call[side][from].out : r->input[said ? side : 0];
            c->d_in[k] = is_passed(r, i) && r->wants[from] ? r->extra[k] : NULL;
        }
        for (int k = 0; k < node->n_params; k++)
            c->param[k] = net->params + net->tensors[node->tensor[k]].offset;
        c->d_out = r->m[i];
    }
}

static onus_status allocate(onus_relevance *r, const onus_exec *ex, onus_err *err)
{
    const onus_net *net = r->net;
    size_t scratch = ONUS_ALIGN, extra[ONUS_IN_MAX] = {0};
    const size_t inputs = (size_t)(r->B_max * onus_shape_numel(&net->nodes[0].shape));
    for (int i = 1; i <= r->end; i++) {
        onus_shape in[ONUS_IN_MAX];
        if (!r->runs[i]) continue;
        onus_node_inputs(net, &net->nodes[i], in);
        const size_t bytes = net->nodes[i].op->scratch(ex, net->nodes[i].attr, in, r->B_max);
        scratch = bytes > scratch ? bytes : scratch;
        for (int k = 0; k < net->nodes[i].n_in; k++) {
            const size_t n = (size_t)(r->B_max * floats_of(net, net->nodes[i].in[k]));
            extra[k] = n > extra[k] ? n : extra[k];
        }
        const onus_status st = allocate_node(r, i, in, err);
        if (st != ONUS_OK) return st;
    }
    void *room = onus_arena_alloc(&r->arena, scratch, 1);
    r->m[0] = onus_arena_alloc(&r->arena, inputs, sizeof **r->m);
    bool all = room && r->m[0];
    for (int side = 0; side < 2; side++)
        all = (r->input[side] = onus_arena_alloc(&r->arena, inputs, sizeof(float))) && all;
    for (int k = 0; k < ONUS_IN_MAX; k++)
        all = (r->extra[k] = onus_arena_alloc(&r->arena, extra[k] + 1, sizeof(float))) && all;
    if (!all) return onus_fail_mem(err, "relevance");
    for (int i = 1; i <= r->end; i++)
        if (r->runs[i]) set_pointers(r, i, ex, room);
    return ONUS_OK;
}

onus_status onus_relevance_create(onus_relevance **out, onus_net *net, onus_share_of of,
                                  const onus_exec *ex, int64_t B_max, const onus_allocator *mem,
                                  onus_err *err)
{
    onus_status st = ONUS_OK;
    if (B_max < 1 || B_max > ONUS_BATCH_MAX)
        return onus_fail(err, ONUS_BAD_ARG, "relevance: batch %lld, expected 1 to %lld",
                         (long long)B_max, (long long)ONUS_BATCH_MAX);
    onus_relevance *r = onus_alloc(mem, 1, sizeof *r);
    if (!r) return onus_fail_mem(err, "relevance");
    *r = (onus_relevance){.net = net, .B_max = B_max};
    r->end = of == ONUS_SHARE_PREDICTION ? net->prediction : net->logits;
    onus_arena_init(&r->arena, mem);
    const size_t n = (size_t)net->n_nodes;
    r->runs = onus_arena_alloc(&r->arena, n, sizeof *r->runs);
    r->wants = onus_arena_alloc(&r->arena, n, sizeof *r->wants);
    r->m = onus_arena_alloc(&r->arena, n, sizeof *r->m);
    r->call[0] = onus_arena_alloc(&r->arena, n, sizeof **r->call);
    r->call[1] = onus_arena_alloc(&r->arena, n, sizeof **r->call);
    if (!r->runs || !r->wants || !r->m || !r->call[0] || !r->call[1]) {
        st = onus_fail_mem(err, "relevance");
        goto done;
    }
    mark(r);
    ONUS_TRY(onus_net_can_relevance(net, of, err));
    ONUS_TRY(allocate(r, ex, err));
    *out = r;
    r = NULL;
done:
    onus_relevance_destroy(r);
    return st;
}

void onus_relevance_destroy(onus_relevance *r)
{
    if (!r) return;
    const onus_allocator *mem = r->arena.mem;
    onus_arena_release(&r->arena);
    onus_free(mem, r);
}

int64_t onus_relevance_shares(const onus_relevance *r)
{
    return r->shares;
}

int64_t onus_relevance_outputs(const onus_relevance *r)
{
    return floats_of(r->net, r->end);
}

float *onus_relevance_input(onus_relevance *r)
{
    return r->input[0];
}

float *onus_relevance_reference(onus_relevance *r)
{
    return r->input[1];
}

/* ---- running ----------------------------------------------------------------------------- */

void onus_relevance_forward(onus_relevance *r, int64_t B)
{
    assert(B >= 0 && B <= r->B_max);
    r->B = B;
    for (int64_t i = 0; r->tokens && i < B * r->shares; i++)
        if (!(r->input[0][i] >= 0.0f)) r->input[1][i] = -1.0f;
    for (int i = 1; i <= r->end; i++) {
        for (int side = 0; r->runs[i] && side < 2; side++) {
            onus_call *c = &r->call[side][i];
            c->B = B;
            r->net->nodes[i].op->forward.fn(c);
        }
    }
}

const float *onus_relevance_scores(const onus_relevance *r)
{
    return r->call[0][r->end].out;
}

const float *onus_relevance_reference_scores(const onus_relevance *r)
{
    return r->call[1][r->end].out;
}

/* Multipliers of a node's inputs, added to those that later readers left. */
static void pass_back(onus_relevance *r, int i)
{
    const onus_node *node = &r->net->nodes[i];
    onus_call *c = &r->call[0][i];
    node->op->relevance.fn(c, &r->call[1][i]);
    for (int k = 0; k < node->n_in; k++)
        if (c->d_in[k])
            c->ex->k->add(r->m[node->in[k]], c->d_in[k], r->m[node->in[k]],
                          r->B * floats_of(r->net, node->in[k]));
}

/* Adds what place j of an output, w numbers wide, is worth to share[j]. */
static void add_shares(const onus_relevance *r, const float *m, const float *x, const float *x0,
                       int64_t w, double *share)
{
    for (int64_t j = 0; j < r->B * r->shares; j++) {
        double sum = 0;
        for (int64_t k = j * w; k < (j + 1) * w; k++)
            sum = sum + (double)m[k] * ((double)x[k] - (double)x0[k]);
        share[j] = share[j] + sum;
    }
}

void onus_relevance_backward(onus_relevance *r, const int32_t *output, double *share)
{
    const int64_t O = onus_relevance_outputs(r);
    for (int i = 0; i <= r->end; i++)
        if (r->wants[i])
            memset(r->m[i], 0, (size_t)(r->B * floats_of(r->net, i)) * sizeof **r->m);
    for (int64_t b = 0; r->wants[r->end] && b < r->B; b++)
        r->m[r->end][b * O + output[b]] = 1.0f;
    memset(share, 0, (size_t)(r->B * r->shares) * sizeof *share);
    for (int i = r->end; i > 0; i--) {
        if (is_passed(r, i)) pass_back(r, i);
        if (r->tokens && r->wants[i] && is_entry(r->net, i))
            add_shares(r, r->m[i], r->call[0][i].out, r->call[1][i].out,
                       r->net->nodes[i].shape.d[1], share);
    }
    if (!r->tokens) add_shares(r, r->m[0], r->input[0], r->input[1], 1, share);
}
