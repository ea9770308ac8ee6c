/* SPDX-License-Identifier: Apache-2.0
 * Goal: an epsilon that is true. Method: values of the Renyi divergence by numerical
 * integration and of epsilon at the same orders by independent code (both computed outside this
 * tree, all printed digits hold); the divergence by quadrature with forty digits; the classical
 * Gaussian mechanism where every row is taken; one step's delta in closed form; dp_accounting's
 * bounds from above and below at many settings (epsilons.h); and the theorem about what is
 * computed, by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after setjmp.h */
#include <cmocka.h>

#include "epsilons.h"
#include "failing_mem.h"
#include "num/vec.h"
#include "train/accountant.h"
#include "train/pld.h"
#include "train/rdp.h"
#include "train/tilted.h"

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

/* Orders that reach: sigma 3.736 is enough by the same theorem at orders 128 to 4096
 * (dp_accounting 0.6.0), where orders up to 63 find none. */
static void small_budgets_want_large_orders(void **state)
{
    (void)state;
    double sigma = 0, order = 0;
    assert_int_equal(onus_rdp_sigma(0.1, 1e-5, 0.01, 100, &sigma, NULL), ONUS_OK);
    assert_true(sigma > 3.73 && sigma < 3.737);
    (void)onus_rdp_epsilon(sigma, 0.01, 100, 1e-5, &order);
    assert_true(order >= 96 && !onus_rdp_order_is_last(order));
    (void)onus_rdp_epsilon(1e6, 0.01, 1, 1e-9, &order);
    assert_true(onus_rdp_order_is_last(order));
}

/* ---- privacy loss distributions ---------------------------------------------------------- */

static double by_losses(double sigma, double q, int64_t T, double delta)
{
    double order, epsilon = -1;
    (void)onus_rdp_epsilon(sigma, q, T, delta, &order);
    assert_int_equal(onus_pld_epsilon(sigma, q, T, delta, order, NULL, &epsilon, NULL),
                     ONUS_OK);
    return epsilon;
}

/* At most a thousandth above dp_accounting's upper bound at interval 1e-4. */
static void losses_of_published_settings(void **state)
{
    (void)state;
    static const struct {
        double sigma, q, delta;
        int T;
        double upper;
    } list[] = {{1.5, 0.04, 1e-5, 2250, 6.768787},
                {1.0, 0.001, 1e-7, 30000, 1.098199},
                {1.0, 0.01, 1e-5, 1000, 1.828244}};
    for (int i = 0; i < 3; i++) {
        const double e = by_losses(list[i].sigma, list[i].q, list[i].T, list[i].delta);
        assert_true(e > 0.999 * list[i].upper && e < 1.001 * list[i].upper);
        assert_true(e <
                    onus_rdp_epsilon(list[i].sigma, list[i].q, list[i].T, list[i].delta, NULL));
    }
}

/* Never below the peer's lower bound, a hundredth above its upper one at most; where its lower
 * bound lies above its upper one (it loses itself in rounding) neither says anything. */
static void losses_between_a_peers_bounds(void **state)
{
    (void)state;
    size_t n = 0, step = getenv("ONUS_SLOW") ? 1 : 5,
           all = sizeof peer_epsilons / sizeof *peer_epsilons;
    for (size_t i = 0; i < all; i += step) {
        const peer_epsilon *p = &peer_epsilons[i];
        if (p->lower > p->upper) continue;
        const double e = by_losses(p->sigma, p->q, p->steps, p->delta);
        if (e < p->lower || e > 1.01 * p->upper + 1e-9)
            fail_msg("sigma %g q %g steps %lld delta %g: %.9g is not from %.9g to %.9g",
                     p->sigma, p->q, (long long)p->steps, p->delta, e, p->lower, p->upper);
        n++;
    }
    assert_true(n + 3 > all / step);
}

/* delta of one step in closed form, by the normal distribution's: removing is P over Q, adding
 * Q over P; x where the loss is epsilon. */
static double one_step_delta(double sigma, double q, double epsilon)
{
    const double root_half = sqrt(0.5), s = sigma;
    const double x = 0.5 + s * s * log((exp(epsilon) - 1 + q) / q);
    const double above_0 = 0.5 * onus_erfc64(x / s * root_half),
                 above_1 = 0.5 * onus_erfc64((x - 1) / s * root_half);
    const double removes = (1 - q) * above_0 + q * above_1 - exp(epsilon) * above_0;
    if (exp(-epsilon) <= 1 - q) return removes;
    const double y = 0.5 + s * s * log((exp(-epsilon) - 1 + q) / q);
    const double below_0 = 0.5 * onus_erfc64(-y / s * root_half),
                 below_1 = 0.5 * onus_erfc64((1 - y) / s * root_half);
    const double adds = below_0 - exp(epsilon) * ((1 - q) * below_0 + q * below_1);
    return fmax(removes, adds);
}

