/* SPDX-License-Identifier: Apache-2.0
 * Goal: batch normalisation's statistics are those of the logical batch, summed over its shards
 * as the contract says (docs/NUMERICS.md, rule 7), and its running statistics move in training
 * alone. Method: sums by hand over the tree of four shards, with numbers that tell one order
 * from another; formulas in plain arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "op_run.h"

static onus_exec ref;

enum { B = 7, C = 2, P = 18 };

static void make(op_run *r, const int64_t *shard, int n_shards)
{
    const onus_attr attr[ONUS_ATTR_MAX] = {{0, 1e-5}, {0, 0.25}};
    const onus_shape in = {3, {C, 3, 6}};
    op_run_make(r, onus_op_find("batch_norm"), attr, &in, B, &ref, 0, 5);
    r->call.shard = shard;
    r->call.n_shards = n_shards;
}

/* The sum of an example's channel, 16 lanes; of squares of differences where mean is given. */
static float lanes(const float *x, const float *mean)
{
    float lane[16] = {0};
    for (int i = 0; i < P; i++) {
        const float d = mean ? x[i] - *mean : x[i];
        lane[i % 16] = mean ? fmaf(d, d, lane[i % 16]) : lane[i % 16] + d;
    }
    for (int step = 8; step > 0; step /= 2)
        for (int j = 0; j < step; j++) lane[j] = lane[j] + lane[j + step];
    return lane[0];
}

static double shard_sum(const op_run *r, int c, int64_t b0, int64_t b1, const float *mean)
{
    double sum = 0;
    for (int64_t b = b0; b < b1; b++) sum += (double)lanes(r->x[0] + (b * C + c) * P, mean);
    return sum;
}

/* Shards of 2, 0, 2, 3 examples: ((s0 without a neighbour) + (s2 + s3)). Example sums of 2^60
 * and 1 in alternation lose their ones in one order and keep them in another. */
static void statistics_fold_over_the_shards(void **state)
{
    (void)state;
    static const int64_t shard[5] = {0, 2, 2, 4, 7};
    op_run r;
    make(&r, shard, 4);
    /* channel 1: what examples 0, 2, 3, 4 hold cancels between shards, and ones remain */
    static const float big[B] = {0x1p60f, 1, -0x1p60f, 1, 1, 1, 1};
    for (int b = 0; b < B; b++)
        for (int i = 0; i < P; i++) r.x[0][(b * C + 1) * P + i] = i == 0 ? big[b] : 0;
    r.op->forward.fn(&r.call);
    for (int c = 0; c < C; c++) {
        const double sum = shard_sum(&r, c, 0, 2, NULL) +
                           (shard_sum(&r, c, 2, 4, NULL) + shard_sum(&r, c, 4, 7, NULL));
        const float mean = (float)(sum / (B * P));
        const double squares = shard_sum(&r, c, 0, 2, &mean) +
                               (shard_sum(&r, c, 2, 4, &mean) + shard_sum(&r, c, 4, 7, &mean));
        const float var = (float)(squares / (B * P));
        const float *saved = r.saved;
        assert_true(saved[c] == mean);
        assert_true(saved[C + c] == 1.0f / sqrtf(var + 1e-5f));
    }
    /* the tree loses every one: 2^60 + (-2^60 + 3); two shards, cut at 3, would lose others */
    assert_true(((float *)r.saved)[1] == 0.0f);
    op_run_free(&r);
    static const int64_t other[3] = {0, 3, 7};
    make(&r, other, 2);
    for (int b = 0; b < B; b++)
        for (int i = 0; i < P; i++) r.x[0][(b * C + 1) * P + i] = i == 0 ? big[b] : 0;
    r.op->forward.fn(&r.call);
    /* (2^60 + 1 - 2^60) + (1 + 1 + 1 + 1) = 4 */
    assert_true(((float *)r.saved)[1] == (float)(4.0 / (B * P)));
    op_run_free(&r);
}

/* Means and unbiased variances by formula enter with their share; outside of training nothing
 * moves, and the running statistics are used, example by example. */
static void running_statistics(void **state)
{
    (void)state;
    static const int64_t shard[2] = {0, B};
    op_run r;
    make(&r, shard, 1);
    float was[2][C];
    memcpy(was[0], r.param[2], sizeof was[0]);
    memcpy(was[1], r.param[3], sizeof was[1]);
    r.op->forward.fn(&r.call);
    for (int c = 0; c < C; c++) {
        double mean = 0, squares = 0;
        for (int i = 0; i < B * P; i++)
            mean += (double)r.x[0][(i / P * C + c) * P + i % P] / (B * P);
        for (int i = 0; i < B * P; i++) {
            const double d = (double)r.x[0][(i / P * C + c) * P + i % P] - mean;
            squares += d * d;
        }
        assert_float_equal(r.param[2][c], 0.75 * (double)was[0][c] + 0.25 * mean, 1e-6);
        assert_float_equal(r.param[3][c],
                           0.75 * (double)was[1][c] + 0.25 * squares / (B * P - 1), 1e-6);
    }
    memcpy(was[0], r.param[2], sizeof was[0]);
    memcpy(was[1], r.param[3], sizeof was[1]);
    r.call.training = false; /* buffers may be moved, but it is no training */
    r.op->forward.fn(&r.call);
    assert_memory_equal(r.param[2], was[0], sizeof was[0]);
    assert_memory_equal(r.param[3], was[1], sizeof was[1]);
    for (int i = 0; i < B * C * P; i++) {
        const int c = i / P % C;
        const double want = ((double)r.x[0][i] - (double)was[0][c]) /
                                sqrt((double)was[1][c] + 1e-5) * (double)r.param[0][c] +
                            (double)r.param[1][c];
        assert_float_equal(r.y[i], want, 1e-5);
    }
    float first[C * P]; /* one example alone has the same bits */
    memcpy(first, r.y + 3 * C * P, sizeof first);
    r.call.B = 1;
    r.call.in[0] = r.x[0] + 3 * C * P;
    r.call.n_shards = 0;
    r.op->forward.fn(&r.call);
    assert_memory_equal(r.y, first, sizeof first);
    /* and in training with nothing to move */
    r.call.training = true;
    r.call.buffer[2] = r.call.buffer[3] = NULL;
    r.op->forward.fn(&r.call);
    assert_memory_equal(r.param[2], was[0], sizeof was[0]);
    op_run_free(&r);
}

