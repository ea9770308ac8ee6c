/* SPDX-License-Identifier: Apache-2.0
 * Goal: the loop learns what it should, keeps what it should, stops when it should, and ends in
 * the same bits whatever runs it. Method: small nets on the German credit table and on 40 rows
 * made by a formula; what must hold is an optimum found by another program, arithmetic done
 * again here on single plans, or a property (equal hashes, falling loss). */
#include "training.h"

#include "base/clock.h"
#include "num/philox.h"
#include "num/vec.h"

static onus_dataset *credit;

/* ---- 40 rows by a formula ---------------------------------------------------------------- */

enum { N_FORMULA = 40 };

/* y = 1 where a - b + 2 c plus a disturbance is above 0: no line parts the classes. weight,
 * where asked for: 3 for class 1, else 1. */
static onus_dataset *formula_data(const char *label, bool weights, double valid)
{
    static onus_data_spec spec;
    static const onus_column_spec columns[] = {
        {.name = "w", .role = ONUS_ROLE_WEIGHT},
        {.name = "a", .role = ONUS_ROLE_NUMBER, .scale = ONUS_SCALE_NONE},
        {.name = "b", .role = ONUS_ROLE_NUMBER, .scale = ONUS_SCALE_NONE},
        {.name = "c", .role = ONUS_ROLE_NUMBER, .scale = ONUS_SCALE_NONE}};
    char text[4096] = "";
    size_t n = (size_t)snprintf(text, sizeof text, "a,b,c,%s%s\n", weights ? "w," : "", label);
    for (int i = 0; i < N_FORMULA; i++) {
        const int a = (i * 7) % 11 - 5, b = (i * 5) % 13 - 6, c = (i * 3) % 7 - 3;
        const int y = a - b + 2 * c + (i * 17) % 19 - 9 > 0;
        n += (size_t)snprintf(text + n, sizeof text - n, "%g,%g,%g,%s%d\n", a / 4.0, b / 4.0,
                              c / 4.0,
                              !weights ? ""
                              : y      ? "3,"
                                       : "1,",
                              y);
    }
    const char *path = write_table(make_room(), text);
    spec = (onus_data_spec){.recipe = "test",
                            .source = path,
                            .test_source = path,
                            .label = label,
                            .positive = "1",
                            .protected_none = true,
                            .columns = weights ? columns : columns + 1,
                            .n_columns = weights ? 4 : 3,
                            .train = 1 - valid,
                            .valid = valid};
    return open_data(&spec);
}

static setting descent(const onus_dataset *data)
{
    setting s = usual(data);
    s.model = (onus_model_spec){.kind = "logistic"};
    s.spec.optimiser = ONUS_OPT_MOMENTUM;
    s.spec.lr = 0.5;
    s.spec.epochs = 3000;
    s.spec.batch = N_FORMULA;
    s.spec.keep = ONUS_KEEP_LAST;
    return s;
}

/* Weights a, b, c, then the bias. */
static void assert_coefficients(const outcome *o, const double expected[4])
{
    for (int i = 0; i < onus_net_tensors(o->net); i++) {
        const onus_tensor *t = onus_net_tensor(o->net, i);
        const float *p = onus_net_params(o->net) + t->offset;
        for (int64_t k = 0; k < t->n; k++)
            assert_float_equal(p[k], (float)expected[t->n == 3 ? k : 3], 2e-5);
    }
}

/* scikit-learn 1.9.1: LogisticRegression(penalty=None, tol=1e-12, max_iter=10000).fit(X, y);
 * with class_weight={0: 1, 1: 3}; with C=1/(40*0.1), which is l2 = 0.1 of ours. */
