/* SPDX-License-Identifier: Apache-2.0
 * Goal: measures of quality are the usual ones, their intervals the named ones, and what has no
 * support is undefined. Method: scikit-learn's and SciPy's values on drawn rows (ties, a rare
 * class, four classes, numbers), hand counts, edges where a measure ends to exist. */
#include "auditing.h"

#include "audit/calibration.h"
#include "audit/rank.h"
#include "expected.h"

static rows r;
static said s;

static void audit(void)
{
    const onus_sink sink = said_begin(&s);
    onus_err err = {.code = ONUS_OK};
    if (onus_audit_quality(&r.p, &sink, NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
}

static void end(void)
{
    onus_facts_destroy(s.facts);
}

/* ---- against peers ----------------------------------------------------------------------- */

/* The peer keeps some points that lie on a straight line; each of its points is on our curve,
 * and each of our corners is one of its points. */
static void corners_are_on_the_curve(const double *x, const double *y, size_t n)
{
    int64_t k = 0, k2 = 0;
    const double *fpr = array(&s, "roc.fpr", &k), *tpr = array(&s, "roc.tpr", &k2);
    assert_true(k == k2 && k <= (int64_t)n);
    size_t met = 0;
    for (int64_t i = 0; i < k; i++) {
        while (met < n && (fabs(x[met] - fpr[i]) > 1e-15 || fabs(y[met] - tpr[i]) > 1e-15)) {
            assert_true(i > 0);
            const double turn = (x[met] - fpr[i - 1]) * (tpr[i] - tpr[i - 1]) -
                                (y[met] - tpr[i - 1]) * (fpr[i] - fpr[i - 1]);
            assert_float_equal(turn, 0, 1e-15);
            met++;
        }
        assert_true(met < n);
        met++;
    }
    assert_true(met == n);
}

static void two_classes_with_ties(void **state)
{
    (void)state;
    rows_binary(&r, 300, 7, 0.5, 16);
    audit();
    assert_int_equal(s.events, 2);
    assert_string_equal(s.types[0], "metric");
    near(&s, "accuracy", tied_accuracy, 1e-15);
    near(&s, "accuracy.n", 300, 0);
    reads(&s, "accuracy.method", "wilson");
    near(&s, "accuracy.baseline", fmax(tied_positives, 300 - tied_positives) / 300, 1e-15);
    near(&s, "balanced_accuracy", tied_balanced_accuracy, 1e-15);
    near(&s, "precision", tied_precision, 1e-15);
    near(&s, "recall", tied_recall, 1e-15);
    near(&s, "recall.n", tied_positives, 0);
    near(&s, "f1", tied_f1, 1e-15);
    between(&s, "f1", tied_f1_wilson, 1e-14);
    near(&s, "precision.macro", tied_precision_macro, 1e-15);
    near(&s, "recall.macro", tied_balanced_accuracy, 1e-15);
    near(&s, "f1.macro", tied_f1_macro, 1e-15);
    near(&s, "auc", tied_auc, 1e-15);
    between(&s, "auc", tied_delong, 1e-14);
    reads(&s, "auc.method", "delong, logit scale");
    near(&s, "average_precision", tied_average_precision, 1e-15);
    near(&s, "average_precision.baseline", tied_positives / 300, 1e-15);
    near(&s, "log_loss", tied_log_loss, 1e-7); /* the peer's arithmetic is binary32 */
    between(&s, "log_loss", tied_log_loss_t, 1e-12);
    near(&s, "brier", tied_brier, 1e-7);
    corners_are_on_the_curve(tied_fpr, tied_tpr, sizeof tied_fpr / sizeof *tied_fpr);
    near(&s, "confusion.no.no", tied_confusion[0], 0);
    near(&s, "confusion.no.yes", tied_confusion[1], 0);
    near(&s, "confusion.yes.no", tied_confusion[2], 0);
    near(&s, "confusion.yes.yes", tied_confusion[3], 0);
    end();
}

static void a_rare_class(void **state)
{
    (void)state;
    rows_binary(&r, 300, 8, 0.06, 16);
    audit();
    assert_true(rare_positives < 30);
    near(&s, "balanced_accuracy", rare_balanced_accuracy, 1e-15);
    near(&s, "precision", rare_precision, 1e-15);
    near(&s, "f1", rare_f1, 1e-15);
    between(&s, "f1", rare_f1_wilson, 1e-14);
    near(&s, "f1.macro", rare_f1_macro, 1e-15);
    near(&s, "auc", rare_auc, 1e-15);
    between(&s, "auc", rare_newcombe, 1e-9);
    reads(&s, "auc.method", "newcombe 2006, method 5");
    near(&s, "average_precision", rare_average_precision, 1e-15);
    near(&s, "average_precision.n", rare_positives, 0);
    near(&s, "log_loss", rare_log_loss, 1e-7);
    corners_are_on_the_curve(rare_fpr, rare_tpr, sizeof rare_fpr / sizeof *rare_fpr);
    end();
}

static void four_classes(void **state)
{
    (void)state;
    rows_classes(&r, 250, 4, 9);
    audit();
    near(&s, "accuracy", four_accuracy, 1e-15);
    near(&s, "balanced_accuracy", four_balanced_accuracy, 1e-15);
    near(&s, "precision.macro", four_precision_macro, 1e-15);
    near(&s, "f1.macro", four_f1_macro, 1e-15);
    between(&s, "f1.macro", four_f1_macro_delta,
            1e-7); /* the peer's gradient is a difference */
    near(&s, "log_loss", four_log_loss, 1e-12);
    near(&s, "brier", four_brier, 1e-12);
    for (int c = 0; c < 4; c++) {
        char name[64];
        snprintf(name, sizeof name, "class.c%d.precision", c);
        near(&s, name, four_precision[c], 1e-15);
        snprintf(name, sizeof name, "class.c%d.recall", c);
        near(&s, name, four_recall[c], 1e-15);
        snprintf(name, sizeof name, "class.c%d.f1", c);
        near(&s, name, four_f1[c], 1e-15);
        for (int d = 0; d < 4; d++) {
            snprintf(name, sizeof name, "confusion.c%d.c%d", c, d);
            near(&s, name, four_confusion[4 * c + d], 0);
        }
    }
    assert_null(onus_facts_find(s.facts, "auc"));
    assert_null(onus_facts_find(s.facts, "precision"));
    reads(&s, "calibration.of", "probability of the decided class");
    end();
}

static void numbers_against_numbers(void **state)
{
    (void)state;
    rows_numbers(&r, 120, 10);
    audit();
    near(&s, "mse", value_mse, 1e-13);
    near(&s, "rmse", value_rmse, 1e-13);
    near(&s, "mae", value_mae, 1e-13);
    between(&s, "mae", value_mae_t, 1e-12);
    near(&s, "mean_error", value_mean_error, 1e-13);
    near(&s, "r2", value_r2, 1e-13);
    near(&s, "rmse.lower", sqrt(number(&s, "mse.lower")), 1e-15);
    assert_true(number(&s, "r2.lower") < value_r2 && value_r2 < number(&s, "r2.upper"));
    assert_null(onus_facts_find(s.facts, "accuracy"));
    end();
}

/* ---- by hand ----------------------------------------------------------------------------- */

/* 40 rows, told 0.25 and 0.75 by turns: bins of equal probability. Of the low 20, 8 came true
 * (0.4), of the high 20, 13 (0.65): (0.15 + 0.10) / 2. */
static void calibration_by_hand(void **state)
{
    (void)state;
    rows_begin(&r, ONUS_TASK_BINARY, 40, 2);
    for (int i = 0; i < 40; i++) {
        r.score[i] = i % 2 ? 0.75f : 0.25f;
        r.label[i] = i % 2 ? i < 26 : i < 16;
        r.decision[i] = i % 2;
    }
    audit();
    near(&s, "calibration_error", .125, 1e-15);
    ARRAY_NEAR(&s, "calibration.predicted", ((const double[]){.25, .75}), 0);
    ARRAY_NEAR(&s, "calibration.observed", ((const double[]){.4, .65}), 1e-15);
    ARRAY_NEAR(&s, "calibration.n", ((const double[]){20, 20}), 0);
    near(&s, "calibration_error.lower", 0, 0); /* 12.5 points of 20 people each are no proof */
    /* upper: .125 + 1.96 sqrt(sum (s / 2)^2), s^2 = p (1 - p) / 20, p = 10/24, 15/24 */
    const double v = (10. / 24 * 14 / 24 + 15. / 24 * 9 / 24) / 20 / 4;
    near(&s, "calibration_error.upper", .125 + 1.959963984540054 * sqrt(v), 1e-12);
    end();
}

/* No bin is one person: fewer than ten rows never stand alone. */
static void calibration_bins_hold_ten(void **state)
{
    (void)state;
    static float p[1000];
    static bool came[1000];
    draws d = {5};
    for (int64_t n = 1; n <= 1000; n += n < 150 ? 1 : 83) {
        onus_calibration c;
        onus_arena arena;
        onus_arena_init(&arena, NULL);
        double rows_seen = 0;
        const int steps = n % 3 == 0 ? 4 : 1 << 20;
        for (int64_t i = 0; i < n; i++) {
            p[i] = (float)(floor(draw_next(&d) * steps) / steps);
            came[i] = draw_next(&d) < (double)p[i];
        }
        assert_int_equal(onus_calibrate(&c, p, came, n, &arena, NULL), ONUS_OK);
        assert_true(c.n_bins >= 1 && c.n_bins <= 10);
        for (int64_t b = 0; b < c.n_bins; b++) {
            assert_true(c.count[b] >= 10 || n < 10);
            assert_true(b == 0 || c.predicted[b] > c.predicted[b - 1]);
            assert_true(c.lower[b] <= c.observed[b] && c.observed[b] <= c.upper[b]);
            rows_seen += c.count[b];
        }
        assert_true(rows_seen == (double)n);
        assert_true(c.error.ci.lower <= c.error.value && c.error.value <= c.error.ci.upper);
        onus_arena_release(&arena);
    }
}

/* A calibrated model's error is zero, and one that exaggerates by a known amount has a known
 * one: the interval holds it in 95 of 100 samples. */
static void calibration_bounds_cover(void **state)
{
    (void)state;
    enum { TRIES = 400, N = 200 };
    static float p[N];
    static bool came[N];
    for (int off = 0; off < 2; off++) {
        draws d = {off + 1u};
        int covered = 0, proven = 0;
        for (int t = 0; t < TRIES; t++) {
            onus_calibration c;
            onus_arena arena;
            onus_arena_init(&arena, NULL);
            for (int i = 0; i < N; i++) {
                const double truth = .05 + .7 * draw_next(&d);
                p[i] = (float)(truth + .2 * off); /* every gap is 0.2 */
                came[i] = draw_next(&d) < truth;
            }
            assert_int_equal(onus_calibrate(&c, p, came, N, &arena, NULL), ONUS_OK);
            covered += c.error.ci.lower <= .2 * off && .2 * off <= c.error.ci.upper;
            proven += c.error.ci.lower > 0;
            onus_arena_release(&arena);
        }
        assert_true(covered >= .95 * TRIES - 3 * sqrt(.05 * .95 * TRIES));
        assert_true(off ? proven > .9 * TRIES : proven < .05 * TRIES);
    }
}

static void a_long_curve_is_thinned(void **state)
{
    (void)state;
    static float label[20000], score[20000];
    onus_ranking k;
    onus_arena arena;
    onus_arena_init(&arena, NULL);
    draws d = {3};
    for (int i = 0; i < 20000; i++) {
        score[i] = (float)draw_next(&d);
        label[i] = draw_next(&d) < (double)score[i];
    }
    assert_int_equal(onus_rank(&k, label, score, 20000, &arena, NULL), ONUS_OK);
    assert_int_equal(k.n_points, ONUS_ROC_POINTS);
    assert_true(k.fpr[0] == 0 && k.tpr[0] == 0 && k.fpr[255] == 1 && k.tpr[255] == 1);
    double area = 0; /* the trapezes of what is left are nearly the area */
    for (int i = 1; i < 256; i++) {
        assert_true(k.fpr[i] >= k.fpr[i - 1] && k.tpr[i] >= k.tpr[i - 1]);
        area += (k.fpr[i] - k.fpr[i - 1]) * (k.tpr[i] + k.tpr[i - 1]) / 2;
    }
    assert_float_equal(area, k.auc.value, 1e-3);
    onus_arena_release(&arena);
}

/* Two verdicts on the same 1,600 people (Agresti 2013, Categorical Data Analysis, 11.1.1: 794
 * and 570 agree, 150 and 86 do not; 0.04, 95% from 0.02 to 0.06), here with half a row more a
 * cell. */
static void the_gain_is_of_pairs(void **state)
{
    (void)state;
    static const struct {
        int64_t n;
        int label, decision;
    } cells[] = {{794, 1, 1}, {150, 0, 0}, {86, 1, 0}, {570, 0, 1}};
    rows_begin(&r, ONUS_TASK_BINARY, 1600, 2);
    r.p.score = NULL;
    int64_t i = 0;
    for (size_t c = 0; c < 4; c++) {
        for (int64_t k = 0; k < cells[c].n; k++, i++) {
            r.label[i] = (float)cells[c].label;
            r.decision[i] = cells[c].decision;
        }
    }
    audit();
    near(&s, "accuracy.baseline", 0.55, 1e-15);
    near(&s, "accuracy.gain", 0.04, 1e-15);
    near(&s, "accuracy.gain.lower", 0.021217189117972622, 1e-14);
    near(&s, "accuracy.gain.upper", 0.05868293572597245, 1e-14);
    near(&s, "accuracy.gain.n", 1600, 0);
    end();
}

static void decisions_from_scores(void **state)
{
    (void)state;
    static const float two[] = {.5f, .49999997f, 1, 0},
                       three[] = {.2f, .4f, .4f, .4f, .3f, .3f};
    int32_t d[4];
    onus_decide(ONUS_TASK_BINARY, two, 4, 2, d);
    assert_true(d[0] == 1 && d[1] == 0 && d[2] == 1 && d[3] == 0);
    onus_decide(ONUS_TASK_CLASSES, three, 2, 3, d);
    assert_true(d[0] == 1 && d[1] == 0); /* ties to the lowest */
}

/* ---- where measures end ------------------------------------------------------------------ */

static void one_class_only(void **state)
{
    (void)state;
    rows_decided(&r, "00000000", "00100000");
    for (int i = 0; i < 8; i++) r.score[i] = (float)i / 8;
    r.p.score = r.score;
    audit();
    near(&s, "accuracy", .875, 1e-15);
    static const char *const none[] = {"balanced_accuracy", "recall", "recall.macro", "auc",
                                       "average_precision"};
    for (int i = 0; i < 5; i++) {
        char name[64];
        undefined(&s, none[i]);
        snprintf(name, sizeof name, "%s.lower", none[i]);
        undefined(&s, name);
        snprintf(name, sizeof name, "%s.reason", none[i]);
        assert_true(strlen(text(&s, name)) > 5);
        snprintf(name, sizeof name, "%s.method", none[i]);
        assert_null(onus_facts_find(s.facts, name));
    }
    reads(&s, "auc.reason", "the labels are all of one class");
    near(&s, "precision", 0, 0); /* one positive decision, wrong: defined */
    near(&s, "f1", 0, 0);
    int64_t n = -1;
    array(&s, "roc.fpr", &n);
    assert_int_equal(n, 0);
    end();
    rows_decided(&r, "11110000", "00000000");
    audit();
    undefined(&s, "precision");
    reads(&s, "precision.reason", "no decision is positive");
    near(&s, "recall", 0, 0);
    near(&s, "balanced_accuracy", .5, 0);
    undefined(&s, "precision.macro");
    end();
}

/* Everything right is no certainty: no interval is a point. */
static void perfect_is_not_certain(void **state)
{
    (void)state;
    rows_decided(&r, "0000011111", "0000011111");
    for (int i = 0; i < 10; i++) r.score[i] = i < 5 ? 0 : 1;
    r.p.score = r.score;
    audit();
    static const char *const all[] = {
        "accuracy", "balanced_accuracy", "precision", "recall",
        "f1",       "f1.macro",          "auc",       "average_precision"};
    for (int i = 0; i < 8; i++) {
        char name[64];
        near(&s, all[i], 1, 0);
        snprintf(name, sizeof name, "%s.lower", all[i]);
        assert_true(number(&s, name) < .8 && number(&s, name) > .3);
        snprintf(name, sizeof name, "%s.upper", all[i]);
        near(&s, name, 1, 1e-12);
    }
    near(&s, "log_loss", -log1p(-0x1p-23), 1e-15); /* clamped, both sides */
    near(&s, "calibration_error", 0, 0);
    assert_true(number(&s, "calibration_error.upper") > .1);
    end();
    for (int i = 0; i < 10; i++) r.score[i] = 1 - r.score[i];
    audit();
    near(&s, "auc", 0, 0);
    near(&s, "auc.lower", 0, 1e-12);
    assert_true(number(&s, "auc.upper") > .1);
    near(&s, "log_loss", 23 * log(2), 1e-12);
    end();
}

static void scores_that_are_none(void **state)
{
    (void)state;
    rows_binary(&r, 50, 1, 0.5, 16);
    r.p.score_is_probability = false;
    audit();
    assert_true(number(&s, "auc") > 0);
    undefined(&s, "log_loss");
    undefined(&s, "brier");
    undefined(&s, "calibration_error");
    reads(&s, "brier.reason", "the scores are no probabilities: some lie outside 0 to 1");
    end();
    r.p.score = NULL;
    audit();
    undefined(&s, "auc");
    undefined(&s, "log_loss");
    reads(&s, "auc.reason", "there are decisions, but no scores");
    end();
}

static void classes_that_do_not_occur(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c.d"};
    rows_decided(&r, "001100", "001111");
    r.p.n_classes = 3;
    r.p.class_names = names;
    r.p.task = ONUS_TASK_CLASSES;
    audit();
    near(&s, "balanced_accuracy", .75, 1e-15); /* of a and b: 1/2, 1 */
    near(&s, "precision.macro", .75, 1e-15);   /* 2/2, 2/4 */
    near(&s, "f1.macro", 2. / 3, 1e-15);       /* a 2*2/6, b 2*2/6 */
    undefined(&s, "class.c%2Ed.f1");
    undefined(&s, "class.c%2Ed.recall");
    near(&s, "confusion.c%2Ed.c%2Ed", 0, 0);
    end();
    for (int i = 0; i < 6; i++) r.decision[i] = 2;
    audit();
    near(&s, "balanced_accuracy", 0, 0);
    undefined(&s, "precision.macro"); /* a and b occur and are never decided */
    end();
}

/* A thousand classes: the event still fits into a line of the ledger. */
static void very_many_classes(void **state)
{
    (void)state;
    static char word[1000][64];
    static const char *names[1000];
    for (int i = 0; i < 1000; i++) {
        snprintf(word[i], sizeof word[i], "a class with rather a long name, %d", i);
        names[i] = word[i];
    }
    for (int k = 20; k <= 1000; k += 140) {
        onus_buf json;
        onus_buf_init(&json, NULL, 64 << 20);
        rows_begin(&r, ONUS_TASK_CLASSES, 4000, k);
        r.p.score = NULL;
        r.p.class_names = names;
        for (int i = 0; i < 4000; i++) {
            r.label[i] = (float)(i % k);
            r.decision[i] = i % 7 ? i % k : i * 31 % k;
        }
        audit();
        assert_int_equal(onus_facts_json(s.facts, &json, NULL), ONUS_OK);
        assert_true(json.len < 1 << 20);
        assert_true(number(&s, "f1.macro") > .5);
        if (k < 100)
            assert_true(number(&s, "confusion.a class with rather a long name, 0.a class with "
                                   "rather a long name, 0") > 1);
        if (k > 900)
            reads(&s, "class.reason", "too many classes to be told apart in one event");
        onus_buf_release(&json);
        end();
    }
}

static void few_numbers(void **state)
{
    (void)state;
    rows_begin(&r, ONUS_TASK_REGRESSION, 1, 0);
    r.label[0] = 3;
    r.score[0] = 5;
    audit();
    near(&s, "mae", 2, 0);
    undefined(&s, "mae.lower");
    undefined(&s, "r2");
    end();
    rows_begin(&r, ONUS_TASK_REGRESSION, 5, 0);
    for (int i = 0; i < 5; i++) r.score[i] = (float)i;
    audit();
    undefined(&s, "r2");
    reads(&s, "r2.reason", "the label never changes");
    end();
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    const onus_sink sink = said_begin(&s);
    onus_err err;
    rows_binary(&r, 10, 1, 0.5, 16);
    r.score[4] = NAN;
    assert_int_equal(onus_audit_quality(&r.p, &sink, NULL, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "row 5"));
    rows_binary(&r, 10, 1, 0.5, 16);
    r.label[9] = .5f;
    assert_int_equal(onus_audit_quality(&r.p, &sink, NULL, &err), ONUS_BAD_INPUT);
    rows_binary(&r, 10, 1, 0.5, 16);
    r.decision[2] = 2;
    assert_int_equal(onus_audit_quality(&r.p, &sink, NULL, &err), ONUS_BAD_INPUT);
    rows_numbers(&r, 10, 1);
    r.label[0] = INFINITY;
    assert_int_equal(onus_audit_quality(&r.p, &sink, NULL, &err), ONUS_BAD_INPUT);
    r.p.score = NULL;
    assert_int_equal(onus_audit_quality(&r.p, &sink, NULL, NULL), ONUS_BAD_ARG);
    assert_int_equal(s.events, 0);
    end();
}

static onus_status refuse(void *ctx, const onus_event *e, onus_err *err)
{
    (void)ctx, (void)e, (void)err;
    return ONUS_IO;
}

static onus_status audit_with(const onus_allocator *mem, void *ctx, onus_err *err)
{
    return onus_audit_quality(ctx, NULL, mem, err);
}

static void failures_are_passed_on(void **state)
{
    (void)state;
    const onus_sink sink = {.emit = refuse};
    rows_binary(&r, 40, 1, 0.5, 16);
    assert_int_equal(onus_audit_quality(&r.p, &sink, NULL, NULL), ONUS_IO);
    failing_mem_walk("quality of two classes", audit_with, &r.p);
    rows_classes(&r, 40, 4, 2);
    failing_mem_walk("quality of four classes", audit_with, &r.p);
    rows_numbers(&r, 40, 2);
    assert_int_equal(onus_audit_quality(&r.p, &sink, NULL, NULL), ONUS_IO);
    failing_mem_walk("quality of numbers", audit_with, &r.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_classes_with_ties),
        cmocka_unit_test(a_rare_class),
        cmocka_unit_test(four_classes),
        cmocka_unit_test(numbers_against_numbers),
        cmocka_unit_test(calibration_by_hand),
        cmocka_unit_test(calibration_bins_hold_ten),
        cmocka_unit_test(calibration_bounds_cover),
        cmocka_unit_test(a_long_curve_is_thinned),
        cmocka_unit_test(the_gain_is_of_pairs),
        cmocka_unit_test(decisions_from_scores),
        cmocka_unit_test(one_class_only),
        cmocka_unit_test(perfect_is_not_certain),
        cmocka_unit_test(scores_that_are_none),
        cmocka_unit_test(classes_that_do_not_occur),
        cmocka_unit_test(very_many_classes),
        cmocka_unit_test(few_numbers),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(failures_are_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
