/* SPDX-License-Identifier: Apache-2.0
 * merkle.c - RFC 6962, 2.1. level[k] holds the hash of a complete subtree of 2^k leaves where
 * bit k of n is set. */
#include "proof/merkle.h"

#include <string.h>

static void hash_leaf(const void *leaf, size_t len, uint8_t out[32])
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
    hash_leaf(leaf, len, node);
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
