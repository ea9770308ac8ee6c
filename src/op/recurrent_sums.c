/* SPDX-License-Identifier: Apache-2.0
 * recurrent_sums.c - what is added up over the steps of lstm and gru: gradients of parameters,
 * norms of single examples, relevance through time, and what all of it costs.
 *
 * In the sums of gradients an absent position takes part as zeros, as an example that is left
 * out does: so they are products over all B T rows, whatever is absent (contract, item 8). */
#include <math.h>
#include <string.h>

#include "op/recurrent_run.h"

/* ---- scratch ----------------------------------------------------------------------------- */

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

static void lay_out_grads(onus_recurrent_run *r, onus_recurrent_room m, const onus_exec *ex,
                          int64_t B, size_t *most)
{
    const onus_recurrent_dims *d = &r->d;
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

static void lay_out_norms(onus_recurrent_run *r, onus_recurrent_room m, int n_threads,
                          size_t *most)
{
    const onus_recurrent_dims *d = &r->d;
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
    onus_recurrent_run r[2];
    float *zero;
    double *zx[2], *zh[2];       /* (units) */
    double *m, *carry, *through; /* (h) */
    double *mx, *mh;             /* (units) */
    double *dx;                  /* (n) */
} shares;

static size_t lay_out_shares(shares *s, const onus_recurrent_dims *d, onus_recurrent_room m)
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
    s->dx = carve(&m, d->n, sizeof(double));
    return m.used;
}

size_t onus_recurrent_sums_scratch(const onus_cell *cell, const onus_recurrent_dims *d,
                                   const onus_exec *ex, int64_t B)
{
    onus_recurrent_run r = {.cell = cell, .d = *d};
    shares s;
    size_t most = lay_out_shares(&s, d, (onus_recurrent_room){NULL, 0});
    lay_out_grads(&r, (onus_recurrent_room){NULL, 0}, ex, B, &most);
    lay_out_norms(&r, (onus_recurrent_room){NULL, 0}, onus_pool_size(ex->pool), &most);
    return most;
}

/* ---- gradients of parameters ------------------------------------------------------------- */

/* x and, beside it, the state before: +0 at the first step and where nothing is. */
static void join_part(const onus_recurrent_run *r, int part)
{
    const onus_recurrent_dims *d = &r->d;
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
static void weight_product(const onus_recurrent_run *r, int k, int64_t u0, int64_t u1,
                           int64_t block)
{
    const onus_recurrent_dims *d = &r->d;
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
static void move_both(const onus_recurrent_run *r, int64_t u, bool out)
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
static void common_product(const onus_recurrent_run *r, int64_t u)
{
    const onus_recurrent_dims *d = &r->d;
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
static void bias_sum(const onus_recurrent_run *r, int k, int64_t begin, int64_t end)
{
    const onus_recurrent_dims *d = &r->d;
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

static void biases_part(const onus_recurrent_run *r, int part)
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
    onus_recurrent_run r = run_of(cell, c);
    const onus_recurrent_dims *d = &r.d;
    size_t unused = 0;
    if (!c->trains) return;
    onus_recurrent_make_dz(&r, WEIGHTED_GRAD);
    lay_out_grads(&r, (onus_recurrent_room){c->scratch, 0}, c->ex, c->B, &unused);
    const bool ih = c->trains >> W_IH & 1, hh = c->trains >> W_HH & 1;
    /* dz that both weights have: with three gates the last block is each one's own */
    const int64_t common = cell->gates == 4 ? d->units : d->units - d->h;
    const bool both = ih && hh && c->start[W_IH] == c->start[W_HH];
    if (ih || hh) onus_recurrent_parts(&r, join_part);
    if (both) common_product(&r, common);
    if (ih && !both) weight_product(&r, W_IH, 0, common, 0);
    if (hh && !both) weight_product(&r, W_HH, 0, common, 0);
    if (ih && common < d->units) weight_product(&r, W_IH, common, d->units, 2);
    if (hh && common < d->units) weight_product(&r, W_HH, common, d->units, 3);
    onus_recurrent_parts(&r, biases_part);
}

/* ---- norms of single examples ------------------------------------------------------------ */

/* Squared norm of the sum over `rows` of a (p) times x (q): |A^T X|^2, or sum of A A^T and X
 * X^T element by element, in binary64 lanes. */
static double outer_norm2(const onus_recurrent_run *r, int part, const float *a, int64_t p,
                          const float *x, int64_t q, int64_t rows)
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

static double biases_norm2(const onus_recurrent_run *r, int part, const float *dz, int64_t rows)
{
    const onus_recurrent_dims *d = &r->d;
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

static void norms_part(const onus_recurrent_run *r, int part)
{
    const onus_recurrent_dims *d = &r->d;
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
    onus_recurrent_run r = run_of(cell, c);
    size_t unused = 0;
    if (!onus_recurrent_has_dz(&r, BACKWARD)) onus_recurrent_make_dz(&r, BACKWARD);
    lay_out_norms(&r, (onus_recurrent_room){c->scratch, 0}, onus_pool_size(c->ex->pool),
                  &unused);
    c->norm2 = norm2;
    onus_recurrent_parts(&r, norms_part);
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
    const onus_recurrent_dims *d = &s->r[0].d;
    const onus_call *c = s->r[0].c;
    const int64_t t = position(&s->r[0], example_of(&s->r[0], b)->length, step);
    onus_cell_share share = {
        .m = s->m, .carry = s->carry, .through = s->through, .mx = s->mx, .mh = s->mh};
    for (int k = 0; k < 2; k++) {
        const onus_cell_step at = onus_recurrent_step(&s->r[k], b, step);
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
    memset(s->dx, 0, (size_t)d->n * sizeof *s->dx);
    add_back(c->param[W_IH], s->mx, d->units, d->n, s->dx);
    for (int64_t i = 0; i < d->n; i++) dx[t * d->n + i] = (float)s->dx[i];
}

/* Multipliers through time, as backward goes; absent positions have none. */
void onus_recurrent_relevance(const onus_cell *cell, onus_call *c, const onus_call *c0)
{
    shares s = {.r = {run_of(cell, c), run_of(cell, (onus_call *)c0)}};
    const onus_recurrent_dims *d = &s.r[0].d;
    if (!c->d_in[0]) return;
    (void)lay_out_shares(&s, d, (onus_recurrent_room){c->scratch, 0});
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
    const onus_recurrent_dims d = dims_of(cell, attr, in);
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
