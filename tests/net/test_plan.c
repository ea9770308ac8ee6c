/* SPDX-License-Identifier: Apache-2.0
 * Goal: a plan computes what its graph says, in the memory it names, and allocates nothing
 * while it runs. Method: random graphs of the table's operations and of two more with two
 * inputs (declared here, so that values are read several times) run through a plan and through
 * plain code that gives every value and gradient a buffer of its own: the bits must be the
 * same, whatever shares memory. Private plans are held against single examples, memory against
 * a counting allocator. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/fail.h"
#include "failing_mem.h"
#include "net/graph.h"
#include "net/model.h"
#include "num/kernels.h"
#include "op/each.h"

/* ---- operations with two inputs
 * ------------------------------------------------------------------ */

static onus_status two_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                             onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in;
    if (onus_shape_numel(&in[0]) != onus_shape_numel(&in[1]))
        return onus_fail(err, ONUS_BAD_INPUT, "shapes differ");
    *out = in[0];
    return ONUS_OK;
}

static void sum_forward(onus_call *c)
{
    for (int64_t i = 0; i < onus_call_out(c); i++) c->out[i] = c->in[0][i] + c->in[1][i];
}

static void sum_backward(onus_call *c)
{
    const size_t bytes = (size_t)onus_call_out(c) * sizeof(float);
    if (c->d_in[1]) memcpy(c->d_in[1], c->d_out, bytes);
    if (c->d_in[0] && c->d_in[0] != c->d_out) memcpy(c->d_in[0], c->d_out, bytes);
}

static void product_forward(onus_call *c)
{
    for (int64_t i = 0; i < onus_call_out(c); i++) c->out[i] = c->in[0][i] * c->in[1][i];
}

static void product_backward(onus_call *c)
{
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; c->d_in[k] && i < onus_call_out(c); i++)
            c->d_in[k][i] = c->d_out[i] * c->in[1 - k][i];
}

static onus_cost no_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                         onus_pass pass)
{
    (void)attr, (void)in, (void)B, (void)pass;
    return (onus_cost){0};
}

static const onus_op op_sum =
    ONUS_OP_ROW("sum", "a + b", 2, 2, ONUS_OP_INPLACE, 0, NULL, 0, two_shape, onus_no_params,
                onus_no_rows, onus_no_bytes, onus_no_scratch, ONUS_CAN(sum_forward),
                ONUS_CAN(sum_backward), ONUS_CAN(onus_no_terms), ONUS_CAN(onus_no_grad),
                ONUS_REFUSES("not written for this test"), ONUS_CAN(no_cost));
static const onus_op op_product = ONUS_OP_ROW(
    "product", "a b", 2, 2, 0, ONUS_KEEPS_IN, NULL, 0, two_shape, onus_no_params, onus_no_rows,
    onus_no_bytes, onus_no_scratch, ONUS_CAN(product_forward), ONUS_CAN(product_backward),
    ONUS_REFUSES("a reason to be printed"), ONUS_CAN(onus_no_grad),
    ONUS_REFUSES("not written for this test"), ONUS_CAN(no_cost));

static int add_two(onus_net *net, const onus_op *op, const char *name, int a, int b)
{
    onus_node *node = &net->nodes[net->n_nodes];
    *node = (onus_node){.op = op, .name = name, .in = {a, b}, .n_in = 2};
    onus_shape in[ONUS_IN_MAX];
    onus_node_inputs(net, node, in);
    assert_int_equal(two_shape(NULL, in, 2, &node->shape, NULL), ONUS_OK);
    return net->n_nodes++;
}

/* ---- random graphs
 * --------------------------------------------------------------------------------- */

static uint64_t word(uint64_t *s)
{
    *s ^= *s >> 12, *s ^= *s << 25, *s ^= *s >> 27; /* Vigna 2016 */
    return *s * 2685821657736338717u;
}

