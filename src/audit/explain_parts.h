/* SPDX-License-Identifier: Apache-2.0
 * explain_parts.h - what the ways of explaining share; nobody else includes this. */
#ifndef ONUS_AUDIT_EXPLAIN_PARTS_H
#define ONUS_AUDIT_EXPLAIN_PARTS_H
#include "audit/explain.h"

/* An explanation's arrays while they are written. */
typedef struct {
    double *values, *std_error; /* (n_rows, n_columns) */
    double *score, *base;       /* (n_rows) */
} onus_explain_room;
/* Empties out, then gives it the rows and arrays of zeros. */
onus_status onus_explain_start(onus_explanation *out, const int64_t *rows, int64_t n_rows,
                               int64_t n_columns, onus_explain_room *room,
                               const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
/* Which of a row's n outputs is explained: the one that is wanted, or (below 0) the largest. */
int32_t onus_explain_output(const float *score, int64_t n, int64_t wanted);
/* How a way of explaining uses its threads: each has a worker, `bytes` of room for `row`, made
 * from zeros by `open`, which runs on ex alone. `close` adds what was counted to s and releases
 * it; it also comes where open failed. */
typedef struct {
    size_t bytes;
    onus_status (*open)(const void *s, const onus_exec *ex, void *worker, onus_arena *a,
                        onus_err *err);
    void (*row)(const void *s, void *worker, int64_t row);
    void (*close)(void *s, void *worker);
} onus_explain_way;
/* All rows, handed out one by one to the pool's threads; workers are closed in their order. */
onus_status onus_explain_rows(const onus_explain_way *way, void *s, const onus_exec *ex,
                              int64_t n_rows, const onus_allocator *mem,
                              onus_err *err) ONUS_CHECKED;
/* Means over rows with their standard errors, and the residual of additivity. */
void onus_explain_means(onus_explanation *e);
#endif
