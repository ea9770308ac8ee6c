/* SPDX-License-Identifier: Apache-2.0
 * Goal: an epsilon that is true. Method: values of the Renyi divergence by numerical
 * integration and of epsilon at the same orders by independent code (both computed outside this
 * tree, all printed digits hold); the divergence by quadrature with forty digits; the classical
 * Gaussian mechanism where every row is taken. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after setjmp.h */
#include <cmocka.h>

#include "train/accountant.h"

/* Equal to `digits` significant decimal digits as printed. */
static void assert_digits(double found, double expected, int digits)
{
    char a[64], b[64];
    snprintf(a, sizeof a, "%.*e", digits - 1, found);
    snprintf(b, sizeof b, "%.*e", digits - 1, expected);
    assert_string_equal(a, b);
}

/* By numerical integration of the definition; libraries that drop the sign of fractional
 * binomials give 6.7058e-4 for the first. */
static void divergence_by_integration(void **state)
{
    (void)state;
    const double order[] = {1.5, 2.5, 5, 50, 100};
    const double expected[] = {6.50071e-4, 1.08542e-3, 2.18076e-3, 2.38460e-2, 167.416};
    for (int i = 0; i < 5; i++)
        assert_digits(50 * onus_rdp_step(2.5, 0.01, order[i]), expected[i], 6);
}

static void epsilon_at_the_same_orders(void **state)
{
    (void)state;
    double order = 0;
    assert_digits(onus_rdp_epsilon(1.5, 0.04, 2250, 1e-5, &order), 7.32911117, 9);
    assert_true(fabs(order - 3.9) < 1e-12);
    assert_digits(onus_rdp_epsilon(1.0, 0.001, 30000, 1e-7, &order), 1.4154988495, 11);
    assert_true(order == 13);
    assert_digits(onus_rdp_epsilon(1.0, 0.01, 1000, 1e-5, NULL), 2.1013652716, 11);
}

/* Never below the truth (privacy loss distributions, upper bounds at 1e-4), which the
 * approximation by a central limit theorem is: 1.063 where 2.461 is true. */
static void epsilon_is_an_upper_bound(void **state)
{
    (void)state;
    assert_true(onus_rdp_epsilon(1.5, 0.04, 2250, 1e-5, NULL) > 6.768787);
    assert_true(onus_rdp_epsilon(1.0, 0.001, 30000, 1e-7, NULL) > 1.098199);
    assert_true(onus_rdp_epsilon(1.0, 0.01, 1000, 1e-5, NULL) > 1.828244);
    assert_true(onus_rdp_epsilon(0.7, 0.01, 120, 1e-5, NULL) > 2.461);
}

/* By adaptive quadrature with 40 digits (mpmath 1.3: quad over exp(-z*z/(2*s*s))/(s*sqrt(2*pi))
 * * ((1-q)+q*exp((2*z-1)/(2*s*s)))**a, log of it over a-1), to the digits that stand here. */
static void divergence_with_forty_digits(void **state)
{
    (void)state;
    static const struct {
        double sigma, q, order, divergence;
    } list[] = {
        {0.15, 0.001, 1.3, 1.82642166958713},    {0.15, 0.5, 3.7, 81.2723538636771},
        {0.4, 0.001, 1.3, 0.000151900589283686}, {0.4, 0.001, 3.7, 2.09766987094675},
        {0.4, 0.001, 24, 67.7919075349752},      {0.4, 0.05, 1.3, 0.0900843720505825},
        {0.4, 0.05, 2, 0.829656910512347},       {0.4, 0.05, 9.9, 27.605168594586},
        {0.4, 0.5, 1.3, 2.05658190662147},       {0.4, 0.5, 9.9, 30.1664711137592},
        {1.1, 0.001, 1.3, 8.34302315186115e-7},  {1.1, 0.001, 2, 1.28518256794684e-6},
        {1.1, 0.001, 3.7, 2.3850208136544e-6},   {1.1, 0.001, 9.9, 6.45619333653592e-6},
        {1.1, 0.05, 1.3, 0.00198045495499387},   {1.1, 0.05, 3.7, 0.00691953876682479},
        {1.1, 0.05, 9.9, 0.773295687900336},     {1.1, 0.05, 24, 6.79137397922933},
        {1.1, 0.5, 3.7, 0.748279006418741},      {4, 0.001, 1.3, 4.19194658551518e-8},
        {4, 0.001, 9.9, 3.19413656486481e-7},    {4, 0.05, 2, 0.000161223150144106},
        {4, 0.05, 3.7, 0.000299855327203708},    {4, 0.5, 1.3, 0.0102828532088469},
        {4, 0.5, 9.9, 0.0903983071353452},       {4, 0.5, 24, 0.286475449484632},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const double found = onus_rdp_step(list[i].sigma, list[i].q, list[i].order);
        if (fabs(found - list[i].divergence) > 1e-12 * list[i].divergence + 1e-15)
            fail_msg("sigma %g q %g order %g: %.16g, expected %.16g", list[i].sigma, list[i].q,
                     list[i].order, found, list[i].divergence);
    }
}

