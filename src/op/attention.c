/* SPDX-License-Identifier: Apache-2.0
 * attention.c - scaled dot-product attention of several heads (Vaswani and others 2017,
 * arXiv:1706.03762), with grouped keys and values (Ainslie and others 2023, arXiv:2305.13245).
 *
 * For a query t and the keys j it sees: s = dot(q, k) scale, m = max s, p = exp(s - m), l = the
 * sum of p, out = dot(p, v) / l (contract, item 5). Backward makes p again from m and l, which
 * are all that is kept: with g = dout / l and D = dot(g, out), dp = dot(g, v), ds = p (dp - D),
 * dq = dot(ds, k) scale, dk = dot(ds, q) scale, dv = dot(p, g). Relevance is
 * attention_relevance.c's.
 *
 * Scores stand transposed, (keys, queries): so elementwise loops, maxima and sums over keys run
 * over queries side by side, and no product needs a transposed copy of a whole head. Forward
 * works on tiles of TILE queries and all their keys; backward on blocks of a segment of keys by
 * a segment of queries, because a chain over queries cannot stop between two products.
 *
 * Terms that are masked (later keys, absent ones) must be skipped, yet products of whole tiles
 * take them in as zeros. That gives the same number, but where a chain stands at -0 the sign of
 * zero may be lost, and where a skipped row is not finite 0 times it is NaN. Both show: the
 * result is 0 or NaN. Such rows are computed again from the terms that are there (settle). Once
 * a chain is not 0 it goes on alike, whether zeros went in before or not. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "num/gemm.h"
#include "num/kernels.h"
#include "op/attention_run.h"
#include "op/each.h"

typedef onus_attention_operand operand;
typedef onus_attention_layout layout;
typedef onus_attention_work work;

enum { HEADS, KV_HEADS, CAUSAL, SCALE };
static const onus_attr_def attrs[] = {
    {"heads", ONUS_ATTR_INT, 1, 1, 4096, "heads of queries"},
    {"kv_heads", ONUS_ATTR_INT, 0, 0, 4096, "heads of keys and values; 0: one for each head"},
    {"causal", ONUS_ATTR_INT, 0, 0, 1, "1: a position sees itself and those before it"},
    {"scale", ONUS_ATTR_REAL, 0, 0, 1e6,
     "factor of scores; 0: 1 / sqrt(numbers of a head), in binary64, rounded once"},
};
enum { N_ATTRS = sizeof attrs / sizeof *attrs, TILE = 32, LANES = 16, BLOCK = 256 };

/* ---- shapes ------------------------------------------------------------------------------ */

static int64_t groups(const onus_attr *attr)
{
    return attr[KV_HEADS].i ? attr[KV_HEADS].i : attr[HEADS].i;
}

/* in: shapes that do not exist are (). */
static layout layout_of(const onus_attr *attr, const onus_shape in[])
{
    const int64_t H = attr[HEADS].i, G = groups(attr), d = in[0].d[1];
    const bool packed = in[1].n != 2;
    const int64_t hd = packed ? d / (H + 2 * G) : d / H;
    layout s = {.T = in[0].d[0], .H = H, .G = G, .hd = hd, .causal = attr[CAUSAL].i};
    s.q = (operand){0, 0, d};
    s.k = packed ? (operand){0, H * hd, d} : (operand){1, 0, G * hd};
    s.v = packed ? (operand){0, (H + G) * hd, d} : (operand){2, 0, G * hd};
    s.tokens = packed ? (in[1].n == 1 ? 1 : -1) : (in[3].n == 1 ? 3 : -1);
    s.scale = attr[SCALE].r > 0 ? (float)attr[SCALE].r : (float)(1.0 / sqrt((double)hd));
    return s;
}

static onus_status fail_shape(const onus_shape in[], int which, const char *expected,
                              onus_err *err)
{
    char text[96];
    onus_shape_text(&in[which], text, sizeof text);
    return onus_fail(err, ONUS_BAD_INPUT, "attention: input %d, expected shape %s, got %s",
                     which, expected, text);
}

