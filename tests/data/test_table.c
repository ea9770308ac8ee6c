/* SPDX-License-Identifier: Apache-2.0
 * Goal: from a table to rows of numbers as the recipe says: roles, missing values, duplicates,
 * types, scaling, categories, groups; fitted on the training part alone; and every table that
 * cannot be read so is refused in one line that says where and why. Method: tables whose
 * numbers are worked out by hand; with separate train and test files the training rows are
 * known, so what was fitted is, too. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/hash.h"
#include "data/csv.h"
#include "data_room.h"

/* All of t.csv trains, but for `valid`; test.csv tests. */
static onus_data_spec two_files(data_room *room, const char *test)
{
    onus_data_spec s = room_spec(room);
    room_write(room, "test.csv", test, strlen(test));
    s.test_source = "test.csv";
    s.train = 1;
    s.valid = s.test = 0;
    return s;
}

static const onus_column_spec *column(const char *name, onus_role role, onus_missing missing)
{
    static onus_column_spec c;
    c = (onus_column_spec){.name = name, .role = role, .missing = missing, .line = 7};
    return &c;
}

/* x = 1, 2, 3, 6: mean 3, variance (4 + 1 + 0 + 9) / 4 = 3.5. */
static void standardise_by_hand(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "x,y\n10,1\n");
    room_load(&room, &s, "x,y\n1,0\n2,0\n3,1\n6,1\n");
    const double sd = sqrt(3.5), x[] = {1, 2, 3, 6, 10};
    for (int64_t r = 0; r < 5; r++) {
        float f;
        onus_dataset_fetch(room.d, &r, 1, &f, NULL, NULL);
        assert_true(f == (float)((x[r] - 3) / sd));
    }
    assert_string_equal(room_text(&room, "data.fitted"), "mean and deviation of x");
    s.scale = ONUS_SCALE_MINMAX; /* (x - 1) / 5; test values may leave [0, 1] */
    room_load(&room, &s, NULL);
    assert_true(room_feature(&room, 3, 0) == (float)(1.0 / 5));
    assert_string_equal(room_text(&room, "data.fitted"), "smallest and largest value of x");
    s.scale = ONUS_SCALE_NONE;
    room_load(&room, &s, NULL);
    assert_true(room_feature(&room, 3, 0) == 2.0f);
    assert_string_equal(room_text(&room, "data.fitted"), "");
    room_close(&room);
}

/* Bounds and closed lists come from the recipe: nothing is fitted on people. */
static void bounds_and_lists_fit_nothing(void **state)
{
    (void)state;
    static const char *const colours[] = {"red", "blue", "green"};
    const onus_column_spec columns[] = {
        {.name = "x", .role = ONUS_ROLE_NUMBER, .has_bounds = true, .lower = 0, .upper = 4},
        {.name = "c", .role = ONUS_ROLE_CATEGORY, .values = colours, .n_values = 3}};
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "x,c,y\n-7,green,1\n9,blue,0\n");
    s.columns = columns;
    s.n_columns = 2;
    room_load(&room, &s, "x,c,y\n1,red,0\n3,red,1\n");
    assert_string_equal(room_text(&room, "data.fitted"), "");
    int64_t n;
    (void)onus_dataset_fitted(room.d, &n);
    assert_int_equal(n, 0);
    assert_int_equal(onus_dataset_features(room.d), 4);
    const float want[4][4] = {
        {0.25f, 0, 0, 1}, {0.75f, 0, 0, 1}, {0, 0, 1, 0}, {1, 1, 0, 0}}; /* blue green red */
    for (int64_t r = 0; r < 4; r++) {
        float x[4];
        onus_dataset_fetch(room.d, &r, 1, x, NULL, NULL);
        assert_memory_equal(x, want[r], sizeof x);
    }
    room_write(&room, "test.csv", "x,c,y\n1,pink,1\n", 15);
    room_refuse(&room, &s, NULL,
                "/test.csv:2: column 'c' is 'pink', which the recipe's list of values does not "
                "hold");
    room_close(&room);
}

/* mean, median, mode of 1, 1, 2, 8 (and one missing): 3, 1.5, 1; then standardised with what
 * was there. */
static void numbers_filled_in(void **state)
{
    (void)state;
    static const struct {
        onus_missing way;
        double fill;
    } ways[] = {{ONUS_MISSING_MEAN, 3}, {ONUS_MISSING_MEDIAN, 1.5}, {ONUS_MISSING_MODE, 1}};
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "x,y\n,1\n4,0\n");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        s.missing = ways[i].way;
        s.scale = ONUS_SCALE_NONE;
        room_load(&room, &s, "x,y\n8,0\n1,0\n,1\n2,1\n1,0\n");
        assert_true(room_feature(&room, 4, 0) == (float)ways[i].fill);
        assert_int_equal(room_int(&room, "data.missing.x"), 2);
        assert_int_equal(room_int(&room, "data.missing_cells"), 2);
        assert_int_equal(onus_dataset_rows(room.d), 7);
        assert_string_equal(room_text(&room, "data.fitted"), "fill-in of x");
    }
    room_close(&room);
}

