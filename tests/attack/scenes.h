/* SPDX-License-Identifier: Apache-2.0
 * scenes.h - tables and recipes of scenes: the last row is the one that is attacked. */
#ifndef ONUS_TESTS_ATTACK_SCENES_H
#define ONUS_TESTS_ATTACK_SCENES_H
#include "verdict.h"

/* One step of plain descent over all rows: what it leaves is the sum itself. A rate of 1, a
 * batch of a power of two: nothing is rounded on the way. */
static const onus_train_spec one_step = {.epochs = 1,
                                         .shards = 1,
                                         .optimiser = ONUS_OPT_SGD,
                                         .lr = 1,
                                         .momentum = 0.9,
                                         .beta1 = 0.9,
                                         .beta2 = 0.999,
                                         .eps = 1e-8,
                                         .gamma = 0.5,
                                         .step_epochs = 1,
                                         .keep = ONUS_KEEP_LAST,
                                         .checkpoint_epochs = -1};
static const char *const yes_no[] = {"0", "1", "2"};

static inline scene new_scene(const char *name, int n_rows)
{
    scene s = {.name = name,
               .n_rows = n_rows,
               .data = {.protected_none = true, .train = 1, .keep_constant = true},
               .train = one_step,
               .privacy = {.epsilon = 0.5, .delta = 1e-5, .clip = 1}};
    s.train.batch = n_rows;
    return s;
}

static inline void free_tables(scene *s)
{
    free(s->table[0]);
    free(s->table[1]);
}

/* The second table lacks a row altogether: those behind it stand at other places, and there is
 * one less. The recipe then states the sampling rate, as it must for such neighbours. */
static inline void take_out(scene *s, int row)
{
    const char *begin = s->table[0];
    for (int line = 0; line <= row; line++) begin = strchr(begin, '\n') + 1;
    const char *end = strchr(begin, '\n') + 1;
    const size_t before = (size_t)(begin - s->table[0]), after = strlen(end);
    free(s->table[1]);
    s->bytes[1] = before + after;
    s->table[1] = calloc(s->bytes[1] + 1, 1);
    assert_non_null(s->table[1]);
    memcpy(s->table[1], s->table[0], before);
    memcpy(s->table[1] + before, end, after);
    s->privacy.sampling_rate = 1;
}

/* Columns a0, a1 .. of numbers as they are, a weight, a label: a number (classes 0), yes or no
 * (2), or one of three classes. x (rows, n). */
enum { FEATURES_MOST = 256 };
static inline void set_numbers(scene *s, int n, const double *x, const double *weight,
                               const double *y, int classes)
{
    static char names[FEATURES_MOST][8];
    static onus_column_spec columns[FEATURES_MOST + 1];
    columns[n] = (onus_column_spec){.name = "w", .role = ONUS_ROLE_WEIGHT};
    for (int i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "a%d", i);
        columns[i] = (onus_column_spec){.name = names[i],
                                        .role = ONUS_ROLE_NUMBER,
                                        .scale = ONUS_SCALE_NONE,
                                        .has_bounds = true,
                                        .lower = -1e30,
                                        .upper = 1e30};
    }
    for (int side = 0; side < 2; side++) {
        FILE *f = open_memstream(&s->table[side], &s->bytes[side]);
        assert_non_null(f);
        for (int i = 0; i < n; i++) fprintf(f, "a%d,", i);
        fprintf(f, "w,y\n");
        for (int r = 0; r < s->n_rows; r++) {
            const bool out = side == 1 && r == s->n_rows - 1;
            for (int i = 0; i < n; i++) fprintf(f, "%.9g,", x[r * n + i]);
            fprintf(f, "%.9g,%.9g\n", out ? 0 : weight[r], y[r]);
        }
        assert_int_equal(fclose(f), 0);
    }
    s->data.columns = columns;
    s->data.n_columns = n + 1;
    s->data.label = "y";
    s->data.label_number = classes == 0;
    s->data.label_scale = ONUS_SCALE_NONE;
    if (classes == 0) return;
    if (classes == 2) s->data.positive = "1";
    s->data.label_values = yes_no;
    s->data.n_label_values = classes;
}

