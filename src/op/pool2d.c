/* SPDX-License-Identifier: Apache-2.0
 * pool2d.c - images made smaller: the largest or the mean of a window, or of a whole channel.
 *
 * max_pool: m = -infinity, then m = x > m ? x : m over the window, row-major; padding takes no
 * part; of equal numbers the first is the one that gradients go to. avg_pool: the window's sum
 * from +0, row-major, divided by its size (padding included) or by what lies in the image. On
 * the way back an input's gradient is the sum over the outputs that read it, ascending, from
 * +0. global_avg_pool: the sum of a channel by lanes (contract, item 4), divided. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "num/kernels.h"
#include "op/each.h"

enum { KERNEL, STRIDE, PADDING, WITH_PADDING };

static const onus_attr_def attrs[] = {
    {"kernel", ONUS_ATTR_INT, 2, 1, 4096, "rows and columns of the window"},
    {"stride", ONUS_ATTR_INT, 0, 0, 4096, "from one window to the next; 0: the kernel"},
    {"padding", ONUS_ATTR_INT, 0, 0, 2048, "around the image, at most half the kernel"},
    {"count_include_pad", ONUS_ATTR_INT, 1, 0, 1, "1: padding counts in the mean's divisor"},
};

typedef struct {
    int64_t C, H, W, OH, OW, k, s, p;
} pool;

static pool pool_of(const onus_attr *attr, const onus_shape *in)
{
    pool v = {.C = in->d[0],
              .H = in->d[1],
              .W = in->d[2],
              .k = attr[KERNEL].i,
              .s = attr[STRIDE].i ? attr[STRIDE].i : attr[KERNEL].i,
              .p = attr[PADDING].i};
    const int64_t high = v.H + 2 * v.p - v.k, wide = v.W + 2 * v.p - v.k;
    v.OH = high < 0 ? 0 : high / v.s + 1;
    v.OW = wide < 0 ? 0 : wide / v.s + 1;
    return v;
}

static onus_status check_image(const char *name, const onus_shape *in, onus_err *err)
{
    char text[128];
    onus_shape_text(in, text, sizeof text);
    if (in->n == 3 && onus_shape_numel(in) > 0) return ONUS_OK;
    return onus_fail(err, ONUS_BAD_INPUT,
                     "%s: takes images (channels, rows, columns), got shape %s", name, text);
}

static onus_status pooled(const char *name, const onus_attr *attr, const onus_shape in[],
                          onus_shape *out, onus_err *err)
{
    const onus_status st = check_image(name, &in[0], err);
    char text[128];
    if (st != ONUS_OK) return st;
    const pool v = pool_of(attr, &in[0]);
    if (2 * v.p > v.k)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: padding %lld is more than half the kernel (%lld)", name,
                         (long long)v.p, (long long)v.k);
    onus_shape_text(&in[0], text, sizeof text);
    if (v.OH < 1 || v.OW < 1)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: a window of %lld is larger than the image %s with padding %lld",
                         name, (long long)v.k, text, (long long)v.p);
    *out = (onus_shape){.n = 3, .d = {v.C, v.OH, v.OW}};
    return ONUS_OK;
}

/* Rows [y0, y1), columns [x0, x1): what of output (oy, ox)'s window lies in the image. */
typedef struct {
    int64_t y0, y1, x0, x1;
} window;

static void cut(int64_t at, int64_t size, const pool *v, int64_t *begin, int64_t *end)
{
    *begin = at * v->s - v->p;
    *end = *begin + v->k < size ? *begin + v->k : size;
    if (*begin < 0) *begin = 0;
}

static window window_of(const pool *v, int64_t oy, int64_t ox)
{
    window w;
    cut(oy, v->H, v, &w.y0, &w.y1);
    cut(ox, v->W, v, &w.x0, &w.x1);
    return w;
}

/* ---- max_pool ---------------------------------------------------------------------------- */

static onus_status max_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                             onus_shape *out, onus_err *err)
{
    (void)n_in;
    return pooled("max_pool", attr, in, out, err);
}

/* Each output's place in its channel. */
static size_t max_saved(const onus_attr *attr, const onus_shape in[], int64_t B)
{
    const pool v = pool_of(attr, &in[0]);
    return (size_t)(B * v.C * v.OH * v.OW) * sizeof(int32_t);
}

/* Channels [begin, end) of all examples. */
static void max_range(const onus_call *c, int64_t begin, int64_t end)
{
    const pool v = pool_of(c->attr, &c->in_shape[0]);
    float *y = c->out + begin * v.OH * v.OW;
    int32_t *place = (int32_t *)c->saved + begin * v.OH * v.OW;
    for (int64_t ch = begin; ch < end; ch++)
        for (int64_t o = 0; o < v.OH * v.OW; o++) {
            const window w = window_of(&v, o / v.OW, o % v.OW);
            const float *x = c->in[0] + ch * v.H * v.W;
            float m = -INFINITY;
            int64_t at = w.y0 * v.W + w.x0;
            for (int64_t r = w.y0; r < w.y1; r++)
                for (int64_t q = w.x0; q < w.x1; q++)
                    if (x[r * v.W + q] > m) {
                        m = x[r * v.W + q];
                        at = r * v.W + q;
                    }
            *y++ = m;
            *place++ = (int32_t)at;
        }
}

