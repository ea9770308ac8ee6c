/* SPDX-License-Identifier: Apache-2.0
 * Goal: sequences through lstm and gru at their corners. Method: steps worked out by hand; a
 * sequence alone, beside others and with more padding must have the same bits; backwards in
 * time must be forwards over the reversed sequence; sequences of one position and of none; what
 * the way back keeps must never be an older gradient's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "op_run.h"

static const char *const names[2] = {"lstm", "gru"};
static onus_exec ref, best; /* plain on one thread; this machine's on two */

/* A layer over (T, n) and T tokens. */
static void make(op_run *r, int cell, int64_t hidden, int reverse, int64_t T, int64_t n,
                 int64_t B, const onus_exec *ex)
{
    const onus_attr attr[ONUS_ATTR_MAX] = {{hidden, (double)hidden}, {reverse, reverse}};
    const op_inputs in = {.n = 2, .shape = {{2, {T, n}}, {1, {T}}}, .ids = {0, 9}};
    op_run_make_on(r, onus_op_find(names[cell]), attr, &in, B, ex, 0, 5);
}

static void set_length(op_run *r, int64_t b, int64_t length)
{
    const int64_t T = r->in_shape[0].d[0];
    for (int64_t t = 0; t < T; t++) r->x[1][b * T + t] = t < length ? (float)t : -1.0f;
}

/* No weights, the biases of tanh alone: i = f = o = r = z = 1/2. LSTM: c = c0 / 2 + tanh(1) /
 * 2, h = tanh(c) / 2. GRU: n = tanh(1 + 2 / 2), h = (n + h0) / 2. */
static void steps_by_hand(void **state)
{
    (void)state;
    for (int cell = 0; cell < 2; cell++) {
        op_run r;
        make(&r, cell, 1, 0, 2, 1, 1, &ref);
        set_length(&r, 0, 2);
        for (int k = 0; k < 4; k++) memset(r.param[k], 0, (size_t)r.n_param[k] * sizeof(float));
        r.param[2][2] = 1;
        if (cell == 1) r.param[3][2] = 2;
        r.op->forward.fn(&r.call);
        const double c1 = tanh(1) / 2, c2 = c1 / 2 + tanh(1) / 2, n = tanh(2);
        const double want[2][2] = {{tanh(c1) / 2, tanh(c2) / 2}, {n / 2, (n + n / 2) / 2}};
        for (int t = 0; t < 2; t++) assert_float_equal(r.y[t], want[cell][t], 1e-7);
        op_run_free(&r);
    }
}

/* Copies a sequence of `length` positions, what is behind it, and its gradient. */
static void put_sequence(op_run *to, int64_t at, const op_run *from, int64_t b, int64_t length)
{
    const int64_t n = from->in_shape[0].d[1], h = from->attr[0].i, T = from->in_shape[0].d[0],
                  T2 = to->in_shape[0].d[0];
    memcpy(to->x[0] + at * T2 * n, from->x[0] + b * T * n,
           (size_t)(length * n) * sizeof(float));
    memcpy(to->dy + at * T2 * h, from->dy + b * T * h, (size_t)(length * h) * sizeof(float));
    set_length(to, at, length);
}

static void copy_params(op_run *to, const op_run *from)
{
    for (int k = 0; k < 4; k++)
        memcpy(to->param[k], from->param[k], (size_t)from->n_param[k] * sizeof(float));
}

/* Example b alone, with T positions in place of the batch's, on another executor. */
static void check_alone(int cell, int reverse, const op_run *batch, int64_t b, int64_t length,
                        int64_t T, const onus_exec *ex)
{
    op_run one;
    const int64_t n = batch->in_shape[0].d[1], h = batch->attr[0].i,
                  T0 = batch->in_shape[0].d[0];
    make(&one, cell, h, reverse, T, n, 1, ex);
    copy_params(&one, batch);
    put_sequence(&one, 0, batch, b, length);
    one.op->forward.fn(&one.call);
    one.op->backward.fn(&one.call);
    assert_int_equal(op_differ(one.y, batch->y + b * T0 * h, length * h), -1);
    assert_int_equal(op_differ(one.dx[0], batch->dx[0] + b * T0 * n, length * n), -1);
    for (int64_t i = length * h; i < T * h; i++)
        assert_true(one.y[i] == 0 && !signbit(one.y[i]));
    for (int64_t i = length * n; i < T * n; i++) assert_true(one.dx[0][i] == 0);
    op_run_free(&one);
}

