/* SPDX-License-Identifier: Apache-2.0
 * op_run.h - one call of an operation with all its arrays, for the tests of the table. Arrays
 * are exactly as long as the row says, so that a sanitizer sees whoever goes further. */
#ifndef ONUS_TESTS_OP_RUN_H
#define ONUS_TESTS_OP_RUN_H
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/kernels.h"
#include "op/terms.h"

typedef struct {
    const onus_op *op;
    onus_attr attr[ONUS_ATTR_MAX];
    onus_shape in_shape[ONUS_IN_MAX], out_shape;
    int64_t B, n_in[ONUS_IN_MAX], n_out; /* floats of one example */
    int n_inputs;
    int64_t ids[ONUS_IN_MAX], shard[3];
    onus_param_def def[ONUS_PARAM_MAX];
    int n_params;
    int64_t n_param[ONUS_PARAM_MAX];
    float *x[ONUS_IN_MAX], *dx[ONUS_IN_MAX], *y, *dy, *param[ONUS_PARAM_MAX],
        *grad[ONUS_PARAM_MAX], *label, *weight;
    onus_bound *bound;           /* private training: (B) */
    double *sum[ONUS_PARAM_MAX]; /* its sums, on grid OP_GRID */
    void *saved, *scratch, *room;
    size_t saved_bytes;
    onus_call call;
} op_run;

/* xorshift64*, Marsaglia 2003 / Vigna 2016: numbers of the tests' own. */
static inline uint64_t op_word(uint64_t *s)
{
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return *s * 2685821657736338717u;
}

/* In [-1, 1], at least `away` from 0. */
static inline float op_number(uint64_t *s, float away)
{
    const float u = (float)((int64_t)(op_word(s) >> 40) - (1 << 23)) * 0x1p-23f;
    return u < 0 ? u * (1 - away) - away : u * (1 - away) + away;
}

static inline void *op_array(size_t n, size_t size)
{
    const size_t bytes = n * size;
    void *p = NULL;
    if (posix_memalign(&p, 64, bytes ? bytes : 1) != 0) abort();
    memset(p, 0xa5, bytes); /* rubbish, not zeros */
    return p;
}

static inline float *op_floats(uint64_t *s, int64_t n, float away)
{
    float *p = op_array((size_t)n, sizeof *p);
    for (int64_t i = 0; i < n; i++) p[i] = op_number(s, away);
    return p;
}

/* What an operation is run on. */
typedef struct {
    int n; /* inputs; 0: one */
    onus_shape shape[ONUS_IN_MAX];
    int64_t ids[ONUS_IN_MAX]; /* > 0: input k holds tokens 0 .. ids - 1, absent ones (-1) at
                                 the end of some examples, never a whole one */
    int64_t
        classes; /* labels are 0 .. classes - 1; 0: the last axis of input 0, or 2 if that is
                    1. Where the row ignores labels, some are -1 if an example has several */
} op_inputs;

/* Tokens of B examples of n places; at least one is there. */
static inline void op_tokens(uint64_t *s, float *x, int64_t B, int64_t n, int64_t ids)
{
    for (int64_t b = 0; b < B; b++) {
        const int64_t absent = b % 3 == 1 ? (int64_t)(op_word(s) % (uint64_t)n) : 0;
        for (int64_t i = 0; i < n; i++) {
            const int64_t id = (int64_t)(op_word(s) % (uint64_t)ids);
            x[b * n + i] = i < n - absent ? (float)id : -1.0f;
        }
    }
}

static inline void op_labels(op_run *r, const op_inputs *in, uint64_t *s)
{
    const onus_shape *x = &in->shape[0];
    const int64_t last = x->n ? x->d[x->n - 1] : 1;
    const int64_t classes = in->classes ? in->classes : last > 1 ? last : 2;
    r->label = op_array((size_t)(r->B * r->n_out), sizeof(float));
    r->weight = op_array((size_t)r->B, sizeof(float));
    for (int64_t b = 0; b < r->B; b++) {
        for (int64_t i = b * r->n_out; i < (b + 1) * r->n_out; i++) {
            r->label[i] = (float)(op_word(s) % (uint64_t)classes);
            if (r->op->flags & ONUS_OP_IGNORES && r->n_out > 1 && i % 5 == 2)
                r->label[i] = -1.0f;
        }
        r->weight[b] = 0.5f + 0.25f * (float)(op_word(s) % 8);
    }
}

/* Arrays full of seeded numbers. The kernels of ex are used later, too. The call holds one
 * logical batch of two shards (which only coupled operations look at). */
