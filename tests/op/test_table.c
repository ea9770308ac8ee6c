/* SPDX-License-Identifier: Apache-2.0
 * Goal: every cell of the table of operations does what its column says. Method: the tests walk
 * the table; each row has a chapter here (a row without one fails), whose heart is the
 * operation written again for one example in binary64. From that come values and, by central
 * differences, gradients of inputs and parameters; from gradients of single examples come norms
 * and weighted sums; attribution must conserve what it receives; every instruction set and
 * number of threads must give the bits of the reference; writing over the input must change
 * nothing; what a row does not keep is poisoned; costs are counted by kernels that count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "num/philox.h"
#include "num/tables.h"
#include "op_run.h"

/* ---- the operations again, in binary64
 * -------------------------------------------------------- */

/* Example b: inputs x[k], parameters p[k] -> y. */
typedef void (*exact_fn)(const op_run *r, int64_t b, double *const x[], double *const p[],
                         double *y);

static void dense_exact(const op_run *r, int64_t b, double *const x[], double *const p[],
                        double *y)
{
    (void)b;
    for (int64_t u = 0; u < r->n_out; u++) {
        y[u] = r->n_params > 1 ? p[1][u] : 0;
        for (int64_t i = 0; i < r->n_in[0]; i++) y[u] += p[0][u * r->n_in[0] + i] * x[0][i];
    }
}

static void bias_exact(const op_run *r, int64_t b, double *const x[], double *const p[],
                       double *y)
{
    (void)b;
    for (int64_t i = 0; i < r->n_out; i++) y[i] = x[0][i] + p[0][i];
}

#define EXACT_EACH(name, formula)                                                              \
    static void name##_exact(const op_run *r, int64_t b, double *const x[], double *const p[], \
                             double *y)                                                        \
    {                                                                                          \
        (void)b, (void)p;                                                                      \
        for (int64_t i = 0; i < r->n_out; i++) {                                               \
            const double v = x[0][i];                                                          \
            y[i] = formula;                                                                    \
        }                                                                                      \
    }
EXACT_EACH(relu, v > 0 ? v : 0)
EXACT_EACH(sigmoid, 1 / (1 + exp(-v)))
EXACT_EACH(tanh, tanh(v))
EXACT_EACH(gelu, v * 0.5 * erfc(-v * M_SQRT1_2))

/* Contract, item 9: word of the element's place in the logical batch; kept if >= floor(p 2^32).
 */
static void dropout_exact(const op_run *r, int64_t b, double *const x[], double *const p[],
                          double *y)
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

static double log_sum_exp(const double *x, int64_t n)
{
    double m = -INFINITY, l = 0;
    for (int64_t i = 0; i < n; i++) m = fmax(m, x[i]);
    for (int64_t i = 0; i < n; i++) l += exp(x[i] - m);
    return m + log(l);
}

static void softmax_exact(const op_run *r, int64_t b, double *const x[], double *const p[],
                          double *y)
{
    (void)b, (void)p;
    const int64_t n = r->out_shape.d[r->out_shape.n - 1];
    for (int64_t at = 0; at < r->n_out; at += n) {
        const double l = log_sum_exp(x[0] + at, n);
        for (int64_t i = 0; i < n; i++) y[at + i] = exp(x[0][at + i] - l);
    }
}

static void cross_entropy_exact(const op_run *r, int64_t b, double *const x[],
                                double *const p[], double *y)
{
    (void)p;
    y[0] = log_sum_exp(x[0], r->n_in[0]) - x[0][(int64_t)r->label[b]];
}

static void logistic_exact(const op_run *r, int64_t b, double *const x[], double *const p[],
                           double *y)
{
    (void)p;
    const double z = r->label[b] > 0.5f ? x[0][0] : -x[0][0]; /* -log sigmoid(z) */
    y[0] = log1p(exp(-z));
}

static void squared_exact(const op_run *r, int64_t b, double *const x[], double *const p[],
                          double *y)
{
    (void)p;
    y[0] = (x[0][0] - (double)r->label[b]) * (x[0][0] - (double)r->label[b]);
}

/* ---- gradients of parameters, in the contract's bits
 * --------------------------------------------- */

/* The chain of one gradient's element after example b, whose weight is w (NULL: not weighted).
 */
typedef float (*term_fn)(const op_run *r, int k, int64_t e, int64_t b, const float *w,
                         float chain);

