/* SPDX-License-Identifier: Apache-2.0
 * gemm_kernels.h - the kernels that the tables of num/exec.c put into `gemm_tile`. Their
 * contract is that of the field in num/kernels.h. Only num/gemm.c, the tables and the tests
 * include this.
 *
 * _ref is the specification (contract item 3) in plain loops; _fma is the same source built
 * with the machine's scalar fmaf (on x86-64 it needs a processor with FMA); the others are
 * absent on other architectures. */
#ifndef ONUS_NUM_GEMM_KERNELS_H
#define ONUS_NUM_GEMM_KERNELS_H
#include "num/kernels.h"

#define ONUS_GEMM_SEGMENT 256 /* contract item 3: k is cut at multiples of this */

/* Terms of the segment that begins with term k. */
static inline int64_t onus_gemm_segment_terms(const onus_gemm_task *g, int64_t k)
{
    const int64_t rest = ONUS_GEMM_SEGMENT - (g->k_at + k) % ONUS_GEMM_SEGMENT;
    return g->K - k < rest ? g->K - k : rest;
}

#define ONUS_GEMM_TILE_ARGS \
    const onus_gemm_task *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1, void *pack

/* `gemm_panels` and `gemm_transpose` of num/kernels.h, and the panels' columns. */
#define ONUS_GEMM_PANELS_ARGS                                                           \
    const float *A, int64_t lda, const float *panels, int64_t m, int64_t n, int64_t kb, \
        float *C, int64_t ldc, bool first
#define ONUS_GEMM_TRANSPOSE_ARGS \
    const float *src, int64_t ld, int64_t rows, int64_t cols, float *dst, int64_t dst_ld
enum {
    ONUS_GEMM_PANEL_ref = 16,
    ONUS_GEMM_PANEL_fma = 16,
    ONUS_GEMM_PANEL_avx2 = 16,
    ONUS_GEMM_PANEL_avx512 = 32,
    ONUS_GEMM_PANEL_neon = 8
};
/* Rows of a register tile. */
enum {
    ONUS_GEMM_ROWS_ref = 8,
    ONUS_GEMM_ROWS_fma = 8,
    ONUS_GEMM_ROWS_avx2 = 6,
    ONUS_GEMM_ROWS_avx512 = 14,
    ONUS_GEMM_ROWS_neon = 12
};
/* `gemm_listed` of num/kernels.h. */
#define ONUS_GEMM_LISTED_ARGS const onus_listed *l, int rows, int vectors
void onus_gemm_listed_ref(ONUS_GEMM_LISTED_ARGS);
void onus_gemm_listed_fma(ONUS_GEMM_LISTED_ARGS);

void onus_gemm_tile_ref(ONUS_GEMM_TILE_ARGS);
void onus_gemm_tile_fma(ONUS_GEMM_TILE_ARGS);
void onus_gemm_panels_ref(ONUS_GEMM_PANELS_ARGS);
void onus_gemm_panels_fma(ONUS_GEMM_PANELS_ARGS);
void onus_gemm_transpose_ref(ONUS_GEMM_TRANSPOSE_ARGS);
void onus_gemm_transpose_fma(ONUS_GEMM_TRANSPOSE_ARGS);
#if defined(__x86_64__)
void onus_gemm_tile_avx2(ONUS_GEMM_TILE_ARGS);   /* needs AVX2 and FMA */
void onus_gemm_tile_avx512(ONUS_GEMM_TILE_ARGS); /* needs AVX-512 F, BW, DQ, VL as well */
void onus_gemm_listed_avx2(ONUS_GEMM_LISTED_ARGS);
void onus_gemm_listed_avx512(ONUS_GEMM_LISTED_ARGS);
void onus_gemm_panels_avx2(ONUS_GEMM_PANELS_ARGS);
void onus_gemm_panels_avx512(ONUS_GEMM_PANELS_ARGS);
void onus_gemm_transpose_avx2(ONUS_GEMM_TRANSPOSE_ARGS);
void onus_gemm_transpose_avx512(ONUS_GEMM_TRANSPOSE_ARGS);
#elif defined(__aarch64__)
void onus_gemm_tile_neon(ONUS_GEMM_TILE_ARGS);
void onus_gemm_listed_neon(ONUS_GEMM_LISTED_ARGS);
void onus_gemm_panels_neon(ONUS_GEMM_PANELS_ARGS);
void onus_gemm_transpose_neon(ONUS_GEMM_TRANSPOSE_ARGS);
#endif
#endif
