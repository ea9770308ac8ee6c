/* SPDX-License-Identifier: Apache-2.0
 * conv_ref.c - the kernels of conv_template.h, the reference. */
#define ISA ref
#include "num/conv_template.h"
