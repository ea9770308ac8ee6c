/* SPDX-License-Identifier: Apache-2.0
 * Goal: whoever holds every key can put nothing into a ledger that the registry of names has no
 * place for, nor leave out what it asks for, without verify refusing. Method: small runs of
 * every kind, forged in every way that the registry knows: each name moved to the other body
 * and to every other event, doubled, dropped, out of range, of another kind; every name of the
 * registry added to every event; each event dropped, doubled, swapped, emptied, called another;
 * events of the other runs put between any two. Each forgery is judged in this process; one of
 * each kind a run (ONUS_SLOW: more) goes through the whole of verify, its report built again
 * and its head signed with the forger's own key. ONUS_SLOW: all of them, of
 * names moved and added one in seven; else a sample.
 *
 * What the registry cannot refuse is listed below with its reason, and found by the recipe or
 * by replay; a list that is too short or too long fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include "stored_run.h"

/* ---- what is left ------------------------------------------------------------------------ */

#define FORGERIES(X)                            \
    X(MOVED_BODY, "name in the other body")     \
    X(MOVED_EVENT, "name in another event")     \
    X(DOUBLED_NAME, "name twice")               \
    X(DROPPED_NAME, "name dropped")             \
    X(ADDED_NAME, "name of the registry added") \
    X(UNKNOWN_NAME, "unknown name added")       \
    X(BELOW, "value below its range")           \
    X(ABOVE, "value above its range")           \
    X(FRACTION, "whole number with a fraction") \
    X(OTHER_KIND, "value of another kind")      \
    X(UNDEFINED, "value undefined")             \
    X(CROSSED, "bounds crossed")                \
    X(DROPPED_EVENT, "event dropped")           \
    X(DOUBLED_EVENT, "event twice")             \
    X(SWAPPED, "events swapped")                \
    X(EMPTIED, "event emptied")                 \
    X(RETYPED, "event called another")          \
    X(INSERTED, "event of another run put in")
typedef enum {
#define X(name, text) name,
    FORGERIES(X)
#undef X
        N_FORGERIES
} forgery;
static const char *const forgery_texts[] = {
#define X(name, text) text,
    FORGERIES(X)
#undef X
};

typedef enum {
    BY_RECIPE, /* verify reads the recipe */
    BY_REPLAY,
    BY_NOBODY /* seen once, on one machine */
} finder;

/* The list. A name may end in "*"; NULL: any. */
static struct {
    forgery kind;
    const char *type, *name;
    finder by;
    const char *named; /* what is said */
    int hits;
} left[] = {
    {DROPPED_NAME, "run.begin", "run.purpose", BY_RECIPE, "run.purpose", 0},
    {ADDED_NAME, "run.begin", "run.purpose", BY_RECIPE, "run.purpose", 0},
    {DROPPED_NAME, "data.sheet", "data.licence", BY_RECIPE, "data.licence", 0},
    {DROPPED_NAME, "data.sheet", "data.origin", BY_RECIPE, "data.origin", 0},
    {DROPPED_NAME, "data.sheet", "data.description", BY_RECIPE, "data.description", 0},
    {ADDED_NAME, "data.sheet", "data.licence", BY_RECIPE, "data.licence", 0},
    {ADDED_NAME, "data.sheet", "data.origin", BY_RECIPE, "data.origin", 0},
    {ADDED_NAME, "data.sheet", "data.description", BY_RECIPE, "data.description", 0},
    /* claims that only the data tell: a table of more than 2,000 columns lists none */
    {DROPPED_NAME, "data.clean", "data.constant", BY_REPLAY, "data.constant is absent", 0},
    /* which columns lack something, or have values that training did not see */
    {DROPPED_NAME, "data.clean", "data.missing.*", BY_REPLAY, "data.missing.", 0},
    {ADDED_NAME, "data.clean", "data.missing.*", BY_REPLAY, "data.missing.", 0},
    {DROPPED_NAME, "data.sheet", "data.unseen.*", BY_REPLAY, "data.unseen.", 0},
    {ADDED_NAME, "data.sheet", "data.unseen.*", BY_REPLAY, "data.unseen.", 0},
    {ADDED_NAME, "data.sheet", "data.tokens.unknown", BY_REPLAY, "data.tokens.unknown", 0},
    /* settings that event 1 does not tell of */
    {DROPPED_NAME, "data.sheet", "data.target.*", BY_REPLAY, "data.target.", 0},
    {DROPPED_NAME, "data.sheet", "data.fitted", BY_REPLAY, "data.fitted", 0},
    {DROPPED_NAME, "data.sheet", "data.augment.*", BY_REPLAY, "data.augment.", 0},
    {ADDED_NAME, "data.sheet", "data.augment.*", BY_REPLAY, "data.augment.", 0},
    /* none where rows are too short to be continued */
    {DROPPED_EVENT, "private", "samples", BY_REPLAY, "\"private\" when recomputed", 0},
    /* not every system says it; a run that was resumed did not see it all */
    {DROPPED_NAME, "train.end", "train.memory.peak", BY_NOBODY, "", 0},
    {DROPPED_NAME, "energy", "energy.multiply_adds", BY_NOBODY, "", 0},
    /* whether a run was interrupted, only its machine saw */
    {INSERTED, "run.resume", NULL, BY_NOBODY, "", 0},
    {INSERTED, "run.stop", NULL, BY_NOBODY, "", 0},
};
enum { N_LEFT = sizeof left / sizeof *left };

