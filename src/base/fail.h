/* SPDX-License-Identifier: Apache-2.0
 * fail.h - how a function says what went wrong. */
#ifndef ONUS_BASE_FAIL_H
#define ONUS_BASE_FAIL_H
#include "onus.h"

/* Writes code and one line into err (which may be NULL) and returns code. */
onus_status onus_fail(onus_err *err, onus_status code, const char *fmt, ...) ONUS_PRINTF(3, 4);

/* Adds a hint to an error already written; returns err->code (code where err is NULL). */
onus_status onus_hint(onus_err *err, onus_status code, const char *fmt, ...) ONUS_PRINTF(3, 4);

/* The usual failure of an allocation: "WHAT: out of memory". */
onus_status onus_fail_mem(onus_err *err, const char *what);

/* Bytes of the character at text if it would steer a terminal instead of showing there: a
 * control character (C0, DEL, C1), a line or paragraph separator, or one that turns the
 * direction of what follows (U+202A to 202E, U+2066 to 2069); else 0. */
int onus_steers(const char *text);
/* Writes '?' over what steers: one line, whatever the user's words hold. */
void onus_tame(char *text);

#ifdef __clang_analyzer__
/* what fail.c promises: the code comes back, and it is no success */
#define onus_fail(err, code, ...) ((void)onus_fail(err, code, __VA_ARGS__), (code))
#define onus_fail_mem(err, what)  ((void)onus_fail_mem(err, what), ONUS_NO_MEM)
#endif

/* Leaves the function by its `done:` label when a call failed. */
#define ONUS_TRY(call)                \
    do {                              \
        st = (call);                  \
        if (st != ONUS_OK) goto done; \
    } while (0)
#endif
