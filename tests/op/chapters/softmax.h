/* SPDX-License-Identifier: Apache-2.0
 * softmax.h - what the tests of the table know of softmax. Included by chapters.h. */
static inline void softmax_exact(const op_run *r, int64_t b, double *const x[],
                                 double *const p[], double *y)
{
    (void)b, (void)p;
    const int64_t n = r->out_shape.d[r->out_shape.n - 1];
    for (int64_t at = 0; at < r->n_out; at += n) {
        const double l = log_sum_exp(x[0] + at, n);
        for (int64_t i = 0; i < n; i++) y[at + i] = exp(x[0][at + i] - l);
    }
}

static const chapter chapter_softmax = {
    .op = "softmax",
    .exact = softmax_exact,
    .small = {{{0}, VECTOR(7), 4}, {{0}, {2, {3, 5}}, 2}, {{0}, VECTOR(1), 2}},
    .big = {{0}, VECTOR(37), 300},
    .loops_forward = {2, 0},  /* x - m, e / l */
    .loops_backward = {2, 0}, /* dy - dot, times y */
    .backward_reads = READS_DY | READS_Y};
