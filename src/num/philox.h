/* SPDX-License-Identifier: Apache-2.0
 * philox.h - Philox4x32-10 (Salmon et al. 2011), the seeded, public randomness (contract, item
 * 9): key the seed (low word first), counter (i / 4, step, node, purpose), word i mod 4. */
#ifndef ONUS_NUM_PHILOX_H
#define ONUS_NUM_PHILOX_H
#include <stdbool.h>
#include <stdint.h>

/* Purposes are numbered for ever. CHECKLIST: a new one also goes into docs/NUMERICS.md. */
typedef enum {
    ONUS_DRAW_INIT = 1,    /* initial values of parameters */
    ONUS_DRAW_SHUFFLE = 2, /* order of an epoch's rows; step = epoch */
    ONUS_DRAW_DROPOUT = 3,
    ONUS_DRAW_SPLIT = 4, /* train, valid, test */
    /* 5: kept for resampling */
    ONUS_DRAW_EXPLAIN = 6, /* rows, background, permutations */
    ONUS_DRAW_AUGMENT =
        7,             /* what is done to an example: masks, shifts; step = epoch, node = row */
    ONUS_DRAW_TEXT = 8 /* text that a model writes */
} onus_draw;

typedef struct {
    uint64_t seed;
    uint32_t step, node;
    onus_draw purpose;
} onus_stream;

void onus_philox(const uint32_t key[2], const uint32_t ctr[4], uint32_t out[4]);
/* words i0 .. i0+n-1 */
void onus_stream_words(const onus_stream *s, uint64_t i0, int64_t n, uint32_t *out);
/* (w >> 8) 2^-24 */
void onus_stream_uniform(const onus_stream *s, uint64_t i0, int64_t n, float *out);
/* Element n uses words 2n, 2n+1; computed in binary64, times std, plus mean, rounded once. */
void onus_stream_normal(const onus_stream *s, uint64_t i0, int64_t n, double mean, double std,
                        float *out);
/* keep[i] = word i >= floor(p 2^32) */
void onus_stream_keep(const onus_stream *s, uint64_t i0, int64_t n, double p, uint8_t *keep);
uint64_t onus_stream_draw64(const onus_stream *s, uint64_t i); /* w[2i+1] << 32 | w[2i] */
/* Sorts idx[n] (values any) by (64-bit draw of the value's own index idx[i], idx[i]). tmp: n
 * pairs of 16 bytes. */
void onus_stream_shuffle(const onus_stream *s, int64_t *idx, int64_t n, void *tmp);
#define ONUS_SHUFFLE_TMP_BYTES(n) ((size_t)(n)*32)
#endif
