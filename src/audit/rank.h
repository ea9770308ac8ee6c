/* SPDX-License-Identifier: Apache-2.0
 * rank.h - what the order of scores is worth: ROC curve and its area, average precision. Equal
 * scores are one step: no order among them is made up. */
#ifndef ONUS_AUDIT_RANK_H
#define ONUS_AUDIT_RANK_H
#include "audit/measure.h"
#include "base/mem.h"

enum { ONUS_ROC_POINTS = 256, ONUS_AREA_FEW = 30 };

typedef struct {
    onus_measure auc, average_precision;
    double share; /* of positives: what average precision is for scores without order */
    const double *fpr, *tpr; /* (n_points), from (0, 0) to (1, 1), at most ONUS_ROC_POINTS;
                                0 points where one of the classes is absent */
    int64_t n_points;
} onus_ranking;

/* Area under the corners (x, y), whole numbers of k negatives and m positives. */
double onus_area_under(const double *x, const double *y, int64_t points, double m, double k);
/* That area with the interval that stands where one of the classes has few rows (rank.c). */
onus_measure onus_area_few(double area, double m, double k);
/* label (n): 0 or 1; score (n): finite, larger is more likely 1. Arrays live in arena. */
onus_status onus_rank(onus_ranking *out, const float *label, const float *score, int64_t n,
                      onus_arena *arena, onus_err *err) ONUS_CHECKED;
#endif
