/* SPDX-License-Identifier: Apache-2.0
 * judge_names.c - see judge_names.h.
 *
 * A name may have the shape of several rows ("data.tokens.<split>", "data.tokens.unknown"): it
 * must pass one of them, and the first one's complaint is told. What a row asks for in all is
 * counted: names are different, so as many as the run has words are all of them. */
#include "proof/judge_names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/quality.h"
#include "base/event.h"
#include "base/fail.h"
#include "data/dataset.h"

typedef struct {
    const onus_scope *s;
    const onus_occurrence *of;
    const onus_event *e;
    unsigned is;
    const char *prefix;          /* "label.toxic." */
    const onus_field **sorted;   /* by name */
    onus_vocabulary groups;      /* of this event's set */
    bool withheld;               /* some are */
    onus_vocabulary shown;       /* columns that it lists */
    int64_t *count;              /* (rows of the event): names that each has */
    const onus_name_row **found; /* (fields): the row of each name */
    int *suffix;                 /* (fields): of a measured name */
} work;

/* ---- words ------------------------------------------------------------------------------- */

/* Groups of an intersection: one of each attribute's, joined. */
static bool is_joined(const onus_scope *s, int64_t k_set, const char *group)
{
    const char *set = s->sets[k_set];
    for (;;) {
        const size_t n = strcspn(set, "+"), m = strcspn(group, "+.");
        const int64_t k = onus_vocabulary_find(&s->attributes, set, n);
        if (k < 0 || onus_vocabulary_find(&s->groups[k], group, m) < 0) return false;
        set += n;
        group += m;
        if (!*set || *group != '+') return !*set && *group != '+';
        set++;
        group++;
    }
}

/* What earlier segments of the name were. */
typedef struct {
    int64_t attribute, label, set;
} bound;

/* Of choices as a row of the registry has them, "on|off|other*". */
static bool one_of(const char *choices, const char *text, size_t n)
{
    for (const char *c = choices; *c;) {
        const size_t m = strcspn(c, "|");
        const bool open = m > 0 && c[m - 1] == '*';
        if (open ? n >= m - 1 && strncmp(c, text, m - 1) == 0
                 : n == m && strncmp(c, text, n) == 0)
            return true;
        c += m + (c[m] == '|');
    }
    return false;
}

static bool is_number(const char *word, size_t n, int64_t k)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)k);
    return strlen(text) == n && strncmp(text, word, n) == 0;
}

/* The groups that an event has names of: of an attribute those that are withheld, too. */
static const onus_vocabulary *named(const work *w)
{
    const bool one = w->of->set >= 0 && w->of->set < w->s->attributes.n && w->withheld;
    return one && w->groups.known ? &w->s->groups[w->of->set] : &w->groups;
}

static bool word_fits(const work *w, onus_word kind, const char *word, size_t n, bound *b)
{
    const onus_scope *s = w->s;
    const int64_t label = b->label >= 0 ? b->label : w->of->label >= 0 ? w->of->label : 0;
    const bool any = w->of->set == ONUS_ANY_OF_THEM;
    switch (kind) {
    case ONUS_WORD_ATTRIBUTE:
        return (b->attribute = onus_vocabulary_find(&s->attributes, word, n)) >= 0;
    case ONUS_WORD_SET:
        for (b->set = 0; b->set < s->n_sets; b->set++) {
            const char *set = s->sets[b->set];
            if (strlen(set) == n && strncmp(set, word, n) == 0) break;
        }
        return b->set < s->n_sets && (any || b->set == w->of->set);
    case ONUS_WORD_GROUP:
        if (any && b->set >= 0) return is_joined(s, b->set, word);
        return onus_vocabulary_find(b->attribute >= 0 ? &s->groups[b->attribute] : named(w),
                                    word, n) >= 0;
    case ONUS_WORD_CLASS:
        return !s->classes || !s->classes[label].known ||
               onus_vocabulary_find(&s->classes[label], word, n) >= 0 ||
               s->classes[label].n >= ONUS_CLASSES_LISTED; /* no more are listed */
    case ONUS_WORD_LABEL: return (b->label = onus_vocabulary_find(&s->labels, word, n)) >= 0;
    case ONUS_WORD_COLUMN:
        return !s->columns.known || onus_vocabulary_find(&s->columns, word, n) >= 0;
    case ONUS_WORD_SHOWN:
        if (any) return !s->columns.known || onus_vocabulary_find(&s->columns, word, n) >= 0;
        return onus_vocabulary_find(&w->shown, word, n) >= 0;
    case ONUS_WORD_SPLIT: return one_of("train|valid|test", word, n);
    case ONUS_WORD_K:
        return any ? word[0] >= '1' && word[0] <= '9' : is_number(word, n, w->of->k);
    default: return true;
    }
}

