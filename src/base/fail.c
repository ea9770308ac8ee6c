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

onus_status onus_fail(onus_err *err, onus_status code, const char *fmt, ...)
{
    if (!err) return code;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, args);
    va_end(args);
    err->code = code;
    err->hint[0] = '\0';
    /* One line, whatever the user's words hold. */
    for (char *c = err->msg; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    }
    return code;
}

onus_status onus_hint(onus_err *err, onus_status code, const char *fmt, ...)
{
    if (!err) return code;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, args);
    va_end(args);
    return err->code;
}

onus_status onus_fail_mem(onus_err *err, const char *what)
{
    return onus_fail(err, ONUS_NO_MEM, "%s: out of memory", what);
}
