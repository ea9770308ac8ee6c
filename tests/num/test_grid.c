/* SPDX-License-Identifier: Apache-2.0
 * Goal: sums on a grid are what num/grid.h says, to the last bit: every term is rounded to the
 * nearest multiple of the grid, none is ever half-way, and nothing else has a say: not order,
 * nor cuts of rows, places in a tile, strides, threads, instruction set. Method: every kernel,
 * alone and through onus_grid_outer, against integers: a term's factors are taken apart into
 * mantissas and exponents, multiplied and rounded in 128 bits here, and the multiples added.
 * Then terms that would be half-way without the odd bit: plain multiply-adds give them a sum
 * that changes with the order (shown), ours does not. Where this machine lacks an instruction
 * set the test says so; the template in its shape is then still run, on plain arrays: AVX-512's
 * here, NEON's by test_grid_lanes2.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "num/grid.h"
#include "num/grid_kernels.h"
#include "num/kernels.h"

/* ---- the template on plain arrays -------------------------------------------------------- */

#ifndef LANES
#define LANES      8 /* AVX-512 */
#define TALL       14
#define HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#endif

typedef struct {
    double x[LANES];
} vec, vec_num;

static vec vec_load(const double *p)
{
    vec v;
    memcpy(v.x, p, sizeof v.x);
    return v;
}

static void vec_store(double *p, vec v)
{
    memcpy(p, v.x, sizeof v.x);
}

static vec vec_all(double x)
{
    vec v;
    for (int i = 0; i < LANES; i++) v.x[i] = x;
    return v;
}

static vec vec_fma(vec a, vec b, vec c)
{
    for (int i = 0; i < LANES; i++) c.x[i] = fma(a.x[i], b.x[i], c.x[i]);
    return c;
}

static vec vec_add(vec a, vec b)
{
    for (int i = 0; i < LANES; i++) a.x[i] += b.x[i];
    return a;
}

static vec vec_sub(vec a, vec b)
{
    for (int i = 0; i < LANES; i++) a.x[i] -= b.x[i];
    return a;
}

static vec vec_mul(vec a, vec b)
{
    for (int i = 0; i < LANES; i++) a.x[i] *= b.x[i];
    return a;
}

static vec vec_of_n(const float *p, int n)
{
    vec v = {{0.0}};
    for (int i = 0; i < n; i++) v.x[i] = (double)p[i];
    return v;
}

static vec vec_odd(vec v)
{
    for (int i = 0; i < LANES; i++) v.x[i] = onus_grid_odd(v.x[i]);
    return v;
}

#define vec_set1(p)     vec_all(*(p))
#define vec_of(p)       vec_of_n(p, LANES)
#define VW              LANES
#define GRID_MR         TALL
#define GRID_HEIGHTS(X) HEIGHTS(X)
#define GRID_TILE_NAME  grid_tile_arrays
static void grid_tile_arrays(ONUS_GRID_TILE_ARGS);
#include "num/grid_template.h"

/* ---- kernels under test ------------------------------------------------------------------ */

typedef struct {
    const char *name;
    void (*fn)(ONUS_GRID_TILE_ARGS); /* NULL: not in this build, or not on this machine */
} kernel;

#if defined(__x86_64__)
#define X86(fn)      fn
#define ARM(fn)      NULL
#define HAS(feature) (__builtin_cpu_supports(feature) != 0)
#else
#define X86(fn)      NULL
#define ARM(fn)      fn
#define HAS(feature) true
#endif
#define N_KERNELS 6

static void kernels_here(kernel out[N_KERNELS])
{
    const bool fma = HAS("fma"), avx2 = fma && HAS("avx2");
    const bool avx512 = avx2 && HAS("avx512f") && HAS("avx512dq") && HAS("avx512vl");
    const kernel all[N_KERNELS] = {
        {"ref", onus_grid_tile_ref},
        {"fma", fma ? onus_grid_tile_fma : NULL},
        {"avx2", avx2 ? X86(onus_grid_tile_avx2) : NULL},
        {"avx512", avx512 ? X86(onus_grid_tile_avx512) : NULL},
        {"neon", ARM(onus_grid_tile_neon)},
        {"a template on arrays", grid_tile_arrays},
    };
    memcpy(out, all, sizeof all);
}

/* ---- the same in integers ---------------------------------------------------------------- */

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 uwide;

