/* SPDX-License-Identifier: Apache-2.0
 * log.c - a ledger read whole: every line checked for its form, found by number, type and name.
 *
 * A ledger may hold hundreds of thousands of lines, one an epoch, so what is kept is their
 * bytes and, beside them, 8 bytes a line and 8 a name in it (name_index.h): 1.3 times the file.
 * Values of JSON are some seven times their text; an entry is parsed again when it is asked
 * for, and kept from then on (held), because callers keep its values.
 *
 * Lines are checked by several threads, in chunks of CHUNK. Who has checked one waits for its
 * turn before he puts its names into the index, so the index, and which error is the first, are
 * those of one thread. A chunk's lines are also a complete subtree of the Merkle tree, hashed
 * where they are checked; a root is made of those. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/facts.h"
#include "base/fp.h"
#include "base/pool.h"
#include "proof/ledger.h"
#include "proof/line.h"
#include "proof/name_index.h"

enum { LEVEL = 8, CHUNK = 1 << LEVEL, THREADS_MAX = 8 };

typedef struct held {
    struct held *next;
    onus_entry entry;
    json_t *root;
} held;

/* What asking changes: entries held, and whether one could not be. */
typedef struct {
    held **of; /* (n): NULL where nobody asked */
    held *first;
    onus_json_room room;
    onus_status st;
    onus_entry bare; /* what is shown of an entry that could not be held */
} asked;

struct onus_log {
    const onus_allocator *mem;
    onus_buf bytes;
    int64_t n;
    uint32_t *start; /* (n + 1): where line i begins */
    uint32_t *type;  /* (n): a name's number, CLAIMS where the claim is not empty */
    onus_name_index names;
    uint8_t (*subtree)[32]; /* (n / CHUNK): roots of whole chunks */
    asked *asked;
};
#define CLAIMS (UINT32_C(1) << 31)

void onus_log_close(onus_log *log)
{
    if (!log) return;
    for (held *h = log->asked ? log->asked->first : NULL; h;) {
        held *next = h->next;
        json_decref(h->root);
        onus_free(log->mem, h);
        h = next;
    }
    if (log->asked) {
        onus_free(log->mem, log->asked->of);
        onus_json_room_release(&log->asked->room);
    }
    onus_free(log->mem, log->asked);
    onus_free(log->mem, log->start);
    onus_free(log->mem, log->type);
    onus_free(log->mem, log->subtree);
    onus_index_release(&log->names);
    onus_buf_release(&log->bytes);
    onus_free(log->mem, log);
}

/* ---- one line ---------------------------------------------------------------------------- */

static int two(const char *digits)
{
    return (digits[0] - '0') * 10 + digits[1] - '0';
}

/* "2026-11-22T14:03:11Z" */
static bool is_time(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00Z";
    size_t i = 0;
    for (; text && text[i] && form[i]; i++) {
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return false;
    }
    if (!text || text[i] || form[i]) return false;
    const int month = two(text + 5), day = two(text + 8);
    return month >= 1 && month <= 12 && day >= 1 && day <= 31 && two(text + 11) <= 23 &&
           two(text + 14) <= 59 && two(text + 17) <= 60;
}

/* Names are said to people: no ledger of ours has control characters in them. */
static bool plain_names(const json_t *body)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)body, name, v)
    {
        if (!onus_is_plain(name)) return false;
    }
    return true;
}

static onus_entry entry_of(const json_t *v, const char *line, size_t len)
{
    return (onus_entry){.n = json_integer_value(json_object_get(v, "n")),
                        .time = json_string_value(json_object_get(v, "time")),
                        .type = json_string_value(json_object_get(v, "type")),
                        .claim = json_object_get(v, "claim"),
                        .observed = json_object_get(v, "observed"),
                        .line = line,
                        .line_len = len};
}

