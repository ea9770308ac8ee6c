/* SPDX-License-Identifier: Apache-2.0
 * crypto.h - ChaCha20 (RFC 8439, 2.4) in bulk. Hashes, random bytes and the start of both
 * libraries are in hash.h. */
#ifndef ONUS_BASE_CRYPTO_H
#define ONUS_BASE_CRYPTO_H
#include "onus.h"
/* One thread's cipher. It cannot be had when memory ends: NULL. */
typedef struct onus_chacha20 onus_chacha20;
onus_chacha20 *onus_chacha20_open(void);
/* The first len bytes (at most 1 GiB) of the stream of key and nonce, from block 0; false where
 * the library fails, and out then holds zeros. */
bool onus_chacha20_stream(onus_chacha20 *c, const uint8_t key[32], const uint8_t nonce[12],
                          void *out, size_t len) ONUS_CHECKED;
void onus_chacha20_close(onus_chacha20 *c); /* wipes the key; NULL is fine */
#endif
