/* SPDX-License-Identifier: Apache-2.0
 * carbon.h - grams of CO2 equivalent per kilowatt-hour of electricity, by region. */
#ifndef ONUS_AUDIT_CARBON_H
#define ONUS_AUDIT_CARBON_H
#include "onus.h"

typedef struct {
    const char *region; /* ISO 3166-1 alpha-2, or WORLD */
    double grams_per_kwh;
} onus_grid;

extern const char onus_grid_source[];
enum { ONUS_GRID_YEAR = 2023 };

const onus_grid *onus_grid_of(const char *region); /* NULL: not in the table */
/* ONUS_BAD_INPUT with the known regions as a hint. */
onus_status onus_grid_find(const onus_grid **out, const char *region,
                           onus_err *err) ONUS_CHECKED;
#endif
