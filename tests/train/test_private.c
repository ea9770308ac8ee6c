/* SPDX-License-Identifier: Apache-2.0
 * Goal: a private step is what its epsilon assumes. Method: the same steps done again here the
 * way nobody would run them (each example's gradient by itself, its norm, the clipped sum in
 * binary64), with the sample and noise of the same key; the noise alone against the normal
 * distribution; what is said, and what must not be. */
#include "training.h"

#include "num/vec.h"
#include "train/rdp.h"
#include "train/trainer.h"

static onus_dataset *credit;
static const onus_noise_key key = {.key = {9, 8, 7, 6, 5, 4, 3, 2, 1}};

static setting secret(const onus_dataset *data)
{
    setting s = usual(data);
    s.spec.optimiser = ONUS_OPT_SGD;
    s.spec.lr = 0.5;
    s.spec.keep = ONUS_KEEP_LAST;
    s.privacy = (onus_privacy_spec){.noise_multiplier = 0.7, .delta = 1e-5, .clip = 1.5};
    s.noise = &key;
    return s;
}

static void refuse(const setting *s, onus_status expected, const char *part)
{
    outcome o;
    const onus_status st = run_training(s, &o);
    if (st != expected || !strstr(o.err.msg, part))
        fail_msg("expected status %d and '%s', got %d and '%s'", expected, part, st, o.err.msg);
    assert_null(said_text(&o.said, "privacy.noise", "privacy.noise.commitment", 0));
    release(&o);
}

/* ---- steps by hand ----------------------------------------------------------------------- */

/* One example's gradient, alone in its call, at its place in the sample. */
static void example_gradient(const setting *s, onus_plan *plan, int64_t row, int64_t place,
                             uint32_t step, double class_weight, float *grad)
{
    float label;
    onus_dataset_fetch(s->data, &row, 1, onus_plan_input(plan), &label, NULL);
    const float weight = label == 1.0f ? (float)class_weight : 1.0f;
    const onus_batch b = {.B = 1,
                          .first = place,
                          .label = &label,
                          .weight = &weight,
                          .loss_scale = 1.0f,
                          .seed = onus_noise_seed(&key),
                          .step = step,
                          .training = true};
    onus_plan_forward(plan, &b);
    onus_plan_backward(plan, &b, &grad);
}

/* Gradients clipped to C one by one, their sum; returns how many were cut. */
static int64_t clipped_sum(const setting *s, onus_plan *plan, const int64_t *sample, int64_t n,
                           uint32_t step, double class_weight, float *grad, double *sum,
                           int64_t P)
{
    int64_t cut = 0;
    memset(sum, 0, (size_t)P * sizeof *sum);
    for (int64_t i = 0; i < n; i++) {
        double norm2 = 0;
        example_gradient(s, plan, sample[i], i, step, class_weight, grad);
        for (int64_t k = 0; k < P; k++) norm2 += (double)grad[k] * (double)grad[k];
        const double factor = fmin(1, s->privacy.clip / sqrt(norm2));
        cut += factor < 1;
        for (int64_t k = 0; k < P; k++) sum[k] += factor * (double)grad[k];
    }
    return cut;
}

/* The grid and the deviation of docs/PRIVACY.md for a net whose examples have one row: the
 * finest grid that moves none of them by more than 2^-14 C. (What sums and noise want is
 * coarser in no setting here.) */
static double grid_by_hand(const setting *s, int64_t n_params, double *std)
{
    const double C = s->privacy.clip, rounding = sqrt((double)n_params);
    double grid = 1;
    while (grid * rounding / 2 > 0x1p-14 * C) grid /= 2;
    *std = s->privacy.noise_multiplier * (C + grid * rounding / 2);
    return grid;
}

/* Plain descent for `steps` private steps; the net that comes of it. n_cut and n_seen may tell
 * that the test is one: examples cut and examples in all. */