static int add(onus_net *net, const char *op, int in, double units)
{
    char name[20];
    int out = -1;
    onus_err err;
    const onus_attr_value attr = {"units", units};
    snprintf(name, sizeof name, "n%d", net->n_nodes);
    if (onus_net_add(net, op, name, &in, 1, &attr, units > 0, &out, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    return out;
}

enum { WIDTH = 6, CLASSES = 3 };

/* Nodes of one width that read any earlier ones; all that nobody read are summed, then a
 * head. */
static onus_net *random_net(uint64_t seed, bool two_inputs, const onus_allocator *mem)
{
    static const char *const ops[] = {"relu", "tanh",    "gelu", "sigmoid",
                                      "bias", "dropout", "dense"};
    uint64_t s = seed * 7919 + 1;
    onus_net *net;
    const onus_shape in = {1, {5}};
    assert_int_equal(onus_net_create(&net, &in, mem, NULL), ONUS_OK);
    bool read[64] = {false};
    int last = add(net, "dense", 0, WIDTH);
    const int n = 3 + (int)(word(&s) % 12);
    for (int i = 0; i < n; i++) {
        const int a = two_inputs ? 1 + (int)(word(&s) % (uint64_t)last) : last;
        const int b = two_inputs ? 1 + (int)(word(&s) % (uint64_t)last) : last;
        const uint64_t kind = word(&s) % (two_inputs ? 11 : 7);
        read[a] = true;
        if (kind < 7) {
            last = add(net, ops[kind], a, kind == 6 ? WIDTH : 0);
            continue;
        }
        read[b] = true;
        last = add_two(net, kind < 9 ? &op_sum : &op_product, "two", a, b);
    }
    int all = last;
    for (int i = 1; i < last; i++)
        if (!read[i]) all = add_two(net, &op_sum, "two", all, i);
    const int logits = add(net, "dense", all, CLASSES);
    const int prediction = add(net, "softmax", logits, 0);
    const int loss = add(net, "softmax_cross_entropy", logits, 0);
    assert_int_equal(onus_net_seal(net, logits, prediction, loss, NULL), ONUS_OK);
    onus_net_init(net, seed);
    return net;
}

/* ---- a graph without a plan
 * -------------------------------------------------------------------------- */

typedef struct {
    onus_net *net;
    onus_exec ex;
    onus_arena arena;
    onus_call *call;
    float **out, **d_out;
    float *grad;
} plain;

static float *floats(onus_arena *a, int64_t n)
{
    float *p = onus_arena_alloc(a, (size_t)n + 1, sizeof *p);
    assert_non_null(p);
    return p;
}

static void plain_make(plain *g, onus_net *net, const onus_exec *ex, int64_t B)
{
    *g = (plain){.net = net, .ex = *ex};
    onus_arena_init(&g->arena, NULL);
    g->call = onus_arena_alloc(&g->arena, (size_t)net->n_nodes, sizeof *g->call);
    g->out = onus_arena_alloc(&g->arena, (size_t)net->n_nodes, sizeof *g->out);
    g->d_out = onus_arena_alloc(&g->arena, (size_t)net->n_nodes, sizeof *g->d_out);
    g->grad = floats(&g->arena, net->floats);
    for (int i = 0; i < net->n_nodes; i++) {
        const onus_node *node = &net->nodes[i];
        onus_call *c = &g->call[i];
        g->out[i] = floats(&g->arena, B * onus_shape_numel(&node->shape));
        if (!node->op) continue;
        *c = (onus_call){
            .ex = &g->ex, .attr = node->attr, .n_in = node->n_in, .node = (uint32_t)i};
        onus_node_inputs(net, node, c->in_shape);
        c->out_shape = node->shape;
        c->out = g->out[i];
        for (int k = 0; k < node->n_in; k++) c->in[k] = g->out[node->in[k]];
        for (int k = 0; k < node->n_params; k++) {
            c->param[k] = net->params + net->tensors[node->tensor[k]].offset;
            c->grad[k] = g->grad + net->tensors[node->tensor[k]].offset;
            c->trains |= 1u << k;
        }
        c->saved = onus_arena_alloc(&g->arena, node->op->saved(node->attr, c->in_shape, B), 1);
        c->scratch = onus_arena_alloc(&g->arena,
                                      node->op->scratch(&g->ex, node->attr, c->in_shape, B), 1);
    }
}

static void set_call(onus_call *c, const onus_batch *b)
{
    c->B = b->B, c->first = b->first, c->label = b->label, c->weight = b->weight;
    c->loss_scale = b->loss_scale, c->seed = b->seed, c->step = b->step,
    c->training = b->training;
}

static void plain_forward(plain *g, const onus_batch *b, const float *x)
{
    memcpy(g->out[0], x, (size_t)(b->B * onus_net_inputs(g->net)) * sizeof *x);
    for (int i = 1; i < g->net->n_nodes; i++) {
        set_call(&g->call[i], b);
        g->net->nodes[i].op->forward.fn(&g->call[i]);
    }
}

/* Gradients of a value that is read several times add, later readers first. */
static void plain_backward(plain *g, const onus_batch *b)
{
    memset(g->d_out, 0, (size_t)g->net->n_nodes * sizeof *g->d_out);
    for (int i = g->net->n_nodes - 1; i > 0; i--) {
        const onus_node *node = &g->net->nodes[i];
        onus_call *c = &g->call[i];
        if (i != g->net->loss && !g->d_out[i]) continue; /* not on the way to the loss */
        float *d_in[ONUS_IN_MAX];
        set_call(c, b);
        c->d_out = g->d_out[i];
        for (int k = 0; k < node->n_in; k++)
            c->d_in[k] = d_in[k] = floats(&g->arena, c->B * onus_shape_numel(&c->in_shape[k]));
        if (node->n_params) node->op->weighted_grad.fn(c);
        node->op->backward.fn(c);
        for (int k = 0; k < node->n_in; k++) {
            float **sum = &g->d_out[node->in[k]];
            for (int64_t e = 0; *sum && e < c->B * onus_shape_numel(&c->in_shape[k]); e++)
                (*sum)[e] += d_in[k][e];
            if (!*sum) *sum = d_in[k];
        }
    }
}

/* ---- plans compute what graphs say
 * --------------------------------------------------------------------- */

typedef struct {
    float x[300 * 5], label[300], weight[300];
    onus_batch batch;
} data;

static void data_make(data *d, int64_t B, uint64_t seed)
{
    uint64_t s = seed + 99;
    for (int64_t i = 0; i < B * 5; i++)
        d->x[i] = (float)((int64_t)(word(&s) >> 40) - (1 << 23)) * 0x1p-22f;
    for (int64_t b = 0; b < B; b++) {
        d->label[b] = (float)(word(&s) % CLASSES);
        d->weight[b] = (float)(word(&s) % 5) * 0.5f;
    }
    d->batch = (onus_batch){.B = B,
                            .first = 40,
                            .label = d->label,
                            .weight = d->weight,
                            .loss_scale = 0.25f,
                            .seed = 5,
                            .step = 2,
                            .training = true};
}

static void give(onus_plan *p, const data *d, int64_t from, int64_t n)
{
    memcpy(onus_plan_input(p), d->x + from * 5, (size_t)(n * 5) * sizeof(float));
}

static void check_graph(uint64_t seed, int64_t B, bool two_inputs)
{
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    static data d;
    plain g;
    onus_plan *p;
    onus_net *net = random_net(seed, two_inputs, NULL);
    data_make(&d, B, seed);
    plain_make(&g, net, &ex, B);
    plain_forward(&g, &d.batch, d.x);
    plain_backward(&g, &d.batch);
    float *grad = calloc((size_t)net->floats, sizeof *grad);
    assert_int_equal(onus_plan_create(&p, net, &ex, ONUS_PLAN_TRAIN, B, NULL, NULL), ONUS_OK);
    for (int again = 0; again < 2; again++) { /* nothing of the first run stays */
        give(p, &d, 0, B);
        onus_plan_forward(p, &d.batch);
        assert_memory_equal(onus_plan_logits(p), g.out[net->logits],
                            (size_t)(B * CLASSES) * sizeof(float));
        onus_plan_backward(p, &d.batch, &grad);
        assert_memory_equal(onus_plan_losses(p), g.out[net->loss], (size_t)B * sizeof(float));
        assert_memory_equal(grad, g.grad, (size_t)net->floats * sizeof *grad);
    }
    onus_plan_destroy(p);
    /* prediction: no dropout */
    onus_batch quiet = {.B = B};
    plain_forward(&g, &(onus_batch){.B = B, .label = d.label}, d.x);
    assert_int_equal(onus_plan_create(&p, net, &ex, ONUS_PLAN_PREDICT, B, NULL, NULL), ONUS_OK);
    give(p, &d, 0, B);
    onus_plan_forward(p, &quiet);
    assert_memory_equal(onus_plan_prediction(p), g.out[net->prediction],
                        (size_t)(B * CLASSES) * sizeof(float));
    assert_memory_equal(onus_plan_logits(p), g.out[net->logits],
                        (size_t)(B * CLASSES) * sizeof(float));
    onus_plan_destroy(p);
    free(grad);
    onus_arena_release(&g.arena);
    onus_net_destroy(net);
}

static void plans_compute_what_graphs_say(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        check_graph(seed, 1 + (int64_t)(seed % 7), true);
        check_graph(seed, 1 + (int64_t)(seed % 7), false);
    }
    check_graph(1000, 300, true);
}

/* ---- one set of bits
 * ------------------------------------------------------------------------------------ */

typedef struct {
    float logits[300 * CLASSES];
    onus_bound bound[300];
    double sum[4096];
} results;

#define CLIP 0.1
static void run_private(onus_net *net, const onus_exec *ex, const data *d, results *r)
{
    onus_plan *p;
    assert_int_equal(onus_plan_create(&p, net, ex, ONUS_PLAN_PRIVATE, 300, NULL, NULL),
                     ONUS_OK);
    give(p, d, 0, d->batch.B);
    onus_plan_forward(p, &d->batch);
    memset(r, 0, sizeof *r);
    memcpy(r->logits, onus_plan_logits(p), (size_t)d->batch.B * CLASSES * sizeof(float));
    onus_plan_backward(p, &d->batch, NULL);
    onus_plan_bounds(p, &d->batch, r->bound);
    assert_true(net->floats <= 4096);
    double w[300];
    for (int64_t b = 0; b < d->batch.B; b++) w[b] = onus_bound_weight(&r->bound[b], CLIP);
    onus_plan_sums(p, &d->batch, w, 0x1p-36, r->sum);
    onus_plan_destroy(p);
}

static void bits_do_not_depend_on_the_machine(void **state)
{
    (void)state;
    static data d;
    static results want, got;
    onus_net *net = random_net(11, false, NULL);
    data_make(&d, 300, 11);
    const onus_exec ref = {.k = onus_kernels_of(ONUS_ISA_REF)};
    run_private(net, &ref, &d, &want);
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
        onus_exec ex = {.k = onus_kernels_of((onus_isa)isa)};
        print_message("plans on %s: %s\n", onus_isa_name((onus_isa)isa),
                      ex.k ? "ran" : "not proven on this machine");
        for (int t = 1; ex.k && t <= 3; t++) {
            assert_int_equal(onus_pool_create(&ex.pool, t, NULL, NULL), ONUS_OK);
            run_private(net, &ex, &d, &got);
            assert_memory_equal(&got, &want, sizeof want);
            onus_pool_destroy(ex.pool);
        }
    }
    onus_net_destroy(net);
}

