/* SPDX-License-Identifier: Apache-2.0
 * Goal: a label that is a number can be learned whatever its unit is, and what leaves the net
 * is in that unit. Method: a linear problem with a large offset, solved by scikit-learn; the
 * same labels in another unit; a model file read alone; instruction sets and threads. */
#include "tensors.h"
#include "training.h"

/* Rows 0 .. 179 train, 180 .. 239 test: a, b, c and y = 100000 + 250 a - 40 b + 600 e, where e
 * runs over -11 .. 11. expected from: rows as below, sklearn.linear_model.LinearRegression. */
enum { N_TRAIN = 180, N_TEST = 60, N_FEATURES = 3 };

static double label_of(int64_t i)
{
    const double a = (double)(i * 37 % 101), b = (double)(i * 53 % 97),
                 e = (double)(i * 71 % 23) - 11;
    return 100000 + 250 * a - 40 * b + 600 * e;
}

static void write_rows(const char *name, int64_t first, int64_t n, double unit)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", make_room(), name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "a,b,c,y\n");
    for (int64_t i = first; i < first + n; i++)
        fprintf(f, "%d,%d,%d,%.17g\n", (int)(i * 37 % 101), (int)(i * 53 % 97),
                (int)(i * 29 % 13), unit * label_of(i));
    assert_int_equal(fclose(f), 0);
}

static onus_data_spec number_spec(double unit)
{
    write_rows("train.csv", 0, N_TRAIN, unit);
    write_rows("test.csv", N_TRAIN, N_TEST, unit);
    return (onus_data_spec){.recipe = "test",
                            .base_dir = make_room(),
                            .source = "train.csv",
                            .test_source = "test.csv",
                            .label = "y",
                            .label_number = true,
                            .protected_none = true,
                            .train = 1};
}

/* Descent on all rows at once, down to the solution. */
static setting descent(const onus_dataset *d)
{
    setting s = usual(d);
    s.model = (onus_model_spec){.kind = "linear"};
    s.spec.optimiser = ONUS_OPT_MOMENTUM;
    s.spec.lr = 0.05;
    s.spec.epochs = 600;
    s.spec.batch = N_TRAIN;
    s.spec.keep = ONUS_KEEP_LAST;
    return s;
}

/* Trains, and predicts the test part. */
static void learn(const setting *s, float p[N_TEST], uint8_t sha[32])
{
    int64_t n;
    const int64_t *rows = onus_dataset_part(s->data, ONUS_PART_TEST, &n);
    const onus_exec ex = {.k = onus_kernels_of(s->isa)};
    outcome o;
    train_well(s, &o);
    assert_int_equal(n, N_TEST);
    assert_int_equal(onus_predict(o.net, &ex, s->data, rows, n, p, NULL, NULL), ONUS_OK);
    memcpy(sha, o.sha, 32);
    release(&o);
}

static double r2_of(const float p[N_TEST])
{
    double mean = 0, error = 0, spread = 0;
    for (int64_t i = 0; i < N_TEST; i++) mean += label_of(N_TRAIN + i) / N_TEST;
    for (int64_t i = 0; i < N_TEST; i++) {
        const double y = label_of(N_TRAIN + i), e = (double)p[i] - y;
        error += e * e;
        spread += (y - mean) * (y - mean);
    }
    return 1 - error / spread;
}

/* scikit-learn 1.9.1: score and predictions of the first and the last test row. Whatever way
 * the label is scaled the least squares are the same. */
static void least_squares_with_a_large_offset(void **state)
{
    (void)state;
    static const onus_scale ways[] = {ONUS_SCALE_UNSAID, ONUS_SCALE_STANDARD, ONUS_SCALE_MINMAX,
                                      ONUS_SCALE_MINMAX};
    for (int k = 0; k < 4; k++) {
        onus_data_spec spec = number_spec(1);
        spec.label_scale = ways[k];
        spec.label_has_bounds = k == 3;
        spec.label_lower = 80000;
        spec.label_upper = 140000;
        onus_dataset *d = open_data(&spec);
        setting s = descent(d);
        float p[N_TEST];
        uint8_t sha[32];
        learn(&s, p, sha);
        assert_float_equal(r2_of(p), 0.7526734759263453, 1e-5);
        assert_float_equal(p[0], 122222.1606194469, 0.5);
        assert_float_equal(p[N_TEST - 1], 111488.4522793291, 0.5);
        onus_dataset_close(d);
    }
}

