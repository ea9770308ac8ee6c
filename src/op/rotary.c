/* SPDX-License-Identifier: Apache-2.0
 * rotary.c - rotary positions (Su and others 2021, arXiv:2104.09864) on the heads of a sequence
 * (T, heads * size): the pair i of every head at position t is turned by the angle (float)t *
 * f, f = base^(-2 i / size) computed in binary64 and rounded once (contract, item 5). A pair is
 * (x[i], x[i + size / 2]), as in Llama's weights at Hugging Face, or (x[2 i], x[2 i + 1]), as
 * in the paper.
 *
 * A rotation is linear and its transpose turns back: gradients and multipliers of relevance are
 * turned by -angle. Sines and cosines are computed once a call. */
#include "base/fail.h"
#include "num/kernels.h"
#include "num/vec.h"
#include "op/each.h"

enum { SIZE, BASE, INTERLEAVED };
static const onus_attr_def attrs[] = {
    {"head_size", ONUS_ATTR_INT, 64, 2, 1 << 16, "numbers of a head; even"},
    {"base", ONUS_ATTR_REAL, 10000, 1, 1e9,
     "pair i turns by base^(-2 i / head_size) a position"},
    {"interleaved", ONUS_ATTR_INT, 0, 0, 1, "1: pairs are neighbours; 0: halves of the head"},
};
enum { N_ATTRS = sizeof attrs / sizeof *attrs, POSITIONS_MAX = 1 << 20 };

static onus_status shape(const onus_attr *attr, const onus_shape in[], int n_in,
                         onus_shape *out, onus_err *err)
{
    (void)n_in;
    char text[96];
    const int64_t size = attr[SIZE].i;
    onus_shape_text(&in[0], text, sizeof text);
    if (size % 2)
        return onus_fail(err, ONUS_BAD_INPUT, "rotary: head_size %lld, expected an even number",
                         (long long)size);
    if (in[0].n != 2 || in[0].d[1] % size || in[0].d[0] > POSITIONS_MAX)
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "rotary: takes heads of %lld numbers, expected shape (positions, heads "
            "* %lld), at most %d positions, got %s",
            (long long)size, (long long)size, POSITIONS_MAX, text);
    *out = in[0];
    return ONUS_OK;
}

/* Cosines (T, size / 2), then sines. */
static size_t scratch(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                      int64_t B)
{
    (void)ex, (void)B;
    return (size_t)(in[0].d[0] * attr[SIZE].i) * sizeof(float);
}

static void make_table(onus_call *c)
{
    const int64_t T = c->in_shape[0].d[0], half = c->attr[SIZE].i / 2;
    float *cosine = c->scratch, *sine = cosine + T * half;
    const double log_base = onus_log64(c->attr[BASE].r);
    for (int64_t i = 0; i < half; i++) {
        const double share = (double)(2 * i) / (double)c->attr[SIZE].i;
        const float f = (float)onus_exp64(-share * log_base);
        for (int64_t t = 0; t < T; t++) sine[t * half + i] = (float)t * f;
    }
    c->ex->k->cos(sine, cosine, T * half);
    c->ex->k->sin(sine, sine, T * half);
}

/* One head at one position, y may be x: y1 = x1 cos - x2 sin, y2 = x2 cos + x1 sin, of the
 * angle or of -angle (back). */
static void turn(const float *x, float *y, const float *cosine, const float *sine, int64_t half,
                 bool interleaved, bool back)
{
    const int64_t step = interleaved ? 2 : 1, far_ = interleaved ? 1 : half;
    for (int64_t i = 0; i < half; i++) {
        const float s = back ? -sine[i] : sine[i];
        const float x1 = x[i * step], x2 = x[i * step + far_];
        const float a1 = x1 * cosine[i], b1 = x2 * s;
        const float a2 = x2 * cosine[i], b2 = x1 * s;
        y[i * step] = a1 - b1;
        y[i * step + far_] = a2 + b2;
    }
}

/* Rows [begin, end) of all examples' positions. */
static void turn_rows(const onus_call *c, const float *x, float *y, int64_t begin, int64_t end,
                      bool back)
{
    const int64_t T = c->in_shape[0].d[0], d = c->in_shape[0].d[1], size = c->attr[SIZE].i;
    const float *cosine = c->scratch, *sine = cosine + T * (size / 2);
    for (int64_t r = begin; r < end; r++) {
        const int64_t at = r % T * (size / 2);
        for (int64_t h = r * d; h < (r + 1) * d; h += size)
            turn(x + h, y + h, cosine + at, sine + at, size / 2, c->attr[INTERLEAVED].i, back);
    }
}

static void forward_range(const onus_call *c, int64_t begin, int64_t end)
{
    turn_rows(c, c->in[0], c->out, begin, end, false);
}

static void forward(onus_call *c)
{
    make_table(c);
    onus_each(c, c->B * c->in_shape[0].d[0], 1, 2 * c->in_shape[0].d[1], forward_range);
}

static void backward_range(const onus_call *c, int64_t begin, int64_t end)
{
    turn_rows(c, c->d_out, c->d_in[0], begin, end, true);
}

static void backward(onus_call *c)
{
    if (!c->d_in[0]) return;
    make_table(c);
    onus_each(c, c->B * c->in_shape[0].d[0], 1, 2 * c->in_shape[0].d[1], backward_range);
}

static void relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    backward(c);
}

/* Two products and a sum an element; the angle, its sine and its cosine for each pair of a
 * position. */
static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B, onus_pass pass)
{
    onus_cost c = onus_cost_each(&in[0], B, pass, 3, 3, 8, 8);
    if (pass == ONUS_PASS_FORWARD || pass == ONUS_PASS_BACKWARD)
        c.multiply_adds += 1.5 * (double)(in[0].d[0] * attr[SIZE].i);
    return c;
}

const onus_op onus_op_rotary = ONUS_OP_ROW(
    "rotary", "turns the pairs of every head by their position", 1, 1, ONUS_OP_INPLACE, 0,
    attrs, N_ATTRS, shape, onus_no_params, onus_no_rows, onus_no_bytes, scratch,
    ONUS_CAN(forward), ONUS_CAN(backward), ONUS_CAN(onus_no_terms), ONUS_CAN(onus_no_grad),
    ONUS_CAN(relevance), ONUS_CAN(cost));
