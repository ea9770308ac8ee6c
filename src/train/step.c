/* SPDX-License-Identifier: Apache-2.0
 * step.c - one optimiser step, private or not, and a pass over the validation part.
 *
 * The gradient of a logical batch of B rows (contract, item 7; docs/NUMERICS.md): shard s of S
 * is rows [floor(s B/S), floor((s+1) B/S)); its gradient is a dot over its rows in segments of
 * 256; shards fold by a balanced binary tree, neighbours first. A shard without rows takes no
 * part. A micro-batch is one or several whole shards (train.micro_batches), or a part of a long
 * one: onus_net_cut. A part's sums go on from the part before, so that memory does not grow
 * with the batch, and no block of gradients is added to another.
 *
 * A private step's sum has no order: private.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "num/kernels.h"
#include "num/noise.h"
#include "num/vec.h"
#include "train/schedule.h"
#include "train/trainer.h"

enum { WORTH_WAKING = 32768 }; /* floats; below, one thread is done before another wakes */

/* ---- rows -------------------------------------------------------------------------------- */

uint32_t onus_trainer_epoch(const onus_trainer *t)
{
    return (uint32_t)t->epoch + 1;
}

typedef struct {
    onus_trainer *t;
    uint32_t epoch;
    const int64_t *rows;
    int64_t n;
} fetch_job;

static void fetch_part(void *ctx, int part, int n_parts)
{
    const fetch_job *j = ctx;
    const onus_trainer *t = j->t;
    int64_t begin, end;
    onus_split(j->n, 1, part, n_parts, &begin, &end);
    onus_dataset_examples(t->data, t->row_seed, j->epoch, j->rows + begin, end - begin,
                          onus_plan_input(t->plan) + begin * onus_net_inputs(t->net),
                          t->label + begin * onus_net_labels(t->net));
    for (int64_t i = begin; t->row_weight && i < end; i++)
        t->weight[i] = t->row_weight[j->rows[i]];
}

void onus_trainer_fetch(onus_trainer *t, uint32_t epoch, const int64_t *rows, int64_t n)
{
    fetch_job j = {.t = t, .epoch = epoch, .rows = rows, .n = n};
    if (n * onus_net_inputs(t->net) < WORTH_WAKING)
        fetch_part(&j, 0, 1);
    else
        onus_pool_run(t->io->ex->pool, fetch_part, &j);
}

/* Sum of the weights of the labels that take part in the loss: lanes of examples in order. */
static double weights_of(onus_trainer *t, const int64_t *rows, int64_t n)
{
    const int64_t n_labels = onus_net_labels(t->net);
    onus_lanes lanes = {.n = 0};
    for (int64_t i = 0; i < n; i++) {
        const double w = t->row_weight ? (double)t->row_weight[rows[i]] : 1;
        int64_t count = 1;
        if (t->counts_labels) {
            onus_dataset_examples(t->data, t->row_seed, onus_trainer_epoch(t), rows + i, 1,
                                  NULL, t->label);
            count = onus_net_label_count(t->net, t->label, n_labels);
        }
        onus_lanes_add(&lanes, w * (double)count);
    }
    return onus_fold16(lanes.lane);
}

/* ---- gradients --------------------------------------------------------------------------- */

typedef struct {
    onus_trainer *t;
    const int64_t *rows; /* of the logical batch */
    int64_t n;
    float loss_scale;
    onus_batch diverged; /* the first micro-batch whose loss is not finite; B 0: none */
    int64_t *shard;      /* bounds of a micro-batch's shards */
} step_job;

/* Adds the weighted losses to the epoch's; false where one is not finite. */
static bool take_losses(onus_trainer *t, int64_t B)
{
    const float *loss = onus_plan_losses(t->plan);
    bool finite = true;
    const int64_t n = onus_net_labels(t->net);
    for (int64_t i = 0; i < B * n; i++) {
        const double w = t->row_weight ? (double)t->weight[i / n] : 1;
        if (!onus_net_label_count(t->net, t->label + i, 1)) continue;
        onus_lanes_add(&t->loss, w * (double)loss[i]);
        onus_lanes_add(&t->loss_weight, w);
        finite = finite && isfinite(loss[i]);
    }
    return finite;
}

double onus_trainer_now(const onus_trainer *t)
{
    return t->io->profile ? onus_clock_s() : 0;
}

void onus_trainer_spent(onus_trainer *t, onus_beside what, double start)
{
    if (t->io->profile) t->profile.beside[what] += onus_clock_s() - start;
}

/* Gradient of rows [first, first + B) of the logical batch into grad[0]: of n_shards shards, or
 * (goes_on) going on from what stands there. */
