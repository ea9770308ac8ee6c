/* SPDX-License-Identifier: Apache-2.0
 * verdicts.h - what the ledger's policies came to, demand by demand, and on what it rests. */
#ifndef ONUS_REPORT_VERDICTS_H
#define ONUS_REPORT_VERDICTS_H
#include "proof/policy.h"
#include "report/page.h"

/* From the best to the worst, so that the worst of several is the largest. */
typedef enum {
    ONUS_JUDGED_NONE,      /* no policy speaks of it */
    ONUS_JUDGED_MET,       /* by claims, which a replay finds again */
    ONUS_JUDGED_SEEN,      /* met by what was observed, which no replay can check */
    ONUS_JUDGED_OPEN,      /* demanded, and no verdict is in the ledger */
    ONUS_JUDGED_UNDEFINED, /* from here on: not met */
    ONUS_JUDGED_ABSENT,
    ONUS_JUDGED_DOUBTED, /* "met", which the ledger's own value does not bear out */
    ONUS_JUDGED_NOT_MET
} onus_judged;

const char *onus_judged_style(onus_judged j); /* class of the style sheet */
const char *onus_judged_says(onus_judged j);  /* "met", "seen", "not-met", ... */

typedef struct {
    onus_fact demand, bound, found;
    const char *name; /* "" where there is none */
    bool parsed;      /* op and bound of `policy` are what the demand says */
    onus_policy policy;
    onus_judged is;
} onus_judgement;

int64_t onus_policy_count(onus_page *p); /* demands whose events are there */
onus_judgement onus_page_judgement(onus_page *p, int64_t i); /* i from 1 */

/* How many of each, of all that the run says it was given (run.policies, policy.count). */
typedef struct {
    int64_t n, met, seen, judged;
} onus_verdicts;
onus_verdicts onus_page_verdicts(onus_page *p);
/* Does the ledger say that there was no demand? */
bool onus_no_policy(onus_page *p);

/* The worst verdict on the very value of that name: on NAME, NAME.lower or NAME.upper. */
onus_judged onus_page_verdict_on(onus_page *p, const char *name);
/* accuracy of accuracy.lower */
void onus_measure_name(char out[1024], const char *name);
#endif
