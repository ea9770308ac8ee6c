/* SPDX-License-Identifier: Apache-2.0
 * elem_template.h - every kernel but the matrix product, once, in plain loops. Included by
 * elem_ref.c, elem_fma.c, elem_avx2.c and elem_avx512.c, which differ in compiler flags only:
 * with contraction off, vectorising a loop whose iterations are independent changes no bit, and
 * sums are written out in the contract's 16 lanes, which no compiler may reorder.
 *
 * Functions (contract, item 6) are computed in binary64 and rounded to binary32 once. Their
 * polynomials are Taylor's where a short range makes these good enough, or fits; errors stand
 * beside them, and tests/num holds every binary32 against them.
 *
 * The including file defines ISA, the ending of its kernels' names and its table's, and
 * ISA_NAME, what people call it. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "num/conv_kernels.h"
#include "num/gemm_kernels.h"
#include "num/grid_kernels.h"
#include "num/tables.h"

#define JOINED(a, b) a##_##b
#define JOIN(a, b)   JOINED(a, b)
#define NAME(x)      JOIN(x, ISA)

/* Loops whose output may be their input: iterations are independent all the same. */
#if defined(__clang__)
#define LOOP _Pragma("clang loop vectorize(assume_safety)")
#else
#define LOOP _Pragma("GCC ivdep")
#endif

static inline uint64_t bits_of(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline double double_of(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* ---- exp --------------------------------------------------------------------------------- */

/* e^t = 2^n (1 + q(r)), t = n ln 2 + r, |r| <= ln 2 / 2: scale = 2^n, and q by Taylor to r^9
 * (error 7e-12 relative, 1e-4 ulp of binary32). t must lie in [-160, 160]. The bits of n come
 * out of adding 1.5 2^52. */
static inline double exp_parts(double t, double *scale)
{
    const double magic = 0x1.8p52;
    const double shifted = fma(t, 0x1.71547652b82fep0, magic);
    const double n = shifted - magic;
    double r = fma(n, -0x1.62e42fefa39efp-1, t);
    r = fma(n, -0x1.abc9e3b39803fp-56, r);
    *scale = double_of((bits_of(shifted) + 1023) << 52);
    double q = 1.0 / 362880.0;
    q = fma(q, r, 1.0 / 40320.0);
    q = fma(q, r, 1.0 / 5040.0);
    q = fma(q, r, 1.0 / 720.0);
    q = fma(q, r, 1.0 / 120.0);
    q = fma(q, r, 1.0 / 24.0);
    q = fma(q, r, 1.0 / 6.0);
    q = fma(q, r, 0.5);
    q = fma(q, r, 1.0);
    return q * r;
}

static inline float exp_one(float x)
{
    double t = (double)x;
    /* e^90 overflows binary32, e^-105 is below half its smallest subnormal */
    t = t > 90.0 ? 90.0 : t;
    t = t < -105.0 ? -105.0 : t;
    double scale;
    const double q = exp_parts(t, &scale);
    const float y = (float)fma(scale, q, scale);
    return x != x ? (float)NAN : y;
}

static void NAME(exp)(const float *x, float *y, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++) y[i] = exp_one(x[i]);
}

static inline float sigmoid_one(float v)
{
    const float e = exp_one(-fabsf(v));
    const float d = 1.0f + e;
    const float top = v < 0.0f ? e : 1.0f;
    return top / d;
}

static void NAME(sigmoid)(const float *x, float *y, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++) y[i] = sigmoid_one(x[i]);
}

/* ---- log --------------------------------------------------------------------------------- */

/* x = 2^e m, m in [sqrt(1/2), sqrt 2): log m = 2 s (1 + s^2/3 + s^4/5 + ...), s = (m - 1) / (m
 * + 1), |s| <= 0.172; to s^15 (error 4e-14 relative). Every positive binary32 is a normal
 * binary64, subnormals too. */
