/* SPDX-License-Identifier: Apache-2.0
 * texts.c - see texts.h. */
#include "report/texts.h"

#include <stddef.h>
#include <string.h>

/* A row of texts.inc gives English first; what it does not give stays NULL. */
static const char *const texts[ONUS_TEXT_COUNT][ONUS_LANGUAGE_COUNT] = {
#define X(name, ...) [ONUS_TEXT_##name] = {__VA_ARGS__},
#include "report/texts.inc"
#undef X
};

const char *onus_text_of(onus_text t, onus_language language)
{
    const char *text = texts[t][language];
    return text ? text : texts[t][ONUS_ENGLISH];
}

bool onus_text_named(const char *key, onus_text *out)
{
    static const char *const keys[ONUS_TEXT_COUNT] = {
#define X(name, ...) [ONUS_TEXT_##name] = #name,
#include "report/texts.inc"
#undef X
    };
    for (int t = 0; t < ONUS_TEXT_COUNT; t++) {
        if (strcmp(keys[t], key) != 0) continue;
        *out = (onus_text)t;
        return true;
    }
    return false;
}