/* v = m 2^*exponent, |m| < 2^53 */
static int64_t apart(double v, int *exponent)
{
    const double m = frexp(v, exponent);
    *exponent -= 53;
    return (int64_t)ldexp(m, 53);
}

static int bits_of(uwide v)
{
    int n = 0;
    for (; v; v >>= 1) n++;
    return n;
}

/* v / 2^by, to the nearest; half-way to the even one, and *tie says so. */
static uwide shifted(uwide v, int by, bool *tie)
{
    *tie = false;
    if (by <= 0) return v << -by;
    if (by > 120) return 0;
    const uwide half = (uwide)1 << (by - 1), rest = v & (2 * half - 1);
    *tie = rest == half;
    const uwide down = v >> by;
    return down + (rest > half || (*tie && (down & 1)));
}

/* odd(RN53(w v)) as a mantissa of 53 bits and an exponent, v = m 2^e with m below 2^53. The
 * tests keep clear of binary64's subnormals, where a term is 0 on any grid they use. */
static int64_t weighted(double w, int64_t m, int e, int *exponent)
{
    int we;
    bool tie;
    const wide product = (wide)apart(w, &we) * m;
    const uwide size = product < 0 ? (uwide)-product : (uwide)product;
    if (size == 0) return *exponent = 0;
    const int by = bits_of(size) - 53;
    uwide r = shifted(size, by, &tie);
    *exponent = we + e + by;
    if (r >> 53) { /* rounded up to a power of two */
        r >>= 1;
        *exponent += 1;
    }
    r |= 1;
    return product < 0 ? -(int64_t)r : (int64_t)r;
}

/* The multiple of 2^g nearest to x odd(w m 2^e). No term may be half-way. */
static int64_t nearest(float x, double w, int64_t m, int e, int g)
{
    int xe, de;
    bool tie;
    const int64_t xm = apart((double)x, &xe) >> 29, dm = weighted(w, m, e, &de);
    const wide product = (wide)xm * dm;
    const uwide size = product < 0 ? (uwide)-product : (uwide)product;
    if (size == 0) return 0;
    const uwide r = shifted(size, g - (xe + 29) - de, &tie);
    assert_false(tie);
    assert_true(r < (uwide)1 << 51);
    return product < 0 ? -(int64_t)r : (int64_t)r;
}

static int64_t term(float x, double w, float d, int g)
{
    int e;
    const int64_t m = apart((double)d, &e);
    return nearest(x, w, m, e, g);
}

/* ---- numbers ----------------------------------------------------------------------------- */

static uint64_t state;

static uint64_t word(void) /* splitmix64 (Steele and others 2014) */
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int between(int a, int b)
{
    return a + (int)(word() % (uint64_t)(b - a + 1));
}

static float real(int lo, int hi) /* any mantissa, binary exponents lo .. hi */
{
    const float m = 1.0f + (float)(word() >> 41) * 0x1p-23f;
    return ldexpf(word() & 1 ? m : -m, between(lo, hi));
}

/* What numbers a case is made of; terms stay below 2^38 grid, and 3,000 of them below 2^50. */
typedef enum {
    TRAINING, /* as they come */
    WIDE,     /* from far below the grid to far above, zeros, subnormals */
    HALVES,   /* mantissas of few bits: many a term is half-way but for the odd bit */
    UNEQUAL,  /* huge x, tiny d, subnormals among them, or the other way round */
    LARGE,    /* close to what binary32 holds, on a grid of 2^205 */
    N_KINDS
} kind;

static const int grid_of[N_KINDS] = {-38, -30, 0, -39, 205};

static float x_of(kind k)
{
    switch (k) {
    case TRAINING: return real(-4, -1);
    case WIDE: return word() % 8 == 0 ? 0.0f : real(-50, 3);
    case HALVES: return (float)between(-3, 3);
    case UNEQUAL: return word() & 1 ? real(110, 127) : real(-149, -125);
    default: return real(115, 120);
    }
}

static float d_of(kind k)
{
    switch (k) {
    case TRAINING: return real(-6, -1);
    case WIDE: return word() % 8 == 0 ? -0.0f : real(-50, 3);
    case HALVES: return ldexpf((float)between(-7, 7), between(-4, 3));
    case UNEQUAL: return real(-149, -130);
    default: return real(116, 121);
    }
}