static void max_forward(onus_call *c)
{
    const pool v = pool_of(c->attr, &c->in_shape[0]);
    onus_each(c, c->B * v.C, 1, v.OH * v.OW * v.k * v.k, max_range);
}

static void max_back_range(const onus_call *c, int64_t begin, int64_t end)
{
    const pool v = pool_of(c->attr, &c->in_shape[0]);
    const int64_t P = v.OH * v.OW;
    for (int64_t ch = begin; ch < end; ch++) {
        float *dx = c->d_in[0] + ch * v.H * v.W;
        const int32_t *place = (const int32_t *)c->saved + ch * P;
        memset(dx, 0, (size_t)(v.H * v.W) * sizeof *dx);
        for (int64_t o = 0; o < P; o++) dx[place[o]] = dx[place[o]] + c->d_out[ch * P + o];
    }
}

static void max_backward(onus_call *c)
{
    const pool v = pool_of(c->attr, &c->in_shape[0]);
    if (c->d_in[0]) onus_each(c, c->B * v.C, 1, v.H * v.W, max_back_range);
}

/* The maximum lies at i, that of the reference at j. x_i - x0_i is at least y - y0, which is at
 * least x_j - x0_j: so a mean of the two, weighted by a share from 0 to 1, is what is handed
 * on. */
static void max_relevance(onus_call *c, const onus_call *c0)
{
    const pool v = pool_of(c->attr, &c->in_shape[0]);
    const int64_t P = v.OH * v.OW, plane = v.H * v.W;
    memset(c->d_in[0], 0, (size_t)(c->B * v.C * plane) * sizeof(float));
    for (int64_t n = 0; n < c->B * v.C * P; n++) {
        const int64_t at = n / P * plane, i = at + ((const int32_t *)c->saved)[n],
                      j = at + ((const int32_t *)c0->saved)[n];
        const float di = c->in[0][i] - c0->in[0][i], dj = c->in[0][j] - c0->in[0][j],
                    wide = di - dj;
        const float share =
            i == j || !(wide > 0.0f) ? 1.0f : ((c->out[n] - c0->out[n]) - dj) / wide;
        c->d_in[0][i] = c->d_in[0][i] + c->d_out[n] * share;
        if (i != j) c->d_in[0][j] = c->d_in[0][j] + c->d_out[n] * (1.0f - share);
    }
}

static onus_cost max_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                          onus_pass pass)
{
    const pool v = pool_of(attr, &in[0]);
    const double b = (double)(B * v.C), x = b * (double)(v.H * v.W),
                 y = b * (double)(v.OH * v.OW);
    if (pass == ONUS_PASS_FORWARD) return (onus_cost){y * (double)(v.k * v.k), 4 * (x + 2 * y)};
    if (pass == ONUS_PASS_BACKWARD) return (onus_cost){y, 4 * (x + 2 * y)};
    return (onus_cost){0};
}

const onus_op onus_op_max_pool =
    ONUS_OP_ROW("max_pool", "the largest number of each window", 1, 1, 0,
                ONUS_RELEVANCE_IN | ONUS_RELEVANCE_OUT, attrs, 3, max_shape, onus_no_params,
                onus_no_rows, max_saved, onus_no_scratch, ONUS_CAN(max_forward),
                ONUS_CAN(max_backward), ONUS_CAN(onus_no_terms), ONUS_CAN(onus_no_grad),
                ONUS_CAN(max_relevance), ONUS_CAN(max_cost));

/* ---- avg_pool ---------------------------------------------------------------------------- */

static onus_status avg_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                             onus_shape *out, onus_err *err)
{
    (void)n_in;
    return pooled("avg_pool", attr, in, out, err);
}

static float divisor(const onus_attr *attr, const pool *v, const window *w)
{
    if (attr[WITH_PADDING].i) return (float)(v->k * v->k);
    return (float)((w->y1 - w->y0) * (w->x1 - w->x0));
}

static void avg_range(const onus_call *c, int64_t begin, int64_t end)
{
    const pool v = pool_of(c->attr, &c->in_shape[0]);
    float *y = c->out + begin * v.OH * v.OW;
    for (int64_t ch = begin; ch < end; ch++)
        for (int64_t o = 0; o < v.OH * v.OW; o++) {
            const window w = window_of(&v, o / v.OW, o % v.OW);
            const float *x = c->in[0] + ch * v.H * v.W;
            float sum = 0.0f;
            for (int64_t r = w.y0; r < w.y1; r++)
                for (int64_t q = w.x0; q < w.x1; q++) sum = sum + x[r * v.W + q];
            *y++ = sum / divisor(c->attr, &v, &w);
        }
}

