/* SPDX-License-Identifier: Apache-2.0
 * recurrent_run.h - a call of a layer of cells, as recurrent.c (its steps) and recurrent_sums.c
 * (what is added up over them) see it.
 *
 * Kept of a position: the cell's blocks, then four blocks of dz, which the way back leaves for
 * the products; and, in the first row of an example, what is known of it. */
#ifndef ONUS_OP_RECURRENT_RUN_H
#define ONUS_OP_RECURRENT_RUN_H
#include "num/gemm.h"
#include "num/kernels.h"
#include "op/recurrent.h"

enum { HIDDEN, REVERSE };
enum { W_IH, W_HH, B_IH, B_HH };

/* Who made the dz that stands in an example's rows. In training weighted_grad comes before
 * backward, which finds it done; in private training it comes last, with other output
 * gradients, and makes it again. */
enum { NOBODY, BACKWARD, WEIGHTED_GRAD };

/* In the first row of an example, behind its blocks. */
typedef struct {
    int64_t length, dz_by;
} onus_recurrent_example;
enum { PAD = 64 / sizeof(float) };

typedef struct {
    int64_t T, n, h, units; /* units: gates h, rows of the weights */
    int64_t dz, row;        /* floats: where dz begins, how long a row is */
} onus_recurrent_dims;

static inline onus_recurrent_dims dims_of(const onus_cell *cell, const onus_attr *attr,
                                          const onus_shape in[])
{
    const int64_t h = attr[HIDDEN].i;
    return (onus_recurrent_dims){.T = in[0].d[0],
                                 .n = in[0].d[1],
                                 .h = h,
                                 .units = cell->gates * h,
                                 .dz = cell->kept * h,
                                 .row = (cell->kept + 4) * h + PAD};
}

typedef struct {
    const onus_cell *cell;
    onus_call *c;
    onus_recurrent_dims d;
    int n_parts;
    int64_t part_rows;           /* examples of a part at most */
    int64_t *order, *places;     /* (B) examples by falling length; (T + 2) */
    float *zero;                 /* (h) */
    float *state, *carry, *wide; /* (rows of all parts) x h, h, 4 h */
    float *panels;               /* U as steps read it */
    float *joint;                /* (B, T, n + h): x beside the state before */
    float *both;                 /* (units, n + h): gradients of W beside U's */
    char *pack;                  /* a part's pack_bytes */
    size_t pack_bytes;
    float *sums;   /* (B, 2, units): dz over each example's steps */
    void *product; /* scratch of products on all threads */
} onus_recurrent_run;

typedef struct {
    char *base;
    size_t used;
} onus_recurrent_room;

static inline void *carve(onus_recurrent_room *m, int64_t n, size_t size)
{
    void *p = m->base ? m->base + m->used : NULL;
    m->used += ((size_t)n * size + ONUS_ALIGN - 1) & ~(size_t)(ONUS_ALIGN - 1);
    return p;
}

static inline size_t most_of(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline onus_recurrent_run run_of(const onus_cell *cell, onus_call *c)
{
    return (onus_recurrent_run){.cell = cell, .c = c, .d = dims_of(cell, c->attr, c->in_shape)};
}

static inline float *row_of(const onus_recurrent_run *r, int64_t b, int64_t t)
{
    return (float *)r->c->saved + (b * r->d.T + t) * r->d.row;
}

static inline onus_recurrent_example *example_of(const onus_recurrent_run *r, int64_t b)
{
    return (onus_recurrent_example *)(void *)(row_of(r, b, 0) + r->d.row - PAD);
}

/* Position of step s of an example. */
static inline int64_t position(const onus_recurrent_run *r, int64_t length, int64_t s)
{
    return r->c->attr[REVERSE].i ? length - 1 - s : s;
}

typedef void (*part_fn)(const onus_recurrent_run *r, int part);
/* fn for every part: one of them where there is too little work to wake others for. */
void onus_recurrent_parts(onus_recurrent_run *r, part_fn fn);
/* Step s of an example. */
onus_cell_step onus_recurrent_step(const onus_recurrent_run *r, int64_t b, int64_t s);
/* Whether dz of every position is that of `by`; makes it so, through time. */
bool onus_recurrent_has_dz(const onus_recurrent_run *r, int64_t by);
void onus_recurrent_make_dz(onus_recurrent_run *r, int64_t by);
/* Scratch of recurrent_sums.c. */
size_t onus_recurrent_sums_scratch(const onus_cell *cell, const onus_recurrent_dims *d,
                                   const onus_exec *ex, int64_t B);
#endif
