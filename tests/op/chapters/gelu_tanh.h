/* SPDX-License-Identifier: Apache-2.0
 * gelu_tanh.h - what the tests of the table know of gelu_tanh. Included by chapters.h. */
EXACT_EACH(gelu_tanh, v * 0.5 * (1 + tanh(sqrt(M_2_PI) * (v + 0.044715 * v * v * v))))

static const chapter chapter_gelu_tanh = {.op = "gelu_tanh",
                                          .exact = gelu_tanh_exact,
                                          .small = {{{0}, VECTOR(7), 4}, {{0}, {2, {3, 5}}, 2}},
                                          .big = {{0}, VECTOR(331), 300},
                                          .backward_reads = READS_DY | READS_X};
