/* SPDX-License-Identifier: Apache-2.0
 * conv_weight.c - the weight gradient of a convolution: rows (channel, kernel row, column) of
 * the image times columns that are output channels, summed over (example, position). See
 * conv.c for the whole.
 *
 * A segment is 256 positions, maybe of several examples. Its rows are copied out of the padded
 * images that it needs, of which as many are kept; its columns are the transposed gradients of
 * the outputs, in panels. The sum stands transposed until the last segment. */
#include <string.h>

#include "num/conv_parts.h"
#include "num/kernels.h"

/* Rows copied at a time, as far apart as the second number: 256 would put them into the same
 * few sets of a cache. Numbers of a block's sum: a share of the second-level cache. */
enum { ROWS = 126, ROW_STEP = 272, SUM_MAX = 1 << 18, SLACK = 16 };

typedef struct {
    const onus_exec *ex;
    const onus_conv *v;
    int64_t B;
    const float *x, *dy;
    float *dw;
    bool goes_on;
    onus_frame f;
    onus_runs runs;
    const int64_t *tap;     /* (terms) */
    int64_t terms, N;       /* rows and columns of a group's gradient */
    int64_t rows_max;       /* of a block */
    int64_t channels_max;   /* that a block reads */
    int64_t n_rows, n_cols; /* parts of a group's gradient */
    char *work;
    size_t work_bytes;
} weight_job;

typedef struct {
    float *padded, *panels, *rows, *sum;
    onus_piece *piece;
} area;

static size_t floats_bytes(int64_t n)
{
    return ((size_t)n * sizeof(float) + ONUS_CONV_ALIGN - 1) & ~(size_t)(ONUS_CONV_ALIGN - 1);
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t min_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static size_t area_of(const weight_job *w, char *at, area *a)
{
    const int64_t plane = onus_frame_plane(&w->f), wide = ceil_div(w->N, 32) * 32;
    const size_t size[] = {
        floats_bytes(w->runs.slots * w->channels_max * plane + SLACK),
        floats_bytes(wide * ONUS_CONV_SEGMENT + SLACK), floats_bytes(ROWS * ROW_STEP + SLACK),
        floats_bytes(w->rows_max * w->N), ONUS_CONV_SEGMENT * sizeof(onus_piece)};
    size_t sum = 0;
    void *to[5] = {NULL};
    for (int i = 0; i < 5; i++) {
        if (at) to[i] = at + sum;
        sum += size[i];
    }
    *a = (area){to[0], to[1], to[2], to[3], to[4]};
    return sum;
}

static weight_job job_of(const onus_exec *ex, const onus_conv *v, int64_t B)
{
    const int64_t P = v->OH * v->OW, taps = v->kh * v->kw, n_threads = onus_pool_size(ex->pool);
    weight_job w = {.ex = ex,
                    .v = v,
                    .B = B,
                    .f = onus_conv_frame(v),
                    .terms = v->C / v->groups * taps,
                    .N = v->K / v->groups};
    w.runs = (onus_runs){.rows = v->OH,
                         .cols = v->OW,
                         .row_step = v->stride * w.f.cols * w.f.parts,
                         .slots = ONUS_CONV_SEGMENT / P + 2};
    if (w.runs.slots > B && B > 0) w.runs.slots = B;
    /* rows and columns shared out as evenly as tiles allow, rows first */
    w.n_rows = w.n_cols = 1;
    if (v->groups < n_threads) {
        w.n_rows = min_of(ceil_div(n_threads, v->groups), ceil_div(w.terms, 24));
        w.n_cols = min_of(ceil_div(n_threads, v->groups * w.n_rows), ceil_div(w.N, 32));
    }
    w.rows_max = min_of(w.terms, SUM_MAX / w.N > ROWS ? SUM_MAX / w.N : ROWS);
    w.channels_max = min_of((w.rows_max - 1) / taps + 2, v->C / v->groups);
    w.runs.example = w.channels_max * onus_frame_plane(&w.f);
    area none;
    w.work_bytes = area_of(&w, NULL, &none);
    return w;
}

/* Columns [n0, n1) of positions [s, s + kb): dy transposed, in panels. */
static void pack_columns(const weight_job *w, int64_t g, int64_t n0, int64_t n1, int64_t s,
                         int64_t kb, float *panels)
{
    const onus_kernels *k = w->ex->k;
    const int64_t P = w->v->OH * w->v->OW, panel = k->gemm_panel;
    for (int64_t n = n0; n < n1; n += panel) {
        const int64_t width = min_of(panel, n1 - n);
        float *to = panels + (n - n0) * kb;
        for (int64_t at = s; at < s + kb;) {
            const int64_t b = at / P, from = at % P, len = min_of(P - from, s + kb - at);
            k->gemm_transpose(w->dy + (b * w->v->K + g * w->N + n) * P + from, P, width, len,
                              to + (at - s) * panel, panel);
            at += len;
        }
    }
}

/* Rows [r0, r1) of a block over one segment. n_pieces: where its positions stand. */
static void add_segment(const weight_job *w, const area *a, const int64_t *tap, int64_t rows,
                        int64_t n_cols, int64_t kb, int64_t n_pieces, bool first)
{
    const onus_kernels *k = w->ex->k;
    for (int64_t i = 0; i < rows; i += ROWS) {
        const int64_t n = min_of(ROWS, rows - i);
        k->copy_pieces(a->padded, tap + i, n, a->piece, n_pieces, onus_frame_unit(w->runs.cols),
                       a->rows, ROW_STEP);
        k->gemm_panels(a->rows, ROW_STEP, a->panels, n, n_cols, kb, a->sum + i * n_cols, n_cols,
                       first);
    }
}

/* The sum of rows [r0, r1), columns [n0, n1) to dw, whose rows are output channels; or back. */
static void put(const weight_job *w, float *sum, int64_t g, int64_t r0, int64_t r1, int64_t n0,
                int64_t n1)
{
    float *dw = w->dw + (g * w->N + n0) * w->terms;
    const int64_t n = n1 - n0;
    int64_t r = r0;
    for (; r + 8 <= r1; r += 8)
        w->ex->k->gemm_transpose(sum + (r - r0) * n, n, 8, n, dw + r, w->terms);
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = r; i < r1; i++) dw[j * w->terms + i] = sum[(i - r0) * n + j];
}

