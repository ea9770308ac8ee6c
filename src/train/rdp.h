/* SPDX-License-Identifier: Apache-2.0
 * rdp.h - Renyi differential privacy of the Poisson-subsampled Gaussian mechanism (Mironov,
 * Talwar, Zhang 2019, arXiv:1908.10530), exact at fractional orders, add/remove adjacency;
 * converted by Canonne, Kamath, Steinke 2020 (arXiv:2004.00010), proposition 12. An upper
 * bound, quickly found; pld.h comes closer. */
#ifndef ONUS_TRAIN_RDP_H
#define ONUS_TRAIN_RDP_H
#include "onus.h"
/* RDP of one step at order alpha > 1; sigma > 0, 0 < q <= 1. Inf where it overflows. Below
 * sigma 0.05 fractional orders lie on the chord between whole ones, which is above. */
double onus_rdp_step(double sigma, double q, double alpha);
/* epsilon after T steps at delta over orders 1.1, 1.2 .. 10.9, 12, 13 .. 64, 80 .. 32768; order
 * (may be NULL) receives the best. */
double onus_rdp_epsilon(double sigma, double q, int64_t T, double delta, double *order);
/* Whether it is the largest: a larger one might give less. */
bool onus_rdp_order_is_last(double order);
/* Smallest sigma (to 1e-4 relative, rounded up) with epsilon <= target; ONUS_BAD_ARG where none
 * below 1e4 does. */
onus_status onus_rdp_sigma(double epsilon, double delta, double q, int64_t T, double *sigma,
                           onus_err *err) ONUS_CHECKED;
#endif
