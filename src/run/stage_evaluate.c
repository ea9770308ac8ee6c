/* SPDX-License-Identifier: Apache-2.0
 * stage_evaluate.c - the stage that reads the test part: what the model is worth, and pages
 * about what it got wrong, or what it writes, for private/. */
#include <string.h>

#include "audit/language.h"
#include "base/fail.h"
#include "report/report.h"
#include "run/stages.h"

enum { MISTAKES_SHOWN = 24, SAMPLES_SHOWN = 4, SAMPLE_TOKENS = 64 };

/* Names of classes and groups as plain arrays. */
static onus_status collect_names(const onus_dataset *d, const int64_t *rows, int64_t n,
                                 onus_arena *arena, onus_predictions *p, onus_err *err)
{
    const int64_t n_names = p->n_labels * p->n_classes;
    const char **classes = onus_arena_alloc(arena, (size_t)n_names + 1, sizeof *classes);
    const char **labels = onus_arena_alloc(arena, (size_t)p->n_labels, sizeof *labels);
    onus_attribute *attributes =
        onus_arena_alloc(arena, (size_t)p->n_attributes + 1, sizeof *attributes);
    if (!classes || !labels || !attributes) return onus_fail_mem(err, "predictions");
    for (int64_t c = 0; c < n_names; c++) classes[c] = onus_dataset_class_name(d, c);
    for (int64_t l = 0; l < p->n_labels; l++) labels[l] = onus_dataset_label_name(d, l);
    for (int64_t a = 0; a < p->n_attributes; a++) {
        onus_attribute *t = &attributes[a];
        t->name = onus_dataset_attribute_name(d, a);
        t->n_groups = onus_dataset_groups(d, a);
        const char **names = onus_arena_alloc(arena, (size_t)t->n_groups + 1, sizeof *names);
        int32_t *group = onus_arena_alloc(arena, (size_t)n + 1, sizeof *group);
        if (!names || !group) return onus_fail_mem(err, "predictions");
        for (int64_t g = 0; g < t->n_groups; g++) names[g] = onus_dataset_group_name(d, a, g);
        for (int64_t i = 0; i < n; i++) group[i] = onus_dataset_group(d, a, rows[i]);
        t->group_names = names;
        t->group = group;
    }
    p->class_names = classes;
    p->label_names = labels;
    p->attributes = attributes;
    return ONUS_OK;
}

onus_status onus_predictions_of(onus_net *net, const onus_exec *ex, const onus_dataset *d,
                                const int64_t *rows, int64_t n, onus_arena *arena,
                                onus_predictions *out, onus_err *err)
{
    const int64_t width = onus_net_outputs(net), L = onus_dataset_labels(d);
    float *score = onus_arena_alloc(arena, (size_t)(n * width) + 1, sizeof *score);
    float *label = onus_arena_alloc(arena, (size_t)(n * L) + 1, sizeof *label);
    int32_t *decision = onus_arena_alloc(arena, (size_t)(n * L) + 1, sizeof *decision);
    if (!score || !label || !decision) return onus_fail_mem(err, "predictions");
    onus_status st = onus_predict(net, ex, d, rows, n, score, arena->mem, err);
    if (st != ONUS_OK) return st;
    if (onus_dataset_has_labels(d)) onus_dataset_fetch(d, rows, n, NULL, label, NULL);
    *out = (onus_predictions){.task = onus_dataset_task(d),
                              .n = n,
                              .n_classes = onus_dataset_classes(d),
                              .label = label,
                              .score = score,
                              .n_labels = L,
                              .score_is_probability = true,
                              .n_attributes = onus_dataset_attributes(d)};
    if (out->task != ONUS_TASK_REGRESSION) {
        onus_decide(out->task, score, n * L, out->n_classes, decision);
        out->decision = decision;
    }
    return collect_names(d, rows, n, arena, out, err);
}

/* private/mistakes.html: pictures and texts that a classifier got wrong. Rows of columns have
 * their explanations instead. */
static onus_status write_mistakes(onus_session *s, const onus_predictions *p,
                                  const int64_t *rows, onus_err *err)
{
    const bool shows =
        onus_dataset_input(s->data).n == 3 || onus_dataset_vocabulary(s->data) > 0;
    if (!shows || !p->decision || p->n == 0) return ONUS_OK;
    float *room = onus_alloc(s->mem, (size_t)onus_dataset_features(s->data), sizeof *room);
    const onus_mistakes m = {s->data, p, rows, MISTAKES_SHOWN, room};
    onus_buf page;
    onus_buf_init(&page, s->mem, 64 << 20);
    onus_status st = room ? onus_report_mistakes(&m, s->recipe->name, &page, s->mem, err)
                          : onus_fail_mem(err, "mistakes");
    if (st == ONUS_OK) st = onus_session_keep_private(s, "private/mistakes.html", &page, err);
    onus_buf_release(&page);
    onus_free(s->mem, room);
    return st;
}

/* Ids as text, in the arena. */
static onus_status text_of(const onus_session *s, const int32_t *ids, int64_t n,
                           onus_arena *arena, const char **out, onus_err *err)
{
    onus_buf text;
    onus_buf_init(&text, s->mem, 16 << 20);
    onus_status st =
        onus_tokenizer_decode(onus_dataset_tokenizer(s->data), ids, n, true, &text, err);
    if (st == ONUS_OK) st = onus_buf_status(&text, "samples", err);
    if (st == ONUS_OK && !(*out = onus_arena_strdup(arena, text.data ? text.data : "")))
        st = onus_fail_mem(err, "samples");
    onus_buf_release(&text);
    return st;
}

