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
        assert_true(op->n_in_min >= 1 && op->n_in_min <= op->n_in_max &&
                    op->n_in_max <= ONUS_IN_MAX && op->n_attrs <= ONUS_ATTR_MAX);
        assert_true(op->shape && op->params && op->rows && op->saved && op->scratch);
        const char *const reasons[] = {op->forward.refused,   op->backward.refused,
                                       op->terms.refused,     op->weighted_grad.refused,
                                       op->relevance.refused, op->cost.refused};
        const bool can[] = {op->forward.fn,       op->backward.fn,  op->terms.fn,
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
        if (op->flags & ONUS_OP_LOSS) assert_false(op->flags & ONUS_OP_INPLACE);
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
    for (int k = 0; k < r->n_inputs; k++) w->x[k] = widen(r->x[k], r->B * r->n_in[k]);
    for (int k = 0; k < r->n_params; k++) w->p[k] = widen(r->param[k], r->n_param[k]);
    w->y = op_array((size_t)(r->B * r->n_out), sizeof *w->y);
}

static void wide_free(wide *w, const op_run *r)
{
    for (int k = 0; k < r->n_inputs; k++) free(w->x[k]);
    for (int k = 0; k < r->n_params; k++) free(w->p[k]);
    free(w->y);
}

/* The outputs of example b, or of all (b < 0), each where it stands in a batch. */
static void exact_outputs(const chapter *ch, const op_run *r, const wide *w, int64_t b)
{
    if (ch->exact_batch) {
        ch->exact_batch(r, w->x, w->p, w->y);
        return;
    }
    for (int64_t e = b < 0 ? 0 : b; e < (b < 0 ? r->B : b + 1); e++) {
        double *x[ONUS_IN_MAX];
        for (int k = 0; k < r->n_inputs; k++) x[k] = w->x[k] + e * r->n_in[k];
        ch->exact(r, e, x, w->p, w->y + e * r->n_out);
    }
}

static void close_to(double got, double want, const chapter *ch, const char *what)
{
    const double tolerance = ch->tolerance > 0 ? ch->tolerance : 4e-6;
    if (!(fabs(got - want) <= tolerance * (1 + fabs(want))))
        fail_msg("%s: %s is %.9g, exactly %.9g", ch->op, what, got, want);
}

static void check_values(const chapter *ch, const chapter_case *at)
{
    op_run r;
    wide w;
    make(&r, ch, at, &ref);
    wide_make(&w, &r);
    r.op->forward.fn(&r.call);
    exact_outputs(ch, &r, &w, -1);
    for (int64_t i = 0; i < r.B * r.n_out; i++)
        close_to((double)r.y[i], w.y[i], ch, "an output");
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
    const bool all = b < 0 || ch->exact_batch;
    exact_outputs(ch, r, w, b);
    for (int64_t e = all ? 0 : b; e < (all ? r->B : b + 1); e++)
        for (int64_t i = e * r->n_out; i < (e + 1) * r->n_out; i++)
            sum += w->y[i] * (r->op->flags & ONUS_OP_LOSS
                                  ? (double)r->weight[e] * (double)r->call.loss_scale
                                  : (double)r->dy[i]);
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
    r.op->weighted_grad.fn(&r.call);
    for (int k = 0; k < r.n_inputs; k++)
        for (int64_t b = 0; !r.ids[k] && b < r.B; b++)
            for (int64_t i = b * r.n_in[k]; i < (b + 1) * r.n_in[k]; i++)
                close_to((double)r.dx[k][i], slope(ch, &r, &w, b, &w.x[k][i]), ch,
                         "an input's gradient");
    for (int k = 0; k < r.n_params; k++)
        for (int64_t e = 0; !r.def[k].buffer && e < r.n_param[k]; e++)
            close_to((double)r.grad[k][e], slope(ch, &r, &w, -1, &w.p[k][e]), ch,
                     "a parameter's gradient");
    for (int k = 0; k < r.n_inputs; k++) r.call.d_in[k] = NULL;
    /* nobody wants them: nothing is written */
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
    for (int k = 0; k < r->n_inputs; k++) {
        c.in[k] += b * r->n_in[k];
        c.d_in[k] += b * r->n_in[k];
    }
    c.label += b * r->n_out;
    c.weight += b;
    c.saved = (char *)c.saved + (size_t)b * (r->saved_bytes / (size_t)r->B);
    return c;
}

