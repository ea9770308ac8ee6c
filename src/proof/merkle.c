/* SPDX-License-Identifier: Apache-2.0
 * merkle.c - RFC 6962, 2.1. level[k] holds the hash of a complete subtree of 2^k leaves where
 * bit k of n is set. */
#include "proof/merkle.h"

#include <string.h>

void onus_merkle_leaf(const void *leaf, size_t len, uint8_t out[32])
{
    const uint8_t prefix = 0;
    onus_sha256 h;
    onus_sha256_init(&h);
    onus_sha256_add(&h, &prefix, 1);
    onus_sha256_add(&h, leaf, len);
    onus_sha256_end(&h, out);
}

static void hash_node(const uint8_t left[32], const uint8_t right[32], uint8_t out[32])
{
    uint8_t node[65] = {1};
    memcpy(node + 1, left, 32);
    memcpy(node + 33, right, 32);
    onus_sha256_of(node, sizeof node, out);
}

void onus_merkle_add_subtree(onus_merkle *m, int level, const uint8_t root[32])
{
    uint8_t node[32];
    memcpy(node, root, 32);
    int k = level;
    for (; m->n >> k & 1; k++) hash_node(m->level[k], node, node);
    memcpy(m->level[k], node, 32);
    m->n += UINT64_C(1) << level;
}

void onus_merkle_add(onus_merkle *m, const void *leaf, size_t len)
{
    uint8_t node[32];
    onus_merkle_leaf(leaf, len, node);
    onus_merkle_add_subtree(m, 0, node);
}

void onus_merkle_root(const onus_merkle *m, uint8_t root[32])
{
    bool any = false;
    onus_sha256_of("", 0, root);
    for (int k = 0; k < 64; k++) {
        if (!(m->n >> k & 1)) continue;
        if (any)
            hash_node(m->level[k], root, root);
        else
            memcpy(root, m->level[k], 32);
        any = true;
    }
}

/* Level by level: the neighbour of i is the next hash of its path, and a last one without a
 * neighbour goes up as it is. */
int onus_merkle_path(uint8_t (*hashes)[32], uint64_t n, uint64_t i,
                     uint8_t path[ONUS_MERKLE_PATH_MAX][32])
{
    int n_path = 0;
    for (; n > 1; n = (n + 1) / 2, i /= 2) {
        if ((i ^ 1) < n) memcpy(path[n_path++], hashes[i ^ 1], 32);
        for (uint64_t k = 0; k < n / 2; k++)
            hash_node(hashes[2 * k], hashes[2 * k + 1], hashes[k]);
        if (n % 2) memmove(hashes[n / 2], hashes[n - 1], 32);
    }
    return n_path;
}

/* RFC 9162, 2.1.3.2. */
bool onus_merkle_included(const uint8_t leaf[32], uint64_t i, uint64_t n,
                          const uint8_t (*path)[32], int n_path, const uint8_t root[32])
{
    if (i >= n) return false;
    uint64_t fn = i, sn = n - 1;
    uint8_t r[32];
    memcpy(r, leaf, 32);
    for (int k = 0; k < n_path; k++) {
        if (sn == 0) return false;
        if (fn & 1 || fn == sn) {
            hash_node(path[k], r, r);
            for (; !(fn & 1) && fn; fn >>= 1) sn >>= 1;
        } else {
            hash_node(r, path[k], r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && memcmp(r, root, 32) == 0;
}
