/* SPDX-License-Identifier: Apache-2.0
 * explain_relevance.c - relevance of columns, pixels or tokens (net/relevance.h), and what it
 * leaves over.
 *
 * Of columns and pixels: the mean over references, which are the background rows, so that a
 * row's shares add up to its score less the background's mean score, as its Shapley values do
 * (of a linear model they are the same numbers). Of texts: one reference, the same text with
 * embeddings of zero.
 *
 * A row is one thread's, references in order: same bits for any number of threads. */
#include <math.h>
#include <string.h>

#include "audit/explain_parts.h"
#include "base/fail.h"
#include "net/relevance.h"
#include "num/vec.h"

enum { PAIRS_MAX = 8 }; /* a row and a reference each, at once */

typedef struct {
    onus_net *net;
    const onus_dataset *d;
    const onus_explain_spec *spec;
    bool text;
    int64_t n_columns, features, N; /* N: references */
    int64_t pairs;                  /* at once, at most */
    const float *x;                 /* (n_rows, features) */
    const float *b;                 /* (N, features); texts: (n_rows, features) */
    onus_explain_room room;
} shared;

typedef struct {
    onus_relevance *net;
    onus_exec ex;
    double *share;  /* (pairs, features) */
    double *sum;    /* (features) over references */
    double *score0; /* (N) */
} worker;

onus_share_of onus_explain_share_of(const onus_dataset *d)
{
    return onus_dataset_task(d) == ONUS_TASK_REGRESSION ? ONUS_SHARE_PREDICTION
                                                        : ONUS_SHARE_LOGITS;
}

/* Row i against references [j, j + n); adds their shares to w->sum. */
static void share_some(const shared *s, worker *w, int64_t i, int64_t j, int64_t n)
{
    const size_t bytes = (size_t)s->features * sizeof(float);
    const int64_t O = onus_relevance_outputs(w->net);
    int32_t output[PAIRS_MAX] = {0};
    for (int64_t k = 0; k < n; k++)
        memcpy(onus_relevance_input(w->net) + k * s->features, s->x + i * s->features, bytes);
    memcpy(onus_relevance_reference(w->net), s->b + (s->text ? i : j) * s->features,
           (size_t)n * bytes);
    onus_relevance_forward(w->net, n);
    const float *score = onus_relevance_scores(w->net),
                *score0 = onus_relevance_reference_scores(w->net);
    for (int64_t k = 0; k < n; k++) {
        output[k] = onus_explain_output(score + k * O, O, s->spec->output);
        w->score0[j + k] = (double)score0[k * O + output[k]];
    }
    s->room.score[i] = (double)score[output[0]];
    onus_relevance_backward(w->net, output, w->share);
    for (int64_t k = 0; k < n; k++)
        for (int64_t f = 0; f < s->features; f++)
            w->sum[f] = w->sum[f] + w->share[k * s->features + f];
}

static void explain_row(const void *ctx, void *room, int64_t i)
{
    const shared *s = ctx;
    worker *w = room;
    memset(w->sum, 0, (size_t)s->features * sizeof *w->sum);
    for (int64_t j = 0; j < s->N; j += s->pairs)
        share_some(s, w, i, j, s->N - j < s->pairs ? s->N - j : s->pairs);
    s->room.base[i] = onus_sum64(w->score0, s->N) / (double)s->N;
    for (int64_t c = 0; c < s->n_columns; c++) {
        const onus_input_column *column = s->text ? NULL : onus_dataset_column(s->d, c);
        const int64_t first = column ? column->first : c, n = column ? column->n : 1;
        s->room.values[i * s->n_columns + c] = onus_sum64(w->sum + first, n) / (double)s->N;
    }
}

static onus_status open_worker(const void *ctx, const onus_exec *ex, void *room, onus_arena *a,
                               onus_err *err)
{
    const shared *s = ctx;
    worker *w = room;
    w->ex = *ex;
    const onus_status st = onus_relevance_create(&w->net, s->net, onus_explain_share_of(s->d),
                                                 &w->ex, s->pairs, a->mem, err);
    if (st != ONUS_OK) return st;
    w->share = onus_arena_alloc(a, (size_t)(s->pairs * s->features), sizeof *w->share);
    w->sum = onus_arena_alloc(a, (size_t)s->features, sizeof *w->sum);
    w->score0 = onus_arena_alloc(a, (size_t)s->N, sizeof *w->score0);
    if (!w->share || !w->sum || !w->score0) return onus_fail_mem(err, "explain");
    if (s->spec->output >= onus_relevance_outputs(w->net))
        return onus_fail(err, ONUS_BAD_ARG, "explain: output %lld, the model has %lld",
                         (long long)s->spec->output, (long long)onus_relevance_outputs(w->net));
    return ONUS_OK;
}

static void close_worker(void *ctx, void *room)
{
    (void)ctx;
    onus_relevance_destroy(((worker *)room)->net);
}

static onus_status fetch(shared *s, onus_explanation *out, const int64_t *background,
                         onus_arena *a, onus_err *err)
{
    float *x = onus_arena_alloc(&out->arena, (size_t)(out->n_rows * s->features), sizeof *x);
    const int64_t n = (s->text ? out->n_rows : s->N) * s->features;
    float *b = onus_arena_alloc(a, (size_t)n, sizeof *b);
    if (!x || !b) return onus_fail_mem(err, "explain");
    onus_dataset_fetch(s->d, out->rows, out->n_rows, x, NULL, NULL);
    if (!s->text) onus_dataset_fetch(s->d, background, s->N, b, NULL, NULL);
    for (int64_t i = 0; s->text && i < n; i++)
        b[i] = onus_explain_is_frame(s->d, x[i]) ? x[i] : -1.0f;
    s->x = x;
    s->b = b;
    out->tokens = s->text ? x : NULL;
    return ONUS_OK;
}

onus_status onus_explain_relevance(onus_explanation *out, onus_net *net, const onus_exec *ex,
                                   const onus_dataset *d, const int64_t *rows, int64_t n_rows,
                                   const int64_t *background, int64_t n_background,
                                   const onus_explain_spec *spec, const onus_allocator *mem,
                                   onus_err *err)
{
    onus_status st = ONUS_OK;
    const bool text = onus_dataset_vocabulary(d) > 0;
    if (n_rows < 1 || (!text && n_background < 1))
        return onus_fail(err, ONUS_BAD_ARG, "explain: no rows or no background rows");
    onus_arena arena;
    onus_arena_init(&arena, mem);
    shared s = {.net = net,
                .d = d,
                .spec = spec,
                .text = text,
                .features = onus_dataset_features(d),
                .N = text ? 1 : n_background};
    s.pairs = s.N < PAIRS_MAX ? s.N : PAIRS_MAX;
    s.n_columns = text ? s.features : onus_dataset_columns(d);
    static const onus_explain_way way = {sizeof(worker), open_worker, explain_row,
                                         close_worker};
    ONUS_TRY(onus_explain_start(out, rows, n_rows, s.n_columns, &s.room, mem, err));
    ONUS_TRY(fetch(&s, out, background, &arena, err));
    ONUS_TRY(onus_explain_rows(&way, &s, ex, n_rows, mem, err));
    onus_explain_means(out);
    out->relevance = true;
    out->n_background = text ? 0 : n_background;
    out->output = spec->output;
    out->evaluations = (double)(n_rows * s.N);
done:
    onus_arena_release(&arena);
    if (st != ONUS_OK) onus_explanation_release(out);
    return st;
}
