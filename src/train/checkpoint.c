/* SPDX-License-Identifier: Apache-2.0
 * checkpoint.c - all the state of a training, as a safetensors file: NODE.PARAM, and
 * NODE.PARAM.best, .m, .v as far as the run has them; metadata "onus.train", a canonical JSON
 * object of the counters, beside the caller's entries. Holds no time, host or instruction set:
 * the same step of the same run is the same bytes everywhere. A run that is stopped leaves its
 * state within an epoch, in a file of another name, whose counters also hold the sums of the
 * epoch's losses so far.
 *
 * It is written straight from the blocks, in pieces, and read straight into them. A file is
 * checked before it is believed, whatever its hash: names, shapes and counters must be those of
 * this training at that step; and before the first step its hash must be the ledger's. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/writer.h"
#include "train/trainer.h"

enum { META_MAX = 16 };

/* The blocks that a checkpoint holds; NULL where this run has none. */
typedef struct {
    const char *suffix;
    float *block;
} part;
enum { N_PARTS = 4 };

static void parts_of(const onus_trainer *t, part out[N_PARTS])
{
    out[0] = (part){"", onus_net_params(t->net)};
    out[1] = (part){".best", t->best};
    out[2] = (part){".m", t->optimiser.m};
    out[3] = (part){".v", t->optimiser.v};
}

int64_t onus_checkpoint_epochs(const onus_trainer *t)
{
    const int64_t said = t->spec->checkpoint_epochs;
    if (!t->io->checkpoint_dir || said < 0) return 0;
    return said > 0 ? said : (t->spec->epochs + 3) / 4;
}

bool onus_checkpoint_due(const onus_trainer *t, bool last)
{
    const int64_t every = onus_checkpoint_epochs(t);
    return every > 0 && (last || t->epoch % every == 0);
}

/* ---- writing ----------------------------------------------------------------------------- */

enum { LANES_BYTES = 16 * 8, LANES_HEX = 2 * LANES_BYTES + 1 };

/* Sixteen binary64, each as the digits of its bits: nothing is lost, whatever they are. */
static void lanes_text(const onus_lanes *l, char out[LANES_HEX])
{
    for (int i = 0; i < 16; i++) {
        uint64_t bits;
        memcpy(&bits, &l->lane[i], sizeof bits);
        snprintf(out + 16 * i, 17, "%016llx", (unsigned long long)bits);
    }
}

static bool lanes_read(onus_lanes *l, const char *text)
{
    uint8_t bytes[LANES_BYTES];
    if (!text || !onus_unhex(text, bytes, sizeof bytes)) return false;
    for (int i = 0; i < 16; i++) {
        uint64_t bits = 0;
        for (int k = 0; k < 8; k++) bits = bits << 8 | bytes[8 * i + k];
        memcpy(&l->lane[i], &bits, sizeof bits);
    }
    return true;
}

static onus_status counters_text(const onus_trainer *t, bool within, onus_buf *out,
                                 onus_err *err)
{
    char loss[LANES_HEX], weight[LANES_HEX];
    json_t *best = isfinite(t->best_loss) ? json_real(t->best_loss) : json_null();
    json_t *all = json_pack("{s:I, s:I, s:I, s:o, s:i}", "step", (json_int_t)t->step, "epoch",
                            (json_int_t)t->epoch, "best_epoch", (json_int_t)t->best_epoch,
                            "best_valid_loss", best, "numerics", ONUS_NUMERICS_VERSION);
    lanes_text(&t->loss, loss);
    lanes_text(&t->loss_weight, weight);
    bool good = all != NULL;
    if (good && within)
        good = json_object_set_new(all, "losses", json_integer(t->loss.n)) == 0 &&
               json_object_set_new(all, "loss", json_string(loss)) == 0 &&
               json_object_set_new(all, "loss_weight", json_string(weight)) == 0;
    if (good) onus_json_canonical(out, all);
    json_decref(all);
    return good ? onus_buf_status(out, "checkpoint", err) : onus_fail_mem(err, "checkpoint");
}