/* Prediction, training and any cut into micro-batches give the same logits, dropout included: a
 * draw belongs to a place in the logical batch. */
static void micro_batches_change_nothing(void **state)
{
    (void)state;
    static const int64_t cuts[] = {0, 1, 8, 40};
    static data d;
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    onus_net *net = random_net(21, false, NULL);
    data_make(&d, 40, 21);
    for (int training = 0; training < 2; training++) {
        float want[40 * CLASSES];
        onus_plan *p;
        onus_batch b = d.batch;
        b.training = training;
        assert_int_equal(onus_plan_create(&p, net, &ex, ONUS_PLAN_TRAIN, 40, NULL, NULL),
                         ONUS_OK);
        give(p, &d, 0, 40);
        onus_plan_forward(p, &b);
        memcpy(want, onus_plan_logits(p), sizeof want);
        onus_plan_destroy(p);
        for (int mode = ONUS_PLAN_PREDICT; mode <= ONUS_PLAN_PRIVATE; mode++) {
            assert_int_equal(
                onus_plan_create(&p, net, &ex, (onus_plan_mode)mode, 32, NULL, NULL), ONUS_OK);
            for (int c = 0; c < 3; c++) {
                const int64_t n = cuts[c + 1] - cuts[c];
                give(p, &d, cuts[c], n);
                b.B = n;
                b.first = d.batch.first + cuts[c];
                b.label = d.label + cuts[c];
                onus_plan_forward(p, &b);
                assert_memory_equal(onus_plan_logits(p), want + cuts[c] * CLASSES,
                                    (size_t)(n * CLASSES) * sizeof(float));
            }
            onus_plan_destroy(p);
        }
    }
    onus_net_destroy(net);
}

