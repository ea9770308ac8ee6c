/* SPDX-License-Identifier: Apache-2.0
 * fail.c - errors of one line. */
#include "base/fail.h"

#include <stdarg.h>
#include <stdio.h>

#undef onus_fail
#undef onus_fail_mem

const char *onus_status_text(onus_status st)
{
    switch (st) {
#define X(name, code, text) \
    case ONUS_##name: return text;
        ONUS_STATUS_MAP(X)
#undef X
    }
    return "unknown status";
}

int onus_steers(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    if (*c && (*c < 0x20 || *c == 0x7f)) return 1;
    if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) return 2;
    if (c[0] != 0xe2) return 0;
    const bool turns = (c[1] == 0x80 && c[2] >= 0xa8 && c[2] <= 0xae) ||
                       (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9);
    return turns ? 3 : 0;
}

void onus_tame(char *text)
{
    char *to = text;
    while (*text) {
        const int n = onus_steers(text);
        *to++ = n ? '?' : *text;
        text += n ? n : 1;
    }
    *to = '\0';
}

onus_status onus_fail(onus_err *err, onus_status code, const char *fmt, ...)
{
    if (!err) return code;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, args);
    va_end(args);
    err->code = code;
    err->hint[0] = '\0';
    onus_tame(err->msg);
    return code;
}

onus_status onus_hint(onus_err *err, onus_status code, const char *fmt, ...)
{
    if (!err) return code;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, args);
    va_end(args);
    onus_tame(err->hint);
    return err->code;
}

onus_status onus_fail_mem(onus_err *err, const char *what)
{
    return onus_fail(err, ONUS_NO_MEM, "%s: out of memory", what);
}
