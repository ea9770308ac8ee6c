/* SPDX-License-Identifier: Apache-2.0
 * section_data.c - the data sheet: where the people in the table come from, how many of them
 * are in which part and group, what was missing, what was dropped, what the hashes are. */
#include <stdio.h>
#include <string.h>

#include "data/dataset.h"
#include "report/sections.h"

enum { N_PARTS = ONUS_PART_COUNT, LINES_MAX = 64, COLUMNS_MAX = 300 };

/* ---- source ------------------------------------------------------------------------------ */

static void said_term(onus_page *p, onus_text t, const char *name)
{
    const onus_fact f = onus_page_fact(p, "%s", name);
    onus_term_open(p, t);
    if (f.event)
        onus_page_word(p, f);
    else
        onus_page_tag(p, "<span class=\"lack\">", ONUS_TEXT_NOT_SAID);
    onus_term_close(p);
}

static void count_term(onus_page *p, onus_text t, const char *name)
{
    const onus_fact f = onus_page_fact(p, "%s", name);
    if (!f.event) return;
    onus_term_open(p, t);
    if (onus_name_counts_people(name) && strncmp(name, "data.overlap.", 13) != 0)
        onus_page_people(p, f);
    else
        onus_page_count(p, f);
    onus_term_close(p);
}

static void texts_term(onus_page *p, onus_text t, const char *name)
{
    const onus_fact f = onus_page_fact(p, "%s", name);
    const size_t n = onus_fact_size(f);
    if (n == 0) return;
    onus_term_open(p, t);
    for (size_t i = 0; i < n; i++) {
        if (i) onus_page_raw(p, ", ");
        onus_page_word(p, (onus_fact){json_array_get(f.v, i), f.name, f.event});
    }
    onus_term_close(p);
}

/* What was drawn anew for every image in every epoch, in the order in which it is done. */
static void augment_term(onus_page *p)
{
    static const struct {
        const char *name;
        onus_text what;
    } done[] = {{"turn", ONUS_TEXT_AUGMENT_TURN},
                {"flip", ONUS_TEXT_AUGMENT_FLIP},
                {"shift", ONUS_TEXT_AUGMENT_SHIFT},
                {"crop", ONUS_TEXT_AUGMENT_CROP}};
    int n = 0;
    for (size_t i = 0; i < sizeof done / sizeof *done; i++) {
        const onus_fact f = onus_page_fact(p, "data.augment.%s", done[i].name);
        if (!f.event) continue;
        if (n++)
            onus_page_raw(p, "; ");
        else
            onus_term_open(p, ONUS_TEXT_AUGMENT);
        onus_page_say(p, done[i].what);
        onus_page_raw(p, ": ");
        if (json_is_string(f.v))
            onus_page_word(p, f);
        else
            onus_page_count(p, f);
    }
    if (n) onus_term_close(p);
}

