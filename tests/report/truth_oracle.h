/* SPDX-License-Identifier: Apache-2.0
 * truth_oracle.h - what a page may say of a ledger, worked out from the ledger's JSON and from
 * nothing of src/report: every gap, verdict, baseline and rule again, by the definitions of
 * docs/EVIDENCE.md. Whatever a page says otherwise is a fault; the first one is kept in words.
 */
#ifndef ONUS_TESTS_REPORT_TRUTH_ORACLE_H
#define ONUS_TESTS_REPORT_TRUTH_ORACLE_H
#include <math.h>

#include "report/report_fixture.h"

enum { LINES_MAX = 200, ELEMENTS_MAX = 1000, GAPS_MAX = 400, TEXT_SIZE = 20000 };

typedef struct {
    char tag[12], style[32], about[400], says[96];
    const char *at, *body; /* its "<", and what follows its ">" */
} element;

typedef struct {
    char name[256];
    const char *measure; /* "equalized odds, ratio" */
    double neutral, value, lower, upper;
    bool has_value, has_lower, has_upper, proven, judged, far_known;
    double least, far; /* distance that is proven; the bound away from neutral */
} truth_gap;

typedef struct {
    json_t *line[LINES_MAX];
    int n;
    const char *html;
    element element[ELEMENTS_MAX];
    int n_elements;
    truth_gap gap[GAPS_MAX];
    int n_gaps, n_proven, n_judged;
    int n_faults;
    char why[600];
    char text[TEXT_SIZE];
} oracle;

__attribute__((format(printf, 2, 3))) static inline void fault(oracle *o, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (o->n_faults++ == 0) vsnprintf(o->why, sizeof o->why, fmt, args);
    va_end(args);
}

/* ---- the ledger -------------------------------------------------------------------------- */

/* The newest value of the name in the first `before` lines; *observed: it is not a claim. */
static inline json_t *newest(const oracle *o, const char *name, int before, bool *observed)
{
    for (int i = before - 1; i >= 0; i--) {
        json_t *v = json_object_get(json_object_get(o->line[i], "claim"), name);
        if (observed) *observed = !v;
        if (!v) v = json_object_get(json_object_get(o->line[i], "observed"), name);
        if (v) return v;
    }
    return NULL;
}

static inline json_t *value_of(const oracle *o, const char *name)
{
    return newest(o, name, o->n, NULL);
}

static inline bool number_of(const oracle *o, const char *name, double *v)
{
    const json_t *j = value_of(o, name);
    if (json_is_number(j)) *v = json_number_value(j);
    return json_is_number(j);
}

static inline bool text_is(const oracle *o, const char *name, const char *text)
{
    const char *mine = json_string_value(value_of(o, name));
    return mine && strcmp(mine, text) == 0;
}

static inline bool task_is(const oracle *o, const char *task) /* or it is not said */
{
    return !value_of(o, "data.task") || text_is(o, "data.task", task);
}

/* A number as the page writes it with three decimals. */
static inline const char *three(char out[32], double v)
{
    snprintf(out, 32, "%s%.3f", v < 0 ? "\xe2\x88\x92" : "", fabs(v));
    return out;
}

/* ---- the page ---------------------------------------------------------------------------- */

static inline void attribute(const char *tag, const char *name, char *out, size_t size)
{
    char find[32];
    const size_t n = strcspn(tag, ">");
    snprintf(find, sizeof find, " %s=\"", name);
    const char *at = memmem(tag, n, find, strlen(find));
    snprintf(out, size, "%.*s", at ? (int)strcspn(at + strlen(find), "\"") : 0,
             at ? at + strlen(find) : "");
}

static inline void find_elements(oracle *o)
{
    o->n_elements = 0;
    for (const char *c = o->html; (c = strstr(c, " data-about=\"")) != NULL; c++) {
        element *e = &o->element[o->n_elements++];
        assert_true(o->n_elements < ELEMENTS_MAX);
        e->at = c;
        while (*e->at != '<') e->at--;
        e->body = strchr(e->at, '>') + 1;
        snprintf(e->tag, sizeof e->tag, "%.*s",
                 (int)strspn(e->at + 1, "abcdefghijklmnopqrstuvwxyz"), e->at + 1);
        attribute(e->at, "class", e->style, sizeof e->style);
        attribute(e->at, "data-about", e->about, sizeof e->about);
        attribute(e->at, "data-says", e->says, sizeof e->says);
    }
}

/* Where the element ends. */
static inline const char *end_of(const element *e)
{
    char open[16], close[16];
    int depth = 1;
    const char *c = e->body;
    snprintf(open, sizeof open, "<%s", e->tag);
    snprintf(close, sizeof close, "</%s>", e->tag);
    for (; *c; c++) {
        const char after = c[strlen(open)];
        if (strncmp(c, open, strlen(open)) == 0 && (after == ' ' || after == '>')) depth++;
        if (strncmp(c, close, strlen(close)) == 0 && --depth == 0) break;
    }
    return c;
}

