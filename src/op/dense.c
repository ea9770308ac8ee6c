/* SPDX-License-Identifier: Apache-2.0
 * dense.c - y = x W^T + b over the last axis: x (.., in), W (units, in), b (units).
 *
 * Backward: dx = dy W; dW = dy^T x, a dot over examples; db = sum of dy over examples
 * (contract, items 3 and 7). One example's squared gradient norm is |x|^2 |dy|^2 (+ |dy|^2 for
 * b): the gradient is an outer product (Goodfellow 2015, arXiv:1510.01799). Of an example with
 * T rows it is the sum over pairs of rows of (x x')(dy dy') (Li et al. 2022, arXiv:2110.05679),
 * T^2 (in + units) multiply-adds, or the gradient itself, made and squared, T in units: the
 * shape says which is less. */
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

/* Are the products of pairs of rows less work than the gradient? */
static bool by_pairs(const onus_attr *attr, const onus_shape in[])
{
    const double n = (double)width(&in[0]), units = (double)attr[UNITS].i,
                 T = (double)rows(attr, in);
    return T > 1 && T * (n + units) < n * units;
}

enum { TILE = 64 }; /* rows that are paired with all from them on */

static size_t aligned(size_t bytes)
{
    return (bytes + ONUS_ALIGN - 1) & ~(size_t)(ONUS_ALIGN - 1);
}

/* A thread's scratch for pairs: two blocks of products, their packing, a bias's gradient. */
static size_t pair_bytes(const onus_attr *attr, const onus_shape in[])
{
    const int64_t n = width(&in[0]), units = attr[UNITS].i, T = rows(attr, in);
    const int64_t tile = T < TILE ? T : TILE;
    return 2 * aligned((size_t)(tile * T) * sizeof(float)) +
           aligned(onus_gemm_pack_bytes(tile, T, n > units ? n : units)) +
           (attr[BIAS].i ? aligned((size_t)units * sizeof(float)) : 0);
}

/* Scratch: the products' packing; behind it, where an example has several rows and its gradient
 * is made, that gradient. */
static size_t product_bytes(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                            int64_t B)
{
    const int64_t n = width(&in[0]), units = attr[UNITS].i, m = B * rows(attr, in);
    const size_t a = onus_gemm_scratch_bytes(ex, m, units, n),
                 b = onus_gemm_scratch_bytes(ex, m, n, units),
                 c = onus_gemm_scratch_bytes(ex, units, n, m),
                 d = onus_gemm_scratch_bytes(ex, n, units, m);
    size_t most = a > b ? a : b;
    most = c > most ? c : most;
    most = d > most ? d : most;
    return aligned(most);
}

static size_t scratch(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                      int64_t B)
{
    const size_t bytes = product_bytes(ex, attr, in, B);
    const size_t pairs = (size_t)onus_pool_size(ex->pool) * pair_bytes(attr, in);
    if (rows(attr, in) == 1) return bytes;
    if (by_pairs(attr, in)) return bytes > pairs ? bytes : pairs;
    return bytes + (size_t)(width(&in[0]) * attr[UNITS].i) * sizeof(float);
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

/* One row an example: the gradient is an outer product, |x|^2 |dy|^2. */
static void norm_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t n = width(&c->in_shape[0]), units = width(&c->out_shape);
    double *norm2 = c->norm2;
    for (int64_t b = begin; b < end; b++) {
        const double d2 = c->ex->k->norm2(c->d_out + b * units, units);
        if (c->trains & 1) {
            const double weight = c->ex->k->norm2(c->in[0] + b * n, n) * d2;
            norm2[b] = norm2[b] + weight;
        }
        if (c->trains & 2) norm2[b] = norm2[b] + d2;
    }
}

/* Products of rows [t0, t0 + m) of X (T, n) with rows [t0, T), into C. */
static void pair_products(const onus_call *c, const float *X, int64_t n, int64_t t0, int64_t m,
                          float *C, void *pack)
{
    const int64_t T = rows(c->attr, c->in_shape);
    const onus_gemm_args g = {.form = ONUS_GEMM_NT,
                              .M = m,
                              .N = T - t0,
                              .K = n,
                              .A = X + t0 * n,
                              .lda = n,
                              .B = X + t0 * n,
                              .ldb = n,
                              .C = C,
                              .ldc = T - t0};
    onus_gemm_serial(c->ex->k, &g, pack);
}

/* The squared norm of the weight's gradient of one example: tiles of rows with all rows from
 * their first on; a pair of two tiles counts twice. Binary64 lanes over a tile's pairs. */
