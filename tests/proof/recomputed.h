/* SPDX-License-Identifier: Apache-2.0
 * recomputed.h - what the tests of closed_*.c share: a ledger's events in memory, judged as the
 * reader of a ledger judges them; and every number of them changed, one at a time, by one unit
 * or one unit in the last place where it is determined to the bit, by a thousandth where it is
 * determined but for rounding. What is not determined is in the table below, with the reason.
 */
#ifndef ONUS_TESTS_RECOMPUTED_H
#define ONUS_TESTS_RECOMPUTED_H
#include "audit/auditing.h"
#include "proof/closed.h"

enum { EVENTS_MAX = 64 };

typedef struct {
    onus_arena arena;
    onus_event_builder b;
    onus_event event[EVENTS_MAX];
    onus_occurrence of[EVENTS_MAX];
    int n;
    onus_scope scope;
} world;

/* ---- a ledger in memory ------------------------------------------------------------------ */

static inline char *copy_text(world *w, const char *text)
{
    char *copy = onus_arena_strdup(&w->arena, text);
    assert_non_null(copy);
    return copy;
}

static inline onus_field copy_field(world *w, const onus_field *f)
{
    onus_field out = *f;
    out.name = copy_text(w, f->name);
    if (f->kind == ONUS_FIELD_TEXT) out.text = copy_text(w, f->text);
    if (f->kind == ONUS_FIELD_REALS) {
        double *reals = onus_arena_alloc(&w->arena, (size_t)f->n + 1, sizeof *reals);
        if (f->n) memcpy(reals, f->reals, (size_t)f->n * sizeof *reals);
        out.reals = reals;
    }
    if (f->kind == ONUS_FIELD_TEXTS) {
        const char **texts = onus_arena_alloc(&w->arena, (size_t)f->n + 1, sizeof *texts);
        for (int64_t i = 0; i < f->n; i++) texts[i] = copy_text(w, f->texts[i]);
        out.texts = texts;
    }
    return out;
}

/* Which row of the registry: decisions, scores, numbers ... are told apart by what they have.
 */
static const onus_event_row *row_of(const onus_event *e)
{
    static const char *const first[][2] = {{"subset_accuracy", "labels"},
                                           {"balanced_accuracy", "decisions"},
                                           {"brier", "scores"},
                                           {"mse", "numbers"},
                                           {"loss", "tokens"}};
    const char *variant = NULL;
    for (size_t k = 0; strcmp(e->type, "metric") == 0 && k < 5; k++)
        for (int64_t i = 0; i < e->n_fields; i++) {
            const char *at = strstr(e->fields[i].name, first[k][0]);
            if (at && strcmp(at, first[k][0]) == 0 &&
                (at == e->fields[i].name || at[-1] == '.'))
                variant = first[k][1];
        }
    for (int r = 0; r < onus_n_event_rows; r++) {
        const onus_event_row *row = onus_event_rows[r];
        if (strcmp(row->type, e->type) == 0 &&
            (!variant || (row->variant && strcmp(row->variant, variant) == 0)))
            return row;
    }
    fail_msg("no such event: %s", e->type);
    return NULL;
}

static inline onus_status keep(void *ctx, const onus_event *e, onus_err *err)
{
    world *w = ctx;
    (void)err;
    assert_true(w->n < EVENTS_MAX);
    onus_field *f = onus_arena_alloc(&w->arena, (size_t)e->n_fields + 1, sizeof *f);
    for (int64_t i = 0; i < e->n_fields; i++) f[i] = copy_field(w, &e->fields[i]);
    onus_event *to = &w->event[w->n];
    *to = (onus_event){copy_text(w, e->type), f, e->n_fields};
    assert_int_equal(onus_scope_add(&w->scope, to, NULL), ONUS_OK);
    onus_occurrence *of = &w->of[w->n++];
    *of = (onus_occurrence){row_of(to), -1, -1, 0};
    for (int64_t l = 0; l < w->scope.labels.n; l++) {
        char begin[128];
        snprintf(begin, sizeof begin, "label.%s.", w->scope.labels.order[l]);
        if (strncmp(f[0].name, begin, strlen(begin)) == 0) of->label = l;
    }
    const char *set = strstr(f[0].name, "fairness.");
    for (int64_t s = 0; set && s < w->scope.n_sets; s++) {
        const size_t n = strlen(w->scope.sets[s]);
        if (strncmp(set + 9, w->scope.sets[s], n) == 0 && set[9 + n] == '.') of->set = s;
    }
    return ONUS_OK;
}