static inline float log_one(float x)
{
    const uint64_t u = bits_of((double)x);
    const uint64_t shifted = u - UINT64_C(0x3fe6a09e667f3bcd);
    const uint64_t exponent = shifted & UINT64_C(0xfff0000000000000);
    const double m = double_of(u - exponent);
    /* the exponent as a number: its 12 bits, made positive, as the low bits of 2^52 + . */
    const double e =
        double_of(((shifted + (UINT64_C(2048) << 52)) >> 52) | UINT64_C(0x4330000000000000)) -
        (0x1p52 + 2048.0);
    const double f = m - 1.0;
    const double s = f / (2.0 + f);
    const double z = s * s;
    double p = 1.0 / 15.0;
    p = fma(p, z, 1.0 / 13.0);
    p = fma(p, z, 1.0 / 11.0);
    p = fma(p, z, 1.0 / 9.0);
    p = fma(p, z, 1.0 / 7.0);
    p = fma(p, z, 1.0 / 5.0);
    p = fma(p, z, 1.0 / 3.0);
    p = fma(p, z, 1.0);
    const double log_m = (2.0 * s) * p;
    float y = (float)fma(e, 0x1.62e42fefa39efp-1, log_m);
    y = x == 0.0f ? -INFINITY : y;
    y = x == INFINITY ? INFINITY : y;
    y = x < 0.0f ? (float)NAN : y;
    return x != x ? (float)NAN : y;
}

static void NAME(log)(const float *x, float *y, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++) y[i] = log_one(x[i]);
}

/* ---- tanh, erf, GELU --------------------------------------------------------------------- */

/* tanh |x| = -m / (2 + m), m = e^(-2|x|) - 1 = scale q + (scale - 1), which loses nothing near
 * 0 where scale is 1. */
static inline float tanh_one(float x)
{
    const double a = fabs((double)x);
    const double t = a > 40.0 ? -80.0 : -2.0 * a;
    double scale;
    const double q = exp_parts(t, &scale);
    const double m = fma(scale, q, scale - 1.0);
    const float y = (float)(-m / (2.0 + m));
    const float z = copysignf(y, x);
    return x != x ? (float)NAN : z;
}

static void NAME(tanh)(const float *x, float *y, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++) y[i] = tanh_one(x[i]);
}

/* |x| < 2: x P(x^2), degree 13 (2.7e-13 relative); 2 <= |x| < 4: degree 15 in |x| - 3 (9e-13);
 * above, 1 to the last bit. */
static inline double erf_near(double a)
{
    const double v = fma(a, a * 0.5, -1.0); /* (x^2 - 2) / 2 */
    double p = -0x1.39702179cb72ap-27;
    p = fma(p, v, 0x1.186cc02f71cb9p-24);
    p = fma(p, v, -0x1.b1964845c8fc8p-22);
    p = fma(p, v, 0x1.4b887a2ebf1a6p-19);
    p = fma(p, v, -0x1.d3f9b273ce63dp-17);
    p = fma(p, v, 0x1.2d2bedfa8790dp-14);
    p = fma(p, v, -0x1.5f6c5cb2afa5ep-12);
    p = fma(p, v, 0x1.7055ff5be8ffbp-10);
    p = fma(p, v, -0x1.5712a4a2ae57ep-8);
    p = fma(p, v, 0x1.18a17c300d576p-6);
    p = fma(p, v, -0x1.8ea53db56954bp-5);
    p = fma(p, v, 0x1.e962f50d27f39p-4);
    p = fma(p, v, -0x1.0b60e85d309d8p-2);
    p = fma(p, v, 0x1.5990d95f8c7d3p-1);
    return p * a;
}

static inline double erf_far(double a)
{
    const double v = a - 3.0;
    double p = 0x1.c139bfad168a4p-24;
    p = fma(p, v, -0x1.d99e24cf9d515p-22);
    p = fma(p, v, 0x1.de70107d015d7p-23);
    p = fma(p, v, 0x1.910f10622899bp-19);
    p = fma(p, v, -0x1.6cfdf557614fcp-17);
    p = fma(p, v, 0x1.06c230c8dcd43p-16);
    p = fma(p, v, 0x1.d3f4f7c7e45bcp-17);
    p = fma(p, v, -0x1.1ab299e38676ep-13);
    p = fma(p, v, 0x1.998898bf4c69bp-12);
    p = fma(p, v, -0x1.82f15a0984cc3p-11);
    p = fma(p, v, 0x1.0a7b6abb15cd3p-10);
    p = fma(p, v, -0x1.11c8694e9cb69p-10);
    p = fma(p, v, 0x1.9db749123b2afp-11);
    p = fma(p, v, -0x1.b60d5bd807f58p-12);
    p = fma(p, v, 0x1.2408e9ca89ecbp-13);
    p = fma(p, v, 0x1.fffd1ac412af3p-1);
    return p;
}

static inline float erf_one(float x)
{
    double a = fabs((double)x);
    a = a > 4.0 ? 4.0 : a;
    const double near_ = erf_near(a), far_ = erf_far(a);
    const float y = copysignf((float)(a < 2.0 ? near_ : far_), x);
    return x != x ? (float)NAN : y;
}

