/* SPDX-License-Identifier: Apache-2.0
 * Goal: operations at their corners, and the worked examples that texts on the subject print.
 * Method: values by hand and from the contract's words (docs/NUMERICS.md): masked and large
 * logits, labels and weights, dropout's draws, errors of shape that name both sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "num/philox.h"
#include "op_run.h"

static onus_exec ref;

/* A row of numbers through a softmax. */
static void softmax_of(const float *x, int64_t n, float *p)
{
    op_run r;
    const onus_attr none[ONUS_ATTR_MAX] = {{0}};
    const onus_shape in = {1, {n}};
    op_run_make(&r, onus_op_find("softmax"), none, &in, 1, &ref, 0, 1);
    memcpy(r.x[0], x, (size_t)n * sizeof *x);
    r.op->forward.fn(&r.call);
    memcpy(p, r.y, (size_t)n * sizeof *p);
    op_run_free(&r);
}

/* The loss and its gradient of one row. */
static float entropy_of(const float *x, int64_t n, int label, float *dx)
{
    op_run r;
    const onus_attr none[ONUS_ATTR_MAX] = {{0}};
    const onus_shape in = {1, {n}};
    op_run_make(&r, onus_op_find("softmax_cross_entropy"), none, &in, 1, &ref, 0, 1);
    memcpy(r.x[0], x, (size_t)n * sizeof *x);
    r.label[0] = (float)label;
    r.weight[0] = 1.0f;
    r.call.loss_scale = 1.0f;
    r.op->forward.fn(&r.call);
    r.op->backward.fn(&r.call);
    memcpy(dx, r.dx[0], (size_t)n * sizeof *dx);
    const float loss = r.y[0];
    op_run_free(&r);
    return loss;
}

/* Masked numbers get nothing; all masked: +0 everywhere; equal ones share evenly however
 * large. */
static void softmax_at_its_corners(void **state)
{
    (void)state;
    const float inf = INFINITY;
    const float rows[][4] = {{-inf, -inf, -inf, -inf},     {-inf, 2, -inf, 2},
                             {3e38f, 3e38f, 3e38f, 3e38f}, {-3e38f, 3e38f, 0, 0},
                             {1e4f, -1e4f, 0, 1e4f},       {-0.0f, 0.0f, -0.0f, 0}};
    const float want[][4] = {{0, 0, 0, 0}, {0, 0.5f, 0, 0.5f}, {0.25f, 0.25f, 0.25f, 0.25f},
                             {0, 1, 0, 0}, {0.5f, 0, 0, 0.5f}, {0.25f, 0.25f, 0.25f, 0.25f}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        float p[4];
        softmax_of(rows[i], 4, p);
        assert_memory_equal(p, want[i], sizeof p);
    }
    float p[4];
    const float nan_row[4] = {1, NAN, 2, 3};
    softmax_of(nan_row, 4, p);
    for (int j = 0; j < 4; j++) assert_true(p[j] != p[j]);
}

/* log(e^0 + e^0) - 0 = log 2; logits of a thousand lose nothing: log(1 + e^-1000) = 0, and
 * -log p = 1000 for the other class. A masked class as label costs infinitely much. */
static void entropy_at_its_corners(void **state)
{
    (void)state;
    float dx[3];
    const float even[2] = {7, 7};
    assert_float_equal(entropy_of(even, 2, 1, dx), 0.693147182f, 1e-7);
    assert_true(dx[0] == 0.5f && dx[1] == -0.5f);
    const float far_[2] = {1000, 0};
    assert_true(entropy_of(far_, 2, 0, dx) == 0.0f && dx[0] == 0 && dx[1] == 0);
    assert_true(entropy_of(far_, 2, 1, dx) == 1000.0f && dx[0] == 1 && dx[1] == -1);
    const float masked[3] = {-INFINITY, 1, 1};
    assert_true(entropy_of(masked, 3, 0, dx) == INFINITY);
    assert_float_equal(entropy_of(masked, 3, 2, dx), 0.693147182f, 1e-7);
    assert_true(dx[0] == 0 && dx[1] == 0.5f && dx[2] == -0.5f);
    const float none[2] = {-INFINITY, -INFINITY}; /* nothing to choose from: not a number */
    assert_true(isnan(entropy_of(none, 2, 0, dx)));
}

