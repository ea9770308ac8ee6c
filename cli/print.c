/* SPDX-License-Identifier: Apache-2.0
 * print.c - results on stdout: one JSON object, or tables for people. Names that share a long
 * beginning stand under it; columns are as wide as what they hold. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { TEXT_MAX = 1024, VALUE = 10, NAME_MIN = 24, NAME_MAX_SHOWN = 60 };

/* ---- text from outside ------------------------------------------------------------------- */

/* Bytes of a control character or of one that turns the direction of writing, else 0. */
static int steers(const unsigned char *c)
{
    if (*c < 0x20 || *c == 0x7f) return 1;
    if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) return 2;
    const bool turns = c[0] == 0xe2 && ((c[1] == 0x80 && c[2] >= 0xa8 && c[2] <= 0xae) ||
                                        (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));
    return turns ? 3 : 0;
}

/* The first n bytes. A user's words may not steer the terminal; ends of lines may stay. */
static void put_clean(const char *text, size_t n_bytes, bool lines)
{
    const unsigned char *c = (const unsigned char *)text, *end = c + n_bytes;
    while (c < end) {
        const int n = lines && *c == '\n' ? 0 : steers(c);
        putchar(n ? '?' : *c);
        c += n ? n : 1;
    }
}

/* Characters of UTF-8, which is what most of them take on a terminal. */
static int columns_of(const char *text)
{
    int n = 0;
    for (; *text; text++) n += (*text & 0xc0) != 0x80;
    return n;
}

/* Bytes of the first n characters. */
static size_t bytes_of(const char *text, int n)
{
    const char *c = text;
    while (*c && ((*c & 0xc0) == 0x80 || n-- > 0)) c++;
    return (size_t)(c - text);
}

static void put_padded(const char *text, int width)
{
    put_clean(text, strlen(text), false);
    printf("%*s", width > columns_of(text) ? width - columns_of(text) : 0, "");
}

static int flushed(void)
{
    return fflush(stdout) != 0 || ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
}

static int cannot_write(const char *command)
{
    const int code = flushed();
    if (code != EXIT_DONE) fprintf(stderr, "onus %s: cannot write the results\n", command);
    return code;
}

int cli_print_text(const char *text)
{
    put_clean(text, strlen(text), true);
    return cannot_write("output");
}

static int print_json(const onus_facts *facts)
{
    char *text = NULL;
    onus_err err = {.code = ONUS_OK};
    if (onus_facts_text(facts, &text, NULL, &err) != ONUS_OK) return cli_fail("json", &err);
    fputs(text, stdout);
    putchar('\n');
    onus_text_free(NULL, text);
    return cannot_write("output");
}

/* ---- values ------------------------------------------------------------------------------ */

static void number(double v, char *out, size_t size)
{
    const double a = fabs(v);
    if (v == 0 || (a >= 5e-4 && a < 1e3))
        snprintf(out, size, "%.4f", v);
    else
        snprintf(out, size, a >= 1e3 && a < 1e7 ? "%.1f" : "%.3g", v);
}

/* A number of the ledger: a whole one is written, and read, as an integer. */
static bool real_of(const onus_field *f, double *out)
{
    if (!f || (f->kind != ONUS_FIELD_REAL && f->kind != ONUS_FIELD_INT)) return false;
    *out = f->kind == ONUS_FIELD_REAL ? f->r : (double)f->i;
    return true;
}

static void value_text(const onus_field *f, char *out, size_t size)
{
    switch (f ? f->kind : ONUS_FIELD_UNDEFINED) {
    case ONUS_FIELD_INT: snprintf(out, size, "%lld", (long long)f->i); break;
    case ONUS_FIELD_REAL: number(f->r, out, size); break;
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
    char full[TEXT_MAX];
    snprintf(full, sizeof full, "%s%s", name, end);
    return onus_facts_find(facts, full);
}

static const onus_field *policy_field(const onus_facts *facts, int i, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "policy.%d.%s", i, what);
    return onus_facts_find(facts, name);
}

/* "undefined" is a word to a policy and a value to whoever reads facts from a ledger. */
static const char *verdict_text(const onus_field *verdict)
{
    return verdict->kind == ONUS_FIELD_TEXT ? verdict->text : "undefined";
}

static bool is_met(const onus_field *verdict)
{
    return strcmp(verdict_text(verdict), "met") == 0;
}

/* The verdict of the policies that name this value, the worst of them: not met before met by
 * observation before met. NULL: none names it. */
