/* SPDX-License-Identifier: Apache-2.0
 * explain_parts.c - what the ways of explaining share: room, rows over threads, means. */
#include "audit/explain_parts.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/fail.h"
#include "num/vec.h"

onus_status onus_explain_start(onus_explanation *out, const int64_t *rows, int64_t n_rows,
                               int64_t n_columns, onus_explain_room *room,
                               const onus_allocator *mem, onus_err *err)
{
    const size_t cells = (size_t)(n_rows * n_columns);
    *out = (onus_explanation){.n_rows = n_rows, .n_columns = n_columns};
    onus_arena_init(&out->arena, mem);
    onus_arena *a = &out->arena;
    int64_t *kept = onus_arena_alloc(a, (size_t)n_rows + 1, sizeof *kept);
    room->values = onus_arena_alloc(a, cells + 1, sizeof *room->values);
    room->std_error = onus_arena_alloc(a, cells + 1, sizeof *room->std_error);
    room->score = onus_arena_alloc(a, (size_t)n_rows + 1, sizeof *room->score);
    room->base = onus_arena_alloc(a, (size_t)n_rows + 1, sizeof *room->base);
    out->mean_abs = onus_arena_alloc(a, (size_t)n_columns + 1, sizeof *out->mean_abs);
    out->mean_abs_se = onus_arena_alloc(a, (size_t)n_columns + 1, sizeof *out->mean_abs_se);
    if (!kept || !room->values || !room->std_error || !room->score || !room->base ||
        !out->mean_abs || !out->mean_abs_se)
        return onus_fail_mem(err, "explain");
    memcpy(kept, rows, (size_t)n_rows * sizeof *kept);
    out->rows = kept;
    out->values = room->values;
    out->std_error = room->std_error;
    out->score = room->score;
    out->base = room->base;
    return ONUS_OK;
}

int32_t onus_explain_output(const float *score, int64_t n, int64_t wanted)
{
    int64_t best = 0;
    for (int64_t o = 1; o < n; o++) best = score[o] > score[best] ? o : best;
    return (int32_t)(wanted >= 0 ? wanted : best);
}

typedef struct {
    const onus_explain_way *way;
    const void *s;
    char *workers;
    int64_t n_rows;
    atomic_llong next; /* row */
} job;

static void explain_part(void *ctx, int part, int n_parts)
{
    job *j = ctx;
    (void)n_parts;
    void *worker = j->workers + (size_t)part * j->way->bytes;
    for (int64_t i; (i = atomic_fetch_add(&j->next, 1)) < j->n_rows;)
        j->way->row(j->s, worker, i);
}

onus_status onus_explain_rows(const onus_explain_way *way, void *s, const onus_exec *ex,
                              int64_t n_rows, const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    const int n = onus_pool_size(ex->pool);
    const onus_exec alone = {.k = ex->k};
    int opened = 0;
    onus_arena arena;
    onus_arena_init(&arena, mem);
    char *workers = onus_arena_alloc(&arena, (size_t)n, way->bytes);
    if (!workers) {
        st = onus_fail_mem(err, "explain");
        goto done;
    }
    while (opened < n) {
        void *worker = workers + (size_t)opened++ * way->bytes;
        ONUS_TRY(way->open(s, &alone, worker, &arena, err));
    }
    job j = {.way = way, .s = s, .workers = workers, .n_rows = n_rows};
    onus_pool_run(ex->pool, explain_part, &j);
done:
    for (int k = 0; k < opened; k++) way->close(s, workers + (size_t)k * way->bytes);
    onus_arena_release(&arena);
    return st;
}

void onus_explain_means(onus_explanation *e)
{
    const int64_t n = e->n_rows, C = e->n_columns;
    for (int64_t c = 0; c < C; c++) {
        double sum[16] = {0}, square[16] = {0}; /* contract, item 4 */
        for (int64_t i = 0; i < n; i++) sum[i % 16] = sum[i % 16] + fabs(e->values[i * C + c]);
        const double mean = onus_fold16(sum) / (double)n;
        for (int64_t i = 0; i < n; i++) {
            const double off = fabs(e->values[i * C + c]) - mean;
            square[i % 16] = fma(off, off, square[i % 16]);
        }
        const double var = n > 1 ? onus_fold16(square) / (double)(n - 1) : 0;
        e->mean_abs[c] = mean;
        e->mean_abs_se[c] = var > 0 ? sqrt(var / (double)n) : 0;
    }
    for (int64_t i = 0; i < n; i++) {
        const double gap = fabs(onus_sum64(e->values + i * C, C) - (e->score[i] - e->base[i]));
        /* one that is no number stays */
        if (e->residual == e->residual && !(gap <= e->residual)) e->residual = gap;
    }
}
