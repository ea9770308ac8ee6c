/* SPDX-License-Identifier: Apache-2.0
 * texts.h - the one table of what a person reads in the pages: texts.inc, a row a text, a
 * column a language. A text is HTML of ours; {0}, {1}, ... are the places where onus_page_fill
 * puts numbers and names, so that another language may order them as it likes. */
#ifndef ONUS_REPORT_TEXTS_H
#define ONUS_REPORT_TEXTS_H
#include <stdbool.h>

typedef enum {
#define X(name, ...) ONUS_TEXT_##name,
#include "report/texts.inc"
#undef X
    ONUS_TEXT_COUNT
} onus_text;

typedef enum { ONUS_ENGLISH, ONUS_CHINESE, ONUS_LANGUAGE_COUNT } onus_language;

/* Never NULL: a text that a language lacks is English. */
const char *onus_text_of(onus_text t, onus_language language);
/* By its key in texts.inc, as rows of the registry name it; false: there is none. */
bool onus_text_named(const char *key, onus_text *out);
#endif
