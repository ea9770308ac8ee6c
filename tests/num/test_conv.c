/* SPDX-License-Identifier: Apache-2.0
 * Goal: convolutions obey contract item 3, whatever the instruction set and the number of
 * threads: which terms a dot has, in which order, which of them are skipped. Method: all three
 * passes against loops written here from the contract's words, over shapes with every kind of
 * edge; numbers so small that chains stand at -0, where a zero that is multiplied is told from
 * a term that is skipped; weights that are not finite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "num/conv.h"
#include "num/kernels.h"
#include "num/tables.h"

static uint64_t word(uint64_t *s) /* xorshift64*, Vigna 2016 */
{
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return *s * 2685821657736338717u;
}

static float *numbers(int64_t n, float scale, uint64_t seed)
{
    void *p;
    uint64_t s = seed * 2 + 1;
    if (posix_memalign(&p, 64, (size_t)(n ? n : 1) * sizeof(float)) != 0) abort();
    for (int64_t i = 0; i < n; i++)
        ((float *)p)[i] = (float)((int64_t)(word(&s) >> 40) - (1 << 23)) * 0x1p-23f * scale;
    return p;
}

/* A sum of segments in the making. */
typedef struct {
    float total, chain;
    int64_t segment;
    bool any, any_segment;
} dot;

static void close_segment(dot *d)
{
    if (d->any) d->total = d->any_segment ? d->total + d->chain : d->chain;
    d->any_segment = d->any_segment || d->any;
    d->chain = 0.0f;
    d->any = false;
}

/* Term a b at place k. */
static void add(dot *d, int64_t k, float a, float b)
{
    if (k / 256 != d->segment) close_segment(d);
    d->segment = k / 256;
    d->chain = fmaf(a, b, d->chain);
    d->any = true;
}

static float end(dot *d)
{
    close_segment(d);
    return d->total;
}

/* x at (b, c, y, q) or NULL outside. */
static const float *pixel(const onus_conv *v, const float *x, int64_t b, int64_t c, int64_t y,
                          int64_t q)
{
    if (y < 0 || y >= v->H || q < 0 || q >= v->W) return NULL;
    return x + ((b * v->C + c) * v->H + y) * v->W + q;
}

static float forward_one(const onus_conv *v, const float *x, const float *w, const float *bias,
                         int64_t b, int64_t k, int64_t oy, int64_t ox)
{
    const int64_t Cg = v->C / v->groups, g = k / (v->K / v->groups);
    dot d = {0};
    int64_t at = 0;
    for (int64_t c = 0; c < Cg; c++)
        for (int64_t ky = 0; ky < v->kh; ky++)
            for (int64_t kx = 0; kx < v->kw; kx++, at++) {
                const float *p =
                    pixel(v, x, b, g * Cg + c, oy * v->stride + ky * v->dilation - v->padding,
                          ox * v->stride + kx * v->dilation - v->padding);
                add(&d, at, w[k * Cg * v->kh * v->kw + at], p ? *p : 0.0f);
            }
    const float sum = end(&d);
    return bias ? sum + bias[k] : sum;
}

static float back_one(const onus_conv *v, const float *dy, const float *w, int64_t b, int64_t c,
                      int64_t y, int64_t x)
{
    const int64_t Cg = v->C / v->groups, Kg = v->K / v->groups, g = c / Cg;
    dot d = {0};
    int64_t at = 0;
    for (int64_t k = g * Kg; k < (g + 1) * Kg; k++)
        for (int64_t ky = 0; ky < v->kh; ky++)
            for (int64_t kx = 0; kx < v->kw; kx++, at++) {
                const int64_t oy = y + v->padding - ky * v->dilation,
                              ox = x + v->padding - kx * v->dilation;
                if (oy < 0 || ox < 0 || oy % v->stride || ox % v->stride ||
                    oy / v->stride >= v->OH || ox / v->stride >= v->OW)
                    continue;
                add(&d, at, w[((k * Cg + c % Cg) * v->kh + ky) * v->kw + kx],
                    dy[((b * v->K + k) * v->OH + oy / v->stride) * v->OW + ox / v->stride]);
            }
    return end(&d);
}

