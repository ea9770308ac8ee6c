/* SPDX-License-Identifier: Apache-2.0
 * measure.h - a measured number as the ledger holds it: value, interval, support, how the
 * interval was found, and why something is undefined. */
#ifndef ONUS_AUDIT_MEASURE_H
#define ONUS_AUDIT_MEASURE_H
#include "audit/interval.h"
#include "base/event.h"

typedef struct {
    double value;       /* NAN: undefined */
    onus_interval ci;   /* NAN: undefined */
    int64_t n;          /* rows that the value rests on */
    const char *method; /* of the interval */
    /* why value or bound is undefined, or what it leaves out; NULL: nothing */
    const char *reason;
} onus_measure;

/* A line of the ledger has 1 MiB (docs/EVIDENCE.md). Lists that grow with classes or groups are
 * left out, with the reason, where they would take more bytes than this. */
enum { ONUS_EVENT_ROOM = 500000 };

/* NAME, NAME.lower, NAME.upper, NAME.n, NAME.method (where there is an interval), NAME.reason
 * (where there is one). */
void onus_measure_put(onus_event_builder *b, const onus_measure *m, const char *name_fmt, ...)
    ONUS_PRINTF(3, 4);

/* A rate with Wilson's interval; `empty` says why it is undefined where s.n = 0. */
onus_measure onus_measure_rate(onus_share s, const char *empty);
#endif
