/* SPDX-License-Identifier: Apache-2.0
 * Goal: nothing in a run folder can be changed without verify finding it and naming the file.
 * Method: in a small run and a small private one, one bit of every byte of every file is
 * flipped (ONUS_SLOW; else of twenty bytes of each); files are removed, swapped, added,
 * replaced by links; lines are taken out of the ledger, and it is signed again by somebody
 * else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proof/ledger.h"
#include "proof/note.h"
#include "run_room.h"

static onus_status verify(const char *run, const char *key, onus_err *err)
{
    *err = (onus_err){.msg = ""};
    const onus_verify_opts o = {.run = in_room(run), .key = key ? in_room(key) : NULL};
    return onus_verify(&o, NULL, NULL, err);
}

static void must_verify(const char *run)
{
    onus_err err;
    if (verify(run, NULL, &err) != ONUS_OK) fail_msg("%s: %s", run, err.msg);
}

/* Every byte of one file, one bit each; the message must name the file. */
static long flip_bytes(const char *run, const char *name)
{
    char path[300], *bytes;
    onus_buf b;
    onus_err err;
    snprintf(path, sizeof path, "%s/%s", run, name);
    const char *file = in_room(path);
    onus_buf_init(&b, NULL, 64 << 20);
    assert_int_equal(onus_file_read(file, &b, NULL), ONUS_OK);
    bytes = b.data;
    FILE *f = fopen(file, "r+b");
    assert_non_null(f);
    const size_t step = getenv("ONUS_SLOW") ? 1 : b.len / 20 + 1;
    long n = 0;
    for (size_t i = 0; i < b.len; i += step, n++) {
        const char spoilt = (char)(bytes[i] ^ 1 << i % 8);
        assert_true(fseek(f, (long)i, SEEK_SET) == 0 && fputc(spoilt, f) != EOF &&
                    fflush(f) == 0);
        const onus_status st = verify(run, NULL, &err);
        if (st == ONUS_OK) fail_msg("%s: byte %zu changed, and verified", name, i);
        if (st != ONUS_TAMPER && st != ONUS_BAD_INPUT)
            fail_msg("%s: byte %zu: status %d, %s", name, i, (int)st, err.msg);
        if (!strstr(err.msg, name)) fail_msg("%s: byte %zu: not named: %s", name, i, err.msg);
        assert_true(fseek(f, (long)i, SEEK_SET) == 0 && fputc(bytes[i], f) != EOF &&
                    fflush(f) == 0);
    }
    fclose(f);
    onus_buf_release(&b);
    return n;
}

static void every_byte(void **state)
{
    (void)state;
    static const char *const recipes[] = {"plain.yaml", "private.yaml"};
    long n = 0, n_files = 0;
    for (int i = 0; i < 2; i++) {
        const run_how how = {.recipe = recipes[i], .out = "run"};
        const char **files = NULL;
        int64_t n_run = 0;
        onus_arena arena;
        remove_run("run");
        must_run(&how);
        must_verify("run");
        onus_arena_init(&arena, NULL);
        assert_int_equal(onus_dir_list(in_room("run"), &arena, &files, &n_run, NULL), ONUS_OK);
        assert_true(n_run >= 10); /* four checkpoints, model, ledger, note, key, report, ... */
        for (int64_t k = 0; k < n_run; k++) {
            if (i > 0 && strstr(files[k], ".html")) continue; /* the long ones, once */
            n += flip_bytes("run", files[k]);
        }
        n_files += n_run;
        onus_arena_release(&arena);
        must_verify("run"); /* all is as it was */
    }
    print_message("# %ld bytes of %ld files flipped, each found and named\n", n, n_files);
}

