/* SPDX-License-Identifier: Apache-2.0
 * scores.c - scores against labels: how well they rank, and whether they are the probabilities
 * that they claim to be. */
#include <math.h>

#include "audit/calibration.h"
#include "audit/quality.h"
#include "audit/rank.h"
#include "base/fail.h"
#include "num/vec.h"

/* A probability of zero for what happened would cost an infinite loss: probabilities are kept
 * between e and 1 - e, e the machine epsilon of binary32, in which scores are stored (as
 * scikit-learn does). */
static const double log_loss_clamp = 0x1p-23;

static double clamped(double p)
{
    return p < log_loss_clamp       ? log_loss_clamp
           : p > 1 - log_loss_clamp ? 1 - log_loss_clamp
                                    : p;
}

/* What row i loses: -log of the probability of what happened; the squared distance from
 * certainty about it (Brier 1950: over all classes; for two, of the positive one alone). */
static void lose(const onus_predictions *p, int64_t i, double *log_loss, double *brier)
{
    const int64_t y = (int64_t)p->label[i];
    if (p->task == ONUS_TASK_BINARY) {
        const double s = (double)p->score[i];
        *log_loss = -onus_log64(clamped(y ? s : 1 - s));
        *brier = ((double)y - s) * ((double)y - s);
        return;
    }
    const float *row = p->score + i * p->n_classes;
    *log_loss = -onus_log64(clamped((double)row[y]));
    *brier = 0;
    for (int64_t c = 0; c < p->n_classes; c++) {
        const double gap = (double)row[c] - (c == y);
        *brier = fma(gap, gap, *brier);
    }
}

static onus_status put_losses(const onus_predictions *p, onus_event_builder *b,
                              onus_arena *arena, onus_err *err)
{
    double *log_loss = onus_arena_alloc(arena, (size_t)p->n + 1, sizeof *log_loss);
    double *brier = onus_arena_alloc(arena, (size_t)p->n + 1, sizeof *brier);
    if (!log_loss || !brier) return onus_fail_mem(err, "losses");
    for (int64_t i = 0; i < p->n; i++) lose(p, i, &log_loss[i], &brier[i]);
    const onus_measure of[] = {onus_measure_mean(log_loss, p->n, 0),
                               onus_measure_mean(brier, p->n, 0)};
    onus_measure_put(b, &of[0], "log_loss");
    onus_measure_put(b, &of[1], "brier");
    return ONUS_OK;
}

/* Binary: the positive class's probability against whether it came; classes: the decided
 * class's probability against whether the decision was right. */
static onus_status put_calibration(const onus_predictions *p, onus_event_builder *b,
                                   onus_arena *arena, onus_err *err)
{
    onus_calibration c;
    const bool binary = p->task == ONUS_TASK_BINARY;
    float *told = onus_arena_alloc(arena, (size_t)p->n + 1, sizeof *told);
    bool *came = onus_arena_alloc(arena, (size_t)p->n + 1, sizeof *came);
    if (!told || !came) return onus_fail_mem(err, "calibration");
    for (int64_t i = 0; i < p->n; i++) {
        const int64_t y = (int64_t)p->label[i];
        told[i] = binary ? p->score[i] : p->score[i * p->n_classes + p->decision[i]];
        came[i] = binary ? y == 1 : y == p->decision[i];
    }
    onus_status st = onus_calibrate(&c, told, came, p->n, arena, err);
    if (st != ONUS_OK) return st;
    onus_measure_put(b, &c.error, "calibration_error");
    onus_event_text(
        b, binary ? "probability of the positive class" : "probability of the decided class",
        "calibration.of");
    onus_event_reals(b, c.predicted, c.n_bins, "calibration.predicted");
    onus_event_reals(b, c.observed, c.n_bins, "calibration.observed");
    onus_event_reals(b, c.lower, c.n_bins, "calibration.lower");
    onus_event_reals(b, c.upper, c.n_bins, "calibration.upper");
    onus_event_reals(b, c.count, c.n_bins, "calibration.n");
    return ONUS_OK;
}

static void put_undefined(onus_event_builder *b, const char *const *names, int64_t n,
                          int64_t rows, const char *reason)
{
    const onus_measure m = {.value = NAN, .ci = {NAN, NAN}, .n = rows, .reason = reason};
    for (int64_t i = 0; i < n; i++) onus_measure_put(b, &m, "%s", names[i]);
}

static onus_status put_ranking(const onus_predictions *p, onus_event_builder *b,
                               onus_arena *arena, onus_err *err)
{
    onus_ranking r;
    onus_status st = onus_rank(&r, p->label, p->score, p->n, arena, err);
    if (st != ONUS_OK) return st;
    onus_measure_put(b, &r.auc, "auc");
    onus_measure_put(b, &r.average_precision, "average_precision");
    onus_event_real(b, r.share, "average_precision.baseline");
    onus_event_reals(b, r.fpr, r.n_points, "roc.fpr");
    onus_event_reals(b, r.tpr, r.n_points, "roc.tpr");
    return ONUS_OK;
}

onus_status onus_quality_scores(const onus_predictions *p, onus_event_builder *b,
                                onus_arena *arena, onus_err *err)
{
    static const char *const ranking[] = {"auc", "average_precision"};
    static const char *const probability[] = {"log_loss", "brier", "calibration_error"};
    onus_status st = ONUS_OK;
    if (!p->score)
        put_undefined(b, ranking, 2, p->n, "there are decisions, but no scores");
    else if (p->task == ONUS_TASK_BINARY)
        st = put_ranking(p, b, arena, err);
    if (st != ONUS_OK) return st;
    if (!p->score || !p->score_is_probability) {
        put_undefined(b, probability, 3, p->n,
                      p->score ? "the scores are no probabilities: some lie outside 0 to 1"
                               : "there are decisions, but no scores");
        return ONUS_OK;
    }
    st = put_losses(p, b, arena, err);
    return st == ONUS_OK ? put_calibration(p, b, arena, err) : st;
}
