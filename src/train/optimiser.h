/* SPDX-License-Identifier: Apache-2.0
 * optimiser.h - one sweep over the block of parameters. States have the block's layout. */
#ifndef ONUS_TRAIN_OPTIMISER_H
#define ONUS_TRAIN_OPTIMISER_H
#include "num/kernels.h"
#include "train/train.h"

typedef struct {
    const onus_train_spec *spec;
    onus_net *net;
    const onus_exec *ex;
    float *m, *v;            /* momentum: m; Adam: m and v; else NULL */
    double beta1_t, beta2_t; /* beta^t, by multiplication, t steps done */
    int64_t t;
} onus_optimiser_state;

onus_status onus_optimiser_init(onus_optimiser_state *o, const onus_train_spec *spec,
                                onus_net *net, const onus_exec *ex, onus_arena *arena,
                                onus_err *err) ONUS_CHECKED;
/* Sets t after a checkpoint has filled m and v. */
void onus_optimiser_restore(onus_optimiser_state *o, int64_t t);
/* A step's gradient, laid out as the parameters: of; or, where sums is not NULL, (float)(sums /
 * divisor). */
typedef struct {
    const float *of;
    const double *sums;
    double divisor;
} onus_gradient;
void onus_optimiser_step(onus_optimiser_state *o, const onus_gradient *grad, double rate);
/* Bytes that a step reads and writes: parameters, gradient, averages of what is trained. */
double onus_optimiser_bytes(const onus_optimiser_state *o);
#endif
