/* SPDX-License-Identifier: Apache-2.0
 * net_bench.c - whole training steps of nets on made-up data: forward, backward, update.
 *
 *   net_bench CASE REPS [nodes]  the best of REPS steps after one that is not counted; JSON:
 *                           seconds and examples a second; share: of the peak of multiply-adds
 *                           that all threads reach here; nodes: where the time of all steps
 *                           went, on stderr
 *
 * Threads and instruction set as everywhere (ONUS_THREADS, ONUS_ISA). Exit status: 0, or 1 with
 * a line on stderr.
 *
 * CHECKLIST: a case is a row of `cases`, with a function that adds its nodes or a family's
 * name and settings. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/hash.h"
#include "net/model.h"
#include "num/noise.h"
#include "num/philox.h"
#include "peak.h"
#include "train/optimiser.h"

static void die(const char *what, const onus_err *err)
{
    fprintf(stderr, "net_bench: %s: %s\n", what, err->msg);
    exit(1);
}

static int add(onus_net *net, const char *op, const char *name, const int *in, int n_in,
               const onus_attr_value *attrs, int n_attrs)
{
    onus_err err;
    int node;
    if (onus_net_add(net, op, name, in, n_in, attrs, n_attrs, &node, &err) != ONUS_OK)
        die(op, &err);
    return node;
}

typedef struct {
    const char *name, *cell; /* cell: for the recurrent ones */
    onus_shape input;
    int64_t batch;
    int64_t ids; /* > 0: the input is tokens below it; else normal numbers */
    int64_t classes;
    void (*build)(onus_net *net, const void *of, int *logits, int *loss);
    /* a family instead of `build` */
    const char *kind, *family, *settings;
    bool is_private;
    onus_optimiser optimiser;
} net_case;

/* ---- nets -------------------------------------------------------------------------------- */

/* Two layers of 256 over words of 128, the last position, two classes: as lstm_torch.py. */
static void recurrent(onus_net *net, const void *of, int *logits, int *loss)
{
    const net_case *c = of;
    const onus_attr_value rows[] = {{"rows", (double)c->ids}, {"width", 128}},
                          hidden[] = {{"hidden", 256}}, units[] = {{"units", 2}};
    const int tokens = 0;
    int x = add(net, "embedding", "embedding", &tokens, 1, rows, 2);
    for (int layer = 0; layer < 2; layer++) {
        const int in[] = {x, tokens};
        x = add(net, c->cell, layer ? "layer1" : "layer0", in, 2, hidden, 1);
    }
    const int last[] = {x, tokens};
    x = add(net, "last_token", "last", last, 2, NULL, 0);
    *logits = add(net, "dense", "linear", &x, 1, units, 1);
    *loss = add(net, "softmax_cross_entropy", "loss", logits, 1, NULL, 0);
}

#define GPT2                                                                            \
    .batch = 4, .ids = 50257, .classes = 50257, .kind = "decoder", .family = "gpt2",    \
    .settings = "{\"layers\": 12, \"width\": 768, \"heads\": 12, \"positions\": 1024}", \
    .optimiser = ONUS_OPT_ADAMW

static const net_case cases[] = {
    {"lstm", "lstm", {1, {100}}, 32, 20000, 2, recurrent},
    {"gru", "gru", {1, {100}}, 32, 20000, 2, recurrent},
    {"gpt2_64", NULL, {1, {64}}, GPT2},
    {"gpt2_256", NULL, {1, {256}}, GPT2},
    {"gpt2_64_private", NULL, {1, {64}}, GPT2, .is_private = true},
    {"resnet18",
     NULL,
     {3, {3, 32, 32}},
     64,
     0,
     10,
     NULL,
     "cnn",
     "resnet18",
     "{\"stem\": \"small\"}",
     false,
     ONUS_OPT_MOMENTUM},
};

/* ---- a step ------------------------------------------------------------------------------ */

typedef struct {
    onus_net *net;
    onus_plan *plan;
    onus_optimiser_state adam;
    float *grad;
    double *sum, *weight;
    onus_bound *bound;
    onus_noise_key key;
    float *input, *label; /* of the whole batch */
    int64_t cut;          /* examples of a micro-batch */
    onus_batch batch;
    onus_spent *spent;
} trainer;

enum { FORWARD, BACKWARD, NOISE, UPDATE, N_PARTS };

/* From the arena, as the trainer's blocks are: large ones lie on large pages. */
static void *zeros(onus_arena *arena, int64_t n, size_t size)
{
    void *p = onus_arena_alloc(arena, (size_t)n, size);
    if (!p) {
        fprintf(stderr, "net_bench: out of memory\n");
        exit(1);
    }
    return p;
}

