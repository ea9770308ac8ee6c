/* SPDX-License-Identifier: Apache-2.0
 * chart.c - see chart.h. Coordinates are written as whole numbers of tenths or hundredths, so
 * that no locale and no printf decides their digits. */
#include "report/chart.h"

#include <math.h>
#include <stdio.h>

static double least(double a, double b)
{
    return a < b ? a : b;
}

static double most(double a, double b)
{
    return a > b ? a : b;
}

/* ---- axes -------------------------------------------------------------------------------- */

/* The least of 1, 2, 2.5, 5, 10 times a power of ten that is not under span / n. */
static double round_step(double span, int n)
{
    static const double rungs[] = {1, 2, 2.5, 5, 10};
    const double raw = span / n;
    double power = 1;
    while (power * 10 <= raw) power *= 10;
    while (power > raw) power /= 10;
    for (int i = 0; i < 4; i++) {
        if (raw <= rungs[i] * power) return rungs[i] * power;
    }
    return rungs[4] * power;
}

onus_axis onus_axis_of(double lo, double hi, int n)
{
    if (!isfinite(lo) || !isfinite(hi) || fabs(lo) > 1e300 || fabs(hi) > 1e300)
        return (onus_axis){.lo = 0, .hi = 1, .step = 0.5, .decimals = 1};
    if (lo > hi) {
        const double swap = lo;
        lo = hi;
        hi = swap;
    }
    /* A span that doubles cannot tell from nothing is opened around its value. */
    const double size = most(fabs(lo), fabs(hi));
    if (hi - lo <= size * 1e-9 || hi - lo < 1e-300) {
        const double half = size > 1e-290 ? size / 2 : 0.5;
        lo -= half;
        hi += half;
    }
    onus_axis a = {.step = round_step(hi - lo, n)};
    a.lo = floor(lo / a.step + 1e-9) * a.step;
    a.hi = ceil(hi / a.step - 1e-9) * a.step;
    for (double s = a.step; a.decimals < 9 && fabs(s - rint(s)) > 1e-6 * s; s *= 10)
        a.decimals++;
    return a;
}

/* ---- coordinates ------------------------------------------------------------------------- */

/* lo where v is no number, as between two edges that are one */
static double within(double v, double lo, double hi)
{
    return v > hi ? hi : v > lo ? v : lo;
}

/* v with one or two decimals; v is finite and small. */
static void coordinate(onus_page *p, double v, int decimals, const char *unit)
{
    const int64_t scale = decimals == 2 ? 100 : 10, n = (int64_t)rint(v * (double)scale),
                  size = n < 0 ? -n : n;
    onus_page_printf(p, "%s%lld", n < 0 ? "-" : "", (long long)(size / scale));
    if (size % scale != 0) onus_page_printf(p, ".%0*lld", decimals, (long long)(size % scale));
    onus_page_raw(p, unit);
}

static void attribute(onus_page *p, const char *name, double v, int decimals, const char *unit)
{
    onus_page_printf(p, " %s=\"", name);
    coordinate(p, v, decimals, unit);
    onus_page_raw(p, "\"");
}

static double share_of(const onus_chart *c, double x)
{
    return within((x - c->x0) / (c->x1 - c->x0), 0, 1);
}

static double pixel_of(const onus_chart *c, double y)
{
    return c->bottom - within((y - c->y0) / (c->y1 - c->y0), 0, 1) * (c->bottom - c->top);
}

static void across(const onus_chart *c, const char *name, double x)
{
    attribute(c->p, name, 100 * share_of(c, x), 2, "%");
}

static void down(const onus_chart *c, const char *name, double y)
{
    attribute(c->p, name, pixel_of(c, y), 1, "");
}

/* ---- the frame --------------------------------------------------------------------------- */

