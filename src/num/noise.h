/* SPDX-License-Identifier: Apache-2.0
 * noise.h - randomness that protects people (contract, item 9): ChaCha20 (RFC 8439)
 * under a 256-bit key from the system's generator, never from the recipe's seed.
 * The nonce is (purpose, step, part): every draw of a run has a place of its own, so that a
 * replay with the key finds the same bits under any number of threads. */
#ifndef ONUS_NUM_NOISE_H
#define ONUS_NUM_NOISE_H
#include "num/exec.h"

typedef enum { ONUS_NOISE_GRADIENT = 1, ONUS_NOISE_SAMPLE = 2 } onus_noise_purpose;
typedef struct {
    uint8_t key[32];
} onus_noise_key;

void onus_noise_key_new(onus_noise_key *out);
/* SHA-256("onus noise key 1\n" || key): enters the ledger before the first step. */
void onus_noise_key_commit(const onus_noise_key *key, uint8_t out[32]);
/* A seed for Philox that nobody without the key knows: the first 8 bytes, little-endian, of
 * SHA-256("onus noise seed 1\n" || key). For draws that belong to places in a sealed sample
 * (dropout): under a public seed they would tell how places shift when a row leaves. */
uint64_t onus_noise_seed(const onus_noise_key *key);
/* A key for hashes of what only those with the noise key may test a guess of:
 * SHA-256("onus noise hashes 1\n" || key). */
void onus_noise_hash_key(const onus_noise_key *key, uint8_t out[32]);
/* out[n] += N(0, std^2): normals in binary64 from 53-bit uniforms, rounded once, added in
 * binary32 (out = out + z). Shared out over the pool in blocks with nonces of their own.
 * tensor: the parameter's number, part of the nonce. ONUS_NO_MEM where there is no cipher: out
 * then holds noise in part, and the step must not go on. */
onus_status onus_noise_add(const onus_exec *ex, const onus_noise_key *key, uint32_t step,
                           uint32_t tensor, double std, float *out, int64_t n,
                           onus_err *err) ONUS_CHECKED;
/* Poisson sample: every i in [0, n) with probability q <= 1 (none where q is not above 0),
 * independently, by geometric gaps;
 * ascending, at most max. Returns how many were drawn (may exceed max: then the caller must
 * treat the step as failed; choose max = n), -1 where there is no cipher (memory ended). */
int64_t onus_noise_sample(const onus_exec *ex, const onus_noise_key *key, uint32_t step,
                          double q, int64_t n, int64_t *out, int64_t max);
#endif
