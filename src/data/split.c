/* SPDX-License-Identifier: Apache-2.0
 * split.c - train, valid, test: strata in the order of their texts, rows of a stratum in the
 * order of their draws (ONUS_DRAW_SPLIT by row), parts cut by cumulative rounding, so that
 * totals are exact and no stratum is off by more than one row. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/parts.h"
#include "num/philox.h"

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
    for (int64_t k = 0; k < s->n_stratify; k++) {
        cols[k] = -1;
        for (int64_t c = 0; c < d->n_cols; c++) {
            if (strcmp(d->cols[c].name, s->stratify[k]) == 0) cols[k] = c;
        }
        if (cols[k] < 0)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s:%d: data.split.stratify: '%.80s' is no column of %s",
                             s->recipe, s->line, s->stratify[k], d->csv[0].path);
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
    *out = text->len ? onus_arena_strdup(&d->arena, text->data) : "";
    return *out && text->st == ONUS_OK ? ONUS_OK : onus_fail_mem(err, "data.split");
}

/* Which of csv[0]'s rows go where: share of train, then of train and valid, of what has been
 * seated so far. */
static void cut(onus_dataset *d, const seat *seats, int64_t n, int8_t *part_of)
{
    const double train = d->spec->train, valid = d->spec->train + d->spec->valid;
    int64_t n_train = 0, n_valid = 0;
    for (int64_t first = 0; first < n;) {
        int64_t last = first;
        while (last < n && strcmp(seats[last].key, seats[first].key) == 0) last++;
        const int64_t to_train = (int64_t)floor(train * (double)last + 0.5) - n_train;
        const int64_t to_valid =
            (int64_t)floor(valid * (double)last + 0.5) - n_train - to_train - n_valid;
        for (int64_t i = first; i < last; i++)
            part_of[seats[i].row] = i - first < to_train              ? ONUS_PART_TRAIN
                                    : i - first < to_train + to_valid ? ONUS_PART_VALID
                                                                      : ONUS_PART_TEST;
        n_train += to_train;
        n_valid += to_valid;
        first = last;
    }
}

static onus_status list_parts(onus_dataset *d, const int8_t *part_of, onus_err *err)
{
    static const char *const names[] = {"train", "valid", "test"};
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
                "%s: the %s part would be empty: %lld rows are too few for a share of %g",
                d->spec->recipe ? d->spec->recipe : "data", names[p], (long long)d->n_rows,
                wanted[p]);
    }
    return ONUS_OK;
}

/* A label that has one class in training cannot be learned. */
static onus_status check_train(const onus_dataset *d, onus_err *err)
{
    const int64_t *rows = d->part[ONUS_PART_TRAIN];
    for (int64_t i = 1; d->task != ONUS_TASK_REGRESSION && i < d->n_part[ONUS_PART_TRAIN];
         i++) {
        if (d->y[rows[i]] != d->y[rows[0]]) return ONUS_OK;
    }
    if (d->task == ONUS_TASK_REGRESSION) return ONUS_OK;
    return onus_fail(err, ONUS_BAD_INPUT,
                     "%s: the training part has one class only ('%s'); stratify by the label",
                     d->spec->recipe, d->classes[(int64_t)d->y[rows[0]]]);
}

onus_status onus_split_rows(onus_dataset *d, uint64_t seed, onus_err *err)
{
    onus_status st = ONUS_OK;
    int64_t cols[64] = {0}, n = 0;
    onus_buf text;
    onus_buf_init(&text, d->mem, 1 << 20);
    int8_t *part_of = onus_alloc(d->mem, (size_t)d->n_rows + 1, 1);
    seat *seats = onus_alloc(d->mem, (size_t)d->n_rows + 1, sizeof *seats);
    if (!part_of || !seats || d->spec->n_stratify > 64) {
        st = onus_fail_mem(err, "data.split");
        goto done;
    }
    memset(part_of, ONUS_PART_TEST,
           (size_t)d->n_rows); /* all, for a given encoder; those of csv[1], else */
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
