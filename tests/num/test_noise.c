/* SPDX-License-Identifier: Apache-2.0
 * Goal: sealed draws are what docs/PRIVACY.md proves of them. Method: each normal against
 * MPFR at the corners of what its words leave open, random words and extreme ones, with eight
 * times the room that the proof's constant has; the layout of the stream by hand; noise on a
 * grid in whole numbers; the law of cells against the normal integral; the bound on cells
 * against MPFR's; samples row by row against the stream's words, their largest size against
 * exact binomial tails; moments, tails and Kolmogorov-Smirnov with limits of four or five
 * deviations under fixed keys; the same bits for every table and any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MPFR_USE_INTMAX_T
#include <mpfr.h>

#include "base/crypto.h"
#include "base/hash.h"
#include "normal_law.h"
#include "num/noise.h"
#include "num/philox.h"
#include "num/tables.h"

static const onus_stream stream = {
    .seed = UINT64_C(0xfedcba9876543210), .step = 17, .node = 5, .purpose = ONUS_DRAW_EXPLAIN};

static uint64_t word(uint64_t i)
{
    return onus_stream_draw64(&stream, i);
}

static onus_noise_key some_key(void)
{
    onus_noise_key key;
    for (int i = 0; i < 32; i++) key.key[i] = (uint8_t)(i * 7 + 1);
    return key;
}

/* Every table that runs here. */
enum { N_TABLES = ONUS_ISA_COUNT + 1 };
static void tables_here(const onus_kernels *tables[N_TABLES])
{
    tables[ONUS_ISA_COUNT] = &onus_kernels_ref;
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
        tables[isa] = onus_kernels_of((onus_isa)isa);
        print_message("draws on %s: %s\n", onus_isa_name((onus_isa)isa),
                      tables[isa] ? "ran" : "not proven on this machine");
    }
}

/* The stream of a block, by hand: nonce purpose 2^24 + tensor, step, block, little-endian. */
static void block_by_hand(const onus_noise_key *key, uint32_t first, uint32_t step,
                          uint32_t block, uint64_t *out, size_t n)
{
    const uint32_t part[3] = {first, step, block};
    uint8_t nonce[12];
    for (int i = 0; i < 12; i++) nonce[i] = (uint8_t)(part[i / 4] >> (8 * (i % 4)));
    onus_chacha20 *c = onus_chacha20_open();
    assert_non_null(c);
    assert_true(onus_chacha20_stream(c, key->key, nonce, out, n * sizeof *out));
    onus_chacha20_close(c);
}

/* Values by Python's hashlib: SHA-256 of "onus noise key 1\n" and the bytes 0 to 31; the first
 * 8 bytes, little-endian, of that of "onus noise seed 1\n" and the same. */
static void keys_are_committed(void **state)
{
    (void)state;
    onus_noise_key key, other;
    uint8_t sha[32];
    char hex[ONUS_HEX_LEN];
    for (int i = 0; i < 32; i++) key.key[i] = (uint8_t)i;
    onus_noise_key_commit(&key, sha);
    onus_hex(sha, 32, hex);
    assert_string_equal(hex,
                        "bba1430e164cf0b270315afa07b4fbbc26e094f932019e68b9ede76860454350");
    assert_int_equal(onus_noise_seed(&key), UINT64_C(0xe50db694c97f6780));
    onus_noise_key_new(&key);
    onus_noise_key_new(&other);
    assert_memory_not_equal(&key, &other, sizeof key);
}

/* ---- normals ----------------------------------------------------------------------------- */

enum { PREC = 320 };

/* sqrt(-2 log((K + end_u) 2^-148)) times cos or sin of 2 pi ((A + end_a) 2^-64 - 1/8), K the
 * first 148 bits, A the 64 of the angle. */
static void ideal_pair(const uint64_t w[4], int end_u, int end_a, mpfr_t c, mpfr_t s)
{
    mpfr_t u, a;
    mpfr_inits2(PREC, u, a, (mpfr_ptr)0);
    mpfr_set_uj(u, w[0], MPFR_RNDN);
    mpfr_mul_2ui(u, u, 64, MPFR_RNDN);
    mpfr_set_uj(a, w[1], MPFR_RNDN);
    mpfr_add(u, u, a, MPFR_RNDN);
    mpfr_mul_2ui(u, u, 20, MPFR_RNDN);
    mpfr_add_ui(u, u, (unsigned long)(w[3] & 0xfffff) + (unsigned long)end_u, MPFR_RNDN);
    mpfr_div_2ui(u, u, 148, MPFR_RNDN);
    mpfr_log(u, u, MPFR_RNDN);
    mpfr_mul_si(u, u, -2, MPFR_RNDN);
    mpfr_sqrt(u, u, MPFR_RNDN);
    mpfr_set_uj(a, w[2], MPFR_RNDN);
    mpfr_add_ui(a, a, (unsigned long)end_a, MPFR_RNDN);
    mpfr_div_2ui(a, a, 64, MPFR_RNDN);
    mpfr_sub_d(a, a, 0.125, MPFR_RNDN);
    mpfr_const_pi(s, MPFR_RNDN);
    mpfr_mul(a, a, s, MPFR_RNDN);
    mpfr_mul_ui(a, a, 2, MPFR_RNDN);
    mpfr_sin_cos(s, c, a, MPFR_RNDN);
    mpfr_mul(s, s, u, MPFR_RNDN);
    mpfr_mul(c, c, u, MPFR_RNDN);
    mpfr_clears(u, a, (mpfr_ptr)0);
}