static inline onus_sink begin(world *w, const char *type)
{
    onus_event_begin(&w->b, type);
    return (onus_sink){.emit = keep, .ctx = w};
}

static inline void emit(world *w)
{
    const onus_sink sink = {.emit = keep, .ctx = w};
    assert_int_equal(onus_event_emit(&w->b, &sink, NULL), ONUS_OK);
}

static inline void open_world(world *w)
{
    memset(w, 0, sizeof *w);
    onus_arena_init(&w->arena, NULL);
    onus_event_init(&w->b, NULL);
    onus_scope_init(&w->scope, NULL);
}

static inline void close_world(world *w)
{
    onus_event_release(&w->b);
    onus_scope_release(&w->scope);
    onus_arena_release(&w->arena);
}

/* All events in order, of audits those from `from` on; the first refusal, its message in err.
 */
static inline onus_status judge_from(const world *w, const onus_event *events, int from,
                                     const onus_allocator *mem, onus_err *err)
{
    onus_facts *facts = NULL, *kept = NULL;
    onus_arena scratch;
    onus_arena_init(&scratch, mem);
    onus_status st = onus_facts_create(&facts, mem, err);
    if (st == ONUS_OK) st = onus_facts_create(&kept, mem, err);
    for (int i = 0; st == ONUS_OK && i < w->n; i++) {
        const onus_closed_given given = {.scope = &w->scope,
                                         .of = &w->of[i],
                                         .facts = facts,
                                         .kept = kept,
                                         .n = i,
                                         .scratch = &scratch};
        const char *variant = w->of[i].row->variant;
        const bool kept_of = !variant || strcmp(variant, "labels") == 0;
        onus_arena_reset(&scratch);
        if (i >= from || (kept_of && strcmp(events[i].type, "fairness") != 0))
            st = onus_closed_determined(&given, &events[i], err);
        for (int64_t k = 0; st == ONUS_OK && k < events[i].n_fields; k++) {
            const onus_field *f = &events[i].fields[k];
            if (f->kind == ONUS_FIELD_INT || f->kind == ONUS_FIELD_REAL ||
                f->kind == ONUS_FIELD_UNDEFINED)
                st = onus_facts_add(facts, f, err);
        }
    }
    onus_facts_destroy(facts);
    onus_facts_destroy(kept);
    onus_arena_release(&scratch);
    return st;
}

static inline onus_status judge(const world *w, const onus_event *events, onus_err *err)
{
    return judge_from(w, events, 0, NULL, err);
}

/* ---- what is changed --------------------------------------------------------------------- */

typedef enum { TO_THE_BIT, BUT_FOR_ROUNDING, NOT } determined;

