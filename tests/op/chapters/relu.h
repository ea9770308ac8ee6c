/* SPDX-License-Identifier: Apache-2.0
 * relu.h - what the tests of the table know of relu. Included by chapters.h. */
EXACT_EACH(relu, v > 0 ? v : 0)

static const chapter chapter_relu = {
    .op = "relu",
    .exact = relu_exact,
    .away = 0.01f,
    .small = {{{0}, VECTOR(7), 4}, {{0}, {2, {3, 5}}, 2}, {{0}, {0}, 3}},
    .big = {{0}, VECTOR(331), 300},
    .backward_reads = READS_DY | READS_Y};