/* How far a computed pair is from the ideal ones that its words allow, at most. The ideal
 * radius falls with u and the angle's cell is 2^-61 wide: its corners are the worst. */
static double furthest(const uint64_t w[4], double zc, double zs)
{
    double worst = 0;
    mpfr_t c, s;
    mpfr_inits2(PREC, c, s, (mpfr_ptr)0);
    for (int corner = 0; corner < 4; corner++) {
        ideal_pair(w, corner & 1, corner >> 1, c, s);
        mpfr_sub_d(c, c, zc, MPFR_RNDN);
        mpfr_sub_d(s, s, zs, MPFR_RNDN);
        worst =
            fmax(worst, fmax(fabs(mpfr_get_d(c, MPFR_RNDA)), fabs(mpfr_get_d(s, MPFR_RNDA))));
    }
    mpfr_clears(c, s, (mpfr_ptr)0);
    return worst;
}

static bool is_bad(const uint64_t w[4]) /* u < 2^-100 */
{
    return w[0] == 0 && w[1] >> 28 == 0;
}

/* First words with every number of leading zeros and ones, next to 1/2, 3/4, sqrt(1/2) and
 * powers of two; second words of few bits, for the ends. */
static uint64_t extreme_u(uint64_t i, uint64_t *second, uint64_t *last)
{
    static const uint64_t edges[] = {UINT64_C(1) << 63, UINT64_C(3) << 62,
                                     UINT64_C(0xb504f333f9de6484),
                                     UINT64_C(0x5a827999fcef3242)};
    const uint64_t r = word(900000 + i);
    const int shift = (int)(i % 148);
    *last = i % 7 == 0 ? 0 : i % 7 == 1 ? 0xfffff : word(800000 + i);
    *second = word(700000 + i);
    if (i % 5 == 4) { /* next to an edge, on both sides */
        *second = r % 3 == 0 ? 0 : r % 3 == 1 ? UINT64_MAX : *second;
        return edges[i / 5 % 4] + (r >> 7) % 5 - 2;
    }
    uint64_t first = shift >= 64 ? 0 : r >> shift;
    if (shift >= 64) *second = shift >= 128 ? 0 : *second >> (shift - 64);
    if (i % 5 >= 2) {
        first = ~first;
        *second = ~*second;
        *last = ~*last;
    }
    return first;
}

static uint64_t extreme_angle(uint64_t i)
{
    if (i % 3 == 0) return word(600000 + i);
    const uint64_t eighth = (i / 3 % 8) << 61; /* quarters' middles (angle 0, ..) and ends */
    return eighth + (i % 3 == 1 ? i / 24 % 7 - 3 : word(600000 + i) >> (3 + i / 24 % 60));
}

static void fill_group(uint64_t group, uint64_t u[32])
{
    for (uint64_t k = 0; k < 8; k++) {
        const uint64_t i = 8 * group + k;
        uint64_t w[4] = {word(4 * i), word(4 * i + 1), word(4 * i + 2), word(4 * i + 3)};
        if (group % 2) {
            w[0] = extreme_u(i / 2, &w[1], &w[3]);
            w[2] = extreme_angle(word(500000 + i) % 100000);
        }
        for (int j = 0; j < 4; j++) u[8 * (unsigned)j + k] = w[j];
    }
}

static void normals_are_near_the_ideal(void **state)
{
    (void)state;
    const uint64_t groups = getenv("ONUS_SLOW") ? 40000 : 1500;
    const onus_noise_law plain = {.std = 1};
    double worst = 0, largest = 0, bad = 0;
    for (uint64_t g = 0; g < groups; g++) {
        uint64_t u[32];
        double z[16];
        fill_group(g, u);
        onus_kernels_of(onus_isa_best())->noise(&plain, u, 1, z);
        for (int k = 0; k < 8; k++) {
            const uint64_t w[4] = {u[k], u[8 + k], u[16 + k], u[24 + k]};
            largest = fmax(largest, hypot(z[k], z[8 + k]));
            if (is_bad(w))
                bad++; /* what is charged to delta; finite all the same */
            else
                worst = fmax(worst, furthest(w, z[k], z[8 + k]));
        }
    }
    print_message("normals: %.3g of the bound, of %d pairs (%g bad)\n", worst / ONUS_NOISE_ERR,
                  (int)(8 * groups), bad);
    assert_true(bad > 0 && 8 * worst <= ONUS_NOISE_ERR);
    assert_true(largest > 14.3 && largest < 14.4); /* sqrt(2 log 2^149) = 14.37 */
}

/* The corners by hand: u = 2^-149, at an angle of -pi/4, and u = 1 - 2^-149, at 3 pi/4; the
 * middle, u = 1/2 at angle 0. */