static void NAME(erf)(const float *x, float *y, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++) y[i] = erf_one(x[i]);
}

static void NAME(gelu)(const float *x, float *y, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++)
    {
        const float v = x[i];
        const float scaled = v * 0x1.6a09e6p-1f;
        const float half = v * 0.5f;
        const float gate = 1.0f + erf_one(scaled);
        y[i] = half * gate;
    }
}

/* gelu'(x) = (1 + erf(x / sqrt 2)) / 2 + x e^(-x^2 / 2) / sqrt(2 pi) */
static void NAME(gelu_back)(const float *x, const float *dy, float *dx, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++)
    {
        const float v = x[i];
        const float scaled = v * 0x1.6a09e6p-1f;
        const float gate = 1.0f + erf_one(scaled);
        const float square = v * v;
        const float bell = exp_one(-0.5f * square);
        const float density = bell * 0x1.988454p-2f;
        const float slope = fmaf(v, density, 0.5f * gate);
        dx[i] = dy[i] * slope;
    }
}

/* GPT-2's GELU (Hendrycks and Gimpel 2016, arXiv:1606.08415): x (1 + tanh u) / 2, u = sqrt(2 /
 * pi) (x + 0.044715 x^3). */
static inline float gelu_tanh_inner(float x, float square)
{
    const float cubic = fmaf(square, 0x1.6e4e26p-5f, 1.0f);
    const float bent = x * cubic;
    return tanh_one(bent * 0x1.988454p-1f);
}

static void NAME(gelu_tanh)(const float *x, float *y, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++)
    {
        const float v = x[i];
        const float square = v * v;
        const float gate = 1.0f + gelu_tanh_inner(v, square);
        const float half = v * 0.5f;
        y[i] = half * gate;
    }
}

/* Its slope: (1 + t) / 2 + (x / 2) (1 - t^2) sqrt(2 / pi) (1 + 3 0.044715 x^2) */
static void NAME(gelu_tanh_back)(const float *x, const float *dy, float *dx, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++)
    {
        const float v = x[i];
        const float square = v * v;
        const float t = gelu_tanh_inner(v, square);
        const float gate = 1.0f + t;
        const float bell = fmaf(-t, t, 1.0f);
        const float cubic = fmaf(square, 0x1.12ba9ep-3f, 1.0f);
        const float inner = cubic * 0x1.988454p-1f;
        const float half = v * 0.5f;
        const float part = half * bell;
        const float slope = fmaf(part, inner, 0.5f * gate);
        dx[i] = dy[i] * slope;
    }
}

static void NAME(silu)(const float *x, float *y, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++) y[i] = x[i] * sigmoid_one(x[i]);
}

/* slope of x s(x): s (1 + x (1 - s)) */
static void NAME(silu_back)(const float *x, const float *dy, float *dx, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++)
    {
        const float s = sigmoid_one(x[i]);
        const float rest = 1.0f - s;
        const float bend = fmaf(x[i], rest, 1.0f);
        const float slope = s * bend;
        dx[i] = dy[i] * slope;
    }
}

/* ---- sums along the last axis (item 4) --------------------------------------------------- */

static inline float fold(float lane[16])
{
    for (int step = 8; step > 0; step /= 2)
        for (int j = 0; j < step; j++) lane[j] = lane[j] + lane[j + step];
    return lane[0];
}

static inline double fold64(double lane[16])
{
    for (int step = 8; step > 0; step /= 2)
        for (int j = 0; j < step; j++) lane[j] = lane[j] + lane[j + step];
    return lane[0];
}

static float NAME(sum)(const float *x, int64_t n)
{
    float lane[16] = {0};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) lane[j] = lane[j] + x[i + j];
    for (int j = 0; i + j < n; j++) lane[j] = lane[j] + x[i + j];
    return fold(lane);
}

static float NAME(dot)(const float *x, const float *y, int64_t n)
{
    float lane[16] = {0};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) lane[j] = fmaf(x[i + j], y[i + j], lane[j]);
    for (int j = 0; i + j < n; j++) lane[j] = fmaf(x[i + j], y[i + j], lane[j]);
    return fold(lane);
}

static float NAME(sum_squares)(const float *x, float mean, int64_t n)
{
    float lane[16] = {0};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) {
            const float d = x[i + j] - mean;
            lane[j] = fmaf(d, d, lane[j]);
        }
    for (int j = 0; i + j < n; j++) {
        const float d = x[i + j] - mean;
        lane[j] = fmaf(d, d, lane[j]);
    }
    return fold(lane);
}

