/* SPDX-License-Identifier: Apache-2.0
 * gaps.c - see gaps.h. A gap is proven where its interval leaves out the value that it would
 * have if groups were alike; what it may be at most is the interval's far end. Gaps are read
 * from the fairness events themselves, name by name, so that none is passed over for want of
 * something beside it. */
#include "report/gaps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proof/names.h"
#include "report/sections.h"

/* ---- what gaps there are ----------------------------------------------------------------- */

/* The measure of a row of the registry; false: it is no gap. */
static bool take_row(const onus_name_row *row, onus_gap_measure *out)
{
    static const char begin[] = "fairness.<set>.";
    if (row->kind != ONUS_NAME_MEASURED || strncmp(row->pattern, begin, sizeof begin - 1) != 0)
        return false;
    const char *suffix = row->pattern + sizeof begin - 1;
    const bool drawn = row->ranged && row->lo == 0 && row->hi == 1;
    *out = (onus_gap_measure){.suffix = suffix,
                              .neutral = row->better > 0 ? 1 : 0,
                              .has_sign = row->ranged && row->lo < 0,
                              .decisions = row->when == 0,
                              .hi = drawn ? 1 : 0};
    if (strchr(suffix, '.') || !row->text) return false;
    out->text = onus_text_find(row->text, ""); /* a test sees that it is there */
    return true;
}

const onus_gap_measure *onus_gap_measures(onus_page *p, size_t *n)
{
    const onus_event_row *e = onus_names_event("fairness");
    *n = p->n_gap_measures;
    /* once refused it stays so: gaps are counted before there is room for them */
    if (p->gap_measures || p->st != ONUS_OK) return p->gap_measures;
    onus_gap_measure *list = onus_arena_alloc(&p->arena, (size_t)e->n_names, sizeof *list);
    if (!list) {
        p->st = ONUS_NO_MEM;
        return NULL;
    }
    for (int i = 0; i < e->n_names; i++) *n += take_row(&e->names[i], &list[*n]);
    p->n_gap_measures = *n;
    return p->gap_measures = list;
}

bool onus_gap_is_ratio(const onus_gap_measure *m)
{
    return m->neutral == 1;
}

/* The attribute within a name, and its length. */
static const char *attribute_of(const char *name, size_t *n)
{
    const char *inner = onus_name_in_label(name);
    if (strncmp(inner, "fairness.", 9) != 0) return NULL;
    *n = strcspn(inner + 9, ".");
    return inner[9 + *n] == '.' ? inner + 9 : NULL;
}

const onus_gap_measure *onus_gap_measure_of(onus_page *p, const char *name)
{
    size_t len, n;
    const onus_gap_measure *measures = onus_gap_measures(p, &n);
    const char *attribute = attribute_of(name, &len);
    for (size_t i = 0; attribute && i < n; i++) {
        if (strcmp(attribute + len + 1, measures[i].suffix) == 0) return &measures[i];
    }
    return NULL;
}

bool onus_gap_applies(onus_page *p, const char *name)
{
    char measure[1024];
    onus_measure_name(measure, name);
    const onus_gap_measure *m = onus_gap_measure_of(p, measure);
    return !m || !m->decisions || onus_task_may_be(p, "binary") ||
           onus_task_may_be(p, "labels");
}

/* ---- judgement --------------------------------------------------------------------------- */

static double real_or_nan(onus_fact f)
{
    double v;
    return onus_fact_real(f, &v) ? v : NAN;
}

/* The other one where one is NAN. */
static double larger(double a, double b)
{
    return isnan(a) || b > a ? b : a;
}

