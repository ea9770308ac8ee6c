/* SPDX-License-Identifier: Apache-2.0
 * Goal: a ledger says what it was told, byte for byte as RFC 8785 has it; a resumed run and a
 * replay are held against it, field by field; nothing malformed is read as a ledger. Method:
 * lines written out by hand; every mode over small ledgers; hostile lines in a table, and every
 * byte of a good one changed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "failing_mem.h"
#include "proof/ledger.h"
#include "proof/merkle.h"

static char room[] = "/tmp/onus-ledger-XXXXXX", path[64];

static onus_ledger *open_as(onus_ledger_mode mode, int64_t *torn)
{
    onus_ledger *l = NULL;
    onus_err err;
    if (onus_ledger_open(&l, path, mode, torn, NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
    return l;
}

static onus_status tell(onus_ledger *l, const char *type, const onus_field *fields, int64_t n,
                        onus_err *err)
{
    const onus_event e = {.type = type, .fields = fields, .n_fields = n};
    const onus_sink sink = onus_ledger_sink(l);
    return sink.emit(sink.ctx, &e, err);
}

/* An event of one whole number. */
static onus_status say(onus_ledger *l, const char *type, const char *name, int64_t v,
                       bool observed, onus_err *err)
{
    const onus_field f = {.name = name, .kind = ONUS_FIELD_INT, .i = v, .observed = observed};
    return tell(l, type, &f, name ? 1 : 0, err);
}

static void said(onus_ledger *l, const char *type, const char *name, int64_t v, bool observed)
{
    onus_err err;
    if (say(l, type, name, v, observed, &err) != ONUS_OK) fail_msg("%s", err.msg);
}

/* The ledger a: 1, b: 2 (observed), c: 3. */
static void write_three(void)
{
    unlink(path);
    onus_ledger *l = open_as(ONUS_LEDGER_WRITE, NULL);
    said(l, "t.a", "a", 1, false);
    said(l, "t.b", "b", 2, true);
    said(l, "t.c", "c", 3, false);
    assert_int_equal(onus_ledger_close(l, NULL), ONUS_OK);
}

static char *content(size_t *len)
{
    onus_buf b;
    onus_buf_init(&b, NULL, 8 << 20);
    assert_int_equal(onus_file_read(path, &b, NULL), ONUS_OK);
    if (len) *len = b.len;
    return b.data; /* freed by the caller: the default allocator's */
}

