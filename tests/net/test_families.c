/* SPDX-License-Identifier: Apache-2.0
 * Goal: families of models are nets of the right shape, their files hold all there is and
 * rebuild the same net, and a file that lies is refused before memory is asked for on its word.
 * Method: MLPs of depth 0 to 5, every activation and head, sizes by hand; files written twice
 * and read back; settings spoilt one by one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "failing_mem.h"
#include "net/model.h"
#include "tensors.h"
#include "model_spec.h"

static const int64_t widths[] = {7, 5, 9, 4, 6};

static onus_net *mlp(int depth, onus_head head, int64_t classes, const char *activation,
                     double dropout)
{
    const onus_model_spec spec = {.kind = "mlp",
                                  .settings = mlp_settings(widths, depth, activation, dropout)};
    onus_net *net = NULL;
    onus_err err;
    if (build_columns(&net, &spec, 11, head, classes, NULL, &err) != ONUS_OK)
        fail_msg("depth %d: %s", depth, err.msg);
    return net;
}

static void mlps_of_every_depth(void **state)
{
    (void)state;
    static const char *const words[] = {"MLP 11-3",         "MLP 11-7-3",
                                        "MLP 11-7-5-3",     "MLP 11-7-5-9-3",
                                        "MLP 11-7-5-9-4-3", "MLP 11-7-5-9-4-6-3"};
    for (int depth = 0; depth <= 5; depth++) {
        onus_net *net = mlp(depth, ONUS_HEAD_CLASSES, 3, "tanh", 0.25);
        int64_t count = 0, in = 11;
        for (int i = 0; i <= depth; i++) {
            const int64_t out = i < depth ? widths[i] : 3;
            count += in * out + out;
            in = out;
        }
        assert_string_equal(onus_net_describe(net), words[depth]);
        assert_int_equal(onus_net_param_count(net), count);
        assert_int_equal(onus_net_tensors(net), 2 * (depth + 1));
        assert_int_equal(onus_net_outputs(net), 3);
        for (int t = 0; t <= depth;
             t++) { /* layers.0.bias, layers.0.weight, layers.1.bias ... */
            char name[40];
            snprintf(name, sizeof name, "layers.%d.bias", t);
            assert_string_equal(onus_net_tensor(net, 2 * t)->name, name);
            assert_false(onus_net_tensor(net, 2 * t)->def.decay);
            snprintf(name, sizeof name, "layers.%d.weight", t);
            assert_string_equal(onus_net_tensor(net, 2 * t + 1)->name, name);
            assert_true(onus_net_tensor(net, 2 * t + 1)->def.decay);
        }
        onus_net_destroy(net);
    }
}

