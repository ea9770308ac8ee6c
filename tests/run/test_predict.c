/* SPDX-License-Identifier: Apache-2.0
 * Goal: a model's file alone predicts in the label's own unit, or a probability a label.
 * Method: linear models whose numbers are set by hand, written, opened through onus.h and asked
 * for a row given as texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "data/dataset.h"
#include "net/model.h"
#include "tensors.h"
#include "model_spec.h"

/* x = (age - 40) / 10; z = 0.5 x + 0.25; amount = 2000 z + 3000. */
static void predictions_are_in_the_unit(void **state)
{
    (void)state;
    char path[] = "/tmp/onus-predict-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0 && close(fd) == 0);
    const onus_model_spec spec = {.kind = "linear", .label_shift = 3000, .label_scale = 2000};
    const onus_meta meta[] = {
        {"onus.encoder", "{\"classes\":[],\"columns\":[{\"name\":\"age\",\"protected\":false,"
                         "\"scale\":10,\"shift\":40}],\"label\":\"amount\",\"pixels\":0,"
                         "\"task\":\"regression\"}"}};
    onus_net *net;
    onus_buf bytes;
    assert_int_equal(build_columns(&net, &spec, 1, ONUS_HEAD_VALUE, 0, NULL, NULL), ONUS_OK);
    for (int i = 0; i < onus_net_tensors(net); i++) {
        const onus_tensor *t = onus_net_tensor(net, i);
        onus_net_params(net)[t->offset] = strstr(t->name, "bias") ? 0.25f : 0.5f;
    }
    onus_buf_init(&bytes, NULL, 1 << 16);
    assert_int_equal(model_to(&bytes, net, meta, 1, NULL), ONUS_OK);
    assert_int_equal(onus_file_replace(path, bytes.data, bytes.len, 0600, NULL), ONUS_OK);
    onus_buf_release(&bytes);
    onus_net_destroy(net);

    onus_model *m;
    double out = 0;
    const char *const name[] = {"age"}, *const value[] = {"60"};
    assert_int_equal(onus_model_open(&m, path, NULL, NULL), ONUS_OK);
    assert_int_equal(onus_model_outputs(m), 1);
    assert_int_equal(onus_model_predict(m, name, value, 1, &out, NULL), ONUS_OK);
    assert_true(out == 3000 + 2000 * 1.25);
    onus_model_close(m);
    assert_int_equal(remove(path), 0);
}

/* Logits 0.5 x + 0.25 and 0.25, of which the first is of "rude": each its own yes or no. */
static void several_labels_have_a_probability_each(void **state)
{
    (void)state;
    static const char encoder[] =
        "{\"classes\":[\"no\",\"yes\",\"0\",\"1\"],\"columns\":[{\"name\":\"age\","
        "\"protected\":false,\"scale\":10,\"shift\":40}],\"label\":[\"rude\",\"odd\"],"
        "\"task\":\"labels\"}";
    char path[] = "/tmp/onus-predict-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0 && close(fd) == 0);
    const onus_model_spec spec = {.kind = "mlp"};
    for (int64_t labels = 2; labels <= 3; labels++) { /* the file's net has two, or three */
        const onus_meta meta[] = {{"onus.encoder", encoder}};
        onus_net *net;
        onus_buf bytes;
        onus_model *m = NULL;
        onus_err err;
        double out[2] = {0};
        const char *const name[] = {"age"}, *const value[] = {"60"};
        assert_int_equal(build_columns(&net, &spec, 1, ONUS_HEAD_LABELS, labels, NULL, NULL),
                         ONUS_OK);
        for (int i = 0; i < onus_net_tensors(net); i++) {
            const onus_tensor *t = onus_net_tensor(net, i);
            for (int64_t k = 0; k < t->n; k++)
                onus_net_params(net)[t->offset + k] = strstr(t->name, "bias") ? 0.25f
                                                      : k == 0                ? 0.5f
                                                                              : 0;
        }
        onus_buf_init(&bytes, NULL, 1 << 16);
        assert_int_equal(model_to(&bytes, net, meta, 1, NULL), ONUS_OK);
        assert_int_equal(onus_file_replace(path, bytes.data, bytes.len, 0600, NULL), ONUS_OK);
        onus_buf_release(&bytes);
        onus_net_destroy(net);
        if (labels == 3) {
            assert_int_equal(onus_model_open(&m, path, NULL, &err), ONUS_BAD_INPUT);
            assert_non_null(strstr(err.msg, "2 outputs, the net takes 1 and gives 3"));
            continue;
        }
        assert_int_equal(onus_model_open(&m, path, NULL, &err), ONUS_OK);
        assert_int_equal(onus_model_outputs(m), 2);
        assert_string_equal(onus_model_class(m, 0), "rude");
        assert_string_equal(onus_model_class(m, 1), "odd");
        assert_null(onus_model_class(m, 2));
        assert_null(onus_model_class(m, -1));
        assert_int_equal(onus_model_predict(m, name, value, 1, out, NULL), ONUS_OK);
        assert_float_equal(out[0], 0.77729986117469108, 1e-7); /* 1 / (1 + e^-1.25) */
        assert_float_equal(out[1], 0.56217650088579807, 1e-7); /* 1 / (1 + e^-0.25) */
        onus_model_close(m);
    }
    assert_int_equal(remove(path), 0);
}

