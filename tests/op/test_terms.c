/* SPDX-License-Identifier: Apache-2.0
 * Goal: no list of terms, however hostile, has a larger norm than its bound, or enters a sum
 * with more than the clip and what the grid adds; and a sum is the sum of its examples, to the
 * last bit. Method: terms made up by hand and at random (sums that cancel, factors of 2^-60 to
 * 2^60, products that underflow, equal tokens, a table with two uses), against norms in
 * binary128, whose 113 bits hold every sum here to 2^-60 of its largest term. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "num/grid.h"
#include "op_run.h"

typedef __float128 wide;
enum { MOST = 20000, EXAMPLES = 3 };

/* The operation under test has these terms. */
static onus_terms_step made;
static bool terms_of(onus_call *c, int64_t step, onus_terms_step *out)
{
    (void)c;
    *out = made;
    return step <= 0;
}
static const onus_op fake = {.name = "made up", .terms = {terms_of, NULL}};
static float D[MOST], X[MOST];
static uint64_t state_of_draws = 12345;

/* +-2^e m, e within +-range, m in [1, 2). */
static float draw(int range)
{
    const uint64_t word = op_word(&state_of_draws);
    const int e = range > 0 ? (int)(word % (uint64_t)(2 * range + 1)) - range : 0;
    const float m = 1 + (float)(word >> 41) * 0x1p-23f;
    return ldexpf(word >> 40 & 1 ? m : -m, e);
}

static void block(onus_term_kind kind, int64_t rows, int64_t u, int64_t n)
{
    made = (onus_terms_step){.n = EXAMPLES, .n_blocks = 1};
    made.block[0] = (onus_terms){.kind = kind,
                                 .rows = rows,
                                 .u = u,
                                 .n = n,
                                 .d = D,
                                 .ldd = u,
                                 .x = X,
                                 .ldx = kind == ONUS_TERM_PICK ? 1 : n};
    assert_true(EXAMPLES * rows * u <= MOST && EXAMPLES * rows * n <= MOST);
}

/* Adds example e's gradient of a block to g (rows of a table: V; else u) (n or u). */
static void add_exact(const onus_terms *t, int64_t e, wide *g)
{
    for (int64_t i = 0; i < t->rows; i++) {
        const float *d = t->d + (e * t->rows + i) * t->ldd,
                    *x = t->x + (e * t->rows + i) * t->ldx;
        for (int64_t j = 0; j < t->u; j++)
            if (t->kind == ONUS_TERM_OUTER) {
                for (int64_t k = 0; k < t->n; k++) g[j * t->n + k] += (wide)d[j] * (wide)x[k];
            } else if (t->kind == ONUS_TERM_SUM) {
                g[j] += (wide)d[j];
            } else if (*x >= 0) {
                g[(int64_t)*x * t->u + j] += (wide)d[j];
            }
    }
}

/* Its square root would need a library: norms are compared squared. */
static wide norm2_of(const wide *g, int64_t n)
{
    wide sum = 0;
    for (int64_t i = 0; i < n; i++) sum += g[i] * g[i];
    return sum;
}

static wide exact[MOST];

/* Bound, weight and sum of every example against binary128. size: of the parameter. Returns the
 * largest factor by which a bound is above its norm. */
static double check_examples(const onus_exec *ex, int64_t size, const char *what)
{
    onus_bound bound[EXAMPLES] = {{0}};
    double all[MOST] = {0}, together[MOST] = {0}, w[EXAMPLES], looseness = 1;
    onus_call c = {.ex = ex, .B = EXAMPLES, .trains = 1};
    void *room = op_array(onus_terms_bytes(ex, &made), 1);
    onus_terms_bound(&fake, &c, room, bound);
    const double rounding = onus_terms_rounding(&made, 0), grid = 0x1p-34;
    assert_true(size <= MOST);
    for (int64_t e = 0; e < EXAMPLES; e++) {
        double alone[MOST] = {0}, *sums[ONUS_PARAM_MAX] = {alone};
        memset(exact, 0, (size_t)size * sizeof *exact);
        add_exact(&made.block[0], e, exact);
        const wide norm2 = norm2_of(exact, size), found = (wide)onus_bound_norm(&bound[e]);
        if (!(found * found >= norm2))
            fail_msg("%s, example %d: the norm is %.17g, at most %.17g says the bound", what,
                     (int)e, sqrt((double)norm2), (double)found);
        if (norm2 > 0) looseness = fmax(looseness, (double)found / sqrt((double)norm2));
        w[e] = onus_bound_weight(&bound[e], 1);
        assert_true(w[e] > 0 && w[e] <= 1);
        double one[EXAMPLES] = {0};
        one[e] = w[e];
        onus_terms_sum(&fake, &c, room, one, grid, sums);
        wide own = 0, most = 1 + (wide)(grid / 2) * (wide)rounding;
        for (int64_t i = 0; i < size; i++) {
            own += (wide)alone[i] * (wide)alone[i];
            together[i] += alone[i];
        }
        if (!(own <= most * most * (1 + 0x1p-60)))
            fail_msg("%s, example %d enters with a norm of %.17g", what, (int)e,
                     sqrt((double)own));
    }
    onus_terms_sum(&fake, &c, room, w, grid, (double *[ONUS_PARAM_MAX]){all});
    assert_memory_equal(all, together, (size_t)size * sizeof *all);
    free(room);
    return looseness;
}