static long tried[N_FORGERIES], whole[N_FORGERIES], unlisted;
static bool checked[N_SMALL_RUNS][N_FORGERIES];
static long at_whole;

static int find_left(forgery kind, const char *type, const char *name)
{
    for (int i = 0; i < N_LEFT; i++) {
        const char *asked = left[i].name ? left[i].name : "*";
        const size_t n = strcspn(asked, "*");
        if (left[i].kind == kind && strcmp(left[i].type, type) == 0 &&
            (asked[n] ? strncmp(asked, name, n) : strcmp(asked, name)) == 0)
            return i;
    }
    return -1;
}

/* Who finds it, the first time that it comes up. */
static void show_left(const stored_run *r, int i)
{
    onus_err err;
    if (left[i].hits++) return;
    assert_true(write_forged(r));
    onus_status st = verify(&err);
    if (left[i].by == BY_RECIPE ? st != ONUS_TAMPER || !strstr(err.msg, left[i].named)
                                : st != ONUS_OK)
        fail_msg("%s: %s %s %s: verify: %s", r->name, forgery_texts[left[i].kind], left[i].type,
                 left[i].name, err.msg);
    if (left[i].by == BY_RECIPE) return;
    st = replay(&err);
    if (left[i].by == BY_REPLAY ? st != ONUS_MISMATCH || !strstr(err.msg, left[i].named)
                                : st != ONUS_OK)
        fail_msg("%s: %s %s %s: replay: %s", r->name, forgery_texts[left[i].kind], left[i].type,
                 left[i].name, err.msg);
}

/* The judge's word is what verify says, too: of the same event. */
static void check_whole(const stored_run *r, forgery kind, const char *type, const char *name,
                        const onus_err *judged)
{
    onus_err err;
    const int n = (int)(r - runs);
    if (checked[n][kind] && !(slow && ++at_whole % 499 == 0)) return;
    if (!write_forged(r)) return;
    checked[n][kind] = true;
    whole[kind]++;
    const onus_status st = verify(&err);
    /* the head comes first */
    static const char *const head[] = {"no event run.begin names a run", "its origin is",
                                       "signed by 'throw-away', and event"};
    bool found = false;
    char event[200];
    snprintf(event, sizeof event, "%.*s", (int)strcspn(judged->msg, ":,"), judged->msg);
    for (int k = 0; k < 3; k++) found = found || strstr(err.msg, head[k]);
    if (st != ONUS_TAMPER || (!found && !strstr(err.msg, event)))
        fail_msg("%s: %s %s %s: judge: %s\nverify: %d %s", r->name, forgery_texts[kind], type,
                 name, judged->msg, (int)st, err.msg);
}

/* What was forged of the run is in w. */
static void attempt(const stored_run *r, forgery kind, const char *type, const char *name)
{
    onus_err err = {.msg = ""};
    report_is_forged = strcmp(type, "report") == 0 && kind != MOVED_EVENT;
    count_events();
    tried[kind]++;
    const onus_status st = judge(r, &err);
    if (st != ONUS_OK && st != ONUS_TAMPER) fail_msg("%s: %s", forgery_texts[kind], err.msg);
    if (st == ONUS_TAMPER) {
        check_whole(r, kind, type, name, &err);
        return;
    }
    const int i = find_left(kind, type, name);
    if (i >= 0) {
        show_left(r, i);
        return;
    }
    unlisted++;
    print_error("%s: accepted: %s: %s %s\n", r->name, forgery_texts[kind], type, name);
}

