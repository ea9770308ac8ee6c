/* SPDX-License-Identifier: Apache-2.0
 * conv_lanes.c - forward and input gradient where a batch fills vectors: lanes are examples, so
 * that a term of a dot is one number of the weight times one whole aligned vector of the
 * image, whatever the kernel, stride and padding. See conv.c for the other way, which is taken
 * where examples are few, and which gives the same bits.
 *
 * Images of a block of examples are transposed to (channel, position, example). A tile of
 * output channels at one position runs through a list of terms; positions at the same distance
 * from the edges (and of the same remainder modulo the stride) share a list. Terms that fall
 * outside are not in it: the input gradient skips them by contract; forward they are zeros that
 * take part, but change nothing while no product is below binary32's grid (conv.c), else the
 * block is left to the other way. */
#include <string.h>

#include "num/conv_parts.h"
#include "num/kernels.h"

enum { SIDE_MAX = 16, CLASSES_MAX = 12, TILE_STEP = 16, PACK_FLOATS = 1 << 13 };
/* Above that many positions the other way's runs are long, and a block of transposed images
 * leaves the second-level cache (measured on Sapphire Rapids: 16 x 16 and 32 x 32 are slower
 * here, 8 x 8 and 4 x 4 faster). The input gradient of a strided convolution, whose runs are
 * shorter, gains a fifth at 16 x 16, too. */
enum { POSITIONS_MAX = 144, STRIDED_MAX = 256 };
enum { STRIP_FLOATS = 1 << 20, IMAGE_FLOATS_MAX = 1 << 24, SLACK = 16 };
#define OUTSIDE INT64_MIN

/* Rows (or columns) of the output by the taps that they read: row y's tap t reads the source's
 * row base[y] + rel[cls[y]][t]. */
typedef struct {
    int n; /* classes */
    int64_t rel[CLASSES_MAX][SIDE_MAX];
    int32_t *cls, *base; /* (rows) */
} axis;

typedef struct {
    const onus_exec *ex;
    const onus_conv *v;
    bool back;
    int64_t B, lanes;
    int64_t channels, M, terms; /* of a group: source's, output's, of a dot */
    int64_t src_h, src_w, out_h, out_w;
    int64_t plane; /* floats from one channel of the transposed image to the next */
    const float *src, *weight, *bias;
    float *out;
    axis y, x;
    int64_t n_blocks, n_cuts, strip;
    float w_least;
    bool *unsafe; /* (n_blocks) */
    char *work;
    size_t work_bytes;
} lanes_job;

typedef struct {
    float *image, *sum, *tile;
    onus_term *list;  /* (classes, 256) */
    int32_t *n_terms; /* (classes) in the list */
    uint8_t *started; /* (classes) a segment with terms has been */
} area;

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t min_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static size_t bytes_of(int64_t n, size_t size)
{
    return ((size_t)n * size + ONUS_CONV_ALIGN - 1) & ~(size_t)(ONUS_CONV_ALIGN - 1);
}

/* ---- which taps -------------------------------------------------------------------------- */

/* Where row y's tap t reads, less the row's base; OUTSIDE: nowhere. */
static int64_t reads(const onus_conv *v, bool back, int64_t y, int64_t t, int64_t src_size,
                     int64_t *base)
{
    const int64_t at = y + v->padding;
    if (!back) {
        *base = y * v->stride - v->padding;
        const int64_t row = *base + t * v->dilation;
        return row < 0 || row >= src_size ? OUTSIDE : t * v->dilation;
    }
    *base = at / v->stride;
    const int64_t from = at - t * v->dilation;
    if (from < 0 || from % v->stride || from / v->stride >= src_size) return OUTSIDE;
    return from / v->stride - *base;
}

