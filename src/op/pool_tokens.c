/* SPDX-License-Identifier: Apache-2.0
 * pool_tokens.c - one vector of a sequence's, for classifiers: the first, the last, the mean of
 * those that are there. x is (T, width); the tokens (T) beside it say which places are there
 * (all of them without). A sequence without any gives +0.
 *
 * A mean's sum over places is a dot with ones (contract, item 3), absent ones skipped; it is
 * divided by their number, and so is the gradient. */
#include "op/tokens.h"

#include <string.h>

#include "base/fail.h"

onus_status onus_check_sequence(const char *name, const onus_shape in[], int n_in,
                                onus_err *err)
{
    char x[96], tokens[96];
    onus_shape_text(&in[0], x, sizeof x);
    if (in[0].n != 2 || in[0].d[0] < 1)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: takes a sequence, expected shape (T, width), got %s", name, x);
    if (n_in > 1 && (in[1].n != 1 || in[1].d[0] != in[0].d[0])) {
        onus_shape_text(&in[1], tokens, sizeof tokens);
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: tokens of shape %s do not fit a sequence of shape %s, expected "
                         "(%lld)",
                         name, tokens, x, (long long)in[0].d[0]);
    }
    return ONUS_OK;
}

static onus_status pooled(const char *name, const onus_shape in[], int n_in, onus_shape *out,
                          onus_err *err)
{
    const onus_status st = onus_check_sequence(name, in, n_in, err);
    if (st == ONUS_OK) *out = (onus_shape){.n = 1, .d = {in[0].d[1]}};
    return st;
}

/* Rows that are chosen: place of example b, or -1. */
typedef int64_t (*choose_fn)(const onus_call *c, int64_t b);

static void choose_forward(onus_call *c, choose_fn choose)
{
    const int64_t T = c->in_shape[0].d[0], n = c->in_shape[0].d[1];
    for (int64_t b = 0; b < c->B; b++) {
        const int64_t t = choose(c, b);
        if (t < 0)
            memset(c->out + b * n, 0, (size_t)n * sizeof(float));
        else
            memcpy(c->out + b * n, c->in[0] + (b * T + t) * n, (size_t)n * sizeof(float));
    }
}

static void choose_backward(onus_call *c, choose_fn choose)
{
    const int64_t T = c->in_shape[0].d[0], n = c->in_shape[0].d[1];
    for (int64_t b = 0; c->d_in[0] && b < c->B; b++) {
        const int64_t t = choose(c, b);
        float *dx = c->d_in[0] + b * T * n;
        memset(dx, 0, (size_t)(T * n) * sizeof(float));
        if (t >= 0) memcpy(dx + t * n, c->d_out + b * n, (size_t)n * sizeof(float));
    }
}

/* Bytes: a row is read and one written; on the way back a whole sequence is written. */
static onus_cost choose_cost(const onus_shape in[], int64_t B, onus_pass pass, double tokens)
{
    const double b = 4 * (double)B, T = (double)in[0].d[0], n = (double)in[0].d[1];
    if (pass == ONUS_PASS_FORWARD) return (onus_cost){0, b * (2 * n + tokens)};
    if (pass == ONUS_PASS_BACKWARD) return (onus_cost){0, b * (n + T * n + tokens)};
    return (onus_cost){0};
}

/* ---- first_token ------------------------------------------------------------------------- */

static onus_status first_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                               onus_shape *out, onus_err *err)
{
    (void)attr;
    return pooled("first_token", in, n_in, out, err);
}

static int64_t the_first(const onus_call *c, int64_t b)
{
    (void)c, (void)b;
    return 0;
}

static void first_forward(onus_call *c)
{
    choose_forward(c, the_first);
}

static void first_backward(onus_call *c)
{
    choose_backward(c, the_first);
}

static void first_relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    first_backward(c);
}

static onus_cost first_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                            onus_pass pass)
{
    (void)attr;
    return choose_cost(in, B, pass, 0);
}

const onus_op onus_op_first_token =
    ONUS_OP_ROW("first_token", "(T, width) -> (width): the first place", 1, 1, 0, 0, NULL, 0,
                first_shape, onus_no_params, onus_no_rows, onus_no_bytes, onus_no_scratch,
                ONUS_CAN(first_forward), ONUS_CAN(first_backward), ONUS_CAN(onus_no_terms),
                ONUS_CAN(onus_no_grad), ONUS_CAN(first_relevance), ONUS_CAN(first_cost));

/* ---- last_token -------------------------------------------------------------------------- */

static onus_status last_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                              onus_shape *out, onus_err *err)
{
    (void)attr;
    return pooled("last_token", in, n_in, out, err);
}

static int64_t the_last(const onus_call *c, int64_t b)
{
    int64_t t = c->in_shape[0].d[0] - 1;
    while (t >= 0 && !onus_is_there(c, 1, b, t)) t--;
    return t;
}

static size_t place_bytes(const onus_attr *attr, const onus_shape in[], int64_t B)
{
    (void)attr, (void)in;
    return (size_t)B * sizeof(int32_t);
}

/* The place is kept, so that nobody need keep the tokens, which may be gone. */
static int64_t the_kept(const onus_call *c, int64_t b)
{
    return ((const int32_t *)c->saved)[b];
}

static void last_forward(onus_call *c)
{
    for (int64_t b = 0; b < c->B; b++) ((int32_t *)c->saved)[b] = (int32_t)the_last(c, b);
    choose_forward(c, the_kept);
}

