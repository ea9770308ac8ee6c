/* SPDX-License-Identifier: Apache-2.0
 * Goal: nets of images whose examples read each other (batch normalisation) compute the same
 * bits on every machine, predict without regard to batch-mates, and are refused where privacy
 * needs single examples. Method: a small residual net of convolutions, poolings and norms; one
 * logical batch of four shards everywhere; predictions in chunks of several sizes, which take
 * different ways through the convolutions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "net/net.h"
#include "num/kernels.h"

enum { B = 37, CLASSES = 3, PIXELS = 2 * 8 * 8, GRADS = 3 };

static int add(onus_net *net, const char *op, const char *name, int a, int b,
               const onus_attr_value *attrs, int n_attrs)
{
    const int in[2] = {a, b};
    int out;
    onus_err err;
    if (onus_net_add(net, op, name, in, b >= 0 ? 2 : 1, attrs, n_attrs, &out, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    return out;
}

static onus_net *make_net(void)
{
    onus_net *net;
    const onus_shape image = {3, {2, 8, 8}};
    const onus_attr_value first[] = {{"channels", 8},
                                     {"padding", 1},
                                     {"bias", 0},
                                     {"he_fan_out", 1}},
                          second[] = {{"channels", 8}, {"stride", 2}, {"padding", 1}},
                          third[] = {{"channels", 8}, {"padding", 1}, {"groups", 2}},
                          window[] = {{"kernel", 3}, {"stride", 1}, {"padding", 1}},
                          units[] = {{"units", CLASSES}};
    assert_int_equal(onus_net_create(&net, &image, NULL, NULL), ONUS_OK);
    const int c1 = add(net, "conv2d", "c1", 0, -1, first, 4),
              n1 = add(net, "batch_norm", "n1", c1, -1, NULL, 0),
              r1 = add(net, "relu", "r1", n1, -1, NULL, 0),
              c2 = add(net, "conv2d", "c2", r1, -1, second, 3),
              m2 = add(net, "max_pool", "m2", c2, -1, window, 3),
              c3 = add(net, "conv2d", "c3", m2, -1, third, 3),
              n3 = add(net, "batch_norm", "n3", c3, -1, NULL, 0),
              sum = add(net, "add", "sum", n3, m2, NULL, 0),
              g = add(net, "group_norm", "g", sum, -1, NULL, 0),
              p = add(net, "global_avg_pool", "p", g, -1, NULL, 0),
              d = add(net, "dense", "d", p, -1, units, 1),
              prediction = add(net, "softmax", "prediction", d, -1, NULL, 0),
              loss = add(net, "softmax_cross_entropy", "loss", d, -1, NULL, 0);
    assert_int_equal(onus_net_seal(net, d, prediction, loss, NULL), ONUS_OK);
    onus_net_init(net, 7);
    return net;
}

static void make_data(float *x, float *label)
{
    uint32_t u = 1;
    for (int i = 0; i < B * PIXELS; i++) {
        u = u * 1664525u + 1013904223u; /* Numerical Recipes' generator */
        x[i] = (float)(int32_t)u * 0x1p-31f;
    }
    for (int i = 0; i < B; i++) label[i] = (float)(i % CLASSES);
}

/* One step's gradients, and the running statistics after it, of four shards in one call. */
static void step(onus_net *net, const onus_exec *ex, float *grad, float *params)
{
    static const int64_t shard[5] = {0, B / 4, B / 2, 3 * B / 4, B};
    const int64_t n = onus_net_param_floats(net);
    float label[B], *grads[GRADS] = {grad};
    onus_plan *plan;
    onus_net_init(net, 7);
    assert_int_equal(onus_plan_create(&plan, net, ex, ONUS_PLAN_TRAIN, B, NULL, NULL), ONUS_OK);
    for (int i = 1; i < GRADS; i++) grads[i] = calloc((size_t)n, sizeof(float));
    make_data(onus_plan_input(plan), label);
    const onus_batch b = {.B = B,
                          .label = label,
                          .loss_scale = 1.0f / B,
                          .training = true,
                          .shard = shard,
                          .n_shards = 4};
    memset(grad, 0, (size_t)n * sizeof *grad);
    onus_plan_forward(plan, &b);
    onus_plan_backward(plan, &b, grads);
    memcpy(params, onus_net_params(net), (size_t)n * sizeof *params);
    for (int i = 1; i < GRADS; i++) free(grads[i]);
    onus_plan_destroy(plan);
}

