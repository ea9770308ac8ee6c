/* SPDX-License-Identifier: Apache-2.0
 * values.c - predicted numbers against true ones. */
#include <math.h>

#include "audit/quality.h"
#include "base/fail.h"
#include "num/vec.h"

/* R2 = 1 - sum of squared errors / sum of squared distances from the mean; its standard error
 * by the delta method for a ratio of means. A constant label leaves nothing to explain. */
static onus_measure measure_r2(const double *error2, const double *spread2, double *moved,
                               int64_t n)
{
    onus_measure m = {
        .value = NAN, .ci = {NAN, NAN}, .n = n, .method = "delta method, student t"};
    const double spread = onus_sum64(spread2, n);
    if (!(spread > 0)) {
        m.reason = n == 0 ? "no rows" : "the label never changes";
        return m;
    }
    const double ratio = onus_sum64(error2, n) / spread;
    for (int64_t i = 0; i < n; i++) {
        const double v = (error2[i] - ratio * spread2[i]) / spread;
        moved[i] = v * v;
    }
    const double df = (double)(n - 1);
    m.value = 1 - ratio;
    m.ci = onus_interval_mean(m.value, sqrt(onus_sum64(moved, n) * (double)n / df), df, 1);
    m.ci.upper = onus_smaller(1, m.ci.upper);
    return m;
}

onus_status onus_quality_values(const onus_predictions *p, onus_event_builder *b,
                                onus_arena *arena, onus_err *err)
{
    const int64_t n = p->n;
    double *v = onus_arena_alloc(arena, 4 * (size_t)n + 1, sizeof *v);
    if (!v) return onus_fail_mem(err, "errors");
    double *error = v, *error2 = v + n, *size = v + 2 * n, *label = v + 3 * n;
    for (int64_t i = 0; i < n; i++) {
        error[i] = (double)p->score[i] - (double)p->label[i];
        error2[i] = error[i] * error[i];
        size[i] = fabs(error[i]);
        label[i] = (double)p->label[i];
    }
    const onus_measure mse = onus_measure_mean(error2, n, 0),
                       mae = onus_measure_mean(size, n, 0),
                       bias = onus_measure_mean(error, n, -INFINITY);
    onus_measure rmse = mse;
    rmse.value = sqrt(mse.value);
    rmse.ci = (onus_interval){sqrt(mse.ci.lower), sqrt(mse.ci.upper)};
    rmse.method = "student t on the squares";
    const double mean = n > 0 ? onus_sum64(label, n) / (double)n : 0;
    for (int64_t i = 0; i < n; i++) label[i] = (label[i] - mean) * (label[i] - mean);
    const onus_measure r2 = measure_r2(error2, label, size, n);
    onus_measure_put(b, &mse, "mse");
    onus_measure_put(b, &rmse, "rmse");
    onus_measure_put(b, &mae, "mae");
    onus_measure_put(b, &bias, "mean_error");
    onus_measure_put(b, &r2, "r2");
    return ONUS_OK;
}
