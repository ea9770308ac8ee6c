/* SPDX-License-Identifier: Apache-2.0
 * truth_ledger.h - ledgers at random, as valid event lines: any task, attributes, labels,
 * intervals that reach the neutral value or not, undefined values and bounds, verdicts that
 * are true, observed, or lies. A seed makes one ledger, everywhere the same. Numbers are
 * thousandths, so that three decimals say them whole, but for joules. */
#ifndef ONUS_TESTS_REPORT_TRUTH_LEDGER_H
#define ONUS_TESTS_REPORT_TRUTH_LEDGER_H
#include "report/report_fixture.h"

typedef struct {
    uint64_t state;
    fixture *f;
    json_t *claim, *observed;
    const char *task; /* NULL: not said */
} maker;

static inline int draw(maker *m, int n) /* 0 .. n - 1; splitmix64 */
{
    uint64_t z = m->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (int)((z ^ (z >> 31)) % (uint64_t)n);
}

static inline bool chance(maker *m, int percent)
{
    return draw(m, 100) < percent;
}

/* ---- fields of the event that is being made ---------------------------------------------- */

static inline void set_field(json_t *fields, const char *name, json_t *v)
{
    assert_int_equal(json_object_set_new(fields, name, v), 0);
}

static inline void set_real(json_t *fields, const char *name, double v)
{
    set_field(fields, name, json_real(v));
}

static inline void set_text(json_t *fields, const char *name, const char *v)
{
    set_field(fields, name, json_string(v));
}

/* A number, now and then undefined or not there. */
static inline void set_maybe(maker *m, json_t *fields, const char *name, double v)
{
    if (chance(m, 12))
        set_text(fields, name, "undefined");
    else if (!chance(m, 6))
        set_real(fields, name, v);
}

static inline void emit(maker *m, const char *type)
{
    char *claim = json_dumps(m->claim, 0), *observed = json_dumps(m->observed, 0);
    fixture_add(m->f, type, claim, observed);
    free(claim);
    free(observed);
    json_object_clear(m->claim);
    json_object_clear(m->observed);
}

static inline double thousandths(maker *m, int from, int to)
{
    return (from + draw(m, to - from + 1)) / 1000.0;
}

/* NAME with an interval around it; now and then a bound is undefined, or all of it is. */
static inline void set_measure(maker *m, const char *name, double v, double lo, double hi)
{
    char full[512];
    const bool lost = chance(m, 8);
    set_field(m->claim, name, lost ? json_string("undefined") : json_real(v));
    snprintf(full, sizeof full, "%s.lower", name);
    set_field(m->claim, full, lost || chance(m, 10) ? json_string("undefined") : json_real(lo));
    snprintf(full, sizeof full, "%s.upper", name);
    set_field(m->claim, full, lost || chance(m, 10) ? json_string("undefined") : json_real(hi));
    snprintf(full, sizeof full, "%s.reason", name);
    if (lost || chance(m, 10)) set_text(m->claim, full, "reason of the ledger itself");
}

/* ---- events ------------------------------------------------------------------------------ */

