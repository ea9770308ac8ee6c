/* SPDX-License-Identifier: Apache-2.0
 * squared_error.h - what the tests of the table know of squared_error. Included by chapters.h.
 */
static inline void squared_exact(const op_run *r, int64_t b, double *const x[],
                                 double *const p[], double *y)
{
    (void)p;
    for (int64_t i = 0; i < r->n_out; i++) {
        const double error = x[0][i] - (double)r->label[b * r->n_out + i];
        y[i] = error * error;
    }
}

static const chapter chapter_squared_error = {
    .op = "squared_error",
    .exact = squared_exact,
    .small = {{{0}, VECTOR(1), 6}, {{0}, {2, {1, 1}}, 3}, {{0}, VECTOR(5), 2}},
    .big = {{0}, VECTOR(7), 600},
    .loops_forward = {2, 0},
    .loops_backward = {4, 0},
    .backward_reads = READS_X};