static void normals_at_the_ends(void **state)
{
    (void)state;
    const onus_noise_law plain = {.std = 3};
    uint64_t u[32] = {0};
    double z[16];
    u[1] = u[9] = UINT64_MAX, u[25] = 0xfffff, u[17] = UINT64_C(1) << 63;
    u[2] = UINT64_C(1) << 63, u[18] = UINT64_C(1) << 61;
    onus_kernels_ref.noise(&plain, u, 1, z);
    const double far_ = 3 * sqrt(149 * log(2)), near_ = 3 * 0x1p-74;
    assert_true(fabs(z[0] - far_) < 1e-14);
    assert_true(fabs(z[8] + far_) < 1e-14);
    assert_true(fabs(z[1] / near_ + M_SQRT1_2) < 1e-14);
    assert_true(fabs(z[9] / near_ - M_SQRT1_2) < 1e-14);
    assert_true(fabs(z[2] - 3 * sqrt(2 * log(2))) < 1e-14);
    assert_true(z[10] == 0);
}

/* The same bits from every table, with and without a grid, for any number of groups, and
 * nothing beyond. */
static void tables_agree(void **state)
{
    (void)state;
    enum { G = 64 };
    static uint64_t u[32 * G];
    static double z[16 * G + 1], first[16 * G];
    static const onus_noise_law laws[] = {{1.0, 0, 0},
                                          {1.5, 0x1p-20, 0},
                                          {1.5, 0x1p-30, 21},
                                          {0x1p46 * 0.7, 1, 22},
                                          {1e-3, 1, 3}};
    const onus_kernels *tables[N_TABLES];
    tables_here(tables);
    for (uint64_t g = 0; g < G; g++) fill_group(g, u + 32 * g);
    for (size_t l = 0; l < sizeof laws / sizeof *laws; l++)
        for (int t = N_TABLES - 1; t >= 0; t--)
            for (int n = 0; tables[t] && n <= G; n = n < 5 || n == G ? n + 1 : G) {
                z[16 * n] = 42;
                tables[t]->noise(&laws[l], u, n, z);
                assert_true(z[16 * n] == 42);
                if (t == N_TABLES - 1) memcpy(first, z, (size_t)n * 16 * sizeof *z);
                assert_memory_equal(z, first, (size_t)n * 16 * sizeof *z);
            }
}

/* ---- the grid ---------------------------------------------------------------------------- */

/* RN_g and V by their words, for every number of bits: V's are 20 to 41 of the fourth word for
 * the cosine, 42 to 63 for the sine. */
static void dither_is_of_its_bits(void **state)
{
    (void)state;
    const double g = 0x1p-24, std = 1.25;
    for (uint64_t group = 0; group < 400; group++) {
        uint64_t u[32];
        double plain[16], z[16];
        fill_group(group, u);
        const int bits = (int)(group % (ONUS_NOISE_DITHER_MAX + 1));
        const onus_noise_law exact = {.std = std}, law = {std, g, bits};
        onus_kernels_ref.noise(&exact, u, 1, plain);
        onus_kernels_ref.noise(&law, u, 1, z);
        for (int k = 0; k < 16; k++) {
            const uint64_t drawn = u[24 + k % 8] >> (k < 8 ? 20 : 42) & 0x3fffff;
            const int64_t v =
                (int64_t)(drawn >> (22 - bits)) - (bits ? INT64_C(1) << (bits - 1) : 0);
            const double scaled = plain[k] / g;
            if (fabs(scaled - floor(scaled) - 0.5) < 1e-6) continue; /* the last bit decides */
            assert_true(z[k] / g == rint(scaled) + (double)v);
        }
    }
}

/* Noise of blocks of 1,024 elements, groups of 16 in the block, from the words that RFC 8439
 * gives for the nonce: all from the reference. */
static void noise_has_its_place_in_the_stream(void **state)
{
    (void)state;
    enum { N = 3000, BLOCKS = 3 };
    static double sum[N], want[BLOCKS * 1024];
    static uint64_t u[2048];
    const onus_noise_key key = some_key();
    const onus_exec ex = {.k = &onus_kernels_ref};
    const onus_noise_law law = {2.5, 0x1p-30, 20};
    assert_int_equal(onus_noise_grid(&ex, &key, 7, 3, law.std, law.grid, 20, sum, N, NULL),
                     ONUS_OK);
    for (uint32_t b = 0; b < BLOCKS; b++) {
        block_by_hand(&key, 1u << 24 | 3, 7, b, u, 2048);
        onus_kernels_ref.noise(&law, u, 64, want + 1024 * b);
    }
    assert_memory_equal(sum, want, sizeof sum);
}

/* What is added to a sum of whole multiples is the same whatever stands there, to the last bit,
 * up to the largest sums; it depends on (key, step, tensor, place), not on threads, table or
 * how many elements follow. */
