/* SPDX-License-Identifier: Apache-2.0
 * section_unproven.c - what the ledger does not prove, found from what it holds and what it
 * lacks. One row a rule: when it applies, and what it says.
 *
 * CHECKLIST: a new audit wants a row here for the ledger that lacks it. A rule looks at values:
 * an event that is there and empty must not take a line out. */
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

enum { NAMES_SHOWN = 8, GROUP_FEW = 30, TEST_FEW = 100 };

static bool always(onus_page *p)
{
    (void)p;
    return true;
}

/* ---- values: an event that is there and empty proves nothing ------------------------------
 */

static bool is_real(onus_page *p, const char *name)
{
    double v;
    return onus_fact_real(onus_page_fact(p, "%s", name), &v);
}

static bool is_said(onus_page *p, const char *name)
{
    const char *text = onus_fact_text(onus_page_fact(p, "%s", name));
    return text && *text;
}

static bool no_metric(onus_page *p)
{
    return !onus_is_measured(p);
}

static bool has_metric(onus_page *p)
{
    return onus_is_measured(p);
}

static bool no_policy(onus_page *p)
{
    return onus_policy_count(p) == 0;
}

static bool privacy_off(onus_page *p)
{
    return onus_fact_is(onus_page_fact(p, "run.privacy"), "off");
}

static bool no_budget(onus_page *p)
{
    return !privacy_off(p) && !onus_is_private(p);
}

static bool has_budget(onus_page *p)
{
    return onus_is_private(p);
}

static bool protected_none(onus_page *p)
{
    double n;
    return onus_fact_real(onus_page_fact(p, "run.protected"), &n) && n == 0;
}

static bool no_fairness(onus_page *p)
{
    return !protected_none(p) && onus_page_gaps(p)->n_judged == 0;
}

static bool has_weights_from(onus_page *p)
{
    return onus_weights_from(p).event != 0;
}

static bool private_from(onus_page *p)
{
    return onus_is_private(p) && has_weights_from(p);
}

static bool tested_from(onus_page *p)
{
    return onus_is_measured(p) && has_weights_from(p);
}

static bool test_file(onus_page *p)
{
    return onus_is_measured(p) && onus_fact_is(onus_page_fact(p, "run.test"), "file");
}

static bool test_unsaid(onus_page *p)
{
    const onus_fact test = onus_page_fact(p, "run.test");
    return onus_is_measured(p) && !onus_fact_is(test, "file") && !onus_fact_is(test, "split");
}

/* A number of an explanation: a column's weight, a share of a text, a cell of a map. */
static bool explains(const char *key, const json_t *v)
{
    static const char *const ends[] = {".mean_abs", ".share"};
    const size_t n = strlen(key);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const size_t m = strlen(ends[i]);
        if (n > m && strcmp(key + n - m, ends[i]) == 0) return json_is_number(v);
    }
    return n > 4 && strcmp(key + n - 4, ".map") == 0 && json_is_number(json_array_get(v, 0));
}

static bool no_explanation(onus_page *p)
{
    static const char *const types[] = {"explain", "relevance"};
    for (size_t t = 0; t < 2; t++) {
        for (const onus_entry *e = NULL; (e = onus_page_entry(p, types[t], e)) != NULL;) {
            const char *key;
            json_t *v;
            json_object_foreach(e->claim, key, v) if (explains(key, v)) return false;
        }
    }
    return true;
}

/* Some row's shares do not add up to a hundredth of what there was to share. */
static bool leaks(onus_page *p, const char *by)
{
    double left, shared;
    return !onus_fact_real(onus_page_fact(p, "%s.residual", by), &left) ||
           !onus_fact_real(onus_page_fact(p, "%s.shared.mean", by), &shared) ||
           !(left <= 0.01 * shared);
}

static bool leaking_relevance(onus_page *p)
{
    const onus_parts labels = onus_page_labels(p);
    if (!onus_page_entry(p, "relevance", NULL)) return false;
    for (int64_t l = 0; l < labels.n; l++) {
        char by[1100];
        snprintf(by, sizeof by, "label.%s.relevance", labels.name[l]);
        if (leaks(p, by)) return true;
    }
    return labels.n == 0 && leaks(p, "relevance");
}

static bool sampled_explanation(onus_page *p)
{
    double share;
    const onus_parts labels = onus_page_labels(p);
    for (int64_t l = 0; l < labels.n; l++) {
        if (onus_fact_real(onus_page_fact(p, "label.%s.explain.exact", labels.name[l]),
                           &share) &&
            share < 1)
            return true;
    }
    return onus_fact_real(onus_page_fact(p, "explain.exact"), &share) && share < 1;
}

/* Values of some row that do not add up to its score: more is left over than a hundredth of
 * what the columns weigh together. Of pictures and texts the weights are not in the ledger. */
