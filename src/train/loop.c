/* SPDX-License-Identifier: Apache-2.0
 * loop.c - epochs: order, steps, validation, what is kept, when it ends, and what is said of
 * it. The arithmetic is step.c's. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/fp.h"
#include "num/philox.h"
#include "num/vec.h"
#include "train/budget.h"
#include "train/schedule.h"
#include "train/trainer.h"

/* ---- what is said ------------------------------------------------------------------------ */

static const char *const optimisers[] = {"adam", "adamw", "sgd", "momentum"};
static const char *const schedules[] = {"constant", "step", "exponential", "cosine"};
static const char *const weightings[] = {"none", "balanced", "given"};

static onus_status emit_begin(onus_trainer *t, onus_err *err)
{
    const onus_train_spec *s = t->spec;
    onus_event_builder *e = &t->event;
    onus_event_begin(e, "train.begin");
    onus_event_int(e, t->n_train, "train.rows");
    onus_event_int(e, t->n_valid, "train.valid_rows");
    onus_event_int(e, onus_net_param_count(t->net), "train.parameters");
    onus_event_int(e, s->epochs, "train.epochs");
    onus_event_int(e, s->batch, "train.batch");
    onus_event_int(e, s->shards, "train.shards");
    onus_event_int(e, t->n_per_epoch, "train.steps_per_epoch");
    onus_event_int(e, t->n_steps, "train.planned_steps");
    onus_event_int(e, onus_checkpoint_epochs(t), "train.checkpoint_epochs");
    onus_event_text(e,
                    t->is_private ? onus_sampling_text(t->privacy->sampling_rate > 0)
                                  : "shuffled, every row once an epoch",
                    "train.sampling");
    onus_event_text(e, optimisers[s->optimiser], "train.optimiser");
    onus_event_real(e, s->lr, "train.lr");
    onus_event_text(e, schedules[s->schedule], "train.schedule");
    onus_event_int(e, s->warmup, "train.warmup");
    onus_event_real(e, s->l1, "train.l1");
    onus_event_real(e, s->l2, "train.l2");
    if (s->optimiser == ONUS_OPT_ADAMW)
        onus_event_real(e, s->weight_decay, "train.weight_decay");
    onus_event_text(e, weightings[s->class_weights], "train.class_weights");
    if (t->class_weight)
        onus_event_reals(e, t->class_weight, onus_dataset_classes(t->data),
                         "train.class_weight");
    onus_event_int(e, s->patience, "train.patience");
    onus_event_text(e, t->best ? "best" : "last", "train.keep");
    return onus_event_emit(e, &t->io->sink, err);
}

static double mean_loss(const onus_trainer *t)
{
    if (t->is_private) return NAN; /* the training loss of a private run is not told */
    return onus_fold16(t->loss.lane) / onus_fold16(t->loss_weight.lane);
}

static onus_status emit_epoch(onus_trainer *t, onus_err *err)
{
    uint8_t sha[32];
    const double seconds = onus_clock_s() - t->began_s;
    onus_net_sha256(t->net, sha);
    onus_event_builder *e = &t->event;
    onus_event_begin(e, "train.epoch");
    onus_event_int(e, t->epoch, "train.epoch");
    onus_event_int(e, t->step, "train.step");
    if (!t->is_private) onus_event_real(e, mean_loss(t), "train.loss");
    if (t->n_valid > 0) {
        onus_event_real(e, t->valid_loss, "train.valid_loss");
        onus_event_real(e, t->valid_metric, "train.valid_metric");
    }
    onus_event_real(e, onus_schedule_rate(t->spec, t->step - 1, t->n_steps, t->n_per_epoch),
                    "train.rate");
    onus_event_sha256(e, sha, "train.params.sha256");
    onus_event_observed(e, true);
    onus_event_real(e, seconds, "train.seconds");
    onus_event_real(e, (double)t->rows_seen / seconds, "train.rows_per_s");
    return onus_event_emit(e, &t->io->sink, err);
}

