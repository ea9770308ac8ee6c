/* SPDX-License-Identifier: Apache-2.0
 * explain.c - Shapley values of a model's score, interventional: column j of a row is worth
 * what the score changes, on average over orders, when j's value goes from a background row's
 * to the row's own (Lundberg and Lee 2017, arXiv:1705.07874; the game v(S) = f(row's values on
 * S, background's elsewhere), averaged over background rows).
 *
 * A pair (row, background row) is a game of d players, the columns that differ: those that
 * agree change nothing. Up to 16 players all 2^d coalitions are scored; above that a
 * permutation and its reverse are walked (antithetic pairs: Mitchell et al. 2022, JMLR 23(43)).
 * The first layer is not computed anew for every coalition: its output is that of the
 * background row plus one vector for every column taken over, added in the order of falling
 * column numbers.
 *
 * Workload of the German credit example: 200 x 100 pairs, 12 of 20 columns differ on average,
 * 200 million coalitions of an MLP 61-64-32-1: nearly all time goes into the second layer's
 * products.
 *
 * Threads: a row is one thread's, backgrounds in order: same bits for any number of threads.
 * Rows are handed out one by one, since some have a thousand times the coalitions of others. */
#include "audit/explain_parts.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "num/kernels.h"
#include "num/philox.h"
#include "num/vec.h"

enum { CHUNK = 256, CHUNK_BITS = 8, EXACT_MAX = 16 };

/* What all threads read. */
typedef struct {
    onus_net *net;
    const onus_dataset *d;
    const onus_explain_spec *spec;
    uint64_t seed;
    /* width: of the first layer, or of the input */
    int64_t n_rows, n_background, n_columns, features, width, outputs;
    const float *x, *b; /* (n_rows, features), (n_background, features) */
    const float
        *first; /* (n_background, width): the first layer's output, or the input itself */
    const float *weight;   /* (features, width): the first layer transposed; NULL where the net
                              does not begin with one */
    const int32_t *output; /* (n_rows): which output is explained */
    const uint8_t *players_in; /* (2^exact_columns): players of a coalition */
    onus_explanation *out;
    onus_explain_room room;
    double differing; /* columns, of all pairs; written when workers are closed */
} shared;

/* One thread's work space. */
typedef struct {
    onus_plan *plan;
    onus_exec ex;
    float *rows;  /* (CHUNK, width): where the plan's first output or input is written */
    float *delta; /* (n_columns, width) of the columns that differ */
    float *high;  /* (2^8, width): sums over the upper columns */
    float *score; /* scores of a game's coalitions or walks */
    int64_t filled, scored; /* rows that wait in `rows`; scores that stand in `score` */
    double *game, *sum, *sum2;
    int64_t *player; /* columns that differ */
    int64_t *order;  /* of players, some permutations */
    void *tmp;
    double exact, sampled, evaluations, differing;
} worker;

/* ---- games ------------------------------------------------------------------------------- */

/* Columns in which row i and background j differ, and what each adds to the first layer. */
static int64_t find_players(const shared *s, worker *w, int64_t i, int64_t j)
{
    int64_t d = 0;
    const float *x = s->x + i * s->features, *b = s->b + j * s->features;
    for (int64_t c = 0; c < s->n_columns; c++) {
        const onus_input_column *column = onus_dataset_column(s->d, c);
        if (memcmp(x + column->first, b + column->first, (size_t)column->n * sizeof *x) == 0)
            continue;
        float *delta = w->delta + d * s->width;
        memset(delta, 0, (size_t)s->width * sizeof *delta);
        for (int64_t f = column->first; f < column->first + column->n; f++) {
            const float step = x[f] - b[f];
            if (step == 0.0f) continue;
            if (!s->weight) {
                delta[f] = step;
                continue;
            }
            w->ex.k->scale(step, s->weight + f * s->width, w->high, s->width);
            w->ex.k->add(delta, w->high, delta, s->width);
        }
        w->player[d++] = c;
    }
    return d;
}