static void categories_filled_in(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "c,y\n,1\nnew,0\n");
    s.missing = ONUS_MISSING_MODE; /* b, twice */
    room_load(&room, &s, "c,y\nc,0\nb,0\n,1\nb,1\na,0\n");
    assert_int_equal(onus_dataset_features(room.d), 3);
    assert_true(room_feature(&room, 4, 1) == 1.0f && room_feature(&room, 4, 0) == 0.0f);
    assert_string_equal(room_text(&room, "data.fitted"), "fill-in of c,categories of c");
    assert_int_equal(room_int(&room, "data.unseen.c"), 1); /* new */

    s.missing = ONUS_MISSING_CATEGORY; /* sorted: (missing), a, b, c */
    room_load(&room, &s, NULL);
    assert_int_equal(onus_dataset_features(room.d), 4);
    assert_string_equal(onus_dataset_column(room.d, 0)->values[0], "(missing)");
    assert_true(room_feature(&room, 4, 0) == 1.0f);

    s.missing = ONUS_MISSING_MEAN;
    room_refuse(&room, &s, NULL, "column 'c' holds words; missing: mean and median");
    s.missing = ONUS_MISSING_ERROR;
    room_refuse(&room, &s, NULL, "/t.csv:4: column 'c' is missing ('')");
    s.missing = ONUS_MISSING_CATEGORY;
    room_write(&room, "test.csv", "c,y\n1,1\n", 8);
    room_refuse(&room, &s, "c,y\n1,0\n,1\n3,0\n",
                "column 'c' holds numbers; missing: category");
    room_close(&room);
}

static void rows_dropped(void **state)
{
    (void)state;
    static const char *const tokens[] = {"?", "NA"};
    const onus_column_spec notes = {.name = "note", .role = ONUS_ROLE_DROP};
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "x,note,y\n1,,1\n?,,1\n");
    s.missing = ONUS_MISSING_DROP;
    s.missing_tokens = tokens;
    s.n_missing_tokens = 2;
    s.columns = &notes;
    s.n_columns = 1;
    room_load(&room, &s, "x,note,y\n1,,0\nNA,,0\n3,?,NA\n4,,1\n");
    assert_int_equal(onus_dataset_rows(room.d), 3); /* what is dropped as a column may lack */
    assert_int_equal(room_int(&room, "data.rows.raw"), 6);
    assert_int_equal(room_int(&room, "data.dropped.missing"), 3);
    assert_int_equal(room_int(&room, "data.missing.x"), 2);
    assert_int_equal(room_int(&room, "data.missing.y"), 1);
    assert_null(onus_facts_find(room.facts, "data.missing.note"));
    room_write(&room, "test.csv", "x,note,y\n?,,1\n", 14);
    room_refuse(&room, &s, "x,note,y\n?,,0\n1,,?\n",
                "cleaning left no rows: column 'x' is missing in 2 of 3");
    room_close(&room);
}

/* The first of equal rows stays, over both files: a test row that trains would be no test. */
static void duplicates(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "x,y\n2,1\n5,1\n5,1\n");
    s.drop_duplicates = true;
    room_load(&room, &s, "x,y\n1,0\n2,1\n1,0\n1,1\n");
    assert_int_equal(onus_dataset_rows(room.d), 4);
    assert_int_equal(room_int(&room, "data.dropped.duplicates"), 3);
    assert_int_equal(room_int(&room, "data.rows.train"), 3);
    assert_int_equal(room_int(&room, "data.rows.test"), 1);
    s.drop_duplicates = false;
    room_load(&room, &s, NULL);
    assert_int_equal(onus_dataset_rows(room.d), 7);
    /* the ends of cells take part: "a","bc" is not "ab","c" */
    s.drop_duplicates = true;
    room_write(&room, "test.csv", "p,q,y\nab,d,1\n", 13);
    room_load(&room, &s, "p,q,y\na,bc,0\nab,c,0\nab,c,1\na,bc,1\n");
    assert_int_equal(onus_dataset_rows(room.d), 5);
    room_close(&room);
}

static void constant_columns(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s =
        two_files(&room, "k,w,x,y\n8,v,3,1\n"); /* varies in the test part only */
    room_load(&room, &s, "k,w,x,y\n7,u,1,0\n7,u,2,1\n");
    assert_int_equal(onus_dataset_columns(room.d), 1);
    assert_string_equal(room_text(&room, "data.constant"), "k,w");
    assert_int_equal(room_int(&room, "data.constants"), 2);
    s.keep_constant = true;
    room_load(&room, &s, NULL);
    assert_int_equal(onus_dataset_columns(room.d), 3);
    assert_true(room_feature(&room, 3, 0) == 0.0f);
    s.keep_constant = false;
    room_refuse(&room, &s, "k,w,x,y\n7,u,1,0\n7,u,1,1\n", "no column is left to learn from");
    room_close(&room);
}

