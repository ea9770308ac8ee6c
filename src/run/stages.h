/* SPDX-License-Identifier: Apache-2.0
 * stages.h - the life of a model as a table: what is done, in which order, when a recipe asks
 * for it, what it says and leaves behind. A run, a resumed run and a replay walk the table; it
 * is followed from the first event on (run.ends and the recipe), never from what a ledger
 * happens to hold. */
#ifndef ONUS_RUN_STAGES_H
#define ONUS_RUN_STAGES_H
#include "report/texts.h"
#include "run/session.h"

struct onus_stage {
    const char *name;
    /* when it belongs to a run; NULL: always */
    bool (*asked)(const onus_recipe *r, onus_ends ends);
    onus_status (*run)(onus_session *s, onus_err *err);
    /* what a replay does in its place, where it observes what no replay can see again (meters,
     * report, signature): the events are expected as they stand. NULL: the same */
    onus_status (*again)(onus_session *s, onus_err *err);
    const char *const *files; /* in the run folder, as fnmatch patterns; ending with NULL */
    onus_text absent; /* what the report says where it has left nothing; ONUS_TEXT_COUNT: it
                         belongs to every run */
};
/* In order; a row without a name ends it. */
extern const onus_stage onus_stages[];

/* May it emit events of that type, as the registry's rows say (proof/names.h)? */
bool onus_stage_emits(const onus_stage *stage, const char *type);
/* All stages that recipe and end ask for, in the session's mode; a stretch that ends within the
 * training (stop_step) ends there. ONUS_STOPPED between two of them. */
onus_status onus_stages_run(onus_session *s, onus_err *err) ONUS_CHECKED;
/* The same from `first` on. */
onus_status onus_stages_from(onus_session *s, const onus_stage *first,
                             onus_err *err) ONUS_CHECKED;
const onus_stage *onus_stage_find(const char *name);

/* run.begin */
onus_status onus_stage_begin(onus_session *s, onus_err *err) ONUS_CHECKED;
onus_status onus_stage_data(onus_session *s, onus_err *err) ONUS_CHECKED;
/* Says how much explaining will cost, where that is much. */
onus_status onus_stage_foresee(onus_session *s, onus_err *err) ONUS_CHECKED;
/* Demands on what this run will not have are refused. */
onus_status onus_stage_demands(onus_session *s, onus_err *err) ONUS_CHECKED;
onus_status onus_stage_train(onus_session *s, onus_err *err) ONUS_CHECKED;
onus_status onus_stage_evaluate(onus_session *s, onus_err *err) ONUS_CHECKED;
onus_status onus_stage_explain(onus_session *s, onus_err *err) ONUS_CHECKED;
onus_status onus_stage_policy(onus_session *s, onus_err *err) ONUS_CHECKED;
onus_status onus_stage_signer(onus_session *s, onus_err *err) ONUS_CHECKED;
onus_status onus_stage_report(onus_session *s, onus_err *err) ONUS_CHECKED;
onus_status onus_stage_end(onus_session *s, onus_err *err) ONUS_CHECKED;
/* Replays: the event stands there; report.html is what the recomputed claims give; the end is
 * the one that event 1 said. */
onus_status onus_again_signer(onus_session *s, onus_err *err) ONUS_CHECKED;
onus_status onus_again_report(onus_session *s, onus_err *err) ONUS_CHECKED;
onus_status onus_again_end(onus_session *s, onus_err *err) ONUS_CHECKED;
#endif
