/* SPDX-License-Identifier: Apache-2.0
 * Encoders out of model files: what is read can be written, reads back as the same text, and
 * encodes a row without leaving its features. */
#include "data/dataset.h"
#include "fuzz.h"

static void encode_a_row(const onus_encoder *e)
{
    const int64_t n = onus_encoder_columns(e), features = onus_encoder_features(e);
    if (features > 100000) return;
    const char **names = calloc((size_t)n + 1, sizeof *names),
               **values = calloc((size_t)n + 1, sizeof *values);
    float *x = malloc((size_t)features * sizeof *x);
    onus_err err = {.msg = ""};
    FUZZ_CHECK(names && values && x);
    for (int64_t i = 0; i < n; i++) {
        const onus_input_column *c = onus_encoder_column(e, i);
        FUZZ_CHECK(c->first >= 0 && c->n > 0 && c->first + c->n <= features);
        names[i] = c->name;
        values[i] = c->category ? c->values[c->n - 1] : "1.5";
    }
    const onus_status st = onus_encoder_encode(e, names, values, n, x, &err);
    fuzz_check_status(st, &err);
    for (int64_t k = 0; st == ONUS_OK && k < features; k++) FUZZ_CHECK(x[k] - x[k] == 0);
    free(names);
    free(values);
    free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    onus_encoder *e = NULL, *again = NULL;
    onus_err err = {.msg = ""};
    const onus_status st = onus_encoder_read(&e, (const char *)data, size, "e", NULL, &err);
    fuzz_check_status(st, &err);
    if (st != ONUS_OK) return 0;
    onus_buf a, b;
    onus_buf_init(&a, NULL, SIZE_MAX / 2);
    onus_buf_init(&b, NULL, SIZE_MAX / 2);
    FUZZ_CHECK(onus_encoder_write(e, &a, NULL) == ONUS_OK);
    FUZZ_CHECK(onus_encoder_read(&again, a.data, a.len, "again", NULL, NULL) == ONUS_OK);
    FUZZ_CHECK(onus_encoder_write(again, &b, NULL) == ONUS_OK);
    FUZZ_CHECK(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
    encode_a_row(e);
    onus_buf_release(&a);
    onus_buf_release(&b);
    onus_encoder_destroy(e);
    onus_encoder_destroy(again);
    return 0;
}
