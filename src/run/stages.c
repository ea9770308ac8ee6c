/* SPDX-License-Identifier: Apache-2.0
 * stages.c - the life of a model, stage by stage. A stage calls one layer and says what came of
 * it in events; it decides nothing that a recipe could decide. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "audit/language.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/hash.h"
#include "report/report.h"
#include "run/session.h"

enum { MISTAKES_SHOWN = 24, SAMPLES_SHOWN = 4, SAMPLE_TOKENS = 64 };

/* ---- beginning --------------------------------------------------------------------------- */

/* The processor's name as the system tells it; "unknown" where it does not. */
static void cpu_name(char *out, size_t size)
{
    snprintf(out, size, "unknown");
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f) return;
    char line[256];
    while (fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(out, size, "%.120s", colon + 1 + strspn(colon + 1, " \t"));
        break;
    }
    fclose(f);
}

onus_status onus_stage_begin(onus_session *s, onus_err *err)
{
    const onus_recipe *r = s->recipe;
    uint8_t recipe_sha[32];
    char seed[32], cpu[128];
    onus_place place = {.is_public = true};
    onus_sha256_of(r->bytes.data, r->bytes.len, recipe_sha);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)r->seed);
    cpu_name(cpu, sizeof cpu);
    if (s->observes) {
        onus_status st = onus_place_find(s, &place, err);
        if (st != ONUS_OK) return st;
    }
    onus_event_builder *e = &s->event;
    onus_event_begin(e, "run.begin");
    onus_event_text(e, r->name, "run.name");
    if (r->purpose) onus_event_text(e, r->purpose, "run.purpose");
    onus_event_sha256(e, recipe_sha, "run.recipe.sha256");
    onus_event_text(e, seed, "run.seed");
    onus_event_int(e, ONUS_NUMERICS_VERSION, "run.numerics");
    onus_event_text(e, r->privacy.off ? "off" : "on", "run.privacy");
    onus_event_int(e, r->data.n_protected, "run.protected");
    onus_event_text(e,
                    r->explain.off          ? "off"
                    : !r->explain.relevance ? "shap"
                    : r->explain.shapley    ? "both"
                                            : "relevance",
                    "run.explain");
    onus_event_int(e, r->n_policies, "run.policies");
    onus_event_observed(e, true);
    onus_event_text(e, ONUS_VERSION, "run.version");
    onus_event_text(e, onus_isa_name(s->isa), "run.isa");
    onus_event_int(e, onus_pool_size(s->pool), "run.threads");
    onus_event_text(e, cpu, "run.cpu");
    if (s->observes && place.is_public) onus_event_text(e, place.way, "run.recipe.dir");
    onus_status st = onus_session_emit(s, err);
    return st == ONUS_OK ? onus_place_write(s, &place, err) : st;
}

/* A test part that is the file which the model learns from proves nothing. */
static onus_status check_test_file(const onus_session *s, onus_err *err)
{
    const onus_data_spec *d = &s->recipe->data;
    const bool images = d->format == ONUS_FORMAT_IDX; /* each file is followed by its labels */
    const onus_field *source = onus_facts_find(s->facts, "data.file.1.sha256"),
                     *test = onus_facts_find(s->facts, images ? "data.file.3.sha256"
                                                              : "data.file.2.sha256");
    if (!d->test_source || !source || !test || strcmp(source->text, test->text) != 0)
        return ONUS_OK;
    return onus_fail(
        err, ONUS_BAD_INPUT,
        "%s:%d: data.test: '%.200s' holds the same bytes as data.source; a model that "
        "is tested on what it learned from proves nothing",
        s->recipe->path, d->line, d->test_source);
}

onus_status onus_stage_data(onus_session *s, onus_err *err)
{
    if (s->meter) onus_meter_phase(s->meter, "data");
    const onus_sink sink = onus_session_sink(s);
    const onus_status st = onus_dataset_open(&s->data, &s->recipe->data, NULL, s->recipe->seed,
                                             &sink, s->mem, err);
    return st == ONUS_OK ? check_test_file(s, err) : st;
}

/* ---- training ---------------------------------------------------------------------------- */

