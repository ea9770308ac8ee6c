/* SPDX-License-Identifier: Apache-2.0
 * closed_parts.c - see closed_parts.h. */
#include "proof/closed_parts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/quality.h"
#include "base/fail.h"
#include "num/vec.h"

/* ---- reading ----------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const onus_field *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static const onus_field **sort_fields(const onus_field *f, int64_t n, onus_arena *arena)
{
    const onus_field **list = onus_arena_alloc(arena, (size_t)n + 1, sizeof *list);
    for (int64_t i = 0; list && i < n; i++) list[i] = &f[i];
    if (list) qsort(list, (size_t)n, sizeof *list, by_name);
    return list;
}

static const onus_field *find_sorted(const onus_field *const *list, int64_t n, const char *name)
{
    int64_t low = 0, high = n - 1;
    while (low <= high) {
        const int64_t mid = low + (high - low) / 2;
        const int order = strcmp(list[mid]->name, name);
        if (order == 0) return list[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid - 1;
    }
    return NULL;
}

onus_status onus_closed_init(onus_closed *c, const onus_closed_given *given,
                             const onus_event *e, onus_err *err)
{
    const onus_scope *s = given->scope;
    const int64_t l = given->of->label;
    *c = (onus_closed){
        .given = given, .e = e, .prefix = "", .label = l >= 0 ? l : 0, .arena = given->scratch};
    if (l >= 0) c->prefix = onus_arena_printf(c->arena, "label.%s.", s->labels.order[l]);
    c->sorted = sort_fields(e->fields, e->n_fields, c->arena);
    return c->prefix && c->sorted ? ONUS_OK : onus_fail_mem(err, "ledger");
}

/* The field of a whole name. */
static const onus_field *find(const onus_closed *c, const char *name)
{
    if (!c->earlier) return find_sorted(c->sorted, c->e->n_fields, name);
    const onus_field *f = onus_facts_find(c->given->facts, name);
    return f ? f : onus_facts_find(c->given->kept, name);
}

enum { NAME_MAX_LEN = 4096 };

/* false: too long to be a name of the ledger */
static bool print_name(char out[NAME_MAX_LEN], const char *prefix, const char *fmt,
                       va_list args)
{
    const size_t n = strlen(prefix);
    if (n >= NAME_MAX_LEN) return false;
    memcpy(out, prefix, n + 1);
    const int more = vsnprintf(out + n, NAME_MAX_LEN - n, fmt, args);
    return more >= 0 && (size_t)more < NAME_MAX_LEN - n;
}

const onus_field *onus_closed_field(const onus_closed *c, const char *name_fmt, ...)
{
    char name[NAME_MAX_LEN];
    va_list args;
    va_start(args, name_fmt);
    const bool ok = print_name(name, c->prefix, name_fmt, args);
    va_end(args);
    return ok ? find(c, name) : NULL;
}

double onus_closed_number(const onus_closed *c, const char *name_fmt, ...)
{
    char name[NAME_MAX_LEN];
    va_list args;
    va_start(args, name_fmt);
    const bool ok = print_name(name, c->prefix, name_fmt, args);
    va_end(args);
    return ok ? onus_field_number(find(c, name)) : NAN;
}

double onus_closed_fact(const onus_closed *c, const char *name_fmt, ...)
{
    char name[NAME_MAX_LEN];
    va_list args;
    va_start(args, name_fmt);
    const bool ok = print_name(name, "", name_fmt, args);
    va_end(args);
    return ok ? onus_field_number(onus_facts_find(c->given->facts, name)) : NAN;
}

bool onus_closed_says(const onus_closed *c, const char *name, const char *text)
{
    const onus_field *f = onus_closed_field(c, "%s", name);
    return f && f->kind == ONUS_FIELD_TEXT && strcmp(f->text, text) == 0;
}

const char *onus_closed_plain(const onus_closed *c, const char *part)
{
    char *out = onus_arena_strdup(c->arena, part), *to = out;
    for (const char *p = part; out && *p; p++) {
        char digits[3] = {0}, *end = digits;
        if (*p == '%' && p[1] && p[2]) memcpy(digits, p + 1, 2);
        const long byte = strtol(digits, &end, 16);
        *to++ = end == digits + 2 ? (char)byte : *p;
        if (end == digits + 2) p += 2;
    }
    if (out) *to = '\0';
    return out;
}

/* ---- comparing --------------------------------------------------------------------------- */

