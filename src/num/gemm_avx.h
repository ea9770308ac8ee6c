/* SPDX-License-Identifier: Apache-2.0
 * gemm_avx.h - the 8x8 transposition that gemm_avx2.c and gemm_avx512.c pack with. */
#ifndef ONUS_NUM_GEMM_AVX_H
#define ONUS_NUM_GEMM_AVX_H
#include <immintrin.h>

static inline __m256i avx_first(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* First n < 8 lanes. In parts of 4, 2, 1: vmaskmovps to memory is microcoded on Zen. */
static inline void avx_store_n(float *p, __m256 v, int n)
{
    __m128 x = _mm256_castps256_ps128(v);
    if (n & 4) {
        _mm_storeu_ps(p, x);
        x = _mm256_extractf128_ps(v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, x);
        x = _mm_movehl_ps(x, x);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, x);
}

/* dst[c*dst_ld + r] = row[r][at + c] for r < 8, c < cols <= 8. The halves of a register come
 * from rows four apart, so that two rounds of shuffles within halves do the rest. */
static inline __attribute__((always_inline)) void
transpose8(const float *const row[8], int64_t at, int cols, float *dst, int64_t dst_ld)
{
    __m256 r[8], t[8];
    const __m128i lo = _mm256_castsi256_si128(avx_first(cols));
    const __m128i hi = _mm256_extracti128_si256(avx_first(cols), 1);
    for (int i = 0; i < 8; i++) {
        const float *p = row[i % 4] + at + i / 4 * 4, *q = row[i % 4 + 4] + at + i / 4 * 4;
        const __m128i mask = i < 4 ? lo : hi;
        const __m128 x = cols == 8 ? _mm_loadu_ps(p) : _mm_maskload_ps(p, mask);
        const __m128 y = cols == 8 ? _mm_loadu_ps(q) : _mm_maskload_ps(q, mask);
        r[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(x), y, 1);
    }
    for (int i = 0; i < 8; i += 4) { /* r: columns i .. i+3; four rows in either half */
        const __m256 t0 = _mm256_unpacklo_ps(r[i], r[i + 1]),
                     t1 = _mm256_unpackhi_ps(r[i], r[i + 1]);
        const __m256 t2 = _mm256_unpacklo_ps(r[i + 2], r[i + 3]),
                     t3 = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm256_shuffle_ps(t0, t2, 0x44);
        t[i + 1] = _mm256_shuffle_ps(t0, t2, 0xee);
        t[i + 2] = _mm256_shuffle_ps(t1, t3, 0x44);
        t[i + 3] = _mm256_shuffle_ps(t1, t3, 0xee);
    }
    for (int i = 0; i < 8; i++)
        if (i < cols) _mm256_storeu_ps(dst + i * dst_ld, t[i]);
}
#endif
