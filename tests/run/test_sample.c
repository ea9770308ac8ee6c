/* SPDX-License-Identifier: Apache-2.0
 * Goal: a replay of some stretches says which, finds a false one exactly where it was drawn,
 * says what chance there was to miss it, and never calls itself the whole. Method: a run of
 * four epochs with a checkpoint after each, so of five stretches; ledgers in which one of them
 * is false; every seed of a row of seeds, whose draws must fall on all stretches alike. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "failing_mem.h"
#include "forge.h"

enum { N = 5, SEEDS = 150 };

typedef struct {
    onus_status st;
    onus_err err;
    bool drawn[N];
    int k, n;
    double missed;
    char verdict[40];
    char *notes;
} outcome;

static void sample(const char *run, int k, const char *seed, outcome *o)
{
    const onus_replay_opts opts = {
        .run = in_room(run), .sample = k, .seed = seed, .threads = 1};
    onus_facts *facts = NULL;
    *o = (outcome){.missed = NAN};
    o->st = onus_replay(&opts, &facts, &o->notes, &o->err);
    if (!facts || !onus_facts_find(facts, "replay.sample.k")) fail_msg("%s", o->err.msg);
    snprintf(o->verdict, sizeof o->verdict, "%s",
             onus_facts_find(facts, "replay.verdict")->text);
    o->k = (int)onus_facts_find(facts, "replay.sample.k")->i;
    o->n = (int)onus_facts_find(facts, "replay.sample.n")->i;
    o->missed = onus_facts_find(facts, "replay.sample.missed")->r;
    assert_string_equal(onus_facts_find(facts, "replay.sample.seed")->text, seed);
    for (int i = 1; i <= o->k; i++) {
        char name[40];
        snprintf(name, sizeof name, "replay.sample.%d", i);
        const int64_t at = onus_facts_find(facts, name)->i;
        assert_true(at >= 1 && at <= N && !o->drawn[at - 1]);
        o->drawn[at - 1] = true;
    }
    onus_facts_destroy(facts);
}

static void good(void **state)
{
    (void)state;
    outcome o, again;
    const run_how how = {.recipe = "plain.yaml", .out = "good"};
    must_run(&how);
    sample("good", 2, "my own", &o);
    if (o.st != ONUS_OK) fail_msg("%s", o.err.msg);
    assert_string_equal(o.verdict, "same, of a sample");
    assert_int_equal(o.k, 2);
    assert_int_equal(o.n, N);
    assert_true(o.missed == 3.0 / 5.0);
    assert_non_null(strstr(o.notes, "every bit the same, of a sample"));
    assert_non_null(strstr(o.notes, "2 of 5 stretches were drawn: a single false one had a "
                                    "chance of 3 in 5 to be missed"));
    for (int i = 0; i < N; i++) {
        char text[40];
        snprintf(text, sizeof text, "stretch %d of 5: ", i + 1);
        assert_true((strstr(o.notes, text) != NULL) == o.drawn[i]);
    }
    sample("good", 2, "my own", &again); /* the same seed draws the same */
    assert_memory_equal(o.drawn, again.drawn, sizeof o.drawn);
    assert_string_equal(o.notes, again.notes);
    onus_text_free(NULL, o.notes);
    onus_text_free(NULL, again.notes);
    for (int k = N; k <= N + 3; k++) { /* all of them are the whole */
        sample("good", k, "x", &o);
        assert_int_equal(o.st, ONUS_OK);
        assert_string_equal(o.verdict, "same");
        assert_int_equal(o.k, N);
        assert_true(o.missed == 0);
        onus_text_free(NULL, o.notes);
    }
}

static void false_loss(int epoch)
{
    book b;
    book_read(&b, "run");
    json_object_set_new(body(&b, find(&b, "train.epoch", epoch), "claim"), "train.loss",
                        json_real(0.125));
    book_write(&b, "run");
}

/* Two of five: each stretch is in 40 of 100 draws. Of 150, the share's deviation is 0.04, and
 * five of them are not left by chance; a false stretch is found when it is drawn, and only
 * then. */
static void found_where_drawn(void **state)
{
    (void)state;
    int drawn[N] = {0}, pairs[N][N] = {{0}}, missed = 0;
    copy_run("good");
    false_loss(2);
    assert_true(settle("run"));
    for (int i = 0; i < SEEDS; i++) {
        char seed[20];
        outcome o;
        snprintf(seed, sizeof seed, "%d", i);
        sample("run", 2, seed, &o);
        onus_text_free(NULL, o.notes);
        if (o.st != (o.drawn[2] ? ONUS_MISMATCH : ONUS_OK))
            fail_msg("seed %d: status %d, %s", i, (int)o.st, o.err.msg);
        if (o.drawn[2]) assert_non_null(strstr(o.err.msg, "(train.epoch) does not replay"));
        if (o.drawn[2]) assert_string_equal(o.verdict, "differs");
        missed += o.st == ONUS_OK;
        for (int a = 0; a < N; a++) {
            drawn[a] += o.drawn[a];
            for (int b = 0; b < a; b++) pairs[a][b] += o.drawn[a] && o.drawn[b];
        }
    }
    assert_true(fabs(missed / (double)SEEDS - 0.6) < 5 * sqrt(0.4 * 0.6 / SEEDS));
    for (int a = 0; a < N; a++) {
        assert_true(fabs(drawn[a] / (double)SEEDS - 0.4) < 5 * sqrt(0.4 * 0.6 / SEEDS));
        for (int b = 0; b < a; b++) /* 10 pairs */
            assert_true(fabs(pairs[a][b] / (double)SEEDS - 0.1) < 5 * sqrt(0.09 / SEEDS));
    }
}

