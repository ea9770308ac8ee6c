/* SPDX-License-Identifier: Apache-2.0
 * crypto.c - libcrypto's bulk and libsodium's rest behind our names.
 *
 * SHA-256 and ChaCha20 are OpenSSL's, which uses the processor's own instructions: three to
 * five times as fast as libsodium's, and the standards leave them no bit of choice.
 *
 * SHA-256 goes through the low-level functions, which OpenSSL 3 deprecates (they see one
 * implementation, not a provider's) and keeps: they need no memory and no lookup, so a hash
 * cannot fail. An EVP context can, and a caller that forgot to look would sign a wrong hash;
 * and for the 350 bytes of a ledger's line it costs as much again as the hash.
 *
 * ChaCha20 has no such functions. Its context is opened before any key is given to it, and that
 * is where memory can end. */
#include "base/crypto.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

#include "base/hash.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(onus_sha256), "room for libcrypto's state");

/* No file of the machine may choose what computes here (openssl.cnf names providers), and
 * nothing is run after main. libcrypto makes its context when it is first used, and where
 * memory ended there, uses it all the same and crashes: only the function that names it tells.
 */
bool onus_crypto_start(void)
{
    const uint64_t options = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT;
    return sodium_init() >= 0 && OPENSSL_init_crypto(options, NULL) == 1 &&
           OSSL_LIB_CTX_get0_global_default() != NULL;
}

/* ---- SHA-256 ----------------------------------------------------------------------------- */

void onus_sha256_init(onus_sha256 *h)
{
    SHA256_Init((SHA256_CTX *)(void *)h);
}

void onus_sha256_add(onus_sha256 *h, const void *data, size_t len)
{
    if (len > 0) SHA256_Update((SHA256_CTX *)(void *)h, data, len);
}

void onus_sha256_end(onus_sha256 *h, uint8_t out[32])
{
    SHA256_Final(out, (SHA256_CTX *)(void *)h);
}

void onus_sha256_of(const void *data, size_t len, uint8_t out[32])
{
    onus_sha256 h;
    onus_sha256_init(&h);
    onus_sha256_add(&h, data, len);
    onus_sha256_end(&h, out);
}

/* ---- ChaCha20 ---------------------------------------------------------------------------- */

/* onus_chacha20 is EVP_CIPHER_CTX, whose name stays in this file. */
onus_chacha20 *onus_chacha20_open(void)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (c && EVP_EncryptInit_ex(c, EVP_chacha20(), NULL, NULL, NULL) != 1) {
        EVP_CIPHER_CTX_free(c);
        c = NULL;
    }
    return (onus_chacha20 *)(void *)c;
}

bool onus_chacha20_stream(onus_chacha20 *c, const uint8_t key[32], const uint8_t nonce[12],
                          void *out, size_t len)
{
    EVP_CIPHER_CTX *ctx = (EVP_CIPHER_CTX *)(void *)c;
    uint8_t iv[16] = {0}; /* OpenSSL's: the counter, little-endian, then the nonce */
    int n = 0;
    memcpy(iv + 4, nonce, 12);
    memset(out, 0, len);
    if (len > 1 << 30 || EVP_EncryptInit_ex(ctx, NULL, NULL, key, iv) != 1) return false;
    if (EVP_EncryptUpdate(ctx, out, &n, out, (int)len) == 1 && n == (int)len) return true;
    memset(out, 0, len);
    return false;
}

void onus_chacha20_close(onus_chacha20 *c)
{
    EVP_CIPHER_CTX_free((EVP_CIPHER_CTX *)(void *)c);
}

/* ---- the rest ---------------------------------------------------------------------------- */

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
