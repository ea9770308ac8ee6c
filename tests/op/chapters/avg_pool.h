/* SPDX-License-Identifier: Apache-2.0
 * avg_pool.h - what the tests of the table know of avg_pool. Included by chapters.h. */
static inline void avg_pool_exact(const op_run *r, int64_t b, double *const x[],
                                  double *const p[], double *y)
{
    (void)b, (void)p;
    const int64_t H = r->in_shape[0].d[1], W = r->in_shape[0].d[2], OH = r->out_shape.d[1],
                  OW = r->out_shape.d[2], k = r->attr[0].i, s = r->attr[1].i ? r->attr[1].i : k,
                  pad = r->attr[2].i;
    for (int64_t i = 0; i < r->n_out; i++) {
        double sum = 0;
        int64_t n = 0;
        for (int64_t a = 0; a < k * k; a++) {
            const int64_t v = i / OW % OH * s - pad + a / k, u = i % OW * s - pad + a % k;
            if (v < 0 || v >= H || u < 0 || u >= W) continue;
            sum += x[0][(i / (OH * OW) * H + v) * W + u];
            n++;
        }
        y[i] = sum / (double)(r->attr[3].i ? k * k : n);
    }
}

/* An addition a number of a window, a division a window. */
static inline double avg_pool_loops(const op_run *r, onus_pass pass)
{
    (void)pass;
    return (double)(r->B * r->n_out) * (double)(r->attr[0].i * r->attr[0].i + 1);
}

static const chapter chapter_avg_pool = {.op = "avg_pool",
                                         .exact = avg_pool_exact,
                                         .small = {{{2, 0, 0, 1}, {3, {2, 4, 5}}, 3},
                                                   {{3, 2, 1, 1}, {3, {2, 5, 6}}, 2},
                                                   {{3, 2, 1, 0}, {3, {1, 5, 6}}, 2},
                                                   {{3, 1, 1, 0}, {3, {1, 3, 2}}, 2}},
                                         .big = {{3, 2, 1, 1}, {3, {17, 9, 8}}, 70},
                                         .loops = avg_pool_loops,
                                         .backward_reads = READS_DY};