void onus_chart_open(onus_chart *c, onus_page *p, const char *kind, double height)
{
    *c = (onus_chart){.p = p, .height = height};
    const long long n = (long long)++p->n_charts;
    onus_page_printf(p,
                     "<svg class=\"chart %s\" width=\"100%%\" height=\"%d\" role=\"img\" "
                     "aria-labelledby=\"c%lldt c%lldd\"><title id=\"c%lldt\">",
                     kind, (int)height, n, n, n);
    p->plain = true;
}

void onus_chart_desc(onus_chart *c)
{
    onus_page_printf(c->p, "</title><desc id=\"c%lldd\">", (long long)c->p->n_charts);
}

void onus_chart_body(onus_chart *c, double top, double bottom, const onus_axis *x,
                     const onus_axis *y)
{
    c->p->plain = false;
    c->top = top;
    c->bottom = bottom;
    c->x0 = x->lo;
    c->x1 = x->hi;
    c->y0 = y ? y->lo : bottom; /* rows: y is pixels */
    c->y1 = y ? y->hi : top;
    onus_page_raw(c->p, "</desc>");
}

void onus_chart_close(onus_chart *c)
{
    onus_page_raw(c->p, "</svg>");
}

void onus_chart_mini(onus_chart *c, onus_page *p, const char *style, double x0, double x1)
{
    enum { HEIGHT = 18 };
    *c = (onus_chart){.p = p,
                      .height = HEIGHT,
                      .top = 0,
                      .bottom = HEIGHT,
                      .x0 = x0,
                      .x1 = x1 > x0 ? x1 : x0 + 1,
                      .y0 = HEIGHT,
                      .y1 = 0};
    onus_page_printf(p, "<svg class=\"mini %s\" aria-hidden=\"true\">", style);
}

/* ---- marks ------------------------------------------------------------------------------- */

void onus_chart_span(onus_chart *c, const char *style, double x0, double y0, double x1,
                     double y1)
{
    if (!isfinite(x0) || !isfinite(y0) || !isfinite(x1) || !isfinite(y1)) return;
    onus_page_printf(c->p, "<line class=\"%s\"", style);
    across(c, "x1", x0);
    down(c, "y1", y0);
    across(c, "x2", x1);
    down(c, "y2", y1);
    onus_page_raw(c->p, "/>");
}

void onus_chart_dot(onus_chart *c, const char *style, double x, double y, double radius)
{
    if (!isfinite(x) || !isfinite(y)) return;
    onus_page_printf(c->p, "<circle class=\"%s\"", style);
    across(c, "cx", x);
    down(c, "cy", y);
    attribute(c->p, "r", radius, 1, "");
    onus_page_raw(c->p, "/>");
}

void onus_chart_bar(onus_chart *c, const char *style, double x0, double x1, double y,
                    double height)
{
    if (!isfinite(x0) || !isfinite(x1) || !isfinite(y)) return;
    const double a = share_of(c, least(x0, x1)), b = share_of(c, most(x0, x1));
    onus_page_printf(c->p, "<rect class=\"%s\"", style);
    attribute(c->p, "x", 100 * a, 2, "%");
    attribute(c->p, "y", pixel_of(c, y) - height / 2, 1, "");
    attribute(c->p, "width", 100 * (b - a), 2, "%");
    attribute(c->p, "height", height, 1, "");
    onus_page_raw(c->p, " rx=\"2\"/>");
}

void onus_chart_line(onus_chart *c, const char *style, const double *x, const double *y,
                     int64_t n)
{
    enum { BOX = 1000 };
    onus_page *p = c->p;
    onus_page_raw(p, "<svg class=\"box\" x=\"0\" width=\"100%\" viewBox=\"0 0 1000 1000\" "
                     "preserveAspectRatio=\"none\"");
    attribute(p, "y", c->top, 1, "");
    attribute(p, "height", c->bottom - c->top, 1, "");
    onus_page_printf(p, "><path class=\"%s\" d=\"", style);
    bool drawing = false;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i])) {
            drawing = false;
            continue;
        }
        onus_page_raw(p, drawing ? " L" : "M");
        coordinate(p, BOX * share_of(c, x[i]), 1, " ");
        coordinate(p, BOX * (pixel_of(c, y[i]) - c->top) / (c->bottom - c->top), 1, "");
        drawing = true;
    }
    onus_page_raw(p, "\"/></svg>");
}