/* Canonical bytes, exactly five members of the right types, number and order. */
static onus_status check_line(onus_entry *out, const json_t *v, const char *line, size_t len,
                              int64_t number, const char *what, onus_err *err)
{
    const onus_entry e = entry_of(v, line, len);
    const char *wrong = NULL;
    if (json_object_size(v) != 5 || !json_is_object(e.claim) || !json_is_object(e.observed) ||
        !json_is_integer(json_object_get(v, "n")) || !is_time(e.time) || !e.type || !*e.type)
        wrong = "expected claim, n, observed, time and type";
    else if (!onus_is_plain(e.type) || !plain_names(e.claim) || !plain_names(e.observed))
        wrong = "a name holds control characters";
    if (wrong)
        return onus_fail(err, ONUS_TAMPER, "%.400s: event %lld: %s", what, (long long)number,
                         wrong);
    if (e.n != number)
        return onus_fail(err, ONUS_TAMPER, "%.400s: event %lld: says it is event %lld", what,
                         (long long)number, (long long)e.n);
    if (!onus_json_is_canonical(v, line, len))
        return onus_fail(err, ONUS_TAMPER, "%.400s: event %lld: not canonical JSON (RFC 8785)",
                         what, (long long)number);
    *out = e;
    return ONUS_OK;
}

/* ---- lines found ------------------------------------------------------------------------- */

/* Where every line begins. A line that is too long, or has no end, ends the list: *st says so
 * once the lines before it are found good. */
static onus_status find_lines(onus_log *log, const char *what, onus_status *st, onus_err *why,
                              onus_err *err)
{
    const char *text = log->bytes.data, *stop = text + log->bytes.len;
    int64_t n = 0;
    for (const char *c = text; c < stop && (c = memchr(c, '\n', (size_t)(stop - c))); c++) n++;
    log->start = onus_alloc(log->mem, (size_t)n + 1, sizeof *log->start);
    log->type = onus_alloc(log->mem, (size_t)n + 1, sizeof *log->type);
    log->subtree = onus_alloc(log->mem, (size_t)(n / CHUNK) + 1, sizeof *log->subtree);
    log->asked = onus_alloc(log->mem, 1, sizeof *log->asked);
    if (!log->start || !log->type || !log->subtree || !log->asked)
        return onus_fail_mem(err, what);
    log->asked->of = onus_alloc(log->mem, (size_t)n + 1, sizeof *log->asked->of);
    if (!log->asked->of) return onus_fail_mem(err, what);
    *st = ONUS_OK;
    for (const char *at = text; at < stop; log->n++) {
        const char *end = memchr(at, '\n', (size_t)(stop - at));
        if (!end)
            *st = onus_fail(
                why, ONUS_TAMPER,
                "%s: the last line has no end (a run was killed there: --resume drops it)",
                what);
        else if (end - at > ONUS_LINE_MAX)
            *st = onus_fail(why, ONUS_BAD_INPUT, "%s: event %lld is longer than %d bytes", what,
                            (long long)log->n + 1, ONUS_LINE_MAX);
        if (*st != ONUS_OK) break;
        at = end + 1;
        log->start[log->n + 1] = (uint32_t)(at - text);
    }
    return ONUS_OK;
}

const char *onus_log_line(const onus_log *log, int64_t i, size_t *len)
{
    *len = log->start[i + 1] - log->start[i] - 1;
    return log->bytes.data + log->start[i];
}

/* ---- lines checked ----------------------------------------------------------------------- */

typedef struct {
    onus_log *log;
    const char *what;
    onus_log_fn visit; /* NULL: nobody looks on */
    void *ctx;
    int64_t n_chunks, next; /* next: the first chunk that nobody has taken */
    int64_t turn;           /* the first that is not in the index */
    onus_status st;         /* of the chunks before turn */
    onus_err err;
    pthread_mutex_t lock;
    pthread_cond_t turned;
} reading;

typedef struct {
    int64_t first, n;
    onus_entry entry[CHUNK];
    json_t *root[CHUNK];
    onus_json_room room;
    onus_status st; /* of the line after the n that are good */
    onus_err err;
} chunk;

