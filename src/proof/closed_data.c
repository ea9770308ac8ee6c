/* SPDX-License-Identifier: Apache-2.0
 * closed_data.c - counts of the data: sums of parts, and what later events repeat of them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/dataset.h"
#include "proof/closed_parts.h"
#include "train/budget.h"

int64_t onus_closed_fitted(const onus_field *fitted, bool listed)
{
    /* of very many columns one text says how many */
    const char *said = fitted->n == 1 && !listed ? fitted->texts[0] : "";
    char *end;
    const long long n = strtoll(said, &end, 10);
    return end != said && strncmp(end, " statistics of ", 15) == 0 ? n : fitted->n;
}

/* ---- the data's own events --------------------------------------------------------------- */

static onus_status check_clean(const onus_closed *c, onus_err *err)
{
    static const char begin[] = "data.missing.";
    double sum = 0;
    bool withheld = false;
    for (int64_t i = 0; i < c->e->n_fields; i++) {
        const onus_field *f = &c->e->fields[i];
        if (strncmp(f->name, begin, sizeof begin - 1) != 0) continue;
        const bool told = isfinite(onus_field_number(f));
        withheld = withheld || !told;
        if (!told) continue;
        sum += onus_field_number(f);
        const onus_status st =
            onus_closed_within(c, f->name, 1, onus_closed_number(c, "data.rows.raw"), 0,
                               "a row misses a column once", err);
        if (st != ONUS_OK) return st;
    }
    onus_status st = ONUS_OK;
    const bool all = isfinite(onus_closed_number(c, "data.missing_cells"));
    if (withheld && all)
        return onus_fail(err, ONUS_TAMPER,
                         "'data.missing_cells' tells what is withheld of a column");
    if (!all && (withheld || !onus_closed_field(c, "data.constant"))) return ONUS_OK;
    /* of very many columns none is listed */
    if (sum > 0 || onus_closed_field(c, "data.constant"))
        st = onus_closed_expect(c, "data.missing_cells", sum, "the sum over columns", err);
    if (st != ONUS_OK) return st;
    return onus_closed_within(c, "data.dropped.missing", 0,
                              onus_closed_number(c, "data.missing_cells"), 0,
                              "each lacked something", err);
}

static double file_rows(const onus_closed *c, int k)
{
    return onus_closed_fact(c, "data.file.%d.rows", k);
}

static onus_status check_split(const onus_closed *c, onus_err *err)
{
    const onus_scope *s = c->given->scope;
    const double rows = onus_closed_number(c, "data.rows");
    if (s->is & ONUS_IF_IDX) {
        const double asked = file_rows(c, 1) + (s->test_file ? file_rows(c, 3) : 0);
        if (file_rows(c, 2) != file_rows(c, 1) ||
            (s->test_file && file_rows(c, 4) != file_rows(c, 3)))
            return onus_fail(err, ONUS_TAMPER, "files hold more images than labels, or fewer");
        return onus_closed_expect(c, "data.rows", asked, "images of the files", err);
    }
    if (!(s->is & ONUS_IF_CELLS)) return ONUS_OK;
    const double raw = onus_closed_fact(c, "data.rows.raw"),
                 read = file_rows(c, 1) + (s->test_file ? file_rows(c, 2) : 0),
                 left = raw - onus_closed_fact(c, "data.dropped.missing") -
                        onus_closed_fact(c, "data.dropped.duplicates");
    if (raw != read)
        return onus_fail(err, ONUS_TAMPER,
                         "'data.rows.raw' was %.17g, expected %.17g: rows of the files", raw,
                         read);
    return rows == left
               ? ONUS_OK
               : onus_closed_expect(c, "data.rows", left, "raw rows less dropped ones", err);
}

/* The reason is there where a group is withheld. */
static onus_status check_withheld(const onus_closed *c, onus_err *err)
{
    bool any = false;
    for (int64_t i = 0; i < c->e->n_fields; i++)
        any = any || (strncmp(c->e->fields[i].name, "data.group.", 11) == 0 &&
                      strcmp(c->e->fields[i].name, "data.group.reason") != 0 &&
                      isnan(onus_closed_number(c, "%s", c->e->fields[i].name)));
    if ((onus_closed_field(c, "data.group.reason") != NULL) == any) return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER, "'data.group.reason' is %s: %s group is withheld",
                     any ? "missing" : "there", any ? "a" : "no");
}

