/* SPDX-License-Identifier: Apache-2.0
 * progress.c - how far it is, on stderr, and how to stop it. A terminal gets one line that is
 * drawn again; anything else gets whole lines, at most one a second. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

enum { LINE_MAX = 300 };

static volatile int stop_flag; /* written by the signal handler only */
static enum { LINE_NONE, LINE_TRAINING, LINE_PHASE } open_line;

static void on_signal(int number)
{
    static const char say[] =
        "\nonus: stopping at the next safe place; a second time stops at once\n";
    (void)number;
    if (stop_flag) _exit(EXIT_FAILED);
    stop_flag = 1;
    if (write(STDERR_FILENO, say, sizeof say - 1) < 0) return; /* nowhere to say it */
}

const volatile int *cli_stop_flag(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &stop_flag;
}

/* ---- the line ---------------------------------------------------------------------------- */

/* A part of the line, if it is known and fits whole. */
static void add(char *line, int room, const char *form, double value)
{
    char part[64];
    const int n = (int)strlen(line);
    if (!isfinite(value)) return;
    const int m = snprintf(part, sizeof part, form, value);
    if (m > 0 && n + m < room && n + m < LINE_MAX) memcpy(line + n, part, (size_t)m + 1);
}

/* What matters most comes first: it stays where room is short. */
static void describe(const onus_progress *p, int room, char line[LINE_MAX])
{
    snprintf(line, LINE_MAX, "epoch %lld/%lld", (long long)p->epoch, (long long)p->epochs);
    const double s = p->left_s, v = p->rows_per_s;
    if (s >= 5400)
        add(line, room, "  %.1f h left", s / 3600);
    else if (s >= 90)
        add(line, room, "  %.0f min left", s / 60);
    else if (s >= 0.5)
        add(line, room, "  %.0f s left", s);
    add(line, room, "  loss %.4f", p->loss);
    if (isfinite(p->valid_metric)) {
        char form[64];
        snprintf(form, sizeof form, "  valid %.4f (%%.3f)", p->valid_loss);
        add(line, room, form, p->valid_metric);
    }
    if (v >= 999.5e3)
        add(line, room, "  %.2fM rows/s", v / 1e6);
    else if (v >= 999.5)
        add(line, room, "  %.0fk rows/s", v / 1e3);
    else
        add(line, room, "  %.0f rows/s", v);
    add(line, room, p->joules < 9999.5 ? "  %.0f J" : "  %.3g J", p->joules);
}

/* ---- where it goes ----------------------------------------------------------------------- */

bool cli_is_terminal(int fd)
{
    const char *term = getenv("TERM");
    return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

int cli_width(int fd)
{
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20 ? size.ws_col : 80;
}

static bool is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (int i = 0; i < 3; i++) {
        const char *v = getenv(names[i]);
        if (v && *v) return strstr(v, "UTF-8") || strstr(v, "utf8") || strstr(v, "UTF8");
    }
    return false;
}

/* One column stays free: a full line would make some terminals wrap. */
static void draw_bar(const onus_progress *p)
{
    char line[LINE_MAX];
    const char *full = is_utf8() ? "\xe2\x96\x88" : "#",
               *rest = is_utf8() ? "\xe2\x96\x91" : ".";
    const int width = cli_width(STDERR_FILENO), bar = width < 60 ? 0 : width < 100 ? 10 : 20;
    const int done = p->steps > 0 ? (int)(p->step * bar / p->steps) : 0;
    describe(p, width - bar - (bar > 0) - 1, line);
    char all[2 * LINE_MAX] = "\r\033[K"; /* one write: nothing comes between */
    for (int i = 0; i < bar; i++) strcat(all, i < done ? full : rest);
    if (bar) strcat(all, " ");
    strcat(all, line);
    fputs(all, stderr);
    open_line = LINE_TRAINING;
}

static double now_s(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_MONOTONIC, &t) == 0 ? (double)t.tv_sec + 1e-9 * (double)t.tv_nsec
                                                   : 0;
}

/* Whole lines: at most one a second, and the last epoch's. */
static void print_line(const onus_progress *p)
{
    static double last_s = -1;
    char line[LINE_MAX];
    if (!p->epoch_end || (p->epoch < p->epochs && now_s() - last_s < 1)) return;
    last_s = now_s();
    describe(p, LINE_MAX, line);
    fprintf(stderr, "%s\n", line);
}

void cli_progress(void *ctx, const onus_progress *p)
{
    (void)ctx;
    const bool trains = strcmp(p->phase, "train") == 0;
    if (strcmp(p->phase, "memory") == 0)
        fprintf(stderr, "memory: %.0f MB\n", 1e-6 * (double)p->planned_bytes);
    else if (strcmp(p->phase, "work") == 0)
        fprintf(stderr, "explanation: %.*f million rows through the model\n",
                p->planned_rows < 1e7, 1e-6 * p->planned_rows);
    else if (!cli_is_terminal(STDERR_FILENO)) {
        if (trains) print_line(p);
    } else if (trains) {
        draw_bar(p);
    } else { /* training's last line stays, a phase's is drawn over */
        fprintf(stderr, "%s%s ...", open_line == LINE_TRAINING ? "\n" : "\r\033[K", p->phase);
        fflush(stderr);
        open_line = LINE_PHASE;
    }
}

void cli_progress_end(void)
{
    if (open_line == LINE_TRAINING) fputs("\n", stderr);
    if (open_line == LINE_PHASE) fputs("\r\033[K", stderr);
    open_line = LINE_NONE;
}
