/* SPDX-License-Identifier: Apache-2.0
 * stage_policy.c - the stage that judges: one event a demand, and how many are met. */
#include "run/stages.h"

#include "base/fail.h"
#include "proof/names_policy.h"

typedef struct {
    int64_t met[2]; /* by claims; by what was observed, or is the owner's word */
    bool any_observed;
} tally;

/* A verdict on what a replay finds again is a claim; one on joules or seconds was observed
 * here. */
static onus_status judge(onus_session *s, int64_t i, tally *t, onus_err *err)
{
    const onus_policy *p = &s->recipe->policies[i];
    double found = 0;
    bool observed = false;
    const onus_verdict v = onus_policy_judge(p, s->facts, &found, &observed);
    t->met[observed || onus_policy_rests_on_said(p)] += v == ONUS_VERDICT_MET;
    t->any_observed = t->any_observed || observed;
    onus_event_builder *e = &s->event;
    onus_event_begin(e, "policy");
    onus_event_text(e, p->text, "policy.%lld.demand", (long long)i + 1);
    onus_event_text(e, p->name, "policy.%lld.name", (long long)i + 1);
    onus_event_real(e, p->bound, "policy.%lld.bound", (long long)i + 1);
    onus_event_observed(e, observed);
    onus_event_text(e, onus_verdict_text(v), "policy.%lld.verdict", (long long)i + 1);
    if (v == ONUS_VERDICT_MET || v == ONUS_VERDICT_NOT_MET)
        onus_event_real(e, found, "policy.%lld.found", (long long)i + 1);
    else
        onus_event_undefined(e, "policy.%lld.found", (long long)i + 1);
    return onus_session_emit(s, err);
}

/* A demand on what this run will not have is refused before anything is trained. */
onus_status onus_stage_demands(onus_session *s, onus_err *err)
{
    for (int64_t i = 0; s->judge && i < s->recipe->n_policies; i++) {
        const onus_policy *p = &s->recipe->policies[i];
        onus_err why = {.code = ONUS_OK};
        const onus_status st = onus_names_foresee(onus_judge_scope(s->judge), p->name, &why);
        if (st != ONUS_OK)
            return onus_fail(err, st, "%s:%d: policy '%.120s': %s", s->recipe->path, p->line,
                             p->text, why.msg);
    }
    return ONUS_OK;
}

onus_status onus_stage_policy(onus_session *s, onus_err *err)
{
    tally t = {.any_observed = false};
    for (int64_t i = 0; i < s->recipe->n_policies; i++) {
        const onus_status st = judge(s, i, &t, err);
        if (st != ONUS_OK) return st;
    }
    onus_event_builder *e = &s->event;
    onus_event_begin(e, "policy.result");
    onus_event_int(e, s->recipe->n_policies, "policy.count");
    onus_event_int(e, t.met[false], "policy.met.claims");
    onus_event_observed(e, t.any_observed);
    onus_event_int(e, t.met[true], "policy.met.observed");
    onus_event_int(e, t.met[false] + t.met[true], "policy.met");
    return onus_session_emit(s, err);
}
