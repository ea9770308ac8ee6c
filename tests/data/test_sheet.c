/* SPDX-License-Identifier: Apache-2.0
 * Goal: the sheet tells of no group of fewer than ten people, and of no number from which one
 * could be found; it counts rows that two parts share; and a private run's hashes tell nothing
 * to who has not its key. Method: tables whose counts are known by how they are made; HMAC of
 * RFC 4231. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/hash.h"
#include "data_room.h"

/* ---- groups ------------------------------------------------------------------------------ */

static bool is_withheld(const data_room *room, const char *name)
{
    const onus_field *f = onus_facts_find(room->facts, name);
    if (!f) fail_msg("nobody said %s", name);
    return f->kind == ONUS_FIELD_UNDEFINED;
}

/* Everybody is in the training part and once more, from a second file, in the test part:
 * sizes[0] people of group a, sizes[1] of b .., and with_none of no group. */
static void load_groups(data_room *room, onus_data_spec *s, const char *sizes, int with_none)
{
    static const onus_protected_spec list[] = {{.column = "g", .line = 6}};
    onus_buf text;
    onus_buf_init(&text, NULL, 1 << 20);
    onus_buf_str(&text, "x,g,y\n");
    int row = 0;
    for (int g = 0; sizes[g]; g++) {
        for (int i = 0; i < sizes[g]; i++, row++)
            onus_buf_printf(&text, "%d,%c,%d\n", row, 'a' + g, row % 2);
    }
    for (int i = 0; i < with_none; i++) onus_buf_printf(&text, "%d,,%d\n", row + i, i % 2);
    *s = room_spec(room);
    s->test_source = "t2.csv";
    s->train = 1;
    s->valid = s->test = 0;
    s->protected_ = list;
    s->n_protected = 1;
    s->protected_none = false;
    s->missing = ONUS_MISSING_MODE;
    room_write(room, "t2.csv", text.data, text.len);
    room_load(room, s, text.data);
    onus_buf_release(&text);
}

static void a_small_group_takes_the_smallest_other(void **state)
{
    (void)state;
    data_room room;
    onus_data_spec s;
    room_open(&room);
    load_groups(&room, &s, "\x06\x28\x1e", 0); /* a 6, b 40, c 30 */
    assert_true(is_withheld(&room, "data.group.g.a.test"));
    assert_int_equal(room_int(&room, "data.group.g.b.test"), 40);
    assert_true(is_withheld(&room, "data.group.g.c.test")); /* 76 - 40 - 30 */
    assert_true(is_withheld(&room, "data.group.g.a.train"));
    assert_non_null(strstr(room_text(&room, "data.group.reason"), "withheld"));
    /* how many lack it would tell how many do in both parts; none does here */
    assert_true(is_withheld(&room, "data.missing.g"));
    assert_true(is_withheld(&room, "data.missing_cells"));
    load_groups(&room, &s, "\x0a\x28\x1e", 0); /* ten are told */
    assert_int_equal(room_int(&room, "data.group.g.a.test"), 10);
    assert_null(onus_facts_find(room.facts, "data.group.reason"));
    assert_int_equal(room_int(&room, "data.missing_cells"), 0);
    room_close(&room);
}

/* Two small ones hide each other, unless somebody who knows the rule could tell: 1 and 1. */
static void small_groups_hide_each_other(void **state)
{
    (void)state;
    data_room room;
    onus_data_spec s;
    room_open(&room);
    load_groups(&room, &s, "\x06\x28\x03", 0);
    assert_true(is_withheld(&room, "data.group.g.a.test"));
    assert_true(is_withheld(&room, "data.group.g.c.test"));
    assert_int_equal(room_int(&room, "data.group.g.b.test"), 40);
    room_close(&room);
}

/* People in no group are people: 3 of them take one group with them. */
static void those_in_no_group_are_a_group(void **state)
{
    (void)state;
    data_room room;
    onus_data_spec s;
    room_open(&room);
    load_groups(&room, &s, "\x14\x28\x1e", 3);
    assert_true(is_withheld(&room, "data.group.g.a.test"));
    assert_int_equal(room_int(&room, "data.group.g.b.test"), 40);
    assert_int_equal(room_int(&room, "data.group.g.c.test"), 30);
    assert_true(is_withheld(&room, "data.missing.g"));
    load_groups(&room, &s, "\x14\x28\x1e", 12);
    assert_int_equal(room_int(&room, "data.group.g.a.test"), 20);
    assert_int_equal(room_int(&room, "data.missing.g"), 24);
    room_close(&room);
}

/* Rows that are dealt by a protected attribute stand in every part in the same shares: 35, 5
 * and 10 of 50 say each other. */