static const onus_field *verdict_on(const onus_facts *facts, const char *name)
{
    const onus_field *named, *worst = NULL;
    for (int i = 1; (named = policy_field(facts, i, "name")) != NULL; i++) {
        const size_t n = strlen(name);
        const bool mine = named->kind == ONUS_FIELD_TEXT &&
                          strncmp(named->text, name, n) == 0 &&
                          (!named->text[n] || !strcmp(named->text + n, ".lower") ||
                           !strcmp(named->text + n, ".upper"));
        const onus_field *verdict = policy_field(facts, i, "verdict");
        if (!mine || !verdict) continue;
        const bool better = worst && is_met(worst);
        if (!worst || (better && (!is_met(verdict) || verdict->observed))) worst = verdict;
    }
    return worst;
}

/* The verdict's demand is on the owner's own word: "policy.2.verdict" of "policy.2.name". */
static bool rests_on_said(const onus_facts *facts, const onus_field *verdict)
{
    char name[64];
    const size_t n = strlen(verdict->name);
    if (n < 7 || n >= sizeof name) return false;
    snprintf(name, sizeof name, "%.*sname", (int)(n - 7), verdict->name);
    const onus_field *named = onus_facts_find(facts, name);
    return named && named->kind == ONUS_FIELD_TEXT && onus_name_is_said(named->text);
}

/* Green is what claims prove; what only this machine saw, or the owner says, is said so, and
 * has no colour. */
static void put_verdict(const onus_facts *facts, const onus_field *verdict)
{
    if (!verdict) return;
    const bool paint = cli_is_terminal(STDOUT_FILENO) && !getenv("NO_COLOR"),
               met = is_met(verdict);
    const bool said = rests_on_said(facts, verdict), proven = !verdict->observed && !said;
    const char *colour = !paint ? "" : !met ? "\033[31m" : proven ? "\033[32m" : "";
    printf("  %s%s%s%s", colour, verdict_text(verdict),
           verdict->observed ? ", observed"
           : said            ? ", said"
                             : "",
           *colour ? "\033[0m" : "");
}

/* ---- the table --------------------------------------------------------------------------- */

/* What follows "label.NAME.", of one of several labels; else the whole name. */
static const char *in_label(const char *name)
{
    const char *dot = strncmp(name, "label.", 6) == 0 ? strchr(name + 6, '.') : NULL;
    return dot ? dot + 1 : name;
}

/* The names that a person wants first, as the registry has them; of counts of what may be wrong
 * with the data those that count something. */
static bool is_headline(const onus_facts *facts, const char *name)
{
    const char *inner = in_label(name);
    if (inner != name && strcmp(inner, "f1.macro") == 0) return false;
    if (!onus_name_is_headline(name)) return false;
    const onus_field *f = onus_facts_find(facts, name);
    return strncmp(name, "data.", 5) != 0 || f->kind != ONUS_FIELD_INT || f->i > 0;
}

/* Bytes of a name that its neighbours share and that stand above them as a heading. */
static size_t heading_of(const char *name)
{
    const char *inner = in_label(name), *dot = strrchr(name, '.');
    if (strncmp(inner, "fairness.", 9) == 0 && dot) return (size_t)(dot - name);
    return inner != name ? (size_t)(inner - name) - 1 : 0;
}

/* A gap that is defined between two classes only, where the task is another: undefined. */
static bool is_idle(const onus_facts *facts, const char *name)
{
    static const char *const binary[] = {".demographic_parity_", ".equal_opportunity_",
                                         ".equalized_odds_", ".average_odds_",
                                         ".average_absolute_odds_"};
    const onus_field *task = onus_facts_find(facts, "data.task");
    const char *dot = strrchr(name, '.');
    if (!dot || !task || task->kind != ONUS_FIELD_TEXT || strcmp(task->text, "binary") == 0 ||
        strcmp(task->text, "labels") == 0 ||
        onus_facts_find(facts, name)->kind != ONUS_FIELD_UNDEFINED)
        return false;
    for (size_t i = 0; i < sizeof binary / sizeof *binary; i++) {
        if (strncmp(dot, binary[i], strlen(binary[i])) == 0) return true;
    }
    return false;
}

static bool is_shown(const onus_facts *facts, const char *name, bool all)
{
    if (!all && !verdict_on(facts, name) && is_idle(facts, name)) return false;
    return !is_detail(name) && strncmp(name, "policy.", 7) != 0 &&
           (all || is_headline(facts, name) || verdict_on(facts, name));
}

static const char *short_name(const char *name)
{
    const size_t n = heading_of(name);
    return n ? name + n + 1 : name;
}

static int name_width(const onus_facts *facts, bool all)
{
    int width = NAME_MIN;
    for (int64_t i = 0; i < onus_facts_count(facts); i++) {
        const char *name = onus_facts_at(facts, i)->name;
        if (!is_shown(facts, name, all)) continue;
        const int n = columns_of(short_name(name)) + (heading_of(name) ? 2 : 0);
        if (n > width) width = n;
    }
    return width < NAME_MAX_SHOWN ? width : NAME_MAX_SHOWN;
}

