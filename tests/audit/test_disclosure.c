/* SPDX-License-Identifier: Apache-2.0
 * Goal: of a group of 1 to 9 people nothing can be found from all that is told. Method: random
 * small tables are audited as a run audits them; an attacker (attacker.h) who has every number
 * that was said looks for another table that fits, for each size, count and rate of each small
 * group. Where only the small groups are withheld, it must find some. */
#include "auditing.h"

#include "attacker.h"

enum { ATTRIBUTES_MAX = 3, GROUPS = 4, OUTCOMES = 4, SMALL = 10 };

static const char *const abcd[] = {"a", "b", "c", "d"};
static const char *const attribute_names[] = {"p", "q", "r"};

typedef struct {
    rows r;
    int k, n_groups[ATTRIBUTES_MAX];
    bool some_missing[ATTRIBUTES_MAX];
    int64_t sizes[ATTRIBUTES_MAX];
    const int32_t *group[ATTRIBUTES_MAX];
    onus_grouped grouped;
    onus_arena arena;
    onus_disclosure *told;
    said s;
} table;

/* ---- tables ------------------------------------------------------------------------------ */

static int pick(draws *d, int n)
{
    return (int)(draw_next(d) * n);
}

/* Groups of uneven sizes, labels and decisions that depend on them or hardly occur. */
static void table_draw(table *t, uint32_t seed, int k_max, int rows_min, int rows_max)
{
    draws d = {seed * 2654435761u + 1};
    for (int i = 0; i < 8; i++) (void)draw_next(&d);
    const int n = rows_min + pick(&d, rows_max - rows_min + 1);
    const double positive = draw_next(&d), right = 0.3 + 0.7 * draw_next(&d);
    rows_begin(&t->r, ONUS_TASK_BINARY, n, 2);
    t->r.p.score = NULL;
    t->k = k_max < 3 ? k_max : 2 + pick(&d, k_max - 1);
    for (int a = 0; a < t->k; a++) {
        char groups[ROWS_MAX];
        const double skew = 1 + 2 * draw_next(&d);
        t->n_groups[a] = 2 + pick(&d, k_max == 3 ? 2 : 3);
        t->some_missing[a] = false;
        const bool lacks = draw_next(&d) < 0.25;
        for (int i = 0; i < n; i++) {
            const bool none = lacks && draw_next(&d) < 0.15;
            groups[i] = none ? '-' : "abcd"[(int)(pow(draw_next(&d), skew) * t->n_groups[a])];
            t->some_missing[a] = t->some_missing[a] || none;
        }
        rows_group(&t->r, attribute_names[a], groups, t->n_groups[a], abcd);
    }
    for (int i = 0; i < n; i++) {
        t->r.label[i] = draw_next(&d) < positive;
        t->r.decision[i] = (draw_next(&d) < right) == (t->r.label[i] == 1);
    }
}

