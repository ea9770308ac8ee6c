/* SPDX-License-Identifier: Apache-2.0
 * Goal: a chart says what its numbers say, and nothing else: axes hold their values at round
 * ticks, marks lie inside, what is no number is not drawn. Method: axes by hand and as a
 * property over thousands of ranges; marks of hostile values, read back from the markup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>

#include "report/chart.h"
#include "report/markup.h"

static void axis_is(double lo, double hi, int n, double a, double b, double step, int decimals)
{
    const onus_axis x = onus_axis_of(lo, hi, n);
    assert_float_equal(x.lo, a, fabs(step) * 1e-9);
    assert_float_equal(x.hi, b, fabs(step) * 1e-9);
    assert_float_equal(x.step, step, step * 1e-9);
    assert_int_equal(x.decimals, decimals);
}

static void axes_by_hand(void **state)
{
    (void)state;
    axis_is(0, 1, 4, 0, 1, 0.25, 2);
    axis_is(0, 0.162, 4, 0, 0.2, 0.05, 2);
    axis_is(-3, 7, 5, -4, 8, 2, 0);
    axis_is(0.31, 1.14, 5, 0.2, 1.2, 0.2, 1);
    axis_is(12000, 58000, 5, 10000, 60000, 10000, 0);
    axis_is(1, 0, 4, 0, 1, 0.25, 2); /* the wrong way round */
}

static void an_axis_holds_its_values_at_few_ticks(void **state)
{
    (void)state;
    uint64_t r = 1;
    for (int i = 0; i < 20000; i++) {
        double v[2];
        for (int k = 0; k < 2; k++) {
            r = r * 6364136223846793005u + 1442695040888963407u;
            v[k] = ldexp((double)(int64_t)(r >> 11) - 0x1p52, (int)(r % 600) - 352);
        }
        const double lo = v[0] < v[1] ? v[0] : v[1], hi = v[0] < v[1] ? v[1] : v[0];
        const onus_axis a = onus_axis_of(lo, hi, 5);
        const double ticks = (a.hi - a.lo) / a.step, room = 1e-8 * a.step;
        assert_true(a.step > 0 && isfinite(a.lo) && isfinite(a.hi));
        assert_true(a.lo <= lo + room + 1e-8 * fabs(lo) && a.hi >= hi - room - 1e-8 * fabs(hi));
        assert_true(ticks > 0.9 && ticks < 8.1);
    }
}

static void an_axis_of_nothing_is_an_axis(void **state)
{
    (void)state;
    static const double odd[] = {0,     1,      -1,       5e-324,    1e-300,
                                 1e300, -1e300, INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
            const onus_axis a = onus_axis_of(odd[i], odd[k], 4);
            assert_true(isfinite(a.lo) && isfinite(a.hi) && a.step > 0 && a.lo < a.hi);
        }
    }
}

/* ---- marks ------------------------------------------------------------------------------- */

typedef struct {
    onus_buf out;
    onus_page p;
    onus_chart c;
} drawing;

static onus_chart *drawing_open(drawing *d, const onus_axis *x, const onus_axis *y)
{
    *d = (drawing){0};
    onus_buf_init(&d->out, NULL, 1 << 22);
    d->p = (onus_page){.out = &d->out};
    onus_page_raw(&d->p, "<!doctype html>\n");
    onus_chart_open(&d->c, &d->p, "plot", 200);
    onus_page_text(&d->p, "title");
    onus_chart_desc(&d->c);
    onus_page_text(&d->p, "what it shows");
    onus_chart_body(&d->c, 20, 180, x, y);
    return &d->c;
}

/* The finished chart, checked; it holds `find` n times. */
static void drawing_expect(drawing *d, const char *find, int n)
{
    onus_chart_close(&d->c);
    assert_int_equal(d->out.st, ONUS_OK);
    (void)markup_check(d->out.data);
    assert_false(markup_has_word(d->out.data, "nan") || markup_has_word(d->out.data, "inf"));
    int found = 0;
    for (const char *c = d->out.data; (c = strstr(c, find)) != NULL; c++) found++;
    if (found != n) fail_msg("'%s' %d times instead of %d in %s", find, found, n, d->out.data);
    onus_buf_release(&d->out);
}