static double weight_of(kind k)
{
    if (word() % 6 == 0) return 0.0;
    if (k == HALVES) return ldexp(1.0, between(-3, 0));
    return word() % 6 == 0 ? 1.0 : (double)(word() >> 11) * 0x1p-53;
}

/* One product, its integers, and what a kernel makes of it. d, x and the sum stand in longer
 * rows, whose rest is NaN: read, it would show. */
typedef struct {
    kind k;
    int64_t rows, u, n;
    onus_grid_outer_args a;
    float *d, *x;
    double *weight, *sum, *start;
    int64_t *want; /* (u, n), multiples */
} item;

static void *memory(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 64) / 64 * 64);
    assert_non_null(p);
    return p;
}

static float *numbers(int64_t rows, int64_t n, int64_t ld, kind k, float (*of)(kind))
{
    float *p = memory((size_t)(rows * ld) * sizeof *p);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < ld; j++) p[i * ld + j] = j < n ? of(k) : NAN;
    return p;
}

static void item_init(item *t, kind k, int64_t rows, int64_t u, int64_t n)
{
    const int64_t ldd = u + between(0, 3), ldx = n + between(0, 3), ld = n + between(0, 3);
    *t = (item){.k = k, .rows = rows, .u = u, .n = n};
    t->d = numbers(rows, u, ldd, k, d_of);
    t->x = numbers(rows, n, ldx, k, x_of);
    t->weight = memory((size_t)rows * sizeof *t->weight);
    for (int64_t r = 0; r < rows; r++) t->weight[r] = weight_of(k);
    t->sum = memory((size_t)(u * ld) * sizeof *t->sum);
    t->start = memory((size_t)(u * ld) * sizeof *t->start);
    t->want = memory((size_t)(u * n) * sizeof *t->want);
    const double grid = ldexp(1.0, grid_of[k]);
    const int64_t per = between(1, 5);
    for (int64_t i = 0; i < u; i++)
        for (int64_t j = 0; j < ld; j++) {
            const int64_t first = (int64_t)(word() >> 15) - ((int64_t)1 << 48);
            t->start[i * ld + j] = j < n ? (double)first * grid : NAN;
            if (j >= n) continue;
            int64_t s = first;
            for (int64_t r = 0; r < rows; r++)
                s += term(t->x[r * ldx + j], t->weight[r / per], t->d[r * ldd + i], grid_of[k]);
            t->want[i * n + j] = s;
        }
    t->a = (onus_grid_outer_args){grid, rows, u,         n,   t->d,   ldd,
                                  t->x, ldx,  t->weight, per, t->sum, ld};
}

static void item_release(item *t)
{
    free(t->d);
    free(t->x);
    free(t->weight);
    free(t->sum);
    free(t->start);
    free(t->want);
}

static void sum_start(item *t)
{
    memcpy(t->sum, t->start, (size_t)(t->u * t->a.ld) * sizeof *t->sum);
}

static void sum_holds(const item *t, const char *who)
{
    for (int64_t i = 0; i < t->u; i++)
        for (int64_t j = 0; j < t->a.ld; j++) {
            const double is = t->sum[i * t->a.ld + j];
            if (j >= t->n ? isnan(is) : is == (double)t->want[i * t->n + j] * t->a.grid)
                continue;
            fail_msg("%s: kind %d, %ld rows, (%ld, %ld) of (%ld, %ld): %a, expected %a", who,
                     t->k, (long)t->rows, (long)i, (long)j, (long)t->u, (long)t->n, is,
                     j < t->n ? (double)t->want[i * t->n + j] * t->a.grid : NAN);
        }
}

/* Scratch that holds NaN, as anything may stand there, and a mark after its end. */
static void *scratch_of(size_t bytes)
{
    char *p = memory(bytes + 64);
    memset(p, 0xff, bytes + 64);
    return p;
}

static void scratch_release(void *scratch, size_t bytes)
{
    const unsigned char *p = scratch;
    for (size_t i = bytes; i < bytes + 64; i++) assert_int_equal(p[i], 0xff);
    free(scratch);
}

