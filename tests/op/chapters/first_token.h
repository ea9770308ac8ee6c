/* SPDX-License-Identifier: Apache-2.0
 * first_token.h - what the tests of the table know of first_token. Included by chapters.h. */
static inline void first_token_exact(const op_run *r, int64_t b, double *const x[],
                                     double *const p[], double *y)
{
    (void)b, (void)p;
    for (int64_t j = 0; j < r->n_out; j++) y[j] = x[0][j];
}

/* A row is read and a row is written; on the way back a whole sequence is written. */
static inline double first_token_bytes(const op_run *r, onus_pass pass)
{
    const double b = 4 * (double)r->B, n = (double)r->n_out;
    return pass == ONUS_PASS_FORWARD ? b * 2 * n : b * (n + (double)r->n_in[0]);
}

static const chapter chapter_first_token = {
    .op = "first_token",
    .exact = first_token_exact,
    .small = {{{0}, {2, {5, 3}}, 4}, {{0}, {2, {1, 4}}, 2}},
    .big = {{0}, {2, {9, 33}}, 300},
    .bytes = first_token_bytes};
