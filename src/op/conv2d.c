/* SPDX-License-Identifier: Apache-2.0
 * conv2d.c - two-dimensional convolution: (C, H, W) -> (K, OH, OW), weight (K, C / groups, kh,
 * kw). Which terms a sum has and in which order: num/conv.h.
 *
 * In private training an example's windows are written out: its gradient is a sum of outer
 * products over positions, as a dense layer's over rows. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "num/conv.h"
#include "num/kernels.h"
#include "op/each.h"

enum { CHANNELS, KERNEL, KERNEL_W, STRIDE, PADDING, DILATION, GROUPS, BIAS, HE_FAN_OUT };

static const onus_attr_def attrs[] = {
    {"channels", ONUS_ATTR_INT, 1, 1, 1 << 24, "output channels"},
    {"kernel", ONUS_ATTR_INT, 3, 1, 4096, "rows of the kernel"},
    {"kernel_w", ONUS_ATTR_INT, 0, 0, 4096, "its columns; 0: as many as rows"},
    {"stride", ONUS_ATTR_INT, 1, 1, 4096, "from one position to the next"},
    {"padding", ONUS_ATTR_INT, 0, 0, 4096, "zeros around the image"},
    {"dilation", ONUS_ATTR_INT, 1, 1, 4096, "from one tap to the next"},
    {"groups", ONUS_ATTR_INT, 1, 1, 1 << 24, "channels are cut into as many groups"},
    {"bias", ONUS_ATTR_INT, 1, 0, 1, "1: a bias is added"},
    {"he_fan_out", ONUS_ATTR_INT, 0, 0, 1,
     "1: the weight starts normal with deviation sqrt(2 / (channels kh kw)), as in ResNets"},
};
enum { N_ATTRS = sizeof attrs / sizeof *attrs };

static onus_conv conv_of(const onus_attr *attr, const onus_shape *in)
{
    onus_conv v = {.C = in->d[0],
                   .H = in->d[1],
                   .W = in->d[2],
                   .K = attr[CHANNELS].i,
                   .kh = attr[KERNEL].i,
                   .kw = attr[KERNEL_W].i ? attr[KERNEL_W].i : attr[KERNEL].i,
                   .stride = attr[STRIDE].i,
                   .padding = attr[PADDING].i,
                   .dilation = attr[DILATION].i,
                   .groups = attr[GROUPS].i};
    const int64_t high = v.H + 2 * v.padding - (v.kh - 1) * v.dilation - 1,
                  wide = v.W + 2 * v.padding - (v.kw - 1) * v.dilation - 1;
    v.OH = high < 0 ? 0 : high / v.stride + 1;
    v.OW = wide < 0 ? 0 : wide / v.stride + 1;
    return v;
}

static int64_t positions(const onus_conv *v)
{
    return v->OH * v->OW;
}

static int64_t terms(const onus_conv *v)
{
    return v->C / v->groups * v->kh * v->kw;
}

/* Padded images of a channel are at most that many numbers. */
#define PADDED_MAX ((double)(INT64_C(1) << 34))

static onus_status shape(const onus_attr *attr, const onus_shape in[], int n_in,
                         onus_shape *out, onus_err *err)
{
    (void)n_in;
    char text[128];
    onus_shape_text(&in[0], text, sizeof text);
    if (in[0].n != 3 || onus_shape_numel(&in[0]) < 1)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "conv2d: takes images (channels, rows, columns), got shape %s", text);
    const onus_conv v = conv_of(attr, &in[0]);
    if (v.C % v.groups || v.K % v.groups)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "conv2d: %lld groups divide neither %lld input channels nor %lld "
                         "output channels into equal parts",
                         (long long)v.groups, (long long)v.C, (long long)v.K);
    if (v.OH < 1 || v.OW < 1)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "conv2d: a kernel of %lld x %lld, dilation %lld, is larger than the "
                         "image %s with padding %lld",
                         (long long)v.kh, (long long)v.kw, (long long)v.dilation, text,
                         (long long)v.padding);
    const double most = 4.0 * (double)(v.C > v.K ? v.C : v.K) *
                        (double)(v.H + 2 * v.padding + 1) *
                        (double)(v.W + 2 * v.padding + v.stride);
    if (most > PADDED_MAX)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "conv2d: %lld channels of the image %s with padding %lld are too many",
                         (long long)(v.C > v.K ? v.C : v.K), text, (long long)v.padding);
    *out = (onus_shape){.n = 3, .d = {v.K, v.OH, v.OW}};
    return ONUS_OK;
}

