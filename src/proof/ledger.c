/* SPDX-License-Identifier: Apache-2.0
 * ledger.c - the ledger as it is written, and compared with while a run is done again. See
 * ledger.h for the three modes. */
#include "proof/ledger.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "proof/line.h"
#include "proof/merkle.h"

enum { MISMATCHES_MAX = 64 };

struct onus_ledger {
    const onus_allocator *mem;
    onus_ledger_mode mode;
    onus_appender *file; /* NULL in REPLAY */
    onus_log *stored;    /* RESUME, REPLAY */
    int64_t at;          /* stored entries passed */
    int64_t n;           /* entries in all: stored or written */
    int64_t compared;
    onus_merkle tree;
    bool collect;
    onus_mismatch mismatches[MISMATCHES_MAX];
    int64_t n_mismatches;
    onus_arena texts;
    json_t *queued; /* RESUME: observed body of run.resume until stored lines end */
};

/* ---- opening ----------------------------------------------------------------------------- */

/* Cuts what stands after the last line end. */
static onus_status drop_torn(const char *path, int64_t *torn, const onus_allocator *mem,
                             onus_err *err)
{
    onus_buf bytes;
    onus_buf_init(&bytes, mem, ONUS_LEDGER_MAX);
    onus_status st = onus_file_read(path, &bytes, err);
    size_t keep = bytes.len;
    while (st == ONUS_OK && keep > 0 && bytes.data[keep - 1] != '\n') keep--;
    if (torn) *torn = (int64_t)(bytes.len - keep);
    if (st == ONUS_OK && keep < bytes.len && truncate(path, (off_t)keep) != 0)
        st = onus_fail(err, ONUS_IO, "cannot cut the torn last line of '%s': %s", path,
                       strerror(errno));
    onus_buf_release(&bytes);
    return st;
}

/* The lines that are there, into l. */
static onus_status read_stored(onus_ledger *l, const char *path, onus_err *err)
{
    onus_status st = onus_log_read(&l->stored, path, l->mem, err);
    if (st != ONUS_OK) return st;
    l->n = onus_log_count(l->stored);
    onus_log_tree(l->stored, l->n, &l->tree);
    return ONUS_OK;
}

/* The file is opened, and so locked, before anything is read: of two that go on with one run
 * the second is told. */
onus_status onus_ledger_open(onus_ledger **out, const char *path, onus_ledger_mode mode,
                             int64_t *torn_bytes, const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    struct stat info;
    const bool there = onus_file_exists(path);
    if (mode == ONUS_LEDGER_WRITE && there)
        return onus_fail(err, ONUS_IO, "'%s' exists; a ledger is never begun twice", path);
    if (mode == ONUS_LEDGER_RESUME && !there)
        return onus_fail(err, ONUS_IO, "'%s' is not there; nothing can be resumed", path);
    onus_ledger *l = onus_alloc(mem, 1, sizeof *l);
    if (!l) return onus_fail_mem(err, path);
    l->mem = mem;
    l->mode = mode;
    onus_arena_init(&l->texts, mem);
    if (mode != ONUS_LEDGER_REPLAY) ONUS_TRY(onus_appender_open(&l->file, path, mem, err));
    if (mode == ONUS_LEDGER_WRITE && (stat(path, &info) != 0 || info.st_size > 0)) {
        st = onus_fail(err, ONUS_IO, "'%s' was begun by another run", path);
        goto done;
    }
    if (mode == ONUS_LEDGER_RESUME) ONUS_TRY(drop_torn(path, torn_bytes, mem, err));
    if (mode != ONUS_LEDGER_WRITE) ONUS_TRY(read_stored(l, path, err));
    *out = l;
    l = NULL;
done:
    (void)onus_ledger_close(l, NULL);
    return st;
}

onus_status onus_ledger_close(onus_ledger *l, onus_err *err)
{
    if (!l) return ONUS_OK;
    onus_status st = onus_appender_close(l->file, err);
    onus_log_close(l->stored);
    onus_arena_release(&l->texts);
    json_decref(l->queued);
    onus_free(l->mem, l);
    return st;
}

/* ---- an event as JSON -------------------------------------------------------------------- */

