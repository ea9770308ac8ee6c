/* SPDX-License-Identifier: Apache-2.0
 * dense.c - y = x W^T + b over the last axis: x (.., in), W (units, in), b (units).
 *
 * Backward: dx = dy W; dW = dy^T x, a dot over examples; db = sum of dy over examples
 * (contract, items 3 and 7). */
#include <math.h>

#include "base/fail.h"
#include "num/gemm.h"
#include "num/kernels.h"
#include "num/vec.h"
#include "op/each.h"

enum { UNITS, BIAS, TRANSPOSED, STD };

static const onus_attr_def attrs[] = {
    {"units", ONUS_ATTR_INT, 1, 1, 1 << 24, "outputs"},
    {"bias", ONUS_ATTR_INT, 1, 0, 1, "1: a bias is added"},
    {"transposed", ONUS_ATTR_INT, 0, 0, 1, "1: the weight is stored (in, units)"},
    {"std", ONUS_ATTR_REAL, 0, 0, 100,
     "above 0: the weight starts normal with that deviation, the bias at 0"},
};
enum { N_ATTRS = sizeof attrs / sizeof *attrs };

static int64_t width(const onus_shape *s)
{
    return s->d[s->n - 1];
}

static int64_t rows(const onus_attr *attr, const onus_shape in[])
{
    (void)attr;
    return onus_shape_numel(&in[0]) / width(&in[0]);
}

static onus_status shape(const onus_attr *attr, const onus_shape in[], int n_in,
                         onus_shape *out, onus_err *err)
{
    (void)n_in;
    if (in[0].n < 1)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "dense: takes vectors, expected shape (n) or (.., n), got ()");
    *out = in[0];
    out->d[out->n - 1] = attr[UNITS].i;
    return ONUS_OK;
}

static int params(const onus_attr *attr, const onus_shape in[],
                  onus_param_def out[ONUS_PARAM_MAX])
{
    const int64_t n = width(&in[0]), units = attr[UNITS].i;
    const bool normal = attr[STD].r > 0;
    out[0] = (onus_param_def){.name = "weight",
                              .shape = {.n = 2, .d = {units, n}},
                              .init = normal ? ONUS_INIT_NORMAL : ONUS_INIT_LINEAR,
                              .fan_in = n,
                              .std = attr[STD].r,
                              .decay = true};
    if (attr[TRANSPOSED].i) out[0].shape = (onus_shape){.n = 2, .d = {n, units}};
    out[1] = (onus_param_def){.name = "bias",
                              .shape = {.n = 1, .d = {units}},
                              .init = normal ? ONUS_INIT_ZERO : ONUS_INIT_LINEAR,
                              .fan_in = n,
                              .decay = false};
    return attr[BIAS].i ? 2 : 1;
}

/* The three products: y = x W^T, dx = dy W, dW = dy^T x (the other way round where W is stored
 * transposed). */
static onus_gemm_args forward_product(const onus_call *c)
{
    const int64_t n = width(&c->in_shape[0]), units = width(&c->out_shape);
    const bool turned = c->attr[TRANSPOSED].i;
    return (onus_gemm_args){.form = turned ? ONUS_GEMM_NN : ONUS_GEMM_NT,
                            .M = c->B * rows(c->attr, c->in_shape),
                            .N = units,
                            .K = n,
                            .A = c->in[0],
                            .lda = n,
                            .B = c->param[0],
                            .ldb = turned ? units : n,
                            .C = c->out,
                            .ldc = units,
                            .bias = c->attr[BIAS].i ? c->param[1] : NULL};
}

static onus_gemm_args backward_product(const onus_call *c)
{
    const int64_t n = width(&c->in_shape[0]), units = width(&c->out_shape);
    const bool turned = c->attr[TRANSPOSED].i;
    return (onus_gemm_args){.form = turned ? ONUS_GEMM_NT : ONUS_GEMM_NN,
                            .M = c->B * rows(c->attr, c->in_shape),
                            .N = n,
                            .K = units,
                            .A = c->d_out,
                            .lda = units,
                            .B = c->param[0],
                            .ldb = turned ? units : n,
                            .C = c->d_in[0],
                            .ldc = n};
}

/* Over n_rows rows of x and dy, into C. */
static onus_gemm_args grad_product(const onus_call *c, const float *x, const float *dy,
                                   int64_t n_rows, float *C)
{
    const int64_t n = width(&c->in_shape[0]), units = width(&c->out_shape);
    const bool turned = c->attr[TRANSPOSED].i;
    return (onus_gemm_args){.form = ONUS_GEMM_TN,
                            .M = turned ? n : units,
                            .N = turned ? units : n,
                            .K = n_rows,
                            .A = turned ? x : dy,
                            .lda = turned ? n : units,
                            .B = turned ? dy : x,
                            .ldb = turned ? units : n,
                            .C = C,
                            .ldc = turned ? units : n};
}

