/* SPDX-License-Identifier: Apache-2.0
 * Goal: attention computes what docs/NUMERICS.md says to the bit, and what is masked takes no
 * part, not even as a zero. Method: the formulas again in plain loops, one term at a time,
 * masked ones skipped; numbers whose products vanish, so that chains stand at -0, and numbers
 * that are not finite, under every mask; corners by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "chapters.h"

/* ---- the formulas, a term at a time ------------------------------------------------------ */

/* A dot product of item 3 whose terms come one by one, segments in their order. */
typedef struct {
    float total, chain;
    int64_t segment, n_closed;
} plain_dot;
static const plain_dot no_terms = {.segment = -1};

static void close_segment(plain_dot *d)
{
    if (d->segment >= 0) d->total = d->n_closed++ ? d->total + d->chain : d->chain;
    d->chain = 0.0f;
}

static void add_term(plain_dot *d, int64_t segment, float a, float b)
{
    if (segment != d->segment) close_segment(d);
    d->segment = segment;
    d->chain = fmaf(a, b, d->chain);
}

static float dot_end(plain_dot *d)
{
    close_segment(d);
    return d->n_closed ? d->total : 0.0f;
}

/* Item 4: lanes. */
static float lanes_end(float lane[16])
{
    for (int step = 8; step; step /= 2)
        for (int j = 0; j < step; j++) lane[j] += lane[j + step];
    return lane[0];
}

/* An example of a run. */
typedef struct {
    const op_run *r;
    const onus_kernels *k;
    int64_t b;
    attention_sizes s;
    float scale;
    float *p, *ds;    /* (H, T, T): query, key */
    float *m, *l, *g; /* (H, T), (H, T), (H, T, hd) */
} plain;

/* Number i of position t of head h: part 0 to 2 are q, k, v. */
static float *number(const plain *w, float *const x[], int part, int64_t h, int64_t t,
                     int64_t i)
{
    int input;
    const int64_t at = attention_place(w->r, part, h, t, i, &input);
    return x[input] + w->b * w->r->n_in[input] + at;
}

/* The same in the output or its gradient. */
static float *number_out(const plain *w, float *y, int64_t h, int64_t t, int64_t i)
{
    return y + w->b * w->r->n_out + (t * w->s.H + h) * w->s.hd + i;
}

static bool is_there(const plain *w, int64_t t)
{
    return w->s.tokens < 0 || w->r->x[w->s.tokens][w->b * w->s.T + t] >= 0;
}

static bool sees(const plain *w, int64_t t, int64_t j)
{
    return is_there(w, t) && is_there(w, j) && (!w->r->attr[2].i || j <= t);
}

static float exp_of(float v)
{
    float y;
    onus_kernels_of(ONUS_ISA_REF)->exp(&v, &y, 1);
    return y;
}

/* Scores of query t, their m, p and l. */
static void plain_scores(const plain *w, int64_t h, int64_t t)
{
    const int64_t T = w->s.T, kv = h / (w->s.H / w->s.G);
    float *p = w->p + (h * T + t) * T, *m = &w->m[h * T + t], lane[16] = {0};
    *m = -INFINITY;
    for (int64_t j = 0; j < T; j++) {
        plain_dot d = no_terms;
        for (int64_t i = 0; i < w->s.hd; i++)
            add_term(&d, i / 256, *number(w, w->r->x, 0, h, t, i),
                     *number(w, w->r->x, 1, kv, j, i));
        volatile float s = dot_end(&d) * w->scale;
        p[j] = s;
        if (sees(w, t, j)) *m = s > *m ? s : *m;
    }
    for (int64_t j = 0; j < T; j++) {
        volatile float shifted = p[j] - (*m == -INFINITY ? 0.0f : *m);
        p[j] = exp_of(shifted);
        if (sees(w, t, j)) lane[j % 16] += p[j];
    }
    w->l[h * T + t] = lanes_end(lane);
}

