/* SPDX-License-Identifier: Apache-2.0
 * Goal: the report says nothing that its ledger does not. Method: ledgers at random
 * (truth_ledger.h), their pages read back through the data-about and data-says that every
 * assertion carries, and compared with an oracle that reads the JSON alone (truth_oracle.h).
 * That the oracle has eyes is shown by pages that are spoilt: each must be found. */
#include "report/truth_ledger.h"
#include "report/truth_oracle.h"

#include <time.h>

#include "report/markup.h"

static uint64_t n_ledgers(uint64_t few)
{
    return getenv("ONUS_SLOW") ? 20 * few : getenv("ONUS_SHORT") ? few / 5 : few;
}

static void the_page_says_what_the_ledger_does(void **state)
{
    (void)state;
    oracle *o = calloc(1, sizeof *o);
    assert_non_null(o);
    for (uint64_t seed = 1; seed <= n_ledgers(2000); seed++) {
        fixture f;
        make_ledger(&f, seed);
        char *html = fixture_report(&f);
        truth_check(o, &f, html);
        if (seed % 16 == 0) (void)markup_check(html);
        if (o->n_faults) fail_msg("seed %llu: %s", (unsigned long long)seed, o->why);
        free(html);
        fixture_release(&f);
    }
    free(o);
}

/* ---- spoilt pages ------------------------------------------------------------------------ */

/* The page with the first `from` after `after` made `to`; NULL: it is not there. */
static char *spoilt(const char *html, const char *after, const char *from, const char *to)
{
    const char *start = strstr(html, after), *at = start ? strstr(start, from) : NULL;
    char *out = NULL;
    if (at && asprintf(&out, "%.*s%s%s", (int)(at - html), html, to, at + strlen(from)) < 0)
        out = NULL;
    return out;
}

static void a_spoilt_page_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *after, *from, *to;
    } spoil[] = {
        {"<ul>", "It does not treat groups alike", "No gap between groups is proven"},
        {"data-about=\"fairness\"", "data-says=\"proven\"", "data-says=\"not-proven\""},
        {"<div class=\"verdict", "verdict warn", "verdict ok"},
        {"<div class=\"verdict", "verdict none", "verdict ok"},
        {"<div class=\"tiles\">", "tile none", "tile ok"},
        {"<div class=\"tiles\">", "tile warn", "tile ok"},
        {"<div class=\"tiles\">", "tile seen", "tile ok"},
        {"<section id=\"policy\">", "chip seen", "chip ok"},
        {"<section id=\"policy\">", "chip warn", "chip ok"},
        {"<section id=\"policy\">", "data-says=\"open-up\"", "data-says=\"closed\""},
        {"id=\"gaps\"", "data-says=\"proven\"", "data-says=\"told\""},
        {"<ul>", "That is not proven to be", "That is proven to be"},
        {"<ul>", "is bounded", "is known"},
        {"<section id=\"unproven\">", "data-about=\"attack\"", "data-about=\"gone\""},
        {"<section id=\"unproven\">", "data-about=\"observed\"", "data-about=\"gone\""},
        {"<section id=\"unproven\">", "reason of the ledger itself</a>)",
         "nobody to count</a>)"},
    };
    enum { N = sizeof spoil / sizeof *spoil };
    int tried[N] = {0};
    oracle *o = calloc(1, sizeof *o);
    assert_non_null(o);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        fixture f;
        make_ledger(&f, seed);
        char *html = fixture_report(&f);
        for (int i = 0; i < N; i++) {
            char *bad = spoilt(html, spoil[i].after, spoil[i].from, spoil[i].to);
            if (!bad) continue;
            tried[i]++;
            truth_check(o, &f, bad);
            if (!o->n_faults)
                fail_msg("seed %llu: '%s' instead of '%s' is not found",
                         (unsigned long long)seed, spoil[i].to, spoil[i].from);
            free(bad);
        }
        free(html);
        fixture_release(&f);
    }
    free(o);
    for (int i = 0; i < N; i++)
        if (tried[i] == 0) fail_msg("no page has '%s'", spoil[i].from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_says_what_the_ledger_does),
        cmocka_unit_test(a_spoilt_page_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
