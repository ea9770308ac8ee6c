/* SPDX-License-Identifier: Apache-2.0
 * Goal: an encoder survives its JSON bit for bit, encodes one row as the table would have, and
 * hostile JSON in a model file is refused, never followed; reading data gives back all memory
 * wherever an allocation fails. Method: round trips; every deletion, truncation and a list of
 * lies; the failing allocator over whole openings. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/hash.h"
#include "data_room.h"
#include "failing_mem.h"

static const char table[] =
    "age,job,pay,town,y\n25,nurse,0.1,\"L\xc3\xbc\"\"x,1\",no\n"
    "41,cook,1e-7,B,yes\n,nurse,33.3,C,no\n30,,7,B,yes\n"
    "55,cook,2,C,no\n19,smith,5,B,yes\n36,cook,4,C,no\n28,nurse,1,B,yes\n";

static onus_data_spec people(data_room *room)
{
    static const char *const towns[] = {"L\xc3\xbc\"x,1", "B", "C"};
    static const onus_column_spec columns[] = {
        {.name = "job", .missing = ONUS_MISSING_CATEGORY},
        {.name = "pay",
         .missing = ONUS_MISSING_ERROR,
         .has_bounds = true,
         .lower = 0,
         .upper = 30,
         .role = ONUS_ROLE_NUMBER},
        {.name = "town", .role = ONUS_ROLE_CATEGORY, .values = towns, .n_values = 3}};
    static const onus_protected_spec age = {.column = "age"};
    onus_data_spec s = room_spec(room);
    s.positive = "yes";
    s.missing = ONUS_MISSING_MEDIAN;
    s.columns = columns;
    s.n_columns = 3;
    s.protected_ = &age;
    s.n_protected = 1;
    s.train = 0.75;
    s.valid = s.test = 0.125;
    return s;
}

static char *text_of(const onus_encoder *e)
{
    onus_buf json;
    onus_buf_init(&json, NULL, 1 << 20);
    assert_int_equal(onus_encoder_write(e, &json, NULL), ONUS_OK);
    char *text = strdup(json.data);
    onus_buf_release(&json);
    assert_non_null(text);
    return text;
}

static void round_trip(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = people(&room);
    room_load(&room, &s, table);
    const onus_encoder *e = onus_dataset_encoder(room.d);
    char *text = text_of(e);
    onus_encoder *again = NULL;
    onus_err err;
    assert_int_equal(onus_encoder_read(&again, text, strlen(text), "m", NULL, &err), ONUS_OK);
    char *second = text_of(again);
    assert_string_equal(text, second);
    assert_int_equal(onus_encoder_task(again), ONUS_TASK_BINARY);
    assert_string_equal(onus_encoder_class_name(again, 1), "yes");
    assert_null(onus_encoder_class_name(again, 2));
    assert_int_equal(onus_encoder_features(again), onus_encoder_features(e));
    assert_int_equal(onus_encoder_columns(again), 4);
    assert_true(onus_encoder_column(again, 0)->is_protected);

    /* every row, as texts and as the table encoded it */
    for (int64_t r = 0; r < onus_dataset_rows(room.d); r++) {
        const char *names[4], *values[4];
        float x[32], want[32];
        for (int64_t c = 0; c < 4; c++) { /* in another order */
            names[c] = onus_encoder_column(again, 3 - c)->name;
            values[c] = onus_dataset_text(room.d, r, 3 - c);
        }
        memset(x, 0xff, sizeof x);
        onus_dataset_fetch(room.d, &r, 1, want, NULL, NULL);
        if (onus_encoder_encode(again, names, values, 4, x, &err) != ONUS_OK) {
            assert_string_equal(values[2], "smith"); /* where training has not seen it */
            continue;
        }
        assert_memory_equal(x, want, (size_t)onus_encoder_features(e) * sizeof *x);
    }
    free(text);
    free(second);
    onus_encoder_destroy(again);
    room_close(&room);
}

