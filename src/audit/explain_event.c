/* SPDX-License-Identifier: Apache-2.0
 * explain_event.c - which rows are explained, and what the ledger says of an explanation: means
 * over rows and a hash of the values of single people, never the values.
 *
 * Of texts not even means by word: a word can name somebody, and one that stands in a single
 * text would tell that text's value. What is said is where in the texts the shares lie, how few
 * tokens hold them, and how much falls on tokens that the vocabulary does not know. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/explain.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/hash.h"
#include "num/philox.h"

onus_status onus_explain_choose(const onus_dataset *d, onus_part part, int64_t n, uint64_t seed,
                                uint32_t node, int64_t *out, int64_t *n_out,
                                const onus_allocator *mem, onus_err *err)
{
    int64_t have = 0;
    const int64_t *rows = onus_dataset_part(d, part, &have);
    onus_status st = ONUS_OK;
    int64_t *idx = onus_alloc(mem, (size_t)have + 1, sizeof *idx);
    void *tmp = onus_alloc(mem, ONUS_SHUFFLE_TMP_BYTES((size_t)have + 1), 1);
    if (!idx || !tmp) {
        st = onus_fail_mem(err, "explain");
        goto done;
    }
    const onus_stream stream = {
        .seed = seed, .step = 0, .node = node, .purpose = ONUS_DRAW_EXPLAIN};
    for (int64_t i = 0; i < have; i++) idx[i] = i;
    onus_stream_shuffle(&stream, idx, have, tmp);
    const int64_t k = n < have ? n : have;
    bool *taken = tmp;
    memset(taken, 0, (size_t)have);
    for (int64_t i = 0; i < k; i++) taken[idx[i]] = true;
    *n_out = 0;
    for (int64_t i = 0; i < have; i++) {
        if (taken[i]) out[(*n_out)++] = rows[i];
    }
done:
    onus_free(mem, idx);
    onus_free(mem, tmp);
    return st;
}

int64_t onus_explain_count(const onus_dataset *d)
{
    return onus_dataset_task(d) == ONUS_TASK_LABELS ? onus_dataset_labels(d) : 1;
}

onus_status onus_explain_within(const onus_explanation *e, const onus_dataset *d, char out[600],
                                onus_err *err)
{
    char part[512];
    out[0] = '\0';
    if (onus_dataset_task(d) != ONUS_TASK_LABELS) return ONUS_OK;
    onus_status st =
        onus_name_part(part, sizeof part, onus_dataset_label_name(d, e->output), err);
    if (st == ONUS_OK) snprintf(out, 600, "label.%s.", part);
    return st;
}

/* "explain" or "relevance": the first word of the names. */
static const char *prefix_of(const onus_explanation *e)
{
    return e->relevance ? "relevance" : "explain";
}

void onus_explain_of(const onus_explanation *e, const onus_dataset *d, char out[512])
{
    const onus_task task = onus_dataset_task(d);
    const bool odds = task == ONUS_TASK_BINARY || task == ONUS_TASK_LABELS;
    const char *what = !e->relevance ? "probability" : odds ? "log-odds" : "logit";
    if (task == ONUS_TASK_REGRESSION) {
        snprintf(out, 512, "predicted value");
    } else if (!odds && e->output < 0) {
        snprintf(out, 512, "%s of the decided class", what);
    } else {
        const char *name = task == ONUS_TASK_LABELS
                               ? onus_dataset_label_name(d, e->output)
                               : onus_dataset_class_name(d, odds ? 1 : e->output);
        snprintf(out, 512, "%s of %.*s", what, onus_utf8_cut(name, ONUS_EXPLAIN_NAME), name);
    }
}

/* What is compared are rows of the test part and of the training part. How often a protected
 * column differs between them, how its values spread (of a linear model they are two numbers,
 * one a group), and how many coalitions that makes are numbers of people: where the sizes of
 * its groups are withheld, so are these. a below 0: of any set of groups. */
static bool withholds(const onus_dataset *d, int64_t a)
{
    static const onus_part parts[] = {ONUS_PART_TRAIN, ONUS_PART_TEST};
    bool any = false;
    for (int i = 0; i < 2; i++) {
        const onus_disclosure *told = onus_dataset_disclosure(d, parts[i]);
        if (!told) continue;
        any = any || !(a < 0 ? onus_disclosure_tells_everything(told)
                             : onus_disclosure_tells_all(told, a));
    }
    return any;
}

