/* SPDX-License-Identifier: Apache-2.0
 * replay.c - the run again, from recipe, data and code, over its own ledger: every claim must
 * come out the same. Nothing stored is read but the recipe, the checkpoint that a stretch
 * starts from (its hash is checked before it is used) and, for a private run, the committed key
 * of the noise. Nothing in the folder changes. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/hash.h"
#include "run/session.h"

/* The recipe of the folder, its hash checked by the run.begin event of the replay itself. */
static onus_status open_recipe(onus_session *s, const onus_replay_opts *o, onus_err *err)
{
    char path[ONUS_PATH_MAX], dir[ONUS_PATH_MAX];
    onus_status st = onus_path_join(path, sizeof path, o->run, "recipe.yaml", err);
    if (st == ONUS_OK && !o->recipe_dir) st = onus_place_read(s->before, o->run, dir, err);
    if (st == ONUS_OK)
        st = onus_recipe_open(&s->recipe, path, o->recipe_dir ? o->recipe_dir : dir, o->mem,
                              err);
    return st;
}

static const onus_entry *checkpoint_at(const onus_log *log, int64_t step)
{
    for (int64_t i = 0; i < onus_log_count(log); i++) {
        const onus_entry *e = onus_log_at(log, i);
        if (strcmp(e->type, "checkpoint") == 0 && onus_checkpoint_step(e) == step) return e;
    }
    return NULL;
}

/* "--from 13: no checkpoint of that step; there are 12, 24, 36". */
static onus_status no_checkpoint(const onus_log *log, const char *option, int64_t step,
                                 onus_err *err)
{
    char list[160] = "none";
    for (int64_t i = 0, n = 0; i < onus_log_count(log); i++) {
        const onus_entry *e = onus_log_at(log, i);
        if (strcmp(e->type, "checkpoint") != 0 || n > (int64_t)sizeof list - 32) continue;
        n += snprintf(list + n, sizeof list - (size_t)n, "%s%lld", n ? ", " : "",
                      (long long)onus_checkpoint_step(e));
    }
    return onus_fail(err, ONUS_BAD_ARG,
                     "%s %lld: the ledger has no checkpoint of that step; it has %s", option,
                     (long long)step, list);
}

/* A stretch starts from stored bytes: they must be the ones of the ledger. Training compares
 * them while it reads. */
static onus_status find_start(onus_session *s, int64_t step, onus_err *err)
{
    const onus_entry *e = checkpoint_at(s->before, step);
    if (!e) return no_checkpoint(s->before, "--from", step, err);
    const char *said = json_string_value(json_object_get(e->claim, "checkpoint.sha256"));
    if (said && onus_unhex(said, s->start_sha, sizeof s->start_sha)) return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER, "event %lld (checkpoint) has no SHA-256",
                     (long long)e->n);
}

/* Verdicts may rest on what was observed (joules, seconds), which no replay finds again: those
 * values are taken as stored. */
static onus_status take_observed(onus_session *s, onus_err *err)
{
    onus_facts *stored = NULL;
    onus_status st = onus_log_facts(s->before, onus_log_count(s->before), &stored, err);
    for (int64_t i = 0; st == ONUS_OK && i < onus_facts_count(stored); i++) {
        const onus_field *f = onus_facts_at(stored, i);
        if (f->observed && strncmp(f->name, "policy.", 7) != 0 &&
            !onus_facts_find(s->facts, f->name))
            st = onus_facts_add(s->facts, f, err);
    }
    onus_facts_destroy(stored);
    return st;
}

static onus_status stages(onus_session *s, onus_err *err)
{
    onus_status st = ONUS_OK;
    const bool reported = onus_log_type(s->before, "data.test", 0) != NULL;
    ONUS_TRY(onus_stage_begin(s, err));
    ONUS_TRY(onus_stage_data(s, err));
    ONUS_TRY(onus_stage_train(s, err));
    if (s->stop_step > 0 || !reported) return ONUS_OK;
    ONUS_TRY(onus_stage_evaluate(s, err));
    ONUS_TRY(onus_stage_explain(s, err));
    ONUS_TRY(take_observed(s, err));
    ONUS_TRY(onus_stage_policy(s, err));
done:
    return st;
}

/* All that differed, first in the error, the rest in the notes. */
static onus_status conclude(const onus_session *s, onus_buf *notes, onus_err *err)
{
    const onus_mismatch *list = NULL;
    const int64_t n = onus_ledger_mismatches(s->ledger, &list);
    for (int64_t i = 0; i < n; i++)
        onus_buf_printf(notes, "event %lld (%s): %s is %s in the ledger, %s when recomputed\n",
                        (long long)list[i].n, list[i].type, list[i].field, list[i].stored,
                        list[i].found);
    if (n > 0)
        return onus_fail(
            err, ONUS_MISMATCH,
            "event %lld (%s) does not replay: %s is %s in the ledger, %s when recomputed%s",
            (long long)list[0].n, list[0].type, list[0].field, list[0].stored, list[0].found,
            n > 1 ? " (first of several)" : "");
    if (s->stop_step == 0 && !onus_ledger_at_end(s->ledger))
        return onus_fail(err, ONUS_MISMATCH,
                         "the ledger claims more after event %lld than the recipe gives",
                         (long long)onus_ledger_count(s->ledger));
    onus_buf_printf(notes,
                    "%lld claims recomputed on %s with %d thread%s: every bit the same\n",
                    (long long)onus_ledger_compared(s->ledger), onus_isa_name(s->isa),
                    onus_pool_size(s->pool), onus_pool_size(s->pool) == 1 ? "" : "s");
    return ONUS_OK;
}

