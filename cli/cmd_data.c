/* SPDX-License-Identifier: Apache-2.0
 * cmd_data.c - onus data: the data sheet of a recipe's data. */
#include "cli.h"

int cmd_data(int argc, const char **argv)
{
    int json = 0;
    const char *words[1];
    const struct poptOption table[] = {CLI_JSON(json) POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "RECIPE", words, 1, 1);
    if (code != EXIT_DONE) return code;
    onus_facts *facts = NULL;
    onus_err err = {.code = ONUS_OK};
    if (onus_data_profile(words[0], &facts, NULL, &err) != ONUS_OK)
        return cli_fail("data", &err);
    code = cli_print(facts, json, true);
    onus_facts_destroy(facts);
    return code;
}
