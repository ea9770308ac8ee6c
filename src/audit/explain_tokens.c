/* SPDX-License-Identifier: Apache-2.0
 * explain_tokens.c - Shapley values of a text's tokens: v(S) is the score of the text that has
 * only the tokens of S, in their order, closed up. What stands around every text ("[CLS]")
 * stays and is no player.
 *
 * Why closed up, and not masked: a model that was not pre-trained has never seen "[MASK]", and
 * one row in ten has an unknown word; but every model of texts reads shorter ones. v of nobody
 * is the score of the empty text. That the rest moves up is part of the game: a place is worth
 * something to who stands there.
 *
 * Up to `exact_columns` tokens all coalitions are scored, above that pairs of a permutation and
 * its reverse are walked, as for columns (explain.c). A text is one thread's. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "audit/explain_parts.h"
#include "base/fail.h"
#include "num/philox.h"

enum { CHUNK = 64, EXACT_MAX = 16 };

typedef struct {
    onus_net *net;
    const onus_explain_spec *spec;
    uint64_t seed;
    int64_t T, outputs;
    const float *tokens; /* (n_rows, T) */
    const onus_dataset *d;
    onus_explanation *out;
    onus_explain_room room;
    double players; /* of all texts; written when workers are closed */
} shared;

typedef struct {
    onus_plan *plan;
    onus_exec ex;
    int64_t *player; /* (T) places of tokens that are players */
    int64_t *order;  /* (T) */
    bool *in;        /* (T) by place: stays in the text */
    int64_t filled;  /* rows that wait in the plan */
    int64_t scored;  /* numbers in score */
    double *score;   /* of coalitions, or of a pair of walks */
    double *gain, *sum, *square;
    void *tmp;
    int32_t output; /* which one is explained */
    double exact, sampled, evaluations, players;
} worker;

bool onus_explain_is_frame(const onus_dataset *d, float token)
{
    const onus_tokenizer *t = onus_dataset_tokenizer(d);
    const int64_t id = (int64_t)token;
    return t && token >= 0 && onus_tokenizer_is_special(t, id) &&
           id != onus_tokenizer_id(t, "[UNK]");
}

/* Scores what waits. */
static void flush(const shared *s, worker *w)
{
    const onus_batch batch = {.B = w->filled};
    if (w->filled == 0) return;
    onus_plan_forward(w->plan, &batch);
    const float *p = onus_plan_prediction(w->plan);
    for (int64_t k = 0; k < w->filled; k++)
        w->score[w->scored++] = (double)p[k * s->outputs + w->output];
    w->evaluations += (double)w->filled;
    w->filled = 0;
}

/* Puts the text of the places that are in into the plan; its score will be the next one. */
static void ask(const shared *s, worker *w, const float *text)
{
    float *x = onus_plan_input(w->plan) + w->filled * s->T;
    int64_t n = 0;
    for (int64_t t = 0; t < s->T; t++)
        if (text[t] >= 0 && w->in[t]) x[n++] = text[t];
    while (n < s->T) x[n++] = -1.0f;
    if (++w->filled == CHUNK) flush(s, w);
}

/* Players of a text; all others stay in it. */
static int64_t find_players(const shared *s, worker *w, const float *text)
{
    int64_t d = 0;
    for (int64_t t = 0; t < s->T; t++) {
        w->in[t] = true;
        if (text[t] >= 0 && !onus_explain_is_frame(s->d, text[t])) w->player[d++] = t;
    }
    return d;
}

static void all_in(worker *w, int64_t d, bool in)
{
    for (int64_t k = 0; k < d; k++) w->in[w->player[k]] = in;
}

/* Every coalition, bit k = player k: a player's value is the sum over coalitions without it of
 * k! (d - k - 1)! / d! times what it adds. */
