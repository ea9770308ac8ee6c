/* SPDX-License-Identifier: Apache-2.0
 * measure.c - one measured number as fields of an event. */
#include "audit/measure.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void onus_measure_put(onus_event_builder *b, const onus_measure *m, const char *name_fmt, ...)
{
    char name[1024];
    va_list args;
    va_start(args, name_fmt);
    const int len = vsnprintf(name, sizeof name, name_fmt, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof name) { /* said by onus_event_emit */
        b->st = b->st == ONUS_OK ? ONUS_BAD_ARG : b->st;
        return;
    }
    onus_event_real(b, m->value, "%s", name);
    onus_event_real(b, m->ci.lower, "%s.lower", name);
    onus_event_real(b, m->ci.upper, "%s.upper", name);
    onus_event_int(b, m->n, "%s.n", name);
    if (m->method && (isfinite(m->ci.lower) || isfinite(m->ci.upper)))
        onus_event_text(b, m->method, "%s.method", name);
    if (m->reason) onus_event_text(b, m->reason, "%s.reason", name);
}

onus_measure onus_measure_rate(onus_share s, const char *empty)
{
    return (onus_measure){.value = onus_share_rate(s),
                          .ci = onus_interval_wilson(s, onus_z(1)),
                          .n = (int64_t)s.n,
                          .method = "wilson",
                          .reason = s.n > 0 ? NULL : empty};
}
