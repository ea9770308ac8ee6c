/* SPDX-License-Identifier: Apache-2.0
 * pair.c - two values of one shape: their sum (residual connections), their product (gates).
 *
 * A product's relevance is shared by D(ab) = Da (b + b0) / 2 + Db (a + a0) / 2, which conserves
 * it exactly. */
#include <string.h>

#include "base/fail.h"
#include "num/kernels.h"
#include "op/each.h"

static onus_status same_shapes(const char *name, const onus_shape in[], onus_shape *out,
                               onus_err *err)
{
    char a[96], b[96];
    if (!onus_shape_same(&in[0], &in[1])) {
        onus_shape_text(&in[0], a, sizeof a);
        onus_shape_text(&in[1], b, sizeof b);
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: takes two inputs of one shape, got %s and %s", name, a, b);
    }
    *out = in[0];
    return ONUS_OK;
}

static onus_status add_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                             onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in;
    return same_shapes("add", in, out, err);
}

static void add_range(const onus_call *c, int64_t i, int64_t end)
{
    c->ex->k->add(c->in[0] + i, c->in[1] + i, c->out + i, end - i);
}

static void add_forward(onus_call *c)
{
    onus_each(c, onus_call_out(c), 16, 1, add_range);
}

static void copy_range(const onus_call *c, int64_t i, int64_t end)
{
    for (int k = 1; k >= 0; k--) /* the first may stand over d_out */
        if (c->d_in[k] && c->d_in[k] != c->d_out)
            memcpy(c->d_in[k] + i, c->d_out + i, (size_t)(end - i) * sizeof(float));
}

static void add_backward(onus_call *c)
{
    onus_each(c, onus_call_out(c), 16, 1, copy_range);
}

static void add_relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    add_backward(c);
}

/* Backward: two copies. */
static onus_cost add_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                          onus_pass pass)
{
    (void)attr;
    return onus_cost_each(&in[0], B, pass, 1, 0, 12, 12);
}

const onus_op onus_op_add =
    ONUS_OP_ROW("add", "y = a + b", 2, 2, ONUS_OP_INPLACE, 0, NULL, 0, add_shape,
                onus_no_params, onus_no_rows, onus_no_bytes, onus_no_scratch,
                ONUS_CAN(add_forward), ONUS_CAN(add_backward), ONUS_CAN(onus_no_terms),
                ONUS_CAN(onus_no_grad), ONUS_CAN(add_relevance), ONUS_CAN(add_cost));

/* ---- product ----------------------------------------------------------------------------- */

static onus_status multiply_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                                  onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in;
    return same_shapes("multiply", in, out, err);
}

static void multiply_range(const onus_call *c, int64_t i, int64_t end)
{
    c->ex->k->mul(c->in[0] + i, c->in[1] + i, c->out + i, end - i);
}

static void multiply_forward(onus_call *c)
{
    onus_each(c, onus_call_out(c), 16, 1, multiply_range);
}

/* da = dy b, db = dy a; the first may stand over dy, so it is written last. */
static void multiply_back_range(const onus_call *c, int64_t i, int64_t end)
{
    for (int k = 1; k >= 0; k--)
        if (c->d_in[k]) c->ex->k->mul(c->d_out + i, c->in[1 - k] + i, c->d_in[k] + i, end - i);
}

static void multiply_backward(onus_call *c)
{
    onus_each(c, onus_call_out(c), 16, 2, multiply_back_range);
}

static void multiply_relevance(onus_call *c, const onus_call *c0)
{
    const int64_t n = onus_call_out(c);
    for (int k = 1; k >= 0; k--) {
        const float *other = c->in[1 - k], *other0 = c0->in[1 - k];
        for (int64_t i = 0; c->d_in[k] && i < n; i++) {
            const float middle = 0.5f * (other[i] + other0[i]);
            c->d_in[k][i] = c->d_out[i] * middle;
        }
    }
}

static onus_cost multiply_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                               onus_pass pass)
{
    (void)attr;
    return onus_cost_each(&in[0], B, pass, 1, 2, 12, 20);
}

const onus_op onus_op_multiply =
    ONUS_OP_ROW("multiply", "y = a b, element by element", 2, 2, ONUS_OP_INPLACE,
                ONUS_KEEPS_IN | ONUS_RELEVANCE_IN, NULL, 0, multiply_shape, onus_no_params,
                onus_no_rows, onus_no_bytes, onus_no_scratch, ONUS_CAN(multiply_forward),
                ONUS_CAN(multiply_backward), ONUS_CAN(onus_no_terms), ONUS_CAN(onus_no_grad),
                ONUS_CAN(multiply_relevance), ONUS_CAN(multiply_cost));
