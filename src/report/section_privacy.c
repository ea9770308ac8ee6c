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

static void word_term(onus_page *p, onus_text t, const char *name)
{
    onus_term_open(p, t);
    onus_page_word(p, onus_page_fact(p, "%s", name));
    onus_term_close(p);
}

static void word_items(onus_page *p, onus_fact list)
{
    for (size_t i = 0; i < onus_fact_size(list); i++) {
        onus_page_raw(p, "<li>");
        onus_page_word(p, (onus_fact){json_array_get(list.v, i), list.name, list.event});
        onus_page_raw(p, "</li>\n");
    }
}

/* What the run told that the budget does not cover, in the training's own words; what was
 * fitted on people, in the data sheet's. */
static void outside(onus_page *p)
{
    const onus_fact fitted = onus_page_fact(p, "data.fitted");
    onus_page_raw(p, "<div>");
    onus_page_tag(p, "<h3>", ONUS_TEXT_OUTSIDE);
    onus_page_raw(p, "<ul class=\"open\">");
    word_items(p, onus_page_fact(p, "privacy.outside"));
    onus_page_tag(p, "<li>", ONUS_TEXT_OUTSIDE_KEY);
    onus_page_raw(p, "</ul>");
    if (onus_fact_size(fitted) > 0) {
        onus_details_open(p, ONUS_TEXT_FITTED);
        onus_page_raw(p, "<ul class=\"open\">");
        word_items(p, fitted);
        onus_page_raw(p, "</ul>");
        onus_details_close(p);
    }
    onus_page_raw(p, "</div>");
}

static void budget(onus_page *p)
{
    onus_page_raw(p, "<p>");
    ONUS_FILL(p, ONUS_TEXT_BUDGET_WORDS, ONUS_NUMBER(onus_page_fact(p, "privacy.epsilon"), 3),
              ONUS_NUMBER(onus_page_fact(p, "privacy.delta"), 1));
    const onus_fact from = onus_weights_from(p);
    if (from.event) ONUS_FILL(p, ONUS_TEXT_BRIEF_PRIVACY_FROM, ONUS_WORD(from));
    onus_page_raw(p, "</p>");
    onus_paragraph(p, ONUS_TEXT_BUDGET_KEYS);
    onus_page_raw(p, "<div class=\"two\"><div>");
    onus_page_tag(p, "<h3>", ONUS_TEXT_BUDGET);
    onus_page_raw(p, "<dl class=\"terms\">");
    number_term(p, ONUS_TEXT_EPSILON, "privacy.epsilon", 4);
    number_term(p, ONUS_TEXT_EPSILON_PLD, "privacy.epsilon.pld", 4);
    number_term(p, ONUS_TEXT_EPSILON_RDP, "privacy.epsilon.rdp", 4);
    number_term(p, ONUS_TEXT_EPSILON_NUMERICAL, "privacy.epsilon.numerical", 1);
    number_term(p, ONUS_TEXT_DELTA, "privacy.delta", 1);
    number_term(p, ONUS_TEXT_CLIP, "privacy.clip", 3);
    number_term(p, ONUS_TEXT_SENSITIVITY, "privacy.sensitivity", 4);
    number_term(p, ONUS_TEXT_NOISE_MULTIPLIER, "privacy.noise_multiplier", 4);
    number_term(p, ONUS_TEXT_SAMPLING_RATE, "privacy.sampling_rate", 4);
    number_term(p, ONUS_TEXT_PRIVATE_STEPS, "privacy.steps", 0);
    number_term(p, ONUS_TEXT_ORDER, "privacy.order", 1);
    word_term(p, ONUS_TEXT_UNIT, "privacy.unit");
    word_term(p, ONUS_TEXT_SAMPLING, "privacy.sampling");
    onus_term_open(p, ONUS_TEXT_COMMITMENT);
    onus_page_hash(p, onus_page_fact(p, "privacy.noise.commitment"));
    onus_term_close(p);
    onus_page_raw(p, "</dl><p class=\"note\">");
    onus_page_word(p, onus_page_fact(p, "privacy.accountant"));
    onus_page_raw(p, "</p>");
    if (onus_fact_is(onus_page_fact(p, "privacy.order.last"), "yes"))
        onus_paragraph(p, ONUS_TEXT_ORDER_LAST);
    onus_page_raw(p, "</div>\n");
    outside(p);
    onus_page_raw(p, "</div>");
}

void onus_section_privacy(onus_page *p)
{
    onus_section_open(p, "privacy", ONUS_TEXT_PRIVACY);
    if (onus_fact_is(onus_page_fact(p, "run.privacy"), "off"))
        onus_paragraph(p, ONUS_TEXT_PRIVACY_OFF);
    else if (!onus_is_private(p))
        onus_paragraph(p, ONUS_TEXT_PRIVACY_ABSENT);
    else
        budget(p);
    onus_section_close(p);
}
