/* SPDX-License-Identifier: Apache-2.0
 * logistic_loss.h - what the tests of the table know of logistic_loss. Included by chapters.h. */
static inline void logistic_exact(const op_run *r, int64_t b, double *const x[],
                                  double *const p[], double *y)
{
    (void)p;
    const double z = r->label[b] > 0.5f ? x[0][0] : -x[0][0]; /* -log sigmoid(z) */
    y[0] = log1p(exp(-z));
}

static const chapter chapter_logistic_loss = {
    .op = "logistic_loss",
    .exact = logistic_exact,
    .small = {{{0}, VECTOR(1), 6}, {{0}, {0}, 3}},
    .big = {{0}, VECTOR(1), 4000},
    .loops_forward = {0, 6}, /* -|z|, 1 + e, max(z, 0), z y, their difference, the sum */
    .loops_backward = {3, 0}};
