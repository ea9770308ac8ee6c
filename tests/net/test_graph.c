/* SPDX-License-Identifier: Apache-2.0
 * Goal: a graph that makes no sense is refused by a line that names both sides; one that does
 * has its parameters in order, aligned, and started as the contract says. Method: errors one by
 * one; names, offsets and first draws by hand; costs against kernels that count. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"
#include "failing_mem.h"
#include "net/net.h"
#include "num/philox.h"
#include "num/tables.h"

static onus_net *new_net(int64_t features)
{
    onus_net *net;
    const onus_shape in = {1, {features}};
    assert_int_equal(onus_net_create(&net, &in, NULL, NULL), ONUS_OK);
    return net;
}

static int add(onus_net *net, const char *op, const char *name, int in, double units)
{
    int out = -1;
    onus_err err;
    const onus_attr_value attr = {"units", units};
    if (onus_net_add(net, op, name, &in, 1, &attr, units > 0, &out, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    return out;
}

/* ---- errors
 * ----------------------------------------------------------------------------------------- */

static void refuse(onus_net *net, const char *op, int in, const char *attr, double value,
                   onus_status want, const char *word1, const char *word2)
{
    onus_err err = {.code = ONUS_OK};
    int out = -7;
    const onus_attr_value a = {attr, value};
    const onus_status st =
        onus_net_add(net, op, "layers.3", &in, 1, &a, attr != NULL, &out, &err);
    if (st != want || out != -7) fail_msg("%s of %d: status %d, node %d", op, in, (int)st, out);
    assert_non_null(strstr(err.msg, "layers.3"));
    if (!strstr(err.msg, word1) || !strstr(err.msg, word2))
        fail_msg("'%s' lacks '%s' or '%s'", err.msg, word1, word2);
}

static void nodes_that_make_no_sense_are_named(void **state)
{
    (void)state;
    onus_net *net = new_net(5);
    const int dense = add(net, "dense", "first", 0, 3);
    const int loss = add(net, "softmax_cross_entropy", "loss", dense, 0);
    refuse(net, "convolution", 0, NULL, 0, ONUS_BAD_INPUT, "convolution", "no operation");
    refuse(net, "dense", 9, NULL, 0, ONUS_BAD_ARG, "9", "no node");
    refuse(net, "dense", -1, NULL, 0, ONUS_BAD_ARG, "-1", "no node");
    refuse(net, "dense", 0, "width", 3, ONUS_BAD_INPUT, "width", "dense");
    refuse(net, "dense", 0, "units", 0, ONUS_BAD_INPUT, "units", "0");
    refuse(net, "dense", 0, "units", 2.5, ONUS_BAD_INPUT, "2.5", "whole");
    refuse(net, "dense", 0, "units", 1e9, ONUS_BAD_INPUT, "1e+09", "units");
    refuse(net, "dense", 0, "units", NAN, ONUS_BAD_INPUT, "nan", "units");
    refuse(net, "dropout", 0, "rate", 1, ONUS_BAD_INPUT, "rate", "0.99");
    refuse(net, "dropout", 0, "rate", -0.1, ONUS_BAD_INPUT, "rate", "-0.1");
    refuse(net, "first_token", dense, NULL, 0, ONUS_BAD_INPUT, "(T, width)", "(3)");
    refuse(net, "relu", loss, NULL, 0, ONUS_BAD_ARG, "loss", "ends");
    int two[2] = {0, 0}, out;
    onus_err err;
    assert_int_equal(onus_net_add(net, "relu", "layers.3", two, 2, NULL, 0, &out, &err),
                     ONUS_BAD_ARG);
    assert_non_null(strstr(err.msg, "2"));
    onus_net_destroy(net);
    onus_net_destroy(NULL);
}

