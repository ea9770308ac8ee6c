/* SPDX-License-Identifier: Apache-2.0
 * Goal: every number keeps its name and value from the event to the list of facts and to JSON;
 * a value that is not finite is "undefined"; the user's words cannot forge a name. Method:
 * small events by hand, thousands of names, every allocation failing. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/event.h"
#include "base/facts.h"
#include "failing_mem.h"

/* ---- events ------------------------------------------------------------------------------ */

typedef struct {
    int n;
    bool stop;
} seen;

static onus_status check_event(void *ctx, const onus_event *e, onus_err *err)
{
    (void)err;
    seen *s = ctx;
    s->n++;
    if (s->stop) return ONUS_STOPPED;
    assert_string_equal(e->type, "metric");
    assert_int_equal(e->n_fields, 8);
    const onus_field *f = e->fields;
    assert_string_equal(f[0].name, "accuracy.n");
    assert_true(f[0].kind == ONUS_FIELD_INT && f[0].i == -7 && !f[0].observed);
    assert_true(f[1].kind == ONUS_FIELD_REAL && f[1].r == 0.25);
    assert_true(f[2].kind == ONUS_FIELD_UNDEFINED && f[3].kind == ONUS_FIELD_UNDEFINED);
    assert_true(f[4].kind == ONUS_FIELD_TEXT && !strcmp(f[4].text, "good"));
    assert_string_equal(f[5].text,
                        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    assert_true(f[6].kind == ONUS_FIELD_REALS && f[6].n == 2 && f[6].observed);
    assert_true(f[6].reals[0] == 1.5 && isnan(f[6].reals[1]));
    assert_true(f[7].kind == ONUS_FIELD_TEXTS && f[7].n == 2 && !strcmp(f[7].texts[1], "b"));
    return ONUS_OK;
}

static void fill(onus_event_builder *b)
{
    char word[] = "good"; /* copied: may change before the event is emitted */
    double reals[] = {1.5, NAN};
    char *const texts[] = {(char[]){"a"}, (char[]){"b"}};
    uint8_t sha[32];
    for (int i = 0; i < 32; i++) sha[i] = (uint8_t)i;
    onus_event_begin(b, "metric");
    onus_event_int(b, -7, "%s.%c", "accuracy", 'n');
    onus_event_real(b, 0.25, "r");
    onus_event_real(b, -INFINITY, "inf");
    onus_event_undefined(b, "none");
    onus_event_text(b, word, "t");
    onus_event_sha256(b, sha, "sha");
    onus_event_observed(b, true);
    onus_event_reals(b, reals, 2, "rs");
    onus_event_texts(b, (const char *const *)texts, 2, "ts");
    memset(word, 'x', 4);
    reals[0] = 0;
    texts[1][0] = 'x';
}

static void events_carry_what_was_said(void **state)
{
    (void)state;
    onus_event_builder b;
    seen s = {0};
    const onus_sink sink = {.emit = check_event, .ctx = &s}, none = {0};
    onus_event_init(&b, NULL);
    for (int i = 0; i < 3; i++) { /* a builder is used again and again */
        fill(&b);
        assert_int_equal(onus_event_emit(&b, &sink, NULL), ONUS_OK);
    }
    assert_int_equal(s.n, 3);
    assert_int_equal(onus_event_emit(&b, &none, NULL), ONUS_OK);
    assert_int_equal(onus_event_emit(&b, NULL, NULL), ONUS_OK);
    s.stop = true; /* the sink's status is the emitter's */
    assert_int_equal(onus_event_emit(&b, &sink, NULL), ONUS_STOPPED);
    onus_event_release(&b);
    onus_event_release(NULL);
}

/* Names that are too long and integers that a JSON number cannot hold are refused, named, and
 * stick. */
static void events_refuse_what_cannot_be_kept(void **state)
{
    (void)state;
    onus_event_builder b;
    onus_err err;
    char name[2000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    onus_event_init(&b, NULL);
    onus_event_begin(&b, "metric");
    onus_event_int(&b, 1, "%s", name);
    onus_event_int(&b, 2, "fine");
    assert_int_equal(onus_event_emit(&b, NULL, &err), ONUS_BAD_ARG);
    assert_non_null(strstr(err.msg, "metric"));
    onus_event_begin(&b, "metric"); /* a new event starts clean */
    onus_event_int(&b, INT64_C(1) << 53, "big");
    onus_event_int(&b, -(INT64_C(1) << 53), "small");
    assert_int_equal(onus_event_emit(&b, NULL, &err), ONUS_OK);
    onus_event_int(&b, (INT64_C(1) << 53) + 1, "bigger");
    assert_int_equal(onus_event_emit(&b, NULL, &err), ONUS_BAD_ARG);
    onus_event_begin(&b, "metric");
    onus_event_int(&b, INT64_MIN, "lowest");
    assert_int_equal(onus_event_emit(&b, NULL, &err), ONUS_BAD_ARG);
    onus_event_release(&b);
}

static onus_status check_prefix(void *ctx, const onus_event *e, onus_err *err)
{
    (void)err;
    *(const char **)ctx = NULL;
    assert_int_equal(e->n_fields, 1);
    assert_string_equal(e->fields[0].name, "label.toxic.auc.lower");
    return ONUS_OK;
}

/* All names of all events, until it is taken back; it counts towards their length. */
static void names_begin_with_a_prefix(void **state)
{
    (void)state;
    onus_event_builder b;
    const char *unseen = "not emitted";
    const onus_sink sink = {.emit = check_prefix, .ctx = &unseen};
    char name[1024];
    memset(name, 'n', sizeof name);
    name[1012] = '\0';
    onus_event_init(&b, NULL);
    onus_event_within(&b, "label.toxic.");
    for (int i = 0; i < 2; i++) {
        onus_event_begin(&b, "metric");
        onus_event_real(&b, 0.5, "%s.lower", "auc");
        assert_int_equal(onus_event_emit(&b, &sink, NULL), ONUS_OK);
    }
    assert_null(unseen);
    onus_event_begin(&b, "metric");
    onus_event_int(&b, 1, "%s", name); /* 12 and 1,012 bytes */
    assert_int_equal(onus_event_emit(&b, NULL, NULL), ONUS_BAD_ARG);
    onus_event_within(&b, NULL);
    onus_event_begin(&b, "metric");
    onus_event_int(&b, 1, "%s", name);
    assert_int_equal(onus_event_emit(&b, NULL, NULL), ONUS_OK);
    onus_event_release(&b);
}

static onus_status use_event(const onus_allocator *mem, void *ctx, onus_err *err)
{
    (void)ctx;
    seen s = {0};
    const onus_sink sink = {.emit = check_event, .ctx = &s};
    onus_event_builder b;
    onus_event_init(&b, mem);
    fill(&b);
    onus_status st = onus_event_emit(&b, &sink, err);
    onus_event_begin(&b, "long");
    for (int i = 0; st == ONUS_OK && i < 500; i++)
        onus_event_text(&b, "a text of some length, so that blocks fill up", "name.%d", i);
    if (st == ONUS_OK) st = onus_event_emit(&b, NULL, err);
    onus_event_release(&b);
    return st;
}

static void events_survive_the_end_of_memory(void **state)
{
    (void)state;
    failing_mem_walk("event", use_event, NULL);
}

/* ---- names
 * ----------------------------------------------------------------------------------- */

static void words_cannot_forge_names(void **state)
{
    (void)state;
    static const struct {
        const char *word, *part;
    } rows[] = {{"sex", "sex"},
                {"a.b", "a%2Eb"},
                {"a+b", "a%2Bb"},
                {"100%", "100%25"},
                {"%2E", "%252E"},
                {"\n\x7f\x01", "%0A%7F%01"},
                {"", ""},
                {"\xc3\xa4 ", "\xc3\xa4 "},
                {"a\xc2\x85z", "a%C2%85z"},
                {"\xe2\x80\xae\xe2\x81\xa6z", "%E2%80%AE%E2%81%A6z"},
                {"\xe2\x80\x8f\xd8\xb9\xc2\xa0", "\xe2\x80\x8f\xd8\xb9\xc2\xa0"}};
    char out[40];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(onus_name_part(out, sizeof out, rows[i].word, NULL), ONUS_OK);
        assert_string_equal(out, rows[i].part);
    }
    onus_err err;
    assert_int_equal(onus_name_part(out, 4, "abc", &err), ONUS_OK);
    assert_int_equal(onus_name_part(out, 4, "abcd", &err), ONUS_BAD_INPUT);
    assert_int_equal(onus_name_part(out, 4, ".", &err), ONUS_OK);
    assert_int_equal(onus_name_part(out, 4, "a.", &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "a."));
}

/* ---- facts
 * ------------------------------------------------------------------------------------ */

static onus_status add_int(onus_facts *f, int i, int64_t v, onus_err *err)
{
    char name[40];
    snprintf(name, sizeof name, "fairness.group.%d.n", i);
    const onus_field field = {.name = name, .kind = ONUS_FIELD_INT, .i = v};
    return onus_facts_add(f, &field, err);
}

static void facts_are_found_by_name(void **state)
{
    (void)state;
    enum { N = 3000 };
    onus_facts *f;
    assert_int_equal(onus_facts_create(&f, NULL, NULL), ONUS_OK);
    assert_int_equal(onus_facts_count(f), 0);
    assert_null(onus_facts_find(f, "x"));
    for (int i = 0; i < N; i++) assert_int_equal(add_int(f, i, i, NULL), ONUS_OK);
    for (int i = 0; i < N; i += 7)
        assert_int_equal(add_int(f, i, -i, NULL), ONUS_OK); /* replaced */
    assert_int_equal(onus_facts_count(f), N);
    for (int i = 0; i < N; i++) {
        char name[40];
        snprintf(name, sizeof name, "fairness.group.%d.n", i);
        const onus_field *e = onus_facts_find(f, name);
        assert_ptr_equal(e, onus_facts_at(f, i)); /* in the order in which they came */
        assert_string_equal(e->name, name);
        assert_int_equal(e->i, i % 7 ? i : -i);
    }
    assert_null(onus_facts_find(f, "fairness.group.3000.n"));
    assert_null(onus_facts_find(f, NULL));
    assert_null(onus_facts_at(f, -1));
    assert_null(onus_facts_at(f, N));
    onus_facts_destroy(f);
    onus_facts_destroy(NULL);
    assert_int_equal(onus_facts_count(NULL), 0);
    assert_null(onus_facts_find(NULL, "x"));
}

static void facts_become_one_json_object(void **state)
{
    (void)state;
    const onus_field fields[] = {
        {.name = "z", .kind = ONUS_FIELD_REAL, .r = 0.1},
        {.name = "a", .kind = ONUS_FIELD_INT, .i = INT64_C(9007199254740992)},
        {.name = "t", .kind = ONUS_FIELD_TEXT, .text = "\"\n\xe4\xbd\xa0"},
        {.name = "u", .kind = ONUS_FIELD_UNDEFINED},
        {.name = "n", .kind = ONUS_FIELD_REAL, .r = NAN}, /* onus.h: becomes UNDEFINED */
        {.name = "list", .kind = ONUS_FIELD_REALS},
    };
    const onus_event event = {"e", fields, 6};
    onus_facts *f;
    onus_buf b;
    onus_err err;
    onus_buf_init(&b, NULL, 1000);
    assert_int_equal(onus_facts_create(&f, NULL, NULL), ONUS_OK);
    const onus_sink sink = onus_facts_sink(f);
    assert_int_equal(sink.emit(sink.ctx, &event, NULL), ONUS_OK);
    assert_int_equal(onus_facts_json(f, &b, &err), ONUS_OK);
    assert_string_equal(b.data, "{\"a\":9007199254740992,\"n\":\"undefined\",\"t\":\"\\\"\\n"
                                "\xe4\xbd\xa0\",\"u\":\"undefined\",\"z\":0.1}");
    const onus_field bad = {.name = "bad", .kind = ONUS_FIELD_TEXT, .text = "\xff"};
    onus_buf_clear(&b);
    assert_int_equal(onus_facts_add(f, &bad, NULL), ONUS_OK);
    assert_int_equal(onus_facts_json(f, &b, &err),
                     ONUS_BAD_INPUT); /* and not "out of memory" */
    onus_facts_destroy(f);
    onus_buf_release(&b);
}

static onus_status use_facts(const onus_allocator *mem, void *ctx, onus_err *err)
{
    (void)ctx;
    onus_facts *f;
    onus_buf b;
    onus_status st = onus_facts_create(&f, mem, err);
    if (st != ONUS_OK) return st;
    onus_buf_init(&b, mem, 1 << 20);
    const onus_field text = {.name = "t", .kind = ONUS_FIELD_TEXT, .text = "words"};
    st = onus_facts_add(f, &text, err);
    for (int i = 0; st == ONUS_OK && i < 1000; i++) st = add_int(f, i % 900, i, err);
    if (st == ONUS_OK) st = onus_facts_json(f, &b, err);
    onus_facts_destroy(f);
    onus_buf_release(&b);
    return st;
}

static void facts_survive_the_end_of_memory(void **state)
{
    (void)state;
    failing_mem_walk("facts", use_facts, NULL);
}

/* A fact that could not be added leaves the list as it was. */
static void a_failed_fact_changes_nothing(void **state)
{
    (void)state;
    failing_mem m = {0};
    const onus_allocator mem = failing_mem_allocator(&m);
    onus_facts *f;
    assert_int_equal(onus_facts_create(&f, &mem, NULL), ONUS_OK);
    for (int i = 0; i < 64; i++) assert_int_equal(add_int(f, i, i, NULL), ONUS_OK);
    for (int at = 1; at <= 2; at++) { /* the list, then the table of places, cannot grow */
        m.fail_at = m.calls + at;
        assert_int_equal(add_int(f, 64, 64, NULL), ONUS_NO_MEM);
        assert_int_equal(onus_facts_count(f), 64);
        for (int i = 0; i < 64; i++) {
            char name[40];
            snprintf(name, sizeof name, "fairness.group.%d.n", i);
            assert_int_equal(onus_facts_find(f, name)->i, i);
        }
    }
    assert_int_equal(add_int(f, 64, 64, NULL), ONUS_OK);
    onus_facts_destroy(f);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_carry_what_was_said),
        cmocka_unit_test(events_refuse_what_cannot_be_kept),
        cmocka_unit_test(names_begin_with_a_prefix),
        cmocka_unit_test(events_survive_the_end_of_memory),
        cmocka_unit_test(words_cannot_forge_names),
        cmocka_unit_test(facts_are_found_by_name),
        cmocka_unit_test(facts_become_one_json_object),
        cmocka_unit_test(facts_survive_the_end_of_memory),
        cmocka_unit_test(a_failed_fact_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
