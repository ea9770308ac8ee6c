/* SPDX-License-Identifier: Apache-2.0
 * writer.c - two pieces take turns: while one is hashed by a thread and written by the caller,
 * the other is filled. SHA-256 costs as much of a checkpoint as writing it (1 to 2 GB a
 * second), so that hiding one behind the other is worth a thread. */
#include "base/writer.h"

#include <pthread.h>
#include <string.h>

#include "base/fail.h"

/* ---- hashing ----------------------------------------------------------------------------- */

struct onus_hasher {
    const onus_allocator *mem;
    onus_sha256 sha;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t turn;
    bool tried, has_thread, ends;
    const void *data; /* being hashed; NULL: the thread waits */
    size_t len;
};

onus_status onus_hasher_create(onus_hasher **out, const onus_sha256 *before,
                               const onus_allocator *mem, onus_err *err)
{
    onus_hasher *h = onus_alloc(mem, 1, sizeof *h);
    if (!h) return onus_fail_mem(err, "hash");
    h->mem = mem;
    if (before)
        h->sha = *before;
    else
        onus_sha256_init(&h->sha);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->turn, NULL);
    *out = h;
    return ONUS_OK;
}

static void *hash_thread(void *arg)
{
    onus_hasher *h = arg;
    pthread_mutex_lock(&h->lock);
    for (;;) {
        while (!h->data && !h->ends) pthread_cond_wait(&h->turn, &h->lock);
        if (!h->data) break;
        pthread_mutex_unlock(&h->lock); /* data and len are ours until data is NULL again */
        onus_sha256_add(&h->sha, h->data, h->len);
        pthread_mutex_lock(&h->lock);
        h->data = NULL;
        pthread_cond_signal(&h->turn);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

static void wait_for_thread(onus_hasher *h)
{
    if (!h->has_thread) return;
    pthread_mutex_lock(&h->lock);
    while (h->data) pthread_cond_wait(&h->turn, &h->lock);
    pthread_mutex_unlock(&h->lock);
}

void onus_hasher_add(onus_hasher *h, const void *data, size_t len)
{
    wait_for_thread(h);
    const bool worth = len >= ONUS_PIECE_BYTES / 4;
    if (worth && !h->tried) {
        h->tried = true;
        h->has_thread = pthread_create(&h->thread, NULL, hash_thread, h) == 0;
    }
    if (!worth || !h->has_thread) {
        onus_sha256_add(&h->sha, data, len);
        return;
    }
    pthread_mutex_lock(&h->lock);
    h->data = data;
    h->len = len;
    pthread_cond_signal(&h->turn);
    pthread_mutex_unlock(&h->lock);
}

void onus_hasher_end(onus_hasher *h, uint8_t out[32])
{
    wait_for_thread(h);
    onus_sha256_end(&h->sha, out);
}

void onus_hasher_destroy(onus_hasher *h)
{
    if (!h) return;
    if (h->has_thread) {
        pthread_mutex_lock(&h->lock);
        h->ends = true;
        pthread_cond_signal(&h->turn);
        pthread_mutex_unlock(&h->lock);
        pthread_join(h->thread, NULL);
    }
    pthread_cond_destroy(&h->turn);
    pthread_mutex_destroy(&h->lock);
    onus_free(h->mem, h);
}

/* ---- writing ----------------------------------------------------------------------------- */

struct onus_writer {
    const onus_allocator *mem;
    onus_hasher *hasher;
    onus_replacing file;
    bool writes;
    char *piece[2];
    int filled; /* the piece that is being filled; the other one may still be hashed */
    size_t used;
    uint64_t len;
};

onus_status onus_writer_open(onus_writer **out, const char *path, unsigned mode,
                             const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_writer *w = onus_alloc(mem, 1, sizeof *w);
    const char *what = path ? path : "writer";
    if (!w) return onus_fail_mem(err, what);
    w->mem = mem;
    w->file.fd = -1;
    for (int i = 0; i < 2; i++) {
        if ((w->piece[i] = onus_alloc(mem, ONUS_PIECE_BYTES, 1))) continue;
        st = onus_fail_mem(err, what);
        goto done;
    }
    ONUS_TRY(onus_hasher_create(&w->hasher, NULL, mem, err));
    w->writes = path != NULL;
    if (path) ONUS_TRY(onus_replacing_begin(&w->file, path, mode, err));
    *out = w;
    w = NULL;
done:
    onus_writer_close(w);
    return st;
}

/* The piece goes to the thread and to the file; the other one is free then. */
static onus_status turn(onus_writer *w, onus_err *err)
{
    const char *piece = w->piece[w->filled];
    const size_t len = w->used;
    onus_hasher_add(w->hasher, piece, len);
    w->filled = !w->filled;
    w->used = 0;
    w->len += len;
    return w->writes ? onus_replacing_add(&w->file, piece, len, err) : ONUS_OK;
}

onus_status onus_writer_add(onus_writer *w, const void *data, size_t len, onus_err *err)
{
    const char *from = data;
    while (len > 0) {
        const size_t room = ONUS_PIECE_BYTES - w->used, n = len < room ? len : room;
        memcpy(w->piece[w->filled] + w->used, from, n);
        w->used += n;
        from += n;
        len -= n;
        if (w->used < ONUS_PIECE_BYTES) break;
        const onus_status st = turn(w, err);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

onus_status onus_writer_end(onus_writer *w, uint64_t *len, uint8_t sha256[32], onus_err *err)
{
    onus_status st = w->used > 0 ? turn(w, err) : ONUS_OK;
    if (st == ONUS_OK && w->writes) st = onus_replacing_end(&w->file, err);
    if (st != ONUS_OK) return st;
    onus_hasher_end(w->hasher, sha256);
    *len = w->len;
    return ONUS_OK;
}

void onus_writer_close(onus_writer *w)
{
    if (!w) return;
    onus_hasher_destroy(w->hasher);
    if (w->writes) onus_replacing_drop(&w->file);
    for (int i = 0; i < 2; i++) onus_free(w->mem, w->piece[i]);
    onus_free(w->mem, w);
}
