/* SPDX-License-Identifier: Apache-2.0
 * closed_data.c - counts of the data: sums of parts, and what later events repeat of them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "proof/closed_parts.h"

enum { CLASSES_LISTED = 1000 };
static const char *const parts[] = {"train", "valid", "test"};

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
    for (int64_t i = 0; i < c->e->n_fields; i++) {
        const onus_field *f = &c->e->fields[i];
        if (strncmp(f->name, begin, sizeof begin - 1) != 0) continue;
        sum += f->kind == ONUS_FIELD_INT ? (double)f->i : f->r;
        const onus_status st =
            onus_closed_within(c, f->name, 1, onus_closed_number(c, "data.rows.raw"), 0,
                               "a row misses a column once", err);
        if (st != ONUS_OK) return st;
    }
    onus_status st = ONUS_OK;
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

/* Rows by class, or group, of a part; `exact`: they are all of its rows. */
static onus_status check_counts(const onus_closed *c, const char *of, const onus_vocabulary *v,
                                bool exact, onus_err *err)
{
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        const double rows = onus_closed_fact(c, "data.rows.%s", parts[p]);
        double sum = 0;
        bool all = true;
        for (int64_t k = 0; k < v->n; k++) {
            const double n = onus_closed_number(c, "data.%s.%s.%s", of, v->order[k], parts[p]);
            all = all && !isnan(n);
            sum += isnan(n) ? 0 : n;
        }
        if (!(sum > rows) && (sum == rows || !exact || !all)) continue;
        return onus_fail(err, ONUS_TAMPER,
                         "rows of 'data.%.200s' in %s are %.17g, expected %s%.17g", of,
                         parts[p], sum, exact ? "" : "at most ", rows);
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
        const bool exact = s->labels.n == 0 && s->classes[l].n < CLASSES_LISTED;
        const onus_status st = check_counts(c, of, &s->classes[l], exact, err);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

static onus_status check_sheet(const onus_closed *c, onus_err *err)
{
    const onus_scope *s = c->given->scope;
    const double rows = onus_closed_fact(c, "data.rows"),
                 columns = onus_closed_number(c, "data.numbers") +
                           onus_closed_number(c, "data.categories");
    char of[2100];
    onus_status st = check_labels(c, err);
    for (int64_t a = 0; st == ONUS_OK && a < s->attributes.n; a++) {
        snprintf(of, sizeof of, "group.%s", s->attributes.order[a]);
        st = check_counts(c, of, &s->groups[a], false, err);
    }
    if (st == ONUS_OK && (double)s->attributes.n != onus_closed_fact(c, "run.protected"))
        st = onus_fail(err, ONUS_TAMPER, "'data.attributes' are %lld, expected run.protected",
                       (long long)s->attributes.n);
    if (st == ONUS_OK && (s->is & ONUS_IF_TEXT))
        st = onus_closed_expect(c, "data.features", onus_closed_number(c, "data.context"),
                                "a token is a feature", err);
    if (st == ONUS_OK && (s->is & ONUS_IF_TEXT))
        st = onus_closed_within(c, "data.truncated", 0, rows, 0, "texts are rows", err);
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
        s->classes[0].n >= CLASSES_LISTED)
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
    const char *sampling = c->given->scope->is & ONUS_IF_PRIVATE
                               ? "Poisson, each row with probability batch / rows"
                               : "shuffled, every row once an epoch";
    ONUS_TRY(onus_closed_expect(c, "train.rows", onus_closed_fact(c, "data.rows.train"),
                                "rows of the training split", err));
    ONUS_TRY(onus_closed_expect(c, "train.valid_rows", onus_closed_fact(c, "data.rows.valid"),
                                "rows of the validation split", err));
    if (!onus_closed_says(c, "train.sampling", sampling))
        return onus_fail(err, ONUS_TAMPER, "'train.sampling' is not '%s'", sampling);
    ONUS_TRY(check_weights(c, err));
done:
    return st;
}

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
    } own[] = {{"data.clean", check_clean},
               {"data.split", check_split},
               {"data.sheet", check_sheet},
               {"train.begin", check_train},
               {"run.end", check_state}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (strcmp(c->e->type, same[i].type) == 0)
            return onus_closed_expect(c, same[i].name, onus_closed_fact(c, "%s", same[i].fact),
                                      same[i].why, err);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(c->e->type, own[i].type) == 0) return own[i].check(c, err);
    return onus_closed_expect(c, "report.events", (double)c->given->n, "the events before",
                              err);
}
