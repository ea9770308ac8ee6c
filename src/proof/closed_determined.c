/* SPDX-License-Identifier: Apache-2.0
 * closed_determined.c - which events are recomputed, and what is kept of them for later ones.
 * Events that are not in the table cost a comparison of names. */
#include <string.h>

#include "base/fail.h"
#include "proof/closed_parts.h"

static const struct {
    const char *type, *variant;
    onus_status (*check)(const onus_closed *c, onus_err *err);
} table[] = {
    {"data.clean", NULL, onus_closed_data},       {"data.split", NULL, onus_closed_data},
    {"data.sheet", NULL, onus_closed_data},       {"train.begin", NULL, onus_closed_data},
    {"train.end", NULL, onus_closed_data},        {"model", NULL, onus_closed_data},
    {"data.test", NULL, onus_closed_data},        {"policy.result", NULL, onus_closed_data},
    {"report", NULL, onus_closed_data},           {"run.end", NULL, onus_closed_data},
    {"privacy.noise", NULL, onus_closed_privacy}, {"privacy.budget", NULL, onus_closed_privacy},
    {"metric", "tokens", onus_closed_tokens},     {"metric", "numbers", onus_closed_values},
    {"metric", "decisions", onus_closed_quality}, {"metric", "scores", onus_closed_scores},
    {"fairness", NULL, onus_closed_fairness},     {"explain", NULL, onus_closed_explain},
    {"relevance", NULL, onus_closed_explain},     {"energy", NULL, onus_closed_energy},
};

static onus_status keep_texts(const onus_closed_given *given, const onus_event *e,
                              onus_err *err)
{
    onus_status st = ONUS_OK;
    for (int64_t i = 0; st == ONUS_OK && i < e->n_fields; i++)
        if (e->fields[i].kind == ONUS_FIELD_TEXT)
            st = onus_facts_add(given->kept, &e->fields[i], err);
    return st;
}

/* Texts of the settings; of several labels together, whose counts come later; how many
 * statistics were fitted on people. */
static onus_status keep(const onus_closed_given *given, const onus_event *e, onus_err *err)
{
    const char *variant = given->of->row->variant;
    if (strcmp(e->type, "train.begin") == 0 || (variant && strcmp(variant, "labels") == 0))
        return keep_texts(given, e, err);
    const onus_field *fitted =
        strcmp(e->type, "data.sheet") == 0 ? onus_event_find(e, "data.fitted") : NULL;
    if (!fitted) return ONUS_OK;
    const onus_field n = {
        .name = "data.fitted",
        .kind = ONUS_FIELD_INT,
        .i = onus_closed_fitted(fitted, onus_event_find(e, "data.columns") != NULL)};
    return onus_facts_add(given->kept, &n, err);
}

onus_status onus_closed_determined(const onus_closed_given *given, const onus_event *e,
                                   onus_err *err)
{
    const char *variant = given->of->row->variant;
    if (given->of->row->times == ONUS_TIMES_EPOCHS)
        return ONUS_OK; /* many, none in the table */
    onus_status st = keep(given, e, err);
    for (size_t i = 0; st == ONUS_OK && i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].type, e->type) != 0) continue;
        if (table[i].variant && (!variant || strcmp(table[i].variant, variant) != 0)) continue;
        onus_closed c;
        st = onus_closed_init(&c, given, e, err);
        return st == ONUS_OK ? table[i].check(&c, err) : st;
    }
    return st;
}
