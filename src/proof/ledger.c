/* SPDX-License-Identifier: Apache-2.0
 * ledger.c - the ledger as it is written, and compared with while a run is done again. See
 * ledger.h for the three modes. */
#include "proof/ledger.h"

#include <errno.h>
#include <stdlib.h>
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
    char *queued; /* RESUME: observed body of run.resume until stored lines end */
    onus_buf claim, observed, line; /* of the event at hand */
};

/* ---- opening ----------------------------------------------------------------------------- */

/* Cuts what stands after the last line end, which is looked for from the end of the file. */
static onus_status drop_torn(const char *path, int64_t *torn, onus_err *err)
{
    char piece[4096];
    size_t size = 0, keep;
    int fd;
    onus_status st = onus_file_open(path, &fd, &size, err);
    if (st != ONUS_OK) return st;
    for (keep = size; keep > 0;) {
        const size_t n = keep < sizeof piece ? keep : sizeof piece;
        ONUS_TRY(onus_file_read_at(fd, path, keep - n, piece, n, err));
        const char *end = memrchr(piece, '\n', n);
        keep -= end ? n - (size_t)(end - piece) - 1 : n;
        if (end) break;
    }
    if (torn) *torn = (int64_t)(size - keep);
    if (keep < size && truncate(path, (off_t)keep) != 0)
        st = onus_fail(err, ONUS_IO, "cannot cut the torn last line of '%s': %s", path,
                       strerror(errno));
done:
    close(fd);
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
    onus_buf_init(&l->claim, mem, ONUS_LINE_MAX);
    onus_buf_init(&l->observed, mem, ONUS_LINE_MAX);
    onus_buf_init(&l->line, mem, ONUS_LINE_MAX);
    if (mode != ONUS_LEDGER_REPLAY) ONUS_TRY(onus_appender_open(&l->file, path, mem, err));
    if (mode == ONUS_LEDGER_WRITE && (stat(path, &info) != 0 || info.st_size > 0)) {
        st = onus_fail(err, ONUS_IO, "'%s' was begun by another run", path);
        goto done;
    }
    if (mode == ONUS_LEDGER_RESUME) ONUS_TRY(drop_torn(path, torn_bytes, err));
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
    onus_buf_release(&l->claim);
    onus_buf_release(&l->observed);
    onus_buf_release(&l->line);
    onus_free(l->mem, l->queued);
    onus_free(l->mem, l);
    return st;
}

/* ---- an event as text -------------------------------------------------------------------- */

static bool is_utf8(const char *text)
{
    while (*text) {
        const int n = onus_utf8_len(text);
        if (n == 0) return false;
        text += n;
    }
    return true;
}

/* What a line can hold: numbers that binary64 holds, texts of UTF-8. */
static onus_status check_field(const char *type, const onus_field *f, onus_err *err)
{
    const int64_t exact = INT64_C(1) << 53;
    bool texts = is_utf8(f->name) && (f->kind != ONUS_FIELD_TEXT || is_utf8(f->text));
    for (int64_t i = 0; f->kind == ONUS_FIELD_TEXTS && i < f->n; i++)
        texts = texts && is_utf8(f->texts[i]);
    if (!texts)
        return onus_fail(err, ONUS_BAD_INPUT, "event %s: '%.100s' is not UTF-8", type, f->name);
    if (f->kind == ONUS_FIELD_INT && (f->i > exact || f->i < -exact))
        return onus_fail(err, ONUS_BAD_ARG, "event %s: '%.100s' is %lld, beyond 2^53", type,
                         f->name, (long long)f->i);
    return ONUS_OK;
}

static void write_list(onus_buf *out, const onus_field *f)
{
    onus_buf_str(out, "[");
    for (int64_t i = 0; i < f->n; i++) {
        if (i > 0) onus_buf_str(out, ",");
        if (f->kind == ONUS_FIELD_TEXTS)
            onus_json_string(out, f->texts[i]);
        else if (f->reals[i] - f->reals[i] == 0)
            onus_json_number(out, f->reals[i]);
        else
            onus_buf_str(out, "null");
    }
    onus_buf_str(out, "]");
}

static void write_value(onus_buf *out, const onus_field *f)
{
    const bool is_finite = f->kind != ONUS_FIELD_REAL || f->r - f->r == 0;
    switch (is_finite ? f->kind : ONUS_FIELD_UNDEFINED) {
    case ONUS_FIELD_INT: onus_json_number(out, (double)f->i); break;
    case ONUS_FIELD_REAL: onus_json_number(out, f->r); break;
    case ONUS_FIELD_TEXT: onus_json_string(out, f->text); break;
    case ONUS_FIELD_UNDEFINED: onus_json_string(out, "undefined"); break;
    default: write_list(out, f);
    }
}

static int by_name(const void *a, const void *b)
{
    return onus_json_key_order((*(const onus_field *const *)a)->name,
                               (*(const onus_field *const *)b)->name);
}

static void write_body(onus_buf *out, const onus_field *const *fields, int64_t n, bool observed)
{
    onus_buf_clear(out);
    onus_buf_str(out, "{");
    for (int64_t i = 0; i < n; i++) {
        if (fields[i]->observed != observed) continue;
        if (out->len > 1) onus_buf_str(out, ",");
        onus_json_string(out, fields[i]->name);
        onus_buf_str(out, ":");
        write_value(out, fields[i]);
    }
    onus_buf_str(out, "}");
}

