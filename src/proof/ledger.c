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
#include "proof/entry_event.h"
#include "proof/judge.h"
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
    const onus_entry *matched; /* what the last event was compared with */
    const char **again;        /* REPLAY: lines with the claims as recomputed, NULL: not yet */
    struct onus_judge *judge;  /* NULL: lines are not held to the registry */
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
    if (l->mode != ONUS_LEDGER_REPLAY) return ONUS_OK;
    l->again = onus_arena_alloc(&l->texts, (size_t)l->n + 1, sizeof *l->again);
    return l->again ? ONUS_OK : onus_fail_mem(err, path);
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

bool onus_event_between(const char *type)
{
    const onus_event_row *row = onus_names_event(type);
    return row && row->times == ONUS_TIMES_ANYWHERE;
}

static bool is_synced(const char *type)
{
    const onus_event_row *row = onus_names_event(type);
    return row && row->synced;
}

/* A line into out, from canonical objects. */
static onus_status line_of(onus_buf *out, const char *type, const char *claim,
                           const char *observed, int64_t n, const char *time, onus_err *err)
{
    onus_buf_clear(out);
    onus_buf_str(out, "{\"claim\":");
    onus_buf_str(out, claim);
    onus_buf_str(out, ",\"n\":");
    onus_json_number(out, (double)n);
    onus_buf_str(out, ",\"observed\":");
    onus_buf_str(out, observed);
    onus_buf_str(out, ",\"time\":");
    onus_json_string(out, time);
    onus_buf_str(out, ",\"type\":");
    onus_json_string(out, type);
    onus_buf_str(out, "}");
    return onus_buf_status(out, type, err);
}

