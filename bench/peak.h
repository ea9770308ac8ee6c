/* SPDX-License-Identifier: Apache-2.0
 * peak.h - the floor of a computation: what fused multiply-adds on registers alone reach. */
#ifndef ONUS_BENCH_PEAK_H
#define ONUS_BENCH_PEAK_H
#include "num/exec.h"
/* GFLOP/s of multiply-adds that touch no memory, on all threads of the pool (NULL: one); 0
 * where no such loop is written for the instruction set. */
double bench_peak_gflops(onus_pool *pool, onus_isa isa);
/* GB/s of the traffic of an Adam update, the arithmetic left out: three blocks of 256 MB are read
 * and written in place, a fourth is read; 0 where there is no memory for them. */
double bench_memory_gb_s(onus_pool *pool);
/* A word to another core and back. Virtual machines are moved: their cores may share a cache
 * now and not later, and what two threads do together in microseconds depends on it. */
double bench_round_trip_s(void);
double bench_now_s(void);
#endif
