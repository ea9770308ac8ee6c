/* SPDX-License-Identifier: Apache-2.0
 * shape.c - shapes in words and numbers. */
#include <stdio.h>
#include <string.h>

#include "op/op.h"

int64_t onus_shape_numel(const onus_shape *s)
{
    int64_t n = 1;
    for (int i = 0; i < s->n; i++) n *= s->d[i];
    return n;
}

bool onus_shape_same(const onus_shape *a, const onus_shape *b)
{
    bool same = a->n == b->n;
    for (int i = 0; same && i < a->n; i++) same = a->d[i] == b->d[i];
    return same;
}

void onus_shape_text(const onus_shape *s, char *out, size_t size)
{
    size_t n = 0;
    snprintf(out, size, "(");
    for (int i = 0; i < s->n; i++) {
        n = strlen(out);
        snprintf(out + n, size - n, "%s%lld", i ? ", " : "", (long long)s->d[i]);
    }
    n = strlen(out);
    snprintf(out + n, size - n, ")");
}
