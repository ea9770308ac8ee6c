/* SPDX-License-Identifier: Apache-2.0
 * gemm_ref.c - the specification of matrix products (contract, item 3) in plain loops: k is cut
 * at multiples of 256; a segment is one fmaf chain from +0, k ascending; segments are added
 * ascending, and the first one starts the total. Written to be checked by reading, not to be
 * fast. gemm_fma.c builds it a second time. */
#include <math.h>
#include "num/gemm_kernels.h"

static float segment(const float *a, int64_t a_col, const float *b, int64_t b_row, int64_t n)
{
    float chain = 0.0f;
    for (int64_t k = 0; k < n; k++) chain = fmaf(a[k * a_col], b[k * b_row], chain);
    return chain;
}

static float dot(const float *a, int64_t a_col, const float *b, int64_t b_row, int64_t K)
{
    float total = 0.0f; /* no term: +0 */
    for (int64_t k = 0; k < K; k += ONUS_GEMM_SEGMENT) {
        const int64_t n = K - k < ONUS_GEMM_SEGMENT ? K - k : ONUS_GEMM_SEGMENT;
        const float part = segment(a + k * a_col, a_col, b + k * b_row, b_row, n);
        total = k == 0 ? part : total + part;
    }
    return total;
}

void onus_gemm_tile_ref(ONUS_GEMM_TILE_ARGS)
{
    (void)pack;
    for (int64_t i = m0; i < m1; i++)
        for (int64_t j = n0; j < n1; j++) {
            const float total = dot(A + i * a_row, a_col, B + j * b_col, b_row, K);
            C[i * ldc + j] = bias ? total + bias[j] : total;
        }
}
