/* SPDX-License-Identifier: Apache-2.0
 * closed_fairness.c - groups: their rates are shares of whole people, the gaps follow from the
 * rates, and the groups of a set are all the rows that it knows, as every other set knows them.
 *
 * Groups that are withheld take no part. Where there are some, gaps are compared in what the
 * groups that are told determine: not in the reason, nor in the bound that the others could
 * move. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "audit/fairness.h"
#include "audit/quality.h"
#include "base/fail.h"
#include "proof/closed_parts.h"

typedef struct {
    const onus_closed *c;
    const char *set;
    const char *const *group;
    int64_t n;
    bool withheld;
    onus_group_tally *tally; /* (n) */
    double missing, rows;    /* NAN: not told */
} groups;

static double of_group(const groups *g, int64_t i, const char *what)
{
    return onus_closed_number(g->c, "fairness.%s.group.%s.%s", g->set, g->group[i], what);
}

/* ---- which groups there are -------------------------------------------------------------- */

/* Places of a joined group in the attributes of its set, as one number; -1: none of it. */
static double place_of(const groups *g, const char *group)
{
    const onus_scope *s = g->c->given->scope;
    double place = 0;
    for (const char *set = g->set;;) {
        const size_t n = strcspn(set, "+"), m = strcspn(group, "+");
        const int64_t a = onus_vocabulary_find(&s->attributes, set, n);
        if (a < 0) return -1;
        const int64_t k = onus_vocabulary_find(&s->groups[a], group, m);
        if (k < 0) return -1;
        place = place * (double)s->groups[a].n + (double)k;
        set += n;
        group += m;
        if (!*set || !*group) return *set || *group ? -1 : place;
        set++;
        group++;
    }
}

/* In the order of the data sheet, none twice; of one attribute all of them. */
static onus_status check_order(const groups *g, onus_err *err)
{
    double last = -1;
    for (int64_t i = 0; i < g->n; i++) {
        const double place = place_of(g, g->group[i]);
        if (!(place > last))
            return onus_fail(err, ONUS_TAMPER,
                             "'fairness.%.200s.groups' are not in the order of data.sheet",
                             g->set);
        last = place;
    }
    return ONUS_OK;
}

/* Combinations that a set could have; NAN: not told. */
static double combinations(const groups *g)
{
    const onus_scope *s = g->c->given->scope;
    const int64_t set = g->c->given->of->set, k = s->attributes.n;
    if (set < k) return (double)s->groups[set].n;
    int64_t at = k;
    for (int64_t a = 0; a < k; a++)
        for (int64_t b = a + 1; b < k; b++, at++)
            if (at == set) return (double)s->groups[a].n * (double)s->groups[b].n;
    if (k != 3) return NAN; /* of more, some intersections have no event of their own */
    const double first =
        (double)s->groups[0].n * (double)s->groups[1].n -
        onus_closed_fact(g->c, "%sfairness.%s.empty", g->c->prefix, s->sets[k]);
    return first * (double)s->groups[2].n;
}

static onus_status check_groups(const groups *g, onus_err *err)
{
    char name[4096];
    snprintf(name, sizeof name, "fairness.%s.empty", g->set);
    onus_status st = check_order(g, err);
    if (st != ONUS_OK || g->withheld) return st;
    const double all = combinations(g);
    if (isnan(all)) return ONUS_OK;
    return onus_closed_expect(g->c, name, all - (double)g->n, "combinations that nobody is in",
                              err);
}

/* Does the set name that attribute? */
static bool is_in_set(const char *set, const char *attribute)
{
    const size_t n = strlen(attribute);
    for (const char *word = set; word; word = strchr(word, '+')) {
        word += *word == '+';
        if (strncmp(word, attribute, n) == 0 && (word[n] == '\0' || word[n] == '+'))
            return true;
    }
    return false;
}

