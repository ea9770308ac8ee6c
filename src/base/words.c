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

int onus_word_distance(const char *a, const char *b)
{
    int row[ONUS_WORD_MAX];
    const size_t n = strlen(a), m = strlen(b);
    if (n >= ONUS_WORD_MAX || m >= ONUS_WORD_MAX) return ONUS_WORD_MAX;
    for (size_t j = 0; j <= m; j++) row[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int corner = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            const int change = corner + (a[i - 1] != b[j - 1]),
                      shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            corner = row[j];
            row[j] = change < shift ? change : shift;
        }
    }
    return row[m];
}