static void noise_belongs_to_its_place(void **state)
{
    (void)state;
    enum { N = 9001 };
    static double want[N], got[N], before[N];
    static const int64_t lengths[] = {0, 1, 2, 15, 16, 17, 1023, 1024, 1025, 4096, N};
    const double g = 0x1p-33, std = 0.5;
    const onus_noise_key key = some_key();
    const onus_exec plain = {.k = &onus_kernels_ref};
    assert_int_equal(onus_noise_grid(&plain, &key, 1, 2, std, g, 22, want, N, NULL), ONUS_OK);
    for (int i = 0; i < N; i++)
        before[i] = (double)((int64_t)word((uint64_t)i) >> (i % 2 ? 12 : 40)) * g;
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++)
        for (int threads = 1; onus_kernels_of((onus_isa)isa) && threads <= 7; threads += 2) {
            onus_exec ex = {.k = onus_kernels_of((onus_isa)isa)};
            assert_int_equal(onus_pool_create(&ex.pool, threads, NULL, NULL), ONUS_OK);
            for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
                memcpy(got, before, sizeof got);
                assert_int_equal(
                    onus_noise_grid(&ex, &key, 1, 2, std, g, 22, got, lengths[l], NULL),
                    ONUS_OK);
                for (int i = 0; i < N; i++) {
                    const int64_t noise = (int64_t)(want[i] / g),
                                  was = (int64_t)(before[i] / g);
                    assert_true((double)noise * g == want[i]);
                    assert_int_equal((int64_t)(got[i] / g), i < lengths[l] ? was + noise : was);
                }
            }
            onus_pool_destroy(ex.pool);
        }
    for (int what = 0; what < 3; what++) { /* another step, tensor, key: other noise */
        onus_noise_key other = key;
        other.key[31] ^= what == 2;
        memset(got, 0, sizeof got);
        assert_int_equal(onus_noise_grid(&plain, &other, what == 0 ? 2 : 1, what == 1 ? 3 : 2,
                                         std, g, 22, got, N, NULL),
                         ONUS_OK);
        int same = 0;
        for (int i = 0; i < N; i++) same += got[i] == want[i];
        assert_true(same < 5);
    }
}

/* ---- the law ----------------------------------------------------------------------------- */

static void noise_is_normal(void **state)
{
    (void)state;
    enum { N = 200000, G = 16 };
    double *z = calloc(N, sizeof *z), *w = calloc(N, sizeof *w);
    const onus_noise_key key = some_key();
    const onus_exec one = {.k = onus_kernels_of(onus_isa_best())};
    const double g = 0x1p-30;
    assert_int_equal(onus_noise_grid(&one, &key, 4, 2, 2.0, g, 22, z, N, NULL), ONUS_OK);
    assert_int_equal(onus_noise_grid(&one, &key, 5, 2, 2.0, g, 22, w, N, NULL), ONUS_OK);
    double steps = 0, pairs = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        steps += z[i] * w[i] / 4;
        if (i % G >= G / 2)
            continue; /* the two of one radius: their squares share it, and must not */
        const double a = z[i] / 2, b = z[i + G / 2] / 2;
        pairs += a * b;
        squares += (a * a - 1) * (b * b - 1);
    }
    assert_true(fabs(steps) < 4 * sqrt(N));
    assert_true(fabs(pairs) < 4 * sqrt(N / 2.0));
    assert_true(fabs(squares) < 4 * 2 * sqrt(N / 2.0));
    looks_normal(z, N, 0, 2);
    looks_normal(w, N, 0, 2);
    free(z);
    free(w);
}

/* 16.8 million draws, without dither: 9.6 of them are expected beyond 5 deviations. */
static void tails_are_there(void **state)
{
    (void)state;
    enum { N = 1 << 16, STEPS = 256 };
    static double z[N];
    const onus_noise_key key = some_key();
    const onus_exec one = {.k = onus_kernels_of(onus_isa_best())};
    static const double at[] = {3, 4, 4.5, 5};
    double above[4] = {0}, below[4] = {0};
    for (uint32_t step = 0; step < STEPS; step++) {
        memset(z, 0, sizeof z);
        assert_int_equal(onus_noise_grid(&one, &key, step, 0, 1.0, 0x1p-40, 0, z, N, NULL),
                         ONUS_OK);
        for (int i = 0; i < N; i++)
            for (int k = 0; k < 4 && fabs(z[i]) > at[k]; k++) (z[i] > 0 ? above : below)[k]++;
    }
    for (int k = 0; k < 4; k++) {
        const double want = (double)N * STEPS * 0.5 * erfc(at[k] * M_SQRT1_2);
        assert_true(fabs(above[k] - want) < 4 * sqrt(want) + 1);
        assert_true(fabs(below[k] - want) < 4 * sqrt(want) + 1);
    }
    assert_true(above[3] + below[3] > 0);
}

/* P(Z = k g): the normal's mass of the interval that V spreads k over, by 2^bits; chi square
 * over all cells where ten are expected. */