/* Smoothing by hand: C = 4 equal logits, s = 0.2: every -log p is log 4, and so is the loss;
 * the targets are 0.85 and 0.05, so the gradient (0.25 - y). An ignored label: +0. */
static void entropy_smoothed_and_ignored(void **state)
{
    (void)state;
    op_run r;
    const onus_attr attr[ONUS_ATTR_MAX] = {{0, 0.2}};
    const onus_shape in = {2, {2, 4}};
    op_run_make(&r, onus_op_find("softmax_cross_entropy"), attr, &in, 1, &ref, 0, 1);
    for (int i = 0; i < 8; i++) r.x[0][i] = 3;
    r.label[0] = -1;
    r.label[1] = 2;
    r.weight[0] = 2;
    r.call.loss_scale = 0.5f;
    r.op->forward.fn(&r.call);
    r.op->backward.fn(&r.call);
    assert_true(r.y[0] == 0 && !signbit(r.y[0]));
    assert_float_equal(r.y[1], log(4), 1e-6);
    for (int j = 0; j < 4; j++) {
        assert_true(r.dx[0][j] == 0 && !signbit(r.dx[0][j]));
        assert_float_equal(r.dx[0][4 + j], 0.25 - (j == 2 ? 0.85 : 0.05), 1e-7);
    }
    op_run_free(&r);
}

/* Long rows go another way; masked whole, masked in part, and large. */
static void long_rows_have_the_same_corners(void **state)
{
    (void)state;
    static float x[100], dx[100];
    for (int i = 0; i < 100; i++) x[i] = -INFINITY;
    assert_true(isnan(entropy_of(x, 100, 3, dx)));
    for (int i = 0; i < 100; i++) assert_true(dx[i] == (i == 3 ? -1 : 0));
    x[7] = x[90] = 2;
    assert_float_equal(entropy_of(x, 100, 90, dx), 0.693147182f, 1e-7);
    for (int i = 0; i < 100; i++) assert_true(dx[i] == (i == 7 ? 0.5f : i == 90 ? -0.5f : 0));
    assert_true(entropy_of(x, 100, 0, dx) == INFINITY);
}

/* Logistic loss: -log sigmoid. At z = 0: log 2. Far out: |z| or 0, nothing overflows. */
static void logistic_at_its_corners(void **state)
{
    (void)state;
    op_run r;
    const onus_attr none[ONUS_ATTR_MAX] = {{0}};
    const onus_shape in = {1, {1}};
    const float z[8] = {0, 0, 1e4f, 1e4f, -1e4f, -1e4f, 3e38f, -3e38f};
    const float y[8] = {0, 1, 1, 0, 0, 1, 0, 0};
    const float want[8] = {0.693147182f, 0.693147182f, 0, 1e4f, 0, 1e4f, 3e38f, 0};
    const float slope[8] = {0.5f, -0.5f, 0, 1, 0, -1, 1, 0};
    op_run_make(&r, onus_op_find("logistic_loss"), none, &in, 8, &ref, 0, 1);
    for (int b = 0; b < 8; b++) {
        r.x[0][b] = z[b];
        r.label[b] = y[b];
    }
    r.call.weight = NULL; /* ones */
    r.call.loss_scale = 1.0f;
    r.op->forward.fn(&r.call);
    r.op->backward.fn(&r.call);
    for (int b = 0; b < 8; b++) {
        assert_float_equal(r.y[b], want[b], want[b] * 1e-7f);
        assert_true(r.dx[0][b] == slope[b]);
    }
    /* weight and scale multiply in this order, each rounded (rule 8) */
    r.call.weight = r.weight;
    for (int b = 0; b < 8; b++) r.weight[b] = 0.1f * (float)(b + 1);
    r.call.loss_scale = 0x1.99999ap-4f;
    r.op->backward.fn(&r.call);
    for (int b = 0; b < 8; b++) {
        volatile float weighted = slope[b] * r.weight[b];
        volatile float scaled = weighted * 0x1.99999ap-4f;
        assert_true(r.dx[0][b] == scaled);
    }
    op_run_free(&r);
}

