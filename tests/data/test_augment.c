/* SPDX-License-Identifier: Apache-2.0
 * Goal: training sees images turned, mirrored, moved and cut out as the recipe says, each by a
 * draw that belongs to (seed, epoch, row) alone; what is evaluated stays as it is.
 *
 * Method: for every operation all results an image of four or six pixels can have, written by
 * hand: each must come about and no other; for all together plain steps on a larger image, one
 * after the other, from the words that docs/NUMERICS.md names; shares within five deviations.
 * Counts of 1,024 are enough for a result of one in nine to be missed once in 10^52. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/hash.h"
#include "data_room.h"
#include "num/philox.h"

enum { ROWS = 8, EPOCHS = 128, SEED = 1 };

/* ROWS images of C x H x W whose bytes are `image`, or counted on where that is NULL. */
static void write_images(data_room *room, uint32_t C, uint32_t H, uint32_t W,
                         const unsigned char *image)
{
    unsigned char bytes[4096] = {0, 0, 8, 4,
                                 0, 0, 0, ROWS,
                                 0, 0, 0, (unsigned char)C,
                                 0, 0, 0, (unsigned char)H,
                                 0, 0, 0, (unsigned char)W};
    unsigned char labels[8 + ROWS] = {0, 0, 8, 1, 0, 0, 0, ROWS};
    const uint32_t size = C * H * W;
    for (uint32_t i = 0; i < ROWS * size; i++)
        bytes[20 + i] = image ? image[i % size] : (unsigned char)(i % 250 + 1);
    for (int i = 0; i < ROWS; i++) labels[8 + i] = (unsigned char)(i % 2);
    room_write(room, "i", bytes, 20 + ROWS * size);
    room_write(room, "l", labels, sizeof labels);
}

static onus_data_spec image_spec(data_room *room, onus_augment_spec augment)
{
    onus_data_spec s = room_spec(room);
    s.format = ONUS_FORMAT_IDX;
    s.source = "i";
    s.labels = "l";
    s.label = NULL;
    s.augment = augment;
    s.augment.line = 6;
    return s;
}

/* The data sheet names what is asked for, and nothing else. */
static void the_sheet_names_it(void **state)
{
    (void)state;
    static const unsigned char image[4] = {1, 2, 3, 4};
    static const onus_augment_spec rows[] = {
        {0},
        {.flip = ONUS_FLIP_VERTICAL, .shift = 1},
        {.flip = ONUS_FLIP_BOTH, .crop = 1, .turn = true},
    };
    static const char *const flip[] = {NULL, "vertical", "both"};
    for (int i = 0; i < 3; i++) {
        data_room room;
        room_open(&room);
        const onus_data_spec s = image_spec(&room, rows[i]);
        write_images(&room, 1, 2, 2, image);
        room_load(&room, &s, NULL);
        const onus_field *f = onus_facts_find(room.facts, "data.augment.flip"),
                         *turn = onus_facts_find(room.facts, "data.augment.turn"),
                         *shift = onus_facts_find(room.facts, "data.augment.shift"),
                         *crop = onus_facts_find(room.facts, "data.augment.crop");
        assert_true(!f == !flip[i]);
        if (f) assert_string_equal(f->text, flip[i]);
        assert_true(!turn == !rows[i].turn);
        assert_true(!shift == !rows[i].shift && (!shift || shift->i == 1));
        assert_true(!crop == !rows[i].crop && (!crop || crop->i == 1));
        room_close(&room);
    }
}

/* Every image in every epoch is one of the n results, and each of them comes about. */
static void only_these(uint32_t H, uint32_t W, const unsigned char *image,
                       onus_augment_spec augment, const unsigned char (*results)[6], int n)
{
    data_room room;
    int seen[16] = {0};
    room_open(&room);
    const onus_data_spec s = image_spec(&room, augment);
    write_images(&room, 1, H, W, image);
    room_load(&room, &s, NULL);
    for (uint32_t epoch = 1; epoch <= EPOCHS; epoch++) {
        for (int64_t row = 0; row < ROWS; row++) {
            float x[6], y;
            int k = 0;
            onus_dataset_examples(room.d, onus_dataset_seed(room.d), epoch, &row, 1, x, &y);
            assert_true(y == (float)(row % 2));
            for (; k < n; k++) {
                bool same = true;
                for (uint32_t i = 0; i < H * W; i++)
                    same = same && x[i] == (float)results[k][i] / 255.0f;
                if (same) break;
            }
            if (k == n) fail_msg("epoch %u, row %d: no such result", epoch, (int)row);
            seen[k]++;
        }
    }
    for (int k = 0; k < n; k++)
        if (seen[k] == 0) fail_msg("result %d never came about", k);
    room_close(&room);
}

