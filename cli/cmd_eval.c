/* SPDX-License-Identifier: Apache-2.0
 * cmd_eval.c - onus eval: a run's model on a table, or predictions that somebody else made. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

enum { PROTECTED_MAX = 8 };

/* "sex,age" into words; the text is cut up in place. -1 where there are too many. */
static int64_t split(char *text, const char *words[PROTECTED_MAX])
{
    int64_t n = 0;
    for (char *word = strtok(text, ","); word; word = strtok(NULL, ",")) {
        if (n == PROTECTED_MAX) return -1;
        words[n++] = word;
    }
    return n;
}

int cmd_eval(int argc, const char **argv)
{
    onus_eval_opts opts = {.run = NULL};
    char *protected_ = NULL;
    const char *columns[PROTECTED_MAX], *words[1];
    int threads = CLI_UNSAID, json = 0, all = 0, regression = 0;
    const struct poptOption table[] = {
        {"data", 'd', POPT_ARG_STRING, &opts.data, 0,
         "table or text to evaluate a run's model on", "FILE"},
        {"predictions-out", 0, POPT_ARG_STRING, &opts.predictions_out, 0,
         "write predictions as CSV", "FILE"},
        {"predictions", 'p', POPT_ARG_STRING, &opts.predictions, 0,
         "CSV of predictions made elsewhere", "FILE"},
        {"label", 0, POPT_ARG_STRING, &opts.label, 0, "its column of true labels", "COL"},
        {"positive", 0, POPT_ARG_STRING, &opts.positive, 0,
         "the label's value that counts as 1", "V"},
        {"score", 0, POPT_ARG_STRING, &opts.score, 0, "its column of scores", "COL"},
        {"prediction", 0, POPT_ARG_STRING, &opts.prediction, 0,
         "its column of decisions (default: score >= 0.5)", "COL"},
        {"regression", 0, POPT_ARG_NONE, &regression, 0,
         "label and prediction are numbers, not classes", NULL},
        {"protected", 0, POPT_ARG_STRING, &protected_, 0, "its protected columns, by commas",
         "A,B"},
        {"all", 'a', POPT_ARG_NONE, &all, 0, "print every value, not the main ones only", NULL},
        CLI_THREADS(threads) CLI_JSON(json) POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv,
                         "RUN --data FILE | --predictions FILE --label COL ...", words, 0, 1);
    if (code == EXIT_DONE) code = cli_at_least("eval", "threads", threads, 1);
    if (code != EXIT_DONE) return code;
    opts.run = words[0];
    opts.threads = (int)cli_or_zero(threads);
    opts.protected_ = columns;
    opts.regression = regression != 0;
    opts.n_protected = protected_ ? split(protected_, columns) : 0;
    if (opts.n_protected < 0) {
        fprintf(stderr, "onus eval: --protected: at most %d columns\n", PROTECTED_MAX);
        return EXIT_USAGE;
    }
    onus_facts *facts = NULL;
    onus_err err = {.code = ONUS_OK};
    if (onus_eval(&opts, &facts, &err) != ONUS_OK) return cli_fail("eval", &err);
    code = cli_print(facts, json, all);
    onus_facts_destroy(facts);
    return code;
}
