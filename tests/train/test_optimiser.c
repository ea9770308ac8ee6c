/* SPDX-License-Identifier: Apache-2.0
 * Goal: optimisers and rates are the textbook's. Method: three steps on four weights against
 * PyTorch 2.15 in binary64 (torch.optim.NAME(p, lr=..., ...), p.grad = g; step()); penalties
 * and schedules by hand; the sweep over threads against one thread, bit for bit. */
#include "training.h"

#include "num/vec.h"
#include "train/optimiser.h"
#include "train/schedule.h"
#include "model_spec.h"

enum { N = 4, STEPS = 3 };
static const float start[N] = {0.5f, -0.25f, 0.0f, 1.5f};
static const float gradients[STEPS][N] = {
    {0.1f, -0.2f, 0.3f, -4.0f}, {0.05f, 0.4f, -0.3f, 2.0f}, {-0.7f, 0.01f, 1e-6f, 0.5f}};

/* A linear net of n inputs: one weight tensor, which decays, and one bias, which does not. */
static onus_net *linear(int64_t n)
{
    onus_net *net = NULL;
    const onus_model_spec spec = {.kind = "linear"};
    assert_int_equal(build_columns(&net, &spec, n, ONUS_HEAD_VALUE, 0, NULL, NULL), ONUS_OK);
    return net;
}

static float *tensor_of(const onus_net *net, float *block, bool decays)
{
    for (int i = 0; i < onus_net_tensors(net); i++) {
        const onus_tensor *t = onus_net_tensor(net, i);
        if (t->def.decay == decays) return block + t->offset;
    }
    fail();
    return NULL;
}

/* The weights, and a bias that starts like the first weight, after the three steps. */
static void three_steps(const onus_train_spec *spec, float out[N], float *bias)
{
    onus_net *net = linear(N);
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    onus_arena arena;
    onus_arena_init(&arena, NULL);
    onus_optimiser_state o;
    float *grad = onus_arena_alloc(&arena, (size_t)onus_net_param_floats(net), sizeof *grad);
    assert_int_equal(onus_optimiser_init(&o, spec, net, &ex, &arena, NULL), ONUS_OK);
    float *w = tensor_of(net, onus_net_params(net), true),
          *b = tensor_of(net, onus_net_params(net), false);
    memcpy(w, start, sizeof start);
    b[0] = start[0];
    for (int s = 0; s < STEPS; s++) {
        memcpy(tensor_of(net, grad, true), gradients[s], sizeof gradients[s]);
        tensor_of(net, grad, false)[0] = gradients[s][0];
        onus_optimiser_step(&o, &(onus_gradient){.of = grad}, spec->lr);
    }
    memcpy(out, w, sizeof start);
    *bias = b[0];
    onus_arena_release(&arena);
    onus_net_destroy(net);
}

static void like_pytorch(void **state)
{
    (void)state;
    static const struct {
        onus_train_spec spec;
        double expected[N];
    } list[] = {
        {{.optimiser = ONUS_OPT_SGD, .lr = 0.1}, /* SGD(lr=0.1) */
         {0.5549999999999999, -0.271, -9.999999999833466e-08, 1.65}},
        {{.optimiser = ONUS_OPT_SGD, .lr = 0.1, .l2 = 0.3}, /* SGD(lr=0.1, weight_decay=0.3) */
         {0.5120775, -0.24915025000000002, 0.0008729000000000024, 1.5013695}},
        {{.optimiser = ONUS_OPT_MOMENTUM, .lr = 0.1, .momentum = 0.9}, /* SGD(momentum=0.9) */
         {0.5334, -0.2728, -0.024300100000000005, 2.154}},
        {{.optimiser = ONUS_OPT_ADAM, .lr = 0.1, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
         {0.35851030011141966, -0.21633211402918448, -0.09066855348943056, 1.6399896818596167}},
        {{.optimiser = ONUS_OPT_ADAM, /* Adam(lr=0.1, weight_decay=0.3) */
          .lr = 0.1,
          .beta1 = 0.9,
          .beta2 = 0.999,
          .eps = 1e-8,
          .l2 = 0.3},
         {0.32657473107313184, -0.17581463835052444, -0.07839781285636942, 1.6073929885394502}},
        {{.optimiser = ONUS_OPT_ADAM, .lr = 0.01, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-3},
         {0.486820556315713, -0.24743149954324395, -0.008049027248934826, 1.5128616028625945}},
        {{.optimiser = ONUS_OPT_ADAMW, /* AdamW(lr=0.1, weight_decay=0.05) */
          .lr = 0.1,
          .beta1 = 0.9,
          .beta2 = 0.999,
          .eps = 1e-8,
          .weight_decay = 0.05},
         {0.3525113272721103, -0.2134152809715793, -0.08969736931127706, 1.6164713258427013}},
    };
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
        float w[N], b;
        three_steps(&list[k].spec, w, &b);
        for (int i = 0; i < N; i++) {
            const double off = fabs((double)w[i] - list[k].expected[i]);
            if (off > 3e-7 * fmax(1, fabs(list[k].expected[i])))
                fail_msg("case %zu weight %d: %.9g, expected %.9g", k, i, (double)w[i],
                         list[k].expected[i]);
        }
    }
}

/* L1 pulls by l1 towards 0 and leaves a weight at 0 alone; biases feel no penalty and no decay:
 * they end where plain steps take them. */
