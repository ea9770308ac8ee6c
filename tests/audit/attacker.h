/* SPDX-License-Identifier: Apache-2.0
 * attacker.h - somebody who has what a run tells of its groups, and looks for every table of
 * people that fits: counts by finest cell and outcome, as unknowns of linear equations. Exact:
 * bounds are propagated through the equations, then the narrowest unknown is tried value by
 * value. It knows nothing of how groups are chosen to be withheld. */
#ifndef ONUS_TESTS_ATTACKER_H
#define ONUS_TESTS_ATTACKER_H
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { UNKNOWNS_MAX = 600, EQUATIONS_MAX = 700, NODES_MAX = 3000 };

typedef struct {
    int8_t of[UNKNOWNS_MAX]; /* coefficients */
    int lower, upper;
} equation;

typedef struct {
    int n, n_equations;
    equation e[EQUATIONS_MAX];
    int guess[UNKNOWNS_MAX]; /* tried first: what is true */
    int nodes;
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

/* Is there a table? NODES_MAX values without an answer: nobody knows; see nodes. */
static inline bool attack(attacker *a, bounds b)
{
    int at = -1;
    if (++a->nodes > NODES_MAX || !narrow(a, &b)) return false;
    for (int v = 0; v < a->n; v++) {
        if (b.lo[v] < b.hi[v] && (at < 0 || b.hi[v] - b.lo[v] < b.hi[at] - b.lo[at])) at = v;
    }
    if (at < 0) return true;
    const int lo = b.lo[at], hi = b.hi[at], first = a->guess[at];
    for (int far = 0; far <= hi - lo || far <= abs(first - lo) || far <= abs(first - hi);
         far++) {
        for (int sign = -1; sign < 2; sign += 2) {
            const int value = first + sign * far;
            if (value < lo || value > hi || (far == 0 && sign > 0)) continue;
            bounds next = b;
            next.lo[at] = next.hi[at] = (int16_t)value;
            if (attack(a, next)) return true;
            if (a->nodes > NODES_MAX) return false;
        }
    }
    return false;
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