/* Claim and observed as canonical objects, a name once in both. */
static onus_status write_bodies(onus_ledger *l, const onus_event *e, onus_err *err)
{
    onus_status st = ONUS_OK;
    const int64_t n = e->n_fields;
    const onus_field **sorted = onus_alloc(l->mem, (size_t)n + 1, sizeof *sorted);
    if (!sorted) return onus_fail_mem(err, e->type);
    for (int64_t i = 0; i < n; i++) {
        ONUS_TRY(check_field(e->type, &e->fields[i], err));
        sorted[i] = &e->fields[i];
    }
    qsort(sorted, (size_t)n, sizeof *sorted, by_name);
    for (int64_t i = 1; i < n; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) != 0) continue;
        st = onus_fail(err, ONUS_BAD_ARG, "event %s names '%.100s' twice", e->type,
                       sorted[i]->name);
        goto done;
    }
    write_body(&l->claim, sorted, n, false);
    write_body(&l->observed, sorted, n, true);
    ONUS_TRY(onus_buf_status(&l->claim, e->type, err));
    ONUS_TRY(onus_buf_status(&l->observed, e->type, err));
done:
    onus_free(l->mem, sorted);
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

/* claim, observed: canonical objects. */
static onus_status append(onus_ledger *l, const char *type, const char *claim,
                          const char *observed, onus_err *err)
{
    char now[21];
    onus_clock_utc(now);
    onus_buf *line = &l->line;
    onus_buf_clear(line);
    onus_buf_str(line, "{\"claim\":");
    onus_buf_str(line, claim);
    onus_buf_str(line, ",\"n\":");
    onus_json_number(line, (double)(l->n + 1));
    onus_buf_str(line, ",\"observed\":");
    onus_buf_str(line, observed);
    onus_buf_str(line, ",\"time\":");
    onus_json_string(line, now);
    onus_buf_str(line, ",\"type\":");
    onus_json_string(line, type);
    onus_buf_str(line, "}");
    onus_status st = onus_buf_status(line, type, err);
    if (st == ONUS_OK)
        st = onus_appender_add(l->file, line->data, line->len, wants_sync(type), err);
    if (st != ONUS_OK) return st;
    onus_merkle_add(&l->tree, line->data, line->len);
    l->n++;
    return ONUS_OK;
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

/* The stored entry that it stands at against an event's claim. A line begins with its claim, in
 * the one spelling that both have: only where they differ are values looked at. */
static onus_status compare_next(onus_ledger *l, const char *type, onus_err *err)
{
    onus_status st = ONUS_OK;
    size_t len;
    const int64_t at = l->at++;
    const char *line = onus_log_line(l->stored, at, &len);
    const size_t key = strlen("{\"claim\":"), n = l->claim.len;
    const bool same_type = strcmp(onus_log_type_at(l->stored, at), type) == 0;
    l->compared += same_type;
    if (same_type && key + n < len && memcmp(line + key, l->claim.data, n) == 0 &&
        line[key + n] == ',')
        return ONUS_OK;
    onus_taken stored = {.root = NULL};
    json_t *claim = NULL, *said = NULL, *found = NULL;
    ONUS_TRY(onus_log_take(l->stored, at, &stored, err));
    if (same_type) {
        ONUS_TRY(onus_json_parse(&claim, l->claim.data, l->claim.len, type, err));
        ONUS_TRY(compare(l, &stored.entry, claim, err));
    } else {
        said = json_string(stored.entry.type);
        found = json_string(type);
        st = said && found ? differ(l, &stored.entry, type, "type", said, found, err)
                           : onus_fail_mem(err, "ledger");
    }
done:
    onus_taken_release(&stored);
    json_decref(claim);
    json_decref(said);
    json_decref(found);
    return st;
}

/* An event past the last stored claim, in a replay. */
static onus_status not_stored(onus_ledger *l, const char *type, onus_err *err)
{
    json_t *claim = NULL;
    onus_status st = onus_json_parse(&claim, l->claim.data, l->claim.len, type, err);
    if (st == ONUS_OK) st = differ(l, NULL, type, "type", NULL, claim, err);
    json_decref(claim);
    return st;
}

static onus_status append_queued(onus_ledger *l, onus_err *err)
{
    if (!l->queued) return ONUS_OK;
    char *observed = l->queued;
    l->queued = NULL;
    onus_status st = append(l, "run.resume", "{}", observed, err);
    onus_free(l->mem, observed);
    return st;
}

/* An event while stored lines last: compared, dropped (it claims nothing and is there already),
 * or the first one that is new. */
static onus_status check(onus_ledger *l, const char *type, bool *done, onus_err *err)
{
    *done = true;
    if (l->mode == ONUS_LEDGER_RESUME && strcmp(type, "run.resume") == 0) {
        onus_free(l->mem, l->queued);
        l->queued = onus_strdup(l->mem, l->observed.data);
        return l->queued ? ONUS_OK : onus_fail_mem(err, type);
    }
    const bool claims = l->claim.len > strlen("{}"), more = next_stored(l);
    if (more && claims) return compare_next(l, type, err);
    if (l->mode == ONUS_LEDGER_REPLAY) return claims ? not_stored(l, type, err) : ONUS_OK;
    /* nothing with a claim is left: an event without one may still be among the last lines */
    if (!claims && (more || onus_log_next(l->stored, type, 0) >= 0)) return ONUS_OK;
    *done = false;
    return ONUS_OK;
}

static onus_status emit(void *ctx, const onus_event *event, onus_err *err)
{
    onus_ledger *l = ctx;
    bool done = false;
    onus_status st = write_bodies(l, event, err);
    if (st == ONUS_OK && l->stored) st = check(l, event->type, &done, err);
    if (st == ONUS_OK && !done) st = append_queued(l, err);
    if (st == ONUS_OK && !done)
        st = append(l, event->type, l->claim.data, l->observed.data, err);
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
