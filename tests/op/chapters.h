/* SPDX-License-Identifier: Apache-2.0
 * chapters.h - what the tests of the table know of each operation, written by hand from its
 * formula (docs/NUMERICS.md): the operation again in binary64, the terms of its parameters'
 * gradients, cases, and what it may read and cost. A row of the table without a chapter
 * fails. */
#ifndef ONUS_TESTS_CHAPTERS_H
#define ONUS_TESTS_CHAPTERS_H
#include "op_run.h"

#include "num/philox.h"

/* ---- the operations again, in binary64
 * -------------------------------------------------------- */

/* Example b: inputs x[k], parameters p[k] -> y. */
typedef void (*exact_fn)(const op_run *r, int64_t b, double *const x[], double *const p[],
                         double *y);

static inline void dense_exact(const op_run *r, int64_t b, double *const x[], double *const p[],
                               double *y)
{
    (void)b;
    for (int64_t u = 0; u < r->n_out; u++) {
        y[u] = r->n_params > 1 ? p[1][u] : 0;
        for (int64_t i = 0; i < r->n_in[0]; i++) y[u] += p[0][u * r->n_in[0] + i] * x[0][i];
    }
}

static inline void bias_exact(const op_run *r, int64_t b, double *const x[], double *const p[],
                              double *y)
{
    (void)b;
    for (int64_t i = 0; i < r->n_out; i++) y[i] = x[0][i] + p[0][i];
}

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
EXACT_EACH(relu, v > 0 ? v : 0)
EXACT_EACH(sigmoid, 1 / (1 + exp(-v)))
EXACT_EACH(tanh, tanh(v))
EXACT_EACH(gelu, v * 0.5 * erfc(-v * M_SQRT1_2))
EXACT_EACH(affine, r->attr[0].r *v + r->attr[1].r)

/* Contract, item 9: word of the element's place in the logical batch; kept if >= floor(p
 * 2^32). */
static inline void dropout_exact(const op_run *r, int64_t b, double *const x[],
                                 double *const p[], double *y)
{
    (void)p;
    const onus_call *c = &r->call;
    const uint32_t key[2] = {(uint32_t)c->seed, (uint32_t)(c->seed >> 32)};
    for (int64_t i = 0; i < r->n_out; i++) {
        const uint64_t place = (uint64_t)((c->first + b) * r->n_out + i);
        const uint32_t ctr[4] = {(uint32_t)(place / 4), c->step, c->node, 3};
        uint32_t words[4];
        onus_philox(key, ctr, words);
        const bool kept = (double)words[place % 4] >= floor(r->attr[0].r * 0x1p32);
        y[i] = kept ? x[0][i] / (1 - r->attr[0].r) : 0;
    }
}

static inline double log_sum_exp(const double *x, int64_t n)
{
    double m = -INFINITY, l = 0;
    for (int64_t i = 0; i < n; i++) m = fmax(m, x[i]);
    for (int64_t i = 0; i < n; i++) l += exp(x[i] - m);
    return m + log(l);
}

static inline void softmax_exact(const op_run *r, int64_t b, double *const x[],
                                 double *const p[], double *y)
{
    (void)b, (void)p;
    const int64_t n = r->out_shape.d[r->out_shape.n - 1];
    for (int64_t at = 0; at < r->n_out; at += n) {
        const double l = log_sum_exp(x[0] + at, n);
        for (int64_t i = 0; i < n; i++) y[at + i] = exp(x[0][at + i] - l);
    }
}

static inline void cross_entropy_exact(const op_run *r, int64_t b, double *const x[],
                                       double *const p[], double *y)
{
    (void)p;
    y[0] = log_sum_exp(x[0], r->n_in[0]) - x[0][(int64_t)r->label[b]];
}

static inline void logistic_exact(const op_run *r, int64_t b, double *const x[],
                                  double *const p[], double *y)
{
    (void)p;
    const double z = r->label[b] > 0.5f ? x[0][0] : -x[0][0]; /* -log sigmoid(z) */
    y[0] = log1p(exp(-z));
}

static inline void squared_exact(const op_run *r, int64_t b, double *const x[],
                                 double *const p[], double *y)
{
    (void)p;
    y[0] = (x[0][0] - (double)r->label[b]) * (x[0][0] - (double)r->label[b]);
}