static void solve(const shared *s, worker *w, const float *text, int64_t d, double *value)
{
    const int64_t n = (int64_t)1 << d;
    double weight[EXACT_MAX], choose = 1; /* binomial(d - 1, k) */
    for (int64_t k = 0; k < d; k++) {
        weight[k] = 1 / ((double)d * choose);
        choose = choose * (double)(d - 1 - k) / (double)(k + 1);
    }
    w->scored = 0;
    for (int64_t m = 0; m < n; m++) {
        for (int64_t k = 0; k < d; k++) w->in[w->player[k]] = m >> k & 1;
        ask(s, w, text);
    }
    flush(s, w);
    for (int64_t k = 0; k < d; k++) {
        const int64_t bit = (int64_t)1 << k;
        double sum = 0;
        for (int64_t m = 0; m < n; m++)
            if (!(m & bit))
                sum = fma(weight[__builtin_popcountll((uint64_t)m)],
                          w->score[m | bit] - w->score[m], sum);
        value[w->player[k]] = sum;
    }
    w->exact += 1;
}

/* Adds what each player gains on a walk whose d - 1 scores in between are given. */
static void add_gains(worker *w, const double *score, int64_t d, bool reverse,
                      const double ends[2])
{
    double before = ends[0];
    for (int64_t k = 0; k < d; k++) {
        const double after = k + 1 < d ? score[k] : ends[1];
        w->gain[w->order[reverse ? d - 1 - k : k]] += after - before;
        before = after;
    }
}

static void ask_walk(const shared *s, worker *w, const float *text, int64_t d, bool reverse)
{
    all_in(w, d, false);
    for (int64_t k = 0; k + 1 < d; k++) {
        w->in[w->player[w->order[reverse ? d - 1 - k : k]]] = true;
        ask(s, w, text);
    }
}

/* Pairs of a permutation and its reverse: the mean is the estimate, their spread its error. */
static void sample(const shared *s, worker *w, const float *text, int64_t i, int64_t d,
                   const double ends[2], double *value, double *std_error)
{
    const int64_t n = s->spec->permutations;
    memset(w->sum, 0, (size_t)d * sizeof *w->sum);
    memset(w->square, 0, (size_t)d * sizeof *w->square);
    for (int64_t p = 0; p < n; p++) {
        const onus_stream stream = {.seed = s->seed,
                                    .step = (uint32_t)i,
                                    .node = (uint32_t)(2 + p),
                                    .purpose = ONUS_DRAW_EXPLAIN};
        for (int64_t k = 0; k < d; k++) w->order[k] = k;
        onus_stream_shuffle(&stream, w->order, d, w->tmp);
        w->scored = 0;
        ask_walk(s, w, text, d, false);
        ask_walk(s, w, text, d, true);
        flush(s, w);
        memset(w->gain, 0, (size_t)d * sizeof *w->gain);
        add_gains(w, w->score, d, false, ends);
        add_gains(w, w->score + d - 1, d, true, ends);
        for (int64_t k = 0; k < d; k++) {
            const double g = w->gain[k] / 2;
            w->sum[k] += g;
            w->square[k] = fma(g, g, w->square[k]);
        }
    }
    for (int64_t k = 0; k < d; k++) {
        const double mean = w->sum[k] / (double)n,
                     spread = w->square[k] - (double)n * mean * mean;
        value[w->player[k]] = mean;
        std_error[w->player[k]] =
            n > 1 ? sqrt((spread > 0 ? spread : 0) / ((double)(n - 1) * (double)n)) : NAN;
    }
    w->sampled += 1;
}

/* Scores of nobody and of everybody; the latter says which output is explained. */
static void score_ends(const shared *s, worker *w, const float *text, int64_t d, double ends[2])
{
    all_in(w, d, true);
    ask(s, w, text);
    all_in(w, d, false);
    ask(s, w, text);
    const onus_batch batch = {.B = 2};
    onus_plan_forward(w->plan, &batch);
    const float *p = onus_plan_prediction(w->plan);
    w->output = onus_explain_output(p, s->outputs, s->spec->output);
    ends[1] = (double)p[w->output];
    ends[0] = (double)p[s->outputs + w->output];
    w->filled = 0;
    w->evaluations += 2;
}

static void explain_text(const void *ctx, void *room, int64_t i)
{
    const shared *s = ctx;
    worker *w = room;
    const float *text = s->tokens + i * s->T;
    double ends[2], *value = s->room.values + i * s->T;
    const int64_t d = find_players(s, w, text);
    score_ends(s, w, text, d, ends);
    s->room.base[i] = ends[0];
    s->room.score[i] = ends[1];
    w->players += (double)d;
    if (d <= s->spec->exact_columns)
        solve(s, w, text, d, value);
    else
        sample(s, w, text, i, d, ends, value, s->room.std_error + i * s->T);
}

