/* SPDX-License-Identifier: Apache-2.0
 * train.h - the training loop, private or not. Knows nothing of auditing or ledgers: it emits
 * events through a sink.
 *
 * Same bits for any number of threads, any instruction set, and any sequence of kills and
 * resumes: every draw has a counter of its own (num/philox.h, num/noise.h), and a checkpoint
 * holds all the state there is. */
#ifndef ONUS_TRAIN_TRAIN_H
#define ONUS_TRAIN_TRAIN_H
#include "data/dataset.h"
#include "net/model.h"
#include "num/noise.h"

typedef enum { ONUS_OPT_ADAM, ONUS_OPT_ADAMW, ONUS_OPT_SGD, ONUS_OPT_MOMENTUM } onus_optimiser;
typedef enum {
    ONUS_RATE_CONSTANT,
    ONUS_RATE_STEP,
    ONUS_RATE_EXPONENTIAL,
    ONUS_RATE_COSINE
} onus_schedule;
typedef enum { ONUS_KEEP_BEST, ONUS_KEEP_LAST } onus_keep;
typedef enum {
    ONUS_CLASS_WEIGHTS_NONE,
    ONUS_CLASS_WEIGHTS_BALANCED,
    ONUS_CLASS_WEIGHTS_GIVEN
} onus_class_weights;

typedef struct {
    int64_t epochs;        /* default 10 */
    int64_t batch;         /* logical batch; private: its expectation; default 64 */
    int64_t shards;        /* S, a power of two <= batch; default 1 */
    int64_t micro_batches; /* runs that a logical batch is cut into, a power of two <= shards;
                              0: a shard at a time, long ones in parts. No bit depends on it */
    onus_optimiser optimiser; /* default adam */
    double lr;                /* default 1e-3 */
    double momentum;          /* default 0.9 */
    double beta1, beta2, eps; /* 0.9, 0.999, 1e-8 */
    double weight_decay;      /* AdamW, default 0.01 there */
    double l1, l2;            /* default 0 */
    double clip_norm; /* of the whole gradient, before the step; 0: none. Not in private runs */
    const char *const *freeze; /* patterns of names of parameters that keep their values */
    int64_t n_freeze;
    const char *from; /* a run folder or a safetensors file to take weights from; NULL: none */
    double label_smoothing; /* of classes and tokens; default 0 */
    onus_schedule schedule;
    int64_t warmup;      /* steps of linear warm-up; default 0 */
    int64_t step_epochs; /* STEP: every so many epochs times gamma */
    double gamma;        /* STEP default 0.1, EXPONENTIAL (each epoch) default 0.95 */
    onus_class_weights class_weights;
    const double *class_weight;
    int64_t n_class_weight; /* GIVEN, in the order of classes; not of several labels */
    int64_t patience; /* early stopping: epochs without a better validation loss; 0 = off */
    onus_keep keep;   /* best needs a validation part */
    int64_t checkpoint_epochs; /* a checkpoint every so many epochs; default: epochs / 4 rounded
                                  up, and the last; -1 none */
} onus_train_spec;

typedef struct {
    bool off;                /* privacy: off, said in the recipe */
    double epsilon, delta;   /* the target; noise is found for it */
    double clip;             /* C > 0 */
    double noise_multiplier; /* given instead of epsilon; 0 = find it */
    double sampling_rate;    /* q; 0: batch / rows */
} onus_privacy_spec;

/* In checkpoint_dir: the state of a run that was stopped, mid-epoch. There is one at most, and
 * whoever has gone on from it to the end removes it. */
#define ONUS_STOP_FILE "stop.safetensors"

typedef struct {
    const onus_exec *ex;
    const onus_allocator *mem;
    onus_sink sink;
    uint64_t seed;
    const onus_noise_key *noise; /* private runs */
    const char *checkpoint_dir;  /* NULL: none are written */
    int64_t start_step;          /* > 0: start from checkpoint_dir/STEP.safetensors */
    bool start_stopped;          /* from ONUS_STOP_FILE instead: that step of a stopped run */
    /* (32) what that file must be, else ONUS_TAMPER before the first step; NULL: not compared
     */
    const uint8_t *start_sha256;
    int64_t stop_step;      /* > 0: stop after this step's checkpoint (a stretch of a replay) */
    bool write_checkpoints; /* false in a replay: checkpoints are hashed, not written */
    void (*progress)(void *ctx, const onus_progress *p);
    void *progress_ctx;
    /* set to 1 by a signal handler: ONUS_STOPPED after the step. Where checkpoints are written,
     * the state goes into ONUS_STOP_FILE and a run.stop event says so */
    const volatile int *stop;
    /* before the first step: bytes that the process will have at most, its own now included */
    void (*planned)(void *ctx, int64_t bytes);
    onus_buf
        *profile; /* receives a table of where the time went (profile.h); NULL: no clocks */
    const onus_meta *model_meta;
    int64_t n_model_meta; /* metadata for checkpoints, e.g. the encoder */
} onus_train_io;

typedef struct {
    int64_t steps, epochs_run, best_epoch;
    double best_valid_loss; /* NAN without validation part */
    bool is_private;
    /* noise multiplier, sampling rate, spent budget at delta, best order */
    double sigma, q, epsilon, order;
    double multiply_adds; /* counted by the table's cost column */
} onus_train_result;

/* Trains net in place; afterwards net holds the kept parameters. Events (docs/EVIDENCE.md):
 * train.begin, privacy.noise, train.epoch, checkpoint, train.end, privacy.budget. ONUS_DIVERGED
 * names step and node of a loss that is not finite. */
onus_status onus_train(onus_net *net, const onus_dataset *data, const onus_train_spec *spec,
                       const onus_privacy_spec *privacy, const onus_train_io *io,
                       onus_train_result *out, onus_err *err) ONUS_CHECKED;

/* Predictions (n, outputs) for rows, in chunks, same bits for any chunk. */
onus_status onus_predict(onus_net *net, const onus_exec *ex, const onus_dataset *data,
                         const int64_t *rows, int64_t n, float *out, const onus_allocator *mem,
                         onus_err *err) ONUS_CHECKED;

/* What the tokens of each row cost (data of tokens only): sum of the losses of those that are
 * asked for, in binary64 lanes; how many they are; how many are the likeliest one, the first of
 * equals. Each (n), same bits for any chunk. */
onus_status onus_predict_tokens(onus_net *net, const onus_exec *ex, const onus_dataset *data,
                                const int64_t *rows, int64_t n, double *loss, double *tokens,
                                double *right, const onus_allocator *mem,
                                onus_err *err) ONUS_CHECKED;

/* n texts of `given` tokens, each gets `more`: ids (n, given + more), whose first `given` are
 * there. temperature 0: the likeliest token. Same bits for any n. */
typedef struct {
    int64_t n, given, more;
    double temperature;
    uint64_t seed;
} onus_generation;
onus_status onus_generate(onus_net *net, const onus_exec *ex, const onus_generation *g,
                          int32_t *ids, const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
#endif