onus_head onus_head_of(onus_task task)
{
    return task == ONUS_TASK_BINARY    ? ONUS_HEAD_BINARY
           : task == ONUS_TASK_CLASSES ? ONUS_HEAD_CLASSES
           : task == ONUS_TASK_TOKENS  ? ONUS_HEAD_TOKENS
           : task == ONUS_TASK_LABELS  ? ONUS_HEAD_LABELS
                                       : ONUS_HEAD_VALUE;
}

static void on_progress(void *ctx, const onus_progress *p)
{
    onus_session *s = ctx;
    onus_progress with_energy = *p;
    with_energy.phase = "train";
    /* read even where nobody looks: a counter that wraps twice unseen would be lost */
    with_energy.joules = s->meter ? onus_meter_joules(s->meter) : NAN;
    if (s->progress) s->progress(s->progress_ctx, &with_energy);
}

static void on_planned(void *ctx, int64_t bytes)
{
    onus_session *s = ctx;
    const onus_progress p = {.phase = "memory", .planned_bytes = bytes};
    if (s->progress) s->progress(s->progress_ctx, &p);
}

/* A phase that has no steps to count. */
void onus_session_announce(const onus_session *s, const char *phase)
{
    const onus_progress p = {.phase = phase};
    if (s->meter) onus_meter_phase(s->meter, phase);
    if (s->progress) s->progress(s->progress_ctx, &p);
}

/* model.safetensors: the same bytes for the same parameters, whoever trained them. */
static onus_status write_model(onus_session *s, const onus_meta *meta, int64_t n_meta,
                               onus_err *err)
{
    onus_status st = ONUS_OK;
    uint8_t sha[32];
    char path[ONUS_PATH_MAX];
    uint64_t bytes = 0;
    onus_writer *writer = NULL;
    ONUS_TRY(onus_path_join(path, sizeof path, s->dir, "model.safetensors", err));
    ONUS_TRY(onus_writer_open(&writer, s->writes ? path : NULL, 0644, s->mem, err));
    const onus_out out = onus_out_writer(writer, s->mem);
    ONUS_TRY(onus_model_write(&out, s->net, meta, n_meta, err));
    ONUS_TRY(onus_writer_end(writer, &bytes, sha, err));
    const onus_cost cost = onus_net_cost(s->net, 1, false, false);
    onus_event_builder *e = &s->event;
    onus_event_begin(e, "model");
    onus_event_text(e, onus_net_describe(s->net), "model.description");
    onus_event_int(e, onus_net_param_count(s->net), "model.parameters");
    onus_event_real(e, cost.multiply_adds, "model.multiply_adds");
    onus_event_int(e, (int64_t)bytes, "model.bytes");
    onus_event_sha256(e, sha, "model.sha256");
    ONUS_TRY(onus_session_emit(s, err));
done:
    onus_writer_close(writer);
    return st;
}

static onus_status train_net(onus_session *s, const onus_meta *meta, int64_t n_meta,
                             onus_err *err)
{
    char checkpoints[ONUS_PATH_MAX];
    onus_status st =
        onus_path_join(checkpoints, sizeof checkpoints, s->dir, "checkpoints", err);
    if (st != ONUS_OK) return st;
    if (s->writes) st = onus_dir_make(checkpoints, 0755, err);
    if (st != ONUS_OK) return st;
    const onus_train_io io = {
        .ex = &s->ex,
        .mem = s->mem,
        .sink = onus_session_sink(s),
        .seed = s->recipe->seed,
        .noise = s->recipe->privacy.off ? NULL : &s->noise,
        .checkpoint_dir = checkpoints,
        .start_step = s->start_step,
        .start_sha256 = s->start_step > 0 ? s->start_sha : NULL,
        .stop_step = s->stop_step,
        .write_checkpoints = s->writes,
        .progress = s->progress || s->meter ? on_progress : NULL,
        .progress_ctx = s,
        .stop = s->stop,
        .planned = on_planned,
        .profile = s->profile,
        .model_meta = meta,
        .n_model_meta = n_meta,
    };
    return onus_train(s->net, s->data, &s->recipe->train, &s->recipe->privacy, &io, &s->trained,
                      err);
}

/* train.from: a run folder's model, or a safetensors file; its hash is a claim, so that a
 * replay starts from the same weights or says that it cannot. */