static void judge(onus_group_gap *g)
{
    const double neutral = g->measure->neutral, lower = real_or_nan(g->lower),
                 upper = real_or_nan(g->upper);
    g->size = fabs(real_or_nan(g->value) - neutral);
    if (g->measure->has_sign) {
        const double away = larger(lower - neutral, neutral - upper);
        const bool whole = !isnan(lower) && !isnan(upper);
        g->least = whole || away > 0 ? larger(away, 0) : NAN;
        g->most = whole ? larger(fabs(lower - neutral), fabs(upper - neutral)) : NAN;
        return;
    }
    const bool ratio = onus_gap_is_ratio(g->measure);
    const double away = ratio ? neutral - upper : lower - neutral;
    g->least = isnan(away) ? NAN : larger(away, 0);
    g->most = ratio ? neutral - lower : upper - neutral;
}

bool onus_gap_is_proven(const onus_group_gap *g)
{
    return g->least > 0;
}

const char *onus_gap_says(const onus_group_gap *g)
{
    return onus_gap_is_proven(g) ? "proven" : isnan(g->least) ? "not-judged" : "not-proven";
}

onus_fact onus_gap_far_bound(const onus_group_gap *g)
{
    const double neutral = g->measure->neutral;
    if (!g->measure->has_sign) return onus_gap_is_ratio(g->measure) ? g->lower : g->upper;
    const double lower = real_or_nan(g->lower), upper = real_or_nan(g->upper);
    if (isnan(lower) || isnan(upper)) return isnan(lower) ? g->lower : g->upper;
    return fabs(lower - neutral) > fabs(upper - neutral) ? g->lower : g->upper;
}

/* ---- all of them ------------------------------------------------------------------------- */

static int falling(double a, double b)
{
    if (isnan(a) || isnan(b)) return isnan(a) - isnan(b);
    return (a < b) - (a > b);
}

static int worst_first(const void *a, const void *b)
{
    const onus_group_gap *g = a, *h = b;
    const int least = falling(g->least, h->least), size = falling(g->size, h->size);
    return least ? least : size ? size : (g->order > h->order) - (g->order < h->order);
}

typedef struct {
    onus_page *p;
    onus_group_gap *gap; /* (room); NULL: only count */
    int64_t n, room; /* an event that memory lacked for when they were counted may come later */
} collector;

static void see(collector *c, const onus_entry *e, const char *name, const json_t *v)
{
    size_t n = 0;
    const onus_gap_measure *m = onus_gap_measure_of(c->p, name);
    const onus_fact value = {.v = v, .name = name, .event = e->n};
    if (!m || (onus_fact_undefined(value) && !onus_gap_applies(c->p, name))) return;
    if (c->gap && c->n == c->room) return;
    const int64_t i = c->n++;
    if (!c->gap) return;
    const char *attribute = attribute_of(name, &n), *inner = onus_name_in_label(name);
    onus_group_gap *g = &c->gap[i];
    *g = (onus_group_gap){
        .measure = m,
        .name = name,
        .attribute = onus_arena_printf(&c->p->arena, "%.*s", (int)n, attribute),
        .label = inner == name ? NULL
                               : onus_arena_printf(&c->p->arena, "%.*s",
                                                   (int)(inner - name) - 7, name + 6),
        .value = value,
        .lower = onus_entry_fact(e, "%s.lower", name),
        .upper = onus_entry_fact(e, "%s.upper", name),
        .order = i};
    if (!g->attribute || (inner != name && !g->label)) {
        c->p->st = ONUS_NO_MEM;
        g->attribute = "";
    }
    judge(g);
}

static void see_all(collector *c)
{
    const char *name;
    json_t *v;
    c->n = 0;
    for (const onus_entry *e = NULL; (e = onus_page_entry(c->p, "fairness", e)) != NULL;) {
        json_object_foreach(e->claim, name, v) see(c, e, name, v);
        json_object_foreach(e->observed, name, v) see(c, e, name, v);
    }
}

