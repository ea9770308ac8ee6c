/* SPDX-License-Identifier: Apache-2.0
 * section_evidence.c - the entries of the ledger that the page's numbers link to. Counts of
 * people under ten stay out of the page here, too. */
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

enum { NAMES_MAX = 40, TEXT_MAX = 80 };

/* ---- one entry --------------------------------------------------------------------------- */

/* The name that a value is about: of policy.3.found it is what policy.3.name says. */
static const char *subject_of(const onus_entry *e, const char *name)
{
    const size_t n = strlen(name);
    if (n < 13 || strncmp(name, "policy.", 7) != 0 || strcmp(name + n - 6, ".found") != 0)
        return name;
    const char *subject = onus_fact_text(onus_entry_fact(e, "%.*s.name", (int)n - 6, name));
    return subject ? subject : name;
}

/* Counts of people stay in the ledger where they are small, or where a neighbour may be: what
 * the sections hide must not be found here by subtraction. Of groups the ledger itself tells
 * none that is small. */
static bool is_kept(const onus_entry *e, const char *name, double v)
{
    static const char *const families[] = {"data.label.", "confusion."}, *const told[] = {
                                                                             "data.group.",
                                                                             "data.overlap.",
                                                                             "fairness."};
    const char *subject = onus_name_in_label(subject_of(e, name));
    if (!onus_name_counts_people(subject)) return false;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        if (strncmp(subject, told[i], strlen(told[i])) == 0) return false;
    }
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (strncmp(subject, families[i], strlen(families[i])) == 0) return true;
    }
    return v > 0 && v < ONUS_PEOPLE_MIN;
}

static void value(onus_page *p, const onus_entry *e, const char *name, const json_t *v)
{
    char number[32];
    if (json_is_array(v)) {
        onus_page_printf(p, "[%lld]", (long long)json_array_size(v));
    } else if (json_is_string(v)) {
        const char *text = json_string_value(v);
        onus_page_text_cut(p, text, strlen(text) == 64 && !strchr(text, ' ') ? 16 : TEXT_MAX);
    } else if (json_is_number(v) && is_kept(e, name, json_number_value(v))) {
        onus_page_tag(p, "<i>", ONUS_TEXT_COUNT_KEPT);
    } else if (json_is_integer(v)) {
        onus_page_printf(p, "%lld", (long long)json_integer_value(v));
    } else if (json_is_number(v)) {
        onus_plain_number(number, json_number_value(v), 6);
        onus_page_raw(p, number);
    }
}

static void body(onus_page *p, const onus_entry *e, const json_t *fields, onus_text t)
{
    int64_t n = 0;
    const char *key;
    json_t *v;
    if (json_object_size(fields) == 0) return;
    onus_page_raw(p, "<p class=\"body\">");
    onus_page_tag(p, "<b>", t);
    json_object_foreach((json_t *)fields, key, v)
    {
        if (n++ >= NAMES_MAX) continue;
        onus_page_raw(p, " <span><code>");
        onus_page_text_cut(p, key, TEXT_MAX);
        onus_page_raw(p, "</code> ");
        value(p, e, key, v);
        onus_page_raw(p, "</span>");
    }
    if (n > NAMES_MAX) {
        char more[24];
        snprintf(more, sizeof more, "%lld", (long long)(n - NAMES_MAX));
        onus_page_raw(p, " ");
        ONUS_FILL(p, ONUS_TEXT_AND_MORE, ONUS_ANY(more));
    }
    onus_page_raw(p, "</p>");
}

static void entry(onus_page *p, const onus_entry *e)
{
    onus_page_printf(p, "<li id=\"e%lld\"><details><summary><span class=\"no\">%lld</span> <b>",
                     (long long)e->n, (long long)e->n);
    onus_page_text(p, e->type);
    onus_page_raw(p, "</b> <span class=\"dim\">");
    onus_page_text(p, e->time);
    onus_page_raw(p, "</span></summary>");
    body(p, e, e->claim, ONUS_TEXT_CLAIM);
    body(p, e, e->observed, ONUS_TEXT_OBSERVED);
    onus_page_raw(p, "</details></li>\n");
}

void onus_section_evidence(onus_page *p)
{
    onus_section_open(p, "evidence", ONUS_TEXT_EVIDENCE);
    onus_paragraph(p, ONUS_TEXT_EVIDENCE_INTRO);
    onus_page_raw(p, "<ol class=\"evidence\">");
    for (int64_t i = 0; i < p->n; i++) {
        if (p->used[i]) entry(p, onus_log_at(p->log, i));
    }
    onus_page_raw(p, "</ol>");
    onus_section_close(p);
}
