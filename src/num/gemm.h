/* SPDX-License-Identifier: Apache-2.0
 * gemm.h - matrix products under the contract (item 3), shared out over the pool by tiles of
 * outputs, or by segments of k where outputs are few. */
#ifndef ONUS_NUM_GEMM_H
#define ONUS_NUM_GEMM_H
#include "num/exec.h"

typedef enum { ONUS_GEMM_NN, ONUS_GEMM_NT, ONUS_GEMM_TN, ONUS_GEMM_TT } onus_gemm_form;

/* Bytes of scratch for onus_gemm on this executor, in any form, of a product of 0 <= M, N, K <
 * 2^31, or of a smaller one: a plan asks once, for its longest batch. */
size_t onus_gemm_scratch_bytes(const onus_exec *ex, int64_t M, int64_t N, int64_t K);

/* Whether the sum of segments starts at the first one or goes on from what stands in C. A dot
 * over K terms that is cut at a multiple of 256 and goes on has the bits of the whole: so are
 * gradients summed over micro-batches. */
typedef enum { ONUS_GEMM_STARTS, ONUS_GEMM_GOES_ON } onus_gemm_start;

/* C (M,N) = op(A) (M,K) op(B) (K,N), or C + that, then + bias on every row. What is zero is
 * left out or has its usual meaning.
 *
 *   form       how A and B are stored: A is (K,M) in TN and TT, B is (N,K) in NT and TT
 *   M, N, K    0 .. 2^31 - 1; K = 0 gives +0, or C as it stands (+ bias)
 *   A, B       row-major, row strides lda, ldb: any, at least the stored rows' length
 *   C          row-major, row stride ldc; overlaps nothing
 *   bias       (N) or NULL; where a dot comes in pieces it belongs to the last one
 *   panels     what onus_gemm_panels_make made of this B for the same kernels, N and K, or
 * NULL; B is then not read k_at       place of the first term in the whole dot: segments are
 * cut where k_at + k is a multiple of 256 (attention: by absolute position) */
typedef struct {
    onus_gemm_form form;
    int64_t M, N, K;
    const float *A;
    int64_t lda;
    const float *B;
    int64_t ldb;
    float *C;
    int64_t ldc;
    const float *bias;
    onus_gemm_start start;
    int64_t k_at;
    const float *panels;
} onus_gemm_args;

/* The product on ex's threads; the caller is the only one that runs on its pool. scratch:
 * onus_gemm_scratch_bytes, 64-byte aligned. */
void onus_gemm(const onus_exec *ex, const onus_gemm_args *args, void *scratch);

/* The same bits on the calling thread alone, for callers that have a share of a pool's job of
 * their own (a head of attention, say). pack: onus_gemm_pack_bytes(M, N, K), 64-byte aligned.
 */
void onus_gemm_serial(const onus_kernels *k, const onus_gemm_args *args, void *pack);

/* A B that stays as it is for many products (a model's weights while it predicts), packed once:
 * products of few rows are then as fast as memory is. The bits are those without. */
size_t onus_gemm_panels_bytes(const onus_kernels *k, int64_t N, int64_t K);

/* panels: onus_gemm_panels_bytes, 64-byte aligned, the caller's. form says how B is stored, as
 * in onus_gemm_args. */
void onus_gemm_panels_make(const onus_exec *ex, onus_gemm_form form, int64_t N, int64_t K,
                           const float *B, int64_t ldb, float *panels);

/* Bytes of packing scratch of a product of M rows and N columns, or of a smaller one, on one
 * thread. Bounded (below 6 MiB) however large the product is. */
size_t onus_gemm_pack_bytes(int64_t M, int64_t N, int64_t K);
#endif
