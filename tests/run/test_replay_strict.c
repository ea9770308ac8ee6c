/* SPDX-License-Identifier: Apache-2.0
 * Goal: an owner who holds every key cannot add, drop, move, double or empty an event, nor add
 * or remove a name of one, without a replay that names it. Method: real runs, whose ledgers are
 * rewritten line by line as such an owner would, numbered again and canonical, so that nothing
 * but the replay's own idea of the run can object; a report forged to go with them. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "forge.h"
#include "proof/judge.h"

/* ---- the attacks ------------------------------------------------------------------------- */

static void no_test(book *b)
{
    drop(b, "data.test");
    drop(b, "metric");
}

static void no_test_forged(book *b)
{
    drop(b, "data.test");
    json_object_set_new(body(b, find(b, "metric", 0), "claim"), "accuracy", json_real(0.99));
}

static void no_metric(book *b)
{
    drop(b, "metric");
}

static void no_evaluation(book *b)
{
    no_test(b);
    drop(b, "fairness");
    drop(b, "explain");
}

/* Nothing is claimed after the model, and the page still has an accuracy to show. */
static void only_observed(book *b)
{
    static const char *const types[] = {"data.test", "metric",        "fairness", "explain",
                                        "policy",    "policy.result", "energy"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) drop(b, types[i]);
    take_out(b, find(b, "private", 1));
    insert(b, find(b, "run.signer", 0), "metric", "{}", "{\"accuracy\":0.99}");
}

static void observed_metric(book *b)
{
    insert(b, find(b, "policy", 0), "metric", "{}", "{\"accuracy\":0.99}");
}

static void emptied_metric(book *b)
{
    json_object_clear(body(b, find(b, "metric", 0), "claim"));
}

static void claimed_robustness(book *b)
{
    insert(b, find(b, "policy", 0), "robustness", "{\"robustness.accuracy\":1}", "{}");
}

static void doubled(book *b)
{
    put_in(b, find(b, "metric", 0), json_deep_copy(b->line[find(b, "metric", 0)]));
}

static void doubled_energy(book *b)
{
    put_in(b, find(b, "energy", 0), json_deep_copy(b->line[find(b, "energy", 0)]));
}

static void swapped_types(book *b)
{
    swap(b, find(b, "metric", 0), find(b, "fairness", 0));
}

static void swapped_epochs(book *b)
{
    swap(b, find(b, "train.epoch", 1), find(b, "train.epoch", 2));
}

static void epoch_more(book *b)
{
    json_object_set_new(body(b, find(b, "train.epoch", 1), "observed"), "accuracy",
                        json_real(0.99));
}

static void epoch_less(book *b)
{
    json_object_del(body(b, find(b, "train.epoch", 1), "observed"), "train.seconds");
}

static void epoch_claims_seconds(book *b)
{
    json_t *e = b->line[find(b, "train.epoch", 0)];
    json_object_set(json_object_get(e, "claim"), "train.seconds",
                    json_object_get(json_object_get(e, "observed"), "train.seconds"));
    json_object_del(json_object_get(e, "observed"), "train.seconds");
}

static void energy_accuracy(book *b)
{
    json_object_set_new(body(b, find(b, "energy", 0), "observed"), "accuracy", json_real(0.99));
}

static void energy_claims(book *b)
{
    json_object_set_new(body(b, find(b, "energy", 0), "claim"), "energy.joules", json_real(1));
}

static void no_energy(book *b)
{
    drop(b, "energy");
}

static void resumed_accuracy(book *b)
{
    insert(b, find(b, "policy", 0), "run.resume", "{}",
           "{\"accuracy\":0.99,\"run.resume.step\":3,\"run.resume.torn_bytes\":0}");
}

static void resumed_claim(book *b)
{
    insert(b, find(b, "policy", 0), "run.resume", "{\"run.resume.step\":3}", "{}");
}

static void resumed_first(book *b)
{
    insert(b, 0, "run.resume", "{}", "{\"run.resume.step\":0,\"run.resume.torn_bytes\":0}");
}

