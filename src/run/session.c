/* SPDX-License-Identifier: Apache-2.0
 * session.c - what an execution of a recipe stands on, and where its events go. */
#include "run/stages.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/hash.h"

onus_status onus_session_open(onus_session *s, int threads, const onus_allocator *mem,
                              onus_err *err)
{
    *s = (onus_session){.mem = mem, .began_s = onus_clock_s()};
    onus_event_init(&s->event, mem);
    if (!onus_crypto_start())
        return onus_fail(err, ONUS_IO, "libsodium or libcrypto cannot start");
    onus_status st = ONUS_OK;
    if (threads < 0 || threads > ONUS_THREADS_MAX)
        return onus_fail(err, ONUS_BAD_ARG, "threads: %d, expected 1 to %d", threads,
                         ONUS_THREADS_MAX);
    if (threads == 0) st = onus_threads_default(&threads, err);
    if (st == ONUS_OK) st = onus_isa_default(&s->isa, err);
    if (st == ONUS_OK) st = onus_pool_create(&s->pool, threads, mem, err);
    if (st == ONUS_OK) st = onus_facts_create(&s->facts, mem, err);
    if (st == ONUS_OK) s->ex = (onus_exec){.k = onus_kernels_of(s->isa), .pool = s->pool};
    return st;
}

void onus_session_close(onus_session *s)
{
    if (!s) return;
    onus_ledger_close(s->ledger, NULL);
    onus_judge_destroy(s->judge);
    onus_log_close(s->before);
    onus_meter_close(s->meter);
    onus_net_destroy(s->net);
    onus_dataset_close(s->data);
    onus_recipe_close(s->recipe);
    onus_facts_destroy(s->facts);
    onus_pool_destroy(s->pool);
    onus_event_release(&s->event);
    onus_wipe(&s->noise, sizeof s->noise);
    onus_wipe(s->hash_key, sizeof s->hash_key);
    memset(s, 0, sizeof *s);
}

/* What a stored line observed, beside what is claimed now: a verdict may rest on it, and it is
 * the run's own. A name that is recomputed is never taken from there. */
static onus_status take_observed(onus_session *s, const onus_entry *e, onus_err *err)
{
    onus_facts *seen = NULL;
    onus_status st = onus_facts_create(&seen, s->mem, err);
    if (st == ONUS_OK) st = onus_entry_facts(e, true, seen, err);
    for (int64_t i = 0; st == ONUS_OK && i < onus_facts_count(seen); i++) {
        const onus_field *f = onus_facts_at(seen, i),
                         *mine = onus_facts_find(s->facts, f->name);
        if (!mine || mine->observed) st = onus_facts_add(s->facts, f, err);
    }
    onus_facts_destroy(seen);
    return st;
}

/* Facts of an event: its claims, and what was observed when they were made first. */
static onus_status take_facts(onus_session *s, const onus_event *event, onus_err *err)
{
    const onus_entry *stored = s->ledger ? onus_ledger_matched(s->ledger) : NULL;
    onus_status st = ONUS_OK;
    if (onus_event_between(event->type)) return ONUS_OK; /* of no run that was not stopped */
    for (int64_t i = 0; st == ONUS_OK && i < event->n_fields; i++) {
        const onus_field *f = &event->fields[i];
        const bool scalar = f->kind != ONUS_FIELD_REALS && f->kind != ONUS_FIELD_TEXTS;
        if (scalar && !(stored && f->observed)) st = onus_facts_add(s->facts, f, err);
    }
    return st == ONUS_OK && stored ? take_observed(s, stored, err) : st;
}

/* A stretch begins where its checkpoint stands in the ledger: the lines of the steps before it
 * are taken over as they are (RESUME) or are not looked at (REPLAY); what they say is what a
 * verdict later on rests on. */
static onus_status move_to_start(onus_session *s, const onus_event *event, onus_err *err)
{
    const bool past_start = strcmp(event->type, "train.epoch") == 0 ||
                            strcmp(event->type, "checkpoint") == 0 ||
                            strcmp(event->type, "train.end") == 0;
    if (s->start_step == 0 || s->skipped || !past_start) return ONUS_OK;
    onus_status st = ONUS_OK;
    s->skipped = true;
    for (int64_t i = onus_ledger_place(s->ledger); st == ONUS_OK && i < s->start_event; i++) {
        const onus_entry *e = onus_log_at(s->before, i);
        if (onus_event_between(e->type)) continue;
        st = onus_entry_facts(e, false, s->facts, err);
        if (st == ONUS_OK) st = take_observed(s, e, err);
    }
    if (st == ONUS_OK && s->start_event > onus_ledger_place(s->ledger))
        onus_ledger_seek(s->ledger, s->start_event);
    return st;
}

static onus_status emit(void *ctx, const onus_event *event, onus_err *err)
{
    onus_session *s = ctx;
    onus_status st = ONUS_OK;
    if (s->stage && !onus_event_between(event->type) &&
        !onus_stage_emits(s->stage, event->type))
        return onus_fail(err, ONUS_BAD_ARG, "the table of stages does not have %s in '%s'",
                         event->type, s->stage->name);
    if (s->ledger) {
        st = move_to_start(s, event, err);
        const onus_sink sink = onus_ledger_sink(s->ledger);
        if (st == ONUS_OK) st = sink.emit(sink.ctx, event, err);
    }
    if (st == ONUS_OK) st = take_facts(s, event, err);
    if (st == ONUS_OK && s->user.emit) st = s->user.emit(s->user.ctx, event, err);
    return st;
}

