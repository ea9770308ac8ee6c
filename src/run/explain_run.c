/* SPDX-License-Identifier: Apache-2.0
 * explain_run.c - explanations of a finished run for a person at a terminal: what matters
 * overall, or why this row. What it prints about single rows is for whoever may see the table;
 * none of it enters a ledger. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/hash.h"
#include "run/predictor.h"
#include "run/explained.h"

typedef struct {
    onus_session s;
    onus_encoder *encoder;
    onus_explained x;
    onus_buf text;
    int64_t *rows, *background;
    int64_t n_rows, n_background;
} explainer;

/* The table must be the one that the run read: its encoding is fitted again from it. */
static onus_status same_files(const onus_log *log, const onus_facts *read, const char *run,
                              onus_err *err)
{
    for (int64_t i = 0; i < onus_facts_count(read); i++) {
        const onus_field *f = onus_facts_at(read, i);
        const size_t n = strlen(f->name);
        const json_t *said = NULL;
        if (strncmp(f->name, "data.file.", 10) != 0 || strcmp(f->name + n - 7, ".sha256") != 0)
            continue;
        (void)onus_log_find(log, f->name, onus_log_count(log), &said);
        const char *hex = json_string_value(said);
        if (!hex || strcmp(hex, f->text) != 0)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "the data of %s is not what the run read: %s is %.16s..., the "
                             "ledger says %.16s...",
                             run, f->name, f->text, hex ? hex : "nothing");
    }
    return ONUS_OK;
}

/* The run's own table, split as the run split it: its test part is what is explained, its
 * training part the background. */
static onus_status open_own_data(explainer *e, const onus_explain_opts *o, onus_err *err)
{
    onus_status st = ONUS_OK;
    char path[ONUS_PATH_MAX], dir[ONUS_PATH_MAX];
    onus_log *log = NULL;
    onus_facts *read = NULL;
    ONUS_TRY(onus_folder_check(o->run, o->mem, err));
    ONUS_TRY(onus_path_join(path, sizeof path, o->run, "ledger.jsonl", err));
    ONUS_TRY(onus_log_read_judged(&log, path, o->mem, err));
    if (!o->recipe_dir) ONUS_TRY(onus_place_read(log, o->run, dir, err));
    ONUS_TRY(onus_path_join(path, sizeof path, o->run, "recipe.yaml", err));
    ONUS_TRY(
        onus_recipe_open(&e->s.recipe, path, o->recipe_dir ? o->recipe_dir : dir, o->mem, err));
    if (!e->s.recipe->privacy.off) { /* whose ledger has hashes of the data under its key */
        ONUS_TRY(onus_noise_key_read(o->run, &e->s.noise, err));
        ONUS_TRY(onus_session_key_hashes(&e->s, log, err));
    }
    ONUS_TRY(onus_facts_create(&read, o->mem, err));
    const onus_sink sink = onus_facts_sink(read);
    /* another file than the run's is named before a word of it is shown */
    onus_err why = {.code = ONUS_OK};
    const onus_status opened = onus_dataset_open(&e->s.data, &e->s.recipe->data, NULL,
                                                 e->s.recipe->seed, &sink, o->mem, &why);
    ONUS_TRY(same_files(log, read, o->run, err));
    if (opened != ONUS_OK && err) *err = why;
    st = opened;
done:
    onus_facts_destroy(read);
    onus_log_close(log);
    return st;
}

static onus_status find_line(const explainer *e, int64_t line, int64_t *row, onus_err *err)
{
    for (int64_t i = 0; i < onus_dataset_rows(e->s.data); i++) {
        if (onus_dataset_line(e->s.data, i) == line) {
            *row = i;
            return ONUS_OK;
        }
    }
    return onus_fail(err, ONUS_BAD_ARG,
                     "--line %lld: no row of the table starts there (or cleaning dropped it)",
                     (long long)line);
}