/* ---- private plans
 * ------------------------------------------------------------------------------------------ */

/* Bounds and weighted sums against the gradient of every example alone. */
static void private_plans_see_single_examples(void **state)
{
    (void)state;
    enum { B = 9 };
    static data d;
    static results r;
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    onus_net *net = random_net(33, false, NULL);
    data_make(&d, B, 33);
    d.batch.weight = NULL;
    run_private(net, &ex, &d, &r);
    onus_plan *p;
    double sum[4096] = {0};
    float grad[4096] = {0};
    assert_int_equal(onus_plan_create(&p, net, &ex, ONUS_PLAN_TRAIN, 1, NULL, NULL), ONUS_OK);
    for (int b = 0; b < B; b++) {
        onus_batch one = d.batch;
        one.B = 1;
        one.first += b;
        one.label += b;
        give(p, &d, b, 1);
        onus_plan_forward(p, &one);
        onus_plan_backward(p, &one, (float *[]){grad});
        double norm2 = 0;
        for (int64_t i = 0; i < net->floats; i++) {
            norm2 += (double)grad[i] * (double)grad[i];
            sum[i] += onus_bound_weight(&r.bound[b], CLIP) * (double)grad[i];
        }
        const double norm = onus_bound_norm(&r.bound[b]);
        assert_true(norm >= sqrt(norm2) * (1 - 1e-5) && norm <= sqrt(norm2) * 1.001);
    }
    for (int64_t i = 0; i < net->floats; i++)
        assert_float_equal(r.sum[i], sum[i], 1e-6 * (1 + fabs(sum[i])));
    onus_plan_destroy(p);
    onus_net_destroy(net);
}

