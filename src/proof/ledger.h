/* SPDX-License-Identifier: Apache-2.0
 * ledger.h - the evidence chain: events as lines of canonical JSON (RFC 8785), each a leaf of
 * an RFC 6962 Merkle tree, the head signed as a C2SP tlog-checkpoint note.
 *
 * A line:
 * {"claim":{...},"n":17,"observed":{...},"time":"2026-11-22T14:03:11Z","type":"metric"}.
 * `claim` is what a replay must find again; `observed` (seconds, joules, machine) is not
 * compared. n counts from 1. Writer and checker are one thing, so that a resumed run and a
 * replay are the run itself in another mode:
 *
 * - WRITE appends every event;
 *
 * - RESUME compares events with the lines that are there, in their order, by type and claim,
 * and appends them when the lines end;
 *
 * - REPLAY is like RESUME, but nothing is ever written: an event past the end is a mismatch,
 * and so is one whose observed names are not those of its line.
 *
 * Every line has its place, also one that claims nothing: what a replay cannot make again
 * (joules, the report, the end) it expects. Only run.resume and run.stop stand anywhere. */
#ifndef ONUS_PROOF_LEDGER_H
#define ONUS_PROOF_LEDGER_H
#include "base/event.h"
#include "base/file.h"
#include "base/json.h"
#include "proof/merkle.h"

typedef enum { ONUS_LEDGER_WRITE, ONUS_LEDGER_RESUME, ONUS_LEDGER_REPLAY } onus_ledger_mode;
typedef struct onus_ledger onus_ledger;
/* WRITE: path must not exist. RESUME: a torn last line is cut off and *torn_bytes says how
 * much. Limits: 1 MiB a line, 1 GiB in all. */
onus_status onus_ledger_open(onus_ledger **out, const char *path, onus_ledger_mode mode,
                             int64_t *torn_bytes, const onus_allocator *mem,
                             onus_err *err) ONUS_CHECKED;
onus_status onus_ledger_close(onus_ledger *l, onus_err *err); /* fsync; NULL is fine */
onus_sink onus_ledger_sink(onus_ledger *l);
/* Every line that is appended passes this judge first (proof/judge.h), and so do those that are
 * there: what a reader would refuse is not written. It must outlive the ledger. */
struct onus_judge;
onus_status onus_ledger_hold(onus_ledger *l, struct onus_judge *judge,
                             onus_err *err) ONUS_CHECKED;
/* run.resume, run.stop: what happened to a run, not in it; legal between any two events. */
bool onus_event_between(const char *type);
/* RESUME, REPLAY: the next stored line is of that type, claims nothing and observed these
 * names, no others (ending with NULL; NULL: whatever). It is passed. */
onus_status onus_ledger_expect(onus_ledger *l, const char *type, const char *const *names,
                               onus_err *err) ONUS_CHECKED;
/* What the line that was just expected observed by that name. Takes NULL for the end of
 * memory. */
onus_status onus_ledger_require(onus_ledger *l, const char *name, const json_t *value,
                                onus_err *err) ONUS_CHECKED;
/* Something that this line speaks of is not what was found: a mismatch like one of a field. */
onus_status onus_ledger_differ(onus_ledger *l, const char *what, const json_t *stored,
                               const json_t *found, onus_err *err) ONUS_CHECKED;
/* REPLAY: nothing is left that a run says. ONUS_MISMATCH names the first event that is. */
onus_status onus_ledger_end(onus_ledger *l, onus_err *err) ONUS_CHECKED;
bool onus_ledger_at_end(onus_ledger *l);
/* Stored lines passed so far; and the next event is compared with the line after event n. */
int64_t onus_ledger_place(const onus_ledger *l);
void onus_ledger_seek(onus_ledger *l, int64_t n);
/* RESUME: the run.resume event waits until stored lines end; this writes it now, where they
 * have. For whoever speaks of the head in the next event. */
onus_status onus_ledger_settle(onus_ledger *l, onus_err *err) ONUS_CHECKED;
/* An ONUS_MISMATCH from the sink names event number, type, field, stored and recomputed value.
 * More than one mismatch: a REPLAY ledger may be told to go on and collect them. */
void onus_ledger_collect(onus_ledger *l, bool collect);
typedef struct {
    int64_t n;
    const char *type;
    const char *field;
    const char *stored, *found;
} onus_mismatch;
int64_t onus_ledger_mismatches(const onus_ledger *l, const onus_mismatch **list);
int64_t onus_ledger_count(const onus_ledger *l);               /* lines written or passed */
int64_t onus_ledger_compared(const onus_ledger *l);            /* claims compared */
void onus_ledger_root(const onus_ledger *l, uint8_t root[32]); /* of the lines so far */

