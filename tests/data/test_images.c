/* SPDX-License-Identifier: Apache-2.0
 * Goal: IDX files of images and labels, plain or gzip, become rows of pixels and classes; what
 * is cut short, of another kind, or speaks of more than there is, is refused. Method: files
 * written byte by byte, as the format's page lays them out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/hash.h"
#include "data/idx.h"
#include "data_room.h"

static void be32(unsigned char *out, uint32_t v)
{
    for (int i = 0; i < 4; i++) out[i] = (unsigned char)(v >> (24 - 8 * i));
}

/* 00 00 08 DIMS, sizes, then `fill` counted up from 0. */
static size_t idx(unsigned char *out, int dims, const uint32_t *sizes, size_t fill)
{
    const unsigned char magic[] = {0, 0, 8, (unsigned char)dims};
    memcpy(out, magic, 4);
    for (int i = 0; i < dims; i++) be32(out + 4 + 4 * i, sizes[i]);
    for (size_t i = 0; i < fill; i++) out[4 + 4 * (size_t)dims + i] = (unsigned char)i;
    return 4 + 4 * (size_t)dims + fill;
}

static void parsed(void **state)
{
    (void)state;
    unsigned char bytes[64];
    int64_t n, size;
    const uint8_t *data;
    const size_t len = idx(bytes, 3, (uint32_t[]){3, 2, 4}, 24);
    assert_int_equal(onus_idx_parse(bytes, len, "t", &n, &size, &data, NULL), ONUS_OK);
    assert_int_equal(n, 3);
    assert_int_equal(size, 8);
    assert_int_equal(data[23], 23);
    idx(bytes, 1, (uint32_t[]){5}, 5);
    assert_int_equal(onus_idx_parse(bytes, 13, "t", &n, &size, &data, NULL), ONUS_OK);
    assert_int_equal(size, 1);
}

static void wrong(const unsigned char *bytes, size_t len, const char *message)
{
    int64_t n = -1, size = -1;
    const uint8_t *data = NULL;
    onus_err err;
    unsigned char *copy = malloc(len ? len : 1); /* its own block, so that overreads are seen */
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    assert_int_equal(onus_idx_parse(copy, len, "t.idx", &n, &size, &data, &err),
                     ONUS_BAD_INPUT);
    if (!strstr(err.msg, message)) fail_msg("'%s' does not hold '%s'", err.msg, message);
    assert_true(n == -1 && size == -1 && !data);
    free(copy);
}

static void not_parsed(void **state)
{
    (void)state;
    unsigned char bytes[64] = {0};
    const size_t len = idx(bytes, 3, (uint32_t[]){3, 2, 4}, 24);
    for (size_t cut = 0; cut < len; cut++) wrong(bytes, cut, "t.idx: ");
    wrong(bytes, 3, "not an IDX file");
    wrong(bytes, 15, "an IDX header of 3 dimensions takes 16 bytes, the file has 15");
    wrong(bytes, len - 1, "the IDX header speaks of 24 bytes, 23 follow");
    wrong(bytes, len + 1, "the IDX header speaks of 24 bytes, 25 follow");
    bytes[0] = 1;
    wrong(bytes, len, "not an IDX file");
    bytes[0] = 0;
    bytes[2] = 0x0d;
    wrong(bytes, len, "IDX type 0x0d, expected 0x08");
    bytes[2] = 8;
    bytes[3] = 0;
    wrong(bytes, len, "IDX with 0 dimensions, expected 1 to 4");
    bytes[3] = 5;
    wrong(bytes, len, "IDX with 5 dimensions");
    idx(bytes, 3, (uint32_t[]){3, 0, 4}, 0);
    wrong(bytes, 16, "IDX dimension 2 is 0");
    /* 2^32 - 1 four times overflows 64 bits; three times it does not, and is not there */
    idx(bytes, 4, (uint32_t[]){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}, 0);
    wrong(bytes, 20, "IDX dimension 3 is 4294967295");
    idx(bytes, 2, (uint32_t[]){UINT32_MAX, UINT32_MAX}, 0);
    wrong(bytes, 12, "speaks of 18446744065119617025 bytes, 0 follow");
    idx(bytes, 4, (uint32_t[]){1u << 16, 1u << 16, 1u << 16, 1u << 16}, 0); /* 2^64 is 0 */
    wrong(bytes, 20, "IDX dimension 4 is 65536");
}

