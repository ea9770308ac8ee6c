/* SPDX-License-Identifier: Apache-2.0
 * disclosure_moves.c - tables of people that differ from ours by a few who moved, and what must
 * be withheld so that both are told of alike.
 *
 * A move is made at corners: cells that agree but for one, two or three attributes of the set,
 * each of which has one of two groups (2, 4 or 8 cells). A corner with an even number of
 * attributes changed gains somebody, one with an odd number loses somebody of the same outcome,
 * or the other way round. The sums over any attribute that is changed stay as they are, so only
 * sets of all the changed attributes see it: two attributes leave each one's own groups alone,
 * three leave every pair alone (basic moves of Markov bases: Diaconis and Sturmfels 1998).
 *
 * Or people change places: those of the even corners, of one outcome, against those of the odd
 * corners, of another. Then no size changes at all. Or two people of different outcomes each
 * cross one side of a square: sizes of attributes stay, one attribute's counts do not.
 *
 * Or somebody from afar comes into the group, and for each attribute that this changes somebody
 * of the same outcome gives theirs in return: no attribute sees it, whatever pairs do. */
#include <string.h>

#include "base/fail.h"
#include "data/disclosure_parts.h"

enum {
    CHANGED_MAX = 3,
    CORNERS_MAX = 1 << CHANGED_MAX,
    TERMS_MAX = 2 * CORNERS_MAX,
    FAR_MAX = 48,      /* people from afar who are tried */
    WORK_MAX = 4000000 /* moves looked at in one part; after that everything is withheld */
};

typedef struct {
    uint64_t cell;
    int64_t outcome;
    int by; /* people who come, go (below 0) */
} term;

typedef struct {
    term of[TERMS_MAX];
    int n;
} move;

typedef struct {
    onus_disclosure *d;
    const onus_told_set *s;
    const onus_told_group *g;
    int64_t label;
    uint8_t class;
    bool by_cost; /* givers: of whom least is told */
    bool relaxed; /* other tables may have other groups that are small */
    move best;
    int64_t cost; /* of the best; -1: none was found */
} search;

/* Does this outcome count in the number that is to differ? */
static bool counts(const search *w, int64_t outcome)
{
    return w->label < 0 || w->d->class_of[outcome * w->d->n_labels + w->label] == w->class;
}

static void add(move *m, uint64_t cell, int64_t outcome, int by)
{
    m->of[m->n++] = (term){cell, outcome, by};
}

/* ---- what a move changes ----------------------------------------------------------------- */

/* A group that a move touches: its size, its counts by outcome, the number that is to differ.
 */
typedef struct {
    uint64_t code;
    int size, goal;
    bool changed;
} touch;

static int find_touched(const search *w, const onus_told_set *s, const move *m, touch *out)
{
    uint64_t code[TERMS_MAX];
    int n = 0;
    for (int i = 0; i < m->n; i++) code[i] = onus_told_code(w->d, s, m->of[i].cell);
    for (int i = 0; i < m->n; i++) {
        int k = 0, net = 0;
        bool first = true;
        while (k < n && out[k].code != code[i]) k++;
        if (k == n) out[n++] = (touch){.code = code[i]};
        out[k].size += m->of[i].by;
        if (counts(w, m->of[i].outcome)) out[k].goal += m->of[i].by;
        for (int j = 0; j < m->n; j++) {
            if (code[j] != code[i] || m->of[j].outcome != m->of[i].outcome) continue;
            first = first && j >= i;
            net += m->of[j].by;
        }
        out[k].changed = out[k].changed || (first && net != 0);
    }
    return n;
}

static bool is_small(int64_t n)
{
    return n > 0 && n < ONUS_GROUP_MIN;
}

static int64_t weight_of(const onus_told_set *s)
{
    return s->n_in == 1 ? 400 : s->n_in == 2 ? 20 : 1;
}

/* What withholding costs in this set: the people of groups that are told and would be no
 * longer, those of attributes before those of pairs, these before others; -1: no table of that
 * move can be told of alike. */
