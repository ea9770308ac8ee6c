/* SPDX-License-Identifier: Apache-2.0
 * number.c - a binary64 as ECMAScript prints it (ECMA-262, 6.1.6.1.20; RFC 8785, 3.2.2.3): the
 * shortest decimal that reads back, of these the nearest to the value.
 *
 * Between 1e-11 and 2^53, where nearly all numbers of a ledger are, integers of 128 bits do it
 * exactly. v = m 2^q with m < 2^53; with k = 16 - floor(log10 v) the 17 digits of v stand
 * before the point of X = v 10^k = P / 2^s, P = m 5^k < 2^53 5^27 < 2^116, s = -(q + k) > 0. A
 * decimal C 10^-k reads back as v where C 2^s is at most half an ulp from P: 5^k / 2, and below
 * a power of two, where numbers are twice as dense, 5^k / 4; on the edge where m is even (IEEE
 * 754, ties to even). Four times all this fits in 120 bits.
 *
 * Elsewhere the C library's printf and strtod, which round correctly, are asked; tests compare
 * the two where both can be had. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* ---- by printf --------------------------------------------------------------------------- */

/* The decimal of p digits nearest to v > 0 ("d.ddde+xx", the point of any locale); true if it
 * reads back as v. */
static bool nearest(double v, int p, char text[40])
{
    snprintf(text, 40, "%.*e", p - 1, v);
    return strtod(text, NULL) == v;
}

/* The next larger decimal of p digits. Below a power of two numbers are twice as dense as above
 * it: there the nearest decimal can miss v while this one, farther off, reads back. */
static bool nearest_above(double v, int p, char text[40])
{
    if (nearest(v, p, text)) return true;
    char *c = strchr(text, 'e');
    for (c--; c > text && (*c == '9' || *c < '0' || *c > '9'); c--)
        if (*c == '9') *c = '0';
    if (*c == '9') return false; /* 9.99 becomes 1 digit, which was tried */
    ++*c;
    return strtod(text, NULL) == v;
}

/* v = 0.DIGITS 10^exponent. */
static int digits_by_printf(double v, char digits[20], int *exponent)
{
    char text[40], shorter[40];
    const bool few = nearest(v, 15, text);
    int low = few ? 1 : 16, high = few ? 15 : 17;
    while (low < high) {
        const int p = (low + high) / 2;
        if (nearest(v, p, text))
            high = p;
        else
            low = p + 1;
    }
    (void)nearest(v, low, text);
    if (low > 1 && nearest_above(v, low - 1, shorter)) memcpy(text, shorter, sizeof text);
    int n = 0;
    const char *c = text;
    for (; *c && *c != 'e'; c++) {
        if (*c >= '0' && *c <= '9') digits[n++] = *c;
    }
    while (n > 1 && digits[n - 1] == '0') n--;
    *exponent = (int)strtol(c + 1, NULL, 10) + 1;
    return n;
}

/* ---- by integers ------------------------------------------------------------------------- */

typedef unsigned __int128 wide;
typedef struct {
    uint64_t m, five; /* 5^k */
    wide p;
    int s;
} scaled;

enum { FIVES = 28 };
#define E17 UINT64_C(100000000000000000)

/* X = v 10^k with 17 or, where the estimate of log10 was one too low, 18 digits before its
 * point; false outside the range. */
static bool scale(double v, int log10_v, scaled *x)
{
    static const uint64_t five[FIVES] = {1,
                                         5,
                                         25,
                                         125,
                                         625,
                                         3125,
                                         15625,
                                         78125,
                                         390625,
                                         1953125,
                                         9765625,
                                         48828125,
                                         244140625,
                                         1220703125,
                                         6103515625,
                                         30517578125,
                                         152587890625,
                                         762939453125,
                                         3814697265625,
                                         19073486328125,
                                         95367431640625,
                                         476837158203125,
                                         2384185791015625,
                                         11920928955078125,
                                         59604644775390625,
                                         298023223876953125,
                                         1490116119384765625,
                                         7450580596923828125};
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    const int q = (int)(bits >> 52) - 1075, k = 16 - log10_v;
    if (k < 0 || k >= FIVES || q + k >= 0) return false;
    x->m = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    x->five = five[k];
    x->p = (wide)x->m * x->five;
    x->s = -(q + k);
    return true;
}

