/* SPDX-License-Identifier: Apache-2.0
 * Model files: tensors, and the net that one says it holds. What is read can be written, and
 * reads back the same. Nets of four families take from it what fits. */
#include "fuzz.h"
#include "../tests/tensors.h"

enum { FAMILIES = 4 };

static void write_again(const onus_net *net)
{
    onus_buf out;
    onus_safetensors *file = NULL;
    onus_net *again = NULL;
    onus_buf_init(&out, NULL, SIZE_MAX / 2);
    FUZZ_CHECK(model_to(&out, net, NULL, 0, NULL) == ONUS_OK);
    FUZZ_CHECK(onus_safetensors_parse(&file, out.data, out.len, "again", NULL, NULL) ==
               ONUS_OK);
    FUZZ_CHECK(onus_model_read(&again, file, NULL, NULL) == ONUS_OK);
    onus_net_destroy(again);
    onus_safetensors_close(file);
    onus_buf_release(&out);
}

static void build_family(int i, onus_net **out)
{
    static const onus_model_spec specs[FAMILIES] = {
        {.kind = "mlp", .settings = "{\"hidden\":[3]}"},
        {.kind = "cnn", .settings = "{\"channels\":[2],\"hidden\":3,\"norm\":\"batch\"}"},
        {.kind = "decoder", .settings = "{\"layers\":1,\"width\":4,\"heads\":2}"},
        {.kind = "gru", .settings = "{\"embedding\":3,\"hidden\":2}"}};
    static const onus_model_io ios[FAMILIES] = {
        {.input = {.n = 1, .d = {5}}, .head = ONUS_HEAD_BINARY},
        {.input = {.n = 3, .d = {1, 4, 4}}, .head = ONUS_HEAD_CLASSES, .classes = 3},
        {.input = {.n = 1, .d = {4}}, .vocabulary = 6, .head = ONUS_HEAD_TOKENS, .next = true},
        {.input = {.n = 1, .d = {4}}, .vocabulary = 6, .head = ONUS_HEAD_BINARY}};
    FUZZ_CHECK(onus_model_build(out, &specs[i], &ios[i], NULL, NULL) == ONUS_OK);
}

/* Whichever library wrote the file: what fits is taken; where it is refused no parameter has
 * moved. */
static void import_each(const onus_safetensors *file)
{
    static onus_net *nets[FAMILIES];
    for (int i = 0; i < FAMILIES; i++) {
        onus_import found;
        onus_err err = {.msg = ""};
        if (!nets[i]) build_family(i, &nets[i]);
        const int64_t n = onus_net_param_floats(nets[i]);
        float *before = malloc((size_t)n * sizeof *before);
        FUZZ_CHECK(before != NULL);
        memcpy(before, onus_net_params(nets[i]), (size_t)n * sizeof *before);
        const onus_status st = onus_model_import(nets[i], file, "f", &found, NULL, &err);
        fuzz_check_status(st, &err);
        FUZZ_CHECK(st == ONUS_OK ||
                   !memcmp(before, onus_net_params(nets[i]), (size_t)n * sizeof *before));
        free(before);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    onus_safetensors *s = NULL;
    onus_net *net = NULL;
    onus_err err = {.msg = ""};
    onus_status st = onus_safetensors_parse(&s, data, size, "m.safetensors", NULL, &err);
    fuzz_check_status(st, &err);
    if (st != ONUS_OK) return 0;
    float sum = 0;
    for (int64_t i = 0; i < onus_safetensors_count(s); i++) {
        const onus_tensor_view *t = onus_safetensors_at(s, i);
        FUZZ_CHECK(onus_safetensors_find(s, t->name) == t);
        float *x = onus_tensor_is_float(t) ? tensor_numbers(s, t) : NULL;
        for (int64_t k = 0; x && k < onus_shape_numel(&t->shape); k++) sum += x[k];
        free(x);
    }
    (void)*(volatile float *)&sum; /* every byte was looked at */
    (void)onus_safetensors_meta(s, "onus.encoder");
    st = onus_model_read(&net, s, NULL, &err);
    fuzz_check_status(st, &err);
    if (st == ONUS_OK) write_again(net);
    import_each(s);
    onus_net_destroy(net);
    onus_safetensors_close(s);
    return 0;
}
