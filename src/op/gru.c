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

/* Relevance: h = n + z (h0 - n) and r q share by halves, gates by the rescale rule. */
static void step_shares(const onus_cell_share *s, int64_t n)
{
    for (int64_t j = 0; j < n; j++) {
        const float *y = s->row[0] + j, *y0 = s->row[1] + j; /* r, z, n, q */
        const double z = 0.5 * ((double)y[n] + (double)y0[n]);
        const double away = 0.5 * (((double)s->h0[0][j] - (double)y[2 * n]) +
                                   ((double)s->h0[1][j] - (double)y0[2 * n]));
        const int64_t u[3] = {j, n + j, 2 * n + j};
        /* what the third gate's tanh is taken of */
        const double sum = s->zx[0][u[2]] + (double)y[0] * s->zh[0][u[2]],
                     sum0 = s->zx[1][u[2]] + (double)y0[0] * s->zh[1][u[2]];
        const double mn =
            s->m[j] * (1 - z) * onus_gate_slope(y[2 * n], y0[2 * n], sum, sum0, true);
        const double m[2] = {0.5 * mn * (s->zh[0][u[2]] + s->zh[1][u[2]]), s->m[j] * away};
        for (int g = 0; g < 2; g++)
            s->mx[u[g]] = s->mh[u[g]] =
                m[g] * onus_gate_slope(y[g * n], y0[g * n], s->zx[0][u[g]] + s->zh[0][u[g]],
                                       s->zx[1][u[g]] + s->zh[1][u[g]], false);
        s->mx[u[2]] = mn;
        s->mh[u[2]] = 0.5 * mn * ((double)y[0] + (double)y0[0]);
        s->through[j] = s->m[j] * z;
    }
}

/* Forward: two sums, three functions, r q + ., h0 - n, n + z . . Backward: docs/NUMERICS.md. */
static const onus_cell cell = {.gates = 3,
                               .kept = 4,
                               .forward_ops = 8,
                               .backward_ops = 18,
                               .forward = step,
                               .backward = step_back,
                               .relevance = step_shares};

ONUS_RECURRENT_COLUMNS("gru", cell)

const onus_op onus_op_gru = ONUS_RECURRENT_ROW(
    "gru", "a layer of gated recurrent units over (T, n); tokens as second input");
