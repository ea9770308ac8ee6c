/* SPDX-License-Identifier: Apache-2.0
 * section_unproven.c - what the ledger does not prove, found from what it holds and what it
 * lacks. One row a rule: when it applies, and what it says.
 *
 * CHECKLIST: a new audit wants a row here for the ledger that lacks it. */
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

enum { NAMES_SHOWN = 8, GROUP_FEW = 30, TEST_FEW = 100 };

static bool always(onus_page *p)
{
    (void)p;
    return true;
}

static bool no_metric(onus_page *p)
{
    return !onus_page_entry(p, "metric", NULL);
}

static bool has_metric(onus_page *p)
{
    return !no_metric(p);
}

static bool no_policy(onus_page *p)
{
    return onus_policy_count(p) == 0;
}

static bool no_attack(onus_page *p)
{
    return !onus_page_entry(p, "privacy.attack", NULL);
}

static bool no_robustness(onus_page *p)
{
    return !onus_page_entry(p, "robustness", NULL);
}

static bool privacy_off(onus_page *p)
{
    return onus_fact_is(onus_page_fact(p, "run.privacy"), "off");
}

static bool no_budget(onus_page *p)
{
    return !privacy_off(p) && !onus_page_fact(p, "privacy.epsilon").event;
}

static bool has_budget(onus_page *p)
{
    return onus_page_fact(p, "privacy.epsilon").event != 0;
}

static bool protected_none(onus_page *p)
{
    double n;
    return onus_fact_real(onus_page_fact(p, "run.protected"), &n) && n == 0;
}

static bool no_fairness(onus_page *p)
{
    return !protected_none(p) && !onus_page_entry(p, "fairness", NULL);
}

static bool no_explanation(onus_page *p)
{
    return !onus_page_entry(p, "explain", NULL) && !onus_page_entry(p, "relevance", NULL);
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

static bool no_energy(onus_page *p)
{
    return !onus_page_fact(p, "energy.joules").event;
}

static bool modelled_energy(onus_page *p)
{
    const char *method = onus_fact_text(onus_page_fact(p, "energy.method"));
    return method && !strstr(method, "rapl") && !strstr(method, "RAPL");
}

static bool no_purpose(onus_page *p)
{
    return !onus_page_fact(p, "run.purpose").event;
}

static bool no_source(onus_page *p)
{
    return !onus_page_fact(p, "data.origin").event;
}

static bool no_licence(onus_page *p)
{
    return !onus_page_fact(p, "data.licence").event;
}

static bool no_valid(onus_page *p)
{
    double n;
    return onus_fact_real(onus_page_fact(p, "data.rows.valid"), &n) && n == 0;
}

static bool few_tested(onus_page *p)
{
    double n;
    return onus_fact_real(onus_page_fact(p, "data.test.rows"), &n) && n < TEST_FEW;
}

static bool tested_on_training(onus_page *p)
{
    double n;
    return onus_fact_real(onus_page_fact(p, "data.overlap.test.features"), &n) && n > 0;
}

static bool no_better(onus_page *p)
{
    return !no_metric(p) && !onus_beats_baseline(p);
}

static bool throw_away_key(onus_page *p)
{
    return onus_fact_is(onus_page_fact(p, "run.signer"), "throw-away");
}

static bool no_signer(onus_page *p)
{
    return !onus_page_fact(p, "run.signer").event;
}

/* ---- rules that name names --------------------------------------------------------------- */

/* Calls see for every undefined value of a measure; returns how many there are. */
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
                const size_t len = strlen(key);
                const bool detail = len > 6 && (!strcmp(key + len - 6, ".lower") ||
                                                !strcmp(key + len - 6, ".upper"));
                if (!detail && onus_fact_undefined(f) && onus_gap_applies(p, key)) {
                    if (see) see(p, f, n);
                    n++;
                }
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
    bool (*applies)(onus_page *p);
    onus_text text;
    void (*more)(onus_page *p);
} rules[] = {
    {no_metric, ONUS_TEXT_OPEN_METRIC, NULL},
    {no_better, ONUS_TEXT_OPEN_BETTER, NULL},
    {some_undefined, ONUS_TEXT_OPEN_UNDEFINED, name_undefined},
    {few_tested, ONUS_TEXT_OPEN_FEW, NULL},
    {tested_on_training, ONUS_TEXT_OPEN_OVERLAP, name_overlap},
    {always, ONUS_TEXT_OPEN_ELSEWHERE, NULL},
    {has_metric, ONUS_TEXT_OPEN_LABELS, NULL},
    {has_metric, ONUS_TEXT_OPEN_CHOSEN, NULL},
    {no_valid, ONUS_TEXT_OPEN_VALID, NULL},
    {protected_none, ONUS_TEXT_OPEN_PROTECTED, NULL},
    {no_fairness, ONUS_TEXT_OPEN_FAIRNESS, NULL},
    {privacy_off, ONUS_TEXT_OPEN_PRIVACY, NULL},
    {no_budget, ONUS_TEXT_OPEN_BUDGET, NULL},
    {has_budget, ONUS_TEXT_OPEN_NOISE, NULL},
    {no_attack, ONUS_TEXT_OPEN_ATTACK, NULL},
    {no_robustness, ONUS_TEXT_OPEN_ROBUSTNESS, NULL},
    {no_explanation, ONUS_TEXT_OPEN_EXPLAIN, NULL},
    {sampled_explanation, ONUS_TEXT_OPEN_SAMPLED, NULL},
    {leaking_relevance, ONUS_TEXT_OPEN_RELEVANCE, NULL},
    {no_energy, ONUS_TEXT_OPEN_ENERGY, NULL},
    {modelled_energy, ONUS_TEXT_OPEN_MODELLED, NULL},
    {no_purpose, ONUS_TEXT_OPEN_PURPOSE, NULL},
    {no_source, ONUS_TEXT_OPEN_ORIGIN, NULL},
    {no_licence, ONUS_TEXT_OPEN_LICENCE, NULL},
    {no_policy, ONUS_TEXT_OPEN_POLICY, NULL},
    {no_signer, ONUS_TEXT_OPEN_SIGNER, NULL},
    {throw_away_key, ONUS_TEXT_OPEN_KEY, NULL},
    {always, ONUS_TEXT_OPEN_WITNESS, NULL},
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
        onus_page_raw(p, "<li>");
        onus_page_say(p, rules[i].text);
        if (rules[i].more) rules[i].more(p);
        onus_page_raw(p, "</li>\n");
    }
    onus_page_raw(p, "</ul>");
    onus_section_close(p);
}
