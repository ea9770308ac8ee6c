/* SPDX-License-Identifier: Apache-2.0
 * elem_neon.c - the kernels of elem_template.h, vectorised by the compiler for NEON. */
#define ISA      neon
#define ISA_NAME "neon"
#include "num/elem_template.h"