static void last_backward(onus_call *c)
{
    choose_backward(c, the_kept);
}

static void last_relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    last_backward(c);
}

/* The tokens are counted whether or not they are given. */
static onus_cost last_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                           onus_pass pass)
{
    (void)attr;
    return choose_cost(in, B, pass, pass == ONUS_PASS_FORWARD ? (double)in[0].d[0] + 1 : 1);
}

const onus_op onus_op_last_token = ONUS_OP_ROW(
    "last_token", "(T, width) -> (width): the last place that is there; tokens: input 2", 1, 2,
    0, 0, NULL, 0, last_shape, onus_no_params, onus_no_rows, place_bytes, onus_no_scratch,
    ONUS_CAN(last_forward), ONUS_CAN(last_backward), ONUS_CAN(onus_no_terms),
    ONUS_CAN(onus_no_grad), ONUS_CAN(last_relevance), ONUS_CAN(last_cost));

/* ---- mean_tokens ------------------------------------------------------------------------- */

static onus_status mean_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                              onus_shape *out, onus_err *err)
{
    (void)attr;
    return pooled("mean_tokens", in, n_in, out, err);
}

enum { SEGMENT = 256 };

/* Adds the places of a segment that are there to chain (n), from +0; returns how many. */
static int64_t chain_of(const onus_call *c, int64_t b, int64_t from, float *chain)
{
    const int64_t T = c->in_shape[0].d[0], n = c->in_shape[0].d[1];
    const int64_t to = from + SEGMENT < T ? from + SEGMENT : T;
    int64_t count = 0;
    memset(chain, 0, (size_t)n * sizeof *chain);
    for (int64_t t = from; t < to; t++) {
        if (!onus_is_there(c, 1, b, t)) continue;
        const float *x = c->in[0] + (b * T + t) * n;
        for (int64_t j = 0; j < n; j++) chain[j] = chain[j] + x[j];
        count++;
    }
    return count;
}

/* Scratch: a chain for each example. */
static size_t mean_scratch(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                           int64_t B)
{
    (void)ex, (void)attr;
    return (size_t)(B * in[0].d[1]) * sizeof(float);
}

/* Kept for the way back: at each place that is there how many are, else 0. */
static size_t mean_saved(const onus_attr *attr, const onus_shape in[], int64_t B)
{
    (void)attr;
    return (size_t)(B * in[0].d[0]) * sizeof(float);
}

static void mean_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t T = c->in_shape[0].d[0], n = c->in_shape[0].d[1];
    for (int64_t b = begin; b < end; b++) {
        float *chain = (float *)c->scratch + b * n, *y = c->out + b * n;
        int64_t count = 0;
        memset(y, 0, (size_t)n * sizeof *y);
        for (int64_t t = 0; t < T; t += SEGMENT) {
            const int64_t got = chain_of(c, b, t, chain);
            for (int64_t j = 0; got && j < n; j++) y[j] = count ? y[j] + chain[j] : chain[j];
            count += got;
        }
        for (int64_t j = 0; count && j < n; j++) y[j] = y[j] / (float)count;
        for (int64_t t = 0; t < T; t++)
            ((float *)c->saved)[b * T + t] = onus_is_there(c, 1, b, t) ? (float)count : 0.0f;
    }
}

static void mean_forward(onus_call *c)
{
    onus_each(c, c->B, 1, onus_shape_numel(&c->in_shape[0]), mean_range);
}

static void mean_back_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t T = c->in_shape[0].d[0], n = c->in_shape[0].d[1];
    const float *count = c->saved;
    for (int64_t i = begin * T; i < end * T; i++) {
        const float *dy = c->d_out + i / T * n;
        float *dx = c->d_in[0] + i * n;
        for (int64_t j = 0; j < n; j++) dx[j] = count[i] > 0.0f ? dy[j] / count[i] : 0.0f;
    }
}

static void mean_backward(onus_call *c)
{
    if (c->d_in[0]) onus_each(c, c->B, 1, onus_shape_numel(&c->in_shape[0]), mean_back_range);
}

static void mean_relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    mean_backward(c);
}

/* Every place as if it were there: a sum, a division an output; backward a division each. The
 * tokens are counted whether or not they are given, and what is kept is as long. */
static onus_cost mean_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                           onus_pass pass)
{
    (void)attr;
    const double b = (double)B, T = (double)in[0].d[0], n = (double)in[0].d[1];
    if (pass == ONUS_PASS_FORWARD)
        return (onus_cost){b * (T * n + n), 4 * b * (T * n + n + 2 * T)};
    if (pass == ONUS_PASS_BACKWARD) return (onus_cost){b * T * n, 4 * b * (T * n + n + T)};
    return (onus_cost){0};
}

const onus_op onus_op_mean_tokens = ONUS_OP_ROW(
    "mean_tokens",
    "(T, width) -> (width): the mean of the places that are there; tokens: input 2", 1, 2, 0, 0,
    NULL, 0, mean_shape, onus_no_params, onus_no_rows, mean_saved, mean_scratch,
    ONUS_CAN(mean_forward), ONUS_CAN(mean_backward), ONUS_CAN(onus_no_terms),
    ONUS_CAN(onus_no_grad), ONUS_CAN(mean_relevance), ONUS_CAN(mean_cost));
