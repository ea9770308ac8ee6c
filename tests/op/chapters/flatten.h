/* SPDX-License-Identifier: Apache-2.0
 * flatten.h - what the tests of the table know of flatten. Included by chapters.h. */
EXACT_EACH(flatten, v)

static const chapter chapter_flatten = {
    .op = "flatten",
    .exact = flatten_exact,
    .small = {{{0}, VECTOR(7), 4}, {{0}, {3, {3, 5, 2}}, 2}, {{0}, {0}, 3}},
    .big = {{0}, {2, {7, 33}}, 300},
    .backward_reads = READS_DY};
