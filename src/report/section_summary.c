/* SPDX-License-Identifier: Apache-2.0
 * section_summary.c - the report in a few sentences: how it was judged, whether the model is
 * better than none, whether it treats groups alike, what it may reveal, and what no ledger can
 * show. Each says "proven" only where an interval does; the banner around them is calm only
 * where all of them are. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

/* ---- quality ----------------------------------------------------------------------------- */

/* What is said of a model, and of how it stands against one that learned nothing. */
typedef struct {
    onus_text is, undefined;
    onus_text against[ONUS_BASELINE_WORSE + 1];
} sentences;

static const sentences decisions = {ONUS_TEXT_BRIEF_RIGHT,
                                    ONUS_TEXT_BRIEF_RIGHT_UNDEFINED,
                                    {[ONUS_BASELINE_NONE] = ONUS_TEXT_BRIEF_NO_BASELINE,
                                     [ONUS_BASELINE_BEATEN] = ONUS_TEXT_BRIEF_BEATS,
                                     [ONUS_BASELINE_OPEN] = ONUS_TEXT_BRIEF_NO_BEATS,
                                     [ONUS_BASELINE_WORSE] = ONUS_TEXT_BRIEF_WORSE}},
                       labels = {ONUS_TEXT_BRIEF_LABELS,
                                 ONUS_TEXT_BRIEF_LABELS_UNDEFINED,
                                 {[ONUS_BASELINE_NONE] = ONUS_TEXT_BRIEF_NO_BASELINE,
                                  [ONUS_BASELINE_BEATEN] = ONUS_TEXT_BRIEF_LABELS_BEATS,
                                  [ONUS_BASELINE_OPEN] = ONUS_TEXT_BRIEF_LABELS_NO_BEATS,
                                  [ONUS_BASELINE_WORSE] = ONUS_TEXT_BRIEF_LABELS_WORSE}},
                       values = {ONUS_TEXT_BRIEF_VALUE,
                                 ONUS_TEXT_BRIEF_VALUE_UNDEFINED,
                                 {[ONUS_BASELINE_BEATEN] = ONUS_TEXT_BRIEF_BEATS_MEAN,
                                  [ONUS_BASELINE_OPEN] = ONUS_TEXT_BRIEF_NO_MEAN,
                                  [ONUS_BASELINE_WORSE] = ONUS_TEXT_BRIEF_WORSE_MEAN}},
                       tokens = {ONUS_TEXT_BRIEF_TOKENS,
                                 ONUS_TEXT_BRIEF_TOKENS_UNDEFINED,
                                 {[ONUS_BASELINE_NONE] = ONUS_TEXT_BRIEF_NO_BASELINE}};

/* What a model of each task is judged by, and the name whose interval leaves 0 out where it is
 * better than the baseline. Without data.task all that is there is looked at. */
static const struct {
    const char *task, *measure, *gain;
    const sentences *say;
} baselines[] = {{"binary", "accuracy", "accuracy.gain", &decisions},
                 {"classes", "accuracy", "accuracy.gain", &decisions},
                 {"labels", "hamming_loss", "hamming_loss.gain", &labels},
                 {"regression", "r2", "r2", &values},
                 {"tokens", "perplexity", NULL, &tokens}};
enum { N_BASELINES = sizeof baselines / sizeof *baselines };

static onus_baseline baseline_of(onus_page *p, size_t i)
{
    double lower, upper;
    const char *gain = baselines[i].gain;
    if (!onus_task_may_be(p, baselines[i].task) ||
        !onus_page_fact(p, "%s", baselines[i].measure).event)
        return ONUS_BASELINE_UNMEASURED;
    if (!gain || (!onus_page_fact(p, "%s", gain).event &&
                  !onus_page_fact(p, "%s.baseline", baselines[i].measure).event))
        return ONUS_BASELINE_NONE;
    if (onus_fact_real(onus_page_fact(p, "%s.lower", gain), &lower) && lower > 0)
        return ONUS_BASELINE_BEATEN;
    if (onus_fact_real(onus_page_fact(p, "%s.upper", gain), &upper) && upper < 0)
        return ONUS_BASELINE_WORSE;
    return ONUS_BASELINE_OPEN;
}

onus_baseline onus_page_baseline(onus_page *p)
{
    onus_baseline worst = ONUS_BASELINE_UNMEASURED;
    for (size_t i = 0; i < N_BASELINES; i++) {
        const onus_baseline b = baseline_of(p, i);
        if (worst == ONUS_BASELINE_UNMEASURED || (b != ONUS_BASELINE_UNMEASURED && b > worst))
            worst = b;
    }
    return worst;
}

