/* SPDX-License-Identifier: Apache-2.0
 * max_pool.h - what the tests of the table know of max_pool. Included by chapters.h. */
/* Attributes: kernel, stride (0: kernel), padding. */
static inline void max_pool_exact(const op_run *r, int64_t b, double *const x[],
                                  double *const p[], double *y)
{
    (void)b, (void)p;
    const int64_t H = r->in_shape[0].d[1], W = r->in_shape[0].d[2], OH = r->out_shape.d[1],
                  OW = r->out_shape.d[2], k = r->attr[0].i, s = r->attr[1].i ? r->attr[1].i : k,
                  pad = r->attr[2].i;
    for (int64_t i = 0; i < r->n_out; i++) {
        y[i] = -INFINITY;
        for (int64_t a = 0; a < k * k; a++) {
            const int64_t v = i / OW % OH * s - pad + a / k, u = i % OW * s - pad + a % k;
            if (v >= 0 && v < H && u >= 0 && u < W)
                y[i] = fmax(y[i], x[0][(i / (OH * OW) * H + v) * W + u]);
        }
    }
}

/* A comparison a number of a window; back an addition an output. */
static inline double max_pool_loops(const op_run *r, onus_pass pass)
{
    const double y = (double)(r->B * r->n_out);
    return pass == ONUS_PASS_FORWARD ? y * (double)(r->attr[0].i * r->attr[0].i) : y;
}

static inline double max_pool_bytes(const op_run *r, onus_pass pass)
{
    (void)pass; /* either way the image, its windows, their places */
    return 4 * (double)(r->B * (r->n_in[0] + 2 * r->n_out));
}

static const chapter chapter_max_pool = {.op = "max_pool",
                                         .exact = max_pool_exact,
                                         .small = {{{2}, {3, {2, 4, 5}}, 3},
                                                   {{3, 2, 1}, {3, {2, 5, 6}}, 2},
                                                   {{3, 1, 1}, {3, {1, 3, 2}}, 2},
                                                   {{1, 2, 0}, {3, {1, 3, 3}}, 2}},
                                         .big = {{3, 2, 1}, {3, {17, 9, 8}}, 70},
                                         .loops = max_pool_loops,
                                         .bytes = max_pool_bytes};
