/* SPDX-License-Identifier: Apache-2.0
 * Goal: memory that ends, overflows or is used again does no harm: allocator calls, arenas,
 * buffers with a limit. Method: an allocator that fails the Nth call, hands out rubbish and
 * counts what is live (failing_mem.h); sizes whose product wraps around. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "failing_mem.h"

static bool all_zero(const void *p, size_t n)
{
    const unsigned char *c = p;
    for (size_t i = 0; i < n; i++)
        if (c[i]) return false;
    return true;
}

/* A block that is written to shows in what the process has and had. */
static void the_process_tells_its_size(void **state)
{
    (void)state;
    enum { BLOCK = 64 << 20, SLACK = 4 << 20 };
    const int64_t before = onus_memory_now();
    char *p = onus_alloc(NULL, BLOCK, 1);
    assert_non_null(p);
    memset(p, 1, BLOCK);
    const int64_t now = onus_memory_now(), most = onus_memory_most();
    onus_free(NULL, p);
    assert_true(before > 0);
    assert_true(now >= before + BLOCK - SLACK);
    assert_true(most >= now - SLACK);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they keep what is freed */
    assert_true(onus_memory_now() <= now - BLOCK + SLACK);
#endif
    assert_true(onus_memory_most() >= most - SLACK); /* the system counts lazily */
}

/* ---- allocator --------------------------------------------------------------------------- */

static void sizes_that_wrap_are_refused(void **state)
{
    (void)state;
    size_t out = 7;
    assert_true(onus_mul_size(1u << 20, 1u << 20, &out));
    assert_int_equal(out, (size_t)1 << 40);
    assert_false(onus_mul_size(SIZE_MAX / 2 + 1, 2, &out));
    assert_null(onus_alloc(NULL, SIZE_MAX / 8 + 1, 8));
    assert_null(onus_alloc(NULL, SIZE_MAX, SIZE_MAX));
    char *p = onus_alloc(NULL, 4, 1);
    assert_non_null(p);
    assert_null(onus_resize(NULL, p, SIZE_MAX / 4 + 1, 8)); /* p stays */
    memcpy(p, "abc", 4);
    p = onus_resize(NULL, p, 100, 1);
    assert_string_equal(p, "abc");
    onus_free(NULL, p);
    onus_free(NULL, NULL);
}

static void blocks_are_zeroed_and_resizable(void **state)
{
    (void)state;
    failing_mem m = {.fail_at = 3};
    const onus_allocator mem = failing_mem_allocator(&m);
    unsigned char *p = onus_alloc(&mem, 10, 10); /* the allocator hands out 0xa5 */
    assert_true(all_zero(p, 100));
    p[99] = 42;
    p = onus_resize(&mem, p, 200, 1);
    assert_int_equal(p[99], 42);
    assert_null(onus_resize(&mem, p, 300, 1)); /* the third call fails: p stays */
    assert_int_equal(p[99], 42);
    char *none = onus_alloc(&mem, 0, 8); /* nothing is still a block */
    char *copy = onus_strdup(&mem, "five");
    assert_non_null(none);
    assert_string_equal(copy, "five");
    onus_free(&mem, p);
    onus_free(&mem, none);
    onus_free(&mem, copy);
    assert_int_equal(m.live, 0);
    assert_int_equal(m.live_bytes, 0);
}

/* Blocks that may stand on large pages, of sizes around whole ones: zero to the last byte,
 * theirs alone. */
static void large_blocks_are_zeroed(void **state)
{
    (void)state;
    for (int i = -1; i <= 1; i++) {
        const size_t n = ((size_t)16 << 20) + (size_t)(i + 1) * 4095;
        unsigned char *one = onus_alloc(NULL, n, 1), *two = onus_alloc(NULL, n, 1);
        assert_non_null(one);
        assert_non_null(two);
        assert_true(all_zero(one, n));
        memset(one, 0xa5, n);
        assert_true(all_zero(two, n));
        onus_free(NULL, one);
        assert_true(all_zero(two, n));
        onus_free(NULL, two);
    }
}

/* ---- arena ------------------------------------------------------------------------------- */

/* Every block starts at a multiple of 64, is zero, and overlaps no other; sizes around the
 * arena's block of 16 KiB. */
