/* SPDX-License-Identifier: Apache-2.0
 * names_doc.c - prints the tables of docs/EVIDENCE.md from the registry of names
 * (src/proof/names.h), so that the document cannot say what a ledger does not. Each stands
 * between the comments by which tools/docs.py finds its place: `make docs` writes them there,
 * `make check` compares. */
#include <stdio.h>
#include <string.h>

#include "proof/names_text.h"

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

/* What `put` says of a row, as a cell. */
static void print_cell(void (*put)(const onus_name_row *, onus_buf *), const onus_name_row *row)
{
    onus_buf text;
    onus_buf_init(&text, NULL, 1 << 16);
    put(row, &text);
    if (text.data) print_text(text.data);
    onus_buf_release(&text);
    printf(" | ");
}

static void print_row(const onus_name_row *row)
{
    printf("| `%s` | ", row->pattern);
    print_cell(onus_name_kind_text, row);
    printf("%s | ", onus_body_text(row->body));
    print_cell(onus_name_when_text, row);
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
        onus_buf when;
        onus_buf_init(&when, NULL, 1 << 12);
        onus_when_text(e->when, &when);
        printf(" Where: %s.", when.data ? when.data : "");
        onus_buf_release(&when);
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
        if (onus_when_unworded(bits)) {
            fprintf(stderr,
                    "names_doc: %s: a condition (bit 0x%x) has no words in "
                    "src/proof/names.c\n",
                    e->type, onus_when_unworded(bits));
            return 1;
        }
        print_event(e);
    }
    return 0;
}
