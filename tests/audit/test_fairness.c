/* SPDX-License-Identifier: Apache-2.0
 * Goal: rates by group and gaps between groups are those of the literature, and what has no
 * support is undefined. Method: the example that Fairlearn documents (its values, and 0.15.0's
 * for the rest), Newcombe's published intervals, hand counts, groups without support. */
#include "auditing.h"

#include "expected.h"
#include "num/vec.h"

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

/* ---- against a peer ---------------------------------------------------------------------- */

/* rows_binary with two attributes drawn as make_expected.py draws them. */
static void drawn(rows *r, char g[401], char h[401])
{
    static const char *const ab[] = {"a", "b"};
    draws d = {12};
    rows_binary(r, 400, 11, 0.5, 64);
    memset(g, 0, 401);
    memset(h, 0, 401);
    for (int i = 0; i < 400; i++) {
        g[i] = "ab"[(int)(draw_next(&d) * 2)];
        h[i] = "abc"[(int)(draw_next(&d) * 3)];
    }
    rows_group(r, "g", g, 2, ab);
    rows_group(r, "h", h, 3, abc);
}

static void gaps_near(const said *s, const char *a, double dp, double dp_ratio, double eo,
                      double eo_ratio, double opportunity)
{
    const struct {
        const char *name;
        double want;
    } all[] = {{"demographic_parity_difference", dp},
               {"demographic_parity_ratio", dp_ratio},
               {"equalized_odds_difference", eo},
               {"equalized_odds_ratio", eo_ratio},
               {"equal_opportunity_difference", opportunity}};
    for (int i = 0; i < 5; i++) {
        char name[128];
        snprintf(name, sizeof name, "fairness.%s.%s", a, all[i].name);
        near(s, name, all[i].want, 1e-14);
        const double value = number(s, name);
        snprintf(name, sizeof name, "fairness.%s.%s.lower", a, all[i].name);
        assert_true(number(s, name) <= value && number(s, name) >= 0);
        snprintf(name, sizeof name, "fairness.%s.%s.upper", a, all[i].name);
        assert_true(number(s, name) >= value && number(s, name) <= 1);
    }
}

static void rates_near(const said *s, const char *a, int n, const char *const *groups,
                       const double *selection, const double *tpr, const double *fpr,
                       const double *ppv, const double *accuracy)
{
    static const char *const rate[] = {"selection_rate", "tpr", "fpr", "ppv", "accuracy"};
    const double *const want[] = {selection, tpr, fpr, ppv, accuracy};
    for (int g = 0; g < n; g++) {
        for (int k = 0; k < 5; k++) {
            char name[128];
            snprintf(name, sizeof name, "fairness.%s.group.%s.%s", a, groups[g], rate[k]);
            near(s, name, want[k][g], 1e-14);
        }
    }
}

static void attributes_and_their_intersection(void **state)
{
    (void)state;
    static rows r;
    static said s;
    static char g[401], h[401];
    static const char *const cells[] = {"a+a", "a+b", "a+c", "b+a", "b+b", "b+c"};
    drawn(&r, g, h);
    audit(&r, &s);
    assert_int_equal(s.events, 3);
    gaps_near(&s, "g", fair_g_dp, fair_g_dp_ratio, fair_g_eo, fair_g_eo_ratio,
              fair_g_opportunity);
    gaps_near(&s, "h", fair_h_dp, fair_h_dp_ratio, fair_h_eo, fair_h_eo_ratio,
              fair_h_opportunity);
    gaps_near(&s, "g+h", fair_gh_dp, fair_gh_dp_ratio, fair_gh_eo, fair_gh_eo_ratio,
              fair_gh_opportunity);
    rates_near(&s, "g", 2, abc, fair_g_selection, fair_g_tpr, fair_g_fpr, fair_g_ppv,
               fair_g_accuracy);
    rates_near(&s, "h", 3, abc, fair_h_selection, fair_h_tpr, fair_h_fpr, fair_h_ppv,
               fair_h_accuracy);
    rates_near(&s, "g+h", 6, cells, fair_gh_selection, fair_gh_tpr, fair_gh_fpr, fair_gh_ppv,
               fair_gh_accuracy);
    near(&s, "fairness.g.average_odds_difference",
         (fair_g_tpr[0] - fair_g_tpr[1] + fair_g_fpr[0] - fair_g_fpr[1]) / 2, 1e-14);
    reads(&s, "fairness.g.average_odds_difference.first", "a");
    near(&s, "fairness.g.average_absolute_odds_difference",
         (fabs(fair_g_tpr[0] - fair_g_tpr[1]) + fabs(fair_g_fpr[0] - fair_g_fpr[1])) / 2,
         1e-14);
    near(&s, "fairness.g+h.empty", 0, 0);
    onus_facts_destroy(s.facts);
}

