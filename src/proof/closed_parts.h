/* SPDX-License-Identifier: Apache-2.0
 * closed_parts.h - what recomputing an event shares: its numbers by name, those of the events
 * before, and comparison with an event that was built anew. For closed_*.c.
 *
 * What the same code computes from the same whole numbers is compared bit by bit. What is
 * recovered from rounded numbers is held to a tolerance, which the call says. */
#ifndef ONUS_PROOF_CLOSED_PARTS_H
#define ONUS_PROOF_CLOSED_PARTS_H
#include "audit/measure.h"
#include "base/facts.h"
#include "proof/closed.h"

typedef struct {
    const onus_closed_given *given;
    const onus_event *e;
    const onus_field **sorted; /* by name */
    const char *prefix;        /* "label.toxic."; "" */
    int64_t label;             /* which, 0 of the only one */
    bool earlier;              /* fields are not this event's but those that were remembered */
    onus_arena *arena;
} onus_closed;

onus_status onus_closed_init(onus_closed *c, const onus_closed_given *given,
                             const onus_event *e, onus_err *err) ONUS_CHECKED;

/* Of this event, the prefix added; NULL: absent. */
const onus_field *onus_closed_field(const onus_closed *c, const char *name_fmt, ...)
    ONUS_PRINTF(2, 3);
/* NAN: absent or undefined. */
double onus_closed_number(const onus_closed *c, const char *name_fmt, ...) ONUS_PRINTF(2, 3);
/* Of the events before, nothing added; NAN: absent or undefined. */
double onus_closed_fact(const onus_closed *c, const char *name_fmt, ...) ONUS_PRINTF(2, 3);
/* A word of names as the user wrote it: %2E is a dot again. In the arena; NULL: no memory. */
const char *onus_closed_plain(const onus_closed *c, const char *part);
bool onus_closed_says(const onus_closed *c, const char *name, const char *text);

/* NAN: it must be undefined, or absent. */
onus_status onus_closed_expect(const onus_closed *c, const char *name, double asked,
                               const char *why, onus_err *err) ONUS_CHECKED;
onus_status onus_closed_near(const onus_closed *c, const char *name, double asked, double off,
                             const char *why, onus_err *err) ONUS_CHECKED;
/* least <= value <= most, off beyond both; an undefined value passes. */
onus_status onus_closed_within(const onus_closed *c, const char *name, double least,
                               double most, double off, const char *why,
                               onus_err *err) ONUS_CHECKED;

/* Begins an event whose names have the prefix. */
void onus_closed_begin(const onus_closed *c, onus_event_builder *b);
/* Every field of b is in this event, with the same value. Beside: and what belongs to one of
 * them (.reason, .method, .lowest ...) is not there where b lacks it; all: and no other is. */
typedef enum { ONUS_SAME_FIELDS, ONUS_SAME_BESIDE, ONUS_SAME_ALL } onus_same;
onus_status onus_closed_same(const onus_closed *c, const onus_event_builder *b, onus_same how,
                             const char *why, onus_err *err) ONUS_CHECKED;

/* A mean of n values with Student's interval, cut at `least`; values lie in least..most. Value
 * and upper bound are believed, as far as they can be true; n, method, reason and lower bound
 * follow. (relative error 2^-50) */
onus_status onus_closed_mean(const onus_closed *c, const char *name, int64_t n, double least,
                             double most, onus_err *err) ONUS_CHECKED;
/* Bounds that lie alike far from the value on the logit scale, or where the value is no rate
 * between them. */
onus_status onus_closed_logit(const onus_closed *c, const char *name,
                              onus_err *err) ONUS_CHECKED;

/* How many statistics data.fitted tells of; listed: columns are. */
int64_t onus_closed_fitted(const onus_field *fitted, bool listed);

/* The parts, by event. */
onus_status onus_closed_data(const onus_closed *c, onus_err *err) ONUS_CHECKED;
onus_status onus_closed_privacy(const onus_closed *c, onus_err *err) ONUS_CHECKED;
onus_status onus_closed_quality(const onus_closed *c, onus_err *err) ONUS_CHECKED;
onus_status onus_closed_scores(const onus_closed *c, onus_err *err) ONUS_CHECKED;
onus_status onus_closed_values(const onus_closed *c, onus_err *err) ONUS_CHECKED;
onus_status onus_closed_tokens(const onus_closed *c, onus_err *err) ONUS_CHECKED;
onus_status onus_closed_fairness(const onus_closed *c, onus_err *err) ONUS_CHECKED;
onus_status onus_closed_energy(const onus_closed *c, onus_err *err) ONUS_CHECKED;
onus_status onus_closed_explain(const onus_closed *c, onus_err *err) ONUS_CHECKED;
#endif
