/* SPDX-License-Identifier: Apache-2.0
 * report_fixture.h - ledgers made by hand for the tests of the report: an event is its type and
 * two bodies as JSON. Names are those of docs/EVIDENCE.md; the numbers are invented. */
#ifndef ONUS_TESTS_REPORT_FIXTURE_H
#define ONUS_TESTS_REPORT_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "report/report.h"

typedef struct {
    onus_buf text;
    int64_t n;
} fixture;

static inline void fixture_init(fixture *f)
{
    onus_buf_init(&f->text, NULL, (size_t)256 << 20);
    f->n = 0;
}

static inline json_t *fixture_json(const char *text)
{
    json_error_t why;
    json_t *v = json_loads(text && *text ? text : "{}", JSON_ALLOW_NUL, &why);
    if (!v) print_error("%s\nin %s\n", why.text, text);
    assert_non_null(v);
    return v;
}

static inline void fixture_add(fixture *f, const char *type, const char *claim,
                               const char *observed)
{
    json_t *line = json_pack("{s:o, s:o, s:I, s:s, s:s}", "claim", fixture_json(claim),
                             "observed", fixture_json(observed), "n", (json_int_t)++f->n,
                             "time", "2026-11-22T14:03:11Z", "type", type);
    assert_non_null(line);
    onus_json_canonical(&f->text, line);
    onus_buf_str(&f->text, "\n");
    json_decref(line);
}

static inline void fixture_addf(fixture *f, const char *type, const char *claim, ...)
{
    char text[8192];
    va_list args;
    va_start(args, claim);
    vsnprintf(text, sizeof text, claim, args);
    va_end(args);
    fixture_add(f, type, text, "");
}

static inline onus_log *fixture_log(fixture *f)
{
    onus_log *log = NULL;
    onus_err err = {.code = ONUS_OK};
    assert_int_equal(f->text.st, ONUS_OK);
    if (onus_log_parse(&log, f->text.data ? f->text.data : "", f->text.len, "fixture", NULL,
                       &err) != ONUS_OK)
        print_error("%s\n", err.msg);
    assert_non_null(log);
    return log;
}

/* The report of the whole fixture; free() it. */
static inline char *fixture_report(fixture *f)
{
    onus_log *log = fixture_log(f);
    onus_buf out;
    onus_err err = {.code = ONUS_OK};
    onus_buf_init(&out, NULL, (size_t)64 << 20);
    if (onus_report_html(log, onus_log_count(log), &out, NULL, &err) != ONUS_OK)
        print_error("%s\n", err.msg);
    assert_int_equal(err.code, ONUS_OK);
    char *text = strdup(out.data);
    onus_buf_release(&out);
    onus_log_close(log);
    assert_non_null(text);
    return text;
}

static inline void fixture_release(fixture *f)
{
    onus_buf_release(&f->text);
}

/* ---- a run on a table of people ---------------------------------------------------------- */

#define HEX "9f3c51aa07be44d19f3c51aa07be44d19f3c51aa07be44d19f3c51aa07be44d1"

static inline void fixture_begin(fixture *f, bool is_private)
{
    char claim[2048];
    snprintf(
        claim, sizeof claim,
        "{\"run.name\":\"german-credit\",\"run.purpose\":\"Estimates whether an applicant "
        "will repay a loan, from 20 facts about the loan and the applicant. Meant to order "
        "applications for review by a person; not to refuse anyone alone.\","
        "\"run.recipe.sha256\":\"" HEX "\",\"run.seed\":\"20261122\",\"run.numerics\":3,"
        "\"run.privacy\":\"%s\",\"run.protected\":2,\"run.explain\":\"shap\","
        "\"run.policies\":5}",
        is_private ? "on" : "off");
    fixture_add(f, "run.begin", claim,
                "{\"run.version\":\"0.1.0\",\"run.isa\":\"avx512\",\"run.threads\":2,"
                "\"run.cpu\":\"AMD EPYC\",\"run.recipe.dir\":\"../examples\"}");
}

