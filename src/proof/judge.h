/* SPDX-License-Identifier: Apache-2.0
 * judge.h - holds a ledger, event by event, to the registry of names: the sequence of events,
 * the names of each, their bodies, kinds and ranges, and what follows from other values by a
 * closed form. The writer is held by it as every reader is.
 *
 * A ledger of another version of the program is not judged: its registry is not this one. */
#ifndef ONUS_PROOF_JUDGE_H
#define ONUS_PROOF_JUDGE_H
#include "proof/ledger.h"
#include "proof/scope.h"

typedef struct onus_judge onus_judge;
onus_status onus_judge_create(onus_judge **out, const onus_allocator *mem,
                              onus_err *err) ONUS_CHECKED;
void onus_judge_destroy(onus_judge *j);
/* The next event. ONUS_TAMPER names number, type and what is wrong. */
onus_status onus_judge_event(onus_judge *j, const onus_event *e, onus_err *err) ONUS_CHECKED;
/* Was the last event that of a ledger's end? ONUS_TAMPER says what is missing. */
onus_status onus_judge_end(const onus_judge *j, onus_err *err) ONUS_CHECKED;
/* "0.1.0" where event 1 names another version than this program's; else NULL. Nothing else of
 * such a ledger is looked at. */
const char *onus_judge_foreign(const onus_judge *j);
const onus_scope *onus_judge_scope(const onus_judge *j);
/* The row of the event judged last. */
const onus_event_row *onus_judge_row(const onus_judge *j);

/* A ledger read from a file and judged as far as it goes: for everybody who shows what stands
 * in it. */
onus_status onus_log_read_judged(onus_log **out, const char *path, const onus_allocator *mem,
                                 onus_err *err) ONUS_CHECKED;
/* The first n events of a ledger; whole: they must end it. ONUS_UNPROVEN where another version
 * made it. */
onus_status onus_judge_log(const onus_log *log, int64_t n, bool whole,
                           const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
#endif
