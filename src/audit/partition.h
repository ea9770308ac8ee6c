/* SPDX-License-Identifier: Apache-2.0
 * partition.h - people in groups: by one attribute, or by several at once. */
#ifndef ONUS_AUDIT_PARTITION_H
#define ONUS_AUDIT_PARTITION_H
#include "audit/predictions.h"
#include "base/mem.h"

enum { ONUS_GROUPS_MAX = 1000 };

typedef struct {
    const char *name;          /* as in dotted names: escaped, joined by '+' */
    const char *const *groups; /* (n_groups), likewise */
    int64_t n_groups;
    const int32_t *group; /* (n), -1: one of the attributes is missing */
    int64_t n_missing;    /* such rows */
    int64_t n_empty; /* combinations that no row has; they are no groups. One attribute: 0 */
    bool too_many;   /* more than ONUS_GROUPS_MAX combinations: no groups are told apart */
} onus_partition;

/* All lives in arena. */
onus_status onus_partition_one(onus_partition *out, const onus_attribute *a, int64_t n,
                               onus_arena *arena, onus_err *err) ONUS_CHECKED;
onus_status onus_partition_cross(onus_partition *out, const onus_partition *a,
                                 const onus_partition *b, int64_t n, onus_arena *arena,
                                 onus_err *err) ONUS_CHECKED;
#endif
