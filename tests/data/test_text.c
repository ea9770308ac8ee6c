/* SPDX-License-Identifier: Apache-2.0
 * Goal: text becomes rows of tokens whose parts have not seen each other, the next and the
 * masked token are what they should be, and draws belong to a row and an epoch. Method: short
 * texts whose windows are known by hand; tables as CSV and JSON Lines; the encoder written and
 * read; wrong input by its message. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "data/parts.h"
#include "data_room.h"

static onus_data_spec long_text(const data_room *r, onus_predict_what predict, int64_t context)
{
    return (onus_data_spec){.recipe = "r.yaml",
                            .base_dir = r->dir,
                            .format = ONUS_FORMAT_TEXT,
                            .source = "t",
                            .predict = predict,
                            .mask = 0.3,
                            .text = {.kind = ONUS_TOKENIZER_CHARACTER, .context = context},
                            .protected_none = true,
                            .train = 0.5,
                            .valid = 0.25,
                            .test = 0.25,
                            .line = 3};
}

static void put(const data_room *r, const char *name, const char *text)
{
    room_write(r, name, text, strlen(text));
}

/* 24 letters: 12 to train, 6, 6. Context 4: windows of 5 that share one letter: (12 - 1) / 4 =
 * 2 to train, 1 and 1. Ids: [UNK] 0, then a = 1 .. l = 12, the letters of the training part; m
 * on are not known. */
static void windows_by_hand(void **state)
{
    (void)state;
    data_room r;
    room_open(&r);
    put(&r, "t", "abcdefghijklmnopqrstuvwx");
    const onus_data_spec s = long_text(&r, ONUS_PREDICT_NEXT, 4);
    assert_int_equal(room_try(&r, &s, NULL, 1), ONUS_OK);
    int64_t n;
    const int64_t *rows = onus_dataset_part(r.d, ONUS_PART_TRAIN, &n);
    float x[4], y[4];
    assert_int_equal(n, 2);
    assert_int_equal(onus_dataset_vocabulary(r.d), 13);
    assert_int_equal(onus_dataset_labels(r.d), 4);
    for (int64_t i = 0; i < n; i++) {
        onus_dataset_examples(r.d, onus_dataset_seed(r.d), 1, &rows[i], 1, x, y);
        for (int k = 0; k < 4; k++) {
            assert_true(x[k] == (float)(1 + 4 * i + k));
            assert_true(y[k] == x[k] + 1);
        }
    }
    rows = onus_dataset_part(r.d, ONUS_PART_TEST, &n);
    assert_int_equal(n, 1);
    onus_dataset_examples(r.d, onus_dataset_seed(r.d), 0, rows, 1, x, y);
    for (int k = 0; k < 4; k++)
        assert_true(x[k] == 0 && y[k] == 0); /* letters nobody has seen */
    assert_int_equal(room_int(&r, "data.tokens.train"), 8);
    room_close(&r);
}

/* A part shorter than a window is one row with absent places behind. */
static void a_short_part_is_padded(void **state)
{
    (void)state;
    data_room r;
    room_open(&r);
    put(&r, "t", "abcdefghijkl");
    const onus_data_spec s = long_text(&r, ONUS_PREDICT_NEXT, 5);
    assert_int_equal(room_try(&r, &s, NULL, 1), ONUS_OK);
    int64_t n;
    const int64_t *rows = onus_dataset_part(r.d, ONUS_PART_VALID, &n); /* g, h, i */
    float x[5], y[5];
    assert_int_equal(n, 1);
    onus_dataset_examples(r.d, onus_dataset_seed(r.d), 0, rows, 1, x, y);
    for (int k = 0; k < 5; k++) assert_true((x[k] < 0) == (k >= 2) && (y[k] < 0) == (k >= 2));
    room_close(&r);
}

/* Masks: the share that was asked for, hidden, changed and kept as 80, 10, 10; what is asked
 * for is what stood there; another epoch draws others, the same epoch the same, alone or in a
 * batch. */
