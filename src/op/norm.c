/* SPDX-License-Identifier: Apache-2.0
 * norm.c - norms over the last axis: layer_norm (Ba, Kiros, Hinton 2016, arXiv:1607.06450), y =
 * h g + b with h = (x - mean) r, r = 1 / sqrt(variance + eps); rms_norm (Zhang and Sennrich
 * 2019, arXiv:1910.07467), which takes no mean off and has no b.
 *
 * Mean and r of every row are kept, h is computed again. Gradients of g and b are dots over
 * (example, row). In private training an example's sum over rows is made first.
 *
 * Relevance: h is a product, c r, of the centred number and the row's scale; it is shared by
 * the rule of products, D(cr) = Dc (r + r0) / 2 + Dr (c + c0) / 2. What r receives goes on to
 * the mean of squares v by the rescale rule, Dr / Dv = -(r r0)^2 / (r + r0) exactly, and from v
 * to c by D(c c) = Dc (c + c0). So all of it is handed on. */
#include "base/fail.h"
#include "num/kernels.h"
#include "op/each.h"

enum { EPS };
static const onus_attr_def layer_attrs[] = {
    {"eps", ONUS_ATTR_REAL, 1e-5, 0, 1, "added to the variance"}};
static const onus_attr_def rms_attrs[] = {
    {"eps", ONUS_ATTR_REAL, 1e-6, 0, 1, "added to the mean of squares"}};

static int64_t width(const onus_shape *s)
{
    return s->d[s->n - 1];
}

static int64_t rows(const onus_attr *attr, const onus_shape in[])
{
    (void)attr;
    return onus_shape_numel(&in[0]) / width(&in[0]);
}

static onus_status shape_of(const char *name, const onus_shape in[], onus_shape *out,
                            onus_err *err)
{
    char text[96];
    if (in[0].n < 1 || width(&in[0]) < 1) {
        onus_shape_text(&in[0], text, sizeof text);
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: takes vectors, expected shape (n) or (.., n), got %s", name,
                         text);
    }
    *out = in[0];
    return ONUS_OK;
}

static onus_status layer_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                               onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in;
    return shape_of("layer_norm", in, out, err);
}

static onus_status rms_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                             onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in;
    return shape_of("rms_norm", in, out, err);
}

static int rms_params(const onus_attr *attr, const onus_shape in[],
                      onus_param_def out[ONUS_PARAM_MAX])
{
    (void)attr;
    const onus_shape row = {.n = 1, .d = {width(&in[0])}};
    out[0] =
        (onus_param_def){.name = "weight", .shape = row, .init = ONUS_INIT_ONE, .fan_in = 1};
    return 1;
}

static int layer_params(const onus_attr *attr, const onus_shape in[],
                        onus_param_def out[ONUS_PARAM_MAX])
{
    rms_params(attr, in, out);
    out[1] = (onus_param_def){
        .name = "bias", .shape = out[0].shape, .init = ONUS_INIT_ZERO, .fan_in = 1};
    return 2;
}

static size_t saved(const onus_attr *attr, const onus_shape in[], int64_t B)
{
    return (size_t)(B * rows(attr, in) * 2) * sizeof(float);
}

/* Each example's gradients of g and of b. */
static size_t scratch(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                      int64_t B)
{
    (void)ex, (void)attr;
    return (size_t)(2 * B * width(&in[0])) * sizeof(float);
}

/* layer_norm has a bias where rms_norm has none: that tells one from the other. */
static bool centred(const onus_call *c)
{
    return c->param[1] != NULL;
}

/* ---- passes ------------------------------------------------------------------------------ */

static void forward_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t n = width(&c->in_shape[0]);
    for (int64_t i = begin; i < end; i++) {
        float *stat = (float *)c->saved + 2 * i;
        c->ex->k->norm_stat(c->in[0] + i * n, n, centred(c), (float)c->attr[EPS].r, stat);
        c->ex->k->norm(c->in[0] + i * n, stat, c->param[0], c->param[1], c->out + i * n, n);
    }
}

static void forward(onus_call *c)
{
    onus_each(c, c->B * rows(c->attr, c->in_shape), 1, 2 * width(&c->in_shape[0]),
              forward_range);
}

static void backward_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t n = width(&c->in_shape[0]);
    for (int64_t i = begin; i < end; i++)
        c->ex->k->norm_back(c->in[0] + i * n, (const float *)c->saved + 2 * i, c->param[0],
                            c->d_out + i * n, centred(c), c->d_in[0] + i * n, n);
}

static void backward(onus_call *c)
{
    if (c->d_in[0])
        onus_each(c, c->B * rows(c->attr, c->in_shape), 1, 4 * width(&c->in_shape[0]),
                  backward_range);
}

static void example_range(const onus_call *c, int64_t begin, int64_t end)
{
    const onus_kernels *k = c->ex->k;
    const int64_t n = width(&c->in_shape[0]), T = rows(c->attr, c->in_shape);
    for (int64_t b = begin; b < end; b++) {
        float *g = (float *)c->scratch + 2 * b * n;
        const float *dy = c->d_out + b * T * n, *stat = (const float *)c->saved + b * T * 2;
        if (c->trains & 1) k->norm_grad(c->in[0] + b * T * n, stat, dy, T, n, 0, n, false, g);
        if (c->trains & 2) k->col_sum(dy, T, n, 0, n, false, g + n);
    }
}

