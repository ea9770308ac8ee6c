/* SPDX-License-Identifier: Apache-2.0
 * Goal: a ledger says what it was told, byte for byte as RFC 8785 has it; a resumed run and a
 * replay are held against it, field by field. Method: lines written out by hand; every mode
 * over small ledgers. What is read as a ledger: test_log.c. */
#include "ledger_room.h"

static void lines_by_hand(void **state)
{
    (void)state;
    static const double reals[] = {0.1, NAN, -0.0, 1e21, 4.35};
    static const char *const texts[] = {"b", "\xe2\x82\xac", "\"\\\n\x01"};
    const onus_field fields[] = {
        {.name = "zz", .kind = ONUS_FIELD_INT, .i = -7},
        {.name = "aa", .kind = ONUS_FIELD_REAL, .r = 0.30000000000000004},
        {.name = "nan", .kind = ONUS_FIELD_REAL, .r = NAN},
        {.name = "none", .kind = ONUS_FIELD_UNDEFINED},
        {.name = "list", .kind = ONUS_FIELD_REALS, .reals = reals, .n = 5},
        {.name = "words", .kind = ONUS_FIELD_TEXTS, .texts = texts, .n = 3, .observed = true},
        {.name = "big", .kind = ONUS_FIELD_INT, .i = INT64_C(1) << 53},
        {.name = "Text", .kind = ONUS_FIELD_TEXT, .text = "x/y", .observed = true},
    };
    unlink(path);
    onus_ledger *l = open_as(ONUS_LEDGER_WRITE, NULL);
    assert_int_equal(tell(l, "metric", fields, 8, NULL), ONUS_OK);
    assert_int_equal(tell(l, "empty", NULL, 0, NULL), ONUS_OK);
    assert_int_equal(onus_ledger_count(l), 2);
    uint8_t root[32], want[32];
    onus_ledger_root(l, root);
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
    char *text = content(NULL), *line = text;
    memset(strstr(text, "\"time\":\"") + 8, '#', 20);
    line = strchr(text, '\n') + 1;
    memset(strstr(line, "\"time\":\"") + 8, '#', 20);
    assert_string_equal(text, "{\"claim\":{\"aa\":0.30000000000000004,\"big\":9007199254740992,"
                              "\"list\":[0.1,null,0,1e+21,"
                              "4.35],\"nan\":\"undefined\",\"none\":\"undefined\",\"zz\":-7},"
                              "\"n\":1,\"observed\":{\"Text\":"
                              "\"x/"
                              "y\",\"words\":[\"b\",\"\xe2\x82\xac\",\"\\\"\\\\\\n\\u0001\"]},"
                              "\"time\":\"####################\","
                              "\"type\":\"metric\"}\n"
                              "{\"claim\":{},\"n\":2,\"observed\":{},\"time\":\"###############"
                              "#####\",\"type\":\"empty\"}\n");
    free(text);
    onus_log *log = NULL;
    assert_int_equal(onus_log_read(&log, path, NULL, NULL), ONUS_OK);
    onus_log_root(log, 2, want);
    assert_memory_equal(root, want, 32);
    onus_log_close(log);
}

static void events_refused(void **state)
{
    (void)state;
    static const char *const words[] = {"good", "\xff"};
    const onus_field twice[] = {{.name = "a", .kind = ONUS_FIELD_INT},
                                {.name = "a", .kind = ONUS_FIELD_INT, .observed = true}},
                     latin = {.name = "a", .kind = ONUS_FIELD_TEXT, .text = "M\xfcller"},
                     list = {.name = "a", .kind = ONUS_FIELD_TEXTS, .texts = words, .n = 2},
                     name = {.name = "\xc3", .kind = ONUS_FIELD_INT},
                     big = {.name = "a", .kind = ONUS_FIELD_INT, .i = (INT64_C(1) << 53) + 1},
                     small = {.name = "a", .kind = ONUS_FIELD_INT, .i = INT64_MIN};
    static char huge[(1 << 20) + 1];
    memset(huge, 'x', sizeof huge - 1);
    const onus_field long_ = {.name = "a", .kind = ONUS_FIELD_TEXT, .text = huge};
    unlink(path);
    onus_ledger *l = open_as(ONUS_LEDGER_WRITE, NULL);
    onus_err err;
    assert_int_equal(tell(l, "t", twice, 2, &err), ONUS_BAD_ARG);
    assert_string_equal(err.msg, "event t names 'a' twice");
    assert_int_equal(tell(l, "t", &latin, 1, &err), ONUS_BAD_INPUT);
    assert_string_equal(err.msg, "event t: 'a' is not UTF-8");
    assert_int_equal(tell(l, "t", &list, 1, &err), ONUS_BAD_INPUT);
    assert_int_equal(tell(l, "t", &name, 1, &err), ONUS_BAD_INPUT);
    assert_int_equal(tell(l, "t", &big, 1, &err), ONUS_BAD_ARG);
    assert_int_equal(tell(l, "t", &small, 1, &err), ONUS_BAD_ARG);
    assert_int_equal(tell(l, "t", &long_, 1, &err),
                     ONUS_BAD_INPUT); /* over 1 MiB with the rest */
    assert_int_equal(onus_ledger_count(l), 0);
    said(l, "t", "a", 1, false); /* what was refused left nothing behind */
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
    onus_log *log = NULL;
    assert_int_equal(onus_log_read(&log, path, NULL, NULL), ONUS_OK);
    assert_int_equal(onus_log_count(log), 1);
    onus_log_close(log);
}

