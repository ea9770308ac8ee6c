/* SPDX-License-Identifier: Apache-2.0
 * noise.c - the sealed stream: ChaCha20 with a nonce of 96 bits for every block of draws, so
 * that blocks can be made by any thread in any order. Nonce, little-endian: purpose * 2^24 +
 * tensor, step, block. A block is at most 16 KiB: the cipher's own counter never wraps. What is
 * proven of the draws stands in docs/PRIVACY.md, how normals are made in noise_template.h. */
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

enum {
    WORDS = 2048,                  /* 64-bit words a block, of noise and of samples */
    GROUP = 16,                    /* elements that 32 words make noise for: 8 pairs */
    ELEMENTS = WORDS / 32 * GROUP, /* elements a block */
};

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
    onus_noise_law law;
    double *sum;
    int64_t n;
    atomic_bool failed;
} noise_job;

/* Whole multiples of the grid on both sides, and a result below 2^53 of them: exact. */
static void add_exactly(const double *restrict z, double *restrict sum, int64_t n, double limit)
{
    bool inside = true;
    for (int64_t i = 0; i < n; i++) {
        sum[i] += z[i];
        inside &= fabs(sum[i]) < limit;
    }
    assert(inside);
}

static void add_part(void *ctx, int part, int n_parts)
{
    noise_job *j = ctx;
    int64_t begin, end;
    uint64_t u[WORDS];
    double z[ELEMENTS];
    onus_split(j->n, ELEMENTS, part, n_parts, &begin, &end);
    if (begin >= end) return;
    onus_chacha20 *cipher = onus_chacha20_open();
    if (!cipher) atomic_store(&j->failed, true);
    for (int64_t i = begin; cipher && i < end; i += ELEMENTS) {
        const int64_t n = end - i < ELEMENTS ? end - i : ELEMENTS;
        const int64_t groups = (n + GROUP - 1) / GROUP;
        if (!draw(cipher, j->key, ONUS_NOISE_GRADIENT, j->tensor, j->step,
                  (uint32_t)(i / ELEMENTS), u, 32 * groups)) {
            atomic_store(&j->failed, true);
            break;
        }
        j->ex->k->noise(&j->law, u, groups, z);
        add_exactly(z, j->sum + i, n, 0x1p53 * j->law.grid);
    }
    onus_chacha20_close(cipher);
    onus_wipe(u, sizeof u);
    onus_wipe(z, sizeof z);
}

static bool is_power_of_two(double g)
{
    uint64_t bits;
    memcpy(&bits, &g, sizeof bits);
    return g >= 0x1p-1000 && g <= 0x1p900 && (bits & UINT64_C(0xfffffffffffff)) == 0;
}

onus_status onus_noise_grid(const onus_exec *ex, const onus_noise_key *key, uint32_t step,
                            uint32_t tensor, double std, double grid, int dither_bits,
                            double *sum, int64_t n, onus_err *err)
{
    assert(is_power_of_two(grid) && std > 0 && std <= 0x1p46 * grid);
    assert(dither_bits >= 0 && dither_bits <= ONUS_NOISE_DITHER_MAX);
    noise_job j = {.ex = ex,
                   .key = key,
                   .step = step,
                   .tensor = tensor,
                   .law = {.std = std, .grid = grid, .dither = dither_bits},
                   .sum = sum,
                   .n = n};
    if (n <= ELEMENTS)
        add_part(&j, 0, 1);
    else
        onus_pool_run(ex->pool, add_part, &j);
    return atomic_load(&j.failed) ? onus_fail_mem(err, "noise") : ONUS_OK;
}

/* ---- what is known of the noise ---------------------------------------------------------- */

int64_t onus_noise_pairs(int64_t n)
{
    return (n + GROUP - 1) / GROUP * (GROUP / 2);
}

int onus_noise_dither_bits(double std, double grid)
{
    int bits = ONUS_NOISE_DITHER_MAX;
    while (bits > 0 && (double)(1 << bits) * grid > 0x1p-8 * std) bits--;
    return bits;
}

/* In units of the deviation: a cell of the dithered law is an interval of width w, what a
 * computed normal in it says of the ideal one is an interval that is e longer or shorter at
 * both ends, and no end lies beyond z = R + w + 4 e, R = sqrt(-2 log 2^-100): from R on nothing
 * differs. The normal's density is logarithmically concave: an interval of length L holds at
 * least L times the logarithmic mean of the densities at its ends, which is their arithmetic
 * mean over y coth y, y half of the difference of their logarithms; y <= x = L z / 2. So the
 * logarithm of what it holds changes by at most (2 / L) x coth x for 1 at both ends; x coth x
 * <= 1 + min(x^2 / 3, x). Twice that: a pair has two. */
double onus_noise_cell_log_ratio(double std, double grid, int bits)
{
    const double e = ONUS_NOISE_ERR, w = (double)(1 << bits) * grid / std;
    const double shortest = w - 2 * e, x = (w + 2 * e) * (11.7742 + w + 4 * e) / 2;
    if (!(shortest > 0 && w <= 0x1p100)) return INFINITY;
    const double bend = x < 3 ? x * x / 3 : x;
    return 2 * e * (2 / shortest) * (1 + bend) * (1 + 0x1p-40); /* and its own roundings */
}