static void sheet(onus_page *p)
{
    onus_page_raw(p, "<dl class=\"terms\">");
    said_term(p, ONUS_TEXT_ORIGIN, "data.origin");
    said_term(p, ONUS_TEXT_LICENCE, "data.licence");
    if (onus_page_fact(p, "data.description").event)
        said_term(p, ONUS_TEXT_DESCRIPTION, "data.description");
    if (onus_page_fact(p, "data.target").event) said_term(p, ONUS_TEXT_TARGET, "data.target");
    texts_term(p, ONUS_TEXT_TARGET, "data.labels");
    count_term(p, ONUS_TEXT_ROWS_RAW, "data.rows.raw");
    count_term(p, ONUS_TEXT_MISSING_CELLS, "data.missing_cells");
    count_term(p, ONUS_TEXT_DROPPED_MISSING, "data.dropped.missing");
    count_term(p, ONUS_TEXT_DROPPED_DUPLICATES, "data.dropped.duplicates");
    count_term(p, ONUS_TEXT_OVERLAP_VALID, "data.overlap.valid.features");
    count_term(p, ONUS_TEXT_OVERLAP_VALID_ROWS, "data.overlap.valid.rows");
    count_term(p, ONUS_TEXT_OVERLAP_TEST, "data.overlap.test.features");
    count_term(p, ONUS_TEXT_OVERLAP_TEST_ROWS, "data.overlap.test.rows");
    count_term(p, ONUS_TEXT_NUMBERS_COLUMNS, "data.numbers");
    count_term(p, ONUS_TEXT_CATEGORY_COLUMNS, "data.categories");
    if (onus_page_fact(p, "data.context").event) {
        onus_term_open(p, ONUS_TEXT_TOKENIZER);
        onus_page_word(p, onus_page_fact(p, "data.tokenizer.kind"));
        onus_term_close(p);
        count_term(p, ONUS_TEXT_VOCABULARY, "data.tokenizer.vocabulary");
        count_term(p, ONUS_TEXT_CONTEXT, "data.context");
        count_term(p, ONUS_TEXT_TRUNCATED, "data.truncated");
        count_term(p, ONUS_TEXT_UNKNOWN_TOKENS, "data.tokens.unknown");
    } else
        count_term(p, ONUS_TEXT_FEATURES, "data.features");
    augment_term(p);
    texts_term(p, ONUS_TEXT_CONSTANT, "data.constant");
    onus_page_raw(p, "</dl>\n");
}

static void files(onus_page *p)
{
    static const onus_heading heads[] = {{ONUS_TEXT_FILE, ""},
                                         {ONUS_TEXT_LINES, "num"},
                                         {ONUS_TEXT_BYTES, "num"},
                                         {ONUS_TEXT_SHA256, ""}};
    if (!onus_page_fact(p, "data.file.1.name").event) return;
    onus_page_tag(p, "<h3>", ONUS_TEXT_FILES);
    onus_table_open(p, "files", heads, sizeof heads / sizeof *heads);
    for (int k = 1;; k++) {
        const onus_fact name = onus_page_fact(p, "data.file.%d.name", k);
        if (!name.event) break;
        onus_page_raw(p, "<tr><th scope=\"row\">");
        onus_page_word(p, name);
        onus_page_raw(p, "</th><td class=\"num\">");
        onus_page_people(p, onus_page_fact(p, "data.file.%d.rows", k));
        onus_page_raw(p, "</td><td class=\"num\">");
        onus_page_count(p, onus_page_fact(p, "data.file.%d.bytes", k));
        onus_page_raw(p, "</td><td>");
        onus_page_hash(p, onus_page_fact(p, "data.file.%d.sha256", k));
        onus_page_raw(p, "</td></tr>\n");
    }
    onus_table_close(p);
}

/* ---- counts by part ---------------------------------------------------------------------- */

typedef struct {
    const char *prefix; /* "data.group.sex." */
    onus_parts names;
    bool some; /* one of several labels: rows may lack it, their number stands nowhere */
    onus_fact count[N_PARTS][LINES_MAX];
    bool hide[N_PARTS][LINES_MAX];
} counts;

/* Rows of part k of which the label is not known. */
static double unknown(onus_page *p, const counts *c, int k)
{
    double n = 0, v;
    if (!c->some || !onus_fact_real(onus_page_fact(p, "data.rows.%s", onus_part_names[k]), &n))
        return 0;
    for (int64_t i = 0; i < c->names.n; i++)
        if (onus_fact_real(c->count[k][i], &v)) n -= v;
    return n;
}

static void count_lines(onus_page *p, counts *c)
{
    if (c->names.n > LINES_MAX) c->names.n = LINES_MAX;
    for (int k = 0; k < N_PARTS; k++) {
        for (int64_t i = 0; i < c->names.n; i++)
            c->count[k][i] =
                onus_page_fact(p, "%s%s.%s", c->prefix, c->names.name[i], onus_part_names[k]);
        onus_hide_complement(c->count[k], c->names.n, unknown(p, c, k), c->hide[k]);
    }
}

