/* SPDX-License-Identifier: Apache-2.0
 * Goal: draws are what the contract says (item 9), whoever makes them, and have the
 * distributions that training and the accountant rely on. Method: known answers (Random123's
 * kat_vectors), the counter's layout by hand, every draw again from its
 * formula in glibc's binary64; moments, tails, Kolmogorov-Smirnov, counts of samples, with
 * limits of four or five deviations under fixed keys; all bits the same for every table and any
 * number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"
#include "num/noise.h"
#include "num/philox.h"
#include "num/tables.h"

/* ---- public draws
 * ------------------------------------------------------------------------------- */

/* Known answers: Random123's kat_vectors, philox4x32 with 10 rounds. */
static void philox_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t ctr[4], key[2], out[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t out[4];
        onus_philox(rows[i].key, rows[i].ctr, out);
        assert_memory_equal(out, rows[i].out, sizeof out);
    }
}

/* Key: seed, low word first; counter: (i / 4, step, node, purpose); word i mod 4. */
static uint32_t word_by_hand(const onus_stream *s, uint64_t i)
{
    const uint32_t key[2] = {(uint32_t)(s->seed & 0xffffffff), (uint32_t)(s->seed >> 32)};
    const uint32_t ctr[4] = {(uint32_t)(i >> 2), s->step, s->node, (uint32_t)s->purpose};
    uint32_t out[4];
    onus_philox(key, ctr, out);
    return out[i & 3];
}

static const onus_stream stream = {
    .seed = UINT64_C(0xfedcba9876543210), .step = 17, .node = 5, .purpose = ONUS_DRAW_EXPLAIN};

/* Words, uniforms, kept elements, 64-bit draws: each from its own words, whatever the start and
 * however many at once. */
static void streams_are_laid_out_by_counter(void **state)
{
    (void)state;
    enum { N = 2500 };
    static uint32_t words[N];
    static float u[N];
    static uint8_t keep[N];
    static const uint64_t starts[] = {0, 1, 2, 3, 4, 1023, UINT64_C(17179869183) - N};
    static const int64_t lengths[] = {0, 1, 3, 4, 5, 1024, 1025, N};
    const double p = 0.3, cut = floor(0.3 * 4294967296.0);
    for (size_t a = 0; a < sizeof starts / sizeof *starts; a++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            onus_stream_words(&stream, starts[a], lengths[l], words);
            onus_stream_uniform(&stream, starts[a], lengths[l], u);
            onus_stream_keep(&stream, starts[a], lengths[l], p, keep);
            for (int64_t k = 0; k < lengths[l]; k++) {
                const uint32_t w = word_by_hand(&stream, starts[a] + (uint64_t)k);
                assert_int_equal(words[k], w);
                assert_true(u[k] == (float)(w / 256) / 16777216.0f && u[k] >= 0 && u[k] < 1);
                assert_int_equal(keep[k], (double)w >= cut);
            }
        }
    for (uint64_t i = 0; i < 50; i++)
        assert_int_equal(onus_stream_draw64(&stream, i),
                         (uint64_t)word_by_hand(&stream, 2 * i + 1) << 32 |
                             word_by_hand(&stream, 2 * i));
    onus_stream_keep(&stream, 0, N, 0, keep); /* rate 0 keeps all */
    for (int i = 0; i < N; i++) assert_int_equal(keep[i], 1);
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Are z[n], in any order and sorted afterwards, draws of N(mean, std^2)? Moments to the fourth,
 * the share beyond 2, 3 and 4 deviations, Kolmogorov-Smirnov (1%: 1.63 / sqrt n). */
static void looks_normal(float *z, int64_t n, double mean, double std)
{
    double m[5] = {0};
    int64_t beyond[5] = {0};
    for (int64_t i = 0; i < n; i++) {
        const double v = ((double)z[i] - mean) / std;
        double power = 1;
        for (int k = 0; k < 5; k++, power *= v) m[k] += power / (double)n;
        for (int k = 2; k < 5; k++) beyond[k] += fabs(v) > k;
    }
    const double root = sqrt((double)n);
    assert_true(fabs(m[1]) < 4 / root);
    assert_true(fabs(m[2] - 1) < 4 * sqrt(2) / root);
    assert_true(fabs(m[3]) < 4 * sqrt(15) / root);     /* var of v^3 is 15 */
    assert_true(fabs(m[4] - 3) < 4 * sqrt(96) / root); /* var of v^4 is 96 */
    for (int k = 2; k < 5; k++) {
        const double share = erfc(k * M_SQRT1_2), want = (double)n * share;
        assert_true(fabs((double)beyond[k] - want) < 5 * sqrt(want) + 1);
    }
    qsort(z, (size_t)n, sizeof *z, by_value);
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        const double f = 0.5 * erfc(-((double)z[i] - mean) / std * M_SQRT1_2);
        worst = fmax(worst, fmax(fabs(f - (double)i / (double)n),
                                 fabs(f - (double)(i + 1) / (double)n)));
    }
    assert_true(worst < 1.63 / root);
}

