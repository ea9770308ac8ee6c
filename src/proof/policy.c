/* SPDX-License-Identifier: Apache-2.0
 * policy.c - NAME OP NUMBER. */
#include "proof/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

static const struct {
    const char *text;
    onus_policy_op op;
} ops[] = {
    {"<=", ONUS_OP_LE}, {">=", ONUS_OP_GE}, {"==", ONUS_OP_EQ},
    {"!=", ONUS_OP_NE}, {"<", ONUS_OP_LT},  {">", ONUS_OP_GT},
};

static onus_status wrong(const char *text, size_t at, const char *file, int line,
                         const char *expected, onus_err *err)
{
    return onus_fail(err, ONUS_BAD_INPUT, "%s:%d: policy '%.120s': character %zu: expected %s",
                     file, line, text, at + 1, expected);
}

/* A decimal number; the locale's point is of no account since digits and point are checked
 * first. */
static bool read_bound(const char *text, double *out)
{
    const size_t n = strspn(text, "+-.0123456789eE");
    char *end;
    if (n == 0 || text[n]) return false;
    *out = strtod(text, &end);
    return *end == '\0' && *out - *out == 0;
}

onus_status onus_policy_parse(onus_policy *out, const char *text, const char *file, int line,
                              onus_err *err)
{
    onus_policy p = {.text = text, .line = line};
    const size_t name = strcspn(text, " \t<>=!");
    if (name == 0) return wrong(text, 0, file, line, "the dotted name of a result", err);
    if (name >= sizeof p.name)
        return wrong(text, sizeof p.name, file, line, "a name of at most 511 bytes", err);
    memcpy(p.name, text, name);
    p.name[name] = '\0';
    size_t at = name + strspn(text + name, " \t");
    const size_t sign = strspn(text + at, "<>=!");
    bool found = false;
    for (size_t i = 0; i < sizeof ops / sizeof *ops && !found; i++) {
        found = strlen(ops[i].text) == sign && strncmp(text + at, ops[i].text, sign) == 0;
        if (found) p.op = ops[i].op;
    }
    if (!found) return wrong(text, at, file, line, "one of < <= > >= == !=", err);
    at += sign;
    at += strspn(text + at, " \t");
    if (!read_bound(text + at, &p.bound))
        return wrong(text, at, file, line, "a number, and nothing after it", err);
    *out = p;
    return ONUS_OK;
}

onus_verdict onus_policy_judge(const onus_policy *p, const onus_facts *facts, double *found,
                               bool *observed)
{
    const onus_field *f = onus_facts_find(facts, p->name);
    *observed = f && f->observed;
    if (!f) return ONUS_VERDICT_ABSENT;
    if (f->kind != ONUS_FIELD_INT && f->kind != ONUS_FIELD_REAL) return ONUS_VERDICT_UNDEFINED;
    const double v = f->kind == ONUS_FIELD_INT ? (double)f->i : f->r;
    *found = v;
    bool met = false;
    switch (p->op) {
    case ONUS_OP_LT: met = v < p->bound; break;
    case ONUS_OP_LE: met = v <= p->bound; break;
    case ONUS_OP_GT: met = v > p->bound; break;
    case ONUS_OP_GE: met = v >= p->bound; break;
    case ONUS_OP_EQ: met = v == p->bound; break;
    case ONUS_OP_NE: met = v != p->bound; break;
    }
    return met ? ONUS_VERDICT_MET : ONUS_VERDICT_NOT_MET;
}

const char *onus_verdict_text(onus_verdict v)
{
    static const char *const texts[] = {"met", "not met", "undefined", "absent"};
    return texts[v];
}