static void logistic_regression_reaches_the_optimum(void **state)
{
    (void)state;
    static const double plain[4] = {1.48150922, -1.19159429, 3.26552841, 0.23278174},
                        weighted[4] = {1.44567473, -1.03361086, 2.85670702, 1.34210261},
                        ridge[4] = {0.51894616, -0.45026769, 0.82884717, 0.19327759},
                        class_weight[2] = {1, 3};
    onus_dataset *d = formula_data("y", false, 0);
    outcome o;
    setting s = descent(d);
    train_well(&s, &o);
    assert_coefficients(&o, plain);
    assert_float_equal(said_number(&o.said, "train.epoch", "train.loss", 2999), 0.40617236,
                       1e-7);
    release(&o);
    s.spec.l2 = 0.1;
    train_well(&s, &o);
    assert_coefficients(&o, ridge);
    release(&o);
    s.spec.l2 = 0;
    s.spec.class_weights = ONUS_CLASS_WEIGHTS_GIVEN;
    s.spec.class_weight = class_weight;
    s.spec.n_class_weight = 2;
    train_well(&s, &o);
    assert_coefficients(&o, weighted);
    onus_dataset_close(d);
    /* the same weights as a column of the table: the same bits */
    onus_dataset *w = formula_data("y", true, 0);
    setting by_column = descent(w);
    outcome other;
    train_well(&by_column, &other);
    assert_memory_equal(o.sha, other.sha, 32);
    release(&o);
    release(&other);
    onus_dataset_close(w);
}

/* rows / (classes * rows of the class): 490 good and 210 bad of 700. */
static void balanced_weights_by_hand(void **state)
{
    (void)state;
    setting s = usual(credit);
    s.spec.epochs = 1;
    s.spec.class_weights = ONUS_CLASS_WEIGHTS_BALANCED;
    outcome o;
    train_well(&s, &o);
    double bad, good;
    const char *text = said_text(&o.said, "train.begin", "train.class_weight", 0);
    assert_int_equal(sscanf(text, "%lf %lf", &bad, &good), 2);
    assert_true(bad == 700.0 / 420 && good == 700.0 / 980);
    release(&o);
}

/* ---- one step, done again ---------------------------------------------------------------- */

/* Rows of epoch 0 in their order. */
static int64_t *first_order(const onus_dataset *d, uint64_t seed, int64_t *n)
{
    const int64_t *part = onus_dataset_part(d, ONUS_PART_TRAIN, n);
    int64_t *rows = malloc((size_t)*n * sizeof *rows);
    void *tmp = malloc(ONUS_SHUFFLE_TMP_BYTES(*n));
    assert_non_null(rows);
    assert_non_null(tmp);
    memcpy(rows, part, (size_t)*n * sizeof *rows);
    const onus_stream s = {.seed = seed, .purpose = ONUS_DRAW_SHUFFLE};
    onus_stream_shuffle(&s, rows, *n, tmp);
    free(tmp);
    return rows;
}

/* Gradient of rows[first, first + B) as one call of a plan that large, loss scale 1/N. */
static void gradient_of(onus_net *net, const onus_dataset *d, const int64_t *rows,
                        int64_t first, int64_t B, int64_t N, uint64_t seed, float *grad)
{
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    onus_plan *plan = NULL;
    float *label = malloc((size_t)B * sizeof *label);
    assert_non_null(label);
    assert_int_equal(onus_plan_create(&plan, net, &ex, ONUS_PLAN_TRAIN, B, NULL, NULL),
                     ONUS_OK);
    const onus_batch b = {.B = B,
                          .first = first,
                          .label = label,
                          .loss_scale = (float)(1.0 / (double)N),
                          .seed = seed,
                          .training = true};
    onus_dataset_fetch(d, rows + first, B, onus_plan_input(plan), label, NULL);
    onus_plan_forward(plan, &b);
    onus_plan_backward(plan, &b, &grad);
    onus_plan_destroy(plan);
    free(label);
}

/* A step of plain descent on all 700 rows: one shard runs as three micro-batches and must give
 * the bits of one call; four shards must give ((0 + 1) + (2 + 3)). Dropout draws by the place
 * in the logical batch, however it is cut. */
