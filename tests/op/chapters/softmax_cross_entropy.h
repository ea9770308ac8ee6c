/* SPDX-License-Identifier: Apache-2.0
 * softmax_cross_entropy.h - what the tests of the table know of softmax_cross_entropy. Included by chapters.h. */
static inline void cross_entropy_exact(const op_run *r, int64_t b, double *const x[],
                                       double *const p[], double *y)
{
    (void)p;
    y[0] = log_sum_exp(x[0], r->n_in[0]) - x[0][(int64_t)r->label[b]];
}

static const chapter chapter_softmax_cross_entropy = {
    .op = "softmax_cross_entropy",
    .exact = cross_entropy_exact,
    .small = {{{0}, VECTOR(7), 4}, {{0}, VECTOR(2), 3}},
    .big = {{0}, VECTOR(37), 300},
    .loops_forward = {2, 2}, /* and log l + m, - x_t */
    .loops_backward = {3, 0}};