static float weight_one(const onus_conv *v, int64_t B, const float *x, const float *dy,
                        int64_t k, int64_t c, int64_t ky, int64_t kx)
{
    const int64_t Cg = v->C / v->groups, g = k / (v->K / v->groups);
    dot d = {0};
    int64_t at = 0;
    for (int64_t b = 0; b < B; b++)
        for (int64_t oy = 0; oy < v->OH; oy++)
            for (int64_t ox = 0; ox < v->OW; ox++, at++) {
                const float *p =
                    pixel(v, x, b, g * Cg + c, oy * v->stride + ky * v->dilation - v->padding,
                          ox * v->stride + kx * v->dilation - v->padding);
                add(&d, at, dy[((b * v->K + k) * v->OH + oy) * v->OW + ox], p ? *p : 0.0f);
            }
    return end(&d);
}

/* ---- all passes against it --------------------------------------------------------------- */

typedef struct {
    onus_conv v;
    int64_t B;
    float *x, *w, *bias, *dy; /* given */
    float *y, *dx, *dw;       /* by the contract */
    float *y_got, *dx_got, *dw_got;
    int64_t n_x, n_y, n_w;
} trial;

static void trial_make(trial *t, const onus_conv *v, int64_t B, float x_scale, float w_scale,
                       float dy_scale)
{
    *t = (trial){.v = *v, .B = B};
    t->v.OH = (v->H + 2 * v->padding - (v->kh - 1) * v->dilation - 1) / v->stride + 1;
    t->v.OW = (v->W + 2 * v->padding - (v->kw - 1) * v->dilation - 1) / v->stride + 1;
    t->n_x = B * v->C * v->H * v->W;
    t->n_y = B * v->K * t->v.OH * t->v.OW;
    t->n_w = v->K * (v->C / v->groups) * v->kh * v->kw;
    t->x = numbers(t->n_x, x_scale, 1);
    t->w = numbers(t->n_w, w_scale, 2);
    t->bias = numbers(v->K, 1, 3);
    t->dy = numbers(t->n_y, dy_scale, 4);
    float **const out[] = {&t->y, &t->y_got, &t->dx, &t->dx_got, &t->dw, &t->dw_got};
    const int64_t n[] = {t->n_y, t->n_y, t->n_x, t->n_x, t->n_w, t->n_w};
    for (int i = 0; i < 6; i++) *out[i] = numbers(n[i], 1, 5);
}

static void trial_free(trial *t)
{
    float *const all[] = {t->x,  t->w,  t->bias,  t->dy,     t->y,
                          t->dx, t->dw, t->y_got, t->dx_got, t->dw_got};
    for (int i = 0; i < 10; i++) free(all[i]);
}

static void by_the_contract(trial *t)
{
    const onus_conv *v = &t->v;
    const int64_t P = v->OH * v->OW, taps = v->kh * v->kw, Cg = v->C / v->groups;
    for (int64_t i = 0; i < t->n_y; i++)
        t->y[i] = forward_one(v, t->x, t->w, t->bias, i / (v->K * P), i / P % v->K,
                              i / v->OW % v->OH, i % v->OW);
    for (int64_t i = 0; i < t->n_x; i++)
        t->dx[i] = back_one(v, t->dy, t->w, i / (v->C * v->H * v->W), i / (v->H * v->W) % v->C,
                            i / v->W % v->H, i % v->W);
    for (int64_t i = 0; i < t->n_w; i++)
        t->dw[i] = weight_one(v, t->B, t->x, t->dy, i / (Cg * taps), i / taps % Cg,
                              i / v->kw % v->kh, i % v->kw);
}

static void same(const float *got, const float *want, int64_t n, const char *what,
                 const trial *t, const char *isa, int threads)
{
    for (int64_t i = 0; i < n; i++) {
        if (got[i] != got[i] && want[i] != want[i]) continue;
        if (memcmp(&got[i], &want[i], sizeof *got) != 0)
            fail_msg(
                "%s, %d threads: %s [%lld] of %lld x %lldx%lldx%lld -> %lld, kernel %lldx%lld, "
                "stride %lld, padding %lld, dilation %lld, groups %lld is %a, not %a",
                isa, threads, what, (long long)i, (long long)t->B, (long long)t->v.C,
                (long long)t->v.H, (long long)t->v.W, (long long)t->v.K, (long long)t->v.kh,
                (long long)t->v.kw, (long long)t->v.stride, (long long)t->v.padding,
                (long long)t->v.dilation, (long long)t->v.groups, (double)got[i],
                (double)want[i]);
    }
}

static onus_pool *pools[4];

