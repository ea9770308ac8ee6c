/* SPDX-License-Identifier: Apache-2.0
 * Goal: a ledger whose numbers contradict each other is refused. Method: audits, the meter and
 * the accountant make real events of random rows; as they are, all of them pass. Then every
 * number in them is changed, one at a time: by one unit or by one unit in the last place where
 * the number is determined to the bit, by a thousandth where it is determined but for rounding.
 * What is not determined is listed below, with the reason; everything else must be refused. */
#include "audit/auditing.h"
#include "audit/energy.h"
#include "audit/language.h"
#include "proof/closed.h"
#include "train/accountant.h"
#include "train/budget.h"

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

static char *copy_text(world *w, const char *text)
{
    char *copy = onus_arena_strdup(&w->arena, text);
    assert_non_null(copy);
    return copy;
}

static onus_field copy_field(world *w, const onus_field *f)
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

static onus_status keep(void *ctx, const onus_event *e, onus_err *err)
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

static onus_sink begin(world *w, const char *type)
{
    onus_event_begin(&w->b, type);
    return (onus_sink){.emit = keep, .ctx = w};
}

static void emit(world *w)
{
    const onus_sink sink = {.emit = keep, .ctx = w};
    assert_int_equal(onus_event_emit(&w->b, &sink, NULL), ONUS_OK);
}

static void open_world(world *w)
{
    memset(w, 0, sizeof *w);
    onus_arena_init(&w->arena, NULL);
    onus_event_init(&w->b, NULL);
    onus_scope_init(&w->scope, NULL);
}

static void close_world(world *w)
{
    onus_event_release(&w->b);
    onus_scope_release(&w->scope);
    onus_arena_release(&w->arena);
}

/* All events in order; the first refusal, its message in err. */
static onus_status judge(const world *w, const onus_event *events, onus_err *err)
{
    onus_facts *facts = NULL, *kept = NULL;
    onus_arena scratch;
    onus_arena_init(&scratch, NULL);
    onus_status st = ONUS_OK;
    assert_int_equal(onus_facts_create(&facts, NULL, NULL), ONUS_OK);
    assert_int_equal(onus_facts_create(&kept, NULL, NULL), ONUS_OK);
    for (int i = 0; st == ONUS_OK && i < w->n; i++) {
        const onus_closed_given given = {.scope = &w->scope,
                                         .of = &w->of[i],
                                         .facts = facts,
                                         .kept = kept,
                                         .n = i,
                                         .scratch = &scratch};
        onus_arena_reset(&scratch);
        st = onus_closed_determined(&given, &events[i], err);
        for (int64_t k = 0; st == ONUS_OK && k < events[i].n_fields; k++) {
            const onus_field *f = &events[i].fields[k];
            if (f->kind == ONUS_FIELD_INT || f->kind == ONUS_FIELD_REAL ||
                f->kind == ONUS_FIELD_UNDEFINED)
                assert_int_equal(onus_facts_add(facts, f, NULL), ONUS_OK);
        }
    }
    onus_facts_destroy(facts);
    onus_facts_destroy(kept);
    onus_arena_release(&scratch);
    return st;
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
    {"energy.cpu_seconds", NOT, "a time; between bounds by joules"},
    {"energy.joules", TO_THE_BIT, "carbon is joules times an intensity"},
    {"energy.multiply_adds", NOT, "counted by the trainer"},
    {".seconds", NOT, "a time; phases are parts of the run"},
    {".joules", NOT, "phases are parts of the run"},
    {"privacy.target.epsilon", BUT_FOR_ROUNDING, "noise is found for it to 1e-4"},
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

static bool ends_with(const char *name, const char *end)
{
    const size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0 &&
           (n == m || end[0] == '.' || end[0] == '_' || name[n - m - 1] == '.');
}

static determined rule_of(const onus_event *e, const onus_field *f)
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

static double moved(double v, int way, bool a_bit)
{
    if (a_bit) return nextafter(v, way * INFINITY);
    return v == 0 ? way * 1e-3 : v * (1 + way * 1e-3);
}

typedef struct {
    long tried, bit, near, not, names_bit, names_near, names_not;
} tally;

/* One change: entry q of a list, or the value. */
static void change(onus_field *f, const onus_field *from, int64_t q, int way, bool a_bit,
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

static bool is_a_number(const onus_field *f)
{
    return f->kind == ONUS_FIELD_INT || f->kind == ONUS_FIELD_REAL ||
           f->kind == ONUS_FIELD_REALS;
}

/* Every number of event i. */
static void attack_event(const world *w, int i, tally *t)
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
                if (judge(w, events, NULL) == ONUS_TAMPER) continue;
                fail_msg("event %d (%s): '%s' may be changed (%s %d)", i + 1, e->type, f->name,
                         how == TO_THE_BIT ? "a bit" : "a thousandth", way);
            }
        }
        fields[k] = *f;
    }
}

