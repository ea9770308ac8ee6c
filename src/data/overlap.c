/* SPDX-License-Identifier: Apache-2.0
 * overlap.c - rows of a part that also stand in the training part. A model that is tested on
 * what it learned from shows how well it remembers.
 *
 * Rows are compared as the model reads them: encoded columns, pixels, tokens. A table of places
 * finds the training row with the same hash, whose bytes are then compared: the count is exact
 * whatever the hash does, and its key is drawn, so that no table makes it slow. */
#include <string.h>

#include "base/fail.h"
#include "base/hash.h"
#include "data/parts.h"

typedef struct {
    const onus_dataset *d;
    bool labels; /* compare these, too */
    uint8_t key[16];
    int64_t *row; /* (size): of the training part, -1: free */
    uint64_t *hash;
    size_t size; /* a power of two, at least twice the rows */
} seen;

/* What the model reads of a row. */
static const void *bytes_of(const onus_dataset *d, int64_t row, size_t *len)
{
    if (d->text.any) {
        int64_t n = 0;
        const int32_t *ids = onus_text_row(d, row, &n);
        *len = (size_t)n * sizeof *ids;
        return ids;
    }
    if (!d->x) {
        *len = (size_t)d->encoder->pixels;
        return onus_image_of(d, row);
    }
    *len = (size_t)d->encoder->n_features * sizeof *d->x;
    return d->x + row * d->encoder->n_features;
}

static uint64_t hash_of(const seen *s, int64_t row)
{
    size_t len = 0;
    const size_t labels = (size_t)s->d->n_labels * sizeof *s->d->y;
    const void *bytes = bytes_of(s->d, row, &len);
    uint64_t h = onus_hash64(s->key, bytes, len);
    return s->labels ? h ^ onus_hash64(s->key, s->d->y + row * s->d->n_labels, labels) : h;
}

static bool is_same(const seen *s, int64_t a, int64_t b)
{
    size_t m = 0, n = 0;
    const onus_dataset *d = s->d;
    const void *x = bytes_of(d, a, &m), *y = bytes_of(d, b, &n);
    if (m != n || (n && memcmp(x, y, n) != 0)) return false;
    return !s->labels || memcmp(d->y + a * d->n_labels, d->y + b * d->n_labels,
                                (size_t)d->n_labels * sizeof *d->y) == 0;
}

/* Where the row, or one that is the same, stands or would stand. */
static size_t place_of(const seen *s, int64_t row, uint64_t hash)
{
    size_t at = (size_t)hash & (s->size - 1);
    while (s->row[at] >= 0 && (s->hash[at] != hash || !is_same(s, s->row[at], row)))
        at = (at + 1) & (s->size - 1);
    return at;
}

static onus_status count(const onus_dataset *d, bool labels, int64_t out[ONUS_PART_COUNT],
                         onus_err *err)
{
    seen s = {.d = d, .labels = labels, .size = 16};
    while (s.size < 2 * (size_t)d->n_part[ONUS_PART_TRAIN]) s.size *= 2;
    s.row = onus_alloc(d->mem, s.size, sizeof *s.row);
    s.hash = onus_alloc(d->mem, s.size, sizeof *s.hash);
    onus_random_bytes(s.key, sizeof s.key);
    for (size_t i = 0; s.row && i < s.size; i++) s.row[i] = -1;
    for (int64_t i = 0; s.row && s.hash && i < d->n_part[ONUS_PART_TRAIN]; i++) {
        const int64_t row = d->part[ONUS_PART_TRAIN][i];
        const uint64_t hash = hash_of(&s, row);
        const size_t at = place_of(&s, row, hash);
        s.row[at] = row;
        s.hash[at] = hash;
    }
    for (int p = ONUS_PART_VALID; s.row && s.hash && p <= ONUS_PART_TEST; p++) {
        out[p] = 0;
        for (int64_t i = 0; i < d->n_part[p]; i++) {
            const int64_t row = d->part[p][i];
            out[p] += s.row[place_of(&s, row, hash_of(&s, row))] >= 0;
        }
    }
    const bool failed = !s.row || !s.hash;
    onus_free(d->mem, s.row);
    onus_free(d->mem, s.hash);
    return failed ? onus_fail_mem(err, "data") : ONUS_OK;
}

/* Rows of a category that the training part does not have are not counted: of a protected
 * column whose groups are withheld that would tell how many people are in such a group. */
static bool counts_unseen(const onus_dataset *d)
{
    bool any = false;
    for (int64_t k = 0; d->unseen && k < d->encoder->n_columns; k++)
        any = any ||
              (d->unseen[k] > 0 && onus_withholds_column(d, d->encoder->columns[k].pub.name));
    return any;
}

onus_status onus_emit_overlap(const onus_dataset *d, onus_event_builder *b, onus_err *err)
{
    int64_t features[ONUS_PART_COUNT], rows[ONUS_PART_COUNT];
    if (d->given) return ONUS_OK; /* nothing is learned from */
    const bool labels = d->has_labels && d->task != ONUS_TASK_TOKENS, hidden = counts_unseen(d);
    onus_status st = count(d, false, features, err);
    if (st == ONUS_OK && labels) st = count(d, true, rows, err);
    for (int p = ONUS_PART_VALID; st == ONUS_OK && p <= ONUS_PART_TEST; p++) {
        if (d->n_part[p] == 0) continue;
        const char *part = onus_part_names[p];
        if (hidden) {
            onus_event_undefined(b, "data.overlap.%s.features", part);
            if (labels) onus_event_undefined(b, "data.overlap.%s.rows", part);
            continue;
        }
        onus_event_int(b, features[p], "data.overlap.%s.features", part);
        if (labels) onus_event_int(b, rows[p], "data.overlap.%s.rows", part);
    }
    return st;
}
