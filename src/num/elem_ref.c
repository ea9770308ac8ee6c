/* SPDX-License-Identifier: Apache-2.0
 * elem_ref.c - the kernels of elem_template.h, plainly: the specification. */
#define ISA      ref
#define ISA_NAME "ref"
#include "num/elem_template.h"
