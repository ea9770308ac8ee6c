/* SPDX-License-Identifier: Apache-2.0
 * auditing.h - what the tests of audits share: predictions written as strings, an audit's facts
 * by name, arrays of its events. */
#ifndef ONUS_TESTS_AUDITING_H
#define ONUS_TESTS_AUDITING_H
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after setjmp.h */
#include <cmocka.h>

#include "audit/predictions.h"
#include "base/facts.h"
#include "failing_mem.h"

enum { ROWS_MAX = 4096, CLASSES_MAX = 8 };

/* Rows that a test fills; the pointers of `p` are set. */
typedef struct {
    float label[ROWS_MAX], score[ROWS_MAX * CLASSES_MAX];
    int32_t decision[ROWS_MAX], group[4][ROWS_MAX];
    onus_attribute attribute[4];
    onus_predictions p;
} rows;

static const char *const two_classes[] = {"no", "yes"};

static inline void rows_begin(rows *r, onus_task task, int64_t n, int64_t n_classes)
{
    memset(r, 0, sizeof *r);
    r->p = (onus_predictions){.task = task,
                              .n = n,
                              .n_classes = n_classes,
                              .class_names = two_classes,
                              .label = r->label,
                              .score = r->score,
                              .decision = task == ONUS_TASK_REGRESSION ? NULL : r->decision,
                              .score_is_probability = true,
                              .attributes = r->attribute};
}

/* Labels and decisions as digits, no scores. */
static inline void rows_decided(rows *r, const char *labels, const char *decisions)
{
    rows_begin(r, ONUS_TASK_BINARY, (int64_t)strlen(labels), 2);
    r->p.score = NULL;
    for (int64_t i = 0; i < r->p.n; i++) {
        r->label[i] = (float)(labels[i] - '0');
        r->decision[i] = decisions[i] - '0';
    }
}

/* One more attribute: 'a' is group 0, '-' is missing. */
static inline void rows_group(rows *r, const char *name, const char *groups, int64_t n_groups,
                              const char *const *names)
{
    const int64_t a = r->p.n_attributes++;
    for (int64_t i = 0; i < r->p.n; i++)
        r->group[a][i] = groups[i] == '-' ? -1 : groups[i] - 'a';
    r->attribute[a] = (onus_attribute){
        .name = name, .n_groups = n_groups, .group_names = names, .group = r->group[a]};
}

/* ---- rows that make_expected.py makes, too ----------------------------------------------- */

typedef struct {
    uint32_t s;
} draws;

static inline double draw_next(draws *d)
{
    d->s = d->s * 1664525u + 1013904223u;
    return (double)(d->s >> 8) * 0x1p-24;
}

static inline void rows_binary(rows *r, int64_t n, uint32_t seed, double share, int steps)
{
    draws d = {seed};
    rows_begin(r, ONUS_TASK_BINARY, n, 2);
    for (int64_t i = 0; i < n; i++) {
        const double score = floor(draw_next(&d) * (steps + 1)) / steps;
        r->label[i] = draw_next(&d) < share * (0.25 + 1.5 * score);
        r->score[i] = (float)score;
    }
    onus_decide(ONUS_TASK_BINARY, r->score, n, 2, r->decision);
}

static inline void rows_classes(rows *r, int64_t n, int64_t k, uint32_t seed)
{
    static const char *const names[] = {"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"};
    draws d = {seed};
    rows_begin(r, ONUS_TASK_CLASSES, n, k);
    r->p.class_names = names;
    for (int64_t i = 0; i < n; i++) {
        int w[CLASSES_MAX] = {0}, sum = 0, left = 64;
        for (int64_t c = 0; c < k; c++) sum += w[c] = 1 + (int)(draw_next(&d) * 20);
        for (int64_t c = 0; c < k; c++) left -= w[c] = 64 * w[c] / sum;
        w[0] += left;
        for (int64_t c = 0; c < k; c++) r->score[i * k + c] = (float)w[c] / 64;
        const double u = draw_next(&d);
        double at = 0;
        int64_t c = 0;
        for (; c < k - 1; c++) {
            at += (double)w[c] / 64;
            if (u < at) break;
        }
        r->label[i] = (float)c;
    }
    onus_decide(ONUS_TASK_CLASSES, r->score, n, k, r->decision);
}

static const char *const label_names[] = {"a.b", "two", "three"};

/* Three labels, a row at a time, whose shares are their own. */
static inline void rows_labels(rows *r, int64_t n, uint32_t seed)
{
    static const char *const classes[] = {"no", "yes", "0", "1", "n", "y"};
    static const double share[] = {0.5, 0.3, 0.9};
    draws d = {seed};
    rows_begin(r, ONUS_TASK_LABELS, n, 2);
    r->p.class_names = classes;
    r->p.label_names = label_names;
    r->p.n_labels = 3;
    for (int64_t i = 0; i < n * 3; i++) {
        const double score = floor(draw_next(&d) * 17) / 16;
        r->label[i] = draw_next(&d) < share[i % 3] * (0.25 + 1.5 * score);
        r->score[i] = (float)score;
    }
    onus_decide(ONUS_TASK_LABELS, r->score, n * 3, 2, r->decision);
}

