/* SPDX-License-Identifier: Apache-2.0
 * conv_frame.c - padded copies of images, out of which convolutions read (num/conv_parts.h). */
#include <string.h>

#include "num/conv_parts.h"

int64_t onus_frame_plane(const onus_frame *f)
{
    return f->rows * f->cols * f->parts;
}

/* Columns of remainder q: out[c] is row[c step + q - left], or 0 outside. The step is a
 * constant where the caller says so. */
static inline __attribute__((always_inline)) void
pad_part(const onus_frame *f, const int64_t step, int64_t q, const float *row, float *out)
{
    const int64_t at = q - f->left;
    int64_t from = at < 0 ? (-at + step - 1) / step : 0, /* the first that is inside */
        end = f->W > at ? (f->W - at + step - 1) / step : 0;
    if (from > f->cols) from = f->cols;
    if (end > f->cols) end = f->cols;
    if (end < from) end = from;
    memset(out, 0, (size_t)from * sizeof *out);
    if (step == 1)
        memcpy(out + from, row + from + at, (size_t)(end - from) * sizeof *out);
    else
        for (int64_t c = from; c < end; c++) out[c] = row[c * step + at];
    memset(out + end, 0, (size_t)(f->cols - end) * sizeof *out);
}

void onus_frame_pad(const onus_frame *f, const float *src, int64_t planes, float *out)
{
    const int64_t len = f->cols * f->parts;
    for (int64_t p = 0; p < planes; p++, src += f->H * f->W)
        for (int64_t r = 0; r < f->rows; r++, out += len) {
            const int64_t y = r - f->top;
            const float *row = src + y * f->W;
            if (y < 0 || y >= f->H) {
                memset(out, 0, (size_t)len * sizeof *out);
                continue;
            }
            for (int64_t q = 0; q < f->parts; q++) {
                float *to = out + q * f->cols;
                switch (f->step) {
                case 1: pad_part(f, 1, q, row, to); break;
                case 2: pad_part(f, 2, q, row, to); break;
                default: pad_part(f, f->step, q, row, to);
                }
            }
        }
}

int onus_frame_unit(int64_t run)
{
    return run <= 4 ? 4 : run <= 8 ? 8 : 16;
}

int64_t onus_frame_pieces(const onus_runs *r, int64_t j0, int64_t n, onus_piece *out)
{
    int64_t n_pieces = 0;
    const int64_t unit = onus_frame_unit(r->cols), P = r->rows * r->cols;
    for (int64_t j = j0; j < j0 + n;) {
        const int64_t e = j / P, y = j % P / r->cols, x = j % r->cols;
        int64_t len = r->cols - x < j0 + n - j ? r->cols - x : j0 + n - j;
        if (len > unit) len = unit;
        const int64_t slot = r->slots ? e % r->slots : e;
        out[n_pieces++] =
            (onus_piece){slot * r->example + r->start + y * r->row_step + x, j - j0};
        j += len;
    }
    return n_pieces;
}
