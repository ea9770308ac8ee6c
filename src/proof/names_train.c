/* SPDX-License-Identifier: Apache-2.0
 * names_train.c - names of training and of its privacy. */
#include "proof/names_rows.h"

/* clang-format off */

static const onus_name_row train_from[] = {
    {"train.from.name", SAID, TEXT, .doc = "the file that weights were taken from"},
    {"train.from.sha256", CLAIM, HASH, .doc = "its hash"},
    {"train.from.loaded", CLAIM, WHOLE, ONUS_COUNT, .unit = "tensors", .doc = "tensors of the model that it had"},
    {"train.from.initial", CLAIM, WHOLE, ONUS_COUNT, .unit = "tensors", .doc = "that it lacked, which start as they would"},
    {"train.from.unused", CLAIM, WHOLE, ONUS_COUNT, .unit = "tensors", .doc = "of the file, which the model has no place for"},
};
const onus_event_row onus_names_train_from = {
    "train.from", .stage = "train", .when = ONUS_IF_FROM, ONUS_ROWS(train_from), .doc = "Where a recipe says so, before training."};

static const onus_name_row train_frozen[] = {
    {"train.frozen.tensors", CLAIM, WHOLE, ONUS_COUNT, .unit = "tensors", .doc = "tensors that keep their values"},
};
const onus_event_row onus_names_train_frozen = {
    "train.frozen", .stage = "train", .when = ONUS_IF_FROZEN, ONUS_ROWS(train_frozen), .doc = "Where a recipe says so, before training."};

static const onus_name_row train_begin[] = {
    {"train.rows", CLAIM, WHOLE, ONUS_COUNT, .unit = "rows", .doc = "rows of the training split"},
    {"train.valid_rows", CLAIM, WHOLE, ONUS_COUNT, .unit = "rows", .doc = "rows of the validation split"},
    {"train.parameters", CLAIM, WHOLE, ONUS_COUNT, .doc = "parameters of the net"},
    {"train.epochs", CLAIM, WHOLE, ONUS_COUNT, .unit = "epochs", .doc = "as the recipe says"},
    {"train.batch", CLAIM, WHOLE, ONUS_FROM_1, .unit = "rows", .doc = "rows of a step; private: what a step's sum is divided by, about the expected size of a sample"},
    {"train.shards", CLAIM, WHOLE, ONUS_FROM_1, .doc = "shards of a batch, whose gradients are added in order"},
    {"train.steps_per_epoch", CLAIM, WHOLE, ONUS_COUNT, .unit = "steps", .doc = "rows / batch, rounded up; where a private recipe states the sampling rate q, 1 / q, rounded up"},
    {"train.planned_steps", CLAIM, WHOLE, ONUS_COUNT, .unit = "steps", .doc = "the same times epochs"},
    {"train.checkpoint_epochs", CLAIM, WHOLE, ONUS_COUNT, .unit = "epochs", .doc = "epochs between checkpoints, and one at the end; 0: none"},
    {"train.sampling", CLAIM, TEXT, .choices = "Poisson, each row with probability batch / rows|Poisson, each row with the probability that the recipe states|shuffled, every row once an epoch", .doc = "how a batch is drawn"},
    {"train.optimiser", CLAIM, TEXT, .choices = "adam|adamw|sgd|momentum", .doc = "as the recipe says"},
    {"train.lr", CLAIM, NUMBER, ONUS_AT_0, .doc = "learning rate"},
    {"train.schedule", CLAIM, TEXT, .choices = "constant|step|exponential|cosine", .doc = "how the rate moves"},
    {"train.warmup", CLAIM, WHOLE, ONUS_COUNT, .unit = "steps", .doc = "steps over which the rate rises"},
    {"train.l1", CLAIM, NUMBER, ONUS_AT_0, .doc = "penalty on absolute values"},
    {"train.l2", CLAIM, NUMBER, ONUS_AT_0, .doc = "penalty on squares"},
    {"train.weight_decay", CLAIM, NUMBER, .may = true, ONUS_AT_0, .doc = "with AdamW"},
    {"train.class_weights", CLAIM, TEXT, .choices = "none|balanced|given", .doc = "balanced: rows / (classes times rows of the class)"},
    {"train.class_weight", CLAIM, NUMBERS, .may = true, .doc = "the weights, in the order of classes"},
    {"train.patience", CLAIM, WHOLE, ONUS_COUNT, .unit = "epochs", .doc = "epochs without a better validation loss that end the training (0: off)"},
    {"train.keep", CLAIM, TEXT, .choices = "best|last", .doc = "which epoch's parameters become the model"},
};
const onus_event_row onus_names_train_begin = {
    "train.begin", .stage = "train", ONUS_ROWS(train_begin), .doc = "Before the first step."};

