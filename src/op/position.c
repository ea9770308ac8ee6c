/* SPDX-License-Identifier: Apache-2.0
 * position.c - rows of a table added to a sequence x (T, width): position adds row t to place
 * t, type_embedding adds row 0 to every place (BERT's token types, where a text is one
 * segment). Places whose token (input 2, optional) is below 0 get nothing.
 *
 * Gradients are dots over (example, place), as an embedding's are: of a position's row the
 * terms of its place alone take part, of a type's all; absent terms are skipped, rows that are
 * not used get +0. Which places are there is kept, a byte each. */
#include <string.h>

#include "base/fail.h"
#include "num/kernels.h"
#include "op/tokens.h"

enum { ROWS, STD };
static const onus_attr_def position_attrs[] = {
    {"rows", ONUS_ATTR_INT, 1, 1, 1 << 24, "the table's rows: the longest sequence"},
    {"std", ONUS_ATTR_REAL, 0.02, 0, 100, "the table starts normal with that deviation; 0: 1"}};
static const onus_attr_def type_attrs[] = {
    {"rows", ONUS_ATTR_INT, 2, 1, 1 << 24, "the table's rows, of which the first is added"},
    {"std", ONUS_ATTR_REAL, 0.02, 0, 100, "the table starts normal with that deviation; 0: 1"}};

static onus_status position_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                                  onus_shape *out, onus_err *err)
{
    const onus_status st = onus_check_sequence("position", in, n_in, err);
    char text[96];
    if (st != ONUS_OK) return st;
    if (in[0].d[0] > attr[ROWS].i) {
        onus_shape_text(&in[0], text, sizeof text);
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "position: a sequence of shape %s has %lld places, the table %lld rows", text,
            (long long)in[0].d[0], (long long)attr[ROWS].i);
    }
    *out = in[0];
    return ONUS_OK;
}

static onus_status type_shape(const onus_attr *attr, const onus_shape in[], int n_in,
                              onus_shape *out, onus_err *err)
{
    (void)attr;
    const onus_status st = onus_check_sequence("type_embedding", in, n_in, err);
    if (st == ONUS_OK) *out = in[0];
    return st;
}

static int params(const onus_attr *attr, const onus_shape in[],
                  onus_param_def out[ONUS_PARAM_MAX])
{
    out[0] = (onus_param_def){.name = "weight",
                              .shape = {.n = 2, .d = {attr[ROWS].i, in[0].d[1]}},
                              .init = ONUS_INIT_NORMAL,
                              .fan_in = attr[ROWS].i,
                              .std = attr[STD].r > 0 ? attr[STD].r : 1,
                              .decay = true};
    return 1;
}

static int64_t places_of(const onus_attr *attr, const onus_shape in[])
{
    (void)attr;
    return in[0].d[0];
}

static size_t saved(const onus_attr *attr, const onus_shape in[], int64_t B)
{
    (void)attr;
    return (size_t)(B * in[0].d[0]);
}

/* ---- what both share --------------------------------------------------------------------- */

/* Examples [begin, end): the row of place t starts at step t of the table. */
static void add_rows(const onus_call *c, int64_t begin, int64_t end, int64_t step)
{
    const int64_t T = c->in_shape[0].d[0], n = c->in_shape[0].d[1];
    for (int64_t b = begin; b < end; b++)
        for (int64_t t = 0; t < T; t++) {
            const int64_t i = b * T + t;
            const bool there = onus_is_there(c, 1, b, t);
            ((uint8_t *)c->saved)[i] = there;
            if (there)
                c->ex->k->add(c->in[0] + i * n, c->param[0] + t * step, c->out + i * n, n);
            else if (c->out != c->in[0])
                memcpy(c->out + i * n, c->in[0] + i * n, (size_t)n * sizeof(float));
        }
}

static void copy_range(const onus_call *c, int64_t i, int64_t end)
{
    memcpy(c->d_in[0] + i, c->d_out + i, (size_t)(end - i) * sizeof(float));
}

static void backward(onus_call *c)
{
    if (c->d_in[0] && c->d_in[0] != c->d_out) onus_each(c, onus_call_out(c), 16, 1, copy_range);
}

