/* SPDX-License-Identifier: Apache-2.0
 * Goal: the machine's measured best is two numbers that a floor can be made of, and needs no
 * memory that it does not ask for. Method: signs and sizes, no more: how fast a machine is no
 * test can say. Memory ends at each allocation. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "failing_mem.h"
#include "num/kernels.h"
#include "num/speed.h"

static void two_rates_are_found(void **state)
{
    (void)state;
    onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    onus_speed s = {0};
    assert_int_equal(onus_pool_create(&ex.pool, 2, NULL, NULL), ONUS_OK);
    assert_int_equal(onus_speed_measure(&ex, &s, NULL, NULL), ONUS_OK);
    assert_true(isfinite(s.flops) && s.flops > 0);
    assert_true(isfinite(s.bytes) && s.bytes > 0);
    onus_pool_destroy(ex.pool);
}

static void memory_that_ends_is_said(void **state)
{
    (void)state;
    const onus_exec ex = {.k = onus_kernels_of(onus_isa_best())};
    for (int fail_at = 1; fail_at <= 2; fail_at++) {
        failing_mem m = {.fail_at = fail_at};
        const onus_allocator mem = failing_mem_allocator(&m);
        onus_speed s = {.flops = -7};
        onus_err err;
        assert_int_equal(onus_speed_measure(&ex, &s, &mem, &err), ONUS_NO_MEM);
        assert_true(s.flops == -7.0);
        assert_int_equal(m.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_rates_are_found),
        cmocka_unit_test(memory_that_ends_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
