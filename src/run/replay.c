/* SPDX-License-Identifier: Apache-2.0
 * replay.c - the run again, from recipe, data and code, over its own ledger: every event must
 * stand where the recipe and event 1 put it, every claim must come out the same, and the report
 * must be the one that these claims give. Nothing stored is read but the recipe, the checkpoint
 * that a stretch starts from (its hash is checked before it is used), what was observed where a
 * verdict rests on it, and, for a private run, the committed key of the noise. Nothing in the
 * folder changes.
 *
 * A whole run may take as long again as the run itself. A sample is what a stranger with less
 * time does: the training is cut at its checkpoints, and some of the stretches between them are
 * recomputed, drawn by a seed of the verifier's so that the owner could not know which. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/hash.h"
#include "run/stages.h"

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

/* What event 1 says the run ends in decides which events must follow. */
static onus_status read_ends(onus_session *s, onus_err *err)
{
    const onus_entry *e = onus_log_at(s->before, 0);
    const char *ends = e ? json_string_value(json_object_get(e->claim, "run.ends")) : NULL,
               *version =
                   e ? json_string_value(json_object_get(e->observed, "run.version")) : NULL;
    for (int i = 0; ends && i < 2; i++) {
        if (strcmp(ends, onus_ends_texts[i]) != 0) continue;
        s->ends = (onus_ends)i;
        return ONUS_OK;
    }
    return onus_fail(err, ONUS_MISMATCH,
                     "event 1 does not say what the run ends in (run.ends): the ledger is of "
                     "Onus %.40s, this is %s",
                     version ? version : "of an unknown version", ONUS_VERSION);
}

/* ---- stretches --------------------------------------------------------------------------- */

static const onus_entry *checkpoint_at(const onus_log *log, int64_t step)
{
    for (int64_t i = 0; (i = onus_log_next(log, "checkpoint", i)) >= 0; i++) {
        const onus_entry *e = onus_log_at(log, i);
        if (onus_checkpoint_step(e) == step) return e;
    }
    return NULL;
}

/* "--from 13: no checkpoint of that step; there are 12, 24, 36". */
static onus_status no_checkpoint(const onus_log *log, const char *option, int64_t step,
                                 onus_err *err)
{
    char list[160] = "none";
    for (int64_t i = 0, n = 0;
         n <= (int64_t)sizeof list - 32 && (i = onus_log_next(log, "checkpoint", i)) >= 0;
         i++) {
        const onus_entry *e = onus_log_at(log, i);
        n += snprintf(list + n, sizeof list - (size_t)n, "%s%lld", n ? ", " : "",
                      (long long)onus_checkpoint_step(e));
    }
    return onus_fail(err, ONUS_BAD_ARG,
                     "%s %lld: the ledger has no checkpoint of that step; it has %s", option,
                     (long long)step, list);
}

/* A stretch starts from stored bytes: they must be the ones of the ledger. Training compares
 * them while it reads. */
static onus_status set_start(onus_session *s, int64_t step, onus_err *err)
{
    s->start_step = step;
    s->start_event = 0;
    s->skipped = false;
    if (step == 0) return ONUS_OK;
    const onus_entry *e = checkpoint_at(s->before, step);
    if (!e) return no_checkpoint(s->before, "--from", step, err);
    s->start_event = e->n;
    const char *said = json_string_value(json_object_get(e->claim, "checkpoint.sha256"));
    if (said && onus_unhex(said, s->start_sha, sizeof s->start_sha)) return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER, "event %lld (checkpoint) has no SHA-256",
                     (long long)e->n);
}

static onus_status one_stretch(onus_session *s, const onus_replay_opts *o, onus_err *err)
{
    if (o->to > 0 && o->to <= o->from)
        return onus_fail(err, ONUS_BAD_ARG, "--to %lld: expected a step after --from %lld",
                         (long long)o->to, (long long)o->from);
    onus_status st = set_start(s, o->from, err);
    if (st == ONUS_OK && o->to > 0 && !checkpoint_at(s->before, o->to))
        st = no_checkpoint(s->before, "--to", o->to, err);
    s->stop_step = o->to;
    return st == ONUS_OK ? onus_stages_run(s, err) : st;
}

/* ---- a sample of stretches --------------------------------------------------------------- */

/* Stretch i is from bound[i] to bound[i + 1]; the first bound is the start, 0, and the last one
 * the end, 0 again, behind the last checkpoint. */
typedef struct {
    int64_t *bound;
    bool *drawn; /* (n) */
    int64_t n, k;
} sample;