bool onus_is_measured(onus_page *p)
{
    double v;
    for (size_t i = 0; i < N_BASELINES; i++) {
        if (onus_task_may_be(p, baselines[i].task) &&
            onus_fact_real(onus_page_fact(p, "%s", baselines[i].measure), &v))
            return true;
    }
    return false;
}

static const char *const baseline_says[] = {
    [ONUS_BASELINE_UNMEASURED] = "nothing", [ONUS_BASELINE_NONE] = "no-baseline",
    [ONUS_BASELINE_BEATEN] = "proven",      [ONUS_BASELINE_OPEN] = "not-proven",
    [ONUS_BASELINE_WORSE] = "proven-worse",
};

static void quality_of(onus_page *p, size_t i, onus_baseline against)
{
    double v;
    const char *name = baselines[i].measure;
    const onus_fact f = onus_page_fact(p, "%s", name), lo = onus_page_fact(p, "%s.lower", name),
                    hi = onus_page_fact(p, "%s.upper", name);
    onus_page_raw(p, "<li");
    onus_page_says(p, baselines[i].gain ? baselines[i].gain : name, baseline_says[against]);
    onus_page_raw(p, ">");
    if (!onus_fact_real(f, &v)) {
        onus_page_say(p, baselines[i].say->undefined);
        onus_page_reason(p, name);
    } else if (baselines[i].say == &values && v < 0) {
        ONUS_FILL(p, ONUS_TEXT_BRIEF_VALUE_NEGATIVE, ONUS_NUMBER(f, 3), ONUS_NUMBER(lo, 3),
                  ONUS_NUMBER(hi, 3));
    } else if (baselines[i].gain) {
        ONUS_FILL(p, baselines[i].say->is, ONUS_PERCENT(f), ONUS_PERCENT(lo), ONUS_PERCENT(hi),
                  ONUS_PERCENT(onus_page_fact(p, "subset_accuracy")));
    } else {
        ONUS_FILL(p, baselines[i].say->is, ONUS_NUMBER(f, 3), ONUS_NUMBER(lo, 3),
                  ONUS_NUMBER(hi, 3));
    }
    onus_page_raw(p, " ");
    ONUS_FILL(p, baselines[i].say->against[against],
              ONUS_PERCENT(onus_page_fact(p, "%s.baseline", name)));
    onus_page_raw(p, "</li>\n");
}

static void quality(onus_page *p)
{
    const char *before = "";
    for (size_t i = 0; i < N_BASELINES; i++) {
        const onus_baseline against = baseline_of(p, i);
        if (against == ONUS_BASELINE_UNMEASURED || !strcmp(baselines[i].measure, before))
            continue;
        before = baselines[i].measure;
        quality_of(p, i, against);
    }
}

/* ---- fairness ---------------------------------------------------------------------------- */

static void proven_gaps(onus_page *p, const onus_gaps *gaps)
{
    enum { SHOWN = 3 };
    char judged[24], n[24], more[24];
    snprintf(judged, sizeof judged, "%lld", (long long)gaps->n_judged);
    snprintf(n, sizeof n, "%lld", (long long)gaps->n_proven);
    ONUS_FILL(p, gaps->n_proven == 1 ? ONUS_TEXT_BRIEF_GAP_ONE : ONUS_TEXT_BRIEF_GAPS,
              ONUS_ANY(n), ONUS_ANY(judged));
    onus_page_raw(p, "<ul class=\"gaps\">");
    for (int64_t i = 0; i < gaps->n_proven && i < SHOWN; i++) {
        onus_page_raw(p, "<li>");
        onus_gap_item(p, &gaps->gap[i]);
        onus_page_raw(p, "</li>");
    }
    if (gaps->n_proven > SHOWN) {
        snprintf(more, sizeof more, "%lld", (long long)gaps->n_proven - SHOWN);
        onus_page_raw(p, "<li><a href=\"#gaps\">");
        ONUS_FILL(p, ONUS_TEXT_BRIEF_GAPS_MORE, ONUS_ANY(more));
        onus_page_raw(p, "</a></li>");
    }
    onus_page_raw(p, "</ul>");
}

