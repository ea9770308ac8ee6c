/* SPDX-License-Identifier: Apache-2.0
 * Goal: a NaN has one spelling wherever it is stored or hashed, 7fc00000 (contract, item 2);
 * x86-64 makes ffc00000 of inf - inf, AArch64 7fc00000. Method: two nets that differ only in
 * the bits of one NaN must give the same file and the same hash, and the file must hold the
 * contract's bits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/fp.h"
#include "net/model.h"
#include "tensors.h"
#include "model_spec.h"

enum { FEATURES = 1500 }; /* more than one piece of the writer */

static float float_of(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* A logistic regression with that NaN among its weights: its file, its hash. */
static void write_net(uint32_t nan_bits, onus_buf *file, uint8_t sha[32])
{
    const onus_model_spec spec = {.kind = "logistic"};
    onus_net *net = NULL;
    assert_int_equal(build_columns(&net, &spec, FEATURES, ONUS_HEAD_BINARY, 2, NULL, NULL),
                     ONUS_OK);
    float *p = onus_net_params(net);
    for (int64_t i = 0; i < onus_net_param_floats(net); i++) p[i] = (float)i;
    const float nan_value = float_of(nan_bits);
    memcpy(p + onus_net_param_floats(net) - 8, &nan_value, sizeof nan_value);
    onus_buf_init(file, NULL, 1 << 20);
    assert_int_equal(model_to(file, net, NULL, 0, NULL), ONUS_OK);
    onus_net_sha256(net, sha);
    onus_net_destroy(net);
}

static void one_nan_in_files_and_hashes(void **state)
{
    (void)state;
    static const uint32_t spellings[] = {0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff};
    onus_buf first, other;
    uint8_t sha_first[32], sha_other[32];
    write_net(spellings[0], &first, sha_first);
    const char want[4] = {0x00, 0x00, (char)0xc0, 0x7f};
    bool found = false;
    for (size_t i = first.len % 4; i + 4 <= first.len; i += 4)
        found = found || memcmp(first.data + i, want, 4) == 0;
    assert_true(found);
    for (int k = 1; k < 4; k++) {
        write_net(spellings[k], &other, sha_other);
        assert_int_equal(other.len, first.len);
        assert_memory_equal(other.data, first.data, first.len);
        assert_memory_equal(sha_other, sha_first, 32);
        onus_buf_release(&other);
    }
    onus_buf_release(&first);
}

/* Goal: numbers keep their bits: zeros of both signs, subnormals, infinities. */
static void numbers_are_kept(void **state)
{
    (void)state;
    static const uint32_t bits[] = {0,          0x80000000, 1,         0x807fffff,
                                    0x7f800000, 0xff800000, 0x3f800000};
    float in[7], out[7];
    memcpy(in, bits, sizeof in);
    onus_fp_store(in, 7, out);
    assert_memory_equal(in, out, sizeof in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_nan_in_files_and_hashes),
                                       cmocka_unit_test(numbers_are_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