static void run_micro(step_job *j, int64_t first, int64_t B, int n_shards, bool goes_on,
                      float *const *grad)
{
    onus_trainer *t = j->t;
    const onus_batch b = {.B = B,
                          .first = first,
                          .label = t->label,
                          .weight = t->row_weight ? t->weight : NULL,
                          .loss_scale = j->loss_scale,
                          .seed = t->io->seed,
                          .step = (uint32_t)t->step,
                          .training = true,
                          .shard = j->shard,
                          .n_shards = n_shards,
                          .goes_on = goes_on};
    const double start = onus_trainer_now(t);
    onus_trainer_fetch(t, onus_trainer_epoch(t), j->rows + first, B);
    onus_trainer_spent(t, ONUS_BESIDE_ROWS, start);
    onus_plan_forward(t->plan, &b);
    if (!take_losses(t, B) && j->diverged.B == 0) j->diverged = b;
    if (j->diverged.B == 0) onus_plan_backward(t->plan, &b, grad);
}

/* Where shard s begins among n rows. */
static int64_t shard_begin(const step_job *j, int64_t s)
{
    return s * j->n / j->t->spec->shards;
}

/* Shards [s0, s1) as one micro-batch. */
static void run_group(step_job *j, int64_t s0, int64_t s1, float *const *grad)
{
    const int64_t begin = shard_begin(j, s0), end = shard_begin(j, s1);
    for (int64_t s = s0; s <= s1; s++) j->shard[s - s0] = shard_begin(j, s) - begin;
    run_micro(j, begin, end - begin, (int)(s1 - s0), false, grad);
}

/* One shard, in parts where it is long. */
static void run_shard(step_job *j, int64_t s, float *const *grad)
{
    const int64_t begin = shard_begin(j, s), end = shard_begin(j, s + 1);
    const int64_t part = onus_net_cut(j->t->net, end - begin);
    for (int64_t first = begin; first < end; first += part) {
        const int64_t B = end - first < part ? end - first : part;
        run_micro(j, first, B, 0, first > begin, grad);
    }
}

/* Gradient of shards [s0, s1) into grad[0]; grad[1] and deeper are work space. False, and
 * nothing written, where these shards have no rows. */
static bool run_shards(step_job *j, int64_t s0, int64_t s1, float *const *grad)
{
    const onus_trainer *t = j->t;
    if (shard_begin(j, s0) == shard_begin(j, s1)) return false;
    if (s1 - s0 == t->group && t->group > 1) {
        run_group(j, s0, s1, grad);
        return true;
    }
    if (s1 - s0 == 1) {
        run_shard(j, s0, grad);
        return true;
    }
    const int64_t middle = s0 + (s1 - s0) / 2;
    if (!run_shards(j, s0, middle, grad)) return run_shards(j, middle, s1, grad);
    if (run_shards(j, middle, s1, grad + 1))
        onus_add_shared(t->io->ex, grad[0], grad[1], onus_net_param_floats(t->net));
    return true;
}

onus_status onus_trainer_diverged(const onus_trainer *t, const onus_batch *b, onus_err *err)
{
    char good[64] = "there is no checkpoint yet";
    const char *node = onus_plan_find_not_finite(t->plan, b);
    if (t->checkpoint_step > 0)
        snprintf(good, sizeof good, "the last good checkpoint is that of step %lld",
                 (long long)t->checkpoint_step);
    (void)onus_fail(err, ONUS_DIVERGED,
                    "training diverged in epoch %lld, step %lld: %s of '%s' is not finite; %s",
                    (long long)t->epoch + 1, (long long)t->step + 1,
                    node ? "the output" : "the loss", node ? node : "the net", good);
    return onus_hint(err, ONUS_DIVERGED, "a smaller train.lr, or train.warmup, may help");
}

typedef struct {
    const onus_trainer *t;
    double *norm2; /* (tensors) */
    float factor;
} clip_job;

static bool is_trained(const onus_tensor *x)
{
    return !x->frozen && !x->def.buffer;
}

static void norm_part(void *ctx, int part, int n_parts)
{
    const clip_job *j = ctx;
    for (int i = part; i < onus_net_tensors(j->t->net); i += n_parts) {
        const onus_tensor *x = onus_net_tensor(j->t->net, i);
        j->norm2[i] =
            is_trained(x) ? j->t->io->ex->k->norm2(j->t->grad[0] + x->offset, x->n) : 0;
    }
}

static void scale_part(void *ctx, int part, int n_parts)
{
    const clip_job *j = ctx;
    int64_t begin, end;
    onus_split(onus_net_param_floats(j->t->net), 16, part, n_parts, &begin, &end);
    float *g = j->t->grad[0] + begin;
    j->t->io->ex->k->scale(j->factor, g, g, end - begin);
}

/* Contract: lanes fold tensor by tensor, their sums add in the order of names; g (float)(clip /
 * norm) where norm > clip. */