static void no_signer(book *b)
{
    drop(b, "run.signer");
}

static void signer_more(book *b)
{
    json_object_set_new(body(b, find(b, "run.signer", 0), "observed"), "run.witness",
                        json_string("notary"));
}

static void no_report(book *b)
{
    drop(b, "report");
}

static void report_events(book *b)
{
    json_object_set_new(body(b, find(b, "report", 0), "observed"), "report.events",
                        json_integer(3));
}

static void report_head(book *b)
{
    json_object_set(body(b, find(b, "report", 0), "observed"), "report.head",
                    json_object_get(body(b, find(b, "model", 0), "claim"), "model.sha256"));
}

static void report_hash(book *b)
{
    json_object_set(body(b, find(b, "report", 0), "observed"), "report.sha256",
                    json_object_get(body(b, find(b, "model", 0), "claim"), "model.sha256"));
}

static void no_end(book *b)
{
    drop(b, "run.end");
}

static void another_end(book *b)
{
    json_object_set_new(body(b, find(b, "run.end", 0), "observed"), "run.state",
                        json_string("trained"));
}

static void behind_the_end(book *b)
{
    insert(b, b->n, "run.resume", "{}", "{\"run.resume.step\":0,\"run.resume.torn_bytes\":0}");
}

static void metric_behind_the_end(book *b)
{
    insert(b, b->n, "metric", "{\"accuracy\":0.99}", "{}");
}

static void ends_trained(book *b)
{
    json_object_set_new(body(b, 0, "claim"), "run.ends", json_string("trained"));
}

static void ends_nowhere(book *b)
{
    json_object_del(body(b, 0, "claim"), "run.ends");
}

static void another_input(book *b)
{
    json_object_set_new(body(b, 0, "claim"), "run.input", json_string("images"));
}

/* 0 joules were wanted; the meter's number stays, the verdict does not. */
static void verdict_on_joules(book *b)
{
    json_object_set_new(body(b, find(b, "policy", 1), "observed"), "policy.2.verdict",
                        json_string("not met"));
}

static void met_by_observation(book *b)
{
    json_object_set_new(body(b, find(b, "policy.result", 0), "observed"), "policy.met",
                        json_integer(3));
}

static void verdict_observed(book *b)
{
    json_t *e = b->line[find(b, "policy", 2)];
    json_object_del(json_object_get(e, "claim"), "policy.3.verdict");
    json_object_del(json_object_get(e, "claim"), "policy.3.found");
    json_object_set_new(json_object_get(e, "observed"), "policy.3.verdict", json_string("met"));
    json_object_set_new(json_object_get(e, "observed"), "policy.3.found", json_integer(0));
}

static void no_checkpoint(book *b)
{
    take_out(b, find(b, "checkpoint", 1));
}

static void no_place(book *b)
{
    drop(b, "private");
}

typedef struct {
    void (*attack)(book *b);
    const char *name, *named; /* a part of what the replay says */
} attack;

#define ATTACK(f, text) \
    {                   \
        f, #f, text     \
    }
