/* SPDX-License-Identifier: Apache-2.0
 * Goal: a training that goes on from any of its checkpoints ends in the same bits, and a file
 * that is not this training's state is refused before anything is taken from it. Method: train
 * once with a checkpoint every epoch, then again from each; spoil files in every way that a
 * name, a shape or a counter can be wrong. */
#include "training.h"

#include "base/json.h"

static onus_dataset *credit;
static const char *room;

static setting with_checkpoints(void)
{
    setting s = usual(credit);
    s.model.settings = "{\"dropout\":0.2,\"hidden\":[16]}";
    s.spec.epochs = 5;
    s.spec.checkpoint_epochs = 1;
    s.spec.schedule = ONUS_RATE_COSINE;
    s.dir = room;
    return s;
}

static void path_of(int64_t step, char out[4200])
{
    snprintf(out, 4200, "%s/%lld.safetensors", room, (long long)step);
}

/* Lines from the first train.epoch of a text on, without those of epochs up to `after`. */
static const char *claims_after(const char *claims, int after)
{
    char start[64];
    snprintf(start, sizeof start, "train.epoch train.epoch=%d\n", after + 1);
    const char *at = strstr(claims, start);
    return at ? at : strstr(claims, "train.end ");
}

/* Each optimiser, private and not: from every checkpoint, the same end and the same words, and
 * the same checkpoints on the way (hashed only). */
static void resumes_to_the_same_bits(void **state)
{
    (void)state;
    onus_noise_key key = {.key = {1, 2, 3}};
    for (int optimiser = 0; optimiser < 5; optimiser++) {
        setting s = with_checkpoints();
        s.spec.optimiser = (onus_optimiser)(optimiser % 4);
        s.spec.patience = optimiser == 1 ? 2 : 0;
        if (optimiser == 4) {
            s.privacy = (onus_privacy_spec){.noise_multiplier = 1, .delta = 1e-5, .clip = 1};
            s.noise = &key;
        }
        outcome whole;
        train_well(&s, &whole);
        char *claims = said_claims(&whole.said);
        for (int e = 1; e <= whole.result.epochs_run; e++) {
            outcome o;
            s.start_step = 11 * e;
            s.only_hash = true;
            s.threads = 2;
            s.isa = onus_isa_best();
            train_well(&s, &o);
            char *mine = said_claims(&o.said);
            assert_memory_equal(o.sha, whole.sha, 32);
            assert_int_equal(o.result.steps, whole.result.steps);
            assert_int_equal(o.result.best_epoch, whole.result.best_epoch);
            assert_string_equal(claims_after(mine, e), claims_after(claims, e));
            free(mine);
            release(&o);
        }
        free(claims);
        release(&whole);
    }
}

/* A stretch: from one checkpoint to another, then nothing more is claimed. */
static void stops_after_a_stretch(void **state)
{
    (void)state;
    setting s = with_checkpoints();
    outcome whole, o;
    train_well(&s, &whole);
    s.start_step = 11;
    s.stop_step = 33;
    s.only_hash = true;
    train_well(&s, &o);
    assert_int_equal(o.result.steps, 33);
    assert_string_equal(said_text(&o.said, "checkpoint", "checkpoint.sha256", 1),
                        said_text(&whole.said, "checkpoint", "checkpoint.sha256", 2));
    assert_null(said_text(&o.said, "checkpoint", "checkpoint.sha256", 2));
    assert_null(said_text(&o.said, "train.end", "train.steps", 0));
    release(&whole);
    release(&o);
}

/* Default: every quarter of the epochs, rounded up, and the last; -1: none. The event's hash is
 * the file's. */