static const onus_name_row privacy_noise[] = {
    {"privacy.noise.commitment", CLAIM, HASH, .doc = "SHA-256 of \"onus noise key 1\\n\" and the key of the sealed stream"},
    {"privacy.noise.generator", CLAIM, TEXT, .doc = "what draws"},
    {"privacy.noise_multiplier", CLAIM, NUMBER, ONUS_AT_0, .doc = "sigma, the deviation of the noise over privacy.sensitivity"},
    {"privacy.sampling_rate", CLAIM, NUMBER, ONUS_SHARE, .doc = "q, the probability with which a row enters a sample"},
    {"privacy.sampling_rate.stated", CLAIM, TEXT, .choices = "yes|no", .doc = "whether the recipe states q; else it is train.batch / train.rows"},
    {"privacy.sample.most", CLAIM, WHOLE, ONUS_FROM_1, .unit = "rows", .doc = "rows of a sample at most: of more, the first ones are taken, and the probability that there are more is counted in delta"},
    {"privacy.sensitivity", CLAIM, NUMBER, ONUS_AT_0, .doc = "L2 norm by which one row changes the computed sum of clipped gradients, at most: C and what rounding to the grid adds"},
    {"privacy.grid", CLAIM, NUMBER, ONUS_AT_0, .doc = "g, a power of two: sums and noise are whole multiples of it"},
    {"privacy.parameters", CLAIM, WHOLE, ONUS_FROM_1, .doc = "parameters that are trained, and have noise"},
    {"privacy.noise.draws", CLAIM, WHOLE, ONUS_FROM_1, .doc = "normals that a step draws, in pairs"},
    {"privacy.noise.cell", CLAIM, NUMBER, ONUS_SHARE, .doc = "a power of two that is at least kappa, the logarithm of a pair's computed probability over its ideal one"},
    {"privacy.target.epsilon", SAID, NUMBER, .may = true, ONUS_AT_0, .doc = "what the recipe asks for"},
    {"privacy.target.delta", SAID, NUMBER, ONUS_SHARE, .doc = "what the recipe asks for"},
};
const onus_event_row onus_names_privacy_noise = {
    "privacy.noise", .stage = "train", .when = ONUS_IF_PRIVATE, ONUS_ROWS(privacy_noise), .synced = true, .doc = "Before the first step of a private run."};

static const onus_name_row train_epoch[] = {
    {"train.epoch", CLAIM, WHOLE, ONUS_FROM_1, .doc = "this epoch, from 1"},
    {"train.step", CLAIM, WHOLE, ONUS_COUNT, .unit = "steps", .doc = "steps done so far"},
    {"train.loss", CLAIM, NUMBER, ONUS_IF_PUBLIC, .open = true, ONUS_AT_0, .better = -1, .text = "TRAIN_LOSS", .doc = "weighted mean of the losses of the epoch's batches, each as its step saw it (squared errors: of the scaled label); never in a private run"},
    {"train.valid_loss", CLAIM, NUMBER, ONUS_IF_VALID, .open = true, ONUS_AT_0, .better = -1, .text = "VALID_LOSS", .doc = "weighted mean over the validation split, after the epoch"},
    {"train.valid_metric", CLAIM, NUMBER, ONUS_IF_VALID, .open = true, ONUS_AT_0, .text = "VALID_METRIC", .doc = "accuracy there, multi-label the share of labels that is right, or where the label is a number the root mean squared error, in its own unit"},
    {"train.rate", CLAIM, NUMBER, ONUS_AT_0, .text = "RATE", .doc = "learning rate of the epoch's last step"},
    {"train.params.sha256", CLAIM, HASH, .doc = "digest of the parameters (names, shapes, bytes) after the epoch"},
    {"train.seconds", OBSERVED, NUMBER, ONUS_AT_0, .unit = "s", .doc = "time of the epoch's steps and validation"},
    {"train.rows_per_s", OBSERVED, NUMBER, .open = true, ONUS_AT_0, .unit = "rows/s", .doc = "rows trained on a second"},
};
const onus_event_row onus_names_train_epoch = {
    "train.epoch", .stage = "train", .times = ONUS_TIMES_EPOCHS, ONUS_ROWS(train_epoch), .doc = "One an epoch, in order: the report's curves."};

