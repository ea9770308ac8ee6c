/* SPDX-License-Identifier: Apache-2.0
 * Goal: counts, settings, tokens, privacy, energy and explanations that contradict each other
 * are refused. Method: as test_closed.c, over events of the language audit, the accountant and
 * the meter, and over small ledgers written out by hand, whose numbers are one another's sums.
 */
#include "recomputed.h"

#include "audit/energy.h"
#include "audit/language.h"
#include "audit/quality.h"
#include "num/noise.h"
#include "train/budget.h"

/* ---- tokens, privacy, energy ------------------------------------------------------------- */

static void tokens(void **state)
{
    (void)state;
    enum { N = 40 };
    double loss[N], n[N], right[N];
    draws d = {5};
    for (int i = 0; i < N; i++) {
        n[i] = 1 + floor(draw_next(&d) * 20);
        right[i] = floor(draw_next(&d) * (n[i] + 1));
        loss[i] = n[i] * (1 + draw_next(&d));
    }
    world w;
    open_world(&w);
    onus_sink sink = begin(&w, "data.sheet");
    onus_event_text(&w.b, "tokens", "data.task");
    onus_event_int(&w.b, 0, "run.protected");
    onus_event_int(&w.b, 900, "data.tokens.test");
    emit(&w);
    const onus_token_scores s = {.n = N, .loss = loss, .tokens = n, .right = right};
    assert_int_equal(onus_audit_language(&s, &sink, NULL, NULL), ONUS_OK);
    /* the sheet is there for its count alone */
    w.of[0].row = onus_event_rows[0];
    w.event[0].type = "run.begin";
    attack(&w, "tokens");
    close_world(&w);
}

static void tell_training(world *w, int64_t patience, int64_t steps, bool stated)
{
    (void)begin(w, "data.split");
    onus_event_int(&w->b, 1000, "data.rows");
    onus_event_int(&w->b, 900, "data.rows.train");
    onus_event_int(&w->b, 100, "data.rows.valid");
    onus_event_int(&w->b, 0, "data.rows.test");
    emit(w);
    (void)begin(w, "train.begin");
    onus_event_int(&w->b, 900, "train.rows");
    onus_event_int(&w->b, 100, "train.valid_rows");
    onus_event_int(&w->b, 64, "train.batch");
    onus_event_int(&w->b, 10, "train.epochs");
    onus_event_int(&w->b, 150, "train.planned_steps");
    onus_event_int(&w->b, patience, "train.patience");
    onus_event_int(&w->b, 77, "train.parameters");
    onus_event_int(&w->b, 15, "train.steps_per_epoch");
    onus_event_text(&w->b,
                    stated ? "Poisson, each row with the probability that the recipe states"
                           : "Poisson, each row with probability batch / rows",
                    "train.sampling");
    onus_event_text(&w->b, "balanced", "train.class_weights");
    onus_event_text(&w->b, "best", "train.keep");
    emit(w);
    (void)begin(w, "train.end");
    onus_event_int(&w->b, steps, "train.steps");
    onus_event_int(&w->b, steps / 15, "train.epochs_run");
    onus_event_text(&w->b,
                    steps < 150 ? "no better validation loss for train.patience epochs"
                                : "all epochs were run",
                    "train.ended");
    emit(w);
}

/* Steps of 1024 epochs of 2^53 steps would be no int64: an epoch is multiplied before it is
 * compared, so train.begin itself is refused. 1 epoch of so many is a number of a ledger, and
 * so are none of none. */
static void steps_stay_whole_numbers(void **state)
{
    (void)state;
    const int64_t most = INT64_C(1) << 53;
    const struct {
        int64_t rows, batch, per_epoch, epochs, planned;
        onus_status is;
    } cases[] = {{most, 1, most, 1, most, ONUS_OK},
                 {most, 1, most, 2, most, ONUS_TAMPER},
                 {most, 1, most, 1024, 0, ONUS_TAMPER},
                 {most, 1, most, most, 0, ONUS_TAMPER},
                 {900, 64, 15, 10, 150, ONUS_OK},
                 {900, 64, 15, 10, 151, ONUS_TAMPER},
                 {0, 0, 0, 5, 0, ONUS_OK}}; /* a batch of none: its range is judged before */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world w;
        onus_epochs x = {.begun = false};
        onus_err err;
        open_world(&w);
        (void)begin(&w, "train.begin");
        onus_event_int(&w.b, cases[i].rows, "train.rows");
        onus_event_int(&w.b, cases[i].batch, "train.batch");
        onus_event_int(&w.b, cases[i].epochs, "train.epochs");
        onus_event_int(&w.b, cases[i].per_epoch, "train.steps_per_epoch");
        onus_event_int(&w.b, cases[i].planned, "train.planned_steps");
        emit(&w);
        assert_int_equal(onus_closed_epochs(&x, &w.event[0], &err), cases[i].is);
        close_world(&w);
    }
    assert_true(onus_cells_fit(NULL, 0, 0)); /* no classes have no cells */
}

