/* SPDX-License-Identifier: Apache-2.0
 * closed_privacy.c - the accountant again: the noise that a target asks for, and the epsilon
 * that noise, sampling rate and steps give. */
#include <math.h>

#include "base/fail.h"
#include "num/vec.h"
#include "proof/closed_parts.h"
#include "train/accountant.h"
#include "train/budget.h"

/* The accountant's integrals take 1 / sigma^2 steps: below this, where an epsilon is in the
 * hundreds a step, a bound stands for them. */
static const double sigma_least = 0.05;

static onus_status check_noise(const onus_closed *c, onus_err *err)
{
    const double batch = onus_closed_fact(c, "train.batch"),
                 rows = onus_closed_fact(c, "train.rows"),
                 steps = onus_closed_fact(c, "train.planned_steps"),
                 delta = onus_closed_number(c, "privacy.target.delta"),
                 epsilon = onus_closed_number(c, "privacy.target.epsilon");
    onus_status st =
        onus_closed_expect(c, "privacy.sampling_rate", batch / rows, "batch / rows", err);
    if (st != ONUS_OK || isnan(epsilon)) return st;
    double sigma = NAN;
    if (!(epsilon > 0 && delta > 0 && delta < 1))
        return onus_fail(err, ONUS_TAMPER, "no noise keeps such a target");
    st = onus_rdp_sigma(epsilon, delta, batch / rows, (int64_t)steps, &sigma, NULL);
    if (st != ONUS_OK)
        return onus_fail(err, ONUS_TAMPER, "no noise keeps an epsilon of %.17g", epsilon);
    return onus_closed_expect(c, "privacy.noise_multiplier", sigma,
                              "what the accountant finds for the target", err);
}

/* With little noise: A is at least q^alpha e^(alpha (alpha - 1) / (2 sigma^2)), its largest
 * part, so epsilon is at least the smallest of these over the orders 1.1 to 63. */
static double least_epsilon(const onus_budget *b)
{
    double least = INFINITY;
    for (int i = 11; i <= 630; i++) {
        const double a = i / 10.0;
        const double rdp = a / (2 * b->sigma * b->sigma) + a / (a - 1) * onus_log64(b->q);
        const double e = (double)b->steps * rdp + onus_log1p_64(-1 / a) -
                         (onus_log64(b->delta) + onus_log64(a)) / (a - 1);
        least = e < least ? e : least;
    }
    return least < 0 ? 0 : least;
}

static bool kept_says(const onus_closed *c, const char *name, char first)
{
    const onus_field *f = onus_facts_find(c->given->kept, name);
    return f && f->kind == ONUS_FIELD_TEXT && f->text[0] == first;
}

static onus_budget what_ran(const onus_closed *c)
{
    const onus_field *fitted = onus_facts_find(c->given->kept, "data.fitted");
    const double patience = onus_closed_fact(c, "train.patience"),
                 steps =
                     onus_closed_fact(c, patience > 0 ? "train.planned_steps" : "train.steps");
    return (onus_budget){.sigma = onus_closed_fact(c, "privacy.noise_multiplier"),
                         .q = onus_closed_fact(c, "privacy.sampling_rate"),
                         .delta = onus_closed_fact(c, "privacy.target.delta"),
                         .clip = onus_closed_number(c, "privacy.clip"),
                         .steps = (int64_t)steps,
                         .batch = (int64_t)onus_closed_fact(c, "train.batch"),
                         .n_fitted = fitted ? fitted->i : 0,
                         .n_train = (int64_t)onus_closed_fact(c, "train.rows"),
                         .n_valid = (int64_t)onus_closed_fact(c, "train.valid_rows"),
                         .balanced = kept_says(c, "train.class_weights", 'b'),
                         .keeps_best = kept_says(c, "train.keep", 'b'),
                         .may_stop = patience > 0,
                         .from = c->given->scope->is & ONUS_IF_FROM};
}

static onus_status check_budget(const onus_closed *c, onus_err *err)
{
    onus_budget b = what_ran(c);
    onus_status st =
        onus_closed_expect(c, "privacy.noise_multiplier", b.sigma, "what was announced", err);
    if (st != ONUS_OK) return st;
    if (b.sigma < sigma_least) {
        const double least = least_epsilon(&b);
        return onus_closed_within(c, "privacy.epsilon", least, INFINITY, 1e-9 * least,
                                  "so little noise gives no less", err);
    }
    onus_event_builder e;
    onus_closed_begin(c, &e);
    onus_budget_put(&b, &e);
    st = onus_closed_same(c, &e, ONUS_SAME_ALL, "what the accountant finds for what ran", err);
    onus_event_release(&e);
    if (st != ONUS_OK) return st;
    const double target = onus_closed_fact(c, "privacy.target.epsilon");
    return onus_closed_within(c, "privacy.epsilon", 0, isnan(target) ? INFINITY : target, 0,
                              "the target", err);
}

onus_status onus_closed_privacy(const onus_closed *c, onus_err *err)
{
    return c->e->type[8] == 'n' ? check_noise(c, err) : check_budget(c, err);
}
