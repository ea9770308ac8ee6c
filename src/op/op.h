/* SPDX-License-Identifier: Apache-2.0
 * op.h - the table of operations. One operation is one file in op/ and one row here; the row
 * says how it runs, differentiates, what one example's gradient is made up of, so that it
 * is bounded and summed without being stored (private training), how relevance flows back
 * (explanation) and what it costs (energy). What is large for one file has a second one, and a
 * header of what both need, which nobody else includes: attention_run.h, recurrent_run.h.
 *
 * A row is built by ONUS_OP_ROW, which takes every column: an empty cell does not compile. A
 * cell that cannot be filled is ONUS_REFUSES("reason"): private or explained runs then refuse
 * the model and print the reason.
 *
 * Parameter gradients are computed by weighted_grad in ordinary training, in binary32; in
 * private training from `terms`, without rounding: there the proof needs one row's part in the
 * sum to be its own, whoever else is in it.
 *
 * CHECKLIST, a new operation: its file here (the build finds every `const onus_op onus_op_NAME
 * =`), its chapter in tests/op/chapters, `make docs` for docs/OPERATIONS.md.
 *
 * Tokens are numbers in float arrays, exact below 2^24; one below 0 is absent: padding behind a
 * text's end. Absent terms are skipped, wherever tokens are read. */
#ifndef ONUS_OP_OP_H
#define ONUS_OP_OP_H
#include "base/mem.h"
#include "num/exec.h"

#define ONUS_DIM_MAX   5
#define ONUS_IN_MAX    4 /* inputs of an operation */
#define ONUS_PARAM_MAX 4 /* parameters of an operation */
#define ONUS_ATTR_MAX  12

/* Shape of one example, without the batch; n = 0 is a scalar. */
typedef struct {
    int n;
    int64_t d[ONUS_DIM_MAX];
} onus_shape;
int64_t onus_shape_numel(const onus_shape *s);
bool onus_shape_same(const onus_shape *a, const onus_shape *b);
/* "(3, 32, 32)" into out. */
void onus_shape_text(const onus_shape *s, char *out, size_t size);

typedef enum { ONUS_ATTR_INT, ONUS_ATTR_REAL } onus_attr_kind;
typedef struct {
    const char *name;
    onus_attr_kind kind;
    double standard, lower, upper;
    const char *help;
} onus_attr_def;
typedef struct {
    int64_t i;
    double r;
} onus_attr; /* the member that the definition's kind names */

typedef enum {
    ONUS_INIT_ZERO,
    ONUS_INIT_ONE,
    ONUS_INIT_HE_UNIFORM, /* +- sqrt(6 / fan_in) for relu nets */
    ONUS_INIT_LINEAR,     /* +- 1 / sqrt(fan_in), PyTorch's nn.Linear */
    ONUS_INIT_NORMAL      /* std */
} onus_init;
typedef struct {
    const char *name; /* "weight", "bias" */
    onus_shape shape;
    onus_init init;
    int64_t fan_in;
    double std;
    bool decay;  /* weight decay and L1/L2 apply */
    bool buffer; /* not trained, has no gradient: running statistics, which forward moves in
                    training */
} onus_param_def;

/* How weighted_grad meets what stands in grad[k]. */
typedef enum {
    ONUS_GRAD_STARTS,  /* writes: the first segment starts the total */
    ONUS_GRAD_GOES_ON, /* segments are added ascending to what a micro-batch before began */
    ONUS_GRAD_ADDS     /* the parameter's other use has written its sum: this one's is computed
                          whole, then added */
} onus_grad_start;

/* Everything one call needs. Arrays are (B, shape) row-major, 64-byte aligned. Kernels allocate
 * nothing. */