static inline void fixture_data(fixture *f)
{
    fixture_add(f, "data.read",
                "{\"data.file.1.name\":\"german_credit.csv\",\"data.file.1.bytes\":133215,"
                "\"data.file.1.rows\":1000,\"data.file.1.sha256\":\"" HEX "\"}",
                "");
    fixture_add(
        f, "data.clean",
        "{\"data.rows.raw\":1000,\"data.dropped.missing\":0,\"data.dropped.duplicates\":"
        "0,\"data.missing.savings\":183,\"data.constant\":[]}",
        "");
    fixture_add(f, "data.split",
                "{\"data.rows\":1000,\"data.rows.train\":700,\"data.rows.valid\":100,"
                "\"data.rows.test\":200,\"data.sha256.train\":\"" HEX
                "\",\"data.sha256.valid\":"
                "\"" HEX "\",\"data.sha256.test\":\"" HEX "\"}",
                "");
    fixture_add(
        f, "data.sheet",
        "{\"data.licence\":\"CC-BY-4.0\",\"data.origin\":\"https://doi.org/10.24432/C5NC77\","
        "\"data.task\":\"binary\",\"data.target\":\"risk\",\"data.classes\":[\"bad\",\"good\"],"
        "\"data.attributes\":[\"sex\",\"age\"],\"data.groups.sex\":[\"female\",\"male\"],"
        "\"data.groups.age\":[\"<25\",\">=25\"],\"data.features\":61,\"data.columns\":["
        "\"checking_account\",\"duration_months\","
        "\"credit_history\",\"amount\",\"savings\",\"age\",\"sex\"],"
        "\"data.column.checking_account\":\"category\",\"data.column.duration_months\":"
        "\"number\",\"data.column.credit_history\":\"category\",\"data.column.amount\":"
        "\"number\",\"data.column.savings\":\"category\",\"data.column.age\":\"number\","
        "\"data.column.sex\":\"category\",\"data.label.bad.train\":210,"
        "\"data.label.bad.valid\":30,\"data.label.bad.test\":60,\"data.label.good.train\":490,"
        "\"data.label.good.valid\":70,\"data.label.good.test\":140,"
        "\"data.group.sex.female.train\":217,\"data.group.sex.female.valid\":31,"
        "\"data.group.sex.female.test\":62,\"data.group.sex.male.train\":483,"
        "\"data.group.sex.male.valid\":69,\"data.group.sex.male.test\":138,"
        "\"data.group.age.<25.train\":104,\"data.group.age.<25.valid\":\"undefined\","
        "\"data.group.age.<25.test\":38,\"data.group.age.>=25.train\":596,"
        "\"data.group.age.>=25.valid\":\"undefined\",\"data.group.age.>=25.test\":162,"
        "\"data.fitted\":[\"mean and deviation of duration_months\",\"categories of "
        "savings\"]}",
        "");
}

static inline void fixture_training(fixture *f, int epochs, bool is_private)
{
    fixture_addf(f, "train.begin",
                 "{\"train.epochs\":%d,\"train.batch\":64,\"train.optimiser\":\"adamw\","
                 "\"train.lr\":0.001,\"train.schedule\":\"cosine\",\"train.keep\":\"best\"}",
                 epochs);
    if (is_private)
        fixture_add(f, "privacy.noise", "{\"privacy.noise.commitment\":\"" HEX "\"}", "");
    for (int i = 1; i <= epochs; i++) {
        const double loss = 0.45 + 0.7 / (1 + 0.25 * i) + 0.01 * ((i * 7) % 5),
                     valid = 0.52 + 0.62 / (1 + 0.3 * i) + 0.012 * ((i * 3) % 4);
        if (is_private)
            fixture_addf(f, "train.epoch", "{\"train.epoch\":%d,\"train.valid_loss\":%.17g}", i,
                         valid);
        else
            fixture_addf(f, "train.epoch",
                         "{\"train.epoch\":%d,\"train.loss\":%.17g,\"train.valid_loss\":%.17g}",
                         i, loss, valid);
    }
    fixture_addf(f, "train.end", "{\"train.kept_epoch\":%d,\"train.steps\":%d}",
                 epochs > 4 ? epochs - 3 : 1, epochs * 11);
    if (is_private)
        fixture_add(
            f, "privacy.budget",
            "{\"privacy.epsilon\":7.94123,\"privacy.delta\":0.00001,\"privacy.clip\":1,"
            "\"privacy.noise_multiplier\":0.7431,\"privacy.sampling_rate\":0.0914,"
            "\"privacy.steps\":330,\"privacy.order\":32768,\"privacy.order.last\":\"yes\","
            "\"privacy.accountant\":"
            "\"Renyi DP of the Poisson-subsampled Gaussian\",\"privacy.unit\":\"one row added "
            "or "
            "removed\",\"privacy.sampling\":\"Poisson\",\"privacy.outside\":[\"the counts and "
            "hashes of the data sheet\",\"the people of the test part\"]}",
            "");
    fixture_add(f, "model",
                "{\"model.description\":\"mlp 61-64-32-1, relu\",\"model.parameters\":6081,"
                "\"model.multiply_adds\":5984,\"model.bytes\":28112,\"model.sha256\":\"" HEX
                "\"}",
                "");
}