/* Texts that follow (reasons, methods, lowest group) and such where there are none. */
static void attack_texts(const world *w, int i, tally *t)
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
            if (judge(w, events, NULL) != ONUS_TAMPER)
                fail_msg("event %d: '%s' may say another thing", i + 1, f->name);
        }
        fields[k] = *f;
        if (f->kind != ONUS_FIELD_UNDEFINED) continue;
        fields[k].kind = ONUS_FIELD_REAL; /* what is undefined becomes a good number */
        fields[k].r = 0.5;
        t->tried++;
        if (judge(w, events, NULL) != ONUS_TAMPER)
            fail_msg("event %d: '%s' may be defined", i + 1, f->name);
        fields[k] = *f;
    }
}

static void attack(const world *w, const char *what)
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

static onus_field *field_of(world *w, const char *type, const char *name)
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

/* ---- rows as a ledger tells of them ------------------------------------------------------ */

static const char *const tasks[] = {[ONUS_TASK_BINARY] = "binary",
                                    [ONUS_TASK_CLASSES] = "classes",
                                    [ONUS_TASK_REGRESSION] = "regression",
                                    [ONUS_TASK_LABELS] = "labels"};

static void put_classes(world *w, const onus_predictions *p)
{
    const int64_t L = p->task == ONUS_TASK_LABELS ? p->n_labels : 1;
    char label[160] = "", part[64];
    if (L > 1) onus_event_texts(&w->b, p->label_names, L, "data.labels");
    for (int64_t l = 0; p->n_classes > 0 && l < L; l++) {
        if (L > 1) {
            assert_int_equal(onus_name_part(part, sizeof part, p->label_names[l], NULL), 0);
            snprintf(label, sizeof label, ".%s", part);
        }
        const int64_t listed = p->n_classes < 1000 ? p->n_classes : 1000;
        onus_event_texts(&w->b, p->class_names + l * p->n_classes, listed, "data.classes%s",
                         label);
        for (int64_t c = 0; c < listed; c++) {
            int64_t n = 0;
            for (int64_t i = 0; i < p->n; i++) n += p->label[i * L + l] == (float)c;
            onus_event_int(&w->b, n, "data.label%s.%s.test", label,
                           p->class_names[l * p->n_classes + c]);
            onus_event_int(&w->b, c == 0 ? 100 : 0, "data.label%s.%s.train", label,
                           p->class_names[l * p->n_classes + c]);
            onus_event_int(&w->b, 0, "data.label%s.%s.valid", label,
                           p->class_names[l * p->n_classes + c]);
        }
    }
}

static void put_groups(world *w, const onus_predictions *p)
{
    const char *names[4];
    for (int64_t a = 0; a < p->n_attributes; a++) {
        const onus_attribute *of = &p->attributes[a];
        names[a] = of->name;
        onus_event_texts(&w->b, of->group_names, of->n_groups, "data.groups.%s", of->name);
        for (int64_t g = 0; g < of->n_groups; g++) {
            int64_t n = 0;
            for (int64_t i = 0; i < p->n; i++) n += of->group[i] == g;
            onus_event_int(&w->b, n, "data.group.%s.%s.test", of->name, of->group_names[g]);
        }
    }
    onus_event_texts(&w->b, names, p->n_attributes, "data.attributes");
}

static void tell(world *w, const onus_predictions *p)
{
    const onus_sink sink = begin(w, "run.begin");
    onus_event_text(&w->b, "reported", "run.ends");
    onus_event_text(&w->b, "columns", "run.input");
    onus_event_text(&w->b, "off", "run.privacy");
    onus_event_int(&w->b, p->n_attributes, "run.protected");
    onus_event_int(&w->b, 0, "run.policies");
    emit(w);
    (void)begin(w, "data.split");
    onus_event_int(&w->b, p->n + 100, "data.rows");
    onus_event_int(&w->b, 100, "data.rows.train");
    onus_event_int(&w->b, 0, "data.rows.valid");
    onus_event_int(&w->b, p->n, "data.rows.test");
    emit(w);
    (void)begin(w, "data.sheet");
    onus_event_text(&w->b, tasks[p->task], "data.task");
    onus_event_int(&w->b, 1, "data.numbers");
    onus_event_int(&w->b, 0, "data.categories");
    onus_event_int(&w->b, 1, "data.features");
    put_classes(w, p);
    put_groups(w, p);
    emit(w);
    (void)begin(w, "data.test");
    onus_event_int(&w->b, p->n, "data.test.rows");
    emit(w);
    assert_int_equal(onus_audit_quality(p, &sink, NULL, NULL), ONUS_OK);
    if (p->n_attributes) assert_int_equal(onus_audit_fairness(p, &sink, NULL, NULL), ONUS_OK);
}

