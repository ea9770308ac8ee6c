/* SPDX-License-Identifier: Apache-2.0
 * gemm_fma.c - the reference again, built with the machine's scalar fused multiply-add (the
 * Makefile's flags for
 * *_fma.c): a fmaf that is a library's software would take forty times as long. The tests hold
 * the two against each other, and so the library's fmaf against the machine's. */
#define onus_gemm_tile_ref      onus_gemm_tile_fma
#define onus_gemm_listed_ref    onus_gemm_listed_fma
#define onus_gemm_panels_ref    onus_gemm_panels_fma
#define onus_gemm_transpose_ref onus_gemm_transpose_fma
#include "num/gemm_ref.c" /* NOLINT(bugprone-suspicious-include) */
