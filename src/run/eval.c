/* SPDX-License-Identifier: Apache-2.0
 * eval.c - metrics and fairness of a finished model on a table or a text, or of predictions
 * that somebody else made. The audits are those of a run: they see rows of labels, scores,
 * decisions and groups, and not where these came from. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/words.h"
#include "data/csv.h"
#include "run/predictor.h"
#include "run/stages.h"

/* ---- a run's model on a table of its form ------------------------------------------------ */

/* Heads of a label's columns: the label's, the decision's, the scores'; of several labels their
 * names stand before. */
static void write_heads(onus_buf *out, const onus_predictions *p, int64_t l, int64_t width)
{
    const bool several = p->task == ONUS_TASK_LABELS;
    for (int64_t k = 0; k < 2 + width; k++) {
        char head[600];
        const char *what = k == 0 ? "label" : k == 1 ? "prediction" : "score";
        snprintf(head, sizeof head, "%.500s%s%s", several ? p->label_names[l] : "",
                 several ? "." : "", what);
        onus_buf_str(out, ",");
        onus_csv_field(out, head);
        if (width > 1 && k > 1) onus_buf_printf(out, "_%lld", (long long)k - 2);
    }
}

/* A row's label l, decision and scores; a label that is not there is empty. */
static void write_label(onus_buf *out, const onus_predictions *p, bool has_label, int64_t i,
                        int64_t l, int64_t width)
{
    const int64_t at = i * p->n_labels + l;
    const char *const *classes = p->class_names + l * p->n_classes;
    const bool number = p->task == ONUS_TASK_REGRESSION;
    onus_buf_str(out, ",");
    if (has_label && number)
        onus_csv_number(out, p->label[at]);
    else if (has_label && p->label[at] >= 0)
        onus_csv_field(out, classes[(int64_t)p->label[at]]);
    onus_buf_str(out, ",");
    if (number)
        onus_csv_number(out, p->score[at]);
    else
        onus_csv_field(out, classes[p->decision[at]]);
    for (int64_t c = 0; c < width; c++) {
        onus_buf_str(out, ",");
        onus_csv_number(out, p->score[at * width + c]);
    }
}

static onus_status write_predictions(const onus_predictions *p, const onus_dataset *d,
                                     const int64_t *rows, const char *path,
                                     const onus_allocator *mem, onus_err *err)
{
    onus_buf out;
    onus_buf_init(&out, mem, (size_t)4 << 30);
    const int64_t width = p->task == ONUS_TASK_CLASSES ? p->n_classes : 1;
    onus_buf_str(&out, "line");
    for (int64_t l = 0; l < p->n_labels; l++) write_heads(&out, p, l, width);
    onus_buf_str(&out, "\n");
    for (int64_t i = 0; i < p->n; i++) {
        onus_buf_printf(&out, "%lld", (long long)onus_dataset_line(d, rows[i]));
        for (int64_t l = 0; l < p->n_labels; l++)
            write_label(&out, p, onus_dataset_has_labels(d), i, l, width);
        onus_buf_str(&out, "\n");
    }
    onus_status st = onus_buf_status(&out, path, err);
    if (st == ONUS_OK) st = onus_file_replace(path, out.data, out.len, 0600, err);
    onus_buf_release(&out);
    return st;
}

/* Labels lie beside images, in a file that is named alike: images-idx3 and labels-idx1. */
static onus_status labels_of(const char *images, onus_arena *arena, const char **out,
                             onus_err *err)
{
    const char *slash = strrchr(images, '/'), *name = slash ? slash + 1 : images,
               *word = strstr(name, "images");
    if (!word)
        return onus_fail(err, ONUS_BAD_ARG,
                         "--data %s: expected the images of an IDX pair (NAME-images-idx3..., "
                         "whose labels are in NAME-labels-idx1...)",
                         images);
    char *labels = onus_arena_strdup(arena, images);
    if (!labels) return onus_fail_mem(err, "eval");
    for (int i = 0; i < 6; i++) labels[word - images + i] = "labels"[i];
    char *three = strstr(labels + (word - images), "idx3");
    if (three) three[3] = '1';
    *out = labels;
    return ONUS_OK;
}

/* Of a table's data sheet: how many of its rows hold a category that the model has never
 * seen; of a text's, how many tokens it has no name for. */