static void cells_have_their_mass(void **state)
{
    (void)state;
    enum { N = 1 << 20, M = 400 };
    static const struct {
        double std; /* of g = 1/4 */
        int bits;
    } laws[] = {{0.3, 0}, {1.3, 0}, {3, 2}, {8, 4}, {0.01, 5}, {20, 6}};
    double *z = malloc(N * sizeof *z);
    const onus_noise_key key = some_key();
    const onus_exec one = {.k = onus_kernels_of(onus_isa_best())};
    for (size_t l = 0; l < sizeof laws / sizeof *laws; l++) {
        static int count[2 * M + 1];
        memset(count, 0, sizeof count);
        memset(z, 0, N * sizeof *z);
        assert_int_equal(
            onus_noise_grid(&one, &key, 11, 1, laws[l].std / 4, 0.25, laws[l].bits, z, N, NULL),
            ONUS_OK);
        for (int i = 0; i < N; i++) {
            assert_true(fabs(z[i] * 4) <= M);
            count[(int)(z[i] * 4) + M]++;
        }
        const double width = ldexp(1, laws[l].bits), low = laws[l].bits ? width / 2 : 0;
        double chi = 0, cells = 0;
        for (int k = -M; k <= M; k++) { /* k = normal + v, v = -low .. width - low - 1 */
            const double to = (k + low + 0.5) / laws[l].std, from = to - width / laws[l].std;
            const double mass = 0.5 * (erfc(from * M_SQRT1_2) - erfc(to * M_SQRT1_2)) / width;
            const double want = N * mass;
            if (want < 1e-6) assert_int_equal(count[k + M], 0);
            if (want < 10) continue;
            chi += (count[k + M] - want) * (count[k + M] - want) / want;
            cells++;
        }
        assert_true(cells >= 3 && fabs(chi - (cells - 1)) < 5 * sqrt(2 * cells));
    }
    free(z);
}

/* ---- the bound on cells ------------------------------------------------------------------ */

/* The lemma as docs/PRIVACY.md has it: e the error, w the width of a cell, both in deviations,
 * nothing differing beyond R. */
static double lemma(double e, double w, double R)
{
    const double x = (w + 2 * e) * (R + w + 4 * e) / 2;
    return 4 * e / (w - 2 * e) * (1 + fmin(x * x / 3, x));
}

/* out = erfc((a + w + e) / sqrt 2), twice the mass above a + w + e, whose sum is exact. */
static void twice_above(mpfr_t out, double a, double w, double e)
{
    mpfr_t root;
    mpfr_init2(root, PREC);
    mpfr_sqrt_ui(root, 2, MPFR_RNDN);
    mpfr_set_d(out, a, MPFR_RNDN);
    mpfr_add_d(out, out, w, MPFR_RNDN);
    mpfr_add_d(out, out, e, MPFR_RNDN);
    mpfr_div(out, out, root, MPFR_RNDN);
    mpfr_erfc(out, out, MPFR_RNDN);
    mpfr_clear(root);
}

/* |log| of the mass of [a - e, a + w + e] over that of [a, a + w], e of either sign. */
static double log_change(double a, double w, double e)
{
    mpfr_t x, y, z;
    mpfr_inits2(PREC, x, y, z, (mpfr_ptr)0);
    twice_above(x, a, 0, -e);
    twice_above(z, a, w, e);
    mpfr_sub(x, x, z, MPFR_RNDN);
    twice_above(y, a, 0, 0);
    twice_above(z, a, w, 0);
    mpfr_sub(y, y, z, MPFR_RNDN);
    mpfr_div(x, x, y, MPFR_RNDN);
    mpfr_log(x, x, MPFR_RNDN);
    const double d = fabs(mpfr_get_d(x, MPFR_RNDA));
    mpfr_clears(x, y, z, (mpfr_ptr)0);
    return d;
}

/* The bound holds for two intervals at once, wherever they lie, and where cells are narrow is
 * not much more than what is there. */
static void cells_change_within_the_bound(void **state)
{
    (void)state;
    const double e = ONUS_NOISE_ERR, R = sqrt(200 * log(2));
    for (int k = -40; k <= 6; k++) {
        const double w = ldexp(1.37, k);
        double worst = 0;
        for (double a = -1.5 * w; a < R + 2 * e; a += fmax(w / 3, 0.37)) {
            worst = fmax(worst, 2 * log_change(a, w, e));
            worst = fmax(worst, 2 * log_change(a, w, -e));
        }
        const double kappa = onus_noise_cell_log_ratio(1 / w, 1, 0);
        assert_true(worst <= kappa);
        if (k < -4) assert_true(kappa < 1.1 * worst);
        assert_true(fabs(kappa / lemma(e, w, R) - 1) < 1e-4);
    }
    assert_true(onus_noise_cell_log_ratio(0x1p40, 1, 20) ==
                onus_noise_cell_log_ratio(0x1p20, 1, 0));
    assert_true(isinf(onus_noise_cell_log_ratio(0x1p44, 1, 0)));
    assert_true(isinf(onus_noise_cell_log_ratio(0x1p46, 1, 1)));
    assert_true(isfinite(onus_noise_cell_log_ratio(0x1p46, 1, 22)));
    /* as many bits as a 256th of the deviation has room for */
    assert_int_equal(onus_noise_dither_bits(255, 1), 0);
    assert_int_equal(onus_noise_dither_bits(511.9, 1), 0);
    assert_int_equal(onus_noise_dither_bits(512, 1), 1);
    assert_int_equal(onus_noise_dither_bits(3.0, 0x1p-10), 3);
    assert_int_equal(onus_noise_dither_bits(1, 0x1p-30), 22);
    assert_int_equal(onus_noise_dither_bits(1, 0x1p-46), 22);
    assert_int_equal(onus_noise_pairs(0), 0);
    assert_int_equal(onus_noise_pairs(1), 8);
    assert_int_equal(onus_noise_pairs(16), 8);
    assert_int_equal(onus_noise_pairs(17), 16);
}

