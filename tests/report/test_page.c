/* SPDX-License-Identifier: Apache-2.0
 * Goal: nothing that a column, a group or a recipe is called can leave its place in the page,
 * and every number reads as a person writes it. Method: hostile texts and numbers against
 * results written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <locale.h>
#include <math.h>

#include "proof/names.h"
#include "report/page.h"

typedef struct {
    onus_buf out;
    onus_page page;
} sheet;

static onus_page *sheet_open(sheet *s)
{
    *s = (sheet){0};
    onus_buf_init(&s->out, NULL, 1 << 20);
    s->page = (onus_page){.out = &s->out};
    onus_arena_init(&s->page.arena, NULL);
    return &s->page;
}

static void sheet_expect(sheet *s, const char *text)
{
    assert_int_equal(s->out.st, ONUS_OK);
    assert_string_equal(s->out.data ? s->out.data : "", text);
    onus_arena_release(&s->page.arena);
    onus_buf_release(&s->out);
}

static void text_is(const char *text, const char *html)
{
    sheet s;
    onus_page_text(sheet_open(&s), text);
    sheet_expect(&s, html);
}

static void text_cannot_leave_its_place(void **state)
{
    (void)state;
    text_is("<script>alert(\"x\")</script>",
            "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;");
    text_is("a&b'c", "a&amp;b&#39;c");
    text_is("\x01\x1b[31m\x7f", "[U+0001][U+001B][31m[U+007F]");
    text_is("tab\there", "tab\there");
    text_is("", "");
}

static void direction_of_writing_cannot_be_turned(void **state)
{
    (void)state;
    text_is("a\xe2\x80\xae"
            "b",
            "a[U+202E]b");                                     /* right-to-left override */
    text_is("\xe2\x81\xa6x\xe2\x81\xa9", "[U+2066]x[U+2069]"); /* isolates */
    text_is("\xe2\x80\x8b\xef\xbb\xbf", "[U+200B][U+FEFF]");   /* no width */
    text_is("\xc2\x85\xd8\x9c", "[U+0085][U+061C]");           /* C1, Arabic mark */
    text_is("\xf3\xa0\x80\x81", "[U+E0001]");                  /* tag */
    text_is("\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
            "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d"); /* Hebrew */
    text_is("\xe0\xa4\x95\xe2\x80\x8d\xe0\xa4\xb7", "\xe0\xa4\x95\xe2\x80\x8d\xe0\xa4\xb7");
}

