/* SPDX-License-Identifier: Apache-2.0
 * Goal: a run that is stopped after any step goes on with the next one, and ends in the same
 * model, the same claims and a folder without traces of the stop; no state is lost, whatever
 * the training keeps (averages of the optimiser, best parameters, the epoch's losses, patience,
 * weights, a sealed key). Method: one uninterrupted run a recipe, which is the right answer;
 * copies of it cut back to where its training begins, stopped after every step there is, twice
 * and in odd places too, and resumed. The clock is the test's: it makes progress be told after
 * every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <time.h>

#include "base/json.h"
#include "proof/ledger.h"
#include "run_room.h"

/* A second passes whenever somebody looks: the library's clock, in this program. */
int clock_gettime(clockid_t clock, struct timespec *out)
{
    static time_t now = 1700000000;
    (void)clock;
    *out = (struct timespec){.tv_sec = now++};
    return 0;
}

#define HEAD                                                                            \
    "onus: 1\nname: small\nseed: 7\n"                                                   \
    "data:\n  source: t.csv\n  label: {column: y, positive: yes}\n  protected: [sex]\n" \
    "  split: {train: 0.6, valid: 0.2, test: 0.2, stratify: [y]}\n"                     \
    "model: {kind: mlp, hidden: [3], dropout: 0.2}\nexplain: off\n"
#define OFF "privacy: off\npolicy: [train.loss <= 9, train.seconds >= 0]\n"
#define DP                                          \
    "privacy: {noise: 1.2, delta: 1e-4, clip: 1}\n" \
    "policy: [train.valid_loss <= 9, train.seconds >= 0]\n"

/* 24 rows to train on: 5 steps an epoch of batches of 5, the last of 4. */
static const struct {
    const char *name, *text;
} recipes[] = {
    {"adam.yaml", HEAD "train: {epochs: 3, batch: 5, checkpoint: 2}\n" OFF},
    {"none.yaml", HEAD "train: {epochs: 2, batch: 5, checkpoint: -1, optimiser: adamw, "
                       "schedule: cosine, warmup: 3}\n" OFF},
    {"momentum.yaml",
     HEAD "train: {epochs: 3, batch: 5, optimiser: momentum, lr: 0.05, "
          "class_weights: balanced, clip_norm: 0.2, keep: best, shards: 4}\n" OFF},
    {"patience.yaml", HEAD "train: {epochs: 30, batch: 8, optimiser: sgd, lr: 0.5, patience: "
                           "2, checkpoint: 5}\n" OFF},
    {"private.yaml", HEAD "train: {epochs: 3, batch: 8, checkpoint: 1, keep: last}\n" DP},
    {"private_best.yaml", HEAD
     "train: {epochs: 3, batch: 8, keep: best, patience: 3, class_weights: balanced}\n" DP},
};
enum { N_RECIPES = sizeof recipes / sizeof *recipes };

/* ---- stopping ---------------------------------------------------------------------------- */

typedef struct {
    int64_t step; /* the run is stopped after it */
    bool at_once; /* it is the first one */
    int stop;
} stopper;

/* The step before is done: the flag is seen after the next one. */
static void on_progress(void *ctx, const onus_progress *p)
{
    stopper *s = ctx;
    if (p->phase && strcmp(p->phase, "train") == 0 && p->step == s->step - 1) s->stop = 1;
}

/* The step that a session begins with has none before it. */
static onus_status on_event(void *ctx, const onus_event *e, onus_err *err)
{
    stopper *s = ctx;
    (void)err;
    if (s->at_once && strcmp(e->type, "train.begin") == 0) s->stop = 1;
    return ONUS_OK;
}

static onus_status run(const char *recipe, const char *out, bool resume, stopper *s,
                       onus_err *err)
{
    onus_run_result result = {.dir = ""};
    const onus_run_opts opts = {.recipe = in_room(recipe),
                                .out = in_room(out),
                                .threads = 1,
                                .resume = resume,
                                .progress = s ? on_progress : NULL,
                                .progress_ctx = s,
                                .sink = {s ? on_event : NULL, s},
                                .stop = s ? &s->stop : NULL};
    *err = (onus_err){.msg = ""};
    const onus_status st = onus_run(&opts, &result, err);
    onus_run_result_release(&result);
    return st;
}

static void command(const char *form, const char *name)
{
    char line[500], inner[400];
    snprintf(inner, sizeof inner, form, name);
    snprintf(line, sizeof line, "cd %s && %s", run_room, inner);
    assert_int_equal(system(line), 0);
}

/* A copy of a finished run as it was when its training began: with its key, so that a private
 * one is the same run. */
static void cut_back(const char *whole)
{
    command("rm -rf run && cp -r %s run && rm -rf run/checkpoints run/model.safetensors "
            "run/report.html run/ledger.note && sed -i '/\"type\":\"train.epoch\"/,$d' "
            "run/ledger.jsonl",
            whole);
}

static bool there(const char *name)
{
    return onus_file_exists(in_room(name));
}

/* ---- what must come of it ---------------------------------------------------------------- */