static int64_t cost_in(const search *w, int64_t set, const move *m)
{
    const onus_disclosure *d = w->d;
    const onus_told_set *s = &d->sets[set];
    touch of[TERMS_MAX];
    const int64_t weight = weight_of(s);
    int64_t cost = 0, small = s->n_small;
    const int n = find_touched(w, s, m, of);
    for (int i = 0; i < n; i++) {
        if (!of[i].changed) continue;
        const onus_told_group *g = onus_told_find(s, of[i].code);
        const int64_t size = g ? g->size : 0, then = size + of[i].size;
        if (of[i].size != 0 && s->n_in == 1 && d->sizes &&
            onus_disclosure_tells(d->sizes, set, of[i].code))
            return -1;
        if (!w->relaxed && (size < ONUS_GROUP_MIN) != (then < ONUS_GROUP_MIN)) return -1;
        small += is_small(then) - is_small(size);
        if (g && g->told && size > 0) cost += (size + 1) * weight;
    }
    return w->relaxed || (small > 0) == (s->n_small > 0) ? cost : -1;
}

static bool reaches_goal(const search *w, const move *m)
{
    touch of[TERMS_MAX];
    const int n = find_touched(w, w->s, m, of);
    for (int i = 0; i < n; i++) {
        if (of[i].code == w->g->code) return (w->label < 0 ? of[i].size : of[i].goal) != 0;
    }
    return false;
}

static void consider(search *w, const move *m)
{
    int64_t cost = 0;
    w->d->work++;
    if (!reaches_goal(w, m)) return;
    for (int64_t q = 0; q < w->d->n_sets; q++) {
        const int64_t more = w->d->sets[q].told ? cost_in(w, q, m) : 0;
        if (more < 0) return;
        cost += more;
        if (w->cost >= 0 && cost >= w->cost) return;
    }
    w->best = *m;
    w->cost = cost;
}

/* ---- moves at corners -------------------------------------------------------------------- */

typedef struct {
    uint64_t code[CORNERS_MAX];
    const onus_told_cell *cell[CORNERS_MAX]; /* NULL: nobody is there */
    int n;
} corners;

static bool is_odd(int corner)
{
    return (corner ^ corner >> 1 ^ corner >> 2) & 1;
}

static bool has(const onus_told_cell *c, int64_t outcome)
{
    for (int64_t e = 0; c && e < c->n; e++) {
        if (c->entries[e].outcome == outcome) return true;
    }
    return false;
}

/* The next outcome, from entry *e of the first corner on, that somebody has in all corners of
 * that parity; -1: none. */
static int64_t next_common(const corners *at, int odd, int64_t *e)
{
    const onus_told_cell *first = at->cell[odd];
    for (; first && *e < first->n; (*e)++) {
        bool all = true;
        for (int k = 0; k < at->n && all; k++)
            all = is_odd(k) != odd || has(at->cell[k], first->entries[*e].outcome);
        if (all) return first->entries[(*e)++].outcome;
    }
    return -1;
}

/* One of an outcome leaves each corner of that parity, one comes to each of the others. */
static void step(search *w, const corners *at, int odd)
{
    int64_t e = 0, outcome;
    while ((outcome = next_common(at, odd, &e)) >= 0) {
        move m = {.n = 0};
        if (!counts(w, outcome)) continue;
        for (int k = 0; k < at->n; k++)
            add(&m, at->code[k], outcome, is_odd(k) == odd ? -1 : 1);
        consider(w, &m);
        return; /* another outcome touches the same groups */
    }
}

/* Those of the even corners change places with those of the odd ones. */
static void exchange(search *w, const corners *at)
{
    int64_t e = 0, o, f, p;
    while ((o = next_common(at, 0, &e)) >= 0) {
        for (f = 0; (p = next_common(at, 1, &f)) >= 0;) {
            move m = {.n = 0};
            if (counts(w, o) == counts(w, p)) continue;
            for (int k = 0; k < at->n; k++) {
                add(&m, at->code[k], o, is_odd(k) ? 1 : -1);
                add(&m, at->code[k], p, is_odd(k) ? -1 : 1);
            }
            consider(w, &m);
            return;
        }
    }
}

