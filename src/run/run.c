/* SPDX-License-Identifier: Apache-2.0
 * run.c - a run: its folder, its stages, its report and its signed head.
 *
 * Kills are expected at any moment. The ledger is only appended to; every other file is
 * replaced whole. A resumed run executes the recipe again over a ledger in RESUME mode: events
 * that are there are compared, the first one that is not is appended, and training starts from
 * the last checkpoint, or from where a stopped run stood, whose bytes are those of the
 * ledger. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/hash.h"
#include "proof/note.h"
#include "run/stages.h"

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

/* A state of the training that the ledger speaks of: a checkpoint, or where a stopped run
 * stood. */
typedef struct {
    int64_t step, epoch;
    const char *hex;
    char file[64];
    bool stopped;
} state;

static int64_t whole(const json_t *body, const char *name)
{
    const json_t *v = json_object_get(body, name);
    return json_is_integer(v) ? json_integer_value(v) : -1;
}

static bool state_of(const onus_entry *e, state *out)
{
    *out = (state){.stopped = strcmp(e->type, "run.stop") == 0};
    if (out->stopped) {
        out->step = whole(e->observed, "run.stop.step");
        out->epoch = whole(e->observed, "run.stop.epoch");
        out->hex =
            json_string_value(json_object_get(e->observed, "run.stop.checkpoint.sha256"));
        snprintf(out->file, sizeof out->file, "checkpoints/" ONUS_STOP_FILE);
    } else if (strcmp(e->type, "checkpoint") == 0) {
        out->step = onus_checkpoint_step(e);
        out->epoch = whole(e->claim, "checkpoint.epoch");
        out->hex = json_string_value(json_object_get(e->claim, "checkpoint.sha256"));
        snprintf(out->file, sizeof out->file, "checkpoints/%lld.safetensors",
                 (long long)out->step);
    }
    return out->hex != NULL;
}

typedef struct {
    int64_t epoch, n;
} before;

static onus_status look_before(void *ctx, const onus_entry *e, onus_err *err)
{
    (void)err;
    before *b = ctx;
    const int64_t at = strcmp(e->type, "train.epoch") == 0 ? whole(e->claim, "train.epoch")
                       : strcmp(e->type, "checkpoint") == 0
                           ? whole(e->claim, "checkpoint.epoch")
                           : -1;
    if (at >= 0 && at <= b->epoch) b->n = e->n;
    return ONUS_OK;
}

/* The last event of training that lies before a state within epoch `epoch` + 1. */
static onus_status event_before(const onus_log *log, int64_t epoch, int64_t *n, onus_err *err)
{
    before b = {.epoch = epoch};
    const onus_status st = onus_log_visit(log, onus_log_count(log), look_before, &b, err);
    *n = b.n;
    return st;
}

static bool has_state(const char *type)
{
    return strcmp(type, "checkpoint") == 0 || strcmp(type, "run.stop") == 0;
}

