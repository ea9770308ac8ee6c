/* SPDX-License-Identifier: Apache-2.0
 * stage.h - where attacks are played: two neighbouring tables, one net with public first
 * weights, and thousands of private trainings of it in one process, through onus_train.
 *
 * What an attacker sees of a run (its trace) is what epsilon is said to cover: the parameters
 * after every step, and Adam's averages, which a checkpoint holds. They are taken where they
 * are made: the linker puts __wrap_onus_optimiser_step in the place of onus_optimiser_step. */
#ifndef ONUS_TESTS_ATTACK_STAGE_H
#define ONUS_TESTS_ATTACK_STAGE_H
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* after setjmp.h */
#include <cmocka.h>

#include "data/dataset.h"
#include "net/model.h"
#include "train/accountant.h"
#include "train/optimiser.h"
#include "train/train.h"

/* ---- what is played ---------------------------------------------------------------------- */

/* All of it but the tables is public. The tables differ in the last row: in the first it
 * counts, in the second its weight is 0 (of images, which have no column of weights: its class
 * has the weight 0), so that their sizes are the same and q tells nothing; or, with a stated
 * sampling rate, it is missing there (take_out). */
typedef struct stage stage;
typedef struct {
    const char *name;
    char *table[2];     /* what write_scene writes; owned */
    size_t bytes[2];    /* their lengths */
    int n_rows, height; /* images: rows and lines of an image */
    onus_data_spec data;
    onus_model_spec model;
    onus_train_spec train;
    onus_privacy_spec privacy;
    /* sets the first weights, which the net's own are until then */
    void (*weights)(onus_net *net, uint64_t seed);
    uint64_t seed;
    double (*own)(const stage *s, const float *trace); /* a statistic; NULL: the usual ones */
} scene;

struct stage {
    const scene *scene;
    onus_data_spec spec[2];
    onus_dataset *data[2];
    onus_net *net;
    float *first;              /* (P) */
    onus_privacy_spec privacy; /* with the noise that the claim takes */
    double claim;
    uint64_t aimed;      /* the seed that aim found */
    int64_t P, steps, F; /* floats of the block, planned steps, floats of a trace */
    int64_t blocks;      /* of P floats that a step leaves: parameters, m, v */
};

/* ---- what is seen ------------------------------------------------------------------------ */

static struct {
    float *to;    /* NULL: nobody looks */
    double *grad; /* (P): the first step's gradient, noise in it; NULL likewise */
    int64_t steps, P, blocks;
} watch;

/* A private run asks, before its first step, whether its noise proves anything. The thousands
 * that follow the first with the same settings are not asked again. */
static bool accounted;
onus_status __real_onus_account(const onus_mechanism *m, const onus_allocator *mem,
                                onus_spent_privacy *out, onus_err *err);
onus_status __wrap_onus_account(const onus_mechanism *m, const onus_allocator *mem,
                                onus_spent_privacy *out, onus_err *err);
onus_status __wrap_onus_account(const onus_mechanism *m, const onus_allocator *mem,
                                onus_spent_privacy *out, onus_err *err)
{
    if (!accounted) return __real_onus_account(m, mem, out, err);
    *out = (onus_spent_privacy){.epsilon = NAN};
    return ONUS_OK;
}

void __real_onus_optimiser_step(onus_optimiser_state *o, const onus_gradient *g, double rate);
void __wrap_onus_optimiser_step(onus_optimiser_state *o, const onus_gradient *g, double rate);
void __wrap_onus_optimiser_step(onus_optimiser_state *o, const onus_gradient *g, double rate)
{
    const size_t bytes = (size_t)watch.P * sizeof(float);
    for (int64_t i = 0; watch.grad && i < onus_net_param_floats(o->net); i++)
        watch.grad[i] = g->sums[i] / g->divisor;
    watch.grad = NULL;
    __real_onus_optimiser_step(o, g, rate);
    if (!watch.to || watch.steps < 1) return;
    memcpy(watch.to, onus_net_params(o->net), bytes);
    if (watch.blocks > 1) memcpy(watch.to + watch.P, o->m, bytes);
    if (watch.blocks > 2) memcpy(watch.to + 2 * watch.P, o->v, bytes);
    watch.to += watch.blocks * watch.P;
    watch.steps--;
}

static inline onus_status be_silent(void *ctx, const onus_event *event, onus_err *err)
{
    (void)ctx, (void)event, (void)err;
    return ONUS_OK;
}

/* One training on table `side` under that key. whole: to its end, with its accounting, which is
 * left out else: it says the same each time. */