static float NAME(dot_scaled)(const float *dy, const float *x, float mean, float r, int64_t n)
{
    float lane[16] = {0};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) {
            const float d = x[i + j] - mean;
            const float h = d * r;
            lane[j] = fmaf(dy[i + j], h, lane[j]);
        }
    for (int j = 0; i + j < n; j++) {
        const float d = x[i + j] - mean;
        const float h = d * r;
        lane[j] = fmaf(dy[i + j], h, lane[j]);
    }
    return fold(lane);
}

static void NAME(normalise)(const float *x, float mean, float r, float g, float b, float *y,
                            int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++)
    {
        const float d = x[i] - mean;
        const float h = d * r;
        y[i] = fmaf(h, g, b);
    }
}

static void NAME(normalise_back)(const float *x, const float *dy, float mean, float r, float g,
                                 float m1, float m2, float *dx, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++)
    {
        const float d = x[i] - mean;
        const float h = d * r;
        const float t = dy[i] * g;
        const float u = t - m1;
        const float e = h * m2;
        const float v = u - e;
        dx[i] = r * v;
    }
}

/* Maxima of 16 lanes, so that no comparison waits for the one before: the largest of all is the
 * same number, but a zero may have either sign. The first one in x is the contract's. */
static float NAME(max)(const float *x, int64_t n)
{
    float lane[16], m = -INFINITY;
    for (int j = 0; j < 16; j++) lane[j] = -INFINITY;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
    for (int j = 0; j < 16; j++) m = lane[j] > m ? lane[j] : m;
    for (; i < n; i++) m = x[i] > m ? x[i] : m;
    if (m != 0.0f) return m;
    for (i = 0; x[i] != 0.0f;) i++;
    return x[i];
}

static double NAME(sum64)(const double *x, int64_t n)
{
    double lane[16] = {0};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) lane[j] = lane[j] + x[i + j];
    for (int j = 0; i + j < n; j++) lane[j] = lane[j] + x[i + j];
    return fold64(lane);
}

static double NAME(norm2)(const float *x, int64_t n)
{
    double lane[16] = {0};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) lane[j] = fma((double)x[i + j], (double)x[i + j], lane[j]);
    for (int j = 0; i + j < n; j++) lane[j] = fma((double)x[i + j], (double)x[i + j], lane[j]);
    return fold64(lane);
}

/* Column sums are products with ones (item 3): segments of 256 rows, each a chain from +0. */
static void NAME(col_sum)(const float *X, int64_t rows, int64_t ld, int64_t j0, int64_t j1,
                          bool goes_on, float *out)
{
    enum { BLOCK = 64, SEGMENT = 256 };
    for (int64_t j = j0; j < j1; j += BLOCK) {
        const int64_t w = j1 - j < BLOCK ? j1 - j : BLOCK;
        float total[BLOCK] = {0};
        if (goes_on) memcpy(total, out + j, (size_t)w * sizeof *total);
        for (int64_t i = 0; i < rows; i += SEGMENT) {
            const int64_t end = i + SEGMENT < rows ? i + SEGMENT : rows;
            float chain[BLOCK] = {0};
            for (int64_t r = i; r < end; r++) {
                const float *row = X + r * ld + j;
                for (int64_t c = 0; c < w; c++) chain[c] = chain[c] + row[c];
            }
            for (int64_t c = 0; c < w; c++)
                total[c] = i == 0 && !goes_on ? chain[c] : total[c] + chain[c];
        }
        memcpy(out + j, total, (size_t)w * sizeof *total);
    }
}

/* ---- softmax of a row -------------------------------------------------------------------- */

static float NAME(exp_sum)(const float *x, float m, int64_t n)
{
    enum { BLOCK = 512 }; /* a multiple of the lanes */
    float lane[16] = {0}, e[BLOCK];
    for (int64_t at = 0; at < n; at += BLOCK) {
        const int64_t w = n - at < BLOCK ? n - at : BLOCK;
        onus_fetch_ahead(x, at + BLOCK, n, BLOCK);
        for (int64_t i = 0; i < w; i++) e[i] = exp_one(x[at + i] - m);
        int64_t i = 0;
        for (; i + 16 <= w; i += 16)
            for (int j = 0; j < 16; j++) lane[j] = lane[j] + e[i + j];
        for (int j = 0; i + j < w; j++) lane[j] = lane[j] + e[i + j];
    }
    return fold(lane);
}

