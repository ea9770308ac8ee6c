/* SPDX-License-Identifier: Apache-2.0
 * Goal: nothing malformed is read as a ledger, and what is read is the same however many
 * threads read it. Method: hostile lines in a table, every byte of a good ledger changed, lines
 * changed at random against the plain rule; ledgers of thousands of lines, one line after
 * another. */
#include "ledger_room.h"

#include "plain_rule.h"
#include "proof/merkle.h"

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
    write_three();
    assert_true(failing_mem_walk("log", read_once, NULL) > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