/* The losses of a run's epochs, and how many of them its train.end tells of. Patience of two:
 * the second epoch in a row that is no better is the last. */
static onus_status epochs_of(int64_t patience, const double *loss, int64_t n, int64_t told,
                             int64_t best)
{
    world w;
    onus_epochs x = {.begun = false};
    onus_status st = ONUS_OK;
    open_world(&w);
    (void)begin(&w, "train.begin");
    onus_event_int(&w.b, 90, "train.rows");
    onus_event_int(&w.b, 9, "train.batch");
    onus_event_int(&w.b, 6, "train.epochs");
    onus_event_int(&w.b, 10, "train.steps_per_epoch");
    onus_event_int(&w.b, 60, "train.planned_steps");
    onus_event_int(&w.b, patience, "train.patience");
    onus_event_text(&w.b, "last", "train.keep");
    emit(&w);
    for (int64_t i = 0; i < n; i++) {
        (void)begin(&w, "train.epoch");
        onus_event_int(&w.b, i + 1, "train.epoch");
        onus_event_int(&w.b, 10 * (i + 1), "train.step");
        onus_event_real(&w.b, loss[i], "train.valid_loss");
        emit(&w);
    }
    (void)begin(&w, "train.end");
    onus_event_int(&w.b, 10 * told, "train.steps");
    onus_event_int(&w.b, told, "train.epochs_run");
    onus_event_int(&w.b, told, "train.kept_epoch");
    onus_event_int(&w.b, best, "train.best_epoch");
    onus_event_real(&w.b, loss[best - 1], "train.best_valid_loss");
    emit(&w);
    for (int i = 0; st == ONUS_OK && i < w.n; i++)
        st = onus_closed_epochs(&x, &w.event[i], NULL);
    close_world(&w);
    return st;
}

static void patience_ends_epochs(void **state)
{
    (void)state;
    static const double loss[] = {5, 4, 4.5, 4, 3, 2}, falls[] = {6, 5, 4, 3, 2, 1},
                        late[] = {6, 5, 4, 3, 3.5, 3.5};
    assert_int_equal(epochs_of(2, loss, 4, 4, 2), ONUS_OK);     /* equal is no better */
    assert_int_equal(epochs_of(2, loss, 3, 3, 2), ONUS_TAMPER); /* one too few */
    assert_int_equal(epochs_of(2, loss, 5, 5, 5), ONUS_TAMPER); /* one that cannot have been */
    assert_int_equal(epochs_of(2, loss, 6, 6, 6), ONUS_TAMPER);
    assert_int_equal(epochs_of(0, loss, 6, 6, 6), ONUS_OK);
    assert_int_equal(epochs_of(0, loss, 4, 4, 2), ONUS_TAMPER); /* nothing ends them early */
    assert_int_equal(epochs_of(2, falls, 6, 6, 6), ONUS_OK);
    assert_int_equal(epochs_of(2, falls, 5, 5, 5), ONUS_TAMPER);
    assert_int_equal(epochs_of(2, late, 6, 6, 4), ONUS_OK); /* at the last one: both */
}

/* What a forger of the mechanism would say instead, in all events. */
static double told_cell = 0x1p-30;
static int64_t told_most; /* 0: what the rate leaves */

