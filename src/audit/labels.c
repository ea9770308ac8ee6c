/* SPDX-License-Identifier: Apache-2.0
 * labels.c - several labels a row, each yes or no: what holds of all of them together. Each
 * alone is a decision between two classes, and is audited as such.
 *
 * The labels of a row hang together, so rows are counted, not labels: a measure that is a ratio
 * of sums, v = sum a / sum b, moves with row i by (a_i - v b_i) / sum b, and these add up to
 * zero; its standard error is the root of their squares' sum (the delta method, as the mean F1
 * of decisions.c). A mean over labels adds each label's own movements. */
#include <math.h>
#include <string.h>

#include "audit/quality.h"
#include "base/fail.h"
#include "num/vec.h"

/* ---- one label of them ------------------------------------------------------------------- */

/* Groups of the rows that are kept. */
static onus_status keep_groups(onus_predictions *out, const onus_predictions *p,
                               const int64_t *rows, onus_arena *arena, onus_err *err)
{
    onus_attribute *list = onus_arena_alloc(arena, (size_t)p->n_attributes + 1, sizeof *list);
    if (!list) return onus_fail_mem(err, "predictions");
    for (int64_t a = 0; a < p->n_attributes; a++) {
        int32_t *group = onus_arena_alloc(arena, (size_t)out->n + 1, sizeof *group);
        if (!group) return onus_fail_mem(err, "predictions");
        for (int64_t i = 0; i < out->n; i++) group[i] = p->attributes[a].group[rows[i]];
        list[a] = p->attributes[a];
        list[a].group = group;
    }
    out->attributes = list;
    return ONUS_OK;
}

onus_status onus_predictions_label(onus_predictions *out, const onus_predictions *p, int64_t l,
                                   onus_arena *arena, onus_err *err)
{
    char part[512];
    const int64_t L = p->n_labels;
    int64_t n = 0, *rows = onus_arena_alloc(arena, (size_t)p->n + 1, sizeof *rows);
    float *label = onus_arena_alloc(arena, (size_t)p->n + 1, sizeof *label),
          *score = onus_arena_alloc(arena, (size_t)p->n + 1, sizeof *score);
    int32_t *decision = onus_arena_alloc(arena, (size_t)p->n + 1, sizeof *decision);
    if (!rows || !label || !score || !decision) return onus_fail_mem(err, "predictions");
    onus_status st = onus_name_part(part, sizeof part, p->label_names[l], err);
    if (st != ONUS_OK) return st;
    for (int64_t i = 0; i < p->n; i++) {
        if (p->label[i * L + l] < 0) continue;
        rows[n] = i;
        label[n] = p->label[i * L + l];
        if (p->score) score[n] = p->score[i * L + l];
        decision[n++] = p->decision[i * L + l];
    }
    *out = *p;
    out->task = ONUS_TASK_BINARY;
    out->n = n;
    out->n_labels = 1;
    out->class_names = p->class_names + 2 * l;
    out->label = label;
    out->score = p->score ? score : NULL;
    out->decision = decision;
    out->prefix = onus_arena_printf(arena, "label.%s.", part);
    return out->prefix ? keep_groups(out, p, rows, arena, err)
                       : onus_fail_mem(err, "predictions");
}

/* ---- ratios of sums over rows and labels ------------------------------------------------- */

typedef onus_labels_ratio ratio;
typedef onus_label_tally tally;

static const char *const empty[ONUS_LABELS_RATIOS] = {
    /* why a label has none */
    [ONUS_LABELS_PRECISION] = "no decision on the label '%s' is positive",
    [ONUS_LABELS_RECALL] = "the label '%s' is never positive",
    [ONUS_LABELS_F1] = "the label '%s' is never positive, nor decided so",
    [ONUS_LABELS_WRONG] = "the label '%s' is nowhere known",
};
const char *const onus_labels_ratio_names[ONUS_LABELS_RATIOS] = {
    [ONUS_LABELS_PRECISION] = "precision",
    [ONUS_LABELS_RECALL] = "recall",
    [ONUS_LABELS_F1] = "f1",
    [ONUS_LABELS_WRONG] = "hamming_loss"};

/* What a label says of a row, y and d 0 or 1, as both terms of a ratio. */
static void terms_of_cell(ratio r, double y, double d, double *a, double *b)
{
    *a = r == ONUS_LABELS_F1 ? 2 * y * d : r == ONUS_LABELS_WRONG ? y + d - 2 * y * d : y * d;
    *b = r == ONUS_LABELS_F1       ? y + d
         : r == ONUS_LABELS_WRONG  ? 1
         : r == ONUS_LABELS_RECALL ? y
                                   : d;
}

