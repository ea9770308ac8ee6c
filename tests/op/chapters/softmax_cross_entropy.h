/* SPDX-License-Identifier: Apache-2.0
 * softmax_cross_entropy.h - what the tests of the table know of softmax_cross_entropy. Included
 * by chapters.h. */
static inline void cross_entropy_exact(const op_run *r, int64_t b, double *const x[],
                                       double *const p[], double *y)
{
    (void)p;
    const int64_t n = r->in_shape[0].d[r->in_shape[0].n - 1];
    const double s = r->attr[0].r;
    for (int64_t i = 0; i < r->n_out; i++) {
        const double *row = x[0] + i * n, label = (double)r->label[b * r->n_out + i];
        const double l = log_sum_exp(row, n);
        y[i] = 0;
        if (label < 0) continue;
        for (int64_t j = 0; j < n; j++)
            y[i] += ((j == (int64_t)label ? 1 - s : 0) + s / (double)n) * (l - row[j]);
    }
}

/* Short rows: x - m, and of a label log l + m, - x_t; backward / l, - y, times w, times the
 * scale, and x - m. Long ones are kernels but for the label's, and an ignored one is none of
 * them. Smoothing: four more a label (/ n is the fifth), and its sum is a kernel. */
static inline double cross_entropy_loops(const op_run *r, onus_pass pass)
{
    const double rows = (double)(r->B * r->n_out), n = (double)(r->n_in[0] / r->n_out);
    double ignored = 0;
    for (int64_t i = 0; i < r->B * r->n_out; i++) ignored += r->label[i] < 0;
    const bool smooth = r->attr[0].r > 0;
    if (pass == ONUS_PASS_FORWARD)
        return (n < 64 ? rows * n : 0) + 2 * rows + (smooth ? 5 * rows + ignored * n : 0);
    return n < 64 ? 5 * rows * n : 6 * n * ignored;
}

static const chapter chapter_softmax_cross_entropy = {.op = "softmax_cross_entropy",
                                                      .exact = cross_entropy_exact,
                                                      .small = {{{0}, VECTOR(7), 4},
                                                                {{0}, VECTOR(2), 3},
                                                                {{0.1}, {2, {6, 5}}, 3},
                                                                {{0}, {3, {2, 3, 70}}, 2},
                                                                {{0.3}, VECTOR(600), 2}},
                                                      .big = {{0.1}, {2, {9, 137}}, 30},
                                                      .loops = cross_entropy_loops,
                                                      .backward_reads = READS_X};
