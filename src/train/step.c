/* SPDX-License-Identifier: Apache-2.0
 * step.c - one optimiser step, private or not, and a pass over the validation part.
 *
 * The gradient of a logical batch of B rows (contract, item 7; docs/NUMERICS.md): shard s of S
 * is rows [floor(s B/S), floor((s+1) B/S)); its gradient is a dot over its rows in segments of
 * 256, computed a micro-batch at a time and added ascending, the first one starting the total;
 * shards fold by a balanced binary tree, neighbours first. A shard without rows takes no part.
 * A shard of up to 512 rows is one micro-batch, a longer one is cut at multiples of 256; what a
 * private one expects is onus_private_rows.
 *
 * A private step runs the same tree over its sample; one example's gradient enters with the
 * factor that clips it, and is never stored. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "num/kernels.h"
#include "num/noise.h"
#include "num/vec.h"
#include "train/schedule.h"
#include "train/trainer.h"

enum { WORTH_WAKING = 32768 }; /* floats; below, one thread is done before another wakes */

/* ---- rows -------------------------------------------------------------------------------- */

typedef struct {
    onus_trainer *t;
    const int64_t *rows;
    int64_t n;
} fetch_job;

static void fetch_part(void *ctx, int part, int n_parts)
{
    const fetch_job *j = ctx;
    const onus_trainer *t = j->t;
    int64_t begin, end;
    onus_split(j->n, 1, part, n_parts, &begin, &end);
    onus_dataset_fetch(t->data, j->rows + begin, end - begin,
                       onus_plan_input(t->plan) + begin * onus_net_inputs(t->net), NULL, NULL);
    onus_dataset_targets(t->data, j->rows + begin, end - begin, t->label + begin);
    for (int64_t i = begin; t->row_weight && i < end; i++)
        t->weight[i] = t->row_weight[j->rows[i]];
}

void onus_trainer_fetch(onus_trainer *t, const int64_t *rows, int64_t n)
{
    fetch_job j = {.t = t, .rows = rows, .n = n};
    if (n * onus_net_inputs(t->net) < WORTH_WAKING)
        fetch_part(&j, 0, 1);
    else
        onus_pool_run(t->io->ex->pool, fetch_part, &j);
}

static double weights_of(const onus_trainer *t, const int64_t *rows, int64_t n)
{
    onus_lanes sum = {.n = 0};
    if (!t->row_weight) return (double)n;
    for (int64_t i = 0; i < n; i++) onus_lanes_add(&sum, (double)t->row_weight[rows[i]]);
    return onus_fold16(sum.lane);
}

/* ---- gradients --------------------------------------------------------------------------- */

typedef struct {
    onus_trainer *t;
    const int64_t *rows; /* of the logical batch */
    int64_t n;
    float loss_scale;
    bool diverged;
    int64_t B; /* rows of the micro-batch that diverged */
} step_job;

/* Adds the weighted losses to the epoch's; false where one is not finite. */
static bool take_losses(onus_trainer *t, int64_t B)
{
    const float *loss = onus_plan_losses(t->plan);
    bool finite = true;
    for (int64_t i = 0; i < B; i++) {
        const double w = t->row_weight ? (double)t->weight[i] : 1;
        onus_lanes_add(&t->loss, w * (double)loss[i]);
        onus_lanes_add(&t->loss_weight, w);
        finite = finite && isfinite(loss[i]);
    }
    return finite;
}

/* Gradient of rows [first, first + B) of the logical batch, at most t->micro, into grad. */
static void run_micro(step_job *j, int64_t first, int64_t B, float *grad)
{
    onus_trainer *t = j->t;
    const onus_batch b = {.B = B,
                          .first = first,
                          .label = t->label,
                          .weight = t->row_weight ? t->weight : NULL,
                          .loss_scale = j->loss_scale,
                          .seed = t->dropout_seed,
                          .step = (uint32_t)t->step,
                          .training = true};
    onus_trainer_fetch(t, j->rows + first, B);
    onus_plan_forward(t->plan, &b);
    if (!t->is_private) {
        if (!take_losses(t, B) && !j->diverged) {
            j->diverged = true;
            j->B = B;
        }
        if (!j->diverged) onus_plan_backward(t->plan, &b, grad);
        return;
    }
    onus_plan_backward(t->plan, &b, NULL);
    onus_plan_norms(t->plan, &b, t->norm2);
    for (int64_t i = 0; i < B; i++)
        t->clip_weight[i] = onus_clip_factor(t->norm2[i], t->privacy->clip);
    onus_plan_grads(t->plan, &b, t->clip_weight, grad);
}

typedef struct {
    const onus_kernels *k;
    float *sum;
    const float *x;
    int64_t n;
} add_job;

static void add_part(void *ctx, int part, int n_parts)
{
    const add_job *j = ctx;
    int64_t begin, end;
    onus_split(j->n, 16, part, n_parts, &begin, &end);
    j->k->add(j->sum + begin, j->x + begin, j->sum + begin, end - begin);
}

static void add_into(const onus_trainer *t, float *sum, const float *x)
{
    add_job j = {.k = t->io->ex->k, .sum = sum, .x = x, .n = onus_net_param_floats(t->net)};
    if (j.n < WORTH_WAKING)
        add_part(&j, 0, 1);
    else
        onus_pool_run(t->io->ex->pool, add_part, &j);
}

