/* SPDX-License-Identifier: Apache-2.0
 * carbon.c - carbon intensity of electricity generation by country, year 2023: life-cycle
 * emissions per unit generated, after Ember ("Yearly Electricity Data" and "Global Electricity
 * Review 2024") as published by Our World in Data (CC BY 4.0),
 * https://ourworldindata.org/grapher/carbon-intensity-electricity, rounded to whole grams.
 *
 * A yearly mean of what a country generates: it knows no hour, no imports and no contract. */
#include "audit/carbon.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"

const char onus_grid_source[] =
    "Ember (2024), Our World in Data, carbon intensity of electricity generation 2023, "
    "https://ourworldindata.org/grapher/carbon-intensity-electricity, CC BY 4.0";

static const onus_grid grids[] = {
    {"WORLD", 481}, {"AR", 354}, {"AT", 111}, {"AU", 549}, {"BE", 138}, {"BG", 335},
    {"BR", 98},     {"CA", 170}, {"CH", 35},  {"CL", 291}, {"CN", 582}, {"CO", 260},
    {"CZ", 450},    {"DE", 381}, {"DK", 152}, {"EE", 417}, {"EG", 570}, {"ES", 174},
    {"FI", 79},     {"FR", 56},  {"GB", 238}, {"GR", 337}, {"HR", 205}, {"HU", 204},
    {"IE", 291},    {"IN", 713}, {"IT", 331}, {"JP", 485}, {"KE", 70},  {"KR", 431},
    {"LT", 160},    {"LU", 105}, {"LV", 123}, {"MX", 507}, {"NG", 523}, {"NL", 268},
    {"NO", 30},     {"NZ", 113}, {"PH", 611}, {"PL", 662}, {"PT", 166}, {"RO", 241},
    {"SE", 41},     {"SG", 471}, {"SI", 231}, {"SK", 117}, {"TH", 550}, {"TR", 465},
    {"TW", 642},    {"US", 369}, {"VN", 475}, {"ZA", 708},
};

const onus_grid *onus_grid_of(const char *region)
{
    for (size_t i = 0; region && i < sizeof grids / sizeof *grids; i++) {
        if (strcmp(grids[i].region, region) == 0) return &grids[i];
    }
    return NULL;
}

onus_status onus_grid_find(const onus_grid **out, const char *region, onus_err *err)
{
    *out = onus_grid_of(region);
    if (*out) return ONUS_OK;
    char known[256] = "";
    for (size_t i = 0, n = 0; i < sizeof grids / sizeof *grids && n < sizeof known; i++)
        n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", i ? " " : "",
                              grids[i].region);
    (void)onus_fail(err, ONUS_BAD_INPUT,
                    "energy: no carbon intensity is known for region '%.40s'",
                    region ? region : "");
    return onus_hint(err, ONUS_BAD_INPUT, "known: %s", known);
}
