/* SPDX-License-Identifier: Apache-2.0
 * section_privacy.c - the budget that was spent, in words, and what it does not cover. */
#include <stdio.h>

#include "report/sections.h"

static void number_term(onus_page *p, onus_text t, const char *name, int decimals)
{
    onus_term_open(p, t);
    onus_page_number(p, onus_page_fact(p, "%s", name), decimals);
    onus_term_close(p);
}

static void item(onus_page *p, onus_text t)
{
    onus_page_tag(p, "<li>", t);
}

/* What was fitted on people without noise, as the data sheet says it. */
static void outside(onus_page *p)
{
    const onus_fact fitted = onus_page_fact(p, "data.fitted");
    double valid = 0;
    onus_page_tag(p, "<h3>", ONUS_TEXT_OUTSIDE);
    onus_paragraph(p, ONUS_TEXT_OUTSIDE_INTRO);
    onus_page_raw(p, "<ul class=\"open\">");
    for (size_t i = 0; i < onus_fact_size(fitted); i++) {
        const onus_fact f = {
            .v = json_array_get(fitted.v, i), .name = fitted.name, .event = fitted.event};
        onus_page_raw(p, "<li>");
        ONUS_FILL(p, ONUS_TEXT_OUTSIDE_FITTED, ONUS_WORD(f));
        onus_page_raw(p, "</li>");
    }
    item(p, ONUS_TEXT_OUTSIDE_TEST);
    item(p, ONUS_TEXT_OUTSIDE_SHEET);
    if (onus_fact_real(onus_page_fact(p, "data.rows.valid"), &valid) && valid > 0)
        item(p, ONUS_TEXT_OUTSIDE_VALID);
    if (onus_page_entry(p, "explain", NULL)) item(p, ONUS_TEXT_OUTSIDE_EXPLAIN);
    item(p, ONUS_TEXT_OUTSIDE_KEY);
    onus_page_raw(p, "</ul>");
}

static void budget(onus_page *p)
{
    onus_page_raw(p, "<p>");
    ONUS_FILL(p, ONUS_TEXT_BUDGET_WORDS, ONUS_NUMBER(onus_page_fact(p, "privacy.epsilon"), 3),
              ONUS_NUMBER(onus_page_fact(p, "privacy.delta"), 1));
    onus_page_raw(p, "</p><dl class=\"terms\">");
    number_term(p, ONUS_TEXT_EPSILON, "privacy.epsilon", 4);
    number_term(p, ONUS_TEXT_DELTA, "privacy.delta", 1);
    number_term(p, ONUS_TEXT_CLIP, "privacy.clip", 3);
    number_term(p, ONUS_TEXT_NOISE_MULTIPLIER, "privacy.noise_multiplier", 4);
    number_term(p, ONUS_TEXT_SAMPLING_RATE, "privacy.sampling_rate", 4);
    number_term(p, ONUS_TEXT_PRIVATE_STEPS, "privacy.steps", 0);
    number_term(p, ONUS_TEXT_ORDER, "privacy.order", 1);
    onus_term_open(p, ONUS_TEXT_ACCOUNTANT);
    onus_page_word(p, onus_page_fact(p, "privacy.accountant"));
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_COMMITMENT);
    onus_page_hash(p, onus_page_fact(p, "privacy.noise.commitment"));
    onus_term_close(p);
    onus_page_raw(p, "</dl>\n");
    outside(p);
}

void onus_section_privacy(onus_page *p)
{
    onus_section_open(p, "privacy", ONUS_TEXT_PRIVACY);
    if (onus_fact_is(onus_page_fact(p, "run.privacy"), "off"))
        onus_paragraph(p, ONUS_TEXT_PRIVACY_OFF);
    else if (!onus_page_fact(p, "privacy.epsilon").event)
        onus_paragraph(p, ONUS_TEXT_PRIVACY_ABSENT);
    else
        budget(p);
    onus_section_close(p);
}