/* Gradient of shards [s0, s1) into grad[depth]; grad[depth + 1] and deeper are work space.
 * False, and nothing written, where these shards have no rows. */
static bool run_shards(step_job *j, int64_t s0, int64_t s1, int depth)
{
    onus_trainer *t = j->t;
    const int64_t S = t->spec->shards;
    if (s1 - s0 > 1) {
        const int64_t middle = s0 + (s1 - s0) / 2;
        if (!run_shards(j, s0, middle, depth)) return run_shards(j, middle, s1, depth);
        if (run_shards(j, middle, s1, depth + 1))
            add_into(t, t->grad[depth], t->grad[depth + 1]);
        return true;
    }
    const int64_t begin = s0 * j->n / S, end = s1 * j->n / S;
    for (int64_t first = begin; first < end; first += t->micro) {
        const int64_t B = end - first < t->micro ? end - first : t->micro;
        run_micro(j, first, B, t->grad[first == begin ? depth : depth + 1]);
        if (first > begin) add_into(t, t->grad[depth], t->grad[depth + 1]);
    }
    return end > begin;
}

onus_status onus_trainer_diverged(const onus_trainer *t, int64_t B, onus_err *err)
{
    char good[64] = "there is no checkpoint yet";
    const char *node = onus_plan_find_not_finite(t->plan, B);
    if (t->checkpoint_step > 0)
        snprintf(good, sizeof good, "the last good checkpoint is that of step %lld",
                 (long long)t->checkpoint_step);
    (void)onus_fail(err, ONUS_DIVERGED,
                    "training diverged in epoch %lld, step %lld: %s of '%s' is not finite; %s",
                    (long long)t->epoch + 1, (long long)t->step + 1,
                    node ? "the output" : "the loss", node ? node : "the net", good);
    return onus_hint(err, ONUS_DIVERGED, "a smaller train.lr, or train.warmup, may help");
}

onus_status onus_trainer_step(onus_trainer *t, int64_t first, int64_t B, onus_err *err)
{
    step_job j = {.t = t, .rows = t->batch_rows + first, .n = B, .loss_scale = 1.0f};
    if (t->is_private) {
        j.n = onus_noise_sample(t->io->ex, t->io->noise, (uint32_t)t->step, t->q, t->n_train,
                                t->batch_rows, t->n_train);
        for (int64_t i = 0; i < j.n; i++) t->batch_rows[i] = t->train_rows[t->batch_rows[i]];
        j.rows = t->batch_rows;
    } else {
        const double N = weights_of(t, j.rows, B);
        j.loss_scale = N > 0 ? (float)(1 / N) : 0.0f;
    }
    if (!run_shards(&j, 0, t->spec->shards, 0))
        memset(t->grad[0], 0, (size_t)onus_net_param_floats(t->net) * sizeof(float));
    if (j.diverged) return onus_trainer_diverged(t, j.B, err);
    if (t->is_private) onus_private_noise(t);
    onus_optimiser_step(&t->optimiser, t->grad[0],
                        onus_schedule_rate(t->spec, t->step, t->n_steps, t->n_per_epoch));
    t->step++;
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
    if (onus_dataset_task(t->data) == ONUS_TASK_BINARY)
        return (logit[i] >= 0.0f) == (t->label[i] == 1.0f);
    const int64_t n = onus_dataset_classes(t->data);
    int64_t best = 0;
    for (int64_t c = 1; c < n; c++)
        if (logit[i * n + c] > logit[i * n + best]) best = c;
    return best == (int64_t)t->label[i];
}

onus_status onus_trainer_validate(onus_trainer *t, onus_err *err)
{
    onus_lanes loss = {.n = 0}, weight = {.n = 0}, square = {.n = 0};
    int64_t right = 0;
    const bool number = onus_dataset_task(t->data) == ONUS_TASK_REGRESSION;
    t->valid_loss = t->valid_metric = NAN;
    if (t->n_valid == 0) return ONUS_OK;
    for (int64_t first = 0; first < t->n_valid; first += t->micro) {
        const int64_t B = t->n_valid - first < t->micro ? t->n_valid - first : t->micro;
        const onus_batch b = {.B = B, .label = t->label, .loss_scale = 1.0f};
        onus_trainer_fetch(t, t->valid_rows + first, B);
        onus_plan_forward(t->plan, &b);
        const float *l = onus_plan_losses(t->plan);
        for (int64_t i = 0; i < B; i++) {
            const double w = t->row_weight ? (double)t->weight[i] : 1;
            if (!t->is_private && !isfinite(l[i])) return onus_trainer_diverged(t, B, err);
            onus_lanes_add(&loss, w * (double)l[i]);
            onus_lanes_add(&weight, w);
            if (number)
                onus_lanes_add(&square, (double)l[i]);
            else
                right += is_right(t, i);
        }
    }
    const double n = (double)t->n_valid;
    t->valid_loss = onus_fold16(loss.lane) / onus_fold16(weight.lane);
    double shift, scale; /* the root mean squared error is told in the label's own unit */
    onus_dataset_label_scale(t->data, &shift, &scale);
    t->valid_metric = number ? sqrt(onus_fold16(square.lane) / n) * scale : (double)right / n;
    t->multiply_adds += t->macs_valid * n;
    return ONUS_OK;
}
