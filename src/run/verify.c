/* SPDX-License-Identifier: Apache-2.0
 * verify.c - checks a run, trusting nobody: signature over the head, head over the ledger,
 * ledger over every file, and the report built again from the ledger. What a run folder holds
 * is all looked at; a file that the ledger does not know is said. The ledger is held to the
 * registry of names (proof/judge.h), event 1 and the demands to the recipe. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/fp.h"
#include "base/file.h"
#include "base/hash.h"
#include "proof/entry_event.h"
#include "report/report.h"
#include "run/session.h"
#include "run/verify_head.h"
#include "run/verify_recipe.h"

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
    onus_judge *judge;
    onus_arena event;   /* of the event that is judged */
    onus_status judged; /* what came of it, until one was wrong */
    onus_err why;
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

/* The file that an event speaks of, as the registry says. */
static onus_status check_entry(verifier *v, const onus_event_row *row, const onus_entry *e,
                               onus_err *err)
{
    if (strcmp(e->type, "privacy.noise") == 0) return check_noise_key(v, e, err);
    if (!row || !row->hash_field) return ONUS_OK;
    char step[64];
    const char *name = row->file         ? row->file
                       : row->file_field ? claim_text(e, row->file_field)
                                         : step;
    snprintf(step, sizeof step, "checkpoints/%lld.safetensors",
             (long long)onus_checkpoint_step(e));
    if (!name)
        return onus_fail(err, ONUS_TAMPER, "event %lld (%s) names no file", (long long)e->n,
                         e->type);
    return check_file(v, name, claim_text(e, row->hash_field), e->n, row->may_lack, err);
}

/* While the ledger is read, each event is judged. What is wrong with one is told after the
 * head, which comes first. */
static onus_status judge_event(void *ctx, const onus_entry *e, onus_err *err)
{
    (void)err;
    verifier *v = ctx;
    onus_event event;
    if (v->judged != ONUS_OK) return ONUS_OK;
    onus_arena_reset(&v->event);
    v->judged = onus_entry_event(e, &v->event, &event, &v->why);
    if (v->judged == ONUS_OK) v->judged = onus_judge_event(v->judge, &event, &v->why);
    return ONUS_OK;
}

static onus_status check_judged(const verifier *v, onus_err *err)
{
    if (v->judged != ONUS_OK) return onus_fail(err, v->judged, "%s: %s", v->run, v->why.msg);
    onus_err why = {.code = ONUS_OK};
    const onus_status st = onus_judge_end(v->judge, &why);
    return st == ONUS_OK ? st : onus_fail(err, st, "%s: %s", v->run, why.msg);
}

