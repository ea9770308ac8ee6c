/* SPDX-License-Identifier: Apache-2.0
 * buf.c - the growable buffer with a limit. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/mem.h"

void onus_buf_init(onus_buf *b, const onus_allocator *mem, size_t len_max)
{
    *b = (onus_buf){.mem = mem, .len_max = len_max};
}

void onus_buf_release(onus_buf *b)
{
    if (!b) return;
    onus_free(b->mem, b->data);
    *b = (onus_buf){.mem = b->mem, .len_max = b->len_max};
}

void onus_buf_clear(onus_buf *b)
{
    b->len = 0;
    b->st = ONUS_OK;
    if (b->data) b->data[0] = '\0';
}

/* Room for `more` bytes and the NUL. */
static bool grow(onus_buf *b, size_t more)
{
    if (b->st != ONUS_OK) return false;
    if (more > b->len_max || b->len > b->len_max - more) {
        b->st = ONUS_BAD_INPUT;
        return false;
    }
    const size_t need = b->len + more + 1;
    if (need <= b->cap) return true;
    size_t cap = b->cap < 64 ? 64 : b->cap + b->cap / 2;
    if (cap < need) cap = need;
    char *data = onus_resize(b->mem, b->data, cap, 1);
    if (!data) {
        b->st = ONUS_NO_MEM;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void onus_buf_add(onus_buf *b, const void *data, size_t len)
{
    if (!grow(b, len)) return;
    if (len) memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void onus_buf_str(onus_buf *b, const char *text)
{
    onus_buf_add(b, text, strlen(text));
}

void onus_buf_printf(onus_buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, fmt, args);
    if (n < 0)
        b->st = ONUS_BAD_INPUT;
    else if (grow(b, (size_t)n)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

onus_status onus_buf_status(const onus_buf *b, const char *what, onus_err *err)
{
    if (b->st == ONUS_OK) return ONUS_OK;
    if (b->st == ONUS_NO_MEM) return onus_fail_mem(err, what);
    return onus_fail(err, b->st, "%s: larger than its limit of %zu bytes, or not UTF-8", what,
                     b->len_max);
}