/* Its text without tags. */
static inline const char *text_of(oracle *o, const element *e)
{
    size_t n = 0;
    for (const char *c = e->body, *end = end_of(e); c < end; c++) {
        if (*c == '<')
            c += strcspn(c, ">");
        else if (n + 1 < TEXT_SIZE)
            o->text[n++] = *c;
    }
    o->text[n] = '\0';
    return o->text;
}

/* What the page says of a thing; NULL: nothing. The first one. */
static inline const element *said_of(const oracle *o, const char *tag, const char *about)
{
    for (int i = 0; i < o->n_elements; i++) {
        const element *e = &o->element[i];
        if (strcmp(e->tag, tag) == 0 && strcmp(e->about, about) == 0) return e;
    }
    return NULL;
}

/* Is it listed under "Not proven"? */
static inline bool is_listed(const oracle *o, const char *id)
{
    for (int i = 0; i < o->n_elements; i++) {
        const element *e = &o->element[i];
        if (strcmp(e->says, "unproven") == 0 && strcmp(e->about, id) == 0) return true;
    }
    return false;
}

/* ---- gaps -------------------------------------------------------------------------------- */

static inline bool bound_of(const json_t *claim, const char *name, const char *end, double *v)
{
    char full[300];
    snprintf(full, sizeof full, "%s%s", name, end);
    const json_t *j = json_object_get(claim, full);
    *v = json_is_number(j) ? json_number_value(j) : NAN;
    return json_is_number(j);
}

/* neutral 0: a difference; 1: a ratio. With a sign both ends may be the far one. */
static inline void judge_gap(oracle *o, const json_t *claim, const char *name,
                             const char *measure, double neutral, bool sign)
{
    assert_true(o->n_gaps < GAPS_MAX);
    truth_gap *g = &o->gap[o->n_gaps++];
    *g = (truth_gap){.measure = measure, .neutral = neutral};
    snprintf(g->name, sizeof g->name, "%s", name);
    g->has_value = bound_of(claim, name, "", &g->value);
    g->has_lower = bound_of(claim, name, ".lower", &g->lower);
    g->has_upper = bound_of(claim, name, ".upper", &g->upper);
    const bool above = g->has_lower && g->lower > 0 && neutral == 0,
               below = g->has_upper && g->upper < neutral && (sign || neutral == 1);
    g->proven = above || below;
    g->least = above ? g->lower : below ? neutral - g->upper : 0;
    if (sign) {
        g->judged = g->proven || (g->has_lower && g->has_upper);
        g->far_known = g->has_lower && g->has_upper;
        g->far = fabs(g->lower) > fabs(g->upper) ? g->lower : g->upper;
    } else {
        g->judged = neutral == 1 ? g->has_upper : g->has_lower;
        g->far_known = neutral == 1 ? g->has_lower : g->has_upper;
        g->far = neutral == 1 ? g->lower : g->upper;
    }
    o->n_proven += g->proven;
    o->n_judged += g->judged;
}

static inline void find_gaps(oracle *o)
{
    static const struct {
        const char *end, *measure;
        double neutral;
        int kind; /* 1: between two classes only; 2: also with a sign */
    } rows[] = {
        {".demographic_parity_difference", "demographic parity, difference", 0, 1},
        {".demographic_parity_ratio", "demographic parity, ratio", 1, 1},
        {".equal_opportunity_difference", "equal opportunity, difference", 0, 1},
        {".equal_opportunity_ratio", "equal opportunity, ratio", 1, 1},
        {".equalized_odds_difference", "equalized odds, difference", 0, 1},
        {".equalized_odds_ratio", "equalized odds, ratio", 1, 1},
        {".average_absolute_odds_difference", "average odds, absolute difference", 0, 1},
        {".average_odds_difference", "average odds, difference", 0, 2},
        {".accuracy_difference", "accuracy, difference", 0, 0},
        {".accuracy_ratio", "accuracy, ratio", 1, 0},
        {".mean_prediction_difference", "mean prediction, difference", 0, 0},
        {".mean_error_difference", "mean error, difference", 0, 0},
        {".mae_difference", "mean absolute error, difference", 0, 0}};
    const bool two = task_is(o, "binary") || task_is(o, "labels");
    for (int i = 0; i < o->n; i++) {
        const char *type = json_string_value(json_object_get(o->line[i], "type")), *key;
        json_t *claim = json_object_get(o->line[i], "claim"), *v;
        if (strcmp(type, "fairness") != 0) continue;
        json_object_foreach(claim, key, v)
        {
            for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
                const char *at = strstr(key, rows[k].end);
                if (!at || at[strlen(rows[k].end)] ||
                    (!two && rows[k].kind && json_is_string(v)))
                    continue;
                judge_gap(o, claim, key, rows[k].measure, rows[k].neutral, rows[k].kind == 2);
            }
        }
    }
}

