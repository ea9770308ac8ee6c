/* SPDX-License-Identifier: Apache-2.0
 * shares.c - the page about single texts or pictures, for private/: of which tokens or pixels
 * the model made each one's score.
 *
 * Signs do not rest on colour: what lowers a score has another shape (a dashed line and a
 * minus, a diamond), and a table has every number. */
#include <math.h>
#include <stdio.h>

#include "base/fail.h"
#include "report/report.h"
#include "report/rows.h"
#include "report/sections.h"

enum { LEVELS = 4, MARKED = 2, SIDE_MAX = 256 };

typedef struct {
    const onus_explanation *x;
    const onus_dataset *d;
    int64_t i;
    double top; /* largest share of the row, by size */
    onus_buf *piece;
} row;

static double share_of(const row *w, int64_t c)
{
    return w->x->values[w->i * w->x->n_columns + c];
}

static void find_top(row *w)
{
    w->top = 0;
    for (int64_t c = 0; c < w->x->n_columns; c++)
        if (fabs(share_of(w, c)) > w->top) w->top = fabs(share_of(w, c));
}

/* 0 below a tenth of the largest share, up to LEVELS. */
static int level_of(const row *w, double v)
{
    const double part = w->top > 0 ? fabs(v) / w->top : 0;
    if (!(part >= 0.1)) return 0;
    const int level = (int)ceil(part * LEVELS);
    return level > LEVELS ? LEVELS : level;
}

/* ---- texts ------------------------------------------------------------------------------- */

static void token_text(onus_page *p, const row *w, float token)
{
    const int32_t id = (int32_t)token;
    w->piece->len = 0;
    if (onus_tokenizer_decode(onus_dataset_tokenizer(w->d), &id, 1, false, w->piece, NULL) !=
            ONUS_OK ||
        onus_buf_status(w->piece, "explanations", NULL) != ONUS_OK) {
        if (p->st == ONUS_OK) p->st = ONUS_NO_MEM;
        return;
    }
    onus_page_text(p, w->piece->len > 0 ? w->piece->data : "");
}

/* Words stand apart; pieces of them bring their own blanks. */
static bool is_apart(const row *w)
{
    const onus_tokenizer_kind k = onus_tokenizer_kind_of(onus_dataset_tokenizer(w->d));
    return k == ONUS_TOKENIZER_WORD || k == ONUS_TOKENIZER_WORDPIECE;
}

static void marked_text(onus_page *p, const row *w)
{
    const float *tokens = w->x->tokens + w->i * w->x->n_columns;
    onus_page_raw(p, "<p class=\"tokens\">");
    for (int64_t t = 0; t < w->x->n_columns; t++) {
        const double v = share_of(w, t);
        const int level = level_of(w, v);
        if (tokens[t] < 0) continue;
        if (level > 0)
            onus_page_printf(p, "<span class=\"tk %s t%d\">", v < 0 ? "low" : "up", level);
        else
            onus_page_raw(p, "<span class=\"tk\">");
        token_text(p, w, tokens[t]);
        if (level >= MARKED)
            onus_page_raw(p, v < 0 ? "<sup>\xe2\x88\x92</sup>" : "<sup>+</sup>");
        onus_page_raw(p, is_apart(w) ? "</span> " : "</span>");
    }
    onus_page_raw(p, "</p>");
}

static void all_tokens(onus_page *p, const row *w)
{
    const onus_heading heads[] = {
        {ONUS_TEXT_TOKEN, ""},
        {w->x->relevance ? ONUS_TEXT_RELEVANCE : ONUS_TEXT_SHAPLEY, "num"},
        {ONUS_TEXT_STANDARD_ERROR, "num"}};
    const float *tokens = w->x->tokens + w->i * w->x->n_columns;
    onus_details_open(p, ONUS_TEXT_NUMBERS);
    onus_table_open(p, "small", heads, w->x->relevance ? 2 : 3);
    for (int64_t t = 0; t < w->x->n_columns; t++) {
        if (tokens[t] < 0) continue;
        onus_page_raw(p, "<tr><th scope=\"row\">");
        token_text(p, w, tokens[t]);
        onus_page_raw(p, "</th><td class=\"num\">");
        onus_row_number(p, share_of(w, t), 4);
        if (!w->x->relevance) {
            onus_page_raw(p, "</td><td class=\"num\">");
            onus_row_number(p, w->x->std_error[w->i * w->x->n_columns + t], 4);
        }
        onus_page_raw(p, "</td></tr>\n");
    }
    onus_table_close(p);
    onus_details_close(p);
}

/* ---- pictures ---------------------------------------------------------------------------- */

/* Shares of a pixel over its channels; top becomes that of pixels. */
static double pixel_of(const row *w, const onus_shape *s, int64_t k)
{
    const int64_t plane = s->d[1] * s->d[2];
    double sum = 0;
    for (int64_t c = 0; c < s->d[0]; c++) sum += share_of(w, c * plane + k);
    return sum;
}

/* Pixels of one sign and level: squares, or diamonds. */
static void heat_path(onus_page *p, const row *w, const onus_shape *s, bool low, int level)
{
    bool open = false;
    for (int64_t k = 0; k < s->d[1] * s->d[2]; k++) {
        const double v = pixel_of(w, s, k);
        const int x = (int)(k % s->d[2]), y = (int)(k / s->d[2]);
        if (level_of(w, v) != level || (v < 0) != low || x >= SIDE_MAX || y >= SIDE_MAX)
            continue;
        if (!open)
            onus_page_printf(p, "<path class=\"%s t%d\" d=\"", low ? "low" : "up", level);
        if (low)
            onus_page_printf(p, "M%d %d.5 L%d.5 %d L%d %d.5 L%d.5 %d", x, y, x, y, x + 1, y, x,
                             y + 1);
        else
            onus_page_printf(p, "M%d %d L%d %d L%d %d L%d %d", x, y, x + 1, y, x + 1, y + 1, x,
                             y + 1);
        open = true;
    }
    if (open) onus_page_raw(p, "\"/>");
}