/* False where there are too many kinds of rows. */
static bool axis_of(axis *a, const onus_conv *v, bool back, int64_t size, int64_t src_size,
                    int64_t n_taps, int32_t *room)
{
    *a = (axis){.cls = room, .base = room ? room + size : NULL};
    for (int64_t y = 0; y < size; y++) {
        int64_t rel[SIDE_MAX], base = 0;
        for (int64_t t = 0; t < n_taps; t++) rel[t] = reads(v, back, y, t, src_size, &base);
        int c = 0;
        while (c < a->n && memcmp(a->rel[c], rel, (size_t)n_taps * sizeof *rel) != 0) c++;
        if (c == CLASSES_MAX) return false;
        if (c == a->n) memcpy(a->rel[a->n++], rel, (size_t)n_taps * sizeof *rel);
        if (room) {
            a->cls[y] = c;
            a->base[y] = (int32_t)base;
        }
    }
    return true;
}

/* ---- planning ---------------------------------------------------------------------------- */

static size_t area_of(const lanes_job *j, char *at, area *a)
{
    const int64_t classes = (int64_t)j->y.n * j->x.n;
    const size_t size[] = {bytes_of(j->channels * j->plane + SLACK, sizeof(float)),
                           bytes_of(j->M * j->strip * j->lanes, sizeof(float)),
                           bytes_of(PACK_FLOATS, sizeof(float)),
                           bytes_of(classes * ONUS_CONV_SEGMENT, sizeof(onus_term)),
                           bytes_of(classes, sizeof(int32_t)),
                           bytes_of(classes, 1)};
    size_t sum = 0;
    void *to[6] = {NULL};
    for (int i = 0; i < 6; i++) {
        if (at) to[i] = at + sum;
        sum += size[i];
    }
    *a = (area){to[0], to[1], to[2], to[3], to[4], to[5]};
    return sum;
}

/* Tables of rows and columns, and one flag a block, come first in the scratch. */
static size_t table_bytes(const lanes_job *j)
{
    return bytes_of(2 * (j->out_h + j->out_w), sizeof(int32_t)) + bytes_of(j->B, 1);
}

/* False where the other way is better: few examples, large kernels or images, few channels. */
static bool plan(lanes_job *j, const onus_exec *ex, const onus_conv *v, bool back, int64_t B,
                 char *scratch)
{
    const int64_t L = ex->k->gemm_panel, n_threads = onus_pool_size(ex->pool);
    const int64_t in = v->C / v->groups, out = v->K / v->groups;
    *j = (lanes_job){.ex = ex,
                     .v = v,
                     .back = back,
                     .B = B,
                     .lanes = L,
                     .channels = back ? out : in,
                     .M = back ? in : out,
                     .src_h = back ? v->OH : v->H,
                     .src_w = back ? v->OW : v->W,
                     .out_h = back ? v->H : v->OH,
                     .out_w = back ? v->W : v->OW};
    j->terms = j->channels * v->kh * v->kw;
    /* one vector more: planes a power of two apart would share the same few sets of a cache */
    j->plane = (j->src_h * j->src_w + 1) * L;
    j->n_blocks = ceil_div(B, L);
    const int64_t most_positions =
        back && v->stride > 1 && v->kh * v->kw > v->stride * v->stride ? STRIDED_MAX
                                                                       : POSITIONS_MAX;
    if (j->out_h * j->out_w > most_positions || 4 * B < 3 * j->n_blocks * L ||
        v->kh > SIDE_MAX || v->kw > SIDE_MAX || j->M < 4 ||
        j->channels * j->plane > IMAGE_FLOATS_MAX)
        return false;
    int32_t *room = (int32_t *)(void *)scratch;
    if (!axis_of(&j->y, v, back, j->out_h, j->src_h, v->kh, room) ||
        !axis_of(&j->x, v, back, j->out_w, j->src_w, v->kw, room ? room + 2 * j->out_h : NULL))
        return false;
    j->n_cuts = j->n_blocks * v->groups % n_threads == 0 ? 1 : min_of(n_threads, j->M);
    j->strip = STRIP_FLOATS / (j->M * L) / 8 * 8;
    if (j->strip < 8) j->strip = 8;
    j->strip = min_of(j->strip, j->out_h * j->out_w);
    area none;
    j->work_bytes = area_of(j, NULL, &none);
    if (!scratch) return true;
    j->unsafe = (bool *)(scratch + bytes_of(2 * (j->out_h + j->out_w), sizeof(int32_t)));
    j->work = scratch + table_bytes(j);
    return true;
}