static void marks_stand_where_their_numbers_say(void **state)
{
    (void)state;
    const onus_axis x = onus_axis_of(0, 1, 4), y = {.lo = -10, .hi = 10, .step = 5};
    drawing d;
    onus_chart_dot(drawing_open(&d, &x, &y), "dot", 0.25, 0, 4); /* 180 - 160 / 2 */
    drawing_expect(&d, "<circle class=\"dot\" cx=\"25%\" cy=\"100\" r=\"4\"/>", 1);
    onus_chart_span(drawing_open(&d, &x, &y), "ci", 0.1, 10, 1 / 3.0, -10);
    drawing_expect(&d, "x1=\"10%\" y1=\"20\" x2=\"33.33%\" y2=\"180\"", 1);
    onus_chart_bar(drawing_open(&d, &x, NULL), "bar", 0.75, 0.5, 100, 9); /* y in pixels */
    drawing_expect(&d, "x=\"50%\" y=\"95.5\" width=\"25%\" height=\"9\"", 1);
    const double px[] = {0, 0.5, 1}, py[] = {-10, 0, 10};
    onus_chart_line(drawing_open(&d, &x, &y), "line", px, py, 3);
    drawing_expect(&d, "d=\"M0 1000 L500 500 L1000 0\"", 1);
}

static void what_is_no_number_is_not_drawn(void **state)
{
    (void)state;
    static const double odd[] = {NAN, INFINITY, -INFINITY};
    const onus_axis x = onus_axis_of(0, 1, 4);
    for (size_t i = 0; i < 3; i++) {
        drawing d;
        onus_chart *c = drawing_open(&d, &x, &x);
        onus_chart_dot(c, "mark", odd[i], 0.5, 4);
        onus_chart_dot(c, "mark", 0.5, odd[i], 4);
        onus_chart_span(c, "mark", odd[i], 0, 1, 1);
        onus_chart_span(c, "mark", 0, 0, 1, odd[i]);
        onus_chart_bar(c, "mark", 0, odd[i], 50, 9);
        onus_chart_ref_x(c, odd[i], "mark");
        onus_chart_number(c, "mark", ONUS_ANCHOR_END, 1, 50, odd[i], 3);
        drawing_expect(&d, "class=\"mark\"", 0);
    }
}

static void a_line_breaks_where_points_are_missing(void **state)
{
    (void)state;
    const onus_axis x = onus_axis_of(0, 4, 4);
    const double px[] = {0, 1, 2, 3, 4}, py[] = {4, NAN, 2, 2, INFINITY};
    drawing d;
    onus_chart_line(drawing_open(&d, &x, &x), "line", px, py, 5);
    drawing_expect(&d, "d=\"M0 0M500 500 L750 500\"", 1);
    onus_chart_line(drawing_open(&d, &x, &x), "line", px, py, 0);
    drawing_expect(&d, "d=\"\"", 1);
}

static void what_lies_outside_is_moved_to_the_edge(void **state)
{
    (void)state;
    static const double far[] = {-1e308, -1, 2, 1e308};
    const onus_axis x = onus_axis_of(0, 1, 4);
    for (size_t i = 0; i < 4; i++) {
        drawing d;
        onus_chart *c = drawing_open(&d, &x, &x);
        onus_chart_ticks_x(c, &x);
        onus_chart_ticks_y(c, &x);
        onus_chart_dot(c, "dot", far[i], far[i], 4);
        onus_chart_span(c, "ci", far[i], far[i], -far[i], -far[i]);
        onus_chart_bar(c, "bar", far[i], -far[i], 100, 9);
        onus_chart_ref_x(c, far[i], "here");
        onus_chart_line(c, "line", &far[i], &far[i], 1);
        drawing_expect(&d, far[i] < 0 ? "cx=\"0%\"" : "cx=\"100%\"", 1);
    }
}

static void texts_in_charts_are_escaped(void **state)
{
    (void)state;
    const onus_axis x = onus_axis_of(0, 1, 4);
    drawing d;
    onus_chart_ref_x(drawing_open(&d, &x, &x), 0.5, "</text><script>");
    drawing_expect(&d, "&lt;/text&gt;&lt;script&gt;", 1);
}

static void a_chart_in_a_cell_is_hidden_from_whoever_listens(void **state)
{
    (void)state;
    drawing d = {0};
    onus_buf_init(&d.out, NULL, 1 << 20);
    d.p = (onus_page){.out = &d.out};
    onus_page_raw(&d.p, "<!doctype html>\n");
    onus_chart_mini(&d.c, &d.p, "ok", 3, 3); /* no range at all */
    onus_chart_dot(&d.c, "dot", 3, 9, 4);
    drawing_expect(&d, "<svg class=\"mini ok\" aria-hidden=\"true\">", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(axes_by_hand),
        cmocka_unit_test(an_axis_holds_its_values_at_few_ticks),
        cmocka_unit_test(an_axis_of_nothing_is_an_axis),
        cmocka_unit_test(marks_stand_where_their_numbers_say),
        cmocka_unit_test(what_is_no_number_is_not_drawn),
        cmocka_unit_test(a_line_breaks_where_points_are_missing),
        cmocka_unit_test(what_lies_outside_is_moved_to_the_edge),
        cmocka_unit_test(texts_in_charts_are_escaped),
        cmocka_unit_test(a_chart_in_a_cell_is_hidden_from_whoever_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
