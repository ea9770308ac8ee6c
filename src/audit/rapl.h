/* SPDX-License-Identifier: Apache-2.0
 * rapl.h - the processor's own energy counters, as Linux shows them (powercap, driver
 * intel-rapl, which serves AMD's too). */
#ifndef ONUS_AUDIT_RAPL_H
#define ONUS_AUDIT_RAPL_H
#include <stdbool.h>
#include <stdint.h>

enum { ONUS_RAPL_ZONES = 32, ONUS_RAPL_PATH = 512 };

typedef struct {
    int n_zones;
    struct {
        char path[ONUS_RAPL_PATH]; /* of energy_uj */
        double last_uj, wrap_uj;   /* last reading; what the counter wraps at, 0: unknown */
    } zone[ONUS_RAPL_ZONES];
    double joules; /* since open */
    bool lost;     /* a counter went backwards without saying what it wraps at, or vanished */
} onus_rapl;

/* Finds packages and, beside them, memory; false where there is no counter that may be read. */
bool onus_rapl_open(onus_rapl *r, const char *powercap);
/* Adds what was used since the last reading. A counter that wrapped once is followed; one that
 * wraps twice between readings (about ten minutes at full load) cannot be. */
void onus_rapl_read(onus_rapl *r);
#endif
