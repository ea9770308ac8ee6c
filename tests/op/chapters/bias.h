/* SPDX-License-Identifier: Apache-2.0
 * bias.h - what the tests of the table know of bias. Included by chapters.h. */
static inline void bias_exact(const op_run *r, int64_t b, double *const x[], double *const p[],
                              double *y)
{
    (void)b;
    for (int64_t i = 0; i < r->n_out; i++) y[i] = x[0][i] + p[0][i];
}

static inline bool bias_term(const op_run *r, const float *dy, int k, int64_t e, int64_t b,
                             int64_t t, float *chain)
{
    (void)k, (void)t;
    *chain = *chain + dy[b * r->n_out + e];
    return true;
}

static const chapter chapter_bias = {
    .op = "bias",
    .exact = bias_exact,
    .term = bias_term,
    .small = {{{0}, VECTOR(5), 4}, {{0}, {3, {2, 3, 2}}, 2}, {{0}, {0}, 3}},
    .big = {{0}, VECTOR(131), 515},
    .backward_reads = READS_DY,
    .grad_reads = READS_DY};