static float dense_term(const op_run *r, int k, int64_t e, int64_t b, const float *w,
                        float chain)
{
    const int64_t n = r->n_in[0], u = k == 0 ? e / n : e;
    float dy = r->dy[b * r->n_out + u];
    if (w) dy = *w * dy;
    return k == 0 ? fmaf(dy, r->x[0][b * n + e % n], chain) : chain + dy;
}

static float bias_term(const op_run *r, int k, int64_t e, int64_t b, const float *w,
                       float chain)
{
    (void)k;
    float dy = r->dy[b * r->n_out + e];
    if (w) dy = *w * dy;
    return chain + dy;
}

/* Items 3 and 7: segments of 256 examples, each from +0; skipped examples keep their places,
 * empty segments take no part, no term is +0. */
static float contract_grad(const op_run *r, term_fn term, int k, int64_t e, const float *w)
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

static const chapter *chapter_of(const onus_op *op)
{
    for (size_t i = 0; i < sizeof chapters / sizeof *chapters; i++)
        if (strcmp(chapters[i].op, op->name) == 0) return &chapters[i];
    fail_msg("operation %s has no chapter in tests/op", op->name);
    return NULL;
}

static void make(op_run *r, const chapter *ch, const chapter_case *at, const onus_exec *ex)
{
    const onus_op *op = onus_op_find(ch->op);
    onus_attr attr[ONUS_ATTR_MAX] = {{0}};
    for (int k = 0; k < op->n_attrs; k++)
        attr[k] = (onus_attr){(int64_t)at->attr[k], at->attr[k]};
    op_run_make(r, op, attr, &at->in, at->B, ex, ch->away, (uint64_t)at->B * 31 + 7);
}

typedef void (*case_fn)(const chapter *ch, const chapter_case *at);

/* Every row of the table, every small case of its chapter. */
static void walk(case_fn fn)
{
    int n;
    const onus_op *const *ops = onus_ops(&n);
    for (int i = 0; i < n; i++) {
        const chapter *ch = chapter_of(ops[i]);
        for (int k = 0; k < 4 && ch->small[k].B; k++) fn(ch, &ch->small[k]);
    }
}

static onus_exec ref; /* the reference on one thread */

/* ---- the table itself
 * ------------------------------------------------------------------------------- */

/* Exactly one of function and reason in every cell; limits hold; names are unique and found. */
static void cells_are_filled_or_refused(void **state)
{
    (void)state;
    int n;
    const onus_op *const *ops = onus_ops(&n);
    assert_int_equal(n, sizeof chapters / sizeof *chapters);
    for (int i = 0; i < n; i++) {
        const onus_op *op = ops[i];
        assert_ptr_equal(onus_op_find(op->name), op);
        (void)chapter_of(op);
        assert_true(op->help && op->help[0]);
        assert_true(op->n_in >= 1 && op->n_in <= ONUS_IN_MAX && op->n_attrs <= ONUS_ATTR_MAX);
        assert_true(op->shape && op->params && op->saved && op->scratch);
        const char *const reasons[] = {op->forward.refused,      op->backward.refused,
                                       op->sample_norm2.refused, op->weighted_grad.refused,
                                       op->relevance.refused,    op->cost.refused};
        const bool can[] = {op->forward.fn,       op->backward.fn,  op->sample_norm2.fn,
                            op->weighted_grad.fn, op->relevance.fn, op->cost.fn};
        for (int c = 0; c < 6; c++) {
            assert_true(can[c] == !reasons[c]);
            if (reasons[c]) assert_true(strlen(reasons[c]) > 10);
        }
        for (int k = 0; k < op->n_attrs; k++) {
            const onus_attr_def *a = &op->attrs[k];
            assert_true(a->name && a->help && a->lower <= a->standard &&
                        a->standard <= a->upper);
        }
        if (op->is_loss) assert_false(op->inplace);
    }
    assert_null(onus_op_find("denser"));
}

/* ---- values
 * ------------------------------------------------------------------------------------------ */

/* Copies of a run's inputs and parameters in binary64. */
typedef struct {
    double *x[ONUS_IN_MAX], *p[ONUS_PARAM_MAX], *y;
} wide;

static double *widen(const float *from, int64_t n)
{
    double *to = op_array((size_t)n, sizeof *to);
    for (int64_t i = 0; i < n; i++) to[i] = (double)from[i];
    return to;
}

