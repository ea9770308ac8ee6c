/* SPDX-License-Identifier: Apache-2.0
 * clock.c - time. */
#include "base/clock.h"

#include <string.h>
#include <time.h>

static double seconds(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) return 0;
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double onus_clock_s(void)
{
    return seconds(CLOCK_MONOTONIC);
}

double onus_clock_cpu_s(void)
{
    return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

void onus_clock_utc(char out[21])
{
    const time_t now = time(NULL);
    struct tm t;
    if (!gmtime_r(&now, &t) || strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", &t) != 20)
        memcpy(out, "1970-01-01T00:00:00Z", 21);
}
