/* SPDX-License-Identifier: Apache-2.0
 * closed_privacy.c - the accountant again: the noise that a target asks for, and the epsilon
 * that the mechanism gives which the ledger says ran. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "num/noise.h"
#include "proof/closed_parts.h"
#include "train/budget.h"

/* What privacy.noise tells: of this event, or (onus_closed_fact) of one before. */
static onus_mechanism announced(const onus_closed *c,
                                double (*number)(const onus_closed *c, const char *fmt, ...))
{
    onus_mechanism m = {.sigma = number(c, "privacy.noise_multiplier"),
                        .q = number(c, "privacy.sampling_rate"),
                        .delta = number(c, "privacy.target.delta"),
                        .steps = (int64_t)onus_closed_fact(c, "train.planned_steps"),
                        .draws = number(c, "privacy.noise.draws"),
                        .cell = number(c, "privacy.noise.cell"),
                        .rows = (int64_t)onus_closed_fact(c, "train.rows"),
                        .sample_most = (int64_t)number(c, "privacy.sample.most")};
    const onus_field *sampling = onus_facts_find(c->given->kept, "train.sampling");
    m.rows = onus_public_rows(sampling && strcmp(sampling->text, onus_sampling_text(true)) == 0,
                              m.q, (int64_t)onus_closed_fact(c, "train.batch"), m.rows);
    m.log2_sample_tail = onus_sample_log2_tail(m.rows, m.q, m.sample_most);
    return m;
}

/* q is batch / rows, or the recipe's; then the steps of an epoch are 1 / q. */
static onus_status check_rate(const onus_closed *c, onus_err *err)
{
    const bool stated = onus_closed_says(c, "privacy.sampling_rate.stated", "yes");
    const onus_field *sampling = onus_facts_find(c->given->kept, "train.sampling");
    if (!sampling || strcmp(sampling->text, onus_sampling_text(stated)) != 0)
        return onus_fail(err, ONUS_TAMPER,
                         "'privacy.sampling_rate.stated' is not what "
                         "train.sampling says");
    const double q = onus_closed_number(c, "privacy.sampling_rate");
    if (!stated)
        return onus_closed_expect(c, "privacy.sampling_rate",
                                  onus_closed_fact(c, "train.batch") /
                                      onus_closed_fact(c, "train.rows"),
                                  "batch / rows", err);
    if (!(q > 0) ||
        onus_closed_fact(c, "train.steps_per_epoch") != (double)onus_stated_steps(q))
        return onus_fail(
            err, ONUS_TAMPER,
            "'privacy.sampling_rate' is %.17g: an epoch has another number of steps", q);
    return ONUS_OK;
}

/* Numbers of the net: no more is trained than there is, all of it where nothing is frozen. */
static onus_status check_sizes(const onus_closed *c, onus_err *err)
{
    int exponent;
    const double all = onus_closed_fact(c, "train.parameters"),
                 trained = onus_closed_number(c, "privacy.parameters"),
                 rows = onus_closed_fact(c, "train.rows"),
                 grid = onus_closed_number(c, "privacy.grid");
    const bool frozen = c->given->scope->is & ONUS_IF_FROZEN;
    onus_status st = ONUS_OK;
    ONUS_TRY(onus_closed_within(c, "privacy.parameters", frozen ? 1 : all, all, 0,
                                "the parameters of the net", err));
    ONUS_TRY(onus_closed_within(c, "privacy.noise.draws", trained, 16 * trained, 0,
                                "every trained parameter has a draw", err));
    const double q = onus_closed_number(c, "privacy.sampling_rate");
    if (!(q > 0 && q <= 1 && rows >= 1))
        return onus_fail(err, ONUS_TAMPER, "'privacy.sampling_rate' is no rate");
    const int64_t public_rows =
        onus_public_rows(onus_closed_says(c, "privacy.sampling_rate.stated", "yes"), q,
                         (int64_t)onus_closed_fact(c, "train.batch"), (int64_t)rows);
    ONUS_TRY(onus_closed_expect(c, "privacy.sample.most",
                                (double)onus_sample_most(q, public_rows),
                                "what the rate leaves but for a chance of 2^-100", err));
    if (!(grid > 0) || frexp(grid, &exponent) != 0.5)
        return onus_fail(err, ONUS_TAMPER, "'privacy.grid' is no power of two");
    const double std = onus_closed_number(c, "privacy.noise_multiplier") *
                       onus_closed_number(c, "privacy.sensitivity"),
                 kappa =
                     onus_noise_cell_log_ratio(std, grid, onus_noise_dither_bits(std, grid));
    if (!(onus_closed_number(c, "privacy.noise.cell") >= kappa))
        return onus_fail(err, ONUS_TAMPER,
                         "'privacy.noise.cell' is below %.17g, what the grid leaves", kappa);
done:
    return st;
}