static double check(int64_t size, const char *what)
{
    double looseness = 1;
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
        const onus_exec ex = {.k = onus_kernels_of((onus_isa)isa)};
        if (ex.k) looseness = fmax(looseness, check_examples(&ex, size, what));
    }
    return looseness;
}

/* ---- outer products ---------------------------------------------------------------------- */

/* T rows of the same x, and d that sum to next to nothing: the pairs' products cancel, and in
 * binary32 their sum is 0 or below. */
static void rows_that_cancel(void **state)
{
    (void)state;
    for (int by_gradient = 0; by_gradient < 2; by_gradient++)
        for (int scale = 0; scale < 40; scale += 3) {
            const int64_t T = 16, u = by_gradient ? 8 : 64, n = by_gradient ? 8 : 64;
            block(ONUS_TERM_OUTER, T, u, n);
            for (int64_t e = 0; e < EXAMPLES; e++)
                for (int64_t j = 0; j < u; j++) {
                    double rest = 0;
                    for (int64_t i = 0; i < T; i++) {
                        float d = ldexpf(draw(2), scale);
                        if (i == T - 1) d = (float)(-rest + 4);
                        D[(e * T + i) * u + j] = d;
                        rest += (double)d;
                    }
                }
            for (int64_t i = 0; i < EXAMPLES * T * n; i++) X[i] = 1.25f;
            check(u * n, "rows that cancel");
        }
}

/* Huge terms that cancel exactly, around small ones. */
static void pairs_of_opposites(void **state)
{
    (void)state;
    for (int scale = 0; scale <= 60; scale += 6) {
        const int64_t T = 6, u = 40, n = 40;
        block(ONUS_TERM_OUTER, T, u, n);
        for (int64_t e = 0; e < EXAMPLES; e++)
            for (int64_t i = 0; i < T; i++)
                for (int64_t j = 0; j < u; j++) {
                    const int64_t at = (e * T + i) * u + j, pair = (e * T + i / 2 * 2) * u + j;
                    X[at] = i % 2 && i < 4 ? X[pair] : draw(0);
                    D[at] = i % 2 && i < 4 ? -D[pair] : ldexpf(draw(0), i < 4 ? scale : 0);
                }
        check(u * n, "pairs of opposites");
    }
}

static void outer_products_at_random(void **state)
{
    (void)state;
    double plain = 1;
    for (int round = 0; round < (getenv("ONUS_SLOW") ? 1000 : 60); round++) {
        const int range = round % 5 * 15;
        const int64_t T = 1 + (int64_t)(op_word(&state_of_draws) % 80),
                      u = 1 + (int64_t)(op_word(&state_of_draws) % 70),
                      n = 1 + (int64_t)(op_word(&state_of_draws) % 70);
        block(ONUS_TERM_OUTER, T, u, n);
        for (int64_t i = 0; i < EXAMPLES * T * u; i++) D[i] = draw(range);
        for (int64_t i = 0; i < EXAMPLES * T * n; i++) X[i] = draw(range);
        const double looseness = check(u * n, "outer products");
        if (range == 0) plain = fmax(plain, looseness);
    }
    assert_true(plain < 1.01); /* and it costs ordinary rows next to nothing */
}

/* Factors whose products underflow in binary32: 2^-75 squared is its smallest number. */
static void products_that_underflow(void **state)
{
    (void)state;
    for (int64_t T = 1; T <= 9; T += 4)
        for (int e = -149; e <= -60; e += 7) {
            block(ONUS_TERM_OUTER, T, 33, 31);
            for (int64_t i = 0; i < EXAMPLES * T * 33; i++) D[i] = ldexpf(draw(0), e);
            for (int64_t i = 0; i < EXAMPLES * T * 31; i++) X[i] = ldexpf(draw(0), -e / 2);
            check(33 * 31, "products that underflow");
            for (int64_t i = 0; i < EXAMPLES * T * 31; i++) X[i] = ldexpf(draw(0), e);
            check(33 * 31, "products that underflow twice");
        }
}

