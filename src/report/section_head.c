/* SPDX-License-Identifier: Apache-2.0
 * section_head.c - the top of the report: what the model is for, the summary, and one number of
 * each kind. */
#include <stdio.h>
#include <string.h>

#include "report/sections.h"

/* ---- facts of the run -------------------------------------------------------------------- */

static void meta(onus_page *p)
{
    onus_page_raw(p, "<dl class=\"meta\">");
    onus_term_open(p, ONUS_TEXT_RUN_BEGUN);
    onus_page_time(p, onus_page_entry(p, "run.begin", NULL));
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_MODEL);
    onus_page_word(p, onus_page_fact(p, "model.description"));
    onus_page_raw(p, ", ");
    ONUS_FILL(p, ONUS_TEXT_PARAMETERS, ONUS_COUNT(onus_page_fact(p, "model.parameters")));
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_DATA);
    ONUS_FILL(p, ONUS_TEXT_ROWS, ONUS_PEOPLE(onus_page_fact(p, "data.rows")));
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_MADE_BY);
    ONUS_FILL(p, ONUS_TEXT_MADE_BY_TEXT, ONUS_WORD(onus_page_fact(p, "run.version")),
              ONUS_COUNT(onus_page_fact(p, "run.numerics")),
              ONUS_WORD(onus_page_fact(p, "run.isa")),
              ONUS_COUNT(onus_page_fact(p, "run.threads")));
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_HEAD);
    onus_page_printf(
        p, "<a class=\"n\" href=\"#proof\"><code>%.4s %.4s %.4s %.4s\xe2\x80\xa6</code></a>",
        p->head, p->head + 4, p->head + 8, p->head + 12);
    onus_term_close(p);
    onus_page_raw(p, "</dl>\n");
}

/* ---- tiles ------------------------------------------------------------------------------- */

static void tile_open(onus_page *p, const char *style, const char *target, onus_text name)
{
    onus_page_printf(p, "<div class=\"tile %s\"><a class=\"k\" href=\"#%s\">", style, target);
    onus_page_say(p, name);
    onus_page_raw(p, "</a><span class=\"v\">");
}

static void tile_mid(onus_page *p)
{
    onus_page_raw(p, "</span><span class=\"d\">");
}

static void tile_close(onus_page *p)
{
    onus_page_raw(p, "</span></div>\n");
}

static void quality_tile(onus_page *p)
{
    static const struct {
        const char *name;
        onus_text text;
    } firsts[] = {{"rmse", ONUS_TEXT_RMSE},
                  {"perplexity", ONUS_TEXT_PERPLEXITY},
                  {"hamming_loss", ONUS_TEXT_HAMMING_LOSS},
                  {"accuracy", ONUS_TEXT_ACCURACY}};
    size_t k = 0;
    while (k < 3 && !onus_page_fact(p, "%s", firsts[k].name).event) k++;
    const char *name = firsts[k].name;
    const onus_fact f = onus_page_fact(p, "%s", name);
    tile_open(p, onus_verdict_style(p, ONUS_ABOUT_QUALITY), "quality", ONUS_TEXT_QUALITY);
    onus_page_number(p, f, 3);
    tile_mid(p);
    if (f.event) {
        onus_page_say(p, firsts[k].text);
        onus_page_raw(p, ", 95% ");
        onus_page_interval(p, name, 3);
    } else {
        onus_page_say(p, ONUS_TEXT_NOT_EVALUATED);
    }
    tile_close(p);
}

/* The attribute whose groups differ most: in what they are given, else in how right it is. */
static const struct {
    const char *name;
    onus_text text;
    double sign; /* the worst is the largest value times sign */
} worst_gaps[] = {{"demographic_parity_ratio", ONUS_TEXT_LOWEST_RATIO, -1},
                  {"accuracy_ratio", ONUS_TEXT_LOWEST_ACCURACY_RATIO, -1},
                  {"mae_difference", ONUS_TEXT_LARGEST_MAE_DIFFERENCE, 1}};

/* Writes the dotted name of the worst gap, and what it is about; false: there is none.
 * Intersections are left out. */
