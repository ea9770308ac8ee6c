/* SPDX-License-Identifier: Apache-2.0
 * expression.c - see expression.h. Texts come from descriptions of families and from recipes:
 * lengths and depths are bounded. */
#include "net/expression.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"

enum { NAME_MAX_ = 40, DEPTH_MAX = 16, TEXT_MAX = 240 };

static onus_status set(onus_scope *s, onus_binding b, onus_err *err)
{
    for (int i = 0; i < s->n; i++) {
        if (strcmp(s->list[i].name, b.name) != 0) continue;
        s->list[i] = b;
        return ONUS_OK;
    }
    if (s->n == ONUS_BINDINGS_MAX)
        return onus_fail(err, ONUS_BAD_INPUT, "model: more than %d settings, at '%.40s'",
                         ONUS_BINDINGS_MAX, b.name);
    s->list[s->n++] = b;
    return ONUS_OK;
}

onus_status onus_scope_number(onus_scope *s, const char *name, double number, onus_err *err)
{
    return set(s, (onus_binding){.name = name, .number = number}, err);
}

onus_status onus_scope_word(onus_scope *s, const char *name, const char *word, onus_err *err)
{
    return set(s, (onus_binding){.name = name, .word = word}, err);
}

const onus_binding *onus_scope_find(const onus_scope *s, const char *name)
{
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->list[i].name, name) == 0) return &s->list[i];
    return NULL;
}

/* ---- arithmetic -------------------------------------------------------------------------- */

typedef struct {
    const onus_scope *s;
    const char *text, *at;
    int depth;
    onus_err *err;
} reader;

static onus_status fail(const reader *r, const char *what)
{
    return onus_fail(r->err, ONUS_BAD_INPUT, "model: '%.80s': %s at '%.20s'", r->text, what,
                     r->at);
}

static void blanks(reader *r)
{
    while (*r->at == ' ') r->at++;
}

static bool take(reader *r, char c)
{
    blanks(r);
    if (*r->at != c) return false;
    r->at++;
    return true;
}

static onus_status sum(reader *r, double *out);

static onus_status in_parentheses(reader *r, double *out)
{
    onus_status st = r->depth < DEPTH_MAX ? ONUS_OK : fail(r, "too many parentheses");
    r->depth++;
    if (st == ONUS_OK) st = sum(r, out);
    r->depth--;
    if (st == ONUS_OK && !take(r, ')')) st = fail(r, "a ')' is missing");
    return st;
}

static onus_status named(reader *r, double *out)
{
    char name[NAME_MAX_];
    size_t n = 0;
    while ((isalnum((unsigned char)*r->at) || *r->at == '_') && n + 1 < sizeof name)
        name[n++] = *r->at++;
    name[n] = '\0';
    if (strcmp(name, "sqrt") == 0 && take(r, '(')) {
        const onus_status st = in_parentheses(r, out);
        *out = sqrt(*out);
        return st;
    }
    const onus_binding *b = onus_scope_find(r->s, name);
    if (!b)
        return onus_fail(r->err, ONUS_BAD_INPUT, "model: '%.80s': there is no setting '%s'",
                         r->text, name);
    if (b->word)
        return onus_fail(r->err, ONUS_BAD_INPUT,
                         "model: '%.80s': '%s' is the word '%.40s', not a number", r->text,
                         name, b->word);
    *out = b->number;
    return ONUS_OK;
}

/* Up to 15 digits with a point among them: one division, rounded once. strtod would ask the
 * locale what a point is. Returns where the number ends; text itself where there is none. */
static const char *read_number(const char *text, double *out)
{
    double whole = 0, scale = 1;
    int n = 0;
    bool point = false;
    const char *at = text;
    for (; isdigit((unsigned char)*at) || (*at == '.' && !point && n > 0); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        if (++n > 15) return text;
        whole = whole * 10 + (*at - '0');
        if (point) scale *= 10;
    }
    *out = whole / scale;
    return n ? at : text;
}

static onus_status factor(reader *r, double *out)
{
    blanks(r);
    if (take(r, '(')) return in_parentheses(r, out);
    if (isalpha((unsigned char)*r->at) || *r->at == '_') return named(r, out);
    const char *end = read_number(r->at, out);
    if (end == r->at) return fail(r, "expected a number of up to 15 digits or a setting");
    r->at = end;
    return ONUS_OK;
}