static void fairness(onus_page *p)
{
    double asked = 1;
    char n[24];
    const onus_gaps *gaps = onus_page_gaps(p);
    const bool none = onus_fact_real(onus_page_fact(p, "run.protected"), &asked) && asked == 0;
    onus_page_raw(p, "<li");
    onus_page_says(p, "fairness",
                   gaps->n_proven   ? "proven"
                   : gaps->n_judged ? "not-proven"
                   : gaps->n        ? "not-judged"
                                    : "nothing");
    onus_page_raw(p, ">");
    snprintf(n, sizeof n, "%lld", (long long)gaps->n_judged);
    if (gaps->n_proven) {
        proven_gaps(p, gaps);
    } else if (gaps->n_judged) {
        ONUS_FILL(p, ONUS_TEXT_BRIEF_NO_GAP, ONUS_ANY(n),
                  ONUS_NUMBER(onus_gap_far_bound(gaps->widest), 3));
        onus_page_raw(p, " (");
        onus_gap_subject(p, gaps->widest);
        onus_page_raw(p, ").");
    } else if (gaps->n) {
        onus_page_say(p, ONUS_TEXT_BRIEF_NOT_JUDGED);
    } else {
        onus_page_say(p, none ? ONUS_TEXT_BRIEF_NO_GROUPS : ONUS_TEXT_FAIRNESS_ABSENT);
    }
    if (gaps->n_judged && gaps->n > gaps->n_judged) {
        snprintf(n, sizeof n, "%lld", (long long)(gaps->n - gaps->n_judged));
        onus_page_raw(p, " ");
        ONUS_FILL(p, ONUS_TEXT_BRIEF_UNJUDGED, ONUS_ANY(n));
    }
    onus_page_raw(p, "</li>\n");
}

/* ---- privacy ----------------------------------------------------------------------------- */

bool onus_is_private(onus_page *p)
{
    double v;
    return !onus_fact_is(onus_page_fact(p, "run.privacy"), "off") &&
           onus_fact_real(onus_page_fact(p, "privacy.epsilon"), &v) &&
           onus_fact_real(onus_page_fact(p, "privacy.delta"), &v);
}

onus_fact onus_weights_from(onus_page *p)
{
    const onus_fact name = onus_page_fact(p, "train.from.name");
    return name.event ? name : onus_page_fact(p, "train.from.sha256");
}

static void privacy(onus_page *p)
{
    const bool is_off = onus_fact_is(onus_page_fact(p, "run.privacy"), "off"),
               is_bounded = onus_is_private(p);
    const onus_fact from = onus_weights_from(p);
    onus_page_raw(p, "<li");
    onus_page_says(p, "privacy", is_off ? "off" : is_bounded ? "bounded" : "nothing");
    onus_page_raw(p, ">");
    if (is_off) {
        onus_page_say(p, ONUS_TEXT_BRIEF_PRIVACY_OFF);
    } else if (is_bounded) {
        ONUS_FILL(p, ONUS_TEXT_BRIEF_PRIVACY,
                  ONUS_NUMBER(onus_page_fact(p, "privacy.epsilon"), 3),
                  ONUS_NUMBER(onus_page_fact(p, "privacy.delta"), 1));
        if (from.event) ONUS_FILL(p, ONUS_TEXT_BRIEF_PRIVACY_FROM, ONUS_WORD(from));
    } else {
        onus_page_say(p, ONUS_TEXT_PRIVACY_ABSENT);
    }
    onus_page_raw(p, "</li>\n");
}

/* ---- what no ledger shows ---------------------------------------------------------------- */

static void beyond(onus_page *p)
{
    const onus_fact from = onus_weights_from(p), test = onus_page_fact(p, "run.test");
    onus_page_raw(p, "<li");
    onus_page_says(p, "run", "beyond");
    onus_page_raw(p, ">");
    onus_page_say(p, onus_is_private(p) ? ONUS_TEXT_BEYOND_PRIVATE : ONUS_TEXT_BEYOND);
    if (from.event) {
        onus_page_raw(p, "<span");
        onus_page_says(p, "train.from", "beyond");
        onus_page_raw(p, "> ");
        ONUS_FILL(p, onus_is_private(p) ? ONUS_TEXT_BEYOND_FROM_PRIVATE : ONUS_TEXT_BEYOND_FROM,
                  ONUS_WORD(from));
        onus_page_raw(p, "</span>");
    }
    if (onus_is_measured(p) && !onus_fact_is(test, "split")) {
        onus_page_raw(p, "<span");
        onus_page_says(p, "run.test", "beyond");
        onus_page_raw(p, "> ");
        onus_page_say(p, onus_fact_is(test, "file") ? ONUS_TEXT_BEYOND_TEST_FILE
                                                    : ONUS_TEXT_BEYOND_TEST);
        onus_page_raw(p, "</span>");
    }
    onus_page_raw(p, "</li>\n");
}

