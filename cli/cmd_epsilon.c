/* SPDX-License-Identifier: Apache-2.0
 * cmd_epsilon.c - onus epsilon: what noise costs, without a run. */
#include <stdio.h>

#include "cli.h"

static const double unsaid = -0x1.8p1000; /* nobody asks for this, nor is it a NaN */

/* EXIT_USAGE and one line where an option was left out. */
static int said(bool is, const char *option)
{
    if (is) return EXIT_DONE;
    fprintf(stderr, "onus epsilon: --%s is missing (onus epsilon --help)\n", option);
    return EXIT_USAGE;
}

int cmd_epsilon(int argc, const char **argv)
{
    double noise = unsaid, rate = unsaid, delta = unsaid;
    long long steps = CLI_UNSAID;
    int json = 0;
    const struct poptOption table[] = {
        {"noise", 0, POPT_ARG_DOUBLE, &noise, 0,
         "noise multiplier (privacy.noise_multiplier); what computing adds is not counted",
         "SIGMA"},
        {"sampling-rate", 0, POPT_ARG_DOUBLE, &rate, 0,
         "probability with which a row enters a step, at most 1", "Q"},
        {"steps", 0, POPT_ARG_LONGLONG, &steps, 0, "steps of the whole training", "N"},
        {"delta", 0, POPT_ARG_DOUBLE, &delta, 0, "well below 1 / rows", "DELTA"},
        CLI_JSON(json) POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv,
                         "--noise SIGMA --sampling-rate Q --steps N --delta DELTA", NULL, 0, 0);
    if (code == EXIT_DONE) code = said(noise != unsaid, "noise");
    if (code == EXIT_DONE) code = said(rate != unsaid, "sampling-rate");
    if (code == EXIT_DONE) code = said(steps != CLI_UNSAID, "steps");
    if (code == EXIT_DONE) code = said(delta != unsaid, "delta");
    if (code != EXIT_DONE) return code;
    onus_facts *facts = NULL;
    char *text = NULL;
    onus_err err = {.code = ONUS_OK};
    if (onus_epsilon(noise, rate, steps, delta, &facts, &text, NULL, &err) != ONUS_OK)
        return cli_fail("epsilon", &err);
    code = json ? cli_print(facts, true, true) : cli_print_text(text);
    onus_facts_destroy(facts);
    onus_text_free(NULL, text);
    return code;
}
