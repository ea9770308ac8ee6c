/* SPDX-License-Identifier: Apache-2.0
 * norm2d.c - batch_norm and group_norm: channels (or groups of them) to mean 0 and variance 1,
 * then scaled and shifted by channel. Input (C, H, W), or (C): P = H W positions, or 1.
 *
 *   h = (x - mean) r, r = 1 / sqrt(var + eps); y = fmaf(h, g, b)
 *   t = dy g; dx = r ((t - mean(t)) - h mean(t h))
 *
 * batch_norm (Ioffe and Szegedy 2015, arXiv:1502.03167): a channel's mean and variance over the
 * logical batch. One example's sum goes by lanes over its positions (contract, item 4); a
 * shard's adds its examples' in binary64, ascending; shards fold by the balanced tree (item 7).
 * Outside of training the running statistics take their place, and examples do not read each
 * other.
 *
 * group_norm (Wu and He 2018, arXiv:1803.08494): mean and variance over an example's group; one
 * group is layer normalisation of an image. mean(t) and mean(t h) are sums over the group's
 * channels, ascending, of g times the channel's sum by lanes (item 3).
 *
 * Gradients of g and b: a term is one example's sum of dy h, or dy, by lanes; terms add over
 * examples as in item 3. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "num/kernels.h"
#include "op/each.h"

enum { WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR };

static int64_t channels(const onus_shape *s)
{
    return s->d[0];
}

static int64_t positions(const onus_shape *s)
{
    return onus_shape_numel(s) / s->d[0];
}

static onus_status check_shape(const char *name, const onus_shape *in, onus_err *err)
{
    char text[128];
    onus_shape_text(in, text, sizeof text);
    if ((in->n == 1 || in->n == 3) && onus_shape_numel(in) > 0) return ONUS_OK;
    return onus_fail(err, ONUS_BAD_INPUT,
                     "%s: takes (channels, rows, columns) or (n), got shape %s", name, text);
}

static int scale_and_shift(const onus_shape *in, onus_param_def out[ONUS_PARAM_MAX])
{
    const onus_shape each = {.n = 1, .d = {channels(in)}};
    out[WEIGHT] =
        (onus_param_def){.name = "weight", .shape = each, .init = ONUS_INIT_ONE, .fan_in = 1};
    out[BIAS] =
        (onus_param_def){.name = "bias", .shape = each, .init = ONUS_INIT_ZERO, .fan_in = 1};
    return 2;
}

/* One example's terms of channel ch: sums of dy h, of dy. */
static float term_weight(const onus_call *c, int64_t b, int64_t ch, float mean, float r)
{
    const int64_t P = positions(&c->in_shape[0]), at = (b * channels(&c->in_shape[0]) + ch) * P;
    return c->ex->k->dot_scaled(c->d_out + at, c->in[0] + at, mean, r, P);
}

static float term_bias(const onus_call *c, int64_t b, int64_t ch)
{
    const int64_t P = positions(&c->in_shape[0]);
    return c->ex->k->sum(c->d_out + (b * channels(&c->in_shape[0]) + ch) * P, P);
}

/* Channels that a loop over examples takes at once: their numbers stand side by side in an
 * example, and are still in the second-level cache when the next loop comes. */
enum { AT_ONCE = 32, CACHED = 1 << 17 /* numbers */ };

static int64_t channels_at_once(const onus_call *c, int64_t rest)
{
    const int64_t each = c->B * positions(&c->in_shape[0]);
    int64_t n = each > 0 ? CACHED / each : AT_ONCE;
    n = n < 1 ? 1 : n > AT_ONCE ? AT_ONCE : n;
    return n < rest ? n : rest;
}

/* Asks for the next example's numbers of a channel: examples lie far apart. */
static void fetch_next(const onus_call *c, const float *x, int64_t b, int64_t end, int64_t ch)
{
    const int64_t P = positions(&c->in_shape[0]),
                  at = ((b + 1) * channels(&c->in_shape[0]) + ch) * P;
    if (b + 1 < end) onus_fetch_ahead(x, at, at + P, P);
}

/* A sum of terms of examples in segments (item 3). */
typedef struct {
    float total, chain;
    int64_t n; /* terms so far */
    bool started;
} examples;

static void add_example(examples *e, float term)
{
    enum { SEGMENT = 256 };
    e->chain = e->chain + term;
    if (++e->n % SEGMENT) return;
    e->total = e->started ? e->total + e->chain : e->chain;
    e->started = true;
    e->chain = 0.0f;
}

