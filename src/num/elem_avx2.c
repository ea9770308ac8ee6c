/* SPDX-License-Identifier: Apache-2.0
 * elem_avx2.c - the kernels of elem_template.h, vectorised by the compiler for avx2. */
#define ISA      avx2
#define ISA_NAME "avx2"
#include "num/elem_template.h"