static onus_status choose_rows(explainer *e, const onus_explain_opts *o, onus_err *err)
{
    const onus_explain_spec *spec = &e->s.recipe->explain;
    const int64_t most = onus_dataset_rows(e->s.data);
    int64_t wanted = o->rows > 0 ? o->rows : spec->rows;
    if (wanted > most) wanted = most;
    const uint64_t seed = e->s.recipe->seed;
    e->rows = onus_alloc(o->mem, (size_t)wanted, sizeof *e->rows);
    e->background = onus_alloc(o->mem, (size_t)spec->background, sizeof *e->background);
    if (!e->rows || !e->background) return onus_fail_mem(err, "explain");
    onus_status st = ONUS_OK;
    if (onus_dataset_vocabulary(e->s.data) == 0)
        st = onus_explain_choose(e->s.data, ONUS_PART_TRAIN, spec->background, seed, 1,
                                 e->background, &e->n_background, o->mem, err);
    if (st != ONUS_OK) return st;
    if (o->line > 0) {
        e->n_rows = 1;
        return find_line(e, o->line, &e->rows[0], err);
    }
    return onus_explain_choose(e->s.data, ONUS_PART_TEST, wanted, seed, 0, e->rows, &e->n_rows,
                               o->mem, err);
}

static void write_bar(onus_buf *out, double share)
{
    for (int i = 0; i < (int)(share * 30 + 0.5); i++)
        onus_buf_str(out, "\xe2\x96\x88"); /* full block */
}

static void write_head(explainer *e, const onus_explain_opts *o)
{
    const onus_explanation *x = e->x.main;
    const char *what = x->relevance ? "relevance" : "Shapley value";
    if (onus_explain_count(e->s.data) > 1)
        onus_buf_printf(&e->text, "%s%.80s\n", x->output ? "\n" : "",
                        onus_dataset_label_name(e->s.data, x->output));
    char others[64] = "a text without its words";
    if (!x->tokens) snprintf(others, sizeof others, "%lld others", (long long)e->n_background);
    if (o->line > 0)
        onus_buf_printf(&e->text, "line %lld: score %.4f, of which %.4f is %s%s\n",
                        (long long)o->line, x->score[0], x->base[0],
                        x->tokens ? "that of " : "the mean over ", others);
    else
        onus_buf_printf(&e->text, "mean |%s| over %lld rows against %s; residual %.1e\n", what,
                        (long long)x->n_rows, others, x->residual);
}

/* Text in at most NAME_WIDTH characters: cut behind a whole one, or filled with blanks. What
 * would steer a terminal shows as '?'. */
enum { NAME_WIDTH = 28, VALUE_WIDTH = 20 };
static void write_cell(onus_buf *out, const char *text, int width)
{
    char cell[4 * NAME_WIDTH + 1]; /* a character is at most four bytes */
    size_t n = 0;
    int chars = 0;
    for (; text[n] && n + 1 < sizeof cell; n++) {
        const bool begins = ((unsigned char)text[n] & 0xc0) != 0x80;
        if (begins && chars == width) break;
        chars += begins;
        cell[n] = text[n];
    }
    cell[n] = '\0';
    onus_tame(cell);
    onus_buf_printf(out, "%s%*s ", cell, width - chars, "");
}

static void write_columns(explainer *e, const onus_explain_opts *o, const int64_t *order)
{
    const onus_explanation *x = e->x.main;
    const bool one = o->line > 0;
    const double *v = one ? x->values : x->mean_abs;
    for (int64_t k = 0; k < x->n_columns; k++) {
        const int64_t c = order[k];
        const onus_input_column *column = onus_dataset_column(e->s.data, c);
        onus_buf_str(&e->text, "  ");
        write_cell(&e->text, column->name, NAME_WIDTH);
        if (one) write_cell(&e->text, onus_dataset_text(e->s.data, x->rows[0], c), VALUE_WIDTH);
        onus_buf_printf(&e->text, one ? "%+.4f " : "%.4f ", v[c]);
        write_bar(&e->text, v[order[0]] != 0 ? fabs(v[c] / v[order[0]]) : 0);
        onus_buf_str(&e->text, column->is_protected ? "  (protected)\n" : "\n");
    }
}

/* A text's tokens in their order. */
static void write_tokens(explainer *e)
{
    const onus_explanation *x = e->x.main;
    double top = 0;
    for (int64_t t = 0; t < x->n_columns; t++)
        if (fabs(x->values[t]) > top) top = fabs(x->values[t]);
    for (int64_t t = 0; t < x->n_columns; t++) {
        if (x->tokens[t] < 0) continue;
        const char *token =
            onus_tokenizer_token(onus_dataset_tokenizer(e->s.data), (int64_t)x->tokens[t]);
        onus_buf_str(&e->text, "  ");
        write_cell(&e->text, token ? token : "", NAME_WIDTH);
        onus_buf_printf(&e->text, "%+.4f ", x->values[t]);
        write_bar(&e->text, top > 0 ? fabs(x->values[t]) / top : 0);
        onus_buf_str(&e->text, "\n");
    }
}

