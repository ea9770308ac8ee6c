/* SPDX-License-Identifier: Apache-2.0
 * Goal: measures of several labels together are scikit-learn's, their intervals the named ones
 * over rows, not labels; each label alone says what the audits of two classes say of it; a
 * label that is not known in a row takes no part; what has no support is undefined, by name.
 * Method: drawn rows against the peer and against jackknifed intervals, the audit of one label
 * against that of the same rows as a task of two classes, hand counts. */
#include "auditing.h"
#include "base/json.h"

#include "expected.h"

static rows r;
static said s;

static void audit(void)
{
    const onus_sink sink = said_begin(&s);
    onus_err err = {.code = ONUS_OK};
    if (onus_audit_quality(&r.p, &sink, NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
    if (r.p.n_attributes && onus_audit_fairness(&r.p, &sink, NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
}

static void end(void)
{
    onus_facts_destroy(s.facts);
}

static void together(void **state)
{
    (void)state;
    rows_labels(&r, 200, 12);
    audit();
    assert_int_equal(s.events, 1 + 3 * 2);
    near(&s, "subset_accuracy", three_subset_accuracy, 1e-15);
    between(&s, "subset_accuracy", three_subset_wilson, 1e-14);
    near(&s, "hamming_loss", three_hamming, 1e-15);
    near(&s, "hamming_loss.n", 200, 0);
    near(&s, "hamming_loss.baseline", three_baseline, 1e-15);
    near(&s, "hamming_loss.gain", three_baseline - three_hamming, 1e-15);
    between(&s, "hamming_loss", three_hamming_delta, 1e-7); /* central differences */
    reads(&s, "hamming_loss.method", "delta method over rows, logit scale");
    near(&s, "precision.micro", three_precision_micro, 1e-15);
    between(&s, "precision.micro", three_precision_micro_delta, 1e-7);
    near(&s, "recall.micro", three_recall_micro, 1e-15);
    between(&s, "recall.micro", three_recall_micro_delta, 1e-7);
    near(&s, "f1.micro", three_f1_micro, 1e-15);
    between(&s, "f1.micro", three_f1_micro_delta, 1e-7);
    near(&s, "precision.macro", three_precision_macro, 1e-15);
    between(&s, "precision.macro", three_precision_macro_delta, 1e-7);
    near(&s, "recall.macro", three_recall_macro, 1e-15);
    between(&s, "recall.macro", three_recall_macro_delta, 1e-7);
    near(&s, "f1.macro", three_f1_macro, 1e-15);
    between(&s, "f1.macro", three_f1_macro_delta, 1e-7);
    end();
}

/* Every scalar of the audit of two classes, and its curves, under label.NAME. */
static void each_is_a_task_of_two_classes(void **state)
{
    (void)state;
    static const char *const groups[] = {"f", "m"};
    static const char *const part[] = {"a%2Eb", "two", "three"};
    static rows one;
    static said alone;
    char sexes[201];
    for (int i = 0; i < 200; i++) sexes[i] = "abba-"[i % 5];
    sexes[200] = '\0';
    rows_labels(&r, 200, 12);
    rows_group(&r, "sex", sexes, 2, groups);
    for (int64_t i = 0; i < 40; i++) r.label[3 * i + 1] = -1; /* `two` is not known there */
    audit();
    for (int64_t l = 0; l < 3; l++) {
        const int64_t from = l == 1 ? 40 : 0;
        rows_begin(&one, ONUS_TASK_BINARY, 200 - from, 2);
        one.p.class_names = r.p.class_names + 2 * l;
        for (int64_t i = from; i < 200; i++) {
            one.label[i - from] = r.label[3 * i + l];
            one.score[i - from] = r.score[3 * i + l];
            one.decision[i - from] = r.decision[3 * i + l];
        }
        rows_group(&one, "sex", sexes + from, 2, groups);
        const onus_sink sink = said_begin(&alone);
        assert_int_equal(onus_audit_quality(&one.p, &sink, NULL, NULL), ONUS_OK);
        assert_int_equal(onus_audit_fairness(&one.p, &sink, NULL, NULL), ONUS_OK);
        assert_true(onus_facts_count(alone.facts) > 150);
        for (int64_t i = 0; i < onus_facts_count(alone.facts); i++) {
            const onus_field *f = onus_facts_at(alone.facts, i);
            char name[256];
            snprintf(name, sizeof name, "label.%s.%s", part[l], f->name);
            const onus_field *g = fact(&s, name);
            assert_true(f->kind == g->kind && f->i == g->i && f->r == g->r);
            if (f->kind == ONUS_FIELD_TEXT) assert_string_equal(f->text, g->text);
        }
        int64_t n = 0;
        const double *tpr = array(&alone, "roc.tpr", &n);
        char name[64];
        snprintf(name, sizeof name, "label.%s.roc.tpr", part[l]);
        array_near(&s, name, tpr, n, 0);
        onus_facts_destroy(alone.facts);
    }
    end();
}

/* Labels and decisions of two labels, a row a pair of digits; '-' is not known. */
static void two_by_hand(const char *labels, const char *decisions)
{
    rows_begin(&r, ONUS_TASK_LABELS, (int64_t)strlen(decisions) / 2, 2);
    static const char *const classes[] = {"no", "yes", "no", "yes"};
    r.p.class_names = classes;
    r.p.label_names = label_names;
    r.p.n_labels = 2;
    r.p.score = NULL;
    for (size_t i = 0; decisions[i]; i++) {
        r.label[i] = labels[i] == '-' ? -1.0f : (float)(labels[i] - '0');
        r.decision[i] = decisions[i] - '0';
    }
}

static void unknown_labels_take_no_part(void **state)
{
    (void)state;
    /* label a.b: 1 0 - 1 0, decided 1 0 1 1 0: right 4 of 4; two: 1 1 0 - 0, decided 0 1 1 0 0:
     * right 2 of 4, hit 1, positive 2, decided 2 (row 4's decision is not looked at) */
    two_by_hand("1101-01-00", "1001111000");
    audit();
    near(&s, "hamming_loss", 2.0 / 8, 0);
    near(&s, "subset_accuracy", 2.0 / 3, 1e-15); /* rows 2 and 5 of 1, 2 and 5 */
    near(&s, "subset_accuracy.n", 3, 0);
    near(&s, "precision.micro", 3.0 / 4, 1e-15); /* hits 2 + 1; decided 2 + 2 */
    near(&s, "recall.micro", 3.0 / 4, 1e-15);
    near(&s, "f1.macro", (1 + 0.5) / 2, 1e-15);
    near(&s, "label.a%2Eb.accuracy.n", 4, 0);
    near(&s, "label.a%2Eb.accuracy", 1, 0);
    near(&s, "label.two.accuracy", 0.5, 0);
    near(&s, "label.two.confusion.no.yes", 1, 0);
    /* each label is half yes, half no: always no is wrong on 4 of 8 */
    near(&s, "hamming_loss.baseline", 4.0 / 8, 0);
    near(&s, "hamming_loss.gain", 2.0 / 8, 0);
    /* rows' gains less 1/4 a known label: 1 - 1/2, 1 - 1/2, -1 - 1/4, 1 - 1/4, 0 - 1/2; 8/5
     * labels a row */
    const double part[] = {.5, .5, -1.25, .75, -.5}, z = 1.959963984540054;
    double square = 1;
    for (int i = 0; i < 5; i++) square += (.25 + part[i] / 1.6) * (.25 + part[i] / 1.6);
    const double middle = 5 * .25 / 7, half = z * sqrt((square / 7 - middle * middle) / 7);
    const double want[] = {middle - half, middle + half};
    between(&s, "hamming_loss.gain", want, 1e-12);
    end();
}

/* Where nothing is wrong an interval does not shrink to a point: it is the mean of the labels'
 * own, Wilson's of 0 wrong of 4, and of 2 right of 2. */
static void nothing_wrong(void **state)
{
    (void)state;
    two_by_hand("10011001", "10011001");
    audit();
    const double z2 = 1.959963984540054 * 1.959963984540054;
    near(&s, "hamming_loss", 0, 0);
    near(&s, "hamming_loss.lower", 0, 1e-15);
    near(&s, "hamming_loss.upper", z2 / (4 + z2), 1e-12);
    reads(&s, "hamming_loss.method", "mean of the labels' wilson bounds");
    near(&s, "f1.micro", 1, 0);
    const double w = 2 / (2 + z2);
    near(&s, "precision.micro.lower", w, 1e-12);
    near(&s, "f1.macro.lower", 2 * w / (1 + w), 1e-12);
    near(&s, "f1.micro.upper", 1, 1e-15);
    end();
}

/* 27 characters of three bytes: a reason holds all of them, and is text. */
static void names_are_not_cut(void **state)
{
    (void)state;
#define NINE                                                       \
    "\xe6\xaf\x92\xe6\xaf\x92\xe6\xaf\x92\xe6\xaf\x92\xe6\xaf\x92" \
    "\xe6\xaf\x92\xe6\xaf\x92\xe6\xaf\x92\xe6\xaf\x92"
    static const char *const names[] = {"one", NINE NINE NINE};
    two_by_hand("1000", "1000");
    r.p.label_names = names;
    audit();
    reads(&s, "recall.macro.reason", "the label '" NINE NINE NINE "' is never positive");
    assert_true(onus_is_plain(text(&s, "recall.macro.reason")));
    end();
    assert_int_equal(onus_utf8_cut(NINE, 27), 27);
    assert_int_equal(onus_utf8_cut(NINE, 26), 24);
    assert_int_equal(onus_utf8_cut(NINE, 2), 0);
    assert_int_equal(onus_utf8_cut("ab", 9), 2);
}

static void what_has_no_support(void **state)
{
    (void)state;
    two_by_hand("1000", "1000"); /* two is never positive, nor decided so */
    audit();
    undefined(&s, "f1.macro");
    undefined(&s, "f1.macro.lower");
    reads(&s, "f1.macro.reason", "the label 'two' is never positive, nor decided so");
    reads(&s, "precision.macro.reason", "no decision on the label 'two' is positive");
    reads(&s, "recall.macro.reason", "the label 'two' is never positive");
    near(&s, "f1.micro", 1, 0); /* of those that are there */
    undefined(&s, "label.two.f1");
    end();
    two_by_hand("0000", "0000");
    audit();
    undefined(&s, "f1.micro");
    undefined(&s, "precision.micro");
    near(&s, "hamming_loss", 0, 0);
    end();
    two_by_hand("1-0-", "1000"); /* two is not known */
    audit();
    undefined(&s, "subset_accuracy");
    reads(&s, "subset_accuracy.reason", "no row has all labels");
    near(&s, "hamming_loss", 0, 0);
    undefined(&s, "label.two.accuracy");
    undefined(&s, "f1.macro");
    end();
    two_by_hand("", "");
    audit();
    undefined(&s, "hamming_loss");
    undefined(&s, "hamming_loss.gain");
    undefined(&s, "subset_accuracy");
    end();
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    onus_err err;
    two_by_hand("1000", "1000");
    r.label[3] = 2;
    assert_int_equal(onus_audit_quality(&r.p, NULL, NULL, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "row 2 has no such label"));
    r.label[3] = -2;
    assert_int_equal(onus_audit_quality(&r.p, NULL, NULL, &err), ONUS_BAD_INPUT);
    r.label[3] = 0;
    r.decision[2] = 2;
    assert_int_equal(onus_audit_quality(&r.p, NULL, NULL, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "row 2 has no such decision"));
    r.decision[2] = 0;
    r.p.score = r.score;
    r.score[3] = NAN;
    assert_int_equal(onus_audit_quality(&r.p, NULL, NULL, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "row 2 is not a finite number"));
    r.p.n_labels = 1;
    assert_int_equal(onus_audit_quality(&r.p, NULL, NULL, &err), ONUS_BAD_ARG);
}

static onus_status audited(const onus_allocator *mem, void *ctx, onus_err *err)
{
    (void)ctx;
    onus_status st = onus_audit_quality(&r.p, NULL, mem, err);
    return st == ONUS_OK ? onus_audit_fairness(&r.p, NULL, mem, err) : st;
}

static void memory_ends(void **state)
{
    (void)state;
    static const char *const groups[] = {"f", "m"};
    rows_labels(&r, 30, 3);
    rows_group(&r, "sex", "abababababababababababababababab", 2, groups);
    failing_mem_walk("audits of labels", audited, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(together),
        cmocka_unit_test(each_is_a_task_of_two_classes),
        cmocka_unit_test(unknown_labels_take_no_part),
        cmocka_unit_test(nothing_wrong),
        cmocka_unit_test(what_has_no_support),
        cmocka_unit_test(names_are_not_cut),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
