/* SPDX-License-Identifier: Apache-2.0
 * conv_weight.c - the weight gradient of a convolution: rows (kernel row, column, channel) of
 * the image times columns that are output channels, summed over (example, position). See
 * conv.c for the whole.
 *
 * A segment is 256 positions, maybe of several examples. Its rows are read where they stand, in
 * the padded images that it needs, of which as many are kept: a register tile's rows are
 * channels at the same tap, a plane apart (or taps of one channel, where channels are few), and
 * its terms are positions, a list of distances that all tiles share. Its columns are the
 * transposed gradients of the outputs, in panels. The sum stands transposed until the last
 * segment.
 *
 * Padding is zeros that take part; in small images they are many (a third of the terms of 3 x 3
 * taps on 4 x 4 pixels). While they change nothing (conv.c: no product is below binary32's
 * grid), each tap has a list of its own, without the positions where it reads padding. */
#include <string.h>

#include "num/conv_parts.h"
#include "num/kernels.h"

/* Numbers of a block's sum: a share of the second-level cache. Below FEW channels tiles are
 * made of taps. */
enum { SUM_MAX = 1 << 18, SLACK = 16, FEW = 6 };
/* A list a tap: for so many taps, so many positions (above, little is saved), weights. */
enum { LISTS_MAX = 49, POSITIONS_MAX = 144, WEIGHTS_MIN = 4096 };

typedef struct {
    const onus_exec *ex;
    const onus_conv *v;
    int64_t B;
    const float *x, *dy;
    float *dw;
    bool goes_on;
    onus_frame f;
    int64_t slots;            /* padded copies that are kept: example b in b % slots */
    int64_t C, N, taps;       /* of a group: channels, columns */
    int64_t n_lists;          /* 1, or one a tap */
    int64_t channels_max;     /* of a block */
    int64_t n_blocks, n_cols; /* parts of a group's gradient */
    char *work;
    size_t work_bytes;
} weight_job;

typedef struct {
    float *padded, *panels, *sum, *turned;
    onus_term *list;  /* (n_lists, 256) */
    int32_t *n_terms; /* (n_lists) */
} area;

/* Channels [c0, c0 + n_c), columns [n0, n0 + n) of group g; a row of its sum is `pitch`. */
typedef struct {
    const weight_job *w;
    const area *a;
    int64_t g, c0, n_c, n0, n, pitch;
} block;

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t min_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- planning ---------------------------------------------------------------------------- */

static size_t area_of(const weight_job *w, char *at, area *a)
{
    const int64_t plane = onus_frame_plane(&w->f), wide = ceil_div(w->N, 32) * 32;
    const size_t size[] = {onus_conv_floats_bytes(w->slots * w->channels_max * plane + SLACK),
                           onus_conv_floats_bytes(wide * ONUS_CONV_SEGMENT + SLACK),
                           onus_conv_floats_bytes(w->taps * w->channels_max * wide),
                           onus_conv_floats_bytes(8 * wide + SLACK),
                           (size_t)(w->n_lists * ONUS_CONV_SEGMENT) * sizeof(onus_term),
                           onus_conv_floats_bytes(w->n_lists)};
    size_t sum = 0;
    void *to[6] = {NULL};
    for (int i = 0; i < 6; i++) {
        if (at) to[i] = at + sum;
        sum += size[i];
    }
    *a = (area){to[0], to[1], to[2], to[3], to[4], to[5]};
    return sum;
}

