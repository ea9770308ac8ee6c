/* SPDX-License-Identifier: Apache-2.0
 * lstm.c - long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of
 * Gers and others 2000), one layer, one direction. In PyTorch's order of gates and names of
 * parameters: i, f, o sigmoids and g a tanh of (W x + b) + (U h + b'); c = f c0 + i g; h = o
 * tanh c. A row keeps i, f, g, o, c, tanh c. */
#include "num/kernels.h"
#include "op/each.h"
#include "op/recurrent.h"

static void step(const onus_kernels *k, const onus_cell_step *s, int64_t n)
{
    const float *c0 = s->row0 ? s->row0 + 4 * n : s->zero;
    k->lstm_cell(s->row, s->zh, c0, s->row + 4 * n, s->row + 5 * n, s->h, n);
}

static void step_back(const onus_kernels *k, const onus_cell_step *s, int64_t n)
{
    const float *c0 = s->row0 ? s->row0 + 4 * n : s->zero;
    k->lstm_back(s->row, c0, s->row + 5 * n, s->dy, s->dh, s->carry, s->dz, n);
}

/* Relevance: products o tanh c, f c0 and i g share by halves, gates by the rescale rule. */
static void step_shares(const onus_cell_share *s, int64_t n)
{
    for (int64_t j = 0; j < n; j++) {
        const float *y = s->row[0] + j, *y0 = s->row[1] + j; /* i, f, g, o, c, tanh c */
        const double half = 0.5 * s->m[j];
        const double slope =
            onus_gate_slope(y[5 * n], y0[5 * n], (double)y[4 * n], (double)y0[4 * n], true);
        const double mc = s->carry[j] + half * ((double)y[3 * n] + (double)y0[3 * n]) * slope;
        const double c = s->before[0] ? (double)s->before[0][4 * n + j] : 0,
                     c0 = s->before[1] ? (double)s->before[1][4 * n + j] : 0;
        const double m[4] = {0.5 * mc * ((double)y[2 * n] + (double)y0[2 * n]),
                             0.5 * mc * (c + c0), 0.5 * mc * ((double)y[0] + (double)y0[0]),
                             half * ((double)y[5 * n] + (double)y0[5 * n])};
        for (int64_t g = 0; g < 4; g++) {
            const int64_t u = g * n + j;
            s->mx[u] = s->mh[u] =
                m[g] * onus_gate_slope(y[g * n], y0[g * n], s->zx[0][u] + s->zh[0][u],
                                       s->zx[1][u] + s->zh[1][u], g == 2);
        }
        s->carry[j] = 0.5 * mc * ((double)y[n] + (double)y0[n]);
        s->through[j] = 0;
    }
}

/* Forward: four sums, five functions, three for c and h. Backward: docs/NUMERICS.md. */
static const onus_cell cell = {.gates = 4,
                               .kept = 6,
                               .forward_ops = 12,
                               .backward_ops = 23,
                               .forward = step,
                               .backward = step_back,
                               .relevance = step_shares};

static onus_status shape(const onus_attr *attr, const onus_shape in[], int n_in,
                         onus_shape *out, onus_err *err)
{
    return onus_recurrent_shape("lstm", attr, in, n_in, out, err);
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

static void relevance(onus_call *c, const onus_call *c0)
{
    onus_recurrent_relevance(&cell, c, c0);
}

static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B, onus_pass pass)
{
    return onus_recurrent_cost(&cell, attr, in, B, pass);
}

const onus_op onus_op_lstm = ONUS_OP_ROW(
    "lstm", "a layer of long short-term memory over (T, n); tokens as second input", 1, 2, 0,
    ONUS_KEEPS_IN | ONUS_KEEPS_OUT | ONUS_RELEVANCE_IN | ONUS_RELEVANCE_OUT,
    onus_recurrent_attrs, ONUS_RECURRENT_ATTRS, shape, params, onus_recurrent_rows, saved,
    scratch, ONUS_CAN(forward), ONUS_CAN(backward), ONUS_CAN(sample_norm2),
    ONUS_CAN(weighted_grad), ONUS_NO_TIES, ONUS_CAN(relevance), ONUS_CAN(cost));
