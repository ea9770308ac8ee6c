/* SPDX-License-Identifier: Apache-2.0
 * cmd_explain.c - onus explain: why this row, what matters overall. */
#include "cli.h"

int cmd_explain(int argc, const char **argv)
{
    onus_explain_opts opts = {.run = NULL};
    int threads = CLI_UNSAID, json = 0, rows = CLI_UNSAID, line = CLI_UNSAID;
    const char *words[1];
    const struct poptOption table[] = {
        {"recipe-dir", 0, POPT_ARG_STRING, &opts.recipe_dir, 0,
         "where the recipe's relative paths start", "DIR"},
        {"rows", 0, POPT_ARG_INT, &rows, 0,
         "rows of the test part (default: as the recipe says)", "N"},
        {"line", 0, POPT_ARG_INT, &line, 0,
         "one row: the one that starts on this line of the table", "N"},
        CLI_THREADS(threads) CLI_JSON(json) POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "RUN", words, 1, 1);
    if (code == EXIT_DONE) code = cli_at_least("explain", "threads", threads, 1);
    if (code == EXIT_DONE) code = cli_at_least("explain", "rows", rows, 1);
    if (code == EXIT_DONE) code = cli_at_least("explain", "line", line, 1);
    if (code != EXIT_DONE) return code;
    opts.run = words[0];
    opts.rows = cli_or_zero(rows);
    opts.line = cli_or_zero(line);
    opts.threads = (int)cli_or_zero(threads);
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