static void attack_rows(const onus_predictions *p, const char *what)
{
    world w;
    open_world(&w);
    tell(&w, p);
    attack(&w, what);
    close_world(&w);
}

/* Groups at random; one in `holes` rows is in none (0: no such row). */
static void draw_groups(rows *r, const char *name, int64_t n_groups, int holes, uint32_t seed)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    static char text_of[ROWS_MAX + 1];
    draws d = {seed};
    for (int64_t i = 0; i < r->p.n; i++) {
        const bool hole = holes && draw_next(&d) * holes < 1;
        text_of[i] = hole ? '-' : (char)('a' + (int)(draw_next(&d) * (double)n_groups));
    }
    text_of[r->p.n] = '\0';
    rows_group(r, name, text_of, n_groups, names);
}

static rows shared;

static void two_classes_and_groups(void **state)
{
    (void)state;
    rows_binary(&shared, 160, 7, 0.5, 16);
    draw_groups(&shared, "sex", 2, 0, 1);
    draw_groups(&shared, "age", 3, 9, 2);
    draw_groups(&shared, "where", 2, 0, 3);
    attack_rows(&shared.p, "two classes, three attributes");
}

static void few_positives(void **state)
{
    (void)state;
    rows_binary(&shared, 90, 11, 0.1, 64);
    draw_groups(&shared, "sex", 3, 20, 4);
    attack_rows(&shared.p, "two classes, few positive");
}

static void one_class_alone(void **state)
{
    (void)state;
    rows_binary(&shared, 40, 13, 0, 8);
    draw_groups(&shared, "sex", 2, 0, 5);
    attack_rows(&shared.p, "two classes, none positive");
}

/* The curve of so many scores is thinned. */
static void many_corners(void **state)
{
    (void)state;
    rows_binary(&shared, 1500, 17, 0.5, 1 << 20);
    world w;
    open_world(&w);
    tell(&w, &shared.p);
    assert_int_equal(judge(&w, w.event, NULL), ONUS_OK);
    int scores = -1;
    for (int i = 0; i < w.n; i++)
        if (onus_event_find(&w.event[i], "roc.fpr")) scores = i;
    assert_int_equal(onus_event_find(&w.event[scores], "roc.fpr")->n, 256);
    /* an area that the kept corners do not allow */
    onus_field fields[64];
    onus_event events[EVENTS_MAX];
    memcpy(events, w.event, sizeof events);
    memcpy(fields, w.event[scores].fields, (size_t)w.event[scores].n_fields * sizeof *fields);
    events[scores].fields = fields;
    for (int64_t k = 0; k < w.event[scores].n_fields; k++)
        if (strcmp(fields[k].name, "auc") == 0) fields[k].r += 0.02;
    assert_int_equal(judge(&w, events, NULL), ONUS_TAMPER);
    close_world(&w);
}

static void more_classes(void **state)
{
    (void)state;
    rows_classes(&shared, 150, 4, 3);
    draw_groups(&shared, "sex", 2, 0, 6);
    draw_groups(&shared, "age", 4, 12, 7);
    attack_rows(&shared.p, "four classes, two attributes");
}

/* Of more than 32 classes cells that are zero are left out; of more than 1,000 not all are
 * listed, and the accuracy still follows. */
