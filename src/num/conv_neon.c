/* SPDX-License-Identifier: Apache-2.0
 * conv_neon.c - the kernels of conv_template.h, vectorised by the compiler for NEON. */
#define ISA neon
#include "num/conv_template.h"
