/* SPDX-License-Identifier: Apache-2.0
 * setup.c - checks what a recipe asks of training against the data, and lays out all memory
 * before the first step. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/writer.h"
#include "num/philox.h"
#include "train/budget.h"
#include "train/trainer.h"

static onus_status check(const onus_trainer *t, onus_err *err)
{
    const onus_train_spec *s = t->spec;
    if (s->epochs < 1 || s->batch < 1 || !(s->lr >= 0 && isfinite(s->lr)))
        return onus_fail(err, ONUS_BAD_ARG,
                         "train: epochs, batch and lr must be positive and finite");
    if (s->shards < 1 || s->shards > s->batch || s->shards > 1 << 16 ||
        (s->shards & (s->shards - 1)))
        return onus_fail(err, ONUS_BAD_ARG,
                         "train: shards: %lld is not a power of two up to the batch (%lld)",
                         (long long)s->shards, (long long)s->batch);
    if (s->micro_batches < 0 || s->micro_batches > s->shards ||
        (s->micro_batches & (s->micro_batches - 1)))
        return onus_fail(err, ONUS_BAD_ARG,
                         "train: micro_batches: %lld is not a power of two up to the shards "
                         "(%lld)",
                         (long long)s->micro_batches, (long long)s->shards);
    if (t->is_private && s->clip_norm > 0)
        return onus_fail(err, ONUS_BAD_ARG,
                         "train: clip_norm: a private step clips every example (privacy.clip)");
    if (s->schedule == ONUS_RATE_STEP && s->step_epochs < 1)
        return onus_fail(err, ONUS_BAD_ARG, "train: step_epochs must be at least 1");
    const onus_status fit = onus_rows_fit(t->net, t->data, "train", err);
    if (fit != ONUS_OK) return fit;
    if (t->n_train < 1)
        return onus_fail(err, ONUS_BAD_INPUT, "train: the training part has no rows");
    if (t->n_valid < 1 && (s->keep == ONUS_KEEP_BEST || s->patience > 0))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "train.%s needs validation rows, and the validation part has none",
                         s->patience > 0 ? "patience" : "keep: best");
    const onus_task task = onus_dataset_task(t->data);
    if (s->class_weights != ONUS_CLASS_WEIGHTS_NONE &&
        (task == ONUS_TASK_REGRESSION || task == ONUS_TASK_LABELS))
        return onus_fail(err, ONUS_BAD_INPUT, "train.class_weights: %s",
                         task == ONUS_TASK_REGRESSION
                             ? "the label is a number, it has no classes"
                             : "a weight is an example's, and of several labels each has its "
                               "own classes");
    if (s->class_weights == ONUS_CLASS_WEIGHTS_GIVEN &&
        s->n_class_weight != onus_dataset_classes(t->data))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "train.class_weights has %lld weights, the data has %lld classes",
                         (long long)s->n_class_weight,
                         (long long)onus_dataset_classes(t->data));
    if (t->n_steps > UINT32_MAX || t->n_steps / t->n_per_epoch != s->epochs)
        return onus_fail(err, ONUS_BAD_ARG, "train: more than 2^32 steps");
    return ONUS_OK;
}

/* ---- weights ----------------------------------------------------------------------------- */

/* Balanced: rows / (classes * rows of the class), from the training part's counts. */
static onus_status weigh_classes(onus_trainer *t, const float *label, onus_err *err)
{
    const onus_train_spec *s = t->spec;
    const int64_t n_classes = onus_dataset_classes(t->data);
    if (s->class_weights == ONUS_CLASS_WEIGHTS_NONE) return ONUS_OK;
    double *w = onus_arena_alloc(&t->arena, (size_t)n_classes, sizeof *w);
    if (!w) return onus_fail_mem(err, "train");
    t->class_weight = w;
    if (s->class_weights == ONUS_CLASS_WEIGHTS_GIVEN) {
        double sum = 0;
        memcpy(w, s->class_weight, (size_t)n_classes * sizeof *w);
        for (int64_t i = 0; i < t->n_train; i++) sum += w[(int64_t)label[i]];
        if (sum > 0) return ONUS_OK;
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "train.class_weights: every row of the training part has the weight 0");
    }
    for (int64_t i = 0; i < t->n_train; i++) w[(int64_t)label[i]] += 1;
    for (int64_t c = 0; c < n_classes; c++)
        w[c] = w[c] > 0 ? (double)t->n_train / ((double)n_classes * w[c]) : 0;
    return ONUS_OK;
}

