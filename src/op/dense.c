/* SPDX-License-Identifier: Apache-2.0
 * dense.c - y = x W^T + b over the last axis of one example: x (in), W (units, in), b (units).
 *
 * Backward: dx = dy W; dW = dy^T x, a dot over examples; db = sum of dy over examples
 * (contract, items 3 and 7). One example's squared gradient norm is |x|^2 |dy|^2 (+ |dy|^2 for
 * b): the gradient is an outer product (Goodfellow 2015, arXiv:1510.01799). */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "num/gemm.h"
#include "num/kernels.h"
#include "op/each.h"

enum { UNITS, BIAS };
enum { SEGMENT = 256 };

static const onus_attr_def attrs[] = {
    {"units", ONUS_ATTR_INT, 1, 1, 1 << 24, "outputs"},
    {"bias", ONUS_ATTR_INT, 1, 0, 1, "1: a bias is added"},
};

static onus_status shape(const onus_attr *attr, const onus_shape in[], int n_in,
                         onus_shape *out, onus_err *err)
{
    (void)n_in;
    char text[96];
    if (in[0].n != 1) {
        onus_shape_text(&in[0], text, sizeof text);
        return onus_fail(err, ONUS_BAD_INPUT,
                         "dense: takes a vector, expected shape (n), got %s", text);
    }
    *out = (onus_shape){.n = 1, .d = {attr[UNITS].i}};
    return ONUS_OK;
}

static int params(const onus_attr *attr, const onus_shape in[],
                  onus_param_def out[ONUS_PARAM_MAX])
{
    const int64_t n = in[0].d[0], units = attr[UNITS].i;
    out[0] = (onus_param_def){.name = "weight",
                              .shape = {.n = 2, .d = {units, n}},
                              .init = ONUS_INIT_LINEAR,
                              .fan_in = n,
                              .decay = true};
    out[1] = (onus_param_def){.name = "bias",
                              .shape = {.n = 1, .d = {units}},
                              .init = ONUS_INIT_LINEAR,
                              .fan_in = n,
                              .decay = false};
    return attr[BIAS].i ? 2 : 1;
}

/* Scratch: the products' packing, then a copy of dy for its weighted rows. */
static size_t product_bytes(const onus_exec *ex, int64_t n, int64_t units, int64_t B)
{
    const size_t a = onus_gemm_scratch_bytes(ex, ONUS_GEMM_NT, B, units, n),
                 b = onus_gemm_scratch_bytes(ex, ONUS_GEMM_NN, B, n, units),
                 c = onus_gemm_scratch_bytes(ex, ONUS_GEMM_TN, units, n, B);
    const size_t most = a > b ? a > c ? a : c : b > c ? b : c;
    return (most + ONUS_ALIGN - 1) & ~(size_t)(ONUS_ALIGN - 1);
}

static size_t scratch(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                      int64_t B)
{
    return product_bytes(ex, in[0].d[0], attr[UNITS].i, B) +
           (size_t)(B * attr[UNITS].i) * sizeof(float);
}

static void forward(onus_call *c)
{
    const int64_t n = c->in_shape[0].d[0], units = c->out_shape.d[0];
    const onus_gemm_args product = {.form = ONUS_GEMM_NT,
                                    .M = c->B,
                                    .N = units,
                                    .K = n,
                                    .A = c->in[0],
                                    .lda = n,
                                    .B = c->param[0],
                                    .ldb = n,
                                    .C = c->out,
                                    .ldc = units,
                                    .bias = c->attr[BIAS].i ? c->param[1] : NULL};
    onus_gemm(c->ex, &product, c->scratch);
}

static void backward(onus_call *c)
{
    const int64_t n = c->in_shape[0].d[0], units = c->out_shape.d[0];
    if (!c->d_in[0]) return;
    const onus_gemm_args product = {.form = ONUS_GEMM_NN,
                                    .M = c->B,
                                    .N = n,
                                    .K = units,
                                    .A = c->d_out,
                                    .lda = units,
                                    .B = c->param[0],
                                    .ldb = n,
                                    .C = c->d_in[0],
                                    .ldc = n};
    onus_gemm(c->ex, &product, c->scratch);
}

static void norm_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t n = c->in_shape[0].d[0], units = c->out_shape.d[0];
    double *norm2 = c->norm2;
    for (int64_t b = begin; b < end; b++) {
        const double x2 = c->ex->k->norm2(c->in[0] + b * n, n),
                     d2 = c->ex->k->norm2(c->d_out + b * units, units);
        const double weight = x2 * d2;
        norm2[b] = norm2[b] + weight;
        if (c->attr[BIAS].i) norm2[b] = norm2[b] + d2;
    }
}

