/* SPDX-License-Identifier: Apache-2.0
 * scope.c - see scope.h. */
#include "proof/scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "base/fail.h"
#include "base/words.h"
#include "data/spec.h"

void onus_scope_init(onus_scope *s, const onus_allocator *mem)
{
    *s = (onus_scope){0};
    onus_arena_init(&s->arena, mem);
}

void onus_scope_release(onus_scope *s)
{
    onus_arena_release(&s->arena);
    *s = (onus_scope){0};
}

const onus_field *onus_event_find(const onus_event *e, const char *name)
{
    for (int64_t i = 0; i < e->n_fields; i++) {
        if (strcmp(e->fields[i].name, name) == 0) return &e->fields[i];
    }
    return NULL;
}

/* ---- words ------------------------------------------------------------------------------- */

onus_status onus_vocabulary_fill(onus_vocabulary *v, const onus_field *list, bool escape,
                                 onus_arena *arena, onus_err *err)
{
    const int64_t n = list && list->kind == ONUS_FIELD_TEXTS ? list->n : 0;
    *v = (onus_vocabulary){.n = n, .known = list != NULL};
    v->sorted = onus_arena_alloc(arena, (size_t)n + 1, sizeof *v->sorted);
    v->order = onus_arena_alloc(arena, (size_t)n + 1, sizeof *v->order);
    if (!v->sorted || !v->order) return onus_fail_mem(err, "names");
    for (int64_t i = 0; i < n; i++) {
        char part[2048];
        onus_status st =
            escape ? onus_name_part(part, sizeof part, list->texts[i], err) : ONUS_OK;
        if (st != ONUS_OK) return st;
        v->order[i] = onus_arena_strdup(arena, escape ? part : list->texts[i]);
        if (!v->order[i]) return onus_fail_mem(err, "names");
        v->sorted[i] = (onus_placed_word){v->order[i], i};
    }
    /* a placed word begins with its text */
    qsort(v->sorted, (size_t)n, sizeof *v->sorted, onus_text_order);
    return ONUS_OK;
}

int64_t onus_vocabulary_find(const onus_vocabulary *v, const char *word, size_t len)
{
    int64_t low = 0, high = v->n - 1;
    while (low <= high) {
        const int64_t mid = low + (high - low) / 2;
        const int order = strncmp(v->sorted[mid].word, word, len);
        if (order == 0 && v->sorted[mid].word[len] == '\0') return v->sorted[mid].place;
        if (order < 0)
            low = mid + 1;
        else
            high = mid - 1;
    }
    return -1;
}

/* ---- what the events tell ---------------------------------------------------------------- */

static bool says(const onus_event *e, const char *name, const char *text)
{
    const onus_field *f = onus_event_find(e, name);
    return f && f->kind == ONUS_FIELD_TEXT && strcmp(f->text, text) == 0;
}

static int64_t whole(const onus_event *e, const char *name)
{
    const onus_field *f = onus_event_find(e, name);
    return f && f->kind == ONUS_FIELD_INT ? f->i : 0;
}