static void wide_make(wide *w, const op_run *r)
{
    for (int k = 0; k < r->op->n_in; k++) w->x[k] = widen(r->x[k], r->B * r->n_in[k]);
    for (int k = 0; k < r->n_params; k++) w->p[k] = widen(r->param[k], r->n_param[k]);
    w->y = op_array((size_t)r->n_out, sizeof *w->y);
}

static void wide_free(wide *w, const op_run *r)
{
    for (int k = 0; k < r->op->n_in; k++) free(w->x[k]);
    for (int k = 0; k < r->n_params; k++) free(w->p[k]);
    free(w->y);
}

static void exact_example(const chapter *ch, const op_run *r, const wide *w, int64_t b)
{
    double *x[ONUS_IN_MAX];
    for (int k = 0; k < r->op->n_in; k++) x[k] = w->x[k] + b * r->n_in[k];
    ch->exact(r, b, x, w->p, w->y);
}

static void close_to(double got, double want, const char *op, const char *what)
{
    if (!(fabs(got - want) <= 4e-6 * (1 + fabs(want))))
        fail_msg("%s: %s is %.9g, exactly %.9g", op, what, got, want);
}

static void check_values(const chapter *ch, const chapter_case *at)
{
    op_run r;
    wide w;
    make(&r, ch, at, &ref);
    wide_make(&w, &r);
    r.op->forward.fn(&r.call);
    for (int64_t b = 0; b < r.B; b++) {
        exact_example(ch, &r, &w, b);
        for (int64_t i = 0; i < r.n_out; i++)
            close_to((double)r.y[b * r.n_out + i], w.y[i], ch->op, "an output");
    }
    wide_free(&w, &r);
    op_run_free(&r);
}

static void values_are_exact(void **state)
{
    (void)state;
    walk(check_values);
}

/* ---- gradients
 * ----------------------------------------------------------------------------------------- */

/* What is differentiated: sum of dy y, or the weighted and scaled losses; of example b, or of
 * all (b < 0). */
static double objective(const chapter *ch, const op_run *r, const wide *w, int64_t b)
{
    double sum = 0;
    for (int64_t e = b < 0 ? 0 : b; e < (b < 0 ? r->B : b + 1); e++) {
        exact_example(ch, r, w, e);
        if (r->op->is_loss) {
            sum += w->y[0] * (double)r->weight[e] * (double)r->call.loss_scale;
            continue;
        }
        for (int64_t i = 0; i < r->n_out; i++) sum += w->y[i] * (double)r->dy[e * r->n_out + i];
    }
    return sum;
}

/* Central difference of the objective at *at. */
static double slope(const chapter *ch, const op_run *r, const wide *w, int64_t b, double *at)
{
    const double was = *at, h = 1e-5;
    *at = was + h;
    const double above = objective(ch, r, w, b);
    *at = was - h;
    const double below = objective(ch, r, w, b);
    *at = was;
    return (above - below) / (2 * h);
}

static void check_gradients(const chapter *ch, const chapter_case *at)
{
    op_run r;
    wide w;
    make(&r, ch, at, &ref);
    wide_make(&w, &r);
    r.op->forward.fn(&r.call);
    r.op->backward.fn(&r.call);
    r.op->weighted_grad.fn(&r.call, NULL);
    for (int k = 0; k < r.op->n_in; k++)
        for (int64_t b = 0; b < r.B; b++)
            for (int64_t i = b * r.n_in[k]; i < (b + 1) * r.n_in[k]; i++)
                close_to((double)r.dx[k][i], slope(ch, &r, &w, b, &w.x[k][i]), ch->op,
                         "an input's gradient");
    for (int k = 0; k < r.n_params; k++)
        for (int64_t e = 0; e < r.n_param[k]; e++)
            close_to((double)r.grad[k][e], slope(ch, &r, &w, -1, &w.p[k][e]), ch->op,
                     "a parameter's gradient");
    r.call.d_in[0] = NULL; /* nobody wants it: nothing is written */
    memset(r.dx[0], 0x5a, (size_t)(r.B * r.n_in[0]) * sizeof(float));
    r.op->backward.fn(&r.call);
    for (int64_t i = 0; i < r.B * r.n_in[0] * 4; i++)
        assert_int_equal(((unsigned char *)r.dx[0])[i], 0x5a);
    wide_free(&w, &r);
    op_run_free(&r);
}

static void gradients_are_slopes(void **state)
{
    (void)state;
    walk(check_gradients);
}

/* ---- single examples
 * ------------------------------------------------------------------------------------ */

