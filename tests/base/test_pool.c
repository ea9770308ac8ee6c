/* SPDX-License-Identifier: Apache-2.0
 * Goal: work is cut up the same way whoever does it, every part runs once, and every thread
 * computes in the contract's floating-point mode. Method: 1, 2, 3 and 7 parts; a thread that
 * starts with flush-to-zero and another rounding, as a host built with -Ofast has them. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/fp.h"
#include "base/pool.h"
#include "failing_mem.h"

static const int sizes[] = {1, 2, 3, 7};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

/* ---- parts ------------------------------------------------------------------------------- */

typedef struct {
    atomic_int calls[ONUS_THREADS_MAX];
    int n_parts;
    pthread_t caller, first;
    int64_t n, grain, sum;
    atomic_llong total;
} work;

static void count(void *ctx, int part, int n_parts)
{
    work *w = ctx;
    atomic_fetch_add(&w->calls[part], 1);
    if (part == 0) {
        w->n_parts = n_parts;
        w->first = pthread_self();
    }
    int64_t begin, end, sum = 0;
    onus_split(w->n, w->grain, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) sum += i;
    atomic_fetch_add(&w->total, sum);
}

/* Many short calls in a row, as a training step makes them, with pauses in which workers fall
 * asleep and parks in which they must. */
static void every_part_runs_once(void **state)
{
    (void)state;
    for (int s = 0; s < N_SIZES; s++) {
        onus_pool *p = NULL;
        assert_int_equal(onus_pool_create(&p, sizes[s], NULL, NULL), ONUS_OK);
        assert_int_equal(onus_pool_size(p), sizes[s]);
        for (int round = 0; round < 300; round++) {
            static work w;
            memset(&w, 0, sizeof w);
            w.n = 1000 + round;
            w.grain = 1 + round % 17;
            onus_pool_run(p, count, &w);
            assert_int_equal(w.n_parts, sizes[s]);
            for (int i = 0; i < sizes[s]; i++) assert_int_equal(w.calls[i], 1);
            assert_true(pthread_equal(w.first, pthread_self())); /* part 0 is the caller's */
            assert_int_equal(w.total, w.n * (w.n - 1) / 2);
            if (round % 50 == 10) usleep(300);
            if (round % 50 == 20) onus_pool_park(p);
        }
        onus_pool_destroy(p);
    }
    static work w;
    memset(&w, 0, sizeof w);
    w.n = 10;
    w.grain = 1;
    onus_pool_run(NULL, count, &w); /* no pool: one part, here */
    assert_int_equal(w.n_parts, 1);
    assert_int_equal(w.total, 45);
    assert_int_equal(onus_pool_size(NULL), 1);
    onus_pool_destroy(NULL);
    onus_pool_park(NULL);
}

/* Ranges follow each other, cover all, start at multiples of the grain, and depend on nothing
 * else; none is longer than another by more than a grain. */
static void split_covers_all(void **state)
{
    (void)state;
    static const int64_t ns[] = {0, 1, 15, 16, 17, 1000, 4096, INT64_C(1) << 50};
    for (size_t a = 0; a < sizeof ns / sizeof *ns; a++)
        for (int64_t grain = 1; grain <= 64; grain = grain * 3 + 1)
            for (int n_parts = 1; n_parts <= ONUS_THREADS_MAX;
                 n_parts += n_parts < 9 ? 1 : 247) {
                int64_t at = 0, longest = 0, shortest = INT64_MAX;
                for (int part = 0; part < n_parts; part++) {
                    int64_t begin, end;
                    onus_split(ns[a], grain, part, n_parts, &begin, &end);
                    assert_true(begin == at && end >= begin && end <= ns[a]);
                    assert_true(begin % grain == 0 || begin == ns[a]);
                    at = end;
                    if (end - begin > longest) longest = end - begin;
                    if (end - begin < shortest) shortest = end - begin;
                }
                assert_true(at == ns[a]);
                assert_true(longest - shortest < 2 * grain);
            }
}

static void sizes_out_of_range_are_refused(void **state)
{
    (void)state;
    static const int bad[] = {0, -1, ONUS_THREADS_MAX + 1};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        onus_pool *p = NULL;
        onus_err err;
        assert_int_equal(onus_pool_create(&p, bad[i], NULL, &err), ONUS_BAD_ARG);
        assert_null(p);
        assert_non_null(strstr(err.msg, "256"));
    }
}

static onus_status make_pool(const onus_allocator *mem, void *ctx, onus_err *err)
{
    (void)ctx;
    onus_pool *p;
    const onus_status st = onus_pool_create(&p, 3, mem, err);
    if (st == ONUS_OK) onus_pool_destroy(p);
    return st;
}

static void pool_survives_the_end_of_memory(void **state)
{
    (void)state;
    failing_mem_walk("pool", make_pool, NULL);
}

/* ---- floating-point mode ----------------------------------------------------------------- */

#if defined(__x86_64__)
#include <immintrin.h>
static void spoil_mode(void)
{
    _mm_setcsr(_mm_getcsr() | 0x8040 |
               0x6000); /* flush to zero, denormals are zero, truncate */
}
#elif defined(__aarch64__)
static void spoil_mode(void)
{
    uint64_t v;
    __asm__ volatile("mrs %0, fpcr" : "=r"(v));
    __asm__ volatile("msr fpcr, %0" : : "r"(v | UINT64_C(1) << 24 | UINT64_C(3) << 22));
}
#endif