static void public_normals(void **state)
{
    (void)state;
    enum { N = 40000 };
    static float z[N], part[100];
    onus_stream_normal(&stream, 0, N, 3.0, 0.5, z);
    onus_stream_normal(&stream, 777, 100, 3.0, 0.5, part);
    assert_memory_equal(part, z + 777, sizeof part);
    for (uint64_t i = 0; i < 2000; i++) {
        const double u0 = ((double)(word_by_hand(&stream, 2 * i) >> 8) + 1) / 16777216,
                     u1 = (double)(word_by_hand(&stream, 2 * i + 1) >> 8) / 16777216;
        const double want = 3 + 0.5 * sqrt(-2 * log(u0)) * cos(2 * M_PI * u1);
        assert_float_equal(z[i], want, 3e-7);
    }
    looks_normal(z, N, 3.0, 0.5);
}

/* Goal: a shuffle is a permutation that depends on (seed, step) only, sorted by (draw,
 * index). */
static void shuffle_sorts_by_draw(void **state)
{
    (void)state;
    for (int64_t n = 1; n < 3000; n = n * 3 + 1) {
        int64_t *idx = malloc((size_t)n * sizeof *idx);
        void *tmp = malloc(ONUS_SHUFFLE_TMP_BYTES((size_t)n));
        bool *seen = calloc((size_t)n, 1);
        const onus_stream s = {.seed = 99, .step = 3, .purpose = ONUS_DRAW_SHUFFLE};
        for (int64_t i = 0; i < n; i++) idx[i] = n - 1 - i;
        onus_stream_shuffle(&s, idx, n, tmp);
        for (int64_t i = 0; i < n; i++) {
            assert_false(seen[idx[i]]);
            seen[idx[i]] = true;
            if (i)
                assert_true(onus_stream_draw64(&s, (uint64_t)idx[i - 1]) <
                            onus_stream_draw64(&s, (uint64_t)idx[i]));
        }
        free(idx);
        free(tmp);
        free(seen);
    }
}

/* Goal: any order is as likely as any other. Method: 6 orders of 3 cards over 12,000 epochs,
 * chi square with 5 degrees (0.1%: 20.5); the first place of 100 cards over 20,000. */
static void shuffles_are_fair(void **state)
{
    (void)state;
    int orders[27] = {0}, first[100] = {0};
    char tmp[ONUS_SHUFFLE_TMP_BYTES(100)];
    for (uint32_t epoch = 0; epoch < 20000; epoch++) {
        const onus_stream s = {.seed = 7, .step = epoch, .purpose = ONUS_DRAW_SHUFFLE};
        int64_t three[3] = {0, 1, 2}, many[100];
        for (int i = 0; i < 100; i++) many[i] = i;
        if (epoch < 12000) onus_stream_shuffle(&s, three, 3, tmp);
        if (epoch < 12000) orders[three[0] * 9 + three[1] * 3 + three[2]]++;
        onus_stream_shuffle(&s, many, 100, tmp);
        first[many[0]]++;
    }
    double chi = 0, chi100 = 0;
    int seen = 0;
    for (int i = 0; i < 27; i++) {
        if (!orders[i]) continue;
        seen++;
        chi += (orders[i] - 2000.0) * (orders[i] - 2000.0) / 2000;
    }
    for (int i = 0; i < 100; i++) chi100 += (first[i] - 200.0) * (first[i] - 200.0) / 200;
    assert_int_equal(seen, 6);
    assert_true(chi < 20.5);
    assert_true(chi100 < 99 + 5 * sqrt(2 * 99.0));
}

