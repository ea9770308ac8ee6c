/* SPDX-License-Identifier: Apache-2.0
 * words.h - lists of texts in bytewise order. */
#ifndef ONUS_BASE_WORDS_H
#define ONUS_BASE_WORDS_H
#include <stdint.h>
/* Of two const char *, for qsort and bsearch. */
int onus_text_order(const void *a, const void *b);
/* Sorts texts[n] and keeps each once; returns how many are left. */
int64_t onus_distinct(const char **texts, int64_t n);
/* Where it stands among sorted texts, -1 if absent. */
int64_t onus_text_place(const char *const *sorted, int64_t n, const char *text);
#endif