static inline void make_begin(maker *m)
{
    static const char *const tests[] = {"split", "file"};
    set_text(m->claim, "run.name", "truth");
    if (chance(m, 80)) set_text(m->claim, "run.purpose", "a purpose");
    if (chance(m, 90)) set_text(m->claim, "run.privacy", chance(m, 50) ? "off" : "on");
    if (chance(m, 85))
        set_field(m->claim, "run.protected", json_integer(chance(m, 25) ? 0 : 1 + draw(m, 2)));
    if (chance(m, 70)) set_text(m->claim, "run.test", tests[draw(m, 2)]);
    emit(m, "run.begin");
    if (m->task) set_text(m->claim, "data.task", m->task);
    if (m->task && strcmp(m->task, "labels") == 0)
        set_field(m->claim, "data.labels", json_pack("[s,s]", "toxic", "rude.one"));
    if (chance(m, 50)) set_field(m->claim, "data.rows.valid", json_integer(draw(m, 3) * 50));
    emit(m, "data.sheet");
    if (chance(m, 25)) {
        if (chance(m, 80)) set_text(m->claim, "train.from.name", "weights.safetensors");
        if (chance(m, 80)) set_text(m->claim, "train.from.sha256", HEX);
        emit(m, "train.from");
    }
    if (chance(m, 30)) { /* the owner's word, in a claim */
        set_field(m->claim, "privacy.target.epsilon", json_real(thousandths(m, 100, 9000)));
        emit(m, "privacy.noise");
    }
    if (chance(m, 50)) {
        set_maybe(m, m->claim, "privacy.epsilon", thousandths(m, 100, 9000));
        set_maybe(m, m->claim, "privacy.delta", 0.00001);
        emit(m, "privacy.budget");
    }
}

static inline void make_quality(maker *m)
{
    static const char *const measures[] = {"accuracy", "hamming_loss", "r2", "perplexity"},
                             *const tasks[] = {"binary", "labels", "regression", "tokens"};
    int k = draw(m, 4);
    for (int i = 0; m->task && i < 4; i++)
        if (strcmp(m->task, tasks[i]) == 0) k = i;
    if (m->task && strcmp(m->task, "classes") == 0) k = 0;
    set_field(m->claim, "data.test.rows", json_integer(20 + draw(m, 300)));
    emit(m, "data.test");
    if (chance(m, 5)) { /* an event that measures nothing */
        emit(m, "metric");
        return;
    }
    const double v = thousandths(m, 300, 900);
    const double shift = k == 2 ? thousandths(m, -1000, 0) : 0; /* r2 may be below 0 */
    set_measure(m, measures[k], v + shift, v + shift - 0.1, v + shift + 0.05);
    if (k < 2 && chance(m, 90)) {
        char name[64];
        const double gain = thousandths(m, -200, 300), half = thousandths(m, 1, 150);
        snprintf(name, sizeof name, "%s.baseline", measures[k]);
        set_real(m->claim, name, 0.5);
        snprintf(name, sizeof name, "%s.gain", measures[k]);
        set_measure(m, name, gain, gain - half, gain + half);
    }
    if (k == 2) set_measure(m, "rmse", 3.5, 3.25, 3.75);
    emit(m, "metric");
}

/* Gaps of one attribute, of one label; `calm`: none leaves the neutral value out. */
static inline void make_gaps(maker *m, const char *label, const char *attribute, bool calm)
{
    static const struct {
        const char *name;
        int kind; /* 0 a difference, 1 a ratio, 2 a difference with a sign */
    } rows[] = {{"demographic_parity_difference", 0},
                {"demographic_parity_ratio", 1},
                {"equal_opportunity_difference", 0},
                {"equal_opportunity_ratio", 1},
                {"equalized_odds_difference", 0},
                {"equalized_odds_ratio", 1},
                {"average_absolute_odds_difference", 0},
                {"average_odds_difference", 2},
                {"accuracy_difference", 0},
                {"accuracy_ratio", 1},
                {"mean_prediction_difference", 0},
                {"mean_error_difference", 0},
                {"mae_difference", 0}};
    const int n = (int)(sizeof rows / sizeof *rows);
    char at[128], name[256];
    const bool values = m->task && strcmp(m->task, "regression") == 0;
    snprintf(at, sizeof at, "%s%s%sfairness.%s", label ? "label." : "", label ? label : "",
             label ? "." : "", attribute);
    if (chance(m, 85)) {
        snprintf(name, sizeof name, "%s.groups", at);
        set_field(m->claim, name, json_pack("[s,s]", "f", "m"));
        snprintf(name, sizeof name, "%s.group.f.n", at);
        set_field(m->claim, name, json_integer(50 + draw(m, 50)));
        snprintf(name, sizeof name, "%s.group.m.n", at);
        set_field(m->claim, name, json_integer(50 + draw(m, 50)));
    }
    for (int i = 0; i < n; i++) {
        if (chance(m, 40)) continue;
        snprintf(name, sizeof name, "%s.%s", at, rows[i].name);
        if (values && i < 8) { /* defined between two classes: undefined, with bounds so */
            set_text(m->claim, name, "undefined");
            continue;
        }
        const bool reaches = calm || chance(m, 60);
        const double v = thousandths(m, 200, 500), half = thousandths(m, 10, 150);
        const double lo = reaches ? 0 : v - half, hi = v + half;
        const bool left = rows[i].kind == 2 && chance(m, 50);
        if (rows[i].kind == 1)
            set_measure(m, name, 1 - v, 1 - hi, reaches ? 1 : 1 - lo);
        else if (rows[i].kind == 2 && reaches)
            set_measure(m, name, v - 0.2, v - 0.2 - hi, v - 0.2 + hi);
        else
            set_measure(m, name, left ? -v : v, left ? -hi : lo, left ? -lo : hi);
    }
    emit(m, "fairness");
}

