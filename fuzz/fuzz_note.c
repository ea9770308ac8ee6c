/* SPDX-License-Identifier: Apache-2.0
 * Signed notes and keys. No input may pass that was not signed: a note that verifies has the
 * text of the one that the key's owner signed. */
#include "base/hash.h"
#include "fuzz.h"
#include "proof/note.h"

static const char key_text[] =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char signed_text[] =
    "onus/german-credit\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    onus_key key, other;
    onus_note note;
    onus_err err = {.msg = ""};
    if (!onus_crypto_start()) return 0;
    FUZZ_CHECK(onus_key_public_parse(&key, key_text, "key", NULL) == ONUS_OK);
    onus_status st = onus_note_verify(&note, (const char *)data, size, "n.note", &key, &err);
    fuzz_check_status(st, &err);
    if (st == ONUS_OK)
        FUZZ_CHECK(size > sizeof signed_text &&
                   memcmp(data, signed_text, sizeof signed_text - 1) == 0);

    char path[64], text[256];
    const int fd = fuzz_file(data, size, path);
    st = onus_key_load(&other, path, &err);
    fuzz_check_status(st, &err);
    if (st == ONUS_OK) {
        onus_key_public_text(&other, text);
        FUZZ_CHECK(onus_key_public_parse(&key, text, "key", NULL) == ONUS_OK);
        FUZZ_CHECK(memcmp(key.pub, other.pub, sizeof key.pub) == 0);
    }
    close(fd);
    return 0;
}
