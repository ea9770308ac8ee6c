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

enum { LINE_MAX = 300, BAR = 20 };

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
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &stop_flag;
}

/* ---- the line ---------------------------------------------------------------------------- */

static void add(char *line, const char *form, double value)
{
    const size_t n = strlen(line);
    if (isfinite(value)) snprintf(line + n, LINE_MAX - n, form, value);
}

/* 431, 12.3k, 1.24M */
static void add_rate(char *line, double v)
{
    add(line,
        v < 999.5     ? "  %.0f rows/s"
        : v < 999.5e3 ? "  %.1fk rows/s"
                      : "  %.2fM rows/s",
        v < 999.5     ? v
        : v < 999.5e3 ? v / 1e3
                      : v / 1e6);
}

static void add_left(char *line, double s)
{
    if (!(s >= 0.5)) return;
    add(line,
        s < 90     ? "  %.0f s left"
        : s < 5400 ? "  %.0f min left"
                   : "  %.1f h left",
        s < 90     ? s
        : s < 5400 ? s / 60
                   : s / 3600);
}

static void describe(const onus_progress *p, char line[LINE_MAX])
{
    snprintf(line, LINE_MAX, "epoch %lld/%lld", (long long)p->epoch, (long long)p->epochs);
    add(line, "  loss %.4f", p->loss);
    add(line, "  valid %.4f", p->valid_loss);
    add(line, " (%.3f)", p->valid_metric);
    add_rate(line, p->rows_per_s);
    add_left(line, p->left_s);
    add(line, p->joules < 9999.5 ? "  %.0f J" : "  %.3g J", p->joules);
}

/* ---- where it goes -------------------------------------------------------------------------
 */

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

static void draw_bar(const onus_progress *p, const char *line)
{
    const char *full = is_utf8() ? "\xe2\x96\x88" : "#",
               *rest = is_utf8() ? "\xe2\x96\x91" : ".";
    const int width = cli_width(STDERR_FILENO), bar = width > 60 ? BAR : 0;
    const int done = p->steps > 0 ? (int)(p->step * bar / p->steps) : 0;
    fputs("\r\033[K", stderr);
    for (int i = 0; i < bar; i++) fputs(i < done ? full : rest, stderr);
    /* one column stays free: a full line would make some terminals wrap */
    fprintf(stderr, "%s%.*s", bar ? " " : "", width - bar - 2, line);
    fflush(stderr);
    bar_is_open = true;
}

static double now_s(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_MONOTONIC, &t) == 0 ? (double)t.tv_sec + 1e-9 * (double)t.tv_nsec
                                                   : 0;
}

void cli_progress(void *ctx, const onus_progress *p)
{
    (void)ctx;
    static double last_s = -1;
    char line[LINE_MAX];
    describe(p, line);
    if (cli_is_terminal(STDERR_FILENO)) {
        draw_bar(p, line);
    } else if (p->epoch_end && (p->epoch >= p->epochs || now_s() - last_s >= 1)) {
        last_s = now_s();
        fprintf(stderr, "%s\n", line);
    }
}

void cli_progress_end(void)
{
    if (bar_is_open) fputs("\n", stderr);
    bar_is_open = false;
}