static bool withholds_column(const onus_dataset *d, const char *name)
{
    bool any = false;
    for (int64_t a = 0; a < onus_dataset_attributes(d); a++)
        any = any || (strcmp(onus_dataset_attribute_name(d, a), name) == 0 && withholds(d, a));
    return any;
}

typedef struct {
    double size;
    int64_t column;
} ranked;

static int by_size(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    return (x->column > y->column) - (x->column < y->column);
}

onus_status onus_explain_order(const double *weight, int64_t n, int64_t *order,
                               const onus_allocator *mem, onus_err *err)
{
    ranked *list = onus_alloc(mem, (size_t)n, sizeof *list);
    if (!list) return onus_fail_mem(err, "explain");
    for (int64_t i = 0; i < n; i++) {
        const double size = fabs(weight[i]);
        list[i] = (ranked){.size = size == size ? size : INFINITY, .column = i};
    }
    qsort(list, (size_t)n, sizeof *list, by_size);
    for (int64_t i = 0; i < n; i++) order[i] = list[i].column;
    onus_free(mem, list);
    return ONUS_OK;
}

static onus_status add_columns(onus_event_builder *b, const onus_explanation *e,
                               const onus_dataset *d, onus_arena *arena, onus_err *err)
{
    onus_status st = ONUS_OK;
    bool any_withheld = false;
    const char *prefix = prefix_of(e);
    const char **names = onus_arena_alloc(arena, (size_t)e->n_columns + 1, sizeof *names);
    const char **prot = onus_arena_alloc(arena, (size_t)e->n_columns + 1, sizeof *prot);
    int64_t *order = onus_arena_alloc(arena, (size_t)e->n_columns + 1, sizeof *order);
    double *told = onus_arena_alloc(arena, (size_t)e->n_columns + 1, sizeof *told);
    if (!names || !prot || !order || !told) return onus_fail_mem(err, "explain");
    for (int64_t k = 0; k < e->n_columns; k++) {
        const bool withheld = withholds_column(d, onus_dataset_column(d, k)->name);
        any_withheld = any_withheld || withheld;
        told[k] = withheld ? NAN : e->mean_abs[k];
    }
    ONUS_TRY(onus_explain_order(told, e->n_columns, order, arena->mem, err));
    int64_t n = 0, n_protected = 0;
    for (int64_t k = 0; k < e->n_columns && n < ONUS_COLUMNS_SHOWN; k++) {
        const onus_input_column *c = onus_dataset_column(d, order[k]);
        char part[512];
        ONUS_TRY(onus_name_part(part, sizeof part, c->name, err));
        names[n++] = c->name;
        if (c->is_protected) prot[n_protected++] = c->name;
        const double mean = told[order[k]], se = e->mean_abs_se[order[k]];
        onus_event_real(b, mean, "%s.%s.mean_abs", prefix, part);
        onus_event_real(b, isnan(mean) ? NAN : se, "%s.%s.mean_abs.se", prefix, part);
    }
    if (any_withheld || (!e->relevance && withholds(d, -1)))
        onus_event_text(b, ONUS_WITHHELD, "%s.withheld", prefix);
    onus_event_texts(b, names, n, "%s.columns", prefix);
    onus_event_texts(b, prot, n_protected, "%s.protected", prefix);
done:
    return st;
}

/* ---- pictures ---------------------------------------------------------------------------- */

/* Mean absolute value of each cell of at most 16 by 16, whose pixels add; channels, too. */
static void add_map(onus_event_builder *b, const onus_explanation *e, const onus_shape *s)
{
    enum { SIDE = 16 };
    const int64_t H = s->d[1], W = s->d[2], rows = H < SIDE ? H : SIDE,
                  cols = W < SIDE ? W : SIDE;
    double map[SIDE * SIDE] = {0};
    for (int64_t k = 0; k < e->n_columns; k++) {
        const int64_t y = k / W % H, x = k % W;
        map[y * rows / H * cols + x * cols / W] += e->mean_abs[k];
    }
    onus_event_int(b, rows, "%s.map.rows", prefix_of(e));
    onus_event_int(b, cols, "%s.map.columns", prefix_of(e));
    onus_event_reals(b, map, rows * cols, "%s.map", prefix_of(e));
}

/* ---- texts ------------------------------------------------------------------------------- */

