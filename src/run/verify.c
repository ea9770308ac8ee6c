/* SPDX-License-Identifier: Apache-2.0
 * verify.c - checks a run, trusting nobody: signature over the head, head over the ledger,
 * ledger over every file, and the report built again from the ledger. What a run folder holds
 * is all looked at; a file that the ledger does not know is said.
 *
 * CHECKLIST: a stage that leaves a new kind of file wants a row in `kinds`. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/fp.h"
#include "base/file.h"
#include "base/hash.h"
#include "proof/note.h"
#include "report/report.h"
#include "run/session.h"

typedef struct {
    const char *run;
    const onus_allocator *mem;
    onus_log *log;
    onus_buf notes;           /* one line for everything looked at */
    onus_event_builder facts; /* the same for machines */
    int64_t n_checked, n_absent, n_unknown;
    onus_arena arena;
    const char **files; /* what the folder holds */
    bool *known;        /* file i was checked */
    int64_t n_files;
} verifier;

static onus_status path_of(const verifier *v, const char *name, char path[ONUS_PATH_MAX],
                           onus_err *err)
{
    return onus_path_join(path, ONUS_PATH_MAX, v->run, name, err);
}

/* Marks a file as known; false if the folder lacks it. */
static bool take_file(verifier *v, const char *name)
{
    for (int64_t i = 0; i < v->n_files; i++) {
        if (strcmp(v->files[i], name) == 0) return v->known[i] = true;
    }
    return false;
}

static const char *claim_text(const onus_entry *e, const char *name)
{
    const char *text = json_string_value(json_object_get(e->claim, name));
    return text ? text : json_string_value(json_object_get(e->observed, name));
}

/* One file against the hash in the ledger. What is in private/ and old checkpoints may be
 * withheld; the rest must be there. */
static onus_status check_file(verifier *v, const char *name, const char *hex, int64_t event,
                              bool may_lack, onus_err *err)
{
    char path[ONUS_PATH_MAX], found[ONUS_HEX_LEN];
    uint8_t sha[32];
    onus_status st = path_of(v, name, path, err);
    if (st == ONUS_OK && !onus_is_plain(name))
        st =
            onus_fail(err, ONUS_TAMPER, "event %lld names a file with control characters: '%s'",
                      (long long)event, name);
    if (st != ONUS_OK) return st;
    if (!take_file(v, name)) {
        if (!may_lack)
            return onus_fail(err, ONUS_TAMPER, "%s is missing; event %lld holds its hash", path,
                             (long long)event);
        onus_buf_printf(&v->notes, "%-28s not here, so not checked\n", name);
        v->n_absent++;
        return ONUS_OK;
    }
    st = onus_file_sha256(path, sha, err);
    if (st != ONUS_OK) return st;
    onus_hex(sha, sizeof sha, found);
    if (!hex || strcmp(hex, found) != 0)
        return onus_fail(err, ONUS_TAMPER,
                         "%s was changed: its SHA-256 is %.16s..., event %lld says %.16s...",
                         path, found, (long long)event, hex ? hex : "nothing");
    onus_buf_printf(&v->notes, "%-28s is what event %lld says\n", name, (long long)event);
    v->n_checked++;
    return ONUS_OK;
}

/* The noise key against the commitment made before the first step. */
static onus_status check_noise_key(verifier *v, const onus_entry *e, onus_err *err)
{
    const char *hex = claim_text(e, "privacy.noise.commitment");
    char found[ONUS_HEX_LEN];
    uint8_t sha[32];
    onus_noise_key key;
    if (!take_file(v, "private/noise.key")) {
        onus_buf_printf(&v->notes, "%-28s not here, so the noise cannot be drawn again\n",
                        "private/noise.key");
        v->n_absent++;
        return ONUS_OK;
    }
    onus_status st = onus_noise_key_read(v->run, &key, err);
    if (st != ONUS_OK) return st;
    onus_noise_key_commit(&key, sha);
    onus_wipe(&key, sizeof key);
    onus_hex(sha, sizeof sha, found);
    if (!hex || strcmp(hex, found) != 0)
        return onus_fail(
            err, ONUS_TAMPER,
            "%s/private/noise.key was changed: it does not open the commitment of event %lld",
            v->run, (long long)e->n);
    v->n_checked++;
    onus_buf_printf(&v->notes, "%-28s opens the commitment of event %lld\n",
                    "private/noise.key", (long long)e->n);
    return ONUS_OK;
}

/* Every file that an event speaks of: event type, its name (or the field that holds it), the
 * field of its hash. */
static const struct {
    const char *type, *file, *file_field, *hash_field;
    bool may_lack;
} kinds[] = {
    {"run.begin", "recipe.yaml", NULL, "run.recipe.sha256", false},
    {"model", "model.safetensors", NULL, "model.sha256", false},
    {"report", "report.html", NULL, "report.sha256", false},
    {"private", NULL, "private.file", "private.sha256", true},
};