typedef struct {
    const onus_exec *ex;
    const onus_attr *attr;
    int64_t B; /* examples in this call */
    int n_in;
    onus_shape in_shape[ONUS_IN_MAX], out_shape; /* inputs that do not exist: () */
    const float *in[ONUS_IN_MAX]; /* valid in backward only where the row's `keeps` says so */
    float *out;
    const float *param[ONUS_PARAM_MAX];
    float *buffer[ONUS_PARAM_MAX]; /* param[k] where it is a buffer and forward may move it:
                                      training, the logical batch's one call; else NULL */
    unsigned trains; /* bit k: parameter k is trained; else it has no terms, and weighted_grad
                        leaves grad[k], which may be NULL */
    float *grad[ONUS_PARAM_MAX]; /* weighted_grad: by start[k] */
    onus_grad_start start[ONUS_PARAM_MAX];
    void *saved;              /* what forward kept for backward: saved() bytes */
    void *scratch;            /* scratch() bytes, garbage at entry */
    const float *d_out;       /* gradient of the loss with respect to out */
    float *d_in[ONUS_IN_MAX]; /* NULL where nobody needs it; may equal d_out where inplace */
    /* losses */
    const float *label;  /* (B, out): class index, 0/1, or number; below 0 is ignored where the
                            row says ONUS_OP_IGNORES: loss +0, gradient +0 */
    const float *weight; /* (B) example weights or NULL = ones */
    float loss_scale;    /* (float)(1 / N) */
    /* coupled operations: the call holds the logical batch, whose shards are examples
     * [shard[s], shard[s + 1]) */
    const int64_t *shard; /* (n_shards + 1) */
    int n_shards;
    /* randomness (contract 9) */
    uint64_t seed;
    uint32_t step, node;
    int64_t first; /* place of example 0 of this call in the logical batch */
    bool training; /* dropout */
} onus_call;

/* How one example's gradient of a parameter, or of a block of it, is made up. */
typedef enum {
    ONUS_TERM_OUTER, /* (u, n) += d x^T of each row */
    ONUS_TERM_SUM,   /* (u) += d, of the one row that there is */
    ONUS_TERM_PICK   /* row x of a table (.., u) += d of each row; x below 0: none */
} onus_term_kind;
typedef struct {
    onus_term_kind kind;
    int param;
    int64_t first;  /* place of the block's first element in the parameter */
    int64_t rows;   /* of one example; those of the next one follow */
    int64_t u, n;   /* n: OUTER only */
    int64_t copies; /* step -1: blocks of that kind and size; 0 is one */
    const float *d; /* (examples, rows, u), rows ldd apart */
    int64_t ldd;
    const float *x; /* OUTER (examples, rows, n), PICK (examples, rows): rows ldx apart */
    int64_t ldx;
} onus_terms;
enum { ONUS_TERMS_MAX = 8 };
/* Blocks of examples [first, first + n) of a call. */
typedef struct {
    int64_t first, n;
    int n_blocks;
    onus_terms block[ONUS_TERMS_MAX];
} onus_terms_step;

/* Work of a pass: multiply-adds of products; of everything else one for each operation of its
 * formula on an element (a function counts as one). Bytes of the arrays it touches, each once.
 */
typedef struct {
    double multiply_adds;
    double bytes;
} onus_cost;
typedef enum { ONUS_PASS_FORWARD, ONUS_PASS_BACKWARD, ONUS_PASS_GRAD } onus_pass;

typedef void (*onus_op_pass)(onus_call *c);
/* Terms of step 0, 1, ..; false where there is no such step. Arrays are the call's own, or
 * stand in its scratch until the next step. Step -1: kinds and sizes only, of the largest step;
 * only attr, in_shape and out_shape are set. */
typedef bool (*onus_op_terms)(onus_call *c, int64_t step, onus_terms_step *out);
typedef void (*onus_op_relevance)(onus_call *c, const onus_call *c0);
typedef onus_cost (*onus_op_cost)(const onus_attr *attr, const onus_shape in[], int64_t B,
                                  onus_pass pass);

/* A cell: a function or the reason why there is none; exactly one of the two is set. */
#define ONUS_CELL(type)      \
    struct {                 \
        type fn;             \
        const char *refused; \
    }
#define ONUS_CAN(f) \
    {               \
        (f), NULL   \
    }
#define ONUS_REFUSES(reason) \
    {                        \
        NULL, "" reason      \
    }