/* ---- intervals --------------------------------------------------------------------------- */

/* 56 of 70 against 48 of 80 selected: Newcombe 1998, table II: 0.0524 to 0.3339. */
static void two_groups_have_newcombes_interval(void **state)
{
    (void)state;
    static const char *const names[] = {"men", "women"};
    static rows r;
    static said s;
    static char g[151];
    rows_begin(&r, ONUS_TASK_BINARY, 150, 2);
    r.p.score = NULL;
    for (int i = 0; i < 150; i++) {
        g[i] = i < 70 ? 'a' : 'b';
        r.decision[i] = i < 56 || (i >= 70 && i < 118);
    }
    rows_group(&r, "sex", g, 2, names);
    audit(&r, &s);
    between(&s, "fairness.sex.demographic_parity_difference", (const double[]){.0524, .3339},
            5e-5);
    reads(&s, "fairness.sex.demographic_parity_difference.method", "newcombe");
    reads(&s, "fairness.sex.demographic_parity_difference.highest", "men");
    reads(&s, "fairness.sex.demographic_parity_difference.lowest", "women");
    near(&s, "fairness.sex.demographic_parity_difference.n", 150, 0);
    near(&s, "fairness.sex.demographic_parity_difference.n.min", 70, 0);
    near(&s, "fairness.sex.group.men.n", 70, 0);
    near(&s, "fairness.sex.group.men.selected", 56, 0);
    near(&s, "fairness.sex.group.men.positives", 0, 0);
    undefined(&s, "fairness.sex.group.men.tpr"); /* nobody is positive */
    near(&s, "fairness.sex.group.men.ppv", 0, 0);
    undefined(&s, "fairness.sex.equal_opportunity_difference");
    undefined(&s, "fairness.sex.equalized_odds_difference");
    undefined(&s, "fairness.sex.equalized_odds_difference.lower");
    undefined(&s, "fairness.sex.average_odds_difference");
    near(&s, "fairness.sex.group.men.fpr", .8, 1e-15);
    onus_facts_destroy(s.facts);
}

/* Signed differences cancel, absolute ones do not: TPR .8 against .6, FPR .2 against .4. */
static void average_odds_can_cancel(void **state)
{
    (void)state;
    static const char *const names[] = {"x", "y"};
    static rows r;
    static said s;
    rows_decided(&r, "11111000001111100000", "11110100001110011000");
    rows_group(&r, "g", "aaaaaaaaaabbbbbbbbbb", 2, names);
    audit(&r, &s);
    near(&s, "fairness.g.average_odds_difference", 0, 1e-15);
    near(&s, "fairness.g.average_absolute_odds_difference", .2, 1e-15);
    near(&s, "fairness.g.equalized_odds_difference", .2, 1e-15);
    near(&s, "fairness.g.equalized_odds_ratio", .5, 1e-15);
    onus_facts_destroy(s.facts);
}

/* ---- no support -------------------------------------------------------------------------- */

/* Group b has no positives. Fairlearn says TPR 0 and a difference of 1; we say that a and c
 * differ by .25, that b is left out, and that nothing bounds the gap from above. */
static void a_group_without_positives(void **state)
{
    (void)state;
    static rows r;
    static said s;
    rows_decided(&r, "111100000000001111", "111000100100001110");
    rows_group(&r, "g", "aaaaaabb--bbbbcccc", 3, abc);
    audit(&r, &s);
    undefined(&s, "fairness.g.group.b.tpr");
    undefined(&s, "fairness.g.group.b.tpr.lower");
    reads(&s, "fairness.g.group.b.tpr.reason", "no label in this group is positive");
    near(&s, "fairness.g.group.b.tpr.n", 0, 0);
    near(&s, "fairness.g.missing", 2, 0);
    near(&s, "fairness.g.equal_opportunity_difference", 0, 1e-15); /* a 3/4, c 3/4 */
    near(&s, "fairness.g.equal_opportunity_difference.lower", 0, 0);
    undefined(&s, "fairness.g.equal_opportunity_difference.upper");
    reads(&s, "fairness.g.equal_opportunity_difference.reason", "left out, no positives: b");
    near(&s, "fairness.g.equal_opportunity_ratio", 1, 1e-15);
    undefined(&s, "fairness.g.equal_opportunity_ratio.lower");
    near(&s, "fairness.g.equal_opportunity_ratio.upper", 1, 0);
    reads(&s, "fairness.g.equal_opportunity_ratio.method", "mover");
    undefined(&s, "fairness.g.equalized_odds_difference.upper");
    /* c has no negatives: only two groups are left */
    reads(&s, "fairness.g.equalized_odds_difference.reason",
          "left out, no positives: b; left out, no negatives: c");
    near(&s, "fairness.g.demographic_parity_difference.n", 16, 0);
    assert_true(number(&s, "fairness.g.demographic_parity_difference.upper") > 0);
    onus_facts_destroy(s.facts);
}

