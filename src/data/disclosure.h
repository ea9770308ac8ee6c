/* SPDX-License-Identifier: Apache-2.0
 * disclosure.h - which groups of people a ledger may tell of: those of fewer than ten are
 * withheld, and as many others as it takes that nobody finds them by subtraction.
 *
 * Rows are told of by set: every protected attribute (sets 0 .. k-1), every two of them in the
 * order (0,1), (0,2) .., and all of them where there are three or more. The rows of a set that
 * are in no group, since an attribute is missing, are a group of it like any other. */
#ifndef ONUS_DATA_DISCLOSURE_H
#define ONUS_DATA_DISCLOSURE_H
#include "base/mem.h"

/* Groups of 1 to GROUP_MIN - 1 people are withheld; intersections are told apart up to
 * TOLD_MAX groups. */
enum { ONUS_GROUP_MIN = 10, ONUS_TOLD_MAX = 1000 };
/* Why, for the small ones and for those withheld on their account alike: which is which would
 * say what is withheld. */
#define ONUS_WITHHELD \
    "withheld: fewer than 10 people, or a number from which such a group's could be found"

/* Rows of one part and their groups. */
typedef struct {
    int64_t n, n_attributes;
    const int64_t *n_groups;     /* (n_attributes) */
    const int32_t *const *group; /* (n_attributes, n): -1 missing */
} onus_grouped;

/* What is told of a group besides its size, as one class a label for each row: counts of rows
 * by class and label. */
typedef struct {
    int64_t n_labels;
    const uint8_t *of; /* (n, n_labels); HOLE: nothing, the label is not known */
    bool values;       /* sums of numbers instead, which differ from row to row; of unused */
} onus_outcomes;
enum { ONUS_OUTCOME_HOLE = 255 };

typedef struct onus_disclosure onus_disclosure;
/* From the sizes alone. Depends on nothing but the rows; lives in arena. */
onus_status onus_disclosure_sizes(onus_disclosure **out, const onus_grouped *rows,
                                  onus_arena *arena, onus_err *err) ONUS_CHECKED;
/* From sizes and outcomes, where the sizes of attributes' groups are told as `sizes` of the
 * same rows says: withholds what that withholds, and more. sizes is not changed. */
onus_status onus_disclosure_outcomes(onus_disclosure **out, const onus_disclosure *sizes,
                                     const onus_outcomes *outcomes, onus_arena *arena,
                                     onus_err *err) ONUS_CHECKED;
/* Parts whose sizes follow from each other (rows were dealt by a protected attribute): what one
 * withholds of an attribute, all do. */
void onus_disclosure_join(onus_disclosure *const *of, int64_t n);
/* Withholds the small groups alone, which is not enough: for the tests, whose attacker must
 * find them then. */
onus_status onus_disclosure_primary(onus_disclosure **out, const onus_grouped *rows,
                                    onus_arena *arena, onus_err *err) ONUS_CHECKED;

/* May that group of the set be told of? code: the groups of the set's attributes as digits, in
 * order, in the base of each one's n_groups. */
bool onus_disclosure_tells(const onus_disclosure *d, int64_t set, uint64_t code);
bool onus_disclosure_tells_missing(const onus_disclosure *d, int64_t set);
bool onus_disclosure_tells_all(const onus_disclosure *d, int64_t set);
/* Of every set. */
bool onus_disclosure_tells_everything(const onus_disclosure *d);
#endif
