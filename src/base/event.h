/* SPDX-License-Identifier: Apache-2.0
 * event.h - building events. Fields are copied into the builder's arena; the first failure
 * sticks and onus_event_emit returns it. Names may be printf-formatted because most are
 * dotted names made of the user's words: escape those with onus_name_part first. */
#ifndef ONUS_BASE_EVENT_H
#define ONUS_BASE_EVENT_H
#include "base/mem.h"
typedef struct {
    onus_arena arena;
    const char *type;
    onus_field *fields;
    int64_t n, cap;
    const char *within; /* what every name begins with: "label.toxic."; NULL: nothing */
    bool observed;      /* what the next fields are: onus_event_observed switches */
    onus_status st;
} onus_event_builder;
void onus_event_init(onus_event_builder *b, const onus_allocator *mem);
/* Every name of the events that follow begins with `prefix` (kept, not copied; NULL: nothing).
 */
void onus_event_within(onus_event_builder *b, const char *prefix);
void onus_event_release(onus_event_builder *b);
/* forgets earlier fields; claim fields follow */
void onus_event_begin(onus_event_builder *b, const char *type);
/* which body the next fields belong to */
void onus_event_observed(onus_event_builder *b, bool observed);
void onus_event_int(onus_event_builder *b, int64_t v, const char *name_fmt, ...)
    ONUS_PRINTF(3, 4);
void onus_event_real(onus_event_builder *b, double v, const char *name_fmt, ...)
    ONUS_PRINTF(3, 4); /* NaN, inf: undefined */
void onus_event_text(onus_event_builder *b, const char *v, const char *name_fmt, ...)
    ONUS_PRINTF(3, 4);
void onus_event_sha256(onus_event_builder *b, const uint8_t v[32], const char *name_fmt, ...)
    ONUS_PRINTF(3, 4);
void onus_event_undefined(onus_event_builder *b, const char *name_fmt, ...) ONUS_PRINTF(2, 3);
void onus_event_reals(onus_event_builder *b, const double *v, int64_t n, const char *name_fmt,
                      ...) ONUS_PRINTF(4, 5);
void onus_event_texts(onus_event_builder *b, const char *const *v, int64_t n,
                      const char *name_fmt, ...) ONUS_PRINTF(4, 5);
/* Hands the event to the sink (a sink without emit swallows it). */
onus_status onus_event_emit(onus_event_builder *b, const onus_sink *sink,
                            onus_err *err) ONUS_CHECKED;
/* NULL, undefined, a text or a list: NAN. */
double onus_field_number(const onus_field *f);
/* "undefined", as a field or as a line of a ledger has it, or a number that is none. */
bool onus_field_is_undefined(const onus_field *f);
/* A part of a dotted name made of the user's word: '.' '+' '%' and characters that steer
 * (onus_steers) become %2E, %2B, %25, %XX. */
onus_status onus_name_part(char *out, size_t size, const char *word,
                           onus_err *err) ONUS_CHECKED;
#endif
