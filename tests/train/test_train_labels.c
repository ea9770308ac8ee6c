/* SPDX-License-Identifier: Apache-2.0
 * Goal: several labels a row are trained on together: the loss is the weighted mean over all
 * labels that are known, and so is its gradient; validation counts labels. Method: one step of
 * plain descent on a linear net, done again in binary64 with holes in the labels and weights on
 * the rows; what has no place beside several labels is refused. */
#include "training.h"

enum { LABELS = 2, FEATURES = 2 };

static const char table[] =
    "x,z,w,a,b\n0.5,1,1,1,0\n-1,0.25,2,0,\n2,-0.5,1,,1\n0.75,3,0.5,1,1\n"
    "-2,1.5,1,0,0\n1.25,-1,3,1,0\n-0.5,0.5,1,0,1\n0,2,1,1,0\n"
    "1,1,1,,0\n-1.5,-1,2,0,1\n3,0.5,1,1,\n0.25,-2,1,0,1\n";

static onus_data_spec labels_spec(void)
{
    static const char *const columns[] = {"a", "b"};
    static const onus_column_spec weight = {.name = "w", .role = ONUS_ROLE_WEIGHT};
    return (onus_data_spec){.recipe = "test",
                            .base_dir = ".",
                            .source = write_table(make_room(), table),
                            .label_columns = columns,
                            .n_label_columns = LABELS,
                            .label_missing = ONUS_LABEL_MISSING_IGNORE,
                            .protected_none = true,
                            .columns = &weight,
                            .n_columns = 1,
                            .scale = ONUS_SCALE_NONE,
                            .train = 2.0 / 3,
                            .valid = 0.25,
                            .test = 1.0 / 12};
}

/* A linear net's parameters, and what a pass over rows tells of them. */
typedef struct {
    double weight[LABELS][FEATURES], bias[LABELS];
} linear;

static linear parameters(const onus_net *net)
{
    linear p;
    const float *at = onus_net_params((onus_net *)net);
    for (int i = 0; i < onus_net_tensors(net); i++) {
        const onus_tensor *t = onus_net_tensor(net, i);
        const float *v = at + t->offset;
        for (int64_t k = 0; k < t->n; k++) {
            if (t->n == LABELS)
                p.bias[k] = (double)v[k];
            else
                p.weight[k / FEATURES][k % FEATURES] = (double)v[k];
        }
    }
    return p;
}

typedef struct {
    double loss, weight, known, right;
    linear gradient; /* not divided yet */
} pass;

static pass over(const onus_dataset *d, onus_part part, const linear *p)
{
    int64_t n;
    const int64_t *rows = onus_dataset_part(d, part, &n);
    pass sum = {0};
    for (int64_t i = 0; i < n; i++) {
        float x[FEATURES], y[LABELS], w;
        onus_dataset_fetch(d, &rows[i], 1, x, y, &w);
        for (int l = 0; l < LABELS; l++) {
            if (y[l] < 0) continue;
            double z = p->bias[l];
            for (int f = 0; f < FEATURES; f++) z += (double)x[f] * p->weight[l][f];
            const double prob = 1 / (1 + exp(-z)), error = (prob - (double)y[l]) * (double)w;
            sum.loss -= (double)w * log(y[l] > 0 ? prob : 1 - prob);
            sum.weight += (double)w;
            sum.known += 1;
            sum.right += (z >= 0) == (y[l] == 1.0f);
            sum.gradient.bias[l] += error;
            for (int f = 0; f < FEATURES; f++)
                sum.gradient.weight[l][f] += error * (double)x[f];
        }
    }
    return sum;
}

static void a_step_by_hand(void **state)
{
    (void)state;
    const onus_data_spec spec = labels_spec();
    onus_dataset *d = open_data(&spec);
    for (int shards = 1; shards <= 2; shards++) {
        setting s = usual(d);
        s.model.settings = "{\"hidden\":[]}";
        s.spec.optimiser = ONUS_OPT_SGD;
        s.spec.lr = 0.5;
        s.spec.epochs = 1;
        s.spec.batch = 8;
        s.spec.shards = shards;
        s.spec.keep = ONUS_KEEP_LAST;
        onus_net *net = build_net(&s, NULL, NULL);
        const linear before = parameters(net);
        const pass train = over(d, ONUS_PART_TRAIN, &before);
        assert_true(train.known < 16 && train.weight != train.known); /* holes, and weights */
        outcome o;
        train_well(&s, &o);
        const linear after = parameters(o.net);
        for (int l = 0; l < LABELS; l++) {
            const double step = 0.5 / train.weight;
            assert_float_equal(after.bias[l], before.bias[l] - step * train.gradient.bias[l],
                               1e-6);
            for (int f = 0; f < FEATURES; f++)
                assert_float_equal(after.weight[l][f],
                                   before.weight[l][f] - step * train.gradient.weight[l][f],
                                   1e-6);
        }
        assert_float_equal(said_number(&o.said, "train.epoch", "train.loss", 0),
                           train.loss / train.weight, 1e-6);
        const pass valid = over(d, ONUS_PART_VALID, &after);
        assert_float_equal(said_number(&o.said, "train.epoch", "train.valid_loss", 0),
                           valid.loss / valid.weight, 1e-6);
        assert_float_equal(said_number(&o.said, "train.epoch", "train.valid_metric", 0),
                           valid.right / valid.known, 1e-12);
        onus_net_destroy(net);
        release(&o);
    }
    onus_dataset_close(d);
}

/* A row's labels are one example: the sum of their losses is what is clipped and noised. */
static void private_training_takes_them(void **state)
{
    (void)state;
    const onus_data_spec spec = labels_spec();
    onus_dataset *d = open_data(&spec);
    const onus_noise_key key = {{7}};
    setting s = usual(d);
    s.privacy = (onus_privacy_spec){.noise_multiplier = 1, .delta = 1e-2, .clip = 1};
    s.noise = &key;
    s.spec.batch = 4;
    s.spec.keep = ONUS_KEEP_LAST;
    outcome one, two;
    train_well(&s, &one);
    assert_true(one.result.is_private && one.result.epsilon > 0);
    s.threads = 3;
    s.isa = ONUS_ISA_REF;
    train_well(&s, &two);
    assert_memory_equal(one.sha, two.sha, sizeof one.sha);
    release(&one);
    release(&two);
    onus_dataset_close(d);
}

static void class_weights_have_no_place(void **state)
{
    (void)state;
    static const double weights[] = {1, 2};
    const onus_data_spec spec = labels_spec();
    onus_dataset *d = open_data(&spec);
    for (int given = 0; given < 2; given++) {
        setting s = usual(d);
        outcome o;
        s.spec.class_weights = given ? ONUS_CLASS_WEIGHTS_GIVEN : ONUS_CLASS_WEIGHTS_BALANCED;
        s.spec.class_weight = weights;
        s.spec.n_class_weight = 2;
        assert_int_equal(run_training(&s, &o), ONUS_BAD_INPUT);
        assert_non_null(strstr(o.err.msg, "train.class_weights: a weight is an example's"));
        release(&o);
    }
    onus_dataset_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_by_hand),
        cmocka_unit_test(private_training_takes_them),
        cmocka_unit_test(class_weights_have_no_place),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_room(make_room());
    return failed;
}
