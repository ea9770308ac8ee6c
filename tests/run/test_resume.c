/* SPDX-License-Identifier: Apache-2.0
 * Goal: a run that ends at any moment goes on and ends in the same model, verified and
 * replayed; a replay finds one changed weight, metric or byte of data and names the event.
 * Method: a sink that stops the run at every event in turn; the ledger of a finished run cut
 * after every line and inside lines, as kills leave it; failing allocations; replays of whole
 * and of stretches, over tampered folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "failing_mem.h"
#include "proof/ledger.h"
#include "run_room.h"

typedef struct {
    int at, stop_at; /* events seen; the one that stops the run, 0: none */
} stopper;

static onus_status stop_there(void *ctx, const onus_event *event, onus_err *err)
{
    stopper *s = ctx;
    (void)event;
    if (++s->at != s->stop_at) return ONUS_OK;
    err->code = ONUS_STOPPED;
    snprintf(err->msg, sizeof err->msg, "stopped by the test");
    return ONUS_STOPPED;
}

static onus_status replay(const char *run, int64_t from, int64_t to, onus_err *err)
{
    const onus_replay_opts opts = {.run = in_room(run), .from = from, .to = to, .threads = 2};
    *err = (onus_err){.msg = ""};
    return onus_replay(&opts, NULL, NULL, err);
}

/* Resumed, the run has this model, verifies and replays. */
static void goes_on(const char *recipe, const char *out, const char *want)
{
    char hex[ONUS_HEX_LEN];
    onus_err err;
    const run_how how = {.recipe = recipe, .out = out, .resume = true};
    must_run(&how);
    model_hash(out, hex);
    if (want) assert_string_equal(hex, want);
    const onus_verify_opts check = {.run = in_room(out)};
    if (onus_verify(&check, NULL, NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
    if (replay(out, 0, 0, &err) != ONUS_OK) fail_msg("%s", err.msg);
}

static void stopped_at_every_event(void **state)
{
    (void)state;
    static const char *const recipes[] = {"plain.yaml", "private.yaml"};
    for (int i = 0; i < 2; i++) {
        char whole[ONUS_HEX_LEN];
        stopper count = {.stop_at = 0};
        run_how how = {.recipe = recipes[i], .out = "whole", .sink = {stop_there, &count}};
        remove_run("whole");
        must_run(&how);
        model_hash("whole", whole);
        const int step = getenv("ONUS_SLOW") ? 1 : 5;
        for (int at = 1; at <= count.at; at += step) {
            stopper s = {.stop_at = at};
            onus_run_result result = {.dir = ""};
            onus_err err = {.msg = ""};
            remove_run("stopped");
            how = (run_how){.recipe = recipes[i], .out = "stopped", .sink = {stop_there, &s}};
            assert_int_equal(try_run(&how, &result, &err), ONUS_STOPPED);
            if (!onus_file_exists(in_room("stopped")))
                continue; /* so early that nothing is kept */
            /* a private run draws its own noise: the model is another, and replays all the
             * same */
            goes_on(recipes[i], "stopped", i == 0 ? whole : NULL);
        }
    }
}

/* What a kill leaves: any number of whole lines, part of one, and files that may be newer. */
static void cut_anywhere(void **state)
{
    (void)state;
    char whole[ONUS_HEX_LEN];
    onus_log *log = NULL;
    const run_how how = {.recipe = "plain.yaml", .out = "uncut"};
    must_run(&how);
    model_hash("uncut", whole);
    assert_int_equal(onus_log_read(&log, in_room("uncut/ledger.jsonl"), NULL, NULL), ONUS_OK);
    const int64_t n = onus_log_count(log), step = getenv("ONUS_SLOW") ? 1 : 6;
    size_t kept = 0;
    for (int64_t i = 0; i < n; i++) {
        const size_t len = onus_log_at(log, i)->line_len + 1;
        for (int part = 0; part < 2 && i % step == 0; part++) {
            char command[300];
            snprintf(command, sizeof command, "cd %s && rm -rf cut && cp -r uncut cut",
                     run_room);
            assert_int_equal(system(command), 0);
            if (i % 8 == 0) assert_int_equal(unlink(in_room("cut/report.html")), 0);
            assert_int_equal(
                truncate(in_room("cut/ledger.jsonl"), (off_t)(kept + (part ? len / 2 : 0))), 0);
            goes_on("plain.yaml", "cut", whole);
        }
        kept += len;
    }
    onus_log_close(log);
}

/* A checkpoint that a kill or a hand spoilt is passed over. */
static void spoilt_checkpoints(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "rm cut/checkpoints/*", "rm cut/checkpoints/9.safetensors",
        "for f in cut/checkpoints/*; do echo x >> $f; done", "rm -r cut/checkpoints"};
    char whole[ONUS_HEX_LEN];
    const run_how how = {.recipe = "plain.yaml", .out = "points"};
    must_run(&how);
    model_hash("points", whole);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char command[300];
        snprintf(
            command, sizeof command,
            "cd %s && rm -rf cut && cp -r points cut && %s && sed -i '14,$d' cut/ledger.jsonl",
            run_room, commands[i]);
        assert_int_equal(system(command), 0);
        goes_on("plain.yaml", "cut", whole);
    }
}