static float plain_out(const plain *w, int64_t h, int64_t t, int64_t i)
{
    const int64_t T = w->s.T, kv = h / (w->s.H / w->s.G);
    const float *p = w->p + (h * T + t) * T, l = w->l[h * T + t];
    plain_dot d = no_terms;
    for (int64_t j = 0; j < T; j++)
        if (sees(w, t, j)) add_term(&d, j / 256, p[j], *number(w, w->r->x, 2, kv, j, i));
    return l == 0 ? 0.0f : dot_end(&d) / l;
}

/* g = dout / l, D = dot(g, out), dp = dot(g, v), ds = p (dp - D). */
static void plain_back_scores(const plain *w, int64_t h, int64_t t)
{
    const int64_t T = w->s.T, hd = w->s.hd, kv = h / (w->s.H / w->s.G);
    float *g = w->g + (h * T + t) * hd, lane[16] = {0};
    if (w->l[h * T + t] == 0) return;
    for (int64_t i = 0; i < hd; i++) {
        g[i] = *number_out(w, w->r->dy, h, t, i) / w->l[h * T + t];
        lane[i % 16] = fmaf(g[i], *number_out(w, w->r->y, h, t, i), lane[i % 16]);
    }
    const float D = lanes_end(lane);
    for (int64_t j = 0; j < T; j++) {
        plain_dot d = no_terms;
        for (int64_t i = 0; i < hd; i++)
            add_term(&d, i / 256, g[i], *number(w, w->r->x, 2, kv, j, i));
        volatile float centred = dot_end(&d) - D;
        w->ds[(h * T + t) * T + j] = w->p[(h * T + t) * T + j] * centred;
    }
}

static bool meets(const plain *w, int64_t h, int64_t t, int64_t j)
{
    return sees(w, t, j) && w->l[h * w->s.T + t] != 0;
}

static float plain_dq(const plain *w, int64_t h, int64_t t, int64_t i)
{
    const int64_t T = w->s.T, kv = h / (w->s.H / w->s.G);
    plain_dot d = no_terms;
    for (int64_t j = 0; j < T; j++)
        if (meets(w, h, t, j))
            add_term(&d, j / 256, w->ds[(h * T + t) * T + j], *number(w, w->r->x, 1, kv, j, i));
    const bool none = d.segment < 0;
    return none ? 0.0f : dot_end(&d) * w->scale;
}

/* dk (part 1) or dv (part 2): over the heads of the group, ascending, and queries; each head
 * begins a segment. */
static float plain_dkv(const plain *w, int part, int64_t kv, int64_t j, int64_t i)
{
    const int64_t T = w->s.T, each = w->s.H / w->s.G;
    plain_dot d = no_terms;
    for (int64_t h = kv * each; h < (kv + 1) * each; h++)
        for (int64_t t = 0; t < T; t++) {
            if (!meets(w, h, t, j)) continue;
            const int64_t at = (h * T + t) * T + j;
            const float other =
                part == 1 ? *number(w, w->r->x, 0, h, t, i) : w->g[(h * T + t) * w->s.hd + i];
            add_term(&d, h * 100 + t / 256, part == 1 ? w->ds[at] : w->p[at], other);
        }
    if (d.segment < 0) return 0.0f;
    return part == 1 ? dot_end(&d) * w->scale : dot_end(&d);
}

static void same(const plain *w, const float *got, float want, const char *what, int64_t h,
                 int64_t t, int64_t i)
{
    if (op_differ(got, &want, 1) >= 0)
        fail_msg("%s, %lld positions: %s[%lld, %lld, %lld, %lld] is %a, the contract says %a",
                 w->k->name, (long long)w->s.T, what, (long long)w->b, (long long)h,
                 (long long)t, (long long)i, (double)*got, (double)want);
}

