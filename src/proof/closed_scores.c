/* SPDX-License-Identifier: Apache-2.0
 * closed_scores.c - scores: calibration from its bins, the area from the ROC curve's corners,
 * what losses can be beside the decisions; predicted numbers and tokens.
 *
 * Of more than 255 corners some may have been left out: then the area has bounds alone. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "audit/calibration.h"
#include "audit/quality.h"
#include "audit/rank.h"
#include "base/fail.h"
#include "num/vec.h"
#include "proof/closed_parts.h"

/* ---- calibration ------------------------------------------------------------------------- */

static const double *list(const onus_closed *c, const char *name, int64_t n)
{
    const onus_field *f = onus_closed_field(c, "%s", name);
    return f && f->n == n && (n == 0 || f->kind == ONUS_FIELD_REALS) ? f->reals : NULL;
}

static onus_status take_bins(const onus_closed *c, onus_calibration *out, double n, double came,
                             onus_err *err)
{
    const onus_field *f = onus_closed_field(c, "calibration.n");
    const int64_t bins = f ? f->n : 0;
    const double *p = list(c, "calibration.predicted", bins),
                 *o = list(c, "calibration.observed", bins),
                 *k = list(c, "calibration.n", bins);
    *out = (onus_calibration){.error = {.value = NAN, .ci = {NAN, NAN}, .reason = "no rows"}};
    double rows = 0, all = 0;
    bool ok = bins <= ONUS_CALIBRATION_BINS && (bins == 0 || (p && o && k));
    for (int64_t b = 0; ok && b < bins; b++) {
        const double hits = rint(o[b] * k[b]);
        ok = k[b] == rint(k[b]) && k[b] > 0 && hits / k[b] == o[b] && p[b] >= 0 && p[b] <= 1 &&
             (b == 0 || p[b] >= p[b - 1]) && (bins == 1 || k[b] >= ONUS_CALIBRATION_BIN_MIN);
        const onus_interval w = onus_interval_wilson((onus_share){hits, k[b]}, onus_z(1));
        rows += k[b];
        all += hits;
        out->predicted[b] = p[b];
        out->observed[b] = o[b];
        out->count[b] = k[b];
        out->lower[b] = w.lower;
        out->upper[b] = w.upper;
    }
    out->n_bins = bins;
    if (!ok)
        return onus_fail(err, ONUS_TAMPER, "'%scalibration' has bins that cannot be",
                         c->prefix);
    if (rows == n && all == came) return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER,
                     "bins of '%scalibration' hold %.17g rows and %.17g that came true, "
                     "expected %.17g and %.17g",
                     c->prefix, rows, all, n, came);
}

static onus_status check_calibration(const onus_closed *c, bool two, double n, double came,
                                     onus_err *err)
{
    onus_calibration k;
    onus_event_builder b;
    onus_status st = take_bins(c, &k, n, came, err);
    if (st != ONUS_OK) return st;
    if (n > 0) k.error = onus_calibration_error(&k, (int64_t)n);
    onus_closed_begin(c, &b);
    onus_measure_put(&b, &k.error, "calibration_error");
    onus_event_text(
        &b, two ? "probability of the positive class" : "probability of the decided class",
        "calibration.of");
    onus_event_reals(&b, k.lower, k.n_bins, "calibration.lower");
    onus_event_reals(&b, k.upper, k.n_bins, "calibration.upper");
    st = onus_closed_same(c, &b, ONUS_SAME_BESIDE, "by the bins", err);
    onus_event_release(&b);
    if (st != ONUS_OK || !two) return st;
    /* the mean of squares is at least the square of means, in every bin */
    double least = 0;
    for (int64_t i = 0; i < k.n_bins; i++) {
        const double gap = k.observed[i] - k.predicted[i];
        least += k.count[i] / n * gap * gap;
    }
    return onus_closed_within(c, "brier", least, 1, 1e-6, "the bins' gaps, squared", err);
}

/* ---- ranking ----------------------------------------------------------------------------- */

typedef struct {
    int64_t n;
    double *x, *y, m, k; /* corners in rows; positives, negatives */
} curve;