static void one_writer(void **state)
{
    (void)state;
    onus_ledger *other = NULL;
    onus_err err;
    write_three();
    assert_int_equal(onus_ledger_open(&other, path, ONUS_LEDGER_WRITE, NULL, NULL, &err),
                     ONUS_IO);
    assert_non_null(strstr(err.msg, "a ledger is never begun twice"));
    onus_ledger *l = open_as(ONUS_LEDGER_RESUME, NULL);
    assert_int_equal(onus_ledger_open(&other, path, ONUS_LEDGER_RESUME, NULL, NULL, &err),
                     ONUS_IO);
    assert_non_null(strstr(err.msg, "is being written by another process"));
    onus_ledger *reader = open_as(ONUS_LEDGER_REPLAY, NULL); /* who only reads is let in */
    assert_int_equal(onus_ledger_close(reader, NULL), ONUS_OK);
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
    l = open_as(ONUS_LEDGER_RESUME, NULL);
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
    unlink(path);
    assert_int_equal(onus_ledger_open(&other, path, ONUS_LEDGER_RESUME, NULL, NULL, &err),
                     ONUS_IO);
    assert_int_equal(access(path, F_OK), -1); /* and none is made */
    assert_int_equal(onus_ledger_open(&other, path, ONUS_LEDGER_REPLAY, NULL, NULL, &err),
                     ONUS_IO);
    assert_int_equal(onus_ledger_close(NULL, NULL), ONUS_OK);
}

/* A run that is done again over its own ledger: what is there is compared, in its order, what
 * is new is appended after a line that says so. */
static void resumed(void **state)
{
    (void)state;
    write_three();
    size_t before, after;
    char *old = content(&before);
    int64_t torn = -1;
    onus_ledger *l = open_as(ONUS_LEDGER_RESUME, &torn);
    assert_int_equal(torn, 0);
    said(l, "run.resume", "run.resume.step", 7, true);
    said(l, "t.a", "a", 1, false);
    said(l, "t.b", "b", 999, true); /* observed: nobody asks whether it is the same */
    said(l, "t.c", "c", 3, false);
    assert_int_equal(onus_ledger_count(l), 3);
    assert_int_equal(onus_ledger_compared(l), 2);
    assert_string_equal(onus_ledger_matched(l)->type, "t.c");
    said(l, "t.d", "d", 4, false);
    assert_null(onus_ledger_matched(l));
    said(l, "t.e", "e", 5, true);
    assert_int_equal(onus_ledger_count(l), 6); /* run.resume comes first */
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
    char *new_ = content(&after);
    assert_memory_equal(new_, old, before);
    onus_log *log = NULL;
    assert_int_equal(onus_log_read(&log, path, NULL, NULL), ONUS_OK);
    assert_string_equal(onus_log_at(log, 3)->type, "run.resume");
    assert_string_equal(onus_log_at(log, 4)->type, "t.d");
    assert_string_equal(onus_log_at(log, 5)->type, "t.e");
    onus_log_close(log);
    free(old);
    free(new_);
}

