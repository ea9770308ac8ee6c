/* SPDX-License-Identifier: Apache-2.0
 * sigmoid.h - what the tests of the table know of sigmoid. Included by chapters.h. */
EXACT_EACH(sigmoid, 1 / (1 + exp(-v)))

static const chapter chapter_sigmoid = {.op = "sigmoid",
                                        .exact = sigmoid_exact,
                                        .small = {{{0}, VECTOR(7), 4}, {{0}, {2, {3, 5}}, 2}},
                                        .big = {{0}, VECTOR(331), 300},
                                        .backward_reads = READS_DY | READS_Y};
