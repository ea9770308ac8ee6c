/* SPDX-License-Identifier: Apache-2.0
 * pld.h - epsilon of composed Poisson-subsampled Gaussian steps from their privacy loss
 * distributions: closer to the truth than Renyi's (accountant.h), and never below it, as
 * computed: every rounding is bounded and counted in. Both directions of adding and removing a
 * row; the larger one counts. */
#ifndef ONUS_TRAIN_PLD_H
#define ONUS_TRAIN_PLD_H
#include "base/mem.h"

/* An upper bound of epsilon after T steps at delta; INFINITY where what it costs to bound the
 * roundings leaves nothing of delta, or a number is out of its range. order: Renyi's best one,
 * near which the search for a tilt begins. */
onus_status onus_pld_epsilon(double sigma, double q, int64_t T, double delta, double order,
                             const onus_allocator *mem, double *epsilon,
                             onus_err *err) ONUS_CHECKED;

/* The analytic Gaussian mechanism (Balle and Wang 2018, arXiv:1805.06530, theorem 8): delta of
 * a mechanism whose noise has deviation 1 / mu of the sensitivity, and the smallest epsilon >=
 * 0 at delta, rounded up. T steps that every row takes part in: mu = sqrt(T) / sigma. */
double onus_gaussian_delta(double epsilon, double mu);
double onus_gaussian_epsilon(double mu, double delta);
#endif