static void bytes_that_are_no_text_are_marked(void **state)
{
    (void)state;
    text_is("\xff", "\xef\xbf\xbd");
    text_is("a\xc3", "a\xef\xbf\xbd");                               /* cut */
    text_is("\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd");                 /* an overlong '<' */
    text_is("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* half a surrogate */
    text_is("\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    text_is("\xe6\x97\xa5\xf0\x9f\x98\x80", "\xe6\x97\xa5\xf0\x9f\x98\x80");
}

static void long_text_is_cut_between_characters(void **state)
{
    (void)state;
    sheet s;
    onus_page_text_cut(sheet_open(&s), "\xc3\xa4\xc3\xb6\xc3\xbc<", 2);
    sheet_expect(&s, "\xc3\xa4\xc3\xb6\xe2\x80\xa6");
    onus_page_text_cut(sheet_open(&s), "\xc3\xa4\xc3\xb6", 2);
    sheet_expect(&s, "\xc3\xa4\xc3\xb6");
}

static void parts_of_names_are_undone_then_escaped(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a%2Eb%2Bc%25", "a.b+c%"},
        {"female+<25", "female \xc2\xb7 &lt;25"},
        {"%3Cscript%3E", "&lt;script&gt;"},
        {"%0A%01", "\n[U+0001]"},
        {"100%", "100%"},
        {"%zz%2", "%zz%2"},
        {"%00", "%00"}, /* no end in the middle */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sheet s;
        onus_page_part(sheet_open(&s), cases[i][0]);
        sheet_expect(&s, cases[i][1]);
    }
}

static void number_is(double v, int decimals, const char *text)
{
    char out[32];
    onus_plain_number(out, v, decimals);
    assert_string_equal(out, text);
}

static void numbers_read_as_written_by_hand(void **state)
{
    (void)state;
    number_is(0.7566, 3, "0.757");
    number_is(0, 3, "0.000");
    number_is(-0.25, 2,
              "\xe2\x88\x92"
              "0.25");
    number_is(12.3456, 4, "12.35");
    number_is(123.456, 4, "123.5");
    number_is(4383.3251, 3, "4,383");
    number_is(-1234567.8, 0,
              "\xe2\x88\x92"
              "1,234,568");
    number_is(999, 0, "999");
    number_is(123456789012.0, 0, "123,456,789,012");
    /* what its decimals would print as 0 */
    number_is(2e-7, 3,
              "2.0\xc2\xb7"
              "10\xe2\x81\xbb\xe2\x81\xb7");
    number_is(1e-5, 1, "10\xe2\x81\xbb\xe2\x81\xb5");
    number_is(1.04e-5, 1,
              "1.0\xc2\xb7"
              "10\xe2\x81\xbb\xe2\x81\xb5");
    number_is(0.0005, 3, "0.001");
    number_is(0.00049, 3,
              "4.9\xc2\xb7"
              "10\xe2\x81\xbb\xe2\x81\xb4");
    number_is(5e-324, 3,
              "4.9\xc2\xb7"
              "10\xe2\x81\xbb\xc2\xb3\xc2\xb2\xe2\x81\xb4");
    number_is(1e12, 0, "10\xc2\xb9\xc2\xb2");
    number_is(-2.5e300, 3,
              "\xe2\x88\x92"
              "2.5\xc2\xb7"
              "10\xc2\xb3\xe2\x81\xb0\xe2\x81\xb0");
    number_is(0.9997, 3, "0.9997"); /* less than 1 is not written as 1 */
    number_is(-0.99996, 3,
              "\xe2\x88\x92"
              "0.99996");
    number_is(0.9994, 3, "0.999");
    number_is(1, 3, "1.000");
    number_is(1.0002, 3, "1.000");
    number_is(0.7, 0, "1"); /* without decimals it is a whole number that is wanted */
    number_is(1 - 0x1p-53, 3, "0.9999999999999999");
    number_is(NAN, 3, "\xe2\x80\x93");
    number_is(INFINITY, 3, "\xe2\x80\x93");
}

static void every_number_fits(void **state)
{
    (void)state;
    char out[32];
    for (int e = -1074; e <= 1023; e++) {
        for (int decimals = 0; decimals <= 6; decimals++) {
            onus_plain_number(out, -ldexp(1.9999, e), decimals);
            assert_true(strlen(out) < sizeof out);
        }
    }
}

static void a_decimal_comma_changes_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8",
                                        "ps_AF.UTF-8"};
    bool any = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!setlocale(LC_NUMERIC, names[i])) continue;
        any = true;
        number_is(0.7566, 3, "0.757");
        number_is(2e-7, 3,
                  "2.0\xc2\xb7"
                  "10\xe2\x81\xbb\xe2\x81\xb7");
        number_is(1e-5, 1, "10\xe2\x81\xbb\xe2\x81\xb5");
    }
    setlocale(LC_NUMERIC, "C");
    if (!any) skip(); /* no such locale on this machine */
}

/* ---- facts ------------------------------------------------------------------------------- */

