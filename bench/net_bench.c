/* SPDX-License-Identifier: Apache-2.0
 * net_bench.c - whole training steps of nets on made-up data: forward, backward, update.
 *
 *   net_bench CASE REPS     the best of REPS steps after one that is not counted; JSON:
 *                           seconds and examples a second; share: of the peak of multiply-adds
 *                           that all threads reach here
 *
 * Threads and instruction set as everywhere (ONUS_THREADS, ONUS_ISA). Exit status: 0, or 1 with
 * a line on stderr.
 *
 * CHECKLIST: a case is a row of `cases` and a function that adds its nodes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "net/net.h"
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

static const net_case cases[] = {
    {"lstm", "lstm", {1, {100}}, 32, 20000, 2, recurrent},
    {"gru", "gru", {1, {100}}, 32, 20000, 2, recurrent},
};

/* ---- a step ------------------------------------------------------------------------------ */

typedef struct {
    onus_net *net;
    onus_plan *plan;
    onus_optimiser_state adam;
    float *grad;
    onus_batch batch;
} trainer;

static void *zeros(int64_t n, size_t size)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, (size_t)n * size) != 0) {
        fprintf(stderr, "net_bench: out of memory\n");
        exit(1);
    }
    memset(p, 0, (size_t)n * size);
    return p;
}

static void fill(const net_case *c, trainer *t, float *label)
{
    const onus_stream s = {.seed = 3, .purpose = ONUS_DRAW_INIT};
    const int64_t n = c->batch * onus_net_inputs(t->net),
                  m = c->batch * onus_net_labels(t->net);
    float *x = onus_plan_input(t->plan);
    if (c->ids) {
        onus_stream_uniform(&s, 0, n, x);
        for (int64_t i = 0; i < n; i++) x[i] = floorf(x[i] * (float)c->ids);
    } else {
        onus_stream_normal(&s, 0, n, 0, 1, x);
    }
    for (int64_t i = 0; i < m; i++) label[i] = (float)(i % c->classes);
}

static void make(trainer *t, const net_case *c, const onus_exec *ex, onus_arena *arena)
{
    static const onus_train_spec spec = {
        .optimiser = ONUS_OPT_ADAM, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    onus_err err;
    int logits, loss;
    *t = (trainer){.net = NULL};
    if (onus_net_create(&t->net, &c->input, NULL, &err) != ONUS_OK) die(c->name, &err);
    c->build(t->net, c, &logits, &loss);
    if (onus_net_seal(t->net, logits, logits, loss, &err) != ONUS_OK) die(c->name, &err);
    onus_net_init(t->net, 1);
    if (onus_plan_create(&t->plan, t->net, ex, ONUS_PLAN_TRAIN, c->batch, NULL, &err) !=
            ONUS_OK ||
        onus_optimiser_init(&t->adam, &spec, t->net, ex, arena, &err) != ONUS_OK)
        die(c->name, &err);
    t->grad = zeros(onus_net_param_floats(t->net), sizeof *t->grad);
    float *label = zeros(c->batch * onus_net_labels(t->net), sizeof *label);
    fill(c, t, label);
    t->batch = (onus_batch){.B = c->batch,
                            .label = label,
                            .loss_scale = 1.0f / (float)(c->batch * onus_net_labels(t->net)),
                            .training = true};
}

/* Seconds of forward, backward, update. */
static void step(trainer *t, double took[3])
{
    float *grads[1] = {t->grad};
    const double start = bench_now_s();
    onus_plan_forward(t->plan, &t->batch);
    const double there = bench_now_s();
    onus_plan_backward(t->plan, &t->batch, grads);
    const double back = bench_now_s();
    onus_optimiser_step(&t->adam, t->grad, 1e-3);
    took[0] = there - start;
    took[1] = back - there;
    took[2] = bench_now_s() - back;
    t->batch.step++;
}

static void bench(const net_case *c, const onus_exec *ex, onus_isa isa, int reps)
{
    trainer t;
    onus_arena arena;
    double best[4] = {INFINITY, 0, 0, 0}, took[3];
    onus_arena_init(&arena, NULL);
    make(&t, c, ex, &arena);
    step(&t, took);
    for (int r = 0; r < reps; r++) {
        step(&t, took);
        const double sum = took[0] + took[1] + took[2];
        if (sum >= best[0]) continue;
        best[0] = sum;
        memcpy(best + 1, took, sizeof took);
    }
    const double gflop = 2e-9 * onus_net_cost(t.net, c->batch, true, false).multiply_adds,
                 peak = bench_peak_gflops(ex->pool, isa);
    printf("{\"case\": \"%s\", \"isa\": \"%s\", \"threads\": %d, \"batch\": %lld, \"seconds\": "
           "%.6f, \"examples_per_s\": %.2f, \"forward\": %.6f, \"backward\": %.6f, \"update\": "
           "%.6f, \"gflop\": %.4f, \"gflops\": %.1f, \"peak\": %.1f, \"share\": %.4f, "
           "\"plan_mb\": %.1f, \"loss\": %.4f}\n",
           c->name, onus_isa_name(isa), onus_pool_size(ex->pool), (long long)c->batch, best[0],
           (double)c->batch / best[0], best[1], best[2], best[3], gflop, gflop / best[0], peak,
           gflop / best[0] / peak, 1e-6 * (double)onus_plan_bytes(t.plan),
           (double)onus_plan_losses(t.plan)[0]);
    onus_plan_destroy(t.plan);
    onus_net_destroy(t.net);
    onus_arena_release(&arena);
    free(t.grad);
    free((void *)t.batch.label);
}

int main(int argc, char **argv)
{
    onus_err err;
    onus_isa isa = ONUS_ISA_REF;
    int threads = 1;
    onus_exec ex = {.pool = NULL};
    const int reps = argc == 3 ? atoi(argv[2]) : 0;
    const net_case *c = NULL;
    for (size_t i = 0; argc == 3 && i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, argv[1]) == 0) c = &cases[i];
    if (!c || reps < 1) {
        fprintf(stderr, "usage: net_bench CASE REPS; cases:");
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
    bench(c, &ex, isa, reps);
    onus_pool_destroy(ex.pool);
    return 0;
}
