/* SPDX-License-Identifier: Apache-2.0
 * recurrent.c - the steps of lstm and gru; what is added up over them is recurrent_sums.c's.
 *
 * W x + b of all positions is one product. U h + b' is one a step; threads share the examples,
 * not a step: each runs all steps of its own, so that nobody waits for anybody at every step.
 * Examples are dealt out by falling length: those that still run are the first of a thread's,
 * and every thread has its share of long ones.
 *
 * A sequence's length is the number of its tokens that are not below 0; positions behind it are
 * absent: the output there is +0 and no step takes place. */
#include <string.h>

#include "op/recurrent_run.h"
#include "op/tokens.h"

const onus_attr_def onus_recurrent_attrs[2] = {
    {"hidden", ONUS_ATTR_INT, 1, 1, 1 << 20, "numbers of the state and of an output"},
    {"reverse", ONUS_ATTR_INT, 0, 0, 1, "1: from the last position that is there to the first"},
};

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
    const onus_recurrent_dims d = dims_of(cell, attr, in);
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
    const onus_recurrent_dims d = dims_of(cell, attr, in);
    return (size_t)B * (size_t)(d.T * d.row) * sizeof(float);
}

/* ---- a call, its scratch, its parts ------------------------------------------------------ */

/* Every step reads all of U: it is laid out once a call, in panels of columns of what it is
 * multiplied by, so that a product over a panel reads memory from one end to the other. */
enum { PANEL = 32 };