static void each_by_hand(void **state)
{
    (void)state;
    static const unsigned char two[] = {1, 2, 3, 4}, three[] = {1, 2, 3, 4, 5, 6};
    static const unsigned char turned[][6] = {
        {1, 2, 3, 4}, {2, 4, 1, 3}, {4, 3, 2, 1}, {3, 1, 4, 2}};
    static const unsigned char mirrored[][6] = {
        {1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {4, 5, 6, 1, 2, 3}, {6, 5, 4, 3, 2, 1}};
    static const unsigned char upside[][6] = {{1, 2, 3, 4, 5, 6}, {4, 5, 6, 1, 2, 3}};
    static const unsigned char shifted[][6] = {{1, 2, 3, 4}, {1, 1, 3, 3}, {2, 2, 4, 4},
                                               {1, 2, 1, 2}, {3, 4, 3, 4}, {1, 1, 1, 1},
                                               {2, 2, 2, 2}, {3, 3, 3, 3}, {4, 4, 4, 4}};
    static const unsigned char cropped[][6] = {
        {1, 2, 3, 4, 5, 6}, {0, 1, 2, 0, 4, 5}, {2, 3, 0, 5, 6, 0},
        {0, 0, 0, 1, 2, 3}, {4, 5, 6, 0, 0, 0}, {0, 0, 0, 0, 1, 2},
        {0, 0, 0, 2, 3, 0}, {0, 4, 5, 0, 0, 0}, {5, 6, 0, 0, 0, 0}};
    only_these(2, 2, two, (onus_augment_spec){.turn = true}, turned, 4);
    only_these(2, 3, three, (onus_augment_spec){.flip = ONUS_FLIP_HORIZONTAL}, mirrored, 2);
    only_these(2, 3, three, (onus_augment_spec){.flip = ONUS_FLIP_VERTICAL}, upside, 2);
    only_these(2, 3, three, (onus_augment_spec){.flip = ONUS_FLIP_BOTH}, mirrored, 4);
    only_these(2, 2, two, (onus_augment_spec){.shift = 1}, shifted, 9);
    only_these(2, 3, three, (onus_augment_spec){.crop = 1}, cropped, 9);
    only_these(2, 3, three, (onus_augment_spec){0}, mirrored, 1);
}

/* ---- all together ------------------------------------------------------------------------ */

enum { SIDE = 5, PLANE = SIDE * SIDE, CHANNELS = 2 };

static void quarter(int a[SIDE][SIDE])
{
    int b[SIDE][SIDE];
    for (int i = 0; i < SIDE; i++) /* against the clock: the right column becomes the top row */
        for (int j = 0; j < SIDE; j++) b[i][j] = a[j][SIDE - 1 - i];
    memcpy(a, b, sizeof b);
}

static void mirror(int a[SIDE][SIDE], bool across)
{
    int b[SIDE][SIDE];
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++)
            b[i][j] = across ? a[i][SIDE - 1 - j] : a[SIDE - 1 - i][j];
    memcpy(a, b, sizeof b);
}

/* pad: what surrounds the image is 0, else its nearest pixel */
static void move(int a[SIDE][SIDE], int down, int across, bool pad)
{
    int b[SIDE][SIDE];
    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++) {
            int y = i + down, x = j + across;
            const bool outside = y < 0 || y >= SIDE || x < 0 || x >= SIDE;
            y = y < 0 ? 0 : y >= SIDE ? SIDE - 1 : y;
            x = x < 0 ? 0 : x >= SIDE ? SIDE - 1 : x;
            b[i][j] = pad && outside ? 0 : a[y][x];
        }
    }
    memcpy(a, b, sizeof b);
}

static int offset(uint32_t word, int most)
{
    return (int)floor((double)word * (2 * most + 1) / 4294967296.0) - most;
}

static void in_their_order(void **state)
{
    (void)state;
    const onus_augment_spec all = {.flip = ONUS_FLIP_BOTH, .shift = 2, .crop = 1, .turn = true};
    data_room room;
    room_open(&room);
    const onus_data_spec s = image_spec(&room, all);
    write_images(&room, CHANNELS, SIDE, SIDE, NULL);
    room_load(&room, &s, NULL);
    for (int64_t row = 0; row < ROWS; row++) {
        for (uint32_t epoch = 1; epoch < 20; epoch++) {
            const onus_stream stream = {.seed = SEED,
                                        .step = epoch,
                                        .node = (uint32_t)row,
                                        .purpose = ONUS_DRAW_AUGMENT};
            uint32_t w[8];
            float x[CHANNELS * PLANE];
            onus_stream_words(&stream, 0, 8, w);
            onus_dataset_examples(room.d, onus_dataset_seed(room.d), epoch, &row, 1, x, NULL);
            for (int c = 0; c < CHANNELS; c++) {
                int a[SIDE][SIDE];
                for (int i = 0; i < PLANE; i++)
                    a[i / SIDE][i % SIDE] =
                        ((int)row * CHANNELS * PLANE + c * PLANE + i) % 250 + 1;
                for (uint32_t q = 0; q < w[0] >> 30; q++) quarter(a);
                if (w[1] >> 31) mirror(a, true);
                if (w[2] >> 31) mirror(a, false);
                move(a, offset(w[3], 2), offset(w[4], 2), false);
                move(a, offset(w[5], 1), offset(w[6], 1), true);
                for (int i = 0; i < PLANE; i++)
                    assert_true(x[c * PLANE + i] == (float)a[i / SIDE][i % SIDE] / 255.0f);
            }
        }
    }
    room_close(&room);
}

