/* SPDX-License-Identifier: Apache-2.0
 * plan.c - memory laid out before the run, and the run itself: a loop over calls whose pointers
 * were set once.
 *
 * Outputs: a node's output stands in a buffer of its own, in its input's place where the
 * operation allows it and nobody else wants that input, or (prediction) in a buffer whose owner
 * is done. Gradients: the same, last node to first; in private plans the output gradients of
 * nodes with parameters stay until the factors that clip are known. */
#include <assert.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "net/graph.h"
#include "num/kernels.h"

typedef struct {
    size_t floats; /* per example */
    bool busy;
    int back; /* the first node, of those that read it on the way back: NEVER, none does */
    float *data;
} slot;

enum { NEVER = INT_MAX };

struct onus_plan {
    onus_net *net;
    const onus_exec *ex;
    onus_plan_mode mode;
    int64_t B_max;
    onus_arena arena;
    bool measuring; /* sizes are added up, nothing is handed out */
    size_t measured;
    onus_call *call;  /* (n_nodes) */
    bool *runs;       /* forward: this node is part of the plan */
    bool *needs;      /* backward: somebody wants the gradient of this node's output */
    int *last_reader; /* the last node that reads this one's output */
    int *back; /* the first node that reads this one's output on the way back, or NEVER */
    int *out_slot, *grad_slot;
    bool *adds; /* backward: this node's first input already has a gradient: (n_nodes,
                   ONUS_IN_MAX) */
    slot *slots;
    int n_slots;
    void *scratch;
    void *room;                /* private: of op/terms.h */
    float *extra[ONUS_IN_MAX]; /* gradients of inputs on their way to be added to others */
    float *input;
    onus_spent *spent; /* (n_nodes, ONUS_PASSES): profiles; NULL: nobody asks */
};

/* ---- which nodes ------------------------------------------------------------------------- */

/* The earlier node whose parameter node i shares; 0: none. Gradients of both uses are computed
 * when that node's turn comes. */
static int owner_of(const onus_plan *p, int i)
{
    const onus_node *node = &p->net->nodes[i];
    for (int k = 0; k < node->n_params; k++)
        if (node->owner[k]) return node->owner[k];
    return 0;
}

/* Who reads an output on the way back is what the rows' `keeps` say. */
static void mark_back(onus_plan *p, int i)
{
    const onus_node *node = &p->net->nodes[i];
    const int at = owner_of(p, i) ? owner_of(p, i) : i;
    if (p->mode == ONUS_PLAN_PREDICT || !node->op || !p->needs[i]) return;
    if (node->op->keeps & ONUS_KEEPS_OUT && at < p->back[i]) p->back[i] = at;
    for (int k = 0; node->op->keeps & ONUS_KEEPS_IN && k < node->n_in; k++)
        if (at < p->back[node->in[k]]) p->back[node->in[k]] = at;
}