static const char *const word_names[] = {[ONUS_WORD_NONE] = "",
                                         [ONUS_WORD_ATTRIBUTE] = "protected attribute",
                                         [ONUS_WORD_SET] = "protected attribute",
                                         [ONUS_WORD_GROUP] = "group",
                                         [ONUS_WORD_CLASS] = "class",
                                         [ONUS_WORD_LABEL] = "label",
                                         [ONUS_WORD_COLUMN] = "column",
                                         [ONUS_WORD_SHOWN] = "column",
                                         [ONUS_WORD_SPLIT] = "split",
                                         [ONUS_WORD_K] = "number",
                                         [ONUS_WORD_ANY] = "word"};

/* The words of a name that has the pattern's shape; *word is the first that is none. */
static bool words_fit(const work *w, const char *pattern, const char *name, char wrong[128])
{
    bound b = {.attribute = -1, .label = -1, .set = -1};
    while (*pattern) {
        size_t p;
        const onus_word kind = onus_pattern_segment(pattern, &p);
        const size_t n = strcspn(name, ".");
        if (kind != ONUS_WORD_NONE && !word_fits(w, kind, name, n, &b)) {
            snprintf(wrong, 128, "%s '%.*s'", word_names[kind], n < 80 ? (int)n : 80, name);
            return false;
        }
        pattern += p + (pattern[p] == '.');
        name += n + (name[n] == '.');
    }
    return true;
}

bool onus_judge_words(const onus_scope *s, const onus_occurrence *of, const char *pattern,
                      const char *name, char wrong[128])
{
    const work w = {.s = s, .of = of};
    return words_fit(&w, pattern, name, wrong);
}

/* ---- values ------------------------------------------------------------------------------ */

static bool number_of(const onus_field *f, double *v)
{
    *v = onus_field_number(f);
    return isfinite(*v);
}

