/* SPDX-License-Identifier: Apache-2.0
 * mistakes.c - the page of rows of the test part that the model got wrong, the surest first,
 * and the page of what a model of tokens writes: for private/, since rows may be about people.
 *
 * A picture is drawn as SVG: for each of 16 shades one path of runs of pixels, so that the page
 * needs no other file and no script. */
#include <math.h>
#include <stdio.h>

#include "base/fail.h"
#include "report/report.h"
#include "report/rows.h"
#include "report/sections.h"

enum { SHADES = 16, PIXEL_SIDE_MAX = 256 };

void onus_rows_page_open(onus_page *p, onus_text title, const char *run_name, onus_text lead)
{
    onus_document_open(p, title, run_name);
    onus_page_raw(p, "<header>");
    onus_page_tag(p, "<p class=\"eyebrow\">", title);
    onus_page_raw(p, "<h1>");
    onus_page_text(p, run_name);
    onus_page_raw(p, "</h1>");
    onus_page_tag(p, "<p class=\"alarm\">", ONUS_TEXT_TEXT_WARNING);
    onus_page_raw(p, "<p class=\"lead\">");
    onus_page_say(p, lead);
    onus_page_raw(p, "</p></header><main>\n");
}

onus_status onus_rows_page_close(onus_page *p, onus_buf *out, const char *what, onus_err *err)
{
    onus_page_raw(p, "</main>");
    onus_document_close(p);
    onus_arena_release(&p->arena);
    if (p->st == ONUS_NO_MEM) return onus_fail_mem(err, what);
    if (p->st != ONUS_OK)
        return onus_fail(err, p->st, "%s: a text of the data is broken", what);
    return onus_buf_status(out, what, err);
}

/* ---- pictures ---------------------------------------------------------------------------- */

static int shade_of(const float *x, const onus_shape *s, int64_t row, int64_t col)
{
    const int64_t plane = s->d[1] * s->d[2];
    float sum = 0;
    for (int64_t c = 0; c < s->d[0]; c++) sum += x[c * plane + row * s->d[2] + col];
    const int shade = (int)(sum / (float)s->d[0] * (float)(SHADES - 1) + 0.5f);
    return shade < 0 ? 0 : shade >= SHADES ? SHADES - 1 : shade;
}

/* Runs of one shade, row by row; a mean over channels, 0 black to 1 white. */
void onus_picture(onus_page *p, const float *x, const onus_shape *s)
{
    const int64_t height = s->d[1] < PIXEL_SIDE_MAX ? s->d[1] : PIXEL_SIDE_MAX,
                  width = s->d[2] < PIXEL_SIDE_MAX ? s->d[2] : PIXEL_SIDE_MAX;
    onus_page_printf(
        p,
        "<svg class=\"pixels\" viewBox=\"0 0 %d %d\" width=\"112\" height=\"112\" "
        "role=\"img\"><rect class=\"s0\" x=\"0\" y=\"0\" width=\"%d\" height=\"%d\"/>",
        (int)width, (int)height, (int)width, (int)height);
    for (int shade = 1; shade < SHADES; shade++) {
        bool open = false;
        for (int64_t r = 0; r < height; r++)
            for (int64_t c = 0; c < width; c++) {
                int64_t run = 0;
                while (c + run < width && shade_of(x, s, r, c + run) == shade) run++;
                if (run == 0) continue;
                const int a = (int)c, b = (int)(c + run), y = (int)r;
                if (!open) onus_page_printf(p, "<path class=\"s%x\" d=\"", shade);
                onus_page_printf(p, "%sM%d %d L%d %d L%d %d L%d %d", open ? " " : "", a, y, b,
                                 y, b, y + 1, a, y + 1);
                open = true;
                c += run - 1;
            }
        if (open) onus_page_raw(p, "\"/>");
    }
    onus_page_raw(p, "</svg>");
}

/* ---- what went wrong --------------------------------------------------------------------- */

static double score_of(const onus_predictions *q, int64_t i, int64_t c)
{
    if (q->task == ONUS_TASK_CLASSES) return (double)q->score[i * q->n_classes + c];
    return c == 1 ? (double)q->score[i] : 1 - (double)q->score[i];
}

/* Labels of a row; i below counts labels, those of a row one after the other. */
static int64_t labels_of(const onus_predictions *q)
{
    return q->task == ONUS_TASK_LABELS ? q->n_labels : 1;
}

static bool is_wrong(const onus_predictions *q, int64_t i)
{
    return q->label[i] >= 0 && q->decision[i] != (int32_t)q->label[i];
}