/* A ledger read whole, for report, verify, diff, policy. It keeps the lines' bytes; an entry is
 * parsed when it is asked for. One thread at a time may ask.
 *
 * onus_log_at, _find and _type keep what they parse until the log is closed, some 2 KB an
 * entry: whoever goes over all entries asks for type_at, claims or next, which parse nothing,
 * takes entries one by one (onus_log_take), or has them shown (onus_log_visit). */
typedef struct {
    int64_t n;
    const char *time, *type;
    json_t *claim, *observed;
    const char *line;
    size_t line_len;
} onus_entry;
typedef struct onus_log onus_log;
/* The stored line that the last event was compared with, or that was expected; NULL: none. */
const onus_entry *onus_ledger_matched(const onus_ledger *l);
/* REPLAY: the first n lines made of what was recomputed, with the stored lines' observed values
 * and times; lines that no event was compared with are the stored ones. */
onus_status onus_ledger_again(const onus_ledger *l, int64_t n, onus_log **out,
                              onus_err *err) ONUS_CHECKED;
/* Checks form: canonical bytes, n ascending from 1, newline at the end. Errors name file, line
 * and what was expected. */
onus_status onus_log_read(onus_log **out, const char *path, const onus_allocator *mem,
                          onus_err *err) ONUS_CHECKED;
/* The same, showing each entry to visit while its line is checked, which spares parsing it
 * again: in order and one at a time, though from several threads; a status of it other than
 * ONUS_OK ends the reading. The lines after it have not been checked then. */
typedef onus_status (*onus_log_fn)(void *ctx, const onus_entry *e, onus_err *err);
onus_status onus_log_read_each(onus_log **out, const char *path, onus_log_fn visit, void *ctx,
                               const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
onus_status onus_log_parse(onus_log **out, const char *text, size_t len, const char *what,
                           const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
void onus_log_close(onus_log *log);
int64_t onus_log_count(const onus_log *log);
/* Entry i from 0, NULL beyond the end. Where memory ends, an entry without claim and observed
 * (NULL, which jansson's functions take), and onus_log_sound fails from then on. */
const onus_entry *onus_log_at(const onus_log *log, int64_t i);
/* ONUS_NO_MEM where an entry that was asked for could not be had: to be asked before what came
 * of them is believed. */
onus_status onus_log_sound(const onus_log *log, onus_err *err) ONUS_CHECKED;
/* The newest entry before `before` (count for all) that holds a scalar of that dotted name;
 * *value borrows. NULL: none. */
const onus_entry *onus_log_find(const onus_log *log, const char *name, int64_t before,
                                const json_t **value);
/* First entry of the type at or after `from`, or NULL. */
const onus_entry *onus_log_type(const onus_log *log, const char *type, int64_t from);
/* The type of entry i, NULL beyond the end; whether it claims anything; the first of the type
 * at or after `from`, -1 for none. */
const char *onus_log_type_at(const onus_log *log, int64_t i);
bool onus_log_claims(const onus_log *log, int64_t i);
int64_t onus_log_next(const onus_log *log, const char *type, int64_t from);
/* The bytes of line i, without its end; i must be in range. */
const char *onus_log_line(const onus_log *log, int64_t i, size_t *len);
/* Entry i, the caller's until he releases it. */
typedef struct {
    onus_entry entry;
    json_t *root;
} onus_taken;
onus_status onus_log_take(const onus_log *log, int64_t i, onus_taken *out,
                          onus_err *err) ONUS_CHECKED;
void onus_taken_release(onus_taken *t); /* a zeroed one is fine */
/* The first n entries in order, each for the time of the call; a status other than ONUS_OK ends
 * it. */
onus_status onus_log_visit(const onus_log *log, int64_t n, onus_log_fn visit, void *ctx,
                           onus_err *err) ONUS_CHECKED;
/* The tree of the first n lines; its root. */
void onus_log_tree(const onus_log *log, int64_t n, onus_merkle *out);
void onus_log_root(const onus_log *log, int64_t n, uint8_t root[32]);
/* Scalars of an entry's claim, or of what it observed, into facts. */
onus_status onus_entry_facts(const onus_entry *e, bool observed, onus_facts *facts,
                             onus_err *err) ONUS_CHECKED;
/* An onus_log_fn: the scalars of an entry into the onus_facts that is its context. */
onus_status onus_log_add_facts(void *facts, const onus_entry *e, onus_err *err) ONUS_CHECKED;
/* All scalars of the first n entries, as facts. */
onus_status onus_log_facts(const onus_log *log, int64_t n, onus_facts **out,
                           onus_err *err) ONUS_CHECKED;
#endif