static void put(const char *text, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

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

/* ---- a ledger read whole ----------------------------------------------------------------- */

#define LINE(claim, n, observed, time, type)                                      \
    "{\"claim\":" claim ",\"n\":" n ",\"observed\":" observed ",\"time\":\"" time \
    "\",\"type\":\"" type "\"}\n"
#define NOW "2026-11-22T14:03:11Z"

static void hostile(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        onus_status st;
        const char *message;
    } rows[] = {
        {"\n", ONUS_BAD_INPUT, "l.jsonl: event 1:1:0: not JSON"},
        {"{}\n", ONUS_TAMPER, "l.jsonl: event 1: expected claim, n, observed, time and type"},
        {"[]\n", ONUS_TAMPER, "expected claim"},
        {LINE("{}", "1", "{}", NOW, "a") LINE("{}", "3", "{}", NOW, "a"), ONUS_TAMPER,
         "event 2: says it is event 3"},
        {LINE("{}", "0", "{}", NOW, "a"), ONUS_TAMPER, "event 1: says it is event 0"},
        {LINE("{}", "1.0", "{}", NOW, "a"), ONUS_TAMPER, "expected claim, n"},
        {LINE("{}", "1e0", "{}", NOW, "a"), ONUS_TAMPER, "expected claim, n"},
        {LINE("{}", "99999999999999999999", "{}", NOW, "a"), ONUS_TAMPER, "expected claim, n"},
        {LINE("{\"a\\n\":1}", "1", "{}", NOW, "a"), ONUS_TAMPER,
         "event 1: a name holds control characters"},
        {LINE("{}", "1", "{\"\x7f\":1}", NOW, "a"), ONUS_TAMPER,
         "a name holds control characters"},
        {LINE("{}", "1", "{}", NOW, "a\\u001b[2J"), ONUS_TAMPER,
         "a name holds control characters"},
        {LINE("{}", "1", "{}", NOW, "a\xc2\x9b"), ONUS_TAMPER,
         "a name holds control characters"},
        {LINE("[]", "1", "{}", NOW, "a"), ONUS_TAMPER, "expected claim"},
        {LINE("{}", "1", "null", NOW, "a"), ONUS_TAMPER, "expected claim"},
        {LINE("{}", "1", "{}", "2026-11-22 14:03:11Z", "a"), ONUS_TAMPER, "expected claim"},
        {LINE("{}", "1", "{}", "2026-11-22T14:03:11Zx", "a"), ONUS_TAMPER, "expected claim"},
        {LINE("{}", "1", "{}", "2026-11-22T14:03:1", "a"), ONUS_TAMPER, "expected claim"},
        {LINE("{}", "1", "{}", NOW, ""), ONUS_TAMPER, "expected claim"},
        {"{\"claim\":{},\"n\":1,\"observed\":{},\"time\":\"" NOW "\",\"type\":\"a\",\"x\":1}\n",
         ONUS_TAMPER, "expected claim"},
        {"{\"n\":1,\"claim\":{},\"observed\":{},\"time\":\"" NOW "\",\"type\":\"a\"}\n",
         ONUS_TAMPER, "not canonical JSON (RFC 8785)"},
        {"{\"claim\": {},\"n\":1,\"observed\":{},\"time\":\"" NOW "\",\"type\":\"a\"}\n",
         ONUS_TAMPER, "not canonical"},
        {LINE("{}", "1", "{}", NOW, "a") "\n", ONUS_BAD_INPUT, "event 2"},
        {LINE("{\"a\":1,\"a\":1}", "1", "{}", NOW, "a"), ONUS_BAD_INPUT,
         "duplicate object key"},
        {LINE("{\"b\":1,\"a\":1}", "1", "{}", NOW, "a"), ONUS_TAMPER, "not canonical"},
        {LINE("{\"a\":1.0}", "1", "{}", NOW, "a"), ONUS_TAMPER, "not canonical"},
        {LINE("{\"a\":0.10}", "1", "{}", NOW, "a"), ONUS_TAMPER, "not canonical"},
        {LINE("{\"a\":-0}", "1", "{}", NOW, "a"), ONUS_TAMPER, "not canonical"},
        {LINE("{\"a\":9007199254740993}", "1", "{}", NOW, "a"), ONUS_TAMPER, "not canonical"},
        {LINE("{\"a\":1e400}", "1", "{}", NOW, "a"), ONUS_BAD_INPUT, "not JSON"},
        {LINE("{\"a\":NaN}", "1", "{}", NOW, "a"), ONUS_BAD_INPUT, "not JSON"},
        {LINE("{\"a\":\"\\u0041\"}", "1", "{}", NOW, "a"), ONUS_TAMPER, "not canonical"},
        {LINE("{\"a\":\"\\/\"}", "1", "{}", NOW, "a"), ONUS_TAMPER, "not canonical"},
        {LINE("{\"a\":\"\\u0000\"}", "1", "{}", NOW, "a"), ONUS_BAD_INPUT, "not JSON"},
        {LINE("{\"a\":\"\\ud800\"}", "1", "{}", NOW, "a"), ONUS_BAD_INPUT, "not JSON"},
        {LINE("{\"a\":\"\xff\"}", "1", "{}", NOW, "a"), ONUS_BAD_INPUT, "not JSON"},
        {LINE("{}", "1", "{}", NOW, "a") "{\"claim\"", ONUS_TAMPER, "the last line has no end"},
        {"{\"claim\":{},\"n\":1,\"observed\":{},\"time\":\"" NOW "\",\"type\":\"a\"}\r\n",
         ONUS_TAMPER, "not canonical"},
    };
    onus_err err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        onus_log *log = NULL;
        const onus_status st =
            onus_log_parse(&log, rows[i].text, strlen(rows[i].text), "l.jsonl", NULL, &err);
        if (st != rows[i].st || !strstr(err.msg, rows[i].message))
            fail_msg("%s: status %d, %s", rows[i].text, (int)st, err.msg);
        assert_null(log);
    }
    onus_log *log = NULL;
    assert_int_equal(onus_log_parse(&log, "", 0, "l", NULL, &err), ONUS_OK); /* nothing yet */
    assert_int_equal(onus_log_count(log), 0);
    onus_log_close(log);
}

