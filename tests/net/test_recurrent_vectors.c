/* SPDX-License-Identifier: Apache-2.0
 * Goal: two bidirectional layers of lstm and of gru compute what PyTorch's do, with its weights
 * under its names. Method: a net built node by node; weights, logits, loss and gradients of
 * tests/vectors (README.md there: PyTorch in float64): logits within 1e-4 of the largest,
 * gradients within 1e-4 of their tensor's largest. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "net/model.h"

enum { T = 12, B = 5 };

static int add(onus_net *net, const char *op, const char *name, const int *in, int n_in,
               const onus_attr_value *attrs, int n_attrs)
{
    onus_err err;
    int node;
    if (onus_net_add(net, op, name, in, n_in, attrs, n_attrs, &node, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    return node;
}

/* One direction of a layer, its parameters named as nn.LSTM and nn.GRU name theirs. */
static int direction(onus_net *net, const char *cell, int layer, int reverse, int x)
{
    static const char *const names[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    const onus_attr_value attrs[] = {{"hidden", 10}, {"reverse", reverse}};
    const int in[] = {x, 0};
    char name[64];
    snprintf(name, sizeof name, "%s.%d.%d", cell, layer, reverse);
    const int node = add(net, cell, name, in, 2, attrs, 2);
    for (int k = 0; k < 4; k++) {
        snprintf(name, sizeof name, "%s.%s_l%d%s", cell, names[k], layer,
                 reverse ? "_reverse" : "");
        assert_int_equal(onus_net_name_param(net, node, k, name, NULL), ONUS_OK);
    }
    return node;
}

/* The state at the last token of one direction and at the first of the other are the last
 * states of both. */
static onus_net *build(const char *cell)
{
    const onus_attr_value table[] = {{"rows", 61}, {"width", 12}}, units[] = {{"units", 3}};
    const onus_shape input = {1, {T}};
    const int tokens = 0;
    onus_net *net;
    onus_err err;
    int ways[2];
    assert_int_equal(onus_net_create(&net, &input, NULL, NULL), ONUS_OK);
    int x = add(net, "embedding", "embedding", &tokens, 1, table, 2);
    for (int layer = 0; layer < 2; layer++) {
        for (int reverse = 0; reverse < 2; reverse++)
            ways[reverse] = direction(net, cell, layer, reverse, x);
        if (layer == 0) x = add(net, "concat", "both", ways, 2, NULL, 0);
    }
    const int forward[] = {ways[0], tokens};
    const int ends[] = {add(net, "last_token", "last", forward, 2, NULL, 0),
                        add(net, "first_token", "first", &ways[1], 1, NULL, 0)};
    x = add(net, "concat", "ends", ends, 2, NULL, 0);
    const int logits = add(net, "dense", "linear", &x, 1, units, 1),
              loss = add(net, "softmax_cross_entropy", "loss", &logits, 1, NULL, 0);
    if (onus_net_seal(net, logits, logits, loss, &err) != ONUS_OK) fail_msg("%s", err.msg);
    return net;
}

static const onus_tensor_view *view(const onus_safetensors *s, const char *name, int64_t n)
{
    const onus_tensor_view *v = onus_safetensors_find(s, name);
    if (!v) fail_msg("the vectors have no '%s'", name);
    assert_int_equal(onus_shape_numel(&v->shape), n);
    return v;
}

static double largest(const float *x, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs((double)x[i]));
    return most;
}

static void close_to(const float *got, const float *want, int64_t n, const char *what)
{
    const double most = largest(want, n);
    assert_true(most > 0);
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= 1e-4 * most))
            fail_msg("%s[%lld] is %.9g, PyTorch says %.9g", what, (long long)i, (double)got[i],
                     (double)want[i]);
}

static void check_cell(const char *cell, const onus_exec *ex)
{
    char path[80];
    onus_safetensors *weights, *expected;
    onus_err err;
    onus_plan *plan;
    onus_net *net = build(cell);
    snprintf(path, sizeof path, "tests/vectors/%s.weights.safetensors", cell);
    if (onus_safetensors_read(&weights, path, NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
    snprintf(path, sizeof path, "tests/vectors/%s.expected.safetensors", cell);
    if (onus_safetensors_read(&expected, path, NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
    assert_int_equal(onus_net_tensors(net), onus_safetensors_count(weights));
    for (int k = 0; k < onus_net_tensors(net); k++) {
        const onus_tensor *t = onus_net_tensor(net, k);
        const onus_tensor_view *v = view(weights, t->name, t->n);
        assert_true(onus_shape_same(&v->shape, &t->shape));
        memcpy(onus_net_params(net) + t->offset, v->data, (size_t)t->n * sizeof(float));
    }
    assert_int_equal(onus_plan_create(&plan, net, ex, ONUS_PLAN_TRAIN, B, NULL, NULL), ONUS_OK);
    memcpy(onus_plan_input(plan), view(expected, "input", B * T)->data, B * T * sizeof(float));
    float *grad = calloc((size_t)onus_net_param_floats(net), sizeof *grad);
    assert_non_null(grad);
    const onus_batch batch = {.B = B,
                              .label = view(expected, "label", B)->data,
                              .loss_scale = 1.0f / B,
                              .training = true};
    onus_plan_forward(plan, &batch);
    close_to(onus_plan_logits(plan), view(expected, "logits", B * 3)->data, B * 3, "a logit");
    float mean = 0;
    for (int b = 0; b < B; b++) mean += onus_plan_losses(plan)[b] / B;
    close_to(&mean, view(expected, "loss", 1)->data, 1, "the loss");
    onus_plan_backward(plan, &batch, &grad);
    for (int k = 0; k < onus_net_tensors(net); k++) {
        const onus_tensor *t = onus_net_tensor(net, k);
        snprintf(path, sizeof path, "grad.%s", t->name);
        close_to(grad + t->offset, view(expected, path, t->n)->data, t->n, path);
    }
    free(grad);
    onus_plan_destroy(plan);
    onus_net_destroy(net);
    onus_safetensors_close(weights);
    onus_safetensors_close(expected);
}

static void two_ways_two_layers(void **state)
{
    (void)state;
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
        const onus_exec ex = {.k = onus_kernels_of((onus_isa)isa)};
        if (!ex.k) continue;
        check_cell("lstm", &ex);
        check_cell("gru", &ex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_ways_two_layers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