static void show(char out[128], const onus_field *f)
{
    if (!f)
        snprintf(out, 128, "missing");
    else if (onus_field_is_undefined(f))
        snprintf(out, 128, "undefined");
    else if (f->kind == ONUS_FIELD_TEXT)
        snprintf(out, 128, "'%.100s'", f->text);
    else if (f->kind == ONUS_FIELD_INT)
        snprintf(out, 128, "%lld", (long long)f->i);
    else if (f->kind == ONUS_FIELD_REAL)
        snprintf(out, 128, "%.17g", f->r);
    else
        snprintf(out, 128, "another list");
    onus_tame(out);
}

static onus_status differs(const char *name, const onus_field *is, const onus_field *asked,
                           const char *why, onus_err *err)
{
    char a[128], b[128];
    show(a, is);
    show(b, asked);
    return onus_fail(err, ONUS_TAMPER, "'%.200s' is %s, expected %s: %s", name, a,
                     asked ? b : "nothing", why);
}

static bool same_list(const onus_field *a, const onus_field *b)
{
    if (a->n != b->n) return false;
    if (a->n > 0 && a->kind != b->kind) return false;
    for (int64_t i = 0; i < a->n; i++) {
        if (a->kind == ONUS_FIELD_TEXTS ? strcmp(a->texts[i], b->texts[i]) != 0
                                        : a->reals[i] != b->reals[i] &&
                                              (isfinite(a->reals[i]) || isfinite(b->reals[i])))
            return false;
    }
    return true;
}

static bool is_list(const onus_field *f)
{
    return f->kind == ONUS_FIELD_REALS || f->kind == ONUS_FIELD_TEXTS;
}

static bool same_value(const onus_field *a, const onus_field *b)
{
    if (onus_field_is_undefined(a) || onus_field_is_undefined(b))
        return onus_field_is_undefined(a) && onus_field_is_undefined(b);
    if (is_list(a) || is_list(b)) return is_list(a) && is_list(b) && same_list(a, b);
    if (a->kind == ONUS_FIELD_TEXT || b->kind == ONUS_FIELD_TEXT)
        return a->kind == b->kind && strcmp(a->text, b->text) == 0;
    return onus_field_number(a) == onus_field_number(b);
}

static const char *whole_name(const onus_closed *c, const char *name, char out[NAME_MAX_LEN])
{
    snprintf(out, NAME_MAX_LEN, "%s%s", c->prefix, name);
    return out;
}

onus_status onus_closed_expect(const onus_closed *c, const char *name, double asked,
                               const char *why, onus_err *err)
{
    char of[NAME_MAX_LEN];
    const onus_field want = {.kind = ONUS_FIELD_REAL, .r = asked},
                     *f = onus_closed_field(c, "%s", name);
    if (f ? same_value(f, &want) : isnan(asked)) return ONUS_OK;
    return differs(whole_name(c, name, of), f, &want, why, err);
}

onus_status onus_closed_near(const onus_closed *c, const char *name, double asked, double off,
                             const char *why, onus_err *err)
{
    const double v = onus_closed_number(c, "%s", name);
    return fabs(v - asked) <= off ? ONUS_OK : onus_closed_expect(c, name, asked, why, err);
}

onus_status onus_closed_within(const onus_closed *c, const char *name, double least,
                               double most, double off, const char *why, onus_err *err)
{
    char of[NAME_MAX_LEN];
    const double v = onus_closed_number(c, "%s", name);
    if (isnan(v) || isnan(least) || isnan(most) || (v >= least - off && v <= most + off))
        return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER, "'%.200s' is %.17g, expected at %s %.17g: %s",
                     whole_name(c, name, of), v, v < least ? "least" : "most",
                     v < least ? least : most, why);
}

void onus_closed_begin(const onus_closed *c, onus_event_builder *b)
{
    onus_event_init(b, c->arena->mem);
    onus_event_within(b, *c->prefix ? c->prefix : NULL);
    onus_event_begin(b, c->e->type);
}

/* What stands beside a value by its nature. */
static onus_status no_more(const onus_closed *c, const onus_field *const *list, int64_t n,
                           const onus_field *f, const char *why, onus_err *err)
{
    static const char *const beside[] = {".reason",  ".method", ".n.min", ".lowest",
                                         ".highest", ".first",  ".second"};
    char name[NAME_MAX_LEN];
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        const int len = snprintf(name, sizeof name, "%s%s", f->name, beside[i]);
        if (len < 0 || (size_t)len >= sizeof name || find_sorted(list, n, name)) continue;
        const onus_field *more = find(c, name);
        if (more) return differs(name, more, NULL, why, err);
    }
    return ONUS_OK;
}

