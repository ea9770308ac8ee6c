/* SPDX-License-Identifier: Apache-2.0
 * cmd_stamp.c - onus stamp: an authority's time over a head. */
#include <stdio.h>

#include "cli.h"

int cmd_stamp(int argc, const char **argv)
{
    onus_stamp_opts opts = {.run = NULL};
    const char *words[1];
    int json = 0;
    const struct poptOption table[] = {
        {"request", 0, POPT_ARG_STRING, &opts.request, 0,
         "write the query, for you to send to an authority", "FILE"},
        {"token", 0, POPT_ARG_STRING, &opts.token, 0, "keep this reply, or token", "FILE"},
        {"url", 0, POPT_ARG_STRING, &opts.url, 0, "ask this authority (http:// only)", "URL"},
        CLI_JSON(json) POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "RUN --request FILE | --token FILE | --url URL",
                         words, 1, 1);
    if (code != EXIT_DONE) return code;
    opts.run = words[0];
    onus_facts *facts = NULL;
    onus_err err = {.code = ONUS_OK};
    if (onus_stamp(&opts, &facts, &err) != ONUS_OK) return cli_fail("stamp", &err);
    if (json)
        code = cli_print(facts, true, true);
    else if (opts.request)
        printf("%s (a query of type application/timestamp-query; the reply: onus stamp %s "
               "--token FILE)\n",
               opts.request, words[0]);
    else
        printf("stamped: %s, %s says its authority; whether you know it: onus verify "
               "--tsa-cert FILE\n",
               onus_facts_find(facts, "stamp.file")->text,
               onus_facts_find(facts, "stamp.time")->text);
    onus_facts_destroy(facts);
    return code;
}
