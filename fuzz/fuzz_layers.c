/* SPDX-License-Identifier: Apache-2.0
 * What a model file says of its net: the text of "onus.model" alone, in a file of one tensor
 * that allows for 4,096 numbers, so that hostile lists of layers are met without the bytes
 * around them. */
#include "fuzz.h"
#include "../tests/tensors.h"

enum { NUMBERS = 1 << 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const float zeros[NUMBERS];
    char *text = malloc(size + 1);
    onus_buf out;
    onus_safetensors *file = NULL;
    onus_net *net = NULL;
    onus_err err = {.msg = ""};
    FUZZ_CHECK(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    const onus_meta meta = {"onus.model", text};
    const onus_tensor_view one = {
        .name = "head.bias", .shape = {.n = 1, .d = {NUMBERS}}, .data = zeros, .dtype = "F32"};
    onus_buf_init(&out, NULL, SIZE_MAX / 2);
    if (tensors_to(&out, &one, 1, &meta, 1, NULL) == ONUS_OK &&
        onus_safetensors_parse(&file, out.data, out.len, "m.safetensors", NULL, NULL) ==
            ONUS_OK) {
        const onus_status st = onus_model_read(&net, file, NULL, &err);
        fuzz_check_status(st, &err);
    }
    onus_net_destroy(net);
    onus_safetensors_close(file);
    onus_buf_release(&out);
    free(text);
    return 0;
}
