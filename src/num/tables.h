/* SPDX-License-Identifier: Apache-2.0
 * tables.h - the tables of kernels. Only exec.c and the tests include this: everybody else asks
 * onus_kernels_of. */
#ifndef ONUS_NUM_TABLES_H
#define ONUS_NUM_TABLES_H
#include "num/kernels.h"
extern const onus_kernels onus_kernels_ref; /* plain: fmaf may be a call */
extern const onus_kernels onus_kernels_fma; /* the same source with the machine's fmaf */
#if defined(__x86_64__)
extern const onus_kernels onus_kernels_avx2, onus_kernels_avx512;
#elif defined(__aarch64__)
extern const onus_kernels onus_kernels_neon;
#endif
#endif