/* ---- gradients of parameters, in the contract's bits
 * --------------------------------------------- */

/* The chain of one gradient's element after example b, whose weight is w (NULL: not
 * weighted). */
typedef float (*term_fn)(const op_run *r, int k, int64_t e, int64_t b, const float *w,
                         float chain);

static inline float dense_term(const op_run *r, int k, int64_t e, int64_t b, const float *w,
                               float chain)
{
    const int64_t n = r->n_in[0], u = k == 0 ? e / n : e;
    float dy = r->dy[b * r->n_out + u];
    if (w) dy = *w * dy;
    return k == 0 ? fmaf(dy, r->x[0][b * n + e % n], chain) : chain + dy;
}

static inline float bias_term(const op_run *r, int k, int64_t e, int64_t b, const float *w,
                              float chain)
{
    (void)k;
    float dy = r->dy[b * r->n_out + e];
    if (w) dy = *w * dy;
    return chain + dy;
}

/* Items 3 and 7: segments of 256 examples, each from +0; skipped examples keep their places,
 * empty segments take no part, no term is +0. */
static inline float contract_grad(const op_run *r, term_fn term, int k, int64_t e,
                                  const float *w)
{
    float total = 0.0f;
    bool any_segment = false;
    for (int64_t s = 0; s < r->B; s += 256) {
        float chain = 0.0f;
        bool any = false;
        for (int64_t b = s; b < s + 256 && b < r->B; b++) {
            if (w && w[b] == 0.0f) continue;
            chain = term(r, k, e, b, w ? &w[b] : NULL, chain);
            any = true;
        }
        if (!any) continue;
        total = any_segment ? total + chain : chain;
        any_segment = true;
    }
    return total;
}

/* ---- chapters
 * -------------------------------------------------------------------------------------- */

enum { READS_X = 1, READS_Y = 2, READS_P = 4, READS_DY = 8 };

typedef struct {
    double attr[2]; /* in the order of the row's attributes */
    onus_shape in;
    int64_t B;
} chapter_case;

typedef struct {
    const char *op;
    exact_fn exact;
    term_fn term;          /* NULL: no parameters */
    float away;            /* numbers keep away from a kink at 0 */
    chapter_case small[4]; /* differences are taken; B = 0 ends the list */
    chapter_case big;      /* worth several threads, more than one segment of examples */
    /* Loops outside of kernels, counted by hand from the source of the formula
     * (docs/NUMERICS.md, rule 8): operations an element and an example. */
    int loops_forward[2], loops_backward[2];
    unsigned backward_reads, grad_reads, norm_reads;
} chapter;

#define VECTOR(n) \
    {             \
        1,        \
        {         \
            n     \
        }         \
    }