static onus_status check_noise(const onus_closed *c, onus_err *err)
{
    const onus_mechanism m = announced(c, onus_closed_number);
    const double epsilon = onus_closed_number(c, "privacy.target.epsilon");
    onus_status st = check_rate(c, err);
    if (st == ONUS_OK) st = check_sizes(c, err);
    if (st != ONUS_OK || isnan(epsilon)) return st;
    double sigma = NAN;
    if (!(epsilon > 0 && m.delta > 0 && m.delta < 1 && m.q > 0 && m.q <= 1))
        return onus_fail(err, ONUS_TAMPER, "no noise keeps such a target");
    st = onus_account_sigma(epsilon, &m, c->arena->mem, &sigma, err);
    if (st == ONUS_NO_MEM) return st;
    if (st != ONUS_OK)
        return onus_fail(err, ONUS_TAMPER, "no noise keeps an epsilon of %.17g", epsilon);
    return onus_closed_expect(c, "privacy.noise_multiplier", sigma,
                              "what the accountant finds for the target", err);
}

static bool kept_says(const onus_closed *c, const char *name, char first)
{
    const onus_field *f = onus_facts_find(c->given->kept, name);
    return f && f->kind == ONUS_FIELD_TEXT && f->text[0] == first;
}

static onus_budget what_ran(const onus_closed *c)
{
    const onus_field *fitted = onus_facts_find(c->given->kept, "data.fitted"),
                     *sampling = onus_facts_find(c->given->kept, "train.sampling");
    const double patience = onus_closed_fact(c, "train.patience");
    onus_budget b = {.ran = announced(c, onus_closed_fact),
                     .stated =
                         sampling && strcmp(sampling->text, onus_sampling_text(true)) == 0,
                     .clip = onus_closed_number(c, "privacy.clip"),
                     .sensitivity = onus_closed_fact(c, "privacy.sensitivity"),
                     .batch = (int64_t)onus_closed_fact(c, "train.batch"),
                     .n_fitted = fitted ? fitted->i : 0,
                     .n_train = (int64_t)onus_closed_fact(c, "train.rows"),
                     .n_valid = (int64_t)onus_closed_fact(c, "train.valid_rows"),
                     .balanced = kept_says(c, "train.class_weights", 'b'),
                     .keeps_best = kept_says(c, "train.keep", 'b'),
                     .may_stop = patience > 0,
                     .from = c->given->scope->is & ONUS_IF_FROM,
                     .windows = c->given->scope->is & ONUS_IF_LONG_TEXT};
    if (!(patience > 0)) b.ran.steps = (int64_t)onus_closed_fact(c, "train.steps");
    return b;
}

static onus_status check_budget(const onus_closed *c, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_budget b = what_ran(c);
    onus_event_builder e;
    onus_closed_begin(c, &e);
    ONUS_TRY(onus_closed_expect(c, "privacy.noise_multiplier", b.ran.sigma,
                                "what was announced", err));
    const double grid = onus_closed_fact(c, "privacy.grid"),
                 clip = onus_closed_number(c, "privacy.clip");
    ONUS_TRY(onus_closed_within(c, "privacy.clip", 0, b.sensitivity - 0.5 * grid, 0,
                                "a row may move the sum by that, and rounding by more", err));
    if (!(grid >= 0x1p-39 * clip * (double)b.ran.sample_most &&
          grid >= 0x1p-45 * clip * b.ran.sigma && grid <= clip && b.sensitivity <= 2 * clip))
        st = onus_fail(err, ONUS_TAMPER,
                       "'privacy.clip': such sums and noise have no room on the grid");
    if (st != ONUS_OK) goto done;
    st = onus_budget_put(&b, &e, c->arena->mem, err);
    if (st == ONUS_BAD_INPUT || st == ONUS_BAD_ARG)
        st = onus_fail(err, ONUS_TAMPER, "no epsilon is proven of what ran");
    if (st != ONUS_OK) goto done;
    ONUS_TRY(
        onus_closed_same(c, &e, ONUS_SAME_ALL, "what the accountant finds for what ran", err));
    const double target = onus_closed_fact(c, "privacy.target.epsilon");
    ONUS_TRY(onus_closed_within(c, "privacy.epsilon", 0, isnan(target) ? INFINITY : target, 0,
                                "the target", err));
done:
    onus_event_release(&e);
    return st;
}

onus_status onus_closed_privacy(const onus_closed *c, onus_err *err)
{
    return c->e->type[8] == 'n' ? check_noise(c, err) : check_budget(c, err);
}