static void relevance(onus_call *c, const onus_call *c0)
{
    (void)c0;
    backward(c);
}

enum { SEGMENT = 256, BLOCK = 128 };

/* Columns [j, j + w), w <= BLOCK, of the sum over n places, the first and then every step-th,
 * absent ones skipped: a segment (of 256 places from origin on) without any takes no part. */
static void sum_block(const onus_call *c, int64_t origin, int64_t first, int64_t n,
                      int64_t step, int64_t j, int64_t w, bool goes_on, float *out)
{
    const int64_t width = c->in_shape[0].d[1];
    const uint8_t *there = c->saved;
    float total[BLOCK] = {0};
    bool any = goes_on;
    if (goes_on) memcpy(total, out + j, (size_t)w * sizeof *total);
    for (int64_t i = 0; i < n;) {
        const int64_t segment = (first + i * step - origin) / SEGMENT;
        float chain[BLOCK] = {0};
        bool some = false;
        for (; i < n && (first + i * step - origin) / SEGMENT == segment; i++) {
            const int64_t place = first + i * step;
            if (!there[place]) continue;
            const float *row = c->d_out + place * width + j;
            for (int64_t k = 0; k < w; k++) chain[k] = chain[k] + row[k];
            some = true;
        }
        for (int64_t k = 0; some && k < w; k++) total[k] = any ? total[k] + chain[k] : chain[k];
        any = any || some;
    }
    memcpy(out + j, total, (size_t)w * sizeof *total);
}

/* Whether the kernel's segments of 256 rows are those of the places. */
static bool kernel_sums(int64_t from, int64_t n, int64_t step)
{
    return (from == 0 && step == 1) ||
           (n > 0 && from / SEGMENT == (from + (n - 1) * step) / SEGMENT);
}

/* The same over columns [j0, j1); by the kernel where nobody is absent. */
static void sum_places(const onus_call *c, int64_t origin, int64_t first, int64_t n,
                       int64_t step, int64_t j0, int64_t j1, bool goes_on, float *out)
{
    const int64_t width = c->in_shape[0].d[1];
    bool all = kernel_sums(first - origin, n, step);
    for (int64_t i = 0; all && i < n; i++) all = ((const uint8_t *)c->saved)[first + i * step];
    if (all) {
        c->ex->k->col_sum(c->d_out + first * width, n, step * width, j0, j1, goes_on, out);
        return;
    }
    for (int64_t j = j0; j < j1; j += BLOCK)
        sum_block(c, origin, first, n, step, j, j1 - j < BLOCK ? j1 - j : BLOCK, goes_on, out);
}

/* Rows [begin, end) of the table's gradient, which nothing was added to. */
static void zero_unused(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t n = c->in_shape[0].d[1];
    if (c->start[0] == ONUS_GRAD_STARTS && begin < end)
        memset(c->grad[0] + begin * n, 0, (size_t)((end - begin) * n) * sizeof(float));
}

/* The rows that places name, as tokens. */
static size_t scratch(const onus_exec *ex, const onus_attr *attr, const onus_shape in[],
                      int64_t B)
{
    (void)ex, (void)attr;
    return (size_t)(B * in[0].d[0]) * sizeof(float);
}

/* Place t adds dy to row `step_rows` t of the table, if it is there. */
static bool terms_of(onus_call *c, int64_t step, onus_terms_step *out, int64_t step_rows)
{
    const int64_t T = c->in_shape[0].d[0], n = c->in_shape[0].d[1];
    float *row = c->scratch;
    if (!onus_one_step(c, step, out)) return false;
    onus_terms *t = onus_term_add(out, ONUS_TERM_PICK, 0);
    t->rows = T;
    t->u = t->ldd = n;
    t->ldx = 1;
    t->d = c->d_out;
    t->x = row;
    for (int64_t i = 0; step == 0 && i < c->B * T; i++)
        row[i] = ((const uint8_t *)c->saved)[i] ? (float)(i % T * step_rows) : -1.0f;
    return true;
}

/* Operations: an addition an element, everywhere. Bytes: with tokens, whether or not they are
 * given, and as many bytes kept as there are places. */
