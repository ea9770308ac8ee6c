/* SPDX-License-Identifier: Apache-2.0
 * gemm_plan.h - how a product is cut for the caches, and what its ways cost. None of it can
 * change a bit of a result: only the segments of 256 terms can, and they are the contract's. */
#ifndef ONUS_NUM_GEMM_PLAN_H
#define ONUS_NUM_GEMM_PLAN_H
#include <stdbool.h>
#include <stdint.h>

/* Rows at a time, whose C stays in the second-level cache from segment to segment. Fourteen,
 * the height of the widest register tile, divides it. */
#define ONUS_GEMM_MB           448
/* Rows of C at a time that lanes run over where the product is swapped. */
#define ONUS_GEMM_SWAPPED_NC   256
#define ONUS_GEMM_NC_MAX       768 /* the largest GEMM_NC: 48 vectors, as all are */
#define ONUS_GEMM_PANEL_MAX    32  /* columns of the widest register tile */
/* Packed panels of B at a time, 4 MiB: a share of the third-level cache. */
#define ONUS_GEMM_PANEL_FLOATS (1 << 20)

/* n in whole panels, at most `most`. */
static inline int64_t onus_gemm_panels_of(int64_t n, int64_t most)
{
    n = (n + ONUS_GEMM_PANEL_MAX - 1) / ONUS_GEMM_PANEL_MAX * ONUS_GEMM_PANEL_MAX;
    return n < most ? n : most;
}

/* A tile of A, one segment, and waste; C's transpose, m x n at most. */
#define ONUS_GEMM_A_FLOATS (16 * 256 + 16)
#define ONUS_GEMM_T_FLOATS(m, n) \
    (onus_gemm_panels_of(m, ONUS_GEMM_MB) * onus_gemm_panels_of(n, ONUS_GEMM_SWAPPED_NC))

typedef struct {
    int64_t m, n, K;
    bool a_by_columns; /* A is stored (K, m) */
    bool b_by_columns; /* B is stored (n, K) */
} onus_gemm_sizes;

/* Cycles, roughly: two multiply-adds of vw lanes in each, four of which must be under way on
 * either of two units. Packing a number by copying costs 0.2; by transposing 0.27 where the
 * next tile was fetched ahead, else 0.5 (measured on Sapphire Rapids). nc: columns of B at a
 * time. */
static inline double onus_gemm_cost_straight(const onus_gemm_sizes *s, int vw, int nc)
{
    const double m = (double)s->m, n = (double)s->n, K = (double)s->K;
    const double work = (m < 4 ? 4 : m) * (double)((s->n + vw - 1) / vw) * K * 0.5;
    const double b = s->b_by_columns ? 0.5 : s->m < 24 ? 0.0 : 0.2;
    const double a = s->n < 128 ? 0.0 : 0.27 * (double)((s->n + nc - 1) / nc);
    return work + a * m * K + b * n * K;
}

/* C is turned around at the end. */
static inline double onus_gemm_cost_swapped(const onus_gemm_sizes *s, int vw)
{
    const onus_gemm_sizes other = {s->n, s->m, s->K, !s->b_by_columns, !s->a_by_columns};
    return onus_gemm_cost_straight(&other, vw, ONUS_GEMM_SWAPPED_NC) +
           0.45 * (double)s->m * (double)s->n;
}

static inline bool onus_gemm_pays_swapped(const onus_gemm_sizes *s, int vw, int nc)
{
    return onus_gemm_cost_swapped(s, vw) < onus_gemm_cost_straight(s, vw, nc);
}
#endif
