/* SPDX-License-Identifier: Apache-2.0
 * section_summary.c - the report in four sentences: how it was judged, whether the model is
 * better than none, whether it treats groups alike, what it may reveal. Each says "proven" only
 * where an interval does. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

/* ---- quality ----------------------------------------------------------------------------- */

static bool proven(onus_page *p, const char *name)
{
    double lower;
    return onus_fact_real(onus_page_fact(p, "%s.lower", name), &lower) && lower > 0;
}

/* Better than what costs no model: a constant decision, the mean? */
bool onus_beats_baseline(onus_page *p)
{
    return proven(p, onus_page_fact(p, "r2").event             ? "r2"
                     : onus_page_fact(p, "hamming_loss").event ? "hamming_loss.gain"
                                                               : "accuracy.gain");
}

/* Several labels: rows all right, and labels wrong against each one's commonest value. */
static void labels_quality(onus_page *p)
{
    onus_page_raw(p, "<li>");
    ONUS_FILL(p, ONUS_TEXT_BRIEF_LABELS, ONUS_PERCENT(onus_page_fact(p, "hamming_loss")),
              ONUS_PERCENT(onus_page_fact(p, "hamming_loss.lower")),
              ONUS_PERCENT(onus_page_fact(p, "hamming_loss.upper")),
              ONUS_PERCENT(onus_page_fact(p, "subset_accuracy")));
    onus_page_raw(p, " ");
    ONUS_FILL(p,
              onus_beats_baseline(p) ? ONUS_TEXT_BRIEF_LABELS_BEATS
                                     : ONUS_TEXT_BRIEF_LABELS_NO_BEATS,
              ONUS_PERCENT(onus_page_fact(p, "hamming_loss.baseline")));
    onus_page_raw(p, "</li>\n");
}

static void quality(onus_page *p)
{
    if (onus_page_fact(p, "hamming_loss").event) labels_quality(p);
    const bool value = onus_page_fact(p, "r2").event != 0, better = onus_beats_baseline(p);
    const char *name = value ? "r2" : "accuracy";
    const onus_fact f = onus_page_fact(p, "%s", name), lo = onus_page_fact(p, "%s.lower", name),
                    hi = onus_page_fact(p, "%s.upper", name),
                    baseline = onus_page_fact(p, "%s.baseline", name);
    if (!f.event) return;
    onus_page_raw(p, "<li>");
    ONUS_FILL(p, value ? ONUS_TEXT_BRIEF_VALUE : ONUS_TEXT_BRIEF_RIGHT, ONUS_PERCENT(f),
              ONUS_PERCENT(lo), ONUS_PERCENT(hi));
    onus_page_raw(p, " ");
    if (value)
        onus_page_say(p, better ? ONUS_TEXT_BRIEF_BEATS_MEAN : ONUS_TEXT_BRIEF_NO_MEAN);
    else if (baseline.event)
        ONUS_FILL(p, better ? ONUS_TEXT_BRIEF_BEATS : ONUS_TEXT_BRIEF_NO_BEATS,
                  ONUS_PERCENT(baseline));
    onus_page_raw(p, "</li>\n");
}

/* ---- fairness ---------------------------------------------------------------------------- */

static const char *const gap_names[] = {"demographic_parity_difference", "accuracy_difference",
                                        "mae_difference"};

/* The gap of an entry that stands for the others: in selection, else in being right. */
static bool main_gap(onus_page *p, const onus_entry *e, char full[2048],
                     onus_fairness_about *about)
{
    *about = onus_fairness_of(p, e);
    for (size_t k = 0; k < sizeof gap_names / sizeof *gap_names; k++) {
        double v;
        snprintf(full, 2048, "%s.%s", about->name, gap_names[k]);
        if (onus_fact_real(onus_entry_fact(e, "%s", full), &v)) return true;
    }
    return false;
}

static int64_t proven_gaps(onus_page *p, bool write)
{
    int64_t n = 0;
    char full[2048];
    for (const onus_entry *e = NULL; (e = onus_page_entry(p, "fairness", e)) != NULL;) {
        onus_fairness_about about;
        if (!main_gap(p, e, full, &about) || !proven(p, full)) continue;
        if (write) {
            onus_page_raw(p, n ? ", " : "");
            ONUS_FILL(p, ONUS_TEXT_BRIEF_GAP, ONUS_PART(about.attribute),
                      ONUS_NUMBER(onus_page_fact(p, "%s", full), 3));
            if (about.label) ONUS_FILL(p, ONUS_TEXT_BRIEF_GAP_LABEL, ONUS_PART(about.label));
        }
        n++;
    }
    return n;
}

/* The widest that the intervals leave room for; undefined where one of them has no upper
 * bound. */
