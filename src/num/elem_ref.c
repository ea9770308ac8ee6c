/* SPDX-License-Identifier: Apache-2.0
 * elem_ref.c - the kernels of elem_template.h, plainly: the specification. */
#include "num/gemm_kernels.h"
#include "num/tables.h"
#define NAME(x) x##_ref
#include "num/elem_template.h"

const onus_kernels onus_kernels_ref = {
    .name = "ref",
    .gemm_tile = onus_gemm_tile_ref,
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