/* A column without any value can neither be filled nor learned from. */
static void all_missing(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    for (int role = 0; role < 3; role++) {
        onus_data_spec s = two_files(&room, "e,x,y\n,3,1\n");
        const onus_role roles[] = {ONUS_ROLE_AUTO, ONUS_ROLE_NUMBER, ONUS_ROLE_CATEGORY};
        for (int way = ONUS_MISSING_MEAN; way <= ONUS_MISSING_CATEGORY; way++) {
            s.columns = column("e", roles[role], (onus_missing)way);
            s.n_columns = 1;
            if (roles[role] == ONUS_ROLE_NUMBER && way == ONUS_MISSING_CATEGORY) continue;
            room_load(&room, &s, "e,x,y\n,1,0\n,2,1\n");
            assert_int_equal(onus_dataset_columns(room.d), 1);
            assert_string_equal(room_text(&room, "data.constant"), "e");
            assert_int_equal(room_int(&room, "data.missing.e"), 3);
        }
        s.columns = column("e", roles[role], ONUS_MISSING_DROP);
        room_refuse(&room, &s, NULL, "column 'e' is missing in 3 of 3");
    }
    room_close(&room);
}

static void types(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "x,y\n1,1\n");
    char table[400] = "x,y\n";
    for (int i = 0; i < 10; i++) snprintf(table + strlen(table), 20, "%d,%d\n", i, i % 2);
    strcat(table, "abc,1\n");
    room_refuse(&room, &s, table,
                "/t.csv:12: column 'x': 'abc' is not a number, 11 other values are; correct "
                "it, or say columns: {x: category}");
    s.columns = column("x", ONUS_ROLE_CATEGORY, ONUS_MISSING_UNSAID);
    s.n_columns = 1;
    room_load(&room, &s, NULL);
    assert_string_equal(room_text(&room, "data.column.x"), "category");
    assert_int_equal(onus_dataset_features(room.d), 11);
    s.n_columns = 0; /* half words: a category without being told */
    room_load(&room, &s, "x,y\n1,0\nlow,1\n2,0\nhigh,1\n");
    assert_string_equal(room_text(&room, "data.column.x"), "category");
    s.columns = column("x", ONUS_ROLE_NUMBER, ONUS_MISSING_UNSAID);
    s.n_columns = 1;
    room_refuse(&room, &s, NULL, "/t.csv:3: column 'x': 'low' is not a number");
    s.n_columns = 0; /* words for what is not known never make a category of numbers */
    room_refuse(
        &room, &s, "x,y\n1,0\nNA,1\nNaN,0\n4,1\n",
        "/t.csv:3: column 'x': 'NA' is not a number; if it stands for what is not known, "
        "say data: {missing: ['NA']}");
    room_refuse(&room, &s, "x,y\n1,0\ninf,1\n", "'inf' is not a number");
    room_refuse(&room, &s, "x,y\n1,0\n  ,1\n", "'  ' is not a number");
    room_refuse(&room, &s, "x,y\n1,0\n1e999,1\n4,0\n3,1\n3,0\n3,1\n2,1\n4,1\n9,1\n1,0\n2,0\n",
                "'1e999' is not a number");
    room_refuse(
        &room, &s, "x,y\n 1,0\n 3,1\n 4,1\n",
        "/t.csv:2: column 'x': ' 1' is not a number with the blanks around it; say data: "
        "{trim: true}");
    s.scale = ONUS_SCALE_NONE;
    room_refuse(&room, &s, "x,y\n1,0\n1e300,1\n",
                "/t.csv:3: column 'x': '1e300' is too large once it is scaled");
    s.scale = ONUS_SCALE_STANDARD;
    room_refuse(&room, &s, "x,y\n-1e308,0\n1e308,1\n", "too far for binary64 to scale");
    s.scale = ONUS_SCALE_MINMAX;
    room_refuse(&room, &s, "x,y\n-1e308,0\n1e308,1\n", "too far for binary64 to scale");
    room_close(&room);
}

/* A text that each row has to itself would put names of people into the model. */
static void names_of_people(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "who,x,y\nn1,1,1\n");
    char table[2000] = "who,x,y\n";
    for (int i = 0; i < 60; i++)
        snprintf(table + strlen(table), 30, "n%d,%d,%d\n", i, i, i % 2);
    room_refuse(
        &room, &s, table,
        "column 'who' has 60 different texts in 60 rows, so it names them; say columns: "
        "{who: identifier}, drop or category");
    s.columns = column("who", ONUS_ROLE_IDENTIFIER, ONUS_MISSING_UNSAID);
    s.n_columns = 1;
    room_load(&room, &s, NULL);
    assert_int_equal(onus_dataset_columns(room.d), 1);
    s.columns = column("who", ONUS_ROLE_CATEGORY, ONUS_MISSING_UNSAID);
    room_load(&room, &s, NULL);
    assert_int_equal(onus_dataset_features(room.d), 61);
    room_close(&room);
}

/* The column without a name that data frames write holds numbers of rows: no feature, unless
 * the recipe says so. */
