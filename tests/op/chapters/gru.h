/* SPDX-License-Identifier: Apache-2.0
 * gru.h - what the tests of the table know of gru. Included by chapters.h. */
#include "recurrent_chapter.h"

static inline void gru_step(double *const p[], const double *x, int64_t n, int64_t h,
                            const double *h0, double *unused, double *out)
{
    (void)unused;
    for (int64_t j = 0; j < h; j++) {
        double w[3], u[3];
        for (int64_t g = 0; g < 3; g++) {
            w[g] = exact_row(p[0], p[2], x, n, g * h + j);
            u[g] = exact_row(p[1], p[3], h0, h, g * h + j);
        }
        const double z = exact_sigmoid(w[1] + u[1]),
                     fresh = tanh(w[2] + exact_sigmoid(w[0] + u[0]) * u[2]);
        out[j] = (1 - z) * fresh + z * h0[j];
    }
}

static inline void gru_exact(const op_run *r, int64_t b, double *const x[], double *const p[],
                             double *y)
{
    recurrent_exact(r, b, x[0], p, y, gru_step);
}

static inline bool gru_term(const op_run *r, const float *dy, int k, int64_t e, int64_t b,
                            int64_t t, float *chain)
{
    (void)dy;
    return recurrent_term(r, 3, 4, k, e, b, t, chain);
}

static inline double gru_loops(const op_run *r, onus_pass pass)
{
    return recurrent_loops(r, pass, 3, 8, 18);
}

static const chapter chapter_gru = {
    .op = "gru",
    .exact = gru_exact,
    .term = gru_term,
    .tolerance = 2e-5,
    .small = {{{3, 0}, {2, {5, 2}}, 3},
              {{2, 1}, {2, {4, 3}}, 2},
              {{1, 0}, {2, {1, 1}}, 1},
              {.attr = {3, 1}, .B = 4, .inputs = {2, {{2, {6, 2}}, {1, {6}}}, {0, 9}}},
              {.attr = {4, 0}, .B = 5, .inputs = {2, {{2, {3, 11}}, {1, {3}}}, {0, 9}}},
              {.attr = {2, 0}, .B = 2, .inputs = {2, {{2, {1, 2}}, {1, {1}}}, {0, 9}}}},
    .big = {.attr = {18, 1}, .B = 33, .inputs = {2, {{2, {16, 21}}, {1, {16}}}, {0, 50}}},
    .loops = gru_loops,
    .bytes = recurrent_bytes};
