/* SPDX-License-Identifier: Apache-2.0
 * philox.c - Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1,
 * 2, 3", SC 2011, section 4.3 (the multipliers and Weyl constants are the paper's). */
#include "num/philox.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "num/vec.h"

void onus_philox(const uint32_t key[2], const uint32_t ctr[4], uint32_t out[4])
{
    uint32_t k0 = key[0], k1 = key[1], x0 = ctr[0], x1 = ctr[1], x2 = ctr[2], x3 = ctr[3];
    for (int round = 0; round < 10; round++) {
        const uint64_t a = UINT64_C(0xD2511F53) * x0, b = UINT64_C(0xCD9E8D57) * x2;
        const uint32_t y0 = (uint32_t)(b >> 32) ^ x1 ^ k0, y2 = (uint32_t)(a >> 32) ^ x3 ^ k1;
        x1 = (uint32_t)b;
        x3 = (uint32_t)a;
        x0 = y0;
        x2 = y2;
        k0 += UINT32_C(0x9E3779B9);
        k1 += UINT32_C(0xBB67AE85);
    }
    out[0] = x0;
    out[1] = x1;
    out[2] = x2;
    out[3] = x3;
}

/* Block i / 4 of a stream. Streams are shorter than 2^34 words: the counter's first word holds
 * the block. */
static void block(const onus_stream *s, uint64_t i, uint32_t out[4])
{
    assert(i / 4 <= UINT32_MAX);
    const uint32_t key[2] = {(uint32_t)s->seed, (uint32_t)(s->seed >> 32)};
    const uint32_t ctr[4] = {(uint32_t)(i / 4), s->step, s->node, (uint32_t)s->purpose};
    onus_philox(key, ctr, out);
}

void onus_stream_words(const onus_stream *s, uint64_t i0, int64_t n, uint32_t *out)
{
    uint32_t w[4];
    for (int64_t k = 0; k < n; k++) {
        const uint64_t i = i0 + (uint64_t)k;
        if (k == 0 || i % 4 == 0) block(s, i, w);
        out[k] = w[i % 4];
    }
}

enum { PIECE = 1024 };

void onus_stream_uniform(const onus_stream *s, uint64_t i0, int64_t n, float *out)
{
    uint32_t w[PIECE];
    for (int64_t k = 0; k < n; k += PIECE) {
        const int64_t m = n - k < PIECE ? n - k : PIECE;
        onus_stream_words(s, i0 + (uint64_t)k, m, w);
        for (int64_t j = 0; j < m; j++) out[k + j] = (float)(w[j] >> 8) * 0x1p-24f;
    }
}

void onus_stream_normal(const onus_stream *s, uint64_t i0, int64_t n, double mean, double std,
                        float *out)
{
    uint32_t w[PIECE];
    for (int64_t k = 0; k < n; k += PIECE / 2) {
        const int64_t m = n - k < PIECE / 2 ? n - k : PIECE / 2;
        onus_stream_words(s, 2 * (i0 + (uint64_t)k), 2 * m, w);
        for (int64_t j = 0; j < m; j++) {
            const double u0 = ((double)(w[2 * j] >> 8) + 1.0) * 0x1p-24,
                         u1 = (double)(w[2 * j + 1] >> 8) * 0x1p-24;
            const double z = sqrt(-2.0 * onus_log64(u0)) * onus_cos64(0x1.921fb54442d18p2 * u1);
            out[k + j] = (float)fma(z, std, mean);
        }
    }
}

void onus_stream_keep(const onus_stream *s, uint64_t i0, int64_t n, double p, uint8_t *keep)
{
    uint32_t w[PIECE];
    const double cut = floor(p * 0x1p32);
    for (int64_t k = 0; k < n; k += PIECE) {
        const int64_t m = n - k < PIECE ? n - k : PIECE;
        onus_stream_words(s, i0 + (uint64_t)k, m, w);
        for (int64_t j = 0; j < m; j++) keep[k + j] = (double)w[j] >= cut;
    }
}

uint64_t onus_stream_draw64(const onus_stream *s, uint64_t i)
{
    uint32_t w[4];
    block(s, 2 * i, w);
    const unsigned at = (unsigned)(2 * i % 4);
    return (uint64_t)w[at + 1] << 32 | w[at];
}

typedef struct {
    uint64_t draw;
    int64_t value;
} card;

/* Radix sort by draw, 11 bits a pass, stable: values that stand in ascending order keep it
 * where draws are equal. */
static void sort_cards(card *a, card *b, int64_t n)
{
    enum { BITS = 11, BINS = 1 << BITS };
    for (int shift = 0; shift < 66; shift += BITS) {
        int64_t count[BINS] = {0}, at = 0;
        for (int64_t i = 0; i < n; i++) count[(a[i].draw >> shift) & (BINS - 1)]++;
        for (int k = 0; k < BINS; k++) {
            const int64_t here = count[k];
            count[k] = at;
            at += here;
        }
        for (int64_t i = 0; i < n; i++) b[count[(a[i].draw >> shift) & (BINS - 1)]++] = a[i];
        card *t = a;
        a = b;
        b = t;
    }
}

void onus_stream_shuffle(const onus_stream *s, int64_t *idx, int64_t n, void *tmp)
{
    card *a = tmp, *b = a + n;
    for (int64_t i = 0; i < n; i++) {
        a[i].draw = onus_stream_draw64(s, (uint64_t)idx[i]);
        a[i].value = idx[i];
    }
    if (n < 64) { /* insertion, by (draw, value) */
        for (int64_t i = 1; i < n; i++) {
            const card c = a[i];
            int64_t k = i;
            for (; k > 0 && (a[k - 1].draw > c.draw ||
                             (a[k - 1].draw == c.draw && a[k - 1].value > c.value));
                 k--)
                a[k] = a[k - 1];
            a[k] = c;
        }
    } else {
        sort_cards(a, b, n); /* six passes: the result is back in a */
        /* equal draws: by value, whatever order the values came in */
        for (int64_t i = 1; i < n; i++) {
            const card c = a[i];
            int64_t k = i;
            for (; k > 0 && a[k - 1].draw == c.draw && a[k - 1].value > c.value; k--)
                a[k] = a[k - 1];
            a[k] = c;
        }
    }
    for (int64_t i = 0; i < n; i++) idx[i] = a[i].value;
}
