/* SPDX-License-Identifier: Apache-2.0
 * gemm_avx2.c - matrix products with AVX2 and FMA: tiles of 6 x 16, which with two vectors of B
 * and a broadcast number fill the sixteen registers. */
#include "num/gemm_avx.h"

#define VW                  8
#define GEMM_MR             6
#define GEMM_HEIGHTS(X)     X(1) X(2) X(3) X(4) X(5) X(6)
#define GEMM_NC             256 /* 256 KiB: half of Zen 3's second-level cache */
#define GEMM_TILE_NAME      onus_gemm_tile_avx2
#define GEMM_LISTED_NAME    onus_gemm_listed_avx2
#define GEMM_PANELS_NAME    onus_gemm_panels_avx2
#define GEMM_TRANSPOSE_NAME onus_gemm_transpose_avx2

typedef __m256 vec, vec_num;
#define vec_zero()           _mm256_setzero_ps()
#define vec_load(p)          _mm256_loadu_ps(p)
#define vec_load_n(p, n)     _mm256_maskload_ps(p, avx_first(n))
#define vec_store(p, v)      _mm256_storeu_ps(p, v)
#define vec_store_n(p, v, n) avx_store_n(p, v, n)
#define vec_set1(p)          _mm256_broadcast_ss(p)
#define vec_fma(a, b, c)     _mm256_fmadd_ps(a, b, c)
#define vec_add(a, b)        _mm256_add_ps(a, b)

#include "num/gemm_template.h"