static inline void rows_numbers(rows *r, int64_t n, uint32_t seed)
{
    draws d = {seed};
    rows_begin(r, ONUS_TASK_REGRESSION, n, 0);
    for (int64_t i = 0; i < n; i++) {
        const double v = 10 * draw_next(&d);
        r->label[i] = (float)v;
        r->score[i] = (float)(0.5 + 0.9 * v + 2 * draw_next(&d) - 1);
    }
}

/* ---- what an audit said ------------------------------------------------------------------ */

typedef struct {
    onus_facts *facts;
    onus_sink into; /* facts */
    int events;
    char types[64][16];
    char array_name[32][64];
    double array[32][512];
    int64_t array_n[32];
    int arrays;
} said;

static inline onus_status hear(void *ctx, const onus_event *e, onus_err *err)
{
    said *s = ctx;
    snprintf(s->types[s->events++ % 64], 16, "%s", e->type);
    for (int64_t i = 0; i < e->n_fields; i++) {
        const onus_field *f = &e->fields[i];
        if (f->kind != ONUS_FIELD_REALS || s->arrays == 32 || f->n > 512) continue;
        snprintf(s->array_name[s->arrays], 64, "%s", f->name);
        memcpy(s->array[s->arrays], f->reals, (size_t)f->n * sizeof(double));
        s->array_n[s->arrays++] = f->n;
    }
    return s->into.emit(s->into.ctx, e, err);
}

static inline onus_sink said_begin(said *s)
{
    memset(s, 0, sizeof *s);
    assert_int_equal(onus_facts_create(&s->facts, NULL, NULL), ONUS_OK);
    s->into = onus_facts_sink(s->facts);
    return (onus_sink){.emit = hear, .ctx = s};
}

static inline const onus_field *fact(const said *s, const char *name)
{
    const onus_field *f = onus_facts_find(s->facts, name);
    if (!f) fail_msg("nobody said %s", name);
    return f;
}

static inline double number(const said *s, const char *name)
{
    const onus_field *f = fact(s, name);
    if (f->kind == ONUS_FIELD_INT) return (double)f->i;
    if (f->kind != ONUS_FIELD_REAL) fail_msg("%s is no number", name);
    return f->r;
}

static inline void near(const said *s, const char *name, double want, double within)
{
    const double found = number(s, name);
    if (!(fabs(found - want) <= within))
        fail_msg("%s is %.17g, expected %.17g", name, found, want);
}

/* NAME.lower and .upper. */
static inline void between(const said *s, const char *name, const double want[2], double within)
{
    char full[256];
    snprintf(full, sizeof full, "%s.lower", name);
    near(s, full, want[0], within);
    snprintf(full, sizeof full, "%s.upper", name);
    near(s, full, want[1], within);
}

static inline void undefined(const said *s, const char *name)
{
    if (fact(s, name)->kind != ONUS_FIELD_UNDEFINED) fail_msg("%s is defined", name);
}

static inline const char *text(const said *s, const char *name)
{
    const onus_field *f = fact(s, name);
    if (f->kind != ONUS_FIELD_TEXT) fail_msg("%s is no text", name);
    return f->text;
}

static inline void reads(const said *s, const char *name, const char *want)
{
    if (strcmp(text(s, name), want) != 0)
        fail_msg("%s reads '%s', expected '%s'", name, text(s, name), want);
}

static inline const double *array(const said *s, const char *name, int64_t *n)
{
    for (int i = 0; i < s->arrays; i++) {
        if (strcmp(s->array_name[i], name) != 0) continue;
        *n = s->array_n[i];
        return s->array[i];
    }
    fail_msg("nobody said %s", name);
    return NULL;
}
/* An array of the events equals want (n). */
static inline void array_near(const said *s, const char *name, const double *want, int64_t n,
                              double within)
{
    int64_t found = 0;
    const double *a = array(s, name, &found);
    if (found != n)
        fail_msg("%s has %lld entries, expected %lld", name, (long long)found, (long long)n);
    for (int64_t i = 0; i < n; i++) {
        if (!(fabs(a[i] - want[i]) <= within))
            fail_msg("%s[%lld] is %.17g, expected %.17g", name, (long long)i, a[i], want[i]);
    }
}
#define ARRAY_NEAR(s, name, want, within) \
    array_near(s, name, want, (int64_t)(sizeof(want) / sizeof *(want)), within)
#endif