static void shards_and_micro_batches_by_hand(void **state)
{
    (void)state;
    for (int S = 1; S <= 4; S *= 4) {
        setting s = usual(credit);
        s.model.settings = "{\"dropout\":0.3,\"hidden\":[16]}";
        s.spec.optimiser = ONUS_OPT_SGD;
        s.spec.lr = 0.5;
        s.spec.epochs = 1;
        s.spec.batch = 700;
        s.spec.shards = S;
        s.spec.keep = ONUS_KEEP_LAST;
        s.threads = S;
        outcome o;
        train_well(&s, &o);
        int64_t N;
        int64_t *rows = first_order(credit, s.seed, &N);
        assert_int_equal(N, 700);
        onus_net *net = build_net(&s, NULL, NULL);
        const int64_t P = onus_net_param_floats(net);
        float *g = calloc((size_t)(4 * P), sizeof *g);
        assert_non_null(g);
        for (int k = 0; k < S; k++)
            gradient_of(net, credit, rows, k * N / S, N / S, N, s.seed, g + k * P);
        float *p = onus_net_params(net);
        for (int64_t i = 0; i < P; i++) {
            float sum = g[i];
            if (S == 4) {
                const float left = g[i] + g[P + i], right = g[2 * P + i] + g[3 * P + i];
                sum = left + right;
            }
            const float step = 0.5f * sum;
            p[i] = p[i] - step;
        }
        uint8_t sha[32];
        onus_net_sha256(net, sha);
        assert_memory_equal(sha, o.sha, 32);
        free(g);
        free(rows);
        onus_net_destroy(net);
        release(&o);
    }
}

/* 40 rows: batches of 14, 14, 12 in 8 shards; batches of 39 and 1 in 32, where the last one
 * leaves 31 shards empty. Sums round differently, so weights agree to a few digits with those
 * of one shard: no row is lost or counted twice. */
static void empty_shards_take_no_part(void **state)
{
    (void)state;
    static const struct {
        int64_t batch, shards;
    } cuts[] = {{14, 8}, {39, 32}};
    onus_dataset *d = formula_data("y", false, 0);
    for (int k = 0; k < 2; k++) {
        setting one = descent(d);
        one.spec.epochs = 50;
        one.spec.lr = 0.05;
        one.spec.batch = cuts[k].batch;
        setting many = one;
        many.spec.shards = cuts[k].shards;
        outcome a, b;
        train_well(&one, &a);
        train_well(&many, &b);
        for (int64_t i = 0; i < onus_net_param_floats(a.net); i++)
            assert_float_equal(onus_net_params(a.net)[i], onus_net_params(b.net)[i], 1e-5);
        release(&a);
        release(&b);
    }
    onus_dataset_close(d);
}

/* ---- bits -------------------------------------------------------------------------------- */

static void loss_falls(void **state)
{
    (void)state;
    setting s = usual(credit);
    s.spec.epochs = 20;
    outcome o;
    train_well(&s, &o);
    assert_true(said_number(&o.said, "train.epoch", "train.loss", 19) <
                0.8 * said_number(&o.said, "train.epoch", "train.loss", 0));
    assert_int_equal(o.result.epochs_run, 20);
    assert_int_equal(o.result.steps, 20 * 11); /* 700 rows in batches of 64: 10 and a part */
    release(&o);
}

/* Every instruction set, 1 to 3 threads: one hash, and everything said is the same. */
static void bits_do_not_depend_on_the_machine(void **state)
{
    (void)state;
    setting s = usual(credit);
    s.model.settings = "{\"dropout\":0.2,\"hidden\":[16]}";
    outcome first;
    train_well(&s, &first);
    char *claims = said_claims(&first.said);
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
        for (int threads = 1; threads <= 3; threads++) {
            if (!onus_kernels_of((onus_isa)isa)) continue;
            outcome o;
            s.isa = (onus_isa)isa;
            s.threads = threads;
            train_well(&s, &o);
            char *mine = said_claims(&o.said);
            assert_memory_equal(o.sha, first.sha, 32);
            assert_string_equal(mine, claims);
            free(mine);
            release(&o);
        }
    }
    free(claims);
    release(&first);
}

