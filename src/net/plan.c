/* SPDX-License-Identifier: Apache-2.0
 * plan.c - memory laid out before the run, and the run itself: a loop over calls whose pointers
 * were set once.
 *
 * Outputs: a node's output stands in a buffer of its own, in its input's place where the
 * operation allows it and nobody else wants that input, or (prediction) in a buffer whose owner
 * is done. Gradients: the same, last node to first; in private plans the output gradients of
 * nodes with parameters stay until the clipping factors are known. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "net/graph.h"
#include "num/kernels.h"

typedef struct {
    size_t floats; /* per example */
    bool busy;
    float *data;
} slot;

struct onus_plan {
    onus_net *net;
    const onus_exec *ex;
    onus_plan_mode mode;
    int64_t B_max;
    onus_arena arena;
    bool measuring; /* sizes are added up, nothing is handed out */
    size_t measured;
    onus_call *call; /* (n_nodes) */
    bool *runs;      /* forward: this node is part of the plan */
    bool *needs;     /* backward: somebody wants the gradient of this node's output */
    int *last_reader, *readers; /* the last node that reads this one's output; how many do */
    int *out_slot, *grad_slot;
    bool *adds; /* backward: this node's first input already has a gradient: (n_nodes,
                   ONUS_IN_MAX) */
    slot *slots;
    int n_slots;
    void *scratch;
    float *extra[ONUS_IN_MAX]; /* gradients of inputs on their way to be added to others */
    float *input;
};

/* ---- which nodes ------------------------------------------------------------------------- */

static void mark(onus_plan *p)
{
    const onus_net *net = p->net;
    onus_net_mark(net, p->mode == ONUS_PLAN_PREDICT, p->runs, p->needs);
    for (int i = 0; i < net->n_nodes; i++) p->last_reader[i] = i;
    for (int i = 0; i < net->n_nodes; i++)
        for (int k = 0; p->runs[i] && k < net->nodes[i].n_in; k++) {
            p->last_reader[net->nodes[i].in[k]] = i;
            p->readers[net->nodes[i].in[k]]++;
        }
}

/* An input of the net: it has no gradient, and its numbers stay. */
static bool is_input(const onus_plan *p, int i)
{
    return !p->net->nodes[i].op;
}

/* ---- slots ------------------------------------------------------------------------------- */

/* A free slot, growing the one that fits best, or a new one. */
static int take_slot(onus_plan *p, size_t floats, bool reuse)
{
    int best = -1;
    for (int s = 0; reuse && s < p->n_slots; s++) {
        if (p->slots[s].busy) continue;
        if (best < 0) best = s;
        const bool fits = p->slots[s].floats >= floats,
                   best_fits = p->slots[best].floats >= floats;
        const bool smaller = p->slots[s].floats < p->slots[best].floats;
        if ((fits && (!best_fits || smaller)) || (!fits && !best_fits && !smaller)) best = s;
    }
    if (best < 0) best = p->n_slots++;
    if (p->slots[best].floats < floats) p->slots[best].floats = floats;
    p->slots[best].busy = true;
    return best;
}

static size_t floats_of(const onus_net *net, int i)
{
    return (size_t)onus_shape_numel(&net->nodes[i].shape);
}

/* May node i write its output over its input's? */
static bool may_overwrite(const onus_plan *p, int i)
{
    const onus_node *node = &p->net->nodes[i];
    const int from = node->in[0];
    if (!node->op->inplace || is_input(p, from) || p->readers[from] != 1 ||
        from == p->net->logits)
        return false;
    if (p->mode == ONUS_PLAN_PREDICT) return true;
    return !(p->net->nodes[from].op->keeps & ONUS_KEEPS_OUT) &&
           !(node->op->keeps & ONUS_KEEPS_IN);
}

/* Frees the buffers of node i's inputs that nobody reads after it. */
static void free_inputs(onus_plan *p, int i)
{
    const onus_node *node = &p->net->nodes[i];
    for (int k = 0; k < node->n_in; k++) {
        const int from = node->in[k];
        if (p->last_reader[from] == i && !is_input(p, from) && from != p->net->logits &&
            p->out_slot[from] != p->out_slot[i])
            p->slots[p->out_slot[from]].busy = false;
    }
}