/* Goal: the lemma itself, where it can be seen. Method: a sampler small enough to be gone
 * through, 12 bits of U and 12 of the angle, its error e taken from its cells' corners; beyond
 * U < 2^-6, its bad event, nothing is asked. Its 2^24 pairs are counted in cells of width 1, at
 * all quarters (two bits of dither on a grid of 1/4), and each count's ratio to the normal
 * integral lies within the lemma. With a wrong radius it does not. */
static void lemma_of_a_small_sampler(void **state)
{
    (void)state;
    enum { B = 1 << 12, M = 24 };
    static double count[2 * M][2 * M], r[B], c[B], s[B];
    const double R = sqrt(12 * log(2));
    for (int wrong = 0; wrong < 2; wrong++) {
        double e = 0;
        memset(count, 0, sizeof count);
        for (int k = 0; k < B; k++) {
            r[k] = sqrt(-2 * log((k + 0.5) / B));
            if (k >= B >> 6)
                e = fmax(e, fmax(r[k] - sqrt(-2 * log((k + 1.0) / B)),
                                 sqrt(-2 * log(fmax(k, 0.1) / B)) - r[k]));
            if (wrong) r[k] *= 1.1;
            c[k] = cos(2 * M_PI * (k + 0.5) / B);
            s[k] = sin(2 * M_PI * (k + 0.5) / B);
        }
        e += R * M_PI / B; /* half of an angle's cell */
        for (int k = B >> 6; k < B; k++)
            for (int j = 0; j < B; j++)
                count[(int)floor(4 * r[k] * c[j]) + M][(int)floor(4 * r[k] * s[j]) + M]++;
        double worst = 0;
        for (int x = 0; x + 4 <= 2 * M; x++)
            for (int y = 0; y + 4 <= 2 * M; y++) {
                const double a = (x - M) / 4.0, b = (y - M) / 4.0;
                if (hypot(fmax(fabs(a), fabs(a + 1)), fmax(fabs(b), fabs(b + 1))) + 2 * e > R)
                    continue; /* the bad event has a part in it */
                double n = 0;
                for (int i = 0; i < 16; i++) n += count[x + i / 4][y + i % 4];
                const double mass = 0.25 * (erf((a + 1) * M_SQRT1_2) - erf(a * M_SQRT1_2)) *
                                    (erf((b + 1) * M_SQRT1_2) - erf(b * M_SQRT1_2));
                worst = fmax(worst, fabs(log(n / ((double)B * B * mass))));
            }
        print_message("a small sampler: e %.3g, log ratio %.3g of %.3g\n", e, worst,
                      lemma(e, 1, R));
        assert_true(wrong ? worst > 0.1 : worst <= lemma(e, 1, R));
    }
}

/* ---- samples ----------------------------------------------------------------------------- */

/* The streams that samples of step 6 are made of: a byte a row, a word a candidate. */
enum { ROWS = 10000 };
static uint8_t byte_of[3 * 4096];
static uint64_t word_of[5 * 2048];

static void streams_by_hand(void)
{
    const onus_noise_key key = some_key();
    for (uint32_t b = 0; b < 3; b++) {
        uint64_t u[512];
        block_by_hand(&key, 2u << 24, 6, b, u, 512);
        for (int i = 0; i < 4096; i++)
            byte_of[4096 * b + (uint32_t)i] = (uint8_t)(u[i / 8] >> (8 * (i % 8)));
    }
    for (uint32_t b = 0; b < 5; b++)
        block_by_hand(&key, (2u << 24) + 1, 6, b, word_of + 2048 * b, 2048);
}

/* 2^64 256 q / k by MPFR, rounded down: a candidate's word below that may stay, one at or above
 * it must not. */
static uint64_t limit_of(double q, int k)
{
    mpfr_t t;
    mpfr_init2(t, PREC);
    mpfr_set_d(t, q, MPFR_RNDN);
    mpfr_mul_2ui(t, t, 72, MPFR_RNDN);
    mpfr_div_ui(t, t, (unsigned long)k, MPFR_RNDD);
    const uint64_t limit = mpfr_get_uj(t, MPFR_RNDD);
    mpfr_clear(t);
    return limit;
}

/* Are the rows taken at rate q those that the streams say? Is `row`? A word within 2^-49 of the
 * limit may go either way, below it. */
static bool takes(double q, int64_t row)
{
    static int64_t out[ROWS];
    const onus_noise_key key = some_key();
    const onus_exec one = {.k = &onus_kernels_ref};
    const int k = (int)floor(256 * q) + 1;
    const uint64_t limit = limit_of(q, k), surely = limit - limit / 0x1p49 - 1;
    const int64_t taken = onus_noise_sample(&one, &key, 6, q, ROWS, out, ROWS);
    int64_t at = 0, candidate = 0;
    bool in = false;
    for (int64_t i = 0; i < ROWS; i++) {
        if (byte_of[i] >= k) continue;
        const uint64_t word = word_of[candidate++];
        const bool there = at < taken && out[at] == i;
        assert_true(word >= limit ? !there : there || word >= (limit > 0 ? surely : 0));
        at += there;
        in |= there && i == row;
    }
    assert_int_equal(at, taken);
    return in;
}

