/* SPDX-License-Identifier: Apache-2.0
 * ledger_room.h - one ledger in a folder of its own, for the tests of its writer and its
 * reader: events of a number or a few are written into it, and its bytes read or put. */
#ifndef ONUS_TESTS_LEDGER_ROOM_H
#define ONUS_TESTS_LEDGER_ROOM_H
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

static char room[] = "/tmp/onus-ledger-XXXXXX", path[64];

static inline onus_ledger *open_as(onus_ledger_mode mode, int64_t *torn)
{
    onus_ledger *l = NULL;
    onus_err err;
    if (onus_ledger_open(&l, path, mode, torn, NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
    return l;
}

static inline onus_status tell(onus_ledger *l, const char *type, const onus_field *fields,
                               int64_t n, onus_err *err)
{
    const onus_event e = {.type = type, .fields = fields, .n_fields = n};
    const onus_sink sink = onus_ledger_sink(l);
    return sink.emit(sink.ctx, &e, err);
}

/* An event of one whole number. */
static inline onus_status say(onus_ledger *l, const char *type, const char *name, int64_t v,
                              bool observed, onus_err *err)
{
    const onus_field f = {.name = name, .kind = ONUS_FIELD_INT, .i = v, .observed = observed};
    return tell(l, type, &f, name ? 1 : 0, err);
}

static inline void said(onus_ledger *l, const char *type, const char *name, int64_t v,
                        bool observed)
{
    onus_err err;
    if (say(l, type, name, v, observed, &err) != ONUS_OK) fail_msg("%s", err.msg);
}

/* The ledger a: 1, b: 2 (observed), c: 3. */
static inline void write_three(void)
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

static inline void put(const char *text, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static inline int open_room(void **state)
{
    (void)state;
    if (!mkdtemp(room)) return -1;
    snprintf(path, sizeof path, "%s/ledger.jsonl", room);
    return 0;
}

static inline int close_room(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", room);
    return system(command);
}
#endif