static void when_checkpoints_are_made(void **state)
{
    (void)state;
    static const int64_t expected[2][4] = {{22, 44, 55, 0}, {33, 55, 0, 0}};
    static const int64_t every[2] = {0, 3};
    for (int k = 0; k < 2; k++) {
        setting s = with_checkpoints();
        s.spec.checkpoint_epochs = every[k];
        outcome o;
        train_well(&s, &o);
        for (int i = 0; expected[k][i]; i++) {
            char path[4200], hex[ONUS_HEX_LEN];
            uint8_t sha[32];
            assert_true(said_number(&o.said, "checkpoint", "checkpoint.step", i) ==
                        (double)expected[k][i]);
            path_of(expected[k][i], path);
            assert_int_equal(onus_file_sha256(path, sha, NULL), ONUS_OK);
            onus_hex(sha, 32, hex);
            assert_string_equal(hex, said_text(&o.said, "checkpoint", "checkpoint.sha256", i));
            assert_true(remove(path) == 0);
        }
        release(&o);
    }
    setting s = with_checkpoints();
    s.spec.checkpoint_epochs = -1;
    outcome o;
    train_well(&s, &o);
    assert_null(said_text(&o.said, "checkpoint", "checkpoint.step", 0));
    release(&o);
}

/* A run that diverges later names the last good state. */
static void divergence_names_the_last_checkpoint(void **state)
{
    (void)state;
    setting s = with_checkpoints();
    s.spec.optimiser = ONUS_OPT_SGD;
    s.spec.schedule = ONUS_RATE_EXPONENTIAL;
    s.spec.lr = 1e-2;
    s.spec.gamma = 1e30; /* the second epoch's rate is 1e28 */
    outcome o;
    assert_int_equal(run_training(&s, &o), ONUS_DIVERGED);
    assert_non_null(strstr(o.err.msg, "epoch 2, step 1"));
    assert_non_null(strstr(o.err.msg, "the last good checkpoint is that of step 11"));
    release(&o);
}

/* ---- hostile files ----------------------------------------------------------------------- */

typedef struct {
    onus_buf bytes;
    json_t *header; /* of a good checkpoint */
    size_t data_at;
} file;

static file read_good(int64_t step)
{
    file f;
    char path[4200];
    uint64_t n = 0;
    path_of(step, path);
    onus_buf_init(&f.bytes, NULL, 64 << 20);
    assert_int_equal(onus_file_read(path, &f.bytes, NULL), ONUS_OK);
    for (int i = 0; i < 8; i++) n |= (uint64_t)(uint8_t)f.bytes.data[i] << (8 * i);
    f.data_at = 8 + (size_t)n;
    assert_int_equal(onus_json_parse(&f.header, f.bytes.data + 8, (size_t)n, "header", NULL),
                     ONUS_OK);
    return f;
}

static void release_file(file *f)
{
    json_decref(f->header);
    onus_buf_release(&f->bytes);
}

/* Writes the file with its header as it stands now. */
static void write_spoilt(const file *f, int64_t step)
{
    char path[4200];
    onus_buf header, all;
    onus_buf_init(&header, NULL, 1 << 20);
    onus_buf_init(&all, NULL, 64 << 20);
    onus_json_canonical(&header, f->header);
    while (header.len % 8) onus_buf_add(&header, " ", 1);
    for (int i = 0; i < 8; i++) {
        const uint8_t b = (uint8_t)((uint64_t)header.len >> (8 * i));
        onus_buf_add(&all, &b, 1);
    }
    onus_buf_add(&all, header.data, header.len);
    onus_buf_add(&all, f->bytes.data + f->data_at, f->bytes.len - f->data_at);
    path_of(step, path);
    assert_int_equal(onus_file_replace(path, all.data, all.len, 0644, NULL), ONUS_OK);
    onus_buf_release(&header);
    onus_buf_release(&all);
}