static int params(const onus_attr *attr, const onus_shape in[],
                  onus_param_def out[ONUS_PARAM_MAX])
{
    const onus_conv v = conv_of(attr, &in[0]);
    const bool he = attr[HE_FAN_OUT].i;
    out[0] = (onus_param_def){.name = "weight",
                              .shape = {.n = 4, .d = {v.K, v.C / v.groups, v.kh, v.kw}},
                              .init = he ? ONUS_INIT_NORMAL : ONUS_INIT_LINEAR,
                              .fan_in = terms(&v),
                              .std = sqrt(2.0 / (double)(v.K * v.kh * v.kw)),
                              .decay = true};
    out[1] = (onus_param_def){.name = "bias",
                              .shape = {.n = 1, .d = {v.K}},
                              .init = ONUS_INIT_LINEAR,
                              .fan_in = terms(&v)};
    return attr[BIAS].i ? 2 : 1;
}

static int64_t rows(const onus_attr *attr, const onus_shape in[])
{
    const onus_conv v = conv_of(attr, &in[0]);
    return positions(&v);
}

/* ---- scratch ----------------------------------------------------------------------------- */

static size_t floats_bytes(int64_t n)
{
    return ((size_t)n * sizeof(float) + ONUS_ALIGN - 1) & ~(size_t)(ONUS_ALIGN - 1);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Examples whose terms stand in scratch at once. */
static int64_t examples_at_once(const onus_conv *v, int64_t B)
{
    const int64_t each = positions(v) * (terms(v) + v->K / v->groups),
                  n = each > 0 ? (1 << 20) / each : 1;
    return n < 1 ? 1 : n < B ? n : B;
}

static size_t scratch(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                      int64_t B)
{
    const onus_conv v = conv_of(attr, &in[0]);
    const int64_t n = examples_at_once(&v, B), P = positions(&v);
    return larger(onus_conv_scratch_bytes(ex, &v, B),
                  floats_bytes(n * P * terms(&v)) + floats_bytes(n * P * (v.K / v.groups)) +
                      floats_bytes(n * v.K));
}

/* ---- values and gradients ---------------------------------------------------------------- */

static void forward(onus_call *c)
{
    const onus_conv v = conv_of(c->attr, &c->in_shape[0]);
    onus_conv_forward(c->ex, &v, c->B, c->in[0], c->param[0],
                      c->attr[BIAS].i ? c->param[1] : NULL, c->out, c->scratch);
}

static void backward(onus_call *c)
{
    const onus_conv v = conv_of(c->attr, &c->in_shape[0]);
    if (c->d_in[0])
        onus_conv_back_input(c->ex, &v, c->B, c->d_out, c->param[0], c->d_in[0], c->scratch);
}

/* Sums of dy (B, K, P) over (example, position), of up to SIDE channels from k on. */
enum { SIDE = 16, SEGMENT = 256 };

static void sum_channels(const float *dy, int64_t B, int64_t K, int64_t P, int64_t k,
                         int64_t width, bool goes_on, float *out)
{
    float chain[SIDE] = {0}, total[SIDE] = {0};
    bool first = !goes_on;
    int64_t n = 0; /* terms in the segment */
    for (int64_t i = 0; goes_on && i < width; i++) total[i] = out[i];
    for (int64_t b = 0; b < B; b++)
        for (int64_t p = 0; p < P; p++) {
            const float *at = dy + (b * K + k) * P + p;
            for (int64_t i = 0; i < width; i++) chain[i] = chain[i] + at[i * P];
            if (++n < SEGMENT && !(b == B - 1 && p == P - 1)) continue;
            for (int64_t i = 0; i < width; i++) {
                total[i] = first ? chain[i] : total[i] + chain[i];
                chain[i] = 0.0f;
            }
            first = false;
            n = 0;
        }
    for (int64_t i = 0; i < width; i++) out[i] = total[i];
}

static void bias_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t K = c->out_shape.d[0], P = c->out_shape.d[1] * c->out_shape.d[2];
    for (int64_t k = begin; k < end; k += SIDE)
        sum_channels(c->d_out, c->B, K, P, k, end - k < SIDE ? end - k : SIDE,
                     c->start[1] == ONUS_GRAD_GOES_ON, c->grad[1] + k);
}

static void weighted_grad(onus_call *c)
{
    const onus_conv v = conv_of(c->attr, &c->in_shape[0]);
    if (c->trains & 1)
        onus_conv_back_weight(c->ex, &v, c->B, c->in[0], c->d_out, c->grad[0],
                              c->start[0] == ONUS_GRAD_GOES_ON, c->scratch);
    if (c->trains & 2) onus_each(c, v.K, SIDE, c->B * positions(&v), bias_range);
}

/* ---- terms ------------------------------------------------------------------------------- */

