/* SPDX-License-Identifier: Apache-2.0
 * Goal: several columns that are yes or no each become several labels a row: their classes,
 * numbers, counts and encoder as those of one label are; one that is missing is an error, drops
 * the row, or is below 0; what cannot be several labels is refused in one line that says where.
 * Method: tables whose numbers are worked out by hand, round trips, lies, failing memory. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "data_room.h"
#include "failing_mem.h"

static const char *const three[] = {"rude", "sharp", "odd"};
static const char table[] =
    "x,rude,sharp,odd\n1,yes,0,n\n2,no,1,n\n3,yes,1,y\n4,no,0,n\n5,yes,1,y\n6,no,0,y\n"
    "7,yes,0,y\n8,no,1,n\n";

static onus_data_spec several(const data_room *room)
{
    onus_data_spec s = room_spec(room);
    s.label = NULL;
    s.label_columns = three;
    s.n_label_columns = 3;
    return s;
}

static void put(const data_room *room, const char *text)
{
    room_write(room, "t.csv", text, strlen(text));
}

/* Label l of the row that starts on a line. */
static float label_at(const data_room *room, int64_t line, int64_t l)
{
    float y[4] = {7, 7, 7, 7}, again[4];
    const int64_t row = room_row(room, line);
    onus_dataset_fetch(room->d, &row, 1, NULL, y, NULL);
    onus_dataset_examples(room->d, onus_dataset_seed(room->d), 0, &row, 1, NULL, again);
    assert_memory_equal(y, again, (size_t)onus_dataset_labels(room->d) * sizeof *y);
    assert_true(y[3] == 7); /* at most three are written */
    return y[l];
}

/* The value that sorts last is yes; or what the recipe says, for each. */
static void classes_of_each(void **state)
{
    (void)state;
    static const char *const positives[] = {"no", "1", "y"};
    static const float want[8][3] = {{1, 0, 0}, {0, 1, 0}, {1, 1, 1}, {0, 0, 0},
                                     {1, 1, 1}, {0, 0, 1}, {1, 0, 1}, {0, 1, 0}};
    data_room room;
    room_open(&room);
    onus_data_spec s = several(&room);
    for (int turned = 0; turned < 2; turned++) {
        s.positives = turned ? positives : NULL;
        room_load(&room, &s, table);
        assert_int_equal(onus_dataset_task(room.d), ONUS_TASK_LABELS);
        assert_int_equal(onus_dataset_labels(room.d), 3);
        assert_int_equal(onus_dataset_classes(room.d), 2);
        assert_string_equal(onus_dataset_label_name(room.d, 2), "odd");
        assert_string_equal(onus_dataset_class_name(room.d, 1), turned ? "no" : "yes");
        assert_string_equal(onus_dataset_class_name(room.d, 2), "0");
        assert_string_equal(onus_dataset_class_name(room.d, 5), "y");
        assert_int_equal(onus_dataset_features(room.d), 1); /* labels are not read */
        for (int64_t r = 0; r < 8; r++) {
            for (int64_t l = 0; l < 3; l++)
                assert_true(label_at(&room, r + 2, l) ==
                            (l == 0 && turned ? 1 - want[r][l] : want[r][l]));
        }
        assert_string_equal(room_text(&room, "data.task"), "labels");
        assert_string_equal(room_text(&room, "data.labels"), "rude,sharp,odd");
        assert_string_equal(room_text(&room, "data.classes.rude"),
                            turned ? "yes,no" : "no,yes");
        assert_string_equal(room_text(&room, "data.classes.odd"), "n,y");
        int64_t yes = 0;
        static const char *const parts[] = {"train", "valid", "test"};
        for (int p = 0; p < 3; p++) {
            char name[64];
            snprintf(name, sizeof name, "data.label.sharp.1.%s", parts[p]);
            yes += room_int(&room, name);
        }
        assert_int_equal(yes, 4);
    }
    room_close(&room);
}

