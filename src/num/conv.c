/* SPDX-License-Identifier: Apache-2.0
 * conv.c - convolutions as matrix products whose second operand is never written out whole
 * (implicit im2col): register tiles take it out of a padded copy of a few images.
 *
 * Forward and input gradient are the same product (conv_product.c): rows of a weight matrix
 * times columns that are positions of the output (num/conv.h says of what k is made). In the
 * padded copy every tap of every position is there, and neighbours in an output row are
 * neighbours in memory: columns of the source are stored by their remainder modulo the stride.
 * The input gradient of a strided convolution is one such product for each remainder of input
 * rows and columns, each with its own taps; the four of a stride of two share the copies.
 *
 * The weight gradient is the transposed product (conv_weight.c). Small images of many examples
 * go another way (conv_lanes.c).
 *
 * Skipped taps (input gradient). A zero that is multiplied differs from a skipped term only
 * where a chain stands at -0 or a weight is not finite. A chain can stand at -0 only after a
 * product below binary32's grid: while (least |w|) (least |dy|) >= 2^-101, zeros apart, all
 * products and sums are multiples of 2^-149, sums that cancel are +0, and so zeros may stand in
 * for what is skipped. Else a block takes the kernel that skips. Both give the same bits. */
#include "num/conv.h"

#include "num/conv_parts.h"
#include "num/kernels.h"

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

/* Takes n floats, or int64_t, from *at. */
static void *take(char **at, int64_t n_floats)
{
    char *here = *at;
    *at += onus_conv_floats_bytes(n_floats);
    return here;
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
                        .step = v->stride,
                        .parts = min_of(v->stride, (v->kw - 1) * v->dilation + 1)};
}

int64_t onus_conv_tap(const onus_conv *v, const onus_frame *f, int64_t term)
{
    const int64_t taps = v->kh * v->kw, c = term / taps, y = term % taps / v->kw * v->dilation,
                  x = term % v->kw * v->dilation;
    return c * onus_frame_plane(f) + y * f->cols * f->parts + x % v->stride * f->cols +
           x / v->stride;
}

static onus_conv_product forward_of(const onus_exec *ex, const onus_conv *v, int64_t B)
{
    onus_conv_product p = {.ex = ex,
                           .f = onus_conv_frame(v),
                           .channels = v->C / v->groups,
                           .B = B,
                           .groups = v->groups,
                           .M = v->K / v->groups,
                           .out_H = v->OH,
                           .out_W = v->OW,
                           .out_step = 1,
                           .n_phases = 1,
                           .across = 1};
    p.phase[0] = (onus_conv_phase){
        .terms = v->C / v->groups * v->kh * v->kw,
        .runs = {.rows = v->OH,
                 .cols = v->OW,
                 .row_step = v->stride * p.f.cols * p.f.parts,
                 .example = p.channels * onus_frame_plane(&p.f)},
    };
    onus_conv_product_plan(&p);
    return p;
}

static void forward_by_positions(const onus_exec *ex, const onus_conv *v, int64_t B,
                                 const float *x, const float *weight, const float *bias,
                                 float *y, void *scratch)
{
    onus_conv_product p = forward_of(ex, v, B);
    onus_conv_phase *ph = &p.phase[0];
    char *at = scratch;
    int64_t *tap = take(&at, 2 * ph->terms), *place = take(&at, 2 * ph->terms);
    for (int64_t k = 0; k < ph->terms; k++) {
        tap[k] = onus_conv_tap(v, &p.f, k);
        place[k] = k;
    }
    ph->A = weight;
    ph->tap = tap;
    ph->place = place;
    ph->packed = take(&at, onus_conv_packed_floats(&p, ph));
    p.src = x;
    p.out = y;
    p.bias = bias;
    p.work = at;
    onus_conv_product_run(&p);
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
} residue;