/* Scores of the n rows that stand in w->rows. */
static void score_rows(const shared *s, worker *w, int64_t n, int64_t output, float *score)
{
    if (s->weight) {
        onus_plan_forward_tail(w->plan, n);
    } else {
        const onus_batch batch = {.B = n};
        onus_plan_forward(w->plan, &batch);
    }
    const float *p = onus_plan_prediction(w->plan);
    for (int64_t k = 0; k < n; k++) score[k] = p[k * s->outputs + output];
    w->evaluations += (double)n;
}

/* All 2^d coalitions, bit k = player k. A chunk shares its upper bits: its first row is their
 * sum, each other row is the row without its lowest bit plus that bit's column. */
static void score_coalitions(const shared *s, worker *w, const float *start, int64_t d,
                             int64_t output)
{
    const int64_t low = d < CHUNK_BITS ? d : CHUNK_BITS, n_low = (int64_t)1 << low,
                  n_high = (int64_t)1 << (d - low);
    const int64_t width = s->width;
    void (*const add)(const float *, const float *, float *, int64_t) = w->ex.k->add;
    memcpy(w->high, start, (size_t)width * sizeof *start);
    for (int64_t m = 1; m < n_high; m++)
        add(w->high + (m & (m - 1)) * width,
            w->delta + (low + __builtin_ctzll((uint64_t)m)) * width, w->high + m * width,
            width);
    for (int64_t m = 0; m < n_high; m++) {
        memcpy(w->rows, w->high + m * width, (size_t)width * sizeof *start);
        for (int64_t k = 1; k < n_low; k++)
            add(w->rows + (k & (k - 1)) * width,
                w->delta + __builtin_ctzll((uint64_t)k) * width, w->rows + k * width, width);
        score_rows(s, w, n_low, output, w->score + m * n_low);
    }
}

/* w1[k] = (k-1)! (d-k)! / d!, the weight of a coalition of k to a player in it; w0[k] = k!
 * (d-k-1)! / d! to one outside. */
static void coalition_weights(int64_t d, double w1[EXACT_MAX + 1], double w0[EXACT_MAX + 1])
{
    double choose = 1; /* binomial(d-1, k-1) */
    w1[0] = w0[d] = 0;
    for (int64_t k = 1; k <= d; k++) {
        w1[k] = 1 / ((double)d * choose);
        w0[k - 1] = w1[k];
        choose = choose * (double)(d - k) / (double)k;
    }
}

/* value of player j = sum over coalitions with j of v (w1 + w0) - sum over all of v w0; the
 * first sums of all players together by folding the array bit by bit. Adds to sum[column]. */
static void solve_game(const shared *s, worker *w, int64_t d)
{
    assert(d > 0 && d <= EXACT_MAX);
    double w1[EXACT_MAX + 1], w0[EXACT_MAX + 1];
    coalition_weights(d, w1, w0);
    const int64_t n = (int64_t)1 << d;
    double *with_j = w->game, *outside = w->game + n;
    for (int64_t m = 0; m < n; m++) {
        const int k = s->players_in[m];
        const double v = (double)w->score[m];
        with_j[m] = v * (w1[k] + w0[k]);
        outside[m] = v * w0[k];
    }
    const double all = onus_sum64(outside, n);
    for (int64_t j = d - 1; j >= 0; j--) {
        const int64_t half = (int64_t)1 << j;
        w->sum[w->player[j]] += onus_sum64(with_j + half, half) - all;
        for (int64_t m = 0; m < half; m++) with_j[m] += with_j[m + half];
    }
    w->exact += 1;
}

/* ---- walks: more players than can be enumerated ------------------------------------------ */

static void flush(const shared *s, worker *w, int64_t output)
{
    score_rows(s, w, w->filled, output, w->score + w->scored);
    w->scored += w->filled;
    w->filled = 0;
}

