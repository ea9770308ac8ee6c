/* SPDX-License-Identifier: Apache-2.0
 * names_doc.c - prints the tables of docs/EVIDENCE.md from the registry of names
 * (src/proof/names.h), so that the document cannot say what a ledger does not. Each stands
 * between the comments by which tools/docs.py finds its place: `make docs` writes them there,
 * `make check` compares.
 *
 * CHECKLIST: a new ONUS_IF_* bit wants its words in `conditions`. */
#include <stdio.h>
#include <string.h>

#include "proof/names.h"

/* What a bit says of a run. Bits of a group are alternatives, and are joined by "or". */
static const struct {
    unsigned bit;
    int group;
    const char *words;
} conditions[] = {
    {ONUS_IF_BINARY, 1, "two classes"},
    {ONUS_IF_CLASSES, 1, "more classes"},
    {ONUS_IF_VALUES, 1, "a number"},
    {ONUS_IF_TOKENS, 1, "tokens"},
    {ONUS_IF_LABELS, 1, "several labels"},
    {ONUS_IF_COLUMNS, 2, "columns"},
    {ONUS_IF_IMAGES, 2, "images"},
    {ONUS_IF_TEXT, 2, "text"},
    {ONUS_IF_CELLS, 3, "tables"},
    {ONUS_IF_IDX, 3, "IDX files"},
    {ONUS_IF_LONG_TEXT, 3, "one long text"},
    {ONUS_IF_PRIVATE, 4, "private"},
    {ONUS_IF_PUBLIC, 4, "not private"},
    {ONUS_IF_TRAINED, 5, "ends after training"},
    {ONUS_IF_REPORTED, 5, "reported"},
    {ONUS_IF_SHAPLEY, 6, "Shapley values"},
    {ONUS_IF_RELEVANCE, 7, "relevance"},
    {ONUS_IF_EXPLAINED, 8, "explained"},
    {ONUS_IF_BOTH_WAYS, 9, "explained in both ways"},
    {ONUS_IF_GROUPS, 10, "protected attributes"},
    {ONUS_IF_VALID, 11, "validation split"},
    {ONUS_IF_FROM, 12, "`train.from`"},
    {ONUS_IF_FROZEN, 13, "`train.freeze`"},
    {ONUS_IF_NEXT, 14, "next tokens"},
};
enum { CONDITIONS = sizeof conditions / sizeof *conditions };

/* Prints what must hold; how many were printed. */
static int print_conditions(unsigned when)
{
    int printed = 0, group = 0;
    for (int i = 0; i < CONDITIONS; i++) {
        if (!(when & conditions[i].bit)) continue;
        const char *before = conditions[i].group == group ? " or " : ", ";
        printf("%s%s", printed++ ? before : "", conditions[i].words);
        group = conditions[i].group;
    }
    return printed;
}

static unsigned known_bits(void)
{
    unsigned all = 0;
    for (int i = 0; i < CONDITIONS; i++) all |= conditions[i].bit;
    return all;
}

/* A cell must not hold a bar, and angle brackets outside of code would be markup. */
static void print_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            printf("\\|");
        else if (*text == '<')
            printf("&lt;");
        else
            putchar(*text);
    }
}

static void print_range(const onus_name_row *row)
{
    const bool below = row->lo > -0x1p1000, above = row->hi < 0x1p53;
    if (!row->ranged) return;
    if (below && above)
        printf(", %g to %.9g", row->lo, row->hi);
    else if (below)
        printf(", from %g", row->lo);
    else if (above)
        printf(", to %.9g", row->hi);
}