static void index_of_a_data_frame(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, ",x,y\n7,1,1\n");
    room_load(&room, &s, ",x,y\n0,1,0\n1,3,1\n");
    assert_int_equal(onus_dataset_columns(room.d), 1);
    s.columns = column("column_1", ONUS_ROLE_NUMBER, ONUS_MISSING_UNSAID);
    s.n_columns = 1;
    room_load(&room, &s, NULL);
    assert_int_equal(onus_dataset_columns(room.d), 2);
    room_close(&room);
}

static void labels(void **state)
{
    (void)state;
    static const char *const order[] = {"mid", "low", "high"}, *const pair[] = {"good", "bad"};
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "x,y\n1,b\n");
    room_load(&room, &s, "x,y\n1,b\n2,a\n3,b\n");
    assert_int_equal(onus_dataset_task(room.d), ONUS_TASK_BINARY);
    assert_string_equal(onus_dataset_class_name(room.d, 1), "b");
    s.positive = "a";
    room_load(&room, &s, NULL);
    assert_string_equal(onus_dataset_class_name(room.d, 1), "a");
    assert_int_equal(room_int(&room, "data.label.a.train"), 1);
    assert_int_equal(room_int(&room, "data.label.b.test"), 1);
    int64_t rows[] = {0, 1, 2};
    float x[3], y[3], w[3];
    onus_dataset_fetch(room.d, rows, 3, x, y, w);
    assert_true(y[0] == 0 && y[1] == 1 && y[2] == 0 && w[0] == 1 && w[2] == 1);
    s.positive = "z";
    room_refuse(&room, &s, NULL,
                "r.yaml:5: data.label.positive: 'z' is no value of 'y', which has 'a', 'b'");
    s.positive = "bad"; /* the recipe's list is in its own order */
    s.label_values = pair;
    s.n_label_values = 2;
    room_write(&room, "test.csv", "x,y\n1,bad\n", 10);
    room_load(&room, &s, "x,y\n1,bad\n2,good\n");
    assert_string_equal(onus_dataset_class_name(room.d, 1), "bad");
    room_refuse(&room, &s, "x,y\n1,bad\n2,odd\n",
                "/t.csv:3: label 'y' is 'odd', expected a value of data.label.values");

    s = two_files(&room, "x,y\n1,low\n");
    s.label_values = order;
    s.n_label_values = 3;
    room_load(&room, &s, "x,y\n1,mid\n2,low\n3,high\n4,low\n");
    assert_int_equal(onus_dataset_task(room.d), ONUS_TASK_CLASSES);
    assert_string_equal(onus_dataset_class_name(room.d, 0), "mid");
    s = two_files(&room, "x,y\n1,9\n");
    room_load(&room, &s, "x,y\n1,10\n2,9\n3,100\n"); /* numbers by value */
    assert_string_equal(onus_dataset_class_name(room.d, 0), "9");
    assert_string_equal(onus_dataset_class_name(room.d, 2), "100");
    s.positive = "9";
    room_refuse(&room, &s, NULL, "label 'y' has 3 values ('9', '10', '100'...); positive is");
    s.positive = NULL;
    room_write(&room, "test.csv", "x,y\n1,1\n", 8);
    room_refuse(&room, &s, "x,y\n1,1\n2,1\n", "label 'y' has one class only ('1')");
    s.label = "z";
    room_refuse(&room, &s, NULL, "r.yaml:5: data.label: 'z' is no column of ");
    room_close(&room);
}

/* 39, 90, "<=50K." of a test file whose labels end in a full stop. */
static void adult_quirks(void **state)
{
    (void)state;
    static const char *const names[] = {"age", "work", "income"}, *const tokens[] = {"?"};
    data_room room;
    room_open(&room);
    onus_data_spec s =
        two_files(&room, "|1x3 Cross validator\n25, ?, <=50K.\n38, Private, >50K.\n\n");
    s.names = names;
    s.n_names = 3;
    s.trim = true;
    s.comment = '|';
    s.label = "income";
    s.positive = ">50K";
    s.label_strip = '.';
    s.missing_tokens = tokens;
    s.n_missing_tokens = 1;
    s.missing = ONUS_MISSING_DROP;
    room_load(&room, &s, "39, State, <=50K\n50, ?, <=50K\n38, Private, >50K\n\n");
    assert_int_equal(onus_dataset_rows(room.d), 3);
    assert_int_equal(room_int(&room, "data.dropped.missing"), 2);
    assert_int_equal(room_int(&room, "data.label.>50K.test"), 1);
    assert_int_equal(room_int(&room, "data.file.2.rows"), 2);
    /* one full stop goes, not two */
    room_write(&room, "test.csv", "25, Private, <=50K..\n", 21);
    room_refuse(&room, &s, "39, State, <=50K\n38, Private, >50K\n",
                "/test.csv:1: label 'income' is '<=50K.', expected a class of the file that it "
                "trains on");
    assert_string_equal(room.err.hint, "data: {label: {strip: '.'}} cuts that character off");
    room_close(&room);
}

