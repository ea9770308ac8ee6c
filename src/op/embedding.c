/* SPDX-License-Identifier: Apache-2.0
 * embedding.c - tokens (T) become the table's rows: (T, width). A token below 0 is absent: +0,
 * and no gradient.
 *
 * The table's gradient is a dot over (example, position), of which a row takes the terms with
 * its token and skips the others (contract, items 3 and 7); so places are sorted by token, and
 * the rows of the table that a batch does not name are not looked at (but zeroed once, where a
 * gradient starts). */
#include <assert.h>
#include <string.h>

#include "base/fail.h"
#include "num/kernels.h"
#include "op/each.h"

enum { ROWS, WIDTH, STD };
static const onus_attr_def attrs[] = {
    {"rows", ONUS_ATTR_INT, 1, 1, 1 << 24, "the table's rows: tokens are below it"},
    {"width", ONUS_ATTR_INT, 1, 1, 1 << 24, "numbers of a row"},
    {"std", ONUS_ATTR_REAL, 0.02, 0, 100, "the table starts normal with that deviation; 0: 1"},
};
enum { N_ATTRS = sizeof attrs / sizeof *attrs };

static onus_status shape(const onus_attr *attr, const onus_shape in[], int n_in,
                         onus_shape *out, onus_err *err)
{
    (void)n_in;
    char text[96];
    if (in[0].n != 1) {
        onus_shape_text(&in[0], text, sizeof text);
        return onus_fail(err, ONUS_BAD_INPUT,
                         "embedding: takes tokens, expected shape (T), got %s", text);
    }
    *out = (onus_shape){.n = 2, .d = {in[0].d[0], attr[WIDTH].i}};
    return ONUS_OK;
}

static int params(const onus_attr *attr, const onus_shape in[],
                  onus_param_def out[ONUS_PARAM_MAX])
{
    (void)in;
    out[0] = (onus_param_def){.name = "weight",
                              .shape = {.n = 2, .d = {attr[ROWS].i, attr[WIDTH].i}},
                              .init = ONUS_INIT_NORMAL,
                              .fan_in = attr[ROWS].i,
                              .std = attr[STD].r > 0 ? attr[STD].r : 1,
                              .decay = true};
    return 1;
}

static int64_t rows(const onus_attr *attr, const onus_shape in[])
{
    (void)attr;
    return in[0].d[0] > 0 ? in[0].d[0] : 1;
}

/* The row that a token names, or -1. Tokens from outside are checked where they are read; one
 * that the table lacks is a broken invariant, and stops here before it can write anywhere. */
static int64_t row_of(const onus_call *c, float token)
{
    if (!(token >= 0.0f)) return -1;
    assert(token < (float)c->attr[ROWS].i && token == (float)(int64_t)token);
    return (int64_t)token;
}

/* ---- scratch ----------------------------------------------------------------------------- */

static size_t aligned(size_t bytes)
{
    return (bytes + ONUS_ALIGN - 1) & ~(size_t)(ONUS_ALIGN - 1);
}

/* For a gradient: two orders of all places. */
static size_t scratch(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                      int64_t B)
{
    (void)ex, (void)attr;
    return 2 * aligned((size_t)(B * in[0].d[0]) * sizeof(int32_t));
}

/* ---- forward ----------------------------------------------------------------------------- */

static void forward_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t n = c->attr[WIDTH].i;
    for (int64_t i = begin; i < end; i++) {
        const int64_t row = row_of(c, c->in[0][i]);
        if (row < 0)
            memset(c->out + i * n, 0, (size_t)n * sizeof(float));
        else
            memcpy(c->out + i * n, c->param[0] + row * n, (size_t)n * sizeof(float));
    }
}

static void forward(onus_call *c)
{
    onus_each(c, c->B * c->in_shape[0].d[0], 1, c->attr[WIDTH].i, forward_range);
}

/* Tokens have no gradient. */
static void backward(onus_call *c)
{
    (void)c;
}

/* ---- gradients --------------------------------------------------------------------------- */

/* Places [0, n) of tokens, absent ones left out, by token, then by place: into order; how many.
 * Digits of 8 bits, the lowest first; tokens are below 2^24. */
static int64_t sort_places(const onus_call *c, const float *tokens, int64_t n, int32_t *order,
                           int32_t *other)
{
    assert(n <= INT32_MAX);
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (row_of(c, tokens[i]) >= 0) other[count++] = (int32_t)i;
    for (int shift = 0; shift < 24; shift += 8) {
        int64_t at[257] = {0};
        for (int64_t i = 0; i < count; i++)
            at[((int32_t)tokens[other[i]] >> shift & 255) + 1]++;
        for (int d = 0; d < 256; d++) at[d + 1] += at[d];
        for (int64_t i = 0; i < count; i++)
            order[at[(int32_t)tokens[other[i]] >> shift & 255]++] = other[i];
        memcpy(other, order, (size_t)count * sizeof *order);
    }
    return count;
}

/* Places from order[i] on that have its token. */
static int64_t same_token(const float *tokens, const int32_t *order, int64_t count, int64_t i)
{
    int64_t end = i + 1;
    while (end < count && tokens[order[end]] == tokens[order[i]]) end++;
    return end - i;
}

enum { SEGMENT = 256, BLOCK = 128 };