static void terms_of(ratio r, const tally *t, double *a, double *b)
{
    *a = r == ONUS_LABELS_F1      ? 2 * t->hit
         : r == ONUS_LABELS_WRONG ? t->known - t->right
                                  : t->hit;
    *b = r == ONUS_LABELS_F1      ? t->positive + t->decided
         : r == ONUS_LABELS_WRONG ? t->known
                                  : (r == ONUS_LABELS_RECALL ? t->positive : t->decided);
}

/* The label's own bounds, which hold whatever the others do. */
static onus_interval bounds_of(ratio r, const tally *t)
{
    double a, b;
    if (r == ONUS_LABELS_F1) return onus_measure_f1(t->hit, t->positive, t->decided).ci;
    terms_of(r, t, &a, &b);
    return onus_interval_wilson((onus_share){a, b}, onus_z(1));
}

onus_status onus_labels_measure(onus_measure *out, const onus_labels_sums *s, ratio r,
                                bool macro, onus_arena *arena, onus_err *err)
{
    double mean = 0, lower = 0, upper = 0, a, b, all_a, all_b;
    terms_of(r, &s->all, &all_a, &all_b);
    *out = (onus_measure){.value = NAN, .ci = {NAN, NAN}, .n = s->n};
    for (int64_t l = 0; l < s->n_labels; l++) {
        terms_of(r, &s->of[l], &a, &b);
        if (b == 0 && (macro || all_b == 0)) {
            out->reason = onus_arena_printf(arena, empty[r], s->names[l]);
            return out->reason ? ONUS_OK : onus_fail_mem(err, "labels");
        }
        if (b == 0) continue;
        const double weight = macro ? 1 / (double)s->n_labels : b / all_b;
        const onus_interval ci = bounds_of(r, &s->of[l]);
        mean += weight * (a / b);
        lower += weight * ci.lower;
        upper += weight * ci.upper;
    }
    out->value = macro ? mean : all_a / all_b;
    out->ci = (onus_interval){onus_larger(lower, 0), onus_smaller(upper, 1)};
    out->method = "mean of the labels' wilson bounds";
    return ONUS_OK;
}

double onus_labels_gain(const onus_labels_sums *s)
{
    double gained = s->all.right - s->all.known;
    for (int64_t l = 0; l < s->n_labels; l++)
        gained += onus_smaller(s->of[l].positive, s->of[l].known - s->of[l].positive);
    return s->all.known > 0 ? gained / s->all.known : NAN;
}

/* ---- what needs the rows ----------------------------------------------------------------- */

typedef struct {
    const onus_predictions *p;
    onus_labels_sums s;
} counts;

static void add_cell(tally *t, double y, double d)
{
    t->known += 1;
    t->positive += y;
    t->decided += d;
    t->hit += y * d;
    t->right += y == d;
}

static onus_status count(counts *c, const onus_predictions *p, onus_arena *arena, onus_err *err)
{
    tally *of = onus_arena_alloc(arena, (size_t)p->n_labels, sizeof *of);
    if (!of) return onus_fail_mem(err, "labels");
    *c = (counts){.p = p,
                  .s = {.n = p->n, .n_labels = p->n_labels, .names = p->label_names, .of = of}};
    for (int64_t i = 0; i < p->n * p->n_labels; i++) {
        if (p->label[i] < 0) continue;
        add_cell(&of[i % p->n_labels], (double)p->label[i], (double)p->decision[i]);
        add_cell(&c->s.all, (double)p->label[i], (double)p->decision[i]);
    }
    return ONUS_OK;
}

/* What a label's terms move the measure by: (a - *value b) *scale. */
static void movement_of(const counts *c, ratio r, bool macro, int64_t l, double *value,
                        double *scale)
{
    double a, b, all_a, all_b;
    terms_of(r, &c->s.of[l], &a, &b);
    terms_of(r, &c->s.all, &all_a, &all_b);
    *value = *scale = 0;
    if (b == 0) return;
    *value = macro ? a / b : all_a / all_b;
    *scale = (macro ? 1 / (double)c->s.n_labels : b / all_b) / b;
}

/* Sum over rows of the square of what a row moves the measure by. */
static double square_error(const counts *c, ratio r, const double *value, const double *scale)
{
    const onus_predictions *p = c->p;
    const int64_t L = p->n_labels;
    double lane[16] = {0}; /* contract, item 4 */
    for (int64_t i = 0; i < p->n; i++) {
        double moves = 0, a, b;
        for (int64_t l = 0; l < L; l++) {
            if (p->label[i * L + l] < 0) continue;
            terms_of_cell(r, (double)p->label[i * L + l], (double)p->decision[i * L + l], &a,
                          &b);
            moves += (a - value[l] * b) * scale[l];
        }
        lane[i % 16] = fma(moves, moves, lane[i % 16]);
    }
    return onus_fold16(lane);
}

