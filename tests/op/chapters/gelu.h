/* SPDX-License-Identifier: Apache-2.0
 * gelu.h - what the tests of the table know of gelu. Included by chapters.h. */
EXACT_EACH(gelu, v * 0.5 * erfc(-v * M_SQRT1_2))

static const chapter chapter_gelu = {.op = "gelu",
                                     .exact = gelu_exact,
                                     .small = {{{0}, VECTOR(7), 4}, {{0}, {2, {3, 5}}, 2}},
                                     .big = {{0}, VECTOR(331), 300},
                                     .backward_reads = READS_DY | READS_X};
