/* SPDX-License-Identifier: Apache-2.0
 * convolve.c - the T-fold convolution of a distribution with itself, by a Fourier transform of
 * our own (the same bits everywhere), with a bound of its error.
 *
 * A transform over N = 2^k places of radix 2 is off, in Euclidean norm, by at most k eta / (1 -
 * k eta) of its result (Higham 2002, Accuracy and Stability of Numerical Algorithms, theorem
 * 24.2), eta = mu + gamma_4 (sqrt 2 + mu), mu what a twiddle is off: at most 2^-51 here, so
 * that 2^-49 is more than eta. A product of two complex numbers is off by sqrt(5) u relatively
 * (Brent, Percival, Zimmermann 2007), however T factors are multiplied together by (T - 1) of
 * these. The forward transform leaves its result in bit-reversed order, the one back takes it
 * so: nothing needs to be moved. */
#include <math.h>

#include "num/vec.h"
#include "train/tilted.h"

static const double eta = 0x1p-49, root5_u = 0x1.2p-52; /* sqrt(5) 2^-53 is 1.118 2^-52 */

/* cos and sin of 2 pi k / N, k < N / 2; angles up to pi / 4, so that each is off by 2^-52. */
static void fill_twiddles(double *cos_, double *sin_, int64_t N)
{
    const double quarter = 0x1.921fb54442d18p0;
    for (int64_t k = 0; k <= N / 8; k++) {
        const double angle = 2 * quarter * ((double)k / (double)(N / 2));
        const double c = onus_cos64(angle), s = k ? onus_cos64(quarter - angle) : 0;
        const int64_t mirror = N / 4 - k;
        cos_[k] = c, sin_[k] = s;
        cos_[mirror] = s, sin_[mirror] = c;
        cos_[N / 4 + k] = -s, sin_[N / 4 + k] = c;
        if (k) cos_[N / 2 - k] = -c, sin_[N / 2 - k] = s;
    }
}

static void forward(double *re, double *im, const double *cos_, const double *sin_, int64_t N)
{
    for (int64_t half = N / 2, apart = 1; half >= 1; half /= 2, apart *= 2)
        for (int64_t block = 0; block < N; block += 2 * half)
            for (int64_t j = 0; j < half; j++) {
                const int64_t a = block + j, b = a + half;
                const double c = cos_[j * apart], s = -sin_[j * apart];
                const double x = re[a] - re[b], y = im[a] - im[b];
                re[a] += re[b];
                im[a] += im[b];
                re[b] = x * c - y * s;
                im[b] = x * s + y * c;
            }
}

/* Without the division by N. */
static void back(double *re, double *im, const double *cos_, const double *sin_, int64_t N)
{
    for (int64_t half = 1, apart = N / 2; half < N; half *= 2, apart /= 2)
        for (int64_t block = 0; block < N; block += 2 * half)
            for (int64_t j = 0; j < half; j++) {
                const int64_t a = block + j, b = a + half;
                const double c = cos_[j * apart], s = sin_[j * apart];
                const double x = re[b] * c - im[b] * s, y = re[b] * s + im[b] * c;
                re[b] = re[a] - x;
                im[b] = im[a] - y;
                re[a] += x;
                im[a] += y;
            }
}

/* z^T by squaring; 0 as soon as what is left is below 2^-200. */
static void raise(double *re, double *im, int64_t T)
{
    double a = *re, b = *im, x = 1, y = 0;
    for (int64_t k = T; k > 0; k /= 2) {
        if (a * a + b * b < 0x1p-400) {
            x = 0, y = 0;
            break;
        }
        if (k & 1) {
            const double u = x * a - y * b;
            y = x * b + y * a;
            x = u;
        }
        const double v = a * a - b * b;
        b = 2 * a * b;
        a = v;
    }
    *re = x;
    *im = y;
}

static double norm(const double *re, const double *im, int64_t N)
{
    double sum = 0;
    for (int64_t i = 0; i < N; i++) sum += re[i] * re[i] + (im ? im[i] * im[i] : 0);
    return sqrt(sum) * (1 + 0x1p-20);
}

/* Most of a step's loss lies in a few places, and the transform's error is in proportion to
 * what it is given: the largest mass and its neighbours are taken out and transformed by the
 * table. */
enum { N_TAKEN = 3 };
typedef struct {
    double mass[N_TAKEN], all;
    int64_t first;
} taken;

static taken take_largest(double *re, int64_t N)
{
    int64_t at = 0;
    for (int64_t i = 1; i < N; i++)
        if (re[i] > re[at]) at = i;
    taken t = {.first = at + N - N_TAKEN / 2};
    for (int j = 0; j < N_TAKEN; j++) {
        double *p = &re[(t.first + j) & (N - 1)];
        t.mass[j] = *p;
        t.all += *p;
        *p = 0;
    }
    return t;
}

/* At place i of the transform stands the frequency whose bits are those of i, reversed. */
static void put_back(const taken *t, double *re, double *im, const double *cos_,
                     const double *sin_, int64_t N)
{
    int64_t k = 0;
    for (int64_t i = 0; i < N; i++) {
        for (int j = 0; j < N_TAKEN; j++) {
            const int64_t r = (k * ((t->first + j) & (N - 1))) & (N - 1), h = r & (N / 2 - 1);
            const double m = r < N / 2 ? t->mass[j] : -t->mass[j];
            re[i] += m * cos_[h];
            im[i] -= m * sin_[h];
        }
        int64_t bit = N / 2; /* one more, counted from the highest bit */
        while (bit && (k & bit)) k ^= bit, bit /= 2;
        k |= bit;
    }
}

double onus_convolve_power(double *re, double *im, double *cos_, double *sin_, int64_t N,
                           int64_t T)
{
    const double root = sqrt((double)N), steps = (double)T;
    double levels = 0, sum = 0;
    for (int64_t n = N; n > 1; n /= 2) levels++;
    fill_twiddles(cos_, sin_, N);
    for (int64_t i = 0; i < N; i++) sum += re[i], im[i] = 0;
    const taken most = take_largest(re, N);
    /* what is taken out: a twiddle, a product and four additions, 12 u of 1 at most */
    const double off =
        root * (levels * eta * (1 + 0x1p-30) * norm(re, NULL, N) + 0x1p-49 * sum);
    /* |z| and what was computed for it are at most `largest`, so z^T moves by T largest^(T-1)
     * times what z is off by */
    const double largest = sum * (1 + (double)N * 0x1p-52) + off;
    const double grown = largest > 1 ? onus_exp64(steps * onus_log64(largest)) : 1;
    forward(re, im, cos_, sin_, N);
    put_back(&most, re, im, cos_, sin_, N);
    for (int64_t i = 0; i < N; i++) raise(&re[i], &im[i], T);
    const double rounded = onus_expm1_64(steps * root5_u) * (1 + 0x1p-40) * norm(re, im, N);
    back(re, im, cos_, sin_, N);
    const double scale = 1 / (double)N; /* a power of two: exact */
    for (int64_t i = 0; i < N; i++) re[i] *= scale, im[i] *= scale;
    return (steps * grown * off + rounded) / root * (1 + 0x1p-20) +
           levels * eta * (1 + 0x1p-20) * norm(re, im, N) + grown * root * 0x1p-190;
}
