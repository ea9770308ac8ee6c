/* SPDX-License-Identifier: Apache-2.0
 * grid_fma.c - the reference again, built with the machine's scalar fused multiply-add (as
 * gemm_fma.c is, for the same reason). */
#define onus_grid_tile_ref onus_grid_tile_fma
#include "num/grid_ref.c" /* NOLINT(bugprone-suspicious-include) */
