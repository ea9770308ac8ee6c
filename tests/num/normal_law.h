/* SPDX-License-Identifier: Apache-2.0
 * normal_law.h - are these numbers normal? For tests of draws, public and sealed. */
#ifndef NUM_NORMAL_LAW_H
#define NUM_NORMAL_LAW_H
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

static inline int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Are z[n], in any order and sorted afterwards, draws of N(mean, std^2)? Moments to the fourth,
 * the share beyond 2, 3 and 4 deviations, Kolmogorov-Smirnov (1%: 1.63 / sqrt n). */
static inline void looks_normal(double *z, int64_t n, double mean, double std)
{
    double m[5] = {0};
    int64_t beyond[5] = {0};
    for (int64_t i = 0; i < n; i++) {
        const double v = (z[i] - mean) / std;
        double power = 1;
        for (int k = 0; k < 5; k++, power *= v) m[k] += power / (double)n;
        for (int k = 2; k < 5; k++) beyond[k] += fabs(v) > k;
    }
    const double root = sqrt((double)n);
    assert_true(fabs(m[1]) < 4 / root);
    assert_true(fabs(m[2] - 1) < 4 * sqrt(2) / root);
    assert_true(fabs(m[3]) < 4 * sqrt(15) / root);     /* var of v^3 is 15 */
    assert_true(fabs(m[4] - 3) < 4 * sqrt(96) / root); /* var of v^4 is 96 */
    for (int k = 2; k < 5; k++) {
        const double share = erfc(k * M_SQRT1_2), want = (double)n * share;
        assert_true(fabs((double)beyond[k] - want) < 5 * sqrt(want) + 1);
    }
    qsort(z, (size_t)n, sizeof *z, by_value);
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        const double f = 0.5 * erfc(-(z[i] - mean) / std * M_SQRT1_2);
        worst = fmax(worst, fmax(fabs(f - (double)i / (double)n),
                                 fabs(f - (double)(i + 1) / (double)n)));
    }
    assert_true(worst < 1.63 / root);
}
#endif