/* Texts of `context` characters, each a token; labels NULL: all 1 but the first. next: what is
 * predicted is the next token. */
static inline void set_texts(scene *s, int context, const char *const *text,
                             const double *weight, const int *label, bool next)
{
    static const onus_column_spec columns[] = {{.name = "t", .role = ONUS_ROLE_TEXT},
                                               {.name = "w", .role = ONUS_ROLE_WEIGHT}};
    for (int side = 0; side < 2; side++) {
        FILE *f = open_memstream(&s->table[side], &s->bytes[side]);
        assert_non_null(f);
        fprintf(f, next ? "t,w\n" : "t,w,y\n");
        for (int r = 0; r < s->n_rows; r++) {
            const bool out = side == 1 && r == s->n_rows - 1;
            fprintf(f, "%s,%.9g", text[r], out ? 0 : weight ? weight[r] : 1);
            fprintf(f, next ? "\n" : ",%d\n", label ? label[r] : r > 0);
        }
        assert_int_equal(fclose(f), 0);
    }
    s->data.columns = columns;
    s->data.n_columns = 2;
    s->data.text.context = context;
    if (next) {
        s->data.predict = ONUS_PREDICT_NEXT;
        return;
    }
    s->data.label = "y";
    s->data.positive = "1";
    s->data.label_values = yes_no;
    s->data.n_label_values = 2;
}

/* Images of bytes, classes 0 .. 2, of which the last has the weight 0: a row of that class
 * takes no part. */
static inline void set_images(scene *s, int height, int width, const uint8_t *pixels,
                              const int *label)
{
    static const double weights[] = {1, 1, 0};
    const size_t n = (size_t)(s->n_rows * height * width);
    for (int side = 0; side < 2; side++) {
        s->bytes[side] = n + (size_t)s->n_rows;
        s->table[side] = malloc(s->bytes[side]);
        assert_non_null(s->table[side]);
        memcpy(s->table[side], pixels, n);
        for (int r = 0; r < s->n_rows; r++) s->table[side][n + (size_t)r] = (char)label[r];
        if (side == 1) s->table[side][n + (size_t)s->n_rows - 1] = 2;
    }
    s->height = height;
    s->data.format = ONUS_FORMAT_IDX;
    s->train.class_weights = ONUS_CLASS_WEIGHTS_GIVEN;
    s->train.class_weight = weights;
    s->train.n_class_weight = 3;
}

/* ---- weights ----------------------------------------------------------------------------- */

static inline float *tensor(onus_net *net, const char *name, int64_t *n)
{
    for (int i = 0; i < onus_net_tensors(net); i++) {
        const onus_tensor *x = onus_net_tensor(net, i);
        if (strcmp(x->name, name) != 0) continue;
        if (n) *n = x->n;
        return onus_net_params(net) + x->offset;
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

static inline void zero_all(onus_net *net)
{
    memset(onus_net_params(net), 0, (size_t)onus_net_param_floats(net) * sizeof(float));
}

/* Numbers that anybody may know: splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t public_word(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline double public_uniform(uint64_t *state)
{
    return (double)(public_word(state) >> 11) * 0x1p-53;
}

static inline double public_normal(uint64_t *state)
{
    const double r = sqrt(-2 * log(1 - public_uniform(state)));
    return r * cos(6.283185307179586 * public_uniform(state));
}

/* T vectors of n numbers of that size whose sum is `rest` in every place, but for rounding. */
static inline void cancelling(uint64_t seed, float *x, int64_t T, int64_t n, double size,
                              double rest)
{
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t t = 0; t + 1 < T; t++) {
            x[t * n + i] = (float)(size * public_normal(&seed));
            sum += (double)x[t * n + i];
        }
        x[(T - 1) * n + i] = (float)(rest - sum);
    }
}
#endif