static onus_status keep_unseen(void *ctx, const onus_event *event, onus_err *err)
{
    onus_session *s = ctx;
    bool any = false;
    onus_event_begin(&s->event, "data.unseen");
    for (int64_t i = 0; i < event->n_fields; i++) {
        const onus_field *f = &event->fields[i];
        if (strncmp(f->name, "data.unseen.", 12) != 0 &&
            strcmp(f->name, "data.tokens.unknown") != 0)
            continue;
        onus_event_int(&s->event, f->i, "%s", f->name);
        any = true;
    }
    return any ? onus_session_emit(s, err) : ONUS_OK;
}

/* The run's recipe with another table in the place of its own. */
static onus_status open_table(onus_session *s, const char *run, const char *table,
                              const onus_encoder *encoder, onus_arena *arena, onus_err *err)
{
    char path[ONUS_PATH_MAX];
    onus_status st = onus_path_join(path, sizeof path, run, "recipe.yaml", err);
    if (st == ONUS_OK) st = onus_recipe_open(&s->recipe, path, ".", s->mem, err);
    if (st != ONUS_OK) return st;
    onus_data_spec *d = &s->recipe->data;
    d->source = table;
    d->test_source = d->test_labels = NULL;
    if (d->format == ONUS_FORMAT_IDX) st = labels_of(table, arena, &d->labels, err);
    const onus_sink sink = {.emit = keep_unseen, .ctx = s};
    return st == ONUS_OK
               ? onus_dataset_open(&s->data, d, encoder, s->recipe->seed, &sink, s->mem, err)
               : st;
}

static onus_status eval_run(const onus_eval_opts *o, onus_session *s, onus_arena *arena,
                            onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_encoder *encoder = NULL;
    onus_predictions p;
    int64_t n = 0;
    const onus_sink sink = onus_session_sink(s);
    ONUS_TRY(onus_predictor_open(&s->net, &encoder, o->run, s->mem, err));
    ONUS_TRY(open_table(s, o->run, o->data, encoder, arena, err));
    const int64_t *rows = onus_dataset_part(s->data, ONUS_PART_TEST, &n);
    if (onus_dataset_task(s->data) == ONUS_TASK_TOKENS) {
        if (o->predictions_out)
            st = onus_fail(
                err, ONUS_BAD_ARG,
                "--predictions-out: %s is a model of tokens, which decides on no row", o->run);
        else
            st = onus_tokens_measure(s, rows, n, err);
        goto done;
    }
    ONUS_TRY(onus_predictions_of(s->net, &s->ex, s->data, rows, n, arena, &p, err));
    if (o->predictions_out)
        ONUS_TRY(write_predictions(&p, s->data, rows, o->predictions_out, s->mem, err));
    if (!onus_dataset_has_labels(s->data)) {
        if (!o->predictions_out)
            st = onus_fail(err, ONUS_BAD_INPUT,
                           "%s has no label column: nothing to measure (--predictions-out "
                           "writes predictions)",
                           o->data);
        goto done;
    }
    ONUS_TRY(onus_audit_quality(&p, &sink, s->mem, err));
    if (p.n_attributes > 0) ONUS_TRY(onus_audit_fairness(&p, &sink, s->mem, err));
done:
    onus_dataset_close(s->data);
    s->data = NULL;
    onus_encoder_destroy(encoder);
    return st;
}

/* ---- predictions made elsewhere ---------------------------------------------------------- */

typedef struct {
    const onus_eval_opts *o;
    onus_csv csv;
    onus_arena *arena;
    onus_predictions p;
    const char **values; /* distinct texts of the label column, ascending */
    int64_t n_values;
} table;

static onus_status column_of(const table *t, const char *name, int64_t *out, onus_err *err)
{
    for (int64_t c = 0; c < t->csv.n_columns; c++) {
        if (strcmp(t->csv.columns[c], name) == 0) {
            *out = c;
            return ONUS_OK;
        }
    }
    return onus_fail(err, ONUS_BAD_INPUT, "%s has no column '%s'", t->o->predictions, name);
}

static const char *cell(const table *t, int64_t row, int64_t column)
{
    return t->csv.cells[row * t->csv.n_columns + column];
}

/* Distinct texts of a column, ascending; numbers stand in the order of their texts. */
static onus_status distinct(const table *t, int64_t column, const char ***out, int64_t *n_out,
                            onus_err *err)
{
    const int64_t n = t->csv.n_rows;
    const char **all = onus_arena_alloc(t->arena, (size_t)n + 1, sizeof *all);
    if (!all) return onus_fail_mem(err, "predictions");
    for (int64_t i = 0; i < n; i++) {
        all[i] = cell(t, i, column);
        if (!*all[i])
            return onus_fail(err, ONUS_BAD_INPUT, "%s:%d: column '%s' is empty",
                             t->o->predictions, t->csv.line[i], t->csv.columns[column]);
    }
    *out = all;
    *n_out = onus_distinct(all, n);
    return ONUS_OK;
}