static void lay_out_steps(onus_recurrent_run *r, onus_recurrent_room m, int n_threads,
                          int64_t B, size_t *most)
{
    const onus_recurrent_dims *d = &r->d;
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

size_t onus_recurrent_scratch(const onus_cell *cell, const onus_exec *ex, const onus_attr *attr,
                              const onus_shape in[], int64_t B)
{
    onus_recurrent_run r = {.cell = cell, .d = dims_of(cell, attr, in)};
    const onus_recurrent_dims *d = &r.d;
    size_t most = most_of(onus_gemm_scratch_bytes(ex, B * d->T, d->units, d->n),
                          onus_gemm_scratch_bytes(ex, B * d->T, d->n, d->units));
    lay_out_steps(&r, (onus_recurrent_room){NULL, 0}, onus_pool_size(ex->pool), B, &most);
    return most_of(most, onus_recurrent_sums_scratch(cell, d, ex, B));
}

typedef struct {
    const onus_recurrent_run *r;
    part_fn fn;
} part_job;

static void run_part(void *ctx, int part, int n_parts)
{
    const part_job *j = ctx;
    (void)n_parts; /* as many as r->n_parts says: the pool's size, or 1 */
    j->fn(j->r, part);
}

/* fn for every part: one of them where there is too little work to wake others for. */
void onus_recurrent_parts(onus_recurrent_run *r, part_fn fn)
{
    enum { WORTH_WAKING = 32768 };
    const onus_recurrent_dims *d = &r->d;
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

static void count_tokens(const onus_recurrent_run *r)
{
    const onus_call *c = r->c;
    for (int64_t b = 0; b < c->B; b++) {
        int64_t length = 0;
        for (int64_t t = 0; t < r->d.T; t++) length += onus_is_there(c, 1, b, t);
        *example_of(r, b) = (onus_recurrent_example){.length = length, .dz_by = NOBODY};
    }
}

/* Examples by falling length, equal ones as they come. */
static void sort_examples(const onus_recurrent_run *r)
{
    const int64_t T = r->d.T, B = r->c->B;
    memset(r->places, 0, (size_t)(T + 2) * sizeof *r->places);
    for (int64_t b = 0; b < B; b++) r->places[T - example_of(r, b)->length + 1]++;
    for (int64_t i = 1; i <= T; i++) r->places[i] += r->places[i - 1];
    for (int64_t b = 0; b < B; b++) r->order[r->places[T - example_of(r, b)->length]++] = b;
}

/* Example j of a part, and how many it has. */
static int64_t dealt(const onus_recurrent_run *r, int part, int64_t j)
{
    return r->order[part + j * r->n_parts];
}

static int64_t share_of(const onus_recurrent_run *r, int part)
{
    return part < r->c->B ? (r->c->B - part - 1) / r->n_parts + 1 : 0;
}

onus_cell_step onus_recurrent_step(const onus_recurrent_run *r, int64_t b, int64_t s)
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

static void make_panels(const onus_recurrent_run *r, int part, const factor *f)
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
static void panels_product(const onus_recurrent_run *r, int part, const factor *f, int64_t m,
                           int64_t K, const float *A, float *C, const float *bias)
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

static factor forward_factor(const onus_recurrent_run *r)
{
    return (factor){.K = r->d.h, .N = r->d.units, .k_at = 1, .n_at = r->d.h};
}

static void forward_panels(const onus_recurrent_run *r, int part)
{
    const factor f = forward_factor(r);
    make_panels(r, part, &f);
}

/* zh (m, units) = U h + b' of the m first examples of a part; before the first step there is no
 * h, and no term. */
static void recur(const onus_recurrent_run *r, int part, int64_t m, int64_t s)
{
    const int64_t at = part * r->part_rows * r->d.h;
    const factor f = forward_factor(r);
    panels_product(r, part, &f, m, s ? f.K : 0, r->state + at, r->wide + 4 * at,
                   r->c->param[B_HH]);
}

static void forward_part(const onus_recurrent_run *r, int part)
{
    const onus_recurrent_dims *d = &r->d;
    const int64_t n = share_of(r, part);
    float *state = r->state + part * r->part_rows * d->h,
          *zh = r->wide + part * r->part_rows * 4 * d->h;
    int64_t m = n;
    for (int64_t s = 0;; s++) {
        while (m > 0 && example_of(r, dealt(r, part, m - 1))->length <= s) m--;
        if (m == 0) break;
        recur(r, part, m, s);
        for (int64_t j = 0; j < m; j++) {
            onus_cell_step step = onus_recurrent_step(r, dealt(r, part, j), s);
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

static void start_steps(onus_recurrent_run *r, part_fn panels, part_fn fn)
{
    size_t unused = 0;
    lay_out_steps(r, (onus_recurrent_room){r->c->scratch, 0}, onus_pool_size(r->c->ex->pool),
                  r->c->B, &unused);
    memset(r->zero, 0, (size_t)r->d.h * sizeof *r->zero);
    sort_examples(r);
    if (r->d.T > 1) onus_recurrent_parts(r, panels);
    onus_recurrent_parts(r, fn);
}

void onus_recurrent_forward(const onus_cell *cell, onus_call *c)
{
    onus_recurrent_run r = run_of(cell, c);
    const onus_recurrent_dims *d = &r.d;
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

static factor backward_factor(const onus_recurrent_run *r)
{
    return (factor){.K = r->d.units, .N = r->d.h, .k_at = r->d.h, .n_at = 1};
}

static void backward_panels(const onus_recurrent_run *r, int part)
{
    const factor f = backward_factor(r);
    make_panels(r, part, &f);
}

/* dh (m, h) = dz U of the m first examples of a part. */
static void recur_back(const onus_recurrent_run *r, int part, int64_t m)
{
    const int64_t at = part * r->part_rows * r->d.h;
    const factor f = backward_factor(r);
    panels_product(r, part, &f, m, f.K, r->wide + 4 * at, r->state + at, NULL);
}

static void step_back(const onus_recurrent_run *r, int part, int64_t j, int64_t s)
{
    const onus_recurrent_dims *d = &r->d;
    const int64_t b = dealt(r, part, j), at = part * r->part_rows + j, h = d->h;
    onus_cell_step step = onus_recurrent_step(r, b, s);
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

static void backward_part(const onus_recurrent_run *r, int part)
{
    const onus_recurrent_dims *d = &r->d;
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

bool onus_recurrent_has_dz(const onus_recurrent_run *r, int64_t by)
{
    for (int64_t b = 0; b < r->c->B; b++)
        if (example_of(r, b)->dz_by != by) return false;
    return true;
}

/* dz of every position, through time. */
void onus_recurrent_make_dz(onus_recurrent_run *r, int64_t by)
{
    start_steps(r, backward_panels, backward_part);
    for (int64_t b = 0; b < r->c->B; b++) example_of(r, b)->dz_by = by;
}

void onus_recurrent_backward(const onus_cell *cell, onus_call *c)
{
    onus_recurrent_run r = run_of(cell, c);
    const onus_recurrent_dims *d = &r.d;
    if (!c->d_in[0]) return;
    if (!onus_recurrent_has_dz(&r, WEIGHTED_GRAD)) onus_recurrent_make_dz(&r, BACKWARD);
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