static void take_begin(onus_scope *s, const onus_event *e)
{
    static const struct {
        const char *name, *text;
        unsigned bits;
    } rows[] = {
        {"run.ends", "trained", ONUS_IF_TRAINED},
        {"run.ends", "reported", ONUS_IF_REPORTED},
        {"run.format", "csv", ONUS_IF_CELLS},
        {"run.format", "jsonl", ONUS_IF_CELLS},
        {"run.format", "idx", ONUS_IF_IDX},
        {"run.format", "text", ONUS_IF_LONG_TEXT},
        {"run.input", "columns", ONUS_IF_COLUMNS},
        {"run.input", "images", ONUS_IF_IMAGES},
        {"run.input", "text", ONUS_IF_TEXT},
        {"run.predict", "next", ONUS_IF_NEXT},
        {"run.predict", "label", ONUS_IF_LABELLED},
        {"run.from", "yes", ONUS_IF_FROM},
        {"run.privacy", "on", ONUS_IF_PRIVATE},
        {"run.privacy", "off", ONUS_IF_PUBLIC},
        {"run.explain", "shap", ONUS_IF_SHAPLEY | ONUS_IF_EXPLAINED},
        {"run.explain", "relevance", ONUS_IF_RELEVANCE | ONUS_IF_EXPLAINED},
        {"run.explain", "both",
         ONUS_IF_SHAPLEY | ONUS_IF_RELEVANCE | ONUS_IF_EXPLAINED | ONUS_IF_BOTH_WAYS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (says(e, rows[i].name, rows[i].text)) s->is |= rows[i].bits;
    if (whole(e, "run.freeze") > 0) s->is |= ONUS_IF_FROZEN;
    if (whole(e, "run.protected") > 0) s->is |= ONUS_IF_GROUPS;
    s->n_policies = whole(e, "run.policies");
    s->test_file = says(e, "run.test", "file");
    s->place_said = onus_event_find(e, "run.recipe.dir") != NULL;
}

/* Attributes, pairs, all of them: in the order of audit/fairness.c. */
static onus_status name_sets(onus_scope *s, onus_err *err)
{
    const int64_t k = s->attributes.n;
    s->sets = onus_arena_alloc(&s->arena, (size_t)(k + k * (k - 1) / 2 + 2), sizeof *s->sets);
    if (!s->sets) return onus_fail_mem(err, "names");
    const char *const *name = s->attributes.order;
    for (int64_t i = 0; i < k; i++) s->sets[s->n_sets++] = name[i];
    for (int64_t i = 0; i < k; i++) {
        for (int64_t j = i + 1; j < k; j++) {
            s->sets[s->n_sets] = onus_arena_printf(&s->arena, "%s+%s", name[i], name[j]);
            if (!s->sets[s->n_sets++]) return onus_fail_mem(err, "names");
        }
    }
    if (k < 3) return ONUS_OK;
    const char *all = name[0];
    for (int64_t i = 1; all && i < k; i++)
        all = onus_arena_printf(&s->arena, "%s+%s", all, name[i]);
    s->sets[s->n_sets++] = all;
    return all ? ONUS_OK : onus_fail_mem(err, "names");
}

static onus_status take_words(onus_scope *s, const onus_event *e, onus_err *err)
{
    onus_status st = ONUS_OK;
    char name[4096];
    ONUS_TRY(onus_vocabulary_fill(&s->attributes, onus_event_find(e, "data.attributes"), true,
                                  &s->arena, err));
    ONUS_TRY(onus_vocabulary_fill(&s->labels, onus_event_find(e, "data.labels"), true,
                                  &s->arena, err));
    ONUS_TRY(onus_vocabulary_fill(&s->columns, onus_event_find(e, "data.columns"), true,
                                  &s->arena, err));
    if (s->attributes.n > ONUS_PROTECTED_MAX || s->labels.n > ONUS_LABELS_MAX)
        return onus_fail(err, ONUS_TAMPER,
                         "'data.attributes' are %lld, 'data.labels' %lld, expected at most %d "
                         "and %d",
                         (long long)s->attributes.n, (long long)s->labels.n, ONUS_PROTECTED_MAX,
                         ONUS_LABELS_MAX);
    const int64_t L = s->labels.n > 0 ? s->labels.n : 1;
    s->groups = onus_arena_alloc(&s->arena, (size_t)s->attributes.n + 1, sizeof *s->groups);
    s->classes = onus_arena_alloc(&s->arena, (size_t)L, sizeof *s->classes);
    if (!s->groups || !s->classes) return onus_fail_mem(err, "names");
    for (int64_t a = 0; a < s->attributes.n; a++) {
        snprintf(name, sizeof name, "data.groups.%s", s->attributes.order[a]);
        ONUS_TRY(onus_vocabulary_fill(&s->groups[a], onus_event_find(e, name), true, &s->arena,
                                      err));
    }
    for (int64_t l = 0; l < L; l++) {
        snprintf(name, sizeof name, "data.classes%s%s", s->labels.n ? "." : "",
                 s->labels.n ? s->labels.order[l] : "");
        ONUS_TRY(onus_vocabulary_fill(&s->classes[l], onus_event_find(e, name), true, &s->arena,
                                      err));
    }
    ONUS_TRY(name_sets(s, err));
done:
    return st;
}

static onus_status take_sheet(onus_scope *s, const onus_event *e, onus_err *err)
{
    const onus_field *task = onus_event_find(e, "data.task");
    if (task && task->kind == ONUS_FIELD_TEXT) s->is |= onus_task_condition(task->text);
    return take_words(s, e, err);
}

onus_status onus_scope_add(onus_scope *s, const onus_event *e, onus_err *err)
{
    if (strcmp(e->type, "run.begin") == 0 && s->is == 0) take_begin(s, e);
    if (strcmp(e->type, "data.split") == 0) {
        s->n_test = whole(e, "data.rows.test");
        if (whole(e, "data.rows.valid") > 0) s->is |= ONUS_IF_VALID;
        if (s->n_test > 0) s->is |= ONUS_IF_TESTED;
    }
    return strcmp(e->type, "data.sheet") == 0 && !s->sets ? take_sheet(s, e, err) : ONUS_OK;
}
