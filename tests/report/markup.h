/* SPDX-License-Identifier: Apache-2.0
 * markup.h - reads a page of ours strictly: every element is one that we write, closed in
 * order, its attributes known and quoted; ids are unique and every link within the page leads
 * to one; nothing is loaded from anywhere; a table has as many cells as heads; what a chart
 * draws lies inside it. */
#ifndef ONUS_TESTS_REPORT_MARKUP_H
#define ONUS_TESTS_REPORT_MARKUP_H
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARKUP_DEPTH = 64, MARKUP_IDS = 20000 };

typedef struct {
    const char *at;
    char open[MARKUP_DEPTH][16];
    int depth;
    char **id, **link;
    int n_ids, n_links, n_charts;
    double height; /* of the chart that is open; 0: none */
    char tag[16];
    int n_columns, n_cells; /* of the table's head; of the row that is open */
} markup;

static inline bool markup_listed(const char *word, const char *list)
{
    char find[40];
    snprintf(find, sizeof find, " %s ", word);
    return strstr(list, find) != NULL;
}

static inline void markup_fail(const markup *m, const char *what)
{
    fail_msg("%s near '%.60s'", what, m->at);
}

static inline double markup_number(const markup *m, const char *text, const char *unit)
{
    char *end;
    const double v = strtod(text, &end);
    if (end == text || strcmp(end, unit) != 0 || !(v - v == 0))
        fail_msg("'%s' is no number with unit '%s' near '%.60s'", text, unit, m->at);
    return v;
}

/* Coordinates: across in per cent, down in pixels, in a box from 0 to 1000. */
static inline void markup_coordinate(markup *m, const char *name, const char *value)
{
    const bool has_percent = value[0] && value[strlen(value) - 1] == '%';
    if (m->height == 0) return;
    if (markup_listed(name, " x x1 x2 cx ")) {
        if (strcmp(value, "0") == 0 || strcmp(value, "-8") == 0) return; /* left edge, label */
        const double v = markup_number(m, value, "%");
        if (v < 0 || v > 100) fail_msg("%s=%s is outside near '%.60s'", name, value, m->at);
    } else if (markup_listed(name, " y y1 y2 cy ")) {
        const double v = markup_number(m, value, "");
        if (v < 0 || v > m->height)
            fail_msg("%s=%s is outside of %g pixels near '%.60s'", name, value, m->height,
                     m->at);
    } else if (strcmp(name, "width") == 0 && has_percent) {
        const double v = markup_number(m, value, "%");
        if (v < 0 || v > 100) fail_msg("width=%s near '%.60s'", value, m->at);
    } else if (strcmp(name, "d") == 0) {
        for (const char *c = value; *c;) {
            if (*c == 'M' || *c == 'L' || *c == ' ') {
                c++;
                continue;
            }
            char *end;
            const double v = strtod(c, &end);
            if (end == c || v < 0 || v > 1000)
                fail_msg("path '%.40s' is outside near '%.60s'", c, m->at);
            c = end;
        }
    }
}

static inline void markup_attribute(markup *m, const char *name, const char *value)
{
    static const char known[] =
        " class id href title lang charset name content http-equiv scope colspan aria-label "
        "aria-hidden aria-labelledby data-about data-says role width height viewBox "
        "preserveAspectRatio x x1 x2 y "
        "y1 y2 cx cy r rx dx d text-anchor ";
    if (!markup_listed(name, known)) fail_msg("attribute '%s' near '%.60s'", name, m->at);
    if (strcmp(name, "id") == 0) {
        for (int i = 0; i < m->n_ids; i++) {
            if (strcmp(m->id[i], value) == 0) fail_msg("id '%s' twice", value);
        }
        assert_true(m->n_ids < MARKUP_IDS);
        m->id[m->n_ids++] = strdup(value);
    }
    if (strcmp(name, "href") == 0) {
        if (value[0] != '#') fail_msg("'%s' leads out of the page", value);
        assert_true(m->n_links < MARKUP_IDS);
        m->link[m->n_links++] = strdup(value + 1);
    }
    if (strcmp(name, "colspan") == 0) m->n_cells += atoi(value) - 1;
    if (strcmp(m->tag, "svg") == 0 && strcmp(name, "height") == 0 && m->height == 0)
        m->height = markup_number(m, value, "");
    else if (strcmp(m->tag, "svg") != 0)
        markup_coordinate(m, name, value);
}

