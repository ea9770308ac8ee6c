/* SPDX-License-Identifier: Apache-2.0
 * disclosure.c - see disclosure.h.
 *
 * What is told: of every set its groups' sizes, their counts by outcome, and (by subtraction
 * from those of all rows) the sums over what is withheld. A small group is safe when another
 * table of people would be told of alike and has another number there; for its size, and for
 * each of its counts. disclosure_moves.c finds such tables, one or a few people moved, and what
 * must be withheld that nothing tells them from this one; the cheapest is taken. Withholding
 * more never undoes what was found before: the tables stay alike. So one pass is enough.
 *
 * The other table has the same groups below GROUP_MIN and the same sets with any, so that
 * somebody who knows this rule does not tell it by what is withheld at first. Where anything of
 * a set is withheld, that nobody is in a group is withheld, too.
 *
 * What holds of all rows (nobody is selected) holds of every group, and is told: where an
 * outcome does not occur at all, nothing hides that it does not occur in a small group. */
#include "data/disclosure.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/disclosure_parts.h"

/* ---- codes ------------------------------------------------------------------------------- */

uint64_t onus_told_digit(const onus_disclosure *d, uint64_t cell, int64_t attribute)
{
    return cell / d->stride[attribute] % ((uint64_t)d->rows->n_groups[attribute] + 1);
}

uint64_t onus_told_code(const onus_disclosure *d, const onus_told_set *s, uint64_t cell)
{
    uint64_t code = 0;
    for (int64_t i = 0; i < s->n_in; i++) {
        const int64_t a = onus_told_attribute(s, i);
        const uint64_t digit = onus_told_digit(d, cell, a), n = (uint64_t)d->rows->n_groups[a];
        if (digit == n) return ONUS_NO_GROUP;
        code = code * n + digit;
    }
    return code;
}