/* The labels' own bounds stand where nothing was wrong, or nothing right. */
static onus_status measure(const counts *c, ratio r, bool macro, onus_arena *arena,
                           onus_measure *out, onus_err *err)
{
    const int64_t L = c->s.n_labels;
    onus_status st = onus_labels_measure(out, &c->s, r, macro, arena, err);
    if (st != ONUS_OK || isnan(out->value)) return st;
    double *value = onus_arena_alloc(arena, (size_t)L, sizeof *value),
           *scale = onus_arena_alloc(arena, (size_t)L, sizeof *scale);
    if (!value || !scale) return onus_fail_mem(err, "labels");
    for (int64_t l = 0; l < L; l++) movement_of(c, r, macro, l, &value[l], &scale[l]);
    const double square = square_error(c, r, value, scale);
    if (square > 0 && out->value > 0 && out->value < 1) {
        out->ci = onus_interval_logit(out->value, sqrt(square), onus_z(1));
        out->method = "delta method over rows, logit scale";
    }
    return ONUS_OK;
}

/* ---- rows -------------------------------------------------------------------------------- */

/* Rows whose labels are all known, and decided rightly. */
static onus_measure measure_subset(const onus_predictions *p)
{
    onus_share s = {0, 0};
    for (int64_t i = 0; i < p->n; i++) {
        bool known = true, right = true;
        for (int64_t c = i * p->n_labels; c < (i + 1) * p->n_labels; c++) {
            known = known && p->label[c] >= 0;
            right = right && p->label[c] == (float)p->decision[c];
        }
        s.n += known;
        s.k += known && right;
    }
    return onus_measure_rate(s, "no row has all labels");
}

/* How much less is wrong than if every label were decided as is commonest for it here. Both are
 * on the same rows: Agresti and Min's interval (measure_gain in decisions.c), a row's part
 * being its labels' mean. */
static onus_measure measure_gain(const counts *c)
{
    const onus_predictions *p = c->p;
    const int64_t L = p->n_labels;
    const double n = (double)p->n + 2, per_row = c->s.all.known / (double)p->n,
                 gain = onus_labels_gain(&c->s);
    double square = 0;
    if (c->s.all.known == 0)
        return (onus_measure){.value = NAN, .ci = {NAN, NAN}, .reason = "no rows"};
    for (int64_t i = 0; i < p->n; i++) {
        double part = 0;
        for (int64_t l = 0; l < L; l++) {
            const float y = p->label[i * L + l];
            const bool commonest = 2 * c->s.of[l].positive > c->s.of[l].known;
            if (y >= 0)
                part += (y != (float)commonest) - (y != (float)p->decision[i * L + l]) - gain;
        }
        part = gain + part / per_row;
        square = fma(part, part, square);
    }
    const double middle = gain * (double)p->n / n, spread = (square + 1) / n - middle * middle,
                 half = onus_z(1) * sqrt(spread / n);
    return (onus_measure){
        .value = gain,
        .ci = {onus_larger(middle - half, -1), onus_smaller(middle + half, 1)},
        .n = p->n,
        .method = "Agresti and Min, paired by row"};
}

onus_status onus_quality_labels(const onus_predictions *p, onus_event_builder *b,
                                onus_arena *arena, onus_err *err)
{
    counts c;
    onus_measure m;
    onus_status st = count(&c, p, arena, err);
    if (st != ONUS_OK) return st;
    const onus_measure subset = measure_subset(p), gain = measure_gain(&c);
    onus_measure_put(b, &subset, "subset_accuracy");
    if ((st = measure(&c, ONUS_LABELS_WRONG, false, arena, &m, err)) != ONUS_OK) return st;
    onus_measure_put(b, &m, "hamming_loss");
    onus_event_real(b, m.value + gain.value, "hamming_loss.baseline");
    onus_measure_put(b, &gain, "hamming_loss.gain");
    for (ratio r = ONUS_LABELS_PRECISION; r <= ONUS_LABELS_F1; r++) {
        for (int macro = 0; macro < 2; macro++) {
            if ((st = measure(&c, r, macro, arena, &m, err)) != ONUS_OK) return st;
            onus_measure_put(b, &m, "%s.%s", onus_labels_ratio_names[r],
                             macro ? "macro" : "micro");
        }
    }
    return ONUS_OK;
}