/* Views of every tensor of every block; their names live in arena. */
static onus_status views_of(const onus_trainer *t, onus_arena *arena, onus_tensor_view **out,
                            int64_t *n, onus_err *err)
{
    part parts[N_PARTS];
    const int n_tensors = onus_net_tensors(t->net);
    parts_of(t, parts);
    onus_tensor_view *views =
        onus_arena_alloc(arena, (size_t)n_tensors * N_PARTS + 1, sizeof *views);
    if (!views) return onus_fail_mem(err, "checkpoint");
    *n = 0;
    for (int p = 0; p < N_PARTS; p++) {
        for (int i = 0; parts[p].block && i < n_tensors; i++) {
            const onus_tensor *x = onus_net_tensor(t->net, i);
            onus_tensor_view *v = &views[(*n)++];
            *v = (onus_tensor_view){.shape = x->shape, .data = parts[p].block + x->offset};
            v->name = onus_arena_printf(arena, "%s%s", x->name, parts[p].suffix);
            if (!v->name) return onus_fail_mem(err, "checkpoint");
        }
    }
    *out = views;
    return ONUS_OK;
}

static onus_status write(const onus_trainer *t, bool within, const onus_out *out, onus_err *err)
{
    onus_status st = ONUS_OK;
    onus_meta meta[META_MAX];
    onus_tensor_view *views = NULL;
    int64_t n = 0, n_meta = 0;
    onus_arena arena;
    onus_buf counters;
    onus_arena_init(&arena, t->io->mem);
    onus_buf_init(&counters, t->io->mem, 1 << 16);
    if (t->io->n_model_meta >= META_MAX) {
        st = onus_fail(err, ONUS_BAD_ARG, "checkpoint: %lld entries of metadata, at most %d",
                       (long long)t->io->n_model_meta, META_MAX - 1);
        goto done;
    }
    ONUS_TRY(counters_text(t, within, &counters, err));
    meta[n_meta++] = (onus_meta){"onus.train", counters.data};
    for (int64_t i = 0; i < t->io->n_model_meta; i++) meta[n_meta++] = t->io->model_meta[i];
    ONUS_TRY(views_of(t, &arena, &views, &n, err));
    ONUS_TRY(onus_safetensors_write(out, views, n, meta, n_meta, err));
done:
    onus_buf_release(&counters);
    onus_arena_release(&arena);
    return st;
}

static onus_status path_of(const onus_trainer *t, int64_t step, char path[ONUS_PATH_MAX],
                           onus_err *err)
{
    char name[64];
    snprintf(name, sizeof name, "%lld.safetensors", (long long)step);
    return onus_path_join(path, ONUS_PATH_MAX, t->io->checkpoint_dir, name, err);
}

/* The state to a path, or (NULL) nowhere: only its length and hash are wanted then. */
static onus_status write_to(const onus_trainer *t, bool within, const char *path,
                            int64_t *bytes, uint8_t sha[32], onus_err *err)
{
    uint64_t n = 0;
    onus_writer *writer = NULL;
    onus_status st = onus_writer_open(&writer, path, 0644, t->io->mem, err);
    if (st != ONUS_OK) return st;
    const onus_out out = onus_out_writer(writer, t->io->mem);
    ONUS_TRY(write(t, within, &out, err));
    ONUS_TRY(onus_writer_end(writer, &n, sha, err));
    *bytes = (int64_t)n;
done:
    onus_writer_close(writer);
    return st;
}

onus_status onus_checkpoint_save(onus_trainer *t, onus_err *err)
{
    char path[ONUS_PATH_MAX];
    uint8_t sha[32];
    int64_t bytes = 0;
    onus_status st = path_of(t, t->step, path, err);
    if (st == ONUS_OK)
        st = write_to(t, false, t->io->write_checkpoints ? path : NULL, &bytes, sha, err);
    if (st != ONUS_OK) return st;
    t->checkpoint_step = t->step;
    onus_event_begin(&t->event, "checkpoint");
    onus_event_int(&t->event, t->step, "checkpoint.step");
    onus_event_int(&t->event, t->epoch, "checkpoint.epoch");
    onus_event_int(&t->event, bytes, "checkpoint.bytes");
    onus_event_sha256(&t->event, sha, "checkpoint.sha256");
    return onus_event_emit(&t->event, &t->io->sink, err);
}

onus_status onus_checkpoint_stop(onus_trainer *t, onus_err *err)
{
    char path[ONUS_PATH_MAX];
    uint8_t sha[32];
    int64_t bytes = 0;
    onus_status st =
        onus_path_join(path, sizeof path, t->io->checkpoint_dir, ONUS_STOP_FILE, err);
    if (st == ONUS_OK) st = write_to(t, true, path, &bytes, sha, err);
    if (st != ONUS_OK) return st;
    onus_event_begin(&t->event, "run.stop");
    onus_event_observed(&t->event, true);
    onus_event_int(&t->event, t->step, "run.stop.step");
    onus_event_int(&t->event, t->epoch, "run.stop.epoch");
    onus_event_int(&t->event, bytes, "run.stop.checkpoint.bytes");
    onus_event_sha256(&t->event, sha, "run.stop.checkpoint.sha256");
    return onus_event_emit(&t->event, &t->io->sink, err);
}

