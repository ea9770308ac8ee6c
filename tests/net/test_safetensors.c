/* SPDX-License-Identifier: Apache-2.0
 * Goal: model files are safetensors (huggingface/safetensors, README: 8 bytes of header length,
 * JSON, bytes), the same bytes for the same model, and no file can make the reader look outside
 * its bytes or use what it has not checked. Method: one small file by hand; round trips;
 * hostile files one by one, each refused by a line that names the file; every cut and every
 * flipped bit of a good one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "failing_mem.h"
#include "net/model.h"
#include "tensors.h"

static const float a_data[2] = {1.0f, -2.0f}, b_data[3] = {0.5f, -0.0f, 3e38f};
static const onus_tensor_view views[] = {{"b", {2, {3, 1}}, b_data}, {"a", {1, {2}}, a_data}};
static const onus_meta meta[] = {{"z", "\"quoted\""}, {"k", "v"}};

/* The file of the two tensors above, by hand: names in order, header padded with spaces to
 * 8. */
static const char header[] =
    "{\"__metadata__\":{\"k\":\"v\",\"z\":\"\\\"quoted\\\"\"},"
    "\"a\":{\"data_offsets\":[0,8],\"dtype\":\"F32\",\"shape\":[2]},"
    "\"b\":{\"data_offsets\":[8,20],\"dtype\":\"F32\",\"shape\":[3,1]}}";
static const unsigned char bytes[20] = {0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x00,
                                        0xc0, 0x00, 0x00, 0x00, 0x3f, 0x00, 0x00,
                                        0x00, 0x80, 0xe6, 0xb1, 0x61, 0x7f};

/* A file of a header's text and n bytes of data; len gets its length. */
static char *file_of(const char *text, const void *data, size_t n, size_t *len)
{
    const size_t h = strlen(text);
    char *f = malloc(8 + h + n + 1);
    for (int i = 0; i < 8; i++) f[i] = (char)((uint64_t)h >> (8 * i));
    memcpy(f + 8, text, h);
    memcpy(f + 8 + h, data, n);
    *len = 8 + h + n;
    return f;
}

static void written_as_the_readme_says(void **state)
{
    (void)state;
    onus_buf out;
    char padded[400];
    size_t len;
    onus_buf_init(&out, NULL, 10000);
    assert_int_equal(tensors_to(&out, views, 2, meta, 2, NULL), ONUS_OK);
    snprintf(padded, sizeof padded, "%s", header);
    while (strlen(padded) % 8) strcat(padded, " ");
    char *want = file_of(padded, bytes, sizeof bytes, &len);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data, want, len);
    free(want);
    onus_buf_release(&out);
}

static void assert_numbers(const onus_safetensors *s, const char *name, const float *want,
                           size_t n)
{
    float *x = tensor_numbers(s, onus_safetensors_find(s, name));
    assert_non_null(x);
    assert_memory_equal(x, want, n * sizeof *x);
    free(x);
}

static void read_back_whole(void **state)
{
    (void)state;
    onus_buf out;
    onus_safetensors *s;
    onus_buf_init(&out, NULL, 10000);
    assert_int_equal(tensors_to(&out, views, 2, meta, 2, NULL), ONUS_OK);
    assert_int_equal(onus_safetensors_parse(&s, out.data, out.len, "x", NULL, NULL), ONUS_OK);
    assert_int_equal(onus_safetensors_count(s), 2);
    assert_string_equal(onus_safetensors_at(s, 0)->name, "a");
    assert_null(onus_safetensors_at(s, 2));
    assert_null(onus_safetensors_at(s, -1));
    const onus_tensor_view *b = onus_safetensors_find(s, "b");
    assert_int_equal(b->shape.n, 2);
    assert_true(b->shape.d[0] == 3 && b->shape.d[1] == 1);
    assert_numbers(s, "b", b_data, 3);
    assert_numbers(s, "a", a_data, 2);
    assert_null(onus_safetensors_find(s, "c"));
    assert_string_equal(onus_safetensors_meta(s, "z"), "\"quoted\"");
    assert_null(onus_safetensors_meta(s, "none"));
    onus_safetensors_close(s);
    onus_safetensors_close(NULL);
    onus_buf_release(&out);
}