static inline float entropy_slope(const onus_softmax_row *r, float x, float target)
{
    const float p = exp_one(x - r->m) / r->l;
    const float error = p - target;
    const float weighted = error * r->weight;
    return weighted * r->scale;
}

static void NAME(entropy_back)(const onus_softmax_row *row, const float *x, float *dx,
                               int64_t n)
{
    enum { BLOCK = 512 };
    const onus_softmax_row r = *row;
    const float given = x[r.label];
    for (int64_t at = 0; at < n; at += BLOCK) {
        const int64_t end = n - at < BLOCK ? n : at + BLOCK;
        onus_fetch_ahead(x, at + BLOCK, n, BLOCK);
        LOOP for (int64_t i = at; i < end; i++) dx[i] = entropy_slope(&r, x[i], r.off);
    }
    dx[r.label] = entropy_slope(&r, given, r.on);
}

/* ---- norms over the last axis (items 4, 8) ----------------------------------------------- */

/* stat: mean (+0 where it is not taken off) and r = 1 / sqrt(mean of squares + eps). */
static void NAME(norm_stat)(const float *x, int64_t n, bool centred, float eps, float stat[2])
{
    const float mean = centred ? NAME(sum)(x, n) / (float)n : 0.0f;
    float lane[16] = {0};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) {
            const float d = x[i + j] - mean;
            lane[j] = fmaf(d, d, lane[j]);
        }
    for (int j = 0; i + j < n; j++) {
        const float d = x[i + j] - mean;
        lane[j] = fmaf(d, d, lane[j]);
    }
    const float spread = fold(lane) / (float)n;
    const float root = sqrtf(spread + eps);
    stat[0] = mean;
    stat[1] = 1.0f / root;
}

static void NAME(norm)(const float *x, const float stat[2], const float *g, const float *b,
                       float *y, int64_t n)
{
    const float mean = stat[0], r = stat[1];
    if (b) {
        LOOP for (int64_t i = 0; i < n; i++)
        {
            const float d = x[i] - mean;
            const float h = d * r;
            y[i] = fmaf(h, g[i], b[i]);
        }
        return;
    }
    LOOP for (int64_t i = 0; i < n; i++)
    {
        const float d = x[i] - mean;
        const float h = d * r;
        y[i] = h * g[i];
    }
}

/* The means of t = dy g (+0 where none is taken off) and of t h. */
static inline void norm_means(const float *x, const float stat[2], const float *g,
                              const float *dy, int64_t n, bool centred, float means[2])
{
    float one[16] = {0}, two[16] = {0};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) {
            const float t = dy[i + j] * g[i + j];
            const float d = x[i + j] - stat[0];
            const float h = d * stat[1];
            one[j] = one[j] + t;
            two[j] = fmaf(t, h, two[j]);
        }
    for (int j = 0; i + j < n; j++) {
        const float t = dy[i + j] * g[i + j];
        const float d = x[i + j] - stat[0];
        const float h = d * stat[1];
        one[j] = one[j] + t;
        two[j] = fmaf(t, h, two[j]);
    }
    means[0] = centred ? fold(one) / (float)n : 0.0f;
    means[1] = fold(two) / (float)n;
}

static void NAME(norm_back)(const float *x, const float stat[2], const float *g,
                            const float *dy, bool centred, float *dx, int64_t n)
{
    const float mean = stat[0], r = stat[1];
    float means[2];
    norm_means(x, stat, g, dy, n, centred, means);
    LOOP for (int64_t i = 0; i < n; i++)
    {
        const float t = dy[i] * g[i];
        const float d = x[i] - mean;
        const float h = d * r;
        const float rest = t - means[0];
        const float along = h * means[1];
        const float across = rest - along;
        dx[i] = r * across;
    }
}