static json_t *list_json(const onus_field *f)
{
    json_t *list = json_array();
    for (int64_t i = 0; list && i < f->n; i++) {
        json_t *v = f->kind == ONUS_FIELD_TEXTS      ? json_string(f->texts[i])
                    : f->reals[i] - f->reals[i] == 0 ? json_real(f->reals[i])
                                                     : json_null();
        if (json_array_append_new(list, v) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *field_json(const onus_field *f)
{
    switch (f->kind) {
    case ONUS_FIELD_INT: return json_integer(f->i);
    case ONUS_FIELD_REAL: return f->r - f->r == 0 ? json_real(f->r) : json_string("undefined");
    case ONUS_FIELD_TEXT: return json_string(f->text);
    case ONUS_FIELD_UNDEFINED: return json_string("undefined");
    default: return list_json(f);
    }
}

static bool is_utf8(const char *text)
{
    while (*text) {
        const int n = onus_utf8_len(text);
        if (n == 0) return false;
        text += n;
    }
    return true;
}

/* What a line can hold: a name once, numbers that binary64 holds, texts of UTF-8. */
static onus_status check_field(const char *type, const onus_field *f, const json_t *claim,
                               const json_t *observed, onus_err *err)
{
    const int64_t exact = INT64_C(1) << 53;
    bool texts = is_utf8(f->name) && (f->kind != ONUS_FIELD_TEXT || is_utf8(f->text));
    for (int64_t i = 0; f->kind == ONUS_FIELD_TEXTS && i < f->n; i++)
        texts = texts && is_utf8(f->texts[i]);
    if (!texts)
        return onus_fail(err, ONUS_BAD_INPUT, "event %s: '%.100s' is not UTF-8", type, f->name);
    if (json_object_get(claim, f->name) || json_object_get(observed, f->name))
        return onus_fail(err, ONUS_BAD_ARG, "event %s names '%.100s' twice", type, f->name);
    if (f->kind == ONUS_FIELD_INT && (f->i > exact || f->i < -exact))
        return onus_fail(err, ONUS_BAD_ARG, "event %s: '%.100s' is %lld, beyond 2^53", type,
                         f->name, (long long)f->i);
    return ONUS_OK;
}

static onus_status bodies(const onus_event *e, json_t **claim, json_t **observed, onus_err *err)
{
    onus_status st = ONUS_OK;
    *claim = json_object();
    *observed = json_object();
    if (!*claim || !*observed) st = onus_fail_mem(err, e->type);
    for (int64_t i = 0; st == ONUS_OK && i < e->n_fields; i++) {
        const onus_field *f = &e->fields[i];
        st = check_field(e->type, f, *claim, *observed, err);
        if (st == ONUS_OK &&
            json_object_set_new(f->observed ? *observed : *claim, f->name, field_json(f)) != 0)
            st = onus_fail_mem(err, e->type);
    }
    if (st == ONUS_OK) return ONUS_OK;
    json_decref(*claim);
    json_decref(*observed);
    return st;
}

/* ---- writing ----------------------------------------------------------------------------- */

/* Events after which a killed run may be looked for are on the disk before anything else
 * happens. */
static bool wants_sync(const char *type)
{
    static const char *const types[] = {"run.begin", "privacy.noise", "checkpoint", "report",
                                        "run.end"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(type, types[i]) == 0) return true;
    }
    return false;
}

static onus_status append(onus_ledger *l, const char *type, json_t *claim, json_t *observed,
                          onus_err *err)
{
    char now[21];
    onus_clock_utc(now);
    json_t *all = json_pack("{s:O, s:O, s:I, s:s, s:s}", "claim", claim, "observed", observed,
                            "n", (json_int_t)(l->n + 1), "time", now, "type", type);
    if (!all) return onus_fail_mem(err, type);
    onus_buf line;
    onus_buf_init(&line, l->mem, ONUS_LINE_MAX);
    onus_json_canonical(&line, all);
    json_decref(all);
    onus_status st = onus_buf_status(&line, type, err);
    if (st == ONUS_OK)
        st = onus_appender_add(l->file, line.data, line.len, wants_sync(type), err);
    if (st == ONUS_OK) {
        onus_merkle_add(&l->tree, line.data, line.len);
        l->n++;
    }
    onus_buf_release(&line);
    return st;
}

/* ---- comparing --------------------------------------------------------------------------- */

static const char *value_text(onus_ledger *l, const json_t *v)
{
    enum { SHOWN = 80 };
    if (!v) return "absent";
    onus_buf text;
    onus_buf_init(&text, l->mem, ONUS_LINE_MAX);
    onus_json_canonical(&text, v);
    const char *copy = text.data ? onus_arena_printf(&l->texts, "%.*s%s", SHOWN, text.data,
                                                     text.len > SHOWN ? "..." : "")
                                 : NULL;
    onus_buf_release(&text);
    return copy ? copy : "?";
}

static onus_status differ(onus_ledger *l, const onus_entry *e, const char *type,
                          const char *field, const json_t *stored, const json_t *found,
                          onus_err *err)
{
    onus_mismatch m = {.n = e ? e->n : l->n + 1,
                       .stored = value_text(l, stored),
                       .found = value_text(l, found)};
    m.type = onus_arena_strdup(&l->texts, type);
    m.field = onus_arena_strdup(&l->texts, field);
    if (!m.type || !m.field) return onus_fail_mem(err, "ledger");
    if (l->n_mismatches < MISMATCHES_MAX) l->mismatches[l->n_mismatches++] = m;
    if (l->collect) return ONUS_OK;
    return onus_fail(err, ONUS_MISMATCH,
                     "event %lld (%s): %s is %s in the ledger, %s when recomputed",
                     (long long)m.n, type, field, m.stored, m.found);
}

/* Every field of the stored claim and of the new one. Values compare by their canonical text: 1
 * and 1.0 are one number. */
static onus_status compare(onus_ledger *l, const onus_entry *e, json_t *claim, onus_err *err)
{
    const char *name;
    json_t *v;
    onus_buf a, b;
    onus_status st = ONUS_OK;
    onus_buf_init(&a, l->mem, ONUS_LINE_MAX);
    onus_buf_init(&b, l->mem, ONUS_LINE_MAX);
    const int64_t before = l->n_mismatches;
    l->compared++;
    json_object_foreach(claim, name, v)
    {
        const json_t *old = json_object_get(e->claim, name);
        onus_buf_clear(&a);
        onus_buf_clear(&b);
        if (old) onus_json_canonical(&a, old);
        onus_json_canonical(&b, v);
        ONUS_TRY(onus_buf_status(&a, "ledger", err));
        ONUS_TRY(onus_buf_status(&b, "ledger", err));
        if (!old || a.len != b.len || memcmp(a.data, b.data, a.len) != 0)
            ONUS_TRY(differ(l, e, e->type, name, old, v, err));
    }
    json_object_foreach(e->claim, name, v)
    {
        if (!json_object_get(claim, name)) ONUS_TRY(differ(l, e, e->type, name, v, NULL, err));
    }
    /* A stranger's recipe may name any file of ours: what is not the run's data is not shown,
     * so even a replay that collects goes no further. */
    if (l->n_mismatches > before && strcmp(e->type, "data.read") == 0)
        st = onus_fail(err, ONUS_MISMATCH, "event %lld (data.read): the data is not the run's",
                       (long long)e->n);
done:
    onus_buf_release(&a);
    onus_buf_release(&b);
    return st;
}

/* Goes to the next stored entry that claims something; false: there is none. */
static bool next_stored(onus_ledger *l)
{
    const int64_t n = onus_log_count(l->stored);
    while (l->at < n && !onus_log_claims(l->stored, l->at)) l->at++;
    return l->at < n;
}

/* The stored entry that it stands at against an event. */
static onus_status compare_next(onus_ledger *l, const char *type, json_t *claim, onus_err *err)
{
    onus_taken stored;
    onus_status st = onus_log_take(l->stored, l->at, &stored, err);
    if (st != ONUS_OK) return st;
    const onus_entry *e = &stored.entry;
    l->at++;
    if (strcmp(e->type, type) == 0) {
        st = compare(l, e, claim, err);
    } else {
        json_t *said = json_string(e->type), *found = json_string(type);
        st = said && found ? differ(l, e, type, "type", said, found, err)
                           : onus_fail_mem(err, "ledger");
        json_decref(said);
        json_decref(found);
    }
    onus_taken_release(&stored);
    return st;
}

static onus_status append_queued(onus_ledger *l, onus_err *err)
{
    if (!l->queued) return ONUS_OK;
    json_t *observed = l->queued, *claim = json_object();
    l->queued = NULL;
    onus_status st = claim ? append(l, "run.resume", claim, observed, err)
                           : onus_fail_mem(err, "run.resume");
    json_decref(claim);
    json_decref(observed);
    return st;
}

/* An event while stored lines last: compared, dropped (it claims nothing and is there already),
 * or the first one that is new. */
static onus_status check(onus_ledger *l, const char *type, json_t *claim, json_t *observed,
                         bool *done, onus_err *err)
{
    *done = true;
    if (l->mode == ONUS_LEDGER_RESUME && strcmp(type, "run.resume") == 0) {
        json_decref(l->queued);
        l->queued = json_incref(observed);
        return ONUS_OK;
    }
    const bool claims = json_object_size(claim) > 0;
    const bool more = next_stored(l);
    if (more && claims) return compare_next(l, type, claim, err);
    if (l->mode == ONUS_LEDGER_REPLAY)
        return claims ? differ(l, NULL, type, "type", NULL, claim, err) : ONUS_OK;
    /* nothing with a claim is left: an event without one may still be among the last lines */
    if (!claims && (more || onus_log_next(l->stored, type, 0) >= 0)) return ONUS_OK;
    *done = false;
    return ONUS_OK;
}

static onus_status emit(void *ctx, const onus_event *event, onus_err *err)
{
    onus_ledger *l = ctx;
    json_t *claim, *observed;
    bool done = false;
    onus_status st = bodies(event, &claim, &observed, err);
    if (st != ONUS_OK) return st;
    if (l->stored) st = check(l, event->type, claim, observed, &done, err);
    if (st == ONUS_OK && !done) st = append_queued(l, err);
    if (st == ONUS_OK && !done) st = append(l, event->type, claim, observed, err);
    json_decref(claim);
    json_decref(observed);
    return st;
}

onus_sink onus_ledger_sink(onus_ledger *l)
{
    return (onus_sink){.emit = emit, .ctx = l};
}

/* ---- asking ------------------------------------------------------------------------------ */

onus_status onus_ledger_skip_to(onus_ledger *l, const char *type, const char *name, int64_t v,
                                onus_err *err)
{
    int64_t i = l->stored ? l->at : -1;
    for (; i >= 0 && (i = onus_log_next(l->stored, type, i)) >= 0; i++) {
        onus_taken stored;
        onus_status st = onus_log_take(l->stored, i, &stored, err);
        if (st != ONUS_OK) return st;
        const json_t *x = json_object_get(stored.entry.claim, name);
        const bool is_it = json_is_number(x) && json_number_value(x) == (double)v;
        onus_taken_release(&stored);
        if (!is_it) continue;
        l->at = i + 1;
        return ONUS_OK;
    }
    return onus_fail(err, ONUS_MISMATCH, "the ledger has no %s with %s %lld", type, name,
                     (long long)v);
}

onus_status onus_ledger_settle(onus_ledger *l, onus_err *err)
{
    return l->stored && next_stored(l) ? ONUS_OK : append_queued(l, err);
}

void onus_ledger_collect(onus_ledger *l, bool collect)
{
    l->collect = collect;
}

int64_t onus_ledger_mismatches(const onus_ledger *l, const onus_mismatch **list)
{
    *list = l->mismatches;
    return l->n_mismatches;
}

int64_t onus_ledger_count(const onus_ledger *l)
{
    return l->n;
}

int64_t onus_ledger_compared(const onus_ledger *l)
{
    return l->compared;
}

bool onus_ledger_at_end(const onus_ledger *l)
{
    for (int64_t i = l->at; l->stored && i < onus_log_count(l->stored); i++) {
        if (onus_log_claims(l->stored, i)) return false;
    }
    return true;
}

void onus_ledger_root(const onus_ledger *l, uint8_t root[32])
{
    onus_merkle_root(&l->tree, root);
}