/* Two people of different outcomes, at opposite corners of a square, each go along one side. */
static void cross(search *w, const corners *at, int from)
{
    const onus_told_cell *x = at->cell[from], *y = at->cell[3 ^ from];
    for (int64_t e = 0; x && y && e < x->n; e++) {
        for (int64_t f = 0; f < y->n; f++) {
            const int64_t o = x->entries[e].outcome, p = y->entries[f].outcome;
            if (o == p || (!counts(w, o) && !counts(w, p))) continue;
            for (int side = 1; side < 3; side++) {
                move m = {.n = 0};
                add(&m, at->code[from], o, -1);
                add(&m, at->code[from ^ side], o, 1);
                add(&m, at->code[3 ^ from], p, -1);
                add(&m, at->code[3 ^ from ^ side], p, 1);
                consider(w, &m);
            }
            return;
        }
    }
}

static void try_corners(search *w, corners *at)
{
    for (int k = 0; k < at->n; k++) {
        at->cell[k] = onus_told_cell_find(w->d, at->code[k]);
        /* sums of numbers are hidden by trading values: somebody must have them */
        if (w->d->values && !at->cell[k]) return;
    }
    w->d->work++;
    step(w, at, 0);
    step(w, at, 1);
    if (w->d->n_outcomes < 2) return;
    if (w->label >= 0) exchange(w, at);
    for (int from = 0; at->n == 4 && from < 2; from++) cross(w, at, from);
}

/* ---- where corners are ------------------------------------------------------------------- */

static bool is_done(const search *w)
{
    return w->cost == 0 || w->d->work > WORK_MAX;
}

static uint64_t with_digit(const onus_disclosure *d, uint64_t cell, int64_t a, uint64_t digit)
{
    return cell + (digit - onus_told_digit(d, cell, a)) * d->stride[a];
}

/* Changes attributes of the set from number `from` on, `left` of them, each to any other group
 * (or to none, where somebody is in none). */
static void change(search *w, corners *at, int64_t from, int left)
{
    const onus_disclosure *d = w->d;
    if (left == 0) {
        try_corners(w, at);
        return;
    }
    for (int64_t i = from; i <= w->s->n_in - left; i++) {
        const int64_t a = onus_told_attribute(w->s, i);
        const uint64_t old = onus_told_digit(d, at->code[0], a),
                       n = (uint64_t)d->rows->n_groups[a] + d->some_missing[a];
        for (uint64_t v = 0; v < n && !is_done(w); v++) {
            if (v == old) continue;
            corners next = {.n = 2 * at->n};
            for (int k = 0; k < at->n; k++) {
                next.code[k] = at->code[k];
                next.code[at->n + k] = with_digit(d, at->code[k], a, v);
            }
            change(w, &next, i + 1, left - 1);
        }
    }
}

/* Moves `code`, a cell, into group g, the other attributes as they are. */
static uint64_t into_group(const search *w, uint64_t code)
{
    uint64_t left = w->g->code;
    for (int64_t i = w->s->n_in - 1; i >= 0; i--) {
        const int64_t a = onus_told_attribute(w->s, i);
        const uint64_t n = (uint64_t)w->d->rows->n_groups[a];
        code = with_digit(w->d, code, a, left % n);
        left /= n;
    }
    return code;
}

/* ---- from afar --------------------------------------------------------------------------- */

static int distance(const onus_disclosure *d, uint64_t a, uint64_t b)
{
    int n = 0;
    for (int64_t i = 0; i < d->rows->n_attributes; i++)
        n += onus_told_digit(d, a, i) != onus_told_digit(d, b, i);
    return n;
}

/* Is it told neither of one nor of the other group of an attribute? */
static bool is_free(const onus_disclosure *told, int64_t attribute, uint64_t a, uint64_t b)
{
    const uint64_t n = (uint64_t)told->rows->n_groups[attribute];
    return !onus_disclosure_tells(told, attribute, a == n ? ONUS_NO_GROUP : a) &&
           !onus_disclosure_tells(told, attribute, b == n ? ONUS_NO_GROUP : b);
}

/* Somebody of that outcome, not in m, whose attribute is `digit`: of those the one most like
 * `like`, or of whom least is told. NULL: nobody. */
