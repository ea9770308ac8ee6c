/* SPDX-License-Identifier: Apache-2.0
 * elem_fma.c - the kernels of elem_template.h, the same plain loops with the machine's scalar
 * fused multiply-add. */
#define ISA      fma
#define ISA_NAME "ref"
#include "num/elem_template.h"