static void every_kernel(item *t)
{
    kernel all[N_KERNELS];
    kernels_here(all);
    const size_t bytes = onus_grid_outer_serial_bytes(t->u, t->n);
    for (int k = 0; k < N_KERNELS; k++) {
        if (!all[k].fn) continue;
        void *scratch = scratch_of(bytes);
        const onus_grid_part whole = {.r1 = t->rows, .i1 = t->u, .j1 = t->n};
        sum_start(t);
        all[k].fn(&t->a, &whole, scratch);
        sum_holds(t, all[k].name);
        scratch_release(scratch, bytes);
    }
}

/* ---- tests ------------------------------------------------------------------------------- */

static void test_odd(void **s)
{
    (void)s;
    assert_true(onus_grid_odd(1.0) == 1.0 + 0x1p-52);
    assert_true(onus_grid_odd(-1.5) == -1.5 - 0x1p-52);
    assert_true(onus_grid_odd(1.0 + 0x1p-52) == 1.0 + 0x1p-52);
    assert_true(onus_grid_odd(2.0) == 2.0 + 0x1p-51);
    assert_true(onus_grid_odd(0.0) == 0.0 && !signbit(onus_grid_odd(0.0)));
    assert_true(onus_grid_odd(-0.0) == 0.0);
    assert_true(onus_grid_odd(0x1p-1073) == 0x1.8p-1073);
    assert_true(onus_grid_odd(0x1.fffffffffffffp1023) == 0x1.fffffffffffffp1023);
}

/* Every edge of a tile on either side, then sides and rows around the blocks' ends. */
static void test_shapes(void **s)
{
    (void)s;
    static const struct {
        int rows, u, n;
    } large[] = {{257, 3, 5},   {256, 14, 16}, {600, 2, 9}, {513, 17, 1},  {3, 167, 30},
                 {5, 168, 33},  {4, 169, 17},  {3, 337, 6}, {2, 9, 511},   {2, 15, 513},
                 {3, 8, 1030},  {1, 513, 5},   {2, 520, 7}, {257, 170, 3}, {258, 5, 170},
                 {259, 1, 515}, {300, 180, 16}};
    state = 1;
    for (int u = 1; u <= 31; u++)
        for (int n = 1; n <= 35; n++) {
            item t;
            item_init(&t, (kind)(word() % N_KINDS), between(1, 9), u, n);
            every_kernel(&t);
            item_release(&t);
        }
    for (int k = 0; k < N_KINDS; k++)
        for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
            item t;
            item_init(&t, (kind)k, large[i].rows, large[i].u, large[i].n);
            every_kernel(&t);
            item_release(&t);
        }
}

/* Through the pool: the same integers, whatever is cut; scratch asked for a larger sum does. */
static void test_threads(void **s)
{
    (void)s;
    static const struct {
        int rows, u, n;
    } sizes[] = {{1, 1, 1},     {300, 40, 50}, {2000, 5, 9}, {700, 1, 64}, {700, 64, 1},
                 {40, 200, 90}, {9, 90, 600},  {64, 90, 91}, {3000, 2, 2}};
    state = 2;
    for (int threads = 1; threads <= 3; threads++) {
        onus_exec ex = {0};
        if (threads > 1)
            assert_int_equal(onus_pool_create(&ex.pool, threads, NULL, NULL), ONUS_OK);
        const size_t bytes = onus_grid_outer_bytes(&ex, 200, 600);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            item t;
            item_init(&t, (kind)(i % N_KINDS), sizes[i].rows, sizes[i].u, sizes[i].n);
            for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
                ex.k = onus_kernels_of((onus_isa)isa);
                if (!ex.k) continue;
                const size_t own = i % 2 ? bytes : onus_grid_outer_bytes(&ex, t.u, t.n);
                const size_t serial = onus_grid_outer_serial_bytes(t.u, t.n);
                void *scratch = scratch_of(own), *alone = scratch_of(serial);
                sum_start(&t);
                onus_grid_outer(&ex, &t.a, scratch);
                sum_holds(&t, ex.k->name);
                sum_start(&t);
                onus_grid_outer_serial(&ex, &t.a, alone);
                sum_holds(&t, ex.k->name);
                scratch_release(scratch, own);
                scratch_release(alone, serial);
            }
            item_release(&t);
        }
        onus_pool_destroy(ex.pool);
    }
}

static void swap_rows(float *p, int64_t ld, int64_t a, int64_t b)
{
    for (int64_t j = 0; j < ld; j++) {
        const float t = p[a * ld + j];
        p[a * ld + j] = p[b * ld + j];
        p[b * ld + j] = t;
    }
}

