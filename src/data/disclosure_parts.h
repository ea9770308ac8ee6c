/* SPDX-License-Identifier: Apache-2.0
 * disclosure_parts.h - what disclosure.c, which counts and marks, and disclosure_moves.c, which
 * looks for other tables that would be told of alike, share. */
#ifndef ONUS_DATA_DISCLOSURE_PARTS_H
#define ONUS_DATA_DISCLOSURE_PARTS_H
#include "data/disclosure.h"

#define ONUS_NO_GROUP UINT64_MAX /* code of the rows that are in no group of a set */

typedef struct {
    uint64_t code;
    int64_t size;
    bool told;
} onus_told_group;

typedef struct {
    int64_t n_in;
    int64_t in[2];           /* attributes, where they are one or two */
    onus_told_group *groups; /* (n + 1) by code: those of one attribute all, else those that
                                somebody is in; the last: who is in none */
    int64_t n, n_small;      /* n_small: groups of 1 to GROUP_MIN - 1 */
    bool is_all;             /* of all attributes */
    bool told;               /* false: too many groups, nothing of it is ever told */
    bool whole;              /* nothing of it is withheld */
} onus_told_set;

/* People who differ in nothing that is told: of the same finest cell (a group, or none, of
 * every attribute), and the same outcome. */
typedef struct {
    int64_t outcome, n;
} onus_told_entry;
typedef struct {
    uint64_t code; /* digits: groups, n_groups for none */
    const onus_told_entry *entries;
    int64_t n;
    int64_t cost; /* of withholding the intersections that it is in */
} onus_told_cell;

struct onus_disclosure {
    const onus_grouped *rows;
    onus_arena *arena;
    uint64_t *stride;   /* (n_attributes): of the cells' codes */
    bool *some_missing; /* (n_attributes) */
    onus_told_set *sets;
    int64_t n_sets;
    onus_told_cell *cells;
    int64_t n_cells;
    bool exact;                   /* false: too many cells to number, nothing is told */
    bool primary;                 /* withholds the small groups alone */
    const onus_disclosure *sizes; /* what is told of attributes' sizes; NULL: as here */
    const uint8_t *class_of;      /* (n_outcomes, n_labels) */
    int64_t n_outcomes, n_labels;
    bool values;
    bool priced;  /* the cells' costs are up to date */
    int64_t work; /* done so far */
};

/* Attribute i of a set. */
static inline int64_t onus_told_attribute(const onus_told_set *s, int64_t i)
{
    return s->is_all ? i : s->in[i];
}
uint64_t onus_told_digit(const onus_disclosure *d, uint64_t cell, int64_t attribute);
uint64_t onus_told_code(const onus_disclosure *d, const onus_told_set *s, uint64_t cell);
/* NULL: nobody is in it. */
onus_told_group *onus_told_find(const onus_told_set *s, uint64_t code);
const onus_told_cell *onus_told_cell_find(const onus_disclosure *d, uint64_t code);

/* Withholds what it takes that another table, which would be told of alike, has another number
 * in group g of s: of people, where label is below 0, else of those whose class in that label
 * is `of`. */
onus_status onus_told_certify(onus_disclosure *d, const onus_told_set *s,
                              const onus_told_group *g, int64_t label, uint8_t of,
                              onus_err *err) ONUS_CHECKED;
/* Everything, in every set. */
void onus_told_nothing(onus_disclosure *d);
#endif
