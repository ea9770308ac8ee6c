/* SPDX-License-Identifier: Apache-2.0
 * Goal: every cell of the table of operations does what its column says. Method: the tests walk
 * the table; each row has a chapter (chapters.h), whose heart is the operation written again
 * for one example in binary64. From that come values and, by central differences, gradients of
 * inputs and parameters; from gradients of single examples come norms and weighted sums;
 * attribution must conserve what it receives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "chapters.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_filled_or_refused),
        cmocka_unit_test(values_are_exact),
        cmocka_unit_test(gradients_are_slopes),
        cmocka_unit_test(norms_are_those_of_single_examples),
        cmocka_unit_test(weighted_sums_are_the_contracts),
        cmocka_unit_test(relevance_conserves),
    };
    ref.k = onus_kernels_of(ONUS_ISA_REF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