static onus_status take_corners(const onus_closed *c, curve *out, onus_err *err)
{
    const onus_field *f = onus_closed_field(c, "roc.fpr");
    const int64_t n = f ? f->n : 0;
    const double *fpr = list(c, "roc.fpr", n), *tpr = list(c, "roc.tpr", n);
    const bool some = out->m > 0 && out->k > 0;
    bool ok = some ? n >= 2 && n <= ONUS_ROC_POINTS && fpr && tpr : n == 0 && tpr;
    out->n = n;
    out->x = onus_arena_alloc(c->arena, (size_t)n + 1, sizeof *out->x);
    out->y = onus_arena_alloc(c->arena, (size_t)n + 1, sizeof *out->y);
    if (!out->x || !out->y) return onus_fail_mem(err, "ledger");
    for (int64_t i = 0; ok && i < n; i++) {
        const double x = rint(fpr[i] * out->k), y = rint(tpr[i] * out->m);
        ok = x / out->k == fpr[i] && y / out->m == tpr[i] && x >= 0 && y >= 0 &&
             (i == 0 ? x == 0 && y == 0
                     : x >= out->x[i - 1] && y >= out->y[i - 1] &&
                           (x > out->x[i - 1] || y > out->y[i - 1]));
        out->x[i] = x;
        out->y[i] = y;
    }
    if (ok && (n == 0 || (out->x[n - 1] == out->k && out->y[n - 1] == out->m))) return ONUS_OK;
    return onus_fail(err, ONUS_TAMPER,
                     "'%sroc' is no curve from 0, 0 to 1, 1 of %.17g positives and %.17g "
                     "negatives",
                     c->prefix, out->m, out->k);
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* DeLong's variance by the corners; false where one straight line may have been several. */
static bool delong(const curve *v, double area, double *variance)
{
    double of_positives = 0, of_negatives = 0;
    for (int64_t i = 1; i < v->n; i++) {
        const double q = v->x[i] - v->x[i - 1], p = v->y[i] - v->y[i - 1];
        if (p > 0 && q > 0 && common_divisor((int64_t)p, (int64_t)q) != 1) return false;
        const double below = (v->k - v->x[i] + q / 2) / v->k - area,
                     above = (v->y[i - 1] + p / 2) / v->m - area;
        of_positives += p * below * below;
        of_negatives += q * above * above;
    }
    *variance = of_positives / (v->m - 1) / v->m + of_negatives / (v->k - 1) / v->k;
    return true;
}

static onus_status compare(const onus_closed *c, const onus_measure *m, const char *name,
                           const char *why, onus_err *err)
{
    onus_event_builder b;
    onus_closed_begin(c, &b);
    onus_measure_put(&b, m, "%s", name);
    const onus_status st = onus_closed_same(c, &b, ONUS_SAME_BESIDE, why, err);
    onus_event_release(&b);
    return st;
}

/* The interval on the logit scale; the value was compared. (relative error 1e-9) */
static onus_status check_delong(const onus_closed *c, const curve *v, double area, bool all,
                                onus_err *err)
{
    onus_measure m = {
        .value = area,
        .ci = {onus_closed_number(c, "auc.lower"), onus_closed_number(c, "auc.upper")},
        .n = (int64_t)(v->m + v->k),
        .method = "delong, logit scale"};
    double variance;
    onus_status st = compare(c, &m, "auc", "by the curve", err);
    if (st == ONUS_OK) st = onus_closed_logit(c, "auc", err);
    if (st != ONUS_OK) return st;
    if (all && delong(v, area, &variance)) {
        const onus_interval i = onus_interval_logit(area, sqrt(variance), onus_z(1));
        st = onus_closed_near(c, "auc.lower", i.lower, 1e-9, "DeLong's by the curve", err);
        return st == ONUS_OK ? onus_closed_near(c, "auc.upper", i.upper, 1e-9,
                                                "DeLong's by the curve", err)
                             : st;
    }
    const double most = area * (1 - area) * (1 / (v->m - 1) + 1 / (v->k - 1));
    const onus_interval i = onus_interval_logit(area, sqrt(most), onus_z(1));
    return onus_closed_within(c, "auc.upper", area, i.upper, 1e-9, "no area varies more", err);
}

static onus_status check_area(const onus_closed *c, const curve *v, onus_err *err)
{
    const double m = v->m, k = v->k;
    if (m == 0 || k == 0) {
        const onus_measure none = {.value = NAN,
                                   .ci = {NAN, NAN},
                                   .n = (int64_t)(m + k),
                                   .reason = "the labels are all of one class"};
        return compare(c, &none, "auc", "no curve", err);
    }
    const bool all = v->n < ONUS_ROC_POINTS;
    double area = onus_area_under(v->x, v->y, v->n, m, k);
    if (!all) {
        double least = 0, most = 0;
        for (int64_t i = 1; i < v->n; i++) {
            least += (v->y[i] - v->y[i - 1]) * (k - v->x[i]);
            most += (v->y[i] - v->y[i - 1]) * (k - v->x[i - 1]);
        }
        const onus_status st = onus_closed_within(c, "auc", least / (m * k), most / (m * k),
                                                  1e-12, "by the curve", err);
        if (st != ONUS_OK) return st;
        area = onus_closed_number(c, "auc");
        if (isnan(area)) return onus_closed_expect(c, "auc", most / (m * k), "a curve", err);
    }
    const bool few = m < ONUS_AREA_FEW || k < ONUS_AREA_FEW || !(area > 0 && area < 1) ||
                     v->n == 2; /* scores all alike have no variance */
    if (!few) return check_delong(c, v, area, all, err);
    const onus_measure r = onus_area_few(area, m, k);
    return compare(c, &r, "auc", "by the curve", err);
}

/* Precision at a step's positives lies between those of negatives first and of positives
 * first. */
static void bound_precision(const curve *v, double *least, double *most)
{
    enum { STEPS_MAX = 4096 };
    *least = *most = 0;
    for (int64_t i = 1; i < v->n; i++) {
        const double Q = v->x[i - 1], P = v->y[i - 1], q = v->x[i] - Q, p = v->y[i] - P;
        if (p > 0) *most += p * (P + p) / (P + p + Q);
        for (double j = 1; j <= p && p <= STEPS_MAX; j++) *least += (P + j) / (P + j + Q + q);
        if (p > STEPS_MAX) *least += p * (P + 1) / (P + 1 + Q + q);
    }
}

static onus_status check_precision(const onus_closed *c, const curve *v, onus_err *err)
{
    const double m = v->m, n = v->m + v->k;
    onus_status st = onus_closed_expect(c, "average_precision.baseline", n > 0 ? m / n : NAN,
                                        "the share of positives", err);
    if (st != ONUS_OK) return st;
    onus_measure r = {.value = onus_closed_number(c, "average_precision"),
                      .ci = {onus_closed_number(c, "average_precision.lower"),
                             onus_closed_number(c, "average_precision.upper")},
                      .n = (int64_t)m,
                      .method = "wilson over the positives"};
    if (m == 0)
        r = (onus_measure){.value = NAN, .ci = {NAN, NAN}, .reason = "no label is positive"};
    st = compare(c, &r, "average_precision", "the positives of the test split", err);
    if (st != ONUS_OK || m == 0) return st;
    /* the sum was divided by m and is found again but for its last bits */
    const onus_interval w = onus_interval_wilson((onus_share){r.value * m, m}, onus_z(1));
    st = onus_closed_near(c, "average_precision.lower", w.lower, 0x1p-46, "Wilson's", err);
    if (st == ONUS_OK)
        st = onus_closed_near(c, "average_precision.upper", w.upper, 0x1p-46, "Wilson's", err);
    if (st != ONUS_OK || v->k == 0) return st;
    double least, most;
    bound_precision(v, &least, &most);
    return onus_closed_within(c, "average_precision", least / m, most / m, 1e-12,
                              "by the curve", err);
}

/* ---- losses ------------------------------------------------------------------------------ */

/* A wrong decision between two classes is off by half or more, and one among more gives the
 * true class half or less; a right one between two is off by half at most. */
static onus_status check_losses(const onus_closed *c, bool two, double n, double hits,
                                onus_err *err)
{
    const double most_log = 16, log2 = 0x1.62e42fefa39efp-1;
    onus_status st = onus_closed_mean(c, "log_loss", (int64_t)n, 0, most_log, err);
    if (st == ONUS_OK) st = onus_closed_mean(c, "brier", (int64_t)n, 0, two ? 1 : 2, err);
    if (st != ONUS_OK || !(n > 0)) return st;
    const double wrong = (n - hits) / n;
    st = onus_closed_within(c, "brier", wrong * (two ? 0.25 : 0.5),
                            two ? 0.25 + 0.75 * wrong : 2, 1e-5, "so many decisions are wrong",
                            err);
    if (st != ONUS_OK) return st;
    const double least = wrong * log2, brier = onus_closed_number(c, "brier");
    return onus_closed_within(c, "log_loss", least > brier ? least : brier, INFINITY, 1e-5,
                              "so many decisions are wrong, and so far off", err);
}

onus_status onus_closed_scores(const onus_closed *c, onus_err *err)
{
    const onus_scope *s = c->given->scope;
    const bool two = !(s->is & ONUS_IF_CLASSES);
    const double n = onus_closed_fact(c, "%saccuracy.n", c->prefix),
                 accuracy = onus_closed_fact(c, "%saccuracy", c->prefix),
                 hits = n > 0 ? rint(accuracy * n) : 0;
    const double m = two ? onus_closed_fact(c, "%srecall.n", c->prefix) : 0;
    onus_status st = check_losses(c, two, n, hits, err);
    if (st == ONUS_OK) st = check_calibration(c, two, n, two ? m : hits, err);
    if (st != ONUS_OK || !two) return st;
    curve v = {.m = m, .k = n - m};
    st = take_corners(c, &v, err);
    if (st == ONUS_OK) st = check_area(c, &v, err);
    return st == ONUS_OK ? check_precision(c, &v, err) : st;
}

/* ---- numbers ----------------------------------------------------------------------------- */

static onus_status check_root(const onus_closed *c, double n, onus_err *err)
{
    onus_measure r = {.value = sqrt(onus_closed_number(c, "mse")),
                      .ci = {sqrt(onus_closed_number(c, "mse.lower")),
                             sqrt(onus_closed_number(c, "mse.upper"))},
                      .n = (int64_t)n,
                      .method = "student t on the squares"};
    if (n < 2) r.reason = n < 1 ? "no rows" : "one row has no spread to judge by";
    return compare(c, &r, "rmse", "root of mse", err);
}

/* The variance of errors whose squares' mean is mse: Student's half width follows. (relative
 * error 1e-6 of the root) */
static onus_status check_half(const onus_closed *c, const char *name, double n, onus_err *err)
{
    if (n < 2) return ONUS_OK;
    char upper[64];
    snprintf(upper, sizeof upper, "%s.upper", name);
    const double mse = onus_closed_number(c, "mse"), v = onus_closed_number(c, "%s", name);
    const double half = onus_t_quantile(0.975, n - 1) *
                        sqrt(onus_larger(0, mse - v * v) / (n - 1)),
                 root = sqrt(mse);
    return onus_closed_near(c, upper, v + half, 1e-6 * (root + half), "by mse and the mean",
                            err);
}

/* Of one row all errors are the same one. */
static onus_status check_one(const onus_closed *c, double root, double mae, onus_err *err)
{
    onus_status st =
        onus_closed_near(c, "mae", root, 1e-12 * root, "one row has one error", err);
    return st == ONUS_OK ? onus_closed_near(c, "mean_error",
                                            copysign(mae, onus_closed_number(c, "mean_error")),
                                            0, "one row has one error", err)
                         : st;
}

static onus_status check_r2(const onus_closed *c, double n, onus_err *err)
{
    onus_measure m = {
        .value = onus_closed_number(c, "r2"),
        .ci = {onus_closed_number(c, "r2.lower"), onus_closed_number(c, "r2.upper")},
        .n = (int64_t)n,
        .method = "delta method, student t"};
    if (isnan(m.value) || n < 2) {
        m.value = m.ci.lower = m.ci.upper = NAN;
        m.reason = n < 1 ? "no rows" : "the label never changes";
    }
    const onus_status st = compare(c, &m, "r2", "of so many rows", err);
    if (st != ONUS_OK || isnan(m.value)) return st;
    const double up = m.value + (m.value - m.ci.lower);
    return onus_closed_near(c, "r2.upper", up > 1 ? 1 : up, 0x1p-48 * (1 + fabs(m.ci.lower)),
                            "as far above as the lower bound below", err);
}

onus_status onus_closed_values(const onus_closed *c, onus_err *err)
{
    const double n = onus_closed_fact(c, "data.test.rows"),
                 root = sqrt(onus_closed_number(c, "mse"));
    onus_status st = ONUS_OK;
    ONUS_TRY(onus_closed_mean(c, "mse", (int64_t)n, 0, INFINITY, err));
    ONUS_TRY(onus_closed_mean(c, "mae", (int64_t)n, 0, INFINITY, err));
    ONUS_TRY(onus_closed_mean(c, "mean_error", (int64_t)n, -INFINITY, INFINITY, err));
    ONUS_TRY(check_root(c, n, err));
    const double mae = onus_closed_number(c, "mae");
    ONUS_TRY(onus_closed_within(c, "mae", 0, root, 1e-9 * root, "no more than rmse", err));
    ONUS_TRY(
        onus_closed_within(c, "mean_error", -mae, mae, 1e-9 * mae, "no more than mae", err));
    ONUS_TRY(check_half(c, "mae", n, err));
    ONUS_TRY(check_half(c, "mean_error", n, err));
    if (n == 1) ONUS_TRY(check_one(c, root, mae, err));
    ONUS_TRY(check_r2(c, n, err));
done:
    return st;
}

/* ---- tokens ------------------------------------------------------------------------------ */

static onus_status check_perplexity(const onus_closed *c, onus_err *err)
{
    const onus_field *reason = onus_closed_field(c, "loss.reason");
    const onus_measure m = {.value = onus_exp64(onus_closed_number(c, "loss")),
                            .ci = {onus_exp64(onus_closed_number(c, "loss.lower")),
                                   onus_exp64(onus_closed_number(c, "loss.upper"))},
                            .n = (int64_t)onus_closed_number(c, "loss.n"),
                            .method = "exponential of the mean loss's bounds",
                            .reason = reason ? reason->text : NULL};
    return compare(c, &m, "perplexity", "e to the loss", err);
}

/* What stands beside a ratio of sums over rows. */
static onus_status check_beside(const onus_closed *c, const char *name, double n, onus_err *err)
{
    onus_measure m = {.value = onus_closed_number(c, "%s", name),
                      .ci = {onus_closed_number(c, "%s.lower", name),
                             onus_closed_number(c, "%s.upper", name)},
                      .n = (int64_t)n,
                      .method = "ratio of sums over rows, delta method, student t"};
    const double rows = onus_closed_fact(c, "data.test.rows");
    if (!(n > 0)) m.value = NAN;
    if (!(n > 0) || rows < 2) {
        m.ci = (onus_interval){NAN, NAN};
        m.reason = n > 0 ? "one row has no spread to judge by" : "no tokens";
    }
    return compare(c, &m, name, "a mean over so many tokens", err);
}

/* Bounds alike far from the value, cut at least and most. */
static onus_status check_symmetric(const onus_closed *c, const char *name, double least,
                                   double most, onus_err *err)
{
    char lower[64], upper[64];
    snprintf(lower, sizeof lower, "%s.lower", name);
    snprintf(upper, sizeof upper, "%s.upper", name);
    const double v = onus_closed_number(c, "%s", name),
                 low = onus_closed_number(c, "%s", lower),
                 high = onus_closed_number(c, "%s", upper);
    if (isnan(v) || isnan(low) || isnan(high)) {
        const onus_status st =
            onus_closed_expect(c, lower, NAN, "bounds are defined together", err);
        return st == ONUS_OK
                   ? onus_closed_expect(c, upper, NAN, "bounds are defined together", err)
                   : st;
    }
    if (!(low <= v && v <= high))
        return onus_closed_expect(c, lower, v, "bounds lie about the value", err);
    const double off = 0x1p-48 * (fabs(v) + fabs(low) + fabs(high));
    if (low > least) {
        const double asked = v + (v - low);
        return onus_closed_near(c, upper, asked > most ? most : asked, off,
                                "as far above as the lower bound below", err);
    }
    return onus_closed_within(c, upper, v + (v - least) > most ? most : v + (v - least), most,
                              off, "the lower bound was cut", err);
}

onus_status onus_closed_tokens(const onus_closed *c, onus_err *err)
{
    const double n = onus_closed_number(c, "loss.n"),
                 share = onus_closed_number(c, "token_accuracy"), right = rint(share * n);
    onus_status st = ONUS_OK;
    ONUS_TRY(onus_closed_within(c, "loss.n", 0, onus_closed_fact(c, "data.tokens.test"), 0,
                                "tokens of the test split", err));
    ONUS_TRY(onus_closed_expect(c, "token_accuracy.n", n, "the same tokens", err));
    ONUS_TRY(onus_closed_expect(c, "token_accuracy", n > 0 ? right / n : NAN,
                                "a share of so many tokens", err));
    if (n > 0 && isnan(onus_closed_number(c, "loss")))
        return onus_closed_expect(c, "loss", 0, "there are tokens", err);
    ONUS_TRY(check_beside(c, "loss", n, err));
    ONUS_TRY(check_beside(c, "token_accuracy", n, err));
    ONUS_TRY(check_perplexity(c, err));
    ONUS_TRY(check_symmetric(c, "loss", 0, INFINITY, err));
    ONUS_TRY(check_symmetric(c, "token_accuracy", 0, 1, err));
done:
    return st;
}
