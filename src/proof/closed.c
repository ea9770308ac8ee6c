/* SPDX-License-Identifier: Apache-2.0
 * closed.c - see closed.h. */
#include "proof/closed.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"

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
                       .best = false};
    const onus_field *keep = onus_event_find(e, "train.keep");
    x->best = keep && keep->kind == ONUS_FIELD_TEXT && strcmp(keep->text, "best") == 0;
    onus_status st = must_be(e, "train.steps_per_epoch", (rows + batch - 1) / batch,
                             "rows / batch, rounded up", err);
    if (st == ONUS_OK && x->epochs <= INT32_MAX && x->per_epoch <= INT32_MAX)
        st = must_be(e, "train.planned_steps", x->epochs * x->per_epoch,
                     "steps of an epoch times epochs", err);
    return st;
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

static onus_status epoch(onus_epochs *x, const onus_event *e, onus_err *err)
{
    if (is_due(x) && x->checkpoint != x->epoch) return missing_checkpoint(x, err);
    if (x->checkpoint == x->epoch && x->epoch > 0 && !is_due(x))
        return onus_fail(err, ONUS_TAMPER,
                         "epoch %lld had a checkpoint, which only the last one has",
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
    const onus_field *loss = onus_event_find(e, "train.valid_loss");
    const double v = !loss                           ? NAN
                     : loss->kind == ONUS_FIELD_REAL ? loss->r
                     : loss->kind == ONUS_FIELD_INT  ? (double)loss->i
                                                     : NAN;
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
    const onus_field *loss = onus_event_find(e, "train.best_valid_loss");
    const double v = !loss ? NAN : loss->kind == ONUS_FIELD_REAL ? loss->r : (double)loss->i;
    if (x->best_epoch > 0 && v != x->best_loss)
        return onus_fail(err, ONUS_TAMPER,
                         "'train.best_valid_loss' is %.17g, expected %.17g of epoch %lld", v,
                         x->best_loss, (long long)x->best_epoch);
done:
    return st;
}

onus_status onus_closed_epochs(onus_epochs *x, const onus_event *e, onus_err *err)
{
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

onus_status onus_closed_event(const onus_scope *s, const onus_occurrence *of,
                              const onus_event *e, onus_err *err)
{
    (void)s;
    (void)of;
    if (strcmp(e->type, "data.split") == 0) return splits(e, err);
    return ONUS_OK;
}