static void sample_norm2(onus_call *c, double *norm2)
{
    c->norm2 = norm2;
    onus_each(c, c->B, 1, c->in_shape[0].d[0] + c->out_shape.d[0], norm_range);
}

/* The product with examples left out, exactly: their terms are skipped, their places in the
 * segments stay (contract, item 3). Plain loops: only an example that is not finite is ever
 * left out. */
static void skipping_grad(onus_call *c, const float *w, const float *dy)
{
    const int64_t n = c->in_shape[0].d[0], units = c->out_shape.d[0];
    for (int64_t u = 0; u < units; u++) {
        for (int64_t i = 0; i <= n; i++) { /* i == n: the bias, whose x is 1 */
            if (i == n && !c->attr[BIAS].i) continue;
            float total = 0.0f;
            bool first = true;
            for (int64_t s = 0; s < c->B; s += SEGMENT) {
                float chain = 0.0f;
                bool any = false;
                for (int64_t b = s; b < s + SEGMENT && b < c->B; b++) {
                    if (w[b] == 0.0f) continue;
                    chain = fmaf(dy[b * units + u], i < n ? c->in[0][b * n + i] : 1.0f, chain);
                    any = true;
                }
                if (!any) continue;
                total = first ? chain : total + chain;
                first = false;
            }
            if (i < n)
                c->grad[0][u * n + i] = total;
            else
                c->grad[1][u] = total;
        }
    }
}

static void scale_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t units = c->out_shape.d[0];
    for (int64_t b = begin; b < end; b++)
        c->ex->k->scale(c->row_weight[b], c->d_out + b * units, (float *)c->copy + b * units,
                        units);
}

static void sum_range(const onus_call *c, int64_t begin, int64_t end)
{
    c->ex->k->col_sum(c->copy, c->B, c->out_shape.d[0], begin, end, c->grad[1]);
}

static void weighted_grad(onus_call *c, const float *w)
{
    const int64_t n = c->in_shape[0].d[0], units = c->out_shape.d[0];
    const float *dy = c->d_out;
    bool skips = false;
    if (w) {
        float *copy =
            (float *)(void *)((char *)c->scratch + product_bytes(c->ex, n, units, c->B));
        for (int64_t b = 0; b < c->B; b++) skips = skips || w[b] == 0.0f;
        c->copy = copy;
        c->row_weight = w;
        onus_each(c, c->B, 1, units, scale_range);
        dy = copy;
    }
    if (skips) {
        skipping_grad(c, w, dy);
        return;
    }
    const onus_gemm_args product = {.form = ONUS_GEMM_TN,
                                    .M = units,
                                    .N = n,
                                    .K = c->B,
                                    .A = dy,
                                    .lda = units,
                                    .B = c->in[0],
                                    .ldb = n,
                                    .C = c->grad[0],
                                    .ldc = n};
    onus_gemm(c->ex, &product, c->scratch);
    if (!c->attr[BIAS].i) return;
    c->copy = (float *)dy;
    onus_each(c, units, 16, c->B, sum_range);
}

/* Differences pass through a linear map: the bias cancels. */
static void relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    backward(c);
}

static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B, onus_pass pass)
{
    const double n = (double)in[0].d[0], u = (double)attr[UNITS].i, b = (double)B;
    const double bias = attr[BIAS].i ? u : 0, moved = 4 * (b * n + b * u + n * u);
    switch (pass) {
    case ONUS_PASS_BACKWARD: return (onus_cost){b * n * u, moved};
    case ONUS_PASS_NORM: return (onus_cost){b * (n + u), 4 * b * (n + u)};
    case ONUS_PASS_FORWARD:
    case ONUS_PASS_GRAD: return (onus_cost){b * n * u + b * bias, moved + 4 * bias};
    }
    return (onus_cost){0};
}

const onus_op onus_op_dense = ONUS_OP_ROW(
    "dense", "y = x W^T + b", 1, false, false, ONUS_KEEPS_IN, attrs, 2, shape, params,
    onus_no_bytes, scratch, ONUS_CAN(forward), ONUS_CAN(backward), ONUS_CAN(sample_norm2),
    ONUS_CAN(weighted_grad), ONUS_CAN(relevance), ONUS_CAN(cost));