static onus_status replay(onus_session *s, const onus_replay_opts *o, onus_buf *notes,
                          onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX];
    ONUS_TRY(onus_folder_check(o->run, o->mem, err));
    ONUS_TRY(onus_path_join(path, sizeof path, o->run, "ledger.jsonl", err));
    ONUS_TRY(onus_log_read(&s->before, path, o->mem, err));
    ONUS_TRY(open_recipe(s, o, err));
    if (!s->recipe->privacy.off) {
        ONUS_TRY(onus_noise_key_read(o->run, &s->noise, err));
        ONUS_TRY(onus_session_key_hashes(s, s->before, err));
    }
    if (o->from > 0) ONUS_TRY(find_start(s, o->from, err));
    if (o->to > 0 && o->to <= o->from) {
        st = onus_fail(err, ONUS_BAD_ARG, "--to %lld: expected a step after --from %lld",
                       (long long)o->to, (long long)o->from);
        goto done;
    }
    if (o->to > 0 && !checkpoint_at(s->before, o->to)) {
        st = no_checkpoint(s->before, "--to", o->to, err);
        goto done;
    }
    ONUS_TRY(onus_ledger_open(&s->ledger, path, ONUS_LEDGER_REPLAY, NULL, o->mem, err));
    onus_ledger_collect(s->ledger, true);
    st = stages(s, err);
    /* Data that was changed may be wrong as data, too: what was claimed of it comes first. */
    const onus_mismatch *list;
    if ((st == ONUS_BAD_INPUT || st == ONUS_MISMATCH) &&
        onus_ledger_mismatches(s->ledger, &list) > 0)
        st = ONUS_OK;
    if (st == ONUS_IO && !o->recipe_dir && !s->data)
        (void)onus_hint(err, st,
                        "if the recipe's folder was moved, say where it is: --recipe-dir DIR");
    if (st != ONUS_OK) goto done;
    ONUS_TRY(conclude(s, notes, err));
done:
    return st;
}

/* The outcome, for machines. */
static onus_status state(onus_session *s, onus_status verdict, const onus_err *why,
                         onus_facts **out, onus_err *err)
{
    onus_event_builder *e = &s->event;
    const onus_mismatch *list = NULL;
    const int64_t n = s->ledger ? onus_ledger_mismatches(s->ledger, &list) : 0;
    onus_event_begin(e, "replay");
    onus_event_text(e,
                    verdict == ONUS_OK         ? "same"
                    : verdict == ONUS_MISMATCH ? "differs"
                                               : "not proven",
                    "replay.verdict");
    if (s->ledger) onus_event_int(e, onus_ledger_compared(s->ledger), "replay.claims");
    onus_event_text(e, onus_isa_name(s->isa), "replay.isa");
    onus_event_int(e, onus_pool_size(s->pool), "replay.threads");
    onus_event_int(e, n, "replay.mismatches");
    if (n > 0) {
        onus_event_int(e, list[0].n, "replay.event");
        onus_event_text(e, list[0].type, "replay.type");
        onus_event_text(e, list[0].field, "replay.field");
        onus_event_text(e, list[0].stored, "replay.stored");
        onus_event_text(e, list[0].found, "replay.found");
    }
    if (verdict != ONUS_OK) onus_event_text(e, why->msg, "replay.error");
    return onus_event_facts(e, out, s->mem, err);
}

onus_status onus_replay(const onus_replay_opts *o, onus_facts **facts, char **notes,
                        onus_err *err)
{
    if (!o || !o->run) return onus_fail(err, ONUS_BAD_ARG, "replay: a run folder is needed");
    onus_session s = {0};
    onus_err why = {.code = ONUS_OK};
    onus_buf text;
    onus_buf_init(&text, o->mem, 1 << 20);
    onus_status st = onus_session_open(&s, o->threads, o->mem, &why);
    s.dir = o->run;
    s.start_step = o->from;
    s.stop_step = o->to;
    s.progress = o->progress;
    s.progress_ctx = o->progress_ctx;
    s.stop = o->stop;
    if (st == ONUS_OK) st = replay(&s, o, &text, &why);
    if (st == ONUS_OK || st == ONUS_MISMATCH || st == ONUS_UNPROVEN || st == ONUS_TAMPER) {
        onus_status told = facts ? state(&s, st, &why, facts, &why) : ONUS_OK;
        if (told == ONUS_OK && notes) told = onus_buf_hand_out(&text, notes, "replay", &why);
        if (told != ONUS_OK) st = told;
    }
    if (st != ONUS_OK && err) *err = why;
    onus_buf_release(&text);
    onus_session_close(&s);
    return st;
}
