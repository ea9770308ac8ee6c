/* SPDX-License-Identifier: Apache-2.0
 * gemm.h - matrix products under the contract (item 3), shared out over the pool by tiles of
 * outputs, or by segments of k where outputs are few. */
#ifndef ONUS_NUM_GEMM_H
#define ONUS_NUM_GEMM_H
#include "num/exec.h"

typedef enum { ONUS_GEMM_NN, ONUS_GEMM_NT, ONUS_GEMM_TN, ONUS_GEMM_TT } onus_gemm_form;

/* Bytes of scratch for onus_gemm on this executor; 0 <= M, N, K < 2^31. */
size_t onus_gemm_scratch_bytes(const onus_exec *ex, onus_gemm_form form, int64_t M, int64_t N,
                               int64_t K);

/* C (M,N) = op(A) (M,K) op(B) (K,N), then + bias (N) on every row where bias is not NULL.
 * Row-major; lda, ldb, ldc are the strides of the stored matrices (A is (K,M) where form is TN
 * or TT, B is (N,K) for NT and TT). C overlaps nothing. scratch: onus_gemm_scratch_bytes,
 * 64-byte aligned. K = 0 gives +0 (+ bias). */
void onus_gemm(const onus_exec *ex, onus_gemm_form form, int64_t M, int64_t N, int64_t K,
               const float *A, int64_t lda, const float *B, int64_t ldb, float *C, int64_t ldc,
               const float *bias, void *scratch);
#endif