/* What the sheet may tell, then what the audit tells. */
static void table_tell(table *t, bool primary)
{
    onus_err err = {.code = ONUS_OK};
    const onus_sink sink = said_begin(&t->s);
    for (int a = 0; a < t->k; a++) {
        t->sizes[a] = t->n_groups[a];
        t->group[a] = t->r.group[a];
    }
    t->grouped = (onus_grouped){t->r.p.n, t->k, t->sizes, t->group};
    onus_arena_init(&t->arena, NULL);
    if ((primary ? onus_disclosure_primary : onus_disclosure_sizes)(&t->told, &t->grouped,
                                                                    &t->arena, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    t->r.p.sizes = t->told;
    if (onus_audit_fairness(&t->r.p, &sink, NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
}

static void table_forget(table *t)
{
    onus_facts_destroy(t->s.facts);
    onus_arena_release(&t->arena);
}

/* ---- unknowns ---------------------------------------------------------------------------- */

/* A finest cell's group of attribute a; n_groups: none. */
static int digit(const table *t, int cell, int a)
{
    for (int i = t->k - 1; i > a; i--) cell /= t->n_groups[i] + 1;
    return cell % (t->n_groups[a] + 1);
}

static int cells_of(const table *t)
{
    int n = 1;
    for (int a = 0; a < t->k; a++) n *= t->n_groups[a] + 1;
    return n;
}

/* A set of attributes, as bits, and a group of it, as digits base GROUPS + 1; a digit GROUPS is
 * nobody's, NONE the rows without one. */
enum { NONE = -1 };

static int group_of(const table *t, int set, int cell)
{
    int g = 0;
    for (int a = 0; a < t->k; a++) {
        if (!(set >> a & 1)) continue;
        if (digit(t, cell, a) == t->n_groups[a]) return NONE;
        g = g * (GROUPS + 1) + digit(t, cell, a);
    }
    return g;
}

static bool is_told_set(const table *t, int set)
{
    const int n = __builtin_popcount((unsigned)set);
    return n == 1 || n == 2 || (n == t->k && n > 0);
}

static void set_name(const table *t, int set, char *out)
{
    *out = '\0';
    for (int a = 0; a < t->k; a++) {
        if (!(set >> a & 1)) continue;
        if (*out) strcat(out, "+");
        strcat(out, attribute_names[a]);
    }
}

static void group_name(const table *t, int set, int g, char *out)
{
    char names[ATTRIBUTES_MAX][2] = {{0}};
    for (int a = t->k - 1; a >= 0; a--) {
        if (!(set >> a & 1)) continue;
        names[a][0] = abcd[g % (GROUPS + 1)][0];
        g /= GROUPS + 1;
    }
    *out = '\0';
    for (int a = 0; a < t->k; a++) {
        if (!(set >> a & 1)) continue;
        if (*out) strcat(out, "+");
        strcat(out, names[a]);
    }
}

/* Adds weight times the counts of outcomes `which` (bits of 2 label + decision) in that group
 * to e. set 0: of all rows. */
static void put_terms(const table *t, equation *e, int set, int g, int which, int weight)
{
    for (int v = 0; v < cells_of(t) * OUTCOMES; v++) {
        if ((which >> (v % OUTCOMES) & 1) && group_of(t, set, v / OUTCOMES) == g)
            e->of[v] = (int8_t)(e->of[v] + weight);
    }
}

static int evaluate(const attacker *a, const equation *e)
{
    int sum = 0;
    for (int v = 0; v < a->n; v++) sum += e->of[v] * a->guess[v];
    return sum;
}

static equation *add_equation(attacker *a)
{
    equation *e = &a->e[a->n_equations++];
    assert_true(a->n_equations <= EQUATIONS_MAX);
    memset(e, 0, sizeof *e);
    return e;
}

/* What is said must be true, too. */
static void learn(const table *t, attacker *a, int set, int g, int which, int64_t value)
{
    equation *e = add_equation(a);
    put_terms(t, e, set, g, which, 1);
    e->lower = e->upper = (int)value;
    assert_int_equal(evaluate(a, e), value);
}

enum { ANY = 15, SELECTED = 2 | 8, POSITIVE = 4 | 8, HIT = 8, FALSE_HIT = 2, NEGATIVE = 3 };

/* INT fact of that name, or false where it is absent or undefined. */
static bool is_number(const said *s, const char *name, int64_t *out)
{
    const onus_field *f = onus_facts_find(s->facts, name);
    if (!f || f->kind != ONUS_FIELD_INT) return false;
    *out = f->i;
    return true;
}

static int64_t share(const said *s, const char *name, int64_t of)
{
    const onus_field *f = onus_facts_find(s->facts, name);
    return f && f->kind == ONUS_FIELD_REAL ? (int64_t)lround(f->r * (double)of) : 0;
}

static void learn_group(const table *t, attacker *a, int set, const char *of, int g)
{
    char group[16], name[96];
    int64_t n, positives = 0, selected = 0;
    group_name(t, set, g, group);
    snprintf(name, sizeof name, "fairness.%s.group.%s.n", of, group);
    if (!is_number(&t->s, name, &n)) {
        snprintf(name, sizeof name, "fairness.%s.empty", of);
        if (set & (set - 1) && is_number(&t->s, name, &n)) learn(t, a, set, g, ANY, 0);
        return;
    }
    learn(t, a, set, g, ANY, n);
    snprintf(name, sizeof name, "fairness.%s.group.%s.positives", of, group);
    assert_true(is_number(&t->s, name, &positives));
    learn(t, a, set, g, POSITIVE, positives);
    snprintf(name, sizeof name, "fairness.%s.group.%s.selected", of, group);
    assert_true(is_number(&t->s, name, &selected));
    learn(t, a, set, g, SELECTED, selected);
    snprintf(name, sizeof name, "fairness.%s.group.%s.tpr", of, group);
    learn(t, a, set, g, HIT, share(&t->s, name, positives));
}

/* Is g a group of that set: are its digits groups? */
static bool is_group(const table *t, int set, int g)
{
    for (int a = t->k - 1; a >= 0; a--) {
        if (!(set >> a & 1)) continue;
        if (g % (GROUPS + 1) >= t->n_groups[a]) return false;
        g /= GROUPS + 1;
    }
    return g == 0;
}

static void learn_all(const table *t, attacker *a)
{
    *a = (attacker){.n = cells_of(t) * OUTCOMES};
    for (int64_t i = 0; i < t->r.p.n; i++) {
        int cell = 0;
        for (int k = 0; k < t->k; k++) {
            const int g = t->r.group[k][i];
            cell = cell * (t->n_groups[k] + 1) + (g < 0 ? t->n_groups[k] : g);
        }
        a->guess[cell * OUTCOMES + 2 * (int)t->r.label[i] + t->r.decision[i]]++;
    }
    for (int o = 0; o < OUTCOMES; o++) { /* the confusion matrix of all rows */
        int64_t n = 0;
        for (int v = o; v < a->n; v += OUTCOMES) n += a->guess[v];
        learn(t, a, 0, 0, 1 << o, n);
    }
    for (int set = 1; set < 1 << t->k; set++) {
        char of[8], name[64];
        int64_t n;
        if (!is_told_set(t, set)) continue;
        set_name(t, set, of);
        for (int g = 0; g < 125; g++)
            if (is_group(t, set, g)) learn_group(t, a, set, of, g);
        snprintf(name, sizeof name, "fairness.%s.missing", of);
        if (is_number(&t->s, name, &n)) learn(t, a, set, NONE, ANY, n);
    }
    for (int k = 0; k < t->k; k++) { /* the sheet */
        for (int g = 0; g < t->n_groups[k]; g++) {
            int64_t n = 0;
            for (int64_t i = 0; i < t->r.p.n; i++) n += t->r.group[k][i] == g;
            if (onus_disclosure_tells(t->told, k, (uint64_t)g)) learn(t, a, 1 << k, g, ANY, n);
        }
        if (!t->some_missing[k]) learn(t, a, 1 << k, NONE, ANY, 0); /* it may be known */
    }
}

/* ---- what is to be found ----------------------------------------------------------------- */

/* A number of a small group: a weighted sum of unknowns that is to have another value. */
typedef struct {
    equation e;
    int lower, upper; /* values that are another one: below lower, above upper */
    bool hidden;
} number_of;

enum { GOALS_MAX = 2000 };

typedef struct {
    number_of of[GOALS_MAX];
    int n;
} goals;

static int count(const table *t, const attacker *a, int set, int g, int which)
{
    equation e = {{0}, 0, 0};
    put_terms(t, &e, set, g, which, 1);
    return evaluate(a, &e);
}

static number_of *add_goal(goals *all)
{
    assert_true(all->n < GOALS_MAX);
    number_of *one = &all->of[all->n++];
    memset(one, 0, sizeof *one);
    return one;
}

static void want_count(const table *t, const attacker *a, goals *all, int set, int g, int which)
{
    number_of *one = add_goal(all);
    put_terms(t, &one->e, set, g, which, 1);
    one->lower = one->upper = evaluate(a, &one->e);
}

/* The share of `part` among `whole`: p / w is another one where p' w - w' p is not 0; where
 * nobody is of the whole, anybody would be another. */
static void want_rate(const table *t, const attacker *a, goals *all, int set, int g, int part,
                      int whole)
{
    const int p = count(t, a, set, g, part), w = count(t, a, set, g, whole),
              all_p = count(t, a, 0, 0, part), all_w = count(t, a, 0, 0, whole);
    if (all_p == 0 || all_p == all_w) return; /* holds of all rows, which are told of */
    number_of *one = add_goal(all);
    put_terms(t, &one->e, set, g, whole, w ? -p : 1);
    if (w) put_terms(t, &one->e, set, g, part, w);
}

/* All that is to be hidden of a group. */
static void want_group(const table *t, const attacker *a, goals *all, int set, int g)
{
    static const int counts[] = {ANY, POSITIVE, SELECTED, 1, 2, 4, 8, 1 | 8};
    static const struct {
        int part, whole;
    } rates[] = {
        {SELECTED, ANY}, {HIT, POSITIVE}, {FALSE_HIT, NEGATIVE}, {HIT, SELECTED}, {1 | 8, ANY}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (count(t, a, 0, 0, counts[i]) > 0) want_count(t, a, all, set, g, counts[i]);
    }
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        want_rate(t, a, all, set, g, rates[i].part, rates[i].whole);
}

/* ---- the attack -------------------------------------------------------------------------- */

static void see(const attacker *a, goals *all, const steps *s)
{
    if (!is_alike(a, s)) return;
    for (int i = 0; i < all->n; i++)
        all->of[i].hidden = all->of[i].hidden || change_of(&all->of[i].e, s) != 0;
}

/* Unknown v with digit `a` (k: the outcome) of w. */
static int mixed(const table *t, int v, int w, int which)
{
    int cell = 0;
    for (int a = 0; a < t->k; a++)
        cell = cell * (t->n_groups[a] + 1) + digit(t, (which >> a & 1 ? w : v) / OUTCOMES, a);
    return cell * OUTCOMES + (which >> t->k & 1 ? w : v) % OUTCOMES;
}

/* Two people exchange some of what they are. */
static void swap_some(const table *t, steps *s, int v, int w, int which)
{
    step_add(s, v, -1);
    step_add(s, w, -1);
    step_add(s, mixed(t, v, w, which), 1);
    step_add(s, mixed(t, w, v, which), 1);
}

/* Somebody exchanges one attribute after the other with people of the same outcome. */
static void chain(const table *t, steps *s, const int *there, int n, draws *d)
{
    const int from = there[pick(d, n)];
    int v = from;
    for (int a = 0; a < t->k; a++) {
        const int w = there[pick(d, n)];
        if (w % OUTCOMES != v % OUTCOMES || w == from) continue;
        step_add(s, w, -1);
        step_add(s, mixed(t, w, v, 1 << a), 1);
        v = mixed(t, v, w, 1 << a);
    }
    step_add(s, from, -1);
    step_add(s, v, 1);
}

/* Tables near by: one person is another, two exchange something. */
static void look_near(const table *t, const attacker *a, goals *all)
{
    int there[ROWS_MAX], n = 0;
    for (int v = 0; v < a->n; v++)
        if (a->guess[v] > 0) there[n++] = v;
    for (int i = 0; i < n; i++) {
        for (int v = 0; v < a->n; v++) {
            steps s = {.n = 0};
            step_add(&s, there[i], -1);
            step_add(&s, v, 1);
            see(a, all, &s);
        }
        for (int j = 0; j < i; j++) {
            for (int which = 1; which < 1 << t->k; which++) {
                steps s = {.n = 0};
                swap_some(t, &s, there[i], there[j], which);
                see(a, all, &s);
            }
        }
    }
}

/* Tables further off: drawn. */
static void look_around(const table *t, const attacker *a, goals *all, draws *d)
{
    int there[ROWS_MAX], n = 0;
    for (int v = 0; v < a->n; v++)
        if (a->guess[v] > 0) there[n++] = v;
    for (int i = 0; i < 40000; i++) {
        steps s = {.n = 0};
        if (i % 4 == 3) {
            const int w[] = {pick(d, n), pick(d, n), pick(d, n), pick(d, n)};
            swap_some(t, &s, there[w[0]], there[w[1]], 1 + pick(d, (2 << t->k) - 1));
            swap_some(t, &s, there[w[2]], there[w[3]], 1 + pick(d, (2 << t->k) - 1));
        } else {
            for (int k = 0; k <= i % 2; k++) chain(t, &s, there, n, d);
        }
        see(a, all, &s);
    }
}

static bool are_hidden(const goals *all)
{
    for (int i = 0; i < all->n; i++)
        if (!all->of[i].hidden) return false;
    return true;
}

/* Any table whose unknowns are within `far` of the true ones. */
static bool fits(attacker *a, const number_of *goal, int lower, int upper, int far)
{
    bounds b;
    equation *e = &a->e[a->n_equations++];
    *e = goal->e;
    e->lower = lower;
    e->upper = upper;
    a->nodes = 0;
    for (int v = 0; v < a->n; v++) {
        b.lo[v] = (int16_t)(a->guess[v] > far ? a->guess[v] - far : 0);
        b.hi[v] = (int16_t)(a->guess[v] + far);
    }
    const bool any = attack(a, b);
    a->n_equations--;
    return any;
}

/* Tries all tables. *open: too many. */
static bool look_everywhere(attacker *a, const number_of *goal, bool *open)
{
    enum { FAR = 10000 };
    static const int far[] = {1, 100};
    bool known = false;
    for (int i = 0; i < 2 && !known; i++) {
        known = true;
        if (fits(a, goal, goal->upper + 1, FAR, far[i])) return true;
        known = known && a->nodes <= a->nodes_max;
        if (fits(a, goal, -FAR, goal->lower - 1, far[i])) return true;
        known = known && a->nodes <= a->nodes_max && far[i] > 1;
    }
    *open = !known;
    return false;
}

typedef struct {
    int small, found, open; /* small groups; their numbers found; not settled */
    int large, told;        /* groups that are not small, and those of them that are told */
} outcome;

/* Is that group's size among what was said? */
static bool is_told(const table *t, int set, int g)
{
    char of[8], group[16], name[96];
    int64_t n;
    set_name(t, set, of);
    if (g == NONE) {
        snprintf(name, sizeof name, "fairness.%s.missing", of);
    } else {
        group_name(t, set, g, group);
        snprintf(name, sizeof name, "fairness.%s.group.%s.n", of, group);
    }
    return is_number(&t->s, name, &n);
}

static void attack_table(table *t, bool primary, outcome *out)
{
    static attacker a;
    static goals all;
    draws d = {7};
    table_tell(t, primary);
    learn_all(t, &a);
    a.nodes_max = primary ? 20 : 20000;
    all.n = 0;
    for (int set = 1; set < 1 << t->k; set++) {
        if (!is_told_set(t, set)) continue;
        for (int g = NONE; g < 125; g++) {
            if (g != NONE && !is_group(t, set, g)) continue;
            const int n = count(t, &a, set, g, ANY);
            out->large += n >= SMALL;
            out->told += n >= SMALL && is_told(t, set, g);
            if (n == 0 || n >= SMALL) continue;
            want_group(t, &a, &all, set, g);
            out->small++;
        }
    }
    look_near(t, &a, &all);
    for (int round = 0; round < (primary ? 1 : 100) && !are_hidden(&all); round++)
        look_around(t, &a, &all, &d);
    for (int i = 0; i < all.n; i++) {
        bool open = false;
        if (all.of[i].hidden || look_everywhere(&a, &all.of[i], &open)) continue;
        out->open += open;
        out->found += !open;
    }
    table_forget(t);
}

static void small_groups_are_hidden(void **state)
{
    (void)state;
    static table t;
    const char *slow = getenv("ONUS_SLOW");
    const int tables = slow && *slow ? 4000 : 150;
    outcome all = {0}, primary = {0};
    for (int i = 0; i < tables; i++) {
        const int k = 2 + (i % 4 == 3), before = all.found + all.open;
        table_draw(&t, (uint32_t)i, k, 12, i % 2 ? 40 : 80);
        attack_table(&t, false, &all);
        if (all.found + all.open > before)
            print_message("table %d: %d numbers found, %d not settled\n", i, all.found,
                          all.open);
        if (i % 10 == 3) attack_table(&t, true, &primary);
    }
    print_message("%d tables, %d small groups; of %d others %d are told\n", tables, all.small,
                  all.large, all.told);
    assert_int_equal(all.found, 0);
    assert_int_equal(all.open, 0);
    /* the attacker finds many where the small ones alone are withheld */
    assert_true(all.small > tables && primary.found > 100);
}

/* ---- by hand ----------------------------------------------------------------------------- */

static table one;

/* Audits rows whose groups are set, as a run does. */
static void tell(void)
{
    one.k = (int)one.r.p.n_attributes;
    for (int a = 0; a < one.k; a++) one.n_groups[a] = (int)one.r.attribute[a].n_groups;
    table_tell(&one, false);
}

/* n rows: group letters by their numbers; decisions: right but every fifth. */
static void fill(onus_task task, const int *sizes, int groups)
{
    char of[ROWS_MAX];
    int n = 0;
    for (int g = 0; g < groups; g++)
        for (int i = 0; i < sizes[g]; i++) of[n++] = (char)('a' + g);
    of[n] = 0;
    rows_begin(&one.r, task, n, task == ONUS_TASK_REGRESSION ? 0 : 2);
    for (int i = 0; i < n; i++) {
        one.r.label[i] = (float)(i % 2);
        one.r.decision[i] = i % 5 == 0 ? 1 - i % 2 : i % 2;
        one.r.score[i] = (float)(i * i % 17) / 16;
    }
    rows_group(&one.r, "g", of, groups, abcd);
}

static void a_small_group_and_the_smallest_other(void **state)
{
    (void)state;
    static const int sizes[] = {5, 60, 24, 31};
    fill(ONUS_TASK_BINARY, sizes, 4);
    tell();
    const said *s = &one.s;
    undefined(s, "fairness.g.group.a.n");
    undefined(s, "fairness.g.group.a.selected");
    undefined(s, "fairness.g.group.a.tpr");
    undefined(s, "fairness.g.group.c.n"); /* the smallest other, of 24 */
    undefined(s, "fairness.g.missing");
    undefined(s, "fairness.g.empty");
    near(s, "fairness.g.group.b.n", 60, 0);
    near(s, "fairness.g.group.d.n", 31, 0);
    assert_null(onus_facts_find(s->facts, "fairness.g.group.a.tpr.n"));
    assert_null(onus_facts_find(s->facts, "fairness.g.group.a.n.lower"));
    /* which of the two it is, nobody says */
    assert_null(strstr(text(s, "fairness.g.withheld"), "a:"));
    near(s, "fairness.g.demographic_parity_difference.n", 91, 0);
    assert_true(number(s, "fairness.g.demographic_parity_difference.lower") >= 0);
    undefined(s, "fairness.g.demographic_parity_difference.upper");
    undefined(s, "fairness.g.demographic_parity_ratio.lower");
    near(s, "fairness.g.demographic_parity_difference.n.min", 31, 0);
    assert_non_null(
        strstr(text(s, "fairness.g.demographic_parity_difference.reason"), "withheld"));
    undefined(s, "fairness.g.average_odds_difference"); /* two are told, not all there are */
    table_forget(&one);
    one.r.p.sizes = NULL; /* eval withholds nothing */
    const onus_sink sink = said_begin(&one.s);
    assert_int_equal(onus_audit_fairness(&one.r.p, &sink, NULL, NULL), ONUS_OK);
    near(s, "fairness.g.group.a.n", 5, 0);
    onus_facts_destroy(one.s.facts);
}

/* Five whose labels are all 0 and the next group's as well: who knew that both together have no
 * 1 would know each one's label. A third group comes in, though its size is told. */
static void a_pool_that_says_the_same(void **state)
{
    (void)state;
    static const int sizes[] = {5, 12, 24, 31};
    fill(ONUS_TASK_BINARY, sizes, 4);
    for (int i = 0; i < 17; i++) one.r.label[i] = 0;
    tell();
    assert_true(onus_disclosure_tells(one.told, 0, 2));
    undefined(&one.s, "fairness.g.group.a.n");
    undefined(&one.s, "fairness.g.group.b.n");
    undefined(&one.s, "fairness.g.group.c.positives");
    near(&one.s, "fairness.g.group.d.n", 31, 0);
    table_forget(&one);
}

/* A group of ten that is uniform is told. */
static void a_uniform_group_of_ten(void **state)
{
    (void)state;
    static const int sizes[] = {10, 60, 24, 31};
    fill(ONUS_TASK_BINARY, sizes, 4);
    for (int i = 0; i < 10; i++) one.r.decision[i] = 1;
    tell();
    near(&one.s, "fairness.g.group.a.selection_rate", 1, 0);
    assert_null(onus_facts_find(one.s.facts, "fairness.g.withheld"));
    table_forget(&one);
}

static void classes_and_numbers(void **state)
{
    (void)state;
    static const int sizes[] = {5, 60, 24, 31};
    fill(ONUS_TASK_CLASSES, sizes, 4);
    tell();
    undefined(&one.s, "fairness.g.group.a.accuracy");
    undefined(&one.s, "fairness.g.group.c.n");
    near(&one.s, "fairness.g.group.b.n", 60, 0);
    undefined(&one.s, "fairness.g.accuracy_difference.upper");
    table_forget(&one);
    fill(ONUS_TASK_REGRESSION, sizes, 4);
    tell();
    undefined(&one.s, "fairness.g.group.a.mean_prediction");
    undefined(&one.s, "fairness.g.group.a.mae");
    undefined(&one.s, "fairness.g.group.c.mean_error");
    assert_null(onus_facts_find(one.s.facts, "fairness.g.group.a.mae.lower"));
    near(&one.s, "fairness.g.group.d.mae.n", 31, 0);
    assert_true(number(&one.s, "fairness.g.mae_difference") >= 0);
    undefined(&one.s, "fairness.g.mae_difference.upper");
    assert_non_null(strstr(text(&one.s, "fairness.g.mae_difference.reason"), "withheld"));
    table_forget(&one);
}

/* Of 20 people of a, seven have the second label: a is withheld there, and of the first label,
 * of which its counts would be the second's but for 13 people. */
static void labels_that_few_have(void **state)
{
    (void)state;
    char of[121];
    rows_labels(&one.r, 120, 5);
    for (int i = 0; i < 120; i++) of[i] = i < 20 ? 'a' : i < 50 ? 'b' : 'c';
    of[120] = 0;
    rows_group(&one.r, "g", of, 3, abcd);
    for (int i = 7; i < 20; i++) one.r.label[3 * i + 1] = -1;
    for (int i = 100; i < 104; i++) one.r.label[3 * i + 1] = -1;
    for (int i = 30; i < 34; i++) one.r.label[3 * i + 1] = -1;
    tell();
    assert_true(onus_disclosure_tells_all(one.told, 0)); /* by size alone */
    undefined(&one.s, "label.two.fairness.g.group.a.n");
    undefined(&one.s, "label.a%2Eb.fairness.g.group.a.n");
    undefined(&one.s, "label.two.fairness.g.group.b.tpr");
    near(&one.s, "label.two.fairness.g.group.c.n", 66, 0);
    table_forget(&one);
}

/* More cells than have numbers: nothing is told, at once. */
static void too_many_attributes(void **state)
{
    (void)state;
    enum { K = 30, N = 200 };
    static int32_t group[K][N];
    static int64_t n_groups[K];
    static const int32_t *groups[K];
    for (int a = 0; a < K; a++) {
        for (int i = 0; i < N; i++) group[a][i] = (i * (a + 7) + i / 3) % 9;
        n_groups[a] = 9;
        groups[a] = group[a];
    }
    const onus_grouped rows_of = {N, K, n_groups, groups};
    onus_arena arena;
    onus_disclosure *d;
    onus_arena_init(&arena, NULL);
    assert_int_equal(onus_disclosure_sizes(&d, &rows_of, &arena, NULL), ONUS_OK);
    assert_false(onus_disclosure_tells(d, 0, 0));
    assert_false(onus_disclosure_tells_missing(d, 0));
    onus_arena_release(&arena);
}

static onus_status audited(const onus_allocator *mem, void *ctx, onus_err *err)
{
    onus_arena arena;
    onus_disclosure *d = NULL;
    const onus_sink none = {0};
    (void)ctx;
    onus_arena_init(&arena, mem);
    onus_status st = onus_disclosure_sizes(&d, &one.grouped, &arena, err);
    one.r.p.sizes = d;
    if (st == ONUS_OK) st = onus_audit_fairness(&one.r.p, &none, mem, err);
    onus_arena_release(&arena);
    return st;
}

static void memory_ends(void **state)
{
    (void)state;
    table_draw(&one, 3, 3, 30, 30);
    table_tell(&one, false);
    table_forget(&one);
    failing_mem_walk("what is withheld", audited, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_groups_are_hidden),
        cmocka_unit_test(a_small_group_and_the_smallest_other),
        cmocka_unit_test(a_pool_that_says_the_same),
        cmocka_unit_test(a_uniform_group_of_ten),
        cmocka_unit_test(classes_and_numbers),
        cmocka_unit_test(labels_that_few_have),
        cmocka_unit_test(too_many_attributes),
        cmocka_unit_test(memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