static residue residue_of(const onus_conv *v, int64_t size, int64_t rest)
{
    const int64_t first = v->padding > rest ? ceil_div(v->padding - rest, v->stride) : 0;
    const int64_t top = size - 1 + v->padding - rest;
    return (residue){first, top < 0 ? 0 : top / v->stride - first + 1};
}

/* Taps t < n of a kernel's side that a residue reads: t dilation % stride = rest. */
static int64_t taps_of(const onus_conv *v, int64_t n, int64_t rest)
{
    int64_t count = 0;
    for (int64_t t = 0; t < n; t++) count += t * v->dilation % v->stride == rest;
    return count;
}

/* The rows (or columns) of dy's padded copy that residues [from, to) read: position u of one
 * reads row u - t dilation / stride of dy, `reach` at most above it. */
typedef struct {
    int64_t top, rows, reach;
} extent;

static extent extent_of(const onus_conv *v, int64_t size, int64_t taps, int64_t from,
                        int64_t to)
{
    const int64_t reach = (taps - 1) * v->dilation / v->stride;
    extent x = {.top = INT64_MIN, .reach = reach};
    for (int64_t r = from; r < to; r++)
        x.top = max_of(x.top, reach - residue_of(v, size, r).first);
    for (int64_t r = from; r < to; r++) {
        const residue of = residue_of(v, size, r);
        x.rows = max_of(x.rows, x.top + of.first + of.n);
    }
    return x;
}

/* Residues from (ry, rx) on: of a stride of at most two all of them at once, else this one. */
static onus_conv_product back_of(const onus_exec *ex, const onus_conv *v, int64_t B, int64_t ry,
                                 int64_t rx)
{
    const int64_t n = v->stride == 2 ? 2 : 1;
    const extent down = extent_of(v, v->H, v->kh, ry, ry + n),
                 right = extent_of(v, v->W, v->kw, rx, rx + n);
    onus_conv_product p = {.ex = ex,
                           .channels = v->K / v->groups,
                           .B = B,
                           .groups = v->groups,
                           .M = v->C / v->groups,
                           .out_H = v->H,
                           .out_W = v->W,
                           .out_step = v->stride,
                           .skips = true,
                           .n_phases = (int)(n * n),
                           .across = n == 2 && v->W % 2 == 0 ? 2 : 1};
    p.f = (onus_frame){.H = v->OH,
                       .W = v->OW,
                       .top = down.top,
                       .left = right.top,
                       .rows = down.rows,
                       .cols = right.rows,
                       .step = 1,
                       .parts = 1};
    for (int i = 0; i < p.n_phases; i++) {
        const residue y = residue_of(v, v->H, ry + i / n), x = residue_of(v, v->W, rx + i % n);
        p.phase[i] = (onus_conv_phase){
            .terms = p.channels * taps_of(v, v->kh, ry + i / n) * taps_of(v, v->kw, rx + i % n),
            .out_y = y.first * v->stride + ry + i / n - v->padding,
            .out_x = x.first * v->stride + rx + i % n - v->padding,
            .runs = {.rows = y.n,
                     .cols = x.n,
                     .row_step = p.f.cols,
                     .start = (p.f.top + y.first - down.reach) * p.f.cols + p.f.left + x.first -
                              right.reach,
                     .example = p.channels * onus_frame_plane(&p.f)},
        };
    }
    onus_conv_product_plan(&p);
    return p;
}

double onus_conv_back_input_macs(const onus_conv *v)
{
    double sum = 0;
    for (int64_t ry = 0; ry < v->stride; ry++)
        for (int64_t rx = 0; rx < v->stride; rx++)
            sum += (double)(residue_of(v, v->H, ry).n * residue_of(v, v->W, rx).n) *
                   (double)(taps_of(v, v->kh, ry) * taps_of(v, v->kw, rx));
    return sum * (double)v->C * (double)(v->K / v->groups);
}