static onus_status open_worker(const void *ctx, const onus_exec *ex, void *room, onus_arena *a,
                               onus_err *err)
{
    const shared *s = ctx;
    worker *w = room;
    const size_t T = (size_t)s->T, exact = (size_t)1 << s->spec->exact_columns;
    w->ex = *ex;
    const onus_status st =
        onus_plan_create(&w->plan, s->net, &w->ex, ONUS_PLAN_PREDICT, CHUNK, a->mem, err);
    if (st != ONUS_OK) return st;
    w->player = onus_arena_alloc(a, T, sizeof *w->player);
    w->order = onus_arena_alloc(a, T, sizeof *w->order);
    w->in = onus_arena_alloc(a, T, sizeof *w->in);
    w->score = onus_arena_alloc(a, exact > 2 * T ? exact : 2 * T, sizeof *w->score);
    w->gain = onus_arena_alloc(a, T, sizeof *w->gain);
    w->sum = onus_arena_alloc(a, T, sizeof *w->sum);
    w->square = onus_arena_alloc(a, T, sizeof *w->square);
    w->tmp = onus_arena_alloc(a, ONUS_SHUFFLE_TMP_BYTES(T), 1);
    return w->player && w->order && w->in && w->score && w->gain && w->sum && w->square &&
                   w->tmp
               ? ONUS_OK
               : onus_fail_mem(err, "explain");
}

static void close_worker(void *ctx, void *room)
{
    shared *s = ctx;
    const worker *w = room;
    s->out->pairs_exact += w->exact;
    s->out->pairs_sampled += w->sampled;
    s->out->evaluations += w->evaluations;
    s->players += w->players;
    onus_plan_destroy(w->plan);
}

static onus_status check(const onus_explain_spec *spec, int64_t n_rows, int64_t outputs,
                         onus_err *err)
{
    if (n_rows < 1) return onus_fail(err, ONUS_BAD_ARG, "explain: no texts");
    if (spec->exact_columns < 0 || spec->exact_columns > EXACT_MAX || spec->permutations < 1)
        return onus_fail(err, ONUS_BAD_ARG,
                         "explain: exact_columns must be 0 to %d, permutations at least 1",
                         EXACT_MAX);
    if (spec->output >= outputs)
        return onus_fail(err, ONUS_BAD_ARG, "explain: output %lld, the model has %lld",
                         (long long)spec->output, (long long)outputs);
    return ONUS_OK;
}

onus_status onus_explain_tokens(onus_explanation *out, onus_net *net, const onus_exec *ex,
                                const onus_dataset *d, const int64_t *rows, int64_t n_rows,
                                const onus_explain_spec *spec, uint64_t seed,
                                const onus_allocator *mem, onus_err *err)
{
    onus_status st = check(spec, n_rows, onus_net_outputs(net), err);
    if (st != ONUS_OK) return st;
    shared s = {.net = net,
                .spec = spec,
                .seed = seed,
                .T = onus_dataset_features(d),
                .outputs = onus_net_outputs(net),
                .d = d,
                .out = out};
    static const onus_explain_way way = {sizeof(worker), open_worker, explain_text,
                                         close_worker};
    float *tokens = NULL;
    ONUS_TRY(onus_explain_start(out, rows, n_rows, s.T, &s.room, mem, err));
    tokens = onus_arena_alloc(&out->arena, (size_t)(n_rows * s.T), sizeof *tokens);
    if (!tokens) {
        st = onus_fail_mem(err, "explain");
        goto done;
    }
    onus_dataset_fetch(d, rows, n_rows, tokens, NULL, NULL);
    out->tokens = s.tokens = tokens;
    out->output = spec->output;
    ONUS_TRY(onus_explain_rows(&way, &s, ex, n_rows, mem, err));
    onus_explain_means(out);
    out->columns_differing_mean = s.players / (double)n_rows;
done:
    if (st != ONUS_OK) onus_explanation_release(out);
    return st;
}
