/* SPDX-License-Identifier: Apache-2.0
 * IDX files, plain or gzip. */
#include "base/file.h"
#include "data/idx.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    uint8_t sha[32];
    onus_err err = {.msg = ""};
    onus_buf bytes;
    onus_buf_init(&bytes, NULL, 16 << 20);
    const int fd = fuzz_file(data, size, path);
    onus_status st = onus_file_read_gzip(path, &bytes, sha, &err);
    fuzz_check_status(st, &err);
    if (st == ONUS_OK) {
        int64_t n, one;
        const uint8_t *items;
        st = onus_idx_parse(bytes.data, bytes.len, "t.idx", &n, &one, &items, &err);
        fuzz_check_status(st, &err);
        if (st == ONUS_OK) {
            FUZZ_CHECK(n > 0 && one > 0 && items > (const uint8_t *)bytes.data);
            FUZZ_CHECK(items + n * one == (const uint8_t *)bytes.data + bytes.len);
        }
    }
    onus_buf_release(&bytes);
    close(fd);
    return 0;
}