enum { PLACES = 4, TOP = 3 };

/* Sums over texts of shares of a text's absolute values; texts without any take no part. */
typedef struct {
    double place[PLACES], largest, largest3, unknown, tokens, unknown_tokens;
    int64_t n;
} text_shares;

/* Size of the largest three together, of the largest alone. */
static void find_largest(const double *v, int64_t T, double *one, double *three)
{
    double top[TOP] = {0};
    for (int64_t t = 0; t < T; t++) {
        double size = fabs(v[t]);
        for (int k = 0; k < TOP; k++)
            if (size > top[k]) {
                const double rest = top[k];
                top[k] = size;
                size = rest;
            }
    }
    *one = top[0];
    *three = top[0] + top[1] + top[2];
}

static void add_text(text_shares *s, const double *v, const float *tokens, int64_t T,
                     const onus_dataset *d)
{
    const int32_t unknown = onus_tokenizer_id(onus_dataset_tokenizer(d), "[UNK]");
    double place[PLACES] = {0}, sum = 0, of_unknown = 0, one, three;
    int64_t n = 0, n_unknown = 0, at = 0;
    for (int64_t t = 0; t < T; t++) n += tokens[t] >= 0 && !onus_explain_is_frame(d, tokens[t]);
    if (n == 0) return;
    for (int64_t t = 0; t < T; t++) {
        if (tokens[t] < 0 || onus_explain_is_frame(d, tokens[t])) continue;
        const double size = fabs(v[t]);
        sum += size;
        place[at++ * PLACES / n] += size;
        if ((int32_t)tokens[t] != unknown) continue;
        of_unknown += size;
        n_unknown++;
    }
    if (!(sum > 0)) return;
    find_largest(v, T, &one, &three);
    for (int k = 0; k < PLACES; k++) s->place[k] += place[k] / sum;
    s->largest += one / sum;
    s->largest3 += three / sum;
    s->unknown += of_unknown / sum;
    s->unknown_tokens += n > 0 ? (double)n_unknown / (double)n : 0;
    s->tokens += (double)n;
    s->n++;
}

static void add_texts(onus_event_builder *b, const onus_explanation *e, const onus_dataset *d)
{
    const char *prefix = prefix_of(e);
    text_shares s = {.n = 0};
    for (int64_t i = 0; i < e->n_rows; i++)
        add_text(&s, e->values + i * e->n_columns, e->tokens + i * e->n_columns, e->n_columns,
                 d);
    const double n = s.n > 0 ? (double)s.n : NAN; /* of none: undefined */
    onus_event_int(b, s.n, "%s.texts", prefix);
    onus_event_real(b, s.tokens / n, "%s.tokens", prefix);
    for (int k = 0; k < PLACES; k++)
        onus_event_real(b, s.place[k] / n, "%s.place.%d.share", prefix, k + 1);
    onus_event_real(b, s.largest / n, "%s.largest.share", prefix);
    onus_event_real(b, s.largest3 / n, "%s.largest_three.share", prefix);
    onus_event_real(b, s.unknown / n, "%s.unknown.share", prefix);
    onus_event_real(b, s.unknown_tokens / n, "%s.unknown.tokens", prefix);
}

/* ---- the event --------------------------------------------------------------------------- */

/* Shapley values: how they were found, how far they may be off. */
static void add_sampling(onus_event_builder *b, const onus_explanation *e,
                         const onus_dataset *d)
{
    const double pairs = e->pairs_exact + e->pairs_sampled;
    const bool tells = e->tokens || !withholds(d, -1);
    double worst = 0;
    for (int64_t i = 0; i < e->n_rows * e->n_columns && !isnan(worst); i++) {
        if (!(e->std_error[i] <= worst)) worst = e->std_error[i];
    }
    onus_event_text(b,
                    e->pairs_sampled == 0
                        ? "shapley, exact"
                        : "shapley, paired permutations above the exact limit",
                    "explain.method");
    if (e->pairs_sampled == 0)
        onus_event_real(b, 1, "explain.exact");
    else
        onus_event_real(b, tells ? e->pairs_exact / pairs : NAN, "explain.exact");
    onus_event_real(b, worst, "explain.std_error.max");
    onus_event_real(b, tells ? e->evaluations : NAN, "explain.evaluations");
    if (e->tokens) return;
    onus_event_real(b, tells ? e->columns_differing_mean : NAN, "explain.columns_differing");
}