static onus_net *by_hand(const setting *s, int64_t steps, double class_weight, int64_t *n_cut,
                         int64_t *n_seen)
{
    int64_t n;
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    const int64_t *rows = onus_dataset_part(s->data, ONUS_PART_TRAIN, &n);
    onus_net *net = build_net(s, NULL, NULL);
    onus_plan *plan = NULL;
    assert_int_equal(onus_plan_create(&plan, net, &ex, ONUS_PLAN_TRAIN, 1, NULL, NULL),
                     ONUS_OK);
    const int64_t P = onus_net_param_floats(net);
    int64_t *sample = malloc((size_t)n * sizeof *sample);
    float *grad = calloc((size_t)P, sizeof *grad);
    double *noise = calloc((size_t)P, sizeof *noise), *sum = calloc((size_t)P, sizeof *sum),
           std;
    const double grid = grid_by_hand(s, onus_net_param_count(net), &std);
    assert_true(sample && grad && noise && sum);
    const double q = (double)s->spec.batch / (double)n;
    for (int64_t t = 0; t < steps; t++) {
        const int64_t taken = onus_noise_sample(&ex, &key, (uint32_t)t, q, n, sample, n);
        for (int64_t i = 0; i < taken; i++) sample[i] = rows[sample[i]];
        *n_cut += clipped_sum(s, plan, sample, taken, (uint32_t)t, class_weight, grad, sum, P);
        *n_seen += taken;
        memset(noise, 0, (size_t)P * sizeof *noise);
        for (int k = 0; k < onus_net_tensors(net); k++) {
            const onus_tensor *x = onus_net_tensor(net, k);
            assert_int_equal(onus_noise_grid(&ex, &key, (uint32_t)t, (uint32_t)k, std, grid,
                                             onus_noise_dither_bits(std, grid),
                                             noise + x->offset, x->n, NULL),
                             ONUS_OK);
        }
        for (int64_t k = 0; k < P; k++)
            onus_net_params(net)[k] -=
                (float)(s->spec.lr * (sum[k] + noise[k]) / (double)s->spec.batch);
    }
    onus_plan_destroy(plan);
    free(sample);
    free(grad);
    free(noise);
    free(sum);
    return net;
}

static void assert_same_steps(setting *s, double class_weight)
{
    outcome o;
    int64_t n_cut = 0, n_seen = 0;
    train_well(s, &o);
    onus_net *net = by_hand(s, o.result.steps, class_weight, &n_cut, &n_seen);
    for (int64_t k = 0; k < onus_net_param_floats(net); k++) {
        const double found = (double)onus_net_params(o.net)[k],
                     expected = (double)onus_net_params(net)[k];
        if (fabs(found - expected) > 2e-6 + 2e-5 * fabs(expected))
            fail_msg("parameter %lld: %.9g, expected %.9g", (long long)k, found, expected);
    }
    assert_true(n_cut > n_seen / 20 && n_cut < n_seen - n_seen / 20); /* both kinds are there */
    onus_net_destroy(net);
    release(&o);
}

/* Samples of some 64 and of some 400, which run as several micro-batches; in four shards; with
 * dropout; with a class weight, which counts before the clipping. */
static void steps_by_hand(void **state)
{
    (void)state;
    static const double weights[] = {1, 3};
    setting s = secret(credit);
    s.spec.epochs = 1;
    assert_same_steps(&s, 1);
    s.spec.batch = 400;
    s.spec.epochs = 2;
    assert_same_steps(&s, 1);
    s.spec.shards = 4;
    s.threads = 2;
    s.isa = onus_isa_best();
    s.model.settings = "{\"dropout\":0.3,\"hidden\":[16]}";
    assert_same_steps(&s, 1);
    s.spec.class_weights = ONUS_CLASS_WEIGHTS_GIVEN;
    s.spec.class_weight = weights;
    s.spec.n_class_weight = 2;
    s.privacy.clip = 3;
    assert_same_steps(&s, 3);
}

