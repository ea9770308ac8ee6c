/* SPDX-License-Identifier: Apache-2.0
 * accountant.h - what a private run spent: the smaller of two proven bounds (rdp.h, pld.h) for
 * the Poisson-subsampled Gaussian mechanism, and what computing it adds. The accountant reads
 * what ran (sigma, q, steps), never what was asked for. */
#ifndef ONUS_TRAIN_ACCOUNTANT_H
#define ONUS_TRAIN_ACCOUNTANT_H
#include "base/mem.h"

/* What ran. Zeroed from `draws` on: the ideal mechanism, in real numbers. */
typedef struct {
    double sigma; /* deviation of the noise over what one row moves the sum by */
    double q, delta;
    int64_t steps;
    double draws; /* normals a step, those of begun pairs counted */
    double
        cell; /* kappa: the log-ratio of a pair's computed and ideal probabilities, at most */
    int64_t rows, sample_most; /* of the part; of one sample */
    double log2_sample_tail; /* of the probability that more rows are drawn than sample_most */
} onus_mechanism;

typedef struct {
    double epsilon;  /* the smaller of these two */
    double rdp, pld; /* each proven, `numerical` in it; INFINITY: nothing was */
    double numerical;
    double order; /* of rdp */
    bool order_is_last;
    double delta_ideal; /* what of delta the ideal mechanism has */
} onus_spent_privacy;

/* Normals whose pair is drawn wrongly: 2^-100 a pair. */
#define ONUS_BAD_PAIR 0x1p-100 /* 2^ONUS_NOISE_BAD_LOG2 */

/* ONUS_BAD_INPUT where no epsilon can be proven of what is computed at that delta; the message
 * says which delta can. */
onus_status onus_account(const onus_mechanism *m, const onus_allocator *mem,
                         onus_spent_privacy *out, onus_err *err) ONUS_CHECKED;
/* The noise (to parts in a thousand, what holds is what was tried) with which onus_account
 * gives epsilon or less; given->sigma is not read. ONUS_BAD_INPUT where none up to 1e4 does, or
 * delta is too small for the computed. */
onus_status onus_account_sigma(double epsilon, const onus_mechanism *given,
                               const onus_allocator *mem, double *sigma,
                               onus_err *err) ONUS_CHECKED;
/* log2 of a bound of P(Binomial(rows, q) > most), by Chernoff: -INFINITY where most >= rows. */
double onus_sample_log2_tail(int64_t rows, double q, int64_t most);
#endif