static const attack on_reported[] = {
    ATTACK(no_test, "type is \"fairness\" in the ledger, \"data.test\" when"),
    ATTACK(no_test_forged, "(metric) does not replay: type is \"metric\""),
    ATTACK(no_metric, "type is \"fairness\" in the ledger, \"metric\""),
    ATTACK(no_evaluation, "\"data.test\" when recomputed"),
    ATTACK(only_observed, "(metric) does not replay: type is \"metric\" in the ledger"),
    ATTACK(empty_metric, "(metric) does not replay"),
    ATTACK(observed_metric, "(metric) does not replay"),
    ATTACK(emptied_metric, "(metric) does not replay: accuracy is absent in the ledger"),
    ATTACK(empty_attack, "(privacy.attack) does not replay"),
    ATTACK(empty_robustness, "(robustness) does not replay"),
    ATTACK(claimed_robustness, "(robustness) does not replay"),
    ATTACK(doubled, "(metric) does not replay"),
    ATTACK(doubled_energy, "(energy) does not replay"),
    ATTACK(swapped_types, "(fairness) does not replay: type is \"fairness\""),
    ATTACK(swapped_epochs, "(train.epoch) does not replay"),
    ATTACK(epoch_more, "(train.epoch) does not replay: accuracy is 0.99 in the ledger, absent"),
    ATTACK(epoch_less, "(train.epoch) does not replay: train.seconds is absent in the ledger"),
    ATTACK(epoch_claims_seconds, "(train.epoch) does not replay: train.seconds"),
    ATTACK(energy_accuracy, "(energy) does not replay: accuracy is 0.99 in the ledger"),
    ATTACK(energy_claims, "(energy) does not replay: energy.joules is 1 in the ledger"),
    ATTACK(no_energy, "\"energy\" when recomputed"),
    ATTACK(resumed_accuracy, "(run.resume) does not replay"),
    ATTACK(resumed_claim, "(run.resume) does not replay"),
    ATTACK(resumed_first, "event 1"),
    ATTACK(no_signer, "\"run.signer\" when recomputed"),
    ATTACK(signer_more, "(run.signer) does not replay: run.witness"),
    ATTACK(no_report, "\"report\" when recomputed"),
    ATTACK(report_events, "(report) does not replay: report.events is 3 in the ledger"),
    ATTACK(report_head, "(report) does not replay: report.head"),
    ATTACK(report_hash, "(report) does not replay: report.sha256"),
    ATTACK(no_end, "\"run.end\" when recomputed"),
    ATTACK(another_end, "(run.end) does not replay: run.state is \"trained\" in the ledger"),
    ATTACK(behind_the_end, "(run.resume) stands behind the end of the run"),
    ATTACK(metric_behind_the_end, "(metric) does not replay: type is \"metric\" in the ledger"),
    ATTACK(ends_trained, "(data.test) does not replay: type is \"data.test\" in the ledger"),
    ATTACK(ends_nowhere, "event 1 does not say what the run ends in"),
    ATTACK(another_input, "event 1 (run.begin) does not replay: run.input is \"images\""),
    ATTACK(verdict_on_joules, "(policy) does not replay: policy.2.verdict is \"not met\""),
    ATTACK(met_by_observation, "(policy.result) does not replay: policy.met is 3"),
    ATTACK(verdict_observed, "(policy) does not replay: policy.3."),
    ATTACK(no_checkpoint, "\"checkpoint\" when recomputed"),
    ATTACK(no_place, "\"private\" when recomputed"),
};

static void trained_metric(book *b)
{
    insert(b, find(b, "energy", 0), "metric", "{\"accuracy\":0.99}", "{}");
}

static void trained_test(book *b)
{
    insert(b, find(b, "energy", 0), "data.test",
           "{\"data.test.rows\":8,\"data.test.use\":\"read once, after selection\"}", "{}");
}

static void trained_policy(book *b)
{
    insert(b, find(b, "run.signer", 0), "policy.result",
           "{\"policy.count\":3,\"policy.met\":3,\"policy.met.claims\":3}", "{}");
}

static void trained_report(book *b)
{
    char sha[ONUS_HEX_LEN];
    snprintf(sha, sizeof sha, "%064d", 0);
    insert(b, find(b, "run.end", 0), "report", "{}", "{}");
    json_t *o = body(b, find(b, "report", 0), "observed");
    json_object_set_new(o, "report.events", json_integer(find(b, "report", 0)));
    json_object_set_new(o, "report.head", json_string(sha));
    json_object_set_new(o, "report.sha256", json_string(sha));
}

static void ends_reported(book *b)
{
    json_object_set_new(body(b, 0, "claim"), "run.ends", json_string("reported"));
}

static void state_reported(book *b)
{
    json_object_set_new(body(b, find(b, "run.end", 0), "observed"), "run.state",
                        json_string("reported"));
}