static onus_status take_weights(onus_session *s, onus_err *err)
{
    const char *from = s->recipe->train.from, *slash = strrchr(from, '/');
    char path[ONUS_PATH_MAX], inner[ONUS_PATH_MAX];
    uint8_t sha[32];
    onus_import got = {0};
    onus_safetensors *file = NULL;
    onus_status st = onus_path_join(path, sizeof path, s->recipe->dir, from, err);
    if (st == ONUS_OK) st = onus_path_join(inner, sizeof inner, path, "model.safetensors", err);
    if (st != ONUS_OK) goto done;
    struct stat info;
    const bool folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    const char *where = folder ? inner : path;
    ONUS_TRY(onus_safetensors_open(&file, where, s->mem, err));
    ONUS_TRY(onus_model_import(s->net, file, where, &got, sha, err));
    onus_event_begin(&s->event, "train.from");
    onus_event_text(&s->event, slash ? slash + 1 : from, "train.from.name");
    onus_event_sha256(&s->event, sha, "train.from.sha256");
    onus_event_int(&s->event, got.loaded, "train.from.loaded");
    onus_event_int(&s->event, got.initial, "train.from.initial");
    onus_event_int(&s->event, got.unused, "train.from.unused");
    ONUS_TRY(onus_session_emit(s, err));
done:
    onus_safetensors_close(file);
    return st;
}

static onus_status freeze(onus_session *s, onus_err *err)
{
    const onus_train_spec *t = &s->recipe->train;
    int64_t n = 0, all = 0;
    for (int64_t i = 0; i < t->n_freeze; i++) {
        onus_err why = {.code = ONUS_OK};
        if (onus_net_freeze(s->net, t->freeze[i], &n, &why) != ONUS_OK)
            return onus_fail(err, ONUS_BAD_INPUT, "%s: train.freeze: %s", s->recipe->path,
                             why.msg);
    }
    for (int i = 0; i < onus_net_tensors(s->net); i++)
        all += onus_net_tensor(s->net, i)->frozen;
    if (t->n_freeze == 0) return ONUS_OK;
    if (all == onus_net_tensors(s->net))
        return onus_fail(err, ONUS_BAD_INPUT, "%s: train.freeze: nothing is left to train",
                         s->recipe->path);
    onus_event_begin(&s->event, "train.frozen");
    onus_event_int(&s->event, all, "train.frozen.tensors");
    return onus_session_emit(s, err);
}

onus_status onus_stage_train(onus_session *s, onus_err *err)
{
    onus_status st = ONUS_OK;
    if (s->meter) onus_meter_phase(s->meter, "train");
    onus_buf encoder;
    onus_buf_init(&encoder, s->mem, 64 << 20);
    ONUS_TRY(onus_encoder_write(onus_dataset_encoder(s->data), &encoder, err));
    const onus_meta meta[] = {{"onus.encoder", encoder.data}, {"onus.name", s->recipe->name}};
    onus_model_spec spec = s->recipe->model;
    onus_dataset_label_scale(s->data, &spec.label_shift, &spec.label_scale);
    spec.smoothing = s->recipe->train.label_smoothing;
    const onus_head head = onus_head_of(onus_dataset_task(s->data));
    const onus_model_io io = {.input = onus_dataset_input(s->data),
                              .vocabulary = onus_dataset_vocabulary(s->data),
                              .head = head,
                              .classes = head == ONUS_HEAD_LABELS
                                             ? onus_dataset_labels(s->data)
                                             : onus_dataset_classes(s->data),
                              .next = s->recipe->data.predict == ONUS_PREDICT_NEXT,
                              .masked = s->recipe->data.predict == ONUS_PREDICT_MASKED};
    ONUS_TRY(onus_model_build(&s->net, &spec, &io, s->mem, err));
    if (!s->recipe->privacy.off) ONUS_TRY(onus_net_can_private(s->net, err));
    if (s->recipe->explain.relevance && !s->recipe->explain.off)
        ONUS_TRY(onus_net_can_relevance(s->net, onus_explain_share_of(s->data), err));
    onus_net_init(s->net, s->recipe->seed);
    if (s->recipe->train.from) ONUS_TRY(take_weights(s, err));
    ONUS_TRY(freeze(s, err));
    ONUS_TRY(train_net(s, meta, 2, err));
    if (s->stop_step == 0) ONUS_TRY(write_model(s, meta, 2, err));
done:
    onus_buf_release(&encoder);
    return st;
}