static void ends_that_make_no_sense_are_named(void **state)
{
    (void)state;
    onus_err err;
    onus_net *net = new_net(5);
    const int a = add(net, "dense", "a", 0, 3), b = add(net, "dense", "b", 0, 3);
    const int p = add(net, "softmax", "p", a, 0), q = add(net, "softmax", "q", b, 0);
    const int loss = add(net, "softmax_cross_entropy", "loss", a, 0);
    static const int bad[][3] = {{0, 1, 5}, {-1, 1, 5}, {1, 1, 3}, {9, 1, 5},
                                 {1, 9, 5}, {1, 1, 9},  {5, 1, 5}, {1, 5, 5}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(onus_net_seal(net, bad[i][0], bad[i][1], bad[i][2], &err),
                         ONUS_BAD_ARG);
    assert_int_equal(onus_net_seal(net, b, q, loss, &err), ONUS_BAD_ARG); /* the loss is a's */
    assert_non_null(strstr(err.msg, "'b'"));
    assert_int_equal(onus_net_seal(net, a, q, loss, &err), ONUS_BAD_ARG); /* q is not a's */
    assert_non_null(strstr(err.msg, "'a'"));
    assert_int_equal(onus_net_seal(net, a, p, loss, &err),
                     ONUS_BAD_ARG); /* b would stay untrained */
    assert_non_null(strstr(err.msg, "'b'"));
    onus_net_destroy(net);
    net = new_net(5);
    const int x = add(net, "dense", "x", 0, 3), y = add(net, "dense", "x", x, 3);
    const int l = add(net, "softmax_cross_entropy", "loss", y, 0);
    assert_int_equal(onus_net_seal(net, y, y, l, &err), ONUS_BAD_INPUT); /* two of one name */
    assert_non_null(strstr(err.msg, "x.bias"));
    onus_net_destroy(net);
    net = new_net(5);
    const int only = add(net, "dense", "x", 0, 3),
              end = add(net, "softmax_cross_entropy", "l", only, 0);
    assert_int_equal(onus_net_seal(net, only, only, end, &err), ONUS_OK);
    assert_int_equal(onus_net_seal(net, only, only, end, &err), ONUS_BAD_ARG);
    int out;
    assert_int_equal(onus_net_add(net, "relu", "late", &only, 1, NULL, 0, &out, &err),
                     ONUS_BAD_ARG);
    assert_non_null(strstr(err.msg, "late"));
    onus_net_destroy(net);
}

/* Dimensions whose product leaves 64 bits, or memory, are refused and named. */
static void sizes_are_limited(void **state)
{
    (void)state;
    onus_err err;
    onus_net *net = NULL;
    static const onus_shape bad[] = {
        {2, {INT64_MAX, 2}},
        {1, {-1}},
        {3, {INT64_C(1) << 30, INT64_C(1) << 30, INT64_C(1) << 30}},
        {2, {INT64_C(1) << 32, 1}}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(onus_net_create(&net, &bad[i], NULL, &err), ONUS_BAD_INPUT);
        assert_null(net);
        assert_non_null(strstr(err.msg, "input"));
    }
    net = new_net(1 << 24);
    const int wide = add(net, "dense", "wide", 0, 1 << 24); /* 2^48 weights */
    const int end = add(net, "softmax_cross_entropy", "loss", wide, 0);
    assert_int_equal(onus_net_seal(net, wide, wide, end, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "wide.weight"));
    assert_non_null(strstr(err.msg, "16777216, 16777216"));
    onus_net_destroy(net);
    net = new_net(3); /* as many nodes as there may be, and no more */
    int last = 0, out;
    for (int i = 1; i < 4096; i++) last = add(net, "relu", "r", last, 0);
    assert_int_equal(onus_net_add(net, "relu", "more", &last, 1, NULL, 0, &out, &err),
                     ONUS_BAD_ARG);
    assert_non_null(strstr(err.msg, "4096"));
    onus_net_destroy(net);
}

/* ---- parameters
 * --------------------------------------------------------------------------------------- */

/* Bytewise order of names (a.10 before a.9), 64-byte steps, gaps of zeros. */
static void parameters_stand_in_order(void **state)
{
    (void)state;
    onus_net *net = new_net(5);
    const int a = add(net, "dense", "a.9", 0, 7), b = add(net, "dense", "a.10", a, 3),
              c = add(net, "bias", "B", b, 0),
              l = add(net, "softmax_cross_entropy", "loss", c, 0);
    assert_int_equal(onus_net_seal(net, c, c, l, NULL), ONUS_OK);
    onus_net_init(net, 1);
    static const struct {
        const char *name;
        int64_t n, offset;
    } want[] = {{"B.bias", 3, 0},
                {"a.10.bias", 3, 16},
                {"a.10.weight", 21, 32},
                {"a.9.bias", 7, 64},
                {"a.9.weight", 35, 80}};
    assert_int_equal(onus_net_tensors(net), 5);
    assert_int_equal(onus_net_param_floats(net), 80 + 48);
    assert_int_equal(onus_net_param_count(net), 3 + 3 + 21 + 7 + 35);
    assert_int_equal((uintptr_t)onus_net_params(net) % 64, 0);
    for (int t = 0; t < 5; t++) {
        const onus_tensor *x = onus_net_tensor(net, t);
        assert_string_equal(x->name, want[t].name);
        assert_int_equal(x->n, want[t].n);
        assert_int_equal(x->offset, want[t].offset);
        const int64_t end = t < 4 ? want[t + 1].offset : 80 + 48;
        for (int64_t i = x->offset + x->n; i < end; i++)
            assert_true(onus_net_params(net)[i] == 0);
    }
    assert_int_equal(onus_net_inputs(net), 5);
    assert_int_equal(onus_net_outputs(net), 3);
    onus_net_destroy(net);
}

/* Uniform within 1 / sqrt(inputs), element i from word i of (seed, step 0, node = the tensor's
 * place, purpose 1); a bias row starts at 0. */
static void parameters_start_as_the_contract_says(void **state)
{
    (void)state;
    onus_net *net = new_net(50);
    const int a = add(net, "dense", "a", 0, 40), b = add(net, "bias", "b", a, 0),
              l = add(net, "softmax_cross_entropy", "loss", b, 0);
    assert_int_equal(onus_net_seal(net, b, b, l, NULL), ONUS_OK);
    const uint64_t seed = UINT64_C(0x123456789abcdef);
    onus_net_init(net, seed);
    const float bound = (float)(1 / sqrt(50.0));
    double sum = 0, square = 0;
    for (int t = 0; t < 2; t++) { /* a.bias, a.weight */
        const onus_tensor *x = onus_net_tensor(net, t);
        for (int64_t i = 0; i < x->n; i++) {
            const uint32_t key[2] = {0x89abcdef, 0x01234567},
                           ctr[4] = {(uint32_t)(i / 4), 0, (uint32_t)t, 1};
            uint32_t w[4];
            onus_philox(key, ctr, w);
            const float u = (float)(w[i % 4] >> 8) * 0x1p-24f;
            volatile float want = (2 * u - 1) * bound;
            const float got = onus_net_params(net)[x->offset + i];
            assert_true(got == want && fabsf(got) <= bound);
            sum += t ? (double)got : 0;
            square += t ? (double)got * (double)got : 0;
        }
    }
    const double n = 2000, var = (double)bound * (double)bound / 3;
    assert_true(fabs(sum / n) < 5 * sqrt(var / n));
    assert_true(fabs(square / n - var) < 5 * var * sqrt(0.8 / n));
    const onus_tensor *zero = onus_net_tensor(net, 2);
    assert_string_equal(zero->name, "b.bias");
    for (int64_t i = 0; i < zero->n; i++)
        assert_true(onus_net_params(net)[zero->offset + i] == 0);
    onus_net_destroy(net);
}

/* name NUL shape NUL bytes, tensor by tensor. */
static void the_hash_covers_names_shapes_and_bytes(void **state)
{
    (void)state;
    onus_net *net = new_net(2);
    const int a = add(net, "dense", "a", 0, 2),
              l = add(net, "softmax_cross_entropy", "loss", a, 0);
    uint8_t got[32], want[32];
    assert_int_equal(onus_net_seal(net, a, a, l, NULL), ONUS_OK);
    float *p = onus_net_params(net);
    for (int i = 0; i < 2; i++) p[i] = (float)i + 0.5f;       /* a.bias */
    for (int i = 0; i < 4; i++) p[16 + i] = -(float)i - 1.0f; /* a.weight */
    onus_sha256 h;
    onus_sha256_init(&h);
    onus_sha256_add(&h, "a.bias\0(2)\0", 11);
    onus_sha256_add(&h, p, 8);
    onus_sha256_add(&h, "a.weight\0(2, 2)\0", 16);
    onus_sha256_add(&h, p + 16, 16);
    onus_sha256_end(&h, want);
    onus_net_sha256(net, got);
    assert_memory_equal(got, want, 32);
    p[2] = 1; /* a gap is nobody's */
    onus_net_sha256(net, got);
    assert_memory_equal(got, want, 32);
    p[19] = 5;
    onus_net_sha256(net, got);
    assert_memory_not_equal(got, want, 32);
    onus_net_destroy(net);
}

static void the_first_dense_layer_is_found(void **state)
{
    (void)state;
    const float *W, *b;
    int64_t n;
    onus_net *net = new_net(4);
    const int a = add(net, "dense", "a", 0, 2),
              l = add(net, "softmax_cross_entropy", "loss", a, 0);
    assert_int_equal(onus_net_seal(net, a, a, l, NULL), ONUS_OK);
    onus_net_first_dense(net, &W, &b, &n);
    assert_ptr_equal(b, onus_net_params(net));
    assert_ptr_equal(W, onus_net_params(net) + 16);
    assert_int_equal(n, 2);
    onus_net_destroy(net);
    net = new_net(4); /* something stands before it */
    const int r = add(net, "relu", "r", 0, 0), d = add(net, "dense", "a", r, 2),
              e = add(net, "softmax_cross_entropy", "loss", d, 0);
    assert_int_equal(onus_net_seal(net, d, d, e, NULL), ONUS_OK);
    onus_net_first_dense(net, &W, &b, &n);
    assert_null(W);
    onus_net_destroy(net);
}

/* ---- costs
 * ------------------------------------------------------------------------------------------------
 */

static double counted;

static void count_gemm(const onus_gemm_task *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                       void *pack)
{
    counted += (double)((m1 - m0) * (n1 - n0)) * (double)(g->K + (g->bias != NULL));
    onus_kernels_ref.gemm_tile(g, m0, m1, n0, n1, pack);
}

static void count_relu(const float *x, float *y, int64_t n)
{
    counted += (double)n;
    onus_kernels_ref.relu(x, y, n);
}

static void count_back(const float *y, const float *dy, float *dx, int64_t n)
{
    counted += (double)n;
    onus_kernels_ref.relu_back(y, dy, dx, n);
}

static void count_col_sum(const float *X, int64_t rows, int64_t ld, int64_t j0, int64_t j1,
                          bool goes_on, float *out)
{
    counted += (double)(rows * (j1 - j0));
    onus_kernels_ref.col_sum(X, rows, ld, j0, j1, goes_on, out);
}

static void count_grid(const onus_grid_outer_args *a, const onus_grid_part *p, double *pack)
{
    counted += (double)((p->r1 - p->r0) * (p->i1 - p->i0) * (p->j1 - p->j0));
    onus_kernels_of(ONUS_ISA_REF)->grid_tile(a, p, pack);
}

static double count_norm2(const float *x, int64_t n)
{
    counted += (double)n;
    return onus_kernels_ref.norm2(x, n);
}

/* A net's cost is what its plans do: 7-5-1 with ReLU and squared error (2 operations forward, 4
 * back, outside of kernels), predicted, trained, trained privately. */
static void costs_are_those_of_counted_plans(void **state)
{
    (void)state;
    enum { B = 6 };
    onus_kernels k = {.gemm_tile = count_gemm,
                      .relu = count_relu,
                      .relu_back = count_back,
                      .col_sum = count_col_sum,
                      .grid_tile = count_grid,
                      .norm2 = count_norm2};
    const onus_exec ex = {.k = &k};
    onus_net *net = new_net(7);
    const int a = add(net, "dense", "a", 0, 5), r = add(net, "relu", "r", a, 0),
              c = add(net, "dense", "c", r, 1), l = add(net, "squared_error", "loss", c, 0);
    assert_int_equal(onus_net_seal(net, c, c, l, NULL), ONUS_OK);
    const float label[B] = {0};
    float *grad = calloc((size_t)onus_net_param_floats(net), sizeof *grad);
    for (int mode = ONUS_PLAN_PREDICT; mode <= ONUS_PLAN_PRIVATE; mode++) {
        const onus_batch b = {.B = B, .label = label, .loss_scale = 1};
        const double w[B] = {1, 1, 1, 1, 1, 1};
        onus_bound bound[B];
        double *sum = calloc((size_t)onus_net_param_floats(net), sizeof *sum);
        double loops = mode == ONUS_PLAN_PREDICT ? 0 : 6 * B;
        if (mode == ONUS_PLAN_PRIVATE) loops += (5 + 1) * B; /* the biases' sums */
        onus_plan *p;
        assert_int_equal(onus_plan_create(&p, net, &ex, (onus_plan_mode)mode, B, NULL, NULL),
                         0);
        memset(onus_plan_input(p), 0, B * 7 * sizeof(float));
        counted = 0;
        onus_plan_forward(p, &b);
        if (mode == ONUS_PLAN_TRAIN) onus_plan_backward(p, &b, (float *[]){grad});
        if (mode == ONUS_PLAN_PRIVATE) {
            onus_plan_backward(p, &b, NULL);
            onus_plan_bounds(p, &b, bound);
            onus_plan_sums(p, &b, w, 0x1p-36, sum);
        }
        const onus_cost cost =
            onus_net_cost(net, B, mode != ONUS_PLAN_PREDICT, mode == ONUS_PLAN_PRIVATE);
        assert_true(cost.multiply_adds == counted + loops);
        assert_true(cost.bytes > 0);
        free(sum);
        onus_plan_destroy(p);
    }
    free(grad);
    onus_net_destroy(net);
}

static onus_status build(const onus_allocator *mem, void *ctx, onus_err *err)
{
    (void)ctx;
    onus_net *net;
    const onus_shape in = {1, {5}};
    int a = 0, l = 0;
    onus_status st = onus_net_create(&net, &in, mem, err);
    if (st != ONUS_OK) return st;
    for (int i = 0; st == ONUS_OK && i < 200; i++) {
        char name[20];
        const onus_attr_value units = {"units", 30};
        snprintf(name, sizeof name, "layers.%d", i);
        st = onus_net_add(net, "dense", name, &a, 1, &units, 1, &a, err);
    }
    if (st == ONUS_OK)
        st = onus_net_add(net, "softmax_cross_entropy", "loss", &a, 1, NULL, 0, &l, err);
    if (st == ONUS_OK) st = onus_net_seal(net, a, a, l, err);
    onus_net_destroy(net);
    return st;
}

static void nets_survive_the_end_of_memory(void **state)
{
    (void)state;
    failing_mem_walk("net", build, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_that_make_no_sense_are_named),
        cmocka_unit_test(ends_that_make_no_sense_are_named),
        cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(parameters_stand_in_order),
        cmocka_unit_test(parameters_start_as_the_contract_says),
        cmocka_unit_test(the_hash_covers_names_shapes_and_bytes),
        cmocka_unit_test(the_first_dense_layer_is_found),
        cmocka_unit_test(costs_are_those_of_counted_plans),
        cmocka_unit_test(nets_survive_the_end_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
