/* SPDX-License-Identifier: Apache-2.0
 * Goal: the page about single texts and pictures marks what raises and lowers a score by more
 * than colour, adds up, warns, and holds hostile words as text. Method: a small table of texts
 * and one of pictures with shares made by hand, read back by the strict reader. */
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

enum { CONTEXT = 5 };

typedef struct {
    data_room room;
    onus_explanation x, r;
    int64_t rows[1];
    double values[16], relevance[16], score[1], base[1], std_error[16];
    float tokens[CONTEXT];
} page_room;

static void texts_open(page_room *w)
{
    static const char table[] = "words,y\n\"a <script> b\",good\n\"b a\",bad\n\"a a\",good\n"
                                "\"b b\",bad\n\"a b\",good\n\"b a a\",bad\n\"a\",good\nb,bad\n";
    static const onus_column_spec columns[] = {{.name = "words", .role = ONUS_ROLE_TEXT}};
    memset(w, 0, sizeof *w);
    room_open(&w->room);
    onus_data_spec spec = room_spec(&w->room);
    spec.positive = "good";
    spec.columns = columns;
    spec.n_columns = 1;
    spec.text = (onus_text_spec){.kind = ONUS_TOKENIZER_CHARACTER, .context = CONTEXT};
    room_load(&w->room, &spec, table);
    /* row 0: [CLS] a, blank, <, s */
    onus_dataset_fetch(w->room.d, &w->rows[0], 1, w->tokens, NULL, NULL);
    static const double values[] = {0, 0.25, -0.5, 0.01, 0.125},
                        relevance[] = {0, 1, -2, 0.5, 0.25};
    memcpy(w->values, values, sizeof values);
    memcpy(w->relevance, relevance, sizeof relevance);
    w->base[0] = 0.5;
    w->score[0] = 0.5 + 0.25 - 0.5 + 0.01 + 0.125;
    w->x = (onus_explanation){.n_rows = 1,
                              .n_columns = CONTEXT,
                              .rows = w->rows,
                              .values = w->values,
                              .score = w->score,
                              .base = w->base,
                              .std_error = w->std_error,
                              .tokens = w->tokens,
                              .output = -1};
    w->r = w->x;
    w->r.relevance = true;
    w->r.values = w->relevance;
}

static char *page_of(const page_room *w, bool both)
{
    onus_buf out;
    char *html = NULL;
    onus_buf_init(&out, NULL, 1 << 22);
    assert_int_equal(
        onus_report_shares(&w->x, both ? &w->r : NULL, w->room.d, "a<b", 1, &out, NULL, NULL),
        ONUS_OK);
    html = strdup(out.data);
    assert_non_null(html);
    onus_buf_release(&out);
    return html;
}

static int count_of(const char *html, const char *what)
{
    int n = 0;
    for (; (html = strstr(html, what)); html++) n++;
    return n;
}

static void texts_are_marked(void **state)
{
    (void)state;
    page_room w;
    texts_open(&w);
    char *html = page_of(&w, false);
    markup_check(html);
    assert_null(strstr(html, "<script"));
    assert_non_null(strstr(html, "a&lt;b"));                     /* the run's name */
    assert_non_null(strstr(html, "a &lt;script&gt; b"));         /* the text itself */
    assert_non_null(strstr(html, "<span class=\"tk up t2\">a")); /* a half of the largest */
    assert_non_null(strstr(html, "<span class=\"tk low t4\">"));
    assert_non_null(strstr(html, "<sup>\xe2\x88\x92</sup>"));   /* a sign beside the colour */
    assert_int_equal(count_of(html, "<span class=\"tk\">"), 2); /* [CLS]; 0.01 */
    assert_non_null(strstr(html, "\xe2\x88\x92"
                                 "0.5000")); /* in the table */
    assert_non_null(strstr(html, "probability of good"));
    assert_int_equal(count_of(html, "<p class=\"tokens\">"), 1);
    free(html);
    html = page_of(&w, true);
    markup_check(html);
    assert_int_equal(count_of(html, "<p class=\"tokens\">"), 2);
    assert_non_null(strstr(html, "log-odds of good"));
    free(html);
    room_close(&w.room);
}

static onus_status write_page(const onus_allocator *mem, void *ctx, onus_err *err)
{
    const page_room *w = ctx;
    onus_buf out;
    onus_buf_init(&out, mem, 1 << 22);
    onus_status st = onus_report_shares(&w->x, &w->r, w->room.d, "a<b", 1, &out, mem, err);
    onus_buf_release(&out);
    return st;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    page_room w;
    texts_open(&w);
    failing_mem_walk("the page of shares", write_page, &w);
    room_close(&w.room);
}

/* Two pictures of 2 by 3 pixels. */
static void pictures_have_a_map(void **state)
{
    (void)state;
    static const unsigned char images[] = {0, 0,   8, 3,   0, 0,   0, 4,   0, 0, 0, 2, 0, 0,
                                           0, 3,   0, 255, 0, 255, 0, 255, 0, 0, 9, 9, 9, 9,
                                           0, 255, 0, 255, 0, 255, 1, 0,   9, 9, 9, 9},
                               labels[] = {0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 0, 1};
    page_room w;
    memset(&w, 0, sizeof w);
    room_open(&w.room);
    room_write(&w.room, "i.idx", images, sizeof images);
    room_write(&w.room, "l.idx", labels, sizeof labels);
    const onus_data_spec spec = {.recipe = "r.yaml",
                                 .base_dir = w.room.dir,
                                 .format = ONUS_FORMAT_IDX,
                                 .source = "i.idx",
                                 .labels = "l.idx",
                                 .protected_none = true,
                                 .train = 0.5,
                                 .valid = 0.25,
                                 .test = 0.25};
    const onus_sink sink = {.emit = NULL};
    onus_err err = {.msg = ""};
    if (onus_dataset_open(&w.room.d, &spec, NULL, 1, &sink, NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    static const double values[] = {0, 1, -1, 0.05, 0.5, 0};
    memcpy(w.values, values, sizeof values);
    w.x = (onus_explanation){.n_rows = 1,
                             .n_columns = 6,
                             .rows = w.rows,
                             .values = w.values,
                             .score = w.score,
                             .base = w.base,
                             .std_error = w.std_error,
                             .output = -1};
    char *html = page_of(&w, false);
    markup_check(html);
    assert_non_null(strstr(html, "<svg class=\"heat\" viewBox=\"0 0 3 2\""));
    assert_non_null(strstr(html, "<path class=\"up t4\" d=\"M1 0 L2 0 L2 1 L1 1\"/>"));
    assert_non_null(strstr(html, "<path class=\"low t4\" d=\"M2 0.5 L2.5 0 L3 0.5 L2.5 1\"/>"));
    assert_non_null(strstr(html, "<path class=\"up t2\" d=\"M1 1 L2 1 L2 2 L1 2\"/>"));
    assert_int_equal(count_of(html, "<path class=\"up"), 2); /* 0.05 is below a tenth */
    free(html);
    room_close(&w.room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_marked),
        cmocka_unit_test(pictures_have_a_map),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