static void others_and_padding_change_nothing(void **state)
{
    (void)state;
    enum { B = 37, T = 9, N = 13, H = 35 };
    for (int way = 0; way < 4; way++) {
        op_run batch;
        int64_t length[B];
        make(&batch, way % 2, H, way / 2, T, N, B, &best);
        for (int64_t b = 0; b < B; b++)
            set_length(&batch, b, length[b] = (b * 5 + 3) % (T + 1));
        batch.op->forward.fn(&batch.call);
        batch.op->backward.fn(&batch.call);
        for (int64_t b = 0; b < B; b++) {
            if (length[b] == 0) continue;
            check_alone(way % 2, way / 2, &batch, b, length[b], length[b], &best);
            check_alone(way % 2, way / 2, &batch, b, length[b], T, &ref);
            check_alone(way % 2, way / 2, &batch, b, length[b], 3 * T, &best);
        }
        op_run_free(&batch);
    }
}

/* Rows of n of a sequence, turned round. */
static void turn(float *to, const float *from, int64_t length, int64_t n)
{
    for (int64_t t = 0; t < length; t++)
        memcpy(to + (length - 1 - t) * n, from + t * n, (size_t)n * sizeof *to);
}

static void reverse_is_forward_over_the_reversed(void **state)
{
    (void)state;
    enum { T = 8, N = 5, H = 6 };
    for (int cell = 0; cell < 2; cell++)
        for (int64_t length = 1; length <= T; length++) {
            op_run there, back;
            float turned[T * N > T * H ? T * N : T * H];
            make(&there, cell, H, 0, T, N, 1, &best);
            make(&back, cell, H, 1, T, N, 1, &best);
            set_length(&there, 0, length);
            set_length(&back, 0, length);
            turn(back.x[0], there.x[0], length, N);
            turn(back.dy, there.dy, length, H);
            there.op->forward.fn(&there.call);
            back.op->forward.fn(&back.call);
            there.op->backward.fn(&there.call);
            back.op->backward.fn(&back.call);
            turn(turned, back.y, length, H);
            assert_int_equal(op_differ(turned, there.y, length * H), -1);
            turn(turned, back.dx[0], length, N);
            assert_int_equal(op_differ(turned, there.dx[0], length * N), -1);
            op_run_free(&there);
            op_run_free(&back);
        }
}

/* Texts of no token at all leave +0 everywhere. */
static void nothing_there(void **state)
{
    (void)state;
    static const double w[4] = {1, 1, 1, 1};
    for (int way = 0; way < 4; way++) {
        op_run r;
        make(&r, way % 2, 7, way / 2, 5, 3, 4, &best);
        for (int64_t b = 0; b < 4; b++) set_length(&r, b, 0);
        r.op->forward.fn(&r.call);
        r.op->backward.fn(&r.call);
        op_run_private(&r, w);
        r.op->weighted_grad.fn(&r.call);
        for (int64_t i = 0; i < 4 * 5 * 7; i++) assert_true(r.y[i] == 0 && !signbit(r.y[i]));
        for (int64_t i = 0; i < 4 * 5 * 3; i++) assert_true(r.dx[0][i] == 0);
        for (int64_t b = 0; b < 4; b++) assert_true(onus_bound_reach(&r.bound[b]) == 0);
        for (int k = 0; k < 4; k++)
            for (int64_t e = 0; e < r.n_param[k]; e++)
                assert_true(r.grad[k][e] == 0 && !signbit(r.grad[k][e]) && r.sum[k][e] == 0);
        op_run_free(&r);
    }
}

/* In training weighted_grad comes first and backward uses what it found; in private training
 * backward comes first, and weighted_grad must not use it: its output gradients are others. */