static void NAME(norm_grad)(const float *x, const float *stat, const float *dy, int64_t rows,
                            int64_t ld, int64_t j0, int64_t j1, bool goes_on, float *out)
{
    enum { BLOCK = 64, SEGMENT = 256 };
    for (int64_t j = j0; j < j1; j += BLOCK) {
        const int64_t w = j1 - j < BLOCK ? j1 - j : BLOCK;
        float total[BLOCK] = {0};
        if (goes_on) memcpy(total, out + j, (size_t)w * sizeof *total);
        for (int64_t i = 0; i < rows; i += SEGMENT) {
            const int64_t end = i + SEGMENT < rows ? i + SEGMENT : rows;
            float chain[BLOCK] = {0};
            for (int64_t row = i; row < end; row++) {
                const float *v = x + row * ld + j, *d = dy + row * ld + j;
                const float mean = stat[2 * row], r = stat[2 * row + 1];
                for (int64_t c = 0; c < w; c++) {
                    const float off = v[c] - mean;
                    chain[c] = fmaf(d[c], off * r, chain[c]);
                }
            }
            for (int64_t c = 0; c < w; c++)
                total[c] = i == 0 && !goes_on ? chain[c] : total[c] + chain[c];
        }
        memcpy(out + j, total, (size_t)w * sizeof *total);
    }
}

/* ---- elementwise (item 8) ---------------------------------------------------------------- */

static void NAME(relu)(const float *x, float *y, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++) y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

static void NAME(relu_back)(const float *y, const float *dy, float *dx, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++) dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

static void NAME(sigmoid_back)(const float *y, const float *dy, float *dx, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++)
    {
        const float rest = 1.0f - y[i];
        const float slope = y[i] * rest;
        dx[i] = dy[i] * slope;
    }
}

static void NAME(tanh_back)(const float *y, const float *dy, float *dx, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++)
    {
        const float square = y[i] * y[i];
        const float slope = 1.0f - square;
        dx[i] = dy[i] * slope;
    }
}

static void NAME(add)(const float *x, const float *y, float *z, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++) z[i] = x[i] + y[i];
}

static void NAME(mul)(const float *x, const float *y, float *z, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++) z[i] = x[i] * y[i];
}

static void NAME(scale)(float a, const float *x, float *y, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++) y[i] = a * x[i];
}

static void NAME(bytes_scale)(const uint8_t *x, float divisor, float *y, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++) y[i] = (float)x[i] / divisor;
}

/* ---- recurrent cells --------------------------------------------------------------------- */

/* dy times the slope of a sigmoid or a tanh whose value is y. */
static inline float through_sigmoid(float y, float dy)
{
    const float rest = 1.0f - y;
    const float slope = y * rest;
    return dy * slope;
}

static inline float through_tanh(float y, float dy)
{
    const float square = y * y;
    const float slope = 1.0f - square;
    return dy * slope;
}

/* Gate by gate: a loop over one function keeps its constants in registers. */
static void NAME(lstm_cell)(float *restrict z, const float *restrict zh,
                            const float *restrict c0, float *restrict c, float *restrict t,
                            float *restrict h, int64_t n)
{
    for (int64_t j = 0; j < 2 * n; j++) z[j] = sigmoid_one(z[j] + zh[j]);
    for (int64_t j = 2 * n; j < 3 * n; j++) z[j] = tanh_one(z[j] + zh[j]);
    for (int64_t j = 3 * n; j < 4 * n; j++) z[j] = sigmoid_one(z[j] + zh[j]);
    const float *in = z, *forget = z + n, *g = z + 2 * n, *out = z + 3 * n;
    for (int64_t j = 0; j < n; j++) {
        const float kept = forget[j] * c0[j];
        c[j] = fmaf(in[j], g[j], kept);
        t[j] = tanh_one(c[j]);
        h[j] = out[j] * t[j];
    }
}

static void NAME(lstm_back)(const float *restrict z, const float *restrict c0,
                            const float *restrict t, const float *restrict dy,
                            const float *restrict dh, float *restrict dc, float *restrict dz,
                            int64_t n)
{
    for (int64_t j = 0; j < n; j++) {
        const float in = z[j], forget = z[n + j], g = z[2 * n + j], out = z[3 * n + j];
        const float d = dy[j] + dh[j];
        const float d_out = d * t[j];
        const float d_t = d * out;
        const float state = dc[j] + through_tanh(t[j], d_t);
        const float d_in = state * g, d_g = state * in, d_forget = state * c0[j];
        dz[j] = through_sigmoid(in, d_in);
        dz[n + j] = through_sigmoid(forget, d_forget);
        dz[2 * n + j] = through_tanh(g, d_g);
        dz[3 * n + j] = through_sigmoid(out, d_out);
        dc[j] = state * forget;
    }
}