static bool shapley_leaks(onus_page *p, const char *by)
{
    double left, v, weight = 0;
    const onus_fact residual = onus_page_fact(p, "%s.residual", by),
                    columns = onus_page_fact(p, "%s.columns", by);
    if (!onus_page_fact(p, "%s.method", by).event) return false;
    if (!onus_fact_real(residual, &left)) return true;
    for (size_t i = 0; i < onus_fact_size(columns); i++) {
        char part[2048];
        if (onus_name_part(part, sizeof part, onus_fact_item_text(columns, i), NULL) ==
                ONUS_OK &&
            onus_fact_real(onus_page_fact(p, "%s.%s.mean_abs", by, part), &v))
            weight += v;
    }
    return onus_fact_size(columns) > 0 && left > 1e-6 && !(left <= 0.01 * weight);
}

static bool leaking_shapley(onus_page *p)
{
    const onus_parts labels = onus_page_labels(p);
    for (int64_t l = 0; l < labels.n; l++) {
        char by[1100];
        snprintf(by, sizeof by, "label.%s.explain", labels.name[l]);
        if (shapley_leaks(p, by)) return true;
    }
    return labels.n == 0 && shapley_leaks(p, "explain");
}

static bool no_energy(onus_page *p)
{
    return !is_real(p, "energy.joules");
}

static bool modelled_energy(onus_page *p)
{
    const char *method = onus_fact_text(onus_page_fact(p, "energy.method"));
    return !no_energy(p) && !(method && strcmp(method, "rapl") == 0);
}

static bool no_purpose(onus_page *p)
{
    return !is_said(p, "run.purpose");
}

static bool no_source(onus_page *p)
{
    return !is_said(p, "data.origin");
}

static bool no_licence(onus_page *p)
{
    return !is_said(p, "data.licence");
}

static bool no_valid(onus_page *p)
{
    double n;
    return !onus_fact_real(onus_page_fact(p, "data.rows.valid"), &n) || !(n > 0);
}

static bool few_tested(onus_page *p)
{
    double n;
    return onus_is_measured(p) &&
           (!onus_fact_real(onus_page_fact(p, "data.test.rows"), &n) || !(n >= TEST_FEW));
}

static bool tested_on_training(onus_page *p)
{
    double n;
    return onus_fact_real(onus_page_fact(p, "data.overlap.test.features"), &n) && n > 0;
}

static bool no_better(onus_page *p)
{
    return onus_is_measured(p) && onus_page_baseline(p) != ONUS_BASELINE_BEATEN;
}

static bool observed_verdicts(onus_page *p)
{
    return onus_page_verdicts(p).seen > 0;
}

static bool throw_away_key(onus_page *p)
{
    return onus_fact_is(onus_page_fact(p, "run.signer"), "throw-away");
}

static bool no_signer(onus_page *p)
{
    return !is_said(p, "run.signer");
}

/* ---- rules that name names --------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

/* Is it the bound of a value that is undefined itself, and told of there? */
static bool is_told(const onus_entry *e, const char *key)
{
    if (!ends_with(key, ".lower") && !ends_with(key, ".upper")) return false;
    return onus_fact_undefined(onus_entry_fact(e, "%.*s", (int)strlen(key) - 6, key));
}

/* Calls see for every undefined value of a measure, or bound of one that is defined; returns
 * how many there are. */
static int64_t undefined_values(onus_page *p, void (*see)(onus_page *p, onus_fact f, int64_t i))
{
    static const char *const types[] = {"metric", "fairness"};
    int64_t n = 0;
    for (size_t t = 0; t < 2; t++) {
        for (const onus_entry *e = NULL; (e = onus_page_entry(p, types[t], e)) != NULL;) {
            const char *key;
            json_t *v;
            json_object_foreach(e->claim, key, v)
            {
                const onus_fact f = {v, key, e->n};
                if (!onus_fact_undefined(f) || is_told(e, key) || !onus_gap_applies(p, key))
                    continue;
                if (see) see(p, f, n);
                n++;
            }
        }
    }
    return n;
}

static bool some_undefined(onus_page *p)
{
    return undefined_values(p, NULL) > 0;
}

static void name_item(onus_page *p, onus_fact f, int64_t i)
{
    if (i > NAMES_SHOWN) return;
    if (i == NAMES_SHOWN) {
        onus_page_raw(p, ", \xe2\x80\xa6");
        return;
    }
    onus_page_raw(p, i ? ", " : " ");
    onus_page_raw(p, "<code>");
    onus_page_fact_name(p, f);
    onus_page_raw(p, "</code>");
    char measure[1024];
    onus_measure_name(measure, f.name);
    const onus_fact reason = onus_page_fact(p, "%s.reason", measure);
    if (!reason.event) return;
    onus_page_raw(p, " (");
    onus_page_word(p, reason);
    onus_page_raw(p, ")");
}

