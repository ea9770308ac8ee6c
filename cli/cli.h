/* SPDX-License-Identifier: Apache-2.0
 * cli.h - what the commands share: options, results on stdout, messages on stderr, exit codes.
 * The program adds nothing to the library: it sees onus.h only. */
#ifndef ONUS_CLI_H
#define ONUS_CLI_H
#include <onus.h>
#include <popt.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_POLICY = 3 };

/* Options that several commands have. */
#define CLI_JSON(at) \
    {"json", 'j', POPT_ARG_NONE, &(at), 0, "print one JSON object by dotted names", NULL},
#define CLI_QUIET(at) {"quiet", 'q', POPT_ARG_NONE, &(at), 0, "no progress", NULL},
#define CLI_THREADS(at)                                                      \
    {"threads", 't', POPT_ARG_INT,                                           \
     &(at),     0,   "threads (default: ONUS_THREADS, else all processors)", \
     "N"},
#define CLI_WITNESSES(at)                                                                     \
    {"witness", 'w', POPT_ARG_ARGV,                                                           \
     &(at),     0,   "public key (.pub) of a witness that must have signed; may be repeated", \
     "FILE"},
enum { CLI_UNSAID = -0x7fffffff }; /* the value of a number that was not given */

/* EXIT_USAGE and one line where a number was given and is below `least`. */
int cli_at_least(const char *command, const char *option, long value, long least);
/* The library's "default": 0 where it was not given. */
long cli_or_zero(long value);
/* Words of a POPT_ARG_ARGV; NULL has none. */
int64_t cli_count(char *const *words);
/* Parses argv by the table; positional words go to words[n_min .. n_max], NULL after the last.
 * usage: "RECIPE [--out DIR]". Returns EXIT_DONE, or EXIT_USAGE after one line on stderr.
 * --help prints the table and ends the program with 0. */
int cli_parse(const struct poptOption *table, int argc, const char **argv, const char *usage,
              const char *words[], int n_min, int n_max);
/* The line of an error (and its hint) on stderr; the exit code for it. */
int cli_fail(const char *command, const onus_err *err);
/* Facts as JSON, or as a table of name, value, interval, verdict: the main ones, or all.
 * EXIT_DONE, or EXIT_FAILED where stdout cannot be written. */
int cli_print(const onus_facts *facts, bool json, bool all);
/* Demand, found, verdict of every policy. */
void cli_print_policies(const onus_facts *facts);
int cli_print_text(const char *text);
/* A bar on a terminal, plain lines elsewhere; both on stderr. */
void cli_progress(void *ctx, const onus_progress *p);
void cli_progress_end(void);
bool cli_is_terminal(int fd); /* one that can draw a line again */
int cli_width(int fd);        /* columns; 80 where it is no terminal */
/* Set to 1 by SIGINT and SIGTERM. */
const volatile int *cli_stop_flag(void);

int cmd_run(int argc, const char **argv);
int cmd_data(int argc, const char **argv);
int cmd_train(int argc, const char **argv);
int cmd_epsilon(int argc, const char **argv);
int cmd_eval(int argc, const char **argv);
int cmd_explain(int argc, const char **argv);
int cmd_report(int argc, const char **argv);
int cmd_prove(int argc, const char **argv);
int cmd_stamp(int argc, const char **argv);
int cmd_witness(int argc, const char **argv);
int cmd_verify(int argc, const char **argv);
int cmd_replay(int argc, const char **argv);
int cmd_diff(int argc, const char **argv);
int cmd_names(int argc, const char **argv);
int cmd_keygen(int argc, const char **argv);
#endif
