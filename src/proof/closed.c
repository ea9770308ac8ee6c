/* SPDX-License-Identifier: Apache-2.0
 * closed.c - see closed.h. */
#include "proof/closed.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/event.h"
#include "base/fail.h"
#include "train/budget.h"
#include "data/dataset.h"
#include "proof/policy.h"

static bool whole_of(const onus_event *e, const char *name, int64_t *v)
{
    const onus_field *f = onus_event_find(e, name);
    if (!f || (f->kind != ONUS_FIELD_INT && f->kind != ONUS_FIELD_REAL)) return false;
    *v = f->kind == ONUS_FIELD_INT ? f->i : (int64_t)f->r;
    return true;
}

static int64_t whole(const onus_event *e, const char *name)
{
    int64_t v = 0;
    return whole_of(e, name, &v) ? v : 0;
}

static onus_status must_be(const onus_event *e, const char *name, int64_t asked,
                           const char *why, onus_err *err)
{
    const int64_t v = whole(e, name);
    if (v == asked) return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER, "'%.200s' is %lld, expected %lld: %s", name,
                     (long long)v, (long long)asked, why);
}

/* ---- epochs ------------------------------------------------------------------------------ */

static onus_status begin(onus_epochs *x, const onus_event *e, onus_err *err)
{
    const int64_t rows = whole(e, "train.rows"), batch = whole(e, "train.batch");
    *x = (onus_epochs){.begun = true,
                       .best_loss = INFINITY,
                       .epochs = whole(e, "train.epochs"),
                       .per_epoch = whole(e, "train.steps_per_epoch"),
                       .every = whole(e, "train.checkpoint_epochs"),
                       .patience = whole(e, "train.patience"),
                       .best = false};
    const onus_field *keep = onus_event_find(e, "train.keep");
    x->best = keep && keep->kind == ONUS_FIELD_TEXT && strcmp(keep->text, "best") == 0;
    const onus_field *sampling = onus_event_find(e, "train.sampling");
    const bool stated = sampling && sampling->kind == ONUS_FIELD_TEXT &&
                        strcmp(sampling->text, onus_sampling_text(true)) == 0;
    if (!stated) { /* else privacy.noise has the rate that they follow from */
        const onus_status st =
            must_be(e, "train.steps_per_epoch", batch > 0 ? (rows + batch - 1) / batch : 0,
                    "rows / batch, rounded up", err);
        if (st != ONUS_OK) return st;
    }
    /* what whole numbers of a ledger reach, so that no product overflows below */
    if (x->per_epoch > 0 && x->epochs > (INT64_C(1) << 53) / x->per_epoch)
        return onus_fail(err, ONUS_TAMPER, "'train.epochs' is %lld: more steps than 2^53",
                         (long long)x->epochs);
    return must_be(e, "train.planned_steps", x->epochs * x->per_epoch,
                   "steps of an epoch times epochs", err);
}

static bool is_due(const onus_epochs *x)
{
    return x->every > 0 && x->epoch > 0 && x->epoch % x->every == 0;
}

static onus_status missing_checkpoint(const onus_epochs *x, onus_err *err)
{
    return onus_fail(err, ONUS_TAMPER, "expected the checkpoint of epoch %lld before this",
                     (long long)x->epoch);
}

/* So many epochs had no better validation loss. */
static bool lost_patience(const onus_epochs *x)
{
    return x->patience > 0 && x->epoch - x->best_epoch >= x->patience;
}

