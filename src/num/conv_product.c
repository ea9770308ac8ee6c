/* SPDX-License-Identifier: Apache-2.0
 * conv_product.c - the product that a convolution's forward pass and its input gradient are
 * (num/conv_parts.h). A block of examples is padded into a copy that the second-level cache
 * holds; register tiles then take their columns out of it in one of three ways:
 *
 * - in place: a vector is neighbours in a row of positions, and a term of the dot is a distance
 * from them (a list of distances a segment), so that nothing else is copied. Rows that fill no
 * whole vectors waste lanes; where the kernel moves by single steps, vectors may run over the
 * rows' ends instead, and what they make of the padding is dropped;
 *
 * - packed: columns are copied into panels first, which costs an eighth of the time for 64
 * rows, but leaves no gaps: for short rows;
 *
 * - skipping, where zeros may not stand in for absent terms (conv.c). */
#include <string.h>

#include "num/conv_parts.h"
#include "num/kernels.h"

/* Positions at a time; numbers that may be read behind a copy's end; columns of a panel. */
enum { COLUMNS = 512, SLACK = 16, PANEL_MAX = 32, LANES_MIN = 4 };

typedef onus_conv_product product;
typedef onus_conv_phase phase;

/* A run of results to its place in the output. */
typedef struct {
    int64_t from, to, n;
} span;

/* What a thread works in. */
typedef struct {
    float *padded, *plane, *panels, *temp, *started;
    onus_piece *piece;
    span *spans;
} area;

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t min_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

size_t onus_conv_floats_bytes(int64_t n)
{
    return ((size_t)n * sizeof(float) + ONUS_CONV_ALIGN - 1) & ~(size_t)(ONUS_CONV_ALIGN - 1);
}

/* ---- planning ---------------------------------------------------------------------------- */

/* Sizes, and pointers where at is not NULL. */
static size_t area_of(const product *p, int64_t n_together, char *at, area *a)
{
    const int64_t plane = onus_frame_plane(&p->f);
    const size_t size[] = {onus_conv_floats_bytes(n_together * p->channels * plane + SLACK),
                           onus_conv_floats_bytes(plane + SLACK),
                           onus_conv_floats_bytes(COLUMNS * ONUS_CONV_SEGMENT + SLACK),
                           onus_conv_floats_bytes(p->across * p->M * COLUMNS),
                           onus_conv_floats_bytes(COLUMNS),
                           PANEL_MAX * sizeof(onus_piece),
                           (COLUMNS + 1) * sizeof(span)};
    size_t sum = 0;
    void *to[7] = {NULL};
    for (int i = 0; i < 7; i++) {
        if (at) to[i] = at + sum;
        sum += size[i];
    }
    *a = (area){to[0], to[1], to[2], to[3], to[4], to[5], to[6]};
    return sum;
}

/* Positions of an example in place, whole vectors; 0 where packing is cheaper. */
static void place(const product *p, phase *ph)
{
    const onus_runs *r = &ph->runs;
    const int64_t L = p->ex->k->gemm_panel / 2, P = r->rows * r->cols;
    const int64_t by_rows = r->rows * ceil_div(r->cols, L) * L,
                  over_ends = ceil_div((r->rows - 1) * r->row_step + r->cols, L) * L;
    ph->pitch = 0;
    if (P == 0 || p->channels * onus_frame_plane(&p->f) > INT32_MAX) return;
    ph->pitch = ceil_div(r->cols, L) * L;
    ph->in_place = by_rows;
    if (p->f.step == 1 && over_ends < by_rows) {
        ph->pitch = r->row_step;
        ph->in_place = over_ends;
    }
    /* packing costs about as much as half a vector of rows more would (Sapphire Rapids) */
    if (ph->in_place * p->M > P * (p->M + L / 2) || 4 * ph->in_place > 5 * P) ph->in_place = 0;
}

/* How examples and rows are shared out: so that every thread has as many blocks. work_bytes is
 * enough for fewer examples, too. */