static weight_job job_of(const onus_exec *ex, const onus_conv *v, int64_t B)
{
    const int64_t P = v->OH * v->OW, n_threads = onus_pool_size(ex->pool);
    weight_job w = {.ex = ex,
                    .v = v,
                    .B = B,
                    .f = {.H = v->H,
                          .W = v->W,
                          .top = v->padding,
                          .left = v->padding,
                          .rows = (v->OH - 1) * v->stride + (v->kh - 1) * v->dilation + 1,
                          .cols = (v->OW - 1) * v->stride + (v->kw - 1) * v->dilation + 1,
                          .step = 1,
                          .parts = 1},
                    .slots = ONUS_CONV_SEGMENT / P + 2,
                    .C = v->C / v->groups,
                    .N = v->K / v->groups,
                    .taps = v->kh * v->kw};
    if (w.slots > B && B > 0) w.slots = B;
    const bool lists = v->padding > 0 && P <= POSITIONS_MAX && w.taps <= LISTS_MAX &&
                       w.C >= FEW && w.C * w.N >= WEIGHTS_MIN;
    w.n_lists = lists ? w.taps : 1;
    /* a block's sum, and distances that fit 32 bits; channels and columns shared out as evenly
     * as tiles allow, channels first */
    w.channels_max = min_of(SUM_MAX / (w.taps * ceil_div(w.N, 32) * 32),
                            INT32_MAX / (w.slots * onus_frame_plane(&w.f)));
    w.channels_max = max_of(1, min_of(w.channels_max, w.C));
    w.n_blocks = w.n_cols = 1;
    if (v->groups < n_threads) {
        w.n_blocks = min_of(ceil_div(n_threads, v->groups), ceil_div(w.C, 4));
        w.n_cols = min_of(ceil_div(n_threads, v->groups * w.n_blocks), ceil_div(w.N, 32));
    }
    area none;
    w.work_bytes = area_of(&w, NULL, &none);
    return w;
}

/* ---- one segment ------------------------------------------------------------------------- */

/* Columns of positions [s, s + kb): dy transposed, in panels. */
static void pack_columns(const block *b, int64_t s, int64_t kb)
{
    const weight_job *w = b->w;
    const onus_kernels *k = w->ex->k;
    const int64_t P = w->v->OH * w->v->OW, panel = k->gemm_panel;
    for (int64_t n = 0; n < b->n; n += panel) {
        const int64_t width = min_of(panel, b->n - n);
        float *to = b->a->panels + n * kb;
        if (width < panel) memset(to, 0, (size_t)(panel * kb) * sizeof *to);
        for (int64_t at = s; at < s + kb;) {
            const int64_t e = at / P, from = at % P, len = min_of(P - from, s + kb - at);
            k->gemm_transpose(w->dy + (e * w->v->K + b->g * w->N + b->n0 + n) * P + from, P,
                              width, len, to + (at - s) * panel, panel);
            at += len;
        }
    }
}

/* The terms of list `tap`: all positions [s, s + kb), or those where this tap is inside. */
static void list_positions(const block *b, int64_t s, int64_t kb, int64_t tap)
{
    const weight_job *w = b->w;
    const onus_conv *v = w->v;
    const int64_t plane = onus_frame_plane(&w->f), panel = w->ex->k->gemm_panel;
    const int64_t down = tap / v->kw * v->dilation - v->padding,
                  right = tap % v->kw * v->dilation - v->padding;
    onus_term *list = b->a->list + tap * ONUS_CONV_SEGMENT;
    const int64_t P = v->OH * v->OW;
    int64_t e = s / P, y = s % P / v->OW, x = s % v->OW;
    int32_t n = 0;
    for (int64_t k = 0; k < kb; k++) {
        const int64_t at =
            e % w->slots * w->channels_max * plane + (y * w->f.cols + x) * v->stride;
        const int64_t row = y * v->stride + down, col = x * v->stride + right;
        if (w->n_lists == 1 || (row >= 0 && row < v->H && col >= 0 && col < v->W))
            list[n++] = (onus_term){(int32_t)at, (int32_t)(k * panel)};
        if (++x < v->OW) continue;
        x = 0;
        if (++y < v->OH) continue;
        y = 0;
        e++;
    }
    b->a->n_terms[tap] = n;
}

/* A tile of rows, from the first one's place in the copy and in the sum on, over all columns.
 */
static void run_tile(const block *b, onus_listed *l, int rows, float *sum, int64_t kb)
{
    const onus_kernels *k = b->w->ex->k;
    const int64_t panel = k->gemm_panel, L = panel / 2;
    for (int64_t n = 0; n < b->n; n += panel) {
        l->b = b->a->panels + n * kb;
        l->c = sum + n;
        k->gemm_listed(l, rows, b->n - n > L ? 2 : 1);
    }
}