/* What is fitted is named, with the numbers of numpy's mean and std of the training labels;
 * from bounds nothing is fitted; a target is (label - shift) / scale, within the bounds. */
static void what_is_fitted_is_named(void **state)
{
    (void)state;
    double shift, scale;
    int64_t n;
    float y, target;
    const int64_t row = 3;
    onus_data_spec spec = number_spec(1);
    onus_dataset *d = open_data(&spec);
    onus_dataset_label_scale(d, &shift, &scale);
    assert_float_equal(shift, 110442.05555555556, 1e-8);
    assert_float_equal(scale, 8226.853502553035, 1e-8);
    const char *const *fitted = onus_dataset_fitted(d, &n);
    assert_int_equal(n, N_FEATURES + 1);
    assert_string_equal(fitted[N_FEATURES], "mean and deviation of y");
    onus_dataset_fetch(d, &row, 1, NULL, &y, NULL);
    onus_dataset_examples(d, onus_dataset_seed(d), 0, &row, 1, NULL, &target);
    assert_true((double)y == label_of(3));
    assert_float_equal(target, (label_of(3) - 110442.05555555556) / 8226.853502553035, 1e-6);
    onus_dataset_close(d);

    spec.label_has_bounds = true;
    spec.label_lower = label_of(3) - 300;
    spec.label_upper = label_of(3) - 100;
    d = open_data(&spec);
    onus_dataset_label_scale(d, &shift, &scale);
    assert_true(shift == label_of(3) - 300 && scale == 200);
    (void)onus_dataset_fitted(d, &n);
    assert_int_equal(n, N_FEATURES);
    onus_dataset_fetch(d, &row, 1, NULL, &y, NULL);
    onus_dataset_examples(d, onus_dataset_seed(d), 0, &row, 1, NULL, &target);
    assert_true((double)y == label_of(3) && target == 1.0f); /* what is measured is not cut */
    onus_dataset_close(d);

    spec.label_has_bounds = false;
    spec.label_scale = ONUS_SCALE_NONE;
    d = open_data(&spec);
    onus_dataset_label_scale(d, &shift, &scale);
    assert_true(shift == 0 && scale == 1);
    onus_dataset_examples(d, onus_dataset_seed(d), 0, &row, 1, NULL, &target);
    assert_true((double)target == label_of(3));
    onus_dataset_close(d);
}

static void far_labels_are_refused(void **state)
{
    (void)state;
    onus_dataset *d = NULL;
    onus_err err = {.msg = ""};
    onus_data_spec spec = number_spec(1);
    spec.label_has_bounds = true;
    spec.label_lower = -1e300;
    spec.label_upper = 1e300;
    assert_int_equal(onus_dataset_open(&d, &spec, NULL, 1, &no_sink, NULL, &err),
                     ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "label 'y' reaches from -1e+300 to 1e+300"));
}

/* In a unit 1,000 times smaller predictions are 1,000 times larger, to rounding; with a power
 * of two the parameters have the same bits and nothing is rounded at all. */
static void the_unit_does_not_matter(void **state)
{
    (void)state;
    static const double units[] = {1, 1000, 1024};
    float p[3][N_TEST];
    uint8_t sha[3][32];
    for (int k = 0; k < 3; k++) {
        onus_data_spec spec = number_spec(units[k]);
        onus_dataset *d = open_data(&spec);
        setting s = descent(d);
        s.spec.epochs = 50;
        learn(&s, p[k], sha[k]);
        onus_dataset_close(d);
    }
    assert_memory_equal(sha[0], sha[2], 32);
    for (int i = 0; i < N_TEST; i++) {
        assert_true(p[2][i] == 1024 * p[0][i]);
        assert_float_equal(p[1][i] / (1000 * p[0][i]), 1, 1e-6);
    }
}