/* ReLU: -0 and NaN stay, the gradient at 0 is +0 (contract, item 2). */
static void relu_at_zero(void **state)
{
    (void)state;
    op_run r;
    const onus_attr none[ONUS_ATTR_MAX] = {{0}};
    const onus_shape in = {1, {6}};
    op_run_make(&r, onus_op_find("relu"), none, &in, 1, &ref, 0, 1);
    const float x[6] = {-0.0f, 0.0f, NAN, -1e-45f, 1e-45f, -INFINITY};
    const float want[6] = {-0.0f, 0.0f, NAN, 0.0f, 1e-45f, 0.0f};
    memcpy(r.x[0], x, sizeof x);
    for (int i = 0; i < 6; i++) r.dy[i] = -3;
    r.op->forward.fn(&r.call);
    r.op->backward.fn(&r.call);
    assert_int_equal(op_differ(r.y, want, 6), -1);
    const float slope[6] = {0, 0, 0, 0, -3, 0};
    assert_int_equal(op_differ(r.dx[0], slope, 6), -1);
    op_run_free(&r);
}

/* ---- dropout
 * ------------------------------------------------------------------------------------ */

static void dropout_make(op_run *r, double rate, int64_t n, int64_t B)
{
    const onus_attr attr[ONUS_ATTR_MAX] = {{.r = rate}};
    const onus_shape in = {1, {n}};
    op_run_make(r, onus_op_find("dropout"), attr, &in, B, &ref, 0.5f, 3);
}

/* The share kept is 1 - rate (five deviations of the binomial), what is kept is multiplied by
 * (float)(1 / (1 - rate)), and outside training everything passes. */
static void dropout_keeps_the_right_share(void **state)
{
    (void)state;
    static const double rates[] = {0, 0.1, 0.5, 0.9, 0.99};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        op_run r;
        const double p = rates[i], n = 200 * 300;
        const float scale = (float)(1.0 / (1.0 - p));
        dropout_make(&r, p, 300, 200);
        r.op->forward.fn(&r.call);
        r.op->backward.fn(&r.call);
        int kept = 0;
        for (int64_t k = 0; k < 200 * 300; k++) {
            volatile float y = r.x[0][k] * scale, dx = r.dy[k] * scale;
            if (r.y[k] == 0) {
                assert_true(!signbit(r.y[k]) && r.dx[0][k] == 0 && !signbit(r.dx[0][k]));
                continue;
            }
            kept++;
            assert_true(r.y[k] == y && r.dx[0][k] == dx);
        }
        assert_true(fabs(kept - n * (1 - p)) <= 5 * sqrt(n * p * (1 - p)));
        r.call.training = false;
        r.op->forward.fn(&r.call);
        r.op->backward.fn(&r.call);
        assert_memory_equal(r.y, r.x[0], 200 * 300 * sizeof(float));
        assert_memory_equal(r.dx[0], r.dy, 200 * 300 * sizeof(float));
        op_run_free(&r);
    }
}

/* Examples draw by their place in the logical batch: micro-batches draw what one batch draws;
 * other steps, nodes and seeds draw otherwise. */
