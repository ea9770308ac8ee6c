/* SPDX-License-Identifier: Apache-2.0
 * Goal: a demand is NAME OP NUMBER and nothing else; what is undefined or absent never meets
 * it. Method: a table of demands over facts set by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proof/policy.h"

static void add(onus_facts *f, onus_field field)
{
    assert_int_equal(onus_facts_add(f, &field, NULL), ONUS_OK);
}

static onus_facts *facts(void)
{
    onus_facts *f = NULL;
    assert_int_equal(onus_facts_create(&f, NULL, NULL), ONUS_OK);
    add(f, (onus_field){.name = "auc", .kind = ONUS_FIELD_REAL, .r = 0.75});
    add(f, (onus_field){.name = "n", .kind = ONUS_FIELD_INT, .i = 200});
    add(f, (onus_field){
               .name = "energy.joules", .kind = ONUS_FIELD_REAL, .r = 9, .observed = true});
    add(f, (onus_field){.name = "tpr", .kind = ONUS_FIELD_UNDEFINED});
    add(f, (onus_field){.name = "name", .kind = ONUS_FIELD_TEXT, .text = "9"});
    add(f, (onus_field){.name = "fairness.sex+age.group.f+<25%2E5.tpr",
                        .kind = ONUS_FIELD_REAL,
                        .r = 0.5});
    add(f, (onus_field){.name = "neg", .kind = ONUS_FIELD_REAL, .r = -0.0});
    return f;
}

static void judged(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        onus_verdict verdict;
        double found;
        bool observed;
    } rows[] = {
        {"auc < 0.76", ONUS_VERDICT_MET, 0.75, false},
        {"auc < 0.75", ONUS_VERDICT_NOT_MET, 0.75, false},
        {"auc <= 0.75", ONUS_VERDICT_MET, 0.75, false},
        {"auc <= 0.7499999999999999", ONUS_VERDICT_NOT_MET, 0.75, false},
        {"auc > 0.7499999999999999", ONUS_VERDICT_MET, 0.75, false},
        {"auc > 0.75", ONUS_VERDICT_NOT_MET, 0.75, false},
        {"auc >= 0.75", ONUS_VERDICT_MET, 0.75, false},
        {"auc >= 0.76", ONUS_VERDICT_NOT_MET, 0.75, false},
        {"auc == 0.75", ONUS_VERDICT_MET, 0.75, false},
        {"auc == 0.7500000000000001", ONUS_VERDICT_NOT_MET, 0.75, false},
        {"auc != 0.75", ONUS_VERDICT_NOT_MET, 0.75, false},
        {"auc != 75e-3", ONUS_VERDICT_MET, 0.75, false},
        {"n>=2e2", ONUS_VERDICT_MET, 200, false}, /* blanks are free */
        {"n\t>= \t +200", ONUS_VERDICT_MET, 200, false},
        {"neg == 0", ONUS_VERDICT_MET, 0, false},
        {"energy.joules <= 10", ONUS_VERDICT_MET, 9, true},
        {"tpr >= 0", ONUS_VERDICT_UNDEFINED, -7, false},
        {"tpr != 0", ONUS_VERDICT_UNDEFINED, -7, false}, /* not even this */
        {"name >= 0", ONUS_VERDICT_UNDEFINED, -7, false},
        {"nothing.of.it <= 1", ONUS_VERDICT_ABSENT, -7, false},
        {"au <= 1", ONUS_VERDICT_ABSENT, -7, false},
        {"AUC <= 1", ONUS_VERDICT_ABSENT, -7, false},
    };
    onus_facts *f = facts();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        onus_policy p;
        onus_err err;
        double found = -7;
        bool observed = true;
        if (onus_policy_parse(&p, rows[i].text, "r.yaml", 3, &err) != ONUS_OK)
            fail_msg("%s", err.msg);
        assert_ptr_equal(p.text, rows[i].text);
        const onus_verdict v = onus_policy_judge(&p, f, &found, &observed);
        if (v != rows[i].verdict) fail_msg("%s: %s", rows[i].text, onus_verdict_text(v));
        assert_true(found == rows[i].found);
        assert_int_equal(observed, rows[i].observed);
    }
    onus_facts_destroy(f);
}

