/* SPDX-License-Identifier: Apache-2.0
 * silu.h - what the tests of the table know of silu. Included by chapters.h. */
EXACT_EACH(silu, v / (1 + exp(-v)))

static const chapter chapter_silu = {.op = "silu",
                                     .exact = silu_exact,
                                     .small = {{{0}, VECTOR(7), 4}, {{0}, {2, {3, 5}}, 2}},
                                     .big = {{0}, VECTOR(331), 300},
                                     .backward_reads = READS_DY | READS_X};