static const onus_told_cell *find_giver(const search *w, const move *m, int64_t outcome,
                                        int64_t attribute, uint64_t digit, uint64_t like)
{
    const onus_told_cell *best = NULL;
    int64_t nearest = 0;
    for (int64_t c = 0; c < w->d->n_cells; c++) {
        const onus_told_cell *at = &w->d->cells[c];
        bool used = onus_told_digit(w->d, at->code, attribute) != digit || !has(at, outcome);
        for (int i = 0; i < m->n && !used; i++) used = m->of[i].cell == at->code;
        const int64_t far = used ? 0 : w->by_cost ? at->cost : distance(w->d, at->code, like);
        if (used || (best && far >= nearest)) continue;
        best = at;
        nearest = far;
    }
    w->d->work++;
    return best;
}

/* Somebody of that outcome goes from `from` to `to`, which is added to m with what it takes:
 * attributes but `open`, and those that `told` says nothing of, are given in return. False: it
 * cannot be. */
static bool send(const search *w, move *m, uint64_t from, uint64_t to, int64_t outcome,
                 int64_t open, const onus_disclosure *told)
{
    if (m->n + 2 > TERMS_MAX) return false;
    add(m, from, outcome, -1);
    add(m, to, outcome, 1);
    for (int64_t a = 0; a < w->d->rows->n_attributes; a++) {
        const uint64_t old = onus_told_digit(w->d, from, a), new = onus_told_digit(w->d, to, a);
        if (old == new || a == open || is_free(told, a, old, new)) continue;
        const onus_told_cell *giver = find_giver(w, m, outcome, a, new, from);
        if (!giver || m->n + 2 > TERMS_MAX) return false;
        add(m, giver->code, outcome, -1);
        add(m, with_digit(w->d, giver->code, a, old), outcome, 1);
    }
    for (int i = 0; i < m->n && w->d->values; i++) {
        if (!onus_told_cell_find(w->d, m->of[i].cell)) return false;
    }
    return true;
}

/* The first outcome in that cell that counts, or that does not; -1: none. */
static int64_t first_outcome(const search *w, const onus_told_cell *c, bool that_counts)
{
    for (int64_t e = 0; c && e < c->n; e++) {
        if (counts(w, c->entries[e].outcome) == that_counts) return c->entries[e].outcome;
    }
    return -1;
}

/* Whoever counts comes from there into the group, or goes there. */
static void come_and_go(search *w, const onus_told_cell *there)
{
    const onus_disclosure *d = w->d, *told = d->sizes ? d->sizes : d;
    const uint64_t here = into_group(w, there->code);
    const int64_t in = first_outcome(w, there, true),
                  out = first_outcome(w, onus_told_cell_find(d, here), true);
    move m = {.n = 0};
    if (in >= 0 && send(w, &m, there->code, here, in, -1, told)) consider(w, &m);
    m.n = 0;
    if (out >= 0 && send(w, &m, here, there->code, out, -1, told)) consider(w, &m);
}

/* One who counts and one who does not change places; of one attribute it may be seen in
 * counts. */
static void trade(search *w, const onus_told_cell *here, const onus_told_cell *there)
{
    for (int counted = 0; counted < 2 && w->label >= 0; counted++) {
        const int64_t o = first_outcome(w, here, counted),
                      p = first_outcome(w, there, !counted);
        for (int64_t i = -1; i < w->s->n_in && o >= 0 && p >= 0; i++) {
            const int64_t open = i < 0 ? -1 : onus_told_attribute(w->s, i);
            move m = {.n = 0};
            if (send(w, &m, here->code, there->code, o, open, w->d) &&
                send(w, &m, there->code, here->code, p, open, w->d))
                consider(w, &m);
        }
    }
}

/* The nearest first. */
static void look_far(search *w)
{
    const onus_disclosure *d = w->d;
    int tried = 0;
    for (int far = 1; far <= d->rows->n_attributes && far < TERMS_MAX / 2; far++) {
        for (int64_t c = 0; c < d->n_cells && tried < FAR_MAX && !is_done(w); c++) {
            const onus_told_cell *there = &d->cells[c];
            if (distance(d, there->code, into_group(w, there->code)) != far) continue;
            come_and_go(w, there);
            tried++;
        }
    }
    tried = 0;
    for (int far = 1; far <= d->rows->n_attributes && w->label >= 0; far++) {
        for (int64_t h = 0; h < d->n_cells; h++) {
            const onus_told_cell *here = &d->cells[h];
            if (into_group(w, here->code) != here->code) continue;
            for (int64_t c = 0; c < d->n_cells && tried < FAR_MAX && !is_done(w); c++) {
                const onus_told_cell *there = &d->cells[c];
                if (distance(d, there->code, here->code) != far ||
                    into_group(w, there->code) == there->code)
                    continue;
                trade(w, here, there);
                tried++;
            }
        }
    }
}