static void dropout_draws_by_place(void **state)
{
    (void)state;
    enum { N = 7, B = 12, CUT = 5 };
    op_run whole, part;
    float y[B * N];
    dropout_make(&whole, 0.5, N, B);
    whole.op->forward.fn(&whole.call);
    memcpy(y, whole.y, sizeof y);
    for (int half = 0; half < 2; half++) {
        const int64_t from = half ? CUT : 0, n = half ? B - CUT : CUT;
        dropout_make(&part, 0.5, N, n);
        memcpy(part.x[0], whole.x[0] + from * N, (size_t)(n * N) * sizeof(float));
        part.call.first = whole.call.first + from;
        part.op->forward.fn(&part.call);
        assert_memory_equal(part.y, y + from * N, (size_t)(n * N) * sizeof(float));
        op_run_free(&part);
    }
    const onus_call was = whole.call;
    for (int what = 0; what < 4; what++) {
        whole.call = was;
        if (what == 0) whole.call.step++;
        if (what == 1) whole.call.node++;
        if (what == 2) whole.call.seed++;
        if (what == 3) whole.call.seed ^= UINT64_C(1) << 40;
        whole.op->forward.fn(&whole.call);
        assert_memory_not_equal(whole.y, y, sizeof y);
    }
    op_run_free(&whole);
}

/* ---- rotary positions
 * ------------------------------------------------------------------------------------ */

/* By hand: at position 0 nothing turns; pair
 * 0 turns by t radians whatever the base, so (1, 0) becomes (cos t, sin t); lengths stay; both
 * pairings turn the same numbers. */
static void rotations_by_hand(void **state)
{
    (void)state;
    for (int pairs = 0; pairs < 2; pairs++) {
        op_run r;
        const onus_attr attr[ONUS_ATTR_MAX] = {{4, 4}, {10000, 10000}, {pairs, pairs}};
        const onus_shape in = {2, {3, 4}};
        op_run_make(&r, onus_op_find("rotary"), attr, &in, 1, &ref, 0, 1);
        const int second = pairs ? 1 : 2; /* where pair 0's other number stands */
        memset(r.x[0], 0, 12 * sizeof(float));
        for (int t = 0; t < 3; t++) r.x[0][4 * t] = 1; /* pair 0 = (1, 0), pair 1 = (0, 0) */
        r.op->forward.fn(&r.call);
        for (int t = 0; t < 3; t++) {
            assert_float_equal(r.y[4 * t], cos(t), 1e-7);
            assert_float_equal(r.y[4 * t + second], sin(t), 1e-7);
            assert_true(r.y[4 * t + 3] == 0);
        }
        memcpy(r.dy, r.y, 12 * sizeof(float)); /* and back again */
        r.op->backward.fn(&r.call);
        for (int i = 0; i < 12; i++) assert_float_equal(r.dx[0][i], r.x[0][i], 2e-7);
        op_run_free(&r);
    }
}

/* ---- worked examples (shared reference values)
 * ----------------------------------------------------- */

/* h = relu(w x + b) for x = (1, 2, 3), w = b = (.1, .2, .3), dL/dh = (.1, .2, .3): h = (.2,
 * .6, 1.2), dL/db = (.1, .2, .3), dL/dw = (.1, .4, .9). A layer of one input and one unit,
 * three times. */
static void elementwise_layer(void **state)
{
    (void)state;
    static const double w[3] = {.1, .2, .3}, h[3] = {.2, .6, 1.2}, dw[3] = {.1, .4, .9};
    for (int i = 0; i < 3; i++) {
        op_run dense, relu;
        const onus_attr units[ONUS_ATTR_MAX] = {{1, 1}, {1, 1}};
        const onus_shape in = {1, {1}};
        op_run_make(&dense, onus_op_find("dense"), units, &in, 1, &ref, 0, 1);
        op_run_make(&relu, onus_op_find("relu"), units, &in, 1, &ref, 0, 1);
        dense.x[0][0] = (float)(i + 1);
        dense.param[0][0] = dense.param[1][0] = (float)w[i];
        dense.op->forward.fn(&dense.call);
        relu.x[0][0] = dense.y[0];
        relu.op->forward.fn(&relu.call);
        assert_float_equal(relu.y[0], h[i], 1e-6);
        relu.dy[0] = (float)w[i]; /* dL/dh has the same numbers */
        relu.op->backward.fn(&relu.call);
        dense.dy[0] = relu.dx[0][0];
        dense.op->weighted_grad.fn(&dense.call);
        assert_float_equal(dense.grad[0][0], dw[i], 1e-6);
        assert_float_equal(dense.grad[1][0], w[i], 1e-6);
        op_run_free(&dense);
        op_run_free(&relu);
    }
}