/* The furthest state of the old ledger whose file is still what the ledger says. */
static onus_status find_state(onus_session *s, onus_err *err)
{
    for (int64_t i = onus_log_count(s->before) - 1; i >= 0; i--) {
        state at;
        char path[ONUS_PATH_MAX], found[ONUS_HEX_LEN];
        uint8_t sha[32];
        if (!has_state(onus_log_type_at(s->before, i))) continue;
        if (!state_of(onus_log_at(s->before, i), &at) || at.step <= s->start_step) continue;
        onus_status st = file_in(s, at.file, path, err);
        if (st != ONUS_OK) return st;
        if (!onus_file_exists(path) || onus_file_sha256(path, sha, NULL) != ONUS_OK) continue;
        onus_hex(sha, sizeof sha, found);
        if (strcmp(found, at.hex) != 0) continue;
        s->start_step = at.step;
        s->start_stopped = at.stopped;
        memcpy(s->start_sha, sha, sizeof sha);
        st = event_before(s->before, at.epoch, &s->start_event, err);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

/* Event 1 says what the run ends in: what follows it is not for another command to decide. */
static onus_status check_ends(const onus_session *s, onus_err *err)
{
    const onus_entry *e = onus_log_at(s->before, 0);
    const char *ends = e ? json_string_value(json_object_get(e->claim, "run.ends")) : NULL;
    if (!ends || strcmp(ends, onus_ends_texts[s->ends]) == 0) return ONUS_OK;
    return onus_fail(err, ONUS_BAD_INPUT,
                     "%s is a run that ends %.20s (run.ends in event 1), not %s; it is resumed "
                     "by the command that began it",
                     s->dir, ends, onus_ends_texts[s->ends]);
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

/* What is written must be what readers accept; a run is resumed by the version that began it.
 */
static onus_status hold_ledger(onus_session *s, onus_err *err)
{
    const onus_status st = onus_ledger_hold(s->ledger, s->judge, err);
    const char *foreign = onus_judge_foreign(s->judge);
    if (st != ONUS_OK || !foreign) return st;
    return onus_fail(err, ONUS_BAD_INPUT,
                     "%s was begun by version %s; it is resumed by that one, this is %s",
                     s->dir, foreign, ONUS_VERSION);
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
    if (st == ONUS_OK) st = onus_judge_create(&s->judge, s->mem, err);
    if (st == ONUS_OK && there) st = check_ends(s, err);
    if (st == ONUS_OK) st = hold_ledger(s, err);
    if (st == ONUS_OK && there) st = find_state(s, err);
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

/* ---- the end ----------------------------------------------------------------------------- */

/* Key of the caller, or one made now and forgotten: the head is signed either way, and its name
 * tells which. */
static onus_status signing_key(const onus_run_opts *o, onus_key *key, onus_err *err)
{
    if (!o->key) return onus_key_new(key, "throw-away", ONUS_KEY_SIGNS, err);
    onus_status st = onus_key_load(key, o->key, err);
    if (st == ONUS_OK && !key->has_secret)
        st = onus_fail(err, ONUS_BAD_INPUT, "%s is a public key; signing needs the private one",
                       o->key);
    if (st == ONUS_OK && key->type != ONUS_KEY_SIGNS)
        st = onus_fail(err, ONUS_BAD_INPUT,
                       "%s is a witness's key, for onus witness; it signs no run", o->key);
    return st;
}

static onus_status sign_head(onus_session *s, onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX], origin[160], text[300];
    uint8_t root[32];
    onus_buf note;
    onus_buf_init(&note, s->mem, 1 << 16);
    onus_ledger_root(s->ledger, root);
    snprintf(origin, sizeof origin, "onus/%s", s->recipe->name);
    ONUS_TRY(onus_note_sign(&note, s->key, origin, (uint64_t)onus_ledger_count(s->ledger), root,
                            err));
    onus_key_public_text(s->key, text);
    strcat(text, "\n");
    ONUS_TRY(file_in(s, "key.pub", path, err));
    ONUS_TRY(onus_file_replace(path, text, strlen(text), 0644, err));
    ONUS_TRY(file_in(s, "ledger.note", path, err));
    ONUS_TRY(onus_file_replace(path, note.data, note.len, 0644, err));
done:
    onus_buf_release(&note);
    return st;
}

static onus_status fill_result(onus_session *s, onus_run_result *out, onus_err *err)
{
    char path[ONUS_PATH_MAX];
    onus_log *log = NULL;
    onus_facts *facts = NULL;
    onus_status st = file_in(s, "ledger.jsonl", path, err);
    if (st == ONUS_OK) st = onus_facts_create(&facts, s->mem, err);
    if (st == ONUS_OK)
        st = onus_log_read_each(&log, path, onus_log_add_facts, facts, s->mem, err);
    onus_log_close(log);
    if (st != ONUS_OK) {
        onus_facts_destroy(facts);
        return st;
    }
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

/* Where a stopped run stood is of no use once it has come to its end, and of no event that a
 * replay finds again. */
static void remove_stop_file(const onus_session *s)
{
    char path[ONUS_PATH_MAX];
    if (file_in(s, "checkpoints/" ONUS_STOP_FILE, path, NULL) == ONUS_OK) (void)remove(path);
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
    s.key = &key;
    s.ends = o->train_only ? ONUS_ENDS_TRAINED : ONUS_ENDS_REPORTED;
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
    ONUS_TRY(say_resumed(&s, torn, err));
    ONUS_TRY(onus_stages_run(&s, err));
    remove_stop_file(&s);
    ONUS_TRY(sign_head(&s, err));
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