static float sum_of(const examples *e)
{
    if (e->n % 256 == 0) return e->total;
    return e->started ? e->total + e->chain : e->chain;
}

/* mean and r of example b's channel. */
typedef void (*stat_fn)(const onus_call *c, int64_t b, int64_t ch, float *mean, float *r);

static void grad_some(const onus_call *c, int64_t ch, int64_t n, stat_fn stat)
{
    examples sum[2][AT_ONCE] = {{{0}}};
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < n && c->trains >> k & 1; i++)
            if (c->start[k] == ONUS_GRAD_GOES_ON)
                sum[k][i] = (examples){.total = c->grad[k][ch + i], .started = true};
    for (int64_t b = 0; b < c->B; b++)
        for (int64_t i = 0; i < n; i++) {
            float mean, r;
            stat(c, b, ch + i, &mean, &r);
            fetch_next(c, c->in[0], b, c->B, ch + i);
            fetch_next(c, c->d_out, b, c->B, ch + i);
            if (c->trains & 1) add_example(&sum[WEIGHT][i], term_weight(c, b, ch + i, mean, r));
            if (c->trains & 2) add_example(&sum[BIAS][i], term_bias(c, b, ch + i));
        }
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < n && c->trains >> k & 1; i++)
            c->grad[k][ch + i] = sum_of(&sum[k][i]);
}

static void grad_channels(const onus_call *c, int64_t begin, int64_t end, stat_fn stat)
{
    for (int64_t ch = begin, n; ch < end; ch += n) {
        n = channels_at_once(c, end - ch);
        grad_some(c, ch, n, stat);
    }
}

/* ---- batch_norm -------------------------------------------------------------------------- */

enum { EPS, MOMENTUM };

static const onus_attr_def batch_attrs[] = {
    {"eps", ONUS_ATTR_REAL, 1e-5, 1e-12, 1, "is added to the variance"},
    {"momentum", ONUS_ATTR_REAL, 0.1, 0, 1, "share of a batch in the running statistics"},
};

static onus_status batch_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                               onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in;
    *out = in[0];
    return check_shape("batch_norm", &in[0], err);
}

static int batch_params(const onus_attr *attr, const onus_shape in[],
                        onus_param_def out[ONUS_PARAM_MAX])
{
    (void)attr;
    scale_and_shift(&in[0], out);
    out[RUNNING_MEAN] = (onus_param_def){.name = "running_mean",
                                         .shape = out[0].shape,
                                         .init = ONUS_INIT_ZERO,
                                         .fan_in = 1,
                                         .buffer = true};
    out[RUNNING_VAR] = (onus_param_def){.name = "running_var",
                                        .shape = out[0].shape,
                                        .init = ONUS_INIT_ONE,
                                        .fan_in = 1,
                                        .buffer = true};
    return 4;
}

/* What forward used: mean (C), r (C). */
static size_t batch_saved(const onus_attr *attr, const onus_shape in[], int64_t B)
{
    (void)attr, (void)B;
    return (size_t)(2 * channels(&in[0])) * sizeof(float);
}

static void batch_stat(const onus_call *c, int64_t b, int64_t ch, float *mean, float *r)
{
    const float *saved = c->saved;
    (void)b;
    *mean = saved[ch];
    *r = saved[channels(&c->in_shape[0]) + ch];
}

typedef enum { SUM_X, SUM_SQUARES, SUM_DY, SUM_DY_H } batch_sum;

static double example_sum(const onus_call *c, batch_sum what, int64_t b, int64_t ch)
{
    const int64_t P = positions(&c->in_shape[0]), at = (b * channels(&c->in_shape[0]) + ch) * P;
    float mean, r;
    batch_stat(c, b, ch, &mean, &r);
    switch (what) {
    case SUM_X: return (double)c->ex->k->sum(c->in[0] + at, P);
    case SUM_SQUARES: return (double)c->ex->k->sum_squares(c->in[0] + at, mean, P);
    case SUM_DY: return (double)term_bias(c, b, ch);
    case SUM_DY_H: return (double)term_weight(c, b, ch, mean, r);
    }
    return 0;
}