static void very_many_classes(void **state)
{
    (void)state;
    enum { N = 3000, K = 1100 };
    static char name[K][8];
    static const char *names[K];
    static float label[N];
    static int32_t decision[N];
    const int64_t some[] = {40, K};
    for (int64_t c = 0; c < K; c++) {
        snprintf(name[c], sizeof name[c], "k%lld", (long long)c);
        names[c] = name[c];
    }
    for (int s = 0; s < 2; s++) {
        draws d = {99};
        for (int i = 0; i < N; i++) {
            label[i] = (float)floor(draw_next(&d) * (double)some[s]);
            decision[i] =
                i % 3 ? (int32_t)label[i] : (int32_t)(draw_next(&d) * (double)some[s]);
        }
        const onus_predictions p = {.task = ONUS_TASK_CLASSES,
                                    .n = N,
                                    .n_classes = some[s],
                                    .class_names = names,
                                    .label = label,
                                    .decision = decision};
        world w;
        onus_err err = {.code = ONUS_OK};
        open_world(&w);
        tell(&w, &p);
        w.n--; /* no scores, which a run always has */
        if (judge(&w, w.event, &err) != ONUS_OK) fail_msg("%s", err.msg);
        onus_field *f = field_of(&w, "metric", "accuracy");
        f->r = nextafter(f->r, 1);
        assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
        close_world(&w);
    }
}

/* Cells and groups are not left out to hide what they would tell. */
static void nothing_is_hidden(void **state)
{
    (void)state;
    static const char *const hidden[][2] = {
        {"confusion.no.no", "confusion.reason"},
        {"fairness.sex.missing", "fairness.sex.reason"},
        {"fairness.sex+age.missing", "fairness.sex+age.reason"}};
    rows_binary(&shared, 100, 7, 0.5, 16);
    draw_groups(&shared, "sex", 2, 0, 1);
    draw_groups(&shared, "age", 3, 0, 2);
    world w;
    open_world(&w);
    tell(&w, &shared.p);
    for (size_t h = 0; h < sizeof hidden / sizeof *hidden; h++) {
        onus_field *f = field_of(&w, h == 0 ? "metric" : "fairness", hidden[h][0]), was = *f;
        f->name = hidden[h][1];
        f->kind = ONUS_FIELD_TEXT;
        f->text = "too many";
        if (judge(&w, w.event, NULL) != ONUS_TAMPER) fail_msg("%s is believed", hidden[h][1]);
        *f = was;
    }
    assert_int_equal(judge(&w, w.event, NULL), ONUS_OK);
    close_world(&w);
}

static void several_labels(void **state)
{
    (void)state;
    rows_labels(&shared, 60, 5);
    draw_groups(&shared, "sex", 2, 15, 8);
    attack_rows(&shared.p, "three labels, an attribute");
}

static void several_labels_with_holes(void **state)
{
    (void)state;
    rows_labels(&shared, 60, 6);
    for (int64_t i = 0; i < 60 * 3; i += 7) shared.label[i] = -1;
    attack_rows(&shared.p, "three labels with holes");
}

static void numbers_and_groups(void **state)
{
    (void)state;
    rows_numbers(&shared, 80, 9);
    draw_groups(&shared, "sex", 2, 0, 9);
    draw_groups(&shared, "age", 3, 0, 10);
    attack_rows(&shared.p, "numbers, two attributes");
}

static void no_rows(void **state)
{
    (void)state;
    rows_numbers(&shared, 1, 9);
    attack_rows(&shared.p, "numbers, one row");
    rows_binary(&shared, 1, 9, 0.5, 4);
    world w;
    open_world(&w);
    tell(&w, &shared.p);
    onus_err err = {.code = ONUS_OK};
    if (judge(&w, w.event, &err) != ONUS_OK) fail_msg("%s", err.msg);
    close_world(&w);
}

/* ---- groups that are withheld ------------------------------------------------------------ */

/* The group c and how many are in no group are withheld: what the others determine is still
 * held. */
static void withheld_groups_take_no_part(void **state)
{
    (void)state;
    rows_binary(&shared, 120, 21, 0.5, 16);
    draw_groups(&shared, "sex", 3, 0, 11);
    for (int64_t i = 0; i < shared.p.n; i++)
        if (shared.group[0][i] == 2) shared.group[0][i] = -1;
    shared.attribute[0].n_groups = 2;
    world w;
    open_world(&w);
    tell(&w, &shared.p);
    onus_event *e = &w.event[w.n - 1];
    onus_field *f = onus_arena_alloc(&w.arena, (size_t)e->n_fields, sizeof *f);
    memcpy(f, e->fields, (size_t)e->n_fields * sizeof *f);
    e->fields = f;
    for (int64_t k = 0; k < e->n_fields; k++) {
        const bool gap = strstr(f[k].name, ".group.") == NULL;
        const char *bound = strstr(f[k].name, "_ratio") ? ".lower" : ".upper";
        if (strcmp(f[k].name, "fairness.sex.missing") == 0 ||
            strcmp(f[k].name, "fairness.sex.empty") == 0 ||
            (gap && ends_with(f[k].name, bound)))
            f[k].kind = ONUS_FIELD_UNDEFINED;
    }
    onus_err err = {.code = ONUS_OK};
    if (judge(&w, w.event, &err) != ONUS_OK) fail_msg("%s", err.msg);
    static const char *const held[] = {
        "fairness.sex.group.a.n",
        "fairness.sex.group.a.selected",
        "fairness.sex.group.b.tpr",
        "fairness.sex.group.b.fpr.upper",
        "fairness.sex.demographic_parity_difference",
        "fairness.sex.demographic_parity_difference.lower",
        "fairness.sex.demographic_parity_ratio",
        "fairness.sex.equalized_odds_ratio.upper",
    };
    for (size_t h = 0; h < sizeof held / sizeof *held; h++) {
        int64_t k = 0;
        while (strcmp(f[k].name, held[h]) != 0) k++;
        const onus_field was = f[k];
        double room[1];
        change(&f[k], &was, 0, 1, true, room);
        if (judge(&w, w.event, NULL) != ONUS_TAMPER) fail_msg("'%s' may be changed", held[h]);
        f[k] = was;
    }
    close_world(&w);
}