static inline void fixture_metrics(fixture *f)
{
    fixture_add(f, "data.test",
                "{\"data.test.rows\":200,\"data.test.use\":\"read once, after selection\"}",
                "");
    fixture_add(
        f, "metric",
        "{\"accuracy\":0.757,\"accuracy.lower\":0.705,\"accuracy.upper\":0.803,"
        "\"accuracy.n\":200,\"accuracy.method\":\"wilson\",\"balanced_accuracy\":0.681,"
        "\"balanced_accuracy.lower\":0.62,\"balanced_accuracy.upper\":0.74,"
        "\"balanced_accuracy.method\":\"bootstrap 2000\",\"precision\":0.79,"
        "\"precision.lower\":0.72,\"precision.upper\":0.85,\"precision.method\":\"wilson\","
        "\"recall\":0.88,\"recall.lower\":0.82,\"recall.upper\":0.925,\"recall.method\":"
        "\"wilson\",\"f1\":0.833,\"f1.lower\":0.79,\"f1.upper\":0.87,\"f1.method\":"
        "\"bootstrap 2000\"}",
        "");
    fixture_add(f, "metric",
                "{\"confusion.bad.bad\":29,\"confusion.bad.good\":31,\"confusion.good.bad\":8,"
                "\"confusion.good.good\":132}",
                "");
    fixture_add(
        f, "metric",
        "{\"auc\":0.778,\"auc.lower\":0.71,\"auc.upper\":0.84,\"auc.method\":"
        "\"bootstrap 2000\",\"average_precision\":0.87,\"average_precision.lower\":0.82,"
        "\"average_precision.upper\":0.92,\"average_precision.method\":\"bootstrap "
        "2000\",\"roc.fpr\":[0,0.02,0.05,0.1,0.15,0.2,0.3,0.4,0.5,0.65,0.8,1],"
        "\"roc.tpr\":[0,0.16,0.3,0.45,0.56,0.64,0.75,0.84,0.9,0.95,0.985,1]}",
        "");
    fixture_add(
        f, "metric",
        "{\"log_loss\":0.512,\"log_loss.lower\":0.45,\"log_loss.upper\":0.58,"
        "\"log_loss.method\":\"bootstrap 2000\",\"brier\":0.168,\"brier.lower\":0.145,"
        "\"brier.upper\":0.192,\"brier.method\":\"bootstrap 2000\",\"calibration_error\":0.041,"
        "\"calibration_error.lower\":0.03,\"calibration_error.upper\":0.09,"
        "\"calibration.of\":\"probability of the positive "
        "class\",\"calibration.predicted\":[0.18,0.26,0.35,0.45,0.55,0.64,0.75,0.86,0.94],"
        "\"calibration.observed\":[0.25,0.22,0.41,0.47,0.6,0.66,0.74,0.83,0.95],"
        "\"calibration.lower\":[0.07,0.1,0.3,0.33,0.45,0.54,0.62,0.72,0.85],"
        "\"calibration.upper\":[0.6,0.42,0.53,0.61,0.72,0.76,0.83,0.9,0.99],"
        "\"calibration.n\":[4,14,18,22,26,30,34,32,20]}",
        "");
}

