/* SPDX-License-Identifier: Apache-2.0
 * section_proof.c - the head that this page was made from, the commands that check it, and the
 * entries of the ledger that its numbers link to. */
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

void onus_section_proof(onus_page *p)
{
    onus_section_open(p, "proof", ONUS_TEXT_PROOF_HEADING);
    onus_paragraph(p, ONUS_TEXT_PROOF_INTRO);
    onus_page_raw(p, "<pre><code>onus verify RUN      <span class=\"c\"># ");
    onus_page_say(p, ONUS_TEXT_VERIFY_DOES);
    onus_page_raw(p, "</span>\nonus replay RUN      <span class=\"c\"># ");
    onus_page_say(p, ONUS_TEXT_REPLAY_DOES);
    onus_page_raw(p, "</span>\nonus report RUN      <span class=\"c\"># ");
    onus_page_say(p, ONUS_TEXT_REPORT_DOES);
    onus_page_raw(p, "</span></code></pre>\n<dl class=\"terms\">");
    onus_page_raw(p, "<div class=\"wide\">");
    onus_page_tag(p, "<dt>", ONUS_TEXT_HEAD);
    onus_page_printf(p, "<dd><code class=\"hash\">%s</code></dd></div>", p->head);
    onus_term_open(p, ONUS_TEXT_HEAD_EVENTS);
    onus_page_printf(p, "%lld", (long long)p->n);
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_SIGNER);
    onus_page_word(p, onus_page_fact(p, "run.signer"));
    onus_term_close(p);
    if (onus_page_fact(p, "run.resume.step").event) {
        onus_term_open(p, ONUS_TEXT_RESUMED);
        onus_page_count(p, onus_page_fact(p, "run.resume.step"));
        onus_term_close(p);
    }
    onus_term_open(p, ONUS_TEXT_MODEL_HASH);
    onus_page_hash(p, onus_page_fact(p, "model.sha256"));
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_RECIPE_HASH);
    onus_page_hash(p, onus_page_fact(p, "run.recipe.sha256"));
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_SEED);
    onus_page_word(p, onus_page_fact(p, "run.seed"));
    onus_term_close(p);
    onus_page_raw(p, "</dl>");
    onus_section_close(p);
}