/* ---- draws ------------------------------------------------------------------------------- */

static void draws_belong_to_rows(void **state)
{
    (void)state;
    const onus_augment_spec all = {.flip = ONUS_FLIP_BOTH, .shift = 2, .crop = 1, .turn = true};
    const int64_t rows[] = {0, 1, 2, 3, 4, 5, 6, 7}, mixed[] = {5, 0, 7, 5};
    enum { SIZE = CHANNELS * PLANE };
    float x[ROWS * SIZE], some[4 * SIZE], next[ROWS * SIZE];
    data_room room;
    room_open(&room);
    const onus_data_spec s = image_spec(&room, all);
    write_images(&room, CHANNELS, SIDE, SIDE, NULL);
    room_load(&room, &s, NULL);
    onus_dataset_examples(room.d, onus_dataset_seed(room.d), 4, rows, ROWS, x, NULL);
    onus_dataset_examples(room.d, onus_dataset_seed(room.d), 4, mixed, 4, some, NULL);
    for (int i = 0; i < 4; i++)
        assert_memory_equal(some + i * SIZE, x + mixed[i] * SIZE, SIZE * sizeof *x);
    onus_dataset_examples(room.d, onus_dataset_seed(room.d), 5, rows, ROWS, next, NULL);
    assert_memory_not_equal(next, x, sizeof x);
    onus_dataset_examples(room.d, onus_dataset_seed(room.d), 0, rows, ROWS, next, NULL); /* as evaluated: as read */
    onus_dataset_fetch(room.d, rows, ROWS, x, NULL, NULL);
    assert_memory_equal(next, x, sizeof x);
    for (int i = 0; i < ROWS * SIZE; i++) assert_true(x[i] == (float)(i % 250 + 1) / 255.0f);
    room_close(&room);
}

/* A mirror of half of the examples: 1,024 draws, deviation 16, five of them 80. A mirror up and
 * down asked for beside it leaves every draw where it was. */
static void shares(void **state)
{
    (void)state;
    static const unsigned char image[] = {1, 2, 3, 4, 5, 6};
    int mirrored = 0, upside = 0, both = 0;
    data_room one, two;
    room_open(&one);
    room_open(&two);
    const onus_data_spec a = image_spec(&one,
                                        (onus_augment_spec){.flip = ONUS_FLIP_HORIZONTAL}),
                         b = image_spec(&two, (onus_augment_spec){.flip = ONUS_FLIP_BOTH});
    write_images(&one, 1, 2, 3, image);
    write_images(&two, 1, 2, 3, image);
    room_load(&one, &a, NULL);
    room_load(&two, &b, NULL);
    for (uint32_t epoch = 1; epoch <= EPOCHS; epoch++) {
        for (int64_t row = 0; row < ROWS; row++) {
            float x[6], z[6];
            onus_dataset_examples(one.d, onus_dataset_seed(one.d), epoch, &row, 1, x, NULL);
            onus_dataset_examples(two.d, onus_dataset_seed(two.d), epoch, &row, 1, z, NULL);
            const bool across = x[0] == 3.0f / 255.0f, down = z[0] > 3.5f / 255.0f;
            assert_true(across == (z[0] > z[1]));
            mirrored += across;
            upside += down;
            both += across && down;
        }
    }
    assert_in_range(mirrored, 512 - 80, 512 + 80);
    assert_in_range(upside, 512 - 80, 512 + 80);
    assert_in_range(both, 256 - 70, 256 + 70); /* independent: deviation 13.9 */
    room_close(&one);
    room_close(&two);
}

static void refused(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = image_spec(&room, (onus_augment_spec){.turn = true});
    write_images(&room, 2, 3, 5, NULL);
    room_refuse(&room, &s, NULL,
                "r.yaml:6: data.augment.turn: images of shape (2, 3, 5) (channels, height, "
                "width) are not square");
    s.augment.turn = false;
    s.augment.crop = 3;
    room_refuse(&room, &s, NULL,
                "r.yaml:6: data.augment.crop: 3 pixels, and images are of "
                "shape (2, 3, 5)");
    s.augment.shift = 4;
    room_refuse(&room, &s, NULL, "r.yaml:6: data.augment.shift: 4 pixels, ");
    s.augment.shift = s.augment.crop = 2;
    room_load(&room, &s, NULL);
    room_close(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sheet_names_it),
        cmocka_unit_test(each_by_hand),
        cmocka_unit_test(in_their_order),
        cmocka_unit_test(draws_belong_to_rows),
        cmocka_unit_test(shares),
        cmocka_unit_test(refused),
    };
    return onus_crypto_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
