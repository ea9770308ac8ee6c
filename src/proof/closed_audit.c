/* SPDX-License-Identifier: Apache-2.0
 * closed_audit.c - explanations, and energy with its carbon: what their numbers say of each
 * other. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "audit/energy.h"
#include "audit/explain.h"
#include "base/fail.h"
#include "base/json.h"
#include "proof/closed_parts.h"

/* ---- energy ------------------------------------------------------------------------------ */

/* Phases are parts of the run (relative error 1e-9). How much comes before the first one nobody
 * knows: a machine may sleep there, or a large one burn hundreds of joules while a cold disk
 * brings the recipe. */
static onus_status check_phases(const onus_closed *c, const char *what, onus_err *err)
{
    static const char *const phases[] = {"data", "train", "evaluate", "explain"};
    const double whole = onus_closed_number(c, "energy.%s", what);
    double sum = 0;
    for (size_t p = 0; p < sizeof phases / sizeof *phases; p++) {
        const double v = onus_closed_number(c, "energy.phase.%s.%s", phases[p], what);
        sum += isnan(v) ? 0 : v;
    }
    if (sum <= whole * (1 + 1e-9)) return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER, "phases have %.17g %s of %.17g", sum, what, whole);
}

/* Without counters joules are processor time times a power, of one reading. */
static onus_status check_power(const onus_closed *c, onus_err *err)
{
    return onus_closed_expect(c, "energy.joules",
                              onus_watts * onus_closed_number(c, "energy.cpu_seconds"),
                              "processor time times the power", err);
}

onus_status onus_closed_energy(const onus_closed *c, onus_err *err)
{
    const onus_field *region = onus_closed_field(c, "carbon.region"),
                     *reason = onus_closed_field(c, "energy.joules.reason");
    const bool rapl = onus_closed_says(c, "energy.method", "rapl");
    const onus_energy_found found = {.joules = onus_closed_number(c, "energy.joules"),
                                     .rapl = rapl,
                                     .lost = reason && reason->kind == ONUS_FIELD_TEXT &&
                                             strncmp(reason->text, "a counter", 9) == 0,
                                     .grid = region ? onus_grid_of(region->text) : NULL};
    if (!found.grid)
        return onus_fail(err, ONUS_TAMPER, "'carbon.region' is in no table of intensities");
    onus_event_builder b;
    onus_closed_begin(c, &b);
    onus_energy_put(&b, &found);
    onus_status st =
        onus_closed_same(c, &b, ONUS_SAME_BESIDE, "by joules, method and region", err);
    onus_event_release(&b);
    if (st == ONUS_OK) st = check_phases(c, "joules", err);
    if (st == ONUS_OK) st = check_phases(c, "seconds", err);
    return st == ONUS_OK && !rapl ? check_power(c, err) : st;
}

/* ---- explanations ------------------------------------------------------------------------ */

typedef struct {
    const onus_closed *c;
    const char *way; /* "explain", "relevance" */
} way;

static double number(const way *w, const char *name)
{
    return onus_closed_number(w->c, "%s.%s", w->way, name);
}

/* name <= most */
static onus_status at_most(const way *w, const char *name, double most, double off,
                           const char *why, onus_err *err)
{
    char whole[64];
    snprintf(whole, sizeof whole, "%s.%s", w->way, name);
    return onus_closed_within(w->c, whole, 0, most, off, why, err);
}

/* Those of the columns that are attributes. */
static onus_status check_protected(const way *w, const onus_field *columns, const onus_field *p,
                                   onus_err *err)
{
    const onus_vocabulary *a = &w->c->given->scope->attributes;
    int64_t k = 0;
    for (int64_t i = 0; i < columns->n; i++) {
        char part[2048];
        const onus_status st = onus_name_part(part, sizeof part, columns->texts[i], err);
        if (st != ONUS_OK) return st;
        if (onus_vocabulary_find(a, part, strlen(part)) < 0) continue;
        if (k == p->n || strcmp(p->texts[k++], columns->texts[i]) != 0) {
            k = -1;
            break;
        }
    }
    return k == p->n
               ? ONUS_OK
               : onus_fail(err, ONUS_TAMPER,
                           "'%s.protected' are not the protected ones of its columns", w->way);
}

