/* SPDX-License-Identifier: Apache-2.0
 * section_energy.c - joules and carbon, by what method, from what source. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

/* Joules with a unit that suits their size. The number is the ledger's, in J, kJ or MJ. */
void onus_energy_joules(onus_page *p, const char *name)
{
    double v;
    const onus_fact f = onus_page_fact(p, "%s", name);
    onus_page_number(p, f, onus_fact_real(f, &v) && v < 10 ? 2 : 0);
    if (onus_fact_real(f, &v)) onus_page_raw(p, "\xc2\xa0J");
}

static void phases(onus_page *p, const onus_entry *e)
{
    enum { PHASES_MAX = 16, ROW = 34 };
    static const onus_heading heads[] = {{ONUS_TEXT_PHASE, ""}, {ONUS_TEXT_JOULES, "num"}};
    const char *key;
    json_t *value;
    char part[512];
    onus_page_raw(p, "<div>");
    onus_table_open(p, "small", heads, 2);
    json_object_foreach(e->observed, key, value)
    {
        const size_t n = strlen(key);
        if (strncmp(key, "energy.phase.", 13) != 0 || n < 21 ||
            strcmp(key + n - 7, ".joules") != 0)
            continue;
        snprintf(part, sizeof part, "%.*s", (int)(n - 20), key + 13);
        onus_page_raw(p, "<tr><th scope=\"row\">");
        onus_page_part(p, part);
        onus_page_raw(p, "</th><td class=\"num\">");
        onus_page_number(p, (onus_fact){.v = value, .name = key, .event = e->n}, 2);
        onus_page_raw(p, "</td></tr>");
    }
    onus_table_close(p);
    onus_page_raw(p, "</div>");
}

static void term_word(onus_page *p, onus_text t, const char *name)
{
    const onus_fact f = onus_page_fact(p, "%s", name);
    if (!f.event) return;
    onus_term_open(p, t);
    onus_page_word(p, f);
    onus_term_close(p);
}

void onus_section_energy(onus_page *p)
{
    const onus_entry *e = onus_page_entry(p, "energy", NULL);
    onus_section_open(p, "energy", ONUS_TEXT_ENERGY);
    if (!e) {
        onus_paragraph(p, ONUS_TEXT_ENERGY_ABSENT);
        onus_section_close(p);
        return;
    }
    onus_paragraph(p, ONUS_TEXT_ENERGY_INTRO);
    onus_page_raw(p, "<div class=\"two\"><dl class=\"terms\">");
    onus_term_open(p, ONUS_TEXT_ELECTRICITY);
    onus_energy_joules(p, "energy.joules");
    onus_page_raw(p, "<span class=\"sub\">");
    onus_page_interval(p, "energy.joules", 1);
    onus_page_raw(p, "</span>");
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_CARBON);
    onus_page_number(p, onus_page_fact(p, "carbon.grams"), 3);
    onus_page_raw(p, "\xc2\xa0g<span class=\"sub\">");
    onus_page_interval(p, "carbon.grams", 3);
    onus_page_raw(p, "</span>");
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_INTENSITY);
    ONUS_FILL(p, ONUS_TEXT_INTENSITY_TEXT,
              ONUS_NUMBER(onus_page_fact(p, "carbon.intensity"), 0),
              ONUS_WORD(onus_page_fact(p, "carbon.region")));
    onus_term_close(p);
    term_word(p, ONUS_TEXT_ENERGY_METHOD, "energy.method");
    term_word(p, ONUS_TEXT_POWER_MODEL, "energy.power_model");
    term_word(p, ONUS_TEXT_ENERGY_SOURCE, "energy.source");
    term_word(p, ONUS_TEXT_CARBON_SOURCE, "carbon.source");
    onus_page_raw(p, "</dl>");
    phases(p, e);
    onus_page_raw(p, "</div>");
    onus_section_close(p);
}
