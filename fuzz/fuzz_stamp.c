/* SPDX-License-Identifier: Apache-2.0
 * Time-stamp replies and tokens. No input may pass with a time that the authority did not give:
 * what leads to the known root is the token of fuzz/corpus/stamp, of one text and one moment.
 */
#include "base/hash.h"
#include "fuzz.h"
#include "proof/stamp.h"

static const char root[] = "-----BEGIN CERTIFICATE-----\n"
                           "MIIBXjCCAQSgAwIBAgIUV5NmHdcqlQ3QbTM1sgoZfxbDFSAwCgYIKoZIzj0EAwIw\n"
                           "FDESMBAGA1UEAwwJZnV6eiByb290MCAXDTI2MTEzMDE0MTEzNloYDzIxMDkwMTE5\n"
                           "MTQxMTM2WjAUMRIwEAYDVQQDDAlmdXp6IHJvb3QwWTATBgcqhkjOPQIBBggqhkjO\n"
                           "PQMBBwNCAASjqAXRBmkzWLvs/7Ylt/TErqW16EPBaLZKGWW3lK8xe/cHMh9iT5DI\n"
                           "7MkuK6kPdNu0ICYcbggNaiMEpGlQgL33ozIwMDAPBgNVHRMBAf8EBTADAQH/MB0G\n"
                           "A1UdDgQWBBQYqmXJBY18X4wm5UMjoVCMVE4dnzAKBggqhkjOPQQDAgNIADBFAiAS\n"
                           "Tzbi7qPs2RTYiNH6u46xWs3wF3vNlxyzagWxIOxxtgIhALRIEV1OXWj8jHI8CoJu\n"
                           "TlYdPxN1oLoWL8gskmGEvAs2\n"
                           "-----END CERTIFICATE-----\n";
static const char text[] =
    "onus/german-credit\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t imprint[32];
    size_t at = 0, n = 0;
    onus_stamp_said said;
    onus_err err = {.msg = ""};
    if (!onus_crypto_start()) return 0;
    onus_sha256_of(text, sizeof text - 1, imprint);
    onus_status st = onus_stamp_find(data, size, "s", &at, &n, &err);
    fuzz_check_status(st, &err);
    if (st != ONUS_OK) return 0;
    FUZZ_CHECK(at <= size && n == size - at);
    for (int known = 0; known < 2; known++) {
        st = onus_stamp_check(&said, data + at, n, "s", imprint, NULL, known ? root : NULL,
                              known ? sizeof root - 1 : 0, &err);
        fuzz_check_status(st, &err);
        if (st == ONUS_OK && known)
            FUZZ_CHECK(said.known && strcmp(said.time, "2026-11-30T14:11:36Z") == 0);
    }
    return 0;
}