/* ---- validation, early stopping, what is kept -------------------------------------------- */

/* Loss and accuracy of the validation part from onus_predict's probabilities. */
static void validation_by_hand(void **state)
{
    (void)state;
    setting s = usual(credit);
    s.spec.keep = ONUS_KEEP_LAST;
    outcome o;
    train_well(&s, &o);
    int64_t n;
    const int64_t *rows = onus_dataset_part(credit, ONUS_PART_VALID, &n);
    float p[200], y[200];
    assert_true(n > 50 && n <= 200);
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    assert_int_equal(onus_predict(o.net, &ex, credit, rows, n, p, NULL, NULL), ONUS_OK);
    onus_dataset_fetch(credit, rows, n, NULL, y, NULL);
    double loss = 0, right = 0;
    for (int64_t i = 0; i < n; i++) {
        loss -= log(y[i] == 1.0f ? (double)p[i] : 1 - (double)p[i]) / (double)n;
        right += (p[i] >= 0.5f) == (y[i] == 1.0f);
    }
    assert_float_equal(said_number(&o.said, "train.epoch", "train.valid_loss", 3), loss, 1e-6);
    assert_float_equal(said_number(&o.said, "train.epoch", "train.valid_metric", 3),
                       right / (double)n, 1e-12);
    release(&o);
}

/* Where the label is a number, the metric is the root of the mean squared error, which is the
 * loss's root where no row has a weight. */
static void numbers_have_an_rmse(void **state)
{
    (void)state;
    static onus_data_spec spec;
    spec = credit_spec;
    spec.label = "age";
    spec.label_number = true;
    spec.n_stratify = 0;
    onus_dataset *d = open_data(&spec);
    setting s = usual(d);
    s.spec.epochs = 30;
    outcome o;
    train_well(&s, &o);
    const double loss = said_number(&o.said, "train.epoch", "train.valid_loss", 29),
                 rmse = said_number(&o.said, "train.epoch", "train.valid_metric", 29);
    double shift, deviation; /* of the ages in years, which the loss is free of */
    onus_dataset_label_scale(d, &shift, &deviation);
    assert_true(shift > 30 && shift < 40 && deviation > 8 && deviation < 15);
    assert_float_equal(rmse * rmse, loss * deviation * deviation, 1e-9 * rmse * rmse);
    assert_true(loss < said_number(&o.said, "train.epoch", "train.valid_loss", 0));
    release(&o);
    onus_dataset_close(d);
}

/* The epoch of the lowest validation loss among those said, the first of equals. */
static int best_of(const outcome *o)
{
    int best = 0;
    for (int e = 1; e < (int)o->result.epochs_run; e++) {
        if (said_number(&o->said, "train.epoch", "train.valid_loss", e) <
            said_number(&o->said, "train.epoch", "train.valid_loss", best))
            best = e;
    }
    return best + 1;
}

/* An eager net overfits 700 rows at once. It stops `patience` epochs after its best one, and
 * holds what training for that many epochs gives. */
static void stops_early_and_keeps_the_best(void **state)
{
    (void)state;
    setting s = usual(credit);
    s.spec.lr = 2e-2;
    s.spec.epochs = 60;
    s.spec.patience = 3;
    outcome o, to_best, to_end;
    train_well(&s, &o);
    const int best = best_of(&o);
    assert_true(o.result.epochs_run < 60);
    assert_int_equal(o.result.best_epoch, best);
    assert_int_equal(o.result.epochs_run, best + 3);
    assert_non_null(strstr(said_text(&o.said, "train.end", "train.ended", 0), "patience"));
    assert_true(o.result.best_valid_loss ==
                said_number(&o.said, "train.epoch", "train.valid_loss", best - 1));
    s.spec.patience = 0;
    s.spec.keep = ONUS_KEEP_LAST;
    s.spec.epochs = best;
    train_well(&s, &to_best);
    assert_memory_equal(o.sha, to_best.sha, 32);
    s.spec.epochs = best + 3;
    train_well(&s, &to_end);
    assert_memory_not_equal(o.sha, to_end.sha, 32);
    release(&o);
    release(&to_best);
    release(&to_end);
}