static onus_status shape(const onus_attr *attr, const onus_shape in[], int n_in,
                         onus_shape *out, onus_err *err)
{
    const int64_t H = attr[HEADS].i, G = groups(attr);
    char expected[160];
    if (G > H || H % G)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "attention: %lld heads do not share %lld kv_heads evenly",
                         (long long)H, (long long)G);
    const bool packed = n_in < 3;
    const int64_t units = packed ? H + 2 * G : H;
    snprintf(expected, sizeof expected, "(positions, %lld * numbers of a head)%s",
             (long long)units, packed ? ", queries, keys and values side by side" : "");
    if (in[0].n != 2 || in[0].d[0] < 1 || in[0].d[1] < units || in[0].d[1] % units)
        return fail_shape(in, 0, expected, err);
    const onus_shape kv = {2, {in[0].d[0], in[0].d[1] / units * G}}, tokens = {1, {kv.d[0]}};
    for (int i = 1; i < n_in; i++) {
        const onus_shape *want = packed || i == 3 ? &tokens : &kv;
        onus_shape_text(want, expected, sizeof expected);
        if (!onus_shape_same(&in[i], want)) return fail_shape(in, i, expected, err);
    }
    *out = (onus_shape){.n = 2, .d = {in[0].d[0], in[0].d[1] / units * H}};
    return ONUS_OK;
}

/* m and l of every head's rows: (heads, 2, T). */
static size_t saved(const onus_attr *attr, const onus_shape in[], int64_t B)
{
    return (size_t)(B * attr[HEADS].i * 2 * in[0].d[0]) * sizeof(float);
}

/* ---- work space -------------------------------------------------------------------------- */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static float *carve(char *base, size_t *at, int64_t floats)
{
    const size_t here = *at;
    *at += ((size_t)floats * sizeof(float) + ONUS_ALIGN - 1) & ~(size_t)(ONUS_ALIGN - 1);
    return base ? (float *)(void *)(base + here) : NULL;
}

/* Hands out one thread's room from base (NULL: nothing), returns its bytes. */
static size_t lay_out(work *w, const layout *s, char *base)
{
    const int64_t T = s->T, hd = s->hd, block = smaller(T, BLOCK);
    const int64_t flags = (T + 3) / 4, wide = hd > BLOCK ? hd : BLOCK;
    size_t at = 0;
    w->p = carve(base, &at, T * TILE > block * block ? T * TILE : block * block);
    w->ds = carve(base, &at, block * block);
    w->g = carve(base, &at, block * hd);
    w->D = carve(base, &at, block);
    w->rows = carve(base, &at, TILE * hd);
    w->few = carve(base, &at, BLOCK * (hd + 1));
    w->there = (uint8_t *)carve(base, &at, flags);
    w->on = (uint8_t *)carve(base, &at, flags);
    w->q_begun = (uint8_t *)carve(base, &at, flags);
    w->k_begun = (uint8_t *)carve(base, &at, flags);
    w->v_begun = (uint8_t *)carve(base, &at, flags);
    w->pack = base ? base + at : NULL;
    return at + onus_gemm_pack_bytes(T > BLOCK ? T : BLOCK, wide, BLOCK);
}

static size_t part_bytes(const layout *s)
{
    work w;
    return (lay_out(&w, s, NULL) + ONUS_ALIGN - 1) & ~(size_t)(ONUS_ALIGN - 1);
}

static size_t scratch(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                      int64_t B)
{
    (void)B;
    const layout s = layout_of(attr, in);
    return (size_t)onus_pool_size(ex->pool) * part_bytes(&s);
}

/* Turns to example b. */
static void enter_example(work *w, const onus_call *c, int64_t b)
{
    const layout *s = w->s;
    w->keys = NULL;
    if (s->tokens < 0) return;
    const float *ids = c->in[s->tokens] + b * s->T;
    for (int64_t t = 0; t < s->T; t++) {
        w->there[t] = ids[t] >= 0;
        if (!w->there[t]) w->keys = w->there;
    }
}

/* Row 0 of head h of example b of an operand, in an array like its input. */
static int64_t place_of(const layout *s, const operand *o, int64_t b, int64_t h)
{
    return b * s->T * o->ld + o->at + h * s->hd;
}