/* One walk from the background row to the row, taking players in order: rows after 1 .. d-1 of
 * them. Rows that were scored are gone, so the last one is kept aside. */
static void walk(const shared *s, worker *w, const float *start, const int64_t *order,
                 int64_t d, bool reverse, int64_t output)
{
    const int64_t width = s->width;
    const float *last = start;
    for (int64_t k = 0; k + 1 < d; k++) {
        const int64_t j = order[reverse ? d - 1 - k : k];
        if (w->filled == CHUNK) {
            memcpy(w->high, last, (size_t)width * sizeof *last);
            last = w->high;
            flush(s, w, output);
        }
        float *row = w->rows + w->filled++ * width;
        w->ex.k->add(last, w->delta + j * width, row, width);
        last = row;
    }
}

/* Adds to gain[player] what each brought on a walk whose scores are given. */
static void add_gains(const float *score, const int64_t *order, int64_t d, bool reverse,
                      double first, double end, double *gain)
{
    double before = first;
    for (int64_t k = 0; k < d; k++) {
        const double after = k + 1 < d ? (double)score[k] : end;
        gain[order[reverse ? d - 1 - k : k]] += after - before;
        before = after;
    }
}

/* Scores of nobody (the background row) and of everybody. */
static void score_ends(const shared *s, worker *w, const float *start, int64_t d,
                       int64_t output, double *first, double *end)
{
    const size_t bytes = (size_t)s->width * sizeof *start;
    float *full = w->rows + s->width;
    memcpy(w->rows, start, bytes);
    memcpy(full, start, bytes);
    for (int64_t k = d - 1; k >= 0; k--)
        w->ex.k->add(full, w->delta + k * s->width, full, s->width);
    score_rows(s, w, 2, output, w->score);
    *first = (double)w->score[0];
    *end = (double)w->score[1];
}

/* n permutations from p0 on, and their reverses: what each player gains, its sum and squares
 * over pairs. */
static void walk_some(const shared *s, worker *w, int64_t i, int64_t j, int64_t d, int64_t p0,
                      int64_t n, const double ends[2])
{
    const float *start = s->first + j * s->width;
    double *gain = w->game, *sum = w->game + d, *square = w->game + 2 * d;
    w->filled = w->scored = 0;
    for (int64_t p = 0; p < n; p++) {
        const onus_stream stream = {.seed = s->seed,
                                    .step = (uint32_t)(i * s->n_background + j),
                                    .node = (uint32_t)(2 + p0 + p),
                                    .purpose = ONUS_DRAW_EXPLAIN};
        int64_t *order = w->order + p * d;
        for (int64_t k = 0; k < d; k++) order[k] = k;
        onus_stream_shuffle(&stream, order, d, w->tmp);
        walk(s, w, start, order, d, false, s->output[i]);
        walk(s, w, start, order, d, true, s->output[i]);
    }
    if (w->filled > 0) flush(s, w, s->output[i]);
    for (int64_t p = 0; p < n; p++) {
        const float *score = w->score + 2 * p * (d - 1);
        memset(gain, 0, (size_t)d * sizeof *gain);
        add_gains(score, w->order + p * d, d, false, ends[0], ends[1], gain);
        add_gains(score + d - 1, w->order + p * d, d, true, ends[0], ends[1], gain);
        for (int64_t k = 0; k < d; k++) {
            const double g = gain[k] / 2;
            sum[k] += g;
            square[k] = fma(g, g, square[k]);
        }
    }
}

/* Permutations whose walks, both ways, fill a chunk; at least one. */
static int64_t walks_of(int64_t d)
{
    const int64_t n = d > 1 ? CHUNK / (2 * (d - 1)) : 1;
    return n > 1 ? n : 1;
}

/* Paired permutations: the mean over pairs is the estimate, their spread its error; one pair
 * alone has none that could be known. */