/* Channels, a plane apart, at one tap after the other. */
static void tiles_of_channels(const block *b, onus_listed *l, int64_t kb)
{
    const weight_job *w = b->w;
    const onus_conv *v = w->v;
    const int64_t plane = onus_frame_plane(&w->f),
                  n_tiles = ceil_div(b->n_c, w->ex->k->gemm_rows);
    l->a_row = plane;
    l->a_three = 3 * plane;
    l->c_row = b->pitch;
    for (int64_t t = 0; t < n_tiles; t++) {
        int64_t from, to;
        onus_split(b->n_c, 1, (int)t, (int)n_tiles, &from, &to);
        for (int64_t tap = 0; tap < w->taps; tap++) {
            const int64_t at = w->n_lists > 1 ? tap : 0;
            l->list = b->a->list + at * ONUS_CONV_SEGMENT;
            l->n = b->a->n_terms[at]; /* none: +0 is stored or added */
            l->a = b->a->padded + from * plane +
                   (tap / v->kw * w->f.cols + tap % v->kw) * v->dilation;
            run_tile(b, l, (int)(to - from), b->a->sum + (tap * b->n_c + from) * b->pitch, kb);
        }
    }
}

/* Rows of the kernel in a tile of taps: its width is at most a tile's rows. */
static int64_t tap_rows(const weight_job *w)
{
    const int64_t most = w->ex->k->gemm_rows;
    return w->v->kw == 3 ? min_of(w->v->kh, most / 3) : 1;
}

/* Taps of one channel after the other: a row of the kernel, or several where it has three. */
static void tiles_of_taps(const block *b, onus_listed *l, int64_t kb)
{
    const weight_job *w = b->w;
    const onus_conv *v = w->v;
    const int64_t plane = onus_frame_plane(&w->f), most = w->ex->k->gemm_rows;
    const int64_t high = tap_rows(w);
    l->a_row = v->dilation;
    l->a_three = v->kw == 3 ? v->dilation * w->f.cols : 3 * v->dilation;
    l->c_row = b->n_c * b->pitch;
    for (int64_t c = 0; c < b->n_c; c++)
        for (int64_t y = 0; y < v->kh; y += high)
            for (int64_t x = 0; x < v->kw; x += most) {
                const int64_t rows = min_of(high, v->kh - y) * min_of(most, v->kw - x);
                l->a = b->a->padded + c * plane + (y * w->f.cols + x) * v->dilation;
                run_tile(b, l, (int)rows, b->a->sum + ((y * v->kw + x) * b->n_c + c) * b->pitch,
                         kb);
            }
}

/* ---- blocks ------------------------------------------------------------------------------ */

/* The sum to dw, whose rows are output channels; eight taps at a time. */
static void put(const block *b)
{
    const weight_job *w = b->w;
    const int64_t terms = w->C * w->taps, row = b->n_c * b->pitch;
    float *turned = b->a->turned;
    for (int64_t c = 0; c < b->n_c; c++)
        for (int64_t t = 0; t < w->taps; t += 8) {
            const float *sum = b->a->sum + t * row + c * b->pitch;
            float *dw = w->dw + (b->g * w->N + b->n0) * terms + (b->c0 + c) * w->taps + t;
            const int64_t n_t = min_of(8, w->taps - t);
            if (n_t == 1) {
                for (int64_t n = 0; n < b->n; n++) dw[n * terms] = sum[n];
                continue;
            }
            w->ex->k->gemm_transpose(sum, row, n_t, b->n, turned, 8);
            for (int64_t n = 0; n < b->n; n++)
                memcpy(dw + n * terms, turned + n * 8, (size_t)n_t * sizeof *dw);
        }
}

static void get(const block *b)
{
    const weight_job *w = b->w;
    const int64_t terms = w->C * w->taps;
    for (int64_t n = 0; n < b->n; n++)
        for (int64_t c = 0; c < b->n_c; c++)
            for (int64_t t = 0; t < w->taps; t++)
                b->a->sum[(t * b->n_c + c) * b->pitch + n] =
                    w->dw[(b->g * w->N + b->n0 + n) * terms + (b->c0 + c) * w->taps + t];
}

