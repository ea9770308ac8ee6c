/* SPDX-License-Identifier: Apache-2.0
 * Goal: the report says what relevance and explained texts and pictures found: where the shares
 * lie, how far they fail to add up, "undefined" where no text has any, "not proven" where too
 * much is left over. Method: ledgers written by hand, read back by the strict reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "report/markup.h"
#include "report/report.h"

#include "report/report_fixture.h"

#define COMMON(by, residual, shared)                                                \
    "\"" by ".method\":\"a method\",\"" by ".of\":\"log-odds of good\",\"" by       \
    ".rows\":50,\"" by ".residual\":" residual ",\"relevance.shared.mean\":" shared \
    ",\"relevance.reference\":\"what it was compared with\""
#define PLACES(by, first)                                                                   \
    ",\"" by ".texts\":50,\"" by ".tokens\":14.2,\"" by ".place.1.share\":" first ",\"" by  \
    ".place.2.share\":0.2,\"" by ".place.3.share\":0.3,\"" by ".place.4.share\":0.25,\"" by \
    ".largest.share\":0.228,\"" by ".largest_three.share\":0.5,\"" by                       \
    ".unknown.share\":0.1,\"" by ".unknown.tokens\":0.125"

static char *report_of(const char *type1, const char *claim1, const char *type2,
                       const char *claim2)
{
    fixture f;
    fixture_init(&f);
    fixture_begin(&f, false);
    fixture_add(&f, type1, claim1, "");
    if (type2) fixture_add(&f, type2, claim2, "");
    char *html = fixture_report(&f);
    (void)markup_check(html);
    fixture_release(&f);
    return html;
}

static void says(const char *html, const char *what)
{
    if (!strstr(html, what)) fail_msg("the report lacks '%s'", what);
}

static void texts_have_their_shares(void **state)
{
    (void)state;
    char *html =
        report_of("explain", "{" COMMON("explain", "1e-17", "1") PLACES("explain", "0.25") "}",
                  "relevance",
                  "{" COMMON("relevance", "7.5e-7", "0.683")
                      PLACES("relevance", "\"undefined\"") ",\"relevance.agreement\":"
                                                           "0.943,\"relevance."
                                                           "agreement.n\":50}");
    says(html, "on average over <a");
    says(html, "the first quarter of its tokens</th><td class=\"num\"><a");
    says(html, ">25.0%</a>");
    says(html, "undefined");
    says(html, ">22.8%</a>"); /* the tile, too */
    says(html, "lies on its largest token");
    says(html, ">0.943</a>");
    says(html, "what it was compared with");
    says(html, "private/explanations.html alone");
    assert_null(strstr(html, "more than a hundredth of what was to be shared"));
    free(html);
}

static void what_is_left_over_is_not_proven(void **state)
{
    (void)state;
    static const char *const residuals[] = {"0.0069", "\"undefined\"", "0.0068"};
    for (int i = 0; i < 3; i++) {
        char claim[2048];
        snprintf(claim, sizeof claim,
                 "{\"relevance.method\":\"a\",\"relevance.rows\":50,\"relevance.residual\":%s,"
                 "\"relevance.shared.mean\":0.683,\"relevance.columns\":[\"age\"],"
                 "\"relevance.protected\":[],\"relevance.age.mean_abs\":0.25}",
                 residuals[i]);
        char *html = report_of("relevance", claim, NULL, NULL);
        const bool open = strstr(html, "more than a hundredth of what was to be shared");
        assert_true(open == (i < 2));
        says(html, "By relevance");
        says(html, "mean |relevance| of");
        assert_null(strstr(html, "no explanation is in the ledger"));
        free(html);
    }
}

static void pictures_have_a_map(void **state)
{
    (void)state;
    char *html = report_of(
        "relevance",
        "{" COMMON("relevance", "1e-7",
                   "9") ",\"relevance.map.rows\":2,\"relevance.map.columns\":2,\"relevance."
                        "map\":[0,1,0.5,"
                        "0.1],\"relevance.columns\":[\"pixel_1\"],\"relevance.protected\":[],"
                        "\"relevance.pixel_1.mean_abs\":1}",
        NULL, NULL);
    says(html, "<svg class=\"heat\" viewBox=\"0 0 2 2\"");
    says(html, "<path class=\"up t4\" d=\"M1 0 L2 0 L2 1 L1 1\"/>");
    says(html, "<path class=\"up t2\" d=\"M0 1 L1 1 L1 2 L0 2\"/>");
    says(html, "<path class=\"up t1\" d=\"M1 1 L2 1 L2 2 L1 2\"/>");
    assert_null(strstr(html, "d=\"M0 0 L")); /* nothing there */
    free(html);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_have_their_shares),
        cmocka_unit_test(what_is_left_over_is_not_proven),
        cmocka_unit_test(pictures_have_a_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