/* ---- verdict ----------------------------------------------------------------------------- */

static void failed_policies(onus_page *p)
{
    enum { SHOWN = 3 };
    int64_t failed = 0;
    const int64_t n = onus_policy_count(p);
    for (int64_t i = 1; i <= n; i++) {
        const onus_judgement j = onus_page_judgement(p, i);
        if (j.is < ONUS_JUDGED_UNDEFINED) continue;
        if (failed++ >= SHOWN) continue;
        onus_page_raw(p, failed == 1 ? " " : ", ");
        if (failed == 1) onus_page_say(p, ONUS_TEXT_NOT_MET_ARE);
        onus_page_raw(p, failed == 1 ? " <code>" : "<code>");
        onus_page_word(p, j.demand);
        onus_page_raw(p, "</code>");
    }
    onus_page_raw(p, failed > SHOWN ? ", \xe2\x80\xa6" : failed ? "." : "");
}

/* "warn" where a demand is not met, a gap is proven or no better than nothing is; "ok" where
 * every demand is met by claims, the baseline is beaten and, of groups that were asked for,
 * the gaps were judged; else neither. */
static const char *state(onus_page *p, const onus_verdicts *v)
{
    double asked = 1;
    const onus_gaps *gaps = onus_page_gaps(p);
    const onus_baseline baseline = onus_page_baseline(p);
    const bool none = onus_fact_real(onus_page_fact(p, "run.protected"), &asked) && asked == 0;
    if ((v->judged && v->met + v->seen < v->n) || gaps->n_proven ||
        baseline == ONUS_BASELINE_OPEN || baseline == ONUS_BASELINE_WORSE)
        return "warn";
    return v->n > 0 && v->met == v->n && baseline == ONUS_BASELINE_BEATEN &&
                   (none || gaps->n_judged)
               ? "ok"
               : "none";
}

static void verdict(onus_page *p, const onus_verdicts *v)
{
    char n[24], met[24], seen[24];
    snprintf(n, sizeof n, "%lld", (long long)v->n);
    snprintf(met, sizeof met, "%lld", (long long)v->met);
    snprintf(seen, sizeof seen, "%lld", (long long)v->seen);
    if (!v->judged) {
        onus_page_say(p, onus_no_policy(p)                         ? ONUS_TEXT_POLICY_NONE
                         : onus_is_measured(p)                     ? ONUS_TEXT_MEASURED_ONLY
                         : onus_page_fact(p, "model.sha256").event ? ONUS_TEXT_NOT_JUDGED
                                                                   : ONUS_TEXT_NOTHING_DONE);
    } else if (v->seen) {
        ONUS_FILL(p, ONUS_TEXT_POLICIES_SEEN, ONUS_ANY(met), ONUS_ANY(n), ONUS_ANY(seen));
    } else if (v->met == v->n) {
        ONUS_FILL(p, v->n == 1 ? ONUS_TEXT_POLICY_MET : ONUS_TEXT_POLICIES_ALL_MET,
                  ONUS_ANY(n));
    } else {
        ONUS_FILL(p, ONUS_TEXT_POLICIES_MET, ONUS_ANY(met), ONUS_ANY(n));
    }
}

void onus_section_summary(onus_page *p)
{
    const onus_verdicts v = onus_page_verdicts(p);
    const char *style = state(p, &v);
    char says[96], open[24];
    snprintf(says, sizeof says, "%s met=%lld seen=%lld of=%lld", style, (long long)v.met,
             (long long)v.seen, (long long)v.n);
    onus_page_printf(p, "<div class=\"verdict %s\"", style);
    onus_page_says(p, "policy", says);
    onus_page_raw(p, "><p><b>");
    verdict(p, &v);
    onus_page_raw(p, "</b>");
    if (v.judged) failed_policies(p);
    snprintf(open, sizeof open, "%lld", (long long)onus_unproven_count(p));
    onus_page_raw(p, " <a href=\"#unproven\">");
    ONUS_FILL(p, ONUS_TEXT_OPEN_POINTS, ONUS_ANY(open));
    onus_page_raw(p, "</a></p>\n<ul>");
    quality(p);
    fairness(p);
    privacy(p);
    beyond(p);
    onus_page_raw(p, "</ul></div>\n");
}