/* y = W x + b, delta = dL/dy act'(z): dL/dW = delta x^T, dL/db = delta, dL/dx = W^T delta. By
 * hand: x = (1, -2), W = ((1, 2), (3, 4), (5, 6)), delta = (1, 10, 100). */
static void dense_layer(void **state)
{
    (void)state;
    op_run r;
    const onus_attr units[ONUS_ATTR_MAX] = {{3, 3}, {1, 1}};
    const onus_shape in = {1, {2}};
    op_run_make(&r, onus_op_find("dense"), units, &in, 1, &ref, 0, 1);
    const float x[2] = {1, -2}, delta[3] = {1, 10, 100}, b[3] = {0.5f, 0.25f, 0};
    for (int i = 0; i < 6; i++) r.param[0][i] = (float)(i + 1);
    memcpy(r.x[0], x, sizeof x);
    memcpy(r.dy, delta, sizeof delta);
    memcpy(r.param[1], b, sizeof b);
    r.op->forward.fn(&r.call);
    r.op->backward.fn(&r.call);
    r.op->weighted_grad.fn(&r.call);
    const float y[3] = {-2.5f, -4.75f, -7}, dw[6] = {1, -2, 10, -20, 100, -200},
                dx[2] = {531, 642};
    assert_memory_equal(r.y, y, sizeof y);
    assert_memory_equal(r.grad[0], dw, sizeof dw);
    assert_memory_equal(r.grad[1], delta, sizeof delta);
    assert_memory_equal(r.dx[0], dx, sizeof dx);
    const double w = 0.5; /* |x|^2 |delta|^2 + |delta|^2 = 5 * 10101 + 10101 */
    op_run_private(&r, &w);
    const double norm = onus_bound_norm(r.bound), exact = sqrt(6 * 10101.0);
    assert_true(norm >= exact && norm < exact * (1 + 1e-6));
    for (int i = 0; i < 6; i++) assert_true(fabs(r.sum[0][i] - 0.5 * (double)dw[i]) < 1e-9);
    op_run_free(&r);
}

/* Bounds over pairs of rows, three tiles of them, against the gradient of each example written
 * out; transposed or not. */
static void dense_bounds_by_pairs(void **state)
{
    (void)state;
    enum { T = 150, IN = 310, UNITS = 301 }; /* T (in + units) < in units */
    static const double w[2] = {1, 1};
    for (int turned = 0; turned < 2; turned++) {
        op_run r;
        const onus_attr attr[ONUS_ATTR_MAX] = {{UNITS, UNITS}, {1, 1}, {turned, turned}};
        const onus_shape in = {2, {T, IN}};
        op_run_make(&r, onus_op_find("dense"), attr, &in, 2, &ref, 0, 1);
        op_run_private(&r, w);
        for (int b = 0; b < 2; b++) {
            onus_call c = r.call;
            double want = 0;
            c.B = 1;
            c.in[0] += b * T * IN;
            c.d_out += b * T * UNITS;
            r.op->weighted_grad.fn(&c);
            for (int i = 0; i < IN * UNITS; i++)
                want += (double)r.grad[0][i] * (double)r.grad[0][i];
            for (int i = 0; i < UNITS; i++) want += (double)r.grad[1][i] * (double)r.grad[1][i];
            const double norm = onus_bound_norm(&r.bound[b]);
            assert_true(norm >= sqrt(want) * (1 - 1e-6) && norm <= sqrt(want) * 1.01);
        }
        op_run_free(&r);
    }
}

/* Logistic regression: the gradient of -sum(y log p + (1 - y) log(1 - p)) is sum((p - y) x). By
 * hand: two rows x = (1, 2), (-1, 3), theta = 0, so p = 1/2, labels 1 and 0: (-1/2)(1, 2) +
 * (1/2)(-1, 3) = (-1, 1/2). */