static void dealt_by_group_all_parts_withhold(void **state)
{
    (void)state;
    static const char *const by[] = {"g"};
    static const onus_protected_spec list[] = {{.column = "g", .line = 6}};
    data_room room;
    onus_buf text;
    room_open(&room);
    onus_buf_init(&text, NULL, 1 << 20);
    onus_buf_str(&text, "x,g,y\n");
    for (int i = 0; i < 450; i++)
        onus_buf_printf(&text, "%d,%c,%d\n", i, i < 50 ? 'a' : i < 200 ? 'b' : 'c', i % 2);
    onus_data_spec s = room_spec(&room);
    s.train = 0.7;
    s.valid = 0.1;
    s.test = 0.2;
    s.protected_ = list;
    s.n_protected = 1;
    s.protected_none = false;
    room_load(&room, &s, text.data);
    assert_true(is_withheld(&room, "data.group.g.a.valid"));
    assert_true(room_int(&room, "data.group.g.c.train") > 100);
    assert_true(room_int(&room, "data.group.g.a.train") > 20);
    s.stratify = by;
    s.n_stratify = 1;
    room_load(&room, &s, NULL);
    assert_true(is_withheld(&room, "data.group.g.a.valid"));
    assert_true(is_withheld(&room, "data.group.g.a.train"));
    assert_true(is_withheld(&room, "data.group.g.a.test"));
    assert_true(is_withheld(&room, "data.group.g.b.train"));
    assert_int_equal(room_int(&room, "data.group.g.c.train"), 175);
    onus_buf_release(&text);
    room_close(&room);
}

/* ---- rows in two parts ------------------------------------------------------------------- */

/* The test file has a row of the training file, one with the other label, one twice, a new one.
 */
static void rows_of_two_parts(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = room_spec(&room);
    s.test_source = "t2.csv";
    s.train = 1;
    s.valid = s.test = 0;
    static const char test[] = "x,c,y\n1,u,0\n2,v,0\n3,u,1\n3,u,1\n9,u,1\n2,u,1\n";
    room_write(&room, "t2.csv", test, sizeof test - 1);
    room_load(&room, &s, "x,c,y\n1,u,0\n2,v,1\n3,u,1\n1,u,0\n4,v,0\n");
    assert_int_equal(room_int(&room, "data.overlap.test.features"), 4);
    assert_int_equal(room_int(&room, "data.overlap.test.rows"), 3);
    assert_null(
        onus_facts_find(room.facts, "data.overlap.valid.features")); /* it has no rows */
    room_close(&room);
}

/* Thirty different rows of 300: every part has them all. */
static void many_duplicates(void **state)
{
    (void)state;
    data_room room;
    onus_buf text;
    room_open(&room);
    onus_buf_init(&text, NULL, 1 << 20);
    onus_buf_str(&text, "x,y\n");
    for (int i = 0; i < 300; i++) onus_buf_printf(&text, "%d,%d\n", i % 30, i % 2);
    onus_data_spec s = room_spec(&room);
    room_load(&room, &s, text.data);
    assert_int_equal(room_int(&room, "data.overlap.test.rows"), 75);
    assert_int_equal(room_int(&room, "data.overlap.valid.features"), 75);
    onus_buf_clear(&text);
    onus_buf_str(&text, "x,y\n");
    for (int i = 0; i < 300; i++) onus_buf_printf(&text, "%d,%d\n", i, i % 2);
    room_load(&room, &s, text.data);
    assert_int_equal(room_int(&room, "data.overlap.test.features"), 0);
    onus_buf_release(&text);
    room_close(&room);
}

/* ---- hashes ------------------------------------------------------------------------------ */

/* RFC 4231, test case 2, whose key is padded to 32 bytes as HMAC itself pads it with zeros. */
static void hmac_of_the_rfc(void **state)
{
    (void)state;
    static const uint8_t key[32] = {'J', 'e', 'f', 'e'};
    uint8_t mac[32];
    char hex[ONUS_HEX_LEN];
    onus_hmac_sha256(key, "what do ya want for nothing?", 28, mac);
    onus_hex(mac, 32, hex);
    assert_string_equal(hex,
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void hashes_are_told_under_the_key(void **state)
{
    (void)state;
    static const char table[] = "x,y\n1,0\n2,1\n3,0\n4,1\n5,0\n6,1\n7,0\n8,1\n";
    static const uint8_t keys[2][32] = {{1}, {2}};
    char plain[2][ONUS_HEX_LEN], want[ONUS_HEX_LEN];
    uint8_t sha[32], mac[32];
    data_room room;
    room_open(&room);
    onus_data_spec s = room_spec(&room);
    room_load(&room, &s, table);
    snprintf(plain[0], ONUS_HEX_LEN, "%s", room_text(&room, "data.file.1.sha256"));
    snprintf(plain[1], ONUS_HEX_LEN, "%s", room_text(&room, "data.sha256.test"));
    onus_sha256_of(table, sizeof table - 1, sha);
    onus_hex(sha, 32, want);
    assert_string_equal(plain[0], want);
    for (int k = 0; k < 2; k++) {
        static const char *const names[] = {"data.file.1.sha256", "data.sha256.test"};
        s.hash_key = keys[k];
        room_load(&room, &s, table);
        for (int i = 0; i < 2; i++) {
            assert_true(onus_unhex(plain[i], sha, 32));
            onus_hmac_sha256(keys[k], sha, 32, mac);
            onus_hex(mac, 32, want);
            assert_string_equal(room_text(&room, names[i]), want);
        }
    }
    room_close(&room);
}

int main(void)
{
    if (!onus_crypto_start()) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_group_takes_the_smallest_other),
        cmocka_unit_test(small_groups_hide_each_other),
        cmocka_unit_test(those_in_no_group_are_a_group),
        cmocka_unit_test(dealt_by_group_all_parts_withhold),
        cmocka_unit_test(rows_of_two_parts),
        cmocka_unit_test(many_duplicates),
        cmocka_unit_test(hmac_of_the_rfc),
        cmocka_unit_test(hashes_are_told_under_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