/* ---- words ------------------------------------------------------------------------------- */

void onus_chart_text_open(onus_chart *c, const char *style, onus_anchor anchor, double share,
                          double y)
{
    static const char *const names[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
    onus_page_printf(c->p, "<text class=\"%s\"%s", style, names[anchor]);
    attribute(c->p, "x", 100 * within(share, 0, 1), 2, "%");
    attribute(c->p, "y", y, 1, "");
    onus_page_raw(c->p, ">");
    c->p->plain = true;
}

void onus_chart_text_close(onus_chart *c)
{
    c->p->plain = false;
    onus_page_raw(c->p, "</text>");
}

void onus_chart_number(onus_chart *c, const char *style, onus_anchor anchor, double share,
                       double y, double v, int decimals)
{
    char text[32];
    if (!isfinite(v)) return;
    onus_plain_number(text, v, decimals);
    onus_chart_text_open(c, style, anchor, share, y);
    onus_page_raw(c->p, text);
    onus_chart_text_close(c);
}

/* Ticks are numbered, not added up: no error gathers. */
static double tick(const onus_axis *a, int i)
{
    const double v = a->lo + i * a->step;
    return fabs(v) < a->step * 1e-9 ? 0 : v;
}

static int tick_count(const onus_axis *a)
{
    const double n = rint((a->hi - a->lo) / a->step);
    return n >= 1 && n < 50 ? (int)n + 1 : 0;
}

void onus_chart_ticks_x(onus_chart *c, const onus_axis *x)
{
    const int n = tick_count(x);
    for (int i = 0; i < n; i++) {
        const double v = tick(x, i), share = share_of(c, v);
        onus_page_raw(c->p, "<line class=\"grid\"");
        across(c, "x1", v);
        attribute(c->p, "y1", c->top, 1, "");
        across(c, "x2", v);
        attribute(c->p, "y2", c->bottom, 1, "");
        onus_page_raw(c->p, "/>");
        onus_chart_number(c, "tick",
                          i == 0       ? ONUS_ANCHOR_START
                          : i == n - 1 ? ONUS_ANCHOR_END
                                       : ONUS_ANCHOR_MIDDLE,
                          share, c->bottom + 17, v, x->decimals);
    }
}

void onus_chart_ticks_y(onus_chart *c, const onus_axis *y)
{
    const int n = tick_count(y);
    for (int i = 0; i < n; i++) {
        const double v = tick(y, i);
        onus_page_raw(c->p, "<line class=\"grid\" x1=\"0\" x2=\"100%\"");
        down(c, "y1", v);
        down(c, "y2", v);
        onus_page_raw(c->p, "/>");
        char text[32];
        onus_plain_number(text, v, y->decimals);
        onus_page_raw(c->p, "<text class=\"tick\" text-anchor=\"end\" x=\"-8\"");
        attribute(c->p, "y", pixel_of(c, v) + 4, 1, "");
        onus_page_printf(c->p, ">%s</text>", text);
    }
}

void onus_chart_ref_x(onus_chart *c, double x, const char *text)
{
    if (!isfinite(x)) return;
    const double share = share_of(c, x);
    onus_page_raw(c->p, "<line class=\"ref\"");
    across(c, "x1", x);
    attribute(c->p, "y1", c->top, 1, "");
    across(c, "x2", x);
    attribute(c->p, "y2", c->bottom, 1, "");
    onus_page_raw(c->p, "/>");
    if (!text) return;
    onus_chart_text_open(c, "reflabel",
                         share < 0.15   ? ONUS_ANCHOR_START
                         : share > 0.85 ? ONUS_ANCHOR_END
                                        : ONUS_ANCHOR_MIDDLE,
                         share, c->top - 6);
    onus_page_text(c->p, text);
    onus_chart_text_close(c);
}