/* Row by row from the streams, at rates of every size and at rates next to a candidate's word:
 * it does not stay at its own word's rate, but at one that is 2^-45 higher. */
static void rows_are_taken_by_their_words(void **state)
{
    (void)state;
    static const double odd[] = {0x1p-64, 0x1p-53, 0x1p-11, 0.3, 1 - 0x1p-53, 0x1.8p-64,
                                 0.999,   0x1p-8,  0x3p-8,  0.5, 0.003,       0x1.fffffp-9};
    streams_by_hand();
    for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) (void)takes(odd[k], 0);
    int64_t candidate = 0, seen = 0;
    for (int64_t i = 0; i < ROWS; i++) { /* rates in (k - 1) / 256 .. k / 256, k = 5 */
        if (byte_of[i] >= 5) continue;
        const double u = (double)word_of[candidate++] * 0x1p-64, q = u * 5 / 256;
        if (q <= 4.0 / 256) continue;
        assert_false(takes(q * (1 - 0x1p-50), i));
        assert_true(takes(q * (1 + 0x1p-45), i));
        seen++;
    }
    assert_true(seen > 10);
}

/* Every row enters with probability q, independently: counts of rows and of sizes over many
 * steps against the binomial's mean and variance, neighbours, and rows a block apart. */
static void sample_is_poisson(void **state)
{
    (void)state;
    enum { N = 2500, STEPS = 2000 };
    static int64_t out[N];
    static int count[N];
    static bool in[N];
    const onus_noise_key key = {.key = {3, 1, 4, 1, 5}};
    const onus_exec one = {.k = onus_kernels_of(onus_isa_best())};
    const double q = 0.07;
    double sum = 0, square = 0;
    int neighbours = 0, apart = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        const int64_t n = onus_noise_sample(&one, &key, step, q, N, out, N);
        memset(in, 0, sizeof in);
        for (int64_t i = 0; i < n; i++) {
            assert_true(out[i] >= 0 && out[i] < N && (i == 0 || out[i] > out[i - 1]));
            count[out[i]]++;
            in[out[i]] = true;
            neighbours += i > 0 && out[i] == out[i - 1] + 1;
        }
        for (int i = 0; i + 2048 < N; i++) apart += in[i] && in[i + 2048];
        sum += (double)n;
        square += (double)n * (double)n;
    }
    const double mean = sum / STEPS, var = square / STEPS - mean * mean, want = N * q * (1 - q);
    assert_true(fabs(mean - N * q) < 4 * sqrt(want / STEPS));
    assert_true(fabs(var - want) < 5 * want * sqrt(2.0 / STEPS));
    double chi = 0;
    for (int i = 0; i < N; i++)
        chi += (count[i] - STEPS * q) * (count[i] - STEPS * q) / (STEPS * q * (1 - q));
    assert_true(chi > N - 5 * sqrt(2.0 * N) && chi < N + 5 * sqrt(2.0 * N));
    const double pairs = (double)STEPS * (N - 1) * q * q,
                 few = (double)STEPS * (N - 2048) * q * q;
    assert_true(fabs(neighbours - pairs) < 5 * sqrt(pairs));
    assert_true(fabs(apart - few) < 5 * sqrt(few));
}

/* All, none, few; the first ones where there is no room for more. */
static void samples_at_their_corners(void **state)
{
    (void)state;
    enum { N = 5000 };
    static int64_t out[N + 1], all[N];
    const onus_noise_key key = some_key();
    const onus_exec ex = {.k = &onus_kernels_ref};
    assert_int_equal(onus_noise_sample(&ex, &key, 0, 1.0, N, out, N), N);
    for (int i = 0; i < N; i++) assert_int_equal(out[i], i);
    static const double nothing[] = {0.0, -0.0, -1.0, NAN, 1e-300, 5e-324, 0x1.fffp-65};
    for (size_t k = 0; k < sizeof nothing / sizeof *nothing; k++)
        for (uint32_t step = 0; step < 20; step++)
            assert_int_equal(onus_noise_sample(&ex, &key, step, nothing[k], N, out, N), 0);
    assert_int_equal(onus_noise_sample(&ex, &key, 0, 0.5, 0, out, N), 0);
    const int64_t n = onus_noise_sample(&ex, &key, 9, 0.5, N, all, N);
    assert_true(n > 2048);
    for (int threads = 2; threads <= 3; threads++) {
        onus_exec shared = ex;
        assert_int_equal(onus_pool_create(&shared.pool, threads, NULL, NULL), ONUS_OK);
        assert_int_equal(onus_noise_sample(&shared, &key, 9, 0.5, N, out, N), n);
        assert_memory_equal(out, all, (size_t)n * sizeof *out);
        onus_pool_destroy(shared.pool);
    }
    static const int64_t rooms[] = {0, 1, 10, 1000, 2048};
    for (size_t k = 0; k < sizeof rooms / sizeof *rooms; k++) {
        assert_int_equal(onus_noise_sample(&ex, &key, 9, 0.5, N, out, rooms[k]), rooms[k]);
        assert_memory_equal(out, all, (size_t)rooms[k] * sizeof *out);
        assert_int_equal(onus_noise_sample(&ex, &key, 0, 1.0, N, out, rooms[k]), rooms[k]);
    }
}

