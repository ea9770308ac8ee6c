/* SPDX-License-Identifier: Apache-2.0
 * each.c - see each.h. */
#include "op/each.h"

#include <math.h>

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

int64_t onus_call_in(const onus_call *c, int i)
{
    return c->B * onus_shape_numel(&c->in_shape[i]);
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

void onus_no_norm2(onus_call *c, double *norm2)
{
    (void)c, (void)norm2;
}

void onus_no_grad(onus_call *c, const float *w)
{
    (void)c, (void)w;
}

onus_status onus_same_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                            onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in, (void)err;
    *out = in[0];
    return ONUS_OK;
}

void onus_rescale(onus_call *c, const onus_call *c0)
{
    const int64_t n = onus_call_out(c);
    for (int64_t i = 0; i < n; i++) {
        const float dx = c->in[0][i] - c0->in[0][i];
        const float dy = c->out[i] - c0->out[i];
        if (fabsf(dx) > 1e-6f) c->d_in[0][i] = c->d_out[i] * (dy / dx);
    }
}
