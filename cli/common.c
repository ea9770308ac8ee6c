/* SPDX-License-Identifier: Apache-2.0
 * common.c - options, tables, errors and progress of the commands. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"

int cli_parse(const struct poptOption *table, int argc, const char **argv, const char *usage,
              const char *words[], int n_min, int n_max)
{
    char name[64];
    snprintf(name, sizeof name, "onus %s", argv[0]);
    const char *saved = argv[0];
    argv[0] = name; /* what popt prints in front of the usage */
    poptContext ctx = poptGetContext(name, argc, argv, table, 0);
    poptSetOtherOptionHelp(ctx, usage);
    const int rc = poptGetNextOpt(ctx);
    int code = EXIT_DONE, n = 0;
    if (rc < -1) {
        fprintf(stderr, "%s: %s: %s (%s --help)\n", name,
                poptBadOption(ctx, POPT_BADOPTION_NOALIAS), poptStrerror(rc), name);
        code = EXIT_USAGE;
    }
    const char *word;
    while (code == EXIT_DONE && (word = poptGetArg(ctx)) != NULL) {
        if (n == n_max) {
            fprintf(stderr, "%s: '%s' is one word too many (%s --help)\n", name, word, name);
            code = EXIT_USAGE;
        } else {
            words[n++] = strdup(word); /* lives as long as the program */
        }
    }
    if (code == EXIT_DONE && n < n_min) {
        fprintf(stderr, "usage: %s %s\n", name, usage);
        code = EXIT_USAGE;
    }
    for (; n < n_max; n++) words[n] = NULL;
    poptFreeContext(ctx);
    argv[0] = saved;
    return code;
}

int cli_fail(const char *command, const onus_err *err)
{
    cli_progress_end();
    fprintf(stderr, "onus %s: %s\n", command, err->msg);
    if (err->hint[0]) fprintf(stderr, "  %s\n", err->hint);
    return err->code == ONUS_BAD_ARG ? EXIT_USAGE : EXIT_FAILED;
}

/* ---- results ----------------------------------------------------------------------------- */

int cli_print_text(const char *text)
{
    return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? EXIT_FAILED : EXIT_DONE;
}

static int print_json(const onus_facts *facts)
{
    char *text = NULL;
    onus_err err = {.code = ONUS_OK};
    if (onus_facts_text(facts, &text, NULL, &err) != ONUS_OK) return cli_fail("json", &err);
    int code = cli_print_text(text);
    if (code == EXIT_DONE) code = cli_print_text("\n");
    onus_text_free(NULL, text);
    return code;
}