/* The call of example b alone. */
static onus_call example_call(const op_run *r, int64_t b)
{
    onus_call c = r->call;
    c.B = 1;
    c.first += b;
    c.out += b * r->n_out;
    if (c.d_out) c.d_out += b * r->n_out;
    for (int k = 0; k < r->op->n_in; k++) {
        c.in[k] += b * r->n_in[k];
        c.d_in[k] += b * r->n_in[k];
    }
    c.label += b;
    c.weight += b;
    c.saved = (char *)c.saved + (size_t)b * (r->saved_bytes / (size_t)r->B);
    return c;
}

/* sample_norm2 against the gradient of each example written out; it adds to what is there. */
static void check_norms(const chapter *ch, const chapter_case *at)
{
    op_run r;
    make(&r, ch, at, &ref);
    r.op->forward.fn(&r.call);
    r.op->backward.fn(&r.call);
    for (int64_t b = 0; b < r.B; b++) r.norm2[b] = 1.5 * (double)b;
    r.op->sample_norm2.fn(&r.call, r.norm2);
    for (int64_t b = 0; b < r.B; b++) {
        onus_call c = example_call(&r, b);
        r.op->weighted_grad.fn(&c, NULL);
        double want = 1.5 * (double)b;
        for (int k = 0; k < r.n_params; k++)
            for (int64_t e = 0; e < r.n_param[k]; e++)
                want += (double)r.grad[k][e] * (double)r.grad[k][e];
        close_to(r.norm2[b], want, ch->op, "an example's squared norm");
    }
    op_run_free(&r);
}

static void norms_are_those_of_single_examples(void **state)
{
    (void)state;
    walk(check_norms);
}

static void check_weighted(const chapter *ch, op_run *r, const float *w, const char *what)
{
    for (int k = 0; k < r->n_params; k++)
        memset(r->grad[k], 0xa5, (size_t)r->n_param[k] * sizeof(float));
    r->op->weighted_grad.fn(&r->call, w);
    for (int k = 0; k < r->n_params; k++)
        for (int64_t e = 0; e < r->n_param[k]; e++) {
            const float want = contract_grad(r, ch->term, k, e, w);
            if (op_differ(&r->grad[k][e], &want, 1) >= 0)
                fail_msg("%s, %s: gradient %d [%lld] is %a, the contract says %a", ch->op, what,
                         k, (long long)e, (double)r->grad[k][e], (double)want);
        }
}

/* Weighted sums in the contract's bits: no weights, ones, fractions; examples left out, with
 * what is not finite in them; whole segments left out at the start, in the middle, at the end;
 * all. A chain that stands at -0 keeps its sign when a term is skipped: dy is tiny and negative
 * in one column. */
static void weighted_sums_are_the_contracts(void **state)
{
    (void)state;
    int n;
    const onus_op *const *ops = onus_ops(&n);
    for (int i = 0; i < n; i++) {
        const chapter *ch = chapter_of(ops[i]);
        if (!ch->term) continue;
        chapter_case at = ch->big;
        at.B = 3 * 256 + 1;
            op_run r;
        make(&r, ch, &at, &ref);
        float *w = r.weight;
        for (int64_t b = 0; b < r.B; b++) r.dy[b * r.n_out] = -0x1p-149f;
        check_weighted(ch, &r, NULL, "no weights");
        check_weighted(ch, &r, w, "fractions");
        for (int64_t b = 0; b < r.B; b++) w[b] = 1.0f;
        check_weighted(ch, &r, w, "ones");
        static const int64_t cuts[][2] = {{768, 769}, {5, 6}, {256, 512}, {0, 256}, {0, 769}};
        for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
            for (int64_t b = cuts[c][0]; b < cuts[c][1]; b++) {
                w[b] = b % 2 ? 0.0f : -0.0f;
                r.dy[b * r.n_out + r.n_out - 1] = b % 3 ? NAN : INFINITY;
                r.x[0][b * r.n_in[0]] = b % 3 ? INFINITY : NAN;
            }
            check_weighted(ch, &r, w, "examples left out");
        }
        for (int k = 0; k < r.n_params; k++) /* all left out: +0 */
            for (int64_t e = 0; e < r.n_param[k]; e++)
                assert_true(r.grad[k][e] == 0 && !signbit(r.grad[k][e]));
        op_run_free(&r);
    }
}

/* ---- relevance
 * --------------------------------------------------------------------------------------------
 */

/* Multipliers m_in from m_out = dy, at x against x0. */
static void relevance_of(const chapter *ch, const chapter_case *at, op_run *r, op_run *r0)
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