/* All of them (ONUS_SLOW), or some, and those that the list has to show. */
static bool is_wanted(forgery kind, const char *type, const char *name)
{
    static long at[N_FORGERIES];
    /* steps are primes, so that another run has other ones of them */
    static const long steps[N_FORGERIES] = {
        [MOVED_EVENT] = 97, [ADDED_NAME] = 97, [DROPPED_EVENT] = 1, [DOUBLED_EVENT] = 1,
        [SWAPPED] = 1,      [EMPTIED] = 1,     [RETYPED] = 7,       [INSERTED] = 7};
    const long every = slow ? 1 : steps[kind] ? steps[kind] : 13;
    const int i = find_left(kind, type, name);
    return at[kind]++ % every == 0 || (i >= 0 && left[i].hits == 0);
}

/* ---- names ------------------------------------------------------------------------------- */

static void moved(const stored_run *r, int i, int64_t k)
{
    const onus_field *f = &r->ev[i].fields[k];
    const char *type = r->ev[i].type;
    if (is_wanted(MOVED_BODY, type, f->name)) {
        copy(r);
        open_fields(i, 0)[k].observed = !f->observed;
        attempt(r, MOVED_BODY, type, f->name);
    }
    for (int b = 0; b < 2; b++) { /* in one body, and in both */
        if (!is_wanted(DOUBLED_NAME, type, f->name)) continue;
        onus_field twice = *f;
        if (b) twice.observed = !f->observed;
        copy(r);
        add_field(i, 0, &twice);
        attempt(r, DOUBLED_NAME, type, f->name);
    }
    if (is_wanted(DROPPED_NAME, type, f->name)) {
        copy(r);
        drop_field(i, 0, k);
        attempt(r, DROPPED_NAME, type, f->name);
    }
    for (int q = 0; q < r->n && is_first(r, i, k, false); q++) {
        if (q == i || !is_wanted(MOVED_EVENT, type, f->name)) continue;
        onus_field there = *f;
        if ((q + k) % 3 == 0) there.observed = !there.observed;
        copy(r);
        if ((q + k) % 2) drop_field(i, 0, k); /* moved, or copied */
        add_field(q, 1, &there);
        attempt(r, MOVED_EVENT, type, f->name);
    }
}

/* One field with another value. */
static void changed(const stored_run *r, forgery kind, int i, int64_t k, onus_field f)
{
    const onus_field *was = &r->ev[i].fields[k];
    if (!is_wanted(kind, r->ev[i].type, was->name)) return;
    f.name = was->name;
    f.observed = was->observed;
    copy(r);
    open_fields(i, 0)[k] = f;
    attempt(r, kind, r->ev[i].type, was->name);
}

static onus_field real(double v)
{
    return (onus_field){.kind = ONUS_FIELD_REAL, .r = v};
}

static onus_field text(const char *v)
{
    return (onus_field){.kind = ONUS_FIELD_TEXT, .text = v};
}

static const double one_number[] = {0.5};
static const char *const one_text[] = {"x"};
static const onus_field a_list = {.kind = ONUS_FIELD_REALS, .reals = one_number, .n = 1},
                        some_texts = {.kind = ONUS_FIELD_TEXTS, .texts = one_text, .n = 1};

static void numbers(const stored_run *r, int i, int64_t k, const onus_name_row *row, int suffix)
{
    const onus_field *f = &r->ev[i].fields[k];
    const bool count = row->kind == ONUS_NAME_WHOLE || suffix == ONUS_SUFFIX_N;
    const double lo = suffix == ONUS_SUFFIX_N ? 0 : row->lo,
                 hi = suffix == ONUS_SUFFIX_N ? 0x1p53 : row->hi;
    if (row->ranged || suffix == ONUS_SUFFIX_N) {
        if (lo > -1e300) changed(r, BELOW, i, k, real(lo - 1));
        if (hi < 1e300) changed(r, ABOVE, i, k, real(hi < 2 ? hi + 0.5 : 2 * hi));
    }
    if (count)
        changed(r, FRACTION, i, k, real((f->kind == ONUS_FIELD_INT ? (double)f->i : 1) + 0.5));
    changed(r, OTHER_KIND, i, k, text("many"));
    changed(r, OTHER_KIND, i, k, a_list);
    changed(r, OTHER_KIND, i, k, some_texts);
    if (onus_field_is_undefined(f) || row->open) return; /* another value, not another form */
    changed(r, UNDEFINED, i, k, real(NAN));
    changed(r, UNDEFINED, i, k, text("undefined"));
    changed(r, UNDEFINED, i, k, (onus_field){.kind = ONUS_FIELD_UNDEFINED});
}