static void check_chunk(reading *r, chunk *c, int64_t number)
{
    onus_log *log = r->log;
    onus_merkle tree = {0};
    char where[512];
    c->first = number * CHUNK;
    c->n = 0;
    c->st = ONUS_OK;
    for (int64_t i = c->first; i < log->n && c->n < CHUNK; i++) {
        size_t len;
        json_t *v = NULL;
        const char *line = onus_log_line(log, i, &len);
        c->st = onus_json_parse_in(&c->room, &v, line, len, "", NULL);
        if (c->st != ONUS_OK) { /* once more, for its message */
            snprintf(where, sizeof where, "%.400s: event %lld", r->what, (long long)i + 1);
            c->st = onus_json_parse_in(&c->room, &v, line, len, where, &c->err);
        }
        if (c->st == ONUS_OK)
            c->st = check_line(&c->entry[c->n], v, line, len, i + 1, r->what, &c->err);
        if (c->st != ONUS_OK) {
            json_decref(v);
            return;
        }
        c->root[c->n++] = v;
        onus_merkle_add(&tree, line, len);
    }
    if (c->n == CHUNK) onus_merkle_root(&tree, log->subtree[number]);
}

/* Into the index, and to who looks on. */
static onus_status index_chunk(reading *r, const chunk *c, onus_err *err)
{
    onus_log *log = r->log;
    for (int64_t i = 0; i < c->n; i++) {
        const onus_entry *e = &c->entry[i];
        const json_t *bodies[] = {e->claim, e->observed};
        uint32_t type;
        if (!onus_index_put(&log->names, e->type, &type)) return onus_fail_mem(err, r->what);
        log->type[c->first + i] = type | (json_object_size(e->claim) > 0 ? CLAIMS : 0);
        for (int b = 0; b < 2; b++) {
            const char *name;
            json_t *v;
            json_object_foreach((json_t *)bodies[b], name, v)
            {
                if (!onus_index_add(&log->names, name, (uint32_t)(c->first + i)))
                    return onus_fail_mem(err, r->what);
            }
        }
        onus_status st = r->visit ? r->visit(r->ctx, e, err) : ONUS_OK;
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

/* Chunks until there are no more, or one was bad. */
static void check_chunks(reading *r, chunk *c)
{
    pthread_mutex_lock(&r->lock);
    while (r->st == ONUS_OK && r->next < r->n_chunks) {
        const int64_t number = r->next++;
        pthread_mutex_unlock(&r->lock);
        check_chunk(r, c, number);
        pthread_mutex_lock(&r->lock);
        while (r->st == ONUS_OK && r->turn != number) pthread_cond_wait(&r->turned, &r->lock);
        if (r->st == ONUS_OK) {
            r->st = index_chunk(r, c, &r->err);
            if (r->st == ONUS_OK && c->st != ONUS_OK) r->st = c->st, r->err = c->err;
            r->turn++;
            pthread_cond_broadcast(&r->turned);
        }
        pthread_mutex_unlock(&r->lock);
        for (int64_t i = 0; i < c->n; i++) json_decref(c->root[i]);
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
}

typedef struct {
    reading *r;
    chunk c;
    pthread_t thread;
    bool runs;
} worker;

static void *work(void *arg)
{
    worker *w = arg;
    onus_fp_set(); /* strtod rounds as it says */
    check_chunks(w->r, &w->c);
    return NULL;
}

/* As many threads as the process may use and the ledger keeps busy; fewer where they cannot be
 * had. */
static onus_status check_lines(onus_log *log, const char *what, onus_log_fn visit, void *ctx,
                               onus_err *err)
{
    reading r = {.log = log,
                 .what = what,
                 .visit = visit,
                 .ctx = ctx,
                 .n_chunks = (log->n + CHUNK - 1) / CHUNK};
    int n = 1;
    if (r.n_chunks == 0) return ONUS_OK;
    if (r.n_chunks > 1 && onus_threads_default(&n, NULL) != ONUS_OK) n = 1;
    if (n > THREADS_MAX) n = THREADS_MAX;
    if (n > r.n_chunks) n = (int)r.n_chunks;
    worker *w = onus_alloc(log->mem, (size_t)n, sizeof *w);
    if (!w) return onus_fail_mem(err, what);
    pthread_mutex_init(&r.lock, NULL);
    pthread_cond_init(&r.turned, NULL);
    for (int i = 0; i < n; i++) {
        w[i].r = &r;
        w[i].runs = i > 0 && pthread_create(&w[i].thread, NULL, work, &w[i]) == 0;
    }
    check_chunks(&r, &w[0].c);
    for (int i = 0; i < n; i++) {
        if (w[i].runs) pthread_join(w[i].thread, NULL);
        onus_json_room_release(&w[i].c.room);
    }
    pthread_cond_destroy(&r.turned);
    pthread_mutex_destroy(&r.lock);
    onus_free(log->mem, w);
    if (r.st != ONUS_OK && err) *err = r.err;
    return r.st;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* path, or text of which the log takes a copy. */
static onus_status open_log(onus_log **out, const char *path, const char *text, size_t len,
                            const char *what, onus_log_fn visit, void *ctx,
                            const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK, last = ONUS_OK;
    onus_err why;
    onus_log *log = onus_alloc(mem, 1, sizeof *log);
    if (!log) return onus_fail_mem(err, "ledger");
    log->mem = mem;
    onus_buf_init(&log->bytes, mem, ONUS_LEDGER_MAX);
    onus_index_init(&log->names, mem);
    if (path)
        ONUS_TRY(onus_file_read(path, &log->bytes, err));
    else
        onus_buf_add(&log->bytes, text, len);
    ONUS_TRY(onus_buf_status(&log->bytes, what, err));
    ONUS_TRY(find_lines(log, what, &last, &why, err));
    ONUS_TRY(check_lines(log, what, visit, ctx, err));
    if (last != ONUS_OK) {
        st = last;
        if (err) *err = why;
        goto done;
    }
    *out = log;
    log = NULL;
done:
    onus_log_close(log);
    return st;
}

onus_status onus_log_parse(onus_log **out, const char *text, size_t len, const char *what,
                           const onus_allocator *mem, onus_err *err)
{
    return open_log(out, NULL, text, len, what, NULL, NULL, mem, err);
}

onus_status onus_log_read(onus_log **out, const char *path, const onus_allocator *mem,
                          onus_err *err)
{
    return open_log(out, path, NULL, 0, path, NULL, NULL, mem, err);
}

onus_status onus_log_read_each(onus_log **out, const char *path, onus_log_fn visit, void *ctx,
                               const onus_allocator *mem, onus_err *err)
{
    return open_log(out, path, NULL, 0, path, visit, ctx, mem, err);
}

int64_t onus_log_count(const onus_log *log)
{
    return log ? log->n : 0;
}

/* ---- asking without values --------------------------------------------------------------- */

const char *onus_log_type_at(const onus_log *log, int64_t i)
{
    return i >= 0 && i < onus_log_count(log)
               ? onus_index_text(&log->names, log->type[i] & ~CLAIMS)
               : NULL;
}

bool onus_log_claims(const onus_log *log, int64_t i)
{
    return i >= 0 && i < onus_log_count(log) && (log->type[i] & CLAIMS);
}

int64_t onus_log_next(const onus_log *log, const char *type, int64_t from)
{
    uint32_t id;
    if (from < 0 || from >= onus_log_count(log) || !onus_index_get(&log->names, type, &id))
        return -1;
    for (int64_t i = from; i < log->n; i++) {
        if ((log->type[i] & ~CLAIMS) == id) return i;
    }
    return -1;
}

void onus_log_tree(const onus_log *log, int64_t n, onus_merkle *out)
{
    const int64_t most = n < log->n ? n : log->n;
    *out = (onus_merkle){0};
    int64_t i = 0;
    for (; most - i >= CHUNK; i += CHUNK)
        onus_merkle_add_subtree(out, LEVEL, log->subtree[i / CHUNK]);
    for (; i < most; i++) {
        size_t len;
        const char *line = onus_log_line(log, i, &len);
        onus_merkle_add(out, line, len);
    }
}

void onus_log_root(const onus_log *log, int64_t n, uint8_t root[32])
{
    onus_merkle m;
    onus_log_tree(log, n, &m);
    onus_merkle_root(&m, root);
}

/* ---- asking for values ------------------------------------------------------------------- */

/* Its form was checked when it was read: what can fail now is memory. */
onus_status onus_log_take(const onus_log *log, int64_t i, onus_taken *out, onus_err *err)
{
    size_t len;
    json_t *v = NULL;
    if (i < 0 || i >= onus_log_count(log))
        return onus_fail(err, ONUS_BAD_ARG, "the ledger has no event %lld", (long long)i + 1);
    const char *line = onus_log_line(log, i, &len);
    onus_status st = onus_json_parse_in(&log->asked->room, &v, line, len, "ledger", err);
    if (st != ONUS_OK) return st;
    *out = (onus_taken){entry_of(v, line, len), v};
    return ONUS_OK;
}

void onus_taken_release(onus_taken *t)
{
    json_decref(t->root);
    *t = (onus_taken){.root = NULL};
}

/* Entries are asked for in the middle of sentences, so a failure is kept, and the entry shown
 * without its values; onus_log_sound tells. */
static const onus_entry *bare(const onus_log *log, int64_t i)
{
    asked *a = log->asked;
    if (a->st == ONUS_OK) a->st = ONUS_NO_MEM;
    a->bare = (onus_entry){.n = i + 1, .time = "", .type = onus_log_type_at(log, i)};
    a->bare.line = onus_log_line(log, i, &a->bare.line_len);
    return &a->bare;
}

const onus_entry *onus_log_at(const onus_log *log, int64_t i)
{
    if (i < 0 || i >= onus_log_count(log)) return NULL;
    asked *a = log->asked;
    if (a->of[i]) return &a->of[i]->entry;
    onus_taken t;
    held *h = onus_alloc(log->mem, 1, sizeof *h);
    if (!h || onus_log_take(log, i, &t, NULL) != ONUS_OK) {
        onus_free(log->mem, h);
        return bare(log, i);
    }
    *h = (held){a->first, t.entry, t.root};
    a->first = a->of[i] = h;
    return &h->entry;
}

onus_status onus_log_sound(const onus_log *log, onus_err *err)
{
    return !log || log->asked->st == ONUS_OK ? ONUS_OK : onus_fail_mem(err, "ledger");
}

const onus_entry *onus_log_find(const onus_log *log, const char *name, int64_t before,
                                const json_t **value)
{
    const int64_t i = onus_index_newest(&log->names, name, before);
    const onus_entry *e = i < 0 ? NULL : onus_log_at(log, i);
    if (e && value) {
        *value = json_object_get(e->claim, name);
        if (!*value) *value = json_object_get(e->observed, name);
    }
    return e;
}

const onus_entry *onus_log_type(const onus_log *log, const char *type, int64_t from)
{
    return onus_log_at(log, onus_log_next(log, type, from));
}

onus_status onus_log_visit(const onus_log *log, int64_t n, onus_log_fn visit, void *ctx,
                           onus_err *err)
{
    onus_status st = ONUS_OK;
    for (int64_t i = 0; st == ONUS_OK && i < n && i < onus_log_count(log); i++) {
        onus_taken t;
        st = onus_log_take(log, i, &t, err);
        if (st != ONUS_OK) break;
        st = visit(ctx, &t.entry, err);
        onus_taken_release(&t);
    }
    return st;
}

static onus_status add_body(onus_facts *facts, const json_t *body, bool observed, onus_err *err)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)body, name, v)
    {
        const char *text = json_string_value(v);
        onus_field f = {.name = name, .observed = observed, .text = text};
        if (text)
            f.kind = strcmp(text, "undefined") == 0 ? ONUS_FIELD_UNDEFINED : ONUS_FIELD_TEXT;
        else if (json_is_integer(v))
            f.kind = ONUS_FIELD_INT, f.i = json_integer_value(v);
        else if (json_is_real(v))
            f.kind = ONUS_FIELD_REAL, f.r = json_real_value(v);
        else
            continue;
        onus_status st = onus_facts_add(facts, &f, err);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

onus_status onus_entry_facts(const onus_entry *e, bool observed, onus_facts *facts,
                             onus_err *err)
{
    return add_body(facts, observed ? e->observed : e->claim, observed, err);
}

onus_status onus_log_add_facts(void *facts, const onus_entry *e, onus_err *err)
{
    onus_status st = add_body(facts, e->claim, false, err);
    return st == ONUS_OK ? add_body(facts, e->observed, true, err) : st;
}

onus_status onus_log_facts(const onus_log *log, int64_t n, onus_facts **out, onus_err *err)
{
    onus_facts *facts = NULL;
    onus_status st = onus_facts_create(&facts, log->mem, err);
    if (st == ONUS_OK) st = onus_log_visit(log, n, onus_log_add_facts, facts, err);
    if (st == ONUS_OK)
        *out = facts;
    else
        onus_facts_destroy(facts);
    return st;
}