static void logistic_gradient(void **state)
{
    (void)state;
    op_run dense, loss;
    const onus_attr one[ONUS_ATTR_MAX] = {{1, 1}, {0, 0}};
    const onus_shape in = {1, {2}}, scalar = {1, {1}};
    op_run_make(&dense, onus_op_find("dense"), one, &in, 2, &ref, 0, 1);
    op_run_make(&loss, onus_op_find("logistic_loss"), one, &scalar, 2, &ref, 0, 1);
    const float x[4] = {1, 2, -1, 3};
    memcpy(dense.x[0], x, sizeof x);
    memset(dense.param[0], 0, 2 * sizeof(float));
    dense.op->forward.fn(&dense.call);
    memcpy(loss.x[0], dense.y, 2 * sizeof(float));
    loss.label[0] = 1;
    loss.label[1] = 0;
    loss.call.weight = NULL;
    loss.call.loss_scale = 1;
    loss.op->forward.fn(&loss.call);
    loss.op->backward.fn(&loss.call);
    memcpy(dense.dy, loss.dx[0], 2 * sizeof(float));
    dense.op->weighted_grad.fn(&dense.call);
    assert_true(dense.grad[0][0] == -1.0f && dense.grad[0][1] == 0.5f);
    op_run_free(&dense);
    op_run_free(&loss);
}

/* ---- shapes
 * ----------------------------------------------------------------------------------------- */

/* A sequence with nobody there has no last place and no mean: +0, and its gradient too. */
static void empty_sequences_give_zero(void **state)
{
    (void)state;
    static const char *const names[] = {"last_token", "mean_tokens"};
    for (int i = 0; i < 2; i++) {
        op_run r;
        const onus_attr none[ONUS_ATTR_MAX] = {{0}};
        const op_inputs in = {.n = 2, .shape = {{2, {3, 2}}, {1, {3}}}, .ids = {0, 9}};
        op_run_make_on(&r, onus_op_find(names[i]), none, &in, 2, &ref, 0, 1);
        for (int t = 0; t < 3; t++) r.x[1][t] = -1;
        r.op->forward.fn(&r.call);
        r.op->backward.fn(&r.call);
        const float zero[6] = {0};
        assert_memory_equal(r.y, zero, 2 * sizeof(float));
        assert_memory_equal(r.dx[0], zero, sizeof zero);
        op_run_free(&r);
    }
}

/* Places that are absent in the middle are skipped as well: the mean of (1, 2) and (5, 6). */
static void means_skip_the_absent(void **state)
{
    (void)state;
    op_run r;
    const onus_attr none[ONUS_ATTR_MAX] = {{0}};
    const op_inputs in = {.n = 2, .shape = {{2, {3, 2}}, {1, {3}}}, .ids = {0, 9}};
    op_run_make_on(&r, onus_op_find("mean_tokens"), none, &in, 1, &ref, 0, 1);
    static const float x[] = {1, 2, NAN, NAN, 5, 6}, tokens[] = {7, -1, 0}, dy[] = {1, -4},
                       mean[] = {3, 4}, dx[] = {0.5f, -2, 0, 0, 0.5f, -2};
    memcpy(r.x[0], x, sizeof x);
    memcpy(r.x[1], tokens, sizeof tokens);
    memcpy(r.dy, dy, sizeof dy);
    r.op->forward.fn(&r.call);
    r.op->backward.fn(&r.call);
    assert_memory_equal(r.y, mean, sizeof mean);
    assert_memory_equal(r.dx[0], dx, sizeof dx);
    op_run_free(&r);
}

/* A table that another node shares: what stands there stays, and the sum of all segments is
 * added to it at once; rows without tokens are not touched, absent places have no part. By hand
 * over two examples of 200 places: the second segment starts at place 56 of the second. */