/* The same bits for every instruction set and number of threads; the file of the model, which
 * knows nothing of the table, predicts what the net does. */
static void bits_and_files(void **state)
{
    (void)state;
    onus_data_spec spec = number_spec(1);
    onus_dataset *d = open_data(&spec);
    setting s = descent(d);
    s.model = usual(d).model;
    s.spec.epochs = 5;
    s.spec.batch = 50;
    float first[N_TEST], p[N_TEST];
    uint8_t want[32], sha[32];
    learn(&s, first, want);
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
        for (s.threads = 1; s.threads <= 2 && onus_kernels_of((onus_isa)isa); s.threads++) {
            s.isa = (onus_isa)isa;
            learn(&s, p, sha);
            assert_memory_equal(sha, want, 32);
            assert_memory_equal(p, first, sizeof p);
        }
    }
    outcome o;
    onus_buf file;
    onus_safetensors *read = NULL;
    onus_net *alone = NULL;
    int64_t n;
    const int64_t *rows = onus_dataset_part(d, ONUS_PART_TEST, &n);
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    s.isa = ONUS_ISA_REF;
    train_well(&s, &o);
    onus_buf_init(&file, NULL, 1 << 20);
    assert_int_equal(model_to(&file, o.net, NULL, 0, NULL), ONUS_OK);
    release(&o);
    assert_int_equal(onus_safetensors_parse(&read, file.data, file.len, "m", NULL, NULL),
                     ONUS_OK);
    assert_int_equal(onus_model_read(&alone, read, NULL, NULL), ONUS_OK);
    assert_int_equal(onus_predict(alone, &ex, d, rows, n, p, NULL, NULL), ONUS_OK);
    assert_memory_equal(p, first, sizeof p);
    onus_net_destroy(alone);
    onus_safetensors_close(read);
    onus_buf_release(&file);
    onus_dataset_close(d);
}

/* The root mean squared error of the validation part is told in the label's unit: that of
 * onus_predict's predictions. */
static void the_metric_is_in_the_unit(void **state)
{
    (void)state;
    onus_data_spec spec = number_spec(1);
    spec.train = 0.75;
    spec.valid = 0.25;
    onus_dataset *d = open_data(&spec);
    setting s = descent(d);
    s.spec.epochs = 3;
    outcome o;
    train_well(&s, &o);
    int64_t n;
    const int64_t *rows = onus_dataset_part(d, ONUS_PART_VALID, &n);
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    float p[N_TRAIN], y[N_TRAIN];
    double sum = 0;
    assert_true(n > 20 && n <= N_TRAIN);
    assert_int_equal(onus_predict(o.net, &ex, d, rows, n, p, NULL, NULL), ONUS_OK);
    onus_dataset_fetch(d, rows, n, NULL, y, NULL);
    for (int64_t i = 0; i < n; i++)
        sum += ((double)p[i] - (double)y[i]) * ((double)p[i] - (double)y[i]);
    const double want = sqrt(sum / (double)n);
    assert_true(want > 1000);
    assert_float_equal(said_number(&o.said, "train.epoch", "train.valid_metric", 2), want,
                       1e-5 * want);
    release(&o);
    onus_dataset_close(d);
}

static int leave(void **state)
{
    (void)state;
    remove_room(make_room());
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(least_squares_with_a_large_offset),
        cmocka_unit_test(what_is_fitted_is_named),
        cmocka_unit_test(far_labels_are_refused),
        cmocka_unit_test(the_unit_does_not_matter),
        cmocka_unit_test(bits_and_files),
        cmocka_unit_test(the_metric_is_in_the_unit),
    };
    return cmocka_run_group_tests(tests, NULL, leave);
}