/* Rows in another order, in pieces, and parts of the sum one by one. */
static void test_cuts(void **s)
{
    (void)s;
    kernel all[N_KERNELS];
    kernels_here(all);
    state = 3;
    for (int turn = 0; turn < 2 * N_KINDS; turn++) {
        item t;
        item_init(&t, (kind)(turn % N_KINDS), between(20, 60), between(10, 40),
                  between(10, 40));
        onus_grid_outer_args *a = &t.a;
        double *each =
            memory((size_t)t.rows * sizeof *each); /* rows take their weights along */
        for (int64_t r = 0; r < t.rows; r++) each[r] = t.weight[r / a->rows_per_weight];
        a->weight = each;
        a->rows_per_weight = 1;
        for (int64_t r = t.rows - 1; r > 0; r--) {
            const int64_t o = between(0, (int)r);
            const double w = each[r];
            each[r] = each[o];
            each[o] = w;
            swap_rows(t.d, a->ldd, r, o);
            swap_rows(t.x, a->ldx, r, o);
        }
        const size_t bytes = onus_grid_outer_serial_bytes(t.u, t.n);
        for (int k = 0; k < N_KERNELS; k++) {
            if (!all[k].fn) continue;
            void *scratch = scratch_of(bytes);
            const int64_t r = between(1, (int)t.rows), i = between(1, (int)t.u),
                          j = between(1, (int)t.n);
            sum_start(&t);
            for (int p = 0; p < 8; p++) {
                const onus_grid_part part = {p & 1 ? r : 0, p & 1 ? t.rows : r,
                                             p & 2 ? i : 0, p & 2 ? t.u : i,
                                             p & 4 ? j : 0, p & 4 ? t.n : j};
                all[k].fn(a, &part, scratch);
            }
            sum_holds(&t, all[k].name);
            scratch_release(scratch, bytes);
        }
        free(each);
        item_release(&t);
    }
}

/* 1/2 and 1 on a grid of 1. Plain multiply-adds, from the same start: 1/2 first is half-way
 * between 0 and 1 and becomes 0, after 1 it is half-way between 1 and 2 and becomes 2 - 1; the
 * sum is 1 or 2. With the odd bit 1/2 is a little more than half, in any order: 2. */
static void test_half_way(void **s)
{
    (void)s;
    const double start = onus_grid_start(1.0);
    assert_true(fma(1.0, 1.0, fma(1.0, 0.5, start)) - start == 1.0);
    assert_true(fma(1.0, 0.5, fma(1.0, 1.0, start)) - start == 2.0);

    enum { N = 16 }; /* the same among many, in every tile of every kernel */
    static float d[2 * N], x[2 * N];
    const double one[2] = {1.0, 1.0};
    kernel all[N_KERNELS];
    kernels_here(all);
    for (int order = 0; order < 2; order++) {
        for (int i = 0; i < N; i++) {
            x[i] = x[N + i] = i % 2 ? 1.0f : -3.0f;
            d[order * N + i] = 0.5f;
            d[(1 - order) * N + i] = 1.0f;
        }
        for (int k = 0; k < N_KERNELS; k++) {
            if (!all[k].fn) continue;
            double sum[N * N] = {0.0};
            void *scratch = scratch_of(onus_grid_outer_serial_bytes(N, N));
            const onus_grid_outer_args a = {1.0, 2, N, N, d, N, x, N, one, 1, sum, N};
            const onus_grid_part whole = {.r1 = 2, .i1 = N, .j1 = N};
            all[k].fn(&a, &whole, scratch);
            for (int i = 0; i < N * N; i++)
                assert_true(sum[i] == (i % 2 ? 1.0 + 1.0 : -3.0 - 2.0));
            free(scratch);
        }
    }
}

/* Terms as large as the bound allows, up to 2^48 grid each, whose fractions of the grid are the
 * last few bits of d'. */