static void masks_are_drawn_by_row_and_epoch(void **state)
{
    (void)state;
    enum { CONTEXT = 64, LETTERS = 64 * 400 };
    static char text[LETTERS + 1];
    for (int i = 0; i < LETTERS; i++) text[i] = (char)('a' + (i * i / 7 + i) % 26);
    data_room r;
    room_open(&r);
    put(&r, "t", text);
    const onus_data_spec s = long_text(&r, ONUS_PREDICT_MASKED, CONTEXT);
    assert_int_equal(room_try(&r, &s, NULL, 1), ONUS_OK);
    int64_t n, chosen = 0, hidden = 0, kept = 0, all = 0, differ = 0;
    const int64_t *rows = onus_dataset_part(r.d, ONUS_PART_TRAIN, &n);
    const int32_t mask = onus_tokenizer_id(onus_dataset_tokenizer(r.d), "[MASK]");
    static float x[2 * CONTEXT], y[2 * CONTEXT], x2[2 * CONTEXT], y2[2 * CONTEXT];
    for (int64_t i = 0; i + 1 < n; i += 2) {
        onus_dataset_examples(r.d, onus_dataset_seed(r.d), 3, rows + i, 2, x, y);
        onus_dataset_examples(r.d, onus_dataset_seed(r.d), 3, rows + i + 1, 1, x2, y2);
        assert_memory_equal(x + CONTEXT, x2, CONTEXT * sizeof *x);
        assert_memory_equal(y + CONTEXT, y2, CONTEXT * sizeof *y);
        onus_dataset_examples(r.d, onus_dataset_seed(r.d), 4, rows + i, 2, x2, y2);
        for (int b = 0; b < 2; b++) {
            int64_t len;
            const int32_t *ids = onus_text_row(r.d, rows[i + b], &len);
            for (int k = 0; k < CONTEXT; k++) {
                const int at = b * CONTEXT + k;
                all++;
                differ += (y[at] < 0) != (y2[at] < 0);
                if (y[at] < 0) {
                    assert_true(x[at] == (float)ids[k]);
                    continue;
                }
                assert_true(y[at] == (float)ids[k]);
                chosen++;
                hidden += x[at] == (float)mask;
                kept += x[at] == (float)ids[k];
            }
        }
    }
    assert_true(all > 12000);
    assert_float_equal((double)chosen / (double)all, 0.3, 0.015);
    assert_float_equal((double)hidden / (double)chosen, 0.8, 0.03);
    assert_float_equal((double)kept / (double)chosen, 0.1, 0.03); /* and 1 in 280 by chance */
    assert_true(differ > all / 4);
    room_close(&r);
}

static const char table_csv[] =
    "id,text,kind,sex\n"
    "1,the cat sat,a,f\n2,the dog ran off to the sea,b,m\n"
    "3,a cat ran,a,f\n4,the dog sat,b,m\n5,a dog,a,m\n6,the sea,b,f\n"
    "7,cat and dog,a,m\n8,off the sea,b,f\n";
static const char table_jsonl[] =
    "{\"id\":1,\"text\":\"the cat sat\",\"kind\":\"a\",\"sex\":\"f\"}\n"
    "{\"kind\":\"b\",\"text\":\"the dog ran off to the sea\",\"sex\":\"m\",\"id\":2}\n\n"
    "{\"id\":3,\"text\":\"a cat ran\",\"kind\":\"a\",\"sex\":\"f\"}\n"
    "{\"id\":4,\"text\":\"the dog sat\",\"kind\":\"b\",\"sex\":\"m\"}\n"
    "{\"id\":5,\"text\":\"a dog\",\"kind\":\"a\",\"sex\":\"m\"}\n"
    "{\"id\":6,\"text\":\"the sea\",\"kind\":\"b\",\"sex\":\"f\"}\n"
    "{\"id\":7,\"text\":\"cat and dog\",\"kind\":\"a\",\"sex\":\"m\"}\n"
    "{\"id\":8,\"text\":\"off the sea\",\"kind\":\"b\",\"sex\":\"f\"}";
static const onus_column_spec columns[] = {{.name = "id", .role = ONUS_ROLE_DROP, .line = 9},
                                           {.name = "text", .role = ONUS_ROLE_TEXT, .line = 9}};
static const char *const by_kind[] = {"kind"};
static const onus_protected_spec by_sex[] = {{.column = "sex", .line = 9}};

static onus_data_spec sentences(const data_room *r, const char *source, onus_format format)
{
    return (onus_data_spec){.recipe = "r.yaml",
                            .base_dir = r->dir,
                            .format = format,
                            .source = source,
                            .label = "kind",
                            .positive = "b",
                            .text = {.kind = ONUS_TOKENIZER_WORD, .context = 5},
                            .columns = columns,
                            .n_columns = 2,
                            .protected_ = by_sex,
                            .n_protected = 1,
                            .stratify = by_kind,
                            .n_stratify = 1,
                            .train = 0.5,
                            .valid = 0.25,
                            .test = 0.25,
                            .line = 3};
}

/* A column of text: [CLS] first, cut at the context, absent behind; the same rows from CSV and
 * from JSON Lines; groups and labels as in any table; what the encoder's file says is enough.
 */
