/* SPDX-License-Identifier: Apache-2.0
 * Goal: loss, perplexity and token accuracy of a model of tokens, with intervals over rows.
 * Method: two rows worked out by hand; rows that give nothing to judge by; coverage on
 * simulated rows whose mean is known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "audit/language.h"
#include "base/facts.h"
#include "failing_mem.h"

static onus_facts *audit(const double *loss, const double *tokens, const double *right,
                         int64_t n)
{
    const onus_token_scores s = {.n = n, .loss = loss, .tokens = tokens, .right = right};
    onus_facts *facts;
    assert_int_equal(onus_facts_create(&facts, NULL, NULL), ONUS_OK);
    const onus_sink sink = onus_facts_sink(facts);
    assert_int_equal(onus_audit_language(&s, &sink, NULL, NULL), ONUS_OK);
    return facts;
}

static double real(const onus_facts *f, const char *name)
{
    const onus_field *x = onus_facts_find(f, name);
    assert_non_null(x);
    return x->kind == ONUS_FIELD_UNDEFINED ? NAN
           : x->kind == ONUS_FIELD_INT     ? (double)x->i
                                           : x->r;
}

/* Losses 2 of 2 tokens, 6 of 4: 8/6. The rows are -2/3 and 2/3 off, over 6: -1/9 and 1/9; their
 * squares' sum times 2/1 is 4/81, its root 2/9; t with one degree of freedom at 97.5%
 * is 12.7062: 2.82360 either way. Right: 1 of 2, 3 of 4: 4/6, off by -1/3 and 1/3: half of
 * that. */
static void two_rows_by_hand(void **state)
{
    (void)state;
    const double loss[] = {2, 6}, tokens[] = {2, 4}, right[] = {1, 3};
    onus_facts *f = audit(loss, tokens, right, 2);
    assert_float_equal(real(f, "loss"), 8.0 / 6, 1e-12);
    assert_float_equal(real(f, "loss.lower"), 0, 0); /* no loss is below 0 */
    assert_float_equal(real(f, "loss.upper"), 8.0 / 6 + 2.82360, 1e-4);
    assert_true(real(f, "loss.n") == 6);
    assert_float_equal(real(f, "perplexity"), exp(8.0 / 6), 1e-9);
    assert_float_equal(real(f, "perplexity.lower"), 1, 0);
    assert_float_equal(real(f, "perplexity.upper"), exp(8.0 / 6 + 2.82360), 1e-2);
    assert_float_equal(real(f, "token_accuracy"), 4.0 / 6, 1e-12);
    assert_float_equal(real(f, "token_accuracy.lower"), 0, 0); /* 0.667 - 1.412 */
    assert_float_equal(real(f, "token_accuracy.upper"), 1, 0);
    onus_facts_destroy(f);
}

static void nothing_to_judge_by(void **state)
{
    (void)state;
    const double loss[] = {3, 0}, tokens[] = {2, 0}, right[] = {1, 0};
    onus_facts *f = audit(loss, tokens, right, 1); /* one row: a value, no interval */
    assert_true(real(f, "loss") == 1.5);
    assert_true(isnan(real(f, "loss.lower")) && isnan(real(f, "perplexity.upper")));
    assert_non_null(onus_facts_find(f, "loss.reason"));
    onus_facts_destroy(f);
    f = audit(loss + 1, tokens + 1, right + 1, 1); /* no token was asked for */
    assert_true(isnan(real(f, "loss")) && isnan(real(f, "perplexity")));
    assert_non_null(onus_facts_find(f, "perplexity.reason"));
    onus_facts_destroy(f);
}

/* 40 rows of 5 to 14 tokens, whose losses share an offset of their row: the true mean of 1 lies
 * within the interval in about 95 of 100 samples; the same with tokens taken for independent
 * would be far from it. */
static void intervals_hold_rows_together(void **state)
{
    (void)state;
    enum { SAMPLES = 600, ROWS = 40 };
    uint64_t s = 88172645463325252u;
    int held = 0;
    for (int k = 0; k < SAMPLES; k++) {
        double loss[ROWS], tokens[ROWS], right[ROWS] = {0};
        for (int r = 0; r < ROWS; r++) {
            double offset = 0;
            for (int i = 0; i < 12; i++) { /* nearly normal: twelve uniforms less six */
                s ^= s << 13;
                s ^= s >> 7;
                s ^= s << 17;
                offset += (double)(s >> 11) * 0x1p-53;
            }
            tokens[r] = (double)(5 + s % 10);
            loss[r] = tokens[r] * (1 + 0.3 * (offset - 6));
        }
        onus_facts *f = audit(loss, tokens, right, ROWS);
        held += real(f, "loss.lower") <= 1 && 1 <= real(f, "loss.upper");
        onus_facts_destroy(f);
    }
    assert_true(held >= 0.92 * SAMPLES && held <= 0.98 * SAMPLES);
}

static onus_status once(const onus_allocator *mem, void *ctx, onus_err *err)
{
    (void)ctx;
    const double v[] = {1, 2};
    const onus_token_scores s = {.n = 2, .loss = v, .tokens = v, .right = v};
    const onus_sink none = {0};
    return onus_audit_language(&s, &none, mem, err);
}

static void memory_may_end(void **state)
{
    (void)state;
    failing_mem_walk("evaluation", once, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_rows_by_hand),
        cmocka_unit_test(nothing_to_judge_by),
        cmocka_unit_test(intervals_hold_rows_together),
        cmocka_unit_test(memory_may_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