static inline const truth_gap *gap_named(const oracle *o, const char *name)
{
    for (int i = 0; i < o->n_gaps; i++)
        if (strcmp(o->gap[i].name, name) == 0) return &o->gap[i];
    return NULL;
}

/* ---- verdicts ---------------------------------------------------------------------------- */

typedef enum {
    V_MET,
    V_SEEN,
    V_OPEN,
    V_UNDEFINED,
    V_ABSENT,
    V_DOUBTED,
    V_NOT_MET
} truth_verdict;

typedef struct {
    char name[256], op[3];
    double bound;
    truth_verdict is;
} truth_policy;

static inline bool compare(double v, const char *op, double bound)
{
    if (strcmp(op, "<") == 0) return v < bound;
    if (strcmp(op, "<=") == 0) return v <= bound;
    if (strcmp(op, ">") == 0) return v > bound;
    if (strcmp(op, ">=") == 0) return v >= bound;
    return strcmp(op, "==") == 0 ? v == bound : v != bound;
}

/* Demand i (from 1) as the ledger states it: met only where the value that was there before
 * the verdict meets it, by claims only where value and verdict are claims. */
/* The owner's word: that a target was asked for says nothing of the model. */
static inline bool is_said(const char *name)
{
    return strncmp(name, "privacy.target.", 15) == 0;
}

static inline bool policy_of(const oracle *o, int i, truth_policy *out)
{
    char demand[64], field[64];
    snprintf(demand, sizeof demand, "policy.%d.demand", i);
    snprintf(field, sizeof field, "policy.%d.verdict", i);
    for (int k = 0; k < o->n; k++) {
        json_t *claim = json_object_get(o->line[k], "claim");
        const char *text = json_string_value(json_object_get(claim, demand));
        if (!text) continue;
        assert_int_equal(sscanf(text, "%255s %2s %lf", out->name, out->op, &out->bound), 3);
        const char *in_claim = json_string_value(json_object_get(claim, field)),
                   *seen = json_string_value(
                       json_object_get(json_object_get(o->line[k], "observed"), field)),
                   *verdict = in_claim ? in_claim : seen;
        bool observed = false;
        const json_t *v = newest(o, out->name, k, &observed);
        snprintf(field, sizeof field, "policy.%d.found", i);
        const json_t *found = json_object_get(claim, field);
        if (!found) found = json_object_get(json_object_get(o->line[k], "observed"), field);
        const bool holds =
            json_is_number(v) && compare(json_number_value(v), out->op, out->bound) &&
            json_is_number(found) && compare(json_number_value(found), out->op, out->bound);
        out->is = !verdict                                       ? V_OPEN
                  : strcmp(verdict, "undefined") == 0            ? V_UNDEFINED
                  : strcmp(verdict, "absent") == 0               ? V_ABSENT
                  : strcmp(verdict, "met") != 0                  ? V_NOT_MET
                  : !holds                                       ? V_DOUBTED
                  : in_claim && !observed && !is_said(out->name) ? V_MET
                                                                 : V_SEEN;
        return true;
    }
    return false;
}

/* NAME, NAME.lower or NAME.upper? */
static inline bool is_about(const char *policy, const char *name)
{
    const size_t n = strlen(name);
    return n && strncmp(policy, name, n) == 0 &&
           (!policy[n] || !strcmp(policy + n, ".lower") || !strcmp(policy + n, ".upper"));
}

static const struct {
    const char *says, *style;
} verdict_looks[] = {{"met", "ok"},         {"seen", "seen"},   {"not-judged", "none"},
                     {"undefined", "none"}, {"absent", "none"}, {"doubted", "warn"},
                     {"not-met", "warn"}};

/* ---- what is compared -------------------------------------------------------------------- */

