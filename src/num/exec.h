/* SPDX-License-Identifier: Apache-2.0
 * exec.h - on what a computation runs: an instruction set's kernels and a pool of threads.
 * Neither may change a bit of any result (docs/NUMERICS.md). */
#ifndef ONUS_NUM_EXEC_H
#define ONUS_NUM_EXEC_H
#include "base/pool.h"

typedef enum {
    ONUS_ISA_REF,
    ONUS_ISA_AVX2,
    ONUS_ISA_AVX512,
    ONUS_ISA_NEON,
    ONUS_ISA_COUNT
} onus_isa;

typedef struct onus_kernels onus_kernels; /* num/kernels.h */

typedef struct {
    const onus_kernels *k;
    onus_pool *pool; /* NULL: the calling thread only */
} onus_exec;

const char *onus_isa_name(onus_isa isa); /* "ref", "avx2", "avx512", "neon" */
/* NULL where this machine or build lacks it */
const onus_kernels *onus_kernels_of(onus_isa isa);
onus_isa onus_isa_best(void);
/* ONUS_ISA where set: an unknown or absent one is ONUS_BAD_ARG with a line that names it and
 * what is there. */
onus_status onus_isa_default(onus_isa *out, onus_err *err) ONUS_CHECKED;
/* sum[i] += x[i], shared out over the pool where that pays. */
void onus_add_shared(const onus_exec *ex, float *sum, const float *x, int64_t n);
#endif