void onus_conv_product_plan(product *p)
{
    const int64_t n_threads = onus_pool_size(p->ex->pool);
    int64_t P = 0;
    for (int i = 0; i < p->n_phases; i++) {
        place(p, &p->phase[i]);
        P += p->phase[i].runs.rows * p->phase[i].runs.cols;
    }
    p->n_together = P > 0 && P <= COLUMNS / 2 ? COLUMNS / P : 1;
    if (p->n_together > p->B && p->B > 0) p->n_together = p->B;
    p->together_max = p->n_together;
    area none;
    p->work_bytes = area_of(p, p->n_together, NULL, &none);
    p->n_blocks = ceil_div(p->B, p->n_together);
    if (p->groups < n_threads) p->n_blocks = ceil_div(p->n_blocks, n_threads) * n_threads;
    p->n_blocks = min_of(p->n_blocks, p->B);
    p->n_together = p->n_blocks > 0 ? ceil_div(p->B, p->n_blocks) : 1;
    p->n_blocks = p->n_together > 0 ? ceil_div(p->B, p->n_together) : 0;
    p->n_tiles = ceil_div(p->M, p->ex->k->gemm_rows);
    p->n_cuts = 1;
    if (p->n_blocks * p->groups < n_threads && p->n_blocks > 0)
        p->n_cuts = min_of(ceil_div(n_threads, p->n_blocks * p->groups), p->n_tiles);
}

/* Numbers of a term in a packed tile of rows. */
static int64_t tile_step(const product *p)
{
    return (p->ex->k->gemm_rows + 7) / 8 * 8;
}

/* ---- weights, packed --------------------------------------------------------------------- */

int64_t onus_conv_packed_floats(const product *p, const phase *ph)
{
    return ph->in_place ? p->groups * p->n_tiles * ph->terms * tile_step(p) : 0;
}

static void pack_part(void *ctx, int part, int n_parts)
{
    const product *p = ctx;
    int64_t begin, end;
    onus_split(p->groups * p->n_tiles, 1, part, n_parts, &begin, &end);
    for (int i = 0; i < p->n_phases; i++) {
        const phase *ph = &p->phase[i];
        for (int64_t t = begin; ph->in_place && t < end; t++) {
            int64_t m0, m1;
            onus_split(p->M, 1, (int)(t % p->n_tiles), (int)p->n_tiles, &m0, &m1);
            p->ex->k->gemm_transpose(ph->A + (t / p->n_tiles * p->M + m0) * ph->terms,
                                     ph->terms, m1 - m0, ph->terms,
                                     ph->packed + t * ph->terms * tile_step(p), tile_step(p));
        }
    }
}

/* ---- columns of the product -------------------------------------------------------------- */

/* The term after the segment that term k lies in. */
static int64_t segment_end(const phase *ph, int64_t k)
{
    const int64_t segment = ph->place[k] / ONUS_CONV_SEGMENT;
    int64_t end = k + 1;
    while (end < ph->terms && ph->place[end] / ONUS_CONV_SEGMENT == segment) end++;
    return end;
}

/* A block of the product: rows [m0, m1) of group g, whole tiles; examples from b0 on. */
typedef struct {
    const product *p;
    const area *a;
    int64_t g, m0, m1, t0, t1, b0, nb;
    const float *ahead, *ahead_end; /* what the next block reads, and its lines a tile */
    int64_t ahead_lines;
} block;

/* Columns [j, j + n) of a block into C: row i, column j + x at C[i * ldc + at(x)]. */
typedef struct {
    int64_t j, n;
    float *C;
    int64_t ldc;
} strip;

/* Columns, terms [k, k + kb) of the second operand into panels. */
static void pack(const product *p, const float *src, const int64_t *row_at, const strip *s,
                 int64_t k, int64_t kb, const onus_runs *runs, onus_piece *piece, float *panels)
{
    const onus_kernels *kernels = p->ex->k;
    const int64_t panel = kernels->gemm_panel;
    for (int64_t at = 0; at < s->n; at += panel) {
        const int64_t n_pieces =
            onus_frame_pieces(runs, s->j + at, min_of(panel, s->n - at), piece);
        kernels->copy_pieces(src, row_at + k, kb, piece, n_pieces, onus_frame_unit(runs->cols),
                             panels + at * kb, panel);
    }
}

static void columns_packed(const block *b, const phase *ph, const strip *s)
{
    const product *p = b->p;
    for (int64_t k = 0, end; k < ph->terms; k = end) {
        end = segment_end(ph, k);
        pack(p, b->a->padded, ph->tap, s, k, end - k, &ph->runs, b->a->piece, b->a->panels);
        p->ex->k->gemm_panels(ph->A + (b->g * p->M + b->m0) * ph->terms + k, ph->terms,
                              b->a->panels, b->m1 - b->m0, s->n, end - k, s->C, s->ldc, k == 0);
    }
}

