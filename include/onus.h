/* SPDX-License-Identifier: Apache-2.0
 * onus.h - the public interface of libonus, in the order in which a model lives:
 * ground (status, memory, events, facts), then recipe and run, model, evaluation, proof.
 *
 * Whatever the program `onus` does, a C or C++ program can do through this header alone.
 * Conventions: everything that can fail returns onus_status; results come through
 * out-arguments, written only on success; err is last and may be NULL; every destroy
 * accepts NULL. Strings are UTF-8. No function prints, exits, or listens.
 */
#ifndef ONUS_H
#define ONUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ONUS_VERSION "0.1.0"
#define ONUS_NUMERICS_VERSION 1 /* the numerics contract, docs/NUMERICS.md */

#if defined(__GNUC__)
#define ONUS_CHECKED __attribute__((warn_unused_result))
#define ONUS_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define ONUS_CHECKED
#define ONUS_PRINTF(f, a)
#endif

/* ---- status and error ------------------------------------------------------------ */

#define ONUS_STATUS_MAP(X)                                                              \
    X(OK, 0, "success")                                                                 \
    X(BAD_ARG, -1, "argument out of range")                                             \
    X(NO_MEM, -2, "allocation failed")                                                  \
    X(IO, -3, "file or device failed")                                                  \
    X(TAMPER, -4, "evidence does not match its hashes")                                 \
    X(BAD_INPUT, -5, "malformed recipe, table, model or ledger")                        \
    X(REFUSED, -6, "an operation's table row refuses what was asked")                   \
    X(DIVERGED, -7, "loss is not finite")                                               \
    X(MISMATCH, -8, "recomputed evidence differs")                                      \
    X(STOPPED, -9, "stopped by the caller")                                             \
    X(POLICY, -10, "policy not met")                                                    \
    X(UNPROVEN, -11, "evidence that would prove it is missing")

typedef enum {
#define X(name, code, text) ONUS_##name = (code),
    ONUS_STATUS_MAP(X)
#undef X
} onus_status;

/* One factual line naming file, line, column, value and what was expected; the hint, if
 * any, says what to do about it. */
typedef struct {
    onus_status code;
    char msg[1024];
    char hint[256];
} onus_err;

/* The text of a status; never NULL. */
const char *onus_status_text(onus_status st);

/* ---- memory ---------------------------------------------------------------------- */

/* The caller's allocator. resize(ctx, NULL, n) allocates n bytes aligned as malloc does;
 * resize(ctx, p, n) grows or shrinks; resize(ctx, p, 0) frees and returns NULL. It may be
 * called from several threads. NULL stands for the C library's. */
typedef struct {
    void *(*resize)(void *ctx, void *ptr, size_t size);
    void *ctx;
} onus_allocator;

/* ---- events ---------------------------------------------------------------------- */

typedef enum {
    ONUS_FIELD_INT,       /* i; |i| <= 2^53 */
    ONUS_FIELD_REAL,      /* r; a value that is not finite becomes UNDEFINED */
    ONUS_FIELD_TEXT,      /* text */
    ONUS_FIELD_UNDEFINED, /* written "undefined" */
    ONUS_FIELD_REALS,     /* reals[n]; entries that are not finite are written null */
    ONUS_FIELD_TEXTS      /* texts[n] */
} onus_field_kind;

/* One named value of an event. Names are dotted ("accuracy.lower") and mean the same in
 * events, facts, policies and --json. */
typedef struct {
    const char *name;
    onus_field_kind kind;
    bool observed; /* false: claim (a replay must find it again); true: observed here */
    int64_t i;
    double r;
    const char *text;
    const double *reals;
    const char *const *texts;
    int64_t n;
} onus_field;

typedef struct {
    const char *type; /* "train.epoch", "metric", ... */
    const onus_field *fields;
    int64_t n_fields;
} onus_event;

/* Where events go. A status that is not ONUS_OK stops whatever emitted the event. emit is
 * called from the thread that called the library, never from a worker. */
typedef struct {
    onus_status (*emit)(void *ctx, const onus_event *event, onus_err *err);
    void *ctx;
} onus_sink;

/* ---- facts: results by dotted name ------------------------------------------------ */

/* A flat list from dotted names ("fairness.sex.group.female.tpr") to values. */
typedef struct onus_facts onus_facts;

void onus_facts_destroy(onus_facts *f);
int64_t onus_facts_count(const onus_facts *f);
/* Entry i, 0 <= i < count; the pointer lives as long as f and nothing is added. */
const onus_field *onus_facts_at(const onus_facts *f, int64_t i);
/* The entry of that name, or NULL. */
const onus_field *onus_facts_find(const onus_facts *f, const char *name);

/* What a progress bar shows. Given on the caller's thread at most five times a second and at the end of every epoch. */
typedef struct {
    int64_t epoch, epochs, step, steps;
    double loss;                     /* running mean of the epoch; NAN in private runs */
    double valid_loss, valid_metric; /* NAN until known; the metric is accuracy, or RMSE */
    double rows_per_s, left_s;
    double joules;                   /* so far; NAN where the caller of training has no meter */
    bool epoch_end;
} onus_progress;

#ifdef __cplusplus
}
#endif
#endif
