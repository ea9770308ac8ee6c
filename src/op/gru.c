/* SPDX-License-Identifier: Apache-2.0
 * gru.c - gated recurrent unit (Cho and others 2014), one layer, one direction. In PyTorch's
 * order of gates, names of parameters and variant: r, z sigmoids of (W x + b) + (U h0 + b'); n
 * = tanh((W x + b) + r (U h0 + b')), each of its own block; h = n + z (h0 - n). A row keeps r,
 * z, n and q = U h0 + b' of n's block. */
#include "num/kernels.h"
#include "op/each.h"
#include "op/recurrent.h"

static void step(const onus_kernels *k, const onus_cell_step *s, int64_t n)
{
    k->gru_cell(s->row, s->zh, s->h0, s->row + 3 * n, s->h, n);
}

static void step_back(const onus_kernels *k, const onus_cell_step *s, int64_t n)
{
    k->gru_back(s->row, s->row + 3 * n, s->h0, s->dy, s->dh, s->carry, s->dz, n);
}

/* Forward: two sums, three functions, r q + ., h0 - n, n + z . . Backward: docs/NUMERICS.md. */
static const onus_cell cell = {.gates = 3,
                               .kept = 4,
                               .forward_ops = 8,
                               .backward_ops = 18,
                               .forward = step,
                               .backward = step_back};

static onus_status shape(const onus_attr *attr, const onus_shape in[], int n_in,
                         onus_shape *out, onus_err *err)
{
    return onus_recurrent_shape("gru", attr, in, n_in, out, err);
}

static int params(const onus_attr *attr, const onus_shape in[],
                  onus_param_def out[ONUS_PARAM_MAX])
{
    return onus_recurrent_params(&cell, attr, in, out);
}

static size_t saved(const onus_attr *attr, const onus_shape in[], int64_t B)
{
    return onus_recurrent_saved(&cell, attr, in, B);
}

static size_t scratch(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                      int64_t B)
{
    return onus_recurrent_scratch(&cell, ex, attr, in, B);
}

static void forward(onus_call *c)
{
    onus_recurrent_forward(&cell, c);
}

static void backward(onus_call *c)
{
    onus_recurrent_backward(&cell, c);
}

static void sample_norm2(onus_call *c, double *norm2)
{
    onus_recurrent_norm2(&cell, c, norm2);
}

static void weighted_grad(onus_call *c)
{
    onus_recurrent_grad(&cell, c);
}

static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B, onus_pass pass)
{
    return onus_recurrent_cost(&cell, attr, in, B, pass);
}

const onus_op onus_op_gru = ONUS_OP_ROW(
    "gru", "a layer of gated recurrent units over (T, n); tokens as second input", 1, 2, 0,
    ONUS_KEEPS_IN | ONUS_KEEPS_OUT, onus_recurrent_attrs, ONUS_RECURRENT_ATTRS, shape, params,
    onus_recurrent_rows, saved, scratch, ONUS_CAN(forward), ONUS_CAN(backward),
    ONUS_CAN(sample_norm2), ONUS_CAN(weighted_grad), ONUS_NO_TIES,
    ONUS_REFUSES(ONUS_RECURRENT_NO_RELEVANCE), ONUS_CAN(cost));
