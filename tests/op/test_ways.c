/* SPDX-License-Identifier: Apache-2.0
 * Goal: how an operation runs changes nothing it computes, and its row tells the truth about
 * memory and work. Method: every instruction set and number of threads against the reference,
 * bit for bit; outputs over inputs; what a row does not keep is poisoned; no examples at all;
 * costs against kernels that count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "chapters.h"
#include "num/conv_kernels.h"
#include "num/gemm_kernels.h"
#include "num/tables.h"

/* ---- one set of bits
 * -------------------------------------------------------------------------------------- */

/* Bounds and sums, with the weights that bounds allow. */
static void private_all(op_run *r)
{
    double *w = op_array((size_t)r->B, sizeof *w);
    for (int64_t b = 0; b < r->B; b++) w[b] = 0;
    op_run_private(r, w);
    for (int64_t b = 0; r->op->terms.fn && b < r->B; b++) {
        const double norm = onus_bound_norm(&r->bound[b]),
                     reach = onus_bound_reach(&r->bound[b]);
        w[b] = isfinite(norm) && isfinite(reach) ? 1 / (1 + norm + reach) : 0;
    }
    op_run_private(r, w);
    free(w);
}

/* Everything that a run computes. */
static void run_all(op_run *r, op_run *r0)
{
    const onus_op *op = r->op;
    op->forward.fn(&r->call);
    op->backward.fn(&r->call);
    private_all(r);
    op->weighted_grad.fn(&r->call);
    if (op->relevance.refused) return;
    op->forward.fn(&r0->call);
    for (int k = 0; k < r0->n_inputs; k++) r0->call.d_in[k] = r0->dx[k];
    op->relevance.fn(&r0->call, &r->call);
}

static void compare_runs(const op_run *a, const op_run *b, const char *op, const char *isa,
                         int threads)
{
    int64_t at = op_differ(a->y, b->y, a->B * a->n_out);
    if (at >= 0)
        fail_msg("%s, %s, %d threads: output %lld differs", op, isa, threads, (long long)at);
    for (int k = 0; k < a->n_inputs; k++) {
        at = op_differ(a->dx[k], b->dx[k], a->B * a->n_in[k]);
        if (at >= 0)
            fail_msg("%s, %s, %d threads: gradient %lld differs", op, isa, threads,
                     (long long)at);
    }
    for (int k = 0; k < a->n_params; k++)
        if (op_differ(a->grad[k], b->grad[k], a->n_param[k]) >= 0)
            fail_msg("%s, %s, %d threads: a parameter's gradient differs", op, isa, threads);
    if (!a->op->terms.fn) return;
    for (int64_t e = 0; e < a->B; e++)
        if (a->bound[e].norm2 == a->bound[e].norm2 || b->bound[e].norm2 == b->bound[e].norm2)
            assert_memory_equal(&a->bound[e], &b->bound[e], sizeof *a->bound);
    for (int k = 0; k < a->n_params; k++)
        assert_memory_equal(a->sum[k], b->sum[k], (size_t)a->n_param[k] * sizeof(double));
}

/* Some numbers of every kind among the others. */
static void make_awkward(op_run *r)
{
    static const float odd[] = {-0.0f, 0.0f,      1e-42f, -1e-45f, 3e38f,
                                NAN,   -INFINITY, 1e-30f, INFINITY};
    for (int64_t i = 0; i < 9; i++) {
        for (int k = 0; k < r->n_inputs; k++)
            if (!r->ids[k]) r->x[k][(i * 37 + 5) % (r->B * r->n_in[k])] = odd[i];
        if (!(r->op->flags & ONUS_OP_LOSS))
            r->dy[(i * 41 + 3) % (r->B * r->n_out)] = odd[(i + 4) % 9];
    }
}

