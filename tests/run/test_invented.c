/* SPDX-License-Identifier: Apache-2.0
 * Goal: an owner who invents results, makes the report again and signs everything with a key of
 * his own is refused by verify, which names event and field, and by whatever else shows a
 * ledger. Method: the attacks by hand, one by one, each with all numbers that follow made to
 * fit as far as a forger can; the same run, copied and signed again, as the control. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#include "forge.h"

static void set_real(json_t *body, const char *name, double v)
{
    assert_int_equal(json_object_set_new(body, name, json_real(v)), 0);
}

static double real_of(const json_t *body, const char *name)
{
    const json_t *v = json_object_get(body, name);
    assert_true(json_is_number(v));
    return json_number_value(v);
}

/* ---- the attacks ------------------------------------------------------------------------- */

static void none(book *b)
{
    (void)b;
}

/* Observed names that replay would once have passed over. */
static void observed_accuracy(book *b)
{
    json_t *o = body(b, find(b, "energy", 0), "observed");
    set_real(o, "accuracy", 0.97);
    set_real(o, "accuracy.lower", 0.93);
    set_real(o, "accuracy.upper", 0.99);
    json_object_set_new(o, "accuracy.n", json_integer(120));
    json_object_set_new(o, "accuracy.method", json_string("wilson"));
    set_real(o, "auc", 0.995);
    set_real(o, "auc.lower", 0.98);
    set_real(o, "auc.upper", 0.999);
    json_object_set_new(o, "auc.n", json_integer(120));
    json_object_set_new(o, "auc.method", json_string("delong, logit scale"));
}

static void verdict_without_claim(book *b)
{
    insert(
        b, find(b, "policy.result", 0), "policy", "{}",
        "{\"policy.1.bound\":0.9,\"policy.1.demand\":\"accuracy >= 0.9\",\"policy.1.found\":"
        "0.97,\"policy.1.name\":\"accuracy\",\"policy.1.verdict\":\"met\",\"policy.count\":1,"
        "\"policy.met\":1}");
}

static void accuracy_and_verdict(book *b)
{
    observed_accuracy(b);
    verdict_without_claim(b);
}

/* The recipe's bytes are what they were, so the target cannot be moved with it. */
static void less_epsilon(book *b)
{
    json_t *claim = body(b, find(b, "privacy.budget", 0), "claim");
    set_real(claim, "privacy.epsilon", 0.1);
    const int at = find(b, "policy", 0);
    set_real(body(b, at, "claim"), "policy.1.found", 0.1);
}

/* More noise than there was, told everywhere: epsilon 0.1 would need still more. */
static void more_noise(book *b)
{
    less_epsilon(b);
    set_real(body(b, find(b, "privacy.noise", 0), "claim"), "privacy.noise_multiplier", 30);
    set_real(body(b, find(b, "privacy.budget", 0), "claim"), "privacy.noise_multiplier", 30);
}

static void fewer_steps(book *b)
{
    less_epsilon(b);
    json_object_set_new(body(b, find(b, "privacy.budget", 0), "claim"), "privacy.steps",
                        json_integer(1));
}

static void no_test(book *b)
{
    drop(b, "data.test");
}

/* A claim of another event, with all that belongs to it. */
static void claimed_twice(book *b)
{
    json_t *to = body(b, find(b, "model", 0), "claim");
    const char *name;
    json_t *v;
    json_object_foreach(body(b, find(b, "metric", 0), "claim"), name, v)
    {
        if (strncmp(name, "accuracy", 8) == 0)
            json_object_set_new(
                to, name, strcmp(name, "accuracy") == 0 ? json_real(0.97) : json_incref(v));
    }
}

/* One more person decided rightly, and what follows from that alone. */
static void better_accuracy(book *b)
{
    json_t *claim = body(b, find(b, "metric", 0), "claim");
    const double n = real_of(claim, "accuracy.n");
    set_real(claim, "accuracy", (rint(real_of(claim, "accuracy") * n) + 1) / n);
}

/* Observed, so that replay finds nothing to compare it with. */
static void negative_time(book *b)
{
    set_real(body(b, find(b, "train.epoch", 1), "observed"), "train.seconds", -1);
}