static void one_step_in_closed_form(void **state)
{
    (void)state;
    static const double sigma[] = {0.3, 0.7, 1, 4, 30}, q[] = {1e-3, 0.05, 0.5, 0.999},
                        epsilon[] = {0.01, 0.3, 2, 6};
    int n = 0;
    for (int i = 0; i < 80; i++) {
        const double s = sigma[i % 5], rate = q[i / 5 % 4], asked = epsilon[i / 20];
        const double delta = one_step_delta(s, rate, asked);
        if (!(delta > 1e-14 && delta < 0.3)) continue;
        const double e = by_losses(s, rate, 1, delta);
        if (e < asked * (1 - 1e-9) || e > asked * 1.004 + 1e-4)
            fail_msg("sigma %g q %g delta %g: %.9g, expected %.9g", s, rate, delta, e, asked);
        n++;
    }
    assert_true(n > 30);
}

/* Values of Balle and Wang 2018; T steps are one whose noise is smaller by sqrt(T). The losses'
 * own way to it, at a rate of all but 1, comes out a little above. */
static void every_step_is_the_analytic_mechanism(void **state)
{
    (void)state;
    assert_true(fabs(onus_gaussian_delta(1, 1) - 0.126936737) < 1e-9);
    assert_digits(onus_gaussian_epsilon(1, 1e-5), 4.3771781, 8);
    assert_true(by_losses(10, 1, 100, 1e-5) == onus_gaussian_epsilon(1, 1e-5));
    assert_true(onus_gaussian_epsilon(1e-3, 0.5) == 0);
    for (double epsilon = 0.1; epsilon < 900; epsilon *= 3)
        for (double mu = 0.01; mu < 20; mu *= 3) {
            const double delta = onus_gaussian_delta(epsilon, mu);
            if (!(delta > 1e-280)) continue;
            const double e = onus_gaussian_epsilon(mu, delta);
            assert_true(fabs(e - epsilon) < 1e-6 * epsilon);
        }
}

/* The convolution and its bound: against plain sums in long double, of a distribution whose
 * circular power is easy. */
static void convolution_within_its_bound(void **state)
{
    (void)state;
    enum { N = 64 };
    double re[N], im[N], c[N / 2], s[N / 2];
    long double power[N] = {1}, next[N], p[N];
    for (int T = 1; T <= 40; T++) {
        long double sum = 0;
        for (int i = 0; i < N; i++) sum += p[i] = 1 / (1.0L + (i * 37 % 64) * (i * 37 % 64));
        for (int i = 0; i < N; i++) re[i] = (double)(p[i] / sum), p[i] = re[i];
        for (int i = 0; i < N; i++) next[i] = 0;
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) next[(i + j) % N] += power[i] * p[j];
        memcpy(power, next, sizeof power);
        const double bound = onus_convolve_power(re, im, c, s, N, T);
        long double off = 0;
        for (int i = 0; i < N; i++) off += (re[i] - power[i]) * (re[i] - power[i]);
        if (!(sqrtl(off) <= (long double)bound && bound < 1e-12))
            fail_msg("%d steps: off by %Lg, bound %g", T, sqrtl(off), bound);
    }
}

/* Many steps that hardly move: what one transform is off by counts a million times. Places have
 * the probabilities of Binomial(2^20, 2^-30), by their recurrence. */
static void errors_grow_with_the_steps(void **state)
{
    (void)state;
    enum { N = 64 };
    const int64_t T = 1 << 20;
    double re[N] = {1 - 0x1p-30, 0x1p-30}, im[N], c[N / 2], s[N / 2];
    const double bound = onus_convolve_power(re, im, c, s, N, T);
    long double p = expl((long double)T * log1pl(-0x1p-30L)), off = 0;
    for (int k = 0; k < N; k++) {
        off += (re[k] - p) * (re[k] - p);
        p *= (long double)(T - k) / (k + 1) * (0x1p-30L / (1 - 0x1p-30L));
    }
    if (!(sqrtl(off) <= (long double)bound && bound > 1e-12 && bound < 1e-7))
        fail_msg("off by %Lg, bound %g", sqrtl(off), bound);
}

/* One step's masses: all of it is there, and their mean of e^(theta loss) lies above the
 * integral, by little where the unit is small. */