static onus_status find_bounds(sample *x, const onus_session *s, onus_arena *arena,
                               onus_err *err)
{
    const int64_t n_events = onus_log_count(s->before);
    x->bound = onus_arena_alloc(arena, (size_t)n_events + 2, sizeof *x->bound);
    x->drawn = onus_arena_alloc(arena, (size_t)n_events + 2, sizeof *x->drawn);
    if (!x->bound || !x->drawn) return onus_fail_mem(err, "replay");
    x->n = 1;
    for (int64_t i = 0; i < n_events; i++) {
        const onus_entry *e = onus_log_at(s->before, i);
        if (strcmp(e->type, "checkpoint") != 0) continue;
        const int64_t step = onus_checkpoint_step(e);
        if (step <= x->bound[x->n - 1])
            return onus_fail(err, ONUS_MISMATCH,
                             "event %lld (checkpoint): its step is not after that of the one "
                             "before",
                             (long long)e->n);
        x->bound[x->n++] = step;
    }
    x->bound[x->n] = 0;
    return ONUS_OK;
}

/* SHA-256(head, counter, seed), its first eight bytes: nobody who made the ledger knew them
 * before the seed was chosen, and whoever knows the seed draws the same again. */
static uint64_t draw(const uint8_t head[32], uint64_t counter, const char *seed)
{
    onus_sha256 h;
    uint8_t bytes[8], out[32];
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(counter >> 8 * (7 - i));
    onus_sha256_init(&h);
    onus_sha256_add(&h, head, 32);
    onus_sha256_add(&h, bytes, sizeof bytes);
    onus_sha256_add(&h, seed, strlen(seed));
    onus_sha256_end(&h, out);
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v = v << 8 | out[i];
    return v;
}

/* k different ones of n, every such set as likely as any other: of the stretches left to go
 * through, this one is taken with probability (still wanted) / (still left). */
static void draw_stretches(sample *x, const onus_session *s, const char *seed)
{
    uint8_t head[32];
    uint64_t counter = 0;
    onus_log_root(s->before, onus_log_count(s->before), head);
    for (int64_t i = 0, wanted = x->k; i < x->n; i++) {
        const uint64_t left = (uint64_t)(x->n - i), most = UINT64_MAX - UINT64_MAX % left;
        uint64_t v;
        do v = draw(head, counter++, seed);
        while (v >= most);
        x->drawn[i] = v % left < (uint64_t)wanted;
        wanted -= x->drawn[i];
    }
}

static const char *stretch_text(const sample *x, int64_t i, char out[80])
{
    const long long from = x->bound[i], to = x->bound[i + 1];
    if (from == 0 && to == 0)
        snprintf(out, 80, "the whole training, and what follows it");
    else if (to == 0)
        snprintf(out, 80, "from step %lld to the end, and what follows it", from);
    else
        snprintf(out, 80, "from step %lld to step %lld", from, to);
    return out;
}

/* The net is built anew, the data stay: the ledger is moved back to where training begins. */
static onus_status replay_stretch(onus_session *s, const sample *x, int64_t i, int64_t begins,
                                  onus_err *err)
{
    onus_net_destroy(s->net);
    s->net = NULL;
    s->trained = (onus_train_result){.steps = 0};
    s->stop_step = x->bound[i + 1];
    onus_ledger_seek(s->ledger, begins);
    const onus_status st = set_start(s, x->bound[i], err);
    return st == ONUS_OK ? onus_stages_from(s, onus_stage_find("train"), err) : st;
}

static bool has_checkpoint(const onus_session *s, int64_t step)
{
    char name[64], path[ONUS_PATH_MAX];
    snprintf(name, sizeof name, "checkpoints/%lld.safetensors", (long long)step);
    return step == 0 || (onus_path_join(path, sizeof path, s->dir, name, NULL) == ONUS_OK &&
                         onus_file_exists(path));
}