/* One seed that draws the stretch alone, and one that does not. */
static void seeds_for(int stretch, char with[20], char without[20])
{
    with[0] = without[0] = '\0';
    for (int i = 0; i < 1000 && (!with[0] || !without[0]); i++) {
        char seed[20];
        outcome o;
        snprintf(seed, sizeof seed, "%d", i);
        sample("run", 1, seed, &o);
        onus_text_free(NULL, o.notes);
        snprintf(o.drawn[stretch] ? with : without, 20, "%s", seed);
    }
    assert_true(with[0] && without[0]);
}

static void first_loss(void)
{
    false_loss(0);
    assert_true(settle("run"));
}

static void false_accuracy(void)
{
    book b;
    book_read(&b, "run");
    json_object_set_new(body(&b, find(&b, "metric", 0), "claim"), "accuracy",
                        json_real(0.9875));
    book_write(&b, "run");
    assert_true(settle("run"));
}

/* What no other value of the ledger determines. */
static void false_cost(void)
{
    book b;
    book_read(&b, "run");
    json_object_set_new(body(&b, find(&b, "model", 0), "claim"), "model.multiply_adds",
                        json_real(7));
    book_write(&b, "run");
    assert_true(settle("run"));
}

static void in_run(const char *command)
{
    char line[300];
    snprintf(line, sizeof line, "cd %s/run && %s", run_room, command);
    assert_int_equal(system(line), 0);
}

static void report_longer(void)
{
    in_run("echo >> report.html");
}

static void checkpoint_gone(void)
{
    in_run("rm checkpoints/6.safetensors");
}

static void checkpoint_changed(void)
{
    in_run("echo x >> checkpoints/9.safetensors");
}

/* Two stretches become one, the second of four. */
static void checkpoint_left_out(void)
{
    book b;
    book_read(&b, "run");
    take_out(&b, find(&b, "checkpoint", 1));
    book_write(&b, "run");
    assert_true(settle("run"));
}

/* What a forger may do to a stretch: each is found by the draw that falls on it, and by that
 * alone, since everything else was made to fit. */
