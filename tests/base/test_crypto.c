/* SPDX-License-Identifier: Apache-2.0
 * Goal: hashes and cipher are the standards', whatever library computes them, and memory that
 * ends gives no cipher, never another stream. Method: vectors of RFC 8439; libsodium's
 * functions for random lengths and pieces; OpenSSL's allocator made to fail at every place; a
 * configuration file that would take the implementations away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/crypto.h>
#include <sodium.h>

#include "base/crypto.h"
#include "base/hash.h"

static long calls, fail_at;

static bool fails(void)
{
    calls++;
    return fail_at > 0 && calls == fail_at;
}

static void *failing_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return fails() ? NULL : malloc(n);
}

static void *failing_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return fails() ? NULL : realloc(p, n);
}

static void plain_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

static void chacha20_of_rfc_8439(void **state)
{
    (void)state;
    static const struct {
        bool counting; /* key 00 01 .. 1f, or zeros */
        uint8_t nonce[12];
        size_t block;
        const char *hex;
    } rows[] = {
        /* A.1, test vector 1; 2.3.2, which is block 1 of its stream */
        {false,
         {0},
         0,
         "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
         "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"},
        {true,
         {0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0},
         1,
         "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
         "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"},
    };
    onus_chacha20 *c = onus_chacha20_open();
    assert_non_null(c);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t key[32] = {0}, out[128];
        char hex[129];
        for (int k = 0; rows[i].counting && k < 32; k++) key[k] = (uint8_t)k;
        assert_true(onus_chacha20_stream(c, key, rows[i].nonce, out, sizeof out));
        onus_hex(out + 64 * rows[i].block, 64, hex);
        assert_string_equal(hex, rows[i].hex);
    }
    onus_chacha20_close(c);
    onus_chacha20_close(NULL);
}

/* One context for many keys and lengths: nothing of an earlier stream stays in it. */
static void both_libraries_agree(void **state)
{
    (void)state;
    enum { N = 20000 };
    static uint8_t mine[N + 1], theirs[N], data[N];
    uint8_t key[32], nonce[12], a[32], b[32];
    onus_chacha20 *c = onus_chacha20_open();
    assert_non_null(c);
    randombytes_buf(data, N);
    for (size_t n = 0; n <= N; n += n < 300 ? 1 : n / 3) {
        if (n > N) n = N;
        randombytes_buf(key, sizeof key);
        randombytes_buf(nonce, sizeof nonce);
        memset(mine, 0x5a, sizeof mine);
        assert_true(onus_chacha20_stream(c, key, nonce, mine, n));
        crypto_stream_chacha20_ietf(theirs, n, nonce, key);
        assert_memory_equal(mine, theirs, n);
        assert_int_equal(mine[n], 0x5a);

        onus_sha256 h;
        onus_sha256_init(&h);
        for (size_t at = 0; at < n;) {
            const size_t most = n - at, piece = 1 + randombytes_uniform((uint32_t)most);
            onus_sha256_add(&h, data + at, piece);
            at += piece;
        }
        onus_sha256_end(&h, a);
        crypto_hash_sha256(b, data, n);
        assert_memory_equal(a, b, 32);
        onus_sha256_of(n ? data : NULL, n, a);
        assert_memory_equal(a, b, 32);
    }
    onus_chacha20_close(c);
}

/* Each allocation of opening a cipher and drawing from it fails once: no cipher, or the right
 * stream. Hashes need no memory at all. */
static void memory_ends(void **state)
{
    (void)state;
    const uint8_t key[32] = {7}, nonce[12] = {1};
    uint8_t want[500], got[500], sha[32];
    long refused = 0;
    crypto_stream_chacha20_ietf(want, sizeof want, nonce, key);
    calls = fail_at = 0;
    onus_sha256_of(want, sizeof want, sha);
    assert_int_equal(calls, 0);
    for (long at = 1;; at++) {
        calls = 0;
        fail_at = at;
        onus_chacha20 *c = onus_chacha20_open();
        const bool made = c && onus_chacha20_stream(c, key, nonce, got, sizeof got);
        const bool felt = calls >= at;
        fail_at = 0;
        if (made) assert_memory_equal(got, want, sizeof got);
        refused += !made;
        assert_true(made || felt);
        onus_chacha20_close(c);
        if (!felt) break;
    }
    assert_true(refused >= 2); /* the context and what the implementation keeps */
}

int main(void)
{
    /* A file that would leave no implementation to fetch, were it read. */
    char path[] = "/tmp/onus-openssl-XXXXXX";
    const char text[] = "openssl_conf = a\n[a]\nalg_section = b\n[b]\n"
                        "default_properties = provider=nobody\n";
    const int fd = mkstemp(path);
    if (fd < 0 || write(fd, text, sizeof text - 1) != (ssize_t)sizeof text - 1) return 1;
    close(fd);
    setenv("OPENSSL_CONF", path, 1);
    if (!CRYPTO_set_mem_functions(failing_malloc, failing_realloc, plain_free)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chacha20_of_rfc_8439),
        cmocka_unit_test(both_libraries_agree),
        cmocka_unit_test(memory_ends),
    };
    const int failed = onus_crypto_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
    unlink(path);
    return failed;
}