static onus_status replay_sample(onus_session *s, sample *x, onus_buf *notes, onus_err *err)
{
    onus_status st = ONUS_OK;
    char what[80], absent[80] = "";
    ONUS_TRY(onus_stage_begin(s, err));
    ONUS_TRY(onus_stage_data(s, err));
    const int64_t begins = onus_ledger_place(s->ledger);
    for (int64_t i = 0; i < x->n; i++) {
        if (!x->drawn[i]) continue;
        const bool there = has_checkpoint(s, x->bound[i]);
        onus_buf_printf(notes, "stretch %lld of %lld: %s%s\n", (long long)i + 1,
                        (long long)x->n, stretch_text(x, i, what),
                        there ? "" : ": its checkpoint is not here");
        if (there)
            ONUS_TRY(replay_stretch(s, x, i, begins, err));
        else if (!absent[0])
            snprintf(absent, sizeof absent, "checkpoints/%lld.safetensors",
                     (long long)x->bound[i]);
    }
    const onus_mismatch *list;
    if (absent[0] && onus_ledger_mismatches(s->ledger, &list) == 0)
        st = onus_fail(err, ONUS_UNPROVEN,
                       "not proven: a stretch that was drawn starts from %s, which is not here",
                       absent);
done:
    return st;
}

/* ---- the outcome ------------------------------------------------------------------------- */

static bool is_stretch(const onus_replay_opts *o)
{
    return o->from > 0 || o->to > 0;
}

/* Some stretches, not all of them. */
static bool is_sample(const sample *x)
{
    return x->k > 0 && x->k < x->n;
}

/* All that differed, first in the error, the rest in the notes. */
static onus_status conclude(const onus_session *s, const onus_replay_opts *o, const sample *x,
                            onus_buf *notes, onus_err *err)
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
    onus_buf_printf(notes,
                    "%lld claims recomputed on %s with %d thread%s: every bit the same%s\n",
                    (long long)onus_ledger_compared(s->ledger), onus_isa_name(s->isa),
                    onus_pool_size(s->pool), onus_pool_size(s->pool) == 1 ? "" : "s",
                    is_sample(x)    ? ", of a sample"
                    : is_stretch(o) ? ", of a stretch"
                                    : "");
    if (is_sample(x))
        onus_buf_printf(notes,
                        "%lld of %lld stretches were drawn: a single false one had a chance of "
                        "%lld in %lld to be missed\n",
                        (long long)x->k, (long long)x->n, (long long)(x->n - x->k),
                        (long long)x->n);
    else if (is_stretch(o) && o->to > 0)
        onus_buf_printf(notes,
                        "only the stretch from step %lld to step %lld: nothing before it, and "
                        "nothing after it, was recomputed\n",
                        (long long)o->from, (long long)o->to);
    else if (is_stretch(o))
        onus_buf_printf(notes,
                        "only the stretch from step %lld to the end: no step before it was "
                        "recomputed\n",
                        (long long)o->from);
    return ONUS_OK;
}

static onus_status check_opts(const onus_replay_opts *o, onus_err *err)
{
    if (o->sample < 0 || o->from < 0 || o->to < 0)
        return onus_fail(err, ONUS_BAD_ARG, "replay: from, to and sample are not below 0");
    if (o->sample > 0 && !o->seed)
        return onus_fail(err, ONUS_BAD_ARG,
                         "a sample is drawn by a seed that the verifier chooses: --seed TEXT");
    if (o->seed && o->sample == 0)
        return onus_fail(err, ONUS_BAD_ARG, "--seed draws a sample: say --sample K");
    if (o->sample > 0 && is_stretch(o))
        return onus_fail(err, ONUS_BAD_ARG, "--sample draws its stretches: no --from, no --to");
    return ONUS_OK;
}

/* Another version's events are not this one's to find again. */
static onus_status check_version(const onus_session *s, const onus_replay_opts *o,
                                 onus_err *err)
{
    onus_err why = {.code = ONUS_OK};
    if (onus_judge_log(s->before, onus_log_count(s->before) > 0, false, o->mem, &why) !=
        ONUS_UNPROVEN)
        return ONUS_OK;
    return onus_fail(err, ONUS_UNPROVEN, "%s: %s", o->run, why.msg);
}

/* What was not recomputed (all but a stretch, what was observed) is held to the registry, too;
 * last, because a value that was recomputed tells more. */
static onus_status check_names(const onus_session *s, const onus_replay_opts *o, onus_err *err)
{
    const onus_mismatch *list;
    onus_err why = {.code = ONUS_OK};
    if (onus_ledger_mismatches(s->ledger, &list) > 0) return ONUS_OK;
    const onus_status st =
        onus_judge_log(s->before, onus_log_count(s->before), true, o->mem, &why);
    if (st == ONUS_OK) return st;
    return onus_fail(err, st == ONUS_TAMPER ? ONUS_MISMATCH : st, "%s", why.msg);
}