/* ---- pages for private/ ----------------------------------------------------------------- */

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

/* ---- evaluation -------------------------------------------------------------------------- */

/* Names of classes and groups as plain arrays. */
static onus_status collect_names(const onus_dataset *d, const int64_t *rows, int64_t n,
                                 onus_arena *arena, onus_predictions *p, onus_err *err)
{
    const int64_t n_names = p->n_labels * p->n_classes;
    const char **classes = onus_arena_alloc(arena, (size_t)n_names + 1, sizeof *classes);
    const char **labels = onus_arena_alloc(arena, (size_t)p->n_labels, sizeof *labels);
    onus_attribute *attributes =
        onus_arena_alloc(arena, (size_t)p->n_attributes + 1, sizeof *attributes);
    if (!classes || !labels || !attributes) return onus_fail_mem(err, "predictions");
    for (int64_t c = 0; c < n_names; c++) classes[c] = onus_dataset_class_name(d, c);
    for (int64_t l = 0; l < p->n_labels; l++) labels[l] = onus_dataset_label_name(d, l);
    for (int64_t a = 0; a < p->n_attributes; a++) {
        onus_attribute *t = &attributes[a];
        t->name = onus_dataset_attribute_name(d, a);
        t->n_groups = onus_dataset_groups(d, a);
        const char **names = onus_arena_alloc(arena, (size_t)t->n_groups + 1, sizeof *names);
        int32_t *group = onus_arena_alloc(arena, (size_t)n + 1, sizeof *group);
        if (!names || !group) return onus_fail_mem(err, "predictions");
        for (int64_t g = 0; g < t->n_groups; g++) names[g] = onus_dataset_group_name(d, a, g);
        for (int64_t i = 0; i < n; i++) group[i] = onus_dataset_group(d, a, rows[i]);
        t->group_names = names;
        t->group = group;
    }
    p->class_names = classes;
    p->label_names = labels;
    p->attributes = attributes;
    return ONUS_OK;
}

onus_status onus_predictions_of(onus_net *net, const onus_exec *ex, const onus_dataset *d,
                                const int64_t *rows, int64_t n, onus_arena *arena,
                                onus_predictions *out, onus_err *err)
{
    const int64_t width = onus_net_outputs(net), L = onus_dataset_labels(d);
    float *score = onus_arena_alloc(arena, (size_t)(n * width) + 1, sizeof *score);
    float *label = onus_arena_alloc(arena, (size_t)(n * L) + 1, sizeof *label);
    int32_t *decision = onus_arena_alloc(arena, (size_t)(n * L) + 1, sizeof *decision);
    if (!score || !label || !decision) return onus_fail_mem(err, "predictions");
    onus_status st = onus_predict(net, ex, d, rows, n, score, arena->mem, err);
    if (st != ONUS_OK) return st;
    if (onus_dataset_has_labels(d)) onus_dataset_fetch(d, rows, n, NULL, label, NULL);
    *out = (onus_predictions){.task = onus_dataset_task(d),
                              .n = n,
                              .n_classes = onus_dataset_classes(d),
                              .label = label,
                              .score = score,
                              .n_labels = L,
                              .score_is_probability = true,
                              .n_attributes = onus_dataset_attributes(d)};
    if (out->task != ONUS_TASK_REGRESSION) {
        onus_decide(out->task, score, n * L, out->n_classes, decision);
        out->decision = decision;
    }
    return collect_names(d, rows, n, arena, out, err);
}

/* private/mistakes.html: pictures and texts that a classifier got wrong. Rows of columns have
 * their explanations instead. */
static onus_status write_mistakes(onus_session *s, const onus_predictions *p,
                                  const int64_t *rows, onus_err *err)
{
    const bool shows =
        onus_dataset_input(s->data).n == 3 || onus_dataset_vocabulary(s->data) > 0;
    if (!shows || !p->decision || p->n == 0) return ONUS_OK;
    float *room = onus_alloc(s->mem, (size_t)onus_dataset_features(s->data), sizeof *room);
    const onus_mistakes m = {s->data, p, rows, MISTAKES_SHOWN, room};
    onus_buf page;
    onus_buf_init(&page, s->mem, 64 << 20);
    onus_status st = room ? onus_report_mistakes(&m, s->recipe->name, &page, s->mem, err)
                          : onus_fail_mem(err, "mistakes");
    if (st == ONUS_OK) st = onus_session_keep_private(s, "private/mistakes.html", &page, err);
    onus_buf_release(&page);
    onus_free(s->mem, room);
    return st;
}

