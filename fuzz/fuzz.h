/* SPDX-License-Identifier: Apache-2.0
 * fuzz.h - what the fuzz targets share: a check that stays on, memory as a file. */
#ifndef ONUS_FUZZ_H
#define ONUS_FUZZ_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "onus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(x)                                                       \
    do {                                                                    \
        if (!(x)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #x); \
            abort();                                                        \
        }                                                                   \
    } while (0)

/* A failure is one line with a code that fits; success says nothing. */
static inline void fuzz_check_status(onus_status st, const onus_err *err)
{
    FUZZ_CHECK(st == ONUS_OK || (err->code == st && err->msg[0]));
    for (const char *c = err->msg; *c; c++) FUZZ_CHECK((unsigned char)*c >= 0x20);
}

/* A file without a disk; close the descriptor to lose it. */
static inline int fuzz_file(const void *data, size_t size, char path[64])
{
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}
#endif
