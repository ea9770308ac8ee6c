/* SPDX-License-Identifier: Apache-2.0
 * names_text.c - see names_text.h.
 *
 * CHECKLIST: a new ONUS_IF_* bit wants its words in `conditions`. */
#include "proof/names_text.h"

#include <string.h>

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
    {ONUS_IF_FROM, 12, "train.from"},
    {ONUS_IF_FROZEN, 13, "train.freeze"},
    {ONUS_IF_NEXT, 14, "next tokens"},
    {ONUS_IF_LABELLED, 15, "rows have labels"},
    {ONUS_IF_TESTED, 16, "test rows"},
};
enum { CONDITIONS = sizeof conditions / sizeof *conditions };

unsigned onus_when_unworded(unsigned when)
{
    for (int i = 0; i < CONDITIONS; i++) when &= ~conditions[i].bit;
    return when;
}

const char *onus_body_text(onus_body body)
{
    static const char *const texts[] = {[ONUS_BODY_CLAIM] = "claim",
                                        [ONUS_BODY_OBSERVED] = "observed",
                                        [ONUS_BODY_SAID] = "said",
                                        [ONUS_BODY_JUDGED] = "as what it judges"};
    return texts[body];
}

static void put_choices(const char *choices, onus_buf *out)
{
    if (strncmp(choices, "0*|1*|", 6) == 0) {
        onus_buf_str(out, " of digits");
        return;
    }
    onus_buf_str(out, ": ");
    for (const char *c = choices; *c;) {
        const size_t n = strcspn(c, "|");
        onus_buf_add(out, c, n);
        c += n + (c[n] == '|');
        if (*c) onus_buf_str(out, " | ");
    }
}

static void put_range(const onus_name_row *row, onus_buf *out)
{
    const bool below = row->lo > -0x1p1000, above = row->hi < 0x1p53;
    if (!row->ranged) return;
    if (row->lo == row->hi)
        onus_buf_printf(out, ", %g", row->lo);
    else if (below && above)
        onus_buf_printf(out, ", %g to %.6g", row->lo, row->hi);
    else if (below)
        onus_buf_printf(out, ", from %g", row->lo);
    else if (above)
        onus_buf_printf(out, ", to %.6g", row->hi);
}

void onus_name_kind_text(const onus_name_row *row, onus_buf *out)
{
    static const char *const kinds[] = {
        [ONUS_NAME_WHOLE] = "whole",       [ONUS_NAME_NUMBER] = "number",
        [ONUS_NAME_TEXT] = "text",         [ONUS_NAME_HASH] = "hash",
        [ONUS_NAME_TEXTS] = "texts",       [ONUS_NAME_NUMBERS] = "numbers",
        [ONUS_NAME_MEASURED] = "measured",
    };
    onus_buf_str(out, kinds[row->kind]);
    put_range(row, out);
    if (row->unit) onus_buf_printf(out, ", %s", row->unit);
    if (row->open) onus_buf_str(out, ", or undefined");
    if (row->choices) put_choices(row->choices, out);
    if (row->better)
        onus_buf_str(out, row->better > 0 ? "; more is better" : "; less is better");
}

void onus_when_text(unsigned when, onus_buf *out)
{
    int printed = 0, group = 0;
    for (int i = 0; i < CONDITIONS; i++) {
        if (!(when & conditions[i].bit)) continue;
        const char *before = conditions[i].group == group ? " or " : ", ";
        onus_buf_printf(out, "%s%s", printed++ ? before : "", conditions[i].words);
        group = conditions[i].group;
    }
}

void onus_name_when_text(const onus_name_row *row, onus_buf *out)
{
    onus_when_text(row->when, out);
    if (row->may) onus_buf_printf(out, "%sif any", row->when ? ", " : "");
    if (row->unless)
        onus_buf_printf(out, "%sunless %s", row->when || row->may ? ", " : "", row->unless);
}
