/* SPDX-License-Identifier: Apache-2.0
 * gemm_neon.c - matrix products with NEON, which every AArch64 processor has: tiles of 12 x 8.
 * Their twenty-four chains are enough for four multiply-adds a cycle of six cycles each; with
 * two vectors of B they leave six of the thirty-two registers to the numbers of A. Those are
 * not broadcast by their loads (which many processors split into a load and a shuffle that
 * takes a multiplier's turn): the multiply-add takes one lane for all. */
#include <arm_neon.h>
#include <stdint.h>

#define VW                  4
#define GEMM_MR             12
#define GEMM_HEIGHTS(X)     X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define GEMM_NC             192 /* 192 KiB: a share of 512 KiB, the smallest of servers */
#define GEMM_TILE_NAME      onus_gemm_tile_neon
#define GEMM_LISTED_NAME    onus_gemm_listed_neon
#define GEMM_PANELS_NAME    onus_gemm_panels_neon
#define GEMM_TRANSPOSE_NAME onus_gemm_transpose_neon

/* First n < 4 lanes, the others 0; nothing is read beyond them. */
static inline float32x4_t neon_load_n(const float *p, int n)
{
    float32x4_t v = vdupq_n_f32(0.0f);
    if (n > 0) v = vld1q_lane_f32(p, v, 0);
    if (n > 1) v = vld1q_lane_f32(p + 1, v, 1);
    if (n > 2) v = vld1q_lane_f32(p + 2, v, 2);
    return v;
}

static inline void neon_store_n(float *p, float32x4_t v, int n)
{
    if (n > 0) vst1q_lane_f32(p, v, 0);
    if (n > 1) vst1q_lane_f32(p + 1, v, 1);
    if (n > 2) vst1q_lane_f32(p + 2, v, 2);
}

typedef float32x4_t vec;
typedef float vec_num;
#define vec_zero()           vdupq_n_f32(0.0f)
#define vec_load(p)          vld1q_f32(p)
#define vec_load_n(p, n)     neon_load_n(p, n)
#define vec_store(p, v)      vst1q_f32(p, v)
#define vec_store_n(p, v, n) neon_store_n(p, v, n)
#define vec_set1(p)          (*(p))
#define vec_fma(a, b, c)     vfmaq_n_f32(c, b, a)
#define vec_add(a, b)        vaddq_f32(a, b)

/* column[c] = row[0 .. 3][at + c] for c < cols <= 4 */
static inline __attribute__((always_inline)) void
columns4(const float *const row[4], int64_t at, int cols, float32x4_t column[4])
{
    float32x4_t r[4];
    for (int i = 0; i < 4; i++)
        r[i] = cols == 4 ? vld1q_f32(row[i] + at) : neon_load_n(row[i] + at, cols);
    const float64x2_t even01 = vreinterpretq_f64_f32(vtrn1q_f32(r[0], r[1])),
                      odd01 = vreinterpretq_f64_f32(vtrn2q_f32(r[0], r[1])),
                      even23 = vreinterpretq_f64_f32(vtrn1q_f32(r[2], r[3])),
                      odd23 = vreinterpretq_f64_f32(vtrn2q_f32(r[2], r[3]));
    column[0] = vreinterpretq_f32_f64(vtrn1q_f64(even01, even23));
    column[1] = vreinterpretq_f32_f64(vtrn1q_f64(odd01, odd23));
    column[2] = vreinterpretq_f32_f64(vtrn2q_f64(even01, even23));
    column[3] = vreinterpretq_f32_f64(vtrn2q_f64(odd01, odd23));
}

/* dst[c*dst_ld + r] = row[r][at + c] for r < 8, c < cols <= 8, in order of c */
static inline __attribute__((always_inline)) void
transpose8(const float *const row[8], int64_t at, int cols, float *dst, int64_t dst_ld)
{
    for (int c = 0; c < cols; c += 4) {
        const int n = cols - c < 4 ? cols - c : 4;
        float32x4_t low[4], high[4];
        columns4(row, at + c, n, low);
        columns4(row + 4, at + c, n, high);
        for (int i = 0; i < 4; i++) {
            if (i >= n) break;
            vst1q_f32(dst + (c + i) * dst_ld, low[i]);
            vst1q_f32(dst + (c + i) * dst_ld + 4, high[i]);
        }
    }
}

#include "num/gemm_template.h"
