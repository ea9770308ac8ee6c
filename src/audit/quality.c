/* SPDX-License-Identifier: Apache-2.0
 * quality.c - how good are the predictions: one event a family of measures, each value with
 * its 95% interval.
 *
 * No interval is resampled. For every measure here a closed form covers at least as well
 * (docs/EVIDENCE.md lists which, and what was simulated), needs no seed, costs no time on a
 * million rows and does not collapse to a point where the sample holds no error. */
#include "audit/quality.h"

#include <math.h>

#include "base/fail.h"
#include "num/vec.h"

void onus_decide(onus_task task, const float *score, int64_t n, int64_t n_classes,
                 int32_t *decision)
{
    for (int64_t i = 0; i < n; i++) {
        if (task == ONUS_TASK_BINARY || task == ONUS_TASK_LABELS) {
            decision[i] = score[i] >= 0.5f;
            continue;
        }
        const float *row = score + i * n_classes;
        int32_t best = 0;
        for (int64_t c = 1; c < n_classes; c++) best = row[c] > row[best] ? (int32_t)c : best;
        decision[i] = best;
    }
}

double onus_squares64(const double *v, int64_t n, double mean)
{
    double lane[16] = {0};
    for (int64_t i = 0; i < n; i++) {
        const double off = v[i] - mean;
        lane[i % 16] = fma(off, off, lane[i % 16]);
    }
    return onus_fold16(lane);
}

onus_measure onus_measure_mean(const double *v, int64_t n, double least)
{
    onus_measure m = {.value = NAN, .ci = {NAN, NAN}, .n = n, .method = "student t"};
    if (n == 0) {
        m.reason = "no rows";
        return m;
    }
    m.value = onus_sum64(v, n) / (double)n;
    const double square = onus_squares64(v, n, m.value), df = (double)(n - 1);
    if (n == 1)
        m.reason = "one row has no spread to judge by";
    else
        m.ci = onus_interval_mean(m.value, sqrt(square / df / (double)n), df, 1);
    m.ci.lower = m.ci.lower < least ? least : m.ci.lower;
    return m;
}

/* Scores and labels that arithmetic and sorting can trust. */
static onus_status check(const onus_predictions *p, onus_err *err)
{
    const bool regression = p->task == ONUS_TASK_REGRESSION;
    if (p->n < 0 || !p->label || (regression ? !p->score : !p->decision || p->n_classes < 2))
        return onus_fail(err, ONUS_BAD_ARG, "evaluation: no labels, decisions or classes");
    const bool labels = p->task == ONUS_TASK_LABELS;
    const int64_t L = labels ? p->n_labels : 1,
                  width = p->task == ONUS_TASK_CLASSES ? p->n_classes : L;
    if (labels && (L < 2 || p->n_classes != 2))
        return onus_fail(err, ONUS_BAD_ARG, "evaluation: no labels of two classes");
    for (int64_t i = 0; p->score && i < p->n * width; i++) {
        if (!isfinite(p->score[i]))
            return onus_fail(err, ONUS_BAD_INPUT,
                             "evaluation: the score of row %lld is not a finite number",
                             (long long)(i / width) + 1);
    }
    for (int64_t i = 0; i < p->n * L; i++) {
        const float y = p->label[i];
        const bool fine = regression ? isfinite(y)
                                     : (y >= 0 || (labels && y == -1)) &&
                                           y < (float)p->n_classes && y == floorf(y);
        const bool known = regression || (p->decision[i] >= 0 && p->decision[i] < p->n_classes);
        if (!fine || !known)
            return onus_fail(err, ONUS_BAD_INPUT, "evaluation: row %lld has no such %s",
                             (long long)(i / L) + 1, fine ? "decision" : "label");
    }
    return ONUS_OK;
}

/* All labels together, then each as a task of two classes. */
static onus_status audit_labels(const onus_predictions *p, const onus_sink *sink,
                                const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_event_builder b;
    onus_arena arena;
    onus_event_init(&b, mem);
    onus_arena_init(&arena, mem);
    onus_event_begin(&b, "metric");
    ONUS_TRY(onus_quality_labels(p, &b, &arena, err));
    ONUS_TRY(onus_event_emit(&b, sink, err));
    for (int64_t l = 0; l < p->n_labels; l++) {
        onus_predictions one;
        onus_arena_reset(&arena);
        ONUS_TRY(onus_predictions_label(&one, p, l, &arena, err));
        ONUS_TRY(onus_audit_quality(&one, sink, mem, err));
    }
done:
    onus_event_release(&b);
    onus_arena_release(&arena);
    return st;
}

onus_status onus_audit_quality(const onus_predictions *p, const onus_sink *sink,
                               const onus_allocator *mem, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_event_builder b;
    onus_arena arena;
    onus_event_init(&b, mem);
    onus_arena_init(&arena, mem);
    ONUS_TRY(check(p, err));
    onus_event_within(&b, p->prefix);
    if (p->task == ONUS_TASK_LABELS) {
        st = audit_labels(p, sink, mem, err);
        goto done;
    }
    if (p->task == ONUS_TASK_REGRESSION) {
        onus_event_begin(&b, "metric");
        ONUS_TRY(onus_quality_values(p, &b, &arena, err));
        ONUS_TRY(onus_event_emit(&b, sink, err));
        goto done;
    }
    onus_event_begin(&b, "metric");
    ONUS_TRY(onus_quality_decisions(p, &b, &arena, err));
    ONUS_TRY(onus_event_emit(&b, sink, err));
    onus_arena_reset(&arena);
    onus_event_begin(&b, "metric");
    ONUS_TRY(onus_quality_scores(p, &b, &arena, err));
    ONUS_TRY(onus_event_emit(&b, sink, err));
done:
    onus_event_release(&b);
    onus_arena_release(&arena);
    return st;
}