onus_told_group *onus_told_find(const onus_told_set *s, uint64_t code)
{
    if (code == ONUS_NO_GROUP) return &s->groups[s->n];
    for (int64_t lo = 0, hi = s->n; lo < hi;) {
        const int64_t mid = lo + (hi - lo) / 2;
        if (s->groups[mid].code == code) return &s->groups[mid];
        if (s->groups[mid].code < code)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

const onus_told_cell *onus_told_cell_find(const onus_disclosure *d, uint64_t code)
{
    for (int64_t lo = 0, hi = d->n_cells; lo < hi;) {
        const int64_t mid = lo + (hi - lo) / 2;
        if (d->cells[mid].code == code) return &d->cells[mid];
        if (d->cells[mid].code < code)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* False: too many cells for a number of 62 bits. */
static bool number_cells(onus_disclosure *d)
{
    uint64_t stride = 1;
    for (int64_t a = d->rows->n_attributes - 1; a >= 0; a--) {
        const uint64_t radix = (uint64_t)d->rows->n_groups[a] + 1;
        d->stride[a] = stride;
        if (radix > (UINT64_C(1) << 62) / stride) return false;
        stride *= radix;
    }
    return true;
}

/* ---- counting ---------------------------------------------------------------------------- */

typedef struct {
    uint64_t cell;
    int64_t outcome;
} person;

static int by_cell(const void *a, const void *b)
{
    const person *x = a, *y = b;
    if (x->cell != y->cell) return x->cell < y->cell ? -1 : 1;
    return (x->outcome > y->outcome) - (x->outcome < y->outcome);
}

/* Cells and their entries; people (n) are sorted. outcome (n) may be NULL. */
static onus_status count_cells(onus_disclosure *d, const int64_t *outcome, person *people,
                               onus_err *err)
{
    const onus_grouped *r = d->rows;
    for (int64_t i = 0; i < r->n; i++) {
        people[i] = (person){.outcome = outcome ? outcome[i] : 0};
        for (int64_t a = 0; a < r->n_attributes; a++) {
            const int32_t g = r->group[a][i];
            people[i].cell += d->stride[a] * (uint64_t)(g < 0 ? r->n_groups[a] : g);
            d->some_missing[a] = d->some_missing[a] || g < 0;
        }
    }
    if (r->n) qsort(people, (size_t)r->n, sizeof *people, by_cell);
    int64_t n_entries = 0;
    for (int64_t i = 0; i < r->n; i++) {
        const bool new_cell = i == 0 || people[i].cell != people[i - 1].cell;
        d->n_cells += new_cell;
        n_entries += new_cell || people[i].outcome != people[i - 1].outcome;
    }
    onus_told_entry *entries =
        onus_arena_alloc(d->arena, (size_t)n_entries + 1, sizeof *entries);
    d->cells = onus_arena_alloc(d->arena, (size_t)d->n_cells + 1, sizeof *d->cells);
    if (!entries || !d->cells) return onus_fail_mem(err, "groups");
    onus_told_cell *cell = d->cells - 1;
    onus_told_entry *entry = entries - 1;
    for (int64_t i = 0; i < r->n; i++) {
        const bool new_cell = i == 0 || people[i].cell != people[i - 1].cell;
        if (new_cell || people[i].outcome != people[i - 1].outcome) {
            (++entry)->outcome = people[i].outcome;
            if (new_cell) *++cell = (onus_told_cell){.code = people[i].cell, .entries = entry};
            cell->n++;
        }
        entry->n++;
    }
    return ONUS_OK;
}

static int by_code(const void *a, const void *b)
{
    const uint64_t x = ((const onus_told_group *)a)->code,
                   y = ((const onus_told_group *)b)->code;
    return (x > y) - (x < y);
}

static int64_t cell_size(const onus_told_cell *c)
{
    int64_t n = 0;
    for (int64_t i = 0; i < c->n; i++) n += c->entries[i].n;
    return n;
}

/* The groups of an attribute, or those of an intersection that somebody is in; then who is in
 * none. */
static onus_status count_groups(onus_disclosure *d, onus_told_set *s, onus_err *err)
{
    const int64_t own = s->n_in == 1 ? d->rows->n_groups[s->in[0]] : 0;
    onus_told_group *g = onus_arena_alloc(d->arena, (size_t)(own + d->n_cells) + 1, sizeof *g);
    if (!g) return onus_fail_mem(err, "groups");
    int64_t n = 0, kept = 0, none = 0;
    for (; n < own; n++) g[n] = (onus_told_group){(uint64_t)n, 0, true};
    for (int64_t c = 0; c < d->n_cells; c++) {
        const uint64_t code = onus_told_code(d, s, d->cells[c].code);
        if (code == ONUS_NO_GROUP)
            none += cell_size(&d->cells[c]);
        else
            g[n++] = (onus_told_group){code, cell_size(&d->cells[c]), true};
    }
    if (n) qsort(g, (size_t)n, sizeof *g, by_code);
    for (int64_t i = 0; i < n; i++) {
        if (kept && g[kept - 1].code == g[i].code)
            g[kept - 1].size += g[i].size;
        else
            g[kept++] = g[i];
    }
    g[kept] = (onus_told_group){ONUS_NO_GROUP, none, true};
    s->groups = g;
    s->n = kept;
    s->told = s->n_in == 1 || kept <= ONUS_TOLD_MAX;
    s->whole = true;
    for (int64_t i = 0; i <= kept; i++)
        s->n_small += g[i].size > 0 && g[i].size < ONUS_GROUP_MIN;
    return ONUS_OK;
}

static onus_status make_sets(onus_disclosure *d, onus_err *err)
{
    const int64_t k = d->rows->n_attributes;
    onus_status st = ONUS_OK;
    onus_told_set *s = d->sets;
    for (int64_t a = 0; a < k; a++) *s++ = (onus_told_set){.n_in = 1, .in = {a}};
    for (int64_t a = 0; a < k; a++) {
        for (int64_t b = a + 1; b < k; b++) *s++ = (onus_told_set){.n_in = 2, .in = {a, b}};
    }
    if (k > 2) *s++ = (onus_told_set){.n_in = k, .is_all = true};
    d->n_sets = s - d->sets;
    for (int64_t q = 0; q < d->n_sets && d->exact && st == ONUS_OK; q++)
        st = count_groups(d, &d->sets[q], err);
    return st;
}

/* Everything but what is told; outcome (n) may be NULL. */
static onus_status create(onus_disclosure **out, const onus_grouped *rows,
                          const int64_t *outcome, onus_arena *arena, onus_err *err)
{
    const size_t k = (size_t)rows->n_attributes;
    onus_status st = ONUS_OK;
    onus_disclosure *d = onus_arena_alloc(arena, 1, sizeof *d);
    person *people = onus_alloc(arena->mem, (size_t)rows->n + 1, sizeof *people);
    if (d) {
        d->rows = rows;
        d->arena = arena;
        d->stride = onus_arena_alloc(arena, k + 1, sizeof *d->stride);
        d->some_missing = onus_arena_alloc(arena, k + 1, sizeof *d->some_missing);
        d->sets = onus_arena_alloc(arena, k + k * k / 2 + 2, sizeof *d->sets);
    }
    if (!d || !people || !d->stride || !d->some_missing || !d->sets)
        st = onus_fail_mem(err, "groups");
    if (st == ONUS_OK) d->exact = number_cells(d);
    if (st == ONUS_OK && d->exact) st = count_cells(d, outcome, people, err);
    if (st == ONUS_OK) st = make_sets(d, err);
    onus_free(arena->mem, people);
    *out = d;
    return st;
}

/* ---- outcomes ---------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *of;
    int64_t row, n;
} vector;

static int by_vector(const void *a, const void *b)
{
    const vector *x = a, *y = b;
    const int order = memcmp(x->of, y->of, (size_t)x->n);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* Numbers the rows' vectors of classes, (n, n_labels), in their order. */
static onus_status number_outcomes(const onus_outcomes *o, int64_t n, int64_t *outcome,
                                   uint8_t **class_of, int64_t *n_outcomes, onus_arena *arena,
                                   onus_err *err)
{
    const size_t L = (size_t)o->n_labels;
    vector *v = onus_alloc(arena->mem, (size_t)n + 1, sizeof *v);
    *class_of = onus_arena_alloc(arena, ((size_t)n + 1) * L + 1, 1);
    *n_outcomes = 0;
    for (int64_t i = 0; v && i < n; i++) v[i] = (vector){o->of + (size_t)i * L, i, (int64_t)L};
    if (v && n) qsort(v, (size_t)n, sizeof *v, by_vector);
    for (int64_t i = 0; v && *class_of && i < n; i++) {
        if (i == 0 || memcmp(v[i].of, v[i - 1].of, L) != 0)
            memcpy(*class_of + L * (size_t)(*n_outcomes)++, v[i].of, L);
        outcome[v[i].row] = *n_outcomes - 1;
    }
    onus_free(arena->mem, v);
    return v && *class_of ? ONUS_OK : onus_fail_mem(err, "groups");
}

/* ---- what is withheld -------------------------------------------------------------------- */

static bool is_small(int64_t n)
{
    return n > 0 && n < ONUS_GROUP_MIN;
}

void onus_told_nothing(onus_disclosure *d)
{
    for (int64_t q = 0; q < d->n_sets; q++) {
        d->sets[q].whole = false;
        for (int64_t g = 0; d->exact && g <= d->sets[q].n; g++)
            d->sets[q].groups[g].told = false;
    }
}

/* How many in group g are of that class in the label: n[class]. */
static void count_classes(const onus_disclosure *d, const onus_told_set *s, uint64_t code,
                          int64_t label, int64_t n[256])
{
    memset(n, 0, 256 * sizeof *n);
    for (int64_t c = 0; c < d->n_cells; c++) {
        if (s && onus_told_code(d, s, d->cells[c].code) != code) continue;
        for (int64_t e = 0; e < d->cells[c].n; e++) {
            const onus_told_entry *of = &d->cells[c].entries[e];
            n[d->class_of[of->outcome * d->n_labels + label]] += of->n;
        }
    }
}

/* Is the group small, or those of its people of whom the label is known? label -1: its size. */
static bool is_small_in(const onus_disclosure *d, const onus_told_set *s,
                        const onus_told_group *g, int64_t label)
{
    int64_t n[256];
    if (label < 0 || is_small(g->size)) return is_small(g->size);
    if (g->size == 0 || d->n_labels < 2) return false; /* one label is known of everybody */
    count_classes(d, s, g->code, label, n);
    return is_small(g->size - n[ONUS_OUTCOME_HOLE]);
}

static void withhold_small(onus_disclosure *d)
{
    for (int64_t q = 0; q < d->n_sets; q++) {
        onus_told_set *s = &d->sets[q];
        for (int64_t g = 0; g <= s->n; g++) {
            for (int64_t l = -1; l < d->n_labels && s->groups[g].told; l++)
                s->groups[g].told = !is_small_in(d, s, &s->groups[g], l);
            if (!s->groups[g].told) s->whole = false;
        }
    }
}

/* One label's counts of a small group. all: the classes that anybody is of. */
static onus_status certify_label(onus_disclosure *d, const onus_told_set *s,
                                 const onus_told_group *g, int64_t label,
                                 const int64_t all[256], onus_err *err)
{
    onus_status st = ONUS_OK;
    if (!is_small_in(d, s, g, label)) return ONUS_OK;
    for (int c = 0; c < 256 && st == ONUS_OK; c++) {
        if (all[c] > 0) st = onus_told_certify(d, s, g, label, (uint8_t)c, err);
    }
    return st;
}

static onus_status certify_all(onus_disclosure *d, onus_err *err)
{
    onus_status st = ONUS_OK;
    int64_t all[256];
    for (int64_t l = -1; l < d->n_labels; l++) {
        if (l >= 0) count_classes(d, NULL, 0, l, all);
        for (int64_t q = 0; q < d->n_sets; q++) {
            const onus_told_set *s = &d->sets[q];
            for (int64_t g = 0; g <= s->n && s->told && st == ONUS_OK; g++) {
                if (l >= 0)
                    st = certify_label(d, s, &s->groups[g], l, all, err);
                else if (is_small(s->groups[g].size))
                    st = onus_told_certify(d, s, &s->groups[g], -1, 0, err);
            }
        }
    }
    return st;
}

static onus_status decide(onus_disclosure *d, onus_err *err)
{
    if (!d->exact) {
        onus_told_nothing(d);
        return ONUS_OK;
    }
    withhold_small(d);
    return d->primary ? ONUS_OK : certify_all(d, err);
}

onus_status onus_disclosure_sizes(onus_disclosure **out, const onus_grouped *rows,
                                  onus_arena *arena, onus_err *err)
{
    onus_status st = create(out, rows, NULL, arena, err);
    return st == ONUS_OK ? decide(*out, err) : st;
}

onus_status onus_disclosure_primary(onus_disclosure **out, const onus_grouped *rows,
                                    onus_arena *arena, onus_err *err)
{
    onus_status st = create(out, rows, NULL, arena, err);
    if (st != ONUS_OK) return st;
    (*out)->primary = true;
    return decide(*out, err);
}

onus_status onus_disclosure_outcomes(onus_disclosure **out, const onus_disclosure *sizes,
                                     const onus_outcomes *o, onus_arena *arena, onus_err *err)
{
    onus_status st = ONUS_OK;
    uint8_t *class_of = NULL;
    int64_t n_outcomes = 1, *outcome = NULL;
    onus_disclosure *d = NULL;
    if (!o->values) {
        outcome = onus_alloc(arena->mem, (size_t)sizes->rows->n + 1, sizeof *outcome);
        if (!outcome) return onus_fail_mem(err, "groups");
        ONUS_TRY(
            number_outcomes(o, sizes->rows->n, outcome, &class_of, &n_outcomes, arena, err));
    }
    ONUS_TRY(create(&d, sizes->rows, outcome, arena, err));
    d->sizes = sizes;
    d->primary = sizes->primary;
    d->values = o->values;
    d->class_of = class_of;
    d->n_outcomes = n_outcomes;
    d->n_labels = o->values ? 0 : o->n_labels;
    for (int64_t q = 0; q < d->n_sets && d->exact; q++) {
        d->sets[q].whole = sizes->sets[q].whole;
        for (int64_t g = 0; g <= d->sets[q].n; g++)
            d->sets[q].groups[g].told = sizes->sets[q].groups[g].told;
    }
    ONUS_TRY(decide(d, err));
    *out = d;
done:
    onus_free(arena->mem, outcome);
    return st;
}

void onus_disclosure_join(onus_disclosure *const *of, int64_t n)
{
    for (int64_t a = 0; n > 0 && a < of[0]->rows->n_attributes && of[0]->exact; a++) {
        for (int64_t g = 0; g <= of[0]->sets[a].n; g++) {
            bool told = true;
            for (int64_t i = 0; i < n; i++) told = told && of[i]->sets[a].groups[g].told;
            for (int64_t i = 0; i < n; i++) {
                of[i]->sets[a].groups[g].told = told;
                of[i]->sets[a].whole = of[i]->sets[a].whole && told;
            }
        }
    }
}

/* ---- questions --------------------------------------------------------------------------- */

bool onus_disclosure_tells(const onus_disclosure *d, int64_t set, uint64_t code)
{
    const onus_told_set *s = &d->sets[set];
    if (!d->exact || !s->told) return false;
    const onus_told_group *g = onus_told_find(s, code);
    return g && g->size > 0 ? g->told : s->whole;
}

bool onus_disclosure_tells_missing(const onus_disclosure *d, int64_t set)
{
    return onus_disclosure_tells(d, set, ONUS_NO_GROUP);
}

bool onus_disclosure_tells_all(const onus_disclosure *d, int64_t set)
{
    return d->exact && d->sets[set].told && d->sets[set].whole;
}

bool onus_disclosure_tells_everything(const onus_disclosure *d)
{
    bool all = d->exact;
    for (int64_t q = 0; q < d->n_sets; q++) all = all && onus_disclosure_tells_all(d, q);
    return all;
}
