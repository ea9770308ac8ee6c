/* SPDX-License-Identifier: Apache-2.0
 * budget.c - see budget.h. */
#include "train/budget.h"

#include <stdio.h>

#include "train/accountant.h"
#include "train/rdp.h"

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
    say(o, "the number of rows of the training part, which sets the sampling rate");
    say(o, "the counts and hashes of the data sheet and of data.split");
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
    say(o, "rounding: the theorem is about real numbers, sums and noise are binary32");
    say(o, "running times, which vary with the sizes of the samples");
    if (b->delta * (double)b->n_train >= 1)
        say(o, "delta is not below 1 / rows: some person may be revealed whole");
}

void onus_budget_put(onus_budget *b, onus_event_builder *e)
{
    outside o;
    b->epsilon = onus_rdp_epsilon(b->sigma, b->q, b->steps, b->delta, &b->order);
    list_outside(b, &o);
    onus_event_real(e, b->epsilon, "privacy.epsilon");
    onus_event_real(e, b->delta, "privacy.delta");
    onus_event_real(e, b->order, "privacy.order");
    onus_event_real(e, b->sigma, "privacy.noise_multiplier");
    onus_event_real(e, b->q, "privacy.sampling_rate");
    onus_event_int(e, b->steps, "privacy.steps");
    onus_event_real(e, b->clip, "privacy.clip");
    onus_event_text(e, "Poisson", "privacy.sampling");
    onus_event_int(e, b->batch, "privacy.normaliser");
    onus_event_text(e, "one row added or removed", "privacy.unit");
    onus_event_text(e,
                    "Renyi DP of the Poisson-subsampled Gaussian (Mironov, Talwar, Zhang 2019) "
                    "at orders 1.1 to 63; conversion of Canonne, Kamath, Steinke 2020",
                    "privacy.accountant");
    onus_event_texts(e, o.list, o.n, "privacy.outside");
}