static void print_kind(const onus_name_row *row)
{
    static const char *const kinds[] = {
        [ONUS_NAME_WHOLE] = "whole",       [ONUS_NAME_NUMBER] = "number",
        [ONUS_NAME_TEXT] = "text",         [ONUS_NAME_HASH] = "hash",
        [ONUS_NAME_TEXTS] = "texts",       [ONUS_NAME_NUMBERS] = "numbers",
        [ONUS_NAME_MEASURED] = "measured",
    };
    printf("%s", kinds[row->kind]);
    print_range(row);
    if (row->unit) printf(", %s", row->unit);
    if (row->open) printf(", or undefined");
    if (!row->choices) return;
    if (strncmp(row->choices, "0*|1*|", 6) == 0) {
        printf(" of digits");
        return;
    }
    printf(": ");
    for (const char *c = row->choices; *c; c++) {
        if (*c == '|')
            printf(" \\| ");
        else
            putchar(*c);
    }
}

static void print_row(const onus_name_row *row)
{
    static const char *const bodies[] = {
        [ONUS_BODY_CLAIM] = "claim",
        [ONUS_BODY_OBSERVED] = "observed",
        [ONUS_BODY_SAID] = "said",
        [ONUS_BODY_JUDGED] = "as what it judges",
    };
    printf("| `%s` | ", row->pattern);
    print_kind(row);
    printf(" | %s | ", bodies[row->body]);
    const int printed = print_conditions(row->when);
    if (row->may) printf("%sif any", printed ? ", " : "");
    if (row->unless) printf("%sunless `%s`", printed || row->may ? ", " : "", row->unless);
    printf(" | ");
    print_text(row->doc);
    printf(" |\n");
}

/* How often it stands in a ledger, and in which. */
static void print_times(const onus_event_row *e)
{
    static const char *const times[] = {
        [ONUS_TIMES_ONCE] = "Once",
        [ONUS_TIMES_MAYBE] = "Once or never",
        [ONUS_TIMES_FILES] = "One a file",
        [ONUS_TIMES_EPOCHS] = "One an epoch",
        [ONUS_TIMES_CHECKPOINTS] = "One a checkpoint",
        [ONUS_TIMES_SETS] = "One event for every protected attribute",
        [ONUS_TIMES_POLICIES] = "One a demand",
        [ONUS_TIMES_ANYWHERE] = "Anywhere, any number of times",
    };
    const char *often = times[e->times];
    const bool said =
        strncmp(e->doc, often, strlen(often)) == 0; /* the row's own words have it */
    if (!said) printf(" %s.", often);
    if (e->block) printf(" Of several labels one each.");
    if (e->when) {
        printf(" Where: ");
        print_conditions(e->when);
        printf(".");
    }
    if (e->file) printf(" It has the hash of `%s`.", e->file);
}

static void print_title(const onus_event_row *e)
{
    printf("%s", e->type);
    if (e->variant) printf(" (%s)", e->variant);
}

static void print_event(const onus_event_row *e)
{
    printf("<!-- table: event %s%s%s -->\n", e->type, e->variant ? " " : "",
           e->variant ? e->variant : "");
    print_text(e->doc);
    print_times(e);
    printf("\n\n| name | kind | body | when | meaning |\n|---|---|---|---|---|\n");
    for (int i = 0; i < e->n_names; i++) print_row(&e->names[i]);
    printf("<!-- end -->\n");
}

int main(void)
{
    const unsigned known = known_bits();
    printf("<!-- table: order of events -->\n");
    for (int k = 0; k < onus_n_event_rows; k++) {
        printf("%s", k ? ", " : "");
        print_title(onus_event_rows[k]);
    }
    printf(".\n<!-- end -->\n");
    for (int k = 0; k < onus_n_event_rows; k++) {
        const onus_event_row *e = onus_event_rows[k];
        unsigned bits = e->when;
        bool worded = e->doc != NULL;
        for (int i = 0; i < e->n_names; i++) {
            bits |= e->names[i].when;
            worded = worded && e->names[i].doc;
        }
        if (!worded) {
            fprintf(stderr, "names_doc: %s: a row of the registry says nothing (.doc)\n",
                    e->type);
            return 1;
        }
        if (bits & ~known) {
            fprintf(stderr,
                    "names_doc: %s: a condition (bit 0x%x) has no words in tools/names_doc.c\n",
                    e->type, bits & ~known);
            return 1;
        }
        print_event(e);
    }
    return 0;
}