/* By the name's end, the first that fits. */
static const struct {
    const char *end;
    determined how;
    const char *why;
} rules[] = {
    {"run.", NOT, "what the recipe asks for"},
    {"data.licence", NOT, "the owner's word"},
    {"log_loss", BUT_FOR_ROUNDING, "middle of its bounds"},
    {"log_loss.lower", BUT_FOR_ROUNDING, "as far as the upper one"},
    {"log_loss.upper", BUT_FOR_ROUNDING, "as far as the lower one"},
    {"brier", BUT_FOR_ROUNDING, "middle of its bounds"},
    {"brier.lower", BUT_FOR_ROUNDING, "as far as the upper one"},
    {"brier.upper", BUT_FOR_ROUNDING, "as far as the lower one"},
    {"average_precision", BUT_FOR_ROUNDING, "Wilson of it times the positives"},
    {"average_precision.lower", BUT_FOR_ROUNDING, "the same"},
    {"average_precision.upper", BUT_FOR_ROUNDING, "the same"},
    {"auc.lower", BUT_FOR_ROUNDING, "DeLong's variance in another order of adding"},
    {"auc.upper", BUT_FOR_ROUNDING, "the same"},
    {"auc", BUT_FOR_ROUNDING, "of more than 255 corners: between bounds on the logit scale"},
    {"calibration.predicted", BUT_FOR_ROUNDING, "bins' means make the error"},
    {"calibration.observed", TO_THE_BIT, "whole people"},
    {"precision.micro.lower", BUT_FOR_ROUNDING, "logit scale: as far as the upper one"},
    {"precision.micro.upper", BUT_FOR_ROUNDING, "the same"},
    {"recall.micro.lower", BUT_FOR_ROUNDING, "the same"},
    {"recall.micro.upper", BUT_FOR_ROUNDING, "the same"},
    {"f1.micro.lower", BUT_FOR_ROUNDING, "the same"},
    {"f1.micro.upper", BUT_FOR_ROUNDING, "the same"},
    {"hamming_loss.lower", BUT_FOR_ROUNDING, "the same"},
    {"hamming_loss.upper", BUT_FOR_ROUNDING, "the same"},
    {"hamming_loss.gain.lower", BUT_FOR_ROUNDING, "the same"},
    {"hamming_loss.gain.upper", BUT_FOR_ROUNDING, "the same"},
    {"mse", BUT_FOR_ROUNDING, "middle of its bounds"},
    {"mse.lower", BUT_FOR_ROUNDING, "as far as the upper one"},
    {"mse.upper", BUT_FOR_ROUNDING, "as far as the lower one"},
    {"mae", BUT_FOR_ROUNDING, "middle of its bounds, which mse gives"},
    {"mae.lower", BUT_FOR_ROUNDING, "the same"},
    {"mae.upper", BUT_FOR_ROUNDING, "the same"},
    {"mean_error", BUT_FOR_ROUNDING, "the same"},
    {"mean_error.lower", BUT_FOR_ROUNDING, "the same"},
    {"mean_error.upper", BUT_FOR_ROUNDING, "the same"},
    {"mean_prediction", BUT_FOR_ROUNDING, "middle of its bounds"},
    {"mean_prediction.lower", BUT_FOR_ROUNDING, "as far as the upper one"},
    {"mean_prediction.upper", BUT_FOR_ROUNDING, "as far as the lower one"},
    {"_difference.lower", BUT_FOR_ROUNDING, "of numbers: Welch's by the groups' bounds"},
    {"_difference.upper", BUT_FOR_ROUNDING, "the same"},
    {"r2", BUT_FOR_ROUNDING, "middle of its bounds; the labels' spread is not told"},
    {"r2.lower", BUT_FOR_ROUNDING, "as far as the upper one"},
    {"r2.upper", BUT_FOR_ROUNDING, "as far as the lower one"},
    {"loss", BUT_FOR_ROUNDING, "perplexity is e to it"},
    {"loss.lower", BUT_FOR_ROUNDING, "the same"},
    {"loss.upper", BUT_FOR_ROUNDING, "the same"},
    {"perplexity", BUT_FOR_ROUNDING, "the same"},
    {"perplexity.lower", BUT_FOR_ROUNDING, "the same"},
    {"perplexity.upper", BUT_FOR_ROUNDING, "the same"},
    {"token_accuracy.lower", BUT_FOR_ROUNDING, "as far as the upper one"},
    {"token_accuracy.upper", BUT_FOR_ROUNDING, "as far as the lower one"},
    {"subset_accuracy.n", TO_THE_BIT, "whole rows"},
    {"energy.seconds", NOT, "a time; between the phases' and the run's"},
    {"energy.cpu_seconds", TO_THE_BIT, "without counters joules are it times a power"},
    {"energy.joules", TO_THE_BIT, "carbon is joules times an intensity"},
    {"energy.multiply_adds", NOT, "counted by the trainer"},
    {".seconds", NOT, "a time; phases are parts of the run"},
    {".joules", NOT, "phases are parts of the run"},
    {"privacy.target.epsilon", NOT, "noise is found for it to parts in a thousand"},
    {"privacy.sensitivity", NOT, "the net's; no less than privacy.clip"},
    {"privacy.sample.most", NOT, "so many rows that more are next to never drawn"},
    {"privacy.clip", NOT, "a setting"},
    {"privacy.noise.commitment", NOT, "a hash"},
    {"privacy.noise.generator", NOT, "a text"},
};
/* Of several labels in the sheet, a row may lack one; of one, two splits may exchange groups.
 * Settings of training are the recipe's. */