/* Types and claims of a ledger, line by line, without what happened to the run. */
static void claims_of(const char *out, onus_buf *text)
{
    char name[64];
    onus_log *log = NULL;
    snprintf(name, sizeof name, "%s/ledger.jsonl", out);
    onus_buf_init(text, NULL, 16 << 20);
    assert_int_equal(onus_log_read(&log, in_room(name), NULL, NULL), ONUS_OK);
    for (int64_t i = 0; i < onus_log_count(log); i++) {
        const onus_entry *e = onus_log_at(log, i);
        if (onus_event_between(e->type)) continue;
        onus_buf_printf(text, "%s ", e->type);
        onus_json_canonical(text, e->claim);
        onus_buf_str(text, "\n");
    }
    onus_log_close(log);
}

static void same_as(const char *whole, const char *what)
{
    char a[ONUS_HEX_LEN], b[ONUS_HEX_LEN];
    onus_buf mine, theirs;
    onus_facts *facts = NULL;
    onus_err err = {.msg = ""};
    model_hash(whole, a);
    model_hash("run", b);
    if (strcmp(a, b) != 0) fail_msg("%s: another model", what);
    claims_of("run", &mine);
    claims_of(whole, &theirs);
    if (strcmp(mine.data, theirs.data) != 0)
        fail_msg("%s: other claims\n%s\n%s", what, mine.data, theirs.data);
    onus_buf_release(&mine);
    onus_buf_release(&theirs);
    if (there("run/checkpoints/stop.safetensors")) fail_msg("%s: the state is left over", what);
    if (onus_verify(&(onus_verify_opts){.run = in_room("run")}, &facts, NULL, &err) != ONUS_OK)
        fail_msg("%s: %s", what, err.msg);
    assert_int_equal(onus_facts_find(facts, "verify.files.unknown")->i, 0);
    assert_int_equal(onus_facts_find(facts, "verify.files.absent")->i, 0);
    onus_facts_destroy(facts);
    const onus_replay_opts opts = {.run = in_room("run"), .threads = 1};
    if (onus_replay(&opts, NULL, NULL, &err) != ONUS_OK) fail_msg("%s: %s", what, err.msg);
}

/* The last event of the folder says where it stopped, and the file is what it says. */
static void stopped_at(int64_t step, const char *what)
{
    onus_log *log = NULL;
    char hex[ONUS_HEX_LEN];
    uint8_t sha[32];
    onus_err err;
    assert_int_equal(onus_log_read(&log, in_room("run/ledger.jsonl"), NULL, NULL), ONUS_OK);
    const onus_entry *e = onus_log_at(log, onus_log_count(log) - 1);
    if (strcmp(e->type, "run.stop") != 0) fail_msg("%s: last is %s", what, e->type);
    assert_int_equal(json_object_size(e->claim), 0);
    assert_int_equal(json_object_size(e->observed), 4);
    const int64_t said = json_integer_value(json_object_get(e->observed, "run.stop.step"));
    if (said != step) fail_msg("%s: stopped after step %d", what, (int)said);
    assert_int_equal(onus_file_sha256(in_room("run/checkpoints/stop.safetensors"), sha, NULL),
                     ONUS_OK);
    onus_hex(sha, 32, hex);
    assert_string_equal(
        json_string_value(json_object_get(e->observed, "run.stop.checkpoint.sha256")), hex);
    onus_log_close(log);
    assert_int_equal(onus_verify(&(onus_verify_opts){.run = in_room("run")}, NULL, NULL, &err),
                     ONUS_TAMPER);
    assert_non_null(strstr(err.msg, "the run did not come to its end"));
}

static void stop_at(const char *recipe, int64_t step, bool at_once, const char *what)
{
    onus_err err;
    stopper s = {.step = step, .at_once = at_once};
    const onus_status st = run(recipe, "run", true, &s, &err);
    if (st != ONUS_STOPPED) fail_msg("%s: status %d, %s", what, (int)st, err.msg);
    if (!strstr(err.msg, "stopped after step")) fail_msg("%s: %s", what, err.msg);
    stopped_at(step, what);
}

static void go_on(const char *recipe, const char *what)
{
    onus_err err;
    if (run(recipe, "run", true, NULL, &err) != ONUS_OK) fail_msg("%s: %s", what, err.msg);
}

/* Where a resumed run began, by its event. */
static int64_t resumed_from(void)
{
    onus_log *log = NULL;
    int64_t step = -1;
    assert_int_equal(onus_log_read(&log, in_room("run/ledger.jsonl"), NULL, NULL), ONUS_OK);
    for (const onus_entry *e = onus_log_type(log, "run.resume", 0); e;
         e = onus_log_type(log, "run.resume", e->n))
        step = json_integer_value(json_object_get(e->observed, "run.resume.step"));
    onus_log_close(log);
    return step;
}

static int64_t steps_of(const char *out)
{
    char name[64];
    onus_log *log = NULL;
    const json_t *steps = NULL;
    snprintf(name, sizeof name, "%s/ledger.jsonl", out);
    assert_int_equal(onus_log_read(&log, in_room(name), NULL, NULL), ONUS_OK);
    assert_non_null(onus_log_find(log, "train.steps", INT64_MAX, &steps));
    const int64_t n = json_integer_value(steps);
    onus_log_close(log);
    return n;
}

