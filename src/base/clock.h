/* SPDX-License-Identifier: Apache-2.0
 * clock.h - time, which enters `observed` bodies only. */
#ifndef ONUS_BASE_CLOCK_H
#define ONUS_BASE_CLOCK_H
#include "onus.h"
double onus_clock_s(void);         /* monotonic, seconds */
double onus_clock_cpu_s(void);     /* processor time of the process, all threads, seconds */
void onus_clock_utc(char out[21]); /* "2026-11-22T14:03:11Z" */
#endif