/* What holds for texts as a whole: words of single ones are shown where one is asked for. */
static onus_status write_texts(explainer *e, onus_err *err)
{
    static const struct {
        const char *name, *words;
    } rows[] = {{"tokens", "tokens of a text"},
                {"place.1.share", "share of its first quarter"},
                {"place.2.share", "of its second"},
                {"place.3.share", "of its third"},
                {"place.4.share", "of its last"},
                {"largest.share", "of its largest token"},
                {"largest_three.share", "of its largest three"},
                {"unknown.share", "of unknown tokens"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char at[600], name[700];
        const onus_status st = onus_explain_within(e->x.main, e->s.data, at, err);
        if (st != ONUS_OK) return st;
        snprintf(name, sizeof name, "%s%s.%s", at,
                 e->x.main->relevance ? "relevance" : "explain", rows[i].name);
        onus_buf_printf(&e->text, "  %-28.28s ", rows[i].words);
        const onus_field *f = onus_facts_find(e->s.facts, name);
        if (f && f->kind == ONUS_FIELD_REAL)
            onus_buf_printf(&e->text, "%.4f\n", f->r);
        else
            onus_buf_str(&e->text, "undefined\n");
    }
    return ONUS_OK;
}

/* Makes explanation l, and writes of it. */
static onus_status explain_one(explainer *e, const onus_explain_opts *o, int64_t l,
                               onus_err *err)
{
    onus_status st = ONUS_OK;
    const onus_sink sink = onus_session_sink(&e->s);
    int64_t *order = NULL;
    onus_explained_release(&e->x);
    ONUS_TRY(onus_explained_make(&e->x, &e->s, l, e->rows, e->n_rows, e->background,
                                 e->n_background, err));
    ONUS_TRY(onus_explained_emit(&e->x, e->s.data, &sink, err));
    const onus_explanation *x = e->x.main;
    write_head(e, o);
    if (x->tokens) {
        if (o->line > 0)
            write_tokens(e);
        else
            ONUS_TRY(write_texts(e, err));
        goto done;
    }
    order = onus_alloc(o->mem, (size_t)x->n_columns + 1, sizeof *order);
    if (!order) {
        st = onus_fail_mem(err, "explain");
        goto done;
    }
    ONUS_TRY(onus_explain_order(o->line > 0 ? x->values : x->mean_abs, x->n_columns, order,
                                o->mem, err));
    write_columns(e, o, order);
done:
    onus_free(o->mem, order);
    return st;
}

static onus_status explain(explainer *e, const onus_explain_opts *o, onus_err *err)
{
    onus_status st = ONUS_OK;
    ONUS_TRY(onus_predictor_open(&e->s.net, &e->encoder, o->run, o->mem, err));
    if (onus_encoder_task(e->encoder) == ONUS_TASK_TOKENS) {
        st = onus_fail(err, ONUS_BAD_INPUT,
                       "%s: a model of tokens has no columns to share a score among", o->run);
        goto done;
    }
    ONUS_TRY(open_own_data(e, o, err));
    ONUS_TRY(choose_rows(e, o, err));
    for (int64_t l = 0; l < onus_explain_count(e->s.data); l++)
        ONUS_TRY(explain_one(e, o, l, err));
    ONUS_TRY(onus_buf_status(&e->text, "explain", err));
done:
    return st;
}

onus_status onus_explain_run(const onus_explain_opts *o, onus_facts **out, char **text,
                             onus_err *err)
{
    if (!o || !o->run || !out)
        return onus_fail(err, ONUS_BAD_ARG, "explain: a run folder is needed");
    if (o->rows < 0 || o->line < 0 || (o->rows > 0 && o->line > 0))
        return onus_fail(err, ONUS_BAD_ARG,
                         "explain: either a number of rows or one line, from 1");
    explainer e = {0};
    onus_buf_init(&e.text, o->mem, 64 << 20); /* a line for each of 65,536 columns */
    onus_status st = onus_session_open(&e.s, o->threads, o->mem, err);
    if (st == ONUS_OK) st = explain(&e, o, err);
    if (st == ONUS_OK && text) st = onus_buf_hand_out(&e.text, text, "explain", err);
    if (st == ONUS_OK) {
        *out = e.s.facts;
        e.s.facts = NULL;
    }
    onus_explained_release(&e.x);
    onus_free(o->mem, e.rows);
    onus_free(o->mem, e.background);
    onus_encoder_destroy(e.encoder);
    onus_buf_release(&e.text);
    onus_session_close(&e.s);
    return st;
}
