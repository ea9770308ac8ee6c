/* SPDX-License-Identifier: Apache-2.0
 * net.h - a static graph of operations with its parameters, and plans: memory laid out before
 * the run.
 *
 * A net is immutable once sealed, except for its parameters' values. Several plans (training,
 * prediction) may run on one net. All parameters stand in one block, tensors at 64-byte steps
 * in bytewise order of their names, gaps zero; gradients and optimiser states have the same
 * layout, so that an optimiser is one sweep. */
#ifndef ONUS_NET_NET_H
#define ONUS_NET_NET_H
#include "op/terms.h"

typedef struct onus_net onus_net;
typedef struct {
    const char *name; /* "layers.0.weight" */
    onus_shape shape;
    int64_t offset, n;
    onus_param_def def;
    int node;    /* the first that uses it */
    bool frozen; /* keeps its values in training */
} onus_tensor;

onus_status onus_net_create(onus_net **out, const onus_shape *input, const onus_allocator *mem,
                            onus_err *err) ONUS_CHECKED;
void onus_net_destroy(onus_net *net);
/* Adds a node; inputs are nodes (0 is the net's input). attrs: (name, value) pairs; unsaid ones
 * take their standard. */
typedef struct {
    const char *name;
    double value;
} onus_attr_value;
onus_status onus_net_add(onus_net *net, const char *op, const char *name, const int *inputs,
                         int n_in, const onus_attr_value *attrs, int n_attrs, int *out,
                         onus_err *err) ONUS_CHECKED;
/* Names parameter k of a node: "transformer.wte.weight" instead of "node.parameter". */
onus_status onus_net_name_param(onus_net *net, int node, int k, const char *name,
                                onus_err *err) ONUS_CHECKED;
/* Parameter k of a node is parameter 0 of the earlier node `owner`, of the same shape: tied
 * embeddings. A parameter has two uses at most. */
onus_status onus_net_tie(onus_net *net, int node, int k, int owner, onus_err *err) ONUS_CHECKED;
/* Names the three places that others use: logits, prediction (probabilities or value; may be
 * the logits) and loss; then allocates the parameters. */
onus_status onus_net_seal(onus_net *net, int logits, int prediction, int loss,
                          onus_err *err) ONUS_CHECKED;
/* ONUS_DRAW_INIT, node = tensor's index, step 0 */
void onus_net_init(onus_net *net, uint64_t seed);
/* Parameters whose names fit a pattern (fnmatch: *, ?, [...]) keep their values in training.
 * After sealing, before plans are made. n: how many tensors fit; none is ONUS_BAD_INPUT. */
onus_status onus_net_freeze(onus_net *net, const char *pattern, int64_t *n,
                            onus_err *err) ONUS_CHECKED;
int onus_net_nodes(const onus_net *net);                    /* 0 is the input */
const char *onus_net_node_name(const onus_net *net, int i); /* 1 <= i < nodes */
const char *onus_net_node_op(const onus_net *net, int i);   /* of its operation */
int onus_net_tensors(const onus_net *net);
const onus_tensor *onus_net_tensor(const onus_net *net, int i); /* in bytewise order of names */
int64_t onus_net_param_floats(const onus_net *net); /* floats in the block, gaps included */
int64_t onus_net_param_count(const onus_net *net);  /* parameters */
float *onus_net_params(onus_net *net);              /* the block */
int64_t onus_net_inputs(const onus_net *net);       /* floats of one example's input */
const onus_shape *onus_net_input_shape(const onus_net *net);
/* Of a net made by net/model.h: its input holds tokens below that; 0: numbers. */
int64_t onus_net_vocabulary(const onus_net *net);
int64_t onus_net_labels(const onus_net *net); /* labels (and losses) of one example */
/* How many of n labels take part in the loss: all, or those that are not below 0. */
int64_t onus_net_label_count(const onus_net *net, const float *label, int64_t n);
/* Examples of a piece: the least number of which every parameter's gradient takes whole
 * segments (contract, item 3). A gradient over several pieces, each going on from the last, is
 * the gradient over all. Longer shards are cut at multiples of it. */
int64_t onus_net_piece(const onus_net *net);
/* Rows of the micro-batches that a shard of n rows is run in: n up to two pieces, else a piece.
 */
int64_t onus_net_cut(const onus_net *net, int64_t n);
int64_t onus_net_logits(const onus_net *net); /* floats of an example's logits */
/* Has it operations whose examples read each other? Then a logical batch is one call. */
bool onus_net_coupled(const onus_net *net);
int64_t onus_net_outputs(const onus_net *net); /* width of prediction */
/* "MLP 61-64-32-1" style, from the layers */
const char *onus_net_describe(const onus_net *net);
/* Which columns of the table the net can fill: ONUS_OK, or ONUS_REFUSED naming the node, the
 * operation and its reason. */
onus_status onus_net_can_private(const onus_net *net, onus_err *err);
/* What is explained: the logits, which a decision is made of, or the predictions, where they
 * are the label's own number. */