static void at_the_limits(void **state)
{
    (void)state;
    enum { LIMIT = 1 << 20 };
    onus_buf b;
    onus_err err;
    onus_log *log = NULL;
    onus_buf_init(&b, NULL, 8 << 20);
    onus_buf_str(&b, "{\"claim\":{\"a\":\"");
    while (b.len < 100 * 1024) onus_buf_str(&b, "xxxxxxxxxxxxxxxx");
    onus_buf_str(&b, "\"},\"n\":1,\"observed\":{},\"time\":\"" NOW "\",\"type\":\"a\"}\n");
    assert_int_equal(onus_log_parse(&log, b.data, b.len, "l", NULL, &err), ONUS_OK);
    onus_log_close(log);
    onus_buf_clear(&b);
    onus_buf_str(&b, "{\"claim\":{\"a\":\"");
    while (b.len < LIMIT) onus_buf_str(&b, "xxxxxxxxxxxxxxxx");
    onus_buf_str(&b, "\"},\"n\":1,\"observed\":{},\"time\":\"" NOW "\",\"type\":\"a\"}\n");
    assert_int_equal(onus_log_parse(&log, b.data, b.len, "l", NULL, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "event 1 is longer than 1048576 bytes"));
    for (int depth = 62; depth <= 100000;
         depth = depth == 62 ? 63 : depth * 40) { /* in two objects */
        onus_buf_clear(&b);
        onus_buf_str(&b, "{\"claim\":{\"a\":");
        for (int i = 0; i < depth; i++) onus_buf_str(&b, "[");
        for (int i = 0; i < depth; i++) onus_buf_str(&b, "]");
        onus_buf_str(&b, "},\"n\":1,\"observed\":{},\"time\":\"" NOW "\",\"type\":\"a\"}\n");
        const onus_status st = onus_log_parse(&log, b.data, b.len, "l", NULL, &err);
        assert_int_equal(st, depth == 62 ? ONUS_OK : ONUS_BAD_INPUT);
        if (st == ONUS_OK)
            onus_log_close(log);
        else
            assert_non_null(strstr(err.msg, "JSON deeper than 64 levels"));
    }
    onus_buf_release(&b);
}

/* A changed byte makes another tree, or no ledger. */
static void every_byte(void **state)
{
    (void)state;
    write_three();
    size_t len;
    char *text = content(&len);
    onus_log *log = NULL;
    uint8_t root[32], other[32];
    assert_int_equal(onus_log_parse(&log, text, len, "l", NULL, NULL), ONUS_OK);
    onus_log_root(log, 3, root);
    onus_log_close(log);
    for (size_t i = 0; i < len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(text[i] ^ 1 << bit);
            if (onus_log_parse(&log, text, len, "l", NULL, NULL) == ONUS_OK) {
                onus_log_root(log, 99, other);
                assert_memory_not_equal(root, other, 32);
                onus_log_close(log);
            }
            text[i] = (char)(text[i] ^ 1 << bit);
        }
    }
    free(text);
}

