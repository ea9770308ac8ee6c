/* SPDX-License-Identifier: Apache-2.0
 * Goal: a net made of a family's description computes what PyTorch's model of that
 * architecture does, from weights under their own library's names. Method: the vectors of
 * tests/vectors (its README.md tells what they are; computed in float64): logits within 1e-4 of
 * the largest logit, the gradient of the mean loss within 1e-4 of the largest of its tensor
 * (where PyTorch's is 0, of the net's largest), running statistics likewise. Private plans: the
 * sum of all examples' gradients has the bits of the ordinary one, and each norm is that of the
 * gradient of its example alone, tied parameters' cross terms included.
 *
 * `test_vectors FOLDER` writes models as Onus writes them, after a step that no other library
 * made, and their logits: what tests/vectors/check_written.py loads into those libraries. */
#include <math.h>

#include "vectors.h"

static const double tolerance = 1e-4;

#define SEQUENCE(T, head, classes)  \
    {                               \
        {1, {T}}, 61, head, classes \
    }
#define RECURRENT \
    "{\"embedding\":12,\"hidden\":10,\"layers\":2,\"bidirectional\":true,\"dropout\":0}"
#define BODY "{\"layers\":2,\"width\":24,\"heads\":3,\"hidden\":48,\"positions\":32}"
static const struct {
    vector_model m;
    int64_t counters;
    bool can_private;
} all[] = {
    {{"gpt2",
      {"decoder", "gpt2", "{\"layers\":2,\"width\":24,\"heads\":3,\"positions\":32}"},
      SEQUENCE(20, ONUS_HEAD_TOKENS, 0)},
     0,
     true},
    {{"llama",
      {"decoder", "llama",
       "{\"layers\":2,\"width\":32,\"heads\":4,\"kv_heads\":2,\"hidden\":48}"},
      SEQUENCE(20, ONUS_HEAD_TOKENS, 0)},
     0,
     true},
    {{"bert", {"encoder", NULL, BODY}, SEQUENCE(24, ONUS_HEAD_TOKENS, 0)}, 0, true},
    {{"bert_classes", {"encoder", NULL, BODY}, SEQUENCE(24, ONUS_HEAD_CLASSES, 3)}, 0, true},
    {{"resnet18",
      {"cnn", "resnet18", "{\"width\":4}"},
      {{3, {3, 16, 16}}, 0, ONUS_HEAD_CLASSES, 5}},
     20,
     false},
    {{"lstm", {"lstm", NULL, RECURRENT}, SEQUENCE(12, ONUS_HEAD_CLASSES, 3)}, 0, true},
    {{"gru", {"gru", NULL, RECURRENT}, SEQUENCE(12, ONUS_HEAD_CLASSES, 3)}, 0, true},
};
enum { N_MODELS = sizeof all / sizeof *all };

static double largest(const float *x, int64_t n)
{
    double m = 0;
    for (int64_t i = 0; i < n; i++) m = fmax(m, fabs((double)x[i]));
    return m;
}

/* The largest difference, as a share of `of`; a number that is not finite is one. */
static double far(const float *x, const float *want, int64_t n, double of)
{
    double m = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) return INFINITY;
        m = fmax(m, fabs((double)x[i] - (double)want[i]));
    }
    return m / of;
}

typedef struct {
    const char *name;
    onus_net *net;
    vectors expected;
    const float *input, *label;
    int64_t B, n_in, n_labels;
    onus_batch batch; /* of all examples, in training */
    bool says;        /* how far off */
} fixture;

static fixture open_fixture(int i)
{
    fixture f = {.name = all[i].m.file};
    f.net = build_vector_model(&all[i].m, all[i].counters);
    f.expected = open_vectors(f.name, "expected");
    const onus_tensor_view *input = vector_tensor(&f.expected, "input");
    f.input = input->data;
    f.label = vector_tensor(&f.expected, "label")->data;
    f.B = input->shape.d[0];
    f.n_in = onus_net_inputs(f.net);
    f.n_labels = onus_net_labels(f.net);
    assert_int_equal(onus_shape_numel(&input->shape), f.B * f.n_in);
    assert_int_equal(onus_shape_numel(&vector_tensor(&f.expected, "label")->shape),
                     f.B * f.n_labels);
    const int64_t count = onus_net_label_count(f.net, f.label, f.B * f.n_labels);
    f.batch = (onus_batch){.B = f.B,
                           .label = f.label,
                           .loss_scale = (float)(1.0 / (double)count),
                           .step = 0,
                           .training = true};
    return f;
}

