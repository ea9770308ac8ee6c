/* SPDX-License-Identifier: Apache-2.0
 * augment.c - images as training sees them: turned, mirrored, moved, cut out anew in every
 * epoch.
 *
 * What is done is drawn (NUMERICS.md, 9) from the words of (seed, epoch, row), each word at a
 * place of its own: neither order nor batch changes a draw, and asking for one thing more does
 * not change the others. Order: turn, mirror, shift, crop. Turns and mirrors only rename
 * pixels, so that the four together are one pass with a start and two steps through the bytes.
 */
#include "base/fail.h"
#include "data/parts.h"
#include "num/philox.h"

enum { TURN, ACROSS, DOWN, SHIFT_Y, SHIFT_X, CROP_Y, CROP_X, N_WORDS = 8 };

const char *const onus_flip_names[] = {"none", "horizontal", "vertical", "both", NULL};

bool onus_augments(const onus_data_spec *s)
{
    const onus_augment_spec *a = &s->augment;
    return a->flip != ONUS_FLIP_NONE || a->shift > 0 || a->crop > 0 || a->turn;
}

onus_status onus_augment_check(const onus_data_spec *s, const onus_shape *image, onus_err *err)
{
    const onus_augment_spec *a = &s->augment;
    const int64_t H = image->d[1], W = image->d[2], side = H < W ? H : W;
    const char *recipe = s->recipe ? s->recipe : "data";
    char shape[96];
    onus_shape_text(image, shape, sizeof shape);
    if (a->turn && H != W)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: data.augment.turn: images of shape %s (channels, height, "
                         "width) are not square, and turned ones would be of another shape",
                         recipe, a->line, shape);
    if (a->shift >= side || a->crop >= side)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: data.augment.%s: %lld pixels, and images are of shape %s "
                         "(channels, height, width)",
                         recipe, a->line, a->shift >= side ? "shift" : "crop",
                         (long long)(a->shift >= side ? a->shift : a->crop), shape);
    return ONUS_OK;
}

/* Pixel (y, x) of a plane, turned and mirrored, is byte start + y step_y + x step_x; what is
 * shown at (y, x) is that of (y + down, x + right), zero outside, then moved by the shift, the
 * edge's pixel outside. */
typedef struct {
    int64_t start, step_y, step_x;
    int64_t shift_y, shift_x, crop_y, crop_x;
} view;

/* -most .. most, each as likely as 32 bits can say it */
static int64_t offset(uint32_t word, int64_t most)
{
    return (int64_t)((uint64_t)word * (uint64_t)(2 * most + 1) >> 32) - most;
}

static view draw_view(const onus_dataset *d, uint64_t seed, uint32_t epoch, int64_t row,
                      int64_t H, int64_t W)
{
    const onus_augment_spec *a = &d->spec->augment;
    const onus_stream s = {
        .seed = seed, .step = epoch, .node = (uint32_t)row, .purpose = ONUS_DRAW_AUGMENT};
    uint32_t w[N_WORDS];
    onus_stream_words(&s, 0, N_WORDS, w);
    /* quarter turns against the clock: 0, 1, 2, 3; H = W where there are any */
    const view turned[] = {{.start = 0, .step_y = W, .step_x = 1},
                           {.start = W - 1, .step_y = -1, .step_x = W},
                           {.start = H * W - 1, .step_y = -W, .step_x = -1},
                           {.start = (H - 1) * W, .step_y = 1, .step_x = -W}};
    view v = turned[a->turn ? w[TURN] >> 30 : 0];
    if (a->flip & ONUS_FLIP_HORIZONTAL && w[ACROSS] >> 31) {
        v.start += (W - 1) * v.step_x;
        v.step_x = -v.step_x;
    }
    if (a->flip & ONUS_FLIP_VERTICAL && w[DOWN] >> 31) {
        v.start += (H - 1) * v.step_y;
        v.step_y = -v.step_y;
    }
    v.shift_y = offset(w[SHIFT_Y], a->shift);
    v.shift_x = offset(w[SHIFT_X], a->shift);
    v.crop_y = offset(w[CROP_Y], a->crop);
    v.crop_x = offset(w[CROP_X], a->crop);
    return v;
}

static int64_t clamp(int64_t i, int64_t n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

static void show_plane(const view *v, const uint8_t *plane, int64_t H, int64_t W, float *out)
{
    for (int64_t i = 0; i < H; i++) {
        const int64_t y = i + v->crop_y;
        const uint8_t *line = plane + v->start + clamp(y + v->shift_y, H) * v->step_y;
        for (int64_t j = 0; j < W; j++) {
            const int64_t x = j + v->crop_x;
            const bool there = y >= 0 && y < H && x >= 0 && x < W;
            out[i * W + j] =
                there ? (float)line[clamp(x + v->shift_x, W) * v->step_x] / 255.0f : 0.0f;
        }
    }
}

void onus_augment_image(const onus_dataset *d, uint64_t seed, uint32_t epoch, int64_t row,
                        const uint8_t *pixels, float *x)
{
    const onus_shape *image = &d->encoder->image;
    const int64_t C = image->d[0], H = image->d[1], W = image->d[2];
    const view v = draw_view(d, seed, epoch, row, H, W);
    for (int64_t c = 0; c < C; c++) show_plane(&v, pixels + c * H * W, H, W, x + c * H * W);
}