/* Turns to head h of example b. */
static void enter_head(work *w, const onus_call *c, int64_t b, int64_t h)
{
    const layout *s = w->s;
    const int64_t kv = h / (s->H / s->G), d = s->H * s->hd, y = b * s->T * d + h * s->hd;
    const int64_t q = place_of(s, &s->q, b, h), k = place_of(s, &s->k, b, kv),
                  v = place_of(s, &s->v, b, kv);
    float *const *to = c->d_in;
    w->q = c->in[s->q.input] + q;
    w->k = c->in[s->k.input] + k;
    w->v = c->in[s->v.input] + v;
    w->y = c->out + y;
    w->dy = c->d_out ? c->d_out + y : NULL;
    w->dq = to[s->q.input] ? to[s->q.input] + q : NULL;
    w->dk = to[s->k.input] ? to[s->k.input] + k : NULL;
    w->dv = to[s->v.input] ? to[s->v.input] + v : NULL;
    w->m = (float *)c->saved + (b * s->H + h) * 2 * s->T;
    w->l = w->m + s->T;
}

/* ---- masked products --------------------------------------------------------------------- */

/* The terms of a row of outputs: coefficients (+0 where a term is masked) times rows of X, at
 * the places [from, to). */
typedef struct {
    const float *coef;
    int64_t step;
    const float *X;
    int64_t ld, from, to;
    const uint8_t *there; /* by place, or NULL: all */
} terms;

/* Rows [from, to) that are there, side by side; returns how many. */
static int64_t gather(work *w, const terms *t, int64_t from, int64_t to)
{
    const int64_t hd = w->s->hd;
    float *X = w->few + BLOCK;
    int64_t n = 0;
    for (int64_t k = from; k < to; k++) {
        if (t->there && !t->there[k]) continue;
        w->few[n] = t->coef[(k - t->from) * t->step];
        memcpy(X + n * hd, t->X + (k - t->from) * t->ld, (size_t)hd * sizeof *X);
        n++;
    }
    return n;
}

/* The row from the terms that are there, segment by segment (contract, item 3). */
static void row_again(work *w, const terms *t, float *y)
{
    onus_gemm_args g = {.form = ONUS_GEMM_NN,
                        .M = 1,
                        .N = w->s->hd,
                        .A = w->few,
                        .lda = BLOCK,
                        .B = w->few + BLOCK,
                        .ldb = w->s->hd,
                        .C = y,
                        .ldc = w->s->hd};
    for (int64_t k = t->from, end; k < t->to; k = end) {
        end = smaller((k / BLOCK + 1) * BLOCK, t->to);
        g.K = gather(w, t, k, end);
        if (g.K == 0) continue;
        onus_gemm_serial(w->kernels, &g, w->pack);
        g.start = ONUS_GEMM_GOES_ON;
    }
}

/* Whether every coefficient that takes part is 0. */
static bool all_zero(const terms *t)
{
    for (int64_t k = t->from; k < t->to; k++) {
        if (t->there && !t->there[k]) continue;
        if (t->coef[(k - t->from) * t->step] != 0.0f) return false;
    }
    return true;
}

/* y is the row with masked terms taken in as zeros: makes it what it is without them. False:
 * there are no terms. */
static bool settle(work *w, const terms *t, float *y)
{
    bool any = false;
    for (int64_t k = t->from; k < t->to && !any; k++) any = !t->there || t->there[k];
    if (!any) return false;
    int zero = 0, nan = 0;
    for (int64_t i = 0; i < w->s->hd; i++) {
        zero |= y[i] == 0.0f;
        nan |= y[i] != y[i];
    }
    /* a chain of zeros from +0 stays at +0 */
    if (nan || (zero && !all_zero(t))) row_again(w, t, y);
    return true;
}

/* ---- forward ----------------------------------------------------------------------------- */

/* Scores of queries [q0, q1) and keys [0, n): those that are not seen are -infinity. */
static void mask_scores(const work *w, int64_t q0, int64_t q1, int64_t n)
{
    const int64_t cols = q1 - q0;
    for (int64_t j = w->s->causal ? q0 + 1 : n; j < n; j++)
        for (int64_t c = 0; c < j - q0; c++) w->p[j * cols + c] = -INFINITY;
    for (int64_t j = 0; w->keys && j < n; j++)
        for (int64_t c = 0; !w->keys[j] && c < cols; c++) w->p[j * cols + c] = -INFINITY;
}