/* The same, absent terms skipped. */
static void columns_skipping(const block *b, const phase *ph, const strip *s)
{
    const product *p = b->p;
    const area *a = b->a;
    const int64_t rows = b->m1 - b->m0;
    float *mask = a->panels + COLUMNS / 2 * ONUS_CONV_SEGMENT;
    onus_runs one = ph->runs;
    one.example = 0; /* the plane is every example's */
    memset(a->started, 0, (size_t)s->n * sizeof *a->started);
    for (int64_t i = 0; i < rows; i++)
        memset(s->C + i * s->ldc, 0, (size_t)s->n * sizeof *s->C);
    for (int64_t k = 0, end; k < ph->terms; k = end) {
        end = segment_end(ph, k);
        pack(p, a->padded, ph->tap, s, k, end - k, &ph->runs, a->piece, a->panels);
        pack(p, a->plane, ph->inner, s, k, end - k, &one, a->piece, mask);
        p->ex->k->skip_panels(ph->A + (b->g * p->M + b->m0) * ph->terms + k, ph->terms,
                              a->panels, mask, rows, s->n, end - k, s->C, s->ldc, a->started);
    }
}

/* Where a vector is read, and where written. */
typedef struct {
    int64_t from, to;
} vector;

static int64_t list_vectors(const block *b, const phase *ph, const strip *s, bool direct,
                            vector *out)
{
    const product *p = b->p;
    const int64_t L = p->ex->k->gemm_panel / 2,
                  of_example = p->groups * p->M * p->out_H * p->out_W;
    for (int64_t x = 0; x < s->n; x += L) {
        const int64_t e = (s->j + x) / ph->in_place, q = (s->j + x) % ph->in_place;
        out[x / L] = (vector){e * ph->runs.example + ph->runs.start +
                                  q / ph->pitch * ph->runs.row_step + q % ph->pitch,
                              direct ? e * of_example + q : x};
    }
    return s->n / L;
}

/* Asks for some of what the next block will copy, so that it comes from memory meanwhile. */
static void fetch_ahead(block *b)
{
    for (int64_t i = 0; i < b->ahead_lines && b->ahead < b->ahead_end; i++, b->ahead += 16)
        __builtin_prefetch(b->ahead, 0, 2);
}

/* direct: C is the output from the block's first position on. */
static void columns_in_place(block *b, const phase *ph, const strip *s, bool direct)
{
    const product *p = b->p;
    const int64_t step = tile_step(p);
    onus_term list[ONUS_CONV_SEGMENT];
    vector v[COLUMNS / LANES_MIN];
    const int64_t n_vectors = list_vectors(b, ph, s, direct, v);
    for (int64_t k = 0, end; k < ph->terms; k = end) {
        end = segment_end(ph, k);
        for (int64_t i = 0; i < end - k; i++)
            list[i] = (onus_term){(int32_t)(i * step), (int32_t)ph->tap[k + i]};
        onus_listed l = {.a_row = 1, .a_three = 3, .list = list, .n = end - k, .c_row = s->ldc};
        l.first = k == 0;
        for (int64_t t = b->t0; t < b->t1; t++) {
            int64_t m0, m1;
            onus_split(p->M, 1, (int)t, (int)p->n_tiles, &m0, &m1);
            l.a = ph->packed + ((b->g * p->n_tiles + t) * ph->terms + k) * step;
            for (int64_t i = 0; i < n_vectors; i += 2) {
                const bool two = i + 1 < n_vectors;
                l.b = b->a->padded + v[i].from;
                l.b_next = two ? v[i + 1].from - v[i].from : 0;
                l.c = s->C + (m0 - b->m0) * s->ldc + v[i].to;
                l.c_next = two ? v[i + 1].to - v[i].to : 0;
                fetch_ahead(b);
                p->ex->k->gemm_listed(&l, (int)(m1 - m0), two ? 2 : 1);
            }
        }
    }
}

/* ---- results to their places ------------------------------------------------------------- */

/* Runs of columns [j, j + n), `all` of an example, in rows of `pitch`; from the output of
 * channel 0 of the block's first example. */
