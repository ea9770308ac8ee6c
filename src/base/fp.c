/* SPDX-License-Identifier: Apache-2.0
 * fp.c - MXCSR and FPCR; the one NaN. */
#include "base/fp.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
enum { DAZ = 0x0040, ROUNDING = 0x6000, FTZ = 0x8000, ROUNDING_X87 = 0x0c00 };

/* Our numbers are SSE's; but the C library reads the direction of rounding from the x87's word
 * when it turns numbers into text and back. */
static uint16_t x87_word(void)
{
    uint16_t word;
    __asm__ volatile("fnstcw %0" : "=m"(word));
    return word;
}

bool onus_fp_check(void)
{
    return (_mm_getcsr() & (DAZ | ROUNDING | FTZ)) == 0 && (x87_word() & ROUNDING_X87) == 0;
}

void onus_fp_set(void)
{
    const uint16_t word = x87_word() & (uint16_t)~ROUNDING_X87;
    if (onus_fp_check()) return;
    _mm_setcsr(_mm_getcsr() & ~(unsigned)(DAZ | ROUNDING | FTZ));
    __asm__ volatile("fldcw %0" : : "m"(word));
}
#elif defined(__aarch64__)
/* FZ, RMode, FZ16; FIZ, AH and NEP, which are zero where a processor has no FEAT_AFP */
static const uint64_t mode_bits =
    (UINT64_C(1) << 24) | (UINT64_C(3) << 22) | (UINT64_C(1) << 19) | UINT64_C(7);

bool onus_fp_check(void)
{
    uint64_t v;
    __asm__ volatile("mrs %0, fpcr" : "=r"(v));
    return (v & mode_bits) == 0;
}

void onus_fp_set(void)
{
    uint64_t v;
    __asm__ volatile("mrs %0, fpcr" : "=r"(v));
    __asm__ volatile("msr fpcr, %0" : : "r"(v & ~mode_bits));
}
#else
#error "the floating-point mode of this processor is not known to Onus"
#endif

void onus_fp_store(const float *x, int64_t n, float *out)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, &x[i], sizeof u);
        if ((u & 0x7fffffff) > 0x7f800000) u = 0x7fc00000;
        memcpy(&out[i], &u, sizeof u);
    }
}