/* ---- sealed draws ------------------------------------------------------------------------ */

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

/* The transformation of words to normals, every table: against glibc's binary64, at the corners
 * of the words, too, and the same bits from each. u0 = 2^-53 gives sqrt(-2 log 2^-53) = 8.5717,
 * beyond the 5.8 of 24 bits. */
static void noise_follows_its_formula(void **state)
{
    (void)state;
    enum { N = 4096 };
    static uint64_t words[2 * N];
    static float z[2 * N], first[2 * N];
    static const uint64_t odd[] = {0,
                                   UINT64_MAX,
                                   2047,
                                   2048,
                                   UINT64_C(1) << 63,
                                   UINT64_C(1) << 62,
                                   (UINT64_C(1) << 61) - 1,
                                   UINT64_C(1) << 61,
                                   UINT64_C(3) << 61,
                                   UINT64_C(0x7fffffffffffffff)};
    for (int i = 0; i < 2 * N; i++) words[i] = onus_stream_draw64(&stream, (uint64_t)i);
    for (int i = 0; i < 100; i++) {
        words[2 * i] = odd[i / 10];
        words[2 * i + 1] = odd[i % 10];
    }
    const onus_kernels *tables[N_TABLES];
    tables_here(tables);
    for (int t = 0; t < N_TABLES; t++) {
        if (!tables[t]) continue;
        for (int n = 0; n <= N; n = n < 20 ? n + 1 : n == N ? N + 1 : N) {
            z[2 * n < 2 * N ? 2 * n : 0] = 42;
            tables[t]->noise(words, n, 1.5, z);
            if (n < N) assert_true(z[2 * n] == 42);
            for (int i = 0; i < n; i++) {
                const double u = ldexp((double)(words[2 * i] >> 11) + 1, -53),
                             v = ldexp((double)(words[2 * i + 1] >> 11), -53);
                const double r = 1.5 * sqrt(-2 * log(u));
                assert_float_equal(z[2 * i], r * cos(2 * M_PI * v), 1e-6);
                assert_float_equal(z[2 * i + 1], r * sin(2 * M_PI * v), 1e-6);
            }
        }
        assert_float_equal(z[0], 1.5 * 8.571674348652905, 1e-5); /* words 0 and 0 */
        if (t == 0) memcpy(first, z, sizeof first);
        assert_memory_equal(z, first, sizeof first);
    }
}

/* Gaps of a Poisson sample are floor(log u / log(1 - q)), by libm where no whole number is
 * near; the same bits from every table; q = 1 leaves none. */
static void gaps_follow_their_formula(void **state)
{
    (void)state;
    enum { N = 1000 };
    static const double rates[] = {-INFINITY, -3, -0.005, -1e-7};
    static uint64_t words[N];
    static double first[N], gap[N + 1];
    for (int i = 0; i < N; i++) words[i] = onus_stream_draw64(&stream, (uint64_t)i);
    words[0] = 0;
    words[1] = UINT64_MAX;
    const onus_kernels *tables[N_TABLES];
    tables_here(tables);
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++)
        for (int t = 0; t < N_TABLES; t++) {
            if (!tables[t]) continue;
            for (int n = 0; n <= N; n += n < 20 ? 1 : N - 20) {
                gap[n] = 42;
                tables[t]->gaps(words, rates[r], gap, n);
                assert_true(gap[n] == 42);
            }
            if (t == 0) memcpy(first, gap, sizeof first);
            assert_memory_equal(gap, first, sizeof first);
            for (int i = 0; i < N; i++) {
                const double exact = log(ldexp((double)(words[i] >> 11) + 1, -53)) / rates[r];
                if (fabs(exact - rint(exact)) > 1e-9 * (1 + exact))
                    assert_true(gap[i] == floor(exact));
                else
                    assert_true(fabs(gap[i] - exact) < 1 + 1e-9 * exact);
            }
        }
}

