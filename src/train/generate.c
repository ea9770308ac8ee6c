/* SPDX-License-Identifier: Apache-2.0
 * generate.c - text from a model that predicts the next token.
 *
 * Every step runs the whole context again, a row a text: what stands behind a text's end is
 * absent. The draw of text b, step i is word i of the stream (seed, node b): no draw depends on
 * the batch. A token is chosen by the first cumulative weight above the draw, in binary64,
 * tokens in order; temperature 0 takes the likeliest, the first of equals. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/fp.h"
#include "num/philox.h"
#include "num/vec.h"
#include "train/train.h"

/* One token of V logits. */
static int32_t choose(const float *logit, int64_t V, double temperature, float u)
{
    int64_t best = 0;
    for (int64_t k = 1; k < V; k++)
        if (logit[k] > logit[best]) best = k;
    if (temperature <= 0) return (int32_t)best;
    double sum = 0, at = 0;
    for (int64_t k = 0; k < V; k++)
        sum = sum + onus_exp64(((double)logit[k] - (double)logit[best]) / temperature);
    for (int64_t k = 0; k < V; k++) {
        at = at + onus_exp64(((double)logit[k] - (double)logit[best]) / temperature);
        if (at > (double)u * sum) return (int32_t)k;
    }
    return (int32_t)best;
}

/* The last tokens of a text, as many as the net reads. */
static void put(float *x, int64_t context, const int32_t *ids, int64_t n)
{
    const int64_t from = n > context ? n - context : 0;
    for (int64_t i = 0; i < context; i++) x[i] = from + i < n ? (float)ids[from + i] : -1.0f;
}

static onus_status check_given(const onus_generation *g, const int32_t *ids, int64_t V,
                               onus_err *err)
{
    for (int64_t t = 0; t < g->n; t++)
        for (int64_t i = 0; i < g->given; i++) {
            const int32_t id = ids[t * (g->given + g->more) + i];
            if (id < 0 || id >= V)
                return onus_fail(err, ONUS_BAD_ARG,
                                 "generate: token %lld of text %lld is %d, the model has 0 to "
                                 "%lld",
                                 (long long)i, (long long)t, (int)id, (long long)V - 1);
        }
    return ONUS_OK;
}

onus_status onus_generate(onus_net *net, const onus_exec *ex, const onus_generation *g,
                          int32_t *ids, const onus_allocator *mem, onus_err *err)
{
    onus_plan *plan = NULL;
    const onus_shape *in = onus_net_input_shape(net);
    const int64_t context = in->d[0], V = onus_net_logits(net) / context,
                  size = g->given + g->more;
    if (in->n != 1 || onus_net_labels(net) != context || g->given < 1 || g->n < 1 ||
        g->more < 0)
        return onus_fail(err, ONUS_BAD_ARG,
                         "generate: the model predicts no next token, or no token was given");
    onus_status st = check_given(g, ids, V, err);
    if (st != ONUS_OK) return st;
    onus_fp_set();
    st = onus_plan_create(&plan, net, ex, ONUS_PLAN_PREDICT, g->n, mem, err);
    if (st != ONUS_OK) return st;
    for (int64_t i = 0; i < g->more; i++) {
        const int64_t n = g->given + i, last = (n < context ? n : context) - 1;
        const onus_batch b = {.B = g->n};
        for (int64_t t = 0; t < g->n; t++)
            put(onus_plan_input(plan) + t * context, context, ids + t * size, n);
        onus_plan_forward(plan, &b);
        for (int64_t t = 0; t < g->n; t++) {
            const onus_stream s = {
                .seed = g->seed, .node = (uint32_t)t, .purpose = ONUS_DRAW_TEXT};
            float u;
            onus_stream_uniform(&s, (uint64_t)i, 1, &u);
            ids[t * size + n] =
                choose(onus_plan_logits(plan) + (t * context + last) * V, V, g->temperature, u);
        }
    }
    onus_plan_destroy(plan);
    return ONUS_OK;
}
