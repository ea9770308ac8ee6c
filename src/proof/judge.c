/* SPDX-License-Identifier: Apache-2.0
 * judge.c - the sequence of a ledger's events against the registry. What must follow is laid
 * out twice: up to the data sheet from event 1, and from there from the sheet, too; epochs and
 * checkpoints, which may be many, are counted instead. */
#include "proof/judge.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "proof/closed.h"
#include "proof/entry_event.h"
#include "proof/judge_names.h"

typedef struct {
    onus_occurrence of;
    int64_t last; /* of.k to this, one event each: how many there are a ledger says before they
                     are there, so they are counted and not laid out */
    bool optional;
} step;

struct onus_judge {
    const onus_allocator *mem;
    onus_scope scope;
    onus_arena plan, scratch;
    step *steps; /* what is still to come, from `at` */
    int64_t n_steps, cap_steps, at;
    int64_t n; /* events judged */
    onus_epochs epochs;
    onus_verdicts verdicts;
    onus_facts *facts; /* numbers so far */
    onus_facts *kept;  /* texts that later events rest on */
    bool sheet_seen;
    char foreign[64];
    const onus_event_row *row; /* of the event judged last */
};

void onus_judge_destroy(onus_judge *j)
{
    if (!j) return;
    onus_facts_destroy(j->facts);
    onus_facts_destroy(j->kept);
    onus_scope_release(&j->scope);
    onus_arena_release(&j->plan);
    onus_arena_release(&j->scratch);
    onus_free(j->mem, j);
}

onus_status onus_judge_create(onus_judge **out, const onus_allocator *mem, onus_err *err)
{
    onus_judge *j = onus_alloc(mem, 1, sizeof *j);
    if (!j) return onus_fail_mem(err, "ledger");
    j->mem = mem;
    onus_scope_init(&j->scope, mem);
    onus_arena_init(&j->plan, mem);
    onus_arena_init(&j->scratch, mem);
    onus_status st = onus_facts_create(&j->facts, mem, err);
    if (st == ONUS_OK) st = onus_facts_create(&j->kept, mem, err);
    if (st == ONUS_OK)
        *out = j;
    else
        onus_judge_destroy(j);
    return st;
}

const char *onus_judge_foreign(const onus_judge *j)
{
    return j->foreign[0] ? j->foreign : NULL;
}

const onus_scope *onus_judge_scope(const onus_judge *j)
{
    return &j->scope;
}

const onus_event_row *onus_judge_row(const onus_judge *j)
{
    return j->row;
}

/* ---- what must follow -------------------------------------------------------------------- */

static bool add(onus_judge *j, const onus_event_row *row, int64_t label, int64_t set, int64_t k,
                bool optional)
{
    if (j->n_steps == j->cap_steps) {
        const int64_t cap = j->cap_steps ? 2 * j->cap_steps : 64;
        step *more = onus_arena_alloc(&j->plan, (size_t)cap, sizeof *more);
        if (!more) return false;
        if (j->n_steps) memcpy(more, j->steps, (size_t)j->n_steps * sizeof *more);
        j->steps = more;
        j->cap_steps = cap;
    }
    j->steps[j->n_steps++] = (step){{row, label, set, k}, k, optional};
    return true;
}

/* Which files are read, by number: docs at onus_names_data_read. */
static bool add_files(onus_judge *j, const onus_event_row *row)
{
    const bool idx = j->scope.is & ONUS_IF_IDX, test = j->scope.test_file;
    bool ok = add(j, row, -1, -1, 1, false);
    if (idx || test) ok = ok && add(j, row, -1, -1, 2, false);
    if (idx && test) ok = ok && add(j, row, -1, -1, 3, false) && add(j, row, -1, -1, 4, false);
    /* a tokenizer's file */
    if (j->scope.is & ONUS_IF_TEXT) ok = ok && add(j, row, -1, -1, 4, true);
    return ok;
}

static bool is_place(const onus_event_row *row)
{
    return row->variant && strcmp(row->variant, "place") == 0;
}