static void sample_game(const shared *s, worker *w, int64_t i, int64_t j, int64_t d)
{
    const double *sum = w->game + d, *square = w->game + 2 * d;
    const int64_t n = s->spec->permutations, some = walks_of(d);
    double ends[2];
    memset(w->game, 0, (size_t)(3 * d) * sizeof *w->game);
    score_ends(s, w, s->first + j * s->width, d, s->output[i], &ends[0], &ends[1]);
    for (int64_t p = 0; p < n; p += some)
        walk_some(s, w, i, j, d, p, n - p < some ? n - p : some, ends);
    for (int64_t k = 0; k < d; k++) {
        const double m = sum[k] / (double)n, spread = square[k] - (double)n * m * m;
        w->sum[w->player[k]] += m;
        w->sum2[w->player[k]] +=
            n > 1 ? (spread > 0 ? spread : 0) / ((double)(n - 1) * (double)n) : NAN;
    }
    w->sampled += 1;
}

/* ---- rows -------------------------------------------------------------------------------- */

static void explain_row(const void *ctx, void *room, int64_t i)
{
    const shared *s = ctx;
    worker *w = room;
    const int64_t C = s->n_columns, N = s->n_background;
    memset(w->sum, 0, (size_t)C * sizeof *w->sum);
    memset(w->sum2, 0, (size_t)C * sizeof *w->sum2);
    for (int64_t j = 0; j < N; j++) {
        const int64_t d = find_players(s, w, i, j);
        w->differing += (double)d;
        if (d == 0) continue;
        if (d <= s->spec->exact_columns) {
            score_coalitions(s, w, s->first + j * s->width, d, s->output[i]);
            solve_game(s, w, d);
        } else {
            sample_game(s, w, i, j, d);
        }
    }
    for (int64_t c = 0; c < C; c++) {
        s->room.values[i * C + c] = w->sum[c] / (double)N;
        s->room.std_error[i * C + c] = sqrt(w->sum2[c]) / (double)N;
    }
}

/* ---- setting up -------------------------------------------------------------------------- */

static onus_status open_worker(const void *ctx, const onus_exec *ex, void *room, onus_arena *a,
                               onus_err *err)
{
    const shared *s = ctx;
    worker *w = room;
    w->ex = *ex;
    onus_status st =
        onus_plan_create(&w->plan, s->net, &w->ex, ONUS_PLAN_PREDICT, CHUNK, a->mem, err);
    if (st != ONUS_OK) return st;
    const int64_t exact = s->spec->exact_columns,
                  coalitions = (int64_t)1 << (exact > CHUNK_BITS ? exact : CHUNK_BITS);
    const int64_t n_high = exact > CHUNK_BITS ? (int64_t)1 << (exact - CHUNK_BITS) : 1,
                  C = s->n_columns;
    w->rows = s->weight ? onus_plan_first_output(w->plan) : onus_plan_input(w->plan);
    w->delta = onus_arena_alloc(a, (size_t)(C * s->width), sizeof *w->delta);
    w->high = onus_arena_alloc(a, (size_t)(n_high * s->width), sizeof *w->high);
    const int64_t walked = CHUNK + 2 * C;
    w->score = onus_arena_alloc(a, (size_t)(coalitions > walked ? coalitions : walked),
                                sizeof *w->score);
    w->game = onus_arena_alloc(a, (size_t)(2 * coalitions > 3 * C ? 2 * coalitions : 3 * C),
                               sizeof *w->game);
    w->sum = onus_arena_alloc(a, (size_t)C, sizeof *w->sum);
    w->sum2 = onus_arena_alloc(a, (size_t)C, sizeof *w->sum2);
    w->player = onus_arena_alloc(a, (size_t)C, sizeof *w->player);
    w->order = onus_arena_alloc(a, (size_t)(CHUNK + C), sizeof *w->order);
    w->tmp = onus_arena_alloc(a, ONUS_SHUFFLE_TMP_BYTES((size_t)C), 1);
    const bool all = w->delta && w->high && w->score && w->game && w->sum && w->sum2 &&
                     w->player && w->order && w->tmp;
    return all ? ONUS_OK : onus_fail_mem(err, "explain");
}

