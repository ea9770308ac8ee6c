/* SPDX-License-Identifier: Apache-2.0
 * hash.h - SHA-256 (FIPS 180-4), hexadecimal, random bytes; in crypto.c. */
#ifndef ONUS_BASE_HASH_H
#define ONUS_BASE_HASH_H
#include "onus.h"
#define ONUS_HEX_LEN 65 /* 64 digits and NUL */
typedef struct {
    _Alignas(16) unsigned char opaque[128];
} onus_sha256; /* >= sizeof(SHA256_CTX) */
void onus_sha256_init(onus_sha256 *h);
void onus_sha256_add(onus_sha256 *h, const void *data, size_t len);
void onus_sha256_end(onus_sha256 *h, uint8_t out[32]);
void onus_sha256_of(const void *data, size_t len, uint8_t out[32]);
/* HMAC-SHA-256 (RFC 2104). */
void onus_hmac_sha256(const uint8_t key[32], const void *data, size_t len, uint8_t out[32]);
/* SipHash-2-4, for tables of hashes: no text makes it collide for who does not know the key. */
uint64_t onus_hash64(const uint8_t key[16], const void *data, size_t len);
void onus_hex(const uint8_t *bytes, size_t n, char *out);  /* writes 2n digits and NUL */
bool onus_unhex(const char *text, uint8_t *out, size_t n); /* exactly 2n lower-case digits */
onus_status onus_file_sha256(const char *path, uint8_t out[32], onus_err *err) ONUS_CHECKED;
/* 32 * n bytes etc. from the system's generator (libsodium). */
void onus_random_bytes(void *out, size_t n);
void onus_wipe(void *p, size_t n);
/* Once per process before any of the above and crypto.h; false when libsodium or libcrypto
 * cannot start. Thread-safe, idempotent. libcrypto's configuration file is not read. */
bool onus_crypto_start(void);
#endif