static void one_row_refused(void **state)
{
    (void)state;
    static const struct {
        const char *names[4], *values[4];
        int64_t n;
        const char *message;
    } rows[] = {
        {{"age", "job", "pay"}, {"1", "cook", "2"}, 3, "predict: 3 columns, the model reads 4"},
        {{"age", "job", "pay", "x"},
         {"1", "cook", "2", "B"},
         4,
         "the column 'town' is not given"},
        {{"age", "job", "pay", "town"},
         {"old", "cook", "2", "B"},
         4,
         "age is 'old', not a number"},
        {{"age", "job", "pay", "town"}, {"1", "cook", "", "B"}, 4, "pay is '', not a number"},
        {{"age", "job", "pay", "town"},
         {"1", "king", "2", "B"},
         4,
         "job is 'king', a value that"},
        {{"age", "job", "pay", "town"},
         {"1e300", "cook", "2", "B"},
         4,
         "age is '1e300', too large"},
        {{"age", "job", "pay", "town"}, {"1", "cook", "2", ""}, 4, "town is '', a value that"},
    };
    data_room room;
    room_open(&room);
    onus_data_spec s = people(&room);
    room_load(&room, &s, table);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        float x[32];
        onus_err err;
        const onus_status st = onus_encoder_encode(onus_dataset_encoder(room.d), rows[i].names,
                                                   rows[i].values, rows[i].n, x, &err);
        if (st != ONUS_BAD_INPUT) fail_msg("'%s' is taken", rows[i].message);
        if (!strstr(err.msg, rows[i].message)) fail_msg("%zu: %s", i, err.msg);
    }
    room_close(&room);
}

static void lie(const char *json, const char *message)
{
    onus_encoder *e = NULL;
    onus_err err;
    assert_int_equal(onus_encoder_read(&e, json, strlen(json), "m.st", NULL, &err),
                     ONUS_BAD_INPUT);
    if (!strstr(err.msg, message) || !strstr(err.msg, "m.st"))
        fail_msg("'%s' does not hold '%s'", err.msg, message);
    assert_null(e);
}

#define LIE(columns)                                                                 \
    "{\"classes\":[\"a\",\"b\"],\"columns\":[" columns "],\"label\":\"y\",\"task\":" \
                                                       "\"binary\"}"
#define NUMBER "{\"name\":\"x\",\"shift\":0,\"scale\":1}"

static void hostile(void **state)
{
    (void)state;
    lie("", "not JSON");
    lie("[]", "task or label is missing");
    lie("{\"task\":\"binary\",\"task\":\"binary\"}", "not JSON"); /* said twice */
    lie("{\"task\":\"poetry\",\"label\":\"y\"}", "task or label");
    lie("{\"task\":\"binary\",\"label\":\"y\"}", "a list of texts is missing");
    lie("{\"task\":\"binary\",\"label\":\"y\",\"classes\":[\"a\"]}", "classes that do not fit");
    lie("{\"task\":\"classes\",\"label\":\"y\",\"classes\":[\"a\"]}",
        "classes that do not fit");
    lie("{\"task\":\"regression\",\"label\":\"y\",\"classes\":[\"a\"]}",
        "classes that do not fit");
    lie("{\"task\":\"binary\",\"label\":\"y\",\"classes\":[\"a\",7]}", "a text is missing");
    lie("{\"task\":\"binary\",\"label\":\"y\",\"classes\":[\"a\",\"b\"],\"image\":[1,1,-1]}",
        "image");
    lie("{\"task\":\"binary\",\"label\":\"y\",\"classes\":[\"a\",\"b\"],\"image\":[1,1,1e9]}",
        "image is no shape"); /* a real is no whole number */
    lie("{\"task\":\"binary\",\"label\":\"y\",\"classes\":[\"a\",\"b\"],\"image\":[1,4097,4096]"
        "}",
        "image is no shape");
    lie("{\"task\":\"binary\",\"label\":\"y\",\"classes\":[\"a\",\"b\"],\"columns\":{}}",
        "columns are missing");
    lie(LIE(""), "no features");
    lie(LIE("{\"shift\":0,\"scale\":1}"), "a column without a name");
    lie(LIE("{\"name\":\"x\"}"), "a number without shift and scale");
    lie(LIE("{\"name\":\"x\",\"shift\":0,\"scale\":0}"), "a number without shift and scale");
    lie(LIE("{\"name\":\"x\",\"shift\":0,\"scale\":-1}"), "a number without shift and scale");
    lie(LIE("{\"name\":\"x\",\"shift\":1e999,\"scale\":1}"), "not JSON");
    lie(LIE("{\"name\":\"x\",\"shift\":0,\"scale\":1,\"bounds\":[2,1]}"),
        "bounds that are none");
    lie(LIE(NUMBER "," NUMBER), "two columns of one name");
    lie(LIE("{\"name\":\"x\",\"values\":[]}"), "none to choose from");
    lie(LIE("{\"name\":\"x\",\"values\":[\"b\",\"a\"]}"), "categories out of order");
    lie(LIE("{\"name\":\"x\",\"values\":[\"a\",\"a\"]}"), "categories out of order");
    lie(LIE("{\"name\":\"x\",\"values\":[\"a\"],\"fill\":1}"), "a fill-in that is no category");
    lie(LIE("{\"name\":\"x\",\"values\":[\"a\"],\"fill\":-2}"),
        "a fill-in that is no category");
    lie(LIE("{\"name\":\"x\",\"values\":[\"a\",[]]}"), "a text is missing");
    onus_encoder *e = NULL; /* the honest one is read, so the lies were what was refused */
    assert_int_equal(onus_encoder_read(&e, LIE(NUMBER), strlen(LIE(NUMBER)), "m", NULL, NULL),
                     ONUS_OK);
    onus_encoder_destroy(e);
}

