/* SPDX-License-Identifier: Apache-2.0
 * grid_avx2.c - exact outer products with AVX2 and FMA: tiles of 6 x 8 numbers. */
#include <immintrin.h>

#define VW              4
#define GRID_MR         6
#define GRID_HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define GRID_TILE_NAME  onus_grid_tile_avx2

typedef __m256d vec, vec_num;
#define vec_load(p)      _mm256_loadu_pd(p)
#define vec_store(p, v)  _mm256_storeu_pd(p, v)
#define vec_set1(p)      _mm256_broadcast_sd(p)
#define vec_all(x)       _mm256_set1_pd(x)
#define vec_fma(a, b, c) _mm256_fmadd_pd(a, b, c)
#define vec_add(a, b)    _mm256_add_pd(a, b)
#define vec_sub(a, b)    _mm256_sub_pd(a, b)
#define vec_mul(a, b)    _mm256_mul_pd(a, b)
#define vec_of(p)        _mm256_cvtps_pd(_mm_loadu_ps(p))

static inline __m256d vec_of_n(const float *p, int n)
{
    const __m128i mask = _mm_cmpgt_epi32(_mm_set1_epi32(n), _mm_setr_epi32(0, 1, 2, 3));
    return _mm256_cvtps_pd(_mm_maskload_ps(p, mask));
}

static inline __m256d vec_odd(__m256d v)
{
    const __m256d one = _mm256_castsi256_pd(_mm256_set1_epi64x(1));
    const __m256d is_0 = _mm256_cmp_pd(v, _mm256_setzero_pd(), _CMP_EQ_OQ);
    return _mm256_or_pd(v, _mm256_andnot_pd(is_0, one));
}

#include "num/grid_template.h"
