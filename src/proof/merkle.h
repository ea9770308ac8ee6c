/* SPDX-License-Identifier: Apache-2.0
 * merkle.h - RFC 6962 section 2.1: leaf = SHA-256(00 || line), node = SHA-256(01 || left ||
 * right); computed as leaves come, with one hash a level. Audit paths as 2.1.1 there, checked
 * as RFC 9162, 2.1.3.2. */
#ifndef ONUS_PROOF_MERKLE_H
#define ONUS_PROOF_MERKLE_H
#include "base/hash.h"
typedef struct {
    uint64_t n;
    uint8_t level[64][32];
} onus_merkle; /* zeroed: the empty tree */
void onus_merkle_add(onus_merkle *m, const void *leaf, size_t len);
/* The root of 2^level leaves at once; n must be a multiple of 2^level. */
void onus_merkle_add_subtree(onus_merkle *m, int level, const uint8_t root[32]);
void onus_merkle_root(const onus_merkle *m, uint8_t root[32]);
void onus_merkle_leaf(const void *leaf, size_t len, uint8_t out[32]);
/* Path of leaf i of n, from its sibling up; returns its length. hashes: those of the n leaves,
 * overwritten. i < n. */
enum { ONUS_MERKLE_PATH_MAX = 64 };
int onus_merkle_path(uint8_t (*hashes)[32], uint64_t n, uint64_t i,
                     uint8_t path[ONUS_MERKLE_PATH_MAX][32]);
/* Whether the path leads from that leaf's hash to the root of a tree of n leaves. */
bool onus_merkle_included(const uint8_t leaf[32], uint64_t i, uint64_t n,
                          const uint8_t (*path)[32], int n_path, const uint8_t root[32]);
#endif
