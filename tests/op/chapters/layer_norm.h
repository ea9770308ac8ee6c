/* SPDX-License-Identifier: Apache-2.0
 * layer_norm.h - what the tests of the table know of layer_norm. Included by chapters.h. */
static inline void layer_norm_exact(const op_run *r, int64_t b, double *const x[],
                                    double *const p[], double *y)
{
    (void)b;
    const int64_t n = r->in_shape[0].d[r->in_shape[0].n - 1];
    for (int64_t at = 0; at < r->n_out; at += n) {
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < n; i++) mean += x[0][at + i] / (double)n;
        for (int64_t i = 0; i < n; i++)
            variance += (x[0][at + i] - mean) * (x[0][at + i] - mean) / (double)n;
        for (int64_t i = 0; i < n; i++)
            y[at + i] =
                (x[0][at + i] - mean) / sqrt(variance + r->attr[0].r) * p[0][i] + p[1][i];
    }
}

/* dy h, h from what forward kept; dy. */
static inline bool layer_norm_term(const op_run *r, const float *dy, int k, int64_t e,
                                   int64_t b, int64_t t, float *chain)
{
    const int64_t n = r->in_shape[0].d[r->in_shape[0].n - 1], row = b * (r->n_out / n) + t;
    const float *stat = (const float *)r->saved + 2 * row, d = dy[row * n + e];
    volatile float off = r->x[0][row * n + e] - stat[0];
    volatile float h = off * stat[1];
    *chain = k == 1 ? *chain + d : fmaf(d, h, *chain);
    return true;
}

static const chapter chapter_layer_norm = {
    .op = "layer_norm",
    .exact = layer_norm_exact,
    .term = layer_norm_term,
    .tolerance = 2e-5,
    .small = {{{1e-5}, VECTOR(7), 4}, {{0.1}, {2, {3, 20}}, 2}, {{1e-5}, {3, {2, 2, 17}}, 2}},
    .big = {{1e-5}, {2, {4, 131}}, 200},
    .backward_reads = READS_DY | READS_X | READS_P,
    .grad_reads = READS_DY | READS_X | READS_SAVED};