static bool is_hash(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static onus_status wrong(const char *name, const char *what, onus_err *err)
{
    return onus_fail(err, ONUS_TAMPER, "'%.200s' %s", name, what);
}

static onus_status check_range(const onus_name_row *row, const onus_field *f, bool whole,
                               onus_err *err)
{
    double v = 0;
    if (!number_of(f, &v)) return wrong(f->name, "is no number", err);
    if (whole && v != floor(v)) return wrong(f->name, "is no whole number", err);
    if (row->ranged && !(v >= row->lo && v <= row->hi))
        return onus_fail(err, ONUS_TAMPER, "'%.200s' is %.17g, expected %g to %g", f->name, v,
                         row->lo, row->hi);
    return ONUS_OK;
}

static onus_status check_measured(const onus_name_row *row, const onus_field *f, int suffix,
                                  onus_err *err)
{
    const bool text = suffix == ONUS_SUFFIX_METHOD || suffix == ONUS_SUFFIX_REASON;
    if (text) return f->kind == ONUS_FIELD_TEXT ? ONUS_OK : wrong(f->name, "is no text", err);
    const onus_name_row count = {.ranged = true, .lo = 0, .hi = 0x1p53};
    if (suffix == ONUS_SUFFIX_N) return check_range(&count, f, true, err);
    return onus_field_is_undefined(f) ? ONUS_OK : check_range(row, f, false, err);
}

static onus_status check_value(const onus_name_row *row, const onus_field *f, int suffix,
                               onus_err *err)
{
    switch (row->kind) {
    case ONUS_NAME_MEASURED: return check_measured(row, f, suffix, err);
    case ONUS_NAME_WHOLE:
    case ONUS_NAME_NUMBER:
        if (row->open && onus_field_is_undefined(f)) return ONUS_OK;
        return check_range(row, f, row->kind == ONUS_NAME_WHOLE, err);
    case ONUS_NAME_TEXT:
        if (f->kind != ONUS_FIELD_TEXT) return wrong(f->name, "is no text", err);
        if (row->choices && !one_of(row->choices, f->text, strlen(f->text)))
            return onus_fail(err, ONUS_TAMPER, "'%.200s' is '%.80s', expected %.200s", f->name,
                             f->text, row->choices);
        return ONUS_OK;
    case ONUS_NAME_HASH:
        return f->kind == ONUS_FIELD_TEXT && is_hash(f->text)
                   ? ONUS_OK
                   : wrong(f->name, "is no SHA-256 of 64 hexadecimal digits", err);
    case ONUS_NAME_TEXTS:
    case ONUS_NAME_NUMBERS: {
        const bool texts = row->kind == ONUS_NAME_TEXTS;
        const bool list = f->kind == ONUS_FIELD_TEXTS || f->kind == ONUS_FIELD_REALS;
        if (!list || (f->n > 0 && (f->kind == ONUS_FIELD_TEXTS) != texts))
            return wrong(f->name, texts ? "is no list of texts" : "is no list of numbers", err);
        if (row->ranged && !((double)f->n >= row->lo && (double)f->n <= row->hi))
            return onus_fail(err, ONUS_TAMPER, "'%.200s' lists %lld, expected %g to %g",
                             f->name, (long long)f->n, row->lo, row->hi);
        return ONUS_OK;
    }
    }
    return ONUS_OK;
}

/* ---- one name ---------------------------------------------------------------------------- */

static onus_status check_row(const work *w, const onus_name_row *row, const onus_field *f,
                             const char *name, int suffix, onus_err *err)
{
    char word[128];
    if (strchr(row->pattern, '<') && !words_fit(w, row->pattern, name, word))
        return onus_fail(err, ONUS_TAMPER, "'%.200s': the run has no %s", f->name, word);
    const char *why = onus_names_why_not(row->when, w->is);
    if (why) return onus_fail(err, ONUS_TAMPER, "'%.200s' has no place here: %s", f->name, why);
    if (row->body != ONUS_BODY_JUDGED && f->observed != (row->body == ONUS_BODY_OBSERVED))
        return wrong(f->name,
                     f->observed ? "is observed, expected a claim"
                                 : "is a claim, expected it observed",
                     err);
    return check_value(row, f, suffix, err);
}

/* Passes one of the rows that have its shape. */
static onus_status check_name(work *w, const onus_field *f, onus_err *err)
{
    const size_t n = strlen(w->prefix);
    if (strncmp(f->name, w->prefix, n) != 0)
        return onus_fail(err, ONUS_TAMPER,
                         "'%.200s' has no place here: names begin with '%.80s'", f->name,
                         w->prefix);
    const char *name = f->name + n;
    onus_err first = {.code = ONUS_OK};
    int suffix;
    for (int i = 0; onus_names_match(w->of->row, name, &i, &suffix); i++) {
        onus_err why = {.code = ONUS_OK};
        const onus_status st = check_row(w, &w->of->row->names[i], f, name, suffix, &why);
        if (st == ONUS_OK) {
            w->count[i] += suffix == ONUS_SUFFIX_NONE;
            w->found[f - w->e->fields] = &w->of->row->names[i];
            w->suffix[f - w->e->fields] = suffix;
            return ONUS_OK;
        }
        if (first.code == ONUS_OK) first = why;
    }
    if (first.code == ONUS_OK) return wrong(f->name, "has no place here", err);
    return onus_fail(err, first.code, "%s", first.msg);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const onus_field *const *)a)->name, (*(const onus_field *const *)b)->name);
}