/* q: 64 / 900, or stated */
static void tell_rate(world *w, double q, double epsilon, double sigma, int64_t patience,
                      int64_t steps)
{
    (void)begin(w, "run.begin");
    onus_event_text(&w->b, "on", "run.privacy");
    onus_event_text(&w->b, "reported", "run.ends");
    emit(w);
    tell_training(w, patience, steps, q != 64.0 / 900);
    onus_budget b = {.ran = {.sigma = sigma,
                             .q = q,
                             .delta = 1e-4,
                             .steps = 150,
                             .draws = 80,
                             .cell = told_cell,
                             .rows = q != 64.0 / 900 ? (int64_t)(128 / q) : 900},
                     .stated = q != 64.0 / 900,
                     .clip = 1,
                     .sensitivity = 1.25,
                     .grid = 0x1p-30,
                     .parameters = 77,
                     .batch = 64,
                     .n_train = 900,
                     .n_valid = 100,
                     .balanced = true,
                     .keeps_best = true,
                     .may_stop = patience > 0};
    b.ran.sample_most = told_most ? told_most : onus_noise_sample_most(q, b.ran.rows, -100);
    b.ran.log2_sample_tail = onus_sample_log2_tail(b.ran.rows, q, b.ran.sample_most);
    if (epsilon > 0)
        assert_int_equal(onus_account_sigma(epsilon, &b.ran, NULL, &b.ran.sigma, NULL),
                         ONUS_OK);
    (void)begin(w, "privacy.noise");
    onus_budget_announce(&b, &w->b);
    if (epsilon > 0) onus_event_real(&w->b, epsilon, "privacy.target.epsilon");
    onus_event_real(&w->b, b.ran.delta, "privacy.target.delta");
    emit(w);
    if (!(patience > 0)) b.ran.steps = steps;
    (void)begin(w, "privacy.budget");
    assert_int_equal(onus_budget_put(&b, &w->b, NULL, NULL), ONUS_OK);
    emit(w);
}

static void tell_private(world *w, double epsilon, double sigma, int64_t patience,
                         int64_t steps)
{
    tell_rate(w, 64.0 / 900, epsilon, sigma, patience, steps);
}

/* Of a stated rate the steps of an epoch follow, and every event says so. */
static void stated_rates(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    tell_rate(&w, 1.0 / 15, 8, 0, 0, 150);
    attack(&w, "an epsilon for a stated rate");
    field_of(&w, "privacy.noise", "privacy.sampling_rate.stated")->text = "no";
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    field_of(&w, "train.begin", "train.sampling")->text =
        "Poisson, each row with probability batch / rows";
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    close_world(&w);
    open_world(&w);
    tell_rate(&w, 0.05, 8, 0, 0, 150); /* 20 steps, not 15 */
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    close_world(&w);
}

static void privacy(void **state)
{
    (void)state;
    world w;
    for (int early = 0; early < 2; early++) {
        open_world(&w);
        tell_private(&w, 8, 0, early ? 2 : 0, early ? 45 : 150);
        attack(&w, "an epsilon for a target");
        /* the attack that was seen: 0.1 for 8, and what would have to be forged with it */
        field_of(&w, "privacy.budget", "privacy.epsilon")->r = 0.1;
        assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
        field_of(&w, "privacy.noise", "privacy.target.epsilon")->r = 0.1;
        assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
        close_world(&w);
    }
    /* what is not covered is not left out */
    open_world(&w);
    tell_private(&w, 0, 1.1, 0, 150);
    assert_int_equal(judge(&w, w.event, NULL), ONUS_OK);
    onus_field *outside = field_of(&w, "privacy.budget", "privacy.outside");
    outside->n--;
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    close_world(&w);
    /* more than a row may move the sum by */
    open_world(&w);
    tell_private(&w, 0, 1.1, 0, 150);
    field_of(&w, "privacy.noise", "privacy.sensitivity")->r = 0.99;
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    close_world(&w);
    /* noise that is closer to ideal than such a grid leaves it; smaller samples than q draws */
    for (int i = 0; i < 3; i++) {
        told_cell = i == 0 ? 0x1p-60 : 0x1p-30;
        told_most = i == 1 ? 150 : i == 2 ? 900 : 0;
        open_world(&w);
        tell_private(&w, 0, 1.1, 0, 150);
        assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
        close_world(&w);
    }
    told_most = 0;
    /* grids on which sums of that many rows, such noise, or rounding have no room */
    static const double grids[] = {0x1p-33, 0.75, 2};
    for (int i = 0; i < (getenv("ONUS_SHORT") ? 1 : 3); i++) {
        open_world(&w);
        tell_private(&w, 0, 1.1, 0, 150);
        field_of(&w, "privacy.noise", "privacy.grid")->r = grids[i];
        assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
        close_world(&w);
    }
    /* hardly any noise: nothing is proven, and no epsilon believed, small or large */
    open_world(&w);
    tell_private(&w, 0, 1.1, 0, 150);
    field_of(&w, "privacy.noise", "privacy.noise_multiplier")->r = 1e-9;
    field_of(&w, "privacy.budget", "privacy.noise_multiplier")->r = 1e-9;
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    field_of(&w, "privacy.budget", "privacy.epsilon")->r = 1e30;
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    close_world(&w);
}