/* Whole files: gone, empty, longer, of another run, a link, or one that nobody spoke of. */
static void whole_files(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        bool verified;
        const char *named;
    } rows[] = {
        {"rm run/model.safetensors", false, "model.safetensors is missing"},
        {"rm run/report.html", false, "report.html is missing"},
        {"rm run/recipe.yaml", false, "recipe.yaml is missing"},
        {"rm run/ledger.jsonl", false, "ledger.jsonl"},
        {"rm run/ledger.note", false, "ledger.note"},
        {"rm run/key.pub", false, "key.pub"},
        {"rm -r run/private", true, ""}, /* may be withheld, and it is said */
        {"rm run/checkpoints/3.safetensors", true, ""},
        {": > run/model.safetensors", false, "model.safetensors was changed"},
        {"echo >> run/model.safetensors", false, "model.safetensors was changed"},
        {"echo >> run/report.html", false, "report.html was changed"},
        {"echo >> run/ledger.jsonl", false, "ledger.jsonl"},
        {"cp other/model.safetensors run/model.safetensors", false,
         "model.safetensors was changed"},
        {"cp other/ledger.jsonl run/ledger.jsonl", false, "ledger.jsonl was changed"},
        {"cp other/ledger.note run/ledger.note", false, "ledger.note"},
        {"cp other/ledger.* other/key.pub run/", false, "was changed"},
        {"mv run/recipe.yaml r && ln -s ../r run/recipe.yaml", false, "recipe.yaml"},
        {"ln -s /etc/passwd run/more", false, "more"},
        {"mkfifo run/pipe", false, "pipe"},
        {"sed -i '3d' run/ledger.jsonl", false, "event 3: says it is event 4"},
        {"sed -i '$d' run/ledger.jsonl", false, "ledger.jsonl was changed"},
        {"truncate -s -3 run/ledger.jsonl", false, "the last line has no end"},
        {"touch run/private/more", true, ""},
        {"touch \"run/more$(printf '\\n')x\"", true, ""},
        {"touch \"run/mo$(printf '\\033')re\"", false,
         "a file's name holds control characters"},
    };
    const run_how how = {.recipe = "plain.yaml", .out = "kept"},
                  other = {.recipe = "private.yaml", .out = "other"};
    must_run(&how);
    must_run(&other);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char command[400];
        onus_err err;
        snprintf(command, sizeof command, "cd %s && rm -rf run && cp -r kept run && %s",
                 run_room, rows[i].command);
        assert_int_equal(system(command), 0);
        const onus_status st = verify("run", NULL, &err);
        if ((st == ONUS_OK) != rows[i].verified || !strstr(err.msg, rows[i].named))
            fail_msg("%s: status %d, %s", rows[i].command, (int)st, err.msg);
    }
    remove_run("run");
}

/* Who changes the ledger and signs it with a key of his own is found by whoever knows the
 * owner's. */
static void signed_by_another(void **state)
{
    (void)state;
    onus_key thief;
    onus_log *log = NULL;
    onus_buf note;
    uint8_t root[32];
    char pub[300];
    onus_err err;
    const onus_keygen_opts mine = {.path = in_room("owner"), .name = "owner"};
    assert_int_equal(onus_keygen(&mine, NULL, &err), ONUS_OK);
    const run_how how = {.recipe = "plain.yaml", .out = "signed", .key = "owner"};
    must_run(&how);
    assert_int_equal(verify("signed", "owner.pub", &err), ONUS_OK);
    const onus_keygen_opts his = {.path = in_room("thief"), .name = "owner"}; /* one name */
    assert_int_equal(onus_keygen(&his, NULL, &err), ONUS_OK);
    assert_int_equal(verify("signed", "thief.pub", &err), ONUS_TAMPER);
    assert_non_null(strstr(err.msg, "not by the key in"));

    char command[300]; /* one metric, one digit */
    snprintf(command, sizeof command,
             "cd %s && sed -i 's/\"accuracy\":0\\.[0-9]*/\"accuracy\":0.9875/' "
             "signed/ledger.jsonl",
             run_room);
    assert_int_equal(system(command), 0);
    assert_int_equal(verify("signed", NULL, &err), ONUS_TAMPER);
    assert_int_equal(onus_key_load(&thief, in_room("thief"), &err), ONUS_OK);
    assert_int_equal(onus_log_read(&log, in_room("signed/ledger.jsonl"), NULL, &err), ONUS_OK);
    onus_log_root(log, onus_log_count(log), root);
    onus_buf_init(&note, NULL, 4096);
    assert_int_equal(
        onus_note_sign(&note, &thief, "onus/small", (uint64_t)onus_log_count(log), root, &err),
        ONUS_OK);
    put_text("signed/ledger.note", note.data);
    onus_key_public_text(&thief, pub);
    strcat(pub, "\n");
    put_text("signed/key.pub", pub);
    assert_int_equal(verify("signed", "owner.pub", &err), ONUS_TAMPER);
    assert_non_null(strstr(err.msg, "signed by 'owner', not by the key in"));
    assert_int_equal(verify("signed", NULL, &err), ONUS_TAMPER);
    assert_non_null(strstr(err.msg, "accuracy")); /* what rests on it says otherwise */
    onus_log_close(log);
    onus_buf_release(&note);
}