/* All combinations that the set could have; *n 0: more than can be told apart. */
static onus_status combine(const groups *g, const char ***out, int64_t *n, onus_err *err)
{
    const onus_scope *s = g->c->given->scope;
    static const char *const nothing[] = {""};
    const char *const *have = nothing;
    *n = 1;
    for (int64_t a = 0; a<s->attributes.n && * n> 0; a++) {
        if (!is_in_set(g->set, s->attributes.order[a])) continue;
        const onus_vocabulary *v = &s->groups[a];
        const int64_t more = v->n > ONUS_GROUPS_MAX ? 0 : *n * v->n;
        const char **next = onus_arena_alloc(g->c->arena, (size_t)more + 1, sizeof *next);
        if (!next) return onus_fail_mem(err, "ledger");
        const bool fits = more <= ONUS_GROUPS_MAX;
        for (int64_t i = 0; fits && i < more; i++) {
            const char *first = have[i / v->n];
            next[i] = onus_arena_printf(g->c->arena, "%s%s%s", first, *first ? "+" : "",
                                        v->order[i % v->n]);
            if (!next[i]) return onus_fail_mem(err, "ledger");
        }
        *n = fits ? more : 0;
        *out = next;
        have = next;
    }
    return ONUS_OK;
}

/* Were groups too many, as the event says? Not where all that could be would fit. */
static onus_status check_room(const groups *g, onus_err *err)
{
    const char **all = NULL;
    int64_t n = 0;
    const onus_status st = combine(g, &all, &n, err);
    if (st != ONUS_OK || n == 0) return st;
    const onus_partition p = {.name = g->set, .groups = all, .n_groups = n};
    return onus_fairness_has_room(&p)
               ? onus_fail(err, ONUS_TAMPER, "'fairness.%.200s.reason' is there, and all fit",
                           g->set)
               : ONUS_OK;
}

/* ---- counts ------------------------------------------------------------------------------ */

static void take_tally(const groups *g, int64_t i, bool two)
{
    onus_group_tally *t = &g->tally[i];
    *t = (onus_group_tally){.n = of_group(g, i, "n")};
    if (!two) {
        t->right = t->n > 0 ? rint(of_group(g, i, "accuracy") * t->n) : 0;
        if (isnan(t->right)) t->right = 0; /* the comparison will tell */
        return;
    }
    t->positives = of_group(g, i, "positives");
    t->selected = of_group(g, i, "selected");
    if (t->positives > 0) t->true_positives = rint(of_group(g, i, "tpr") * t->positives);
    if (isnan(t->true_positives)) t->true_positives = 0;
    t->right = t->n - t->positives - t->selected + 2 * t->true_positives;
}

/* Four cells that are all people. */
static onus_status check_tally(const groups *g, int64_t i, onus_err *err)
{
    const onus_group_tally *t = &g->tally[i];
    if (t->positives <= t->n && t->selected <= t->n && t->right >= 0 && t->right <= t->n &&
        t->true_positives >= 0 && t->true_positives <= t->positives &&
        t->true_positives <= t->selected &&
        t->n - t->positives - t->selected + t->true_positives >= 0)
        return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER, "counts of 'fairness.%.200s.group.%.200s' cannot be",
                     g->set, g->group[i]);
}

/* Rows of the class 1 and decided so, and right ones, of the whole test split. */
static double whole_of(const groups *g, const char *what)
{
    const onus_scope *s = g->c->given->scope;
    const char *p = g->c->prefix;
    if (strcmp(what, "n") == 0) return g->rows;
    if (strcmp(what, "right") == 0)
        return rint(onus_closed_fact(g->c, "%saccuracy", p) * g->rows);
    if (strcmp(what, "positives") == 0) return onus_closed_fact(g->c, "%srecall.n", p);
    const onus_vocabulary *v = &s->classes[g->c->label];
    if (v->n != 2) return NAN;
    return onus_closed_fact(g->c, "%sconfusion.%s.%s", p, v->order[0], v->order[1]) +
           onus_closed_fact(g->c, "%sconfusion.%s.%s", p, v->order[1], v->order[1]);
}

/* Groups hold all rows but those that are missing. */
static onus_status check_sum(const groups *g, const char *what, double sum, onus_err *err)
{
    const double all = whole_of(g, what);
    const bool exact = strcmp(what, "n") == 0, told = !g->withheld && !isnan(g->missing);
    if (isnan(all) || isnan(sum)) return ONUS_OK;
    if (exact && told ? sum + g->missing == all
                      : sum <= all && (!told || sum + g->missing >= all))
        return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER,
                     "groups of 'fairness.%.200s' hold %.17g of %s, and %.17g are missing: the "
                     "test split has %.17g",
                     g->set, sum, what, g->missing, all);
}