/* ---- tokens, privacy, energy ------------------------------------------------------------- */

static void tokens(void **state)
{
    (void)state;
    enum { N = 40 };
    double loss[N], n[N], right[N];
    draws d = {5};
    for (int i = 0; i < N; i++) {
        n[i] = 1 + floor(draw_next(&d) * 20);
        right[i] = floor(draw_next(&d) * (n[i] + 1));
        loss[i] = n[i] * (1 + draw_next(&d));
    }
    world w;
    open_world(&w);
    onus_sink sink = begin(&w, "data.sheet");
    onus_event_text(&w.b, "tokens", "data.task");
    onus_event_int(&w.b, 0, "run.protected");
    onus_event_int(&w.b, 900, "data.tokens.test");
    emit(&w);
    const onus_token_scores s = {.n = N, .loss = loss, .tokens = n, .right = right};
    assert_int_equal(onus_audit_language(&s, &sink, NULL, NULL), ONUS_OK);
    /* the sheet is there for its count alone */
    w.of[0].row = onus_event_rows[0];
    w.event[0].type = "run.begin";
    attack(&w, "tokens");
    close_world(&w);
}

static void tell_training(world *w, int64_t patience, int64_t steps)
{
    (void)begin(w, "data.split");
    onus_event_int(&w->b, 1000, "data.rows");
    onus_event_int(&w->b, 900, "data.rows.train");
    onus_event_int(&w->b, 100, "data.rows.valid");
    onus_event_int(&w->b, 0, "data.rows.test");
    emit(w);
    (void)begin(w, "train.begin");
    onus_event_int(&w->b, 900, "train.rows");
    onus_event_int(&w->b, 100, "train.valid_rows");
    onus_event_int(&w->b, 64, "train.batch");
    onus_event_int(&w->b, 10, "train.epochs");
    onus_event_int(&w->b, 150, "train.planned_steps");
    onus_event_int(&w->b, patience, "train.patience");
    onus_event_text(&w->b, "Poisson, each row with probability batch / rows", "train.sampling");
    onus_event_text(&w->b, "balanced", "train.class_weights");
    onus_event_text(&w->b, "best", "train.keep");
    emit(w);
    (void)begin(w, "train.end");
    onus_event_int(&w->b, steps, "train.steps");
    onus_event_int(&w->b, steps / 15, "train.epochs_run");
    onus_event_text(&w->b,
                    steps < 150 ? "no better validation loss for train.patience epochs"
                                : "all epochs were run",
                    "train.ended");
    emit(w);
}

static void tell_private(world *w, double epsilon, double sigma, int64_t patience,
                         int64_t steps)
{
    (void)begin(w, "run.begin");
    onus_event_text(&w->b, "on", "run.privacy");
    onus_event_text(&w->b, "reported", "run.ends");
    emit(w);
    tell_training(w, patience, steps);
    const double q = 64.0 / 900, delta = 1e-4;
    if (epsilon > 0)
        assert_int_equal(onus_rdp_sigma(epsilon, delta, q, 150, &sigma, NULL), ONUS_OK);
    (void)begin(w, "privacy.noise");
    onus_event_real(&w->b, sigma, "privacy.noise_multiplier");
    onus_event_real(&w->b, q, "privacy.sampling_rate");
    if (epsilon > 0) onus_event_real(&w->b, epsilon, "privacy.target.epsilon");
    onus_event_real(&w->b, delta, "privacy.target.delta");
    emit(w);
    onus_budget b = {.sigma = sigma,
                     .q = q,
                     .delta = delta,
                     .clip = 1,
                     .steps = patience > 0 ? 150 : steps,
                     .batch = 64,
                     .n_train = 900,
                     .n_valid = 100,
                     .balanced = true,
                     .keeps_best = true,
                     .may_stop = patience > 0};
    (void)begin(w, "privacy.budget");
    onus_budget_put(&b, &w->b);
    emit(w);
}

