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

/* r[i] lane j becomes r[j] lane i: pairs, quads, then halves. */
static inline __attribute__((always_inline)) void avx_transpose(__m256 r[8])
{
    __m256 t[8];
    for (int i = 0; i < 4; i++) {
        t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) { /* u[4i+q]: column q and q + 4 of rows 4i .. 4i+3 */
        r[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
        r[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
        r[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
        r[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
    }
    for (int q = 0; q < 4; q++) {
        const __m256 lo = r[q], hi = r[4 + q];
        t[q] = _mm256_permute2f128_ps(lo, hi, 0x20);
        t[4 + q] = _mm256_permute2f128_ps(lo, hi, 0x31);
    }
    for (int q = 0; q < 8; q++) r[q] = t[q];
}

static inline __attribute__((always_inline)) void
transpose8(const float *src, int64_t ld, int rows, int cols, float *dst, int64_t dst_ld)
{
    __m256 r[8];
    if (rows == 8 && cols == 8) {
        for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(src + i * ld);
        avx_transpose(r);
        for (int i = 0; i < 8; i++) _mm256_storeu_ps(dst + i * dst_ld, r[i]);
        return;
    }
    const __m256i mask = avx_first(cols);
    for (int i = 0; i < 8; i++)
        r[i] = i < rows ? _mm256_maskload_ps(src + i * ld, mask) : _mm256_setzero_ps();
    avx_transpose(r);
    for (int i = 0; i < 8; i++) {
        if (i < cols && rows == 8) _mm256_storeu_ps(dst + i * dst_ld, r[i]);
        if (i < cols && rows < 8) avx_store_n(dst + i * dst_ld, r[i], rows);
    }
}
#endif
