/* SPDX-License-Identifier: Apache-2.0
 * Goal: relevance through whole nets. Method: shares of every family add up to score less the
 * reference's score; those of a linear model are weight times difference; a token that a score
 * cannot see, or that is absent, has none; bits depend neither on batch-mates nor on the
 * instruction set; nets with a row that has no rule are refused by its reason. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_mem.h"
#include "net/model.h"
#include "net/relevance.h"
#include "num/philox.h"

enum { B = 5, T = 7, VOCABULARY = 11 };

static const onus_model_io columns = {
    .input = {.n = 1, .d = {6}}, .head = ONUS_HEAD_CLASSES, .classes = 3};
static const onus_model_io number = {.input = {.n = 1, .d = {6}}, .head = ONUS_HEAD_VALUE};
static const onus_model_io image = {
    .input = {.n = 3, .d = {2, 8, 8}}, .head = ONUS_HEAD_CLASSES, .classes = 3};
static const onus_model_io text = {.input = {.n = 1, .d = {T}},
                                   .vocabulary = VOCABULARY,
                                   .head = ONUS_HEAD_BINARY,
                                   .classes = 2};
static const onus_model_io next = {.input = {.n = 1, .d = {T}},
                                   .vocabulary = VOCABULARY,
                                   .head = ONUS_HEAD_TOKENS,
                                   .classes = VOCABULARY,
                                   .next = true};

#define GPT2_CLASSIFIER                                                                    \
    "{\"layers\":[{\"op\":\"embedding\",\"rows\":11,\"width\":8,\"std\":0.5},"             \
    "{\"op\":\"position\",\"in\":[\"@\",\"input\"],\"rows\":7,\"std\":0.5,\"out\":\"x\"}," \
    "{\"op\":\"layer_norm\",\"in\":[\"x\"]},{\"op\":\"dense\",\"units\":24,\"std\":0.5},"  \
    "{\"op\":\"attention\",\"in\":[\"@\",\"input\"],\"heads\":2,\"causal\":1},"            \
    "{\"op\":\"dense\",\"units\":8,\"std\":0.5},"                                          \
    "{\"op\":\"add\",\"in\":[\"@\",\"x\"]},{\"op\":\"layer_norm\"},"                       \
    "{\"op\":\"last_token\",\"in\":[\"@\",\"input\"]},{\"op\":\"dense\",\"units\":1}]}"

static const struct {
    onus_model_spec spec;
    const onus_model_io *io;
    onus_share_of of;
} families[] = {
    {{"mlp", NULL, "{\"hidden\":[9,5],\"activation\":\"relu\",\"dropout\":0.3}"}, &columns, 0},
    {{"mlp", NULL, "{\"hidden\":[9],\"activation\":\"gelu\"}", .label_shift = 3,
      .label_scale = 5},
     &number,
     ONUS_SHARE_PREDICTION},
    {{"cnn", NULL, "{\"channels\":[4,6],\"hidden\":8}"}, &image, 0},
    {{"cnn", NULL,
      "{\"channels\":[4],\"hidden\":0,\"norm\":\"layer\",\"pool\":\"avg\","
      "\"activation\":\"tanh\"}"},
     &image,
     0},
    {{"cnn", NULL, "{\"channels\":[4],\"norm\":\"batch\"}"}, &image, 0},
    {{"cnn", "resnet18", "{\"width\":2,\"norm\":\"group\",\"groups\":2}"}, &image, 0},
    {{"cnn", "resnet18", "{\"width\":2}"}, &image, 0},
    {{"lstm", NULL, "{\"embedding\":5,\"hidden\":6,\"layers\":2,\"bidirectional\":\"true\"}"},
     &text,
     0},
    {{"gru", NULL, "{\"embedding\":5,\"hidden\":6,\"layers\":2,\"bidirectional\":\"true\"}"},
     &text,
     0},
    {{"encoder", NULL, "{\"width\":8,\"heads\":2,\"dropout\":0.1}"}, &text, 0},
    {{"layers", NULL, GPT2_CLASSIFIER}, &text, 0},
    {{"decoder", NULL, "{\"layers\":2,\"width\":8,\"heads\":2}"}, &next, 0},
    /* at the reference, 0, an RMS norm divides by sqrt(eps): a small one amplifies rounding */
    {{"decoder", "llama", "{\"layers\":2,\"width\":8,\"heads\":4,\"kv_heads\":2,\"eps\":0.01}"},
     &next,
     0},
};
enum { N_FAMILIES = sizeof families / sizeof *families };