/* Columns by falling mean, undefined ones first; all of them, or 64. */
static onus_status check_columns(const way *w, onus_err *err)
{
    const onus_scope *s = w->c->given->scope;
    const onus_field *f = onus_closed_field(w->c, "%s.columns", w->way),
                     *p = onus_closed_field(w->c, "%s.protected", w->way);
    const double columns =
        s->is & ONUS_IF_COLUMNS
            ? onus_closed_fact(w->c, "data.numbers") + onus_closed_fact(w->c, "data.categories")
            : onus_closed_fact(w->c, "data.features");
    bool some = w->way[0] == 'e' && isnan(number(w, "evaluations"));
    double last = INFINITY;
    if ((double)f->n != (columns < ONUS_COLUMNS_SHOWN ? columns : ONUS_COLUMNS_SHOWN))
        return onus_fail(err, ONUS_TAMPER, "'%s.columns' are %lld of %.17g", w->way,
                         (long long)f->n, columns);
    for (int64_t i = 0; i < f->n; i++) {
        char part[2048];
        const onus_status st = onus_name_part(part, sizeof part, f->texts[i], err);
        if (st != ONUS_OK) return st;
        double mean = onus_closed_number(w->c, "%s.%s.mean_abs", w->way, part);
        some = some || isnan(mean);
        mean = isnan(mean) ? INFINITY : mean;
        if (mean > last)
            return onus_fail(err, ONUS_TAMPER,
                             "'%s.columns' are not by falling mean_abs: %.200s", w->way,
                             f->texts[i]);
        last = mean;
    }
    if (some != !!onus_closed_field(w->c, "%s.withheld", w->way))
        return onus_fail(err, ONUS_TAMPER, "'%s.withheld' is %s: %s number is undefined",
                         w->way, some ? "absent" : "there", some ? "a" : "no");
    return check_protected(w, f, p, err);
}

/* Cells of the map add up to the columns' means, where all of them are told. (relative error
 * 1e-9) */
static onus_status check_map(const way *w, onus_err *err)
{
    const onus_field *f = onus_closed_field(w->c, "%s.map", w->way),
                     *columns = onus_closed_field(w->c, "%s.columns", w->way);
    const double rows = number(w, "map.rows"), cols = number(w, "map.columns");
    double sum = 0, all = 0;
    bool ok = (double)f->n == rows * cols && rows <= 16 && cols <= 16;
    for (int64_t i = 0; ok && i < f->n; i++) {
        ok = f->kind == ONUS_FIELD_REALS && !(f->reals[i] < 0);
        sum += f->reals[i];
    }
    if (!ok)
        return onus_fail(err, ONUS_TAMPER, "'%s.map' has %lld cells, expected %.17g by %.17g",
                         w->way, (long long)f->n, rows, cols);
    for (int64_t i = 0; i < columns->n; i++) {
        char part[2048];
        const onus_status st = onus_name_part(part, sizeof part, columns->texts[i], err);
        if (st != ONUS_OK) return st;
        all += onus_closed_number(w->c, "%s.%s.mean_abs", w->way, part);
    }
    const bool each = (double)columns->n == onus_closed_fact(w->c, "data.features");
    if (isnan(sum) || isnan(all) ||
        (sum >= all * (1 - 1e-9) && (!each || sum <= all * (1 + 1e-9))))
        return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER, "'%s.map' adds up to %.17g, its columns to %.17g",
                     w->way, sum, all);
}

/* Shares of a text. (relative error 1e-9) */
static onus_status check_texts(const way *w, onus_err *err)
{
    const double n = number(w, "texts"), one = number(w, "largest.share"),
                 three = number(w, "largest_three.share");
    double sum = 0;
    onus_status st = at_most(w, "texts", number(w, "rows"), 0, "texts are rows", err);
    for (int k = 1; k <= 4; k++)
        sum += onus_closed_number(w->c, "%s.place.%d.share", w->way, k);
    if (st == ONUS_OK && (n > 0 ? !(fabs(sum - 1) <= 1e-9) : !isnan(sum)))
        st = onus_fail(err, ONUS_TAMPER, "'%s.place' shares add up to %.17g of %.17g texts",
                       w->way, sum, n);
    if (st == ONUS_OK)
        st = at_most(w, "largest.share", three, 1e-9, "one of the largest three", err);
    if (st == ONUS_OK)
        st = at_most(w, "largest_three.share", 3 * one, 1e-9, "each is no larger", err);
    if (st == ONUS_OK)
        st = at_most(w, "tokens", onus_closed_fact(w->c, "data.context"), 1e-9,
                     "tokens of a row", err);
    return st;
}