static void an_empty_sample_is_no_gradient(void **state)
{
    (void)state;
    static data d;
    static results r;
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
        const onus_exec ex = {.k = onus_kernels_of((onus_isa)isa)};
        if (!ex.k) continue;
        onus_net *net = random_net(33, false, NULL);
        data_make(&d, 0, 33);
        run_private(net, &ex, &d, &r);
        for (int64_t i = 0; i < net->floats; i++)
            assert_true(r.sum[i] == 0 && !signbit(r.sum[i]));
        onus_net_destroy(net);
    }
}

/* A net whose row refuses is refused with node, operation and reason. */
static void refusals_are_named(void **state)
{
    (void)state;
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    const onus_shape in = {1, {4}};
    onus_net *net;
    onus_plan *p = NULL;
    onus_err err;
    assert_int_equal(onus_net_create(&net, &in, NULL, NULL), ONUS_OK);
    const int a = add(net, "dense", 0, 4);
    const int s = add(net, "softmax", a, 0);
    const int two = add_two(net, &op_product, "gate", s, a);
    const int loss = add(net, "softmax_cross_entropy", two, 0);
    assert_int_equal(onus_net_seal(net, two, two, loss, NULL), ONUS_OK);
    assert_int_equal(onus_net_can_private(net, &err), ONUS_REFUSED);
    assert_non_null(strstr(err.msg, "gate"));
    assert_non_null(strstr(err.msg, "product"));
    assert_non_null(strstr(err.msg, "a reason to be printed"));
    assert_int_equal(onus_plan_create(&p, net, &ex, ONUS_PLAN_PRIVATE, 4, NULL, &err),
                     ONUS_REFUSED);
    assert_null(p);
    assert_int_equal(onus_net_can_relevance(net, ONUS_SHARE_LOGITS, &err), ONUS_REFUSED);
    assert_non_null(strstr(err.msg, "softmax"));
    assert_non_null(strstr(err.msg, "explain the logits"));
    onus_net_destroy(net);
    net = random_net(3, false, NULL);
    assert_int_equal(onus_net_can_private(net, &err), ONUS_OK);
    onus_net_destroy(net);
}

