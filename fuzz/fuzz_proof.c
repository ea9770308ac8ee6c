/* SPDX-License-Identifier: Apache-2.0
 * Proofs of one line. What verifies is one of the eight leaves under the one head that the
 * key's owner signed (the public test tree of RFC 6962), at its own place. */
#include "base/hash.h"
#include "fuzz.h"
#include "proof/tlog_proof.h"

static const char key_text[] =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char *const leaves[8] = {"",
                                      "00",
                                      "10",
                                      "2021",
                                      "3031",
                                      "40414243",
                                      "5051525354555657",
                                      "606162636465666768696a6b6c6d6e6f"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    onus_key key;
    onus_note note;
    onus_tlog_proof p;
    onus_buf line;
    char hex[33];
    onus_err err = {.msg = ""};
    if (!onus_crypto_start()) return 0;
    FUZZ_CHECK(onus_key_public_parse(&key, key_text, "key", NULL) == ONUS_OK);
    onus_buf_init(&line, NULL, ONUS_TLOG_PROOF_MAX);
    onus_status st =
        onus_tlog_proof_verify(&p, &note, &line, (const char *)data, size, "p", &key, &err);
    fuzz_check_status(st, &err);
    if (st == ONUS_OK) {
        FUZZ_CHECK(p.index < 8 && note.n == 8 && line.len <= 16);
        onus_hex((const uint8_t *)line.data, line.len, hex);
        FUZZ_CHECK(strcmp(hex, leaves[p.index]) == 0);
    }
    onus_buf_release(&line);
    return 0;
}