static void empty_groups_and_zero_rates(void **state)
{
    (void)state;
    static const char *const four[] = {"a", "b", "c", "nobody"};
    static rows r;
    static said s;
    rows_decided(&r, "110011", "000000");
    rows_group(&r, "g", "aabbcc", 4, four);
    audit(&r, &s);
    undefined(&s, "fairness.g.group.nobody.accuracy");
    near(&s, "fairness.g.group.nobody.n", 0, 0);
    near(&s, "fairness.g.demographic_parity_difference", 0, 0);
    undefined(&s, "fairness.g.demographic_parity_difference.upper");
    reads(&s, "fairness.g.demographic_parity_difference.reason", "left out, no rows: nobody");
    undefined(&s, "fairness.g.demographic_parity_ratio"); /* 0 / 0 */
    reads(&s, "fairness.g.demographic_parity_ratio.reason", "zero in every group: 0 / 0");
    undefined(&s, "fairness.g.equalized_odds_difference"); /* one group only has negatives */
    undefined(&s, "fairness.g.group.a.ppv");
    onus_facts_destroy(s.facts);
    rows_decided(&r, "0101", "0101");
    rows_group(&r, "g", "aaaa", 2, four);
    audit(&r, &s);
    undefined(&s, "fairness.g.demographic_parity_difference");
    reads(&s, "fairness.g.demographic_parity_difference.reason",
          "fewer than two groups have rows; left out, no rows: b");
    onus_facts_destroy(s.facts);
}

/* ---- names, intersections ---------------------------------------------------------------- */

static void three_attributes_and_awkward_words(void **state)
{
    (void)state;
    static const char *const age[] = {"<25", ">=25"}, *const place[] = {"St. Gallen", "A+B",
                                                                        "100%"};
    static rows r;
    static said s;
    rows_decided(&r, "01010101", "01100110");
    rows_group(&r, "sex", "aabbaabb", 2, two_classes);
    rows_group(&r, "age", "abababab", 2, age);
    rows_group(&r, "place.of", "aaaabb-c", 3, place);
    audit(&r, &s);
    assert_int_equal(s.events, 7); /* 3, 3 pairs, all */
    near(&s, "fairness.sex+age.group.no+<25.n", 2, 0);
    near(&s, "fairness.place%2Eof.group.St%2E Gallen.n", 4, 0);
    near(&s, "fairness.age+place%2Eof.group.<25+A%2BB.n", 1, 0);
    near(&s, "fairness.sex+place%2Eof.missing", 1, 0);
    near(&s, "fairness.sex+place%2Eof.empty", 2, 0); /* yes+A+B: nobody; no+100%: nobody */
    near(&s, "fairness.sex+age+place%2Eof.group.yes+>=25+100%25.n", 1, 0);
    assert_null(onus_facts_find(s.facts, "fairness.sex+place%2Eof.group.yes+A%2BB.n"));
    onus_facts_destroy(s.facts);
}

/* n groups with names of a given length, 4 rows each. */
static void many_groups(rows *r, int n, int length)
{
    static char word[1000][128];
    static const char *names[1000];
    rows_begin(r, ONUS_TASK_BINARY, 4 * n, 2);
    r->p.score = NULL;
    for (int i = 0; i < n; i++) {
        snprintf(word[i], sizeof word[i], "%0*d", length, i);
        names[i] = word[i];
    }
    for (int i = 0; i < 4 * n; i++) {
        r->group[0][i] = i / 4;
        r->label[i] = i % 2;
        r->decision[i] = i % 3 == 0;
    }
    r->p.n_attributes = 1;
    r->attribute[0] = (onus_attribute){"place", n, names, r->group[0]};
}

/* An event has to fit into a line of the ledger, 1 MiB, whatever the groups are called; where
 * it would not, the gaps are undefined and say why. */
static void events_fit_into_a_line(void **state)
{
    (void)state;
    static rows r;
    static said s;
    for (int length = 1; length <= 125; length += 31) {
        int shown = 0;
        for (int n = 20; n <= 1000; n += 70) {
            onus_buf json;
            onus_buf_init(&json, NULL, 64 << 20);
            many_groups(&r, n, length);
            audit(&r, &s);
            assert_int_equal(onus_facts_json(s.facts, &json, NULL), ONUS_OK);
            assert_true(json.len < (1 << 20) - 100000); /* arrays are no facts */
            const onus_field *gap = fact(&s, "fairness.place.demographic_parity_difference");
            if (gap->kind == ONUS_FIELD_REAL) {
                shown = n;
            } else {
                reads(&s, "fairness.place.reason",
                      "too many groups to be told apart in one event");
                reads(&s, "fairness.place.demographic_parity_ratio.reason",
                      "too many groups to be told apart in one event");
            }
            onus_buf_release(&json);
            onus_facts_destroy(s.facts);
        }
        assert_true(shown >= 90);
    }
}