/* Scores (n, cols) times scale, less the maximum of their column, which goes to m; where that
 * is -infinity, less 0. */
static void shift_scores(float *restrict s, int64_t n, int64_t cols, float scale,
                         float *restrict m)
{
    float shift[TILE];
    for (int64_t c = 0; c < cols; c++) m[c] = -INFINITY;
    for (int64_t j = 0; j < n; j++)
        for (int64_t c = 0; c < cols; c++) {
            const float score = s[j * cols + c] * scale;
            s[j * cols + c] = score;
            m[c] = score > m[c] ? score : m[c];
        }
    for (int64_t c = 0; c < cols; c++) shift[c] = m[c] == -INFINITY ? 0.0f : m[c];
    for (int64_t j = 0; j < n; j++)
        for (int64_t c = 0; c < cols; c++) s[j * cols + c] = s[j * cols + c] - shift[c];
}

/* Sums over the rows of p (n, cols), by lanes (contract, item 4). */
static void sum_keys(const float *restrict p, int64_t n, int64_t cols, float *restrict l)
{
    float lane[LANES][TILE] = {{0}};
    for (int64_t j = 0; j < n; j++) {
        float *restrict sum = lane[j % LANES];
        for (int64_t c = 0; c < cols; c++) sum[c] = sum[c] + p[j * cols + c];
    }
    for (int step = LANES / 2; step > 0; step /= 2)
        for (int i = 0; i < step; i++)
            for (int64_t c = 0; c < cols; c++) lane[i][c] = lane[i][c] + lane[i + step][c];
    for (int64_t c = 0; c < cols; c++) l[c] = lane[0][c];
}

/* The row of query t, from p: settled, divided by l. l becomes 0 where the query takes no part.
 */
static void finish_query(work *w, int64_t t, int64_t q0, int64_t cols)
{
    const layout *s = w->s;
    float *y = w->y + t * s->H * s->hd;
    if (w->keys && !w->keys[t]) w->l[t] = 0.0f;
    if (w->l[t] == 0.0f) {
        memset(y, 0, (size_t)s->hd * sizeof *y);
        return;
    }
    const terms row = {.coef = w->p + (t - q0),
                       .step = cols,
                       .X = w->v,
                       .ld = s->v.ld,
                       .to = s->causal ? t + 1 : s->T,
                       .there = w->keys};
    if (s->causal || w->keys) (void)settle(w, &row, y);
    const float l = w->l[t];
    for (int64_t i = 0; i < s->hd; i++) y[i] = y[i] / l;
}

static void forward_tile(work *w, int64_t q0, int64_t q1)
{
    const layout *s = w->s;
    const int64_t n = s->causal ? q1 : s->T, cols = q1 - q0, d = s->H * s->hd;
    const onus_gemm_args scores = {.form = ONUS_GEMM_NT,
                                   .M = n,
                                   .N = cols,
                                   .K = s->hd,
                                   .A = w->k,
                                   .lda = s->k.ld,
                                   .B = w->q + q0 * s->q.ld,
                                   .ldb = s->q.ld,
                                   .C = w->p,
                                   .ldc = cols},
                         values = {.form = ONUS_GEMM_TN,
                                   .M = cols,
                                   .N = s->hd,
                                   .K = n,
                                   .A = w->p,
                                   .lda = cols,
                                   .B = w->v,
                                   .ldb = s->v.ld,
                                   .C = w->y + q0 * d,
                                   .ldc = d};
    onus_gemm_serial(w->kernels, &scores, w->pack);
    mask_scores(w, q0, q1, n);
    shift_scores(w->p, n, cols, s->scale, w->m + q0);
    w->kernels->exp(w->p, w->p, n * cols);
    sum_keys(w->p, n, cols, w->l + q0);
    onus_gemm_serial(w->kernels, &values, w->pack);
    for (int64_t t = q0; t < q1; t++) finish_query(w, t, q0, cols);
}

/* ---- sharing out ------------------------------------------------------------------------- */