static void noise_is_normal(void **state)
{
    (void)state;
    enum { N = 200001 };
    float *z = calloc(N, sizeof *z), *w = calloc(N, sizeof *w);
    const onus_noise_key key = some_key();
    const onus_exec one = {.k = onus_kernels_of(onus_isa_best())};
    assert_int_equal(onus_noise_add(&one, &key, 4, 2, 2.0, z, N, NULL), ONUS_OK);
    assert_int_equal(onus_noise_add(&one, &key, 5, 2, 2.0, w, N, NULL), ONUS_OK);
    double steps = 0, pairs = 0, squares = 0;
    for (int i = 0; i < N - 1; i++) {
        steps += (double)z[i] * (double)w[i] / 4;
        if (i % 2) continue; /* the two of one radius: their squares share it and must not */
        pairs += (double)z[i] * (double)z[i + 1] / 4;
        squares += ((double)z[i] * (double)z[i] / 4 - 1) *
                   ((double)z[i + 1] * (double)z[i + 1] / 4 - 1);
    }
    assert_true(fabs(steps) < 4 * sqrt(N));
    assert_true(fabs(pairs) < 4 * sqrt(N / 2.0));
    assert_true(fabs(squares) < 4 * 2 * sqrt(N / 2.0));
    looks_normal(z, N, 0, 2);
    looks_normal(w, N, 0, 2);
    free(z);
    free(w);
}

/* An element's noise depends on (key, step, tensor, place): not on threads, table or how many
 * elements follow; it is added in binary32. */
static void noise_belongs_to_its_place(void **state)
{
    (void)state;
    enum { N = 9001 };
    static float want[N], got[N];
    static const int64_t lengths[] = {0, 1, 2, 3, 2047, 2048, 2049, 4096, N};
    const onus_noise_key key = some_key();
    const onus_exec plain = {.k = &onus_kernels_ref};
    assert_int_equal(onus_noise_add(&plain, &key, 1, 2, 0.5, want, N, NULL), ONUS_OK);
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++)
        for (int threads = 1; onus_kernels_of((onus_isa)isa) && threads <= 7; threads += 2) {
            onus_exec ex = {.k = onus_kernels_of((onus_isa)isa)};
            assert_int_equal(onus_pool_create(&ex.pool, threads, NULL, NULL), ONUS_OK);
            for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
                for (int i = 0; i < N; i++) got[i] = 1000.0f;
                assert_int_equal(onus_noise_add(&ex, &key, 1, 2, 0.5, got, lengths[l], NULL),
                                 ONUS_OK);
                for (int i = 0; i < N; i++)
                    assert_true(got[i] == (i < lengths[l] ? 1000.0f + want[i] : 1000.0f));
            }
            onus_pool_destroy(ex.pool);
        }
    for (int what = 0; what < 3; what++) { /* another step, tensor, key: other noise */
        onus_noise_key other = key;
        other.key[31] ^= what == 2;
        memset(got, 0, sizeof got);
        assert_int_equal(onus_noise_add(&plain, &other, what == 0 ? 2 : 1, what == 1 ? 3 : 2,
                                        0.5, got, N, NULL),
                         ONUS_OK);
        int same = 0;
        for (int i = 0; i < N; i++) same += got[i] == want[i];
        assert_true(same < 5);
    }
}

/* Goal: every row enters a Poisson sample with probability q, independently. Method: counts of
 * rows and of sizes over many steps against the binomial's mean and variance; q = 1 takes
 * all. */