static bool worst_gap(onus_page *p, size_t k, char full[2048], onus_fairness_about *of)
{
    bool any = false;
    double worst = 0, v;
    for (const onus_entry *e = NULL; (e = onus_page_entry(p, "fairness", e)) != NULL;) {
        const onus_fairness_about about = onus_fairness_of(p, e);
        const onus_fact f = onus_entry_fact(e, "%s.%s", about.name, worst_gaps[k].name);
        if (strchr(about.attribute, '+') || !onus_fact_real(f, &v)) continue;
        if (any && v * worst_gaps[k].sign <= worst) continue;
        worst = v * worst_gaps[k].sign;
        *of = about;
        any = true;
        snprintf(full, 2048, "%s.%s", about.name, worst_gaps[k].name);
    }
    return any;
}

static void no_gap(onus_page *p)
{
    double asked = 1;
    const bool none = onus_fact_real(onus_page_fact(p, "run.protected"), &asked) && asked == 0;
    if (none)
        onus_page_say(p, ONUS_TEXT_NONE);
    else
        onus_page_number(p, (onus_fact){0}, 0);
    tile_mid(p);
    onus_page_say(p, none ? ONUS_TEXT_PROTECTED_NONE_SHORT : ONUS_TEXT_NO_RATIO);
}

static void fairness_tile(onus_page *p)
{
    char full[2048];
    onus_fairness_about of = {"", "", NULL};
    size_t k = 0;
    const size_t n = sizeof worst_gaps / sizeof *worst_gaps;
    while (k < n && !worst_gap(p, k, full, &of)) k++;
    tile_open(p, onus_verdict_style(p, ONUS_ABOUT_FAIRNESS), "fairness", ONUS_TEXT_FAIRNESS);
    if (k < n) {
        onus_page_number(p, onus_page_fact(p, "%s", full), 2);
        tile_mid(p);
        ONUS_FILL(p, worst_gaps[k].text, ONUS_PART(of.attribute));
        if (of.label) ONUS_FILL(p, ONUS_TEXT_BRIEF_GAP_LABEL, ONUS_PART(of.label));
        onus_page_raw(p, ", 95% ");
        onus_page_interval(p, full, 2);
    } else {
        no_gap(p);
    }
    tile_close(p);
}

static void privacy_tile(onus_page *p)
{
    const onus_fact epsilon = onus_page_fact(p, "privacy.epsilon");
    tile_open(p, onus_verdict_style(p, ONUS_ABOUT_PRIVACY), "privacy", ONUS_TEXT_PRIVACY);
    if (onus_fact_is(onus_page_fact(p, "run.privacy"), "off")) {
        onus_page_say(p, ONUS_TEXT_OFF);
        tile_mid(p);
        onus_page_say(p, ONUS_TEXT_PRIVACY_OFF_SHORT);
    } else {
        if (epsilon.event) onus_page_raw(p, "\xce\xb5\xc2\xa0");
        onus_page_number(p, epsilon, 3);
        tile_mid(p);
        ONUS_FILL(p, ONUS_TEXT_PRIVACY_SHORT,
                  ONUS_NUMBER(onus_page_fact(p, "privacy.delta"), 1));
    }
    tile_close(p);
}

/* The name of the heaviest column's weight: of the label, or of the label where it is heaviest.
 * Its column, and the label where there are several; false: nothing is explained. */
static bool heaviest(onus_page *p, const char *by, char full[2048], char column[2048],
                     const char **label)
{
    const onus_parts labels = onus_page_labels(p);
    double most = -1, v;
    *label = NULL;
    for (int64_t l = 0; l < labels.n || l == 0; l++) {
        char at[1024] = "", part[2048], name[2048];
        if (labels.n) snprintf(at, sizeof at, "label.%s.", labels.name[l]);
        const onus_fact columns = onus_page_fact(p, "%s%s.columns", at, by);
        if (onus_fact_size(columns) == 0 ||
            onus_name_part(part, sizeof part, onus_fact_item_text(columns, 0), NULL) != ONUS_OK)
            continue;
        snprintf(name, sizeof name, "%s%s.%.500s.mean_abs", at, by, part);
        if (!onus_fact_real(onus_page_fact(p, "%s", name), &v) || v <= most) continue;
        most = v;
        memcpy(full, name, sizeof name);
        memcpy(column, part, sizeof part);
        *label = labels.n ? labels.name[l] : NULL;
    }
    return most >= 0;
}

