/* SPDX-License-Identifier: Apache-2.0
 * bias.c - y = x + b, b of one example's shape. Its gradient is dy, summed over examples
 * (contract, item 3). */
#include <string.h>

#include "num/kernels.h"
#include "op/each.h"

static int params(const onus_attr *attr, const onus_shape in[],
                  onus_param_def out[ONUS_PARAM_MAX])
{
    (void)attr;
    out[0] =
        (onus_param_def){.name = "bias", .shape = in[0], .init = ONUS_INIT_ZERO, .fan_in = 1};
    return 1;
}

static void add_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t n = onus_shape_numel(&c->out_shape);
    for (int64_t b = begin; b < end; b++)
        c->ex->k->add(c->in[0] + b * n, c->param[0], c->out + b * n, n);
}

static void forward(onus_call *c)
{
    onus_each(c, c->B, 1, onus_shape_numel(&c->out_shape), add_range);
}

static void backward(onus_call *c)
{
    if (c->d_in[0] && c->d_in[0] != c->d_out)
        memcpy(c->d_in[0], c->d_out, (size_t)onus_call_out(c) * sizeof(float));
}

static bool terms(onus_call *c, int64_t step, onus_terms_step *out)
{
    const int64_t n = onus_shape_numel(&c->out_shape);
    if (!onus_one_step(c, step, out)) return false;
    onus_terms *t = onus_term_add(out, ONUS_TERM_SUM, 0);
    t->u = t->ldd = n;
    t->d = c->d_out;
    return true;
}

static void sum_range(const onus_call *c, int64_t begin, int64_t end)
{
    c->ex->k->col_sum(c->d_out, c->B, onus_shape_numel(&c->out_shape), begin, end,
                      c->start[0] == ONUS_GRAD_GOES_ON, c->grad[0]);
}

static void weighted_grad(onus_call *c)
{
    if (c->trains & 1) onus_each(c, onus_shape_numel(&c->out_shape), 16, c->B, sum_range);
}

static void relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    backward(c);
}

static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B, onus_pass pass)
{
    (void)attr;
    const double p = (double)onus_shape_numel(&in[0]), n = (double)B * p;
    switch (pass) {
    case ONUS_PASS_FORWARD: return (onus_cost){n, 8 * n + 4 * p};
    case ONUS_PASS_BACKWARD: return (onus_cost){0, 8 * n}; /* a copy */
    case ONUS_PASS_GRAD: return (onus_cost){n, 4 * n + 4 * p};
    }
    return (onus_cost){0};
}

const onus_op onus_op_bias = ONUS_OP_ROW(
    "bias", "y = x + b", 1, 1, ONUS_OP_INPLACE, 0, NULL, 0, onus_same_shape, params,
    onus_no_rows, onus_no_bytes, onus_no_scratch, ONUS_CAN(forward), ONUS_CAN(backward),
    ONUS_CAN(terms), ONUS_CAN(weighted_grad), ONUS_CAN(relevance), ONUS_CAN(cost));
