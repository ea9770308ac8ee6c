/* SPDX-License-Identifier: Apache-2.0
 * Goal: the report is a function of the ledger and holds nothing else: the same bytes each
 * time, no script, nothing loaded, every number linked to an entry that is there, no small
 * count of people, "undefined" and "not proven" in words. Method: ledgers made by hand for
 * every kind of run, read back by a strict reader of our own markup; every value of them
 * spoilt in turn; every allocation failed. */
#include "report/report_fixture.h"

#include <math.h>

#include "report/markup.h"
#include "report/sections.h"

#include "failing_mem.h"

static void expect(const char *html, const char *text)
{
    if (!strstr(html, text)) fail_msg("the report does not say '%s'", text);
}

static void expect_not(const char *html, const char *text)
{
    const char *c = strstr(html, text);
    if (c) fail_msg("the report says '%s': '%.80s'", text, c > html + 40 ? c - 40 : c);
}

static void check(const char *html)
{
    (void)markup_check(html);
    assert_false(markup_has_word(html, "nan") || markup_has_word(html, "inf"));
    assert_null(strcasestr(html, "<script"));
    assert_null(strcasestr(html, "javascript:"));
    assert_null(strcasestr(html, " src="));
    assert_null(strcasestr(html, "<link"));
}

/* ---- one table of people ----------------------------------------------------------------- */

static void a_run_gives_a_whole_report(void **state)
{
    (void)state;
    fixture f;
    fixture_german(&f, false);
    char *html = fixture_report(&f);
    check(html);
    assert_true(markup_check(html) > 100); /* links */
    static const char *const said[] = {
        "default-src 'none'; style-src 'unsafe-inline'",
        "Meant to order applications for review by a person",
        "It does not treat groups alike: of ",
        "are proven, each on its own at 95%",
        "Nothing bounds what it reveals about any one person",
        "<b>3 of 5 policies met.</b> Not met: ",
        "fairness.age.demographic_parity_ratio &gt;= 0.8",
        "not met: absent",
        ">0.757</a>",
        "Confusion matrix",
        "Training was not private: the recipe says off.",
        "https://doi.org/10.24432/C5NC77",
        "CC-BY-4.0",
        "kept: epoch 27",
        "onus verify RUN",
        "onus replay RUN",
        "no attack was run",
        "does not say that a counter of the processor was read",
        "its head is unwitnessed",
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) expect(html, said[i]);
    free(html);
    fixture_release(&f);
}