static void energy(void **state)
{
    (void)state;
    onus_meter *m = NULL;
    world w;
    open_world(&w);
    onus_sink sink = begin(&w, "run.begin");
    onus_event_text(&w.b, "reported", "run.ends");
    emit(&w);
    assert_int_equal(onus_meter_open_at(&m, "/nowhere", "DE", NULL, NULL), ONUS_OK);
    onus_meter_phase(m, "data");
    volatile double x = 1;
    for (int i = 0; i < 2000000; i++) x = x * 1.0000001;
    onus_meter_phase(m, "train");
    for (int i = 0; i < 2000000; i++) x = x * 1.0000001;
    assert_int_equal(onus_meter_emit(m, 1000, &sink, NULL), ONUS_OK);
    onus_meter_close(m);
    attack(&w, "energy");
    /* half of the phases' joules, a region that is none, a method without its reason */
    onus_field *f = field_of(&w, "energy", "energy.phase.train.joules");
    f->r += 1;
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    f->r -= 1;
    f = field_of(&w, "energy", "carbon.region");
    f->text = "FR";
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    f->text = "XX";
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    f->text = "DE";
    f = field_of(&w, "energy", "energy.method");
    f->text = "rapl";
    assert_int_equal(judge(&w, w.event, NULL), ONUS_TAMPER);
    close_world(&w);
}

/* ---- counts of the data, settings, explanations ------------------------------------------ */

/* "name=value" a line: whole numbers, texts between quotes, lists of numbers in brackets, lists
 * of texts in braces, and "undefined". */
static void put(world *w, const char *line)
{
    const char *eq = strchr(line, '=');
    char name[128], text_of[512], *end;
    const char *texts[8];
    double reals[8];
    int64_t n = 0;
    snprintf(name, sizeof name, "%.*s", (int)(eq - line), line);
    snprintf(text_of, sizeof text_of, "%s", eq + 2);
    text_of[strcspn(text_of, "\"]}")] = '\0';
    if (eq[1] == '"') {
        onus_event_text(&w->b, text_of, "%s", name);
    } else if (eq[1] == '{' || eq[1] == '[') {
        for (char *t = strtok(text_of, ","); t; t = strtok(NULL, ",")) {
            reals[n] = strtod(t, &end);
            texts[n++] = t;
        }
        if (eq[1] == '[')
            onus_event_reals(&w->b, reals, n, "%s", name);
        else
            onus_event_texts(&w->b, texts, n, "%s", name);
    } else if (eq[1] == 'u') {
        onus_event_undefined(&w->b, "%s", name);
    } else if (strchr(eq, '.')) {
        onus_event_real(&w->b, strtod(eq + 1, &end), "%s", name);
    } else {
        onus_event_int(&w->b, (int64_t)strtod(eq + 1, &end), "%s", name);
    }
}

/* A line without "=" begins an event of that type. */
static void tell_lines(world *w, const char *const *lines)
{
    bool begun = false;
    for (; *lines; lines++) {
        if (strchr(*lines, '=')) {
            put(w, *lines);
            continue;
        }
        if (begun) emit(w);
        (void)begin(w, *lines);
        begun = true;
    }
    emit(w);
}

static bool is_listed(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(name, *list) == 0) return true;
    return false;
}

/* Every number by one, or a thousandth, both ways: of those that are not free one way or the
 * other is refused. */
