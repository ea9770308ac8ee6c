/* SPDX-License-Identifier: Apache-2.0
 * attention.h - what the tests of the table know of attention. Included by chapters.h. */

/* Heads, heads of keys, positions, numbers of a head; tokens' input or -1. */
typedef struct {
    int64_t H, G, T, hd;
    int tokens;
} attention_sizes;

static inline attention_sizes attention_of(const op_run *r)
{
    attention_sizes s = {.H = r->attr[0].i,
                         .G = r->attr[1].i ? r->attr[1].i : r->attr[0].i,
                         .T = r->in_shape[0].d[0],
                         .tokens = r->n_inputs % 2 ? -1 : r->n_inputs - 1};
    s.hd = r->in_shape[0].d[1] / (r->n_inputs < 3 ? s.H + 2 * s.G : s.H);
    return s;
}

/* Place of number i of head h of part (0 q, 1 k, 2 v) at position t; *input: in which input. */
static inline int64_t attention_place(const op_run *r, int part, int64_t h, int64_t t,
                                      int64_t i, int *input)
{
    const attention_sizes s = attention_of(r);
    const bool packed = r->n_inputs < 3;
    const int64_t before[3] = {0, s.H, s.H + s.G};
    *input = packed ? 0 : part;
    return t * r->in_shape[*input].d[1] + (packed ? before[part] * s.hd : 0) + h * s.hd + i;
}

static inline double attention_at(const op_run *r, double *const x[], int part, int64_t h,
                                  int64_t t, int64_t i)
{
    int input;
    const int64_t at = attention_place(r, part, h, t, i, &input);
    return x[input][at];
}

/* One row of one head. */
static inline void attention_row(const op_run *r, double *const x[], int64_t h, int64_t t,
                                 double *y)
{
    const attention_sizes s = attention_of(r);
    const int64_t kv = h / (s.H / s.G);
    const double *ids = s.tokens < 0 ? NULL : x[s.tokens];
    const double scale = r->attr[3].r > 0 ? r->attr[3].r : 1 / sqrt((double)s.hd);
    double *p = op_array((size_t)s.T, sizeof *p), m = -INFINITY, l = 0;
    for (int64_t i = 0; i < s.hd; i++) y[i] = 0;
    for (int64_t j = 0; j < s.T; j++) {
        p[j] = 0;
        for (int64_t i = 0; i < s.hd; i++)
            p[j] += attention_at(r, x, 0, h, t, i) * attention_at(r, x, 1, kv, j, i);
        p[j] *= scale;
        if ((r->attr[2].i && j > t) || (ids && (ids[j] < 0 || ids[t] < 0))) p[j] = -INFINITY;
        m = fmax(m, p[j]);
    }
    for (int64_t j = 0; m > -INFINITY && j < s.T; j++) l += p[j] = exp(p[j] - m);
    for (int64_t j = 0; l > 0 && j < s.T; j++)
        for (int64_t i = 0; i < s.hd; i++) y[i] += p[j] / l * attention_at(r, x, 2, kv, j, i);
    free(p);
}

static inline void attention_exact(const op_run *r, int64_t b, double *const x[],
                                   double *const p[], double *y)
{
    (void)b, (void)p;
    const attention_sizes s = attention_of(r);
    for (int64_t t = 0; t < s.T; t++)
        for (int64_t h = 0; h < s.H; h++) attention_row(r, x, h, t, y + (t * s.H + h) * s.hd);
}

/* Pairs of a query and a key that are computed: tiles of 32 queries see the keys up to their
 * last one. */
static inline double attention_pairs(const op_run *r)
{
    const attention_sizes s = attention_of(r);
    double pairs = 0;
    for (int64_t t = 0; t < s.T; t++) {
        const int64_t end = (t / 32 + 1) * 32;
        pairs += (double)(r->attr[2].i && end < s.T ? end : s.T);
    }
    return pairs;
}

/* Forward: scale, max, - m, sum a pair; / l. Backward: scale, - m, - D, times p; / l, times
 * scale. */
static inline double attention_loops(const op_run *r, onus_pass pass)
{
    const attention_sizes s = attention_of(r);
    const double B = (double)r->B, head = (double)(s.T * s.hd), pairs = attention_pairs(r);
    if (pass == ONUS_PASS_FORWARD) return B * (double)s.H * (4 * pairs + head);
    return B * ((double)s.H * (4 * pairs + 2 * head) + (double)s.G * head);
}

/* q, k, v, out, m and l; the way back also their gradients. Tokens have none. */
static inline double attention_bytes(const op_run *r, onus_pass pass)
{
    const attention_sizes s = attention_of(r);
    const double rows = 4.0 * (double)(r->B * s.T), heads = (double)(2 * s.H + 2 * s.G);
    const double once = rows * (double)s.hd * heads;
    return (pass == ONUS_PASS_BACKWARD ? 2 : 1) * once + rows * 2 * (double)s.H +
           (s.tokens < 0 ? 0 : rows);
}

static const chapter chapter_attention = {
    .op = "attention",
    .exact = attention_exact,
    /* heads, kv_heads, causal, scale */
    .small = {{{2, 0, 1, 0}, {2, {7, 18}}, 2},
              {{1, 0, 0, 0.3}, {2, {35, 6}}, 1},
              {{4, 2, 1, 0}, {0}, 2, {2, {{2, {6, 16}}, {1, {6}}}, {0, 9}, 0}},
              {{2, 1, 0, 0}, {0}, 2, {3, {{2, {5, 8}}, {2, {5, 4}}, {2, {5, 4}}}, {0}, 0}},
              {{3, 0, 0, 0},
               {0},
               3,
               {4, {{2, {4, 6}}, {2, {4, 6}}, {2, {4, 6}}, {1, {4}}}, {0, 0, 0, 5}, 0}},
              {{1, 0, 1, 0}, {2, {1, 3}}, 2}},
    .big = {{4, 2, 1, 0}, {0}, 2, {2, {{2, {300, 40}}, {1, {300}}}, {0, 9}, 0}},
    .loops = attention_loops,
    .bytes = attention_bytes};
