/* SPDX-License-Identifier: Apache-2.0
 * closed.h - what follows from other values of the ledger by a closed form. For judge.c. */
#ifndef ONUS_PROOF_CLOSED_H
#define ONUS_PROOF_CLOSED_H
#include "proof/judge_names.h"

/* Epochs and checkpoints, in order: what the last ones were. */
typedef struct {
    bool begun, best;
    int64_t epochs, per_epoch, every, epoch, step, checkpoint, best_epoch;
    double best_loss;
} onus_epochs;

/* Epochs are numbered without gaps, steps are those of so many epochs, checkpoints stand where
 * train.begin says, and train.end tells what there was. */
onus_status onus_closed_epochs(onus_epochs *x, const onus_event *e, onus_err *err) ONUS_CHECKED;
/* Sums inside one event. */
onus_status onus_closed_event(const onus_scope *s, const onus_occurrence *of,
                              const onus_event *e, onus_err *err) ONUS_CHECKED;
#endif