static bool speaks_of_file(const char *type)
{
    bool does = strcmp(type, "privacy.noise") == 0 || strcmp(type, "checkpoint") == 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        does = does || strcmp(type, kinds[i].type) == 0;
    return does;
}

static onus_status check_entry(verifier *v, const onus_entry *e, onus_err *err)
{
    if (strcmp(e->type, "privacy.noise") == 0) return check_noise_key(v, e, err);
    if (strcmp(e->type, "checkpoint") == 0) {
        char name[64];
        snprintf(name, sizeof name, "checkpoints/%lld.safetensors",
                 (long long)onus_checkpoint_step(e));
        return check_file(v, name, claim_text(e, "checkpoint.sha256"), e->n, true, err);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(e->type, kinds[i].type) != 0) continue;
        const char *name = kinds[i].file ? kinds[i].file : claim_text(e, kinds[i].file_field);
        if (!name)
            return onus_fail(err, ONUS_TAMPER, "event %lld (%s) names no file", (long long)e->n,
                             e->type);
        return check_file(v, name, claim_text(e, kinds[i].hash_field), e->n, kinds[i].may_lack,
                          err);
    }
    return ONUS_OK;
}

/* The report is a function of the ledger: the same entries must give the same bytes. */
static onus_status check_report(verifier *v, onus_err *err)
{
    const onus_entry *e = onus_log_type(v->log, "report", 0),
                     *begin = onus_log_type(v->log, "run.begin", 0);
    if (!e) {
        onus_buf_printf(&v->notes, "%-28s none was made\n", "report.html");
        return ONUS_OK;
    }
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX], head[ONUS_HEX_LEN];
    uint8_t root[32];
    onus_buf there, mine;
    onus_buf_init(&there, v->mem, 64 << 20);
    onus_buf_init(&mine, v->mem, 64 << 20);
    const char *said = claim_text(e, "report.head"),
               *version = begin ? claim_text(begin, "run.version") : NULL;
    onus_log_root(v->log, e->n - 1, root);
    onus_hex(root, sizeof root, head);
    if (!said || strcmp(said, head) != 0) {
        st = onus_fail(
            err, ONUS_TAMPER,
            "event %lld (report) names another head than the %lld events before it have",
            (long long)e->n, (long long)(e->n - 1));
        goto done;
    }
    ONUS_TRY(path_of(v, "report.html", path, err));
    ONUS_TRY(onus_file_read(path, &there, err));
    ONUS_TRY(onus_report_html(v->log, e->n - 1, &mine, v->mem, err));
    if (there.len != mine.len || memcmp(there.data, mine.data, mine.len) != 0) {
        st = onus_fail(err, ONUS_TAMPER,
                       "%s is not what the ledger gives (made by Onus %s, built again by %s)",
                       path, version ? version : "unknown", ONUS_VERSION);
        goto done;
    }
    onus_buf_printf(&v->notes, "%-28s built again from the ledger: the same bytes\n",
                    "report.html");
done:
    onus_buf_release(&there);
    onus_buf_release(&mine);
    return st;
}

/* ---- the signed head --------------------------------------------------------------------- */

static onus_status load_keys(verifier *v, const char *key_path, onus_key *key, onus_err *err)
{
    char path[ONUS_PATH_MAX];
    onus_key own;
    onus_status st = path_of(v, "key.pub", path, err);
    if (st == ONUS_OK) st = onus_key_load(&own, path, err);
    if (st != ONUS_OK) return st;
    (void)take_file(v, "key.pub");
    *key = own;
    if (!key_path) return ONUS_OK;
    st = onus_key_load(key, key_path, err);
    if (st == ONUS_OK && memcmp(key->pub, own.pub, sizeof own.pub) != 0)
        st = onus_fail(err, ONUS_TAMPER, "%s is signed by '%s', not by the key in %s", v->run,
                       own.name, key_path);
    return st;
}

static onus_status check_head(verifier *v, const char *key_path, onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX];
    uint8_t root[32];
    onus_key key = {0};
    onus_note note;
    onus_buf text;
    onus_buf_init(&text, v->mem, 1 << 16);
    ONUS_TRY(load_keys(v, key_path, &key, err));
    ONUS_TRY(path_of(v, "ledger.note", path, err));
    ONUS_TRY(onus_file_read(path, &text, err));
    (void)take_file(v, "ledger.note");
    ONUS_TRY(onus_note_verify(&note, text.data, text.len, path, &key, err));
    onus_log_root(v->log, onus_log_count(v->log), root);
    if (note.n != (uint64_t)onus_log_count(v->log) ||
        memcmp(note.root, root, sizeof root) != 0) {
        st = onus_fail(
            err, ONUS_TAMPER,
            "%s/ledger.jsonl was changed: its %lld events do not have the signed head", v->run,
            (long long)onus_log_count(v->log));
        goto done;
    }
    onus_event_int(&v->facts, (int64_t)note.n, "verify.events");
    onus_event_sha256(&v->facts, root, "verify.head");
    onus_event_text(&v->facts, note.origin, "verify.origin");
    onus_event_text(&v->facts, note.signer, "verify.signer");
    onus_event_text(&v->facts, key_path ? "known" : "not known", "verify.key");
    onus_event_int(&v->facts, note.n_witnesses, "verify.witnesses");
    onus_buf_printf(&v->notes, "%-28s %lld events have the signed head\n", "ledger.jsonl",
                    (long long)note.n);
    onus_buf_printf(&v->notes, "%-28s signed by '%s'%s; %s\n", "ledger.note", note.signer,
                    key_path ? ", a key that you know" : ": key not known",
                    note.n_witnesses ? "other signatures are there, not checked"
                                     : "unwitnessed");
