/* SPDX-License-Identifier: Apache-2.0
 * budget.h - the event privacy.budget: what a private run spent, read by the accountant, and
 * what the guarantee does not cover. */
#ifndef ONUS_TRAIN_BUDGET_H
#define ONUS_TRAIN_BUDGET_H
#include "base/event.h"

typedef struct {
    double sigma, q, delta, clip; /* what ran */
    int64_t steps, batch;
    int64_t n_fitted, n_train, n_valid;  /* statistics fitted on people; rows */
    bool balanced, keeps_best, may_stop; /* class weights; by the validation part */
    bool from;                           /* weights of another training */
    double epsilon, order;               /* out */
} onus_budget;

/* All fields of the event, which the caller began. */
void onus_budget_put(onus_budget *b, onus_event_builder *e);
#endif
