/* SPDX-License-Identifier: Apache-2.0
 * heads.c - what others do with a signed head: a witness cosigns it, an authority stamps it,
 * one event is proven under it. All of them look at the ledger first: nothing is added to a
 * head that does not hold. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "base/fp.h"
#include "base/hash.h"
#include "proof/stamp.h"
#include "proof/tlog_proof.h"
#include "run/session.h"
#include "run/verify_head.h"

/* A run's ledger under its head. */
typedef struct {
    onus_log *log;
    onus_signed_head head;
    onus_event_builder facts;
} headed;

static onus_status open_run(headed *r, const char *command, const char *run,
                            const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX];
    onus_fp_set();
    onus_event_init(&r->facts, mem);
    onus_event_begin(&r->facts, command);
    if (!onus_crypto_start())
        return onus_fail(err, ONUS_IO, "libsodium or libcrypto cannot start");
    ONUS_TRY(onus_folder_check(run, mem, err));
    ONUS_TRY(onus_path_join(path, sizeof path, run, "ledger.jsonl", err));
    ONUS_TRY(onus_log_read(&r->log, path, mem, err));
    ONUS_TRY(onus_signed_head_open(&r->head, run, r->log, mem, err));
done:
    return st;
}

static void close_run(headed *r)
{
    onus_signed_head_close(&r->head);
    onus_log_close(r->log);
    onus_event_release(&r->facts);
}

static void say_head(headed *r, const char *prefix)
{
    onus_event_text(&r->facts, r->head.note.origin, "%s.origin", prefix);
    onus_event_int(&r->facts, (int64_t)r->head.note.n, "%s.events", prefix);
    onus_event_sha256(&r->facts, r->head.note.root, "%s.head", prefix);
}

/* ---- witness ----------------------------------------------------------------------------- */

static onus_status load_witness(onus_key *key, const char *path, const headed *r, onus_err *err)
{
    onus_status st = onus_key_load(key, path, err);
    if (st != ONUS_OK) return st;
    if (key->type != ONUS_KEY_COSIGNS)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s signs runs; a witness's key is made by onus keygen --witness",
                         path);
    if (!key->has_secret)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s is a public key; cosigning needs the private one", path);
    if (memcmp(key->pub, r->head.owner.pub, sizeof key->pub) == 0)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s is the run's own key: who signs is no witness", path);
    onus_err none;
    if (onus_note_check(&r->head.note, r->head.path, key, NULL, &none) == ONUS_OK)
        return onus_fail(err, ONUS_REFUSED, "%s: '%s' has cosigned it already", r->head.path,
                         key->name);
    return ONUS_OK;
}

onus_status onus_witness(const onus_witness_opts *o, onus_facts **facts, onus_err *err)
{
    if (!o || !o->run || !o->key)
        return onus_fail(err, ONUS_BAD_ARG, "a run folder and a key are needed");
    onus_status st = ONUS_OK;
    headed r = {.log = NULL};
    onus_key key = {.has_secret = false};
    onus_note again;
    onus_buf text;
    char when[24];
    const int64_t now = (int64_t)time(NULL);
    onus_buf_init(&text, o->mem, ONUS_NOTE_MAX);
    ONUS_TRY(open_run(&r, "witness", o->run, o->mem, err));
    ONUS_TRY(load_witness(&key, o->key, &r, err));
    ONUS_TRY(onus_note_cosign(&text, &r.head.note, &key, now, err));
    /* a wrong line of this name that was there before would spoil ours */
    ONUS_TRY(onus_note_verify(&again, text.data, text.len, r.head.path, &key, err));
    onus_utc_text(now, when);
    onus_event_text(&r.facts, key.name, "witness.name");
    onus_event_text(&r.facts, when, "witness.time");
    say_head(&r, "witness");
    ONUS_TRY(onus_file_replace(r.head.path, text.data, text.len, 0644, err));
    if (facts) ONUS_TRY(onus_event_facts(&r.facts, facts, o->mem, err));
done:
    onus_key_wipe(&key);
    onus_buf_release(&text);
    close_run(&r);
    return st;
}