/* What a newcomer forgets to say is what the hint says. */
static void hints(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = room_spec(&room);
    room_refuse(&room, &s, "39, State, <=50K\n50, Priv, >50K\n", "'y' is no column of");
    assert_string_equal(room.err.hint,
                        "a table without a line of names needs data: {names: [..]}");
    room_refuse(&room, &s, "x,z\n1,0\n", "'y' is no column of");
    assert_string_equal(room.err.hint, "");
    room_refuse(&room, &s, "x,y\n|1x3 Cross validator\n1,0\n", "t.csv:2: 1 field, expected 2");
    assert_string_equal(room.err.hint, "if that is a comment, say data: {comment: '|'}");
    room_close(&room);
}

static void regression(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "x,y\n1,2.5\n");
    s.label_number = true;
    room_load(&room, &s, "x,y\n1,-1e3\n2,0.1\n");
    assert_int_equal(onus_dataset_task(room.d), ONUS_TASK_REGRESSION);
    assert_int_equal(onus_dataset_classes(room.d), 0);
    const int64_t row = 1;
    float x, y;
    onus_dataset_fetch(room.d, &row, 1, &x, &y, NULL);
    assert_true(y == 0.1f);
    assert_null(onus_facts_find(room.facts, "data.label.0.1.train"));
    room_refuse(&room, &s, "x,y\n1,2\n2,high\n",
                "/t.csv:3: column 'y': 'high' is not a number");
    room_refuse(&room, &s, "x,y\n1,2\n2,1e300\n",
                "/t.csv:3: label 'y' is '1e300', expected a number that binary32 holds");
    room_close(&room);
}

static void weights(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "x,w,y\n1,9,1\n");
    s.columns = column("w", ONUS_ROLE_WEIGHT, ONUS_MISSING_UNSAID);
    s.n_columns = 1;
    room_load(&room, &s, "x,w,y\n1,0.5,0\n2,0,1\n");
    assert_int_equal(onus_dataset_columns(room.d), 1);
    const int64_t rows[] = {0, 1, 2};
    float w[3];
    onus_dataset_fetch(room.d, rows, 3, NULL, NULL, w);
    assert_true(w[0] == 0.5f && w[1] == 0 && w[2] == 9);
    room_refuse(&room, &s, "x,w,y\n1,1,0\n2,-0.5,1\n",
                "/t.csv:3: weight 'w' is '-0.5', expected a number from 0");
    room_refuse(&room, &s, "x,w,y\n1,1,0\n2,1e39,1\n", "weight 'w' is '1e39'");
    room_refuse(&room, &s, "x,w,y\n1,1,0\n2,much,1\n", "column 'w': 'much' is not a number");
    room_refuse(&room, &s, "x,w,y\n1,1,0\n2,,1\n", "/t.csv:3: column 'w' is missing");
    room_refuse(&room, &s, "x,w,y\n1,0,0\n2,0,1\n",
                "the weights 'w' of the training part are all 0");
    const onus_column_spec both[] = {{.name = "w", .role = ONUS_ROLE_WEIGHT},
                                     {.name = "x", .role = ONUS_ROLE_WEIGHT, .line = 8}};
    s.columns = both;
    s.n_columns = 2;
    room_refuse(&room, &s, "x,w,y\n1,1,0\n2,1,1\n",
                "r.yaml:8: data.columns: a second weight, 'x'");
    room_close(&room);
}

static void protected_groups(void **state)
{
    (void)state;
    const double cuts[] = {25, 40.5};
    const onus_protected_spec list[] = {
        {.column = "sex", .line = 6}, {.column = "age", .bins = cuts, .n_bins = 2, .line = 6}};
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "sex,age,y\nf,40.5,1\n");
    s.protected_ = list;
    s.n_protected = 2;
    s.protected_none = false;
    s.missing = ONUS_MISSING_MODE;
    room_load(&room, &s, "sex,age,y\nm,24.9,0\nf,25,1\n,,1\nm,99,0\n");
    assert_int_equal(onus_dataset_attributes(room.d), 2);
    assert_string_equal(onus_dataset_attribute_name(room.d, 1), "age");
    assert_int_equal(onus_dataset_groups(room.d, 1), 3);
    assert_string_equal(onus_dataset_group_name(room.d, 1, 0), "<25");
    assert_string_equal(onus_dataset_group_name(room.d, 1, 1), "25-40.5");
    assert_string_equal(onus_dataset_group_name(room.d, 1, 2), ">=40.5");
    const int32_t sex[] = {1, 0, -1, 1, 0}, age[] = {0, 1, -1, 2, 2};
    for (int64_t r = 0; r < 5; r++) {
        assert_int_equal(onus_dataset_group(room.d, 0, r), sex[r]);
        assert_int_equal(onus_dataset_group(room.d, 1, r), age[r]);
    }
    const onus_field *few = onus_facts_find(room.facts, "data.group.age.25-40%2E5.train");
    assert_true(few && few->kind == ONUS_FIELD_UNDEFINED);     /* so few are withheld */
    assert_true(onus_dataset_column(room.d, 0)->is_protected); /* a feature all the same */

    /* as a category, or no feature at all: the bins still need its numbers */
    s.columns = column("age", ONUS_ROLE_CATEGORY, ONUS_MISSING_UNSAID);
    s.n_columns = 1;
    room_load(&room, &s, NULL);
    assert_string_equal(room_text(&room, "data.column.age"), "category");
    assert_int_equal(onus_dataset_group(room.d, 1, 3), 2);
    s.columns = column("age", ONUS_ROLE_DROP, ONUS_MISSING_UNSAID);
    room_load(&room, &s, NULL);
    assert_int_equal(onus_dataset_columns(room.d), 1);
    assert_int_equal(onus_dataset_group(room.d, 1, 3), 2);
    assert_int_equal(onus_dataset_rows(room.d), 5);
    assert_int_equal(onus_dataset_group(room.d, 1, 2), -1); /* who has none is not left out */
    s.n_columns = 0;
    room_refuse(&room, &s, "sex,age,y\nm,young,0\nf,old,1\n",
                "/t.csv:2: column 'age': 'young' is not a number");
    s.missing = ONUS_MISSING_CATEGORY;
    s.n_protected = 1;
    room_write(&room, "test.csv", "sex,age,y\n,1,1\n", 15);
    room_refuse(&room, &s, "sex,age,y\n,2,0\n,3,1\n",
                "r.yaml:6: data.protected: 'sex' is missing in every row");
    const onus_protected_spec unknown = {.column = "race", .line = 6},
                              label = {.column = "y", .line = 6};
    s.protected_ = &unknown;
    room_refuse(&room, &s, NULL, "r.yaml:6: data.protected: 'race' is no column of");
    s.protected_ = &label;
    room_refuse(&room, &s, NULL, "r.yaml:6: data.protected: 'y' is the label");
    room_close(&room);
}