static inline void op_run_make_on(op_run *r, const onus_op *op, const onus_attr *attr,
                                  const op_inputs *in, int64_t B, const onus_exec *ex,
                                  float away, uint64_t seed)
{
    uint64_t s = seed * 2 + 1;
    *r = (op_run){.op = op, .B = B, .n_inputs = in->n ? in->n : 1};
    memcpy(r->attr, attr, sizeof r->attr);
    for (int k = 0; k < r->n_inputs; k++) {
        r->in_shape[k] = in->shape[k];
        r->n_in[k] = onus_shape_numel(&in->shape[k]);
        r->ids[k] = in->ids[k];
        r->x[k] = op_floats(&s, B * r->n_in[k], away);
        if (in->ids[k]) op_tokens(&s, r->x[k], B, r->n_in[k], in->ids[k]);
        r->dx[k] = op_array((size_t)(B * r->n_in[k]), sizeof(float));
    }
    if (op->shape(r->attr, r->in_shape, r->n_inputs, &r->out_shape, NULL) != ONUS_OK) abort();
    r->n_out = onus_shape_numel(&r->out_shape);
    r->y = op_array((size_t)(B * r->n_out), sizeof(float));
    r->dy = op_floats(&s, B * r->n_out, 0);
    r->n_params = op->params(r->attr, r->in_shape, r->def);
    for (int k = 0; k < r->n_params; k++) {
        r->n_param[k] = onus_shape_numel(&r->def[k].shape);
        r->param[k] = op_floats(&s, r->n_param[k], 0);
        r->grad[k] = op_array((size_t)r->n_param[k], sizeof(float));
        r->sum[k] = op_array((size_t)r->n_param[k], sizeof(double));
    }
    op_labels(r, in, &s);
    r->bound = op_array((size_t)B, sizeof *r->bound);
    r->saved_bytes = op->saved(r->attr, r->in_shape, B);
    r->saved = op_array(r->saved_bytes, 1);
    r->scratch = op_array(op->scratch(ex, r->attr, r->in_shape, B), 1);
    onus_call *c = &r->call;
    *c = (onus_call){.ex = ex,
                     .attr = r->attr,
                     .B = B,
                     .n_in = r->n_inputs,
                     .out_shape = r->out_shape,
                     .out = r->y,
                     .saved = r->saved,
                     .scratch = r->scratch,
                     .d_out = op->flags & ONUS_OP_LOSS ? NULL : r->dy,
                     .label = r->label,
                     .weight = r->weight,
                     .loss_scale = 0.125f,
                     .seed = 77,
                     .step = 3,
                     .node = 5,
                     .first = 11,
                     .training = true,
                     .shard = r->shard,
                     .n_shards = 2};
    r->shard[1] = B / 2;
    r->shard[2] = B;
    for (int k = 0; k < r->n_inputs; k++) {
        c->in_shape[k] = r->in_shape[k];
        c->in[k] = r->x[k];
        c->d_in[k] = r->dx[k];
    }
    for (int k = 0; k < r->n_params; k++) {
        c->param[k] = r->param[k];
        c->grad[k] = r->grad[k];
        if (r->def[k].buffer) {
            c->buffer[k] = r->param[k];
            for (int64_t i = 0; i < r->n_param[k]; i++) /* a variance, say */
                r->param[k][i] = 0.5f + fabsf(r->param[k][i]);
        } else
            c->trains |= 1u << k;
    }
}

/* Every input of the same shape, all numbers. */
/* What private training makes of a call after backward: bounds, and sums with weights w (B). */
#define OP_GRID 0x1p-34
static inline void op_run_private(op_run *r, const double *w)
{
    onus_terms_step shape;
    if (!r->op->terms.fn) return;
    (void)r->op->terms.fn(&r->call, -1, &shape);
    free(r->room);
    r->room = op_array(onus_terms_bytes(r->call.ex, &shape), 1);
    memset(r->bound, 0, (size_t)r->B * sizeof *r->bound);
    onus_terms_bound(r->op, &r->call, r->room, r->bound);
    for (int k = 0; k < r->n_params; k++)
        memset(r->sum[k], 0, (size_t)r->n_param[k] * sizeof(double));
    onus_terms_sum(r->op, &r->call, r->room, w, OP_GRID, r->sum);
}

static inline void op_run_make(op_run *r, const onus_op *op, const onus_attr *attr,
                               const onus_shape *in, int64_t B, const onus_exec *ex, float away,
                               uint64_t seed)
{
    op_inputs all = {.n = op->n_in_max};
    for (int k = 0; k < op->n_in_max; k++) all.shape[k] = *in;
    op_run_make_on(r, op, attr, &all, B, ex, away, seed);
}

static inline void op_run_free(op_run *r)
{
    for (int k = 0; k < r->n_inputs; k++) {
        free(r->x[k]);
        free(r->dx[k]);
    }
    for (int k = 0; k < r->n_params; k++) {
        free(r->param[k]);
        free(r->grad[k]);
    }
    free(r->y);
    free(r->dy);
    free(r->label);
    free(r->weight);
    free(r->bound);
    for (int k = 0; k < r->n_params; k++) free(r->sum[k]);
    free(r->room);
    free(r->saved);
    free(r->scratch);
}

/* Bits of two arrays, any NaN being one NaN; the place of the first difference, or -1. */
static inline int64_t op_differ(const float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (a[i] != a[i] && b[i] != b[i]) continue;
        if (memcmp(&a[i], &b[i], sizeof a[i]) != 0) return i;
    }
    return -1;
}
#endif