static void found_by_name(void **state)
{
    (void)state;
    const char text[] = LINE("{\"a\":1,\"b\":\"x\"}", "1", "{}", NOW, "t")
        LINE("{}", "2", "{\"a\":2.5}", NOW, "u")
            LINE("{\"a\":\"undefined\",\"l\":[1]}", "3", "{}", NOW, "t");
    onus_log *log = NULL;
    const json_t *v = NULL;
    assert_int_equal(onus_log_parse(&log, text, sizeof text - 1, "l", NULL, NULL), ONUS_OK);
    assert_int_equal(onus_log_find(log, "a", 3, &v)->n, 3);
    assert_string_equal(json_string_value(v), "undefined");
    assert_int_equal(onus_log_find(log, "a", 2, &v)->n, 2); /* observed counts, too */
    assert_true(json_real_value(v) == 2.5);
    assert_int_equal(onus_log_find(log, "a", 1, &v)->n, 1);
    assert_int_equal(onus_log_find(log, "a", 1000, NULL)->n, 3);
    assert_int_equal(onus_log_find(log, "b", 3, NULL)->n, 1);
    assert_null(onus_log_find(log, "a", 0, &v));
    assert_null(onus_log_find(log, "z", 3, &v));
    assert_int_equal(onus_log_type(log, "t", 0)->n, 1);
    assert_int_equal(onus_log_type(log, "t", 1)->n, 3);
    assert_null(onus_log_type(log, "t", 3));
    assert_null(onus_log_type(log, "z", 0));
    assert_null(onus_log_at(log, 3));
    assert_null(onus_log_at(log, -1));

    onus_facts *f = NULL; /* the newest of each name, lists left out */
    assert_int_equal(onus_log_facts(log, 2, &f, NULL), ONUS_OK);
    assert_true(onus_facts_find(f, "a")->r == 2.5 && onus_facts_find(f, "a")->observed);
    onus_facts_destroy(f);
    assert_int_equal(onus_log_facts(log, 3, &f, NULL), ONUS_OK);
    assert_int_equal(onus_facts_find(f, "a")->kind, ONUS_FIELD_UNDEFINED);
    assert_false(onus_facts_find(f, "a")->observed);
    assert_string_equal(onus_facts_find(f, "b")->text, "x");
    assert_int_equal(onus_facts_count(f), 2);
    onus_facts_destroy(f);
    onus_log_close(log);
}

/* ---- large ledgers ----------------------------------------------------------------------- */

/* A ledger of n lines of different types and names; a line at bad[k] is spoiled. */
static void make_large(onus_buf *b, int64_t n, const int64_t *bad, size_t n_bad)
{
    onus_buf_init(b, NULL, 64 << 20);
    for (int64_t i = 0; i < n; i++) {
        bool spoiled = false;
        for (size_t k = 0; k < n_bad; k++) spoiled = spoiled || bad[k] == i;
        onus_buf_printf(b,
                        "{\"claim\":{%s%s\"v.%lld\":%lld},\"n\":%lld,\"observed\":{\"o\":%s},"
                        "\"time\":\"" NOW "\",\"type\":\"t.%lld\"}\n",
                        i % 3 ? "" : "\"a\":0.1", i % 3 ? "" : ",", (long long)(i % 7),
                        (long long)i, (long long)i + 1, spoiled ? "1.0" : "1",
                        (long long)(i % 5));
    }
}

/* Every root, entry and name is what one line after another gives, however they are asked for.
 */
