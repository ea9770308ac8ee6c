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

static void sample_norm2(onus_call *c, double *norm2)
{
    const int64_t n = onus_shape_numel(&c->out_shape);
    for (int64_t b = 0; b < c->B; b++)
        norm2[b] = norm2[b] + c->ex->k->norm2(c->d_out + b * n, n);
}

/* Segments of 256 examples, each a chain from +0; an example of weight 0 is skipped. */
static void weighted_grad(onus_call *c, const float *w)
{
    const int64_t n = onus_shape_numel(&c->out_shape);
    if (!w) {
        c->ex->k->col_sum(c->d_out, c->B, n, 0, n, c->grad[0]);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        float total = 0.0f;
        bool first = true;
        for (int64_t s = 0; s < c->B; s += 256) {
            float chain = 0.0f;
            bool any = false;
            for (int64_t b = s; b < s + 256 && b < c->B; b++) {
                if (w[b] == 0.0f) continue;
                const float term = w[b] * c->d_out[b * n + i];
                chain = chain + term;
                any = true;
            }
            if (!any) continue;
            total = first ? chain : total + chain;
            first = false;
        }
        c->grad[0][i] = total;
    }
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
    case ONUS_PASS_NORM: return (onus_cost){n, 4 * n};
    case ONUS_PASS_GRAD: return (onus_cost){n, 4 * n + 4 * p};
    }
    return (onus_cost){0};
}

const onus_op onus_op_bias = ONUS_OP_ROW(
    "bias", "y = x + b", 1, false, true, 0, NULL, 0, onus_same_shape, params, onus_no_bytes,
    onus_no_scratch, ONUS_CAN(forward), ONUS_CAN(backward), ONUS_CAN(sample_norm2),
    ONUS_CAN(weighted_grad), ONUS_CAN(relevance), ONUS_CAN(cost));
