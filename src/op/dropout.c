/* SPDX-License-Identifier: Apache-2.0
 * dropout.c - in training an element is kept with probability 1 - rate and scaled by (float)(1
 * / (1 - rate)); else it passes. The draw belongs to the element's place in the logical batch
 * (contract, item 9), so micro-batches draw the same. */
#include <string.h>

#include "num/philox.h"
#include "op/each.h"

enum { RATE };
static const onus_attr_def attrs[] = {
    {"rate", ONUS_ATTR_REAL, 0.1, 0, 0.99, "share of elements dropped in training"}};

static size_t saved(const onus_attr *attr, const onus_shape in[], int64_t B)
{
    (void)attr;
    return (size_t)(B * onus_shape_numel(&in[0])); /* one byte an element: kept or not */
}

static void apply(const uint8_t *keep, float scale, const float *x, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const float scaled = x[i] * scale;
        y[i] = keep[i] ? scaled : 0.0f;
    }
}

static void forward_range(const onus_call *c, int64_t begin, int64_t end)
{
    const onus_stream s = {
        .seed = c->seed, .step = c->step, .node = c->node, .purpose = ONUS_DRAW_DROPOUT};
    const int64_t place = c->first * onus_shape_numel(&c->out_shape);
    uint8_t *keep = (uint8_t *)c->saved + begin;
    onus_stream_keep(&s, (uint64_t)(place + begin), end - begin, c->attr[RATE].r, keep);
    apply(keep, (float)(1.0 / (1.0 - c->attr[RATE].r)), c->in[0] + begin, c->out + begin,
          end - begin);
}

static void forward(onus_call *c)
{
    const int64_t n = onus_call_out(c);
    if (c->training)
        onus_each(c, n, 16, 8, forward_range);
    else if (c->out != c->in[0])
        memcpy(c->out, c->in[0], (size_t)n * sizeof(float));
}

static void backward_range(const onus_call *c, int64_t begin, int64_t end)
{
    apply((const uint8_t *)c->saved + begin, (float)(1.0 / (1.0 - c->attr[RATE].r)),
          c->d_out + begin, c->d_in[0] + begin, end - begin);
}

static void backward(onus_call *c)
{
    const int64_t n = onus_call_out(c);
    if (!c->d_in[0]) return;
    if (c->training)
        onus_each(c, n, 16, 1, backward_range);
    else if (c->d_in[0] != c->d_out)
        memcpy(c->d_in[0], c->d_out, (size_t)n * sizeof(float));
}

/* Linear: the multiplier is its factor. */
static void relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    backward(c);
}

/* Forward: the draw and the scaling. */
static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B, onus_pass pass)
{
    (void)attr;
    return onus_cost_each(&in[0], B, pass, 2, 1, 9, 9);
}

const onus_op onus_op_dropout =
    ONUS_OP_ROW("dropout", "zeroes elements in training", 1, 1, ONUS_OP_INPLACE, 0, attrs, 1,
                onus_same_shape, onus_no_params, onus_no_rows, saved, onus_no_scratch,
                ONUS_CAN(forward), ONUS_CAN(backward), ONUS_CAN(onus_no_terms),
                ONUS_CAN(onus_no_grad), ONUS_CAN(relevance), ONUS_CAN(cost));
