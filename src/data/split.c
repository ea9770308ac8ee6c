/* SPDX-License-Identifier: Apache-2.0
 * split.c - train, valid, test: strata in the order of their texts, rows of a stratum in the
 * order of their draws (ONUS_DRAW_SPLIT by row). A stratum gives every part its share rounded
 * down; the rows that are left go, one each, to the parts that are furthest behind over all
 * strata so far. So no part of any stratum, nor any part as a whole, is off by a row or
 * more. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/parts.h"
#include "num/philox.h"

enum { STRATIFY_MAX = 64 };

typedef struct {
    const char *key; /* texts of the stratifying columns, joined */
    uint64_t draw;
    int64_t row;
} seat;

static int by_seat(const void *a, const void *b)
{
    const seat *x = a, *y = b;
    const int order = strcmp(x->key, y->key);
    if (order) return order;
    if (x->draw != y->draw) return x->draw < y->draw ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static onus_status stratum_columns(const onus_dataset *d, int64_t *cols, onus_err *err)
{
    const onus_data_spec *s = d->spec;
    if (s->n_stratify > STRATIFY_MAX)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: data.split.stratify: %lld columns, expected at most %d",
                         s->recipe, s->split_line, (long long)s->n_stratify, STRATIFY_MAX);
    for (int64_t k = 0; k < s->n_stratify; k++) {
        cols[k] = onus_find_col(d, s->stratify[k]);
        if (cols[k] < 0)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s:%d: data.split.stratify: '%.80s' is no column of %s",
                             s->recipe, s->split_line, s->stratify[k], d->csv[0].path);
    }
    return ONUS_OK;
}

static onus_status stratum_key(onus_dataset *d, const int64_t *cols, int64_t row,
                               onus_buf *text, const char **out, onus_err *err)
{
    onus_buf_clear(text);
    for (int64_t k = 0; k < d->spec->n_stratify; k++) {
        onus_buf_str(text, onus_cell(d, row, cols[k]));
        onus_buf_add(text, "\x1f", 1);
    }
    onus_status st = onus_buf_status(text, "data.split.stratify", err);
    if (st != ONUS_OK) return st;
    *out = text->len ? onus_arena_strdup(&d->arena, text->data) : "";
    return *out ? ONUS_OK : onus_fail_mem(err, "data.split");
}

/* How many of a stratum's n rows each part gets; due and given: over all strata so far. */
static void share_out(const double *share, int64_t n, double *due, int64_t *given, int64_t *out)
{
    int64_t left = n;
    bool wants[ONUS_PART_COUNT];
    for (int p = 0; p < ONUS_PART_COUNT; p++) {
        const double exact = share[p] * (double)n;
        out[p] = (int64_t)floor(exact + 1e-9); /* 0.7 * 10 is 7, whatever its last bit */
        wants[p] = exact - (double)out[p] > 1e-9;
        due[p] += exact;
        given[p] += out[p];
        left -= out[p];
    }
    for (; left > 0; left--) {
        int best = -1;
        for (int p = 0; p < ONUS_PART_COUNT; p++) {
            if (wants[p] && (best < 0 || due[p] - (double)given[p] >
                                             due[best] - (double)given[best] + 1e-9))
                best = p;
        }
        if (best < 0) best = ONUS_PART_TRAIN;
        wants[best] = false;
        out[best]++;
        given[best]++;
    }
}

/* Which of csv[0]'s rows go where. */
static void cut(const onus_dataset *d, const seat *seats, int64_t n, int8_t *part_of)
{
    const double share[ONUS_PART_COUNT] = {d->spec->train, d->spec->valid, d->spec->test};
    double due[ONUS_PART_COUNT] = {0};
    int64_t given[ONUS_PART_COUNT] = {0}, count[ONUS_PART_COUNT];
    for (int64_t first = 0; first < n;) {
        int64_t last = first;
        while (last < n && strcmp(seats[last].key, seats[first].key) == 0) last++;
        share_out(share, last - first, due, given, count);
        for (int p = 0; p < ONUS_PART_COUNT; p++) {
            for (int64_t i = 0; i < count[p]; i++) part_of[seats[first++].row] = (int8_t)p;
        }
    }
}