static void plan_outputs(onus_plan *p)
{
    const onus_net *net = p->net;
    const bool predicts = p->mode == ONUS_PLAN_PREDICT;
    for (int i = 0; i < net->n_nodes; i++) {
        if (!p->runs[i]) continue;
        p->out_slot[i] = !is_input(p, i) && may_overwrite(p, i)
                             ? p->out_slot[net->nodes[i].in[0]]
                             : take_slot(p, floats_of(net, i), predicts);
        if (predicts) free_inputs(p, i);
    }
}

/* Gradients get slots of their own. */
static void plan_gradients(onus_plan *p)
{
    const onus_net *net = p->net;
    for (int s = 0; s < p->n_slots; s++) p->slots[s].busy = true;
    for (int i = net->n_nodes - 1; i > 0; i--) {
        if (!p->runs[i] || !p->needs[i]) continue;
        const onus_node *node = &net->nodes[i];
        const bool keeps = p->mode == ONUS_PLAN_PRIVATE && node->n_params > 0;
        const int mine = p->grad_slot[i];
        bool passed_on = false;
        for (int k = 0; k < node->n_in; k++) {
            const int to = node->in[k];
            if (!p->needs[to]) continue;
            if (p->grad_slot[to] >= 0) {
                /* read more than once: gradients add, later readers first */
                p->adds[i * ONUS_IN_MAX + k] = true;
                continue;
            }
            const bool over = node->op->inplace && !keeps && mine >= 0 && k == 0;
            p->grad_slot[to] = over ? mine : take_slot(p, floats_of(net, to), true);
            passed_on = passed_on || over;
        }
        if (mine >= 0 && !keeps && !passed_on) p->slots[mine].busy = false;
    }
}

/* ---- pointers ---------------------------------------------------------------------------- */

/* Memory is laid out twice: the first pass adds up what the second hands out of one block. */
static void *take(onus_plan *p, size_t n, size_t size)
{
    size_t bytes;
    if (!p->measuring) return onus_arena_alloc(&p->arena, n, size);
    if (!onus_mul_size(n, size, &bytes) || bytes > PTRDIFF_MAX - p->measured) return NULL;
    p->measured += (bytes + ONUS_ALIGN - 1) & ~(size_t)(ONUS_ALIGN - 1);
    return p->arena.first; /* not NULL, not used */
}

/* What node i keeps beside its output; the scratch and the extra gradients that it needs. */
static onus_status allocate_node(onus_plan *p, int i, size_t *scratch,
                                 size_t extra[ONUS_IN_MAX], onus_err *err)
{
    const onus_node *node = &p->net->nodes[i];
    onus_shape in[ONUS_IN_MAX];
    onus_node_inputs(p->net, node, in);
    const size_t bytes = node->op->scratch(p->ex, node->attr, in, p->B_max);
    if (bytes > *scratch) *scratch = bytes;
    for (int k = 0; k < node->n_in; k++)
        if (p->adds[i * ONUS_IN_MAX + k] && floats_of(p->net, node->in[k]) > extra[k])
            extra[k] = floats_of(p->net, node->in[k]);
    const size_t saved = node->op->saved(node->attr, in, p->B_max);
    if (saved && !(p->call[i].saved = take(p, saved, 1))) return onus_fail_mem(err, node->name);
    return ONUS_OK;
}

static onus_status lay_out(onus_plan *p, onus_err *err)
{
    onus_status st = ONUS_OK;
    size_t scratch = ONUS_ALIGN, extra[ONUS_IN_MAX] = {0};
    for (int s = 0; s < p->n_slots; s++) {
        p->slots[s].data = take(p, (size_t)p->B_max, p->slots[s].floats * sizeof(float));
        if (!p->slots[s].data) return onus_fail_mem(err, "plan");
    }
    for (int i = 0; i < p->net->n_nodes; i++) {
        if (p->runs[i] && !is_input(p, i)) ONUS_TRY(allocate_node(p, i, &scratch, extra, err));
    }
    for (int k = 0; k < ONUS_IN_MAX; k++) {
        if (extra[k] && !(p->extra[k] = take(p, (size_t)p->B_max, extra[k] * sizeof(float))))
            return onus_fail_mem(err, "plan");
    }
    if (!(p->scratch = take(p, scratch, 1))) return onus_fail_mem(err, "plan");
done:
    return st;
}