typedef struct {
    const onus_call *c;
    layout s;
    int64_t n; /* units of work: tiles of a head (forward), groups of heads (backward) */
    size_t part_bytes;
    void (*unit)(work *w, const onus_call *c, int64_t i);
} job;

static void run_units(void *ctx, int part, int n_parts)
{
    const job *j = ctx;
    work w = {.kernels = j->c->ex->k, .s = &j->s};
    int64_t begin, end;
    (void)lay_out(&w, &j->s, (char *)j->c->scratch + (size_t)part * j->part_bytes);
    onus_split(j->n, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) j->unit(&w, j->c, i);
}

/* Small ones run on the calling thread alone: waking another costs about a microsecond. */
static void run(job *j)
{
    enum { WORTH_WAKING = 100000 }; /* multiply-adds */
    j->part_bytes = part_bytes(&j->s);
    if ((double)(j->c->B * j->s.H * j->s.T) * (double)(j->s.T * j->s.hd) < WORTH_WAKING)
        run_units(j, 0, 1);
    else
        onus_pool_run(j->c->ex->pool, run_units, j);
}

static int64_t tiles(int64_t T)
{
    return (T + TILE - 1) / TILE;
}

static void forward_unit(work *w, const onus_call *c, int64_t i)
{
    const int64_t n = tiles(w->s->T), head = i / n, q0 = i % n * TILE;
    enter_example(w, c, head / w->s->H);
    enter_head(w, c, head / w->s->H, head % w->s->H);
    forward_tile(w, q0, smaller(q0 + TILE, w->s->T));
}

static void forward(onus_call *c)
{
    job j = {.c = c, .s = layout_of(c->attr, c->in_shape), .unit = forward_unit};
    j.n = c->B * j.s.H * tiles(j.s.T);
    run(&j);
}

/* ---- backward ---------------------------------------------------------------------------- */

/* A block: keys [k0, k1) x queries [q0, q1), each within a segment. */
typedef struct {
    int64_t k0, k1, q0, q1;
    int64_t ld;  /* numbers between rows of p and ds */
    bool ragged; /* causal, on the diagonal: key j of the block meets queries from j on */
    bool masked; /* terms of it may be skipped */
} block;

/* The end of the piece of [.., n) that begins at c0 and is multiplied at once: all of it, or a
 * tile. */
static int64_t tile_end(const block *b, int64_t c0, int64_t n)
{
    return b->masked ? smaller(c0 + TILE, n) : n;
}

/* Scores and dp, into p and ds. */
static void make_scores(work *w, const block *b)
{
    const layout *s = w->s;
    const int64_t n = b->q1 - b->q0;
    for (int64_t c0 = 0, c1; c0 < n; c0 = c1) {
        c1 = tile_end(b, c0, n);
        onus_gemm_args g = {.form = ONUS_GEMM_NT,
                            .M = b->ragged ? c1 : b->k1 - b->k0,
                            .N = c1 - c0,
                            .K = s->hd,
                            .A = w->k + b->k0 * s->k.ld,
                            .lda = s->k.ld,
                            .B = w->q + (b->q0 + c0) * s->q.ld,
                            .ldb = s->q.ld,
                            .C = w->p + c0,
                            .ldc = b->ld};
        onus_gemm_serial(w->kernels, &g, w->pack);
        g.A = w->v + b->k0 * s->v.ld;
        g.lda = s->v.ld;
        g.B = w->g + c0 * s->hd;
        g.ldb = s->hd;
        g.C = w->ds + c0;
        onus_gemm_serial(w->kernels, &g, w->pack);
    }
}

static void scale_and_shift(float *restrict p, int64_t n, float scale,
                            const float *restrict shift)
{
    for (int64_t c = 0; c < n; c++) {
        const float score = p[c] * scale;
        p[c] = score - shift[c];
    }
}

static void score_gradients(const float *restrict p, float *restrict ds, int64_t n,
                            const float *restrict D)
{
    for (int64_t c = 0; c < n; c++) {
        const float centred = ds[c] - D[c];
        ds[c] = p[c] * centred;
    }
}