static void texts(const stored_run *r, int i, int64_t k, const onus_name_row *row)
{
    static const char *const no_hashes[] = {
        "", "00", "undefined",
        "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"};
    changed(r, OTHER_KIND, i, k, real(7));
    changed(r, OTHER_KIND, i, k, some_texts);
    if (row->choices) changed(r, OTHER_KIND, i, k, text("something else"));
    for (size_t h = 0; row->kind == ONUS_NAME_HASH && h < 4; h++)
        changed(r, OTHER_KIND, i, k, text(no_hashes[h]));
}

static void values(const stored_run *r, int i, int64_t k)
{
    int suffix;
    const onus_name_row *row = row_of(r, i, r->ev[i].fields[k].name, &suffix);
    const bool said = row->kind == ONUS_NAME_MEASURED &&
                      (suffix == ONUS_SUFFIX_METHOD || suffix == ONUS_SUFFIX_REASON);
    switch (row->kind) {
    case ONUS_NAME_TEXT:
    case ONUS_NAME_HASH: texts(r, i, k, row); return;
    case ONUS_NAME_TEXTS: changed(r, OTHER_KIND, i, k, a_list); break;
    case ONUS_NAME_NUMBERS: changed(r, OTHER_KIND, i, k, some_texts); break;
    default:
        if (said)
            changed(r, OTHER_KIND, i, k, real(7));
        else
            numbers(r, i, k, row, suffix);
        return;
    }
    changed(r, OTHER_KIND, i, k, text("x"));
    changed(r, OTHER_KIND, i, k, real(7));
}

/* NAME.lower above NAME.upper. */
static void crossed(const stored_run *r, int i, int64_t k)
{
    const onus_event *e = &r->ev[i];
    const size_t n = strlen(e->fields[k].name);
    if (n < 6 || strcmp(e->fields[k].name + n - 6, ".lower") != 0) return;
    for (int64_t u = 0; u < e->n_fields; u++) {
        const onus_field *lo = &e->fields[k], *hi = &e->fields[u];
        if (strncmp(lo->name, hi->name, n - 5) != 0 || strcmp(hi->name + n - 5, "upper") != 0 ||
            lo->kind != ONUS_FIELD_REAL || hi->kind != ONUS_FIELD_REAL || lo->r == hi->r)
            continue;
        if (!is_wanted(CROSSED, e->type, lo->name)) return;
        copy(r);
        onus_field *f = open_fields(i, 0);
        f[k].r = hi->r;
        f[u].r = lo->r;
        attempt(r, CROSSED, e->type, lo->name);
    }
}

/* ---- names of the registry, where they have no place --------------------------------------
 */

/* A pattern with words that most of the runs have. */
static void fill_in(const char *pattern, char out[512])
{
    static const char *const words[] = {
        [ONUS_WORD_ATTRIBUTE] = "sex", [ONUS_WORD_SET] = "sex", [ONUS_WORD_GROUP] = "f",
        [ONUS_WORD_CLASS] = "yes",     [ONUS_WORD_LABEL] = "y", [ONUS_WORD_COLUMN] = "x",
        [ONUS_WORD_SHOWN] = "x",       [ONUS_WORD_K] = "1",     [ONUS_WORD_SPLIT] = "test",
        [ONUS_WORD_ANY] = "x"};
    out[0] = '\0';
    while (*pattern) {
        size_t n;
        const onus_word word = onus_pattern_segment(pattern, &n);
        if (word == ONUS_WORD_NONE)
            strncat(out, pattern, n);
        else
            strcat(out, words[word]);
        pattern += n;
        if (*pattern) strncat(out, pattern++, 1);
    }
}

static onus_field value_for(const onus_name_row *row)
{
    static char choice[128];
    const double lo = row->ranged ? row->lo : 0, hi = row->ranged ? row->hi : 1;
    switch (row->kind) {
    case ONUS_NAME_WHOLE:
        return (onus_field){.kind = ONUS_FIELD_INT, .i = lo < 1 ? 1 : (int64_t)lo};
    case ONUS_NAME_TEXT:
        snprintf(choice, sizeof choice, "%.*s",
                 row->choices ? (int)strcspn(row->choices, "|*") : 1,
                 row->choices ? row->choices : "x");
        return text(choice);
    case ONUS_NAME_HASH:
        return text("0000000000000000000000000000000000000000000000000000000000000000");
    case ONUS_NAME_TEXTS: return some_texts;
    case ONUS_NAME_NUMBERS: return a_list;
    default: return real(hi < 0.97 ? hi : lo > 0.97 ? lo : 0.97);
    }
}

