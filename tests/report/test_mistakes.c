/* SPDX-License-Identifier: Apache-2.0
 * Goal: the pages of what went wrong and of what a model writes show the surest mistakes first,
 * hold hostile texts as text, and draw a picture pixel for pixel. Method: a table of texts and
 * a file of two pictures with decisions made by hand, read back by the strict reader. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "report/markup.h"
#include "report/report.h"

#include "data/data_room.h"
#include "failing_mem.h"

static const char *const names[] = {"no<b>", "yes"};

typedef struct {
    data_room room;
    onus_predictions p;
    onus_mistakes m;
    int64_t rows[4];
    float label[4], score[4], pixels[4];
    int32_t decision[4];
} wrong;

/* Four rows; 0 is right, 1 is wrong at 0.6, 2 at 0.9, 3 (a no) at 0.2, that is surely no. */
static void decide(wrong *w)
{
    static const float label[] = {1, 0, 0, 1}, score[] = {0.8f, 0.6f, 0.9f, 0.2f};
    static const int32_t decision[] = {1, 1, 1, 0};
    memcpy(w->label, label, sizeof label);
    memcpy(w->score, score, sizeof score);
    memcpy(w->decision, decision, sizeof decision);
    for (int i = 0; i < 4; i++) w->rows[i] = i;
    w->p = (onus_predictions){.task = ONUS_TASK_BINARY,
                              .n = 4,
                              .n_classes = 2,
                              .class_names = names,
                              .label = w->label,
                              .score = w->score,
                              .decision = w->decision,
                              .score_is_probability = true};
    w->m = (onus_mistakes){w->room.d, &w->p, w->rows, 2, w->pixels};
}

static void texts_open(wrong *w)
{
    static const char table[] = "t,y\nfirst,a\nsecond,b\n<script>third,a\nfourth,b\n"
                                "e,a\nf,b\ng,a\nh,b\n";
    static const onus_column_spec columns[] = {{.name = "t", .role = ONUS_ROLE_TEXT}};
    memset(w, 0, sizeof *w);
    room_open(&w->room);
    onus_data_spec spec = room_spec(&w->room);
    spec.columns = columns;
    spec.n_columns = 1;
    spec.text.context = 8;
    spec.positive = "a";
    room_load(&w->room, &spec, table);
    decide(w);
}

static char *page_of(const onus_mistakes *m)
{
    onus_buf out;
    onus_buf_init(&out, NULL, 1 << 22);
    assert_int_equal(onus_report_mistakes(m, "a<b", &out, NULL, NULL), ONUS_OK);
    char *html = strdup(out.data);
    onus_buf_release(&out);
    (void)markup_check(html);
    return html;
}

/* Of the three mistakes two are shown: 0.9, then 0.8 (1 - 0.2). Lines: the table's. */
static void the_surest_come_first(void **state)
{
    (void)state;
    wrong w;
    texts_open(&w);
    char *html = page_of(&w.m);
    const char *third = strstr(html, "&lt;script&gt;third"), *fourth = strstr(html, "fourth");
    assert_true(third && fourth && third < fourth);
    assert_non_null(strstr(html, "Row on line 4 of the table"));
    assert_non_null(strstr(html, "no&lt;b&gt;"));
    assert_null(strstr(html, "second"));
    assert_null(strcasestr(html, "<script"));
    free(html);
    room_close(&w.room);
}

/* The same numbers as two labels of two rows: of row 0 the second is wrong at 0.6, of row 1 the
 * first at 0.9; its second, a no at 0.2, is not known and no mistake. */
static void of_several_labels_each_is_one(void **state)
{
    (void)state;
    static const char *const labels[] = {"rude", "loud"}, *const of_each[] = {"a", "b", "c",
                                                                              "d"};
    wrong w;
    texts_open(&w);
    w.p.task = ONUS_TASK_LABELS;
    w.p.n = 2;
    w.p.n_labels = 2;
    w.p.label_names = labels;
    w.p.class_names = of_each;
    w.label[3] = -1;
    w.m.most = 4;
    char *html = page_of(&w.m);
    const char *at = html;
    static const char *const said[] = {
        "Row on line 3 of", ">second<", ">rude<", ">b <", "0.90<", ">a <", "0.10<",
        "Row on line 2 of", ">first<",  ">loud<", ">d <", "0.60<", ">c <", "0.40<"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        const char *found = strstr(at, said[i]);
        if (!found) fail_msg("the page does not say '%s' there", said[i]);
        at = found + strlen(said[i]);
    }
    assert_null(strstr(at, "Row on line"));
    free(html);
    room_close(&w.room);
}

