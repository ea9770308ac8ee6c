/* SPDX-License-Identifier: Apache-2.0
 * logistic_loss.h - what the tests of the table know of logistic_loss. Included by chapters.h.
 */
static inline void logistic_exact(const op_run *r, int64_t b, double *const x[],
                                  double *const p[], double *y)
{
    (void)p;
    for (int64_t i = 0; i < r->n_out; i++) {
        const float label = r->label[b * r->n_out + i];
        const double z = label > 0.5f ? x[0][i] : -x[0][i]; /* -log sigmoid(z) */
        y[i] = label < 0 ? 0 : log1p(exp(-z));
    }
}

static const chapter chapter_logistic_loss = {
    .op = "logistic_loss",
    .exact = logistic_exact,
    .small = {{{0}, VECTOR(1), 6},
              {{0}, {0}, 3},
              {.B = 3, .inputs = {.n = 1, .shape = {{2, {4, 3}}}, .classes = 2}}},
    .big = {.B = 700, .inputs = {.n = 1, .shape = {VECTOR(6)}, .classes = 2}},
    .loops_forward = {6, 0}, /* -|z|, 1 + e, max(z, 0), z y, their difference, the sum */
    .loops_backward = {3, 0}};