static void close_fixture(fixture *f)
{
    close_vectors(&f->expected);
    onus_net_destroy(f->net);
}

static onus_plan *plan_of(const fixture *f, onus_plan_mode mode, const onus_exec *ex)
{
    onus_plan *p = NULL;
    onus_err err;
    if (onus_plan_create(&p, f->net, ex, mode, f->B, NULL, &err) != ONUS_OK)
        fail_msg("%s: %s", f->name, err.msg);
    memcpy(onus_plan_input(p), f->input, (size_t)(f->B * f->n_in) * sizeof(float));
    return p;
}

/* Positions that are absent have no logits: the file's are 0. */
static void compare_logits(const fixture *f, const onus_plan *p, const char *which)
{
    const onus_tensor_view *want = vector_tensor(&f->expected, which);
    const int64_t all_logits = onus_shape_numel(&want->shape),
                  n = all_logits / (f->B * f->n_labels);
    const double of = largest(want->data, all_logits);
    assert_int_equal(all_logits, f->B * onus_net_logits(f->net));
    double off = 0;
    for (int64_t r = 0; r < f->B * f->n_labels; r++) {
        if (f->n_labels > 1 && f->input[r] < 0) continue;
        off = fmax(off,
                   far(onus_plan_logits(p) + r * n, (const float *)want->data + r * n, n, of));
    }
    if (f->says)
        print_message("%s: %s: at most %.1e of the largest off\n", f->name, which, off);
    if (!(off <= tolerance)) fail_msg("%s: %s are %.1e off", f->name, which, off);
}

static void compare_loss(const fixture *f, const onus_plan *p)
{
    const double want = (double)vector_tensor(&f->expected, "loss")->data[0];
    double sum = 0, n = 0;
    for (int64_t i = 0; i < f->B * f->n_labels; i++) {
        if (f->label[i] < 0) continue;
        sum += (double)onus_plan_losses(p)[i];
        n++;
    }
    assert_float_equal(sum / n, want, tolerance * want);
}

/* What the file calls PREFIX.PARAMETER against the net's tensors in `block`. */
static void compare_tensors(const fixture *f, const char *prefix, bool buffers,
                            const float *block)
{
    double most = 0, worst = 0;
    const char *where = "";
    int n = 0;
    for (int i = 0; i < onus_net_tensors(f->net); i++) {
        const onus_tensor *t = onus_net_tensor(f->net, i);
        char name[128];
        snprintf(name, sizeof name, "%s.%s", prefix, t->name);
        if (t->def.buffer != buffers) continue;
        const onus_tensor_view *want = vector_tensor(&f->expected, name);
        assert_true(onus_shape_same(&want->shape, &t->shape));
        most = fmax(most, largest(want->data, t->n));
    }
    for (int i = 0; i < onus_net_tensors(f->net); i++) {
        const onus_tensor *t = onus_net_tensor(f->net, i);
        char name[128];
        snprintf(name, sizeof name, "%s.%s", prefix, t->name);
        if (t->def.buffer != buffers) continue;
        const float *want = vector_tensor(&f->expected, name)->data;
        const double own = largest(want, t->n),
                     off = far(block + t->offset, want, t->n, own > 0 ? own : most);
        if (!(off <= tolerance)) fail_msg("%s: %s is %.1e off", f->name, name, off);
        if (off > worst) where = t->name;
        worst = fmax(worst, off);
        n++;
    }
    assert_true(n > 0);
    if (f->says)
        print_message("%s: %s: at most %.1e of their tensor's largest off (%s)\n", f->name,
                      prefix, worst, where);
}

/* A block of gradients, garbage at first where nobody may rely on what stands there. */
static float *gradients(const onus_net *net)
{
    const size_t n = (size_t)onus_net_param_floats(net);
    float *g = aligned_alloc(64, (n * sizeof *g + 63) / 64 * 64);
    assert_non_null(g);
    for (size_t i = 0; i < n; i++) g[i] = NAN;
    return g;
}