/* Resuming from step 22 fails with that text, and the net is as it was initialised. */
static void refused(const char *part)
{
    setting s = with_checkpoints();
    s.start_step = 22;
    outcome o;
    uint8_t sha[32];
    onus_net *fresh = build_net(&s, NULL, NULL);
    onus_net_sha256(fresh, sha);
    onus_net_destroy(fresh);
    const onus_status st = run_training(&s, &o);
    if (st != ONUS_BAD_INPUT || !strstr(o.err.msg, part))
        fail_msg("expected '%s', got %d: %s", part, st, o.err.msg);
    assert_memory_equal(o.sha, sha, 32);
    release(&o);
}

static void set_counters(json_t *header, const char *text)
{
    assert_int_equal(json_object_set_new(json_object_get(header, "__metadata__"), "onus.train",
                                         json_string(text)),
                     0);
}

/* Writes the good file of step 22 with another text in its metadata "onus.train" (NULL: none),
 * and expects the refusal. */
static void refuse_counters(file *good, const char *text, const char *part)
{
    json_t *keep = good->header;
    good->header = json_deep_copy(keep);
    if (text)
        set_counters(good->header, text);
    else
        json_object_del(json_object_get(good->header, "__metadata__"), "onus.train");
    write_spoilt(good, 22);
    refused(part);
    json_decref(good->header);
    good->header = keep;
}

static void train_whole(void)
{
    setting s = with_checkpoints();
    outcome o;
    train_well(&s, &o);
    release(&o);
}

static void spoilt_counters_are_refused(void **state)
{
    (void)state;
    static const char *const counters[] = {
        "{\"best_epoch\":1,\"best_valid_loss\":0.5,\"epoch\":2,\"numerics\":3,\"step\":23}",
        "{\"best_epoch\":3,\"best_valid_loss\":0.5,\"epoch\":2,\"numerics\":3,\"step\":22}",
        "{\"best_epoch\":-1,\"best_valid_loss\":0.5,\"epoch\":2,\"numerics\":3,\"step\":22}",
        "{\"best_epoch\":0,\"best_valid_loss\":0.5,\"epoch\":2,\"numerics\":3,\"step\":22}",
        "{\"best_epoch\":1,\"best_valid_loss\":null,\"epoch\":2,\"numerics\":3,\"step\":22}",
        "{\"best_epoch\":1,\"best_valid_loss\":\"x\",\"epoch\":2,\"numerics\":3,\"step\":22}",
        "{\"best_epoch\":1,\"best_valid_loss\":0.5,\"epoch\":1,\"numerics\":3,\"step\":22}",
        "{\"best_epoch\":1,\"best_valid_loss\":0.5,\"epoch\":9223372036854775807,\"numerics\":"
        "1,"
        "\"step\":22}",
        "{\"best_epoch\":1.5,\"best_valid_loss\":0.5,\"epoch\":2,\"numerics\":3,\"step\":22}",
        "[]",
    };
    train_whole();
    file good = read_good(22);
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        refuse_counters(&good, counters[i], "is not the state of this training after step 22");
    refuse_counters(&good,
                    "{\"best_epoch\":1,\"best_valid_loss\":0.5,\"epoch\":2,\"numerics\":9,"
                    "\"step\":22}",
                    "numerics contract 9");
    refuse_counters(&good, "{", "22.safetensors");
    refuse_counters(&good, NULL, "no metadata 'onus.train'");
    release_file(&good);
}

static void spoilt_tensors_are_refused(void **state)
{
    (void)state;
    train_whole();
    file good = read_good(22);
    json_t *keep = good.header;
    good.header = json_deep_copy(keep); /* another shape of the same size */
    json_t *t = json_object_get(good.header, "layers.0.weight.m");
    assert_non_null(t);
    json_t *shape = json_object_get(t, "shape");
    const json_int_t rows = json_integer_value(json_array_get(shape, 0)),
                     columns = json_integer_value(json_array_get(shape, 1));
    json_object_set_new(t, "shape", json_pack("[I, I]", columns, rows));
    write_spoilt(&good, 22);
    refused("tensor 'layers.0.weight.m' has shape");
    json_decref(good.header);

    good.header = json_deep_copy(keep); /* another name */
    json_object_set(good.header, "layers.0.weight.w",
                    json_object_get(good.header, "layers.0.weight.v"));
    json_object_del(good.header, "layers.0.weight.v");
    write_spoilt(&good, 22);
    refused("lacks the tensor 'layers.0.weight.v'");
    json_decref(good.header);

    good.header = keep; /* as it was */
    write_spoilt(&good, 22);
    setting s = with_checkpoints();
    outcome o;
    s.start_step = 22;
    train_well(&s, &o);
    release(&o);
    release_file(&good);
}