/* A text is cut where a terminal ends; elsewhere it stays whole. */
static void put_text(const char *text, int at)
{
    const int room = cli_width(STDOUT_FILENO) - at;
    const bool whole = !cli_is_terminal(STDOUT_FILENO) || columns_of(text) <= room || room < 8;
    put_clean(text, whole ? strlen(text) : bytes_of(text, room - 3), false);
    if (!whole) printf("...");
}

static void put_row(const onus_facts *facts, const onus_field *f, int width)
{
    char value[TEXT_MAX], lower[40], upper[40], interval[100] = "";
    const onus_field *lo = beside(facts, f->name, ".lower"),
                     *hi = beside(facts, f->name, ".upper");
    const onus_field *verdict = verdict_on(facts, f->name);
    put_padded(heading_of(f->name) ? "  " : "", 0);
    put_padded(short_name(f->name), width - (heading_of(f->name) ? 2 : 0));
    if (f->kind == ONUS_FIELD_TEXT) {
        printf("  ");
        put_text(f->text, width + 2);
    } else {
        double from, to, v;
        const char *said = interval;
        value_text(f, value, sizeof value);
        if (real_of(lo, &from) && real_of(hi, &to)) {
            number(from, lower, sizeof lower);
            number(to, upper, sizeof upper);
            snprintf(interval, sizeof interval, "%s to %s", lower, upper);
            if (real_of(f, &v)) number(v, value, sizeof value); /* a 0 among fractions */
        }
        const onus_field *reason = beside(facts, f->name, ".reason");
        if (f->kind == ONUS_FIELD_UNDEFINED && reason && reason->kind == ONUS_FIELD_TEXT)
            said = reason->text;
        printf("  %*s", VALUE, value);
        if (*said || verdict) printf("  ");
        if (verdict)
            put_padded(said, 18);
        else
            put_text(said, width + VALUE + 4);
    }
    put_verdict(facts, verdict);
    putchar('\n');
}

/* Only columns that hold something have a head. */
static void put_head(const onus_facts *facts, int width, bool all)
{
    bool intervals = false, verdicts = false;
    for (int64_t i = 0; i < onus_facts_count(facts); i++) {
        const char *name = onus_facts_at(facts, i)->name;
        if (!is_shown(facts, name, all)) continue;
        intervals = intervals || beside(facts, name, ".lower");
        verdicts = verdicts || verdict_on(facts, name);
    }
    printf("%-*s  %*s", width, "name", VALUE, "value");
    if (intervals || verdicts) printf("  %-*s", verdicts ? 18 : 0, "95% interval");
    printf("%s\n", verdicts ? "  verdict" : "");
}

int cli_print(const onus_facts *facts, bool json, bool all)
{
    if (json) return print_json(facts);
    const int width = name_width(facts, all);
    char above[TEXT_MAX] = "";
    put_head(facts, width, all);
    for (int64_t i = 0; i < onus_facts_count(facts); i++) {
        const onus_field *f = onus_facts_at(facts, i);
        if (!is_shown(facts, f->name, all)) continue;
        char heading[TEXT_MAX];
        snprintf(heading, sizeof heading, "%.*s", (int)heading_of(f->name), f->name);
        if (strcmp(heading, above) != 0 && *heading) {
            put_clean(heading, strlen(heading), false);
            putchar('\n');
        }
        memcpy(above, heading, sizeof above);
        put_row(facts, f, width);
    }
    return cannot_write("output");
}

/* ---- policies ---------------------------------------------------------------------------- */

void cli_print_policies(const onus_facts *facts)
{
    int width = NAME_MIN;
    const onus_field *demand;
    for (int i = 1; (demand = policy_field(facts, i, "demand")) != NULL; i++)
        if (columns_of(demand->text) > width) width = columns_of(demand->text);
    if (policy_field(facts, 1, "demand"))
        printf("\n%-*s  %*s  verdict\n", width, "policy", VALUE, "found");
    for (int i = 1; (demand = policy_field(facts, i, "demand")) != NULL; i++) {
        char found[TEXT_MAX];
        const onus_field *verdict = policy_field(facts, i, "verdict");
        const onus_field *bound = policy_field(facts, i, "bound");
        double v;
        value_text(policy_field(facts, i, "found"), found, sizeof found);
        if (bound && bound->kind == ONUS_FIELD_REAL &&
            real_of(policy_field(facts, i, "found"), &v))
            number(v, found, sizeof found);
        put_padded(demand->text, width);
        printf("  %*s", VALUE, found);
        put_verdict(facts, verdict);
        putchar('\n');
    }
}
