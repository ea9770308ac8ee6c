/* SPDX-License-Identifier: Apache-2.0
 * recurrent.c - the steps of lstm and gru, and the sums behind them.
 *
 * W x + b of all positions is one product. U h + b' is one a step; threads share the examples,
 * not a step: each runs all steps of its own, so that nobody waits for anybody at every step.
 * Examples are dealt out by falling length: those that still run are the first of a thread's,
 * and every thread has its share of long ones.
 *
 * A sequence's length is the number of its tokens that are not below 0; positions behind it are
 * absent: the output there is +0 and no step takes place. In the sums of gradients an absent
 * position takes part as zeros, as an example that is left out does: so they are products over
 * all B T rows, whatever is absent (contract, item 8).
 *
 * Kept of a position: the cell's blocks, then four blocks of dz, which the way back leaves for
 * the products; and, in the first row of an example, what is known of it. */
#include "op/recurrent.h"

#include <math.h>
#include <string.h>

#include "num/gemm.h"
#include "num/kernels.h"
#include "op/tokens.h"

enum { HIDDEN, REVERSE };
enum { W_IH, W_HH, B_IH, B_HH };

const onus_attr_def onus_recurrent_attrs[2] = {
    {"hidden", ONUS_ATTR_INT, 1, 1, 1 << 20, "numbers of the state and of an output"},
    {"reverse", ONUS_ATTR_INT, 0, 0, 1, "1: from the last position that is there to the first"},
};

/* Who made the dz that stands in an example's rows. In training weighted_grad comes before
 * backward, which finds it done; in private training it comes last, with other output
 * gradients, and makes it again. */
enum { NOBODY, BACKWARD, WEIGHTED_GRAD };

/* In the first row of an example, behind its blocks. */
typedef struct {
    int64_t length, dz_by;
} example;
enum { PAD = 64 / sizeof(float) };

typedef struct {
    int64_t T, n, h, units; /* units: gates h, rows of the weights */
    int64_t dz, row;        /* floats: where dz begins, how long a row is */
} dims;

static dims dims_of(const onus_cell *cell, const onus_attr *attr, const onus_shape in[])
{
    const int64_t h = attr[HIDDEN].i;
    return (dims){.T = in[0].d[0],
                  .n = in[0].d[1],
                  .h = h,
                  .units = cell->gates * h,
                  .dz = cell->kept * h,
                  .row = (cell->kept + 4) * h + PAD};
}

/* ---- what the table asks for ------------------------------------------------------------- */

onus_status onus_recurrent_shape(const char *name, const onus_attr *attr, const onus_shape in[],
                                 int n_in, onus_shape *out, onus_err *err)
{
    const onus_status st = onus_check_sequence(name, in, n_in, err);
    if (st != ONUS_OK) return st;
    *out = (onus_shape){.n = 2, .d = {in[0].d[0], attr[HIDDEN].i}};
    return ONUS_OK;
}