/* Scalars, empty tensors and a file of nothing. */
static void small_things_are_files_too(void **state)
{
    (void)state;
    const float one = 7;
    const onus_tensor_view odd[] = {
        {"scalar", {0}, &one}, {"empty", {2, {0, 5}}, &one}, {"also", {1, {0}}, &one}};
    onus_buf out;
    onus_safetensors *s;
    onus_buf_init(&out, NULL, 10000);
    assert_int_equal(tensors_to(&out, odd, 3, NULL, 0, NULL), ONUS_OK);
    assert_int_equal(onus_safetensors_parse(&s, out.data, out.len, "x", NULL, NULL), ONUS_OK);
    assert_numbers(s, "scalar", &one, 1);
    assert_int_equal(onus_safetensors_find(s, "empty")->shape.d[1], 5);
    assert_null(onus_safetensors_meta(s, "k"));
    onus_safetensors_close(s);
    onus_buf_clear(&out);
    assert_int_equal(tensors_to(&out, NULL, 0, NULL, 0, NULL), ONUS_OK);
    assert_int_equal(onus_safetensors_parse(&s, out.data, out.len, "x", NULL, NULL), ONUS_OK);
    assert_int_equal(onus_safetensors_count(s), 0);
    assert_null(onus_safetensors_find(s, "a"));
    onus_safetensors_close(s);
    onus_buf_release(&out);
    const onus_tensor_view twice[] = {{"a", {0}, &one}, {"b", {0}, &one}, {"a", {0}, &one}};
    onus_err err;
    onus_buf_init(&out, NULL, 10000);
    assert_int_equal(tensors_to(&out, twice, 3, NULL, 0, &err), ONUS_BAD_ARG);
    assert_non_null(strstr(err.msg, "'a'"));
    onus_buf_release(&out);
}

/* ---- hostile files
 * --------------------------------------------------------------------------------- */

#define T(name, dtype, shape, from, to)                                                        \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" from "," to \
    "]}"

static const struct {
    const char *header, *why; /* why: a word of the message */
} hostile[] = {
    {"", "JSON"},
    {"[]", "object"},
    {"{", "JSON"},
    {"{" T("a", "F32", "[4]", "0", "16") "} x", "JSON"},
    {"{" T("a", "F32", "[5]", "0", "20") "," T("a", "F32", "[5]", "0", "20") "}", "duplicate"},
    {"{" T("a", "F64", "[4]", "0", "32") "}", "takes 32 bytes"},
    {"{" T("a", "BF16", "[8]", "0", "16") "}", "20 bytes of data"},
    {"{" T("a", "f32", "[4]", "0", "16") "}", "f32"},
    {"{" T("a", "F32", "[4]", "0", "20") "}", "16 bytes"},
    {"{" T("a", "F32", "[4]", "0", "16") "}", "20 bytes"},
    {"{" T("a", "F32", "[4]", "4", "20") "}", "hole"},
    {"{" T("a", "F32", "[6]", "0", "24") "}", "24"},
    {"{" T("a", "F32", "[3]", "0", "12") "," T("b", "F32", "[3]", "8", "20") "}", "overlap"},
    {"{" T("a", "F32", "[2]", "0", "8") "," T("b", "F32", "[2]", "12", "20") "}", "hole"},
    {"{" T("a", "F32", "[5]", "0", "20") "," T("b", "F32", "[5]", "0", "20") "}", "overlap"},
    {"{" T("a", "F32", "[5]", "0", "20") "," T("b", "F32", "[0]", "12", "12") "}", "overlap"},
    {"{" T("a", "F32", "[2]", "1", "9") "}", "offsets"},
    {"{" T("a", "F32", "[2]", "8", "0") "}", "offsets"},
    {"{" T("a", "F32", "[2]", "-8", "0") "}", "offsets"},
    {"{" T("a", "F32", "[2]", "0.0", "8.0") "}", "data_offsets"},
    {"{" T("a", "F32", "[-5]", "0", "20") "}", "dimension"},
    {"{" T("a", "F32", "[5.0]", "0", "20") "}", "dimension"},
    {"{" T("a", "F32", "[\"5\"]", "0", "20") "}", "dimension"},
    {"{" T("a", "F32", "[4611686018427387904,4]", "0", "0") "}", "dimension"},
    {"{" T("a", "F32", "[9223372036854775807]", "0", "20") "}", "dimension"},
    {"{" T("a", "F32", "[9223372036854775808]", "0", "20") "}", "dimension"},
    {"{" T("a", "F32", "[65536,65536,65536,65536]", "0", "0") "}", "dimension"},
    {"{" T("a", "F32", "[1,1,1,1,1,5]", "0", "20") "}", "dimensions"},
    {"{" T("a", "F32", "5", "0", "20") "}", "shape"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[5]}}", "data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,20],\"x\":1}}",
     "data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,20,20]}}", "data_offsets"},
    {"{\"a\":[0,20]}", "data_offsets"},
    {"{\"a\":null}", "data_offsets"},
    {"{\"__metadata__\":[]," T("a", "F32", "[5]", "0", "20") "}", "__metadata__"},
    {"{\"__metadata__\":{\"k\":1}," T("a", "F32", "[5]", "0", "20") "}", "__metadata__"},
    {"{\"__metadata__\":{\"k\":null}," T("a", "F32", "[5]", "0", "20") "}", "__metadata__"},
    {"{}", "20 bytes"},
};