onus_status onus_closed_same(const onus_closed *c, const onus_event_builder *b, onus_same how,
                             const char *why, onus_err *err)
{
    if (b->st == ONUS_NO_MEM) return onus_fail_mem(err, "ledger");
    if (b->st != ONUS_OK) return onus_fail(err, ONUS_TAMPER, "names are too long");
    const onus_field **list = sort_fields(b->fields, b->n, c->arena);
    if (!list) return onus_fail_mem(err, "ledger");
    for (int64_t i = 0; i < b->n; i++) {
        const onus_field *f = find(c, b->fields[i].name);
        if (!f || !same_value(f, &b->fields[i]))
            return differs(b->fields[i].name, f, &b->fields[i], why, err);
    }
    for (int64_t i = 0; how == ONUS_SAME_BESIDE && i < b->n; i++) {
        const onus_status st = no_more(c, list, b->n, &b->fields[i], why, err);
        if (st != ONUS_OK) return st;
    }
    for (int64_t i = 0; how == ONUS_SAME_ALL && i < c->e->n_fields; i++) {
        if (!find_sorted(list, b->n, c->e->fields[i].name))
            return differs(c->e->fields[i].name, &c->e->fields[i], NULL, why, err);
    }
    return ONUS_OK;
}

/* ---- intervals --------------------------------------------------------------------------- */

static onus_status put_and_compare(const onus_closed *c, const onus_measure *m,
                                   const char *name, onus_err *err)
{
    onus_event_builder b;
    onus_closed_begin(c, &b);
    onus_measure_put(&b, m, "%s", name);
    const onus_status st =
        onus_closed_same(c, &b, ONUS_SAME_BESIDE, "what a mean of so many values has", err);
    onus_event_release(&b);
    return st;
}

onus_status onus_closed_mean(const onus_closed *c, const char *name, int64_t n, double least,
                             double most, onus_err *err)
{
    onus_measure m = {.value = onus_closed_number(c, "%s", name),
                      .ci = {onus_closed_number(c, "%s.lower", name),
                             onus_closed_number(c, "%s.upper", name)},
                      .n = n,
                      .method = "student t"};
    if (n == 0) m.value = NAN;
    if (n < 2) {
        m.ci = (onus_interval){NAN, NAN};
        m.reason = n == 0 ? "no rows" : "one row has no spread to judge by";
    }
    onus_status st = put_and_compare(c, &m, name, err);
    if (st != ONUS_OK || n == 0) return st;
    st = onus_closed_within(c, name, least, most, 1e-6 * (1 + fabs(most)),
                            "what its values can be", err);
    if (st != ONUS_OK || n == 1) return st;
    char lower[NAME_MAX_LEN], upper[NAME_MAX_LEN];
    snprintf(lower, sizeof lower, "%s.lower", name);
    snprintf(upper, sizeof upper, "%s.upper", name);
    const double half = m.ci.upper - m.value,
                 asked = m.value - half < least ? least : m.value - half;
    if (!(half >= 0)) return onus_closed_expect(c, upper, m.value, "it lies below", err);
    st = onus_closed_near(c, lower, asked, 0x1p-50 * (fabs(m.value) + fabs(m.ci.upper)),
                          "as far below as the upper bound above", err);
    if (st != ONUS_OK || !isfinite(most) || !isfinite(least)) return st;
    /* values between two ends spread most where all lie at the ends */
    const double spread = onus_larger(0, (m.value - least) * (most - m.value));
    const double reach =
        onus_t_quantile(0.975, (double)(n - 1)) * sqrt(spread / (double)(n - 1));
    return onus_closed_within(c, upper, m.value, m.value + reach, 1e-6 * (1 + reach),
                              "values between these ends spread no more", err);
}

onus_status onus_closed_logit(const onus_closed *c, const char *name, onus_err *err)
{
    const double v = onus_closed_number(c, "%s", name),
                 low = onus_closed_number(c, "%s.lower", name),
                 high = onus_closed_number(c, "%s.upper", name);
    char of[NAME_MAX_LEN];
    if (!(v > 0 && v < 1) || !(low <= v && v <= high))
        return onus_fail(err, ONUS_TAMPER, "'%.200s' does not lie between its bounds",
                         whole_name(c, name, of));
    /* bounds at 0 or 1 were rounded there */
    if (low == 0 || high == 1) return ONUS_OK;
    const double at = onus_log64(v / (1 - v)), down = at - onus_log64(low / (1 - low)),
                 up = onus_log64(high / (1 - high)) - at;
    const double off = 0x1p-48 * (1 + fabs(at) + 1 / (low * (1 - low)) +
                                  1 / (high * (1 - high)) + 1 / (v * (1 - v)));
    if (fabs(up - down) <= off) return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER,
                     "bounds of '%.200s' are not alike far from it on the logit scale",
                     whole_name(c, name, of));
}