/* ---- vectors and tables ------------------------------------------------------------------ */

static void vectors(void **state)
{
    (void)state;
    for (int range = 0; range <= 60; range += 20) {
        block(ONUS_TERM_SUM, 1, 777, 1);
        for (int64_t i = 0; i < EXAMPLES * 777; i++) D[i] = draw(range);
        assert_true(range > 0 || check(777, "vectors") < 1.001);
        check(777, "vectors");
    }
}

/* Rows of a table, tokens that are named often, absent ones; rows of one token that cancel. */
static void rows_of_a_table(void **state)
{
    (void)state;
    enum { V = 7 };
    for (int round = 0; round < 60; round++) {
        const int64_t T = 1 + round % 40, u = 1 + round;
        block(ONUS_TERM_PICK, T, u, 1);
        for (int64_t i = 0; i < EXAMPLES * T * u; i++)
            D[i] = round % 2 && i % (2 * u) >= u ? -D[i - u] : draw(round % 3 * 20);
        for (int64_t i = 0; i < EXAMPLES * T; i++)
            X[i] = round % 2 ? (float)(i / 2 % V)
                             : (float)(op_word(&state_of_draws) % (V + 1)) - 1;
        check(V * u, "rows of a table");
    }
}

/* The second use of a table: a dense layer over S rows. */
static onus_terms_step made_dense;
static bool dense_terms(onus_call *c, int64_t step, onus_terms_step *out)
{
    (void)c;
    *out = made_dense;
    return step <= 0;
}
static const onus_op fake_dense = {.name = "its other use", .terms = {dense_terms, NULL}};

/* A table (V, u) used twice: the two gradients add up, or cancel but for a little. */
static void a_table_used_twice(void **state)
{
    (void)state;
    enum { V = 9, T = 12, S = 10, U = 50 };
    static float D2[EXAMPLES * S * V], X2[EXAMPLES * S * U];
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    for (int round = 0; round < 90; round++) {
        const int range = round % 3 * 12;
        block(ONUS_TERM_PICK, T, U, 1);
        for (int64_t i = 0; i < EXAMPLES * S * V; i++) D2[i] = draw(range);
        for (int64_t i = 0; i < EXAMPLES * S * U; i++) X2[i] = draw(range);
        made_dense = (onus_terms_step){.n = EXAMPLES, .n_blocks = 1};
        made_dense.block[0] = (onus_terms){.kind = ONUS_TERM_OUTER,
                                           .rows = S,
                                           .u = V,
                                           .n = U,
                                           .d = D2,
                                           .ldd = V,
                                           .x = X2,
                                           .ldx = U};
        for (int64_t e = 0; e < EXAMPLES; e++) {
            memset(exact, 0, V * U * sizeof *exact);
            add_exact(&made_dense.block[0], e, exact);
            for (int64_t i = 0; i < T; i++) {
                const int64_t at = e * T + i, token = i < V ? i : V - 1;
                X[at] = (float)token;
                for (int64_t j = 0; j < U; j++)
                    D[at * U + j] =
                        round % 2 ? (i < V ? (float)-exact[token * U + j] : 0.0f) : draw(range);
            }
        }
        onus_call c = {.ex = &ex, .B = EXAMPLES, .trains = 1}, other = c;
        onus_bound bound[EXAMPLES] = {{0}};
        size_t bytes = onus_terms_bytes(&ex, &made), more = onus_terms_bytes(&ex, &made_dense);
        void *room = op_array(more > bytes ? more : bytes, 1);
        onus_terms_bound(&fake, &c, room, bound);
        onus_terms_bound(&fake_dense, &other, room, bound);
        onus_terms_bound_tied(&fake, &c, &fake_dense, &other, room, bound);
        free(room);
        for (int64_t e = 0; e < EXAMPLES; e++) {
            memset(exact, 0, V * U * sizeof *exact);
            add_exact(&made.block[0], e, exact);
            add_exact(&made_dense.block[0], e, exact);
            const wide found = (wide)onus_bound_norm(&bound[e]), norm2 = norm2_of(exact, V * U);
            assert_true(found * found >= norm2);
            if (round % 6 == 0) assert_true((double)found < 1.001 * sqrt((double)norm2));
        }
    }
}

/* ---- factors ----------------------------------------------------------------------------- */

