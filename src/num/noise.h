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
/* A normal lies within ONUS_NOISE_ERR deviations of the ideal one that has the same bits and
 * goes on for ever, before it is rounded to the grid, but for an event of probability 2^-100 a
 * pair: proven in docs/PRIVACY.md from the formulas in noise_template.h. */
#define ONUS_NOISE_ERR      0x1p-45
#define ONUS_NOISE_BAD_LOG2 (-100)
enum { ONUS_NOISE_DITHER_MAX = 22 };

/* sum[i] += RN_g(N) + V, exactly: N normal of deviation std in binary64, RN_g the nearest whole
 * multiple of grid, V uniform on the 2^dither_bits multiples of grid from -2^(bits - 1) on
 * (where dither_bits is 0: V = 0). grid: a power of two, std <= 2^46 grid; sum: whole multiples
 * of grid, below 2^52 of them (asserted of what comes out: 2^53). Shared out over the pool in
 * blocks with nonces of their own. tensor: the parameter's number, part of the nonce.
 * ONUS_NO_MEM where there is no cipher: sum then holds noise in part, and the step must not go
 * on. */
onus_status onus_noise_grid(const onus_exec *ex, const onus_noise_key *key, uint32_t step,
                            uint32_t tensor, double std, double grid, int dither_bits,
                            double *sum, int64_t n, onus_err *err) ONUS_CHECKED;
/* How many pairs of normals the noise of n elements takes, at most. */
int64_t onus_noise_pairs(int64_t n);
/* The most bits, 0 to ONUS_NOISE_DITHER_MAX, with 2^bits grid <= std / 256. */
int onus_noise_dither_bits(double std, double grid);
/* kappa: the logarithm of what the computed noise gives a pair's two numbers together, over
 * what ideal normals, rounded and with the same V, would give them, lies between -kappa and
 * kappa, whatever the numbers are, but for the event above. An upper bound; INFINITY where std
 * is too large for such a grid and bits. */
double onus_noise_cell_log_ratio(double std, double grid, int bits);

/* Poisson sample: every i in [0, n) with one probability, independently: q for q = 1, else
 * within 2^-50 of q, relatively (2^-64 at least, or 0), and never above; ascending; the first
 * max of them (none where q is not above 0; q <= 1). Returns how many, -1 where there is no
 * cipher (memory ended). A rate below q is covered by the account at q: PRIVACY.md. */
int64_t onus_noise_sample(const onus_exec *ex, const onus_noise_key *key, uint32_t step,
                          double q, int64_t n, int64_t *out, int64_t max);
/* A size, at most n, that a sample exceeds with probability 2^log2_tail at most (log2_tail < 0,
 * n <= 2^36): the smallest for which Chernoff's bound says so, or a little more. */
int64_t onus_noise_sample_most(double q, int64_t n, double log2_tail);
#endif