/* row_weight of some rows: (float)(example weight * class weight). Says whether one of them is
 * not 1. */
static bool weigh_rows(onus_trainer *t, const int64_t *rows, int64_t n, const float *label,
                       const float *weight)
{
    bool any = false;
    for (int64_t i = 0; i < n; i++) {
        const double c = t->class_weight ? t->class_weight[(int64_t)label[i]] : 1;
        const float w = (float)((double)weight[i] * c);
        t->row_weight[rows[i]] = w;
        any = any || w != 1.0f;
    }
    return any;
}

static onus_status set_weights(onus_trainer *t, onus_err *err)
{
    const int64_t n = t->n_train > t->n_valid ? t->n_train : t->n_valid;
    const int64_t L =
        onus_dataset_task(t->data) == ONUS_TASK_LABELS ? onus_dataset_labels(t->data) : 1;
    float *label = onus_alloc(t->io->mem, (size_t)(n * L), sizeof *label),
          *weight = onus_alloc(t->io->mem, (size_t)n, sizeof *weight);
    float *all = onus_arena_alloc(&t->arena, (size_t)onus_dataset_rows(t->data), sizeof *all);
    onus_status st = label && weight && all ? ONUS_OK : onus_fail_mem(err, "train");
    if (st != ONUS_OK) goto done;
    t->row_weight = all;
    onus_dataset_fetch(t->data, t->train_rows, t->n_train, NULL, label, weight);
    ONUS_TRY(weigh_classes(t, label, err));
    bool any = weigh_rows(t, t->train_rows, t->n_train, label, weight);
    if (t->n_valid > 0) {
        onus_dataset_fetch(t->data, t->valid_rows, t->n_valid, NULL, label, weight);
        any = weigh_rows(t, t->valid_rows, t->n_valid, label, weight) || any;
    }
    if (!any) t->row_weight = NULL;
done:
    onus_free(t->io->mem, label);
    onus_free(t->io->mem, weight);
    return st;
}

/* ---- memory ------------------------------------------------------------------------------ */

static onus_status set_memory(onus_trainer *t, onus_err *err)
{
    const onus_train_spec *s = t->spec;
    const size_t n = (size_t)t->n_train, P = (size_t)onus_net_param_floats(t->net),
                 B = (size_t)t->micro;
    int n_grads = 1;
    for (int64_t k = s->shards; k > 1; k /= 2) n_grads++;
    onus_arena *a = &t->arena;
    for (int i = 0; i < n_grads && !t->is_private; i++) {
        if (!(t->grad[i] = onus_arena_alloc(a, P, sizeof(float))))
            return onus_fail_mem(err, "train");
    }
    t->batch_rows = onus_arena_alloc(a, n, sizeof *t->batch_rows);
    t->shard = onus_arena_alloc(a, (size_t)t->group + 1, sizeof *t->shard);
    t->label = onus_arena_alloc(a, B * (size_t)onus_net_labels(t->net), sizeof *t->label);
    t->weight = onus_arena_alloc(a, B, sizeof *t->weight);
    bool good = t->batch_rows && t->shard && t->label && t->weight;
    if (s->keep == ONUS_KEEP_BEST)
        good = (t->best = onus_arena_alloc(a, P, sizeof *t->best)) && good;
    t->tensor_norm2 =
        onus_arena_alloc(a, (size_t)onus_net_tensors(t->net) + 1, sizeof *t->tensor_norm2);
    good = good && t->tensor_norm2;
    if (t->is_private) {
        t->sum = onus_arena_alloc(a, P, sizeof *t->sum);
        t->bound = onus_arena_alloc(a, B, sizeof *t->bound);
        t->clip_weight = onus_arena_alloc(a, B, sizeof *t->clip_weight);
        good = good && t->sum && t->bound && t->clip_weight;
    } else {
        t->shuffle = onus_arena_alloc(a, ONUS_SHUFFLE_TMP_BYTES(n), 1);
        good = good && t->shuffle;
        if (good) memcpy(t->batch_rows, t->train_rows, n * sizeof *t->batch_rows);
    }
    return good ? ONUS_OK : onus_fail_mem(err, "train");
}

/* Rows of the longest part of a shard (onus_net_cut grows and falls with the shard): shards of
 * a full batch and of an epoch's last one, which differ by one row. */
