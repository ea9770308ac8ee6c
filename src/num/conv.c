/* SPDX-License-Identifier: Apache-2.0
 * conv.c - convolutions as matrix products whose second operand is never written out whole
 * (implicit im2col): a block of it over one segment of k is copied into the panels that the
 * register tiles read, out of a padded copy of a few images.
 *
 * Forward and input gradient are the same product: rows of a weight matrix times columns that
 * are positions of the output (num/conv.h says of what k is made). In the padded copy every tap
 * of every position is there, and neighbours in an output row are neighbours in memory: columns
 * of the source are stored by their remainder modulo the stride. The input gradient of a
 * strided convolution is one such product for each remainder of input rows and columns, each
 * with its own taps.
 *
 * The weight gradient is the transposed product, rows (channel, kernel row, column), columns
 * output channels, so that the copies are runs here, too, and the outputs' gradients are
 * transposed once a block of rows.
 *
 * Skipped taps (input gradient). A zero that is multiplied differs from a skipped term only
 * where a chain stands at -0 or a weight is not finite. A chain can stand at -0 only after a
 * product below binary32's grid: while (least |w|) (least |dy|) >= 2^-101, zeros apart, all
 * products and sums are multiples of 2^-149, sums that cancel are +0, and so zeros may stand in
 * for what is skipped. Else a block takes the kernel that skips. Both give the same bits. */
#include "num/conv.h"

#include <string.h>

#include "num/conv_parts.h"
#include "num/kernels.h"

/* ---- padded copies ----------------------------------------------------------------------- */

int64_t onus_frame_plane(const onus_frame *f)
{
    return f->rows * f->cols * f->step;
}

/* Row r of the padded plane from a row of the source. */
static void pad_row(const onus_frame *f, const float *row, float *out)
{
    if (f->step == 1) {
        const int64_t from = f->left < 0 ? -f->left : 0, at = f->left < 0 ? 0 : f->left;
        int64_t n = f->W - from < f->cols - at ? f->W - from : f->cols - at;
        if (n < 0) n = 0;
        memset(out, 0, (size_t)(at < f->cols ? at : f->cols) * sizeof *out);
        if (n > 0) memcpy(out + at, row + from, (size_t)n * sizeof *out);
        if (at + n < f->cols) memset(out + at + n, 0, (size_t)(f->cols - at - n) * sizeof *out);
        return;
    }
    for (int64_t q = 0; q < f->step; q++)
        for (int64_t c = 0; c < f->cols; c++) {
            const int64_t x = c * f->step + q - f->left;
            out[q * f->cols + c] = x >= 0 && x < f->W ? row[x] : 0.0f;
        }
}

void onus_frame_pad(const onus_frame *f, const float *src, int64_t planes, float *out)
{
    const int64_t len = f->cols * f->step;
    for (int64_t p = 0; p < planes; p++, src += f->H * f->W)
        for (int64_t r = 0; r < f->rows; r++, out += len) {
            const int64_t y = r - f->top;
            if (y < 0 || y >= f->H)
                memset(out, 0, (size_t)len * sizeof *out);
            else
                pad_row(f, src + y * f->W, out);
        }
}

int onus_frame_unit(int64_t run)
{
    return run <= 4 ? 4 : run <= 8 ? 8 : 16;
}

int64_t onus_frame_pieces(const onus_runs *r, int64_t j0, int64_t n, onus_piece *out)
{
    int64_t n_pieces = 0;
    const int64_t unit = onus_frame_unit(r->cols), P = r->rows * r->cols;
    for (int64_t j = j0; j < j0 + n;) {
        const int64_t e = j / P, y = j % P / r->cols, x = j % r->cols;
        int64_t len = r->cols - x < j0 + n - j ? r->cols - x : j0 + n - j;
        if (len > unit) len = unit;
        const int64_t slot = r->slots ? e % r->slots : e;
        out[n_pieces++] =
            (onus_piece){slot * r->example + r->start + y * r->row_step + x, j - j0};
        j += len;
    }
    return n_pieces;
}

/* ---- one product ------------------------------------------------------------------------- */