/* ---- stamp ------------------------------------------------------------------------------- */

/* The reply in `reply`, by hand or by wire; query is what it must answer, where we know that.
 */
static onus_status get_reply(const onus_stamp_opts *o, const uint8_t imprint[32],
                             onus_buf *query, onus_buf *reply, onus_err *err)
{
    if (o->token) return onus_file_read(o->token, reply, err);
    onus_status st = onus_stamp_ask(query, imprint, err);
    return st == ONUS_OK ? onus_stamp_fetch(reply, o->url, query, err) : st;
}

static onus_status keep_token(headed *r, const onus_stamp_opts *o, const uint8_t imprint[32],
                              onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX];
    const char *what = o->token ? o->token : o->url;
    onus_stamp_said said;
    size_t at, n;
    onus_buf query, reply;
    onus_buf_init(&query, o->mem, ONUS_STAMP_MAX);
    onus_buf_init(&reply, o->mem, ONUS_STAMP_MAX);
    ONUS_TRY(onus_path_join(path, sizeof path, o->run, ONUS_TOKEN_FILE, err));
    if (onus_file_exists(path)) {
        st = onus_fail(err, ONUS_REFUSED, "%s is there: a later stamp would say less", path);
        goto done;
    }
    ONUS_TRY(get_reply(o, imprint, &query, &reply, err));
    ONUS_TRY(onus_stamp_find(reply.data, reply.len, what, &at, &n, err));
    ONUS_TRY(onus_stamp_check(&said, reply.data + at, n, what, imprint, o->url ? &query : NULL,
                              NULL, 0, err));
    ONUS_TRY(onus_file_create(path, reply.data + at, n, 0644, err));
    onus_event_text(&r->facts, path, "stamp.file");
    onus_event_text(&r->facts, said.time, "stamp.time");
    onus_event_text(&r->facts, said.authority, "stamp.authority");
done:
    onus_buf_release(&query);
    onus_buf_release(&reply);
    return st;
}

static onus_status keep_query(headed *r, const onus_stamp_opts *o, const uint8_t imprint[32],
                              onus_err *err)
{
    onus_buf query;
    onus_buf_init(&query, o->mem, ONUS_STAMP_MAX);
    onus_status st = onus_stamp_ask(&query, imprint, err);
    if (st == ONUS_OK) st = onus_file_create(o->request, query.data, query.len, 0644, err);
    if (st == ONUS_OK) onus_event_text(&r->facts, o->request, "stamp.request");
    onus_buf_release(&query);
    return st;
}

onus_status onus_stamp(const onus_stamp_opts *o, onus_facts **facts, onus_err *err)
{
    if (!o || !o->run || !!o->request + !!o->token + !!o->url != 1)
        return onus_fail(err, ONUS_BAD_ARG,
                         "a run folder and one of --request, --token, --url are needed");
    onus_status st = ONUS_OK;
    headed r = {.log = NULL};
    uint8_t imprint[32];
    ONUS_TRY(open_run(&r, "stamp", o->run, o->mem, err));
    onus_sha256_of(r.head.note.text, r.head.note.text_len, imprint);
    say_head(&r, "stamp");
    onus_event_sha256(&r.facts, imprint, "stamp.imprint");
    if (o->request)
        ONUS_TRY(keep_query(&r, o, imprint, err));
    else
        ONUS_TRY(keep_token(&r, o, imprint, err));
    if (facts) ONUS_TRY(onus_event_facts(&r.facts, facts, o->mem, err));
done:
    close_run(&r);
    return st;
}

/* ---- prove ------------------------------------------------------------------------------- */

