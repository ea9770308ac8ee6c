/* SPDX-License-Identifier: Apache-2.0
 * section_energy.c - joules and carbon, by what method, from what source. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

void onus_energy_joules(onus_page *p, const char *name)
{
    double v;
    const onus_fact f = onus_page_fact(p, "%s", name);
    onus_page_small_number(p, f);
    if (onus_fact_real(f, &v)) onus_page_raw(p, "\xc2\xa0J");
}

typedef struct {
    char name[64];
    onus_fact joules;
} phase;
enum { PHASES_MAX = 16, ROW = 38 };

/* The phases of the run in the order in which a model lives, then any others. */
static int phases_of(const onus_entry *e, phase *out)
{
    static const char *const known[] = {"data", "train", "evaluate", "explain"};
    const char *key;
    json_t *v;
    int n = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        snprintf(out[n].name, sizeof out[n].name, "%s", known[i]);
        out[n].joules = onus_entry_fact(e, "energy.phase.%s.joules", known[i]);
        n += out[n].joules.event != 0;
    }
    json_object_foreach(e->observed, key, v)
    {
        char name[64];
        bool there = false;
        if (sscanf(key, "energy.phase.%60[^.].joules", name) != 1 || n == PHASES_MAX) continue;
        for (int i = 0; i < n; i++) there = there || strcmp(out[i].name, name) == 0;
        if (there) continue;
        snprintf(out[n].name, sizeof out[n].name, "%s", name);
        out[n].joules = onus_entry_fact(e, "energy.phase.%s.joules", name);
        n += out[n].joules.event != 0;
    }
    return n;
}

static void phase_chart(onus_page *p, const phase *list, int n)
{
    double top = 0, v;
    for (int i = 0; i < n; i++) {
        if (onus_fact_real(list[i].joules, &v) && v > top) top = v;
    }
    const onus_axis axis = onus_axis_of(0, top > 0 ? top : 1, 3);
    onus_chart c;
    onus_chart_open(&c, p, "rows ok", n * ROW + 24);
    onus_page_say(p, ONUS_TEXT_JOULES_BY_PHASE);
    onus_chart_desc(&c);
    onus_page_say(p, ONUS_TEXT_JOULES_DESC);
    onus_chart_body(&c, 0, n * ROW, &axis, NULL);
    onus_chart_ticks_x(&c, &axis);
    for (int i = 0; i < n; i++) {
        onus_chart_text_open(&c, "cat", ONUS_ANCHOR_START, 0, i * ROW + 15);
        onus_page_part(p, list[i].name);
        onus_chart_text_close(&c);
        if (!onus_fact_real(list[i].joules, &v)) continue;
        onus_chart_bar(&c, "bar", 0, v, i * ROW + 26, 9);
    }
    onus_chart_close(&c);
}

static void phases(onus_page *p, const onus_entry *e)
{
    static const onus_heading heads[] = {{ONUS_TEXT_PHASE, ""}, {ONUS_TEXT_JOULES, "num"}};
    phase list[PHASES_MAX + 1];
    const int n = phases_of(e, list);
    if (n == 0) return;
    onus_page_raw(p, "<figure>");
    onus_page_tag(p, "<h3>", ONUS_TEXT_JOULES_BY_PHASE);
    phase_chart(p, list, n);
    onus_details_open(p, ONUS_TEXT_NUMBERS);
    onus_table_open(p, "small", heads, 2);
    for (int i = 0; i < n; i++) {
        onus_page_raw(p, "<tr><th scope=\"row\">");
        onus_page_part(p, list[i].name);
        onus_page_raw(p, "</th><td class=\"num\">");
        onus_page_number(p, list[i].joules, 2);
        onus_page_raw(p, "</td></tr>\n");
    }
    onus_table_close(p);
    onus_details_close(p);
    onus_page_raw(p, "</figure>");
}

static void term_word(onus_page *p, onus_text t, const char *name)
{
    const onus_fact f = onus_page_fact(p, "%s", name);
    if (!f.event) return;
    onus_term_open(p, t);
    onus_page_word(p, f);
    onus_term_close(p);
}

static void bounds(onus_page *p, const char *name, int decimals)
{
    onus_page_raw(p, "<span class=\"sub\">");
    onus_page_interval(p, name, decimals);
    onus_page_raw(p, "</span>");
}

static void sources(onus_page *p)
{
    onus_page_raw(p, "<p class=\"note\">");
    ONUS_FILL(p, ONUS_TEXT_ENERGY_SOURCES, ONUS_WORD(onus_page_fact(p, "energy.source")),
              ONUS_WORD(onus_page_fact(p, "carbon.source")));
    if (onus_page_fact(p, "sci.reason").event) {
        onus_page_raw(p, " ");
        ONUS_FILL(p, ONUS_TEXT_SCI, ONUS_NUMBER(onus_page_fact(p, "sci"), 3),
                  ONUS_WORD(onus_page_fact(p, "sci.reason")));
    }
    onus_page_raw(p, "</p>");
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
    onus_page_raw(p, "<div class=\"two\"><div>");
    onus_page_tag(p, "<h3>", ONUS_TEXT_TOTAL);
    onus_page_raw(p, "<dl class=\"terms\">");
    onus_term_open(p, ONUS_TEXT_ELECTRICITY);
    onus_energy_joules(p, "energy.joules");
    bounds(p, "energy.joules", 1);
    onus_page_reason(p, "energy.joules");
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_CARBON);
    onus_page_small_number(p, onus_page_fact(p, "carbon.grams"));
    onus_page_raw(p, "\xc2\xa0g");
    bounds(p, "carbon.grams", 4);
    onus_page_reason(p, "carbon.grams");
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_INTENSITY);
    ONUS_FILL(p, ONUS_TEXT_INTENSITY_TEXT,
              ONUS_NUMBER(onus_page_fact(p, "carbon.intensity"), 0),
              ONUS_WORD(onus_page_fact(p, "carbon.region")));
    onus_term_close(p);
    term_word(p, ONUS_TEXT_ENERGY_METHOD, "energy.method");
    term_word(p, ONUS_TEXT_POWER_MODEL, "energy.power_model");
    onus_page_raw(p, "</dl>");
    sources(p);
    onus_page_raw(p, "</div>");
    phases(p, e);
    onus_page_raw(p, "</div>");
    onus_section_close(p);
}