static void masses_lie_above(void **state)
{
    (void)state;
    static double mass[1 << 15];
    for (int adds = 0; adds < 2; adds++)
        for (double unit = 0x1p-8; unit > 1e-4; unit /= 4) {
            const onus_loss l = {.sigma = 1, .q = 0.02, .adds = adds, .reach = 9};
            onus_losses d = {.mass = mass};
            assert_true(onus_losses_of(&l, unit, 40, 1 << 15, &d));
            double sum = d.infinite;
            for (int64_t i = 0; i < d.n; i++) sum += mass[i];
            assert_true(sum >= 1 && sum < 1 + 1e-9 && d.off > 0 && d.off < 1e-13);
            const double exact = onus_loss_tilt(&l, 3).log_mean,
                         found = onus_losses_log_mean(&d, 3);
            assert_true(found >= exact && found < exact + unit * 0.05 && exact > 0);
        }
}

static onus_status account_with(const onus_allocator *mem, void *ctx, onus_err *err)
{
    (void)ctx;
    double epsilon;
    return onus_pld_epsilon(1, 0.01, 10, 1e-5, 8, mem, &epsilon, err);
}

static void memory_may_end(void **state)
{
    (void)state;
    failing_mem_walk("losses", account_with, NULL);
}

/* ---- what is claimed --------------------------------------------------------------------- */

static const onus_mechanism ran = {.sigma = 1.2,
                                   .q = 0.02,
                                   .delta = 1e-6,
                                   .steps = 500,
                                   .draws = 1e8,
                                   .cell = 0x1p-37,
                                   .rows = 10000,
                                   .sample_most = 10000};

/* eta by the theorem's own words, delta0 from it; the claim is what the ideal mechanism has at
 * delta0, and 2 eta. */
static void computing_adds_by_the_theorem(void **state)
{
    (void)state;
    onus_spent_privacy s, ideal;
    onus_mechanism m = ran;
    assert_int_equal(onus_account(&m, NULL, &s, NULL), ONUS_OK);
    const double pairs = m.draws / 2 * 500, kappa = m.cell, epsilon = s.epsilon - s.numerical;
    const double eta = s.numerical / 2;
    /* what of delta1 the claim leaves room for */
    const double log_delta1 =
        -pow((eta - pairs * kappa * expm1(kappa)) / kappa, 2) / (2 * pairs);
    const double wrong = exp(log_delta1) + pairs * pow(2, -100);
    const double delta = exp(eta) * s.delta_ideal + (1 + exp(eta + epsilon)) * wrong;
    assert_true(delta <= m.delta && s.delta_ideal > 0.99 * m.delta);
    assert_true(s.numerical > 0 && s.numerical < 1e-4);
    m.draws = m.cell = 0;
    m.delta = s.delta_ideal;
    assert_int_equal(onus_account(&m, NULL, &ideal, NULL), ONUS_OK);
    assert_true(ideal.numerical == 0 && ideal.delta_ideal == m.delta);
    assert_true(s.rdp == ideal.rdp + s.numerical && s.pld == ideal.pld + s.numerical);
    assert_true(s.epsilon == fmin(s.rdp, s.pld) && s.pld < s.rdp);
    /* more draws, more cells' error, a sample that may overflow: all cost */
    m = ran, m.draws *= 100;
    assert_int_equal(onus_account(&m, NULL, &ideal, NULL), ONUS_OK);
    assert_true(ideal.numerical > 9 * s.numerical);
    m = ran, m.sample_most = 300, m.log2_sample_tail = -40;
    assert_int_equal(onus_account(&m, NULL, &ideal, NULL), ONUS_OK);
    assert_true(ideal.delta_ideal < s.delta_ideal && ideal.epsilon > s.epsilon);
}

static void delta_below_the_computed_is_refused(void **state)
{
    (void)state;
    onus_spent_privacy s;
    onus_err err = {.msg = ""};
    onus_mechanism m = ran;
    m.delta = 1e-30;
    assert_int_equal(onus_account(&m, NULL, &s, &err), ONUS_BAD_INPUT);
    const char *smallest = strstr(err.msg, "computed numbers; ");
    assert_non_null(smallest);
    m.delta = strtod(smallest + strlen("computed numbers; "), NULL);
    const double tau = m.draws / 2 * 500 * pow(2, -100);
    const double least =
        2 * (1 + exp(onus_rdp_epsilon(m.sigma, m.q, 500, m.delta / 2, NULL))) * tau;
    assert_true(m.delta > least && m.delta < 5 * least);
    assert_int_equal(onus_account(&m, NULL, &s, NULL), ONUS_OK);
    m.delta /= 4;
    assert_int_equal(onus_account(&m, NULL, &s, NULL), ONUS_BAD_INPUT);
    /* hardly any noise: the sampler's tail is what a neighbour's sum needs */
    m = ran, m.sigma = 0.02;
    assert_int_equal(onus_account(&m, NULL, &s, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "no epsilon"));
    m = ran;
    double sigma = 7;
    assert_int_equal(onus_account_sigma(300, &m, NULL, &sigma, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "ask for less"));
    m.delta = 1e-25;
    assert_int_equal(onus_account_sigma(3, &m, NULL, &sigma, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "can be"));
    m = ran, m.draws = 1e30;
    assert_int_equal(onus_account_sigma(3, &m, NULL, &sigma, NULL), ONUS_BAD_INPUT);
    assert_true(sigma == 7);
}