/* A name with all that belongs to it; false: the event has it. */
static bool add_named(int at, const onus_name_row *row, const char *name, bool observed)
{
    static char names[ONUS_SUFFIXES][600];
    static const double bounds[] = {0, 0.93, 0.99};
    if (onus_event_find(&w[at], name)) return false;
    for (int s = 0; s < ONUS_SUFFIX_REASON; s++) {
        if (s > 0 && row->kind != ONUS_NAME_MEASURED) break;
        onus_field f = s == 0                    ? value_for(row)
                       : s == ONUS_SUFFIX_N      ? (onus_field){.kind = ONUS_FIELD_INT, .i = 12}
                       : s == ONUS_SUFFIX_METHOD ? text("wilson")
                                                 : real(bounds[s]);
        snprintf(names[s], sizeof names[s], "%s%s", name, onus_suffixes[s]);
        f.name = names[s];
        f.observed = observed;
        add_field(at, s == 0 ? 0 : 1, &f);
    }
    return true;
}

static void add_row(const stored_run *r, int at, const onus_name_row *row)
{
    char name[512], full[600];
    fill_in(row->pattern, name);
    bool here = false;
    for (int k = 0; k < r->row[at]->n_names; k++) here = here || &r->row[at]->names[k] == row;
    for (int v = 0; v < 3; v++) { /* its body, the other one, of a label */
        if (v == 1 && !here) continue;
        snprintf(full, sizeof full, "%s%s", v == 2 ? "label.y." : "", name);
        if ((v == 2 && !r->labels) || !is_wanted(ADDED_NAME, r->ev[at].type, full)) continue;
        copy(r);
        if (add_named(at, row, full, (row->body == ONUS_BODY_OBSERVED) != (v == 1)))
            attempt(r, ADDED_NAME, r->ev[at].type, full);
    }
}

static void added(const stored_run *r, int at)
{
    static const char *const unknown[] = {"x",         "accurac",  "accuracy.",
                                          "",          "onus",     "metric.accuracy",
                                          "label.y.x", "policy.1", "data.rows.test.lower"};
    for (int e = 0; e < onus_n_event_rows; e++)
        for (int k = 0; k < onus_event_rows[e]->n_names; k++)
            add_row(r, at, &onus_event_rows[e]->names[k]);
    for (size_t u = 0; u < 2 * sizeof unknown / sizeof *unknown; u++) {
        if (!is_wanted(UNKNOWN_NAME, r->ev[at].type, unknown[u / 2])) continue;
        onus_field f = real(0.97);
        f.name = unknown[u / 2];
        f.observed = u % 2;
        copy(r);
        add_field(at, 0, &f);
        attempt(r, UNKNOWN_NAME, r->ev[at].type, unknown[u / 2]);
    }
}

static void every_name(void **state)
{
    (void)state;
    for (int n = 0; n < N_SMALL_RUNS; n++) {
        const stored_run *r = &runs[n];
        for (int i = 0; i < r->n; i++) {
            for (int64_t k = 0; k < r->ev[i].n_fields; k++) {
                moved(r, i, k);
                values(r, i, k);
                crossed(r, i, k);
            }
            added(r, i);
        }
    }
}

/* ---- events ------------------------------------------------------------------------------ */

static void emptied(const stored_run *r, int i)
{
    const onus_event *e = &r->ev[i];
    for (int b = 0; b < 3; b++) { /* claim, observed, both */
        copy(r);
        onus_field *f = open_fields(i, 0);
        w[i].n_fields = 0;
        for (int64_t k = 0; k < e->n_fields; k++)
            if (b < 2 && e->fields[k].observed != (b == 1)) f[w[i].n_fields++] = e->fields[k];
        if (w[i].n_fields < e->n_fields && is_wanted(EMPTIED, "", ""))
            attempt(r, EMPTIED, e->type, b == 0 ? "claim" : b == 1 ? "observed" : "both");
    }
}

static void retyped(const stored_run *r, int i)
{
    static const char *const unknown[] = {"", "metrics", "robustness", "privacy.attack",
                                          "Metric"};
    for (int e = 0; e < onus_n_event_rows + 5; e++) {
        const char *type =
            e < onus_n_event_rows ? onus_event_rows[e]->type : unknown[e - onus_n_event_rows];
        if (strcmp(type, r->ev[i].type) == 0) continue;
        copy(r);
        w[i].type = type;
        if (is_wanted(RETYPED, "", "")) attempt(r, RETYPED, r->ev[i].type, type);
    }
}

