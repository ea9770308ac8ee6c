/* SPDX-License-Identifier: Apache-2.0
 * Goal: whatever floating-point mode a host program left in its thread (an -Ofast object sets
 * flush-to-zero, others round upwards), every public entry that reads or computes numbers works
 * in the contract's (docs/NUMERICS.md, 1). Method: each is called in a spoilt mode, with
 * folders that are not there, and the mode is looked at afterwards; facts are written in one
 * and must read as ever. */
#include <fenv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/facts.h"
#include "base/fp.h"
#include "onus.h"

static const char nowhere[] = "/nowhere/at/all";

static onus_status call_run(void)
{
    onus_run_result r;
    const onus_run_opts o = {.recipe = nowhere, .out = nowhere};
    return onus_run(&o, &r, NULL);
}

static onus_status call_profile(void)
{
    onus_facts *f;
    return onus_data_profile(nowhere, &f, NULL, NULL);
}

static onus_status call_model(void)
{
    onus_model *m;
    return onus_model_open(&m, nowhere, NULL, NULL);
}

static onus_status call_eval(void)
{
    onus_facts *f;
    const onus_eval_opts o = {.run = nowhere, .data = nowhere};
    return onus_eval(&o, &f, NULL);
}

static onus_status call_explain(void)
{
    onus_facts *f;
    char *text;
    const onus_explain_opts o = {.run = nowhere};
    return onus_explain_run(&o, &f, &text, NULL);
}

static onus_status call_verify(void)
{
    const onus_verify_opts o = {.run = nowhere};
    return onus_verify(&o, NULL, NULL, NULL);
}

static onus_status call_replay(void)
{
    const onus_replay_opts o = {.run = nowhere};
    return onus_replay(&o, NULL, NULL, NULL);
}

static onus_status call_diff(void)
{
    return onus_diff(nowhere, nowhere, NULL, NULL, NULL, NULL);
}

static onus_status call_report(void)
{
    char *html;
    return onus_report(nowhere, NULL, &html, NULL, NULL);
}

static void entries_work_in_the_right_mode(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        onus_status (*call)(void);
    } entries[] = {{"onus_run", call_run},
                   {"onus_data_profile", call_profile},
                   {"onus_model_open", call_model},
                   {"onus_eval", call_eval},
                   {"onus_explain_run", call_explain},
                   {"onus_verify", call_verify},
                   {"onus_replay", call_replay},
                   {"onus_diff", call_diff},
                   {"onus_report", call_report}};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        assert_int_equal(fesetround(FE_UPWARD), 0);
        assert_false(onus_fp_check());
        const onus_status st = entries[i].call();
        const bool right = onus_fp_check();
        onus_fp_set();
        if (!right) fail_msg("%s leaves the host's rounding", entries[i].name);
        assert_int_not_equal(st, ONUS_OK);
    }
}

/* 0.1 written while the host rounds upwards would read 0.10000000000000002. */
static void facts_are_written_in_the_right_mode(void **state)
{
    (void)state;
    onus_facts *f;
    char *json;
    const onus_field field = {.name = "x", .kind = ONUS_FIELD_REAL, .r = 0.1};
    assert_int_equal(onus_facts_create(&f, NULL, NULL), ONUS_OK);
    assert_int_equal(onus_facts_add(f, &field, NULL), ONUS_OK);
    assert_int_equal(fesetround(FE_UPWARD), 0);
    const onus_status st = onus_facts_text(f, &json, NULL, NULL);
    onus_fp_set();
    assert_int_equal(st, ONUS_OK);
    assert_string_equal(json, "{\"x\":0.1}");
    onus_text_free(NULL, json);
    onus_facts_destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_work_in_the_right_mode),
        cmocka_unit_test(facts_are_written_in_the_right_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