static inline onus_status play(const stage *s, int side, const onus_noise_key *key, bool whole,
                               float *trace, onus_train_result *out, onus_err *err)
{
    static onus_exec ex;
    ex.k = onus_kernels_of(onus_isa_best());
    const onus_train_io io = {.ex = &ex,
                              .sink = {.emit = be_silent},
                              .seed = 1,
                              .noise = key,
                              .stop_step = whole ? 0 : s->steps};
    memcpy(onus_net_params(s->net), s->first, (size_t)s->P * sizeof(float));
    watch.to = trace;
    watch.steps = s->steps;
    watch.P = s->P;
    watch.blocks = s->blocks;
    const onus_status st =
        onus_train(s->net, s->data[side], &s->scene->train, &s->privacy, &io, out, err);
    watch.to = NULL;
    return st;
}

/* ---- setting up and clearing ------------------------------------------------------------- */

static inline const char *room_path(const char *name)
{
    static char room[] = "/tmp/onus-attack-XXXXXX", paths[8][128];
    static bool made;
    static int turn;
    if (!made && !mkdtemp(room)) fail_msg("no room");
    made = true;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", room, name);
    return path;
}

static inline void clear_room(void)
{
    static const char *const names[] = {"table", "labels", "tok.json", ""};
    for (int i = 0; i < 4; i++) (void)remove(room_path(names[i]));
}

static inline void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* Characters are tokens: [UNK] 0, a 1, b 2, .. z 26. */
enum { FIRST_LETTER = 1, LETTERS = 26 };
static inline const char *tokenizer_path(void)
{
    static char text[4096];
    int n = snprintf(
        text, sizeof text,
        "{\"added_tokens\":[{\"content\":\"[UNK]\",\"id\":0,\"lstrip\":false,\"normalized\":"
        "false,\"rstrip\":false,\"single_word\":false,\"special\":true}],\"decoder\":{\"type\":"
        "\"Fuse\"},\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"[UNK]\",\"vocab\":{"
        "\"[UNK]\":0");
    for (int i = 0; i < LETTERS; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, ",\"%c\":%d", 'a' + i,
                      FIRST_LETTER + i);
    n += snprintf(
        text + n, sizeof text - (size_t)n,
        "}},\"normalizer\":null,\"padding\":null,\"post_processor\":null,"
        "\"pre_tokenizer\":{\"behavior\":\"Isolated\",\"invert\":false,\"pattern\":{"
        "\"String\":\"\"},\"type\":\"Split\"},\"truncation\":null,\"version\":\"1.0\"}");
    const char *path = room_path("tok.json");
    write_file(path, text, (size_t)n);
    return path;
}

/* IDX (yann.lecun.com/exdb/mnist): big-endian sizes, then bytes. A table of images is the bytes
 * of all of them, then their labels. */
static inline void write_images(const scene *sc, const char *bytes, size_t n,
                                const char *images, const char *labels)
{
    const int rows = sc->n_rows, width = ((int)n / rows - 1) / sc->height;
    const uint8_t of_images[16] = {0, 0, 8, 3,
                                   0, 0, 0, (uint8_t)rows,
                                   0, 0, 0, (uint8_t)sc->height,
                                   0, 0, 0, (uint8_t)width},
                  of_labels[8] = {0, 0, 8, 1, 0, 0, 0, (uint8_t)rows};
    static uint8_t all[1 << 20];
    const size_t pixels = n - (size_t)rows;
    memcpy(all, of_images, 16);
    memcpy(all + 16, bytes, pixels);
    write_file(images, all, 16 + pixels);
    memcpy(all, of_labels, 8);
    memcpy(all + 8, bytes + pixels, (size_t)rows);
    write_file(labels, all, 8 + (size_t)rows);
}

/* kept lives as long as the dataset, which reads it. */
static inline onus_dataset *open_table(const scene *sc, int side, onus_data_spec *kept)
{
    onus_dataset *d = NULL;
    onus_err err = {.msg = ""};
    onus_data_spec spec = sc->data;
    const onus_sink silent = {.emit = be_silent};
    spec.recipe = "attack";
    spec.base_dir = "/";
    spec.source = spec.test_source = room_path("table");
    if (spec.format == ONUS_FORMAT_IDX) {
        spec.labels = spec.test_labels = room_path("labels");
        write_images(sc, sc->table[side], sc->bytes[side], spec.source, spec.labels);
    } else {
        write_file(spec.source, sc->table[side], sc->bytes[side]);
    }
    if (spec.text.context > 0) spec.text.file = tokenizer_path();
    *kept = spec;
    if (onus_dataset_open(&d, kept, NULL, 1, &silent, NULL, &err) != ONUS_OK)
        fail_msg("%s: %s", sc->name, err.msg);
    return d;
}