/* log2 P(Binomial(n, q) > m), term by term in 320 bits. */
static double log2_above(double q, int64_t n, int64_t m)
{
    mpfr_t p, rest, term, sum;
    mpfr_inits2(PREC, p, rest, term, sum, (mpfr_ptr)0);
    mpfr_set_d(p, q, MPFR_RNDN);
    mpfr_ui_sub(rest, 1, p, MPFR_RNDN);
    mpfr_pow_si(term, rest, (long)n, MPFR_RNDN); /* of k = 0 */
    mpfr_div(p, p, rest, MPFR_RNDN);
    mpfr_set_ui(sum, 0, MPFR_RNDN);
    for (int64_t k = 1; k <= n; k++) {
        mpfr_mul(term, term, p, MPFR_RNDN);
        mpfr_mul_si(term, term, (long)(n - k + 1), MPFR_RNDN);
        mpfr_div_si(term, term, (long)k, MPFR_RNDN);
        if (k > m) mpfr_add(sum, sum, term, MPFR_RNDN);
    }
    mpfr_log2(sum, sum, MPFR_RNDU);
    const double result = mpfr_get_d(sum, MPFR_RNDU);
    mpfr_clears(p, rest, term, sum, (mpfr_ptr)0);
    return result;
}

/* log2 of Chernoff's bound for m rows of n, m > n q. */
static double log2_chernoff(double q, int64_t n, int64_t m)
{
    mpfr_t a, b, p;
    mpfr_inits2(PREC, a, b, p, (mpfr_ptr)0);
    mpfr_set_d(p, q, MPFR_RNDN);
    mpfr_mul_si(a, p, (long)n, MPFR_RNDN);
    mpfr_si_div(a, (long)m, a, MPFR_RNDN);
    mpfr_log2(a, a, MPFR_RNDN);
    mpfr_mul_si(a, a, (long)m, MPFR_RNDN);
    mpfr_ui_sub(p, 1, p, MPFR_RNDN);
    mpfr_mul_si(b, p, (long)n, MPFR_RNDN);
    mpfr_si_div(b, (long)(n - m), b, MPFR_RNDN);
    if (n > m) {
        mpfr_log2(b, b, MPFR_RNDN);
        mpfr_mul_si(b, b, (long)(n - m), MPFR_RNDN);
        mpfr_add(a, a, b, MPFR_RNDN);
    }
    const double result = -mpfr_get_d(a, MPFR_RNDN);
    mpfr_clears(a, b, p, (mpfr_ptr)0);
    return result;
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    static const double rates[] = {0x1p-64, 1e-9, 1e-4,  0.01,        0.1828125,
                                   0.5,     0.9,  0.999, 1 - 0x1p-53, 1 - 1e-9};
    static const double tails[] = {-0.5, -10, -40, -100, -140};
    static const int64_t rows[] = {
        1, 2, 10, 700, 3000, 60000, INT64_C(1000000000), INT64_C(1) << 36};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        for (size_t j = 0; j < sizeof tails / sizeof *tails; j++)
            for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
                const double q = rates[i], tail = tails[j];
                const int64_t n = rows[k], m = onus_noise_sample_most(q, n, tail);
                assert_true(m >= 0 && m <= n && (double)m >= floor((double)n * q));
                if (m < n && n <= 3000) assert_true(log2_above(q, n, m) <= tail);
                if (m < n) assert_true(log2_chernoff(q, n, m) <= tail);
                /* and hardly more than the smallest: one row less does not keep 1.001 of it */
                if ((double)m - 1 > (double)n * q)
                    assert_true(log2_chernoff(q, n, m - 1) > tail * 1.001 - 0.002);
            }
    assert_int_equal(onus_noise_sample_most(1, 700, -100), 700);
    assert_int_equal(onus_noise_sample_most(0, 700, -100), 0);
    assert_int_equal(onus_noise_sample_most(0.5, 0, -100), 0);
    /* by hand: 10 log 2 = 6.93 nats of KL(1 || 1/2) at m = n = 10, so 2^-10 is just not reached
     */
    assert_int_equal(onus_noise_sample_most(0.5, 10, -9.9), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_committed),
        cmocka_unit_test(normals_are_near_the_ideal),
        cmocka_unit_test(normals_at_the_ends),
        cmocka_unit_test(tables_agree),
        cmocka_unit_test(dither_is_of_its_bits),
        cmocka_unit_test(noise_has_its_place_in_the_stream),
        cmocka_unit_test(noise_belongs_to_its_place),
        cmocka_unit_test(noise_is_normal),
        cmocka_unit_test(tails_are_there),
        cmocka_unit_test(cells_have_their_mass),
        cmocka_unit_test(cells_change_within_the_bound),
        cmocka_unit_test(lemma_of_a_small_sampler),
        cmocka_unit_test(rows_are_taken_by_their_words),
        cmocka_unit_test(sample_is_poisson),
        cmocka_unit_test(samples_at_their_corners),
        cmocka_unit_test(sizes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
