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

onus_text onus_text_find(const char *key, const char *end)
{
    static const char *const keys[] = {
#define X(name, ...) #name,
#include "report/texts.inc"
#undef X
    };
    const size_t n = strlen(key);
    int t = 0;
    while (t < ONUS_TEXT_COUNT &&
           !(strncmp(keys[t], key, n) == 0 && strcmp(keys[t] + n, end) == 0))
        t++;
    return (onus_text)t;
}