static onus_status check_sums(const groups *g, bool two, bool more, onus_err *err)
{
    onus_group_tally all = {0};
    for (int64_t i = 0; i < g->n; i++) {
        all.n += g->tally[i].n;
        all.positives += g->tally[i].positives;
        all.selected += g->tally[i].selected;
        all.right += g->tally[i].right;
    }
    onus_status st = check_sum(g, "n", all.n, err);
    if (st == ONUS_OK && (two || more)) st = check_sum(g, "right", all.right, err);
    if (st == ONUS_OK && two) st = check_sum(g, "positives", all.positives, err);
    if (st == ONUS_OK && two) st = check_sum(g, "selected", all.selected, err);
    return st;
}

/* What data.sheet says of the attribute's groups; of one of several labels, known rows. */
static onus_status check_sheet(const groups *g, onus_err *err)
{
    const onus_scope *s = g->c->given->scope;
    for (int64_t i = 0; g->c->given->of->set < s->attributes.n && i < g->n; i++) {
        const double rows =
            onus_closed_fact(g->c, "data.group.%s.%s.test", g->set, g->group[i]);
        if (isnan(rows)) continue;
        if (s->labels.n ? g->tally[i].n <= rows : g->tally[i].n == rows) continue;
        return onus_fail(err, ONUS_TAMPER,
                         "'fairness.%.200s.group.%.200s.n' is %.17g, expected %s%.17g of "
                         "data.sheet",
                         g->set, g->group[i], g->tally[i].n, s->labels.n ? "at most " : "",
                         rows);
    }
    return ONUS_OK;
}

/* Groups of an intersection that are in one group of an attribute are no more than it has, and
 * all of it where the intersection misses nobody whom the attribute knows. */
static onus_status check_margin(const groups *g, size_t skip, const char *attribute,
                                const char *of, const char *what, onus_err *err)
{
    const char *p = g->c->prefix;
    const size_t len = strlen(of);
    const double margin = onus_closed_fact(g->c, "%sfairness.%s.group.%s.%s", p, attribute, of,
                                           what),
                 missing = onus_closed_fact(g->c, "%sfairness.%s.missing", p, attribute);
    if (isnan(margin)) return ONUS_OK;
    double sum = 0;
    for (int64_t i = 0; i < g->n; i++) {
        const char *word = g->group[i];
        for (size_t k = 0; k < skip && word; k++) {
            word = strchr(word, '+');
            if (word) word++;
        }
        if (!word || strncmp(word, of, len) != 0 || (word[len] != '\0' && word[len] != '+'))
            continue;
        sum += of_group(g, i, what);
    }
    const bool all = !g->withheld && missing == g->missing;
    if (isnan(sum) || (all ? sum == margin : sum <= margin)) return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER,
                     "groups of 'fairness.%.200s' with %.200s hold %.17g of %s, expected "
                     "%s%.17g",
                     g->set, of, sum, what, all ? "" : "at most ", margin);
}

static onus_status check_margins(const groups *g, bool two, onus_err *err)
{
    static const char *const what[] = {"n", "positives", "selected"};
    const onus_scope *s = g->c->given->scope;
    if (!strchr(g->set, '+')) return ONUS_OK;
    size_t skip = 0;
    onus_status st = ONUS_OK;
    for (int64_t a = 0; a < s->attributes.n; a++) {
        const char *word = g->set;
        for (size_t k = 0; k < skip; k++) word = strchr(word, '+') + 1;
        const size_t n = strcspn(word, "+");
        if (strncmp(s->attributes.order[a], word, n) != 0 || s->attributes.order[a][n])
            continue; /* sets name attributes in their order */
        for (int64_t k = 0; k < s->groups[a].n; k++)
            for (size_t w = 0; st == ONUS_OK && w < (two ? 3 : 1); w++)
                st = check_margin(g, skip, s->attributes.order[a], s->groups[a].order[k],
                                  what[w], err);
        skip++;
        if (word[n] == '\0') break;
    }
    return st;
}

/* ---- rates and gaps ---------------------------------------------------------------------- */

static const char signed_gap[] = "average_odds_difference";

/* Keeps what groups that are told determine: their own rates; of a gap the value, what it rests
 * on and the bound that says "at least so unequal". What a name says of a gap, it says behind
 * the set: debt_ratio may be an attribute. */
static void leave_out(onus_event_builder *b, const char *set)
{
    const size_t begin =
        strlen(b->within ? b->within : "") + strlen("fairness.") + strlen(set) + strlen(".");
    int64_t k = 0;
    for (int64_t i = 0; i < b->n; i++) {
        const char *name = b->fields[i].name + begin, *last = strrchr(name, '.');
        const char *bound = strstr(name, "_ratio") ? ".lower" : ".upper";
        const bool moved = strncmp(name, signed_gap, strlen(signed_gap)) == 0 ||
                           (last && (strcmp(last, ".reason") == 0 ||
                                     strcmp(last, ".method") == 0 || strcmp(last, bound) == 0));
        if (moved && strncmp(name, "group.", 6) != 0) continue;
        b->fields[k++] = b->fields[i];
    }
    b->n = k;
}

