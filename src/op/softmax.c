/* SPDX-License-Identifier: Apache-2.0
 * softmax.c - probabilities over the last axis, and the loss on them.
 *
 * m = max x, e_j = exp(x_j - m), l = sum of e (contract, item 4), p = e / l. Cross-entropy of
 * class t: (log l + m) - x_t; its gradient ((p - y) w) (float)(1/N), y = 1 at t. */
#include <assert.h>
#include <math.h>

#include "base/fail.h"
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

/* p = e / l for at most ROWS rows of n, and their m and l. One call of exp for all: rows are
 * short, and kernels work on long arrays. A row that is masked whole stays 0, and so does its
 * l. */
static void softmax_rows(const onus_kernels *k, const float *x, float *p, int64_t rows,
                         int64_t n, float m[ROWS], float l[ROWS])
{
    for (int64_t r = 0; r < rows; r++) {
        m[r] = k->max(x + r * n, n);
        for (int64_t i = r * n; i < (r + 1) * n; i++)
            p[i] = m[r] == -INFINITY ? m[r] : x[i] - m[r];
    }
    k->exp(p, p, rows * n);
    for (int64_t r = 0; r < rows; r++) {
        l[r] = k->sum(p + r * n, n);
        for (int64_t i = r * n; l[r] != 0.0f && i < (r + 1) * n; i++) p[i] = p[i] / l[r];
    }
}

static void forward_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t n = width(&c->out_shape);
    float m[ROWS], l[ROWS];
    for (int64_t r = begin, rows; r < end; r += rows) {
        rows = rows_at_once(n, end - r);
        softmax_rows(c->ex->k, c->in[0] + r * n, c->out + r * n, rows, n, m, l);
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
    ONUS_CAN(forward), ONUS_CAN(backward), ONUS_CAN(onus_no_norm2), ONUS_CAN(onus_no_grad),
    ONUS_NO_TIES,
    ONUS_REFUSES("a probability depends on every logit at once: explain the logits"),
    ONUS_CAN(cost));

/* ---- cross-entropy ----------------------------------------------------------------------- */

static onus_status loss_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                              onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in;
    char text[96];
    if (in[0].n != 1 || in[0].d[0] < 2) {
        onus_shape_text(&in[0], text, sizeof text);
        return onus_fail(err, ONUS_BAD_INPUT,
                         "softmax_cross_entropy: takes one logit a class, expected shape (2 or "
                         "more), got %s",
                         text);
    }
    *out = (onus_shape){.n = 0};
    return ONUS_OK;
}

static size_t loss_saved(const onus_attr *attr, const onus_shape in[], int64_t B)
{
    (void)attr;
    return (size_t)(B * in[0].d[0]) * sizeof(float); /* probabilities */
}

static void loss_rows(const onus_call *c, int64_t first, int64_t rows)
{
    const onus_kernels *k = c->ex->k;
    const int64_t n = c->in_shape[0].d[0];
    float m[ROWS], l[ROWS];
    softmax_rows(k, c->in[0] + first * n, (float *)c->saved + first * n, rows, n, m, l);
    k->log(l, l, rows);
    for (int64_t r = 0; r < rows; r++) {
        const float label = c->label[first + r], *x = c->in[0] + (first + r) * n;
        assert(label >= 0 && label < (float)n);
        const float log_sum = l[r] + m[r];
        c->out[first + r] = log_sum - x[(int64_t)label];
    }
}

static void loss_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t n = c->in_shape[0].d[0];
    for (int64_t b = begin, rows; b < end; b += rows) {
        rows = rows_at_once(n, end - b);
        loss_rows(c, b, rows);
    }
}

static void loss_forward(onus_call *c)
{
    onus_each(c, c->B, 1, 64 * c->in_shape[0].d[0], loss_range);
}

static void loss_backward(onus_call *c)
{
    const int64_t n = c->in_shape[0].d[0];
    if (!c->d_in[0]) return;
    for (int64_t b = 0; b < c->B; b++) {
        const float *p = (const float *)c->saved + b * n;
        const float w = c->weight ? c->weight[b] : 1.0f;
        const int64_t t = (int64_t)c->label[b];
        for (int64_t j = 0; j < n; j++) {
            const float error = p[j] - (j == t ? 1.0f : 0.0f);
            const float weighted = error * w;
            c->d_in[0][b * n + j] = weighted * c->loss_scale;
        }
    }
}

/* The softmax's, its logarithm plus m, minus x_t; p is kept. Backward: p - y, times w, times
 * the scale. Labels and weights are one number an example. */
static onus_cost loss_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                           onus_pass pass)
{
    (void)attr;
    onus_cost c = onus_cost_each(&in[0], B, pass, 5, 3, 8, 8);
    if (pass == ONUS_PASS_FORWARD) c.multiply_adds += 3 * (double)B;
    if (c.bytes > 0) c.bytes += 8 * (double)B;
    return c;
}

const onus_op onus_op_softmax_cross_entropy = ONUS_OP_ROW(
    "softmax_cross_entropy", "log sum exp(x) - x of the label's class", 1, 1,
    ONUS_OP_LOSS | ONUS_OP_IGNORES, 0, NULL, 0, loss_shape, onus_no_params, onus_no_rows,
    loss_saved, onus_no_scratch, ONUS_CAN(loss_forward), ONUS_CAN(loss_backward),
    ONUS_CAN(onus_no_norm2), ONUS_CAN(onus_no_grad), ONUS_NO_TIES,
    ONUS_REFUSES("a loss is trained on, not explained"), ONUS_CAN(loss_cost));