/* A model of tokens says what follows at every place; a row of texts by column is none of its.
 */
static void tokens_are_no_rows(void **state)
{
    (void)state;
    char path[] = "/tmp/onus-predict-XXXXXX";
    static const char text[] = "abcabcabcabcabcabcabcabcabcabcabcabcabcabc";
    const int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, sizeof text - 1) == sizeof text - 1 &&
                close(fd) == 0);
    const onus_data_spec data = {.base_dir = ".",
                                 .format = ONUS_FORMAT_TEXT,
                                 .source = path,
                                 .predict = ONUS_PREDICT_NEXT,
                                 .text = {.kind = ONUS_TOKENIZER_CHARACTER, .context = 4},
                                 .protected_none = true,
                                 .train = 0.5,
                                 .valid = 0.25,
                                 .test = 0.25};
    const onus_model_spec spec = {.kind = "gru"};
    onus_dataset *d;
    onus_net *net;
    onus_model *m = NULL;
    onus_buf encoder, bytes;
    onus_err err = {.msg = ""};
    if (onus_dataset_open(&d, &data, NULL, 1, NULL, NULL, &err) != ONUS_OK)
        fail_msg("%s", err.msg);
    onus_buf_init(&encoder, NULL, 1 << 20);
    onus_buf_init(&bytes, NULL, 1 << 24);
    assert_int_equal(onus_encoder_write(onus_dataset_encoder(d), &encoder, NULL), ONUS_OK);
    const onus_meta meta = {"onus.encoder", encoder.data};
    const onus_model_io io = {.input = onus_dataset_input(d),
                              .vocabulary = onus_dataset_vocabulary(d),
                              .head = ONUS_HEAD_TOKENS,
                              .next = true};
    assert_int_equal(onus_model_build(&net, &spec, &io, NULL, NULL), ONUS_OK);
    assert_int_equal(model_to(&bytes, net, &meta, 1, NULL), ONUS_OK);
    assert_int_equal(onus_file_replace(path, bytes.data, bytes.len, 0600, NULL), ONUS_OK);
    assert_int_equal(onus_model_open(&m, path, NULL, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "a model of tokens has no prediction of a row"));
    assert_null(m);
    onus_buf_release(&encoder);
    onus_buf_release(&bytes);
    onus_net_destroy(net);
    onus_dataset_close(d);
    assert_int_equal(remove(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(predictions_are_in_the_unit),
                                       cmocka_unit_test(several_labels_have_a_probability_each),
                                       cmocka_unit_test(tokens_are_no_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