typedef struct {
    const onus_exec *ex;
    onus_frame f;
    onus_runs runs;
    int64_t channels; /* of the source, a group */
    const float *src; /* (B, groups channels, f.H, f.W) */
    int64_t B, groups;
    const float *A; /* (groups M, terms) */
    int64_t M, terms;
    const int64_t *tap;   /* (terms) from a position to the term's place in the padded copy */
    const int64_t *inner; /* (terms) the same within a plane */
    const int64_t *place; /* (terms) in the dot, skipped terms counted: ascending */
    float *out;           /* (B, groups M, out_H, out_W) */
    int64_t out_H, out_W, out_y, out_x, out_step; /* position (r, c) -> row out_y + r step .. */
    const float *bias;
    bool skips;
    float w_least; /* skips: the least weight, zeros apart; 0: one is not finite */
    int64_t n_together, together_max; /* examples of a block, and the most for any batch */
    int64_t n_blocks, n_cuts;         /* blocks of examples, of rows */
    char *work;
    size_t work_bytes; /* of a thread */
} product;

/* What a thread works in. */
typedef struct {
    float *padded, *plane, *panels, *temp, *started;
    onus_piece *piece;
} area;

enum { COLUMNS = 512, SLACK = 16, PANEL_MAX = 32 };

static size_t floats_bytes(int64_t n)
{
    return ((size_t)n * sizeof(float) + ONUS_CONV_ALIGN - 1) & ~(size_t)(ONUS_CONV_ALIGN - 1);
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Sizes, and pointers where at is not NULL. */
static size_t area_of(const product *p, int64_t n_together, int64_t rows, char *at, area *a)
{
    const int64_t plane = onus_frame_plane(&p->f);
    const size_t size[] = {floats_bytes(n_together * p->channels * plane + SLACK),
                           floats_bytes(plane + SLACK),
                           floats_bytes(COLUMNS * ONUS_CONV_SEGMENT + SLACK),
                           floats_bytes(rows * COLUMNS),
                           floats_bytes(COLUMNS),
                           PANEL_MAX * sizeof(onus_piece)};
    size_t sum = 0;
    void *to[6] = {NULL};
    for (int i = 0; i < 6; i++) {
        if (at) to[i] = at + sum;
        sum += size[i];
    }
    *a = (area){to[0], to[1], to[2], to[3], to[4], to[5]};
    return sum;
}

/* How examples and rows are shared out: so that every thread has as many blocks. work_bytes is
 * enough for fewer examples, too. */
static void share(product *p)
{
    const int64_t P = p->runs.rows * p->runs.cols, n_threads = onus_pool_size(p->ex->pool);
    p->n_together = P > 0 && P <= COLUMNS / 2 ? COLUMNS / P : 1;
    if (p->n_together > p->B && p->B > 0) p->n_together = p->B;
    area none;
    p->work_bytes = area_of(p, p->n_together, p->M, NULL, &none);
    p->together_max = p->n_together;
    p->n_blocks = ceil_div(p->B, p->n_together);
    if (p->groups < n_threads) p->n_blocks = ceil_div(p->n_blocks, n_threads) * n_threads;
    if (p->n_blocks > p->B) p->n_blocks = p->B;
    p->n_together = p->n_blocks > 0 ? ceil_div(p->B, p->n_blocks) : 1;
    p->n_blocks = ceil_div(p->B, p->n_together);
    p->n_cuts = 1;
    if (p->n_blocks * p->groups < n_threads && p->n_blocks > 0)
        p->n_cuts = ceil_div(n_threads, p->n_blocks * p->groups);
    if (p->n_cuts > p->M) p->n_cuts = p->M;
}

/* The term after the segment that term k lies in. */
static int64_t segment_end(const product *p, int64_t k)
{
    const int64_t segment = p->place[k] / ONUS_CONV_SEGMENT;
    int64_t end = k + 1;
    while (end < p->terms && p->place[end] / ONUS_CONV_SEGMENT == segment) end++;
    return end;
}

/* Columns [j, j + n), terms [k, k + kb) of the second operand into panels. */
static void pack(const product *p, const float *src, const int64_t *row_at, int64_t j,
                 int64_t n, int64_t k, int64_t kb, const onus_runs *runs, onus_piece *piece,
                 float *panels)
{
    const onus_kernels *kernels = p->ex->k;
    const int64_t panel = kernels->gemm_panel;
    for (int64_t at = 0; at < n; at += panel) {
        const int64_t width = n - at < panel ? n - at : panel;
        const int64_t n_pieces = onus_frame_pieces(runs, j + at, width, piece);
        kernels->copy_pieces(src, row_at + k, kb, piece, n_pieces, onus_frame_unit(runs->cols),
                             panels + at * kb, panel);
    }
}

/* Rows [m0, m1) of the block's columns [j, j + n) into C. */
static void columns(const product *p, const area *a, int64_t g, int64_t m0, int64_t m1,
                    int64_t j, int64_t n, float *C, int64_t ldc)
{
    for (int64_t k = 0, end; k < p->terms; k = end) {
        end = segment_end(p, k);
        pack(p, a->padded, p->tap, j, n, k, end - k, &p->runs, a->piece, a->panels);
        p->ex->k->gemm_panels(p->A + (g * p->M + m0) * p->terms + k, p->terms, a->panels,
                              m1 - m0, n, end - k, C, ldc, k == 0);
    }
}

/* The same, absent terms skipped. */
static void columns_skipping(const product *p, const area *a, int64_t g, int64_t m0, int64_t m1,
                             int64_t j, int64_t n, float *C, int64_t ldc)
{
    float *mask = a->panels + COLUMNS / 2 * ONUS_CONV_SEGMENT;
    onus_runs one = p->runs;
    one.example = 0; /* the plane is every example's */
    memset(a->started, 0, (size_t)n * sizeof *a->started);
    for (int64_t i = 0; i < m1 - m0; i++) memset(C + i * ldc, 0, (size_t)n * sizeof *C);
    for (int64_t k = 0, end; k < p->terms; k = end) {
        end = segment_end(p, k);
        pack(p, a->padded, p->tap, j, n, k, end - k, &p->runs, a->piece, a->panels);
        pack(p, a->plane, p->inner, j, n, k, end - k, &one, a->piece, mask);
        p->ex->k->skip_panels(p->A + (g * p->M + m0) * p->terms + k, p->terms, a->panels, mask,
                              m1 - m0, n, end - k, C, ldc, a->started);
    }
}

/* A row of results, positions [j, j + n) of the block, to its place; the bias is added. */
static void put_row(const product *p, const float *row, int64_t b0, int64_t channel, int64_t j,
                    int64_t n, float *out)
{
    const int64_t P = p->runs.rows * p->runs.cols, plane = p->out_H * p->out_W;
    const float bias = p->bias ? p->bias[channel] : 0.0f;
    for (int64_t at = 0; at < n;) {
        const int64_t e = (j + at) / P, y = (j + at) % P / p->runs.cols,
                      x = (j + at) % p->runs.cols;
        int64_t len = p->runs.cols - x < n - at ? p->runs.cols - x : n - at;
        float *to = out + ((b0 + e) * p->groups * p->M + channel) * plane +
                    (p->out_y + y * p->out_step) * p->out_W + p->out_x + x * p->out_step;
        if (p->bias)
            for (int64_t i = 0; i < len; i++) to[i * p->out_step] = row[at + i] + bias;
        else
            for (int64_t i = 0; i < len; i++) to[i * p->out_step] = row[at + i];
        at += len;
    }
}

/* May zeros stand in for what is skipped in this block? */
static bool zeros_will_do(const product *p, const area *a, int64_t nb)
{
    uint32_t most, least;
    float x;
    if (!p->skips) return true;
    least = p->ex->k->least(a->padded, nb * p->channels * onus_frame_plane(&p->f), &most);
    if (least == UINT32_MAX) return p->w_least > 0.0f; /* zeros alone */
    least += 1;
    memcpy(&x, &least, sizeof x);
    return (double)p->w_least * (double)x >= 0x1p-101;
}

static void run_block(const product *p, const area *a, int64_t g, int64_t b0, int64_t nb,
                      int64_t m0, int64_t m1)
{
    const int64_t P = p->runs.rows * p->runs.cols, plane = onus_frame_plane(&p->f);
    const int64_t of_example = p->groups * p->channels * p->f.H * p->f.W;
    for (int64_t e = 0; e < nb; e++)
        onus_frame_pad(&p->f,
                       p->src + (b0 + e) * of_example + g * p->channels * p->f.H * p->f.W,
                       p->channels, a->padded + e * p->channels * plane);
    const bool plain = zeros_will_do(p, a, nb);
    if (!plain) {
        onus_frame inside = p->f; /* ones where the source is */
        float *ones = a->temp;
        for (int64_t x = 0; x < inside.W; x++) ones[x] = 1.0f;
        inside.H = 1;
        for (int64_t r = 0; r < inside.rows; r++) {
            onus_frame line = inside;
            line.rows = 1;
            line.top = r - p->f.top >= 0 && r - p->f.top < p->f.H ? 0 : 1;
            onus_frame_pad(&line, ones, 1, a->plane + r * p->f.cols * p->f.step);
        }
    }
    const bool direct = nb == 1 && p->out_step == 1 && p->out_W == p->runs.cols;
    const int64_t most = plain ? COLUMNS : COLUMNS / 2;
    for (int64_t j = 0; j < nb * P; j += most) {
        const int64_t n = nb * P - j < most ? nb * P - j : most;
        const int64_t first = g * p->M + m0;
        float *C = direct ? p->out + (b0 * p->groups * p->M + first) * P + j : a->temp;
        const int64_t ldc = direct ? P : COLUMNS;
        (plain ? columns : columns_skipping)(p, a, g, m0, m1, j, n, C, ldc);
        for (int64_t i = 0; (!direct || p->bias) && i < m1 - m0; i++)
            put_row(p, C + i * ldc, b0, first + i, j, n, p->out);
    }
}

static void run_part(void *ctx, int part, int n_parts)
{
    const product *p = ctx;
    area a;
    area_of(p, p->together_max, p->M, p->work + (size_t)part * p->work_bytes, &a);
    int64_t begin, end;
    onus_split(p->groups * p->n_blocks * p->n_cuts, 1, part, n_parts, &begin, &end);
    for (int64_t t = begin; t < end; t++) {
        const int64_t block = t / p->n_cuts % p->n_blocks, g = t / p->n_cuts / p->n_blocks;
        int64_t b0, b1, m0, m1;
        onus_split(p->B, 1, (int)block, (int)p->n_blocks, &b0, &b1);
        onus_split(p->M, 1, (int)(t % p->n_cuts), (int)p->n_cuts, &m0, &m1);
        if (b0 < b1 && m0 < m1) run_block(p, &a, g, b0, b1 - b0, m0, m1);
    }
}

/* Below this many multiply-adds waking a thread costs more than it saves (gemm.c). */
#define MACS_ALONE 50000

static void run(product *p)
{
    const double macs = (double)(p->B * p->groups * p->M) *
                        (double)(p->runs.rows * p->runs.cols) * (double)p->terms;
    if (macs < MACS_ALONE)
        run_part(p, 0, 1);
    else
        onus_pool_run(p->ex->pool, run_part, p);
}

/* ---- forward ----------------------------------------------------------------------------- */

onus_frame onus_conv_frame(const onus_conv *v)
{
    const int64_t wide = (v->OW - 1) * v->stride + (v->kw - 1) * v->dilation + 1;
    return (onus_frame){.H = v->H,
                        .W = v->W,
                        .top = v->padding,
                        .left = v->padding,
                        .rows = (v->OH - 1) * v->stride + (v->kh - 1) * v->dilation + 1,
                        .cols = ceil_div(wide, v->stride),
                        .step = v->stride};
}

int64_t onus_conv_tap(const onus_conv *v, const onus_frame *f, int64_t term)
{
    const int64_t taps = v->kh * v->kw, c = term / taps, y = term % taps / v->kw * v->dilation,
                  x = term % v->kw * v->dilation;
    return c * onus_frame_plane(f) + y * f->cols * f->step + x % v->stride * f->cols +
           x / v->stride;
}

static product forward_of(const onus_exec *ex, const onus_conv *v, int64_t B)
{
    product p = {.ex = ex,
                 .f = onus_conv_frame(v),
                 .channels = v->C / v->groups,
                 .B = B,
                 .groups = v->groups,
                 .M = v->K / v->groups,
                 .terms = v->C / v->groups * v->kh * v->kw,
                 .out_H = v->OH,
                 .out_W = v->OW,
                 .out_step = 1};
    p.runs = (onus_runs){.rows = v->OH,
                         .cols = v->OW,
                         .row_step = v->stride * p.f.cols * p.f.step,
                         .example = p.channels * onus_frame_plane(&p.f)};
    share(&p);
    return p;
}

static void forward_by_positions(const onus_exec *ex, const onus_conv *v, int64_t B,
                                 const float *x, const float *weight, const float *bias,
                                 float *y, void *scratch)
{
    product p = forward_of(ex, v, B);
    int64_t *tap = scratch, *place = tap + p.terms;
    for (int64_t k = 0; k < p.terms; k++) {
        tap[k] = onus_conv_tap(v, &p.f, k);
        place[k] = k;
    }
    p.src = x;
    p.A = weight;
    p.tap = tap;
    p.place = place;
    p.out = y;
    p.bias = bias;
    p.work = (char *)scratch + floats_bytes(4 * p.terms);
    run(&p);
}

void onus_conv_forward(const onus_exec *ex, const onus_conv *v, int64_t B, const float *x,
                       const float *weight, const float *bias, float *y, void *scratch)
{
    onus_conv_rest rest = {.n = 1, .begin = 0, .end = B};
    (void)onus_conv_lanes(ex, v, false, B, x, weight, bias, y, scratch, &rest);
    if (rest.n > 0)
        forward_by_positions(ex, v, rest.end - rest.begin, x + rest.begin * v->C * v->H * v->W,
                             weight, bias, y + rest.begin * v->K * v->OH * v->OW, scratch);
}

/* ---- input gradient ---------------------------------------------------------------------- */

/* Input rows (or columns) i with (i + padding) % stride = rest, i + padding = u stride + rest:
 * u from first on, n of them. */
typedef struct {
    int64_t first, n;
} phase;

static phase phase_of(const onus_conv *v, int64_t size, int64_t rest)
{
    const int64_t first = v->padding > rest ? ceil_div(v->padding - rest, v->stride) : 0;
    const int64_t top = size - 1 + v->padding - rest;
    return (phase){first, top < 0 ? 0 : top / v->stride - first + 1};
}

/* Taps t < n of a kernel's side that a phase reads: t dilation % stride = rest. */
static int64_t taps_of(const onus_conv *v, int64_t n, int64_t rest)
{
    int64_t count = 0;
    for (int64_t t = 0; t < n; t++) count += t * v->dilation % v->stride == rest;
    return count;
}

/* The product of one phase. Position (u, w) reads row u - ky dilation / stride of dy. */
static product back_of(const onus_exec *ex, const onus_conv *v, int64_t B, int64_t ry,
                       int64_t rx)
{
    const phase y = phase_of(v, v->H, ry), x = phase_of(v, v->W, rx);
    const int64_t down = (v->kh - 1) * v->dilation / v->stride,
                  right = (v->kw - 1) * v->dilation / v->stride;
    product p = {.ex = ex,
                 .channels = v->K / v->groups,
                 .B = B,
                 .groups = v->groups,
                 .M = v->C / v->groups,
                 .terms = v->K / v->groups * taps_of(v, v->kh, ry) * taps_of(v, v->kw, rx),
                 .out_H = v->H,
                 .out_W = v->W,
                 .out_y = y.first * v->stride + ry - v->padding,
                 .out_x = x.first * v->stride + rx - v->padding,
                 .out_step = v->stride,
                 .skips = true};
    p.f = (onus_frame){.H = v->OH,
                       .W = v->OW,
                       .top = down - y.first,
                       .left = right - x.first,
                       .rows = y.n + down,
                       .cols = x.n + right,
                       .step = 1};
    p.runs = (onus_runs){.rows = y.n,
                         .cols = x.n,
                         .row_step = p.f.cols,
                         .example = p.channels * onus_frame_plane(&p.f)};
    share(&p);
    return p;
}

double onus_conv_back_input_macs(const onus_conv *v)
{
    double sum = 0;
    for (int64_t ry = 0; ry < v->stride; ry++)
        for (int64_t rx = 0; rx < v->stride; rx++)
            sum += (double)(phase_of(v, v->H, ry).n * phase_of(v, v->W, rx).n) *
                   (double)(taps_of(v, v->kh, ry) * taps_of(v, v->kw, rx));
    return sum * (double)v->C * (double)(v->K / v->groups);
}

/* Tables of a phase's terms: (output channel, kernel row, column), those that it reads. */
static void back_tables(const onus_conv *v, const product *p, int64_t ry, int64_t rx,
                        int64_t *tap, int64_t *inner, int64_t *place)
{
    const int64_t down = (v->kh - 1) * v->dilation / v->stride,
                  right = (v->kw - 1) * v->dilation / v->stride, taps = v->kh * v->kw;
    int64_t n = 0;
    for (int64_t t = 0; t < p->channels * taps; t++) {
        const int64_t y = t % taps / v->kw * v->dilation, x = t % v->kw * v->dilation;
        if (y % v->stride != ry || x % v->stride != rx) continue;
        inner[n] = (down - y / v->stride) * p->f.cols + right - x / v->stride;
        tap[n] = t / taps * onus_frame_plane(&p->f) + inner[n];
        place[n++] = t;
    }
}

typedef struct {
    const onus_conv *v;
    const float *weight;
    const product *p;
    float *out;
} turn_job;

/* Weights (K, C / groups, taps) to rows of the product: (C, terms). */
static void turn_part(void *ctx, int part, int n_parts)
{
    const turn_job *j = ctx;
    const onus_conv *v = j->v;
    const int64_t taps = v->kh * v->kw, C = v->C / v->groups, K = v->K / v->groups;
    int64_t begin, end;
    onus_split(v->C, 1, part, n_parts, &begin, &end);
    for (int64_t c = begin; c < end; c++) {
        const float *w = j->weight + (c / C * K * C + c % C) * taps;
        float *to = j->out + c * j->p->terms;
        if (j->p->terms == K * taps) {
            for (int64_t k = 0; k < K; k++)
                for (int64_t t = 0; t < taps; t++) to[k * taps + t] = w[k * C * taps + t];
            continue;
        }
        for (int64_t n = 0; n < j->p->terms; n++) {
            const int64_t t = j->p->place[n];
            to[n] = w[t / taps * C * taps + t % taps];
        }
    }
}

/* Positions of a phase that no tap reaches: no term, +0. */
static void put_nothing(const product *p)
{
    for (int64_t c = 0; c < p->B * p->groups * p->M; c++)
        for (int64_t y = 0; y < p->runs.rows; y++)
            for (int64_t x = 0; x < p->runs.cols; x++)
                p->out[(c * p->out_H + p->out_y + y * p->out_step) * p->out_W + p->out_x +
                       x * p->out_step] = 0.0f;
}

void onus_conv_back_input(const onus_exec *ex, const onus_conv *v, int64_t B, const float *dy,
                          const float *weight, float *dx, void *scratch)
{
    const int64_t n_weights = v->C * (v->K / v->groups) * v->kh * v->kw;
    onus_conv_rest rest;
    if (onus_conv_lanes(ex, v, true, B, dy, weight, NULL, dx, scratch, &rest)) return;
    const float least = onus_conv_least_weight(ex, weight, n_weights);
    for (int64_t ry = 0; ry < v->stride; ry++)
        for (int64_t rx = 0; rx < v->stride; rx++) {
            product p = back_of(ex, v, B, ry, rx);
            int64_t *tap = scratch, *inner = tap + p.terms, *place = inner + p.terms;
            float *A = (float *)(void *)((char *)scratch + floats_bytes(6 * p.terms));
            if (p.runs.rows * p.runs.cols == 0 || B == 0) continue;
            p.out = dx;
            if (p.terms == 0) {
                put_nothing(&p);
                continue;
            }
            back_tables(v, &p, ry, rx, tap, inner, place);
            p.src = dy;
            p.A = A;
            p.tap = tap;
            p.inner = inner;
            p.place = place;
            p.w_least = least;
            turn_job turn = {.v = v, .weight = weight, .p = &p, .out = A};
            onus_pool_run(ex->pool, turn_part, &turn);
            p.work = (char *)A + floats_bytes(v->C * p.terms);
            run(&p);
        }
}

/* ---- scratch ----------------------------------------------------------------------------- */

size_t onus_conv_scratch_bytes(const onus_exec *ex, const onus_conv *v, int64_t B)
{
    const size_t n_threads = (size_t)onus_pool_size(ex->pool);
    const product f = forward_of(ex, v, B);
    size_t most = floats_bytes(4 * f.terms) + n_threads * f.work_bytes;
    for (int64_t ry = 0; ry < v->stride; ry++)
        for (int64_t rx = 0; rx < v->stride; rx++) {
            const product p = back_of(ex, v, B, ry, rx);
            const size_t bytes = floats_bytes(6 * p.terms) + floats_bytes(v->C * p.terms) +
                                 n_threads * p.work_bytes;
            most = bytes > most ? bytes : most;
        }
    const size_t weights = onus_conv_weight_bytes(ex, v, B),
                 lanes = onus_conv_lanes_bytes(ex, v, B);
    most = weights > most ? weights : most;
    return lanes > most ? lanes : most;
}