/* A net that computes nothing but its biases: its prediction is known for every head. */
static void heads_end_as_they_must(void **state)
{
    (void)state;
    static const struct {
        const char *kind;
        onus_head head;
        int64_t classes, outputs;
        double logits[3], want[3];
    } rows[] = {
        {"logistic", ONUS_HEAD_BINARY, 2, 1, {1.5}, {0.81757447619364365}}, /* 1 / (1 + e^-1.5)
                                                                             */
        {"mlp", ONUS_HEAD_BINARY, 2, 1, {0}, {0.5}},
        {"linear", ONUS_HEAD_VALUE, 0, 1, {-2.25}, {-2.25}},
        {"softmax", ONUS_HEAD_CLASSES, 3, 3, {0, 0.69314718, 0}, {0.25, 0.5, 0.25}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const onus_model_spec spec = {.kind = rows[i].kind};
        const onus_exec ex = {.k = onus_kernels_of(ONUS_ISA_REF)};
        const onus_batch one = {.B = 1};
        onus_net *net;
        onus_plan *p;
        assert_int_equal(
            build_columns(&net, &spec, 4, rows[i].head, rows[i].classes, NULL, NULL), ONUS_OK);
        for (int k = 0; k < rows[i].outputs; k++) /* layers.0.bias comes first */
            onus_net_params(net)[k] = (float)rows[i].logits[k];
        assert_int_equal(onus_net_outputs(net), rows[i].outputs);
        assert_int_equal(onus_plan_create(&p, net, &ex, ONUS_PLAN_PREDICT, 1, NULL, NULL),
                         ONUS_OK);
        onus_plan_forward(p, &one);
        for (int k = 0; k < rows[i].outputs; k++)
            assert_float_equal(onus_plan_prediction(p)[k], rows[i].want[k], 1e-7);
        onus_plan_destroy(p);
        onus_net_destroy(net);
    }
}

static void settings_that_make_no_sense_are_named(void **state)
{
    (void)state;
    static int64_t many[300];
    for (int i = 0; i < 300; i++) many[i] = 2;
    const struct {
        onus_model_spec spec;
        onus_head head;
        const char *why;
    } rows[] = {
        {{.kind = "forest"}, ONUS_HEAD_BINARY, "forest"},
        {{.kind = "mlp", .name = "deep"}, ONUS_HEAD_BINARY, "mlp deep"},
        {{.kind = "mlp", .settings = "{\"activation\":\"swish\"}"}, ONUS_HEAD_BINARY, "swish"},
        {{.kind = "mlp", .settings = "{\"activation\":7}"},
         ONUS_HEAD_BINARY,
         "model.activation"},
        {{.kind = "mlp", .settings = "{\"hidden\":[0]}"},
         ONUS_HEAD_BINARY,
         "model.hidden: '0'"},
        {{.kind = "mlp", .settings = "{\"hidden\":[4,-1]}"}, ONUS_HEAD_BINARY, "'-1'"},
        {{.kind = "mlp", .settings = "{\"hidden\":[3.5]}"}, ONUS_HEAD_BINARY, "'3.5'"},
        {{.kind = "mlp", .settings = "{\"hidden\":\"wide\"}"}, ONUS_HEAD_BINARY, "'wide'"},
        {{.kind = "mlp", .settings = "{\"hidden\":[99999999999999]}"},
         ONUS_HEAD_BINARY,
         "model.hidden"},
        {{.kind = "mlp", .settings = mlp_settings(many, 300, NULL, 0)},
         ONUS_HEAD_BINARY,
         "300"},
        {{.kind = "mlp", .settings = "{\"dropout\":1}"}, ONUS_HEAD_BINARY, "model.dropout"},
        {{.kind = "mlp", .settings = "{\"dropout\":-0.5}"}, ONUS_HEAD_BINARY, "model.dropout"},
        {{.kind = "mlp", .settings = "{\"width\":5}"}, ONUS_HEAD_BINARY, "no such setting"},
        {{.kind = "linear"}, ONUS_HEAD_BINARY, "two classes"},
        {{.kind = "logistic"}, ONUS_HEAD_CLASSES, "several classes"},
        {{.kind = "softmax"}, ONUS_HEAD_VALUE, "numbers"},
        {{.kind = "logistic", .settings = "{\"hidden\":[2]}"},
         ONUS_HEAD_BINARY,
         "model.hidden"},
        {{.kind = "layers"}, ONUS_HEAD_BINARY, "model.layers"},
        {{.kind = "layers", .settings = "{\"layers\":[]}"}, ONUS_HEAD_BINARY, "none"},
        {{.kind = "layers", .settings = "{\"layers\":[{}]}"}, ONUS_HEAD_BINARY, "a mapping"},
        {{.kind = "layers", .settings = "{\"layers\":[{\"op\":\"denser\"}]}"},
         ONUS_HEAD_BINARY,
         "denser"},
        {{.kind = "layers", .settings = "{\"layers\":[{\"op\":\"dense\",\"units\":3}]}"},
         ONUS_HEAD_BINARY,
         "gives (3), a label of binary wants (1)"},
        {{.kind = "layers", .settings = "{\"layers\":[{\"op\":\"dense\",\"units\":\"2*x\"}]}"},
         ONUS_HEAD_BINARY,
         "no setting 'x'"},
        {{.kind = "layers",
          .settings = "{\"layers\":[{\"op\":\"dense\",\"in\":[\"nobody\"]}]}"},
         ONUS_HEAD_BINARY,
         "nobody"},
        {{.kind = "layers",
          .settings = "{\"layers\":[{\"op\":\"dense\",\"tie\":{\"weight\":\"input\"}}]}"},
         ONUS_HEAD_BINARY,
         "no layer 'input' to share"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        onus_net *net = NULL;
        onus_err err = {.code = ONUS_OK};
        const onus_status st =
            build_columns(&net, &rows[i].spec, 4, rows[i].head, 3, NULL, &err);
        if (st != ONUS_BAD_INPUT || net) fail_msg("row %zu: status %d", i, (int)st);
        if (!strstr(err.msg, rows[i].why)) fail_msg("'%s' lacks '%s'", err.msg, rows[i].why);
    }
}

/* Data and model that do not fit: the line names both sides. */
static void data_that_does_not_fit_is_named(void **state)
{
    (void)state;
    const onus_model_io next = {{1, {16}}, 20, ONUS_HEAD_TOKENS, 0, true},
                        masked = {{1, {16}}, 20, ONUS_HEAD_TOKENS, 0, false, true},
                        mood = {{1, {16}}, 20, ONUS_HEAD_CLASSES, 3, false},
                        image = {{3, {1, 8, 8}}, 0, ONUS_HEAD_CLASSES, 3, false},
                        table = {{1, {9}}, 0, ONUS_HEAD_CLASSES, 3, false};
    const struct {
        onus_model_spec spec;
        const onus_model_io *io;
        const char *why; /* NULL: nothing is wrong */
    } rows[] = {
        {{"decoder"}, &mood, "decoder gpt2 does not fit a label of several classes"},
        {{"decoder"}, &table, "decoder gpt2 reads text, the data holds columns"},
        {{"encoder"}, &image, "encoder reads text, the data holds images"},
        {{"cnn"}, &table, "cnn reads images, the data holds columns"},
        {{"cnn", "resnet18"}, &mood, "cnn resnet18 reads images, the data holds text"},
        {{"lstm"}, &table, "lstm reads text, the data holds columns"},
        {{"mlp"}, &mood, "mlp reads columns or images, the data holds text"},
        {{"decoder", NULL, "{\"heads\":5}"},
         &next,
         "model.heads: 5 does not divide model.width"},
        {{"decoder", NULL, "{\"width\":30}"}, &next, "model.width, which is 30"},
        {{"decoder", "llama", "{\"heads\":4,\"kv_heads\":3}"},
         &next,
         "model.kv_heads: 3 does not divide model.heads, which is 4"},
        {{"encoder", NULL, "{\"width\":64,\"heads\":6}"}, &mood, "model.heads: 6"},
        {{"decoder", "llama", "{\"width\":12}"}, &next, "head_size 3, expected an even"},
        {{"decoder", NULL, "{\"positions\":8}"}, &next, "has 16 places, the table 8 rows"},
        {{"encoder", NULL, "{\"positions\":8}"}, &mood, "has 16 places, the table 8 rows"},
        {{"cnn", NULL, "{\"channels\":[4,4,4,4]}"}, &image, "a window of 2 is larger"},
        {{"cnn", NULL, "{\"norm\":\"group\",\"groups\":5}"},
         &image,
         "5 groups do not divide 32 channels"},
        /* the next token is not shown, whoever lists the layers */
        {{"encoder"}, &next, "sees the tokens that follow (causal: 0)"},
        {{"lstm", NULL, "{\"bidirectional\":true}"}, &next, "lstm.0.reverse' sees the tokens"},
        {{"gru", NULL, "{\"bidirectional\":true}"}, &next, "(reverse: 1)"},
        {{"layers", NULL,
          "{\"layers\":[{\"op\":\"embedding\",\"rows\":20,\"width\":6},"
          "{\"op\":\"attention\",\"in\":[\"@\",\"@\",\"@\"]},"
          "{\"op\":\"dense\",\"units\":20}]}"},
         &next,
         "attention_1' sees the tokens"},
        {{"decoder"}, &next, NULL},
        {{"decoder", "llama"}, &next, NULL},
        {{"lstm"}, &next, NULL},
        /* and one that looks back only is not asked for what both sides tell */
        {{"decoder"}, &masked, "h.0.attn' sees only the tokens before (causal: 1)"},
        {{"decoder", "llama"}, &masked, "self_attn' sees only the tokens before"},
        {{"encoder"}, &masked, NULL},
        {{"gru", NULL, "{\"bidirectional\":true}"}, &masked, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        onus_net *net = NULL;
        onus_err err = {.code = ONUS_OK};
        const onus_status st = onus_model_build(&net, &rows[i].spec, rows[i].io, NULL, &err);
        if (st != (rows[i].why ? ONUS_BAD_INPUT : ONUS_OK))
            fail_msg("row %zu: status %d, %s", i, (int)st, err.msg);
        if (rows[i].why && (net || !strstr(err.msg, rows[i].why) || strchr(err.msg, '\n')))
            fail_msg("'%s' lacks '%s'", err.msg, rows[i].why);
        onus_net_destroy(net);
    }
}

/* A table with fewer rows than there are tokens would be read beyond its end. */
static void tables_hold_every_token(void **state)
{
    (void)state;
    const onus_model_io io = {
        .input = {.n = 1, .d = {4}}, .vocabulary = 9, .head = ONUS_HEAD_BINARY, .classes = 2};
    for (int rows = 8; rows <= 9; rows++) {
        char settings[160];
        onus_net *net = NULL;
        onus_err err = {.code = ONUS_OK};
        snprintf(settings, sizeof settings,
                 "{\"layers\":[{\"op\":\"embedding\",\"rows\":%d,\"width\":2},"
                 "{\"op\":\"first_token\"},{\"op\":\"dense\",\"units\":1}]}",
                 rows);
        const onus_model_spec spec = {.kind = "layers", .settings = settings};
        const onus_status st = onus_model_build(&net, &spec, &io, NULL, &err);
        assert_int_equal(st, rows == 9 ? ONUS_OK : ONUS_BAD_INPUT);
        if (rows == 8) assert_non_null(strstr(err.msg, "a table of 8 rows, the text has 9"));
        onus_net_destroy(net);
        net = NULL; /* and numbers are no tokens */
        assert_int_equal(build_columns(&net, &spec, 4, ONUS_HEAD_BINARY, 2, NULL, &err),
                         ONUS_BAD_INPUT);
        assert_non_null(strstr(err.msg, "embedding reads tokens"));
    }
}

/* ---- files
 * -------------------------------------------------------------------------------------------
 */

static void write_file(const onus_net *net, onus_buf *out)
{
    const onus_meta extra[] = {{"onus.encoder", "{\"a\":1}"}, {"note", "x"}};
    onus_buf_init(out, NULL, 1 << 20);
    assert_int_equal(model_to(out, net, extra, 2, NULL), ONUS_OK);
}

/* Written twice: the same bytes. Read back: the same net, and again the same bytes. */
static void files_hold_all_there_is(void **state)
{
    (void)state;
    static const char *const activations[] = {"relu", "tanh", "sigmoid", "gelu", "none", NULL};
    for (int i = 0; i < 18; i++) {
        const onus_head head = (onus_head)(i % 3);
        onus_net *net = mlp(i % 6, head, head == ONUS_HEAD_CLASSES ? 4 : 2, activations[i % 6],
                            i % 2 ? 0.1 : 0),
                 *again = NULL;
        onus_buf one, two;
        onus_safetensors *s;
        uint8_t sha1[32], sha2[32];
        onus_err err;
        onus_net_init(net, (uint64_t)i);
        write_file(net, &one);
        write_file(net, &two);
        assert_int_equal(one.len, two.len);
        assert_memory_equal(one.data, two.data, one.len);
        onus_buf_release(&two);
        assert_int_equal(onus_safetensors_parse(&s, one.data, one.len, "m", NULL, NULL),
                         ONUS_OK);
        assert_string_equal(onus_safetensors_meta(s, "onus.encoder"), "{\"a\":1}");
        if (onus_model_read(&again, s, NULL, &err) != ONUS_OK) fail_msg("%s", err.msg);
        onus_net_sha256(net, sha1);
        onus_net_sha256(again, sha2);
        assert_memory_equal(sha1, sha2, 32);
        assert_string_equal(onus_net_describe(net), onus_net_describe(again));
        write_file(again, &two);
        assert_int_equal(one.len, two.len);
        assert_memory_equal(one.data, two.data, one.len);
        onus_net_init(again, 99);
        assert_int_equal(onus_model_load(again, s, NULL), ONUS_OK);
        onus_net_sha256(again, sha2);
        assert_memory_equal(sha1, sha2, 32);
        onus_buf_release(&one);
        onus_buf_release(&two);
        onus_safetensors_close(s);
        onus_net_destroy(net);
        onus_net_destroy(again);
    }
}

/* The settings of a model of 2 inputs and one hidden layer of 3, spoilt. */
static void refuse_settings(const char *settings, const char *why)
{
    static const float w[6] = {0}, zero[3] = {0};
    const onus_tensor_view views[] = {{"layers.0.weight", {2, {3, 2}}, w},
                                      {"layers.0.bias", {1, {3}}, zero},
                                      {"layers.1.weight", {2, {1, 3}}, zero},
                                      {"layers.1.bias", {1, {1}}, zero}};
    const onus_meta meta[] = {{"onus.model", settings}};
    failing_mem m = {.most = 8 << 20}; /* more than the graph's table of nodes */
    const onus_allocator mem = failing_mem_allocator(&m);
    onus_buf out;
    onus_safetensors *s;
    onus_net *net = NULL;
    onus_err err = {.code = ONUS_OK};
    onus_buf_init(&out, NULL, 10000);
    assert_int_equal(tensors_to(&out, views, 4, meta, settings != NULL, NULL), ONUS_OK);
    assert_int_equal(onus_safetensors_parse(&s, out.data, out.len, "m", NULL, NULL), ONUS_OK);
    const onus_status st = onus_model_read(&net, s, &mem, &err);
    if (st != (why ? ONUS_BAD_INPUT : ONUS_OK))
        fail_msg("%s: status %d, %s", settings ? settings : "none", (int)st, err.msg);
    if (why && !strstr(err.msg, why)) fail_msg("%s: '%s' lacks '%s'", settings, err.msg, why);
    assert_int_equal(m.failed, 0);
    onus_net_destroy(net);
    onus_safetensors_close(s);
    onus_buf_release(&out);
    assert_int_equal(m.live, 0);
}

#define LAYER(name, in, units)                                              \
    "{\"attrs\":{\"units\":" units "},\"in\":[\"" in "\"],\"name\":\"" name \
    "\",\"op\":\"dense\",\"params\":{},\"tie\":{}}"
#define SETTINGS_OF(layers, classes, input, head, numerics, more)                       \
    "{\"classes\":" classes ",\"flat\":true,\"head\":" head ",\"input\":" input         \
    ",\"layers\":" layers ",\"numerics\":" numerics ",\"smoothing\":0,\"title\":\"MLP " \
    "{dense}\",\"vocabulary\":0" more "}"
#define TWO(units) \
    "[" LAYER("layers.0", "input", units) "," LAYER("layers.1", "layers.0", "1") "]"
#define SETTINGS(layers, classes, input, head, numerics) \
    SETTINGS_OF(layers, classes, input, head, numerics, "")
#define VALUE(label) SETTINGS_OF(TWO("3"), "0", "[2]", "\"value\"", "2", ",\"label\":" label)

static void settings_that_lie_are_refused(void **state)
{
    (void)state;
    const char *no_model = "not a model of Onus";
    refuse_settings(SETTINGS(TWO("3"), "2", "[2]", "\"binary\"", "2"), NULL);
    refuse_settings(NULL, "onus.model");
    refuse_settings("", "onus.model");
    refuse_settings("[]", no_model);
    refuse_settings("{}", no_model);
    refuse_settings("{\"head\":\"binary\",\"head\":\"binary\"}", "onus.model");
    refuse_settings(SETTINGS(TWO("3"), "2", "[2]", "\"binary\"", "9"), "numerics contract");
    refuse_settings(SETTINGS(TWO("3"), "2", "[2]", "\"ternary\"", "2"), no_model);
    refuse_settings(SETTINGS(TWO("3"), "2", "[2]", "7", "2"), no_model);
    refuse_settings(SETTINGS("[{}]", "2", "[2]", "\"binary\"", "2"), no_model);
    refuse_settings(SETTINGS("[]", "2", "[2]", "\"binary\"", "2"), no_model);
    refuse_settings(SETTINGS("7", "2", "[2]", "\"binary\"", "2"), no_model);
    refuse_settings(
        SETTINGS("[" LAYER("layers.0", "nobody", "3") "]", "2", "[2]", "\"binary\"", "2"),
        "nobody");
    refuse_settings(SETTINGS("[" LAYER("a", "input", "3") "," LAYER("a", "a", "1") "]", "2",
                             "[2]", "\"binary\"", "2"),
                    "two layers");
    refuse_settings(SETTINGS(TWO("\"3\""), "2", "[2]", "\"binary\"", "2"), no_model);
    refuse_settings(SETTINGS(TWO("0"), "2", "[2]", "\"binary\"", "2"), "units");
    refuse_settings(SETTINGS(TWO("3.5"), "2", "[2]", "\"binary\"", "2"), "3.5");
    refuse_settings(SETTINGS(TWO("3"), "2", "[0]", "\"binary\"", "2"), no_model);
    refuse_settings(SETTINGS(TWO("3"), "2", "[-2]", "\"binary\"", "2"), no_model);
    refuse_settings(SETTINGS(TWO("3"), "2", "[]", "\"binary\"", "2"), no_model);
    refuse_settings(SETTINGS(TWO("3"), "2", "[1,1,1,1,1,2]", "\"binary\"", "2"), no_model);
    refuse_settings(SETTINGS(TWO("3"), "1", "[2]", "\"classes\"", "2"), no_model);
    refuse_settings(SETTINGS(TWO("3"), "2", "[2]", "\"classes\"", "2"), "(1)");
    refuse_settings(SETTINGS(TWO("3"), "2", "[2]", "\"tokens\"", "2"), no_model);
    refuse_settings(
        SETTINGS("[" LAYER("layers.0", "input", "1") "]", "2", "[2]", "\"binary\"", "2"),
        "4 tensors");
    refuse_settings(SETTINGS(TWO("2"), "2", "[2]", "\"binary\"", "2"), "shape (3");
    refuse_settings(SETTINGS(TWO("3"), "2", "[1]", "\"binary\"", "2"), "(3, 1)");
    /* a label's unit: missing, zero, below or beyond binary32 */
    refuse_settings(VALUE("{\"scale\":2.5,\"shift\":-1e9}"), NULL);
    refuse_settings(SETTINGS(TWO("3"), "0", "[2]", "\"value\"", "2"), no_model);
    refuse_settings(VALUE("[]"), no_model);
    refuse_settings(VALUE("{\"scale\":2.5}"), no_model);
    refuse_settings(VALUE("{\"scale\":\"2\",\"shift\":0}"), no_model);
    refuse_settings(VALUE("{\"scale\":0,\"shift\":0}"), no_model);
    refuse_settings(VALUE("{\"scale\":-1,\"shift\":0}"), no_model);
    refuse_settings(VALUE("{\"scale\":1e-60,\"shift\":0}"), no_model);
    refuse_settings(VALUE("{\"scale\":1e60,\"shift\":0}"), "factor of affine");
    refuse_settings(VALUE("{\"scale\":1,\"shift\":-1e60}"), "shift of affine");
    /* memory is not asked for on a file's word: 2^15 x 2^15 weights, a wide input */
    refuse_settings(
        SETTINGS("[" LAYER("layers.0", "input", "32768") "," LAYER(
                     "layers.1", "layers.0", "32768") "," LAYER("l", "layers.1", "1") "]",
                 "2", "[2]", "\"binary\"", "2"),
        "13 parameters");
    refuse_settings(SETTINGS(TWO("3"), "2", "[16777216]", "\"binary\"", "2"), "13 parameters");
}

/* A file of other names or shapes changes nothing in the net. */
static void loading_names_both_sides(void **state)
{
    (void)state;
    onus_net *net = mlp(1, ONUS_HEAD_BINARY, 2, NULL, 0),
             *other = mlp(0, ONUS_HEAD_CLASSES, 7, NULL, 0);
    static const float zeros[200] = {0};
    onus_tensor_view views[] = {{"layers.0.bias", {1, {7}}, zeros},
                                {"layers.0.weight", {2, {7, 11}}, zeros},
                                {"layers.1.bias", {1, {1}}, zeros},
                                {"layers.1.weights", {2, {1, 7}}, zeros}};
    onus_buf out;
    onus_safetensors *s;
    onus_err err;
    uint8_t before[32], after[32];
    onus_net_init(net, 1);
    onus_net_sha256(net, before);
    for (int round = 0; round < 3; round++) {
        onus_buf_init(&out, NULL, 1 << 16);
        if (round == 1)
            views[3].name = "layers.1.weight", views[3].shape = (onus_shape){2, {7, 1}};
        if (round < 2)
            assert_int_equal(tensors_to(&out, views, 4, NULL, 0, NULL), ONUS_OK);
        else
            assert_int_equal(model_to(&out, other, NULL, 0, NULL), ONUS_OK);
        assert_int_equal(onus_safetensors_parse(&s, out.data, out.len, "m", NULL, NULL),
                         ONUS_OK);
        assert_int_equal(onus_model_load(net, s, &err), ONUS_BAD_INPUT);
        const char *const words[][2] = {
            {"layers.1.weight", "lacks"}, {"(7, 1)", "(1, 7)"}, {"2 tensors", "model 4"}};
        assert_non_null(strstr(err.msg, words[round][0]));
        assert_non_null(strstr(err.msg, words[round][1]));
        onus_net_sha256(net, after);
        assert_memory_equal(before, after, 32);
        onus_safetensors_close(s);
        onus_buf_release(&out);
    }
    onus_net_destroy(net);
    onus_net_destroy(other);
}

static onus_status build_write_read(const onus_allocator *mem, void *ctx, onus_err *err)
{
    (void)ctx;
    const onus_model_spec spec = {.kind = "mlp",
                                  .settings = "{\"hidden\":[7,5],\"dropout\":0.1}"};
    const onus_meta extra = {"k", "v"};
    onus_net *net = NULL, *again = NULL;
    onus_buf out;
    onus_safetensors *s = NULL;
    onus_buf_init(&out, mem, 1 << 20);
    onus_status st = build_columns(&net, &spec, 11, ONUS_HEAD_CLASSES, 3, mem, err);
    if (st == ONUS_OK) st = model_to(&out, net, &extra, 1, err);
    if (st == ONUS_OK) st = onus_safetensors_parse(&s, out.data, out.len, "m", mem, err);
    if (st == ONUS_OK) st = onus_model_read(&again, s, mem, err);
    onus_safetensors_close(s);
    onus_buf_release(&out);
    onus_net_destroy(again);
    onus_net_destroy(net);
    return st;
}

static void families_survive_the_end_of_memory(void **state)
{
    (void)state;
    failing_mem_walk("model", build_write_read, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mlps_of_every_depth),
        cmocka_unit_test(heads_end_as_they_must),
        cmocka_unit_test(settings_that_make_no_sense_are_named),
        cmocka_unit_test(data_that_does_not_fit_is_named),
        cmocka_unit_test(tables_hold_every_token),
        cmocka_unit_test(files_hold_all_there_is),
        cmocka_unit_test(settings_that_lie_are_refused),
        cmocka_unit_test(loading_names_both_sides),
        cmocka_unit_test(families_survive_the_end_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