static inline void check_gaps(oracle *o)
{
    char v[32], lo[32], hi[32];
    const char *list = strstr(o->html, "<div class=\"block\" id=\"gaps\">");
    const element *said[GAPS_MAX] = {NULL};
    int n = 0;
    double least = INFINITY;
    for (int i = 0; i < o->n_elements; i++) {
        const element *e = &o->element[i];
        const truth_gap *g = gap_named(o, e->about);
        if (strstr(e->about, "fairness.") && !strcmp(e->says, "proven") && (!g || !g->proven))
            fault(o, "the page says that %s is proven", e->about);
        if (g && !strcmp(e->says, "not-proven") && g->proven)
            fault(o, "the page says that %s is not proven", e->about);
        if (!g || !list || e->at < list || strcmp(e->tag, "span") || strcmp(e->says, "proven"))
            continue;
        said[g - o->gap] = e;
        n++;
        const char *text = text_of(o, e);
        if (!strstr(text, g->measure) || (g->has_value && !strstr(text, three(v, g->value))) ||
            (g->has_lower && !strstr(text, three(lo, g->lower))) ||
            (g->has_upper && !strstr(text, three(hi, g->upper))))
            fault(o, "of %s the page says '%s'", g->name, text);
        if (g->least > least + 1e-12) fault(o, "%s is not the worst that is left", g->name);
        least = g->least;
    }
    for (int i = 0; i < o->n_gaps; i++)
        if (o->gap[i].proven && !said[i]) fault(o, "%s is not listed", o->gap[i].name);
    if (n != o->n_proven) fault(o, "%d gaps are listed as proven, %d are", n, o->n_proven);
}

static inline void check_headline(oracle *o)
{
    const bool none = strstr(o->html, "gaps that have an interval is proven.") != NULL;
    if (none != (o->n_judged && !o->n_proven)) fault(o, "the section on fairness says none");
    char count[64], room[80], number[32];
    const element *e = said_of(o, "li", "fairness");
    const char *says = o->n_proven   ? "proven"
                       : o->n_judged ? "not-proven"
                       : o->n_gaps   ? "not-judged"
                                     : "nothing";
    if (!e || strcmp(e->says, says) != 0) {
        fault(o, "the headline on gaps says %s instead of %s", e ? e->says : "nothing", says);
        return;
    }
    const char *text = text_of(o, e);
    if ((o->n_proven == 0) != (strstr(text, "does not treat groups alike") == NULL) ||
        (o->n_proven == 0 && o->n_judged != 0) !=
            (strstr(text, "No gap between groups is proven") != NULL))
        fault(o, "the headline on gaps reads '%.200s'", text);
    snprintf(count, sizeof count, o->n_proven ? "of %d gaps" : "of %d that", o->n_judged);
    if (o->n_judged && !strstr(text, count)) fault(o, "not '%s': '%.200s'", count, text);
    if (o->n_proven || !o->n_judged) return;
    bool known = true, right = false;
    double most = -1;
    for (int i = 0; i < o->n_gaps; i++) {
        const truth_gap *g = &o->gap[i];
        if (g->judged) known = known && g->far_known;
        if (g->judged && g->far_known) most = fmax(most, fabs(g->far - g->neutral));
    }
    for (int i = 0; i < o->n_gaps; i++) { /* of several as wide any will do */
        const truth_gap *g = &o->gap[i];
        if (!g->judged || (known && fabs(g->far - g->neutral) < most - 1e-9)) continue;
        snprintf(room, sizeof room, "room for one of %s",
                 known ? three(number, g->far) : "undefined");
        right = right || strstr(text, room);
    }
    if (!right) fault(o, "not %.3f from alike: '%.200s'", most, text);
}

/* The tile's first link names the number that it shows. */
static inline void check_tile(oracle *o, const element *e)
{
    truth_policy policy;
    int worst = -1;
    for (int i = 1; policy_of(o, i, &policy); i++)
        if (is_about(policy.name, e->about) && (int)policy.is > worst) worst = (int)policy.is;
    const char *style = worst < 0 ? "none" : verdict_looks[worst].style,
               *says = worst < 0 ? "nothing" : verdict_looks[worst].says;
    char class_[40], title[500];
    snprintf(class_, sizeof class_, "tile %s", style);
    if (strcmp(e->style, class_) != 0 || strcmp(e->says, says) != 0)
        fault(o, "the tile of '%s' is '%s', says %s, not '%s', %s", e->about, e->style, e->says,
              class_, says);
    const char *shown = strstr(e->body, "<span class=\"v\">"),
               *end = strstr(e->body, "<span class=\"d\">");
    snprintf(title, sizeof title, ": %s\">", e->about);
    const char *link = strstr(shown, title);
    if (*e->about && value_of(o, e->about) && (!link || link > end))
        fault(o, "the tile of '%s' shows another number", e->about);
}

static inline void check_tiles(oracle *o)
{
    double worst = -1;
    for (int i = 0; i < o->n_gaps; i++)
        if (o->gap[i].judged && o->gap[i].least > worst) worst = o->gap[i].least;
    for (int i = 0; i < o->n_elements; i++) {
        const element *e = &o->element[i];
        if (strncmp(e->style, "tile ", 5) != 0) continue;
        check_tile(o, e);
        if (!strstr(e->body, "href=\"#fairness\"") ||
            strstr(e->body, "href=\"#fairness\"") > end_of(e))
            continue;
        const truth_gap *g = gap_named(o, e->about);
        if (worst >= 0 && (!g || !g->judged || g->least != worst))
            fault(o, "the fairness tile shows '%s', which is not the worst", e->about);
        char count[64];
        snprintf(count, sizeof count, "; the worst of %d that have", o->n_judged);
        if ((strstr(text_of(o, e), "; the worst of ") != NULL) != (o->n_judged > 1) ||
            (o->n_judged > 1 && !strstr(o->text, count)))
            fault(o, "the fairness tile: '%.200s'", o->text);
        if (o->n_gaps == 0 && *e->about) fault(o, "the fairness tile shows a gap without gaps");
    }
}

