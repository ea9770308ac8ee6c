/* SPDX-License-Identifier: Apache-2.0
 * embedding.h - what the tests of the table know of embedding. Included by chapters.h. */
static inline void embedding_exact(const op_run *r, int64_t b, double *const x[],
                                   double *const p[], double *y)
{
    (void)b;
    const int64_t n = r->attr[1].i;
    for (int64_t i = 0; i < r->n_out; i++) {
        const double token = x[0][i / n];
        y[i] = token < 0 ? 0 : p[0][(int64_t)token * n + i % n];
    }
}

/* dy at the places that have the row's token; others are skipped. */
static inline bool embedding_term(const op_run *r, const float *dy, int k, int64_t e, int64_t b,
                                  int64_t t, float *chain)
{
    (void)k;
    const int64_t n = r->attr[1].i, place = b * r->n_in[0] + t;
    if (r->x[0][place] != (float)(e / n)) return false;
    *chain = *chain + dy[place * n + e % n];
    return true;
}

/* Every place adds its row. */
static inline double embedding_loops(const op_run *r, onus_pass pass)
{
    return pass == ONUS_PASS_GRAD ? (double)(r->B * r->n_in[0]) * (double)r->attr[1].i : 0;
}

/* Forward reads a row for each place; the way back has nothing to do. */
static inline double embedding_bytes(const op_run *r, onus_pass pass)
{
    const double tokens = 4 * (double)(r->B * r->n_in[0]), y = 4 * (double)(r->B * r->n_out);
    if (pass == ONUS_PASS_FORWARD) return tokens + 2 * y;
    if (pass == ONUS_PASS_BACKWARD) return 0;
    return tokens + y + (pass == ONUS_PASS_GRAD ? 4 * (double)r->n_param[0] : 0);
}

#define TOKENS(T, rows) .inputs = {.n = 1, .shape = {{1, {T}}}, .ids = {rows}}

static const chapter chapter_embedding = {
    .op = "embedding",
    .exact = embedding_exact,
    .term = embedding_term,
    .small = {{.attr = {5, 3, 0.02}, .B = 4, TOKENS(7, 5)},
              {.attr = {300, 2, 0}, .B = 3, TOKENS(4, 300)},
              {.attr = {2, 1, 1}, .B = 2, TOKENS(300, 2)}},
    .big = {.attr = {20, 150, 0.02}, .B = 60, TOKENS(16, 20)},
    .loops = embedding_loops,
    .bytes = embedding_bytes};
