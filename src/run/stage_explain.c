/* SPDX-License-Identifier: Apache-2.0
 * stage_explain.c - the stage that explains rows of the test part, in one way or both: events
 * of what holds for all of them, and a page about a few for private/. */
#include <stdio.h>

#include "base/fail.h"
#include "report/report.h"
#include "run/explained.h"
#include "run/stages.h"

enum { SHOWN = 5 };

onus_status onus_explained_make(onus_explained *e, const onus_session *s, int64_t l,
                                const int64_t *rows, int64_t n, const int64_t *background,
                                int64_t n_background, onus_err *err)
{
    onus_explain_spec of = s->recipe->explain;
    const onus_explain_spec *spec = &of;
    const uint64_t seed = s->recipe->seed;
    const bool text = onus_dataset_vocabulary(s->data) > 0;
    onus_status st = ONUS_OK;
    if (onus_explain_count(s->data) > 1) of.output = l;
    if (spec->shapley && text)
        ONUS_TRY(onus_explain_tokens(&e->shapley, s->net, &s->ex, s->data, rows, n, spec, seed,
                                     s->mem, err));
    else if (spec->shapley)
        ONUS_TRY(onus_explain(&e->shapley, s->net, &s->ex, s->data, rows, n, background,
                              n_background, spec, seed, s->mem, err));
    if (spec->relevance)
        ONUS_TRY(onus_explain_relevance(&e->relevance, s->net, &s->ex, s->data, rows, n,
                                        background, n_background, spec, s->mem, err));
    e->main = spec->shapley ? &e->shapley : &e->relevance;
    e->other = spec->shapley && spec->relevance ? &e->relevance : NULL;
done:
    return st;
}

onus_status onus_explained_emit(const onus_explained *e, const onus_dataset *d,
                                const onus_sink *sink, onus_err *err)
{
    onus_status st = onus_explanation_emit(e->main, NULL, d, sink, err);
    if (st == ONUS_OK && e->other) st = onus_explanation_emit(e->other, e->main, d, sink, err);
    return st;
}

void onus_explained_release(onus_explained *e)
{
    onus_explanation_release(&e->shapley);
    onus_explanation_release(&e->relevance);
}

/* private/explanations.html: five rows, never part of the report; of several labels a page
 * each, explanations-1.html the first's. */
static onus_status write_rows(onus_session *s, const onus_explained *e, int64_t l,
                              onus_err *err)
{
    onus_status st = ONUS_OK;
    const bool columns = !e->main->tokens && onus_dataset_input(s->data).n == 1,
               several = onus_explain_count(s->data) > 1;
    char name[64];
    int64_t show[SHOWN], n = 0;
    for (; n < SHOWN && n < e->main->n_rows; n++) show[n] = n;
    onus_buf page;
    onus_buf_init(&page, s->mem, 64 << 20);
    snprintf(name, sizeof name, "private/explanations-%lld.html", (long long)l + 1);
    if (columns)
        ONUS_TRY(onus_report_people(e->main, e->other, s->data, s->recipe->name, show, n, &page,
                                    s->mem, err));
    else
        ONUS_TRY(onus_report_shares(e->main, e->other, s->data, s->recipe->name, n, &page,
                                    s->mem, err));
    ONUS_TRY(
        onus_session_keep_private(s, several ? name : "private/explanations.html", &page, err));
done:
    onus_buf_release(&page);
    return st;
}

/* Explanation l of what is explained. */
static onus_status explain_one(onus_session *s, int64_t l, const int64_t *rows, int64_t n_rows,
                               const int64_t *background, int64_t n_background, onus_err *err)
{
    onus_status st = ONUS_OK;
    const onus_sink sink = onus_session_sink(s);
    onus_explained e = {.main = NULL};
    ONUS_TRY(onus_explained_make(&e, s, l, rows, n_rows, background, n_background, err));
    ONUS_TRY(onus_explained_emit(&e, s->data, &sink, err));
    ONUS_TRY(write_rows(s, &e, l, err));
done:
    onus_explained_release(&e);
    return st;
}

/* The rows that the recipe asks for, and those that they are compared with. */
typedef struct {
    int64_t *rows, *background;
    int64_t n_rows, n_background;
} chosen;

static onus_status choose(chosen *c, const onus_session *s, onus_err *err)
{
    const onus_explain_spec *spec = &s->recipe->explain;
    c->rows = onus_alloc(s->mem, (size_t)spec->rows, sizeof *c->rows);
    c->background = onus_alloc(s->mem, (size_t)spec->background, sizeof *c->background);
    if (!c->rows || !c->background) return onus_fail_mem(err, "explain");
    onus_status st = onus_explain_choose(s->data, ONUS_PART_TEST, spec->rows, s->recipe->seed,
                                         0, c->rows, &c->n_rows, s->mem, err);
    if (st == ONUS_OK && onus_dataset_vocabulary(s->data) == 0)
        st = onus_explain_choose(s->data, ONUS_PART_TRAIN, spec->background, s->recipe->seed, 1,
                                 c->background, &c->n_background, s->mem, err);
    return st;
}

static void chosen_release(chosen *c, const onus_session *s)
{
    onus_free(s->mem, c->rows);
    onus_free(s->mem, c->background);
}

onus_status onus_stage_foresee(onus_session *s, onus_err *err)
{
    enum { WORTH_SAYING = 1000000 };
    if (!s->progress) return ONUS_OK;
    onus_status st = ONUS_OK;
    onus_progress p = {.phase = "work"};
    chosen c = {.rows = NULL};
    ONUS_TRY(choose(&c, s, err));
    ONUS_TRY(onus_explain_work(&p.planned_rows, s->data, c.rows, c.n_rows, c.background,
                               c.n_background, &s->recipe->explain, s->mem, err));
    if (p.planned_rows > WORTH_SAYING) s->progress(s->progress_ctx, &p);
done:
    chosen_release(&c, s);
    return st;
}

onus_status onus_stage_explain(onus_session *s, onus_err *err)
{
    onus_session_announce(s, "explain");
    onus_status st = ONUS_OK;
    chosen c = {.rows = NULL};
    ONUS_TRY(choose(&c, s, err));
    for (int64_t l = 0; l < onus_explain_count(s->data); l++)
        ONUS_TRY(explain_one(s, l, c.rows, c.n_rows, c.background, c.n_background, err));
done:
    chosen_release(&c, s);
    return st;
}
