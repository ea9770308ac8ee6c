/* SPDX-License-Identifier: Apache-2.0
 * section_evidence.c - the entries of the ledger that the page's numbers link to. Counts of
 * people under ten stay out of the page here, too. */
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

enum { NAMES_MAX = 40, TEXT_MAX = 80 };

/* ---- which names count people
 * ----------------------------------------------------------------- */

static bool begins(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool ends(const char *name, const char *suffix)
{
    const size_t n = strlen(name), m = strlen(suffix);
    return n >= m && strcmp(name + n - m, suffix) == 0;
}

/* A name whose value is a number of people, or a list of such numbers. */
static bool counts_people(const char *name)
{
    static const char *const prefixes[] = {"data.label.",    "data.group.",   "data.missing.",
                                           "data.unseen.",   "data.dropped.", "data.rows",
                                           "data.test.rows", "confusion."};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (begins(name, prefixes[i])) return true;
    }
    return ends(name, ".n") || ends(name, ".positives") || ends(name, ".rows") ||
           ends(name, ".background");
}

/* ---- one entry
 * ---------------------------------------------------------------------------------- */

static void value(onus_page *p, const char *name, const json_t *v)
{
    char number[32];
    if (json_is_array(v)) {
        onus_page_printf(p, "[%lld]", (long long)json_array_size(v));
    } else if (json_is_string(v)) {
        onus_page_text_cut(p, json_string_value(v), TEXT_MAX);
    } else if (json_is_number(v) && counts_people(name)) {
        onus_page_tag(p, "<i>", ONUS_TEXT_COUNT_KEPT);
    } else if (json_is_integer(v)) {
        onus_page_printf(p, "%lld", (long long)json_integer_value(v));
    } else if (json_is_number(v)) {
        onus_plain_number(number, json_number_value(v), 6);
        onus_page_raw(p, number);
    }
}

static void body(onus_page *p, const json_t *fields, onus_text t)
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
        value(p, key, v);
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
    onus_page_printf(p, "<li id=\"e%lld\"><span class=\"no\">%lld</span> <b>", (long long)e->n,
                     (long long)e->n);
    onus_page_text(p, e->type);
    onus_page_raw(p, "</b> <span class=\"dim\">");
    onus_page_text(p, e->time);
    onus_page_raw(p, "</span>");
    body(p, e->claim, ONUS_TEXT_CLAIM);
    body(p, e->observed, ONUS_TEXT_OBSERVED);
    onus_page_raw(p, "</li>\n");
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