static void every_stretch(void **state)
{
    (void)state;
    static const struct {
        void (*forge)(void);
        int stretch;
        onus_status st;
        const char *verdict, *named;
        bool contradicts; /* itself, which any replay finds */
    } rows[] = {
        {first_loss, 0, ONUS_MISMATCH, "differs",
         "(train.epoch) does not replay: train.loss is 0.125 in the ledger"},
        {false_accuracy, 4, ONUS_MISMATCH, "differs",
         "(metric) does not replay: accuracy is 0.9875 in the ledger", true},
        {false_cost, 4, ONUS_MISMATCH, "differs",
         "(model) does not replay: model.multiply_adds is 7 in the ledger"},
        {report_longer, 4, ONUS_MISMATCH, "differs", "(report) does not replay: report.html"},
        {checkpoint_gone, 2, ONUS_UNPROVEN, "not proven",
         "not proven: a stretch that was drawn starts from checkpoints/6.safetensors"},
        {checkpoint_changed, 3, ONUS_TAMPER, "not proven", "9.safetensors was changed"},
        {checkpoint_left_out, 1, ONUS_MISMATCH, "differs", "\"checkpoint\" when recomputed",
         true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char with[20], without[20];
        outcome o;
        copy_run("good");
        rows[i].forge();
        seeds_for(rows[i].stretch, with, without);
        sample("run", 1, with, &o);
        onus_text_free(NULL, o.notes);
        if (o.st != rows[i].st || strcmp(o.verdict, rows[i].verdict) != 0 ||
            !strstr(o.err.msg, rows[i].named))
            fail_msg("%zu: status %d, %s, %s", i, (int)o.st, o.verdict, o.err.msg);
        sample("run", 1, without, &o);
        onus_text_free(NULL, o.notes);
        if ((o.st == ONUS_OK) == rows[i].contradicts) fail_msg("%zu: %s", i, o.err.msg);
        assert_int_equal(o.n, rows[i].forge == checkpoint_left_out ? N - 1 : N);
    }
}

/* Another head draws others: whoever fits a ledger to a seed changes the draw by it. */
static void drawn_from_the_head(void **state)
{
    (void)state;
    outcome a, b;
    int n_other = 0;
    const run_how how = {.recipe = "plain.yaml", .out = "twin"}; /* other seconds, other head */
    must_run(&how);
    for (int i = 0; i < 40; i++) {
        char seed[20];
        snprintf(seed, sizeof seed, "s%d", i);
        sample("good", 1, seed, &a);
        sample("twin", 1, seed, &b);
        n_other += memcmp(a.drawn, b.drawn, sizeof a.drawn) != 0;
        onus_text_free(NULL, a.notes);
        onus_text_free(NULL, b.notes);
    }
    assert_true(n_other > 15 && n_other < 40); /* 32 are expected, with a deviation of 2.5 */
}

static void other_runs(void **state)
{
    (void)state;
    outcome o;
    const run_how how = {.recipe = "private.yaml", .out = "private"};
    must_run(&how);
    for (int k = 1; k < N; k++) {
        sample("private", k, "p", &o);
        onus_text_free(NULL, o.notes);
        if (o.st != ONUS_OK) fail_msg("%s", o.err.msg);
    }
    onus_run_result result = {.dir = ""};
    onus_err err = {.msg = ""};
    onus_run_opts opts = {.recipe = in_room("plain.yaml"),
                          .out = in_room("half"),
                          .threads = 1,
                          .train_only = true};
    assert_int_equal(onus_run(&opts, &result, &err), ONUS_OK);
    onus_run_result_release(&result);
    for (int k = 1; k < N; k++) {
        sample("half", k, "t", &o);
        onus_text_free(NULL, o.notes);
        if (o.st != ONUS_OK) fail_msg("%s", o.err.msg);
    }
}

static void wrong_use(void **state)
{
    (void)state;
    const onus_replay_opts rows[] = {
        {.run = in_room("good"), .sample = 2},
        {.run = in_room("good"), .seed = "x"},
        {.run = in_room("good"), .sample = -1, .seed = "x"},
        {.run = in_room("good"), .sample = 2, .seed = "x", .from = 3},
        {.run = in_room("good"), .sample = 2, .seed = "x", .to = 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        onus_err err;
        assert_int_equal(onus_replay(&rows[i], NULL, NULL, &err), ONUS_BAD_ARG);
    }
}

/* --from and --to, too, say what they are. */
static void stretches(void **state)
{
    (void)state;
    static const struct {
        int64_t from, to;
        const char *note;
    } rows[] = {
        {3, 9, "only the stretch from step 3 to step 9"},
        {0, 6, "only the stretch from step 0 to step 6"},
        {9, 0, "only the stretch from step 9 to the end"},
        {12, 0, "only the stretch from step 12 to the end"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const onus_replay_opts opts = {
            .run = in_room("good"), .from = rows[i].from, .to = rows[i].to, .threads = 1};
        onus_facts *facts = NULL;
        char *notes = NULL;
        onus_err err = {.msg = ""};
        if (onus_replay(&opts, &facts, &notes, &err) != ONUS_OK) fail_msg("%s", err.msg);
        assert_string_equal(onus_facts_find(facts, "replay.verdict")->text,
                            "same, of a stretch");
        assert_non_null(strstr(notes, rows[i].note));
        const onus_field *from = onus_facts_find(facts, "replay.from"),
                         *to = onus_facts_find(facts, "replay.to");
        assert_int_equal(from ? from->i : 0, rows[i].from);
        assert_int_equal(to ? to->i : 0, rows[i].to);
        onus_facts_destroy(facts);
        onus_text_free(NULL, notes);
    }
}

static onus_status replay_once(const onus_allocator *mem, void *ctx, onus_err *err)
{
    onus_facts *facts = NULL;
    char *notes = NULL;
    const onus_replay_opts opts = {.run = in_room("good"),
                                   .sample = *(const int *)ctx,
                                   .seed = *(const int *)ctx ? "m" : NULL,
                                   .threads = 1,
                                   .mem = mem};
    const onus_status st = onus_replay(&opts, &facts, &notes, err);
    onus_facts_destroy(facts);
    onus_text_free(mem, notes);
    return st;
}

static void memory_ends(void **state)
{
    (void)state;
    int whole = 0, some = 2;
    if (!getenv("ONUS_SLOW")) return; /* some thousand replays */
    assert_true(failing_mem_walk("replay", replay_once, &whole) > 100);
    assert_true(failing_mem_walk("sample", replay_once, &some) > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),          cmocka_unit_test(found_where_drawn),
        cmocka_unit_test(every_stretch), cmocka_unit_test(drawn_from_the_head),
        cmocka_unit_test(other_runs),    cmocka_unit_test(wrong_use),
        cmocka_unit_test(stretches),     cmocka_unit_test(memory_ends),
    };
    return cmocka_run_group_tests(tests, open_run_room, close_run_room);
}
