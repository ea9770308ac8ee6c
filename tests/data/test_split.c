/* SPDX-License-Identifier: Apache-2.0
 * Goal: train, valid and test hold every row once, in the shares that the recipe asks for,
 * stratum by stratum, drawn by the seed and by nothing else. Method: properties over random
 * tables; a chi-square bound on where rows land. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/hash.h"
#include "data_room.h"

static uint64_t state_of_draws = 1;

static uint32_t draw(void)
{
    state_of_draws =
        state_of_draws * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state_of_draws >> 33);
}

/* n rows of x, y in 0..1, s in a..a+strata-1 of uneven sizes. */
static void write_table(data_room *room, int n, int strata)
{
    onus_buf text;
    onus_buf_init(&text, NULL, 8 << 20);
    onus_buf_str(&text, "x,y,s\n");
    for (int i = 0; i < n; i++) {
        const int s = (int)(draw() % (unsigned)strata), t = (int)(draw() % (unsigned)(s + 1));
        onus_buf_printf(&text, "%d,%d,s%d\n", i, i % 2, t);
    }
    room_write(room, "t.csv", text.data, text.len);
    onus_buf_release(&text);
}

/* Every stratum gives every part its share, up to less than one row; so do all together. */
static void within_one_row(void **state)
{
    (void)state;
    static const char *const by[] = {"y", "s"};
    static const double shares[][3] = {
        {0.7, 0.1, 0.2}, {0.8, 0.1, 0.1}, {0.6, 0.2, 0.2}, {0.5, 0.1, 0.4}, {0.34, 0.33, 0.33}};
    data_room room;
    room_open(&room);
    for (int trial = 0; trial < 60; trial++) {
        onus_data_spec s = room_spec(&room);
        const int n = 40 + (int)(draw() % 400);
        const double *f = shares[trial % 5];
        write_table(&room, n, 1 + (int)(draw() % 30));
        s.train = f[0];
        s.valid = f[1];
        s.test = f[2];
        s.stratify = by;
        s.n_stratify = 2;
        s.keep_constant = true;
        if (room_try(&room, &s, NULL, (uint64_t)trial) != ONUS_OK) fail_msg("%s", room.err.msg);
        int count[64][3] = {{0}}, total[3] = {0};
        for (int64_t r = 0; r < n; r++) {
            const int p = (int)room_part(&room, r), y = (int)(r % 2);
            int k = atoi(onus_dataset_text(room.d, r, 1) + 1);
            count[2 * k + y][p]++;
            total[p]++;
        }
        for (int p = 0; p < 3; p++) {
            assert_true(fabs(total[p] - f[p] * n) < 1 + 1e-6);
            for (int k = 0; k < 64; k++) {
                const int size = count[k][0] + count[k][1] + count[k][2];
                assert_true(fabs(count[k][p] - f[p] * size) < 1);
            }
        }
    }
    room_close(&room);
}

/* Shares that come out whole are met exactly: 0.7 * 10 is 7, not 6.999. */
static void exact_shares(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    for (int n = 10; n <= 200; n += 10) {
        onus_data_spec s = room_spec(&room);
        s.train = 0.7;
        s.valid = 0.1;
        s.test = 0.2;
        write_table(&room, n, 1);
        if (room_try(&room, &s, NULL, 3) != ONUS_OK) fail_msg("%s", room.err.msg);
        assert_int_equal(room_int(&room, "data.rows.train"), n * 7 / 10);
        assert_int_equal(room_int(&room, "data.rows.valid"), n / 10);
        assert_int_equal(room_int(&room, "data.rows.test"), n / 5);
        assert_int_equal(room_int(&room, "data.label.0.train") +
                             room_int(&room, "data.label.1.train"),
                         n * 7 / 10);
    }
    room_close(&room);
}

/* The same seed gives the same split, another seed another; which names the strata have, and
 * what else stands in the table, has no say. */
static void seeded(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = room_spec(&room);
    char sha[3][65];
    write_table(&room, 100, 1);
    const uint64_t seeds[] = {5, 5, UINT64_C(1) << 40 | 5};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(room_try(&room, &s, NULL, seeds[i]), ONUS_OK);
        strcpy(sha[i], room_text(&room, "data.sha256.train"));
    }
    assert_string_equal(sha[0], sha[1]);
    assert_string_not_equal(sha[0], sha[2]); /* the high word of the seed counts, too */

    int8_t part[2][8];
    for (int i = 0; i < 2; i++) {
        room_load(&room, &s,
                  i ? "x,y\n91,b\n7,b\n5,a\n4,b\n3,a\n2,b\n1,a\n0,a\n"
                    : "x,y\n1,a\n2,a\n3,b\n4,a\n5,b\n6,a\n7,b\n8,b\n");
        for (int64_t r = 0; r < 8; r++) part[i][r] = (int8_t)room_part(&room, r);
    }
    assert_memory_equal(part[0], part[1], sizeof part[0]);
    room_close(&room);
}