static onus_status emit_end(onus_trainer *t, onus_err *err)
{
    onus_event_builder *e = &t->event;
    const bool early = t->epoch < t->spec->epochs;
    onus_event_begin(e, "train.end");
    onus_event_int(e, t->step, "train.steps");
    onus_event_int(e, t->epoch, "train.epochs_run");
    onus_event_text(e,
                    early ? "no better validation loss for train.patience epochs"
                          : "all epochs were run",
                    "train.ended");
    onus_event_int(e, t->best && t->best_epoch ? t->best_epoch : t->epoch, "train.kept_epoch");
    if (t->best_epoch) {
        onus_event_int(e, t->best_epoch, "train.best_epoch");
        onus_event_real(e, t->best_loss, "train.best_valid_loss");
    }
    const int64_t most = onus_memory_most();
    onus_event_observed(e, true);
    onus_event_int(e, t->planned_bytes, "train.memory.planned");
    if (most > 0) onus_event_int(e, most, "train.memory.peak");
    return onus_event_emit(e, &t->io->sink, err);
}

/* ---- progress ---------------------------------------------------------------------------- */

static void show(onus_trainer *t, bool epoch_end)
{
    if (!t->io->progress) return;
    const double now = onus_clock_s();
    if (!epoch_end && now - t->shown_s < 0.2) return;
    t->shown_s = now;
    const double rate = (double)t->rows_seen / (now - t->began_s);
    const double rows_left =
        (double)(t->n_steps - t->step) * (double)t->n_train / (double)t->n_per_epoch;
    const onus_progress p = {.epoch = t->epoch + !epoch_end,
                             .epochs = t->spec->epochs,
                             .step = t->step,
                             .steps = t->n_steps,
                             .loss = mean_loss(t),
                             .valid_loss = t->valid_loss,
                             .valid_metric = t->valid_metric,
                             .rows_per_s = rate,
                             .left_s = rate > 0 ? rows_left / rate : NAN,
                             .joules = NAN,
                             .epoch_end = epoch_end};
    t->io->progress(t->io->progress_ctx, &p);
}

/* ---- epochs ------------------------------------------------------------------------------ */

static bool finished(const onus_trainer *t)
{
    const int64_t patience = t->spec->patience;
    return t->epoch >= t->spec->epochs ||
           (patience > 0 && t->epoch - t->best_epoch >= patience);
}

/* What is done is kept as it is, so that --resume goes on with the next step. */
static onus_status stop_here(onus_trainer *t, onus_err *err)
{
    if (t->io->write_checkpoints && t->io->checkpoint_dir) {
        const onus_status st = onus_checkpoint_stop(t, err);
        if (st != ONUS_OK) return st;
    }
    return onus_fail(err, ONUS_STOPPED, "stopped after step %lld of %lld", (long long)t->step,
                     (long long)t->n_steps);
}

static onus_status run_steps(onus_trainer *t, onus_err *err)
{
    const int64_t batch = t->spec->batch, done = t->step - t->epoch * t->n_per_epoch;
    if (!t->within_epoch) t->loss = t->loss_weight = (onus_lanes){.n = 0};
    t->within_epoch = false;
    t->rows_seen = 0;
    t->began_s = onus_clock_s();
    if (!t->is_private) {
        const onus_stream order = {
            .seed = t->io->seed, .step = (uint32_t)t->epoch, .purpose = ONUS_DRAW_SHUFFLE};
        onus_stream_shuffle(&order, t->batch_rows, t->n_train, t->shuffle);
    }
    for (int64_t k = done; k < t->n_per_epoch; k++) {
        const int64_t first = t->is_private ? 0 : k * batch, left = t->n_train - first;
        const int64_t B = t->is_private || left > batch ? batch : left;
        onus_status st = onus_trainer_step(t, first, B, err);
        if (st != ONUS_OK) return st;
        if (t->io->stop && *t->io->stop) return stop_here(t, err);
        show(t, false);
    }
    return ONUS_OK;
}

/* Ties keep the earlier epoch. */
static void keep_best(onus_trainer *t)
{
    if (!(t->valid_loss < t->best_loss)) return;
    t->best_loss = t->valid_loss;
    t->best_epoch = t->epoch;
    if (t->best)
        memcpy(t->best, onus_net_params(t->net),
               (size_t)onus_net_param_floats(t->net) * sizeof *t->best);
}

