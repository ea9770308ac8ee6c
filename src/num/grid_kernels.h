/* SPDX-License-Identifier: Apache-2.0
 * grid_kernels.h - the kernels that the tables of num/exec.c put into `grid_tile`, and the
 * blocks that they pack. Only num/grid.c, the tables and the tests include this.
 *
 * _ref is the specification, _fma the same source built with the machine's scalar fma (on
 * x86-64 it needs a processor with FMA); the others are absent on other architectures. */
#ifndef ONUS_NUM_GRID_KERNELS_H
#define ONUS_NUM_GRID_KERNELS_H
#include "num/kernels.h"

/* At a time: rows, elements of the side whose numbers are broadcast (a multiple of every
 * register tile's height, 6, 12, 14), elements of the side that lanes run over. None of it can
 * change a bit. */
#define ONUS_GRID_ROWS  256
#define ONUS_GRID_TALL  168
#define ONUS_GRID_WIDE  512
#define ONUS_GRID_PANEL 16 /* elements of the widest register tile */
/* Numbers between two packed strips of a block, at least a vector's lanes. */
#define ONUS_GRID_SLACK 8

/* Where a chain starts: the middle of the binade whose numbers are `grid` apart. */
static inline double onus_grid_start(double grid)
{
    return 0x1.8p52 * grid;
}

/* n numbers in whole panels, at most a block of them. */
static inline int64_t onus_grid_panels_of(int64_t n)
{
    n = (n + ONUS_GRID_PANEL - 1) / ONUS_GRID_PANEL * ONUS_GRID_PANEL;
    return n < ONUS_GRID_WIDE ? n : ONUS_GRID_WIDE;
}

#define ONUS_GRID_TILE_ARGS const onus_grid_outer_args *a, const onus_grid_part *p, double *pack
void onus_grid_tile_ref(ONUS_GRID_TILE_ARGS);
void onus_grid_tile_fma(ONUS_GRID_TILE_ARGS);
#if defined(__x86_64__)
void onus_grid_tile_avx2(ONUS_GRID_TILE_ARGS);   /* needs AVX2 and FMA */
void onus_grid_tile_avx512(ONUS_GRID_TILE_ARGS); /* needs AVX-512 F, DQ as well */
#elif defined(__aarch64__)
void onus_grid_tile_neon(ONUS_GRID_TILE_ARGS);
#endif
#endif
