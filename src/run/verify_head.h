/* SPDX-License-Identifier: Apache-2.0
 * verify_head.h - the signed head of a run folder: what verify, witness, stamp and prove have
 * in common. */
#ifndef ONUS_RUN_VERIFY_HEAD_H
#define ONUS_RUN_VERIFY_HEAD_H
#include "base/event.h"
#include "proof/ledger.h"
#include "proof/note.h"

#define ONUS_NOTE_FILE  "ledger.note"
#define ONUS_TOKEN_FILE "ledger.note.tst" /* a time-stamp token over the note's signed text */

/* The note of a run whose ledger has its head, signed by the run's key.pub. */
typedef struct {
    char path[ONUS_PATH_MAX]; /* of the note */
    onus_key owner;
    onus_buf text;
    onus_note note; /* borrows from text */
} onus_signed_head;
/* Signature, number of lines, root, and that the origin is that of the run of run.begin:
 * ONUS_TAMPER where one does not hold. */
onus_status onus_signed_head_open(onus_signed_head *h, const char *run, const onus_log *log,
                                  const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
void onus_signed_head_close(onus_signed_head *h);
/* Witnesses' signatures under a note: each key's is checked, the owner's is none of them, and
 * one key counts once. A line (notes may be NULL), "PREFIX.witness.I.name" and ".time" for
 * each; "PREFIX.witnesses", "PREFIX.signatures.unchecked". */
typedef struct {
    const char *const *keys; /* paths */
    int64_t n;
} onus_witness_keys;
onus_status onus_witnesses_check(const onus_note *note, const char *what, const onus_key *owner,
                                 onus_witness_keys keys, const char *prefix, onus_buf *notes,
                                 onus_event_builder *facts, const onus_allocator *mem,
                                 onus_err *err) ONUS_CHECKED;
/* 2026-11-30T14:03:11Z */
void onus_utc_text(int64_t unix_s, char out[24]);
/* All that verify says of the head: owner, witnesses, extension lines, time stamp. */
onus_status onus_verify_head(const onus_verify_opts *o, const onus_log *log, onus_buf *notes,
                             onus_event_builder *facts, onus_err *err) ONUS_CHECKED;
#endif
