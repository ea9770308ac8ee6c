/* SPDX-License-Identifier: Apache-2.0
 * calibration.h - do probabilities mean what they say? Of those told 0.8, eight in ten should
 * come true. */
#ifndef ONUS_AUDIT_CALIBRATION_H
#define ONUS_AUDIT_CALIBRATION_H
#include "audit/measure.h"
#include "base/mem.h"

enum { ONUS_CALIBRATION_BINS = 10, ONUS_CALIBRATION_BIN_MIN = 10 };

typedef struct {
    onus_measure error;
    int64_t n_bins;
    double predicted[ONUS_CALIBRATION_BINS], observed[ONUS_CALIBRATION_BINS],
        lower[ONUS_CALIBRATION_BINS], upper[ONUS_CALIBRATION_BINS], /* of observed, Wilson */
        count[ONUS_CALIBRATION_BINS];
} onus_calibration;

/* From bins of n rows in all: n_bins, predicted, observed, count. */
onus_measure onus_calibration_error(const onus_calibration *c, int64_t n);
/* Expected calibration error over up to 10 bins of equally many rows (fewer where rows are
 * fewer than 100: a bin holds at least 10, so that it is no person's score; equal probabilities
 * share a bin). p (n): probabilities; came (n): whether it came true. */
onus_status onus_calibrate(onus_calibration *out, const float *p, const bool *came, int64_t n,
                           onus_arena *arena, onus_err *err) ONUS_CHECKED;
#endif
