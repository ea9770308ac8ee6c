/* SPDX-License-Identifier: Apache-2.0
 * conv_fma.c - the kernels of conv_template.h, the reference again, with the machine's scalar
 * fused multiply-add. */
#define ISA fma
#include "num/conv_template.h"