typedef enum { ONUS_SHARE_LOGITS, ONUS_SHARE_PREDICTION } onus_share_of;
onus_status onus_net_can_relevance(const onus_net *net, onus_share_of of, onus_err *err);
/* SHA-256 over the tensors' names, shapes and bytes, in order. */
void onus_net_sha256(const onus_net *net, uint8_t out[32]);
/* Rounding one example's terms to a grid moves its part of the sum, as a vector over all
 * trained parameters, by at most that times half the grid. */
double onus_net_rounding(const onus_net *net);
int64_t onus_net_trained(const onus_net *net); /* parameters that are trained */
onus_cost onus_net_cost(const onus_net *net, int64_t B, bool training, bool private_);

typedef enum { ONUS_PLAN_PREDICT, ONUS_PLAN_TRAIN, ONUS_PLAN_PRIVATE } onus_plan_mode;
typedef struct onus_plan onus_plan;
/* Lays out memory for at most B_max examples a call. PREDICT reuses buffers; TRAIN keeps what
 * backward needs; PRIVATE also keeps every parametered node's output gradient until
 * the sums. */
onus_status onus_plan_create(onus_plan **out, onus_net *net, const onus_exec *ex,
                             onus_plan_mode mode, int64_t B_max, const onus_allocator *mem,
                             onus_err *err) ONUS_CHECKED;
void onus_plan_destroy(onus_plan *p);
size_t onus_plan_bytes(const onus_plan *p);
float *onus_plan_input(onus_plan *p); /* (B_max, input): write the batch here, then forward */
typedef struct {
    int64_t B, first;            /* examples; place of the first in the logical batch */
    const float *label, *weight; /* (B, labels), (B); weight NULL = ones */
    float loss_scale;
    uint64_t seed;
    uint32_t step;
    bool training;
    /* shards of this call's examples: [shard[s], shard[s + 1]), from 0 to B; n_shards 0: one */
    const int64_t *shard; /* (n_shards + 1) */
    int n_shards;
    bool goes_on; /* gradients go on from what the piece before left */
} onus_batch;
/* Values up to the prediction (PREDICT) or the loss (others). */
void onus_plan_forward(onus_plan *p, const onus_batch *b);
const float *onus_plan_prediction(const onus_plan *p); /* (B, outputs); PREDICT only */
/* until backward, whose gradients may take their place */
const float *onus_plan_logits(const onus_plan *p);
/* (B, labels), unweighted; TRAIN, PRIVATE */
const float *onus_plan_losses(const onus_plan *p);
/* Gradients of every node's output, last to first. TRAIN: parameters' gradients on the way,
 * into grad[0] (param_floats; gaps, buffers and frozen tensors are not written). Several shards
 * fold by a balanced binary tree, neighbours first, with grad[1], grad[2] .. as work space: one
 * more than log2 of their number, rounded up. A shard without examples takes no part; B is at
 * least 1. PRIVATE: grad must be NULL; bounds and sums follow. */
void onus_plan_backward(onus_plan *p, const onus_batch *b, float *const *grad);
/* Bounds of each example's gradient over all trained parameters: bound (B) is written. PRIVATE
 * only, after backward. */
void onus_plan_bounds(onus_plan *p, const onus_batch *b, onus_bound *bound);
/* sum (param_floats, laid out as the parameters) += w[b] times example b's terms, on the grid:
 * exact, so that order, shards, threads and other examples do not matter (op/terms.h). An
 * example of weight 0 is left out, even if it is not finite. PRIVATE only. */
void onus_plan_sums(onus_plan *p, const onus_batch *b, const double *w, double grid,
                    double *sum);
/* What one pass of one node took, all calls together, and what the table counts for it. */
typedef struct {
    double seconds;
    onus_cost cost;
} onus_spent;
/* Passes of a plan: the table's, and the bounds of private training. */
enum { ONUS_PASS_BOUND = ONUS_PASS_GRAD + 1, ONUS_PASSES };
/* From now on every pass adds to spent (onus_net_nodes, ONUS_PASSES), the caller's; NULL: no
 * clock is read. No bit of a result depends on it. */
void onus_plan_measure(onus_plan *p, onus_spent *spent);
/* Name of the first node whose output holds a number that is not finite, of the batch that went
 * forward last (which is run again); NULL if there is none. For messages. */
const char *onus_plan_find_not_finite(onus_plan *p, const onus_batch *b);

/* Entry of a net past its first layer, for explanations that change single columns: if the
 * first node is dense (with or without bias), its weight (out, in) and bias and the node after
 * it; else *W is NULL. onus_plan_forward_from then runs from given pre-activations (B, out)
 * instead of from the input. PREDICT plans only. */
void onus_net_first_dense(const onus_net *net, const float **W, const float **bias,
                          int64_t *n_out);
/* only the first layer: onus_plan_first_output */
void onus_plan_forward_first(onus_plan *p, const onus_batch *b);
float *onus_plan_first_output(onus_plan *p); /* (B_max, n_out) */
void onus_plan_forward_tail(onus_plan *p, int64_t B);
#endif
