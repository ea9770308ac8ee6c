/* SPDX-License-Identifier: Apache-2.0
 * each.c - see each.h. */
#include "op/each.h"

#include <assert.h>

#include <math.h>
#include <string.h>

enum { WORTH_WAKING = 32768 };

typedef struct {
    const onus_call *c;
    int64_t n, grain;
    onus_range_fn fn;
} each_job;

static void each_part(void *ctx, int part, int n_parts)
{
    const each_job *j = ctx;
    int64_t begin, end;
    onus_split(j->n, j->grain, part, n_parts, &begin, &end);
    if (begin < end) j->fn(j->c, begin, end);
}

void onus_each(const onus_call *c, int64_t n, int64_t grain, int64_t cost, onus_range_fn fn)
{
    each_job j = {.c = c, .n = n, .grain = grain, .fn = fn};
    if (n * cost < WORTH_WAKING)
        each_part(&j, 0, 1);
    else
        onus_pool_run(c->ex->pool, each_part, &j);
}

typedef struct {
    const onus_call *c;
    int64_t n;
    onus_part_fn fn;
} part_job;

static void run_part(void *ctx, int part, int n_parts)
{
    const part_job *j = ctx;
    int64_t begin, end;
    onus_split(j->n, 1, part, n_parts, &begin, &end);
    if (begin < end) j->fn(j->c, part, begin, end);
}

void onus_each_part(const onus_call *c, int64_t n, onus_part_fn fn)
{
    part_job j = {.c = c, .n = n, .fn = fn};
    onus_pool_run(c->ex->pool, run_part, &j);
}

int64_t onus_call_out(const onus_call *c)
{
    return c->B * onus_shape_numel(&c->out_shape);
}

int onus_no_params(const onus_attr *attr, const onus_shape in[],
                   onus_param_def out[ONUS_PARAM_MAX])
{
    (void)attr, (void)in, (void)out;
    return 0;
}

int64_t onus_no_rows(const onus_attr *attr, const onus_shape in[])
{
    (void)attr, (void)in;
    return 1;
}

size_t onus_no_bytes(const onus_attr *attr, const onus_shape in[], int64_t B)
{
    (void)attr, (void)in, (void)B;
    return 0;
}

size_t onus_no_scratch(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                       int64_t B)
{
    (void)ex, (void)attr, (void)in, (void)B;
    return 0;
}

bool onus_one_step(const onus_call *c, int64_t step, onus_terms_step *out)
{
    *out = (onus_terms_step){.n = c->B};
    return step <= 0;
}

onus_terms *onus_term_add(onus_terms_step *s, onus_term_kind kind, int param)
{
    onus_terms *t = &s->block[s->n_blocks++];
    assert(s->n_blocks <= ONUS_TERMS_MAX);
    *t = (onus_terms){.kind = kind, .param = param, .rows = 1};
    return t;
}

bool onus_no_terms(onus_call *c, int64_t step, onus_terms_step *out)
{
    return onus_one_step(c, step, out);
}

void onus_no_grad(onus_call *c)
{
    (void)c;
}

onus_status onus_same_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                            onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in, (void)err;
    *out = in[0];
    return ONUS_OK;
}

void onus_rescale(onus_call *c, const onus_call *c0, const float *from, onus_back_kernel back)
{
    enum { PIECE = 256 };
    float m[PIECE]; /* d_in may be d_out, which is needed to the end */
    const int64_t n = onus_call_out(c);
    for (int64_t at = 0; at < n; at += PIECE) {
        const int64_t k = n - at < PIECE ? n - at : PIECE;
        back(from + at, c->d_out + at, m, k);
        for (int64_t i = 0; i < k; i++) {
            const float dx = c->in[0][at + i] - c0->in[0][at + i];
            const float dy = c->out[at + i] - c0->out[at + i];
            if (fabsf(dx) > 1e-6f) m[i] = c->d_out[at + i] * (dy / dx);
        }
        memcpy(c->d_in[0] + at, m, (size_t)k * sizeof *m);
    }
}

onus_cost onus_cost_each(const onus_shape *in, int64_t B, onus_pass pass, double forward,
                         double backward, double bytes_forward, double bytes_backward)
{
    const double n = (double)(B * onus_shape_numel(in));
    if (pass == ONUS_PASS_FORWARD) return (onus_cost){forward * n, bytes_forward * n};
    if (pass == ONUS_PASS_BACKWARD) return (onus_cost){backward * n, bytes_backward * n};
    return (onus_cost){0};
}
