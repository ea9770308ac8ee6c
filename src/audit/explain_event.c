/* SPDX-License-Identifier: Apache-2.0
 * explain_event.c - which rows are explained, and what the ledger says of an explanation: means
 * over rows and a hash of the values of single people, never the values. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/explain.h"
#include "base/fail.h"
#include "base/hash.h"
#include "num/philox.h"

onus_status onus_explain_choose(const onus_dataset *d, onus_part part, int64_t n, uint64_t seed,
                                uint32_t node, int64_t *out, int64_t *n_out,
                                const onus_allocator *mem, onus_err *err)
{
    int64_t have = 0;
    const int64_t *rows = onus_dataset_part(d, part, &have);
    onus_status st = ONUS_OK;
    int64_t *idx = onus_alloc(mem, (size_t)have + 1, sizeof *idx);
    void *tmp = onus_alloc(mem, ONUS_SHUFFLE_TMP_BYTES((size_t)have + 1), 1);
    if (!idx || !tmp) {
        st = onus_fail_mem(err, "explain");
        goto done;
    }
    const onus_stream stream = {
        .seed = seed, .step = 0, .node = node, .purpose = ONUS_DRAW_EXPLAIN};
    for (int64_t i = 0; i < have; i++) idx[i] = i;
    onus_stream_shuffle(&stream, idx, have, tmp);
    const int64_t k = n < have ? n : have;
    bool *taken = tmp;
    memset(taken, 0, (size_t)have);
    for (int64_t i = 0; i < k; i++) taken[idx[i]] = true;
    *n_out = 0;
    for (int64_t i = 0; i < have; i++) {
        if (taken[i]) out[(*n_out)++] = rows[i];
    }
done:
    onus_free(mem, idx);
    onus_free(mem, tmp);
    return st;
}

int64_t onus_explain_count(const onus_dataset *d)
{
    return onus_dataset_task(d) == ONUS_TASK_LABELS ? onus_dataset_labels(d) : 1;
}

/* What was explained. */
static void add_output(onus_event_builder *b, const onus_dataset *d, int64_t output)
{
    char text[512] = "predicted value";
    const onus_task task = onus_dataset_task(d);
    if (task == ONUS_TASK_CLASSES && output < 0)
        snprintf(text, sizeof text, "probability of the decided class");
    else if (task != ONUS_TASK_REGRESSION)
        snprintf(text, sizeof text, "probability of %.400s",
                 task == ONUS_TASK_LABELS
                     ? onus_dataset_label_name(d, output)
                     : onus_dataset_class_name(d, task == ONUS_TASK_BINARY ? 1 : output));
    onus_event_text(b, text, "explain.of");
}

typedef struct {
    double size;
    int64_t column;
} ranked;

static int by_size(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    return (x->column > y->column) - (x->column < y->column);
}

onus_status onus_explain_order(const double *weight, int64_t n, int64_t *order,
                               const onus_allocator *mem, onus_err *err)
{
    ranked *list = onus_alloc(mem, (size_t)n, sizeof *list);
    if (!list) return onus_fail_mem(err, "explain");
    for (int64_t i = 0; i < n; i++) {
        const double size = fabs(weight[i]);
        list[i] = (ranked){.size = size == size ? size : INFINITY, .column = i};
    }
    qsort(list, (size_t)n, sizeof *list, by_size);
    for (int64_t i = 0; i < n; i++) order[i] = list[i].column;
    onus_free(mem, list);
    return ONUS_OK;
}

static onus_status add_columns(onus_event_builder *b, const onus_explanation *e,
                               const onus_dataset *d, const int64_t *order, onus_arena *arena,
                               onus_err *err)
{
    enum { COLUMNS_SHOWN = 64 };
    const char **names = onus_arena_alloc(arena, (size_t)e->n_columns + 1, sizeof *names);
    const char **prot = onus_arena_alloc(arena, (size_t)e->n_columns + 1, sizeof *prot);
    if (!names || !prot) return onus_fail_mem(err, "explain");
    int64_t n = 0, n_protected = 0;
    for (int64_t k = 0; k < e->n_columns && n < COLUMNS_SHOWN; k++) {
        const onus_input_column *c = onus_dataset_column(d, order[k]);
        char part[512];
        onus_status st = onus_name_part(part, sizeof part, c->name, err);
        if (st != ONUS_OK) return st;
        names[n++] = c->name;
        if (c->is_protected) prot[n_protected++] = c->name;
        onus_event_real(b, e->mean_abs[order[k]], "explain.%s.mean_abs", part);
        onus_event_real(b, e->mean_abs_se[order[k]], "explain.%s.mean_abs.se", part);
    }
    onus_event_texts(b, names, n, "explain.columns");
    onus_event_texts(b, prot, n_protected, "explain.protected");
    return ONUS_OK;
}

/* "label.NAME." of one of several labels, else "". */
static onus_status prefix_of(const onus_explanation *e, const onus_dataset *d, char out[600],
                             onus_err *err)
{
    char part[512];
    out[0] = '\0';
    if (onus_dataset_task(d) != ONUS_TASK_LABELS) return ONUS_OK;
    onus_status st =
        onus_name_part(part, sizeof part, onus_dataset_label_name(d, e->output), err);
    if (st == ONUS_OK) snprintf(out, 600, "label.%s.", part);
    return st;
}

onus_status onus_explanation_emit(const onus_explanation *e, const onus_dataset *d,
                                  const onus_sink *sink, onus_err *err)
{
    onus_status st = ONUS_OK;
    uint8_t sha[32];
    char prefix[600];
    onus_arena arena;
    onus_event_builder b;
    onus_arena_init(&arena, e->arena.mem);
    onus_event_init(&b, e->arena.mem);
    const double pairs = e->pairs_exact + e->pairs_sampled;
    int64_t *order = onus_arena_alloc(&arena, (size_t)e->n_columns + 1, sizeof *order);
    if (!order) {
        st = onus_fail_mem(err, "explain");
        goto done;
    }
    ONUS_TRY(prefix_of(e, d, prefix, err));
    onus_event_within(&b, prefix);
    ONUS_TRY(onus_explain_order(e->mean_abs, e->n_columns, order, e->arena.mem, err));
    onus_sha256_of(e->values, (size_t)(e->n_rows * e->n_columns) * sizeof *e->values, sha);
    double worst = 0;
    for (int64_t i = 0; i < e->n_rows * e->n_columns && !isnan(worst); i++) {
        if (!(e->std_error[i] <= worst)) worst = e->std_error[i];
    }
    onus_event_begin(&b, "explain");
    onus_event_text(&b,
                    e->pairs_sampled == 0
                        ? "shapley, exact"
                        : "shapley, paired permutations above the exact limit",
                    "explain.method");
    add_output(&b, d, e->output);
    onus_event_int(&b, e->n_rows, "explain.rows");
    onus_event_int(&b, e->n_background, "explain.background");
    onus_event_real(&b, e->residual, "explain.residual");
    onus_event_real(&b, pairs > 0 ? e->pairs_exact / pairs : 1, "explain.exact");
    onus_event_real(&b, worst, "explain.std_error.max");
    onus_event_real(&b, e->evaluations, "explain.evaluations");
    onus_event_real(&b, e->columns_differing_mean, "explain.columns_differing");
    onus_event_sha256(&b, sha, "explain.values.sha256");
    ONUS_TRY(add_columns(&b, e, d, order, &arena, err));
    ONUS_TRY(onus_event_emit(&b, sink, err));
done:
    onus_event_release(&b);
    onus_arena_release(&arena);
    return st;
}