static void not_resumed(void **state)
{
    (void)state;
    onus_run_result result = {.dir = ""};
    onus_err err;
    run_how how = {.recipe = "plain.yaml", .out = "mine"};
    must_run(&how);
    assert_int_equal(try_run(&how, &result, &err), ONUS_BAD_ARG); /* without --resume */
    assert_non_null(strstr(err.msg, "holds a run already"));
    how.resume = true;
    how.recipe = "private.yaml"; /* with another recipe */
    assert_int_equal(try_run(&how, &result, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "a run is resumed with the recipe that began it"));
    how.recipe = "plain.yaml"; /* with other data */
    assert_int_equal(rename(in_room("t.csv"), in_room("kept.csv")), 0);
    put_text("t.csv", "x,kind,sex,age,y\n1,u,f,20,yes\n2,v,m,50,no\n3,u,f,60,no\n4,v,f,30,"
                      "yes\n5,v,m,44,yes\n6,v,m,44,no\n7,v,m,44,yes\n");
    assert_int_equal(truncate(in_room("mine/ledger.jsonl"), 3000), 0);
    assert_int_equal(try_run(&how, &result, &err), ONUS_MISMATCH);
    assert_non_null(strstr(err.msg, "(data.read): data.file.1."));
    assert_int_equal(rename(in_room("kept.csv"), in_room("t.csv")), 0);
    goes_on("plain.yaml", "mine", NULL);
}

static void spoil(const char *command)
{
    char line[500];
    snprintf(line, sizeof line, "cd %s && rm -rf run && cp -r good run && %s", run_room,
             command);
    assert_int_equal(system(line), 0);
}

/* Replay reads no stored result, so it finds what was claimed falsely, and says where. */
static void replay_names_the_event(void **state)
{
    (void)state;
    static const struct {
        const char *command, *named;
    } rows[] = {
        {"sed -i 's/\"accuracy\":0\\.[0-9]*/\"accuracy\":0.9875/' run/ledger.jsonl",
         "(metric)"},
        {"sed -i '/\"type\":\"model\"/s/\"model.parameters\":[0-9]*/\"model.parameters\":1/' "
         "run/ledger.jsonl",
         "(model) does not replay: model.parameters is 1 in the ledger"},
        {"sed -i 's/\"data.rows.train\":24/\"data.rows.train\":25/' run/ledger.jsonl",
         "(data.split) does not replay: data.rows.train is 25 in the ledger, 24 when "
         "recomputed"},
        {"sed -i 's/\"run.seed\":\"7\"/\"run.seed\":\"8\"/' run/ledger.jsonl",
         "event 1 (run.begin)"},
        {"sed -i 's/hidden: .3./hidden: [4]/' run/recipe.yaml",
         "event 1 (run.begin) does not replay: run.recipe.sha256"},
    };
    const run_how how = {.recipe = "plain.yaml", .out = "good"};
    onus_err err;
    must_run(&how);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        spoil(rows[i].command);
        assert_int_equal(replay("run", 0, 0, &err), ONUS_MISMATCH);
        if (!strstr(err.msg, rows[i].named)) fail_msg("%s: %s", rows[i].command, err.msg);
    }
    /* one byte of data, as it may be and as it may not */
    static const char *const bytes[] = {"3s/w/v/", "4s/,/;/", "2s/0/\"/",
                                        "5s/yes$/yeS/;5s/no$/nO/"};
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        char command[200];
        snprintf(command, sizeof command,
                 "cd %s && cp t.csv kept.csv && sed -i '%s' t.csv && ! cmp -s t.csv kept.csv",
                 run_room, bytes[i]);
        assert_int_equal(system(command), 0);
        assert_int_equal(replay("good", 0, 0, &err), ONUS_MISMATCH);
        if (!strstr(err.msg, "(data.read) does not replay: data.file.1."))
            fail_msg("%s", err.msg);
        assert_int_equal(rename(in_room("kept.csv"), in_room("t.csv")), 0);
    }
    assert_int_equal(replay("good", 0, 0, &err), ONUS_OK);
}