/* Correlation of a row's shares with those of the other way; NAN where one of them is constant,
 * or there are fewer than two. Absent tokens take no part. */
static double agreement_of(const onus_explanation *a, const onus_explanation *b, int64_t i,
                           const onus_dataset *d)
{
    const int64_t C = a->n_columns;
    const double *x = a->values + i * C, *y = b->values + i * C;
    double n = 0, sx = 0, sy = 0, xx = 0, yy = 0, xy = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t c = 0; c < C; c++) {
            if (a->tokens &&
                (a->tokens[i * C + c] < 0 || onus_explain_is_frame(d, a->tokens[i * C + c])))
                continue;
            if (pass == 0) {
                n += 1;
                sx += x[c];
                sy += y[c];
                continue;
            }
            const double u = x[c] - sx / n, v = y[c] - sy / n;
            xx = fma(u, u, xx);
            yy = fma(v, v, yy);
            xy = fma(u, v, xy);
        }
    }
    return xx > 0 && yy > 0 ? xy / (sqrt(xx) * sqrt(yy)) : NAN;
}

static void add_agreement(onus_event_builder *b, const onus_explanation *e,
                          const onus_explanation *other, const onus_dataset *d)
{
    double sum = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < e->n_rows; i++) {
        const double r = agreement_of(e, other, i, d);
        if (r != r) continue;
        sum += r;
        n++;
    }
    onus_event_real(b, n > 0 ? sum / (double)n : NAN, "%s.agreement", prefix_of(e));
    onus_event_int(b, n, "%s.agreement.n", prefix_of(e));
}

/* Relevance: against what, and how much there was to share, which the residual is little of. */
static void add_reference(onus_event_builder *b, const onus_explanation *e)
{
    double sum = 0;
    for (int64_t i = 0; i < e->n_rows; i++) sum += fabs(e->score[i] - e->base[i]);
    onus_event_text(b, "relevance by multipliers of differences from a reference (DeepLIFT)",
                    "relevance.method");
    onus_event_text(b,
                    e->tokens ? "the same text, its tokens' embeddings zero"
                              : "background rows, one after the other, averaged",
                    "relevance.reference");
    onus_event_real(b, sum / (double)e->n_rows, "relevance.shared.mean");
    onus_event_real(b, e->evaluations, "relevance.evaluations");
}

static onus_status add_all(onus_event_builder *b, const onus_explanation *e,
                           const onus_dataset *d, onus_arena *arena, onus_err *err)
{
    const onus_shape input = onus_dataset_input(d);
    const char *prefix = prefix_of(e);
    uint8_t sha[32];
    char of[512];
    onus_sha256_of(e->values, (size_t)(e->n_rows * e->n_columns) * sizeof *e->values, sha);
    if (e->relevance)
        add_reference(b, e);
    else
        add_sampling(b, e, d);
    onus_explain_of(e, d, of);
    onus_event_text(b, of, "%s.of", prefix);
    onus_event_int(b, e->n_rows, "%s.rows", prefix);
    if (!e->tokens) onus_event_int(b, e->n_background, "%s.background", prefix);
    onus_event_real(b, e->residual, "%s.residual", prefix);
    onus_event_sha256(b, sha, "%s.values.sha256", prefix);
    if (e->tokens)
        add_texts(b, e, d);
    else if (input.n == 3)
        add_map(b, e, &input);
    return e->tokens ? ONUS_OK : add_columns(b, e, d, arena, err);
}

onus_status onus_explanation_emit(const onus_explanation *e, const onus_explanation *other,
                                  const onus_dataset *d, const onus_sink *sink, onus_err *err)
{
    onus_status st = ONUS_OK;
    char within[600];
    onus_arena arena;
    onus_event_builder b;
    onus_arena_init(&arena, e->arena.mem);
    onus_event_init(&b, e->arena.mem);
    ONUS_TRY(onus_explain_within(e, d, within, err));
    onus_event_within(&b, within);
    onus_event_begin(&b, prefix_of(e));
    ONUS_TRY(add_all(&b, e, d, &arena, err));
    if (other) add_agreement(&b, e, other, d);
    ONUS_TRY(onus_event_emit(&b, sink, err));
done:
    onus_event_release(&b);
    onus_arena_release(&arena);
    return st;
}
