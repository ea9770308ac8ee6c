/* SPDX-License-Identifier: Apache-2.0
 * chart.h - charts as SVG: axes, lines, dots, intervals, bars; no script, the same bytes each
 * time.
 *
 * A chart is as wide as its place and as high as it says: across, coordinates are per cent of
 * the width; down, they are pixels. So text keeps its size on a phone, where a scaled drawing
 * would shrink it. Only lines need points in a box of their own, 1000 x 1000, stretched over
 * the plot. Whatever is not finite is not drawn; whatever lies outside the axes is moved to
 * their edge. */
#ifndef ONUS_REPORT_CHART_H
#define ONUS_REPORT_CHART_H
#include "report/page.h"

typedef struct {
    onus_page *p;
    double height;         /* pixels */
    double top, bottom;    /* of the plot, pixels */
    double x0, x1, y0, y1; /* what its edges stand for; y0 at the bottom */
} onus_chart;

typedef enum { ONUS_ANCHOR_START, ONUS_ANCHOR_MIDDLE, ONUS_ANCHOR_END } onus_anchor;

/* Axis that holds [lo, hi] with round ticks, about n of them. */
typedef struct {
    double lo, hi, step;
    int decimals; /* that its ticks need */
} onus_axis;
onus_axis onus_axis_of(double lo, double hi, int n);

/* Opens <svg> and <title>, inside which the caller writes plain text; desc goes on to <desc>,
 * body ends both and sets the plot. "kind" is a class of the style sheet: "plot" keeps room for
 * labels at its left, "rows" does not. */
void onus_chart_open(onus_chart *c, onus_page *p, const char *kind, double height);
void onus_chart_desc(onus_chart *c);
void onus_chart_body(onus_chart *c, double top, double bottom, const onus_axis *x,
                     const onus_axis *y);
void onus_chart_close(onus_chart *c);
/* A drawing inside a line of text or a cell whose numbers stand beside it: hidden from whoever
 * reads aloud. */
void onus_chart_mini(onus_chart *c, onus_page *p, const char *style, double x0, double x1);

/* Lines and labels of the ticks. x labels stand under the plot, y labels left of it. */
void onus_chart_ticks_x(onus_chart *c, const onus_axis *x);
void onus_chart_ticks_y(onus_chart *c, const onus_axis *y);
/* A dashed line at x over the whole plot, with a text over it (NULL: none). */
void onus_chart_ref_x(onus_chart *c, double x, const char *text);

void onus_chart_line(onus_chart *c, const char *style, const double *x, const double *y,
                     int64_t n); /* broken where a point is not finite */
void onus_chart_span(onus_chart *c, const char *style, double x0, double y0, double x1,
                     double y1);
void onus_chart_dot(onus_chart *c, const char *style, double x, double y, double radius);
/* From x0 to x1, y its middle. */
void onus_chart_bar(onus_chart *c, const char *style, double x0, double x1, double y,
                    double height);
/* Opens <text> at a share of the width (0 .. 1) and y pixels; the caller writes plain text. */
void onus_chart_text_open(onus_chart *c, const char *style, onus_anchor anchor, double share,
                          double y);
void onus_chart_text_close(onus_chart *c);
/* The same with a number. */
void onus_chart_number(onus_chart *c, const char *style, onus_anchor anchor, double share,
                       double y, double v, int decimals);
#endif