static void one_event(const stored_run *r, int i)
{
    const char *type = r->ev[i].type;
    const int far = (i + r->n / 2) % r->n;
    copy(r);
    drop_at(i);
    attempt(r, DROPPED_EVENT, type, r->row[i]->variant ? r->row[i]->variant : "");
    for (int d = 0; d < 3; d++) { /* behind itself, at the end, far away */
        copy(r);
        put_at(d == 0 ? i + 1 : d == 1 ? m : far, &r->ev[i]);
        if (is_wanted(DOUBLED_EVENT, "", "")) attempt(r, DOUBLED_EVENT, type, "");
    }
    for (int d = 0; d < 2; d++) {
        const int with = d == 0 ? (i + 1) % r->n : far;
        copy(r);
        w[i] = r->ev[with];
        w[with] = r->ev[i];
        if (is_wanted(SWAPPED, "", "")) attempt(r, SWAPPED, type, r->ev[with].type);
    }
    emptied(r, i);
    retyped(r, i);
}

/* An event of that row from another run; what only an interrupted run has is made up. */
static const onus_event *of_another(const stored_run *r, const onus_event_row *row)
{
    static const onus_field resume[] = {
        {.name = "run.resume.step", .observed = true, .i = 1},
        {.name = "run.resume.torn_bytes", .observed = true, .i = 0}};
    static const onus_field stop[] = {
        {.name = "run.stop.step", .observed = true, .i = 1},
        {.name = "run.stop.epoch", .observed = true, .i = 0},
        {.name = "run.stop.checkpoint.sha256",
         .observed = true,
         .kind = ONUS_FIELD_TEXT,
         .text = "0000000000000000000000000000000000000000000000000000000000000000"},
        {.name = "run.stop.checkpoint.bytes", .observed = true, .i = 100}};
    static const onus_event resumed = {"run.resume", resume, 2},
                            stopped = {"run.stop", stop, 4};
    if (strcmp(row->type, "run.resume") == 0) return &resumed;
    if (strcmp(row->type, "run.stop") == 0) return &stopped;
    const onus_event *found = NULL;
    for (int n = 0; n < N_SMALL_RUNS; n++) {
        for (int i = 0; i < runs[n].n; i++) {
            if (runs[n].row[i] != row || (&runs[n] == r && found)) continue;
            found = &runs[n].ev[i];
            if (&runs[n] != r) return found;
        }
    }
    return found; /* no other run has one: its own, again */
}

static void every_event(void **state)
{
    (void)state;
    for (int n = 0; n < N_SMALL_RUNS; n++) {
        const stored_run *r = &runs[n];
        for (int i = 0; i < r->n; i++) one_event(r, i);
        for (int e = 0; e < onus_n_event_rows; e++) {
            const onus_event *other = of_another(r, onus_event_rows[e]);
            if (!other) fail_msg("no run has %s", onus_event_rows[e]->type);
            for (int at = 0; at <= r->n; at++) {
                copy(r);
                put_at(at, other);
                if (is_wanted(INSERTED, "", ""))
                    attempt(r, INSERTED, other->type, at == r->n ? "end" : "");
            }
        }
    }
}

/* Every kind of forgery was tried, refused by the judge and by verify; what is left is listed.
 */
static void nothing_unlisted(void **state)
{
    (void)state;
    long n = 0, n_whole = 0;
    for (int k = 0; k < N_FORGERIES; k++) {
        n += tried[k];
        if (slow) print_message("# %-32s %ld\n", forgery_texts[k], tried[k]);
        n_whole += whole[k];
        if (tried[k] == 0 || (whole[k] == 0 && k != DOUBLED_NAME))
            fail_msg("%s: %ld tried, %ld verified", forgery_texts[k], tried[k], whole[k]);
    }
    for (int i = 0; i < N_LEFT; i++)
        if (left[i].hits == 0)
            fail_msg("listed, and never accepted: %s %s", forgery_texts[left[i].kind],
                     left[i].type);
    assert_int_equal(unlisted, 0);
    print_message("# %ld ledgers forged; %ld of them signed and verified; %d kinds left\n", n,
                  n_whole, N_LEFT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event),
        cmocka_unit_test(every_name),
        cmocka_unit_test(nothing_unlisted),
    };
    return cmocka_run_group_tests(tests, open_runs, close_runs);
}