static const onus_field *find(const work *w, const char *base, const char *suffix)
{
    char name[2048];
    if (snprintf(name, sizeof name, "%s%s", base, suffix) >= (int)sizeof name) return NULL;
    const onus_field key = {.name = name}, *k = &key;
    const onus_field **at =
        bsearch(&k, w->sorted, (size_t)w->e->n_fields, sizeof *w->sorted, by_name);
    return at ? *at : NULL;
}

/* ---- measured names are whole ------------------------------------------------------------ */

/* Value, both bounds and support; a method where there is a bound, a reason where there is no
 * value; bounds in order. */
static onus_status check_whole(const work *w, const onus_field *f, onus_err *err)
{
    const onus_field *lower = find(w, f->name, ".lower"), *upper = find(w, f->name, ".upper"),
                     *n = find(w, f->name, ".n"), *method = find(w, f->name, ".method"),
                     *reason = find(w, f->name, ".reason");
    double lo = 0, hi = 0;
    const bool bare = !lower && !upper && !n && !method && !reason;
    if (bare && w->withheld && onus_field_is_undefined(f)) return ONUS_OK; /* of a group */
    if (!lower || !upper || !n)
        return onus_fail(err, ONUS_TAMPER, "'%.200s' lacks its %s", f->name,
                         !n       ? ".n"
                         : !lower ? ".lower"
                                  : ".upper");
    const bool has_lo = number_of(lower, &lo), has_hi = number_of(upper, &hi);
    if (has_lo && has_hi && lo > hi) return wrong(f->name, "has bounds that are crossed", err);
    if ((has_lo || has_hi) != (method != NULL))
        return wrong(f->name, method ? "has a method and no bound" : "has bounds and no method",
                     err);
    if (onus_field_is_undefined(f) && !reason)
        return wrong(f->name, "is undefined without a reason", err);
    if (onus_field_is_undefined(f) && (has_lo || has_hi))
        return wrong(f->name, "is undefined and has a bound", err);
    return ONUS_OK;
}

/* A suffix belongs to a value. */
static onus_status check_suffix(const work *w, const onus_field *f, int suffix, onus_err *err)
{
    char base[2048];
    const size_t n = strlen(f->name) - strlen(onus_suffixes[suffix]);
    if (n >= sizeof base) return wrong(f->name, "is too long", err);
    memcpy(base, f->name, n);
    base[n] = '\0';
    return find(w, base, "") ? ONUS_OK : wrong(f->name, "belongs to no value", err);
}

/* Does what stands before the last segments of a pattern of <word> name a measured value of
 * this event? fairness.sex.NAME.n.min tells of a gap, and any gap has a row of its own. */
static onus_status check_beside(const work *w, const onus_name_row *row, const onus_field *f,
                                onus_err *err)
{
    char base[2048];
    const char *tail = strstr(row->pattern, ".<word>.");
    if (!tail) return ONUS_OK;
    const size_t n = strlen(f->name), cut = strlen(tail + strlen(".<word>"));
    if (n - cut >= sizeof base) return wrong(f->name, "is too long", err);
    memcpy(base, f->name, n - cut);
    base[n - cut] = '\0';
    return find(w, base, "") && find(w, base, ".n")
               ? ONUS_OK
               : wrong(f->name, "belongs to no value", err);
}