static void hostile_files_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        size_t len;
        char *f = file_of(hostile[i].header, bytes, sizeof bytes, &len);
        onus_safetensors *s = NULL;
        onus_err err = {.code = ONUS_OK};
        if (onus_safetensors_parse(&s, f, len, "m.safetensors", NULL, &err) != ONUS_BAD_INPUT)
            fail_msg("taken: %s", hostile[i].header);
        assert_null(s);
        if (!strstr(err.msg, "m.safetensors") || !strstr(err.msg, hostile[i].why))
            fail_msg("%s: '%s' lacks '%s'", hostile[i].header, err.msg, hostile[i].why);
        free(f);
    }
}

/* Lengths of headers that lie. */
static void lengths_are_not_believed(void **state)
{
    (void)state;
    static const uint64_t lies[] = {UINT64_MAX, UINT64_C(1) << 63, 1u << 30, 100,
                                    21,         1000000000000};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        char f[28];
        memcpy(f + 8, bytes, 20);
        for (int k = 0; k < 8; k++) f[k] = (char)(lies[i] >> (8 * k));
        onus_safetensors *s = NULL;
        onus_err err;
        failing_mem m = {.most = 1 << 20};
        const onus_allocator mem = failing_mem_allocator(&m);
        assert_int_equal(onus_safetensors_parse(&s, f, sizeof f, "x", &mem, &err),
                         ONUS_BAD_INPUT);
        assert_int_equal(m.failed, 0); /* nothing was asked for on its word */
        for (size_t len = 0; len < 8; len++)
            assert_int_equal(onus_safetensors_parse(&s, f, len, "x", NULL, NULL),
                             ONUS_BAD_INPUT);
    }
}

/* Cut anywhere it is refused; with one bit flipped it is refused or still safe to read
 * whole. */
