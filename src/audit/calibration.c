/* SPDX-License-Identifier: Apache-2.0
 * calibration.c - expected calibration error: the mean over rows of |observed - predicted| of
 * the row's bin. Bins of equal mass: those of equal width put most people of a sure model into
 * one bin and leave the others to noise (Roelofs et al. 2022, AISTATS).
 *
 * The error of a sample is too large even where the model is perfect: gaps that are noise do
 * not cancel under | |. Resampling repeats that bias (simulated: a percentile bootstrap never
 * covers the truth of a calibrated model, a reflected one in 50 to 65 of 100 samples). The
 * bounds here hold whatever the gaps are. With g the true gaps, e their noise, w the bins'
 * shares of rows, standard errors s:
 *   sum w|g| <= sum w|g + e| - sum w sign(g) e: above by at most z sqrt(sum (w s)^2),
 *   sum w|g| >= sum w|g + e| - sum w|e|: the last is a sum of half normals, with mean
 *   sqrt(2/pi) sum w s and variance (1 - 2/pi) sum (w s)^2.
 * The lower bound is zero unless the gaps are more than noise: above it, miscalibration is
 * proven. */
#include "audit/calibration.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "num/vec.h"

typedef struct {
    float p;
    bool came;
} card;

static int by_probability(const void *a, const void *b)
{
    const card *x = a, *y = b;
    if (x->p != y->p) return x->p < y->p ? -1 : 1;
    return (int)x->came - (int)y->came; /* equal cards are equal: any sort gives one order */
}

static void fill_bin(onus_calibration *out, const card *c, int64_t begin, int64_t end)
{
    double lane[16] = {0}, came = 0; /* contract, item 4 */
    for (int64_t i = begin; i < end; i++) {
        double *sum = &lane[(i - begin) % 16];
        *sum = *sum + (double)c[i].p;
        came += c[i].came;
    }
    const double n = (double)(end - begin);
    const onus_interval w = onus_interval_wilson((onus_share){came, n}, onus_z(1));
    const int64_t b = out->n_bins++;
    out->predicted[b] = onus_fold16(lane) / n;
    out->observed[b] = came / n;
    out->lower[b] = w.lower;
    out->upper[b] = w.upper;
    out->count[b] = n;
}

onus_measure onus_calibration_error(const onus_calibration *c, int64_t n)
{
    const double two_over_pi = 0x1.45f306dc9c883p-1;
    double error = 0, noise = 0, noise2 = 0;
    for (int64_t b = 0; b < c->n_bins; b++) {
        const double k = c->count[b], w = k / (double)n;
        /* the bin's variance with two successes and two failures added (Agresti and Coull
         * 1998): a bin where all came true is not free of noise */
        const double p = (c->observed[b] * k + 2) / (k + 4), s = sqrt(p * (1 - p) / k);
        error = fma(w, fabs(c->observed[b] - c->predicted[b]), error);
        noise = fma(w, s, noise);
        noise2 = fma(w * s, w * s, noise2);
    }
    const double z = onus_z(1),
                 below = sqrt(two_over_pi) * noise + z * sqrt((1 - two_over_pi) * noise2);
    return (onus_measure){
        .value = error,
        .ci = {onus_larger(0, error - below), onus_smaller(1, error + z * sqrt(noise2))},
        .n = n,
        .method = "expected calibration error over bins of equal mass; noise bounds"};
}

onus_status onus_calibrate(onus_calibration *out, const float *p, const bool *came, int64_t n,
                           onus_arena *arena, onus_err *err)
{
    *out = (onus_calibration){.error = {.value = NAN, .ci = {NAN, NAN}, .reason = "no rows"}};
    if (n == 0) return ONUS_OK;
    card *c = onus_arena_alloc(arena, (size_t)n, sizeof *c);
    if (!c) return onus_fail_mem(err, "calibration");
    for (int64_t i = 0; i < n; i++) c[i] = (card){p[i], came[i]};
    qsort(c, (size_t)n, sizeof *c, by_probability);
    int64_t bins = n / ONUS_CALIBRATION_BIN_MIN;
    bins = bins < 1 ? 1 : bins > ONUS_CALIBRATION_BINS ? ONUS_CALIBRATION_BINS : bins;
    int64_t begin = 0;
    for (int64_t b = 1; begin < n; b++) {
        int64_t end = b < bins ? b * n / bins : n;
        if (end - begin < ONUS_CALIBRATION_BIN_MIN && end < n)
            continue; /* ties took its rows */
        while (end < n && c[end].p == c[end - 1].p) end++;
        if (n - end < ONUS_CALIBRATION_BIN_MIN) end = n;
        fill_bin(out, c, begin, end);
        begin = end;
    }
    out->error = onus_calibration_error(out, n);
    return ONUS_OK;
}
