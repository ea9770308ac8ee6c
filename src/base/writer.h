/* SPDX-License-Identifier: Apache-2.0
 * writer.h - long files in pieces, so that a file of gigabytes takes the memory of two pieces,
 * and its hash beside the work of the one who makes or reads it. */
#ifndef ONUS_BASE_WRITER_H
#define ONUS_BASE_WRITER_H
#include "base/file.h"
#include "base/hash.h"

enum {
    ONUS_PIECE_BYTES = 256 << 10,                    /* stays in a core's own cache */
    ONUS_WRITER_BYTES = 2 * ONUS_PIECE_BYTES + 65536 /* most memory of a writer, its own and a
                                                        thread's */
};

/* SHA-256 on a thread of its own. The thread starts with the first bytes that are worth it;
 * where none can be had, the caller's hashes. */
typedef struct onus_hasher onus_hasher;
/* before: the hash goes on from there; NULL: it starts. */
onus_status onus_hasher_create(onus_hasher **out, const onus_sha256 *before,
                               const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
/* Hashes data behind what came before. Only the last add may still be reading: its bytes stay
 * as they are until the next call of add or end has returned. */
void onus_hasher_add(onus_hasher *h, const void *data, size_t len);
void onus_hasher_end(onus_hasher *h, uint8_t out[32]);
void onus_hasher_destroy(onus_hasher *h); /* NULL is fine */

/* A file that is written in pieces and takes path's place when it is whole; until then what
 * stands there stays. path NULL: nothing is written, the bytes are only hashed. */
typedef struct onus_writer onus_writer;
onus_status onus_writer_open(onus_writer **out, const char *path, unsigned mode,
                             const onus_allocator *mem, onus_err *err) ONUS_CHECKED;
onus_status onus_writer_add(onus_writer *w, const void *data, size_t len,
                            onus_err *err) ONUS_CHECKED;
/* The rest, to the disk; then the file is there. len: of it in bytes; sha256: of it. */
onus_status onus_writer_end(onus_writer *w, uint64_t *len, uint8_t sha256[32],
                            onus_err *err) ONUS_CHECKED;
/* Of one that did not end nothing remains. NULL is fine. */
void onus_writer_close(onus_writer *w);
#endif