/* An example's gradient is one vector, made and added. */
static bool terms_of(onus_call *c, int64_t step, onus_terms_step *out, int n_params)
{
    const int64_t n = width(&c->in_shape[0]);
    if (!onus_one_step(c, step, out)) return false;
    for (int k = 0; k < n_params; k++) {
        onus_terms *t = onus_term_add(out, ONUS_TERM_SUM, k);
        t->u = n;
        t->ldd = 2 * n;
        t->d = (const float *)c->scratch + k * n;
    }
    if (step == 0) onus_each(c, c->B, 1, 4 * onus_shape_numel(&c->in_shape[0]), example_range);
    return true;
}

static bool layer_terms(onus_call *c, int64_t step, onus_terms_step *out)
{
    return terms_of(c, step, out, 2);
}

static bool rms_terms(onus_call *c, int64_t step, onus_terms_step *out)
{
    return terms_of(c, step, out, 1);
}

static void grad_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t n = width(&c->in_shape[0]), n_rows = c->B * rows(c->attr, c->in_shape);
    if (c->trains & 1)
        c->ex->k->norm_grad(c->in[0], c->saved, c->d_out, n_rows, n, begin, end,
                            c->start[0] == ONUS_GRAD_GOES_ON, c->grad[0]);
    if (c->trains & 2)
        c->ex->k->col_sum(c->d_out, n_rows, n, begin, end, c->start[1] == ONUS_GRAD_GOES_ON,
                          c->grad[1]);
}

static void weighted_grad(onus_call *c)
{
    if (c->trains)
        onus_each(c, width(&c->in_shape[0]), 16, 4 * c->B * rows(c->attr, c->in_shape),
                  grad_range);
}

/* Multipliers of a row. m_in may stand over m_out. */
static void relevance_row(const onus_call *c, const onus_call *c0, int64_t row)
{
    const int64_t n = width(&c->in_shape[0]);
    const float *x = c->in[0] + row * n, *x0 = c0->in[0] + row * n;
    const float *stat = (const float *)c->saved + 2 * row,
                *stat0 = (const float *)c0->saved + 2 * row;
    const double r = (double)stat[1], r0 = (double)stat0[1];
    double to_r = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double m = (double)(c->d_out[row * n + i] * c->param[0][i]);
        const double middle = 0.5 * ((double)(x[i] - stat[0]) + (double)(x0[i] - stat0[0]));
        to_r += m * middle;
    }
    const double product = r * r0;
    const double to_squares = -to_r * product * product / (r + r0) / (double)n;
    for (int64_t i = 0; i < n; i++) {
        const double m = (double)(c->d_out[row * n + i] * c->param[0][i]);
        const double both = (double)(x[i] - stat[0]) + (double)(x0[i] - stat0[0]);
        const double to_c = m * 0.5 * (r + r0) + to_squares * both;
        c->d_in[0][row * n + i] = (float)to_c;
        sum += to_c;
    }
    const float mean = (float)(sum / (double)n);
    for (int64_t i = 0; centred(c) && i < n; i++)
        c->d_in[0][row * n + i] = c->d_in[0][row * n + i] - mean;
}

static void relevance(onus_call *c, const onus_call *c0)
{
    const int64_t n_rows = c->B * rows(c->attr, c->in_shape);
    for (int64_t i = 0; c->d_in[0] && i < n_rows; i++) relevance_row(c, c0, i);
}

/* ---- rows -------------------------------------------------------------------------------- */

/* Operations an element: forward the mean's sum, two of the spread, three of y; backward t,
 * x - mean, h and sums of t and t h, those three again, and four of dx; without a mean one less
 * each. Gradients: x - mean, times r and a multiply-add; one of the bias. */
static onus_cost cost_of(const onus_attr *attr, const onus_shape in[], int64_t B,
                         onus_pass pass, bool layer)
{
    const double n = (double)width(&in[0]), places = (double)B * (double)rows(attr, in);
    const double x = places * n, stat = 8 * places, bias = layer ? 1 : 0;
    switch (pass) {
    case ONUS_PASS_FORWARD:
        return (onus_cost){(5 + bias) * x, 8 * x + stat + 4 * n * (1 + bias)};
    case ONUS_PASS_BACKWARD: return (onus_cost){(11 + bias) * x, 12 * x + stat + 4 * n};
    case ONUS_PASS_GRAD: return (onus_cost){(3 + bias) * x, 8 * x + stat + 4 * n * (1 + bias)};
    }
    return (onus_cost){0};
}

static onus_cost layer_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                            onus_pass pass)
{
    return cost_of(attr, in, B, pass, true);
}

static onus_cost rms_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                          onus_pass pass)
{
    return cost_of(attr, in, B, pass, false);
}

#define ROW(name, help, which)                                                         \
    ONUS_OP_ROW(name, help, 1, 1, ONUS_OP_INPLACE, ONUS_KEEPS_IN | ONUS_RELEVANCE_IN,  \
                which##_attrs, 1, which##_shape, which##_params, rows, saved, scratch, \
                ONUS_CAN(forward), ONUS_CAN(backward), ONUS_CAN(which##_terms),        \
                ONUS_CAN(weighted_grad), ONUS_CAN(relevance), ONUS_CAN(which##_cost))

const onus_op onus_op_layer_norm =
    ROW("layer_norm", "y = (x - mean) / sqrt(variance + eps) g + b over the last axis", layer);
const onus_op onus_op_rms_norm =
    ROW("rms_norm", "y = x / sqrt(mean of squares + eps) g over the last axis", rms);
