/* SPDX-License-Identifier: Apache-2.0
 * gaps.h - what gaps between groups are, and what their intervals prove. The one judgement
 * that headline, tile, banner, policies and the section on fairness read; which gaps there are
 * the registry says (proof/names_audit.c). */
#ifndef ONUS_REPORT_GAPS_H
#define ONUS_REPORT_GAPS_H
#include "report/page.h"

typedef struct onus_gap_measure {
    const char *suffix; /* of fairness.A.SUFFIX */
    onus_text text;     /* "equalized odds, difference" */
    double neutral;     /* where groups are alike: 0 of a difference, 1 of a ratio */
    bool has_sign;      /* may lie on either side of neutral; others above 0, below 1 */
    bool decisions;     /* between two classes only: undefined in every other ledger */
    double lo, hi;      /* of the drawing; equal: none */
} onus_gap_measure;

/* In the order of the registry, the page's own; *n is 0 where memory ended, which the page
 * then says. */
const onus_gap_measure *onus_gap_measures(onus_page *p, size_t *n);
/* A difference or a ratio? */
bool onus_gap_is_ratio(const onus_gap_measure *m);
/* By a dotted name without .lower and .upper, in a label or not; NULL: not a gap's name. */
const onus_gap_measure *onus_gap_measure_of(onus_page *p, const char *name);

/* A gap of one attribute or intersection, of one label. Distances are from neutral. */
typedef struct {
    const onus_gap_measure *measure;
    const char *name;      /* dotted, the ledger's own copy */
    const char *attribute; /* a part of a name: "sex", "sex+age" */
    const char *label;     /* a part of a name; NULL: the only one */
    onus_fact value, lower, upper;
    double size;  /* distance of the value; NAN: undefined */
    double least; /* what the interval stays away at least; NAN: no interval says */
    double most;  /* what it does not exclude; NAN: it says no end */
    int64_t order;
} onus_group_gap;
/* Does the interval leave neutral out? */
bool onus_gap_is_proven(const onus_group_gap *g);
/* The bound that `most` comes from. */
onus_fact onus_gap_far_bound(const onus_group_gap *g);

/* Every gap of every attribute, intersection and label, the worst first: by `least`, then by
 * `size`, then as the ledger has them. Those that do not apply to the task are left out. Made
 * once a page. */
typedef struct onus_gaps {
    const onus_group_gap *gap;
    int64_t n, n_judged, n_proven; /* the first n_proven are the proven ones */
    const onus_group_gap *widest;  /* of the largest `most`, an undefined one first; or NULL */
} onus_gaps;
const onus_gaps *onus_page_gaps(onus_page *p); /* never NULL */

/* "equalized odds, difference, by sex, for toxic: 0.447 (0.355 to 0.521)", in an element that
 * says what is proven. */
void onus_gap_item(onus_page *p, const onus_group_gap *g);
/* The measure and whose it is: "equalized odds, difference, by sex". */
void onus_gap_subject(onus_page *p, const onus_group_gap *g);
/* All that are proven, or that none is. */
void onus_gap_list(onus_page *p);
/* Does a gap of that name, or a bound of it, apply to the task? Gaps that are defined between
 * two classes only are in every ledger, undefined there. True of names that are no gap's. */
bool onus_gap_applies(onus_page *p, const char *name);
/* Is the gap of that name proven? */
bool onus_gap_named_is_proven(onus_page *p, const char *name);
/* "proven", "not-proven", "not-judged" */
const char *onus_gap_says(const onus_group_gap *g);
#endif