static void run_model(int i, onus_isa isa)
{
    const onus_exec ex = {.k = onus_kernels_of(isa)};
    fixture f = open_fixture(i);
    const onus_batch ask = {.B = f.B};
    float *grad = gradients(f.net);
    onus_plan *p = plan_of(&f, ONUS_PLAN_PREDICT, &ex);
    onus_plan_forward(p, &ask);
    f.says = isa == onus_isa_best();
    compare_logits(&f, p, onus_net_coupled(f.net) ? "logits_eval" : "logits");
    onus_plan_destroy(p);
    p = plan_of(&f, ONUS_PLAN_TRAIN, &ex);
    onus_plan_forward(p, &f.batch);
    compare_logits(&f, p, "logits");
    compare_loss(&f, p);
    onus_plan_backward(p, &f.batch, &grad);
    compare_tensors(&f, "grad", false, grad);
    if (onus_net_coupled(f.net)) compare_tensors(&f, "after", true, onus_net_params(f.net));
    onus_plan_destroy(p);
    free(grad);
    close_fixture(&f);
}

static void logits_and_gradients_are_pytorchs(void **state)
{
    (void)state;
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
        for (int i = 0; onus_kernels_of((onus_isa)isa) && i < N_MODELS; i++)
            run_model(i, (onus_isa)isa);
    }
}

/* |g|^2 over all parameters, of the gradient of example b alone. */
static double norm_alone(const fixture *f, const onus_exec *ex, int64_t b, float *grad)
{
    onus_batch one = f->batch;
    onus_plan *p = plan_of(f, ONUS_PLAN_TRAIN, ex);
    double sum = 0;
    one.B = 1;
    one.label += b * f->n_labels;
    memcpy(onus_plan_input(p), f->input + b * f->n_in, (size_t)f->n_in * sizeof(float));
    onus_plan_forward(p, &one);
    onus_plan_backward(p, &one, &grad);
    for (int i = 0; i < onus_net_tensors(f->net); i++) {
        const onus_tensor *t = onus_net_tensor(f->net, i);
        for (int64_t k = 0; k < t->n; k++)
            sum += (double)grad[t->offset + k] * (double)grad[t->offset + k];
    }
    onus_plan_destroy(p);
    return sum;
}

static void private_plans_agree_with_ordinary_ones(void **state)
{
    (void)state;
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    for (int i = 0; i < N_MODELS; i++) {
        fixture f = open_fixture(i);
        onus_err err = {.code = ONUS_OK};
        onus_bound bound[8];
        assert_int_equal(onus_net_can_private(f.net, &err) == ONUS_OK, all[i].can_private);
        if (!all[i].can_private) {
            assert_non_null(strstr(err.msg, "batch_norm"));
            close_fixture(&f);
            continue;
        }
        float *grad = gradients(f.net), *alone = gradients(f.net);
        double *sum = calloc((size_t)onus_net_param_floats(f.net), sizeof *sum);
        static const double w[8] = {1, 1, 1, 1, 1, 1, 1, 1};
        onus_plan *p = plan_of(&f, ONUS_PLAN_TRAIN, &ex);
        onus_plan_forward(p, &f.batch);
        onus_plan_backward(p, &f.batch, &grad);
        onus_plan_destroy(p);
        p = plan_of(&f, ONUS_PLAN_PRIVATE, &ex);
        onus_plan_forward(p, &f.batch);
        onus_plan_backward(p, &f.batch, NULL);
        assert_true(f.B <= 8);
        onus_plan_bounds(p, &f.batch, bound);
        onus_plan_sums(p, &f.batch, w, 0x1p-40, sum);
        double scale = 0;
        for (int64_t k = 0; k < onus_net_param_floats(f.net); k++)
            scale = fmax(scale, fabs((double)grad[k])); /* not of NaN, which is in the gaps */
        for (int t = 0; t < onus_net_tensors(f.net); t++) {
            const onus_tensor *x = onus_net_tensor(f.net, t);
            for (int64_t k = x->offset; k < x->offset + x->n; k++)
                if (!(fabs(sum[k] - (double)grad[k]) <= 2e-6 * scale))
                    fail_msg("%s: %s: private sum %.9g, gradient %.9g", f.name, x->name, sum[k],
                             (double)grad[k]);
        }
        for (int64_t b = 0; b < f.B; b++) {
            const double want = norm_alone(&f, &ex, b, alone);
            assert_true(want > 0);
            const double norm = onus_bound_norm(&bound[b]);
            if (!(norm >= sqrt(want) * (1 - 1e-5) && norm <= sqrt(want) * 1.002))
                fail_msg("%s: example %d: norm at most %.9g, alone %.9g", f.name, (int)b, norm,
                         sqrt(want));
        }
        onus_plan_destroy(p);
        free(grad);
        free(sum);
        free(alone);
        close_fixture(&f);
    }
}