static void the_head_is_that_of_the_ledger(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    fixture_add(&f, "run.begin", "{\"run.name\":\"x\"}", "");
    char *html = fixture_report(&f);
    onus_log *log = fixture_log(&f);
    uint8_t root[32];
    char hex[65];
    onus_log_root(log, 1, root);
    for (int i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", root[i]);
    expect(html, hex);
    onus_log_close(log);
    free(html);
    fixture_release(&f);
}

static void the_same_entries_give_the_same_bytes(void **state)
{
    (void)state;
    fixture f, longer;
    fixture_german(&f, true);
    fixture_german(&longer, true);
    fixture_add(&longer, "report", "", "{\"report.sha256\":\"" HEX "\"}");
    fixture_add(&longer, "metric", "{\"accuracy\":0.123}", "");
    char *once = fixture_report(&f), *again = fixture_report(&f);
    assert_string_equal(once, again);
    onus_log *log = fixture_log(&longer); /* what comes later is not seen */
    onus_buf out;
    onus_buf_init(&out, NULL, (size_t)64 << 20);
    assert_int_equal(onus_report_html(log, f.n, &out, NULL, NULL), ONUS_OK);
    assert_string_equal(out.data, once);
    onus_buf_release(&out);
    onus_log_close(log);
    free(once);
    free(again);
    fixture_release(&f);
    fixture_release(&longer);
}

static void a_ledger_shorter_than_asked_is_refused(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    fixture_add(&f, "run.begin", "{\"run.name\":\"x\"}", "");
    onus_log *log = fixture_log(&f);
    onus_buf out;
    onus_err err;
    onus_buf_init(&out, NULL, 1 << 20);
    assert_int_equal(onus_report_html(log, 2, &out, NULL, &err), ONUS_BAD_ARG);
    assert_int_equal(onus_report_html(log, -1, &out, NULL, &err), ONUS_BAD_ARG);
    onus_buf_init(&out, NULL, 100); /* a page that is too long for its buffer */
    assert_int_equal(onus_report_html(log, 1, &out, NULL, &err), ONUS_BAD_INPUT);
    onus_buf_release(&out);
    onus_log_close(log);
    fixture_release(&f);
}

/* ---- people
 * ---------------------------------------------------------------------------------- */

/* Every linked number whose title names a count of people, by a list of our own. */
static void no_small_count_is_linked(const char *html)
{
    static const char *const counts[] = {"data.label.", "data.group.", "confusion.",
                                         "data.rows",   ".n\"",        ".positives\""};
    static const char open[] = "title=\"ledger event ";
    for (const char *c = html; (c = strstr(c, open)) != NULL; c++) {
        const char *name = strchr(c, ':') + 2, *end = strchr(name, '>');
        bool is_count = false;
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            const char *at = strstr(name, counts[i]);
            is_count = is_count || (at && at < end);
        }
        if (is_count && end[1] >= '1' && end[1] <= '9' && end[2] == '<')
            fail_msg("a count of people is printed: '%.100s'", c);
    }
}

static void small_counts_of_people_are_not_printed(void **state)
{
    (void)state;
    fixture f;
    fixture_german(&f, false);
    char *html = fixture_report(&f);
    no_small_count_is_linked(html);
    expect(html, ">&lt;\xc2\xa0"
                 "10</a>");
    /* what would give them away by subtraction from totals that are printed: 140 - 8 good ones
     */
    expect_not(html, ">132</a>");
    expect(html, ">\xe2\x89\xa5\xc2\xa0"
                 "10</a>");
    /* nor the evidence */
    expect_not(html, "confusion.good.bad</code> 8");
    expect_not(html, "confusion.good.good</code> 132");
    /* what the ledger withholds the page says so of */
    expect(html, "<span class=\"lack\">withheld</span>");
    expect(html, "Some groups are withheld");
    free(html);
    fixture_release(&f);
}

/* An intersection that is not told apart: why, in the words of its event. */
static void a_set_without_groups_says_why(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    fixture_add(&f, "run.begin", "{\"run.name\":\"x\",\"run.protected\":2}", "");
    fixture_add(&f, "fairness",
                "{\"fairness.sex+age.groups\":[],\"fairness.sex+age.reason\":\"1,234 groups "
                "have people in them\"}",
                "");
    char *html = fixture_report(&f);
    check(html);
    const char *section = strstr(html, "<section id=\"fairness\">");
    assert_non_null(section);
    expect(section, ">1,234 groups have people in them</a></p></div>");
    free(html);
    fixture_release(&f);
}

static void a_demand_on_a_count_does_not_tell_it(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    fixture_begin(&f, false);
    fixture_policy(&f, 1, "confusion.good.bad", ">=", 30, "not met", "4");
    fixture_add(&f, "policy.result", "{\"policy.count\":1,\"policy.met\":0}", "");
    char *html = fixture_report(&f);
    check(html);
    expect_not(html, ">4</a>");
    expect_not(html, "policy.1.found</code> 4");
    expect(html, ">&lt;\xc2\xa0"
                 "10</a>");
    free(html);
    fixture_release(&f);
}

