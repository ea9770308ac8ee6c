/* SPDX-License-Identifier: Apache-2.0
 * texts_out.c - what is handed to callers outside: one text (the report built again, facts as
 * JSON), facts gathered on the way, a new key. */
#include "base/fail.h"
#include "base/fp.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/facts.h"
#include "proof/note.h"
#include "report/report.h"
#include "run/session.h"

onus_status onus_buf_hand_out(const onus_buf *text, char **out, const char *what, onus_err *err)
{
    onus_status st = onus_buf_status(text, what, err);
    if (st != ONUS_OK) return st;
    char *copy = onus_strdup(text->mem, text->data ? text->data : "");
    if (!copy) return onus_fail_mem(err, what);
    *out = copy;
    return ONUS_OK;
}

onus_status onus_event_facts(onus_event_builder *b, onus_facts **out, const onus_allocator *mem,
                             onus_err *err)
{
    onus_facts *facts = NULL;
    onus_status st = onus_facts_create(&facts, mem, err);
    if (st != ONUS_OK) return st;
    const onus_sink sink = onus_facts_sink(facts);
    st = onus_event_emit(b, &sink, err);
    if (st == ONUS_OK)
        *out = facts;
    else
        onus_facts_destroy(facts);
    return st;
}

void onus_text_free(const onus_allocator *mem, char *text)
{
    onus_free(mem, text);
}

onus_status onus_facts_text(const onus_facts *f, char **json, const onus_allocator *mem,
                            onus_err *err)
{
    onus_fp_set();
    if (!f || !json)
        return onus_fail(err, ONUS_BAD_ARG, "facts: facts and a place for the text are needed");
    onus_buf text;
    onus_buf_init(&text, mem, 256 << 20);
    onus_status st = onus_facts_json(f, &text, err);
    if (st == ONUS_OK) st = onus_buf_hand_out(&text, json, "facts", err);
    onus_buf_release(&text);
    return st;
}

onus_status onus_report(const char *run, onus_facts **facts, char **html,
                        const onus_allocator *mem, onus_err *err)
{
    onus_fp_set();
    if (!run || (!facts && !html))
        return onus_fail(err, ONUS_BAD_ARG, "report: a run folder is needed");
    onus_status st = ONUS_OK;
    onus_facts *found = NULL;
    char path[ONUS_PATH_MAX];
    onus_log *log = NULL;
    onus_buf text;
    onus_buf_init(&text, mem, 64 << 20);
    ONUS_TRY(onus_path_join(path, sizeof path, run, "ledger.jsonl", err));
    ONUS_TRY(onus_log_read_judged(&log, path, mem, err));
    if (!onus_log_type(log, "run.begin", 0)) {
        st = onus_fail(err, ONUS_BAD_INPUT, "%s has no run.begin: no run to report on", path);
        goto done;
    }
    if (facts) ONUS_TRY(onus_log_facts(log, onus_log_count(log), &found, err));
    if (html) {
        const onus_entry *made = onus_log_type(log, "report", 0);
        const int64_t n = made ? made->n - 1 : onus_log_count(log);
        ONUS_TRY(onus_report_html(log, n, &text, mem, err));
        ONUS_TRY(onus_buf_hand_out(&text, html, "report", err));
    }
    if (facts) *facts = found;
    found = NULL;
done:
    onus_facts_destroy(found);
    onus_buf_release(&text);
    onus_log_close(log);
    return st;
}

/* What may be told of a key. */
static onus_status key_facts(const onus_key *key, const char *path, onus_facts **out,
                             const onus_allocator *mem, onus_err *err)
{
    char text[320], pub_path[ONUS_PATH_MAX];
    onus_event_builder e;
    if (snprintf(pub_path, sizeof pub_path, "%s.pub", path) >= (int)sizeof pub_path)
        return onus_fail(err, ONUS_BAD_ARG, "path longer than %d bytes", ONUS_PATH_MAX);
    onus_key_public_text(key, text);
    onus_event_init(&e, mem);
    onus_event_begin(&e, "key");
    onus_event_text(&e, key->name, "key.name");
    onus_event_text(&e, key->type == ONUS_KEY_COSIGNS ? "witnesses" : "signs", "key.kind");
    onus_event_text(&e, path, "key.file");
    onus_event_text(&e, pub_path, "key.public_file");
    onus_event_text(&e, text, "key.public");
    const onus_status st = onus_event_facts(&e, out, mem, err);
    onus_event_release(&e);
    return st;
}

onus_status onus_keygen(const onus_keygen_opts *o, onus_facts **facts, onus_err *err)
{
    if (!o || !o->path || !o->name)
        return onus_fail(err, ONUS_BAD_ARG, "keygen: a file and a name are needed");
    if (!onus_crypto_start())
        return onus_fail(err, ONUS_IO, "libsodium or libcrypto cannot start");
    onus_key key;
    onus_facts *told = NULL;
    onus_status st =
        onus_key_new(&key, o->name, o->witness ? ONUS_KEY_COSIGNS : ONUS_KEY_SIGNS, err);
    if (st == ONUS_OK && facts) st = key_facts(&key, o->path, &told, o->mem, err);
    if (st == ONUS_OK) st = onus_key_save(&key, o->path, err);
    onus_key_wipe(&key);
    if (st == ONUS_OK && facts)
        *facts = told;
    else
        onus_facts_destroy(told);
    return st;
}
