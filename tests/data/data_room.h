/* SPDX-License-Identifier: Apache-2.0
 * data_room.h - what the tests of datasets share: a folder of their own, tables written into
 * it, datasets opened on them, and what was said of them by dotted name. */
#ifndef ONUS_TESTS_DATA_ROOM_H
#define ONUS_TESTS_DATA_ROOM_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/facts.h"
#include "data/dataset.h"

/* Lists of texts become one text, "a,b". */
typedef struct {
    char dir[64];
    onus_facts *facts;
    onus_dataset *d;
    onus_err err;
} data_room;

static inline onus_status room_emit(void *ctx, const onus_event *event, onus_err *err)
{
    data_room *room = ctx;
    for (int64_t i = 0; i < event->n_fields; i++) {
        onus_field f = event->fields[i];
        char text[4096] = "";
        if (f.kind == ONUS_FIELD_TEXTS) {
            for (int64_t k = 0; k < f.n && strlen(text) < 3000; k++)
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.80s",
                         k ? "," : "", f.texts[k]);
            f.kind = ONUS_FIELD_TEXT;
            f.text = text;
        }
        if (onus_facts_find(room->facts, f.name)) fail_msg("'%s' is said twice", f.name);
        onus_status st = onus_facts_add(room->facts, &f, err);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

static inline void room_open(data_room *room)
{
    *room = (data_room){.dir = "/tmp/onus-data-XXXXXX"};
    assert_non_null(mkdtemp(room->dir));
}

static inline void room_clear(data_room *room)
{
    onus_dataset_close(room->d);
    onus_facts_destroy(room->facts);
    room->d = NULL;
    room->facts = NULL;
}

static inline void room_close(data_room *room)
{
    char command[128];
    room_clear(room);
    snprintf(command, sizeof command, "rm -rf %s", room->dir);
    assert_int_equal(system(command), 0);
}

static inline void room_write(const data_room *room, const char *name, const void *data,
                              size_t len)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", room->dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* A spec that names "t.csv", label "y" and nobody protected; the split is 0.5, 0.25, 0.25. */
static inline onus_data_spec room_spec(const data_room *room)
{
    return (onus_data_spec){.recipe = "r.yaml",
                            .base_dir = room->dir,
                            .source = "t.csv",
                            .label = "y",
                            .protected_none = true,
                            .train = 0.5,
                            .valid = 0.25,
                            .test = 0.25,
                            .line = 4,
                            .label_line = 5,
                            .split_line = 9};
}

static inline onus_status room_try(data_room *room, const onus_data_spec *spec,
                                   const onus_encoder *encoder, uint64_t seed)
{
    room_clear(room);
    assert_int_equal(onus_facts_create(&room->facts, NULL, NULL), ONUS_OK);
    const onus_sink sink = {.emit = room_emit, .ctx = room};
    room->err = (onus_err){.code = ONUS_OK};
    return onus_dataset_open(&room->d, spec, encoder, seed, &sink, NULL, &room->err);
}

static inline void room_load(data_room *room, const onus_data_spec *spec, const char *table)
{
    if (table) room_write(room, "t.csv", table, strlen(table));
    if (room_try(room, spec, NULL, 1) != ONUS_OK) fail_msg("%s", room->err.msg);
}

/* The table is refused as bad input, in these words. */
static inline void room_refuse(data_room *room, const onus_data_spec *spec, const char *table,
                               const char *message)
{
    if (table) room_write(room, "t.csv", table, strlen(table));
    const onus_status st = room_try(room, spec, NULL, 1);
    if (st != ONUS_BAD_INPUT)
        fail_msg("status %d, '%s' instead of '%s'", st, room->err.msg, message);
    if (!strstr(room->err.msg, message))
        fail_msg("'%s' does not hold '%s'", room->err.msg, message);
    assert_null(room->d);
}

static inline int64_t room_int(const data_room *room, const char *name)
{
    const onus_field *f = onus_facts_find(room->facts, name);
    if (!f || f->kind != ONUS_FIELD_INT) fail_msg("no whole number '%s'", name);
    assert_false(f->observed);
    return f->i;
}

static inline const char *room_text(const data_room *room, const char *name)
{
    const onus_field *f = onus_facts_find(room->facts, name);
    if (!f || f->kind != ONUS_FIELD_TEXT) fail_msg("no text '%s'", name);
    return f->text;
}

/* Feature `feature` of the row that starts on a line of the table. */
static inline float room_feature(const data_room *room, int64_t line, int64_t feature)
{
    float x[64] = {0};
    for (int64_t r = 0; r < onus_dataset_rows(room->d); r++) {
        if (onus_dataset_line(room->d, r) != line) continue;
        assert_true(onus_dataset_features(room->d) <= 64);
        onus_dataset_fetch(room->d, &r, 1, x, NULL, NULL);
        return x[feature];
    }
    fail_msg("no row of line %ld", (long)line);
    return 0;
}

static inline int64_t room_row(const data_room *room, int64_t line)
{
    for (int64_t r = 0; r < onus_dataset_rows(room->d); r++) {
        if (onus_dataset_line(room->d, r) == line) return r;
    }
    fail_msg("no row of line %ld", (long)line);
    return 0;
}

static inline onus_part room_part(const data_room *room, int64_t row)
{
    for (int p = 0; p < ONUS_PART_COUNT; p++) {
        int64_t n;
        const int64_t *rows = onus_dataset_part(room->d, (onus_part)p, &n);
        for (int64_t i = 0; i < n; i++) {
            if (rows[i] == row) return (onus_part)p;
        }
    }
    fail_msg("row %ld is in no part", (long)row);
    return ONUS_PART_TEST;
}
#endif