static onus_net *build(size_t i, onus_net **net)
{
    onus_err err;
    if (onus_model_build(net, &families[i].spec, families[i].io, NULL, &err) != ONUS_OK)
        fail_msg("family %zu: %s", i, err.msg);
    onus_net_init(*net, i + 1);
    /* weights of deviation 0.02 would leave everything near linear */
    float *p = onus_net_params(*net);
    for (int64_t k = 0; k < onus_net_param_floats(*net); k++) p[k] *= 3;
    return *net;
}

/* Numbers around 0, or tokens, a few absent at the end of some. */
static void fill(const onus_net *net, float *x, uint64_t seed)
{
    const int64_t n = onus_net_inputs(net), V = onus_net_vocabulary(net);
    const onus_stream s = {.seed = seed, .purpose = ONUS_DRAW_INIT};
    onus_stream_uniform(&s, 0, B * n, x);
    for (int64_t i = 0; i < B * n; i++)
        x[i] = !V                       ? 2 * x[i] - 1
               : i % n >= n - i / n % 4 ? -1.0f
                                        : (float)(int64_t)(x[i] * (float)V);
}

static onus_relevance *relevance_of(size_t i, onus_net *net, const onus_exec *ex)
{
    onus_relevance *r;
    onus_err err;
    if (onus_relevance_create(&r, net, families[i].of, ex, B, NULL, &err) != ONUS_OK)
        fail_msg("family %zu: %s", i, err.msg);
    fill(net, onus_relevance_input(r), 3);
    fill(net, onus_relevance_reference(r), 4);
    return r;
}

/* Shares (B, n) of some output of each example. */
static double *shares_of(onus_relevance *r, int64_t count)
{
    int32_t output[B];
    double *share = calloc((size_t)(B * onus_relevance_shares(r)), sizeof *share);
    for (int64_t b = 0; b < B; b++)
        output[b] = (int32_t)((b * 7 + 1) % onus_relevance_outputs(r));
    onus_relevance_forward(r, count);
    onus_relevance_backward(r, output, share);
    return share;
}

static void shares_add_up(void **state)
{
    (void)state;
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    for (size_t i = 0; i < N_FAMILIES; i++) {
        onus_net *net = build(i, &net);
        onus_relevance *r = relevance_of(i, net, &ex);
        double *share = shares_of(r, B), largest = 0;
        const int64_t n = onus_relevance_shares(r), O = onus_relevance_outputs(r);
        for (int64_t b = 0; b < B; b++) {
            const int64_t o = b * O + (b * 7 + 1) % O;
            const double gap = (double)onus_relevance_scores(r)[o] -
                               (double)onus_relevance_reference_scores(r)[o];
            double sum = 0, size = 0;
            for (int64_t k = 0; k < n; k++) {
                sum += share[b * n + k];
                size += fabs(share[b * n + k]);
            }
            largest = fmax(largest, fabs(gap));
            if (!(fabs(sum - gap) <= 2e-5 * (1 + size)))
                fail_msg("family %zu, example %lld: shares add up to %.9g, not to %.9g", i,
                         (long long)b, sum, gap);
        }
        assert_true(largest > 1e-3); /* there was something to share */
        free(share);
        onus_relevance_destroy(r);
        onus_net_destroy(net);
    }
}

/* Absent tokens have no share, nor has one that comes after the place that is asked about. */
static void what_is_not_seen_has_no_share(void **state)
{
    (void)state;
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    for (size_t i = 0; i < N_FAMILIES; i++) {
        if (!families[i].io->vocabulary) continue;
        onus_net *net = build(i, &net);
        onus_relevance *r = relevance_of(i, net, &ex);
        double *share = shares_of(r, B), seen = 0;
        for (int64_t b = 0; b < B; b++) {
            const int64_t last =
                families[i].io->next ? (b * 7 + 1) % (T * VOCABULARY) / VOCABULARY : T;
            for (int64_t t = 0; t < T; t++) {
                const bool absent = onus_relevance_input(r)[b * T + t] < 0;
                if (absent || t > last) assert_true(share[b * T + t] == 0);
                seen += fabs(share[b * T + t]);
            }
        }
        assert_true(seen > 1e-3);
        free(share);
        onus_relevance_destroy(r);
        onus_net_destroy(net);
    }
}