/* Outside of training a channel is linear: dx = dy g r. */
static void backward_outside_of_training(void **state)
{
    (void)state;
    static const int64_t shard[2] = {0, B};
    op_run r;
    make(&r, shard, 1);
    r.call.training = false;
    r.op->forward.fn(&r.call);
    r.op->backward.fn(&r.call);
    for (int i = 0; i < B * C * P; i++) {
        const int c = i / P % C;
        const double want =
            (double)r.dy[i] * (double)r.param[0][c] / sqrt((double)r.param[3][c] + 1e-5);
        assert_float_equal(r.dx[0][i], want, 1e-5);
    }
    op_run_free(&r);
}

static void refused(const char *op, const double *attrs, onus_shape in, const char *says)
{
    const onus_op *o = onus_op_find(op);
    onus_attr attr[ONUS_ATTR_MAX] = {{0}};
    onus_shape out;
    onus_err err = {.code = ONUS_OK};
    for (int k = 0; k < o->n_attrs; k++) attr[k] = (onus_attr){(int64_t)attrs[k], attrs[k]};
    assert_int_equal(o->shape(attr, &in, 1, &out, &err), ONUS_BAD_INPUT);
    if (!strstr(err.msg, says)) fail_msg("%s: '%s' does not say '%s'", op, err.msg, says);
}

/* Shapes that do not fit: one line that names both sides. */
static void shapes_that_do_not_fit(void **state)
{
    (void)state;
    const double conv[] = {4, 3, 0, 1, 0, 1, 1, 1, 0}, grouped[] = {4, 3, 0, 1, 1, 1, 2, 1, 0},
                 wide[] = {4, 3, 0, 1, 4096, 1, 1, 1, 0}, far_[] = {4, 3, 0, 1, 0, 3, 1, 1, 0};
    refused("conv2d", conv, (onus_shape){2, {3, 5}}, "(3, 5)");
    refused("conv2d", conv, (onus_shape){3, {1, 2, 5}}, "3 x 3");
    refused("conv2d", far_, (onus_shape){3, {1, 6, 6}}, "dilation 3");
    refused("conv2d", grouped, (onus_shape){3, {3, 5, 5}}, "2 groups");
    refused("conv2d", wide, (onus_shape){3, {1 << 12, 5, 5}}, "too many");
    const double window[] = {3, 0, 0, 1}, padded[] = {3, 0, 2, 1};
    refused("max_pool", window, (onus_shape){3, {1, 2, 5}}, "window of 3");
    refused("avg_pool", padded, (onus_shape){3, {1, 9, 9}}, "padding 2");
    refused("max_pool", window, (onus_shape){1, {9}}, "(9)");
    refused("global_avg_pool", window, (onus_shape){2, {9, 9}}, "(9, 9)");
    const double norm[] = {1e-5, 2};
    refused("batch_norm", norm, (onus_shape){2, {3, 4}}, "(3, 4)");
    refused("group_norm", norm, (onus_shape){3, {3, 4, 4}}, "2 groups do not divide 3");
}

/* Of equal numbers the first gets the gradient; a NaN is passed over; nothing above -infinity:
 * -infinity, and the window's first number. */
static void max_pool_at_its_corners(void **state)
{
    (void)state;
    const onus_attr attr[ONUS_ATTR_MAX] = {{2, 2}, {0, 0}, {0, 0}, {1, 1}};
    const onus_shape in = {3, {1, 2, 8}};
    op_run r;
    op_run_make(&r, onus_op_find("max_pool"), attr, &in, 1, &ref, 0, 1);
    const float x[16] = {1, 3, NAN, 2, NAN, NAN,       -0.0f, 0.0f,
                         3, 2, 1,   2, NAN, -INFINITY, 0.0f,  0.0f};
    const float y[4] = {3, 2, -INFINITY, -0.0f}, dy[4] = {1, 2, 4, 8};
    const float dx[16] = {0, 1, 0, 2, 4, 0, 8, 0};
    memcpy(r.x[0], x, sizeof x);
    memcpy(r.dy, dy, sizeof dy);
    r.op->forward.fn(&r.call);
    r.op->backward.fn(&r.call);
    assert_memory_equal(r.y, y, sizeof y);
    assert_memory_equal(r.dx[0], dx, sizeof dx);
    op_run_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_fold_over_the_shards),
        cmocka_unit_test(running_statistics),
        cmocka_unit_test(backward_outside_of_training),
        cmocka_unit_test(shapes_that_do_not_fit),
        cmocka_unit_test(max_pool_at_its_corners),
    };
    ref.k = onus_kernels_of(ONUS_ISA_REF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