/* With rate 0 nothing ever changes: every epoch ties, and the first one is kept. */
static void ties_keep_the_earlier(void **state)
{
    (void)state;
    setting s = usual(credit);
    s.spec.lr = 0;
    s.spec.epochs = 5;
    outcome o;
    train_well(&s, &o);
    assert_int_equal(o.result.best_epoch, 1);
    assert_int_equal(o.result.epochs_run, 5);
    release(&o);
}

/* ---- progress, stopping, divergence ------------------------------------------------------ */

typedef struct {
    long calls, epoch_ends;
    int stop;
} watcher;

static void watch(void *ctx, const onus_progress *p)
{
    watcher *w = ctx;
    w->calls++;
    w->epoch_ends += p->epoch_end;
    assert_true(p->epoch >= 1 && p->epoch <= p->epochs);
    assert_true(p->step >= 1 && p->step <= p->steps);
    assert_true(isfinite(p->loss) && p->rows_per_s > 0 && p->left_s >= 0 && isnan(p->joules));
    if (p->epoch_end) assert_true(isfinite(p->valid_loss) && p->valid_metric <= 1);
    if (p->epoch == 2 && p->epoch_end) w->stop = 1;
}

static void progress_is_rare_and_stopping_quick(void **state)
{
    (void)state;
    watcher w = {.calls = 0};
    setting s = usual(credit);
    s.progress = watch;
    s.progress_ctx = &w;
    outcome o;
    const double began = onus_clock_s();
    train_well(&s, &o);
    assert_int_equal(w.epoch_ends, 4);
    assert_true((double)w.calls <= 4 + 1 + 5 * (onus_clock_s() - began));
    release(&o);
    w = (watcher){.calls = 0};
    s.stop = &w.stop;
    assert_int_equal(run_training(&s, &o), ONUS_STOPPED);
    assert_int_equal(w.epoch_ends, 2);
    assert_non_null(strstr(o.err.msg, "after step 23 of 44")); /* the step after 2 x 11 */
    assert_null(said_text(&o.said, "train.end", "train.steps", 0));
    release(&o);
}

/* The same claims and parameters, and a table that names what was done. Memory is at most what
 * was planned and what the process had. */
static void a_profile_changes_nothing(void **state)
{
    (void)state;
    setting s = usual(credit);
    outcome plain, o;
    onus_buf table;
    onus_buf_init(&table, NULL, 1 << 20);
    train_well(&s, &plain);
    s.profile = &table;
    train_well(&s, &o);
    char *claims = said_claims(&plain.said), *again = said_claims(&o.said);
    assert_string_equal(claims, again);
    assert_memory_equal(plain.sha, o.sha, sizeof o.sha);
    static const char *const named[] = {
        "44 steps",         "forward   dense", "backward  dense", "gradients dense",
        "layers.0 (dense)", "update",          "validation"};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (!strstr(table.data, named[i])) fail_msg("no '%s' in %s", named[i], table.data);
    assert_non_null(strstr(o.said.text.data, "train.memory.planned"));
    assert_null(strstr(claims, "train.memory"));
    free(claims);
    free(again);
    onus_buf_release(&table);
    release(&plain);
    release(&o);
}

static void divergence_is_named(void **state)
{
    (void)state;
    setting s = usual(credit);
    s.spec.optimiser = ONUS_OPT_SGD;
    s.spec.lr = 1e30;
    outcome o;
    assert_int_equal(run_training(&s, &o), ONUS_DIVERGED);
    assert_int_equal(o.err.code, ONUS_DIVERGED);
    assert_non_null(strstr(o.err.msg, "epoch 1, step "));
    assert_non_null(strstr(o.err.msg, "of 'layers."));
    assert_non_null(strstr(o.err.msg, "no checkpoint"));
    assert_true(o.err.hint[0] != '\0');
    release(&o);
    /* one step only, whose own loss was finite, and no validation to tell */
    onus_dataset *d = formula_data("y", false, 0);
    s = descent(d);
    s.spec.epochs = 1;
    s.spec.lr = 1e39;
    assert_int_equal(run_training(&s, &o), ONUS_DIVERGED);
    release(&o);
    onus_dataset_close(d);
}