/* Between checkpoints; the one that a stretch starts from must be what the ledger says. */
static void stretches(void **state)
{
    (void)state;
    onus_err err;
    const run_how how = {.recipe = "plain.yaml", .out = "good"};
    remove_run("good");
    must_run(&how);
    assert_int_equal(replay("good", 3, 9, &err), ONUS_OK);
    assert_int_equal(replay("good", 0, 6, &err), ONUS_OK);
    assert_int_equal(replay("good", 9, 0, &err), ONUS_OK);
    assert_int_equal(replay("good", 4, 0, &err), ONUS_BAD_ARG);
    assert_non_null(strstr(err.msg, "--from 4: the ledger has no checkpoint of that step"));
    assert_int_equal(replay("good", 6, 3, &err), ONUS_BAD_ARG);
    assert_int_equal(replay("good", 0, 7, &err), ONUS_BAD_ARG);
    spoil("printf x | dd of=run/checkpoints/6.safetensors bs=1 seek=700 conv=notrunc "
          "2>/dev/null"); /* one weight */
    assert_int_equal(replay("run", 6, 0, &err), ONUS_TAMPER);
    assert_non_null(strstr(err.msg, "6.safetensors was changed"));
    /* what makes no sense any more was changed, too: a header, a length */
    spoil("printf '!' | dd of=run/checkpoints/6.safetensors bs=1 seek=9 conv=notrunc "
          "2>/dev/null");
    assert_int_equal(replay("run", 6, 0, &err), ONUS_TAMPER);
    assert_non_null(strstr(err.msg, "6.safetensors was changed"));
    spoil("truncate -s -4 run/checkpoints/6.safetensors");
    assert_int_equal(replay("run", 6, 0, &err), ONUS_TAMPER);
    assert_non_null(strstr(err.msg, "6.safetensors was changed"));
    onus_facts *facts = NULL;
    char *notes = NULL;
    const onus_replay_opts opts = {.run = in_room("run"), .from = 6, .threads = 1};
    assert_int_equal(onus_replay(&opts, &facts, &notes, NULL), ONUS_TAMPER);
    assert_string_equal(onus_facts_find(facts, "replay.verdict")->text, "not proven");
    assert_non_null(notes);
    onus_facts_destroy(facts);
    onus_text_free(NULL, notes);
    assert_int_equal(replay("run", 3, 6, &err), ONUS_OK); /* which it ends at is computed */
    spoil("rm run/checkpoints/6.safetensors");
    assert_int_equal(replay("run", 6, 0, &err), ONUS_IO);
}

/* A private run without its key: not proven, rather than wrong. */
static void private_without_key(void **state)
{
    (void)state;
    onus_err err;
    const run_how how = {.recipe = "private.yaml", .out = "good"};
    remove_run("good");
    must_run(&how);
    assert_int_equal(replay("good", 0, 0, &err), ONUS_OK);
    spoil("rm run/private/noise.key");
    assert_int_equal(replay("run", 0, 0, &err), ONUS_UNPROVEN);
    assert_true(strncmp(err.msg, "not proven: ", 12) == 0);
    const onus_verify_opts check = {.run = in_room("run")};
    assert_int_equal(onus_verify(&check, NULL, NULL, &err), ONUS_OK);
    spoil(
        "tr 0-9a-f 1-9a-f0 < good/private/noise.key > run/private/noise.key"); /* another key */
    assert_int_equal(replay("run", 0, 0, &err), ONUS_MISMATCH);
    assert_non_null(strstr(err.msg, "privacy.noise.commitment"));
    spoil("echo short > run/private/noise.key");
    assert_int_equal(replay("run", 0, 0, &err), ONUS_TAMPER);
}

static onus_status whole_run(const onus_allocator *mem, void *ctx, onus_err *err)
{
    onus_run_result result = {.dir = ""};
    const run_how how = {.recipe = ctx, .out = "mem", .mem = mem};
    remove_run("mem");
    const onus_status st = try_run(&how, &result, err);
    onus_run_result_release(&result);
    return st;
}

static void memory_ends(void **state)
{
    (void)state;
    if (!getenv("ONUS_SLOW")) return; /* some thousand runs */
    assert_true(failing_mem_walk("run", whole_run, (void *)(uintptr_t) "plain.yaml") > 100);
    assert_true(failing_mem_walk("private run", whole_run, (void *)(uintptr_t) "private.yaml") >
                100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopped_at_every_event), cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(spoilt_checkpoints),     cmocka_unit_test(not_resumed),
        cmocka_unit_test(replay_names_the_event), cmocka_unit_test(stretches),
        cmocka_unit_test(private_without_key),    cmocka_unit_test(memory_ends),
    };
    return cmocka_run_group_tests(tests, open_run_room, close_run_room);
}