/* Of n channels from ch on, over shards [s0, s1); false where they hold no examples. */
static bool tree_sum(const onus_call *c, batch_sum what, int64_t ch, int64_t n, int s0, int s1,
                     double *sum)
{
    if (s1 - s0 > 1) {
        const int middle = s0 + (s1 - s0) / 2;
        double right[AT_ONCE];
        if (!tree_sum(c, what, ch, n, s0, middle, sum))
            return tree_sum(c, what, ch, n, middle, s1, sum);
        if (!tree_sum(c, what, ch, n, middle, s1, right)) return true;
        for (int64_t i = 0; i < n; i++) sum[i] = sum[i] + right[i];
        return true;
    }
    const int64_t begin = c->n_shards > 0 ? c->shard[s0] : 0,
                  end = c->n_shards > 0 ? c->shard[s1] : c->B;
    for (int64_t i = 0; i < n; i++) sum[i] = 0;
    for (int64_t b = begin; b < end; b++)
        for (int64_t i = 0; i < n; i++) {
            if (what == SUM_X || what == SUM_DY_H) fetch_next(c, c->in[0], b, end, ch + i);
            if (what == SUM_DY) fetch_next(c, c->d_out, b, end, ch + i);
            sum[i] = sum[i] + example_sum(c, what, b, ch + i);
        }
    return begin < end;
}

/* sum: AT_ONCE of them */
static void batch_totals(const onus_call *c, batch_sum what, int64_t ch, int64_t n, double *sum)
{
    for (int64_t i = 0; i < n; i++) sum[i] = 0;
    tree_sum(c, what, ch, n, 0, c->n_shards > 0 ? c->n_shards : 1, sum);
}

/* running = fmaf(share, statistic, (1 - share) running) */
static void move(float *running, double share, float statistic)
{
    const float kept = (float)(1 - share) * *running;
    *running = fmaf((float)share, statistic, kept);
}

static void set_deviation(const onus_call *c, int64_t ch, float var)
{
    float *r = (float *)c->saved + channels(&c->in_shape[0]);
    const float shifted = var + (float)c->attr[EPS].r;
    const float deviation = sqrtf(shifted);
    r[ch] = 1.0f / deviation;
}

/* Of n channels from ch on. */
static void set_statistics(const onus_call *c, int64_t ch, int64_t n)
{
    const double N = (double)(c->B * positions(&c->in_shape[0])), share = c->attr[MOMENTUM].r;
    float *mean = c->saved;
    double sum[AT_ONCE];
    if (!c->training) {
        for (int64_t i = ch; i < ch + n; i++) {
            mean[i] = c->param[RUNNING_MEAN][i];
            set_deviation(c, i, c->param[RUNNING_VAR][i]);
        }
        return;
    }
    batch_totals(c, SUM_X, ch, n, sum);
    for (int64_t i = 0; i < n; i++) mean[ch + i] = (float)(sum[i] / N);
    batch_totals(c, SUM_SQUARES, ch, n, sum);
    for (int64_t i = 0; i < n; i++) {
        if (c->buffer[RUNNING_MEAN])
            move(c->buffer[RUNNING_MEAN] + ch + i, share, mean[ch + i]);
        if (c->buffer[RUNNING_VAR])
            move(c->buffer[RUNNING_VAR] + ch + i, share, (float)(sum[i] / (N > 1 ? N - 1 : 1)));
        set_deviation(c, ch + i, (float)(sum[i] / N));
    }
}

static void batch_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t C = channels(&c->in_shape[0]), P = positions(&c->in_shape[0]);
    for (int64_t from = begin, n; from < end; from += n) {
        n = channels_at_once(c, end - from);
        set_statistics(c, from, n);
        for (int64_t b = 0; b < c->B; b++)
            for (int64_t ch = from; ch < from + n; ch++) {
                const int64_t at = (b * C + ch) * P;
                float mean, r;
                batch_stat(c, b, ch, &mean, &r);
                c->ex->k->normalise(c->in[0] + at, mean, r, c->param[WEIGHT][ch],
                                    c->param[BIAS][ch], c->out + at, P);
            }
    }
}

static int64_t work_of_channel(const onus_call *c)
{
    return 4 * c->B * (positions(&c->in_shape[0]) + 4);
}

static void batch_forward(onus_call *c)
{
    if (c->B > 0) onus_each(c, channels(&c->in_shape[0]), 1, work_of_channel(c), batch_range);
}

