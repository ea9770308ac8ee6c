/* SPDX-License-Identifier: Apache-2.0
 * cmd_names.c - onus names: every name that a result can have. */
#include "cli.h"

int cmd_names(int argc, const char **argv)
{
    const char *words[1];
    int json = 0;
    const struct poptOption table[] = {CLI_JSON(json) POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "[PATTERN]", words, 0, 1);
    if (code != EXIT_DONE) return code;
    onus_facts *facts = NULL;
    char *text = NULL;
    onus_err err = {.code = ONUS_OK};
    if (onus_names_list(words[0], &facts, &text, NULL, &err) != ONUS_OK)
        return cli_fail("names", &err);
    code = json ? cli_print(facts, true, true) : cli_print_text(text);
    onus_facts_destroy(facts);
    onus_text_free(NULL, text);
    return code;
}