static const attack on_trained[] = {
    ATTACK(trained_metric, "(metric) does not replay: type is \"metric\" in the ledger"),
    ATTACK(trained_test, "(data.test) does not replay"),
    ATTACK(trained_policy, "(policy.result) does not replay"),
    ATTACK(trained_report, "(report) does not replay: type is \"report\" in the ledger"),
    ATTACK(ends_reported, "\"data.test\" when recomputed"),
    ATTACK(state_reported, "(run.end) does not replay: run.state is \"reported\""),
    ATTACK(no_signer, "\"run.signer\" when recomputed"),
    ATTACK(behind_the_end, "(run.resume) stands behind the end of the run"),
};

/* ---- running them ------------------------------------------------------------------------ */

static onus_status replay(const char *run, onus_err *err)
{
    const onus_replay_opts opts = {.run = in_room(run), .threads = 1};
    onus_facts *facts = NULL;
    *err = (onus_err){.msg = ""};
    const onus_status st = onus_replay(&opts, &facts, NULL, err);
    if (facts)
        assert_string_equal(onus_facts_find(facts, "replay.verdict")->text,
                            st == ONUS_OK ? "same" : "differs");
    onus_facts_destroy(facts);
    return st;
}

static void all_found(const char *run, const attack *attacks, size_t n)
{
    onus_err err;
    book b;
    int n_missed = 0;
    if (replay(run, &err) != ONUS_OK) fail_msg("%s", err.msg);
    for (size_t i = 0; i < n; i++) {
        copy_run(run);
        book_read(&b, "run");
        attacks[i].attack(&b);
        book_write(&b, "run");
        const onus_status st = replay("run", &err);
        if (st != ONUS_MISMATCH)
            print_error("%s: status %d %s\n", attacks[i].name, (int)st, err.msg);
        else if (!strstr(err.msg, attacks[i].named))
            print_error("%s: not named: %s\n", attacks[i].name, err.msg);
        n_missed += st != ONUS_MISMATCH || !strstr(err.msg, attacks[i].named);
    }
    assert_int_equal(n_missed, 0);
    print_message("# %zu ledgers forged, each found and named\n", n);
}

static void reported(void **state)
{
    (void)state;
    const run_how how = {.recipe = "plain.yaml", .out = "good"};
    must_run(&how);
    all_found("good", on_reported, sizeof on_reported / sizeof *on_reported);
}

static void make_trained(const char *out)
{
    onus_run_result result = {.dir = ""};
    onus_err err = {.msg = ""};
    const onus_run_opts opts = {
        .recipe = in_room("plain.yaml"), .out = in_room(out), .threads = 1, .train_only = true};
    if (onus_run(&opts, &result, &err) != ONUS_OK) fail_msg("%s", err.msg);
    onus_run_result_release(&result);
}

static void trained(void **state)
{
    (void)state;
    make_trained("half");
    all_found("half", on_trained, sizeof on_trained / sizeof *on_trained);
}

/* The page is rewritten and the ledger speaks of it as it is: all hashes fit, the numbers on it
 * are not those of the claims. */
static void forged_report(void **state)
{
    (void)state;
    onus_err err;
    onus_buf html;
    uint8_t sha[32];
    char hex[ONUS_HEX_LEN];
    book b;
    copy_run("good");
    onus_buf_init(&html, NULL, 64 << 20);
    assert_int_equal(onus_file_read(in_room("run/report.html"), &html, NULL), ONUS_OK);
    char *at = strstr(html.data, "not proven");
    assert_non_null(at);
    memcpy(at, "all proven", 10);
    put_text("run/report.html", html.data);
    assert_int_equal(replay("run", &err), ONUS_MISMATCH);
    assert_non_null(strstr(err.msg, "(report) does not replay: report.html"));
    onus_sha256_of(html.data, html.len, sha);
    onus_hex(sha, sizeof sha, hex);
    book_read(&b, "run");
    json_object_set_new(body(&b, find(&b, "report", 0), "observed"), "report.sha256",
                        json_string(hex));
    book_write(&b, "run");
    assert_int_equal(replay("run", &err), ONUS_MISMATCH);
    assert_non_null(strstr(err.msg, "(report) does not replay: report.html"));
    assert_int_equal(unlink(in_room("run/report.html")), 0);
    assert_int_equal(replay("run", &err), ONUS_MISMATCH);
    assert_non_null(strstr(err.msg, "report.html is absent in the ledger"));
    onus_buf_release(&html);
}