static onus_status epoch(onus_epochs *x, const onus_event *e, onus_err *err)
{
    if (is_due(x) && x->checkpoint != x->epoch) return missing_checkpoint(x, err);
    if (x->checkpoint == x->epoch && x->epoch > 0 && !is_due(x))
        return onus_fail(err, ONUS_TAMPER,
                         "epoch %lld had a checkpoint, which only the last one has",
                         (long long)x->epoch);
    if (lost_patience(x))
        return onus_fail(err, ONUS_TAMPER, "epoch %lld was the last one by train.patience",
                         (long long)x->epoch);
    onus_status st = must_be(e, "train.epoch", x->epoch + 1, "epochs follow one another", err);
    if (st == ONUS_OK)
        st = must_be(e, "train.step", (x->epoch + 1) * x->per_epoch, "steps of so many epochs",
                     err);
    if (st != ONUS_OK) return st;
    x->epoch++;
    x->step = x->epoch * x->per_epoch;
    if (x->epoch > x->epochs)
        return onus_fail(err, ONUS_TAMPER, "epoch %lld of %lld", (long long)x->epoch,
                         (long long)x->epochs);
    const double v = onus_field_number(onus_event_find(e, "train.valid_loss"));
    if (v < x->best_loss) {
        x->best_loss = v;
        x->best_epoch = x->epoch;
    }
    return ONUS_OK;
}

static onus_status checkpoint(onus_epochs *x, const onus_event *e, onus_err *err)
{
    if (x->every == 0)
        return onus_fail(err, ONUS_TAMPER, "train.checkpoint_epochs says that there are none");
    if (x->checkpoint == x->epoch)
        return onus_fail(err, ONUS_TAMPER, "epoch %lld has a checkpoint already",
                         (long long)x->epoch);
    x->checkpoint = x->epoch;
    onus_status st = must_be(e, "checkpoint.epoch", x->epoch, "the epoch before it", err);
    return st == ONUS_OK ? must_be(e, "checkpoint.step", x->step, "the step of that epoch", err)
                         : st;
}

static onus_status end(const onus_epochs *x, const onus_event *e, onus_err *err)
{
    int64_t best = 0;
    onus_status st = ONUS_OK;
    if (x->every > 0 && x->epoch > 0 && x->checkpoint != x->epoch)
        return missing_checkpoint(x, err);
    if (!lost_patience(x))
        ONUS_TRY(must_be(e, "train.epochs_run", x->epochs, "nothing ends them early", err));
    ONUS_TRY(must_be(e, "train.epochs_run", x->epoch, "the last epoch", err));
    ONUS_TRY(must_be(e, "train.steps", x->step, "the last step", err));
    if (x->best_epoch > 0)
        ONUS_TRY(must_be(e, "train.best_epoch", x->best_epoch,
                         "the first of the lowest validation losses", err));
    if (x->best_epoch == 0 && whole_of(e, "train.best_epoch", &best))
        return onus_fail(err, ONUS_TAMPER,
                         "'train.best_epoch' is %lld, and no epoch has a validation loss",
                         (long long)best);
    ONUS_TRY(must_be(e, "train.kept_epoch", x->best && x->best_epoch ? x->best_epoch : x->epoch,
                     "what train.keep says", err));
    const double v = onus_field_number(onus_event_find(e, "train.best_valid_loss"));
    if (x->best_epoch > 0 && v != x->best_loss)
        return onus_fail(err, ONUS_TAMPER,
                         "'train.best_valid_loss' is %.17g, expected %.17g of epoch %lld", v,
                         x->best_loss, (long long)x->best_epoch);
done:
    return st;
}

/* Where a run was stopped, or went on from: a step of the training, if that has begun. */
static onus_status interrupted(const onus_epochs *x, const onus_event *e, const char *step,
                               const char *epoch, onus_err *err)
{
    const int64_t at = whole(e, step), after = whole(e, epoch);
    const bool stop = strcmp(e->type, "run.stop") == 0;
    if (!x->begun && at == 0 && !stop) return ONUS_OK;
    if (!x->begun)
        return onus_fail(err, ONUS_TAMPER, "'%s' is %lld, and training has not begun", step,
                         (long long)at);
    if (after > x->epochs || (double)at > (double)x->epochs * (double)x->per_epoch)
        return onus_fail(err, ONUS_TAMPER, "'%s' is %lld, of %lld epochs with %lld steps each",
                         step, (long long)at, (long long)x->epochs, (long long)x->per_epoch);
    if (stop && ((double)at < (double)after * (double)x->per_epoch ||
                 (double)at > ((double)after + 1) * (double)x->per_epoch))
        return onus_fail(err, ONUS_TAMPER, "'%s' is %lld, which is not after epoch %lld", step,
                         (long long)at, (long long)after);
    return ONUS_OK;
}