/* What a plan must keep for the way back: else in[] and out may be overwritten before it. */
#define ONUS_KEEPS_IN      1 /* backward, terms or weighted_grad read in[] */
#define ONUS_KEEPS_OUT     2 /* they read out */
#define ONUS_RELEVANCE_IN  4 /* relevance reads in[] */
#define ONUS_RELEVANCE_OUT 8 /* relevance reads out */

#define ONUS_OP_LOSS    1  /* out is losses, one a label; takes label and weight */
#define ONUS_OP_INPLACE 2  /* out may be in[0], and d_in[0] may be d_out */
#define ONUS_OP_COUPLED 4  /* examples of a logical batch read each other (batch statistics) */
#define ONUS_OP_IGNORES 8  /* a loss: a label below 0 takes no part */
#define ONUS_OP_OVER_IN 16 /* d_in[0] may be in[0] itself */
#define ONUS_OP_ADDS    32 /* parameter 0 may be shared with a later node: ONUS_GRAD_ADDS */

typedef struct onus_op {
    const char *name;
    const char *help; /* one line for docs/OPERATIONS.md */
    int n_in_min, n_in_max;
    unsigned flags, keeps;
    const onus_attr_def *attrs;
    int n_attrs;
    /* Output's shape, or an error that names both sides. */
    onus_status (*shape)(const onus_attr *attr, const onus_shape in[], int n_in,
                         onus_shape *out, onus_err *err);
    /* Parameters by name, shape, initial values; returns how many. */
    int (*params)(const onus_attr *attr, const onus_shape in[],
                  onus_param_def out[ONUS_PARAM_MAX]);
    /* Terms that one example adds to an element of a parameter's gradient: a dot over (example,
     * row), contract item 7. 1 without parameters. */
    int64_t (*rows)(const onus_attr *attr, const onus_shape in[]);
    /* Bytes; B times those of one example, in order of examples, so that a part of a batch can
     * be run alone. Coupled operations: free. */
    size_t (*saved)(const onus_attr *attr, const onus_shape in[], int64_t B);
    size_t (*scratch)(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                      int64_t B); /* largest of all passes, of at most B examples */
    ONUS_CELL(onus_op_pass) forward;
    ONUS_CELL(onus_op_pass) backward; /* d_in from d_out; d_out NULL for a loss */
    /* Private training: what each example's gradient of parameters is made up of, after
     * backward; op/terms.h bounds its norm and sums it without rounding. */
    ONUS_CELL(onus_op_terms) terms;
    /* grad: the sum of the examples' gradients of parameters. */
    ONUS_CELL(onus_op_pass) weighted_grad;
    /* DeepLIFT multipliers, difference from a reference (Shrikumar et al. 2017): c at the
     * input, c0 at the reference, both after forward; c->d_out holds m_out, c->d_in receives
     * m_in, with sum(m_in (in - in0)) = sum(m_out (out - out0)). */
    ONUS_CELL(onus_op_relevance) relevance;
    ONUS_CELL(onus_op_cost) cost;
} onus_op;

#define ONUS_OP_ROW(NAME, HELP, N_IN_MIN, N_IN_MAX, FLAGS, KEEPS, ATTRS, N_ATTRS, SHAPE,   \
                    PARAMS, ROWS, SAVED, SCRATCH, FORWARD, BACKWARD, TERMS, WEIGHTED_GRAD, \
                    RELEVANCE, COST)                                                       \
    {                                                                                      \
        NAME, HELP, N_IN_MIN, N_IN_MAX, FLAGS, KEEPS, ATTRS, N_ATTRS, SHAPE, PARAMS, ROWS, \
            SAVED, SCRATCH, FORWARD, BACKWARD, TERMS, WEIGHTED_GRAD, RELEVANCE, COST       \
    }

/* Every row, in the order of names: op_list.h is made by the build from the files here. */
#include "op_list.h"
#define X(name) extern const onus_op onus_op_##name;
ONUS_OP_LIST(X)
#undef X
const onus_op *const *onus_ops(int *n);        /* the table */
const onus_op *onus_op_find(const char *name); /* NULL if there is none */
#endif
