/* SPDX-License-Identifier: Apache-2.0
 * type_embedding.h - what the tests of the table know of type_embedding. Included by
 * chapters.h. */
static inline void type_embedding_exact(const op_run *r, int64_t b, double *const x[],
                                        double *const p[], double *y)
{
    (void)b;
    const int64_t n = r->in_shape[0].d[1];
    for (int64_t i = 0; i < r->n_out; i++) {
        const bool there = r->n_inputs < 2 || x[1][i / n] >= 0;
        y[i] = x[0][i] + (there ? p[0][i % n] : 0);
    }
}

static inline bool type_embedding_term(const op_run *r, const float *dy, int k, int64_t e,
                                       int64_t b, int64_t t, float *chain)
{
    (void)k;
    const int64_t T = r->in_shape[0].d[0], n = r->in_shape[0].d[1];
    if (e >= n || (r->n_inputs > 1 && r->x[1][b * T + t] < 0)) return false;
    *chain = *chain + dy[(b * T + t) * n + e];
    return true;
}

static inline double type_embedding_loops(const op_run *r, onus_pass pass)
{
    const int64_t T = r->in_shape[0].d[0], n = r->in_shape[0].d[1];
    if (pass == ONUS_PASS_FORWARD) return absent_numbers(r);
    if (pass == ONUS_PASS_BACKWARD) return 0;
    double lacking = 0; /* examples that lack somebody are summed in plain loops */
    for (int64_t b = 0; r->n_inputs > 1 && b < r->B; b++) {
        bool all = true;
        for (int64_t t = 0; t < T; t++) all = all && r->x[1][b * T + t] >= 0;
        lacking += !all;
    }
    return lacking > 0 ? (double)(r->B * T * n) : 0;
}

static inline double type_embedding_bytes(const op_run *r, onus_pass pass)
{
    return table_bytes(r, pass, 1);
}

static const chapter chapter_type_embedding = {
    .op = "type_embedding",
    .exact = type_embedding_exact,
    .term = type_embedding_term,
    .small = {{.attr = {2, 0.02}, .B = 4, SEQUENCE(5, 3)}, {{1, 0}, {2, {4, 2}}, 3}},
    .big = {.attr = {2, 0.02}, .B = 100, SEQUENCE(16, 150)},
    .loops = type_embedding_loops,
    .bytes = type_embedding_bytes};