static void count_table(onus_page *p, counts *c)
{
    count_lines(p, c);
    for (int64_t i = 0; i < c->names.n; i++) {
        onus_page_raw(p, "<tr><th scope=\"row\">");
        onus_page_part(p, c->names.name[i]);
        onus_page_raw(p, "</th>");
        for (int k = 0; k < N_PARTS; k++) {
            onus_page_raw(p, "<td class=\"num\">");
            if (onus_fact_undefined(c->count[k][i]))
                onus_page_tag(p, "<span class=\"lack\">", ONUS_TEXT_WITHHELD);
            else if (c->hide[k][i])
                onus_page_people_hidden(p, c->count[k][i]);
            else
                onus_page_people(p, c->count[k][i]);
            onus_page_raw(p, "</td>");
        }
        onus_page_raw(p, "</tr>\n");
    }
}

static void band(onus_page *p, onus_text t, const char *name)
{
    onus_page_raw(p, "<tr class=\"band\"><th colspan=\"4\" scope=\"colgroup\">");
    onus_page_say(p, t);
    if (name) {
        onus_page_raw(p, " ");
        onus_page_part(p, name);
    }
    onus_page_raw(p, "</th></tr>\n");
}

static void all_row(onus_page *p)
{
    onus_page_raw(p, "<tr>");
    onus_page_tag(p, "<th scope=\"row\">", ONUS_TEXT_ALL);
    for (int k = 0; k < N_PARTS; k++) {
        onus_page_raw(p, "<td class=\"num\">");
        onus_page_people(p, onus_page_fact(p, "data.rows.%s", onus_part_names[k]));
        onus_page_raw(p, "</td>");
    }
    onus_page_raw(p, "</tr>\n");
}

/* Tokens of each part, where rows hold tokens. */
static void tokens_row(onus_page *p)
{
    if (!onus_page_fact(p, "data.tokens.train").event) return;
    onus_page_raw(p, "<tr>");
    onus_page_tag(p, "<th scope=\"row\">", ONUS_TEXT_TOKENS);
    for (int k = 0; k < N_PARTS; k++) {
        onus_page_raw(p, "<td class=\"num\">");
        onus_page_count(p, onus_page_fact(p, "data.tokens.%s", onus_part_names[k]));
        onus_page_raw(p, "</td>");
    }
    onus_page_raw(p, "</tr>\n");
}

/* Counts by class: of the label, or of each of several. */
static void label_counts(onus_page *p, counts *c)
{
    char prefix[2048];
    const onus_parts labels = onus_page_labels(p);
    for (int64_t l = 0; l < labels.n || l == 0; l++) {
        const char *label = labels.n ? labels.name[l] : NULL;
        snprintf(prefix, sizeof prefix, "data.label%s%s.", label ? "." : "",
                 label ? label : "");
        c->prefix = prefix;
        c->some = label != NULL;
        c->names = onus_page_classes(p, label);
        if (c->names.n == 0 || !onus_page_fact(p, "%s%s.train", prefix, c->names.name[0]).event)
            continue;
        band(p, label ? ONUS_TEXT_BY_GROUP : ONUS_TEXT_BY_LABEL, label);
        count_table(p, c);
    }
}

static void people(onus_page *p)
{
    static const onus_heading heads[] = {{ONUS_TEXT_EMPTY, ""},
                                         {ONUS_TEXT_TRAIN, "num"},
                                         {ONUS_TEXT_VALID, "num"},
                                         {ONUS_TEXT_TEST, "num"}};
    char prefix[2048];
    counts *c = onus_arena_alloc(&p->arena, 1, sizeof *c);
    if (!c) {
        p->st = ONUS_NO_MEM;
        return;
    }
    onus_page_raw(p, "<div>");
    onus_page_tag(p, "<h3>", ONUS_TEXT_COUNTS);
    onus_table_open(p, "counts", heads, sizeof heads / sizeof *heads);
    all_row(p);
    tokens_row(p);
    label_counts(p, c);
    const onus_parts attributes =
        onus_page_names(p, onus_page_fact(p, "data.attributes"), LINES_MAX);
    for (int64_t a = 0; a < attributes.n; a++) {
        snprintf(prefix, sizeof prefix, "data.group.%s.", attributes.name[a]);
        c->prefix = prefix;
        c->some = false;
        c->names = onus_page_names(p, onus_page_fact(p, "data.groups.%s", attributes.name[a]),
                                   LINES_MAX);
        band(p, ONUS_TEXT_BY_GROUP, attributes.name[a]);
        count_table(p, c);
    }
    onus_table_close(p);
    onus_page_raw(p, "</div>");
}