static onus_fact widest_gap(onus_page *p)
{
    double widest = -INFINITY, v;
    char full[2048];
    onus_fact found = {0};
    for (const onus_entry *e = NULL; (e = onus_page_entry(p, "fairness", e)) != NULL;) {
        onus_fairness_about about;
        if (!main_gap(p, e, full, &about)) continue;
        const onus_fact f = onus_page_fact(p, "%s.upper", full);
        if (onus_fact_undefined(f)) return f;
        if (!onus_fact_real(f, &v) || v <= widest) continue;
        widest = v;
        found = f;
    }
    return found;
}

static void fairness(onus_page *p)
{
    double asked = 1;
    onus_page_raw(p, "<li>");
    if (onus_page_entry(p, "fairness", NULL)) {
        if (proven_gaps(p, false) > 0) {
            onus_page_say(p, ONUS_TEXT_BRIEF_GAPS);
            onus_page_raw(p, " ");
            (void)proven_gaps(p, true);
            onus_page_raw(p, ".");
        } else {
            ONUS_FILL(p, ONUS_TEXT_BRIEF_NO_GAP, ONUS_NUMBER(widest_gap(p), 3));
        }
    } else if (onus_fact_real(onus_page_fact(p, "run.protected"), &asked) && asked == 0) {
        onus_page_say(p, ONUS_TEXT_BRIEF_NO_GROUPS);
    } else {
        onus_page_say(p, ONUS_TEXT_FAIRNESS_ABSENT);
    }
    onus_page_raw(p, "</li>\n");
}

/* ---- privacy ----------------------------------------------------------------------------- */

static void privacy(onus_page *p)
{
    const onus_fact epsilon = onus_page_fact(p, "privacy.epsilon");
    onus_page_raw(p, "<li>");
    if (onus_fact_is(onus_page_fact(p, "run.privacy"), "off"))
        onus_page_say(p, ONUS_TEXT_BRIEF_PRIVACY_OFF);
    else if (epsilon.event)
        ONUS_FILL(p, ONUS_TEXT_BRIEF_PRIVACY, ONUS_NUMBER(epsilon, 3),
                  ONUS_NUMBER(onus_page_fact(p, "privacy.delta"), 1));
    else
        onus_page_say(p, ONUS_TEXT_PRIVACY_ABSENT);
    onus_page_raw(p, "</li>\n");
}

/* ---- verdict ----------------------------------------------------------------------------- */

static void failed_policies(onus_page *p, int64_t n)
{
    enum { SHOWN = 3 };
    int64_t failed = 0;
    for (int64_t i = 1; i <= n; i++) {
        const onus_fact demand = onus_page_fact(p, "policy.%lld.demand", (long long)i);
        if (onus_fact_is(onus_page_fact(p, "policy.%lld.verdict", (long long)i), "met"))
            continue;
        if (failed++ >= SHOWN) continue;
        onus_page_raw(p, failed == 1 ? " " : ", ");
        if (failed == 1) onus_page_say(p, ONUS_TEXT_NOT_MET_ARE);
        onus_page_raw(p, failed == 1 ? " <code>" : "<code>");
        onus_page_word(p, demand);
        onus_page_raw(p, "</code>");
    }
    onus_page_raw(p, failed > SHOWN ? ", \xe2\x80\xa6" : failed ? "." : "");
}

void onus_section_summary(onus_page *p)
{
    double met = 0;
    const int64_t n = onus_policy_count(p);
    const onus_fact met_fact = onus_page_fact(p, "policy.met"),
                    count = onus_page_fact(p, "policy.count");
    const bool judged = onus_fact_real(met_fact, &met) && n > 0;
    const char *style = !judged ? "none" : met == (double)n ? "ok" : "warn";
    onus_page_printf(p, "<div class=\"verdict %s\"><p><b>", style);
    if (judged && met == (double)n)
        ONUS_FILL(p, n == 1 ? ONUS_TEXT_POLICY_MET : ONUS_TEXT_POLICIES_ALL_MET,
                  ONUS_COUNT(count));
    else if (judged)
        ONUS_FILL(p, ONUS_TEXT_POLICIES_MET, ONUS_COUNT(met_fact), ONUS_COUNT(count));
    else
        onus_page_say(p, count.event ? ONUS_TEXT_POLICY_NONE : ONUS_TEXT_NOT_JUDGED);
    onus_page_raw(p, "</b>");
    if (judged) failed_policies(p, n);
    char open[24];
    snprintf(open, sizeof open, "%lld", (long long)onus_unproven_count(p));
    onus_page_raw(p, " <a href=\"#unproven\">");
    ONUS_FILL(p, ONUS_TEXT_OPEN_POINTS, ONUS_ANY(open));
    onus_page_raw(p, "</a></p>\n<ul>");
    quality(p);
    fairness(p);
    privacy(p);
    onus_page_raw(p, "</ul></div>\n");
}
