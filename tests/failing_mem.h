/* SPDX-License-Identifier: Apache-2.0
 * failing_mem.h - an allocator for tests: fails the Nth allocation, counts live blocks and
 * bytes so that leaks are seen, hands out rubbish instead of zeros, and moves every block that
 * is resized. Tests of every layer include it (after cmocka.h); it may be called from several
 * threads.
 *
 *     static onus_status build(const onus_allocator *mem, void *ctx, onus_err *err)
 *     {
 *         thing *t;
 *         onus_status st = thing_create(&t, mem, err);
 *         if (st == ONUS_OK) thing_destroy(t);
 *         return st;
 *     }
 *     ...
 *     failing_mem_walk("thing", build, NULL);
 *
 * The walk asserts that each failure ends in ONUS_NO_MEM with a message and nothing left. */
#ifndef ONUS_TESTS_FAILING_MEM_H
#define ONUS_TESTS_FAILING_MEM_H
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "onus.h"

typedef struct {
    pthread_mutex_t lock;
    long calls;    /* allocations and resizes asked for; frees are not counted */
    long fail_at;  /* this call fails, counted from 1; 0: none */
    bool for_ever; /* and all that follow it, as where memory has ended */
    long failed;
    long live;                           /* blocks */
    size_t live_bytes, peak_bytes, most; /* most: a larger block is refused; 0: any */
} failing_mem;

/* Before every block, and a mark behind it, which overruns destroy. */
typedef union {
    struct {
        size_t size, mark;
    } of;
    _Alignas(16) char room[32];
} failing_mem_head;

#define FAILING_MEM_MARK ((size_t)0x6f6e75736d656d00u)

static inline void failing_mem_check(const failing_mem_head *h)
{
    size_t tail;
    memcpy(&tail, (const char *)(h + 1) + h->of.size, sizeof tail);
    if (h->of.mark != FAILING_MEM_MARK || tail != FAILING_MEM_MARK) abort();
}

static inline void failing_mem_drop(failing_mem *m, failing_mem_head *h)
{
    failing_mem_check(h);
    m->live--;
    m->live_bytes -= h->of.size;
    memset(h, 0xdd, sizeof *h + h->of.size); /* whoever still reads it sees rubbish */
    free(h);
}

static inline failing_mem_head *failing_mem_take(failing_mem *m, size_t size)
{
    m->calls++;
    const bool fails =
        m->fail_at && (m->for_ever ? m->calls >= m->fail_at : m->calls == m->fail_at);
    if (fails || (m->most && size > m->most) || size > SIZE_MAX / 2) {
        m->failed++;
        return NULL;
    }
    failing_mem_head *h = malloc(sizeof *h + size + sizeof h->of.mark);
    if (!h) return NULL;
    h->of.size = size;
    h->of.mark = FAILING_MEM_MARK;
    memset(h + 1, 0xa5, size);
    memcpy((char *)(h + 1) + size, &h->of.mark, sizeof h->of.mark);
    m->live++;
    m->live_bytes += size;
    if (m->live_bytes > m->peak_bytes) m->peak_bytes = m->live_bytes;
    return h;
}

static inline void *failing_mem_resize(void *ctx, void *ptr, size_t size)
{
    failing_mem *m = ctx;
    pthread_mutex_lock(&m->lock);
    failing_mem_head *old = ptr ? (failing_mem_head *)ptr - 1 : NULL;
    failing_mem_head *h = size ? failing_mem_take(m, size) : NULL;
    if (h && old) {
        failing_mem_check(old);
        memcpy(h + 1, old + 1, old->of.size < size ? old->of.size : size);
    }
    if (old && (h || !size)) failing_mem_drop(m, old);
    pthread_mutex_unlock(&m->lock);
    return h ? h + 1 : NULL;
}

/* A zeroed failing_mem, with fail_at set if wished, becomes an allocator; m must outlive it. */
static inline onus_allocator failing_mem_allocator(failing_mem *m)
{
    pthread_mutex_init(&m->lock, NULL);
    return (onus_allocator){.resize = failing_mem_resize, .ctx = m};
}

typedef onus_status (*failing_mem_fn)(const onus_allocator *mem, void *ctx, onus_err *err);

/* Runs fn, which makes and releases something, once whole and then with every allocation of it
 * failing in turn, alone and with all that follow. Of more than 300 allocations every Nth
 * fails, and each one with ONUS_SLOW=1. Returns how many allocations the whole takes. */
static inline long failing_mem_walk(const char *what, failing_mem_fn fn, void *ctx)
{
    failing_mem whole = {.fail_at = 0};
    onus_allocator mem = failing_mem_allocator(&whole);
    onus_err err = {.code = ONUS_OK};
    onus_status st = fn(&mem, ctx, &err);
    if (st != ONUS_OK) fail_msg("%s: %s", what, err.msg);
    if (whole.live) fail_msg("%s: %ld blocks leaked", what, whole.live);
    const long step = whole.calls > 300 && !getenv("ONUS_SLOW") ? whole.calls / 300 + 1 : 1;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        for (long at = 1; at <= whole.calls; at += step) {
            failing_mem m = {.fail_at = at, .for_ever = for_ever};
            mem = failing_mem_allocator(&m);
            err = (onus_err){.code = ONUS_OK};
            st = fn(&mem, ctx, &err);
            if (!m.failed) fail_msg("%s: allocation %ld was never asked for", what, at);
            if (st != ONUS_NO_MEM || err.code != ONUS_NO_MEM || !err.msg[0])
                fail_msg("%s: allocation %ld of %ld fails: status %d, '%s'", what, at,
                         whole.calls, (int)st, err.msg);
            if (m.live)
                fail_msg("%s: allocation %ld of %ld fails: %ld blocks leaked", what, at,
                         whole.calls, m.live);
        }
    }
    return whole.calls;
}
#endif
