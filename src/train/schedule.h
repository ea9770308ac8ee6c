/* SPDX-License-Identifier: Apache-2.0
 * schedule.h - the learning rate of a step. */
#ifndef ONUS_TRAIN_SCHEDULE_H
#define ONUS_TRAIN_SCHEDULE_H
#include "train/train.h"
/* Step t from 0 of n_steps, n_per_epoch steps an epoch. Warm-up: rate (t + 1) / warmup of the
 * schedule's. Cosine: lr (1 + cos(pi t / n_steps)) / 2. */
double onus_schedule_rate(const onus_train_spec *s, int64_t t, int64_t n_steps,
                          int64_t n_per_epoch);
#endif
