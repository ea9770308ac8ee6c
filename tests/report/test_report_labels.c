/* SPDX-License-Identifier: Apache-2.0
 * Goal: the report of several labels shows all of them in one table, what is undefined in
 * words, each one's curves, groups and columns under its name; small counts of people stay out
 * of it there, too. Method: a ledger made by hand, read back by the strict reader of our
 * markup. */
#include "report/report_fixture.h"

#include <ctype.h>

#include "report/markup.h"
#include "report/sections.h"

#include "failing_mem.h"

/* An event whose names begin with a label's. */
static void add_within(fixture *f, const char *type, const char *label, const char *claim)
{
    char name[256];
    const char *key;
    json_t *v, *plain = fixture_json(claim), *all = json_object();
    json_object_foreach(plain, key, v)
    {
        snprintf(name, sizeof name, "label.%s.%s", label, key);
        assert_int_equal(json_object_set(all, name, v), 0);
    }
    char *text = json_dumps(all, 0);
    fixture_add(f, type, text, "");
    free(text);
    json_decref(plain);
    json_decref(all);
}

static void one_label(fixture *f, const char *label, const char *auc, int small)
{
    char claim[1024];
    snprintf(
        claim, sizeof claim,
        "{\"accuracy\":0.9,\"accuracy.lower\":0.85,\"accuracy.upper\":0.93,\"precision\":0.5,"
        "\"recall\":0.25,\"f1\":0.3333,\"f1.lower\":0.2,\"f1.upper\":0.5,\"f1.method\":"
        "\"wilson through hits / (hits + errors)\",\"f1.macro\":0.6,"
        "\"confusion.no.no\":150,\"confusion.no.yes\":%d,\"confusion.yes.no\":23,"
        "\"confusion.yes.yes\":20}",
        small);
    add_within(f, "metric", label, claim);
    snprintf(
        claim, sizeof claim,
        "{\"auc\":%s,\"auc.reason\":\"the labels are all of one class\",\"roc.fpr\":[0,0.5,1],"
        "\"roc.tpr\":[0,0.75,1]}",
        auc);
    add_within(f, "metric", label, claim);
}

static void labels_fixture(fixture *f)
{
    onus_buf b;
    fixture_init(f);
    fixture_begin(f, false);
    fixture_add(f, "data.sheet",
                "{\"data.task\":\"labels\",\"data.labels\":[\"toxic\",\"rude.one\"],"
                "\"data.classes.toxic\":[\"no\",\"yes\"],\"data.classes.rude%2Eone\":[\"no\","
                "\"yes\"],\"data.label.toxic.no.train\":511,\"data.label.toxic.yes.train\":186,"
                "\"data.label.rude%2Eone.no.train\":673,\"data.label.rude%2Eone.yes.train\":7,"
                "\"data.label.toxic.no.valid\":77,\"data.label.toxic.yes.valid\":23,"
                "\"data.label.rude%2Eone.no.valid\":51,\"data.label.rude%2Eone.yes.valid\":37,"
                "\"data.rows.train\":700,\"data.rows.valid\":100}",
                "");
    fixture_add(f, "data.test", "{\"data.test.rows\":200}", "");
    fixture_add(
        f, "metric",
        "{\"subset_accuracy\":0.62,\"subset_accuracy.lower\":0.55,"
        "\"subset_accuracy.upper\":0.68,\"subset_accuracy.n\":200,\"hamming_loss\":0.171,"
        "\"hamming_loss.lower\":0.14,\"hamming_loss.upper\":0.21,"
        "\"hamming_loss.baseline\":0.259,\"hamming_loss.gain\":0.088,"
        "\"hamming_loss.gain.lower\":0.03,\"hamming_loss.gain.upper\":0.12,"
        "\"f1.micro\":0.77,\"f1.macro\":\"undefined\",\"f1.macro.reason\":"
        "\"the label 'rude.one' is never positive, nor decided so\"}",
        "");
    one_label(f, "toxic", "0.8125", 7);
    one_label(f, "rude%2Eone", "\"undefined\"", 17);
    onus_buf_init(&b, NULL, 1 << 20);
    onus_buf_str(&b, "{");
    fixture_group(&b, "sex", "female", 62, 0.69, 0.8, "0.41");
    fixture_group(&b, "sex", "male", 138, 0.77, 0.9, "0.47");
    fixture_gaps(&b, "sex", "\"female\",\"male\"", 0.08, 0.9);
    onus_buf_str(&b, "\"fairness.sex.missing\":0}");
    add_within(f, "fairness", "toxic", b.data);
    onus_buf_release(&b);
    add_within(f, "explain", "toxic",
               "{\"explain.method\":\"shapley, exact\",\"explain.rows\":200,"
               "\"explain.background\":100,\"explain.exact\":1,\"explain.columns\":[\"age\"],"
               "\"explain.protected\":[],\"explain.age.mean_abs\":0.031}");
    add_within(f, "explain", "rude%2Eone",
               "{\"explain.method\":\"shapley, exact\",\"explain.rows\":200,"
               "\"explain.background\":100,\"explain.exact\":0.5,\"explain.columns\":[\"pay\"],"
               "\"explain.protected\":[],\"explain.pay.mean_abs\":0.072}");
    fixture_add(f, "policy",
                "{\"policy.1.demand\":\"label.toxic.fairness.sex.demographic_parity_ratio >= "
                "0.5\",\"policy.1.name\":\"label.toxic.fairness.sex.demographic_parity_ratio\","
                "\"policy.1.bound\":0.5,\"policy.1.verdict\":\"met\",\"policy.1.found\":0.9}",
                "");
    fixture_add(f, "policy.result", "{\"policy.count\":1,\"policy.met\":1}", "");
}

