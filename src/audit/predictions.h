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

/* Several labels: label, score and decision are (n, n_labels), those of a row one after the
 * other. */
typedef struct {
    onus_task task;
    int64_t n, n_classes; /* classes: >= 2; regression 0; labels 2 */
    /* (n_classes); labels (n_labels, 2) */
    const char *const *class_names;
    /* (n): 0/1, class, number; of several labels one that is not known is below 0 */
    const float *label;
    /* binary and labels (n): probability of the positive class; classes (n, n_classes);
     * regression (n): value. NULL: none */
    const float *score;
    const int32_t *decision;        /* (n) predicted class; NULL for regression */
    int64_t n_labels;               /* labels: 2 or more; of rows of a dataset else 1 */
    const char *const *label_names; /* labels: (n_labels) */
    const char *prefix; /* of the names of what is said: "label.toxic."; NULL: none */
    /* false: log loss, Brier and calibration are undefined, said why */
    bool score_is_probability;
    int64_t n_attributes;
    const onus_attribute *attributes;
    /* which groups' sizes are told already, of these rows: fairness withholds the others, and
     * whose counts it must on their account; NULL: tells of all */
    const onus_disclosure *sizes;
} onus_predictions;

/* One of several labels as a task of two classes, over the rows where it is known; arrays live
 * in arena. What is said of it begins with label.NAME. */
onus_status onus_predictions_label(onus_predictions *out, const onus_predictions *p, int64_t l,
                                   onus_arena *arena, onus_err *err) ONUS_CHECKED;

/* Decision from scores (n): binary, and each of several labels: score >= 0.5; classes (n,
 * n_classes): the largest, ties to the lowest index. */
void onus_decide(onus_task task, const float *score, int64_t n, int64_t n_classes,
                 int32_t *decision);

/* Quality: "metric" events, one a family (docs/EVIDENCE.md lists the names). Decisions:
 * accuracy, balanced_accuracy, precision, recall, f1 (binary), precision.macro, recall.macro,
 * f1.macro, confusion.<label>.<decision>, class.<name>.{precision,recall,f1} (classes). Scores:
 * auc, average_precision (binary), log_loss, brier, calibration_error; curves as arrays
 * roc.{fpr,tpr}, calibration.{predicted,observed,lower,upper,n}. Regression: mse, rmse, mae,
 * mean_error, r2. Each value with .lower, .upper (95%), .n, .method, and .reason where
 * something is undefined. Several labels: subset_accuracy, hamming_loss and its gain over each
 * label's commonest value, precision, recall and f1 .micro and .macro; then those of two
 * classes for each label, under label.NAME. */
onus_status onus_audit_quality(const onus_predictions *p, const onus_sink *sink,
                               const onus_allocator *mem, onus_err *err) ONUS_CHECKED;

/* Fairness: one "fairness" event an attribute, an intersection of two, and the intersection of
 * all, whose names join with '+': fairness.<A>.group.<G>.{n, positives, selected,
 * selection_rate, tpr, fpr, ppv, accuracy}; fairness.<A>.{demographic_parity, equalized_odds,
 * equal_opportunity}_{difference, ratio}, average_odds_difference,
 * average_absolute_odds_difference; classes: accuracy_{difference, ratio}; regression: groups'
 * mean_prediction, mean_error, mae and their _difference. Undefined where there is no support;
 * gap.h says what a gap is worth where a group has none. Several labels: the events of each,
 * under label.NAME. */
onus_status onus_audit_fairness(const onus_predictions *p, const onus_sink *sink,
                                const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
#endif
