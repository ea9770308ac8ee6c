/* SPDX-License-Identifier: Apache-2.0
 * training.h - what the tests of training share: the German credit table, a net on it, one
 * training with everything it said, kept as lines "type name=value". */
#ifndef ONUS_TESTS_TRAINING_H
#define ONUS_TESTS_TRAINING_H
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* after setjmp.h */
#include <cmocka.h>

#include "base/file.h"
#include "base/hash.h"
#include "failing_mem.h"
#include "train/train.h"
#include "model_spec.h"

/* ---- events ------------------------------------------------------------------------------ */

typedef struct {
    onus_buf text; /* one line a field */
} said;

static inline onus_status said_emit(void *ctx, const onus_event *event, onus_err *err)
{
    (void)err;
    onus_buf *b = &((said *)ctx)->text;
    for (int64_t i = 0; i < event->n_fields; i++) {
        const onus_field *f = &event->fields[i];
        onus_buf_printf(b, "%s %s%s=", event->type, f->observed ? "~" : "", f->name);
        switch (f->kind) {
        case ONUS_FIELD_INT: onus_buf_printf(b, "%lld", (long long)f->i); break;
        case ONUS_FIELD_REAL: onus_buf_printf(b, "%.17g", f->r); break;
        case ONUS_FIELD_TEXT: onus_buf_str(b, f->text); break;
        case ONUS_FIELD_UNDEFINED: onus_buf_str(b, "undefined"); break;
        case ONUS_FIELD_REALS:
            for (int64_t k = 0; k < f->n; k++) onus_buf_printf(b, "%.17g ", f->reals[k]);
            break;
        case ONUS_FIELD_TEXTS:
            for (int64_t k = 0; k < f->n; k++) onus_buf_printf(b, "%s; ", f->texts[k]);
            break;
        }
        onus_buf_str(b, "\n");
    }
    return ONUS_OK;
}

/* Copy of what follows "type name=" at its nth line, to the line's end; NULL if it was not
 * said. The text lives until four calls later. */
static inline const char *said_text(const said *s, const char *type, const char *name, int nth)
{
    static char out[4][2048];
    static int turn;
    char key[256];
    const size_t n = (size_t)snprintf(key, sizeof key, "%s %s=", type, name);
    for (const char *line = s->text.data; line && *line;) {
        const char *end = strchr(line, '\n');
        if (strncmp(line, key, n) == 0 && nth-- == 0) {
            char *to = out[turn++ % 4];
            snprintf(to, sizeof out[0], "%.*s", (int)(end - line - (long)n), line + n);
            return to;
        }
        line = end + 1;
    }
    return NULL;
}

static inline double said_number(const said *s, const char *type, const char *name, int nth)
{
    const char *text = said_text(s, type, name, nth);
    if (!text) fail_msg("%s %s was not said %d times", type, name, nth + 1);
    return strtod(text, NULL);
}

/* The lines without what was observed, as one text; free it. */
static inline char *said_claims(const said *s)
{
    char *out = calloc(1, s->text.len + 1), *to = out;
    assert_non_null(out);
    for (const char *line = s->text.data; line && *line;) {
        const char *end = strchr(line, '\n'), *blank = strchr(line, ' ');
        if (blank[1] != '~') {
            memcpy(to, line, (size_t)(end + 1 - line));
            to += end + 1 - line;
        }
        line = end + 1;
    }
    return out;
}

/* ---- data -------------------------------------------------------------------------------- */

static const onus_sink no_sink = {NULL, NULL};
static const char *const credit_stratify[] = {"risk"};
static const onus_data_spec credit_spec = {.recipe = "test",
                                           .base_dir = ".",
                                           .source = "data/german_credit.csv",
                                           .label = "risk",
                                           .positive = "good",
                                           .protected_none = true,
                                           .train = 0.7,
                                           .valid = 0.1,
                                           .test = 0.2,
                                           .stratify = credit_stratify,
                                           .n_stratify = 1};

