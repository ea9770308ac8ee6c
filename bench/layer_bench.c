/* SPDX-License-Identifier: Apache-2.0
 * layer_bench.c - layers of the library timed alone, without the run around them. One JSON
 * object on stdout; threads and instruction set as everywhere (ONUS_THREADS, ONUS_ISA).
 *
 *   layer_bench peak              instruction set; GFLOP/s of multiply-adds on registers, 1 and
 * 2 threads layer_bench train REPS RECIPE... seconds of training alone (no reading, no events,
 * no checkpoints), best of REPS, the recipes taking turns; an array, in their order layer_bench
 * explain REPS RECIPE trains, then seconds of the Shapley values of the recipe's rows
 *
 * Exit status: 0, or 1 with a line on stderr. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "peak.h"
#include "run/session.h"

enum { RECIPES_MAX = 8 };

static void die(const char *what, const onus_err *err)
{
    fprintf(stderr, "layer_bench: %s: %s\n", what, err->msg);
    exit(1);
}

/* ---- one recipe -------------------------------------------------------------------------- */

typedef struct {
    const char *path;
    onus_recipe *recipe;
    onus_dataset *data;
    onus_noise_key noise;
    onus_train_result trained;
    double best_s;
} subject;

static void open_subject(subject *s, const char *path)
{
    onus_err err;
    const onus_sink none = {.emit = NULL};
    *s = (subject){.path = path, .best_s = INFINITY};
    if (onus_recipe_open(&s->recipe, path, NULL, NULL, &err) != ONUS_OK ||
        onus_dataset_open(&s->data, &s->recipe->data, NULL, s->recipe->seed, &none, NULL,
                          &err) != ONUS_OK)
        die(path, &err);
    onus_noise_key_new(&s->noise);
}

static void close_subject(subject *s)
{
    onus_dataset_close(s->data);
    onus_recipe_close(s->recipe);
}

/* A new net, trained; the caller destroys it. */
static onus_net *train(subject *s, const onus_exec *ex)
{
    onus_err err;
    onus_net *net = NULL;
    const onus_recipe *r = s->recipe;
    onus_train_spec spec = r->train;
    spec.checkpoint_epochs = -1;
    const onus_train_io io = {
        .ex = ex, .seed = r->seed, .noise = r->privacy.off ? NULL : &s->noise};
    const onus_model_io model_io = {.input = onus_dataset_input(s->data),
                                    .vocabulary = onus_dataset_vocabulary(s->data),
                                    .head = onus_head_of(onus_dataset_task(s->data)),
                                    .classes = onus_dataset_classes(s->data)};
    if (onus_model_build(&net, &r->model, &model_io, NULL, &err) != ONUS_OK) die(s->path, &err);
    onus_net_init(net, r->seed);
    const double start = bench_now_s();
    if (onus_train(net, s->data, &spec, &r->privacy, &io, &s->trained, &err) != ONUS_OK)
        die(s->path, &err);
    const double took = bench_now_s() - start;
    if (took < s->best_s) s->best_s = took;
    return net;
}

static void bench_train(const onus_exec *ex, int reps, char **paths, int n)
{
    subject s[RECIPES_MAX];
    for (int i = 0; i < n; i++) open_subject(&s[i], paths[i]);
    for (int r = 0; r < reps; r++)
        for (int i = 0; i < n; i++) onus_net_destroy(train(&s[i], ex));
    for (int i = 0; i < n; i++) {
        printf("%s{\"recipe\": \"%s\", \"seconds\": %.6f, \"steps\": %lld, \"gflop\": %.4f}",
               i ? ", " : "[", s[i].recipe->name, s[i].best_s, (long long)s[i].trained.steps,
               2e-9 * s[i].trained.multiply_adds);
        close_subject(&s[i]);
    }
    printf("]\n");
}

/* ---- Shapley values ---------------------------------------------------------------------- */

