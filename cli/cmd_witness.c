/* SPDX-License-Identifier: Apache-2.0
 * cmd_witness.c - onus witness: a stranger's name under a head. */
#include <stdio.h>

#include "cli.h"

int cmd_witness(int argc, const char **argv)
{
    onus_witness_opts opts = {.run = NULL};
    const char *words[1];
    int json = 0;
    const struct poptOption table[] = {{"key", 'k', POPT_ARG_STRING, &opts.key, 0,
                                        "your private key, made by onus keygen --witness",
                                        "FILE"},
                                       CLI_JSON(json) POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "RUN --key FILE", words, 1, 1);
    if (code != EXIT_DONE) return code;
    opts.run = words[0];
    onus_facts *facts = NULL;
    onus_err err = {.code = ONUS_OK};
    if (onus_witness(&opts, &facts, &err) != ONUS_OK) return cli_fail("witness", &err);
    if (json)
        code = cli_print(facts, true, true);
    else
        printf("witnessed: %s, %lld events, by '%s' at %s\n", words[0],
               (long long)onus_facts_find(facts, "witness.events")->i,
               onus_facts_find(facts, "witness.name")->text,
               onus_facts_find(facts, "witness.time")->text);
    onus_facts_destroy(facts);
    return code;
}