/* A batch of 2 of 700: every seventh sample or so is empty, and is a step all the same. */
static void empty_samples_are_steps(void **state)
{
    (void)state;
    int64_t n, empty = 0, sample[700];
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    setting s = secret(credit);
    s.spec.epochs = 1;
    s.spec.batch = 2;
    s.spec.lr = 0.02;
    (void)onus_dataset_part(credit, ONUS_PART_TRAIN, &n);
    for (uint32_t t = 0; t < 350; t++)
        empty += onus_noise_sample(&ex, &key, t, 2.0 / (double)n, n, sample, n) == 0;
    assert_true(empty > 25 && empty < 75); /* 350 e^-2 = 47 */
    assert_same_steps(&s, 1);
}

/* ---- what is not finite ------------------------------------------------------------------ */

/* An example that overflows adds nothing and stops nothing: with or without it, the model is
 * the same but for the sampling rate; here both rows are there, and all parameters stay
 * finite. */
static void monsters_are_left_out(void **state)
{
    (void)state;
    static const onus_column_spec columns[] = {
        {.name = "a", .role = ONUS_ROLE_NUMBER, .scale = ONUS_SCALE_NONE}};
    static onus_data_spec spec;
    char text[4096] = "a,y\n";
    for (int i = 0; i < 60; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s,%d\n",
                 i == 31 ? "3e38"
                 : i % 2 ? "1"
                         : "-1",
                 i % 2);
    const char *path = write_table(make_room(), text);
    spec = (onus_data_spec){.recipe = "test",
                            .source = path,
                            .test_source = path,
                            .label = "y",
                            .positive = "1",
                            .protected_none = true,
                            .columns = columns,
                            .n_columns = 1,
                            .train = 1};
    onus_dataset *d = open_data(&spec);
    setting s = secret(d);
    s.spec.batch = 60; /* all rows, every step */
    s.spec.epochs = 20;
    s.privacy.noise_multiplier = 1;
    outcome o;
    train_well(&s, &o);
    for (int64_t k = 0; k < onus_net_param_floats(o.net); k++)
        assert_true(isfinite(onus_net_params(o.net)[k]));
    assert_int_equal(o.result.steps, 20);
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    const int64_t two[2] = {0, 1};
    float p[2];
    assert_int_equal(onus_predict(o.net, &ex, d, two, 2, p, NULL, NULL), ONUS_OK);
    assert_true(p[0] < 0.3f && p[1] > 0.7f); /* and it has learnt from the others */
    release(&o);
    onus_dataset_close(d);
}

/* ---- noise ------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One step in which noise drowns everything: the parameters' change over lr sigma C / batch is
 * normal, by Kolmogorov and Smirnov's statistic (1.63 / sqrt(n) at 1%), deviation and mean. */
static void noise_has_its_deviation(void **state)
{
    (void)state;
    setting s = secret(credit);
    s.model.settings = "{\"hidden\":[200]}";
    s.spec.epochs = 1;
    s.spec.batch = 700;
    s.spec.lr = 2;
    s.privacy.clip = 0.5;
    s.privacy.noise_multiplier = 1e6;
    outcome o;
    train_well(&s, &o);
    assert_int_equal(o.result.steps, 1);
    onus_net *before = build_net(&s, NULL, NULL);
    const double unit = 2 * 1e6 * 0.5 / 700;
    double *z = malloc((size_t)onus_net_param_count(o.net) * sizeof *z), sum = 0, square = 0;
    int64_t n = 0;
    assert_non_null(z);
    for (int i = 0; i < onus_net_tensors(o.net); i++) {
        const onus_tensor *x = onus_net_tensor(o.net, i);
        for (int64_t k = x->offset; k < x->offset + x->n; k++) {
            z[n] =
                ((double)onus_net_params(o.net)[k] - (double)onus_net_params(before)[k]) / unit;
            sum += z[n];
            square += z[n] * z[n];
            n++;
        }
    }
    assert_true(n > 5000);
    qsort(z, (size_t)n, sizeof *z, by_value);
    double distance = 0;
    for (int64_t i = 0; i < n; i++) {
        const double F = onus_erfc64(-z[i] / sqrt(2)) / 2;
        distance =
            fmax(distance, fmax(F - (double)i / (double)n, (double)(i + 1) / (double)n - F));
    }
    assert_true(distance < 1.63 / sqrt((double)n));
    assert_true(fabs(sum / (double)n) < 3 / sqrt((double)n));
    assert_true(fabs(square / (double)n - 1) < 3 * sqrt(2 / (double)n));
    free(z);
    onus_net_destroy(before);
    release(&o);
}