onus_sink onus_session_sink(onus_session *s)
{
    return (onus_sink){.emit = emit, .ctx = s};
}

onus_status onus_session_emit(onus_session *s, onus_err *err)
{
    const onus_sink sink = onus_session_sink(s);
    return onus_event_emit(&s->event, &sink, err);
}

onus_status onus_session_expect(onus_session *s, const char *type, const char *const *names,
                                onus_err *err)
{
    onus_status st = onus_ledger_expect(s->ledger, type, names, err);
    return st == ONUS_OK ? take_observed(s, onus_ledger_matched(s->ledger), err) : st;
}

int64_t onus_checkpoint_step(const onus_entry *e)
{
    const json_t *step = json_object_get(e->claim, "checkpoint.step");
    return json_is_integer(step) && json_integer_value(step) >= 0 ? json_integer_value(step)
                                                                  : -1;
}

/* A phase that has no steps to count. */
void onus_session_announce(const onus_session *s, const char *phase)
{
    const onus_progress p = {.phase = phase};
    if (s->meter) onus_meter_phase(s->meter, phase);
    if (s->progress) s->progress(s->progress_ctx, &p);
}

onus_status onus_session_keep_private(onus_session *s, const char *name, const onus_buf *page,
                                      onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX];
    uint8_t sha[32];
    onus_sha256_of(page->data, page->len, sha);
    if (s->writes) {
        ONUS_TRY(onus_path_join(path, sizeof path, s->dir, "private", err));
        ONUS_TRY(onus_dir_make(path, 0700, err));
        ONUS_TRY(onus_path_join(path, sizeof path, s->dir, name, err));
        ONUS_TRY(onus_file_replace(path, page->data, page->len, 0600, err));
    }
    onus_event_begin(&s->event, "private");
    onus_event_text(&s->event, name, "private.file");
    onus_event_sha256(&s->event, sha, "private.sha256");
    ONUS_TRY(onus_session_emit(s, err));
done:
    return st;
}

/* ---- the key of the noise ---------------------------------------------------------------- */

enum { KEY_TEXT = 64 + 1 };

onus_status onus_session_key_hashes(onus_session *s, const onus_log *log, onus_err *err)
{
    const onus_entry *e = log ? onus_log_type(log, "privacy.noise", 0) : NULL;
    const char *said =
        e ? json_string_value(json_object_get(e->claim, "privacy.noise.commitment")) : NULL;
    uint8_t sha[32];
    char found[ONUS_HEX_LEN];
    onus_noise_key_commit(&s->noise, sha);
    onus_hex(sha, sizeof sha, found);
    if (said && strcmp(said, found) != 0)
        return onus_fail(err, ONUS_MISMATCH,
                         "event %lld (privacy.noise) does not replay: privacy.noise.commitment "
                         "is %.64s in the ledger, %s of private/noise.key",
                         (long long)e->n, said, found);
    onus_noise_hash_key(&s->noise, s->hash_key);
    s->recipe->data.hash_key = s->hash_key;
    return ONUS_OK;
}

onus_status onus_noise_key_write(const char *dir, const onus_noise_key *k, onus_err *err)
{
    char path[ONUS_PATH_MAX], text[KEY_TEXT + 1];
    onus_status st = onus_path_join(path, sizeof path, dir, "private/noise.key", err);
    if (st != ONUS_OK) return st;
    onus_hex(k->key, sizeof k->key, text);
    text[KEY_TEXT - 1] = '\n';
    st = onus_file_replace(path, text, KEY_TEXT, 0600, err);
    onus_wipe(text, sizeof text);
    return st;
}

onus_status onus_noise_key_read(const char *dir, onus_noise_key *k, onus_err *err)
{
    char path[ONUS_PATH_MAX];
    onus_status st = onus_path_join(path, sizeof path, dir, "private/noise.key", err);
    if (st != ONUS_OK) return st;
    if (!onus_file_exists(path))
        return onus_fail(err, ONUS_UNPROVEN,
                         "not proven: %s is not here, and the noise of a private run cannot be "
                         "drawn again without it",
                         path);
    onus_buf text;
    onus_buf_init(&text, NULL, KEY_TEXT + 1);
    st = onus_file_read(path, &text, err);
    if (st == ONUS_OK) {
        const bool form = text.len == KEY_TEXT && text.data[KEY_TEXT - 1] == '\n';
        if (form) text.data[KEY_TEXT - 1] = '\0';
        if (!form || !onus_unhex(text.data, k->key, sizeof k->key))
            st = onus_fail(err, ONUS_TAMPER,
                           "%s: expected 64 hexadecimal digits and a line end", path);
    }
    if (text.data) onus_wipe(text.data, text.cap);
    onus_buf_release(&text);
    return st;
}
