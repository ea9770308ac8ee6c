/* SPDX-License-Identifier: Apache-2.0
 * names_policy.c - see names_policy.h. */
#include "proof/names_policy.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/words.h"
#include "data/dataset.h"
#include "proof/judge_names.h"
#include "proof/names_rows.h"

enum { NAME_MAX = 512 };

static bool is_numeric(const onus_name_row *row, int suffix)
{
    if (row->kind == ONUS_NAME_MEASURED)
        return suffix != ONUS_SUFFIX_METHOD && suffix != ONUS_SUFFIX_REASON;
    return row->kind == ONUS_NAME_WHOLE || row->kind == ONUS_NAME_NUMBER;
}

/* "label.toxic." is cut off where the run has several labels; -1: there is none. */
static const char *cut_label(const onus_scope *s, const char *name, int64_t *label)
{
    *label = -1;
    for (int64_t l = 0; l < s->labels.n; l++) {
        const size_t n = strlen(s->labels.order[l]);
        if (strncmp(name, "label.", 6) != 0 || strncmp(name + 6, s->labels.order[l], n) != 0 ||
            name[6 + n] != '.')
            continue;
        *label = l;
        return name + 7 + n;
    }
    return name;
}

/* What a run of several labels is to each one of them. */
static unsigned as_label(const onus_scope *s)
{
    return (s->is & ~(unsigned)ONUS_IF_LABELS) | ONUS_IF_BINARY;
}

/* ---- the nearest name -------------------------------------------------------------------- */

typedef struct {
    const onus_scope *s;
    const char *wanted;
    int64_t label;
    char best[NAME_MAX];
    int distance;
    bool in_label; /* each label has its own of `best` */
} search;

/* The word of the list that is nearest to what stands at the name's place. */
static const char *nearest_word(const char *const *list, int64_t n, const char *at)
{
    char segment[NAME_MAX];
    const char *best = n > 0 ? list[0] : "";
    int least = NAME_MAX + 1;
    snprintf(segment, sizeof segment, "%.*s", (int)strcspn(at, "."), at);
    for (int64_t i = 0; i < n && i < 2000; i++) {
        const int d = onus_word_distance(segment, list[i]);
        if (d >= least) continue;
        least = d;
        best = list[i];
    }
    return best;
}

static const char *pick(const search *f, onus_word word, const char *at, int64_t *set)
{
    static const char *const first[] = {"1"};
    const onus_scope *s = f->s;
    const int64_t l = f->label >= 0 ? f->label : 0;
    const onus_vocabulary none = {.n = 0}, *v = &none;
    const char *found;
    switch (word) {
    case ONUS_WORD_SET:
        found = nearest_word(s->sets, s->n_sets, at);
        for (*set = 0; *set < s->n_sets && s->sets[*set] != found;) ++*set;
        return found;
    case ONUS_WORD_GROUP:
        if (*set >= 0 && *set < s->attributes.n) v = &s->groups[*set];
        break;
    case ONUS_WORD_ATTRIBUTE:
        found = nearest_word(s->attributes.order, s->attributes.n, at);
        for (*set = 0; *set < s->attributes.n && s->attributes.order[*set] != found;) ++*set;
        return found;
    case ONUS_WORD_LABEL: v = &s->labels; break;
    case ONUS_WORD_COLUMN:
    case ONUS_WORD_SHOWN: v = &s->columns; break;
    case ONUS_WORD_CLASS: v = s->classes ? &s->classes[l] : &none; break;
    case ONUS_WORD_SPLIT: return nearest_word(onus_part_names, ONUS_PART_COUNT, at);
    default: return nearest_word(first, 1, at);
    }
    return nearest_word(v->order, v->n, at);
}

/* The pattern with words of this run. */
static bool fill_in(const search *f, const char *pattern, char out[NAME_MAX])
{
    const char *at = f->wanted;
    size_t n = 0;
    int64_t set = -1;
    while (*pattern) {
        size_t p;
        const onus_word word = onus_pattern_segment(pattern, &p);
        const char *text = word == ONUS_WORD_NONE ? pattern : pick(f, word, at, &set);
        const size_t len = word == ONUS_WORD_NONE ? p : strlen(text);
        if (len == 0 || n + len + 2 > NAME_MAX) return false;
        memcpy(out + n, text, len);
        n += len;
        pattern += p;
        if (*pattern) out[n++] = *pattern++;
        at += strcspn(at, ".");
        at += *at == '.';
    }
    out[n] = '\0';
    return true;
}