/* Rows by class, or group, of a part; `exact`: they are all of its rows. */
static onus_status check_counts(const onus_closed *c, const char *of, const onus_vocabulary *v,
                                bool exact, onus_err *err)
{
    for (int p = 0; p < ONUS_PART_COUNT; p++) {
        const double rows = onus_closed_fact(c, "data.rows.%s", onus_part_names[p]);
        double sum = 0;
        bool all = true;
        for (int64_t k = 0; k < v->n; k++) {
            const double n =
                onus_closed_number(c, "data.%s.%s.%s", of, v->order[k], onus_part_names[p]);
            all = all && !isnan(n);
            sum += isnan(n) ? 0 : n;
        }
        if (!(sum > rows) && (sum == rows || !exact || !all)) continue;
        return onus_fail(err, ONUS_TAMPER,
                         "rows of 'data.%.200s' in %s are %.17g, expected %s%.17g", of,
                         onus_part_names[p], sum, exact ? "" : "at most ", rows);
    }
    return ONUS_OK;
}

static onus_status check_labels(const onus_closed *c, onus_err *err)
{
    const onus_scope *s = c->given->scope;
    char of[2100];
    if (s->is & (ONUS_IF_VALUES | ONUS_IF_TOKENS)) return ONUS_OK;
    for (int64_t l = 0; l < (s->labels.n ? s->labels.n : 1); l++) {
        snprintf(of, sizeof of, "label%s%s", s->labels.n ? "." : "",
                 s->labels.n ? s->labels.order[l] : "");
        /* a row may lack one of several labels; of very many classes some are not listed */
        const bool exact = s->labels.n == 0 && s->classes[l].n < ONUS_CLASSES_LISTED;
        const onus_status st = check_counts(c, of, &s->classes[l], exact, err);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

/* Tokens of a row fit into it; windows of a long text share their last one. */
static onus_status check_tokens(const onus_closed *c, onus_err *err)
{
    const double context = onus_closed_number(c, "data.context"),
                 rows = onus_closed_fact(c, "data.rows");
    double sum = rows;
    onus_status st =
        onus_closed_expect(c, "data.features", context, "a token is a feature", err);
    if (st == ONUS_OK)
        st = onus_closed_within(c, "data.truncated", 0, rows, 0, "texts are rows", err);
    for (int p = 0; st == ONUS_OK && p < ONUS_PART_COUNT; p++) {
        char name[64];
        snprintf(name, sizeof name, "data.tokens.%s", onus_part_names[p]);
        sum += onus_closed_number(c, "%s", name);
        st = onus_closed_within(
            c, name, 0, onus_closed_fact(c, "data.rows.%s", onus_part_names[p]) * (context + 1),
            0, "tokens of its rows", err);
    }
    return st == ONUS_OK
               ? onus_closed_within(c, "data.tokens.unknown", 1, sum, 0, "they are tokens", err)
               : st;
}

/* Kinds of columns, where they are listed. */
static onus_status check_kinds(const onus_closed *c, onus_err *err)
{
    double n = 0;
    for (int64_t i = 0; i < c->e->n_fields; i++) {
        const onus_field *f = &c->e->fields[i];
        n += strncmp(f->name, "data.column.", 12) == 0 && f->kind == ONUS_FIELD_TEXT &&
             strcmp(f->text, "category") == 0;
    }
    return onus_closed_field(c, "data.columns")
               ? onus_closed_expect(c, "data.categories", n, "columns of that kind", err)
               : ONUS_OK;
}

static onus_status check_sheet(const onus_closed *c, onus_err *err)
{
    const onus_scope *s = c->given->scope;
    const double rows = onus_closed_fact(c, "data.rows"),
                 columns = onus_closed_number(c, "data.numbers") +
                           onus_closed_number(c, "data.categories");
    char of[2100];
    onus_status st = check_labels(c, err);
    if (st == ONUS_OK) st = check_withheld(c, err);
    for (int64_t a = 0; st == ONUS_OK && a < s->attributes.n; a++) {
        snprintf(of, sizeof of, "group.%s", s->attributes.order[a]);
        st = check_counts(c, of, &s->groups[a], false, err);
    }
    if (st == ONUS_OK && (double)s->attributes.n != onus_closed_fact(c, "run.protected"))
        st = onus_fail(err, ONUS_TAMPER, "'data.attributes' are %lld, expected run.protected",
                       (long long)s->attributes.n);
    if (st == ONUS_OK && (s->is & ONUS_IF_TEXT)) st = check_tokens(c, err);
    if (st == ONUS_OK) st = check_kinds(c, err);
    if (st == ONUS_OK)
        st = onus_closed_within(c, "data.features", columns, INFINITY, 0,
                                "a column is a feature or more", err);
    for (int64_t i = 0; st == ONUS_OK && i < c->e->n_fields; i++)
        if (strncmp(c->e->fields[i].name, "data.unseen.", 12) == 0)
            st = onus_closed_within(c, c->e->fields[i].name, 1, rows, 0, "they are rows", err);
    return st;
}

/* ---- what later events repeat ------------------------------------------------------------ */

/* Balanced: rows / (classes times rows of the class). */
static onus_status check_weights(const onus_closed *c, onus_err *err)
{
    const onus_scope *s = c->given->scope;
    const onus_field *f = onus_closed_field(c, "train.class_weight");
    if (!f || s->labels.n > 0 || !s->classes || !s->classes[0].known ||
        s->classes[0].n >= ONUS_CLASSES_LISTED)
        return ONUS_OK;
    if (f->n != s->classes[0].n)
        return onus_fail(err, ONUS_TAMPER, "'train.class_weight' are %lld, expected %lld",
                         (long long)f->n, (long long)s->classes[0].n);
    if (!onus_closed_says(c, "train.class_weights", "balanced")) return ONUS_OK;
    const double rows = onus_closed_fact(c, "data.rows.train");
    for (int64_t k = 0; k < f->n; k++) {
        const double of = onus_closed_fact(c, "data.label.%s.train", s->classes[0].order[k]);
        const double asked = of > 0 ? rows / ((double)f->n * of) : 0;
        if (isnan(of) || (f->kind == ONUS_FIELD_REALS && f->reals[k] == asked)) continue;
        return onus_fail(err, ONUS_TAMPER,
                         "'train.class_weight' of class %lld is not rows / (classes times rows "
                         "of the class)",
                         (long long)k + 1);
    }
    return ONUS_OK;
}

static onus_status check_train(const onus_closed *c, onus_err *err)
{
    onus_status st = ONUS_OK;
    const bool is_private = c->given->scope->is & ONUS_IF_PRIVATE;
    const char *sampling =
        is_private ? onus_sampling_text(false) : "shuffled, every row once an epoch";
    ONUS_TRY(onus_closed_expect(c, "train.rows", onus_closed_fact(c, "data.rows.train"),
                                "rows of the training split", err));
    ONUS_TRY(onus_closed_expect(c, "train.valid_rows", onus_closed_fact(c, "data.rows.valid"),
                                "rows of the validation split", err));
    if (!onus_closed_says(c, "train.sampling", sampling) &&
        !(is_private && onus_closed_says(c, "train.sampling", onus_sampling_text(true))))
        return onus_fail(err, ONUS_TAMPER, "'train.sampling' is not '%s'", sampling);
    ONUS_TRY(check_weights(c, err));
done:
    return st;
}

/* Whether they may end early, closed.c knows. */
static onus_status check_ended(const onus_closed *c, onus_err *err)
{
    const bool early =
        onus_closed_number(c, "train.epochs_run") < onus_closed_fact(c, "train.epochs");
    const char *asked =
        early ? "no better validation loss for train.patience epochs" : "all epochs were run";
    return onus_closed_says(c, "train.ended", asked)
               ? ONUS_OK
               : onus_fail(err, ONUS_TAMPER, "'train.ended' is not '%s'", asked);
}

/* Its seconds may be fewer than those of the meter: they are of the last part of a run that was
 * interrupted. */
static onus_status check_state(const onus_closed *c, onus_err *err)
{
    const char *asked = c->given->scope->is & ONUS_IF_TRAINED ? "trained" : "reported";
    return onus_closed_says(c, "run.state", asked)
               ? ONUS_OK
               : onus_fail(err, ONUS_TAMPER, "'run.state' is not '%s', as run.ends says",
                           asked);
}

onus_status onus_closed_data(const onus_closed *c, onus_err *err)
{
    static const struct {
        const char *type, *name, *fact, *why;
    } same[] = {
        {"model", "model.parameters", "train.parameters", "those that were trained"},
        {"data.test", "data.test.rows", "data.rows.test", "rows of the test split"},
        {"policy.result", "policy.count", "run.policies", "demands of the recipe"},
    };
    static const struct {
        const char *type;
        onus_status (*check)(const onus_closed *c, onus_err *err);
    } own[] = {{"data.clean", check_clean}, {"data.split", check_split},
               {"data.sheet", check_sheet}, {"train.begin", check_train},
               {"train.end", check_ended},  {"run.end", check_state}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (strcmp(c->e->type, same[i].type) == 0)
            return onus_closed_expect(c, same[i].name, onus_closed_fact(c, "%s", same[i].fact),
                                      same[i].why, err);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(c->e->type, own[i].type) == 0) return own[i].check(c, err);
    return onus_closed_expect(c, "report.events", (double)c->given->n, "the events before",
                              err);
}
