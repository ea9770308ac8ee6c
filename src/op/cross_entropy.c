/* SPDX-License-Identifier: Apache-2.0
 * cross_entropy.c - softmax_cross_entropy: logits (.., C) and a class for each row of them, to
 * a loss for each.
 *
 * m = max x, l = sum of exp(x - m) (contract, item 4). The loss of class t is (log l + m) -
 * x_t; with smoothing s (Szegedy et al. 2016, arXiv:1512.00567, section 7) it is (1 - s) times
 * that plus s times the mean over classes of -log p, (log l + m) - mean(x). Its gradient: ((p -
 * y) w) (float)(1/N), p = exp(x - m) / l, y = s / C, and 1 - s more at t. A label below 0 is
 * ignored: +0.
 *
 * A language model's logits are the largest array of its step: only m and l of each row are
 * kept, p is computed again, and the gradient may stand over the logits. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "num/kernels.h"
#include "op/each.h"

enum { SMOOTHING };
static const onus_attr_def attrs[] = {
    {"smoothing", ONUS_ATTR_REAL, 0, 0, 0.999, "share of the target spread over all classes"}};

static int64_t width(const onus_shape *s)
{
    return s->d[s->n - 1];
}

static onus_status shape(const onus_attr *attr, const onus_shape in[], int n_in,
                         onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in;
    char text[96];
    if (in[0].n < 1 || width(&in[0]) < 2) {
        onus_shape_text(&in[0], text, sizeof text);
        return onus_fail(err, ONUS_BAD_INPUT,
                         "softmax_cross_entropy: takes one logit a class, expected shape (2 or "
                         "more) or (.., 2 or more), got %s",
                         text);
    }
    *out = in[0];
    out->n--;
    out->d[out->n] = 0;
    return ONUS_OK;
}

/* What a row keeps. Where all is masked m is infinite, and p is 0. */
typedef struct {
    float m, l;
} kept;

static size_t saved(const onus_attr *attr, const onus_shape in[], int64_t B)
{
    (void)attr;
    return (size_t)(B * (onus_shape_numel(&in[0]) / width(&in[0]))) * sizeof(kept);
}

/* Rows at once; rows shorter than LONG share calls of kernels, which work on long arrays. */
enum { ROWS = 64, LONG = 64 };

/* m and l of rows of n; a row that is masked whole has l = 0. */
static void sums_of(const onus_kernels *k, const float *x, int64_t rows, int64_t n,
                    float m[ROWS], float l[ROWS])
{
    float e[ROWS * LONG];
    for (int64_t r = 0; r < rows; r++) {
        m[r] = k->max(x + r * n, n);
        if (n >= LONG) /* while the row is near */
            l[r] = m[r] == -INFINITY ? 0.0f : k->exp_sum(x + r * n, m[r], n);
    }
    if (n >= LONG || rows < 1) return;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = r * n; i < (r + 1) * n; i++)
            e[i] = m[r] == -INFINITY ? m[r] : x[i] - m[r];
    k->exp(e, e, rows * n);
    for (int64_t r = 0; r < rows; r++) l[r] = k->sum(e + r * n, n);
}

static int64_t class_of(float label, int64_t n)
{
    assert(label < (float)n && label == (float)(int64_t)label);
    return (int64_t)label;
}

static void forward_rows(const onus_call *c, int64_t first, int64_t rows)
{
    const onus_kernels *k = c->ex->k;
    const int64_t n = width(&c->in_shape[0]);
    const float smooth = (float)c->attr[SMOOTHING].r,
                keep = (float)(1.0 - c->attr[SMOOTHING].r);
    float m[ROWS], l[ROWS], log_l[ROWS];
    sums_of(k, c->in[0] + first * n, rows, n, m, l);
    k->log(l, log_l, rows);
    for (int64_t r = 0; r < rows; r++) {
        const float *x = c->in[0] + (first + r) * n, label = c->label[first + r];
        ((kept *)c->saved)[first + r] =
            l[r] == 0.0f ? (kept){INFINITY, 1.0f} : (kept){m[r], l[r]};
        c->out[first + r] = 0.0f;
        if (label < 0.0f) continue;
        const float log_sum = log_l[r] + m[r];
        const float loss = log_sum - x[class_of(label, n)];
        c->out[first + r] = loss;
        if (smooth == 0.0f) continue;
        const float mean = k->sum(x, n) / (float)n;
        const float spread = log_sum - mean;
        const float own = keep * loss, all = smooth * spread;
        c->out[first + r] = own + all;
    }
}