static const onus_name_row checkpoint[] = {
    {"checkpoint.step", CLAIM, WHOLE, ONUS_COUNT, .unit = "steps", .doc = "where it stands"},
    {"checkpoint.epoch", CLAIM, WHOLE, ONUS_COUNT, .unit = "epochs", .doc = "where it stands"},
    {"checkpoint.bytes", CLAIM, WHOLE, ONUS_COUNT, .unit = "bytes", .doc = "size of checkpoints/STEP.safetensors"},
    {"checkpoint.sha256", CLAIM, HASH, .doc = "its hash"},
};
const onus_event_row onus_names_checkpoint = {
    "checkpoint", .stage = "train", .times = ONUS_TIMES_CHECKPOINTS, ONUS_ROWS(checkpoint), .hash_field = "checkpoint.sha256", .may_lack = true,
    .synced = true,
    .doc = "The file holds parameters, best parameters (.best), averages of the optimiser (.m, .v) and, in its metadata "
           "onus.train, the counters: all there is to go on from."};

static const onus_name_row train_end[] = {
    {"train.steps", CLAIM, WHOLE, ONUS_COUNT, .unit = "steps", .doc = "steps done"},
    {"train.epochs_run", CLAIM, WHOLE, ONUS_COUNT, .unit = "epochs", .doc = "epochs done"},
    {"train.ended", CLAIM, TEXT, .doc = "why it ended"},
    {"train.kept_epoch", CLAIM, WHOLE, ONUS_COUNT, .doc = "the epoch whose parameters are the model"},
    {"train.best_epoch", CLAIM, WHOLE, ONUS_IF_VALID, .may = true, ONUS_FROM_1, .doc = "the lowest validation loss, the first of equals"},
    {"train.best_valid_loss", CLAIM, NUMBER, ONUS_IF_VALID, .may = true, .doc = "that loss"},
    {"train.memory.planned", OBSERVED, WHOLE, ONUS_COUNT, .unit = "bytes", .doc = "most memory of the process, as planned before the first step"},
    {"train.memory.peak", OBSERVED, WHOLE, .may = true, ONUS_COUNT, .unit = "bytes", .doc = "the most that the process had by then (VmHWM); absent where the system does not say"},
};
const onus_event_row onus_names_train_end = {
    "train.end", .stage = "train", ONUS_ROWS(train_end), .doc = "After the last step."};

static const onus_name_row budget[] = {
    {"privacy.epsilon", CLAIM, NUMBER, ONUS_AT_0, .better = -1, .headline = true, .text = "EPSILON", .doc = "the guarantee: any one row added or removed changes the probability of any set of outcomes by a factor of at most e^epsilon, but for delta"},
    {"privacy.delta", CLAIM, NUMBER, ONUS_SHARE, .better = -1, .headline = true, .text = "DELTA", .doc = "see privacy.epsilon"},
    {"privacy.epsilon.pld", CLAIM, NUMBER, .open = true, ONUS_AT_0, .doc = "by privacy loss distributions; undefined: nothing was proven so"},
    {"privacy.epsilon.rdp", CLAIM, NUMBER, .open = true, ONUS_AT_0, .doc = "by Renyi differential privacy; privacy.epsilon is the smaller of both"},
    {"privacy.epsilon.numerical", CLAIM, NUMBER, ONUS_AT_0, .doc = "what of either is there because noise is computed (2 eta)"},
    {"privacy.order", CLAIM, NUMBER, ONUS_FROM_1, .doc = "the Renyi order that gave privacy.epsilon.rdp"},
    {"privacy.order.last", CLAIM, TEXT, .choices = "yes|no", .doc = "whether it is the largest that was tried: a larger one might give less"},
    {"privacy.noise_multiplier", CLAIM, NUMBER, ONUS_AT_0, .doc = "what ran: sigma"},
    {"privacy.sampling_rate", CLAIM, NUMBER, ONUS_SHARE, .doc = "what ran: q"},
    {"privacy.steps", CLAIM, WHOLE, ONUS_COUNT, .unit = "steps", .doc = "steps done (all planned ones where train.patience may end the run early: the moment is told by the run itself)"},
    {"privacy.clip", CLAIM, NUMBER, ONUS_AT_0, .doc = "clipping norm C"},
    {"privacy.normaliser", CLAIM, WHOLE, ONUS_FROM_1, .doc = "what the noisy sum was divided by"},
    {"privacy.sampling", CLAIM, TEXT, .choices = "Poisson", .doc = "how a sample is drawn"},
    {"privacy.unit", CLAIM, TEXT, .choices = "one row added or removed", .doc = "whose presence is protected"},
    {"privacy.accountant", CLAIM, TEXT, .doc = "the method and its sources"},
    {"privacy.outside", CLAIM, TEXTS, .doc = "what this run told that the epsilon does not cover"},
};
const onus_event_row onus_names_budget = {
    "privacy.budget", .stage = "train", .when = ONUS_IF_PRIVATE, ONUS_ROWS(budget), .doc = "After the last step; computed from what ran."};

/* clang-format on */
