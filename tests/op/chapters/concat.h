/* SPDX-License-Identifier: Apache-2.0
 * concat.h - what the tests of the table know of concat. Included by chapters.h. */
static inline void concat_exact(const op_run *r, int64_t b, double *const x[],
                                double *const p[], double *y)
{
    (void)b, (void)p;
    const int axes = r->in_shape[0].n;
    const int64_t m = r->in_shape[0].d[axes - 1], n = r->in_shape[1].d[axes - 1];
    for (int64_t i = 0; i < r->n_out; i++) {
        const int64_t row = i / (m + n), j = i % (m + n);
        y[i] = j < m ? x[0][row * m + j] : x[1][row * n + j - m];
    }
}

static const chapter chapter_concat = {
    .op = "concat",
    .exact = concat_exact,
    .small = {{.B = 4, .inputs = {.n = 2, .shape = {VECTOR(3), VECTOR(5)}}},
              {.B = 2, .inputs = {.n = 2, .shape = {{3, {2, 3, 4}}, {3, {2, 3, 1}}}}}},
    .big = {.B = 300, .inputs = {.n = 2, .shape = {{2, {3, 50}}, {2, {3, 77}}}}},
    .backward_reads = READS_DY};
