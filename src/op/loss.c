/* SPDX-License-Identifier: Apache-2.0
 * loss.c - losses of numbers, one a label: logistic loss on a logit, squared error. Outputs of
 * several labels an example have a loss each.
 *
 * Logistic: (max(z, 0) - z y) + log(1 + exp(-|z|)), the form that never overflows; gradient ((p
 * - y) w) (float)(1/N); a label below 0 is ignored. Squared: (x - y)^2; gradient ((2 (x - y))
 * w) (float)(1/N). */
#include "base/fail.h"
#include "num/kernels.h"
#include "op/each.h"

/* One number an example, however it is shaped, has a loss without axes. */
static onus_status shape(const onus_attr *attr, const onus_shape in[], int n_in,
                         onus_shape *out, onus_err *err)
{
    (void)attr, (void)n_in, (void)err;
    *out = onus_shape_numel(&in[0]) == 1 ? (onus_shape){.n = 0} : in[0];
    return ONUS_OK;
}

/* The weight of the example that number i belongs to. */
static float weight_of(const onus_call *c, int64_t i)
{
    return c->weight ? c->weight[i / onus_shape_numel(&c->out_shape)] : 1.0f;
}

static size_t logistic_saved(const onus_attr *attr, const onus_shape in[], int64_t B)
{
    (void)attr;
    return (size_t)(B * onus_shape_numel(&in[0])) * sizeof(float); /* probabilities */
}

static void logistic_range(const onus_call *c, int64_t begin, int64_t end)
{
    const onus_kernels *k = c->ex->k;
    const float *x = c->in[0];
    float *p = c->saved, *out = c->out;
    for (int64_t i = begin; i < end; i++)
        p[i] = x[i] < 0.0f ? x[i] : -x[i]; /* -|z|, NaN kept */
    k->exp(p + begin, out + begin, end - begin);
    for (int64_t i = begin; i < end; i++) out[i] = 1.0f + out[i];
    k->log(out + begin, out + begin, end - begin);
    for (int64_t i = begin; i < end; i++) {
        const float top = x[i] > 0.0f ? x[i] : 0.0f;
        const float given = x[i] * c->label[i];
        const float straight = top - given;
        const float loss = straight + out[i];
        out[i] = c->label[i] < 0.0f ? 0.0f : loss;
    }
    k->sigmoid(x + begin, p + begin, end - begin);
}

static void logistic_forward(onus_call *c)
{
    onus_each(c, onus_call_out(c), 16, 32, logistic_range);
}

static void logistic_backward(onus_call *c)
{
    const float *p = c->saved;
    const int64_t n = onus_call_out(c);
    for (int64_t i = 0; c->d_in[0] && i < n; i++) {
        const float error = p[i] - c->label[i];
        const float weighted = error * weight_of(c, i);
        const float scaled = weighted * c->loss_scale;
        c->d_in[0][i] = c->label[i] < 0.0f ? 0.0f : scaled;
    }
}

/* Labels are as many as numbers, weights as examples. Forward: nine operations as above,
 * sigmoid included; number, label, loss, p. Backward: p - y, times w, times the scale; p,
 * label, gradient. */
static onus_cost logistic_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                               onus_pass pass)
{
    (void)attr;
    onus_cost c = onus_cost_each(&in[0], B, pass, 9, 3, 16, 12);
    if (pass == ONUS_PASS_BACKWARD) c.bytes += 4 * (double)B;
    return c;
}

const onus_op onus_op_logistic_loss = ONUS_OP_ROW(
    "logistic_loss", "-log of the label's probability under sigmoid(x), number by number", 1, 1,
    ONUS_OP_LOSS | ONUS_OP_IGNORES, 0, NULL, 0, shape, onus_no_params, onus_no_rows,
    logistic_saved, onus_no_scratch, ONUS_CAN(logistic_forward), ONUS_CAN(logistic_backward),
    ONUS_CAN(onus_no_terms), ONUS_CAN(onus_no_grad),
    ONUS_REFUSES("a loss is trained on, not explained"), ONUS_CAN(logistic_cost));

static void squared_forward(onus_call *c)
{
    const int64_t n = onus_call_out(c);
    for (int64_t i = 0; i < n; i++) {
        const float error = c->in[0][i] - c->label[i];
        c->out[i] = error * error;
    }
}

static void squared_backward(onus_call *c)
{
    const int64_t n = onus_call_out(c);
    for (int64_t i = 0; c->d_in[0] && i < n; i++) {
        const float error = c->in[0][i] - c->label[i];
        const float twice = 2.0f * error;
        const float weighted = twice * weight_of(c, i);
        c->d_in[0][i] = weighted * c->loss_scale;
    }
}

static onus_cost squared_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                              onus_pass pass)
{
    (void)attr;
    onus_cost c = onus_cost_each(&in[0], B, pass, 2, 4, 12, 12);
    if (pass == ONUS_PASS_BACKWARD) c.bytes += 4 * (double)B;
    return c;
}

const onus_op onus_op_squared_error =
    ONUS_OP_ROW("squared_error", "(x - y)^2, number by number", 1, 1, ONUS_OP_LOSS,
                ONUS_KEEPS_IN, NULL, 0, shape, onus_no_params, onus_no_rows, onus_no_bytes,
                onus_no_scratch, ONUS_CAN(squared_forward), ONUS_CAN(squared_backward),
                ONUS_CAN(onus_no_terms), ONUS_CAN(onus_no_grad),
                ONUS_REFUSES("a loss is trained on, not explained"), ONUS_CAN(squared_cost));