/* One value for all columns, a mark cut off all of them; shares by a label's column. */
static void what_holds_for_all(void **state)
{
    (void)state;
    static const char *const two[] = {"a", "b"}, *const by[] = {"a", "b"},
                             *const values[] = {"0", "1"};
    data_room room;
    room_open(&room);
    onus_data_spec s = several(&room);
    s.label_columns = two;
    s.n_label_columns = 2;
    s.positive = "0";
    s.label_strip = '.';
    s.stratify = by;
    s.n_stratify = 2;
    s.train = s.test = 0.5;
    s.valid = 0;
    room_load(&room, &s, "x,a,b\n1,0.,1\n2,1,1\n3,0,0\n4,1.,0.\n5,0,1\n6,1,1\n7,0,0\n8,1,0\n");
    assert_true(label_at(&room, 2, 0) == 1 && label_at(&room, 2, 1) == 0);
    assert_true(label_at(&room, 5, 0) == 0 && label_at(&room, 5, 1) == 1);
    assert_int_equal(room_int(&room, "data.label.a.0.train"), 2);
    assert_int_equal(room_int(&room, "data.label.b.1.test"), 2);
    s.label_values = values;
    s.n_label_values = 2;
    room_refuse(&room, &s, "x,a,b\n1,0,1\n2,1,1\n3,0,2\n4,1,0\n",
                "t.csv:4: label 'b' is '2', expected a value of data.label.values");
    room_close(&room);
}

/* Lines 3 and 5 lack a label, line 6 all of them. */
static void missing_labels(void **state)
{
    (void)state;
    static const char holes[] =
        "x,rude,sharp,odd\n1,yes,0,n\n2,,1,n\n3,yes,1,y\n4,no,,n\n5,,,\n"
        "6,no,0,y\n7,yes,0,y\n8,no,1,n\n9,no,1,n\n";
    data_room room;
    room_open(&room);
    onus_data_spec s = several(&room);
    room_refuse(&room, &s, holes,
                "t.csv:3: column 'rude' is missing (''); say label: {missing: drop or ignore}");
    s.label_missing = ONUS_LABEL_MISSING_DROP;
    room_load(&room, &s, NULL);
    assert_int_equal(onus_dataset_rows(room.d), 6);
    assert_int_equal(room_int(&room, "data.dropped.missing"), 3);
    s.label_missing = ONUS_LABEL_MISSING_IGNORE;
    room_load(&room, &s, NULL);
    assert_int_equal(onus_dataset_rows(room.d), 8);
    assert_int_equal(room_int(&room, "data.dropped.missing"), 1);
    assert_int_equal(room_int(&room, "data.missing.rude"), 2);
    assert_true(label_at(&room, 3, 0) == -1 && label_at(&room, 3, 1) == 1);
    assert_true(label_at(&room, 5, 1) == -1 && label_at(&room, 5, 0) == 0);
    static const char *const yes_no[] = {"0",
                                         "1"}; /* said: the table shows none of one label */
    s.n_label_values = 2;
    s.label_values = yes_no;
    room_refuse(&room, &s, "x,rude,sharp,odd\n1,0,,1\n2,1,,1\n3,0,,0\n4,1,,0\n5,0,,1\n6,1,,0\n",
                "data.split: label 'sharp' is missing in every row of the training part");
    s.n_label_values = 0;
    s.label_values = NULL;
    put(&room, holes);
    s.label_missing = ONUS_LABEL_MISSING_ERROR; /* whatever is done with columns */
    s.missing = ONUS_MISSING_DROP;
    room_refuse(&room, &s, NULL, "t.csv:3: column 'rude' is missing");
    s.label_missing = ONUS_LABEL_MISSING_UNSAID;
    room_load(&room, &s, NULL);
    assert_int_equal(onus_dataset_rows(room.d), 6);
    room_close(&room);
}