static void check_relevance(const chapter *ch, const chapter_case *at)
{
    op_run r, r0;
    const onus_op *op = onus_op_find(ch->op);
    if (op->relevance.refused) return;
    for (int over = 0; over <= op->inplace; over++) { /* m_in beside m_out, then over it */
        relevance_of(ch, at, &r, &r0);
        float *m_out = op_array((size_t)(r.B * r.n_out), sizeof *m_out);
        memcpy(m_out, r.dy, (size_t)(r.B * r.n_out) * sizeof *m_out);
        if (over) r.call.d_in[0] = r.dy;
        op->relevance.fn(&r.call, &r0.call);
        for (int64_t b = 0; b < r.B; b++) {
            double given = 0, received = 0;
            for (int64_t i = b * r.n_out; i < (b + 1) * r.n_out; i++)
                given += (double)m_out[i] * ((double)r.y[i] - (double)r0.y[i]);
            for (int k = 0; k < op->n_in; k++)
                for (int64_t i = b * r.n_in[k]; i < (b + 1) * r.n_in[k]; i++)
                    received +=
                        (double)r.call.d_in[k][i] * ((double)r.x[k][i] - (double)r0.x[k][i]);
            close_to(received, given, ch->op, "what relevance hands on");
        }
        free(m_out);
        op_run_free(&r);
        op_run_free(&r0);
    }
}

static void relevance_conserves(void **state)
{
    (void)state;
    walk(check_relevance);
}

/* ---- one set of bits
 * -------------------------------------------------------------------------------------- */

/* Everything that a run computes. */
static void run_all(op_run *r, op_run *r0)
{
    const onus_op *op = r->op;
    op->forward.fn(&r->call);
    op->backward.fn(&r->call);
    memset(r->norm2, 0, (size_t)r->B * sizeof *r->norm2);
    op->sample_norm2.fn(&r->call, r->norm2);
    op->weighted_grad.fn(&r->call, r->weight);
    if (op->relevance.refused) return;
    op->forward.fn(&r0->call);
    r0->call.d_in[0] = r0->dx[0];
    op->relevance.fn(&r0->call, &r->call);
}

static void compare_runs(const op_run *a, const op_run *b, const char *op, const char *isa,
                         int threads)
{
    int64_t at = op_differ(a->y, b->y, a->B * a->n_out);
    if (at >= 0)
        fail_msg("%s, %s, %d threads: output %lld differs", op, isa, threads, (long long)at);
    for (int k = 0; k < a->op->n_in; k++) {
        at = op_differ(a->dx[k], b->dx[k], a->B * a->n_in[k]);
        if (at >= 0)
            fail_msg("%s, %s, %d threads: gradient %lld differs", op, isa, threads,
                     (long long)at);
    }
    for (int k = 0; k < a->n_params; k++)
        if (op_differ(a->grad[k], b->grad[k], a->n_param[k]) >= 0)
            fail_msg("%s, %s, %d threads: a parameter's gradient differs", op, isa, threads);
    for (int64_t e = 0; e < a->B; e++)
        if (a->norm2[e] == a->norm2[e] || b->norm2[e] == b->norm2[e])
            assert_memory_equal(&a->norm2[e], &b->norm2[e], sizeof(double));
}

/* Some numbers of every kind among the others. */
static void make_awkward(op_run *r)
{
    static const float odd[] = {-0.0f, 0.0f,      1e-42f, -1e-45f, 3e38f,
                                NAN,   -INFINITY, 1e-30f, INFINITY};
    for (int64_t i = 0; i < 9; i++) {
        r->x[0][(i * 37 + 5) % (r->B * r->n_in[0])] = odd[i];
        if (!r->op->is_loss) r->dy[(i * 41 + 3) % (r->B * r->n_out)] = odd[(i + 4) % 9];
    }
}