/* Ids as text, in the arena. */
static onus_status text_of(const onus_session *s, const int32_t *ids, int64_t n,
                           onus_arena *arena, const char **out, onus_err *err)
{
    onus_buf text;
    onus_buf_init(&text, s->mem, 16 << 20);
    onus_status st =
        onus_tokenizer_decode(onus_dataset_tokenizer(s->data), ids, n, true, &text, err);
    if (st == ONUS_OK) st = onus_buf_status(&text, "samples", err);
    if (st == ONUS_OK && !(*out = onus_arena_strdup(arena, text.data ? text.data : "")))
        st = onus_fail_mem(err, "samples");
    onus_buf_release(&text);
    return st;
}

/* Rows spread over the test part: their first quarter is given. */
static onus_status make_samples(onus_session *s, const int64_t *rows, int64_t n,
                                onus_arena *arena, onus_sample out[SAMPLES_SHOWN],
                                int64_t *n_out, onus_err *err)
{
    const int64_t context = onus_net_input_shape(s->net)->d[0], given = (context + 3) / 4,
                  more = context - given < SAMPLE_TOKENS ? context - given : SAMPLE_TOKENS,
                  size = given + more;
    const int64_t texts = n < SAMPLES_SHOWN ? n : SAMPLES_SHOWN;
    const onus_generation g = {
        .n = texts, .given = given, .more = more, .temperature = 1, .seed = s->recipe->seed};
    float *x = onus_arena_alloc(arena, (size_t)context, sizeof *x);
    int32_t *ids = onus_arena_alloc(arena, (size_t)(2 * texts * size) + 1, sizeof *ids);
    if (!x || !ids) return onus_fail_mem(err, "samples");
    int32_t *real = ids + texts * size;
    onus_status st = ONUS_OK;
    *n_out = 0;
    for (int64_t t = 0; t < texts; t++) {
        onus_dataset_fetch(s->data, &rows[t * n / texts], 1, x, NULL, NULL);
        if (x[size - 1] < 0) return ONUS_OK; /* texts shorter than that are no samples */
        for (int64_t i = 0; i < size; i++)
            ids[t * size + i] = real[t * size + i] = (int32_t)x[i];
    }
    if (texts == 0 || more == 0) return ONUS_OK;
    ONUS_TRY(onus_generate(s->net, &s->ex, &g, ids, s->mem, err));
    for (int64_t t = 0; t < texts; t++) {
        const int32_t *a = ids + t * size, *b = real + t * size;
        ONUS_TRY(text_of(s, a, given, arena, &out[t].given, err));
        ONUS_TRY(text_of(s, a + given, more, arena, &out[t].written, err));
        ONUS_TRY(text_of(s, b + given, more, arena, &out[t].real, err));
    }
    *n_out = texts;
done:
    return st;
}

/* private/samples.html: what a model of the next token writes. */
static onus_status write_samples(onus_session *s, const int64_t *rows, int64_t n, onus_err *err)
{
    onus_sample samples[SAMPLES_SHOWN];
    int64_t n_samples = 0;
    onus_arena arena;
    onus_buf page;
    if (s->recipe->data.predict != ONUS_PREDICT_NEXT) return ONUS_OK;
    onus_arena_init(&arena, s->mem);
    onus_buf_init(&page, s->mem, 64 << 20);
    onus_status st = make_samples(s, rows, n, &arena, samples, &n_samples, err);
    if (st == ONUS_OK && n_samples > 0) {
        st = onus_report_samples(samples, n_samples, s->recipe->name, &page, s->mem, err);
        if (st == ONUS_OK)
            st = onus_session_keep_private(s, "private/samples.html", &page, err);
    }
    onus_buf_release(&page);
    onus_arena_release(&arena);
    return st;
}