/* p = exp(s scale - m), ds = p (dp - D); what is masked is +0 in both. */
static void make_gradients(work *w, const block *b)
{
    const int64_t n = b->q1 - b->q0;
    float shift[BLOCK];
    for (int64_t c = 0; c < n; c++)
        shift[c] = w->m[b->q0 + c] == -INFINITY ? 0.0f : w->m[b->q0 + c];
    for (int64_t j = 0; j < b->k1 - b->k0; j++) {
        const int64_t from = b->ragged ? j / TILE * TILE : 0;
        float *p = w->p + j * b->ld, *ds = w->ds + j * b->ld;
        scale_and_shift(p + from, n - from, w->s->scale, shift + from);
        w->kernels->exp(p + from, p + from, n - from);
        score_gradients(p + from, ds + from, n - from, w->D + from);
        const bool absent = w->keys && !w->keys[b->k0 + j];
        const int64_t unseen = absent ? n : b->ragged ? j : from;
        memset(p + from, 0, (size_t)(unseen - from) * sizeof *p);
        memset(ds + from, 0, (size_t)(unseen - from) * sizeof *ds);
        for (int64_t c = from; w->any_off && c < n; c++)
            if (!w->on[b->q0 + c]) p[c] = ds[c] = 0.0f;
    }
}

/* Rows of a gradient, by position, and which have their first segment. */
typedef struct {
    float *to;
    int64_t ld;
    uint8_t *begun;
} gradient;

/* The product of a tile's rows [r0, r1) goes to the gradient itself where no row of it can be
 * without terms, or meet other segments' sums while it still wants settling; else to w->rows.
 */
static bool goes_straight(const work *w, const block *b, const gradient *to, int64_t r0)
{
    return !b->masked || (!w->any_off && !to->begun[r0]);
}

static void multiply_tile(work *w, onus_gemm_args *g, const gradient *to, int64_t r0,
                          int64_t r1, bool straight)
{
    g->M = r1 - r0;
    g->N = w->s->hd;
    g->C = straight ? to->to + r0 * to->ld : w->rows;
    g->ldc = straight ? to->ld : w->s->hd;
    g->start = straight && to->begun[r0] ? ONUS_GEMM_GOES_ON : ONUS_GEMM_STARTS;
    onus_gemm_serial(w->kernels, g, w->pack);
    if (straight) memset(to->begun + r0, 1, (size_t)(r1 - r0));
}

/* Row r of a masked tile, row `at` of w->rows: settled, and added to the gradient's; the first
 * segment starts it. */
static void close_row(work *w, const terms *t, const gradient *to, int64_t r, int64_t at,
                      bool straight)
{
    const int64_t hd = w->s->hd;
    float *sum = to->to + r * to->ld, *y = straight ? sum : w->rows + at * hd;
    if (!settle(w, t, y) || straight) return;
    if (to->begun[r])
        for (int64_t i = 0; i < hd; i++) sum[i] = sum[i] + y[i];
    else
        memcpy(sum, y, (size_t)hd * sizeof *sum);
    to->begun[r] = 1;
}

/* dk or dv += the segment's terms: ds or p (keys, queries) times X, whose row 0 is query q0. */
static void add_to_keys(work *w, const block *b, const float *coef, const float *X, int64_t ldx,
                        const gradient *to)
{
    for (int64_t j0 = b->k0, j1; j0 < b->k1; j0 = j1) {
        j1 = tile_end(b, j0, b->k1);
        const int64_t from = b->ragged ? j0 - b->k0 : 0;
        const bool straight = goes_straight(w, b, to, j0);
        onus_gemm_args g = {.form = ONUS_GEMM_NN,
                            .K = b->q1 - b->q0 - from,
                            .A = coef + (j0 - b->k0) * b->ld + from,
                            .lda = b->ld,
                            .B = X + from * ldx,
                            .ldb = ldx};
        multiply_tile(w, &g, to, j0, j1, straight);
        for (int64_t j = j0; b->masked && j < j1; j++) {
            const int64_t first = b->ragged ? j - b->k0 : 0;
            const terms row = {.coef = coef + (j - b->k0) * b->ld + first,
                               .step = 1,
                               .X = X + first * ldx,
                               .ld = ldx,
                               .from = b->q0 + first,
                               .to = b->q1,
                               .there = w->any_off ? w->on : NULL};
            if (w->keys && !w->keys[j]) continue;
            close_row(w, &row, to, j, j - j0, straight);
        }
    }
}