static void try_row(search *f, const onus_name_row *row, bool in_label)
{
    char name[NAME_MAX], full[NAME_MAX + 16];
    if (!fill_in(f, row->pattern, name)) return;
    for (int k = 0; k <= ONUS_SUFFIX_UPPER; k++) {
        if (k > 0 && row->kind != ONUS_NAME_MEASURED) break;
        snprintf(full, sizeof full, "%s%s", name, onus_suffixes[k]);
        const int d = onus_word_distance(f->wanted, full);
        if (d >= f->distance) continue;
        f->distance = d;
        f->in_label = in_label;
        snprintf(f->best, sizeof f->best, "%.*s", NAME_MAX - 1, full);
    }
}

/* What the nearest name is looked for without, and begins with: of several labels the nearest
 * one's own. */
static void set_label(search *f, const char *name, char prefix[NAME_MAX])
{
    const char *dot = strncmp(name, "label.", 6) == 0 ? strchr(name + 6, '.') : NULL;
    prefix[0] = '\0';
    f->wanted = cut_label(f->s, name, &f->label);
    if (f->label < 0 && dot) f->wanted = dot + 1;
    if (f->wanted == name || f->s->labels.n == 0) return;
    const char *label = nearest_word(f->s->labels.order, f->s->labels.n, name + 6);
    for (int64_t l = 0; l < f->s->labels.n; l++)
        if (f->s->labels.order[l] == label) f->label = l;
    snprintf(prefix, NAME_MAX, "label.%.480s.", label);
}

/* Why no demand can be on a number of that event, though the run may have it; NULL: it can.
 * Rows stand in the order of a ledger: `judged` is whether demands have been by then. */
static const char *why_never(const onus_event_row *row, bool judged)
{
    return row->times == ONUS_TIMES_ANYWHERE
               ? "what happened to a run (stopped, resumed) cannot be demanded"
           : judged ? "it comes after demands are judged"
                    : NULL;
}

static onus_status unknown(const onus_scope *s, const char *name, const char *word,
                           onus_err *err)
{
    char prefix[NAME_MAX];
    search f = {.s = s, .distance = NAME_MAX};
    set_label(&f, name, prefix);
    bool judged = false;
    for (int e = 0; e < onus_n_event_rows; e++) {
        const onus_event_row *row = onus_event_rows[e];
        const bool each = row->block && s->labels.n > 0;
        const unsigned is = each ? as_label(s) : s->is;
        judged = judged || row == &onus_names_policy;
        if (why_never(row, judged)) continue; /* it would be refused, too */
        if (!onus_names_apply(row->when, s->is) || (prefix[0] && !row->block)) continue;
        for (int i = 0; i < row->n_names; i++) {
            if (is_numeric(&row->names[i], 0) && onus_names_apply(row->names[i].when, is))
                try_row(&f, &row->names[i], each);
        }
    }
    if (f.in_label && !prefix[0])
        snprintf(prefix, sizeof prefix, "label.%.480s.", s->labels.order[0]);
    if (word[0])
        return onus_fail(err, ONUS_BAD_INPUT,
                         "the run has no %s; the nearest result is '%s%.200s'", word, prefix,
                         f.best);
    return onus_fail(err, ONUS_BAD_INPUT,
                     "no result is called '%.200s'; the nearest is '%s%.200s'", name, prefix,
                     f.best);
}

/* ---- the question ------------------------------------------------------------------------ */

onus_status onus_names_foresee(const onus_scope *s, const char *name, onus_err *err)
{
    int64_t label;
    bool judged = false;
    const char *rest = cut_label(s, name, &label), *why = NULL;
    char word[128] = "";
    bool text = false;
    for (int e = 0; e < onus_n_event_rows; e++) {
        const onus_event_row *row = onus_event_rows[e];
        judged = judged || row == &onus_names_policy;
        const onus_occurrence of = {row, label, ONUS_ANY_OF_THEM, ONUS_ANY_OF_THEM};
        int suffix;
        const unsigned is = label >= 0 ? as_label(s) : s->is;
        if (label >= 0 && !row->block) continue;
        const bool each = label < 0 && row->block && (s->is & ONUS_IF_LABELS);
        for (int i = 0; onus_names_match(row, rest, &i, &suffix); i++) {
            const onus_name_row *r = &row->names[i];
            char wrong[128];
            if (!onus_judge_words(s, &of, r->pattern, rest, wrong)) {
                snprintf(word, sizeof word, "%s", wrong);
                continue;
            }
            const char *no = why_never(row, judged);
            if (!no) no = onus_names_why_not(row->when, is);
            if (!no) no = onus_names_why_not(r->when, is);
            if (each) no = "each label has its own: say label.LABEL. before it";
            if (!no && is_numeric(r, suffix)) return ONUS_OK;
            text = text || !no;
            if (no && !why) why = no;
        }
    }
    if (text)
        return onus_fail(err, ONUS_BAD_INPUT, "'%.200s' is no number to compare with", name);
    if (why)
        return onus_fail(err, ONUS_BAD_INPUT, "this run will not have '%.200s', because %s",
                         name, why);
    return unknown(s, name, word, err);
}