/* Bounds and weighted sums against the gradient of each example written out. A bound is above
 * the norm, by no more than its slack for rounding. */
static void check_private(const chapter *ch, const chapter_case *at)
{
    op_run r;
    double *want[ONUS_PARAM_MAX];
    if (onus_op_find(ch->op)->terms.refused) return;
    make(&r, ch, at, &ref);
    double *w = op_array((size_t)r.B, sizeof *w);
    for (int64_t b = 0; b < r.B; b++) w[b] = b % 3 == 1 ? 0 : 1 / (1 + (double)b);
    for (int k = 0; k < r.n_params; k++) {
        want[k] = op_array((size_t)r.n_param[k], sizeof(double));
        for (int64_t e = 0; e < r.n_param[k]; e++) want[k][e] = 0;
    }
    r.op->forward.fn(&r.call);
    r.op->backward.fn(&r.call);
    op_run_private(&r, w);
    for (int64_t b = 0; b < r.B; b++) {
        onus_call c = example_call(&r, b);
        r.op->weighted_grad.fn(&c);
        double norm2 = 0;
        for (int k = 0; k < r.n_params; k++)
            for (int64_t e = 0; e < r.n_param[k]; e++) {
                norm2 += (double)r.grad[k][e] * (double)r.grad[k][e];
                want[k][e] += w[b] * (double)r.grad[k][e];
            }
        const double found = onus_bound_norm(&r.bound[b]);
        if (!(found >= sqrt(norm2) * (1 - 1e-5) && found <= sqrt(norm2) * (1 + 1e-3)))
            fail_msg("%s: an example's norm is at most %.9g, it is %.9g", ch->op, found,
                     sqrt(norm2));
        assert_true(onus_bound_reach(&r.bound[b]) >= sqrt(norm2) * (1 - 1e-5));
    }
    for (int k = 0; k < r.n_params; k++)
        for (int64_t e = 0; e < r.n_param[k]; e++) {
            assert_true(r.sum[k][e] / OP_GRID == rint(r.sum[k][e] / OP_GRID));
            close_to(r.sum[k][e], want[k][e], ch, "a weighted sum");
        }
    for (int k = 0; k < r.n_params; k++) free(want[k]);
    free(w);
    op_run_free(&r);
}

static void bounds_and_sums_are_those_of_single_examples(void **state)
{
    (void)state;
    walk(check_private);
}

static void check_weighted(const chapter *ch, op_run *r, const float *dy, const char *what)
{
    r->op->weighted_grad.fn(&r->call);
    for (int k = 0; k < r->n_params; k++)
        for (int64_t e = 0; !r->def[k].buffer && e < r->n_param[k]; e++) {
            const float want = contract_grad(r, ch->term, dy, k, e);
            if (op_differ(&r->grad[k][e], &want, 1) >= 0)
                fail_msg("%s, %s: gradient %d [%lld] is %a, the contract says %a", ch->op, what,
                         k, (long long)e, (double)r->grad[k][e], (double)want);
        }
}

