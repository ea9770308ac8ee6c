/* SPDX-License-Identifier: Apache-2.0
 * Goal: the tree is RFC 6962's. Method: the public test vectors (transparency-dev/merkle,
 * testonly/constants.go; the leaf of reference.md), then every size up to 300 against the RFC's
 * own definition, written here as it stands there: split at the largest power of two below
 * n. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proof/ledger.h"
#include "proof/merkle.h"

static void is_hex(const uint8_t hash[32], const char *hex)
{
    char text[ONUS_HEX_LEN];
    onus_hex(hash, 32, text);
    assert_string_equal(text, hex);
}

static void public_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *leaf;
        size_t len;
        const char *root; /* of all leaves up to this one */
    } rows[] = {
        {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"\x40\x41\x42\x43", 4,
         "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"\x50\x51\x52\x53\x54\x55\x56\x57", 8,
         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    onus_merkle m = {0};
    uint8_t root[32];
    onus_merkle_root(&m, root);
    is_hex(root, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        onus_merkle_add(&m, rows[i].leaf, rows[i].len);
        onus_merkle_root(&m, root);
        is_hex(root, rows[i].root);
        assert_int_equal(m.n, i + 1);
    }
    m = (onus_merkle){0};
    onus_merkle_add(&m, "L123456", 7);
    onus_merkle_root(&m, root);
    is_hex(root, "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
}

/* RFC 6962, 2.1: MTH(D[n]) = SHA-256(01 || MTH(D[0:k]) || MTH(D[k:n])), k the largest power of
 * two smaller than n; MTH({d}) = SHA-256(00 || d). Leaf i is the text of i. */
static void by_definition(int begin, int end, uint8_t out[32])
{
    uint8_t bytes[65];
    if (end - begin == 1) {
        bytes[0] = 0;
        const int n = snprintf((char *)bytes + 1, 20, "%d", begin);
        onus_sha256_of(bytes, (size_t)n + 1, out);
        return;
    }
    int k = 1;
    while (2 * k < end - begin) k *= 2;
    bytes[0] = 1;
    by_definition(begin, begin + k, bytes + 1);
    by_definition(begin + k, end, bytes + 33);
    onus_sha256_of(bytes, sizeof bytes, out);
}

static void every_size(void **state)
{
    (void)state;
    onus_merkle m = {0};
    for (int n = 1; n <= 300; n++) {
        char leaf[20];
        uint8_t root[32], want[32];
        onus_merkle_add(&m, leaf, (size_t)snprintf(leaf, sizeof leaf, "%d", n - 1));
        onus_merkle_root(&m, root);
        by_definition(0, n, want);
        assert_memory_equal(root, want, 32);
    }
}

/* transparency-dev/merkle's inclusion proofs of its eight leaves (log_proofs_test.go), there
 * counted from 1. */
static void public_paths(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } leaves[] = {{"", 0},
                  {"\x00", 1},
                  {"\x10", 1},
                  {"\x20\x21", 2},
                  {"\x30\x31", 2},
                  {"\x40\x41\x42\x43", 4},
                  {"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
                  {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16}};
    static const struct {
        uint64_t leaf, n;
        const char *path[3];
    } rows[] = {
        {1, 1, {NULL}},
        {1,
         8,
         {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
          "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
          "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
        {6,
         8,
         {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
          "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
          "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
        {3, 3, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
        {2,
         5,
         {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
          "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
          "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t hashes[8][32], path[ONUS_MERKLE_PATH_MAX][32];
        for (uint64_t k = 0; k < rows[i].n; k++)
            onus_merkle_leaf(leaves[k].bytes, leaves[k].len, hashes[k]);
        const int n = onus_merkle_path(hashes, rows[i].n, rows[i].leaf - 1, path);
        int want = 0;
        while (want < 3 && rows[i].path[want]) want++;
        assert_int_equal(n, want);
        for (int k = 0; k < n; k++) is_hex(path[k], rows[i].path[k]);
    }
}

/* Every leaf of every size up to 70: the path leads to the root by definition, from its own
 * place only, and no part of it can be changed, left out or added. */
static void every_path(void **state)
{
    (void)state;
    for (int n = 1; n <= 70; n++) {
        uint8_t hashes[70][32], path[ONUS_MERKLE_PATH_MAX][32], root[32], leaf[32];
        by_definition(0, n, root);
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < n; k++) by_definition(k, k + 1, hashes[k]);
            memcpy(leaf, hashes[i], 32);
            const int len = onus_merkle_path(hashes, (uint64_t)n, (uint64_t)i, path);
            const uint8_t(*p)[32] = (const uint8_t(*)[32])path;
            for (uint64_t at = 0; at < (uint64_t)n + 3; at++)
                assert_int_equal(onus_merkle_included(leaf, at, (uint64_t)n, p, len, root),
                                 at == (uint64_t)i);
            memcpy(path[len], root, 32);
            assert_false(
                onus_merkle_included(leaf, (uint64_t)i, (uint64_t)n, p, len + 1, root));
            if (len > 0)
                assert_false(
                    onus_merkle_included(leaf, (uint64_t)i, (uint64_t)n, p, len - 1, root));
            for (int k = 0; k < len; k++) {
                path[k][i % 32] ^= 1;
                assert_false(
                    onus_merkle_included(leaf, (uint64_t)i, (uint64_t)n, p, len, root));
                path[k][i % 32] ^= 1;
            }
            leaf[5] ^= 1;
            assert_false(onus_merkle_included(leaf, (uint64_t)i, (uint64_t)n, p, len, root));
        }
    }
}

/* A leaf is no node: the tree of one leaf whose bytes are two hashes is not the tree of
 * these. */
static void leaves_are_no_nodes(void **state)
{
    (void)state;
    uint8_t two[64], root[2][32];
    onus_merkle m = {0};
    by_definition(0, 1, two);
    by_definition(1, 2, two + 32);
    onus_merkle_add(&m, two, 64);
    onus_merkle_root(&m, root[0]);
    by_definition(0, 2, root[1]);
    assert_memory_not_equal(root[0], root[1], 32);
}

/* A ledger's lines are the leaves, without their line ends. */
static void lines_are_leaves(void **state)
{
    (void)state;
    const char text[] = "{\"claim\":{},\"n\":1,\"observed\":{},\"time\":\"2026-11-22T14:03:"
                        "11Z\",\"type\":\"a\"}\n"
                        "{\"claim\":{\"b\":1},\"n\":2,\"observed\":{},\"time\":\"2026-11-22T14:"
                        "03:12Z\",\"type\":\"b\"}\n";
    onus_log *log = NULL;
    onus_merkle m = {0};
    uint8_t root[32], want[32];
    const char *end = strchr(text, '\n');
    assert_int_equal(onus_log_parse(&log, text, sizeof text - 1, "l", NULL, NULL), ONUS_OK);
    onus_log_root(log, 0, root);
    onus_merkle_root(&m, want);
    assert_memory_equal(root, want, 32);
    onus_merkle_add(&m, text, (size_t)(end - text));
    onus_log_root(log, 1, root);
    onus_merkle_root(&m, want);
    assert_memory_equal(root, want, 32);
    onus_merkle_add(&m, end + 1, sizeof text - 3 - (size_t)(end - text));
    onus_log_root(log, 99, root); /* all */
    onus_merkle_root(&m, want);
    assert_memory_equal(root, want, 32);
    onus_log_close(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_vectors),      cmocka_unit_test(every_size),
        cmocka_unit_test(public_paths),        cmocka_unit_test(every_path),
        cmocka_unit_test(leaves_are_no_nodes), cmocka_unit_test(lines_are_leaves),
    };
    return onus_crypto_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