/* ---- baseline ---------------------------------------------------------------------------- */

static const struct {
    const char *task, *measure, *gain;
} truth_baselines[] = {{"binary", "accuracy", "accuracy.gain"},
                       {"classes", "accuracy", "accuracy.gain"},
                       {"labels", "hamming_loss", "hamming_loss.gain"},
                       {"regression", "r2", "r2"},
                       {"tokens", "perplexity", NULL}};

/* "proven", "not-proven", "proven-worse", "no-baseline", "nothing" (not measured). */
static inline const char *baseline_truth(const oracle *o, const char **about)
{
    *about = "";
    for (size_t i = 0; i < 5; i++) {
        char name[64];
        double lower, upper;
        if (!task_is(o, truth_baselines[i].task) || !value_of(o, truth_baselines[i].measure))
            continue;
        const char *gain = truth_baselines[i].gain;
        *about = gain ? gain : truth_baselines[i].measure;
        if (!gain) return "no-baseline";
        snprintf(name, sizeof name, "%s.baseline", truth_baselines[i].measure);
        if (!value_of(o, gain) && !value_of(o, name)) return "no-baseline";
        snprintf(name, sizeof name, "%s.lower", gain);
        if (number_of(o, name, &lower) && lower > 0) return "proven";
        snprintf(name, sizeof name, "%s.upper", gain);
        return number_of(o, name, &upper) && upper < 0 ? "proven-worse" : "not-proven";
    }
    return "nothing";
}

static inline void check_baseline(oracle *o)
{
    const char *about, *says = baseline_truth(o, &about);
    const element *e = said_of(o, "li", about);
    if (strcmp(says, "nothing") == 0) return;
    if (!e || strcmp(e->says, says) != 0) {
        fault(o, "of '%s' the page says %s, not %s", about, e ? e->says : "nothing", says);
        return;
    }
    const char *text = text_of(o, e);
    const bool not_proven = strstr(text, "That is not proven to be") != NULL,
               proven = strstr(text, "That is proven to be") != NULL;
    if (not_proven != !strcmp(says, "not-proven") || proven != !strncmp(says, "proven", 6))
        fault(o, "of '%s', %s, the page says '%.200s'", about, says, text);
    if (proven && !strcmp(about, "r2") &&
        (strstr(text, "worse") != NULL) != !strcmp(says, "proven-worse"))
        fault(o, "the mean: '%.200s'", text);
    if (proven && !strcmp(about, "accuracy.gain") &&
        (strstr(text, "proven to be less") != NULL) != !strcmp(says, "proven-worse"))
        fault(o, "the commonest label: '%.200s'", text);
}

static inline bool is_measured(const oracle *o)
{
    double v;
    for (size_t i = 0; i < 5; i++)
        if (task_is(o, truth_baselines[i].task) && number_of(o, truth_baselines[i].measure, &v))
            return true;
    return false;
}

/* ---- policies and the banner ------------------------------------------------------------- */

/* What a demand that is met leaves open, from the interval of its measure. */
static inline void check_open(oracle *o, const truth_policy *p, const element *next)
{
    char measure[300], low[320], high[320], number[32];
    double lower = NAN, upper = NAN;
    snprintf(measure, sizeof measure, "%s", p->name);
    const size_t n = strlen(measure);
    if (n > 6 && (!strcmp(measure + n - 6, ".lower") || !strcmp(measure + n - 6, ".upper")))
        measure[n - 6] = '\0';
    snprintf(low, sizeof low, "%s.lower", measure);
    snprintf(high, sizeof high, "%s.upper", measure);
    if (!value_of(o, low) && !value_of(o, high)) return;
    if (!next || strcmp(next->about, measure) != 0 || strcmp(next->style, "sub") != 0) {
        fault(o, "%s is met; what it leaves open is not said", p->name);
        return;
    }
    (void)number_of(o, low, &lower);
    (void)number_of(o, high, &upper);
    const char op = p->op[0];
    const double far = op == '<' ? upper : lower;
    const bool both = op == '=' || op == '!' || strstr(measure, "average_odds_difference");
    const char *says = both                            ? "open"
                       : isnan(far)                    ? "open-undefined"
                       : compare(far, p->op, p->bound) ? "closed"
                       : op == '<'                     ? "open-up"
                                                       : "open-down";
    if (strcmp(next->says, says) != 0)
        fault(o, "%s leaves %s, not %s", p->name, says, next->says);
    const char *text = text_of(o, next);
    if (!strncmp(says, "open-", 5) && !isnan(far) &&
        (!strstr(text, three(number, far)) || !strstr(text, "not excluded")))
        fault(o, "%s: '%s'", p->name, text);
}

