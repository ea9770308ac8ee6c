/* SPDX-License-Identifier: Apache-2.0
 * predict.c - a net on rows of a dataset, a chunk at a time. A row's outputs are functions of
 * that row alone (vectors run over outputs, never over rows), so the chunk changes no bit. */
#include <string.h>

#include "base/fail.h"
#include "base/fp.h"
#include "train/train.h"

enum { CHUNK = 256 };

typedef struct {
    const onus_dataset *data;
    const int64_t *rows;
    int64_t n;
    float *x;
} fetch_job;

static void fetch_part(void *ctx, int part, int n_parts)
{
    const fetch_job *j = ctx;
    int64_t begin, end;
    onus_split(j->n, 1, part, n_parts, &begin, &end);
    onus_dataset_fetch(j->data, j->rows + begin, end - begin,
                       j->x + begin * onus_dataset_features(j->data), NULL, NULL);
}

onus_status onus_predict(onus_net *net, const onus_exec *ex, const onus_dataset *data,
                         const int64_t *rows, int64_t n, float *out, const onus_allocator *mem,
                         onus_err *err)
{
    onus_plan *plan = NULL;
    const int64_t width = onus_net_outputs(net);
    if (n < 0 || onus_dataset_features(data) != onus_net_inputs(net))
        return onus_fail(
            err, ONUS_BAD_ARG, "predict: rows have %lld features, the net reads %lld",
            (long long)onus_dataset_features(data), (long long)onus_net_inputs(net));
    if (n == 0) return ONUS_OK;
    onus_fp_set();
    onus_status st =
        onus_plan_create(&plan, net, ex, ONUS_PLAN_PREDICT, n < CHUNK ? n : CHUNK, mem, err);
    for (int64_t i = 0; st == ONUS_OK && i < n; i += CHUNK) {
        fetch_job j = {.data = data,
                       .rows = rows + i,
                       .n = n - i < CHUNK ? n - i : CHUNK,
                       .x = onus_plan_input(plan)};
        const onus_batch b = {.B = j.n};
        onus_pool_run(ex->pool, fetch_part, &j);
        onus_plan_forward(plan, &b);
        memcpy(out + i * width, onus_plan_prediction(plan),
               (size_t)(j.n * width) * sizeof *out);
    }
    onus_plan_destroy(plan);
    return st;
}