static void from_afar(search *w)
{
    for (int by_cost = 0; by_cost < 2 && !is_done(w); by_cost++) {
        w->by_cost = by_cost;
        look_far(w);
    }
}

/* Tries all, those that change little first. */
static onus_status look(search *w, onus_err *err)
{
    onus_disclosure *d = w->d;
    const bool none = w->g->code == ONUS_NO_GROUP;
    uint64_t *anchor = onus_alloc(d->arena->mem, (size_t)d->n_cells + 1, sizeof *anchor);
    if (!anchor) return onus_fail_mem(err, "groups");
    int64_t n = 0;
    for (int64_t c = 0; c < d->n_cells; c++) {
        const uint64_t code = none ? d->cells[c].code : into_group(w, d->cells[c].code);
        bool known = false;
        for (int64_t k = n; k > 0 && !known && n < 64; k--) known = anchor[k - 1] == code;
        if (!known) anchor[n++] = code;
    }
    for (int64_t k = 0; k < n && !is_done(w); k++)
        change(w, &(corners){.code = {anchor[k]}, .n = 1}, 0, 1);
    for (int64_t c = 0; c < d->n_cells && !none && !is_done(w); c++) {
        corners at = {.code = {into_group(w, d->cells[c].code), d->cells[c].code}, .n = 2};
        if (at.code[0] != at.code[1]) try_corners(w, &at);
    }
    for (int m = 2; m <= CHANGED_MAX && m <= w->s->n_in; m++) {
        for (int64_t k = 0; k < n && !is_done(w); k++)
            change(w, &(corners){.code = {anchor[k]}, .n = 1}, 0, m);
    }
    if (!none && !is_done(w)) from_afar(w);
    onus_free(d->arena->mem, anchor);
    return ONUS_OK;
}

/* ---- withholding ------------------------------------------------------------------------- */

static void price(onus_disclosure *d)
{
    for (int64_t c = 0; c < d->n_cells; c++) {
        d->cells[c].cost = 0;
        for (int64_t q = d->rows->n_attributes; q < d->n_sets; q++) {
            const onus_told_set *s = &d->sets[q];
            const onus_told_group *g =
                s->told ? onus_told_find(s, onus_told_code(d, s, d->cells[c].code)) : NULL;
            if (g && g->told) d->cells[c].cost += (g->size + 1) * weight_of(s);
        }
    }
}

static void withhold(const search *w)
{
    for (int64_t q = 0; q < w->d->n_sets; q++) {
        onus_told_set *s = &w->d->sets[q];
        touch of[TERMS_MAX];
        const int n = s->told ? find_touched(w, s, &w->best, of) : 0;
        for (int i = 0; i < n; i++) {
            if (!of[i].changed) continue;
            onus_told_group *g = onus_told_find(s, of[i].code);
            if (g) g->told = false;
            s->whole = false;
        }
    }
}

onus_status onus_told_certify(onus_disclosure *d, const onus_told_set *s,
                              const onus_told_group *g, int64_t label, uint8_t of,
                              onus_err *err)
{
    search w = {.d = d, .s = s, .g = g, .label = label, .class = of, .cost = -1};
    if (!d->priced) price(d);
    d->priced = true;
    onus_status st = look(&w, err);
    if (st == ONUS_OK && w.cost < 0 && d->work <= WORK_MAX) {
        w.relaxed = true;
        st = look(&w, err);
    }
    if (st != ONUS_OK) return st;
    if (w.cost < 0 || d->work > WORK_MAX)
        onus_told_nothing(d);
    else if (w.cost > 0)
        withhold(&w);
    d->priced = w.cost == 0;
    return ONUS_OK;
}
