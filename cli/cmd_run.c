/* SPDX-License-Identifier: Apache-2.0
 * cmd_run.c - onus run and onus train: a recipe into a run folder. */
#include <stdio.h>

#include "cli.h"

static int64_t number(const onus_facts *facts, const char *name)
{
    const onus_field *f = onus_facts_find(facts, name);
    return f ? f->i : 0;
}

/* Which verdicts a replay finds again, and which rest on what this machine saw. */
static void print_met(const onus_run_result *r)
{
    const int64_t seen = number(r->facts, "policy.met.observed");
    printf("\npolicies met: %lld of %lld", (long long)r->policies_met, (long long)r->policies);
    if (seen > 0)
        printf(" (%lld by claims, %lld by observation)",
               (long long)number(r->facts, "policy.met.claims"), (long long)seen);
    printf("\n");
}

/* What follows the table: policies, and last where the report is. */
static void print_end(const onus_run_result *r, bool train_only)
{
    if (train_only) {
        printf("\nmodel: %s/model.safetensors\n", r->dir);
        return;
    }
    cli_print_policies(r->facts);
    if (r->policies > 0)
        print_met(r);
    else
        printf("\npolicies: none in the recipe\n");
    printf("report: %s/report.html\n", r->dir);
}

static int run(const char *name, bool train_only, int argc, const char **argv)
{
    onus_run_opts opts = {.train_only = train_only};
    int threads = CLI_UNSAID, resume = 0, json = 0, quiet = 0, all = 0, profile = 0;
    const char *words[1];
    const struct poptOption table[] = {
        {"out", 'o', POPT_ARG_STRING, &opts.out, 0, "run folder (default: runs/NAME-N)", "DIR"},
        {"resume", 'r', POPT_ARG_NONE, &resume, 0,
         "go on with the run in --out after a kill or Ctrl-C", NULL},
        {"key", 'k', POPT_ARG_STRING, &opts.key, 0,
         "private key that signs (default: a throw-away key)", "FILE"},
        {"profile", 'p', POPT_ARG_NONE, &profile, 0,
         "print where the time of training went (with --json on stderr)", NULL},
        {"all", 'a', POPT_ARG_NONE, &all, 0, "print every value, not the main ones only", NULL},
        CLI_THREADS(threads) CLI_JSON(json) CLI_QUIET(quiet) POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "RECIPE", words, 1, 1);
    if (code == EXIT_DONE) code = cli_at_least(name, "threads", threads, 1);
    if (code != EXIT_DONE) return code;
    opts.recipe = words[0];
    opts.threads = (int)cli_or_zero(threads);
    opts.resume = resume;
    opts.profile = profile;
    opts.progress = quiet ? NULL : cli_progress;
    opts.stop = cli_stop_flag();
    onus_run_result result = {.facts = NULL};
    onus_err err = {.code = ONUS_OK};
    if (onus_run(&opts, &result, &err) != ONUS_OK) return cli_fail(name, &err);
    cli_progress_end();
    code = cli_print(result.facts, json, all);
    if (result.profile) fprintf(json ? stderr : stdout, "\n%s", result.profile);
    if (!json) print_end(&result, train_only);
    const bool met = train_only || result.policies_met == result.policies;
    onus_run_result_release(&result);
    return code != EXIT_DONE ? code : met ? EXIT_DONE : EXIT_POLICY;
}

int cmd_run(int argc, const char **argv)
{
    return run("run", false, argc, argv);
}

int cmd_train(int argc, const char **argv)
{
    return run("train", true, argc, argv);
}