/* The smallest subnormal doubled, and 1 + 2^-24 + 2^-25, which rounds up to nearest only. */
static bool mode_is_right(void)
{
    volatile float tiny = 0x1p-149f, one = 1.0f, more = 0x1.8p-24f;
    return tiny + tiny == 0x1p-148f && one + more == 1.0f + 0x1p-23f && onus_fp_check();
}

static void look(void *ctx, int part, int n_parts)
{
    (void)n_parts;
    ((atomic_int *)ctx)[part] = mode_is_right() ? 1 : -1;
}

static const char *why;

static const char *what_is_wrong(atomic_int *seen)
{
    spoil_mode();
    if (mode_is_right()) return "the test does not spoil the mode";
    onus_pool *p;
    if (onus_pool_create(&p, 3, NULL, NULL) != ONUS_OK) return "no pool";
    onus_pool_run(p, look, seen);
    onus_pool_destroy(p);
    spoil_mode();
    if (onus_fp_check()) return "onus_fp_check sees nothing";
    onus_fp_set();
    return mode_is_right() ? NULL : "onus_fp_set does not help";
}

static void *host_thread(void *arg)
{
    why = what_is_wrong(arg);
    return NULL;
}

static void threads_compute_in_the_right_mode(void **state)
{
    (void)state;
    atomic_int seen[3] = {0};
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, host_thread, seen), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    if (why) fail_msg("%s", why);
    for (int i = 0; i < 3; i++) assert_int_equal(seen[i], 1);
    assert_true(mode_is_right()); /* this thread was never touched */
}

/* A NaN is stored as one NaN, in place too; everything else keeps its bits. */
static void one_nan_is_stored(void **state)
{
    (void)state;
    static const uint32_t in[] = {0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff, 0x7fffffff,
                                  0x7f800000, 0xff800000, 0x00000000, 0x80000000, 0x00000001,
                                  0x80000001, 0x3f800000, 0x7f7fffff};
    enum { N = sizeof in / sizeof *in };
    float x[N], y[N];
    memcpy(x, in, sizeof x);
    onus_fp_store(x, N, y);
    onus_fp_store(x, N, x);
    assert_memory_equal(x, y, sizeof x);
    for (int i = 0; i < N; i++) {
        uint32_t u;
        memcpy(&u, &y[i], sizeof u);
        assert_int_equal(u, i < 5 ? 0x7fc00000 : in[i]);
    }
}

/* ---- how many ---------------------------------------------------------------------------- */

static void threads_by_default(void **state)
{
    (void)state;
    static const struct {
        const char *said;
        int n; /* 0: refused */
    } rows[] = {{"1", 1},  {"7", 7},   {"256", 256}, {"257", 0}, {"0", 0},
                {"-1", 0}, {"two", 0}, {"2x", 0},    {" 2", 0},  {"+2", 0},
                {"2 ", 0}, {"1e1", 0}, {"0x10", 0},  {"2.0", 0}, {"99999999999999999999", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int n = -5;
        onus_err err;
        setenv("ONUS_THREADS", rows[i].said, 1);
        const onus_status st = onus_threads_default(&n, &err);
        if (rows[i].n) {
            assert_int_equal(st, ONUS_OK);
            assert_int_equal(n, rows[i].n);
        } else {
            if (st != ONUS_BAD_ARG) fail_msg("ONUS_THREADS='%s' was taken", rows[i].said);
            assert_int_equal(n, -5);
            assert_non_null(strstr(err.msg, "ONUS_THREADS"));
            assert_non_null(strstr(err.msg, rows[i].said));
        }
    }
    for (int empty = 0; empty < 2; empty++) {
        int n = 0;
        if (empty)
            setenv("ONUS_THREADS", "", 1);
        else
            unsetenv("ONUS_THREADS");
        assert_int_equal(onus_threads_default(&n, NULL), ONUS_OK);
        assert_true(n >= 1 && n <= ONUS_THREADS_MAX && n <= sysconf(_SC_NPROCESSORS_CONF));
    }
}

static void clocks_run_forward(void **state)
{
    (void)state;
    const double t = onus_clock_s(), cpu = onus_clock_cpu_s();
    usleep(2000);
    assert_true(onus_clock_s() - t >= 0.002 && onus_clock_s() - t < 60);
    assert_true(onus_clock_cpu_s() >= cpu);
    char utc[21];
    int year, month, day, hour, minute, second, used = 0;
    onus_clock_utc(utc);
    assert_int_equal(sscanf(utc, "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month, &day, &hour,
                            &minute, &second, &used),
                     6);
    assert_int_equal(used, 20);
    assert_true(year >= 2024 && month <= 12 && day <= 31 && hour <= 23 && minute <= 59);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_runs_once),
        cmocka_unit_test(split_covers_all),
        cmocka_unit_test(sizes_out_of_range_are_refused),
        cmocka_unit_test(pool_survives_the_end_of_memory),
        cmocka_unit_test(threads_compute_in_the_right_mode),
        cmocka_unit_test(one_nan_is_stored),
        cmocka_unit_test(threads_by_default),
        cmocka_unit_test(clocks_run_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