static void bits_do_not_depend_on_the_machine(void **state)
{
    (void)state;
    int n;
    const onus_op *const *ops = onus_ops(&n);
    onus_pool *pools[4] = {NULL};
    for (int t = 2; t <= 3; t++)
        assert_int_equal(onus_pool_create(&pools[t], t, NULL, NULL), 0);
    for (int i = 0; i < 2 * n; i++) {
        const chapter *ch = chapter_of(ops[i / 2]);
        const onus_exec plain = {.k = &onus_kernels_ref};
        op_run want, want0;
        make(&want, ch, &ch->big, &plain);
        make(&want0, ch, &ch->big, &plain);
        if (i % 2) make_awkward(&want);
        run_all(&want, &want0);
        for (int isa = 0; isa < ONUS_ISA_COUNT; isa++)
            for (int t = 1; t <= 3; t++) {
                const onus_exec ex = {.k = onus_kernels_of((onus_isa)isa), .pool = pools[t]};
                op_run r, r0;
                if (!ex.k) continue;
                make(&r, ch, &ch->big, &ex);
                make(&r0, ch, &ch->big, &ex);
                if (i % 2) make_awkward(&r);
                run_all(&r, &r0);
                compare_runs(&want, &r, ch->op, onus_isa_name((onus_isa)isa), t);
                compare_runs(&want0, &r0, ch->op, onus_isa_name((onus_isa)isa), t);
                op_run_free(&r);
                op_run_free(&r0);
            }
        op_run_free(&want);
        op_run_free(&want0);
    }
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++)
        print_message("operations on %s: %s\n", onus_isa_name((onus_isa)isa),
                      onus_kernels_of((onus_isa)isa) ? "ran" : "not proven on this machine");
    for (int t = 2; t <= 3; t++) onus_pool_destroy(pools[t]);
}

/* ---- memory
 * ------------------------------------------------------------------------------------------------
 */

/* Where a row allows it, the output over the input and the gradient over the output's gradient
 * change no bit. */
static void check_inplace(const chapter *ch, const chapter_case *at)
{
    op_run r, over;
    make(&r, ch, at, &ref);
    if (r.op->inplace) {
        make(&over, ch, at, &ref);
        over.call.out = over.x[0];
        over.call.d_in[0] = over.dy;
        r.op->forward.fn(&r.call);
        r.op->forward.fn(&over.call);
        assert_int_equal(op_differ(r.y, over.x[0], r.B * r.n_out), -1);
        r.op->backward.fn(&r.call);
        r.op->weighted_grad.fn(&r.call, NULL);
        r.op->weighted_grad.fn(&over.call, NULL);
        r.op->backward.fn(&over.call);
        assert_int_equal(op_differ(r.dx[0], over.dy, r.B * r.n_out), -1);
        for (int k = 0; k < r.n_params; k++)
            assert_int_equal(op_differ(r.grad[k], over.grad[k], r.n_param[k]), -1);
        op_run_free(&over);
    }
    op_run_free(&r);
}

static void outputs_may_stand_over_inputs(void **state)
{
    (void)state;
    walk(check_inplace);
}

static void poison(float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) x[i] = NAN;
}

/* What the row does not keep is gone when the way back starts: it must not be read. */
static void check_keeps(const chapter *ch, const chapter_case *at)
{
    op_run r, gone;
    make(&r, ch, at, &ref);
    make(&gone, ch, at, &ref);
    op_run *const both[] = {&r, &gone};
    for (int i = 0; i < 2; i++) {
        const onus_op *op = both[i]->op;
        op->forward.fn(&both[i]->call);
        if (i && !(op->keeps & ONUS_KEEPS_IN)) poison(gone.x[0], gone.B * gone.n_in[0]);
        if (i && !(op->keeps & ONUS_KEEPS_OUT)) poison(gone.y, gone.B * gone.n_out);
        op->backward.fn(&both[i]->call);
        memset(both[i]->norm2, 0, (size_t)r.B * sizeof(double));
        op->sample_norm2.fn(&both[i]->call, both[i]->norm2);
        op->weighted_grad.fn(&both[i]->call, r.weight);
    }
    assert_int_equal(op_differ(r.dx[0], gone.dx[0], r.B * r.n_in[0]), -1);
    assert_memory_equal(r.norm2, gone.norm2, (size_t)r.B * sizeof(double));
    for (int k = 0; k < r.n_params; k++)
        assert_int_equal(op_differ(r.grad[k], gone.grad[k], r.n_param[k]), -1);
    op_run_free(&r);
    op_run_free(&gone);
}

