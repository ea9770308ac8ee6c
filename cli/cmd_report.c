/* SPDX-License-Identifier: Apache-2.0
 * cmd_report.c - onus report: the report, built again from a ledger, on stdout or into a file;
 * or its numbers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static int print_numbers(const char *run)
{
    onus_facts *facts = NULL;
    onus_err err = {.code = ONUS_OK};
    if (onus_report(run, &facts, NULL, NULL, &err) != ONUS_OK) return cli_fail("report", &err);
    const int code = cli_print(facts, true, true);
    onus_facts_destroy(facts);
    return code;
}

int cmd_report(int argc, const char **argv)
{
    const char *out = NULL, *words[1];
    int json = 0;
    const struct poptOption table[] = {
        {"out", 'o', POPT_ARG_STRING, &out, 0, "file to write (default: stdout)", "FILE"},
        CLI_JSON(json) POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "RUN", words, 1, 1);
    if (code != EXIT_DONE) return code;
    if (json && out) {
        fprintf(stderr, "onus report: --json prints numbers, --out writes the page\n");
        return EXIT_USAGE;
    }
    if (json) return print_numbers(words[0]);
    char *html = NULL;
    onus_err err = {.code = ONUS_OK};
    if (onus_report(words[0], NULL, &html, NULL, &err) != ONUS_OK)
        return cli_fail("report", &err);
    FILE *to = out ? fopen(out, "w") : stdout;
    bool good = to && fputs(html, to) >= 0 && fflush(to) == 0;
    const int why = errno;
    if (to && to != stdout) good = fclose(to) == 0 && good;
    if (!good)
        fprintf(stderr, "onus report: cannot write '%s': %s\n", out ? out : "stdout",
                strerror(why));
    onus_text_free(NULL, html);
    return good ? EXIT_DONE : EXIT_FAILED;
}
