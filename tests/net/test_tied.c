/* SPDX-License-Identifier: Apache-2.0
 * Goal: a table of embeddings that is the weight of the last layer, too, has the gradient and
 * the norms of one parameter. Method: a small language model; the private plan's norms, with
 * their cross terms, and sums against gradients of single examples written out; the same bits
 * on every machine. The untied model's norms must be others, else the test would see nothing.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "net/net.h"
#include "num/kernels.h"
#include "num/philox.h"

enum { V = 13, WIDTH = 6, T = 70, B = 5, FLOATS = 1024 };

static int add(onus_net *net, const char *op, const char *name, const int *in, int n_in,
               const onus_attr_value *attr, int n_attrs)
{
    int out = -1;
    onus_err err;
    if (onus_net_add(net, op, name, in, n_in, attr, n_attrs, &out, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    return out;
}

/* Tokens, embedding, positions, norm, a layer around which a way goes, head, loss. */
static onus_net *language_model(bool tied)
{
    onus_net *net;
    const onus_shape tokens = {1, {T}};
    const onus_attr_value table[] = {{"rows", V}, {"width", WIDTH}, {"std", 1}},
                          places[] = {{"rows", T}, {"std", 1}}, inner[] = {{"units", WIDTH}},
                          head[] = {{"units", V}, {"bias", 0}, {"std", 1}};
    assert_int_equal(onus_net_create(&net, &tokens, NULL, NULL), ONUS_OK);
    const int wte = add(net, "embedding", "wte", (int[]){0}, 1, table, 3);
    const int wpe = add(net, "position", "wpe", (int[]){wte, 0}, 2, places, 2);
    const int norm = add(net, "layer_norm", "norm", &wpe, 1, NULL, 0);
    const int layer = add(net, "dense", "layer", &norm, 1, inner, 1);
    const int act = add(net, "gelu_tanh", "act", &layer, 1, NULL, 0);
    const int sum = add(net, "add", "sum", (int[]){wpe, act}, 2, NULL, 0);
    const int logits = add(net, "dense", "head", &sum, 1, head, 3);
    const int loss = add(net, "softmax_cross_entropy", "loss", &logits, 1, NULL, 0);
    if (tied) assert_int_equal(onus_net_tie(net, logits, 0, wte, NULL), ONUS_OK);
    assert_int_equal(onus_net_seal(net, logits, logits, loss, NULL), ONUS_OK);
    onus_net_init(net, 4);
    assert_true(onus_net_param_floats(net) <= FLOATS);
    return net;
}

/* Texts of different lengths; many tokens more than once. The next token is the label. */
static float tokens[B * T], labels[B * T];

static void make_texts(void)
{
    const onus_stream s = {.seed = 8, .purpose = ONUS_DRAW_INIT};
    float u[B * T];
    onus_stream_uniform(&s, 0, B * T, u);
    for (int i = 0; i < B * T; i++) {
        const int length = i / T == 0 ? T : T - 9 * (i / T);
        tokens[i] = i % T < length ? floorf(u[i] * V) : -1;
    }
    for (int i = 0; i < B * T; i++) labels[i] = i % T + 1 < T ? tokens[i + 1] : -1;
}

static onus_batch texts(int64_t from, int64_t n)
{
    return (onus_batch){.B = n, .first = from, .label = labels + from * T, .loss_scale = 0.25f};
}

static void give(onus_plan *p, int64_t from, int64_t n)
{
    memcpy(onus_plan_input(p), tokens + from * T, (size_t)(n * T) * sizeof(float));
}

static void run_private(onus_net *net, const onus_exec *ex, const double *w, onus_bound *bound,
                        double *sum)
{
    onus_plan *p;
    const onus_batch b = texts(0, B);
    assert_int_equal(onus_plan_create(&p, net, ex, ONUS_PLAN_PRIVATE, B, NULL, NULL), ONUS_OK);
    give(p, 0, B);
    onus_plan_forward(p, &b);
    onus_plan_backward(p, &b, NULL);
    onus_plan_bounds(p, &b, bound);
    memset(sum, 0, FLOATS * sizeof *sum);
    onus_plan_sums(p, &b, w, 0x1p-34, sum);
    onus_plan_destroy(p);
}

/* The gradient of example b alone. */
static void run_alone(onus_net *net, const onus_exec *ex, int64_t b, float *grad)
{
    onus_plan *p;
    const onus_batch one = texts(b, 1);
    assert_int_equal(onus_plan_create(&p, net, ex, ONUS_PLAN_TRAIN, 1, NULL, NULL), ONUS_OK);
    give(p, b, 1);
    onus_plan_forward(p, &one);
    memset(grad, 0, FLOATS * sizeof *grad);
    onus_plan_backward(p, &one, (float *[]){grad});
    onus_plan_destroy(p);
}