/* ---- reading ----------------------------------------------------------------------------- */

static onus_status find_tensor(const onus_safetensors *file, const onus_tensor *x,
                               const char *suffix, const char *path,
                               const onus_tensor_view **out, onus_err *err)
{
    char name[1024], mine[96], theirs[96];
    snprintf(name, sizeof name, "%s%s", x->name, suffix);
    *out = onus_safetensors_find(file, name);
    if (!*out)
        return onus_fail(err, ONUS_BAD_INPUT, "%s lacks the tensor '%.200s'", path, name);
    if (!onus_tensor_is_float(*out))
        return onus_fail(err, ONUS_BAD_INPUT, "%s: tensor '%.200s' has dtype %.16s", path, name,
                         (*out)->dtype);
    if (onus_shape_same(&(*out)->shape, &x->shape)) return ONUS_OK;
    onus_shape_text(&x->shape, mine, sizeof mine);
    onus_shape_text(&(*out)->shape, theirs, sizeof theirs);
    return onus_fail(err, ONUS_BAD_INPUT, "%s: tensor '%.200s' has shape %s, expected %s", path,
                     name, theirs, mine);
}

/* Where every tensor goes; the list lives in arena. A file that does not fit changes nothing.
 */
static onus_status places_of(const onus_trainer *t, const onus_safetensors *file,
                             const char *path, onus_arena *arena, onus_tensor_place **out,
                             int64_t *n, onus_err *err)
{
    part parts[N_PARTS];
    const int n_tensors = onus_net_tensors(t->net);
    onus_tensor_place *list =
        onus_arena_alloc(arena, (size_t)n_tensors * N_PARTS + 1, sizeof *list);
    if (!list) return onus_fail_mem(err, path);
    *n = 0;
    parts_of(t, parts);
    for (int p = 0; p < N_PARTS; p++) {
        for (int i = 0; parts[p].block && i < n_tensors; i++) {
            const onus_tensor *x = onus_net_tensor(t->net, i);
            onus_tensor_place *to = &list[(*n)++];
            onus_status st = find_tensor(file, x, parts[p].suffix, path, &to->from, err);
            if (st != ONUS_OK) return st;
            to->to = parts[p].block + x->offset;
        }
    }
    *out = list;
    if (onus_safetensors_count(file) == *n) return ONUS_OK;
    return onus_fail(err, ONUS_BAD_INPUT, "%s has %lld tensors, expected %lld", path,
                     (long long)onus_safetensors_count(file), (long long)*n);
}

/* Steps and epochs fit each other: a checkpoint stands at the end of an epoch, the state of a
 * stopped run after a step of the next one. */
static bool in_place(const onus_trainer *t, int64_t step, int64_t epoch)
{
    const int64_t more = step - epoch * t->n_per_epoch;
    if (!t->io->start_stopped) return epoch >= 1 && epoch <= t->spec->epochs && more == 0;
    return epoch >= 0 && epoch < t->spec->epochs && more >= 1 && more <= t->n_per_epoch;
}

/* The sums of the losses of an epoch that has begun. */
static bool take_losses(onus_trainer *t, const json_t *all)
{
    const json_t *n = json_object_get(all, "losses");
    onus_lanes loss, weight;
    if (!json_is_integer(n) || json_integer_value(n) < 0 ||
        !lanes_read(&loss, json_string_value(json_object_get(all, "loss"))) ||
        !lanes_read(&weight, json_string_value(json_object_get(all, "loss_weight"))))
        return false;
    loss.n = weight.n = json_integer_value(n);
    t->loss = loss;
    t->loss_weight = weight;
    return t->within_epoch = true;
}