/* Cut points that %g would print alike stay apart. */
static void bins_keep_their_digits(void **state)
{
    (void)state;
    const double cuts[] = {1234567, 1234568};
    const onus_protected_spec p = {.column = "x", .bins = cuts, .n_bins = 2};
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "x,y\n1,1\n");
    s.protected_ = &p;
    s.n_protected = 1;
    room_load(&room, &s, "x,y\n1234567.5,0\n2,1\n");
    assert_string_equal(onus_dataset_group_name(room.d, 0, 0), "<1234567");
    assert_string_equal(onus_dataset_group_name(room.d, 0, 1), "1234567-1234568");
    room_close(&room);
}

static void files_that_differ(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "x,y,z\n1,1,1\n");
    room_refuse(&room, &s, "x,y\n1,0\n2,1\n", "/test.csv has 3 columns, ");
    room_write(&room, "test.csv", "y,x\n1,1\n", 8);
    room_refuse(&room, &s, NULL, "/test.csv: column 1 is 'y', in ");
    room_write(&room, "test.csv", "x,y\n", 4);
    room_refuse(&room, &s, NULL, "/test.csv: no rows");
    room_refuse(&room, &s, "x,y\n", "/t.csv: no rows");
    room_refuse(&room, &s, "", "/t.csv:1: empty");
    s.source = "nowhere.csv";
    assert_int_equal(room_try(&room, &s, NULL, 1), ONUS_IO);
    assert_non_null(strstr(room.err.msg, "nowhere.csv"));
    room_write(&room, "test.csv", "x,y\n1,1\n", 8);
    const onus_column_spec unknown = {.name = "q", .line = 7}, label = {.name = "y", .line = 7};
    s.source = "t.csv";
    s.columns = &unknown;
    s.n_columns = 1;
    room_refuse(&room, &s, "x,y\n1,0\n2,1\n", "r.yaml:7: data.columns: 'q' is no column of");
    s.columns = &label;
    room_refuse(&room, &s, NULL, "r.yaml:7: data.columns: 'y' is the label");
    room_close(&room);
}

/* The encoder as JSON, of a table with everything in it. */
static void encoder_text(data_room *room, const char *test, char out[4096])
{
    static const char *const closed[] = {"p", "q"};
    const onus_column_spec columns[] = {
        {.name = "b", .role = ONUS_ROLE_NUMBER, .has_bounds = true, .lower = 0, .upper = 9},
        {.name = "l", .role = ONUS_ROLE_CATEGORY, .values = closed, .n_values = 2},
        {.name = "m", .missing = ONUS_MISSING_MEDIAN},
        {.name = "n", .scale = ONUS_SCALE_MINMAX, .missing = ONUS_MISSING_MEAN},
        {.name = "o", .missing = ONUS_MISSING_MODE}};
    onus_data_spec s = two_files(room, test);
    onus_buf json;
    s.columns = columns;
    s.n_columns = 5;
    s.missing = ONUS_MISSING_CATEGORY;
    s.drop_duplicates = true;
    room_load(room, &s,
              "b,l,c,m,n,o,y\n1,p,u,1.5,7,k,0\n5,q,v,,9,k,1\n2,p,w,4,1,j,1\n3,p,u,2,,j,0\n"
              "4,q,v,8,3,,1\n");
    onus_buf_init(&json, NULL, 4000);
    assert_int_equal(onus_encoder_write(onus_dataset_encoder(room->d), &json, NULL), ONUS_OK);
    strcpy(out, json.data);
    onus_buf_release(&json);
}