/* ---- refusals, memory, prediction -------------------------------------------------------- */

static void refuse(const setting *s, onus_status expected, const char *part)
{
    outcome o;
    const onus_status st = run_training(s, &o);
    if (st != expected || !strstr(o.err.msg, part))
        fail_msg("expected status %d and '%s', got %d and '%s'", expected, part, st, o.err.msg);
    assert_null(said_text(&o.said, "train.epoch", "train.epoch", 0));
    release(&o);
}

static void wrong_settings_are_refused(void **state)
{
    (void)state;
    static const double three[] = {1, 2, 3};
    setting s = usual(credit);
    s.spec.epochs = 0;
    refuse(&s, ONUS_BAD_ARG, "epochs");
    s = usual(credit);
    s.spec.batch = -1;
    refuse(&s, ONUS_BAD_ARG, "batch");
    s = usual(credit);
    s.spec.lr = NAN;
    refuse(&s, ONUS_BAD_ARG, "lr");
    s = usual(credit);
    s.spec.shards = 3;
    refuse(&s, ONUS_BAD_ARG, "3 is not a power of two");
    s.spec.shards = 128;
    refuse(&s, ONUS_BAD_ARG, "up to the batch (64)");
    s = usual(credit);
    s.spec.schedule = ONUS_RATE_STEP;
    s.spec.step_epochs = 0;
    refuse(&s, ONUS_BAD_ARG, "step_epochs");
    s = usual(credit);
    s.spec.epochs = INT64_C(1) << 40;
    refuse(&s, ONUS_BAD_ARG, "2^32 steps");
    s = usual(credit);
    s.spec.class_weights = ONUS_CLASS_WEIGHTS_GIVEN;
    s.spec.class_weight = three;
    s.spec.n_class_weight = 3;
    refuse(&s, ONUS_BAD_INPUT, "3 weights, the data has 2 classes");
    static const double none[] = {0, 0};
    s.spec.class_weight = none;
    s.spec.n_class_weight = 2;
    refuse(&s, ONUS_BAD_INPUT,
           "train.class_weights: every row of the training part has the weight 0");
    onus_dataset *d = formula_data("y", false, 0);
    s = descent(d);
    s.spec.keep = ONUS_KEEP_BEST;
    refuse(&s, ONUS_BAD_INPUT, "keep: best needs validation rows");
    s.spec.keep = ONUS_KEEP_LAST;
    s.spec.patience = 2;
    refuse(&s, ONUS_BAD_INPUT, "patience needs validation rows");
    onus_dataset_close(d);
}

static onus_status train_small(const onus_allocator *mem, void *ctx, onus_err *err)
{
    setting s = *(const setting *)ctx;
    outcome o;
    s.mem = mem;
    const onus_status st = run_training(&s, &o);
    *err = o.err;
    release(&o);
    return st;
}

static void memory_may_end_at_any_moment(void **state)
{
    (void)state;
    onus_dataset *d = formula_data("y", true, 0.3);
    setting s = usual(d);
    s.spec.epochs = 2;
    s.spec.batch = 8;
    s.spec.shards = 2;
    s.dir = make_room();
    s.only_hash = true;
    assert_true(failing_mem_walk("training", train_small, &s) > 20);
    onus_dataset_close(d);
}

static onus_status predict_all(const onus_allocator *mem, void *ctx, onus_err *err)
{
    int64_t n;
    const outcome *o = ctx;
    float out[1000];
    const int64_t *rows = onus_dataset_part(credit, ONUS_PART_TRAIN, &n);
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    return onus_predict(o->net, &ex, credit, rows, n, out, mem, err);
}