/* ---- columns ----------------------------------------------------------------------------- */

static void columns(onus_page *p)
{
    static const onus_heading heads[] = {{ONUS_TEXT_COLUMN, ""},
                                         {ONUS_TEXT_KIND, ""},
                                         {ONUS_TEXT_MISSING, "num"},
                                         {ONUS_TEXT_UNSEEN, "num"}};
    const onus_fact list = onus_page_fact(p, "data.columns");
    if (onus_fact_size(list) == 0) return;
    const onus_parts names = onus_page_names(p, list, COLUMNS_MAX);
    onus_details_open(p, ONUS_TEXT_COLUMNS);
    onus_table_open(p, "small", heads, sizeof heads / sizeof *heads);
    for (int64_t i = 0; i < names.n; i++) {
        const onus_fact missing = onus_page_fact(p, "data.missing.%s", names.name[i]),
                        unseen = onus_page_fact(p, "data.unseen.%s", names.name[i]);
        onus_page_raw(p, "<tr><th scope=\"row\">");
        onus_page_part(p, names.name[i]);
        onus_page_raw(p, "</th><td>");
        onus_page_word(p, onus_page_fact(p, "data.column.%s", names.name[i]));
        onus_page_raw(p, "</td><td class=\"num\">");
        if (missing.event) onus_page_people(p, missing);
        onus_page_raw(p, missing.event ? "" : "\xe2\x80\x93");
        onus_page_raw(p, "</td><td class=\"num\">");
        if (unseen.event) onus_page_people(p, unseen);
        onus_page_raw(p, unseen.event ? "" : "\xe2\x80\x93");
        onus_page_raw(p, "</td></tr>\n");
    }
    onus_table_close(p);
    onus_details_close(p);
}

static void hashes(onus_page *p)
{
    static const onus_heading heads[] = {{ONUS_TEXT_PART, ""}, {ONUS_TEXT_SHA256, ""}};
    static const onus_text names[] = {ONUS_TEXT_TRAIN, ONUS_TEXT_VALID, ONUS_TEXT_TEST};
    if (!onus_page_fact(p, "data.sha256.train").event) return;
    onus_details_open(p, ONUS_TEXT_PART_HASHES);
    onus_table_open(p, "small", heads, 2);
    for (int k = 0; k < N_PARTS; k++) {
        onus_page_raw(p, "<tr>");
        onus_page_tag(p, "<th scope=\"row\">", names[k]);
        onus_page_raw(p, "<td>");
        onus_page_hash(p, onus_page_fact(p, "data.sha256.%s", onus_part_names[k]));
        onus_page_raw(p, "</td></tr>\n");
    }
    onus_table_close(p);
    onus_details_close(p);
}

void onus_section_data(onus_page *p)
{
    const onus_entry *e = onus_page_entry(p, "data.sheet", NULL);
    onus_section_open(p, "data", ONUS_TEXT_DATA);
    if (!e) {
        onus_paragraph(p, ONUS_TEXT_DATA_ABSENT);
        onus_section_close(p);
        return;
    }
    onus_paragraph(p, ONUS_TEXT_DATA_INTRO);
    onus_page_raw(p, "<div class=\"two\">");
    people(p);
    onus_page_raw(p, "<div>");
    onus_page_tag(p, "<h3>", ONUS_TEXT_SHEET);
    sheet(p);
    files(p);
    columns(p);
    hashes(p);
    onus_page_raw(p, "</div></div>");
    onus_section_close(p);
}
