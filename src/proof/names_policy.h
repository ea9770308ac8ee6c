/* SPDX-License-Identifier: Apache-2.0
 * names_policy.h - will this run have the number that a demand names? Asked before training,
 * when the data is known: a misspelt name would otherwise be found absent at the end. */
#ifndef ONUS_PROOF_NAMES_POLICY_H
#define ONUS_PROOF_NAMES_POLICY_H
#include "proof/scope.h"

/* ONUS_BAD_INPUT: "no result is called 'acuracy'; the nearest is 'accuracy'", or "this run will
 * not have 'auc', because the task is another one". */
onus_status onus_names_foresee(const onus_scope *s, const char *name,
                               onus_err *err) ONUS_CHECKED;
#endif