static onus_status list_parts(onus_dataset *d, const int8_t *part_of, onus_err *err)
{
    const double wanted[] = {d->spec->train, d->spec->valid,
                             d->spec->test_source ? 1 : d->spec->test};
    for (int p = 0; p < ONUS_PART_COUNT; p++) {
        d->part[p] = onus_arena_alloc(&d->arena, (size_t)d->n_rows + 1, sizeof **d->part);
        if (!d->part[p]) return onus_fail_mem(err, "data.split");
        for (int64_t r = 0; r < d->n_rows; r++) {
            if (part_of[r] == p) d->part[p][d->n_part[p]++] = r;
        }
        if (wanted[p] > 0 && d->n_part[p] == 0 && !d->given)
            return onus_fail(
                err, ONUS_BAD_INPUT,
                "%s:%d: data.split: the %s part would be empty: %lld row%s too few for a share "
                "of %g",
                d->spec->recipe ? d->spec->recipe : "data", d->spec->split_line,
                onus_part_names[p], (long long)d->n_rows, d->n_rows == 1 ? " is" : "s are",
                wanted[p]);
    }
    return ONUS_OK;
}

/* A label that has one class in training cannot be learned. Missing ones (below 0) are none. */
static onus_status check_label(const onus_dataset *d, int64_t l, onus_err *err)
{
    const int64_t *rows = d->part[ONUS_PART_TRAIN];
    float first = -1;
    for (int64_t i = 0; i < d->n_part[ONUS_PART_TRAIN]; i++) {
        const float y = d->y[rows[i] * d->n_labels + l];
        if (first >= 0 && y >= 0 && y != first) return ONUS_OK;
        first = first < 0 ? y : first;
    }
    if (first < 0)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s:%d: data.split: label '%.80s' is missing in every row of the "
                         "training part",
                         d->spec->recipe ? d->spec->recipe : "data", d->spec->split_line,
                         d->labels[l]);
    return onus_fail(
        err, ONUS_BAD_INPUT,
        "%s:%d: data.split: the training part has one class only ('%.80s')%s%.80s; stratify "
        "by the label",
        d->spec->recipe ? d->spec->recipe : "data", d->spec->split_line,
        d->classes[l * d->n_classes + (int64_t)first], d->n_labels > 1 ? " of " : "",
        d->n_labels > 1 ? d->labels[l] : "");
}

static onus_status check_train(const onus_dataset *d, onus_err *err)
{
    onus_status st = ONUS_OK;
    if (d->task == ONUS_TASK_REGRESSION || d->task == ONUS_TASK_TOKENS) return ONUS_OK;
    for (int64_t l = 0; st == ONUS_OK && l < d->n_labels; l++) st = check_label(d, l, err);
    return st;
}

onus_status onus_split_rows(onus_dataset *d, uint64_t seed, onus_err *err)
{
    onus_status st = ONUS_OK;
    int64_t cols[STRATIFY_MAX] = {0}, n = 0;
    onus_buf text;
    onus_buf_init(&text, d->mem, 64 << 20);
    int8_t *part_of = onus_alloc(d->mem, (size_t)d->n_rows + 1, 1);
    seat *seats = onus_alloc(d->mem, (size_t)d->n_rows + 1, sizeof *seats);
    if (!part_of || !seats) {
        st = onus_fail_mem(err, "data.split");
        goto done;
    }
    /* all, for a given encoder; those of csv[1], else */
    memset(part_of, ONUS_PART_TEST, (size_t)d->n_rows);
    if (!d->given) {
        const onus_stream stream = {.seed = seed, .purpose = ONUS_DRAW_SPLIT};
        ONUS_TRY(stratum_columns(d, cols, err));
        for (int64_t r = 0; r < d->n_rows; r++) {
            if (d->raw && d->raw[r] >= d->csv[0].n_rows) continue;
            seats[n].row = r;
            seats[n].draw = onus_stream_draw64(&stream, (uint64_t)r);
            ONUS_TRY(stratum_key(d, cols, r, &text, &seats[n].key, err));
            n++;
        }
        qsort(seats, (size_t)n, sizeof *seats, by_seat);
        cut(d, seats, n, part_of);
    }
    ONUS_TRY(list_parts(d, part_of, err));
    if (!d->given) ONUS_TRY(check_train(d, err));
done:
    onus_buf_release(&text);
    onus_free(d->mem, part_of);
    onus_free(d->mem, seats);
    return st;
}
