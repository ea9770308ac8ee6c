/* SPDX-License-Identifier: Apache-2.0
 * cmd_run.c - onus run and onus train: a recipe into a run folder. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static int run(const char *name, bool train_only, int argc, const char **argv)
{
    onus_run_opts opts = {.train_only = train_only};
    int threads = 0, resume = 0, json = 0, quiet = 0, all = 0;
    const char *words[1];
    const struct poptOption table[] = {
        {"out", 'o', POPT_ARG_STRING, &opts.out, 0, "run folder (default: runs/NAME-N)", "DIR"},
        {"resume", 'r', POPT_ARG_NONE, &resume, 0, "go on with the run in --out after a kill",
         NULL},
        {"key", 'k', POPT_ARG_STRING, &opts.key, 0,
         "private key that signs (default: a throw-away key)", "FILE"},
        {"threads", 't', POPT_ARG_INT, &threads, 0,
         "threads (default: ONUS_THREADS, else all processors)", "N"},
        {"json", 'j', POPT_ARG_NONE, &json, 0, "print one JSON object by dotted names", NULL},
        {"all", 'a', POPT_ARG_NONE, &all, 0, "print every value, not the main ones only", NULL},
        {"quiet", 'q', POPT_ARG_NONE, &quiet, 0, "no progress", NULL},
        POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "RECIPE", words, 1, 1);
    if (code != EXIT_DONE) return code;
    opts.recipe = words[0];
    opts.threads = threads;
    opts.resume = resume;
    opts.progress = quiet ? NULL : cli_progress;
    opts.stop = cli_stop_flag();
    onus_run_result result = {.facts = NULL};
    onus_err err = {.code = ONUS_OK};
    if (onus_run(&opts, &result, &err) != ONUS_OK) {
        code = cli_fail(name, &err);
        if (err.code == ONUS_STOPPED && opts.out)
            fprintf(stderr, "  onus %s %s --out %s --resume goes on\n", name, words[0],
                    opts.out);
        return code;
    }
    cli_progress_end();
    code = cli_print(result.facts, json, all);
    if (!json && !train_only) {
        printf("\npolicies met: %lld of %lld\n", (long long)result.policies_met,
               (long long)result.policies);
        printf("report: %s/report.html\n", result.dir);
    } else if (!json) {
        printf("\nmodel: %s/model.safetensors\n", result.dir);
    }
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
