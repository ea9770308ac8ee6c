/* SPDX-License-Identifier: Apache-2.0
 * activation.c - functions of one element: relu, sigmoid, tanh, gelu, gelu_tanh, silu. They
 * have no parameters, so an example's gradient norm gets nothing from them; multipliers follow
 * the rescale rule. */
#include "num/kernels.h"
#include "op/each.h"

enum { PIECE = 512 }; /* numbers at a time; the next piece is fetched ahead */

/* Functions y = f(x) with dx from (y, dy): relu, sigmoid, tanh; from (x, dy): the
 * others. */
#define FORWARD(name)                                                    \
    static void name##_range(const onus_call *c, int64_t i, int64_t end) \
    {                                                                    \
        for (int64_t n; i < end; i += n) {                               \
            n = end - i < PIECE ? end - i : PIECE;                       \
            onus_fetch_ahead(c->in[0], i + n, end, PIECE);               \
            c->ex->k->name(c->in[0] + i, c->out + i, n);                 \
        }                                                                \
    }                                                                    \
    static void name##_forward(onus_call *c)                             \
    {                                                                    \
        onus_each(c, onus_call_out(c), 16, COST_##name, name##_range);   \
    }
#define BACKWARD(name, from)                                                                \
    static void name##_back_range(const onus_call *c, int64_t i, int64_t end)               \
    {                                                                                       \
        for (int64_t n; i < end; i += n) {                                                  \
            n = end - i < PIECE ? end - i : PIECE;                                          \
            onus_fetch_ahead(c->from, i + n, end, PIECE);                                   \
            onus_fetch_ahead(c->d_out, i + n, end, PIECE);                                  \
            c->ex->k->name##_back(c->from + i, c->d_out + i, c->d_in[0] + i, n);            \
        }                                                                                   \
    }                                                                                       \
    static void name##_backward(onus_call *c)                                               \
    {                                                                                       \
        if (c->d_in[0]) onus_each(c, onus_call_out(c), 16, COST_##name, name##_back_range); \
    }                                                                                       \
    static void name##_relevance(onus_call *c, const onus_call *c0)                         \
    {                                                                                       \
        if (c->d_in[0]) onus_rescale(c, c0, c->from, c->ex->k->name##_back);                \
    }

/* Rough work of an element in units of a multiply-add: what onus_each weighs. */
enum {
    COST_relu = 1,
    COST_sigmoid = 8,
    COST_tanh = 8,
    COST_gelu = 16,
    COST_gelu_tanh = 12,
    COST_silu = 8
};

FORWARD(relu)
BACKWARD(relu, out)
FORWARD(sigmoid)
BACKWARD(sigmoid, out)
FORWARD(tanh)
BACKWARD(tanh, out)
FORWARD(gelu)
BACKWARD(gelu, in[0])
FORWARD(gelu_tanh)
BACKWARD(gelu_tanh, in[0])
FORWARD(silu)
BACKWARD(silu, in[0])

static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B, onus_pass pass)
{
    (void)attr;
    return onus_cost_each(&in[0], B, pass, 1, 1, 8, 12);
}

#define ROW(name, help, flags, keeps)                                                        \
    ONUS_OP_ROW(#name, help, 1, 1, flags, keeps | ONUS_RELEVANCE_IN | ONUS_RELEVANCE_OUT,    \
                NULL, 0, onus_same_shape, onus_no_params, onus_no_rows, onus_no_bytes,       \
                onus_no_scratch, ONUS_CAN(name##_forward), ONUS_CAN(name##_backward),        \
                ONUS_CAN(onus_no_terms), ONUS_CAN(onus_no_grad), ONUS_CAN(name##_relevance), \
                ONUS_CAN(cost))

const onus_op onus_op_relu = ROW(relu, "y = x < 0 ? 0 : x", ONUS_OP_INPLACE, ONUS_KEEPS_OUT);
const onus_op onus_op_sigmoid =
    ROW(sigmoid, "y = 1 / (1 + exp(-x))", ONUS_OP_INPLACE, ONUS_KEEPS_OUT);
const onus_op onus_op_tanh = ROW(tanh, "y = tanh x", ONUS_OP_INPLACE, ONUS_KEEPS_OUT);
const onus_op onus_op_gelu = ROW(gelu, "y = x (1 + erf(x / sqrt 2)) / 2", 0, ONUS_KEEPS_IN);
const onus_op onus_op_gelu_tanh =
    ROW(gelu_tanh, "y = x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2", 0, ONUS_KEEPS_IN);
const onus_op onus_op_silu = ROW(silu, "y = x / (1 + exp(-x))", 0, ONUS_KEEPS_IN);
