/* SPDX-License-Identifier: Apache-2.0
 * hash.c - libsodium behind our names. */
#include "base/hash.h"

#include <sodium.h>
#include <string.h>

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(onus_sha256),
               "room for libsodium's state");

bool onus_crypto_start(void)
{
    return sodium_init() >= 0;
}

void onus_sha256_init(onus_sha256 *h)
{
    crypto_hash_sha256_init((crypto_hash_sha256_state *)(void *)h);
}

void onus_sha256_add(onus_sha256 *h, const void *data, size_t len)
{
    crypto_hash_sha256_update((crypto_hash_sha256_state *)(void *)h, data, len);
}

void onus_sha256_end(onus_sha256 *h, uint8_t out[32])
{
    crypto_hash_sha256_final((crypto_hash_sha256_state *)(void *)h, out);
}

void onus_sha256_of(const void *data, size_t len, uint8_t out[32])
{
    crypto_hash_sha256(out, data, len);
}

uint64_t onus_hash64(const uint8_t key[16], const void *data, size_t len)
{
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, data, len, key);
    return hash;
}

void onus_hmac_sha256(const uint8_t key[32], const void *data, size_t len, uint8_t out[32])
{
    crypto_auth_hmacsha256(out, data, len, key);
}

void onus_hex(const uint8_t *bytes, size_t n, char *out)
{
    sodium_bin2hex(out, 2 * n + 1, bytes, n);
}

bool onus_unhex(const char *text, uint8_t *out, size_t n)
{
    if (strlen(text) != 2 * n) return false;
    for (size_t i = 0; i < 2 * n; i++) {
        const char c = text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
        const uint8_t v = (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        out[i / 2] = i % 2 ? (uint8_t)(out[i / 2] | v) : (uint8_t)(v << 4);
    }
    return true;
}

void onus_random_bytes(void *out, size_t n)
{
    randombytes_buf(out, n);
}

void onus_wipe(void *p, size_t n)
{
    sodium_memzero(p, n);
}
