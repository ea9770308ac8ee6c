/* SPDX-License-Identifier: Apache-2.0
 * cmd_proof.c - onus verify, replay, diff, keygen: what a stranger runs, and the key that an
 * owner makes. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* Notes (or facts as JSON) on stdout, the error (if any) on stderr, the exit code. */
static int conclude(const char *command, onus_status st, onus_facts *facts, char *notes,
                    bool json, const onus_err *err)
{
    cli_progress_end();
    int code = EXIT_DONE;
    if (json && facts)
        code = cli_print(facts, true, true);
    else if (!json && notes)
        code = cli_print_text(notes);
    onus_facts_destroy(facts);
    onus_text_free(NULL, notes);
    return st == ONUS_OK ? code : cli_fail(command, err);
}

int cmd_verify(int argc, const char **argv)
{
    onus_verify_opts opts = {.run = NULL};
    char **witnesses = NULL;
    const char *words[1];
    int json = 0;
    const struct poptOption table[] = {
        {"key", 'k', POPT_ARG_STRING, &opts.key, 0, "public key (.pub) that you know", "FILE"},
        CLI_WITNESSES(witnesses){"tsa-cert", 0, POPT_ARG_STRING, &opts.tsa_cert, 0,
                                 "certificates (PEM) that you know: the run must have a time "
                                 "stamp that leads to one",
                                 "FILE"},
        CLI_JSON(json) POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "RUN", words, 1, 1);
    if (code != EXIT_DONE) return code;
    opts.run = words[0];
    opts.witnesses = (const char *const *)witnesses;
    opts.n_witnesses = cli_count(witnesses);
    onus_facts *facts = NULL;
    char *notes = NULL;
    onus_err err = {.code = ONUS_OK};
    const onus_status st = onus_verify(&opts, &facts, &notes, &err);
    code = conclude("verify", st, facts, notes, json, &err);
    if (code == EXIT_DONE && !json)
        printf(opts.key ? "verified: %s\n"
                        : "intact since it was signed; signer unknown; claims not recomputed: "
                          "%s\n",
               words[0]);
    return code;
}

/* Not a stretch, not a sample. */
static bool is_whole(const onus_facts *facts)
{
    const onus_field *verdict = onus_facts_find(facts, "replay.verdict");
    return verdict && strcmp(verdict->text, "same") == 0;
}

int cmd_replay(int argc, const char **argv)
{
    onus_replay_opts opts = {.run = NULL};
    int threads = CLI_UNSAID, quiet = 0, json = 0;
    long from = CLI_UNSAID, to = CLI_UNSAID, sample = CLI_UNSAID;
    const char *words[1];
    const struct poptOption table[] = {
        {"from", 0, POPT_ARG_LONG, &from, 0, "start from the checkpoint of this step", "STEP"},
        {"to", 0, POPT_ARG_LONG, &to, 0, "end at the checkpoint of this step", "STEP"},
        {"sample", 0, POPT_ARG_LONG, &sample, 0,
         "recompute K of the stretches between checkpoints, drawn by --seed", "K"},
        {"seed", 0, POPT_ARG_STRING, &opts.seed, 0,
         "what draws the sample: your own choice, not told to the owner before", "TEXT"},
        {"recipe-dir", 0, POPT_ARG_STRING, &opts.recipe_dir, 0,
         "where the recipe's relative paths start", "DIR"},
        CLI_THREADS(threads) CLI_JSON(json) CLI_QUIET(quiet) POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "RUN", words, 1, 1);
    if (code == EXIT_DONE) code = cli_at_least("replay", "threads", threads, 1);
    if (code == EXIT_DONE) code = cli_at_least("replay", "from", from, 1);
    if (code == EXIT_DONE) code = cli_at_least("replay", "to", to, 1);
    if (code == EXIT_DONE) code = cli_at_least("replay", "sample", sample, 1);
    if (code != EXIT_DONE) return code;
    opts.run = words[0];
    opts.from = cli_or_zero(from);
    opts.to = cli_or_zero(to);
    opts.sample = cli_or_zero(sample);
    opts.threads = (int)cli_or_zero(threads);
    opts.progress = quiet ? NULL : cli_progress;
    opts.stop = cli_stop_flag();
    onus_facts *facts = NULL;
    char *notes = NULL;
    onus_err err = {.code = ONUS_OK};
    const onus_status st = onus_replay(&opts, &facts, &notes, &err);
    const bool whole = st == ONUS_OK && is_whole(facts);
    code = conclude("replay", st, facts, notes, json, &err);
    if (code == EXIT_DONE && !json)
        printf("replayed%s: %s\n", whole ? "" : " in part", words[0]);
    return code;
}

int cmd_diff(int argc, const char **argv)
{
    const char *words[2];
    int json = 0;
    const struct poptOption table[] = {CLI_JSON(json) POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "RUN1 RUN2", words, 2, 2);
    if (code != EXIT_DONE) return code;
    onus_facts *facts = NULL;
    char *notes = NULL;
    onus_err err = {.code = ONUS_OK};
    const onus_status st = onus_diff(words[0], words[1], &facts, &notes, NULL, &err);
    return conclude("diff", st, facts, notes, json, &err);
}

int cmd_keygen(int argc, const char **argv)
{
    const char *name = NULL, *words[1];
    int json = 0, witness = 0;
    const struct poptOption table[] = {
        {"name", 'n', POPT_ARG_STRING, &name, 0,
         "the signer's name in the note (default: the file's name)", "NAME"},
        {"witness", 'w', POPT_ARG_NONE, &witness, 0, "a key for onus witness", NULL},
        CLI_JSON(json) POPT_AUTOHELP POPT_TABLEEND};
    int code = cli_parse(table, argc, argv, "FILE", words, 1, 1);
    if (code != EXIT_DONE) return code;
    const char *slash = strrchr(words[0], '/');
    onus_err err = {.code = ONUS_OK};
    onus_facts *facts = NULL;
    const onus_keygen_opts opts = {.path = words[0],
                                   .name = name    ? name
                                           : slash ? slash + 1
                                                   : words[0],
                                   .witness = witness != 0};
    if (onus_keygen(&opts, &facts, &err) != ONUS_OK) return cli_fail("keygen", &err);
    if (json) code = cli_print(facts, true, true);
    onus_facts_destroy(facts);
    if (json) return code;
    printf("%s (private: keep it)\n%s.pub (give it to whoever verifies)\n", words[0], words[0]);
    return EXIT_DONE;
}
