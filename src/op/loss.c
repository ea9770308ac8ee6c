/* SPDX-License-Identifier: Apache-2.0
 * loss.c - losses of one number: logistic loss on a logit, squared error.
 *
 * Logistic: (max(z, 0) - z y) + log(1 + exp(-|z|)), the form that never overflows; gradient ((p
 * - y) w) (float)(1/N). Squared: (x - y)^2; gradient ((2 (x - y)) w) (float)(1/N). */
#include "base/fail.h"
#include "num/kernels.h"
#include "op/each.h"

static onus_status one_number(const char *name, const onus_shape *in, onus_shape *out,
                              onus_err *err)
{
    char text[96];
    if (onus_shape_numel(in) != 1) {
        onus_shape_text(in, text, sizeof text);
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: takes one number an example, expected shape (1), got %s", name,
                         text);
    }
    *out = (onus_shape){.n = 0};
    return ONUS_OK;
}

static onus_status logistic_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                                  onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in;
    return one_number("logistic_loss", &in[0], out, err);
}

static size_t logistic_saved(const onus_attr *attr, const onus_shape in[], int64_t B)
{
    (void)attr, (void)in;
    return (size_t)B * sizeof(float); /* probabilities */
}

static void logistic_forward(onus_call *c)
{
    const onus_kernels *k = c->ex->k;
    float *p = c->saved;
    for (int64_t b = 0; b < c->B; b++)
        p[b] = c->in[0][b] < 0.0f ? c->in[0][b] : -c->in[0][b]; /* -|z|, NaN kept */
    k->exp(p, c->out, c->B);
    for (int64_t b = 0; b < c->B; b++) c->out[b] = 1.0f + c->out[b];
    k->log(c->out, c->out, c->B);
    for (int64_t b = 0; b < c->B; b++) {
        const float z = c->in[0][b];
        const float top = z > 0.0f ? z : 0.0f;
        const float given = z * c->label[b];
        const float straight = top - given;
        c->out[b] = straight + c->out[b];
    }
    k->sigmoid(c->in[0], p, c->B);
}

static void logistic_backward(onus_call *c)
{
    const float *p = c->saved;
    for (int64_t b = 0; c->d_in[0] && b < c->B; b++) {
        const float error = p[b] - c->label[b];
        const float weighted = error * (c->weight ? c->weight[b] : 1.0f);
        c->d_in[0][b] = weighted * c->loss_scale;
    }
}

/* Forward: nine operations as above, sigmoid included; number, label, loss, p. Backward: p - y,
 * times w, times the scale; p, label, weight, gradient. */
static onus_cost logistic_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                               onus_pass pass)
{
    (void)attr;
    return onus_cost_each(&in[0], B, pass, 9, 3, 16, 16);
}

const onus_op onus_op_logistic_loss = ONUS_OP_ROW(
    "logistic_loss", "-log of the label's probability under sigmoid(x)", 1, 1,
    ONUS_OP_LOSS | ONUS_OP_IGNORES, 0, NULL, 0, logistic_shape, onus_no_params, onus_no_rows,
    logistic_saved, onus_no_scratch, ONUS_CAN(logistic_forward), ONUS_CAN(logistic_backward),
    ONUS_CAN(onus_no_norm2), ONUS_CAN(onus_no_grad), ONUS_NO_TIES,
    ONUS_REFUSES("a loss is trained on, not explained"), ONUS_CAN(logistic_cost));

static onus_status squared_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                                 onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in;
    return one_number("squared_error", &in[0], out, err);
}

static void squared_forward(onus_call *c)
{
    for (int64_t b = 0; b < c->B; b++) {
        const float error = c->in[0][b] - c->label[b];
        c->out[b] = error * error;
    }
}

static void squared_backward(onus_call *c)
{
    for (int64_t b = 0; c->d_in[0] && b < c->B; b++) {
        const float error = c->in[0][b] - c->label[b];
        const float twice = 2.0f * error;
        const float weighted = twice * (c->weight ? c->weight[b] : 1.0f);
        c->d_in[0][b] = weighted * c->loss_scale;
    }
}

static onus_cost squared_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                              onus_pass pass)
{
    (void)attr;
    return onus_cost_each(&in[0], B, pass, 2, 4, 12, 16);
}

const onus_op onus_op_squared_error = ONUS_OP_ROW(
    "squared_error", "(x - y)^2", 1, 1, ONUS_OP_LOSS, ONUS_KEEPS_IN, NULL, 0, squared_shape,
    onus_no_params, onus_no_rows, onus_no_bytes, onus_no_scratch, ONUS_CAN(squared_forward),
    ONUS_CAN(squared_backward), ONUS_CAN(onus_no_norm2), ONUS_CAN(onus_no_grad), ONUS_NO_TIES,
    ONUS_REFUSES("a loss is trained on, not explained"), ONUS_CAN(squared_cost));