static onus_status check_measures(const work *w, onus_err *err)
{
    for (int64_t k = 1; k < w->e->n_fields; k++)
        if (strcmp(w->sorted[k - 1]->name, w->sorted[k]->name) == 0)
            return wrong(w->sorted[k]->name, "stands there twice", err);
    for (int64_t i = 0; i < w->e->n_fields; i++) {
        const onus_field *f = &w->e->fields[i];
        const onus_status st = w->found[i]->kind != ONUS_NAME_MEASURED
                                   ? check_beside(w, w->found[i], f, err)
                               : w->suffix[i] ? check_suffix(w, f, w->suffix[i], err)
                                              : check_whole(w, f, err);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

/* ---- what must be there ------------------------------------------------------------------ */

static int64_t class_of(const work *w)
{
    return w->of->label > 0 ? w->of->label : 0;
}

/* Names that a pattern has in this run; -1: the run does not say how many. */
static int64_t expected_count(const work *w, const char *pattern)
{
    const onus_scope *s = w->s;
    if (!strchr(pattern, '<')) return 1;
    /* of more classes cells that are zero are left out */
    const int64_t cells_max = ONUS_CELLS_SHOWN * ONUS_CELLS_SHOWN;
    const char *begin = pattern;
    int64_t n = 1;
    bool attribute = false, label = false;
    while (*pattern) {
        size_t p;
        const onus_word kind = onus_pattern_segment(pattern, &p);
        int64_t sum = 0;
        switch (kind) {
        case ONUS_WORD_ATTRIBUTE:
            n *= s->attributes.n;
            attribute = true;
            break;
        case ONUS_WORD_GROUP:
            for (int64_t a = 0; attribute && a < s->attributes.n; a++) sum += s->groups[a].n;
            n = attribute ? sum : n * named(w)->n;
            break;
        case ONUS_WORD_LABEL:
            n *= s->labels.n;
            label = true;
            break;
        case ONUS_WORD_CLASS:
            n *= label ? 2 : s->classes ? s->classes[class_of(w)].n : 0;
            break;
        case ONUS_WORD_SPLIT: n *= ONUS_PART_COUNT; break;
        case ONUS_WORD_COLUMN:
            if (!s->columns.known) return -1;
            n *= s->columns.n;
            break;
        case ONUS_WORD_SHOWN: n *= w->shown.n; break;
        case ONUS_WORD_ANY: return -1;
        default: break;
        }
        pattern += p + (pattern[p] == '.');
    }
    return n > cells_max && strncmp(begin, "confusion.", 10) == 0 ? -1 : n;
}

static onus_status check_complete(const work *w, onus_err *err)
{
    for (int i = 0; i < w->of->row->n_names; i++) {
        const onus_name_row *row = &w->of->row->names[i];
        if (row->may || !onus_names_apply(row->when, w->is)) continue;
        if (row->unless && find(w, w->prefix, row->unless)) {
            if (w->count[i] == 0) continue;
            return onus_fail(err, ONUS_TAMPER, "'%s%s' is there beside '%s'", w->prefix,
                             row->pattern, row->unless);
        }
        const int64_t asked = expected_count(w, row->pattern);
        if (asked < 0 || w->count[i] == asked) continue;
        if (asked == 1)
            return onus_fail(err, ONUS_TAMPER, "'%s%s' is missing", w->prefix, row->pattern);
        return onus_fail(err, ONUS_TAMPER, "of '%s%s' there are %lld, expected %lld", w->prefix,
                         row->pattern, (long long)w->count[i], (long long)asked);
    }
    return ONUS_OK;
}

/* ---- the event --------------------------------------------------------------------------- */

/* The groups of a set of attributes, as its event lists them: known ones, in any number for an
 * intersection, all of them for one attribute unless there are too many to be told apart. */
static onus_status take_groups(work *w, onus_arena *scratch, onus_err *err)
{
    const onus_scope *s = w->s;
    char name[4096];
    if (w->of->set < 0) return ONUS_OK;
    const char *set = s->sets[w->of->set];
    snprintf(name, sizeof name, "%sfairness.%s.groups", w->prefix, set);
    const onus_field *list = onus_event_find(w->e, name);
    onus_status st = onus_vocabulary_fill(&w->groups, list, false, scratch, err);
    if (st != ONUS_OK) return st;
    for (int64_t g = 0; g < w->groups.n; g++) {
        if (!is_joined(w->s, w->of->set, w->groups.order[g]))
            return onus_fail(err, ONUS_TAMPER,
                             "'%.200s' names a group that the run has not: '%.80s'", name,
                             w->groups.order[g]);
        if (g > 0 && strcmp(w->groups.sorted[g - 1].word, w->groups.sorted[g].word) == 0)
            return onus_fail(err, ONUS_TAMPER, "'%.200s' names '%.80s' twice", name,
                             w->groups.sorted[g].word);
    }
    snprintf(name, sizeof name, "%sfairness.%s.withheld", w->prefix, set);
    w->withheld = onus_event_find(w->e, name) != NULL;
    snprintf(name, sizeof name, "%sfairness.%s.reason", w->prefix, set);
    const bool some = onus_event_find(w->e, name) || w->withheld;
    if (onus_event_find(w->e, name)) w->groups.known = false; /* too many to be told apart */
    if (w->of->set < s->attributes.n && !some && w->groups.n != s->groups[w->of->set].n)
        return onus_fail(err, ONUS_TAMPER, "'fairness.%.200s.groups' are %lld, expected %lld",
                         set, (long long)w->groups.n, (long long)s->groups[w->of->set].n);
    return ONUS_OK;
}

/* The columns that an explanation shows. */
static onus_status take_shown(work *w, onus_arena *scratch, onus_err *err)
{
    char name[2048];
    if (strcmp(w->of->row->stage ? w->of->row->stage : "", "explain") != 0) return ONUS_OK;
    snprintf(name, sizeof name, "%s%s.columns", w->prefix, w->e->type);
    return onus_vocabulary_fill(&w->shown, onus_event_find(w->e, name), true, scratch, err);
}

onus_status onus_judge_names(const onus_scope *s, const onus_occurrence *of,
                             const onus_event *e, onus_arena *scratch, onus_err *err)
{
    onus_arena_reset(scratch);
    onus_status st = ONUS_OK;
    work w = {.s = s, .of = of, .e = e, .is = s->is, .prefix = ""};
    if (of->label >= 0 && !of->row->bare) {
        w.is = (s->is & ~(unsigned)ONUS_IF_LABELS) | ONUS_IF_BINARY;
        w.prefix = onus_arena_printf(scratch, "label.%s.", s->labels.order[of->label]);
    }
    w.sorted = onus_arena_alloc(scratch, (size_t)e->n_fields + 1, sizeof *w.sorted);
    w.count = onus_arena_alloc(scratch, (size_t)of->row->n_names + 1, sizeof *w.count);
    w.found = onus_arena_alloc(scratch, (size_t)e->n_fields + 1, sizeof *w.found);
    w.suffix = onus_arena_alloc(scratch, (size_t)e->n_fields + 1, sizeof *w.suffix);
    if (!w.prefix || !w.sorted || !w.count || !w.found || !w.suffix)
        return onus_fail_mem(err, "names");
    for (int64_t i = 0; i < e->n_fields; i++) w.sorted[i] = &e->fields[i];
    qsort(w.sorted, (size_t)e->n_fields, sizeof *w.sorted, by_name);
    ONUS_TRY(take_groups(&w, scratch, err));
    ONUS_TRY(take_shown(&w, scratch, err));
    for (int64_t i = 0; i < e->n_fields; i++) ONUS_TRY(check_name(&w, &e->fields[i], err));
    ONUS_TRY(check_measures(&w, err));
    ONUS_TRY(check_complete(&w, err));
done:
    return st;
}