/* Its passes are the validation's, not the steps'. */
static onus_status validate(onus_trainer *t, onus_err *err)
{
    const double start = onus_trainer_now(t);
    onus_plan_measure(t->plan, NULL);
    const onus_status st = onus_trainer_validate(t, err);
    if (t->io->profile) onus_plan_measure(t->plan, t->profile.spent);
    onus_trainer_spent(t, ONUS_BESIDE_VALIDATION, start);
    return st;
}

static onus_status run_epoch(onus_trainer *t, onus_err *err)
{
    onus_status st = ONUS_OK;
    ONUS_TRY(run_steps(t, err));
    ONUS_TRY(validate(t, err));
    t->epoch++;
    keep_best(t);
    ONUS_TRY(emit_epoch(t, err));
    show(t, true);
    const double start = onus_trainer_now(t);
    if (onus_checkpoint_due(t, finished(t))) ONUS_TRY(onus_checkpoint_save(t, err));
    onus_trainer_spent(t, ONUS_BESIDE_CHECKPOINT, start);
done:
    return st;
}

/* The last update may have overflowed where no validation part would tell. */
static onus_status check_params(const onus_trainer *t, onus_err *err)
{
    for (int i = 0; i < onus_net_tensors(t->net); i++) {
        const onus_tensor *x = onus_net_tensor(t->net, i);
        const float *p = onus_net_params(t->net) + x->offset;
        for (int64_t k = 0; k < x->n; k++) {
            if (isfinite(p[k])) continue;
            return onus_fail(err, ONUS_DIVERGED,
                             "training diverged in its last step: '%s' is not finite", x->name);
        }
    }
    return ONUS_OK;
}

static onus_status conclude(onus_trainer *t, onus_train_result *out, onus_err *err)
{
    onus_status st = ONUS_OK;
    if (!t->is_private) ONUS_TRY(check_params(t, err));
    if (t->best && t->best_epoch)
        memcpy(onus_net_params(t->net), t->best,
               (size_t)onus_net_param_floats(t->net) * sizeof *t->best);
    ONUS_TRY(emit_end(t, err));
    if (t->is_private) ONUS_TRY(onus_private_end(t, out, err));
done:
    return st;
}

onus_status onus_train(onus_net *net, const onus_dataset *data, const onus_train_spec *spec,
                       const onus_privacy_spec *privacy, const onus_train_io *io,
                       onus_train_result *out, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_train_result r = {.is_private = !privacy->off};
    onus_trainer t = {.net = net,
                      .data = data,
                      .spec = spec,
                      .privacy = privacy,
                      .io = io,
                      .is_private = !privacy->off,
                      .valid_loss = NAN,
                      .valid_metric = NAN};
    onus_fp_set(); /* a host's -Ofast object may have changed the mode */
    ONUS_TRY(onus_trainer_open(&t, err));
    if (io->planned) io->planned(io->progress_ctx, t.planned_bytes);
    ONUS_TRY(emit_begin(&t, err));
    if (t.is_private) ONUS_TRY(onus_private_begin(&t, err));
    if (io->start_step > 0) ONUS_TRY(onus_checkpoint_load(&t, err));
    if (io->profile)
        ONUS_TRY(onus_profile_begin(&t.profile, net, t.plan, io->ex, &t.arena, err));
    t.profile.update_bytes = onus_optimiser_bytes(&t.optimiser);
    while (!finished(&t) && !(io->stop_step > 0 && t.step >= io->stop_step))
        ONUS_TRY(run_epoch(&t, err));
    if (io->profile) onus_profile_write(&t.profile, net, &t.arena, io->profile);
    if (io->stop_step == 0) ONUS_TRY(conclude(&t, &r, err));
    r.steps = t.step;
    r.epochs_run = t.epoch;
    r.best_epoch = t.best_epoch;
    r.best_valid_loss = t.best_epoch ? t.best_loss : NAN;
    r.multiply_adds = t.multiply_adds;
    *out = r;
done:
    onus_trainer_close(&t);
    return st;
}
