/* SPDX-License-Identifier: Apache-2.0
 * names_text.c - see names_text.h. */
#include "proof/names_text.h"

#include <string.h>

unsigned onus_when_unworded(unsigned when)
{
    for (int i = 0; i < onus_n_conditions; i++) when &= ~onus_conditions[i].bit;
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

/* Alternatives are joined by "or". */
void onus_when_text(unsigned when, onus_buf *out)
{
    unsigned group = 0;
    for (int i = 0; i < onus_n_conditions; i++) {
        const onus_condition *c = &onus_conditions[i];
        if (!(when & c->bit)) continue;
        const char *before = !group ? "" : c->group == group ? " or " : ", ";
        onus_buf_printf(out, "%s%s", before, c->words);
        group = c->group;
    }
}

void onus_name_when_text(const onus_name_row *row, onus_buf *out)
{
    onus_when_text(row->when, out);
    if (row->may) onus_buf_printf(out, "%sif any", row->when ? ", " : "");
    if (row->unless)
        onus_buf_printf(out, "%sunless %s", row->when || row->may ? ", " : "", row->unless);
}