/* Is "not met" said of a value that meets the demand? (Only "met" is doubted by the page.) */
static inline bool said_lie(const oracle *o, const truth_policy *p)
{
    double v;
    return number_of(o, p->name, &v) && compare(v, p->op, p->bound);
}

/* The number that a row shows as found, read as a reader would; NAN: no plain number. */
static inline double found_of(const oracle *o, const element *chip)
{
    char text[64];
    size_t n = 0;
    const char *row = chip->at;
    while (row > o->html && strncmp(row, "<tr>", 4) != 0) row--;
    const char *c = strstr(row, "<td class=\"num\">");
    for (; c && strncmp(c, "</td>", 5) != 0 && n + 1 < sizeof text; c++) {
        if (*c == '<')
            c += strcspn(c, ">");
        else if (strncmp(c, "\xe2\x88\x92", 3) == 0) {
            text[n++] = '-';
            c += 2;
        } else if (*c != ',')
            text[n++] = *c;
    }
    text[n] = '\0';
    char *end;
    const double v = strtod(text, &end);
    return n && !*end ? v : NAN;
}

static inline void check_policies(oracle *o)
{
    truth_policy p;
    int k = 0, n = 0;
    for (int i = 1; policy_of(o, i, &p); i++) {
        char class_[40];
        n++;
        while (k < o->n_elements && strncmp(o->element[k].style, "chip ", 5) != 0) k++;
        if (k == o->n_elements) break;
        const element *e = &o->element[k++];
        snprintf(class_, sizeof class_, "chip %s", verdict_looks[p.is].style);
        if (strcmp(e->style, class_) || strcmp(e->says, verdict_looks[p.is].says) ||
            strcmp(e->about, p.name))
            fault(o, "policy %d is %s, '%s'; the page: '%s', %s", i, verdict_looks[p.is].says,
                  class_, e->style, e->says);
        const char *text = text_of(o, e);
        if ((strcmp(text, "met") == 0) != (p.is == V_MET) ||
            (strcmp(text, is_said(p.name) ? "met, said" : "met, observed") == 0) !=
                (p.is == V_SEEN))
            fault(o, "policy %d reads '%s'", i, text);
        const double found = found_of(o, e);
        if (!isnan(found) && (p.is <= V_SEEN || (p.is == V_NOT_MET && !said_lie(o, &p))) &&
            compare(found, p.op, p.bound) != (p.is <= V_SEEN))
            fault(o, "policy %d, %s %s %.17g, reads %s with %.9g", i, p.name, p.op, p.bound,
                  text, found);
        if (p.is <= V_SEEN) check_open(o, &p, k < o->n_elements ? &o->element[k] : NULL);
    }
    int chips = 0;
    for (int i = 0; i < o->n_elements; i++) chips += !strncmp(o->element[i].style, "chip ", 5);
    if (chips != n) fault(o, "%d chips for %d demands", chips, n);
}

static inline void check_banner(oracle *o)
{
    truth_policy p;
    int n = 0, met = 0, seen = 0, judged = 0, failed = 0, said_met = -1, said_seen = -1,
        said_n = -1;
    double asked = 1, count;
    char state[8], text_met[80];
    const char *about, *baseline = baseline_truth(o, &about);
    for (int i = 1; policy_of(o, i, &p); i++) {
        n++;
        met += p.is == V_MET;
        seen += p.is == V_SEEN;
        judged += p.is != V_OPEN;
        failed += p.is >= V_UNDEFINED;
    }
    if (number_of(o, "policy.count", &count) && count > n) n = (int)count;
    const element *e = said_of(o, "div", "policy");
    if (!e ||
        sscanf(e->says, "%7s met=%d seen=%d of=%d", state, &said_met, &said_seen, &said_n) !=
            4 ||
        said_met != met || said_seen != seen || said_n != n) {
        fault(o, "the banner counts '%s', right: %d and %d of %d", e ? e->says : "nothing", met,
              seen, n);
        return;
    }
    const bool none = number_of(o, "run.protected", &asked) && asked == 0,
               bad = (judged && met + seen < n) || o->n_proven ||
                     !strcmp(baseline, "not-proven") || !strcmp(baseline, "proven-worse"),
               good = !bad && n > 0 && met == n && !strcmp(baseline, "proven") &&
                      (none || o->n_judged);
    const char *style = bad ? "verdict warn" : good ? "verdict ok" : "verdict none";
    if (strcmp(e->style, style) != 0) fault(o, "the banner is '%s', not '%s'", e->style, style);
    const char *text = text_of(o, e);
    snprintf(text_met, sizeof text_met, "%d of %d policies met by claims, %d by observation.",
             met, n, seen);
    if ((strstr(text, "Not met: ") != NULL) != (judged && failed))
        fault(o, "the banner lists what is not met: '%.100s'", text);
    if (judged && seen && !strstr(text, text_met)) fault(o, "the banner: '%.100s'", text);
    const bool all = strstr(text, "policies met.") && strncmp(text, "All ", 4) == 0;
    if ((all || !strncmp(text, "The policy is met.", 18)) != (judged && !seen && met == n))
        fault(o, "the banner: '%.100s'", text);
}