static void large_is_as_small(void **state)
{
    (void)state;
    enum { N = 1300 }; /* five chunks and a part */
    onus_buf b;
    onus_err err;
    onus_log *log = NULL;
    onus_merkle tree = {0};
    make_large(&b, N, NULL, 0);
    assert_int_equal(onus_log_parse(&log, b.data, b.len, "l", NULL, &err), ONUS_OK);
    assert_int_equal(onus_log_count(log), N);
    const char *at = b.data;
    for (int64_t i = 0; i < N; i++) {
        uint8_t want[32], got[32];
        size_t len = strcspn(at, "\n"), got_len;
        onus_merkle_root(&tree, want);
        onus_log_root(log, i, got);
        assert_memory_equal(got, want, 32);
        onus_merkle_add(&tree, at, len);
        assert_memory_equal(onus_log_line(log, i, &got_len), at, len);
        assert_int_equal(got_len, len);
        char type[16], name[16];
        snprintf(type, sizeof type, "t.%d", (int)(i % 5));
        snprintf(name, sizeof name, "v.%d", (int)(i % 7));
        assert_string_equal(onus_log_type_at(log, i), type);
        assert_int_equal(onus_log_next(log, type, i), i);
        assert_int_equal(onus_log_next(log, type, i + 1), i + 5 < N ? i + 5 : -1);
        onus_taken t;
        assert_int_equal(onus_log_take(log, i, &t, NULL), ONUS_OK);
        assert_int_equal(json_integer_value(json_object_get(t.entry.claim, name)), i);
        assert_int_equal(t.entry.n, i + 1);
        onus_taken_release(&t);
        assert_ptr_equal(onus_log_find(log, name, i + 1, NULL), onus_log_at(log, i));
        at += len + 1;
    }
    const json_t *v = NULL;
    assert_int_equal(onus_log_find(log, "a", 1000, &v)->n, 1000); /* 999 % 3 == 0 */
    assert_true(json_real_value(v) == 0.1);
    assert_null(onus_log_type_at(log, N));
    assert_null(onus_log_type_at(log, -1));
    assert_int_equal(onus_log_next(log, "t.1", -1), -1);
    assert_int_equal(onus_log_next(log, "t.1", N), -1);
    assert_int_equal(onus_log_sound(log, NULL), ONUS_OK);
    onus_taken none;
    assert_int_equal(onus_log_take(log, N, &none, NULL), ONUS_BAD_ARG);
    onus_log_close(log);
    onus_buf_release(&b);
}

typedef struct {
    int64_t n, stop;
} watch;

static onus_status look(void *ctx, const onus_entry *e, onus_err *err)
{
    watch *w = ctx;
    assert_int_equal(e->n, ++w->n);
    assert_true(json_object_size(e->claim) > 0);
    (void)err;
    return w->n == w->stop ? ONUS_MISMATCH : ONUS_OK;
}

/* The first error is named, and who looks on sees the lines before it, in order, under any
 * number of threads; a good ledger is read whole. */
static void threads_change_nothing(void **state)
{
    (void)state;
    enum { N = 3000 };
    static const int64_t places[][2] = {
        {0, 2999}, {255, 256}, {256, 1}, {2999, 2998}, {700, 699}};
    onus_err err;
    onus_log *log = NULL;
    for (int threads = 1; threads <= 5; threads++) {
        char text[16], want[64];
        snprintf(text, sizeof text, "%d", threads);
        setenv("ONUS_THREADS", text, 1);
        for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
            const int64_t first = places[p][0] < places[p][1] ? places[p][0] : places[p][1];
            onus_buf b;
            make_large(&b, N, places[p], 2);
            put(b.data, b.len);
            watch w = {0, -1};
            assert_int_equal(onus_log_read_each(&log, path, look, &w, NULL, &err), ONUS_TAMPER);
            snprintf(want, sizeof want, "event %lld: not canonical", (long long)first + 1);
            assert_non_null(strstr(err.msg, want));
            assert_int_equal(w.n, first);
            onus_buf_release(&b);
        }
        onus_buf b;
        make_large(&b, N, NULL, 0);
        put(b.data, b.len);
        watch all = {0, -1}, some = {0, 1234};
        assert_int_equal(onus_log_read_each(&log, path, look, &all, NULL, &err), ONUS_OK);
        assert_int_equal(all.n, N);
        all.n = 0;
        assert_int_equal(onus_log_visit(log, N, look, &all, &err), ONUS_OK);
        assert_int_equal(all.n, N);
        onus_log_close(log);
        assert_int_equal(onus_log_read_each(&log, path, look, &some, NULL, &err),
                         ONUS_MISMATCH);
        assert_int_equal(some.n, 1234);
        /* a line without an end is told only when all before it are good */
        b.data[b.len - 1] = ' ';
        assert_int_equal(onus_log_parse(&log, b.data, b.len, "l", NULL, &err), ONUS_TAMPER);
        assert_non_null(strstr(err.msg, "the last line has no end"));
        b.data[6] = 'X';
        assert_int_equal(onus_log_parse(&log, b.data, b.len, "l", NULL, &err), ONUS_TAMPER);
        assert_non_null(strstr(err.msg, "event 1: expected claim"));
        onus_buf_release(&b);
    }
    unsetenv("ONUS_THREADS");
}

