/* SPDX-License-Identifier: Apache-2.0
 * run.c - a run: its folder, its stages, its report and its signed head.
 *
 * Kills are expected at any moment. The ledger is only appended to; every other file is
 * replaced whole. A resumed run executes the recipe again over a ledger in RESUME mode: events
 * that are there are compared, the first one that is not is appended, and training starts from
 * the last checkpoint whose bytes are those of the ledger. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/hash.h"
#include "proof/note.h"
#include "report/report.h"
#include "run/session.h"

enum { RUNS_MAX = 100000 };

/* ---- the folder -------------------------------------------------------------------------- */

static onus_status file_in(const onus_session *s, const char *name, char path[ONUS_PATH_MAX],
                           onus_err *err)
{
    return onus_path_join(path, ONUS_PATH_MAX, s->dir, name, err);
}

/* runs/NAME-N, the first N that is free: mkdir decides, so that two runs at once get two
 * folders. */
static onus_status choose_dir(const onus_run_opts *o, const onus_recipe *r,
                              char dir[ONUS_PATH_MAX], onus_err *err)
{
    if (o->out) {
        if (snprintf(dir, ONUS_PATH_MAX, "%s", o->out) >= ONUS_PATH_MAX)
            return onus_fail(err, ONUS_BAD_ARG, "the run folder's path is longer than %d bytes",
                             ONUS_PATH_MAX - 1);
        return onus_dir_make(dir, 0755, err);
    }
    if (o->resume)
        return onus_fail(err, ONUS_BAD_ARG, "resume needs the run folder (--out DIR)");
    onus_status st = onus_dir_make("runs", 0755, err);
    for (int n = 1; st == ONUS_OK && n < RUNS_MAX; n++) {
        snprintf(dir, ONUS_PATH_MAX, "runs/%s-%d", r->name, n);
        if (mkdir(dir, 0755) == 0) return ONUS_OK;
        if (errno != EEXIST)
            return onus_fail(err, ONUS_IO, "cannot make '%s': %s", dir, strerror(errno));
    }
    return st != ONUS_OK
               ? st
               : onus_fail(err, ONUS_IO, "runs/ holds %d runs of '%s'", RUNS_MAX, r->name);
}

/* The recipe's bytes stand in the folder; a resumed run must be the same recipe. */
static onus_status settle_recipe(onus_session *s, bool resume, onus_err *err)
{
    char path[ONUS_PATH_MAX];
    onus_status st = file_in(s, "recipe.yaml", path, err);
    if (st != ONUS_OK) return st;
    const onus_buf *mine = &s->recipe->bytes;
    if (!resume || !onus_file_exists(path))
        return onus_file_replace(path, mine->data, mine->len, 0644, err);
    onus_buf there;
    onus_buf_init(&there, s->mem, 1 << 20);
    st = onus_file_read(path, &there, err);
    if (st == ONUS_OK &&
        (there.len != mine->len || memcmp(there.data, mine->data, mine->len) != 0))
        st = onus_fail(err, ONUS_BAD_INPUT,
                       "%s differs from %s; a run is resumed with the recipe that began it",
                       path, s->recipe->path);
    onus_buf_release(&there);
    return st;
}

/* A private run's key is on the disk before anything is drawn from it; a resumed run reads it.
 * Where a run was killed before it made one, nothing has been drawn. */
static onus_status settle_noise_key(onus_session *s, onus_err *err)
{
    char path[ONUS_PATH_MAX];
    if (s->recipe->privacy.off) return ONUS_OK;
    onus_status st = file_in(s, "private", path, err);
    if (st == ONUS_OK) st = onus_dir_make(path, 0700, err);
    if (st == ONUS_OK) st = file_in(s, "private/noise.key", path, err);
    if (st != ONUS_OK) return st;
    const bool committed = s->before && onus_log_type(s->before, "privacy.noise", 0);
    if (committed || onus_file_exists(path)) {
        st = onus_noise_key_read(s->dir, &s->noise, err);
    } else {
        onus_noise_key_new(&s->noise);
        st = onus_noise_key_write(s->dir, &s->noise, err);
    }
    return st == ONUS_OK ? onus_session_key_hashes(s, s->before, err) : st;
}