/* Shades of 16: 0 is the ground, 255 is 15, 128 is round(128 / 255 * 15) = 8. */
static void pictures_are_drawn_pixel_for_pixel(void **state)
{
    (void)state;
    static const uint8_t images[] = {0, 0,   8,   3,   0, 0, 0, 4, 0,   0,   0, 2, 0, 0, 0, 2,
                                     0, 255, 255, 128, 9, 9, 9, 9, 255, 255, 0, 0, 1, 2, 3, 4,
                                     0, 255, 255, 128, 9, 9, 9, 9, 255, 255, 0, 0, 1, 2, 3, 4};
    uint8_t file[16 + 16], labels[8 + 4] = {0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 0, 1};
    wrong w;
    memcpy(file, images, sizeof file);
    memset(&w, 0, sizeof w);
    room_open(&w.room);
    room_write(&w.room, "i", file, sizeof file);
    room_write(&w.room, "l", labels, sizeof labels);
    const onus_data_spec spec = {.recipe = "r",
                                 .base_dir = w.room.dir,
                                 .format = ONUS_FORMAT_IDX,
                                 .source = "i",
                                 .labels = "l",
                                 .protected_none = true,
                                 .train = 0.5,
                                 .valid = 0.25,
                                 .test = 0.25};
    assert_int_equal(room_try(&w.room, &spec, NULL, 1), ONUS_OK);
    decide(&w);
    w.m.most = 1; /* row 2: 255 255 over 0 0 */
    char *html = page_of(&w.m);
    assert_non_null(strstr(html, "viewBox=\"0 0 2 2\""));
    assert_non_null(strstr(html, "<path class=\"sf\" d=\"M0 0 L2 0 L2 1 L0 1\"/></svg>"));
    free(html);
    w.decision[2] = 0; /* now row 3 is the surest mistake: 1 2 over 3 4, all of them dark */
    html = page_of(&w.m);
    assert_null(strstr(html, "<path class=\"s"));
    free(html);
    w.decision[3] = 1; /* and now row 1: 9 9 over 9 9, shade 1 */
    html = page_of(&w.m);
    assert_non_null(
        strstr(html, "<path class=\"s1\" d=\"M0 0 L2 0 L2 1 L0 1 M0 1 L2 1 L2 2 L0 2\"/>"));
    free(html);
    room_close(&w.room);
}

static void samples_are_text(void **state)
{
    (void)state;
    const onus_sample s[] = {{"to be", " or <i>not", "\xe2\x80\xae to be"}, {"a", "b", "c"}};
    onus_buf out;
    onus_buf_init(&out, NULL, 1 << 20);
    assert_int_equal(onus_report_samples(s, 2, "r", &out, NULL, NULL), ONUS_OK);
    (void)markup_check(out.data);
    assert_non_null(strstr(out.data, "<pre> or &lt;i&gt;not</pre>"));
    assert_non_null(strstr(out.data, "[U+202E] to be"));
    assert_non_null(strstr(out.data, "Text 2"));
    onus_buf_release(&out);
}

static onus_status write_pages(const onus_allocator *mem, void *ctx, onus_err *err)
{
    const wrong *w = ctx;
    const onus_sample s[] = {{"a", "b", "c"}};
    onus_buf out;
    onus_buf_init(&out, mem, 1 << 22);
    onus_status st = onus_report_mistakes(&w->m, "r", &out, mem, err);
    if (st == ONUS_OK) st = onus_report_samples(s, 1, "r", &out, mem, err);
    onus_buf_release(&out);
    return st;
}

static void pages_survive_the_end_of_memory(void **state)
{
    (void)state;
    wrong w;
    texts_open(&w);
    failing_mem_walk("mistakes", write_pages, &w);
    room_close(&w.room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_surest_come_first),
        cmocka_unit_test(of_several_labels_each_is_one),
        cmocka_unit_test(pictures_are_drawn_pixel_for_pixel),
        cmocka_unit_test(samples_are_text),
        cmocka_unit_test(pages_survive_the_end_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