onus_status onus_closed_epochs(onus_epochs *x, const onus_event *e, onus_err *err)
{
    if (strcmp(e->type, "run.stop") == 0)
        return interrupted(x, e, "run.stop.step", "run.stop.epoch", err);
    if (strcmp(e->type, "run.resume") == 0)
        return interrupted(x, e, "run.resume.step", "", err);
    if (strcmp(e->type, "train.begin") == 0) return begin(x, e, err);
    if (!x->begun) return ONUS_OK;
    if (strcmp(e->type, "train.epoch") == 0) return epoch(x, e, err);
    if (strcmp(e->type, "checkpoint") == 0) return checkpoint(x, e, err);
    return strcmp(e->type, "train.end") == 0 ? end(x, e, err) : ONUS_OK;
}

/* ---- sums -------------------------------------------------------------------------------- */

static onus_status splits(const onus_event *e, onus_err *err)
{
    return must_be(e, "data.rows",
                   whole(e, "data.rows.train") + whole(e, "data.rows.valid") +
                       whole(e, "data.rows.test"),
                   "the sum of the splits", err);
}

/* A name that is there exactly where another one has such a value. */
static onus_status goes_with(const onus_event *e, const char *name, bool asked, const char *why,
                             onus_err *err)
{
    if ((onus_event_find(e, name) != NULL) == asked) return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER, "'%s' is %s: %s", name, asked ? "missing" : "there",
                     why);
}

static bool says(const onus_event *e, const char *name, const char *text)
{
    const onus_field *f = onus_event_find(e, name);
    return f && f->kind == ONUS_FIELD_TEXT && strcmp(f->text, text) == 0;
}

static onus_status settings(const onus_event *e, onus_err *err)
{
    onus_status st = goes_with(e, "train.weight_decay", says(e, "train.optimiser", "adamw"),
                               "AdamW has it", err);
    if (st == ONUS_OK)
        st = goes_with(e, "train.class_weight", !says(e, "train.class_weights", "none"),
                       "classes have weights, or not", err);
    return st;
}

static int64_t length(const onus_event *e, const char *name)
{
    const onus_field *f = onus_event_find(e, name);
    return f ? f->n : 0;
}

static onus_status sheet(const onus_event *e, onus_err *err)
{
    const int64_t n = whole(e, "data.numbers") + whole(e, "data.categories");
    if (!onus_event_find(e, "data.numbers")) return ONUS_OK;
    onus_status st = goes_with(e, "data.columns", n <= ONUS_COLUMNS_LISTED,
                               "columns are listed where they are at most 2,000", err);
    if (st == ONUS_OK)
        st = goes_with(e, "data.fitted", true, "of columns it is told what was fitted", err);
    if (st == ONUS_OK && n <= ONUS_COLUMNS_LISTED && length(e, "data.columns") != n)
        st = onus_fail(err, ONUS_TAMPER, "'data.columns' are %lld, numbers and categories %lld",
                       (long long)length(e, "data.columns"), (long long)n);
    return st;
}

static onus_status clean(const onus_event *e, onus_err *err)
{
    return !onus_event_find(e, "data.constant")
               ? ONUS_OK
               : must_be(e, "data.constants", length(e, "data.constant"),
                         "as many as are named", err);
}