/* Whatever stands in the test part, nothing that was fitted changes: not a mean, not a fill-in,
 * not a category, and no row that trains. */
static void test_rows_fit_nothing(void **state)
{
    (void)state;
    static const char *const tests[] = {
        "b,l,c,m,n,o,y\n1,p,u,1,2,k,0\n", "b,l,c,m,n,o,y\n9,q,,,,,1\n", /* everything missing */
        "b,l,c,m,n,o,y\n-4,p,zzz,1e6,-1e6,new,1\n1,p,new,,0,j,0\n",     /* never seen */
        "b,l,c,m,n,o,y\n5,q,v,,9,k,1\n2,p,u,1,1,k,0\n"}; /* one that trains, too */
    char first[4096], other[4096];
    data_room room;
    room_open(&room);
    encoder_text(&room, tests[0], first);
    for (size_t i = 1; i < sizeof tests / sizeof *tests; i++) {
        const int64_t n_train = room_int(&room, "data.rows.train");
        char sha[65];
        strcpy(sha, room_text(&room, "data.sha256.train"));
        encoder_text(&room, tests[i], other);
        assert_string_equal(other, first);
        assert_int_equal(room_int(&room, "data.rows.train"), n_train);
        assert_string_equal(room_text(&room, "data.sha256.train"), sha);
    }
    room_close(&room);
}

/* Goal: what a newcomer gets wrong with labels and files is said before anything is trained.
 * Method: measured numbers and names as classes, a test file that is the training file, decimal
 * commas; and the cases beside them that are fine. */
static void tables_that_would_teach_nothing(void **state)
{
    (void)state;
    enum { ROWS = 400 };
    char table[ROWS * 24 + 8];
    data_room room;
    room_open(&room);
    onus_data_spec s = room_spec(&room);
    for (int kind = 0; kind < 5; kind++) {
        size_t n = (size_t)sprintf(table, "x,y\n");
        for (int i = 0; i < ROWS; i++)
            n += (size_t)sprintf(table + n,
                                 kind == 0   ? "%d,%d.5\n"   /* measured: 400 values */
                                 : kind == 1 ? "%d,%d\n"     /* counted: 400 values */
                                 : kind == 2 ? "%d,name%d\n" /* names */
                                             : "%d,%d\n",
                                 i,
                                 kind == 3   ? i % 100
                                 : kind == 4 ? i % 21
                                             : i);
        if (kind == 0 || kind == 1)
            room_refuse(
                &room, &s, table,
                "t.csv: label 'y' has 400 different numbers in 400 rows; say label: {type: "
                "number} for regression");
        else if (kind == 2)
            room_refuse(&room, &s, table, "400 different texts in 400 rows");
        else
            room_load(&room, &s, table); /* many classes, each with rows */
    }
    s.label_number = true;
    room_load(&room, &s, NULL);
    s = room_spec(&room);
    s.delimiter = ';';
    size_t n = (size_t)sprintf(table, "x;y\n");
    for (int i = 0; i < ROWS; i++) n += (size_t)sprintf(table + n, "0,%03d;%d\n", i, i % 2);
    room_refuse(&room, &s, table, "column 'x' holds '0,0");
    assert_non_null(strstr(room.err.msg, "write numbers with a decimal point"));
    room_close(&room);
}

/* A model reads another table of its form: other order, more columns, no label. */
static void given_encoder(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "x,c,y\n1,u,1\n");
    room_load(&room, &s, "x,c,y\n1,u,0\n3,v,1\n");
    onus_encoder *e = NULL;
    onus_buf json;
    onus_buf_init(&json, NULL, 4096);
    assert_int_equal(onus_encoder_write(onus_dataset_encoder(room.d), &json, NULL), ONUS_OK);
    assert_int_equal(onus_encoder_read(&e, json.data, json.len, "m", NULL, NULL), ONUS_OK);
    onus_buf_release(&json);

    s.test_source = NULL;
    room_write(&room, "t.csv", "extra,c,x\nz,v,1\nz,w,3\n", 22);
    assert_int_equal(room_try(&room, &s, e, 1), ONUS_OK);
    assert_false(onus_dataset_has_labels(room.d));
    int64_t n;
    const int64_t *rows = onus_dataset_part(room.d, ONUS_PART_TEST, &n);
    assert_int_equal(n, 2);
    float x[6];
    onus_dataset_fetch(room.d, rows, 2, x, NULL, NULL);
    const float want[6] = {-1, 0, 1, 1, 0, 0}; /* w was never seen */
    assert_memory_equal(x, want, sizeof want);
    assert_string_equal(onus_dataset_text(room.d, 0, 1), "v");
    assert_int_equal(onus_dataset_line(room.d, 1), 3);

    static const struct {
        const char *table, *message;
    } wrong[] = {{"c,y\nu,0\n", " lacks the column 'x', which the model reads"},
                 {"x,c\n1,u\nbig,u\n", ":3: column 'x': 'big' is not a number"},
                 {"x,c\n,u\n", ":2: column 'x' is missing"},
                 {"x,c,y\n1,u,7\n", ":2: label 'y' is '7', expected a class of the model"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        room_write(&room, "t.csv", wrong[i].table, strlen(wrong[i].table));
        assert_int_equal(room_try(&room, &s, e, 1), ONUS_BAD_INPUT);
        if (!strstr(room.err.msg, wrong[i].message)) fail_msg("%s", room.err.msg);
    }
    room_clear(&room);
    onus_encoder_destroy(e);
    room_close(&room);
}