static inline void fixture_group(onus_buf *b, const char *attribute, const char *group, int n,
                                 double rate, double tpr, const char *fpr)
{
    static const char *const names[] = {"selection_rate", "tpr", "ppv", "accuracy"};
    const double values[] = {rate, tpr, 0.8, 0.75};
    onus_buf_printf(b, "\"fairness.%s.group.%s.n\":%d,\"fairness.%s.group.%s.positives\":%d,",
                    attribute, group, n, attribute, group, n * 7 / 10);
    for (int i = 0; i < 4; i++) {
        const double half = 0.98 / (1 + n / 12.0);
        onus_buf_printf(b,
                        "\"fairness.%s.group.%s.%s\":%.17g,\"fairness.%s.group.%s.%s.lower\":"
                        "%.17g,\"fairness.%s.group.%s.%s.upper\":%.17g,",
                        attribute, group, names[i], values[i], attribute, group, names[i],
                        values[i] - half < 0 ? 0 : values[i] - half, attribute, group, names[i],
                        values[i] + half > 1 ? 1 : values[i] + half);
        onus_buf_printf(b, "\"fairness.%s.group.%s.%s.n\":%d,", attribute, group, names[i], n);
    }
    onus_buf_printf(b, "\"fairness.%s.group.%s.fpr\":%s,\"fairness.%s.group.%s.fpr.n\":%d,",
                    attribute, group, fpr, attribute, group, n * 3 / 10);
}

static inline void fixture_gaps(onus_buf *b, const char *attribute, const char *groups,
                                double difference, double ratio)
{
    static const char *const names[] = {"demographic_parity", "equalized_odds",
                                        "equal_opportunity"};
    onus_buf_printf(b, "\"fairness.%s.groups\":[%s],", attribute, groups);
    for (int i = 0; i < 3; i++)
        onus_buf_printf(
            b,
            "\"fairness.%s.%s_difference\":%.17g,\"fairness.%s.%s_difference.lower\""
            ":%.17g,\"fairness.%s.%s_difference.upper\":%.17g,\"fairness.%s.%s_"
            "ratio\":%.17g,\"fairness.%s.%s_ratio.lower\":%.17g,\"fairness.%s.%s_"
            "ratio.upper\":%.17g,",
            attribute, names[i], difference, attribute, names[i], difference / 3, attribute,
            names[i], difference * 1.8, attribute, names[i], ratio, attribute, names[i],
            ratio * 0.7, attribute, names[i], ratio * 1.3 > 1 ? 1 : ratio * 1.3);
}

static inline void fixture_fairness(fixture *f)
{
    static const char *const end = "\"fairness.missing\":0}";
    onus_buf b;
    onus_buf_init(&b, NULL, 1 << 20);
    onus_buf_str(&b, "{");
    fixture_group(&b, "sex", "female", 62, 0.69, 0.8, "0.41");
    fixture_group(&b, "sex", "male", 138, 0.77, 0.9, "0.47");
    fixture_gaps(&b, "sex", "\"female\",\"male\"", 0.08, 0.9);
    onus_buf_str(&b, end);
    fixture_add(f, "fairness", b.data, "");
    onus_buf_clear(&b);
    onus_buf_str(&b, "{");
    fixture_group(&b, "age", "<25", 38, 0.47, 0.58, "0.29");
    fixture_group(&b, "age", ">=25", 162, 0.71, 0.86, "0.44");
    fixture_gaps(&b, "age", "\"<25\",\">=25\"", 0.24, 0.66);
    onus_buf_str(&b, end);
    fixture_add(f, "fairness", b.data, "");
    onus_buf_clear(&b);
    onus_buf_str(&b, "{");
    /* 7 young men, and who can be counted from the attributes with them */
    onus_buf_str(&b, "\"fairness.sex+age.groups\":[],\"fairness.sex+age.empty\":\"undefined\","
                     "\"fairness.sex+age.withheld\":\"withheld: fewer than 10 people\","
                     "\"fairness.sex+age.demographic_parity_difference\":\"undefined\",");
    onus_buf_str(&b, end);
    fixture_add(f, "fairness", b.data, "");
    onus_buf_release(&b);
}