static inline onus_net *make_net(const scene *sc, const onus_dataset *d)
{
    static const onus_head heads[ONUS_TASK_COUNT] = {[ONUS_TASK_BINARY] = ONUS_HEAD_BINARY,
                                                     [ONUS_TASK_CLASSES] = ONUS_HEAD_CLASSES,
                                                     [ONUS_TASK_REGRESSION] = ONUS_HEAD_VALUE,
                                                     [ONUS_TASK_TOKENS] = ONUS_HEAD_TOKENS,
                                                     [ONUS_TASK_LABELS] = ONUS_HEAD_LABELS};
    const onus_model_io io = {.input = onus_dataset_input(d),
                              .vocabulary = onus_dataset_vocabulary(d),
                              .head = heads[onus_dataset_task(d)],
                              .classes = onus_dataset_classes(d),
                              .next = sc->data.predict == ONUS_PREDICT_NEXT,
                              .masked = sc->data.predict == ONUS_PREDICT_MASKED};
    onus_model_spec model = sc->model;
    onus_net *net = NULL;
    onus_err err = {.msg = ""};
    onus_dataset_label_scale(d, &model.label_shift, &model.label_scale);
    if (onus_model_build(&net, &model, &io, NULL, &err) != ONUS_OK)
        fail_msg("%s: %s", sc->name, err.msg);
    for (int64_t i = 0; i < sc->train.n_freeze; i++) {
        int64_t n;
        if (onus_net_freeze(net, sc->train.freeze[i], &n, &err) != ONUS_OK)
            fail_msg("%s: %s", sc->name, err.msg);
    }
    return net;
}

static inline void set_first(stage *s, uint64_t seed)
{
    onus_net_init(s->net, seed);
    if (s->scene->weights) s->scene->weights(s->net, seed);
    memcpy(s->first, onus_net_params(s->net), (size_t)s->P * sizeof(float));
}

/* False where the library refuses: nothing was promised, so nothing can be broken. */
static inline bool open_stage(stage *s, const scene *sc)
{
    *s = (stage){.scene = sc, .privacy = sc->privacy};
    for (int side = 0; side < 2; side++) s->data[side] = open_table(sc, side, &s->spec[side]);
    s->net = make_net(sc, s->data[0]);
    s->P = onus_net_param_floats(s->net);
    s->first = calloc((size_t)s->P, sizeof(float));
    assert_non_null(s->first);
    s->blocks = sc->train.optimiser == ONUS_OPT_SGD        ? 1
                : sc->train.optimiser == ONUS_OPT_MOMENTUM ? 2
                                                           : 3;
    set_first(s, sc->seed);
    onus_train_result r;
    onus_err err = {.msg = ""};
    onus_noise_key key;
    onus_noise_key_new(&key);
    accounted = false;
    const onus_status st = play(s, 0, &key, true, NULL, &r, &err);
    accounted = true;
    if (st == ONUS_REFUSED) {
        printf("%-24s refused: %s\n", sc->name, err.msg);
        return false;
    }
    if (st != ONUS_OK) fail_msg("%s: %s", sc->name, err.msg);
    s->claim = r.epsilon;
    s->privacy.epsilon = 0;
    s->privacy.noise_multiplier = r.sigma;
    s->steps = r.steps;
    s->F = s->steps * s->blocks * s->P;
    return true;
}

static inline void close_stage(stage *s)
{
    for (int side = 0; side < 2; side++) onus_dataset_close(s->data[side]);
    onus_net_destroy(s->net);
    free(s->first);
}

/* A run of that side under a key; NULL: a new one. */
static inline void run_side(const stage *s, int side, const onus_noise_key *key, float *trace)
{
    onus_noise_key fresh;
    onus_train_result r;
    onus_err err = {.msg = ""};
    if (!key) onus_noise_key_new(&fresh);
    if (play(s, side, key ? key : &fresh, false, trace, &r, &err) != ONUS_OK)
        fail_msg("%s: %s", s->scene->name, err.msg);
}

/* How far the row moves a first step's sum, over C: both tables under one key, so that the
 * noise is the same and falls out but for rounding. Above 1 the noise is too little, whatever
 * an attack can make of it. Infinite where a run fails. */
static inline double push(const stage *s)
{
    onus_noise_key key;
    onus_train_result r;
    double sum = 0;
    double *grad[2];
    onus_noise_key_new(&key);
    for (int side = 0; side < 2; side++) {
        grad[side] = watch.grad = calloc((size_t)s->P, sizeof(double));
        assert_non_null(watch.grad);
        if (play(s, side, &key, false, NULL, &r, NULL) != ONUS_OK) sum = INFINITY;
        watch.grad = NULL;
    }
    for (int64_t i = 0; i < s->P; i++) sum += pow(grad[0][i] - grad[1][i], 2);
    free(grad[0]);
    free(grad[1]);
    return sqrt(sum) * (double)s->scene->train.batch / s->scene->privacy.clip;
}

/* The first weights, of `n` seeds, with which the row moves the sum most. */
static inline double aim(stage *s, int n)
{
    double most = 0;
    uint64_t best = s->scene->seed;
    for (int i = 0; i < n; i++) {
        set_first(s, s->scene->seed + (uint64_t)i);
        const double moved = push(s);
        if (moved > most) best = s->scene->seed + (uint64_t)i;
        if (moved > most) most = moved;
    }
    set_first(s, best);
    s->aimed = best;
    return most;
}
#endif
