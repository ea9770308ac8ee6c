/* SPDX-License-Identifier: Apache-2.0
 * pool.h - worker threads with a fixed split.
 *
 * onus_pool_run calls fn(ctx, part, n_parts) once for every part, part 0 on the calling
 * thread, and returns when all are done. Parts are work, not threads: the calling thread takes
 * those that no worker has begun, and results must not depend on n_parts (numerics contract,
 * items 3 and 4); the tests run with 1, 2, 3.
 * Workers spin a short while for the next call (a training step makes a dozen), then
 * sleep. A worker checks MXCSR at its start. One caller at a time. */
#ifndef ONUS_BASE_POOL_H
#define ONUS_BASE_POOL_H
#include "onus.h"
typedef struct onus_pool onus_pool;
typedef void (*onus_pool_fn)(void *ctx, int part, int n_parts);
#define ONUS_THREADS_MAX 256
onus_status onus_pool_create(onus_pool **out, int n_threads, const onus_allocator *mem,
                             onus_err *err) ONUS_CHECKED;
void onus_pool_destroy(onus_pool *p);
int onus_pool_size(const onus_pool *p);                       /* NULL: 1 */
void onus_pool_run(onus_pool *p, onus_pool_fn fn, void *ctx); /* NULL pool: fn(ctx, 0, 1) */
/* Sends the workers to sleep at once (before something else needs the cores). */
void onus_pool_park(onus_pool *p);
/* Rows [begin, end) of part `part` when n is cut in n_parts of multiples of `grain`. */
void onus_split(int64_t n, int64_t grain, int part, int n_parts, int64_t *begin, int64_t *end);
/* The default number of threads: ONUS_THREADS if set and valid, else the processors this
 * process may use. An invalid ONUS_THREADS is an error that names it. */
onus_status onus_threads_default(int *out, onus_err *err) ONUS_CHECKED;
#endif