static size_t aligned(size_t bytes)
{
    return (bytes + ONUS_ALIGN - 1) & ~(size_t)(ONUS_ALIGN - 1);
}

/* The products' packing; or, where an example has several rows, its sums of dy. */
static size_t scratch(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                      int64_t B)
{
    const int64_t n = width(&in[0]), units = attr[UNITS].i, m = B * rows(attr, in);
    const size_t a = onus_gemm_scratch_bytes(ex, m, units, n),
                 b = onus_gemm_scratch_bytes(ex, m, n, units),
                 c = onus_gemm_scratch_bytes(ex, units, n, m),
                 d = onus_gemm_scratch_bytes(ex, n, units, m),
                 sums = (size_t)(B * units) * sizeof(float);
    size_t most = a > b ? a : b;
    most = c > most ? c : most;
    most = d > most ? d : most;
    return aligned(sums > most ? sums : most);
}

static void forward(onus_call *c)
{
    const onus_gemm_args product = forward_product(c);
    onus_gemm(c->ex, &product, c->scratch);
}

static void backward(onus_call *c)
{
    const onus_gemm_args product = backward_product(c);
    if (c->d_in[0]) onus_gemm(c->ex, &product, c->scratch);
}

static void row_sums(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t units = width(&c->out_shape), T = rows(c->attr, c->in_shape);
    for (int64_t b = begin; b < end; b++)
        c->ex->k->col_sum(c->d_out + b * T * units, T, units, 0, units, false,
                          (float *)c->scratch + b * units);
}

/* A weight's gradient is the sum over rows of dy x^T; what an example adds to the bias's is one
 * vector, its own rows' sum. */
static bool terms(onus_call *c, int64_t step, onus_terms_step *out)
{
    const int64_t n = width(&c->in_shape[0]), units = width(&c->out_shape),
                  T = rows(c->attr, c->in_shape);
    const bool turned = c->attr[TRANSPOSED].i;
    if (!onus_one_step(c, step, out)) return false;
    onus_terms *weight = onus_term_add(out, ONUS_TERM_OUTER, 0);
    weight->rows = T;
    weight->u = weight->ldd = turned ? n : units;
    weight->n = weight->ldx = turned ? units : n;
    weight->d = turned ? c->in[0] : c->d_out;
    weight->x = turned ? c->d_out : c->in[0];
    if (!c->attr[BIAS].i) return true;
    onus_terms *bias = onus_term_add(out, ONUS_TERM_SUM, 1);
    bias->u = bias->ldd = units;
    bias->d = T == 1 ? c->d_out : c->scratch;
    if (step == 0 && T > 1 && c->trains & 2) onus_each(c, c->B, 1, T * units, row_sums);
    return true;
}

static void sum_range(const onus_call *c, int64_t begin, int64_t end)
{
    c->ex->k->col_sum(c->d_out, c->B * rows(c->attr, c->in_shape), width(&c->out_shape), begin,
                      end, c->start[1] == ONUS_GRAD_GOES_ON, c->grad[1]);
}

static void weighted_grad(onus_call *c)
{
    const int64_t n_rows = c->B * rows(c->attr, c->in_shape);
    onus_gemm_args product = grad_product(c, c->in[0], c->d_out, n_rows, c->grad[0]);
    if (c->start[0] == ONUS_GRAD_GOES_ON) product.start = ONUS_GEMM_GOES_ON;
    if (c->trains & 1) onus_gemm(c->ex, &product, c->scratch);
    if (c->trains & 2) onus_each(c, width(&c->out_shape), 16, n_rows, sum_range);
}

/* Differences pass through a linear map: the bias cancels. */
static void relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    backward(c);
}

static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B, onus_pass pass)
{
    const double n = (double)width(&in[0]), u = (double)attr[UNITS].i,
                 T = (double)rows(attr, in), b = (double)B * T;
    const double bias = attr[BIAS].i ? u : 0, moved = 4 * (b * n + b * u + n * u);
    switch (pass) {
    case ONUS_PASS_BACKWARD: return (onus_cost){b * n * u, moved};
    case ONUS_PASS_FORWARD:
    case ONUS_PASS_GRAD: return (onus_cost){b * n * u + b * bias, moved + 4 * bias};
    }
    return (onus_cost){0};
}

const onus_op onus_op_dense = ONUS_OP_ROW(
    "dense", "y = x W^T + b over the last axis", 1, 1, 0, ONUS_KEEPS_IN, attrs, N_ATTRS, shape,
    params, rows, onus_no_bytes, scratch, ONUS_CAN(forward), ONUS_CAN(backward),
    ONUS_CAN(terms), ONUS_CAN(weighted_grad), ONUS_CAN(relevance), ONUS_CAN(cost));