static onus_status append(onus_ledger *l, const char *type, const char *claim,
                          const char *observed, onus_err *err)
{
    char now[21];
    onus_clock_utc(now);
    onus_buf *line = &l->line;
    onus_status st = line_of(line, type, claim, observed, l->n + 1, now, err);
    if (st == ONUS_OK)
        st = onus_appender_add(l->file, line->data, line->len, is_synced(type), err);
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

static onus_status compare_value(onus_ledger *l, const onus_entry *e, const char *name,
                                 const json_t *old, const json_t *v, onus_err *err)
{
    onus_buf a, b;
    onus_buf_init(&a, l->mem, ONUS_LINE_MAX);
    onus_buf_init(&b, l->mem, ONUS_LINE_MAX);
    if (old) onus_json_canonical(&a, old);
    if (v) onus_json_canonical(&b, v);
    onus_status st = onus_buf_status(&a, "ledger", err);
    if (st == ONUS_OK) st = onus_buf_status(&b, "ledger", err);
    if (st == ONUS_OK && (!old || !v || a.len != b.len || memcmp(a.data, b.data, a.len) != 0))
        st = differ(l, e, e->type, name, old, v, err);
    onus_buf_release(&a);
    onus_buf_release(&b);
    return st;
}

/* Every claim of the stored line and of the new one. Values compare by their canonical text: 1
 * and 1.0 are one number. */
static onus_status compare_claim(onus_ledger *l, const onus_entry *e, json_t *found,
                                 onus_err *err)
{
    const char *name;
    json_t *v;
    onus_status st = ONUS_OK;
    json_object_foreach(found, name, v)
    {
        ONUS_TRY(compare_value(l, e, name, json_object_get(e->claim, name), v, err));
    }
    json_object_foreach(e->claim, name, v)
    {
        if (!json_object_get(found, name)) ONUS_TRY(differ(l, e, e->type, name, v, NULL, err));
    }
done:
    return st;
}

static const onus_name_row *row_of(const onus_entry *e, const char *name)
{
    int suffix;
    return onus_names_find(e->type, name, &suffix);
}

/* Seen by the machine or the place of the run itself alone: a replay may lack it, or the run.
 */
static bool may_lack(const onus_entry *e, const char *name)
{
    const onus_name_row *row = row_of(e, name);
    return row && row->may;
}

/* What was observed is another machine's, so the names alone; but a verdict follows from
 * observed values before it, which are taken as stored. */
static onus_status compare_observed(onus_ledger *l, const onus_entry *e, json_t *found,
                                    onus_err *err)
{
    const char *name;
    json_t *v;
    onus_status st = ONUS_OK;
    json_object_foreach(found, name, v)
    {
        const onus_name_row *row = row_of(e, name);
        const json_t *old = json_object_get(e->observed, name);
        if (row && row->body == ONUS_BODY_JUDGED)
            ONUS_TRY(compare_value(l, e, name, old, v, err));
        else if (!old && !may_lack(e, name))
            ONUS_TRY(differ(l, e, e->type, name, NULL, v, err));
    }
    json_object_foreach(e->observed, name, v)
    {
        if (!json_object_get(found, name) && !may_lack(e, name))
            ONUS_TRY(differ(l, e, e->type, name, v, NULL, err));
    }
done:
    return st;
}

/* The stored line with the claim as it was found now. */
static onus_status write_again(onus_ledger *l, const onus_entry *e, onus_err *err)
{
    onus_buf seen;
    onus_buf_init(&seen, l->mem, ONUS_LINE_MAX);
    onus_json_canonical(&seen, e->observed);
    onus_status st = onus_buf_status(&seen, "ledger", err);
    if (st == ONUS_OK)
        st = line_of(&l->line, e->type, l->claim.data, seen.data, e->n, e->time, err);
    if (st == ONUS_OK && !(l->again[e->n - 1] = onus_arena_strdup(&l->texts, l->line.data)))
        st = onus_fail_mem(err, "ledger");
    onus_buf_release(&seen);
    return st;
}

static onus_status compare(onus_ledger *l, const onus_entry *e, json_t *claim, json_t *observed,
                           onus_err *err)
{
    onus_status st = ONUS_OK;
    const int64_t before = l->n_mismatches;
    l->compared += json_object_size(claim) > 0;
    ONUS_TRY(compare_claim(l, e, claim, err));
    if (l->mode == ONUS_LEDGER_REPLAY) {
        ONUS_TRY(compare_observed(l, e, observed, err));
        ONUS_TRY(write_again(l, e, err));
    }
    /* A stranger's recipe may name any file of ours: what is not the run's data is not shown,
     * so even a replay that collects goes no further. */
    if (l->n_mismatches > before && strcmp(e->type, "data.read") == 0)
        st = onus_fail(err, ONUS_MISMATCH, "event %lld (data.read): the data is not the run's",
                       (long long)e->n);
done:
    return st;
}

/* It stands between others: without a claim, and with names of its own, so that nobody takes
 * what it says for a result. */
static bool stands_between(const onus_entry *e)
{
    const char *name;
    json_t *v;
    const size_t n = strlen(e->type);
    if (!onus_event_between(e->type) || json_object_size(e->claim) > 0) return false;
    json_object_foreach(e->observed, name, v)
    {
        if (strncmp(name, e->type, n) != 0 || name[n] != '.') return false;
    }
    return true;
}

/* The next stored entry that a run must say again, or NULL. */
static const onus_entry *next_stored(onus_ledger *l)
{
    const onus_entry *e;
    while ((e = onus_log_at(l->stored, l->at)) != NULL && stands_between(e)) l->at++;
    return e;
}

/* Another event than the one that belongs here (NULL: none does). What follows cannot be laid
 * side by side, so this ends a replay that collects, too. */
static onus_status out_of_step(onus_ledger *l, const onus_entry *e, const char *type,
                               onus_err *err)
{
    json_t *stored = e ? json_string(e->type) : NULL, *found = type ? json_string(type) : NULL;
    onus_status st = (e && !stored) || (type && !found)
                         ? onus_fail_mem(err, "ledger")
                         : differ(l, e, e ? e->type : type, "type", stored, found, err);
    json_decref(stored);
    json_decref(found);
    return st == ONUS_OK ? onus_fail(err, ONUS_MISMATCH, "the ledger is another run's") : st;
}

/* The judge sees what will stand in the line. */
static onus_status held(onus_ledger *l, const onus_event *event, onus_err *err)
{
    return l->judge ? onus_judge_event(l->judge, event, err) : ONUS_OK;
}

static onus_status append_queued(onus_ledger *l, onus_err *err)
{
    if (!l->queued) return ONUS_OK;
    char *observed = l->queued;
    json_t *seen = NULL, *claim = json_object();
    onus_event event;
    onus_arena arena;
    onus_arena_init(&arena, l->mem);
    l->queued = NULL;
    onus_status st = claim ? ONUS_OK : onus_fail_mem(err, "run.resume");
    if (st == ONUS_OK)
        st = onus_json_parse(&seen, observed, strlen(observed), "run.resume", err);
    const onus_entry e = {
        .n = l->n + 1, .type = "run.resume", .claim = claim, .observed = seen};
    if (st == ONUS_OK) st = onus_entry_event(&e, &arena, &event, err);
    if (st == ONUS_OK) st = held(l, &event, err);
    if (st == ONUS_OK) st = append(l, "run.resume", "{}", observed, err);
    onus_free(l->mem, observed);
    json_decref(seen);
    json_decref(claim);
    onus_arena_release(&arena);
    return st;
}

/* What was just written as text, beside the stored line. */
static onus_status compare_event(onus_ledger *l, const onus_entry *e, onus_err *err)
{
    json_t *claim = NULL, *observed = NULL;
    onus_status st = onus_json_parse(&claim, l->claim.data, l->claim.len, e->type, err);
    if (st == ONUS_OK)
        st = onus_json_parse(&observed, l->observed.data, l->observed.len, e->type, err);
    if (st == ONUS_OK) st = compare(l, e, claim, observed, err);
    json_decref(claim);
    json_decref(observed);
    return st;
}

/* An event while stored lines last: compared, or the first one that is new. */
static onus_status check(onus_ledger *l, const char *type, bool *done, onus_err *err)
{
    const onus_entry *e = next_stored(l);
    onus_status st = onus_log_sound(l->stored, err);
    if (st != ONUS_OK) return st;
    *done = e != NULL;
    if (!e && l->mode == ONUS_LEDGER_RESUME) return ONUS_OK;
    if (!e || strcmp(e->type, type) != 0) return out_of_step(l, e, type, err);
    l->at++;
    l->matched = e;
    return compare_event(l, e, err);
}

/* run.resume waits until stored lines end; and a ledger begins with run.begin. */
static onus_status append_in_turn(onus_ledger *l, const onus_event *event, onus_err *err)
{
    const bool first = l->n == 0;
    onus_status st = first ? ONUS_OK : append_queued(l, err);
    if (st == ONUS_OK) st = held(l, event, err);
    if (st == ONUS_OK) st = append(l, event->type, l->claim.data, l->observed.data, err);
    return st == ONUS_OK && first ? append_queued(l, err) : st;
}

static onus_status emit(void *ctx, const onus_event *event, onus_err *err)
{
    onus_ledger *l = ctx;
    bool done = false;
    onus_status st = write_bodies(l, event, err);
    if (st != ONUS_OK) return st;
    l->matched = NULL;
    if (l->mode == ONUS_LEDGER_RESUME && strcmp(event->type, "run.resume") == 0) {
        onus_free(l->mem, l->queued);
        l->queued = onus_strdup(l->mem, l->observed.data);
        return l->queued ? ONUS_OK : onus_fail_mem(err, event->type);
    }
    if (l->stored && !onus_event_between(event->type)) st = check(l, event->type, &done, err);
    return st == ONUS_OK && !done ? append_in_turn(l, event, err) : st;
}

static onus_status hold_stored(void *ctx, const onus_entry *e, onus_err *err)
{
    onus_ledger *l = ctx;
    onus_event event;
    onus_arena arena;
    onus_arena_init(&arena, l->mem);
    onus_status st = onus_entry_event(e, &arena, &event, err);
    if (st == ONUS_OK) st = held(l, &event, err);
    onus_arena_release(&arena);
    return st;
}

onus_status onus_ledger_hold(onus_ledger *l, struct onus_judge *judge, onus_err *err)
{
    l->judge = judge;
    return l->stored ? onus_log_visit(l->stored, l->n, hold_stored, l, err) : ONUS_OK;
}

onus_sink onus_ledger_sink(onus_ledger *l)
{
    return (onus_sink){.emit = emit, .ctx = l};
}

/* ---- asking ------------------------------------------------------------------------------ */

static bool is_among(const char *const *list, const char *word)
{
    while (*list && strcmp(*list, word) != 0) list++;
    return *list != NULL;
}

onus_status onus_ledger_expect(onus_ledger *l, const char *type, const char *const *names,
                               onus_err *err)
{
    const char *name;
    json_t *v;
    onus_status st = ONUS_OK;
    const onus_entry *e = next_stored(l);
    l->matched = NULL;
    ONUS_TRY(onus_log_sound(l->stored, err));
    if (!e || strcmp(e->type, type) != 0) return out_of_step(l, e, type, err);
    l->at++;
    l->matched = e;
    json_object_foreach(e->claim, name, v)
    {
        ONUS_TRY(differ(l, e, type, name, v, NULL, err));
    }
    json_object_foreach(e->observed, name, v)
    {
        if (names && !is_among(names, name)) ONUS_TRY(differ(l, e, type, name, v, NULL, err));
    }
    for (; names && *names; names++) {
        if (json_object_get(e->observed, *names)) continue;
        json_t *something = json_string("something");
        st = something ? differ(l, e, type, *names, NULL, something, err)
                       : onus_fail_mem(err, "ledger");
        json_decref(something);
        if (st != ONUS_OK) goto done;
    }
done:
    return st;
}

onus_status onus_ledger_require(onus_ledger *l, const char *name, const json_t *value,
                                onus_err *err)
{
    const onus_entry *e = l->matched;
    if (!value) return onus_fail_mem(err, "ledger");
    return compare_value(l, e, name, json_object_get(e->observed, name), value, err);
}

onus_status onus_ledger_differ(onus_ledger *l, const char *what, const json_t *stored,
                               const json_t *found, onus_err *err)
{
    return differ(l, l->matched, l->matched->type, what, stored, found, err);
}

const onus_entry *onus_ledger_matched(const onus_ledger *l)
{
    return l->matched;
}

onus_status onus_ledger_end(onus_ledger *l, onus_err *err)
{
    const onus_entry *e = next_stored(l);
    const onus_status st = onus_log_sound(l->stored, err);
    if (st != ONUS_OK) return st;
    return e ? out_of_step(l, e, NULL, err) : ONUS_OK;
}

bool onus_ledger_at_end(onus_ledger *l)
{
    return !l->stored || !next_stored(l);
}

int64_t onus_ledger_place(const onus_ledger *l)
{
    return l->at;
}

void onus_ledger_seek(onus_ledger *l, int64_t n)
{
    l->at = n;
}

onus_status onus_ledger_again(const onus_ledger *l, int64_t n, onus_log **out, onus_err *err)
{
    onus_buf text;
    onus_buf_init(&text, l->mem, ONUS_LEDGER_MAX);
    for (int64_t i = 0; i < n && i < onus_log_count(l->stored); i++) {
        const onus_entry *e = onus_log_at(l->stored, i);
        const char *line = l->again[i];
        onus_buf_add(&text, line ? line : e->line, line ? strlen(line) : e->line_len);
        onus_buf_add(&text, "\n", 1);
    }
    onus_status st = onus_buf_status(&text, "ledger", err);
    if (st == ONUS_OK)
        st = onus_log_parse(out, text.data ? text.data : "", text.len, "ledger", l->mem, err);
    onus_buf_release(&text);
    return st;
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

void onus_ledger_root(const onus_ledger *l, uint8_t root[32])
{
    onus_merkle_root(&l->tree, root);
}
