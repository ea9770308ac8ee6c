/* SPDX-License-Identifier: Apache-2.0
 * names.c - the registry's events in the order of a ledger, and how a name finds its row. The
 * rows of names stand in names_*.c, by chapter. */
#include "proof/names.h"

#include <string.h>

#include "proof/names_rows.h"

/* ---- conditions -------------------------------------------------------------------------- */

/* Bits that are alternatives end in a row that names them all; the rows before say what holds
 * instead of what was asked for. */
static const struct {
    unsigned group, is;
    const char *why;
} conditions[] = {
#define TASK \
    (ONUS_IF_BINARY | ONUS_IF_CLASSES | ONUS_IF_VALUES | ONUS_IF_TOKENS | ONUS_IF_LABELS)
#define INPUT (ONUS_IF_COLUMNS | ONUS_IF_IMAGES | ONUS_IF_TEXT)
#define FORM  (ONUS_IF_CELLS | ONUS_IF_IDX | ONUS_IF_LONG_TEXT)
    {TASK, ONUS_IF_BINARY, "it decides between two classes"},
    {TASK, ONUS_IF_CLASSES, "it decides among more than two classes"},
    {TASK, ONUS_IF_VALUES, "it predicts a number"},
    {TASK, ONUS_IF_TOKENS, "it predicts tokens"},
    {TASK, ONUS_IF_LABELS, "it decides several labels"},
    {TASK, 0, "its task is not known"},
    {INPUT, ONUS_IF_COLUMNS, "its model reads columns"},
    {INPUT, ONUS_IF_IMAGES, "its model reads images"},
    {INPUT, ONUS_IF_TEXT, "its model reads text"},
    {INPUT, 0, "what its model reads is not known"},
    {FORM, ONUS_IF_CELLS, "its data is a table"},
    {FORM, ONUS_IF_IDX, "its data is images"},
    {FORM, ONUS_IF_LONG_TEXT, "its data is one long text"},
    {FORM, 0, "the form of its data is not known"},
    {ONUS_IF_PRIVATE | ONUS_IF_PUBLIC, ONUS_IF_PRIVATE, "training is private"},
    {ONUS_IF_PRIVATE | ONUS_IF_PUBLIC, 0, "training is not private"},
    {ONUS_IF_TRAINED | ONUS_IF_REPORTED, 0, "it ends after training"},
    {ONUS_IF_SHAPLEY, 0, "explain asks for no Shapley values"},
    {ONUS_IF_RELEVANCE, 0, "explain asks for no relevance"},
    {ONUS_IF_EXPLAINED, 0, "explain is off"},
    {ONUS_IF_BOTH_WAYS, 0, "explain does not ask for both ways"},
    {ONUS_IF_GROUPS, 0, "no protected attribute is named"},
    {ONUS_IF_VALID, 0, "there is no validation split"},
    {ONUS_IF_FROM, 0, "train.from is not set"},
    {ONUS_IF_FROZEN, 0, "train.freeze is not set"},
    {ONUS_IF_NEXT, 0, "it does not predict next tokens"},
    {ONUS_IF_LABELLED, 0, "its rows have no labels"},
    {ONUS_IF_TESTED, 0, "the test split has no rows"},
};

const char *onus_names_why_not(unsigned when, unsigned is)
{
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        const unsigned asked = when & conditions[i].group;
        if (!asked || (asked & is)) continue;
        if (!conditions[i].is || (conditions[i].is & is)) return conditions[i].why;
    }
    return NULL;
}

bool onus_names_apply(unsigned when, unsigned is)
{
    return onus_names_why_not(when, is) == NULL;
}

unsigned onus_task_condition(const char *task)
{
    static const struct {
        const char *task;
        unsigned is;
    } tasks[] = {{"binary", ONUS_IF_BINARY},
                 {"classes", ONUS_IF_CLASSES},
                 {"regression", ONUS_IF_VALUES},
                 {"tokens", ONUS_IF_TOKENS},
                 {"labels", ONUS_IF_LABELS}};
    for (size_t i = 0; task && i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(task, tasks[i].task) == 0) return tasks[i].is;
    return 0;
}

/* ---- patterns ---------------------------------------------------------------------------- */

const char *const onus_suffixes[ONUS_SUFFIXES] = {"",   ".lower",  ".upper",
                                                  ".n", ".method", ".reason"};