static void sample_is_poisson(void **state)
{
    (void)state;
    enum { N = 500, STEPS = 4000 };
    static int64_t out[N];
    static int count[N];
    const onus_noise_key key = {.key = {3, 1, 4, 1, 5}};
    const onus_exec one = {.k = onus_kernels_of(onus_isa_best())};
    const double q = 0.07;
    double sum = 0, square = 0;
    int neighbours = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        const int64_t n = onus_noise_sample(&one, &key, step, q, N, out, N);
        for (int64_t i = 0; i < n; i++) {
            assert_true(out[i] >= 0 && out[i] < N && (i == 0 || out[i] > out[i - 1]));
            count[out[i]]++;
            neighbours += i > 0 && out[i] == out[i - 1] + 1;
        }
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
    const double pairs = (double)STEPS * (N - 1) * q * q; /* independence of neighbours */
    assert_true(fabs(neighbours - pairs) < 5 * sqrt(pairs));
}

/* Gaps between rows taken are geometric: P(gap = k) = q (1 - q)^k, chi square over k < 40. */
static void gaps_are_geometric(void **state)
{
    (void)state;
    enum { N = 400000, K = 40 };
    static int64_t out[N];
    const onus_noise_key key = some_key();
    const onus_exec one = {.k = onus_kernels_of(onus_isa_best())};
    const double q = 0.1;
    int count[K] = {0}, more = 0;
    const int64_t n = onus_noise_sample(&one, &key, 3, q, N, out, N);
    for (int64_t i = 0; i < n; i++) {
        const int64_t gap = i ? out[i] - out[i - 1] - 1 : out[0];
        if (gap < K)
            count[gap]++;
        else
            more++;
    }
    double chi = 0, left = 1;
    for (int k = 0; k < K; k++, left *= 1 - q) {
        const double want = (double)n * q * left;
        chi += (count[k] - want) * (count[k] - want) / want;
    }
    const double want = (double)n * left;
    chi += (more - want) * (more - want) / want;
    assert_true(chi < K + 5 * sqrt(2.0 * K));
}

/* All, none, few; the room for them; the same rows from every table. */
static void samples_at_their_corners(void **state)
{
    (void)state;
    enum { N = 500 };
    int64_t out[N], first[N];
    const onus_noise_key key = some_key();
    int64_t n_first = -1;
    for (int isa = 0; isa < ONUS_ISA_COUNT; isa++) {
        const onus_exec ex = {.k = onus_kernels_of((onus_isa)isa)};
        if (!ex.k) continue;
        assert_int_equal(onus_noise_sample(&ex, &key, 0, 1.0, N, out, N), N);
        for (int i = 0; i < N; i++) assert_int_equal(out[i], i);
        static const double nothing[] = {0.0, -0.0, -1.0, NAN, 1e-300, 5e-324};
        for (size_t k = 0; k < sizeof nothing / sizeof *nothing; k++)
            for (uint32_t step = 0; step < 20; step++)
                assert_int_equal(onus_noise_sample(&ex, &key, step, nothing[k], N, out, N), 0);
        assert_int_equal(onus_noise_sample(&ex, &key, 0, 0.5, 0, out, N), 0);
        const int64_t n = onus_noise_sample(&ex, &key, 9, 0.5, N, out, N);
        if (n_first < 0) {
            n_first = n;
            memcpy(first, out, sizeof first);
        }
        assert_int_equal(n, n_first);
        assert_memory_equal(out, first, (size_t)n * sizeof *out);
        out[10] = -7; /* no room beyond 10: counted, not written */
        assert_int_equal(onus_noise_sample(&ex, &key, 9, 0.5, N, out, 10), n);
        assert_memory_equal(out, first, 10 * sizeof *out);
        assert_int_equal(out[10], -7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(streams_are_laid_out_by_counter),
        cmocka_unit_test(public_normals),
        cmocka_unit_test(shuffle_sorts_by_draw),
        cmocka_unit_test(shuffles_are_fair),
        cmocka_unit_test(keys_are_committed),
        cmocka_unit_test(noise_follows_its_formula),
        cmocka_unit_test(gaps_follow_their_formula),
        cmocka_unit_test(noise_is_normal),
        cmocka_unit_test(noise_belongs_to_its_place),
        cmocka_unit_test(sample_is_poisson),
        cmocka_unit_test(gaps_are_geometric),
        cmocka_unit_test(samples_at_their_corners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