/* dq += the segment's terms: the transpose of ds times k. */
static void add_to_queries(work *w, const block *b, const gradient *to)
{
    const layout *s = w->s;
    for (int64_t t0 = b->q0, t1; t0 < b->q1; t0 = t1) {
        t1 = tile_end(b, t0, b->q1);
        const bool straight = goes_straight(w, b, to, t0);
        onus_gemm_args g = {.form = ONUS_GEMM_TN,
                            .K = b->ragged ? t1 - b->q0 : b->k1 - b->k0,
                            .A = w->ds + (t0 - b->q0),
                            .lda = b->ld,
                            .B = w->k + b->k0 * s->k.ld,
                            .ldb = s->k.ld};
        multiply_tile(w, &g, to, t0, t1, straight);
        for (int64_t t = t0; b->masked && t < t1; t++) {
            const terms row = {.coef = w->ds + (t - b->q0),
                               .step = b->ld,
                               .X = w->k + b->k0 * s->k.ld,
                               .ld = s->k.ld,
                               .from = b->k0,
                               .to = b->ragged ? t + 1 : b->k1,
                               .there = w->keys};
            if (w->any_off && !w->on[t]) continue;
            close_row(w, &row, to, t, t - t0, straight);
        }
    }
}

/* g = dy / l and D = dot(g, y) of queries [q0, q1). */
static void prepare_queries(work *w, int64_t q0, int64_t q1)
{
    const int64_t hd = w->s->hd, d = w->s->H * hd;
    for (int64_t t = q0; t < q1; t++) {
        float *g = w->g + (t - q0) * hd;
        const float *dy = w->dy + t * d;
        const float l = w->l[t];
        if (w->on[t])
            for (int64_t i = 0; i < hd; i++) g[i] = dy[i] / l;
        else
            memset(g, 0, (size_t)hd * sizeof *g);
        w->D[t - q0] = w->kernels->dot(g, w->y + t * d, hd);
    }
}

/* Rows of a gradient: times factor; +0 where no term came. */
static void finish_rows(float *x, int64_t ld, const layout *s, float factor,
                        const uint8_t *begun)
{
    for (int64_t t = 0; t < s->T; t++, x += ld) {
        if (!begun[t])
            memset(x, 0, (size_t)s->hd * sizeof *x);
        else if (factor != 1.0f)
            for (int64_t i = 0; i < s->hd; i++) x[i] = x[i] * factor;
    }
}

static void backward_head(work *w)
{
    const layout *s = w->s;
    const gradient dq = {w->dq, s->q.ld, w->q_begun}, dk = {w->dk, s->k.ld, w->k_begun},
                   dv = {w->dv, s->v.ld, w->v_begun};
    w->any_off = false;
    for (int64_t t = 0; t < s->T; t++) {
        w->on[t] = w->l[t] != 0.0f;
        w->any_off |= !w->on[t];
    }
    memset(w->q_begun, 0, (size_t)s->T);
    for (int64_t q0 = 0; q0 < s->T; q0 += BLOCK) {
        const int64_t q1 = smaller(q0 + BLOCK, s->T);
        prepare_queries(w, q0, q1);
        for (int64_t k0 = 0; k0 < (s->causal ? q1 : s->T); k0 += BLOCK) {
            const bool ragged = s->causal && k0 == q0;
            const block b = {.k0 = k0,
                             .k1 = smaller(k0 + BLOCK, s->T),
                             .q0 = q0,
                             .q1 = q1,
                             .ld = smaller(s->T, BLOCK),
                             .ragged = ragged,
                             .masked = ragged || w->any_off};
            make_scores(w, &b);
            make_gradients(w, &b);
            if (w->dv) add_to_keys(w, &b, w->p, w->g, s->hd, &dv);
            if (w->dk) add_to_keys(w, &b, w->ds, w->q + q0 * s->q.ld, s->q.ld, &dk);
            if (w->dq) add_to_queries(w, &b, &dq);
        }
    }
    if (w->dq) finish_rows(w->dq, s->q.ld, s, s->scale, w->q_begun);
}