/* Tables of a phase's terms: (output channel, kernel row, column), those that it reads. */
static void back_tables(const onus_conv *v, const onus_conv_product *p, int64_t ry, int64_t rx,
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
    const onus_conv_phase *phase;
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
        float *to = j->out + c * j->phase->terms;
        if (j->phase->terms == K * taps) {
            for (int64_t k = 0; k < K; k++)
                for (int64_t t = 0; t < taps; t++) to[k * taps + t] = w[k * C * taps + t];
            continue;
        }
        for (int64_t n = 0; n < j->phase->terms; n++) {
            const int64_t t = j->phase->place[n];
            to[n] = w[t / taps * C * taps + t % taps];
        }
    }
}

/* Gives a phase its tables and weights, of residue (ry, rx). */
static void make_phase(const onus_exec *ex, const onus_conv *v, const onus_conv_product *p,
                       onus_conv_phase *ph, int64_t ry, int64_t rx, const float *weight,
                       char **at)
{
    int64_t *tap = take(at, 2 * ph->terms), *inner = take(at, 2 * ph->terms),
            *place = take(at, 2 * ph->terms);
    float *A = take(at, v->C * ph->terms);
    back_tables(v, p, ry, rx, tap, inner, place);
    ph->tap = tap;
    ph->inner = inner;
    ph->place = place;
    ph->A = A;
    ph->packed = take(at, onus_conv_packed_floats(p, ph));
    turn_job turn = {.v = v, .weight = weight, .phase = ph, .out = A};
    onus_pool_run(ex->pool, turn_part, &turn);
}

void onus_conv_back_input(const onus_exec *ex, const onus_conv *v, int64_t B, const float *dy,
                          const float *weight, float *dx, void *scratch)
{
    const int64_t n_weights = v->C * (v->K / v->groups) * v->kh * v->kw;
    const int64_t step = v->stride == 2 ? 2 : 1; /* residues of a product, each way */
    onus_conv_rest rest;
    if (B == 0 || onus_conv_lanes(ex, v, true, B, dy, weight, NULL, dx, scratch, &rest)) return;
    const float least = onus_conv_least(ex, weight, n_weights);
    for (int64_t ry = 0; ry < v->stride; ry += step)
        for (int64_t rx = 0; rx < v->stride; rx += step) {
            onus_conv_product p = back_of(ex, v, B, ry, rx);
            char *at = scratch;
            for (int i = 0; i < p.n_phases; i++)
                make_phase(ex, v, &p, &p.phase[i], ry + i / step, rx + i % step, weight, &at);
            p.src = dy;
            p.out = dx;
            p.w_least = least;
            p.work = at;
            onus_conv_product_run(&p);
        }
}

/* ---- scratch ----------------------------------------------------------------------------- */

static size_t product_bytes(const onus_conv_product *p, int tables, bool turned)
{
    size_t bytes = (size_t)onus_pool_size(p->ex->pool) * p->work_bytes;
    for (int i = 0; i < p->n_phases; i++) {
        const onus_conv_phase *ph = &p->phase[i];
        bytes += (size_t)tables * onus_conv_floats_bytes(2 * ph->terms) +
                 onus_conv_floats_bytes(onus_conv_packed_floats(p, ph));
        if (turned) bytes += onus_conv_floats_bytes(p->groups * p->M * ph->terms);
    }
    return bytes;
}

size_t onus_conv_scratch_bytes(const onus_exec *ex, const onus_conv *v, int64_t B)
{
    const onus_conv_product f = forward_of(ex, v, B);
    const int64_t step = v->stride == 2 ? 2 : 1;
    size_t most = product_bytes(&f, 2, false);
    for (int64_t ry = 0; ry < v->stride; ry += step)
        for (int64_t rx = 0; rx < v->stride; rx += step) {
            const onus_conv_product p = back_of(ex, v, B, ry, rx);
            const size_t bytes = product_bytes(&p, 3, true);
            most = bytes > most ? bytes : most;
        }
    const size_t weights = onus_conv_weight_bytes(ex, v, B),
                 lanes = onus_conv_lanes_bytes(ex, v, B);
    most = weights > most ? weights : most;
    return lanes > most ? lanes : most;
}
