/* SPDX-License-Identifier: Apache-2.0
 * affine.c - y = factor x + shift, the same two numbers for every element: what turns the
 * output of a net that was trained on a scaled label back into the label's own unit.
 *
 * Rounding: s = x (float)factor; y = s + (float)shift. */
#include <float.h>

#include "op/each.h"

enum { FACTOR, SHIFT };

static const onus_attr_def attrs[] = {
    {"factor", ONUS_ATTR_REAL, 1, -FLT_MAX, FLT_MAX, "multiplies"},
    {"shift", ONUS_ATTR_REAL, 0, -FLT_MAX, FLT_MAX, "is added then"},
};

static void forward_range(const onus_call *c, int64_t begin, int64_t end)
{
    const float factor = (float)c->attr[FACTOR].r, shift = (float)c->attr[SHIFT].r;
    for (int64_t i = begin; i < end; i++) {
        const float scaled = c->in[0][i] * factor;
        c->out[i] = scaled + shift;
    }
}

static void forward(onus_call *c)
{
    onus_each(c, onus_call_out(c), 16, 1, forward_range);
}

static void backward_range(const onus_call *c, int64_t begin, int64_t end)
{
    const float factor = (float)c->attr[FACTOR].r;
    for (int64_t i = begin; i < end; i++) c->d_in[0][i] = c->d_out[i] * factor;
}

static void backward(onus_call *c)
{
    if (c->d_in[0]) onus_each(c, onus_call_out(c), 16, 1, backward_range);
}

/* The shift cancels. */
static void relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    backward(c);
}

static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B, onus_pass pass)
{
    (void)attr;
    return onus_cost_each(&in[0], B, pass, 2, 1, 8, 8);
}

const onus_op onus_op_affine =
    ONUS_OP_ROW("affine", "y = factor x + shift", 1, 1, ONUS_OP_INPLACE, 0, attrs, 2,
                onus_same_shape, onus_no_params, onus_no_rows, onus_no_bytes, onus_no_scratch,
                ONUS_CAN(forward), ONUS_CAN(backward), ONUS_CAN(onus_no_terms),
                ONUS_CAN(onus_no_grad), ONUS_CAN(relevance), ONUS_CAN(cost));
