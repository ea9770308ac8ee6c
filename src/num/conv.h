/* SPDX-License-Identifier: Apache-2.0
 * conv.h - two-dimensional convolutions under the contract (item 3): images (C, H, W), weights
 * (K, C / groups, kh, kw), outputs (K, OH, OW), each with the batch before it, row-major.
 *
 * Forward: k of a dot runs over (channel of the group, kernel row, column), and padding is
 * zeros that take part. Weight gradient: k runs over (example, output row, column). Input
 * gradient: k runs over (output channel of the group, kernel row, column), taps outside the
 * output are skipped. Segments of 256 throughout. Padding is fewer than 2^31 columns. */
#ifndef ONUS_NUM_CONV_H
#define ONUS_NUM_CONV_H
#include "num/exec.h"

typedef struct {
    int64_t C, H, W, K, OH, OW;
    int64_t kh, kw, stride, padding, dilation, groups;
} onus_conv;

/* Bytes of scratch, the most of the three passes, for at most B examples a call. Grows with the
 * image and the weights, hardly with B. */
size_t onus_conv_scratch_bytes(const onus_exec *ex, const onus_conv *v, int64_t B);

/* y (B, K, OH, OW) from x (B, C, H, W); bias (K) is added last, or is NULL. All arrays of these
 * calls are the caller's and overlap nowhere; scratch is 64-byte aligned. */
void onus_conv_forward(const onus_exec *ex, const onus_conv *v, int64_t B, const float *x,
                       const float *weight, const float *bias, float *y, void *scratch);
/* dx (B, C, H, W) is written. */
void onus_conv_back_input(const onus_exec *ex, const onus_conv *v, int64_t B, const float *dy,
                          const float *weight, float *dx, void *scratch);
/* dw (K, C / groups, kh, kw) is written, or (goes_on) goes on from what stands there. */
void onus_conv_back_weight(const onus_exec *ex, const onus_conv *v, int64_t B, const float *x,
                           const float *dy, float *dw, bool goes_on, void *scratch);

/* Multiply-adds of one example's input gradient (taps that are multiplied, though some are
 * outside). */
double onus_conv_back_input_macs(const onus_conv *v);
#endif