/* Nothing new: nothing is written, not even that it was resumed. */
static void resumed_at_the_end(void **state)
{
    (void)state;
    write_three();
    size_t before, after;
    char *old = content(&before);
    onus_ledger *l = open_as(ONUS_LEDGER_RESUME, NULL);
    said(l, "run.resume", "run.resume.step", 7, true);
    said(l, "t.a", "a", 1, false);
    said(l, "t.b", "b", 2, true);
    said(l, "t.c", "c", 3, false);
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
    char *new_ = content(&after);
    assert_int_equal(before, after);
    assert_memory_equal(new_, old, before);
    free(old);
    free(new_);
}

/* Wherever a kill tears the file, the whole lines before it stay and the run goes on. */
static void torn_anywhere(void **state)
{
    (void)state;
    write_three();
    size_t len;
    char *text = content(&len);
    for (size_t cut = 0; cut <= len; cut++) {
        put(text, cut);
        size_t kept = cut;
        while (kept > 0 && text[kept - 1] != '\n') kept--;
        int64_t torn = -1;
        onus_ledger *l = open_as(ONUS_LEDGER_RESUME, &torn);
        assert_int_equal(torn, cut - kept);
        struct stat info;
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_size, kept);
        said(l, "t.a", "a", 1, false);
        said(l, "t.b", "b", 2, true);
        said(l, "t.c", "c", 3, false);
        assert_int_equal(onus_ledger_count(l), 3);
        assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
        onus_log *log = NULL;
        assert_int_equal(onus_log_read(&log, path, NULL, NULL), ONUS_OK);
        onus_log_close(log);
        if (cut != kept) { /* who only reads is told, and changes nothing */
            onus_ledger *reader = NULL;
            onus_err err;
            put(text, cut);
            assert_int_equal(
                onus_ledger_open(&reader, path, ONUS_LEDGER_REPLAY, NULL, NULL, &err),
                ONUS_TAMPER);
            assert_non_null(strstr(err.msg, "the last line has no end"));
        }
    }
    free(text);
}

static void replayed(void **state)
{
    (void)state;
    write_three();
    onus_ledger *l = open_as(ONUS_LEDGER_REPLAY, NULL);
    const onus_field one = {.name = "a", .kind = ONUS_FIELD_REAL, .r = 1.0}; /* 1.0 is 1 */
    assert_int_equal(tell(l, "t.a", &one, 1, NULL), ONUS_OK);
    assert_false(onus_ledger_at_end(l));
    assert_int_equal(onus_ledger_expect(l, "t.b", NULL, NULL), ONUS_OK);
    said(l, "t.c", "c", 3, false);
    assert_true(onus_ledger_at_end(l));
    assert_int_equal(onus_ledger_end(l, NULL), ONUS_OK);
    assert_int_equal(onus_ledger_compared(l), 2);
    onus_err err;
    assert_int_equal(say(l, "t.d", "d", 1, false, &err), ONUS_MISMATCH);
    assert_string_equal(err.msg,
                        "event 4 (t.d): type is absent in the ledger, \"t.d\" when recomputed");
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
}

static void mismatches(void **state)
{
    (void)state;
    static const struct {
        const char *type, *name;
        int64_t v;
        const char *message;
    } rows[] = {
        {"t.a", "a", 2, "event 1 (t.a): a is 1 in the ledger, 2 when recomputed"},
        {"t.a", "b", 1, "event 1 (t.a): b is absent in the ledger, 1 when recomputed"},
        {"t.a", NULL, 1, "event 1 (t.a): a is 1 in the ledger, absent when recomputed"},
        {"t.z", "a", 1,
         "event 1 (t.a): type is \"t.a\" in the ledger, \"t.z\" when recomputed"},
    };
    write_three();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int mode = ONUS_LEDGER_RESUME; mode <= ONUS_LEDGER_REPLAY; mode++) {
            onus_ledger *l = open_as((onus_ledger_mode)mode, NULL);
            onus_err err = {.msg = ""};
            const onus_status st = say(l, rows[i].type, rows[i].name, rows[i].v, false, &err);
            assert_int_equal(st, rows[i].message ? ONUS_MISMATCH : ONUS_OK);
            if (rows[i].message) assert_string_equal(err.msg, rows[i].message);
            assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
        }
    }
    /* a field that the ledger has and the event lacks */
    unlink(path);
    const onus_field two[] = {{.name = "a", .kind = ONUS_FIELD_INT, .i = 1},
                              {.name = "b", .kind = ONUS_FIELD_TEXT, .text = "x"}};
    onus_ledger *l = open_as(ONUS_LEDGER_WRITE, NULL);
    assert_int_equal(tell(l, "t", two, 2, NULL), ONUS_OK);
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
    l = open_as(ONUS_LEDGER_REPLAY, NULL);
    onus_err err;
    assert_int_equal(tell(l, "t", two, 1, &err), ONUS_MISMATCH);
    assert_string_equal(err.msg,
                        "event 1 (t): b is \"x\" in the ledger, absent when recomputed");
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
}