static void bits_do_not_depend_on_the_machine(void **state)
{
    (void)state;
    int n;
    const onus_op *const *ops = onus_ops(&n);
    const int least = getenv("ONUS_SHORT") ? 3 : 1;
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
            for (int t = least; t <= 3; t++) {
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
    if (r.op->flags & ONUS_OP_INPLACE) {
        make(&over, ch, at, &ref);
        over.call.out = over.x[0];
        over.call.d_in[0] = over.dy;
        r.op->forward.fn(&r.call);
        r.op->forward.fn(&over.call);
        assert_int_equal(op_differ(r.y, over.x[0], r.B * r.n_out), -1);
        if (r.op->keeps & ONUS_KEEPS_IN) /* prediction alone writes over what is needed again */
            memcpy(over.x[0], r.x[0], (size_t)(r.B * r.n_out) * sizeof(float));
        r.op->backward.fn(&r.call);
        r.op->weighted_grad.fn(&r.call);
        r.op->weighted_grad.fn(&over.call);
        r.op->backward.fn(&over.call);
        assert_int_equal(op_differ(r.dx[0], over.dy, r.B * r.n_out), -1);
        for (int k = 0; k < r.n_params; k++)
            assert_int_equal(op_differ(r.grad[k], over.grad[k], r.n_param[k]), -1);
        op_run_free(&over);
    }
    if (r.op->flags & ONUS_OP_OVER_IN) { /* the input's gradient over the input */
        make(&over, ch, at, &ref);
        over.call.d_in[0] = over.x[0];
        r.op->forward.fn(&r.call);
        r.op->forward.fn(&over.call);
        r.op->backward.fn(&r.call);
        r.op->backward.fn(&over.call);
        assert_int_equal(op_differ(r.dx[0], over.x[0], r.B * r.n_in[0]), -1);
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
        for (int k = 0; i && !(op->keeps & ONUS_KEEPS_IN) && k < r.n_inputs; k++)
            poison(gone.x[k], gone.B * gone.n_in[k]);
        if (i && !(op->keeps & ONUS_KEEPS_OUT)) poison(gone.y, gone.B * gone.n_out);
        op->backward.fn(&both[i]->call);
        private_all(both[i]);
        op->weighted_grad.fn(&both[i]->call);
    }
    for (int k = 0; k < r.n_inputs; k++)
        if (!r.ids[k]) assert_int_equal(op_differ(r.dx[k], gone.dx[k], r.B * r.n_in[k]), -1);
    if (r.op->terms.fn) assert_memory_equal(r.bound, gone.bound, (size_t)r.B * sizeof *r.bound);
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
            for (int k = 0; k < r[1].n_inputs; k++) {
                poison(r[1].x[k], r[1].B * r[1].n_in[k]);
                poison(r0[1].x[k], r[1].B * r[1].n_in[k]);
            }
        }
        if (i && !(op->keeps & ONUS_RELEVANCE_OUT)) {
            poison(r[1].y, r[1].B * r[1].n_out);
            poison(r0[1].y, r[1].B * r[1].n_out);
        }
        op->relevance.fn(&r[i].call, &r0[i].call);
    }
    for (int k = 0; k < r[0].n_inputs; k++)
        if (!r[0].ids[k])
            assert_int_equal(op_differ(r[0].dx[k], r[1].dx[k], r[0].B * r[0].n_in[k]), -1);
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
            op_run_private(&r, NULL);
            for (int k = 0; k < r.n_params; k++) poison(r.grad[k], r.n_param[k]);
            r.op->weighted_grad.fn(&r.call);
            for (int k = 0; k < r.n_params; k++)
                for (int64_t e = 0; !r.def[k].buffer && e < r.n_param[k]; e++)
                    assert_true(r.grad[k][e] == 0 && !signbit(r.grad[k][e]));
            op_run_free(&r);
        }
}

static void scratch_never_falls(const onus_op *op, const onus_attr *attr, const onus_shape in[],
                                const onus_exec *ex, int64_t most)
{
    size_t before = 0;
    for (int64_t B = 1; B <= most; B++) {
        const size_t bytes = op->scratch(ex, attr, in, B);
        if (bytes < before)
            fail_msg("%s: %zu bytes of scratch for %d examples, %zu for one less", op->name,
                     bytes, (int)B, before);
        before = bytes;
    }
}