/* ---- memory
 * ----------------------------------------------------------------------------------------------------
 */

static onus_net *deep(int n_layers, int width)
{
    onus_net *net;
    const onus_shape in = {1, {width}};
    int last = 0;
    assert_int_equal(onus_net_create(&net, &in, NULL, NULL), ONUS_OK);
    for (int i = 0; i < n_layers; i++)
        last = add(net, "relu", add(net, "dense", last, width), 0);
    last = add(net, "dense", last, 2);
    const int loss = add(net, "softmax_cross_entropy", last, 0);
    assert_int_equal(onus_net_seal(net, last, last, loss, NULL), ONUS_OK);
    return net;
}

/* Bytes named are bytes taken (the arena rounds its blocks up), and a run takes none. */
static void plans_take_what_they_name(void **state)
{
    (void)state;
    static data d;
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    onus_net *net = random_net(55, false, NULL);
    data_make(&d, 64, 55);
    for (int mode = ONUS_PLAN_PREDICT; mode <= ONUS_PLAN_PRIVATE; mode++) {
        failing_mem m = {0};
        const onus_allocator mem = failing_mem_allocator(&m);
        onus_plan *p;
        assert_int_equal(onus_plan_create(&p, net, &ex, (onus_plan_mode)mode, 64, &mem, NULL),
                         0);
        assert_true(onus_plan_bytes(p) <= m.live_bytes);
        assert_true(m.live_bytes <= onus_plan_bytes(p) + 20000); /* a block of tables */
        const long calls = m.calls;
        float *grad = calloc((size_t)net->floats, sizeof *grad);
        double *sum = calloc((size_t)net->floats, sizeof *sum), w[64] = {0};
        onus_bound bound[64];
        give(p, &d, 0, 64);
        onus_plan_forward(p, &d.batch);
        if (mode != ONUS_PLAN_PREDICT) onus_plan_backward(p, &d.batch, &grad);
        if (mode == ONUS_PLAN_PRIVATE) {
            onus_plan_bounds(p, &d.batch, bound);
            w[3] = w[7] = 1e-3;
            onus_plan_sums(p, &d.batch, w, 0x1p-36, sum);
        }
        assert_int_equal(m.calls, calls);
        free(grad);
        free(sum);
        onus_plan_destroy(p);
        assert_int_equal(m.live, 0);
    }
    onus_net_destroy(net);
}

/* By hand, floats an example: prediction needs the input and two layers whatever the depth;
 * training the input, one output a layer (relu stands over dense) and two gradients. */
static void depth_costs_what_it_must(void **state)
{
    (void)state;
    enum { B = 512, WIDE = 64 };
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    const size_t layer = (size_t)B * WIDE * sizeof(float);
    for (int n = 4; n <= 16; n += 6) {
        onus_net *net = deep(n, WIDE);
        onus_plan *p;
        assert_int_equal(onus_plan_create(&p, net, &ex, ONUS_PLAN_PREDICT, B, NULL, NULL), 0);
        const size_t predict = onus_plan_bytes(p);
        onus_plan_destroy(p);
        assert_int_equal(onus_plan_create(&p, net, &ex, ONUS_PLAN_TRAIN, B, NULL, NULL), 0);
        const size_t train = onus_plan_bytes(p);
        onus_plan_destroy(p);
        const size_t beside = 4 * layer; /* tables of nodes, scratch of a product, classes */
        assert_true(predict >= 3 * layer && predict <= 3 * layer + beside);
        assert_true(train >= (size_t)(n + 3) * layer &&
                    train <= (size_t)(n + 3) * layer + beside);
        onus_net_destroy(net);
    }
}

