/* SPDX-License-Identifier: Apache-2.0
 * noise.c - the sealed stream: ChaCha20 with a nonce of 96 bits for every block of draws, so
 * that blocks can be made by any thread in any order. Nonce, little-endian: purpose * 2^24 +
 * tensor, step, block. A block is at most 16 KiB: the cipher's own counter never wraps. */
#include "num/noise.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/crypto.h"
#include "base/fail.h"
#include "base/hash.h"
#include "num/kernels.h"
#include "num/vec.h"

enum { PAIRS = 1024 }; /* pairs of normals a block */

void onus_noise_key_new(onus_noise_key *out)
{
    onus_random_bytes(out->key, sizeof out->key);
}

static void hash_key(const char *domain, const onus_noise_key *key, uint8_t out[32])
{
    onus_sha256 h;
    onus_sha256_init(&h);
    onus_sha256_add(&h, domain, strlen(domain));
    onus_sha256_add(&h, key->key, sizeof key->key);
    onus_sha256_end(&h, out);
    onus_wipe(&h, sizeof h);
}

void onus_noise_key_commit(const onus_noise_key *key, uint8_t out[32])
{
    hash_key("onus noise key 1\n", key, out);
}

uint64_t onus_noise_seed(const onus_noise_key *key)
{
    uint8_t hash[32];
    uint64_t seed = 0;
    hash_key("onus noise seed 1\n", key, hash);
    for (int i = 0; i < 8; i++) seed |= (uint64_t)hash[i] << (8 * i);
    onus_wipe(hash, sizeof hash);
    return seed;
}

void onus_noise_hash_key(const onus_noise_key *key, uint8_t out[32])
{
    hash_key("onus noise hashes 1\n", key, out);
}

static void put32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(v >> (8 * i));
}

/* n words of a block of draws. Words are read little-endian. */
static bool draw(onus_chacha20 *cipher, const onus_noise_key *key, onus_noise_purpose purpose,
                 uint32_t tensor, uint32_t step, uint32_t block, uint64_t *out, int64_t n)
{
    uint8_t nonce[12];
    put32(nonce, (uint32_t)purpose << 24 | (tensor & 0xffffff));
    put32(nonce + 4, step);
    put32(nonce + 8, block);
    return onus_chacha20_stream(cipher, key->key, nonce, out, (size_t)n * sizeof *out);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "words of the stream are little-endian; swap them here"
#endif
}

typedef struct {
    const onus_exec *ex;
    const onus_noise_key *key;
    uint32_t step, tensor;
    double std;
    float *out;
    int64_t n;
    atomic_bool failed;
} noise_job;

static void add_part(void *ctx, int part, int n_parts)
{
    noise_job *j = ctx;
    int64_t begin, end;
    uint64_t u[2 * PAIRS];
    float z[2 * PAIRS];
    onus_split(j->n, 2 * PAIRS, part, n_parts, &begin, &end);
    if (begin >= end) return;
    onus_chacha20 *cipher = onus_chacha20_open();
    if (!cipher) atomic_store(&j->failed, true);
    for (int64_t i = begin; cipher && i < end; i += 2 * PAIRS) {
        const int64_t n = end - i < 2 * PAIRS ? end - i : 2 * PAIRS, pairs = (n + 1) / 2;
        if (!draw(cipher, j->key, ONUS_NOISE_GRADIENT, j->tensor, j->step,
                  (uint32_t)(i / (2 * PAIRS)), u, 2 * pairs)) {
            atomic_store(&j->failed, true);
            break;
        }
        j->ex->k->noise(u, pairs, j->std, z);
        j->ex->k->add(j->out + i, z, j->out + i, n);
    }
    onus_chacha20_close(cipher);
    onus_wipe(u, sizeof u);
    onus_wipe(z, sizeof z);
}

onus_status onus_noise_add(const onus_exec *ex, const onus_noise_key *key, uint32_t step,
                           uint32_t tensor, double std, float *out, int64_t n, onus_err *err)
{
    noise_job j = {
        .ex = ex, .key = key, .step = step, .tensor = tensor, .std = std, .out = out, .n = n};
    if (n <= 2 * PAIRS)
        add_part(&j, 0, 1);
    else
        onus_pool_run(ex->pool, add_part, &j);
    return atomic_load(&j.failed) ? onus_fail_mem(err, "noise") : ONUS_OK;
}

/* The gap to the next row taken is geometric: floor(log u / log(1 - q)), u uniform in (0, 1] on
 * 53 bits (Devroye 1986, chapter X.2); a step costs as many draws as it takes rows, not as many
 * as there are rows. */
int64_t onus_noise_sample(const onus_exec *ex, const onus_noise_key *key, uint32_t step,
                          double q, int64_t n, int64_t *out, int64_t max)
{
    enum { WORDS = 512 };
    uint64_t u[WORDS];
    double gap[WORDS];
    int64_t taken = 0;
    if (!(q > 0)) return 0;
    assert(q <= 1);
    onus_chacha20 *cipher = onus_chacha20_open();
    const double rate = onus_log1p_64(-q); /* q = 1: -inf, every gap 0 */
    double row = -1;
    for (uint32_t block = 0;; block++) {
        if (!cipher || !draw(cipher, key, ONUS_NOISE_SAMPLE, 0, step, block, u, WORDS)) {
            taken = -1;
            goto done;
        }
        ex->k->gaps(u, rate, gap, WORDS);
        for (int k = 0; k < WORDS; k++) {
            row += gap[k] + 1;
            if (row >= (double)n) goto done;
            if (taken < max) out[taken] = (int64_t)row;
            taken++;
        }
    }
done:
    onus_chacha20_close(cipher);
    onus_wipe(u, sizeof u);
    onus_wipe(gap, sizeof gap);
    return taken;
}
