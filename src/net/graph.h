/* SPDX-License-Identifier: Apache-2.0
 * graph.h - what net.c and plan.c know of a net; nobody else includes this. */
#ifndef ONUS_NET_GRAPH_H
#define ONUS_NET_GRAPH_H
#include "net/net.h"

enum { ONUS_NODES_MAX = 4096 };
/* Numbers of one example at a node, examples of a call, numbers of a parameter (whose draws
 * have 2^34 words, two a normal): products of them stay below 2^63. */
#define ONUS_NODE_FLOATS_MAX  (INT64_C(1) << 31)
#define ONUS_BATCH_MAX        (INT64_C(1) << 30)
#define ONUS_PARAM_FLOATS_MAX (INT64_C(1) << 33)

typedef struct {
    const char *name;
    const onus_op *op; /* NULL: the input */
    onus_attr attr[ONUS_ATTR_MAX];
    int in[ONUS_IN_MAX], n_in;
    onus_shape shape;
    /* places in the sorted list of tensors, once sealed */
    int tensor[ONUS_PARAM_MAX], n_params;
    onus_param_def param[ONUS_PARAM_MAX];
    const char *full_name[ONUS_PARAM_MAX]; /* NULL: "node.parameter" */
    int owner[ONUS_PARAM_MAX];             /* the node whose parameter 0 this is; 0: its own */
} onus_node;

struct onus_net {
    const onus_allocator *mem;
    onus_arena arena;
    onus_node *nodes;
    int n_nodes;
    onus_tensor *tensors;
    int n_tensors;
    int64_t floats, count;
    int64_t count_max; /* more parameters are refused before they are allocated; 0: any */
    float *params;
    int logits, prediction, loss;
    int64_t vocabulary; /* tokens that the input may hold; 0: it holds numbers */
    bool sealed;
    const char *description;
    const char *spec_json; /* model.c: the list of layers, for the model file */
};

/* Has the node a parameter that is trained? */
bool onus_node_trains(const onus_net *net, const onus_node *node);
/* Kinds and sizes of its terms (step -1). */
void onus_node_terms(const onus_net *net, const onus_node *node, onus_terms_step *out);
/* Of B examples. */
onus_cost onus_node_cost(const onus_net *net, const onus_node *node, int64_t B, int pass);
/* The later node that uses this one's parameter 0 too; 0: none. */
int onus_net_other_use(const onus_net *net, int node);
/* runs: the nodes that prediction (else the loss) and logits are made of. needs: parameters
 * that are trained lie at or before the node, so that in training somebody wants the gradient
 * of its output. */
void onus_net_mark(const onus_net *net, bool predicts, bool *runs, bool *needs);
/* Shapes of a node's inputs; () of those that it does not have. */
void onus_node_inputs(const onus_net *net, const onus_node *node, onus_shape in[ONUS_IN_MAX]);
#endif