static void a_column_of_text(void **state)
{
    (void)state;
    float x[2][8][5], y[2][8];
    data_room r;
    room_open(&r);
    put(&r, "t.csv", table_csv);
    put(&r, "t.jsonl", table_jsonl);
    onus_encoder *e = NULL;
    for (int k = 0; k < 2; k++) {
        const onus_data_spec s =
            sentences(&r, k ? "t.jsonl" : "t.csv", k ? ONUS_FORMAT_JSONL : ONUS_FORMAT_CSV);
        if (room_try(&r, &s, NULL, 1) != ONUS_OK) fail_msg("%s", r.err.msg);
        const int32_t cls = onus_tokenizer_id(onus_dataset_tokenizer(r.d), "[CLS]");
        for (int64_t i = 0; i < 8; i++) {
            onus_dataset_examples(r.d, onus_dataset_seed(r.d), 1, &i, 1, x[k][i], &y[k][i]);
            assert_true(x[k][i][0] == (float)cls);
        }
        assert_true(x[k][0][3] >= 0 && x[k][0][4] < 0); /* the cat sat */
        assert_true(x[k][1][4] >= 0);                   /* seven words in five places */
        assert_true(y[k][0] == 0 && y[k][1] == 1);
        assert_int_equal(room_int(&r, "data.truncated"), 1);
        assert_int_equal(onus_dataset_attributes(r.d), 1);
        if (k == 0) {
            onus_buf json;
            onus_buf_init(&json, NULL, 1 << 20);
            assert_int_equal(onus_encoder_write(onus_dataset_encoder(r.d), &json, NULL),
                             ONUS_OK);
            assert_int_equal(onus_encoder_read(&e, json.data, json.len, "m", NULL, NULL),
                             ONUS_OK);
            onus_buf_release(&json);
        }
        room_clear(&r);
    }
    assert_memory_equal(x[0], x[1], sizeof x[0]);
    assert_memory_equal(y[0], y[1], sizeof y[0]);
    const onus_data_spec s = sentences(&r, "t.csv", ONUS_FORMAT_CSV);
    assert_int_equal(room_try(&r, &s, e, 1),
                     ONUS_OK); /* all rows to test on, by the file's ids */
    for (int64_t i = 0; i < 8; i++) onus_dataset_examples(r.d, onus_dataset_seed(r.d), 0, &i, 1, x[1][i], &y[1][i]);
    assert_memory_equal(x[0], x[1], sizeof x[0]);
    room_clear(&r);
    /* Greek words among known ones (every text of b holds "the", whatever is drawn): three, and
     * of a long row the four that have a place behind [CLS] */
    put(&r, "t.csv",
        "id,text,kind,sex\n1,the α β,a,f\n2,γ the,b,m\n3,the the,a,f\n4,δ δ δ δ δ δ,b,m\n");
    assert_int_equal(room_try(&r, &s, e, 1), ONUS_OK);
    assert_int_equal(room_int(&r, "data.tokens.unknown"), 7);
    room_clear(&r);
    onus_encoder_destroy(e);
    room_close(&r);
}

static void wrong_input_is_named(void **state)
{
    (void)state;
    data_room r;
    room_open(&r);
    put(&r, "t",
        "ab\xff"
        "cdefgh");
    onus_data_spec s = long_text(&r, ONUS_PREDICT_NEXT, 4);
    assert_int_equal(room_try(&r, &s, NULL, 1), ONUS_BAD_INPUT);
    assert_non_null(strstr(r.err.msg, "UTF-8"));
    s.predict = ONUS_PREDICT_LABEL;
    assert_int_equal(room_try(&r, &s, NULL, 1), ONUS_BAD_INPUT);
    assert_non_null(strstr(r.err.msg, "next or masked"));
    static const struct {
        const char *text, *message;
    } lines[] = {
        {"{\"text\":\"a\",\"kind\":\"a\"}\n[1]\n", "j:2: no JSON object"},
        {"{\"text\":\"a\",\"kind\":\"a\"}\n{\"text\":\"b\"", "j:2: "},
        {"{\"text\":[1],\"kind\":\"a\"}\n", "j:1: 'text' is a list or an object"},
        {"{\"text\":\"a\",\"kind\":\"a\"}\n{\"texts\":\"b\"}\n", "j:2: 'texts' is no key"},
        {"\n\n", "no rows"}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        onus_csv t = {0};
        onus_err err = {.code = ONUS_OK};
        assert_int_equal(
            onus_jsonl_parse(&t, lines[i].text, strlen(lines[i].text), "j", NULL, &err),
            ONUS_BAD_INPUT);
        if (!strstr(err.msg, lines[i].message))
            fail_msg("'%s' does not hold '%s'", err.msg, lines[i].message);
    }
    room_close(&r);
}

/* A text ends at its length, and nothing behind it is looked at: the next page cannot be read.
 * Blank lines are no rows, and ask for no memory either. */
static void lines_end_with_the_text(void **state)
{
    (void)state;
    static const char text[] = "{\"a\": 1, \"b\": null}\n \r\n{\"b\": true}\n\t ";
    const size_t len = sizeof text - 1, page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages =
        mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
    onus_csv t = {0};
    onus_err err = {.code = ONUS_OK};
    memcpy(pages + page - len, text, len);
    assert_int_equal(onus_jsonl_parse(&t, pages + page - len, len, "j", NULL, &err), ONUS_OK);
    assert_int_equal(t.n_rows, 2);
    assert_int_equal(t.line[1], 3);
    assert_string_equal(t.cells[0], "1");
    assert_string_equal(t.cells[1], "");
    assert_string_equal(t.cells[2], "");
    assert_string_equal(t.cells[3], "true");
    onus_csv_release(&t);
    assert_int_equal(munmap(pages, 2 * page), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_by_hand),
        cmocka_unit_test(a_short_part_is_padded),
        cmocka_unit_test(masks_are_drawn_by_row_and_epoch),
        cmocka_unit_test(a_column_of_text),
        cmocka_unit_test(wrong_input_is_named),
        cmocka_unit_test(lines_end_with_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