/* Which of two values counts as 1: said, or the usual ones. */
static onus_status find_positive(const table *t, int64_t *out, onus_err *err)
{
    static const char *const usual[] = {"1", "true", "True", "TRUE", "yes", "Yes", "positive"};
    if (t->o->positive) {
        *out = onus_text_place(t->values, t->n_values, t->o->positive);
        if (*out >= 0) return ONUS_OK;
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: label '%s' never has the positive value '%s'", t->o->predictions,
                         t->o->label, t->o->positive);
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        *out = onus_text_place(t->values, t->n_values, usual[i]);
        if (*out >= 0) return ONUS_OK;
    }
    return onus_fail(
        err, ONUS_BAD_INPUT,
        "%s: label '%s' has the values '%s' and '%s'; say which one is positive (--positive)",
        t->o->predictions, t->o->label, t->values[0], t->values[1]);
}

/* What to say of labels that look like amounts: no guess is made, since classes are often
 * numbers, too. */
static const char *if_numbers(const table *t)
{
    double v;
    for (int64_t i = 0; i < t->n_values; i++) {
        if (!onus_parse_number(t->values[i], &v)) return "";
    }
    return " (amounts, not classes? --regression)";
}

/* A value of the label or prediction column as a class. */
static onus_status read_classes(const table *t, int64_t column, int64_t positive,
                                float *as_label, int32_t *as_decision, onus_err *err)
{
    for (int64_t i = 0; i < t->csv.n_rows; i++) {
        int64_t k = onus_text_place(t->values, t->n_values, cell(t, i, column));
        if (k < 0)
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s:%d: '%.80s' in column '%s' is no value of label '%s'%s",
                             t->o->predictions, t->csv.line[i], cell(t, i, column),
                             t->csv.columns[column], t->o->label, if_numbers(t));
        if (t->n_values == 2) k = k == positive;
        if (as_label) as_label[i] = (float)k;
        if (as_decision) as_decision[i] = (int32_t)k;
    }
    return ONUS_OK;
}

/* Scores; a decision where no column has one is taken from the number as it was read, before
 * it is rounded to binary32. */
static onus_status read_scores(table *t, float *score, int32_t *decision, onus_err *err)
{
    int64_t column = 0;
    onus_status st = column_of(t, t->o->score, &column, err);
    t->p.score_is_probability = true;
    for (int64_t i = 0; st == ONUS_OK && i < t->csv.n_rows; i++) {
        double v;
        if (!onus_parse_number(cell(t, i, column), &v))
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s:%d: '%.80s' in column '%s' is not a number", t->o->predictions,
                             t->csv.line[i], cell(t, i, column), t->o->score);
        t->p.score_is_probability = t->p.score_is_probability && v >= 0 && v <= 1;
        if (decision && !t->p.score_is_probability)
            return onus_fail(
                err, ONUS_BAD_INPUT,
                "%s:%d: score '%.40s' is no probability, so 0.5 decides nothing; say "
                "which column holds the decisions (--prediction)",
                t->o->predictions, t->csv.line[i], cell(t, i, column));
        score[i] = (float)v;
        if (decision) decision[i] = v >= 0.5;
    }
    t->p.score = score;
    return st;
}

static onus_status read_groups(table *t, onus_err *err)
{
    const int64_t n = t->csv.n_rows, k = t->o->n_protected;
    onus_attribute *list = onus_arena_alloc(t->arena, (size_t)k + 1, sizeof *list);
    if (!list) return onus_fail_mem(err, "predictions");
    for (int64_t a = 0; a < k; a++) {
        int64_t column = 0;
        const char **names = NULL;
        onus_status st = column_of(t, t->o->protected_[a], &column, err);
        if (st == ONUS_OK) st = distinct(t, column, &names, &list[a].n_groups, err);
        if (st != ONUS_OK) return st;
        if (list[a].n_groups > 100)
            return onus_fail(
                err, ONUS_BAD_INPUT,
                "%s: protected column '%s' has %lld values, at most 100 groups are told apart",
                t->o->predictions, t->o->protected_[a], (long long)list[a].n_groups);
        int32_t *group = onus_arena_alloc(t->arena, (size_t)n + 1, sizeof *group);
        if (!group) return onus_fail_mem(err, "predictions");
        for (int64_t i = 0; i < n; i++)
            group[i] = (int32_t)onus_text_place(names, list[a].n_groups, cell(t, i, column));
        list[a].name = t->o->protected_[a];
        list[a].group_names = names;
        list[a].group = group;
    }
    t->p.attributes = list;
    t->p.n_attributes = k;
    return ONUS_OK;
}

