/* SPDX-License-Identifier: Apache-2.0
 * group_norm.h - what the tests of the table know of group_norm. Included by chapters.h. */
/* Attributes: eps, groups. */
static inline void group_norm_exact(const op_run *r, int64_t b, double *const x[],
                                    double *const p[], double *y)
{
    (void)b;
    const int64_t C = r->in_shape[0].d[0], P = r->n_in[0] / C, n = r->n_in[0] / r->attr[1].i;
    for (int64_t at = 0; at < r->n_in[0]; at += n) {
        double mean = 0, var = 0;
        for (int64_t i = at; i < at + n; i++) mean += x[0][i] / (double)n;
        for (int64_t i = at; i < at + n; i++)
            var += (x[0][i] - mean) * (x[0][i] - mean) / (double)n;
        for (int64_t i = at; i < at + n; i++)
            y[i] = (x[0][i] - mean) / sqrt(var + r->attr[0].r) * p[0][i / P] + p[1][i / P];
    }
}

/* A term is one example's sum over its channel, 16 lanes (contract, item 4). */
static inline bool group_norm_term(const op_run *r, const float *dy, int k, int64_t e,
                                   int64_t b, int64_t t, float *chain)
{
    (void)t;
    const int64_t C = r->in_shape[0].d[0], P = r->n_in[0] / C, G = r->attr[1].i;
    const float *stat = (const float *)r->saved + 2 * (b * G + e / (C / G));
    float lane[16] = {0};
    for (int64_t i = 0; i < P; i++) {
        const int64_t at = (b * C + e) * P + i;
        const float d = r->x[0][at] - stat[0], h = d * stat[1];
        lane[i % 16] = k == 1 ? lane[i % 16] + dy[at] : fmaf(dy[at], h, lane[i % 16]);
    }
    for (int step = 8; step > 0; step /= 2)
        for (int j = 0; j < step; j++) lane[j] = lane[j] + lane[j + step];
    *chain = *chain + lane[0];
    return true;
}

/* Forward a group: two divisions, plus eps, root, one over it; back: the sums of channels times
 * g, two divisions a group; gradients add two sums of an example's channel, norms square
 * them in a kernel. */
static inline double group_norm_loops(const op_run *r, onus_pass pass)
{
    const double e = 2 * (double)(r->B * r->in_shape[0].d[0]),
                 groups = (double)(r->B * r->attr[1].i);
    if (pass == ONUS_PASS_FORWARD) return 5 * groups;
    if (pass == ONUS_PASS_BACKWARD) return e + 2 * groups;
    return pass == ONUS_PASS_GRAD ? e : 0;
}

static inline double group_norm_bytes(const op_run *r, onus_pass pass)
{
    const double C = 4 * (double)r->in_shape[0].d[0], n = 4 * (double)(r->B * r->n_out),
                 stat = 8 * (double)(r->B * r->attr[1].i);
    if (pass == ONUS_PASS_FORWARD) return 2 * n + 2 * C + stat;
    if (pass == ONUS_PASS_BACKWARD) return 3 * n + C + stat;
    return 2 * n + stat + (pass == ONUS_PASS_GRAD ? 2 * C : 0);
}

static const chapter chapter_group_norm = {.op = "group_norm",
                                           .exact = group_norm_exact,
                                           .term = group_norm_term,
                                           .tolerance = 2e-5,
                                           .small = {{{1e-5, 1}, {3, {3, 2, 4}}, 3},
                                                     {{1e-3, 2}, {3, {4, 3, 2}}, 2},
                                                     {{1e-5, 4}, {3, {4, 4, 5}}, 2},
                                                     {{1e-5, 2}, VECTOR(6), 3}},
                                           .big = {{1e-5, 2}, {3, {18, 5, 7}}, 67},
                                           .loops = group_norm_loops,
                                           .bytes = group_norm_bytes};