static inline void make_fairness(maker *m)
{
    static const char *const attributes[] = {"sex", "age", "sex+age"};
    const bool labels = m->task && strcmp(m->task, "labels") == 0, calm = chance(m, 30);
    const int n = draw(m, 4);
    for (int i = 0; i < n; i++) {
        make_gaps(m, labels ? "toxic" : NULL, attributes[i], calm);
        if (labels && chance(m, 60)) make_gaps(m, "rude%2Eone", attributes[i], calm);
    }
    if (chance(m, 5)) emit(m, "fairness");
}

static inline void make_rest(maker *m)
{
    if (chance(m, 60)) {
        static const char *const names[] = {"income", "age", "sex"};
        set_text(m->claim, "explain.method", "shapley, exact");
        set_field(m->claim, "explain.columns",
                  json_pack("[s,s,s]", names[0], names[1], names[2]));
        for (int i = 0; i < 3; i++) {
            char name[64];
            snprintf(name, sizeof name, "explain.%s.mean_abs", names[i]);
            set_maybe(m, m->claim, name, thousandths(m, 0, 200));
        }
        set_real(m->claim, "explain.residual", 0);
        emit(m, "explain");
    }
    if (chance(m, 15)) emit(m, "privacy.attack"); /* empty: they prove nothing */
    if (chance(m, 15)) emit(m, "robustness");
    if (chance(m, 15)) emit(m, "explain");
    if (chance(m, 70)) {
        /* the one number of four decimals: a bound beside it is where three would put it */
        set_maybe(m, m->observed, "energy.joules", thousandths(m, 1000, 9000) + 0.0004);
        set_maybe(m, m->observed, "energy.joules.lower", 0.5);
        set_maybe(m, m->observed, "energy.joules.upper", 9.5);
        if (chance(m, 80))
            set_text(m->observed, "energy.method", chance(m, 50) ? "rapl" : "processor time");
        emit(m, "energy");
    }
}

/* ---- policies ---------------------------------------------------------------------------- */

/* Some scalar of the ledger so far that is no text but perhaps "undefined"; false: none. */
static inline bool pick(maker *m, char name[256], json_t **value, bool *observed)
{
    int64_t n = 0;
    bool found = false;
    for (const char *line = m->f->text.data; line && *line; line = strchr(line, '\n') + 1) {
        json_t *e = json_loadb(line, strcspn(line, "\n"), 0, NULL);
        for (int way = 0; way < 2; way++) {
            const char *key;
            json_t *v;
            json_object_foreach(json_object_get(e, way ? "observed" : "claim"), key, v)
            {
                const char *text = json_string_value(v);
                if (strncmp(key, "policy.", 7) == 0 || strlen(key) > 250 ||
                    (!json_is_number(v) && !(text && strcmp(text, "undefined") == 0)) ||
                    draw(m, (int)++n) != 0)
                    continue;
                if (found) json_decref(*value);
                snprintf(name, 256, "%s", key);
                *value = json_incref(v);
                *observed = way;
                found = true;
            }
        }
        json_decref(e);
    }
    return found;
}

