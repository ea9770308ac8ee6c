/* SPDX-License-Identifier: Apache-2.0
 * mean_tokens.h - what the tests of the table know of mean_tokens. Included by chapters.h. */
static inline void mean_tokens_exact(const op_run *r, int64_t b, double *const x[],
                                     double *const p[], double *y)
{
    (void)b, (void)p;
    const int64_t T = r->in_shape[0].d[0], n = r->n_out;
    for (int64_t j = 0; j < n; j++) {
        double sum = 0, count = 0;
        for (int64_t t = 0; t < T; t++) {
            if (r->n_inputs > 1 && x[1][t] < 0) continue;
            sum += x[0][t * n + j];
            count++;
        }
        y[j] = sum / count;
    }
}

/* A sum of places and a division; backward a division each. */
static inline double mean_tokens_loops(const op_run *r, onus_pass pass)
{
    const double b = (double)r->B, x = (double)r->n_in[0], n = (double)r->n_out;
    return pass == ONUS_PASS_FORWARD ? b * (x + n) : b * x;
}

/* Tokens, and what is kept of them. */
static inline double mean_tokens_bytes(const op_run *r, onus_pass pass)
{
    const double b = 4 * (double)r->B, moved = (double)(r->n_in[0] + r->n_out);
    const double T = (double)r->in_shape[0].d[0];
    return b * (moved + (pass == ONUS_PASS_FORWARD ? 2 * T : T));
}

static const chapter chapter_mean_tokens = {
    .op = "mean_tokens",
    .exact = mean_tokens_exact,
    .small = {{.B = 4, SEQUENCE(5, 3)}, {{0}, {2, {4, 2}}, 3}, {.B = 2, SEQUENCE(300, 2)}},
    .big = {.B = 300, SEQUENCE(9, 33)},
    .loops = mean_tokens_loops,
    .bytes = mean_tokens_bytes};