/* The last checkpoint of the old ledger whose file is still what the ledger says. */
static onus_status find_checkpoint(onus_session *s, onus_err *err)
{
    for (int64_t i = onus_log_count(s->before) - 1; i >= 0; i--) {
        const onus_entry *e = onus_log_at(s->before, i);
        if (strcmp(e->type, "checkpoint") != 0) continue;
        const int64_t step = onus_checkpoint_step(e);
        const char *hex = json_string_value(json_object_get(e->claim, "checkpoint.sha256"));
        char name[64], path[ONUS_PATH_MAX], found[ONUS_HEX_LEN];
        uint8_t sha[32];
        snprintf(name, sizeof name, "checkpoints/%lld.safetensors", (long long)step);
        onus_status st = file_in(s, name, path, err);
        if (st != ONUS_OK) return st;
        if (!onus_file_exists(path) || onus_file_sha256(path, sha, NULL) != ONUS_OK) continue;
        onus_hex(sha, sizeof sha, found);
        if (hex && strcmp(found, hex) == 0) {
            s->start_step = step;
            memcpy(s->start_sha, sha, sizeof sha);
            return ONUS_OK;
        }
    }
    return ONUS_OK;
}

/* A new run begins in an empty folder: it would replace files of the same names, and what
 * verify finds there later would be nobody's. */
static onus_status check_empty(const char *dir, onus_err *err)
{
    DIR *d = opendir(dir);
    if (!d) return onus_fail(err, ONUS_IO, "cannot open '%s': %s", dir, strerror(errno));
    onus_status st = ONUS_OK;
    for (struct dirent *e = readdir(d); e && st == ONUS_OK; e = readdir(d)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            st = onus_fail(err, ONUS_BAD_ARG,
                           "%s is not empty ('%.80s'); a run begins in a folder of its own",
                           dir, e->d_name);
    }
    closedir(d);
    return st;
}

/* "27.safetensors.4711.new": a file that a kill cut short before it took its place (base/file.c
 * names them). */
static bool is_left_over(const char *name)
{
    const size_t n = strlen(name);
    size_t at = n < 4 ? 0 : n - 4;
    if (at == 0 || strcmp(name + at, ".new") != 0) return false;
    const size_t end = at;
    while (at > 0 && name[at - 1] >= '0' && name[at - 1] <= '9') at--;
    return at < end && at > 1 && name[at - 1] == '.';
}

/* The ledger is locked: nobody else is writing them. What cannot be removed harms nothing. */
static void remove_left_overs(const onus_session *s)
{
    const char **names = NULL;
    int64_t n = 0;
    char path[ONUS_PATH_MAX];
    onus_arena arena;
    onus_arena_init(&arena, s->mem);
    if (onus_dir_list(s->dir, &arena, &names, &n, NULL) != ONUS_OK) n = 0;
    for (int64_t i = 0; i < n; i++)
        if (is_left_over(names[i]) && file_in(s, names[i], path, NULL) == ONUS_OK)
            (void)remove(path);
    onus_arena_release(&arena);
}

static onus_status settle_ledger(onus_session *s, bool resume, int64_t *torn, onus_err *err)
{
    char path[ONUS_PATH_MAX];
    onus_status st = file_in(s, "ledger.jsonl", path, err);
    if (st != ONUS_OK) return st;
    const bool there = onus_file_exists(path);
    if (there && !resume)
        return onus_fail(
            err, ONUS_BAD_ARG,
            "%s holds a run already; say --resume to go on with it, or another --out", s->dir);
    if (!resume) st = check_empty(s->dir, err);
    if (st == ONUS_OK)
        st = onus_ledger_open(&s->ledger, path, there ? ONUS_LEDGER_RESUME : ONUS_LEDGER_WRITE,
                              torn, s->mem, err);
    if (st == ONUS_OK && there) remove_left_overs(s);
    if (st == ONUS_OK && there) st = onus_log_read(&s->before, path, s->mem, err);
    if (st == ONUS_OK && there) st = find_checkpoint(s, err);
    return st;
}

/* What a run that never got as far as training leaves behind is nothing. */
static void remove_traces(const char *dir)
{
    static const char *const files[] = {"ledger.jsonl",
                                        "recipe.yaml",
                                        "private/noise.key",
                                        "private/recipe.dir",
                                        "private",
                                        "checkpoints",
                                        ""};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[ONUS_PATH_MAX];
        if (onus_path_join(path, sizeof path, dir, files[i], NULL) == ONUS_OK)
            (void)remove(path);
    }
}

static bool has_trained(const onus_session *s)
{
    return s->facts && (onus_facts_find(s->facts, "train.epoch") ||
                        onus_facts_find(s->facts, "privacy.noise.commitment"));
}

/* ---- the end: report, signature ---------------------------------------------------------- */

/* The report from everything before its own event. A run killed after that event has it in the
 * ledger already. */