/* Every prefix, and every byte changed: refused, or read as something that can be written. */
static void mangled(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = people(&room);
    room_load(&room, &s, table);
    char *text = text_of(onus_dataset_encoder(room.d));
    const size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        onus_encoder *e = NULL;
        onus_err err;
        assert_int_equal(onus_encoder_read(&e, text, i, "m", NULL, &err), ONUS_BAD_INPUT);
        const char kept = text[i];
        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(kept ^ 1 << bit);
            if (onus_encoder_read(&e, text, n, "m", NULL, &err) == ONUS_OK) {
                free(text_of(e));
                onus_encoder_destroy(e);
            }
        }
        text[i] = kept;
    }
    free(text);
    room_close(&room);
}

static onus_status open_once(const onus_allocator *mem, void *ctx, onus_err *err)
{
    onus_dataset *d = NULL;
    const onus_data_spec *s = ctx;
    onus_status st = onus_dataset_open(&d, s, NULL, 1, NULL, mem, err);
    onus_dataset_close(d);
    return st;
}

static onus_status read_once(const onus_allocator *mem, void *ctx, onus_err *err)
{
    onus_encoder *e = NULL;
    const char *text = ctx;
    onus_status st = onus_encoder_read(&e, text, strlen(text), "m", mem, err);
    onus_encoder_destroy(e);
    return st;
}

static void memory_ends(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = people(&room);
    room_load(&room, &s, table);
    char *text = text_of(onus_dataset_encoder(room.d));
    assert_true(failing_mem_walk("encoder", read_once, text) >= 3);
    free(text);
    s.test_source = "t.csv";
    s.train = 0.8;
    s.valid = 0.2;
    s.test = 0;
    s.drop_duplicates = false;
    assert_true(failing_mem_walk("dataset", open_once, &s) > 20);

    unsigned char bytes[64] = {0, 0, 8, 3, 0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0, 2};
    room_write(&room, "i", bytes, 48);
    memcpy(bytes, "\0\0\x08\x01\0\0\0\x08\0\1\0\1\0\1\0\1", 16);
    room_write(&room, "l", bytes, 16);
    onus_data_spec images = room_spec(&room);
    images.format = ONUS_FORMAT_IDX;
    images.source = "i";
    images.labels = "l";
    assert_true(failing_mem_walk("images", open_once, &images) > 10);
    room_close(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),  cmocka_unit_test(one_row_refused),
        cmocka_unit_test(hostile),     cmocka_unit_test(mangled),
        cmocka_unit_test(memory_ends),
    };
    return onus_crypto_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