/* The same over two calls, the second of which goes on from the first: one dot. */
static void check_going_on(const chapter *ch, op_run *r, int64_t rows)
{
    const int64_t first = 512 / rows;
    onus_call c = r->call;
    c.B = first;
    r->op->weighted_grad.fn(&c);
    c = r->call;
    c.B = r->B - first;
    for (int k = 0; k < r->n_inputs; k++) c.in[k] += first * r->n_in[k];
    c.out += first * r->n_out;
    c.d_out += first * r->n_out;
    c.saved = (char *)c.saved + r->op->saved(r->attr, r->in_shape, first);
    for (int k = 0; k < r->n_params; k++) c.start[k] = ONUS_GRAD_GOES_ON;
    r->op->weighted_grad.fn(&c);
    for (int k = 0; k < r->n_params; k++)
        for (int64_t e = 0; !r->def[k].buffer && e < r->n_param[k]; e++) {
            const float want = contract_grad(r, ch->term, r->dy, k, e);
            if (op_differ(&r->grad[k][e], &want, 1) >= 0)
                fail_msg("%s: gradient %d [%lld] goes on to %a, in one call it is %a", ch->op,
                         k, (long long)e, (double)r->grad[k][e], (double)want);
        }
}

/* Nobody wants a parameter's gradient: the others' are the same, its array is not touched. */
static void check_untrained(const chapter *ch, op_run *r)
{
    for (int k = 0; k < r->n_params; k++) {
        if (r->def[k].buffer) continue;
        onus_call c = r->call;
        c.trains &= ~(1u << k);
        c.grad[k] = NULL;
        r->op->weighted_grad.fn(&c);
        for (int j = 0; j < r->n_params; j++)
            for (int64_t e = 0; j != k && !r->def[j].buffer && e < r->n_param[j]; e++) {
                const float want = contract_grad(r, ch->term, r->dy, j, e);
                assert_int_equal(op_differ(&r->grad[j][e], &want, 1), -1);
            }
    }
}

/* Sums over examples in the contract's bits: over four segments of rows, the last a stump; in
 * one call, in two of which one goes on; a column of dy is tiny and negative, so that chains
 * stand at -0. */
static void weighted_sums_are_the_contracts(void **state)
{
    (void)state;
    int n;
    const onus_op *const *ops = onus_ops(&n);
    for (int i = 0; i < n; i++) {
        const chapter *ch = chapter_of(ops[i]);
        if (!ch->term) continue;
        chapter_case at = ch->big;
        op_run r;
        make(&r, ch, &at, &ref);
        const int64_t rows = r.op->rows(r.attr, r.in_shape);
        op_run_free(&r);
        at.B = 3 * 256 / rows + 1;
        make(&r, ch, &at, &ref);
        for (int64_t b = 0; b < r.B; b++) r.dy[b * r.n_out] = -0x1p-149f;
        r.op->forward.fn(&r.call);
        check_weighted(ch, &r, r.dy, "all");
        if (512 % rows == 0) check_going_on(ch, &r, rows);
        check_untrained(ch, &r);
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
    for (int over = 0; over <= !!(op->flags & ONUS_OP_INPLACE);
         over++) { /* m_in beside m_out, then over it */
        relevance_of(ch, at, &r, &r0);
        float *m_out = op_array((size_t)(r.B * r.n_out), sizeof *m_out);
        memcpy(m_out, r.dy, (size_t)(r.B * r.n_out) * sizeof *m_out);
        if (over) r.call.d_in[0] = r.dy;
        op->relevance.fn(&r.call, &r0.call);
        for (int64_t b = 0; b < r.B; b++) {
            double given = 0, received = 0;
            for (int64_t i = b * r.n_out; i < (b + 1) * r.n_out; i++)
                given += (double)m_out[i] * ((double)r.y[i] - (double)r0.y[i]);
            for (int k = 0; k < r.n_inputs; k++)
                for (int64_t i = b * r.n_in[k]; i < (b + 1) * r.n_in[k]; i++)
                    received +=
                        (double)r.call.d_in[k][i] * ((double)r.x[k][i] - (double)r0.x[k][i]);
            close_to(received, given, ch, "what relevance hands on");
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
        cmocka_unit_test(bounds_and_sums_are_those_of_single_examples),
        cmocka_unit_test(weighted_sums_are_the_contracts),
        cmocka_unit_test(relevance_conserves),
    };
    ref.k = onus_kernels_of(ONUS_ISA_REF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