/* Weights of any other model than its own are refused, or lack but a head; the net stays as it
 * was. */
static void another_architectures_weights_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i < N_MODELS; i++) {
        for (int j = 0; j < N_MODELS; j++) {
            const char *mine = all[i].m.file, *theirs = all[j].m.file;
            if (strncmp(mine, theirs, 4) == 0) continue; /* itself, or the other head of BERT */
            onus_net *net = build_vector_model(&all[i].m, all[i].counters);
            vectors weights = open_vectors(theirs, "weights");
            uint8_t before[32], after[32];
            onus_import found;
            onus_err err = {.code = ONUS_OK};
            onus_net_sha256(net, before);
            assert_int_equal(onus_model_import(net, weights.file, theirs, &found, NULL, &err),
                             ONUS_BAD_INPUT);
            onus_net_sha256(net, after);
            assert_memory_equal(before, after, 32);
            /* lstm and gru call a table and a head alike */
            const bool cells = i >= N_MODELS - 2 && j >= N_MODELS - 2;
            if (!strstr(err.msg, "another architecture's weights") ||
                strncmp(err.msg, theirs, strlen(theirs)) != 0 ||
                (cells && !strstr(err.msg, "it has 3 of the model's 19 tensors")))
                fail_msg("%s into %s: '%s'", theirs, mine, err.msg);
            close_vectors(&weights);
            onus_net_destroy(net);
        }
    }
}

/* A net of one layer: columns of another table are no other task, and of another task nothing
 * is left to take. */
static void columns_are_not_taken_for_others(void **state)
{
    (void)state;
    static const float w[10] = {0};
    for (int i = 0; i < 3; i++) {
        static const char *const why[] = {
            "has shape (1, 8), the model's 'layers.0.weight' has (1, 5)",
            "has shape (2), the model's 'layers.0.bias' has (1)", NULL};
        const int64_t rows[] = {1, 2, 1}, columns[] = {8, 5, 5};
        const onus_tensor_view views[] = {{"layers.0.bias", {1, {rows[i]}}, w},
                                          {"layers.0.weight", {2, {rows[i], columns[i]}}, w}};
        const onus_model_spec spec = {.kind = "logistic"};
        const onus_model_io io = {.input = {1, {5}}, .head = ONUS_HEAD_BINARY};
        onus_net *net;
        onus_safetensors *file;
        onus_import found;
        onus_err err = {.code = ONUS_OK};
        onus_buf out;
        onus_buf_init(&out, NULL, 10000);
        assert_int_equal(tensors_to(&out, views, 2, NULL, 0, NULL), ONUS_OK);
        assert_int_equal(onus_safetensors_parse(&file, out.data, out.len, "m", NULL, NULL),
                         ONUS_OK);
        assert_int_equal(onus_model_build(&net, &spec, &io, NULL, NULL), ONUS_OK);
        const onus_status st = onus_model_import(net, file, "m", &found, NULL, &err);
        assert_int_equal(st, why[i] ? ONUS_BAD_INPUT : ONUS_OK);
        if (why[i] && !strstr(err.msg, why[i])) fail_msg("'%s' lacks '%s'", err.msg, why[i]);
        onus_safetensors_close(file);
        onus_net_destroy(net);
        onus_buf_release(&out);
    }
}