onus_status onus_closed_event(const onus_event *e, onus_err *err)
{
    if (strcmp(e->type, "data.sheet") == 0) return sheet(e, err);
    if (strcmp(e->type, "data.clean") == 0) return clean(e, err);
    if (strcmp(e->type, "data.split") == 0) return splits(e, err);
    return strcmp(e->type, "train.begin") == 0 ? settings(e, err) : ONUS_OK;
}

/* ---- verdicts ---------------------------------------------------------------------------- */

static const onus_field *policy_field(const onus_event *e, int64_t k, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "policy.%lld.%s", (long long)k, what);
    return onus_event_find(e, name);
}

static onus_status check_verdict(onus_verdicts *v, int64_t k, const onus_event *e,
                                 const onus_facts *facts, onus_err *err)
{
    onus_policy p;
    double found = NAN;
    bool observed = false;
    const onus_field *demand = policy_field(e, k, "demand"), *name = policy_field(e, k, "name"),
                     *said = policy_field(e, k, "verdict"),
                     *value = policy_field(e, k, "found");
    onus_status st = onus_policy_parse(&p, demand->text, "recipe.yaml", 0, NULL);
    if (st != ONUS_OK)
        return onus_fail(err, ONUS_TAMPER, "'%.200s' is no demand", demand->text);
    if (strcmp(p.name, name->text) != 0 ||
        p.bound != onus_field_number(policy_field(e, k, "bound")))
        return onus_fail(err, ONUS_TAMPER, "name and bound are not those of '%.200s'",
                         demand->text);
    const onus_verdict verdict = onus_policy_judge(&p, facts, &found, &observed);
    if (strcmp(said->text, onus_verdict_text(verdict)) != 0)
        return onus_fail(err, ONUS_TAMPER, "'%.200s' is %s by the events before, not %s",
                         demand->text, onus_verdict_text(verdict), said->text);
    const double stored = onus_field_number(value);
    const bool defined = verdict == ONUS_VERDICT_MET || verdict == ONUS_VERDICT_NOT_MET;
    if (defined ? stored != found : !isnan(stored))
        return onus_fail(err, ONUS_TAMPER,
                         "'%.200s' found another value than the events before have",
                         demand->text);
    if (said->observed != observed || value->observed != observed)
        return onus_fail(err, ONUS_TAMPER, "the verdict on '%.200s' is %s as the value is",
                         demand->text, observed ? "observed" : "a claim");
    v->n++;
    v->observed = v->observed || observed;
    const bool met = verdict == ONUS_VERDICT_MET,
               claim = !observed && !onus_policy_rests_on_said(&p);
    v->met_claims += met && claim;
    v->met_observed += met && !claim;
    return ONUS_OK;
}

static onus_status check_result(const onus_verdicts *v, const onus_event *e, onus_err *err)
{
    static const char *const judged[] = {"policy.met", "policy.met.observed"};
    onus_status st = must_be(e, "policy.count", v->n, "the demands before", err);
    if (st == ONUS_OK)
        st = must_be(e, "policy.met", v->met_claims + v->met_observed, "the verdicts before",
                     err);
    if (st == ONUS_OK)
        st = must_be(e, "policy.met.claims", v->met_claims, "the verdicts before", err);
    if (st == ONUS_OK)
        st = must_be(e, "policy.met.observed", v->met_observed, "the verdicts before", err);
    for (size_t i = 0; st == ONUS_OK && i < sizeof judged / sizeof *judged; i++) {
        if (onus_event_find(e, judged[i])->observed != v->observed)
            st = onus_fail(err, ONUS_TAMPER, "'%s' is %s as the verdicts are", judged[i],
                           v->observed ? "observed" : "a claim");
    }
    return st;
}

onus_status onus_closed_verdict(onus_verdicts *v, int64_t k, const onus_event *e,
                                const onus_facts *facts, onus_err *err)
{
    if (strcmp(e->type, "policy") == 0) return check_verdict(v, k, e, facts, err);
    return strcmp(e->type, "policy.result") == 0 ? check_result(v, e, err) : ONUS_OK;
}