static double pairs_norm2(const onus_call *c, const float *x, const float *dy, char *at)
{
    const int64_t n = width(&c->in_shape[0]), units = width(&c->out_shape),
                  T = rows(c->attr, c->in_shape), tile = T < TILE ? T : TILE;
    const size_t block = aligned((size_t)(tile * T) * sizeof(float));
    float *xx = (float *)(void *)at, *dd = (float *)(void *)(at + block);
    double lane[16] = {0};
    for (int64_t t0 = 0; t0 < T; t0 += tile) {
        const int64_t m = T - t0 < tile ? T - t0 : tile, N = T - t0;
        pair_products(c, x, n, t0, m, xx, at + 2 * block);
        pair_products(c, dy, units, t0, m, dd, at + 2 * block);
        for (int64_t i = 0; i < m * N; i++) {
            const double times = i % N < m ? 1 : 2;
            lane[i % 16] = fma(times * (double)xx[i], (double)dd[i], lane[i % 16]);
        }
    }
    const double sum = onus_fold16(lane);
    return sum < 0 ? 0 : sum; /* rounding alone makes it so */
}

static void pairs_part(const onus_call *c, int part, int64_t begin, int64_t end)
{
    const int64_t n = width(&c->in_shape[0]), units = width(&c->out_shape),
                  T = rows(c->attr, c->in_shape);
    const size_t bytes = pair_bytes(c->attr, c->in_shape);
    char *at = (char *)c->scratch + (size_t)part * bytes;
    float *db = (float *)(void *)(at + bytes - aligned((size_t)units * sizeof(float)));
    for (int64_t b = begin; b < end; b++) {
        const float *x = c->in[0] + b * T * n, *dy = c->d_out + b * T * units;
        if (c->trains & 1) c->norm2[b] = c->norm2[b] + pairs_norm2(c, x, dy, at);
        if (c->trains & 2) {
            c->ex->k->col_sum(dy, T, units, 0, units, false, db);
            c->norm2[b] = c->norm2[b] + c->ex->k->norm2(db, units);
        }
    }
}

/* Several rows: the example's gradient is made, measured and forgotten. */
static void norm_by_gradient(onus_call *c, double *norm2)
{
    const int64_t n = width(&c->in_shape[0]), units = width(&c->out_shape),
                  T = rows(c->attr, c->in_shape);
    float *g = (float *)(void *)((char *)c->scratch +
                                 product_bytes(c->ex, c->attr, c->in_shape, c->B));
    for (int64_t b = 0; b < c->B; b++) {
        const float *x = c->in[0] + b * T * n, *dy = c->d_out + b * T * units;
        if (c->trains & 1) {
            const onus_gemm_args product = grad_product(c, x, dy, T, g);
            onus_gemm(c->ex, &product, c->scratch);
            norm2[b] = norm2[b] + c->ex->k->norm2(g, n * units);
        }
        if (c->trains & 2) {
            c->ex->k->col_sum(dy, T, units, 0, units, false, g);
            norm2[b] = norm2[b] + c->ex->k->norm2(g, units);
        }
    }
}

static void sample_norm2(onus_call *c, double *norm2)
{
    c->norm2 = norm2;
    if (rows(c->attr, c->in_shape) == 1)
        onus_each(c, c->B, 1, width(&c->in_shape[0]) + width(&c->out_shape), norm_range);
    else if (by_pairs(c->attr, c->in_shape))
        onus_each_part(c, c->B, pairs_part);
    else
        norm_by_gradient(c, norm2);
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

/* Pairs of T rows that are multiplied. */
static double pairs_of(int64_t T)
{
    const double full = (double)(T / TILE), rest = (double)(T % TILE);
    return TILE * TILE * full * (full + 1) / 2 + full * TILE * rest + rest * rest;
}

static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B, onus_pass pass)
{
    const double n = (double)width(&in[0]), u = (double)attr[UNITS].i,
                 T = (double)rows(attr, in), b = (double)B * T;
    const double bias = attr[BIAS].i ? u : 0, moved = 4 * (b * n + b * u + n * u);
    switch (pass) {
    case ONUS_PASS_BACKWARD: return (onus_cost){b * n * u, moved};
    case ONUS_PASS_NORM:
        if (T == 1) return (onus_cost){b * (n + u), 4 * b * (n + u)};
        if (by_pairs(attr, in))
            return (onus_cost){(double)B * (pairs_of(rows(attr, in)) * (n + u + 1) + bias) +
                                   b * bias,
                               4 * b * (n + u)};
        return (onus_cost){b * n * u + b * bias + (double)B * (n * u + bias), 4 * b * (n + u)};
    case ONUS_PASS_FORWARD:
    case ONUS_PASS_GRAD: return (onus_cost){b * n * u + b * bias, moved + 4 * bias};
    }
    return (onus_cost){0};
}

const onus_op onus_op_dense =
    ONUS_OP_ROW("dense", "y = x W^T + b over the last axis", 1, 1, 0, ONUS_KEEPS_IN, attrs,
                N_ATTRS, shape, params, rows, onus_no_bytes, scratch, ONUS_CAN(forward),
                ONUS_CAN(backward), ONUS_CAN(sample_norm2), ONUS_CAN(weighted_grad),
                ONUS_NO_TIES, ONUS_CAN(relevance), ONUS_CAN(cost));
