/* SPDX-License-Identifier: Apache-2.0
 * closed_audit.c - explanations, and energy with its carbon: what their numbers say of each
 * other. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "audit/energy.h"
#include "base/fail.h"
#include "proof/closed_parts.h"

/* ---- energy ------------------------------------------------------------------------------ */

/* Phases are parts of the run. (relative error 1e-9) */
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
    return onus_fail(err, ONUS_TAMPER, "phases have %.17g %s, expected at most %.17g", sum,
                     what, whole);
}

/* Without counters joules are processor time times a power; the event is made a moment later,
 * and by threads that go on. */
static onus_status check_power(const onus_closed *c, onus_err *err)
{
    const double watts = onus_watts, cpu = onus_closed_number(c, "energy.cpu_seconds");
    return onus_closed_within(c, "energy.joules", watts * (0.95 * cpu - 1), watts * cpu,
                              1e-9 * watts * cpu, "processor time times the power", err);
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

/* Columns by falling mean, undefined ones first; all of them, or 64. */
static onus_status check_columns(const way *w, onus_err *err)
{
    enum { SHOWN = 64 };
    const onus_scope *s = w->c->given->scope;
    const onus_field *f = onus_closed_field(w->c, "%s.columns", w->way),
                     *p = onus_closed_field(w->c, "%s.protected", w->way);
    const double columns =
        s->is & ONUS_IF_COLUMNS
            ? onus_closed_fact(w->c, "data.numbers") + onus_closed_fact(w->c, "data.categories")
            : onus_closed_fact(w->c, "data.features");
    double last = INFINITY;
    if ((double)f->n != (columns < SHOWN ? columns : SHOWN))
        return onus_fail(err, ONUS_TAMPER, "'%s.columns' are %lld of %.17g", w->way,
                         (long long)f->n, columns);
    for (int64_t i = 0; i < f->n; i++) {
        char part[2048];
        const onus_status st = onus_name_part(part, sizeof part, f->texts[i], err);
        if (st != ONUS_OK) return st;
        double mean = onus_closed_number(w->c, "%s.%s.mean_abs", w->way, part);
        mean = isnan(mean) ? INFINITY : mean;
        if (mean > last)
            return onus_fail(err, ONUS_TAMPER,
                             "'%s.columns' are not by falling mean_abs: %.200s", w->way,
                             f->texts[i]);
        last = mean;
    }
    for (int64_t i = 0, k = 0; i < p->n; i++, k++) {
        while (k < f->n && strcmp(f->texts[k], p->texts[i]) != 0) k++;
        if (k == f->n)
            return onus_fail(err, ONUS_TAMPER, "'%s.protected' names what is no column: %.200s",
                             w->way, p->texts[i]);
    }
    return ONUS_OK;
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

static onus_status check_method(const way *w, onus_err *err)
{
    const double exact = number(w, "exact"), off = number(w, "std_error.max");
    if (strcmp(w->way, "explain") != 0)
        return at_most(w, "agreement.n", number(w, "rows"), 0, "they are rows", err);
    const bool all = onus_closed_says(w->c, "explain.method", "shapley, exact");
    if (all ? exact == 1 : exact < 1) {
        if (!all || off == 0) return ONUS_OK;
        return onus_closed_expect(w->c, "explain.std_error.max", 0, "all is exact", err);
    }
    return onus_fail(err, ONUS_TAMPER, "'explain.exact' is %.17g, and the method %sexact",
                     exact, all ? "" : "not ");
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
    if (st == ONUS_OK && onus_closed_field(c, "%s.columns", w.way)) st = check_columns(&w, err);
    if (st == ONUS_OK && onus_closed_field(c, "%s.map", w.way)) st = check_map(&w, err);
    if (st == ONUS_OK && onus_closed_field(c, "%s.texts", w.way)) st = check_texts(&w, err);
    return st;
}