static void close_worker(void *ctx, void *room)
{
    shared *s = ctx;
    const worker *w = room;
    s->out->pairs_exact += w->exact;
    s->out->pairs_sampled += w->sampled;
    s->out->evaluations += w->evaluations;
    s->differing += w->differing;
    onus_plan_destroy(w->plan);
}

/* The first layer's output for the background rows, its weights transposed; without such a
 * layer the input itself. */
static onus_status prepare_first(shared *s, const onus_exec *ex, onus_arena *a, onus_err *err)
{
    const float *W, *bias;
    int64_t H = 0;
    onus_net_first_dense(s->net, &W, &bias, &H);
    s->width = W ? H : s->features;
    s->first = s->b;
    if (!W) return ONUS_OK;
    float *T = onus_arena_alloc(a, (size_t)(s->features * H), sizeof *T);
    float *first = onus_arena_alloc(a, (size_t)(s->n_background * H), sizeof *first);
    if (!T || !first) return onus_fail_mem(err, "explain");
    for (int64_t h = 0; h < H; h++)
        for (int64_t f = 0; f < s->features; f++) T[f * H + h] = W[h * s->features + f];
    onus_plan *plan = NULL;
    onus_status st =
        onus_plan_create(&plan, s->net, ex, ONUS_PLAN_PREDICT, s->n_background, a->mem, err);
    if (st != ONUS_OK) return st;
    memcpy(onus_plan_input(plan), s->b,
           (size_t)(s->n_background * s->features) * sizeof *first);
    const onus_batch batch = {.B = s->n_background};
    onus_plan_forward_first(plan, &batch);
    memcpy(first, onus_plan_first_output(plan), (size_t)(s->n_background * H) * sizeof *first);
    onus_plan_destroy(plan);
    s->first = first;
    s->weight = T;
    return ONUS_OK;
}

/* Predictions (n, outputs) of encoded rows. */
static onus_status predict(const shared *s, const onus_exec *ex, const float *x, int64_t n,
                           float *out, const onus_allocator *mem, onus_err *err)
{
    onus_plan *plan = NULL;
    onus_status st = onus_plan_create(&plan, s->net, ex, ONUS_PLAN_PREDICT, CHUNK, mem, err);
    for (int64_t i = 0; st == ONUS_OK && i < n; i += CHUNK) {
        const onus_batch batch = {.B = n - i < CHUNK ? n - i : CHUNK};
        memcpy(onus_plan_input(plan), x + i * s->features,
               (size_t)(batch.B * s->features) * sizeof *x);
        onus_plan_forward(plan, &batch);
        memcpy(out + i * s->outputs, onus_plan_prediction(plan),
               (size_t)(batch.B * s->outputs) * sizeof *out);
    }
    onus_plan_destroy(plan);
    return st;
}

/* Scores of the rows themselves, the output to explain, and the mean score of the
 * background. */
static onus_status prepare_scores(shared *s, const onus_exec *ex, onus_arena *a, onus_err *err)
{
    const int64_t O = s->outputs, n = s->n_rows, N = s->n_background;
    float *score = onus_arena_alloc(a, (size_t)(n * O), sizeof *score),
          *base = onus_arena_alloc(a, (size_t)(N * O), sizeof *base);
    double *column = onus_arena_alloc(a, (size_t)N, sizeof *column);
    int32_t *output = onus_arena_alloc(a, (size_t)n, sizeof *output);
    if (!score || !base || !column || !output) return onus_fail_mem(err, "explain");
    onus_status st = predict(s, ex, s->x, n, score, a->mem, err);
    if (st == ONUS_OK) st = predict(s, ex, s->b, N, base, a->mem, err);
    if (st != ONUS_OK) return st;
    for (int64_t i = 0; i < n; i++) {
        output[i] = onus_explain_output(score + i * O, O, s->spec->output);
        for (int64_t j = 0; j < N; j++) column[j] = (double)base[j * O + output[i]];
        s->room.score[i] = (double)score[i * O + output[i]];
        s->room.base[i] = onus_sum64(column, N) / (double)N;
    }
    s->output = output;
    return ONUS_OK;
}

