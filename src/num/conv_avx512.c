/* SPDX-License-Identifier: Apache-2.0
 * conv_avx512.c - the kernels of conv_template.h, vectorised by the compiler for AVX-512. */
#define ISA avx512
#include "num/conv_template.h"
