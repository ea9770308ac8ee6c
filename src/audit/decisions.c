/* SPDX-License-Identifier: Apache-2.0
 * decisions.c - decisions against labels: everything that a confusion matrix tells. A class
 * that is never decided has no precision, one that never occurs no recall; what rests on them
 * is undefined, not zero. */
#include <math.h>
#include <string.h>

#include "audit/quality.h"
#include "base/fail.h"
#include "num/vec.h"

typedef struct {
    int64_t n, k;        /* rows, classes */
    const int64_t *cell; /* (k, k): label, decision */
    const char *const *name;
    int64_t *hit, *label, *decided; /* (k) */
    double *f1;                     /* (k); NAN where a class neither occurs nor is decided */
} confusion;

static onus_status sum(confusion *m, const onus_cells *cells, onus_arena *arena, onus_err *err)
{
    const size_t k = (size_t)cells->n_classes;
    *m = (confusion){.k = cells->n_classes, .cell = cells->cell, .name = cells->class_names};
    m->hit = onus_arena_alloc(arena, 3 * k, sizeof *m->hit);
    m->f1 = onus_arena_alloc(arena, k, sizeof *m->f1);
    if (!m->hit || !m->f1) return onus_fail_mem(err, "confusion matrix");
    m->label = m->hit + k;
    m->decided = m->label + k;
    for (int64_t i = 0; i < m->k * m->k; i++) {
        m->n += m->cell[i];
        m->label[i / m->k] += m->cell[i];
        m->decided[i % m->k] += m->cell[i];
    }
    for (int64_t c = 0; c < m->k; c++) {
        m->hit[c] = m->cell[c * m->k + c];
        const int64_t all = m->label[c] + m->decided[c];
        m->f1[c] = all > 0 ? 2 * (double)m->hit[c] / (double)all : NAN;
    }
    return ONUS_OK;
}

static onus_measure undefined(int64_t n, const char *reason)
{
    return (onus_measure){.value = NAN, .ci = {NAN, NAN}, .n = n, .reason = reason};
}

/* F1 is J / (2 - J) of a rate: hits among the rows that are of the class or decided so.
 * Wilson's interval of that rate, carried over (Lam, Gopal and Qian 2023, arXiv:2309.14621). */
onus_measure onus_measure_f1(double hit, double label, double decided)
{
    const double all = label + decided;
    if (all == 0) return undefined(0, "the class neither occurs nor is decided");
    const onus_interval w = onus_interval_wilson((onus_share){hit, all - hit}, onus_z(1));
    return (onus_measure){.value = 2 * hit / all,
                          .ci = {2 * w.lower / (1 + w.lower), 2 * w.upper / (1 + w.upper)},
                          .n = (int64_t)(all - hit),
                          .method = "wilson through hits / (hits + errors)"};
}

static onus_measure f1_of(const confusion *m, int64_t c)
{
    return onus_measure_f1((double)m->hit[c], (double)m->label[c], (double)m->decided[c]);
}

/* Mean over classes of hits / total; each an independent rate given the totals. */
static onus_status measure_mean_rate(const confusion *m, const int64_t *total,
                                     const char *empty, onus_arena *arena, onus_measure *out,
                                     onus_err *err)
{
    onus_share *s = onus_arena_alloc(arena, (size_t)m->k, sizeof *s);
    double *weight = onus_arena_alloc(arena, (size_t)m->k, sizeof *weight);
    if (!s || !weight) return onus_fail_mem(err, "rates by class");
    int64_t n = 0;
    for (int64_t c = 0; c < m->k; c++) {
        /* classes that do not occur have no recall to speak of; one that is decided all the
         * same has a precision, and it is zero */
        if (m->label[c] == 0 && (total == m->label || m->decided[c] == 0)) continue;
        if (total[c] == 0) {
            *out = undefined(m->n, empty);
            return ONUS_OK;
        }
        s[n++] = (onus_share){(double)m->hit[c], (double)total[c]};
    }
    double all = 0;
    for (int64_t c = 0; c < n; c++) {
        weight[c] = 1 / (double)n;
        all += onus_share_rate(s[c]);
    }
    *out = (onus_measure){.value = n > 0 ? all / (double)n : NAN,
                          .ci = onus_interval_mix(weight, s, n, onus_z(1)),
                          .n = m->n,
                          .method = "newcombe by class (MOVER)"};
    return ONUS_OK;
}

