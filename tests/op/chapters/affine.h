/* SPDX-License-Identifier: Apache-2.0
 * affine.h - what the tests of the table know of affine. Included by chapters.h. */
EXACT_EACH(affine, r->attr[0].r *v + r->attr[1].r)

static const chapter chapter_affine = {
    .op = "affine",
    .exact = affine_exact,
    .small = {{{2.5, -1.25}, VECTOR(7), 4}, {{-0.3, 3}, {2, {3, 5}}, 2}, {{0, 1}, {0}, 3}},
    .big = {{1.5, 0.75}, VECTOR(331), 300},
    .loops_forward = {2, 0},
    .loops_backward = {1, 0},
    .backward_reads = READS_DY};
