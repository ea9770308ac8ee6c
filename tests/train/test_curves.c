/* SPDX-License-Identifier: Apache-2.0
 * Goal: training goes where PyTorch's goes. Method: the curves of tests/vectors/curves (its
 * README.md): the same starting weights, rows and batches, 200 steps of Adam; the loss of every
 * single step, unsmoothed, within 1% of PyTorch's. */
#include <math.h>

#include "train/optimiser.h"
#include "vectors.h"

enum { STEPS = 200, BATCH = 8 };

#define SEQUENCE(T, head, classes)  \
    {                               \
        {1, {T}}, 61, head, classes \
    }
#define RECURRENT "{\"embedding\":12,\"hidden\":10,\"layers\":2,\"bidirectional\":true}"
static const struct {
    vector_model m;
    int64_t counters;
} all[] = {
    {{"curves/gpt2",
      {"decoder", "gpt2", "{\"layers\":2,\"width\":24,\"heads\":3,\"positions\":32}"},
      SEQUENCE(32, ONUS_HEAD_TOKENS, 0)},
     0},
    {{"curves/llama",
      {"decoder", "llama",
       "{\"layers\":2,\"width\":32,\"heads\":4,\"kv_heads\":2,\"hidden\":48}"},
      SEQUENCE(32, ONUS_HEAD_TOKENS, 0)},
     0},
    {{"curves/bert",
      {"encoder", NULL,
       "{\"layers\":2,\"width\":24,\"heads\":3,\"hidden\":48,\"positions\":32}"},
      SEQUENCE(32, ONUS_HEAD_TOKENS, 0)},
     0},
    {{"curves/resnet18",
      {"cnn", "resnet18", "{\"width\":2}"},
      {{3, {1, 14, 14}}, 0, ONUS_HEAD_CLASSES, 5}},
     20},
    {{"curves/lstm", {"lstm", NULL, RECURRENT}, SEQUENCE(20, ONUS_HEAD_CLASSES, 3)}, 0},
    {{"curves/gru", {"gru", NULL, RECURRENT}, SEQUENCE(20, ONUS_HEAD_CLASSES, 3)}, 0},
};

typedef struct {
    onus_net *net;
    onus_plan *plan;
    onus_optimiser_state optimiser;
    const float *input, *label;
    int64_t rows;
    float *grad;
} training;

/* Step s takes rows (8 s + i) mod rows; its mean loss, found before its update. */
static double step(training *t, int64_t s)
{
    const int64_t n_in = onus_net_inputs(t->net), n = onus_net_labels(t->net);
    float label[BATCH * 64];
    assert_true(n <= 64);
    for (int64_t i = 0; i < BATCH; i++) {
        const int64_t row = (BATCH * s + i) % t->rows;
        memcpy(onus_plan_input(t->plan) + i * n_in, t->input + row * n_in,
               (size_t)n_in * sizeof(float));
        memcpy(label + i * n, t->label + row * n, (size_t)n * sizeof(float));
    }
    const int64_t count = onus_net_label_count(t->net, label, BATCH * n);
    const onus_batch b = {.B = BATCH,
                          .label = label,
                          .loss_scale = (float)(1.0 / (double)count),
                          .step = (uint32_t)s,
                          .training = true};
    double sum = 0;
    onus_plan_forward(t->plan, &b);
    for (int64_t i = 0; i < BATCH * n; i++)
        if (label[i] >= 0) sum += (double)onus_plan_losses(t->plan)[i];
    onus_plan_backward(t->plan, &b, &t->grad);
    onus_optimiser_step(&t->optimiser, &(onus_gradient){.of = t->grad}, 1e-3);
    return sum / (double)count;
}

static void run_curve(int i)
{
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    const onus_train_spec spec = {
        .optimiser = ONUS_OPT_ADAM, .lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    vectors run = open_vectors(all[i].m.file, "run");
    const onus_tensor_view *input = vector_tensor(&run, "input"),
                           *curve = vector_tensor(&run, "curve");
    training t = {.net = build_vector_model(&all[i].m, all[i].counters),
                  .input = input->data,
                  .label = vector_tensor(&run, "label")->data,
                  .rows = input->shape.d[0]};
    onus_arena arena;
    onus_err err;
    double worst = 0;
    assert_int_equal(onus_shape_numel(&curve->shape), STEPS);
    assert_int_equal(onus_shape_numel(&input->shape), t.rows * onus_net_inputs(t.net));
    onus_arena_init(&arena, NULL);
    t.grad = onus_arena_alloc(&arena, (size_t)onus_net_param_floats(t.net), sizeof(float));
    assert_non_null(t.grad);
    if (onus_optimiser_init(&t.optimiser, &spec, t.net, &ex, &arena, &err) != ONUS_OK ||
        onus_plan_create(&t.plan, t.net, &ex, ONUS_PLAN_TRAIN, BATCH, NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    for (int64_t s = 0; s < STEPS; s++) {
        const double loss = step(&t, s), want = (double)curve->data[s],
                     off = fabs(loss - want) / want;
        if (!(off <= 0.01))
            fail_msg("%s: step %d: loss %.6f, PyTorch's %.6f", all[i].m.file, (int)s, loss,
                     want);
        worst = fmax(worst, off);
    }
    print_message("%s: losses of %d steps at most %.1e off\n", all[i].m.file, STEPS, worst);
    onus_plan_destroy(t.plan);
    onus_net_destroy(t.net);
    close_vectors(&run);
    onus_arena_release(&arena);
}

static void losses_follow_pytorchs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) run_curve((int)i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(losses_follow_pytorchs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
