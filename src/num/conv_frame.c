/* SPDX-License-Identifier: Apache-2.0
 * conv_frame.c - padded copies of images, out of which convolutions read (num/conv_parts.h). */

#include "num/conv_parts.h"

int64_t onus_frame_plane(const onus_frame *f)
{
    return f->rows * f->cols * f->parts;
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