static void batch_back_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t C = channels(&c->in_shape[0]), P = positions(&c->in_shape[0]);
    const double N = (double)(c->B * P);
    for (int64_t from = begin, n; from < end; from += n) {
        double dy[AT_ONCE] = {0}, dy_h[AT_ONCE] = {0};
        n = channels_at_once(c, end - from);
        if (c->training) { /* the batch moves its own mean and deviation */
            batch_totals(c, SUM_DY, from, n, dy);
            batch_totals(c, SUM_DY_H, from, n, dy_h);
        }
        for (int64_t b = 0; b < c->B; b++)
            for (int64_t ch = from; ch < from + n; ch++) {
                const int64_t at = (b * C + ch) * P;
                const float g = c->param[WEIGHT][ch];
                float mean, r, m1 = 0, m2 = 0;
                batch_stat(c, b, ch, &mean, &r);
                if (c->training) {
                    m1 = (float)(dy[ch - from] / N) * g;
                    m2 = (float)(dy_h[ch - from] / N) * g;
                }
                c->ex->k->normalise_back(c->in[0] + at, c->d_out + at, mean, r, g, m1, m2,
                                         c->d_in[0] + at, P);
            }
    }
}

static void batch_backward(onus_call *c)
{
    if (c->d_in[0] && c->B > 0)
        onus_each(c, channels(&c->in_shape[0]), 1, work_of_channel(c), batch_back_range);
}

static void batch_grad_range(const onus_call *c, int64_t begin, int64_t end)
{
    grad_channels(c, begin, end, batch_stat);
}

static void batch_grad(onus_call *c)
{
    onus_each(c, channels(&c->in_shape[0]), 1, work_of_channel(c), batch_grad_range);
}

/* Outside of training a channel is a linear map: the shift cancels. */
static void batch_relevance(onus_call *c, const onus_call *c0)
{
    const int64_t C = channels(&c->in_shape[0]), P = positions(&c->in_shape[0]);
    (void)c0;
    for (int64_t i = 0; i < c->B * C; i++) {
        float mean, r;
        batch_stat(c, 0, i % C, &mean, &r);
        const float slope = r * c->param[WEIGHT][i % C];
        for (int64_t p = i * P; p < (i + 1) * P; p++) c->d_in[0][p] = c->d_out[p] * slope;
    }
}

static onus_cost batch_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                            onus_pass pass)
{
    (void)attr;
    const double C = (double)channels(&in[0]), n = (double)(B * onus_shape_numel(&in[0])),
                 e = (double)B * C;
    switch (pass) {
    /* sum, squares, the formula; two additions an example's channel, 9 a channel */
    case ONUS_PASS_FORWARD: return (onus_cost){6 * n + 2 * e + 9 * C, 8 * n + 4 * 6 * C};
    case ONUS_PASS_BACKWARD: return (onus_cost){11 * n + 2 * e + 4 * C, 12 * n + 4 * 3 * C};
    case ONUS_PASS_GRAD: return (onus_cost){4 * n + 2 * e, 8 * n + 4 * 4 * C};
    }
    return (onus_cost){0};
}

const onus_op onus_op_batch_norm = ONUS_OP_ROW(
    "batch_norm", "channels to mean 0 and variance 1 over the batch, scaled and shifted", 1, 1,
    ONUS_OP_COUPLED, ONUS_KEEPS_IN, batch_attrs, 2, batch_shape, batch_params, onus_no_rows,
    batch_saved, onus_no_scratch, ONUS_CAN(batch_forward), ONUS_CAN(batch_backward),
    ONUS_REFUSES("batch normalisation has no gradient of one example"), ONUS_CAN(batch_grad),
    ONUS_CAN(batch_relevance), ONUS_CAN(batch_cost));

/* ---- group_norm -------------------------------------------------------------------------- */

enum { GROUP_EPS, GROUPS };

static const onus_attr_def group_attrs[] = {
    {"eps", ONUS_ATTR_REAL, 1e-5, 1e-12, 1, "is added to the variance"},
    {"groups", ONUS_ATTR_INT, 1, 1, 1 << 24,
     "channels are cut into as many; 1: layer normalisation of the image"},
};

static onus_status group_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                               onus_shape *out, onus_err *err)
{
    (void)n_in;
    const onus_status st = check_shape("group_norm", &in[0], err);
    if (st != ONUS_OK) return st;
    if (channels(&in[0]) % attr[GROUPS].i)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "group_norm: %lld groups do not divide %lld channels",
                         (long long)attr[GROUPS].i, (long long)channels(&in[0]));
    *out = in[0];
    return ONUS_OK;
}

static int group_params(const onus_attr *attr, const onus_shape in[],
                        onus_param_def out[ONUS_PARAM_MAX])
{
    (void)attr;
    return scale_and_shift(&in[0], out);
}