static onus_status allocate(onus_plan *p, onus_err *err)
{
    p->measuring = true;
    onus_status st = lay_out(p, err);
    p->measuring = false;
    if (st != ONUS_OK) return st;
    if (!onus_arena_reserve(&p->arena, p->measured)) return onus_fail_mem(err, "plan");
    return lay_out(p, err);
}

static void set_pointers(onus_plan *p)
{
    const onus_net *net = p->net;
    p->input = p->slots[p->out_slot[0]].data;
    for (int i = 1; i < net->n_nodes; i++) {
        const onus_node *node = &net->nodes[i];
        onus_call *c = &p->call[i];
        if (!p->runs[i]) continue;
        c->ex = p->ex;
        c->attr = node->attr;
        c->n_in = node->n_in;
        c->out_shape = node->shape;
        c->out = p->slots[p->out_slot[i]].data;
        c->scratch = p->scratch;
        c->node = (uint32_t)i;
        onus_node_inputs(net, node, c->in_shape);
        for (int k = 0; k < node->n_in; k++) {
            c->in[k] = p->slots[p->out_slot[node->in[k]]].data;
            const bool wanted = p->mode != ONUS_PLAN_PREDICT && p->needs[node->in[k]];
            c->d_in[k] = !wanted ? NULL
                         : p->adds[i * ONUS_IN_MAX + k]
                             ? p->extra[k]
                             : p->slots[p->grad_slot[node->in[k]]].data;
        }
        for (int k = 0; k < node->n_params; k++)
            c->param[k] = net->params + net->tensors[node->tensor[k]].offset;
        c->d_out = p->mode != ONUS_PLAN_PREDICT && p->grad_slot[i] >= 0
                       ? p->slots[p->grad_slot[i]].data
                       : NULL;
    }
}

onus_status onus_plan_create(onus_plan **out, onus_net *net, const onus_exec *ex,
                             onus_plan_mode mode, int64_t B_max, const onus_allocator *mem,
                             onus_err *err)
{
    onus_status st = ONUS_OK;
    if (B_max < 1 || B_max > ONUS_BATCH_MAX)
        return onus_fail(err, ONUS_BAD_ARG, "plan: batch %lld, expected 1 to %lld",
                         (long long)B_max, (long long)ONUS_BATCH_MAX);
    onus_plan *p = onus_alloc(mem, 1, sizeof *p);
    if (!p) return onus_fail_mem(err, "plan");
    *p = (onus_plan){.net = net, .ex = ex, .mode = mode, .B_max = B_max};
    onus_arena_init(&p->arena, mem);
    const size_t n = (size_t)net->n_nodes;
    p->call = onus_arena_alloc(&p->arena, n, sizeof *p->call);
    p->runs = onus_arena_alloc(&p->arena, n, sizeof *p->runs);
    p->needs = onus_arena_alloc(&p->arena, n, sizeof *p->needs);
    p->last_reader = onus_arena_alloc(&p->arena, n, sizeof *p->last_reader);
    p->readers = onus_arena_alloc(&p->arena, n, sizeof *p->readers);
    p->out_slot = onus_arena_alloc(&p->arena, n, sizeof *p->out_slot);
    p->grad_slot = onus_arena_alloc(&p->arena, n, sizeof *p->grad_slot);
    p->adds = onus_arena_alloc(&p->arena, n * ONUS_IN_MAX, sizeof *p->adds);
    p->slots = onus_arena_alloc(&p->arena, 2 * n, sizeof *p->slots);
    if (!p->call || !p->runs || !p->needs || !p->last_reader || !p->readers || !p->out_slot ||
        !p->grad_slot || !p->adds || !p->slots) {
        st = onus_fail_mem(err, "plan");
        goto done;
    }
    if (mode == ONUS_PLAN_PRIVATE) ONUS_TRY(onus_net_can_private(net, err));
    for (size_t i = 0; i < n; i++) p->grad_slot[i] = -1;
    mark(p);
    plan_outputs(p);
    if (mode != ONUS_PLAN_PREDICT) plan_gradients(p);
    ONUS_TRY(allocate(p, err));
    set_pointers(p);
    *out = p;
    p = NULL;
done:
    onus_plan_destroy(p);
    return st;
}

void onus_plan_destroy(onus_plan *p)
{
    if (!p) return;
    const onus_allocator *mem = p->arena.mem;
    onus_arena_release(&p->arena);
    onus_free(mem, p);
}

size_t onus_plan_bytes(const onus_plan *p)
{
    return p->arena.used_bytes;
}