onus_word onus_pattern_segment(const char *pattern, size_t *len)
{
    static const struct {
        const char *text;
        onus_word word;
    } words[] = {{"<attribute>", ONUS_WORD_ATTRIBUTE},
                 {"<set>", ONUS_WORD_SET},
                 {"<group>", ONUS_WORD_GROUP},
                 {"<class>", ONUS_WORD_CLASS},
                 {"<label>", ONUS_WORD_LABEL},
                 {"<column>", ONUS_WORD_COLUMN},
                 {"<shown>", ONUS_WORD_SHOWN},
                 {"<split>", ONUS_WORD_SPLIT},
                 {"<k>", ONUS_WORD_K},
                 {"<word>", ONUS_WORD_ANY}};
    *len = strcspn(pattern, ".");
    if (*pattern != '<') return ONUS_WORD_NONE;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i].text) == *len && strncmp(pattern, words[i].text, *len) == 0)
            return words[i].word;
    }
    return ONUS_WORD_NONE;
}

/* What is left of the name behind the pattern, NULL where they part: letter by letter up to a
 * word in angle brackets, which a segment of the name stands for. */
static const char *match_shape(const char *pattern, const char *name)
{
    for (;;) {
        while (*pattern && *pattern != '<')
            if (*pattern++ != *name++) return NULL;
        if (!*pattern) return name;
        const size_t n = strcspn(name, ".");
        if (n == 0) return NULL;
        name += n;
        pattern += strcspn(pattern, ".");
    }
}

const onus_name_row *onus_names_match(const onus_event_row *e, const char *name, int *i,
                                      int *suffix)
{
    for (; *i < e->n_names; ++*i) {
        const onus_name_row *row = &e->names[*i];
        const char *rest = match_shape(row->pattern, name);
        if (!rest) continue;
        const int n = row->kind == ONUS_NAME_MEASURED ? ONUS_SUFFIXES : 1;
        for (int s = 0; s < n; s++) {
            if (strcmp(rest, onus_suffixes[s]) != 0) continue;
            *suffix = s;
            return row;
        }
    }
    return NULL;
}

/* Of rows that a name has the shape of the one that is the name itself, else the first. */
static const onus_name_row *nearest(const onus_event_row *e, const char *name, int *suffix)
{
    const onus_name_row *first = NULL, *row;
    for (int i = 0, s; (row = onus_names_match(e, name, &i, &s)); i++) {
        const bool itself = !strchr(row->pattern, '<');
        if (first && !itself) continue;
        first = row;
        *suffix = s;
        if (itself) break;
    }
    return first;
}

const onus_name_row *onus_names_find(const char *type, const char *name, int *suffix)
{
    const char *dot = strncmp(name, "label.", 6) == 0 ? strchr(name + 6, '.') : NULL;
    for (int k = 0; k < onus_n_event_rows; k++) {
        const onus_event_row *e = onus_event_rows[k];
        if (type && strcmp(e->type, type) != 0) continue;
        const onus_name_row *row = nearest(e, name, suffix);
        if (!row && dot && e->block) row = nearest(e, dot + 1, suffix);
        if (row) return row;
    }
    return NULL;
}

bool onus_name_is_headline(const char *name)
{
    int suffix;
    const onus_name_row *row = name ? onus_names_find(NULL, name, &suffix) : NULL;
    return row && row->headline && suffix == ONUS_SUFFIX_NONE;
}

bool onus_name_is_said(const char *name)
{
    int suffix;
    const onus_name_row *row = name ? onus_names_find(NULL, name, &suffix) : NULL;
    return row && row->body == ONUS_BODY_SAID;
}

const onus_event_row *onus_names_event(const char *type)
{
    for (int k = 0; k < onus_n_event_rows; k++)
        if (strcmp(onus_event_rows[k]->type, type) == 0) return onus_event_rows[k];
    return NULL;
}

/* ---- events, in the order of a ledger ---------------------------------------------------- */

const onus_event_row *const onus_event_rows[] = {
    &onus_names_run_begin,    &onus_names_run_place,     &onus_names_run_resume,
    &onus_names_run_stop,     &onus_names_data_read,     &onus_names_data_clean,
    &onus_names_data_split,   &onus_names_data_sheet,    &onus_names_train_from,
    &onus_names_train_frozen, &onus_names_train_begin,   &onus_names_privacy_noise,
    &onus_names_train_epoch,  &onus_names_checkpoint,    &onus_names_train_end,
    &onus_names_budget,       &onus_names_model,         &onus_names_data_test,
    &onus_names_tokens,       &onus_names_samples,       &onus_names_values,
    &onus_names_labels,       &onus_names_decisions,     &onus_names_scores,
    &onus_names_fairness,     &onus_names_mistakes,      &onus_names_explain,
    &onus_names_relevance,    &onus_names_explanations,  &onus_names_energy,
    &onus_names_policy,       &onus_names_policy_result, &onus_names_signer,
    &onus_names_report,       &onus_names_run_end,
};
const int onus_n_event_rows = sizeof onus_event_rows / sizeof *onus_event_rows;
