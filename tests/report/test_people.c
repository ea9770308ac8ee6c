/* SPDX-License-Identifier: Apache-2.0
 * Goal: the page about single people says why each was scored so, adds up, calls itself
 * personal data, and holds hostile values as text. Method: a small table and an explanation
 * made by hand, read back by the strict reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>

#include "report/markup.h"
#include "report/report.h"

#include "data/data_room.h"
#include "failing_mem.h"

enum { ROWS = 2, COLUMNS = 3 };

typedef struct {
    data_room room;
    onus_explanation x;
    int64_t rows[ROWS];
    double values[ROWS * COLUMNS], score[ROWS], base[ROWS], std_error[ROWS * COLUMNS];
} people;

/* Columns: amount (a number), <b>x (a category), c. */
static void people_open(people *w)
{
    static const char table[] = "amount,<b>x,c,y\n"
                                "10,\"<script>\",u,good\n"
                                "20,\"</text>\",v,bad\n"
                                "30,\"<script>\",u,good\n"
                                "40,\"a\"\"b\",v,bad\n"
                                "15,\"<script>\",u,good\n"
                                "25,\"</text>\",v,bad\n"
                                "35,\"<script>\",u,good\n"
                                "45,\"a\"\"b\",v,bad\n";
    static const double values[] = {0.25, -0.125, 0.0625, -0.5, 0.25, 0.125};
    memset(w, 0, sizeof *w);
    room_open(&w->room);
    onus_data_spec spec = room_spec(&w->room);
    spec.positive = "good";
    room_load(&w->room, &spec, table);
    assert_int_equal(onus_dataset_columns(w->room.d), COLUMNS);
    memcpy(w->values, values, sizeof values);
    w->rows[0] = 0; /* line 2 of the table */
    w->rows[1] = 3; /* line 5 */
    w->base[0] = w->base[1] = 0.5;
    w->score[0] = 0.5 + 0.25 - 0.125 + 0.0625;
    w->score[1] = 0.5 - 0.5 + 0.25 + 0.125;
    w->x = (onus_explanation){.n_rows = ROWS,
                              .n_columns = COLUMNS,
                              .rows = w->rows,
                              .values = w->values,
                              .score = w->score,
                              .base = w->base,
                              .std_error = w->std_error};
}

static onus_status write_page(const onus_allocator *mem, void *ctx, onus_err *err)
{
    people *w = ctx;
    static const int64_t show[] = {0, 1};
    onus_buf out;
    onus_buf_init(&out, mem, 1 << 22);
    onus_status st = onus_report_people(&w->x, NULL, w->room.d, "a<b", show, 2, &out, mem, err);
    onus_buf_release(&out);
    return st;
}

static char *page_of(people *w, int64_t n)
{
    static const int64_t show[] = {0, 1};
    onus_buf out;
    onus_buf_init(&out, NULL, 1 << 22);
    assert_int_equal(
        onus_report_people(&w->x, NULL, w->room.d, "a<b", show, n, &out, NULL, NULL), ONUS_OK);
    char *html = strdup(out.data);
    onus_buf_release(&out);
    (void)markup_check(html);
    return html;
}

static void expect(const char *html, const char *text)
{
    if (!strstr(html, text)) fail_msg("the page does not say '%s'", text);
}

static void each_person_is_explained(void **state)
{
    (void)state;
    people w;
    people_open(&w);
    char *html = page_of(&w, 2);
    static const char *const said[] = {
        "<b>Personal data.</b>",
        "a&lt;b",
        "probability of \xe2\x80\x9cgood\xe2\x80\x9d",
        "Row on line 2 of the table",
        "Row on line 5 of the table",
        "<dd>0.6875</dd>", /* score */
        "<dd>0.5000</dd>", /* mean of the others */
        "<dd>good</dd>",
        "<dd>bad</dd>",
        "<dd>0.000</dd>", /* the values add up */
        ">+0.250</text>",
        (">\xe2\x88\x92"
         "0.125</text>"),
        "&lt;b&gt;x",
        "&lt;script&gt;",
        "a&quot;b",
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) expect(html, said[i]);
    assert_null(strcasestr(html, "<script"));
    free(html);
    room_close(&w.room);
}

/* By hand: from 0.5 up by 0.25, down by 0.125, up by 0.0625; the axis goes from 0.5 to 0.8 in
 * steps of 0.1 (0.25 / 4 rounded up), so that 0.25 is 83.33% of it. */
static void bars_hang_together(void **state)
{
    (void)state;
    people w;
    people_open(&w);
    char *html = page_of(&w, 1);
    expect(html, "<rect class=\"bar\" x=\"0%\" y=\"42\" width=\"83.33%\" height=\"10\"");
    expect(html, "<rect class=\"bar down\" x=\"41.67%\" y=\"78\" width=\"41.67%\"");
    expect(html, "<rect class=\"bar\" x=\"41.67%\" y=\"114\" width=\"20.83%\"");
    free(html);
    room_close(&w.room);
}

static void what_does_not_add_up_is_told(void **state)
{
    (void)state;
    people w;
    people_open(&w);
    w.score[0] -= 0.25;
    char *html = page_of(&w, 1);
    expect(html, "<dd>0.250</dd>");
    free(html);
    w.score[0] = w.values[0] = NAN;
    html = page_of(&w, 1);
    assert_false(markup_has_word(html, "nan"));
    expect(html, "<span class=\"lack\">undefined</span>");
    free(html);
    room_close(&w.room);
}

static void nobody_is_a_page_too(void **state)
{
    (void)state;
    people w;
    people_open(&w);
    char *html = page_of(&w, 0);
    expect(html, "<b>Personal data.</b>");
    free(html);
    room_close(&w.room);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    people w;
    people_open(&w);
    assert_true(failing_mem_walk("explanations", write_page, &w) > 2);
    room_close(&w.room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_person_is_explained),     cmocka_unit_test(bars_hang_together),
        cmocka_unit_test(what_does_not_add_up_is_told), cmocka_unit_test(nobody_is_a_page_too),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
