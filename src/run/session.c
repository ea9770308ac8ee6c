/* SPDX-License-Identifier: Apache-2.0
 * session.c - what an execution of a recipe stands on, and where its events go. */
#include "run/session.h"

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
        return onus_fail(err, ONUS_IO, "libsodium cannot start: no source of randomness");
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

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* A stretch begins where its checkpoint stands in the ledger: the lines of the steps before it
 * are taken over as they are (RESUME) or are not looked at (REPLAY). */
static onus_status move_to_start(onus_session *s, const onus_event *event, onus_err *err)
{
    const bool past_start = starts_with(event->type, "train.epoch") ||
                            starts_with(event->type, "checkpoint") ||
                            starts_with(event->type, "train.end");
    if (s->start_step == 0 || s->skipped || !past_start) return ONUS_OK;
    s->skipped = true;
    return onus_ledger_skip_to(s->ledger, "checkpoint", "checkpoint.step", s->start_step, err);
}

static onus_status emit(void *ctx, const onus_event *event, onus_err *err)
{
    onus_session *s = ctx;
    onus_status st = ONUS_OK;
    if (s->ledger) {
        st = move_to_start(s, event, err);
        const onus_sink sink = onus_ledger_sink(s->ledger);
        if (st == ONUS_OK) st = sink.emit(sink.ctx, event, err);
    }
    const onus_sink facts = onus_facts_sink(s->facts);
    if (st == ONUS_OK) st = facts.emit(facts.ctx, event, err);
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

int64_t onus_checkpoint_step(const onus_entry *e)
{
    const json_t *step = json_object_get(e->claim, "checkpoint.step");
    return json_is_integer(step) && json_integer_value(step) >= 0 ? json_integer_value(step)
                                                                  : -1;
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