static void get(const weight_job *w, float *sum, int64_t g, int64_t r0, int64_t r1, int64_t n0,
                int64_t n1)
{
    const float *dw = w->dw + (g * w->N + n0) * w->terms;
    for (int64_t j = 0; j < n1 - n0; j++)
        for (int64_t i = r0; i < r1; i++) sum[(i - r0) * (n1 - n0) + j] = dw[j * w->terms + i];
}

/* Rows [r0, r1), columns [n0, n1) of group g. */
static void run_block(const weight_job *w, const area *a, int64_t g, int64_t r0, int64_t r1,
                      int64_t n0, int64_t n1)
{
    const onus_conv *v = w->v;
    const int64_t taps = v->kh * v->kw, P = v->OH * v->OW, plane = onus_frame_plane(&w->f);
    const int64_t c0 = r0 / taps, n_channels = (r1 - 1) / taps - c0 + 1;
    onus_runs runs = w->runs;
    runs.start = -c0 * plane; /* taps count from channel 0 */
    int64_t padded = 0;       /* examples so far */
    if (w->goes_on) get(w, a->sum, g, r0, r1, n0, n1);
    for (int64_t s = 0; s < w->B * P; s += ONUS_CONV_SEGMENT) {
        const int64_t kb = min_of(ONUS_CONV_SEGMENT, w->B * P - s);
        for (; padded <= (s + kb - 1) / P; padded++)
            onus_frame_pad(&w->f,
                           w->x + (padded * v->C + g * (v->C / v->groups) + c0) * v->H * v->W,
                           n_channels, a->padded + padded % w->runs.slots * w->runs.example);
        pack_columns(w, g, n0, n1, s, kb, a->panels);
        const int64_t n_pieces = onus_frame_pieces(&runs, s, kb, a->piece);
        add_segment(w, a, w->tap + r0, r1 - r0, n1 - n0, kb, n_pieces, s == 0 && !w->goes_on);
    }
    put(w, a->sum, g, r0, r1, n0, n1);
}

static void run_part(void *ctx, int part, int n_parts)
{
    const weight_job *w = ctx;
    area a;
    area_of(w, w->work + (size_t)part * w->work_bytes, &a);
    int64_t begin, end;
    onus_split(w->v->groups * w->n_rows * w->n_cols, 1, part, n_parts, &begin, &end);
    for (int64_t t = begin; t < end; t++) {
        const int64_t g = t / (w->n_rows * w->n_cols);
        int64_t r0, r1, n0, n1;
        onus_split(w->terms, 1, (int)(t / w->n_cols % w->n_rows), (int)w->n_rows, &r0, &r1);
        onus_split(w->N, 32, (int)(t % w->n_cols), (int)w->n_cols, &n0, &n1);
        for (int64_t r = r0; n0 < n1 && r < r1; r += w->rows_max)
            run_block(w, &a, g, r, min_of(r + w->rows_max, r1), n0, n1);
    }
}

#define MACS_ALONE 50000 /* as in gemm.c */

void onus_conv_back_weight(const onus_exec *ex, const onus_conv *v, int64_t B, const float *x,
                           const float *dy, float *dw, bool goes_on, void *scratch)
{
    weight_job w = job_of(ex, v, B);
    int64_t *tap = scratch;
    if (B == 0) {
        if (!goes_on) memset(dw, 0, (size_t)(v->K * w.terms) * sizeof *dw);
        return;
    }
    for (int64_t k = 0; k < w.terms; k++) tap[k] = onus_conv_tap(v, &w.f, k);
    w.x = x;
    w.dy = dy;
    w.dw = dw;
    w.goes_on = goes_on;
    w.tap = tap;
    w.work = (char *)scratch + floats_bytes(2 * w.terms);
    if ((double)(v->K * w.terms) * (double)(B * v->OH * v->OW) < MACS_ALONE)
        run_part(&w, 0, 1);
    else
        onus_pool_run(ex->pool, run_part, &w);
}

size_t onus_conv_weight_bytes(const onus_exec *ex, const onus_conv *v, int64_t B)
{
    const weight_job w = job_of(ex, v, B);
    return floats_bytes(2 * w.terms) + (size_t)onus_pool_size(ex->pool) * w.work_bytes;
}