/* The texts stand in the page, in this order. */
static void in_order(const char *html, const char *const *texts)
{
    for (const char *at = html; *texts; texts++) {
        const char *found = strstr(at, *texts);
        if (!found) fail_msg("the report does not say '%s' there", *texts);
        at = found + strlen(*texts);
    }
}

/* Of 700 rows 20 lack one label, 7 are yes: 673 would tell; 3 lack the other: 186 would. */
static void counts_are_hidden(const char *html)
{
    static const char *const hidden[] = {">673</a>", ">186</a>"}, *const shown[] = {
                                                                      ">700</a>", ">511</a>",
                                                                      ">77</a>",  ">23</a>",
                                                                      ">51</a>",  ">37</a>"};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (strstr(html, hidden[i])) fail_msg("the report says %s", hidden[i]);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (!strstr(html, shown[i])) fail_msg("the report does not say %s", shown[i]);
}

static void all_labels_in_one_report(void **state)
{
    (void)state;
    static const char *const said[] = {
        "It decides",
        ">17.1%</a> of all labels wrongly",
        "proven to be less than always deciding",
        ">25.9%</a>",
        "of 6 gaps between groups that have an interval, 3 are proven",
        "demographic parity, difference, by sex, for toxic: ",
        "<div class=\"tile none\" data-about=\"hamming_loss\" data-says=\"nothing\">",
        ">0.171</a>",
        /* the demand on the label's ratio says nothing of the difference that is shown */
        "<div class=\"tile none\" "
        "data-about=\"label.toxic.fairness.sex.demographic_parity_difference\"",
        "by sex, for toxic",
        ">0.072</a>", /* the heaviest of all labels' columns */
        "pay weighs most",
        ", for rude.one",
        "id=\"quality\"",
        "rows all right",
        "labels wrong",
        "F1, macro",
        "mean over labels",
        "undefined",
        "the label &#39;rude.one&#39; is never positive, nor decided so",
        ">By label</h3>",
        ">toxic</th>",
        ">0.812</a>",
        ">rude.one</th>",
        "undefined",
        "<summary>toxic</summary>",
        "ROC curve",
        "Confusion matrix",
        "<summary>rude.one</summary>",
        "the labels are all of one class",
        "id=\"fairness\"",
        "decided yes on the label that is named",
        "<h3>toxic: By sex</h3>",
        ">0.69</text>",
        "id=\"explanation\"",
        "<h3>toxic</h3>",
        "<h3>rude.one</h3>",
        "id=\"data\"",
        "rude.one</th>",
        "&lt;\xc2\xa0"
        "10",
        "id=\"unproven\"",
        "label.rude%2Eone.auc",
        NULL,
    };
    fixture f;
    labels_fixture(&f);
    char *html = fixture_report(&f);
    (void)markup_check(html);
    in_order(html, said);
    /* seven people: not as a cell of toxic's matrix, nor in the evidence, nor by subtraction */
    assert_null(strstr(html, ">7</a>"));
    assert_null(strstr(html, "confusion.no.yes</code> 7"));
    assert_null(strstr(html, "confusion.no.yes</code> 17")); /* nor any other of a matrix */
    assert_non_null(strstr(html, ">17</a>"));                /* which the sections show */
    assert_null(strstr(html, "F1, macro</th>"));
    counts_are_hidden(html);
    free(html);
    fixture_release(&f);
}

static onus_status reported(const onus_allocator *mem, void *ctx, onus_err *err)
{
    onus_log *log = NULL;
    onus_buf out;
    const fixture *f = ctx;
    onus_buf_init(&out, mem, (size_t)64 << 20);
    onus_status st = onus_log_parse(&log, f->text.data, f->text.len, "fixture", NULL, err);
    if (st == ONUS_OK) st = onus_report_html(log, onus_log_count(log), &out, mem, err);
    onus_buf_release(&out);
    onus_log_close(log);
    return st;
}

static void memory_ends(void **state)
{
    (void)state;
    fixture f;
    labels_fixture(&f);
    failing_mem_walk("a report of labels", reported, &f);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_labels_in_one_report),
        cmocka_unit_test(memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
