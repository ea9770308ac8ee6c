/* SPDX-License-Identifier: Apache-2.0
 * squared_error.h - what the tests of the table know of squared_error. Included by chapters.h. */
static inline void squared_exact(const op_run *r, int64_t b, double *const x[],
                                 double *const p[], double *y)
{
    (void)p;
    y[0] = (x[0][0] - (double)r->label[b]) * (x[0][0] - (double)r->label[b]);
}

static const chapter chapter_squared_error = {
    .op = "squared_error",
    .exact = squared_exact,
    .small = {{{0}, VECTOR(1), 6}, {{0}, {2, {1, 1}}, 3}},
    .big = {{0}, VECTOR(1), 4000},
    .loops_forward = {0, 2},
    .loops_backward = {4, 0},
    .backward_reads = READS_X};
