/* SPDX-License-Identifier: Apache-2.0
 * cmd_explain.c - onus explain: why this row, what matters overall. */
#include "cli.h"

int cmd_explain(int argc, const char **argv)
{
    onus_explain_opts opts = {.run = NULL};
    int threads = 0, json = 0, rows = 0, line = 0;
    const char *words[1];
    const struct poptOption table[] = {
        {"rows", 0, POPT_ARG_INT, &rows, 0,
         "rows of the test part (default: as the recipe says)", "N"},
        {"line", 0, POPT_ARG_INT, &line, 0,
         "one row: the one that starts on this line of the table", "N"},
        {"threads", 't', POPT_ARG_INT, &threads, 0, "threads", "N"},
        {"json", 'j', POPT_ARG_NONE, &json, 0, "print one JSON object by dotted names", NULL},
        POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "RUN", words, 1, 1);
    if (code != EXIT_DONE) return code;
    opts.run = words[0];
    opts.rows = rows;
    opts.line = line;
    opts.threads = threads;
    onus_facts *facts = NULL;
    char *text = NULL;
    onus_err err = {.code = ONUS_OK};
    if (onus_explain_run(&opts, &facts, &text, &err) != ONUS_OK)
        return cli_fail("explain", &err);
    code = json ? cli_print(facts, true, true) : cli_print_text(text);
    onus_text_free(NULL, text);
    onus_facts_destroy(facts);
    return code;
}