/* Everything that the run computed, after forward and backward. */
static void check_example(plain *w)
{
    const op_run *r = w->r;
    for (int64_t h = 0; h < w->s.H; h++)
        for (int64_t t = 0; t < w->s.T; t++) {
            plain_scores(w, h, t);
            for (int64_t i = 0; i < w->s.hd; i++)
                same(w, number_out(w, r->y, h, t, i), plain_out(w, h, t, i), "out", h, t, i);
            plain_back_scores(w, h, t);
            for (int64_t i = 0; i < w->s.hd; i++)
                same(w, number(w, r->dx, 0, h, t, i), plain_dq(w, h, t, i), "dq", h, t, i);
        }
    for (int64_t kv = 0; kv < w->s.G; kv++)
        for (int64_t j = 0; j < w->s.T; j++)
            for (int64_t i = 0; i < w->s.hd; i++) {
                same(w, number(w, r->dx, 1, kv, j, i), plain_dkv(w, 1, kv, j, i), "dk", kv, j,
                     i);
                same(w, number(w, r->dx, 2, kv, j, i), plain_dkv(w, 2, kv, j, i), "dv", kv, j,
                     i);
            }
}

static void check_run(const op_run *r)
{
    plain w = {.r = r, .k = r->call.ex->k, .s = attention_of(r)};
    const size_t rows = (size_t)(w.s.H * w.s.T), T = (size_t)w.s.T;
    w.scale = r->attr[3].r > 0 ? (float)r->attr[3].r : (float)(1 / sqrt((double)w.s.hd));
    w.p = op_array(rows * T, sizeof(float));
    w.ds = op_array(rows * T, sizeof(float));
    w.m = op_array(rows, sizeof(float));
    w.l = op_array(rows, sizeof(float));
    w.g = op_array(rows * (size_t)w.s.hd, sizeof(float));
    for (w.b = 0; w.b < r->B; w.b++) check_example(&w);
    free(w.p);
    free(w.ds);
    free(w.m);
    free(w.l);
    free(w.g);
}

/* ---- numbers and masks ------------------------------------------------------------------- */

typedef enum { PLAIN, TINY_VALUES, TINY_KEYS, NOT_FINITE, BLIND } numbers;
typedef enum { ALL, HOLES, LATE, ONE, NONE, NO_MIDDLE } mask; /* which positions are there */

typedef struct {
    int64_t H, G, hd, T;
    bool causal;
    int n_in;
    mask mask;
    numbers numbers;
} situation;

static bool present(mask m, int64_t t, int64_t T, uint64_t *s)
{
    switch (m) {
    case ALL: return true;
    case HOLES: return op_word(s) % 3 != 0;
    case LATE: return t >= T / 2;
    case ONE: return t == T / 3;
    case NONE: return false;
    case NO_MIDDLE: return t < 256 || t >= 512;
    }
    return true;
}

/* Products of these with numbers below 1/2 vanish, and leave their sign. */
static void make_tiny(float *x, int64_t n, uint64_t *s)
{
    static const float tiny[] = {-0x1p-149f, 0x1p-149f, -0x1p-149f, -0.0f, 0.0f};
    for (int64_t i = 0; i < n; i++) x[i] = tiny[(op_word(s) >> 20) % 5];
}

static void make_odd(float *x, int64_t n, uint64_t *s)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f};
    for (int64_t i = 0; i < n; i++) {
        const uint64_t u = op_word(s) >> 20;
        if (u % 61 == 0) x[i] = odd[u % 5];
    }
}

/* Queries, keys and values of a head side by side, and dy. */
static void make_numbers(op_run *r, const situation *at, uint64_t *s)
{
    const int64_t q = at->H * at->hd, kv = at->G * at->hd, n = r->B * at->T;
    if (at->numbers == NOT_FINITE) {
        make_odd(r->dy, r->B * r->n_out, s);
        make_odd(r->x[0], r->B * r->n_in[0], s);
    }
    for (int64_t t = 0; t < n; t++) {
        float *row = r->x[0] + t * (q + 2 * kv);
        if (at->numbers == TINY_KEYS) make_tiny(row, q + kv, s);
        if (at->numbers == BLIND) { /* the first and the last query's scores are -infinity */
            for (int64_t i = 0; i < q; i++)
                row[i] = t % at->T == 0 || t % at->T == at->T - 1 ? INFINITY : row[i];
            for (int64_t i = q; i < q + kv; i++) row[i] = -fabsf(row[i]);
        }
        if (at->numbers != TINY_VALUES) continue;
        for (int64_t i = 0; i < q; i++) row[i] *= 100; /* p is tiny, but once */
        make_tiny(row + q + kv, kv, s);
        make_tiny(r->dy + t * q, q, s);
    }
}

