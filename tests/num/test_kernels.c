/* SPDX-License-Identifier: Apache-2.0
 * Goal: every kernel of every table computes the contract's formula, with the same bits
 * everywhere. Method: formulas written here from docs/NUMERICS.md, one operation a statement,
 * against the reference, its build with the machine's fused multiply-add, and every instruction
 * set this machine has, over numbers of all kinds (zeros of both signs, subnormals, infinities,
 * NaNs), lengths around the lanes' 16, unaligned arrays and outputs over inputs. A kernel that
 * is not in the lists below fails. What cannot run is printed "not proven on this machine". */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "num/philox.h"
#include "num/tables.h"

/* CHECKLIST: a new kernel stands in one of these lists, and its formula below. */
#define FUNCTIONS(X) X(exp) X(log) X(tanh) X(erf) X(sin) X(cos)
#define ONE_INPUT(X) X(sigmoid) X(relu) X(gelu) X(gelu_tanh) X(silu)
#define TWO_INPUTS(X) \
    X(relu_back)      \
    X(sigmoid_back) X(tanh_back) X(gelu_back) X(gelu_tanh_back) X(silu_back) X(add) X(mul)
/* gemm_tile: test_gemm.c; noise: test_noise.c */
/* clang-format off */
#define OTHERS(X)                                                \
    X(gemm_tile) X(sum) X(dot) X(max) X(sum64) X(norm2) X(scale) \
    X(bytes_scale) X(lstm_cell) X(lstm_back) X(gru_cell) X(gru_back) X(sgd) X(momentum) X(adam) X(col_sum) X(noise) \
    X(gemm_panels) X(grid_tile) X(gemm_listed) X(gemm_transpose) X(copy_pieces) X(pad) X(skip_panels) X(least) \
    X(norm_stat) X(norm) X(norm_back) X(norm_grad) \
    X(sum_squares) X(dot_scaled) X(normalise) X(normalise_back) \
    X(exp_sum) X(entropy_back)
/* clang-format on */

enum { N = 1027, N_TABLES = 5 };

static const onus_kernels *tables[N_TABLES];
static const char *const table_names[N_TABLES] = {"ref", "fma", "avx2", "avx512", "neon"};