/* A plan asks for the scratch of its longest batch, and runs shorter ones in it. */
static void scratch_is_enough_for_fewer(void **state)
{
    (void)state;
    static const struct {
        const char *op, *attr; /* its size */
        int64_t size;
        onus_shape in;
    } wide[] = {{"dense", "units", 512, {2, {64, 2048}}},
                {"dense", "units", 10, {1, {4096}}},
                {"dense", "units", 64, {2, {16, 900}}},
                {"conv2d", "channels", 64, {3, {64, 8, 8}}},
                {"conv2d", "channels", 8, {3, {3, 32, 32}}},
                {"lstm", "hidden", 96, {2, {20, 64}}},
                {"gru", "hidden", 64, {2, {30, 300}}}};
    int n;
    const onus_op *const *ops = onus_ops(&n);
    for (int threads = 1; threads <= 3; threads++)
        for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
            onus_exec ex = {.k = onus_kernels_of((onus_isa)isa)};
            if (!ex.k) continue;
            assert_int_equal(onus_pool_create(&ex.pool, threads, NULL, NULL), ONUS_OK);
            for (int i = 0; i < n; i++) {
                const chapter *ch = chapter_of(ops[i]);
                op_run r;
                make(&r, ch, &ch->big, &ref);
                scratch_never_falls(r.op, r.attr, r.in_shape, &ex, 2 * ch->big.B);
                op_run_free(&r);
            }
            for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
                const onus_op *op = onus_op_find(wide[i].op);
                onus_attr attr[ONUS_ATTR_MAX] = {{0}};
                for (int k = 0; k < op->n_attrs; k++) {
                    const double v = strcmp(op->attrs[k].name, wide[i].attr) == 0
                                         ? (double)wide[i].size
                                         : op->attrs[k].standard;
                    attr[k] = (onus_attr){(int64_t)v, v};
                }
                scratch_never_falls(op, attr, &wide[i].in, &ex, 70);
            }
            onus_pool_destroy(ex.pool);
        }
}

/* ---- costs
 * --------------------------------------------------------------------------------------------------
 */

static double counted;

static void count_gemm(const onus_gemm_task *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                       void *pack)
{
    counted += (double)((m1 - m0) * (n1 - n0)) * (double)(g->K + (g->bias != NULL));
    onus_kernels_ref.gemm_tile(g, m0, m1, n0, n1, pack);
}

static void count_panels(const float *A, int64_t lda, const float *panels, int64_t m, int64_t n,
                         int64_t kb, float *C, int64_t ldc, bool first)
{
    counted += (double)(m * n) * (double)kb;
    onus_kernels_ref.gemm_panels(A, lda, panels, m, n, kb, C, ldc, first);
}
static void count_listed(const onus_listed *l, int rows, int vectors)
{
    counted += (double)rows * vectors * (ONUS_GEMM_PANEL_ref / 2) * (double)l->n;
    onus_gemm_listed_ref(l, rows, vectors);
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
COUNT_ONE(sin)
COUNT_ONE(cos)
COUNT_ONE(sigmoid)
COUNT_ONE(relu)
COUNT_ONE(gelu)
COUNT_ONE(gelu_tanh)
COUNT_ONE(silu)
COUNT_TWO(relu_back)
COUNT_TWO(sigmoid_back)
COUNT_TWO(tanh_back)
COUNT_TWO(gelu_back)
COUNT_TWO(gelu_tanh_back)
COUNT_TWO(silu_back)
COUNT_TWO(add)
COUNT_TWO(mul)
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
                          bool goes_on, float *out)
{
    counted += (double)(rows * (j1 - j0));
    onus_kernels_ref.col_sum(X, rows, ld, j0, j1, goes_on, out);
}

/* Cells: operations a unit as the formulas of docs/NUMERICS.md have them. */
static void count_lstm_cell(float *z, const float *zh, const float *c0, float *c, float *t,
                            float *h, int64_t n)
{
    counted += 12 * (double)n;
    onus_kernels_ref.lstm_cell(z, zh, c0, c, t, h, n);
}

static void count_lstm_back(const float *z, const float *c0, const float *t, const float *dy,
                            const float *dh, float *dc, float *dz, int64_t n)
{
    counted += 23 * (double)n;
    onus_kernels_ref.lstm_back(z, c0, t, dy, dh, dc, dz, n);
}

static void count_gru_cell(float *z, const float *zh, const float *h0, float *q, float *h,
                           int64_t n)
{
    counted += 8 * (double)n;
    onus_kernels_ref.gru_cell(z, zh, h0, q, h, n);
}

static void count_gru_back(const float *z, const float *q, const float *h0, const float *dy,
                           const float *dh, float *straight, float *dz, int64_t n)
{
    counted += 18 * (double)n;
    onus_kernels_ref.gru_back(z, q, h0, dy, dh, straight, dz, n);
}

