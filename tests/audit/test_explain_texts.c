/* SPDX-License-Identifier: Apache-2.0
 * Goal: texts are explained by their tokens: Shapley values are the mean over all orders in
 * which tokens come into the text, relevance of a model that is linear in its embeddings is
 * known beforehand, what stands around a text has no share, and no word reaches an event.
 * Method: a small table of sentences, every order enumerated plainly, properties. */
#include "auditing.h"

#include <unistd.h>

#include "audit/explain.h"
#include "net/model.h"

enum { CONTEXT = 7, ROWS = 8 };

static const char table[] = "text,y\n"
                            "one two three four five,1\n"
                            "two one,2\n"
                            "three three one,3\n"
                            "four,4\n"
                            "five four three,5\n"
                            "one,6\n"
                            "\"two five nine, ten\",7\n"
                            "three one four one five nine two six,8\n";

typedef struct {
    char path[64];
    onus_dataset *d;
    onus_net *net;
} texts;

static const onus_explain_spec usual = {
    .rows = 8, .exact_columns = 8, .permutations = 4, .output = -1};

static void texts_open(texts *w, const char *kind, const char *settings)
{
    static const onus_column_spec columns[] = {{.name = "text", .role = ONUS_ROLE_TEXT}};
    memset(w, 0, sizeof *w);
    snprintf(w->path, sizeof w->path, "/tmp/onus-test-texts-XXXXXX");
    const int fd = mkstemp(w->path);
    assert_true(fd >= 0 && write(fd, table, sizeof table - 1) == (ssize_t)(sizeof table - 1));
    assert_int_equal(close(fd), 0);
    const onus_data_spec spec = {.recipe = "r.yaml",
                                 .base_dir = ".",
                                 .source = w->path,
                                 .label = "y",
                                 .label_number = true,
                                 .protected_none = true,
                                 .text = {.kind = ONUS_TOKENIZER_WORD, .context = CONTEXT},
                                 .columns = columns,
                                 .n_columns = 1,
                                 .scale = ONUS_SCALE_NONE,
                                 .train = .5,
                                 .valid = .25,
                                 .test = .25};
    onus_err err = {.msg = ""};
    const onus_sink sink = {.emit = NULL};
    if (onus_dataset_open(&w->d, &spec, NULL, 1, &sink, NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    const onus_model_spec model = {
        .kind = kind, .settings = settings, .label_shift = 1, .label_scale = 2};
    const onus_model_io io = {.input = onus_dataset_input(w->d),
                              .vocabulary = onus_dataset_vocabulary(w->d),
                              .head = ONUS_HEAD_VALUE};
    if (onus_model_build(&w->net, &model, &io, NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
    onus_net_init(w->net, 5);
}

static void texts_close(texts *w)
{
    onus_net_destroy(w->net);
    onus_dataset_close(w->d);
    assert_int_equal(unlink(w->path), 0);
}

static const char lstm[] = "{\"embedding\":4,\"hidden\":5}";
static const char linear[] = "{\"layers\":[{\"op\":\"embedding\",\"rows\":40,\"width\":3,"
                             "\"std\":1},{\"op\":\"mean_tokens\",\"in\":[\"@\",\"input\"]},"
                             "{\"op\":\"dense\",\"name\":\"head\",\"units\":1}]}";

static void explain_all(onus_explanation *x, const texts *w, const onus_explain_spec *spec,
                        bool relevance, onus_isa isa, int threads)
{
    int64_t row[ROWS];
    for (int i = 0; i < ROWS; i++) row[i] = i;
    onus_pool *pool = NULL;
    onus_err err = {.msg = ""};
    if (threads > 1) assert_int_equal(onus_pool_create(&pool, threads, NULL, NULL), ONUS_OK);
    const onus_exec ex = {.k = onus_kernels_of(isa), .pool = pool};
    const onus_status st =
        relevance
            ? onus_explain_relevance(x, w->net, &ex, w->d, row, ROWS, NULL, 0, spec, NULL, &err)
            : onus_explain_tokens(x, w->net, &ex, w->d, row, ROWS, spec, 7, NULL, &err);
    if (st != ONUS_OK) fail_msg("%s", err.msg);
    onus_pool_destroy(pool);
}

/* Score of the text that has [CLS] and the tokens of the bits of `in`. */
static double score_of(onus_plan *plan, const float *text, const int *player, int d, int in)
{
    float *x = onus_plan_input(plan);
    int n = 0;
    x[n++] = text[0];
    for (int k = 0; k < d; k++)
        if (in >> k & 1) x[n++] = text[player[k]];
    while (n < CONTEXT) x[n++] = -1;
    const onus_batch batch = {.B = 1};
    onus_plan_forward(plan, &batch);
    return (double)onus_plan_prediction(plan)[0];
}

/* Adds what each player brings in every order that begins with `in`; returns the orders. */
static double all_orders(onus_plan *plan, const float *text, const int *player, int d, int in,
                         double *gain)
{
    const double before = score_of(plan, text, player, d, in);
    double orders = 0;
    for (int k = 0; k < d; k++) {
        if (in >> k & 1) continue;
        const double n = all_orders(plan, text, player, d, in | 1 << k, gain);
        gain[k] += n * (score_of(plan, text, player, d, in | 1 << k) - before);
        orders += n;
    }
    return orders > 0 ? orders : 1;
}

static void values_are_means_over_all_orders(void **state)
{
    (void)state;
    texts w;
    texts_open(&w, "lstm", lstm);
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    onus_plan *plan;
    assert_int_equal(onus_plan_create(&plan, w.net, &ex, ONUS_PLAN_PREDICT, 1, NULL, NULL),
                     ONUS_OK);
    onus_explanation x;
    explain_all(&x, &w, &usual, false, ONUS_ISA_REF, 1);
    assert_int_equal(x.n_columns, CONTEXT);
    assert_true(x.pairs_exact == ROWS && x.pairs_sampled == 0 && x.residual < 1e-6);
    for (int i = 0; i < ROWS; i++) {
        const float *text = x.tokens + i * CONTEXT;
        int player[CONTEXT], d = 0;
        double gain[CONTEXT] = {0};
        for (int t = 1; t < CONTEXT; t++)
            if (text[t] >= 0) player[d++] = t;
        const double orders = all_orders(plan, text, player, d, 0, gain);
        double weights[CONTEXT] = {0};
        for (int k = 0; k < d; k++) weights[player[k]] = gain[k] / orders;
        for (int t = 0; t < CONTEXT; t++)
            assert_float_equal(x.values[i * CONTEXT + t], weights[t], 1e-6);
        assert_true(x.values[i * CONTEXT] == 0); /* [CLS] */
        assert_float_equal(x.base[i], score_of(plan, text, player, d, 0), 0);
        assert_float_equal(x.score[i], score_of(plan, text, player, d, (1 << d) - 1), 0);
    }
    onus_explanation_release(&x);
    onus_plan_destroy(plan);
    texts_close(&w);
}

/* Drawn orders: the sum is the score's, the mean lies within the errors that are said. */
static void drawn_values_keep_their_errors(void **state)
{
    (void)state;
    texts w;
    texts_open(&w, "lstm", lstm);
    onus_explain_spec spec = usual;
    onus_explanation exact, drawn;
    explain_all(&exact, &w, &spec, false, ONUS_ISA_REF, 1);
    spec.exact_columns = 0;
    spec.permutations = 60;
    explain_all(&drawn, &w, &spec, false, ONUS_ISA_REF, 1);
    assert_true(drawn.pairs_sampled == ROWS && drawn.residual < 1e-12);
    double square = 0;
    int n = 0;
    for (int i = 0; i < ROWS * CONTEXT; i++) {
        const double se = drawn.std_error[i], gap = drawn.values[i] - exact.values[i];
        if (se == 0) {
            assert_float_equal(gap, 0, 1e-6); /* alone in its text, or not in it */
            continue;
        }
        assert_true(fabs(gap) <= 5 * se + 1e-7);
        square += gap * gap / (se * se);
        n++;
    }
    assert_true(n >= 15 && square / n < 2.5);
    onus_explanation_release(&exact);
    onus_explanation_release(&drawn);
    spec.permutations = 1;
    explain_all(&drawn, &w, &spec, false, ONUS_ISA_REF, 1);
    assert_true(isnan(drawn.std_error[1])); /* nobody knows */
    onus_explanation_release(&drawn);
    texts_close(&w);
}

/* The mean of embeddings, then a line: a token's share is scale w . e / tokens, [CLS] counted
 * among these. */
static void of_a_mean_of_embeddings_relevance_is_known(void **state)
{
    (void)state;
    texts w;
    texts_open(&w, "layers", linear);
    const float *table_of = NULL, *head = NULL;
    for (int t = 0; t < onus_net_tensors(w.net); t++) {
        const onus_tensor *of = onus_net_tensor(w.net, t);
        if (of->shape.n == 2 && of->shape.d[0] == 40)
            table_of = onus_net_params(w.net) + of->offset;
        if (strcmp(of->name, "head.weight") == 0) head = onus_net_params(w.net) + of->offset;
    }
    assert_non_null(table_of);
    assert_non_null(head);
    onus_explanation x;
    explain_all(&x, &w, &usual, true, ONUS_ISA_REF, 1);
    for (int i = 0; i < ROWS; i++) {
        const float *text = x.tokens + i * CONTEXT;
        int n = 0;
        for (int t = 0; t < CONTEXT; t++) n += text[t] >= 0;
        assert_true(x.values[i * CONTEXT] == 0); /* [CLS] is the same in both */
        for (int t = 1; t < CONTEXT; t++) {
            double want = 0;
            for (int k = 0; text[t] >= 0 && k < 3; k++)
                want += 2.0 * (double)head[k] * (double)table_of[(int)text[t] * 3 + k] / n;
            assert_float_equal(x.values[i * CONTEXT + t], want, 1e-6);
        }
    }
    assert_true(x.residual < 1e-5);
    onus_explanation_release(&x);
    texts_close(&w);
}

/* By hand, two ends a text: players are its words and commas, at most six beside [CLS]: 5, 2,
 * 3, 1, 3, 1, 5, 6. Up to 3 of them 2^d coalitions, above 4 pairs of walks with d - 1 rows. */
static void the_work_is_known_before(void **state)
{
    (void)state;
    texts w;
    texts_open(&w, "lstm", lstm);
    int64_t row[ROWS];
    for (int i = 0; i < ROWS; i++) row[i] = i;
    onus_explain_spec spec = usual;
    spec.exact_columns = 3;
    spec.shapley = true;
    double work = -1;
    onus_explanation x;
    assert_int_equal(onus_explain_work(&work, w.d, row, ROWS, NULL, 0, &spec, NULL, NULL),
                     ONUS_OK);
    assert_true(work == 8 * 2 + (4 + 8 + 2 + 8 + 2) + 8 * (4 + 4 + 5));
    explain_all(&x, &w, &spec, false, ONUS_ISA_REF, 1);
    assert_true(work == x.evaluations);
    spec.relevance = true;
    assert_int_equal(onus_explain_work(&work, w.d, row, ROWS, NULL, 0, &spec, NULL, NULL),
                     ONUS_OK);
    assert_true(work == x.evaluations + 2 * ROWS);
    onus_explanation_release(&x);
    texts_close(&w);
}

static void same_bits_everywhere(void **state)
{
    (void)state;
    texts w;
    texts_open(&w, "lstm", lstm);
    onus_explain_spec spec = usual;
    spec.exact_columns = 3; /* some texts are drawn */
    for (int relevance = 0; relevance < 2; relevance++) {
        onus_explanation want, x;
        explain_all(&want, &w, &spec, relevance, ONUS_ISA_REF, 1);
        for (onus_isa isa = ONUS_ISA_REF; isa < ONUS_ISA_COUNT; isa++) {
            if (!onus_kernels_of(isa)) continue;
            explain_all(&x, &w, &spec, relevance, isa, 3);
            assert_memory_equal(x.values, want.values, ROWS * CONTEXT * sizeof *x.values);
            assert_memory_equal(x.std_error, want.std_error, ROWS * CONTEXT * 8);
            assert_memory_equal(x.base, want.base, ROWS * sizeof *x.base);
            assert_true(x.residual == want.residual && x.evaluations == want.evaluations);
            onus_explanation_release(&x);
        }
        onus_explanation_release(&want);
    }
    texts_close(&w);
}

/* Numbers about all texts, none of which holds a word of them. */
static void events_hold_no_word(void **state)
{
    (void)state;
    texts w;
    texts_open(&w, "lstm", lstm);
    onus_explanation x, r;
    explain_all(&x, &w, &usual, false, ONUS_ISA_REF, 1);
    explain_all(&r, &w, &usual, true, ONUS_ISA_REF, 1);
    for (int way = 0; way < 2; way++) {
        const onus_explanation *e = way ? &r : &x;
        const char *by = way ? "relevance" : "explain";
        said s;
        const onus_sink sink = said_begin(&s);
        assert_int_equal(onus_explanation_emit(e, way ? &x : NULL, w.d, &sink, NULL), ONUS_OK);
        assert_string_equal(s.types[0], by);
        double places = 0;
        for (int64_t i = 0; i < onus_facts_count(s.facts); i++) {
            const onus_field *f = onus_facts_at(s.facts, i);
            assert_false(f->observed); /* a replay finds it again */
            assert_null(strstr(f->name, "five"));
            if (f->kind == ONUS_FIELD_TEXT) assert_null(strstr(f->text, "five"));
            if (strstr(f->name, ".place.")) places += f->r;
        }
        assert_float_equal(places, 1, 1e-9);
        char name[64];
        snprintf(name, sizeof name, "%s.texts", by);
        near(&s, name, ROWS, 0);
        snprintf(name, sizeof name, "%s.residual", by);
        near(&s, name, e->residual, 0);
        if (way) near(&s, "relevance.agreement.n", 6, 1); /* one word alone does not vary */
        assert_int_equal(s.arrays, 0);
        onus_facts_destroy(s.facts);
    }
    onus_explanation_release(&x);
    onus_explanation_release(&r);
    texts_close(&w);
}

static onus_status explain_with(const onus_allocator *mem, void *ctx, onus_err *err)
{
    const texts *w = ctx;
    const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
    const int64_t row[2] = {0, 1};
    onus_explain_spec spec = usual;
    spec.exact_columns = 3;
    onus_explanation x = {0};
    onus_status st = onus_explain_tokens(&x, w->net, &ex, w->d, row, 2, &spec, 1, mem, err);
    if (st == ONUS_OK) st = onus_explanation_emit(&x, NULL, w->d, NULL, err);
    onus_explanation_release(&x);
    if (st == ONUS_OK)
        st = onus_explain_relevance(&x, w->net, &ex, w->d, row, 2, NULL, 0, &spec, mem, err);
    onus_explanation_release(&x);
    return st;
}

static void it_survives_the_end_of_memory(void **state)
{
    (void)state;
    texts w;
    texts_open(&w, "lstm", lstm);
    failing_mem_walk("explanation of texts", explain_with, &w);
    texts_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_means_over_all_orders),
        cmocka_unit_test(drawn_values_keep_their_errors),
        cmocka_unit_test(of_a_mean_of_embeddings_relevance_is_known),
        cmocka_unit_test(the_work_is_known_before),
        cmocka_unit_test(same_bits_everywhere),
        cmocka_unit_test(events_hold_no_word),
        cmocka_unit_test(it_survives_the_end_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
