/* SPDX-License-Identifier: Apache-2.0
 * lstm.h - what the tests of the table know of lstm. Included by chapters.h. */
#include "recurrent_chapter.h"

static inline void lstm_step(double *const p[], const double *x, int64_t n, int64_t h,
                             const double *h0, double *c, double *out)
{
    for (int64_t j = 0; j < h; j++) {
        double z[4];
        for (int64_t g = 0; g < 4; g++)
            z[g] = exact_row(p[0], p[2], x, n, g * h + j) +
                   exact_row(p[1], p[3], h0, h, g * h + j);
        c[j] = exact_sigmoid(z[1]) * c[j] + exact_sigmoid(z[0]) * tanh(z[2]);
        out[j] = exact_sigmoid(z[3]) * tanh(c[j]);
    }
}

static inline void lstm_exact(const op_run *r, int64_t b, double *const x[], double *const p[],
                              double *y)
{
    recurrent_exact(r, b, x[0], p, y, lstm_step);
}

static inline bool lstm_term(const op_run *r, const float *dy, int k, int64_t e, int64_t b,
                             int64_t t, float *chain)
{
    (void)dy;
    return recurrent_term(r, 4, 6, k, e, b, t, chain);
}

static inline double lstm_loops(const op_run *r, onus_pass pass)
{
    return recurrent_loops(r, pass, 4, 12, 23);
}

static const chapter chapter_lstm = {
    .op = "lstm",
    .exact = lstm_exact,
    .term = lstm_term,
    .tolerance = 2e-5,
    .small = {{{3, 0}, {2, {5, 2}}, 3},
              {{2, 1}, {2, {4, 3}}, 2},
              {{1, 0}, {2, {1, 1}}, 1},
              {.attr = {3, 1}, .B = 4, .inputs = {2, {{2, {6, 2}}, {1, {6}}}, {0, 9}}},
              {.attr = {4, 0}, .B = 5, .inputs = {2, {{2, {3, 11}}, {1, {3}}}, {0, 9}}},
              {.attr = {2, 0}, .B = 2, .inputs = {2, {{2, {1, 2}}, {1, {1}}}, {0, 9}}}},
    .big = {.attr = {18, 1}, .B = 33, .inputs = {2, {{2, {16, 21}}, {1, {16}}}, {0, 50}}},
    .loops = lstm_loops,
    .bytes = recurrent_bytes};