/* mean, r of every example's groups. */
static size_t group_saved(const onus_attr *attr, const onus_shape in[], int64_t B)
{
    (void)in;
    return (size_t)(2 * B * attr[GROUPS].i) * sizeof(float);
}

/* The sums of dy h and of dy of each thread's, or each, example: (2, C) an example. */
static size_t group_scratch(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                            int64_t B)
{
    (void)ex, (void)attr;
    return (size_t)(2 * B * channels(&in[0])) * sizeof(float);
}

static void group_stat(const onus_call *c, int64_t b, int64_t ch, float *mean, float *r)
{
    const int64_t G = c->attr[GROUPS].i, wide = channels(&c->in_shape[0]) / G;
    const float *saved = (const float *)c->saved + 2 * (b * G + ch / wide);
    *mean = saved[0];
    *r = saved[1];
}

static void group_range(const onus_call *c, int64_t begin, int64_t end)
{
    const onus_kernels *k = c->ex->k;
    const int64_t C = channels(&c->in_shape[0]), P = positions(&c->in_shape[0]),
                  G = c->attr[GROUPS].i, wide = C / G, n = wide * P;
    for (int64_t i = begin; i < end; i++) { /* groups of all examples */
        const float *x = c->in[0] + i * n;
        float *saved = (float *)c->saved + 2 * i;
        saved[0] = k->sum(x, n) / (float)n;
        const float var = k->sum_squares(x, saved[0], n) / (float)n;
        const float shifted = var + (float)c->attr[GROUP_EPS].r;
        const float deviation = sqrtf(shifted);
        saved[1] = 1.0f / deviation;
        for (int64_t j = 0; j < wide; j++) {
            const int64_t ch = i % G * wide + j;
            k->normalise(x + j * P, saved[0], saved[1], c->param[WEIGHT][ch],
                         c->param[BIAS][ch], c->out + i * n + j * P, P);
        }
    }
}

static int64_t work_of_group(const onus_call *c)
{
    return 4 * onus_shape_numel(&c->in_shape[0]) / c->attr[GROUPS].i + 16;
}

static void group_forward(onus_call *c)
{
    onus_each(c, c->B * c->attr[GROUPS].i, 1, work_of_group(c), group_range);
}

/* The mean over a group of n numbers of t, or t h: sum (wide) of dy, or dy h, by channel. */
static float mean_of(const float *sum, const float *g, int64_t wide, int64_t n)
{
    enum { SEGMENT = 256 };
    float total = 0.0f, chain = 0.0f;
    for (int64_t j = 0; j < wide; j++) {
        chain = fmaf(g[j], sum[j], chain);
        if (j % SEGMENT != SEGMENT - 1 && j + 1 < wide) continue;
        total = j < SEGMENT ? chain : total + chain;
        chain = 0.0f;
    }
    return total / (float)n;
}

static void group_back_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t C = channels(&c->in_shape[0]), P = positions(&c->in_shape[0]),
                  G = c->attr[GROUPS].i, wide = C / G, n = wide * P;
    for (int64_t i = begin; i < end; i++) {
        const float *g = c->param[WEIGHT] + i % G * wide;
        float *sum = (float *)c->scratch + 2 * i * wide, mean, r;
        group_stat(c, i / G, i % G * wide, &mean, &r);
        for (int64_t j = 0; j < wide; j++) {
            sum[j] = term_bias(c, i / G, i % G * wide + j);
            sum[wide + j] = term_weight(c, i / G, i % G * wide + j, mean, r);
        }
        const float m1 = mean_of(sum, g, wide, n), m2 = mean_of(sum + wide, g, wide, n);
        for (int64_t j = 0; j < wide; j++) {
            const int64_t at = i * n + j * P;
            c->ex->k->normalise_back(c->in[0] + at, c->d_out + at, mean, r, g[j], m1, m2,
                                     c->d_in[0] + at, P);
        }
    }
}

static void group_backward(onus_call *c)
{
    if (c->d_in[0])
        onus_each(c, c->B * c->attr[GROUPS].i, 1, work_of_group(c), group_back_range);
}

static void group_example_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t C = channels(&c->in_shape[0]);
    for (int64_t b = begin; b < end; b++) {
        float *sum = (float *)c->scratch + 2 * b * C, mean, r;
        for (int64_t ch = 0; ch < C; ch++) {
            group_stat(c, b, ch, &mean, &r);
            sum[ch] = term_weight(c, b, ch, mean, r);
            sum[C + ch] = term_bias(c, b, ch);
        }
    }
}