static void term(onus_page *p, onus_text t, const char *class_name, double share)
{
    char text[32];
    onus_term_open(p, t);
    onus_page_text(p, class_name);
    onus_plain_number(text, share, 2);
    onus_page_printf(p, " <span class=\"sub\">%s</span>", text);
    onus_term_close(p);
}

static void mistake(onus_page *p, const onus_mistakes *m, int64_t i)
{
    const onus_predictions *q = m->predictions;
    const int64_t L = labels_of(q), l = i % L, row = m->rows[i / L], said = q->decision[i],
                  is = (int64_t)q->label[i];
    const char *const *names = q->class_names + l * q->n_classes;
    const onus_shape shape = onus_dataset_input(m->data);
    char line[24];
    snprintf(line, sizeof line, "%lld", (long long)onus_dataset_line(m->data, row));
    onus_page_raw(p, "<section><h2>");
    ONUS_FILL(p, ONUS_TEXT_PERSON, ONUS_ANY(line));
    onus_page_raw(p, "</h2><div class=\"figures\">");
    if (shape.n == 3) {
        onus_dataset_fetch(m->data, &row, 1, m->room, NULL, NULL);
        onus_picture(p, m->room, &shape);
    } else {
        onus_page_raw(p, "<p class=\"quote\">");
        onus_page_text(p, onus_dataset_text(m->data, row, 0));
        onus_page_raw(p, "</p>");
    }
    onus_page_raw(p, "<dl class=\"meta\">");
    if (L > 1) {
        onus_term_open(p, ONUS_TEXT_TARGET);
        onus_page_text(p, q->label_names[l]);
        onus_term_close(p);
    }
    term(p, ONUS_TEXT_SAID, names[said], score_of(q, i, said));
    term(p, ONUS_TEXT_LABEL, names[is], score_of(q, i, is));
    onus_page_raw(p, "</dl></div>");
    onus_section_close(p);
}

onus_status onus_report_mistakes(const onus_mistakes *m, const char *run_name, onus_buf *out,
                                 const onus_allocator *mem, onus_err *err)
{
    const onus_predictions *q = m->predictions;
    onus_page p = {.out = out, .language = ONUS_ENGLISH};
    onus_arena_init(&p.arena, mem);
    const int64_t n = q->n * labels_of(q);
    bool *shown = onus_arena_alloc(&p.arena, (size_t)n + 1, sizeof *shown);
    if (!shown) {
        onus_arena_release(&p.arena);
        return onus_fail_mem(err, "mistakes");
    }
    onus_rows_page_open(&p, ONUS_TEXT_MISTAKES_TITLE, run_name, ONUS_TEXT_MISTAKES_LEAD);
    for (int k = 0; k < m->most; k++) { /* the surest that is left; of equals the first */
        int64_t best = -1;
        for (int64_t i = 0; i < n; i++) {
            if (shown[i] || !is_wrong(q, i)) continue;
            if (best < 0 ||
                score_of(q, i, q->decision[i]) > score_of(q, best, q->decision[best]))
                best = i;
        }
        if (best < 0) break;
        shown[best] = true;
        mistake(&p, m, best);
    }
    return onus_rows_page_close(&p, out, "mistakes", err);
}

/* ---- what it writes ---------------------------------------------------------------------- */

static void passage(onus_page *p, onus_text t, const char *text)
{
    onus_page_tag(p, "<h3>", t);
    onus_page_raw(p, "<pre>");
    onus_page_text(p, text);
    onus_page_raw(p, "</pre>");
}

onus_status onus_report_samples(const onus_sample *samples, int64_t n, const char *run_name,
                                onus_buf *out, const onus_allocator *mem, onus_err *err)
{
    onus_page p = {.out = out, .language = ONUS_ENGLISH};
    onus_arena_init(&p.arena, mem);
    onus_rows_page_open(&p, ONUS_TEXT_SAMPLES_TITLE, run_name, ONUS_TEXT_SAMPLES_LEAD);
    for (int64_t i = 0; i < n; i++) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)i + 1);
        onus_page_raw(&p, "<section><h2>");
        ONUS_FILL(&p, ONUS_TEXT_SAMPLE, ONUS_ANY(number));
        onus_page_raw(&p, "</h2>");
        passage(&p, ONUS_TEXT_GIVEN, samples[i].given);
        passage(&p, ONUS_TEXT_WRITTEN, samples[i].written);
        passage(&p, ONUS_TEXT_REAL, samples[i].real);
        onus_section_close(&p);
    }
    return onus_rows_page_close(&p, out, "samples", err);
}