/* A replay that collects goes on, and keeps at most 64. */
static void collected(void **state)
{
    (void)state;
    unlink(path);
    onus_ledger *l = open_as(ONUS_LEDGER_WRITE, NULL);
    for (int i = 0; i < 100; i++) said(l, "t", "v", i, false);
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
    l = open_as(ONUS_LEDGER_REPLAY, NULL);
    onus_ledger_collect(l, true);
    for (int i = 0; i < 100; i++) said(l, "t", "v", i < 3 ? i : -i, false);
    const onus_mismatch *list = NULL;
    assert_int_equal(onus_ledger_mismatches(l, &list), 64);
    assert_int_equal(list[0].n, 4);
    assert_string_equal(list[0].field, "v");
    assert_string_equal(list[0].stored, "3");
    assert_string_equal(list[0].found, "-3");
    assert_int_equal(onus_ledger_compared(l), 100);
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
}

static void skipped(void **state)
{
    (void)state;
    unlink(path);
    onus_ledger *l = open_as(ONUS_LEDGER_WRITE, NULL);
    for (int i = 1; i <= 3; i++) {
        said(l, "epoch", "epoch", i, false);
        said(l, "checkpoint", "checkpoint.step", 10 * i, false);
    }
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
    l = open_as(ONUS_LEDGER_REPLAY, NULL);
    assert_int_equal(onus_ledger_place(l), 0);
    onus_ledger_seek(l, 4); /* behind the second checkpoint */
    said(l, "epoch", "epoch", 3, false);
    said(l, "checkpoint", "checkpoint.step", 30, false);
    assert_true(onus_ledger_at_end(l));
    onus_ledger_seek(l, 2);
    said(l, "epoch", "epoch", 2, false);
    assert_int_equal(onus_ledger_place(l), 3);
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
}

/* What no replay can see again has its place and its names all the same, and nothing but
 * run.resume and run.stop may stand anywhere. */
static void every_line_has_its_place(void **state)
{
    (void)state;
    static const char *const names[] = {"b", NULL}, *const more[] = {"b", "c", NULL},
                             *const none[] = {NULL};
    onus_err err;
    unlink(path);
    onus_ledger *l = open_as(ONUS_LEDGER_WRITE, NULL);
    said(l, "t.a", "a", 1, false);
    said(l, "run.stop", "run.stop.step", 1, true);
    said(l, "run.resume", "run.resume.step", 1, true);
    said(l, "t.b", "b", 2, true);
    said(l, "t.c", "c", 3, false);
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);

    l = open_as(ONUS_LEDGER_REPLAY, NULL);
    said(l, "t.a", "a", 1, false);
    assert_int_equal(say(l, "t.c", "c", 3, false, &err), ONUS_MISMATCH); /* t.b was left out */
    assert_string_equal(
        err.msg, "event 4 (t.b): type is \"t.b\" in the ledger, \"t.c\" when recomputed");
    assert_int_equal(onus_ledger_expect(l, "t.z", NULL, &err), ONUS_MISMATCH);
    assert_int_equal(onus_ledger_expect(l, "t.b", more, &err), ONUS_MISMATCH);
    assert_string_equal(
        err.msg, "event 4 (t.b): c is absent in the ledger, \"something\" when recomputed");
    onus_ledger_seek(l, 1);
    assert_int_equal(onus_ledger_expect(l, "t.b", none, &err), ONUS_MISMATCH);
    assert_string_equal(err.msg, "event 4 (t.b): b is 2 in the ledger, absent when recomputed");
    onus_ledger_seek(l, 1);
    assert_int_equal(onus_ledger_expect(l, "t.b", names, &err), ONUS_OK);
    json_t *two = json_integer(2), *three = json_integer(3);
    assert_int_equal(onus_ledger_require(l, "b", two, &err), ONUS_OK);
    assert_int_equal(onus_ledger_require(l, "b", three, &err), ONUS_MISMATCH);
    assert_int_equal(onus_ledger_end(l, &err), ONUS_MISMATCH);
    assert_string_equal(err.msg,
                        "event 5 (t.c): type is \"t.c\" in the ledger, absent when recomputed");
    assert_int_equal(onus_ledger_expect(l, "t.c", NULL, &err), ONUS_MISMATCH); /* it claims */
    json_decref(two);
    json_decref(three);
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);

    /* observed names of an event that claims something, too; their values are not compared */
    unlink(path);
    l = open_as(ONUS_LEDGER_WRITE, NULL);
    const onus_field both[] = {{.name = "a", .kind = ONUS_FIELD_INT, .i = 1},
                               {.name = "s", .kind = ONUS_FIELD_INT, .i = 5, .observed = true}},
                     other = {.name = "s", .kind = ONUS_FIELD_INT, .i = 6, .observed = true};
    const onus_field again[] = {both[0], other};
    assert_int_equal(tell(l, "t.a", both, 2, NULL), ONUS_OK);
    assert_int_equal(tell(l, "t.a", both, 1, NULL), ONUS_OK);
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
    l = open_as(ONUS_LEDGER_REPLAY, NULL);
    assert_int_equal(tell(l, "t.a", again, 2, NULL), ONUS_OK);
    assert_int_equal(tell(l, "t.a", again, 2, &err), ONUS_MISMATCH);
    assert_string_equal(err.msg, "event 2 (t.a): s is absent in the ledger, 6 when recomputed");
    onus_ledger_seek(l, 0);
    assert_int_equal(tell(l, "t.a", again, 1, &err), ONUS_MISMATCH);
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
}