static const char *const settings[] = {
    "train.epochs",     "train.steps",    "train.shards",       "train.lr",
    "train.batch",      "train.patience", "train.planned",      "train.param",
    "train.epochs_run", "train.keep",     "train.class_weights"};

static inline bool ends_with(const char *name, const char *end)
{
    const size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0 &&
           (n == m || end[0] == '.' || end[0] == '_' || name[n - m - 1] == '.');
}

static inline determined rule_of(const onus_event *e, const onus_field *f)
{
    const bool numbers = onus_event_find(e, "mse") || strstr(f->name, "mean_prediction") ||
                         strstr(f->name, "mean_error") || strstr(f->name, "mae");
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (strncmp(f->name, settings[i], strlen(settings[i])) == 0) return NOT;
    if (strncmp(f->name, "run.", 4) == 0 || strncmp(f->name, "data.", 5) == 0) return NOT;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!ends_with(f->name, rules[i].end)) continue;
        if (rules[i].end[0] == '_' && !numbers) return TO_THE_BIT;
        return rules[i].how;
    }
    if (strstr(f->name, ".macro.") && strncmp(f->name, "label.", 6) != 0 &&
        onus_event_find(e, "subset_accuracy"))
        return BUT_FOR_ROUNDING;
    return TO_THE_BIT;
}

static inline double moved(double v, int way, bool a_bit)
{
    if (a_bit) return nextafter(v, way * INFINITY);
    return v == 0 ? way * 1e-3 : v * (1 + way * 1e-3);
}

typedef struct {
    long tried, bit, near, not, names_bit, names_near, names_not;
} tally;

/* One change: entry q of a list, or the value. */
static inline void change(onus_field *f, const onus_field *from, int64_t q, int way, bool a_bit,
                          double *room)
{
    *f = *from;
    if (f->kind == ONUS_FIELD_INT) f->i += way;
    if (f->kind == ONUS_FIELD_REAL) f->r = moved(f->r, way, a_bit);
    if (f->kind != ONUS_FIELD_REALS) return;
    memcpy(room, from->reals, (size_t)from->n * sizeof *room);
    room[q] = moved(room[q], way, a_bit);
    f->reals = room;
}

static inline bool is_a_number(const onus_field *f)
{
    return f->kind == ONUS_FIELD_INT || f->kind == ONUS_FIELD_REAL ||
           f->kind == ONUS_FIELD_REALS;
}