static inline onus_dataset *open_data(const onus_data_spec *spec)
{
    onus_dataset *d = NULL;
    onus_err err = {.msg = ""};
    if (onus_dataset_open(&d, spec, NULL, 1, &no_sink, NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    return d;
}

/* A CSV of that text in the test's room; returns its path. */
static inline const char *write_table(const char *room, const char *text)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/table.csv", room);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    return path;
}

/* A new folder under /tmp, for the life of the process. */
static inline const char *make_room(void)
{
    static char room[] = "/tmp/onus-train-XXXXXX";
    static bool made;
    if (!made && !mkdtemp(room)) fail_msg("no room");
    made = true;
    return room;
}

static inline void remove_room(const char *room)
{
    onus_arena arena;
    const char **names;
    int64_t n = 0;
    char path[8192];
    onus_arena_init(&arena, NULL);
    if (onus_dir_list(room, &arena, &names, &n, NULL) == ONUS_OK) {
        for (int64_t i = 0; i < n; i++) {
            snprintf(path, sizeof path, "%s/%s", room, names[i]);
            (void)remove(path);
        }
    }
    (void)remove(room);
    onus_arena_release(&arena);
}

/* ---- a training -------------------------------------------------------------------------- */

static const onus_train_spec plain_spec = {.epochs = 4,
                                           .batch = 64,
                                           .shards = 1,
                                           .lr = 1e-3,
                                           .momentum = 0.9,
                                           .beta1 = 0.9,
                                           .beta2 = 0.999,
                                           .eps = 1e-8,
                                           .weight_decay = 0.01,
                                           .gamma = 0.5,
                                           .step_epochs = 2};
static const onus_privacy_spec privacy_off = {.off = true};

/* What a test may vary; zero is the usual. */
typedef struct {
    const onus_dataset *data; /* required */
    onus_train_spec spec;
    onus_privacy_spec privacy;
    onus_model_spec model;
    uint64_t seed;
    onus_isa isa; /* ref */
    int threads;  /* 0: 1 */
    const onus_noise_key *noise;
    const char *dir;
    int64_t start_step, stop_step;
    bool start_stopped;
    const uint8_t *start_sha;
    bool only_hash; /* checkpoints are not written */
    const volatile int *stop;
    void (*progress)(void *ctx, const onus_progress *p);
    void *progress_ctx;
    const onus_allocator *mem;
    onus_buf *profile;
} setting;

/* What came of it. net is owned: release(). */
typedef struct {
    onus_net *net;
    onus_train_result result;
    said said;
    onus_err err;
    uint8_t sha[32];
} outcome;

static inline setting usual(const onus_dataset *data)
{
    return (setting){.data = data,
                     .spec = plain_spec,
                     .privacy = privacy_off,
                     .model = {.kind = "mlp", .settings = "{\"hidden\":[16]}"},
                     .seed = 7};
}

static inline onus_net *build_net(const setting *s, const onus_allocator *mem, onus_err *err)
{
    onus_net *net = NULL;
    const onus_task task = onus_dataset_task(s->data);
    const onus_head head = task == ONUS_TASK_BINARY    ? ONUS_HEAD_BINARY
                           : task == ONUS_TASK_CLASSES ? ONUS_HEAD_CLASSES
                           : task == ONUS_TASK_LABELS  ? ONUS_HEAD_LABELS
                                                       : ONUS_HEAD_VALUE;
    onus_model_spec model = s->model;
    onus_dataset_label_scale(s->data, &model.label_shift, &model.label_scale);
    if (build_columns(&net, &model, onus_dataset_features(s->data), head,
                      task == ONUS_TASK_LABELS ? onus_dataset_labels(s->data)
                                               : onus_dataset_classes(s->data),
                      mem, err) == ONUS_OK)
        onus_net_init(net, s->seed);
    return net;
}

static inline onus_status run_training(const setting *s, outcome *out)
{
    *out = (outcome){.net = NULL};
    onus_buf_init(&out->said.text, NULL, 64 << 20);
    onus_pool *pool = NULL;
    if (s->threads > 1) assert_int_equal(onus_pool_create(&pool, s->threads, NULL, NULL), 0);
    const onus_exec ex = {.k = onus_kernels_of(s->isa), .pool = pool};
    const onus_train_io io = {.ex = &ex,
                              .mem = s->mem,
                              .sink = {.emit = said_emit, .ctx = &out->said},
                              .seed = s->seed,
                              .noise = s->noise,
                              .checkpoint_dir = s->dir,
                              .start_step = s->start_step,
                              .start_stopped = s->start_stopped,
                              .start_sha256 = s->start_sha,
                              .stop_step = s->stop_step,
                              .write_checkpoints = !s->only_hash,
                              .stop = s->stop,
                              .profile = s->profile,
                              .progress = s->progress,
                              .progress_ctx = s->progress_ctx};
    onus_status st = ONUS_NO_MEM;
    out->net = build_net(s, s->mem, &out->err);
    if (out->net)
        st = onus_train(out->net, s->data, &s->spec, &s->privacy, &io, &out->result, &out->err);
    if (out->net) onus_net_sha256(out->net, out->sha);
    onus_pool_destroy(pool);
    return st;
}

static inline void train_well(const setting *s, outcome *out)
{
    if (run_training(s, out) != ONUS_OK) fail_msg("%s", out->err.msg);
}

static inline void release(outcome *o)
{
    onus_net_destroy(o->net);
    onus_buf_release(&o->said.text);
}
#endif
