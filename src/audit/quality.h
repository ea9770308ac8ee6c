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

/* F1 of a class that `label` rows are of and `decided` rows are decided to be, `hit` both; with
 * Wilson's interval. */
onus_measure onus_measure_f1(double hit, double label, double decided);
/* Sum of squared distances from mean, binary64 lanes (contract, item 4). */
double onus_squares64(const double *v, int64_t n, double mean);
/* Mean of v (n) with Student's interval, cut at `least` below. */
onus_measure onus_measure_mean(const double *v, int64_t n, double least);
#endif
