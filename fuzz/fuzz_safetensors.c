/* SPDX-License-Identifier: Apache-2.0
 * Model files: tensors, and the net that one says it holds. What is read can be written, and
 * reads back the same. */
#include "fuzz.h"
#include "net/model.h"

static void write_again(const onus_net *net)
{
    onus_buf out;
    onus_safetensors *file = NULL;
    onus_net *again = NULL;
    onus_buf_init(&out, NULL, SIZE_MAX / 2);
    FUZZ_CHECK(onus_model_write(&out, net, NULL, 0, NULL) == ONUS_OK);
    FUZZ_CHECK(onus_safetensors_parse(&file, out.data, out.len, "again", NULL, NULL) ==
               ONUS_OK);
    FUZZ_CHECK(onus_model_read(&again, file, NULL, NULL) == ONUS_OK);
    onus_net_destroy(again);
    onus_safetensors_close(file);
    onus_buf_release(&out);
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
        for (int64_t k = 0; k < onus_shape_numel(&t->shape); k++) sum += t->data[k];
    }
    (void)*(volatile float *)&sum; /* every byte was looked at */
    (void)onus_safetensors_meta(s, "onus.encoder");
    st = onus_model_read(&net, s, NULL, &err);
    fuzz_check_status(st, &err);
    if (st == ONUS_OK) write_again(net);
    onus_net_destroy(net);
    onus_safetensors_close(s);
    return 0;
}