static void what_is_said_of_files(void **state)
{
    (void)state;
    const char table[] = "x,y\n1,0\n3,1\n";
    uint8_t sha[32];
    char hex[ONUS_HEX_LEN];
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "x,y\n2,1\n");
    s.licence = "CC-BY-4.0";
    s.origin = "somewhere";
    s.description = "a table";
    room_load(&room, &s, table);
    assert_string_equal(room_text(&room, "data.file.1.name"), "t.csv"); /* no folder */
    assert_int_equal(room_int(&room, "data.file.1.bytes"), sizeof table - 1);
    onus_sha256_of(table, sizeof table - 1, sha);
    onus_hex(sha, 32, hex);
    assert_string_equal(room_text(&room, "data.file.1.sha256"), hex);
    assert_int_equal(room_int(&room, "data.file.1.rows"), 2);
    assert_string_equal(room_text(&room, "data.file.2.name"), "test.csv");
    assert_string_equal(room_text(&room, "data.licence"), "CC-BY-4.0");
    assert_string_equal(room_text(&room, "data.origin"), "somewhere");
    assert_string_equal(room_text(&room, "data.description"), "a table");
    assert_int_equal(room_int(&room, "data.features"), 1);
    assert_int_equal(room_int(&room, "data.numbers"), 1);
    assert_int_equal(room_int(&room, "data.categories"), 0);
    assert_int_equal(room_int(&room, "data.rows"), 3);
    for (int64_t i = 0; i < onus_facts_count(room.facts); i++) {
        const onus_field *f = onus_facts_at(room.facts, i);
        if (f->text && strstr(f->text, room.dir)) fail_msg("'%s' tells the folder", f->name);
    }
    /* a file that is too large is not read, so nothing is said of its bytes */
    char path[128];
    snprintf(path, sizeof path, "%s/t.csv", room.dir);
    assert_int_equal(truncate(path, ((off_t)4 << 30) + 1), 0);
    room_clear(&room);
    assert_int_equal(room_try(&room, &s, NULL, 1), ONUS_BAD_INPUT);
    assert_null(onus_facts_find(room.facts, "data.file.1.sha256"));
    room_close(&room);
}

/* 20,000 columns are read, fitted, and said in a sheet that a line of a ledger can hold. */
static void wide_table(void **state)
{
    (void)state;
    enum { WIDE = 20000 };
    data_room room;
    room_open(&room);
    onus_data_spec s = two_files(&room, "");
    onus_buf text;
    onus_buf_init(&text, NULL, 4 << 20);
    for (int r = 0; r < 4; r++) {
        for (int c = 0; c < WIDE; c++)
            onus_buf_printf(&text, r ? "%d," : "gene_%d,", r ? c * r % 97 : c);
        onus_buf_printf(&text, r ? "%d\n" : "y\n", r % 2);
    }
    room_write(&room, "test.csv", text.data, text.len);
    room_write(&room, "t.csv", text.data, text.len);
    room_load(&room, &s, NULL);
    assert_true(onus_dataset_features(room.d) > WIDE - 300);
    assert_int_equal(room_int(&room, "data.numbers"), onus_dataset_features(room.d));
    size_t said = 0;
    for (int64_t i = 0; i < onus_facts_count(room.facts); i++)
        said += strlen(onus_facts_at(room.facts, i)->name) + 40;
    assert_true(said < 1 << 19);
    onus_buf_release(&text);
    room_close(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standardise_by_hand),
        cmocka_unit_test(bounds_and_lists_fit_nothing),
        cmocka_unit_test(numbers_filled_in),
        cmocka_unit_test(categories_filled_in),
        cmocka_unit_test(rows_dropped),
        cmocka_unit_test(duplicates),
        cmocka_unit_test(constant_columns),
        cmocka_unit_test(all_missing),
        cmocka_unit_test(types),
        cmocka_unit_test(names_of_people),
        cmocka_unit_test(index_of_a_data_frame),
        cmocka_unit_test(labels),
        cmocka_unit_test(adult_quirks),
        cmocka_unit_test(hints),
        cmocka_unit_test(regression),
        cmocka_unit_test(weights),
        cmocka_unit_test(protected_groups),
        cmocka_unit_test(bins_keep_their_digits),
        cmocka_unit_test(files_that_differ),
        cmocka_unit_test(test_rows_fit_nothing),
        cmocka_unit_test(tables_that_would_teach_nothing),
        cmocka_unit_test(given_encoder),
        cmocka_unit_test(what_is_said_of_files),
        cmocka_unit_test(wide_table),
    };
    return onus_crypto_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