/* Lines made of what was recomputed are the stored ones where all is the same; a claim that
 * differs changes its line and no other. */
static void made_again(void **state)
{
    (void)state;
    onus_log *log = NULL;
    write_three();
    onus_ledger *l = open_as(ONUS_LEDGER_REPLAY, NULL);
    onus_ledger_collect(l, true);
    said(l, "t.a", "a", 7, false);
    assert_int_equal(onus_ledger_expect(l, "t.b", NULL, NULL), ONUS_OK);
    said(l, "t.c", "c", 3, false);
    assert_int_equal(onus_ledger_again(l, 3, &log, NULL), ONUS_OK);
    assert_int_equal(onus_log_count(log), 3);
    assert_int_equal(json_integer_value(json_object_get(onus_log_at(log, 0)->claim, "a")), 7);
    size_t len;
    char *text = content(&len), *second = strchr(text, '\n') + 1;
    assert_memory_equal(onus_log_at(log, 1)->line, second, onus_log_at(log, 1)->line_len);
    const char *third = strchr(second, '\n') + 1;
    assert_memory_equal(onus_log_at(log, 2)->line, third, onus_log_at(log, 2)->line_len);
    free(text);
    onus_log_close(log);
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
}

static onus_status go_on_once(const onus_allocator *mem, void *ctx, onus_err *err)
{
    (void)ctx;
    onus_ledger *l = NULL;
    write_three();
    onus_status st = onus_ledger_open(&l, path, ONUS_LEDGER_RESUME, NULL, mem, err);
    if (st == ONUS_OK) st = say(l, "t.a", "a", 1, false, err);
    if (st == ONUS_OK) st = say(l, "t.b", "b", 2, true, err);
    if (st == ONUS_OK) st = say(l, "t.c", "c", 3, false, err);
    if (st == ONUS_OK) st = say(l, "t.d", "d", 4, false, err);
    (void)onus_ledger_close(l, NULL);
    return st;
}

static void memory_ends(void **state)
{
    (void)state;
    assert_true(failing_mem_walk("ledger", go_on_once, NULL) > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_by_hand),
        cmocka_unit_test(events_refused),
        cmocka_unit_test(one_writer),
        cmocka_unit_test(resumed),
        cmocka_unit_test(resumed_at_the_end),
        cmocka_unit_test(torn_anywhere),
        cmocka_unit_test(replayed),
        cmocka_unit_test(mismatches),
        cmocka_unit_test(collected),
        cmocka_unit_test(skipped),
        cmocka_unit_test(every_line_has_its_place),
        cmocka_unit_test(made_again),
        cmocka_unit_test(memory_ends),
    };
    return onus_crypto_start() ? cmocka_run_group_tests(tests, open_room, close_room) : 1;
}