/* norm * factor never exceeds C, and is within rounding of it; short examples are untouched,
 * far reaching ones are held to ONUS_REACH C. */
static void factors(void **state)
{
    (void)state;
    for (int i = 0; i < 100000; i++) {
        const double clip = 0.1 + (double)(op_word(&state_of_draws) >> 40) * 1e-6,
                     norm = fabs((double)draw(8)), reach = norm * (1 + fabs((double)draw(12)));
        const onus_bound b = {norm * norm, reach * reach};
        const double w = onus_bound_weight(&b, clip);
        assert_true(w > 0 && w <= 1 && w * norm <= clip && w * reach <= ONUS_REACH * clip);
        assert_true(w == 1 || w * norm >= clip * (1 - 1e-3) ||
                    w * reach >= ONUS_REACH * clip * (1 - 1e-3));
    }
    assert_true(onus_bound_weight(&(onus_bound){0, 0}, 1) == 1);
    assert_true(onus_bound_weight(&(onus_bound){INFINITY, INFINITY}, 1) == 0);
    assert_true(onus_bound_weight(&(onus_bound){NAN, 1}, 1) == 0);
    assert_true(onus_bound_weight(&(onus_bound){1, NAN}, 1) == 0);
    assert_true(onus_bound_weight(&(onus_bound){-1, 1e-9}, 1) == 0); /* no norm at all */
}

/* By hand: T terms on each of u n elements, one on each of u, T on rows of u. */
static void rounding_by_hand(void **state)
{
    (void)state;
    made = (onus_terms_step){.n_blocks = 4};
    made.block[0] = (onus_terms){.kind = ONUS_TERM_OUTER, .rows = 5, .u = 3, .n = 4};
    made.block[1] = (onus_terms){.kind = ONUS_TERM_SUM, .param = 1, .rows = 1, .u = 9};
    made.block[2] = (onus_terms){.kind = ONUS_TERM_PICK, .param = 2, .rows = 6, .u = 7};
    made.block[3] =
        (onus_terms){.kind = ONUS_TERM_OUTER, .rows = 2, .u = 3, .n = 1, .copies = 8};
    assert_true(fabs(onus_terms_rounding(&made, 0) - sqrt(25 * 12 + 8 * 4 * 3)) < 1e-12);
    assert_true(fabs(onus_terms_rounding(&made, 1) - 3) < 1e-12);
    assert_true(fabs(onus_terms_rounding(&made, 2) - sqrt(36 * 7)) < 1e-12);
}

/* ---- what is not finite ------------------------------------------------------------------ */

/* Adds nothing, and its neighbours what they add alone. */
static void what_is_not_finite_is_left_out(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    for (int k = 0; k < 3; k++)
        for (int in_x = 0; in_x < 2; in_x++) {
            block(ONUS_TERM_OUTER, 5, 20, 20);
            for (int64_t i = 0; i < EXAMPLES * 100; i++) D[i] = draw(0), X[i] = draw(0);
            double clean[400] = {0}, sum[400] = {0}, w[EXAMPLES];
            onus_call c = {.ex = &ex, .B = EXAMPLES, .trains = 1};
            onus_bound bound[EXAMPLES] = {{0}};
            void *room = op_array(onus_terms_bytes(&ex, &made), 1);
            onus_terms_sum(&fake, &c, room, (double[]){0.25, 0, 0.5}, 0x1p-40,
                           (double *[ONUS_PARAM_MAX]){clean});
            (in_x ? X : D)[5 * 20 + 33] = bad[k];
            (in_x ? D : X)[5 * 20 + 33] = 3e38f;
            onus_terms_bound(&fake, &c, room, bound);
            for (int e = 0; e < EXAMPLES; e++) w[e] = onus_bound_weight(&bound[e], 1);
            assert_true(w[0] > 0 && w[1] == 0 && w[2] > 0);
            onus_terms_sum(&fake, &c, room, (double[]){0.25, w[1], 0.5}, 0x1p-40,
                           (double *[ONUS_PARAM_MAX]){sum});
            assert_memory_equal(sum, clean, sizeof sum);
            free(room);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_cancel),
        cmocka_unit_test(pairs_of_opposites),
        cmocka_unit_test(outer_products_at_random),
        cmocka_unit_test(products_that_underflow),
        cmocka_unit_test(vectors),
        cmocka_unit_test(rows_of_a_table),
        cmocka_unit_test(factors),
        cmocka_unit_test(rounding_by_hand),
        cmocka_unit_test(a_table_used_twice),
        cmocka_unit_test(what_is_not_finite_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
