/* SPDX-License-Identifier: Apache-2.0
 * recurrent_sums.c - what is added up over the steps of lstm and gru: gradients of parameters,
 * norms of single examples, relevance through time, and what all of it costs.
 *
 * In the sums of gradients an absent position takes part as zeros, as an example that is left
 * out does: so they are products over all B T rows, whatever is absent (contract, item 8). */
#include <math.h>
#include <string.h>

#include "op/each.h"
#include "op/recurrent_run.h"

/* ---- scratch ----------------------------------------------------------------------------- */

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

static void lay_out_terms(onus_recurrent_run *r, onus_recurrent_room m, int64_t B, size_t *most)
{
    const onus_recurrent_dims *d = &r->d;
    r->joint = carve(&m, B * d->T * (d->n + d->h), sizeof(float));
    r->sums = carve(&m, B * 2 * d->units, sizeof(float));
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
    lay_out_terms(&r, (onus_recurrent_room){NULL, 0}, B, &most);
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

/* ---- terms of single examples ------------------------------------------------------------ */

/* Each example's sums of dz over its steps: of b, then of b'. */
static void sums_part(const onus_recurrent_run *r, int part)
{
    const onus_recurrent_dims *d = &r->d;
    const onus_kernels *k = r->c->ex->k;
    const int64_t last = d->units - d->h;
    for (int64_t b = part; b < r->c->B; b += r->n_parts) {
        const float *dz = row_of(r, b, 0) + d->dz;
        float *ih = r->sums + b * 2 * d->units, *hh = ih + d->units;
        k->col_sum(dz, d->T, d->row, 0, d->units, false, ih);
        if (r->cell->gates == 4) {
            memcpy(hh, ih, (size_t)d->units * sizeof *hh);
            continue;
        }
        k->col_sum(dz, d->T, d->row, 0, last, false, hh);
        k->col_sum(dz + 3 * d->h - last, d->T, d->row, last, d->units, false, hh);
    }
}

/* Rows [u0, u1) of a weight, whose dz begin at a block, times columns of `joint`. */
static void weight_terms(const onus_recurrent_run *r, onus_terms_step *out, int param,
                         int64_t u0, int64_t u1, int64_t block)
{
    const onus_recurrent_dims *d = &r->d;
    onus_terms *t = onus_term_add(out, ONUS_TERM_OUTER, param);
    t->rows = d->T;
    t->u = u1 - u0;
    t->n = param == W_IH ? d->n : d->h;
    t->first = u0 * t->n;
    t->ldd = d->row;
    t->ldx = d->n + d->h;
    if (!r->c->saved) return;
    t->d = (float *)r->c->saved + d->dz + block * d->h;
    t->x = r->joint + (param == W_IH ? 0 : d->n);
}

/* An absent position takes part as zeros. */
bool onus_recurrent_terms(const onus_cell *cell, onus_call *c, int64_t step,
                          onus_terms_step *out)
{
    onus_recurrent_run r = run_of(cell, c);
    const onus_recurrent_dims *d = &r.d;
    const int64_t common = cell->gates == 4 ? d->units : d->units - d->h;
    size_t unused = 0;
    if (!onus_one_step(c, step, out)) return false;
    if (step == 0) {
        if (!onus_recurrent_has_dz(&r, BACKWARD)) onus_recurrent_make_dz(&r, BACKWARD);
        lay_out_terms(&r, (onus_recurrent_room){c->scratch, 0}, c->B, &unused);
        onus_recurrent_parts(&r, join_part);
        onus_recurrent_parts(&r, sums_part);
    }
    weight_terms(&r, out, W_IH, 0, d->units, 0);
    weight_terms(&r, out, W_HH, 0, common, 0);
    if (common < d->units) weight_terms(&r, out, W_HH, common, d->units, 3);
    for (int k = 0; k < 2; k++) {
        onus_terms *t = onus_term_add(out, ONUS_TERM_SUM, k == 0 ? B_IH : B_HH);
        t->u = d->units;
        t->ldd = 2 * d->units;
        if (step == 0) t->d = r.sums + k * d->units;
    }
    return true;
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

/* Of full sequences. The way through time counts with weighted_grad, which comes first in
 * training. */
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
    }
    return (onus_cost){0};
}