static void format(const onus_field *f, char *out, size_t size)
{
    switch (f ? f->kind : ONUS_FIELD_UNDEFINED) {
    case ONUS_FIELD_INT: snprintf(out, size, "%lld", (long long)f->i); break;
    case ONUS_FIELD_REAL: snprintf(out, size, "%.6g", f->r); break;
    case ONUS_FIELD_TEXT: snprintf(out, size, "%s", f->text); break;
    default: snprintf(out, size, "undefined"); break;
    }
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* What stands beside a value rather than for itself. */
static bool is_detail(const char *name)
{
    static const char *const ends[] = {".lower", ".upper", ".n", ".method", ".se", ".reason"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (ends_with(name, ends[i])) return true;
    }
    return false;
}

static const onus_field *beside(const onus_facts *facts, const char *name, const char *end)
{
    char full[1024];
    snprintf(full, sizeof full, "%s%s", name, end);
    return onus_facts_find(facts, full);
}

/* The verdict of the policies that name this value: the worst of them. */
static const char *verdict_on(const onus_facts *facts, const char *name)
{
    const char *found = "";
    for (int i = 1;; i++) {
        char key[64];
        snprintf(key, sizeof key, "policy.%d.name", i);
        const onus_field *named = onus_facts_find(facts, key);
        if (!named) return found;
        const size_t n = strlen(name);
        const bool mine = strncmp(named->text, name, n) == 0 &&
                          (!named->text[n] || !strcmp(named->text + n, ".lower") ||
                           !strcmp(named->text + n, ".upper"));
        snprintf(key, sizeof key, "policy.%d.verdict", i);
        const onus_field *verdict = onus_facts_find(facts, key);
        if (mine && verdict && (!*found || !strcmp(found, "met"))) found = verdict->text;
    }
}

static void print_row(const onus_facts *facts, const onus_field *f)
{
    char value[160], lower[40], upper[40], interval[100] = "";
    const onus_field *lo = beside(facts, f->name, ".lower"),
                     *hi = beside(facts, f->name, ".upper");
    format(f, value, sizeof value);
    if (lo && hi && lo->kind == ONUS_FIELD_REAL && hi->kind == ONUS_FIELD_REAL) {
        snprintf(lower, sizeof lower, "%.4g", lo->r);
        snprintf(upper, sizeof upper, "%.4g", hi->r);
        snprintf(interval, sizeof interval, "%s to %s", lower, upper);
    }
    printf("%-58s %-14.100s %-20s %s\n", f->name, value, interval, verdict_on(facts, f->name));
}

/* The names that a person wants first: quality, fairness by attribute, privacy, energy, the
 * model's hash. */
static bool is_headline(const char *name)
{
    static const char *const heads[] = {"accuracy",
                                        "balanced_accuracy",
                                        "auc",
                                        "f1",
                                        "f1.macro",
                                        "log_loss",
                                        "brier",
                                        "calibration_error",
                                        "mse",
                                        "rmse",
                                        "mae",
                                        "r2",
                                        "privacy.epsilon",
                                        "privacy.delta",
                                        "energy.joules",
                                        "carbon.grams",
                                        "model.sha256",
                                        "model.description",
                                        "explain.residual"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        if (strcmp(name, heads[i]) == 0) return true;
    }
    return strncmp(name, "fairness.", 9) == 0 && !strstr(name, ".group.") &&
           (ends_with(name, "_difference") || ends_with(name, "_ratio"));
}

int cli_print(const onus_facts *facts, bool json, bool all)
{
    if (json) return print_json(facts);
    printf("%-58s %-14s %-20s %s\n", "name", "value", "95% interval", "verdict");
    for (int64_t i = 0; i < onus_facts_count(facts); i++) {
        const onus_field *f = onus_facts_at(facts, i);
        if (!is_detail(f->name) && strncmp(f->name, "policy.", 7) != 0 &&
            (all || is_headline(f->name) || *verdict_on(facts, f->name)))
            print_row(facts, f);
    }
    return fflush(stdout) != 0 ? EXIT_FAILED : EXIT_DONE;
}

/* ---- progress ---------------------------------------------------------------------------- */

static volatile int stop_flag; /* written by the signal handler only */
static bool bar_is_open;

static void on_signal(int number)
{
    (void)number;
    if (stop_flag) _exit(EXIT_FAILED); /* the second one does not wait for the step's end */
    stop_flag = 1;
}

const volatile int *cli_stop_flag(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &stop_flag;
}

static int terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40 ? size.ws_col : 80;
}

static void add(char *line, size_t size, const char *form, double value)
{
    const size_t n = strlen(line);
    if (isfinite(value) && n < size) snprintf(line + n, size - n, form, value);
}

static void describe(const onus_progress *p, char *line, size_t size)
{
    snprintf(line, size, "epoch %lld/%lld", (long long)p->epoch, (long long)p->epochs);
    add(line, size, "  loss %.4f", p->loss);
    add(line, size, "  valid %.4f", p->valid_loss);
    add(line, size, " (%.3f)", p->valid_metric);
    add(line, size, "  %.3g rows/s", p->rows_per_s);
    add(line, size, p->left_s >= 0.5 ? "  %.0f s left" : "", p->left_s);
    add(line, size, "  %.3g J", p->joules);
}

void cli_progress(void *ctx, const onus_progress *p)
{
    (void)ctx;
    char line[300] = "";
    describe(p, line, sizeof line);
    if (!isatty(STDERR_FILENO)) {
        if (p->epoch_end) fprintf(stderr, "%s\n", line);
        return;
    }
    enum { BAR = 20 };
    char bar[BAR * 3 + 1] = "";
    const int done = p->steps > 0 ? (int)(p->step * BAR / p->steps) : 0;
    for (int i = 0; i < BAR; i++) strcat(bar, i < done ? "\xe2\x96\x88" : "\xe2\x96\x91");
    fprintf(stderr, "\r\033[K%s %.*s", bar, terminal_width() - BAR - 2, line);
    bar_is_open = true;
}

void cli_progress_end(void)
{
    if (bar_is_open) fprintf(stderr, "\n");
    bar_is_open = false;
}