static float from_bits(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* Equal bits, any NaN being one NaN: which payload survives is the processor's affair. */
static bool same(float a, float b)
{
    return (a != a && b != b) || memcmp(&a, &b, sizeof a) == 0;
}

static void all_same(const float *got, const float *want, int64_t n, const char *kernel,
                     int table)
{
    for (int64_t i = 0; i < n; i++)
        if (!same(got[i], want[i]))
            fail_msg("%s of %s: element %lld of %lld is %a, the contract says %a", kernel,
                     table_names[table], (long long)i, (long long)n, (double)got[i],
                     (double)want[i]);
}

static float x[N], y[N]; /* numbers of all kinds; not the same places */

static void make_numbers(void)
{
    static const uint32_t odd[] = {0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff,
                                   0x807fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x7f800000,
                                   0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff,
                                   0x3f800000, 0xbf800000, 0x42b17218, 0xc2cff1b5, 0x41100000,
                                   0xc0800000, 0x3f7fffff, 0x33800000, 0x4b800000};
    enum { N_ODD = sizeof odd / sizeof *odd };
    const onus_stream s = {.seed = 5, .purpose = ONUS_DRAW_INIT};
    onus_stream_normal(&s, 0, N, 0, 3, x);
    onus_stream_normal(&s, 5000, N, 0, 1, y);
    for (int i = 0; i < N_ODD; i++) {
        x[i * 37 + 2] = from_bits(odd[i]);
        y[i * 41 + 5] = from_bits(odd[(i * 7) % N_ODD]);
        for (int k = 0; k < N_ODD; k += 5) { /* odd ones meet */
            const int at = 3 * (i * 5 + k / 5) % N;
            x[at] = from_bits(odd[i]);
            y[at] = from_bits(odd[k]);
        }
    }
}

/* Lengths around the lanes, then longer. */
static int64_t next_length(int64_t n)
{
    return n < 70 ? n + 1 : n < 255 ? 255 : n < 258 ? n + 1 : n < 513 ? 513 : N;
}

/* ---- formulas
 * --------------------------------------------------------------------------------- */

static float one_of(void (*f)(const float *, float *, int64_t), float v)
{
    float r;
    f(&v, &r, 1);
    return r;
}

static float want_sigmoid(float v)
{
    const float e = one_of(onus_kernels_ref.exp, -fabsf(v));
    volatile float d = 1.0f + e;
    volatile float top = v < 0 ? e : 1.0f;
    return top / d;
}

static float want_relu(float v)
{
    return v < 0 ? 0.0f : v;
}

static float want_gelu(float v)
{
    volatile float scaled = v * 0x1.6a09e6p-1f, half = v * 0.5f;
    volatile float gate = 1.0f + one_of(onus_kernels_ref.erf, scaled);
    return half * gate;
}

static float want_relu_back(float out, float dy)
{
    return out > 0 ? dy : 0.0f;
}

static float want_sigmoid_back(float out, float dy)
{
    volatile float rest = 1.0f - out;
    volatile float slope = out * rest;
    return dy * slope;
}

static float want_tanh_back(float out, float dy)
{
    volatile float square = out * out;
    volatile float slope = 1.0f - square;
    return dy * slope;
}

static float want_gelu_back(float v, float dy)
{
    volatile float scaled = v * 0x1.6a09e6p-1f, square = v * v;
    volatile float gate = 1.0f + one_of(onus_kernels_ref.erf, scaled), half = -0.5f * square;
    volatile float bell = one_of(onus_kernels_ref.exp, half);
    volatile float density = bell * 0x1.988454p-2f, part = 0.5f * gate;
    volatile float slope = fmaf(v, density, part);
    return dy * slope;
}

/* tanh of GPT-2's inner function: sqrt(2 / pi) (v + 0.044715 v^3) */
static float want_inner(float v)
{
    volatile float square = v * v;
    volatile float cubic = fmaf(square, 0.044715f, 1.0f);
    volatile float bent = v * cubic;
    volatile float u = bent * 0.797884583f;
    return one_of(onus_kernels_ref.tanh, u);
}

static float want_gelu_tanh(float v)
{
    volatile float gate = 1.0f + want_inner(v), half = v * 0.5f;
    return half * gate;
}

static float want_gelu_tanh_back(float v, float dy)
{
    volatile float t = want_inner(v), square = v * v;
    volatile float gate = 1.0f + t, bell = fmaf(-t, t, 1.0f);
    volatile float cubic = fmaf(square, 0.134145f, 1.0f), half = v * 0.5f;
    volatile float inner = cubic * 0.797884583f, part = half * bell, open = 0.5f * gate;
    volatile float slope = fmaf(part, inner, open);
    return dy * slope;
}

static float want_silu(float v)
{
    return v * want_sigmoid(v);
}

static float want_silu_back(float v, float dy)
{
    volatile float s = want_sigmoid(v);
    volatile float rest = 1.0f - s;
    volatile float bend = fmaf(v, rest, 1.0f);
    volatile float slope = s * bend;
    return dy * slope;
}

static float want_add(float a, float b)
{
    return a + b;
}

static float want_mul(float a, float b)
{
    return a * b;
}

/* ---- elementwise
 * -------------------------------------------------------------------------------- */

typedef void one_fn(const float *, float *, int64_t);
typedef void two_fn(const float *, const float *, float *, int64_t);

/* f over every length, at three alignments, beside its input and over it. */
static void check_one(one_fn *f, const float *want, const char *name, int table)
{
    float buffer[N + 8];
    for (int64_t n = 0; n <= N; n = n == N ? N + 1 : next_length(n))
        for (int shift = 0; shift < 3; shift++) {
            memcpy(buffer + 1 + shift, x, sizeof x);
            buffer[n + 1 + shift] = 42;
            f(n ? x : NULL, buffer + 1 + shift, n);
            all_same(buffer + 1 + shift, want, n, name, table);
            assert_true(buffer[n + 1 + shift] == 42); /* nothing behind it */
            memcpy(buffer + 1 + shift, x, sizeof x);
            f(buffer + 1 + shift, buffer + 1 + shift, n);
            all_same(buffer + 1 + shift, want, n, name, table);
        }
}

static void check_two(two_fn *f, const float *want, const char *name, int table)
{
    float buffer[N + 8];
    for (int64_t n = 0; n <= N; n = n == N ? N + 1 : next_length(n))
        for (int way = 0; way < 6; way++) {
            float *out = buffer + 1 + way / 2;
            out[n] = 42;
            f(x, y, out, n);
            all_same(out, want, n, name, table);
            assert_true(out[n] == 42);
            memcpy(out, way % 2 ? y : x, sizeof x); /* over the first input, the second */
            f(way % 2 ? x : out, way % 2 ? out : y, out, n);
            all_same(out, want, n, name, table);
        }
}

static void elementwise_kernels_follow_their_formulas(void **state)
{
    (void)state;
    static float want[N];
    for (int t = 0; t < N_TABLES; t++) {
        if (!tables[t]) continue;
#define X(name)                        \
    onus_kernels_ref.name(x, want, N); \
    check_one(tables[t]->name, want, #name, t);
        FUNCTIONS(X)
#undef X
#define X(name)                                              \
    for (int i = 0; i < N; i++) want[i] = want_##name(x[i]); \
    check_one(tables[t]->name, want, #name, t);
        ONE_INPUT(X)
#undef X
#define X(name)                                                    \
    for (int i = 0; i < N; i++) want[i] = want_##name(x[i], y[i]); \
    check_two(tables[t]->name, want, #name, t);
        TWO_INPUTS(X)
#undef X
    }
}

static void factors_and_bytes(void **state)
{
    (void)state;
    static const float factors[] = {0.3f, -1.0f, 0.0f, -0.0f, 1e-40f, INFINITY, NAN};
    static float got[N], want[N];
    static uint8_t bytes[N];
    for (int i = 0; i < N; i++) bytes[i] = (uint8_t)i;
    for (int t = 0; t < N_TABLES; t++) {
        if (!tables[t]) continue;
        for (size_t f = 0; f < sizeof factors / sizeof *factors; f++)
            for (int64_t n = 0; n <= N; n = n == N ? N + 1 : next_length(n)) {
                for (int i = 0; i < n; i++) want[i] = factors[f] * x[i];
                tables[t]->scale(factors[f], x, got, n);
                all_same(got, want, n, "scale", t);
                for (int i = 0; i < n; i++) want[i] = (float)bytes[i] / 255.0f;
                tables[t]->bytes_scale(bytes, 255.0f, got, n);
                all_same(got, want, n, "bytes_scale", t);
            }
    }
}

/* ---- recurrent cells
 * ------------------------------------------------------------------------------- */

static float plus(float a, float b)
{
    volatile float sum = a + b;
    return sum;
}

static float times(float a, float b)
{
    volatile float product = a * b;
    return product;
}

static float want_tanh(float v)
{
    return one_of(onus_kernels_ref.tanh, v);
}

/* Rule 8, a unit at a time. in: W x + b (4), U h + b' (4), the state before, dy, dh, what comes
 * from the step after. LSTM: gates (4), c, tanh c, h, dz (4), dc. */
static void want_lstm(const float *in, float *out)
{
    const float i = want_sigmoid(plus(in[0], in[4])), f = want_sigmoid(plus(in[1], in[5])),
                g = want_tanh(plus(in[2], in[6])), o = want_sigmoid(plus(in[3], in[7]));
    const float c = fmaf(i, g, times(f, in[8])), t = want_tanh(c);
    const float d = plus(in[9], in[10]);
    const float dc = plus(in[11], want_tanh_back(t, times(d, o)));
    const float all[12] = {i,
                           f,
                           g,
                           o,
                           c,
                           t,
                           times(o, t),
                           want_sigmoid_back(i, times(dc, g)),
                           want_sigmoid_back(f, times(dc, in[8])),
                           want_tanh_back(g, times(dc, i)),
                           want_sigmoid_back(o, times(d, t)),
                           times(dc, f)};
    memcpy(out, all, sizeof all);
}

/* GRU: gates (3), q, h, dz (3), dq, straight; in[3] is not used. */
static void want_gru(const float *in, float *out)
{
    const float r = want_sigmoid(plus(in[0], in[4])), z = want_sigmoid(plus(in[1], in[5])),
                q = in[6], n = want_tanh(fmaf(r, q, in[2]));
    const float gap = plus(in[8], -n), d = plus(plus(in[9], in[10]), in[11]);
    const float dn = want_tanh_back(n, times(d, plus(1, -z)));
    const float all[10] = {r,
                           z,
                           n,
                           q,
                           fmaf(z, gap, n),
                           want_sigmoid_back(r, times(dn, q)),
                           want_sigmoid_back(z, times(d, gap)),
                           dn,
                           times(dn, r),
                           times(d, z)};
    memcpy(out, all, sizeof all);
}

/* n units by a table's kernels, laid out as want_lstm and want_gru do, in blocks of n. */
static void cells_by_kernels(const onus_kernels *k, const float *in, int64_t n, float *lstm,
                             float *gru)
{
    memcpy(lstm, in, (size_t)(4 * n) * sizeof *in);
    memcpy(lstm + 11 * n, in + 11 * n, (size_t)n * sizeof *in);
    k->lstm_cell(lstm, in + 4 * n, in + 8 * n, lstm + 4 * n, lstm + 5 * n, lstm + 6 * n, n);
    k->lstm_back(lstm, in + 8 * n, lstm + 5 * n, in + 9 * n, in + 10 * n, lstm + 11 * n,
                 lstm + 7 * n, n);
    memcpy(gru, in, (size_t)(3 * n) * sizeof *in);
    memcpy(gru + 9 * n, in + 11 * n, (size_t)n * sizeof *in);
    k->gru_cell(gru, in + 4 * n, in + 8 * n, gru + 3 * n, gru + 4 * n, n);
    k->gru_back(gru, gru + 3 * n, in + 8 * n, in + 9 * n, in + 10 * n, gru + 9 * n, gru + 5 * n,
                n);
}

static void recurrent_cells_follow_their_formulas(void **state)
{
    (void)state;
    enum { UNITS = 83 };
    static float in[12 * UNITS], lstm[12 * UNITS + 1], gru[10 * UNITS + 1], want[12 * UNITS];
    for (int t = 0; t < N_TABLES; t++)
        for (int64_t n = 1; tables[t] && n <= UNITS; n += n < 20 ? 1 : 21) {
            for (int64_t i = 0; i < 12 * n; i++) in[i] = i % 2 ? x[i % N] : y[(i * 3) % N];
            lstm[12 * n] = gru[10 * n] = 42;
            cells_by_kernels(tables[t], in, n, lstm, gru);
            for (int way = 0; way < 2; way++) {
                for (int64_t j = 0; j < n; j++) {
                    float one[12], out[12];
                    for (int i = 0; i < 12; i++) one[i] = in[i * n + j];
                    (way ? want_gru : want_lstm)(one, out);
                    for (int i = 0; i < (way ? 10 : 12); i++) want[i * n + j] = out[i];
                }
                all_same(way ? gru : lstm, want, (way ? 10 : 12) * n, way ? "gru" : "lstm", t);
            }
            assert_true(lstm[12 * n] == 42 && gru[10 * n] == 42);
        }
}

/* ---- sums
 * ------------------------------------------------------------------------------------------ */

/* Item 4: element i to lane i mod 16; lanes fold 8, 4, 2, 1. */
static float lanes(const float *a, const float *b, int64_t n)
{
    float lane[16] = {0};
    for (int64_t i = 0; i < n; i++)
        lane[i % 16] = b ? fmaf(a[i], b[i], lane[i % 16]) : lane[i % 16] + a[i];
    for (int step = 8; step; step /= 2)
        for (int j = 0; j < step; j++) lane[j] += lane[j + step];
    return lane[0];
}

static double lanes64(const double *a, const float *f, int64_t n)
{
    double lane[16] = {0};
    for (int64_t i = 0; i < n; i++)
        lane[i % 16] = f ? fma((double)f[i], (double)f[i], lane[i % 16]) : lane[i % 16] + a[i];
    for (int step = 8; step; step /= 2)
        for (int j = 0; j < step; j++) lane[j] += lane[j + step];
    return lane[0];
}

static bool same64(double a, double b)
{
    return (a != a && b != b) || memcmp(&a, &b, sizeof a) == 0;
}

static void check_sums(const float *a, const float *b, int64_t n, int t)
{
    static double wide[N];
    for (int64_t i = 0; i < n; i++) wide[i] = (double)a[i] * 1e30;
    const onus_kernels *k = tables[t];
    float most = -INFINITY;
    for (int64_t i = 0; i < n; i++) most = a[i] > most ? a[i] : most;
    const float got[3] = {k->sum(a, n), k->dot(a, b, n), k->max(a, n)},
                want[3] = {lanes(a, NULL, n), lanes(a, b, n), most};
    all_same(got, want, 3, "sum, dot, max", t);
    if (!same64(k->sum64(wide, n), lanes64(wide, NULL, n)) ||
        !same64(k->norm2(a, n), lanes64(NULL, a, n)))
        fail_msg("sum64 or norm2 of %s, n = %lld", table_names[t], (long long)n);
}

/* A channel's kernels from their formulas, written again: sums by lanes, elements by rule 8. */
static void check_channel(const float *a, const float *b, int64_t n, int t)
{
    static float d[N], h[N], want[N], got[N];
    const onus_kernels *k = tables[t];
    const float mean = 0.3f, r = 1.7f, g = -0.6f, shift = 0.25f, m1 = 0.01f, m2 = -0.4f;
    for (int64_t i = 0; i < n; i++) {
        volatile float diff = a[i] - mean, scaled = diff * r;
        d[i] = diff;
        h[i] = scaled;
    }
    const float sums[2] = {k->sum_squares(a, mean, n), k->dot_scaled(b, a, mean, r, n)},
                sums_want[2] = {lanes(d, d, n), lanes(b, h, n)};
    all_same(sums, sums_want, 2, "sum_squares, dot_scaled", t);
    for (int64_t i = 0; i < n; i++) want[i] = fmaf(h[i], g, shift);
    k->normalise(a, mean, r, g, shift, got, n);
    all_same(got, want, n, "normalise", t);
    for (int64_t i = 0; i < n; i++) {
        volatile float dy_g = b[i] * g, less = dy_g - m1, e = h[i] * m2, v = less - e;
        volatile float dx = r * v;
        want[i] = dx;
    }
    k->normalise_back(a, b, mean, r, g, m1, m2, got, n);
    all_same(got, want, n, "normalise_back", t);
}

static void sums_go_by_lanes(void **state)
{
    (void)state;
    static float finite[N], other[N]; /* with infinities every sum is one */
    for (int i = 0; i < N; i++) {
        finite[i] = isfinite(x[i]) && fabsf(x[i]) < 1e30f ? x[i] : -0.0f;
        other[i] = isfinite(y[i]) && fabsf(y[i]) < 1e30f ? y[i] : 1e-42f;
    }
    for (int t = 0; t < N_TABLES; t++)
        for (int64_t n = 0; tables[t] && n <= N; n = n == N ? N + 1 : next_length(n))
            for (int shift = 0; shift < 4 && n + shift <= N; shift++) {
                check_sums(finite + shift, other + shift, n, t);
                check_channel(finite + shift, other + shift, n, t);
                check_sums(x + shift, y, n, t);
            }
}

/* Item 2, by hand: from -infinity, x > m ? x : m ascending: a NaN is passed over, the first of
 * equal zeros stays; nothing gives -infinity. */
static void maxima_at_their_corners(void **state)
{
    (void)state;
    static const float rows[][3] = {
        {NAN, 2, 1},       {2, NAN, 1},           {NAN, NAN, NAN},    {-0.0f, 0.0f, -0.0f},
        {0.0f, -0.0f, -1}, {-INFINITY, NAN, NAN}, {-1e-45f, -2, NAN}, {NAN, -0.0f, -3}};
    static const float want[] = {2, 2, -INFINITY, -0.0f, 0.0f, -INFINITY, -1e-45f, -0.0f};
    for (int t = 0; t < N_TABLES; t++) {
        if (!tables[t]) continue;
        assert_true(tables[t]->max(NULL, 0) == -INFINITY);
        for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
            float row[64]; /* the same far into a long row */
            for (int pad = 0; pad < 50; pad += 7) {
                for (int j = 0; j < 64; j++) row[j] = -INFINITY;
                memcpy(row + pad, rows[i], sizeof rows[i]);
                const float got = tables[t]->max(row, 64);
                all_same(&got, &want[i], 1, "max", t);
            }
        }
    }
}

/* Items 3: segments of 256 rows, each a chain from +0, the first one starts the total. By hand:
 * a column of 256 times 2^-24 after a 1 survives in its own segment; -0 alone stays -0 + 0 =
 * 0. */
static void columns_add_in_segments(void **state)
{
    (void)state;
    enum { ROWS = 600, LD = 140 };
    static float X[ROWS * LD], got[LD], want[LD];
    static const int64_t rows[] = {0, 1, 2, 255, 256, 257, 512, 513, 600};
    uint32_t u = 1;
    for (int i = 0; i < ROWS * LD; i++) {
        u = u * 1664525 + 1013904223;
        X[i] = i % LD == 7 ? (i / LD ? 0x1p-24f : 1.0f) : (float)(int32_t)u * 0x1p-31f;
        if (i % LD == 9) X[i] = -0.0f;
    }
    for (int t = 0; t < N_TABLES; t++)
        for (size_t r = 0; tables[t] && r < sizeof rows / sizeof *rows; r++)
            for (int64_t j0 = 0; j0 < 70; j0 += 23)
                for (int64_t j1 = j0; j1 <= LD; j1 += j1 < j0 + 3 ? 1 : 29) {
                    for (int64_t j = j0; j < j1; j++) {
                        float total = 0;
                        for (int64_t s = 0; s < rows[r]; s += 256) {
                            float chain = 0;
                            for (int64_t i = s; i < s + 256 && i < rows[r]; i++)
                                chain += X[i * LD + j];
                            total = s ? total + chain : chain;
                        }
                        want[j] = total;
                    }
                    for (int j = 0; j < LD; j++) got[j] = 42;
                    tables[t]->col_sum(X, rows[r], LD, j0, j1, false, got);
                    all_same(got + j0, want + j0, j1 - j0, "col_sum", t);
                    for (int64_t j = 0; j < LD; j++)
                        if (j < j0 || j >= j1) assert_true(got[j] == 42);
                }
    float by_hand;
    tables[0]->col_sum(X + 7, 512, LD, 0, 1, false, &by_hand);
    assert_true(by_hand == 1 + 0x1p-16f);
}

/* ---- softmax of a row
 * ------------------------------------------------------------------------------------------ */

/* Sums of exp(x - m) go by lanes; the gradient of cross-entropy, over its input too. */
static void softmax_rows_follow_their_formulas(void **state)
{
    (void)state;
    static float e[N], want[N], got[N];
    for (int t = 0; t < N_TABLES; t++)
        for (int64_t n = 1; tables[t] && n <= N; n = n == N ? N + 1 : next_length(n))
            for (int way = 0; way < 2; way++) {
                const float *v = way ? y : x + N - n;
                const onus_softmax_row r = {.m = 2.5f,
                                            .l = 7,
                                            .off = way ? 0.01f : 0,
                                            .on = way ? 0.9f : 1,
                                            .label = n / 2,
                                            .weight = 0.7f,
                                            .scale = 0x1.99999ap-4f};
                for (int64_t i = 0; i < n; i++) {
                    volatile float off = v[i] - r.m;
                    e[i] = one_of(onus_kernels_ref.exp, off);
                    volatile float p = e[i] / r.l;
                    volatile float error = p - (i == r.label ? r.on : r.off);
                    volatile float weighted = error * r.weight;
                    want[i] = weighted * r.scale;
                }
                const float sum = tables[t]->exp_sum(v, r.m, n), wanted = lanes(e, NULL, n);
                all_same(&sum, &wanted, 1, "exp_sum", t);
                tables[t]->entropy_back(&r, v, got, n);
                all_same(got, want, n, "entropy_back", t);
                memcpy(got, v, (size_t)n * sizeof *v);
                tables[t]->entropy_back(&r, got, got, n);
                all_same(got, want, n, "entropy_back over its input", t);
            }
}

/* ---- norms
 * ------------------------------------------------------------------------------------------ */

/* Rule 8: a row's statistics, values and gradient, one operation a statement. */
static void want_norm(const float *v, const float *g, const float *b, const float *dy,
                      int64_t n, bool centred, float stat[2], float *out, float *dx)
{
    static float d[N], h[N], t[N];
    volatile float mean = centred ? lanes(v, NULL, n) / (float)n : 0.0f;
    for (int64_t i = 0; i < n; i++) d[i] = v[i] - mean;
    volatile float spread = lanes(d, d, n) / (float)n;
    volatile float open = spread + 1e-5f;
    volatile float root = sqrtf(open);
    stat[0] = mean;
    stat[1] = 1.0f / root;
    for (int64_t i = 0; i < n; i++) {
        h[i] = d[i] * stat[1];
        volatile float plain = h[i] * g[i];
        out[i] = b ? fmaf(h[i], g[i], b[i]) : plain;
        t[i] = dy[i] * g[i];
    }
    volatile float mean_t = centred ? lanes(t, NULL, n) / (float)n : 0.0f,
                   mean_th = lanes(t, h, n) / (float)n;
    for (int64_t i = 0; i < n; i++) {
        volatile float rest = t[i] - mean_t, along = h[i] * mean_th;
        volatile float across = rest - along;
        dx[i] = stat[1] * across;
    }
}

static void norms_follow_their_formulas(void **state)
{
    (void)state;
    static float g[N], b[N], want[2][N], got[2][N], stat[2][2];
    for (int i = 0; i < N; i++) {
        g[i] = 0.5f + 0.001f * (float)i;
        b[i] = 1 - 0.01f * (float)i;
    }
    for (int t = 0; t < N_TABLES; t++)
        for (int64_t n = 1; tables[t] && n <= N; n = n == N ? N + 1 : next_length(n))
            for (int way = 0; way < 8; way++) {
                const float *v = way & 4 ? b : x, *dy = way & 4 ? g + N - n : y;
                const float *shift = way & 2 ? b : NULL;
                want_norm(v, g, shift, dy, n, way & 1, stat[0], want[0], want[1]);
                tables[t]->norm_stat(v, n, way & 1, 1e-5f, stat[1]);
                all_same(stat[1], stat[0], 2, "norm_stat", t);
                memcpy(got[0], v, (size_t)n * sizeof *v); /* over the input */
                tables[t]->norm(got[0], stat[0], g, shift, got[0], n);
                all_same(got[0], want[0], n, "norm", t);
                memcpy(got[1], dy, (size_t)n * sizeof *dy);
                tables[t]->norm_back(v, stat[0], g, got[1], way & 1, got[1], n);
                all_same(got[1], want[1], n, "norm_back", t);
            }
}

/* The weight's gradient: a dot over rows, in segments of 256, that may go on. */
static void gradients_of_norms_add_in_segments(void **state)
{
    (void)state;
    enum { ROWS = 515, LD = 70 };
    static float v[ROWS * LD], dy[ROWS * LD], stat[2 * ROWS], got[LD], want[LD];
    uint32_t u = 7;
    for (int i = 0; i < ROWS * LD; i++) {
        u = u * 1664525 + 1013904223;
        v[i] = (float)(int32_t)u * 0x1p-31f;
        dy[i] = i % LD == 9 ? -0x1p-149f : v[i] * v[i] - 0.3f;
    }
    for (int i = 0; i < ROWS; i++) {
        stat[2 * i] = 0.01f * (float)(i % 7);
        stat[2 * i + 1] = 0.3f + 0.1f * (float)(i % 5);
    }
    for (int t = 0; t < N_TABLES; t++)
        for (int way = 0; tables[t] && way < 4; way++) {
            const int64_t rows = way & 1 ? ROWS : 255;
            const bool goes_on = way & 2;
            for (int64_t j = 0; j < LD; j++) {
                want[j] = got[j] = 0.5f;
                for (int64_t s = 0; s < rows; s += 256) {
                    float chain = 0;
                    for (int64_t i = s; i < s + 256 && i < rows; i++) {
                        volatile float d = v[i * LD + j] - stat[2 * i];
                        volatile float h = d * stat[2 * i + 1];
                        chain = fmaf(dy[i * LD + j], h, chain);
                    }
                    want[j] = s || goes_on ? want[j] + chain : chain;
                }
            }
            want[0] = want[LD - 1] = 0.5f; /* not asked for */
            tables[t]->norm_grad(v, stat, dy, rows, LD, 1, LD - 1, goes_on, got);
            all_same(got, want, LD, "norm_grad", t);
        }
}

/* ---- optimisers
 * ------------------------------------------------------------------------------------- */

static float penalised(const onus_opt_step *s, float p, float g)
{
    if (s->l2 != 0) g = fmaf(s->l2, p, g);
    volatile float sum = g + (p > 0 ? s->l1 : p < 0 ? -s->l1 : 0.0f);
    return s->l1 != 0 ? sum : g;
}

static void want_adam(const onus_opt_step *s, float *p, float g, float *m, float *v)
{
    const float grad = penalised(s, *p, g);
    volatile float dm = s->one_minus_beta1 * grad;
    *m = fmaf(s->beta1, *m, dm);
    volatile float scaled = s->one_minus_beta2 * grad;
    volatile float dv = scaled * grad;
    *v = fmaf(s->beta2, *v, dv);
    volatile float top = s->lr * *m, root = sqrtf(*v);
    volatile float bottom = root + s->eps, decayed = *p * s->decay;
    volatile float step = top / bottom;
    *p = decayed - step;
}

static void want_momentum(const onus_opt_step *s, float *p, float g, float *m)
{
    const float grad = penalised(s, *p, g);
    *m = fmaf(s->momentum, *m, grad);
    volatile float step = s->lr * *m;
    *p = *p - step;
}

static void want_sgd(const onus_opt_step *s, float *p, float g)
{
    volatile float step = s->lr * penalised(s, *p, g);
    *p = *p - step;
}

/* Several steps of each, with and without penalties and decay; numbers that are not finite,
 * too. */
static void check_optimisers(const onus_opt_step *o, int64_t n, int t)
{
    static float p[3][2][N], m[2][2][N], v[2][N];
    for (int side = 0; side < 2; side++) {
        for (int k = 0; k < 3; k++) memcpy(p[k][side], x, sizeof x);
        for (int k = 0; k < 2; k++) memset(m[k][side], 0, sizeof m[k][side]);
        memset(v[side], 0, sizeof v[side]);
    }
    for (int step = 0; step < 3; step++) {
        tables[t]->adam(o, p[0][0], y, m[0][0], v[0], n);
        tables[t]->momentum(o, p[1][0], y, m[1][0], n);
        tables[t]->sgd(o, p[2][0], y, n);
        for (int64_t i = 0; i < n; i++) {
            want_adam(o, &p[0][1][i], y[i], &m[0][1][i], &v[1][i]);
            want_momentum(o, &p[1][1][i], y[i], &m[1][1][i]);
            want_sgd(o, &p[2][1][i], y[i]);
        }
    }
    all_same(p[0][0], p[0][1], N, "adam's p", t);
    all_same(m[0][0], m[0][1], N, "adam's m", t);
    all_same(v[0], v[1], N, "adam's v", t);
    all_same(p[1][0], p[1][1], N, "momentum's p", t);
    all_same(m[1][0], m[1][1], N, "momentum's m", t);
    all_same(p[2][0], p[2][1], N, "sgd's p", t);
}

static void optimisers_follow_their_formulas(void **state)
{
    (void)state;
    for (int t = 0; t < N_TABLES; t++)
        for (int way = 0; tables[t] && way < 8; way++) {
            const onus_opt_step o = {.lr = 1e-3f,
                                     .beta1 = 0.9f,
                                     .one_minus_beta1 = 0.1f,
                                     .beta2 = 0.999f,
                                     .one_minus_beta2 = 1e-3f,
                                     .eps = 1e-8f,
                                     .momentum = 0.9f,
                                     .decay = way & 1 ? 0.99f : 1.0f,
                                     .l1 = way & 2 ? 0.01f : 0,
                                     .l2 = way & 4 ? 0.1f : 0};
            static const int64_t lengths[] = {0, 1, 15, 16, 17, 33, N};
            for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
                check_optimisers(&o, lengths[l], t);
        }
}

/* ---- the tables
 * ------------------------------------------------------------------------------------------ */

/* Every kernel is in a list above, and no table lacks one. */
static void no_kernel_is_forgotten(void **state)
{
    (void)state;
#define X(name) +1
    const size_t n = 0 FUNCTIONS(X) ONE_INPUT(X) TWO_INPUTS(X) OTHERS(X);
#undef X
    /* and the name, and the panel's columns */
    assert_int_equal(sizeof(onus_kernels), (n + 2) * sizeof(void *));
    for (int t = 0; t < N_TABLES; t++) {
        if (!tables[t]) {
            print_message("kernels of %s: not proven on this machine\n", table_names[t]);
            continue;
        }
        print_message("kernels of %s: ran\n", table_names[t]);
#define X(f) assert_non_null(tables[t]->f);
        FUNCTIONS(X)
        ONE_INPUT(X)
        TWO_INPUTS(X) OTHERS(X)
#undef X
            assert_true(tables[t]->gemm_panel % 8 == 0 && tables[t]->gemm_panel <= 32);
    }
}

/* ONUS_ISA chooses among what is there; another word is an error that says what is there. */
static void instruction_sets_by_name(void **state)
{
    (void)state;
    onus_isa isa;
    onus_err err;
    unsetenv("ONUS_ISA");
    assert_int_equal(onus_isa_default(&isa, NULL), ONUS_OK);
    assert_int_equal(isa, onus_isa_best());
    assert_non_null(onus_kernels_of(isa));
    setenv("ONUS_ISA", "", 1);
    assert_int_equal(onus_isa_default(&isa, NULL), ONUS_OK);
    for (int i = 0; i < ONUS_ISA_COUNT; i++) {
        isa = ONUS_ISA_COUNT;
        setenv("ONUS_ISA", onus_isa_name((onus_isa)i), 1);
        const onus_status st = onus_isa_default(&isa, &err);
        if (onus_kernels_of((onus_isa)i)) {
            assert_int_equal(st, ONUS_OK);
            assert_int_equal(isa, i);
            assert_string_equal(onus_kernels_of(isa)->name, onus_isa_name(isa));
        } else {
            assert_int_equal(st, ONUS_BAD_ARG);
            assert_int_equal(isa, ONUS_ISA_COUNT);
            assert_non_null(strstr(err.msg, onus_isa_name((onus_isa)i)));
        }
    }
    static const char *const wrong[] = {"sse2", "AVX2", "avx2 ", "avx", "ref,avx2", "0"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv("ONUS_ISA", wrong[i], 1);
        assert_int_equal(onus_isa_default(&isa, &err), ONUS_BAD_ARG);
        assert_non_null(strstr(err.msg, "ONUS_ISA"));
        assert_non_null(strstr(err.msg, wrong[i]));
        assert_non_null(strstr(err.msg, "ref"));
    }
    unsetenv("ONUS_ISA");
    assert_null(onus_kernels_of(ONUS_ISA_COUNT));
    assert_non_null(onus_kernels_of(ONUS_ISA_REF));
}

int main(void)
{
    tables[0] = &onus_kernels_ref;
    tables[1] = onus_kernels_of(ONUS_ISA_REF) == &onus_kernels_fma ? &onus_kernels_fma : NULL;
    tables[2] = onus_kernels_of(ONUS_ISA_AVX2);
    tables[3] = onus_kernels_of(ONUS_ISA_AVX512);
    tables[4] = onus_kernels_of(ONUS_ISA_NEON);
    make_numbers();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_kernel_is_forgotten),
        cmocka_unit_test(elementwise_kernels_follow_their_formulas),
        cmocka_unit_test(factors_and_bytes),
        cmocka_unit_test(recurrent_cells_follow_their_formulas),
        cmocka_unit_test(sums_go_by_lanes),
        cmocka_unit_test(maxima_at_their_corners),
        cmocka_unit_test(columns_add_in_segments),
        cmocka_unit_test(softmax_rows_follow_their_formulas),
        cmocka_unit_test(norms_follow_their_formulas),
        cmocka_unit_test(gradients_of_norms_add_in_segments),
        cmocka_unit_test(optimisers_follow_their_formulas),
        cmocka_unit_test(instruction_sets_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