/* 8 images of 2 x 2 whose labels are 0, 1, 0, 1 ... */
static void write_pair(data_room *room, const char *images, const char *labels, uint32_t n)
{
    unsigned char bytes[256];
    size_t len = idx(bytes, 3, (uint32_t[]){n, 2, 2}, 4 * n);
    room_write(room, images, bytes, len);
    len = idx(bytes, 1, (uint32_t[]){n}, n);
    for (uint32_t i = 0; i < n; i++) bytes[8 + i] = i % 2;
    room_write(room, labels, bytes, len);
}

static onus_data_spec image_spec(data_room *room)
{
    onus_data_spec s = room_spec(room);
    s.format = ONUS_FORMAT_IDX;
    s.source = "i";
    s.labels = "l";
    s.label = NULL;
    return s;
}

static void images(void **state)
{
    (void)state;
    static const char *const names[] = {"boot", "bag"};
    data_room room;
    room_open(&room);
    onus_data_spec s = image_spec(&room);
    write_pair(&room, "i", "l", 8);
    room_load(&room, &s, NULL);
    assert_int_equal(onus_dataset_rows(room.d), 8);
    assert_int_equal(onus_dataset_features(room.d), 4);
    assert_string_equal(onus_dataset_column(room.d, 3)->name, "pixel_3");
    assert_int_equal(room_int(&room, "data.rows.train"), 4);
    assert_int_equal(room_int(&room, "data.file.2.rows"), 8);
    const int64_t rows[] = {7, 2};
    float x[8], y[2], w[2];
    onus_dataset_fetch(room.d, rows, 2, x, y, w);
    for (int i = 0; i < 4; i++) {
        assert_true(x[i] == (float)(28 + i) / 255.0f);
        assert_true(x[4 + i] == (float)(8 + i) / 255.0f);
    }
    assert_true(y[0] == 1 && y[1] == 0 && w[0] == 1);
    assert_string_equal(onus_dataset_class_name(room.d, 1), "1");
    assert_int_equal(onus_dataset_line(room.d, 7), 8);
    s.label_values = names;
    s.n_label_values = 2;
    room_load(&room, &s, NULL);
    assert_string_equal(onus_dataset_class_name(room.d, 1), "bag");

    s.test_source = "ti"; /* files of their own for the test part, gzip */
    s.test_labels = "tl";
    s.train = 0.75;
    s.test = 0;
    write_pair(&room, "ti", "tl", 4);
    char path[2][128], zipped[4096];
    for (int k = 0; k < 2; k++) {
        snprintf(path[k], sizeof path[k], "%s/%s", room.dir, k ? "tl" : "ti");
        FILE *f = fopen(path[k], "rb");
        assert_non_null(f);
        const size_t n = fread(zipped, 1, sizeof zipped, f);
        fclose(f);
        gzFile z = gzopen(path[k], "wb");
        assert_true(z && gzwrite(z, zipped, (unsigned)n) == (int)n && gzclose(z) == Z_OK);
    }
    room_load(&room, &s, NULL);
    assert_int_equal(room_int(&room, "data.rows.train"), 6);
    assert_int_equal(room_int(&room, "data.rows.test"), 4);
    const int64_t last = 11;
    onus_dataset_fetch(room.d, &last, 1, x, y, NULL);
    assert_true(x[3] == 15.0f / 255.0f && y[0] == 1);
    room_close(&room);
}

