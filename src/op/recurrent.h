/* SPDX-License-Identifier: Apache-2.0
 * recurrent.h - what lstm and gru share: one layer, one direction, over (T, n) and, where a
 * second input holds tokens, over the positions that are there. A cell says what a step does;
 * recurrent.c runs the steps and shares them out, recurrent_sums.c adds up the gradients. */
#ifndef ONUS_OP_RECURRENT_H
#define ONUS_OP_RECURRENT_H
#include "op/op.h"

/* A step as its cell sees it: arrays of one example's position. `row` is what is kept of it:
 * its first blocks of `hidden` are the cell's own. */
typedef struct {
    float *row;
    const float *row0;    /* kept of the step before; NULL at the first one */
    const float *h0;      /* the state before, zeros at the first step */
    const float *zero;    /* (hidden) +0 */
    const float *zh;      /* forward: U h0 + b' (gates, hidden) */
    float *h;             /* forward: the output */
    const float *dy, *dh; /* backward: the output's gradient, and what came through U */
    float *carry;         /* backward: what comes around U from the step after */
    float *dz;            /* backward: (4, hidden), see below */
} onus_cell_step;

/* A step at the input [0] and at the reference [1], for relevance; multipliers are binary64. */
typedef struct {
    const float *row[2],
        *before[2]; /* kept of the step, of the one before: NULL at the first */
    const float *h0[2];
    const double *zx[2], *zh[2]; /* (gates, hidden) W x + b; U h0 + b' */
    const double *m;             /* (hidden) of h */
    double *carry;               /* (hidden) of what else goes from step to step: in and out */
    double *through;             /* (hidden) of h0, beside U: written */
    double *mx, *mh;             /* (gates, hidden) of W x + b, of U h0 + b': written */
} onus_cell_share;

/* Slope of a gate y = f(z) between two runs; where these nearly agree its derivative between
 * them, which is less rounded. */
static inline double onus_gate_slope(float y, float y0, double z, double z0, bool is_tanh)
{
    const double middle = 0.5 * ((double)y + (double)y0), step = z - z0;
    if (step > 1e-4 || step < -1e-4) return ((double)y - (double)y0) / step;
    return is_tanh ? 1 - middle * middle : middle * (1 - middle);
}

/* dz has four blocks: those of W x + b's gradient come first, one a gate; U h + b' has all but
 * its last one in common with them, and block 3 as its last. */
typedef struct {
    int gates; /* blocks of the weights */
    int kept;  /* blocks that forward leaves in a row; the first `gates` hold W x + b before */
    double forward_ops, backward_ops; /* operations a unit of a step */
    void (*forward)(const onus_kernels *k, const onus_cell_step *s, int64_t hidden);
    void (*backward)(const onus_kernels *k, const onus_cell_step *s, int64_t hidden);
    void (*relevance)(const onus_cell_share *s, int64_t hidden);
} onus_cell;

extern const onus_attr_def onus_recurrent_attrs[2]; /* hidden, reverse */
enum { ONUS_RECURRENT_ATTRS = 2 };

onus_status onus_recurrent_shape(const char *name, const onus_attr *attr, const onus_shape in[],
                                 int n_in, onus_shape *out, onus_err *err);
int onus_recurrent_params(const onus_cell *cell, const onus_attr *attr, const onus_shape in[],
                          onus_param_def out[ONUS_PARAM_MAX]);
int64_t onus_recurrent_rows(const onus_attr *attr, const onus_shape in[]);
size_t onus_recurrent_saved(const onus_cell *cell, const onus_attr *attr, const onus_shape in[],
                            int64_t B);
size_t onus_recurrent_scratch(const onus_cell *cell, const onus_exec *ex, const onus_attr *attr,
                              const onus_shape in[], int64_t B);
void onus_recurrent_forward(const onus_cell *cell, onus_call *c);
void onus_recurrent_backward(const onus_cell *cell, onus_call *c);
bool onus_recurrent_terms(const onus_cell *cell, onus_call *c, int64_t step,
                          onus_terms_step *out);
void onus_recurrent_grad(const onus_cell *cell, onus_call *c);
void onus_recurrent_relevance(const onus_cell *cell, onus_call *c, const onus_call *c0);
onus_cost onus_recurrent_cost(const onus_cell *cell, const onus_attr *attr,
                              const onus_shape in[], int64_t B, onus_pass pass);

/* The table's columns of a cell, and the row of them: a file of a cell has its steps, CELL, and
 *
 *     ONUS_RECURRENT_COLUMNS("gru", cell)
 *     const onus_op onus_op_gru = ONUS_RECURRENT_ROW("gru", "help");
 */
#define ONUS_RECURRENT_COLUMNS(NAME, CELL)                                                   \
    static onus_status shape(const onus_attr *attr, const onus_shape in[], int n_in,         \
                             onus_shape *out, onus_err *err)                                 \
    {                                                                                        \
        return onus_recurrent_shape(NAME, attr, in, n_in, out, err);                         \
    }                                                                                        \
    static int params(const onus_attr *attr, const onus_shape in[],                          \
                      onus_param_def out[ONUS_PARAM_MAX])                                    \
    {                                                                                        \
        return onus_recurrent_params(&(CELL), attr, in, out);                                \
    }                                                                                        \
    static size_t saved(const onus_attr *attr, const onus_shape in[], int64_t B)             \
    {                                                                                        \
        return onus_recurrent_saved(&(CELL), attr, in, B);                                   \
    }                                                                                        \
    static size_t scratch(const onus_exec *ex, const onus_attr *attr, const onus_shape in[], \
                          int64_t B)                                                         \
    {                                                                                        \
        return onus_recurrent_scratch(&(CELL), ex, attr, in, B);                             \
    }                                                                                        \
    static void forward(onus_call *c)                                                        \
    {                                                                                        \
        onus_recurrent_forward(&(CELL), c);                                                  \
    }                                                                                        \
    static void backward(onus_call *c)                                                       \
    {                                                                                        \
        onus_recurrent_backward(&(CELL), c);                                                 \
    }                                                                                        \
    static bool terms(onus_call *c, int64_t step, onus_terms_step *out)                      \
    {                                                                                        \
        return onus_recurrent_terms(&(CELL), c, step, out);                                  \
    }                                                                                        \
    static void weighted_grad(onus_call *c)                                                  \
    {                                                                                        \
        onus_recurrent_grad(&(CELL), c);                                                     \
    }                                                                                        \
    static void relevance(onus_call *c, const onus_call *c0)                                 \
    {                                                                                        \
        onus_recurrent_relevance(&(CELL), c, c0);                                            \
    }                                                                                        \
    static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B,           \
                          onus_pass pass)                                                    \
    {                                                                                        \
        return onus_recurrent_cost(&(CELL), attr, in, B, pass);                              \
    }
#define ONUS_RECURRENT_ROW(NAME, HELP)                                                      \
    ONUS_OP_ROW(NAME, HELP, 1, 2, 0,                                                        \
                ONUS_KEEPS_IN | ONUS_KEEPS_OUT | ONUS_RELEVANCE_IN | ONUS_RELEVANCE_OUT,    \
                onus_recurrent_attrs, ONUS_RECURRENT_ATTRS, shape, params,                  \
                onus_recurrent_rows, saved, scratch, ONUS_CAN(forward), ONUS_CAN(backward), \
                ONUS_CAN(terms), ONUS_CAN(weighted_grad), ONUS_CAN(relevance), ONUS_CAN(cost))
#endif
