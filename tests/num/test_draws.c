/* SPDX-License-Identifier: Apache-2.0
 * Goal: public draws are what the contract says (item 9), and have the distributions that
 * training relies on; sealed ones: test_noise.c. Method: known answers (Random123's
 * kat_vectors), the counter's layout by hand, every draw again from its formula in glibc's
 * binary64; moments, tails, Kolmogorov-Smirnov, with limits of four or five deviations. */
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
#include "normal_law.h"

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

static void public_normals(void **state)
{
    (void)state;
    enum { N = 40000 };
    static float z[N], part[100];
    static double wide[N];
    onus_stream_normal(&stream, 0, N, 3.0, 0.5, z);
    onus_stream_normal(&stream, 777, 100, 3.0, 0.5, part);
    assert_memory_equal(part, z + 777, sizeof part);
    for (uint64_t i = 0; i < 2000; i++) {
        const double u0 = ((double)(word_by_hand(&stream, 2 * i) >> 8) + 1) / 16777216,
                     u1 = (double)(word_by_hand(&stream, 2 * i + 1) >> 8) / 16777216;
        const double want = 3 + 0.5 * sqrt(-2 * log(u0)) * cos(2 * M_PI * u1);
        assert_float_equal(z[i], want, 3e-7);
    }
    for (int i = 0; i < N; i++) wide[i] = z[i];
    looks_normal(wide, N, 3.0, 0.5);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(streams_are_laid_out_by_counter),
        cmocka_unit_test(public_normals),
        cmocka_unit_test(shuffle_sorts_by_draw),
        cmocka_unit_test(shuffles_are_fair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
