/* SPDX-License-Identifier: Apache-2.0
 * explain_work.c - how many rows an explanation puts through the model, said before there is a
 * model: that depends on how many columns of two rows differ, or tokens a text has, alone. */
#include <math.h>
#include <string.h>

#include "audit/explain_parts.h"
#include "base/fail.h"

/* Comparisons of columns at most: a tenth of a second. */
enum { LOOKS = 1 << 22 };

/* Rows that a game of d players takes; `ends`: nobody and everybody, asked for apart. */
static double game(const onus_explain_spec *spec, int64_t d, double ends)
{
    if (d <= spec->exact_columns) return ldexp(1, (int)d);
    return ends + 2 * (double)spec->permutations * (double)(d - 1);
}

/* Of a text, whose ends are always asked for. */
static double text_work(const onus_dataset *d, const onus_explain_spec *spec, const float *x)
{
    int64_t players = 0;
    for (int64_t t = 0; t < onus_dataset_features(d); t++)
        players += x[t] >= 0 && !onus_explain_is_frame(d, x[t]);
    return 2 + game(spec, players, 0);
}

/* Of a row against a background row; where nothing differs nothing is asked. */
static double pair_work(const onus_dataset *d, const onus_explain_spec *spec, const float *x,
                        const float *b)
{
    int64_t players = 0;
    for (int64_t c = 0; c < onus_dataset_columns(d); c++) {
        const onus_input_column *column = onus_dataset_column(d, c);
        players +=
            memcmp(x + column->first, b + column->first, (size_t)column->n * sizeof *x) != 0;
    }
    return players > 0 ? game(spec, players, 2) : 0;
}

onus_status onus_explain_work(double *out, const onus_dataset *d, const int64_t *rows,
                              int64_t n_rows, const int64_t *background, int64_t n_background,
                              const onus_explain_spec *spec, const onus_allocator *mem,
                              onus_err *err)
{
    const bool text = onus_dataset_vocabulary(d) > 0;
    const int64_t F = onus_dataset_features(d), N = text ? 0 : n_background;
    const int64_t references = text ? 1 : N,
                  looks = references * (text ? F : onus_dataset_columns(d));
    const int64_t some = looks > 0 && n_rows > LOOKS / looks ? LOOKS / looks + 1 : n_rows;
    float *x = onus_alloc(mem, (size_t)((N + 1) * F), sizeof *x);
    if (!x) return onus_fail_mem(err, "explain");
    double shapley = 0;
    onus_dataset_fetch(d, background, N, x + F, NULL, NULL);
    for (int64_t i = 0; spec->shapley && i < some; i++) {
        onus_dataset_fetch(d, rows + i, 1, x, NULL, NULL);
        if (text) shapley += text_work(d, spec, x);
        for (int64_t j = 0; j < N; j++) shapley += pair_work(d, spec, x, x + (j + 1) * F);
    }
    onus_free(mem, x);
    if (some < n_rows) shapley = shapley / (double)some * (double)n_rows;
    const double relevance = spec->relevance ? 2 * (double)n_rows * (double)references : 0;
    *out = (shapley + relevance) * (double)onus_explain_count(d);
    return ONUS_OK;
}
