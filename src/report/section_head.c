/* SPDX-License-Identifier: Apache-2.0
 * section_head.c - the top of the report: what the model is for, the summary, and one number of
 * each kind. */
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

/* ---- facts of the run -------------------------------------------------------------------- */

static void meta(onus_page *p)
{
    onus_page_raw(p, "<dl class=\"meta\">");
    onus_term_open(p, ONUS_TEXT_RUN_BEGUN);
    onus_page_time(p, onus_page_entry(p, "run.begin", NULL));
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_MODEL);
    onus_page_word(p, onus_page_fact(p, "model.description"));
    onus_page_raw(p, ", ");
    ONUS_FILL(p, ONUS_TEXT_PARAMETERS, ONUS_COUNT(onus_page_fact(p, "model.parameters")));
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_DATA);
    ONUS_FILL(p, ONUS_TEXT_ROWS, ONUS_PEOPLE(onus_page_fact(p, "data.rows")));
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_MADE_BY);
    ONUS_FILL(p, ONUS_TEXT_MADE_BY_TEXT, ONUS_WORD(onus_page_fact(p, "run.version")),
              ONUS_COUNT(onus_page_fact(p, "run.numerics")),
              ONUS_WORD(onus_page_fact(p, "run.isa")),
              ONUS_COUNT(onus_page_fact(p, "run.threads")));
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_HEAD);
    onus_page_printf(
        p, "<a class=\"n\" href=\"#proof\"><code>%.4s %.4s %.4s %.4s\xe2\x80\xa6</code></a>",
        p->head, p->head + 4, p->head + 8, p->head + 12);
    onus_term_close(p);
    onus_page_raw(p, "</dl>\n");
}

/* ---- tiles ------------------------------------------------------------------------------- */

/* name: the dotted name of the number that the tile shows, "" where it shows none. Only a
 * verdict on that very number colours it. */
static void tile_open(onus_page *p, const char *name, const char *target, onus_text title)
{
    const onus_judged is = *name ? onus_page_verdict_on(p, name) : ONUS_JUDGED_NONE;
    onus_page_printf(p, "<div class=\"tile %s\"", onus_judged_style(is));
    onus_page_says(p, name, onus_judged_says(is));
    onus_page_printf(p, "><a class=\"k\" href=\"#%s\">", target);
    onus_page_say(p, title);
    onus_page_raw(p, "</a><span class=\"v\">");
}

static void tile_mid(onus_page *p)
{
    onus_page_raw(p, "</span><span class=\"d\">");
}

static void tile_close(onus_page *p)
{
    onus_page_raw(p, "</span></div>\n");
}

static void quality_tile(onus_page *p)
{
    static const struct {
        const char *task, *name;
        onus_text text;
    } rows[] = {{"regression", "rmse", ONUS_TEXT_RMSE},
                {"tokens", "perplexity", ONUS_TEXT_PERPLEXITY},
                {"labels", "hamming_loss", ONUS_TEXT_HAMMING_LOSS},
                {"binary", "accuracy", ONUS_TEXT_ACCURACY},
                {"classes", "accuracy", ONUS_TEXT_ACCURACY}};
    const size_t n = sizeof rows / sizeof *rows;
    size_t k = 0;
    while (k < n &&
           !(onus_task_may_be(p, rows[k].task) && onus_page_fact(p, "%s", rows[k].name).event))
        k++;
    const char *name = k < n ? rows[k].name : "";
    tile_open(p, name, "quality", ONUS_TEXT_QUALITY);
    onus_page_number(p, k < n ? onus_page_fact(p, "%s", name) : (onus_fact){0}, 3);
    tile_mid(p);
    if (k < n) {
        onus_page_say(p, rows[k].text);
        onus_page_raw(p, ", 95% ");
        onus_page_interval(p, name, 3);
        onus_page_reason(p, name);
    } else {
        onus_page_say(p, ONUS_TEXT_NOT_EVALUATED);
    }
    tile_close(p);
}

/* The worst gap of all attributes, intersections and labels. */
static void fairness_tile(onus_page *p)
{
    double asked = 1;
    const onus_gaps *gaps = onus_page_gaps(p);
    tile_open(p, gaps->n ? gaps->gap->name : "", "fairness", ONUS_TEXT_FAIRNESS);
    if (gaps->n) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)gaps->n_judged);
        onus_page_number(p, gaps->gap->value, 3);
        tile_mid(p);
        onus_gap_subject(p, gaps->gap);
        if (gaps->n_judged > 1) ONUS_FILL(p, ONUS_TEXT_WORST_OF, ONUS_ANY(number));
        onus_page_raw(p, ", 95% ");
        onus_page_interval(p, gaps->gap->name, 3);
        onus_page_reason(p, gaps->gap->name);
    } else if (onus_fact_real(onus_page_fact(p, "run.protected"), &asked) && asked == 0) {
        onus_page_say(p, ONUS_TEXT_NONE);
        tile_mid(p);
        onus_page_say(p, ONUS_TEXT_PROTECTED_NONE_SHORT);
    } else {
        onus_page_number(p, (onus_fact){0}, 0);
        tile_mid(p);
        onus_page_say(p, ONUS_TEXT_NO_RATIO);
    }
    tile_close(p);
}