static void attack_lines(const char *what, const char *const *lines, const char *const *free_of)
{
    world w;
    onus_err err = {.code = ONUS_OK};
    long held = 0, not = 0;
    open_world(&w);
    tell_lines(&w, lines);
    if (judge(&w, w.event, &err) != ONUS_OK) fail_msg("%s: refused: %s", what, err.msg);
    for (int i = 0; i < w.n; i++) {
        for (int64_t k = 0; k < w.event[i].n_fields; k++) {
            onus_field *f = (onus_field *)&w.event[i].fields[k];
            const onus_field was = *f;
            double room[8];
            int refused = 0;
            if (!is_a_number(f)) continue;
            for (int64_t q = 0; q < (f->kind == ONUS_FIELD_REALS ? f->n : 1); q++)
                for (int way = -1; way <= 1; way += 2) {
                    change(f, &was, q, way, false, room);
                    refused += judge(&w, w.event, NULL) == ONUS_TAMPER;
                    *f = was;
                }
            held += refused > 0;
            not += refused == 0;
            if (refused == 0 && !is_listed(was.name, free_of))
                fail_msg("%s: '%s' may be changed", what, was.name);
        }
    }
    print_message("%s: names determined or bounded by others %ld, not %ld\n", what, held, not );
    close_world(&w);
}

/* clang-format off */
static void counts_of_data(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "run.begin", "run.format=\"csv\"", "run.test=\"file\"", "run.input=\"columns\"",
        "run.privacy=\"off\"", "run.ends=\"reported\"", "run.protected=1", "run.policies=2",
        "data.read", "data.file.1.rows=60", "data.file.1.bytes=9000",
        "data.read", "data.file.2.rows=50",
        "data.clean", "data.rows.raw=110", "data.dropped.missing=6", "data.dropped.duplicates=4",
        "data.missing.a=5", "data.missing.b=1", "data.missing_cells=6", "data.constants=0",
        "data.constant={}",
        "data.split", "data.rows=100", "data.rows.train=60", "data.rows.valid=15",
        "data.rows.test=25",
        "data.sheet", "data.task=\"binary\"", "data.classes={no,yes}", "data.attributes={sex}",
        "data.groups.sex={f,m}", "data.label.no.train=40", "data.label.yes.train=20",
        "data.label.no.valid=10", "data.label.yes.valid=5", "data.label.no.test=20",
        "data.label.yes.test=5", "data.group.sex.f.train=30", "data.group.sex.m.train=30",
        "data.group.sex.f.valid=undefined", "data.group.sex.m.valid=15",
        "data.group.reason=\"few\"",
        "data.group.sex.f.test=13", "data.group.sex.m.test=12", "data.numbers=1",
        "data.categories=1", "data.columns={a,b}", "data.column.a=\"number\"",
        "data.column.b=\"category\"", "data.features=2", "data.unseen.b=100",
        "data.fitted={mean of a}",
        "train.begin", "train.rows=60", "train.valid_rows=15", "train.epochs=3",
        "train.parameters=77", "train.patience=0", "train.class_weights=\"balanced\"",
        "train.class_weight=[0.75,1.5]", "train.keep=\"last\"",
        "train.sampling=\"shuffled, every row once an epoch\"",
        "train.end", "train.epochs_run=3", "train.ended=\"all epochs were run\"",
        "model", "model.parameters=77", "model.bytes=500",
        "data.test", "data.test.rows=25",
        "policy.result", "policy.count=2",
        "report", "report.events=11",
        "run.end", "run.state=\"reported\"", NULL};
    static const char *const free_of[] = {"data.file.1.bytes", /* not read again */
                                          "model.bytes", "data.constants", "train.patience", NULL};
    attack_lines("counts of a table", lines, free_of);
}

/* Whatever the data is, its parts are all of its rows: of texts no other count says so. */
static void parts_are_all_rows(void **state)
{
    (void)state;
    static const char *const names[] = {"data.rows", "data.rows.train", "data.rows.valid",
                                        "data.rows.test"};
    static const int64_t count[] = {100, 60, 15, 25};
    for (int wrong = -1; wrong < 4; wrong++) {
        world w;
        onus_err err = {.msg = ""};
        open_world(&w);
        (void)begin(&w, "data.split");
        for (int i = 0; i < 4; i++) onus_event_int(&w.b, count[i] + (i == wrong), "%s", names[i]);
        emit(&w);
        assert_int_equal(onus_closed_event(&w.event[0], &err),
                         wrong < 0 ? ONUS_OK : ONUS_TAMPER);
        if (wrong >= 0) assert_non_null(strstr(err.msg, "the sum of the splits"));
        close_world(&w);
    }
}

