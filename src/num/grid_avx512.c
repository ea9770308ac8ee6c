/* SPDX-License-Identifier: Apache-2.0
 * grid_avx512.c - exact outer products with AVX-512: tiles of 14 x 16 numbers, twenty-eight of
 * the thirty-two registers. */
#include <immintrin.h>

#define VW      8
#define GRID_MR 14
#define GRID_HEIGHTS(X) \
    X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define GRID_TILE_NAME onus_grid_tile_avx512

typedef __m512d vec, vec_num;
#define vec_load(p)      _mm512_loadu_pd(p)
#define vec_store(p, v)  _mm512_storeu_pd(p, v)
#define vec_set1(p)      _mm512_set1_pd(*(p))
#define vec_all(x)       _mm512_set1_pd(x)
#define vec_fma(a, b, c) _mm512_fmadd_pd(a, b, c)
#define vec_add(a, b)    _mm512_add_pd(a, b)
#define vec_sub(a, b)    _mm512_sub_pd(a, b)
#define vec_mul(a, b)    _mm512_mul_pd(a, b)
#define vec_of(p)        _mm512_cvtps_pd(_mm256_loadu_ps(p))
#define vec_of_n(p, n)   _mm512_cvtps_pd(_mm256_maskz_loadu_ps((__mmask8)((1u << (n)) - 1u), p))

static inline __m512d vec_odd(__m512d v)
{
    const __m512i bits = _mm512_castpd_si512(v);
    const __mmask8 not_0 = _mm512_cmp_pd_mask(v, _mm512_setzero_pd(), _CMP_NEQ_UQ);
    return _mm512_castsi512_pd(_mm512_mask_or_epi64(bits, not_0, bits, _mm512_set1_epi64(1)));
}

#include "num/grid_template.h"