/* How the values were found. */
static onus_status check_method(const way *w, onus_err *err)
{
    const double exact = number(w, "exact"), off = number(w, "std_error.max"),
                 pairs = number(w, "rows") *
                         (isnan(number(w, "background")) ? 1 : number(w, "background"));
    if (strcmp(w->way, "explain") != 0) {
        const onus_status st = onus_closed_expect(w->c, "relevance.evaluations", pairs,
                                                  "rows and references", err);
        return st == ONUS_OK
                   ? at_most(w, "agreement.n", number(w, "rows"), 0, "they are rows", err)
                   : st;
    }
    const bool all = onus_closed_says(w->c, "explain.method", "shapley, exact");
    if (all != (exact == 1))
        return onus_fail(err, ONUS_TAMPER, "'explain.exact' is %.17g, and the method %sexact",
                         exact, all ? "" : "not ");
    if (isnan(exact)) return ONUS_OK; /* withheld */
    if (all && off != 0)
        return onus_closed_expect(w->c, "explain.std_error.max", 0, "all is exact", err);
    return onus_closed_expect(w->c, "explain.exact", rint(exact * pairs) / pairs,
                              "a share of so many pairs", err);
}

/* The score that is explained. Which class of several it is, the recipe says. */
static onus_status check_of(const way *w, onus_err *err)
{
    const onus_scope *s = w->c->given->scope;
    const bool two = s->is & (ONUS_IF_BINARY | ONUS_IF_LABELS);
    const char *what = w->way[0] == 'e' ? "probability" : two ? "log-odds" : "logit";
    const onus_field *f = onus_closed_field(w->c, "%s.of", w->way);
    char asked[512];
    if (s->is & ONUS_IF_VALUES) {
        snprintf(asked, sizeof asked, "predicted value");
    } else if (two) {
        const bool labels = s->is & ONUS_IF_LABELS;
        const onus_vocabulary *v = labels ? &s->labels : &s->classes[0];
        if (!labels && v->n != 2) return ONUS_OK;
        const char *name = onus_closed_plain(w->c, v->order[labels ? w->c->label : 1]);
        if (!name) return onus_fail_mem(err, "ledger");
        snprintf(asked, sizeof asked, "%s of %.*s", what,
                 onus_utf8_cut(name, ONUS_EXPLAIN_NAME), name);
    } else {
        snprintf(asked, sizeof asked, "%s of ", what);
        if (strncmp(f->text, asked, strlen(asked)) == 0) return ONUS_OK;
    }
    if (strcmp(f->text, asked) == 0) return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER, "'%s.of' is not '%.300s'", w->way, asked);
}

/* Both ways explain the same rows. */
static onus_status check_both(const way *w, onus_err *err)
{
    static const char *const same[] = {"rows", "background"};
    if (!(w->c->given->scope->is & ONUS_IF_BOTH_WAYS) || w->way[0] == 'e') return ONUS_OK;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char name[64];
        snprintf(name, sizeof name, "relevance.%s", same[i]);
        const onus_status st = onus_closed_expect(
            w->c, name, onus_closed_fact(w->c, "%sexplain.%s", w->c->prefix, same[i]),
            "what the other way explained", err);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}

onus_status onus_closed_explain(const onus_closed *c, onus_err *err)
{
    const way w = {.c = c, .way = c->e->type};
    onus_status st = at_most(&w, "rows", onus_closed_fact(c, "data.rows.test"), 0,
                             "rows of the test split", err);
    if (st == ONUS_OK)
        st = at_most(&w, "background", onus_closed_fact(c, "data.rows.train"), 0,
                     "rows of the training split", err);
    if (st == ONUS_OK) st = check_method(&w, err);
    if (st == ONUS_OK) st = check_of(&w, err);
    if (st == ONUS_OK) st = check_both(&w, err);
    if (st == ONUS_OK && onus_closed_field(c, "%s.columns", w.way)) st = check_columns(&w, err);
    if (st == ONUS_OK && onus_closed_field(c, "%s.map", w.way)) st = check_map(&w, err);
    if (st == ONUS_OK && onus_closed_field(c, "%s.texts", w.way)) st = check_texts(&w, err);
    return st;
}
