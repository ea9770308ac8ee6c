/* SPDX-License-Identifier: Apache-2.0
 * names_text.c - see names_text.h. */
#include "proof/names_text.h"

#include <math.h>
#include <string.h>

const char *onus_body_text(onus_body body)
{
    static const char *const texts[] = {"claim", "observed", "said", "as judged"};
    return texts[body];
}

static void put_choices(const char *choices, onus_buf *out)
{
    onus_buf_str(out, ": ");
    for (const char *c = choices; *c;) {
        const size_t n = strcspn(c, "|");
        if (c != choices) onus_buf_str(out, ", ");
        onus_buf_add(out, c, n);
        c += n + (c[n] == '|');
    }
}

static void put_range(const onus_name_row *row, onus_buf *out)
{
    const bool open_above = row->hi >= 0x1p53, open_below = row->lo <= -0x1p53;
    if (!row->ranged || (open_above && open_below)) return;
    if (open_above)
        onus_buf_printf(out, ", at least %g", row->lo);
    else if (open_below)
        onus_buf_printf(out, ", at most %g", row->hi);
    else
        onus_buf_printf(out, ", %g to %g", round(row->lo * 1e6) / 1e6,
                        round(row->hi * 1e6) / 1e6);
}

void onus_name_kind_text(const onus_name_row *row, onus_buf *out)
{
    static const char *const kinds[] = {"whole", "number",  "text",    "hash",
                                        "texts", "numbers", "measured"};
    onus_buf_str(out, kinds[row->kind]);
    if (row->choices && !strchr(row->choices, '*')) put_choices(row->choices, out);
    put_range(row, out);
    if (row->unit) onus_buf_printf(out, ", %s", row->unit);
    if (row->better)
        onus_buf_str(out, row->better > 0 ? "; more is better" : "; less is better");
}

void onus_when_text(unsigned when, onus_buf *out)
{
    static const struct {
        unsigned bit;
        const char *text;
    } words[] = {{ONUS_IF_BINARY, "two classes"},   {ONUS_IF_CLASSES, "more classes"},
                 {ONUS_IF_VALUES, "regression"},    {ONUS_IF_TOKENS, "tokens"},
                 {ONUS_IF_LABELS, "multi-label"},   {ONUS_IF_COLUMNS, "columns"},
                 {ONUS_IF_IMAGES, "images"},        {ONUS_IF_TEXT, "text"},
                 {ONUS_IF_CELLS, "tables"},         {ONUS_IF_IDX, "IDX files"},
                 {ONUS_IF_LONG_TEXT, "long texts"}, {ONUS_IF_PRIVATE, "private"},
                 {ONUS_IF_PUBLIC, "not private"},   {ONUS_IF_REPORTED, "reported"},
                 {ONUS_IF_SHAPLEY, "Shapley"},      {ONUS_IF_RELEVANCE, "relevance"},
                 {ONUS_IF_EXPLAINED, "explained"},  {ONUS_IF_BOTH_WAYS, "explained both ways"},
                 {ONUS_IF_GROUPS, "protected"},     {ONUS_IF_VALID, "a validation split"},
                 {ONUS_IF_FROM, "train.from"},      {ONUS_IF_FROZEN, "train.freeze"},
                 {ONUS_IF_NEXT, "next tokens"},     {ONUS_IF_LABELLED, "labels"},
                 {ONUS_IF_TESTED, "test rows"}};
    bool any = false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!(when & words[i].bit)) continue;
        onus_buf_printf(out, "%s%s", any ? ", " : "", words[i].text);
        any = true;
    }
    if (!any) onus_buf_str(out, "always");
}

void onus_name_when_text(const onus_name_row *row, onus_buf *out)
{
    if (row->when || !row->may) onus_when_text(row->when, out);
    if (row->may) onus_buf_printf(out, "%swhere there is any", row->when ? "; " : "");
    if (row->unless) onus_buf_printf(out, "; not beside %s", row->unless);
}