/* Every number of event i. */
static inline void attack_event(const world *w, int i, tally *t)
{
    enum { FIELDS_MAX = 4096 };
    static onus_field fields[FIELDS_MAX];
    static double room[1024];
    onus_event events[EVENTS_MAX];
    memcpy(events, w->event, sizeof events);
    const onus_event *e = &w->event[i];
    assert_true(e->n_fields < FIELDS_MAX);
    memcpy(fields, e->fields, (size_t)e->n_fields * sizeof *fields);
    events[i].fields = fields;
    for (int64_t k = 0; k < e->n_fields; k++) {
        const onus_field *f = &e->fields[k];
        if (!is_a_number(f)) continue;
        const determined how = rule_of(e, f);
        t->names_bit += how == TO_THE_BIT;
        t->names_near += how == BUT_FOR_ROUNDING;
        t->names_not += how == NOT;
        for (int64_t q = 0; how != NOT && q < (f->kind == ONUS_FIELD_REALS ? f->n : 1); q++) {
            for (int way = -1; way <= 1; way += 2) {
                change(&fields[k], f, q, way, how == TO_THE_BIT, room);
                t->tried++;
                if (judge_from(w, events, i, NULL, NULL) == ONUS_TAMPER) continue;
                fail_msg("event %d (%s): '%s' may be changed (%s %d)", i + 1, e->type, f->name,
                         how == TO_THE_BIT ? "a bit" : "a thousandth", way);
            }
        }
        fields[k] = *f;
    }
}

/* Texts that follow (reasons, methods, lowest group) and such where there are none. */
static inline void attack_texts(const world *w, int i, tally *t)
{
    static onus_field fields[4096];
    onus_event events[EVENTS_MAX];
    memcpy(events, w->event, sizeof events);
    const onus_event *e = &w->event[i];
    memcpy(fields, e->fields, (size_t)e->n_fields * sizeof *fields);
    events[i].fields = fields;
    for (int64_t k = 0; k < e->n_fields; k++) {
        const onus_field *f = &e->fields[k];
        const char *last = strrchr(f->name, '.');
        static const char *const follows[] = {".reason",  ".method", ".lowest",
                                              ".highest", ".first",  ".second"};
        for (size_t x = 0; last && x < sizeof follows / sizeof *follows; x++) {
            if (strcmp(last, follows[x]) != 0 || f->kind != ONUS_FIELD_TEXT) continue;
            fields[k].text = "another";
            t->tried++;
            if (judge_from(w, events, i, NULL, NULL) != ONUS_TAMPER)
                fail_msg("event %d: '%s' may say another thing", i + 1, f->name);
        }
        fields[k] = *f;
        if (f->kind != ONUS_FIELD_UNDEFINED) continue;
        fields[k].kind = ONUS_FIELD_REAL; /* what is undefined becomes a good number */
        fields[k].r = 0.5;
        t->tried++;
        if (judge_from(w, events, i, NULL, NULL) != ONUS_TAMPER)
            fail_msg("event %d: '%s' may be defined", i + 1, f->name);
        fields[k] = *f;
    }
}

static inline void attack(const world *w, const char *what)
{
    tally t = {0};
    onus_err err = {.code = ONUS_OK};
    if (judge(w, w->event, &err) != ONUS_OK)
        fail_msg("%s: refused as it is: %s", what, err.msg);
    for (int i = 0; i < w->n; i++) {
        const char *type = w->event[i].type;
        if (strcmp(type, "metric") != 0 && strcmp(type, "fairness") != 0 &&
            strncmp(type, "privacy", 7) != 0 && strcmp(type, "energy") != 0)
            continue;
        attack_event(w, i, &t);
        if (strcmp(type, "energy") != 0) attack_texts(w, i, &t);
    }
    print_message("%s: %ld changes refused; names determined to the bit %ld, but for rounding "
                  "%ld, not %ld\n",
                  what, t.tried, t.names_bit, t.names_near, t.names_not);
}

static inline onus_field *field_of(world *w, const char *type, const char *name)
{
    for (int i = 0; i < w->n; i++) {
        if (strcmp(w->event[i].type, type) != 0) continue;
        for (int64_t k = 0; k < w->event[i].n_fields; k++)
            if (strcmp(w->event[i].fields[k].name, name) == 0)
                return (onus_field *)&w->event[i].fields[k];
    }
    fail_msg("no %s", name);
    return NULL;
}
#endif
