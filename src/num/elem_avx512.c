/* SPDX-License-Identifier: Apache-2.0
 * elem_avx512.c - the kernels of elem_template.h, vectorised by the compiler for avx512. */
#define ISA      avx512
#define ISA_NAME "avx512"
#include "num/elem_template.h"
