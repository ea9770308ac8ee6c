/* SPDX-License-Identifier: Apache-2.0
 * Goal: bounds of epsilon from counts are what they say. Method: binomial tails summed term by
 * term, limits that are known in closed form, published ones, and bounds computed by others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after setjmp.h */
#include <cmocka.h>

#include "bound.h"

static double choose(int n, int k)
{
    double c = 1;
    for (int i = 1; i <= k; i++) c = c * (n - k + i) / i;
    return c;
}

static void near(double found, double expected, double relative)
{
    if (fabs(found - expected) > relative * fabs(expected))
        fail_msg("%.12g, expected %.12g", found, expected);
}

static void tails_are_sums(void **state)
{
    (void)state;
    static const double ps[] = {1e-6, 0.01, 0.3, 0.5, 0.77, 0.999};
    for (int n = 1; n <= 60; n += 7)
        for (int k = 1; k <= n; k++)
            for (int i = 0; i < 6; i++) {
                double sum = 0;
                for (int j = n; j >= k; j--)
                    sum += choose(n, j) * pow(ps[i], j) * pow(1 - ps[i], n - j);
                if (fabs(binomial_from(n, k, ps[i]) - sum) > 1e-11)
                    fail_msg("P(Bin(%d, %g) >= %d): %.15g, expected %.15g", n, ps[i], k,
                             binomial_from(n, k, ps[i]), sum);
            }
}

/* None of n: 1 - alpha^(1/n). 10 of 100 at 95% on both sides: 0.0490 to 0.1762, as tables of
 * Clopper and Pearson's have it. */
static void limits(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 1000000; n *= 10) {
        near(binomial_high(n, 0, 0.005), -expm1(log(0.005) / (double)n), 1e-9);
        near(binomial_low(n, n, 0.005), pow(0.005, 1 / (double)n), 1e-9);
    }
    assert_true(binomial_low(7, 0, 0.5) == 0 && binomial_high(7, 7, 0.5) == 1);
    near(binomial_low(100, 10, 0.025), 0.0490, 1e-3);
    near(binomial_high(100, 10, 0.025), 0.1762, 1e-3);
}

static void bounds(void **state)
{
    (void)state;
    near(epsilon_bound(500, 500, 0, 1e-5, 0.01), 4.5419, 1e-5);
    near(epsilon_bound(300, 300, 0, 1e-5, 0.05), 4.39, 1e-3);
    assert_true(epsilon_bound(500, 10, 10, 1e-5, 0.01) == 0);
    assert_true(epsilon_bound(500, 500, 0, 1, 0.01) == 0); /* delta 1 promises nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tails_are_sums),
        cmocka_unit_test(limits),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