static onus_log *log_of(const char *claim)
{
    char line[1024];
    onus_log *log = NULL;
    onus_err err;
    snprintf(line, sizeof line,
             "{\"claim\":%s,\"n\":1,\"observed\":{},\"time\":\"2026-11-22T14:03:11Z\",\"type\":"
             "\"metric\"}\n",
             claim);
    if (onus_log_parse(&log, line, strlen(line), "test", NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    return log;
}

static void lacks_are_words_and_counts_of_people_blurred(void **state)
{
    (void)state;
    onus_log *log =
        log_of("{\"few\":9,\"many\":10,\"nobody\":0,\"one\":1,\"rate\":\"undefined\"}");
    static const struct {
        const char *name, *text;
    } cases[] = {
        {"few", "&lt;\xc2\xa0"
                "10"},
        {"many", "10"},
        {"nobody", "0"},
        {"one", "&lt;\xc2\xa0"
                "10"},
        {"rate", "undefined"},
        {"missing", "not proven"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sheet s;
        onus_page *p = sheet_open(&s);
        p->log = log;
        p->n = 1;
        p->plain = true;
        onus_page_people(p, onus_page_fact(p, "%s", cases[i].name));
        sheet_expect(&s, cases[i].text);
    }
    onus_log_close(log);
}

static void a_number_names_its_event_and_itself(void **state)
{
    (void)state;
    onus_log *log = log_of("{\"a<b\":1,\"accuracy\":0.75}");
    sheet s;
    bool used[1] = {false};
    onus_page *p = sheet_open(&s);
    p->log = log;
    p->n = 1;
    p->used = used;
    onus_page_number(p, onus_page_fact(p, "accuracy"), 2);
    onus_page_count(p, onus_page_fact(p, "a<b"));
    assert_true(used[0]);
    sheet_expect(&s, "<a class=\"n\" href=\"#e1\" title=\"ledger event 1: accuracy\">0.75</a>"
                     "<a class=\"n\" href=\"#e1\" title=\"ledger event 1: a&lt;b\">1</a>");
    onus_log_close(log);
}

static void a_later_entry_is_not_seen(void **state)
{
    (void)state;
    onus_log *log = log_of("{\"accuracy\":0.75}");
    sheet s;
    onus_page *p = sheet_open(&s);
    p->log = log;
    p->n = 0;
    onus_page_number(p, onus_page_fact(p, "accuracy"), 2);
    sheet_expect(&s, "<span class=\"lack\">not proven</span>");
    onus_log_close(log);
}

static void sentences_take_their_places_in_any_order(void **state)
{
    (void)state;
    sheet s;
    onus_page *p = sheet_open(&s);
    ONUS_FILL(p, ONUS_TEXT_RANGE, ONUS_ANY("<1>"), ONUS_ANY("2"));
    sheet_expect(&s, "&lt;1&gt; to 2");
    p = sheet_open(&s);
    ONUS_FILL(p, ONUS_TEXT_RANGE, ONUS_ANY("1")); /* a place that nothing fills */
    assert_int_equal(p->st, ONUS_BAD_ARG);
    sheet_expect(&s, "1 to ");
}

static void every_text_is_there_in_every_language(void **state)
{
    (void)state;
    for (int t = 0; t < ONUS_TEXT_COUNT; t++) {
        for (int l = 0; l < ONUS_LANGUAGE_COUNT; l++) {
            const char *text = onus_text_of((onus_text)t, (onus_language)l);
            assert_non_null(text);
            if (t != ONUS_TEXT_EMPTY) assert_true(text[0] != '\0');
        }
    }
}

/* The registry names the report's words by key: each is there, and where a measure has a
 * baseline its words, too. */
static void keys_of_the_registry_have_texts(void **state)
{
    (void)state;
    int n = 0, gaps = 0;
    for (int e = 0; e < onus_n_event_rows; e++) {
        for (int i = 0; i < onus_event_rows[e]->n_names; i++) {
            const onus_name_row *row = &onus_event_rows[e]->names[i];
            const bool gap = row->kind == ONUS_NAME_MEASURED &&
                             strncmp(row->pattern, "fairness.<set>.", 15) == 0 &&
                             !strchr(row->pattern + 15, '.');
            if (gap && !row->text) fail_msg("%s would be left out", row->pattern);
            gaps += gap;
            if (!row->text) continue;
            n++;
            if (onus_text_find(row->text, "") == ONUS_TEXT_COUNT)
                fail_msg("%s: no text %s", row->pattern, row->text);
            if (row->baseline && onus_text_find(row->text, "_BASELINE") == ONUS_TEXT_COUNT)
                fail_msg("%s: no text %s_BASELINE", row->pattern, row->text);
        }
    }
    assert_true(n > 40 && gaps > 0);
    assert_int_equal(onus_text_find("NO_SUCH", "_KEY"), ONUS_TEXT_COUNT);
    assert_int_equal(onus_text_find("ACCURACY", "_IS"), ONUS_TEXT_ACCURACY_IS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_cannot_leave_its_place),
        cmocka_unit_test(direction_of_writing_cannot_be_turned),
        cmocka_unit_test(bytes_that_are_no_text_are_marked),
        cmocka_unit_test(long_text_is_cut_between_characters),
        cmocka_unit_test(parts_of_names_are_undone_then_escaped),
        cmocka_unit_test(numbers_read_as_written_by_hand),
        cmocka_unit_test(every_number_fits),
        cmocka_unit_test(a_decimal_comma_changes_nothing),
        cmocka_unit_test(lacks_are_words_and_counts_of_people_blurred),
        cmocka_unit_test(a_number_names_its_event_and_itself),
        cmocka_unit_test(a_later_entry_is_not_seen),
        cmocka_unit_test(sentences_take_their_places_in_any_order),
        cmocka_unit_test(every_text_is_there_in_every_language),
        cmocka_unit_test(keys_of_the_registry_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