/* The gap with a sign names its two groups: where some are withheld it has neither them nor a
 * value. */
static onus_status check_signed(const groups *g, onus_err *err)
{
    static const char *const parts[] = {"first", "second", "n"};
    for (int i = 0; i < 3; i++) {
        const onus_field *f =
            onus_closed_field(g->c, "fairness.%s.%s.%s", g->set, signed_gap, parts[i]);
        if (i == 2 ? f && f->kind == ONUS_FIELD_INT && f->i == 0 : !f) continue;
        return onus_fail(err, ONUS_TAMPER,
                         "'fairness.%.200s.%s.%s' tells of groups that are withheld", g->set,
                         signed_gap, parts[i]);
    }
    char name[4096];
    snprintf(name, sizeof name, "fairness.%s.%s", g->set, signed_gap);
    return onus_closed_expect(g->c, name, NAN, "groups are withheld", err);
}

static onus_status compare(const groups *g, onus_event_builder *b, onus_err *err)
{
    static const char why[] = "by the groups' counts";
    if (!g->withheld) return onus_closed_same(g->c, b, ONUS_SAME_BESIDE, why, err);
    const onus_status st = check_signed(g, err);
    if (st != ONUS_OK) return st;
    leave_out(b, g->set);
    return onus_closed_same(g->c, b, ONUS_SAME_FIELDS, why, err);
}

static onus_status check_rates(const groups *g, bool two, onus_err *err)
{
    const onus_partition p = {.name = g->set, .groups = g->group, .n_groups = g->n};
    onus_event_builder b;
    onus_closed_begin(g->c, &b);
    onus_status st = two ? onus_fairness_two(g->tally, &p, &b, g->c->arena, err)
                         : onus_fairness_more(g->tally, &p, &b, g->c->arena, err);
    if (st == ONUS_OK) st = compare(g, &b, err);
    onus_event_release(&b);
    return st;
}

/* ---- numbers ----------------------------------------------------------------------------- */

/* Largest minus smallest mean is exact; Welch's bounds come from spreads that the groups' own
 * bounds tell. (relative error 1e-6) */
static onus_status check_difference(const groups *g, const onus_fairness_value *v,
                                    onus_err *err)
{
    onus_group_moments *m = onus_arena_alloc(g->c->arena, (size_t)g->n + 1, sizeof *m);
    if (!m) return onus_fail_mem(err, "ledger");
    double size = 0;
    for (int64_t i = 0; i < g->n; i++) {
        const double n = g->tally[i].n, mean = of_group(g, i, v->name);
        char upper[64];
        snprintf(upper, sizeof upper, "%s.upper", v->name);
        const double half = n > 1 ? of_group(g, i, upper) - mean : 0,
                     se = n > 1 ? half / onus_t_quantile(0.975, n - 1) : 0;
        m[i] = (onus_group_moments){.n = n, .mean = mean, .square = se * se * n * (n - 1)};
        if (n > 1) size = onus_larger(size, fabs(mean) + half);
    }
    onus_measure gap = onus_fairness_value_gap(m, g->n, g->withheld);
    char name[4096], bound[4200];
    snprintf(name, sizeof name, "fairness.%s.%s", g->set, v->difference);
    onus_status st =
        onus_closed_expect(g->c, name, gap.value, "largest less smallest mean", err);
    for (int k = 0; st == ONUS_OK && k < 2; k++) {
        double *of = k ? &gap.ci.upper : &gap.ci.lower;
        if (k && g->withheld) continue;
        snprintf(bound, sizeof bound, "%s.%s", name, k ? "upper" : "lower");
        st = isnan(*of) ? onus_closed_expect(g->c, bound, NAN, "a group is left out", err)
                        : onus_closed_near(g->c, bound, *of, 1e-6 * size, "Welch's", err);
        *of = onus_closed_number(g->c, "%s", bound);
    }
    if (st != ONUS_OK || g->withheld) return st;
    onus_event_builder b;
    onus_closed_begin(g->c, &b);
    onus_measure_put(&b, &gap, "%s", name);
    st = onus_closed_same(g->c, &b, ONUS_SAME_BESIDE, "by the groups", err);
    onus_event_release(&b);
    return st;
}

