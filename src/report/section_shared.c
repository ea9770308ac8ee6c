/* SPDX-License-Identifier: Apache-2.0
 * section_shared.c - what the sections share; see sections.h. */
#include <math.h>
#include <string.h>

#include "proof/names.h"
#include "report/sections.h"

int64_t onus_page_next(const onus_page *p, const char *type, int64_t from)
{
    const int64_t i = onus_log_next(p->log, type, from);
    return i < p->n ? i : -1;
}

const onus_entry *onus_page_entry(onus_page *p, const char *type, const onus_entry *after)
{
    const int64_t i = onus_page_next(p, type, after ? after->n : 0);
    return i < 0 ? NULL : onus_log_at(p->log, i);
}

void onus_section_open(onus_page *p, const char *id, onus_text heading)
{
    onus_page_printf(p, "<section id=\"%s\">", id);
    onus_page_tag(p, "<h2>", heading);
}

void onus_section_close(onus_page *p)
{
    onus_page_raw(p, "</section>\n");
}

void onus_paragraph(onus_page *p, onus_text t)
{
    onus_page_tag(p, "<p>", t);
}

void onus_term_open(onus_page *p, onus_text t)
{
    onus_page_raw(p, "<div>");
    onus_page_tag(p, "<dt>", t);
    onus_page_raw(p, "<dd>");
}

void onus_term_close(onus_page *p)
{
    onus_page_raw(p, "</dd></div>");
}

void onus_table_open(onus_page *p, const char *style, const onus_heading *heads, size_t n)
{
    onus_page_printf(p, "<div class=\"scroll\"><table class=\"%s\"><thead><tr>", style);
    for (size_t i = 0; i < n; i++) {
        onus_page_printf(p, "<th scope=\"col\" class=\"%s\">", heads[i].style);
        onus_page_say(p, heads[i].text);
        onus_page_raw(p, "</th>");
    }
    onus_page_raw(p, "</tr></thead><tbody>\n");
}

void onus_table_close(onus_page *p)
{
    onus_page_raw(p, "</tbody></table></div>\n");
}

void onus_details_open(onus_page *p, onus_text summary)
{
    onus_page_raw(p, "<details>");
    onus_page_tag(p, "<summary>", summary);
}

void onus_details_close(onus_page *p)
{
    onus_page_raw(p, "</details>\n");
}

/* ---- names ------------------------------------------------------------------------------- */

const char *onus_name_in_label(const char *name)
{
    const char *dot = strncmp(name, "label.", 6) == 0 ? strchr(name + 6, '.') : NULL;
    return dot ? dot + 1 : name;
}

/* ---- counts of people -------------------------------------------------------------------- */

void onus_hide_complement(const onus_fact *counts, int64_t n, double others, bool *hide)
{
    int64_t small = 0, next = -1;
    double least = INFINITY, v;
    for (int64_t i = 0; i < n; i++) {
        hide[i] = false;
        small += onus_fact_small(counts[i]);
        if (onus_fact_real(counts[i], &v) && v >= ONUS_PEOPLE_MIN && v < least) {
            least = v;
            next = i;
        }
    }
    const bool small_others = others > 0 && others < ONUS_PEOPLE_MIN;
    if (next >= 0 && (small == 1 || (small == 0 && small_others))) hide[next] = true;
}

/* ---- lists ------------------------------------------------------------------------------- */

static onus_parts copy_list(onus_page *p, onus_fact list, int64_t most, bool escape)
{
    const int64_t n = (int64_t)onus_fact_size(list), k = n < most ? n : most;
    onus_parts parts = {0};
    parts.name = onus_arena_alloc(&p->arena, (size_t)k + 1, sizeof *parts.name);
    for (int64_t i = 0; parts.name && i < k; i++) {
        char part[2048];
        const char *text = onus_fact_item_text(list, (size_t)i);
        if (escape && onus_name_part(part, sizeof part, text, NULL) != ONUS_OK) continue;
        const char *copy = onus_arena_strdup(&p->arena, escape ? part : text);
        if (!copy) {
            p->st = ONUS_NO_MEM;
            break;
        }
        parts.name[parts.n++] = copy;
    }
    if (!parts.name) p->st = ONUS_NO_MEM;
    return parts;
}

onus_parts onus_page_names(onus_page *p, onus_fact list, int64_t most)
{
    return copy_list(p, list, most, true);
}

onus_parts onus_page_name_parts(onus_page *p, onus_fact list, int64_t most)
{
    return copy_list(p, list, most, false);
}

onus_parts onus_page_labels(onus_page *p)
{
    enum { LABELS_MAX = 1000 };
    return onus_page_names(p, onus_page_fact(p, "data.labels"), LABELS_MAX);
}