static void instruction_set(book *b)
{
    json_object_set_new(body(b, 0, "observed"), "run.isa", json_string("quantum"));
}

typedef struct {
    const char *name;
    void (*attack)(book *b);
    const char *run, *event, *field;
} invention;

#define INVENTION(f, run, event, field) \
    {                                   \
#f, f, run, event, field        \
    }
static const invention inventions[] = {
    INVENTION(observed_accuracy, "plain", "(energy)", "'accuracy"),
    INVENTION(verdict_without_claim, "plain", "(policy)", "expected policy.result here"),
    INVENTION(accuracy_and_verdict, "plain", "(energy)", "'accuracy"),
    INVENTION(no_test, "plain", "(metric)", "expected data.test here"),
    INVENTION(empty_attack, "plain", "(privacy.attack)", "no event of that type exists"),
    INVENTION(empty_robustness, "plain", "(robustness)", "no event of that type exists"),
    INVENTION(empty_metric, "plain", "(metric)", "expected "),
    INVENTION(claimed_twice, "plain", "(model)", "'accuracy"),
    INVENTION(better_accuracy, "plain", "(metric)", "accuracy"),
    INVENTION(negative_time, "plain", "(train.epoch)", "'train.seconds'"),
    INVENTION(instruction_set, "plain", "(run.begin)", "'run.isa'"),
    INVENTION(less_epsilon, "private", "(privacy.budget)", "'privacy.epsilon'"),
    INVENTION(more_noise, "private", "(privacy.", "'privacy."),
    INVENTION(fewer_steps, "private", "(privacy.budget)", "'privacy.epsilon'"),
};

static void forge(const char *run, void (*attack)(book *b))
{
    book b;
    char origin[64] = "onus/small";
    copy_run(run);
    book_read(&b, "run");
    attack(&b);
    book_write(&b, "run");
    (void)settle("run");
    sign_again("run", origin);
}

/* ---- who is asked ------------------------------------------------------------------------ */

static onus_status verify(onus_err *err)
{
    const onus_verify_opts o = {.run = in_room("run")};
    *err = (onus_err){.msg = ""};
    return onus_verify(&o, NULL, NULL, err);
}

static onus_status replay(onus_err *err)
{
    const onus_replay_opts o = {.run = in_room("run"), .threads = 1};
    *err = (onus_err){.msg = ""};
    return onus_replay(&o, NULL, NULL, err);
}

static onus_status report(onus_err *err)
{
    *err = (onus_err){.msg = ""};
    char *html = NULL;
    const onus_status st = onus_report(in_room("run"), NULL, &html, NULL, err);
    onus_text_free(NULL, html);
    return st;
}

static onus_status diff(onus_err *err)
{
    *err = (onus_err){.msg = ""};
    onus_facts *facts = NULL;
    const onus_status st = onus_diff(in_room("run"), in_room("run"), &facts, NULL, NULL, err);
    onus_facts_destroy(facts);
    return st;
}

static onus_status explain(onus_err *err)
{
    *err = (onus_err){.msg = ""};
    onus_facts *facts = NULL;
    const onus_explain_opts o = {.run = in_room("run"), .line = 3, .threads = 1};
    const onus_status st = onus_explain_run(&o, &facts, NULL, err);
    onus_facts_destroy(facts);
    return st;
}

static onus_status eval(onus_err *err)
{
    *err = (onus_err){.msg = ""};
    onus_facts *facts = NULL;
    const onus_eval_opts o = {.run = in_room("run"), .data = in_room("t.csv"), .threads = 1};
    const onus_status st = onus_eval(&o, &facts, err);
    onus_facts_destroy(facts);
    return st;
}

static const struct {
    const char *name;
    onus_status (*ask)(onus_err *err);
} readers[] = {{"verify", verify}, {"replay", replay},   {"report", report},
               {"diff", diff},     {"explain", explain}, {"eval", eval}};
enum { N_READERS = sizeof readers / sizeof *readers };