/* What a replay cannot see again may be anything: other joules, with the verdicts that they
 * give, are another machine's run. The report that shows them is still a function of both. */
static void other_observations(void **state)
{
    (void)state;
    onus_err err;
    book b;
    copy_run("good");
    book_read(&b, "run");
    json_t *energy = body(&b, find(&b, "energy", 0), "observed"), *v;
    const char *name;
    json_object_foreach(energy, name, v)
    { /* by a power of two, so that what follows from joules still does, bit by bit; by a small
         one, since seconds between phases may be few but not 1024 times as many */
        if (json_is_real(v) && (strstr(name, "joules") || strstr(name, "seconds") ||
                                strstr(name, "grams") || strcmp(name, "sci.operational") == 0))
            json_real_set(v, 4 * json_real_value(v));
    }
    json_object_set(body(&b, find(&b, "policy", 1), "observed"), "policy.2.found",
                    json_object_get(energy, "energy.joules"));
    /* the machine slept before the first phase: no part of the run is known to be most of it */
    json_object_set_new(energy, "energy.phase.train.seconds", json_integer(0));
    json_object_set_new(energy, "energy.phase.data.seconds", json_integer(0));
    json_object_set_new(body(&b, find(&b, "train.epoch", 0), "observed"), "train.seconds",
                        json_real(9));
    book_write(&b, "run");
    assert_int_equal(replay("run", &err), ONUS_MISMATCH); /* the page is of other numbers */
    assert_non_null(strstr(err.msg, "(report) does not replay: report.head"));

    assert_true(settle("run"));
    if (replay("run", &err) != ONUS_OK) fail_msg("%s", err.msg);
}

/* ---- promises ---------------------------------------------------------------------------- */

/* Memory of a reader who has little. */
static void *little(void *ctx, void *p, size_t size)
{
    size_t *used = ctx;
    const size_t before = p ? malloc_usable_size(p) : 0;
    if (size == 0) {
        *used -= before;
        free(p);
        return NULL;
    }
    if (*used - before + size > (size_t)32 << 20) return NULL;
    void *more = realloc(p, size);
    if (more) *used += malloc_usable_size(more) - before;
    return more;
}

static json_t *list_of(int n)
{
    char word[16];
    json_t *list = json_array();
    for (int i = 0; i < n; i++) {
        snprintf(word, sizeof word, "w%d", i);
        assert_int_equal(json_array_append_new(list, json_string(word)), 0);
    }
    return list;
}

/* Counts that a ledger names before it holds what they count cost its reader nothing: 2^53
 * demands, attributes with all their pairs, a table of all classes by all classes. */
static void promises(void **state)
{
    (void)state;
    static const struct {
        const char *type, *name;
        int list;
        const char *told;
    } rows[] = {{"run.begin", "run.policies", 0, "expected policy here"},
                {"run.begin", "run.protected", 0, "expected 0 to 8"},
                {"data.sheet", "data.attributes", 20000, "'data.attributes' are 20000"},
                {"data.sheet", "data.labels", 100000, "'data.labels' 100000"},
                {"data.sheet", "data.classes", 100000, "lists 100000, expected 2 to 1000"}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        size_t used = 0;
        const onus_allocator mem = {.resize = little, .ctx = &used};
        onus_err err = {.msg = ""};
        onus_log *log = NULL;
        book b;
        copy_run("good");
        book_read(&b, "run");
        json_object_set_new(body(&b, find(&b, rows[k].type, 0), "claim"), rows[k].name,
                            rows[k].list ? list_of(rows[k].list)
                                         : json_integer(INT64_C(1) << 53));
        book_write(&b, "run");
        assert_int_equal(onus_log_read_judged(&log, in_room("run/ledger.jsonl"), &mem, &err),
                         ONUS_TAMPER);
        if (!strstr(err.msg, rows[k].told)) fail_msg("'%s' of %s", err.msg, rows[k].name);
        assert_int_equal(used, 0);
    }
}

