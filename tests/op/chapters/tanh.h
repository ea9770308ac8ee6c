/* SPDX-License-Identifier: Apache-2.0
 * tanh.h - what the tests of the table know of tanh. Included by chapters.h. */
EXACT_EACH(tanh, tanh(v))

static const chapter chapter_tanh = {.op = "tanh",
                                     .exact = tanh_exact,
                                     .small = {{{0}, VECTOR(7), 4}, {{0}, {2, {3, 5}}, 2}},
                                     .big = {{0}, VECTOR(331), 300},
                                     .backward_reads = READS_DY | READS_Y};
