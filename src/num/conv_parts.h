/* SPDX-License-Identifier: Apache-2.0
 * conv_parts.h - what the files conv*.c share: padded copies of images, what products read out
 * of them, the product of a forward pass and an input gradient. Nobody else includes this. */
#ifndef ONUS_NUM_CONV_PARTS_H
#define ONUS_NUM_CONV_PARTS_H
#include "num/conv.h"
#include "num/kernels.h"

enum { ONUS_CONV_SEGMENT = 256, ONUS_CONV_ALIGN = 64 };

int64_t onus_frame_plane(const onus_frame *f); /* its numbers */

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
/* The least |w[i]|, zeros apart; 0 where one is not finite. */
float onus_conv_least(const onus_exec *ex, const float *w, int64_t n);

/* ---- conv_product.c ---------------------------------------------------------------------- */

size_t onus_conv_floats_bytes(int64_t n); /* in whole ONUS_CONV_ALIGN */

/* Positions of the output that read the same taps: all of them, or (input gradient of a
 * strided convolution) those of one remainder of rows and one of columns. */
typedef struct {
    onus_runs runs;
    int64_t out_y, out_x; /* position (r, c) -> row out_y + r step, column out_x + c step */
    int64_t terms;
    const int64_t *tap;   /* (terms) from a position to the term's place in the padded copy */
    const int64_t *inner; /* (terms) the same within a plane; skips */
    const int64_t *place; /* (terms) in the dot, skipped terms counted: ascending */
    const float *A;       /* (groups M, terms) */
    /* planned: positions of an example in rows of `pitch`, 0: not in place; A in tiles */
    int64_t in_place, pitch;
    float *packed;
} onus_conv_phase;

enum { ONUS_CONV_PHASES = 4 };

/* Rows of weight matrices times columns that are positions of the output, for B examples. */
typedef struct {
    const onus_exec *ex;
    onus_frame f;
    int64_t channels; /* of the source, a group */
    const float *src; /* (B, groups channels, f.H, f.W) */
    int64_t B, groups, M;
    float *out; /* (B, groups M, out_H, out_W) */
    int64_t out_H, out_W, out_step;
    const float *bias;
    bool skips;    /* terms outside are absent */
    float w_least; /* skips: the least weight, zeros apart; 0: one is not finite */
    onus_conv_phase phase[ONUS_CONV_PHASES];
    int n_phases, across; /* across = 2: phases come in pairs whose columns take turns */
    /* planned: examples of a block, and the most for any batch; blocks of examples; tiles of
     * rows, and how many ways they are cut; bytes of a thread */
    int64_t n_together, together_max, n_blocks, n_tiles, n_cuts;
    size_t work_bytes;
    char *work; /* of all threads */
} onus_conv_product;

/* Plans what is said to be planned, from ex to bias, across and the phases' runs. */
void onus_conv_product_plan(onus_conv_product *p);
/* Of a phase's `packed`. */
int64_t onus_conv_packed_floats(const onus_conv_product *p, const onus_conv_phase *ph);
void onus_conv_product_run(onus_conv_product *p);

/* ---- conv_weight.c ----------------------------------------------------------------------- */

size_t onus_conv_weight_bytes(const onus_exec *ex, const onus_conv *v, int64_t B);
#endif