/* The same for relevance, which has marks of its own. */
static void check_relevance_keeps(const chapter *ch, const chapter_case *at)
{
    const onus_op *op = onus_op_find(ch->op);
    if (op->relevance.refused) return;
    op_run r[2], r0[2];
    for (int i = 0; i < 2; i++) {
        relevance_of(ch, at, &r[i], &r0[i]);
        if (i && !(op->keeps & ONUS_RELEVANCE_IN)) {
            poison(r[1].x[0], r[1].B * r[1].n_in[0]);
            poison(r0[1].x[0], r[1].B * r[1].n_in[0]);
        }
        if (i && !(op->keeps & ONUS_RELEVANCE_OUT)) {
            poison(r[1].y, r[1].B * r[1].n_out);
            poison(r0[1].y, r[1].B * r[1].n_out);
        }
        op->relevance.fn(&r[i].call, &r0[i].call);
    }
    assert_int_equal(op_differ(r[0].dx[0], r[1].dx[0], r[0].B * r[0].n_in[0]), -1);
    for (int i = 0; i < 2; i++) {
        op_run_free(&r[i]);
        op_run_free(&r0[i]);
    }
}

static void what_is_not_kept_is_not_read(void **state)
{
    (void)state;
    walk(check_keeps);
    walk(check_relevance_keeps);
}

/* No examples: a Poisson sample can be empty. Gradients are +0. */
static void no_examples_are_fine(void **state)
{
    (void)state;
    int n;
    const onus_op *const *ops = onus_ops(&n);
    for (int i = 0; i < n; i++)
        for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
            const chapter *ch = chapter_of(ops[i]);
            const onus_exec ex = {.k = onus_kernels_of((onus_isa)isa)};
            op_run r;
            if (!ex.k) continue;
            make(&r, ch, &ch->big, &ex);
            r.call.B = 0;
            r.op->forward.fn(&r.call);
            r.op->backward.fn(&r.call);
            r.op->sample_norm2.fn(&r.call, r.norm2);
            for (int w = 0; w < 2; w++) {
                for (int k = 0; k < r.n_params; k++) poison(r.grad[k], r.n_param[k]);
                r.op->weighted_grad.fn(&r.call, w ? r.weight : NULL);
                for (int k = 0; k < r.n_params; k++)
                    for (int64_t e = 0; e < r.n_param[k]; e++)
                        assert_true(r.grad[k][e] == 0 && !signbit(r.grad[k][e]));
            }
            op_run_free(&r);
        }
}

/* ---- costs
 * --------------------------------------------------------------------------------------------------
 */

static double counted;

static void count_gemm(const float *A, int64_t a_row, int64_t a_col, const float *B,
                       int64_t b_row, int64_t b_col, float *C, int64_t ldc, int64_t m0,
                       int64_t m1, int64_t n0, int64_t n1, int64_t K, const float *bias,
                       void *pack)
{
    counted += (double)((m1 - m0) * (n1 - n0)) * (double)(K + (bias != NULL));
    onus_kernels_ref.gemm_tile(A, a_row, a_col, B, b_row, b_col, C, ldc, m0, m1, n0, n1, K,
                               bias, pack);
}
#define COUNT_ONE(f)                                           \
    static void count_##f(const float *x, float *y, int64_t n) \
    {                                                          \
        counted += (double)n;                                  \
        onus_kernels_ref.f(x, y, n);                           \
    }
#define COUNT_TWO(f)                                                           \
    static void count_##f(const float *x, const float *y, float *z, int64_t n) \
    {                                                                          \
        counted += (double)n;                                                  \
        onus_kernels_ref.f(x, y, z, n);                                        \
    }
#define COUNT_SUM(f)                                  \
    static float count_##f(const float *x, int64_t n) \
    {                                                 \
        counted += (double)n;                         \
        return onus_kernels_ref.f(x, n);              \
    }
COUNT_ONE(exp)
COUNT_ONE(log)
COUNT_ONE(tanh)
COUNT_ONE(sigmoid)
COUNT_ONE(relu)
COUNT_ONE(gelu)
COUNT_TWO(relu_back)
COUNT_TWO(sigmoid_back)
COUNT_TWO(tanh_back)
COUNT_TWO(gelu_back)
COUNT_TWO(add)
COUNT_SUM(sum)
COUNT_SUM(max)

static float count_dot(const float *x, const float *y, int64_t n)
{
    counted += (double)n;
    return onus_kernels_ref.dot(x, y, n);
}

static double count_norm2(const float *x, int64_t n)
{
    counted += (double)n;
    return onus_kernels_ref.norm2(x, n);
}

static void count_col_sum(const float *X, int64_t rows, int64_t ld, int64_t j0, int64_t j1,
                          float *out)
{
    counted += (double)(rows * (j1 - j0));
    onus_kernels_ref.col_sum(X, rows, ld, j0, j1, out);
}

