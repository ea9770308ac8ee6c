/* SPDX-License-Identifier: Apache-2.0
 * main.c - the table of commands, in the order in which a model lives. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, const char **argv);
    const char *help;
} commands[] = {
    {"run", cmd_run, "a recipe, from data to signed report"},
    {"data", cmd_data, "the data sheet of a recipe's data"},
    {"train", cmd_train, "train only: model, ledger, signed head"},
    {"eval", cmd_eval, "metrics of a model, or of predictions made elsewhere"},
    {"explain", cmd_explain, "why this row, what matters overall"},
    {"epsilon", cmd_epsilon, "what noise, sampling and steps cost, without a run"},
    {"report", cmd_report, "build the report again from a ledger"},
    {"verify", cmd_verify, "is a run intact, and who signed it"},
    {"replay", cmd_replay, "recompute a run, compare bits"},
    {"diff", cmd_diff, "where two runs part"},
    {"names", cmd_names, "every name that a result can have"},
    {"prove", cmd_prove, "one event under the signed head, for somebody else"},
    {"keygen", cmd_keygen, "make a key: a signer's, or a witness's"},
    {"witness", cmd_witness, "cosign a run's head"},
    {"stamp", cmd_stamp, "a time-stamp authority's token over a run's head"},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void help(FILE *to)
{
    fprintf(to,
            "onus %s: a model's whole life, with the burden of proof\n\nusage: onus COMMAND "
            "... (onus COMMAND --help)\n\n",
            ONUS_VERSION);
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-8s  %s\n", commands[i].name, commands[i].help);
    fprintf(to, "\nexit codes: 0 done, 1 failed (or a mismatch found), 2 wrong usage, 3 policy "
                "not met\n"
                "environment: ONUS_THREADS=N, ONUS_ISA=ref|avx2|avx512|neon\n");
}

/* Edits (insert, drop, change a letter) from one word to another; words are short. */
static int distance(const char *a, const char *b)
{
    int row[32];
    const int n = (int)strlen(a), m = (int)strlen(b);
    if (n > 30 || m > 30) return 99;
    for (int j = 0; j <= m; j++) row[j] = j;
    for (int i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            const int up = row[j], change = diagonal + (a[i - 1] != b[j - 1]);
            const int insert = (up < row[j - 1] ? up : row[j - 1]) + 1;
            row[j] = change < insert ? change : insert;
            diagonal = up;
        }
    }
    return row[m];
}

static int no_command(const char *word)
{
    const char *near_ = NULL;
    int best = 3;
    for (int i = 0; i < N_COMMANDS; i++) {
        const int d = distance(word, commands[i].name);
        if (d < best) {
            best = d;
            near_ = commands[i].name;
        }
    }
    fprintf(stderr, "onus: no command '%s'", word);
    if (near_) fprintf(stderr, ", did you mean '%s'?", near_);
    fprintf(stderr, " (onus --help lists them)\n");
    return EXIT_USAGE;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        help(stdout);
        return EXIT_DONE;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("onus %s, numerics contract %d\n", ONUS_VERSION, ONUS_NUMERICS_VERSION);
        return EXIT_DONE;
    }
    for (int i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, (const char **)(argv + 1));
    }
    return no_command(argv[1]);
}

/* A run holds the key of its noise, and keys that sign: a crash writes no picture of memory to
 * the disk, and other programs of the user read none. The library leaves this to its host. */
static void keep_memory_private(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* where the core is piped to a program, too */
}

/* What was printed is on its way, or the program did not do what it was asked for. */
int main(int argc, char **argv)
{
    keep_memory_private();
    (void)signal(SIGXFSZ, SIG_IGN); /* too large a file is a failed write: it tells its name */
    const int code = dispatch(argc, argv);
    if (code != EXIT_DONE || (fflush(stdout) == 0 && !ferror(stdout))) return code;
    fprintf(stderr, "onus: cannot write the results\n");
    return EXIT_FAILED;
}