/* What is measured is what the table's cost column adds up to; the bits stay; a plan that
 * nobody asks adds nothing. */
static void what_is_spent_is_what_the_table_counts(void **state)
{
    (void)state;
    enum { B = 8, WIDE = 64, LAYERS = 3 };
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    onus_net *net = deep(LAYERS, WIDE);
    onus_plan *p;
    onus_spent spent[2 * LAYERS + 3][ONUS_PASSES] = {0}, kept[2 * LAYERS + 3][ONUS_PASSES];
    const float label[B] = {0};
    const onus_batch b = {.B = B, .label = label, .loss_scale = 0.125f, .training = true};
    float *grad[2];
    for (int i = 0; i < 2; i++)
        assert_non_null(grad[i] = calloc((size_t)net->floats, sizeof(float)));
    onus_net_init(net, 3);
    assert_int_equal(onus_net_nodes(net), 2 * LAYERS + 3);
    assert_string_equal(onus_net_node_op(net, 1), "dense");
    assert_int_equal(onus_plan_create(&p, net, &ex, ONUS_PLAN_TRAIN, B, NULL, NULL), 0);
    for (int round = 0; round < 2; round++) {
        onus_plan_measure(p, round ? NULL : spent[0]);
        for (int i = 0; i < B * WIDE; i++) onus_plan_input(p)[i] = (float)(i % 7) - 3;
        onus_plan_forward(p, &b);
        onus_plan_backward(p, &b, &grad[round]);
        if (!round) memcpy(kept, spent, sizeof kept);
    }
    assert_memory_equal(grad[0], grad[1], (size_t)net->floats * sizeof(float));
    assert_memory_equal(kept, spent, sizeof kept);
    onus_cost sum = {0};
    for (int i = 1; i < 2 * LAYERS + 3; i++) {
        for (int pass = 0; pass < ONUS_PASSES; pass++) {
            assert_true(spent[i][pass].seconds >= 0);
            sum.multiply_adds += spent[i][pass].cost.multiply_adds;
            sum.bytes += spent[i][pass].cost.bytes;
        }
    }
    const onus_cost all = onus_net_cost(net, B, true, false);
    assert_float_equal(sum.multiply_adds, all.multiply_adds, 1e-9 * all.multiply_adds);
    assert_float_equal(sum.bytes, all.bytes, 1e-9 * all.bytes);
    onus_plan_destroy(p);
    for (int i = 0; i < 2; i++) free(grad[i]);
    onus_net_destroy(net);
}

static void sizes_out_of_range_are_refused(void **state)
{
    (void)state;
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    onus_net *net = deep(2, 8);
    onus_plan *p = NULL;
    onus_err err;
    static const int64_t bad[] = {0, -1, INT64_MIN, INT64_MAX, INT64_C(1) << 40};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(onus_plan_create(&p, net, &ex, ONUS_PLAN_TRAIN, bad[i], NULL, &err),
                         ONUS_BAD_ARG);
        assert_non_null(strstr(err.msg, "batch"));
    }
    failing_mem m = {.most = 1 << 30};
    const onus_allocator mem = failing_mem_allocator(&m);
    assert_int_equal(onus_plan_create(&p, net, &ex, ONUS_PLAN_TRAIN, 1 << 29, &mem, &err),
                     ONUS_NO_MEM);
    assert_null(p);
    assert_int_equal(m.live, 0);
    onus_net_destroy(net);
}

static onus_status make_plans(const onus_allocator *mem, void *ctx, onus_err *err)
{
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    onus_status st = ONUS_OK;
    for (int mode = ONUS_PLAN_PREDICT; st == ONUS_OK && mode <= ONUS_PLAN_PRIVATE; mode++) {
        onus_plan *p;
        st = onus_plan_create(&p, ctx, &ex, (onus_plan_mode)mode, 100, mem, err);
        if (st == ONUS_OK) onus_plan_destroy(p);
    }
    return st;
}