static void cut_and_flipped_files_do_no_harm(void **state)
{
    (void)state;
    size_t len;
    char *f = file_of(header, bytes, sizeof bytes, &len);
    for (size_t cut = 0; cut < len; cut++) {
        char *copy = malloc(cut + 1);
        onus_safetensors *s;
        memcpy(copy, f, cut);
        assert_int_equal(onus_safetensors_parse(&s, copy, cut, "x", NULL, NULL),
                         ONUS_BAD_INPUT);
        free(copy);
    }
    for (size_t at = 0; at < len; at++)
        for (int bit = 0; bit < 8; bit++) {
            onus_safetensors *s;
            f[at] ^= (char)(1 << bit);
            if (onus_safetensors_parse(&s, f, len, "x", NULL, NULL) == ONUS_OK) {
                float sum = 0;
                for (int64_t i = 0; i < onus_safetensors_count(s); i++) {
                    const onus_tensor_view *v = onus_safetensors_at(s, i);
                    float *x = onus_tensor_is_float(v) ? tensor_numbers(s, v) : NULL;
                    for (int64_t k = 0; x && k < onus_shape_numel(&v->shape); k++) sum += x[k];
                    free(x);
                }
                assert_true(sum == sum || sum != sum); /* all was read */
                onus_safetensors_close(s);
            }
            f[at] ^= (char)(1 << bit);
        }
    free(f);
}

/* Tensors of more than one piece, of each kind of number, read in one pass: each where it
 * belongs, twice where two places want it, some left out, and the hash is the file's. */
