/* SPDX-License-Identifier: Apache-2.0
 * elem_avx2.c - the kernels of elem_template.h, vectorised by the compiler for avx2. */
#include "num/gemm_kernels.h"
#include "num/tables.h"
#define NAME(x) x##_avx2
#include "num/elem_template.h"

const onus_kernels onus_kernels_avx2 = {
    .name = "avx2",
    .gemm_tile = onus_gemm_tile_avx2,
#define KERNEL(x) .x = NAME(x)
    KERNEL(exp),
    KERNEL(log),
    KERNEL(tanh),
    KERNEL(erf),
    KERNEL(sigmoid),
    KERNEL(sum),
    KERNEL(dot),
    KERNEL(max),
    KERNEL(sum64),
    KERNEL(norm2),
    KERNEL(relu),
    KERNEL(relu_back),
    KERNEL(sigmoid_back),
    KERNEL(tanh_back),
    KERNEL(gelu),
    KERNEL(gelu_back),
    KERNEL(add),
    KERNEL(mul),
    KERNEL(scale),
    KERNEL(bytes_scale),
    KERNEL(sgd),
    KERNEL(momentum),
    KERNEL(adam),
    KERNEL(col_sum),
    KERNEL(noise),
    KERNEL(gaps),
};
