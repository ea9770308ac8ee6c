/* SPDX-License-Identifier: Apache-2.0
 * arrange.c - numbers that keep their values and change their places: flatten, concat. */
#include <string.h>

#include "base/fail.h"
#include "op/each.h"

static onus_status flatten_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                                 onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in, (void)err;
    *out = (onus_shape){.n = 1, .d = {onus_shape_numel(&in[0])}};
    return ONUS_OK;
}

static void copy_range(const onus_call *c, int64_t i, int64_t end)
{
    memcpy(c->out + i, c->in[0] + i, (size_t)(end - i) * sizeof(float));
}

static void copy_back_range(const onus_call *c, int64_t i, int64_t end)
{
    memcpy(c->d_in[0] + i, c->d_out + i, (size_t)(end - i) * sizeof(float));
}

static void flatten_forward(onus_call *c)
{
    if (c->out != c->in[0]) onus_each(c, onus_call_out(c), 16, 1, copy_range);
}

static void flatten_backward(onus_call *c)
{
    if (c->d_in[0] && c->d_in[0] != c->d_out)
        onus_each(c, onus_call_out(c), 16, 1, copy_back_range);
}

static void flatten_relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    flatten_backward(c);
}

static onus_cost flatten_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                              onus_pass pass)
{
    (void)attr;
    return onus_cost_each(&in[0], B, pass, 0, 0, 8, 8);
}

const onus_op onus_op_flatten =
    ONUS_OP_ROW("flatten", "all axes become one", 1, 1, ONUS_OP_INPLACE, 0, NULL, 0,
                flatten_shape, onus_no_params, onus_no_rows, onus_no_bytes, onus_no_scratch,
                ONUS_CAN(flatten_forward), ONUS_CAN(flatten_backward), ONUS_CAN(onus_no_terms),
                ONUS_CAN(onus_no_grad), ONUS_CAN(flatten_relevance), ONUS_CAN(flatten_cost));

/* ---- concat ------------------------------------------------------------------------------ */

static int64_t width(const onus_shape *s)
{
    return s->d[s->n - 1];
}

static onus_status concat_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                                onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in;
    bool fits = in[0].n > 0 && in[0].n == in[1].n;
    for (int i = 0; fits && i < in[0].n - 1; i++) fits = in[0].d[i] == in[1].d[i];
    if (!fits || width(&in[0]) > INT64_MAX / 2 || width(&in[1]) > INT64_MAX / 2) {
        char a[96], b[96];
        onus_shape_text(&in[0], a, sizeof a);
        onus_shape_text(&in[1], b, sizeof b);
        return onus_fail(err, ONUS_BAD_INPUT,
                         "concat: inputs must agree but for their last axis, got %s and %s", a,
                         b);
    }
    *out = in[0];
    out->d[out->n - 1] += width(&in[1]);
    return ONUS_OK;
}

static void concat_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t a = width(&c->in_shape[0]), b = width(&c->in_shape[1]);
    for (int64_t r = begin; r < end; r++) {
        memcpy(c->out + r * (a + b), c->in[0] + r * a, (size_t)a * sizeof(float));
        memcpy(c->out + r * (a + b) + a, c->in[1] + r * b, (size_t)b * sizeof(float));
    }
}

static void concat_forward(onus_call *c)
{
    const int64_t n = width(&c->out_shape);
    onus_each(c, n ? onus_call_out(c) / n : 0, 1, n, concat_range);
}

static void split_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t n = width(&c->out_shape);
    for (int k = 0; k < 2; k++) {
        const int64_t w = width(&c->in_shape[k]), at = k ? n - w : 0;
        for (int64_t r = begin; c->d_in[k] && r < end; r++)
            memcpy(c->d_in[k] + r * w, c->d_out + r * n + at, (size_t)w * sizeof(float));
    }
}

static void concat_backward(onus_call *c)
{
    const int64_t n = width(&c->out_shape);
    onus_each(c, n ? onus_call_out(c) / n : 0, 1, n, split_range);
}

static void concat_relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    concat_backward(c);
}

static onus_cost concat_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                             onus_pass pass)
{
    (void)attr;
    const double n = (double)(B * (onus_shape_numel(&in[0]) + onus_shape_numel(&in[1])));
    if (pass == ONUS_PASS_FORWARD || pass == ONUS_PASS_BACKWARD) return (onus_cost){0, 8 * n};
    return (onus_cost){0};
}

const onus_op onus_op_concat =
    ONUS_OP_ROW("concat", "two inputs side by side along the last axis", 2, 2, 0, 0, NULL, 0,
                concat_shape, onus_no_params, onus_no_rows, onus_no_bytes, onus_no_scratch,
                ONUS_CAN(concat_forward), ONUS_CAN(concat_backward), ONUS_CAN(onus_no_terms),
                ONUS_CAN(onus_no_grad), ONUS_CAN(concat_relevance), ONUS_CAN(concat_cost));