static bool reads_back(const scaled *x, uint64_t decimal)
{
    const wide d = (wide)decimal << x->s;
    const bool above = d >= x->p;
    const wide off = 4 * (above ? d - x->p : x->p - d);
    const wide most = (wide)x->five * (above || x->m != UINT64_C(1) << 52 ? 2 : 1);
    return off < most || (off == most && x->m % 2 == 0);
}

/* The nearest to X of the two multiples of unit beside it that reads back; 0: neither does. */
static uint64_t beside(const scaled *x, uint64_t unit)
{
    const uint64_t low = (uint64_t)(x->p >> x->s) / unit * unit, high = low + unit;
    const bool is_low = low > 0 && reads_back(x, low), is_high = reads_back(x, high);
    if (!is_low || !is_high) return is_low ? low : is_high ? high : 0;
    const wide below = x->p - ((wide)low << x->s), above = ((wide)high << x->s) - x->p;
    if (below == above) return low / unit % 2 == 0 ? low : high;
    return below < above ? low : high;
}

/* A decimal of 16 digits is tried before one of 17, and one of 15 before that. Of decimals with
 * at most 15 digits never two read back as the same normal number (DBL_DIG of C; Matula 1968,
 * "In-and-out conversions", theorem 1: 10^15 < 2^52), so all shorter ones are the one of 15
 * without its last zeros. */
static int digits_by_integers(double v, char digits[20], int *exponent)
{
    int e2, e10;
    scaled x;
    (void)frexp(v, &e2);
    /* floor(log10 2^(e2 - 1)), which is floor(log10 v) or one less: 78913 / 2^18 is log10 2 to
     * 8e-7, and no power of two in the range is so near to one of ten. */
    e10 = (int)(((int64_t)(e2 - 1) * 78913) >> 18);
    if (!scale(v, e10, &x)) return 0;
    if ((uint64_t)(x.p >> x.s) >= E17 && !scale(v, ++e10, &x)) return 0;
    uint64_t best = beside(&x, 1);
    for (uint64_t unit = 10; unit <= 100; unit *= 10) {
        const uint64_t shorter = beside(&x, unit);
        if (shorter == 0) break;
        best = shorter;
    }
    if (best == 0) return 0;
    *exponent = e10 + 1;
    if (best == E17) { /* 9.99...9 rounded up */
        best /= 10;
        ++*exponent;
    }
    int n = 17;
    while (best % 10 == 0) best /= 10, n--;
    for (int i = n; i-- > 0; best /= 10) digits[i] = (char)('0' + best % 10);
    return n;
}

/* ---- the text ---------------------------------------------------------------------------- */

/* 0.DIGITS 10^e, k digits, laid out. */
static int lay_out(char *out, const char *digits, int k, int e)
{
    char *at = out;
    if (k <= e && e <= 21) {
        memcpy(at, digits, (size_t)k);
        memset(at + k, '0', (size_t)(e - k));
        return e;
    }
    if (0 < e && e <= 21) {
        memcpy(at, digits, (size_t)e);
        at[e] = '.';
        memcpy(at + e + 1, digits + e, (size_t)(k - e));
        return k + 1;
    }
    if (-6 < e && e <= 0) {
        memset(at, '0', 7);
        at[1] = '.';
        memcpy(at + 2 - e, digits, (size_t)k);
        return 2 - e + k;
    }
    *at++ = digits[0];
    if (k > 1) {
        *at++ = '.';
        memcpy(at, digits + 1, (size_t)(k - 1));
        at += k - 1;
    }
    at += sprintf(at, "e%c%d", e > 0 ? '+' : '-', abs(e - 1));
    return (int)(at - out);
}

int onus_json_number_text(char out[ONUS_NUMBER_LEN], double v)
{
    char digits[20] = {0};
    int e, n = 0;
    if (!isfinite(v)) return 0;
    if (v == 0) {
        out[0] = '0';
        return 1;
    }
    if (v < 0) out[n++] = '-';
    int k = digits_by_integers(fabs(v), digits, &e);
    if (k == 0) k = digits_by_printf(fabs(v), digits, &e);
    return n + lay_out(out + n, digits, k, e);
}