static void embeddings_add_to_what_stands(void **state)
{
    (void)state;
    enum { T = 200 };
    op_run r;
    const onus_attr attr[ONUS_ATTR_MAX] = {{4, 4}, {1, 1}, {0, 0}};
    const onus_shape in = {1, {T}};
    op_run_make(&r, onus_op_find("embedding"), attr, &in, 2, &ref, 0, 1);
    for (int i = 0; i < 2 * T; i++) {
        r.x[0][i] = i % 50 == 49 ? -1.0f : (float)(i % 3);
        r.dy[i] = i % 3 == 0 ? 0x1p-24f : (float)i;
    }
    r.dy[0] = 1; /* and then 256 tiny ones, which one by one would be lost */
    for (int i = 0; i < 4; i++) r.grad[0][i] = i == 3 ? NAN : 1;
    r.call.start[0] = ONUS_GRAD_ADDS;
    r.op->weighted_grad.fn(&r.call);
    float want[3] = {0};
    for (int row = 0; row < 3; row++) {
        float first = 0, second = 0;
        for (int i = 0; i < 2 * T; i++) {
            if (i % 50 == 49 || i % 3 != row) continue;
            if (i < 256)
                first += r.dy[i];
            else
                second += r.dy[i];
        }
        want[row] = first + second;
        want[row] += 1;
    }
    assert_memory_equal(r.grad[0], want, sizeof want);
    assert_true(isnan(r.grad[0][3]));
    op_run_free(&r);
}

/* All that a place's row receives is its token's: m_in (token - token0) = sum m_out (row -
 * row0); the same token receives nothing. */
static void embeddings_hand_relevance_to_tokens(void **state)
{
    (void)state;
    op_run r, r0;
    const onus_attr attr[ONUS_ATTR_MAX] = {{9, 9}, {2, 2}, {0, 0}};
    const onus_shape in = {1, {3}};
    op_run_make(&r, onus_op_find("embedding"), attr, &in, 1, &ref, 0, 1);
    op_run_make(&r0, onus_op_find("embedding"), attr, &in, 1, &ref, 0, 1);
    static const float x[] = {8, 4, 5}, x0[] = {4, 4, -1}, m[] = {1, 2, 3, 4, 5, 6};
    for (int i = 0; i < 18; i++) r.param[0][i] = r0.param[0][i] = (float)(i * i);
    memcpy(r.x[0], x, sizeof x);
    memcpy(r0.x[0], x0, sizeof x0);
    memcpy(r.dy, m, sizeof m);
    r.op->forward.fn(&r.call);
    r.op->forward.fn(&r0.call);
    r.op->relevance.fn(&r.call, &r0.call);
    /* rows 8: 256, 289; 4: 64, 81; 5: 100, 121; absent: 0, 0 */
    assert_true(r.dx[0][0] == (1 * 192 + 2 * 208) / 4.0f);
    assert_true(r.dx[0][1] == 0);
    assert_true(r.dx[0][2] == (float)((5 * 100 + 6 * 121) / 6.0));
    op_run_free(&r);
    op_run_free(&r0);
}

/* (1, 3): mean 2, variance 1: h = (-1, 1) at eps 0; of squares: 5, so 1 / sqrt 5. */
static void norms_by_hand(void **state)
{
    (void)state;
    op_run r;
    const onus_attr eps[ONUS_ATTR_MAX] = {{0, 0}};
    const onus_shape in = {1, {2}};
    static const char *const names[] = {"layer_norm", "rms_norm"};
    static const float x[] = {1, 3}, g[] = {10, 100}, b[] = {0.5f, 7}, y[] = {-9.5f, 107};
    for (int i = 0; i < 2; i++) {
        op_run_make(&r, onus_op_find(names[i]), eps, &in, 1, &ref, 0, 1);
        memcpy(r.x[0], x, sizeof x);
        memcpy(r.param[0], g, sizeof g);
        if (i == 0) memcpy(r.param[1], b, sizeof b);
        r.op->forward.fn(&r.call);
        if (i == 0) assert_memory_equal(r.y, y, sizeof y);
        if (i == 1) assert_float_equal(r.y[1], 300 / sqrt(5), 1e-4);
        op_run_free(&r);
    }
}