/* Going on from stop.safetensors after that step fails with that text. */
static void stop_refused(int64_t step, const char *part)
{
    setting s = with_checkpoints();
    s.start_step = step;
    s.start_stopped = true;
    outcome o;
    const onus_status st = run_training(&s, &o);
    if (st != ONUS_BAD_INPUT || !strstr(o.err.msg, part))
        fail_msg("expected '%s', got %d: %s", part, st, o.err.msg);
    release(&o);
}

/* The state of a stopped run lies within an epoch, a checkpoint at the end of one, and neither
 * passes for the other; the losses that the epoch has had must be there, whole. */
static void states_within_an_epoch(void **state)
{
    (void)state;
    static const char *const counters[] = {
        "{\"best_epoch\":0,\"best_valid_loss\":null,\"epoch\":0,\"numerics\":3,\"step\":1}",
        "{\"best_epoch\":0,\"best_valid_loss\":null,\"epoch\":0,\"loss\":\"00\",\"loss_"
        "weight\":"
        "\"00\",\"losses\":64,\"numerics\":3,\"step\":1}",
        ("{\"best_epoch\":0,\"best_valid_loss\":null,\"epoch\":0,\"losses\":-1,\"numerics\":3,"
         "\"step\":1}")};
    char stop[4300], step1[4200], step11[4200], kept[4300];
    int now = 1;
    outcome whole, o;
    setting s = with_checkpoints();
    train_well(&s, &whole);
    s.stop = &now;
    assert_int_equal(run_training(&s, &o), ONUS_STOPPED);
    assert_string_equal(o.err.msg, "stopped after step 1 of 55");
    assert_true(said_number(&o.said, "run.stop", "~run.stop.step", 0) == 1);
    assert_true(said_number(&o.said, "run.stop", "~run.stop.epoch", 0) == 0);
    release(&o);
    s.stop = NULL;
    s.start_step = 1;
    s.start_stopped = true;
    train_well(&s, &o);
    assert_memory_equal(o.sha, whole.sha, 32);
    release(&o);
    release(&whole);
    stop_refused(2, "is not the state of this training after step 2");
    snprintf(stop, sizeof stop, "%s/" ONUS_STOP_FILE, room);
    snprintf(kept, sizeof kept, "%s/kept", room);
    path_of(1, step1);
    path_of(11, step11);
    assert_int_equal(link(stop, step1), 0); /* a checkpoint by its name, of no epoch's end */
    s.start_stopped = false;
    assert_int_equal(run_training(&s, &o), ONUS_BAD_INPUT);
    assert_non_null(strstr(o.err.msg, "is not the state of this training after step 1"));
    release(&o);
    file good = read_good(1);
    for (int i = 0; i < 3; i++) {
        set_counters(good.header, counters[i]);
        write_spoilt(&good, 1);
        assert_int_equal(rename(step1, stop), 0);
        stop_refused(1, "lacks the losses of the epoch");
    }
    release_file(&good);
    assert_int_equal(rename(stop, kept) | rename(step11, stop), 0);
    stop_refused(11, "is not the state of this training after step 11");
    assert_int_equal(remove(stop) | remove(kept), 0);
}