static bool is_optional(const onus_judge *j, const onus_event_row *row)
{
    if (row->times != ONUS_TIMES_MAYBE || is_place(row)) return false;
    return strcmp(row->variant, "mistakes") != 0 || j->scope.n_test == 0;
}

static bool add_row(onus_judge *j, const onus_event_row *row, int64_t label)
{
    bool ok = true;
    if (is_place(row) && j->scope.place_said) return true; /* event 1 says it */
    switch (row->times) {
    case ONUS_TIMES_ONCE:
    case ONUS_TIMES_MAYBE: return add(j, row, label, -1, 0, is_optional(j, row));
    case ONUS_TIMES_EPOCHS: return add(j, row, -1, -1, 0, true);
    case ONUS_TIMES_FILES: return add_files(j, row);
    case ONUS_TIMES_SETS:
        for (int64_t s = 0; s < j->scope.n_sets; s++)
            ok = ok && add(j, row, label, s, 0, false);
        return ok;
    case ONUS_TIMES_POLICIES:
        if (j->scope.n_policies < 1) return true;
        ok = add(j, row, -1, -1, 1, false);
        if (ok) j->steps[j->n_steps - 1].last = j->scope.n_policies;
        return ok;
    default: return true;
    }
}

/* The rows of a block, for every label; one row that is in none, once. */
static bool add_block(onus_judge *j, int from, int to)
{
    const bool labels = (j->scope.is & ONUS_IF_LABELS) && onus_event_rows[from]->block;
    bool ok = true;
    for (int64_t l = 0; ok && l < (labels ? j->scope.labels.n : 1); l++) {
        for (int r = from; ok && r < to; r++) {
            if (onus_names_apply(onus_event_rows[r]->when, j->scope.is))
                ok = add_row(j, onus_event_rows[r], labels ? l : -1);
        }
    }
    return ok;
}

/* Rows from..to of the registry. */
static onus_status lay_out(onus_judge *j, int from, int to, onus_err *err)
{
    j->steps = NULL;
    j->n_steps = j->cap_steps = j->at = 0;
    onus_arena_reset(&j->plan);
    bool ok = true;
    for (int r = from; ok && r < to;) {
        const int block = onus_event_rows[r]->block;
        int end = r + 1;
        while (block && end < to && onus_event_rows[end]->block == block) end++;
        ok = add_block(j, r, end);
        r = end;
    }
    return ok ? ONUS_OK : onus_fail_mem(err, "ledger");
}

static int row_of(const char *type)
{
    int r = 0;
    while (strcmp(onus_event_rows[r]->type, type) != 0) r++;
    return r;
}

/* ---- one event --------------------------------------------------------------------------- */

/* Is it this one? Files of private/ are told apart by their names. */
static bool is_meant(const step *s, const onus_event *e)
{
    const onus_event_row *row = s->of.row;
    if (strcmp(row->type, e->type) != 0) return false;
    if (!s->optional || !row->file_field) return true;
    const onus_field *file = onus_event_find(e, row->file_field);
    const size_t n = strcspn(row->names[0].choices, "*");
    return file && file->kind == ONUS_FIELD_TEXT &&
           strncmp(file->text, row->names[0].choices, n) == 0;
}

static bool is_anywhere(const onus_event_row *row)
{
    return row->times == ONUS_TIMES_ANYWHERE;
}

static const char *name_of(const onus_event_row *row, char out[96])
{
    snprintf(out, 96, "%s%s%s%s", row->type, row->variant ? " (" : "",
             row->variant ? row->variant : "", row->variant ? ")" : "");
    return out;
}