size_t onus_conv_lanes_bytes(const onus_exec *ex, const onus_conv *v, int64_t B)
{
    size_t most = 0;
    for (int back = 0; back < 2; back++) {
        lanes_job j;
        /* fewer examples than B may take this way where B does not */
        if (!plan(&j, ex, v, back, ceil_div(B, ex->k->gemm_panel) * ex->k->gemm_panel, NULL))
            continue;
        const size_t bytes = table_bytes(&j) + (size_t)onus_pool_size(ex->pool) * j.work_bytes;
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* ---- one block --------------------------------------------------------------------------- */

/* A plane of nb examples. Eight at a time: examples may be a power of two apart, so that more
 * of them would push each other out of the caches. */
static void transpose_plane(const lanes_job *j, const float *src, int64_t nb, float *to)
{
    enum { POSITIONS = 128 };
    const int64_t P = j->src_h * j->src_w, ld = j->v->groups * j->channels * P;
    for (int64_t p = 0; p < P; p += POSITIONS)
        for (int64_t e = 0; e < nb; e += 8)
            j->ex->k->gemm_transpose(src + e * ld + p, ld, min_of(8, nb - e),
                                     min_of(POSITIONS, P - p), to + p * j->lanes + e, j->lanes);
}

/* Examples [b0, b0 + nb) of group g to (channel, position, example). False where a product
 * with the smallest weight may be below the grid. */
static bool transpose_images(const lanes_job *j, const area *a, int64_t g, int64_t b0,
                             int64_t nb)
{
    const onus_kernels *k = j->ex->k;
    const int64_t P = j->src_h * j->src_w, L = j->lanes,
                  of_example = j->v->groups * j->channels * P;
    uint32_t low = UINT32_MAX, most;
    float least;
    for (int64_t c = 0; c < j->channels; c++) {
        float *to = a->image + c * j->plane;
        if (nb < L) memset(to, 0, (size_t)(P * L) * sizeof *to);
        transpose_plane(j, j->src + b0 * of_example + (g * j->channels + c) * P, nb, to);
        if (j->back) continue;
        if (nb % 8) /* numbers of no example */
            for (int64_t p = 0; p < P; p++)
                memset(to + p * L + nb, 0, (size_t)(L - nb) * sizeof *to);
        const uint32_t here = k->least(to, P * L, &most);
        low = here < low ? here : low;
    }
    if (j->back) return true;
    if (low == UINT32_MAX) return j->w_least > 0.0f;
    low += 1;
    memcpy(&least, &low, sizeof least);
    return (double)j->w_least * (double)least >= 0x1p-101;
}

/* The terms [s0, s1) that each class of positions has. a counts from the segment's first whole
 * channel. */
static void list_terms(const lanes_job *j, const area *a, int64_t s0, int64_t s1)
{
    const int64_t taps = j->v->kh * j->v->kw, first = s0 / taps * taps;
    for (int y = 0; y < j->y.n; y++)
        for (int x = 0; x < j->x.n; x++) {
            const int at = y * j->x.n + x;
            onus_term *list = a->list + at * ONUS_CONV_SEGMENT;
            int32_t n = 0;
            for (int64_t t = s0; t < s1; t++) {
                const int64_t dy = j->y.rel[y][t % taps / j->v->kw],
                              dx = j->x.rel[x][t % j->v->kw];
                if (dy == OUTSIDE || dx == OUTSIDE) continue;
                const int64_t from = t / taps * j->plane + (dy * j->src_w + dx) * j->lanes;
                list[n++] = (onus_term){(int32_t)((t - first) * TILE_STEP), (int32_t)from};
            }
            a->n_terms[at] = n;
        }
}

/* Weights of rows [m, m + rows), terms from the first whole channel of s0 to s1: term by term,
 * TILE_STEP apart. */
static void pack_tile(const lanes_job *j, const area *a, int64_t g, int64_t m, int64_t rows,
                      int64_t s0, int64_t s1)
{
    const onus_kernels *k = j->ex->k;
    const int64_t taps = j->v->kh * j->v->kw, first = s0 / taps * taps;
    if (!j->back) {
        k->gemm_transpose(j->weight + (g * j->M + m) * j->terms + first, j->terms, rows,
                          s1 - first, a->tile, TILE_STEP);
        return;
    }
    for (int64_t c = s0 / taps; c * taps < s1; c++) /* of dy */
        k->gemm_transpose(j->weight + ((g * j->channels + c) * j->M + m) * taps, taps, rows,
                          taps, a->tile + (c * taps - first) * TILE_STEP, TILE_STEP);
}

/* A tile of rows at positions [q0, q1) over one segment. */
static void run_tile(const lanes_job *j, const area *a, float *sum, int64_t rows, int64_t q0,
                     int64_t q1)
{
    const int64_t L = j->lanes, ldc = j->strip * L;
    for (int64_t q = q0; q < q1; q++, sum += L) {
        const int64_t y = q / j->out_w, x = q % j->out_w;
        const int at = j->y.cls[y] * j->x.n + j->x.cls[x];
        if (a->n_terms[at] == 0) continue;
        const int64_t base = ((int64_t)j->y.base[y] * j->src_w + (int64_t)j->x.base[x]) * L;
        const onus_listed l = {.a = a->tile,
                               .b = a->image + base,
                               .a_row = 1,
                               .a_three = 3,
                               .b_next = L / 2,
                               .list = a->list + at * ONUS_CONV_SEGMENT,
                               .n = a->n_terms[at],
                               .c = sum,
                               .c_row = ldc,
                               .c_next = L / 2,
                               .first = !a->started[at]};
        j->ex->k->gemm_listed(&l, (int)rows, 2);
    }
}

/* The sums of positions [q0, q1), rows [m0, m1), to their examples; the bias is added. */
static void put(const lanes_job *j, const area *a, int64_t g, int64_t b0, int64_t nb,
                int64_t m0, int64_t m1, int64_t q0, int64_t q1)
{
    const onus_kernels *k = j->ex->k;
    const int64_t L = j->lanes, P = j->out_h * j->out_w, n = q1 - q0,
                  of_example = j->v->groups * j->M * P;
    for (int64_t m = m0; m < m1; m++) {
        const int64_t channel = g * j->M + m;
        const float *sum = a->sum + (m - m0) * j->strip * L;
        float *out = j->out + b0 * of_example + channel * P + q0;
        int64_t q = 0;
        for (int64_t w; q + 8 <= n; q += w) {
            w = min_of(L, (n - q) / 8 * 8);
            k->gemm_transpose(sum + q * L, L, w, nb, out + q, of_example);
        }
        for (; q < n; q++)
            for (int64_t e = 0; e < nb; e++) out[e * of_example + q] = sum[q * L + e];
        if (!j->bias) continue;
        for (int64_t e = 0; e < nb; e++)
            for (int64_t i = 0; i < n; i++)
                out[e * of_example + i] = out[e * of_example + i] + j->bias[channel];
    }
}

/* Positions that no term has reached: +0. */
static void clear(const lanes_job *j, const area *a, int64_t rows, int64_t q0, int64_t q1)
{
    for (int64_t q = q0; q < q1; q++)
        if (!a->started[j->y.cls[q / j->out_w] * j->x.n + j->x.cls[q % j->out_w]])
            for (int64_t i = 0; i < rows; i++)
                memset(a->sum + (i * j->strip + q - q0) * j->lanes, 0,
                       (size_t)j->lanes * sizeof(float));
}

static void run_strip(const lanes_job *j, const area *a, int64_t g, int64_t m0, int64_t m1,
                      int64_t q0, int64_t q1)
{
    const int64_t n_tiles = ceil_div(m1 - m0, j->ex->k->gemm_rows), classes = j->y.n * j->x.n;
    memset(a->started, 0, (size_t)classes);
    for (int64_t s = 0; s < j->terms; s += ONUS_CONV_SEGMENT) {
        const int64_t end = min_of(s + ONUS_CONV_SEGMENT, j->terms);
        list_terms(j, a, s, end);
        for (int64_t t = 0; t < n_tiles; t++) {
            int64_t from, to;
            onus_split(m1 - m0, 1, (int)t, (int)n_tiles, &from, &to);
            pack_tile(j, a, g, m0 + from, to - from, s, end);
            run_tile(j, a, a->sum + from * j->strip * j->lanes, to - from, q0, q1);
        }
        for (int64_t c = 0; c < classes; c++)
            if (a->n_terms[c] > 0) a->started[c] = 1;
    }
    clear(j, a, m1 - m0, q0, q1);
}

static void run_part(void *ctx, int part, int n_parts)
{
    lanes_job *j = ctx;
    area a;
    area_of(j, j->work + (size_t)part * j->work_bytes, &a);
    int64_t begin, end;
    onus_split(j->v->groups * j->n_blocks * j->n_cuts, 1, part, n_parts, &begin, &end);
    for (int64_t t = begin; t < end; t++) {
        const int64_t block = t / j->n_cuts % j->n_blocks, g = t / j->n_cuts / j->n_blocks,
                      b0 = block * j->lanes, nb = min_of(j->lanes, j->B - b0),
                      P = j->out_h * j->out_w;
        int64_t m0, m1;
        onus_split(j->M, 1, (int)(t % j->n_cuts), (int)j->n_cuts, &m0, &m1);
        if (m0 >= m1) continue;
        if (!transpose_images(j, &a, g, b0, nb)) {
            /* every part of the block finds the same: */
            __atomic_store_n(&j->unsafe[block], true, __ATOMIC_RELAXED);
            continue;
        }
        for (int64_t q = 0; q < P; q += j->strip) {
            const int64_t to = min_of(q + j->strip, P);
            run_strip(j, &a, g, m0, m1, q, to);
            put(j, &a, g, b0, nb, m0, m1, q, to);
        }
    }
}

typedef struct {
    const onus_kernels *k;
    const float *w;
    int64_t n;
    uint32_t low[ONUS_THREADS_MAX], most[ONUS_THREADS_MAX];
} least_job;

static void least_part(void *ctx, int part, int n_parts)
{
    least_job *j = ctx;
    int64_t begin, end;
    onus_split(j->n, 16, part, n_parts, &begin, &end);
    j->low[part] = j->k->least(j->w + begin, end - begin, &j->most[part]);
}

float onus_conv_least(const onus_exec *ex, const float *w, int64_t n)
{
    least_job j = {.k = ex->k, .w = w, .n = n};
    const int n_parts = n < 1 << 15 ? 1 : onus_pool_size(ex->pool);
    uint32_t least = UINT32_MAX, most = 0;
    float x;
    if (n_parts == 1)
        least_part(&j, 0, 1);
    else
        onus_pool_run(ex->pool, least_part, &j);
    for (int i = 0; i < n_parts; i++) {
        least = j.low[i] < least ? j.low[i] : least;
        most = j.most[i] > most ? j.most[i] : most;
    }
    if (most >= 0x7f800000u) return 0.0f;
    least = least == UINT32_MAX ? 0x7f7fffffu : least + 1; /* zeros alone: any product is 0 */
    memcpy(&x, &least, sizeof x);
    return x;
}

bool onus_conv_lanes(const onus_exec *ex, const onus_conv *v, bool back, int64_t B,
                     const float *src, const float *weight, const float *bias, float *out,
                     void *scratch, onus_conv_rest *rest)
{
    lanes_job j;
    if (B == 0 || !plan(&j, ex, v, back, B, scratch)) return false;
    j.src = src;
    j.weight = weight;
    j.bias = bias;
    j.out = out;
    if (j.unsafe) memset(j.unsafe, 0, (size_t)j.n_blocks);
    if (!back)
        j.w_least = onus_conv_least(ex, weight, v->K * (v->C / v->groups) * v->kh * v->kw);
    onus_pool_run(ex->pool, run_part, &j);
    /* blocks that the other way must take; it works in the same scratch */
    rest->n = 0;
    for (int64_t b = 0; b < j.n_blocks; b++) {
        if (!j.unsafe[b]) continue;
        const int64_t from = b * j.lanes, to = min_of(from + j.lanes, B);
        if (rest->n == 0) rest->begin = from;
        rest->end = to;
        rest->n++;
    }
    return true;
}