static void NAME(gru_cell)(float *restrict z, const float *restrict zh,
                           const float *restrict h0, float *restrict q, float *restrict h,
                           int64_t n)
{
    for (int64_t j = 0; j < 2 * n; j++) z[j] = sigmoid_one(z[j] + zh[j]);
    for (int64_t j = 0; j < n; j++) {
        q[j] = zh[2 * n + j];
        const float reset = z[j], update = z[n + j];
        const float fresh = tanh_one(fmaf(reset, q[j], z[2 * n + j]));
        const float gap = h0[j] - fresh;
        z[2 * n + j] = fresh;
        h[j] = fmaf(update, gap, fresh);
    }
}

static void NAME(gru_back)(const float *restrict z, const float *restrict q,
                           const float *restrict h0, const float *restrict dy,
                           const float *restrict dh, float *restrict straight,
                           float *restrict dz, int64_t n)
{
    for (int64_t j = 0; j < n; j++) {
        const float reset = z[j], update = z[n + j], fresh = z[2 * n + j];
        const float given = dy[j] + dh[j];
        const float d = given + straight[j];
        const float rest = 1.0f - update, gap = h0[j] - fresh;
        const float d_fresh = d * rest, d_update = d * gap;
        const float d_sum = through_tanh(fresh, d_fresh);
        const float d_reset = d_sum * q[j];
        dz[j] = through_sigmoid(reset, d_reset);
        dz[n + j] = through_sigmoid(update, d_update);
        dz[2 * n + j] = d_sum;
        dz[3 * n + j] = d_sum * reset;
        straight[j] = d * update;
    }
}

/* ---- optimisers -------------------------------------------------------------------------- */

/* The gradient with its penalties; a penalty that is 0 is no term. */
static inline float penalised(const onus_opt_step *s, float p, float g)
{
    const float with_l2 = fmaf(s->l2, p, g);
    g = s->l2 != 0.0f ? with_l2 : g;
    const float sign = p > 0.0f ? s->l1 : p < 0.0f ? -s->l1 : 0.0f;
    const float with_l1 = g + sign;
    return s->l1 != 0.0f ? with_l1 : g;
}

static void NAME(sgd)(const onus_opt_step *s, float *restrict p, const float *restrict g,
                      int64_t n)
{
    const onus_opt_step o = *s;
    for (int64_t i = 0; i < n; i++) {
        const float grad = penalised(&o, p[i], g[i]);
        const float step = o.lr * grad;
        p[i] = p[i] - step;
    }
}

static void NAME(momentum)(const onus_opt_step *s, float *restrict p, const float *restrict g,
                           float *restrict m, int64_t n)
{
    const onus_opt_step o = *s;
    for (int64_t i = 0; i < n; i++) {
        const float grad = penalised(&o, p[i], g[i]);
        m[i] = fmaf(o.momentum, m[i], grad);
        const float step = o.lr * m[i];
        p[i] = p[i] - step;
    }
}

static void NAME(adam)(const onus_opt_step *s, float *restrict p, const float *restrict g,
                       float *restrict m, float *restrict v, int64_t n)
{
    const onus_opt_step o = *s;
    for (int64_t i = 0; i < n; i++) {
        const float grad = penalised(&o, p[i], g[i]);
        const float dm = o.one_minus_beta1 * grad;
        const float new_m = fmaf(o.beta1, m[i], dm);
        const float scaled = o.one_minus_beta2 * grad;
        const float dv = scaled * grad;
        const float new_v = fmaf(o.beta2, v[i], dv);
        const float decayed = p[i] * o.decay;
        const float top = o.lr * new_m;
        const float root = sqrtf(new_v);
        const float bottom = root + o.eps;
        const float step = top / bottom;
        m[i] = new_m;
        v[i] = new_v;
        p[i] = decayed - step;
    }
}

/* ---- sine and cosine, and the sealed stream's normals (item 9) ----------------------------
 */

/* sin and cos of t in [-pi/4, pi/4] by Taylor to t^17 and t^16 (errors below 1e-17). */
static inline double sin_small(double t)
{
    const double z = t * t;
    double p = 1.0 / 355687428096000.0;
    p = fma(p, z, -1.0 / 1307674368000.0);
    p = fma(p, z, 1.0 / 6227020800.0);
    p = fma(p, z, -1.0 / 39916800.0);
    p = fma(p, z, 1.0 / 362880.0);
    p = fma(p, z, -1.0 / 5040.0);
    p = fma(p, z, 1.0 / 120.0);
    p = fma(p, z, -1.0 / 6.0);
    const double cube = z * t;
    return fma(p, cube, t);
}

