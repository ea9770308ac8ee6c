/* SPDX-License-Identifier: Apache-2.0
 * verdicts.c - see verdicts.h. "met" is repeated only where the ledger's own value bears it
 * out, and only what stands in claims counts as proven: an observed verdict, or one on an
 * observed value, rests on what this machine said of itself; one on the owner's word (said) on
 * nothing else. */
#include "report/verdicts.h"

#include <stdio.h>
#include <string.h>

#include "report/sections.h"

static const struct {
    const char *style, *says;
} judged[] = {
    [ONUS_JUDGED_NONE] = {"none", "nothing"},
    [ONUS_JUDGED_MET] = {"ok", "met"},
    [ONUS_JUDGED_SEEN] = {"seen", "seen"},
    [ONUS_JUDGED_OPEN] = {"none", "not-judged"},
    [ONUS_JUDGED_UNDEFINED] = {"none", "undefined"},
    [ONUS_JUDGED_ABSENT] = {"none", "absent"},
    [ONUS_JUDGED_DOUBTED] = {"warn", "doubted"},
    [ONUS_JUDGED_NOT_MET] = {"warn", "not-met"},
};

const char *onus_judged_style(onus_judged j)
{
    return judged[j].style;
}

const char *onus_judged_says(onus_judged j)
{
    return judged[j].says;
}

int64_t onus_policy_count(onus_page *p)
{
    int64_t n = 0;
    while (onus_page_fact(p, "policy.%lld.demand", (long long)n + 1).event) n++;
    return n;
}

/* What a verdict of "met" is worth: the value that the policy saw, and where it stands. */
static onus_judged met(onus_page *p, const onus_entry *e, const onus_judgement *j, bool claimed)
{
    double found, value;
    const json_t *v = NULL;
    const onus_entry *of = onus_log_find(p->log, j->policy.name, e->n - 1, &v);
    if (!j->parsed || !of || !onus_fact_real(j->found, &found) ||
        !onus_fact_real((onus_fact){.v = v}, &value) || !onus_policy_holds(&j->policy, found) ||
        !onus_policy_holds(&j->policy, value))
        return ONUS_JUDGED_DOUBTED;
    const bool claim = claimed && json_object_get(of->claim, j->policy.name);
    return claim && !onus_policy_rests_on_said(&j->policy) ? ONUS_JUDGED_MET : ONUS_JUDGED_SEEN;
}

onus_judgement onus_page_judgement(onus_page *p, int64_t i)
{
    char name[64];
    onus_judgement j = {.demand = onus_page_fact(p, "policy.%lld.demand", (long long)i),
                        .name = "",
                        .is = ONUS_JUDGED_OPEN};
    if (!j.demand.event) return j;
    const onus_entry *e = onus_log_at(p->log, j.demand.event - 1);
    const char *demand = onus_fact_text(j.demand), *subject;
    j.bound = onus_entry_fact(e, "policy.%lld.bound", (long long)i);
    j.found = onus_entry_fact(e, "policy.%lld.found", (long long)i);
    j.parsed = demand && onus_policy_parse(&j.policy, demand, "", 0, NULL) == ONUS_OK;
    subject = onus_fact_text(onus_entry_fact(e, "policy.%lld.name", (long long)i));
    if (subject) j.name = subject;
    snprintf(name, sizeof name, "policy.%lld.verdict", (long long)i);
    const onus_fact verdict = onus_entry_fact(e, "%s", name);
    if (onus_fact_is(verdict, "met"))
        j.is = met(p, e, &j, json_object_get(e->claim, name) != NULL);
    else if (onus_fact_is(verdict, "undefined"))
        j.is = ONUS_JUDGED_UNDEFINED;
    else if (onus_fact_is(verdict, "absent"))
        j.is = ONUS_JUDGED_ABSENT;
    else if (verdict.event)
        j.is = ONUS_JUDGED_NOT_MET;
    return j;
}

onus_verdicts onus_page_verdicts(onus_page *p)
{
    static const char *const said[] = {"run.policies", "policy.count"};
    onus_verdicts all = {.n = onus_policy_count(p)};
    for (int64_t i = 1; i <= all.n; i++) {
        const onus_judged is = onus_page_judgement(p, i).is;
        all.met += is == ONUS_JUDGED_MET;
        all.seen += is == ONUS_JUDGED_SEEN;
        all.judged += is != ONUS_JUDGED_OPEN;
    }
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        double v;
        if (onus_fact_real(onus_page_fact(p, "%s", said[i]), &v) && v > (double)all.n &&
            v < 1e9)
            all.n = (int64_t)v;
    }
    return all;
}

bool onus_no_policy(onus_page *p)
{
    double count;
    return onus_page_verdicts(p).n == 0 &&
           onus_fact_real(onus_page_fact(p, "policy.count"), &count) && count == 0;
}

void onus_measure_name(char out[1024], const char *name)
{
    static const char *const ends[] = {".lower", ".upper"};
    snprintf(out, 1024, "%s", name);
    const size_t n = strlen(out);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const size_t m = strlen(ends[i]);
        if (n > m && strcmp(out + n - m, ends[i]) == 0) out[n - m] = '\0';
    }
}

onus_judged onus_page_verdict_on(onus_page *p, const char *name)
{
    const int64_t n = onus_policy_count(p);
    onus_judged worst = ONUS_JUDGED_NONE;
    for (int64_t i = 1; i <= n; i++) {
        char measure[1024];
        const onus_judgement j = onus_page_judgement(p, i);
        onus_measure_name(measure, j.parsed ? j.policy.name : j.name);
        if (strcmp(measure, name) == 0 && j.is > worst) worst = j.is;
    }
    return worst;
}