/* Mean of the classes' F1. Its standard error by the delta method: a row of class a decided b
 * moves the mean by v(a, b), and the v of all rows add up to zero (as Takahashi et al. 2022,
 * Applied Intelligence 52:4961). Where that is zero, nothing was wrong, or nothing right: then
 * the mean of the classes' own bounds, which holds however they hang together. */
static onus_measure measure_mean_f1(const confusion *m)
{
    double all = 0, classes = 0, square = 0, lower = 0, upper = 0;
    for (int64_t c = 0; c < m->k; c++) {
        if (isnan(m->f1[c])) continue;
        const onus_measure one = f1_of(m, c);
        all += m->f1[c];
        lower += one.ci.lower;
        upper += one.ci.upper;
        classes += 1;
    }
    if (classes == 0) return undefined(0, "no rows");
    for (int64_t a = 0; a < m->k; a++) {
        for (int64_t b = 0; b < m->k; b++) {
            const int64_t cell = m->cell[a * m->k + b];
            if (cell == 0) continue;
            const double of_a = (double)(m->label[a] + m->decided[a]),
                         of_b = (double)(m->label[b] + m->decided[b]);
            const double v =
                ((a == b ? 2 / of_a : 0) - m->f1[a] / of_a - m->f1[b] / of_b) / classes;
            square = fma((double)cell * v, v, square);
        }
    }
    const double mean = all / classes;
    onus_measure r = {.value = mean, .n = m->n, .method = "delta method, logit scale"};
    if (square > 0 && mean > 0 && mean < 1) {
        r.ci = onus_interval_logit(mean, sqrt(square), onus_z(1));
    } else {
        r.ci = (onus_interval){lower / classes, upper / classes};
        r.method = "mean of the classes' wilson bounds";
    }
    return r;
}

/* Accuracy less that of always deciding the label that is commonest here. Both are right or
 * wrong on the same people, so only rows where they part tell: Agresti and Min 2005, Statistics
 * in Medicine 24:729, section 3 (Wald's interval with half a row more in each of the four
 * cells). */
static onus_measure measure_gain(const confusion *m)
{
    int64_t commonest = 0, won = 0;
    for (int64_t c = 1; c < m->k; c++) {
        if (m->label[c] > m->label[commonest]) commonest = c;
    }
    for (int64_t c = 0; c < m->k; c++) won += c == commonest ? 0 : m->hit[c];
    if (m->n == 0) return undefined(0, "no rows");
    const double lost = (double)(m->label[commonest] - m->hit[commonest]), n = (double)m->n + 2,
                 middle = ((double)won - lost) / n,
                 spread = ((double)won + lost + 1) / n - middle * middle,
                 half = onus_z(1) * sqrt(spread / n);
    return (onus_measure){
        .value = ((double)won - lost) / (double)m->n,
        .ci = {onus_larger(middle - half, -1), onus_smaller(middle + half, 1)},
        .n = m->n,
        .method = "Agresti and Min, paired"};
}

static size_t bytes_of_names(const char *const *names, int64_t k)
{
    size_t bytes = 0;
    for (int64_t c = 0; c < k; c++) bytes += strlen(names[c]);
    return bytes;
}

bool onus_cells_fit(const char *const *names, int64_t k, int64_t cells)
{
    if (k <= 0) return true; /* a ledger from outside may name no classes */
    const size_t both = 2 * bytes_of_names(names, k) / (size_t)k, own = 24;
    return (size_t)cells * (both + own) <= ONUS_EVENT_ROOM;
}

static void put_cells(const confusion *m, onus_event_builder *b)
{
    int64_t cells = 0;
    for (int64_t i = 0; i < m->k * m->k; i++)
        cells += m->cell[i] > 0 || m->k <= ONUS_CELLS_SHOWN;
    if (!onus_cells_fit(m->name, m->k, cells)) {
        onus_event_text(b, "too many classes to be told apart in one event",
                        "confusion.reason");
        return;
    }
    for (int64_t y = 0; y < m->k; y++) {
        for (int64_t d = 0; d < m->k; d++) {
            const int64_t cell = m->cell[y * m->k + d];
            if (cell == 0 && m->k > ONUS_CELLS_SHOWN) continue;
            onus_event_int(b, cell, "confusion.%s.%s", m->name[y], m->name[d]);
        }
    }
}