onus_status onus_prove(const onus_prove_opts *o, char **proof, onus_err *err)
{
    if (!o || !o->run || !proof) return onus_fail(err, ONUS_BAD_ARG, "a run folder is needed");
    onus_status st = ONUS_OK;
    headed r = {.log = NULL};
    onus_buf text;
    onus_buf_init(&text, o->mem, ONUS_TLOG_PROOF_MAX);
    ONUS_TRY(open_run(&r, "prove", o->run, o->mem, err));
    if (o->event < 1 || o->event > onus_log_count(r.log)) {
        st = onus_fail(err, ONUS_BAD_ARG, "event %lld: the ledger has 1 to %lld",
                       (long long)o->event, (long long)onus_log_count(r.log));
        goto done;
    }
    ONUS_TRY(onus_tlog_proof_write(&text, r.log, o->event - 1, r.head.text.data,
                                   r.head.text.len, o->mem, err));
    ONUS_TRY(onus_buf_hand_out(&text, proof, "proof", err));
done:
    onus_buf_release(&text);
    close_run(&r);
    return st;
}

/* Who signed the head is asked first; then what the line is, and where it stands. */
static onus_status check_proof(const onus_prove_check_opts *o, onus_buf *text, onus_buf *line,
                               onus_event_builder *facts, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_key key = {.has_secret = false};
    onus_tlog_proof p;
    onus_note note;
    const onus_witness_keys witnesses = {o->witnesses, o->n_witnesses};
    ONUS_TRY(onus_key_load(&key, o->key, err));
    if (key.type != ONUS_KEY_SIGNS) {
        st = onus_fail(err, ONUS_BAD_INPUT, "%s is a witness's key: it signs no run", o->key);
        goto done;
    }
    ONUS_TRY(onus_file_read(o->proof, text, err));
    ONUS_TRY(
        onus_tlog_proof_verify(&p, &note, line, text->data, text->len, o->proof, &key, err));
    if (line->len == 0 || memchr(line->data, 0, line->len) ||
        memchr(line->data, '\n', line->len)) {
        st = onus_fail(err, ONUS_TAMPER, "%s: what it proves is no line of a ledger", o->proof);
        goto done;
    }
    onus_event_int(facts, (int64_t)p.index + 1, "prove.event");
    onus_event_int(facts, (int64_t)note.n, "prove.events");
    onus_event_text(facts, note.origin, "prove.origin");
    onus_event_text(facts, key.name, "prove.signer");
    onus_event_sha256(facts, note.root, "prove.head");
    onus_event_text(facts, line->data, "prove.line");
    ONUS_TRY(onus_witnesses_check(&note, o->proof, &key, witnesses, "prove", NULL, facts,
                                  o->mem, err));
done:
    onus_key_wipe(&key);
    return st;
}

onus_status onus_prove_check(const onus_prove_check_opts *o, onus_facts **facts, char **line,
                             onus_err *err)
{
    if (!o || !o->proof || !o->key)
        return onus_fail(err, ONUS_BAD_ARG, "a proof and its signer's key are needed");
    onus_fp_set();
    if (!onus_crypto_start())
        return onus_fail(err, ONUS_IO, "libsodium or libcrypto cannot start");
    onus_event_builder e;
    onus_err why = {.code = ONUS_OK};
    onus_buf text, proven;
    onus_buf_init(&text, o->mem, ONUS_TLOG_PROOF_MAX);
    onus_buf_init(&proven, o->mem, ONUS_TLOG_PROOF_MAX);
    onus_event_init(&e, o->mem);
    onus_event_begin(&e, "prove");
    onus_status st = check_proof(o, &text, &proven, &e, &why), told = ONUS_OK;
    onus_event_text(&e, st == ONUS_OK ? "proven" : "not proven", "prove.verdict");
    if (st != ONUS_OK) onus_event_text(&e, why.msg, "prove.error");
    if (facts) told = onus_event_facts(&e, facts, o->mem, &why);
    if (told == ONUS_OK && st == ONUS_OK && line)
        told = onus_buf_hand_out(&proven, line, "proof", &why);
    if (told != ONUS_OK) st = told;
    if (st != ONUS_OK && err) *err = why;
    onus_event_release(&e);
    onus_buf_release(&text);
    onus_buf_release(&proven);
    return st;
}