static inline void fixture_end(fixture *f)
{
    static const char *const columns[] = {"checking_account",
                                          "duration_months",
                                          "credit_history",
                                          "amount",
                                          "savings",
                                          "age",
                                          "sex"};
    static const double means[] = {0.162, 0.094, 0.071, 0.063, 0.049, 0.028, 0.011};
    onus_buf b;
    onus_buf_init(&b, NULL, 1 << 20);
    onus_buf_str(&b, "{\"explain.method\":\"shapley, exact\",\"explain.rows\":200,"
                     "\"explain.background\":100,\"explain.residual\":2e-7,\"explain.exact\":1,"
                     "\"explain.std_error.max\":0,\"explain.columns\":[");
    for (int i = 0; i < 7; i++) onus_buf_printf(&b, "%s\"%s\"", i ? "," : "", columns[i]);
    onus_buf_str(&b, "],\"explain.protected\":[\"age\",\"sex\"]");
    for (int i = 0; i < 7; i++)
        onus_buf_printf(&b, ",\"explain.%s.mean_abs\":%g,\"explain.%s.mean_abs.se\":%g",
                        columns[i], means[i], columns[i], means[i] / 12);
    onus_buf_str(&b, "}");
    fixture_add(f, "explain", b.data, "");
    onus_buf_release(&b);
    fixture_add(
        f, "private",
        "{\"private.file\":\"private/explanations.html\",\"private.sha256\":\"" HEX "\"}", "");
    fixture_add(f, "energy", "",
                "{\"energy.joules\":41.3,\"energy.joules.lower\":24.8,\"energy.joules.upper\":"
                "57.8,\"energy.method\":\"processor time\",\"energy.power_model\":\"15 W a "
                "core, +-40%\",\"energy.source\":\"docs/ENERGY.md\",\"energy.seconds\":3.1,"
                "\"energy.phase.data.joules\":0.6,\"energy.phase.train.joules\":9.4,"
                "\"energy.phase.evaluate.joules\":1.3,\"energy.phase.explain.joules\":30,"
                "\"carbon.grams\":0.0041,\"carbon.grams.lower\":0.0024,\"carbon.grams.upper\":"
                "0.0057,\"carbon.intensity\":363,\"carbon.region\":\"DE\",\"carbon.source\":"
                "\"Umweltbundesamt\",\"carbon.year\":2024}");
}

static inline void fixture_policy(fixture *f, int i, const char *name, const char *op,
                                  double bound, const char *verdict, const char *found)
{
    fixture_addf(f, "policy",
                 "{\"policy.%d.demand\":\"%s %s %g\",\"policy.%d.name\":\"%s\",\"policy.%d."
                 "bound\":%g,\"policy.%d.verdict\":\"%s\",\"policy.%d.found\":%s}",
                 i, name, op, bound, i, name, i, bound, i, verdict, i, found);
}

static inline void fixture_judgement(fixture *f)
{
    fixture_policy(f, 1, "accuracy", ">=", 0.72, "met", "0.757");
    fixture_policy(f, 2, "auc.lower", ">=", 0.65, "met", "0.71");
    fixture_policy(f, 3, "fairness.sex.equalized_odds_difference.lower", "<=", 0.1, "met",
                   "0.02667");
    fixture_policy(f, 4, "fairness.age.demographic_parity_ratio", ">=", 0.8, "not met", "0.66");
    fixture_policy(f, 5, "privacy.attack.auc.upper", "<=", 0.6, "absent", "\"undefined\"");
    fixture_add(f, "policy.result", "{\"policy.count\":5,\"policy.met\":3}", "");
}

static inline void fixture_german(fixture *f, bool is_private)
{
    fixture_init(f);
    fixture_begin(f, is_private);
    fixture_data(f);
    fixture_training(f, 30, is_private);
    fixture_metrics(f);
    fixture_fairness(f);
    fixture_end(f);
    fixture_judgement(f);
}
#endif