static int64_t list_spans(const product *p, const phase *ph, const strip *s, int64_t all,
                          int64_t pitch, span *out)
{
    const int64_t of_example = p->groups * p->M * p->out_H * p->out_W;
    int64_t e = s->j / all, q = s->j % all, y = q / pitch, x = q % pitch, n_spans = 0;
    for (int64_t at = 0, len; at < s->n; at += len) {
        len = min_of(min_of(pitch - x, all - q), s->n - at);
        if (y < ph->runs.rows && x < ph->runs.cols)
            out[n_spans++] = (span){at,
                                    e * of_example + (ph->out_y + y * p->out_step) * p->out_W +
                                        ph->out_x + x * p->out_step,
                                    min_of(len, ph->runs.cols - x)};
        q += len;
        x += len;
        if (q == all) {
            e++;
            q = y = x = 0;
        } else if (x == pitch) {
            y++;
            x = 0;
        }
    }
    return n_spans;
}

/* A channel's spans. row may be where they go. */
static void put_row(const product *p, const span *spans, int64_t n_spans, const float *row,
                    int64_t channel, float *out)
{
    const int64_t step = p->out_step;
    for (int64_t i = 0; i < n_spans; i++) {
        const float *from = row + spans[i].from;
        float *to = out + spans[i].to;
        const int64_t n = spans[i].n;
        if (p->bias)
            for (int64_t x = 0; x < n; x++) to[x * step] = from[x] + p->bias[channel];
        else if (step == 1)
            memcpy(to, from, (size_t)n * sizeof *to);
        else
            for (int64_t x = 0; x < n; x++) to[x * step] = from[x];
    }
}

/* Two phases, columns of which take turns. */
static void put_both(const span *spans, int64_t n_spans, const float *even, const float *odd,
                     float *out)
{
    for (int64_t i = 0; i < n_spans; i++) {
        const float *a = even + spans[i].from, *b = odd + spans[i].from;
        float *to = out + spans[i].to;
        for (int64_t x = 0; x < spans[i].n; x++) {
            to[2 * x] = a[x];
            to[2 * x + 1] = b[x];
        }
    }
}

/* The sums of a strip, in temp, one after the other for the phases side by side. */
static void put(const block *b, const phase *ph, const strip *s, int64_t all, int64_t pitch)
{
    const product *p = b->p;
    const int64_t plane = p->out_H * p->out_W;
    const phase *first = p->across == 2 && ph[1].out_x < ph->out_x ? ph + 1 : ph;
    const float *even = s->C + (first - ph) * p->M * COLUMNS,
                *odd = s->C + (ph + 1 - first) * p->M * COLUMNS;
    const int64_t n_spans = list_spans(p, first, s, all, pitch, b->a->spans);
    for (int64_t i = 0; i < b->m1 - b->m0; i++) {
        const int64_t channel = b->g * p->M + b->m0 + i;
        float *out = p->out + (b->b0 * p->groups * p->M + channel) * plane;
        if (p->across == 2)
            put_both(b->a->spans, n_spans, even + i * s->ldc, odd + i * s->ldc, out);
        else
            put_row(p, b->a->spans, n_spans, s->C + i * s->ldc, channel, out);
    }
}

static void add_bias(const block *b, int64_t P)
{
    const product *p = b->p;
    for (int64_t e = b->b0; e < b->b0 + b->nb; e++)
        for (int64_t m = b->g * p->M + b->m0; m < b->g * p->M + b->m1; m++) {
            float *out = p->out + (e * p->groups * p->M + m) * P;
            for (int64_t x = 0; x < P; x++) out[x] = out[x] + p->bias[m];
        }
}

/* ---- blocks ------------------------------------------------------------------------------ */

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

/* A plane with ones where the source is. */
static void make_mask(const product *p, const area *a)
{
    const onus_frame *f = &p->f;
    float *to = a->plane;
    for (int64_t r = 0; r < f->rows; r++)
        for (int64_t q = 0; q < f->parts; q++)
            for (int64_t c = 0; c < f->cols; c++) {
                const int64_t y = r - f->top, x = c * f->step + q - f->left;
                *to++ = y >= 0 && y < f->H && x >= 0 && x < f->W ? 1.0f : 0.0f;
            }
}

