/* SPDX-License-Identifier: Apache-2.0
 * explain.h - what a model's score is made of, row by row, in two ways.
 *
 * Shapley values of columns: interventional, against background rows, a category's one-hot
 * features as one column. For a pair (row, background row) columns that agree drop out; up to
 * 16 that differ are enumerated exactly, above that paired permutations are drawn
 * (ONUS_DRAW_EXPLAIN). Of texts: the tokens are the players; a text without some of them is the
 * shorter text. They share a decision's probability, or a predicted number.
 *
 * Relevance (net/relevance.h): one pass back through the net. Of columns and pixels the mean
 * over references, which are the background rows; of texts against embeddings of zero. It
 * shares logits, or a predicted number. */
#ifndef ONUS_AUDIT_EXPLAIN_H
#define ONUS_AUDIT_EXPLAIN_H
#include "data/dataset.h"
#include "net/net.h"
#include "num/exec.h"

enum { ONUS_COLUMNS_SHOWN = 64 }; /* that an event tells of, those that weigh most */

typedef struct {
    bool off;
    bool shapley, relevance; /* which of the two */
    int64_t rows;            /* explained, default 200 (fewer where the test part is smaller) */
    int64_t background;      /* from the training part, default 100 */
    int64_t exact_columns;   /* default 16, the limit; 0 forces permutations */
    int64_t permutations; /* pairs of a permutation and its reverse for a (row, background) pair
                             that is not exact; default 2, fewest that have a standard error */
    int64_t output;       /* which output is explained: class index, label; binary: the positive
                             probability; -1 default (binary 0; classes: the predicted one; not of
                             several labels, each of which has an explanation of its own) */
} onus_explain_spec;

typedef struct {
    bool relevance; /* by relevance, not by Shapley values */
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
    const float *tokens; /* texts: (n_rows, n_columns), a column being a place; below 0: nothing
                            there. Else NULL */
    onus_arena arena;
} onus_explanation;

onus_status onus_explain(onus_explanation *out, onus_net *net, const onus_exec *ex,
                         const onus_dataset *d, const int64_t *rows, int64_t n_rows,
                         const int64_t *background, int64_t n_background,
                         const onus_explain_spec *spec, uint64_t seed,
                         const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
/* Rows of texts; the background is what is left of a text without its tokens. */
onus_status onus_explain_tokens(onus_explanation *out, onus_net *net, const onus_exec *ex,
                                const onus_dataset *d, const int64_t *rows, int64_t n_rows,
                                const onus_explain_spec *spec, uint64_t seed,
                                const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
/* Relevance of either; the background is not read of texts. ONUS_REFUSED where an operation has
 * no rule, naming it. */
onus_status onus_explain_relevance(onus_explanation *out, onus_net *net, const onus_exec *ex,
                                   const onus_dataset *d, const int64_t *rows, int64_t n_rows,
                                   const int64_t *background, int64_t n_background,
                                   const onus_explain_spec *spec, const onus_allocator *mem,
                                   onus_err *err) ONUS_CHECKED;
/* How many rows all explanations of these rows put through the model, in the ways that the spec
 * wants: the Shapley values' evaluations, and two of relevance for each row and reference, a
 * way back not counted. Known without a model; where all rows would take long to look at, it is
 * the mean of the first ones, times their number. */
onus_status onus_explain_work(double *out, const onus_dataset *d, const int64_t *rows,
                              int64_t n_rows, const int64_t *background, int64_t n_background,
                              const onus_explain_spec *spec, const onus_allocator *mem,
                              onus_err *err) ONUS_CHECKED;
/* What relevance explains of a task's models. */
onus_share_of onus_explain_share_of(const onus_dataset *d);
/* Does a token stand around every text, and is nobody's word: "[CLS]", "[SEP]"? It is no
 * player.
 */
bool onus_explain_is_frame(const onus_dataset *d, float token);
/* What the names of its event begin with: "label.NAME." of one of several labels, else "". */
onus_status onus_explain_within(const onus_explanation *e, const onus_dataset *d, char out[600],
                                onus_err *err) ONUS_CHECKED;
/* What was explained, in words: "probability of good", "logit of the decided class"; of a name
 * its first ONUS_EXPLAIN_NAME bytes. */
enum { ONUS_EXPLAIN_NAME = 400 };
void onus_explain_of(const onus_explanation *e, const onus_dataset *d, char out[512]);
void onus_explanation_release(onus_explanation *e);
/* Columns by falling size of their weight[n], ties in their own order: order[n] is written. */
onus_status onus_explain_order(const double *weight, int64_t n, int64_t *order,
                               const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
/* Explanations that a dataset asks for: one, or one a label, in the order of the outputs. */
int64_t onus_explain_count(const onus_dataset *d);
/* "explain" or "relevance" event, with the same names but for that first word: method, of,
 * rows, residual, values.sha256 over the (n_rows, n_columns) binary64 values; columns:
 * <column>.mean_abs(+.se), columns ordered by importance in .columns and .protected (texts);
 * pictures: .map, a mean over rows in at most 16 by 16 cells; texts: shares by place, by kind
 * of token, of the largest; of several labels under label.NAME. docs/EVIDENCE.md has them all.
 * other: the same rows explained in the other way, or NULL: relevance.agreement. */
onus_status onus_explanation_emit(const onus_explanation *e, const onus_explanation *other,
                                  const onus_dataset *d, const onus_sink *sink,
                                  onus_err *err) ONUS_CHECKED;
/* Draws rows: the first n of part after a seeded shuffle, ascending. */
onus_status onus_explain_choose(const onus_dataset *d, onus_part part, int64_t n, uint64_t seed,
                                uint32_t node, int64_t *out, int64_t *n_out,
                                const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
#endif
