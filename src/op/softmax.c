/* SPDX-License-Identifier: Apache-2.0
 * softmax.c - probabilities over the last axis.
 *
 * m = max x, e_j = exp(x_j - m), l = sum of e (contract, item 4), p = e / l. */
#include <math.h>

#include "num/kernels.h"
#include "op/each.h"

static int64_t width(const onus_shape *s)
{
    return s->n ? s->d[s->n - 1] : 1;
}

enum { ROWS = 64, NUMBERS = 4096 }; /* at once: 16 KiB, half of a first-level cache */

static int64_t rows_at_once(int64_t n, int64_t left)
{
    const int64_t fit = n < NUMBERS / ROWS ? ROWS : n < NUMBERS ? NUMBERS / n : 1;
    return left < fit ? left : fit;
}

/* p = e / l for at most ROWS rows of n. One call of exp for all: rows are short, and kernels
 * work on long arrays. A row that is masked whole stays 0. */
static void softmax_rows(const onus_kernels *k, const float *x, float *p, int64_t rows,
                         int64_t n)
{
    for (int64_t r = 0; r < rows; r++) {
        const float m = k->max(x + r * n, n);
        for (int64_t i = r * n; i < (r + 1) * n; i++) p[i] = m == -INFINITY ? m : x[i] - m;
    }
    k->exp(p, p, rows * n);
    for (int64_t r = 0; r < rows; r++) {
        const float l = k->sum(p + r * n, n);
        for (int64_t i = r * n; l != 0.0f && i < (r + 1) * n; i++) p[i] = p[i] / l;
    }
}

static void forward_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t n = width(&c->out_shape);
    for (int64_t r = begin, rows; r < end; r += rows) {
        rows = rows_at_once(n, end - r);
        softmax_rows(c->ex->k, c->in[0] + r * n, c->out + r * n, rows, n);
    }
}

static void forward(onus_call *c)
{
    const int64_t n = width(&c->out_shape);
    onus_each(c, onus_call_out(c) / n, 1, 8 * n, forward_range);
}

/* dx = (dy - dot(dy, y)) y */
static void backward(onus_call *c)
{
    const int64_t n = width(&c->out_shape), rows = onus_call_out(c) / n;
    if (!c->d_in[0]) return;
    for (int64_t r = 0; r < rows; r++) {
        const float *y = c->out + r * n, *dy = c->d_out + r * n;
        const float inner = c->ex->k->dot(dy, y, n);
        for (int64_t j = 0; j < n; j++) {
            const float centred = dy[j] - inner;
            c->d_in[0][r * n + j] = centred * y[j];
        }
    }
}

/* Forward: max, x - max, exp, sum, / l; backward: dot, dy - dot, times y. */
static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B, onus_pass pass)
{
    (void)attr;
    return onus_cost_each(&in[0], B, pass, 5, 3, 8, 12);
}

const onus_op onus_op_softmax = ONUS_OP_ROW(
    "softmax", "p = exp(x - max) / sum over the last axis", 1, 1, 0, ONUS_KEEPS_OUT, NULL, 0,
    onus_same_shape, onus_no_params, onus_no_rows, onus_no_bytes, onus_no_scratch,
    ONUS_CAN(forward), ONUS_CAN(backward), ONUS_CAN(onus_no_terms), ONUS_CAN(onus_no_grad),
    ONUS_REFUSES("a probability depends on every logit at once: explain the logits"),
    ONUS_CAN(cost));