/* Every file that an event speaks of. Most events of a long ledger speak of none. */
static onus_status check_files(verifier *v, onus_err *err)
{
    for (int64_t i = 0; i < onus_log_count(v->log); i++) {
        const char *type = onus_log_type_at(v->log, i);
        const onus_event_row *row = onus_names_event(type);
        if (strcmp(type, "privacy.noise") != 0 && (!row || !row->hash_field)) continue;
        onus_taken t;
        onus_status st = onus_log_take(v->log, i, &t, err);
        if (st != ONUS_OK) return st;
        st = check_entry(v, row, &t.entry, err);
        onus_taken_release(&t);
        if (st != ONUS_OK) return st;
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

/* What no event speaks of. */
static onus_status list_unknown(verifier *v, onus_err *err)
{
    for (int64_t i = 0; i < v->n_files; i++) {
        if (v->known[i]) continue;
        if (!onus_is_plain(v->files[i])) /* it could pass for a line of this list */
            return onus_fail(err, ONUS_TAMPER,
                             "%s: a file's name holds control characters: '%s'", v->run,
                             v->files[i]);
        v->n_unknown++;
        onus_buf_printf(&v->notes, "not in the ledger, so nothing is proven of it: '%s'\n",
                        v->files[i]);
    }
    return ONUS_OK;
}

/* Hashes, tree and signature hold; what the names mean is for that version to say. A forger can
 * write another version, too, so this is no "verified". */
static onus_status not_judged(const verifier *v, onus_err *err)
{
    return onus_fail(
        err, ONUS_UNPROVEN,
        "%s: made by version %s: hashes, tree and signature hold; not judged (this "
        "is version %s)",
        v->run, onus_judge_foreign(v->judge), ONUS_VERSION);
}

static onus_status look_at_all(verifier *v, const onus_verify_opts *o, onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX];
    ONUS_TRY(onus_dir_list(v->run, &v->arena, &v->files, &v->n_files, err));
    v->known = onus_arena_alloc(&v->arena, (size_t)v->n_files + 1, sizeof *v->known);
    if (!v->known) return onus_fail_mem(err, v->run);
    ONUS_TRY(path_of(v, "ledger.jsonl", path, err));
    ONUS_TRY(onus_judge_create(&v->judge, v->mem, err));
    ONUS_TRY(onus_log_read_each(&v->log, path, judge_event, v, v->mem, err));
    (void)take_file(v, "ledger.jsonl");
    (void)take_file(v, "key.pub");
    (void)take_file(v, ONUS_TOKEN_FILE);
    if (!take_file(v, ONUS_NOTE_FILE)) {
        st = onus_fail(
            err, ONUS_TAMPER,
            "%s has no ledger.note: the run did not come to its end, or its signature "
            "was taken away",
            v->run);
        goto done;
    }
    ONUS_TRY(onus_verify_head(o, v->log, &v->notes, &v->facts, err));
    ONUS_TRY(check_judged(v, err));
    ONUS_TRY(check_files(v, err));
    ONUS_TRY(list_unknown(v, err));
    if (onus_judge_foreign(v->judge)) {
        st = not_judged(v, err);
        goto done;
    }
    ONUS_TRY(onus_verify_recipe(v->run, v->log, v->mem, err));
    ONUS_TRY(check_report(v, err));
    ONUS_TRY(onus_log_sound(v->log, err));
done:
    return st;
}

/* The verdict, for machines. */
static onus_status conclude(verifier *v, bool known, onus_status verdict, const onus_err *why,
                            onus_facts **out, onus_err *err)
{
    onus_event_int(&v->facts, v->n_checked, "verify.files.checked");
    onus_event_int(&v->facts, v->n_absent, "verify.files.absent");
    onus_event_int(&v->facts, v->n_unknown, "verify.files.unknown");
    onus_event_text(&v->facts,
                    verdict == ONUS_UNPROVEN ? "not judged"
                    : verdict != ONUS_OK     ? "not verified"
                    : known                  ? "verified"
                                             : "intact",
                    "verify.verdict");
    if (verdict != ONUS_OK) onus_event_text(&v->facts, why->msg, "verify.error");
    return onus_event_facts(&v->facts, out, v->mem, err);
}

onus_status onus_verify(const onus_verify_opts *o, onus_facts **facts, char **notes,
                        onus_err *err)
{
    onus_fp_set();
    if (!o || !o->run) return onus_fail(err, ONUS_BAD_ARG, "verify: a run folder is needed");
    if (!onus_crypto_start())
        return onus_fail(err, ONUS_IO, "libsodium or libcrypto cannot start");
    verifier v = {.run = o->run, .mem = o->mem};
    onus_err why = {.code = ONUS_OK};
    onus_buf_init(&v.notes, o->mem, (size_t)1 << 28); /* a line for each of a million files */
    onus_arena_init(&v.arena, o->mem);
    onus_arena_init(&v.event, o->mem);
    onus_event_init(&v.facts, o->mem);
    onus_event_begin(&v.facts, "verify");
    onus_status st = look_at_all(&v, o, &why), told = ONUS_OK;
    if (facts) told = conclude(&v, o->key != NULL, st, &why, facts, &why);
    if (told == ONUS_OK && notes) told = onus_buf_hand_out(&v.notes, notes, "verify", &why);
    if (told != ONUS_OK) st = told;
    if (st != ONUS_OK && err) *err = why;
    onus_judge_destroy(v.judge);
    onus_log_close(v.log);
    onus_event_release(&v.facts);
    onus_buf_release(&v.notes);
    onus_arena_release(&v.arena);
    onus_arena_release(&v.event);
    return st;
}
