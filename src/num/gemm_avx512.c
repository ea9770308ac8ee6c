/* SPDX-License-Identifier: Apache-2.0
 * gemm_avx512.c - matrix products with AVX-512: tiles of 14 x 32, twenty-eight of the
 * thirty-two registers. */
#include "num/gemm_avx.h"

#define VW      16
#define GEMM_MR 14
#define GEMM_HEIGHTS(X) \
    X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define GEMM_NC             768 /* 768 KiB of 1 MiB or more */
#define GEMM_TILE_NAME      onus_gemm_tile_avx512
#define GEMM_LISTED_NAME    onus_gemm_listed_avx512
#define GEMM_PANELS_NAME    onus_gemm_panels_avx512
#define GEMM_TRANSPOSE_NAME onus_gemm_transpose_avx512

typedef __m512 vec, vec_num;
#define first_n(n)           ((__mmask16)((1u << (n)) - 1u)) /* 16: all */
#define vec_zero()           _mm512_setzero_ps()
#define vec_load(p)          _mm512_loadu_ps(p)
#define vec_load_n(p, n)     _mm512_maskz_loadu_ps(first_n(n), p)
#define vec_store(p, v)      _mm512_storeu_ps(p, v)
#define vec_store_n(p, v, n) _mm512_mask_storeu_ps(p, first_n(n), v)
#define vec_set1(p)          _mm512_set1_ps(*(p))
#define vec_fma(a, b, c)     _mm512_fmadd_ps(a, b, c)
#define vec_add(a, b)        _mm512_add_ps(a, b)

#include "num/gemm_template.h"