float *onus_plan_input(onus_plan *p)
{
    return p->input;
}

/* ---- running ----------------------------------------------------------------------------- */

static void set_batch(onus_call *c, const onus_batch *b)
{
    c->B = b->B;
    c->first = b->first;
    c->label = b->label;
    c->weight = b->weight;
    c->loss_scale = b->loss_scale;
    c->seed = b->seed;
    c->step = b->step;
    c->training = b->training;
}

static void run_forward(onus_plan *p, const onus_batch *b, int from, int to)
{
    assert(b->B >= 0 && b->B <= p->B_max);
    for (int i = from; i <= to; i++) {
        if (!p->runs[i]) continue;
        set_batch(&p->call[i], b);
        p->net->nodes[i].op->forward.fn(&p->call[i]);
    }
}

void onus_plan_forward(onus_plan *p, const onus_batch *b)
{
    run_forward(p, b, 1, p->net->n_nodes - 1);
}

void onus_plan_forward_first(onus_plan *p, const onus_batch *b)
{
    run_forward(p, b, 1, 1);
}

float *onus_plan_first_output(onus_plan *p)
{
    return p->call[1].out;
}

void onus_plan_forward_tail(onus_plan *p, int64_t B)
{
    const onus_batch b = {.B = B};
    run_forward(p, &b, 2, p->net->n_nodes - 1);
}

const float *onus_plan_prediction(const onus_plan *p)
{
    return p->call[p->net->prediction].out;
}

const float *onus_plan_logits(const onus_plan *p)
{
    return p->call[p->net->logits].out;
}

const float *onus_plan_losses(const onus_plan *p)
{
    return p->call[p->net->loss].out;
}

static void point_grads(onus_plan *p, int i, float *grad)
{
    const onus_node *node = &p->net->nodes[i];
    for (int k = 0; k < node->n_params; k++)
        p->call[i].grad[k] = grad + p->net->tensors[node->tensor[k]].offset;
}

/* Backward of one node; what stands in `extra` afterwards is added to the gradient that is
 * there. */
static void node_backward(onus_plan *p, int i)
{
    const onus_node *node = &p->net->nodes[i];
    onus_call *c = &p->call[i];
    node->op->backward.fn(c);
    for (int k = 0; k < node->n_in; k++) {
        if (!p->adds[i * ONUS_IN_MAX + k]) continue;
        float *sum = p->slots[p->grad_slot[node->in[k]]].data;
        p->ex->k->add(sum, p->extra[k], sum, c->B * (int64_t)floats_of(p->net, node->in[k]));
    }
}

void onus_plan_backward(onus_plan *p, const onus_batch *b, float *grad)
{
    for (int i = p->net->n_nodes - 1; i > 0; i--) {
        if (!p->runs[i] || !p->needs[i]) continue;
        set_batch(&p->call[i], b);
        if (grad && p->net->nodes[i].n_params > 0) {
            point_grads(p, i, grad);
            p->net->nodes[i].op->weighted_grad.fn(&p->call[i], NULL);
        }
        node_backward(p, i);
    }
}

void onus_plan_norms(onus_plan *p, const onus_batch *b, double *norm2)
{
    memset(norm2, 0, (size_t)b->B * sizeof *norm2);
    for (int i = 1; i < p->net->n_nodes; i++) {
        if (!p->runs[i] || p->net->nodes[i].n_params == 0) continue;
        set_batch(&p->call[i], b);
        p->net->nodes[i].op->sample_norm2.fn(&p->call[i], norm2);
    }
}

void onus_plan_grads(onus_plan *p, const onus_batch *b, const float *w, float *grad)
{
    for (int i = 1; i < p->net->n_nodes; i++) {
        if (!p->runs[i] || p->net->nodes[i].n_params == 0) continue;
        set_batch(&p->call[i], b);
        point_grads(p, i, grad);
        p->net->nodes[i].op->weighted_grad.fn(&p->call[i], w);
    }
}

const char *onus_plan_find_not_finite(const onus_plan *p, int64_t B)
{
    for (int i = 1; i < p->net->n_nodes; i++) {
        const int64_t n = p->runs[i] ? B * (int64_t)floats_of(p->net, i) : 0;
        for (int64_t k = 0; k < n; k++) {
            if (!isfinite(p->call[i].out[k])) return p->net->nodes[i].name;
        }
    }
    return NULL;
}