static void arena_hands_out_separate_zeroed_blocks(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 63, 64, 65, 0, 16383, 16384, 16385, 70000, 3, 1 << 20, 5};
    enum { N = sizeof sizes / sizeof *sizes };
    failing_mem m = {0};
    const onus_allocator mem = failing_mem_allocator(&m);
    onus_arena a;
    onus_arena_init(&a, &mem);
    for (int round = 0; round < 3; round++) {
        unsigned char *p[N];
        const long calls = m.calls;
        for (int i = 0; i < N; i++) {
            p[i] = onus_arena_alloc(&a, sizes[i], 1);
            assert_non_null(p[i]);
            assert_int_equal((uintptr_t)p[i] % ONUS_ALIGN, 0);
            assert_true(all_zero(p[i], sizes[i]));
            memset(p[i], i + 1, sizes[i]);
        }
        for (int i = 0; i < N; i++)
            for (size_t k = 0; k < sizes[i]; k++) assert_int_equal(p[i][k], i + 1);
        if (round) assert_int_equal(m.calls, calls); /* a reset keeps the memory */
        assert_true(a.used_bytes >= 1 << 20);
        onus_arena_reset(&a);
        assert_int_equal(a.used_bytes, 0);
    }
    onus_arena_release(&a);
    onus_arena_release(NULL);
    assert_int_equal(m.live, 0);
    onus_arena zero = {0};
    onus_arena_release(&zero);
}

static void arena_refuses_sizes_that_wrap(void **state)
{
    (void)state;
    onus_arena a;
    onus_arena_init(&a, NULL);
    assert_null(onus_arena_alloc(&a, SIZE_MAX, 1));
    assert_null(onus_arena_alloc(&a, SIZE_MAX - 64, 1));
    assert_null(onus_arena_alloc(&a, SIZE_MAX / 2, 3));
    assert_null(onus_arena_alloc(&a, SIZE_MAX - 4096, 1));
    assert_int_equal(a.used_bytes, 0);
    assert_non_null(onus_arena_alloc(&a, 1, 1)); /* and goes on */
    onus_arena_release(&a);
}

/* A reserved block holds exactly what was reserved, and nothing more is taken for it. */
static void arena_reserves_in_one_block(void **state)
{
    (void)state;
    failing_mem m = {0};
    const onus_allocator mem = failing_mem_allocator(&m);
    onus_arena a;
    onus_arena_init(&a, &mem);
    assert_non_null(onus_arena_alloc(&a, 100, 1));
    assert_true(onus_arena_reserve(&a, 640 << 10));
    const long calls = m.calls;
    assert_true(a.held_bytes <= (640 << 10) + (16 << 10));
    assert_true(onus_arena_reserve(&a, 640 << 10)); /* it is there */
    for (int i = 0; i < 10; i++) assert_non_null(onus_arena_alloc(&a, 64 << 10, 1));
    assert_int_equal(m.calls, calls);
    m.fail_at = calls + 1;
    assert_false(onus_arena_reserve(&a, 1));
    assert_false(onus_arena_reserve(&a, SIZE_MAX));
    onus_arena_release(&a);
    assert_int_equal(m.live, 0);
}