done:
    onus_key_wipe(&key);
    onus_buf_release(&text);
    return st;
}

static onus_status check_end(const verifier *v, onus_err *err)
{
    if (onus_log_type(v->log, "run.end", 0)) return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER,
                     "%s: the ledger has no run.end: the run did not come to its end", v->run);
}

static onus_status look_at_all(verifier *v, const char *key_path, onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX];
    ONUS_TRY(onus_dir_list(v->run, &v->arena, &v->files, &v->n_files, err));
    v->known = onus_arena_alloc(&v->arena, (size_t)v->n_files + 1, sizeof *v->known);
    if (!v->known) return onus_fail_mem(err, v->run);
    ONUS_TRY(path_of(v, "ledger.jsonl", path, err));
    ONUS_TRY(onus_log_read(&v->log, path, v->mem, err));
    (void)take_file(v, "ledger.jsonl");
    if (!take_file(v, "ledger.note")) {
        st = onus_fail(
            err, ONUS_TAMPER,
            "%s has no ledger.note: the run did not come to its end, or its signature "
            "was taken away",
            v->run);
        goto done;
    }
    ONUS_TRY(check_head(v, key_path, err));
    for (int64_t i = 0; i < onus_log_count(v->log); i++) {
        onus_taken t;
        if (!speaks_of_file(onus_log_type_at(v->log, i))) continue; /* hundreds of thousands */
        ONUS_TRY(onus_log_take(v->log, i, &t, err));
        st = check_entry(v, &t.entry, err);
        onus_taken_release(&t);
        if (st != ONUS_OK) goto done;
    }
    ONUS_TRY(check_report(v, err));
    ONUS_TRY(check_end(v, err));
    ONUS_TRY(onus_log_sound(v->log, err));
    for (int64_t i = 0; i < v->n_files; i++) {
        if (v->known[i]) continue;
        if (!onus_is_plain(v->files[i])) { /* it could pass for a line of this list */
            st = onus_fail(err, ONUS_TAMPER, "%s: a file's name holds control characters: '%s'",
                           v->run, v->files[i]);
            goto done;
        }
        v->n_unknown++;
        onus_buf_printf(&v->notes, "not in the ledger, so nothing is proven of it: '%s'\n",
                        v->files[i]);
    }
done:
    return st;
}

/* The verdict, for machines. */
static onus_status conclude(verifier *v, onus_status verdict, const onus_err *why,
                            onus_facts **out, onus_err *err)
{
    onus_event_int(&v->facts, v->n_checked, "verify.files.checked");
    onus_event_int(&v->facts, v->n_absent, "verify.files.absent");
    onus_event_int(&v->facts, v->n_unknown, "verify.files.unknown");
    onus_event_text(&v->facts, verdict == ONUS_OK ? "verified" : "not verified",
                    "verify.verdict");
    if (verdict != ONUS_OK) onus_event_text(&v->facts, why->msg, "verify.error");
    return onus_event_facts(&v->facts, out, v->mem, err);
}

onus_status onus_verify(const char *run, const char *key, onus_facts **facts, char **notes,
                        const onus_allocator *mem, onus_err *err)
{
    onus_fp_set();
    if (!run) return onus_fail(err, ONUS_BAD_ARG, "verify: a run folder is needed");
    if (!onus_crypto_start())
        return onus_fail(err, ONUS_IO, "libsodium or libcrypto cannot start");
    verifier v = {.run = run, .mem = mem};
    onus_err why = {.code = ONUS_OK};
    onus_buf_init(&v.notes, mem, (size_t)1 << 28); /* a line for each of a million files */
    onus_arena_init(&v.arena, mem);
    onus_event_init(&v.facts, mem);
    onus_event_begin(&v.facts, "verify");
    onus_status st = look_at_all(&v, key, &why);
    if (st == ONUS_OK || st == ONUS_TAMPER || st == ONUS_BAD_INPUT) {
        onus_status told = facts ? conclude(&v, st, &why, facts, &why) : ONUS_OK;
        if (told == ONUS_OK && notes) told = onus_buf_hand_out(&v.notes, notes, "verify", &why);
        if (told != ONUS_OK) st = told;
    }
    if (st != ONUS_OK && err) *err = why;
    onus_log_close(v.log);
    onus_event_release(&v.facts);
    onus_buf_release(&v.notes);
    onus_arena_release(&v.arena);
    return st;
}