static void test_near_the_bound(void **s)
{
    (void)s;
    kernel all[N_KERNELS];
    kernels_here(all);
    state = 4;
    for (int turn = 0; turn < 2000; turn++) {
        const float x[2] = {real(0, 0), real(-3, 3)}, d[2] = {real(44, 47), real(40, 44)};
        const double w[2] = {(double)(word() >> 11) * 0x1p-53, turn % 3 ? 1.0 : 0.5};
        const int64_t first = (int64_t)(word() >> 15) - ((int64_t)1 << 48);
        const int64_t want = first + term(x[0], w[0], d[0], 0) + term(x[1], w[1], d[1], 0);
        for (int k = 0; k < N_KERNELS; k++) {
            if (!all[k].fn) continue;
            double sum = (double)first;
            void *pack = scratch_of(onus_grid_outer_serial_bytes(1, 1));
            const onus_grid_outer_args a = {1.0, 2, 1, 1, d, 1, x, 1, w, 1, &sum, 1};
            const onus_grid_part whole = {.r1 = 2, .i1 = 1, .j1 = 1};
            all[k].fn(&a, &whole, pack);
            assert_true(sum == (double)want);
            free(pack);
        }
    }
}

/* Sums of vectors: one factor alone. */
static void test_elementwise(void **s)
{
    (void)s;
    enum { N = 203 };
    state = 5;
    for (int turn = 0; turn < 40 * N_KINDS; turn++) {
        const kind k = (kind)(turn % N_KINDS);
        const int n = between(0, N);
        /* a factor alone is as large as a product is elsewhere */
        const int alone = k == LARGE ? 90 : k == UNEQUAL ? -150 : grid_of[k];
        const double w = weight_of(k);
        float d[N];
        double sum[N + 1], got[N + 1];
        for (int j = 0; j <= N; j++) {
            if (j < N) d[j] = d_of(k);
            sum[j] = j < n ? ldexp((double)(word() >> 16), alone) : NAN;
        }
        memcpy(got, sum, sizeof sum);
        onus_grid_add(ldexp(1.0, alone), w, d, got, n);
        for (int j = 0; j < n; j++)
            assert_true(got[j] == sum[j] + ldexp((double)term(1.0f, w, d[j], alone), alone));
        for (int j = n; j <= N; j++) assert_true(isnan(got[j]));
    }
}

/* A weight so small that the product with d is subnormal in binary64, or 0: the odd bit is then
 * no longer the 53rd, and nothing can come of it. */
static void test_tiny_weights(void **s)
{
    (void)s;
    kernel all[N_KERNELS];
    kernels_here(all);
    const float d[4] = {0x1p-100f, 0x1p-60f, -0x1p-149f, FLT_MAX}, x[4] = {FLT_MAX, 1, 1, 1};
    const double w[4] = {0x1p-950, 0x1p-1000, 0x1p-1074, 0x1p-1074};
    for (int k = 0; k < N_KERNELS; k++) {
        if (!all[k].fn) continue;
        double sum = 5 * 0x1p-800;
        void *scratch = scratch_of(onus_grid_outer_serial_bytes(1, 1));
        const onus_grid_outer_args a = {0x1p-800, 4, 1, 1, d, 1, x, 1, w, 1, &sum, 1};
        const onus_grid_part whole = {.r1 = 4, .i1 = 1, .j1 = 1};
        all[k].fn(&a, &whole, scratch);
        assert_true(sum == 5 * 0x1p-800);
        free(scratch);
    }
}

/* Nothing to add leaves the sum as it is. */
static void test_nothing(void **s)
{
    (void)s;
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    double sum = 3.0;
    const float one = 1.0f;
    const double w = 1.0;
    onus_grid_outer_args a = {1.0, 0, 1, 1, &one, 1, &one, 1, &w, 1, &sum, 1};
    void *scratch = scratch_of(onus_grid_outer_bytes(&ex, 1, 1));
    onus_grid_outer(&ex, &a, scratch);
    onus_grid_outer_serial(&ex, &a, scratch);
    a.rows = 1;
    a.u = 0;
    onus_grid_outer(&ex, &a, scratch);
    onus_grid_outer_serial(&ex, &a, scratch);
    a.u = 1;
    a.n = 0;
    onus_grid_outer(&ex, &a, scratch);
    onus_grid_outer_serial(&ex, &a, scratch);
    assert_true(sum == 3.0);
    free(scratch);
}

int main(void)
{
    kernel all[N_KERNELS];
    kernels_here(all);
    for (int k = 0; k < N_KERNELS; k++)
        if (!all[k].fn) print_message("# %s: not proven on this machine\n", all[k].name);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_odd),          cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_threads),      cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_half_way),     cmocka_unit_test(test_near_the_bound),
        cmocka_unit_test(test_elementwise),  cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_tiny_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