/* ---- privacy, what no ledger shows, what is not proven ----------------------------------- */

static inline bool is_private(const oracle *o)
{
    double v;
    return !text_is(o, "run.privacy", "off") && number_of(o, "privacy.epsilon", &v) &&
           number_of(o, "privacy.delta", &v);
}

static inline void check_beyond(oracle *o)
{
    const bool off = text_is(o, "run.privacy", "off"),
               from = value_of(o, "train.from.name") || value_of(o, "train.from.sha256");
    const element *e = said_of(o, "li", "privacy"), *beyond = said_of(o, "li", "run"),
                  *weights = said_of(o, "span", "train.from"),
                  *test = said_of(o, "span", "run.test");
    const char *says = off ? "off" : is_private(o) ? "bounded" : "nothing";
    if (!e || strcmp(e->says, says) != 0) {
        fault(o, "privacy: %s, not %s", e ? e->says : "-", says);
        return;
    }
    const char *text = text_of(o, e);
    if ((strstr(text, " is bounded") != NULL) != is_private(o) ||
        (strstr(text, "Nothing bounds") != NULL) != off)
        fault(o, "privacy: '%.200s'", text);
    if (is_private(o) && from != (strstr(text, "does not cover what the weights") != NULL))
        fault(o, "weights from elsewhere: '%.300s'", text);
    if (!beyond ||
        !strstr(text_of(o, beyond), is_private(o) ? "runs, seeds, noise keys and policies"
                                                  : "runs, seeds and policies"))
        fault(o, "how much was tried is not said to be unknown");
    if (from != (weights != NULL))
        fault(o, "that weights may have seen the test part is %ssaid", weights ? "" : "not ");
    if ((test != NULL) != (is_measured(o) && !text_is(o, "run.test", "split")))
        fault(o, "where the test part comes from");
    if (test && (strstr(text_of(o, test), "Nor whether the file") != NULL) !=
                    text_is(o, "run.test", "file"))
        fault(o, "the test file: '%s'", o->text);
}

static inline bool some_weight(const oracle *o)
{
    for (int i = 0; i < o->n; i++) {
        const char *key;
        json_t *v;
        json_object_foreach(json_object_get(o->line[i], "claim"), key, v)
        {
            const size_t n = strlen(key);
            if (n > 9 && !strcmp(key + n - 9, ".mean_abs") && json_is_number(v)) return true;
        }
    }
    return false;
}

static inline void check_unproven(oracle *o)
{
    truth_policy p;
    double v, tested = 0, asked = 1, valid = 0;
    int seen = 0, n = 0;
    const char *about;
    const bool measured = is_measured(o), off = text_is(o, "run.privacy", "off"),
               is_hidden = is_private(o),
               from = value_of(o, "train.from.name") || value_of(o, "train.from.sha256"),
               joules = number_of(o, "energy.joules", &v),
               none = number_of(o, "run.protected", &asked) && asked == 0,
               split = text_is(o, "run.test", "split"), file = text_is(o, "run.test", "file");
    (void)number_of(o, "data.test.rows", &tested);
    (void)number_of(o, "data.rows.valid", &valid);
    for (int i = 1; policy_of(o, i, &p); i++) {
        seen += p.is == V_SEEN;
        n++;
    }
    const struct {
        const char *id;
        bool open;
    } rules[] = {{"metric", !measured},
                 {"better", measured && strcmp(baseline_truth(o, &about), "proven") != 0},
                 {"few", measured && tested < 100},
                 {"elsewhere", true},
                 {"labels", measured},
                 {"chosen", true},
                 {"test-file", measured && file},
                 {"test", measured && !file && !split},
                 {"from-test", measured && from},
                 {"valid", !(valid > 0)},
                 {"protected", none},
                 {"fairness", !none && o->n_judged == 0},
                 {"privacy", off},
                 {"budget", !off && !is_hidden},
                 {"noise", is_hidden},
                 {"from-private", is_hidden && from},
                 {"attack", true},
                 {"robustness", true},
                 {"explain", !some_weight(o)},
                 {"energy", !joules},
                 {"modelled", joules && !text_is(o, "energy.method", "rapl")},
                 {"purpose", !value_of(o, "run.purpose")},
                 {"origin", true},
                 {"licence", true},
                 {"policy", n == 0},
                 {"observed", seen > 0},
                 {"signer", !value_of(o, "run.signer")},
                 {"key", text_is(o, "run.signer", "throw-away")},
                 {"witness", true}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const bool listed = is_listed(o, rules[i].id);
        if (listed != rules[i].open)
            fault(o, "'%s' is %slisted as not proven", rules[i].id, listed ? "" : "not ");
    }
    char open[40];
    int listed = 0;
    for (int i = 0; i < o->n_elements; i++) listed += !strcmp(o->element[i].says, "unproven");
    snprintf(open, sizeof open, ">%d things are not proven.", listed);
    if (!strstr(o->html, open)) fault(o, "not '%s'", open);
}