/* Kernels that are not counted are absent: a row that starts to use one crashes here. */
static const onus_kernels counting = {.name = "counting",
                                      .gemm_tile = count_gemm,
                                      .exp = count_exp,
                                      .log = count_log,
                                      .tanh = count_tanh,
                                      .sigmoid = count_sigmoid,
                                      .sum = count_sum,
                                      .dot = count_dot,
                                      .max = count_max,
                                      .norm2 = count_norm2,
                                      .relu = count_relu,
                                      .relu_back = count_relu_back,
                                      .sigmoid_back = count_sigmoid_back,
                                      .tanh_back = count_tanh_back,
                                      .gelu = count_gelu,
                                      .gelu_back = count_gelu_back,
                                      .add = count_add,
                                      .col_sum = count_col_sum};

/* Bytes of the arrays that a pass touches, each once. */
static double bytes_of(const op_run *r, onus_pass pass, unsigned reads)
{
    const double b = 4.0 * (double)r->B, in = b * (double)r->n_in[0],
                 out = b * (double)r->n_out;
    double params = 0;
    for (int k = 0; k < r->n_params; k++) params += 4.0 * (double)r->n_param[k];
    const double weights = r->n_params ? 4.0 * (double)r->n_param[0] : 0; /* all but the bias */
    const double saved = (double)r->saved_bytes;
    double sum = (reads & READS_X ? in : 0) + (reads & READS_Y ? out : 0) +
                 (reads & READS_P ? weights : 0) + (reads & READS_DY ? out : 0);
    if (pass == ONUS_PASS_FORWARD) sum = in + out + params + saved + (r->op->is_loss ? b : 0);
    if (pass == ONUS_PASS_BACKWARD) sum += in + saved + (r->op->is_loss ? 2 * b : 0);
    if (pass == ONUS_PASS_GRAD) sum += params;
    return sum;
}

static void check_pass_cost(const op_run *r, onus_pass pass, double loops, unsigned reads)
{
    static const char *const names[] = {"forward", "backward", "norm", "grad"};
    const onus_cost c = r->op->cost.fn(r->attr, r->in_shape, r->B, pass);
    if (c.multiply_adds != counted + loops)
        fail_msg("%s, %s: %.0f multiply-adds by its row, counted %.0f", r->op->name,
                 names[pass], c.multiply_adds, counted + loops);
    if (c.bytes != bytes_of(r, pass, reads))
        fail_msg("%s, %s: %.0f bytes by its row, %.0f by its arrays", r->op->name, names[pass],
                 c.bytes, bytes_of(r, pass, reads));
}

static void check_cost(const chapter *ch, const chapter_case *at)
{
    const onus_exec ex = {.k = &counting};
    op_run r;
    make(&r, ch, at, &ex);
    const double b = (double)r.B, n = b * (double)r.n_in[0];
    counted = 0;
    r.op->forward.fn(&r.call);
    check_pass_cost(&r, ONUS_PASS_FORWARD, ch->loops_forward[0] * n + ch->loops_forward[1] * b,
                    0);
    counted = 0;
    r.op->backward.fn(&r.call);
    check_pass_cost(&r, ONUS_PASS_BACKWARD,
                    ch->loops_backward[0] * n + ch->loops_backward[1] * b, ch->backward_reads);
    if (r.n_params) {
        counted = 0;
        r.op->sample_norm2.fn(&r.call, r.norm2);
        check_pass_cost(&r, ONUS_PASS_NORM, 0, ch->norm_reads);
        counted = 0;
        r.op->weighted_grad.fn(&r.call, NULL);
        check_pass_cost(&r, ONUS_PASS_GRAD, 0, ch->grad_reads);
    }
    op_run_free(&r);
}

static void costs_are_those_of_a_counted_run(void **state)
{
    (void)state;
    walk(check_cost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_filled_or_refused),
        cmocka_unit_test(values_are_exact),
        cmocka_unit_test(gradients_are_slopes),
        cmocka_unit_test(norms_are_those_of_single_examples),
        cmocka_unit_test(weighted_sums_are_the_contracts),
        cmocka_unit_test(relevance_conserves),
        cmocka_unit_test(bits_do_not_depend_on_the_machine),
        cmocka_unit_test(outputs_may_stand_over_inputs),
        cmocka_unit_test(what_is_not_kept_is_not_read),
        cmocka_unit_test(no_examples_are_fine),
        cmocka_unit_test(costs_are_those_of_a_counted_run),
    };
    ref.k = onus_kernels_of(ONUS_ISA_REF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