/* Counts depend on how many there are of each kind, not on where they stand. */
static void order_of_rows(void **state)
{
    (void)state;
    static const char *const by[] = {"y"};
    static const char *const tables[] = {
        "x,y\n1,a\n2,a\n3,a\n4,a\n5,a\n6,a\n7,b\n8,b\n9,b\n10,b\n11,b\n",
        "x,y\n7,b\n1,a\n8,b\n2,a\n9,b\n3,a\n10,b\n4,a\n5,a\n11,b\n6,a\n"};
    static const char *const names[] = {"data.label.a.train", "data.label.a.valid",
                                        "data.label.a.test",  "data.label.b.train",
                                        "data.label.b.valid", "data.label.b.test"};
    data_room room;
    room_open(&room);
    onus_data_spec s = room_spec(&room);
    s.stratify = by;
    s.n_stratify = 1;
    int64_t count[2][6];
    for (int i = 0; i < 2; i++) {
        room_load(&room, &s, tables[i]);
        for (int k = 0; k < 6; k++) count[i][k] = room_int(&room, names[k]);
    }
    assert_memory_equal(count[0], count[1], sizeof count[0]);
    room_close(&room);
}

/* Over 2,000 seeds each of 8 rows is in the test part (2 of 8) about a quarter of the time:
 * sum of (n - 500)^2 / 375 over 8 rows, 7 degrees of freedom, stays under 30 (p = 1e-4). */
static void every_row_alike(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = room_spec(&room);
    s.label_number = true; /* no class to be missed by the training part */
    const char table[] = "x,y\n1,1\n2,2\n3,1\n4,2\n5,1\n6,2\n7,1\n8,2\n";
    room_write(&room, "t.csv", table, sizeof table - 1);
    int64_t tested[8] = {0};
    for (uint64_t seed = 0; seed < 2000; seed++) {
        assert_int_equal(room_try(&room, &s, NULL, seed), ONUS_OK);
        int64_t n;
        const int64_t *rows = onus_dataset_part(room.d, ONUS_PART_TEST, &n);
        assert_int_equal(n, 2);
        for (int64_t i = 0; i < n; i++) tested[rows[i]]++;
    }
    double chi = 0;
    for (int r = 0; r < 8; r++) chi += pow((double)tested[r] - 500, 2) / 375;
    assert_true(chi < 30);
    room_close(&room);
}

/* With a file of its own for the test part, the other is split in train and valid only. */
static void own_test_file(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = room_spec(&room);
    write_table(&room, 100, 1);
    room_write(&room, "test.csv", "x,y,s\n1,1,s0\n2,0,s0\n", 20);
    s.test_source = "test.csv";
    s.train = 0.8;
    s.valid = 0.2;
    s.test = 0;
    assert_int_equal(room_try(&room, &s, NULL, 1), ONUS_OK);
    assert_int_equal(room_int(&room, "data.rows.train"), 80);
    assert_int_equal(room_int(&room, "data.rows.valid"), 20);
    assert_int_equal(room_int(&room, "data.rows.test"), 2);
    assert_int_equal(room_part(&room, 100), ONUS_PART_TEST);
    assert_int_equal(onus_dataset_line(room.d, 101), 3);
    room_close(&room);
}

static void refused(void **state)
{
    (void)state;
    static const char *const unknown[] = {"z"}, *many[65];
    data_room room;
    room_open(&room);
    onus_data_spec s = room_spec(&room);
    room_refuse(
        &room, &s, "x,y\n1,0\n2,1\n",
        "r.yaml:9: data.split: the test part would be empty: 2 rows are too few for a share");
    room_refuse(&room, &s, "x,y\n1,0\n", "label 'y' has one class only ('0')");
    s.stratify = unknown;
    s.n_stratify = 1;
    room_refuse(&room, &s, "x,y\n1,0\n2,1\n3,1\n",
                "r.yaml:9: data.split.stratify: 'z' is no column");
    for (int i = 0; i < 65; i++) many[i] = "y";
    s.stratify = many;
    s.n_stratify = 65;
    room_refuse(&room, &s, NULL,
                "r.yaml:9: data.split.stratify: 65 columns, expected at most 64");
    s.n_stratify = 0;
    s.train = 0.25;
    s.test = 0.5;
    for (uint64_t seed = 0; seed < 50; seed++) { /* one row of class 1 in eight */
        room_write(&room, "t.csv", "x,y\n1,0\n2,0\n3,0\n4,0\n5,0\n6,0\n7,0\n8,1\n", 36);
        const onus_status st = room_try(&room, &s, NULL, seed);
        if (st == ONUS_OK) continue;
        assert_non_null(strstr(room.err.msg, "the training part has one class only ('0'); "
                                             "stratify by the label"));
        room_close(&room);
        return;
    }
    fail_msg("no seed gives a training part of one class");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(within_one_row),  cmocka_unit_test(exact_shares),
        cmocka_unit_test(seeded),          cmocka_unit_test(order_of_rows),
        cmocka_unit_test(every_row_alike), cmocka_unit_test(own_test_file),
        cmocka_unit_test(refused),
    };
    return onus_crypto_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
