/* SPDX-License-Identifier: Apache-2.0
 * op_run.h - one call of an operation with all its arrays, for the tests of the table. Arrays
 * are exactly as long as the row says, so that a sanitizer sees whoever goes further. */
#ifndef ONUS_TESTS_OP_RUN_H
#define ONUS_TESTS_OP_RUN_H
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/kernels.h"
#include "op/op.h"

typedef struct {
    const onus_op *op;
    onus_attr attr[ONUS_ATTR_MAX];
    onus_shape in_shape[ONUS_IN_MAX], out_shape;
    int64_t B, n_in[ONUS_IN_MAX], n_out; /* floats of one example */
    onus_param_def def[ONUS_PARAM_MAX];
    int n_params;
    int64_t n_param[ONUS_PARAM_MAX];
    float *x[ONUS_IN_MAX], *dx[ONUS_IN_MAX], *y, *dy, *param[ONUS_PARAM_MAX],
        *grad[ONUS_PARAM_MAX], *label, *weight;
    double *norm2;
    void *saved, *scratch;
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

/* Arrays full of seeded numbers; labels are classes where the loss takes several numbers, else
 * 0 or
 * 1. The kernels of ex are used later, too. */
static inline void op_run_make(op_run *r, const onus_op *op, const onus_attr *attr,
                               const onus_shape *in, int64_t B, const onus_exec *ex, float away,
                               uint64_t seed)
{
    uint64_t s = seed * 2 + 1;
    *r = (op_run){.op = op, .B = B};
    memcpy(r->attr, attr, sizeof r->attr);
    for (int k = 0; k < op->n_in; k++) {
        r->in_shape[k] = *in;
        r->n_in[k] = onus_shape_numel(in);
        r->x[k] = op_floats(&s, B * r->n_in[k], away);
        r->dx[k] = op_array((size_t)(B * r->n_in[k]), sizeof(float));
    }
    if (op->shape(r->attr, r->in_shape, op->n_in, &r->out_shape, NULL) != ONUS_OK) abort();
    r->n_out = onus_shape_numel(&r->out_shape);
    r->y = op_array((size_t)(B * r->n_out), sizeof(float));
    r->dy = op_floats(&s, B * r->n_out, 0);
    r->n_params = op->params(r->attr, r->in_shape, r->def);
    for (int k = 0; k < r->n_params; k++) {
        r->n_param[k] = onus_shape_numel(&r->def[k].shape);
        r->param[k] = op_floats(&s, r->n_param[k], 0);
        r->grad[k] = op_array((size_t)r->n_param[k], sizeof(float));
    }
    r->label = op_array((size_t)B, sizeof(float));
    r->weight = op_array((size_t)B, sizeof(float));
    for (int64_t b = 0; b < B; b++) {
        const uint64_t classes = r->n_in[0] > 1 ? (uint64_t)r->n_in[0] : 2;
        r->label[b] = (float)(op_word(&s) % classes);
        r->weight[b] = 0.5f + 0.25f * (float)(op_word(&s) % 8);
    }
    r->norm2 = op_array((size_t)B, sizeof(double));
    r->saved_bytes = op->saved(r->attr, r->in_shape, B);
    r->saved = op_array(r->saved_bytes, 1);
    r->scratch = op_array(op->scratch(ex, r->attr, r->in_shape, B), 1);
    onus_call *c = &r->call;
    *c = (onus_call){.ex = ex,
                     .attr = r->attr,
                     .B = B,
                     .n_in = op->n_in,
                     .out_shape = r->out_shape,
                     .out = r->y,
                     .saved = r->saved,
                     .scratch = r->scratch,
                     .d_out = op->is_loss ? NULL : r->dy,
                     .label = r->label,
                     .weight = r->weight,
                     .loss_scale = 0.125f,
                     .seed = 77,
                     .step = 3,
                     .node = 5,
                     .first = 11,
                     .training = true};
    for (int k = 0; k < op->n_in; k++) {
        c->in_shape[k] = r->in_shape[k];
        c->in[k] = r->x[k];
        c->d_in[k] = r->dx[k];
    }
    for (int k = 0; k < r->n_params; k++) {
        c->param[k] = r->param[k];
        c->grad[k] = r->grad[k];
    }
}

static inline void op_run_free(op_run *r)
{
    for (int k = 0; k < r->op->n_in; k++) {
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
    free(r->norm2);
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
