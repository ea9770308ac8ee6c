/* SPDX-License-Identifier: Apache-2.0
 * conv2d.h - what the tests of the table know of conv2d. Included by chapters.h. */
/* Attributes: channels, kernel, kernel_w, stride, padding, dilation, groups, bias. */
typedef struct {
    int64_t C, H, W, K, OH, OW, kh, kw, s, p, d, Cg, Kg;
} conv2d_sizes;

static inline conv2d_sizes conv2d_of(const op_run *r)
{
    const onus_shape *in = &r->in_shape[0];
    conv2d_sizes v = {.C = in->d[0],
                      .H = in->d[1],
                      .W = in->d[2],
                      .K = r->out_shape.d[0],
                      .OH = r->out_shape.d[1],
                      .OW = r->out_shape.d[2],
                      .kh = r->attr[1].i,
                      .kw = r->attr[2].i ? r->attr[2].i : r->attr[1].i,
                      .s = r->attr[3].i,
                      .p = r->attr[4].i,
                      .d = r->attr[5].i};
    v.Cg = v.C / r->attr[6].i;
    v.Kg = v.K / r->attr[6].i;
    return v;
}

/* The input's element that output channel k reads at (oy, ox) by tap (c, ky, kx); -1:
 * padding. */
static inline int64_t conv2d_at(const conv2d_sizes *v, int64_t k, int64_t oy, int64_t ox,
                                int64_t c, int64_t ky, int64_t kx)
{
    const int64_t y = oy * v->s + ky * v->d - v->p, x = ox * v->s + kx * v->d - v->p;
    if (y < 0 || y >= v->H || x < 0 || x >= v->W) return -1;
    return ((k / v->Kg * v->Cg + c) * v->H + y) * v->W + x;
}

static inline void conv2d_exact(const op_run *r, int64_t b, double *const x[],
                                double *const p[], double *y)
{
    (void)b;
    const conv2d_sizes v = conv2d_of(r);
    for (int64_t i = 0; i < r->n_out; i++) {
        const int64_t k = i / (v.OH * v.OW);
        y[i] = r->n_params > 1 ? p[1][k] : 0;
        for (int64_t t = 0; t < v.Cg * v.kh * v.kw; t++) {
            const int64_t at = conv2d_at(&v, k, i / v.OW % v.OH, i % v.OW, t / (v.kh * v.kw),
                                         t / v.kw % v.kh, t % v.kw);
            if (at >= 0) y[i] += p[0][k * v.Cg * v.kh * v.kw + t] * x[0][at];
        }
    }
}

static inline bool conv2d_term(const op_run *r, const float *dy, int k, int64_t e, int64_t b,
                               int64_t t, float *chain)
{
    const conv2d_sizes v = conv2d_of(r);
    const int64_t n = v.Cg * v.kh * v.kw, channel = k == 1 ? e : e / n;
    const float d = dy[b * r->n_out + channel * v.OH * v.OW + t];
    const int64_t at = conv2d_at(&v, channel, t / v.OW, t % v.OW, e % n / (v.kh * v.kw),
                                 e / v.kw % v.kh, e % v.kw);
    if (k == 1)
        *chain = *chain + d;
    else
        *chain = fmaf(d, at < 0 ? 0.0f : r->x[0][b * r->n_in[0] + at], *chain);
    return true;
}

/* The bias: once an output forward, once a term of its gradient. The weights' gradient is
 * counted by whole vectors of output channels. */
static inline double conv2d_loops(const op_run *r, onus_pass pass)
{
    const conv2d_sizes v = conv2d_of(r);
    const double b = (double)r->B, P = (double)(v.OH * v.OW),
                 bias = r->n_params > 1 ? (double)v.K : 0, p = (double)(v.Cg * v.kh * v.kw);
    if (pass == ONUS_PASS_BACKWARD) return 0;
    /* lanes of the reference's vectors of eight that are no output channel */
    const double idle = P * p * (double)(((v.Kg + 7) / 8 * 8 - v.Kg) * (v.K / v.Kg));
    return pass == ONUS_PASS_GRAD ? b * (P * bias - idle) : b * P * bias;
}

static const chapter chapter_conv2d = {.op = "conv2d",
                                       .exact = conv2d_exact,
                                       .term = conv2d_term,
                                       .small = {{{3, 3, 0, 1, 1, 1, 1, 1}, {3, {2, 4, 5}}, 2},
                                                 {{4, 3, 2, 2, 1, 1, 2, 0}, {3, {2, 5, 4}}, 2},
                                                 {{3, 2, 0, 1, 2, 2, 3, 1}, {3, {3, 4, 3}}, 2},
                                                 {{2, 1, 0, 2, 0, 1, 1, 0}, {3, {3, 4, 5}}, 2},
                                                 {{8, 3, 0, 3, 0, 1, 1, 1}, {3, {3, 3, 4}}, 3},
                                                 {{2, 3, 0, 2, 3, 2, 1, 1}, {3, {1, 2, 3}}, 2},
                                                 {{5, 3, 0, 1, 1, 1, 1, 1}, {3, {2, 3, 8}}, 2}},
                                       .big = {{37, 3, 0, 1, 1, 1, 1, 1}, {3, {31, 8, 8}}, 9},
                                       .loops = conv2d_loops,
                                       .backward_reads = READS_DY | READS_P,
                                       .grad_reads = READS_DY | READS_X};