static int64_t longest_part(const onus_trainer *t)
{
    const onus_train_spec *s = t->spec;
    const int64_t batches[] = {s->batch, t->n_train % s->batch};
    int64_t most = 1;
    for (int i = 0; i < 2; i++) {
        for (int64_t more = 0; more < 2; more++) {
            const int64_t part =
                onus_net_cut(t->net, (batches[i] + more * (s->shards - 1)) / s->shards);
            most = part > most ? part : most;
        }
    }
    return most;
}

/* Rows of a micro-batch: whole shards, or a part of one. A private batch is a sample, whose
 * size is not known before it is drawn: its micro-batches are parts of shards. */
static void set_micro(onus_trainer *t)
{
    const onus_train_spec *s = t->spec;
    const int64_t shard = (s->batch + s->shards - 1) / s->shards;
    t->group = s->micro_batches > 0 ? s->shards / s->micro_batches : 1;
    if (onus_net_coupled(t->net)) t->group = s->shards;
    t->micro = t->group > 1 ? shard * t->group : longest_part(t);
    if (t->is_private) {
        t->group = 1;
        t->micro = onus_private_rows(t->net, s);
    }
    if (t->micro > t->n_train) t->micro = t->n_train;
    t->counts_labels = onus_net_labels(t->net) > 1;
    t->n_logits = onus_net_logits(t->net) / onus_net_labels(t->net);
}

/* The process as it stands, what training takes, and the pieces of a checkpoint on its way to
 * the disk. What the training's own stages before have freed may be used again, so that this is
 * a little too much for small runs. */
static void plan_memory(onus_trainer *t, int64_t before)
{
    const bool writes = t->io->checkpoint_dir && t->spec->checkpoint_epochs >= 0;
    const int64_t most = onus_memory_most();
    t->planned_bytes = before + (int64_t)t->arena.used_bytes +
                       (int64_t)onus_plan_bytes(t->plan) + (writes ? ONUS_WRITER_BYTES : 0);
    if (t->io->profile && t->planned_bytes < before + ONUS_SPEED_BYTES)
        t->planned_bytes = before + ONUS_SPEED_BYTES; /* measuring the machine comes first */
    if (t->planned_bytes < most) t->planned_bytes = most;
}

onus_status onus_trainer_open(onus_trainer *t, onus_err *err)
{
    onus_status st = ONUS_OK;
    const int64_t before = onus_memory_now();
    const onus_train_spec *s = t->spec;
    onus_arena_init(&t->arena, t->io->mem);
    onus_event_init(&t->event, t->io->mem);
    t->train_rows = onus_dataset_part(t->data, ONUS_PART_TRAIN, &t->n_train);
    t->valid_rows = onus_dataset_part(t->data, ONUS_PART_VALID, &t->n_valid);
    t->n_per_epoch = s->batch > 0 ? (t->n_train + s->batch - 1) / s->batch : 0;
    if (t->is_private && t->privacy->sampling_rate > 0)
        t->n_per_epoch = onus_stated_steps(t->privacy->sampling_rate);
    if (t->n_per_epoch < 1) t->n_per_epoch = 1;
    t->n_steps = s->epochs < INT64_MAX / t->n_per_epoch ? s->epochs * t->n_per_epoch : 0;
    t->best_loss = INFINITY;
    t->row_seed = onus_dataset_seed(t->data);
    ONUS_TRY(check(t, err));
    set_micro(t);
    ONUS_TRY(set_weights(t, err));
    ONUS_TRY(set_memory(t, err));
    ONUS_TRY(onus_plan_create(&t->plan, t->net, t->io->ex,
                              t->is_private ? ONUS_PLAN_PRIVATE : ONUS_PLAN_TRAIN, t->micro,
                              t->io->mem, err));
    ONUS_TRY(onus_optimiser_init(&t->optimiser, s, t->net, t->io->ex, &t->arena, err));
    t->macs_row = onus_net_cost(t->net, 1, true, t->is_private).multiply_adds;
    t->macs_valid = onus_net_cost(t->net, 1, false, false).multiply_adds;
    plan_memory(t, before);
done:
    return st;
}

void onus_trainer_close(onus_trainer *t)
{
    onus_plan_destroy(t->plan);
    onus_event_release(&t->event);
    onus_arena_release(&t->arena);
}
