/* SPDX-License-Identifier: Apache-2.0
 * grid_neon.c - exact outer products with NEON: tiles of 12 x 4 numbers, as gemm_neon.c's, for
 * the same reasons. */
#include <arm_neon.h>

#define VW              2
#define GRID_MR         12
#define GRID_HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define GRID_TILE_NAME  onus_grid_tile_neon

typedef float64x2_t vec;
typedef double vec_num;
#define vec_load(p)      vld1q_f64(p)
#define vec_store(p, v)  vst1q_f64(p, v)
#define vec_set1(p)      (*(p))
#define vec_all(x)       vdupq_n_f64(x)
#define vec_fma(a, b, c) vfmaq_n_f64(c, b, a)
#define vec_add(a, b)    vaddq_f64(a, b)
#define vec_sub(a, b)    vsubq_f64(a, b)
#define vec_mul(a, b)    vmulq_f64(a, b)
#define vec_of(p)        vcvt_f64_f32(vld1_f32(p))
/* n is 1 */
#define vec_of_n(p, n)   vcvt_f64_f32(vset_lane_f32(*(p), vdup_n_f32(0.0f), 0))

static inline float64x2_t vec_odd(float64x2_t v)
{
    const uint64x2_t one = vbicq_u64(vdupq_n_u64(1), vceqzq_f64(v));
    return vreinterpretq_f64_u64(vorrq_u64(vreinterpretq_u64_f64(v), one));
}

#include "num/grid_template.h"