/* x - m, exp, sum; x - m, exp, / l, - target, times weight, times scale. */
static float count_exp_sum(const float *x, float m, int64_t n)
{
    counted += 3 * (double)n;
    return onus_kernels_ref.exp_sum(x, m, n);
}

static void count_entropy_back(const onus_softmax_row *row, const float *x, float *dx,
                               int64_t n)
{
    counted += 6 * (double)n;
    onus_kernels_ref.entropy_back(row, x, dx, n);
}

/* A row of a norm: sum; x - mean, square; then x - mean, times r, times g and plus b. Its way
 * back: t, x - mean, h, and two sums; those three again, three of the gradient and times r. */
static void count_norm_stat(const float *x, int64_t n, bool centred, float eps, float stat[2])
{
    counted += (double)n * (centred ? 3 : 2);
    onus_kernels_ref.norm_stat(x, n, centred, eps, stat);
}

static void count_norm(const float *x, const float stat[2], const float *g, const float *b,
                       float *y, int64_t n)
{
    counted += 3 * (double)n;
    onus_kernels_ref.norm(x, stat, g, b, y, n);
}

static void count_norm_back(const float *x, const float stat[2], const float *g,
                            const float *dy, bool centred, float *dx, int64_t n)
{
    counted += (double)n * (centred ? 12 : 11);
    onus_kernels_ref.norm_back(x, stat, g, dy, centred, dx, n);
}

static void count_norm_grad(const float *x, const float *stat, const float *dy, int64_t rows,
                            int64_t ld, int64_t j0, int64_t j1, bool goes_on, float *out)
{
    counted += 3 * (double)(rows * (j1 - j0));
    onus_kernels_ref.norm_grad(x, stat, dy, rows, ld, j0, j1, goes_on, out);
}

/* Operations a number as the formulas of docs/NUMERICS.md have them. */
static float count_sum_squares(const float *x, float mean, int64_t n)
{
    counted += 2 * (double)n;
    return onus_kernels_ref.sum_squares(x, mean, n);
}

static float count_dot_scaled(const float *dy, const float *x, float mean, float r, int64_t n)
{
    counted += 3 * (double)n;
    return onus_kernels_ref.dot_scaled(dy, x, mean, r, n);
}

static void count_normalise(const float *x, float mean, float r, float g, float b, float *y,
                            int64_t n)
{
    counted += 3 * (double)n;
    onus_kernels_ref.normalise(x, mean, r, g, b, y, n);
}

static void count_normalise_back(const float *x, const float *dy, float mean, float r, float g,
                                 float m1, float m2, float *dx, int64_t n)
{
    counted += 7 * (double)n;
    onus_kernels_ref.normalise_back(x, dy, mean, r, g, m1, m2, dx, n);
}

/* Kernels that are not counted are absent: a row that starts to use one crashes here. */
static const onus_kernels counting = {.name = "counting",
                                      .gemm_tile = count_gemm,
                                      .gemm_panel = ONUS_GEMM_PANEL_ref,
                                      .gemm_panels = count_panels,
                                      .gemm_rows = ONUS_GEMM_ROWS_ref,
                                      .gemm_listed = count_listed,
                                      .gemm_transpose = onus_gemm_transpose_ref, /* moves */
                                      .copy_pieces = onus_copy_pieces_ref,
                                      .pad = onus_pad_ref,
                                      .least = onus_least_ref,
                                      .exp = count_exp,
                                      .log = count_log,
                                      .tanh = count_tanh,
                                      .sin = count_sin,
                                      .cos = count_cos,
                                      .sigmoid = count_sigmoid,
                                      .sum = count_sum,
                                      .dot = count_dot,
                                      .max = count_max,
                                      .norm2 = count_norm2,
                                      .sum_squares = count_sum_squares,
                                      .dot_scaled = count_dot_scaled,
                                      .normalise = count_normalise,
                                      .normalise_back = count_normalise_back,
                                      .relu = count_relu,
                                      .relu_back = count_relu_back,
                                      .sigmoid_back = count_sigmoid_back,
                                      .tanh_back = count_tanh_back,
                                      .gelu = count_gelu,
                                      .gelu_back = count_gelu_back,
                                      .gelu_tanh = count_gelu_tanh,
                                      .gelu_tanh_back = count_gelu_tanh_back,
                                      .silu = count_silu,
                                      .silu_back = count_silu_back,
                                      .mul = count_mul,
                                      .add = count_add,
                                      .exp_sum = count_exp_sum,
                                      .entropy_back = count_entropy_back,
                                      .norm_stat = count_norm_stat,
                                      .norm = count_norm,
                                      .norm_back = count_norm_back,
                                      .norm_grad = count_norm_grad,
                                      .col_sum = count_col_sum,
                                      .lstm_cell = count_lstm_cell,
                                      .lstm_back = count_lstm_back,
                                      .gru_cell = count_gru_cell,
                                      .gru_back = count_gru_back};

