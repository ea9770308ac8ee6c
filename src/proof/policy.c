/* SPDX-License-Identifier: Apache-2.0
 * policy.c - NAME OP NUMBER. */
#include "proof/policy.h"

#include <stdio.h>
#include <string.h>

#include "base/event.h"
#include "base/fail.h"
#include "data/csv.h"
#include "proof/names.h"

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

static bool is_operator(char c)
{
    return c && strchr("<>=!", c) != NULL;
}

/* Where the last run of operator characters begins and ends: names of groups hold such
 * characters, too ("<25", "Native American"), numbers never do. */
static bool last_operator(const char *text, size_t *begin, size_t *end)
{
    *end = strlen(text);
    while (*end > 0 && !is_operator(text[*end - 1])) --*end;
    *begin = *end;
    while (*begin > 0 && is_operator(text[*begin - 1])) --*begin;
    return *end > 0;
}

onus_status onus_policy_parse(onus_policy *out, const char *text, const char *file, int line,
                              onus_err *err)
{
    static const char blanks[] = " \t";
    onus_policy p = {.text = text, .line = line};
    const size_t first = strspn(text, blanks);
    size_t begin, end;
    if (!text[first]) return wrong(text, 0, file, line, "the dotted name of a result", err);
    if (!last_operator(text, &begin, &end)) {
        const size_t word = first + strcspn(text + first, blanks);
        return wrong(text, word + strspn(text + word, blanks), file, line,
                     "one of < <= > >= == !=", err);
    }
    size_t name = begin;
    while (name > first && strchr(blanks, text[name - 1])) name--;
    if (name <= first) return wrong(text, 0, file, line, "the dotted name of a result", err);
    if (name - first >= sizeof p.name)
        return wrong(text, first + sizeof p.name, file, line, "a name of at most 511 bytes",
                     err);
    memcpy(p.name, text + first, name - first);
    p.name[name - first] = '\0';
    bool found = false;
    for (size_t i = 0; i < sizeof ops / sizeof *ops && !found; i++) {
        found = strlen(ops[i].text) == end - begin &&
                strncmp(ops[i].text, text + begin, end - begin) == 0;
        if (found) p.op = ops[i].op;
    }
    if (!found) return wrong(text, begin, file, line, "one of < <= > >= == !=", err);
    end += strspn(text + end, blanks);
    if (!onus_parse_number(text + end, &p.bound))
        return wrong(text, end, file, line, "a number, and nothing after it", err);
    *out = p;
    return ONUS_OK;
}

bool onus_policy_holds(const onus_policy *p, double v)
{
    switch (p->op) {
    case ONUS_OP_LT: return v < p->bound;
    case ONUS_OP_LE: return v <= p->bound;
    case ONUS_OP_GT: return v > p->bound;
    case ONUS_OP_GE: return v >= p->bound;
    case ONUS_OP_EQ: return v == p->bound;
    case ONUS_OP_NE: return v != p->bound;
    }
    return false;
}

onus_verdict onus_policy_judge(const onus_policy *p, const onus_facts *facts, double *found,
                               bool *observed)
{
    const onus_field *f = onus_facts_find(facts, p->name);
    *observed = f && f->observed;
    if (!f) return ONUS_VERDICT_ABSENT;
    if (f->kind != ONUS_FIELD_INT && f->kind != ONUS_FIELD_REAL) return ONUS_VERDICT_UNDEFINED;
    *found = onus_field_number(f);
    return onus_policy_holds(p, *found) ? ONUS_VERDICT_MET : ONUS_VERDICT_NOT_MET;
}

bool onus_policy_rests_on_said(const onus_policy *p)
{
    int suffix;
    const onus_name_row *row = onus_names_find(NULL, p->name, &suffix);
    return row && row->body == ONUS_BODY_SAID;
}

const char *onus_verdict_text(onus_verdict v)
{
    static const char *const texts[] = {"met", "not met", "undefined", "absent"};
    return texts[v];
}
