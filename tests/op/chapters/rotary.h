/* SPDX-License-Identifier: Apache-2.0
 * rotary.h - what the tests of the table know of rotary. Included by chapters.h. */
static inline void rotary_exact(const op_run *r, int64_t b, double *const x[],
                                double *const p[], double *y)
{
    (void)b, (void)p;
    const int64_t d = r->in_shape[0].d[1], size = r->attr[0].i, half = size / 2;
    for (int64_t e = 0; e < r->n_out; e++) {
        const int64_t t = e / d, j = e % size; /* place in its head */
        const bool pairs = r->attr[2].i;
        const int64_t i = pairs ? j / 2 : j % half; /* its pair */
        const bool second = pairs ? j % 2 : j >= half;
        const int64_t other = e + (second ? -1 : 1) * (pairs ? 1 : half);
        const double angle = (double)t * pow(r->attr[1].r, -2.0 * (double)i / (double)size);
        y[e] = x[0][e] * cos(angle) + (second ? 1 : -1) * x[0][other] * sin(angle);
    }
}

/* 3 operations an element; the angle of each pair of a position (its sine and cosine count as
 * kernels). */
static inline double rotary_loops(const op_run *r, onus_pass pass)
{
    (void)pass;
    return 3.0 * (double)(r->B * r->n_in[0]) +
           0.5 * (double)(r->in_shape[0].d[0] * r->attr[0].i);
}

static const chapter chapter_rotary = {.op = "rotary",
                                       .exact = rotary_exact,
                                       .small = {{{4, 10000, 0}, {2, {5, 8}}, 3},
                                                 {{4, 10000, 1}, {2, {5, 8}}, 2},
                                                 {{2, 10, 0}, {2, {1, 2}}, 1},
                                                 {{6, 500, 0}, {2, {30, 6}}, 1}},
                                       .big = {{16, 1e4, 0}, {2, {70, 48}}, 30},
                                       .backward_reads = READS_DY,
                                       .loops = rotary_loops};