/* Phases side by side (p->across of them), which have the same positions. */
static void run_phases(block *b, const phase *ph, bool plain)
{
    const product *p = b->p;
    const int64_t P = ph->runs.rows * ph->runs.cols;
    const bool in_place = plain && ph->in_place;
    const int64_t all = in_place ? ph->in_place : P,
                  pitch = in_place ? ph->pitch : ph->runs.cols;
    const bool direct = p->n_phases == 1 && p->out_step == 1 && all == P &&
                        p->out_W == ph->runs.cols && (in_place || b->nb == 1);
    const int64_t most = plain ? COLUMNS : COLUMNS / 2;
    for (strip s = {.j = 0}; s.j < b->nb * all; s.j += s.n) {
        s.n = min_of(most, b->nb * all - s.j);
        for (int i = 0; i < p->across; i++) {
            s.C = b->a->temp + i * p->M * COLUMNS;
            s.ldc = COLUMNS;
            if (direct) {
                s.C = p->out + (b->b0 * p->groups * p->M + b->g * p->M + b->m0) * P +
                      (in_place ? 0 : s.j);
                s.ldc = P;
            }
            if (ph[i].terms == 0)
                memset(s.C, 0, (size_t)(p->M * COLUMNS) * sizeof *s.C);
            else if (in_place)
                columns_in_place(b, ph + i, &s, direct);
            else
                (plain ? columns_packed : columns_skipping)(b, ph + i, &s);
        }
        s.C = b->a->temp;
        if (!direct) put(b, ph, &s, all, pitch);
    }
    if (direct && p->bias) add_bias(b, P);
}

/* What the block behind this one will copy, spread over this one's tiles. */
static void plan_ahead(block *b)
{
    const product *p = b->p;
    const int64_t L = p->ex->k->gemm_panel / 2, of_group = p->channels * p->f.H * p->f.W;
    int64_t calls = 1;
    for (int i = 0; i < p->n_phases; i++)
        calls += ceil_div(p->phase[i].terms, ONUS_CONV_SEGMENT) * (b->t1 - b->t0) *
                 (b->nb * p->phase[i].in_place / (2 * L));
    const int64_t next = b->b0 + b->nb;
    b->ahead = b->ahead_end = p->src;
    if (p->groups > 1 || next >= p->B) return;
    b->ahead = p->src + next * of_group;
    b->ahead_end = b->ahead + min_of(b->nb, p->B - next) * of_group;
    b->ahead_lines = ceil_div(b->ahead_end - b->ahead, 16 * calls);
}

static void run_block(block *b)
{
    const product *p = b->p;
    const int64_t plane = onus_frame_plane(&p->f), of_group = p->channels * p->f.H * p->f.W;
    for (int64_t e = 0; e < b->nb; e++)
        p->ex->k->pad(&p->f, p->src + ((b->b0 + e) * p->groups + b->g) * of_group, p->channels,
                      b->a->padded + e * p->channels * plane);
    const bool plain = zeros_will_do(p, b->a, b->nb);
    if (!plain) make_mask(p, b->a);
    plan_ahead(b);
    for (int i = 0; i < p->n_phases; i += p->across) run_phases(b, p->phase + i, plain);
}

static void run_part(void *ctx, int part, int n_parts)
{
    const product *p = ctx;
    area a;
    area_of(p, p->together_max, p->work + (size_t)part * p->work_bytes, &a);
    int64_t begin, end;
    onus_split(p->groups * p->n_blocks * p->n_cuts, 1, part, n_parts, &begin, &end);
    for (int64_t t = begin; t < end; t++) {
        const int64_t nth = t / p->n_cuts % p->n_blocks;
        block b = {.p = p, .a = &a, .g = t / p->n_cuts / p->n_blocks};
        int64_t b1, none;
        onus_split(p->B, 1, (int)nth, (int)p->n_blocks, &b.b0, &b1);
        onus_split(p->n_tiles, 1, (int)(t % p->n_cuts), (int)p->n_cuts, &b.t0, &b.t1);
        b.nb = b1 - b.b0;
        if (b.nb == 0 || b.t0 >= b.t1) continue;
        onus_split(p->M, 1, (int)b.t0, (int)p->n_tiles, &b.m0, &none);
        onus_split(p->M, 1, (int)b.t1 - 1, (int)p->n_tiles, &none, &b.m1);
        run_block(&b);
    }
}

/* Below this many multiply-adds waking a thread costs more than it saves (gemm.c). */
#define MACS_ALONE 50000

void onus_conv_product_run(product *p)
{
    double macs = 0;
    for (int i = 0; i < p->n_phases; i++)
        macs += (double)(p->B * p->groups * p->M) *
                (double)(p->phase[i].runs.rows * p->phase[i].runs.cols) *
                (double)p->phase[i].terms;
    if (macs < MACS_ALONE) {
        pack_part(p, 0, 1);
        run_part(p, 0, 1);
        return;
    }
    onus_pool_run(p->ex->pool, pack_part, p);
    onus_pool_run(p->ex->pool, run_part, p);
}