static void put_classes(const confusion *m, onus_event_builder *b)
{
    enum { FIELDS = 15, OWN = 48 };
    if (FIELDS * (bytes_of_names(m->name, m->k) + OWN * (size_t)m->k) > ONUS_EVENT_ROOM) {
        onus_event_text(b, "too many classes to be told apart in one event", "class.reason");
        return;
    }
    for (int64_t c = 0; c < m->k; c++) {
        const char *name = m->name[c];
        const onus_share precision = {(double)m->hit[c], (double)m->decided[c]},
                         recall = {(double)m->hit[c], (double)m->label[c]};
        const onus_measure of[] = {onus_measure_rate(precision, "the class is never decided"),
                                   onus_measure_rate(recall, "the class does not occur"),
                                   f1_of(m, c)};
        onus_measure_put(b, &of[0], "class.%s.precision", name);
        onus_measure_put(b, &of[1], "class.%s.recall", name);
        onus_measure_put(b, &of[2], "class.%s.f1", name);
    }
}

static void put_positive(const confusion *m, onus_event_builder *b)
{
    const onus_share precision = {(double)m->hit[1], (double)m->decided[1]},
                     recall = {(double)m->hit[1], (double)m->label[1]};
    const onus_measure of[] = {onus_measure_rate(precision, "no decision is positive"),
                               onus_measure_rate(recall, "no label is positive"), f1_of(m, 1)};
    onus_measure_put(b, &of[0], "precision");
    onus_measure_put(b, &of[1], "recall");
    onus_measure_put(b, &of[2], "f1");
}

onus_status onus_quality_cells(const onus_cells *cells, onus_event_builder *b,
                               onus_arena *arena, onus_err *err)
{
    confusion m;
    onus_status st = sum(&m, cells, arena, err);
    if (st != ONUS_OK) return st;
    int64_t hits = 0, largest = 0, occur = 0;
    for (int64_t c = 0; c < m.k; c++) {
        hits += m.hit[c];
        largest = m.label[c] > largest ? m.label[c] : largest;
        occur += m.label[c] > 0;
    }
    const onus_measure accuracy =
        onus_measure_rate((onus_share){(double)hits, (double)m.n}, "no rows");
    onus_measure balanced = undefined(m.n, "the labels are all of one class"), precision;
    if (occur > 1) st = measure_mean_rate(&m, m.label, NULL, arena, &balanced, err);
    if (st == ONUS_OK)
        st = measure_mean_rate(&m, m.decided, "a class that occurs is never decided", arena,
                               &precision, err);
    if (st != ONUS_OK) return st;
    const onus_measure f1 = measure_mean_f1(&m), gain = measure_gain(&m);
    onus_measure_put(b, &accuracy, "accuracy");
    onus_event_real(b, m.n > 0 ? (double)largest / (double)m.n : NAN, "accuracy.baseline");
    onus_measure_put(b, &gain, "accuracy.gain");
    onus_measure_put(b, &balanced, "balanced_accuracy");
    if (!cells->by_class) put_positive(&m, b);
    onus_measure_put(b, &precision, "precision.macro");
    onus_measure_put(b, &balanced, "recall.macro");
    onus_measure_put(b, &f1, "f1.macro");
    put_cells(&m, b);
    if (cells->by_class) put_classes(&m, b);
    return ONUS_OK;
}

/* Names are escaped here, once. */
static onus_status count(onus_cells *out, const onus_predictions *p, onus_arena *arena,
                         onus_err *err)
{
    const size_t k = (size_t)p->n_classes;
    int64_t *cell = onus_arena_alloc(arena, k * k, sizeof *cell);
    const char **name = onus_arena_alloc(arena, k, sizeof *name);
    if (!cell || !name) return onus_fail_mem(err, "confusion matrix");
    for (size_t c = 0; c < k; c++) {
        char part[512];
        onus_status st = onus_name_part(part, sizeof part, p->class_names[c], err);
        if (st != ONUS_OK) return st;
        name[c] = onus_arena_strdup(arena, part);
        if (!name[c]) return onus_fail_mem(err, "confusion matrix");
    }
    for (int64_t i = 0; i < p->n; i++)
        cell[(int64_t)p->label[i] * p->n_classes + p->decision[i]]++;
    *out = (onus_cells){.n_classes = p->n_classes,
                        .class_names = name,
                        .cell = cell,
                        .by_class = p->task == ONUS_TASK_CLASSES};
    return ONUS_OK;
}

onus_status onus_quality_decisions(const onus_predictions *p, onus_event_builder *b,
                                   onus_arena *arena, onus_err *err)
{
    onus_cells cells;
    const onus_status st = count(&cells, p, arena, err);
    return st == ONUS_OK ? onus_quality_cells(&cells, b, arena, err) : st;
}