static void run_block(const block *b)
{
    const weight_job *w = b->w;
    const onus_conv *v = w->v;
    const int64_t P = v->OH * v->OW, L = w->ex->k->gemm_panel / 2,
                  example = w->channels_max * onus_frame_plane(&w->f);
    int64_t padded = 0; /* examples so far */
    if (w->goes_on) get(b);
    for (int64_t s = 0; s < w->B * P; s += ONUS_CONV_SEGMENT) {
        const int64_t kb = min_of(ONUS_CONV_SEGMENT, w->B * P - s);
        for (; padded <= (s + kb - 1) / P; padded++)
            w->ex->k->pad(&w->f, w->x + (padded * v->C + b->g * w->C + b->c0) * v->H * v->W,
                          b->n_c, b->a->padded + padded % w->slots * example);
        pack_columns(b, s, kb);
        for (int64_t tap = 0; tap < w->n_lists; tap++) list_positions(b, s, kb, tap);
        onus_listed l = {.b_next = L, .list = b->a->list, .n = kb, .c_next = L};
        l.first = s == 0 && !w->goes_on;
        (w->C < FEW && tap_rows(w) * v->kw > w->C ? tiles_of_taps : tiles_of_channels)(b, &l,
                                                                                       kb);
    }
    put(b);
}

static void run_part(void *ctx, int part, int n_parts)
{
    const weight_job *w = ctx;
    area a;
    area_of(w, w->work + (size_t)part * w->work_bytes, &a);
    int64_t begin, end;
    onus_split(w->v->groups * w->n_blocks * w->n_cols, 1, part, n_parts, &begin, &end);
    for (int64_t t = begin; t < end; t++) {
        block b = {.w = w, .a = &a, .g = t / (w->n_blocks * w->n_cols)};
        int64_t c1, n1;
        onus_split(w->C, 1, (int)(t / w->n_cols % w->n_blocks), (int)w->n_blocks, &b.c0, &c1);
        onus_split(w->N, 32, (int)(t % w->n_cols), (int)w->n_cols, &b.n0, &n1);
        b.n = n1 - b.n0;
        b.pitch = ceil_div(b.n, 32) * 32;
        const int64_t first = b.c0, n_blocks = ceil_div(c1 - first, w->channels_max);
        for (int64_t i = 0; b.n > 0 && i < n_blocks; i++) {
            int64_t from, to;
            onus_split(c1 - first, 1, (int)i, (int)n_blocks, &from, &to);
            b.c0 = first + from;
            b.n_c = to - from;
            run_block(&b);
        }
    }
}

#define MACS_ALONE 50000 /* as in gemm.c */

void onus_conv_back_weight(const onus_exec *ex, const onus_conv *v, int64_t B, const float *x,
                           const float *dy, float *dw, bool goes_on, void *scratch)
{
    weight_job w = job_of(ex, v, B);
    if (B == 0) {
        if (!goes_on) memset(dw, 0, (size_t)(v->K * w.C * w.taps) * sizeof *dw);
        return;
    }
    w.x = x;
    w.dy = dy;
    w.dw = dw;
    w.goes_on = goes_on;
    w.work = scratch;
    if (w.n_lists > 1) {
        const float least = onus_conv_least(ex, x, B * v->C * v->H * v->W);
        const double of_dy = onus_conv_least(ex, dy, B * v->K * v->OH * v->OW);
        if ((double)least * of_dy < 0x1p-101) w.n_lists = 1;
    }
    if ((double)(v->K * w.C * w.taps) * (double)(B * v->OH * v->OW) < MACS_ALONE)
        run_part(&w, 0, 1);
    else
        onus_pool_run(ex->pool, run_part, &w);
}

size_t onus_conv_weight_bytes(const onus_exec *ex, const onus_conv *v, int64_t B)
{
    const weight_job w = job_of(ex, v, B);
    return (size_t)onus_pool_size(ex->pool) * w.work_bytes;
}