static const chapter chapters[] = {
    {.op = "dense",
     .exact = dense_exact,
     .term = dense_term,
     .small = {{{3, 1}, VECTOR(5), 4}, {{2, 0}, VECTOR(4), 3}, {{1, 1}, VECTOR(1), 1}},
     .big = {{33, 1}, VECTOR(70), 300},
     .backward_reads = READS_DY | READS_P,
     .grad_reads = READS_DY | READS_X,
     .norm_reads = READS_DY | READS_X},
    {.op = "bias",
     .exact = bias_exact,
     .term = bias_term,
     .small = {{{0}, VECTOR(5), 4}, {{0}, {3, {2, 3, 2}}, 2}, {{0}, {0}, 3}},
     .big = {{0}, VECTOR(131), 515},
     .backward_reads = READS_DY,
     .grad_reads = READS_DY,
     .norm_reads = READS_DY},
    {.op = "relu",
     .exact = relu_exact,
     .away = 0.01f,
     .small = {{{0}, VECTOR(7), 4}, {{0}, {2, {3, 5}}, 2}, {{0}, {0}, 3}},
     .big = {{0}, VECTOR(331), 300},
     .backward_reads = READS_DY | READS_Y},
    {.op = "sigmoid",
     .exact = sigmoid_exact,
     .small = {{{0}, VECTOR(7), 4}, {{0}, {2, {3, 5}}, 2}},
     .big = {{0}, VECTOR(331), 300},
     .backward_reads = READS_DY | READS_Y},
    {.op = "tanh",
     .exact = tanh_exact,
     .small = {{{0}, VECTOR(7), 4}, {{0}, {2, {3, 5}}, 2}},
     .big = {{0}, VECTOR(331), 300},
     .backward_reads = READS_DY | READS_Y},
    {.op = "gelu",
     .exact = gelu_exact,
     .small = {{{0}, VECTOR(7), 4}, {{0}, {2, {3, 5}}, 2}},
     .big = {{0}, VECTOR(331), 300},
     .backward_reads = READS_DY | READS_X},
    {.op = "dropout",
     .exact = dropout_exact,
     .small = {{{0.4}, VECTOR(7), 4}, {{0.99}, {2, {3, 5}}, 2}, {{0}, VECTOR(3), 2}},
     .big = {{0.25}, VECTOR(331), 300},
     .loops_forward = {2, 0}, /* the draw, the scaling */
     .loops_backward = {1, 0},
     .backward_reads = READS_DY},
    {.op = "softmax",
     .exact = softmax_exact,
     .small = {{{0}, VECTOR(7), 4}, {{0}, {2, {3, 5}}, 2}, {{0}, VECTOR(1), 2}},
     .big = {{0}, VECTOR(37), 300},
     .loops_forward = {2, 0},  /* x - m, e / l */
     .loops_backward = {2, 0}, /* dy - dot, times y */
     .backward_reads = READS_DY | READS_Y},
    {.op = "affine",
     .exact = affine_exact,
     .small = {{{2.5, -1.25}, VECTOR(7), 4}, {{-0.3, 3}, {2, {3, 5}}, 2}, {{0, 1}, {0}, 3}},
     .big = {{1.5, 0.75}, VECTOR(331), 300},
     .loops_forward = {2, 0},
     .loops_backward = {1, 0},
     .backward_reads = READS_DY},
    {.op = "softmax_cross_entropy",
     .exact = cross_entropy_exact,
     .small = {{{0}, VECTOR(7), 4}, {{0}, VECTOR(2), 3}},
     .big = {{0}, VECTOR(37), 300},
     .loops_forward = {2, 2}, /* and log l + m, - x_t */
     .loops_backward = {3, 0}},
    {.op = "logistic_loss",
     .exact = logistic_exact,
     .small = {{{0}, VECTOR(1), 6}, {{0}, {0}, 3}},
     .big = {{0}, VECTOR(1), 4000},
     .loops_forward = {0, 6}, /* -|z|, 1 + e, max(z, 0), z y, their difference, the sum */
     .loops_backward = {3, 0}},
    {.op = "squared_error",
     .exact = squared_exact,
     .small = {{{0}, VECTOR(1), 6}, {{0}, {2, {1, 1}}, 3}},
     .big = {{0}, VECTOR(1), 4000},
     .loops_forward = {0, 2},
     .loops_backward = {4, 0},
     .backward_reads = READS_X},
};

static inline const chapter *chapter_of(const onus_op *op)
{
    for (size_t i = 0; i < sizeof chapters / sizeof *chapters; i++)
        if (strcmp(chapters[i].op, op->name) == 0) return &chapters[i];
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
    op_run_make(r, op, attr, &at->in, at->B, ex, ch->away, (uint64_t)at->B * 31 + 7);
}

typedef void (*case_fn)(const chapter *ch, const chapter_case *at);

/* Every row of the table, every small case of its chapter. */
static inline void walk(case_fn fn)
{
    int n;
    const onus_op *const *ops = onus_ops(&n);
    for (int i = 0; i < n; i++) {
        const chapter *ch = chapter_of(ops[i]);
        for (int k = 0; k < 4 && ch->small[k].B; k++) fn(ch, &ch->small[k]);
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
    for (int k = 0; k < r->op->n_in; k++)
        for (int64_t i = 0; i < r->B * r->n_in[k]; i++) {
            r0->x[k][i] = op_number(&s, ch->away);
            if (i % 5 == 0) r0->x[k][i] = r->x[k][i];              /* nothing differs */
            if (i % 7 == 0) r0->x[k][i] = r->x[k][i] * 1.0000001f; /* hardly anything does */
        }
    for (int k = 0; k < r->n_params; k++)
        memcpy(r0->param[k], r->param[k], (size_t)r->n_param[k] * sizeof(float));
    r->op->forward.fn(&r->call);
    r0->op->forward.fn(&r0->call);
}
#endif