/* Finds the event's place among what must follow, and moves there. */
static onus_status find_place(onus_judge *j, const onus_event *e, onus_occurrence *of,
                              onus_err *err)
{
    char name[96];
    const bool ended = j->sheet_seen && j->at == j->n_steps;
    const onus_event_row *row = onus_names_event(e->type);
    if (!row) return onus_fail(err, ONUS_TAMPER, "no event of that type exists");
    if (j->n > 0 && !ended && is_anywhere(row)) {
        *of = (onus_occurrence){row, -1, -1, 0};
        return ONUS_OK;
    }
    for (; j->at < j->n_steps; j->at++) {
        step *s = &j->steps[j->at];
        const bool loop = s->of.row->times == ONUS_TIMES_EPOCHS;
        if (loop && strcmp(e->type, "checkpoint") == 0) {
            *of = (onus_occurrence){row, -1, -1, 0};
            return ONUS_OK;
        }
        if (is_meant(s, e)) {
            *of = s->of;
            if (s->of.k < s->last)
                s->of.k++;
            else
                j->at += !loop;
            return ONUS_OK;
        }
        if (!s->optional)
            return onus_fail(err, ONUS_TAMPER, "expected %s here", name_of(s->of.row, name));
    }
    return onus_fail(err, ONUS_TAMPER, "nothing may follow here");
}

static onus_status begin(onus_judge *j, const onus_event *e, onus_err *err)
{
    if (strcmp(e->type, "run.begin") != 0)
        return onus_fail(err, ONUS_TAMPER, "expected run.begin as event 1");
    const onus_field *version = onus_event_find(e, "run.version");
    if (version && version->kind == ONUS_FIELD_TEXT &&
        strcmp(version->text, ONUS_VERSION) != 0) {
        snprintf(j->foreign, sizeof j->foreign, "%.40s", *version->text ? version->text : "?");
        onus_tame(j->foreign);
        return ONUS_OK;
    }
    onus_status st = onus_scope_add(&j->scope, e, err);
    return st == ONUS_OK ? lay_out(j, 0, row_of("data.sheet") + 1, err) : st;
}

/* Of several labels each has its page, by its number. */
static onus_status check_page(const onus_occurrence *of, const onus_event *e, onus_err *err)
{
    char name[64] = "private/explanations.html";
    if (!of->row->bare) return ONUS_OK;
    if (of->label >= 0)
        snprintf(name, sizeof name, "private/explanations-%lld.html", (long long)of->label + 1);
    const onus_field *file = onus_event_find(e, of->row->file_field);
    return strcmp(file->text, name) == 0
               ? ONUS_OK
               : onus_fail(err, ONUS_TAMPER, "'%.80s', expected '%s'", file->text, name);
}