static onus_status product(reader *r, double *out)
{
    onus_status st = factor(r, out);
    while (st == ONUS_OK) {
        double next;
        const bool times = take(r, '*');
        if (!times && !take(r, '/')) return ONUS_OK;
        st = factor(r, &next);
        if (st == ONUS_OK) *out = times ? *out * next : *out / next;
    }
    return st;
}

static onus_status sum(reader *r, double *out)
{
    onus_status st = product(r, out);
    while (st == ONUS_OK) {
        double next;
        const bool plus = take(r, '+');
        if (!plus && !take(r, '-')) return ONUS_OK;
        st = product(r, &next);
        if (st == ONUS_OK) *out = plus ? *out + next : *out - next;
    }
    return st;
}

onus_status onus_expression(const onus_scope *s, const char *text, double *out, onus_err *err)
{
    reader r = {.s = s, .text = text, .at = text, .err = err};
    onus_status st = sum(&r, out);
    if (st != ONUS_OK) return st;
    blanks(&r);
    if (*r.at) return fail(&r, "expected the end");
    return isfinite(*out) ? ONUS_OK : fail(&r, "the value is not finite");
}

/* ---- texts and conditions ---------------------------------------------------------------- */

/* What stands between braces, as text. */
static onus_status value_text(const onus_scope *s, const char *inside, char *out, size_t size,
                              onus_err *err)
{
    const onus_binding *b = onus_scope_find(s, inside);
    if (b && b->word) {
        snprintf(out, size, "%s", b->word);
        return ONUS_OK;
    }
    double v;
    const onus_status st = onus_expression(s, inside, &v, err);
    if (st == ONUS_OK) snprintf(out, size, "%.15g", v);
    return st;
}

onus_status onus_interpolate(const onus_scope *s, const char *text, const char **out,
                             onus_err *err)
{
    char all[TEXT_MAX], inside[TEXT_MAX];
    size_t n = 0;
    for (const char *at = text; *at && n + 1 < sizeof all; at++) {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        if (!end) {
            all[n++] = *at;
            continue;
        }
        snprintf(inside, sizeof inside, "%.*s", (int)(end - at - 1), at + 1);
        const onus_status st = value_text(s, inside, all + n, sizeof all - n, err);
        if (st != ONUS_OK) return st;
        n += strlen(all + n);
        at = end;
    }
    if (n + 1 >= sizeof all)
        return onus_fail(err, ONUS_BAD_INPUT, "model: '%.60s...' is longer than %d bytes", text,
                         TEXT_MAX - 1);
    all[n] = '\0';
    *out = onus_arena_strdup(s->arena, all);
    return *out ? ONUS_OK : onus_fail_mem(err, "model");
}

static bool is_true(const onus_binding *b)
{
    if (!b->word) return b->number != 0;
    return *b->word && strcmp(b->word, "none") != 0 && strcmp(b->word, "false") != 0;
}

static bool is_equal(const onus_binding *b, const char *want)
{
    if (b->word) return strcmp(b->word, want) == 0;
    double v;
    const char *end = read_number(want, &v);
    return end != want && !*end && b->number == v;
}

static onus_status term(const onus_scope *s, char *text, bool *out, onus_err *err)
{
    const bool negated = *text == '!';
    char *name = text + negated, *want = strchr(name, '=');
    if (want) *want++ = '\0';
    const onus_binding *b = onus_scope_find(s, name);
    if (!b)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "model: a condition asks for '%.40s', which is no setting", name);
    *out = (want ? is_equal(b, want) : is_true(b)) != negated;
    return ONUS_OK;
}

onus_status onus_condition(const onus_scope *s, const char *text, bool *out, onus_err *err)
{
    char copy[TEXT_MAX], *rest = copy;
    if (strlen(text) >= sizeof copy)
        return onus_fail(err, ONUS_BAD_INPUT, "model: a condition of more than %d bytes",
                         TEXT_MAX - 1);
    snprintf(copy, sizeof copy, "%s", text);
    *out = true;
    for (char *one; *out && (one = strsep(&rest, ",")) != NULL;) {
        const onus_status st = term(s, one, out, err);
        if (st != ONUS_OK) return st;
    }
    return ONUS_OK;
}