onus_status onus_tokens_measure(onus_session *s, const int64_t *rows, int64_t n, onus_err *err)
{
    const onus_sink sink = onus_session_sink(s);
    double *v = onus_alloc(s->mem, 3 * (size_t)n + 1, sizeof *v);
    if (!v) return onus_fail_mem(err, "evaluation");
    const onus_token_scores scores = {.n = n, .loss = v, .tokens = v + n, .right = v + 2 * n};
    onus_status st =
        onus_predict_tokens(s->net, &s->ex, s->data, rows, n, v, v + n, v + 2 * n, s->mem, err);
    if (st == ONUS_OK) st = onus_audit_language(&scores, &sink, s->mem, err);
    onus_free(s->mem, v);
    return st;
}

onus_status onus_stage_evaluate(onus_session *s, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_session_announce(s, "evaluate");
    int64_t n = 0;
    const int64_t *rows = onus_dataset_part(s->data, ONUS_PART_TEST, &n);
    const onus_sink sink = onus_session_sink(s);
    onus_predictions p;
    onus_arena arena;
    onus_arena_init(&arena, s->mem);
    onus_event_begin(&s->event, "data.test");
    onus_event_int(&s->event, n, "data.test.rows");
    onus_event_text(&s->event, "read once, after selection", "data.test.use");
    ONUS_TRY(onus_session_emit(s, err));
    if (onus_dataset_task(s->data) == ONUS_TASK_TOKENS) {
        ONUS_TRY(onus_tokens_measure(s, rows, n, err));
        ONUS_TRY(write_samples(s, rows, n, err));
        goto done;
    }
    ONUS_TRY(onus_predictions_of(s->net, &s->ex, s->data, rows, n, &arena, &p, err));
    p.sizes = onus_dataset_disclosure(s->data, ONUS_PART_TEST);
    ONUS_TRY(onus_audit_quality(&p, &sink, s->mem, err));
    if (p.n_attributes > 0) ONUS_TRY(onus_audit_fairness(&p, &sink, s->mem, err));
    ONUS_TRY(write_mistakes(s, &p, rows, err));
done:
    onus_arena_release(&arena);
    return st;
}

/* ---- judgement --------------------------------------------------------------------------- */

/* A verdict on what a replay finds again is a claim; one on joules or seconds was observed
 * here. */
static onus_status judge(onus_session *s, int64_t i, int64_t *met, onus_err *err)
{
    const onus_policy *p = &s->recipe->policies[i];
    double found = 0;
    bool observed = false;
    const onus_verdict v = onus_policy_judge(p, s->facts, &found, &observed);
    *met += v == ONUS_VERDICT_MET;
    onus_event_builder *e = &s->event;
    onus_event_begin(e, "policy");
    onus_event_text(e, p->text, "policy.%lld.demand", (long long)i + 1);
    onus_event_text(e, p->name, "policy.%lld.name", (long long)i + 1);
    onus_event_real(e, p->bound, "policy.%lld.bound", (long long)i + 1);
    onus_event_observed(e, observed);
    onus_event_text(e, onus_verdict_text(v), "policy.%lld.verdict", (long long)i + 1);
    if (v == ONUS_VERDICT_MET || v == ONUS_VERDICT_NOT_MET)
        onus_event_real(e, found, "policy.%lld.found", (long long)i + 1);
    else
        onus_event_undefined(e, "policy.%lld.found", (long long)i + 1);
    return onus_session_emit(s, err);
}

onus_status onus_stage_energy(onus_session *s, onus_err *err)
{
    const onus_sink sink = onus_session_sink(s);
    return s->meter ? onus_meter_emit(s->meter, s->trained.multiply_adds, &sink, err) : ONUS_OK;
}

onus_status onus_stage_policy(onus_session *s, onus_err *err)
{
    int64_t met = 0;
    bool any_observed = false;
    for (int64_t i = 0; i < s->recipe->n_policies; i++) {
        double found;
        bool observed = false;
        (void)onus_policy_judge(&s->recipe->policies[i], s->facts, &found, &observed);
        any_observed = any_observed || observed;
        onus_status st = judge(s, i, &met, err);
        if (st != ONUS_OK) return st;
    }
    onus_event_begin(&s->event, "policy.result");
    onus_event_int(&s->event, s->recipe->n_policies, "policy.count");
    onus_event_observed(&s->event, any_observed);
    onus_event_int(&s->event, met, "policy.met");
    return onus_session_emit(s, err);
}
