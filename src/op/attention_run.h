/* SPDX-License-Identifier: Apache-2.0
 * attention_run.h - a head of an example, as attention.c (forward, backward, the row of the
 * table) and attention_relevance.c (how a head's output is shared) see it; nobody else includes
 * this. */
#ifndef ONUS_OP_ATTENTION_RUN_H
#define ONUS_OP_ATTENTION_RUN_H
#include "num/kernels.h"
#include "op/op.h"

/* Where an operand stands: input, first number of a row, numbers between rows. */
typedef struct {
    int input;
    int64_t at, ld;
} onus_attention_operand;

typedef struct {
    int64_t T, H, G, hd;
    onus_attention_operand q, k, v;
    int tokens; /* input, or -1 */
    bool causal;
    float scale;
} onus_attention_layout;

/* What one thread works on: a head of an example, and its room. Rows of q, k, v, y, dy, dq, dk,
 * dv are positions. */
typedef struct {
    const onus_kernels *kernels;
    const onus_attention_layout *s;
    const float *q, *k, *v, *dy;
    float *y, *dq, *dk, *dv, *m, *l;
    const uint8_t *keys; /* (T) which keys are there, or NULL: all */
    bool any_off;        /* backward: some query takes no part (an absent key is one) */
    uint8_t *there, *on; /* (T) keys that are there; queries that take part */
    uint8_t *q_begun, *k_begun, *v_begun; /* (T) a gradient's row has its first segment */
    float *p, *ds; /* forward: p (T, TILE); backward: both (block, block): keys, queries */
    float *g, *D;  /* (block, hd), (block) */
    float *rows;   /* (TILE, hd) of a masked product */
    float *few;    /* (256) coefficients, then (256, hd): the terms of a row that are there */
    void *pack;
} onus_attention_work;

/* From the multipliers of a head's output, w->dy, those of its operands: writes w->dq, adds to
 * w->dk and w->dv, where they are not NULL. w0 is the same head at the reference. All queries;
 * w->p is its work space. */
void onus_attention_relevance_head(onus_attention_work *w, const onus_attention_work *w0);
#endif