/* ---- the tests --------------------------------------------------------------------------- */

static void after_every_step(void **state)
{
    (void)state;
    int n_stops = 0;
    for (int r = 0; r < N_RECIPES; r++) {
        onus_err err;
        char whole[24];
        put_text(recipes[r].name, recipes[r].text);
        snprintf(whole, sizeof whole, "whole%d", r);
        if (run(recipes[r].name, whole, false, NULL, &err) != ONUS_OK)
            fail_msg("%s: %s", recipes[r].name, err.msg);
        const int64_t n = steps_of(whole);
        assert_true(n >= 9);
        const int64_t stride = getenv("ONUS_SLOW") ? 1 : 4; /* of 3 and 5 steps an epoch */
        for (int64_t step = 1; step <= n; step += stride, n_stops++) {
            char what[100];
            snprintf(what, sizeof what, "%s, step %d", recipes[r].name, (int)step);
            cut_back(whole);
            stop_at(recipes[r].name, step, step == 1, what);
            go_on(recipes[r].name, what);
            if (resumed_from() != step) fail_msg("%s: from %d", what, (int)resumed_from());
            same_as(whole, what);
        }
    }
    print_message("# %d stops of %d recipes: each went on to the same bits\n", n_stops,
                  N_RECIPES);
}

/* A run that has not been cut back: stopped from its own beginning. */
static void from_the_beginning(void **state)
{
    (void)state;
    for (int64_t step = 1; step <= 15; step += 7) {
        onus_err err;
        stopper s = {.step = step, .at_once = step == 1};
        remove_run("run");
        assert_int_equal(run("adam.yaml", "run", false, &s, &err), ONUS_STOPPED);
        assert_non_null(strstr(err.hint, "--resume goes on"));
        stopped_at(step, "new");
        go_on("adam.yaml", "new");
        same_as("whole0", "new");
    }
}

/* Again and again, after the very next step, and one that lies before what the ledger has. */
static void many_times(void **state)
{
    (void)state;
    cut_back("whole0");
    for (int64_t step = 1; step <= 15; step++) stop_at("adam.yaml", step, true, "each step");
    go_on("adam.yaml", "each step");
    same_as("whole0", "each step");

    /* killed in epoch 3 with its checkpoint spoilt, begun again, and stopped in epoch 1 */
    command("rm -rf run && cp -r %s run && rm run/checkpoints/* run/ledger.note && sed -i "
            "'/\"train.epoch\":3/,$d' run/ledger.jsonl",
            "whole0");
    stop_at("adam.yaml", 2, false, "behind");
    stop_at("adam.yaml", 8, false, "behind");
    go_on("adam.yaml", "behind");
    assert_int_equal(resumed_from(), 8);
    same_as("whole0", "behind");
}

/* The state is spoilt or gone, or its event was torn off: the run goes on from what is left. */
static void spoilt_states(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        int from;
    } rows[] = {
        {"rm run/checkpoints/stop.safetensors", 10},
        {"echo x >> run/checkpoints/stop.safetensors", 10},
        {"sed -i '$d' run/ledger.jsonl", 10},
        {"truncate -s -9 run/ledger.jsonl", 10},
        {"rm run/checkpoints/10.safetensors", 13},
        {"rm -r run/checkpoints", 0},
        {"cp run/checkpoints/10.safetensors run/checkpoints/stop.safetensors", 10},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cut_back("whole0");
        stop_at("adam.yaml", 13, false, rows[i].command);
        command("%s", rows[i].command);
        go_on("adam.yaml", rows[i].command);
        assert_int_equal(resumed_from(), rows[i].from);
        if (i != 4 && i != 5)
            same_as("whole0", rows[i].command); /* checkpoints may be absent */
    }
}

/* After the training there is nothing to keep that is not kept already. */
static onus_status at_test(void *ctx, const onus_event *e, onus_err *err)
{
    (void)err;
    if (strcmp(e->type, "data.test") == 0) *(int *)ctx = 1;
    return ONUS_OK;
}

static void behind_the_training(void **state)
{
    (void)state;
    int stop = 0;
    onus_run_result result = {.dir = ""};
    onus_err err;
    const onus_run_opts opts = {.recipe = in_room("adam.yaml"),
                                .out = in_room("run"),
                                .threads = 1,
                                .sink = {at_test, &stop},
                                .stop = &stop};
    remove_run("run");
    assert_int_equal(onus_run(&opts, &result, &err), ONUS_STOPPED);
    assert_false(there("run/checkpoints/stop.safetensors"));
    assert_true(there("run/model.safetensors"));
    go_on("adam.yaml", "evaluation");
    same_as("whole0", "evaluation");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_every_step),    cmocka_unit_test(from_the_beginning),
        cmocka_unit_test(many_times),          cmocka_unit_test(spoilt_states),
        cmocka_unit_test(behind_the_training),
    };
    return cmocka_run_group_tests(tests, open_run_room, close_run_room);
}
