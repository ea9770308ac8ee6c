/* SPDX-License-Identifier: Apache-2.0
 * trainer.h - what the files of train/ share behind train.h: one training in progress.
 *
 * The state that a checkpoint holds is small on purpose: parameters, the optimiser's averages,
 * the best parameters, and five numbers; within an epoch also the sums of its losses. All
 * else (order of the rows, dropout, sample,
 * noise, rates) is a function of the recipe, the key and the step, and is made again. */
#ifndef ONUS_TRAIN_TRAINER_H
#define ONUS_TRAIN_TRAINER_H
#include "train/optimiser.h"
#include "train/profile.h"

enum { ONUS_GRADS_MAX = 18 }; /* log2 of most shards (2^16), and two */

/* A sum over examples in 16 binary64 lanes, example i to lane i mod 16 (contract, item 4). */
typedef struct {
    double lane[16];
    int64_t n;
} onus_lanes;

static inline void onus_lanes_add(onus_lanes *l, double v)
{
    l->lane[l->n % 16] = l->lane[l->n % 16] + v;
    l->n++;
}

/* Of a private run, all public: docs/PRIVACY.md. */
typedef struct {
    double grid;         /* sums and noise are whole multiples of it */
    double sensitivity;  /* what one row moves a step's sum by at most, L2 */
    int64_t sample_most; /* rows of a sample */
    int dither;          /* bits of uniform noise, in multiples of the grid */
    double cell;         /* at least kappa of num/noise.h: a power of two */
} onus_grid_plan;

typedef struct {
    onus_net *net;
    const onus_dataset *data;
    const onus_train_spec *spec;
    const onus_privacy_spec *privacy;
    const onus_train_io *io;
    bool is_private;

    const int64_t *train_rows, *valid_rows;
    int64_t n_train, n_valid;
    int64_t n_per_epoch, n_steps; /* steps: of an epoch, planned in all */
    int64_t micro;                /* most rows of a micro-batch */
    int64_t group;                /* shards of a micro-batch */
    int64_t n_logits;             /* of one label */
    bool counts_labels; /* the loss's N is a count of labels: some are ignored, or an example
                           has    several */
    double sigma, q;    /* private: noise multiplier, sampling rate */
    uint64_t row_seed;  /* of what is drawn for a row: the data's; private: of the sealed key */
    double macs_row, macs_valid; /* multiply-adds of a row trained on, validated on */

    onus_arena arena;
    onus_event_builder event;
    onus_plan *plan;
    onus_optimiser_state optimiser;
    float *grad[ONUS_GRADS_MAX]; /* [0] is the step's; the others hold parts of it */
    int64_t *shard;              /* (group + 1) */
    float *best;                 /* keep: best; else NULL */
    int64_t *batch_rows;         /* epoch's order, or the sample: (n_train) */
    void *shuffle;
    float *row_weight;     /* (rows of the dataset); NULL where every weight is 1 */
    double *class_weight;  /* (classes) or NULL */
    float *label, *weight; /* (micro) */
    onus_bound *bound;     /* private: (micro) */
    double *clip_weight;   /* private: (micro) */
    double *sum;           /* private: in grad's place, laid out as the parameters; else NULL */
    onus_grid_plan grid;   /* private */
    double *tensor_norm2;  /* (tensors): train.clip_norm */

    /* what a checkpoint holds, besides the blocks of floats */
    int64_t step, epoch, best_epoch; /* done; best_epoch 0: none yet */
    double best_loss;
    int64_t checkpoint_step; /* the last one's; 0: none */
    bool within_epoch;       /* the state was loaded within an epoch: it goes on there */

    /* the epoch so far */
    onus_lanes loss, loss_weight;
    double valid_loss, valid_metric, began_s, shown_s;
    int64_t rows_seen;
    double multiply_adds;

    onus_profile profile;  /* io->profile is set: */
    int64_t planned_bytes; /* most memory of the process, as planned */
} onus_trainer;

/* One optimiser step on the rows of batch_rows: ordinary [first, first + B); private a fresh
 * sample. ONUS_DIVERGED where an ordinary loss is not finite. */
onus_status onus_trainer_step(onus_trainer *t, int64_t first, int64_t B,
                              onus_err *err) ONUS_CHECKED;
/* Sets valid_loss and valid_metric from the validation part. */
onus_status onus_trainer_validate(onus_trainer *t, onus_err *err) ONUS_CHECKED;
/* Copies n encoded rows into the plan's input, their labels and weights beside it; shared out
 * over the pool. */
void onus_trainer_fetch(onus_trainer *t, uint32_t epoch, const int64_t *rows, int64_t n);
/* "training diverged in epoch ..." */
onus_status onus_trainer_diverged(const onus_trainer *t, const onus_batch *b,
                                  onus_err *err) ONUS_CHECKED;

/* Epochs count from 1 where examples are drawn; 0 is how a model is evaluated. */
uint32_t onus_trainer_epoch(const onus_trainer *t);

/* private.c: noise for the budget; a step's noisy sum, into t->sum. */
onus_status onus_private_begin(onus_trainer *t, onus_err *err) ONUS_CHECKED;
int64_t onus_private_rows(const onus_net *net, const onus_train_spec *spec);
onus_status onus_private_gradient(onus_trainer *t, onus_err *err) ONUS_CHECKED;
onus_status onus_private_end(onus_trainer *t, onus_train_result *out,
                             onus_err *err) ONUS_CHECKED;

/* checkpoint.c */
int64_t onus_checkpoint_epochs(const onus_trainer *t); /* between two; 0: none */
bool onus_checkpoint_due(const onus_trainer *t, bool last);
/* Builds the bytes, writes them where the run writes, and emits the event. */
onus_status onus_checkpoint_save(onus_trainer *t, onus_err *err) ONUS_CHECKED;
/* The state after any step into ONUS_STOP_FILE, and run.stop: observed, since no replay is
 * stopped there. */
onus_status onus_checkpoint_stop(onus_trainer *t, onus_err *err) ONUS_CHECKED;
/* From the checkpoint of io->start_step, or from ONUS_STOP_FILE. */
onus_status onus_checkpoint_load(onus_trainer *t, onus_err *err) ONUS_CHECKED;

/* Seconds, where a profile is made; 0 else. */
double onus_trainer_now(const onus_trainer *t);
/* Adds what was spent since `start` to the profile. */
void onus_trainer_spent(onus_trainer *t, onus_beside what, double start);

/* predict.c: rows are as long as the net reads, and hold tokens that its tables have, or
 * numbers. what: who asks. */
onus_status onus_rows_fit(const onus_net *net, const onus_dataset *data, const char *what,
                          onus_err *err) ONUS_CHECKED;

/* setup.c */
onus_status onus_trainer_open(onus_trainer *t, onus_err *err) ONUS_CHECKED;
void onus_trainer_close(onus_trainer *t);
#endif