static void privacy(void **state)
{
    (void)state;
    world w;
    for (int early = 0; early < 2; early++) {
        open_world(&w);
        tell_private(&w, 8, 0, early ? 2 : 0, early ? 45 : 150);
        attack(&w, "an epsilon for a target");
        /* the attack that was seen: 0.1 for 8, and what would have to be forged with it */
        field_of(&w, "privacy.budget", "privacy.epsilon")->r = 0.1;
        assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
        field_of(&w, "privacy.noise", "privacy.target.epsilon")->r = 0.1;
        assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
        close_world(&w);
    }
    /* what is not covered is not left out */
    open_world(&w);
    tell_private(&w, 0, 1.1, 0, 150);
    assert_int_equal(judge(&w, w.event, NULL), ONUS_OK);
    onus_field *outside = field_of(&w, "privacy.budget", "privacy.outside");
    outside->n--;
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    close_world(&w);
    /* hardly any noise: nothing is integrated, and no small epsilon believed */
    open_world(&w);
    tell_private(&w, 0, 0.06, 0, 150);
    field_of(&w, "privacy.noise", "privacy.noise_multiplier")->r = 1e-9;
    field_of(&w, "privacy.budget", "privacy.noise_multiplier")->r = 1e-9;
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    field_of(&w, "privacy.budget", "privacy.epsilon")->r = 1e30;
    assert_int_equal(judge(&w, w.event, NULL), ONUS_OK);
    close_world(&w);
}

static void energy(void **state)
{
    (void)state;
    onus_meter *m = NULL;
    world w;
    open_world(&w);
    onus_sink sink = begin(&w, "run.begin");
    onus_event_text(&w.b, "reported", "run.ends");
    emit(&w);
    assert_int_equal(onus_meter_open_at(&m, "/nowhere", "DE", NULL, NULL), ONUS_OK);
    onus_meter_phase(m, "data");
    volatile double x = 1;
    for (int i = 0; i < 2000000; i++) x = x * 1.0000001;
    onus_meter_phase(m, "train");
    for (int i = 0; i < 2000000; i++) x = x * 1.0000001;
    assert_int_equal(onus_meter_emit(m, 1000, &sink, NULL), ONUS_OK);
    onus_meter_close(m);
    attack(&w, "energy");
    /* half of the phases' joules, a region that is none, a method without its reason */
    onus_field *f = field_of(&w, "energy", "energy.phase.train.joules");
    f->r += 1;
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    f->r -= 1;
    f = field_of(&w, "energy", "carbon.region");
    f->text = "FR";
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    f->text = "XX";
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    f->text = "DE";
    f = field_of(&w, "energy", "energy.method");
    f->text = "rapl";
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    close_world(&w);
}

/* ---- counts of the data, settings, explanations ------------------------------------------ */

/* "name=value" a line: whole numbers, texts between quotes, lists of numbers in brackets, lists
 * of texts in braces, and "undefined". */
static void put(world *w, const char *line)
{
    const char *eq = strchr(line, '=');
    char name[128], text_of[512], *end;
    const char *texts[8];
    double reals[8];
    int64_t n = 0;
    snprintf(name, sizeof name, "%.*s", (int)(eq - line), line);
    snprintf(text_of, sizeof text_of, "%s", eq + 2);
    text_of[strcspn(text_of, "\"]}")] = '\0';
    if (eq[1] == '"') {
        onus_event_text(&w->b, text_of, "%s", name);
    } else if (eq[1] == '{' || eq[1] == '[') {
        for (char *t = strtok(text_of, ","); t; t = strtok(NULL, ",")) {
            reals[n] = strtod(t, &end);
            texts[n++] = t;
        }
        if (eq[1] == '[')
            onus_event_reals(&w->b, reals, n, "%s", name);
        else
            onus_event_texts(&w->b, texts, n, "%s", name);
    } else if (eq[1] == 'u') {
        onus_event_undefined(&w->b, "%s", name);
    } else if (strchr(eq, '.')) {
        onus_event_real(&w->b, strtod(eq + 1, &end), "%s", name);
    } else {
        onus_event_int(&w->b, (int64_t)strtod(eq + 1, &end), "%s", name);
    }
}

