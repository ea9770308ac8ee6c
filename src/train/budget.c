/* SPDX-License-Identifier: Apache-2.0
 * budget.c - see budget.h. */
#include "train/budget.h"

#include <math.h>
#include <stdio.h>

#include "num/noise.h"

enum { OUTSIDE_MAX = 16, TEXT_MAX = 256 };
typedef struct {
    char text[OUTSIDE_MAX][TEXT_MAX];
    const char *list[OUTSIDE_MAX];
    int64_t n;
} outside;

static void say(outside *o, const char *text)
{
    snprintf(o->text[o->n], TEXT_MAX, "%s", text);
    o->list[o->n] = o->text[o->n];
    o->n++;
}

/* What the epsilon does not cover, as far as this run did it. */
static void list_outside(const onus_budget *b, outside *o)
{
    o->n = 0;
    if (b->n_fitted > 0) {
        snprintf(
            o->text[0], TEXT_MAX,
            "%lld statistics fitted on the training part (data.fitted): means, deviations, "
            "categories, fill-ins",
            (long long)b->n_fitted);
        o->list[o->n++] = o->text[0];
    }
    if (!b->stated)
        say(o, "the number of rows of the training part, which sets the sampling rate, the "
               "number of steps, noise and grid: tables that differ in a row differ in them "
               "(privacy.sampling_rate in the recipe would not)");
    else
        say(o,
            "the number of rows of the training part, which train.rows tells, and that it lies "
            "between half and twice of batch / rate; noise, grid and steps do not depend on "
            "it");
    if (b->windows)
        say(o,
            "the order of the text: a row is a window of data.context tokens, neighbours share "
            "a token, and a passage that is taken out of the file moves all later windows");
    say(o, "the counts of the data sheet and of data.split: rows, classes, groups of ten "
           "people and "
           "more, also where all of a group have one label");
    if (b->from)
        say(o,
            "weights taken from elsewhere (train.from), which may have seen the same people");
    if (b->balanced) say(o, "class weights balanced by the counts of labels");
    if (b->n_valid > 0)
        say(o, "the people of the validation part: losses and metrics by epoch are told");
    if (b->keeps_best) say(o, "the epoch that was kept, chosen by the validation part");
    if (b->may_stop) say(o, "the number of epochs, ended by the validation part");
    say(o, "the people of the test part: metrics, intervals and gaps, where they are told");
    say(o,
        "explanations, where the run makes them: the rows explained and the background rows");
    say(o, "further rows of the same person: the unit is one row");
    say(o, "kinds of columns, classes and groups, where the recipe leaves them to the table");
    say(o, "running times, which vary with the sizes of the samples");
    if (b->ran.delta * (double)b->n_train >= 1)
        say(o, "delta is not below 1 / rows: some person may be revealed whole");
}

const char *onus_sampling_text(bool stated)
{
    return stated ? "Poisson, each row with the probability that the recipe states"
                  : "Poisson, each row with probability batch / rows";
}

int64_t onus_public_rows(bool stated, double q, int64_t batch, int64_t rows)
{
    const double most = 2 * (double)batch / q; /* onus_noise_sample_most takes 2^36 */
    if (!stated) return rows;
    return most < 0x1p36 ? (int64_t)most : INT64_C(1) << 36;
}

int64_t onus_sample_most(double q, int64_t public_rows)
{
    return onus_noise_sample_most(q, public_rows, ONUS_SAMPLE_TAIL_LOG2);
}

int64_t onus_stated_steps(double q)
{
    const double n = ceil(1 / q);
    return q > 0 && n < 0x1p53 ? (int64_t)n : 1;
}

void onus_budget_announce(const onus_budget *b, onus_event_builder *e)
{
    onus_event_real(e, b->ran.sigma, "privacy.noise_multiplier");
    onus_event_real(e, b->ran.q, "privacy.sampling_rate");
    onus_event_text(e, b->stated ? "yes" : "no", "privacy.sampling_rate.stated");
    onus_event_int(e, b->ran.sample_most, "privacy.sample.most");
    onus_event_real(e, b->sensitivity, "privacy.sensitivity");
    onus_event_real(e, b->grid, "privacy.grid");
    onus_event_int(e, b->parameters, "privacy.parameters");
    onus_event_int(e, (int64_t)b->ran.draws, "privacy.noise.draws");
    onus_event_real(e, b->ran.cell, "privacy.noise.cell");
}

static const char by_losses[] =
    "privacy loss distributions of the Poisson-subsampled Gaussian, rows added and removed, "
    "every rounding counted (Zhu, Dong, Wang 2022; Doroshenko and others 2022), or the "
    "Gaussian "
    "mechanism with every row in every step where that is less (Balle, Wang 2018); less than "
    "by "
    "Renyi DP";
static const char by_orders[] =
    "Renyi DP of the Poisson-subsampled Gaussian (Mironov, Talwar, Zhang 2019) at orders 1.1 "
    "to "
    "32768; conversion of Canonne, Kamath, Steinke 2020; no more than by privacy loss "
    "distributions";

onus_status onus_budget_put(onus_budget *b, onus_event_builder *e, const onus_allocator *mem,
                            onus_err *err)
{
    outside o;
    const onus_status st = onus_account(&b->ran, mem, &b->spent, err);
    if (st != ONUS_OK) return st;
    const onus_spent_privacy *s = &b->spent;
    list_outside(b, &o);
    onus_event_real(e, s->epsilon, "privacy.epsilon");
    onus_event_real(e, b->ran.delta, "privacy.delta");
    onus_event_real(e, s->pld, "privacy.epsilon.pld");
    onus_event_real(e, s->rdp, "privacy.epsilon.rdp");
    onus_event_real(e, s->numerical, "privacy.epsilon.numerical");
    onus_event_real(e, s->order, "privacy.order");
    onus_event_text(e, s->order_is_last ? "yes" : "no", "privacy.order.last");
    onus_event_real(e, b->ran.sigma, "privacy.noise_multiplier");
    onus_event_real(e, b->ran.q, "privacy.sampling_rate");
    onus_event_int(e, b->ran.steps, "privacy.steps");
    onus_event_real(e, b->clip, "privacy.clip");
    onus_event_text(e, "Poisson", "privacy.sampling");
    onus_event_int(e, b->batch, "privacy.normaliser");
    onus_event_text(e, "one row added or removed", "privacy.unit");
    onus_event_text(e, s->pld < s->rdp ? by_losses : by_orders, "privacy.accountant");
    onus_event_texts(e, o.list, o.n, "privacy.outside");
    return ONUS_OK;
}