static void texts_and_images(void **state)
{
    (void)state;
    static const char *const text_lines[] = {
        "run.begin", "run.format=\"csv\"", "run.test=\"split\"", "run.input=\"text\"",
        "run.explain=\"both\"", "run.ends=\"reported\"", "run.privacy=\"off\"",
        "run.protected=0",
        "data.read", "data.file.1.rows=20",
        "data.clean", "data.rows.raw=20", "data.dropped.missing=0", "data.dropped.duplicates=0",
        "data.missing_cells=0", "data.constants=0", "data.constant={}",
        "data.split", "data.rows=20", "data.rows.train=10", "data.rows.valid=4",
        "data.rows.test=6",
        "data.sheet", "data.task=\"binary\"", "data.classes={no,a.yes}", "data.attributes={}",
        "data.features=8", "data.context=8", "data.truncated=20", "data.tokens.train=90",
        "data.tokens.valid=36", "data.tokens.test=54", "data.tokens.unknown=200",
        "data.label.no.train=5", "data.label.a%2Eyes.train=5", "data.label.no.valid=2",
        "data.label.a%2Eyes.valid=2", "data.label.no.test=3", "data.label.a%2Eyes.test=3",
        "explain", "explain.of=\"probability of a.yes\"", "explain.rows=6",
        "explain.method=\"shapley, exact\"", "explain.exact=1", "explain.std_error.max=0",
        "explain.texts=6", "explain.tokens=8.0", "explain.place.1.share=0.25",
        "explain.place.2.share=0.25", "explain.place.3.share=0.25",
        "explain.place.4.share=0.25", "explain.largest.share=0.5",
        "explain.largest_three.share=0.5", "explain.residual=0.0",
        "relevance", "relevance.of=\"log-odds of a.yes\"", "relevance.rows=6",
        "relevance.evaluations=6", "relevance.agreement.n=6", "relevance.texts=0",
        "relevance.tokens=undefined", "relevance.place.1.share=undefined", NULL};
    static const char *const image_lines[] = {
        "run.begin", "run.format=\"idx\"", "run.test=\"file\"", "run.input=\"images\"",
        "run.explain=\"relevance\"", "run.ends=\"reported\"", "run.privacy=\"off\"",
        "run.protected=0",
        "data.read", "data.file.1.rows=20", "data.read", "data.file.2.rows=20",
        "data.read", "data.file.3.rows=6", "data.read", "data.file.4.rows=6",
        "data.split", "data.rows=26", "data.rows.train=16", "data.rows.valid=4",
        "data.rows.test=6",
        "data.sheet", "data.task=\"classes\"", "data.classes={0,1,2}", "data.attributes={}",
        "data.features=4", "data.label.0.train=6", "data.label.1.train=5",
        "data.label.2.train=5", "data.label.0.valid=2", "data.label.1.valid=1",
        "data.label.2.valid=1", "data.label.0.test=2", "data.label.1.test=2",
        "data.label.2.test=2",
        "relevance", "relevance.of=\"logit of the decided class\"", "relevance.rows=6",
        "relevance.background=16", "relevance.evaluations=96", "relevance.agreement.n=6",
        "relevance.columns={p3,p1,p0,p2}", "relevance.protected={}",
        "relevance.p3.mean_abs=3.5", "relevance.p1.mean_abs=3.0",
        "relevance.p0.mean_abs=3.0", "relevance.p2.mean_abs=1.0",
        "relevance.map=[3.5,3.0,3.0,1.0]", "relevance.map.rows=2", "relevance.map.columns=2",
        NULL};
    static const char *const none[] = {"data.constants", "explain.residual", "relevance.agreement.n",
                                       "relevance.map", NULL};
    attack_lines("texts and their explanations", text_lines, none);
    attack_lines("images and their explanations", image_lines, none);
}
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_of_data),
        cmocka_unit_test(parts_are_all_rows),
        cmocka_unit_test(texts_and_images),
        cmocka_unit_test(tokens),
        cmocka_unit_test(stated_rates),
        cmocka_unit_test(privacy),
        cmocka_unit_test(energy),
        cmocka_unit_test(steps_stay_whole_numbers),
        cmocka_unit_test(patience_ends_epochs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