/* A line without "=" begins an event of that type. */
static void tell_lines(world *w, const char *const *lines)
{
    bool begun = false;
    for (; *lines; lines++) {
        if (strchr(*lines, '=')) {
            put(w, *lines);
            continue;
        }
        if (begun) emit(w);
        (void)begin(w, *lines);
        begun = true;
    }
    emit(w);
}

static bool is_listed(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(name, *list) == 0) return true;
    return false;
}

/* Every number by one, or a thousandth, both ways: of those that are not free one way or the
 * other is refused. */
static void attack_lines(const char *what, const char *const *lines, const char *const *free_of)
{
    world w;
    onus_err err = {.code = ONUS_OK};
    long held = 0, not = 0;
    open_world(&w);
    tell_lines(&w, lines);
    if (judge(&w, w.event, &err) != ONUS_OK) fail_msg("%s: refused: %s", what, err.msg);
    for (int i = 0; i < w.n; i++) {
        for (int64_t k = 0; k < w.event[i].n_fields; k++) {
            onus_field *f = (onus_field *)&w.event[i].fields[k];
            const onus_field was = *f;
            double room[8];
            int refused = 0;
            if (!is_a_number(f)) continue;
            for (int64_t q = 0; q < (f->kind == ONUS_FIELD_REALS ? f->n : 1); q++)
                for (int way = -1; way <= 1; way += 2) {
                    change(f, &was, q, way, false, room);
                    refused += judge(&w, w.event, NULL) == ONUS_TAMPER;
                    *f = was;
                }
            held += refused > 0;
            not += refused == 0;
            if (refused == 0 && !is_listed(was.name, free_of))
                fail_msg("%s: '%s' may be changed", what, was.name);
        }
    }
    print_message("%s: names determined or bounded by others %ld, not %ld\n", what, held, not );
    close_world(&w);
}

/* clang-format off */
static void counts_of_data(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "run.begin", "run.format=\"csv\"", "run.test=\"file\"", "run.input=\"columns\"",
        "run.privacy=\"off\"", "run.ends=\"reported\"", "run.protected=1", "run.policies=2",
        "data.read", "data.file.1.rows=60", "data.file.1.bytes=9000",
        "data.read", "data.file.2.rows=50",
        "data.clean", "data.rows.raw=110", "data.dropped.missing=6", "data.dropped.duplicates=4",
        "data.missing.a=5", "data.missing.b=1", "data.missing_cells=6", "data.constants=0",
        "data.constant={}",
        "data.split", "data.rows=100", "data.rows.train=60", "data.rows.valid=15",
        "data.rows.test=25",
        "data.sheet", "data.task=\"binary\"", "data.classes={no,yes}", "data.attributes={sex}",
        "data.groups.sex={f,m}", "data.label.no.train=40", "data.label.yes.train=20",
        "data.label.no.valid=10", "data.label.yes.valid=5", "data.label.no.test=20",
        "data.label.yes.test=5", "data.group.sex.f.train=30", "data.group.sex.m.train=30",
        "data.group.sex.f.valid=undefined", "data.group.sex.m.valid=15",
        "data.group.sex.f.test=13", "data.group.sex.m.test=12", "data.numbers=1",
        "data.categories=1", "data.columns={a,b}", "data.column.a=\"number\"",
        "data.column.b=\"category\"", "data.features=2", "data.unseen.b=100",
        "data.fitted={mean of a}",
        "train.begin", "train.rows=60", "train.valid_rows=15", "train.epochs=3",
        "train.parameters=77", "train.patience=0", "train.class_weights=\"balanced\"",
        "train.class_weight=[0.75,1.5]", "train.keep=\"last\"",
        "train.sampling=\"shuffled, every row once an epoch\"",
        "train.end", "train.epochs_run=3", "train.ended=\"all epochs were run\"",
        "model", "model.parameters=77", "model.bytes=500",
        "data.test", "data.test.rows=25",
        "policy.result", "policy.count=2",
        "report", "report.events=11",
        "run.end", "run.state=\"reported\"", NULL};
    static const char *const free_of[] = {"data.file.1.bytes", /* not read again */
                                          "model.bytes", "data.constants", "train.patience", NULL};
    attack_lines("counts of a table", lines, free_of);
}

