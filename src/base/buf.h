/* SPDX-License-Identifier: Apache-2.0
 * buf.h - a growable buffer with a limit. The first failure sticks in `st`; appends after
 * it do nothing, so that a writer checks once, at the end (onus_buf_status). data is
 * always followed by a NUL that len does not count. */
#ifndef ONUS_BASE_BUF_H
#define ONUS_BASE_BUF_H
#include "onus.h"

typedef struct {
    char *data;
    size_t len, cap, len_max;
    const onus_allocator *mem;
    onus_status st; /* ONUS_OK, ONUS_NO_MEM, or ONUS_BAD_INPUT when len_max was reached */
} onus_buf;

void onus_buf_init(onus_buf *b, const onus_allocator *mem, size_t len_max);
void onus_buf_release(onus_buf *b);
void onus_buf_clear(onus_buf *b); /* len = 0, st = ONUS_OK, memory kept */
void onus_buf_add(onus_buf *b, const void *data, size_t len);
void onus_buf_str(onus_buf *b, const char *text);
void onus_buf_printf(onus_buf *b, const char *fmt, ...) ONUS_PRINTF(2, 3);
/* The sticky status as an error line that names `what`. */
onus_status onus_buf_status(const onus_buf *b, const char *what, onus_err *err);
#endif
