/* SPDX-License-Identifier: Apache-2.0
 * relevance.h - how far each number, or each token, that a net reads moves its score away from
 * that of a reference: the table's multipliers (DeepLIFT, Shrikumar et al. 2017,
 * arXiv:1704.02685), from the score back to the input.
 *
 * A net that reads numbers is compared with a reference input x0 that the caller gives: share i
 * is m_i (x_i - x0_i). A net that reads tokens is compared with itself where their embeddings are
 * those of reference tokens, or of none (below 0): the zero vector; which places are there, for
 * whoever asks, stays as it is, and who is absent is so in both. Share t is the sum over the
 * embedding's width of m (e_t - e0_t). Shares add up to score - score0, but for rounding.
 */
#ifndef ONUS_NET_RELEVANCE_H
#define ONUS_NET_RELEVANCE_H
#include "net/net.h"

typedef struct onus_relevance onus_relevance;
/* For at most B_max examples a call. ONUS_REFUSED, with node, operation and the table's reason,
 * where a row on the way has no rule. */
onus_status onus_relevance_create(onus_relevance **out, onus_net *net, onus_share_of of,
                                  const onus_exec *ex, int64_t B_max, const onus_allocator *mem,
                                  onus_err *err) ONUS_CHECKED;
void onus_relevance_destroy(onus_relevance *r);
/* Numbers or tokens of an example's input: that many shares. */
int64_t onus_relevance_shares(const onus_relevance *r);
int64_t onus_relevance_outputs(const onus_relevance *r); /* scores of an example */
/* (B_max, inputs): write the batch here, and what it is compared with */
float *onus_relevance_input(onus_relevance *r);
float *onus_relevance_reference(onus_relevance *r);
/* Both forward passes: every example's scores, (B, outputs). */
void onus_relevance_forward(onus_relevance *r, int64_t B);
const float *onus_relevance_scores(const onus_relevance *r);
const float *onus_relevance_reference_scores(const onus_relevance *r);
/* After forward: share (B, shares) of score output[b] of each example. */
void onus_relevance_backward(onus_relevance *r, const int32_t *output, double *share);
#endif