static void clip_gradient(onus_trainer *t)
{
    clip_job j = {.t = t, .norm2 = t->tensor_norm2};
    double sum = 0;
    onus_pool_run(t->io->ex->pool, norm_part, &j);
    for (int i = 0; i < onus_net_tensors(t->net); i++) sum = sum + j.norm2[i];
    const double norm = sqrt(sum);
    if (!(norm > t->spec->clip_norm)) return;
    j.factor = (float)(t->spec->clip_norm / norm);
    onus_pool_run(t->io->ex->pool, scale_part, &j);
}

/* Of the ordinary step: into grad[0]. */
static onus_status make_gradient(onus_trainer *t, int64_t first, int64_t B, onus_err *err)
{
    step_job j = {.t = t, .rows = t->batch_rows + first, .n = B, .shard = t->shard};
    const double N = weights_of(t, j.rows, B);
    j.loss_scale = N > 0 ? (float)(1 / N) : 0.0f;
    if (!run_shards(&j, 0, t->spec->shards, t->grad))
        memset(t->grad[0], 0, (size_t)onus_net_param_floats(t->net) * sizeof(float));
    if (j.diverged.B > 0) return onus_trainer_diverged(t, &j.diverged, err);
    const double start = onus_trainer_now(t);
    if (t->spec->clip_norm > 0) clip_gradient(t);
    onus_trainer_spent(t, ONUS_BESIDE_GRADIENT, start);
    return ONUS_OK;
}

onus_status onus_trainer_step(onus_trainer *t, int64_t first, int64_t B, onus_err *err)
{
    const onus_status st =
        t->is_private ? onus_private_gradient(t, err) : make_gradient(t, first, B, err);
    if (st != ONUS_OK) return st;
    const onus_gradient g = {
        .of = t->grad[0], .sums = t->sum, .divisor = (double)t->spec->batch};
    const double start = onus_trainer_now(t);
    onus_optimiser_step(&t->optimiser, &g,
                        onus_schedule_rate(t->spec, t->step, t->n_steps, t->n_per_epoch));
    onus_trainer_spent(t, ONUS_BESIDE_UPDATE, start);
    t->step++;
    t->profile.steps++;
    t->rows_seen += B;
    t->multiply_adds += t->macs_row * (double)B;
    return ONUS_OK;
}

/* ---- validation -------------------------------------------------------------------------- */

/* Is the decision on row i right? Binary: logit >= 0 says 1; classes: the largest, the first of
 * equals. */
static bool is_right(const onus_trainer *t, int64_t i)
{
    const float *logit = onus_plan_logits(t->plan);
    if (t->n_logits == 1) return (logit[i] >= 0.0f) == (t->label[i] == 1.0f);
    const int64_t n = t->n_logits;
    int64_t best = 0;
    for (int64_t c = 1; c < n; c++)
        if (logit[i * n + c] > logit[i * n + best]) best = c;
    return best == (int64_t)t->label[i];
}

onus_status onus_trainer_validate(onus_trainer *t, onus_err *err)
{
    onus_lanes loss = {.n = 0}, weight = {.n = 0}, square = {.n = 0};
    int64_t right = 0, n_labels = 0;
    const bool number = onus_dataset_task(t->data) == ONUS_TASK_REGRESSION;
    t->valid_loss = t->valid_metric = NAN;
    if (t->n_valid == 0) return ONUS_OK;
    const int64_t L = onus_net_labels(t->net);
    for (int64_t first = 0; first < t->n_valid; first += t->micro) {
        const int64_t B = t->n_valid - first < t->micro ? t->n_valid - first : t->micro;
        const onus_batch b = {.B = B, .label = t->label, .loss_scale = 1.0f};
        onus_trainer_fetch(t, 0, t->valid_rows + first, B);
        onus_plan_forward(t->plan, &b);
        const float *l = onus_plan_losses(t->plan);
        for (int64_t i = 0; i < B * L; i++) {
            const double w = t->row_weight ? (double)t->weight[i / L] : 1;
            if (!onus_net_label_count(t->net, t->label + i, 1)) continue;
            if (!t->is_private && !isfinite(l[i])) return onus_trainer_diverged(t, &b, err);
            onus_lanes_add(&loss, w * (double)l[i]);
            onus_lanes_add(&weight, w);
            n_labels++;
            if (number)
                onus_lanes_add(&square, (double)l[i]);
            else
                right += is_right(t, i);
        }
    }
    t->valid_loss = onus_fold16(loss.lane) / onus_fold16(weight.lane);
    double shift, scale; /* the root mean squared error is told in the label's own unit */
    onus_dataset_label_scale(t->data, &shift, &scale);
    t->valid_metric = number ? sqrt(onus_fold16(square.lane) / (double)n_labels) * scale
                             : (double)right / (double)n_labels;
    t->multiply_adds += t->macs_valid * (double)t->n_valid;
    return ONUS_OK;
}
