/* SPDX-License-Identifier: Apache-2.0
 * entry_event.h - a line of a ledger as the event that it was. */
#ifndef ONUS_PROOF_ENTRY_EVENT_H
#define ONUS_PROOF_ENTRY_EVENT_H
#include "base/mem.h"
#include "proof/ledger.h"

/* Fields of the claim, then the observed ones; texts borrow from the entry, the rest lives in
 * the arena. ONUS_TAMPER where a value is none that an event can have (true, an object, a list
 * of both numbers and texts). */
onus_status onus_entry_event(const onus_entry *entry, onus_arena *arena, onus_event *out,
                             onus_err *err) ONUS_CHECKED;
#endif