/* The heads that share keys and values, ascending. */
static void backward_unit(work *w, const onus_call *c, int64_t i)
{
    const layout *s = w->s;
    const int64_t b = i / s->G, each = s->H / s->G, first = i % s->G * each;
    enter_example(w, c, b);
    memset(w->k_begun, 0, (size_t)s->T);
    memset(w->v_begun, 0, (size_t)s->T);
    for (int64_t h = first; h < first + each; h++) {
        enter_head(w, c, b, h);
        backward_head(w);
    }
    if (w->dk) finish_rows(w->dk, s->k.ld, s, s->scale, w->k_begun);
    if (w->dv) finish_rows(w->dv, s->v.ld, s, 1.0f, w->v_begun);
}

static void backward(onus_call *c)
{
    job j = {.c = c, .s = layout_of(c->attr, c->in_shape), .unit = backward_unit};
    if (!c->d_in[j.s.q.input] && !c->d_in[j.s.k.input] && !c->d_in[j.s.v.input]) return;
    j.n = c->B * j.s.G;
    run(&j);
}

/* ---- relevance --------------------------------------------------------------------------- */

static void relevance(onus_call *c, const onus_call *c0)
{
    const layout s = layout_of(c->attr, c->in_shape);
    work w = {.kernels = c->ex->k, .s = &s}, w0 = w;
    (void)lay_out(&w, &s, c->scratch);
    for (int k = 0; k < c->n_in; k++)
        if (c->d_in[k] && k != s.tokens)
            memset(c->d_in[k], 0,
                   (size_t)(c->B * onus_shape_numel(&c->in_shape[k])) * sizeof(float));
    for (int64_t b = 0; b < c->B; b++) {
        enter_example(&w, c, b);
        for (int64_t h = 0; h < s.H; h++) {
            enter_head(&w, c, b, h);
            enter_head(&w0, c0, b, h);
            onus_attention_relevance_head(&w, &w0);
        }
    }
}

/* ---- cost -------------------------------------------------------------------------------- */

/* Pairs of query and key, in whole tiles on the diagonal. */
static double pairs_of(const layout *s)
{
    const double T = (double)s->T, rest = (double)(s->T % TILE);
    const double squares = (double)(s->T / TILE) * TILE * TILE + rest * rest;
    return s->causal ? (T * T + squares) / 2 : T * T;
}

/* Forward: two products; scale, max, - m, exp, sum; / l. Backward: five products; scale, - m,
 * exp, - D, times p; / l, D, the scale of dq; that of dk. Absent positions are not known here.
 */
static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B, onus_pass pass)
{
    const layout s = layout_of(attr, in);
    const double b = (double)B, T = (double)s.T, H = (double)s.H, G = (double)s.G,
                 hd = (double)s.hd, pairs = pairs_of(&s);
    const double q = 4 * b * T * H * hd, kv = 4 * b * T * G * hd, kept = 8 * b * H * T,
                 ids = s.tokens < 0 ? 0 : 4 * b * T;
    if (pass == ONUS_PASS_FORWARD)
        return (onus_cost){b * H * (pairs * (2 * hd + 5) + T * hd),
                           2 * q + 2 * kv + kept + ids};
    if (pass == ONUS_PASS_BACKWARD)
        return (onus_cost){b * H * (pairs * (5 * hd + 5) + 3 * T * hd) + b * G * T * hd,
                           4 * q + 4 * kv + kept + ids};
    return (onus_cost){0};
}

const onus_op onus_op_attention = ONUS_OP_ROW(
    "attention", "softmax(q k^T scale) v of each head", 1, 4, 0,
    ONUS_KEEPS_IN | ONUS_KEEPS_OUT | ONUS_RELEVANCE_IN, attrs, N_ATTRS, shape, onus_no_params,
    onus_no_rows, saved, scratch, ONUS_CAN(forward), ONUS_CAN(backward),
    ONUS_CAN(onus_no_terms), ONUS_CAN(onus_no_grad), ONUS_CAN(relevance), ONUS_CAN(cost));
