/* SPDX-License-Identifier: Apache-2.0
 * global_avg_pool.h - what the tests of the table know of global_avg_pool. Included by
 * chapters.h. */
static inline void global_avg_pool_exact(const op_run *r, int64_t b, double *const x[],
                                         double *const p[], double *y)
{
    (void)b, (void)p;
    const int64_t P = r->n_in[0] / r->n_out;
    for (int64_t i = 0; i < r->n_out; i++) {
        y[i] = 0;
        for (int64_t j = 0; j < P; j++) y[i] += x[0][i * P + j] / (double)P;
    }
}

/* A division a channel. */
static inline double global_avg_pool_loops(const op_run *r, onus_pass pass)
{
    (void)pass;
    return (double)(r->B * r->n_out);
}

static const chapter chapter_global_avg_pool = {
    .op = "global_avg_pool",
    .exact = global_avg_pool_exact,
    .small = {{{0}, {3, {2, 4, 5}}, 3}, {{0}, {3, {3, 1, 1}}, 2}},
    .big = {{0}, {3, {33, 7, 9}}, 70},
    .loops = global_avg_pool_loops,
    .backward_reads = READS_DY};