static onus_status prepare(shared *s, const onus_exec *ex, const int64_t *rows,
                           const int64_t *background, onus_arena *a, onus_err *err)
{
    onus_explanation *out = s->out;
    float *x = onus_arena_alloc(a, (size_t)(s->n_rows * s->features), sizeof *x);
    float *b = onus_arena_alloc(a, (size_t)(s->n_background * s->features), sizeof *b);
    uint8_t *players_in =
        onus_arena_alloc(a, (size_t)1 << s->spec->exact_columns, sizeof *players_in);
    if (!x || !b || !players_in) return onus_fail_mem(err, "explain");
    onus_dataset_fetch(s->d, rows, s->n_rows, x, NULL, NULL);
    onus_dataset_fetch(s->d, background, s->n_background, b, NULL, NULL);
    for (int64_t m = 1; m < (int64_t)1 << s->spec->exact_columns; m++)
        players_in[m] = (uint8_t)(players_in[m / 2] + m % 2);
    s->players_in = players_in;
    s->x = x;
    s->b = b;
    out->n_background = s->n_background;
    out->output = s->spec->output;
    onus_status st = prepare_first(s, ex, a, err);
    return st == ONUS_OK ? prepare_scores(s, ex, a, err) : st;
}

static onus_status check(const onus_explain_spec *spec, int64_t n_rows, int64_t n_background,
                         int64_t outputs, onus_err *err)
{
    if (n_rows < 1 || n_background < 1)
        return onus_fail(err, ONUS_BAD_ARG, "explain: no rows or no background rows");
    if (spec->exact_columns < 0 || spec->exact_columns > EXACT_MAX || spec->permutations < 1)
        return onus_fail(err, ONUS_BAD_ARG,
                         "explain: exact_columns must be 0 to %d, permutations at least 1",
                         EXACT_MAX);
    if (spec->output >= outputs)
        return onus_fail(err, ONUS_BAD_ARG, "explain: output %lld, the model has %lld",
                         (long long)spec->output, (long long)outputs);
    return ONUS_OK;
}

onus_status onus_explain(onus_explanation *out, onus_net *net, const onus_exec *ex,
                         const onus_dataset *d, const int64_t *rows, int64_t n_rows,
                         const int64_t *background, int64_t n_background,
                         const onus_explain_spec *spec, uint64_t seed,
                         const onus_allocator *mem, onus_err *err)
{
    onus_status st = check(spec, n_rows, n_background, onus_net_outputs(net), err);
    if (st != ONUS_OK) return st;
    onus_arena arena;
    onus_arena_init(&arena, mem);
    shared s = {.net = net,
                .d = d,
                .spec = spec,
                .seed = seed,
                .n_rows = n_rows,
                .n_background = n_background,
                .n_columns = onus_dataset_columns(d),
                .features = onus_dataset_features(d),
                .outputs = onus_net_outputs(net),
                .out = out};
    static const onus_explain_way way = {sizeof(worker), open_worker, explain_row,
                                         close_worker};
    ONUS_TRY(onus_explain_start(out, rows, n_rows, s.n_columns, &s.room, mem, err));
    ONUS_TRY(prepare(&s, ex, rows, background, &arena, err));
    ONUS_TRY(onus_explain_rows(&way, &s, ex, n_rows, mem, err));
    onus_explain_means(out);
    out->columns_differing_mean = s.differing / ((double)n_rows * (double)n_background);
done:
    onus_arena_release(&arena);
    if (st != ONUS_OK) onus_explanation_release(out);
    return st;
}

void onus_explanation_release(onus_explanation *e)
{
    if (!e) return;
    onus_arena_release(&e->arena);
    *e = (onus_explanation){.n_rows = 0};
}