/* The rule without anything clever: jansson reads the line, it is written again, the bytes are
 * compared. */
static bool plainly_canonical(const char *line, size_t len)
{
    json_t *v = NULL;
    onus_buf b;
    if (onus_json_parse(&v, line, len, "", NULL) != ONUS_OK) return false;
    onus_buf_init(&b, NULL, 2 << 20);
    onus_json_canonical(&b, v);
    const bool same = b.st == ONUS_OK && b.len == len && memcmp(b.data, line, len) == 0;
    json_decref(v);
    onus_buf_release(&b);
    return same;
}

static uint32_t rand_below(uint64_t *state, uint32_t n)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 33) % n);
}

/* One to three changes: a byte, or a piece that matters to the form in the place of 0 to 3
 * bytes or of a whole number or text. Returns the new length. */
static size_t change(char *line, size_t len, size_t len_max, uint64_t *random)
{
    static const char *const pieces[] = {"1",
                                         "0",
                                         "-0",
                                         "1.0",
                                         "1e5",
                                         "100000",
                                         "0.1",
                                         "1e-7",
                                         "1E21",
                                         "1e+21",
                                         "5e-324",
                                         "4.9e-324",
                                         "0.30000000000000004",
                                         "0.300000000000000040",
                                         "9007199254740993",
                                         "1.7976931348623157e+308",
                                         "123456789012345680000",
                                         "1e20",
                                         "\\n",
                                         "\\u000a",
                                         "\\u000b",
                                         "\\/",
                                         "/",
                                         "\\\"",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80",
                                         "\xef\xbf\xbd",
                                         "\xed\xa0\x80",
                                         "\xc0\x80",
                                         "\\ud83d\\ude00",
                                         "\x7f",
                                         "\"b\":1,",
                                         "\"a\":1,",
                                         ",\"zz\":[]",
                                         "[]",
                                         "{}",
                                         "[1,2]",
                                         "null",
                                         "true",
                                         " ",
                                         "\t",
                                         "\"\xf0\x9f\x98\x80\":1,\"\xef\xbf\xbd\":1,",
                                         "\"\xef\xbf\xbd\":1,\"\xf0\x9f\x98\x80\":1,"};
    for (uint32_t k = 1 + rand_below(random, 3); k > 0; k--) {
        const size_t at = 10 + rand_below(random, (uint32_t)(len - 70));
        const char *piece = pieces[rand_below(random, sizeof pieces / sizeof *pieces)];
        size_t cut = rand_below(random, 4), m = strlen(piece);
        if (rand_below(random, 4) == 0) { /* a byte; else a piece for 0 to 3 bytes */
            line[at] = (char)rand_below(random, 256);
            continue;
        }
        if (rand_below(random, 2)) { /* for the number or text that stands there */
            cut = strcspn(line + at, ",:]}\n");
            if (cut > len - at) cut = 0;
        }
        if (len - cut + m > len_max) continue;
        memmove(line + at + m, line + at + cut, len - at - cut);
        memcpy(line + at, piece, m);
        len = len - cut + m;
    }
    return len;
}

/* Lines changed at random, in bytes and in pieces that matter to the form: what is read is what
 * the plain rule takes, and both happen often. */
