/* SPDX-License-Identifier: Apache-2.0
 * explain.h - interventional Shapley values of a model's score against background rows, a
 * category's one-hot features as one column. For a pair (row, background row) columns that
 * agree drop out; up to 16 that differ are enumerated exactly, above that paired permutations
 * are drawn (ONUS_DRAW_EXPLAIN). */
#ifndef ONUS_AUDIT_EXPLAIN_H
#define ONUS_AUDIT_EXPLAIN_H
#include "data/dataset.h"
#include "net/net.h"
#include "num/exec.h"

typedef struct {
    bool off;
    int64_t rows;          /* explained, default 200 (fewer where the test part is smaller) */
    int64_t background;    /* from the training part, default 100 */
    int64_t exact_columns; /* default 16, the limit; 0 forces permutations */
    int64_t permutations; /* pairs of a permutation and its reverse for a (row, background) pair
                             that is not exact; default 2, fewest that have a standard error */
    int64_t output;       /* which output is explained: class index, label; binary: the positive
                             probability; -1 default (binary 0; classes: the predicted one; not of
                             several labels, each of which has an explanation of its own) */
} onus_explain_spec;

typedef struct {
    int64_t n_rows, n_columns, n_background;
    int64_t output;             /* as the spec said: a class, or -1 */
    const int64_t *rows;        /* which rows */
    const double *values;       /* (n_rows, n_columns) */
    const double *score, *base; /* (n_rows): f(row); mean over background of f */
    const double *std_error;    /* (n_rows, n_columns); 0 where exact, NAN where one
                                   pair of permutations was walked */
    double residual;            /* max |sum of values - (score - base)| */
    double pairs_exact, pairs_sampled, evaluations, columns_differing_mean;
    double *mean_abs, *mean_abs_se; /* (n_columns): over rows, standard error over rows */
    onus_arena arena;
} onus_explanation;

onus_status onus_explain(onus_explanation *out, onus_net *net, const onus_exec *ex,
                         const onus_dataset *d, const int64_t *rows, int64_t n_rows,
                         const int64_t *background, int64_t n_background,
                         const onus_explain_spec *spec, uint64_t seed,
                         const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
void onus_explanation_release(onus_explanation *e);
/* Columns by falling size of their weight[n], ties in their own order: order[n] is written. */
onus_status onus_explain_order(const double *weight, int64_t n, int64_t *order,
                               const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
/* Explanations that a dataset asks for: one, or one a label, in the order of the outputs. */
int64_t onus_explain_count(const onus_dataset *d);
/* "explain" event: explain.method, .rows, .background, .residual, .exact (share of pairs),
 * explain.<column>.mean_abs(+.se), columns ordered by importance in explain.columns (texts) and
 * explain.protected (texts), explain.values.sha256 over the (n_rows, n_columns) binary64
 * values; of several labels under label.NAME. */
onus_status onus_explanation_emit(const onus_explanation *e, const onus_dataset *d,
                                  const onus_sink *sink, onus_err *err) ONUS_CHECKED;
/* Draws rows: the first n of part after a seeded shuffle, ascending. */
onus_status onus_explain_choose(const onus_dataset *d, onus_part part, int64_t n, uint64_t seed,
                                uint32_t node, int64_t *out, int64_t *n_out,
                                const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
#endif
