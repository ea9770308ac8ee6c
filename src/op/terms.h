/* SPDX-License-Identifier: Apache-2.0
 * terms.h - private training's view of an operation: one example's gradient of its parameters
 * as a list of terms. From the list, and from nothing else, come an upper bound of that
 * gradient's norm and the exact sum over examples; the proof is in docs/PRIVACY.md.
 *
 * What is bounded are numbers as computed. The factors of the terms are binary32 numbers that
 * forward and backward made of that example alone; the bound is one of the norm of the sum of
 * their exact products, whatever the order and the rounding of the bound's own arithmetic. */
#ifndef ONUS_OP_TERMS_H
#define ONUS_OP_TERMS_H
#include "op/op.h"

/* Of one example's gradient: norm2 is at least its squared norm, reach2 at least the square of
 * the sum over its terms of |x| |d|, which no partial sum of them exceeds. */
typedef struct {
    double norm2, reach2;
} onus_bound;

/* The norm, rounded up, and the reach; NaN or infinite where the gradient is not finite. */
double onus_bound_norm(const onus_bound *b);
double onus_bound_reach(const onus_bound *b);
/* The factor, at most 1 and rounded down, times which the example's terms enter a sum: their
 * norm is then at most clip, and no partial sum of them exceeds ONUS_REACH clip; both also
 * after the product by the factor was rounded and its last bit set (num/grid.h). 0 where the
 * gradient is not finite. */
#define ONUS_REACH 1024.0
double onus_bound_weight(const onus_bound *b, double clip);

/* Scratch of all functions below, for an operation whose largest step is `shape` (step -1 of
 * its terms). */
size_t onus_terms_bytes(const onus_exec *ex, const onus_terms_step *shape);

/* Adds what the call's trained parameters have to bound (B). room: onus_terms_bytes. */
void onus_terms_bound(const onus_op *op, onus_call *c, void *room, onus_bound *bound);
/* The same for what two uses of one parameter have to do with each other: 2 <G, H>. The table's
 * own terms are PICK, the other's OUTER. */
void onus_terms_bound_tied(const onus_op *op, onus_call *c, const onus_op *other_op,
                           onus_call *other, void *room, onus_bound *bound);
/* sum[k] += w[b] times the terms of parameter k, over all examples b, on the grid
 * (num/grid.h): exact, in any order. w (B): 0 leaves an example out, finite or not. sum[k]
 * NULL: nobody wants it. */
void onus_terms_sum(const onus_op *op, onus_call *c, void *room, const double *w, double grid,
                    double *const sum[ONUS_PARAM_MAX]);
/* Rounding of an example's terms of parameter k to a grid moves their sum by at most that times
 * half the grid: the square root of the sum over elements of (terms of the element)^2. */
double onus_terms_rounding(const onus_terms_step *shape, int k);
/* Work of onus_terms_bound for B examples. */
onus_cost onus_terms_cost(const onus_terms_step *shape, int64_t B);
#endif
