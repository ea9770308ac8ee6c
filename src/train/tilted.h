/* SPDX-License-Identifier: Apache-2.0
 * tilted.h - what the files of the privacy loss distribution share (pld.c says what they do).
 */
#ifndef ONUS_TRAIN_TILTED_H
#define ONUS_TRAIN_TILTED_H
#include "base/mem.h"

/* Not libm's, which are not the same on all machines where a NaN is. */
static inline double onus_larger(double a, double b)
{
    return a > b ? a : b;
}

static inline double onus_smaller(double a, double b)
{
    return a < b ? a : b;
}

/* One step: x is drawn from `over`, its loss is log(over / under) at x. Removing a row: from
 * the mixture (1-q) N(0, sigma^2) + q N(1, sigma^2) over N(0, sigma^2); adding one: reversed.
 * What lies more than `reach` deviations outside of the centres counts as infinite: far out are
 * losses so large that they would rule the tilted distribution, though nobody meets them. */
typedef struct {
    double sigma, q;
    bool adds;
    double reach;
} onus_loss;

/* log((1-q) + q e^((2x-1)/(2 sigma^2))), the loss of removing at x; of adding: minus it. Off by
 * onus_loss_off at most. */
double onus_loss_at(const onus_loss *l, double x);
double onus_loss_off(const onus_loss *l, double x);

/* log of the mean of e^(theta loss) of one step, and mean and variance of the loss under that
 * tilt: by the trapezoid rule, for plans only, nothing is proven of them. */
typedef struct {
    double log_mean, mean, variance;
} onus_tilt;
onus_tilt onus_loss_tilt(const onus_loss *l, double theta);

/* Losses in whole multiples of `unit`: mass[i] at (first + i) * unit, `infinite` at infinity. A
 * step's true loss is dominated by these and `off` more. */
typedef struct {
    double *mass;
    int64_t first, n;
    double unit, infinite, off;
} onus_losses;
/* Losses up to `most`; mass has room for `room`. False: they do not fit. */
bool onus_losses_of(const onus_loss *l, double unit, double most, int64_t room,
                    onus_losses *out);
/* An upper bound of the log of the mean of e^(theta loss), of what is finite. */
double onus_losses_log_mean(const onus_losses *d, double theta);

/* (p * p * ... * p), T times, circular over N = 2^k places, in place: re holds p >= 0 with a
 * sum near 1; im and the tables cos_, sin_ (N / 2) are worked in. Returns a bound of the
 * error's Euclidean norm. */
double onus_convolve_power(double *re, double *im, double *cos_, double *sin_, int64_t N,
                           int64_t T);
#endif
