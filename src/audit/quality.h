/* SPDX-License-Identifier: Apache-2.0
 * quality.h - the families of quality, one event each: decisions against labels, scores against
 * labels, numbers against numbers, several labels together. */
#ifndef ONUS_AUDIT_QUALITY_H
#define ONUS_AUDIT_QUALITY_H
#include "audit/measure.h"
#include "audit/predictions.h"

onus_status onus_quality_decisions(const onus_predictions *p, onus_event_builder *b,
                                   onus_arena *arena, onus_err *err) ONUS_CHECKED;
onus_status onus_quality_scores(const onus_predictions *p, onus_event_builder *b,
                                onus_arena *arena, onus_err *err) ONUS_CHECKED;
onus_status onus_quality_values(const onus_predictions *p, onus_event_builder *b,
                                onus_arena *arena, onus_err *err) ONUS_CHECKED;
/* Several labels together. */
onus_status onus_quality_labels(const onus_predictions *p, onus_event_builder *b,
                                onus_arena *arena, onus_err *err) ONUS_CHECKED;

/* Decisions by label: all that the event of decisions says. */
typedef struct {
    int64_t n_classes;
    const char *const *class_names; /* as in dotted names; of two the second is positive */
    const int64_t *cell;            /* (n_classes, n_classes): label, decision */
    bool by_class; /* classes are told of one by one; else the second of two is positive */
} onus_cells;
onus_status onus_quality_cells(const onus_cells *cells, onus_event_builder *b,
                               onus_arena *arena, onus_err *err) ONUS_CHECKED;

/* Of more classes than this, cells that are zero are left out. */
enum { ONUS_CELLS_SHOWN = 32 };
/* Is there room in an event for so many cells of k classes? */
bool onus_cells_fit(const char *const *names, int64_t k, int64_t cells);

/* What a label's decisions come to; of all labels together, how much of the event of several
 * labels follows without looking at single rows. */
typedef struct {
    double known, positive, decided, hit, right;
} onus_label_tally;
typedef enum {
    ONUS_LABELS_PRECISION,
    ONUS_LABELS_RECALL,
    ONUS_LABELS_F1,
    ONUS_LABELS_WRONG,
    ONUS_LABELS_RATIOS
} onus_labels_ratio;
typedef struct {
    int64_t n, n_labels; /* rows */
    const char *const *names;
    const onus_label_tally *of; /* (n_labels) */
    onus_label_tally all;
} onus_labels_sums;
extern const char *const onus_labels_ratio_names[ONUS_LABELS_RATIOS];
/* Mean of the labels' ratios (macro), or the ratio of their sums (micro); its interval is the
 * mean of the labels' own bounds, weighted likewise. Reasons live in arena. */
onus_status onus_labels_measure(onus_measure *out, const onus_labels_sums *s,
                                onus_labels_ratio r, bool macro, onus_arena *arena,
                                onus_err *err) ONUS_CHECKED;
/* How much less is wrong than by deciding for each label's commonest value. */
double onus_labels_gain(const onus_labels_sums *s);

/* F1 of a class that `label` rows are of and `decided` rows are decided to be, `hit` both; with
 * Wilson's interval. */
onus_measure onus_measure_f1(double hit, double label, double decided);
/* Sum of squared distances from mean, binary64 lanes (contract, item 4). */
double onus_squares64(const double *v, int64_t n, double mean);
/* Mean of v (n) with Student's interval, cut at `least` below. */
onus_measure onus_measure_mean(const double *v, int64_t n, double least);
#endif