static void privacy_tile(onus_page *p)
{
    const onus_fact epsilon = onus_page_fact(p, "privacy.epsilon");
    const bool off = onus_fact_is(onus_page_fact(p, "run.privacy"), "off");
    tile_open(p, off ? "" : "privacy.epsilon", "privacy", ONUS_TEXT_PRIVACY);
    if (off) {
        onus_page_say(p, ONUS_TEXT_OFF);
        tile_mid(p);
        onus_page_say(p, ONUS_TEXT_PRIVACY_OFF_SHORT);
    } else {
        if (epsilon.event) onus_page_raw(p, "\xce\xb5\xc2\xa0");
        onus_page_number(p, epsilon, 3);
        tile_mid(p);
        if (epsilon.event)
            ONUS_FILL(p, ONUS_TEXT_PRIVACY_SHORT,
                      ONUS_NUMBER(onus_page_fact(p, "privacy.delta"), 1));
        else
            onus_page_say(p, ONUS_TEXT_PRIVACY_ABSENT);
    }
    tile_close(p);
}

static void explain_tile(onus_page *p)
{
    char full[2048], part[2048], share[1100];
    const char *label;
    const onus_parts labels = onus_page_labels(p); /* texts of several: the first label's */
    const char *by = "explain";
    bool found = onus_heaviest(p, by, full, part, &label);
    if (!found) found = onus_heaviest(p, by = "relevance", full, part, &label);
    for (int way = 0; way < 2; way++) {
        snprintf(share, sizeof share, "%s%s%s%s.largest.share", labels.n ? "label." : "",
                 labels.n ? labels.name[0] : "", labels.n ? "." : "",
                 way ? "relevance" : "explain");
        if (onus_page_fact(p, "%s", share).event) break;
    }
    const onus_fact largest = onus_page_fact(p, "%s", share);
    tile_open(p,
              found           ? full
              : largest.event ? share
                              : "",
              "explanation", ONUS_TEXT_EXPLANATION);
    if (found) {
        onus_page_number(p, onus_page_fact(p, "%s", full), 3);
        tile_mid(p);
        ONUS_FILL(p,
                  strcmp(by, "explain") == 0 ? ONUS_TEXT_WEIGHS_MOST
                                             : ONUS_TEXT_RELEVANCE_WEIGHS_MOST,
                  ONUS_PART(part));
        if (onus_page_fact(p, "%s%s%s%s.withheld", label ? "label." : "", label ? label : "",
                           label ? "." : "", by)
                .event)
            onus_page_say(p, ONUS_TEXT_WEIGHS_OF_TOLD);
        if (label) ONUS_FILL(p, ONUS_TEXT_BRIEF_GAP_LABEL, ONUS_PART(label));
    } else if (largest.event) {
        onus_page_percent(p, largest);
        tile_mid(p);
        onus_page_say(p, ONUS_TEXT_LARGEST_SHARE);
    } else if (onus_fact_is(onus_page_fact(p, "run.explain"), "off")) {
        onus_page_say(p, ONUS_TEXT_OFF);
        tile_mid(p);
        onus_page_say(p, ONUS_TEXT_EXPLAIN_OFF_SHORT);
    } else {
        onus_page_number(p, (onus_fact){0}, 0);
        tile_mid(p);
        onus_page_say(p, ONUS_TEXT_NOT_EXPLAINED);
    }
    tile_close(p);
}

static void energy_tile(onus_page *p)
{
    tile_open(p, "energy.joules", "energy", ONUS_TEXT_ENERGY);
    onus_energy_joules(p, "energy.joules");
    tile_mid(p);
    if (!onus_page_fact(p, "energy.joules").event) {
        onus_page_say(p, ONUS_TEXT_ENERGY_ABSENT);
        tile_close(p);
        return;
    }
    ONUS_FILL(p, ONUS_TEXT_ENERGY_SHORT, ONUS_WORD(onus_page_fact(p, "energy.method")),
              ONUS_SMALL(onus_page_fact(p, "carbon.grams")));
    tile_close(p);
}

static void proof_tile(onus_page *p)
{
    tile_open(p, "", "proof", ONUS_TEXT_PROOF);
    onus_page_printf(p, "%lld", (long long)p->n);
    tile_mid(p);
    onus_page_say(p, ONUS_TEXT_PROOF_SHORT);
    tile_close(p);
}

void onus_section_head(onus_page *p)
{
    onus_page_raw(p, "<header>");
    onus_page_tag(p, "<p class=\"eyebrow\">", ONUS_TEXT_REPORT);
    onus_page_raw(p, "<h1>");
    onus_page_word(p, onus_page_fact(p, "run.name"));
    onus_page_raw(p, "</h1>\n<p class=\"lead\">");
    const onus_fact purpose = onus_page_fact(p, "run.purpose");
    if (purpose.event)
        onus_page_word(p, purpose);
    else
        onus_page_say(p, ONUS_TEXT_PURPOSE_UNSAID);
    onus_page_raw(p, "</p>\n");
    onus_section_summary(p);
    meta(p);
    onus_page_raw(p, "</header>\n<div class=\"tiles\">");
    quality_tile(p);
    fairness_tile(p);
    privacy_tile(p);
    explain_tile(p);
    energy_tile(p);
    proof_tile(p);
    onus_page_raw(p, "</div>\n");
}