/* All rows at once, and each row alone: the same bits; nothing is written for no rows. */
static void prediction_is_row_by_row(void **state)
{
    (void)state;
    setting s = usual(credit);
    s.spec.epochs = 1;
    outcome o;
    train_well(&s, &o);
    int64_t n;
    float all[1000], one = 7.0f;
    const int64_t *rows = onus_dataset_part(credit, ONUS_PART_TRAIN, &n);
    const onus_exec ref = {.k = onus_kernels_of(ONUS_ISA_REF)},
                    best = {.k = onus_kernels_of(onus_isa_best())};
    assert_int_equal(onus_predict(o.net, &best, credit, rows, n, all, NULL, NULL), ONUS_OK);
    assert_int_equal(onus_predict(o.net, &ref, credit, rows, 0, &one, NULL, NULL), ONUS_OK);
    assert_true(one == 7.0f);
    for (int64_t i = 0; i < n; i += 13) {
        assert_int_equal(onus_predict(o.net, &ref, credit, rows + i, 1, &one, NULL, NULL),
                         ONUS_OK);
        assert_memory_equal(&one, &all[i], sizeof one);
    }
    assert_true(failing_mem_walk("prediction", predict_all, &o) > 0);
    onus_dataset *d = formula_data("y", false, 0);
    onus_err err = {.msg = ""};
    assert_int_equal(onus_predict(o.net, &ref, d, rows, 1, &one, NULL, &err), ONUS_BAD_ARG);
    assert_non_null(strstr(err.msg, "rows have 3 features"));
    /* as many tokens as there are columns: no table has rows for what a column holds */
    onus_net *tokens = NULL;
    const onus_model_spec gru = {.kind = "gru"};
    const onus_model_io io = {.input = {1, {3}}, .vocabulary = 9, .head = ONUS_HEAD_BINARY};
    assert_int_equal(onus_model_build(&tokens, &gru, &io, NULL, NULL), ONUS_OK);
    assert_int_equal(onus_predict(tokens, &ref, d, rows, 1, &one, NULL, &err), ONUS_BAD_ARG);
    assert_non_null(strstr(err.msg, "rows hold numbers, the net reads tokens"));
    onus_train_result r;
    const onus_train_io train_io = {.ex = &ref};
    assert_int_equal(onus_train(tokens, d, &s.spec, &s.privacy, &train_io, &r, &err),
                     ONUS_BAD_ARG);
    assert_non_null(strstr(err.msg, "train: rows hold numbers"));
    onus_net_destroy(tokens);
    onus_dataset_close(d);
    release(&o);
}

static int open_credit(void **state)
{
    (void)state;
    credit = open_data(&credit_spec);
    return 0;
}

static int close_credit(void **state)
{
    (void)state;
    onus_dataset_close(credit);
    remove_room(make_room());
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logistic_regression_reaches_the_optimum),
        cmocka_unit_test(balanced_weights_by_hand),
        cmocka_unit_test(shards_and_micro_batches_by_hand),
        cmocka_unit_test(empty_shards_take_no_part),
        cmocka_unit_test(loss_falls),
        cmocka_unit_test(bits_do_not_depend_on_the_machine),
        cmocka_unit_test(validation_by_hand),
        cmocka_unit_test(numbers_have_an_rmse),
        cmocka_unit_test(stops_early_and_keeps_the_best),
        cmocka_unit_test(ties_keep_the_earlier),
        cmocka_unit_test(progress_is_rare_and_stopping_quick),
        cmocka_unit_test(a_profile_changes_nothing),
        cmocka_unit_test(divergence_is_named),
        cmocka_unit_test(wrong_settings_are_refused),
        cmocka_unit_test(memory_may_end_at_any_moment),
        cmocka_unit_test(prediction_is_row_by_row),
    };
    if (!onus_crypto_start()) return 1;
    return cmocka_run_group_tests(tests, open_credit, close_credit);
}
