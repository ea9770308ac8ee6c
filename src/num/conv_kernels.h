/* SPDX-License-Identifier: Apache-2.0
 * conv_kernels.h - the kernels of conv_template.h, for the tables: what convolutions do beside
 * the products. Their contract is that of the fields in num/kernels.h. */
#ifndef ONUS_NUM_CONV_KERNELS_H
#define ONUS_NUM_CONV_KERNELS_H
#include "num/kernels.h"

#define ONUS_CONV_KERNELS(isa)                                                                 \
    void onus_copy_pieces_##isa(const float *src, const int64_t *row_at, int64_t rows,         \
                                const onus_piece *piece, int64_t n_pieces, int unit,           \
                                float *dst, int64_t dst_ld);                                   \
    void onus_skip_panels_##isa(const float *A, int64_t lda, const float *panels,              \
                                const float *mask, int64_t m, int64_t n, int64_t kb, float *C, \
                                int64_t ldc, float *started);                                  \
    void onus_pad_##isa(const onus_frame *f, const float *src, int64_t planes, float *out);    \
    uint32_t onus_least_##isa(const float *x, int64_t n, uint32_t *most);
ONUS_CONV_KERNELS(ref)
ONUS_CONV_KERNELS(fma)
#if defined(__x86_64__)
ONUS_CONV_KERNELS(avx2)
ONUS_CONV_KERNELS(avx512)
#elif defined(__aarch64__)
ONUS_CONV_KERNELS(neon)
#endif
#endif
