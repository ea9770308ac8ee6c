/* SPDX-License-Identifier: Apache-2.0
 * names.c - the registry's events in the order of a ledger, and how a name finds its row. The
 * rows of names stand in names_*.c, by chapter. */
#include "proof/names.h"

#include <string.h>

#include "proof/names_rows.h"

/* ---- conditions -------------------------------------------------------------------------- */

#define ALONE(bit, words, none)     \
    {                               \
        bit, bit, words, NULL, none \
    }
#define TASK \
    (ONUS_IF_BINARY | ONUS_IF_CLASSES | ONUS_IF_VALUES | ONUS_IF_TOKENS | ONUS_IF_LABELS)
#define NO_TASK  "its task is not known"
#define INPUT    (ONUS_IF_COLUMNS | ONUS_IF_IMAGES | ONUS_IF_TEXT)
#define NO_INPUT "what its model reads is not known"
#define FORM     (ONUS_IF_CELLS | ONUS_IF_IDX | ONUS_IF_LONG_TEXT)
#define NO_FORM  "the form of its data is not known"
#define PRIVACY  (ONUS_IF_PRIVATE | ONUS_IF_PUBLIC)
#define ENDS     (ONUS_IF_TRAINED | ONUS_IF_REPORTED)
const onus_condition onus_conditions[] = {
    {ONUS_IF_BINARY, TASK, "two classes", "it decides between two classes", NO_TASK},
    {ONUS_IF_CLASSES, TASK, "more classes", "it decides among more than two classes", NO_TASK},
    {ONUS_IF_VALUES, TASK, "a number", "it predicts a number", NO_TASK},
    {ONUS_IF_TOKENS, TASK, "tokens", "it predicts tokens", NO_TASK},
    {ONUS_IF_LABELS, TASK, "several labels", "it decides several labels", NO_TASK},
    {ONUS_IF_COLUMNS, INPUT, "columns", "its model reads columns", NO_INPUT},
    {ONUS_IF_IMAGES, INPUT, "images", "its model reads images", NO_INPUT},
    {ONUS_IF_TEXT, INPUT, "text", "its model reads text", NO_INPUT},
    {ONUS_IF_CELLS, FORM, "tables", "its data is a table", NO_FORM},
    {ONUS_IF_IDX, FORM, "IDX files", "its data is images", NO_FORM},
    {ONUS_IF_LONG_TEXT, FORM, "one long text", "its data is one long text", NO_FORM},
    {ONUS_IF_PRIVATE, PRIVACY, "private", "training is private", "training is not private"},
    {ONUS_IF_PUBLIC, PRIVACY, "not private", "training is not private",
     "training is not private"},
    {ONUS_IF_TRAINED, ENDS, "ends after training", "it ends after training",
     "it ends after training"},
    {ONUS_IF_REPORTED, ENDS, "reported", "it ends in a report", "it ends after training"},
    ALONE(ONUS_IF_SHAPLEY, "Shapley values", "explain asks for no Shapley values"),
    ALONE(ONUS_IF_RELEVANCE, "relevance", "explain asks for no relevance"),
    ALONE(ONUS_IF_EXPLAINED, "explained", "explain is off"),
    ALONE(ONUS_IF_BOTH_WAYS, "explained in both ways", "explain does not ask for both ways"),
    ALONE(ONUS_IF_GROUPS, "protected attributes", "no protected attribute is named"),
    ALONE(ONUS_IF_VALID, "validation split", "there is no validation split"),
    ALONE(ONUS_IF_FROM, "train.from", "train.from is not set"),
    ALONE(ONUS_IF_FROZEN, "train.freeze", "train.freeze is not set"),
    ALONE(ONUS_IF_NEXT, "next tokens", "it does not predict next tokens"),
    ALONE(ONUS_IF_LABELLED, "rows have labels", "its rows have no labels"),
    ALONE(ONUS_IF_TESTED, "test rows", "the test split has no rows"),
};
const int onus_n_conditions = sizeof onus_conditions / sizeof *onus_conditions;

const char *onus_names_why_not(unsigned when, unsigned is)
{
    for (int i = 0; i < onus_n_conditions; i++) {
        const onus_condition *c = &onus_conditions[i];
        const unsigned asked = when & c->group;
        if (!asked || (asked & is)) continue;
        if (c->bit & is) return c->holds;
        if (!(c->group & is)) return c->none;
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
