/* SPDX-License-Identifier: Apache-2.0
 * common.c - options, errors and exit codes of the commands. */
#include <stdio.h>

#include "cli.h"

static poptContext context; /* lives as long as the program: words point into it */

/* Positional words; one too many or too few is a usage error. */
static int take_words(const char *name, const char *usage, const char *words[], int n_min,
                      int n_max)
{
    int n = 0;
    const char *word;
    while ((word = poptGetArg(context)) != NULL) {
        if (n == n_max) {
            fprintf(stderr, "%s: '%s' is one word too many (%s --help)\n", name, word, name);
            return EXIT_USAGE;
        }
        words[n++] = word;
    }
    for (int i = n; i < n_max; i++) words[i] = NULL;
    if (n >= n_min) return EXIT_DONE;
    fprintf(stderr, "usage: %s %s (%s --help)\n", name, usage, name);
    return EXIT_USAGE;
}

int cli_parse(const struct poptOption *table, int argc, const char **argv, const char *usage,
              const char *words[], int n_min, int n_max)
{
    static char name[64];
    snprintf(name, sizeof name, "onus %s", argv[0]);
    argv[0] = name; /* what popt prints in front of the usage */
    context = poptGetContext(name, argc, argv, table, 0);
    if (!context) {
        fprintf(stderr, "%s: out of memory\n", name);
        return EXIT_FAILED;
    }
    poptSetOtherOptionHelp(context, usage);
    const int rc = poptGetNextOpt(context);
    if (rc < -1) {
        fprintf(stderr, "%s: %s: %s (%s --help)\n", name,
                poptBadOption(context, POPT_BADOPTION_NOALIAS), poptStrerror(rc), name);
        return EXIT_USAGE;
    }
    return take_words(name, usage, words, n_min, n_max);
}

int cli_at_least(const char *command, const char *option, long value, long least)
{
    if (value == CLI_UNSAID || value >= least) return EXIT_DONE;
    fprintf(stderr, "onus %s: --%s: %ld, expected at least %ld (onus %s --help)\n", command,
            option, value, least, command);
    return EXIT_USAGE;
}

long cli_or_zero(long value)
{
    return value == CLI_UNSAID ? 0 : value;
}

int64_t cli_count(char *const *words)
{
    int64_t n = 0;
    while (words && words[n]) n++;
    return n;
}

int cli_fail(const char *command, const onus_err *err)
{
    cli_progress_end();
    fprintf(stderr, "onus %s: %s\n", command, err->msg);
    if (err->hint[0]) fprintf(stderr, "  %s\n", err->hint);
    return err->code == ONUS_BAD_ARG ? EXIT_USAGE : EXIT_FAILED;
}
