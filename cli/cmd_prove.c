/* SPDX-License-Identifier: Apache-2.0
 * cmd_prove.c - onus prove: one event of a run, for somebody who gets nothing else of it; and
 * the check of such a proof. */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"

static int usage(const char *what)
{
    fprintf(stderr, "onus prove: %s (onus prove --help)\n", what);
    return EXIT_USAGE;
}

static int check(const onus_prove_check_opts *opts, bool json)
{
    onus_facts *facts = NULL;
    char *line = NULL;
    onus_err err = {.code = ONUS_OK};
    int code = EXIT_DONE;
    const onus_status st = onus_prove_check(opts, &facts, &line, &err);
    if (json && facts) {
        code = cli_print(facts, true, true);
    } else if (st == ONUS_OK) {
        char said[1024]; /* the origin is the other side's word */
        const long long n = onus_facts_find(facts, "prove.witnesses")->i;
        snprintf(said, sizeof said,
                 "\nproven: event %lld of %lld of '%s', signed by '%s', %lld witness%s\n",
                 (long long)onus_facts_find(facts, "prove.event")->i,
                 (long long)onus_facts_find(facts, "prove.events")->i,
                 onus_facts_find(facts, "prove.origin")->text,
                 onus_facts_find(facts, "prove.signer")->text, n, n == 1 ? "" : "es");
        code = cli_print_text(line);
        if (code == EXIT_DONE) code = cli_print_text(said);
    }
    onus_facts_destroy(facts);
    onus_text_free(NULL, line);
    return st == ONUS_OK ? code : cli_fail("prove", &err);
}

static int write_proof(const char *run, const char *event)
{
    char *end;
    const onus_prove_opts opts = {.run = run, .event = strtoll(event, &end, 10)};
    if (*end || end == event) return usage("expected the number of an event");
    char *proof = NULL;
    onus_err err = {.code = ONUS_OK};
    if (onus_prove(&opts, &proof, &err) != ONUS_OK) return cli_fail("prove", &err);
    const int code = cli_print_text(proof);
    onus_text_free(NULL, proof);
    return code;
}

int cmd_prove(int argc, const char **argv)
{
    onus_prove_check_opts opts = {.proof = NULL};
    char **witnesses = NULL;
    const char *words[2];
    int json = 0;
    const struct poptOption table[] = {{"check", 0, POPT_ARG_STRING, &opts.proof, 0,
                                        "check this proof, show what it proves", "FILE"},
                                       {"key", 'k', POPT_ARG_STRING, &opts.key, 0,
                                        "with --check: the signer's public key", "FILE"},
                                       CLI_WITNESSES(witnesses) CLI_JSON(json)
                                           POPT_AUTOHELP POPT_TABLEEND};
    int code =
        cli_parse(table, argc, argv, "RUN EVENT > FILE | --check FILE --key FILE", words, 0, 2);
    if (code != EXIT_DONE) return code;
    opts.witnesses = (const char *const *)witnesses;
    opts.n_witnesses = cli_count(witnesses);
    if (opts.proof) {
        if (words[0]) return usage("--check takes no run");
        return opts.key ? check(&opts, json) : usage("--check needs the signer's --key");
    }
    if (!words[0] || !words[1]) return usage("a run folder and the number of an event");
    if (opts.key || witnesses || json) return usage("--key, --witness, --json go with --check");
    return write_proof(words[0], words[1]);
}
