/* SPDX-License-Identifier: Apache-2.0
 * fairness.h - what one partition of people into groups tells, as fields of its event. */
#ifndef ONUS_AUDIT_FAIRNESS_H
#define ONUS_AUDIT_FAIRNESS_H
#include "audit/partition.h"

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