/* A base model for another task: all but the last layer is taken. */
static void a_head_of_other_classes_keeps_its_values(void **state)
{
    (void)state;
    for (int i = 0; i < N_MODELS; i++) {
        onus_model_io io = all[i].m.io;
        onus_net *net = NULL;
        if (io.head != ONUS_HEAD_CLASSES) continue;
        vectors weights = open_vectors(all[i].m.file, "weights");
        onus_import found;
        io.classes = 7;
        assert_int_equal(onus_model_build(&net, &all[i].m.spec, &io, NULL, NULL), ONUS_OK);
        onus_net_init(net, 1);
        assert_int_equal(onus_model_import(net, weights.file, "w", &found, NULL, NULL),
                         ONUS_OK);
        assert_int_equal(found.initial, 2);
        assert_int_equal(found.loaded, onus_net_tensors(net) - 2);
        assert_int_equal(found.unused, all[i].counters + 2);
        assert_non_null(strstr("fc.bias classifier.bias", found.missing));
        for (int t = 0; t < onus_net_tensors(net); t++) {
            const onus_tensor *x = onus_net_tensor(net, t);
            const onus_tensor_view *v = vector_tensor(&weights, x->name);
            if (onus_shape_same(&v->shape, &x->shape))
                assert_memory_equal(onus_net_params(net) + x->offset, v->data,
                                    (size_t)x->n * sizeof(float));
            else
                assert_int_equal(x->shape.d[0], 7);
        }
        close_vectors(&weights);
        onus_net_destroy(net);
    }
}

/* ---- what others read -------------------------------------------------------------------- */

static void write_file(const onus_buf *b, const char *folder, const char *name,
                       const char *what)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.%s.safetensors", folder, name, what);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(b->data, 1, b->len, f) != b->len || fclose(f) != 0)
        fail_msg("cannot write '%s'", path);
}

/* The parameters less 0.01 of their gradients, and what they make of the vectors' input. */
static void write_model(int i, const char *folder)
{
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    fixture f = open_fixture(i);
    const onus_batch ask = {.B = f.B};
    float *grad = gradients(f.net);
    onus_buf out;
    onus_err err;
    onus_plan *p = plan_of(&f, ONUS_PLAN_TRAIN, &ex);
    onus_plan_forward(p, &f.batch);
    onus_plan_backward(p, &f.batch, &grad);
    onus_plan_destroy(p);
    for (int k = 0; k < onus_net_tensors(f.net); k++) {
        const onus_tensor *t = onus_net_tensor(f.net, k);
        for (int64_t j = t->offset; !t->def.buffer && j < t->offset + t->n; j++)
            onus_net_params(f.net)[j] -= 0.01f * grad[j];
    }
    onus_buf_init(&out, NULL, 1 << 24);
    if (model_to(&out, f.net, NULL, 0, &err) != ONUS_OK) fail_msg("%s", err.msg);
    write_file(&out, folder, f.name, "model");
    onus_buf_release(&out);
    p = plan_of(&f, ONUS_PLAN_PREDICT, &ex);
    onus_plan_forward(p, &ask);
    const onus_tensor_view views[] = {
        {"input", {2, {f.B, f.n_in}}, f.input},
        {"logits", {2, {f.B, onus_net_logits(f.net)}}, onus_plan_logits(p)}};
    onus_buf_init(&out, NULL, 1 << 24);
    if (tensors_to(&out, views, 2, NULL, 0, &err) != ONUS_OK) fail_msg("%s", err.msg);
    write_file(&out, folder, f.name, "logits");
    onus_buf_release(&out);
    onus_plan_destroy(p);
    free(grad);
    close_fixture(&f);
}

static const char *folder_asked;

static void written_for_others(void **state)
{
    (void)state;
    for (int i = 0; i < N_MODELS; i++) write_model(i, folder_asked);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest writing[] = {cmocka_unit_test(written_for_others)};
    if (argc > 1) {
        folder_asked = argv[1];
        return cmocka_run_group_tests(writing, NULL, NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_and_gradients_are_pytorchs),
        cmocka_unit_test(private_plans_agree_with_ordinary_ones),
        cmocka_unit_test(another_architectures_weights_are_refused),
        cmocka_unit_test(columns_are_not_taken_for_others),
        cmocka_unit_test(a_head_of_other_classes_keeps_its_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