/* Rows spread over the test part: their first quarter is given. */
static onus_status make_samples(onus_session *s, const int64_t *rows, int64_t n,
                                onus_arena *arena, onus_sample out[SAMPLES_SHOWN],
                                int64_t *n_out, onus_err *err)
{
    const int64_t context = onus_net_input_shape(s->net)->d[0], given = (context + 3) / 4,
                  more = context - given < SAMPLE_TOKENS ? context - given : SAMPLE_TOKENS,
                  size = given + more;
    const int64_t texts = n < SAMPLES_SHOWN ? n : SAMPLES_SHOWN;
    const onus_generation g = {
        .n = texts, .given = given, .more = more, .temperature = 1, .seed = s->recipe->seed};
    float *x = onus_arena_alloc(arena, (size_t)context, sizeof *x);
    int32_t *ids = onus_arena_alloc(arena, (size_t)(2 * texts * size) + 1, sizeof *ids);
    if (!x || !ids) return onus_fail_mem(err, "samples");
    int32_t *real = ids + texts * size;
    onus_status st = ONUS_OK;
    *n_out = 0;
    for (int64_t t = 0; t < texts; t++) {
        onus_dataset_fetch(s->data, &rows[t * n / texts], 1, x, NULL, NULL);
        if (x[size - 1] < 0) return ONUS_OK; /* texts shorter than that are no samples */
        for (int64_t i = 0; i < size; i++)
            ids[t * size + i] = real[t * size + i] = (int32_t)x[i];
    }
    if (texts == 0 || more == 0) return ONUS_OK;
    ONUS_TRY(onus_generate(s->net, &s->ex, &g, ids, s->mem, err));
    for (int64_t t = 0; t < texts; t++) {
        const int32_t *a = ids + t * size, *b = real + t * size;
        ONUS_TRY(text_of(s, a, given, arena, &out[t].given, err));
        ONUS_TRY(text_of(s, a + given, more, arena, &out[t].written, err));
        ONUS_TRY(text_of(s, b + given, more, arena, &out[t].real, err));
    }
    *n_out = texts;
done:
    return st;
}

/* private/samples.html: what a model of the next token writes. */
static onus_status write_samples(onus_session *s, const int64_t *rows, int64_t n, onus_err *err)
{
    onus_sample samples[SAMPLES_SHOWN];
    int64_t n_samples = 0;
    onus_arena arena;
    onus_buf page;
    if (s->recipe->data.predict != ONUS_PREDICT_NEXT) return ONUS_OK;
    onus_arena_init(&arena, s->mem);
    onus_buf_init(&page, s->mem, 64 << 20);
    onus_status st = make_samples(s, rows, n, &arena, samples, &n_samples, err);
    if (st == ONUS_OK && n_samples > 0) {
        st = onus_report_samples(samples, n_samples, s->recipe->name, &page, s->mem, err);
        if (st == ONUS_OK)
            st = onus_session_keep_private(s, "private/samples.html", &page, err);
    }
    onus_buf_release(&page);
    onus_arena_release(&arena);
    return st;
}

onus_status onus_tokens_measure(onus_session *s, const int64_t *rows, int64_t n, onus_err *err)
{
    const onus_sink sink = onus_session_sink(s);
    double *v = onus_alloc(s->mem, 3 * (size_t)n + 1, sizeof *v);
    if (!v) return onus_fail_mem(err, "evaluation");
    const onus_token_scores scores = {.n = n, .loss = v, .tokens = v + n, .right = v + 2 * n};
    onus_status st =
        onus_predict_tokens(s->net, &s->ex, s->data, rows, n, v, v + n, v + 2 * n, s->mem, err);
    if (st == ONUS_OK) st = onus_audit_language(&scores, &sink, s->mem, err);
    onus_free(s->mem, v);
    return st;
}

onus_status onus_stage_evaluate(onus_session *s, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_session_announce(s, "evaluate");
    int64_t n = 0;
    const int64_t *rows = onus_dataset_part(s->data, ONUS_PART_TEST, &n);
    const onus_sink sink = onus_session_sink(s);
    onus_predictions p;
    onus_arena arena;
    onus_arena_init(&arena, s->mem);
    onus_event_begin(&s->event, "data.test");
    onus_event_int(&s->event, n, "data.test.rows");
    onus_event_text(&s->event, "read once, after selection", "data.test.use");
    ONUS_TRY(onus_session_emit(s, err));
    if (onus_dataset_task(s->data) == ONUS_TASK_TOKENS) {
        ONUS_TRY(onus_tokens_measure(s, rows, n, err));
        ONUS_TRY(write_samples(s, rows, n, err));
        goto done;
    }
    ONUS_TRY(onus_predictions_of(s->net, &s->ex, s->data, rows, n, &arena, &p, err));
    p.sizes = onus_dataset_disclosure(s->data, ONUS_PART_TEST);
    ONUS_TRY(onus_audit_quality(&p, &sink, s->mem, err));
    if (p.n_attributes > 0) ONUS_TRY(onus_audit_fairness(&p, &sink, s->mem, err));
    ONUS_TRY(write_mistakes(s, &p, rows, err));
done:
    onus_arena_release(&arena);
    return st;
}