static onus_status write_report(onus_session *s, onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX];
    uint8_t sha[32], root[32];
    onus_log *log = NULL;
    onus_buf html;
    onus_buf_init(&html, s->mem, 64 << 20);
    ONUS_TRY(onus_ledger_settle(s->ledger, err));
    ONUS_TRY(file_in(s, "ledger.jsonl", path, err));
    ONUS_TRY(onus_log_read(&log, path, s->mem, err));
    const onus_entry *old = onus_log_type(log, "report", 0);
    const int64_t n = old ? old->n - 1 : onus_log_count(log);
    ONUS_TRY(onus_report_html(log, n, &html, s->mem, err));
    ONUS_TRY(file_in(s, "report.html", path, err));
    ONUS_TRY(onus_file_replace(path, html.data, html.len, 0644, err));
    onus_sha256_of(html.data, html.len, sha);
    onus_log_root(log, n, root);
    onus_event_begin(&s->event, "report");
    onus_event_observed(&s->event, true);
    onus_event_sha256(&s->event, sha, "report.sha256");
    onus_event_int(&s->event, n, "report.events");
    onus_event_sha256(&s->event, root, "report.head");
    ONUS_TRY(onus_session_emit(s, err));
done:
    onus_buf_release(&html);
    onus_log_close(log);
    return st;
}

/* Key of the caller, or one made now and forgotten: the head is signed either way, and its name
 * tells which. */
static onus_status signing_key(const onus_run_opts *o, onus_key *key, onus_err *err)
{
    if (!o->key) return onus_key_new(key, "throw-away", err);
    onus_status st = onus_key_load(key, o->key, err);
    if (st == ONUS_OK && !key->has_secret)
        st = onus_fail(err, ONUS_BAD_INPUT, "%s is a public key; signing needs the private one",
                       o->key);
    return st;
}

/* Before the report, which tells whose signature will stand under its head. A run that was
 * killed after this is signed by the same name. */
static onus_status name_signer(onus_session *s, const onus_key *key, onus_err *err)
{
    const onus_entry *old = s->before ? onus_log_type(s->before, "run.signer", 0) : NULL;
    const char *name =
        old ? json_string_value(json_object_get(old->observed, "run.signer")) : NULL;
    if (name && strcmp(name, key->name) != 0)
        return onus_fail(err, ONUS_BAD_ARG,
                         "event %lld says that '%s' signs this run; the key now is '%s'",
                         (long long)old->n, name, key->name);
    onus_event_begin(&s->event, "run.signer");
    onus_event_observed(&s->event, true);
    onus_event_text(&s->event, key->name, "run.signer");
    return onus_session_emit(s, err);
}

static onus_status sign_head(onus_session *s, onus_key *key, onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX], origin[160], text[300];
    uint8_t root[32];
    onus_buf note;
    onus_buf_init(&note, s->mem, 1 << 16);
    onus_ledger_root(s->ledger, root);
    snprintf(origin, sizeof origin, "onus/%s", s->recipe->name);
    ONUS_TRY(
        onus_note_sign(&note, key, origin, (uint64_t)onus_ledger_count(s->ledger), root, err));
    onus_key_public_text(key, text);
    strcat(text, "\n");
    ONUS_TRY(file_in(s, "key.pub", path, err));
    ONUS_TRY(onus_file_replace(path, text, strlen(text), 0644, err));
    ONUS_TRY(file_in(s, "ledger.note", path, err));
    ONUS_TRY(onus_file_replace(path, note.data, note.len, 0644, err));
done:
    onus_buf_release(&note);
    return st;
}

static onus_status finish(onus_session *s, const onus_run_opts *o, onus_key *key, onus_err *err)
{
    onus_status st = name_signer(s, key, err);
    if (st == ONUS_OK && !o->train_only) st = write_report(s, err);
    if (st != ONUS_OK) return st;
    onus_event_begin(&s->event, "run.end");
    onus_event_observed(&s->event, true);
    onus_event_text(&s->event, o->train_only ? "trained" : "reported", "run.state");
    onus_event_real(&s->event, onus_clock_s() - s->began_s, "run.seconds");
    onus_event_real(&s->event, onus_clock_cpu_s(), "run.cpu_seconds");
    st = onus_session_emit(s, err);
    return st == ONUS_OK ? sign_head(s, key, err) : st;
}

static onus_status fill_result(onus_session *s, onus_run_result *out, onus_err *err)
{
    char path[ONUS_PATH_MAX];
    onus_log *log = NULL;
    onus_status st = file_in(s, "ledger.jsonl", path, err);
    if (st == ONUS_OK) st = onus_log_read(&log, path, s->mem, err);
    onus_facts *facts = NULL;
    if (st == ONUS_OK) st = onus_log_facts(log, onus_log_count(log), &facts, err);
    onus_log_close(log);
    if (st != ONUS_OK) return st;
    const onus_field *met = onus_facts_find(facts, "policy.met");
    *out = (onus_run_result){.policies = s->recipe->n_policies,
                             .policies_met = met ? met->i : 0,
                             .facts = facts,
                             .mem = s->mem};
    snprintf(out->dir, sizeof out->dir, "%s", s->dir);
    if (s->profile) { /* the caller's from now on */
        out->profile = s->profile->data;
        s->profile->data = NULL;
    }
    return ONUS_OK;
}

