/* SPDX-License-Identifier: Apache-2.0
 * dropout.h - what the tests of the table know of dropout. Included by chapters.h. */
/* Contract, item 9: word of the element's place in the logical batch; kept if >= floor(p
 * 2^32). */
static inline void dropout_exact(const op_run *r, int64_t b, double *const x[],
                                 double *const p[], double *y)
{
    (void)p;
    const onus_call *c = &r->call;
    const uint32_t key[2] = {(uint32_t)c->seed, (uint32_t)(c->seed >> 32)};
    for (int64_t i = 0; i < r->n_out; i++) {
        const uint64_t place = (uint64_t)((c->first + b) * r->n_out + i);
        const uint32_t ctr[4] = {(uint32_t)(place / 4), c->step, c->node, 3};
        uint32_t words[4];
        onus_philox(key, ctr, words);
        const bool kept = (double)words[place % 4] >= floor(r->attr[0].r * 0x1p32);
        y[i] = kept ? x[0][i] / (1 - r->attr[0].r) : 0;
    }
}

static const chapter chapter_dropout = {
    .op = "dropout",
    .exact = dropout_exact,
    .small = {{{0.4}, VECTOR(7), 4}, {{0.99}, {2, {3, 5}}, 2}, {{0}, VECTOR(3), 2}},
    .big = {{0.25}, VECTOR(331), 300},
    .loops_forward = {2, 0}, /* the draw, the scaling */
    .loops_backward = {1, 0},
    .backward_reads = READS_DY};