static void explain_tile(onus_page *p)
{
    char full[2048], part[2048];
    const char *label;
    const bool shapley = onus_page_entry(p, "explain", NULL);
    const char *by = shapley ? "explain" : "relevance";
    const onus_parts labels = onus_page_labels(p); /* texts of several: the first label's */
    const onus_fact largest =
        onus_page_fact(p, "%s%s%s%s.largest.share", labels.n ? "label." : "",
                       labels.n ? labels.name[0] : "", labels.n ? "." : "", by);
    tile_open(p, onus_verdict_style(p, ONUS_ABOUT_EXPLAIN), "explanation",
              ONUS_TEXT_EXPLANATION);
    if (heaviest(p, by, full, part, &label)) {
        onus_page_number(p, onus_page_fact(p, "%s", full), 3);
        tile_mid(p);
        ONUS_FILL(p, shapley ? ONUS_TEXT_WEIGHS_MOST : ONUS_TEXT_RELEVANCE_WEIGHS_MOST,
                  ONUS_PART(part));
        if (label) ONUS_FILL(p, ONUS_TEXT_BRIEF_GAP_LABEL, ONUS_PART(label));
    } else if (largest.event) {
        onus_page_percent(p, largest);
        tile_mid(p);
        onus_page_say(p, ONUS_TEXT_LARGEST_SHARE);
    } else if (onus_fact_is(onus_page_fact(p, "run.explain"), "off")) {
        onus_page_say(p, ONUS_TEXT_OFF);
        tile_mid(p);
        onus_page_say(p, ONUS_TEXT_EXPLAIN_OFF_SHORT);
    } else {
        onus_page_number(p, (onus_fact){0}, 0);
        tile_mid(p);
        onus_page_say(p, ONUS_TEXT_NOT_EXPLAINED);
    }
    tile_close(p);
}

static void energy_tile(onus_page *p)
{
    tile_open(p, onus_verdict_style(p, ONUS_ABOUT_ENERGY), "energy", ONUS_TEXT_ENERGY);
    onus_energy_joules(p, "energy.joules");
    tile_mid(p);
    ONUS_FILL(p, ONUS_TEXT_ENERGY_SHORT, ONUS_WORD(onus_page_fact(p, "energy.method")),
              ONUS_SMALL(onus_page_fact(p, "carbon.grams")));
    tile_close(p);
}

static void proof_tile(onus_page *p)
{
    tile_open(p, "none", "proof", ONUS_TEXT_PROOF);
    onus_page_printf(p, "%lld", (long long)p->n);
    tile_mid(p);
    onus_page_say(p, ONUS_TEXT_PROOF_SHORT);
    tile_close(p);
}

void onus_section_head(onus_page *p)
{
    onus_page_raw(p, "<header>");
    onus_page_tag(p, "<p class=\"eyebrow\">", ONUS_TEXT_REPORT);
    onus_page_raw(p, "<h1>");
    onus_page_word(p, onus_page_fact(p, "run.name"));
    onus_page_raw(p, "</h1>\n<p class=\"lead\">");
    const onus_fact purpose = onus_page_fact(p, "run.purpose");
    if (purpose.event)
        onus_page_word(p, purpose);
    else
        onus_page_say(p, ONUS_TEXT_PURPOSE_UNSAID);
    onus_page_raw(p, "</p>\n");
    onus_section_summary(p);
    meta(p);
    onus_page_raw(p, "</header>\n<div class=\"tiles\">");
    quality_tile(p);
    fairness_tile(p);
    privacy_tile(p);
    explain_tile(p);
    energy_tile(p);
    proof_tile(p);
    onus_page_raw(p, "</div>\n");
}
