/* SPDX-License-Identifier: Apache-2.0
 * predict.c - a net on rows of a dataset, a chunk at a time. A row's outputs are functions of
 * that row alone (vectors run over outputs, never over rows), so the chunk changes no bit. */
#include <string.h>

#include "base/fail.h"
#include "base/fp.h"
#include "num/vec.h"
#include "train/trainer.h"

enum { CHUNK = 256 };

typedef struct {
    const onus_dataset *data;
    const int64_t *rows;
    int64_t n;
    float *x, *y; /* y NULL: not asked for */
} fetch_job;

static void fetch_part(void *ctx, int part, int n_parts)
{
    const fetch_job *j = ctx;
    int64_t begin, end;
    onus_split(j->n, 1, part, n_parts, &begin, &end);
    onus_dataset_examples(j->data, 0, 0, j->rows + begin, end - begin,
                          j->x + begin * onus_dataset_features(j->data),
                          j->y ? j->y + begin * onus_dataset_labels(j->data) : NULL);
}

onus_status onus_rows_fit(const onus_net *net, const onus_dataset *data, const char *what,
                          onus_err *err)
{
    const long long mine = onus_net_vocabulary(net), theirs = onus_dataset_vocabulary(data);
    if (onus_dataset_features(data) != onus_net_inputs(net))
        return onus_fail(err, ONUS_BAD_ARG, "%s: rows have %lld %s, the net reads %lld", what,
                         (long long)onus_dataset_features(data), theirs ? "tokens" : "features",
                         (long long)onus_net_inputs(net));
    if (theirs == mine) return ONUS_OK;
    if (theirs == 0 || mine == 0)
        return onus_fail(err, ONUS_BAD_ARG, "%s: rows hold %s, the net reads %s", what,
                         theirs ? "tokens" : "numbers", mine ? "tokens" : "numbers");
    return onus_fail(err, ONUS_BAD_ARG,
                     "%s: rows hold tokens of a vocabulary of %lld, the net's has %lld", what,
                     theirs, mine);
}

onus_status onus_predict(onus_net *net, const onus_exec *ex, const onus_dataset *data,
                         const int64_t *rows, int64_t n, float *out, const onus_allocator *mem,
                         onus_err *err)
{
    onus_plan *plan = NULL;
    const int64_t width = onus_net_outputs(net);
    if (n < 0) return onus_fail(err, ONUS_BAD_ARG, "predict: %lld rows", (long long)n);
    onus_status st = onus_rows_fit(net, data, "predict", err);
    if (st != ONUS_OK || n == 0) return st;
    onus_fp_set();
    st = onus_plan_create(&plan, net, ex, ONUS_PLAN_PREDICT, n < CHUNK ? n : CHUNK, mem, err);
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

/* Position k's likeliest token, the first of equals. */
static int64_t likeliest(const float *logit, int64_t n)
{
    int64_t best = 0;
    for (int64_t c = 1; c < n; c++)
        if (logit[c] > logit[best]) best = c;
    return best;
}

/* One row: L labels, their losses, V logits each. */
static void score_row(const onus_net *net, const float *label, const float *loss,
                      const float *logit, double *sum, double *tokens, double *right)
{
    const int64_t L = onus_net_labels(net), V = onus_net_logits(net) / L;
    onus_lanes lanes = {.n = 0};
    *tokens = *right = 0;
    for (int64_t k = 0; k < L; k++) {
        if (!onus_net_label_count(net, label + k, 1)) continue;
        onus_lanes_add(&lanes, (double)loss[k]);
        *tokens += 1;
        *right += likeliest(logit + k * V, V) == (int64_t)label[k];
    }
    *sum = onus_fold16(lanes.lane);
}

onus_status onus_predict_tokens(onus_net *net, const onus_exec *ex, const onus_dataset *data,
                                const int64_t *rows, int64_t n, double *loss, double *tokens,
                                double *right, const onus_allocator *mem, onus_err *err)
{
    onus_plan *plan = NULL;
    const int64_t L = onus_net_labels(net), Z = onus_net_logits(net);
    const int64_t chunk = onus_net_cut(net, n);
    onus_status st = onus_rows_fit(net, data, "predict", err);
    if (st == ONUS_OK && onus_dataset_labels(data) != L)
        st = onus_fail(err, ONUS_BAD_ARG, "predict: rows have %lld labels, the net %lld",
                       (long long)onus_dataset_labels(data), (long long)L);
    if (st != ONUS_OK || n == 0) return st;
    onus_fp_set();
    float *label = onus_alloc(mem, (size_t)(chunk * L), sizeof *label);
    st = label ? ONUS_OK : onus_fail_mem(err, "predict");
    if (st == ONUS_OK) st = onus_plan_create(&plan, net, ex, ONUS_PLAN_TRAIN, chunk, mem, err);
    for (int64_t i = 0; st == ONUS_OK && i < n; i += chunk) {
        fetch_job j = {.data = data,
                       .rows = rows + i,
                       .n = n - i < chunk ? n - i : chunk,
                       .x = onus_plan_input(plan),
                       .y = label};
        const onus_batch b = {.B = j.n, .label = label, .loss_scale = 1.0f};
        onus_pool_run(ex->pool, fetch_part, &j);
        onus_plan_forward(plan, &b);
        for (int64_t k = 0; k < j.n; k++)
            score_row(net, label + k * L, onus_plan_losses(plan) + k * L,
                      onus_plan_logits(plan) + k * Z, &loss[i + k], &tokens[i + k],
                      &right[i + k]);
    }
    onus_plan_destroy(plan);
    onus_free(mem, label);
    return st;
}