/* Names hold users' words: escaped dots, plus signs of intersections, bins, blanks. */
static void names_of_groups(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
        onus_policy_op op;
    } rows[] = {
        {"fairness.sex+age.tpr%2Eb.x >= 1", "fairness.sex+age.tpr%2Eb.x", ONUS_OP_GE},
        {"fairness.age.group.<25.tpr >= 0.4", "fairness.age.group.<25.tpr", ONUS_OP_GE},
        {"fairness.age.group.<25.tpr<0.4", "fairness.age.group.<25.tpr", ONUS_OP_LT},
        {"a.group.f+>=25%2E5.tpr != 0.5", "a.group.f+>=25%2E5.tpr", ONUS_OP_NE},
        {" r.group.Native American.n > 9", "r.group.Native American.n", ONUS_OP_GT},
        {"a.group.< == 9", "a.group.<", ONUS_OP_EQ},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        onus_policy p;
        onus_err err;
        if (onus_policy_parse(&p, rows[i].text, "r", 1, &err) != ONUS_OK)
            fail_msg("%s", err.msg);
        assert_string_equal(p.name, rows[i].name);
        assert_int_equal(p.op, rows[i].op);
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "character 1: expected the dotted name of a result"},
        {">= 1", "character 1: expected the dotted name"},
        {"auc", "character 4: expected one of < <= > >= == !="},
        {"auc 0.5", "character 5: expected one of"},
        {"auc => 0.5", "character 5: expected one of"},
        {"auc = 0.5", "character 5: expected one of"},
        {"auc =< 0.5", "character 5: expected one of"},
        {"auc <> 0.5", "character 5: expected one of"},
        {"auc ! 0.5", "character 5: expected one of"},
        {"auc >=", "character 7: expected a number, and nothing after it"},
        {"auc >= high", "character 8: expected a number"},
        {"auc >= 0.5 or so", "character 8: expected a number"},
        {"auc >= 0,5", "character 8: expected a number"},
        {"auc >= nan", "character 8: expected a number"},
        {"auc >= inf", "character 8: expected a number"},
        {"auc >= 1e999", "character 8: expected a number"},
        {"auc >= 0x1", "character 8: expected a number"},
        {"   ", "character 1: expected the dotted name"},
        {"a.group.<25.tpr", "character 10: expected a number"},
        {"auc or f1 0.5", "character 5: expected one of"},
        {"auc >= 0.5; rm", "character 8: expected a number"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        onus_policy p = {.bound = -5};
        onus_err err;
        if (onus_policy_parse(&p, rows[i].text, "r.yaml", 3, &err) != ONUS_BAD_INPUT)
            fail_msg("'%s' is taken", rows[i].text);
        if (!strstr(err.msg, rows[i].message) || strncmp(err.msg, "r.yaml:3: policy", 16) != 0)
            fail_msg("'%s' does not hold '%s'", err.msg, rows[i].message);
        assert_true(p.bound == -5);
    }
    char name[600];
    onus_policy p;
    memset(name, 'n', sizeof name);
    strcpy(name + 511, " > 1");
    assert_int_equal(onus_policy_parse(&p, name, "r", 1, NULL), ONUS_OK);
    memset(name, 'n', 512);
    strcpy(name + 512, " > 1");
    assert_int_equal(onus_policy_parse(&p, name, "r", 1, NULL), ONUS_BAD_INPUT);
}

static void verdicts_as_texts(void **state)
{
    (void)state;
    assert_string_equal(onus_verdict_text(ONUS_VERDICT_MET), "met");
    assert_string_equal(onus_verdict_text(ONUS_VERDICT_NOT_MET), "not met");
    assert_string_equal(onus_verdict_text(ONUS_VERDICT_UNDEFINED), "undefined");
    assert_string_equal(onus_verdict_text(ONUS_VERDICT_ABSENT), "absent");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judged),
        cmocka_unit_test(names_of_groups),
        cmocka_unit_test(refused),
        cmocka_unit_test(verdicts_as_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
