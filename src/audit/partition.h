/* SPDX-License-Identifier: Apache-2.0
 * partition.h - people in groups: by one attribute, or by several at once. */
#ifndef ONUS_AUDIT_PARTITION_H
#define ONUS_AUDIT_PARTITION_H
#include "audit/predictions.h"
#include "base/mem.h"

enum { ONUS_GROUPS_MAX = ONUS_TOLD_MAX };

typedef struct {
    const char *name;          /* as in dotted names: escaped, joined by '+' */
    const char *const *groups; /* (n_groups), likewise */
    int64_t n_groups;
    const int32_t *group; /* (n), -1: one of the attributes is missing */
    const uint64_t *code; /* (n_groups): as onus_disclosure_tells wants them */
    int64_t n_missing;    /* such rows */
    int64_t n_empty; /* combinations that no row has; they are no groups. One attribute: 0 */
    bool too_many;   /* more than ONUS_GROUPS_MAX combinations: no groups are told apart */
    /* names of groups that are withheld: they are none of `groups`, their rows in no group */
    const char *const *withheld;
    int64_t n_withheld;
    bool withholds;         /* anything, be it how many rows are in no group */
    bool withholds_missing; /* that */
} onus_partition;

/* All lives in arena. */
onus_status onus_partition_one(onus_partition *out, const onus_attribute *a, int64_t n,
                               onus_arena *arena, onus_err *err) ONUS_CHECKED;
onus_status onus_partition_cross(onus_partition *out, const onus_partition *a,
                                 const onus_partition *b, int64_t n, onus_arena *arena,
                                 onus_err *err) ONUS_CHECKED;
/* What may be told of g, which is that set of the disclosure's: g without the groups that are
 * withheld. told NULL: g. */
onus_status onus_partition_told(onus_partition *out, const onus_partition *g,
                                const onus_disclosure *told, int64_t set, int64_t n,
                                onus_arena *arena, onus_err *err) ONUS_CHECKED;
#endif