/* Where a run lay is nobody's business: no folder's name is in ledger, model, note or
 * report. */
static void no_places(void **state)
{
    (void)state;
    static const char *const files[] = {"ledger.jsonl", "model.safetensors", "ledger.note",
                                        "report.html", "checkpoints/3.safetensors"};
    const run_how how = {.recipe = "plain.yaml", .out = "placed"};
    must_run(&how);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char name[64];
        onus_buf b;
        onus_buf_init(&b, NULL, 64 << 20);
        snprintf(name, sizeof name, "placed/%s", files[i]);
        assert_int_equal(onus_file_read(in_room(name), &b, NULL), ONUS_OK);
        if (memmem(b.data, b.len, run_room + 5, strlen(run_room) - 5))
            fail_msg("%s tells where the run lay", files[i]);
        onus_buf_release(&b);
    }
    struct stat info;
    assert_int_equal(stat(in_room("placed/private"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(stat(in_room("placed/private/explanations.html"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

/* A proof under a head that was signed for it: an empty leaf, or one of two lines, is no event
 * of a ledger, whoever signed. */
static void proven_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *leaf, *base64;
    } rows[] = {{"", ""}, {"a\nb", "YQpi"}};
    onus_key key;
    char pub[260];
    onus_err err = {.msg = ""};
    assert_int_equal(onus_key_new(&key, "owner", ONUS_KEY_SIGNS, &err), ONUS_OK);
    onus_key_public_text(&key, pub);
    strcat(pub, "\n");
    put_text("nothing.pub", pub);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        uint8_t root[32];
        onus_buf proof;
        onus_buf_init(&proof, NULL, 1 << 16);
        onus_merkle_leaf(rows[k].leaf, strlen(rows[k].leaf), root); /* of a tree of one */
        onus_buf_printf(&proof, "c2sp.org/tlog-proof@v1\nextra %s\nindex 0\n\n",
                        rows[k].base64);
        assert_int_equal(onus_note_sign(&proof, &key, "onus/nothing", 1, root, &err), ONUS_OK);
        put_text("nothing.proof", proof.data);
        const onus_prove_check_opts o = {.proof = in_room("nothing.proof"),
                                         .key = in_room("nothing.pub")};
        char *line = NULL;
        if (onus_prove_check(&o, NULL, &line, &err) != ONUS_TAMPER) fail_msg("%s", err.msg);
        assert_non_null(strstr(err.msg, "no line of a ledger"));
        assert_null(line);
        onus_buf_release(&proof);
    }
    onus_key_wipe(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte),        cmocka_unit_test(whole_files),
        cmocka_unit_test(signed_by_another), cmocka_unit_test(no_places),
        cmocka_unit_test(proven_nothing),
    };
    return cmocka_run_group_tests(tests, open_run_room, close_run_room);
}