/* The second operand of the forward product, written out: (P, terms) of group g of an image. */
static void unfold(const onus_conv *v, const float *x, int64_t g, float *out)
{
    const int64_t taps = v->kh * v->kw, P = positions(v), n = terms(v);
    for (int64_t t = 0; t < n; t++) {
        const float *plane = x + (g * (v->C / v->groups) + t / taps) * v->H * v->W;
        const int64_t dy = t % taps / v->kw * v->dilation - v->padding,
                      dx = t % v->kw * v->dilation - v->padding;
        for (int64_t p = 0; p < P; p++) {
            const int64_t r = p / v->OW * v->stride + dy, q = p % v->OW * v->stride + dx;
            const bool inside = r >= 0 && r < v->H && q >= 0 && q < v->W;
            out[p * n + t] = inside ? plane[r * v->W + q] : 0.0f;
        }
    }
}

/* What a step writes out of examples [first, first + n): windows (n, P, terms) and dy (n, P, K
 * / groups) of group g; with group 0 each example's sums of dy (n, K). */
typedef struct {
    const onus_call *c;
    onus_conv v;
    int64_t first, n, g;
    float *windows, *dy, *sums;
} unfolded;

static void unfold_part(void *ctx, int part, int n_parts)
{
    const unfolded *u = ctx;
    const onus_conv *v = &u->v;
    const int64_t P = positions(v), K = v->K / v->groups;
    int64_t begin, end;
    onus_split(u->n, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        const float *dy = u->c->d_out + (u->first + i) * v->K * P;
        if (u->c->trains & 1) {
            unfold(v, u->c->in[0] + (u->first + i) * v->C * v->H * v->W, u->g,
                   u->windows + i * P * terms(v));
            for (int64_t k = 0; k < K; k++)
                for (int64_t p = 0; p < P; p++)
                    u->dy[(i * P + p) * K + k] = dy[(u->g * K + k) * P + p];
        }
        for (int64_t k = 0; u->c->trains & 2 && u->g == 0 && k < v->K; k += SIDE)
            sum_channels(dy, 1, v->K, P, k, v->K - k < SIDE ? v->K - k : SIDE, false,
                         u->sums + i * v->K + k);
    }
}

/* Steps go over groups, then over as many examples as there is room for. */
static bool make_terms(onus_call *c, int64_t step, onus_terms_step *out)
{
    const onus_conv v = conv_of(c->attr, &c->in_shape[0]);
    const int64_t P = positions(&v), K = v.K / v.groups, n = examples_at_once(&v, c->B);
    unfolded u = {.c = c, .v = v, .windows = c->scratch};
    if (step >= 0) {
        u.first = step / v.groups * n;
        u.g = step % v.groups;
        if (u.first >= c->B) return false;
        u.n = c->B - u.first < n ? c->B - u.first : n;
        u.dy = (float *)(void *)((char *)u.windows + floats_bytes(n * P * terms(&v)));
        u.sums = (float *)(void *)((char *)u.dy + floats_bytes(n * P * K));
        onus_pool_run(c->ex->pool, unfold_part, &u);
    }
    *out = (onus_terms_step){.first = u.first, .n = u.n};
    onus_terms *weight = onus_term_add(out, ONUS_TERM_OUTER, 0);
    weight->rows = P;
    weight->u = weight->ldd = K;
    weight->n = weight->ldx = terms(&v);
    weight->first = u.g * K * terms(&v);
    weight->copies = v.groups;
    weight->d = u.dy;
    weight->x = u.windows;
    if (!c->attr[BIAS].i || u.g > 0) return true;
    onus_terms *bias = onus_term_add(out, ONUS_TERM_SUM, 1);
    bias->u = bias->ldd = v.K;
    bias->d = u.sums;
    return true;
}

/* Differences pass through a linear map: the bias cancels. */
static void relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    backward(c);
}

static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B, onus_pass pass)
{
    const onus_conv v = conv_of(attr, &in[0]);
    const double b = (double)B, P = (double)positions(&v), K = (double)v.K,
                 weights = K * (double)terms(&v), x = b * (double)onus_shape_numel(&in[0]),
                 y = b * K * P, bias = attr[BIAS].i ? K : 0;
    switch (pass) {
    case ONUS_PASS_BACKWARD:
        return (onus_cost){b * onus_conv_back_input_macs(&v), 4 * (x + y + weights)};
    case ONUS_PASS_FORWARD:
    case ONUS_PASS_GRAD:
        return (onus_cost){b * P * (weights + bias), 4 * (x + y + weights + bias)};
    }
    return (onus_cost){0};
}

const onus_op onus_op_conv2d =
    ONUS_OP_ROW("conv2d", "two-dimensional convolution of images (channels, rows, columns)", 1,
                1, 0, ONUS_KEEPS_IN, attrs, N_ATTRS, shape, params, rows, onus_no_bytes,
                scratch, ONUS_CAN(forward), ONUS_CAN(backward), ONUS_CAN(make_terms),
                ONUS_CAN(weighted_grad), ONUS_CAN(relevance), ONUS_CAN(cost));