/* ---- other tasks ------------------------------------------------------------------------- */

static void classes_by_accuracy(void **state)
{
    (void)state;
    static rows r;
    static said s;
    rows_decided(&r, "012012", "012000");
    r.p.task = ONUS_TASK_CLASSES;
    r.p.n_classes = 3;
    r.p.class_names = abc;
    rows_group(&r, "g", "aaabbb", 2, abc);
    audit(&r, &s);
    near(&s, "fairness.g.group.a.accuracy", 1, 0);
    near(&s, "fairness.g.group.b.accuracy", 1. / 3, 1e-15);
    near(&s, "fairness.g.accuracy_difference", 2. / 3, 1e-15);
    near(&s, "fairness.g.accuracy_ratio", 1. / 3, 1e-15);
    undefined(&s, "fairness.g.demographic_parity_difference");
    assert_null(onus_facts_find(s.facts, "fairness.g.group.a.tpr"));
    onus_facts_destroy(s.facts);
}

/* Errors of the first 60 against the last 60 of the numbers: Welch's interval is SciPy's. */
static void numbers_by_error(void **state)
{
    (void)state;
    static rows r;
    static said s;
    static char g[121];
    for (int i = 0; i < 120; i++) g[i] = i < 60 ? 'a' : 'b';
    rows_numbers(&r, 120, 10);
    rows_group(&r, "g", g, 2, abc);
    audit(&r, &s);
    const double low = value_welch[0], high = value_welch[1]; /* of a minus b */
    const double want[] = {low > 0 ? low : high < 0 ? -high : 0, fmax(-low, high)};
    between(&s, "fairness.g.mean_error_difference", want, 1e-9);
    near(&s, "fairness.g.mean_error_difference",
         fabs(number(&s, "fairness.g.group.a.mean_error") -
              number(&s, "fairness.g.group.b.mean_error")),
         1e-14);
    near(&s, "fairness.g.group.a.n", 60, 0);
    assert_true(number(&s, "fairness.g.group.a.mae") > 0);
    undefined(&s, "fairness.g.equalized_odds_ratio");
    onus_facts_destroy(s.facts);
    for (int i = 1; i < 120; i++) g[i] = 'b';
    g[0] = 'a';
    r.p.n_attributes = 0;
    rows_group(&r, "g", g, 3, abc);
    audit(&r, &s);
    undefined(&s, "fairness.g.mae_difference"); /* one group of two rows or more */
    onus_facts_destroy(s.facts);
}

/* ---- failures ---------------------------------------------------------------------------- */

static onus_status audit_with(const onus_allocator *mem, void *ctx, onus_err *err)
{
    return onus_audit_fairness(ctx, NULL, mem, err);
}

static onus_status refuse(void *ctx, const onus_event *e, onus_err *err)
{
    (void)ctx, (void)e, (void)err;
    return ONUS_IO;
}

static void failures_are_passed_on(void **state)
{
    (void)state;
    static rows r;
    const onus_sink sink = {.emit = refuse};
    rows_decided(&r, "010011010110", "011001010011");
    rows_group(&r, "g", "aabbccaabbcc", 3, abc);
    rows_group(&r, "h", "abababab--ab", 2, abc);
    rows_group(&r, "i", "aaaaaabbbbbb", 2, abc);
    assert_int_equal(onus_audit_fairness(&r.p, &sink, NULL, NULL), ONUS_IO);
    failing_mem_walk("fairness of decisions", audit_with, &r.p);
    r.p.task = ONUS_TASK_CLASSES;
    failing_mem_walk("fairness of classes", audit_with, &r.p);
    r.p.task = ONUS_TASK_REGRESSION;
    r.p.score = r.score;
    failing_mem_walk("fairness of numbers", audit_with, &r.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_example),
        cmocka_unit_test(attributes_and_their_intersection),
        cmocka_unit_test(two_groups_have_newcombes_interval),
        cmocka_unit_test(average_odds_can_cancel),
        cmocka_unit_test(a_group_without_positives),
        cmocka_unit_test(empty_groups_and_zero_rates),
        cmocka_unit_test(three_attributes_and_awkward_words),
        cmocka_unit_test(events_fit_into_a_line),
        cmocka_unit_test(classes_by_accuracy),
        cmocka_unit_test(numbers_by_error),
        cmocka_unit_test(failures_are_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