onus_parts onus_page_classes(onus_page *p, const char *label)
{
    enum { CLASSES_MAX = 1000 };
    const onus_fact list =
        onus_page_fact(p, "data.classes%s%s", label ? "." : "", label ? label : "");
    if (onus_fact_size(list) > 0 || label) return onus_page_names(p, list, CLASSES_MAX);
    if (onus_page_fact(p, "data.labels").event) return (onus_parts){0};
    return onus_page_parts(p, onus_page_entry(p, "data.sheet", NULL), "data.label.", ".test");
}

bool onus_name_counts_people(const char *name)
{
    static const char *const prefixes[] = {"data.label.",    "data.group.",   "data.missing",
                                           "data.unseen.",   "data.dropped.", "data.rows",
                                           "data.test.rows", "confusion."};
    static const char *const suffixes[] = {".n",    ".n.min", ".positives", ".selected",
                                           ".rows", "_rows",  ".missing",   ".background"};
    name = onus_name_in_label(name);
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) return true;
    }
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        const size_t n = strlen(name), m = strlen(suffixes[i]);
        if (n >= m && strcmp(name + n - m, suffixes[i]) == 0) return true;
    }
    return false;
}

/* ---- measures ---------------------------------------------------------------------------- */

unsigned onus_page_task(onus_page *p)
{
    return onus_task_condition(onus_fact_text(onus_page_fact(p, "data.task")));
}

bool onus_task_may_be(onus_page *p, const char *task)
{
    const onus_fact f = onus_page_fact(p, "data.task");
    return !f.event || onus_fact_is(f, task);
}

void onus_range_widen(double v, double *lo, double *hi)
{
    if (!isfinite(v)) return;
    if (v < *lo) *lo = v;
    if (v > *hi) *hi = v;
}

/* An interval of which one bound is undefined runs, dashed, to the edge. */
static void draw_interval(onus_chart *c, const char *name, double x0, double x1)
{
    double lower, upper;
    const bool has_lower = onus_fact_real(onus_page_fact(c->p, "%s.lower", name), &lower),
               has_upper = onus_fact_real(onus_page_fact(c->p, "%s.upper", name), &upper);
    if (!has_lower && !has_upper) return;
    onus_chart_span(c, has_lower && has_upper ? "ci" : "ci open", has_lower ? lower : x0, 9,
                    has_upper ? upper : x1, 9);
}

void onus_mini_interval(onus_page *p, const char *style, const char *name, double x0, double x1,
                        onus_fact bound)
{
    double value, at;
    onus_chart c;
    if (!onus_fact_real(onus_page_fact(p, "%s", name), &value) || value < x0 || value > x1)
        return;
    onus_chart_mini(&c, p, style, x0, x1);
    onus_chart_span(&c, "grid", x0, 9, x1, 9);
    draw_interval(&c, name, x0, x1);
    if (onus_fact_real(bound, &at)) onus_chart_span(&c, "thr", at, 2, at, 16);
    onus_chart_dot(&c, "dot", value, 9, 4);
    onus_chart_close(&c);
}

void onus_measure_table_open(onus_page *p, onus_text what)
{
    const bool shares = onus_page_fact(p, "accuracy").event != 0 ||
                        onus_page_fact(p, "hamming_loss").event != 0; /* else none is drawn */
    const onus_heading heads[] = {{what, ""},
                                  {ONUS_TEXT_VALUE, "num"},
                                  {ONUS_TEXT_INTERVAL_95, "num"},
                                  {shares ? ONUS_TEXT_ZERO_TO_ONE : ONUS_TEXT_EMPTY, "draw"},
                                  {ONUS_TEXT_METHOD, "how"}};
    onus_table_open(p, "measures", heads, sizeof heads / sizeof *heads);
}

void onus_measure_cells(onus_page *p, const char *name, double x0, double x1, onus_fact bound)
{
    const onus_fact method = onus_page_fact(p, "%s.method", name);
    onus_page_raw(p, "<td class=\"num\">");
    onus_page_number(p, onus_page_fact(p, "%s", name), 3);
    onus_page_raw(p, "</td><td class=\"num dim\">");
    onus_page_interval(p, name, 3);
    onus_page_raw(p, "</td><td class=\"draw\">");
    const char *style = onus_gap_named_is_proven(p, name) ? "warn" : "plain";
    if (x0 < x1) onus_mini_interval(p, style, name, x0, x1, bound);
    onus_page_raw(p, "</td><td class=\"how dim\">");
    if (method.event) onus_page_word(p, method);
    onus_page_reason(p, name);
    onus_page_raw(p, "</td>");
}
