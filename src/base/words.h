/* SPDX-License-Identifier: Apache-2.0
 * words.h - lists of texts in bytewise order; how far two words are from one another. */
#ifndef ONUS_BASE_WORDS_H
#define ONUS_BASE_WORDS_H
#include <stdint.h>
/* Of two const char *, for qsort and bsearch. */
int onus_text_order(const void *a, const void *b);
/* Sorts texts[n] and keeps each once; returns how many are left. */
int64_t onus_distinct(const char **texts, int64_t n);
/* Letters to insert, drop or change to make one of the other (Levenshtein 1966), for "did you
 * mean"; ONUS_WORD_MAX where a text has as many bytes or more. */
enum { ONUS_WORD_MAX = 512 };
int onus_word_distance(const char *a, const char *b);
/* Where it stands among sorted texts, -1 if absent. */
int64_t onus_text_place(const char *const *sorted, int64_t n, const char *text);
#endif
