/* SPDX-License-Identifier: Apache-2.0
 * last_token.h - what the tests of the table know of last_token. Included by chapters.h. */
static inline void last_token_exact(const op_run *r, int64_t b, double *const x[],
                                    double *const p[], double *y)
{
    (void)b, (void)p;
    const int64_t T = r->in_shape[0].d[0], n = r->n_out;
    int64_t last = T - 1;
    while (r->n_inputs > 1 && x[1][last] < 0) last--;
    for (int64_t j = 0; j < n; j++) y[j] = x[0][last * n + j];
}

/* As first_token's, the tokens, and a place of four bytes. */
static inline double last_token_bytes(const op_run *r, onus_pass pass)
{
    const double b = 4 * (double)r->B, n = (double)r->n_out, T = (double)r->in_shape[0].d[0];
    return pass == ONUS_PASS_FORWARD ? b * (2 * n + T + 1) : b * (n + T * n + 1);
}

static const chapter chapter_last_token = {
    .op = "last_token",
    .exact = last_token_exact,
    .small = {{.B = 4, SEQUENCE(5, 3)}, {{0}, {2, {4, 2}}, 3}},
    .big = {.B = 300, SEQUENCE(9, 33)},
    .bytes = last_token_bytes};
