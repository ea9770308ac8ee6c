/* SPDX-License-Identifier: Apache-2.0
 * names_list.c - every name that a result can have, from the registry: what `onus names`
 * prints. */
#include <fnmatch.h>
#include <string.h>

#include "base/fail.h"
#include "base/words.h"
#include "proof/names_text.h"
#include "run/session.h"

/* A shell pattern, a part of the name, or a run's own name of that form. */
static bool is_meant(const char *pattern, const onus_event_row *e, int k)
{
    const char *name = e->names[k].pattern;
    int suffix;
    if (!pattern || !*pattern) return true;
    if (strpbrk(pattern, "*?[")) return fnmatch(pattern, name, 0) == 0;
    if (strstr(name, pattern)) return true;
    const char *dot = strncmp(pattern, "label.", 6) == 0 ? strchr(pattern + 6, '.') : NULL;
    const char *own = dot && e->block ? dot + 1 : pattern;
    for (int i = 0; onus_names_match(e, own, &i, &suffix); i++)
        if (i == k) return true;
    return false;
}

/* The pattern that the word could have meant; NULL: it has nothing in common with any. */
static const char *nearest(const char *word)
{
    int least = (int)strnlen(word, ONUS_WORD_MAX);
    const char *best = NULL;
    for (int e = 0; e < onus_n_event_rows; e++) {
        for (int i = 0; i < onus_event_rows[e]->n_names; i++) {
            const char *name = onus_event_rows[e]->names[i].pattern;
            const int d = onus_word_distance(word, name);
            if (d >= least) continue;
            least = d;
            best = name;
        }
    }
    return best;
}

static void put_row(const onus_event_row *e, const onus_name_row *row, onus_buf *kind,
                    onus_buf *text, onus_event_builder *facts)
{
    onus_buf_clear(kind);
    onus_name_kind_text(row, kind);
    const size_t before = kind->len;
    onus_buf_str(kind, "; ");
    onus_name_when_text(row, kind);
    if (kind->data && kind->len == before + 2) kind->data[kind->len = before] = '\0';
    const char *k = kind->data ? kind->data : "";
    onus_buf_printf(text, "%s%s\n    %s, %s; %s\n    %s\n", e->block ? "[label.LABEL.]" : "",
                    row->pattern, e->type, onus_body_text(row->body), k, row->doc);
    onus_event_text(facts, k, "%s.kind", row->pattern);
    onus_event_text(facts, e->type, "%s.event", row->pattern);
    onus_event_text(facts, onus_body_text(row->body), "%s.body", row->pattern);
    onus_event_text(facts, row->doc, "%s.meaning", row->pattern);
}

onus_status onus_names_list(const char *pattern, onus_facts **facts, char **text,
                            const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    int64_t n = 0;
    onus_buf kind, all;
    onus_event_builder b;
    onus_buf_init(&kind, mem, 1 << 16);
    onus_buf_init(&all, mem, 1 << 20);
    onus_event_init(&b, mem);
    onus_event_begin(&b, "names");
    for (int e = 0; e < onus_n_event_rows; e++) {
        for (int i = 0; i < onus_event_rows[e]->n_names; i++) {
            const onus_name_row *row = &onus_event_rows[e]->names[i];
            if (!is_meant(pattern, onus_event_rows[e], i)) continue;
            put_row(onus_event_rows[e], row, &kind, &all, &b);
            n++;
        }
    }
    if (n == 0) {
        const char *best = nearest(pattern);
        st = onus_fail(err, ONUS_BAD_ARG, "no name matches '%.200s'%s%s%s", pattern,
                       best ? "; the nearest is '" : "", best ? best : "", best ? "'" : "");
        goto done;
    }
    if (facts) ONUS_TRY(onus_event_facts(&b, facts, mem, err));
    if (text) ONUS_TRY(onus_buf_hand_out(&all, text, "names", err));
done:
    onus_buf_release(&kind);
    onus_buf_release(&all);
    onus_event_release(&b);
    return st;
}