const onus_gaps *onus_page_gaps(onus_page *p)
{
    static const onus_gaps none = {.n = 0};
    if (p->gaps) return p->gaps;
    collector c = {.p = p};
    see_all(&c);
    onus_gaps *all = onus_arena_alloc(&p->arena, 1, sizeof *all);
    c.room = c.n;
    c.gap = onus_arena_alloc(&p->arena, (size_t)c.n + 1, sizeof *c.gap);
    if (!all || !c.gap) {
        p->st = ONUS_NO_MEM;
        return &none;
    }
    see_all(&c);
    qsort(c.gap, (size_t)c.n, sizeof *c.gap, worst_first);
    *all = (onus_gaps){.gap = c.gap, .n = c.n};
    for (int64_t i = 0; i < c.n; i++) {
        const onus_group_gap *g = &c.gap[i];
        all->n_proven += onus_gap_is_proven(g);
        all->n_judged += !isnan(g->least);
        if (isnan(g->least)) continue;
        if (!all->widest || (isnan(g->most) && !isnan(all->widest->most)) ||
            g->most > all->widest->most)
            all->widest = g;
    }
    p->gaps = all;
    return all;
}

/* ---- words ------------------------------------------------------------------------------- */

void onus_gap_subject(onus_page *p, const onus_group_gap *g)
{
    ONUS_FILL(p, ONUS_TEXT_GAP_SUBJECT, ONUS_SAY(g->measure->text), ONUS_PART(g->attribute));
    if (g->label) ONUS_FILL(p, ONUS_TEXT_BRIEF_GAP_LABEL, ONUS_PART(g->label));
}

void onus_gap_item(onus_page *p, const onus_group_gap *g)
{
    onus_page_raw(p, "<span");
    onus_page_says(p, g->name, onus_gap_says(g));
    onus_page_raw(p, ">");
    onus_gap_subject(p, g);
    ONUS_FILL(p, ONUS_TEXT_GAP_VALUE, ONUS_NUMBER(g->value, 3), ONUS_NUMBER(g->lower, 3),
              ONUS_NUMBER(g->upper, 3));
    onus_page_raw(p, "</span>");
}

void onus_gap_list(onus_page *p)
{
    enum { UNFOLDED = 8 };
    const onus_gaps *gaps = onus_page_gaps(p);
    char n[24];
    if (!gaps->n_judged) return;
    if (!gaps->n_proven) {
        snprintf(n, sizeof n, "%lld", (long long)gaps->n_judged);
        onus_page_raw(p, "<p");
        onus_page_says(p, "fairness", "not-proven");
        onus_page_raw(p, ">");
        ONUS_FILL(p, ONUS_TEXT_GAPS_NONE, ONUS_ANY(n));
        onus_page_raw(p, "</p>\n");
        return;
    }
    snprintf(n, sizeof n, "%lld", (long long)gaps->n_proven);
    onus_page_raw(p, "<div class=\"block\" id=\"gaps\"><h3>");
    ONUS_FILL(p, ONUS_TEXT_GAPS_PROVEN, ONUS_ANY(n));
    onus_page_raw(p, "</h3>");
    onus_paragraph(p, ONUS_TEXT_GAPS_ORDER);
    onus_page_raw(p, "<ul class=\"open\">");
    for (int64_t i = 0; i < gaps->n_proven; i++) {
        if (i == UNFOLDED) {
            onus_page_raw(p, "</ul>");
            onus_details_open(p, ONUS_TEXT_GAPS_REST);
            onus_page_raw(p, "<ul class=\"open\">");
        }
        onus_page_raw(p, "<li>");
        onus_gap_item(p, &gaps->gap[i]);
        onus_page_raw(p, "</li>\n");
    }
    onus_page_raw(p, "</ul>");
    if (gaps->n_proven > UNFOLDED) onus_details_close(p);
    onus_page_raw(p, "</div>\n");
}

bool onus_gap_named_is_proven(onus_page *p, const char *name)
{
    const onus_gaps *gaps = onus_page_gaps(p);
    for (int64_t i = 0; i < gaps->n_proven; i++) {
        if (strcmp(gaps->gap[i].name, name) == 0) return true;
    }
    return false;
}