/* Adds rows of dy at n places of one token to columns [j0, j1) of g: segments one by one, or
 * (adds) their sum at once. A chain from +0 of plain sums is never -0, so that 0 + chain is the
 * chain, and a total may start at +0. */
static void add_places(const float *dy, int64_t width, const int32_t *place, int64_t n,
                       bool adds, int64_t j0, int64_t j1, float *g)
{
    for (int64_t j = j0; j < j1; j += BLOCK) {
        const int64_t w = j1 - j < BLOCK ? j1 - j : BLOCK;
        float total[BLOCK] = {0};
        if (!adds) memcpy(total, g + j, (size_t)w * sizeof *total);
        for (int64_t i = 0; i < n;) {
            const int32_t segment = place[i] / SEGMENT;
            float chain[BLOCK] = {0};
            for (; i < n && place[i] / SEGMENT == segment; i++) {
                const float *row = dy + place[i] * width + j;
                for (int64_t k = 0; k < w; k++) chain[k] = chain[k] + row[k];
            }
            for (int64_t k = 0; k < w; k++) total[k] = total[k] + chain[k];
        }
        for (int64_t k = 0; k < w; k++) g[j + k] = adds ? g[j + k] + total[k] : total[k];
    }
}

static void zero_range(const onus_call *c, int64_t begin, int64_t end)
{
    memset(c->grad[0] + begin, 0, (size_t)(end - begin) * sizeof(float));
}

/* Columns [j0, j1) of every row that the batch names. Absent places stand behind the others,
 * marked by -1. */
static void grad_range(const onus_call *c, int64_t j0, int64_t j1)
{
    const int64_t n = c->attr[WIDTH].i, places = c->B * c->in_shape[0].d[0];
    const float *tokens = c->in[0];
    const int32_t *order = c->scratch;
    int64_t count = places;
    while (count > 0 && order[count - 1] < 0) count--;
    for (int64_t i = 0, same; i < count; i += same) {
        same = same_token(tokens, order, count, i);
        add_places(c->d_out, n, order + i, same, c->start[0] == ONUS_GRAD_ADDS, j0, j1,
                   c->grad[0] + row_of(c, tokens[order[i]]) * n);
    }
}

static void weighted_grad(onus_call *c)
{
    const int64_t n = c->attr[WIDTH].i, places = c->B * c->in_shape[0].d[0];
    if (!(c->trains & 1)) return;
    if (c->start[0] == ONUS_GRAD_STARTS) onus_each(c, c->attr[ROWS].i * n, 16, 1, zero_range);
    int32_t *order = c->scratch,
            *other = (int32_t *)(void *)((char *)c->scratch +
                                         aligned((size_t)places * sizeof(int32_t)));
    const int64_t count = sort_places(c, c->in[0], places, order, other);
    for (int64_t i = count; i < places; i++) order[i] = -1;
    onus_each(c, n, 16, places, grad_range);
}

static bool terms(onus_call *c, int64_t step, onus_terms_step *out)
{
    if (!onus_one_step(c, step, out)) return false;
    onus_terms *t = onus_term_add(out, ONUS_TERM_PICK, 0);
    t->rows = c->in_shape[0].d[0];
    t->u = t->ldd = c->attr[WIDTH].i;
    t->ldx = 1;
    t->d = c->d_out;
    t->x = c->in[0];
    return true;
}

/* ---- relevance --------------------------------------------------------------------------- */

/* Rows are looked up, not computed: all that a place's row receives is its token's, m_in (token
 * - token0) = sum of m_out (row - row0). */
static void relevance(onus_call *c, const onus_call *c0)
{
    const int64_t n = c->attr[WIDTH].i, places = c->B * c->in_shape[0].d[0];
    for (int64_t i = 0; c->d_in[0] && i < places; i++) {
        const float step = c->in[0][i] - c0->in[0][i];
        double sum = 0;
        for (int64_t k = i * n; k < (i + 1) * n; k++)
            sum += (double)c->d_out[k] * ((double)c->out[k] - (double)c0->out[k]);
        c->d_in[0][i] = step != 0.0f ? (float)(sum / (double)step) : 0.0f;
    }
}

/* As if no place were absent and no two had one token; a gradient that starts. */
static onus_cost cost(const onus_attr *attr, const onus_shape in[], int64_t B, onus_pass pass)
{
    const double places = (double)(B * in[0].d[0]), n = (double)attr[WIDTH].i,
                 table = (double)attr[ROWS].i * n;
    switch (pass) {
    case ONUS_PASS_FORWARD: return (onus_cost){0, 4 * places * (2 * n + 1)};
    case ONUS_PASS_BACKWARD: return (onus_cost){0, 0};
    case ONUS_PASS_GRAD: return (onus_cost){places * n, 4 * places * (n + 1) + 4 * table};
    }
    return (onus_cost){0};
}

const onus_op onus_op_embedding = ONUS_OP_ROW(
    "embedding", "tokens (T) become rows of a table: (T, width)", 1, 1, ONUS_OP_ADDS,
    ONUS_KEEPS_IN | ONUS_RELEVANCE_IN | ONUS_RELEVANCE_OUT, attrs, N_ATTRS, shape, params, rows,
    onus_no_bytes, scratch, ONUS_CAN(forward), ONUS_CAN(backward), ONUS_CAN(terms),
    ONUS_CAN(weighted_grad), ONUS_CAN(relevance), ONUS_CAN(cost));