static void norms_have_their_cross_terms(void **state)
{
    (void)state;
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    static const double w[B] = {1, 0.5, 0.25, 0.125, 0.75};
    onus_bound bound[B], loose[B];
    double sum[FLOATS] = {0}, found[FLOATS];
    float alone[FLOATS];
    onus_net *net = language_model(true), *untied = language_model(false);
    for (int t = 0; t < onus_net_tensors(untied); t++) /* head and table start alike */
        if (strcmp(onus_net_tensor(untied, t)->name, "head.weight") == 0)
            for (int k = 0; k < onus_net_tensors(net); k++)
                if (strcmp(onus_net_tensor(net, k)->name, "wte.weight") == 0)
                    memcpy(onus_net_params(untied) + onus_net_tensor(untied, t)->offset,
                           onus_net_params(net) + onus_net_tensor(net, k)->offset,
                           V * WIDTH * sizeof(float));
    run_private(untied, &ex, w, loose, found);
    run_private(net, &ex, w, bound, found);
    /* T tokens' rows of WIDTH, T outer products of V and WIDTH: their rounding meets in one
     * table */
    const double apart = onus_net_rounding(untied), tied = onus_net_rounding(net),
                 rows = T * sqrt(WIDTH), products = T * sqrt(V * WIDTH);
    assert_float_equal(tied * tied - apart * apart, 2 * rows * products, 1e-6);
    bool differs = false;
    for (int b = 0; b < B; b++) {
        double want = 0;
        run_alone(net, &ex, b, alone);
        for (int i = 0; i < FLOATS; i++) {
            want += (double)alone[i] * (double)alone[i];
            sum[i] += w[b] * (double)alone[i];
        }
        const double norm = onus_bound_norm(&bound[b]), exact = sqrt(want);
        assert_true(norm >= exact * (1 - 1e-5) && norm <= exact * 1.001);
        differs = differs || fabs(onus_bound_norm(&loose[b]) - exact) > 1e-3 * exact;
    }
    assert_true(differs);
    for (int i = 0; i < FLOATS; i++)
        assert_float_equal(found[i], sum[i], 2e-5 * (1 + fabs(sum[i])));
    onus_net_destroy(net);
    onus_net_destroy(untied);
}

static void bits_do_not_depend_on_the_machine(void **state)
{
    (void)state;
    const onus_exec ref = {.k = onus_kernels_of(ONUS_ISA_REF)};
    static const double w[B] = {1, 0.5, 0.25, 0.125, 0.75};
    onus_bound want[B], bound[B];
    double sum[FLOATS], wanted[FLOATS];
    onus_net *net = language_model(true);
    run_private(net, &ref, w, want, wanted);
    for (int threads = 1; threads <= 3; threads++) {
        onus_pool *pool = NULL;
        if (threads > 1)
            assert_int_equal(onus_pool_create(&pool, threads, NULL, NULL), ONUS_OK);
        for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
            const onus_exec ex = {.k = onus_kernels_of((onus_isa)isa), .pool = pool};
            if (!ex.k) continue;
            run_private(net, &ex, w, bound, sum);
            assert_memory_equal(bound, want, sizeof want);
            assert_memory_equal(sum, wanted, sizeof wanted);
        }
        onus_pool_destroy(pool);
    }
    onus_net_destroy(net);
}

/* Only a dense layer's weight, stored as the table is, can be the table. */
static void other_ties_are_refused(void **state)
{
    (void)state;
    onus_net *net;
    onus_err err;
    const onus_shape in = {1, {T}};
    const onus_attr_value table[] = {{"rows", 6}, {"width", 6}},
                          head[] = {{"units", 6}, {"transposed", 1}};
    assert_int_equal(onus_net_create(&net, &in, NULL, NULL), ONUS_OK);
    const int wte = add(net, "embedding", "wte", (int[]){0}, 1, table, 2);
    const int again = add(net, "embedding", "again", (int[]){0}, 1, table, 2);
    const int logits = add(net, "dense", "head", &wte, 1, head, 2);
    assert_int_equal(onus_net_tie(net, again, 0, wte, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "again"));
    assert_int_equal(onus_net_tie(net, logits, 0, wte, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "head"));
    assert_int_equal(onus_net_tie(net, logits, 1, wte, &err), ONUS_BAD_INPUT); /* its bias */
    onus_net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norms_have_their_cross_terms),
        cmocka_unit_test(bits_do_not_depend_on_the_machine),
        cmocka_unit_test(other_ties_are_refused),
    };
    make_texts();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