/* The label's distinct values become the classes; two of them are {other, positive}. */
static onus_status read_labels(table *t, onus_err *err)
{
    onus_status st = ONUS_OK;
    int64_t column = 0, positive = 0;
    const int64_t n = t->csv.n_rows;
    ONUS_TRY(column_of(t, t->o->label, &column, err));
    ONUS_TRY(distinct(t, column, &t->values, &t->n_values, err));
    if (t->n_values < 2 || t->n_values > 1000)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: label '%s' has %lld value%s, expected 2 to 1000%s",
                         t->o->predictions, t->o->label, (long long)t->n_values,
                         t->n_values == 1 ? "" : "s", if_numbers(t));
    const char **names = onus_arena_alloc(t->arena, (size_t)t->n_values, sizeof *names);
    float *label = onus_arena_alloc(t->arena, (size_t)n, sizeof *label);
    int32_t *decision = onus_arena_alloc(t->arena, (size_t)n, sizeof *decision);
    if (!names || !label || !decision) return onus_fail_mem(err, "predictions");
    t->p.task = t->n_values == 2 ? ONUS_TASK_BINARY : ONUS_TASK_CLASSES;
    if (t->n_values == 2) ONUS_TRY(find_positive(t, &positive, err));
    if (t->n_values > 2 && t->o->positive)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: label '%s' has %lld values; --positive is for two",
                         t->o->predictions, t->o->label, (long long)t->n_values);
    for (int64_t c = 0; c < t->n_values; c++)
        names[t->n_values == 2 ? c == positive : c] = t->values[c];
    ONUS_TRY(read_classes(t, column, positive, label, NULL, err));
    if (t->o->prediction) {
        ONUS_TRY(column_of(t, t->o->prediction, &column, err));
        ONUS_TRY(read_classes(t, column, positive, NULL, decision, err));
    }
    t->p.n = n;
    t->p.n_classes = t->n_values;
    t->p.class_names = names;
    t->p.label = label;
    t->p.decision = decision;
done:
    return st;
}

static onus_status read_decisions(table *t, onus_err *err)
{
    onus_status st = read_labels(t, err);
    if (st != ONUS_OK || !t->o->score) return st;
    if (t->p.task != ONUS_TASK_BINARY)
        return onus_fail(
            err, ONUS_BAD_INPUT,
            "%s: label '%s' has %lld values; --score is for two, use --prediction%s",
            t->o->predictions, t->o->label, (long long)t->n_values, if_numbers(t));
    float *score = onus_arena_alloc(t->arena, (size_t)t->csv.n_rows, sizeof *score);
    if (!score) return onus_fail_mem(err, "predictions");
    return read_scores(t, score, t->o->prediction ? NULL : (int32_t *)t->p.decision, err);
}

/* Labels and predictions that are numbers. */
static onus_status read_numbers(const table *t, const char *name, const float **out,
                                onus_err *err)
{
    int64_t column = 0;
    onus_status st = column_of(t, name, &column, err);
    if (st != ONUS_OK) return st;
    float *v = onus_arena_alloc(t->arena, (size_t)t->csv.n_rows, sizeof *v);
    if (!v) return onus_fail_mem(err, "predictions");
    for (int64_t i = 0; i < t->csv.n_rows; i++) {
        double x;
        if (!onus_parse_number(cell(t, i, column), &x) || !(fabs(x) <= (double)FLT_MAX))
            return onus_fail(err, ONUS_BAD_INPUT,
                             "%s:%d: '%.80s' in column '%s', expected a number within binary32",
                             t->o->predictions, t->csv.line[i], cell(t, i, column), name);
        v[i] = (float)x;
    }
    *out = v;
    return ONUS_OK;
}

static onus_status read_regression(table *t, onus_err *err)
{
    t->p.task = ONUS_TASK_REGRESSION;
    t->p.n = t->csv.n_rows;
    onus_status st = read_numbers(t, t->o->label, &t->p.label, err);
    return st == ONUS_OK ? read_numbers(t, t->o->prediction, &t->p.score, err) : st;
}