static inline double cos_small(double t)
{
    const double z = t * t;
    double p = 1.0 / 20922789888000.0;
    p = fma(p, z, -1.0 / 87178291200.0);
    p = fma(p, z, 1.0 / 479001600.0);
    p = fma(p, z, -1.0 / 3628800.0);
    p = fma(p, z, 1.0 / 40320.0);
    p = fma(p, z, -1.0 / 720.0);
    p = fma(p, z, 1.0 / 24.0);
    p = fma(p, z, -0.5);
    return fma(p, z, 1.0);
}

/* x = (pi / 2) q + t, |t| <= pi / 4, pi / 2 in two parts: q < 2^20 leaves t all but a few of
 * its last bits, even next to a multiple of pi / 2. Returns t; *quarter: q's lowest bits. */
static inline double quarter_turns(double x, uint64_t *quarter)
{
    const double shifted = fma(x, 0x1.45f306dc9c883p-1, 0x1.8p52);
    const double q = shifted - 0x1.8p52;
    const double t = fma(-q, 0x1.921fb54442d18p0, x);
    *quarter = bits_of(shifted);
    return fma(-q, 0x1.1a62633145c07p-54, t);
}

static inline float sin_one(float x)
{
    uint64_t quarter;
    const double t = quarter_turns((double)x, &quarter);
    const double s = sin_small(t), c = cos_small(t);
    const double v = quarter & 1 ? c : s;
    float y = (float)double_of(bits_of(v) ^ ((quarter & 2) << 62));
    y = x == 0.0f ? x : y;
    return fabsf(x) <= 0x1p20f ? y : (float)NAN;
}

static inline float cos_one(float x)
{
    uint64_t quarter;
    const double t = quarter_turns((double)x, &quarter);
    const double s = sin_small(t), c = cos_small(t);
    const double v = quarter & 1 ? s : c;
    const float y = (float)double_of(bits_of(v) ^ (((quarter + 1) & 2) << 62));
    return fabsf(x) <= 0x1p20f ? y : (float)NAN;
}

static void NAME(sin)(const float *x, float *y, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++) y[i] = sin_one(x[i]);
}

static void NAME(cos)(const float *x, float *y, int64_t n)
{
    LOOP for (int64_t i = 0; i < n; i++) y[i] = cos_one(x[i]);
}

#include "num/noise_template.h"

/* ---- the table --------------------------------------------------------------------------- */

const onus_kernels NAME(onus_kernels) = {
    .name = ISA_NAME,
    .gemm_tile = NAME(onus_gemm_tile),
    .gemm_panel = NAME(ONUS_GEMM_PANEL),
    .gemm_panels = NAME(onus_gemm_panels),
    .gemm_rows = NAME(ONUS_GEMM_ROWS),
    .gemm_listed = NAME(onus_gemm_listed),
    .grid_tile = NAME(onus_grid_tile),
    .pad = NAME(onus_pad),
    .gemm_transpose = NAME(onus_gemm_transpose),
    .copy_pieces = NAME(onus_copy_pieces),
    .skip_panels = NAME(onus_skip_panels),
    .least = NAME(onus_least),
#define KERNEL(x) .x = NAME(x)
    KERNEL(exp),
    KERNEL(log),
    KERNEL(tanh),
    KERNEL(erf),
    KERNEL(sin),
    KERNEL(cos),
    KERNEL(sigmoid),
    KERNEL(sum),
    KERNEL(dot),
    KERNEL(max),
    KERNEL(sum64),
    KERNEL(norm2),
    KERNEL(sum_squares),
    KERNEL(dot_scaled),
    KERNEL(normalise),
    KERNEL(normalise_back),
    KERNEL(relu),
    KERNEL(relu_back),
    KERNEL(sigmoid_back),
    KERNEL(tanh_back),
    KERNEL(gelu),
    KERNEL(gelu_back),
    KERNEL(gelu_tanh),
    KERNEL(gelu_tanh_back),
    KERNEL(silu),
    KERNEL(silu_back),
    KERNEL(add),
    KERNEL(mul),
    KERNEL(scale),
    KERNEL(bytes_scale),
    KERNEL(lstm_cell),
    KERNEL(lstm_back),
    KERNEL(gru_cell),
    KERNEL(gru_back),
    KERNEL(sgd),
    KERNEL(momentum),
    KERNEL(adam),
    KERNEL(col_sum),
    KERNEL(exp_sum),
    KERNEL(entropy_back),
    KERNEL(norm_stat),
    KERNEL(norm),
    KERNEL(norm_back),
    KERNEL(norm_grad),
    KERNEL(noise),
};