/* softmax regression: share k of class c is W[c, k] (x - x0). */
static void linear_models_share_by_their_weights(void **state)
{
    (void)state;
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    const onus_model_spec spec = {.kind = "softmax"};
    onus_net *net;
    onus_relevance *r;
    assert_int_equal(onus_model_build(&net, &spec, &columns, NULL, NULL), ONUS_OK);
    onus_net_init(net, 5);
    assert_int_equal(onus_relevance_create(&r, net, ONUS_SHARE_LOGITS, &ex, B, NULL, NULL),
                     ONUS_OK);
    float *x = onus_relevance_input(r), *x0 = onus_relevance_reference(r);
    fill(net, x, 3);
    fill(net, x0, 4);
    double *share = shares_of(r, B);
    const float *W = NULL;
    for (int t = 0; t < onus_net_tensors(net); t++)
        if (onus_net_tensor(net, t)->shape.n == 2)
            W = onus_net_params(net) + onus_net_tensor(net, t)->offset;
    assert_non_null(W);
    for (int64_t b = 0; b < B; b++)
        for (int64_t k = 0; k < 6; k++) {
            const double want = (double)W[(b * 7 + 1) % 3 * 6 + k] *
                                ((double)x[b * 6 + k] - (double)x0[b * 6 + k]);
            assert_true(fabs(share[b * 6 + k] - want) <= 1e-12);
        }
    free(share);
    onus_relevance_destroy(r);
    onus_net_destroy(net);
}

static void bits_are_everywhere_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_FAMILIES; i++) {
        onus_net *net = build(i, &net);
        double *first = NULL;
        for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
            const onus_exec ex = {.k = onus_kernels_of((onus_isa)isa)};
            if (!ex.k) continue;
            onus_relevance *r = relevance_of(i, net, &ex);
            const int64_t n = onus_relevance_shares(r);
            double *share = shares_of(r, B), *two = shares_of(r, 2);
            assert_memory_equal(share, two, (size_t)(2 * n) * sizeof *share);
            if (first) assert_memory_equal(share, first, (size_t)(B * n) * sizeof *share);
            free(two);
            if (first)
                free(share);
            else
                first = share;
            onus_relevance_destroy(r);
        }
        free(first);
        onus_net_destroy(net);
    }
}

static void rows_without_a_rule_are_named(void **state)
{
    (void)state;
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    const onus_model_spec spec = {
        .kind = "layers",
        .settings = "{\"layers\":[{\"op\":\"dense\",\"units\":4},{\"op\":\"softmax\","
                    "\"name\":\"mixture\"},{\"op\":\"dense\",\"units\":3}]}"};
    onus_net *net;
    onus_relevance *r = NULL;
    onus_err err;
    assert_int_equal(onus_model_build(&net, &spec, &columns, NULL, NULL), ONUS_OK);
    assert_int_equal(onus_relevance_create(&r, net, ONUS_SHARE_LOGITS, &ex, B, NULL, &err),
                     ONUS_REFUSED);
    assert_null(r);
    assert_non_null(strstr(err.msg, "mixture (softmax) cannot be explained by relevance: a "
                                    "probability depends on every logit at once"));
    assert_null(strchr(err.msg, '\n'));
    /* a probability of several is refused as such, the logits before it are not */
    onus_net_destroy(net);
    net = build(0, &net);
    assert_int_equal(onus_net_can_relevance(net, ONUS_SHARE_LOGITS, NULL), ONUS_OK);
    assert_int_equal(onus_net_can_relevance(net, ONUS_SHARE_PREDICTION, NULL), ONUS_REFUSED);
    assert_int_equal(onus_relevance_create(&r, net, ONUS_SHARE_LOGITS, &ex, 0, NULL, &err),
                     ONUS_BAD_ARG);
    onus_net_destroy(net);
}

static onus_status create(const onus_allocator *mem, void *ctx, onus_err *err)
{
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    onus_relevance *r = NULL;
    const onus_status st = onus_relevance_create(&r, ctx, ONUS_SHARE_LOGITS, &ex, B, mem, err);
    onus_relevance_destroy(r);
    return st;
}

static void it_survives_the_end_of_memory(void **state)
{
    (void)state;
    onus_net *net = build(9, &net);
    failing_mem_walk("relevance", create, net);
    onus_net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_add_up),
        cmocka_unit_test(what_is_not_seen_has_no_share),
        cmocka_unit_test(linear_models_share_by_their_weights),
        cmocka_unit_test(bits_are_everywhere_the_same),
        cmocka_unit_test(rows_without_a_rule_are_named),
        cmocka_unit_test(it_survives_the_end_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