/* ---- what is drawn for rows -------------------------------------------------------------- */

static const char *write_idx(const char *name, const uint8_t *bytes, size_t n, char path[4096])
{
    snprintf(path, 4096, "%s/%s", make_room(), name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return path;
}

/* The model after three steps on 20 images, mirrored and moved, that were opened with a seed.
 */
static void train_images(uint64_t seed, bool is_private, uint8_t sha[32])
{
    enum { N = 20, SIDE = 4, SIZE = SIDE * SIDE };
    static char images[4096], labels[4096];
    uint8_t pixels[16 + N * SIZE] = {0, 0, 8, 3, 0, 0, 0, N, 0, 0, 0, SIDE, 0, 0, 0, SIDE},
                            classes[8 + N] = {0, 0, 8, 1, 0, 0, 0, N};
    for (int i = 0; i < N * SIZE; i++) pixels[16 + i] = (uint8_t)(i * 37 % 251);
    for (int i = 0; i < N; i++) classes[8 + i] = (uint8_t)(i % 2);
    write_idx("images", pixels, sizeof pixels, images);
    write_idx("labels", classes, sizeof classes, labels);
    const onus_data_spec spec = {.recipe = "test",
                                 .format = ONUS_FORMAT_IDX,
                                 .source = images,
                                 .labels = labels,
                                 .test_source = images,
                                 .test_labels = labels,
                                 .protected_none = true,
                                 .train = 1,
                                 .augment = {.flip = ONUS_FLIP_BOTH, .shift = 1, .line = 1}};
    onus_dataset *d = NULL;
    onus_err err = {.msg = ""};
    if (onus_dataset_open(&d, &spec, NULL, seed, &no_sink, NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    setting s = secret(d);
    if (!is_private) s.privacy = privacy_off;
    s.spec.batch = N;
    s.spec.epochs = 3;
    outcome o;
    train_well(&s, &o);
    memcpy(sha, o.sha, 32);
    release(&o);
    onus_dataset_close(d);
    remove(images);
    remove(labels);
}

/* Pictures are changed by draws of the data's seed, which everybody knows, and of a row's
 * number, which shifts when a row before it leaves. In a private run the seed is the key's: the
 * data's has no part in it. */
static void changed_pictures_are_sealed(void **state)
{
    (void)state;
    uint8_t one[32], other[32];
    train_images(1, false, one);
    train_images(2, false, other);
    assert_memory_not_equal(one, other, 32);
    train_images(1, true, one);
    train_images(2, true, other);
    assert_memory_equal(one, other, 32);
}

/* The key makes the bits, on any machine; another key makes others, so does another step of
 * it. */
static void the_key_makes_the_bits(void **state)
{
    (void)state;
    const onus_noise_key other = {.key = {1}};
    setting s = secret(credit);
    s.spec.optimiser = ONUS_OPT_ADAM;
    s.spec.lr = 1e-2;
    s.spec.batch = 300;
    s.model.settings = "{\"dropout\":0.1,\"hidden\":[16]}";
    outcome first, o;
    train_well(&s, &first);
    char *claims = said_claims(&first.said);
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
        for (int threads = 1; threads <= 3; threads++) {
            if (!onus_kernels_of((onus_isa)isa)) continue;
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
    s.noise = &other;
    train_well(&s, &o);
    assert_memory_not_equal(o.sha, first.sha, 32);
    free(claims);
    release(&o);
    release(&first);
}

/* ---- what is said ------------------------------------------------------------------------ */

static void no_loss(void *ctx, const onus_progress *p)
{
    assert_true(isnan(p->loss));
    ++*(int *)ctx;
}

static void training_loss_is_not_told(void **state)
{
    (void)state;
    int calls = 0;
    setting s = secret(credit);
    s.progress = no_loss;
    s.progress_ctx = &calls;
    outcome o;
    train_well(&s, &o);
    assert_true(calls >= 4);
    assert_null(strstr(o.said.text.data, "train.loss"));
    assert_non_null(said_text(&o.said, "train.epoch", "train.valid_loss", 3));
    release(&o);
}

/* A stated rate: sampled with it, divided by the batch, and an epoch is 1 / q steps, whatever
 * the rows are. */
static void a_rate_may_be_stated(void **state)
{
    (void)state;
    setting s = secret(credit);
    s.privacy.sampling_rate = 0.15;
    s.spec.epochs = 2;
    s.spec.batch = 90; /* where 105 are expected: only a divisor */
    outcome o;
    train_well(&s, &o);
    assert_true(o.result.q == 0.15);
    assert_int_equal(o.result.steps, 14);
    assert_true(said_number(&o.said, "privacy.budget", "privacy.normaliser", 0) == 90);
    assert_string_equal(said_text(&o.said, "privacy.noise", "privacy.sampling_rate.stated", 0),
                        "yes");
    assert_non_null(strstr(said_text(&o.said, "privacy.budget", "privacy.outside", 0),
                           "noise, grid and steps do not depend on it"));
    release(&o);
    s.spec.batch = 52;
    refuse(&s, ONUS_BAD_INPUT, "expected between half of it and twice");
    s.spec.batch = 211;
    refuse(&s, ONUS_BAD_INPUT, "expected between half of it and twice");
}

/* What privacy.noise says of a table of n rows, without the key's commitment. */
static void mechanism_of(int64_t n, char out[1024])
{
    static onus_data_spec spec;
    char *text = malloc(65536);
    int at = sprintf(text, "a,y\n");
    for (int64_t i = 0; i < n; i++)
        at += sprintf(text + at, "%d.5,%d\n", (int)(i % 7), (int)(i % 2));
    const char *path = write_table(make_room(), text);
    spec = (onus_data_spec){.recipe = "test",
                            .source = path,
                            .test_source = path,
                            .label = "y",
                            .positive = "1",
                            .protected_none = true,
                            .train = 1};
    onus_dataset *d = open_data(&spec);
    setting s = secret(d);
    s.privacy =
        (onus_privacy_spec){.epsilon = 2, .delta = 1e-5, .clip = 1, .sampling_rate = 0.5};
    s.spec.batch = 512;
    s.spec.epochs = 1;
    outcome o;
    train_well(&s, &o);
    static const char *const names[] = {"privacy.grid", "privacy.sensitivity",
                                        "privacy.noise_multiplier", "privacy.sample.most",
                                        "privacy.noise.cell"};
    out[0] = 0;
    for (int i = 0; i < 5; i++)
        sprintf(out + strlen(out), "%.17g ",
                said_number(&o.said, "privacy.noise", names[i], 0));
    sprintf(out + strlen(out), "%lld", (long long)o.result.steps);
    release(&o);
    onus_dataset_close(d);
    free(text);
}

/* With a stated rate nothing of the mechanism depends on how many rows there are: a grid that
 * did would lie on other numbers for a neighbour with one row more. */
static void a_stated_rate_hides_the_rows(void **state)
{
    (void)state;
    char one[1024], other[1024];
    mechanism_of(1024, one);
    for (int64_t n = 1023; n <= 1025; n += 2) {
        mechanism_of(n, other);
        assert_string_equal(one, other);
    }
    mechanism_of(700, other);
    assert_string_equal(one, other);
}

/* The commitment stands before the first epoch; the budget is the accountant's of what ran. */
static void the_budget_is_of_what_ran(void **state)
{
    (void)state;
    uint8_t commitment[32];
    char hex[ONUS_HEX_LEN];
    setting s = secret(credit);
    s.privacy = (onus_privacy_spec){.epsilon = 3, .delta = 1e-5, .clip = 1};
    outcome o;
    train_well(&s, &o);
    onus_noise_key_commit(&key, commitment);
    onus_hex(commitment, 32, hex);
    assert_string_equal(said_text(&o.said, "privacy.noise", "privacy.noise.commitment", 0),
                        hex);
    assert_true(strstr(o.said.text.data, "privacy.noise ") <
                strstr(o.said.text.data, "train.epoch "));
    const double sigma = said_number(&o.said, "privacy.budget", "privacy.noise_multiplier", 0),
                 q = said_number(&o.said, "privacy.budget", "privacy.sampling_rate", 0),
                 epsilon = said_number(&o.said, "privacy.budget", "privacy.epsilon", 0);
    assert_true(q == 64.0 / 700);
    assert_true(said_number(&o.said, "privacy.budget", "privacy.steps", 0) == 44);
    const double rdp = said_number(&o.said, "privacy.budget", "privacy.epsilon.rdp", 0),
                 pld = said_number(&o.said, "privacy.budget", "privacy.epsilon.pld", 0);
    assert_true(rdp > onus_rdp_epsilon(sigma, q, 44, 1e-5, NULL));
    assert_true(rdp < 1.001 * onus_rdp_epsilon(sigma, q, 44, 1e-5, NULL));
    assert_true(epsilon == pld && pld < rdp && epsilon <= 3 && epsilon > 2.99);
    assert_string_equal(said_text(&o.said, "privacy.noise", "privacy.sampling_rate.stated", 0),
                        "no");
    assert_string_equal(said_text(&o.said, "privacy.budget", "privacy.order.last", 0), "no");
    assert_true(o.result.epsilon == epsilon && o.result.sigma == sigma && o.result.q == q);
    release(&o);
    /* ended by what it saw: all planned steps are accounted for */
    s.spec.lr = 0;
    s.spec.epochs = 30;
    s.spec.patience = 2;
    train_well(&s, &o);
    assert_int_equal(o.result.epochs_run, 3);
    assert_true(said_number(&o.said, "privacy.budget", "privacy.steps", 0) == 330);
    assert_true(o.result.epsilon <= 3 && o.result.epsilon > 2.99);
    release(&o);
}

static void what_lies_outside_is_listed(void **state)
{
    (void)state;
    setting s = secret(credit);
    s.spec.epochs = 1;
    outcome o;
    train_well(&s, &o);
    const char *text = said_text(&o.said, "privacy.budget", "privacy.outside", 0);
    assert_non_null(strstr(text, "statistics fitted on the training part"));
    assert_non_null(strstr(text, "validation part: losses"));
    assert_non_null(strstr(text, "test part"));
    assert_non_null(strstr(text, "the number of rows of the training part"));
    assert_null(strstr(text, "rounding"));
    assert_null(strstr(text, "class weights"));
    assert_null(strstr(text, "the epoch that was kept"));
    assert_null(strstr(text, "delta is not below"));
    assert_null(strstr(text, "train.from"));
    release(&o);
    s.spec.from = "weights.safetensors"; /* that the caller took */
    s.spec.keep = ONUS_KEEP_BEST;
    s.spec.patience = 1;
    s.spec.class_weights = ONUS_CLASS_WEIGHTS_BALANCED;
    s.privacy.delta = 0.01;
    train_well(&s, &o);
    text = said_text(&o.said, "privacy.budget", "privacy.outside", 0);
    assert_non_null(strstr(text, "class weights balanced"));
    assert_non_null(strstr(text, "the epoch that was kept"));
    assert_non_null(strstr(text, "the number of epochs"));
    assert_non_null(strstr(text, "weights taken from elsewhere (train.from)"));
    assert_non_null(strstr(text, "delta is not below 1 / rows"));
    release(&o);
}

/* ---- refusals, memory -------------------------------------------------------------------- */

static void wrong_settings_are_refused(void **state)
{
    (void)state;
    setting s = secret(credit);
    s.noise = NULL;
    refuse(&s, ONUS_BAD_ARG, "key");
    s = secret(credit);
    s.privacy.clip = 0;
    refuse(&s, ONUS_BAD_ARG, "clip");
    s.privacy.clip = INFINITY;
    refuse(&s, ONUS_BAD_ARG, "clip");
    s = secret(credit);
    s.privacy.delta = 1;
    refuse(&s, ONUS_BAD_ARG, "delta");
    s = secret(credit);
    s.privacy.noise_multiplier = 0;
    refuse(&s, ONUS_BAD_ARG, "epsilon or noise");
    s.privacy.epsilon = 1e-7;
    s.privacy.delta = 1e-30;
    refuse(&s, ONUS_BAD_INPUT, "less than can be proven of computed numbers");
    s.privacy.delta = 1e-5;
    s.privacy.epsilon = 1e-5;
    refuse(&s, ONUS_BAD_INPUT, "no noise up to");
    s = secret(credit);
    s.privacy.sampling_rate = 1.5;
    refuse(&s, ONUS_BAD_ARG, "sampling_rate");
    s = secret(credit);
    s.privacy.noise_multiplier = 0.01;
    refuse(&s, ONUS_BAD_INPUT, "with so little");
    s = secret(credit);
    s.spec.batch = 701;
    refuse(&s, ONUS_BAD_INPUT, "701 is more than the 700 rows");
}

static onus_status train_secretly(const onus_allocator *mem, void *ctx, onus_err *err)
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
    setting s = secret(credit);
    s.spec.epochs = 1;
    s.spec.batch = 300;
    assert_true(failing_mem_walk("private training", train_secretly, &s) > 10);
}

/* No gradient of one example is stored: the memory is within 1.2 of what ordinary training of
 * the same net and batch takes, though samples vary and a plan has room for 320 rows. What a
 * whole process takes is measured by make bench. */
static void memory_is_that_of_ordinary_training(void **state)
{
    (void)state;
    failing_mem ordinary = {.fail_at = 0}, private_ = {.fail_at = 0};
    const onus_allocator a = failing_mem_allocator(&ordinary),
                         b = failing_mem_allocator(&private_);
    setting s = secret(credit);
    s.spec.epochs = 1;
    s.spec.batch = 256;
    s.model.settings = "{\"hidden\":[256]}";
    outcome o;
    s.mem = &b;
    train_well(&s, &o);
    release(&o);
    s.privacy = privacy_off;
    s.mem = &a;
    train_well(&s, &o);
    release(&o);
    assert_true((double)private_.peak_bytes <= 1.2 * (double)ordinary.peak_bytes);
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
        cmocka_unit_test(steps_by_hand),
        cmocka_unit_test(empty_samples_are_steps),
        cmocka_unit_test(monsters_are_left_out),
        cmocka_unit_test(noise_has_its_deviation),
        cmocka_unit_test(changed_pictures_are_sealed),
        cmocka_unit_test(the_key_makes_the_bits),
        cmocka_unit_test(training_loss_is_not_told),
        cmocka_unit_test(a_rate_may_be_stated),
        cmocka_unit_test(a_stated_rate_hides_the_rows),
        cmocka_unit_test(the_budget_is_of_what_ran),
        cmocka_unit_test(what_lies_outside_is_listed),
        cmocka_unit_test(wrong_settings_are_refused),
        cmocka_unit_test(memory_may_end_at_any_moment),
        cmocka_unit_test(memory_is_that_of_ordinary_training),
    };
    if (!onus_crypto_start()) return 1;
    return cmocka_run_group_tests(tests, open_credit, close_credit);
}
