/* SPDX-License-Identifier: Apache-2.0
 * stored_run.h - the runs of many_runs.h as arrays of events that a test forges in memory:
 * judged there, or written as a run whose report is built again and whose head a forger has
 * signed. */
#ifndef ONUS_TESTS_STORED_RUN_H
#define ONUS_TESTS_STORED_RUN_H
#include <math.h>

#include "forge.h"
#include "many_runs.h"
#include "proof/entry_event.h"
#include "proof/judge.h"

/* ---- runs as arrays of events ------------------------------------------------------------ */

enum { EVENTS_MAX = LINES_MAX, FIELDS_MAX = 4096 };

typedef struct {
    const char *name;
    onus_event ev[EVENTS_MAX];
    const onus_event_row *row[EVENTS_MAX];
    int n;
    bool labels, is_private;
    onus_arena arena;
    onus_log *log;
} stored_run;

static stored_run runs[N_SMALL_RUNS];
static onus_event w[EVENTS_MAX + 8]; /* the forged one */
static int m;
static onus_field scratch[3][FIELDS_MAX];
static bool slow, report_is_forged;

static inline void read_run(stored_run *r, const char *name)
{
    char path[64];
    onus_err err = {.msg = ""};
    onus_judge *j = NULL;
    snprintf(path, sizeof path, "%s/ledger.jsonl", name);
    if (onus_log_read(&r->log, in_room(path), NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
    r->name = name;
    r->n = (int)onus_log_count(r->log);
    assert_true(r->n < EVENTS_MAX);
    onus_arena_init(&r->arena, NULL);
    assert_int_equal(onus_judge_create(&j, NULL, &err), ONUS_OK);
    for (int i = 0; i < r->n; i++) {
        assert_int_equal(onus_entry_event(onus_log_at(r->log, i), &r->arena, &r->ev[i], &err),
                         ONUS_OK);
        assert_true(r->ev[i].n_fields + 8 < FIELDS_MAX);
        if (onus_judge_event(j, &r->ev[i], &err) != ONUS_OK) fail_msg("%s", err.msg);
        r->row[i] = onus_judge_row(j);
    }
    assert_int_equal(onus_judge_end(j, &err), ONUS_OK);
    r->labels = onus_judge_scope(j)->is & ONUS_IF_LABELS;
    r->is_private = onus_judge_scope(j)->is & ONUS_IF_PRIVATE;
    onus_judge_destroy(j);
}

static inline int open_runs(void **state)
{
    slow = getenv("ONUS_SLOW");
    if (open_many_runs(state)) return -1;
    for (int i = 0; i < N_SMALL_RUNS; i++) read_run(&runs[i], small_runs[i].name);
    return 0;
}

static inline void copy(const stored_run *r)
{
    memcpy(w, r->ev, sizeof *w * (size_t)r->n);
    m = r->n;
}

/* The fields of a forged event, to be changed. */
static inline onus_field *open_fields(int at, int slot)
{
    if (w[at].n_fields)
        memcpy(scratch[slot], w[at].fields, sizeof(onus_field) * (size_t)w[at].n_fields);
    w[at].fields = scratch[slot];
    return scratch[slot];
}

static inline void add_field(int at, int slot, const onus_field *f)
{
    open_fields(at, slot)[w[at].n_fields] = *f;
    w[at].n_fields++;
}

static inline void drop_field(int at, int slot, int64_t k)
{
    onus_field *f = open_fields(at, slot);
    w[at].n_fields--;
    memmove(f + k, f + k + 1, sizeof *f * (size_t)(w[at].n_fields - k));
}

static inline void drop_at(int i)
{
    memmove(w + i, w + i + 1, sizeof *w * (size_t)(m - i - 1));
    m--;
}

static inline void put_at(int i, const onus_event *e)
{
    memmove(w + i + 1, w + i, sizeof *w * (size_t)(m - i));
    w[i] = *e;
    m++;
}

/* A forger makes the report anew, so that it tells of as many events as there are. */
static inline void count_events(void)
{
    for (int i = 0; i < m; i++) {
        if (strcmp(w[i].type, "report") != 0) continue;
        onus_field *f = open_fields(i, 2);
        for (int64_t k = 0; k < w[i].n_fields; k++) {
            if (strcmp(f[k].name, "report.events") == 0 && f[k].kind == ONUS_FIELD_INT)
                f[k].i = i;
        }
        return;
    }
}

/* ---- judged ------------------------------------------------------------------------------ */

/* All memory of a judge is one block, so that it can be put back to what it was after the first
 * i events of a run: a forgery costs the events from the one that it changed. */
enum { BLOCK_BYTES = 32 << 20 };
static struct {
    const stored_run *run;
    onus_judge *judge;
    size_t used;
    struct {
        char *bytes;
        size_t n;
    } after[EVENTS_MAX];
    _Alignas(max_align_t) char block[BLOCK_BYTES];
} before;

/* A piece stands behind its size; what is freed comes back with the whole block. */
static inline void *resize_in_block(void *ctx, void *ptr, size_t size)
{
    const size_t head = sizeof(max_align_t), had = ptr ? *(size_t *)((char *)ptr - head) : 0;
    (void)ctx;
    if (size == 0) return NULL;
    const size_t bytes = head + (size + head - 1) / head * head;
    if (bytes > BLOCK_BYTES - before.used) fail_msg("the block of a judge is too small");
    char *piece = before.block + before.used + head;
    before.used += bytes;
    *(size_t *)(piece - head) = size;
    if (had) memcpy(piece, ptr, had < size ? had : size);
    return piece;
}

static inline void forget_judge(void)
{
    for (int i = 0; i < EVENTS_MAX; i++) free(before.after[i].bytes);
    memset(before.after, 0, sizeof before.after);
    before.run = NULL;
}

static inline int close_runs(void **state)
{
    forget_judge();
    for (int i = 0; i < N_SMALL_RUNS; i++) {
        onus_arena_release(&runs[i].arena);
        onus_log_close(runs[i].log);
    }
    return close_run_room(state);
}

static inline void keep_after(int i)
{
    before.after[i].n = before.used;
    before.after[i].bytes = malloc(before.used);
    assert_non_null(before.after[i].bytes);
    memcpy(before.after[i].bytes, before.block, before.used);
}

static inline void judge_as_it_is(const stored_run *r)
{
    static const onus_allocator mem = {.resize = resize_in_block};
    forget_judge();
    before.run = r;
    before.used = 0;
    assert_int_equal(onus_judge_create(&before.judge, &mem, NULL), ONUS_OK);
    for (int i = 0; i < r->n; i++) {
        keep_after(i);
        assert_int_equal(onus_judge_event(before.judge, &r->ev[i], NULL), ONUS_OK);
    }
    keep_after(r->n);
}

/* What was forged of the run is in w. */
static inline onus_status judge(const stored_run *r, onus_err *err)
{
    onus_status st = ONUS_OK;
    int i = 0;
    if (before.run != r) judge_as_it_is(r);
    while (i < m && i < r->n && memcmp(&w[i], &r->ev[i], sizeof w[i]) == 0) i++;
    before.used = before.after[i].n;
    memcpy(before.block, before.after[i].bytes, before.used);
    for (; st == ONUS_OK && i < m; i++) st = onus_judge_event(before.judge, &w[i], err);
    return st == ONUS_OK ? onus_judge_end(before.judge, err) : st;
}

/* ---- the whole of verify ----------------------------------------------------------------- */

static inline json_t *json_of(const onus_field *f)
{
    json_t *list;
    switch (f->kind) {
    case ONUS_FIELD_INT: return json_integer(f->i);
    case ONUS_FIELD_REAL: return isfinite(f->r) ? json_real(f->r) : json_string("undefined");
    case ONUS_FIELD_TEXT: return json_string(f->text);
    case ONUS_FIELD_UNDEFINED: return json_string("undefined");
    default: break;
    }
    list = json_array();
    for (int64_t i = 0; i < f->n; i++)
        json_array_append_new(list, f->kind == ONUS_FIELD_TEXTS ? json_string(f->texts[i])
                                    : isfinite(f->reals[i])     ? json_real(f->reals[i])
                                                                : json_null());
    return list;
}

/* The forged events as a signed run, "forged"; false where JSON cannot say it: a name twice in
 * one body. */
static inline bool write_forged(const stored_run *r)
{
    char command[300], origin[80];
    book b = {.n = 0};
    bool said = true; /* a type of no letters is no line of a ledger either */
    for (int i = 0; i < m; i++) {
        json_t *claim = json_object(), *seen = json_object();
        said = said && w[i].type[0];
        for (int64_t k = 0; k < w[i].n_fields; k++) {
            const onus_field *f = &w[i].fields[k];
            json_t *in = f->observed ? seen : claim;
            said = said && !json_object_get(in, f->name);
            json_object_set_new(in, f->name, json_of(f));
        }
        b.line[b.n++] = json_pack("{s:s, s:s, s:o, s:o}", "type", w[i].type, "time",
                                  "2026-11-22T14:03:11Z", "claim", claim, "observed", seen);
    }
    if (!said) {
        book_release(&b);
        return false;
    }
    snprintf(command, sizeof command, "cd %s && rm -rf forged && cp -r %s forged", run_room,
             r->name);
    assert_int_equal(system(command), 0);
    book_write(&b, "forged");
    /* a forged report event stays; where no report can be made of the rest, so does the page */
    if (!report_is_forged) (void)settle("forged");
    snprintf(origin, sizeof origin, "onus/%s", r->name);
    sign_again("forged", origin);
    return true;
}

static inline onus_status verify(onus_err *err)
{
    const onus_verify_opts o = {.run = in_room("forged")};
    *err = (onus_err){.msg = ""};
    return onus_verify(&o, NULL, NULL, err);
}

static inline onus_status replay(onus_err *err)
{
    const onus_replay_opts o = {.run = in_room("forged"), .threads = 1};
    *err = (onus_err){.msg = ""};
    return onus_replay(&o, NULL, NULL, err);
}

/* The row of a field, and which of a measured name it is. */
static inline const onus_name_row *row_of(const stored_run *r, int i, const char *name,
                                          int *suffix)
{
    const onus_event_row *e = r->row[i];
    const onus_name_row *row, *first = NULL;
    int s, first_suffix = 0;
    if (r->labels && e->block && !e->bare) name = strchr(name + strlen("label."), '.') + 1;
    for (int k = 0; (row = onus_names_match(e, name, &k, &s)); k++) {
        if (!first || !strchr(row->pattern, '<')) {
            first = row;
            first_suffix = s;
        }
    }
    assert_non_null(first);
    *suffix = first_suffix;
    return first;
}

/* Is it the first of its row in the run, or in all of them? */
static inline bool is_first(const stored_run *r, int i, int64_t k, bool of_all)
{
    static bool seen[N_SMALL_RUNS + 1][64][128][ONUS_SUFFIXES];
    int suffix, e = 0;
    const onus_name_row *row = row_of(r, i, r->ev[i].fields[k].name, &suffix);
    while (onus_event_rows[e] != r->row[i]) e++;
    bool *was = &seen[of_all ? N_SMALL_RUNS : r - runs][e][row - r->row[i]->names][suffix];
    const bool first = !*was;
    *was = true;
    return first;
}
#endif