static void run_on(trial *t, const onus_kernels *k, int threads)
{
    const onus_exec ex = {.k = k, .pool = pools[threads]};
    void *scratch;
    if (posix_memalign(&scratch, 64, onus_conv_scratch_bytes(&ex, &t->v, t->B)) != 0) abort();
    onus_conv_forward(&ex, &t->v, t->B, t->x, t->w, t->bias, t->y_got, scratch);
    onus_conv_back_input(&ex, &t->v, t->B, t->dy, t->w, t->dx_got, scratch);
    onus_conv_back_weight(&ex, &t->v, t->B, t->x, t->dy, t->dw_got, false, scratch);
    free(scratch);
    same(t->y_got, t->y, t->n_y, "the output", t, k->name, threads);
    same(t->dx_got, t->dx, t->n_x, "the input's gradient", t, k->name, threads);
    same(t->dw_got, t->dw, t->n_w, "the weight's gradient", t, k->name, threads);
}

static void run_everywhere(trial *t)
{
    const int least = getenv("ONUS_SHORT") ? 3 : 1;
    by_the_contract(t);
    run_on(t, &onus_kernels_ref, 1);
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++)
        for (int threads = least; onus_kernels_of((onus_isa)isa) && threads <= 3; threads++)
            run_on(t, onus_kernels_of((onus_isa)isa), threads);
}

static const struct {
    onus_conv v;
    int64_t B;
} shapes[] = {
    /* C H W K . . kh kw stride padding dilation groups */
    {{3, 8, 8, 5, 0, 0, 3, 3, 1, 1, 1, 1}, 3},
    {{30, 4, 4, 17, 0, 0, 3, 3, 1, 1, 1, 1}, 9},
    {{2, 5, 7, 33, 0, 0, 3, 3, 1, 1, 1, 1}, 2},
    {{31, 7, 7, 15, 0, 0, 3, 3, 2, 1, 1, 1}, 5},
    {{4, 9, 6, 6, 0, 0, 3, 2, 2, 1, 1, 2}, 3},
    {{5, 6, 5, 7, 0, 0, 1, 1, 2, 0, 1, 1}, 4},
    {{3, 23, 17, 4, 0, 0, 7, 7, 2, 3, 1, 1}, 2},
    {{2, 9, 40, 3, 0, 0, 3, 5, 1, 2, 1, 1}, 1},
    {{6, 6, 6, 6, 0, 0, 3, 3, 1, 1, 1, 6}, 3},
    {{4, 7, 7, 8, 0, 0, 3, 3, 1, 2, 2, 2}, 2},
    {{3, 8, 9, 2, 0, 0, 2, 2, 3, 0, 1, 1}, 2},
    {{2, 4, 4, 2, 0, 0, 4, 4, 1, 0, 1, 1}, 7},
    {{1, 3, 3, 1, 0, 0, 3, 3, 4, 3, 1, 1}, 2},
    {{2, 6, 6, 3, 0, 0, 2, 2, 3, 2, 3, 1}, 2},
    {{300, 2, 2, 8, 0, 0, 1, 1, 1, 0, 1, 1}, 130},
    {{2, 1, 1, 40, 0, 0, 3, 3, 1, 1, 1, 1}, 70},
    {{2, 20, 30, 20, 0, 0, 3, 3, 1, 1, 1, 1}, 1},
    /* rows that fill vectors, in whole or nearly: read in place */
    {{31, 4, 32, 17, 0, 0, 3, 3, 1, 1, 1, 1}, 3},
    {{5, 9, 30, 15, 0, 0, 3, 3, 1, 1, 1, 1}, 2},
    {{31, 8, 32, 20, 0, 0, 3, 3, 2, 1, 1, 1}, 3},
    {{4, 7, 16, 30, 0, 0, 1, 1, 2, 0, 1, 1}, 5},
    {{6, 5, 33, 28, 0, 0, 3, 3, 2, 1, 1, 2}, 2},
    {{3, 6, 48, 4, 0, 0, 2, 3, 3, 2, 2, 1}, 2},
    /* enough examples to fill vectors, the last one in part */
    {{9, 8, 8, 20, 0, 0, 3, 3, 1, 1, 1, 1}, 27},
    {{31, 4, 4, 17, 0, 0, 3, 3, 1, 1, 1, 1}, 61},
    {{30, 7, 7, 15, 0, 0, 3, 3, 2, 1, 1, 1}, 25},
    {{8, 6, 6, 12, 0, 0, 3, 2, 2, 1, 1, 2}, 31},
    {{5, 7, 7, 8, 0, 0, 3, 3, 1, 2, 2, 1}, 32},
    {{5, 9, 9, 6, 0, 0, 7, 7, 2, 3, 1, 1}, 24},
    {{16, 8, 8, 24, 0, 0, 1, 1, 2, 0, 1, 1}, 64},
    {{6, 8, 9, 5, 0, 0, 2, 2, 3, 0, 1, 1}, 26},
    {{4, 2, 3, 4, 0, 0, 3, 3, 1, 3, 1, 1}, 13},
    /* weights enough that each tap has its own terms in their gradient */
    {{64, 4, 4, 65, 0, 0, 3, 3, 1, 1, 1, 1}, 17},
    {{66, 5, 4, 64, 0, 0, 3, 2, 2, 1, 1, 1}, 9},
    {{64, 2, 2, 64, 0, 0, 1, 3, 1, 2, 2, 1}, 3},
};