static void refused(void **state)
{
    (void)state;
    static const char *const lacking[] = {"rude", "sharp", "odder"};
    static const char *const great[] = {"yes", "great", "y"};
    static const onus_protected_spec guarded = {.column = "odd", .line = 6};
    static const onus_column_spec used = {.name = "sharp", .role = ONUS_ROLE_NUMBER, .line = 7};
    data_room room;
    room_open(&room);
    onus_data_spec s = several(&room);
    static const char *many[ONUS_LABELS_MAX + 1];
    for (int i = 0; i <= ONUS_LABELS_MAX; i++) many[i] = "rude";
    s.label_columns = many;
    s.n_label_columns = ONUS_LABELS_MAX + 1;
    room_refuse(&room, &s, table,
                "r.yaml:5: data.label.columns: 257 columns, expected at most 256");
    s = several(&room);
    s.label_columns = lacking;
    room_refuse(&room, &s, table, "r.yaml:5: data.label.columns: 'odder' is no column of");
    s = several(&room);
    s.positives = great;
    room_refuse(&room, &s, table,
                "r.yaml:5: data.label.positive: 'great' is no value of 'sharp', which has '0', "
                "'1'");
    s = several(&room);
    s.protected_ = &guarded;
    s.n_protected = 1;
    room_refuse(&room, &s, table, "r.yaml:6: data.protected: 'odd' is a label");
    s = several(&room);
    s.columns = &used;
    s.n_columns = 1;
    room_refuse(&room, &s, table, "r.yaml:7: data.columns: 'sharp' is a label");
    s = several(&room);
    room_refuse(&room, &s, "x,rude,sharp,odd\n1,a,0,n\n2,b,1,n\n3,a,maybe,y\n4,b,0,n\n",
                "t.csv:4: label 'sharp' is 'maybe', a third value beside '0' and '1'; of "
                "several labels each is yes or no");
    room_refuse(&room, &s, "x,rude,sharp,odd\n1,a,0,n\n2,b,1,n\n3,a,0,n\n4,b,0,n\n",
                "t.csv: label 'odd' has one class only ('n'); there is nothing to learn");
    /* one yes, which the seed puts into one part: the others learn nothing of it, or it is in
     * training and all is well */
    int in_training = 0, elsewhere = 0;
    put(&room, "x,rude,sharp,odd\n1,a,0,n\n2,b,1,n\n3,a,0,n\n4,b,1,y\n");
    for (uint64_t seed = 0; seed < 40; seed++) {
        const onus_status st = room_try(&room, &s, NULL, seed);
        if (st == ONUS_OK)
            in_training++;
        else if (strstr(room.err.msg, "one class only ('n') of odd; stratify by the label"))
            elsewhere++;
    }
    assert_true(in_training > 0 && elsewhere > 0);
    room_close(&room);
}

/* ---- the encoder ------------------------------------------------------------------------- */

static void the_encoder_knows_them(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = several(&room);
    room_load(&room, &s, table);
    onus_buf json, second;
    onus_encoder *e = NULL;
    onus_err err;
    onus_buf_init(&json, NULL, 1 << 20);
    onus_buf_init(&second, NULL, 1 << 20);
    assert_int_equal(onus_encoder_write(onus_dataset_encoder(room.d), &json, NULL), ONUS_OK);
    assert_int_equal(onus_encoder_read(&e, json.data, json.len, "m", NULL, &err), ONUS_OK);
    assert_int_equal(onus_encoder_write(e, &second, NULL), ONUS_OK);
    assert_string_equal(json.data, second.data);
    assert_int_equal(onus_encoder_task(e), ONUS_TASK_LABELS);
    assert_int_equal(onus_encoder_labels(e), 3);
    assert_string_equal(onus_encoder_label_name(e, 1), "sharp");
    assert_string_equal(onus_encoder_class_name(e, 4), "n");
    assert_null(onus_encoder_class_name(e, 6));

    /* another table: its labels are the model's; without any there are none to compare with */
    put(&room, "odd,x,sharp,rude\ny,3,1,no\nn,4,0,yes\n");
    assert_int_equal(room_try(&room, &s, e, 1), ONUS_OK);
    assert_true(onus_dataset_has_labels(room.d));
    assert_true(label_at(&room, 2, 0) == 0 && label_at(&room, 2, 1) == 1);
    assert_true(label_at(&room, 2, 2) == 1 && label_at(&room, 3, 0) == 1);
    put(&room, "x\n3\n4\n");
    assert_int_equal(room_try(&room, &s, e, 1), ONUS_OK);
    assert_false(onus_dataset_has_labels(room.d));
    put(&room, "odd,x,rude\ny,3,no\n");
    assert_int_equal(room_try(&room, &s, e, 1), ONUS_BAD_INPUT);
    assert_non_null(strstr(room.err.msg, "data.label.columns: 'sharp' is no column"));
    put(&room, "odd,x,sharp,rude\ny,3,1,perhaps\n");
    assert_int_equal(room_try(&room, &s, e, 1), ONUS_BAD_INPUT);
    assert_non_null(strstr(room.err.msg, "label 'rude' is 'perhaps', expected a class of the"));
    s.n_label_columns = 2;
    assert_int_equal(room_try(&room, &s, e, 1), ONUS_BAD_INPUT);
    assert_non_null(strstr(room.err.msg, "2 labels, the model predicts 3"));
    s = room_spec(&room);
    s.label = "odd";
    assert_int_equal(room_try(&room, &s, e, 1), ONUS_BAD_INPUT);
    assert_non_null(strstr(room.err.msg, "1 labels, the model predicts 3"));
    room_clear(&room);
    onus_encoder_destroy(e);
    onus_buf_release(&json);
    onus_buf_release(&second);
    room_close(&room);
}