static void bench_explain(const onus_exec *ex, int reps, const char *path)
{
    subject s;
    onus_err err;
    onus_explanation x;
    open_subject(&s, path);
    const onus_explain_spec *spec = &s.recipe->explain;
    onus_net *net = train(&s, ex);
    int64_t n_rows = 0, n_background = 0;
    int64_t *rows = calloc((size_t)spec->rows, sizeof *rows),
            *background = calloc((size_t)spec->background, sizeof *background);
    if (!rows || !background ||
        onus_explain_choose(s.data, ONUS_PART_TEST, spec->rows, 1, 0, rows, &n_rows, NULL,
                            &err) != ONUS_OK ||
        onus_explain_choose(s.data, ONUS_PART_TRAIN, spec->background, 1, 1, background,
                            &n_background, NULL, &err) != ONUS_OK)
        die(path, &err);
    double best_s = INFINITY;
    for (int r = 0; r < reps; r++) {
        const double start = bench_now_s();
        if (onus_explain(&x, net, ex, s.data, rows, n_rows, background, n_background, spec, 1,
                         NULL, &err) != ONUS_OK)
            die(path, &err);
        const double took = bench_now_s() - start;
        if (took < best_s) best_s = took;
        if (r + 1 < reps) onus_explanation_release(&x);
    }
    /* What is scored is the net behind its first layer, whose output changes by additions. */
    const onus_cost cost = onus_net_cost(net, 1, false, false);
    const float *W, *bias;
    int64_t width;
    onus_net_first_dense(net, &W, &bias, &width);
    const double first = (double)onus_dataset_features(s.data) * (double)width;
    printf("{\"seconds\": %.6f, \"rows\": %lld, \"background\": %lld, \"columns\": %lld, "
           "\"evaluations\": %.0f, \"pairs_exact\": %.0f, \"pairs_sampled\": %.0f, "
           "\"differing\": %.3f, \"residual\": %.3g, \"gflop\": %.4f}\n",
           best_s, (long long)n_rows, (long long)n_background, (long long)x.n_columns,
           x.evaluations, x.pairs_exact, x.pairs_sampled, x.columns_differing_mean, x.residual,
           2e-9 * (cost.multiply_adds - first) * x.evaluations);
    onus_explanation_release(&x);
    onus_net_destroy(net);
    free(rows);
    free(background);
    close_subject(&s);
}

/* ---- the whole --------------------------------------------------------------------------- */

static void bench_peak(onus_isa isa)
{
    onus_err err;
    onus_pool *two = NULL;
    if (onus_pool_create(&two, 2, NULL, &err) != ONUS_OK) die("threads", &err);
    const double p1 = bench_peak_gflops(NULL, isa), p2 = bench_peak_gflops(two, isa);
    printf("{\"isa\": \"%s\", \"gflops\": [%.2f, %.2f], \"memory_gb_s\": %.2f, "
           "\"round_trip_ns\": %.0f}\n",
           onus_isa_name(isa), p1, p2, bench_memory_gb_s(two), 1e9 * bench_round_trip_s());
    onus_pool_destroy(two);
}

int main(int argc, char **argv)
{
    onus_err err;
    onus_isa isa = ONUS_ISA_REF;
    int threads = 1;
    onus_exec ex = {.pool = NULL};
    const int reps = argc > 2 ? atoi(argv[2]) : 0;
    if (!onus_crypto_start() || onus_isa_default(&isa, &err) != ONUS_OK ||
        onus_threads_default(&threads, &err) != ONUS_OK ||
        onus_pool_create(&ex.pool, threads, NULL, &err) != ONUS_OK)
        die("start", &err);
    ex.k = onus_kernels_of(isa);
    if (argc == 2 && !strcmp(argv[1], "peak")) {
        bench_peak(isa);
    } else if (argc > 3 && argc <= 3 + RECIPES_MAX && !strcmp(argv[1], "train") && reps > 0) {
        bench_train(&ex, reps, argv + 3, argc - 3);
    } else if (argc == 4 && !strcmp(argv[1], "explain") && reps > 0) {
        bench_explain(&ex, reps, argv[3]);
    } else {
        fprintf(stderr,
                "usage: layer_bench peak | train REPS RECIPE... | explain REPS RECIPE\n");
        return 1;
    }
    onus_pool_destroy(ex.pool);
    return 0;
}