static void situation_make(op_run *r, const situation *at, const onus_exec *ex, int64_t B)
{
    const onus_attr attr[ONUS_ATTR_MAX] = {{at->H, 0}, {at->G, 0}, {at->causal, 0}, {0, 0}};
    op_inputs in = {.n = at->n_in};
    const int64_t q = at->H * at->hd, kv = at->G * at->hd;
    in.shape[0] = (onus_shape){2, {at->T, at->n_in < 3 ? q + 2 * kv : q}};
    if (at->n_in >= 3) in.shape[1] = in.shape[2] = (onus_shape){2, {at->T, kv}};
    if (at->n_in % 2 == 0) {
        in.shape[at->n_in - 1] = (onus_shape){1, {at->T}};
        in.ids[at->n_in - 1] = 7;
    }
    op_run_make_on(r, onus_op_find("attention"), attr, &in, B, ex, 0, (uint64_t)at->T + 3);
    uint64_t s = 5;
    for (int64_t i = 0; at->n_in % 2 == 0 && i < B * at->T; i++)
        r->x[at->n_in - 1][i] = present(at->mask, i % at->T, at->T, &s) ? 3.0f : -1.0f;
    make_numbers(r, at, &s);
}

static void check_situation(const situation *at)
{
    onus_pool *pool = NULL;
    assert_int_equal(onus_pool_create(&pool, 2, NULL, NULL), ONUS_OK);
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
        const onus_exec ex = {.k = onus_kernels_of((onus_isa)isa),
                              .pool = isa % 2 ? pool : NULL};
        op_run r;
        if (!ex.k) continue;
        situation_make(&r, at, &ex, 2);
        r.op->forward.fn(&r.call);
        r.op->backward.fn(&r.call);
        check_run(&r);
        op_run_free(&r);
    }
    onus_pool_destroy(pool);
}

