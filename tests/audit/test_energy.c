/* SPDX-License-Identifier: Apache-2.0
 * Goal: the meter reads the right counters, follows them when they wrap, never runs backwards,
 * and says honestly what it does not know; carbon is joules times a table that names its
 * source. Method: a directory of made-up counters, turned by hand. */
#include "auditing.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/carbon.h"
#include "audit/energy.h"
#include "audit/rapl.h"
#include "base/clock.h"

static char room[64];

static int make_room(void **state)
{
    (void)state;
    snprintf(room, sizeof room, "/tmp/onus-test-energy-XXXXXX");
    return mkdtemp(room) ? 0 : -1;
}

static int clear_room(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", room);
    return system(command);
}

static void put(const char *zone, const char *file, const char *content)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", room, zone);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%s/%s", room, zone, file);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(content, f);
    fclose(f);
}

static void put_zone(const char *zone, const char *name, const char *energy, const char *range)
{
    put(zone, "name", name);
    put(zone, "energy_uj", energy);
    if (range) put(zone, "max_energy_range_uj", range);
}

/* Two packages, one with memory of its own; cores and the whole platform would count twice. */
static void put_machine(void)
{
    put_zone("intel-rapl", "control", "5\n", NULL);
    put_zone("intel-rapl:0", "package-0\n", "1000000\n", "262143328850\n");
    put_zone("intel-rapl:0:0", "core\n", "7\n", "262143328850\n");
    put_zone("intel-rapl:0:1", "dram\n", "500000\n", "65712999613\n");
    put_zone("intel-rapl:1", "package-1\n", "99\n", "262143328850\n");
    put_zone("intel-rapl:2", "psys\n", "12345\n", "262143328850\n");
    put_zone("intel-rapl-mmio:0", "package-0\n", "1000000\n", "262143328850\n");
}

static void counters_are_summed_once(void **state)
{
    (void)state;
    onus_rapl r;
    put_machine();
    assert_true(onus_rapl_open(&r, room));
    assert_int_equal(r.n_zones, 3);
    onus_rapl_read(&r);
    assert_true(r.joules == 0);
    put("intel-rapl:0", "energy_uj", "3000000\n");   /* 2 J */
    put("intel-rapl:0:0", "energy_uj", "9000000\n"); /* in the package already */
    put("intel-rapl:0:1", "energy_uj", "750000\n");  /* 0.25 J */
    put("intel-rapl:1", "energy_uj", "1000099\n");   /* 1 J */
    put("intel-rapl:2", "energy_uj", "99000000\n");
    onus_rapl_read(&r);
    assert_float_equal(r.joules, 3.25, 1e-12);
    assert_false(r.lost);
}

static void counters_wrap(void **state)
{
    (void)state;
    onus_rapl r;
    put_machine();
    put("intel-rapl:1", "energy_uj", "262143000000\n");
    assert_true(onus_rapl_open(&r, room));
    put("intel-rapl:1", "energy_uj", "671150\n"); /* 328,850 to the end, 671,150 more: 1 J */
    onus_rapl_read(&r);
    assert_float_equal(r.joules, 1, 1e-12);
    assert_false(r.lost);
    /* backwards where nobody said at what it wraps: nothing is made up */
    put_zone("intel-rapl:1", "package-1\n", "500\n", "garbage\n");
    assert_true(onus_rapl_open(&r, room));
    put("intel-rapl:1", "energy_uj", "400\n");
    onus_rapl_read(&r);
    assert_true(r.joules == 0 && r.lost);
}

static void counters_that_cannot_be_read(void **state)
{
    (void)state;
    onus_rapl r;
    char path[256];
    assert_false(onus_rapl_open(&r, "/nowhere/at/all"));
    put_machine();
    put("intel-rapl:1", "energy_uj", "-5\n");
    put("intel-rapl:0:1", "energy_uj", "");
    assert_true(onus_rapl_open(&r, room));
    assert_int_equal(r.n_zones, 1);
    snprintf(path, sizeof path, "%s/intel-rapl:0/energy_uj", room);
    unlink(path);
    onus_rapl_read(&r);
    assert_true(r.lost && r.joules == 0);
    assert_false(onus_rapl_open(&r, room));
}

/* ---- the meter --------------------------------------------------------------------------- */

static void wait_ms(long ms)
{
    const struct timespec t = {.tv_nsec = ms * 1000000};
    nanosleep(&t, NULL);
}

static void meter_with_counters(void **state)
{
    (void)state;
    onus_meter *m;
    said s;
    onus_err err;
    put_machine();
    assert_int_equal(onus_meter_open_at(&m, room, "DE", NULL, &err), ONUS_OK);
    onus_meter_phase(m, "data");
    put("intel-rapl:0", "energy_uj", "5000000\n"); /* 4 J */
    const double read_s = onus_clock_s();
    onus_meter_phase(m, "train");
    put("intel-rapl:0", "energy_uj", "10000000\n"); /* 5 J */
    const double at_once = onus_meter_joules(m);    /* not read again within 0.2 s */
    assert_true(at_once == 4 || onus_clock_s() - read_s >= .2);
    wait_ms(220);
    assert_true(onus_meter_joules(m) == 9);
    onus_meter_phase(m, "data");
    put("intel-rapl:0", "energy_uj", "11000000\n"); /* 1 J more */
    const onus_sink sink = said_begin(&s);
    assert_int_equal(onus_meter_emit(m, 5e9, &sink, &err), ONUS_OK);
    near(&s, "energy.joules", 10, 1e-9);
    undefined(&s, "energy.joules.lower");
    reads(&s, "energy.joules.reason", "the counters' makers publish no error");
    reads(&s, "energy.method", "rapl");
    near(&s, "energy.phase.data.joules", 5, 1e-9);
    near(&s, "energy.phase.train.joules", 5, 1e-9);
    assert_true(number(&s, "energy.phase.train.seconds") >= .22);
    assert_true(number(&s, "energy.seconds") >= .22);
    near(&s, "energy.multiply_adds", 5e9, 0);
    near(&s, "carbon.grams", 10 * 381 / 3.6e6, 1e-12);
    near(&s, "carbon.intensity", 381, 0);
    near(&s, "carbon.year", 2023, 0);
    reads(&s, "carbon.region", "DE");
    near(&s, "sci.operational", 10 * 381 / 3.6e6,
         1e-12); /* (E I + M) / R, R one run, M unknown */
    undefined(&s, "sci");
    assert_non_null(strstr(text(&s, "sci.reason"), "not known"));
    for (int64_t i = 0; i < onus_facts_count(s.facts); i++)
        assert_true(onus_facts_at(s.facts, i)->observed); /* nothing a replay must find again */
    onus_facts_destroy(s.facts);
    onus_meter_close(m);
}