/* The noise that is found holds, and less of it does not. dp_accounting 0.6.0 finds 3.302 for
 * epsilon 0.1 at q 0.01, 100 steps, delta 1e-5. */
static void noise_for_a_claim(void **state)
{
    (void)state;
    static const double target[] = {0.05, 0.5, 8};
    double sigma = 0;
    onus_spent_privacy s;
    onus_mechanism m = {.q = 0.01, .delta = 1e-5, .steps = 100};
    assert_int_equal(onus_account_sigma(0.1, &m, NULL, &sigma, NULL), ONUS_OK);
    assert_true(sigma > 3.30 && sigma < 3.305);
    /* where Renyi's orders end before log(1 / delta) / epsilon, losses find it */
    m = (onus_mechanism){.q = 0.2, .delta = 1e-18, .steps = 20};
    assert_int_equal(onus_account_sigma(1e-3, &m, NULL, &sigma, NULL), ONUS_OK);
    assert_true(sigma > 500 && sigma < 1e4);
    m.q = 1;
    m.steps = 10000;
    onus_err err = {.msg = ""};
    assert_int_equal(onus_account_sigma(1e-3, &m, NULL, &sigma, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "no noise up to"));
    m = ran;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(onus_account_sigma(target[i], &m, NULL, &sigma, NULL), ONUS_OK);
        m.sigma = sigma;
        assert_int_equal(onus_account(&m, NULL, &s, NULL), ONUS_OK);
        assert_true(s.epsilon <= target[i] && s.epsilon > 0.997 * target[i]);
    }
}

/* Against sums of the binomial's terms in long double. */
static void large_samples_are_rare(void **state)
{
    (void)state;
    assert_true(onus_sample_log2_tail(100, 0.1, 100) == -INFINITY);
    assert_true(onus_sample_log2_tail(100, 0.1, 9) == 0);
    for (int most = 10; most < 100; most++) {
        long double term = powl(0.9L, 100), tail = 0;
        for (int k = 0; k <= 100; k++) {
            if (k > most) tail += term;
            term *= (100.0L - k) / (k + 1) * (0.1L / 0.9L);
        }
        const double bound = onus_sample_log2_tail(100, 0.1, most);
        assert_true(bound >= (double)log2l(tail) && bound <= 0.9 * (double)log2l(tail) + 3);
    }
}

static void impossible_budgets_are_refused(void **state)
{
    (void)state;
    onus_err err = {.msg = ""};
    double sigma = 7;
    onus_spent_privacy s;
    assert_int_equal(onus_rdp_sigma(1e-9, 1e-12, 1, 1000000, &sigma, &err), ONUS_BAD_INPUT);
    assert_true(sigma == 7);
    assert_non_null(strstr(err.msg, "no noise"));
    assert_true(onus_rdp_step(0, 0.1, 2) == INFINITY);
    assert_true(onus_rdp_step(1, 0, 2) == INFINITY);
    assert_true(onus_rdp_step(1, 0.1, 1) == INFINITY);
    assert_true(onus_rdp_step(NAN, 0.1, 2) == INFINITY);
    onus_mechanism m = ran;
    m.q = NAN;
    assert_int_equal(onus_account(&m, NULL, &s, &err), ONUS_BAD_ARG);
    m = ran, m.steps = 0;
    assert_int_equal(onus_account(&m, NULL, &s, NULL), ONUS_OK);
    assert_true(s.epsilon == 0);
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
        cmocka_unit_test(small_budgets_want_large_orders),
        cmocka_unit_test(losses_of_published_settings),
        cmocka_unit_test(losses_between_a_peers_bounds),
        cmocka_unit_test(one_step_in_closed_form),
        cmocka_unit_test(every_step_is_the_analytic_mechanism),
        cmocka_unit_test(convolution_within_its_bound),
        cmocka_unit_test(errors_grow_with_the_steps),
        cmocka_unit_test(masses_lie_above),
        cmocka_unit_test(memory_may_end),
        cmocka_unit_test(computing_adds_by_the_theorem),
        cmocka_unit_test(delta_below_the_computed_is_refused),
        cmocka_unit_test(noise_for_a_claim),
        cmocka_unit_test(large_samples_are_rare),
        cmocka_unit_test(impossible_budgets_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