int onus_recurrent_params(const onus_cell *cell, const onus_attr *attr, const onus_shape in[],
                          onus_param_def out[ONUS_PARAM_MAX])
{
    static const char *const names[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    const dims d = dims_of(cell, attr, in);
    const onus_shape shapes[] = {{2, {d.units, d.n}}, {2, {d.units, d.h}}, {1, {d.units}}};
    for (int k = 0; k < 4; k++)
        out[k] = (onus_param_def){.name = names[k],
                                  .shape = shapes[k < B_IH ? k : B_IH],
                                  .init = ONUS_INIT_LINEAR,
                                  .fan_in = d.h,
                                  .decay = k < B_IH};
    return 4;
}

int64_t onus_recurrent_rows(const onus_attr *attr, const onus_shape in[])
{
    (void)attr;
    return in[0].d[0];
}

size_t onus_recurrent_saved(const onus_cell *cell, const onus_attr *attr, const onus_shape in[],
                            int64_t B)
{
    const dims d = dims_of(cell, attr, in);
    return (size_t)B * (size_t)(d.T * d.row) * sizeof(float);
}

/* ---- a call, its scratch, its parts ------------------------------------------------------ */

/* Every step reads all of U: it is laid out once a call, in panels of columns of what it is
 * multiplied by, so that a product over a panel reads memory from one end to the other. */
enum { PANEL = 32 };

typedef struct {
    const onus_cell *cell;
    onus_call *c;
    dims d;
    int n_parts;
    int64_t part_rows;           /* examples of a part at most */
    int64_t *order, *places;     /* (B) examples by falling length; (T + 2) */
    float *zero;                 /* (h) */
    float *state, *carry, *wide; /* (rows of all parts) x h, h, 4 h */
    float *panels;               /* U as steps read it */
    float *joint;                /* (B, T, n + h): x beside the state before */
    float *both;                 /* (units, n + h): gradients of W beside U's */
    float *work;                 /* norms: a part's work_floats */
    int64_t work_floats;
    char *pack; /* a part's pack_bytes */
    size_t pack_bytes;
    void *product; /* scratch of products on all threads */
} run;

typedef struct {
    char *base;
    size_t used;
} room;

static void *carve(room *m, int64_t n, size_t size)
{
    void *p = m->base ? m->base + m->used : NULL;
    m->used += ((size_t)n * size + ONUS_ALIGN - 1) & ~(size_t)(ONUS_ALIGN - 1);
    return p;
}

static size_t most_of(size_t a, size_t b)
{
    return a > b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* One example's gradient of a weight (units, q), or two matrices (T, T): whose squared norm is
 * found faster. */
static bool gram_pays(int64_t T, int64_t p, int64_t q)
{
    return T * (p + q) < p * q;
}

static int64_t outer_floats(int64_t T, int64_t p, int64_t q)
{
    return gram_pays(T, p, q) ? 2 * T * T : p * q;
}

static void lay_out_steps(run *r, room m, int n_threads, int64_t B, size_t *most)
{
    const dims *d = &r->d;
    const int64_t part = (B + n_threads - 1) / n_threads, all = part * n_threads;
    r->order = carve(&m, B, sizeof *r->order);
    r->places = carve(&m, d->T + 2, sizeof *r->places);
    r->zero = carve(&m, d->h, sizeof(float));
    r->state = carve(&m, all * d->h, sizeof(float));
    r->carry = carve(&m, all * d->h, sizeof(float));
    r->wide = carve(&m, all * 4 * d->h, sizeof(float));
    r->panels = carve(&m, d->units * d->h, sizeof(float));
    r->pack_bytes = onus_gemm_pack_bytes(B, PANEL, d->units);
    r->pack_bytes = (r->pack_bytes + ONUS_ALIGN - 1) & ~(size_t)(ONUS_ALIGN - 1);
    r->pack = carve(&m, n_threads, r->pack_bytes);
    *most = most_of(*most, m.used);
}

static void lay_out_grads(run *r, room m, const onus_exec *ex, int64_t B, size_t *most)
{
    const dims *d = &r->d;
    const int64_t rows = B * d->T, u = d->units;
    const int64_t n_rows[] = {u, u - d->h, d->h}, n_cols[] = {d->n, d->h, d->n + d->h};
    size_t product = 0;
    for (int i = 0; i < 9; i++)
        product =
            most_of(product, onus_gemm_scratch_bytes(ex, n_rows[i / 3], n_cols[i % 3], rows));
    r->joint = carve(&m, rows * (d->n + d->h), sizeof(float));
    r->both = carve(&m, u * (d->n + d->h), sizeof(float));
    r->product = carve(&m, 0, 1);
    *most = most_of(*most, m.used + product);
}

static void lay_out_norms(run *r, room m, int n_threads, size_t *most)
{
    const dims *d = &r->d;
    const int64_t u = d->units, q = larger(d->n, d->h);
    int64_t floats = larger(outer_floats(d->T, u, d->n), outer_floats(d->T, u, d->h));
    floats = larger(floats, outer_floats(d->T, u - d->h, d->h));
    floats = larger(floats, larger(outer_floats(d->T, d->h, d->h), u));
    r->work_floats = (floats + 15) / 16 * 16;
    r->work = carve(&m, n_threads * r->work_floats, sizeof(float));
    r->pack_bytes = most_of(onus_gemm_pack_bytes(u, q, d->T),
                            onus_gemm_pack_bytes(d->T, d->T, larger(u, q)));
    r->pack_bytes = (r->pack_bytes + ONUS_ALIGN - 1) & ~(size_t)(ONUS_ALIGN - 1);
    r->pack = carve(&m, n_threads, r->pack_bytes);
    *most = most_of(*most, m.used);
}

/* Work space of an example's steps, [0] of the input, [1] of the reference. */
typedef struct {
    run r[2];
    float *zero;
    double *zx[2], *zh[2];       /* (units) */
    double *m, *carry, *through; /* (h) */
    double *mx, *mh;             /* (units) */
} shares;

static size_t lay_out_shares(shares *s, const dims *d, room m)
{
    s->zero = carve(&m, d->h, sizeof *s->zero);
    for (int k = 0; k < 2; k++) {
        s->zx[k] = carve(&m, d->units, sizeof(double));
        s->zh[k] = carve(&m, d->units, sizeof(double));
    }
    s->m = carve(&m, d->h, sizeof(double));
    s->carry = carve(&m, d->h, sizeof(double));
    s->through = carve(&m, d->h, sizeof(double));
    s->mx = carve(&m, d->units, sizeof(double));
    s->mh = carve(&m, d->units, sizeof(double));
    return m.used;
}

size_t onus_recurrent_scratch(const onus_cell *cell, const onus_exec *ex, const onus_attr *attr,
                              const onus_shape in[], int64_t B)
{
    run r = {.cell = cell, .d = dims_of(cell, attr, in)};
    const dims *d = &r.d;
    const int n_threads = onus_pool_size(ex->pool);
    size_t most = most_of(onus_gemm_scratch_bytes(ex, B * d->T, d->units, d->n),
                          onus_gemm_scratch_bytes(ex, B * d->T, d->n, d->units));
    lay_out_steps(&r, (room){NULL, 0}, n_threads, B, &most);
    lay_out_grads(&r, (room){NULL, 0}, ex, B, &most);
    lay_out_norms(&r, (room){NULL, 0}, n_threads, &most);
    shares s;
    return most_of(most, lay_out_shares(&s, d, (room){NULL, 0}));
}

static run run_of(const onus_cell *cell, onus_call *c)
{
    return (run){.cell = cell, .c = c, .d = dims_of(cell, c->attr, c->in_shape)};
}

typedef void (*part_fn)(const run *r, int part);
typedef struct {
    const run *r;
    part_fn fn;
} part_job;

static void run_part(void *ctx, int part, int n_parts)
{
    const part_job *j = ctx;
    (void)n_parts; /* as many as r->n_parts says: the pool's size, or 1 */
    j->fn(j->r, part);
}

/* fn for every part: one of them where there is too little work to wake others for. */
static void run_parts(run *r, part_fn fn)
{
    enum { WORTH_WAKING = 32768 };
    const dims *d = &r->d;
    const bool alone = r->c->B * d->T * d->units < WORTH_WAKING / 8;
    r->n_parts = alone ? 1 : onus_pool_size(r->c->ex->pool);
    r->part_rows = (r->c->B + r->n_parts - 1) / r->n_parts;
    part_job j = {.r = r, .fn = fn};
    if (alone)
        fn(r, 0);
    else
        onus_pool_run(r->c->ex->pool, run_part, &j);
}

/* ---- examples ---------------------------------------------------------------------------- */

static float *row_of(const run *r, int64_t b, int64_t t)
{
    return (float *)r->c->saved + (b * r->d.T + t) * r->d.row;
}

static example *example_of(const run *r, int64_t b)
{
    return (example *)(void *)(row_of(r, b, 0) + r->d.row - PAD);
}

/* Position of step s of an example. */
static int64_t position(const run *r, int64_t length, int64_t s)
{
    return r->c->attr[REVERSE].i ? length - 1 - s : s;
}

static void count_tokens(const run *r)
{
    const onus_call *c = r->c;
    for (int64_t b = 0; b < c->B; b++) {
        int64_t length = 0;
        for (int64_t t = 0; t < r->d.T; t++) length += onus_is_there(c, 1, b, t);
        *example_of(r, b) = (example){.length = length, .dz_by = NOBODY};
    }
}

/* Examples by falling length, equal ones as they come. */
static void sort_examples(const run *r)
{
    const int64_t T = r->d.T, B = r->c->B;
    memset(r->places, 0, (size_t)(T + 2) * sizeof *r->places);
    for (int64_t b = 0; b < B; b++) r->places[T - example_of(r, b)->length + 1]++;
    for (int64_t i = 1; i <= T; i++) r->places[i] += r->places[i - 1];
    for (int64_t b = 0; b < B; b++) r->order[r->places[T - example_of(r, b)->length]++] = b;
}

/* Example j of a part, and how many it has. */
static int64_t dealt(const run *r, int part, int64_t j)
{
    return r->order[part + j * r->n_parts];
}

static int64_t share_of(const run *r, int part)
{
    return part < r->c->B ? (r->c->B - part - 1) / r->n_parts + 1 : 0;
}

static onus_cell_step step_of(const run *r, int64_t b, int64_t s)
{
    const int64_t length = example_of(r, b)->length, t = position(r, length, s),
                  t0 = s ? position(r, length, s - 1) : 0, h = r->d.h;
    return (onus_cell_step){.row = row_of(r, b, t),
                            .row0 = s ? row_of(r, b, t0) : NULL,
                            .h0 = s ? r->c->out + (b * r->d.T + t0) * h : r->zero,
                            .zero = r->zero,
                            .h = r->c->out + (b * r->d.T + t) * h};
}

/* ---- forward ----------------------------------------------------------------------------- */

typedef struct {
    int64_t K, N; /* terms, columns of the product over all panels */
    int64_t k_at, n_at;
} factor; /* element (k, n) is U[k * k_at + n * n_at] */

static void make_panels(const run *r, int part, const factor *f)
{
    const float *U = r->c->param[W_HH];
    for (int64_t n0 = part * PANEL; n0 < f->N; n0 += r->n_parts * PANEL) {
        const int64_t width = f->N - n0 < PANEL ? f->N - n0 : PANEL;
        float *to = r->panels + n0 * f->K;
        for (int64_t n = 0; f->k_at == 1 && n < width; n++)
            for (int64_t k = 0; k < f->K; k++) to[k * width + n] = U[(n0 + n) * f->n_at + k];
        for (int64_t k = 0; f->k_at != 1 && k < f->K; k++)
            memcpy(to + k * width, U + k * f->k_at + n0, (size_t)width * sizeof *to);
    }
}

/* C (m, N) = A (m, K) times the panels, + bias; K = 0: no term. */
static void panels_product(const run *r, int part, const factor *f, int64_t m, int64_t K,
                           const float *A, float *C, const float *bias)
{
    for (int64_t n0 = 0; n0 < f->N; n0 += PANEL) {
        const int64_t width = f->N - n0 < PANEL ? f->N - n0 : PANEL;
        const onus_gemm_args g = {.form = ONUS_GEMM_NN,
                                  .M = m,
                                  .N = width,
                                  .K = K,
                                  .A = A,
                                  .lda = f->K,
                                  .B = r->panels + n0 * f->K,
                                  .ldb = width,
                                  .C = C + n0,
                                  .ldc = f->N,
                                  .bias = bias ? bias + n0 : NULL};
        onus_gemm_serial(r->c->ex->k, &g, r->pack + (size_t)part * r->pack_bytes);
    }
}

static factor forward_factor(const run *r)
{
    return (factor){.K = r->d.h, .N = r->d.units, .k_at = 1, .n_at = r->d.h};
}

static void forward_panels(const run *r, int part)
{
    const factor f = forward_factor(r);
    make_panels(r, part, &f);
}

/* zh (m, units) = U h + b' of the m first examples of a part; before the first step there is no
 * h, and no term. */
static void recur(const run *r, int part, int64_t m, int64_t s)
{
    const int64_t at = part * r->part_rows * r->d.h;
    const factor f = forward_factor(r);
    panels_product(r, part, &f, m, s ? f.K : 0, r->state + at, r->wide + 4 * at,
                   r->c->param[B_HH]);
}

static void forward_part(const run *r, int part)
{
    const dims *d = &r->d;
    const int64_t n = share_of(r, part);
    float *state = r->state + part * r->part_rows * d->h,
          *zh = r->wide + part * r->part_rows * 4 * d->h;
    int64_t m = n;
    for (int64_t s = 0;; s++) {
        while (m > 0 && example_of(r, dealt(r, part, m - 1))->length <= s) m--;
        if (m == 0) break;
        recur(r, part, m, s);
        for (int64_t j = 0; j < m; j++) {
            onus_cell_step step = step_of(r, dealt(r, part, j), s);
            step.zh = zh + j * d->units;
            r->cell->forward(r->c->ex->k, &step, d->h);
            memcpy(state + j * d->h, step.h, (size_t)d->h * sizeof(float));
        }
    }
    for (int64_t j = 0; j < n; j++) {
        const int64_t b = dealt(r, part, j), length = example_of(r, b)->length;
        memset(r->c->out + (b * d->T + length) * d->h, 0,
               (size_t)((d->T - length) * d->h) * sizeof(float));
    }
}

static void start_steps(run *r, part_fn panels, part_fn fn)
{
    size_t unused = 0;
    lay_out_steps(r, (room){r->c->scratch, 0}, onus_pool_size(r->c->ex->pool), r->c->B,
                  &unused);
    memset(r->zero, 0, (size_t)r->d.h * sizeof *r->zero);
    sort_examples(r);
    if (r->d.T > 1) run_parts(r, panels);
    run_parts(r, fn);
}

void onus_recurrent_forward(const onus_cell *cell, onus_call *c)
{
    run r = run_of(cell, c);
    const dims *d = &r.d;
    const onus_gemm_args g = {.form = ONUS_GEMM_NT,
                              .M = c->B * d->T,
                              .N = d->units,
                              .K = d->n,
                              .A = c->in[0],
                              .lda = d->n,
                              .B = c->param[W_IH],
                              .ldb = d->n,
                              .C = c->saved,
                              .ldc = d->row,
                              .bias = c->param[B_IH]};
    onus_gemm(c->ex, &g, c->scratch);
    count_tokens(&r);
    start_steps(&r, forward_panels, forward_part);
}

/* ---- backward ---------------------------------------------------------------------------- */

static factor backward_factor(const run *r)
{
    return (factor){.K = r->d.units, .N = r->d.h, .k_at = r->d.h, .n_at = 1};
}

static void backward_panels(const run *r, int part)
{
    const factor f = backward_factor(r);
    make_panels(r, part, &f);
}

/* dh (m, h) = dz U of the m first examples of a part. */
static void recur_back(const run *r, int part, int64_t m)
{
    const int64_t at = part * r->part_rows * r->d.h;
    const factor f = backward_factor(r);
    panels_product(r, part, &f, m, f.K, r->wide + 4 * at, r->state + at, NULL);
}

static void step_back(const run *r, int part, int64_t j, int64_t s)
{
    const dims *d = &r->d;
    const int64_t b = dealt(r, part, j), at = part * r->part_rows + j, h = d->h;
    onus_cell_step step = step_of(r, b, s);
    float *wide = r->wide + part * r->part_rows * 4 * h + j * d->units;
    step.dy = r->c->d_out + (step.h - r->c->out);
    step.dh = r->state + at * h;
    step.carry = r->carry + at * h;
    step.dz = step.row + d->dz;
    r->cell->backward(r->c->ex->k, &step, h);
    /* what belongs to U h + b': all blocks but W x + b's last, then the fourth */
    memcpy(wide, step.dz, (size_t)(d->units - h) * sizeof(float));
    memcpy(wide + d->units - h, step.dz + 3 * h, (size_t)h * sizeof(float));
}

static void backward_part(const run *r, int part)
{
    const dims *d = &r->d;
    const int64_t n = share_of(r, part), at = part * r->part_rows * d->h;
    if (n == 0) return;
    memset(r->state + at, 0, (size_t)(n * d->h) * sizeof(float));
    memset(r->carry + at, 0, (size_t)(n * d->h) * sizeof(float));
    int64_t m = 0;
    for (int64_t s = example_of(r, dealt(r, part, 0))->length - 1; s >= 0; s--) {
        while (m < n && example_of(r, dealt(r, part, m))->length > s) m++;
        for (int64_t j = 0; j < m; j++) step_back(r, part, j, s);
        if (s > 0) recur_back(r, part, m);
    }
    for (int64_t j = 0; j < n; j++) {
        const int64_t b = dealt(r, part, j);
        for (int64_t t = example_of(r, b)->length; t < d->T; t++)
            memset(row_of(r, b, t) + d->dz, 0, (size_t)(4 * d->h) * sizeof(float));
    }
}

static bool is_made(const run *r, int64_t by)
{
    for (int64_t b = 0; b < r->c->B; b++)
        if (example_of(r, b)->dz_by != by) return false;
    return true;
}

/* dz of every position, through time. */
static void make_dz(run *r, int64_t by)
{
    start_steps(r, backward_panels, backward_part);
    for (int64_t b = 0; b < r->c->B; b++) example_of(r, b)->dz_by = by;
}

void onus_recurrent_backward(const onus_cell *cell, onus_call *c)
{
    run r = run_of(cell, c);
    const dims *d = &r.d;
    if (!c->d_in[0]) return;
    if (!is_made(&r, WEIGHTED_GRAD)) make_dz(&r, BACKWARD);
    const onus_gemm_args g = {.form = ONUS_GEMM_NN,
                              .M = c->B * d->T,
                              .N = d->n,
                              .K = d->units,
                              .A = (float *)c->saved + d->dz,
                              .lda = d->row,
                              .B = c->param[W_IH],
                              .ldb = d->n,
                              .C = c->d_in[0],
                              .ldc = d->n};
    onus_gemm(c->ex, &g, c->scratch);
}

/* ---- gradients of parameters ------------------------------------------------------------- */

/* x and, beside it, the state before: +0 at the first step and where nothing is. */
static void join_part(const run *r, int part)
{
    const dims *d = &r->d;
    const int64_t width = d->n + d->h, reverse = r->c->attr[REVERSE].i;
    const size_t state = (size_t)d->h * sizeof(float);
    for (int64_t b = part; b < r->c->B; b += r->n_parts) {
        const int64_t length = example_of(r, b)->length;
        for (int64_t t = 0; t < d->T; t++) {
            const int64_t t0 = reverse ? t + 1 : t - 1;
            float *to = r->joint + (b * d->T + t) * width;
            memcpy(to, r->c->in[0] + (b * d->T + t) * d->n, (size_t)d->n * sizeof(float));
            if (t < length && t0 >= 0 && t0 < length)
                memcpy(to + d->n, r->c->out + (b * d->T + t0) * d->h, state);
            else
                memset(to + d->n, 0, state);
        }
    }
}

/* Rows u0 .. u1 of gradient k, whose dz begin at a block, times columns of `joint`. */
static void weight_product(const run *r, int k, int64_t u0, int64_t u1, int64_t block)
{
    const dims *d = &r->d;
    const onus_call *c = r->c;
    const int64_t q = k == W_IH ? d->n : d->h;
    const onus_gemm_args g = {.form = ONUS_GEMM_TN,
                              .M = u1 - u0,
                              .N = q,
                              .K = c->B * d->T,
                              .A = (float *)c->saved + d->dz + block * d->h,
                              .lda = d->row,
                              .B = r->joint + (k == W_IH ? 0 : d->n),
                              .ldb = d->n + d->h,
                              .C = c->grad[k] + u0 * q,
                              .ldc = q,
                              .start = c->start[k] == ONUS_GRAD_GOES_ON ? ONUS_GEMM_GOES_ON
                                                                        : ONUS_GEMM_STARTS};
    onus_gemm(c->ex, &g, r->product);
}

/* Moves rows [0, u) of both gradients into `both`, or out of it. */
static void move_both(const run *r, int64_t u, bool out)
{
    const int64_t q[2] = {r->d.n, r->d.h}, width = q[0] + q[1];
    for (int64_t i = 0; i < 2 * u; i++) {
        float *here = r->both + i / 2 * width + (i % 2 ? q[0] : 0),
              *there = r->c->grad[i % 2] + i / 2 * q[i % 2];
        memcpy(out ? there : here, out ? here : there, (size_t)q[i % 2] * sizeof(float));
    }
}

/* Rows [0, u) of both weights' gradients, which have dz in common: one product reads it once.
 */
static void common_product(const run *r, int64_t u)
{
    const dims *d = &r->d;
    const onus_call *c = r->c;
    const bool goes_on = c->start[W_IH] == ONUS_GRAD_GOES_ON;
    const onus_gemm_args g = {.form = ONUS_GEMM_TN,
                              .M = u,
                              .N = d->n + d->h,
                              .K = c->B * d->T,
                              .A = (float *)c->saved + d->dz,
                              .lda = d->row,
                              .B = r->joint,
                              .ldb = d->n + d->h,
                              .C = r->both,
                              .ldc = d->n + d->h,
                              .start = goes_on ? ONUS_GEMM_GOES_ON : ONUS_GEMM_STARTS};
    if (goes_on) move_both(r, u, false);
    onus_gemm(c->ex, &g, r->product);
    move_both(r, u, true);
}

/* Column sums of dz: bias_ih has the first blocks, bias_hh all but its last and the fourth. */
static void bias_sum(const run *r, int k, int64_t begin, int64_t end)
{
    const dims *d = &r->d;
    const onus_call *c = r->c;
    const float *dz = (float *)c->saved + d->dz;
    const bool goes_on = c->start[k] == ONUS_GRAD_GOES_ON;
    const int64_t last = d->units - d->h, middle = end < last ? end : larger(begin, last);
    const int64_t shift = k == B_HH ? 3 * d->h - last : 0;
    if (begin < middle)
        c->ex->k->col_sum(dz, c->B * d->T, d->row, begin, middle, goes_on, c->grad[k]);
    if (middle < end)
        c->ex->k->col_sum(dz + shift, c->B * d->T, d->row, middle, end, goes_on, c->grad[k]);
}

static void biases_part(const run *r, int part)
{
    const onus_call *c = r->c;
    int64_t begin, end;
    onus_split(r->d.units, 16, part, r->n_parts, &begin, &end);
    if (begin >= end) return;
    if (c->trains >> B_IH & 1) bias_sum(r, B_IH, begin, end);
    if (!(c->trains >> B_HH & 1)) return;
    /* with four gates the two are the same numbers */
    if (c->trains >> B_IH & 1 && r->cell->gates == 4 && c->start[B_IH] == ONUS_GRAD_STARTS &&
        c->start[B_HH] == ONUS_GRAD_STARTS)
        memcpy(c->grad[B_HH] + begin, c->grad[B_IH] + begin,
               (size_t)(end - begin) * sizeof(float));
    else
        bias_sum(r, B_HH, begin, end);
}

void onus_recurrent_grad(const onus_cell *cell, onus_call *c)
{
    run r = run_of(cell, c);
    const dims *d = &r.d;
    size_t unused = 0;
    if (!c->trains) return;
    make_dz(&r, WEIGHTED_GRAD);
    lay_out_grads(&r, (room){c->scratch, 0}, c->ex, c->B, &unused);
    const bool ih = c->trains >> W_IH & 1, hh = c->trains >> W_HH & 1;
    /* dz that both weights have: with three gates the last block is each one's own */
    const int64_t common = cell->gates == 4 ? d->units : d->units - d->h;
    const bool both = ih && hh && c->start[W_IH] == c->start[W_HH];
    if (ih || hh) run_parts(&r, join_part);
    if (both) common_product(&r, common);
    if (ih && !both) weight_product(&r, W_IH, 0, common, 0);
    if (hh && !both) weight_product(&r, W_HH, 0, common, 0);
    if (ih && common < d->units) weight_product(&r, W_IH, common, d->units, 2);
    if (hh && common < d->units) weight_product(&r, W_HH, common, d->units, 3);
    run_parts(&r, biases_part);
}

/* ---- norms of single examples ------------------------------------------------------------ */

/* Squared norm of the sum over `rows` of a (p) times x (q): |A^T X|^2, or sum of A A^T and X
 * X^T element by element, in binary64 lanes. */
static double outer_norm2(const run *r, int part, const float *a, int64_t p, const float *x,
                          int64_t q, int64_t rows)
{
    const onus_kernels *k = r->c->ex->k;
    float *work = r->work + part * r->work_floats;
    void *pack = r->pack + (size_t)part * r->pack_bytes;
    onus_gemm_args g = {.form = ONUS_GEMM_TN,
                        .M = p,
                        .N = q,
                        .K = rows,
                        .A = a,
                        .lda = r->d.row,
                        .B = x,
                        .ldb = q,
                        .C = work,
                        .ldc = q};
    if (!gram_pays(r->d.T, p, q)) {
        onus_gemm_serial(k, &g, pack);
        return k->norm2(work, p * q);
    }
    g = (onus_gemm_args){.form = ONUS_GEMM_NT,
                         .M = rows,
                         .N = rows,
                         .K = p,
                         .A = a,
                         .lda = r->d.row,
                         .B = a,
                         .ldb = r->d.row,
                         .C = work,
                         .ldc = rows};
    onus_gemm_serial(k, &g, pack);
    g.K = q;
    g.A = g.B = x;
    g.lda = g.ldb = q;
    g.C = work + rows * rows;
    onus_gemm_serial(k, &g, pack);
    double lane[16] = {0};
    for (int64_t i = 0; i < rows * rows; i++)
        lane[i % 16] = fma((double)work[i], (double)g.C[i], lane[i % 16]);
    for (int step = 8; step > 0; step /= 2)
        for (int j = 0; j < step; j++) lane[j] = lane[j] + lane[j + step];
    return lane[0] < 0 ? 0 : lane[0]; /* a square, but for rounding */
}

static double biases_norm2(const run *r, int part, const float *dz, int64_t rows)
{
    const dims *d = &r->d;
    const onus_kernels *k = r->c->ex->k;
    float *sum = r->work + part * r->work_floats;
    const bool ih = r->c->trains >> B_IH & 1, hh = r->c->trains >> B_HH & 1;
    double norm2 = 0;
    if (ih || (hh && r->cell->gates == 4)) {
        k->col_sum(dz, rows, d->row, 0, d->units, false, sum);
        const double one = k->norm2(sum, d->units);
        norm2 = ih && hh && r->cell->gates == 4 ? one + one : one;
    }
    if (hh && r->cell->gates != 4) {
        const int64_t last = d->units - d->h;
        k->col_sum(dz, rows, d->row, 0, last, false, sum);
        k->col_sum(dz + 3 * d->h - last, rows, d->row, last, d->units, false, sum);
        norm2 = norm2 + k->norm2(sum, d->units);
    }
    return norm2;
}

static void norms_part(const run *r, int part)
{
    const dims *d = &r->d;
    const onus_call *c = r->c;
    for (int64_t b = part; b < c->B; b += r->n_parts) {
        const int64_t length = example_of(r, b)->length, reverse = c->attr[REVERSE].i;
        const float *dz = row_of(r, b, 0) + d->dz, *x = c->in[0] + b * d->T * d->n;
        /* steps with a state before them */
        const float *later = reverse ? dz : dz + d->row,
                    *h0 = c->out + (b * d->T + reverse) * d->h;
        double sum = c->norm2[b];
        if (length == 0) continue;
        if (c->trains >> W_IH & 1)
            sum = sum + outer_norm2(r, part, dz, d->units, x, d->n, length);
        if (c->trains >> W_HH & 1 && r->cell->gates == 4)
            sum = sum + outer_norm2(r, part, later, d->units, h0, d->h, length - 1);
        if (c->trains >> W_HH & 1 && r->cell->gates != 4) {
            sum = sum + outer_norm2(r, part, later, d->units - d->h, h0, d->h, length - 1);
            sum = sum + outer_norm2(r, part, later + 3 * d->h, d->h, h0, d->h, length - 1);
        }
        c->norm2[b] = sum + biases_norm2(r, part, dz, length);
    }
}

void onus_recurrent_norm2(const onus_cell *cell, onus_call *c, double *norm2)
{
    run r = run_of(cell, c);
    size_t unused = 0;
    if (!is_made(&r, BACKWARD)) make_dz(&r, BACKWARD);
    lay_out_norms(&r, (room){c->scratch, 0}, onus_pool_size(c->ex->pool), &unused);
    c->norm2 = norm2;
    run_parts(&r, norms_part);
}

/* ---- relevance --------------------------------------------------------------------------- */

/* W x + b, which forward does not keep. */
static void sums_of(const float *W, const float *b, const float *x, int64_t units, int64_t n,
                    double *z)
{
    for (int64_t u = 0; u < units; u++) {
        double sum = (double)b[u];
        for (int64_t i = 0; i < n; i++) sum = fma((double)W[u * n + i], (double)x[i], sum);
        z[u] = sum;
    }
}

/* to (n) += W^T m */
static void add_back(const float *W, const double *m, int64_t units, int64_t n, double *to)
{
    for (int64_t u = 0; u < units; u++)
        for (int64_t i = 0; i < n; i++) to[i] = fma(m[u], (double)W[u * n + i], to[i]);
}

static void share_step(shares *s, int64_t b, int64_t step, float *dx)
{
    const dims *d = &s->r[0].d;
    const onus_call *c = s->r[0].c;
    const int64_t t = position(&s->r[0], example_of(&s->r[0], b)->length, step);
    onus_cell_share share = {
        .m = s->m, .carry = s->carry, .through = s->through, .mx = s->mx, .mh = s->mh};
    for (int k = 0; k < 2; k++) {
        const onus_cell_step at = step_of(&s->r[k], b, step);
        share.row[k] = at.row;
        share.before[k] = at.row0;
        share.h0[k] = at.h0;
        sums_of(c->param[W_IH], c->param[B_IH], s->r[k].c->in[0] + (b * d->T + t) * d->n,
                d->units, d->n, s->zx[k]);
        sums_of(c->param[W_HH], c->param[B_HH], at.h0, d->units, d->h, s->zh[k]);
        share.zx[k] = s->zx[k];
        share.zh[k] = s->zh[k];
    }
    for (int64_t j = 0; j < d->h; j++)
        s->m[j] = s->m[j] + (double)c->d_out[(b * d->T + t) * d->h + j];
    s->r[0].cell->relevance(&share, d->h);
    add_back(c->param[W_HH], s->mh, d->units, d->h, s->through);
    memcpy(s->m, s->through, (size_t)d->h * sizeof *s->m);
    for (int64_t i = 0; i < d->n; i++) {
        double sum = 0;
        for (int64_t u = 0; u < d->units; u++)
            sum = fma(s->mx[u], (double)c->param[W_IH][u * d->n + i], sum);
        dx[t * d->n + i] = (float)sum;
    }
}

/* Multipliers through time, as backward goes; absent positions have none. */
void onus_recurrent_relevance(const onus_cell *cell, onus_call *c, const onus_call *c0)
{
    shares s = {.r = {run_of(cell, c), run_of(cell, (onus_call *)c0)}};
    const dims *d = &s.r[0].d;
    if (!c->d_in[0]) return;
    (void)lay_out_shares(&s, d, (room){c->scratch, 0});
    memset(s.zero, 0, (size_t)d->h * sizeof *s.zero);
    s.r[0].zero = s.r[1].zero = s.zero;
    for (int64_t b = 0; b < c->B; b++) {
        float *dx = c->d_in[0] + b * d->T * d->n;
        memset(dx, 0, (size_t)(d->T * d->n) * sizeof *dx);
        memset(s.m, 0, (size_t)d->h * sizeof *s.m);
        memset(s.carry, 0, (size_t)d->h * sizeof *s.carry);
        for (int64_t step = example_of(&s.r[0], b)->length - 1; step >= 0; step--)
            share_step(&s, b, step, dx);
    }
}

/* ---- cost -------------------------------------------------------------------------------- */

static double outer_ops(double rows, int64_t T, double p, double q)
{
    if (gram_pays(T, (int64_t)p, (int64_t)q)) return rows * rows * (p + q + 1);
    return rows * p * q + p * q;
}

/* Of full sequences. The way through time counts with weighted_grad, which comes first in
 * training. Norms: steps with a state before them are T - 1. */
onus_cost onus_recurrent_cost(const onus_cell *cell, const onus_attr *attr,
                              const onus_shape in[], int64_t B, onus_pass pass)
{
    const dims d = dims_of(cell, attr, in);
    const double b = (double)B, T = (double)d.T, n = (double)d.n, h = (double)d.h,
                 u = (double)d.units, rows = b * T, later = b * (T - 1);
    const double biases = cell->gates == 4 ? 1 : 2, params = u * (n + h + 2),
                 saved = rows * (double)d.row;
    switch (pass) {
    case ONUS_PASS_FORWARD:
        return (onus_cost){rows * u * (n + 2) + later * u * h + rows * h * cell->forward_ops,
                           4 * (rows * (n + h) + params + saved)};
    case ONUS_PASS_BACKWARD: return (onus_cost){rows * u * n, 4 * (rows * n + u * n + saved)};
    case ONUS_PASS_GRAD:
        return (onus_cost){rows * h * cell->backward_ops + later * u * h +
                               rows * u * (n + h + biases),
                           4 * (rows * (n + 2 * h) + u * h + params + saved)};
    case ONUS_PASS_NORM: {
        const double hh = cell->gates == 4
                              ? outer_ops(T - 1, d.T, u, h)
                              : outer_ops(T - 1, d.T, u - h, h) + outer_ops(T - 1, d.T, h, h);
        return (onus_cost){b * (outer_ops(T, d.T, u, n) + hh + biases * (T * u + u)),
                           4 * (rows * (n + h) + saved)};
    }
    }
    return (onus_cost){0};
}