static void arena_texts(void **state)
{
    (void)state;
    onus_arena a;
    onus_arena_init(&a, NULL);
    char long_text[40000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_string_equal(onus_arena_strdup(&a, ""), "");
    assert_string_equal(onus_arena_strdup(&a, long_text), long_text);
    assert_string_equal(onus_arena_printf(&a, "%d-%s", 7, "y"), "7-y");
    assert_int_equal(strlen(onus_arena_printf(&a, "%s!", long_text)), sizeof long_text);
    onus_arena_release(&a);
}

static onus_status use_arena(const onus_allocator *mem, void *ctx, onus_err *err)
{
    (void)ctx;
    onus_arena a;
    onus_arena_init(&a, mem);
    onus_status st = ONUS_OK;
    for (int i = 0; i < 40 && st == ONUS_OK; i++)
        if (!onus_arena_alloc(&a, 3000 * (size_t)i, 1) || !onus_arena_printf(&a, "%d", i))
            st = onus_fail_mem(err, "arena");
    onus_arena_release(&a);
    return st;
}

static void arena_survives_the_end_of_memory(void **state)
{
    (void)state;
    assert_true(failing_mem_walk("arena", use_arena, NULL) > 5);
    /* a block that was refused may be asked for again */
    failing_mem m = {.fail_at = 1};
    const onus_allocator mem = failing_mem_allocator(&m);
    onus_arena a;
    onus_arena_init(&a, &mem);
    assert_null(onus_arena_alloc(&a, 8, 8));
    assert_int_equal(a.held_bytes, 0);
    assert_non_null(onus_arena_alloc(&a, 8, 8));
    onus_arena_release(&a);
    assert_int_equal(m.live, 0);
}

/* ---- buffer ------------------------------------------------------------------------------ */

static void buffer_grows_to_its_limit_and_no_further(void **state)
{
    (void)state;
    onus_err err;
    onus_buf b;
    onus_buf_init(&b, NULL, 10);
    onus_buf_str(&b, "01234");
    onus_buf_add(&b, "56789", 5);
    assert_int_equal(onus_buf_status(&b, "b", &err), ONUS_OK);
    assert_string_equal(b.data, "0123456789");
    onus_buf_add(&b, "", 0); /* nothing fits into a full one */
    assert_int_equal(b.st, ONUS_OK);
    onus_buf_str(&b, "x");
    assert_int_equal(onus_buf_status(&b, "the line", &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "the line"));
    assert_non_null(strstr(err.msg, "10"));
    assert_string_equal(b.data, "0123456789");
    onus_buf_printf(&b, "%d", 1); /* the first failure sticks */
    assert_int_equal(b.len, 10);
    onus_buf_clear(&b);
    onus_buf_printf(&b, "%05d%s", 42, "abcde");
    assert_int_equal(b.st, ONUS_OK);
    assert_string_equal(b.data, "00042abcde");
    onus_buf_printf(&b, "%s", "");
    assert_int_equal(b.st, ONUS_OK);
    onus_buf_add(&b, b.data, SIZE_MAX); /* a length that wraps */
    assert_int_equal(b.st, ONUS_BAD_INPUT);
    onus_buf_release(&b);
    onus_buf_release(&b);
    onus_buf_release(NULL);
    assert_null(b.data);
}

static void buffer_of_limit_zero(void **state)
{
    (void)state;
    onus_buf b;
    onus_buf_init(&b, NULL, 0);
    onus_buf_str(&b, "");
    assert_int_equal(b.st, ONUS_OK);
    assert_string_equal(b.data, "");
    onus_buf_str(&b, "x");
    assert_int_equal(b.st, ONUS_BAD_INPUT);
    onus_buf_release(&b);
}

static onus_status use_buffer(const onus_allocator *mem, void *ctx, onus_err *err)
{
    (void)ctx;
    onus_buf b;
    onus_buf_init(&b, mem, 1 << 20);
    for (int i = 0; i < 3000; i++) onus_buf_printf(&b, "%d,", i);
    onus_buf_add(&b, "end", 3);
    const onus_status st = onus_buf_status(&b, "buffer", err);
    onus_buf_release(&b);
    return st;
}

static void buffer_survives_the_end_of_memory(void **state)
{
    (void)state;
    assert_true(failing_mem_walk("buffer", use_buffer, NULL) > 5);
}

/* ---- errors ------------------------------------------------------------------------------ */

/* Every status of the public list has a text of its own (style 26: a test for each). */
static void every_status_has_a_text(void **state)
{
    (void)state;
#define X(name, code, text) assert_string_equal(onus_status_text(ONUS_##name), text);
    ONUS_STATUS_MAP(X)
#undef X
    assert_non_null(onus_status_text((onus_status)-999));
}

static void errors_are_one_line(void **state)
{
    (void)state;
    onus_err err;
    assert_int_equal(onus_fail(&err, ONUS_IO, "a\nb\tc\x1b[31m%s", "\r\x7f"), ONUS_IO);
    assert_string_equal(err.msg, "a?b?c?[31m??");
    assert_int_equal(err.code, ONUS_IO);
    assert_string_equal(err.hint, "");
    assert_int_equal(onus_hint(&err, ONUS_BAD_ARG, "try %d", 2), ONUS_IO);
    assert_string_equal(err.hint, "try 2");
    assert_int_equal(onus_fail(NULL, ONUS_IO, "x"), ONUS_IO);
    assert_int_equal(onus_hint(NULL, ONUS_BAD_ARG, "x"), ONUS_BAD_ARG);
    char big[5000];
    memset(big, 'y', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_int_equal(onus_fail(&err, ONUS_BAD_INPUT, "%s", big), ONUS_BAD_INPUT);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_process_tells_its_size),
        cmocka_unit_test(sizes_that_wrap_are_refused),
        cmocka_unit_test(blocks_are_zeroed_and_resizable),
        cmocka_unit_test(large_blocks_are_zeroed),
        cmocka_unit_test(arena_hands_out_separate_zeroed_blocks),
        cmocka_unit_test(arena_refuses_sizes_that_wrap),
        cmocka_unit_test(arena_reserves_in_one_block),
        cmocka_unit_test(arena_texts),
        cmocka_unit_test(arena_survives_the_end_of_memory),
        cmocka_unit_test(buffer_grows_to_its_limit_and_no_further),
        cmocka_unit_test(buffer_of_limit_zero),
        cmocka_unit_test(buffer_survives_the_end_of_memory),
        cmocka_unit_test(every_status_has_a_text),
        cmocka_unit_test(errors_are_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