static void lie(const char *label, const char *classes, const char *message)
{
    char json[512];
    onus_encoder *e = NULL;
    onus_err err = {.msg = ""};
    snprintf(json, sizeof json,
             "{\"classes\":[%s],\"columns\":[{\"name\":\"x\",\"shift\":0,\"scale\":1}],"
             "\"label\":%s,\"task\":\"labels\"}",
             classes, label);
    const onus_status st = onus_encoder_read(&e, json, strlen(json), "m.st", NULL, &err);
    if (*message && (st != ONUS_BAD_INPUT || !strstr(err.msg, message)))
        fail_msg("'%s' does not hold '%s'", err.msg, message);
    if (!*message) assert_int_equal(st, ONUS_OK);
    onus_encoder_destroy(e);
}

static void hostile(void **state)
{
    (void)state;
    lie("[\"a\",\"b\"]", "\"0\",\"1\",\"0\",\"1\"", "");
    lie("[\"a\",\"b\"]", "\"0\",\"1\",\"0\"", "labels without two classes each");
    lie("[\"a\"]", "\"0\",\"1\"", "labels without two classes each");
    lie("[]", "", "labels without two classes each");
    lie("\"a\"", "\"0\",\"1\"", "a list of texts is missing");
    lie("[\"a\",7]", "\"0\",\"1\",\"0\",\"1\"", "a text is missing");
    lie("{}", "\"0\",\"1\"", "task or label is missing");
}

static onus_status opened(const onus_allocator *mem, void *ctx, onus_err *err)
{
    onus_dataset *d = NULL;
    onus_encoder *e = NULL;
    onus_buf json;
    onus_buf_init(&json, mem, 1 << 20);
    onus_status st = onus_dataset_open(&d, ctx, NULL, 1, NULL, mem, err);
    if (st == ONUS_OK) st = onus_encoder_write(onus_dataset_encoder(d), &json, err);
    if (st == ONUS_OK) st = onus_encoder_read(&e, json.data, json.len, "m", mem, err);
    onus_encoder_destroy(e);
    onus_buf_release(&json);
    onus_dataset_close(d);
    return st;
}

static void memory_ends(void **state)
{
    (void)state;
    data_room room;
    room_open(&room);
    onus_data_spec s = several(&room);
    s.label_missing = ONUS_LABEL_MISSING_IGNORE;
    room_write(&room, "t.csv", table, sizeof table - 1);
    failing_mem_walk("several labels", opened, &s);
    room_close(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_of_each),
        cmocka_unit_test(what_holds_for_all),
        cmocka_unit_test(missing_labels),
        cmocka_unit_test(refused),
        cmocka_unit_test(the_encoder_knows_them),
        cmocka_unit_test(hostile),
        cmocka_unit_test(memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
