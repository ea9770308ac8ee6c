/* SPDX-License-Identifier: Apache-2.0
 * fp.h - the floating-point mode that the numerics contract demands of every thread that
 * computes: round to nearest even, subnormals kept. A host program built with -Ofast sets
 * flush-to-zero behind our back. */
#ifndef ONUS_BASE_FP_H
#define ONUS_BASE_FP_H
#include <stdbool.h>
#include <stdint.h>
bool onus_fp_check(void); /* true if the calling thread's mode is the contract's */
void onus_fp_set(void);   /* makes it so */
/* Copies x[n] as they are stored and hashed (item 2): a NaN becomes 7fc00000, whatever the
 * processor made of it. out may be x. */
void onus_fp_store(const float *x, int64_t n, float *out);
#endif