static void bits_do_not_depend_on_the_machine(void **state)
{
    (void)state;
    onus_net *net = make_net();
    const size_t bytes = (size_t)onus_net_param_floats(net) * sizeof(float);
    float *want = malloc(bytes), *want_after = malloc(bytes), *got = malloc(bytes),
          *after = malloc(bytes);
    const onus_exec ref = {.k = onus_kernels_of(ONUS_ISA_REF)};
    assert_true(want && want_after && got && after);
    step(net, &ref, want, want_after);
    onus_net_init(net, 7);
    assert_memory_not_equal(want_after, onus_net_params(net), bytes); /* statistics moved */
    for (int threads = 1; threads <= 3; threads++) {
        onus_pool *pool;
        assert_int_equal(onus_pool_create(&pool, threads, NULL, NULL), ONUS_OK);
        for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
            const onus_exec ex = {.k = onus_kernels_of((onus_isa)isa), .pool = pool};
            if (!ex.k) continue;
            step(net, &ex, got, after);
            assert_memory_equal(got, want, bytes);
            assert_memory_equal(after, want_after, bytes);
        }
        onus_pool_destroy(pool);
    }
    free(want);
    free(want_after);
    free(got);
    free(after);
    onus_net_destroy(net);
}

/* A row's prediction is the same alone, in small chunks and in one large one. */
static void predictions_do_not_read_each_other(void **state)
{
    (void)state;
    onus_net *net = make_net();
    float x[B * PIXELS], label[B], want[B * CLASSES];
    make_data(x, label);
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
        const onus_exec ex = {.k = onus_kernels_of((onus_isa)isa)};
        static const int chunks[] = {B, 1, 5, 16, 32};
        for (size_t c = 0; ex.k && c < sizeof chunks / sizeof *chunks; c++) {
            onus_plan *plan;
            assert_int_equal(
                onus_plan_create(&plan, net, &ex, ONUS_PLAN_PREDICT, chunks[c], NULL, NULL),
                ONUS_OK);
            for (int i = 0; i < B; i += chunks[c]) {
                const onus_batch b = {.B = B - i < chunks[c] ? B - i : chunks[c]};
                memcpy(onus_plan_input(plan), x + i * PIXELS,
                       (size_t)(b.B * PIXELS) * sizeof *x);
                onus_plan_forward(plan, &b);
                const size_t bytes = (size_t)(b.B * CLASSES) * sizeof *x;
                if (isa == 0 && c == 0)
                    memcpy(want + i * CLASSES, onus_plan_prediction(plan), bytes);
                assert_memory_equal(onus_plan_prediction(plan), want + i * CLASSES, bytes);
            }
            onus_plan_destroy(plan);
        }
    }
    onus_net_destroy(net);
}

static void privacy_is_refused_by_name(void **state)
{
    (void)state;
    onus_net *net = make_net();
    onus_err err;
    assert_true(onus_net_coupled(net));
    assert_int_equal(onus_net_cut(net, 100000), 100000); /* a logical batch is one call */
    assert_int_equal(onus_net_can_private(net, &err), ONUS_REFUSED);
    assert_non_null(strstr(err.msg, "n1"));
    assert_non_null(strstr(err.msg, "batch normalisation has no gradient of one example"));
    onus_net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_do_not_depend_on_the_machine),
        cmocka_unit_test(predictions_do_not_read_each_other),
        cmocka_unit_test(privacy_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