static void name_undefined(onus_page *p)
{
    (void)undefined_values(p, name_item);
}

static void name_overlap(onus_page *p)
{
    onus_page_raw(p, " ");
    onus_page_count(p, onus_page_fact(p, "data.overlap.test.features"));
    onus_page_raw(p, " / ");
    onus_page_count(p, onus_page_fact(p, "data.rows.test"));
}

/* ---- the rules --------------------------------------------------------------------------- */

static const struct {
    const char *id; /* what the page calls it */
    bool (*applies)(onus_page *p);
    onus_text text;
    void (*more)(onus_page *p);
} rules[] = {
    {"metric", no_metric, ONUS_TEXT_OPEN_METRIC, NULL},
    {"better", no_better, ONUS_TEXT_OPEN_BETTER, NULL},
    {"undefined", some_undefined, ONUS_TEXT_OPEN_UNDEFINED, name_undefined},
    {"few", few_tested, ONUS_TEXT_OPEN_FEW, NULL},
    {"overlap", tested_on_training, ONUS_TEXT_OPEN_OVERLAP, name_overlap},
    {"elsewhere", always, ONUS_TEXT_OPEN_ELSEWHERE, NULL},
    {"labels", has_metric, ONUS_TEXT_OPEN_LABELS, NULL},
    {"chosen", always, ONUS_TEXT_OPEN_CHOSEN, NULL},
    {"test-file", test_file, ONUS_TEXT_OPEN_TEST_FILE, NULL},
    {"test", test_unsaid, ONUS_TEXT_OPEN_TEST, NULL},
    {"from-test", tested_from, ONUS_TEXT_OPEN_FROM, NULL},
    {"valid", no_valid, ONUS_TEXT_OPEN_VALID, NULL},
    {"protected", protected_none, ONUS_TEXT_OPEN_PROTECTED, NULL},
    {"fairness", no_fairness, ONUS_TEXT_OPEN_FAIRNESS, NULL},
    {"privacy", privacy_off, ONUS_TEXT_OPEN_PRIVACY, NULL},
    {"budget", no_budget, ONUS_TEXT_OPEN_BUDGET, NULL},
    {"noise", has_budget, ONUS_TEXT_OPEN_NOISE, NULL},
    {"from-private", private_from, ONUS_TEXT_OPEN_FROM_PRIVATE, NULL},
    /* No event of this version can hold a result of either, so that none can take it out. */
    {"attack", always, ONUS_TEXT_OPEN_ATTACK, NULL},
    {"robustness", always, ONUS_TEXT_OPEN_ROBUSTNESS, NULL},
    {"explain", no_explanation, ONUS_TEXT_OPEN_EXPLAIN, NULL},
    {"sampled", sampled_explanation, ONUS_TEXT_OPEN_SAMPLED, NULL},
    {"residual", leaking_shapley, ONUS_TEXT_OPEN_RESIDUAL, NULL},
    {"relevance", leaking_relevance, ONUS_TEXT_OPEN_RELEVANCE, NULL},
    {"energy", no_energy, ONUS_TEXT_OPEN_ENERGY, NULL},
    {"modelled", modelled_energy, ONUS_TEXT_OPEN_MODELLED, NULL},
    {"purpose", no_purpose, ONUS_TEXT_OPEN_PURPOSE, NULL},
    {"origin", no_source, ONUS_TEXT_OPEN_ORIGIN, NULL},
    {"licence", no_licence, ONUS_TEXT_OPEN_LICENCE, NULL},
    {"policy", no_policy, ONUS_TEXT_OPEN_POLICY, NULL},
    {"observed", observed_verdicts, ONUS_TEXT_OPEN_OBSERVED, NULL},
    {"signer", no_signer, ONUS_TEXT_OPEN_SIGNER, NULL},
    {"key", throw_away_key, ONUS_TEXT_OPEN_KEY, NULL},
    {"witness", always, ONUS_TEXT_OPEN_WITNESS, NULL},
};

int64_t onus_unproven_count(onus_page *p)
{
    int64_t n = 0;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) n += rules[i].applies(p);
    return n;
}

void onus_section_unproven(onus_page *p)
{
    onus_section_open(p, "unproven", ONUS_TEXT_UNPROVEN);
    onus_paragraph(p, ONUS_TEXT_UNPROVEN_INTRO);
    onus_page_raw(p, "<ul class=\"open\">");
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!rules[i].applies(p)) continue;
        onus_page_raw(p, "<li");
        onus_page_says(p, rules[i].id, "unproven");
        onus_page_raw(p, ">");
        onus_page_say(p, rules[i].text);
        if (rules[i].more) rules[i].more(p);
        onus_page_raw(p, "</li>\n");
    }
    onus_page_raw(p, "</ul>");
    onus_section_close(p);
}