static void mark(onus_plan *p)
{
    const onus_net *net = p->net;
    onus_net_mark(net, p->mode == ONUS_PLAN_PREDICT, p->runs, p->needs);
    for (int i = 0; i < net->n_nodes; i++) {
        p->last_reader[i] = i;
        p->back[i] = NEVER;
    }
    for (int i = 0; i < net->n_nodes; i++) {
        if (!p->runs[i]) continue;
        for (int k = 0; k < net->nodes[i].n_in; k++) p->last_reader[net->nodes[i].in[k]] = i;
        mark_back(p, i);
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
    p->slots[best].back = NEVER;
    return best;
}

static size_t floats_of(const onus_net *net, int i)
{
    return (size_t)onus_shape_numel(&net->nodes[i].shape);
}

/* Outputs that others than the net's nodes read once forward is done. */
static bool is_read_outside(const onus_plan *p, int i)
{
    return is_input(p, i) || i == p->net->logits || i == p->net->loss ||
           i == p->net->prediction;
}

/* May node i write its output over its first input's? */
static bool may_overwrite(const onus_plan *p, int i)
{
    const onus_node *node = &p->net->nodes[i];
    const int from = node->in[0];
    for (int k = 1; k < node->n_in; k++)
        if (node->in[k] == from) return false;
    return node->op->flags & ONUS_OP_INPLACE && !is_read_outside(p, from) &&
           p->last_reader[from] == i && p->back[from] == NEVER;
}

/* Frees the buffers of node i's inputs that nobody reads after it, not even on the way back. */
static void free_inputs(onus_plan *p, int i)
{
    const onus_node *node = &p->net->nodes[i];
    for (int k = 0; k < node->n_in; k++) {
        const int from = node->in[k];
        if (p->last_reader[from] == i && !is_read_outside(p, from) && p->back[from] == NEVER &&
            p->out_slot[from] != p->out_slot[i])
            p->slots[p->out_slot[from]].busy = false;
    }
}

static void plan_outputs(onus_plan *p)
{
    const onus_net *net = p->net;
    for (int i = 0; i < net->n_nodes; i++) {
        if (!p->runs[i]) continue;
        p->out_slot[i] = !is_input(p, i) && may_overwrite(p, i)
                             ? p->out_slot[net->nodes[i].in[0]]
                             : take_slot(p, floats_of(net, i), true);
        slot *s = &p->slots[p->out_slot[i]];
        s->back = p->back[i] < s->back ? p->back[i] : s->back;
        free_inputs(p, i);
    }
}

/* May node i write the gradient of its first input over that input? Nobody else reads it on the
 * way back, and in private plans nobody reads it once more for bounds and sums. */
static bool may_write_over_in(const onus_plan *p, int i)
{
    const onus_node *node = &p->net->nodes[i];
    const int from = node->in[0];
    if (!(node->op->flags & ONUS_OP_OVER_IN) || is_input(p, from) || node->n_params > 0 ||
        p->slots[p->out_slot[from]].back < i)
        return false;
    for (int j = from; j < p->net->n_nodes; j++) { /* its own operation, other readers */
        if (j == i || !p->runs[j] || !p->needs[j]) continue;
        const onus_node *other = &p->net->nodes[j];
        if (j == from && other->op->keeps & ONUS_KEEPS_OUT) return false;
        for (int k = 0; k < other->n_in; k++)
            if (other->in[k] == from && other->op->keeps & ONUS_KEEPS_IN) return false;
    }
    return true;
}

/* Outputs that were needed up to node i: their buffers may hold gradients. */
static void free_outputs(onus_plan *p, int i)
{
    if (p->mode == ONUS_PLAN_PRIVATE) return; /* bounds and sums read them again */
    for (int s = 0; s < p->n_slots; s++)
        if (p->slots[s].back == i) p->slots[s].busy = false;
}

/* Slots of gradients. */
static void plan_gradients(onus_plan *p)
{
    const onus_net *net = p->net;
    for (int i = net->n_nodes - 1; i > 0; i--) {
        if (!p->runs[i] || !p->needs[i]) continue;
        const onus_node *node = &net->nodes[i];
        const bool keeps =
            (p->mode == ONUS_PLAN_PRIVATE && onus_node_trains(net, node)) || owner_of(p, i) > 0;
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
            const bool over =
                node->op->flags & ONUS_OP_INPLACE && !keeps && mine >= 0 && k == 0;
            if (k == 0 && may_write_over_in(p, i)) {
                p->grad_slot[to] = p->out_slot[to];
                p->slots[p->out_slot[to]].busy = true;
                p->slots[p->out_slot[to]].back = NEVER;
            } else
                p->grad_slot[to] = over ? mine : take_slot(p, floats_of(net, to), true);
            passed_on = passed_on || over;
        }
        if (mine >= 0 && !keeps && !passed_on) p->slots[mine].busy = false;
        free_outputs(p, i);
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

/* Scratch of bounds and sums. */
static size_t room_of(const onus_plan *p)
{
    size_t most = ONUS_ALIGN;
    for (int i = 1; i < p->net->n_nodes; i++) {
        onus_terms_step shape;
        if (!p->runs[i] || !onus_node_trains(p->net, &p->net->nodes[i])) continue;
        onus_node_terms(p->net, &p->net->nodes[i], &shape);
        const size_t bytes = onus_terms_bytes(p->ex, &shape);
        most = bytes > most ? bytes : most;
    }
    return most;
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
    if (p->mode == ONUS_PLAN_PRIVATE && !(p->room = take(p, room_of(p), 1)))
        return onus_fail_mem(err, "plan");
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
        c->trains = 0;
        for (int k = 0; k < node->n_params; k++) {
            const onus_tensor *t = &net->tensors[node->tensor[k]];
            c->param[k] = net->params + t->offset;
            c->buffer[k] = node->param[k].buffer && p->mode != ONUS_PLAN_PREDICT
                               ? net->params + t->offset
                               : NULL;
            if (!node->param[k].buffer && !t->frozen) c->trains |= 1u << k;
        }
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
    p->back = onus_arena_alloc(&p->arena, n, sizeof *p->back);
    p->out_slot = onus_arena_alloc(&p->arena, n, sizeof *p->out_slot);
    p->grad_slot = onus_arena_alloc(&p->arena, n, sizeof *p->grad_slot);
    p->adds = onus_arena_alloc(&p->arena, n * ONUS_IN_MAX, sizeof *p->adds);
    p->slots = onus_arena_alloc(&p->arena, 2 * n, sizeof *p->slots);
    if (!p->call || !p->runs || !p->needs || !p->last_reader || !p->back || !p->out_slot ||
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
    c->shard = b->shard;
    c->n_shards = b->n_shards;
}

void onus_plan_measure(onus_plan *p, onus_spent *spent)
{
    p->spent = spent;
}

static double now(const onus_plan *p)
{
    return p->spent ? onus_clock_s() : 0;
}

/* Adds a pass over c's examples, begun at `start`, to what was spent. */
static void note(const onus_plan *p, int i, const onus_call *c, int pass, double start)
{
    if (!p->spent) return;
    onus_spent *s = &p->spent[i * ONUS_PASSES + pass];
    const onus_cost cost = onus_node_cost(p->net, &p->net->nodes[i], c->B, pass);
    s->seconds += onus_clock_s() - start;
    s->cost.multiply_adds += cost.multiply_adds;
    s->cost.bytes += cost.bytes;
}

static void run_forward(onus_plan *p, const onus_batch *b, int from, int to)
{
    assert(b->B >= 0 && b->B <= p->B_max);
    for (int i = from; i <= to; i++) {
        if (!p->runs[i]) continue;
        const double start = now(p);
        set_batch(&p->call[i], b);
        p->net->nodes[i].op->forward.fn(&p->call[i]);
        note(p, i, &p->call[i], ONUS_PASS_FORWARD, start);
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

/* ---- gradients of parameters ------------------------------------------------------------- */

/* The call of examples [begin, end) of c alone. */
static onus_call part_of(const onus_plan *p, int i, int64_t begin, int64_t end)
{
    const onus_node *node = &p->net->nodes[i];
    onus_call c = p->call[i];
    if (begin == 0 && end == c.B) return c;
    const int64_t out = onus_shape_numel(&node->shape);
    for (int k = 0; k < node->n_in; k++) {
        const int64_t in = onus_shape_numel(&c.in_shape[k]);
        c.in[k] += begin * in;
        if (c.d_in[k]) c.d_in[k] += begin * in;
    }
    c.out += begin * out;
    if (c.d_out) c.d_out += begin * out;
    if (!(node->op->flags & ONUS_OP_COUPLED))
        c.saved = (char *)c.saved + node->op->saved(c.attr, c.in_shape, begin);
    if (c.label) c.label += begin * out;
    if (c.weight) c.weight += begin;
    c.first += begin;
    c.B = end - begin;
    c.n_shards = 0;
    return c;
}

/* Adds the node's tensors of one block to those of another. */
static void add_grads(const onus_plan *p, int i, unsigned params, float *sum, const float *x)
{
    const onus_node *node = &p->net->nodes[i];
    for (int k = 0; k < node->n_params; k++) {
        const onus_tensor *t = &p->net->tensors[node->tensor[k]];
        if (params >> k & 1) onus_add_shared(p->ex, sum + t->offset, x + t->offset, t->n);
    }
}

/* Gradients of some of node i's parameters, of examples [begin, end), into a block. */
static void part_grads(const onus_plan *p, int i, unsigned params, onus_grad_start start,
                       int64_t begin, int64_t end, float *grad)
{
    const onus_node *node = &p->net->nodes[i];
    onus_call c = part_of(p, i, begin, end);
    c.trains = params;
    for (int k = 0; k < node->n_params; k++) {
        c.grad[k] = params >> k & 1 ? grad + p->net->tensors[node->tensor[k]].offset : NULL;
        c.start[k] = start;
    }
    const double began = now(p);
    node->op->weighted_grad.fn(&c);
    note(p, i, &c, ONUS_PASS_GRAD, began);
}

/* What of node i's parameters has its turn with node i: not what it shares with an earlier
 * one. */
static unsigned own_params(const onus_plan *p, int i)
{
    const onus_node *node = &p->net->nodes[i];
    unsigned own = p->call[i].trains;
    for (int k = 0; k < node->n_params; k++)
        if (node->owner[k]) own &= ~(1u << k);
    return own;
}

typedef struct {
    onus_plan *p;
    const onus_batch *b;
    int node, other; /* other: shares the node's parameter 0, with its own `shared` */
    unsigned own, shared;
} grad_job;

/* Both uses of a shared parameter, over a shard. They add within a micro-batch, so that a shard
 * of a call that holds several is cut as it would be alone. */
static void tied_grads(const grad_job *j, onus_grad_start start, int64_t begin, int64_t end,
                       float *grad)
{
    const int64_t part =
        j->b->n_shards > 1 ? onus_net_cut(j->p->net, end - begin) : end - begin;
    for (int64_t at = begin; at == begin || at < end; at += part) {
        const int64_t to = at + part < end ? at + part : end;
        part_grads(j->p, j->other, j->shared, at > begin ? ONUS_GRAD_GOES_ON : start, at, to,
                   grad);
        part_grads(j->p, j->node, 1, ONUS_GRAD_ADDS, at, to, grad);
    }
}

/* Gradient of a node over shards [s0, s1) into grad[0]; false, and nothing written, where they
 * have no examples. A parameter's two uses add within a shard. */
static bool shard_grads(const grad_job *j, int s0, int s1, float *const *grad)
{
    const onus_batch *b = j->b;
    if (s1 - s0 > 1) {
        const int middle = s0 + (s1 - s0) / 2;
        if (!shard_grads(j, s0, middle, grad)) return shard_grads(j, middle, s1, grad);
        if (shard_grads(j, middle, s1, grad + 1))
            add_grads(j->p, j->node, j->own, grad[0], grad[1]);
        return true;
    }
    const int64_t begin = b->n_shards > 0 ? b->shard[s0] : 0,
                  end = b->n_shards > 0 ? b->shard[s1] : b->B;
    if (begin == end && b->n_shards > 0) return false;
    const onus_grad_start start = b->goes_on ? ONUS_GRAD_GOES_ON : ONUS_GRAD_STARTS;
    const unsigned own = j->other ? j->own & ~1u : j->own;
    if (j->other) tied_grads(j, start, begin, end, grad[0]);
    if (own) part_grads(j->p, j->node, own, start, begin, end, grad[0]);
    return true;
}

static void node_grads(onus_plan *p, int i, const onus_batch *b, float *const *grad)
{
    grad_job j = {.p = p, .b = b, .node = i, .own = own_params(p, i)};
    if (!j.own) return;
    j.other = j.own & 1 ? onus_net_other_use(p->net, i) : 0;
    for (int k = 0; j.other && k < p->net->nodes[j.other].n_params; k++)
        if (p->net->nodes[j.other].owner[k] == i) j.shared |= 1u << k;
    shard_grads(&j, 0, b->n_shards > 0 ? b->n_shards : 1, grad);
}

/* Backward of one node; what stands in `extra` afterwards is added to the gradient that is
 * there. */
static void node_backward(onus_plan *p, int i)
{
    const onus_node *node = &p->net->nodes[i];
    onus_call *c = &p->call[i];
    bool wanted = node->op->flags & ONUS_OP_LOSS;
    for (int k = 0; k < node->n_in; k++) wanted = wanted || c->d_in[k];
    if (!wanted) return;
    const double start = now(p);
    node->op->backward.fn(c);
    for (int k = 0; k < node->n_in; k++) {
        if (!p->adds[i * ONUS_IN_MAX + k]) continue;
        onus_add_shared(p->ex, p->slots[p->grad_slot[node->in[k]]].data, p->extra[k],
                        c->B * (int64_t)floats_of(p->net, node->in[k]));
    }
    note(p, i, c, ONUS_PASS_BACKWARD, start);
}

void onus_plan_backward(onus_plan *p, const onus_batch *b, float *const *grad)
{
    for (int i = p->net->n_nodes - 1; i > 0; i--) {
        if (!p->runs[i] || !p->needs[i]) continue;
        set_batch(&p->call[i], b);
        if (grad) node_grads(p, i, b, grad);
        node_backward(p, i);
    }
}

/* ---- private training -------------------------------------------------------------------- */

void onus_plan_bounds(onus_plan *p, const onus_batch *b, onus_bound *bound)
{
    memset(bound, 0, (size_t)b->B * sizeof *bound);
    for (int i = 1; i < p->net->n_nodes; i++) {
        const onus_op *op = p->net->nodes[i].op;
        onus_call *c = &p->call[i];
        if (!p->runs[i] || !c->trains) continue;
        const double start = now(p);
        set_batch(c, b);
        onus_terms_bound(op, c, p->room, bound);
        const int other = c->trains & 1 ? onus_net_other_use(p->net, i) : 0;
        if (other) {
            set_batch(&p->call[other], b);
            onus_terms_bound_tied(op, c, p->net->nodes[other].op, &p->call[other], p->room,
                                  bound);
        }
        note(p, i, c, ONUS_PASS_BOUND, start);
    }
}

void onus_plan_sums(onus_plan *p, const onus_batch *b, const double *w, double grid,
                    double *sum)
{
    for (int i = 1; i < p->net->n_nodes; i++) {
        const onus_node *node = &p->net->nodes[i];
        onus_call *c = &p->call[i];
        double *of[ONUS_PARAM_MAX] = {NULL};
        if (!p->runs[i] || !c->trains) continue;
        const double start = now(p);
        set_batch(c, b);
        for (int k = 0; k < node->n_params; k++)
            of[k] = sum + p->net->tensors[node->tensor[k]].offset;
        onus_terms_sum(node->op, c, p->room, w, grid, of);
        note(p, i, c, ONUS_PASS_GRAD, start);
    }
}

const char *onus_plan_find_not_finite(onus_plan *p, const onus_batch *b)
{
    for (int i = 1; i < p->net->n_nodes; i++) {
        run_forward(p, b, i, i);
        const int64_t n = p->runs[i] ? b->B * (int64_t)floats_of(p->net, i) : 0;
        for (int64_t k = 0; k < n; k++) {
            if (!isfinite(p->call[i].out[k])) return p->net->nodes[i].name;
        }
    }
    return NULL;
}
