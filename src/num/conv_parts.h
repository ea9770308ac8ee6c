/* SPDX-License-Identifier: Apache-2.0
 * conv_parts.h - what conv.c and conv_weight.c share: padded copies of images and the runs of
 * numbers that products copy out of them. Nobody else includes this. */
#ifndef ONUS_NUM_CONV_PARTS_H
#define ONUS_NUM_CONV_PARTS_H
#include "num/conv.h"
#include "num/kernels.h"

enum { ONUS_CONV_SEGMENT = 256, ONUS_CONV_ALIGN = 64 };

/* A padded copy of planes (H, W): number (r, q cols + c) of a plane, q < step, is the source's
 * (r - top, c step + q - left), or 0 outside. A plane is rows x (step cols). */
typedef struct {
    int64_t H, W, top, left, rows, cols, step;
} onus_frame;
int64_t onus_frame_plane(const onus_frame *f); /* its numbers */
void onus_frame_pad(const onus_frame *f, const float *src, int64_t planes, float *out);

/* Positions (example, row, column) in padded copies: example e's (r, c) stands at e example +
 * start + r row_step + c. slots > 0: only that many copies are kept, example e in e % slots. */
typedef struct {
    int64_t rows, cols, row_step, start, example, slots;
} onus_runs;
/* Positions [j0, j0 + n) as pieces of onus_frame_unit(cols) numbers each; returns how many: at
 * most n. */
int64_t onus_frame_pieces(const onus_runs *r, int64_t j0, int64_t n, onus_piece *out);
int onus_frame_unit(int64_t run);

/* Forward: the padded copy, and where term (channel, kernel row, column) stands from a
 * position. */
onus_frame onus_conv_frame(const onus_conv *v);
int64_t onus_conv_tap(const onus_conv *v, const onus_frame *f, int64_t term);

/* conv_lanes.c: forward (or back: the input gradient, src is dy) with examples in lanes; false
 * where that does not pay, and nothing is done. Examples [begin, end) of the rest (n > 0) are
 * left to the other way: some of them have not been computed. */
typedef struct {
    int64_t n, begin, end;
} onus_conv_rest;
bool onus_conv_lanes(const onus_exec *ex, const onus_conv *v, bool back, int64_t B,
                     const float *src, const float *weight, const float *bias, float *out,
                     void *scratch, onus_conv_rest *rest);
size_t onus_conv_lanes_bytes(const onus_exec *ex, const onus_conv *v, int64_t B);
/* The least |weight|, zeros apart; 0 where one is not finite. */
float onus_conv_least_weight(const onus_exec *ex, const float *w, int64_t n);

size_t onus_conv_weight_bytes(const onus_exec *ex, const onus_conv *v, int64_t B);
#endif