static void avg_forward(onus_call *c)
{
    const pool v = pool_of(c->attr, &c->in_shape[0]);
    onus_each(c, c->B * v.C, 1, v.OH * v.OW * v.k * v.k, avg_range);
}

static void avg_back_range(const onus_call *c, int64_t begin, int64_t end)
{
    const pool v = pool_of(c->attr, &c->in_shape[0]);
    const float *dy = c->d_out + begin * v.OH * v.OW;
    for (int64_t ch = begin; ch < end; ch++) {
        float *dx = c->d_in[0] + ch * v.H * v.W;
        memset(dx, 0, (size_t)(v.H * v.W) * sizeof *dx);
        for (int64_t o = 0; o < v.OH * v.OW; o++) {
            const window w = window_of(&v, o / v.OW, o % v.OW);
            const float share = *dy++ / divisor(c->attr, &v, &w);
            for (int64_t r = w.y0; r < w.y1; r++)
                for (int64_t q = w.x0; q < w.x1; q++) dx[r * v.W + q] = dx[r * v.W + q] + share;
        }
    }
}

static void avg_backward(onus_call *c)
{
    const pool v = pool_of(c->attr, &c->in_shape[0]);
    if (c->d_in[0]) onus_each(c, c->B * v.C, 1, v.OH * v.OW * v.k * v.k, avg_back_range);
}

static void avg_relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    avg_backward(c);
}

/* Either way an addition a number of a window (those in padding are not made, but counted), a
 * division a window. */
static onus_cost avg_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                          onus_pass pass)
{
    const pool v = pool_of(attr, &in[0]);
    const double b = (double)(B * v.C), x = b * (double)(v.H * v.W),
                 y = b * (double)(v.OH * v.OW);
    if (pass == ONUS_PASS_FORWARD || pass == ONUS_PASS_BACKWARD)
        return (onus_cost){y * (double)(v.k * v.k + 1), 4 * (x + y)};
    return (onus_cost){0};
}

const onus_op onus_op_avg_pool =
    ONUS_OP_ROW("avg_pool", "the mean of each window", 1, 1, 0, 0, attrs, 4, avg_shape,
                onus_no_params, onus_no_rows, onus_no_bytes, onus_no_scratch,
                ONUS_CAN(avg_forward), ONUS_CAN(avg_backward), ONUS_CAN(onus_no_terms),
                ONUS_CAN(onus_no_grad), ONUS_CAN(avg_relevance), ONUS_CAN(avg_cost));

/* ---- global_avg_pool --------------------------------------------------------------------- */

static onus_status global_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                                onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in;
    const onus_status st = check_image("global_avg_pool", &in[0], err);
    if (st == ONUS_OK) *out = (onus_shape){.n = 1, .d = {in[0].d[0]}};
    return st;
}

static int64_t plane_of(const onus_shape *in)
{
    return in->d[1] * in->d[2];
}

static void global_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t P = plane_of(&c->in_shape[0]);
    for (int64_t i = begin; i < end; i++)
        c->out[i] = c->ex->k->sum(c->in[0] + i * P, P) / (float)P;
}

static void global_forward(onus_call *c)
{
    onus_each(c, onus_call_out(c), 1, plane_of(&c->in_shape[0]), global_range);
}

static void global_back_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t P = plane_of(&c->in_shape[0]);
    for (int64_t i = begin; i < end; i++) {
        const float share = c->d_out[i] / (float)P;
        for (int64_t p = 0; p < P; p++) c->d_in[0][i * P + p] = share;
    }
}

static void global_backward(onus_call *c)
{
    if (c->d_in[0])
        onus_each(c, onus_call_out(c), 1, plane_of(&c->in_shape[0]), global_back_range);
}

static void global_relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    global_backward(c);
}

static onus_cost global_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                             onus_pass pass)
{
    (void)attr;
    const double y = (double)(B * in[0].d[0]), x = y * (double)plane_of(&in[0]);
    if (pass == ONUS_PASS_FORWARD) return (onus_cost){x + y, 4 * (x + y)};
    if (pass == ONUS_PASS_BACKWARD) return (onus_cost){y, 4 * (x + y)};
    return (onus_cost){0};
}

const onus_op onus_op_global_avg_pool =
    ONUS_OP_ROW("global_avg_pool", "the mean of each channel", 1, 1, 0, 0, NULL, 0,
                global_shape, onus_no_params, onus_no_rows, onus_no_bytes, onus_no_scratch,
                ONUS_CAN(global_forward), ONUS_CAN(global_backward), ONUS_CAN(onus_no_terms),
                ONUS_CAN(onus_no_grad), ONUS_CAN(global_relevance), ONUS_CAN(global_cost));