static void plans_survive_the_end_of_memory(void **state)
{
    (void)state;
    onus_net *net = random_net(77, false, NULL);
    failing_mem_walk("plans", make_plans, net);
    onus_net_destroy(net);
    onus_plan_destroy(NULL);
}

/* ---- entries
 * ------------------------------------------------------------------------------------------------------
 */

/* First layer, then the rest, is the whole; and the rest may start from other numbers. */
static void the_first_layer_can_run_alone(void **state)
{
    (void)state;
    enum { B = 5 };
    static data d;
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    onus_net *net = random_net(13, false, NULL);
    const onus_batch b = {.B = B};
    onus_plan *p;
    float want[B * CLASSES];
    const float *W, *bias;
    int64_t n_out;
    data_make(&d, B, 1);
    assert_int_equal(onus_plan_create(&p, net, &ex, ONUS_PLAN_PREDICT, B, NULL, NULL), ONUS_OK);
    give(p, &d, 0, B);
    onus_plan_forward(p, &b);
    memcpy(want, onus_plan_prediction(p), sizeof want);
    onus_net_first_dense(net, &W, &bias, &n_out);
    assert_int_equal(n_out, WIDTH);
    assert_non_null(W);
    assert_non_null(bias);
    give(p, &d, 0, B);
    onus_plan_forward_first(p, &b);
    float first[B * WIDTH];
    memcpy(first, onus_plan_first_output(p), sizeof first);
    for (int e = 0; e < B; e++) /* W x + b, by the public pointers */
        for (int u = 0; u < WIDTH; u++) {
            float chain = 0;
            for (int i = 0; i < 5; i++) chain = fmaf(d.x[e * 5 + i], W[u * 5 + i], chain);
            assert_true(first[e * WIDTH + u] == chain + bias[u]);
        }
    memcpy(onus_plan_first_output(p), first, sizeof first);
    onus_plan_forward_tail(p, B);
    assert_memory_equal(onus_plan_prediction(p), want, sizeof want);
    onus_plan_destroy(p);
    onus_net_destroy(net);
}

static void the_first_bad_node_is_named(void **state)
{
    (void)state;
    static data d;
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    onus_net *net = deep(3, 5);
    onus_plan *p;
    onus_net_init(net, 1);
    data_make(&d, 4, 1);
    for (int b = 0; b < 4; b++) d.label[b] = (float)(b % 2);
    assert_int_equal(onus_plan_create(&p, net, &ex, ONUS_PLAN_TRAIN, 4, NULL, NULL), ONUS_OK);
    give(p, &d, 0, 4);
    onus_plan_forward(p, &d.batch);
    assert_null(onus_plan_find_not_finite(p, &d.batch));
    const onus_tensor *second =
        onus_net_tensor(net, 3); /* n1.bias, n1.weight, n3.bias, n3.weight */
    assert_string_equal(second->name, "n3.weight");
    onus_net_params(net)[second->offset] = INFINITY;
    onus_plan_forward(p, &d.batch);
    assert_string_equal(onus_plan_find_not_finite(p, &d.batch), "n3");
    onus_plan_destroy(p);
    onus_net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_compute_what_graphs_say),
        cmocka_unit_test(bits_do_not_depend_on_the_machine),
        cmocka_unit_test(micro_batches_change_nothing),
        cmocka_unit_test(private_plans_see_single_examples),
        cmocka_unit_test(an_empty_sample_is_no_gradient),
        cmocka_unit_test(refusals_are_named),
        cmocka_unit_test(plans_take_what_they_name),
        cmocka_unit_test(depth_costs_what_it_must),
        cmocka_unit_test(what_is_spent_is_what_the_table_counts),
        cmocka_unit_test(sizes_out_of_range_are_refused),
        cmocka_unit_test(plans_survive_the_end_of_memory),
        cmocka_unit_test(the_first_layer_can_run_alone),
        cmocka_unit_test(the_first_bad_node_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
