/* SPDX-License-Identifier: Apache-2.0
 * stage_train.c - the stage that builds the net, trains it and writes the model. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/file.h"
#include "run/stages.h"

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
        .start_stopped = s->start_stopped,
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