static void penalties_by_hand(void **state)
{
    (void)state;
    const onus_train_spec plain = {.optimiser = ONUS_OPT_SGD, .lr = 0.1},
                          lasso = {.optimiser = ONUS_OPT_SGD, .lr = 0.1, .l1 = 0.02},
                          ridge = {.optimiser = ONUS_OPT_SGD, .lr = 0.1, .l2 = 0.5},
                          decay = {.optimiser = ONUS_OPT_ADAMW,
                                   .lr = 0.1,
                                   .beta1 = 0.9,
                                   .beta2 = 0.999,
                                   .eps = 1e-8,
                                   .weight_decay = 0.5},
                          adam = {.optimiser = ONUS_OPT_ADAM,
                                  .lr = 0.1,
                                  .beta1 = 0.9,
                                  .beta2 = 0.999,
                                  .eps = 1e-8};
    float p[N], l[N], w[N], bias[5];
    three_steps(&plain, p, &bias[0]);
    three_steps(&lasso, l, &bias[1]);
    three_steps(&ridge, w, &bias[2]);
    assert_float_equal(l[0], p[0] - 3 * 0.1f * 0.02f, 1e-6);
    assert_float_equal(l[1], p[1] + 3 * 0.1f * 0.02f, 1e-6);
    /* third weight: 0, -0.03, -0.03 + 0.032 = 0.002, 0.002 - 0.0020001: no pull, then up, then
     * down */
    assert_float_equal(l[2], -1e-7f, 1e-8);
    assert_float_equal(bias[0], bias[1], 0);
    assert_float_equal(bias[0], bias[2], 0);
    three_steps(&adam, w, &bias[3]);
    three_steps(&decay, w, &bias[4]);
    assert_float_equal(bias[3], bias[4], 0);
}

/* 20,000 weights: the sweep is shared out over threads, and no bit changes. */
static void threads_change_nothing(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    const onus_train_spec spec = {.optimiser = ONUS_OPT_ADAMW,
                                  .lr = 0.01,
                                  .beta1 = 0.9,
                                  .beta2 = 0.999,
                                  .eps = 1e-8,
                                  .weight_decay = 0.1};
    uint8_t sha[3][32];
    for (int threads = 1; threads <= 3; threads++) {
        onus_net *net = linear(MANY);
        onus_net_init(net, 3);
        onus_pool *pool = NULL;
        assert_int_equal(onus_pool_create(&pool, threads, NULL, NULL), ONUS_OK);
        const onus_exec ex = {.k = onus_kernels_of(onus_isa_best()), .pool = pool};
        onus_arena arena;
        onus_arena_init(&arena, NULL);
        onus_optimiser_state o;
        const int64_t n = onus_net_param_floats(net);
        float *grad = onus_arena_alloc(&arena, (size_t)n, sizeof *grad);
        assert_int_equal(onus_optimiser_init(&o, &spec, net, &ex, &arena, NULL), ONUS_OK);
        for (int s = 0; s < 5; s++) {
            for (int64_t i = 0; i < n; i++)
                grad[i] = (float)((i * 7919 + s * 131) % 1000 - 500);
            onus_optimiser_step(&o, &(onus_gradient){.of = grad}, 0.01);
        }
        onus_net_sha256(net, sha[threads - 1]);
        onus_arena_release(&arena);
        onus_pool_destroy(pool);
        onus_net_destroy(net);
    }
    assert_memory_equal(sha[0], sha[1], 32);
    assert_memory_equal(sha[0], sha[2], 32);
}

/* ---- rates ------------------------------------------------------------------------------- */

static double rate(onus_schedule schedule, int64_t warmup, int64_t t)
{
    const onus_train_spec s = {
        .lr = 0.2, .schedule = schedule, .warmup = warmup, .step_epochs = 2, .gamma = 0.5};
    return onus_schedule_rate(&s, t, 100, 10); /* 100 steps, 10 an epoch */
}

static void rates_by_hand(void **state)
{
    (void)state;
    assert_true(rate(ONUS_RATE_CONSTANT, 0, 0) == 0.2 &&
                rate(ONUS_RATE_CONSTANT, 0, 99) == 0.2);
    assert_true(rate(ONUS_RATE_STEP, 0, 19) == 0.2);  /* epochs 0, 1 */
    assert_true(rate(ONUS_RATE_STEP, 0, 20) == 0.1);  /* epochs 2, 3 */
    assert_true(rate(ONUS_RATE_STEP, 0, 59) == 0.05); /* epochs 4, 5 */
    assert_true(rate(ONUS_RATE_EXPONENTIAL, 0, 9) == 0.2);
    assert_true(rate(ONUS_RATE_EXPONENTIAL, 0, 30) == 0.2 / 8);
    assert_true(rate(ONUS_RATE_COSINE, 0, 0) == 0.2);
    assert_float_equal(rate(ONUS_RATE_COSINE, 0, 50), 0.1, 1e-15);
    assert_float_equal(rate(ONUS_RATE_COSINE, 0, 25), 0.2 * (1 + sqrt(0.5)) / 2, 1e-15);
    assert_true(rate(ONUS_RATE_COSINE, 0, 99) > 0 && rate(ONUS_RATE_COSINE, 0, 99) < 1e-4);
    /* warm-up: a fifth, two fifths ... of the schedule's rate */
    assert_float_equal(rate(ONUS_RATE_CONSTANT, 5, 0), 0.04, 1e-16);
    assert_float_equal(rate(ONUS_RATE_CONSTANT, 5, 3), 0.16, 1e-16);
    assert_true(rate(ONUS_RATE_CONSTANT, 5, 4) == 0.2 && rate(ONUS_RATE_CONSTANT, 5, 5) == 0.2);
    assert_float_equal(rate(ONUS_RATE_COSINE, 40, 19), rate(ONUS_RATE_COSINE, 0, 19) / 2,
                       1e-16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_pytorch),
        cmocka_unit_test(penalties_by_hand),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(rates_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