static inline void make_policy(maker *m, int i, int64_t *met)
{
    static const char *const ops[] = {"<", "<=", ">", ">=", "==", "!="};
    char name[256] = "no.such.value", field[64], demand[400];
    json_t *value = NULL;
    bool observed = false, holds = false;
    if (!chance(m, 7)) (void)pick(m, name, &value, &observed);
    const int op = draw(m, chance(m, 85) ? 4 : 6);
    const double v = json_number_value(value),
                 near = v + (chance(m, 50) ? 0.0004 : -0.0004), /* three decimals hide it */
        bound = chance(m, 20)   ? near
                : chance(m, 50) ? thousandths(m, 0, 1000)
                                : thousandths(m, 0, 9999);
    const bool number = json_is_number(value);
    const bool all[] = {v<bound, v <= bound, v> bound, v >= bound, v == bound, v != bound};
    holds = number && all[op];
    snprintf(demand, sizeof demand, "%s %s %.17g", name, ops[op], bound);
    const char *verdict = !value ? "absent" : !number ? "undefined" : holds ? "met" : "not met";
    if (chance(m, 4)) verdict = "met"; /* whatever the value is */
    const bool lies = chance(m, 20);   /* a verdict on what was observed, as if a claim */
    json_t *at = (observed && !lies) || chance(m, 5) ? m->observed : m->claim;
    snprintf(field, sizeof field, "policy.%d.demand", i);
    set_text(m->claim, field, demand);
    snprintf(field, sizeof field, "policy.%d.name", i);
    set_text(m->claim, field, name);
    snprintf(field, sizeof field, "policy.%d.bound", i);
    set_real(m->claim, field, bound);
    snprintf(field, sizeof field, "policy.%d.verdict", i);
    if (!chance(m, 3)) set_text(at, field, verdict);
    snprintf(field, sizeof field, "policy.%d.found", i);
    set_field(at, field, number ? json_real(v) : json_string("undefined"));
    if (strcmp(verdict, "met") == 0 && chance(m, 15)) /* whatever the value is */
        set_real(at, field, chance(m, 50) ? bound + 1 : bound - 1);
    *met += strcmp(verdict, "met") == 0;
    json_decref(value);
    emit(m, "policy");
}

static inline void make_judgement(maker *m)
{
    const int n = draw(m, 6);
    int64_t met = 0;
    for (int i = 1; i <= n; i++) make_policy(m, i, &met);
    if (chance(m, 8)) return; /* killed before */
    set_field(m->claim, "policy.count", json_integer(n));
    set_field(m->claim, "policy.met", json_integer(chance(m, 5) ? n : met));
    emit(m, "policy.result");
}

static inline void make_ledger(fixture *f, uint64_t seed)
{
    static const char *const tasks[] = {"binary", "binary", "classes", "regression",
                                        "labels", "tokens", NULL};
    maker m = {.state = seed, .f = f, .claim = json_object(), .observed = json_object()};
    fixture_init(f);
    m.task = tasks[draw(&m, 7)];
    make_begin(&m);
    if (!chance(&m, 8)) { /* else it only trained */
        if (!chance(&m, 5)) make_quality(&m);
        if (!(m.task && strcmp(m.task, "tokens") == 0)) make_fairness(&m);
        make_rest(&m);
        make_judgement(&m);
    }
    if (chance(&m, 60))
        set_text(m.observed, "run.signer", chance(&m, 50) ? "throw-away" : "somebody");
    emit(&m, "run.signer");
    json_decref(m.claim);
    json_decref(m.observed);
}
#endif
