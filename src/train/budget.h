/* SPDX-License-Identifier: Apache-2.0
 * budget.h - what the events privacy.noise and privacy.budget say: the mechanism, announced
 * before the first step; what it spent, read by the accountant; and what the guarantee does not
 * cover. */
#ifndef ONUS_TRAIN_BUDGET_H
#define ONUS_TRAIN_BUDGET_H
#include "base/event.h"
#include "train/accountant.h"

typedef struct {
    onus_mechanism ran;
    bool stated;              /* the recipe states q; else it is batch / rows */
    double clip, sensitivity; /* C; what one row moves the computed sum by, at most */
    double grid;              /* g, a power of two: sums and noise are whole multiples of it */
    int64_t parameters;       /* trained ones */
    int64_t batch;
    int64_t n_fitted, n_train, n_valid;  /* statistics fitted on people; rows */
    bool balanced, keeps_best, may_stop; /* class weights; by the validation part */
    bool from;                           /* weights of another training */
    bool windows;                        /* rows are cut out of one long text */
    onus_spent_privacy spent;            /* out of onus_budget_put */
} onus_budget;

/* train.sampling of a private run. */
const char *onus_sampling_text(bool stated);
/* The most rows that a training part may have: where q is stated 2 batch / q, so that neither
 * the largest sample nor the grid depends on how many there are; else as many as there are. */
int64_t onus_public_rows(bool stated, double q, int64_t batch, int64_t rows);
/* Rows of the largest sample, and log2 of the chance that a sample is cut there. */
int64_t onus_sample_most(double q, int64_t public_rows);
enum { ONUS_SAMPLE_TAIL_LOG2 = -100 };
/* Steps of an epoch where q is stated: 1 / q, rounded up, which no row changes. */
int64_t onus_stated_steps(double q);
/* What privacy.noise says of the mechanism; the caller began the event and adds the key's
 * commitment and the targets. */
void onus_budget_announce(const onus_budget *b, onus_event_builder *e);
/* All fields of privacy.budget, which the caller began; errors are onus_account's. */
onus_status onus_budget_put(onus_budget *b, onus_event_builder *e, const onus_allocator *mem,
                            onus_err *err) ONUS_CHECKED;
#endif