static void refused(void **state)
{
    (void)state;
    static const char *const three[] = {"a", "b", "c"};
    const onus_protected_spec sex = {.column = "sex"};
    unsigned char bytes[300];
    data_room room;
    room_open(&room);
    onus_data_spec s = image_spec(&room);
    write_pair(&room, "i", "l", 8);
    room_write(&room, "l", bytes, idx(bytes, 1, (uint32_t[]){7}, 7));
    room_refuse(&room, &s, NULL, "l has 7 labels, i has 8 images");
    room_write(&room, "l", bytes, idx(bytes, 1, (uint32_t[]){8}, 0));
    room_refuse(&room, &s, NULL, "/l: the IDX header speaks of 8 bytes, 0 follow");
    memset(bytes, 0, sizeof bytes);
    idx(bytes, 1, (uint32_t[]){8}, 0);
    room_write(&room, "l", bytes, 16);
    room_refuse(&room, &s, NULL, "one class only");
    write_pair(&room, "i", "l", 8);
    s.source = "l"; /* the labels in the place of the images */
    room_refuse(&room, &s, NULL,
                "l: images of 1 byte, expected 2 to 16777216 (are these the labels?)");
    s.source = "i";
    s.label_values = three;
    s.n_label_values = 3;
    room_refuse(&room, &s, NULL,
                "r.yaml:5: data.label.values names 3 classes, the files have 2");
    s.n_label_values = 0;
    s.test_source = "i";
    room_refuse(&room, &s, NULL, "r.yaml:4: data.test and data.test_labels go together");
    s.test_labels = "l";
    room_write(&room, "ti", bytes, idx(bytes, 3, (uint32_t[]){8, 2, 3}, 48));
    s.test_source = "ti";
    room_refuse(&room, &s, NULL,
                "ti has images of shape (1, 2, 3) (channels, height, width), the training "
                "images have (1, 2, 2)");
    s.test_source = s.test_labels = NULL;
    s.protected_ = &sex;
    s.n_protected = 1;
    room_refuse(&room, &s, NULL, "r.yaml:4: images have no columns: protected must be none");
    s.n_protected = 0;
    s.source = "nowhere";
    assert_int_equal(room_try(&room, &s, NULL, 1), ONUS_IO);
    room_close(&room);
}

/* A model of images reads other images of the same size, and says so where they are not. */
static void given_encoder(void **state)
{
    (void)state;
    unsigned char bytes[300];
    data_room room;
    room_open(&room);
    onus_data_spec s = image_spec(&room);
    write_pair(&room, "i", "l", 8);
    room_load(&room, &s, NULL);
    onus_buf json;
    onus_encoder *e = NULL;
    onus_buf_init(&json, NULL, 4096);
    assert_int_equal(onus_encoder_write(onus_dataset_encoder(room.d), &json, NULL), ONUS_OK);
    assert_int_equal(onus_encoder_read(&e, json.data, json.len, "m", NULL, NULL), ONUS_OK);
    onus_buf_release(&json);
    write_pair(&room, "i", "l", 3);
    assert_int_equal(room_try(&room, &s, e, 1), ONUS_OK);
    assert_int_equal(room_int(&room, "data.rows.test"), 3);
    room_write(&room, "l", bytes, idx(bytes, 1, (uint32_t[]){3}, 3));
    assert_int_equal(room_try(&room, &s, e, 1), ONUS_BAD_INPUT);
    assert_non_null(strstr(room.err.msg, "label 2, the model knows 0 to 1"));
    room_write(&room, "i", bytes, idx(bytes, 2, (uint32_t[]){3, 5}, 15));
    assert_int_equal(room_try(&room, &s, e, 1), ONUS_BAD_INPUT);
    assert_non_null(strstr(
        room.err.msg,
        "images of shape (1, 1, 5) (channels, height, width), the model reads (1, 2, 2)"));
    room_clear(&room);
    onus_encoder_destroy(e);
    room_close(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsed),  cmocka_unit_test(not_parsed),    cmocka_unit_test(images),
        cmocka_unit_test(refused), cmocka_unit_test(given_encoder),
    };
    return onus_crypto_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