static volatile double sink_of_work;

static void meter_without_counters(void **state)
{
    (void)state;
    onus_meter *m;
    said s;
    assert_int_equal(onus_meter_open_at(&m, "/nowhere/at/all", "WORLD", NULL, NULL), ONUS_OK);
    onus_meter_phase(m, "work");
    double before = 0;
    for (int k = 0; k < 20; k++) {
        for (int i = 0; i < 1000000; i++) sink_of_work += i;
        const double now = onus_meter_joules(m);
        assert_true(now >= before);
        before = now;
    }
    const onus_sink sink = said_begin(&s);
    assert_int_equal(onus_meter_emit(m, 0, &sink, NULL), ONUS_OK);
    const double joules = number(&s, "energy.joules"), cpu = number(&s, "energy.cpu_seconds");
    assert_true(joules > 0);
    assert_true(joules == 6.5 * cpu); /* of one reading */
    near(&s, "energy.joules.lower", joules / 6.5 * 3.5, 1e-12);
    near(&s, "energy.joules.upper", joules / 6.5 * 12, 1e-12);
    near(&s, "energy.phase.work.joules", joules, joules * .1);
    assert_non_null(strstr(text(&s, "energy.source"), "cloudcarbonfootprint.org"));
    near(&s, "carbon.grams.upper", joules / 6.5 * 12 * 481 / 3.6e6, 1e-9);
    assert_null(onus_facts_find(s.facts, "energy.multiply_adds"));
    onus_facts_destroy(s.facts);
    onus_meter_close(m);
}

static void phases_have_limits(void **state)
{
    (void)state;
    onus_meter *m;
    said s;
    assert_int_equal(onus_meter_open_at(&m, "/nowhere/at/all", "FR", NULL, NULL), ONUS_OK);
    for (int i = 0; i < 40; i++) {
        char name[80];
        snprintf(name, sizeof name, "p%d", i);
        onus_meter_phase(m, name);
    }
    onus_meter_phase(m, "a name that is longer than any phase of a run has");
    onus_meter_phase(m, "p0");
    const onus_sink sink = said_begin(&s);
    assert_int_equal(onus_meter_emit(m, 0, &sink, NULL), ONUS_OK);
    assert_non_null(onus_facts_find(s.facts, "energy.phase.p15.joules"));
    assert_null(onus_facts_find(s.facts, "energy.phase.p16.joules"));
    onus_facts_destroy(s.facts);
    onus_meter_close(m);
    onus_meter_close(NULL);
}

/* ---- regions ----------------------------------------------------------------------------- */

/* Figures as Our World in Data prints them for 2023. */
static void regions(void **state)
{
    (void)state;
    static const struct {
        const char *region;
        double grams;
    } want[] = {{"FR", 56}, {"PL", 662}, {"SE", 41}, {"US", 369}, {"IN", 713}, {"NO", 30}};
    for (int i = 0; i < 6; i++) {
        assert_non_null(onus_grid_of(want[i].region));
        assert_true(onus_grid_of(want[i].region)->grams_per_kwh == want[i].grams);
    }
    onus_err err;
    onus_meter *m;
    assert_int_equal(onus_meter_open(&m, "Atlantis", NULL, &err), ONUS_BAD_INPUT);
    assert_non_null(strstr(err.msg, "'Atlantis'"));
    assert_non_null(strstr(err.hint, "WORLD"));
    assert_non_null(strstr(err.hint, " ZA"));
    assert_int_equal(onus_meter_open(&m, NULL, NULL, NULL), ONUS_BAD_INPUT);
    assert_null(onus_grid_of("de"));
    assert_null(onus_grid_of(NULL));
}

static onus_status use_meter(const onus_allocator *mem, void *ctx, onus_err *err)
{
    (void)ctx;
    onus_meter *m;
    onus_status st = onus_meter_open(&m, "DE", mem, err);
    if (st != ONUS_OK) return st;
    onus_meter_phase(m, "data");
    st = onus_meter_emit(m, 1, NULL, err);
    onus_meter_close(m);
    return st;
}

static void meters_survive_the_end_of_memory(void **state)
{
    (void)state;
    failing_mem_walk("energy meter", use_meter, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counters_are_summed_once, make_room, clear_room),
        cmocka_unit_test_setup_teardown(counters_wrap, make_room, clear_room),
        cmocka_unit_test_setup_teardown(counters_that_cannot_be_read, make_room, clear_room),
        cmocka_unit_test_setup_teardown(meter_with_counters, make_room, clear_room),
        cmocka_unit_test(meter_without_counters),
        cmocka_unit_test(phases_have_limits),
        cmocka_unit_test(regions),
        cmocka_unit_test(meters_survive_the_end_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
