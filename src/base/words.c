/* SPDX-License-Identifier: Apache-2.0
 * words.c - see words.h. */
#include "base/words.h"

#include <stdlib.h>
#include <string.h>

int onus_text_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int64_t onus_distinct(const char **texts, int64_t n)
{
    if (n) qsort(texts, (size_t)n, sizeof *texts, onus_text_order);
    int64_t k = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(texts[i], texts[k - 1]) != 0) texts[k++] = texts[i];
    }
    return k;
}

int64_t onus_text_place(const char *const *sorted, int64_t n, const char *text)
{
    const char *const *at =
        n ? bsearch(&text, sorted, (size_t)n, sizeof *sorted, onus_text_order) : NULL;
    return at ? at - sorted : -1;
}
