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

ONUS_RECURRENT_COLUMNS("lstm", cell)

const onus_op onus_op_lstm = ONUS_RECURRENT_ROW(
    "lstm", "a layer of long short-term memory over (T, n); tokens as second input");