static void fill(const net_case *c, trainer *t, onus_arena *arena)
{
    const onus_stream s = {.seed = 3, .purpose = ONUS_DRAW_INIT};
    const int64_t n = c->batch * onus_net_inputs(t->net),
                  m = c->batch * onus_net_labels(t->net);
    t->input = zeros(arena, n, sizeof *t->input);
    t->label = zeros(arena, m, sizeof *t->label);
    if (c->ids) {
        onus_stream_uniform(&s, 0, n, t->input);
        for (int64_t i = 0; i < n; i++) t->input[i] = floorf(t->input[i] * (float)c->ids);
    } else {
        onus_stream_normal(&s, 0, n, 0, 1, t->input);
    }
    for (int64_t i = 0; i < m; i++) t->label[i] = (float)(i % c->classes);
}

static void build_net(trainer *t, const net_case *c)
{
    onus_err err;
    int logits, loss;
    if (c->build) {
        if (onus_net_create(&t->net, &c->input, NULL, &err) != ONUS_OK) die(c->name, &err);
        c->build(t->net, c, &logits, &loss);
        if (onus_net_seal(t->net, logits, logits, loss, &err) != ONUS_OK) die(c->name, &err);
        return;
    }
    const onus_model_spec spec = {.kind = c->kind, .name = c->family, .settings = c->settings};
    const onus_model_io io = {.input = c->input,
                              .vocabulary = c->ids,
                              .head = c->ids ? ONUS_HEAD_TOKENS : ONUS_HEAD_CLASSES,
                              .classes = c->classes};
    if (onus_model_build(&t->net, &spec, &io, NULL, &err) != ONUS_OK) die(c->name, &err);
}

#define CLIP 1.0
#define GRID 0x1p-32
/* Micro-batches as the trainer cuts them. */
static void make(trainer *t, const net_case *c, const onus_exec *ex, onus_arena *arena)
{
    static onus_train_spec spec;
    spec = (onus_train_spec){.optimiser = c->optimiser,
                             .momentum = 0.9,
                             .beta1 = 0.9,
                             .beta2 = 0.999,
                             .eps = 1e-8,
                             .weight_decay = 0.01};
    onus_err err;
    *t = (trainer){.net = NULL};
    build_net(t, c);
    onus_net_init(t->net, 1);
    t->cut = onus_net_coupled(t->net) ? c->batch : onus_net_cut(t->net, c->batch);
    if (onus_plan_create(&t->plan, t->net, ex,
                         c->is_private ? ONUS_PLAN_PRIVATE : ONUS_PLAN_TRAIN, t->cut, NULL,
                         &err) != ONUS_OK ||
        onus_optimiser_init(&t->adam, &spec, t->net, ex, arena, &err) != ONUS_OK)
        die(c->name, &err);
    if (c->is_private) {
        t->sum = zeros(arena, onus_net_param_floats(t->net), sizeof *t->sum);
        t->bound = zeros(arena, t->cut, sizeof *t->bound);
        t->weight = zeros(arena, t->cut, sizeof *t->weight);
    } else {
        t->grad = zeros(arena, onus_net_param_floats(t->net), sizeof *t->grad);
    }
    t->spent = zeros(arena, onus_net_nodes(t->net) * ONUS_PASSES, sizeof *t->spent);
    memset(t->key.key, 7, sizeof t->key.key);
    fill(c, t, arena);
    const double n = c->is_private ? 1 : (double)(c->batch * onus_net_labels(t->net));
    t->batch = (onus_batch){.loss_scale = (float)(1 / n), .training = true};
}

/* Seconds of the parts of a micro-batch: forward, and all that makes gradients. */
static void micro_step(trainer *t, const net_case *c, int64_t first, double took[N_PARTS])
{
    float *grads[1] = {t->grad};
    onus_batch *b = &t->batch;
    const int64_t in = onus_net_inputs(t->net);
    b->B = c->batch - first < t->cut ? c->batch - first : t->cut;
    b->first = first;
    b->label = t->label + first * onus_net_labels(t->net);
    b->goes_on = first > 0;
    memcpy(onus_plan_input(t->plan), t->input + first * in,
           (size_t)(b->B * in) * sizeof(float));
    const double start = bench_now_s();
    onus_plan_forward(t->plan, b);
    const double there = bench_now_s();
    onus_plan_backward(t->plan, b, c->is_private ? NULL : grads);
    if (c->is_private) {
        onus_plan_bounds(t->plan, b, t->bound);
        for (int64_t i = 0; i < b->B; i++) t->weight[i] = onus_bound_weight(&t->bound[i], CLIP);
        onus_plan_sums(t->plan, b, t->weight, GRID, t->sum);
    }
    took[FORWARD] += there - start;
    took[BACKWARD] += bench_now_s() - there;
}

