/* SPDX-License-Identifier: Apache-2.0
 * pool.c - workers that spin, then sleep.
 *
 * A training step of a small network makes a dozen short calls, microseconds apart: waking a
 * sleeping thread costs more than such a call takes. So a worker looks at the call's number for
 * SPIN_US before it sleeps, and the caller, who has work of its own, spins for the others' end.
 *
 * Machines are shared: a worker whose core is taken by another process may be away for
 * milliseconds, thousands of times a call. So a part belongs to whoever takes it first: its
 * worker, or the caller once its own part is done (with a busy process beside it, training on
 * two cores took up to five times as long as on one before; measured). Past its spin a waiter
 * yields. */
#include "base/pool.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/fp.h"
#include "base/mem.h"

enum { SPIN_US = 60, SPIN_BATCH = 64 };

typedef struct {
    struct onus_pool *pool;
    pthread_t thread;
    int part;
    bool started;
    /* the last call for which the part was taken, and for which it was done */
    _Alignas(64) atomic_uint taken;
    atomic_uint done;
} pool_worker;

struct onus_pool {
    const onus_allocator *mem;
    void *block; /* what mem gave; the pool starts at a cache line within */
    int n;
    onus_pool_fn fn;
    void *ctx;
    _Alignas(64) atomic_uint call; /* counts calls; a worker that sees a new number works */
    _Alignas(64) atomic_bool parked, end;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int asleep; /* under lock */
    pool_worker worker[];
};

static inline void pause_cpu(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Waits until the call's number is no longer `seen`. */
static unsigned wait_for_call(struct onus_pool *p, unsigned seen)
{
    const double until = onus_clock_s() + 1e-6 * SPIN_US;
    do {
        for (int i = 0; i < SPIN_BATCH; i++) {
            const unsigned now = atomic_load_explicit(&p->call, memory_order_acquire);
            if (now != seen) return now;
            pause_cpu();
        }
    } while (!atomic_load_explicit(&p->parked, memory_order_relaxed) && onus_clock_s() < until);
    pthread_mutex_lock(&p->lock);
    p->asleep++;
    while (atomic_load(&p->call) == seen) pthread_cond_wait(&p->wake, &p->lock);
    p->asleep--;
    pthread_mutex_unlock(&p->lock);
    return atomic_load(&p->call);
}

/* The part of this call, unless somebody has it: every call takes every part once, so that the
 * one before took it last. A worker that comes late to a call finds it taken. */
static void run_part(pool_worker *w, unsigned call)
{
    struct onus_pool *p = w->pool;
    unsigned before = call - 1;
    if (!atomic_compare_exchange_strong_explicit(&w->taken, &before, call, memory_order_acquire,
                                                 memory_order_relaxed))
        return;
    p->fn(p->ctx, w->part, p->n);
    atomic_store_explicit(&w->done, call, memory_order_release);
}

static void *work(void *arg)
{
    pool_worker *w = arg;
    struct onus_pool *p = w->pool;
    onus_fp_set();
    for (unsigned seen = 0;;) {
        seen = wait_for_call(p, seen);
        if (atomic_load(&p->end)) return NULL;
        run_part(w, seen);
    }
}

onus_status onus_pool_create(onus_pool **out, int n_threads, const onus_allocator *mem,
                             onus_err *err)
{
    if (n_threads < 1 || n_threads > ONUS_THREADS_MAX)
        return onus_fail(err, ONUS_BAD_ARG, "threads: %d, expected 1 to %d", n_threads,
                         ONUS_THREADS_MAX);
    struct onus_pool *p;
    const size_t bytes = sizeof *p + (size_t)n_threads * sizeof *p->worker;
    char *block = onus_alloc(mem, bytes + _Alignof(struct onus_pool), 1);
    if (!block) return onus_fail_mem(err, "threads");
    p = (struct onus_pool *)(void *)(block +
                                     (-(uintptr_t)block & (_Alignof(struct onus_pool) - 1)));
    p->mem = mem;
    p->block = block;
    p->n = n_threads;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    onus_fp_set();
    for (int i = 1; i < n_threads; i++) {
        pool_worker *w = &p->worker[i];
        w->pool = p;
        w->part = i;
        const int rc = pthread_create(&w->thread, NULL, work, w);
        if (rc != 0) {
            onus_pool_destroy(p);
            return onus_fail(err, ONUS_NO_MEM, "threads: cannot start thread %d: %s", i,
                             strerror(rc));
        }
        w->started = true;
    }
    *out = p;
    return ONUS_OK;
}

/* A new call for everybody, its number; wakes who sleeps. */
static unsigned announce(onus_pool *p)
{
    pthread_mutex_lock(&p->lock);
    const unsigned call = atomic_fetch_add(&p->call, 1) + 1;
    if (p->asleep > 0) pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    return call;
}

void onus_pool_destroy(onus_pool *p)
{
    if (!p) return;
    atomic_store(&p->end, true);
    (void)announce(p);
    for (int i = 1; i < p->n; i++) {
        if (p->worker[i].started) pthread_join(p->worker[i].thread, NULL);
    }
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    onus_free(p->mem, p->block);
}

int onus_pool_size(const onus_pool *p)
{
    return p ? p->n : 1;
}

void onus_pool_run(onus_pool *p, onus_pool_fn fn, void *ctx)
{
    if (!p || p->n == 1) {
        fn(ctx, 0, 1);
        return;
    }
    p->fn = fn;
    p->ctx = ctx;
    atomic_store_explicit(&p->parked, false, memory_order_relaxed);
    const unsigned call = announce(p);
    fn(ctx, 0, p->n);
    for (int i = 1; i < p->n; i++) run_part(&p->worker[i], call);
    for (int i = 1, spins = 0; i < p->n;) {
        if (atomic_load_explicit(&p->worker[i].done, memory_order_acquire) == call)
            i++;
        else if (spins++ < 20000)
            pause_cpu();
        else
            sched_yield();
    }
}

void onus_pool_park(onus_pool *p)
{
    if (p) atomic_store(&p->parked, true);
}

void onus_split(int64_t n, int64_t grain, int part, int n_parts, int64_t *begin, int64_t *end)
{
    const int64_t units = (n + grain - 1) / grain;
    *begin = units * part / n_parts * grain;
    *end = units * (part + 1) / n_parts * grain;
    if (*begin > n) *begin = n;
    if (*end > n) *end = n;
}

onus_status onus_threads_default(int *out, onus_err *err)
{
    const char *said = getenv("ONUS_THREADS");
    if (said && *said) {
        char *end;
        errno = 0;
        const long n = strtol(said, &end, 10);
        if (*said < '0' || *said > '9' || *end || errno || n < 1 || n > ONUS_THREADS_MAX)
            return onus_fail(err, ONUS_BAD_ARG,
                             "ONUS_THREADS: '%.40s' is not a number from 1 to %d", said,
                             ONUS_THREADS_MAX);
        *out = (int)n;
        return ONUS_OK;
    }
    cpu_set_t set;
    const int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    *out = n < 1 ? 1 : n > ONUS_THREADS_MAX ? ONUS_THREADS_MAX : n;
    return ONUS_OK;
}