static onus_cost cost_of(const onus_attr *attr, const onus_shape in[], int64_t B,
                         onus_pass pass, double used)
{
    const double n = (double)in[0].d[1], places = (double)(B * in[0].d[0]), x = places * n;
    switch (pass) {
    case ONUS_PASS_FORWARD: return (onus_cost){x, 8 * x + 5 * places + 4 * used * n};
    case ONUS_PASS_BACKWARD: return (onus_cost){0, 8 * x};
    case ONUS_PASS_GRAD: return (onus_cost){x, 4 * x + places + 4 * (double)attr[ROWS].i * n};
    }
    return (onus_cost){0};
}

/* ---- position ---------------------------------------------------------------------------- */

static void position_range(const onus_call *c, int64_t begin, int64_t end)
{
    add_rows(c, begin, end, c->in_shape[0].d[1]);
}

static void position_forward(onus_call *c)
{
    onus_each(c, c->B, 1, onus_shape_numel(&c->in_shape[0]), position_range);
}

/* Each place's row is a gradient of its own. */
static bool position_terms(onus_call *c, int64_t step, onus_terms_step *out)
{
    return terms_of(c, step, out, 1);
}

static void position_grad_range(const onus_call *c, int64_t begin, int64_t end)
{
    const int64_t T = c->in_shape[0].d[0], n = c->in_shape[0].d[1];
    for (int64_t t = begin; t < end; t++)
        sum_places(c, 0, t, c->B, T, 0, n, c->start[0] == ONUS_GRAD_GOES_ON,
                   c->grad[0] + t * n);
}

static void position_grad(onus_call *c)
{
    const int64_t T = c->in_shape[0].d[0];
    if (!(c->trains & 1)) return;
    onus_each(c, T, 1, c->B * c->in_shape[0].d[1], position_grad_range);
    zero_unused(c, T, c->attr[ROWS].i);
}

static onus_cost position_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                               onus_pass pass)
{
    return cost_of(attr, in, B, pass, (double)in[0].d[0]);
}

const onus_op onus_op_position = ONUS_OP_ROW(
    "position", "y = x + row t of a table at place t of (T, width); tokens: input 2", 1, 2,
    ONUS_OP_INPLACE, 0, position_attrs, 2, position_shape, params, places_of, saved, scratch,
    ONUS_CAN(position_forward), ONUS_CAN(backward), ONUS_CAN(position_terms),
    ONUS_CAN(position_grad), ONUS_CAN(relevance), ONUS_CAN(position_cost));

/* ---- type_embedding ---------------------------------------------------------------------- */

static void type_range(const onus_call *c, int64_t begin, int64_t end)
{
    add_rows(c, begin, end, 0);
}

static void type_forward(onus_call *c)
{
    onus_each(c, c->B, 1, onus_shape_numel(&c->in_shape[0]), type_range);
}

static bool type_terms(onus_call *c, int64_t step, onus_terms_step *out)
{
    return terms_of(c, step, out, 0);
}

static void type_grad_range(const onus_call *c, int64_t begin, int64_t end)
{
    sum_places(c, 0, 0, c->B * c->in_shape[0].d[0], 1, begin, end,
               c->start[0] == ONUS_GRAD_GOES_ON, c->grad[0]);
}

static void type_grad(onus_call *c)
{
    if (!(c->trains & 1)) return;
    onus_each(c, c->in_shape[0].d[1], 16, c->B * c->in_shape[0].d[0], type_grad_range);
    zero_unused(c, 1, c->attr[ROWS].i);
}

static onus_cost type_cost(const onus_attr *attr, const onus_shape in[], int64_t B,
                           onus_pass pass)
{
    return cost_of(attr, in, B, pass, 1);
}

const onus_op onus_op_type_embedding = ONUS_OP_ROW(
    "type_embedding", "y = x + row 0 of a table at every place of (T, width); tokens: input 2",
    1, 2, ONUS_OP_INPLACE, 0, type_attrs, 2, type_shape, params, places_of, saved, scratch,
    ONUS_CAN(type_forward), ONUS_CAN(backward), ONUS_CAN(type_terms), ONUS_CAN(type_grad),
    ONUS_CAN(relevance), ONUS_CAN(type_cost));
