/* SPDX-License-Identifier: Apache-2.0
 * schedule.c - constant, step, exponential and cosine rates (Loshchilov and Hutter 2017,
 * arXiv:1608.03983, without restarts), all in binary64. */
#include "train/schedule.h"

#include "num/vec.h"

double onus_schedule_rate(const onus_train_spec *s, int64_t t, int64_t n_steps,
                          int64_t n_per_epoch)
{
    const int64_t epoch = t / n_per_epoch;
    double factor = 1;
    switch (s->schedule) {
    case ONUS_RATE_CONSTANT: break;
    case ONUS_RATE_STEP: factor = onus_pow64(s->gamma, epoch / s->step_epochs); break;
    case ONUS_RATE_EXPONENTIAL: factor = onus_pow64(s->gamma, epoch); break;
    case ONUS_RATE_COSINE:
        factor = (1 + onus_cos64(0x1.921fb54442d18p1 * ((double)t / (double)n_steps))) / 2;
        break;
    }
    if (t < s->warmup) factor *= (double)(t + 1) / (double)s->warmup;
    return s->lr * factor;
}
