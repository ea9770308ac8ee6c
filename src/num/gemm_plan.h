/* SPDX-License-Identifier: Apache-2.0
 * gemm_plan.h - how a product is cut for the caches. None of it can change a bit of a result:
 * only the segments of 256 terms can, and they are the contract's. */
#ifndef ONUS_NUM_GEMM_PLAN_H
#define ONUS_NUM_GEMM_PLAN_H
#include <stdint.h>

/* Rows of A packed at a time: 252 KiB over one segment, half of the smallest second-level cache
 * of the processors that have AVX2 in servers. Six and fourteen, the heights of the register
 * tiles, divide it. */
#define ONUS_GEMM_MC          252
/* Columns of B packed at a time: 1 MiB over one segment, a share of the third-level cache. */
#define ONUS_GEMM_NC          1024
#define ONUS_GEMM_NARROW_ROWS 256 /* rows of a narrow C at a time */
#define ONUS_GEMM_PANEL_MAX   32  /* columns of the widest register tile */
#endif