/* Counters must hang together. */
static onus_status take_counters(onus_trainer *t, const json_t *all, int64_t step,
                                 const char *path, onus_err *err)
{
    const json_t *j_step = json_object_get(all, "step"),
                 *j_epoch = json_object_get(all, "epoch"),
                 *j_best = json_object_get(all, "best_epoch"),
                 *j_loss = json_object_get(all, "best_valid_loss"),
                 *j_numerics = json_object_get(all, "numerics");
    const bool form = json_is_integer(j_step) && json_is_integer(j_epoch) &&
                      json_is_integer(j_best) && json_is_integer(j_numerics) &&
                      (json_is_number(j_loss) || json_is_null(j_loss));
    const int64_t epoch = json_integer_value(j_epoch), best = json_integer_value(j_best);
    if (!form || json_integer_value(j_step) != step || epoch < 0 || epoch > t->spec->epochs ||
        !in_place(t, step, epoch) || best < 0 || best > epoch ||
        json_is_null(j_loss) != (best == 0))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: metadata 'onus.train' is not the state of this training after "
                         "step %lld",
                         path, (long long)step);
    if (json_integer_value(j_numerics) != ONUS_NUMERICS_VERSION)
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s was made under numerics contract %lld, this is %d", path,
                         (long long)json_integer_value(j_numerics), ONUS_NUMERICS_VERSION);
    if (t->io->start_stopped && !take_losses(t, all))
        return onus_fail(err, ONUS_BAD_INPUT,
                         "%s: metadata 'onus.train' lacks the losses of the epoch", path);
    t->step = step;
    if (!t->io->start_stopped) t->checkpoint_step = step;
    t->epoch = epoch;
    t->best_epoch = best;
    t->best_loss = best ? json_number_value(j_loss) : INFINITY;
    return ONUS_OK;
}

static onus_status check_sha(const uint8_t want[32], const uint8_t found[32], const char *path,
                             onus_err *err)
{
    char mine[ONUS_HEX_LEN], theirs[ONUS_HEX_LEN];
    if (memcmp(want, found, 32) == 0) return ONUS_OK;
    onus_hex(want, 32, mine);
    onus_hex(found, 32, theirs);
    return onus_fail(err, ONUS_TAMPER,
                     "%s was changed: its SHA-256 is %.16s..., the ledger says %.16s...", path,
                     theirs, mine);
}

/* The state of a file whose header has been read. */
static onus_status take_state(onus_trainer *t, const onus_safetensors *file, int64_t step,
                              const char *path, onus_err *err)
{
    onus_status st = ONUS_OK;
    const uint8_t *want = t->io->start_sha256;
    uint8_t sha[32];
    json_t *counters = NULL;
    onus_tensor_place *places = NULL;
    int64_t n = 0;
    onus_arena arena;
    onus_arena_init(&arena, t->io->mem);
    const char *text = onus_safetensors_meta(file, "onus.train");
    if (!text) {
        st = onus_fail(err, ONUS_BAD_INPUT, "%s has no metadata 'onus.train'", path);
        goto done;
    }
    ONUS_TRY(onus_json_parse(&counters, text, strlen(text), path, err));
    ONUS_TRY(places_of(t, file, path, &arena, &places, &n, err));
    ONUS_TRY(take_counters(t, counters, step, path, err));
    ONUS_TRY(onus_safetensors_take(file, places, n, want ? sha : NULL, err));
    if (want) st = check_sha(want, sha, path, err);
done:
    json_decref(counters);
    onus_arena_release(&arena);
    return st;
}

onus_status onus_checkpoint_load(onus_trainer *t, onus_err *err)
{
    onus_status st = ONUS_OK;
    const int64_t step = t->io->start_step;
    char path[ONUS_PATH_MAX];
    uint8_t sha[32];
    onus_safetensors *file = NULL;
    if (!t->io->checkpoint_dir)
        return onus_fail(err, ONUS_BAD_ARG,
                         "train: a start step needs the checkpoints' folder");
    if (t->io->start_stopped)
        ONUS_TRY(onus_path_join(path, sizeof path, t->io->checkpoint_dir, ONUS_STOP_FILE, err));
    else
        ONUS_TRY(path_of(t, step, path, err));
    st = onus_safetensors_open(&file, path, t->io->mem, err);
    if (st == ONUS_OK) st = take_state(t, file, step, path, err);
    /* A file that makes no sense is first of all one that was changed. */
    if (st == ONUS_BAD_INPUT && t->io->start_sha256 &&
        onus_file_sha256(path, sha, NULL) == ONUS_OK) {
        const onus_status changed = check_sha(t->io->start_sha256, sha, path, err);
        if (changed != ONUS_OK) st = changed;
    }
    if (st == ONUS_OK) onus_optimiser_restore(&t->optimiser, step);
done:
    onus_safetensors_close(file);
    return st;
}
