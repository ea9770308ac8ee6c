/* SPDX-License-Identifier: Apache-2.0
 * chapters.h - what the tests of the table know of each operation, written by hand from its
 * formula (docs/NUMERICS.md): the operation again in binary64, the terms of its parameters'
 * gradients, cases, and what it may read and cost. A chapter is a file in chapters/, found by
 * the build; a row of the table without one fails. */
#ifndef ONUS_TESTS_CHAPTERS_H
#define ONUS_TESTS_CHAPTERS_H
#include "op_run.h"

#include "num/philox.h"

/* The operation again in binary64. Example b: inputs x[k], parameters p[k] -> y. */
typedef void (*exact_fn)(const op_run *r, int64_t b, double *const x[], double *const p[],
                         double *y);
/* The same where examples read each other: inputs (B, ..), outputs (B, ..). */
typedef void (*exact_batch_fn)(const op_run *r, double *const x[], double *const p[],
                               double *y);

#define EXACT_EACH(name, formula)                                                  \
    static inline void name##_exact(const op_run *r, int64_t b, double *const x[], \
                                    double *const p[], double *y)                  \
    {                                                                              \
        (void)b, (void)p;                                                          \
        for (int64_t i = 0; i < r->n_out; i++) {                                   \
            const double v = x[0][i];                                              \
            y[i] = formula;                                                        \
        }                                                                          \
    }
static inline double log_sum_exp(const double *x, int64_t n)
{
    double m = -INFINITY, l = 0;
    for (int64_t i = 0; i < n; i++) m = fmax(m, x[i]);
    for (int64_t i = 0; i < n; i++) l += exp(x[i] - m);
    return m + log(l);
}

/* One term of the gradient of parameter k's element e: row t of example b, where dy holds the
 * output gradients, weighted already. False where the term is skipped. */
typedef bool (*term_fn)(const op_run *r, const float *dy, int k, int64_t e, int64_t b,
                        int64_t t, float *chain);

/* Items 3 and 7: segments of 256 rows (example, row), each from +0; skipped rows keep their
 * places, empty segments take no part, no term is +0. */
static inline float contract_grad(const op_run *r, term_fn term, const float *dy, int k,
                                  int64_t e)
{
    const int64_t rows = r->op->rows(r->attr, r->in_shape), n = r->B * rows;
    float total = 0.0f;
    bool any_segment = false;
    for (int64_t s = 0; s < n; s += 256) {
        float chain = 0.0f;
        bool any = false;
        for (int64_t i = s; i < s + 256 && i < n; i++)
            any = term(r, dy, k, e, i / rows, i % rows, &chain) || any;
        if (!any) continue;
        total = any_segment ? total + chain : chain;
        any_segment = true;
    }
    return total;
}

enum { READS_X = 1, READS_Y = 2, READS_P = 4, READS_DY = 8, READS_SAVED = 16 };

typedef struct {
    double attr[ONUS_ATTR_MAX]; /* in the order of the row's attributes */
    onus_shape in;              /* input 0, where it is the only one */
    int64_t B;
    op_inputs inputs; /* else all of them */
} chapter_case;

typedef struct {
    const char *op;
    exact_fn exact; /* or */
    exact_batch_fn exact_batch;
    term_fn term;     /* NULL: no parameters, or their gradients are no plain dots over rows:
                         checked by differences alone */
    float away;       /* numbers keep away from a kink at 0 */
    double tolerance; /* of values and gradients; 0: 4e-6 */
    chapter_case small[8]; /* differences are taken; B = 0 ends the list */
    chapter_case big;      /* worth several threads, more than one segment of rows */
    /* Loops outside of kernels, counted by hand from the source of the formula
     * (docs/NUMERICS.md, rule 8): operations an element of input 0 and an example. */
    int loops_forward[2], loops_backward[2];
    unsigned backward_reads, grad_reads;
    /* Where those do not suffice: operations outside of kernels, and bytes, of a pass. */
    double (*loops)(const op_run *r, onus_pass pass);
    double (*bytes)(const op_run *r, onus_pass pass);
} chapter;

#define VECTOR(n) \
    {             \
        1,        \
        {         \
            n     \
        }         \
    }

/* Two inputs of one shape; a sequence (T, width) and its tokens, absent ones at the end of
 * some.
 */
#define PAIR(...) .inputs = {.n = 2, .shape = {__VA_ARGS__, __VA_ARGS__}}
#define SEQUENCE(T, width) \
    .inputs = {.n = 2, .shape = {{2, {T, width}}, {1, {T}}}, .ids = {0, 9}}

#include "op_chapters.h"

static inline const chapter *chapter_of(const onus_op *op)
{
    for (size_t i = 0; i < sizeof chapters / sizeof *chapters; i++)
        if (strcmp(chapters[i]->op, op->name) == 0) return chapters[i];
    fail_msg("operation %s has no chapter in tests/op", op->name);
    return NULL;
}

static inline void make(op_run *r, const chapter *ch, const chapter_case *at,
                        const onus_exec *ex)
{
    const onus_op *op = onus_op_find(ch->op);
    onus_attr attr[ONUS_ATTR_MAX] = {{0}};
    for (int k = 0; k < op->n_attrs; k++)
        attr[k] = (onus_attr){(int64_t)at->attr[k], at->attr[k]};
    op_inputs in = at->inputs;
    if (in.n == 0) {
        in.n = 1;
        in.shape[0] = at->in;
    }
    op_run_make_on(r, op, attr, &in, at->B, ex, ch->away, (uint64_t)at->B * 31 + 7);
}

typedef void (*case_fn)(const chapter *ch, const chapter_case *at);

/* Every row of the table, every small case of its chapter. */
static inline void walk(case_fn fn)
{
    int n;
    const onus_op *const *ops = onus_ops(&n);
    for (int i = 0; i < n; i++) {
        const chapter *ch = chapter_of(ops[i]);
        for (int k = 0; k < 8 && ch->small[k].B; k++) fn(ch, &ch->small[k]);
    }
}

static onus_exec ref; /* the reference on one thread */

/* Runs at x (r) and at a reference x0 (r0), both after forward; m_out is dy. */
static inline void relevance_of(const chapter *ch, const chapter_case *at, op_run *r,
                                op_run *r0)
{
    make(r, ch, at, &ref);
    make(r0, ch, at, &ref);
    uint64_t s = 99;
    for (int k = 0; k < r->n_inputs; k++)
        for (int64_t i = 0; !r->ids[k] && i < r->B * r->n_in[k]; i++) {
            r0->x[k][i] = op_number(&s, ch->away);
            if (i % 5 == 0) r0->x[k][i] = r->x[k][i];              /* nothing differs */
            if (i % 7 == 0) r0->x[k][i] = r->x[k][i] * 1.0000001f; /* hardly anything does */
        }
    for (int k = 0; k < r->n_inputs; k++) /* tokens are the same */
        if (r->ids[k]) memcpy(r0->x[k], r->x[k], (size_t)(r->B * r->n_in[k]) * sizeof(float));
    for (int k = 0; k < r->n_params; k++)
        memcpy(r0->param[k], r->param[k], (size_t)r->n_param[k] * sizeof(float));
    /* explanations are made outside of training, where examples do not read each other */
    if (r->op->flags & ONUS_OP_COUPLED) r->call.training = r0->call.training = false;
    r->op->forward.fn(&r->call);
    r0->op->forward.fn(&r0->call);
}
#endif
