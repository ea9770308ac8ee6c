/* SPDX-License-Identifier: Apache-2.0
 * policy.h - one demand of the recipe: NAME OP NUMBER, NAME any dotted name, OP one of < <= >
 * >= == !=, the last one of the line (names of groups may hold blanks and "<", too). A name
 * that is undefined or absent is never met. */
#ifndef ONUS_PROOF_POLICY_H
#define ONUS_PROOF_POLICY_H
#include "base/facts.h"
typedef enum {
    ONUS_OP_LT,
    ONUS_OP_LE,
    ONUS_OP_GT,
    ONUS_OP_GE,
    ONUS_OP_EQ,
    ONUS_OP_NE
} onus_policy_op;
typedef struct {
    const char *text;
    int line; /* of the recipe */
    char name[512];
    onus_policy_op op;
    double bound;
} onus_policy;
typedef enum {
    ONUS_VERDICT_MET,
    ONUS_VERDICT_NOT_MET,
    ONUS_VERDICT_UNDEFINED,
    ONUS_VERDICT_ABSENT
} onus_verdict;
/* column of the first wrong character goes into the message. */
onus_status onus_policy_parse(onus_policy *out, const char *text, const char *file, int line,
                              onus_err *err) ONUS_CHECKED;
/* Does the value meet the demand? NAN meets none but !=. */
bool onus_policy_holds(const onus_policy *p, double v);
onus_verdict onus_policy_judge(const onus_policy *p, const onus_facts *facts, double *found,
                               bool *observed);
/* Does it judge the owner's own word (names.h: said), which replays trivially? */
bool onus_policy_rests_on_said(const onus_policy *p);
const char *onus_verdict_text(onus_verdict v); /* "met", "not met", "undefined", "absent" */
#endif
