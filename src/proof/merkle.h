/* SPDX-License-Identifier: Apache-2.0
 * merkle.h - RFC 6962 section 2.1: leaf = SHA-256(00 || line), node = SHA-256(01 || left ||
 * right); computed as leaves come, with one hash a level. */
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
#endif