static void form_by_the_plain_rule(void **state)
{
    (void)state;
    static const char good[] =
        "{\"claim\":{\"l\":[1,null,\"x\",{\"q\":false}],\"n\":0.1,\"t\":\"a\\n\\\"\"},\"n\":1,"
        "\"observed\":{\"s\":12.5},\"time\":\"" NOW "\",\"type\":\"t\"}";
    const int n = getenv("ONUS_SLOW") ? 3000000 : 60000;
    uint64_t random = 7;
    int taken = 0, refused = 0;
    for (int i = 0; i < n; i++) {
        char line[2048];
        size_t len = sizeof good - 1;
        memcpy(line, good, len);
        len = change(line, len, sizeof line - 2, &random);
        line[len] = '\n';
        line[len + 1] = '\0';
        if (memchr(line, '\n', len)) continue;
        onus_log *log = NULL;
        onus_err err;
        const bool plain = plainly_canonical(line, len);
        const onus_status st = onus_log_parse(&log, line, len + 1, "l", NULL, &err);
        const bool form = st == ONUS_TAMPER && !strstr(err.msg, "not canonical");
        if (st == ONUS_OK ? !plain : plain && !form)
            fail_msg("%s%s", line, st == ONUS_OK ? "taken" : err.msg);
        taken += st == ONUS_OK;
        refused += st != ONUS_OK;
        onus_log_close(log);
    }
    assert_true(taken > n / 100 && refused > n / 4);
    print_message("%d taken, %d refused\n", taken, refused);
}

/* An entry that memory does not allow shows no values, and the log says so from then on. */
static void entries_without_memory(void **state)
{
    (void)state;
    failing_mem m = {.lock = PTHREAD_MUTEX_INITIALIZER};
    onus_log *log = NULL;
    write_three();
    const onus_allocator mem = failing_mem_allocator(&m);
    assert_int_equal(onus_log_read(&log, path, &mem, NULL), ONUS_OK);
    assert_int_equal(json_integer_value(json_object_get(onus_log_at(log, 0)->claim, "a")), 1);
    m.fail_at = m.calls + 1;
    const onus_entry *e = onus_log_find(log, "c", 3, NULL);
    assert_int_equal(e->n, 3);
    assert_string_equal(e->type, "t.c");
    assert_null(e->claim);
    assert_int_equal(onus_log_sound(log, NULL), ONUS_NO_MEM);
    assert_int_equal(json_integer_value(json_object_get(onus_log_at(log, 2)->claim, "c")), 3);
    assert_int_equal(onus_log_sound(log, NULL), ONUS_NO_MEM);
    onus_log_close(log);
    assert_int_equal(m.live, 0);
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

static onus_status read_once(const onus_allocator *mem, void *ctx, onus_err *err)
{
    (void)ctx;
    onus_log *log = NULL;
    onus_facts *f = NULL;
    onus_status st = onus_log_read(&log, path, mem, err);
    if (st == ONUS_OK) st = onus_log_facts(log, 3, &f, err);
    onus_facts_destroy(f);
    onus_log_close(log);
    return st;
}

static void memory_ends(void **state)
{
    (void)state;
    assert_true(failing_mem_walk("ledger", go_on_once, NULL) > 8);
    write_three();
    assert_true(failing_mem_walk("log", read_once, NULL) > 4);
}

static int open_room(void **state)
{
    (void)state;
    if (!mkdtemp(room)) return -1;
    snprintf(path, sizeof path, "%s/ledger.jsonl", room);
    return 0;
}

static int close_room(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", room);
    return system(command);
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
        cmocka_unit_test(hostile),
        cmocka_unit_test(at_the_limits),
        cmocka_unit_test(every_byte),
        cmocka_unit_test(found_by_name),
        cmocka_unit_test(large_is_as_small),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(form_by_the_plain_rule),
        cmocka_unit_test(entries_without_memory),
        cmocka_unit_test(memory_ends),
    };
    return onus_crypto_start() ? cmocka_run_group_tests(tests, open_room, close_room) : 1;
}
