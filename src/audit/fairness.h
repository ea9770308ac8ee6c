/* SPDX-License-Identifier: Apache-2.0
 * fairness.h - what one partition of people into groups tells, as fields of its event. */
#ifndef ONUS_AUDIT_FAIRNESS_H
#define ONUS_AUDIT_FAIRNESS_H
#include "audit/measure.h"
#include "audit/partition.h"

/* Decisions of one group. */
typedef struct {
    double n, positives, selected, true_positives, right;
} onus_group_tally;
/* All that follows from tallies (n_groups), between two classes and among more; of the
 * partition, names are read. */
onus_status onus_fairness_two(const onus_group_tally *t, const onus_partition *g,
                              onus_event_builder *b, onus_arena *arena,
                              onus_err *err) ONUS_CHECKED;
onus_status onus_fairness_more(const onus_group_tally *t, const onus_partition *g,
                               onus_event_builder *b, onus_arena *arena,
                               onus_err *err) ONUS_CHECKED;

/* Numbers of one group. */
typedef struct {
    double n, mean, square; /* sum of squared distances from the mean */
} onus_group_moments;
enum { ONUS_FAIRNESS_VALUES = 3 };
typedef struct {
    const char *name, *difference; /* "mae", "mae_difference" */
    double least;
} onus_fairness_value;
extern const onus_fairness_value onus_fairness_value_names[ONUS_FAIRNESS_VALUES];
/* Largest difference between the means of groups; those with fewer than two rows have no spread
 * to judge by and are left out. */
onus_measure onus_fairness_value_gap(const onus_group_moments *m, int64_t n_groups,
                                     bool withholds);
/* Do the groups fit into a line of the ledger? */
bool onus_fairness_has_room(const onus_partition *g);

/* Decisions between two classes: rates by group, and the gaps between them. */
onus_status onus_fairness_binary(const onus_predictions *p, const onus_partition *g,
                                 onus_event_builder *b, onus_arena *arena,
                                 onus_err *err) ONUS_CHECKED;
/* Decisions among more classes: accuracy by group and its gap. */
onus_status onus_fairness_classes(const onus_predictions *p, const onus_partition *g,
                                  onus_event_builder *b, onus_arena *arena,
                                  onus_err *err) ONUS_CHECKED;
/* Numbers: mean prediction, mean error and mean absolute error by group, and their gaps. */
onus_status onus_fairness_values(const onus_predictions *p, const onus_partition *g,
                                 onus_event_builder *b, onus_arena *arena,
                                 onus_err *err) ONUS_CHECKED;
/* Groups of an attribute that are withheld keep their names, so that a demand on one finds it
 * undefined: this one of them. */
void onus_fairness_withheld(onus_event_builder *b, const onus_partition *g, const char *name);
/* The gaps between two classes' decisions, all undefined, for that reason. */
void onus_fairness_undefined(onus_event_builder *b, const onus_partition *g,
                             const char *reason);
#endif
