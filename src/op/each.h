/* SPDX-License-Identifier: Apache-2.0
 * each.h - what rows of the table share: work over elements or examples cut up for the pool
 * where it pays, and the cells of operations without parameters. */
#ifndef ONUS_OP_EACH_H
#define ONUS_OP_EACH_H
#include "op/op.h"

/* Calls fn(call, begin, end) over [0, n) in parts of multiples of grain; on the calling thread
 * alone where n * cost is below some 32,768 units of work (waking others costs more: about 1
 * microsecond, Zen 3). */
typedef void (*onus_range_fn)(const onus_call *c, int64_t begin, int64_t end);
void onus_each(const onus_call *c, int64_t n, int64_t grain, int64_t cost, onus_range_fn fn);
/* Calls fn(call, part, begin, end) over [0, n), each part, below the pool's size, with scratch
 * of its own. */
typedef void (*onus_part_fn)(const onus_call *c, int part, int64_t begin, int64_t end);
void onus_each_part(const onus_call *c, int64_t n, onus_part_fn fn);
/* Elements of the output, of all examples. */
int64_t onus_call_out(const onus_call *c);

/* The step that holds all examples, and no block yet; false where `step` is a later one. */
bool onus_one_step(const onus_call *c, int64_t step, onus_terms_step *out);
/* A block more. */
onus_terms *onus_term_add(onus_terms_step *s, onus_term_kind kind, int param);
/* Cells of operations without parameters, saved values or scratch; shape of an operation that
 * keeps its input's. */
int onus_no_params(const onus_attr *attr, const onus_shape in[],
                   onus_param_def out[ONUS_PARAM_MAX]);
int64_t onus_no_rows(const onus_attr *attr, const onus_shape in[]); /* 1 */
size_t onus_no_bytes(const onus_attr *attr, const onus_shape in[], int64_t B);
size_t onus_no_scratch(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                       int64_t B);
bool onus_no_terms(onus_call *c, int64_t step, onus_terms_step *out);
void onus_no_grad(onus_call *c);
onus_status onus_same_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                            onus_shape *out, onus_err *err);
/* Multipliers of an elementwise function: m_in = m_out (y - y0) / (x - x0), or m_out f'(x)
 * where x and x0 nearly agree (the rescale rule of Shrikumar et al. 2017, section 3.5.2).
 * back: the kernel that makes m_out f'(x) of (from, m_out). d_in may be d_out. */
typedef void (*onus_back_kernel)(const float *from, const float *dy, float *dx, int64_t n);
void onus_rescale(onus_call *c, const onus_call *c0, const float *from, onus_back_kernel back);
/* Cost of an operation without parameters, by operations and bytes an element of its input. */
onus_cost onus_cost_each(const onus_shape *in, int64_t B, onus_pass pass, double forward,
                         double backward, double bytes_forward, double bytes_backward);
#endif
