/* SPDX-License-Identifier: Apache-2.0
 * exec.c - which kernels this machine can run.
 *
 * CHECKLIST: a new instruction set wants its table (elem_NAME.c), its matrix product
 * (gemm_NAME.c), its case here and in exec.h, its flags in the Makefile, its row in the lists
 * of tests/num. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "num/kernels.h"
#include "num/tables.h"

static const char *const names[ONUS_ISA_COUNT] = {"ref", "avx2", "avx512", "neon"};

const char *onus_isa_name(onus_isa isa)
{
    return names[isa];
}

#if defined(__x86_64__)
/* libgcc's check asks the system, too, whether it saves the wide registers. */
static bool has_fma(void)
{
    return __builtin_cpu_supports("fma");
}

static bool has(onus_isa isa)
{
    const bool avx2 = has_fma() && __builtin_cpu_supports("avx2");
    if (isa == ONUS_ISA_AVX2) return avx2;
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

const onus_kernels *onus_kernels_of(onus_isa isa)
{
    switch (isa) {
    case ONUS_ISA_REF: return has_fma() ? &onus_kernels_fma : &onus_kernels_ref;
    case ONUS_ISA_AVX2: return has(isa) ? &onus_kernels_avx2 : NULL;
    case ONUS_ISA_AVX512: return has(isa) ? &onus_kernels_avx512 : NULL;
    default: return NULL;
    }
}
#else
/* Every AArch64 processor fuses and has NEON. */
const onus_kernels *onus_kernels_of(onus_isa isa)
{
    switch (isa) {
    case ONUS_ISA_REF: return &onus_kernels_fma;
    case ONUS_ISA_NEON: return &onus_kernels_neon;
    default: return NULL;
    }
}
#endif

onus_isa onus_isa_best(void)
{
    static const onus_isa order[] = {ONUS_ISA_AVX512, ONUS_ISA_AVX2, ONUS_ISA_NEON};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (onus_kernels_of(order[i])) return order[i];
    }
    return ONUS_ISA_REF;
}

onus_status onus_isa_default(onus_isa *out, onus_err *err)
{
    const char *said = getenv("ONUS_ISA");
    if (!said || !*said) {
        *out = onus_isa_best();
        return ONUS_OK;
    }
    char present[64] = "";
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
        if (!onus_kernels_of((onus_isa)isa)) continue;
        if (strcmp(said, names[isa]) == 0) {
            *out = (onus_isa)isa;
            return ONUS_OK;
        }
        const size_t n = strlen(present);
        snprintf(present + n, sizeof present - n, "%s%s", n ? ", " : "", names[isa]);
    }
    return onus_fail(err, ONUS_BAD_ARG,
                     "ONUS_ISA: '%.40s' is not on this machine, which has %s", said, present);
}

typedef struct {
    const onus_kernels *k;
    float *sum;
    const float *x;
    int64_t n;
} add_job;

static void add_part(void *ctx, int part, int n_parts)
{
    const add_job *j = ctx;
    int64_t begin, end;
    onus_split(j->n, 16, part, n_parts, &begin, &end);
    j->k->add(j->sum + begin, j->x + begin, j->sum + begin, end - begin);
}

void onus_add_shared(const onus_exec *ex, float *sum, const float *x, int64_t n)
{
    enum { WORTH_WAKING = 32768 }; /* floats; below, one thread is done before another wakes */
    add_job j = {.k = ex->k, .sum = sum, .x = x, .n = n};
    if (n < WORTH_WAKING)
        add_part(&j, 0, 1);
    else
        onus_pool_run(ex->pool, add_part, &j);
}
