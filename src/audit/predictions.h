/* SPDX-License-Identifier: Apache-2.0
 * predictions.h - what audits look at: labels, scores, decisions and groups of n rows, wherever
 * they came from (a model of ours, a file of somebody else's). */
#ifndef ONUS_AUDIT_PREDICTIONS_H
#define ONUS_AUDIT_PREDICTIONS_H
#include "base/event.h"
#include "data/dataset.h"

typedef struct {
    const char *name;
    int64_t n_groups;
    const char *const *group_names;
    const int32_t *group; /* (n), -1 missing */
} onus_attribute;

typedef struct {
    onus_task task;
    int64_t n, n_classes; /* classes: >= 2; regression 0 */
    const char *const *class_names;
    const float *label;        /* (n): 0/1, class, number */
    const float *score;        /* binary (n): probability of the positive class; classes (n,
                                  n_classes); regression (n): value. NULL: none */
    const int32_t *decision;   /* (n) predicted class; NULL for regression */
    bool score_is_probability; /* false: log loss, Brier and calibration are undefined, said why
                                */
    int64_t n_attributes;
    const onus_attribute *attributes;
} onus_predictions;

/* Decision from scores: binary score >= 0.5; classes: the largest, ties to the lowest index. */
void onus_decide(onus_task task, const float *score, int64_t n, int64_t n_classes,
                 int32_t *decision);

/* Quality: events "metric" (one a family) with dotted names: accuracy, balanced_accuracy,
 * precision, recall, f1, f1.macro, auc, average_precision, log_loss, brier, calibration_error,
 * confusion.<true>.<predicted>; mse, rmse, mae, r2. Each with .lower, .upper, .n and .method
 * ("wilson", "bootstrap 2000", ...); curves as arrays (roc.fpr, roc.tpr, calibration.predicted,
 * ...). seed: of the bootstrap (ONUS_DRAW_BOOTSTRAP). prefix: "" or "train." etc. */
onus_status onus_audit_quality(const onus_predictions *p, uint64_t seed, const onus_sink *sink,
                               const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
/* Fairness: one "fairness" event an attribute and an intersection of two (all of them, and the
 * intersection of all), see design:
 * fairness.sex.group.female.{n,positives,selection_rate,tpr,fpr,ppv,accuracy}[.lower,.upper,.n],
 * fairness.sex.demographic_parity_{difference,ratio}, equalized_odds_{difference,ratio},
 * equal_opportunity_{difference,ratio}, average_odds_difference,
 * average_absolute_odds_difference, each with .lower .upper .method .n. Undefined where there
 * is no support. */
onus_status onus_audit_fairness(const onus_predictions *p, uint64_t seed, const onus_sink *sink,
                                const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
#endif
