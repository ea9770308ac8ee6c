/* SPDX-License-Identifier: Apache-2.0
 * fairness.c - one event for every protected attribute, for every two of them together, and for
 * all of them together: a model can be fair to women and to the young and unfair to young
 * women. */
#include "audit/fairness.h"

#include <math.h>
#include <string.h>

#include "audit/measure.h"
#include "base/fail.h"

void onus_fairness_undefined(onus_event_builder *b, const onus_partition *g, const char *reason)
{
    static const char *const names[] = {
        "demographic_parity_difference", "demographic_parity_ratio",
        "equal_opportunity_difference",  "equal_opportunity_ratio",
        "equalized_odds_difference",     "equalized_odds_ratio",
        "average_odds_difference",       "average_absolute_odds_difference"};
    const onus_measure m = {.value = NAN, .ci = {NAN, NAN}, .reason = reason};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        onus_measure_put(b, &m, "fairness.%s.%s", g->name, names[i]);
}

void onus_fairness_withheld(onus_event_builder *b, const onus_partition *g, const char *name)
{
    const bool attribute = !strchr(g->name, '+');
    for (int64_t i = 0; attribute && i < g->n_withheld; i++)
        onus_event_undefined(b, "fairness.%s.group.%s.%s", g->name, g->withheld[i], name);
}

typedef struct {
    const onus_predictions *p;
    const onus_disclosure *told; /* NULL: all is */
    int64_t set;                 /* of it: the next partition */
    onus_event_builder event;
    onus_arena scratch; /* of one partition's measures */
    const onus_sink *sink;
} audit;

/* A group has 28 fields, each with the attribute's and the group's name and some 64 bytes of
 * its own. */
bool onus_fairness_has_room(const onus_partition *g)
{
    enum { FIELDS = 28, OWN = 64 };
    if (g->too_many) return false;
    const size_t name = strlen(g->name) + OWN;
    size_t bytes = 0;
    for (int64_t i = 0; i < g->n_groups; i++) bytes += FIELDS * (name + strlen(g->groups[i]));
    for (int64_t i = 0; i < g->n_withheld; i++)
        bytes += FIELDS * (name + strlen(g->withheld[i]));
    return bytes <= ONUS_EVENT_ROOM;
}

/* Names of an attribute's groups are in the data sheet; of an intersection's it is withheld
 * whether anybody is in them. */
static void put_groups(onus_event_builder *b, const onus_partition *g, bool shown)
{
    onus_event_texts(b, g->groups, shown ? g->n_groups : 0, "fairness.%s.groups", g->name);
    if (g->withholds_missing)
        onus_event_undefined(b, "fairness.%s.missing", g->name);
    else
        onus_event_int(b, g->n_missing, "fairness.%s.missing", g->name);
    if (!g->withholds) {
        onus_event_int(b, g->n_empty, "fairness.%s.empty", g->name);
        return;
    }
    onus_event_undefined(b, "fairness.%s.empty", g->name);
    onus_event_text(b, ONUS_WITHHELD, "fairness.%s.withheld", g->name);
    if (shown) onus_fairness_withheld(b, g, "n");
}

static onus_status audit_partition(audit *a, const onus_partition *all, onus_err *err)
{
    static const struct {
        onus_status (*measure)(const onus_predictions *, const onus_partition *,
                               onus_event_builder *, onus_arena *, onus_err *);
    } by_task[] = {[ONUS_TASK_BINARY] = {onus_fairness_binary},
                   [ONUS_TASK_CLASSES] = {onus_fairness_classes},
                   [ONUS_TASK_REGRESSION] = {onus_fairness_values}};
    onus_event_builder *b = &a->event;
    onus_partition g;
    onus_arena_reset(&a->scratch);
    onus_status st = onus_partition_told(&g, all, a->told, a->set++, a->p->n, &a->scratch, err);
    if (st != ONUS_OK) return st;
    const bool shown = onus_fairness_has_room(&g);
    onus_event_begin(b, "fairness");
    put_groups(b, &g, shown);
    if (shown) {
        st = by_task[a->p->task].measure(a->p, &g, b, &a->scratch, err);
    } else {
        static const char reason[] = "too many groups to be told apart in one event";
        onus_event_text(b, reason, "fairness.%s.reason", g.name);
        onus_fairness_undefined(b, &g, reason);
    }
    return st == ONUS_OK ? onus_event_emit(b, a->sink, err) : st;
}

