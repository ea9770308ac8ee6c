/* SPDX-License-Identifier: Apache-2.0
 * Goal: on a terminal green is for what claims prove, and only for that. Method: the program's
 * own printing, built into this test with a terminal that it believes in, on the ledgers at
 * random of truth_ledger.h; its lines are compared with the ledger's JSON. */
#include "report/truth_ledger.h"
#include "report/truth_oracle.h"

#include "../../cli/print.c"

/* What print.c asks of the rest of the program. */
bool cli_is_terminal(int fd)
{
    (void)fd;
    return true;
}

int cli_width(int fd)
{
    (void)fd;
    return 200;
}

int cli_fail(const char *command, const onus_err *err)
{
    fail_msg("%s: %s", command, err->msg);
    return EXIT_FAILED;
}

onus_status onus_facts_text(const onus_facts *f, char **json, const onus_allocator *mem,
                            onus_err *err)
{
    (void)f;
    (void)json;
    (void)mem;
    (void)err;
    return ONUS_BAD_ARG;
}

void onus_text_free(const onus_allocator *mem, char *text)
{
    (void)mem;
    (void)text;
}

/* Both tables as a terminal gets them. */
static char *printed(fixture *f)
{
    char *text = NULL;
    size_t size = 0;
    onus_facts *facts = NULL;
    onus_log *log = fixture_log(f);
    assert_int_equal(onus_log_facts(log, onus_log_count(log), &facts, NULL), ONUS_OK);
    FILE *real = stdout, *mine = open_memstream(&text, &size);
    assert_non_null(mine);
    stdout = mine;
    const int code = cli_print(facts, false, true);
    fputs("\n==policies\n", stdout);
    cli_print_policies(facts);
    fclose(mine);
    stdout = real;
    assert_int_equal(code, EXIT_DONE);
    onus_facts_destroy(facts);
    onus_log_close(log);
    char *copy = strdup(text);
    free(text);
    assert_non_null(copy);
    return copy;
}

/* The line that begins with `start` (after blanks), from `text` on. */
static bool line_of(const char *text, const char *start, char out[1024])
{
    for (const char *c = text; *c; c += strcspn(c, "\n") + (c[strcspn(c, "\n")] != '\0')) {
        const char *word = c + strspn(c, " ");
        const size_t n = strlen(start);
        if (strncmp(word, start, n) != 0 || word[n] != ' ') continue;
        snprintf(out, 1024, "%.*s", (int)strcspn(word, "\n"), word);
        return true;
    }
    return false;
}

static void a_row(const oracle *o, const char *text, int i, uint64_t seed, int64_t *seen)
{
    char field[64], line[1024];
    snprintf(field, sizeof field, "policy.%d.demand", i);
    const char *demand = json_string_value(value_of(o, field));
    bool observed = false;
    snprintf(field, sizeof field, "policy.%d.verdict", i);
    const char *verdict = json_string_value(newest(o, field, o->n, &observed));
    const bool met = verdict && strcmp(verdict, "met") == 0;
    snprintf(field, sizeof field, "policy.%d.name", i);
    const char *of = json_string_value(value_of(o, field));
    const bool said = of && is_said(of);
    *seen += met && observed;
    if (!line_of(text, demand, line))
        fail_msg("seed %llu: no '%s'", (unsigned long long)seed, demand);
    const bool green = strstr(line, "\033[32m") != NULL, red = strstr(line, "\033[31m") != NULL;
    if (green != (met && !observed && !said) || red != (verdict && !met) ||
        (strstr(line, ", observed") != NULL) != (verdict && observed) ||
        (strstr(line, ", said") != NULL) != (verdict && !observed && said))
        fail_msg("seed %llu: %s, %s: '%s'", (unsigned long long)seed, verdict ? verdict : "-",
                 observed ? "observed" : "claimed", line);
}

/* The row of a value is green only where every policy on it is met by claims. */
static void a_value(const oracle *o, const char *text, const char *policy, uint64_t seed)
{
    char name[256], line[1024], field[64];
    truth_policy p;
    bool green = true, any = false;
    snprintf(name, sizeof name, "%s", policy);
    const size_t n = strlen(name);
    if (n > 6 && (!strcmp(name + n - 6, ".lower") || !strcmp(name + n - 6, ".upper")))
        name[n - 6] = '\0';
    if (strstr(name, "fairness.") || strncmp(name, "label.", 6) == 0 ||
        !line_of(text, name, line))
        return; /* those stand under headings */
    for (int i = 1; policy_of(o, i, &p); i++) {
        bool observed = false;
        if (!is_about(p.name, name)) continue;
        snprintf(field, sizeof field, "policy.%d.verdict", i);
        const char *verdict = json_string_value(newest(o, field, o->n, &observed));
        any = any || verdict;
        if (verdict)
            green = green && strcmp(verdict, "met") == 0 && !observed && !is_said(name);
    }
    if ((strstr(line, "\033[32m") != NULL) != (any && green))
        fail_msg("seed %llu: the row of %s: '%s'", (unsigned long long)seed, name, line);
}

static void green_is_for_claims(void **state)
{
    (void)state;
    oracle *o = calloc(1, sizeof *o);
    int64_t all_seen = 0, n_green = 0;
    assert_non_null(o);
    assert_int_equal(unsetenv("NO_COLOR"), 0);
    for (uint64_t seed = 1; seed <= (getenv("ONUS_SLOW") ? 20000 : 1000); seed++) {
        fixture f;
        truth_policy p;
        make_ledger(&f, seed);
        char *text = printed(&f);
        truth_read(o, &f);
        const char *policies = strstr(text, "\n==policies\n") + 12;
        int n = 0;
        while (policy_of(o, n + 1, &p)) {
            a_row(o, policies, ++n, seed, &all_seen);
            a_value(o, text, p.name, seed);
        }
        for (const char *c = text; (c = strstr(c, "\033[32m")) != NULL && c < policies; c++)
            n_green++;
        truth_release(o);
        free(text);
        fixture_release(&f);
    }
    free(o);
    assert_true(all_seen > 50 && n_green > 50); /* there was something to see */
}

/* A terminal has so many columns; what does not fit is cut between two characters. */
static void a_text_is_cut_between_characters(void **state)
{
    (void)state;
    static const struct {
        int at;
        const char *text, *shown;
    } cases[] = {
        {192, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6",
         "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6"},
        {192, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6!",
         "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6..."},
        {191, "\xe6\x97\xa5\x1b[31m\xe2\x80\xae\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5",
         "\xe6\x97\xa5?[31m..."}, /* what steers is a character, too */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *real = stdout, *mine = open_memstream(&text, &size);
        assert_non_null(mine);
        stdout = mine;
        put_text(cases[i].text, cases[i].at);
        fclose(mine);
        stdout = real;
        assert_string_equal(text, cases[i].shown);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(green_is_for_claims),
                                       cmocka_unit_test(a_text_is_cut_between_characters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
