/* SPDX-License-Identifier: Apache-2.0
 * position.h - what the tests of the table know of position. Included by chapters.h. */
static inline void position_exact(const op_run *r, int64_t b, double *const x[],
                                  double *const p[], double *y)
{
    (void)b;
    const int64_t n = r->in_shape[0].d[1];
    for (int64_t i = 0; i < r->n_out; i++) {
        const bool there = r->n_inputs < 2 || x[1][i / n] >= 0;
        y[i] = x[0][i] + (there ? p[0][i] : 0);
    }
}

/* A row's terms are its place's, one an example; k counts all places. */
static inline bool position_term(const op_run *r, const float *dy, int k, int64_t e, int64_t b,
                                 int64_t t, float *chain)
{
    (void)k;
    const int64_t T = r->in_shape[0].d[0], place = e / r->in_shape[0].d[1];
    if (place >= T || t != place || (r->n_inputs > 1 && r->x[1][b * T + place] < 0))
        return false;
    *chain = *chain + dy[b * r->n_out + e];
    return true;
}

/* Additions are counted as if nobody were absent; squares and column sums are kernels. */
static inline double absent_numbers(const op_run *r)
{
    double n = 0;
    for (int64_t i = 0; r->n_inputs > 1 && i < r->B * r->n_in[1]; i++) n += r->x[1][i] < 0;
    return n * (double)r->in_shape[0].d[1];
}

static inline double position_loops(const op_run *r, onus_pass pass)
{
    const int64_t T = r->in_shape[0].d[0], n = r->in_shape[0].d[1];
    if (pass == ONUS_PASS_FORWARD) return absent_numbers(r);
    if (pass == ONUS_PASS_BACKWARD) return 0;
    /* places that somebody lacks, or that lie in several segments, are summed in plain loops */
    double plain = 0;
    for (int64_t t = 0; t < T; t++) {
        bool all = t / 256 == ((r->B - 1) * T + t) / 256;
        for (int64_t b = 0; r->n_inputs > 1 && b < r->B; b++)
            all = all && r->x[1][b * T + t] >= 0;
        plain += all ? 0 : (double)(r->B * n);
    }
    return plain;
}

static inline double table_bytes(const op_run *r, onus_pass pass, double used)
{
    const double x = 4 * (double)(r->B * r->n_out), n = (double)r->in_shape[0].d[1];
    const double places = (double)(r->B * r->in_shape[0].d[0]);
    if (pass == ONUS_PASS_FORWARD) return 2 * x + 5 * places + 4 * used * n;
    if (pass == ONUS_PASS_BACKWARD) return 2 * x;
    return x + places + (pass == ONUS_PASS_GRAD ? 4 * (double)r->n_param[0] : 0);
}

static inline double position_bytes(const op_run *r, onus_pass pass)
{
    return table_bytes(r, pass, (double)r->in_shape[0].d[0]);
}

static const chapter chapter_position = {
    .op = "position",
    .exact = position_exact,
    .term = position_term,
    .small = {{.attr = {7, 0.02}, .B = 4, SEQUENCE(5, 3)}, {{4, 0}, {2, {4, 2}}, 3}},
    .big = {.attr = {10, 0.02}, .B = 300, SEQUENCE(9, 150)},
    .loops = position_loops,
    .bytes = position_bytes};