static void the_neighbour_of_a_small_count_hides(void **state)
{
    (void)state;
    static const struct {
        double count[4];
        int n;
        double others;
        bool hide[4];
    } cases[] = {
        {{7, 93, 0, 0}, 2, 0, {false, true, false, false}},
        {{7, 93, 50, 200}, 4, 0, {false, false, true, false}}, /* the least of the rest */
        {{7, 93, 3, 200},
         4,
         0,
         {false, false, false, false}}, /* two: their sum tells neither */
        {{70, 93, 30, 0}, 4, 0, {false, false, false, false}},
        {{7, 0, 0, 0}, 4, 0, {false, false, false, false}},
        {{7, 93, 0, 0}, 2, 40, {false, true, false, false}}, /* 40 + 7 would be known */
        {{7, 93, 0, 0}, 2, 3, {false, true, false, false}},
        {{70, 93, 0, 0}, 2, 3, {true, false, false, false}}, /* three lack the label */
        {{70, 93, 0, 0}, 2, 40, {false, false, false, false}},
        {{0, 93, 0, 0}, 2, 3, {false, true, false, false}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        onus_fact counts[4];
        json_t *v[4];
        bool hide[4];
        for (int k = 0; k < cases[i].n; k++) {
            v[k] = json_real(cases[i].count[k]);
            counts[k] = (onus_fact){.v = v[k], .event = 1};
        }
        onus_hide_complement(counts, cases[i].n, cases[i].others, hide);
        for (int k = 0; k < cases[i].n; k++) {
            assert_int_equal(hide[k], cases[i].hide[k]);
            json_decref(v[k]);
        }
    }
}

/* ---- what is not there
 * ----------------------------------------------------------------------- */

static void undefined_is_a_word_and_never_zero(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    fixture_begin(&f, false);
    fixture_add(&f, "metric",
                "{\"accuracy\":\"undefined\",\"accuracy.lower\":\"undefined\","
                "\"accuracy.upper\":\"undefined\",\"accuracy.n\":0,\"accuracy.reason\":"
                "\"no rows\",\"recall\":0,\"recall.lower\":0,\"recall.upper\":0.4}",
                "");
    char *html = fixture_report(&f);
    check(html);
    expect(html,
           "title=\"ledger event 2: accuracy\"><span class=\"lack\">undefined</span></a>");
    expect(html, "no rows");
    expect(html, "title=\"ledger event 2: recall\">0.000</a>"); /* a true 0 is a 0 */
    expect(html, "reason where it gives one: <code><a");
    free(html);
    fixture_release(&f);
}

static void a_run_that_only_trained_proves_no_more(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    fixture_begin(&f, false);
    fixture_data(&f);
    fixture_training(&f, 3, false);
    char *html = fixture_report(&f);
    check(html);
    static const char *const said[] = {
        "Trained only: nothing was measured or judged.",
        "<span class=\"lack\">not proven</span>",
        "The ledger holds no measure of this model\xe2\x80\x99s quality.",
        "The ledger holds no measure of fairness.",
        "The ledger holds no explanation of the model.",
        "The ledger holds no measure of energy.",
        "no policy says what that would be",
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) expect(html, said[i]);
    free(html);
    fixture_release(&f);
}

static void what_was_switched_off_is_repeated(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    fixture_add(
        &f, "run.begin",
        "{\"run.name\":\"x\",\"run.privacy\":\"off\",\"run.protected\":0,\"run.explain\":"
        "\"off\",\"run.policies\":0}",
        "");
    fixture_add(&f, "policy.result", "{\"policy.count\":0,\"policy.met\":0}", "");
    char *html = fixture_report(&f);
    check(html);
    static const char *const said[] = {
        "What the model is for was not said in the recipe.",
        "No policy was set, so nothing was judged.",
        "No protected attribute was named: the recipe says none.",
        "No explanation was asked for: the recipe says off.",
        "Training was not private: the recipe says off.",
        "the recipe names no licence",
        "The ledger holds no data sheet.",
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) expect(html, said[i]);
    free(html);
    fixture_release(&f);
}

static void an_empty_ledger_is_a_page(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    char *html = fixture_report(&f);
    check(html);
    expect(html, "not proven");
    free(html);
    fixture_release(&f);
}

/* "Proven" stands only where the lower bound does; that of the accuracy may lie above a
 * constant decision's share and yet prove nothing, since that share is of the same rows. */
static void proven_is_what_an_interval_proves(void **state)
{
    (void)state;
    static const struct {
        const char *claim, *said, *not_said;
    } cases[] = {
        {"{\"accuracy\":0.765,\"accuracy.lower\":0.702,\"accuracy.upper\":0.818,"
         "\"accuracy.baseline\":0.7,\"accuracy.gain\":0.065,\"accuracy.gain.lower\":0.001}",
         "That is proven to be more than", "not proven to be more than"},
        {"{\"accuracy\":0.765,\"accuracy.lower\":0.702,\"accuracy.upper\":0.818,"
         "\"accuracy.baseline\":0.7,\"accuracy.gain\":0.065,\"accuracy.gain.lower\":-0.002}",
         "That is not proven to be more than", "That is proven to be more"},
        {"{\"accuracy\":0.765,\"accuracy.lower\":\"undefined\",\"accuracy.baseline\":0.1}",
         "That is not proven to be more than", "That is proven to be more"},
        {"{\"r2\":0.2,\"r2.lower\":0.05,\"r2.upper\":0.3,\"rmse\":3}",
         "That is proven to be better than always predicting the mean", "That is not proven"},
        {"{\"r2\":0.2,\"r2.lower\":-0.05,\"r2.upper\":0.3,\"rmse\":3}",
         "That is not proven to be better than always predicting", "That is proven"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        fixture_init(&f);
        fixture_begin(&f, false);
        fixture_add(&f, "metric", cases[i].claim, "");
        char *html = fixture_report(&f);
        check(html);
        expect(html, cases[i].said);
        expect_not(html, cases[i].not_said);
        free(html);
        fixture_release(&f);
    }
}

/* ---- other kinds of runs
 * --------------------------------------------------------------------- */

static void a_private_run_says_what_its_budget_covers(void **state)
{
    (void)state;
    fixture f;
    fixture_german(&f, true);
    char *html = fixture_report(&f);
    check(html);
    static const char *const said[] = {
        ">7.941</a>",
        "10\xe2\x81\xbb\xe2\x81\xb5", /* delta */
        "Outside the guarantee",
        "the counts and hashes of the data sheet",
        "mean and deviation of duration_months",
        "private/noise.key: whoever has it can draw the noise again",
        "keeps the model that suits them chooses among draws of the noise",
        "largest that was tried; a larger one might give less",
        "The loss on the training part of a private run is not written.",
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) expect(html, said[i]);
    expect_not(html, "train.loss");
    expect_not(html, "Privacy: training was not private");
    free(html);
    fixture_release(&f);
}

static void ten_classes(fixture *f)
{
    onus_buf b;
    onus_buf_init(&b, NULL, 1 << 20);
    fixture_init(f);
    fixture_add(f, "run.begin",
                "{\"run.name\":\"clothes\",\"run.privacy\":\"off\",\"run.protected\":0,"
                "\"run.explain\":\"off\",\"run.policies\":0}",
                "");
    onus_buf_str(&b, "{\"data.task\":\"classes\",\"data.classes\":[\"c0\",\"c1\",\"c2\",\"c3\","
                     "\"c4\",\"c5\",\"c6\",\"c7\",\"c8\",\"a.b\"],\"data.features\":784}");
    fixture_add(f, "data.sheet", b.data, "");
    onus_buf_clear(&b);
    onus_buf_str(&b, "{\"accuracy\":0.86,\"accuracy.lower\":0.85,\"accuracy.upper\":0.87,"
                     "\"precision.macro\":0.861,\"precision.macro.lower\":0.85,"
                     "\"precision.macro.upper\":0.87");
    for (int t = 0; t < 10; t++) {
        const char *names[] = {"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "a%2Eb"};
        for (int d = 0; d < 10; d++)
            onus_buf_printf(&b, ",\"confusion.%s.%s\":%d", names[t], names[d],
                            t == d ? 860 : t + d);
        onus_buf_printf(&b,
                        ",\"class.%s.recall\":0.86,\"class.%s.recall.lower\":0.83,"
                        "\"class.%s.recall.upper\":0.88,\"class.%s.precision\":0.8%d,"
                        "\"class.%s.f1\":0.85",
                        names[t], names[t], names[t], names[t], t, names[t]);
    }
    onus_buf_str(&b, "}");
    fixture_add(f, "metric", b.data, "");
    onus_buf_release(&b);
}

static void ten_classes_make_a_matrix_and_a_table(void **state)
{
    (void)state;
    fixture f;
    ten_classes(&f);
    char *html = fixture_report(&f);
    check(html);
    no_small_count_is_linked(html);
    expect(html, "title=\"ledger event 3: class.a%2Eb.recall\">0.860</a>");
    expect(html, ">a.b</th>");
    expect(html, "precision, macro");
    expect(html, ">860</a>");
    free(html);
    fixture_release(&f);
}

/* What training did to the images is said, in order, and nothing of what it did not do. */
static void images_are_seen_changed(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    fixture_begin(&f, false);
    fixture_add(&f, "data.sheet",
                "{\"data.task\":\"classes\",\"data.features\":784,"
                "\"data.augment.flip\":\"horizontal\",\"data.augment.shift\":1234}",
                "");
    char *html = fixture_report(&f);
    check(html);
    expect(html, "training sees images");
    const char *at = strstr(html, "mirrored: ");
    assert_non_null(at);
    assert_non_null(strstr(at, ">horizontal</a>; moved, by pixels up to: "));
    assert_non_null(strstr(at, ">1,234</a>"));
    expect_not(html, "turned: ");
    expect_not(html, "border of zeros");
    free(html);
    fixture_release(&f);
}

static void a_number_is_predicted(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    fixture_begin(&f, false);
    fixture_add(
        &f, "data.sheet",
        "{\"data.task\":\"regression\",\"data.target\":\"amount\",\"data.target.shift\":"
        "3271.258,\"data.target.scale\":2821.325}",
        "");
    for (int i = 1; i <= 2; i++)
        fixture_addf(&f, "train.epoch", "{\"train.epoch\":%d,\"train.loss\":%.17g}", i,
                     1.0 / i);
    fixture_add(&f, "metric",
                "{\"rmse\":4383.325,\"rmse.lower\":3650.7,\"rmse.upper\":5009.9,\"r2\":-1.19,"
                "\"r2.lower\":-1.5,\"r2.upper\":-0.9,\"mae\":0.00004}",
                "");
    fixture_add(
        &f, "fairness",
        "{\"fairness.sex.groups\":[\"female\",\"male\"],\"fairness.sex.group.female.n\":"
        "57,\"fairness.sex.group.male.n\":143,\"fairness.sex.group.female.mae\":3401.9,"
        "\"fairness.sex.group.male.mae\":3165.0,\"fairness.sex.mae_difference\":236.9,"
        "\"fairness.sex.mae_difference.lower\":0,\"fairness.sex.mae_difference.upper\":"
        "1266,\"fairness.sex.equalized_odds_difference\":\"undefined\"}",
        "");
    char *html = fixture_report(&f);
    check(html);
    expect(html, ">4,383</a>");
    expect(html, ">\xe2\x88\x92"
                 "1.190</a>");
    expect(html, "mean absolute error, difference, by sex");
    expect(html, "The loss is the squared error of the label divided by ");
    expect(html, ">2,821</a>; the validation metric is in the label");
    expect_not(html, "equalized odds"); /* it does not apply to numbers */
    const char *room = strstr(html, "the intervals leave room for one of ");
    assert_non_null(room);
    assert_non_null(strstr(room, ">1,266</a>"));
    free(html);
    /* a gap without an upper bound may be wider: the sentence names no number then */
    fixture_add(&f, "fairness",
                "{\"fairness.age.groups\":[\"a\",\"b\"],\"fairness.age.group.a.n\":57,"
                "\"fairness.age.mae_difference\":3.5,\"fairness.age.mae_difference.lower\":0,"
                "\"fairness.age.mae_difference.upper\":\"undefined\"}",
                "");
    html = fixture_report(&f);
    room = strstr(html, "the intervals leave room for one of ");
    assert_non_null(room);
    assert_non_null(strstr(room, ">undefined</span>"));
    assert_true(strstr(room, ">undefined</span>") < strstr(room, "</li>"));
    free(html);
    fixture_release(&f);
}

static void thousands_of_epochs_are_thinned(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f);
    fixture_begin(&f, false);
    fixture_training(&f, 3000, false);
    char *html = fixture_report(&f);
    check(html);
    assert_true(strlen(html) < 120000);
    expect(html, "title=\"ledger event 3: train.epoch\">1</a>");
    expect(html, "title=\"ledger event 3002: train.epoch\">3,000</a>");
    free(html);
    fixture_release(&f);
}

/* ---- hostile ledgers
 * -------------------------------------------------------------------------- */

#define EVIL "</title><script>alert(1)</script>\\\"' onload=\\\"x\\u202e\\u0007"

static void hostile_names_stay_text(void **state)
{
    (void)state;
    static const char *const part = "</text><script>%22 onload=x";
    char claim[4096];
    fixture f;
    fixture_init(&f);
    fixture_add(&f, "run.begin",
                "{\"run.name\":\"" EVIL "\",\"run.purpose\":\"" EVIL
                "\",\"run.privacy\":\"" EVIL "\",\"run.seed\":\"" EVIL "\"}",
                "{\"run.version\":\"" EVIL "\",\"run.isa\":\"" EVIL "\"}");
    fixture_add(&f, "data.sheet",
                "{\"data.licence\":\"" EVIL "\",\"data.origin\":\"javascript:alert(1)\","
                "\"data.columns\":[\"" EVIL "\"],\"data.classes\":[\"" EVIL "\",\"<b>\"],"
                "\"data.attributes\":[\"" EVIL "\"],\"data.constant\":[\"" EVIL "\"]}",
                "");
    fixture_add(&f, "explain",
                "{\"explain.columns\":[\"" EVIL "\"],\"explain.protected\":[\"" EVIL "\"],"
                "\"explain.method\":\"" EVIL "\"}",
                "");
    snprintf(claim, sizeof claim,
             "{\"fairness.%s.groups\":[\"%s\",\"" EVIL "\"],\"fairness.%s.group.%s.n\":50,"
             "\"fairness.%s.group.%s.selection_rate\":0.5,\"fairness.%s.demographic_parity_"
             "difference\":0.2,\"fairness.%s.demographic_parity_difference.lowest\":\"" EVIL
             "\",\"fairness.%s.demographic_parity_difference.highest\":\"" EVIL "\"}",
             part, part, part, part, part, part, part, part, part);
    fixture_add(&f, "fairness", claim, "");
    fixture_add(&f, "policy",
                "{\"policy.1.demand\":\"" EVIL "\",\"policy.1.name\":\"" EVIL
                "\",\"policy.1.verdict\":\"" EVIL "\"}",
                "");
    fixture_add(&f, "\" onload=<b>",
                "{\"</title><script>\\\"' onload=\\\"x\":\"" EVIL "\",\"accuracy\":0.5}", "");
    fixture_add(&f, "energy", "",
                "{\"energy.method\":\"" EVIL "\",\"energy.joules\":1,"
                "\"energy.phase.<b>.joules\":1}");
    char *html = fixture_report(&f);
    (void)markup_check(html); /* an element or attribute that is not ours would fail here */
    assert_null(strcasestr(html, "<script"));
    assert_null(strstr(html, "\xe2\x80\xae"));
    expect(html, "[U+202E]");
    expect(html, "[U+0007]");
    free(html);
    fixture_release(&f);
}

static void spoil(const onus_log *log, json_t *fields, const char *key, const char *odd)
{
    json_t *kept = json_incref(json_object_get(fields, key)),
           *spoilt = json_loads(odd, JSON_DECODE_ANY, NULL);
    onus_buf out;
    onus_buf_init(&out, NULL, (size_t)64 << 20);
    assert_int_equal(json_object_set_new(fields, key, spoilt), 0);
    assert_int_equal(onus_report_html(log, onus_log_count(log), &out, NULL, NULL), ONUS_OK);
    check(out.data);
    onus_buf_release(&out);
    assert_int_equal(json_object_set_new(fields, key, kept), 0);
}

/* Every field of every entry in turn becomes something that nobody expects there; every 23rd
 * of these in a short run. */
static void no_value_breaks_the_page(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "\"undefined\"",      "0",       "-1",        "1e300", "5e-324", "1e15", "[]",
        "[null,\"<\",[1],2]", "\"<i>\"", "{\"a\":1}", "null",  "true"};
    enum { N_ODD = sizeof odd / sizeof *odd };
    const int64_t every = getenv("ONUS_SLOW") ? 1 : 23 * N_ODD + 1;
    fixture whole;
    fixture_german(&whole, true);
    onus_log *log = fixture_log(&whole);
    int64_t k = 0;
    for (int64_t i = 0; i < 2 * onus_log_count(log); i++) {
        const onus_entry *e = onus_log_at(log, i / 2);
        json_t *fields = i % 2 ? e->observed : e->claim, *value;
        const char *key;
        void *next;
        json_object_foreach_safe(fields, next, key, value)
        {
            for (int o = 0; o < N_ODD; o++) {
                if (k++ % every == 0) spoil(log, fields, key, odd[o]);
            }
        }
    }
    assert_true(k > 300 * N_ODD);
    onus_log_close(log);
    fixture_release(&whole);
}

/* ---- memory
 * ------------------------------------------------------------------------------------ */

static onus_status build(const onus_allocator *mem, void *ctx, onus_err *err)
{
    onus_buf out;
    onus_buf_init(&out, mem, (size_t)64 << 20);
    onus_status st = onus_report_html(ctx, onus_log_count(ctx), &out, mem, err);
    onus_buf_release(&out);
    return st;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    fixture f;
    fixture_german(&f, true);
    onus_log *log = fixture_log(&f);
    assert_true(failing_mem_walk("report", build, log) > 5);
    onus_log_close(log);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_gives_a_whole_report),
        cmocka_unit_test(the_head_is_that_of_the_ledger),
        cmocka_unit_test(the_same_entries_give_the_same_bytes),
        cmocka_unit_test(a_ledger_shorter_than_asked_is_refused),
        cmocka_unit_test(small_counts_of_people_are_not_printed),
        cmocka_unit_test(a_set_without_groups_says_why),
        cmocka_unit_test(a_demand_on_a_count_does_not_tell_it),
        cmocka_unit_test(the_neighbour_of_a_small_count_hides),
        cmocka_unit_test(undefined_is_a_word_and_never_zero),
        cmocka_unit_test(a_run_that_only_trained_proves_no_more),
        cmocka_unit_test(what_was_switched_off_is_repeated),
        cmocka_unit_test(an_empty_ledger_is_a_page),
        cmocka_unit_test(proven_is_what_an_interval_proves),
        cmocka_unit_test(a_private_run_says_what_its_budget_covers),
        cmocka_unit_test(ten_classes_make_a_matrix_and_a_table),
        cmocka_unit_test(images_are_seen_changed),
        cmocka_unit_test(a_number_is_predicted),
        cmocka_unit_test(thousands_of_epochs_are_thinned),
        cmocka_unit_test(hostile_names_stay_text),
        cmocka_unit_test(no_value_breaks_the_page),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