/* Every reader refuses; verify and whoever judges first name event and field. */
static void every_invention(void **state)
{
    (void)state;
    onus_err err;
    int n_missed = 0;
    for (size_t i = 0; i < sizeof inventions / sizeof *inventions; i++) {
        const invention *v = &inventions[i];
        forge(v->run, v->attack);
        for (int k = 0; k < N_READERS; k++) {
            const onus_status st = readers[k].ask(&err);
            const bool replays = readers[k].ask == replay; /* it says what it found instead */
            const bool named =
                strstr(err.msg, "event ") &&
                (replays || (strstr(err.msg, v->event) && strstr(err.msg, v->field)));
            if (st == (replays ? ONUS_MISMATCH : ONUS_TAMPER) && named &&
                !strchr(err.msg, '\n'))
                continue;
            print_error("%s: %s: status %d, %s\n", v->name, readers[k].name, (int)st, err.msg);
            n_missed++;
        }
    }
    assert_int_equal(n_missed, 0);
}

/* The forger's tools alone break nothing: what was not changed stays intact, whoever signs. */
static void control(void **state)
{
    (void)state;
    static const char *const runs[] = {"plain", "private"};
    onus_err err;
    for (int r = 0; r < 2; r++) {
        forge(runs[r], none);
        for (int k = 0; k < N_READERS; k++)
            if (readers[k].ask(&err) != ONUS_OK)
                fail_msg("%s: %s: %s", runs[r], readers[k].name, err.msg);
    }
}

static void without_end(book *b)
{
    drop(b, "run.end");
}

/* What came to no end may be shown as far as it goes; it is not verified, whoever signs. */
static void a_ledger_cut_short(void **state)
{
    (void)state;
    onus_err err;
    forge("plain", without_end);
    assert_int_equal(verify(&err), ONUS_TAMPER);
    assert_non_null(strstr(err.msg, "expected run.end: the run did not come to its end"));
    assert_int_equal(replay(&err), ONUS_MISMATCH);
    assert_int_equal(report(&err), ONUS_OK);
}

static void another_version(book *b)
{
    observed_accuracy(b);
    json_object_set_new(body(b, 0, "observed"), "run.version", json_string("9.9.9"));
}

/* Who writes another version into his ledger is judged by nobody, and nobody says verified. */
static void of_another_version(void **state)
{
    (void)state;
    onus_err err = {.msg = ""};
    onus_facts *facts = NULL;
    forge("plain", another_version);
    const onus_verify_opts o = {.run = in_room("run")};
    assert_int_equal(onus_verify(&o, &facts, NULL, &err), ONUS_UNPROVEN);
    assert_non_null(strstr(err.msg, "made by version 9.9.9: hashes, tree and signature hold; "
                                    "not judged (this is version " ONUS_VERSION ")"));
    assert_string_equal(onus_facts_find(facts, "verify.verdict")->text, "not judged");
    onus_facts_destroy(facts);
    for (int k = 0; k < N_READERS - 1; k++) { /* eval: the model has its hash all the same */
        assert_int_equal(readers[k].ask(&err), ONUS_UNPROVEN);
        assert_non_null(strstr(err.msg, "made by version 9.9.9"));
    }
    assert_int_equal(eval(&err), ONUS_OK);

    /* one byte of such a ledger changed is still a change */
    book b;
    book_read(&b, "run");
    json_object_set_new(body(&b, 0, "observed"), "run.version", json_string("9.9.8"));
    book_write(&b, "run");
    assert_int_equal(verify(&err), ONUS_TAMPER);
}

static int open_both(void **state)
{
    if (open_run_room(state)) return -1;
    put_text("private.yaml",
             RECIPE_HEAD "train: {epochs: 4, batch: 8, checkpoint: 1, keep: last}\n"
                         "privacy: {noise: 1.2, delta: 1e-4, clip: 1}\n"
                         "policy: [privacy.epsilon <= 8]\n");
    const run_how plain = {.recipe = "plain.yaml", .out = "plain"},
                  hidden = {.recipe = "private.yaml", .out = "private"};
    must_run(&plain);
    must_run(&hidden);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control),
        cmocka_unit_test(every_invention),
        cmocka_unit_test(a_ledger_cut_short),
        cmocka_unit_test(of_another_version),
    };
    return cmocka_run_group_tests(tests, open_both, close_run_room);
}
