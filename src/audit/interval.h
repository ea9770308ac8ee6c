/* SPDX-License-Identifier: Apache-2.0
 * interval.h - how far a number measured on n people may be from the truth: 95% intervals in
 * closed form. All take z, the normal quantile that stands for 95%: onus_z(1), or onus_z(m)
 * where m statements have to hold at once (Bonferroni). A bound that does not exist is NAN. */
#ifndef ONUS_AUDIT_INTERVAL_H
#define ONUS_AUDIT_INTERVAL_H
#include <stdint.h>

typedef struct {
    double lower, upper;
} onus_interval;

/* NAN if either is. */
static inline double onus_larger(double a, double b)
{
    return a > b || a != a ? a : b;
}

static inline double onus_smaller(double a, double b)
{
    return a < b || a != a ? a : b;
}

/* k successes of n: a rate. n = 0: the rate is undefined. */
typedef struct {
    double k, n;
} onus_share;

double onus_share_rate(onus_share s); /* NAN where n = 0 */
double onus_z(int64_t statements);

/* Wilson's score interval of a rate (Wilson 1927). */
onus_interval onus_interval_wilson(onus_share s, double z);

/* sum of c[i] times the rate of s[i], independent rates, each by its Wilson interval:
 * Newcombe's method 10 for c = (1, -1) (Newcombe 1998, Statistics in Medicine 17:873), and its
 * extension to any linear combination, MOVER (Zou and Donner 2008, Statistics in Medicine
 * 27:1693). */
onus_interval onus_interval_mix(const double *c, const onus_share *s, int64_t n, double z);
onus_interval onus_interval_newcombe(onus_share a, onus_share b, double z); /* a - b */

/* The ratio of rates a / b by MOVER from Wilson intervals (Donner and Zou 2012, Statistical
 * Methods in Medical Research 21:347); the upper bound is infinite where b may be zero. */
onus_interval onus_interval_ratio(onus_share a, onus_share b, double z);

/* |x| where x is known to lie in `i`. */
onus_interval onus_interval_fold(onus_interval i);

/* A mean of n values by Student's t; NAN for n < 2. */
onus_interval onus_interval_mean(double mean, double std_error, double df, int64_t statements);
/* The quantile p of Student's t with df degrees of freedom, 0.5 < p < 1. */
double onus_t_quantile(double p, double df);

/* (logit^-1 of) estimate +- z std_error on the logit scale, 0 < estimate < 1. */
onus_interval onus_interval_logit(double estimate, double std_error, double z);
#endif