static void taken_in_one_pass(void **state)
{
    (void)state;
    enum { N = 3 * ONUS_PIECE_BYTES / 4 + 5 };
    char words[400];
    snprintf(words, sizeof words,
             "{\"h\":{\"dtype\":\"F16\",\"shape\":[%d],\"data_offsets\":[0,%d]},"
             "\"n\":{\"dtype\":\"I8\",\"shape\":[%d],\"data_offsets\":[%d,%d]},"
             "\"w\":{\"dtype\":\"F32\",\"shape\":[%d],\"data_offsets\":[%d,%d]}}",
             2 * N, 4 * N, 4 * N, 4 * N, 8 * N, N, 8 * N, 12 * N);
    uint32_t *data = malloc(12 * (size_t)N);
    float *h = malloc(8 * (size_t)N), *w = malloc(8 * (size_t)N);
    assert_true(data && h && w);
    for (uint32_t i = 0; i < 3 * N; i++) /* two halves from 2^-8 to under 2, a float likewise */
        data[i] =
            i < N ? (i * 7919u & 0x1fff1fff) | 0x20002000 : 0x3f000000 | i * 40503u % 99991;
    size_t len;
    char *f = file_of(words, data, 12 * (size_t)N, &len);
    onus_safetensors *s;
    onus_err err;
    uint8_t sha[32], want[32];
    if (onus_safetensors_parse(&s, f, len, "m", NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
    onus_tensor_place places[] = {{onus_safetensors_find(s, "w"), w},
                                  {onus_safetensors_find(s, "h"), h},
                                  {onus_safetensors_find(s, "w"), w + N}};
    assert_int_equal(onus_safetensors_take(s, places, 3, sha, NULL), ONUS_OK);
    onus_sha256_of(f, len, want);
    assert_memory_equal(sha, want, 32);
    assert_memory_equal(w, data + 2 * (size_t)N, 4 * (size_t)N);
    assert_memory_equal(w + N, w, 4 * (size_t)N);
    for (uint32_t i = 0; i < 2 * N; i++) { /* normal: (1 + digits / 1024) 2^(exponent - 15) */
        const uint32_t b = data[i / 2] >> (i % 2 ? 16 : 0) & 0xffff;
        const double x = ldexp(1.0 + (b & 1023) / 1024.0, (int)(b >> 10) - 15);
        if ((double)h[i] != x) fail_msg("half %u is %g, expected %g", i, (double)h[i], x);
    }
    memset(w, 0, 4);
    assert_int_equal(onus_safetensors_take(s, places, 0, sha, NULL), ONUS_OK);
    assert_memory_equal(sha, want, 32);
    onus_safetensors_close(s);
    free(f);
    free(data);
    free(h);
    free(w);
}

/* A file that shrinks while it is open is an error, not the end of the process. */
static void cut_while_open(void **state)
{
    (void)state;
    char path[64];
    size_t len;
    float x[3];
    onus_err err;
    onus_safetensors *s;
    char *f = file_of(header, bytes, sizeof bytes, &len);
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_true(fwrite(f, 1, len, file) == len && fflush(file) == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(file));
    assert_int_equal(onus_safetensors_open(&s, path, NULL, NULL), ONUS_OK);
    assert_numbers(s, "b", b_data, 3);
    assert_int_equal(ftruncate(fileno(file), (off_t)len - 4), 0);
    onus_tensor_place place = {onus_safetensors_find(s, "b"), x};
    assert_int_equal(onus_safetensors_take(s, &place, 1, NULL, &err), ONUS_IO);
    assert_non_null(strstr(err.msg, path));
    onus_safetensors_close(s);
    fclose(file);
    free(f);
}

static void files_are_named(void **state)
{
    (void)state;
    onus_safetensors *s;
    onus_err err;
    assert_int_equal(onus_safetensors_open(&s, "/nowhere/m.safetensors", NULL, &err), ONUS_IO);
    assert_non_null(strstr(err.msg, "/nowhere/m.safetensors"));
}

static onus_status round_trip(const onus_allocator *mem, void *ctx, onus_err *err)
{
    (void)ctx;
    onus_buf out;
    onus_safetensors *s = NULL;
    onus_buf_init(&out, mem, 10000);
    onus_status st = tensors_to(&out, views, 2, meta, 2, err);
    if (st == ONUS_OK) st = onus_safetensors_parse(&s, out.data, out.len, "x", mem, err);
    float x[3];
    uint8_t sha[32];
    onus_tensor_place place = {st == ONUS_OK ? onus_safetensors_find(s, "b") : NULL, x};
    if (st == ONUS_OK) st = onus_safetensors_take(s, &place, 1, sha, err);
    onus_safetensors_close(s);
    onus_buf_release(&out);
    return st;
}

static void files_survive_the_end_of_memory(void **state)
{
    (void)state;
    failing_mem_walk("safetensors", round_trip, NULL);
}

/* Numbers of two bytes are widened exactly (IEEE 754: binary16's 0x3c00 is 1, 0xc000 -2, 0x0001
 * 2^-24, 0x7c00 infinite; bfloat16's 0x3f80 1, 0x0001 the float of bits 0x00010000); whole
 * numbers are there, and not read. */
static void other_numbers(void **state)
{
    (void)state;
    static const char words[] =
        "{\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[8,12]},"
        "\"h\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]},"
        "\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[12,20]}}";
    const uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7c00, 0x3f80, 0x0001, 0, 0, 0, 0};
    uint8_t file[8 + sizeof words - 1 + sizeof halves] = {sizeof words - 1};
    memcpy(file + 8, words, sizeof words - 1);
    memcpy(file + 8 + sizeof words - 1, halves, sizeof halves);
    onus_safetensors *s;
    onus_err err;
    if (onus_safetensors_parse(&s, file, sizeof file, "m", NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    float *h = tensor_numbers(s, onus_safetensors_find(s, "h")),
          *b = tensor_numbers(s, onus_safetensors_find(s, "b"));
    assert_true(h[0] == 1 && h[1] == -2 && h[2] == 0x1p-24f && isinf(h[3]) && h[3] > 0);
    assert_true(b[0] == 1 && b[1] == 0x1p-133f);
    assert_false(onus_tensor_is_float(onus_safetensors_find(s, "n")));
    free(h);
    free(b);
    onus_safetensors_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_numbers),
        cmocka_unit_test(written_as_the_readme_says),
        cmocka_unit_test(read_back_whole),
        cmocka_unit_test(small_things_are_files_too),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(lengths_are_not_believed),
        cmocka_unit_test(cut_and_flipped_files_do_no_harm),
        cmocka_unit_test(taken_in_one_pass),
        cmocka_unit_test(cut_while_open),
        cmocka_unit_test(files_are_named),
        cmocka_unit_test(files_survive_the_end_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