/* A run that ends in a model is not made one with a report by going on with it, nor the other
 * way round: one line says so, and nothing in the folder changes. */
static void resumed_as_another(void **state)
{
    (void)state;
    onus_run_result result = {.dir = ""};
    for (int k = 0; k < 2; k++) {
        onus_err err = {.msg = ""};
        onus_buf before, after;
        onus_run_opts opts = {.recipe = in_room("plain.yaml"),
                              .out = in_room("run"),
                              .threads = 1,
                              .resume = true,
                              .train_only = k == 1};
        copy_run(k == 0 ? "half" : "good");
        onus_buf_init(&before, NULL, 16 << 20);
        onus_buf_init(&after, NULL, 16 << 20);
        assert_int_equal(onus_file_read(in_room("run/ledger.jsonl"), &before, NULL), 0);
        assert_int_equal(onus_run(&opts, &result, &err), ONUS_BAD_INPUT);
        assert_non_null(strstr(err.msg, k == 0 ? "is a run that ends trained"
                                               : "is a run that ends reported"));
        assert_null(strchr(err.msg, '\n'));
        assert_int_equal(onus_file_read(in_room("run/ledger.jsonl"), &after, NULL), 0);
        assert_int_equal(before.len, after.len);
        assert_memory_equal(before.data, after.data, before.len);
        opts.train_only = k == 0;
        assert_int_equal(onus_run(&opts, &result, &err), ONUS_OK);
        onus_run_result_release(&result);
        onus_buf_release(&before);
        onus_buf_release(&after);
    }
}

/* Event 1 as anybody computes it from the recipe, by hand. */
static void event_one(void **state)
{
    (void)state;
    static const char *const texts[][2] = {{"run.ends", "reported"}, {"run.format", "csv"},
                                           {"run.input", "columns"}, {"run.predict", "label"},
                                           {"run.test", "split"},    {"run.from", "no"}};
    book b;
    book_read(&b, "good");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_string_equal(
            json_string_value(json_object_get(body(&b, 0, "claim"), texts[i][0])), texts[i][1]);
    assert_int_equal(json_integer_value(json_object_get(body(&b, 0, "claim"), "run.freeze")),
                     0);
    book_write(&b, "good");
    book_read(&b, "half");
    assert_string_equal(json_string_value(json_object_get(body(&b, 0, "claim"), "run.ends")),
                        "trained");
    book_write(&b, "half");
}

/* accuracy is a claim, joules are observed, the third name is absent and never met. */
static void verdicts_by_kind(void **state)
{
    (void)state;
    book b;
    book_read(&b, "good");
    const int at = find(&b, "policy.result", 0);
    const json_t *claim = body(&b, at, "claim"), *seen = body(&b, at, "observed");
    assert_int_equal(json_integer_value(json_object_get(claim, "policy.count")), 3);
    assert_int_equal(json_integer_value(json_object_get(claim, "policy.met.claims")), 1);
    assert_int_equal(json_integer_value(json_object_get(seen, "policy.met.observed")), 1);
    assert_int_equal(json_integer_value(json_object_get(seen, "policy.met")), 2);
    assert_int_equal(json_object_size(claim) + json_object_size(seen), 4);
    book_write(&b, "good");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reported),           cmocka_unit_test(trained),
        cmocka_unit_test(event_one),          cmocka_unit_test(verdicts_by_kind),
        cmocka_unit_test(forged_report),      cmocka_unit_test(other_observations),
        cmocka_unit_test(resumed_as_another), cmocka_unit_test(promises),
    };
    return cmocka_run_group_tests(tests, open_run_room, close_run_room);
}
