/* SPDX-License-Identifier: Apache-2.0
 * attacker.h - somebody who has what a run tells of its groups, and looks for every table of
 * people that fits: counts by finest cell and outcome, as unknowns of linear equations. Exact:
 * bounds are propagated through the equations, then an unknown of one that does not hold is
 * taken to be more, or not more. It knows nothing of how groups are chosen to be withheld. */
#ifndef ONUS_TESTS_ATTACKER_H
#define ONUS_TESTS_ATTACKER_H
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { UNKNOWNS_MAX = 600, EQUATIONS_MAX = 700 };

typedef struct {
    int8_t of[UNKNOWNS_MAX]; /* coefficients */
    int lower, upper;
} equation;

typedef struct {
    int n, n_equations;
    equation e[EQUATIONS_MAX];
    int guess[UNKNOWNS_MAX]; /* tried first: what is true */
    int nodes, nodes_max;
} attacker;

typedef struct {
    int16_t lo[UNKNOWNS_MAX], hi[UNKNOWNS_MAX];
} bounds;

/* Narrows by one equation; false: it cannot hold. */
static inline bool narrow_by(const attacker *a, const equation *e, bounds *b, bool *moved)
{
    int least = 0, most = 0;
    for (int v = 0; v < a->n; v++) {
        const int c = e->of[v];
        least += c > 0 ? c * b->lo[v] : c * b->hi[v];
        most += c > 0 ? c * b->hi[v] : c * b->lo[v];
    }
    if (least > e->upper || most < e->lower) return false;
    if (least >= e->lower && most <= e->upper) return true;
    for (int v = 0; v < a->n; v++) {
        const int c = e->of[v];
        if (c == 0 || b->lo[v] == b->hi[v]) continue;
        const int size = abs(c), above = (e->upper - least) / size,
                  below = (most - e->lower) / size; /* how far it may go from its ends */
        const int old_lo = b->lo[v], old_hi = b->hi[v];
        const int up = c > 0 ? above : below, down = c > 0 ? below : above;
        if (old_lo + up < old_hi) b->hi[v] = (int16_t)(old_lo + up);
        if (old_hi - down > old_lo) b->lo[v] = (int16_t)(old_hi - down);
        if (b->lo[v] > b->hi[v]) return false;
        *moved = *moved || b->lo[v] != old_lo || b->hi[v] != old_hi;
    }
    return true;
}

static inline bool narrow(const attacker *a, bounds *b)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < a->n_equations; i++) {
            bool here = false;
            if (!narrow_by(a, &a->e[i], b, &here)) return false;
            moved = moved || here;
        }
    }
    return true;
}

/* The equation that the table nearest to the true one within b does not keep, of those the one
 * with the fewest unknowns that are open; -1: it keeps all. *short_of: by how much. */
static inline int broken(const attacker *a, const bounds *b, const int *near_by, int *short_of)
{
    int worst = -1, fewest = 0;
    for (int i = 0; i < a->n_equations; i++) {
        int sum = 0, open = 0;
        for (int v = 0; v < a->n; v++) {
            sum += a->e[i].of[v] * near_by[v];
            open += a->e[i].of[v] != 0 && b->lo[v] < b->hi[v];
        }
        if (sum >= a->e[i].lower && sum <= a->e[i].upper) continue;
        if (worst >= 0 && open >= fewest) continue;
        worst = i;
        fewest = open;
        *short_of = sum < a->e[i].lower ? 1 : -1;
    }
    return worst;
}

/* Is there a table? nodes_max steps without an answer: nobody knows; see nodes. */
static inline bool attack(attacker *a, bounds b)
{
    int near_by[UNKNOWNS_MAX], short_of = 0, at = -1;
    if (++a->nodes > a->nodes_max || !narrow(a, &b)) return false;
    for (int v = 0; v < a->n; v++) {
        const int is = a->guess[v];
        near_by[v] = is < b.lo[v] ? b.lo[v] : is > b.hi[v] ? b.hi[v] : is;
    }
    const int i = broken(a, &b, near_by, &short_of);
    if (i < 0) return true;
    for (int v = 0; v < a->n && at < 0; v++) {
        const int way = a->e[i].of[v] * short_of;
        if ((way > 0 && near_by[v] < b.hi[v]) || (way < 0 && near_by[v] > b.lo[v])) at = v;
    }
    if (at < 0) return false;
    bounds moved = b;
    if (a->e[i].of[at] * short_of > 0) {
        moved.lo[at] = (int16_t)(near_by[at] + 1);
        b.hi[at] = (int16_t)near_by[at];
    } else {
        moved.hi[at] = (int16_t)(near_by[at] - 1);
        b.lo[at] = (int16_t)near_by[at];
    }
    return attack(a, moved) || attack(a, b);
}

/* ---- tables that are near ---------------------------------------------------------------- */

enum { STEPS_MAX = 16 };

/* People that come (1) and go (-1), by unknown. */
typedef struct {
    int of[STEPS_MAX], by[STEPS_MAX], n;
} steps;

static inline void step_add(steps *s, int v, int by)
{
    s->of[s->n] = v;
    s->by[s->n++] = by;
}

static inline int change_of(const equation *e, const steps *s)
{
    int sum = 0;
    for (int i = 0; i < s->n; i++) sum += e->of[s->of[i]] * s->by[i];
    return sum;
}

/* Would the table after these steps be told of as the true one is? */
static inline bool is_alike(const attacker *a, const steps *s)
{
    for (int i = 0; i < s->n; i++) {
        int there = a->guess[s->of[i]];
        for (int j = 0; j < s->n; j++) there += s->of[j] == s->of[i] ? s->by[j] : 0;
        if (there < 0) return false;
    }
    for (int i = 0; i < a->n_equations; i++) {
        if (change_of(&a->e[i], s) != 0) return false;
    }
    return true;
}
#endif