/* A checkpoint of another training: other tensors, or a state of more. */
static void other_trainings_are_refused(void **state)
{
    (void)state;
    char from[4200], to[4200];
    setting s = with_checkpoints();
    outcome o;
    s.spec.optimiser = ONUS_OPT_SGD;
    train_well(&s, &o);
    release(&o);
    refused("lacks the tensor 'layers."); /* Adam wants .m and .v */
    s = with_checkpoints();
    s.spec.keep = ONUS_KEEP_LAST;
    train_well(&s, &o);
    release(&o);
    refused(".best'");
    s = with_checkpoints();
    train_well(&s, &o);
    release(&o);
    path_of(33, from);
    path_of(22, to);
    assert_int_equal(rename(from, to), 0);
    refused("after step 22");
    assert_int_equal(remove(to), 0);
    s.start_step = 22;
    assert_int_equal(run_training(&s, &o), ONUS_IO);
    assert_non_null(strstr(o.err.msg, "22.safetensors"));
    release(&o);
    s.dir = NULL;
    assert_int_equal(run_training(&s, &o), ONUS_BAD_ARG);
    release(&o);
}

static onus_status resume_small(const onus_allocator *mem, void *ctx, onus_err *err)
{
    setting s = *(const setting *)ctx;
    outcome o;
    s.mem = mem;
    const onus_status st = run_training(&s, &o);
    *err = o.err;
    release(&o);
    return st;
}

static void memory_may_end_while_loading(void **state)
{
    (void)state;
    setting s = with_checkpoints();
    outcome o;
    train_well(&s, &o);
    release(&o);
    s.start_step = 55;
    s.only_hash = true;
    assert_true(failing_mem_walk("resume", resume_small, &s) > 20);
}

/* The bytes that are read must be those that the ledger speaks of, before a step is made. */
static void another_hash_is_refused(void **state)
{
    (void)state;
    setting s = with_checkpoints();
    outcome o;
    uint8_t sha[32];
    char path[4200];
    train_whole();
    path_of(22, path);
    assert_int_equal(onus_file_sha256(path, sha, NULL), ONUS_OK);
    s.start_step = 22;
    s.start_sha = sha;
    assert_int_equal(run_training(&s, &o), ONUS_OK);
    release(&o);
    sha[31] ^= 1;
    assert_int_equal(run_training(&s, &o), ONUS_TAMPER);
    assert_non_null(strstr(o.err.msg, "22.safetensors was changed"));
    assert_null(said_text(&o.said, "train.epoch", "train.params.sha256", 0));
    release(&o);
}

/* A folder that cannot be written to: an error that names the file, no event. */
static void a_checkpoint_that_cannot_be_written(void **state)
{
    (void)state;
    setting s = with_checkpoints();
    char dir[4200];
    snprintf(dir, sizeof dir, "%s/absent", room);
    s.dir = dir;
    outcome o;
    assert_int_equal(run_training(&s, &o), ONUS_IO);
    assert_non_null(strstr(o.err.msg, "absent/11.safetensors"));
    assert_null(said_text(&o.said, "checkpoint", "checkpoint.step", 0));
    release(&o);
}

static int open_all(void **state)
{
    (void)state;
    room = make_room();
    credit = open_data(&credit_spec);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    onus_dataset_close(credit);
    remove_room(room);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resumes_to_the_same_bits),
        cmocka_unit_test(stops_after_a_stretch),
        cmocka_unit_test(another_hash_is_refused),
        cmocka_unit_test(when_checkpoints_are_made),
        cmocka_unit_test(divergence_names_the_last_checkpoint),
        cmocka_unit_test(spoilt_counters_are_refused),
        cmocka_unit_test(spoilt_tensors_are_refused),
        cmocka_unit_test(states_within_an_epoch),
        cmocka_unit_test(other_trainings_are_refused),
        cmocka_unit_test(memory_may_end_while_loading),
        cmocka_unit_test(a_checkpoint_that_cannot_be_written),
    };
    if (!onus_crypto_start()) return 1;
    return cmocka_run_group_tests(tests, open_all, close_all);
}
