/* SPDX-License-Identifier: Apache-2.0
 * add.h - what the tests of the table know of add. Included by chapters.h. */
static inline void add_exact(const op_run *r, int64_t b, double *const x[], double *const p[],
                             double *y)
{
    (void)b, (void)p;
    for (int64_t i = 0; i < r->n_out; i++) y[i] = x[0][i] + x[1][i];
}

static const chapter chapter_add = {
    .op = "add",
    .exact = add_exact,
    .small = {{.B = 4, PAIR(VECTOR(7))}, {.B = 2, PAIR({2, {3, 5}})}, {.B = 3, PAIR({0})}},
    .big = {.B = 300, PAIR(VECTOR(331))},
    .backward_reads = READS_DY};