/* Means of groups add up to that of all, where nobody is missing. */
static onus_status check_mean(const groups *g, const char *what, onus_err *err)
{
    const double all = onus_closed_fact(g->c, "%s", what), mae = onus_closed_fact(g->c, "mae");
    double sum = 0;
    for (int64_t i = 0; i < g->n; i++)
        if (g->tally[i].n > 0) sum += g->tally[i].n * of_group(g, i, what);
    if (g->withheld || g->missing != 0 || isnan(all) || isnan(sum) ||
        fabs(sum / g->rows - all) <= 1e-9 * mae)
        return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER,
                     "groups of 'fairness.%.200s' have a %s of %.17g together, expected %.17g",
                     g->set, what, sum / g->rows, all);
}

static onus_status check_values(const groups *g, onus_err *err)
{
    onus_status st = ONUS_OK;
    char name[4096];
    for (int v = 0; v < ONUS_FAIRNESS_VALUES; v++) {
        const onus_fairness_value *of = &onus_fairness_value_names[v];
        for (int64_t i = 0; st == ONUS_OK && i < g->n; i++) {
            snprintf(name, sizeof name, "fairness.%s.group.%s.%s", g->set, g->group[i],
                     of->name);
            st = onus_closed_mean(g->c, name, (int64_t)g->tally[i].n, of->least, INFINITY, err);
        }
        if (st == ONUS_OK) st = check_difference(g, of, err);
    }
    if (st == ONUS_OK) st = check_mean(g, "mean_error", err);
    if (st == ONUS_OK) st = check_mean(g, "mae", err);
    const onus_partition p = {.name = g->set};
    onus_event_builder b;
    onus_closed_begin(g->c, &b);
    onus_fairness_undefined(&b, &p, "defined for decisions between two classes");
    if (st == ONUS_OK) st = onus_closed_same(g->c, &b, ONUS_SAME_BESIDE, "of numbers", err);
    onus_event_release(&b);
    return st;
}

/* ---- the event --------------------------------------------------------------------------- */

onus_status onus_closed_fairness(const onus_closed *c, onus_err *err)
{
    const onus_scope *s = c->given->scope;
    const bool two = s->is & (ONUS_IF_BINARY | ONUS_IF_LABELS), more = s->is & ONUS_IF_CLASSES;
    groups g = {.c = c, .set = s->sets[c->given->of->set]};
    const onus_field *list = onus_closed_field(c, "fairness.%s.groups", g.set);
    g.n = list && list->kind == ONUS_FIELD_TEXTS ? list->n : 0;
    g.group = g.n ? list->texts : NULL;
    g.rows = s->is & ONUS_IF_VALUES ? onus_closed_fact(c, "data.test.rows")
                                    : onus_closed_fact(c, "%saccuracy.n", c->prefix);
    g.missing = onus_closed_number(c, "fairness.%s.missing", g.set);
    const bool told = isfinite(onus_closed_number(c, "fairness.%s.empty", g.set));
    if ((onus_closed_field(c, "fairness.%s.withheld", g.set) != NULL) == told)
        return onus_fail(err, ONUS_TAMPER,
                         "'fairness.%.200s.withheld' goes with an undefined .empty", g.set);
    g.withheld = isnan(g.missing) || !told;
    g.tally = onus_arena_alloc(c->arena, (size_t)g.n + 1, sizeof *g.tally);
    if (!g.tally) return onus_fail_mem(err, "ledger");
    if (onus_closed_field(c, "fairness.%s.reason", g.set)) return check_room(&g, err);
    onus_status st = check_groups(&g, err);
    for (int64_t i = 0; st == ONUS_OK && i < g.n; i++) {
        take_tally(&g, i, two);
        if (isnan(g.tally[i].n) || isnan(g.tally[i].positives) || isnan(g.tally[i].selected))
            return onus_fail(err, ONUS_TAMPER,
                             "'fairness.%.200s.group.%.200s' is told of without its counts",
                             g.set, g.group[i]);
        st = check_tally(&g, i, err);
    }
    if (st == ONUS_OK) st = check_sums(&g, two, more, err);
    if (st == ONUS_OK) st = check_sheet(&g, err);
    if (st == ONUS_OK) st = check_margins(&g, two, err);
    if (st != ONUS_OK) return st;
    return two || more ? check_rates(&g, two, err) : check_values(&g, err);
}
