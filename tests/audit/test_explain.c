/* SPDX-License-Identifier: Apache-2.0
 * Goal: explanations are interventional Shapley values: exact where they say so, within their
 * standard error where drawn, the same bits however they are computed, and nothing about single
 * people reaches an event. Method: games solved by hand, every coalition of every column
 * enumerated plainly, shap's exact explainer on the same net, properties. */
#include "auditing.h"

#include <unistd.h>

#include "audit/explain_parts.h"
#include "expected_shapley.h"
#include "net/model.h"
#include "train/train.h"
#include "model_spec.h"

static char path[64];

static const onus_explain_spec usual = {
    .rows = 8, .background = 20, .exact_columns = 16, .permutations = 2, .output = -1};

/* ---- tables and nets --------------------------------------------------------------------- */

static int make_file(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/onus-test-explain-XXXXXX");
    const int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

/* Reads the CSV: numbers as they are, half of the rows to train on. */
static onus_dataset *open_table(const char *csv, const char *positive, bool label_number)
{
    const char *dir = path;
    FILE *f = fopen(dir, "w");
    assert_non_null(f);
    fputs(csv, f);
    fclose(f);
    const onus_data_spec spec = {.recipe = "test",
                                 .base_dir = ".",
                                 .source = path,
                                 .label = "y",
                                 .positive = positive,
                                 .label_number = label_number,
                                 .protected_none = true,
                                 .keep_constant = true,
                                 .scale = ONUS_SCALE_NONE,
                                 .train = .5,
                                 .valid = .25,
                                 .test = .25};
    const onus_sink sink = {.emit = NULL};
    onus_dataset *d = NULL;
    onus_err err = {.msg = ""};
    if (onus_dataset_open(&d, &spec, NULL, 1, &sink, NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    return d;
}

/* The table and the net of make_shapley.py. */
static onus_dataset *open_drawn(const char *positive, bool label_number)
{
    static char csv[8192];
    draws d = {21};
    int n = sprintf(csv, "a,b,c,d,e,f,y\n");
    for (int i = 0; i < 40; i++) {
        for (int k = 0; k < 4; k++)
            n += sprintf(csv + n, "%g,", (double)(int)(draw_next(&d) * 9) / 4 - 1);
        const int e = (int)(draw_next(&d) * 3), f = (int)(draw_next(&d) * 2);
        n += sprintf(csv + n, "%c,%c,%d\n", "xyz"[e], "pq"[f], positive ? i % 2 : i % 5);
    }
    return open_table(csv, positive, label_number);
}

/* A net whose predictions are shift + scale times its logits. */
static onus_net *build_unit(const onus_dataset *d, const char *kind, const int64_t *hidden,
                            int64_t n_hidden, double shift, double scale)
{
    const onus_model_spec spec = {.kind = kind,
                                  .settings =
                                      n_hidden ? mlp_settings(hidden, n_hidden, NULL, 0) : NULL,
                                  .label_shift = shift,
                                  .label_scale = scale};
    const onus_task task = onus_dataset_task(d);
    onus_net *net = NULL;
    onus_err err = {.msg = ""};
    if (build_columns(&net, &spec, onus_dataset_features(d),
                      task == ONUS_TASK_BINARY    ? ONUS_HEAD_BINARY
                      : task == ONUS_TASK_CLASSES ? ONUS_HEAD_CLASSES
                                                  : ONUS_HEAD_VALUE,
                      onus_dataset_classes(d), NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    return net;
}

static onus_net *build(const onus_dataset *d, const char *kind, const int64_t *hidden,
                       int64_t n_hidden)
{
    return build_unit(d, kind, hidden, n_hidden, 0, 1);
}

static float *tensor(onus_net *net, const char *name)
{
    for (int i = 0; i < onus_net_tensors(net); i++) {
        const onus_tensor *t = onus_net_tensor(net, i);
        if (strcmp(t->name, name) == 0) return onus_net_params(net) + t->offset;
    }
    fail_msg("the net has no %s", name);
    return NULL;
}

static onus_net *build_drawn(const onus_dataset *d)
{
    static const int64_t hidden[] = {8, 4};
    onus_net *net = build(d, "mlp", hidden, 2);
    static const struct {
        const char *name;
        int n;
    } parts[] = {{"layers.0.weight", 72}, {"layers.0.bias", 8},   {"layers.1.weight", 32},
                 {"layers.1.bias", 4},    {"layers.2.weight", 4}, {"layers.2.bias", 1}};
    draws w = {22};
    for (int p = 0; p < 6; p++) {
        float *t = tensor(net, parts[p].name);
        for (int i = 0; i < parts[p].n; i++) t[i] = (float)(int)(draw_next(&w) * 65) / 32 - 1;
    }
    return net;
}

static void explain(onus_explanation *x, onus_net *net, const onus_dataset *d, int n_rows,
                    int first_background, int n_background, const onus_explain_spec *spec)
{
    int64_t row[64], background[256];
    for (int i = 0; i < n_rows; i++) row[i] = i;
    for (int i = 0; i < n_background; i++) background[i] = first_background + i;
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    onus_err err = {.msg = ""};
    if (onus_explain(x, net, &ex, d, row, n_rows, background, n_background, spec, 7, NULL,
                     &err) != ONUS_OK)
        fail_msg("%s", err.msg);
}

/* ---- games solved by hand ---------------------------------------------------------------- */

/* relu(s - 10) + 3 relu(s + 1) - 1, s the sum of x = (20, 50, 30), against (0, 0, 0): 76.667,
 * 196.667, 116.667, 390 in all. */
static void a_game_from_the_literature(void **state)
{
    (void)state;
    static const int64_t hidden[] = {2};
    onus_dataset *d =
        open_table("a,b,c,y\n20,50,30,1\n0,0,0,2\n1,2,3,3\n4,5,6,4\n", NULL, true);
    onus_net *net = build(d, "mlp", hidden, 1);
    for (int i = 0; i < 6; i++) tensor(net, "layers.0.weight")[i] = 1;
    tensor(net, "layers.0.bias")[0] = -10;
    tensor(net, "layers.0.bias")[1] = 1;
    tensor(net, "layers.1.weight")[0] = 1;
    tensor(net, "layers.1.weight")[1] = 3;
    tensor(net, "layers.1.bias")[0] = -1;
    onus_explanation x;
    explain(&x, net, d, 1, 1, 1, &usual);
    assert_float_equal(x.values[0], 76 + 2. / 3, 1e-4);
    assert_float_equal(x.values[1], 196 + 2. / 3, 1e-4);
    assert_float_equal(x.values[2], 116 + 2. / 3, 1e-4);
    assert_float_equal(x.values[0] + x.values[1] + x.values[2], 390, 1e-4);
    assert_float_equal(x.score[0], 392, 1e-4); /* 90 + 303 - 1 */
    assert_float_equal(x.base[0], 2, 1e-6);    /* 0 + 3 - 1 */
    assert_true(x.residual < 1e-4);
    assert_true(x.evaluations == 8 && x.pairs_exact == 1 && x.pairs_sampled == 0);
    assert_true(x.columns_differing_mean == 3);
    onus_explanation_release(&x);
    onus_net_destroy(net);
    onus_dataset_close(d);
}

/* The same game where the label was scaled by 1/2048 and 3000 taken off: values and scores are
 * in its unit. */
static void values_are_in_the_unit_of_the_label(void **state)
{
    (void)state;
    onus_dataset *d =
        open_table("a,b,c,y\n20,50,30,1\n0,0,0,2\n1,2,3,3\n4,5,6,4\n", NULL, true);
    onus_net *net = build_unit(d, "linear", NULL, 0, 3000, 2048);
    static const float w[] = {0.5f, -0.25f, 2};
    memcpy(tensor(net, "layers.0.weight"), w, sizeof w);
    tensor(net, "layers.0.bias")[0] = 1;
    onus_explanation x;
    explain(&x, net, d, 1, 1, 1, &usual);
    assert_float_equal(x.values[0], 2048 * 0.5 * 20, 0.01);
    assert_float_equal(x.values[1], 2048 * -0.25 * 50, 0.01);
    assert_float_equal(x.values[2], 2048 * 2.0 * 30, 0.01);
    assert_float_equal(x.base[0], 3000 + 2048 * 1, 0.01);
    assert_float_equal(x.score[0], 3000 + 2048 * (1 + 10 - 12.5 + 60), 0.01);
    assert_true(x.residual < 0.05);
    onus_explanation_release(&x);
    onus_net_destroy(net);
    onus_dataset_close(d);
}

/* A linear model's values are w (x - mean of the background). */
static void a_linear_model(void **state)
{
    (void)state;
    onus_dataset *d = open_drawn(NULL, true);
    onus_net *net = build(d, "linear", NULL, 0);
    const float w[] = {.5f, -1, 2, .25f, 1, 2, 3, -1, 1};
    memcpy(tensor(net, "layers.0.weight"), w, sizeof w);
    tensor(net, "layers.0.bias")[0] = 5;
    onus_explanation x;
    explain(&x, net, d, 8, 20, 20, &usual);
    float row[9], all[20 * 9];
    for (int64_t i = 0; i < 8; i++) {
        onus_dataset_fetch(d, &i, 1, row, NULL, NULL);
        for (int64_t j = 0; j < 20; j++)
            onus_dataset_fetch(d, (const int64_t[]){20 + j}, 1, all + 9 * j, NULL, NULL);
        double want[6] = {0};
        for (int f = 0; f < 9; f++) {
            double mean = 0;
            for (int j = 0; j < 20; j++) mean += (double)all[9 * j + f] / 20;
            want[f < 4 ? f : f < 7 ? 4 : 5] += (double)w[f] * ((double)row[f] - mean);
        }
        for (int c = 0; c < 6; c++) assert_float_equal(x.values[6 * i + c], want[c], 2e-6);
    }
    onus_explanation_release(&x);
    onus_net_destroy(net);
    onus_dataset_close(d);
}

/* ---- against others ---------------------------------------------------------------------- */

static void a_peer_agrees(void **state)
{
    (void)state;
    onus_dataset *d = open_drawn(NULL, true);
    onus_net *net = build_drawn(d);
    onus_explanation x;
    explain(&x, net, d, 8, 20, 20, &usual);
    assert_int_equal(x.n_columns, 6);
    for (int i = 0; i < 8; i++)
        for (int c = 0; c < 6; c++)
            assert_float_equal(x.values[6 * i + c], shapley[i][c], 1e-6);
    onus_explanation_release(&x);
    onus_net_destroy(net);
    onus_dataset_close(d);
}

/* The game of one pair, plainly: every coalition of every column, whether it differs or not, is
 * a row of its own through the whole net. */
static void enumerate(onus_net *net, const onus_dataset *d, int64_t row, int64_t background,
                      int64_t output, double *values)
{
    const int64_t C = onus_dataset_columns(d), F = onus_dataset_features(d),
                  n = (int64_t)1 << C, O = onus_net_outputs(net);
    float *x = calloc((size_t)(3 * F), sizeof *x), *b = x + F, *mixed = b + F;
    double *v = calloc((size_t)n, sizeof *v);
    onus_plan *plan;
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    const onus_batch one = {.B = 1};
    assert_int_equal(onus_plan_create(&plan, net, &ex, ONUS_PLAN_PREDICT, 1, NULL, NULL),
                     ONUS_OK);
    onus_dataset_fetch(d, &row, 1, x, NULL, NULL);
    onus_dataset_fetch(d, &background, 1, b, NULL, NULL);
    for (int64_t m = 0; m < n; m++) {
        for (int64_t c = 0; c < C; c++) {
            const onus_input_column *column = onus_dataset_column(d, c);
            memcpy(mixed + column->first, (m >> c & 1 ? x : b) + column->first,
                   (size_t)column->n * sizeof *x);
        }
        memcpy(onus_plan_input(plan), mixed, (size_t)F * sizeof *x);
        onus_plan_forward(plan, &one);
        v[m] = (double)onus_plan_prediction(plan)[O == 1 ? 0 : output];
    }
    double factorial[24] = {1};
    for (int k = 1; k < 24; k++) factorial[k] = k * factorial[k - 1];
    for (int64_t c = 0; c < C; c++) {
        for (int64_t m = 0; m < n; m++) {
            const int k = __builtin_popcountll((uint64_t)m);
            if (m >> c & 1) continue;
            values[c] += factorial[k] * factorial[C - k - 1] / factorial[C] *
                         (v[m | (int64_t)1 << c] - v[m]);
        }
    }
    onus_plan_destroy(plan);
    free(x);
    free(v);
}

static void every_coalition_enumerated(void **state)
{
    (void)state;
    static const int64_t hidden[] = {7, 5};
    onus_dataset *d = open_drawn("1", false);
    onus_net *net = build(d, "mlp", hidden, 2);
    onus_net_init(net, 3);
    onus_explanation x;
    explain(&x, net, d, 6, 10, 7, &usual);
    double differing = 0;
    for (int i = 0; i < 6; i++) {
        double want[6] = {0};
        for (int j = 10; j < 17; j++) enumerate(net, d, i, j, 0, want);
        for (int c = 0; c < 6; c++) assert_float_equal(x.values[6 * i + c], want[c] / 7, 1e-7);
    }
    differing = x.columns_differing_mean;
    assert_true(differing > 3 && differing < 6); /* some columns agree and are no players */
    assert_true(x.pairs_sampled == 0 && x.residual < 1e-6);
    onus_explanation_release(&x);
    onus_net_destroy(net);
    onus_dataset_close(d);
}

/* Three classes: the decided one's probability where no class is named, else the named
 * one's. */
static void classes_are_explained(void **state)
{
    (void)state;
    static const int64_t hidden[] = {5};
    onus_dataset *d = open_drawn(NULL, false);
    onus_net *net = build(d, "mlp", hidden, 1);
    onus_net_init(net, 5);
    assert_int_equal(onus_net_outputs(net), 5);
    for (int output = -1; output < 2; output++) {
        onus_explain_spec spec = usual;
        spec.output = output;
        onus_explanation x;
        explain(&x, net, d, 4, 20, 3, &spec);
        const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
        const int64_t rows_of[] = {0, 1, 2, 3};
        float p[4 * 5];
        assert_int_equal(onus_predict(net, &ex, d, rows_of, 4, p, NULL, NULL), ONUS_OK);
        for (int i = 0; i < 4; i++) {
            int best = 0;
            for (int c = 1; c < 5; c++) best = p[5 * i + c] > p[5 * i + best] ? c : best;
            const int of = output < 0 ? best : output;
            double want[6] = {0};
            for (int j = 20; j < 23; j++) enumerate(net, d, i, j, of, want);
            for (int c = 0; c < 6; c++)
                assert_float_equal(x.values[6 * i + c], want[c] / 3, 1e-7);
            assert_float_equal(x.score[i], (double)p[5 * i + of], 1e-7);
        }
        onus_explanation_release(&x);
    }
    onus_net_destroy(net);
    onus_dataset_close(d);
}

/* A net that does not begin with a dense layer is explained through its input. */
static void a_net_that_begins_otherwise(void **state)
{
    (void)state;
    onus_dataset *d = open_drawn(NULL, true);
    onus_net *net;
    const onus_shape in = {.n = 1, .d = {9}};
    int bent, out, loss;
    const onus_attr_value units = {"units", 1};
    assert_int_equal(onus_net_create(&net, &in, NULL, NULL), ONUS_OK);
    assert_int_equal(
        onus_net_add(net, "tanh", "bend", (const int[]){0}, 1, NULL, 0, &bent, NULL), ONUS_OK);
    assert_int_equal(onus_net_add(net, "dense", "out", &bent, 1, &units, 1, &out, NULL),
                     ONUS_OK);
    assert_int_equal(onus_net_add(net, "squared_error", "loss", &out, 1, NULL, 0, &loss, NULL),
                     ONUS_OK);
    assert_int_equal(onus_net_seal(net, out, out, loss, NULL), ONUS_OK);
    onus_net_init(net, 4);
    onus_explanation x;
    explain(&x, net, d, 3, 20, 3, &usual);
    for (int i = 0; i < 3; i++) {
        double want[6] = {0};
        for (int j = 20; j < 23; j++) enumerate(net, d, i, j, 0, want);
        for (int c = 0; c < 6; c++) assert_float_equal(x.values[6 * i + c], want[c] / 3, 1e-6);
    }
    onus_explanation_release(&x);
    onus_net_destroy(net);
    onus_dataset_close(d);
}

/* ---- real people: exact, drawn, in parallel ---------------------------------------------- */

typedef struct {
    onus_dataset *d;
    onus_net *net;
} credit;

static credit open_credit(void)
{
    static const int64_t hidden[] = {16, 8};
    static const onus_protected_spec sex = {.column = "sex"};
    static const onus_data_spec spec = {.recipe = "test",
                                        .base_dir = ".",
                                        .source = "data/german_credit.csv",
                                        .label = "risk",
                                        .positive = "good",
                                        .protected_ = &sex,
                                        .n_protected = 1,
                                        .train = 0.7,
                                        .valid = 0.1,
                                        .test = 0.2};
    const onus_sink sink = {.emit = NULL};
    credit c = {NULL, NULL};
    onus_err err = {.msg = ""};
    if (onus_dataset_open(&c.d, &spec, NULL, 1, &sink, NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    c.net = build(c.d, "mlp", hidden, 2);
    onus_net_init(c.net, 11);
    return c;
}

static void close_credit(credit *c)
{
    onus_net_destroy(c->net);
    onus_dataset_close(c->d);
}

/* Drawn values stray from the exact ones as far as their standard errors say: of some hundreds
 * the mean squared distance in standard errors is near one, and hardly one is four away. */
static void drawn_values_keep_their_errors(void **state)
{
    (void)state;
    credit c = open_credit();
    onus_explain_spec spec = usual;
    onus_explanation exact, drawn;
    explain(&exact, c.net, c.d, 12, 500, 20, &spec);
    spec.exact_columns = 0;
    spec.permutations = 8;
    explain(&drawn, c.net, c.d, 12, 500, 20, &spec);
    assert_true(exact.pairs_exact > .9 * 240);
    assert_true(drawn.pairs_exact == 0 && drawn.pairs_sampled == 240);
    double square = 0;
    int n = 0, far = 0;
    for (int64_t i = 0; i < 12 * exact.n_columns; i++) {
        const double se = sqrt(drawn.std_error[i] * drawn.std_error[i] +
                               exact.std_error[i] * exact.std_error[i]),
                     gap = drawn.values[i] - exact.values[i];
        if (se < 1e-9) {
            assert_float_equal(gap, 0, 1e-7);
            continue;
        }
        square += gap * gap / (se * se);
        far += fabs(gap) > 4 * se;
        n++;
    }
    assert_true(n > 150);
    assert_true(square / n > .6 && square / n < 1.6);
    assert_true(far <= n / 100);
    assert_true(drawn.residual < 1e-6); /* whatever is drawn, the sum is the score's */
    onus_explanation_release(&exact);
    onus_explanation_release(&drawn);
    close_credit(&c);
}

/* One pair of permutations: nobody knows how far off it is. */
static void one_pair_has_no_error(void **state)
{
    (void)state;
    credit c = open_credit();
    onus_explain_spec spec = usual;
    spec.exact_columns = 0;
    spec.permutations = 1;
    onus_explanation x;
    explain(&x, c.net, c.d, 2, 500, 3, &spec);
    bool some = false;
    for (int64_t i = 0; i < 2 * x.n_columns; i++) some = some || isnan(x.std_error[i]);
    assert_true(some);
    said s;
    const onus_sink sink = said_begin(&s);
    assert_int_equal(onus_explanation_emit(&x, NULL, c.d, &sink, NULL), ONUS_OK);
    undefined(&s, "explain.std_error.max");
    near(&s, "explain.exact", 0, 0);
    onus_facts_destroy(s.facts);
    onus_explanation_release(&x);
    close_credit(&c);
}

static void explain_on(onus_explanation *x, const credit *c, onus_isa isa, int threads,
                       const onus_explain_spec *spec)
{
    int64_t row[9], background[10];
    for (int i = 0; i < 9; i++) row[i] = 3 * i;
    for (int i = 0; i < 10; i++) background[i] = 400 + i;
    onus_pool *pool = NULL;
    if (threads > 1) assert_int_equal(onus_pool_create(&pool, threads, NULL, NULL), ONUS_OK);
    const onus_exec ex = {.k = onus_kernels_of(isa), .pool = pool};
    assert_int_equal(
        onus_explain(x, c->net, &ex, c->d, row, 9, background, 10, spec, 7, NULL, NULL),
        ONUS_OK);
    onus_pool_destroy(pool);
}

/* What was counted while explaining; of more rows than are looked at, so many times a row's. */
static void the_work_is_known_before(void **state)
{
    (void)state;
    credit c = open_credit();
    int64_t row[9], background[10];
    static int64_t many[50000];
    for (int i = 0; i < 9; i++) row[i] = 3 * i;
    for (int i = 0; i < 10; i++) background[i] = 400 + i;
    onus_explain_spec spec = usual;
    spec.exact_columns = 11; /* some pairs are drawn */
    spec.shapley = true;
    onus_explanation x;
    double work = -1;
    explain_on(&x, &c, ONUS_ISA_REF, 1, &spec);
    assert_true(x.pairs_exact > 0 && x.pairs_sampled > 0);
    assert_int_equal(onus_explain_work(&work, c.d, row, 9, background, 10, &spec, NULL, NULL),
                     ONUS_OK);
    assert_true(work == x.evaluations);
    assert_int_equal(onus_explain_work(&work, c.d, many, 1, background, 10, &spec, NULL, NULL),
                     ONUS_OK);
    const double one = work;
    assert_int_equal(
        onus_explain_work(&work, c.d, many, 50000, background, 10, &spec, NULL, NULL), ONUS_OK);
    assert_true(fabs(work / (50000 * one) - 1) < 1e-12);
    spec.shapley = false;
    spec.relevance = true; /* a row and a reference: two */
    assert_int_equal(onus_explain_work(&work, c.d, row, 9, background, 10, &spec, NULL, NULL),
                     ONUS_OK);
    assert_true(work == 2 * 9 * 10);
    onus_explanation_release(&x);
    close_credit(&c);
}

static void same_bits_everywhere(void **state)
{
    (void)state;
    credit c = open_credit();
    onus_explain_spec spec = usual;
    spec.exact_columns = 11; /* some pairs are drawn */
    onus_explanation want, x;
    explain_on(&want, &c, onus_isa_best(), 1, &spec);
    assert_true(want.pairs_exact > 0 && want.pairs_sampled > 0);
    const size_t bytes = (size_t)(9 * want.n_columns) * sizeof *want.values;
    int sets = 0;
    for (onus_isa isa = ONUS_ISA_REF; isa < ONUS_ISA_COUNT; isa++) {
        if (!onus_kernels_of(isa)) continue;
        sets++;
        for (int threads = isa == ONUS_ISA_REF ? 3 : 1; threads <= 3; threads++) {
            explain_on(&x, &c, isa, threads, &spec);
            assert_memory_equal(x.values, want.values, bytes);
            assert_memory_equal(x.std_error, want.std_error, bytes);
            assert_memory_equal(x.mean_abs, want.mean_abs, (size_t)want.n_columns * 8);
            assert_true(x.evaluations == want.evaluations && x.residual == want.residual);
            onus_explanation_release(&x);
        }
    }
    assert_true(sets >= 1);
    onus_explanation_release(&want);
    close_credit(&c);
}

/* Walks longer than a chunk of 256 rows, and the first coalitions past it, are put together
 * rightly: against the sum over players, which telescopes, and against one player alone. */
static void long_walks(void **state)
{
    (void)state;
    enum { COLUMNS = 300 };
    static char csv[1 << 16];
    int n = 0;
    for (int c = 0; c < COLUMNS; c++) n += sprintf(csv + n, "c%d,", c);
    n += sprintf(csv + n, "y\n");
    for (int i = 0; i < 6; i++) {
        for (int c = 0; c < COLUMNS; c++)
            n += sprintf(csv + n, "%d,", (i * 7 + c * 3) % 11 - 5);
        n += sprintf(csv + n, "%d\n", i);
    }
    onus_dataset *d = open_table(csv, NULL, true);
    onus_net *net = build(d, "linear", NULL, 0);
    onus_net_init(net, 9);
    onus_explanation x;
    explain(&x, net, d, 1, 1, 1, &usual);
    assert_true(x.pairs_sampled == 1 && x.columns_differing_mean > 256);
    float row[COLUMNS], other[COLUMNS];
    onus_dataset_fetch(d, (const int64_t[]){0}, 1, row, NULL, NULL);
    onus_dataset_fetch(d, (const int64_t[]){1}, 1, other, NULL, NULL);
    const float *w = tensor(net, "layers.0.weight");
    for (int c = 0; c < COLUMNS; c++)
        assert_float_equal(x.values[c], (double)w[c] * (double)(row[c] - other[c]), 2e-5);
    assert_true(x.residual < 1e-4);
    onus_explanation_release(&x);
    onus_net_destroy(net);
    onus_dataset_close(d);
}

/* ---- relevance --------------------------------------------------------------------------- */

static void relevance_of(onus_explanation *x, onus_net *net, const onus_dataset *d, int n_rows,
                         int first_background, int n_background)
{
    int64_t row[64], background[256];
    for (int i = 0; i < n_rows; i++) row[i] = i;
    for (int i = 0; i < n_background; i++) background[i] = first_background + i;
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    onus_err err = {.msg = ""};
    if (onus_explain_relevance(x, net, &ex, d, row, n_rows, background, n_background, &usual,
                               NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
}

/* Of a linear model both ways are w (x - mean of the background), and they agree wholly. */
static void of_a_linear_model_relevance_is_shapley(void **state)
{
    (void)state;
    onus_dataset *d = open_drawn(NULL, true);
    onus_net *net = build_unit(d, "linear", NULL, 0, 3, 16);
    const float w[] = {.5f, -1, 2, .25f, 1, 2, 3, -1, 1};
    memcpy(tensor(net, "layers.0.weight"), w, sizeof w);
    tensor(net, "layers.0.bias")[0] = 5;
    onus_explanation x, r;
    explain(&x, net, d, 8, 20, 20, &usual);
    relevance_of(&r, net, d, 8, 20, 20);
    for (int i = 0; i < 8 * 6; i++) assert_float_equal(r.values[i], x.values[i], 4e-5);
    for (int i = 0; i < 8; i++) {
        assert_float_equal(r.score[i], x.score[i], 1e-6);
        assert_float_equal(r.base[i], x.base[i], 1e-4);
    }
    assert_true(r.relevance && r.residual < 1e-4);
    said s;
    const onus_sink sink = said_begin(&s);
    assert_int_equal(onus_explanation_emit(&r, &x, d, &sink, NULL), ONUS_OK);
    assert_string_equal(s.types[0], "relevance");
    near(&s, "relevance.agreement", 1, 1e-9);
    near(&s, "relevance.agreement.n", 8, 0);
    near(&s, "relevance.rows", 8, 0);
    near(&s, "relevance.background", 20, 0);
    near(&s, "relevance.residual", r.residual, 0);
    near(&s, "relevance.a.mean_abs", r.mean_abs[0], 0);
    reads(&s, "relevance.of", "predicted value");
    onus_facts_destroy(s.facts);
    onus_explanation_release(&x);
    onus_explanation_release(&r);
    onus_net_destroy(net);
    onus_dataset_close(d);
}

/* Shares are of the log-odds, and add up whatever the net; bits do not depend on threads. */
static void relevance_adds_up(void **state)
{
    (void)state;
    credit c = open_credit();
    onus_explanation one, three;
    int64_t row[9], background[10];
    for (int i = 0; i < 9; i++) row[i] = 3 * i;
    for (int i = 0; i < 10; i++) background[i] = 400 + i;
    onus_pool *pool = NULL;
    assert_int_equal(onus_pool_create(&pool, 3, NULL, NULL), ONUS_OK);
    const onus_exec ref = {.k = onus_kernels_of(ONUS_ISA_REF)},
                    best = {.k = onus_kernels_of(onus_isa_best()), .pool = pool};
    assert_int_equal(onus_explain_relevance(&one, c.net, &ref, c.d, row, 9, background, 10,
                                            &usual, NULL, NULL),
                     ONUS_OK);
    assert_int_equal(onus_explain_relevance(&three, c.net, &best, c.d, row, 9, background, 10,
                                            &usual, NULL, NULL),
                     ONUS_OK);
    assert_memory_equal(one.values, three.values, (size_t)(9 * one.n_columns) * 8);
    assert_memory_equal(one.base, three.base, 9 * sizeof *one.base);
    for (int64_t i = 0; i < 9; i++) {
        double sum = 0;
        for (int64_t k = 0; k < one.n_columns; k++) sum += one.values[i * one.n_columns + k];
        assert_float_equal(sum, one.score[i] - one.base[i], 1e-5);
    }
    assert_true(one.residual < 1e-5);
    onus_explanation_release(&one);
    onus_explanation_release(&three);
    onus_pool_destroy(pool);
    onus_err err;
    assert_int_equal(onus_explain_relevance(&one, c.net, &ref, c.d, row, 0, background, 10,
                                            &usual, NULL, &err),
                     ONUS_BAD_ARG);
    close_credit(&c);
}

/* A row whose shares are no numbers leaves its mark, whichever comes after it. */
static void a_residual_that_is_no_number_stays(void **state)
{
    (void)state;
    const int64_t three[3] = {0, 1, 2};
    onus_explanation x;
    onus_explain_room room;
    assert_int_equal(onus_explain_start(&x, three, 3, 2, &room, NULL, NULL), ONUS_OK);
    room.values[0] = 1; /* 1 + 0 - (0.25 - 0) */
    room.score[0] = 0.25;
    onus_explain_means(&x);
    assert_float_equal(x.residual, 0.75, 0);
    room.values[2] = NAN;
    onus_explain_means(&x);
    assert_true(isnan(x.residual));
    onus_explanation_release(&x);
}

/* ---- rows, events, failures -------------------------------------------------------------- */

static void rows_are_chosen_by_seed(void **state)
{
    (void)state;
    credit c = open_credit();
    int64_t a[300], b[300], n = 0, m = 0, in_part = 0;
    const int64_t *part = onus_dataset_part(c.d, ONUS_PART_TEST, &in_part);
    assert_int_equal(onus_explain_choose(c.d, ONUS_PART_TEST, 50, 7, 0, a, &n, NULL, NULL),
                     ONUS_OK);
    assert_int_equal(onus_explain_choose(c.d, ONUS_PART_TEST, 50, 7, 0, b, &m, NULL, NULL),
                     ONUS_OK);
    assert_true(n == 50 && m == 50);
    assert_memory_equal(a, b, 50 * sizeof *a);
    for (int i = 0, k = 0; i < 50; i++) {
        assert_true(i == 0 || a[i] > a[i - 1]);
        while (k < in_part && part[k] != a[i]) k++;
        assert_true(k < in_part);
    }
    assert_int_equal(onus_explain_choose(c.d, ONUS_PART_TEST, 50, 8, 0, b, &m, NULL, NULL),
                     ONUS_OK);
    assert_true(memcmp(a, b, 50 * sizeof *a) != 0);
    assert_int_equal(onus_explain_choose(c.d, ONUS_PART_TEST, 300, 7, 0, b, &m, NULL, NULL),
                     ONUS_OK);
    assert_int_equal(m, in_part); /* all there are */
    assert_memory_equal(b, part, (size_t)in_part * sizeof *b);
    close_credit(&c);
}

static void events_hold_no_single_person(void **state)
{
    (void)state;
    credit c = open_credit();
    onus_explanation x;
    explain(&x, c.net, c.d, 5, 500, 10, &usual);
    said s;
    const onus_sink sink = said_begin(&s);
    assert_int_equal(onus_explanation_emit(&x, NULL, c.d, &sink, NULL), ONUS_OK);
    assert_int_equal(s.events, 1);
    assert_string_equal(s.types[0], "explain");
    near(&s, "explain.rows", 5, 0);
    near(&s, "explain.background", 10, 0);
    reads(&s, "explain.of", "probability of good");
    near(&s, "explain.residual", x.residual, 0);
    assert_int_equal(strlen(text(&s, "explain.values.sha256")), 64);
    assert_int_equal(s.arrays, 0); /* no list of numbers */
    double sum[2] = {0, 0};
    for (int64_t col = 0; col < x.n_columns; col++) {
        char name[128];
        snprintf(name, sizeof name, "explain.%s.mean_abs", onus_dataset_column(c.d, col)->name);
        double mean = 0, square = 0;
        for (int i = 0; i < 5; i++) mean += fabs(x.values[i * x.n_columns + col]) / 5;
        for (int i = 0; i < 5; i++)
            square += pow(fabs(x.values[i * x.n_columns + col]) - mean, 2);
        near(&s, name, mean, 1e-15);
        snprintf(name, sizeof name, "explain.%s.mean_abs.se",
                 onus_dataset_column(c.d, col)->name);
        near(&s, name, sqrt(square / 4 / 5), 1e-15);
        sum[0] += mean;
    }
    assert_true(sum[0] > 0);
    for (int64_t i = 0; i < onus_facts_count(s.facts); i++)
        assert_false(onus_facts_at(s.facts, i)->observed); /* a replay finds it all again */
    onus_facts_destroy(s.facts);
    onus_explanation_release(&x);
    onus_explanation_release(&x); /* twice is fine */
    close_credit(&c);
}

static void settings_out_of_range(void **state)
{
    (void)state;
    credit c = open_credit();
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    const int64_t row = 0;
    onus_explanation x;
    onus_err err;
    onus_explain_spec spec = usual;
    spec.exact_columns = 17;
    assert_int_equal(onus_explain(&x, c.net, &ex, c.d, &row, 1, &row, 1, &spec, 1, NULL, &err),
                     ONUS_BAD_ARG);
    spec = usual;
    spec.permutations = 0;
    assert_int_equal(onus_explain(&x, c.net, &ex, c.d, &row, 1, &row, 1, &spec, 1, NULL, &err),
                     ONUS_BAD_ARG);
    spec = usual;
    spec.output = 1; /* a binary net has one output */
    assert_int_equal(onus_explain(&x, c.net, &ex, c.d, &row, 1, &row, 1, &spec, 1, NULL, &err),
                     ONUS_BAD_ARG);
    assert_int_equal(onus_explain(&x, c.net, &ex, c.d, &row, 0, &row, 1, &usual, 1, NULL, &err),
                     ONUS_BAD_ARG);
    /* a row against itself: nothing differs, all is zero */
    assert_int_equal(onus_explain(&x, c.net, &ex, c.d, &row, 1, &row, 1, &usual, 1, NULL, &err),
                     ONUS_OK);
    for (int64_t k = 0; k < x.n_columns; k++) assert_true(x.values[k] == 0);
    onus_explanation_release(&x);
    close_credit(&c);
}

static onus_status explain_with(const onus_allocator *mem, void *ctx, onus_err *err)
{
    const credit *c = ctx;
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    int64_t row[2], background[3], n = 0, m = 0;
    onus_explanation x = {0};
    const onus_explain_spec spec = {
        .rows = 2, .background = 3, .exact_columns = 5, .permutations = 2, .output = -1};
    onus_status st = onus_explain_choose(c->d, ONUS_PART_TEST, 2, 1, 0, row, &n, mem, err);
    if (st == ONUS_OK)
        st = onus_explain_choose(c->d, ONUS_PART_TRAIN, 3, 1, 1, background, &m, mem, err);
    if (st == ONUS_OK)
        st = onus_explain(&x, c->net, &ex, c->d, row, n, background, m, &spec, 1, mem, err);
    if (st == ONUS_OK) st = onus_explanation_emit(&x, NULL, c->d, NULL, err);
    onus_explanation_release(&x);
    if (st == ONUS_OK)
        st = onus_explain_relevance(&x, c->net, &ex, c->d, row, n, background, m, &spec, mem,
                                    err);
    if (st == ONUS_OK) st = onus_explanation_emit(&x, NULL, c->d, NULL, err);
    double work;
    if (st == ONUS_OK)
        st = onus_explain_work(&work, c->d, row, n, background, m, &spec, mem, err);
    onus_explanation_release(&x);
    return st;
}

static void explanations_survive_the_end_of_memory(void **state)
{
    (void)state;
    credit c = open_credit();
    failing_mem_walk("explanation", explain_with, &c);
    close_credit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_game_from_the_literature),
        cmocka_unit_test(values_are_in_the_unit_of_the_label),
        cmocka_unit_test(a_linear_model),
        cmocka_unit_test(a_peer_agrees),
        cmocka_unit_test(every_coalition_enumerated),
        cmocka_unit_test(classes_are_explained),
        cmocka_unit_test(a_net_that_begins_otherwise),
        cmocka_unit_test(drawn_values_keep_their_errors),
        cmocka_unit_test(one_pair_has_no_error),
        cmocka_unit_test(the_work_is_known_before),
        cmocka_unit_test(same_bits_everywhere),
        cmocka_unit_test(long_walks),
        cmocka_unit_test(of_a_linear_model_relevance_is_shapley),
        cmocka_unit_test(relevance_adds_up),
        cmocka_unit_test(a_residual_that_is_no_number_stays),
        cmocka_unit_test(rows_are_chosen_by_seed),
        cmocka_unit_test(events_hold_no_single_person),
        cmocka_unit_test(settings_out_of_range),
        cmocka_unit_test(explanations_survive_the_end_of_memory),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