void onus_run_result_release(onus_run_result *r)
{
    if (!r) return;
    onus_facts_destroy(r->facts);
    onus_free(r->mem, r->profile);
    *r = (onus_run_result){.dir = ""};
}

/* ---- the whole --------------------------------------------------------------------------- */

static onus_status say_resumed(onus_session *s, int64_t torn, onus_err *err)
{
    if (!s->before) return ONUS_OK;
    onus_event_begin(&s->event, "run.resume");
    onus_event_observed(&s->event, true);
    onus_event_int(&s->event, s->start_step, "run.resume.step");
    onus_event_int(&s->event, torn, "run.resume.torn_bytes");
    return onus_session_emit(s, err);
}

/* Between stages a signal is heeded, too; what is done stays in the ledger. */
static onus_status heed_stop(const onus_session *s, onus_err *err)
{
    return s->stop && *s->stop ? onus_fail(err, ONUS_STOPPED, "stopped") : ONUS_OK;
}

static onus_status stages(onus_session *s, const onus_run_opts *o, int64_t torn, onus_err *err)
{
    onus_status st = ONUS_OK;
    ONUS_TRY(say_resumed(s, torn, err));
    ONUS_TRY(onus_stage_begin(s, err));
    ONUS_TRY(onus_stage_data(s, err));
    ONUS_TRY(heed_stop(s, err));
    if (!o->train_only) ONUS_TRY(onus_stage_foresee(s, err));
    ONUS_TRY(onus_stage_train(s, err));
    ONUS_TRY(heed_stop(s, err));
    if (!o->train_only) {
        ONUS_TRY(onus_stage_evaluate(s, err));
        ONUS_TRY(heed_stop(s, err));
        ONUS_TRY(onus_stage_explain(s, err));
        ONUS_TRY(heed_stop(s, err));
    }
    ONUS_TRY(onus_stage_energy(s, err));
    if (!o->train_only) ONUS_TRY(onus_stage_policy(s, err));
done:
    return st;
}

onus_status onus_run(const onus_run_opts *o, onus_run_result *out, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_session s = {0};
    onus_key key = {0};
    onus_buf profile = {0};
    char dir[ONUS_PATH_MAX] = "";
    int64_t torn = 0;
    bool settled = false, refused = false;
    if (!o || !o->recipe || !out)
        return onus_fail(err, ONUS_BAD_ARG, "run: a recipe is needed");
    ONUS_TRY(onus_session_open(&s, o->threads, o->mem, err));
    ONUS_TRY(signing_key(o, &key, err));
    ONUS_TRY(onus_recipe_open(&s.recipe, o->recipe, NULL, o->mem, err));
    ONUS_TRY(onus_meter_open(&s.meter, s.recipe->region, o->mem, err));
    ONUS_TRY(choose_dir(o, s.recipe, dir, err));
    s.dir = dir;
    s.writes = s.observes = true;
    s.user = o->sink;
    s.progress = o->progress;
    s.progress_ctx = o->progress_ctx;
    s.stop = o->stop;
    onus_buf_init(&profile, o->mem, 1 << 20);
    if (o->profile) s.profile = &profile;
    ONUS_TRY(settle_ledger(&s, o->resume, &torn, err));
    settled = true;
    ONUS_TRY(settle_recipe(&s, o->resume, err));
    ONUS_TRY(settle_noise_key(&s, err));
    ONUS_TRY(stages(&s, o, torn, err));
    ONUS_TRY(finish(&s, o, &key, err));
    ONUS_TRY(onus_buf_status(&profile, "profile", err));
    ONUS_TRY(fill_result(&s, out, err));
done:
    refused = st == ONUS_BAD_INPUT || st == ONUS_BAD_ARG;
    if (st != ONUS_OK && settled && !o->resume && (!s.net || (refused && !has_trained(&s))))
        remove_traces(dir);
    else if (settled && (st == ONUS_STOPPED || st == ONUS_IO || st == ONUS_NO_MEM))
        (void)onus_hint(err, st, "what is done is kept: --out %.180s --resume goes on", dir);
    onus_key_wipe(&key);
    onus_buf_release(&profile);
    onus_session_close(&s);
    return st;
}
