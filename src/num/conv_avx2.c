/* SPDX-License-Identifier: Apache-2.0
 * conv_avx2.c - the kernels of conv_template.h, vectorised by the compiler for AVX2. */
#define ISA avx2
#include "num/conv_template.h"