/* Bytes of the arrays that a pass touches, each once. */
static double bytes_of(const op_run *r, onus_pass pass, unsigned reads)
{
    const double b = 4.0 * (double)r->B, out = b * (double)r->n_out;
    double params = 0, in = 0;
    for (int k = 0; k < r->n_inputs; k++) in += b * (double)r->n_in[k];
    for (int k = 0; k < r->n_params; k++) params += 4.0 * (double)r->n_param[k];
    const double weights = r->n_params ? 4.0 * (double)r->n_param[0] : 0; /* all but the bias */
    const double saved = (double)r->saved_bytes;
    const bool loss = r->op->flags & ONUS_OP_LOSS;
    double sum = (reads & READS_X ? in : 0) + (reads & READS_Y ? out : 0) +
                 (reads & READS_P ? weights : 0) + (reads & READS_DY ? out : 0) +
                 (reads & READS_SAVED ? saved : 0);
    if (pass == ONUS_PASS_FORWARD) sum = in + out + params + saved + (loss ? out : 0);
    if (pass == ONUS_PASS_BACKWARD) sum += in + saved + (loss ? out + b : 0);
    if (pass == ONUS_PASS_GRAD) sum += params;
    return sum;
}

static void check_pass_cost(const chapter *ch, const op_run *r, onus_pass pass, double loops,
                            unsigned reads)
{
    static const char *const names[] = {"forward", "backward", "grad"};
    const onus_cost c = r->op->cost.fn(r->attr, r->in_shape, r->B, pass);
    if (ch->loops) loops = ch->loops(r, pass);
    const double bytes = ch->bytes ? ch->bytes(r, pass) : bytes_of(r, pass, reads);
    if (c.multiply_adds != counted + loops)
        fail_msg("%s, %s: %.0f multiply-adds by its row, counted %.0f", r->op->name,
                 names[pass], c.multiply_adds, counted + loops);
    if (c.bytes != bytes)
        fail_msg("%s, %s: %.0f bytes by its row, %.0f by its arrays", r->op->name, names[pass],
                 c.bytes, bytes);
}

static void check_cost(const chapter *ch, const chapter_case *at)
{
    const onus_exec ex = {.k = &counting};
    op_run r;
    make(&r, ch, at, &ex);
    const double b = (double)r.B, n = b * (double)r.n_in[0];
    counted = 0;
    r.op->forward.fn(&r.call);
    check_pass_cost(ch, &r, ONUS_PASS_FORWARD,
                    ch->loops_forward[0] * n + ch->loops_forward[1] * b, 0);
    counted = 0;
    r.op->backward.fn(&r.call);
    check_pass_cost(ch, &r, ONUS_PASS_BACKWARD,
                    ch->loops_backward[0] * n + ch->loops_backward[1] * b, ch->backward_reads);
    if (r.n_params) {
        counted = 0;
        r.op->weighted_grad.fn(&r.call);
        check_pass_cost(ch, &r, ONUS_PASS_GRAD, 0, ch->grad_reads);
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
        cmocka_unit_test(bits_do_not_depend_on_the_machine),
        cmocka_unit_test(outputs_may_stand_over_inputs),
        cmocka_unit_test(what_is_not_kept_is_not_read),
        cmocka_unit_test(no_examples_are_fine),
        cmocka_unit_test(scratch_is_enough_for_fewer),
        cmocka_unit_test(costs_are_those_of_a_counted_run),
    };
    ref.k = onus_kernels_of(ONUS_ISA_REF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