static inline const char *markup_attributes(markup *m, const char *c)
{
    while (*c == ' ' || *c == '\n') {
        char name[32], *value;
        size_t n =
            strspn(++c, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789");
        if (n == 0) break;
        snprintf(name, sizeof name, "%.*s", (int)n, c);
        c += n;
        if (c[0] != '=' || c[1] != '"') markup_fail(m, "attribute without a quoted value");
        c += 2;
        n = strcspn(c, "\"<");
        if (c[n] != '"') markup_fail(m, "'<' or the end inside of an attribute");
        value = strndup(c, n);
        markup_attribute(m, name, value);
        free(value);
        c += n + 1;
    }
    return c;
}

static inline const char *markup_open(markup *m, const char *c)
{
    static const char known[] =
        " html head meta title style body header main section nav h1 h2 h3 h4 p b i a span div "
        "dl dt dd ul ol li table thead tbody tr th td details summary figure figcaption code "
        "pre sup svg g desc line circle rect path text tspan ";
    const size_t n = strspn(c, "abcdefghijklmnopqrstuvwxyz1234");
    snprintf(m->tag, sizeof m->tag, "%.*s", (int)(n < 15 ? n : 15), c);
    if (!markup_listed(m->tag, known)) fail_msg("element '%s' near '%.60s'", m->tag, m->at);
    if (strcmp(m->tag, "table") == 0) m->n_columns = 0;
    if (strcmp(m->tag, "tr") == 0) m->n_cells = 0;
    m->n_cells += markup_listed(m->tag, " th td ");
    if (strcmp(m->tag, "svg") == 0) {
        m->n_charts++;
        if (strncmp(c, "svg class=\"mini", 15) == 0) m->height = 18;
    }
    c = markup_attributes(m, c + n);
    if (c[0] == '/' && c[1] == '>') return c + 2;
    if (*c != '>') markup_fail(m, "tag without an end");
    if (markup_listed(m->tag, " meta line circle rect path "))
        markup_fail(m, "an empty element that is open");
    if (m->depth == MARKUP_DEPTH) markup_fail(m, "too deep");
    memcpy(m->open[m->depth++], m->tag, sizeof m->tag);
    return c + 1;
}

static inline const char *markup_close(markup *m, const char *c)
{
    const size_t n = strcspn(c, ">");
    if (m->depth == 0 || strlen(m->open[m->depth - 1]) != n ||
        strncmp(m->open[m->depth - 1], c, n) != 0)
        markup_fail(m, "closed out of order");
    m->depth--;
    if (n == 2 && strncmp(c, "tr", 2) == 0) {
        if (m->n_columns == 0) m->n_columns = m->n_cells;
        if (m->n_cells != m->n_columns)
            fail_msg("%d cells under %d heads near '%.60s'", m->n_cells, m->n_columns, m->at);
    }
    if (n == 3 && strncmp(c, "svg", 3) == 0) {
        bool inside = false;
        for (int i = 0; i < m->depth; i++) inside = inside || strcmp(m->open[i], "svg") == 0;
        if (!inside) m->height = 0;
    }
    return c + n + 1;
}

/* Entities that XML knows, and no character that text may not hold. */
static inline void markup_text(markup *m, const char *c)
{
    if (*c == '&') {
        static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            if (strncmp(c, known[i], strlen(known[i])) == 0) return;
        }
        markup_fail(m, "an '&' that is no entity");
    }
    if ((unsigned char)*c < 0x20 && *c != '\n' && *c != '\t') markup_fail(m, "a control");
}

/* Checks the whole page; returns how many links within it there are. */
static inline int markup_check(const char *html)
{
    markup m = {.depth = 0};
    m.id = calloc(MARKUP_IDS, sizeof *m.id);
    m.link = calloc(MARKUP_IDS, sizeof *m.link);
    const char *c = html, *style = NULL;
    assert_int_equal(strncmp(c, "<!doctype html>\n", 16), 0);
    for (c += 16; *c;) {
        m.at = c;
        if (strncmp(c, "<style>", 7) == 0) {
            style = strstr(c, "</style>");
            assert_non_null(style);
            assert_null(memmem(c, (size_t)(style - c), "url(", 4));
            assert_null(memmem(c, (size_t)(style - c), "@import", 7));
            c = style + 8;
        } else if (c[0] == '<' && c[1] == '/') {
            c = markup_close(&m, c + 2);
        } else if (c[0] == '<') {
            c = markup_open(&m, c + 1);
        } else {
            markup_text(&m, c++);
        }
    }
    assert_int_equal(m.depth, 0);
    for (int i = 0; i < m.n_links; i++) {
        bool there = false;
        for (int k = 0; k < m.n_ids && !there; k++) there = strcmp(m.link[i], m.id[k]) == 0;
        if (!there) fail_msg("the link to '%s' leads nowhere", m.link[i]);
        free(m.link[i]);
    }
    for (int k = 0; k < m.n_ids; k++) free(m.id[k]);
    free(m.id);
    free(m.link);
    return m.n_links;
}

/* The word stands in the text by itself: "nan", not "finance". */
static inline bool markup_has_word(const char *html, const char *word)
{
    const size_t n = strlen(word);
    for (const char *c = html; (c = strcasestr(c, word)) != NULL; c++) {
        if ((c == html || !isalpha((unsigned char)c[-1])) && !isalpha((unsigned char)c[n]))
            return true;
    }
    return false;
}
#endif