/* An example's gradient is one vector, made and added. */
static bool group_terms(onus_call *c, int64_t step, onus_terms_step *out)
{
    const int64_t C = channels(&c->in_shape[0]);
    if (!onus_one_step(c, step, out)) return false;
    for (int k = 0; k < 2; k++) {
        onus_terms *t = onus_term_add(out, ONUS_TERM_SUM, k);
        t->u = C;
        t->ldd = 2 * C;
        t->d = (const float *)c->scratch + k * C;
    }
    if (step == 0)
        onus_each(c, c->B, 1, 4 * onus_shape_numel(&c->in_shape[0]), group_example_range);
    return true;
}

static void group_grad_range(const onus_call *c, int64_t begin, int64_t end)
{
    grad_channels(c, begin, end, group_stat);
}

static void group_grad(onus_call *c)
{
    onus_each(c, channels(&c->in_shape[0]), 1, work_of_channel(c), group_grad_range);
}

/* One group: u = x - mean, h = u r, both products and squares share evenly: with m the
 * multipliers of h, those of u are m (r + r0) / 2 + m_var (u + u0) / n, where m_var = s sum(m
 * (u + u0) / 2) and s = (r - r0) / (var - var0) = -(r r0)^2 / (r + r0); a mean hands on evenly.
 * binary64: explanations are compared with what the outputs differ by. */
static void group_relevance_of(onus_call *c, const onus_call *c0, int64_t i)
{
    const int64_t C = channels(&c->in_shape[0]), P = positions(&c->in_shape[0]),
                  G = c->attr[GROUPS].i, wide = C / G, n = wide * P;
    const float *x = c->in[0] + i * n, *x0 = c0->in[0] + i * n, *m = c->d_out + i * n,
                *g = c->param[WEIGHT] + i % G * wide;
    float mean[2], r[2];
    group_stat(c, i / G, i % G * wide, &mean[0], &r[0]);
    group_stat(c0, i / G, i % G * wide, &mean[1], &r[1]);
    const double means = (double)mean[0] + (double)mean[1], rs = (double)r[0] + (double)r[1],
                 product = (double)r[0] * (double)r[1], slope = -product * product / rs;
    double m_r = 0, sum = 0;
    for (int64_t e = 0; e < n; e++)
        m_r += (double)m[e] * (double)g[e / P] * ((double)x[e] + (double)x0[e] - means) / 2;
    const double m_var = m_r * slope / (double)n;
    float *to = c->d_in[0] + i * n;
    for (int pass = 0; pass < 2; pass++) /* the mean first */
        for (int64_t e = 0; e < n; e++) {
            const double m_u = (double)m[e] * (double)g[e / P] * rs / 2 +
                               m_var * ((double)x[e] + (double)x0[e] - means);
            if (pass == 0)
                sum += m_u;
            else
                to[e] = (float)(m_u - sum / (double)n);
        }
}

static void group_relevance(onus_call *c, const onus_call *c0)
{
    for (int64_t i = 0; i < c->B * c->attr[GROUPS].i; i++) group_relevance_of(c, c0, i);
}

static onus_cost group_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                            onus_pass pass)
{
    const double C = (double)channels(&in[0]), n = (double)(B * onus_shape_numel(&in[0])),
                 e = (double)B * C, groups = (double)(B * attr[GROUPS].i);
    switch (pass) {
    /* two divisions, an addition, a root, a division a group */
    case ONUS_PASS_FORWARD:
        return (onus_cost){6 * n + 5 * groups, 8 * n + 4 * 2 * C + 8 * groups};
    /* the channels' sums times g, two divisions a group */
    case ONUS_PASS_BACKWARD:
        return (onus_cost){11 * n + 2 * e + 2 * groups, 12 * n + 4 * C + 8 * groups};
    case ONUS_PASS_GRAD: return (onus_cost){4 * n + 2 * e, 8 * n + 4 * 2 * C + 8 * groups};
    }
    return (onus_cost){0};
}

const onus_op onus_op_group_norm =
    ONUS_OP_ROW("group_norm", "groups of channels to mean 0 and variance 1, scaled and shifted",
                1, 1, 0, ONUS_KEEPS_IN | ONUS_RELEVANCE_IN, group_attrs, 2, group_shape,
                group_params, onus_no_rows, group_saved, group_scratch, ONUS_CAN(group_forward),
                ONUS_CAN(group_backward), ONUS_CAN(group_terms), ONUS_CAN(group_grad),
                ONUS_CAN(group_relevance), ONUS_CAN(group_cost));