/* What policies may name. Texts are none of that, nor are the verdicts themselves. */
static onus_status remember(onus_judge *j, const onus_event_row *row, const onus_event *e,
                            onus_err *err)
{
    const bool passed = is_anywhere(row) || strcmp(row->stage, "policy") == 0;
    for (int64_t i = 0; !passed && i < e->n_fields; i++) {
        onus_field f = e->fields[i];
        if (f.kind == ONUS_FIELD_TEXT && strcmp(f.text, "undefined") == 0)
            f.kind = ONUS_FIELD_UNDEFINED;
        if (f.kind != ONUS_FIELD_INT && f.kind != ONUS_FIELD_REAL &&
            f.kind != ONUS_FIELD_UNDEFINED)
            continue;
        const onus_status st = onus_facts_add(j->facts, &f, err);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

static onus_status judge(onus_judge *j, const onus_event *e, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_occurrence of;
    if (j->n == 0) {
        ONUS_TRY(begin(j, e, err));
        if (j->foreign[0]) return ONUS_OK;
    }
    ONUS_TRY(find_place(j, e, &of, err));
    j->row = of.row;
    if (j->n > 0) ONUS_TRY(onus_scope_add(&j->scope, e, err));
    ONUS_TRY(onus_judge_names(&j->scope, &of, e, &j->scratch, err));
    ONUS_TRY(check_page(&of, e, err));
    ONUS_TRY(onus_closed_epochs(&j->epochs, e, err));
    ONUS_TRY(onus_closed_event(e, err));
    ONUS_TRY(onus_closed_verdict(&j->verdicts, of.k, e, j->facts, err));
    const onus_closed_given given = {.scope = &j->scope,
                                     .of = &of,
                                     .facts = j->facts,
                                     .kept = j->kept,
                                     .n = j->n,
                                     .scratch = &j->scratch};
    ONUS_TRY(onus_closed_determined(&given, e, err));
    ONUS_TRY(remember(j, of.row, e, err));
    if (!j->sheet_seen && strcmp(e->type, "data.sheet") == 0) {
        j->sheet_seen = true;
        ONUS_TRY(lay_out(j, row_of("data.sheet") + 1, onus_n_event_rows, err));
    }
done:
    return st;
}

onus_status onus_judge_event(onus_judge *j, const onus_event *e, onus_err *err)
{
    onus_err why = {.code = ONUS_OK};
    if (j->foreign[0]) return ONUS_OK;
    const onus_status st = judge(j, e, &why);
    j->n++;
    if (st == ONUS_OK) return st;
    return onus_fail(err, st, "event %lld (%.80s): %s", (long long)j->n, e->type, why.msg);
}

onus_status onus_judge_end(const onus_judge *j, onus_err *err)
{
    char name[96];
    if (j->foreign[0]) return ONUS_OK;
    if (j->n == 0) return onus_fail(err, ONUS_TAMPER, "the ledger has no events");
    for (int64_t i = j->at; i < j->n_steps; i++) {
        if (j->steps[i].optional) continue;
        return onus_fail(err, ONUS_TAMPER,
                         "after event %lld the ledger ends, expected %s: the run did not come "
                         "to its end",
                         (long long)j->n, name_of(j->steps[i].of.row, name));
    }
    return ONUS_OK;
}

/* ---- a whole ledger ---------------------------------------------------------------------- */

typedef struct {
    onus_judge *judge;
    onus_arena arena;
} reader;

static onus_status open_reader(reader *r, const onus_allocator *mem, onus_err *err)
{
    onus_arena_init(&r->arena, mem);
    return onus_judge_create(&r->judge, mem, err);
}

static void close_reader(reader *r)
{
    onus_judge_destroy(r->judge);
    onus_arena_release(&r->arena);
}

static onus_status read_event(void *ctx, const onus_entry *e, onus_err *err)
{
    reader *r = ctx;
    onus_event event;
    if (r->judge->foreign[0]) return ONUS_OK;
    onus_arena_reset(&r->arena);
    const onus_status st = onus_entry_event(e, &r->arena, &event, err);
    return st == ONUS_OK ? onus_judge_event(r->judge, &event, err) : st;
}

static onus_status check_version(const onus_judge *j, onus_err *err)
{
    if (!j->foreign[0]) return ONUS_OK;
    return onus_fail(err, ONUS_UNPROVEN, "made by version %s: not judged by version %s",
                     j->foreign, ONUS_VERSION);
}

onus_status onus_judge_log(const onus_log *log, int64_t n, bool whole,
                           const onus_allocator *mem, onus_err *err)
{
    reader r = {.judge = NULL};
    onus_status st = open_reader(&r, mem, err);
    if (st == ONUS_OK) st = onus_log_visit(log, n, read_event, &r, err);
    if (st == ONUS_OK && whole) st = onus_judge_end(r.judge, err);
    if (st == ONUS_OK) st = check_version(r.judge, err);
    close_reader(&r);
    return st;
}

onus_status onus_log_read_judged(onus_log **out, const char *path, const onus_allocator *mem,
                                 onus_err *err)
{
    onus_log *log = NULL;
    onus_err why = {.code = ONUS_OK};
    reader r = {.judge = NULL};
    onus_status st = open_reader(&r, mem, err);
    if (st == ONUS_OK) st = onus_log_read_each(&log, path, read_event, &r, mem, &why);
    if (st == ONUS_OK) st = check_version(r.judge, &why);
    close_reader(&r);
    if (st == ONUS_OK) {
        *out = log;
        return ONUS_OK;
    }
    onus_log_close(log);
    if (why.code == ONUS_OK || strstr(why.msg, path)) {
        if (err && why.code != ONUS_OK) *err = why;
        return st;
    }
    return onus_fail(err, st, "%s: %s", path, why.msg);
}