/* ---- samples ----------------------------------------------------------------------------- */

/* Words of the second stream, handed out one by one. */
typedef struct {
    onus_chacha20 *cipher;
    const onus_noise_key *key;
    uint32_t step, block;
    int64_t at; /* of u; WORDS: none is left */
    uint64_t u[WORDS];
} word_stream;

static bool next_word(word_stream *w, uint64_t *out)
{
    if (w->at == WORDS) {
        if (!draw(w->cipher, w->key, ONUS_NOISE_SAMPLE, 1, w->step, w->block++, w->u, WORDS))
            return false;
        w->at = 0;
    }
    *out = w->u[w->at++];
    return true;
}

/* Two coins: a byte for every row says whether it is a candidate, with probability coarse / 256
 * >= q; a word for every candidate whether it stays, with q / that, rounded down. Exact, no
 * logarithm, and a byte of the stream a row where q is small. */
typedef struct {
    int coarse;
    uint64_t below;
} coins;

static coins coins_of(double q)
{
    const int coarse = q >= 1 ? 256 : (int)(q * 256) + 1; /* q 256 is exact */
    const double rest = q * 256 / coarse * (1 - 0x1p-51);
    return (coins){coarse, (uint64_t)(rest * 0x1p64)};
}

/* Is one of the 8 bytes below k? Where k is above 128, perhaps. (x - k borrows from a byte's
 * top bit where the byte is less and that bit was not set: Mycroft 1987.) */
static bool any_below(uint64_t x, int k)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    return k > 128 || ((x - ones * (uint64_t)k) & ~x & tops);
}

int64_t onus_noise_sample(const onus_exec *ex, const onus_noise_key *key, uint32_t step,
                          double q, int64_t n, int64_t *out, int64_t max)
{
    enum { BYTES = 4096 };
    int64_t taken = 0, row[BYTES];
    uint64_t u[BYTES / 8], word;
    (void)ex; /* one thread: 1 million rows are 1 MB of the stream */
    if (!(q > 0)) return 0;
    assert(q <= 1);
    if (q >= 1) {
        for (; taken < n && taken < max; taken++) out[taken] = taken;
        return taken;
    }
    const coins c = coins_of(q);
    word_stream second = {
        .cipher = onus_chacha20_open(), .key = key, .step = step, .at = WORDS};
    for (int64_t i = 0; taken >= 0 && i < n; i += BYTES) {
        const int64_t here = n - i < BYTES ? n - i : BYTES;
        int64_t k = 0;
        bool good = second.cipher && draw(second.cipher, key, ONUS_NOISE_SAMPLE, 0, step,
                                          (uint32_t)(i / BYTES), u, (here + 7) / 8);
        for (int64_t b = 0; good && b < here; b += 8) {
            if (!any_below(u[b / 8], c.coarse)) continue;
            for (int64_t e = b; e < b + 8 && e < here; e++) { /* k <= e: no branch */
                row[k] = i + e;
                k += (int)(u[b / 8] >> (8 * (e - b)) & 255) < c.coarse;
            }
        }
        for (int64_t b = 0; good && b < k; b++) {
            if (!(good = next_word(&second, &word))) break;
            if (word < c.below && taken < max) out[taken++] = row[b];
        }
        if (!good) taken = -1;
    }
    onus_chacha20_close(second.cipher);
    onus_wipe(&second, sizeof second);
    onus_wipe(u, sizeof u);
    onus_wipe(row, sizeof row);
    return taken;
}

/* n KL(m / n || q) for m > n q, as logarithms of what differs from 1: near n q, where two large
 * terms would cancel, these are small. Where few rows are left out, that quotient itself is
 * what is known well. */
static double divergence(double m, double n, double q)
{
    const double more = m - n * q, rest = n - m, left = n * (1 - q);
    double sum = m * onus_log1p_64(more / (n * q));
    if (rest > 0)
        sum += rest * (2 * rest < left ? onus_log64(rest / left) : onus_log1p_64(-more / left));
    return sum;
}

/* Chernoff 1952 (Hoeffding 1963, theorem 1): P(sample >= m) <= exp(-n KL(m / n || q)). For n <=
 * 2^36 the sum above is wrong by less than 2^-13; 2^-10 more, absolute and relative, is asked
 * for. */
int64_t onus_noise_sample_most(double q, int64_t n, double log2_tail)
{
    assert(n <= INT64_C(1) << 36 && log2_tail < 0);
    if (!(q > 0) || n <= 0) return 0;
    if (q >= 1) return n;
    const double nats = -log2_tail * 0x1.62e42fefa39efp-1 * (1 + 0x1p-10) + 0x1p-10;
    int64_t low = (int64_t)((double)n * q), most = n; /* no sample is larger than n */
    while (most - low > 1) {
        const int64_t m = low + (most - low) / 2;
        if (divergence((double)m, (double)n, q) >= nats)
            most = m;
        else
            low = m;
    }
    return most;
}