static void step(trainer *t, const net_case *c, double took[N_PARTS])
{
    memset(took, 0, N_PARTS * sizeof *took);
    if (c->is_private)
        memset(t->sum, 0, (size_t)onus_net_param_floats(t->net) * sizeof *t->sum);
    for (int64_t first = 0; first < c->batch; first += t->cut) micro_step(t, c, first, took);
    const double start = bench_now_s();
    for (int i = 0; c->is_private && i < onus_net_tensors(t->net); i++) {
        const onus_tensor *x = onus_net_tensor(t->net, i);
        if (onus_noise_grid(t->adam.ex, &t->key, t->batch.step, (uint32_t)i, CLIP, GRID,
                            onus_noise_dither_bits(CLIP, GRID), t->sum + x->offset, x->n,
                            NULL) != ONUS_OK)
            exit(1);
    }
    const double noisy = bench_now_s();
    onus_optimiser_step(&t->adam, &(onus_gradient){t->grad, t->sum, (double)c->batch}, 1e-5);
    took[NOISE] = noisy - start;
    took[UPDATE] = bench_now_s() - noisy;
    t->batch.step++;
}

/* ---- what is said ------------------------------------------------------------------------ */

static void print_nodes(const trainer *t, int reps)
{
    static const char *const passes[] = {"forward", "backward", "gradient", "norm"};
    for (int i = 1; i < onus_net_nodes(t->net); i++) {
        for (int k = 0; k < ONUS_PASSES; k++) {
            const onus_spent *s = &t->spent[i * ONUS_PASSES + k];
            if (s->seconds > 0)
                fprintf(stderr, "%10.3f ms %8.1f GFLOP/s %7.2f GB/s  %-8s %-22s %s\n",
                        1e3 * s->seconds / reps, 2e-9 * s->cost.multiply_adds / s->seconds,
                        1e-9 * s->cost.bytes / s->seconds, passes[k],
                        onus_net_node_op(t->net, i), onus_net_node_name(t->net, i));
        }
    }
}

static void bench(const net_case *c, const onus_exec *ex, onus_isa isa, int reps, bool nodes)
{
    trainer t;
    onus_arena arena;
    double best_s = INFINITY, best[N_PARTS] = {0}, took[N_PARTS];
    struct rusage usage;
    onus_arena_init(&arena, NULL);
    make(&t, c, ex, &arena);
    step(&t, c, took);
    if (nodes) onus_plan_measure(t.plan, t.spent);
    for (int r = 0; r < reps; r++) {
        step(&t, c, took);
        double sum = 0;
        for (int k = 0; k < N_PARTS; k++) sum += took[k];
        if (sum >= best_s) continue;
        best_s = sum;
        memcpy(best, took, sizeof took);
    }
    if (nodes) print_nodes(&t, reps);
    getrusage(RUSAGE_SELF, &usage);
    const double gflop =
                     2e-9 * onus_net_cost(t.net, c->batch, true, c->is_private).multiply_adds,
                 peak = bench_peak_gflops(ex->pool, isa),
                 updated = (c->optimiser == ONUS_OPT_MOMENTUM ? 20e-9 : 28e-9) *
                           (double)onus_net_param_count(t.net);
    printf("{\"case\": \"%s\", \"isa\": \"%s\", \"threads\": %d, \"batch\": %lld, \"seconds\": "
           "%.6f, \"examples_per_s\": %.2f, \"forward\": %.6f, \"backward\": %.6f, \"noise\": "
           "%.6f, \"update\": %.6f, \"update_gb_s\": %.2f, \"gflop\": %.4f, \"gflops\": %.1f, "
           "\"peak\": %.1f, \"share\": %.4f, \"plan_mb\": %.1f, \"maxrss_mb\": %.1f, \"loss\": "
           "%.4f}\n",
           c->name, onus_isa_name(isa), onus_pool_size(ex->pool), (long long)c->batch, best_s,
           (double)c->batch / best_s, best[FORWARD], best[BACKWARD], best[NOISE], best[UPDATE],
           updated / best[UPDATE], gflop, gflop / best_s, peak, gflop / best_s / peak,
           1e-6 * (double)onus_plan_bytes(t.plan), (double)usage.ru_maxrss / 1024,
           (double)onus_plan_losses(t.plan)[0]);
    onus_plan_destroy(t.plan);
    onus_net_destroy(t.net);
    onus_arena_release(&arena);
}

int main(int argc, char **argv)
{
    onus_err err;
    onus_isa isa = ONUS_ISA_REF;
    int threads = 1;
    onus_exec ex = {.pool = NULL};
    const int reps = argc >= 3 ? atoi(argv[2]) : 0;
    const bool nodes = argc == 4 && strcmp(argv[3], "nodes") == 0;
    const net_case *c = NULL;
    for (size_t i = 0; argc >= 3 && i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, argv[1]) == 0) c = &cases[i];
    if (!c || reps < 1) {
        fprintf(stderr, "usage: net_bench CASE REPS [nodes]; cases:");
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            fprintf(stderr, " %s", cases[i].name);
        fprintf(stderr, "\n");
        return 1;
    }
    if (!onus_crypto_start() || onus_isa_default(&isa, &err) != ONUS_OK ||
        onus_threads_default(&threads, &err) != ONUS_OK ||
        onus_pool_create(&ex.pool, threads, NULL, &err) != ONUS_OK)
        die("start", &err);
    ex.k = onus_kernels_of(isa);
    bench(c, &ex, isa, reps, nodes);
    onus_pool_destroy(ex.pool);
    return 0;
}