static void gradients_are_never_older_ones(void **state)
{
    (void)state;
    enum { T = 6, N = 4, H = 5, B = 3 };
    for (int way = 0; way < 4; way++) {
        op_run a, b;
        make(&a, way % 2, H, way / 2, T, N, B, &best);
        make(&b, way % 2, H, way / 2, T, N, B, &best);
        a.op->forward.fn(&a.call);
        a.op->weighted_grad.fn(&a.call);
        a.op->backward.fn(&a.call);
        b.op->forward.fn(&b.call);
        b.op->backward.fn(&b.call);
        assert_int_equal(op_differ(a.dx[0], b.dx[0], B * T * N), -1);
        for (int64_t i = 0; i < B * T * H; i++) a.dy[i] = b.dy[i] = a.dy[i] * 0.3f;
        b.op->weighted_grad.fn(&b.call); /* after backward */
        a.op->forward.fn(&a.call);
        a.op->weighted_grad.fn(&a.call);
        for (int k = 0; k < 4; k++)
            assert_int_equal(op_differ(a.grad[k], b.grad[k], a.n_param[k]), -1);
        op_run_free(&a);
        op_run_free(&b);
    }
}

/* An example that private training leaves out is zeros in all that is read: it adds nothing,
 * though what it would have added is no number. */
static void a_left_out_example_adds_nothing(void **state)
{
    (void)state;
    enum { T = 4, N = 3, H = 2, B = 3 };
    for (int way = 0; way < 4; way++) {
        op_run with, without;
        make(&with, way % 2, H, way / 2, T, N, B, &ref);
        make(&without, way % 2, H, way / 2, T, N, B, &ref);
        set_length(&with, 1, T);
        with.x[0][T * N] = NAN;
        with.op->forward.fn(&with.call);
        with.op->backward.fn(&with.call);
        const size_t bytes = with.saved_bytes / B;
        memset((char *)with.saved + bytes, 0, bytes);
        memset(with.x[0] + T * N, 0, T * N * sizeof(float));
        memset(with.x[1] + T, 0, T * sizeof(float));
        memset(with.y + T * H, 0, T * H * sizeof(float));
        memset(with.dy + T * H, 0, T * H * sizeof(float));
        with.op->weighted_grad.fn(&with.call);
        memset(without.dy + T * H, 0, T * H * sizeof(float));
        set_length(&without, 1, 0);
        without.op->forward.fn(&without.call);
        without.op->weighted_grad.fn(&without.call);
        for (int k = 0; k < 4; k++)
            assert_int_equal(op_differ(with.grad[k], without.grad[k], with.n_param[k]), -1);
        op_run_free(&with);
        op_run_free(&without);
    }
}

static void shapes_that_do_not_fit_are_named(void **state)
{
    (void)state;
    static const struct {
        int n;
        onus_shape in[2];
        const char *said[2];
    } rows[] = {{1, {{1, {5}}}, {"(T, width)", "(5)"}},
                {1, {{3, {2, 3, 4}}}, {"(T, width)", "(2, 3, 4)"}},
                {1, {{2, {0, 4}}}, {"(T, width)", "(0, 4)"}},
                {2, {{2, {3, 4}}, {1, {4}}}, {"(4)", "expected (3)"}},
                {2, {{2, {3, 4}}, {2, {3, 4}}}, {"tokens of shape (3, 4)", "expected (3)"}}};
    for (int cell = 0; cell < 2; cell++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            const onus_attr attr[ONUS_ATTR_MAX] = {{2, 2}, {0, 0}};
            onus_shape out = {.n = 3};
            onus_err err;
            assert_int_equal(
                onus_op_find(names[cell])->shape(attr, rows[i].in, rows[i].n, &out, &err),
                ONUS_BAD_INPUT);
            assert_int_equal(out.n, 3);
            assert_non_null(strstr(err.msg, names[cell]));
            for (int s = 0; s < 2; s++) assert_non_null(strstr(err.msg, rows[i].said[s]));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_by_hand),
        cmocka_unit_test(others_and_padding_change_nothing),
        cmocka_unit_test(reverse_is_forward_over_the_reversed),
        cmocka_unit_test(nothing_there),
        cmocka_unit_test(gradients_are_never_older_ones),
        cmocka_unit_test(a_left_out_example_adds_nothing),
        cmocka_unit_test(shapes_that_do_not_fit_are_named),
    };
    ref.k = onus_kernels_of(ONUS_ISA_REF);
    best.k = onus_kernels_of(onus_isa_best());
    onus_pool *pool = NULL;
    if (onus_pool_create(&pool, 2, NULL, NULL) != ONUS_OK) return 1;
    best.pool = pool;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    onus_pool_destroy(pool);
    return failed;
}