static void passes_are_the_contracts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        trial t;
        trial_make(&t, &shapes[i].v, shapes[i].B, 1, 1, 1);
        run_everywhere(&t);
        trial_free(&t);
    }
}

/* Other numbers take the same ways through memory: in the short form some shapes do. */
static size_t shapes_step(void)
{
    return getenv("ONUS_SHORT") ? 5 : 1;
}

/* Products below binary32's grid: chains stand at +0, -0 and the smallest numbers. Some
 * gradients are exactly 0, so that zeros are products, too. */
static void skipped_terms_are_not_zeros(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i += shapes_step()) {
        trial t;
        trial_make(&t, &shapes[i].v, shapes[i].B, 1e-22f, 1e-25f, 1e-22f);
        for (int64_t j = 0; j < t.n_y; j++)
            if (j % 3 == 0) t.dy[j] = 0;
        run_everywhere(&t);
        trial_free(&t);
    }
}

/* A weight that is not finite spoils the pixels that it reaches, and no other. */
static void weights_that_are_not_finite(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i += shapes_step()) {
        trial t;
        trial_make(&t, &shapes[i].v, shapes[i].B, 1, 1, 1);
        t.w[0] = INFINITY;
        t.w[t.n_w - 1] = NAN;
        t.x[t.n_x / 2] = -INFINITY;
        run_everywhere(&t);
        trial_free(&t);
    }
}

/* A gradient over two calls, the second of which goes on, is that of one; cut at a multiple of
 * 256 positions. */
static void weight_gradients_go_on(void **state)
{
    (void)state;
    const onus_conv v = {.C = 5,
                         .H = 8,
                         .W = 8,
                         .K = 19,
                         .kh = 3,
                         .kw = 3,
                         .stride = 1,
                         .padding = 1,
                         .dilation = 1,
                         .groups = 1};
    trial t;
    trial_make(&t, &v, 11, 1, 1, 1);
    by_the_contract(&t);
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
        const onus_exec ex = {.k = onus_kernels_of((onus_isa)isa), .pool = pools[2]};
        if (!ex.k) continue;
        void *scratch;
        if (posix_memalign(&scratch, 64, onus_conv_scratch_bytes(&ex, &t.v, t.B)) != 0) abort();
        onus_conv_back_weight(&ex, &t.v, 8, t.x, t.dy, t.dw_got, false, scratch);
        onus_conv_back_weight(&ex, &t.v, 3, t.x + 8 * 5 * 64, t.dy + 8 * 19 * 64, t.dw_got,
                              true, scratch);
        same(t.dw_got, t.dw, t.n_w, "the weight's gradient, going on", &t, ex.k->name, 2);
        /* no examples: what stands stays */
        onus_conv_back_weight(&ex, &t.v, 0, t.x, t.dy, t.dw_got, true, scratch);
        same(t.dw_got, t.dw, t.n_w, "the weight's gradient, going on", &t, ex.k->name, 2);
        free(scratch);
    }
    trial_free(&t);
}

int main(void)
{
    for (int t = 2; t <= 3; t++)
        if (onus_pool_create(&pools[t], t, NULL, NULL) != ONUS_OK) abort();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_are_the_contracts),
        cmocka_unit_test(skipped_terms_are_not_zeros),
        cmocka_unit_test(weights_that_are_not_finite),
        cmocka_unit_test(weight_gradients_go_on),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (int t = 2; t <= 3; t++) onus_pool_destroy(pools[t]);
    return failed;
}