static void every_bit_is_the_contracts(void **state)
{
    (void)state;
    static const situation rows[] = {
        /* H, G, numbers of a head, T */
        {2, 2, 4, 1, true, 1, ALL, PLAIN},      {2, 1, 8, 33, true, 1, ALL, PLAIN},
        {1, 1, 5, 70, false, 1, ALL, PLAIN},    {4, 2, 3, 64, true, 3, ALL, PLAIN},
        {2, 1, 4, 300, true, 1, ALL, PLAIN},    {2, 2, 3, 300, false, 3, ALL, PLAIN},
        {2, 1, 3, 257, false, 4, HOLES, PLAIN}, {1, 1, 300, 5, true, 1, ALL, PLAIN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_situation(&rows[i]);
}

/* Every mask with numbers whose products vanish (sums stand at -0 where a masked zero would
 * make them +0) and with numbers that are not finite, in masked places, too. */
static void masked_terms_take_no_part(void **state)
{
    (void)state;
    for (int m = ALL; m <= NO_MIDDLE; m++)
        for (int kind = PLAIN; kind <= BLIND; kind++)
            for (int causal = 0; causal < 2; causal++) {
                const int64_t T = m == NO_MIDDLE                      ? 530
                                  : m == HOLES && kind == TINY_VALUES ? 290
                                                                      : 45;
                const situation at = {.H = m == NO_MIDDLE ? 1 : 2,
                                      .G = 1,
                                      .hd = 2,
                                      .T = T,
                                      .causal = causal,
                                      .n_in = kind == PLAIN ? 4 : 2,
                                      .mask = (mask)m,
                                      .numbers = (numbers)kind};
                check_situation(&at);
            }
}

/* ---- decode is prefill ------------------------------------------------------------------- */

/* Row t of causal attention over more positions, or beside other examples, has the bits of row
 * t over t + 1. */
static void later_positions_change_nothing(void **state)
{
    (void)state;
    static const int64_t lengths[] = {1, 2, 31, 32, 33, 64, 255, 256, 257, 290};
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    const situation long_ = {2, 1, 8, 300, true, 1, ALL, PLAIN};
    op_run whole;
    situation_make(&whole, &long_, &ex, 3);
    whole.op->forward.fn(&whole.call);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        situation at = long_;
        at.T = lengths[i];
        op_run part;
        situation_make(&part, &at, &ex, 1);
        memcpy(part.x[0], whole.x[0] + 2 * whole.n_in[0], (size_t)part.n_in[0] * sizeof(float));
        part.op->forward.fn(&part.call);
        assert_int_equal(op_differ(part.y, whole.y + 2 * whole.n_out, part.n_out), -1);
        op_run_free(&part);
    }
    op_run_free(&whole);
}

/* ---- by hand ----------------------------------------------------------------------------- */

/* One head of one number, q, k, v of n positions side by side; scale 1. */
static void out_of(const float *qkv, int64_t n, float *out)
{
    op_run r;
    const onus_attr attr[ONUS_ATTR_MAX] = {{1, 1}, {0, 0}, {0, 0}, {1, 1}};
    const onus_shape in = {2, {n, 3}};
    const op_inputs one = {.n = 1, .shape = {in}};
    op_run_make_on(&r, onus_op_find("attention"), attr, &one, 1, &ref, 0, 1);
    memcpy(r.x[0], qkv, (size_t)(3 * n) * sizeof(float));
    r.op->forward.fn(&r.call);
    memcpy(out, r.y, (size_t)n * sizeof(float));
    op_run_free(&r);
}

static void corners_by_hand(void **state)
{
    (void)state;
    float y[3];
    const float inf = INFINITY;
    /* one key: its value, whatever the score */
    out_of((float[]){-1e18f, 1e19f, 0.3f}, 1, y);
    assert_true(y[0] == 0.3f);
    /* equal scores: the mean; q = 0: too */
    out_of((float[]){0, 1, 1, 5, 0, 2, 0, 7, 6}, 3, y);
    assert_float_equal(y[0], 3, 1e-6);
    assert_float_equal(y[2], 3, 1e-6);
    assert_float_equal(y[1], 6, 1e-6); /* scores 5, 0, 35 */
    /* scores of +-1e38: nothing overflows, the largest takes all */
    out_of((float[]){1e19f, 1e19f, 7, -1e19f, -1e19f, 8, 1, 0, 9}, 3, y);
    assert_true(y[0] == 7 && y[1] == 8 && y[2] == 7);
    /* a score beyond every number is not hidden */
    out_of((float[]){1e30f, 1e30f, 7, 0, 0, 8, 0, 0, 9}, 3, y);
    assert_true(isnan(y[0]) && y[1] == 8 && y[2] == 8);
    /* scores of -infinity weigh nothing; nothing but those: +0 */
    out_of((float[]){1, -inf, 7, 1, 2, 8, 1, -inf, 9}, 3, y);
    assert_true(y[0] == 8 && y[1] == 8 && y[2] == 8);
    out_of((float[]){1, -inf, 7, 1, -inf, 8, 1, -inf, 9}, 3, y);
    assert_true(y[0] == 0 && !signbit(y[0]) && y[2] == 0);
    /* a query that is not a number spoils its own row only; a key all rows */
    out_of((float[]){NAN, 1, 7, 1, 1, 8, 1, 1, 9}, 3, y);
    assert_true(isnan(y[0]) && y[1] == 8 && y[2] == 8);
    out_of((float[]){1, NAN, 7, 1, 1, 8, 1, 1, 9}, 3, y);
    assert_true(isnan(y[0]) && isnan(y[1]) && isnan(y[2]));
}

/* An example without a position, and a position without a key: +0, forward and back. */
static void nothing_to_attend_to(void **state)
{
    (void)state;
    const situation at = {2, 1, 4, 40, false, 2, NONE, PLAIN};
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    op_run r;
    situation_make(&r, &at, &ex, 2);
    r.op->forward.fn(&r.call);
    r.op->backward.fn(&r.call);
    for (int64_t i = 0; i < 2 * r.n_out; i++) assert_true(r.y[i] == 0 && !signbit(r.y[i]));
    for (int64_t i = 0; i < 2 * r.n_in[0]; i++)
        assert_true(r.dx[0][i] == 0 && !signbit(r.dx[0][i]));
    op_run_free(&r);
}

/* Only some gradients are wanted: the others' arrays are not there, these are the same. */
static void single_gradients(void **state)
{
    (void)state;
    const situation at = {2, 1, 4, 70, true, 3, ALL, PLAIN};
    op_run all, one;
    situation_make(&all, &at, &ref, 2);
    all.op->forward.fn(&all.call);
    all.op->backward.fn(&all.call);
    for (int k = 0; k < 3; k++) {
        situation_make(&one, &at, &ref, 2);
        one.op->forward.fn(&one.call);
        for (int j = 0; j < 3; j++)
            if (j != k) one.call.d_in[j] = NULL;
        one.op->backward.fn(&one.call);
        assert_int_equal(op_differ(one.dx[k], all.dx[k], 2 * all.n_in[k]), -1);
        op_run_free(&one);
    }
    op_run_free(&all);
}

static void shapes_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        int64_t heads, kv_heads;
        int n_in;
        onus_shape in[4];
        const char *says, *got;
    } rows[] = {
        {4, 3, 1, {{2, {5, 40}}}, "4 heads do not share 3 kv_heads", "evenly"},
        {2, 4, 1, {{2, {5, 40}}}, "2 heads do not share 4 kv_heads", "evenly"},
        {2, 0, 1, {{2, {5, 8}}}, "input 0, expected shape (positions, 6 *", "(5, 8)"},
        {2, 0, 1, {{1, {6}}}, "input 0", "got (6)"},
        {2, 0, 2, {{2, {5, 12}}, {1, {4}}}, "input 1, expected shape (5)", "(4)"},
        {2, 0, 2, {{2, {5, 12}}, {2, {5, 12}}}, "input 1, expected shape (5)", "(5, 12)"},
        {2,
         1,
         3,
         {{2, {5, 8}}, {2, {5, 8}}, {2, {5, 4}}},
         "input 1, expected shape (5, 4)",
         "(5, 8)"},
        {2, 1, 3, {{2, {5, 8}}, {2, {5, 4}}, {2, {6, 4}}}, "input 2", "(6, 4)"},
        {2, 1, 4, {{2, {5, 8}}, {2, {5, 4}}, {2, {5, 4}}, {0}}, "input 3", "()"},
    };
    const onus_op *op = onus_op_find("attention");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const onus_attr attr[ONUS_ATTR_MAX] = {{rows[i].heads, 0}, {rows[i].kv_heads, 0}};
        onus_shape out = {3, {7, 7, 7}};
        onus_err err;
        assert_int_equal(op->shape(attr, rows[i].in, rows[i].n_in, &out, &err), ONUS_BAD_INPUT);
        if (!strstr(err.msg, rows[i].says) || !strstr(err.msg, rows[i].got))
            fail_msg("it says: %s", err.msg);
        assert_int_equal(out.n, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_is_the_contracts),
        cmocka_unit_test(masked_terms_take_no_part),
        cmocka_unit_test(later_positions_change_nothing),
        cmocka_unit_test(corners_by_hand),
        cmocka_unit_test(nothing_to_attend_to),
        cmocka_unit_test(single_gradients),
        cmocka_unit_test(shapes_that_do_not_fit),
    };
    ref.k = onus_kernels_of(ONUS_ISA_REF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
