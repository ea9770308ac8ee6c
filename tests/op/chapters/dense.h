/* SPDX-License-Identifier: Apache-2.0
 * dense.h - what the tests of the table know of dense. Included by chapters.h. */
/* (.., n) -> (.., units); the weight may be stored transposed. */
static inline void dense_exact(const op_run *r, int64_t b, double *const x[], double *const p[],
                               double *y)
{
    (void)b;
    const int64_t u_n = r->attr[0].i, n = r->in_shape[0].d[r->in_shape[0].n - 1];
    for (int64_t i = 0; i < r->n_out; i++) {
        const int64_t t = i / u_n, u = i % u_n;
        y[i] = r->n_params > 1 ? p[1][u] : 0;
        for (int64_t j = 0; j < n; j++)
            y[i] += p[0][r->attr[2].i ? j * u_n + u : u * n + j] * x[0][t * n + j];
    }
}

static inline bool dense_term(const op_run *r, const float *dy, int k, int64_t e, int64_t b,
                              int64_t t, float *chain)
{
    const int64_t u_n = r->attr[0].i, n = r->in_shape[0].d[r->in_shape[0].n - 1];
    const int64_t u = k == 1         ? e
                      : r->attr[2].i ? e % u_n
                                     : e / n,
                  j = r->attr[2].i ? e / u_n : e % n;
    const float d = dy[b * r->n_out + t * u_n + u];
    *chain = k == 1 ? *chain + d : fmaf(d, r->x[0][b * r->n_in[0] + t * n + j], *chain);
    return true;
}

static const chapter chapter_dense = {.op = "dense",
                                      .exact = dense_exact,
                                      .term = dense_term,
                                      .small = {{{3, 1}, VECTOR(5), 4},
                                                {{2, 0}, VECTOR(4), 3},
                                                {{1, 1}, VECTOR(1), 1},
                                                {{3, 1, 1}, VECTOR(5), 4},
                                                {{3, 1}, {2, {4, 5}}, 3},
                                                {{2, 1, 1}, {3, {2, 3, 4}}, 2},
                                                {{9, 1}, {2, {3, 8}}, 3},
                                                {{7, 0, 1}, {2, {2, 6}}, 2}},
                                      .big = {{33, 1}, VECTOR(70), 300},
                                      .backward_reads = READS_DY | READS_P,
                                      .grad_reads = READS_DY | READS_X};