static void forward_range(const onus_call *c, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i += ROWS)
        forward_rows(c, i, end - i < ROWS ? end - i : ROWS);
}

static void forward(onus_call *c)
{
    onus_each(c, onus_call_out(c), 1, 8 * width(&c->in_shape[0]), forward_range);
}

static onus_softmax_row row_of(const onus_call *c, int64_t i)
{
    const int64_t n = width(&c->in_shape[0]);
    const double s = c->attr[SMOOTHING].r, share = s / (double)n;
    const kept *k = (const kept *)c->saved + i;
    return (onus_softmax_row){
        .m = k->m,
        .l = k->l,
        .off = (float)share,
        .on = (float)(1.0 - s + share),
        .label = class_of(c->label[i], n),
        .weight = c->weight ? c->weight[i / onus_shape_numel(&c->out_shape)] : 1.0f,
        .scale = c->loss_scale};
}

/* Short rows: their exponentials in one call. */
static void backward_short(const onus_call *c, int64_t first, int64_t rows)
{
    const int64_t n = width(&c->in_shape[0]);
    const kept *k = (const kept *)c->saved + first;
    float *dx = c->d_in[0] + first * n;
    for (int64_t i = 0; i < rows * n; i++) dx[i] = c->in[0][first * n + i] - k[i / n].m;
    c->ex->k->exp(dx, dx, rows * n);
    for (int64_t r = 0; r < rows; r++, dx += n) {
        if (c->label[first + r] < 0.0f) {
            memset(dx, 0, (size_t)n * sizeof *dx);
            continue;
        }
        const onus_softmax_row row = row_of(c, first + r);
        for (int64_t j = 0; j < n; j++) {
            const float p = dx[j] / row.l;
            const float error = p - (j == row.label ? row.on : row.off);
            const float weighted = error * row.weight;
            dx[j] = weighted * row.scale;
        }
    }
}

static void backward_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t n = width(&c->in_shape[0]);
    for (int64_t i = begin; n < LONG && i < end; i += ROWS)
        backward_short(c, i, end - i < ROWS ? end - i : ROWS);
    for (int64_t i = begin; n >= LONG && i < end; i++) {
        float *dx = c->d_in[0] + i * n;
        if (c->label[i] < 0.0f) {
            memset(dx, 0, (size_t)n * sizeof *dx);
            continue;
        }
        const onus_softmax_row row = row_of(c, i);
        c->ex->k->entropy_back(&row, c->in[0] + i * n, dx, n);
    }
}

static void backward(onus_call *c)
{
    if (c->d_in[0])
        onus_each(c, onus_call_out(c), 1, 8 * width(&c->in_shape[0]), backward_range);
}

/* Forward: max, x - m, exp, sum; a label's log, + m, - x_t; smoothing a sum more, and a label's
 * / n, difference, two products and sum. Backward: x - m, exp, / l, - y, times w, times the
 * scale. As if no label were ignored. */
static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B, onus_pass pass)
{
    const double x = (double)(B * onus_shape_numel(&in[0])), labels = x / (double)width(&in[0]);
    const bool smooth = attr[SMOOTHING].r > 0;
    if (pass == ONUS_PASS_FORWARD)
        return (onus_cost){(smooth ? 5 : 4) * x + (smooth ? 8 : 3) * labels,
                           4 * x + 16 * labels};
    if (pass == ONUS_PASS_BACKWARD)
        return (onus_cost){6 * x, 8 * x + 12 * labels + 4 * (double)B};
    return (onus_cost){0};
}

const onus_op onus_op_softmax_cross_entropy = ONUS_OP_ROW(
    "softmax_cross_entropy", "log sum exp(x) - x of the label's class, over the last axis", 1,
    1, ONUS_OP_LOSS | ONUS_OP_IGNORES | ONUS_OP_OVER_IN, ONUS_KEEPS_IN, attrs, 1, shape,
    onus_no_params, onus_no_rows, saved, onus_no_scratch, ONUS_CAN(forward), ONUS_CAN(backward),
    ONUS_CAN(onus_no_terms), ONUS_CAN(onus_no_grad),
    ONUS_REFUSES("a loss is trained on, not explained"), ONUS_CAN(cost));
