/* SPDX-License-Identifier: Apache-2.0
 * gap.h - how far groups lie apart: the largest difference and the smallest ratio between any
 * two, with bounds that hold over all pairs.
 *
 * A group without support (nobody in it, or no positives to have a true positive rate of) has
 * no rate. The gap is then that of the others, which can only be too small: the value and the
 * bound on the side of "at least so unequal" stand, the bound that would prove equality is
 * undefined, and the reason names who was left out. The same goes for groups that are withheld
 * (data/disclosure.h), which the reason does not name. With fewer than two groups left there is
 * no gap. */
#ifndef ONUS_AUDIT_GAP_H
#define ONUS_AUDIT_GAP_H
#include "audit/measure.h"
#include "base/mem.h"

/* One rate of every group: */
typedef struct {
    const onus_share *share; /* (n) */
    const char *const *name; /* (n) */
    int64_t n;
    const char *missing;  /* what a group with share.n = 0 lacks: "positives" */
    const char *withheld; /* why there are groups that are not among these; NULL: all are */
} onus_rates;

typedef struct {
    onus_measure m;
    int64_t n_min;                /* smallest support of a group that was compared */
    const char *lowest, *highest; /* groups; NULL where undefined */
} onus_gap;

/* Pairs of groups with support: statements that one gap makes. */
int64_t onus_rates_pairs(const onus_rates *r);
/* statements: pairs that the worst is taken from, at least the rates' own. Reasons live in
 * arena. */
onus_status onus_gap_difference(onus_gap *out, const onus_rates *r, int64_t statements,
                                onus_arena *arena, onus_err *err) ONUS_CHECKED;
onus_status onus_gap_ratio(onus_gap *out, const onus_rates *r, int64_t statements,
                           onus_arena *arena, onus_err *err) ONUS_CHECKED;
#endif
