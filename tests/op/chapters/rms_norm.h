/* SPDX-License-Identifier: Apache-2.0
 * rms_norm.h - what the tests of the table know of rms_norm. Included by chapters.h. */
static inline void rms_norm_exact(const op_run *r, int64_t b, double *const x[],
                                  double *const p[], double *y)
{
    (void)b;
    const int64_t n = r->in_shape[0].d[r->in_shape[0].n - 1];
    for (int64_t at = 0; at < r->n_out; at += n) {
        double square = 0;
        for (int64_t i = 0; i < n; i++) square += x[0][at + i] * x[0][at + i] / (double)n;
        for (int64_t i = 0; i < n; i++)
            y[at + i] = x[0][at + i] / sqrt(square + r->attr[0].r) * p[0][i];
    }
}

static inline bool rms_norm_term(const op_run *r, const float *dy, int k, int64_t e, int64_t b,
                                 int64_t t, float *chain)
{
    (void)k;
    const int64_t n = r->in_shape[0].d[r->in_shape[0].n - 1], row = b * (r->n_out / n) + t;
    volatile float h = r->x[0][row * n + e] * ((const float *)r->saved)[2 * row + 1];
    *chain = fmaf(dy[row * n + e], h, *chain);
    return true;
}

static const chapter chapter_rms_norm = {
    .op = "rms_norm",
    .exact = rms_norm_exact,
    .term = rms_norm_term,
    .tolerance = 2e-5,
    .small = {{{1e-6}, VECTOR(7), 4}, {{0.1}, {2, {3, 20}}, 2}, {{1e-6}, {3, {2, 2, 17}}, 2}},
    .big = {{1e-6}, {2, {4, 131}}, 200},
    .backward_reads = READS_DY | READS_X | READS_P,
    .grad_reads = READS_DY | READS_X | READS_SAVED};