/* Is a value undefined that applies to the task, or a bound of one that is defined? */
static inline bool some_undefined(const oracle *o)
{
    static const char *const binary[] = {".demographic_parity_", ".equal_opportunity_",
                                         ".equalized_odds_", ".average_"};
    const bool two = task_is(o, "binary") || task_is(o, "labels");
    for (int i = 0; i < o->n; i++) {
        const char *type = json_string_value(json_object_get(o->line[i], "type")), *key;
        json_t *claim = json_object_get(o->line[i], "claim"), *v;
        if (strcmp(type, "metric") != 0 && strcmp(type, "fairness") != 0) continue;
        json_object_foreach(claim, key, v)
        {
            char of[256];
            bool idle = false;
            const size_t n = strlen(key);
            const bool bound = !strcmp(key + n - 6, ".lower") || !strcmp(key + n - 6, ".upper");
            snprintf(of, sizeof of, "%.*s", (int)n - 6, key);
            const char *text = json_string_value(v),
                       *whole = bound ? json_string_value(json_object_get(claim, of)) : NULL;
            for (int k = 0; k < 4; k++) idle = idle || (!two && strstr(key, binary[k]));
            if (text && !strcmp(text, "undefined") && !idle && !(whole && !strcmp(whole, text)))
                return true;
        }
    }
    return false;
}

/* The reason of an undefined value is the ledger's, and every one is named with it. */
static inline void check_reasons(oracle *o)
{
    const element *e = said_of(o, "li", "undefined");
    if ((e != NULL) != some_undefined(o))
        fault(o, "what is undefined is %slisted", e ? "" : "not ");
    if (!e) return;
    const char *text = text_of(o, e);
    for (const char *c = text; (c = strchr(c, '(')) != NULL; c++)
        if (strncmp(c, "(reason of the ledger itself)", 29) != 0)
            fault(o, "a reason of its own: '%.100s'", c);
}

/* Which column weighs most. */
static inline void check_weights(oracle *o)
{
    static const char *const names[] = {"income", "age", "sex"};
    double most = -1, v;
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "explain.%s.mean_abs", names[i]);
        if (number_of(o, name, &v) && v > most) most = v;
    }
    for (int i = 0; i < 3 && most >= 0; i++) {
        char name[64], text[64];
        snprintf(name, sizeof name, "explain.%s.mean_abs", names[i]);
        snprintf(text, sizeof text, "%s weighs most", names[i]);
        if (strstr(o->html, text) && !(number_of(o, name, &v) && v == most))
            fault(o, "%s", text);
        snprintf(text, sizeof text, "<b>%s</b> moves the score most", names[i]);
        if (strstr(o->html, text) && !(number_of(o, name, &v) && v == most && v > 0))
            fault(o, "%s", text);
    }
}

static inline void truth_read(oracle *o, const fixture *f)
{
    memset(o, 0, sizeof *o);
    for (const char *line = f->text.data; line && *line; line = strchr(line, '\n') + 1) {
        assert_true(o->n < LINES_MAX);
        o->line[o->n] = json_loadb(line, strcspn(line, "\n"), 0, NULL);
        assert_non_null(o->line[o->n++]);
    }
}

static inline void truth_release(oracle *o)
{
    for (int i = 0; i < o->n; i++) json_decref(o->line[i]);
    o->n = 0;
}

/* Everything that the page of that ledger says against it: o->n_faults, the first in o->why. */
static inline void truth_check(oracle *o, const fixture *f, const char *html)
{
    truth_read(o, f);
    o->html = html;
    find_elements(o);
    find_gaps(o);
    check_gaps(o);
    check_headline(o);
    check_tiles(o);
    check_baseline(o);
    check_policies(o);
    check_banner(o);
    check_beyond(o);
    check_unproven(o);
    check_reasons(o);
    check_weights(o);
    truth_release(o);
}
#endif
