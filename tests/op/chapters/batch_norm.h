/* SPDX-License-Identifier: Apache-2.0
 * batch_norm.h - what the tests of the table know of batch_norm. Included by chapters.h. */
/* Attributes: eps, momentum. Parameters: weight, bias, running mean and variance. In training
 * the statistics are the batch's. */
static inline void batch_norm_exact(const op_run *r, double *const x[], double *const p[],
                                    double *y)
{
    const int64_t C = r->in_shape[0].d[0], P = r->n_in[0] / C;
    for (int64_t c = 0; c < C; c++) {
        double mean = 0, var = 0;
        for (int64_t i = 0; i < r->B * P; i++)
            mean += x[0][(i / P * C + c) * P + i % P] / (double)(r->B * P);
        for (int64_t i = 0; i < r->B * P; i++) {
            const double d = x[0][(i / P * C + c) * P + i % P] - mean;
            var += d * d / (double)(r->B * P);
        }
        if (!r->call.training) {
            mean = p[2][c];
            var = p[3][c];
        }
        for (int64_t i = 0; i < r->B * P; i++) {
            const int64_t at = (i / P * C + c) * P + i % P;
            y[at] = (x[0][at] - mean) / sqrt(var + r->attr[0].r) * p[0][c] + p[1][c];
        }
    }
}

/* Sums over examples: two, in either direction. Forward a channel: two divisions and one for
 * the unbiased variance, two of three operations for the running statistics (two of which
 * multiply a constant), then plus eps, root, one over it. Back: two divisions, two times g. */
static inline double batch_norm_loops(const op_run *r, onus_pass pass)
{
    const double C = (double)r->in_shape[0].d[0], e = 2 * (double)r->B * C;
    if (pass == ONUS_PASS_FORWARD) return e + 9 * C;
    if (pass == ONUS_PASS_BACKWARD) return e + 4 * C;
    return pass == ONUS_PASS_GRAD ? e : 0;
}

/* Parameters and statistics are of a channel each: 4 parameters, 2 saved; back: the scale and
 * what was saved; gradients: 2, by what was saved. */
static inline double batch_norm_bytes(const op_run *r, onus_pass pass)
{
    const double C = 4 * (double)r->in_shape[0].d[0], n = 4 * (double)(r->B * r->n_out);
    if (pass == ONUS_PASS_FORWARD) return 2 * n + 6 * C;
    if (pass == ONUS_PASS_BACKWARD) return 3 * n + 3 * C;
    return pass == ONUS_PASS_GRAD ? 2 * n + 4 * C : 0;
}

static const chapter chapter_batch_norm = {.op = "batch_norm",
                                           .exact_batch = batch_norm_exact,
                                           .tolerance = 2e-5,
                                           .small = {{{1e-5, 0.1}, {3, {3, 2, 4}}, 5},
                                                     {{1e-3, 0.5}, VECTOR(4), 6},
                                                     {{1e-5, 0}, {3, {2, 5, 4}}, 3}},
                                           .big = {{1e-5, 0.1}, {3, {19, 5, 7}}, 67},
                                           .loops = batch_norm_loops,
                                           .bytes = batch_norm_bytes};