/* All rows: alpha / (2 sigma^2). The exact mechanism's epsilon at sigma 1, delta 1e-5 is
 * 4.3771781 (Balle and Wang 2018); Renyi's bound lies above it. */
static void all_rows_is_the_gaussian_mechanism(void **state)
{
    (void)state;
    assert_true(onus_rdp_step(2, 1, 8) == 1.0);
    const double e = onus_rdp_epsilon(1, 1, 1, 1e-5, NULL);
    assert_true(e > 4.3771781 && e < 5.0);
}

static void more_noise_costs_less(void **state)
{
    (void)state;
    double last = INFINITY;
    for (double sigma = 0.5; sigma < 8; sigma *= 1.3) {
        const double e = onus_rdp_epsilon(sigma, 0.02, 500, 1e-5, NULL);
        assert_true(e < last);
        last = e;
    }
    assert_true(onus_rdp_epsilon(1, 0.02, 501, 1e-5, NULL) >
                onus_rdp_epsilon(1, 0.02, 500, 1e-5, NULL));
}

/* The noise that is found keeps the target and wastes less than a thousandth of it. */
static void noise_for_a_budget(void **state)
{
    (void)state;
    const double target[] = {0.3, 1, 8, 100}, q[] = {0.001, 0.09, 1};
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 3; k++) {
            double sigma = 0;
            assert_int_equal(onus_rdp_sigma(target[i], 1e-5, q[k], 330, &sigma, NULL), ONUS_OK);
            const double spent = onus_rdp_epsilon(sigma, q[k], 330, 1e-5, NULL),
                         less = onus_rdp_epsilon(sigma * 0.999, q[k], 330, 1e-5, NULL);
            assert_true(spent <= target[i]);
            if (!(less > target[i]))
                fail_msg("epsilon %g q %g: sigma %g spends %g, a thousandth less %g", target[i],
                         q[k], sigma, spent, less);
        }
}

static void impossible_budgets_are_refused(void **state)
{
    (void)state;
    onus_err err = {.msg = ""};
    double sigma = 7;
    assert_int_equal(onus_rdp_sigma(1e-9, 1e-12, 1, 1000000, &sigma, &err), ONUS_BAD_INPUT);
    assert_true(sigma == 7);
    assert_non_null(strstr(err.msg, "no noise"));
    assert_true(onus_rdp_step(0, 0.1, 2) == INFINITY);
    assert_true(onus_rdp_step(1, 0, 2) == INFINITY);
    assert_true(onus_rdp_step(1, 0.1, 1) == INFINITY);
    assert_true(onus_rdp_step(NAN, 0.1, 2) == INFINITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(divergence_by_integration),
        cmocka_unit_test(epsilon_at_the_same_orders),
        cmocka_unit_test(epsilon_is_an_upper_bound),
        cmocka_unit_test(divergence_with_forty_digits),
        cmocka_unit_test(all_rows_is_the_gaussian_mechanism),
        cmocka_unit_test(more_noise_costs_less),
        cmocka_unit_test(noise_for_a_budget),
        cmocka_unit_test(impossible_budgets_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
