/* SPDX-License-Identifier: Apache-2.0
 * closed.h - what follows from other values of the ledger by a closed form. For judge.c. */
#ifndef ONUS_PROOF_CLOSED_H
#define ONUS_PROOF_CLOSED_H
#include "base/facts.h"
#include "proof/judge_names.h"

/* Epochs and checkpoints, in order: what the last ones were. */
typedef struct {
    bool begun, best;
    int64_t epochs, per_epoch, every, patience, epoch, step, checkpoint, best_epoch;
    double best_loss;
} onus_epochs;

/* Epochs are numbered without gaps and end where patience does, steps are those of so many
 * epochs, checkpoints stand where train.begin says, and train.end tells what there was. */
onus_status onus_closed_epochs(onus_epochs *x, const onus_event *e, onus_err *err) ONUS_CHECKED;
/* What one event tells in two ways. */
onus_status onus_closed_event(const onus_event *e, onus_err *err) ONUS_CHECKED;

/* Demands so far, by verdict. */
typedef struct {
    int64_t n, met_claims, met_observed;
    bool observed; /* some verdict was */
} onus_verdicts;
/* A verdict is what the demand says of the numbers before it; policy.result counts them. Of an
 * observed number, and of one that the owner only says, it is observed, or counted so. */
onus_status onus_closed_verdict(onus_verdicts *v, int64_t k, const onus_event *e,
                                const onus_facts *facts, onus_err *err) ONUS_CHECKED;

/* What an event is held to beside itself. */
typedef struct {
    const onus_scope *scope;
    const onus_occurrence *of;
    const onus_facts *facts; /* numbers of the events before */
    onus_facts *kept;        /* texts of them that later ones rest on */
    int64_t n;               /* events before */
    onus_arena *scratch;
} onus_closed_given;
/* What the ledger itself determines: the event is recomputed from the counts in it and from the
 * events before, by the functions that made it, as far as they allow. */
onus_status onus_closed_determined(const onus_closed_given *given, const onus_event *e,
                                   onus_err *err) ONUS_CHECKED;
#endif