static void shapes_that_do_not_fit_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *op;
        onus_shape in;
        const char *expected, *got;
        onus_shape second;
    } rows[] = {
        {"add", {2, {3, 4}}, "(3, 4)", "(5)", {1, {5}}},
        {"multiply", {1, {4}}, "(4)", "(1, 4)", {2, {1, 4}}},
        {"concat", {2, {3, 4}}, "(3, 4)", "(2, 4)", {2, {2, 4}}},
        {"concat", {0}, "()", "()", {0}},
        {"embedding", {2, {4, 3}}, "(T)", "(4, 3)"},
        {"position", {2, {4, 3}}, "(4, 3)", "1 rows", {1, {4}}},
        {"position", {2, {1, 3}}, "(1)", "(4)", {1, {4}}},
        {"type_embedding", {1, {4}}, "(T, width)", "(4)"},
        {"layer_norm", {0}, "(n)", "()"},
        {"rms_norm", {2, {3, 0}}, "(n)", "(3, 0)"},
        {"first_token", {1, {4}}, "(T, width)", "(4)"},
        {"last_token", {3, {4, 2, 2}}, "(T, width)", "(4, 2, 2)"},
        {"mean_tokens", {2, {4, 2}}, "(4)", "(5)", {1, {5}}},
        {"dense", {0}, "(n)", "()"},
        {"softmax_cross_entropy", {1, {1}}, "(2 or more)", "(1)"},
        {"softmax_cross_entropy", {2, {5, 1}}, "(.., 2 or more)", "(5, 1)"},
        {"softmax_cross_entropy", {0}, "(2 or more)", "()"},
        {"rotary", {2, {3, 6}}, "heads of 4 numbers", "(3, 6)"},
        {"rotary", {1, {4}}, "(positions, heads * 4)", "(4)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const bool turns = strcmp(rows[i].op, "rotary") == 0;
        const onus_attr attr[ONUS_ATTR_MAX] = {{turns ? 4 : 1, 1}, {1, 1}};
        onus_shape out = {3, {7, 7, 7}};
        onus_err err;
        const onus_op *op = onus_op_find(rows[i].op);
        const onus_shape in[2] = {rows[i].in, rows[i].second};
        assert_int_equal(op->shape(attr, in, op->n_in_max, &out, &err), ONUS_BAD_INPUT);
        assert_non_null(strstr(err.msg, rows[i].op));
        assert_non_null(strstr(err.msg, rows[i].expected));
        assert_non_null(strstr(err.msg, rows[i].got));
        assert_int_equal(out.n, 3); /* untouched */
    }
    char text[96], tiny[5];
    const onus_shape big = {5, {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, 1}};
    onus_shape_text(&big, text, sizeof text);
    assert_string_equal(text, "(9223372036854775807, 9223372036854775807, 9223372036854775807, "
                              "9223372036854775807, 1)");
    onus_shape_text(&big, tiny, sizeof tiny); /* cut, but never beyond its room */
    assert_int_equal(strlen(tiny), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_at_its_corners),
        cmocka_unit_test(entropy_at_its_corners),
        cmocka_unit_test(entropy_smoothed_and_ignored),
        cmocka_unit_test(long_rows_have_the_same_corners),
        cmocka_unit_test(logistic_at_its_corners),
        cmocka_unit_test(relu_at_zero),
        cmocka_unit_test(dropout_keeps_the_right_share),
        cmocka_unit_test(dropout_draws_by_place),
        cmocka_unit_test(rotations_by_hand),
        cmocka_unit_test(elementwise_layer),
        cmocka_unit_test(dense_layer),
        cmocka_unit_test(dense_bounds_by_pairs),
        cmocka_unit_test(logistic_gradient),
        cmocka_unit_test(empty_sequences_give_zero),
        cmocka_unit_test(means_skip_the_absent),
        cmocka_unit_test(embeddings_add_to_what_stands),
        cmocka_unit_test(embeddings_hand_relevance_to_tokens),
        cmocka_unit_test(norms_by_hand),
        cmocka_unit_test(shapes_that_do_not_fit_are_named),
    };
    ref.k = onus_kernels_of(ONUS_ISA_REF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