static onus_status eval_table(const onus_eval_opts *o, onus_session *s, onus_arena *arena,
                              onus_err *err)
{
    onus_status st = ONUS_OK;
    const onus_csv_dialect dialect = {0};
    const onus_sink sink = onus_session_sink(s);
    table t = {.o = o, .arena = arena};
    ONUS_TRY(onus_csv_read(&t.csv, o->predictions, &dialect, NULL, s->mem, err));
    if (t.csv.n_rows == 0) {
        st = onus_fail(err, ONUS_BAD_INPUT, "%s has no rows", o->predictions);
        goto done;
    }
    ONUS_TRY(o->regression ? read_regression(&t, err) : read_decisions(&t, err));
    ONUS_TRY(read_groups(&t, err));
    ONUS_TRY(onus_audit_quality(&t.p, &sink, s->mem, err));
    if (t.p.n_attributes > 0) ONUS_TRY(onus_audit_fairness(&t.p, &sink, s->mem, err));
done:
    onus_csv_release(&t.csv);
    return st;
}

/* ---- both -------------------------------------------------------------------------------- */

static onus_status check_opts(const onus_eval_opts *o, onus_err *err)
{
    if (!o || (!o->run && !o->predictions))
        return onus_fail(err, ONUS_BAD_ARG, "a run or --predictions is needed");
    if (o->run && o->predictions)
        return onus_fail(err, ONUS_BAD_ARG, "either a run or --predictions, not both");
    if (o->run && !o->data)
        return onus_fail(err, ONUS_BAD_ARG, "--data FILE is needed: the table to evaluate on");
    if (o->predictions && !o->label)
        return onus_fail(err, ONUS_BAD_ARG, "--label COL is needed");
    if (o->predictions && !o->score && !o->prediction)
        return onus_fail(err, ONUS_BAD_ARG, "--score COL or --prediction COL is needed");
    if (o->predictions && (o->data || o->predictions_out))
        return onus_fail(err, ONUS_BAD_ARG,
                         "--data and --predictions-out go with a run, not with "
                         "--predictions");
    if (o->regression && (!o->prediction || o->score || o->positive))
        return onus_fail(err, ONUS_BAD_ARG,
                         "--regression compares --label COL with --prediction COL; it goes "
                         "with neither --score nor --positive");
    if (o->run && (o->label || o->positive || o->score || o->prediction || o->n_protected ||
                   o->regression))
        return onus_fail(err, ONUS_BAD_ARG,
                         "label, scores and protected columns of a run are its "
                         "recipe's; these options go with --predictions");
    for (int64_t a = 0; a < o->n_protected; a++) {
        for (int64_t b = 0; b < a; b++) {
            if (strcmp(o->protected_[a], o->protected_[b]) == 0)
                return onus_fail(err, ONUS_BAD_ARG, "--protected names '%s' twice",
                                 o->protected_[a]);
        }
    }
    return ONUS_OK;
}

onus_status onus_eval(const onus_eval_opts *o, onus_facts **out, onus_err *err)
{
    if (!out) return onus_fail(err, ONUS_BAD_ARG, "eval: a place for the facts is needed");
    onus_status st = check_opts(o, err);
    if (st != ONUS_OK) return st;
    onus_session s = {0};
    onus_arena arena;
    onus_arena_init(&arena, o->mem);
    st = onus_session_open(&s, o->threads, o->mem, err);
    if (st == ONUS_OK)
        st = o->run ? eval_run(o, &s, &arena, err) : eval_table(o, &s, &arena, err);
    if (st == ONUS_OK) {
        *out = s.facts;
        s.facts = NULL;
    }
    onus_arena_release(&arena);
    onus_session_close(&s);
    return st;
}

onus_status onus_data_profile(const char *recipe, onus_facts **out, const onus_allocator *mem,
                              onus_err *err)
{
    if (!recipe || !out) return onus_fail(err, ONUS_BAD_ARG, "data: a recipe is needed");
    onus_session s = {0};
    onus_status st = onus_session_open(&s, 1, mem, err);
    if (st == ONUS_OK) st = onus_recipe_open(&s.recipe, recipe, NULL, mem, err);
    if (st == ONUS_OK) st = onus_stage_data(&s, err);
    if (st == ONUS_OK) {
        *out = s.facts;
        s.facts = NULL;
    }
    onus_session_close(&s);
    return st;
}
