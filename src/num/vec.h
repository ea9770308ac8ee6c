/* SPDX-License-Identifier: Apache-2.0
 * vec.h - functions of one number in binary64 (a few ulp, the same bits on every machine: own
 * polynomials, basic operations and fma only), and reductions in
 * binary64. They serve schedules, bias corrections, metrics, accountants. */
#ifndef ONUS_NUM_VEC_H
#define ONUS_NUM_VEC_H
#include <stdint.h>
double onus_exp64(double x);
double onus_expm1_64(double x);
double onus_log64(double x);
double onus_log1p_64(double x);
/* by squaring, from the lowest bit; 1 / that for n < 0 */
double onus_pow64(double x, int64_t n);
double onus_cos64(double x);    /* |x| <= 2^20, else NaN */
double onus_erfc64(double x);   /* relative accuracy kept in the tail */
double onus_lgamma64(double x); /* x > 0 */
/* inverse of the standard normal's distribution, 0 < p < 1 */
double onus_normal_quantile64(double p);
/* regularised incomplete beta I_x(a, b) */
double onus_beta_inc64(double a, double b, double x);
/* Sum in 16 binary64 lanes, folded 8, 4, 2, 1 (contract 4): the sum of every reported
 * number. */
double onus_sum64(const double *x, int64_t n);
double onus_fold16(const double lane[16]);
#endif