static void texts_and_images(void **state)
{
    (void)state;
    static const char *const text_lines[] = {
        "run.begin", "run.format=\"csv\"", "run.test=\"split\"", "run.input=\"text\"",
        "run.explain=\"both\"", "run.ends=\"reported\"", "run.privacy=\"off\"",
        "run.protected=0",
        "data.read", "data.file.1.rows=20",
        "data.clean", "data.rows.raw=20", "data.dropped.missing=0", "data.dropped.duplicates=0",
        "data.missing_cells=0", "data.constants=0", "data.constant={}",
        "data.split", "data.rows=20", "data.rows.train=10", "data.rows.valid=4",
        "data.rows.test=6",
        "data.sheet", "data.task=\"binary\"", "data.classes={no,a.yes}", "data.attributes={}",
        "data.features=8", "data.context=8", "data.truncated=20", "data.tokens.train=90",
        "data.tokens.valid=36", "data.tokens.test=54", "data.tokens.unknown=200",
        "data.label.no.train=5", "data.label.a%2Eyes.train=5", "data.label.no.valid=2",
        "data.label.a%2Eyes.valid=2", "data.label.no.test=3", "data.label.a%2Eyes.test=3",
        "explain", "explain.of=\"probability of a.yes\"", "explain.rows=6",
        "explain.method=\"shapley, exact\"", "explain.exact=1", "explain.std_error.max=0",
        "explain.texts=6", "explain.tokens=8.0", "explain.place.1.share=0.25",
        "explain.place.2.share=0.25", "explain.place.3.share=0.25",
        "explain.place.4.share=0.25", "explain.largest.share=0.5",
        "explain.largest_three.share=0.5", "explain.residual=0.0",
        "relevance", "relevance.of=\"log-odds of a.yes\"", "relevance.rows=6",
        "relevance.evaluations=6", "relevance.agreement.n=6", "relevance.texts=0",
        "relevance.tokens=undefined", "relevance.place.1.share=undefined", NULL};
    static const char *const image_lines[] = {
        "run.begin", "run.format=\"idx\"", "run.test=\"file\"", "run.input=\"images\"",
        "run.explain=\"relevance\"", "run.ends=\"reported\"", "run.privacy=\"off\"",
        "run.protected=0",
        "data.read", "data.file.1.rows=20", "data.read", "data.file.2.rows=20",
        "data.read", "data.file.3.rows=6", "data.read", "data.file.4.rows=6",
        "data.split", "data.rows=26", "data.rows.train=16", "data.rows.valid=4",
        "data.rows.test=6",
        "data.sheet", "data.task=\"classes\"", "data.classes={0,1,2}", "data.attributes={}",
        "data.features=4", "data.label.0.train=6", "data.label.1.train=5",
        "data.label.2.train=5", "data.label.0.valid=2", "data.label.1.valid=1",
        "data.label.2.valid=1", "data.label.0.test=2", "data.label.1.test=2",
        "data.label.2.test=2",
        "relevance", "relevance.of=\"logit of the decided class\"", "relevance.rows=6",
        "relevance.background=16", "relevance.evaluations=96", "relevance.agreement.n=6",
        "relevance.columns={p3,p1,p0,p2}", "relevance.protected={}",
        "relevance.p3.mean_abs=3.5", "relevance.p1.mean_abs=3.0",
        "relevance.p0.mean_abs=3.0", "relevance.p2.mean_abs=1.0",
        "relevance.map=[3.5,3.0,3.0,1.0]", "relevance.map.rows=2", "relevance.map.columns=2",
        NULL};
    static const char *const none[] = {"data.constants", "explain.residual", "relevance.agreement.n",
                                       "relevance.map", NULL};
    attack_lines("texts and their explanations", text_lines, none);
    attack_lines("images and their explanations", image_lines, none);
}
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_of_data),
        cmocka_unit_test(texts_and_images),
        cmocka_unit_test(two_classes_and_groups),
        cmocka_unit_test(few_positives),
        cmocka_unit_test(one_class_alone),
        cmocka_unit_test(many_corners),
        cmocka_unit_test(more_classes),
        cmocka_unit_test(very_many_classes),
        cmocka_unit_test(nothing_is_hidden),
        cmocka_unit_test(several_labels),
        cmocka_unit_test(several_labels_with_holes),
        cmocka_unit_test(numbers_and_groups),
        cmocka_unit_test(no_rows),
        cmocka_unit_test(withheld_groups_take_no_part),
        cmocka_unit_test(tokens),
        cmocka_unit_test(privacy),
        cmocka_unit_test(energy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