static onus_status replay(onus_session *s, const onus_replay_opts *o, sample *x,
                          onus_arena *arena, onus_buf *notes, onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX];
    ONUS_TRY(check_opts(o, err));
    ONUS_TRY(onus_folder_check(o->run, o->mem, err));
    ONUS_TRY(onus_path_join(path, sizeof path, o->run, "ledger.jsonl", err));
    ONUS_TRY(onus_log_read(&s->before, path, o->mem, err));
    ONUS_TRY(check_version(s, o, err));
    ONUS_TRY(open_recipe(s, o, err));
    ONUS_TRY(read_ends(s, err));
    if (!s->recipe->privacy.off) {
        ONUS_TRY(onus_noise_key_read(o->run, &s->noise, err));
        ONUS_TRY(onus_session_key_hashes(s, s->before, err));
    }
    ONUS_TRY(onus_log_sound(s->before, err));
    ONUS_TRY(onus_ledger_open(&s->ledger, path, ONUS_LEDGER_REPLAY, NULL, o->mem, err));
    onus_ledger_collect(s->ledger, true);
    if (o->sample > 0) {
        ONUS_TRY(find_bounds(x, s, arena, err));
        x->k = o->sample < x->n ? o->sample : x->n;
        draw_stretches(x, s, o->seed);
    }
    st = is_sample(x) ? replay_sample(s, x, notes, err) : one_stretch(s, o, err);
    /* Data that was changed may be wrong as data, too: what was claimed of it comes first. */
    const onus_mismatch *list;
    if ((st == ONUS_BAD_INPUT || st == ONUS_MISMATCH) &&
        onus_ledger_mismatches(s->ledger, &list) > 0)
        st = ONUS_OK;
    if (st == ONUS_IO && !o->recipe_dir && !s->data)
        (void)onus_hint(err, st,
                        "if the recipe's folder was moved, say where it is: --recipe-dir DIR");
    if (st != ONUS_OK) goto done;
    ONUS_TRY(check_names(s, o, err));
    ONUS_TRY(conclude(s, o, x, notes, err));
done:
    return st;
}

/* What was asked for, where that is not the whole. */
static void state_extent(onus_event_builder *e, const onus_replay_opts *o, const sample *x)
{
    if (o->from > 0) onus_event_int(e, o->from, "replay.from");
    if (o->to > 0) onus_event_int(e, o->to, "replay.to");
    if (x->n == 0) return;
    onus_event_text(e, o->seed, "replay.sample.seed");
    onus_event_int(e, x->k, "replay.sample.k");
    onus_event_int(e, x->n, "replay.sample.n");
    onus_event_real(e, (double)(x->n - x->k) / (double)x->n, "replay.sample.missed");
    for (int64_t i = 0, k = 1; i < x->n; i++) {
        if (!x->drawn[i]) continue;
        onus_event_int(e, i + 1, "replay.sample.%lld", (long long)k);
        k++;
    }
}

/* The outcome, for machines. */
static onus_status state(onus_session *s, const onus_replay_opts *o, const sample *x,
                         onus_status verdict, const onus_err *why, onus_facts **out,
                         onus_err *err)
{
    onus_event_builder *e = &s->event;
    const onus_mismatch *list = NULL;
    const int64_t n = s->ledger ? onus_ledger_mismatches(s->ledger, &list) : 0;
    onus_event_begin(e, "replay");
    onus_event_text(e,
                    verdict == ONUS_MISMATCH ? "differs"
                    : verdict != ONUS_OK     ? "not proven"
                    : is_sample(x)           ? "same, of a sample"
                    : is_stretch(o)          ? "same, of a stretch"
                                             : "same",
                    "replay.verdict");
    state_extent(e, o, x);
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
    sample x = {.n = 0};
    onus_buf text;
    onus_arena arena;
    onus_arena_init(&arena, o->mem);
    onus_buf_init(&text, o->mem, 1 << 20);
    onus_status st = onus_session_open(&s, o->threads, o->mem, &why);
    s.dir = o->run;
    s.progress = o->progress;
    s.progress_ctx = o->progress_ctx;
    s.stop = o->stop;
    if (st == ONUS_OK) st = replay(&s, o, &x, &arena, &text, &why);
    onus_status told = facts && s.pool ? state(&s, o, &x, st, &why, facts, &why) : ONUS_OK;
    if (told == ONUS_OK && notes) told = onus_buf_hand_out(&text, notes, "replay", &why);
    if (told != ONUS_OK) st = told;
    if (st != ONUS_OK && err) *err = why;
    onus_buf_release(&text);
    onus_session_close(&s);
    onus_arena_release(&arena);
    return st;
}
