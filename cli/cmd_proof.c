/* SPDX-License-Identifier: Apache-2.0
 * cmd_proof.c - onus verify, replay, diff, keygen: what a stranger runs, and the key that an
 * owner makes. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* Notes on stdout, the error (if any) on stderr, the exit code. */
static int conclude(const char *command, onus_status st, char *notes, const onus_err *err)
{
    cli_progress_end();
    int code = notes ? cli_print_text(notes) : EXIT_DONE;
    onus_text_free(NULL, notes);
    return st == ONUS_OK ? code : cli_fail(command, err);
}

int cmd_verify(int argc, const char **argv)
{
    const char *key = NULL, *words[1];
    const struct poptOption table[] = {
        {"key", 'k', POPT_ARG_STRING, &key, 0, "public key (.pub) that you know", "FILE"},
        POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "RUN", words, 1, 1);
    if (code != EXIT_DONE) return code;
    char *notes = NULL;
    onus_err err = {.code = ONUS_OK};
    const onus_status st = onus_verify(words[0], key, &notes, NULL, &err);
    code = conclude("verify", st, notes, &err);
    if (code == EXIT_DONE) printf("verified: %s\n", words[0]);
    return code;
}

int cmd_replay(int argc, const char **argv)
{
    onus_replay_opts opts = {.run = NULL};
    int threads = 0, quiet = 0;
    long from = 0, to = 0;
    const char *words[1];
    const struct poptOption table[] = {
        {"from", 0, POPT_ARG_LONG, &from, 0, "start from the checkpoint of this step", "STEP"},
        {"to", 0, POPT_ARG_LONG, &to, 0, "end at the checkpoint of this step", "STEP"},
        {"recipe-dir", 0, POPT_ARG_STRING, &opts.recipe_dir, 0,
         "where the recipe's relative paths start", "DIR"},
        {"threads", 't', POPT_ARG_INT, &threads, 0, "threads", "N"},
        {"quiet", 'q', POPT_ARG_NONE, &quiet, 0, "no progress", NULL},
        POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "RUN", words, 1, 1);
    if (code != EXIT_DONE) return code;
    if (from < 0 || to < 0) {
        fprintf(stderr, "onus replay: --from and --to are steps, at least 1\n");
        return EXIT_USAGE;
    }
    opts.run = words[0];
    opts.from = from;
    opts.to = to;
    opts.threads = threads;
    opts.progress = quiet ? NULL : cli_progress;
    opts.stop = cli_stop_flag();
    char *notes = NULL;
    onus_err err = {.code = ONUS_OK};
    const onus_status st = onus_replay(&opts, &notes, &err);
    code = conclude("replay", st, notes, &err);
    if (code == EXIT_DONE) printf("replayed: %s\n", words[0]);
    return code;
}

int cmd_diff(int argc, const char **argv)
{
    const char *words[2];
    const struct poptOption table[] = {POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "RUN1 RUN2", words, 2, 2);
    if (code != EXIT_DONE) return code;
    char *notes = NULL;
    onus_err err = {.code = ONUS_OK};
    const onus_status st = onus_diff(words[0], words[1], &notes, NULL, &err);
    return conclude("diff", st, notes, &err);
}

int cmd_keygen(int argc, const char **argv)
{
    const char *name = NULL, *words[1];
    const struct poptOption table[] = {
        {"name", 'n', POPT_ARG_STRING, &name, 0,
         "the signer's name in the note (default: the file's name)", "NAME"},
        POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "FILE", words, 1, 1);
    if (code != EXIT_DONE) return code;
    const char *slash = strrchr(words[0], '/');
    onus_err err = {.code = ONUS_OK};
    if (onus_keygen(words[0], name ? name : slash ? slash + 1 : words[0], &err) != ONUS_OK)
        return cli_fail("keygen", &err);
    printf("%s (private: keep it) and %s.pub (give it to whoever verifies)\n", words[0],
           words[0]);
    return EXIT_DONE;
}