/* Attributes, pairs, all. */
static onus_status audit_all(audit *a, onus_arena *arena, onus_err *err)
{
    const int64_t n = a->p->n, k = a->p->n_attributes;
    onus_status st = ONUS_OK;
    onus_partition *one = onus_arena_alloc(arena, (size_t)k + 1, sizeof *one), both, all;
    if (!one) return onus_fail_mem(err, "fairness");
    for (int64_t i = 0; i < k && st == ONUS_OK; i++) {
        st = onus_partition_one(&one[i], &a->p->attributes[i], n, arena, err);
        if (st == ONUS_OK) st = audit_partition(a, &one[i], err);
    }
    for (int64_t i = 0; i < k && st == ONUS_OK; i++) {
        for (int64_t j = i + 1; j < k && st == ONUS_OK; j++) {
            onus_arena pair;
            onus_arena_init(&pair, arena->mem);
            st = onus_partition_cross(&both, &one[i], &one[j], n, &pair, err);
            if (st == ONUS_OK) st = audit_partition(a, &both, err);
            onus_arena_release(&pair);
        }
    }
    if (k < 3 || st != ONUS_OK) return st;
    all = one[0];
    for (int64_t i = 1; i < k && st == ONUS_OK; i++)
        st = onus_partition_cross(&all, &all, &one[i], n, arena, err);
    return st == ONUS_OK ? audit_partition(a, &all, err) : st;
}

/* ---- what is told ------------------------------------------------------------------------ */

/* What groups are told of besides their sizes: how many of each label and decision; of more
 * than two classes, how many are right. */
static uint8_t outcome_of(const onus_predictions *p, int64_t at)
{
    const float y = p->label[at];
    const int32_t d = p->decision[at];
    if (p->task == ONUS_TASK_CLASSES) return (int64_t)y == d;
    return y < 0 ? ONUS_OUTCOME_HOLE : (uint8_t)(2 * (y == 1) + (d == 1));
}

static onus_status decide(const onus_predictions *p, const onus_disclosure **out,
                          onus_arena *arena, onus_err *err)
{
    const int64_t L = p->task == ONUS_TASK_LABELS ? p->n_labels : 1;
    onus_disclosure *told = NULL;
    *out = NULL;
    if (!p->sizes) return ONUS_OK;
    uint8_t *of = onus_arena_alloc(arena, (size_t)(p->n * L) + 1, sizeof *of);
    if (!of) return onus_fail_mem(err, "fairness");
    const onus_outcomes o = {
        .n_labels = L, .of = of, .values = p->task == ONUS_TASK_REGRESSION};
    for (int64_t i = 0; !o.values && i < p->n * L; i++) of[i] = outcome_of(p, i);
    onus_status st = onus_disclosure_outcomes(&told, p->sizes, &o, arena, err);
    *out = told;
    return st;
}

static onus_status audit_one(const onus_predictions *p, const onus_disclosure *told,
                             const onus_sink *sink, const onus_allocator *mem, onus_err *err)
{
    audit a = {.p = p, .told = told, .sink = sink};
    onus_arena arena;
    onus_event_init(&a.event, mem);
    onus_event_within(&a.event, p->prefix);
    onus_arena_init(&a.scratch, mem);
    onus_arena_init(&arena, mem);
    const onus_status st = audit_all(&a, &arena, err);
    onus_event_release(&a.event);
    onus_arena_release(&a.scratch);
    onus_arena_release(&arena);
    return st;
}

/* Each label as a task of two classes. */
static onus_status audit_labels(const onus_predictions *p, const onus_disclosure *told,
                                const onus_sink *sink, const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_arena arena;
    onus_arena_init(&arena, mem);
    for (int64_t l = 0; st == ONUS_OK && l < p->n_labels; l++) {
        onus_predictions one;
        onus_arena_reset(&arena);
        st = onus_predictions_label(&one, p, l, &arena, err);
        if (st == ONUS_OK) st = audit_one(&one, told, sink, mem, err);
    }
    onus_arena_release(&arena);
    return st;
}

onus_status onus_audit_fairness(const onus_predictions *p, const onus_sink *sink,
                                const onus_allocator *mem, onus_err *err)
{
    const onus_disclosure *told;
    onus_arena arena;
    onus_arena_init(&arena, mem);
    onus_status st = decide(p, &told, &arena, err);
    if (st == ONUS_OK)
        st = p->task == ONUS_TASK_LABELS ? audit_labels(p, told, sink, mem, err)
                                         : audit_one(p, told, sink, mem, err);
    onus_arena_release(&arena);
    return st;
}