static void heat(onus_page *p, row *w, const onus_shape *s)
{
    const int64_t H = s->d[1] < SIDE_MAX ? s->d[1] : SIDE_MAX,
                  W = s->d[2] < SIDE_MAX ? s->d[2] : SIDE_MAX;
    w->top = 0;
    for (int64_t k = 0; k < s->d[1] * s->d[2]; k++)
        if (fabs(pixel_of(w, s, k)) > w->top) w->top = fabs(pixel_of(w, s, k));
    onus_page_printf(p,
                     "<svg class=\"heat\" viewBox=\"0 0 %d %d\" width=\"224\" height=\"224\" "
                     "role=\"img\"><title>",
                     (int)W, (int)H);
    onus_page_say(p, ONUS_TEXT_SHARE_MAP);
    onus_page_raw(p, "</title><desc>");
    onus_page_say(p, ONUS_TEXT_SHARE_MAP_DESC);
    onus_page_raw(p, "</desc>");
    for (int level = 1; level <= LEVELS; level++) {
        heat_path(p, w, s, false, level);
        heat_path(p, w, s, true, level);
    }
    onus_page_raw(p, "</svg>");
}

static void beside_picture(onus_page *p, row *w, float *room)
{
    const onus_shape shape = onus_dataset_input(w->d);
    onus_dataset_fetch(w->d, &w->x->rows[w->i], 1, room, NULL, NULL);
    onus_page_raw(p, "<div class=\"side\">");
    onus_picture(p, room, &shape);
    heat(p, w, &shape);
    onus_page_raw(p, "</div>");
}

/* ---- rows -------------------------------------------------------------------------------- */

static void one_way(onus_page *p, row *w, float *room)
{
    const bool text = w->x->tokens;
    char of[512];
    onus_explain_of(w->x, w->d, of);
    double sum = w->x->base[w->i];
    for (int64_t c = 0; c < w->x->n_columns; c++) sum += share_of(w, c);
    onus_page_tag(p, "<h3>",
                  w->x->relevance ? ONUS_TEXT_SHARES_RELEVANCE : ONUS_TEXT_SHARES_SHAPLEY);
    find_top(w);
    if (text)
        marked_text(p, w);
    else
        beside_picture(p, w, room);
    onus_page_raw(p, "<dl class=\"meta\">");
    onus_term_open(p, ONUS_TEXT_SCORE);
    onus_row_number(p, w->x->score[w->i], 4);
    onus_page_raw(p, "<span class=\"sub\">");
    onus_page_text(p, of);
    onus_page_raw(p, "</span>");
    onus_term_close(p);
    onus_term_open(p, !text             ? ONUS_TEXT_BASE
                      : w->x->relevance ? ONUS_TEXT_BASE_ZERO
                                        : ONUS_TEXT_BASE_EMPTY);
    onus_row_number(p, w->x->base[w->i], 4);
    onus_term_close(p);
    onus_term_open(p, ONUS_TEXT_ADDITIVITY);
    onus_row_number(p, sum - w->x->score[w->i], 3);
    onus_term_close(p);
    onus_page_raw(p, "</dl>");
    if (text) all_tokens(p, w);
}

onus_status onus_report_shares(const onus_explanation *e, const onus_explanation *other,
                               const onus_dataset *d, const char *run_name, int64_t n_show,
                               onus_buf *out, const onus_allocator *mem, onus_err *err)
{
    onus_page p = {.out = out, .language = ONUS_ENGLISH};
    onus_buf piece;
    onus_arena_init(&p.arena, mem);
    onus_buf_init(&piece, mem, 1 << 20);
    float *room =
        onus_arena_alloc(&p.arena, (size_t)onus_dataset_features(d) + 1, sizeof *room);
    if (!room) p.st = ONUS_NO_MEM;
    onus_rows_page_open(&p, ONUS_TEXT_SHARES_TITLE, run_name,
                        e->tokens ? ONUS_TEXT_SHARES_TEXT_LEAD : ONUS_TEXT_SHARES_IMAGE_LEAD);
    for (int64_t i = 0; p.st == ONUS_OK && i < n_show; i++) {
        char line[24];
        row w = {.x = e, .d = d, .i = i, .piece = &piece};
        snprintf(line, sizeof line, "%lld", (long long)onus_dataset_line(d, e->rows[i]));
        onus_page_raw(&p, "<section><h2>");
        ONUS_FILL(&p, ONUS_TEXT_PERSON, ONUS_ANY(line));
        onus_page_raw(&p, "</h2><dl class=\"meta\">");
        onus_term_open(&p, ONUS_TEXT_LABEL);
        onus_row_label(&p, e, i, d);
        onus_term_close(&p);
        onus_page_raw(&p, "</dl>");
        if (e->tokens) {
            onus_page_raw(&p, "<p class=\"quote\">");
            onus_page_text(&p, onus_dataset_text(d, e->rows[i], 0));
            onus_page_raw(&p, "</p>");
        }
        one_way(&p, &w, room);
        w.x = other;
        if (other) one_way(&p, &w, room);
        onus_section_close(&p);
    }
    onus_buf_release(&piece);
    return onus_rows_page_close(&p, out, "explanations", err);
}
